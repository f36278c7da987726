/* SPDX-License-Identifier: MIT */
/* test_pair - see test_pair.h. */
#include "proto/x225/test_pair.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

uint32_t pair_random(struct pair *p, uint32_t below)
{
    p->random ^= p->random << 13;
    p->random ^= p->random >> 17;
    p->random ^= p->random << 5;
    return p->random % below;
}

static void flow_init(struct pair_flow *f)
{
    f->first = NULL;
    f->last = &f->first;
}

static struct pair_tsdu *flow_take(struct pair_flow *f)
{
    struct pair_tsdu *t = f->first;
    f->first = t->next;
    if (f->first == NULL)
        f->last = &f->first;
    return t;
}

static void flow_put(struct pair_flow *f, struct pair_tsdu *t)
{
    t->next = NULL;
    *f->last = t;
    f->last = &t->next;
}

static void flow_clear(struct pair_flow *f)
{
    while (f->first != NULL)
        free(flow_take(f));
}

void pair_init(struct pair *p, const struct cvn_x225_opts *a, const struct cvn_x225_opts *b)
{
    static const struct cvn_x225_opts plain;
    memset(p, 0, sizeof *p);
    p->random = 1;
    for (unsigned i = 0; i < 2; i++) {
        struct pair_side *s = &p->side[i];
        const struct cvn_x225_opts *o = i == 0 ? a : b;
        ck_assert_int_eq(cvn_x225_new(&s->x, o != NULL ? o : &plain), CVN_OK);
        s->last = &s->first;
        flow_init(&s->normal);
        flow_init(&s->expedited);
        flow_init(&s->wire);
    }
}

static void event_drop(struct pair_side *s)
{
    struct pair_event *e = s->first;
    s->first = e->next;
    if (s->first == NULL)
        s->last = &s->first;
    free(e->octets);
    free(e);
}

void pair_fini(struct pair *p)
{
    for (unsigned i = 0; i < 2; i++) {
        struct pair_side *s = &p->side[i];
        cvn_x225_free(s->x);
        while (s->first != NULL)
            event_drop(s);
        flow_clear(&s->normal);
        flow_clear(&s->expedited);
        flow_clear(&s->wire);
        free(s->tx);
        free(s->ssdu);
        free(p->taken[i].octets);
    }
}

static void put(struct pair *p, unsigned to, uint8_t kind, const void *octets, size_t n)
{
    struct pair_side *s = &p->side[to];
    struct pair_tsdu *t = malloc(sizeof *t + n);
    ck_assert_ptr_nonnull(t);
    t->seq = p->seq++;
    t->kind = kind;
    t->generation = p->side[!to].generation;
    t->n = n;
    if (n > 0)
        memcpy(t->octets, octets, n);
    flow_put(kind == CVN_X225_T_EXPEDITED ? &s->expedited : &s->normal, t);
}

static void append(uint8_t **to, size_t *len, struct cvn_octets o)
{
    uint8_t *more = realloc(*to, *len + o.n + 1);
    ck_assert_ptr_nonnull(more);
    if (o.n > 0)
        memcpy(more + *len, o.p, o.n);
    *to = more;
    *len += o.n;
}

static void out_one(struct pair *p, unsigned side, const struct cvn_x225_out *o)
{
    struct pair_side *s = &p->side[side];
    if (o->kind == CVN_X225_T_CONNECT)
        s->generation = ++p->generation;
    if (o->kind != CVN_X225_T_DATA && o->kind != CVN_X225_T_EXPEDITED) {
        put(p, !side, (uint8_t)o->kind, NULL, 0);
        if (o->kind == CVN_X225_T_DISCONNECT) {
            s->generation = 0;
            s->tx_len = 0;
        }
        return;
    }
    size_t before = s->tx_len;
    if (o->kind == CVN_X225_T_EXPEDITED) {
        uint8_t whole[64];
        ck_assert_uint_le(o->header.n + o->data.n, 16);
        memcpy(whole, o->header.p, o->header.n);
        put(p, !side, CVN_X225_T_EXPEDITED, whole, o->header.n);
        return;
    }
    append(&s->tx, &s->tx_len, o->header);
    append(&s->tx, &s->tx_len, o->data);
    ck_assert(s->tx_len > before || o->end);
    if (!o->end)
        return;
    put(p, !side, CVN_X225_T_DATA, s->tx, s->tx_len);
    s->tsdus++;
    s->tsdu_max = s->tx_len > s->tsdu_max ? s->tx_len : s->tsdu_max;
    s->tx_len = 0;
}

