/* SPDX-License-Identifier: MIT */
/*
 * watch_follow - see watch_follow.h.
 *
 * The search. When an end sends an SPDU, each of its hypotheses is tried with none, one, two, ... of
 * the peer's SPDUs delivered that its machine has not taken yet: those captured before. Of the
 * results one is dropped if an earlier one comes to the same by what it can still take. DT and TD
 * that change nothing are delivered at once: nobody can tell when they were taken.
 *
 * Invariants
 *   F1  hyp.taken of an end is at least peer.base, and at most peer.base + peer.nsent.
 *   F2  a machine's queue for the transport is empty between calls: what it sent is in due.
 *   F3  once something was left out of the search (forced), no SPDU is called wrong: lost.
 *   F4  what goes on the expedited flow overtakes what its sender has queued: PREPAREs are noted
 *       and matched when the machine comes to them, EX is tried again later, and what follows an AB
 *       there is not judged.
 */
#include "session/watch_follow.h"

#include <string.h>

#include "proto/x225/x225_copy.h"
#include "session/watch_prim.h"

#define HYPS        24u
#define DUE_MAX     12u
#define LAG_MAX     2048u
#define TRIES_MAX   40000u
#define PREPARES    16u
#define EX_DUE_MAX  16u
#define ESSENCE_MAX 1024u

struct item {
    uint8_t *octets;
    uint32_t n;
    uint8_t type; /* enum cvn_spdu_type */
    bool expedited;
};

struct hyp {
    struct cvn_x225 *x;
    uint64_t taken;        /* of the peer's SPDUs */
    uint8_t due[DUE_MAX];  /* SPDUs that the machine has sent by itself, and the end has to */
    uint8_t prep[DUE_MAX]; /* PR: its type */
    uint8_t ndue;
    uint8_t ex_due;    /* EX seen whose request is not possible yet */
    uint32_t prepared; /* PREPAREs seen that are accounted for */
    bool transport;    /* the machine has a transport connection */
    bool gone;         /* it has given it up */
};

struct end {
    struct hyp hyp[HYPS];
    unsigned nhyps;
    struct hyp front; /* hyp[0] when it has taken all; x NULL: none */
    struct item *sent;
    uint64_t base; /* number of sent[0] */
    size_t nsent;
    size_t cap;
    uint8_t prepare[PREPARES]; /* PREPAREs seen, a ring */
    uint32_t nprepares;
    bool overtaken; /* AB has gone on the expedited flow */
};

struct follow {
    const struct cvn_alloc *alloc;
    struct end end[2];
    unsigned initiator;
    bool expedited;
    bool up;
    bool active;
    bool forced;
    bool no_memory;
    unsigned tries;
};

/* --- hypotheses --- */

static void hyp_drop(struct hyp *h)
{
    cvn_x225_free(h->x);
    h->x = NULL;
}

static bool hyp_copy(struct follow *f, struct hyp *to, const struct hyp *h)
{
    struct hyp new = *h;
    if (cvn_x225_copy(&new.x, h->x) != CVN_OK) {
        f->no_memory = true;
        return false;
    }
    *to = new;
    return true;
}

static bool hyp_alike(const struct hyp *a, const struct hyp *b)
{
    return a->ndue == b->ndue && a->ex_due == b->ex_due && a->prepared == b->prepared &&
           a->transport == b->transport && a->gone == b->gone &&
           memcmp(a->due, b->due, a->ndue) == 0 && cvn_x225_alike(a->x, b->x);
}

static void ends_clear(struct follow *f)
{
    for (unsigned s = 0; s < 2; s++) {
        struct end *e = &f->end[s];
        for (unsigned i = 0; i < e->nhyps; i++)
            hyp_drop(&e->hyp[i]);
        hyp_drop(&e->front);
        for (size_t i = 0; i < e->nsent; i++)
            cvn_free(f->alloc, e->sent[i].octets, e->sent[i].n);
        cvn_free(f->alloc, e->sent, e->cap * sizeof *e->sent);
        memset(e, 0, sizeof *e);
    }
    f->active = false;
    f->forced = false;
    f->no_memory = false;
}

int cvn_follow_new(struct follow **out, const struct cvn_alloc *a)
{
    struct follow *f = cvn_new(a, sizeof *f);
    if (f == NULL)
        return CVN_ENOMEM;
    f->alloc = a;
    *out = f;
    return CVN_OK;
}

