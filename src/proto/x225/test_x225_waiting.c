/* SPDX-License-Identifier: MIT */
/*
 * What waits for something: expedited events for an acknowledgement, octets for room, a GTA for the end
 * of an SSDU, a response for the peer's.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "proto/x225/test_values.h"

/* Action [10] holds 256 events of the expedited flow. */
START_TEST(too_many_expedited_spdus)
{
    struct cvn_x225_prim q = resync(CVN_RESYNC_ABANDON, CVN_RESYNC_NONE);
    p.expedited = true;
    pair_open(&p, HD | SY | RESYN | CVN_FU_EXPEDITED);
    ck_assert_int_eq(pair_ask(&p, 0, &q), CVN_OK);
    drop_output(0);
    gives_nothing(0, "07 03 18 01 03", true); /* PR-RA: STA15C, which queues */
    for (int i = 0; i < 256; i++)
        gives_nothing(0, "05 00 61", true);
    ck_assert_uint_eq(pair_vars(&p, 0).queued, 256);
    struct cvn_x225_prim ev;
    ck_assert_int_eq(given(0, "05 00 61", true, &ev), CVN_EVENT);
    ck_assert_uint_eq(ev.service, CVN_S_P_ABORT);
    ck_assert_ptr_nonnull(strstr(ev.why, "too many expedited SPDUs"));
    ck_assert_uint_eq(pair_vars(&p, 0).queued, 0);
}
END_TEST

/* AB needs no place in the queue. */
START_TEST(an_abort_comes_though_the_queue_is_full)
{
    struct cvn_x225_prim q = resync(CVN_RESYNC_ABANDON, CVN_RESYNC_NONE);
    p.expedited = true;
    pair_open(&p, HD | SY | RESYN | CVN_FU_EXPEDITED);
    ck_assert_int_eq(pair_ask(&p, 0, &q), CVN_OK);
    drop_output(0);
    gives_nothing(0, "07 03 18 01 03", true);
    for (int i = 0; i < 256; i++)
        gives_nothing(0, "05 00 61", true);
    gives(0, "19 03 11 01 03", true, CVN_S_U_ABORT);
}
END_TEST

/* EX, then the PREPARE that announced AI or AD: which is spent, the EX is not (STA713). */
START_TEST(a_prepare_that_crossed_the_end_of_an_activity)
{
    struct cvn_x225_prim q = pair_request(CVN_S_ACTIVITY_START);
    p.expedited = true;
    pair_open(&p, HD | SY | ACT | CVN_FU_EXPEDITED);
    q.activity = some(1);
    pair_do(&p, 0, &q);
    pair_do_request(&p, 0, CVN_S_ACTIVITY_END);
    (void)pair_take(&p, 1, CVN_S_ACTIVITY_START, CVN_INDICATION);
    (void)pair_take(&p, 1, CVN_S_ACTIVITY_END, CVN_INDICATION);
    ck_assert_int_eq(cvn_x225_state(p.side[1].x), CVN_STA10B);
    q = pair_response(CVN_S_ACTIVITY_END);
    ck_assert_int_eq(pair_ask(&p, 1, &q), CVN_OK);
    drop_output(1);
    gives_nothing(1, "07 03 18 01 02", true); /* PR-RS; the AI behind it crosses our AEA */
    gives(1, "01 00 19 00", false, CVN_S_ACTIVITY_INTERRUPT);
    ck_assert_uint_eq(pair_vars(&p, 1).queued, 0);
}
END_TEST