void pair_drain(struct pair *p, unsigned side)
{
    struct cvn_x225_out o;
    while (cvn_x225_out(p->side[side].x, &o) == CVN_EVENT) {
        out_one(p, side, &o);
        cvn_x225_out_done(p->side[side].x);
    }
}

static void keep(uint8_t **at, struct cvn_octets *o)
{
    if (o->n > 0)
        memcpy(*at, o->p, o->n);
    o->p = *at;
    *at += o->n;
}

static void record(struct pair *p, unsigned side, const struct cvn_x225_prim *ev)
{
    struct pair_side *s = &p->side[side];
    struct pair_event *e = calloc(1, sizeof *e);
    ck_assert_ptr_nonnull(e);
    e->prim = *ev;
    if (ev->service == CVN_S_DATA || ev->service == CVN_S_TYPED_DATA) {
        if (ev->begin)
            s->ssdu_len = 0;
        append(&s->ssdu, &s->ssdu_len, ev->data);
        if (!ev->end) {
            free(e);
            return;
        }
        e->prim.begin = true;
        e->prim.data = (struct cvn_octets){s->ssdu, s->ssdu_len};
    }
    struct cvn_octets *slices[] = {
        &e->prim.id.calling, &e->prim.id.called, &e->prim.id.common, &e->prim.id.additional,
        &e->prim.calling,    &e->prim.called,    &e->prim.activity,  &e->prim.old_activity,
        &e->prim.reflected,  &e->prim.data};
    size_t n = 1;
    for (size_t i = 0; i < sizeof slices / sizeof slices[0]; i++)
        n += slices[i]->n;
    e->octets = malloc(n);
    ck_assert_ptr_nonnull(e->octets);
    uint8_t *at = e->octets;
    for (size_t i = 0; i < sizeof slices / sizeof slices[0]; i++)
        keep(&at, slices[i]);
    *s->last = e;
    s->last = &e->next;
    if (ev->service == CVN_S_P_ABORT && ev->reason != CVN_ABORT_TRANSPORT) {
        if (p->protocol_errors++ == 0)
            p->why = ev->why;
    }
}

static void take_due(struct pair *p, unsigned side)
{
    struct cvn_x225_prim ev;
    while (cvn_x225_next(p->side[side].x, &ev, p->now) == CVN_EVENT)
        record(p, side, &ev);
}

static void feed_slice(struct pair *p, unsigned side, const uint8_t *in, size_t n, bool begin,
                       bool end, bool expedited)
{
    /* A copy of its own, so that a sanitizer sees what is read beyond it or too late. */
    uint8_t *own = malloc(n + 1);
    struct cvn_x225_prim ev;
    size_t done = 0;
    ck_assert_ptr_nonnull(own);
    if (n > 0)
        memcpy(own, in, n);
    for (;;) {
        size_t used = 0;
        int rc = cvn_x225_feed(p->side[side].x, own + done, n - done, begin && done == 0, end,
                               expedited, &used, &ev, p->now);
        ck_assert_uint_le(used, n - done);
        done += used;
        if (rc == CVN_EVENT) {
            record(p, side, &ev);
        } else if (rc == CVN_FULL) {
            pair_drain(p, side);
        } else if (rc == CVN_ENOMEM && p->retry) {
            continue;
        } else {
            ck_assert_int_eq(rc, CVN_MORE);
            break;
        }
    }
    ck_assert_uint_eq(done, n);
    free(own);
}

static void feed(struct pair *p, unsigned side, const struct pair_tsdu *t)
{
    bool expedited = t->kind == CVN_X225_T_EXPEDITED;
    size_t at = 0;
    do {
        size_t n = t->n - at;
        if (!expedited && p->slicing == PAIR_OCTETS && n > 1)
            n = 1;
        if (!expedited && p->slicing == PAIR_RANDOM && n > 1)
            n = 1 + pair_random(p, (uint32_t)n);
        feed_slice(p, side, t->octets + at, n, at == 0, at + n == t->n, expedited);
        at += n;
    } while (at < t->n);
}

