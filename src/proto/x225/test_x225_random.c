/* SPDX-License-Identifier: MIT */
/*
 * Two machines and two users who ask for anything at any time, over random functional
 * units, transports and slicings: what one machine lets out the other must take. A
 * failing seed prints itself; X225_SEED=n runs that one alone, X225_RUNS=n that many.
 * X225_TAP=file writes what is on the wire there, as `convene trace` reads it (docs/TRACE.md).
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/x225/machine.h"
#include "proto/x225/test_pair.h"

#define STEPS 400

/* What a user must know by X.215: he has one S-RELEASE outstanding at most. */
struct user {
    bool releasing;
    unsigned sent; /* S-DATA of this session connection, counted */
    unsigned heard;
};

struct run {
    struct pair pair;
    struct user user[2];
    uint32_t seed;
    uint16_t units;
    bool symmetric;
    bool separation;
    char trace[64][96];
    unsigned traced;
    unsigned counts[CVN_S_SERVICES][4];
};

static struct run r;
static FILE *tapped;
static unsigned long done[CVN_S_SERVICES][4];

static uint32_t rnd(uint32_t below)
{
    return pair_random(&r.pair, below);
}

static void trace(unsigned side, const char *what, const char *type)
{
    snprintf(r.trace[r.traced++ % 64], sizeof r.trace[0], "%u %-24s %-10s %s %s", side, what, type,
             cvn_x225_state_name(cvn_x225_state(r.pair.side[0].x)),
             cvn_x225_state_name(cvn_x225_state(r.pair.side[1].x)));
}

static void show(void)
{
    printf("seed %u units %04x expedited %d\n", r.seed, r.units, r.pair.expedited);
    for (unsigned i = r.traced > 64 ? r.traced - 64 : 0; i < r.traced; i++)
        printf("  %s\n", r.trace[i % 64]);
    fflush(stdout);
}

static void tap(void *ctx, unsigned from, const struct pair_tsdu *t)
{
    FILE *f = ctx;
    if (t->kind == CVN_X225_T_CONNECT)
        fprintf(f, "= open%s # seed %u\n", r.pair.expedited ? " expedited" : "", r.seed);
    if (t->kind == CVN_X225_T_DISCONNECT)
        fprintf(f, "= close %u\n", from);
    if (t->kind != CVN_X225_T_DATA && t->kind != CVN_X225_T_EXPEDITED)
        return;
    fprintf(f, "%c%c ", from == 0 ? '>' : '<', t->kind == CVN_X225_T_EXPEDITED ? '*' : ' ');
    for (size_t i = 0; i < t->n; i++)
        fprintf(f, "%02x", t->octets[i]);
    fprintf(f, "\n");
}

static uint16_t random_units(void)
{
    static const uint16_t any[] = {CVN_FU_MINOR_SYNC, CVN_FU_MAJOR_SYNC,         CVN_FU_RESYNC,
                                   CVN_FU_ACTIVITY,   CVN_FU_NEGOTIATED_RELEASE, CVN_FU_TYPED_DATA};
    unsigned u = rnd(2) == 0 ? CVN_FU_HALF_DUPLEX : CVN_FU_DUPLEX;
    for (size_t i = 0; i < sizeof any / sizeof any[0]; i++) {
        if (rnd(5) < 3)
            u |= any[i];
    }
    if (r.symmetric) {
        u &= ~(unsigned)CVN_FU_MINOR_SYNC;
        u |= CVN_FU_SYMMETRIC_SYNC;
    }
    if (r.separation) {
        u |= CVN_FU_DATA_SEPARATION | CVN_FU_RESYNC;
        u |= r.symmetric ? 0 : CVN_FU_MINOR_SYNC;
    }
    if (r.pair.expedited && rnd(3) < 2)
        u |= CVN_FU_EXPEDITED;
    if ((u & CVN_FU_HALF_DUPLEX) != 0 && rnd(2) == 0)
        u |= CVN_FU_EXCEPTIONS;
    if ((u & CVN_FU_ACTIVITY) != 0 && rnd(2) == 0)
        u |= CVN_FU_CAPABILITY;
    return (uint16_t)u;
}

