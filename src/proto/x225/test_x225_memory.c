/* SPDX-License-Identifier: MIT */
/*
 * The memory of the machine: how much it holds when idle, and a conversation in which
 * each allocation fails once. What could not be done for want of memory has left no
 * trace: asked again it is done, and the conversation ends as if nothing had been.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/x225/test_pair.h"

#define IDLE_MAX 700u

struct memory {
    size_t held;
    unsigned long count;
    unsigned long fail_at; /* 0: never */
    unsigned failed;
};

static struct memory memory;
static struct pair p;
static uint8_t *big;

static void *resize(void *ctx, void *q, size_t from, size_t to)
{
    struct memory *m = ctx;
    if (to > 0 && ++m->count == m->fail_at) {
        m->failed++;
        return NULL;
    }
    ck_assert_uint_ge(m->held, from);
    if (to == 0) {
        m->held -= from;
        free(q);
        return NULL;
    }
    /* Always moved, so that what points at the old place is found out. */
    void *moved = malloc(to);
    ck_assert_ptr_nonnull(moved);
    if (q != NULL)
        memcpy(moved, q, from < to ? from : to);
    free(q);
    m->held += to - from;
    return moved;
}

static const struct cvn_alloc poor = {.resize = resize, .ctx = &memory};

static void begin(unsigned long fail_at)
{
    struct cvn_x225_opts o = {.alloc = &poor};
    memory = (struct memory){.fail_at = 0};
    pair_init(&p, &o, &o);
    p.retry = true;
    p.slicing = PAIR_RANDOM;
    memory.count = 0;
    memory.fail_at = fail_at;
}

static void end(void)
{
    ck_assert_msg(p.protocol_errors == 0, "%s", p.why);
    pair_fini(&p);
    ck_assert_uint_eq(memory.held, 0);
}

static struct cvn_x225_prim with(struct cvn_x225_prim q, size_t n)
{
    q.data = (struct cvn_octets){big, n};
    return q;
}

static void say(unsigned side, struct cvn_x225_prim q, enum cvn_x225_type come)
{
    int rc = pair_ask(&p, side, &q);
    if (rc == CVN_ENOMEM) {
        ck_assert_uint_eq(memory.failed, 1);
        rc = pair_ask(&p, side, &q);
    }
    ck_assert_msg(rc == CVN_OK, "%s: %s", cvn_x225_service_name(q.service), cvn_err_name(rc));
    pair_run(&p);
    const struct cvn_x225_prim *i = pair_take(&p, !side, q.service, come);
    ck_assert_uint_eq(i->data.n, q.data.n);
    ck_assert(q.data.n == 0 || memcmp(i->data.p, big, q.data.n) == 0);
}

static void ask(unsigned side, enum cvn_x225_service s, size_t n)
{
    struct cvn_x225_prim q = pair_request(s);
    q.activity = pair_octets("act");
    q.tokens = CVN_TOKEN_DATA;
    q.resync = CVN_RESYNC_ABANDON;
    say(side, with(q, n), CVN_INDICATION);
}

static void answer(unsigned side, enum cvn_x225_service s, size_t n)
{
    struct cvn_x225_prim q = pair_response(s);
    if (s == CVN_S_SYNC_MINOR)
        q.serial = 1;
    say(side, with(q, n), CVN_CONFIRM);
}

