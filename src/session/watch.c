/* SPDX-License-Identifier: MIT */
/*
 * watch - see watch.h. TPKT, COTP and TSDUs of two directions; each SPDU as it stands, and then
 * what it does (watch_follow.h).
 *
 * Invariants
 *   W1  events wait in a queue while there are any, and no octet is taken: what they point at is in
 *       the buffers of a direction.
 *   W2  a direction that cannot be understood is deaf until octets come that look like a TPKT.
 */
#include "session/watch.h"

#include <string.h>

#include "proto/tpkt/tpkt.h"
#include "session/watch_follow.h"
#include "session/watch_lint.h"

#define TSDU_KEPT   (1u << 20)
#define INFO_KEPT   65536u
#define SSDU_MAX    (16u << 20)
#define TOLD_MAX    96u
#define EVENTS_MAX  4096u
#define LINK_OF_EOT 0x80u
#define SNAPPED     "user data are missing in the capture: zeros stand for them"

struct way {
    uint8_t *part; /* the TPKT that is coming */
    size_t part_len;
    size_t part_cap;
    uint8_t *tsdu;
    size_t tsdu_len; /* kept */
    size_t tsdu_cap;
    uint64_t tsdu_octets;
    unsigned tpdus;
    uint64_t tsdus;
    bool open;
    bool deaf;
    bool part_done; /* the TPKT has been told */
    bool closed;
    bool ended; /* DN, AB, RF or AA was sent */
    struct cvn_tsdu_in in;
    bool skips; /* a segment that does not begin its SSDU may come: nothing was seen before */
};

struct told {
    const char *what;
    unsigned side;
};

struct cvn_watch {
    const struct cvn_alloc *alloc;
    struct way way[2];
    struct follow *follow;
    struct cvn_watch_event *event;
    size_t nevents;
    size_t cap;
    size_t next;
    struct told told[TOLD_MAX];
    unsigned ntold;
    bool tsdus;
    bool no_memory;

    struct cvn_tpdu cr;
    bool cr_seen;
    unsigned cr_side;
    bool connected;
    unsigned tp_class;

    /* of the session connection */
    bool cn_seen;
    unsigned cn_side;
    struct watch_offer offer;
    uint16_t offer_max[2]; /* TSDU maxima: of the initiator's TSDUs, of the responder's */
    uint8_t options[2];    /* Protocol Options of each side */
};

/* --- events --- */

static struct cvn_watch_event *push(struct cvn_watch *w, enum cvn_watch_kind kind, unsigned side)
{
    static const struct cvn_watch_event none;
    if (w->nevents == w->cap) {
        size_t cap = w->cap == 0 ? 16 : 2 * w->cap;
        struct cvn_watch_event *more =
            w->nevents >= EVENTS_MAX
                ? NULL
                : cvn_resize(w->alloc, w->event, w->cap * sizeof *more, cap * sizeof *more);
        if (more == NULL) {
            w->no_memory = true;
            return NULL;
        }
        w->event = more;
        w->cap = cap;
    }
    struct cvn_watch_event *ev = &w->event[w->nevents++];
    *ev = none;
    ev->kind = kind;
    ev->side = side;
    ev->type = CVN_SPDU_TYPES;
    ev->state[0] = cvn_follow_state(w->follow, 0);
    ev->state[1] = cvn_follow_state(w->follow, 1);
    return ev;
}

/* What is tolerated is told once for each side. */
static bool told_before(struct cvn_watch *w, unsigned side, const char *what)
{
    for (unsigned i = 0; i < w->ntold; i++) {
        if (w->told[i].what == what && w->told[i].side == side)
            return true;
    }
    if (w->ntold < TOLD_MAX)
        w->told[w->ntold++] = (struct told){what, side};
    return false;
}

static struct cvn_watch_event *finding(struct cvn_watch *w, unsigned side,
                                       enum cvn_watch_grade grade, const char *what,
                                       const char *clause)
{
    if (grade == CVN_WATCH_TOLERATED && told_before(w, side, what))
        return NULL;
    struct cvn_watch_event *ev = push(w, CVN_WATCH_FINDING, side);
    if (ev == NULL)
        return NULL;
    ev->grade = strcmp(what, SNAPPED) == 0 ? CVN_WATCH_NOTE : grade; /* once, too */
    ev->what = what;
    ev->clause = clause;
    return ev;
}

static int pop(struct cvn_watch *w, struct cvn_watch_event *ev)
{
    if (w->next == w->nevents) {
        w->next = w->nevents = 0;
        return CVN_NONE;
    }
    *ev = w->event[w->next++];
    return CVN_EVENT;
}

/* --- memory --- */

