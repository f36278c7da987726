/* SPDX-License-Identifier: MIT */
/*
 * The values of requests and of SPDUs at the edge of what is allowed: each is taken or refused with
 * the code that its rule names. test_pair asks cvn_x225_why() beside each, which must agree.
 */
#include <check.h>
#include <string.h>
#include <sys/mman.h>

#include "proto/x225/test_values.h"

/* --- options --- */

START_TEST(options_out_of_range_are_refused)
{
    static const struct cvn_x225_opts wrong[] = {{.units = 0x2000},
                                                 {.versions = 4},
                                                 {.tsdu_max_send = 63},
                                                 {.tsdu_max_receive = 63},
                                                 {.minimal = true, .versions = 1}};
    struct cvn_x225 *x = NULL;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        ck_assert_int_eq(cvn_x225_new(&x, &wrong[i]), CVN_EINVAL);
    ck_assert_int_eq(cvn_x225_new(&x, NULL), CVN_EINVAL);
    ck_assert_ptr_null(x);
    struct cvn_x225_opts least = {.tsdu_max_send = 64, .tsdu_max_receive = 64, .units = FD};
    again(&least, &least);
    pair_open(&p, FD);
    cvn_x225_free(NULL);
}
END_TEST

START_TEST(names_of_what_is_not)
{
    ck_assert_str_eq(cvn_x225_service_name(CVN_S_SERVICES), "?");
    ck_assert_str_eq(cvn_x225_type_name((enum cvn_x225_type)4), "?");
    ck_assert_str_eq(cvn_x225_state_name(CVN_X225_STATES), "?");
    ck_assert_str_eq(cvn_x225_service_name(CVN_S_P_ABORT), "S-P-ABORT");
    ck_assert_str_eq(cvn_x225_type_name(CVN_CONFIRM), "confirm");
    ck_assert_str_eq(cvn_x225_state_name(CVN_STA713), "STA713");
}
END_TEST

/* --- S-CONNECT request --- */

typedef void change(struct cvn_x225_prim *q);

/* clang-format off */
static void too_long_calling(struct cvn_x225_prim *q) { q->id.calling = some(65); }
static void too_long_called(struct cvn_x225_prim *q) { q->id.called = some(65); }
static void too_long_common(struct cvn_x225_prim *q) { q->id.common = some(65); }
static void too_long_additional(struct cvn_x225_prim *q) { q->id.additional = some(5); }
static void too_long_calling_ssel(struct cvn_x225_prim *q) { q->calling = some(17); }
static void too_long_called_ssel(struct cvn_x225_prim *q) { q->called = some(17); }
static void with_called(struct cvn_x225_prim *q) { q->id.called = some(1); }
static void with_calling(struct cvn_x225_prim *q) { q->id.calling = some(1); }
static void version_4(struct cvn_x225_prim *q) { q->versions = 4; }
static void both_versions(struct cvn_x225_prim *q) { q->versions = 3; }
static void serial_too_high(struct cvn_x225_prim *q) { q->serial = CVN_SERIAL_MAX + 1; }
static void serial2_too_high(struct cvn_x225_prim *q) { q->serial2 = CVN_SERIAL_MAX + 1; }
static void no_serial(struct cvn_x225_prim *q) { q->serial = CVN_SERIAL_NONE; }
static void low_to_responder(struct cvn_x225_prim *q) { q->tsdu_max_initiator = 63; }
static void low_to_initiator(struct cvn_x225_prim *q) { q->tsdu_max_responder = 63; }
static void data_of_null(struct cvn_x225_prim *q) { q->data.n = 1; }
static void unknown_unit(struct cvn_x225_prim *q) { q->units |= 0x2000; }
static void no_mode(struct cvn_x225_prim *q) { q->units &= (uint16_t)~(unsigned)(HD | FD); }
static void exceptions_in_duplex(struct cvn_x225_prim *q) { q->units = FD | CVN_FU_EXCEPTIONS; }
static void reserved_setting(struct cvn_x225_prim *q) { q->has_token_setting = true; q->token_setting = 3; }
static void simplex_by_choice(struct cvn_x225_prim *q) { q->simplex = true; q->has_token_setting = true; q->token_setting = 2; }
static void simplex_in_both(struct cvn_x225_prim *q) { q->simplex = true; q->units |= FD; }
static void simplex_of_duplex(struct cvn_x225_prim *q) { q->simplex = true; q->units = FD | SY; }
static void with_common(struct cvn_x225_prim *q) { q->id.common = some(1); }
static void with_additional(struct cvn_x225_prim *q) { q->id.additional = some(1); }
static void to_responder(struct cvn_x225_prim *q) { q->tsdu_max_initiator = 100; }
static void to_initiator(struct cvn_x225_prim *q) { q->tsdu_max_responder = 100; }
static void token_of_no_unit(struct cvn_x225_prim *q) { q->tokens = CVN_TOKEN_RELEASE; }
static void both_syncs(struct cvn_x225_prim *q) { q->units = HD | SY | SS; }
static void no_units_in_common(struct cvn_x225_prim *q) { q->units = CVN_FU_TYPED_DATA; }
static void result_3(struct cvn_x225_prim *q) { q->result = 3; }
static void result_128(struct cvn_x225_prim *q) { q->result = 128; }
static void result_135(struct cvn_x225_prim *q) { q->result = 135; }
static void result_254(struct cvn_x225_prim *q) { q->result = 254; }
static void refused(struct cvn_x225_prim *q) { q->result = CVN_RF_USER; }
static void data_of_refusal(struct cvn_x225_prim *q) { refused(q); q->data = some(1); }
static void refused_called(struct cvn_x225_prim *q) { refused(q); q->id.called = some(65); }
static void refused_common(struct cvn_x225_prim *q) { refused(q); q->id.common = some(65); }
static void refused_additional(struct cvn_x225_prim *q) { refused(q); q->id.additional = some(5); }
static void refused_calling(struct cvn_x225_prim *q) { refused(q); q->id.calling = some(1); }
static void refused_units(struct cvn_x225_prim *q) { q->result = CVN_RF_USER_DATA; q->units = 0x4000; q->data = some(1); }
/* clang-format on */

