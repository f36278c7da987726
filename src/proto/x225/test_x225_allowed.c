/* SPDX-License-Identifier: MIT */
/* cvn_x225_allowed() in the states that the random users of test_x225_random do not meet. */
#include <check.h>
#include <stdlib.h>

#include "proto/x225/test_pair.h"

static struct pair p;

static int allowed(unsigned side, enum cvn_x225_service s, enum cvn_x225_type t)
{
    return cvn_x225_allowed(p.side[side].x, s, t);
}

#define REQUEST(side, s, rc)  ck_assert_int_eq(allowed(side, CVN_S_##s, CVN_REQUEST), rc)
#define RESPONSE(side, s, rc) ck_assert_int_eq(allowed(side, CVN_S_##s, CVN_RESPONSE), rc)

static void begin(void)
{
    struct cvn_x225_opts o = {.units = 0};
    pair_init(&p, &o, &o);
}

START_TEST(what_no_user_asks_for_is_no_primitive)
{
    begin();
    REQUEST(0, P_ABORT, CVN_EINVAL);
    REQUEST(0, P_EXCEPTION_REPORT, CVN_EINVAL);
    RESPONSE(0, DATA, CVN_EINVAL);
    RESPONSE(0, TOKEN_GIVE, CVN_EINVAL);
    ck_assert_int_eq(allowed(0, CVN_S_SERVICES, CVN_REQUEST), CVN_EINVAL);
    ck_assert_int_eq(allowed(0, CVN_S_DATA, CVN_INDICATION), CVN_EINVAL);
    ck_assert_int_eq(allowed(0, CVN_S_DATA, CVN_CONFIRM), CVN_EINVAL);
    pair_fini(&p);
}
END_TEST

START_TEST(connecting)
{
    struct cvn_x225_prim q = pair_request(CVN_S_CONNECT);
    begin();
    REQUEST(0, CONNECT, CVN_OK);
    REQUEST(0, U_ABORT, CVN_ESTATE);
    REQUEST(0, DATA, CVN_ESTATE);
    RESPONSE(1, CONNECT, CVN_ESTATE);
    q.units = CVN_FU_HALF_DUPLEX | CVN_FU_DUPLEX | CVN_FU_MINOR_SYNC | CVN_FU_SYMMETRIC_SYNC;
    q.serial = 1;
    ck_assert_int_eq(pair_ask(&p, 0, &q), CVN_OK);
    REQUEST(0, CONNECT, CVN_ESTATE);
    REQUEST(0, U_ABORT, CVN_OK);
    pair_run(&p);
    (void)pair_take(&p, 1, CVN_S_CONNECT, CVN_INDICATION);
    RESPONSE(1, CONNECT, CVN_OK);
    REQUEST(1, U_ABORT, CVN_OK);
    REQUEST(1, DATA, CVN_EUNIT == allowed(1, CVN_S_DATA, CVN_REQUEST) ? CVN_EUNIT : CVN_ESTATE);
    pair_fini(&p);
}
END_TEST