static bool keep(struct cvn_watch *w, uint8_t **buf, size_t *len, size_t *cap, const uint8_t *p,
                 size_t n)
{
    if (*len + n > *cap) {
        size_t more = *cap == 0 ? 512 : *cap;
        while (more < *len + n)
            more *= 2;
        uint8_t *b = cvn_resize(w->alloc, *buf, *cap, more);
        if (b == NULL) {
            w->no_memory = true;
            return false;
        }
        *buf = b;
        *cap = more;
    }
    if (n > 0)
        memcpy(*buf + *len, p, n);
    *len += n;
    return true;
}

int cvn_watch_new(struct cvn_watch **out, const struct cvn_watch_opts *opts)
{
    const struct cvn_alloc *a = opts->alloc != NULL ? opts->alloc : cvn_alloc_std();
    struct cvn_watch *w = cvn_new(a, sizeof *w);
    if (w == NULL)
        return CVN_ENOMEM;
    w->alloc = a;
    w->tsdus = opts->tsdus;
    if (cvn_follow_new(&w->follow, a) != CVN_OK) {
        cvn_free(a, w, sizeof *w);
        return CVN_ENOMEM;
    }
    for (unsigned s = 0; s < 2; s++) {
        cvn_tsdu_in_init(&w->way[s].in, a, SSDU_MAX);
        w->way[s].in.version2 = true;
    }
    if (opts->tsdus)
        cvn_follow_up(w->follow, 0, opts->expedited);
    *out = w;
    return CVN_OK;
}

void cvn_watch_free(struct cvn_watch *w)
{
    if (w == NULL)
        return;
    for (unsigned s = 0; s < 2; s++) {
        cvn_free(w->alloc, w->way[s].part, w->way[s].part_cap);
        cvn_free(w->alloc, w->way[s].tsdu, w->way[s].tsdu_cap);
        cvn_tsdu_in_fini(&w->way[s].in);
    }
    cvn_follow_free(w->follow);
    cvn_free(w->alloc, w->event, w->cap * sizeof *w->event);
    cvn_free(w->alloc, w, sizeof *w);
}

/* --- the session connection --- */

/* keep: the side whose tracker is in use; 2: none. */
static void session_reset(struct cvn_watch *w, unsigned keep_side)
{
    w->cn_seen = false;
    w->offer.known = false;
    for (unsigned s = 0; s < 2; s++) {
        struct way *y = &w->way[s];
        if (s != keep_side)
            cvn_tsdu_in_fini(&y->in);
        y->in.version2 = true;
        y->in.segmented = false;
        y->in.extended = false;
        y->ended = false;
    }
}

static void note_CN(struct cvn_watch *w, unsigned side, const struct cvn_spdu *s)
{
    uint8_t versions = (s->has & CVN_HAS_VERSION) != 0 ? s->version : 1;
    session_reset(w, side);
    w->cn_seen = true;
    w->cn_side = side;
    w->offer = (struct watch_offer){
        .known = true,
        .units = (s->has & CVN_HAS_UNITS) != 0 ? s->units : (uint16_t)CVN_FU_DEFAULT,
        .versions = versions,
    };
    w->offer_max[0] = s->tsdu_max_initiator;
    w->offer_max[1] = s->tsdu_max_responder;
    w->options[side] = s->options;
    w->way[!side].in.extended = (s->options & 1u) != 0;
    w->way[0].in.version2 = w->way[1].in.version2 = (versions & 2u) != 0;
}

static uint16_t smaller(uint16_t a, uint16_t b)
{
    a = a < 64 ? 0 : a; /* makes no sense: none */
    b = b < 64 ? 0 : b;
    if (a == 0 || b == 0)
        return a == 0 ? b : a;
    return a < b ? a : b;
}

static void note_AC(struct cvn_watch *w, unsigned side, const struct cvn_spdu *s)
{
    uint8_t version = (s->has & CVN_HAS_VERSION) != 0 ? s->version : 1;
    struct way *initiator = &w->way[!side];
    struct way *responder = &w->way[side];
    initiator->in.version2 = responder->in.version2 = (version & 2u) != 0;
    initiator->in.segmented = smaller(w->offer_max[0], s->tsdu_max_initiator) != 0;
    responder->in.segmented = smaller(w->offer_max[1], s->tsdu_max_responder) != 0;
    w->options[side] = s->options;
    initiator->in.extended = (s->options & 1u) != 0;
}

static bool purges(enum cvn_spdu_type type)
{
    return type == CVN_SPDU_RS || type == CVN_SPDU_AI || type == CVN_SPDU_AD ||
           type == CVN_SPDU_ED || type == CVN_SPDU_ER || type == CVN_SPDU_AB;
}