static void random_resync(unsigned side, struct cvn_x225_prim *q)
{
    struct cvn_x225_vars v = pair_vars(&r.pair, side);
    q->resync = (uint8_t)rnd(3);
    q->serial = q->resync == CVN_RESYNC_SET || v.vm < v.vr ? rnd(6) : v.vr + rnd(v.vm - v.vr + 1);
    q->serial2 = v.vmr < v.vrr ? 0 : v.vrr + rnd(v.vmr - v.vrr + 1);
    if (r.symmetric && rnd(2) == 0)
        q->resync2 = (uint8_t)rnd(3);
    if (rnd(2) == 0) {
        q->has_token_setting = true;
        for (unsigned bit = 0; bit < 8; bit += 2)
            q->token_setting |= (uint8_t)(rnd(3) << bit);
    }
}

static void random_answer(unsigned side, struct cvn_x225_prim *q)
{
    struct cvn_x225_vars v = pair_vars(&r.pair, side);
    uint32_t low = r.symmetric ? v.var : v.va;
    uint32_t high = r.symmetric ? v.vmr : v.vm;
    if (q->service == CVN_S_SYNC_MINOR)
        q->serial = high > low ? low + rnd(high - low) : 0;
    if (q->service == CVN_S_RESYNCHRONIZE) {
        q->has_token_setting = true;
        for (unsigned bit = 0; bit < 8; bit += 2)
            q->token_setting |= (uint8_t)(rnd(2) << bit);
    }
    if (q->service == CVN_S_RELEASE && rnd(2) == 0)
        q->result = 0;
}

static const enum cvn_x225_service answers[] = {
    CVN_S_CAPABILITY_DATA,    CVN_S_SYNC_MINOR,       CVN_S_SYNC_MAJOR,   CVN_S_RESYNCHRONIZE,
    CVN_S_ACTIVITY_INTERRUPT, CVN_S_ACTIVITY_DISCARD, CVN_S_ACTIVITY_END, CVN_S_RELEASE};

static bool asks_for(enum cvn_x225_service s)
{
    return s != CVN_S_CONNECT && s != CVN_S_P_ABORT && s != CVN_S_P_EXCEPTION_REPORT;
}

static void fill(unsigned side, struct cvn_x225_prim *q, uint8_t *octets)
{
    static const uint8_t id[] = {'i', 'd'};
    struct cvn_x225_vars v = pair_vars(&r.pair, side);
    q->data = (struct cvn_octets){octets, 1 + rnd(9)};
    switch (q->service) {
    case CVN_S_DATA:
        octets[0] = (uint8_t)r.user[side].sent;
        break;
    case CVN_S_TOKEN_GIVE:
        q->tokens = v.tokens_owned & (uint8_t)rnd(256);
        break;
    case CVN_S_TOKEN_PLEASE:
        q->tokens = v.tokens_available & (uint8_t)rnd(256);
        break;
    case CVN_S_RESYNCHRONIZE:
        random_resync(side, q);
        break;
    case CVN_S_SYNC_MINOR:
        q->optional = rnd(2) == 0;
        q->separation = r.separation && rnd(2) == 0;
        break;
    case CVN_S_ACTIVITY_RESUME:
        q->serial = rnd(6);
        q->old_activity = (struct cvn_octets){id, 1};
        q->activity = (struct cvn_octets){id, 2};
        break;
    case CVN_S_ACTIVITY_START:
        q->activity = (struct cvn_octets){id, 2};
        break;
    case CVN_S_RELEASE:
        q->keep = rnd(2) == 0;
        break;
    default:
        break;
    }
}

