/* SPDX-License-Identifier: MIT */
/* Every function of x215.h once between two session connections, and what comes out at the peer. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "convene/x215.h"

#define NOTHING cvn_octets_of(NULL)
#define TEXT    cvn_octets_of("hello")

static struct cvn_sc *c[2];
static struct cvn_x225_prim seen[2][8]; /* what has come; octets are not kept */
static unsigned n_seen[2];
static char text[2][256];
static uint8_t link_octets[1 << 17];

static void setup(void)
{
    for (int i = 0; i < 2; i++) {
        struct cvn_sc_opts o = {.initiator = i == 0, .reference = 1, .expedited = true};
        ck_assert_int_eq(cvn_sc_new(&c[i], &o), CVN_OK);
    }
}

static void teardown(void)
{
    cvn_sc_free(c[0]);
    cvn_sc_free(c[1]);
    n_seen[0] = n_seen[1] = 0;
}

static void note(unsigned side, const struct cvn_x225_prim *ev)
{
    ck_assert_uint_lt(n_seen[side], 8);
    ck_assert_uint_lt(ev->data.n, sizeof text[0]);
    seen[side][n_seen[side]++] = *ev;
    if (ev->data.n > 0)
        memcpy(text[side], ev->data.p, ev->data.n);
    text[side][ev->data.n] = '\0';
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
            ck_assert_uint_le(len + iov[i].len, sizeof link_octets);
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
        note(!from, &ev);
    }
    return len > 0;
}

static void run(void)
{
    while (carry(0) || carry(1))
        continue;
}

/* rc must be CVN_OK; then side must see exactly this. */
static const struct cvn_x225_prim *then(int rc, unsigned side, enum cvn_x225_service s,
                                        enum cvn_x225_type t)
{
    ck_assert_msg(rc == CVN_OK, "%s: %s", cvn_x225_service_name(s), cvn_err_name(rc));
    n_seen[0] = n_seen[1] = 0;
    run();
    ck_assert_uint_eq(n_seen[side], 1);
    ck_assert_uint_eq(n_seen[!side], 0);
    ck_assert_str_eq(cvn_x225_service_name(seen[side][0].service), cvn_x225_service_name(s));
    ck_assert_int_eq(seen[side][0].type, t);
    return &seen[side][0];
}

static void open_units(uint16_t proposed, uint16_t selected)
{
    struct cvn_s_connect q;
    cvn_s_connect_init(&q);
    q.units = proposed;
    q.serial = 1;
    q.called = cvn_octets_of("here");
    q.data = TEXT;
    const struct cvn_x225_prim *p =
        then(cvn_s_connect_request(c[0], &q, 0), 1, CVN_S_CONNECT, CVN_INDICATION);
    ck_assert_uint_eq(p->units, proposed);
    ck_assert_str_eq(text[1], "hello");
    q.units = selected;
    q.serial = CVN_SERIAL_NONE;
    p = then(cvn_s_connect_response(c[1], &q, 0), 0, CVN_S_CONNECT, CVN_CONFIRM);
    ck_assert_uint_eq(p->result, CVN_RESULT_ACCEPT);
    ck_assert_uint_eq(p->units, selected);
}

#define FULL                                                                                       \
    ((CVN_SUBSET_BSS | CVN_SUBSET_BAS | CVN_FU_EXPEDITED) & ~(CVN_FU_DUPLEX | CVN_FU_ACTIVITY) &   \
     ~CVN_FU_CAPABILITY)
#define ACTIVITIES ((CVN_SUBSET_BAS | CVN_FU_NEGOTIATED_RELEASE) & ~CVN_FU_DUPLEX)