/* A CN for which there is no memory is refused as congestion: then once more. */
static void connect(size_t n)
{
    struct cvn_x225_prim q = pair_request(CVN_S_CONNECT);
    q.units =
        CVN_FU_HALF_DUPLEX | CVN_FU_MINOR_SYNC | CVN_FU_ACTIVITY | CVN_FU_EXPEDITED | CVN_FU_RESYNC;
    q.serial = 1;
    q.calling = pair_octets("calling");
    for (;;) {
        struct cvn_x225_prim r = with(q, n);
        int rc = pair_ask(&p, 0, &r);
        if (rc == CVN_ENOMEM)
            continue;
        ck_assert_int_eq(rc, CVN_OK);
        pair_run(&p);
        if (p.side[1].first != NULL)
            break;
        ck_assert_uint_eq(pair_take(&p, 0, CVN_S_CONNECT, CVN_CONFIRM)->result, CVN_RF_CONGESTION);
        ck_assert_uint_eq(memory.failed, 1);
    }
    ck_assert_uint_eq(pair_take(&p, 1, CVN_S_CONNECT, CVN_INDICATION)->data.n, n);
    struct cvn_x225_prim r = pair_response(CVN_S_CONNECT);
    r.units = q.units;
    say(1, with(r, n), CVN_CONFIRM);
}

static void converse(void)
{
    p.expedited = true;
    connect(30000);
    ask(0, CVN_S_ACTIVITY_START, 100);
    ask(0, CVN_S_DATA, 70000);
    ask(0, CVN_S_EXPEDITED_DATA, 14);
    ask(0, CVN_S_SYNC_MINOR, 70000);
    answer(1, CVN_S_SYNC_MINOR, 70000);
    ask(1, CVN_S_RESYNCHRONIZE, 100);
    answer(0, CVN_S_RESYNCHRONIZE, 100);
    ask(0, CVN_S_ACTIVITY_END, 0);
    answer(1, CVN_S_ACTIVITY_END, 20);
    ask(0, CVN_S_RELEASE, 66000);
    answer(1, CVN_S_RELEASE, 66000);
    pair_states(&p, CVN_STA01, CVN_STA01);
    pair_quiet(&p);
    connect(10);
    ask(1, CVN_S_U_ABORT, 1000);
    pair_states(&p, CVN_STA01, CVN_STA01);
    pair_quiet(&p);
}

/* Crossing releases, with a response that is held; expedited data before AC. */
static void converse_more(void)
{
    struct cvn_x225_prim q = pair_request(CVN_S_CONNECT);
    struct cvn_x225_prim x = with(pair_request(CVN_S_EXPEDITED_DATA), 3);
    struct cvn_x225_prim a = pair_response(CVN_S_CONNECT);
    int rc;
    p.expedited = true;
    q.units = a.units = CVN_FU_DUPLEX | CVN_FU_EXPEDITED;
    while ((rc = pair_ask(&p, 0, &q)) == CVN_ENOMEM) {
    }
    ck_assert_int_eq(rc, CVN_OK);
    pair_run(&p);
    (void)pair_take(&p, 1, CVN_S_CONNECT, CVN_INDICATION);
    while ((rc = pair_ask(&p, 1, &a)) == CVN_ENOMEM) {
    }
    ck_assert_int_eq(rc, CVN_OK);
    for (int n = 0; n < 6; n++) {
        ck_assert_int_eq(pair_ask(&p, 1, &x), CVN_OK);
        pair_drain(&p, 1);
    }
    for (struct pair_tsdu *t = p.side[0].expedited.first; t != NULL; t = t->next)
        t->seq = 0;
    pair_run(&p);
    (void)pair_take(&p, 0, CVN_S_CONNECT, CVN_CONFIRM);
    for (int n = 0; n < 6; n++)
        (void)pair_take(&p, 0, CVN_S_EXPEDITED_DATA, CVN_INDICATION);
    q = pair_request(CVN_S_RELEASE);
    ck_assert_int_eq(pair_ask(&p, 0, &q), CVN_OK);
    ck_assert_int_eq(pair_ask(&p, 1, &q), CVN_OK);
    pair_run(&p);
    (void)pair_take(&p, 0, CVN_S_RELEASE, CVN_INDICATION);
    (void)pair_take(&p, 1, CVN_S_RELEASE, CVN_INDICATION);
    q = with(pair_response(CVN_S_RELEASE), 200);
    while ((rc = pair_ask(&p, 1, &q)) == CVN_ENOMEM) {
    }
    ck_assert_int_eq(rc, CVN_OK);
    pair_run(&p);
    answer(0, CVN_S_RELEASE, 0);
    ck_assert_uint_eq(pair_take(&p, 0, CVN_S_RELEASE, CVN_CONFIRM)->data.n, 200);
    pair_states(&p, CVN_STA01, CVN_STA01);
    pair_quiet(&p);
}