/* What side might ask or answer now. false: nothing. */
static bool imagine(unsigned side, struct cvn_x225_prim *q, uint8_t *octets)
{
    if (rnd(3) == 0) {
        *q = pair_response(answers[rnd(sizeof answers / sizeof answers[0])]);
        q->data = (struct cvn_octets){octets, rnd(9)};
        random_answer(side, q);
        return true;
    }
    *q = pair_request((enum cvn_x225_service)rnd(CVN_S_SERVICES));
    if (!asks_for(q->service) || (q->service == CVN_S_U_ABORT && rnd(40) != 0))
        return false;
    if (q->service == CVN_S_RELEASE && (r.user[side].releasing || rnd(8) != 0))
        return false;
    fill(side, q, octets);
    return true;
}

/* Version 1 has no user data in these. */
static bool is_bare(enum cvn_x225_service s)
{
    return s == CVN_S_TOKEN_GIVE || s == CVN_S_CONTROL_GIVE || s == CVN_S_ACTIVITY_INTERRUPT ||
           s == CVN_S_ACTIVITY_DISCARD;
}

static void ask(unsigned side)
{
    uint8_t octets[16] = {0};
    struct cvn_x225_prim q;
    if (!imagine(side, &q, octets))
        return;
    if (pair_vars(&r.pair, side).version == 1 && is_bare(q.service))
        q.data.n = 0;
    if (pair_ask(&r.pair, side, &q) != CVN_OK)
        return;
    pair_drain(&r.pair, side); /* octets are lent */
    trace(side, cvn_x225_service_name(q.service), cvn_x225_type_name(q.type));
    r.counts[q.service][q.type]++;
    if (q.service == CVN_S_DATA)
        r.user[side].sent++;
    if (q.service == CVN_S_RELEASE && q.type == CVN_REQUEST)
        r.user[side].releasing = true;
}

/* cvn_x225_allowed() against what cvn_x225_request() says to every choice of parameters that the
 * table tells apart. A refusal changes nothing, so all are tried until one is taken. */
struct choices {
    unsigned side;
    struct cvn_x225_prim q;
    bool taken;
};

static void choose(struct choices *c)
{
    uint8_t octets[16] = {0};
    struct cvn_x225_prim q = c->q;
    if (c->taken)
        return;
    if (q.service == CVN_S_DATA || q.service == CVN_S_TYPED_DATA ||
        q.service == CVN_S_EXPEDITED_DATA)
        q.data = (struct cvn_octets){octets, 1};
    octets[0] = (uint8_t)r.user[c->side].sent;
    c->taken = pair_ask(&r.pair, c->side, &q) == CVN_OK;
    if (c->taken)
        pair_drain(&r.pair, c->side);
    if (c->taken && q.service == CVN_S_DATA)
        r.user[c->side].sent++;
}

static void choose_serials(struct choices *c, uint32_t low, uint32_t high)
{
    for (uint32_t n = low; n <= high && n < low + 40; n++) {
        c->q.serial = n;
        choose(c);
    }
}

static void choose_resync(struct choices *c)
{
    static const uint8_t types[] = {0, 1, 2, CVN_RESYNC_NONE};
    struct cvn_x225_vars v = pair_vars(&r.pair, c->side);
    for (unsigned i = 0; i < 12; i++) {
        c->q.resync = types[i / 4];
        c->q.resync2 = types[i % 4];
        for (uint32_t n2 = v.vrr; n2 <= v.vmr && n2 < v.vrr + 8; n2++) {
            c->q.serial2 = n2;
            choose_serials(c, v.vr, v.vm);
        }
        choose_serials(c, 0, 8);
    }
}