void cvn_follow_free(struct follow *f)
{
    if (f == NULL)
        return;
    ends_clear(f);
    cvn_free(f->alloc, f, sizeof *f);
}

static bool begin_end(struct follow *f, unsigned side)
{
    struct end *e = &f->end[side];
    struct hyp h = {.x = NULL};
    struct cvn_x225_opts o = {.alloc = f->alloc, .reuse = true};
    struct cvn_x225_out out;
    if (cvn_x225_new(&h.x, &o) != CVN_OK)
        return false;
    if (side != f->initiator) {
        h.transport = true;
        if (cvn_x225_transport_up(h.x, true, f->expedited, 0) != CVN_OK) {
            hyp_drop(&h);
            return false;
        }
        while (cvn_x225_out(h.x, &out) == CVN_EVENT)
            cvn_x225_out_done(h.x);
    }
    e->hyp[0] = h;
    e->nhyps = 1;
    return hyp_copy(f, &e->front, &h);
}

static void begin(struct follow *f)
{
    ends_clear(f);
    f->active = begin_end(f, 0) && begin_end(f, 1);
    if (!f->active)
        ends_clear(f);
}

void cvn_follow_up(struct follow *f, unsigned initiator, bool expedited)
{
    f->initiator = initiator;
    f->expedited = expedited;
    f->up = true;
    begin(f);
}

void cvn_follow_down(struct follow *f)
{
    ends_clear(f);
    f->up = false;
}

void cvn_follow_lose(struct follow *f)
{
    ends_clear(f);
}

bool cvn_follow_active(const struct follow *f)
{
    return f->active;
}

/* --- what a machine sends --- */

/* The SPDU a TSDU is about. False: none can be read. */
static bool spdu_of(struct cvn_octets o, struct cvn_spdu *s)
{
    struct cvn_spdu_fault fault;
    struct cvn_rd rd = cvn_rd_init(o.p, o.n);
    for (bool first = true;; first = false) {
        size_t n = cvn_spdu_header_length(rd.at, cvn_rd_left(&rd));
        const uint8_t *at = cvn_rd_bytes(&rd, n);
        if (n == 0 || rd.bad || cvn_spdu_decode(s, at, n, first, &fault) != CVN_OK)
            return false;
        if (!first || cvn_spdu_category(s->type) != 0 || cvn_rd_left(&rd) == 0)
            return true;
    }
}

/* What the machine has queued becomes due (F2). */
static void collect(struct hyp *h)
{
    struct cvn_x225_out o;
    while (cvn_x225_out(h->x, &o) == CVN_EVENT) {
        struct cvn_spdu s;
        if (o.kind == CVN_X225_T_DISCONNECT) {
            h->transport = false;
            h->gone = true;
        }
        if ((o.kind == CVN_X225_T_DATA || o.kind == CVN_X225_T_EXPEDITED) && o.header.n > 0 &&
            spdu_of(o.header, &s) && h->ndue < DUE_MAX) {
            h->prep[h->ndue] = s.prepare;
            h->due[h->ndue++] = (uint8_t)s.type;
        }
        cvn_x225_out_done(h->x);
    }
}

static void deliver(struct follow *f, struct hyp *h, const struct item *it)
{
    struct cvn_x225_prim ev;
    size_t done = 0;
    int rc;
    f->tries++;
    h->taken++;
    h->x->opt_reuse = true; /* to close instead is always allowed */
    do {
        size_t used = 0;
        rc = cvn_x225_feed(h->x, it->octets + done, it->n - done, done == 0, true, it->expedited,
                           &used, &ev, 0);
        done += used;
        collect(h);
    } while (rc == CVN_EVENT || rc == CVN_FULL);
    if (rc == CVN_ENOMEM)
        f->no_memory = true;
    while (cvn_x225_next(h->x, &ev, 0) == CVN_EVENT) {
    }
    collect(h);
}

static const struct item *item_at(const struct end *e, uint64_t number)
{
    return &e->sent[number - e->base];
}

/* --- an SPDU of this end's, tried with one hypothesis --- */

struct attempt {
    const struct cvn_tsdu_event *te;
    struct follow_said said;
};

static bool take_prepare(const struct end *e, struct hyp *h, uint8_t type)
{
    if (h->prepared >= e->nprepares || e->nprepares - h->prepared > PREPARES ||
        e->prepare[h->prepared % PREPARES] != type)
        return false;
    h->prepared++;
    return true;
}