static bool ends(enum cvn_spdu_type type)
{
    return type == CVN_SPDU_DN || type == CVN_SPDU_AB || type == CVN_SPDU_AA || type == CVN_SPDU_RF;
}

/* X.225 clause 7, by the SPDU. */
static const char *procedure(enum cvn_spdu_type type)
{
    static const char clauses[][12] = {
        [CVN_SPDU_GT] = "X.225 7.16",  [CVN_SPDU_PT] = "X.225 7.17",  [CVN_SPDU_EX] = "X.225 7.12",
        [CVN_SPDU_PR] = "X.225 7.26",  [CVN_SPDU_NF] = "X.225 7.8",   [CVN_SPDU_FN] = "X.225 7.6",
        [CVN_SPDU_DN] = "X.225 7.7",   [CVN_SPDU_RF] = "X.225 7.5",   [CVN_SPDU_CN] = "X.225 7.1",
        [CVN_SPDU_AC] = "X.225 7.4",   [CVN_SPDU_CDO] = "X.225 7.3",  [CVN_SPDU_OA] = "X.225 7.2",
        [CVN_SPDU_GTC] = "X.225 7.18", [CVN_SPDU_GTA] = "X.225 7.19", [CVN_SPDU_AB] = "X.225 7.9",
        [CVN_SPDU_AA] = "X.225 7.10",  [CVN_SPDU_ER] = "X.225 7.27",  [CVN_SPDU_DT] = "X.225 7.11",
        [CVN_SPDU_AI] = "X.225 7.31",  [CVN_SPDU_AIA] = "X.225 7.32", [CVN_SPDU_AR] = "X.225 7.30",
        [CVN_SPDU_TD] = "X.225 7.13",  [CVN_SPDU_RA] = "X.225 7.25",  [CVN_SPDU_MAP] = "X.225 7.22",
        [CVN_SPDU_AE] = "X.225 7.35",  [CVN_SPDU_MAA] = "X.225 7.23", [CVN_SPDU_AS] = "X.225 7.29",
        [CVN_SPDU_ED] = "X.225 7.28",  [CVN_SPDU_MIP] = "X.225 7.20", [CVN_SPDU_MIA] = "X.225 7.21",
        [CVN_SPDU_RS] = "X.225 7.24",  [CVN_SPDU_AD] = "X.225 7.33",  [CVN_SPDU_ADA] = "X.225 7.34",
        [CVN_SPDU_CD] = "X.225 7.14",  [CVN_SPDU_CDA] = "X.225 7.15"};
    return clauses[type];
}

static const char *why_wrong(int rc)
{
    switch (rc) {
    case CVN_ESERIAL:
        return "the serial number is not one that may be named now";
    case CVN_ETOKEN:
        return "it needs a token that this side has not";
    case CVN_EUNIT:
        return "its functional unit was not agreed";
    case CVN_ETOOBIG:
        return "more user data than the agreed version carries";
    case CVN_EINVAL:
        return "a parameter does not fit what was proposed or agreed";
    case CVN_EPROTO:
        return "PREPARE had to come first, on the expedited flow";
    case CVN_FULL:
        return "another SPDU was due first";
    default:
        return "not to be sent in this state";
    }
}

/* A whole text that fits: names are short. */
static void text_add(char *to, size_t cap, const char *s)
{
    size_t at = strlen(to);
    size_t n = strlen(s);
    if (n > cap - 1 - at)
        n = cap - 1 - at;
    memcpy(to + at, s, n);
    to[at + n] = '\0';
}

static void number_add(char *to, size_t cap, uint64_t v)
{
    char digits[24];
    size_t at = sizeof digits - 1;
    digits[at] = '\0';
    do
        digits[--at] = (char)('0' + v % 10);
    while ((v /= 10) > 0);
    text_add(to, cap, digits + at);
}

static void say_wrong(struct cvn_watch *w, unsigned side, const struct cvn_spdu *s,
                      const struct follow_said *said)
{
    struct cvn_watch_event *ev =
        finding(w, side, CVN_WATCH_WRONG, why_wrong(said->rc), procedure(s->type));
    if (ev == NULL)
        return;
    text_add(ev->detail, sizeof ev->detail, cvn_spdu_name(s->type));
    text_add(ev->detail, sizeof ev->detail, " in ");
    text_add(ev->detail, sizeof ev->detail, cvn_x225_state_name((enum cvn_x225_state)said->state));
    if (said->rc == CVN_ESERIAL && (s->has & CVN_HAS_SERIAL) != 0) {
        text_add(ev->detail, sizeof ev->detail, ", number ");
        number_add(ev->detail, sizeof ev->detail, s->serial);
        if (said->due != CVN_SERIAL_NONE && said->due != s->serial) {
            text_add(ev->detail, sizeof ev->detail, ", not ");
            number_add(ev->detail, sizeof ev->detail, said->due);
        }
    }
    if (said->rc == CVN_FULL && said->due_spdu < CVN_SPDU_TYPES) {
        text_add(ev->detail, sizeof ev->detail, ", after ");
        text_add(ev->detail, sizeof ev->detail, cvn_spdu_name((enum cvn_spdu_type)said->due_spdu));
    }
}