static void choose_any(struct choices *c)
{
    static const uint8_t id[] = {'i', 'd'};
    struct cvn_x225_vars v = pair_vars(&r.pair, c->side);
    bool tokens = c->q.service == CVN_S_TOKEN_GIVE || c->q.service == CVN_S_TOKEN_PLEASE;
    c->q.activity = c->q.old_activity = (struct cvn_octets){id, 2};
    for (unsigned t = 1; tokens && t < 256; t++) {
        c->q.tokens = (uint8_t)t;
        choose(c);
    }
    if (c->q.service == CVN_S_RESYNCHRONIZE && c->q.type == CVN_REQUEST)
        choose_resync(c);
    if (c->q.service == CVN_S_SYNC_MINOR && c->q.type == CVN_RESPONSE) {
        choose_serials(c, v.va, v.vm);
        choose_serials(c, v.var, v.vmr);
    }
    if (c->q.service == CVN_S_ACTIVITY_RESUME)
        c->q.serial = 0;
    for (unsigned i = 0; i < 4; i++) {
        c->q.separation = (i & 1) != 0;
        if (c->q.service == CVN_S_RELEASE)
            c->q.result = (i & 2) != 0 ? 0 : CVN_RESULT_ACCEPT;
        choose(c);
    }
}

static unsigned compared[2];

static void compare_allowed(unsigned side)
{
    struct choices c = {.side = side};
    bool response = rnd(2) == 0;
    enum cvn_x225_service s = response ? answers[rnd(sizeof answers / sizeof answers[0])]
                                       : (enum cvn_x225_service)rnd(CVN_S_SERVICES);
    if (!asks_for(s) || s == CVN_S_U_ABORT ||
        (s == CVN_S_RELEASE && !response && (r.user[side].releasing || rnd(8) != 0)))
        return;
    c.q = response ? pair_response(s) : pair_request(s);
    const char *state = cvn_x225_state_name(cvn_x225_state(r.pair.side[side].x));
    int rc = cvn_x225_allowed(r.pair.side[side].x, s, c.q.type);
    choose_any(&c);
    compared[c.taken]++;
    if (c.taken != (rc == CVN_OK)) {
        show();
        ck_abort_msg("seed %u: %s %s in %s: allowed says %s, request %s", r.seed,
                     cvn_x225_service_name(s), cvn_x225_type_name(c.q.type), state,
                     cvn_err_name(rc), c.taken ? "takes it" : "refuses it");
    }
    if (c.taken && s == CVN_S_RELEASE && !response)
        r.user[side].releasing = true;
}

static void hear(unsigned side)
{
    struct pair_side *s = &r.pair.side[side];
    while (s->first != NULL) {
        enum cvn_x225_service service = s->first->prim.service;
        enum cvn_x225_type type = s->first->prim.type;
        const struct cvn_x225_prim *ev = pair_take(&r.pair, side, service, type);
        trace(side, cvn_x225_service_name(service), cvn_x225_type_name(type));
        r.counts[service][type]++;
        if (service == CVN_S_RELEASE && type == CVN_CONFIRM)
            r.user[side].releasing = false;
        if (service == CVN_S_RESYNCHRONIZE || service == CVN_S_U_EXCEPTION_REPORT)
            r.user[side].releasing = false; /* void */
        if (service == CVN_S_DATA) { /* some may have been purged, none comes late or twice */
            uint8_t ahead = (uint8_t)(ev->data.p[0] - (uint8_t)r.user[side].heard);
            ck_assert_uint_lt(ahead, 200);
            r.user[side].heard = (unsigned)ev->data.p[0] + 1u;
        }
    }
}

struct numbers {
    uint32_t a, m, r;
};

/* Of the flow from this side, as it sees them; without symmetric synchronize there is one. */
static struct numbers sending(const struct cvn_x225_vars *v)
{
    return (struct numbers){v->va, v->vm, v->vr};
}

/* Of the flow to this side. */
static struct numbers receiving(const struct cvn_x225_vars *v)
{
    return r.symmetric ? (struct numbers){v->var, v->vmr, v->vrr} : sending(v);
}

static const char *numbers_differ(struct numbers a, struct numbers b, bool loose)
{
    if (a.m != b.m)
        return "V(M)";
    if (!loose && a.a != b.a)
        return "V(A)";
    return a.r != b.r ? "V(R)" : NULL;
}