static void deliver_one(struct pair *p, unsigned side, const struct pair_tsdu *t)
{
    struct pair_side *s = &p->side[side];
    if (t->kind == CVN_X225_T_CONNECT) {
        ck_assert_int_eq(cvn_x225_transport_up(s->x, true, p->expedited, p->now), CVN_OK);
        s->generation = t->generation;
    } else if (t->generation != s->generation) {
        return; /* of a transport connection that is gone */
    } else if (t->kind == CVN_X225_T_CONNECT_ACCEPT) {
        if (s->generation == 0) /* the test has made the call itself */
            return;
        ck_assert_int_eq(cvn_x225_transport_up(s->x, false, p->expedited, p->now), CVN_OK);
    } else if (t->kind == CVN_X225_T_DISCONNECT) {
        int rc = cvn_x225_transport_down(s->x, p->now);
        ck_assert(rc == CVN_OK || rc == CVN_ESTATE);
        s->generation = 0;
        s->tx_len = 0;
    } else {
        feed(p, side, t);
    }
    take_due(p, side);
}

/* An expedited TSDU may overtake, but is never behind what was sent after it. */
static struct pair_flow *choose(struct pair *p, unsigned side)
{
    struct pair_side *s = &p->side[side];
    if (s->expedited.first == NULL)
        return s->normal.first == NULL ? NULL : &s->normal;
    if (s->normal.first == NULL || s->expedited.first->seq < s->normal.first->seq)
        return &s->expedited;
    return p->overtake && pair_random(p, 2) == 0 ? &s->expedited : &s->normal;
}

/* With a tap: one step onto the wire or from it. */
static bool tapped_step(struct pair *p, unsigned side)
{
    struct pair_side *s = &p->side[side];
    struct pair_flow *f = choose(p, side);
    if (f != NULL && (s->wire.first == NULL || pair_random(p, 3) == 0)) {
        struct pair_tsdu *t = flow_take(f);
        p->tap(p->tap_ctx, !side, t);
        flow_put(&s->wire, t);
        return true;
    }
    if (s->wire.first == NULL)
        return false;
    struct pair_tsdu *t = flow_take(&s->wire);
    deliver_one(p, side, t);
    free(t);
    return true;
}

bool pair_deliver(struct pair *p)
{
    unsigned side = pair_random(p, 2);
    for (unsigned i = 0; i < 2; i++, side = !side) {
        pair_drain(p, 0);
        pair_drain(p, 1);
        if (p->tap != NULL && tapped_step(p, side))
            return true;
        struct pair_flow *f = p->tap != NULL ? NULL : choose(p, side);
        if (f == NULL)
            continue;
        struct pair_tsdu *t = flow_take(f);
        deliver_one(p, side, t);
        free(t);
        return true;
    }
    return false;
}

void pair_run(struct pair *p)
{
    take_due(p, 0);
    take_due(p, 1);
    while (pair_deliver(p)) {
    }
}

void pair_cut(struct pair *p)
{
    for (unsigned i = 0; i < 2; i++) {
        flow_clear(&p->side[i].normal);
        flow_clear(&p->side[i].expedited);
        flow_clear(&p->side[i].wire);
        p->side[i].generation = 0;
        p->side[i].tx_len = 0;
        int rc = cvn_x225_transport_down(p->side[i].x, p->now);
        ck_assert(rc == CVN_OK || rc == CVN_ESTATE);
        take_due(p, i);
    }
}

void pair_inject(struct pair *p, unsigned side, const void *octets, size_t n)
{
    unsigned generation = p->side[!side].generation;
    p->side[!side].generation = p->side[side].generation; /* as if it came from the peer */
    put(p, side, CVN_X225_T_DATA, octets, n);
    p->side[!side].generation = generation;
}

struct cvn_x225_prim pair_prim(enum cvn_x225_service s, enum cvn_x225_type t)
{
    struct cvn_x225_prim prim;
    cvn_x225_prim_init(&prim, s, t);
    return prim;
}

struct cvn_x225_prim pair_request(enum cvn_x225_service s)
{
    return pair_prim(s, CVN_REQUEST);
}

struct cvn_x225_prim pair_response(enum cvn_x225_service s)
{
    return pair_prim(s, CVN_RESPONSE);
}

struct cvn_octets pair_octets(const char *text)
{
    return (struct cvn_octets){(const uint8_t *)text, strlen(text)};
}