/* The display event an SPDU of the tracker belongs to. */
static struct cvn_watch_event *event_of(struct cvn_watch *w, size_t from, const struct cvn_spdu *s)
{
    for (size_t i = from; i < w->nevents; i++) {
        struct cvn_watch_event *ev = &w->event[i];
        if (ev->kind == CVN_WATCH_SPDU && ev->known && !ev->has_prim &&
            cvn_spdu_si(ev->type) == cvn_spdu_si(s->type) &&
            (cvn_spdu_category(ev->type) == cvn_spdu_category(s->type)))
            return ev;
    }
    return NULL;
}

static void note_spdu(struct cvn_watch *w, unsigned side, const struct cvn_spdu *s)
{
    if (s->type == CVN_SPDU_CN)
        note_CN(w, side, s);
    if (s->type == CVN_SPDU_AC)
        note_AC(w, side, s);
    if (purges(s->type))
        cvn_tsdu_in_purge(&w->way[!side].in);
    if (ends(s->type))
        w->way[side].ended = true;
}

/* One SPDU of the tracker: what it does. */
static void act(struct cvn_watch *w, unsigned side, const struct cvn_tsdu_event *te, bool expedited,
                size_t from)
{
    struct follow_said said;
    const struct cvn_spdu *s = &te->spdu;
    if (!te->begin)
        return;
    cvn_follow_spdu(w->follow, side, te, expedited, &said);
    if (said.verdict == FOLLOW_WRONG)
        w->cn_seen = false; /* how TSDUs are cut and joined may be another matter from here on */
    else
        note_spdu(w, side, s);
    struct cvn_watch_event *ev = event_of(w, from, s);
    if (ev != NULL && said.verdict == FOLLOW_LEGAL) {
        ev->has_prim = said.has_prim;
        ev->service = said.service;
        ev->prim_type = said.type;
        ev->by_provider = said.by_provider;
        ev->activity_end = said.activity_end;
    }
    if (said.verdict == FOLLOW_WRONG)
        say_wrong(w, side, s, &said);
    if (said.verdict == FOLLOW_LOST)
        (void)finding(w, side, CVN_WATCH_NOTE,
                      "too much is under way to follow: no judgement until the next CN", NULL);
}

/* The TSDU through the tracker of its direction, as its receiver would. */
static void track(struct cvn_watch *w, unsigned side, struct cvn_octets tsdu, bool expedited,
                  size_t from)
{
    struct way *y = &w->way[side];
    size_t done = 0;
    for (;;) {
        struct cvn_tsdu_event te;
        struct cvn_spdu_fault fault;
        size_t used = 0;
        te.raw = NULL;
        te.raw_len = 0;
        int rc = cvn_tsdu_in_feed(&y->in, done == tsdu.n ? NULL : tsdu.p + done, tsdu.n - done,
                                  done == 0, true, expedited, &used, &te, &fault);
        done += used;
        if (rc == CVN_EVENT) {
            act(w, side, &te, expedited, from);
            continue;
        }
        if (rc == CVN_ENOMEM)
            w->no_memory = true;
        if (rc == CVN_EPROTO && w->cn_seen) {
            (void)finding(w, side, CVN_WATCH_WRONG, fault.why, NULL);
            cvn_follow_lose(w->follow);
        }
        return;
    }
}

/* AB without what it must have (Wildboar: 19 00): it aborts all the same. */
static bool poor_abort(struct cvn_watch *w, unsigned side, struct cvn_octets tsdu, bool expedited,
                       size_t from)
{
    struct cvn_tsdu_event te;
    struct cvn_rd rd = cvn_rd_init(tsdu.p, tsdu.n);
    if (cvn_rd_u8(&rd) != 25 || cvn_rd_u8(&rd) != 0 || cvn_rd_left(&rd) != 0)
        return false;
    memset(&te, 0, sizeof te);
    cvn_spdu_init(&te.spdu, CVN_SPDU_AB);
    te.spdu.has = CVN_HAS_DISCONNECT;
    te.spdu.disconnect = CVN_TD_RELEASED | CVN_TD_USER;
    te.begin = te.end = true;
    (void)finding(w, side, CVN_WATCH_TOLERATED, "AB without Transport Disconnect", "X.225 8.3.9");
    act(w, side, &te, expedited, from);
    return true;
}