static struct cvn_x225_prim connect_with(change *c)
{
    struct cvn_x225_prim q = pair_request(CVN_S_CONNECT);
    q.units = HD | SY;
    q.serial = 1;
    if (c != NULL)
        c(&q);
    return q;
}

START_TEST(connect_requests_out_of_range)
{
    static change *const wrong[] = {
        too_long_calling,     too_long_common,  too_long_additional, too_long_calling_ssel,
        too_long_called_ssel, with_called,      too_long_called,     version_4,
        serial_too_high,      serial2_too_high, no_serial,           low_to_responder,
        low_to_initiator,     data_of_null,     unknown_unit,        no_mode,
        exceptions_in_duplex, reserved_setting, simplex_by_choice,   simplex_in_both,
        simplex_of_duplex};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct cvn_x225_prim q = connect_with(wrong[i]);
        int rc = pair_ask(&p, 0, &q);
        ck_assert_msg(rc == CVN_EINVAL, "%zu: %s", i, cvn_err_name(rc));
        ck_assert_int_eq(cvn_x225_state(p.side[0].x), CVN_STA01);
    }
    struct cvn_x225_prim right = connect_with(NULL);
    ck_assert_int_eq(pair_ask(&p, 0, &right), CVN_OK);
}
END_TEST

/* What is exactly at the limit is taken, and no units are the default ones. */
START_TEST(connect_requests_at_their_limits)
{
    struct cvn_x225_prim q = pair_request(CVN_S_CONNECT);
    struct cvn_x225_prim a = pair_response(CVN_S_CONNECT);
    q.id.calling = q.id.common = a.id.called = a.id.common = some(64);
    q.id.additional = a.id.additional = some(4);
    q.calling = q.called = a.called = some(16);
    q.serial = CVN_SERIAL_MAX;
    q.tsdu_max_initiator = 64;
    q.tsdu_max_responder = 65535;
    a.tsdu_max_initiator = 64;
    a.tsdu_max_responder = 64;
    pair_do(&p, 0, &q);
    const struct cvn_x225_prim *i = pair_take(&p, 1, CVN_S_CONNECT, CVN_INDICATION);
    ck_assert_uint_eq(i->units, CVN_FU_DEFAULT);
    ck_assert_uint_eq(i->id.calling.n, 64);
    pair_do(&p, 1, &a);
    const struct cvn_x225_prim *c = pair_take(&p, 0, CVN_S_CONNECT, CVN_CONFIRM);
    ck_assert_uint_eq(c->units, CVN_FU_DEFAULT);
    ck_assert_uint_eq(c->tsdu_max_initiator, 64);
    ck_assert_uint_eq(c->tsdu_max_responder, 64);
    ck_assert_uint_eq(c->id.called.n, 64);
}
END_TEST

START_TEST(versions_that_this_side_has_not)
{
    struct cvn_x225_opts one = {.versions = 1};
    struct cvn_x225_prim q = connect_with(NULL);
    again(&one, NULL);
    q.versions = 2;
    ck_assert_int_eq(pair_ask(&p, 0, &q), CVN_EINVAL);
    q.versions = 0;
    q.data = some(513); /* only version 2 could say it */
    ck_assert_int_eq(pair_ask(&p, 0, &q), CVN_ETOOBIG);
    q.data = some(512);
    ck_assert_int_eq(pair_ask(&p, 0, &q), CVN_OK);
}
END_TEST

/* Connect user data that no count of CDO could hold. */
START_TEST(connect_user_data_over_4_gib_is_refused)
{
    const size_t size = (size_t)5 << 30;
    struct cvn_x225_prim q = connect_with(NULL);
    uint8_t *none = mmap(NULL, size, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    ck_assert(none != MAP_FAILED);
    q.data = (struct cvn_octets){none, size};
    ck_assert_int_eq(cvn_x225_request(p.side[0].x, &q, 0), CVN_ETOOBIG);
    ck_assert_int_eq(cvn_x225_state(p.side[0].x), CVN_STA01);
    pair_open(&p, HD | SY);
    q = pair_request(CVN_S_SYNC_MINOR);
    q.data = (struct cvn_octets){none, size};
    ck_assert_int_eq(cvn_x225_request(p.side[0].x, &q, 0), CVN_ETOOBIG);
    ck_assert_uint_eq(pair_vars(&p, 0).vm, 1);
    munmap(none, size);
}
END_TEST

/* STA01C of the side that was called: only the caller may send CN. */
START_TEST(the_called_side_does_not_connect)
{
    struct cvn_x225_prim q = connect_with(NULL);
    q.units |= CVN_FU_EXPEDITED;
    ck_assert_int_eq(cvn_x225_transport_up(p.side[0].x, true, true, 0), CVN_OK);
    ck_assert_int_eq(pair_ask(&p, 0, &q), CVN_ESTATE);
    again(NULL, NULL);
    ck_assert_int_eq(cvn_x225_transport_up(p.side[0].x, true, false, 0), CVN_OK);
    ck_assert_int_eq(pair_ask(&p, 0, &q), CVN_ESTATE);
}
END_TEST

/* --- S-CONNECT response --- */

/* The other machine has offered these units, and numbers if first is not 0. */
static void offered(uint16_t units, uint32_t first, uint32_t second)
{
    struct cvn_x225_prim q = pair_request(CVN_S_CONNECT);
    again(NULL, NULL);
    q.units = units;
    q.serial = first;
    q.serial2 = second;
    pair_do(&p, 0, &q);
    (void)pair_take(&p, 1, CVN_S_CONNECT, CVN_INDICATION);
}

START_TEST(connect_responses_out_of_range)
{
    static change *const wrong[] = {
        too_long_called,      too_long_common,  too_long_additional, too_long_calling_ssel,
        too_long_called_ssel, with_calling,     version_4,           both_versions,
        serial_too_high,      low_to_responder, low_to_initiator,    reserved_setting,
        token_of_no_unit,     both_syncs,       no_units_in_common,  result_3,
        result_128,           result_135,       result_254,          data_of_refusal,
        refused_called,       refused_common,   refused_additional,  refused_calling,
        refused_units,        data_of_null};
    offered(HD | SY | SS, 1, 1);
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct cvn_x225_prim a = pair_response(CVN_S_CONNECT);
        a.units = HD | SY;
        if (wrong[i] == reserved_setting) /* CN must have left it open */
            continue;
        wrong[i](&a);
        int rc =
            wrong[i] == refused_units ? cvn_x225_request(p.side[1].x, &a, 0) : pair_ask(&p, 1, &a);
        ck_assert_msg(rc == CVN_EINVAL, "%zu: %s", i, cvn_err_name(rc));
        ck_assert_int_eq(cvn_x225_state(p.side[1].x), CVN_STA08);
    }
    struct cvn_x225_prim a = pair_response(CVN_S_CONNECT);
    a.units = HD | SS;
    serial2_too_high(&a);
    ck_assert_int_eq(pair_ask(&p, 1, &a), CVN_EINVAL);
    a.serial2 = 5;
    pair_do(&p, 1, &a);
    ck_assert_uint_eq(pair_take(&p, 0, CVN_S_CONNECT, CVN_CONFIRM)->serial2, 5);
}
END_TEST