static void due_drop(struct hyp *h, unsigned n)
{
    h->ndue = (uint8_t)(h->ndue - n);
    memmove(h->due, h->due + n, h->ndue);
    memmove(h->prep, h->prep + n, h->ndue);
}

/* The first due is this SPDU, its PREPARE before it. */
static int take_due(const struct end *e, struct hyp *h, struct attempt *a)
{
    const struct cvn_spdu *s = &a->te->spdu;
    while (h->ndue > 0 && h->due[0] == CVN_SPDU_PR) {
        if (!take_prepare(e, h, h->prep[0]))
            return CVN_EPROTO;
        due_drop(h, 1);
    }
    if (h->ndue == 0 || h->due[0] != s->type) {
        a->said.due_spdu = h->ndue == 0 ? CVN_SPDU_TYPES : h->due[0];
        return CVN_FULL;
    }
    bool more = s->type == CVN_SPDU_CDO && (s->enclosure & CVN_ENCLOSURE_END) == 0;
    if (!more)
        due_drop(h, 1);
    return CVN_OK;
}

/* S-CONNECT request, for which a machine without a transport connection gets one. */
static int ask_connect(const struct follow *f, struct hyp *h, struct cvn_x225_prim *p)
{
    struct cvn_x225_out o;
    if (h->gone)
        return CVN_ESTATE;
    int rc = cvn_x225_request(h->x, p, 0);
    if (rc != CVN_OK || h->transport)
        return rc;
    while (cvn_x225_out(h->x, &o) == CVN_EVENT)
        cvn_x225_out_done(h->x);
    h->transport = true;
    return cvn_x225_transport_up(h->x, false, f->expedited, 0);
}

static int ask_one(const struct follow *f, const struct end *e, struct hyp *h, struct attempt *a,
                   struct cvn_x225_prim *p)
{
    const struct cvn_spdu *s = &a->te->spdu;
    struct cvn_x225 *x = h->x;
    struct cvn_x225 before = *x; /* for its numbers only */
    bool says = s->type == CVN_SPDU_FN || s->type == CVN_SPDU_RF || s->type == CVN_SPDU_AB;
    bool keeps = (s->has & CVN_HAS_DISCONNECT) != 0 && (s->disconnect & CVN_TD_RELEASED) == 0;
    x->opt_reuse = !says || keeps;
    x->send_max = 0;
    int rc = p->service == CVN_S_CONNECT && p->type == CVN_REQUEST ? ask_connect(f, h, p)
                                                                   : cvn_x225_request(x, p, 0);
    if (rc != CVN_OK)
        return rc;
    collect(h);
    a->said.has_prim = true;
    a->said.service = p->service;
    a->said.type = p->type;
    a->said.activity_end = s->type == CVN_SPDU_MAA && p->service == CVN_S_ACTIVITY_END;
    if (!cvn_watch_serial_fits(&before, s, p, &a->said.due))
        return CVN_ESERIAL;
    rc = take_due(e, h, a);
    return rc == CVN_FULL ? CVN_ESTATE : rc;
}

static bool is_due(const struct hyp *h, uint8_t type)
{
    return memchr(h->due, type, h->ndue) != NULL;
}

/* GT, PT of tokens that do not exist: nothing happens. */
static bool names_nothing(const struct hyp *h, const struct cvn_x225_prim *p)
{
    bool tokens = p->service == CVN_S_TOKEN_GIVE || p->service == CVN_S_TOKEN_PLEASE;
    return tokens && p->tokens == 0 && h->x->version != 0;
}

/* The SPDU is one the machine has to send by itself, or a user asks for it. */
static int try_spdu(const struct follow *f, const struct end *e, struct hyp *h, struct attempt *a)
{
    struct cvn_x225_prim p;
    uint8_t type = (uint8_t)a->te->spdu.type;
    bool abort = type == CVN_SPDU_AB;
    a->said.has_prim = false;
    a->said.activity_end = false;
    a->said.by_provider = false;
    a->said.state = h->x->state;
    if (abort && is_due(h, CVN_SPDU_AB)) {
        h->ndue = 0;
        a->said.by_provider = true;
        return CVN_OK;
    }
    if (abort)
        h->ndue = 0; /* it may overtake them, and ends all */
    if (h->ndue > 0 && type != CVN_SPDU_EX) {
        a->said.by_provider = true;
        return take_due(e, h, a);
    }
    if (!cvn_watch_prim(h->x, a->te, false, &p))
        return CVN_ESTATE;
    if (names_nothing(h, &p))
        return CVN_OK;
    int rc = ask_one(f, e, h, a, &p);
    if (rc != CVN_OK && type == CVN_SPDU_MAA && rc != CVN_ESERIAL &&
        cvn_watch_prim(h->x, a->te, true, &p))
        rc = ask_one(f, e, h, a, &p);
    return rc;
}