static void show_information(const struct way *y, struct cvn_watch_event *ev,
                             const struct cvn_rd *rd)
{
    ev->info = (struct cvn_octets){rd->at, cvn_rd_left(rd)};
    ev->info_octets = y->tsdu_octets - (y->tsdu_len - ev->info.n);
    if (ev->info.n > INFO_KEPT)
        ev->info.n = INFO_KEPT;
}

/* s NULL: it could not be decoded. Once CN was seen the tracker says why. */
static void judge_one(struct cvn_watch *w, unsigned side, struct cvn_octets raw,
                      const struct cvn_spdu *s, const char *why)
{
    struct watch_said said[WATCH_LINT_MAX];
    if (s == NULL && !w->cn_seen)
        (void)finding(w, side, CVN_WATCH_WRONG, why, NULL);
    if (s == NULL)
        return;
    size_t n = cvn_watch_lint(raw, s, w->way[side].in.segmented, &w->offer, said);
    for (size_t i = 0; i < n; i++)
        (void)finding(w, side, CVN_WATCH_TOLERATED, said[i].what, said[i].clause);
}

/* One SPDU as it stands. False: what follows cannot be told from it. */
static bool show_one(struct cvn_watch *w, unsigned side, struct cvn_rd *rd, bool first,
                     bool expedited)
{
    struct way *y = &w->way[side];
    struct cvn_spdu s = {.type = CVN_SPDU_TYPES}; /* the decoder sets it if the SI is known */
    struct cvn_spdu_fault fault = {.why = NULL};
    size_t left = cvn_rd_left(rd);
    size_t n = cvn_spdu_header_length(rd->at, left);
    bool whole = n > 0 && n <= left;
    struct cvn_octets raw = {rd->at, whole ? n : left};
    struct cvn_watch_event *ev = push(w, CVN_WATCH_SPDU, side);
    int rc = cvn_spdu_decode(&s, raw.p, raw.n, first, &fault);
    (void)cvn_rd_bytes(rd, raw.n);
    if (ev == NULL)
        return false;
    size_t at = (size_t)(ev - w->event);
    ev->raw = raw;
    ev->known = s.type != CVN_SPDU_TYPES;
    ev->type = s.type;
    ev->expedited = expedited;
    ev->tsdu = y->tsdus;
    ev->tsdu_octets = y->tsdu_octets;
    ev->tpdus = y->tpdus;
    ev->header_only = first && whole && n == 2 && cvn_rd_left(rd) > 0 && ev->known &&
                      cvn_spdu_category(s.type) == 0;
    bool info = ev->known && cvn_spdu_has_information(s.type);
    if (info)
        show_information(y, ev, rd);
    judge_one(w, side, raw, rc == CVN_OK ? &s : NULL, fault.why);
    w->event[at].cut = !whole;
    return whole && !info && s.type != CVN_SPDU_TYPES;
}

/* A TSDU has ended. */
static void tsdu_end(struct cvn_watch *w, unsigned side, struct cvn_octets tsdu, bool expedited)
{
    size_t from = w->nevents;
    struct cvn_rd rd = cvn_rd_init(tsdu.p, tsdu.n);
    bool first = true;
    w->way[side].tsdus++;
    while (cvn_rd_left(&rd) > 0 && show_one(w, side, &rd, first, expedited))
        first = false;
    if (!poor_abort(w, side, tsdu, expedited, from))
        track(w, side, tsdu, expedited, from);
    for (size_t i = from; i < w->nevents; i++) {
        w->event[i].state[0] = cvn_follow_state(w->follow, 0);
        w->event[i].state[1] = cvn_follow_state(w->follow, 1);
    }
}

/* --- TPDUs --- */

static void data_tpdu(struct cvn_watch *w, unsigned side, struct cvn_octets data, bool end)
{
    struct way *y = &w->way[side];
    if (!y->open) {
        y->open = true;
        y->tsdu_len = 0;
        y->tsdu_octets = 0;
        y->tpdus = 0;
    }
    size_t n = data.n;
    if (n > TSDU_KEPT - y->tsdu_len)
        n = TSDU_KEPT - y->tsdu_len;
    if (!keep(w, &y->tsdu, &y->tsdu_len, &y->tsdu_cap, data.p, n)) {
        y->open = false;
        cvn_follow_lose(w->follow);
        return;
    }
    y->tsdu_octets += data.n;
    y->tpdus++;
    if (!end)
        return;
    y->open = false;
    tsdu_end(w, side, (struct cvn_octets){y->tsdu, y->tsdu_len}, false);
}

