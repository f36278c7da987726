/* SPDX-License-Identifier: MIT */
/* Two machines back to back: a scenario for each functional unit of X.225. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "proto/x225/test_pair.h"

#define FILES                                                                                      \
    (CVN_FU_HALF_DUPLEX | CVN_FU_MINOR_SYNC | CVN_FU_ACTIVITY | CVN_FU_EXCEPTIONS) /* 0x0249 */

static struct pair p;

static void setup(void)
{
    pair_init(&p, NULL, NULL);
}

static void teardown(void)
{
    ck_assert_uint_eq(p.protocol_errors, 0);
    pair_fini(&p);
}

static void send_data(unsigned side, const char *text)
{
    struct cvn_x225_prim r = pair_request(CVN_S_DATA);
    r.data = pair_octets(text);
    pair_do(&p, side, &r);
}

static void take_data(unsigned side, enum cvn_x225_service s, const char *text)
{
    const struct cvn_x225_prim *i = pair_take(&p, side, s, CVN_INDICATION);
    ck_assert_uint_eq(i->data.n, strlen(text));
    ck_assert_mem_eq(i->data.p, text, i->data.n);
}

static void release(unsigned side)
{
    pair_do_request(&p, side, CVN_S_RELEASE);
    (void)pair_take(&p, !side, CVN_S_RELEASE, CVN_INDICATION);
    pair_do_response(&p, !side, CVN_S_RELEASE);
    ck_assert_uint_eq(pair_take(&p, side, CVN_S_RELEASE, CVN_CONFIRM)->result, CVN_RESULT_ACCEPT);
    pair_states(&p, CVN_STA01, CVN_STA01);
    pair_quiet(&p);
}

static void start(unsigned side, const char *id)
{
    struct cvn_x225_prim r = pair_request(CVN_S_ACTIVITY_START);
    r.activity = pair_octets(id);
    pair_do(&p, side, &r);
    const struct cvn_x225_prim *i = pair_take(&p, !side, CVN_S_ACTIVITY_START, CVN_INDICATION);
    ck_assert_mem_eq(i->activity.p, id, i->activity.n);
}

START_TEST(connects_carries_data_and_releases)
{
    pair_open(&p, CVN_FU_DUPLEX);
    send_data(0, "to the responder");
    take_data(1, CVN_S_DATA, "to the responder");
    send_data(1, "back");
    take_data(0, CVN_S_DATA, "back");
    ck_assert_uint_eq(pair_vars(&p, 0).version, 2);
    release(0);
}
END_TEST

START_TEST(connect_carries_its_parameters)
{
    struct cvn_x225_prim r = pair_request(CVN_S_CONNECT);
    struct cvn_x225_prim a = pair_response(CVN_S_CONNECT);
    r.units = CVN_FU_HALF_DUPLEX | CVN_FU_DUPLEX | CVN_FU_MINOR_SYNC | CVN_FU_NEGOTIATED_RELEASE;
    r.serial = 42;
    r.id.calling = pair_octets("calling");
    r.id.common = pair_octets("common");
    r.id.additional = pair_octets("add");
    r.calling = pair_octets("from");
    r.called = pair_octets("to");
    r.data = pair_octets("hello");
    r.has_token_setting = true;
    r.token_setting = CVN_SIDE_ACCEPTOR_CHOOSES * CVN_TOKEN_DATA +
                      CVN_SIDE_RESPONDER * CVN_TOKEN_MINOR + CVN_SIDE_INITIATOR * CVN_TOKEN_RELEASE;
    pair_do(&p, 0, &r);
    const struct cvn_x225_prim *i = pair_take(&p, 1, CVN_S_CONNECT, CVN_INDICATION);
    ck_assert_mem_eq(i->id.calling.p, "calling", 7);
    ck_assert_mem_eq(i->id.common.p, "common", 6);
    ck_assert_mem_eq(i->id.additional.p, "add", 3);
    ck_assert_mem_eq(i->calling.p, "from", 4);
    ck_assert_mem_eq(i->called.p, "to", 2);
    ck_assert_mem_eq(i->data.p, "hello", 5);
    ck_assert_uint_eq(i->units, r.units);
    ck_assert_uint_eq(i->versions, 3);
    ck_assert_uint_eq(i->serial, 42);
    ck_assert_uint_eq(i->token_setting, r.token_setting);
    a.units = CVN_FU_HALF_DUPLEX | CVN_FU_MINOR_SYNC | CVN_FU_NEGOTIATED_RELEASE | CVN_FU_RESYNC;
    a.serial = 43;
    a.id.called = pair_octets("called");
    a.called = pair_octets("other");
    a.data = pair_octets("welcome");
    a.has_token_setting = true;
    a.token_setting = CVN_SIDE_RESPONDER * CVN_TOKEN_DATA;
    a.tokens = CVN_TOKEN_RELEASE;
    pair_do(&p, 1, &a);
    i = pair_take(&p, 0, CVN_S_CONNECT, CVN_CONFIRM);
    ck_assert_uint_eq(i->result, CVN_RESULT_ACCEPT);
    ck_assert_uint_eq(i->versions, 2);
    ck_assert_uint_eq(i->units, a.units - CVN_FU_RESYNC);
    ck_assert_uint_eq(i->serial, 43);
    ck_assert_uint_eq(i->tokens, CVN_TOKEN_RELEASE);
    ck_assert_mem_eq(i->id.called.p, "called", 6);
    ck_assert_mem_eq(i->called.p, "other", 5);
    ck_assert_mem_eq(i->data.p, "welcome", 7);
    ck_assert_uint_eq(pair_take(&p, 0, CVN_S_TOKEN_PLEASE, CVN_INDICATION)->tokens,
                      CVN_TOKEN_RELEASE);
    ck_assert_uint_eq(pair_vars(&p, 0).tokens_owned, CVN_TOKEN_RELEASE);
    ck_assert_uint_eq(pair_vars(&p, 1).tokens_owned, CVN_TOKEN_DATA | CVN_TOKEN_MINOR);
    ck_assert_uint_eq(pair_vars(&p, 0).vm, 43);
    ck_assert_uint_eq(pair_vars(&p, 1).vm, 43);
    pair_quiet(&p);
}
END_TEST