/* EX that have overtaken what made them possible. */
static void try_waiting(struct hyp *h)
{
    static const uint8_t octet[1];
    while (h->ex_due > 0) {
        struct cvn_x225_prim p;
        cvn_x225_prim_init(&p, CVN_S_EXPEDITED_DATA, CVN_REQUEST);
        p.data = (struct cvn_octets){octet, sizeof octet};
        if (cvn_x225_request(h->x, &p, 0) != CVN_OK)
            return;
        struct cvn_x225_out o;
        while (cvn_x225_out(h->x, &o) == CVN_EVENT)
            cvn_x225_out_done(h->x);
        h->ex_due--;
    }
}

static int try_one(const struct follow *f, const struct end *e, struct hyp *h, struct attempt *a)
{
    int rc = try_spdu(f, e, h, a);
    if (rc != CVN_OK && a->te->spdu.type == CVN_SPDU_EX && h->ex_due < EX_DUE_MAX &&
        (rc != CVN_EUNIT || h->x->version == 0)) {
        h->ex_due++; /* F4 */
        return CVN_OK;
    }
    if (rc == CVN_OK)
        try_waiting(h);
    return rc == CVN_EUNIT && h->x->version == 0 ? CVN_ESTATE : rc; /* nothing is agreed yet */
}

/* --- the search --- */

struct found {
    struct hyp hyp[HYPS];
    struct hyp front[HYPS]; /* of those of the hypothesis at hand: as if more had been taken */
    unsigned n;
    unsigned first; /* of the hypothesis at hand */
    struct follow_said said;
    struct follow_said why; /* the likeliest refusal */
    bool refused;
};

/* What is nearest to being allowed is told. */
static unsigned rank(int rc)
{
    static const int order[] = {CVN_ESERIAL, CVN_ETOKEN, CVN_ETOOBIG, CVN_EINVAL,
                                CVN_EPROTO,  CVN_FULL,   CVN_EUNIT,   CVN_ESTATE};
    unsigned i = 0;
    while (i < sizeof order / sizeof order[0] && order[i] != rc)
        i++;
    return i;
}

static void refused(struct found *o, const struct attempt *a, int rc)
{
    if (o->refused && rank(rc) > rank(o->why.rc))
        return; /* of the same kind the last is told: the machine that has taken most */
    o->refused = true;
    o->why = a->said;
    o->why.rc = rc;
}

/* Whether another result comes to the same as k. */
static bool superfluous(const struct found *o, const struct hyp *k)
{
    for (unsigned i = 0; i < o->n; i++) {
        const struct hyp *other = i >= o->first ? &o->front[i] : &o->hyp[i];
        if (other->taken == k->taken && hyp_alike(other, k))
            return true;
    }
    return false;
}

static void add(struct follow *f, struct found *o, struct hyp *k)
{
    if (superfluous(o, k)) {
        hyp_drop(k);
    } else if (o->n == HYPS) {
        f->forced = true; /* F3 */
        hyp_drop(k);
    } else if (hyp_copy(f, &o->front[o->n], k)) {
        o->hyp[o->n++] = *k;
    } else {
        hyp_drop(k);
    }
}