static void expedited_tpdu(struct cvn_watch *w, unsigned side, struct cvn_octets data)
{
    struct way *y = &w->way[side];
    struct way normal = *y; /* ED may come between the DTs of a TSDU */
    y->tsdu_octets = data.n;
    y->tsdu_len = data.n;
    y->tpdus = 1;
    tsdu_end(w, side, data, true);
    y->tsdu_octets = normal.tsdu_octets;
    y->tsdu_len = normal.tsdu_len;
    y->tpdus = normal.tpdus;
}

static void judge_CC(struct cvn_watch *w, unsigned side, const struct cvn_tpdu *t)
{
    bool ours = w->cr_seen && w->cr_side != side;
    bool expedited = ours && (w->cr.options & t->options & CVN_TPDU_EXPEDITED) != 0;
    if (ours && ((t->size != 0 && w->cr.size == 0) || (t->units != 0 && w->cr.units == 0)))
        (void)finding(w, side, CVN_WATCH_TOLERATED, "CC names a TPDU size that was not proposed",
                      "X.224 6.5.4");
    if (ours && t->size > w->cr.size && w->cr.size != 0)
        (void)finding(w, side, CVN_WATCH_TOLERATED, "CC names a TPDU size over the proposed one",
                      "X.224 6.5.4");
    w->connected = true;
    w->tp_class = t->class_id;
    cvn_follow_up(w->follow, !side, expedited);
}

static void judge_DR(struct cvn_watch *w, unsigned side)
{
    if (w->connected && w->tp_class == 0)
        (void)finding(w, side, CVN_WATCH_TOLERATED,
                      "DR on an open connection of class 0, which is ended by closing TCP",
                      "X.224 6.7.4");
    cvn_follow_down(w->follow);
    w->connected = false;
}

static void control_tpdu(struct cvn_watch *w, unsigned side, struct cvn_octets tpdu, uint8_t code)
{
    struct cvn_tpdu_fault fault;
    struct cvn_tpdu t;
    memset(&t, 0, sizeof t);
    struct cvn_watch_event *ev = push(w, CVN_WATCH_TPDU, side);
    if (ev == NULL)
        return;
    ev->code = code;
    ev->raw = tpdu;
    if (code != CVN_TPDU_CR && code != CVN_TPDU_CC && code != CVN_TPDU_DR && code != CVN_TPDU_ER)
        return; /* class 2: AK, EA, DC */
    int rc = cvn_tpdu_decode(tpdu, &t, &fault);
    ev->decoded = rc == CVN_OK;
    ev->tpdu = t;
    if (rc != CVN_OK) {
        (void)finding(w, side, CVN_WATCH_WRONG, fault.why, NULL);
        return;
    }
    if (code == CVN_TPDU_CR) {
        if (t.class_id == 0 && t.size > 11)
            (void)finding(w, side, CVN_WATCH_TOLERATED,
                          "a TPDU size over 2048 is proposed for class 0", "X.224 13.3.4");
        w->cr = t;
        w->cr.calling = w->cr.called = w->cr.data = (struct cvn_octets){NULL, 0};
        w->cr_seen = true;
        w->cr_side = side;
    } else if (code == CVN_TPDU_CC) {
        judge_CC(w, side, &t);
    } else if (code == CVN_TPDU_DR) {
        judge_DR(w, side);
    }
}

static bool takes_all(uint8_t code)
{
    return code == CVN_TPDU_DT || code == CVN_TPDU_ED || code == CVN_TPDU_CR ||
           code == CVN_TPDU_CC || code == CVN_TPDU_DR || code == CVN_TPDU_ER;
}

/* DT, ED: class 2 has DST-REF before the number. */
static void numbered_tpdu(struct cvn_watch *w, unsigned side, struct cvn_octets tpdu, uint8_t code,
                          size_t li)
{
    struct cvn_rd rd = cvn_rd_init(tpdu.p, tpdu.n);
    cvn_rd_skip(&rd, li >= 4 ? 4 : 2);
    bool end = (cvn_rd_u8(&rd) & LINK_OF_EOT) != 0;
    rd = cvn_rd_init(tpdu.p, tpdu.n);
    cvn_rd_skip(&rd, li + 1);
    struct cvn_octets data = {rd.at, cvn_rd_left(&rd)};
    if (code == CVN_TPDU_DT) {
        data_tpdu(w, side, data, end);
        return;
    }
    if (!end)
        (void)finding(w, side, CVN_WATCH_TOLERATED, "ED without EOT", "X.224 13.8");
    expedited_tpdu(w, side, data);
}