START_TEST(transfers_a_file_in_an_activity)
{
    struct cvn_x225_prim r;
    pair_open(&p, FILES);
    start(0, "act1");
    for (uint32_t n = 1; n <= 3; n++) {
        send_data(0, "block");
        take_data(1, CVN_S_DATA, "block");
        r = pair_request(CVN_S_SYNC_MINOR);
        r.data = pair_octets("offset");
        pair_do(&p, 0, &r);
        ck_assert_uint_eq(r.serial, n);
        const struct cvn_x225_prim *i = pair_take(&p, 1, CVN_S_SYNC_MINOR, CVN_INDICATION);
        ck_assert_uint_eq(i->serial, n);
        ck_assert(!i->optional);
        ck_assert_mem_eq(i->data.p, "offset", 6);
    }
    r = pair_response(CVN_S_SYNC_MINOR);
    r.serial = 2;
    r.data = pair_octets("safe");
    pair_do(&p, 1, &r);
    const struct cvn_x225_prim *c = pair_take(&p, 0, CVN_S_SYNC_MINOR, CVN_CONFIRM);
    ck_assert_uint_eq(c->serial, 2);
    ck_assert_mem_eq(c->data.p, "safe", 4);
    ck_assert_int_eq(pair_ask(&p, 1, &r), CVN_ESERIAL);
    r = pair_request(CVN_S_ACTIVITY_END);
    r.data = pair_octets("hash");
    pair_do(&p, 0, &r);
    ck_assert_uint_eq(r.serial, 4);
    ck_assert_uint_eq(pair_take(&p, 1, CVN_S_ACTIVITY_END, CVN_INDICATION)->serial, 4);
    pair_do_response(&p, 1, CVN_S_ACTIVITY_END);
    ck_assert_uint_eq(pair_take(&p, 0, CVN_S_ACTIVITY_END, CVN_CONFIRM)->serial, 4);
    ck_assert(!pair_vars(&p, 0).vact && !pair_vars(&p, 1).vact);
    release(0);
}
END_TEST

START_TEST(resumes_interrupts_and_discards_activities)
{
    struct cvn_x225_prim r;
    pair_open(&p, FILES);
    r = pair_request(CVN_S_ACTIVITY_RESUME);
    r.activity = pair_octets("new");
    r.old_activity = pair_octets("old");
    r.serial = 77;
    r.id.calling = pair_octets("who");
    r.id.common = pair_octets("when");
    pair_do(&p, 0, &r);
    const struct cvn_x225_prim *i = pair_take(&p, 1, CVN_S_ACTIVITY_RESUME, CVN_INDICATION);
    ck_assert_mem_eq(i->activity.p, "new", 3);
    ck_assert_mem_eq(i->old_activity.p, "old", 3);
    ck_assert_mem_eq(i->id.calling.p, "who", 3);
    ck_assert_mem_eq(i->id.common.p, "when", 4);
    ck_assert_uint_eq(i->serial, 77);
    ck_assert_uint_eq(pair_vars(&p, 1).vm, 78);
    r = pair_request(CVN_S_ACTIVITY_INTERRUPT);
    r.reason = CVN_REASON_LOCAL_ERROR;
    r.data = pair_octets("why");
    pair_do(&p, 0, &r);
    i = pair_take(&p, 1, CVN_S_ACTIVITY_INTERRUPT, CVN_INDICATION);
    ck_assert_uint_eq(i->reason, CVN_REASON_LOCAL_ERROR);
    ck_assert_mem_eq(i->data.p, "why", 3);
    pair_do_response(&p, 1, CVN_S_ACTIVITY_INTERRUPT);
    (void)pair_take(&p, 0, CVN_S_ACTIVITY_INTERRUPT, CVN_CONFIRM);
    ck_assert(!pair_vars(&p, 0).vact);
    ck_assert_uint_eq(pair_vars(&p, 0).tokens_owned,
                      CVN_TOKEN_DATA | CVN_TOKEN_MINOR | CVN_TOKEN_MAJOR);
    ck_assert_uint_eq(pair_vars(&p, 1).tokens_owned, 0);
    start(0, "a2");
    pair_do_request(&p, 0, CVN_S_ACTIVITY_DISCARD);
    (void)pair_take(&p, 1, CVN_S_ACTIVITY_DISCARD, CVN_INDICATION);
    pair_do_response(&p, 1, CVN_S_ACTIVITY_DISCARD);
    (void)pair_take(&p, 0, CVN_S_ACTIVITY_DISCARD, CVN_CONFIRM);
    release(0);
}
END_TEST

