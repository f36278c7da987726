/* SPDX-License-Identifier: MIT */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "convene/x215.h"

static struct cvn_qos q;
static struct cvn_qos out;
static struct cvn_qos_provider can;
static const char *why;

static void setup(void)
{
    cvn_qos_init(&q);
    memset(&out, 0x5a, sizeof out);
    memset(&can, 0, sizeof can);
    why = NULL;
}

static int settle(void)
{
    struct cvn_qos before = out;
    int rc = cvn_qos_settle(&q, &can, &out, &why);
    ck_assert((rc == CVN_OK) == (why == NULL));
    ck_assert(rc == CVN_OK || memcmp(&out, &before, sizeof out) == 0);
    return rc;
}

START_TEST(nothing_asked_nothing_refused)
{
    ck_assert_int_eq(settle(), CVN_OK);
    ck_assert(!out.extended_control && !out.optimized_dialogue && out.priority == -1);
    ck_assert_int_eq(cvn_qos_dscp(&out), -1);
    ck_assert_int_eq(cvn_qos_so_priority(&out), -1);
}
END_TEST

START_TEST(protection_is_there_or_refused)
{
    for (unsigned asked = 0; asked < 4; asked++) {
        for (unsigned there = 0; there < 4; there++) {
            q.protection = (uint8_t)asked;
            can.protection = (uint8_t)there;
            ck_assert_int_eq(settle(), (asked & ~there) == 0 ? CVN_OK : CVN_EPERM);
        }
    }
    q.protection = 4;
    ck_assert_int_eq(settle(), CVN_EINVAL);
}
END_TEST

START_TEST(features_are_agreed_if_both_have_them)
{
    q.extended_control = q.optimized_dialogue = true;
    ck_assert_int_eq(settle(), CVN_OK);
    ck_assert(!out.extended_control && !out.optimized_dialogue);
    can.expedited = can.concatenation = true;
    ck_assert_int_eq(settle(), CVN_OK);
    ck_assert(out.extended_control && out.optimized_dialogue);
    q.extended_control = q.optimized_dialogue = false;
    ck_assert_int_eq(settle(), CVN_OK);
    ck_assert(!out.extended_control && !out.optimized_dialogue);
}
END_TEST

START_TEST(ranges)
{
    for (int i = 0; i < 2; i++) {
        setup();
        q.throughput[i] = (struct cvn_qos_range){1000, 500};
        ck_assert_int_eq(settle(), CVN_OK);
        ck_assert_uint_eq(out.throughput[i].desired, 1000);
        can.throughput[i] = 700;
        ck_assert_int_eq(settle(), CVN_OK);
        ck_assert_uint_eq(out.throughput[i].desired, 700);
        can.throughput[i] = 499;
        ck_assert_int_eq(settle(), CVN_EPERM);
        can.throughput[i] = 5000;
        ck_assert_int_eq(settle(), CVN_OK);
        ck_assert_uint_eq(out.throughput[i].desired, 1000);
        q.throughput[i].limit = 1001;
        ck_assert_int_eq(settle(), CVN_EINVAL);
        setup();
        q.transit_ns[i] = (struct cvn_qos_range){10, 20};
        can.transit_ns[i] = 15;
        ck_assert_int_eq(settle(), CVN_OK);
        ck_assert_uint_eq(out.transit_ns[i].desired, 15);
        can.transit_ns[i] = 21;
        ck_assert_int_eq(settle(), CVN_EPERM);
        q.transit_ns[i].limit = 9;
        ck_assert_int_eq(settle(), CVN_EINVAL);
    }
    setup();
    q.residual_error = (struct cvn_qos_range){1, 2};
    can.residual_error = 3;
    ck_assert_int_eq(settle(), CVN_EPERM);
    setup();
    q.establishment_ns = 5;
    can.establishment_ns = 6;
    ck_assert_int_eq(settle(), CVN_EPERM);
    can.establishment_ns = 5;
    ck_assert_int_eq(settle(), CVN_OK);
    q.resilience = 1000001;
    ck_assert_int_eq(settle(), CVN_EINVAL);
}
END_TEST

