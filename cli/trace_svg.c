/* SPDX-License-Identifier: MIT */
/*
 * trace_svg - the ladder diagram: time runs down, one line for each end, an arrow for each SPDU.
 * Activities are bands between the lines, synchronization points are marks across them; runs of
 * data that change nothing are folded. Colours follow the reader's scheme, light or dark.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cli/trace.h"

#define WIDTH  960
#define LEFT   300 /* the end a */
#define RIGHT  740 /* the end b */
#define MIDDLE ((LEFT + RIGHT) / 2)
#define HEAD   74 /* of a connection */
#define FOLD   4u /* runs of data from so many on are one arrow */

enum row_kind { ROW_LINK, ROW_SPDU, ROW_TPDU, ROW_FINDING, ROW_END };

/* What the drawing distinguishes. */
enum look { LOOK_DATA, LOOK_OPEN, LOOK_SYNC, LOOK_RESYNC, LOOK_TOKEN, LOOK_ACTIVITY, LOOK_ABORT };

struct row {
    enum row_kind kind;
    enum look look;
    unsigned link;
    unsigned side;
    uint64_t time_ns;
    unsigned state[2];
    enum cvn_spdu_type type;
    bool activity_end;
    bool expedited;
    bool wrong;
    bool note;
    uint32_t serial; /* CVN_SERIAL_NONE: none */
    uint64_t octets;
    unsigned count; /* folded */
    char name[8];
    char text[160];
    char more[160];
};

struct trace_svg {
    struct row *row;
    size_t n;
    size_t cap;
    bool no_memory;
};

struct trace_svg *trace_svg_new(void)
{
    return calloc(1, sizeof(struct trace_svg));
}

void trace_svg_free(struct trace_svg *g)
{
    if (g == NULL)
        return;
    free(g->row);
    free(g);
}

static struct row *add(struct trace_svg *g, enum row_kind kind, const struct trace_at *at)
{
    if (g->n == g->cap) {
        size_t cap = g->cap == 0 ? 64 : 2 * g->cap;
        struct row *more = realloc(g->row, cap * sizeof *more);
        if (more == NULL) {
            g->no_memory = true;
            return NULL;
        }
        g->row = more;
        g->cap = cap;
    }
    struct row *r = &g->row[g->n++];
    *r = (struct row){.kind = kind, .count = 1, .serial = CVN_SERIAL_NONE, .type = CVN_SPDU_TYPES};
    if (at != NULL) {
        r->link = at->link;
        r->time_ns = at->time_ns;
    }
    r->state[0] = r->state[1] = CVN_WATCH_STATE_UNKNOWN;
    return r;
}

void trace_svg_link(struct trace_svg *g, unsigned link, const char *a, const char *b)
{
    struct row *r = add(g, ROW_LINK, NULL);
    if (r == NULL)
        return;
    r->link = link;
    (void)snprintf(r->text, sizeof r->text, "%s", a);
    (void)snprintf(r->more, sizeof r->more, "%s", b);
}

static enum look look_of(enum cvn_spdu_type type)
{
    switch (type) {
    case CVN_SPDU_DT:
    case CVN_SPDU_EX:
    case CVN_SPDU_TD:
    case CVN_SPDU_CD:
    case CVN_SPDU_CDA:
        return LOOK_DATA;
    case CVN_SPDU_MIP:
    case CVN_SPDU_MIA:
    case CVN_SPDU_MAP:
    case CVN_SPDU_MAA:
        return LOOK_SYNC;
    case CVN_SPDU_RS:
    case CVN_SPDU_RA:
    case CVN_SPDU_PR:
        return LOOK_RESYNC;
    case CVN_SPDU_GT:
    case CVN_SPDU_PT:
    case CVN_SPDU_GTC:
    case CVN_SPDU_GTA:
        return LOOK_TOKEN;
    case CVN_SPDU_AS:
    case CVN_SPDU_AR:
    case CVN_SPDU_AI:
    case CVN_SPDU_AIA:
    case CVN_SPDU_AD:
    case CVN_SPDU_ADA:
    case CVN_SPDU_AE:
        return LOOK_ACTIVITY;
    case CVN_SPDU_AB:
    case CVN_SPDU_AA:
    case CVN_SPDU_RF:
    case CVN_SPDU_ER:
    case CVN_SPDU_ED:
    case CVN_SPDU_NF:
        return LOOK_ABORT;
    default:
        return LOOK_OPEN;
    }
}

