/* SPDX-License-Identifier: MIT */
/* trace - `convene trace`: captures, or TSDUs as text, to what the ends of each connection say. */
#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <pcap/pcap.h>
#include <stdlib.h>
#include <string.h>

#include "cli/trace.h"

#define PORT 102u

struct link {
    struct link *later;
    struct watch_tcp *tcp;
    struct cvn_watch *watch;
    struct trace_at at;
    bool ours;  /* it carries TPKTs */
    bool other; /* it does not */
    bool told;
};

struct trace {
    const struct cli_options *o;
    struct trace_out out;
    struct link *first;
    struct link **last;
    unsigned links;
    uint64_t frames;
    uint64_t fragments;
    uint64_t bad;
    int type; /* link layer */
    bool no_memory;
};

static void end_name(char *text, size_t cap, const struct watch_address *a)
{
    char ip[INET6_ADDRSTRLEN] = "?";
    (void)inet_ntop(a->family == 6 ? AF_INET6 : AF_INET, a->ip, ip, sizeof ip);
    (void)snprintf(text, cap, a->family == 6 ? "[%s]:%u" : "%s:%u", ip, a->port);
}

static void tell_opened(struct trace *t, struct link *l)
{
    char a[64];
    char b[64];
    if (l->told)
        return;
    l->told = true;
    l->at.link = ++t->links;
    end_name(a, sizeof a, cvn_watch_tcp_end(l->tcp, 0));
    end_name(b, sizeof b, cvn_watch_tcp_end(l->tcp, 1));
    trace_opened(&t->out, &l->at, a, b, cvn_watch_tcp_midway(l->tcp));
}

static void events(struct trace *t, struct link *l)
{
    struct cvn_watch_event ev;
    while (cvn_watch_next(l->watch, &ev) == CVN_EVENT)
        trace_event(&t->out, &l->at, &ev);
}

static void octets(struct trace *t, struct link *l, unsigned side, const uint8_t *p, size_t n)
{
    struct cvn_watch_event ev;
    size_t done = 0;
    for (;;) {
        size_t used;
        int rc = cvn_watch_feed(l->watch, side, p + done, n - done, &used, &ev);
        done += used;
        if (rc == CVN_EVENT) {
            trace_event(&t->out, &l->at, &ev);
            continue;
        }
        t->no_memory = t->no_memory || rc == CVN_ENOMEM;
        return;
    }
}

/* Whether a connection carries TPKTs: by its port, or by how its first octets look. */
static bool is_ours(const struct trace *t, struct link *l, const struct watch_piece *piece)
{
    if (l->ours || l->other)
        return l->ours;
    uint16_t a = cvn_watch_tcp_end(l->tcp, 0)->port;
    uint16_t b = cvn_watch_tcp_end(l->tcp, 1)->port;
    if (t->o->port != 0) {
        l->ours = a == t->o->port || b == t->o->port;
        l->other = !l->ours;
        return l->ours;
    }
    if (piece->kind != WATCH_DATA)
        return false;
    int looks = cvn_watch_looks(piece->data, piece->n);
    l->ours = looks == 1 || (looks == -1 && piece->n > 0) || a == PORT || b == PORT;
    l->other = !l->ours && !cvn_watch_tcp_midway(l->tcp);
    return l->ours;
}

static void piece_taken(struct trace *t, struct link *l, unsigned side,
                        const struct watch_piece *piece)
{
    if (!is_ours(t, l, piece))
        return;
    tell_opened(t, l);
    switch (piece->kind) {
    case WATCH_DATA:
        octets(t, l, side, piece->data, piece->n);
        break;
    case WATCH_GAP:
        cvn_watch_gap(l->watch, side, piece->n);
        break;
    case WATCH_CLOSED:
    case WATCH_RESET:
        cvn_watch_closed(l->watch, side, piece->kind == WATCH_RESET);
        events(t, l);
        trace_ended(&t->out, &l->at, side, piece->kind == WATCH_RESET);
        break;
    }
    events(t, l);
}

static void pieces(struct trace *t, struct link *l, bool finish)
{
    struct watch_piece piece;
    for (unsigned side = 0; side < 2; side++) {
        while (cvn_watch_tcp_next(l->tcp, side, finish, &piece) == CVN_EVENT)
            piece_taken(t, l, side, &piece);
    }
}

static void link_drop(struct link *l)
{
    cvn_watch_tcp_free(l->tcp);
    cvn_watch_free(l->watch);
    free(l);
}

static struct link *link_new(struct trace *t, const struct watch_segment *s)
{
    struct cvn_watch_opts opts = {.tsdus = false};
    struct link *l = calloc(1, sizeof *l);
    if (l == NULL)
        return NULL;
    if (cvn_watch_tcp_new(&l->tcp, cvn_alloc_std(), s) != CVN_OK ||
        cvn_watch_new(&l->watch, &opts) != CVN_OK) {
        link_drop(l);
        return NULL;
    }
    *t->last = l;
    t->last = &l->later;
    return l;
}