/* CN leaves the data token to the acceptor: he must say where it is. */
START_TEST(a_token_that_was_left_open_needs_a_place)
{
    struct cvn_x225_prim q = connect_with(NULL);
    struct cvn_x225_prim a = pair_response(CVN_S_CONNECT);
    q.has_token_setting = true;
    q.token_setting = CVN_SIDE_ACCEPTOR_CHOOSES * CVN_TOKEN_DATA;
    pair_do(&p, 0, &q);
    (void)pair_take(&p, 1, CVN_S_CONNECT, CVN_INDICATION);
    a.units = HD | SY;
    reserved_setting(&a);
    ck_assert_int_eq(pair_ask(&p, 1, &a), CVN_EINVAL);
    a.token_setting = CVN_SIDE_RESPONDER * CVN_TOKEN_DATA;
    pair_do(&p, 1, &a);
    ck_assert_uint_eq(pair_vars(&p, 1).tokens_owned, CVN_TOKEN_DATA);
    ck_assert_uint_eq(pair_vars(&p, 0).tokens_owned, CVN_TOKEN_MINOR);
}
END_TEST

/* The numbers of AC are those of the response, else those offered, each for its flow. */
START_TEST(numbers_that_the_response_leaves_out)
{
    static const struct {
        uint32_t offer, offer2, answer, answer2; /* the offer's first is of the initiator's flow */
        uint32_t from_responder, from_initiator;
    } rows[] = {
        {3, 7, CVN_SERIAL_NONE, CVN_SERIAL_NONE, 7, 3},
        {3, CVN_SERIAL_NONE, CVN_SERIAL_NONE, CVN_SERIAL_NONE, 3, 3},
        {3, 7, 9, CVN_SERIAL_NONE, 9, 3},
        {3, 7, 9, 11, 9, 11},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct cvn_x225_prim a = pair_response(CVN_S_CONNECT);
        offered(FD | SS, rows[i].offer, rows[i].offer2);
        a.units = FD | SS;
        a.serial = rows[i].answer;
        a.serial2 = rows[i].answer2;
        pair_do(&p, 1, &a);
        (void)pair_take(&p, 0, CVN_S_CONNECT, CVN_CONFIRM);
        ck_assert_uint_eq(pair_vars(&p, 1).vm, rows[i].from_responder);
        ck_assert_uint_eq(pair_vars(&p, 1).vmr, rows[i].from_initiator);
        ck_assert_uint_eq(pair_vars(&p, 0).vm, rows[i].from_initiator);
        ck_assert_uint_eq(pair_vars(&p, 0).vmr, rows[i].from_responder);
    }
}
END_TEST

/* CN without numbers though its units need them: the responder must have one. */
START_TEST(a_number_that_nobody_named)
{
    struct cvn_x225_prim ev;
    struct cvn_x225_prim a = pair_response(CVN_S_CONNECT);
    a.units = FD | SS;
    ck_assert_int_eq(cvn_x225_transport_up(p.side[1].x, true, false, 0), CVN_OK);
    drop_output(1);
    ck_assert_int_eq(given(1, "0d 0c 05 06 13 01 00 16 01 02 14 02 08 02", false, &ev), CVN_EVENT);
    ck_assert_uint_eq(ev.serial, CVN_SERIAL_NONE);
    ck_assert_int_eq(pair_ask(&p, 1, &a), CVN_EINVAL);
    a.serial = 4;
    ck_assert_int_eq(pair_ask(&p, 1, &a), CVN_OK);
    ck_assert_uint_eq(pair_vars(&p, 1).vmr, 4); /* of the other flow: the same */
}
END_TEST

/* With activities a number may be left out: they begin at 1. */
START_TEST(activities_need_no_number)
{
    struct cvn_x225_prim a = pair_response(CVN_S_CONNECT);
    offered(HD | SY | ACT, CVN_SERIAL_NONE, CVN_SERIAL_NONE);
    a.units = HD | SY | ACT;
    pair_do(&p, 1, &a);
    ck_assert_uint_eq(pair_take(&p, 0, CVN_S_CONNECT, CVN_CONFIRM)->serial, CVN_SERIAL_NONE);
}
END_TEST

