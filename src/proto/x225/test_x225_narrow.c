/* SPDX-License-Identifier: MIT */
/* The narrow dialect: what is sent, octet by octet, and what is refused. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "proto/x225/test_pair.h"

static struct pair p;

static void setup(void)
{
    struct cvn_x225_opts narrow = {.minimal = true, .extended = true};
    pair_init(&p, &narrow, &narrow);
}

static void teardown(void)
{
    ck_assert_uint_eq(p.protocol_errors, 0);
    pair_fini(&p);
}

/* What side sends next is one TSDU, these octets. */
static void sends(unsigned side, const void *octets, size_t n)
{
    struct cvn_x225_out o;
    uint8_t got[1024];
    size_t len = 0;
    bool end = false;
    while (!end && cvn_x225_out(p.side[side].x, &o) == CVN_EVENT) {
        ck_assert_uint_le(len + o.header.n + o.data.n, sizeof got);
        if (o.kind == CVN_X225_T_DATA) {
            memcpy(got + len, o.header.p, o.header.n);
            len += o.header.n;
            if (o.data.n > 0)
                memcpy(got + len, o.data.p, o.data.n);
            len += o.data.n;
            end = o.end;
        }
        cvn_x225_out_done(p.side[side].x);
    }
    ck_assert(end);
    ck_assert_uint_eq(len, n);
    ck_assert_mem_eq(got, octets, n);
    pair_inject(&p, !side, got, len);
    pair_run(&p);
}

static void transport(void)
{
    ck_assert_int_eq(cvn_x225_transport_up(p.side[0].x, false, false, 0), CVN_OK);
    ck_assert_int_eq(cvn_x225_transport_up(p.side[1].x, true, false, 0), CVN_OK);
}

START_TEST(user_data_is_always_there)
{
    static const uint8_t cn[] = {13, 14, 5, 6, 0x13, 1, 0, 0x16, 1, 2, 0x14, 2, 0, 2, 0xc1, 0};
    static const uint8_t ac[] = {14, 14, 5, 6, 0x13, 1, 0, 0x16, 1, 2, 0x14, 2, 0, 2, 0xc1, 0};
    static const uint8_t dt[] = {1, 0, 1, 0, 'x'};
    static const uint8_t fn[] = {9, 2, 0xc1, 0};
    static const uint8_t dn[] = {10, 2, 0xc1, 0};
    struct cvn_x225_prim q = pair_request(CVN_S_CONNECT);
    q.units = CVN_FU_DUPLEX;
    ck_assert_int_eq(pair_ask(&p, 0, &q), CVN_OK);
    transport();
    sends(0, cn, sizeof cn);
    const struct cvn_x225_prim *i = pair_take(&p, 1, CVN_S_CONNECT, CVN_INDICATION);
    ck_assert_uint_eq(i->versions, 2);
    ck_assert_uint_eq(i->data.n, 0);
    q = pair_response(CVN_S_CONNECT);
    q.units = CVN_FU_DUPLEX;
    ck_assert_int_eq(pair_ask(&p, 1, &q), CVN_OK);
    sends(1, ac, sizeof ac);
    (void)pair_take(&p, 0, CVN_S_CONNECT, CVN_CONFIRM);
    q = pair_request(CVN_S_DATA);
    q.data = pair_octets("x");
    ck_assert_int_eq(pair_ask(&p, 0, &q), CVN_OK);
    sends(0, dt, sizeof dt);
    (void)pair_take(&p, 1, CVN_S_DATA, CVN_INDICATION);
    q = pair_request(CVN_S_RELEASE);
    ck_assert_int_eq(pair_ask(&p, 0, &q), CVN_OK);
    sends(0, fn, sizeof fn);
    (void)pair_take(&p, 1, CVN_S_RELEASE, CVN_INDICATION);
    q = pair_response(CVN_S_RELEASE);
    ck_assert_int_eq(pair_ask(&p, 1, &q), CVN_OK);
    sends(1, dn, sizeof dn);
    (void)pair_take(&p, 0, CVN_S_RELEASE, CVN_CONFIRM);
}
END_TEST