static void each_fails_once(void (*conversation)(void))
{
    begin(0);
    conversation();
    unsigned long count = memory.count;
    end();
    ck_assert_uint_ge(count, 5);
    for (unsigned long n = 1; n <= count; n++) {
        begin(n);
        conversation();
        ck_assert_uint_eq(memory.failed, 1);
        end();
    }
}

static void setup(void)
{
    big = malloc(200000);
    ck_assert_ptr_nonnull(big);
    for (size_t i = 0; i < 200000; i++)
        big[i] = (uint8_t)(i * 7);
}

static void teardown(void)
{
    free(big);
}

START_TEST(holds_little_when_idle)
{
    begin(0);
    converse();
    connect(20000);
    ask(0, CVN_S_ACTIVITY_START, 100);
    ask(0, CVN_S_EXPEDITED_DATA, 14);
    struct cvn_x225_prim ev;
    ck_assert_int_eq(cvn_x225_next(p.side[0].x, &ev, 0), CVN_NONE);
    ck_assert_int_eq(cvn_x225_next(p.side[1].x, &ev, 0), CVN_NONE);
    pair_states(&p, CVN_STA713, CVN_STA713);
    ck_assert_uint_le(memory.held, 2 * IDLE_MAX);
    printf("%zu octets for an idle machine\n", memory.held / 2);
    end();
}
END_TEST

START_TEST(takes_no_memory_for_the_ordinary)
{
    begin(0);
    connect(10);
    ask(0, CVN_S_ACTIVITY_START, 0);
    p.slicing = PAIR_WHOLE;
    memory.count = 0;
    for (int n = 0; n < 10; n++) {
        ask(0, CVN_S_DATA, 5000);
        struct cvn_x225_prim q = pair_request(CVN_S_SYNC_MINOR);
        say(0, q, CVN_INDICATION);
        q = pair_response(CVN_S_SYNC_MINOR);
        q.serial = (uint32_t)n + 1;
        say(1, q, CVN_CONFIRM);
    }
    ck_assert_uint_eq(memory.count, 0);
    end();
}
END_TEST

START_TEST(each_allocation_of_a_conversation_may_fail)
{
    each_fails_once(converse);
}
END_TEST

START_TEST(each_allocation_of_crossing_releases_may_fail)
{
    each_fails_once(converse_more);
}
END_TEST

START_TEST(a_machine_that_cannot_be_is_not_made)
{
    struct cvn_x225_opts o = {.alloc = &poor};
    struct cvn_x225 *x = NULL;
    memory = (struct memory){.fail_at = 1};
    ck_assert_int_eq(cvn_x225_new(&x, &o), CVN_ENOMEM);
    ck_assert_ptr_null(x);
    o.units = 0x2000;
    ck_assert_int_eq(cvn_x225_new(&x, &o), CVN_EINVAL);
    o.units = 0;
    o.versions = 4;
    ck_assert_int_eq(cvn_x225_new(&x, &o), CVN_EINVAL);
    ck_assert_int_eq(cvn_x225_new(&x, NULL), CVN_EINVAL);
    cvn_x225_free(NULL);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("x225 memory");
    TCase *t = tcase_create("memory");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_set_timeout(t, 100);
    tcase_add_test(t, holds_little_when_idle);
    tcase_add_test(t, takes_no_memory_for_the_ordinary);
    tcase_add_test(t, each_allocation_of_a_conversation_may_fail);
    tcase_add_test(t, each_allocation_of_crossing_releases_may_fail);
    tcase_add_test(t, a_machine_that_cannot_be_is_not_made);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