/* RF may name the units that would do. */
START_TEST(a_refusal_may_name_units)
{
    struct cvn_x225_prim a = pair_response(CVN_S_CONNECT);
    offered(HD | SY, 1, CVN_SERIAL_NONE);
    a.result = CVN_RF_RESTRICTION;
    a.units = FD;
    a.id.additional = some(2);
    pair_do(&p, 1, &a);
    const struct cvn_x225_prim *c = pair_take(&p, 0, CVN_S_CONNECT, CVN_CONFIRM);
    ck_assert_uint_eq(c->result, CVN_RF_RESTRICTION);
    ck_assert_uint_eq(c->units, FD);
    ck_assert_uint_eq(c->id.additional.n, 2);
}
END_TEST

/* What AC may leave out, and the initiator then takes for granted. */
START_TEST(an_accept_that_names_little)
{
    struct cvn_x225_prim q = pair_request(CVN_S_CONNECT);
    struct cvn_x225_prim ev;
    q.units = FD | SS;
    q.serial = 3;
    ck_assert_int_eq(pair_ask(&p, 0, &q), CVN_OK);
    ck_assert_int_eq(cvn_x225_transport_up(p.side[0].x, false, false, 0), CVN_OK);
    drop_output(0);
    ck_assert_int_eq(given(0, "0e 0f 05 09 13 01 00 16 01 02 17 01 35 14 02 08 02", false, &ev),
                     CVN_EVENT);
    ck_assert_uint_eq(ev.result, CVN_RESULT_ACCEPT);
    ck_assert_uint_eq(pair_vars(&p, 0).vm, 5); /* one number is that of both flows */
    ck_assert_uint_eq(pair_vars(&p, 0).vmr, 5);
}
END_TEST

START_TEST(an_accept_of_the_wrong_version)
{
    struct cvn_x225_prim q = pair_request(CVN_S_CONNECT);
    q.units = FD;
    q.versions = 2;
    ck_assert_int_eq(pair_ask(&p, 0, &q), CVN_OK);
    ck_assert_int_eq(cvn_x225_transport_up(p.side[0].x, false, false, 0), CVN_OK);
    drop_output(0);
    is_wrong(0, "0e 0c 05 06 13 01 00 16 01 01 14 02 00 02", "a version that was not offered");
}
END_TEST

START_TEST(an_offer_with_data_overflow_that_is_refused)
{
    static const struct {
        const char *cn;
        uint8_t reason;
        uint8_t versions;
    } rows[] = {
        {"0d 09 14 02 04 00 3c 01 01 02 00", CVN_RF_PROVIDER, 3}, /* no mode */
        {"0d 0f 05 06 13 01 00 16 01 01 14 02 00 02 3c 01 01", CVN_RF_VERSION,
         3}, /* version 1 has none */
        {"0d 0f 05 06 13 01 00 16 01 03 14 02 00 02 3c 01 01", CVN_RF_VERSION, 1},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct cvn_x225_opts o = {.versions = rows[i].versions};
        struct cvn_x225_out out;
        again(NULL, &o);
        ck_assert_int_eq(cvn_x225_transport_up(p.side[1].x, true, false, 0), CVN_OK);
        drop_output(1);
        gives_nothing(1, rows[i].cn, false);
        ck_assert_int_eq(cvn_x225_state(p.side[1].x), CVN_STA16);
        ck_assert_int_eq(cvn_x225_out(p.side[1].x, &out), CVN_EVENT);
        ck_assert_uint_eq(out.header.p[0], 12);
        ck_assert_uint_eq(out.header.p[out.header.n - 1], rows[i].reason);
    }
}
END_TEST

/* The user data of CN itself is over what is taken. */
START_TEST(an_offer_with_more_data_than_is_taken)
{
    struct cvn_x225_opts o = {.ssdu_bytes_max = 2};
    struct cvn_x225_out out;
    again(NULL, &o);
    ck_assert_int_eq(cvn_x225_transport_up(p.side[1].x, true, false, 0), CVN_OK);
    drop_output(1);
    gives_nothing(1, "0d 14 05 06 13 01 00 16 01 02 14 02 00 02 3c 01 01 c2 03 61 62 63", false);
    ck_assert_int_eq(cvn_x225_state(p.side[1].x), CVN_STA16);
    ck_assert_int_eq(cvn_x225_out(p.side[1].x, &out), CVN_EVENT);
    ck_assert_uint_eq(out.header.p[out.header.n - 1], CVN_RF_CONGESTION);
}
END_TEST

/* --- the other requests --- */

START_TEST(resynchronize_requests_out_of_range)
{
    struct cvn_x225_prim q;
    open_units(HD | SY | RESYN);
    is_refused(resync(3, CVN_RESYNC_NONE), CVN_EINVAL);
    is_refused(resync(CVN_RESYNC_NONE, CVN_RESYNC_NONE), CVN_EINVAL);
    is_refused(resync(CVN_RESYNC_SET, 3), CVN_EUNIT);
    is_refused(resync(CVN_RESYNC_SET, CVN_RESYNC_SET), CVN_EUNIT);
    q = resync(CVN_RESYNC_SET, CVN_RESYNC_NONE);
    q.serial = CVN_SERIAL_MAX + 1;
    is_refused(q, CVN_EINVAL);
    q.serial = CVN_SERIAL_MAX;
    q.has_token_setting = true;
    q.token_setting = 3;
    is_refused(q, CVN_EINVAL);
    q.token_setting = 0;
    is_refused(q, CVN_OK);
}
END_TEST