START_TEST(priorities)
{
    static const int dscp[15] = {46, 46, 46, 34, 34, 34, 18, 18, 18, 0, 0, 0, 1, 1, 1};
    static const int so[15] = {6, 6, 6, 5, 5, 4, 4, 3, 3, 3, 2, 2, 1, 1, 0};
    can.priorities = true;
    for (int i = 0; i < 15; i++) {
        q.priority = (int8_t)i;
        ck_assert_int_eq(settle(), CVN_OK);
        ck_assert_int_eq(cvn_qos_dscp(&out), dscp[i]);
        ck_assert_int_eq(cvn_qos_so_priority(&out), so[i]);
    }
    can.priorities = false;
    ck_assert_int_eq(settle(), CVN_OK);
    ck_assert_int_eq(out.priority, -1);
    q.priority = 15;
    ck_assert_int_eq(settle(), CVN_EINVAL);
    q.priority = -2;
    ck_assert_int_eq(settle(), CVN_EINVAL);
}
END_TEST

/* -------- on a connection -------- */

static struct cvn_sc *c[2];
static struct cvn_x225_prim last[2];
static uint8_t link_octets[1 << 14];

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
    }
    return len > 0;
}

static void run(void)
{
    while (carry(0) || carry(1))
        continue;
}

/* asked by the initiator, wished by the responder, who has transport expedited data or not. */
static void agree(const struct cvn_qos *asked, const struct cvn_qos *wished, bool expedited)
{
    struct cvn_s_connect s;
    for (unsigned i = 0; i < 2; i++) {
        struct cvn_sc_opts o = {.initiator = i == 0, .reference = 1, .expedited = expedited};
        ck_assert_int_eq(cvn_sc_new(&c[i], &o), CVN_OK);
    }
    cvn_s_connect_init(&s);
    s.units = CVN_FU_DUPLEX;
    s.qos = asked;
    ck_assert_int_eq(cvn_s_connect_request(c[0], &s, 0), CVN_OK);
    run();
    ck_assert_int_eq(last[1].service, CVN_S_CONNECT);
    s.qos = wished;
    ck_assert_int_eq(cvn_s_connect_response(c[1], &s, 0), CVN_OK);
    run();
    ck_assert_int_eq(last[0].service, CVN_S_CONNECT);
    ck_assert_int_eq(last[0].type, CVN_CONFIRM);
    cvn_sc_free(c[0]);
    cvn_sc_free(c[1]);
}

START_TEST(what_the_protocol_shows)
{
    struct cvn_qos wish;
    cvn_qos_init(&wish);
    wish.extended_control = wish.optimized_dialogue = true;
    agree(&wish, &wish, true);
    ck_assert(last[1].extended_control && last[1].optimized_dialogue);
    ck_assert(last[0].extended_control && last[0].optimized_dialogue);
    agree(&wish, NULL, false);
    ck_assert(!last[1].extended_control && last[1].optimized_dialogue);
    ck_assert(!last[0].extended_control && !last[0].optimized_dialogue);
    agree(NULL, &wish, true);
    ck_assert(!last[1].extended_control && !last[1].optimized_dialogue);
    ck_assert(!last[0].extended_control && !last[0].optimized_dialogue);
}
END_TEST

START_TEST(protection_that_is_not_there_refuses_the_connection)
{
    struct cvn_s_connect s;
    struct cvn_sc *sc;
    struct cvn_sc_opts o = {.initiator = true, .reference = 1, .protection = CVN_PROTECT_READING};
    ck_assert_int_eq(cvn_sc_new(&sc, &o), CVN_OK);
    cvn_s_connect_init(&s);
    s.units = CVN_FU_DUPLEX;
    s.qos = &q;
    q.protection = CVN_PROTECT_READING | CVN_PROTECT_CHANGING;
    ck_assert_int_eq(cvn_s_connect_request(sc, &s, 0), CVN_EPERM);
    ck_assert_uint_eq(cvn_sc_out_octets(sc), 0);
    struct cvn_x225_prim p;
    cvn_x225_prim_init(&p, CVN_S_CONNECT, CVN_REQUEST);
    p.units = CVN_FU_DUPLEX;
    p.protection = q.protection;
    ck_assert_ptr_nonnull(strstr(cvn_sc_why(sc, &p), "protection is asked for"));
    q.protection = CVN_PROTECT_READING;
    ck_assert_int_eq(cvn_s_connect_request(sc, &s, 0), CVN_OK);
    cvn_sc_free(sc);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("qos");
    TCase *t = tcase_create("qos");
    tcase_add_checked_fixture(t, setup, NULL);
    tcase_add_test(t, nothing_asked_nothing_refused);
    tcase_add_test(t, protection_is_there_or_refused);
    tcase_add_test(t, features_are_agreed_if_both_have_them);
    tcase_add_test(t, ranges);
    tcase_add_test(t, priorities);
    tcase_add_test(t, what_the_protocol_shows);
    tcase_add_test(t, protection_that_is_not_there_refuses_the_connection);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed == 0 ? 0 : 1;
}