/* The latest connection that has the segment. */
static struct link *link_of(struct trace *t, const struct watch_segment *s, unsigned *side)
{
    struct link *found = NULL;
    for (struct link *l = t->first; l != NULL; l = l->later) {
        int which = cvn_watch_tcp_side(l->tcp, s);
        if (which < 0)
            continue;
        found = l;
        *side = (unsigned)which;
    }
    return found;
}

static void packet(struct trace *t, uint64_t time_ns, const uint8_t *p, size_t n, size_t wire)
{
    struct watch_segment s;
    unsigned side = 0;
    t->frames++;
    enum watch_packet kind = cvn_watch_segment_of(t->type, p, n, wire, &s);
    t->fragments += kind == WATCH_PACKET_FRAGMENT;
    t->bad += kind == WATCH_PACKET_BAD;
    if (kind != WATCH_PACKET_TCP)
        return;
    struct link *l = link_of(t, &s, &side);
    if (l == NULL) {
        l = link_new(t, &s);
        if (l == NULL) {
            t->no_memory = true;
            return;
        }
        int which = cvn_watch_tcp_side(l->tcp, &s);
        side = which < 0 ? 0 : (unsigned)which;
    }
    l->at.time_ns = time_ns;
    l->at.frame = t->frames;
    if (l->other)
        return;
    if (cvn_watch_tcp_take(l->tcp, side, &s) != CVN_OK)
        t->no_memory = true;
    pieces(t, l, false);
}

static void finish(struct trace *t)
{
    while (t->first != NULL) {
        struct link *l = t->first;
        if (!l->other)
            pieces(t, l, true);
        t->first = l->later;
        link_drop(l);
    }
    t->last = &t->first;
}

/* --- captures --- */

static int read_capture(struct trace *t, FILE *f, const char *name)
{
    char why[PCAP_ERRBUF_SIZE] = "";
    struct pcap_pkthdr *h;
    const u_char *data;
    pcap_t *p = pcap_fopen_offline_with_tstamp_precision(f, PCAP_TSTAMP_PRECISION_NANO, why);
    if (p == NULL) {
        (void)fclose(f);
        cli_error(name, why, "it must be a pcap or pcapng file, or TSDUs as text");
        return EXIT_REFUSED_DATA;
    }
    t->type = pcap_datalink(p);
    int rc = 0;
    if (!cvn_watch_link_known(t->type)) {
        const char *type = pcap_datalink_val_to_name(t->type);
        (void)snprintf(why, sizeof why, "the link layer %s is not known", type ? type : "?");
        cli_error(name, why, "Ethernet, Linux cooked, loopback and raw IP are");
        rc = EXIT_REFUSED_DATA;
    }
    int got = 0;
    while (rc == 0 && (got = pcap_next_ex(p, &h, &data)) == 1) {
        packet(t, (uint64_t)h->ts.tv_sec * 1000000000u + (uint64_t)h->ts.tv_usec, data, h->caplen,
               h->len);
        (void)fflush(t->out.to); /* it may come live */
    }
    if (got == PCAP_ERROR) {
        cli_error(name, pcap_geterr(p), "what came before it is shown");
        rc = EXIT_REFUSED_DATA;
    }
    pcap_close(p);
    finish(t);
    return rc;
}

/* --- TSDUs as text --- */

/* Pairs of hexadecimal digits, blanks between them allowed. How many; -1: something else. */
static long digits_of(const char *text, uint8_t *out)
{
    long n = 0;
    for (; *text != '\0' && *text != '#'; text++) {
        char pair[3] = {text[0], text[1], '\0'};
        if (isspace((unsigned char)*text))
            continue;
        if (!isxdigit((unsigned char)pair[0]) || !isxdigit((unsigned char)pair[1]))
            return -1;
        out[n++] = (uint8_t)strtoul(pair, NULL, 16);
        text++;
    }
    return n;
}

static int text_line(struct trace *t, struct cvn_watch *w, const char *line)
{
    bool expedited = line[1] == '*';
    unsigned side = line[0] == '>' ? 0 : 1;
    struct cvn_watch_event ev;
    struct trace_at at = {.link = t->links, .frame = t->frames};
    uint8_t *octet = malloc(strlen(line) + 1);
    if (octet == NULL)
        return EXIT_INTERNAL;
    long n = digits_of(line + (expedited ? 2 : 1), octet);
    int rc = n < 0 ? EXIT_REFUSED_DATA : 0;
    if (n >= 0 && cvn_watch_tsdu(w, side, octet, (size_t)n, expedited) != CVN_OK)
        rc = EXIT_INTERNAL;
    while (cvn_watch_next(w, &ev) == CVN_EVENT)
        trace_event(&t->out, &at, &ev);
    free(octet);
    return rc;
}