START_TEST(resynchronize_requests_of_two_flows)
{
    struct cvn_x225_prim q;
    open_units(FD | SS | RESYN);
    is_refused(resync(CVN_RESYNC_SET, 3), CVN_EINVAL);
    q = resync(CVN_RESYNC_SET, CVN_RESYNC_SET);
    q.serial2 = CVN_SERIAL_NONE;
    is_refused(q, CVN_EINVAL);
    q.serial2 = 3;
    q.serial = CVN_SERIAL_NONE;
    is_refused(q, CVN_EINVAL);
    q.serial = 9;
    pair_do(&p, 0, &q);
    const struct cvn_x225_prim *i = pair_take(&p, 1, CVN_S_RESYNCHRONIZE, CVN_INDICATION);
    ck_assert_uint_eq(i->serial, 9);
    ck_assert_uint_eq(i->serial2, 3);
    q = pair_response(CVN_S_RESYNCHRONIZE);
    q.serial = CVN_SERIAL_MAX + 1;
    ck_assert_int_eq(pair_ask(&p, 1, &q), CVN_EINVAL);
    q.serial = 4;
    q.serial2 = CVN_SERIAL_MAX + 1;
    ck_assert_int_eq(pair_ask(&p, 1, &q), CVN_EINVAL);
    q.serial2 = 10;
    pair_do(&p, 1, &q);
    (void)pair_take(&p, 0, CVN_S_RESYNCHRONIZE, CVN_CONFIRM);
    ck_assert_uint_eq(pair_vars(&p, 0).vm, 10);
    ck_assert_uint_eq(pair_vars(&p, 0).vmr, 4);
}
END_TEST

/* Restart between V(R) and V(M) of each flow: p33. */
START_TEST(restarts_are_held_to_what_is_not_confirmed)
{
    struct cvn_x225_prim m = pair_request(CVN_S_SYNC_MAJOR);
    struct cvn_x225_prim q;
    open_units(FD | SS | MA | RESYN);
    pair_do(&p, 0, &m);
    (void)pair_take(&p, 1, CVN_S_SYNC_MAJOR, CVN_INDICATION);
    pair_do_response(&p, 1, CVN_S_SYNC_MAJOR);
    (void)pair_take(&p, 0, CVN_S_SYNC_MAJOR, CVN_CONFIRM);
    ck_assert_uint_eq(pair_vars(&p, 0).vr, 2);
    ck_assert_uint_eq(pair_vars(&p, 0).vrr, 1);      /* of the other flow there was none */
    q = resync(CVN_RESYNC_RESTART, CVN_RESYNC_NONE); /* at 1 */
    is_refused(q, CVN_ESERIAL);
    q.serial = 3;
    is_refused(q, CVN_ESERIAL);
    q = resync(CVN_RESYNC_RESTART, CVN_RESYNC_RESTART);
    q.serial = 2;
    q.serial2 = 0;
    is_refused(q, CVN_ESERIAL);
    q.serial2 = 2;
    is_refused(q, CVN_ESERIAL);
    q.serial2 = 1;
    is_refused(q, CVN_OK);
}
END_TEST

/* The same of what a peer sends: p32, each flow, and the flow that does not find the row. */
START_TEST(restarts_of_the_peer_are_held_to_it_too)
{
    static const char *const wrong[] = {
        "01 00 35 0c 1b 01 00 2a 01 30 35 01 00 36 01 32", /* both restart: the first too low */
        "01 00 35 0c 1b 01 00 2a 01 31 35 01 00 36 01 31", /* the second */
        "01 00 35 0c 1b 01 01 2a 01 31 35 01 00 36 01 31", /* beside abandon */
        "01 00 35 0c 1b 01 00 2a 01 30 35 01 02 36 01 32", /* beside set */
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct cvn_x225_prim m = pair_request(CVN_S_SYNC_MAJOR);
        open_units(FD | SS | MA | RESYN);
        pair_do(&p, 0, &m);
        (void)pair_take(&p, 1, CVN_S_SYNC_MAJOR, CVN_INDICATION);
        pair_do_response(&p, 1, CVN_S_SYNC_MAJOR);
        is_wrong(0, wrong[i], i < 2 ? "serial number" : "RS restarts below V(R)");
    }
    open_units(FD | SS | RESYN);
    is_wrong(0, "01 00 35 09 1b 01 00 2a 01 31 35 01 00", "RS without the number of the second");
    open_units(HD | SY | RESYN);
    is_wrong(0, "01 00 35 09 1a 01 03 1b 01 01 2a 01 31", "RS has a reserved token setting");
}
END_TEST

/* V(R) after a major point: restart below it without symmetric synchronize. */
START_TEST(a_restart_below_a_major_point)
{
    struct cvn_x225_prim m = pair_request(CVN_S_SYNC_MAJOR);
    open_units(HD | MA | RESYN);
    pair_do(&p, 0, &m);
    (void)pair_take(&p, 1, CVN_S_SYNC_MAJOR, CVN_INDICATION);
    pair_do_response(&p, 1, CVN_S_SYNC_MAJOR);
    gives(1, "01 00 35 06 1b 01 00 2a 01 32", false, CVN_S_RESYNCHRONIZE);
    open_units(HD | MA | RESYN);
    pair_do(&p, 0, &m);
    (void)pair_take(&p, 1, CVN_S_SYNC_MAJOR, CVN_INDICATION);
    pair_do_response(&p, 1, CVN_S_SYNC_MAJOR);
    is_wrong(1, "01 00 35 06 1b 01 00 2a 01 31", "serial number");
}
END_TEST

START_TEST(resynchronize_answers_that_are_wrong)
{
    struct cvn_x225_prim q = resync(CVN_RESYNC_ABANDON, CVN_RESYNC_ABANDON);
    open_units(FD | SS | RESYN);
    ck_assert_int_eq(pair_ask(&p, 0, &q), CVN_OK);
    drop_output(0);
    is_wrong(0, "02 00 22 03 2a 01 31", "RA without the number of the second flow");

    q = resync(CVN_RESYNC_ABANDON, CVN_RESYNC_NONE); /* one flow: the second number is void */
    open_units(FD | SS | RESYN);
    ck_assert_int_eq(pair_ask(&p, 0, &q), CVN_OK);
    drop_output(0);
    is_wrong(0, "02 00 22 03 2a 01 31", "RA without the number of the second flow");

    open_units(HD | SY | RESYN);
    ck_assert_int_eq(pair_ask(&p, 0, &q), CVN_OK);
    drop_output(0);
    is_wrong(0, "02 00 22 06 1a 01 02 2a 01 31", "RA leaves the place of a token open");
}
END_TEST