/* What cvn_x225_why() and cvn_x225_allowed() say before is what the machine then does. */
int pair_ask(struct pair *p, unsigned side, struct cvn_x225_prim *prim)
{
    struct cvn_x225 *x = p->side[side].x;
    const char *why = cvn_x225_why(x, prim);
    enum cvn_x225_state state = cvn_x225_state(x);
    int allowed = cvn_x225_allowed(x, prim->service, prim->type);
    int rc = cvn_x225_request(x, prim, p->now);
    ck_assert_msg(rc != CVN_OK || allowed == CVN_OK, "%s %s was taken in %s, though %s",
                  cvn_x225_service_name(prim->service), cvn_x225_type_name(prim->type),
                  cvn_x225_state_name(state), cvn_err_name(allowed));
    bool refused = rc != CVN_OK && rc != CVN_FULL && rc != CVN_ENOMEM;
    ck_assert_msg(refused == (why != NULL), "%s %s in %s: %s, and why: %s",
                  cvn_x225_service_name(prim->service), cvn_x225_type_name(prim->type),
                  cvn_x225_state_name(state), cvn_err_name(rc), why != NULL ? why : "-");
    return rc;
}

void pair_do(struct pair *p, unsigned side, struct cvn_x225_prim *prim)
{
    int rc = pair_ask(p, side, prim);
    ck_assert_msg(rc == CVN_OK, "%s %s of side %u: %s in %s", cvn_x225_service_name(prim->service),
                  cvn_x225_type_name(prim->type), side, cvn_err_name(rc),
                  cvn_x225_state_name(cvn_x225_state(p->side[side].x)));
    pair_run(p);
}

void pair_do_request(struct pair *p, unsigned side, enum cvn_x225_service s)
{
    struct cvn_x225_prim prim = pair_request(s);
    pair_do(p, side, &prim);
}

void pair_do_response(struct pair *p, unsigned side, enum cvn_x225_service s)
{
    struct cvn_x225_prim prim = pair_response(s);
    pair_do(p, side, &prim);
}

const struct cvn_x225_prim *pair_take(struct pair *p, unsigned side, enum cvn_x225_service s,
                                      enum cvn_x225_type t)
{
    struct pair_side *me = &p->side[side];
    struct pair_event *last = &p->taken[side];
    ck_assert_msg(me->first != NULL, "side %u has no event, %s %s was to come", side,
                  cvn_x225_service_name(s), cvn_x225_type_name(t));
    free(last->octets);
    *last = *me->first;
    me->first->octets = NULL;
    event_drop(me);
    ck_assert_msg(last->prim.service == s && last->prim.type == t,
                  "side %u has %s %s (%s), not %s %s", side,
                  cvn_x225_service_name(last->prim.service), cvn_x225_type_name(last->prim.type),
                  last->prim.why != NULL ? last->prim.why : "", cvn_x225_service_name(s),
                  cvn_x225_type_name(t));
    return &last->prim;
}

void pair_quiet(const struct pair *p)
{
    for (unsigned i = 0; i < 2; i++) {
        const struct pair_event *e = p->side[i].first;
        if (e != NULL)
            ck_abort_msg("side %u still has %s %s", i, cvn_x225_service_name(e->prim.service),
                         cvn_x225_type_name(e->prim.type));
    }
}

struct cvn_x225_vars pair_vars(const struct pair *p, unsigned side)
{
    struct cvn_x225_vars v;
    cvn_x225_vars(p->side[side].x, &v);
    return v;
}

void pair_states(const struct pair *p, enum cvn_x225_state a, enum cvn_x225_state b)
{
    ck_assert_str_eq(cvn_x225_state_name(cvn_x225_state(p->side[0].x)), cvn_x225_state_name(a));
    ck_assert_str_eq(cvn_x225_state_name(cvn_x225_state(p->side[1].x)), cvn_x225_state_name(b));
}

void pair_open_with(struct pair *p, struct cvn_x225_prim *request, struct cvn_x225_prim *response)
{
    pair_do(p, 0, request);
    (void)pair_take(p, 1, CVN_S_CONNECT, CVN_INDICATION);
    pair_do(p, 1, response);
    (void)pair_take(p, 0, CVN_S_CONNECT, CVN_CONFIRM);
    pair_states(p, CVN_STA713, CVN_STA713);
}

void pair_open(struct pair *p, uint16_t units)
{
    struct cvn_x225_prim request = pair_request(CVN_S_CONNECT);
    struct cvn_x225_prim response = pair_response(CVN_S_CONNECT);
    request.units = units;
    request.serial = 1;
    response.units = units;
    pair_open_with(p, &request, &response);
}