START_TEST(the_least_in_the_way_is_told)
{
    begin();
    pair_open(&p, CVN_FU_HALF_DUPLEX | CVN_FU_MINOR_SYNC | CVN_FU_RESYNC | CVN_FU_EXCEPTIONS);
    REQUEST(0, DATA, CVN_OK);
    REQUEST(1, DATA, CVN_ETOKEN);
    REQUEST(0, SYNC_MINOR, CVN_OK);
    REQUEST(1, SYNC_MINOR, CVN_ETOKEN);
    REQUEST(0, SYNC_MAJOR, CVN_EUNIT);
    REQUEST(0, TYPED_DATA, CVN_EUNIT);
    REQUEST(0, EXPEDITED_DATA, CVN_EUNIT);
    REQUEST(0, ACTIVITY_RESUME, CVN_EUNIT);
    REQUEST(0, U_EXCEPTION_REPORT, CVN_ETOKEN);
    REQUEST(1, U_EXCEPTION_REPORT, CVN_OK);
    REQUEST(0, TOKEN_GIVE, CVN_OK);
    REQUEST(1, TOKEN_GIVE, CVN_ETOKEN);
    REQUEST(1, TOKEN_PLEASE, CVN_OK);
    REQUEST(0, RESYNCHRONIZE, CVN_OK);
    REQUEST(0, RELEASE, CVN_OK);
    REQUEST(1, RELEASE, CVN_ETOKEN);
    RESPONSE(1, SYNC_MINOR, CVN_ESERIAL);
    RESPONSE(1, RESYNCHRONIZE, CVN_ESTATE);
    RESPONSE(1, RELEASE, CVN_ESTATE);
    pair_do_request(&p, 0, CVN_S_SYNC_MINOR);
    (void)pair_take(&p, 1, CVN_S_SYNC_MINOR, CVN_INDICATION);
    RESPONSE(1, SYNC_MINOR, CVN_OK);
    pair_do_request(&p, 0, CVN_S_RELEASE);
    (void)pair_take(&p, 1, CVN_S_RELEASE, CVN_INDICATION);
    REQUEST(0, RELEASE, CVN_ESTATE);
    RESPONSE(1, RELEASE, CVN_OK);
    pair_fini(&p);
}
END_TEST

START_TEST(an_ssdu_that_is_begun_is_ended_first)
{
    struct cvn_x225_prim q = pair_request(CVN_S_DATA);
    begin();
    pair_open(&p, CVN_FU_DUPLEX | CVN_FU_TYPED_DATA);
    q.data = pair_octets("part");
    q.end = false;
    ck_assert_int_eq(pair_ask(&p, 0, &q), CVN_OK);
    pair_drain(&p, 0);
    REQUEST(0, DATA, CVN_OK);
    REQUEST(0, TYPED_DATA, CVN_ESTATE);
    REQUEST(0, RELEASE, CVN_ESTATE);
    REQUEST(0, U_ABORT, CVN_OK);
    pair_fini(&p);
}
END_TEST

START_TEST(one_way_dialogue_and_colliding_releases)
{
    struct cvn_x225_prim q = pair_request(CVN_S_CONNECT);
    struct cvn_x225_prim r = pair_response(CVN_S_CONNECT);
    begin();
    q.units = r.units = CVN_FU_HALF_DUPLEX;
    q.simplex = q.has_token_setting = true;
    pair_open_with(&p, &q, &r);
    REQUEST(0, DATA, CVN_OK);
    REQUEST(0, TOKEN_GIVE, CVN_EPERM);
    pair_fini(&p);
    begin();
    pair_open(&p, CVN_FU_DUPLEX);
    for (unsigned i = 0; i < 2; i++) {
        q = pair_request(CVN_S_RELEASE);
        ck_assert_int_eq(pair_ask(&p, i, &q), CVN_OK);
    }
    pair_run(&p);
    (void)pair_take(&p, 0, CVN_S_RELEASE, CVN_INDICATION);
    (void)pair_take(&p, 1, CVN_S_RELEASE, CVN_INDICATION);
    RESPONSE(0, RELEASE, CVN_OK);
    RESPONSE(1, RELEASE, CVN_OK); /* early: it is held until the initiator's has come */
    q = pair_response(CVN_S_RELEASE);
    ck_assert_int_eq(pair_ask(&p, 1, &q), CVN_OK);
    RESPONSE(1, RELEASE, CVN_ESTATE);
    REQUEST(1, U_ABORT, CVN_OK);
    pair_fini(&p);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("x225 allowed");
    TCase *t = tcase_create("allowed");
    tcase_add_test(t, what_no_user_asks_for_is_no_primitive);
    tcase_add_test(t, connecting);
    tcase_add_test(t, the_least_in_the_way_is_told);
    tcase_add_test(t, an_ssdu_that_is_begun_is_ended_first);
    tcase_add_test(t, one_way_dialogue_and_colliding_releases);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