static void describe_tokens(struct row *r, unsigned item)
{
    (void)snprintf(r->more, sizeof r->more, "%s%s%s%s", (item & CVN_TOKEN_DATA) != 0 ? " data" : "",
                   (item & CVN_TOKEN_MINOR) != 0 ? " minor" : "",
                   (item & CVN_TOKEN_MAJOR) != 0 ? " major" : "",
                   (item & CVN_TOKEN_RELEASE) != 0 ? " release" : "");
}

/* What is worth a word beside the name. */
static void describe(struct row *r, const struct cvn_watch_event *ev)
{
    struct cvn_spdu s = {.has = 0};
    struct cvn_spdu_fault fault;
    bool first = ev->known && cvn_spdu_category(ev->type) != 2;
    if (cvn_spdu_decode(&s, ev->raw.p, ev->raw.n, first, &fault) != CVN_OK)
        return;
    if ((s.has & CVN_HAS_SERIAL) != 0)
        r->serial = s.serial;
    else if ((s.has & CVN_HAS_INITIAL) != 0)
        r->serial = s.initial;
    if ((s.has & CVN_HAS_RESYNC) != 0 && s.resync <= CVN_RESYNC_SET) {
        static const char *const kind[] = {"restart", "abandon", "set"};
        (void)snprintf(r->more, sizeof r->more, " %s", kind[s.resync]);
    }
    if ((s.has & CVN_HAS_PREPARE) != 0) {
        static const char *const next[] = {"MAA", "RS", "RA", "AB"};
        (void)snprintf(r->more, sizeof r->more, " %s", next[(s.prepare - 1u) & 3]);
    }
    if ((s.has & CVN_HAS_TOKEN_ITEM) != 0)
        describe_tokens(r, s.token_item);
    if (s.activity.n > 0) {
        size_t at = (size_t)snprintf(r->more, sizeof r->more, " id ");
        for (size_t i = 0; i < s.activity.n && i < CVN_ACTIVITY_MAX; i++)
            at += (size_t)snprintf(r->more + at, sizeof r->more - at, "%02x", s.activity.p[i]);
    }
    if ((s.has & CVN_HAS_REASON) != 0)
        (void)snprintf(r->more, sizeof r->more, " reason %u", s.reason);
}

static void add_spdu(struct trace_svg *g, const struct trace_at *at,
                     const struct cvn_watch_event *ev)
{
    struct row *r = ev->header_only ? NULL : add(g, ROW_SPDU, at);
    if (r == NULL)
        return;
    r->side = ev->side;
    r->type = ev->type;
    r->look = ev->known ? look_of(ev->type) : LOOK_ABORT;
    r->activity_end = ev->activity_end;
    if (ev->activity_end)
        r->look = LOOK_ACTIVITY;
    r->expedited = ev->expedited;
    r->octets = ev->info_octets;
    r->state[0] = ev->state[0];
    r->state[1] = ev->state[1];
    (void)snprintf(r->name, sizeof r->name, "%s", trace_spdu_name(ev));
    if (ev->has_prim)
        (void)snprintf(r->text, sizeof r->text, "%s %s", cvn_x225_service_name(ev->service),
                       cvn_x225_type_name(ev->prim_type));
    describe(r, ev);
}

void trace_svg_event(struct trace_svg *g, const struct trace_at *at,
                     const struct cvn_watch_event *ev)
{
    struct row *r;
    if (ev->kind == CVN_WATCH_SPDU) {
        add_spdu(g, at, ev);
        return;
    }
    r = add(g, ev->kind == CVN_WATCH_TPDU ? ROW_TPDU : ROW_FINDING, at);
    if (r == NULL)
        return;
    r->side = ev->side;
    r->state[0] = ev->state[0];
    r->state[1] = ev->state[1];
    if (ev->kind == CVN_WATCH_TPDU) {
        (void)snprintf(r->name, sizeof r->name, "%s", trace_tpdu_name(ev->code));
        return;
    }
    r->wrong = ev->grade == CVN_WATCH_WRONG;
    r->note = ev->grade == CVN_WATCH_NOTE;
    (void)snprintf(r->text, sizeof r->text, "%s%s",
                   r->wrong || r->note ? "" : "tolerated: ", ev->what);
    (void)snprintf(r->more, sizeof r->more, "%s%s%s", ev->detail,
                   ev->detail[0] != '\0' && ev->clause != NULL ? ", " : "",
                   ev->clause != NULL ? ev->clause : "");
}