static void text_close(struct trace *t, struct cvn_watch *w, unsigned side)
{
    struct cvn_watch_event ev;
    struct trace_at at = {.link = t->links, .frame = t->frames};
    if (w == NULL)
        return;
    cvn_watch_closed(w, side, false);
    while (cvn_watch_next(w, &ev) == CVN_EVENT)
        trace_event(&t->out, &at, &ev);
}

static int text_open(struct trace *t, struct cvn_watch **w, bool expedited)
{
    struct cvn_watch_opts opts = {.tsdus = true, .expedited = expedited};
    struct trace_at at = {.link = ++t->links, .frame = t->frames};
    cvn_watch_free(*w);
    *w = NULL;
    if (cvn_watch_new(w, &opts) != CVN_OK)
        return EXIT_INTERNAL;
    trace_opened(&t->out, &at, "a", "b", false);
    return 0;
}

static int text_taken(struct trace *t, struct cvn_watch **w, const char *line)
{
    if (strncmp(line, "= open", 6) == 0)
        return text_open(t, w, strncmp(line + 6, " expedited", 10) == 0);
    if (strncmp(line, "= close", 7) == 0) {
        text_close(t, *w, strchr(line + 7, '1') != NULL);
        return 0;
    }
    if (line[0] == '>' || line[0] == '<') {
        int rc = *w == NULL ? text_open(t, w, true) : 0;
        return rc != 0 ? rc : text_line(t, *w, line);
    }
    return line[0] == '#' || line[strspn(line, " \t\r\n")] == '\0' ? 0 : EXIT_REFUSED_DATA;
}

/* docs/TRACE.md, TSDUs as text */
static int read_text(struct trace *t, FILE *f, const char *name)
{
    struct cvn_watch *w = NULL;
    char *line = NULL;
    size_t cap = 0;
    int rc = 0;
    while (rc == 0 && getline(&line, &cap, f) >= 0) {
        t->frames++;
        rc = text_taken(t, &w, line);
        (void)fflush(t->out.to);
    }
    if (rc == EXIT_REFUSED_DATA) {
        char why[64];
        (void)snprintf(why, sizeof why, "line %" PRIu64 " is no TSDU", t->frames);
        cli_error(name, why,
                  "a line is > or <, then pairs of hexadecimal digits; or = open, = close");
    }
    free(line);
    cvn_watch_free(w);
    (void)fclose(f);
    return rc;
}

static int run(struct trace *t)
{
    const char *name = t->o->operands[0];
    bool standard = strcmp(name, "-") == 0;
    FILE *f = standard ? fdopen(0, "rb") : fopen(name, "rb");
    if (f == NULL) {
        cli_error(name, strerror(errno), NULL);
        return EXIT_NO_INPUT;
    }
    int c = getc(f);
    if (c == EOF) {
        cli_error(name, ferror(f) ? strerror(errno) : "it is empty", NULL);
        (void)fclose(f);
        return EXIT_REFUSED_DATA;
    }
    (void)ungetc(c, f);
    if (c == '>' || c == '<' || c == '#' || c == '=')
        return read_text(t, f, standard ? "standard input" : name);
    return read_capture(t, f, standard ? "standard input" : name);
}

static void summary(const struct trace *t)
{
    if (t->links == 0 && t->out.spdus == 0)
        cli_error(t->o->operands[0], "no connection in it carries TPKTs",
                  "--port names the port if it is not 102");
    if (t->fragments > 0)
        (void)fprintf(stderr, "convene: %" PRIu64 " fragments of IP packets were left out\n",
                      t->fragments);
    if (t->bad > 0)
        (void)fprintf(stderr, "convene: %" PRIu64 " packets could not be read\n", t->bad);
    if (t->no_memory)
        cli_error("trace", "no memory", "some of it was not followed");
}

static int write_svg(struct trace *t)
{
    int e = trace_svg_write(t->out.svg, t->o->svg);
    if (e == 0)
        return 0;
    cli_error(t->o->svg, strerror(e), NULL);
    return EXIT_LOCAL_IO;
}

int cli_trace(const struct cli_options *o)
{
    struct trace t = {.o = o};
    if (o->noperands != 1) {
        cli_error("trace", o->noperands == 0 ? "a file is missing" : "one file at a time",
                  "convene trace FILE, or - for standard input");
        return EXIT_USAGE;
    }
    t.last = &t.first;
    t.out = (struct trace_out){.to = stdout, .json = o->json, .show = (size_t)o->user_data};
    if (o->svg != NULL)
        t.out.svg = trace_svg_new();
    int rc = run(&t);
    summary(&t);
    if (o->svg != NULL && (rc == 0 || t.out.spdus > 0))
        rc = cli_worse(rc, write_svg(&t));
    trace_svg_free(t.out.svg);
    if (fflush(stdout) != 0 || ferror(stdout)) {
        cli_error("standard output", strerror(errno), NULL);
        return EXIT_LOCAL_IO;
    }
    if (rc == 0 && t.out.wrong > 0)
        rc = EXIT_PROTOCOL;
    return rc;
}