static const char *difference(const struct cvn_x225_vars *a, const struct cvn_x225_vars *b)
{
    if (a->units != b->units)
        return "units";
    if ((a->tokens_owned ^ b->tokens_owned) != a->tokens_available)
        return "tokens";
    if (a->vact != b->vact)
        return "Vact";
    if ((a->units & CVN_FU_ACTIVITY) != 0 && !a->vact)
        return NULL; /* the numbers mean nothing outside */
    /* What an exception has made void is confirmed by a later point, or a resync. */
    bool loose = (a->units & CVN_FU_EXCEPTIONS) != 0;
    const char *what = numbers_differ(sending(a), receiving(b), loose);
    return what != NULL ? what : numbers_differ(receiving(a), sending(b), loose);
}

/* Nothing is under way: both machines must have the same picture. */
static void compare(void)
{
    struct cvn_x225_vars a = pair_vars(&r.pair, 0);
    struct cvn_x225_vars b = pair_vars(&r.pair, 1);
    if (a.state != CVN_STA713 || b.state != CVN_STA713)
        return;
    const char *what = difference(&a, &b);
    if (what != NULL) {
        show();
        ck_abort_msg("seed %u: the two differ in %s", r.seed, what);
    }
}

static void judge(void)
{
    for (unsigned i = 0; i < 2; i++) {
        if (r.pair.side[i].x->ambiguous) {
            show();
            ck_abort_msg("seed %u: two rows of a cell are true", r.seed);
        }
    }
    if (r.pair.protocol_errors != 0) {
        show();
        ck_abort_msg("seed %u: protocol error: %s", r.seed, r.pair.why);
    }
}

static void connect(void)
{
    struct cvn_x225_prim q = pair_request(CVN_S_CONNECT);
    struct cvn_x225_prim a = pair_response(CVN_S_CONNECT);
    memset(r.user, 0, sizeof r.user);
    r.units = random_units();
    q.units = r.units;
    q.serial = rnd(5);
    q.serial2 = rnd(5);
    q.versions = (uint8_t)(1 + rnd(3));
    if (rnd(3) == 0)
        q.tsdu_max_initiator = (uint16_t)(64 + rnd(100));
    if (rnd(3) == 0)
        q.tsdu_max_responder = (uint16_t)(64 + rnd(100));
    q.has_token_setting = true;
    for (unsigned bit = 0; bit < 8; bit += 2)
        q.token_setting |= (uint8_t)(rnd(3) << bit);
    a.units = r.units;
    a.serial = q.serial2;
    a.serial2 = q.serial;
    if (!r.symmetric) {
        a.serial = rnd(5);
        a.serial2 = CVN_SERIAL_NONE;
    }
    a.has_token_setting = true;
    for (unsigned bit = 0; bit < 8; bit += 2)
        a.token_setting |= (uint8_t)(rnd(2) << bit);
    pair_do(&r.pair, 0, &q);
    (void)pair_take(&r.pair, 1, CVN_S_CONNECT, CVN_INDICATION);
    pair_do(&r.pair, 1, &a);
    (void)pair_take(&r.pair, 0, CVN_S_CONNECT, CVN_CONFIRM);
    trace(0, "connected", "");
}

static void start(uint32_t seed, bool symmetric, bool separation)
{
    struct cvn_x225_opts o[2] = {{.units = 0}, {.units = 0}};
    memset(&r, 0, sizeof r);
    r.seed = seed;
    r.symmetric = symmetric;
    r.separation = separation;
    o[0].reuse = seed % 3 == 0;
    o[1].reuse = seed % 3 == 0 || seed % 7 == 0;
    pair_init(&r.pair, &o[0], &o[1]);
    if (tapped != NULL) {
        r.pair.tap = tap;
        r.pair.tap_ctx = tapped;
    }
    r.pair.random = seed * 2654435761u + 1u;
    for (unsigned i = 0; i < 8; i++)
        (void)rnd(2);
    r.pair.expedited = rnd(2) == 0;
    r.pair.overtake = true;
    r.pair.slicing = (enum pair_slicing)rnd(3);
}