void trace_svg_end(struct trace_svg *g, const struct trace_at *at, unsigned side, bool reset)
{
    struct row *r = add(g, ROW_END, at);
    if (r == NULL)
        return;
    r->side = side;
    r->wrong = reset;
    (void)snprintf(r->text, sizeof r->text, "TCP %s", reset ? "reset" : "closed");
}

/* --- folding --- */

static bool plain(const struct row *r)
{
    return r->kind == ROW_SPDU && (r->type == CVN_SPDU_DT || r->type == CVN_SPDU_TD);
}

static bool joins(const struct row *a, const struct row *b)
{
    return plain(a) && plain(b) && a->link == b->link && a->side == b->side && a->type == b->type &&
           a->state[0] == b->state[0] && a->state[1] == b->state[1];
}

/* How many rows from i on are one arrow. */
static size_t run_of(const struct trace_svg *g, const size_t *order, size_t i)
{
    size_t n = 1;
    while (i + n < g->n && joins(&g->row[order[i]], &g->row[order[i + n]]))
        n++;
    return n >= FOLD ? n : 1;
}

/* Rows by connection, each connection's in their order. */
static size_t *order_of(const struct trace_svg *g)
{
    size_t *order = calloc(g->n + 1, sizeof *order);
    unsigned links = 0;
    size_t n = 0;
    if (order == NULL)
        return NULL;
    for (size_t i = 0; i < g->n; i++)
        links = g->row[i].link > links ? g->row[i].link : links;
    for (unsigned l = 0; l <= links; l++) {
        for (size_t i = 0; i < g->n; i++) {
            if (g->row[i].link == l)
                order[n++] = i;
        }
    }
    return order;
}

/* --- drawing --- */

struct pen {
    FILE *to;
    FILE *under; /* what lies below everything else */
    int y;
    int step;
    uint64_t start_ns;
    bool has_start;
    unsigned shown[2];  /* the states that stand there */
    int band;           /* where the activity at hand began; 0: none */
    int line;           /* where the lines of the connection began */
    char band_name[40]; /* its identifier */
    bool interrupted;
};

static void text_of(FILE *to, const char *s)
{
    for (; *s != '\0'; s++) {
        if (*s == '<')
            (void)fputs("&lt;", to);
        else if (*s == '>')
            (void)fputs("&gt;", to);
        else if (*s == '&')
            (void)fputs("&amp;", to);
        else if (*s == '"')
            (void)fputs("&quot;", to);
        else if ((unsigned char)*s >= 0x20)
            (void)fputc(*s, to);
    }
}

static void say(const struct pen *p, int x, int y, const char *class, const char *anchor,
                const char *s)
{
    (void)fprintf(p->to, "<text x=\"%d\" y=\"%d\" class=\"%s\" text-anchor=\"%s\">", x, y, class,
                  anchor);
    text_of(p->to, s);
    (void)fputs("</text>\n", p->to);
}

/* Light, dark. */
static const struct {
    const char *selector;
    const char *property;
    const char *value[2];
} colours[] = {
    {".paper,.box", "fill", {"#ffffff", "#12161d"}},
    {"text", "fill", {"#1c2330", "#e6eaf0"}},
    {".sub,.time,.state", "fill", {"#667085", "#97a3b6"}},
    {".life,.box", "stroke", {"#98a2b3", "#5b6678"}},
    {".halo", "stroke", {"#ffffff", "#12161d"}},
    {".band", "fill", {"#0e7490", "#38cde0"}},
    {".band", "stroke", {"#0e7490", "#38cde0"}},
    {".bandname", "fill", {"#0e7490", "#38cde0"}},
    {".bad", "fill", {"#fde8e8", "#4a1c1f"}},
    {".bad", "stroke", {"#c81e1e", "#ff8a8a"}},
    {".badtext", "fill", {"#c81e1e", "#ff8a8a"}},
    {".warn", "fill", {"#fdf3d7", "#3d3216"}},
    {".warn", "stroke", {"#92600a", "#f0c869"}},
    {".warntext", "fill", {"#92600a", "#f0c869"}},
};