/* What an accept asks for (event PT) waits until there is room. */
START_TEST(please_of_an_accept_waits_for_room)
{
    struct cvn_x225_prim q = pair_request(CVN_S_CONNECT);
    struct cvn_x225_prim d = pair_request(CVN_S_DATA);
    struct cvn_x225_prim ev;
    q.units = HD;
    ck_assert_int_eq(pair_ask(&p, 0, &q), CVN_OK);
    ck_assert_int_eq(cvn_x225_transport_up(p.side[0].x, false, false, 0), CVN_OK);
    drop_output(0);
    gives(0, "0e 0f 05 06 13 01 00 16 01 02 10 01 01 14 02 00 01", false, CVN_S_CONNECT);
    d.data = some(1);
    while (pair_ask(&p, 0, &d) == CVN_OK) {
    }
    ck_assert_int_eq(cvn_x225_next(p.side[0].x, &ev, 0), CVN_NONE);
    size_t used;
    ck_assert_int_eq(cvn_x225_feed(p.side[0].x, big, 1, true, false, false, &used, &ev, 0),
                     CVN_FULL);
    drop_output(0);
    ck_assert_int_eq(cvn_x225_next(p.side[0].x, &ev, 0), CVN_EVENT);
    ck_assert_uint_eq(ev.service, CVN_S_TOKEN_PLEASE);
    ck_assert_uint_eq(ev.tokens, CVN_TOKEN_DATA);
}
END_TEST

/* A first slice that was refused is still the first. */
START_TEST(a_slice_that_was_refused_comes_again)
{
    static const uint8_t octets[] = {1, 0, 1, 0, 'x'};
    struct cvn_x225_prim d = pair_request(CVN_S_DATA);
    struct cvn_x225_prim ev;
    size_t used;
    pair_open(&p, FD);
    d.data = some(1);
    while (pair_ask(&p, 0, &d) == CVN_OK) {
    }
    ck_assert_int_eq(cvn_x225_feed(p.side[0].x, octets, 5, true, true, false, &used, &ev, 0),
                     CVN_FULL);
    drop_output(0);
    ck_assert_int_eq(cvn_x225_feed(p.side[0].x, octets, 5, false, true, false, &used, &ev, 0),
                     CVN_EVENT);
    ck_assert_uint_eq(ev.service, CVN_S_DATA);
    ck_assert_mem_eq(ev.data.p, "x", 1);
}
END_TEST

/* Octets of a transport connection that is gone, or not there yet. */
START_TEST(octets_without_a_transport_are_dropped)
{
    struct cvn_x225_prim q = pair_request(CVN_S_CONNECT);
    gives_nothing(0, "01 00 01 00 61", false);
    ck_assert_int_eq(cvn_x225_transport_down(p.side[0].x, 0), CVN_ESTATE);
    ck_assert_int_eq(cvn_x225_transport_up(p.side[0].x, false, false, 0), CVN_ESTATE);
    ck_assert_int_eq(pair_ask(&p, 0, &q), CVN_OK);
    ck_assert_int_eq(cvn_x225_state(p.side[0].x), CVN_STA01B);
    gives_nothing(0, "01 00 01 00 61", false);
    ck_assert_int_eq(cvn_x225_transport_up(p.side[0].x, true, false, 0), CVN_ESTATE);
    ck_assert_int_eq(cvn_x225_transport_up(p.side[0].x, false, false, 0), CVN_OK);
}
END_TEST

/* --- slices of the user --- */

START_TEST(an_ssdu_is_not_empty_however_it_is_given)
{
    struct cvn_x225_prim d = pair_request(CVN_S_DATA);
    struct cvn_x225_prim x = pair_request(CVN_S_EXPEDITED_DATA);
    p.expedited = true;
    pair_open(&p, FD | CVN_FU_EXPEDITED | CVN_FU_TYPED_DATA);
    is_refused(d, CVN_EINVAL);
    d.end = false;
    is_refused(d, CVN_OK); /* begun, with nothing yet */
    d.begin = false;
    d.end = true;
    is_refused(d, CVN_EINVAL);
    x.data = some(14);
    pair_do(&p, 0, &x); /* goes between */
    d.data = some(2);
    pair_do(&p, 0, &d);
    ck_assert_uint_eq(pair_take(&p, 1, CVN_S_EXPEDITED_DATA, CVN_INDICATION)->data.n, 14);
    ck_assert_uint_eq(pair_take(&p, 1, CVN_S_DATA, CVN_INDICATION)->data.n, 2);
    pair_quiet(&p);
}
END_TEST