/* One hypothesis, with ever more of the peer's SPDUs taken. */
static void explore(struct follow *f, unsigned side, const struct hyp *from, struct attempt *a,
                    struct found *o)
{
    const struct end *e = &f->end[side];
    const struct end *peer = &f->end[!side];
    struct hyp walk;
    if (!hyp_copy(f, &walk, from))
        return;
    o->first = o->n;
    for (;;) {
        struct hyp k;
        if (!hyp_copy(f, &k, &walk))
            break;
        int rc = try_one(f, e, &k, a);
        bool same = rc == CVN_OK && hyp_alike(&k, &walk);
        if (rc == CVN_OK) {
            if (o->n == 0)
                o->said = a->said;
            add(f, o, &k);
        } else {
            f->no_memory = f->no_memory || rc == CVN_ENOMEM;
            refused(o, a, rc);
            hyp_drop(&k);
        }
        if (same || walk.taken == peer->base + peer->nsent || f->no_memory)
            break;
        if (f->tries > TRIES_MAX) {
            f->forced = true;
            break;
        }
        const struct item *it = item_at(peer, walk.taken);
        deliver(f, &walk, it);
        for (unsigned i = o->first; i < o->n; i++)
            deliver(f, &o->front[i], it);
    }
    hyp_drop(&walk);
    for (unsigned i = o->first; i < o->n; i++)
        hyp_drop(&o->front[i]);
}

/* --- what is under way --- */

static bool harmless(const struct item *it)
{
    return !it->expedited && (it->type == CVN_SPDU_DT || it->type == CVN_SPDU_TD);
}

/* DT and TD that change nothing are taken at once. */
static void catch_up(struct follow *f, unsigned side)
{
    struct end *e = &f->end[side];
    const struct end *peer = &f->end[!side];
    for (unsigned i = 0; i < e->nhyps; i++) {
        struct hyp *h = &e->hyp[i];
        while (h->taken < peer->base + peer->nsent && harmless(item_at(peer, h->taken))) {
            struct hyp k;
            if (!hyp_copy(f, &k, h))
                return;
            deliver(f, &k, item_at(peer, h->taken));
            if (!hyp_alike(&k, h)) {
                hyp_drop(&k);
                break;
            }
            hyp_drop(h);
            *h = k;
        }
    }
}

/* Too much seems to be under way: the oldest is taken to have come. */
static void limit_lag(struct follow *f, unsigned side)
{
    struct end *e = &f->end[side];
    const struct end *peer = &f->end[!side];
    for (unsigned i = 0; i < e->nhyps; i++) {
        struct hyp *h = &e->hyp[i];
        if (peer->base + peer->nsent - h->taken <= LAG_MAX)
            continue;
        f->forced = true; /* F3 */
        while (peer->base + peer->nsent - h->taken > LAG_MAX / 2)
            deliver(f, h, item_at(peer, h->taken));
    }
}

/* Gives back what all hypotheses of the other end have taken. */
static void forget_sent(struct follow *f, unsigned side)
{
    struct end *e = &f->end[side];
    const struct end *peer = &f->end[!side];
    uint64_t least = e->base + e->nsent;
    for (unsigned i = 0; i < peer->nhyps; i++)
        least = peer->hyp[i].taken < least ? peer->hyp[i].taken : least;
    size_t n = (size_t)(least - e->base);
    if (n == 0 || (n < 64 && n < e->nsent))
        return;
    for (size_t i = 0; i < n; i++)
        cvn_free(f->alloc, e->sent[i].octets, e->sent[i].n);
    memmove(e->sent, e->sent + n, (e->nsent - n) * sizeof *e->sent);
    e->nsent -= n;
    e->base = least;
}

static bool note_sent(struct follow *f, unsigned side, const struct cvn_tsdu_event *te,
                      bool expedited)
{
    struct end *e = &f->end[side];
    uint8_t octets[ESSENCE_MAX];
    struct cvn_wr w = cvn_wr_init(octets, sizeof octets);
    if (cvn_watch_essence(te, &w) != CVN_OK)
        return false;
    if (e->nsent == e->cap) {
        size_t cap = e->cap == 0 ? 16 : 2 * e->cap;
        struct item *more =
            cvn_resize(f->alloc, e->sent, e->cap * sizeof *more, cap * sizeof *more);
        if (more == NULL)
            return false;
        e->sent = more;
        e->cap = cap;
    }
    uint8_t *own = cvn_new(f->alloc, w.len);
    if (own == NULL)
        return false;
    memcpy(own, octets, w.len);
    e->sent[e->nsent++] = (struct item){.octets = own,
                                        .n = (uint32_t)w.len,
                                        .type = (uint8_t)te->spdu.type,
                                        .expedited = expedited};
    return true;
}