static const char *const look_colours[][2] = {
    [LOOK_DATA] = {"#667085", "#97a3b6"},  [LOOK_OPEN] = {"#1d5fbf", "#6ea8fe"},
    [LOOK_SYNC] = {"#157f3d", "#4ade80"},  [LOOK_RESYNC] = {"#b45309", "#fbbf24"},
    [LOOK_TOKEN] = {"#7c3aed", "#c4a1ff"}, [LOOK_ACTIVITY] = {"#0e7490", "#38cde0"},
    [LOOK_ABORT] = {"#c81e1e", "#ff8a8a"},
};

static void scheme(FILE *to, unsigned dark)
{
    for (size_t i = 0; i < sizeof colours / sizeof colours[0]; i++)
        (void)fprintf(to, "%s{%s:%s}\n", colours[i].selector, colours[i].property,
                      colours[i].value[dark]);
    for (unsigned i = 0; i < sizeof look_colours / sizeof look_colours[0]; i++)
        (void)fprintf(to, ".l%u{stroke:%s}.h%u,.t%u{fill:%s}\n", i, look_colours[i][dark], i, i,
                      look_colours[i][dark]);
}

static void style(FILE *to)
{
    (void)fputs("<style>\n"
                "text{font-family:'DejaVu Sans','Helvetica Neue',Arial,sans-serif;font-size:11px}\n"
                ".time{font-size:10px}.state{font-size:10px;font-weight:bold}\n"
                ".end{font-weight:bold;font-size:13px}.bandname{font-size:10px}\n"
                ".life{stroke-width:2}.band{fill-opacity:.08;stroke-dasharray:3 3}\n"
                ".halo{paint-order:stroke;stroke-width:3px;stroke-linejoin:round}\n"
                ".halo tspan{font-weight:bold}.halo .sub{font-weight:normal}\n"
                ".badtext{font-weight:bold}.arrow{stroke-width:1.5}.strong{stroke-width:2.5}\n",
                to);
    scheme(to, 0);
    (void)fputs("@media(prefers-color-scheme:dark){\n", to);
    scheme(to, 1);
    (void)fputs("}\n</style>\n", to);
}

static void time_of(const struct pen *p, const struct row *r)
{
    char text[32];
    if (p->start_ns == 0) /* TSDUs as text have none */
        return;
    (void)snprintf(text, sizeof text, "%.6f", (double)(r->time_ns - p->start_ns) / 1e9);
    say(p, 92, p->y + 4, "time", "end", text);
}

/* A state is written where it changes. */
static void states(struct pen *p, const struct row *r)
{
    for (unsigned i = 0; i < 2; i++) {
        if (p->shown[i] == r->state[i])
            continue;
        p->shown[i] = r->state[i];
        say(p, i == 0 ? LEFT - 10 : RIGHT + 10, p->y + 4, "state", i == 0 ? "end" : "start",
            trace_state(r->state[i]));
    }
}

static void arrow(const struct pen *p, const struct row *r, unsigned look)
{
    int from = r->side == 0 ? LEFT : RIGHT;
    int to = r->side == 0 ? RIGHT : LEFT;
    int back = r->side == 0 ? -8 : 8;
    (void)fprintf(p->to,
                  "<line x1=\"%d\" y1=\"%d\" x2=\"%d\" y2=\"%d\" class=\"%s l%u\"%s/>"
                  "<path d=\"M%d %dl%d -4v8z\" class=\"h%u\"/>\n",
                  from, p->y, to + back / 2, p->y, look == LOOK_ABORT ? "strong" : "arrow", look,
                  r->expedited ? " stroke-dasharray=\"7 3\"" : "", to, p->y, back, look);
}