/* A GTA that waits for the end of an SSDU goes when that is given up. */
START_TEST(a_gta_that_waits_goes_before_an_abort)
{
    struct cvn_x225_prim t = pair_request(CVN_S_TYPED_DATA);
    struct cvn_x225_prim a = pair_request(CVN_S_U_ABORT);
    struct cvn_x225_out o;
    p.expedited = true;
    pair_open(&p, HD | ACT | CVN_FU_TYPED_DATA);
    t.data = some(3);
    t.end = false;
    ck_assert_int_eq(pair_ask(&p, 1, &t), CVN_OK);
    drop_output(1);
    gives(1, "15 00", false, CVN_S_CONTROL_GIVE);
    ck_assert_int_eq(cvn_x225_out(p.side[1].x, &o), CVN_NONE); /* GTA waits */
    a.data = some(100);
    ck_assert_int_eq(pair_ask(&p, 1, &a), CVN_OK);
    ck_assert_int_eq(cvn_x225_out(p.side[1].x, &o), CVN_EVENT);
    ck_assert_int_eq(o.kind, CVN_X225_T_EXPEDITED); /* PREPARE: what follows is not looked at */
    cvn_x225_out_done(p.side[1].x);
    ck_assert_int_eq(cvn_x225_out(p.side[1].x, &o), CVN_EVENT);
    ck_assert(o.kind == CVN_X225_T_DATA && o.end && o.header.n + o.data.n == 0);
    cvn_x225_out_done(p.side[1].x);
    ck_assert_int_eq(cvn_x225_out(p.side[1].x, &o), CVN_EVENT);
    ck_assert_mem_eq(o.header.p, "\x16\x00", 2);
    cvn_x225_out_done(p.side[1].x);
    ck_assert_int_eq(cvn_x225_out(p.side[1].x, &o), CVN_EVENT);
    ck_assert_uint_eq(o.header.p[0], 25);
}
END_TEST

/* The error has no octets to be reflected: AB, though ER was wanted. */
START_TEST(an_empty_tsdu_is_answered_by_abort)
{
    struct cvn_x225_opts o = {.error_report = true};
    struct cvn_x225_prim ev;
    size_t used;
    again(NULL, &o);
    pair_open(&p, HD | CVN_FU_EXCEPTIONS);
    ck_assert_int_eq(cvn_x225_feed(p.side[1].x, NULL, 0, true, true, false, &used, &ev, 0),
                     CVN_EVENT);
    ck_assert_uint_eq(ev.service, CVN_S_P_ABORT);
    ck_assert_uint_eq(ev.reflected.n, 0);
    ck_assert_int_eq(cvn_x225_state(p.side[1].x), CVN_STA16);
}
END_TEST

/* 6.3 of the procedures: DN was asked for early; PR-AB comes, and then DN: nothing goes out. */
START_TEST(a_release_answered_early_ends_with_an_abort)
{
    struct cvn_x225_prim r = pair_request(CVN_S_RELEASE);
    struct cvn_x225_prim a = pair_response(CVN_S_RELEASE);
    p.expedited = true;
    pair_open(&p, FD);
    ck_assert_int_eq(pair_ask(&p, 1, &r), CVN_OK);
    drop_output(1);
    gives(1, "09 00", false, CVN_S_RELEASE);
    ck_assert_int_eq(pair_ask(&p, 1, &a), CVN_OK);
    ck_assert_int_eq(pair_ask(&p, 1, &a), CVN_ESTATE); /* once */
    gives_nothing(1, "07 03 18 01 04", true);
    gives_nothing(1, "0a 00", false);
    ck_assert_int_eq(cvn_x225_state(p.side[1].x), CVN_STA15D);
    struct cvn_x225_out o;
    ck_assert_int_eq(cvn_x225_out(p.side[1].x, &o), CVN_NONE);
}
END_TEST

