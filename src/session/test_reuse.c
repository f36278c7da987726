/* SPDX-License-Identifier: MIT */
/* Session connections one after another on one stream. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "convene/x215.h"

#define NOTHING cvn_octets_of(NULL)

static struct cvn_sc *c[2];
static struct cvn_x225_prim last[2];
static bool has_last[2];
static uint8_t link_octets[1 << 16];

static void make(bool reuse_0, bool reuse_1, bool expedited)
{
    for (int i = 0; i < 2; i++) {
        struct cvn_sc_opts o = {.initiator = i == 0,
                                .reference = 1,
                                .expedited = expedited,
                                .x225.reuse = i == 0 ? reuse_0 : reuse_1};
        ck_assert_int_eq(cvn_sc_new(&c[i], &o), CVN_OK);
    }
}

static void teardown(void)
{
    cvn_sc_free(c[0]);
    cvn_sc_free(c[1]);
}

static void next(unsigned side)
{
    struct cvn_x225_prim ev;
    while (cvn_sc_next(c[side], &ev, 0) == CVN_EVENT) {
        last[side] = ev;
        has_last[side] = true;
    }
}

static bool carry(unsigned from)
{
    struct cvn_iov iov[8];
    struct cvn_x225_prim ev;
    size_t n;
    size_t len = 0;
    while ((n = cvn_sc_out_iov(c[from], iov, 8)) > 0) {
        size_t sum = 0;
        for (size_t i = 0; i < n; i++) {
            memcpy(link_octets + len, iov[i].base, iov[i].len);
            len += iov[i].len;
            sum += iov[i].len;
        }
        cvn_sc_sent(c[from], sum);
    }
    for (size_t at = 0; len > 0;) {
        size_t used = 0;
        int rc = cvn_sc_feed(c[!from], link_octets + at, len - at, &used, &ev, 0);
        at += used;
        if (rc != CVN_EVENT)
            break;
        last[!from] = ev;
        has_last[!from] = true;
    }
    return len > 0;
}

static void run(void)
{
    has_last[0] = has_last[1] = false;
    while (carry(0) || carry(1))
        continue;
}

static void sees(unsigned side, enum cvn_x225_service s, enum cvn_x225_type t)
{
    ck_assert(has_last[side]);
    ck_assert_str_eq(cvn_x225_service_name(last[side].service), cvn_x225_service_name(s));
    ck_assert_int_eq(last[side].type, t);
}

static void ask_connect(uint16_t units)
{
    struct cvn_s_connect q;
    cvn_s_connect_init(&q);
    q.units = units;
    q.serial = 5;
    ck_assert_int_eq(cvn_s_connect_request(c[0], &q, 0), CVN_OK);
    run();
    sees(1, CVN_S_CONNECT, CVN_INDICATION);
}

static void connect_pair(uint16_t units)
{
    struct cvn_s_connect q;
    cvn_s_connect_init(&q);
    q.units = units;
    ask_connect(units);
    ck_assert_int_eq(cvn_s_connect_response(c[1], &q, 0), CVN_OK);
    run();
    sees(0, CVN_S_CONNECT, CVN_CONFIRM);
    ck_assert_uint_eq(last[0].result, CVN_RESULT_ACCEPT);
    ck_assert(!cvn_sc_idle(c[0]) && !cvn_sc_idle(c[1]));
}

static void release(bool keep)
{
    ck_assert_int_eq(cvn_s_release_request(c[0], keep, NOTHING, 0), CVN_OK);
    run();
    sees(1, CVN_S_RELEASE, CVN_INDICATION);
    ck_assert_int_eq(cvn_s_release_response(c[1], true, NOTHING, 0), CVN_OK);
    run();
    sees(0, CVN_S_RELEASE, CVN_CONFIRM);
}

START_TEST(a_thousand_one_after_another)
{
    static const uint16_t units[] = {CVN_FU_DUPLEX, CVN_FU_HALF_DUPLEX | CVN_FU_MINOR_SYNC,
                                     CVN_FU_HALF_DUPLEX | CVN_FU_ACTIVITY | CVN_FU_EXCEPTIONS};
    make(true, true, false);
    for (int i = 0; i < 1000; i++) {
        struct cvn_x225_vars v;
        connect_pair(units[i % 3]);
        cvn_sc_vars(c[1], &v);
        ck_assert_uint_eq(v.units, units[i % 3]); /* nothing of the one before is left */
        ck_assert_uint_eq(v.tokens_owned, 0);
        ck_assert_int_eq(cvn_s_data_request(c[0], cvn_octets_of("x"), NULL, 0), CVN_OK);
        run();
        sees(1, CVN_S_DATA, CVN_INDICATION);
        release(true);
        ck_assert(last[0].keep);
        ck_assert(cvn_sc_idle(c[0]) && cvn_sc_idle(c[1]));
        ck_assert(!cvn_sc_closing(c[0]) && !cvn_sc_closing(c[1]));
    }
    ck_assert_int_eq(cvn_sc_disconnect(c[0], 0), CVN_OK);
    ck_assert(cvn_sc_closing(c[0]) && !cvn_sc_idle(c[0]));
    next(0);
    ck_assert(!has_last[0] || last[0].service != CVN_S_P_ABORT);
    ck_assert_int_eq(cvn_sc_disconnect(c[0], 0), CVN_ESTATE);
}
END_TEST