START_TEST(data_tokens_and_points)
{
    uint32_t serial = 0;
    open_units(FULL | CVN_FU_DUPLEX, FULL);
    then(cvn_s_data_request(c[0], TEXT, NULL, 0), 1, CVN_S_DATA, CVN_INDICATION);
    ck_assert(seen[1][0].begin && seen[1][0].end);
    ck_assert_int_eq(cvn_s_data_part_request(c[0], TEXT, NULL, true, false, 0), CVN_OK);
    ck_assert_int_eq(cvn_s_release_request(c[0], false, NOTHING, 0), CVN_ESTATE);
    run();
    then(cvn_s_data_part_request(c[0], TEXT, NULL, false, true, 0), 1, CVN_S_DATA, CVN_INDICATION);
    ck_assert(!seen[1][0].begin && seen[1][0].end);
    then(cvn_s_typed_data_request(c[1], TEXT, NULL, 0), 0, CVN_S_TYPED_DATA, CVN_INDICATION);
    then(cvn_s_typed_data_part_request(c[1], TEXT, NULL, true, true, 0), 0, CVN_S_TYPED_DATA,
         CVN_INDICATION);
    then(cvn_s_expedited_data_request(c[1], TEXT, 0), 0, CVN_S_EXPEDITED_DATA, CVN_INDICATION);
    then(cvn_s_sync_minor_request(c[0], CVN_S_MINOR_OPTIONAL, TEXT, &serial, 0), 1,
         CVN_S_SYNC_MINOR, CVN_INDICATION);
    ck_assert(seen[1][0].optional && seen[1][0].serial == serial && serial == 1);
    ck_assert_int_eq(cvn_s_sync_minor_request(c[0], 4, TEXT, NULL, 0), CVN_EINVAL);
    ck_assert_int_eq(cvn_s_sync_minor_request(c[0], CVN_S_MINOR_SEPARATION, TEXT, NULL, 0),
                     CVN_EUNIT);
    then(cvn_s_sync_minor_response(c[1], serial, TEXT, 0), 0, CVN_S_SYNC_MINOR, CVN_CONFIRM);
    then(cvn_s_sync_major_request(c[0], NOTHING, &serial, 0), 1, CVN_S_SYNC_MAJOR, CVN_INDICATION);
    ck_assert_uint_eq(serial, 2);
    then(cvn_s_sync_major_response(c[1], TEXT, 0), 0, CVN_S_SYNC_MAJOR, CVN_CONFIRM);
    then(cvn_s_token_please_request(c[1], CVN_TOKEN_DATA, TEXT, 0), 0, CVN_S_TOKEN_PLEASE,
         CVN_INDICATION);
    then(cvn_s_u_exception_report_request(c[1], CVN_REASON_DEMAND_DATA_TOKEN, TEXT, 0), 0,
         CVN_S_U_EXCEPTION_REPORT, CVN_INDICATION);
    ck_assert_uint_eq(seen[0][0].reason, CVN_REASON_DEMAND_DATA_TOKEN);
    then(cvn_s_token_give_request(c[0], CVN_TOKEN_DATA, TEXT, 0), 1, CVN_S_TOKEN_GIVE,
         CVN_INDICATION);
    ck_assert_uint_eq(seen[1][0].tokens, CVN_TOKEN_DATA);
}
END_TEST

START_TEST(resynchronize_and_a_release_that_is_refused)
{
    struct cvn_s_resync r;
    uint32_t serial = 0;
    open_units(FULL | CVN_FU_DUPLEX, FULL);
    cvn_s_resync_init(&r);
    r.type = CVN_RESYNC_SET;
    r.serial = 40;
    r.has_token_setting = true;
    r.token_setting = CVN_SIDE_ACCEPTOR_CHOOSES * CVN_TOKEN_DATA;
    then(cvn_s_resynchronize_request(c[1], &r, &serial, 0), 0, CVN_S_RESYNCHRONIZE, CVN_INDICATION);
    ck_assert_uint_eq(serial, 40);
    ck_assert_uint_eq(seen[0][0].serial, 40);
    cvn_s_resync_init(&r);
    r.has_token_setting = true;
    r.token_setting = CVN_SIDE_RESPONDER * CVN_TOKEN_DATA;
    then(cvn_s_resynchronize_response(c[0], &r, 0), 1, CVN_S_RESYNCHRONIZE, CVN_CONFIRM);
    struct cvn_x225_vars v;
    cvn_sc_vars(c[1], &v);
    ck_assert_uint_eq(v.tokens_owned, CVN_TOKEN_DATA);
    ck_assert_int_eq(cvn_s_release_request(c[0], false, NOTHING, 0), CVN_ETOKEN);
    then(cvn_s_token_give_request(c[1], CVN_TOKEN_DATA, NOTHING, 0), 0, CVN_S_TOKEN_GIVE,
         CVN_INDICATION);
    then(cvn_s_release_request(c[0], false, TEXT, 0), 1, CVN_S_RELEASE, CVN_INDICATION);
    then(cvn_s_release_response(c[1], false, TEXT, 0), 0, CVN_S_RELEASE, CVN_CONFIRM);
    ck_assert_uint_eq(seen[0][0].result, 0);
    then(cvn_s_u_abort_request(c[1], TEXT, 0), 0, CVN_S_U_ABORT, CVN_INDICATION);
    ck_assert_str_eq(text[0], "hello");
}
END_TEST