static void label(const struct pen *p, const struct row *r, uint64_t sum)
{
    char number[48] = "";
    char size[32];
    if (r->count > 1)
        (void)snprintf(number, sizeof number, " \303\227%u, %s", r->count,
                       cli_octets(size, sizeof size, sum));
    else if (r->serial != CVN_SERIAL_NONE)
        (void)snprintf(number, sizeof number, " #%" PRIu32, r->serial);
    else if (plain(r) || r->type == CVN_SPDU_EX)
        (void)snprintf(number, sizeof number, " %s", cli_octets(size, sizeof size, sum));
    (void)fprintf(p->to,
                  "<text x=\"%d\" y=\"%d\" text-anchor=\"middle\" class=\"halo\">"
                  "<tspan class=\"t%u\">%s</tspan>%s",
                  MIDDLE, p->y - 5, (unsigned)r->look, r->name, number);
    text_of(p->to, r->more);
    (void)fputs("<tspan class=\"sub\" dx=\"8\">", p->to);
    text_of(p->to, r->text);
    (void)fputs("</tspan></text>\n", p->to);
}

/* A point: a mark on both lines; a major one goes across. */
static void point(const struct pen *p, const struct row *r)
{
    bool minor = r->type == CVN_SPDU_MIP;
    if (!minor && r->type != CVN_SPDU_MAP && r->type != CVN_SPDU_AE)
        return;
    if (!minor)
        (void)fprintf(p->to,
                      "<rect x=\"%d\" y=\"%d\" width=\"%d\" height=\"3\" class=\"h%u\" "
                      "opacity=\"0.45\"/>\n",
                      LEFT, p->y + 2, RIGHT - LEFT, (unsigned)r->look);
    for (unsigned i = 0; i < 2; i++)
        (void)fprintf(p->to, "<path d=\"M%d %dl5 5l-5 5l-5 -5z\" class=\"h%u\"/>\n",
                      i == 0 ? LEFT : RIGHT, p->y - 5, (unsigned)r->look);
}

static void band_end(struct pen *p)
{
    if (p->band == 0)
        return;
    (void)fprintf(p->under,
                  "<rect x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" rx=\"4\" class=\"band\"/>\n",
                  LEFT - 70, p->band - 15, RIGHT - LEFT + 140, p->y - p->band + 22);
    say(p, RIGHT + 78, p->band - 5, "bandname", "start", p->band_name);
    p->band = 0;
}

/* Activities begin and end here. */
static void bands(struct pen *p, const struct row *r)
{
    if (r->kind == ROW_END || r->look == LOOK_ABORT) {
        if (r->kind == ROW_END || r->type == CVN_SPDU_AB)
            band_end(p);
        return;
    }
    if (r->type == CVN_SPDU_AS || r->type == CVN_SPDU_AR) {
        band_end(p);
        p->band = p->y;
        (void)snprintf(p->band_name, sizeof p->band_name, "activity%.30s", r->more + 3);
    } else if (r->type == CVN_SPDU_AIA || r->type == CVN_SPDU_ADA || r->activity_end) {
        band_end(p);
    }
}

static void remark(struct pen *p, const struct row *r)
{
    const char *class = r->wrong ? "bad" : r->note ? "box" : "warn";
    const char *text = r->wrong ? "badtext" : r->note ? "sub" : "warntext";
    char line[340];
    (void)snprintf(line, sizeof line, "%s%s%s%s", r->text, r->more[0] != '\0' ? " (" : "", r->more,
                   r->more[0] != '\0' ? ")" : "");
    int width = (int)(strlen(line) * 13 / 2) + 16;
    int x = r->side == 0 ? LEFT + 10 : RIGHT - 10 - width;
    if (x < 100)
        x = 100;
    (void)fprintf(p->to,
                  "<rect x=\"%d\" y=\"%d\" width=\"%d\" height=\"16\" rx=\"3\" class=\"%s\"/>\n", x,
                  p->y - 11, width, class);
    say(p, x + 8, p->y + 1, text, "start", line);
}