/* What is in a TPKT: one TPDU, in class 2 perhaps with others before it. */
static void packet(struct cvn_watch *w, unsigned side, struct cvn_octets o)
{
    struct cvn_rd rd = cvn_rd_init(o.p, o.n);
    while (cvn_rd_left(&rd) > 0) {
        struct cvn_octets rest = {rd.at, cvn_rd_left(&rd)};
        size_t li = cvn_rd_u8(&rd);
        uint8_t code = cvn_rd_u8(&rd) & 0xf0u;
        if (rd.bad || li < 2 || li == 255 || li + 1 > rest.n) {
            (void)finding(w, side, CVN_WATCH_WRONG, "the length of a TPDU is wrong",
                          "X.224 13.2.1");
            return;
        }
        if (code == CVN_TPDU_DT || code == CVN_TPDU_ED) {
            numbered_tpdu(w, side, rest, code, li);
            return;
        }
        if (!takes_all(code)) {
            cvn_rd_skip(&rd, li - 1);
            rest.n = li + 1;
        }
        control_tpdu(w, side, rest, code);
        if (takes_all(code))
            return;
    }
}

/* --- streams --- */

int cvn_watch_looks(const uint8_t *in, size_t len)
{
    struct cvn_rd rd = cvn_rd_init(in, len);
    if (len < 6)
        return len > 0 && cvn_rd_u8(&rd) != 3 ? 0 : -1;
    const uint8_t *header = cvn_rd_bytes(&rd, CVN_TPKT_HEADER);
    uint32_t n = cvn_tpkt_length(header);
    uint8_t li = cvn_rd_u8(&rd);
    uint8_t code = cvn_rd_u8(&rd) & 0xf0u;
    if (n == 0 || li < 2 || li == 255 || li + 1u + CVN_TPKT_HEADER > n)
        return 0;
    switch (code) {
    case CVN_TPDU_CR:
    case CVN_TPDU_CC:
    case CVN_TPDU_DR:
        return li >= 6;
    case CVN_TPDU_DT:
    case CVN_TPDU_ED:
        return li == 2 || li == 4 || li == 7;
    case CVN_TPDU_ER:
    case CVN_TPDU_AK:
    case CVN_TPDU_EA:
    case CVN_TPDU_DC:
        return li >= 4;
    default:
        return 0;
    }
}

static void deafen(struct cvn_watch *w, unsigned side)
{
    struct way *y = &w->way[side];
    y->deaf = true;
    y->part_len = 0;
    y->open = false;
    cvn_tsdu_in_fini(&y->in);
    cvn_follow_lose(w->follow);
}

/* Takes octets until a TPKT is whole. */
static void take(struct cvn_watch *w, unsigned side, const uint8_t *in, size_t len, size_t *used)
{
    struct way *y = &w->way[side];
    if (y->part_done) {
        y->part_done = false;
        y->part_len = 0;
    }
    size_t want = CVN_TPKT_HEADER;
    if (y->part_len >= CVN_TPKT_HEADER)
        want = cvn_tpkt_length(y->part);
    size_t n = want - y->part_len < len - *used ? want - y->part_len : len - *used;
    if (!keep(w, &y->part, &y->part_len, &y->part_cap, in + *used, n)) {
        *used = len;
        deafen(w, side);
        return;
    }
    *used += n;
    if (y->part_len != want)
        return;
    if (want == CVN_TPKT_HEADER) {
        if (cvn_tpkt_length(y->part) == 0) {
            (void)finding(w, side, CVN_WATCH_WRONG, "no TPKT stands where one must begin",
                          "RFC 1006 6");
            deafen(w, side);
            *used = len;
        }
        return;
    }
    y->part_done = true;
    packet(w, side, (struct cvn_octets){y->part + CVN_TPKT_HEADER, want - CVN_TPKT_HEADER});
}

int cvn_watch_feed(struct cvn_watch *w, unsigned side, const uint8_t *in, size_t len, size_t *used,
                   struct cvn_watch_event *ev)
{
    struct way *y = &w->way[side];
    *used = 0;
    for (;;) {
        if (pop(w, ev) == CVN_EVENT)
            return CVN_EVENT; /* W1 */
        if (*used == len)
            break;
        if (y->deaf) {
            y->deaf = cvn_watch_looks(in + *used, len - *used) != 1; /* W2 */
            if (y->deaf)
                *used = len;
            continue;
        }
        take(w, side, in, len, used);
    }
    if (w->no_memory) {
        w->no_memory = false;
        cvn_follow_lose(w->follow);
        return CVN_ENOMEM;
    }
    return CVN_MORE;
}