static void activity_begins(const char *name)
{
    then(cvn_s_activity_start_request(c[0], cvn_octets_of(name), TEXT, 0), 1, CVN_S_ACTIVITY_START,
         CVN_INDICATION);
}

START_TEST(activities)
{
    uint32_t serial = 0;
    open_units(ACTIVITIES, ACTIVITIES);
    ck_assert_int_eq(cvn_s_activity_start_request(c[0], NOTHING, TEXT, 0), CVN_EINVAL);
    then(cvn_s_capability_data_request(c[0], TEXT, 0), 1, CVN_S_CAPABILITY_DATA, CVN_INDICATION);
    then(cvn_s_capability_data_response(c[1], TEXT, 0), 0, CVN_S_CAPABILITY_DATA, CVN_CONFIRM);
    activity_begins("a");
    then(cvn_s_activity_interrupt_request(c[0], CVN_REASON_LOCAL_ERROR, TEXT, 0), 1,
         CVN_S_ACTIVITY_INTERRUPT, CVN_INDICATION);
    ck_assert_uint_eq(seen[1][0].reason, CVN_REASON_LOCAL_ERROR);
    then(cvn_s_activity_interrupt_response(c[1], TEXT, 0), 0, CVN_S_ACTIVITY_INTERRUPT,
         CVN_CONFIRM);
    struct cvn_s_resume r = {.activity = cvn_octets_of("b"),
                             .old_activity = cvn_octets_of("a"),
                             .serial = 7,
                             .serial2 = CVN_SERIAL_NONE};
    then(cvn_s_activity_resume_request(c[0], &r, 0), 1, CVN_S_ACTIVITY_RESUME, CVN_INDICATION);
    ck_assert_uint_eq(seen[1][0].serial, 7);
    then(cvn_s_activity_end_request(c[0], TEXT, &serial, 0), 1, CVN_S_ACTIVITY_END, CVN_INDICATION);
    ck_assert_uint_eq(serial, 8);
    then(cvn_s_activity_end_response(c[1], TEXT, 0), 0, CVN_S_ACTIVITY_END, CVN_CONFIRM);
    activity_begins("c");
    then(cvn_s_activity_discard_request(c[0], CVN_REASON_NONE, NOTHING, 0), 1,
         CVN_S_ACTIVITY_DISCARD, CVN_INDICATION);
    then(cvn_s_activity_discard_response(c[1], NOTHING, 0), 0, CVN_S_ACTIVITY_DISCARD, CVN_CONFIRM);
    then(cvn_s_control_give_request(c[0], TEXT, 0), 1, CVN_S_CONTROL_GIVE, CVN_INDICATION);
    then(cvn_s_release_request(c[1], false, NOTHING, 0), 0, CVN_S_RELEASE, CVN_INDICATION);
    then(cvn_s_release_response(c[0], true, NOTHING, 0), 1, CVN_S_RELEASE, CVN_CONFIRM);
}
END_TEST

START_TEST(a_connection_is_refused)
{
    struct cvn_s_connect q;
    cvn_s_connect_init(&q);
    q.units = CVN_SUBSET_BCS;
    then(cvn_s_connect_request(c[0], &q, 0), 1, CVN_S_CONNECT, CVN_INDICATION);
    ck_assert_int_eq(cvn_s_connect_refuse(c[1], CVN_RESULT_ACCEPT, NOTHING, 0), CVN_EINVAL);
    ck_assert_int_eq(cvn_s_connect_refuse(c[1], CVN_RF_USER, TEXT, 0), CVN_EINVAL);
    then(cvn_s_connect_refuse(c[1], CVN_RF_USER_DATA, TEXT, 0), 0, CVN_S_CONNECT, CVN_CONFIRM);
    ck_assert_uint_eq(seen[0][0].result, CVN_RF_USER_DATA);
    ck_assert_str_eq(text[0], "hello");
    cvn_s_connect_init(&q);
    q.units = CVN_SUBSET_BCS;
    ck_assert_int_ne(cvn_s_connect_request(c[0], &q, 0), CVN_OK);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("x215");
    TCase *t = tcase_create("x215");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, data_tokens_and_points);
    tcase_add_test(t, resynchronize_and_a_release_that_is_refused);
    tcase_add_test(t, activities);
    tcase_add_test(t, a_connection_is_refused);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed == 0 ? 0 : 1;
}