static void ends(struct pen *p, const struct row *r)
{
    static const int x[2] = {LEFT, RIGHT};
    char title[32];
    (void)snprintf(title, sizeof title, "connection %u", r->link);
    say(p, MIDDLE, p->y + 16, "sub", "middle", title);
    for (unsigned i = 0; i < 2; i++) {
        (void)fprintf(p->to,
                      "<rect x=\"%d\" y=\"%d\" width=\"200\" height=\"26\" rx=\"4\" "
                      "class=\"box\"/>\n",
                      x[i] - 100, p->y);
        say(p, x[i], p->y + 17, "end", "middle", i == 0 ? r->text : r->more);
    }
    p->line = p->y + 26;
    p->y += HEAD - 22;
    p->shown[0] = p->shown[1] = CVN_WATCH_STATE_UNKNOWN;
}

static void lines_end(struct pen *p)
{
    if (p->line == 0)
        return;
    band_end(p);
    for (unsigned i = 0; i < 2; i++)
        (void)fprintf(p->to, "<line x1=\"%d\" y1=\"%d\" x2=\"%d\" y2=\"%d\" class=\"life\"/>\n",
                      i == 0 ? LEFT : RIGHT, p->line, i == 0 ? LEFT : RIGHT, p->y - p->step / 2);
    p->line = 0;
}

static void draw(struct pen *p, struct row *r, uint64_t sum)
{
    if (r->kind == ROW_LINK) {
        lines_end(p);
        p->y += 20;
        ends(p, r);
        return;
    }
    if (!p->has_start) {
        p->start_ns = r->time_ns;
        p->has_start = true;
    }
    if (r->kind == ROW_FINDING) {
        remark(p, r);
        p->y += 24;
        return;
    }
    time_of(p, r);
    if (r->kind != ROW_END)
        states(p, r);
    if (r->kind == ROW_END) {
        say(p, r->side == 0 ? LEFT + 8 : RIGHT - 8, p->y + 4, r->wrong ? "badtext" : "sub",
            r->side == 0 ? "start" : "end", r->text);
    } else {
        if (r->kind == ROW_TPDU)
            r->look = LOOK_DATA;
        point(p, r);
        arrow(p, r, (unsigned)r->look);
        label(p, r, sum);
    }
    bands(p, r);
    p->y += p->step;
}

static void body(struct trace_svg *g, const size_t *order, struct pen *p)
{
    for (size_t i = 0; i < g->n;) {
        struct row *r = &g->row[order[i]];
        size_t n = run_of(g, order, i);
        uint64_t sum = 0;
        for (size_t k = 0; k < n; k++)
            sum += g->row[order[i + k]].octets;
        r->count = (unsigned)n;
        draw(p, r, sum);
        i += n;
    }
    lines_end(p);
}

static int write_file(const char *path, int height, const char *under, const char *text)
{
    FILE *f = fopen(path, "w");
    if (f == NULL)
        return errno;
    (void)fprintf(f,
                  "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" "
                  "viewBox=\"0 0 %d %d\">\n",
                  WIDTH, height, WIDTH, height);
    style(f);
    (void)fprintf(f, "<rect class=\"paper\" width=\"%d\" height=\"%d\"/>\n", WIDTH, height);
    (void)fprintf(f, "%s%s</svg>\n", under, text);
    bool bad = ferror(f) != 0;
    if (fclose(f) != 0 || bad)
        return errno != 0 ? errno : EIO;
    return 0;
}

int trace_svg_write(struct trace_svg *g, const char *path)
{
    char *text = NULL;
    char *under = NULL;
    size_t n = 0;
    size_t *order = g == NULL || g->no_memory ? NULL : order_of(g);
    struct pen p = {.y = 10, .to = open_memstream(&text, &n), .under = open_memstream(&under, &n)};
    int rc = ENOMEM;
    if (order != NULL && p.to != NULL && p.under != NULL) {
        p.step = g->n > 120 ? 22 : 26;
        body(g, order, &p);
        rc = 0;
    }
    if ((p.to != NULL && fclose(p.to) != 0) || (p.under != NULL && fclose(p.under) != 0))
        rc = ENOMEM;
    if (rc == 0)
        rc = write_file(path, p.y + 10, under, text);
    free(order);
    free(text);
    free(under);
    return rc;
}