START_TEST(activity_requests_out_of_range)
{
    struct cvn_x225_prim q = pair_request(CVN_S_ACTIVITY_START);
    open_units(HD | SY | ACT);
    is_refused(q, CVN_EINVAL);
    q.activity = some(7);
    is_refused(q, CVN_EINVAL);
    q = pair_request(CVN_S_ACTIVITY_RESUME);
    q.serial = 1;
    q.activity = q.old_activity = some(6);
    struct cvn_x225_prim w = q;
    w.activity = some(0);
    is_refused(w, CVN_EINVAL);
    w = q;
    w.old_activity = some(7);
    is_refused(w, CVN_EINVAL);
    w = q;
    w.id.calling = some(65);
    is_refused(w, CVN_EINVAL);
    w = q;
    w.id.called = some(65);
    is_refused(w, CVN_EINVAL);
    w = q;
    w.id.common = some(65);
    is_refused(w, CVN_EINVAL);
    w = q;
    w.id.additional = some(5);
    is_refused(w, CVN_EINVAL);
    w = q;
    w.serial = CVN_SERIAL_MAX + 1;
    is_refused(w, CVN_EINVAL);
    w = q;
    w.serial2 = CVN_SERIAL_MAX + 1; /* ignored without symmetric synchronize */
    w.id.calling = w.id.called = w.id.common = some(64);
    w.id.additional = some(4);
    is_refused(w, CVN_OK);
}
END_TEST

START_TEST(resumptions_of_two_flows)
{
    struct cvn_x225_prim q = pair_request(CVN_S_ACTIVITY_RESUME);
    q.activity = q.old_activity = some(1);
    q.serial = 4;
    open_units(FD | SS | ACT);
    q.serial2 = CVN_SERIAL_MAX + 1;
    is_refused(q, CVN_EINVAL);
    q.serial2 = 8;
    pair_do(&p, 0, &q);
    ck_assert_uint_eq(pair_vars(&p, 0).vm, 5);
    ck_assert_uint_eq(pair_vars(&p, 0).vmr, 9);
    ck_assert_uint_eq(pair_vars(&p, 1).vm, 9);
    open_units(FD | SS | ACT);
    q.serial2 = CVN_SERIAL_NONE; /* one number is that of both */
    pair_do(&p, 0, &q);
    ck_assert_uint_eq(pair_vars(&p, 0).vmr, 5);
    open_units(FD | SS | ACT); /* as a peer sends it */
    gives(1, "01 00 1d 0b 21 06 29 01 61 2a 01 34 29 01 62", false, CVN_S_ACTIVITY_RESUME);
    ck_assert_uint_eq(pair_vars(&p, 1).vm, 5);
    ck_assert_uint_eq(pair_vars(&p, 1).vmr, 5);
}
END_TEST

START_TEST(other_requests_out_of_range)
{
    struct cvn_x225_prim q = pair_request(CVN_S_TOKEN_GIVE);
    open_units(HD | SY | CVN_FU_EXPEDITED);
    q.tokens = 2;
    is_refused(q, CVN_EINVAL);
    q = pair_response(CVN_S_SYNC_MINOR);
    q.serial = CVN_SERIAL_MAX + 1;
    is_refused(q, CVN_EINVAL);
    q = pair_response(CVN_S_RELEASE);
    q.result = 1;
    is_refused(q, CVN_EINVAL);
    q = pair_request(CVN_S_DATA);
    q.data.n = 3; /* and no octets */
    is_refused(q, CVN_EINVAL);
    q = pair_prim(CVN_S_DATA, CVN_RESPONSE);
    is_refused(q, CVN_EINVAL);
    q = pair_prim(CVN_S_SERVICES, CVN_REQUEST);
    is_refused(q, CVN_EINVAL);
    q = pair_prim(CVN_S_P_ABORT, CVN_REQUEST);
    is_refused(q, CVN_EINVAL);
}
END_TEST

/* A version 1 TSDU maximum that a whole SPDU does not fit: it has no segments of these. */
START_TEST(version_1_has_no_room_in_a_small_tsdu)
{
    struct cvn_x225_opts b = {.versions = 1, .tsdu_max_receive = 64};
    struct cvn_x225_prim q = pair_request(CVN_S_SYNC_MINOR);
    again(NULL, &b);
    pair_open(&p, HD | SY);
    q.data = some(100);
    ck_assert_int_eq(cvn_x225_request(p.side[0].x, &q, 0), CVN_ETOOBIG);
    ck_assert_uint_eq(pair_vars(&p, 0).vm, 1);
    q.data = some(40);
    pair_do(&p, 0, &q);
    ck_assert_uint_eq(pair_take(&p, 1, CVN_S_SYNC_MINOR, CVN_INDICATION)->data.n, 40);
}
END_TEST

/* --- the last numbers --- */

static void open_at(uint16_t units, uint32_t first, uint32_t second)
{
    struct cvn_x225_prim a = pair_response(CVN_S_CONNECT);
    offered(units, first, second);
    a.units = units;
    a.serial = (units & SS) != 0 ? second : first;
    a.serial2 = first;
    pair_do(&p, 1, &a);
    (void)pair_take(&p, 0, CVN_S_CONNECT, CVN_CONFIRM);
}