/* MAA under symmetric synchronize: both of its numbers must be right (p173). */
START_TEST(a_major_confirm_names_two_numbers)
{
    static const struct {
        const char *maa;
        bool right;
    } rows[] = {
        {"02 00 2a 06 2a 01 31 36 01 31", true}, /* next of the peer's flow, last of ours */
        {"02 00 2a 06 2a 01 32 36 01 31", false},
        {"02 00 2a 06 2a 01 31 36 01 32", false},
        {"02 00 2a 06 2a 01 32 36 01 32", false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct cvn_x225_prim q = pair_request(CVN_S_SYNC_MAJOR);
        open_units(FD | SS | MA);
        ck_assert_int_eq(pair_ask(&p, 0, &q), CVN_OK);
        drop_output(0);
        if (rows[i].right)
            gives(0, rows[i].maa, false, CVN_S_SYNC_MAJOR);
        else
            is_wrong(0, rows[i].maa, "serial number");
    }
}
END_TEST

/* FN offers to keep the transport connection where its user wants to. */
START_TEST(a_release_that_does_not_offer_reuse)
{
    struct cvn_x225_opts o = {.reuse = true};
    for (int keep = 0; keep < 2; keep++) {
        struct cvn_x225_prim r = pair_request(CVN_S_RELEASE);
        again(&o, &o);
        pair_open(&p, FD);
        r.keep = keep != 0;
        pair_do(&p, 0, &r);
        ck_assert(pair_take(&p, 1, CVN_S_RELEASE, CVN_INDICATION)->keep == r.keep);
        pair_do_response(&p, 1, CVN_S_RELEASE);
        ck_assert(pair_take(&p, 0, CVN_S_RELEASE, CVN_CONFIRM)->keep == r.keep);
        ck_assert_int_eq(cvn_x225_state(p.side[0].x), keep != 0 ? CVN_STA01C : CVN_STA01);
    }
}
END_TEST

/* The queue for the transport is larger than the machine itself holds, and goes round. */
START_TEST(many_things_wait_for_the_transport)
{
    struct cvn_x225_prim d = pair_request(CVN_S_DATA);
    unsigned told = 0;
    pair_open(&p, FD);
    d.data = some(1);
    for (int round = 0; round < 20; round++) {
        struct cvn_x225_out o;
        while (pair_ask(&p, 0, &d) == CVN_OK)
            told++;
        for (int i = 0; i < 3; i++, told--) {
            ck_assert_int_eq(cvn_x225_out(p.side[0].x, &o), CVN_EVENT);
            ck_assert_uint_eq(o.header.n + o.data.n, 5);
            cvn_x225_out_done(p.side[0].x);
        }
    }
    struct cvn_x225_out o;
    for (; told > 0; told--) {
        ck_assert_int_eq(cvn_x225_out(p.side[0].x, &o), CVN_EVENT);
        cvn_x225_out_done(p.side[0].x);
    }
    ck_assert_int_eq(cvn_x225_out(p.side[0].x, &o), CVN_NONE);
}
END_TEST

static bool no_memory;

static void *poor(void *ctx, void *q, size_t from, size_t to)
{
    (void)ctx;
    (void)from;
    if (to == 0) {
        free(q);
        return NULL;
    }
    return no_memory ? NULL : realloc(q, to);
}

/* TIM runs out with no room and no memory for more: what waits goes with its connection. */
START_TEST(tim_needs_no_memory)
{
    static const struct cvn_alloc alloc = {.resize = poor};
    struct cvn_x225_opts o = {.alloc = &alloc};
    struct cvn_x225_prim d = pair_request(CVN_S_DATA);
    struct cvn_x225_prim a = pair_request(CVN_S_U_ABORT);
    struct cvn_x225_out out;
    int rc = CVN_OK;
    again(&o, NULL);
    pair_open(&p, FD);
    d.data = some(1);
    ck_assert_int_eq(pair_ask(&p, 0, &d), CVN_OK);
    rc = pair_ask(&p, 0, &a);
    ck_assert_int_eq(rc, CVN_OK);
    no_memory = true;
    cvn_x225_tick(p.side[0].x, cvn_x225_deadline(p.side[0].x));
    no_memory = false;
    ck_assert_int_eq(cvn_x225_state(p.side[0].x), CVN_STA01);
    ck_assert_int_eq(cvn_x225_out(p.side[0].x, &out), CVN_EVENT);
    ck_assert_int_eq(out.kind, CVN_X225_T_DISCONNECT);
}
END_TEST

/* What belongs to S-CONNECT says nothing elsewhere. */
START_TEST(what_a_service_does_not_have_is_ignored)
{
    struct cvn_x225_prim d = pair_request(CVN_S_DATA);
    struct cvn_x225_prim ev;
    pair_open(&p, HD | SY);
    d.data = some(1);
    d.simplex = true;
    d.optimized_dialogue = true;
    ck_assert_int_eq(pair_ask(&p, 0, &d), CVN_OK);
    struct cvn_x225_prim t = pair_request(CVN_S_TOKEN_GIVE);
    t.tokens = CVN_TOKEN_DATA;
    ck_assert_int_eq(pair_ask(&p, 0, &t), CVN_OK); /* no one-way dialogue */
    ck_assert_int_eq(given(1, "01 00 31 03 2a 01 31 31 03 2a 01 32", false, &ev), CVN_EVENT);
    ck_assert_uint_eq(ev.service, CVN_S_P_ABORT); /* nor extended concatenation */
    ck_assert_int_eq(cvn_x225_allowed(p.side[0].x, CVN_S_DATA, CVN_INDICATION), CVN_EINVAL);
    ck_assert_int_eq(cvn_x225_allowed(p.side[0].x, CVN_S_SERVICES, CVN_REQUEST), CVN_EINVAL);
}
END_TEST

/* The narrow dialect has no user data of its own making in AB. */
START_TEST(an_abort_of_the_narrow_dialect)
{
    struct cvn_x225_opts o = {.minimal = true};
    struct cvn_x225_prim a = pair_request(CVN_S_U_ABORT);
    struct cvn_x225_out out;
    again(&o, NULL);
    pair_open(&p, FD);
    ck_assert_int_eq(pair_ask(&p, 0, &a), CVN_OK);
    ck_assert_int_eq(cvn_x225_out(p.side[0].x, &out), CVN_EVENT);
    ck_assert_uint_eq(out.header.n, 5);
    ck_assert_mem_eq(out.header.p, "\x19\x03\x11\x01\x03", 5);
}
END_TEST

static void add_waiting_tests(TCase *t)
{
    tcase_add_test(t, many_things_wait_for_the_transport);
    tcase_add_test(t, tim_needs_no_memory);
    tcase_add_test(t, what_a_service_does_not_have_is_ignored);
    tcase_add_test(t, an_abort_of_the_narrow_dialect);
    tcase_add_test(t, too_many_expedited_spdus);
    tcase_add_test(t, an_abort_comes_though_the_queue_is_full);
    tcase_add_test(t, a_prepare_that_crossed_the_end_of_an_activity);
    tcase_add_test(t, please_of_an_accept_waits_for_room);
    tcase_add_test(t, a_slice_that_was_refused_comes_again);
    tcase_add_test(t, octets_without_a_transport_are_dropped);
    tcase_add_test(t, an_ssdu_is_not_empty_however_it_is_given);
    tcase_add_test(t, a_gta_that_waits_goes_before_an_abort);
    tcase_add_test(t, an_empty_tsdu_is_answered_by_abort);
    tcase_add_test(t, a_release_answered_early_ends_with_an_abort);
    tcase_add_test(t, a_major_confirm_names_two_numbers);
    tcase_add_test(t, a_release_that_does_not_offer_reuse);
}

int main(void)
{
    Suite *s = suite_create("x225 waiting");
    TCase *t = tcase_create("all");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_set_timeout(t, 60);
    add_waiting_tests(t);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_ENV);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed == 0 ? 0 : 1;
}
