/* SPDX-License-Identifier: MIT */
/* Why a request is refused, in words; one-way dialogue. That the words come exactly when the
 * machine refuses is asserted by pair_ask() in all tests of pairs. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "proto/x225/test_pair.h"

#define UNITS                                                                                      \
    (CVN_FU_HALF_DUPLEX | CVN_FU_MINOR_SYNC | CVN_FU_MAJOR_SYNC | CVN_FU_RESYNC |                  \
     CVN_FU_ACTIVITY | CVN_FU_EXCEPTIONS)

static struct pair p;

static void setup(void)
{
    pair_init(&p, NULL, NULL);
}

static void teardown(void)
{
    pair_fini(&p);
}

static const char *why(unsigned side, enum cvn_x225_service s)
{
    struct cvn_x225_prim q = pair_request(s);
    q.activity = pair_octets("a");
    q.data = s == CVN_S_DATA ? pair_octets("x") : q.data;
    return cvn_x225_why(p.side[side].x, &q);
}

static void says(const char *text, const char *part)
{
    ck_assert_msg(text != NULL && strstr(text, part) != NULL, "'%s' does not say '%s'",
                  text != NULL ? text : "(allowed)", part);
}

static void start(void)
{
    struct cvn_x225_prim q = pair_request(CVN_S_ACTIVITY_START);
    q.activity = pair_octets("a");
    pair_do(&p, 0, &q);
    (void)pair_take(&p, 1, CVN_S_ACTIVITY_START, CVN_INDICATION);
}

START_TEST(before_a_connection)
{
    says(why(0, CVN_S_DATA), "there is no session connection");
    says(why(0, CVN_S_RELEASE), "there is no session connection");
    struct cvn_x225_prim q = pair_request(CVN_S_CONNECT);
    q.units = CVN_FU_DUPLEX;
    ck_assert_ptr_null(cvn_x225_why(p.side[0].x, &q));
    q.units = CVN_FU_TYPED_DATA;
    says(cvn_x225_why(p.side[0].x, &q), "neither half-duplex nor duplex");
    q.units = CVN_FU_DUPLEX | CVN_FU_EXCEPTIONS;
    says(cvn_x225_why(p.side[0].x, &q), "exceptions need half-duplex");
    q.units = CVN_FU_DUPLEX | CVN_FU_CAPABILITY;
    says(cvn_x225_why(p.side[0].x, &q), "needs activity management");
    q.units = CVN_FU_DUPLEX | CVN_FU_DATA_SEPARATION;
    says(cvn_x225_why(p.side[0].x, &q), "data separation needs");
    q.units = CVN_FU_DUPLEX | CVN_FU_MINOR_SYNC;
    says(cvn_x225_why(p.side[0].x, &q), "initial serial number");
    q.units = CVN_FU_DUPLEX;
    q.calling = pair_octets("12345678901234567");
    says(cvn_x225_why(p.side[0].x, &q), "selector is longer than 16");
    q = pair_response(CVN_S_DATA);
    says(cvn_x225_why(p.side[0].x, &q), "no such primitive");
    q = pair_request(CVN_S_P_ABORT);
    says(cvn_x225_why(p.side[0].x, &q), "no such primitive");
    q.service = CVN_S_SERVICES;
    says(cvn_x225_why(p.side[0].x, &q), "no such service");
}
END_TEST

START_TEST(the_position_of_a_token)
{
    pair_open(&p, UNITS & ~CVN_FU_ACTIVITY & 0xffff);
    ck_assert_str_eq(why(1, CVN_S_DATA), "the data token is with the peer");
    ck_assert_ptr_null(why(0, CVN_S_SYNC_MINOR));
    struct cvn_x225_prim q = pair_request(CVN_S_TOKEN_GIVE);
    q.tokens = CVN_TOKEN_MINOR;
    pair_do(&p, 0, &q);
    (void)pair_take(&p, 1, CVN_S_TOKEN_GIVE, CVN_INDICATION);
    ck_assert_str_eq(why(0, CVN_S_SYNC_MINOR), "the synchronize-minor token is with the peer");
    ck_assert_str_eq(why(1, CVN_S_SYNC_MAJOR), "the data token is with the peer");
    ck_assert_str_eq(cvn_x225_why(p.side[0].x, &q), "the synchronize-minor token is with the peer");
    says(why(0, CVN_S_U_EXCEPTION_REPORT), "this side has the data token");
    ck_assert_ptr_null(why(1, CVN_S_U_EXCEPTION_REPORT));
    q.tokens = CVN_TOKEN_RELEASE;
    says(cvn_x225_why(p.side[0].x, &q), "there is no release token");
    q.tokens = 0;
    says(cvn_x225_why(p.side[0].x, &q), "at least one token");
}
END_TEST

START_TEST(units_and_activities)
{
    pair_open(&p, UNITS);
    says(why(0, CVN_S_TYPED_DATA), "typed data was not agreed");
    says(why(0, CVN_S_CAPABILITY_DATA), "capability data exchange was not agreed");
    struct cvn_x225_prim q = pair_request(CVN_S_EXPEDITED_DATA);
    q.data = pair_octets("x");
    says(cvn_x225_why(p.side[0].x, &q), "expedited data was not agreed");
    ck_assert_str_eq(why(0, CVN_S_SYNC_MINOR), "no activity is in progress");
    ck_assert_str_eq(why(0, CVN_S_ACTIVITY_END), "no activity is in progress");
    ck_assert_ptr_null(why(0, CVN_S_RELEASE));
    start();
    ck_assert_str_eq(why(0, CVN_S_RELEASE), "an activity is in progress");
    ck_assert_str_eq(why(0, CVN_S_ACTIVITY_START), "an activity is in progress");
    ck_assert_ptr_null(why(0, CVN_S_SYNC_MINOR));
    q = pair_response(CVN_S_SYNC_MINOR);
    q.serial = 7;
    says(cvn_x225_why(p.side[1].x, &q), "no point of that number");
    q = pair_response(CVN_S_SYNC_MAJOR);
    says(cvn_x225_why(p.side[1].x, &q), "no S-SYNC-MAJOR indication waits");
    pair_do_request(&p, 0, CVN_S_SYNC_MAJOR);
    (void)pair_take(&p, 1, CVN_S_SYNC_MAJOR, CVN_INDICATION);
    says(why(0, CVN_S_DATA), "S-SYNC-MAJOR was requested");
    says(why(1, CVN_S_RELEASE), "S-SYNC-MAJOR indication waits for its response");
    ck_assert_ptr_null(cvn_x225_why(p.side[1].x, &q));
}
END_TEST

START_TEST(an_ssdu_that_is_open)
{
    pair_open(&p, CVN_FU_DUPLEX);
    struct cvn_x225_prim q = pair_request(CVN_S_DATA);
    q.data = pair_octets("x");
    q.end = false;
    pair_do(&p, 0, &q);
    says(why(0, CVN_S_RELEASE), "begun and not ended");
    says(why(0, CVN_S_DATA), "begun and not ended");
    ck_assert_ptr_null(why(0, CVN_S_U_ABORT));
    q.begin = false;
    q.end = true;
    pair_do(&p, 0, &q);
    says(cvn_x225_why(p.side[0].x, &q), "no such SSDU has been begun");
    ck_assert_ptr_null(why(0, CVN_S_RELEASE));
}
END_TEST

START_TEST(version_1_carries_little)
{
    static const uint8_t zeros[600];
    struct cvn_x225_prim q = pair_request(CVN_S_CONNECT);
    struct cvn_x225_prim a = pair_response(CVN_S_CONNECT);
    q.units = a.units = CVN_FU_HALF_DUPLEX;
    q.versions = 1;
    pair_open_with(&p, &q, &a);
    q = pair_request(CVN_S_TOKEN_GIVE);
    q.tokens = CVN_TOKEN_DATA;
    q.data = (struct cvn_octets){zeros, 1};
    says(cvn_x225_why(p.side[0].x, &q), "no user data");
    q = pair_request(CVN_S_U_ABORT);
    q.data = (struct cvn_octets){zeros, 10};
    says(cvn_x225_why(p.side[0].x, &q), "at most 9");
    q = pair_request(CVN_S_RELEASE);
    q.data = (struct cvn_octets){zeros, 513};
    says(cvn_x225_why(p.side[0].x, &q), "at most 512");
    q.data.n = 512;
    ck_assert_ptr_null(cvn_x225_why(p.side[0].x, &q));
}
END_TEST

static void open_one_way(bool initiator_too)
{
    struct cvn_x225_prim q = pair_request(CVN_S_CONNECT);
    struct cvn_x225_prim a = pair_response(CVN_S_CONNECT);
    q.units = a.units = UNITS & ~CVN_FU_ACTIVITY & 0xffff;
    q.serial = 1;
    q.simplex = initiator_too;
    a.simplex = true;
    pair_open_with(&p, &q, &a);
}

static int ask(unsigned side, enum cvn_x225_service s, uint8_t tokens)
{
    struct cvn_x225_prim q = pair_request(s);
    q.tokens = tokens;
    q.data = s == CVN_S_DATA ? pair_octets("x") : q.data;
    int rc = pair_ask(&p, side, &q);
    pair_run(&p);
    return rc;
}

static int resync(unsigned side, uint8_t setting)
{
    struct cvn_x225_prim q = pair_request(CVN_S_RESYNCHRONIZE);
    q.resync = CVN_RESYNC_SET;
    q.serial = 5;
    q.has_token_setting = true;
    q.token_setting = setting;
    int rc = pair_ask(&p, side, &q);
    pair_run(&p);
    return rc;
}

START_TEST(one_way_is_half_duplex_with_a_token_that_stays)
{
    open_one_way(true);
    ck_assert_int_eq(ask(0, CVN_S_DATA, 0), CVN_OK);
    (void)pair_take(&p, 1, CVN_S_DATA, CVN_INDICATION);
    ck_assert_int_eq(ask(0, CVN_S_TOKEN_GIVE, CVN_TOKEN_DATA), CVN_EPERM);
    ck_assert_int_eq(ask(1, CVN_S_TOKEN_PLEASE, CVN_TOKEN_DATA), CVN_EPERM);
    says(why(1, CVN_S_DATA), "this side listens");
    ck_assert_int_eq(ask(0, CVN_S_TOKEN_GIVE, CVN_TOKEN_MINOR), CVN_OK);
    (void)pair_take(&p, 1, CVN_S_TOKEN_GIVE, CVN_INDICATION);
    ck_assert_int_eq(resync(1, CVN_TOKEN_DATA * CVN_SIDE_RESPONDER), CVN_EPERM);
    ck_assert_int_eq(resync(0, CVN_TOKEN_DATA * CVN_SIDE_ACCEPTOR_CHOOSES), CVN_EPERM);
    ck_assert_int_eq(resync(0, CVN_TOKEN_MINOR * CVN_SIDE_RESPONDER), CVN_OK);
    (void)pair_take(&p, 1, CVN_S_RESYNCHRONIZE, CVN_INDICATION);
    pair_do_response(&p, 1, CVN_S_RESYNCHRONIZE);
    (void)pair_take(&p, 0, CVN_S_RESYNCHRONIZE, CVN_CONFIRM);
    ck_assert_uint_eq(pair_vars(&p, 0).tokens_owned & CVN_TOKEN_DATA, CVN_TOKEN_DATA);
    pair_quiet(&p);
}
END_TEST

START_TEST(a_peer_that_knows_nothing_of_it)
{
    open_one_way(false);
    ck_assert_int_eq(ask(0, CVN_S_TOKEN_GIVE, CVN_TOKEN_DATA), CVN_OK);
    (void)pair_take(&p, 1, CVN_S_TOKEN_GIVE, CVN_INDICATION);
    ck_assert_uint_eq(pair_vars(&p, 1).tokens_owned & CVN_TOKEN_DATA, CVN_TOKEN_DATA);
    ck_assert_int_eq(ask(1, CVN_S_DATA, 0), CVN_EPERM);
    says(why(1, CVN_S_DATA), "this side listens");
    ck_assert_int_eq(resync(0, CVN_TOKEN_DATA * CVN_SIDE_ACCEPTOR_CHOOSES), CVN_OK);
    (void)pair_take(&p, 1, CVN_S_RESYNCHRONIZE, CVN_INDICATION);
    struct cvn_x225_prim q = pair_response(CVN_S_RESYNCHRONIZE);
    q.has_token_setting = true;
    q.token_setting = CVN_TOKEN_DATA * CVN_SIDE_RESPONDER;
    ck_assert_int_eq(pair_ask(&p, 1, &q), CVN_EPERM);
    q.token_setting = 0;
    pair_do(&p, 1, &q);
    (void)pair_take(&p, 0, CVN_S_RESYNCHRONIZE, CVN_CONFIRM);
    ck_assert_int_eq(ask(0, CVN_S_DATA, 0), CVN_OK);
    (void)pair_take(&p, 1, CVN_S_DATA, CVN_INDICATION);
}
END_TEST

START_TEST(one_way_needs_half_duplex_and_a_place)
{
    struct cvn_x225_prim q = pair_request(CVN_S_CONNECT);
    q.simplex = true;
    q.units = CVN_FU_DUPLEX;
    ck_assert_int_eq(pair_ask(&p, 0, &q), CVN_EINVAL);
    q.units = CVN_FU_DUPLEX | CVN_FU_HALF_DUPLEX;
    ck_assert_int_eq(pair_ask(&p, 0, &q), CVN_EINVAL);
    says(cvn_x225_why(p.side[0].x, &q), "one-way dialogue needs half-duplex");
    q.units = CVN_FU_HALF_DUPLEX;
    q.has_token_setting = true;
    q.token_setting = CVN_TOKEN_DATA * CVN_SIDE_ACCEPTOR_CHOOSES;
    ck_assert_int_eq(pair_ask(&p, 0, &q), CVN_EINVAL);
    q.token_setting = CVN_TOKEN_DATA * CVN_SIDE_RESPONDER;
    struct cvn_x225_prim a = pair_response(CVN_S_CONNECT);
    a.units = CVN_FU_HALF_DUPLEX;
    pair_open_with(&p, &q, &a);
    ck_assert_int_eq(ask(0, CVN_S_DATA, 0), CVN_EPERM);
    ck_assert_int_eq(ask(1, CVN_S_DATA, 0), CVN_OK);
    (void)pair_take(&p, 0, CVN_S_DATA, CVN_INDICATION);
    pair_quiet(&p);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("x225_why");
    TCase *t = tcase_create("why");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, before_a_connection);
    tcase_add_test(t, the_position_of_a_token);
    tcase_add_test(t, units_and_activities);
    tcase_add_test(t, an_ssdu_that_is_open);
    tcase_add_test(t, version_1_carries_little);
    tcase_add_test(t, one_way_is_half_duplex_with_a_token_that_stays);
    tcase_add_test(t, a_peer_that_knows_nothing_of_it);
    tcase_add_test(t, one_way_needs_half_duplex_and_a_place);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed == 0 ? 0 : 1;
}