START_TEST(numbers_are_used_up)
{
    struct cvn_x225_prim m = pair_request(CVN_S_SYNC_MINOR);
    open_at(HD | SY | MA | RESYN, CVN_SERIAL_MAX, CVN_SERIAL_NONE);
    pair_do(&p, 0, &m);
    ck_assert_uint_eq(m.serial, CVN_SERIAL_MAX);
    is_refused(pair_request(CVN_S_SYNC_MINOR), CVN_ESERIAL);
    is_refused(pair_request(CVN_S_SYNC_MAJOR), CVN_ESERIAL);
    is_refused(resync(CVN_RESYNC_ABANDON, CVN_RESYNC_NONE), CVN_ESERIAL);
    is_refused(resync(CVN_RESYNC_SET, CVN_RESYNC_NONE), CVN_OK);
}
END_TEST

START_TEST(numbers_of_one_flow_are_used_up)
{
    struct cvn_x225_prim m = pair_request(CVN_S_SYNC_MINOR);
    open_at(FD | SS | MA | RESYN, CVN_SERIAL_MAX, 5);
    pair_do(&p, 0, &m); /* ours are used up */
    is_refused(pair_request(CVN_S_SYNC_MAJOR), CVN_ESERIAL);
    open_at(FD | SS | MA | RESYN, 5, CVN_SERIAL_MAX);
    pair_do(&p, 1, &m); /* the peer's are */
    is_refused(pair_request(CVN_S_SYNC_MAJOR), CVN_ESERIAL);
    is_refused(resync(CVN_RESYNC_SET, CVN_RESYNC_ABANDON), CVN_ESERIAL);
    is_refused(resync(CVN_RESYNC_SET, CVN_RESYNC_NONE), CVN_OK); /* that flow is left alone */
}
END_TEST

/* The confirm of a major point names the next number of its own flow: there must be one. */
START_TEST(a_major_point_cannot_be_confirmed_without_numbers)
{
    struct cvn_x225_prim m = pair_request(CVN_S_SYNC_MINOR);
    struct cvn_x225_prim a = pair_response(CVN_S_SYNC_MAJOR);
    open_at(FD | SS | MA | RESYN, 5, CVN_SERIAL_MAX);
    ck_assert_int_eq(pair_ask(&p, 1, &m), CVN_OK);
    drop_output(1);
    gives(1, "01 00 29 0e 0f 01 01 2a 01 35 36 06 39 39 39 39 39 39", false, CVN_S_SYNC_MAJOR);
    ck_assert_int_eq(pair_ask(&p, 1, &a), CVN_ESERIAL);
    ck_assert_int_eq(cvn_x225_state(p.side[1].x), CVN_STA10A);
}
END_TEST

/* --- the narrow dialect --- */

START_TEST(the_narrow_dialect_has_little_room)
{
    struct cvn_x225_opts o = {.minimal = true};
    static change *const wrong[] = {with_calling, with_common,  with_additional,
                                    with_called,  to_responder, to_initiator};
    again(&o, &o);
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct cvn_x225_prim q = connect_with(wrong[i]);
        ck_assert_int_eq(pair_ask(&p, 0, &q), CVN_EINVAL);
    }
    struct cvn_x225_prim q = connect_with(NULL);
    q.data = some(300); /* its LI has one octet */
    ck_assert_int_eq(cvn_x225_request(p.side[0].x, &q, 0), CVN_ETOOBIG);
    q.data = some(3);
    q.units = FD;
    pair_do(&p, 0, &q);
    (void)pair_take(&p, 1, CVN_S_CONNECT, CVN_INDICATION);
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct cvn_x225_prim a = pair_response(CVN_S_CONNECT);
        a.units = FD;
        wrong[i](&a);
        ck_assert_int_eq(pair_ask(&p, 1, &a), CVN_EINVAL);
    }
    struct cvn_x225_prim a = pair_response(CVN_S_CONNECT);
    a.units = FD;
    pair_do(&p, 1, &a);
    (void)pair_take(&p, 0, CVN_S_CONNECT, CVN_CONFIRM);
    struct cvn_x225_prim r = pair_request(CVN_S_RELEASE);
    r.data = some(70000);
    ck_assert_int_eq(cvn_x225_request(p.side[0].x, &r, 0), CVN_ETOOBIG);
    /* both release; the acceptor answers early */
    ck_assert_int_eq(cvn_x225_request(p.side[1].x, &r, 0), CVN_ETOOBIG);
    r.data = some(0);
    ck_assert_int_eq(pair_ask(&p, 1, &r), CVN_OK);
    drop_output(1);
    gives(1, "09 00", false, CVN_S_RELEASE);
    struct cvn_x225_prim early = pair_response(CVN_S_RELEASE);
    early.data = some(300);
    ck_assert_int_eq(cvn_x225_request(p.side[1].x, &early, 0), CVN_ETOOBIG);
    early.data = some(3);
    ck_assert_int_eq(pair_ask(&p, 1, &early), CVN_OK);
}
END_TEST

/* --- one-way dialogue --- */

static struct cvn_x225_prim one_way(uint16_t units)
{
    struct cvn_x225_prim q = pair_request(CVN_S_CONNECT);
    q.units = units;
    q.serial = 1;
    q.simplex = true;
    return q;
}

START_TEST(one_way_dialogue_keeps_the_data_token)
{
    struct cvn_x225_prim q = one_way(0); /* the default units: half-duplex, activities */
    struct cvn_x225_prim a = pair_response(CVN_S_CONNECT);
    struct cvn_x225_prim t = pair_request(CVN_S_TOKEN_GIVE);
    pair_open_with(&p, &q, &a);
    t.tokens = CVN_TOKEN_DATA;
    is_refused(t, CVN_EPERM);
    t.service = CVN_S_TOKEN_PLEASE;
    is_refused(t, CVN_EPERM);
    is_refused(pair_request(CVN_S_CONTROL_GIVE), CVN_EPERM);
    t.tokens = CVN_TOKEN_MINOR;
    is_refused(t, CVN_OK);
    struct cvn_x225_prim d = pair_request(CVN_S_DATA);
    d.data = some(1);
    is_refused(d, CVN_OK);
    is_refused(pair_request(CVN_S_RELEASE), CVN_OK);
}
END_TEST