static void front_renew(struct follow *f, unsigned side)
{
    struct end *e = &f->end[side];
    const struct end *peer = &f->end[!side];
    hyp_drop(&e->front);
    if (e->nhyps == 0 || !hyp_copy(f, &e->front, &e->hyp[0]))
        return;
    while (e->front.taken < peer->base + peer->nsent)
        deliver(f, &e->front, item_at(peer, e->front.taken));
}

/* The SPDU is on its way to the other end. */
static bool sent(struct follow *f, unsigned side, const struct cvn_tsdu_event *te, bool expedited)
{
    struct end *e = &f->end[side];
    struct end *peer = &f->end[!side];
    if (!note_sent(f, side, te, expedited))
        return false;
    if (peer->front.x != NULL)
        deliver(f, &peer->front, &e->sent[e->nsent - 1]);
    catch_up(f, !side);
    limit_lag(f, !side);
    forget_sent(f, side);
    forget_sent(f, !side);
    return !f->no_memory;
}

/* --- an SPDU --- */

static void search(struct follow *f, unsigned side, const struct cvn_tsdu_event *te,
                   struct follow_said *said)
{
    struct end *e = &f->end[side];
    struct attempt a = {.te = te};
    struct found o;
    memset(&o, 0, sizeof o);
    f->tries = 0;
    a.said.due = CVN_SERIAL_NONE;
    for (unsigned i = 0; i < e->nhyps && !f->no_memory; i++)
        explore(f, side, &e->hyp[i], &a, &o);
    for (unsigned i = 0; i < e->nhyps; i++)
        hyp_drop(&e->hyp[i]);
    e->nhyps = o.n;
    memcpy(e->hyp, o.hyp, o.n * sizeof o.hyp[0]);
    if (o.n > 0) {
        *said = o.said;
        said->verdict = FOLLOW_LEGAL;
    } else {
        *said = o.why;
        said->verdict = f->forced || f->no_memory ? FOLLOW_LOST : FOLLOW_WRONG;
    }
}

static bool note_prepare(struct follow *f, unsigned side, const struct cvn_spdu *s)
{
    struct end *e = &f->end[side];
    e->prepare[e->nprepares++ % PREPARES] = s->prepare;
    return f->expedited;
}

static void judge(struct follow *f, unsigned side, const struct cvn_tsdu_event *te, bool expedited,
                  struct follow_said *said)
{
    struct end *e = &f->end[side];
    if (te->spdu.type == CVN_SPDU_PR) {
        said->verdict = note_prepare(f, side, &te->spdu) ? FOLLOW_LEGAL : FOLLOW_WRONG;
        said->rc = CVN_EUNIT;
        said->by_provider = true;
        return;
    }
    e->overtaken = e->overtaken && te->spdu.type != CVN_SPDU_CN;
    if (e->overtaken) {
        said->verdict = FOLLOW_LEGAL; /* F4 */
        return;
    }
    search(f, side, te, said);
    e->overtaken = te->spdu.type == CVN_SPDU_AB && expedited;
}

void cvn_follow_spdu(struct follow *f, unsigned side, const struct cvn_tsdu_event *te,
                     bool expedited, struct follow_said *said)
{
    *said = (struct follow_said){.verdict = FOLLOW_UNKNOWN, .due = CVN_SERIAL_NONE};
    if (te->spdu.type == CVN_SPDU_CN && !f->active) {
        if (!f->up)
            cvn_follow_up(f, side, expedited);
        else
            begin(f);
        if (f->active && side != f->initiator) { /* a transport connection that is kept */
            f->initiator = side;
            begin(f);
        }
    }
    if (!f->active)
        return;
    judge(f, side, te, expedited, said);
    if (said->verdict == FOLLOW_LEGAL && sent(f, side, te, expedited)) {
        if (!f->end[side].overtaken)
            front_renew(f, side);
        catch_up(f, side);
        return;
    }
    if (said->verdict == FOLLOW_LEGAL)
        said->verdict = FOLLOW_LOST;
    ends_clear(f);
}

unsigned cvn_follow_state(const struct follow *f, unsigned side)
{
    const struct hyp *h = &f->end[side].front;
    return h->x == NULL ? CVN_X225_STATES : (unsigned)h->x->state;
}

bool cvn_follow_vars(const struct follow *f, unsigned side, struct cvn_x225_vars *v)
{
    const struct hyp *h = &f->end[side].front;
    if (h->x != NULL)
        cvn_x225_vars(h->x, v);
    return h->x != NULL;
}