static void run(uint32_t seed, bool symmetric, bool separation)
{
    start(seed, symmetric, separation);
    unsigned eager = 2 + rnd(8); /* of ten steps, those in which somebody asks */
    for (unsigned step = 0; step < STEPS; step++) {
        enum cvn_x225_state a = cvn_x225_state(r.pair.side[0].x);
        enum cvn_x225_state b = cvn_x225_state(r.pair.side[1].x);
        if ((a == CVN_STA01 || a == CVN_STA01C) && (b == CVN_STA01 || b == CVN_STA01C)) {
            pair_run(&r.pair);
            hear(0);
            hear(1);
            if (cvn_x225_state(r.pair.side[0].x) == CVN_STA01 &&
                cvn_x225_state(r.pair.side[1].x) != CVN_STA01)
                pair_cut(&r.pair);
            connect();
        }
        if (rnd(10) < eager)
            ask(rnd(2));
        else if (rnd(4) == 0)
            compare_allowed(rnd(2));
        else
            (void)pair_deliver(&r.pair);
        hear(0);
        hear(1);
        judge();
        if (rnd(20) == 0) {
            pair_run(&r.pair);
            hear(0);
            hear(1);
            judge();
            compare();
        }
    }
    for (unsigned s = 0; s < CVN_S_SERVICES; s++) {
        for (unsigned t = 0; t < 4; t++)
            done[s][t] += r.counts[s][t];
    }
    pair_fini(&r.pair);
}

static void many(bool symmetric, bool separation, unsigned usual)
{
    const char *one = getenv("X225_SEED");
    const char *runs = getenv("X225_RUNS");
    unsigned n = runs != NULL ? (unsigned)strtoul(runs, NULL, 10) : usual;
    const char *path = getenv("X225_TAP");
    memset(done, 0, sizeof done);
    if (path != NULL)
        tapped = fopen(path, "a");
    if (one != NULL) {
        run((uint32_t)strtoul(one, NULL, 10), symmetric, separation);
        show();
        return;
    }
    for (uint32_t seed = 1; seed <= n; seed++)
        run(seed, symmetric, separation);
    if (tapped != NULL)
        fclose(tapped);
    ck_assert_uint_gt(compared[0], 0);
    ck_assert_uint_gt(compared[1], 0);
    /* No service went untried. */
    for (unsigned s = 0; s < CVN_S_SERVICES; s++) {
        if (!asks_for((enum cvn_x225_service)s))
            continue;
        ck_assert_msg(done[s][CVN_REQUEST] > 0, "%s", cvn_x225_service_name(s));
        ck_assert_msg(done[s][CVN_INDICATION] > 0, "%s", cvn_x225_service_name(s));
    }
    for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++)
        ck_assert_msg(done[answers[i]][CVN_CONFIRM] > 0, "%s", cvn_x225_service_name(answers[i]));
}

START_TEST(two_machines_never_break_the_protocol)
{
    many(false, false, 300);
}
END_TEST

START_TEST(nor_with_symmetric_synchronize)
{
    many(true, false, 200);
}
END_TEST

START_TEST(nor_with_data_separation)
{
    many(false, true, 200);
}
END_TEST

START_TEST(nor_with_both)
{
    many(true, true, 200);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("x225 at random");
    TCase *t = tcase_create("random");
    tcase_set_timeout(t, 100);
    tcase_add_test(t, two_machines_never_break_the_protocol);
    tcase_add_test(t, nor_with_symmetric_synchronize);
    tcase_add_test(t, nor_with_data_separation);
    tcase_add_test(t, nor_with_both);
    suite_add_tcase(s, t);
    SRunner *runner = srunner_create(s);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