START_TEST(one_way_dialogue_is_half_duplex)
{
    struct cvn_x225_prim a = pair_response(CVN_S_CONNECT);
    offered(HD | FD | SY, 1, CVN_SERIAL_NONE);
    a.simplex = true;
    a.units = FD | SY;
    ck_assert_int_eq(pair_ask(&p, 1, &a), CVN_EINVAL);
    a.units = HD | SY;
    pair_do(&p, 1, &a);
    (void)pair_take(&p, 0, CVN_S_CONNECT, CVN_CONFIRM);
    struct cvn_x225_prim d = pair_request(CVN_S_DATA); /* the token is with the initiator */
    d.data = some(1);
    ck_assert_int_eq(pair_ask(&p, 1, &d), CVN_EPERM);
    is_refused(d, CVN_OK);
}
END_TEST

/* S-RESYNCHRONIZE may not move it: by name; left to the acceptor, by its answer. */
START_TEST(one_way_dialogue_over_a_resynchronization)
{
    struct cvn_x225_prim q = one_way(HD | SY | RESYN);
    struct cvn_x225_prim a = pair_response(CVN_S_CONNECT);
    struct cvn_x225_prim r = resync(CVN_RESYNC_SET, CVN_RESYNC_NONE);
    a.units = q.units;
    pair_open_with(&p, &q, &a);
    r.has_token_setting = true;
    r.token_setting = CVN_SIDE_RESPONDER * CVN_TOKEN_DATA;
    is_refused(r, CVN_EPERM);
    r.token_setting = CVN_SIDE_INITIATOR * CVN_TOKEN_DATA;
    is_refused(r, CVN_OK);
}
END_TEST

/* RS leaves the place of a token to the acceptor, whose answer must name one. */
START_TEST(a_token_that_a_resynchronization_leaves_open)
{
    struct cvn_x225_prim a = pair_response(CVN_S_RESYNCHRONIZE);
    open_units(HD | SY | RESYN);
    gives(1, "01 00 35 09 1a 01 02 1b 01 01 2a 01 31", false, CVN_S_RESYNCHRONIZE);
    a.has_token_setting = true;
    a.token_setting = 3;
    ck_assert_int_eq(pair_ask(&p, 1, &a), CVN_EINVAL);
    a.token_setting = CVN_SIDE_RESPONDER;
    ck_assert_int_eq(pair_ask(&p, 1, &a), CVN_OK);
    ck_assert_uint_eq(pair_vars(&p, 1).tokens_owned, CVN_TOKEN_DATA);
}
END_TEST

/* p17: only the side that has set the points hears that they are confirmed. */
START_TEST(a_confirm_of_what_the_peer_has_set)
{
    struct cvn_x225_prim m = pair_request(CVN_S_SYNC_MINOR);
    open_units(HD | SY);
    pair_do(&p, 0, &m);
    is_wrong(1, "02 00 32 03 2a 01 31", "serial number");
}
END_TEST

static void add_connect_tests(TCase *t)
{
    tcase_add_test(t, options_out_of_range_are_refused);
    tcase_add_test(t, names_of_what_is_not);
    tcase_add_test(t, connect_requests_out_of_range);
    tcase_add_test(t, connect_requests_at_their_limits);
    tcase_add_test(t, versions_that_this_side_has_not);
    tcase_add_test(t, connect_user_data_over_4_gib_is_refused);
    tcase_add_test(t, the_called_side_does_not_connect);
    tcase_add_test(t, connect_responses_out_of_range);
    tcase_add_test(t, a_token_that_was_left_open_needs_a_place);
    tcase_add_test(t, numbers_that_the_response_leaves_out);
    tcase_add_test(t, a_number_that_nobody_named);
    tcase_add_test(t, activities_need_no_number);
    tcase_add_test(t, a_refusal_may_name_units);
    tcase_add_test(t, an_accept_that_names_little);
    tcase_add_test(t, an_accept_of_the_wrong_version);
    tcase_add_test(t, an_offer_with_data_overflow_that_is_refused);
    tcase_add_test(t, an_offer_with_more_data_than_is_taken);
}

static void add_request_tests(TCase *t)
{
    tcase_add_test(t, resynchronize_requests_out_of_range);
    tcase_add_test(t, resynchronize_requests_of_two_flows);
    tcase_add_test(t, restarts_are_held_to_what_is_not_confirmed);
    tcase_add_test(t, restarts_of_the_peer_are_held_to_it_too);
    tcase_add_test(t, a_restart_below_a_major_point);
    tcase_add_test(t, resynchronize_answers_that_are_wrong);
    tcase_add_test(t, activity_requests_out_of_range);
    tcase_add_test(t, resumptions_of_two_flows);
    tcase_add_test(t, other_requests_out_of_range);
    tcase_add_test(t, version_1_has_no_room_in_a_small_tsdu);
    tcase_add_test(t, numbers_are_used_up);
    tcase_add_test(t, numbers_of_one_flow_are_used_up);
    tcase_add_test(t, a_major_point_cannot_be_confirmed_without_numbers);
    tcase_add_test(t, the_narrow_dialect_has_little_room);
    tcase_add_test(t, one_way_dialogue_keeps_the_data_token);
    tcase_add_test(t, one_way_dialogue_is_half_duplex);
    tcase_add_test(t, one_way_dialogue_over_a_resynchronization);
    tcase_add_test(t, a_token_that_a_resynchronization_leaves_open);
    tcase_add_test(t, a_confirm_of_what_the_peer_has_set);
}

int main(void)
{
    Suite *s = suite_create("x225 values");
    TCase *t = tcase_create("all");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_set_timeout(t, 60);
    add_connect_tests(t);
    add_request_tests(t);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_ENV);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed == 0 ? 0 : 1;
}