START_TEST(only_its_initiator_connects_again)
{
    struct cvn_s_connect q;
    make(true, true, false);
    connect_pair(CVN_FU_DUPLEX);
    ck_assert_int_eq(cvn_sc_disconnect(c[0], 0), CVN_ESTATE);
    release(true);
    cvn_s_connect_init(&q);
    q.units = CVN_FU_DUPLEX;
    ck_assert_int_eq(cvn_s_connect_request(c[1], &q, 0), CVN_ESTATE);
    connect_pair(CVN_FU_DUPLEX);
    /* The responder's wish counts for nothing. */
    ck_assert_int_eq(cvn_s_release_request(c[1], true, NOTHING, 0), CVN_OK);
    run();
    sees(0, CVN_S_RELEASE, CVN_INDICATION);
    ck_assert(!last[0].keep);
    ck_assert_int_eq(cvn_s_release_response(c[0], true, NOTHING, 0), CVN_OK);
    run();
    sees(1, CVN_S_RELEASE, CVN_CONFIRM);
    ck_assert(!last[1].keep);
    ck_assert(!cvn_sc_idle(c[0]) && !cvn_sc_idle(c[1]));
    ck_assert(cvn_sc_closing(c[1]));
}
END_TEST

START_TEST(not_offered_or_not_wanted)
{
    make(true, true, false);
    connect_pair(CVN_FU_DUPLEX);
    release(false);
    ck_assert(!last[0].keep && !cvn_sc_idle(c[0]) && cvn_sc_closing(c[0]));
    teardown();
    make(false, true, false); /* the initiator has it switched off: keep says nothing */
    connect_pair(CVN_FU_DUPLEX);
    release(true);
    ck_assert(!last[0].keep && !cvn_sc_idle(c[0]));
    teardown();
    make(true, true, true); /* transport expedited data: never */
    connect_pair(CVN_FU_DUPLEX | CVN_FU_EXPEDITED);
    release(true);
    ck_assert(!last[0].keep && !cvn_sc_idle(c[0]));
}
END_TEST