START_TEST(one_octet_is_enough_for_every_length)
{
    static const uint8_t zeros[400];
    struct cvn_x225_prim q = pair_request(CVN_S_CONNECT);
    q.units = CVN_FU_DUPLEX;
    q.called = pair_octets("1234567890123456");
    q.data = (struct cvn_octets){zeros, 223}; /* 8 + 4 + 18 + 2 + 223 = 255 */
    struct cvn_x225_prim copy = q;
    ck_assert_int_eq(cvn_x225_request(p.side[0].x, &copy, 0), CVN_ETOOBIG);
    q.data.n = 222;
    struct cvn_x225_prim a = pair_response(CVN_S_CONNECT);
    a.units = CVN_FU_DUPLEX;
    a.data = (struct cvn_octets){zeros, 240};
    pair_open_with(&p, &q, &a);
    q = pair_request(CVN_S_RELEASE);
    q.data = (struct cvn_octets){zeros, 253};
    ck_assert_int_eq(cvn_x225_request(p.side[0].x, &q, 0), CVN_ETOOBIG);
    q = pair_request(CVN_S_DATA);
    q.data = (struct cvn_octets){zeros, 400};
    ck_assert_int_eq(pair_ask(&p, 0, &q), CVN_OK);
    pair_run(&p);
    (void)pair_take(&p, 1, CVN_S_DATA, CVN_INDICATION);
}
END_TEST

START_TEST(what_it_has_not_is_refused)
{
    struct cvn_x225_prim q = pair_request(CVN_S_CONNECT);
    q.units = CVN_FU_DUPLEX;
    q.versions = 1;
    ck_assert_int_eq(pair_ask(&p, 0, &q), CVN_EINVAL);
    q.versions = 3;
    ck_assert_int_eq(pair_ask(&p, 0, &q), CVN_EINVAL);
    q.versions = 0;
    q.id.common = pair_octets("now");
    ck_assert_int_eq(pair_ask(&p, 0, &q), CVN_EINVAL);
    ck_assert_ptr_nonnull(strstr(cvn_x225_why(p.side[0].x, &q), "narrow dialect"));
    q.id.common = (struct cvn_octets){NULL, 0};
    q.tsdu_max_initiator = 1000;
    ck_assert_int_eq(pair_ask(&p, 0, &q), CVN_EINVAL);
    ck_assert_ptr_nonnull(strstr(cvn_x225_why(p.side[0].x, &q), "narrow dialect"));
    struct cvn_x225 *x;
    struct cvn_x225_opts o = {.minimal = true, .versions = 1};
    ck_assert_int_eq(cvn_x225_new(&x, &o), CVN_EINVAL);
}
END_TEST

START_TEST(releases_collide)
{
    struct cvn_x225_prim q = pair_request(CVN_S_CONNECT);
    struct cvn_x225_prim a = pair_response(CVN_S_CONNECT);
    q.units = a.units = CVN_FU_DUPLEX;
    pair_open_with(&p, &q, &a);
    q = pair_request(CVN_S_RELEASE);
    ck_assert_int_eq(pair_ask(&p, 0, &q), CVN_OK);
    ck_assert_int_eq(pair_ask(&p, 1, &q), CVN_OK);
    pair_run(&p);
    (void)pair_take(&p, 0, CVN_S_RELEASE, CVN_INDICATION);
    (void)pair_take(&p, 1, CVN_S_RELEASE, CVN_INDICATION);
    q = pair_response(CVN_S_RELEASE);
    ck_assert_int_eq(pair_ask(&p, 1, &q), CVN_OK); /* given early: kept until the peer's came */
    ck_assert_int_eq(pair_ask(&p, 0, &q), CVN_OK);
    pair_run(&p);
    (void)pair_take(&p, 0, CVN_S_RELEASE, CVN_CONFIRM);
    (void)pair_take(&p, 1, CVN_S_RELEASE, CVN_CONFIRM);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("x225_narrow");
    TCase *t = tcase_create("narrow");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, user_data_is_always_there);
    tcase_add_test(t, one_octet_is_enough_for_every_length);
    tcase_add_test(t, what_it_has_not_is_refused);
    tcase_add_test(t, releases_collide);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed == 0 ? 0 : 1;
}