START_TEST(reports_an_exception_and_recovers)
{
    struct cvn_x225_prim r;
    pair_open(&p, FILES);
    start(0, "x");
    r = pair_request(CVN_S_U_EXCEPTION_REPORT);
    r.reason = CVN_REASON_RECEIVING_JEOPARDIZED;
    r.data = pair_octets("disk full");
    ck_assert_int_eq(pair_ask(&p, 0, &r), CVN_ETOKEN);
    pair_do(&p, 1, &r);
    const struct cvn_x225_prim *i = pair_take(&p, 0, CVN_S_U_EXCEPTION_REPORT, CVN_INDICATION);
    ck_assert_uint_eq(i->reason, CVN_REASON_RECEIVING_JEOPARDIZED);
    ck_assert_mem_eq(i->data.p, "disk full", 9);
    pair_states(&p, CVN_STA20, CVN_STA19);
    pair_do_request(&p, 0, CVN_S_ACTIVITY_INTERRUPT);
    (void)pair_take(&p, 1, CVN_S_ACTIVITY_INTERRUPT, CVN_INDICATION);
    pair_do_response(&p, 1, CVN_S_ACTIVITY_INTERRUPT);
    (void)pair_take(&p, 0, CVN_S_ACTIVITY_INTERRUPT, CVN_CONFIRM);
    start(0, "y");
    r.reason = CVN_REASON_DEMAND_DATA_TOKEN;
    pair_do(&p, 1, &r);
    (void)pair_take(&p, 0, CVN_S_U_EXCEPTION_REPORT, CVN_INDICATION);
    r = pair_request(CVN_S_TOKEN_GIVE);
    r.tokens = CVN_TOKEN_DATA;
    pair_do(&p, 0, &r);
    (void)pair_take(&p, 1, CVN_S_TOKEN_GIVE, CVN_INDICATION);
    pair_states(&p, CVN_STA713, CVN_STA713);
    send_data(1, "now I");
    take_data(0, CVN_S_DATA, "now I");
}
END_TEST

START_TEST(aborts_by_user_and_by_loss)
{
    struct cvn_x225_prim r = pair_request(CVN_S_U_ABORT);
    pair_open(&p, CVN_FU_DUPLEX);
    r.data = pair_octets("enough!!!");
    pair_do(&p, 0, &r);
    const struct cvn_x225_prim *i = pair_take(&p, 1, CVN_S_U_ABORT, CVN_INDICATION);
    ck_assert_mem_eq(i->data.p, "enough!!!", 9);
    pair_states(&p, CVN_STA01, CVN_STA01);
    pair_quiet(&p);
    pair_open(&p, CVN_FU_DUPLEX);
    pair_cut(&p);
    ck_assert_uint_eq(pair_take(&p, 0, CVN_S_P_ABORT, CVN_INDICATION)->reason, CVN_ABORT_TRANSPORT);
    ck_assert_uint_eq(pair_take(&p, 1, CVN_S_P_ABORT, CVN_INDICATION)->reason, CVN_ABORT_TRANSPORT);
    pair_states(&p, CVN_STA01, CVN_STA01);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("x225");
    TCase *t = tcase_create("units");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, connects_carries_data_and_releases);
    tcase_add_test(t, connect_carries_its_parameters);
    tcase_add_test(t, transfers_a_file_in_an_activity);
    tcase_add_test(t, resumes_interrupts_and_discards_activities);
    tcase_add_test(t, reports_an_exception_and_recovers);
    tcase_add_test(t, aborts_by_user_and_by_loss);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