/* A peer that ignores the wish: DN, and then it closes, or closes at the next CN. */
START_TEST(a_peer_that_does_not_keep_it)
{
    make(true, false, false);
    connect_pair(CVN_FU_DUPLEX);
    release(true);
    ck_assert(last[0].keep && cvn_sc_idle(c[0]));
    ck_assert(!cvn_sc_idle(c[1]));
    cvn_sc_stream_closed(c[0], 0);
    has_last[0] = false;
    next(0);
    ck_assert(!has_last[0]); /* no session connection has suffered */
    ck_assert(!cvn_sc_idle(c[0]) && cvn_sc_closing(c[0]));
    struct cvn_s_connect q;
    cvn_s_connect_init(&q);
    q.units = CVN_FU_DUPLEX;
    ck_assert_int_eq(cvn_s_connect_request(c[0], &q, 0), CVN_ESTATE);
    teardown();
    make(true, false, false);
    connect_pair(CVN_FU_DUPLEX);
    release(true);
    ck_assert_int_eq(cvn_s_connect_request(c[0], &q, 0), CVN_OK);
    run(); /* STA16 of the peer: CN, TDISreq */
    ck_assert(cvn_sc_closing(c[1]));
    cvn_sc_stream_closed(c[0], 0);
    next(0);
    sees(0, CVN_S_P_ABORT, CVN_INDICATION);
    ck_assert_uint_eq(last[0].reason, CVN_ABORT_TRANSPORT);
}
END_TEST

START_TEST(a_refused_connect_keeps_it)
{
    make(true, true, false);
    for (int i = 0; i < 3; i++) {
        ask_connect(CVN_FU_DUPLEX);
        ck_assert_int_eq(cvn_s_connect_refuse(c[1], CVN_RF_USER, NOTHING, 0), CVN_OK);
        run();
        sees(0, CVN_S_CONNECT, CVN_CONFIRM);
        ck_assert_uint_eq(last[0].result, CVN_RF_USER);
        ck_assert(last[0].keep && cvn_sc_idle(c[0]) && cvn_sc_idle(c[1]));
    }
    connect_pair(CVN_FU_DUPLEX);
}
END_TEST

START_TEST(an_abort_keeps_it_where_both_would)
{
    make(true, true, false);
    for (int side = 0; side < 2; side++) {
        connect_pair(CVN_FU_DUPLEX);
        ck_assert_int_eq(cvn_s_u_abort_request(c[side], NOTHING, 0), CVN_OK);
        ck_assert(!cvn_sc_idle(c[side])); /* until AA */
        run();
        sees(!side, CVN_S_U_ABORT, CVN_INDICATION);
        ck_assert(last[!side].keep);
        ck_assert(cvn_sc_idle(c[0]) && cvn_sc_idle(c[1]));
    }
    connect_pair(CVN_FU_DUPLEX);
    teardown();
    make(true, false, false);
    connect_pair(CVN_FU_DUPLEX);
    ck_assert_int_eq(cvn_s_u_abort_request(c[0], NOTHING, 0), CVN_OK);
    run();
    sees(1, CVN_S_U_ABORT, CVN_INDICATION);
    ck_assert(!last[1].keep && cvn_sc_closing(c[1]));
}
END_TEST

/* The abort that was offered for keeping is never answered: TIM ends it. */
START_TEST(no_answer_to_an_abort)
{
    make(true, true, false);
    connect_pair(CVN_FU_DUPLEX);
    ck_assert_int_eq(cvn_s_u_abort_request(c[0], NOTHING, 0), CVN_OK);
    cvn_time due = cvn_sc_deadline(c[0]);
    ck_assert(due != CVN_NEVER);
    cvn_sc_tick(c[0], due);
    ck_assert(cvn_sc_closing(c[0]) && !cvn_sc_idle(c[0]));
}
END_TEST

int main(void)
{
    Suite *s = suite_create("reuse");
    TCase *t = tcase_create("reuse");
    tcase_add_checked_fixture(t, NULL, teardown);
    tcase_add_test(t, a_thousand_one_after_another);
    tcase_add_test(t, only_its_initiator_connects_again);
    tcase_add_test(t, not_offered_or_not_wanted);
    tcase_add_test(t, a_peer_that_does_not_keep_it);
    tcase_add_test(t, a_refused_connect_keeps_it);
    tcase_add_test(t, an_abort_keeps_it_where_both_would);
    tcase_add_test(t, no_answer_to_an_abort);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed == 0 ? 0 : 1;
}