int cvn_watch_tsdu(struct cvn_watch *w, unsigned side, const uint8_t *in, size_t len,
                   bool expedited)
{
    struct way *y = &w->way[side];
    y->tsdu_len = 0;
    y->tsdu_octets = len;
    y->tpdus = 1;
    if (!keep(w, &y->tsdu, &y->tsdu_len, &y->tsdu_cap, in, len < TSDU_KEPT ? len : TSDU_KEPT)) {
        cvn_follow_lose(w->follow);
        return CVN_ENOMEM;
    }
    tsdu_end(w, side, (struct cvn_octets){y->tsdu, y->tsdu_len}, expedited);
    if (!w->no_memory)
        return CVN_OK;
    w->no_memory = false;
    cvn_follow_lose(w->follow);
    return CVN_ENOMEM;
}

/* Whether what follows these first octets of a TSDU is user information of DT or TD. */
static bool information_follows(struct cvn_octets o)
{
    struct cvn_rd rd = cvn_rd_init(o.p, o.n);
    for (bool first = true;; first = false) {
        size_t n = cvn_spdu_header_length(rd.at, cvn_rd_left(&rd));
        struct cvn_rd spdu = cvn_rd_sub(&rd, n);
        uint8_t si = cvn_rd_u8(&spdu);
        if (n == 0 || rd.bad)
            return false;
        if (first ? si == 33 : si == 1)
            return true;
        if (!first || (si != 1 && si != 2))
            return false;
    }
}

/* The missing octets are user information, and end inside the TPKT at hand. */
static bool gap_is_harmless(const struct way *y, uint64_t n)
{
    struct cvn_rd rd = cvn_rd_init(y->part, y->part_len);
    const uint8_t *header = cvn_rd_bytes(&rd, CVN_TPKT_HEADER);
    size_t li = cvn_rd_u8(&rd);
    uint8_t code = cvn_rd_u8(&rd) & 0xf0u;
    if (y->deaf || y->part_done || rd.bad || code != CVN_TPDU_DT || n == 0)
        return false;
    if (li < 2 || n > cvn_tpkt_length(header) - y->part_len)
        return false;
    cvn_rd_skip(&rd, li - 1);
    if (rd.bad)
        return false;
    if (y->open && y->tsdu_len > 0)
        return information_follows((struct cvn_octets){y->tsdu, y->tsdu_len});
    return information_follows((struct cvn_octets){rd.at, cvn_rd_left(&rd)});
}

static void fill(struct cvn_watch *w, unsigned side, uint64_t n)
{
    static const uint8_t zeros[512];
    while (n > 0) {
        size_t used = 0;
        take(w, side, zeros, n < sizeof zeros ? (size_t)n : sizeof zeros, &used);
        n -= used;
    }
}

void cvn_watch_gap(struct cvn_watch *w, unsigned side, uint64_t n)
{
    if (gap_is_harmless(&w->way[side], n)) {
        (void)finding(w, side, CVN_WATCH_TOLERATED, SNAPPED, NULL);
        fill(w, side, n);
        return;
    }
    struct cvn_watch_event *ev =
        finding(w, side, CVN_WATCH_NOTE, "octets are missing in the capture", NULL);
    if (ev != NULL && n > 0) {
        number_add(ev->detail, sizeof ev->detail, n);
        text_add(ev->detail, sizeof ev->detail, " octets");
    }
    deafen(w, side);
    w->cn_seen = false;
}

void cvn_watch_closed(struct cvn_watch *w, unsigned side, bool reset)
{
    struct way *y = &w->way[side];
    bool half = (y->part_len > 0 && !y->part_done) || y->open;
    if (y->closed)
        return;
    y->closed = true;
    if (half && !y->deaf)
        (void)finding(w, side, CVN_WATCH_NOTE, "the stream ends inside a TPKT or TSDU", NULL);
    unsigned a = cvn_follow_state(w->follow, 0);
    unsigned b = cvn_follow_state(w->follow, 1);
    bool over = w->way[0].ended || w->way[1].ended || a == CVN_X225_STATES ||
                b == CVN_X225_STATES || (a <= CVN_STA01D && b <= CVN_STA01D);
    if (!over)
        (void)finding(w, side, CVN_WATCH_NOTE,
                      reset ? "TCP was reset while a session connection was open: S-P-ABORT"
                            : "TCP was closed while a session connection was open: S-P-ABORT",
                      "X.225 5.7");
    cvn_follow_down(w->follow);
    session_reset(w, 2);
}

int cvn_watch_next(struct cvn_watch *w, struct cvn_watch_event *ev)
{
    return pop(w, ev);
}
