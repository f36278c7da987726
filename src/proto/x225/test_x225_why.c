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

/* -------- every value that can be wrong -------- */

static uint8_t zeros[600];

/* One member, or some of them, set to something else. */
enum { SET_NONE, SET_8, SET_16, SET_32, SET_BITS, SET_OCTETS, SET_GONE };

struct set {
    size_t at;
    int how;
    uint32_t value;
};

/* clang-format off */
#define AT(member)      offsetof(struct cvn_x225_prim, member)
#define U8(member, v)   {AT(member), SET_8, (v)}
#define U16(member, v)  {AT(member), SET_16, (v)}
#define U32(member, v)  {AT(member), SET_32, (v)}
#define ALSO(member, v) {AT(member), SET_BITS, (v)}
#define OCT(member, n)  {AT(member), SET_OCTETS, (n)}
#define GONE(member, n) {AT(member), SET_GONE, (n)}
/* clang-format on */

struct wrong {
    const char *says; /* NULL: it is allowed */
    struct set set[3];
};

static void change(struct cvn_x225_prim *q, const struct set *s)
{
    void *at = (uint8_t *)q + s->at;
    switch (s->how) {
    case SET_8:
        *(uint8_t *)at = (uint8_t)s->value;
        break;
    case SET_16:
        *(uint16_t *)at = (uint16_t)s->value;
        break;
    case SET_32:
        *(uint32_t *)at = s->value;
        break;
    case SET_BITS:
        *(uint16_t *)at |= (uint16_t)s->value;
        break;
    case SET_OCTETS:
        *(struct cvn_octets *)at = (struct cvn_octets){zeros, s->value};
        break;
    case SET_GONE:
        *(struct cvn_octets *)at = (struct cvn_octets){NULL, s->value};
        break;
    default:
        break;
    }
}

static void go_through(unsigned side, const struct cvn_x225_prim *base, const struct wrong *rows,
                       size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct cvn_x225_prim q = *base;
        for (size_t k = 0; k < 3; k++)
            change(&q, &rows[i].set[k]);
        const char *text = cvn_x225_why(p.side[side].x, &q);
        if (rows[i].says == NULL)
            ck_assert_msg(text == NULL, "row %zu: %s", i, text);
        else
            says(text, rows[i].says);
        if (text != NULL)
            ck_assert_int_lt(pair_ask(&p, side, &q), 0);
    }
}
#define GO_THROUGH(side, base, rows) go_through(side, base, rows, sizeof(rows) / sizeof(rows)[0])

START_TEST(values_of_s_connect_request)
{
    static const struct wrong rows[] = {
        {NULL, {{0, 0, 0}}},
        {NULL, {U16(units, 0)}},
        {"longer than 64", {OCT(id.calling, 65)}},
        {"longer than 64", {OCT(id.called, 65)}},
        {"longer than 64", {OCT(id.common, 65)}},
        {"additional one than 4", {OCT(id.additional, 5)}},
        {"the responder's to give", {OCT(id.called, 1)}},
        {"longer than 16", {OCT(called, 17)}},
        {"over 999,999", {U32(serial, 1000000)}},
        {"over 999,999", {U32(serial2, 1000000)}},
        {NULL, {U32(serial2, 5)}},
        {"needs an initial serial number", {U32(serial, CVN_SERIAL_NONE)}},
        {"64 and more", {U16(tsdu_max_initiator, 63)}},
        {"64 and more", {U16(tsdu_max_responder, 63)}},
        {"reserved value", {U8(has_token_setting, 1), U8(token_setting, 3)}},
        {NULL, {U8(has_token_setting, 1), U8(token_setting, 1)}},
        {"a version", {U8(versions, 4)}},
        {NULL, {U8(versions, 3)}},
        {NULL, {ALSO(units, CVN_FU_EXCEPTIONS)}},
        {NULL,
         {U16(units, CVN_FU_DUPLEX | CVN_FU_ACTIVITY | CVN_FU_CAPABILITY),
          U32(serial, CVN_SERIAL_NONE)}},
        {NULL, {ALSO(units, CVN_FU_DATA_SEPARATION)}},
        {"does not have", {ALSO(units, 0x8000)}},
        {NULL, {U8(simplex, 1)}},
        {NULL, {U8(simplex, 1), U16(units, 0)}},
        {"one-way dialogue needs", {U8(simplex, 1), U16(units, CVN_FU_DUPLEX)}},
        {"announced and not given", {GONE(data, 4)}},
    };
    struct cvn_x225_prim q = pair_request(CVN_S_CONNECT);
    q.units = CVN_FU_HALF_DUPLEX | CVN_FU_MINOR_SYNC;
    q.serial = 1;
    q.calling = pair_octets("me");
    GO_THROUGH(0, &q, rows);
    q.units = 0;
    q.serial = CVN_SERIAL_NONE;
    q.data = (struct cvn_octets){zeros, 600};
    q.versions = 1;
    says(cvn_x225_why(p.side[0].x, &q), "at most 512");
}
END_TEST

static void indicate(uint16_t units)
{
    struct cvn_x225_prim q = pair_request(CVN_S_CONNECT);
    q.units = units;
    q.serial = 1;
    pair_do(&p, 0, &q);
    (void)pair_take(&p, 1, CVN_S_CONNECT, CVN_INDICATION);
}

START_TEST(values_of_s_connect_response)
{
    static const struct wrong rows[] = {
        {NULL, {{0, 0, 0}}},
        {NULL, {U16(units, 0)}},
        {"exactly one of half-duplex and duplex", {U16(units, CVN_FU_TYPED_DATA)}},
        {NULL, {U16(units, CVN_FU_DUPLEX)}},
        {"exclude each other", {ALSO(units, CVN_FU_SYMMETRIC_SYNC)}},
        {"longer than 64", {OCT(id.called, 65)}},
        {"the initiator's to give", {OCT(id.calling, 1)}},
        {NULL, {U8(versions, 1)}},
        {NULL, {U8(versions, 2)}},
        {"a token that was left", {U8(versions, 3)}},
        {"was not offered", {U8(versions, 4)}},
        {NULL, {U8(simplex, 1)}},
        {"one-way dialogue needs half-duplex", {U8(simplex, 1), U16(units, CVN_FU_DUPLEX)}},
        {"these functional units do not have", {U8(tokens, CVN_TOKEN_RELEASE)}},
        {NULL, {U8(has_token_setting, 1), U8(token_setting, 3)}},
        {NULL, {U8(result, CVN_RF_USER)}},
        {"with the result 2 alone", {U8(result, CVN_RF_USER), OCT(data, 1)}},
        {NULL, {U8(result, CVN_RF_USER_DATA), OCT(data, 1)}},
        {"255, 0 to 2, or 129 to 134", {U8(result, 7)}},
        {"a reference is too long", {U8(result, CVN_RF_USER), OCT(id.called, 65)}},
        {"a reference is too long", {U8(result, CVN_RF_USER), OCT(id.common, 65)}},
        {"a reference is too long", {U8(result, CVN_RF_USER), OCT(id.additional, 5)}},
        {"a reference is too long", {U8(result, CVN_RF_USER), OCT(id.calling, 1)}},
    };
    indicate(CVN_FU_HALF_DUPLEX | CVN_FU_DUPLEX | CVN_FU_MINOR_SYNC | CVN_FU_SYMMETRIC_SYNC |
             CVN_FU_TYPED_DATA);
    struct cvn_x225_prim a = pair_response(CVN_S_CONNECT);
    a.units = CVN_FU_HALF_DUPLEX | CVN_FU_MINOR_SYNC;
    GO_THROUGH(1, &a, rows);
    struct cvn_x225_prim q = pair_request(CVN_S_CONNECT);
    says(cvn_x225_why(p.side[1].x, &q), "S-CONNECT indication waits");
}
END_TEST

START_TEST(who_may_connect)
{
    struct cvn_x225_opts o = {.reuse = true};
    pair_fini(&p);
    pair_init(&p, &o, &o);
    pair_open(&p, CVN_FU_DUPLEX);
    struct cvn_x225_prim q = pair_request(CVN_S_CONNECT);
    q.units = CVN_FU_DUPLEX;
    says(cvn_x225_why(p.side[0].x, &q), "there is a session connection already");
    struct cvn_x225_prim r = pair_request(CVN_S_RELEASE);
    r.keep = true;
    pair_do(&p, 0, &r);
    (void)pair_take(&p, 1, CVN_S_RELEASE, CVN_INDICATION);
    pair_do_response(&p, 1, CVN_S_RELEASE);
    (void)pair_take(&p, 0, CVN_S_RELEASE, CVN_CONFIRM);
    says(cvn_x225_why(p.side[1].x, &q), "the side that opened the transport connection");
    ck_assert_ptr_null(cvn_x225_why(p.side[0].x, &q));
}
END_TEST

START_TEST(values_of_the_rest)
{
    struct cvn_x225_prim q;
    pair_open(&p, CVN_FU_HALF_DUPLEX | CVN_FU_MINOR_SYNC | CVN_FU_RESYNC | CVN_FU_TYPED_DATA);
    q = pair_request(CVN_S_SYNC_MINOR);
    q.separation = true;
    says(cvn_x225_why(p.side[0].x, &q), "data separation was not agreed");
    q = pair_request(CVN_S_RESYNCHRONIZE);
    says(cvn_x225_why(p.side[0].x, &q), "restart, abandon or set");
    q.resync = CVN_RESYNC_SET;
    says(cvn_x225_why(p.side[0].x, &q), "need a serial number");
    q.has_token_setting = true;
    q.token_setting = 1;
    says(cvn_x225_why(p.side[0].x, &q), "need a serial number");
    q.token_setting = 3;
    says(cvn_x225_why(p.side[0].x, &q), "reserved value");
    q.token_setting = 0;
    q.serial = 4;
    q.resync2 = CVN_RESYNC_SET;
    says(cvn_x225_why(p.side[0].x, &q), "second flow needs symmetric");
    q.resync2 = CVN_RESYNC_NONE;
    q.resync = CVN_RESYNC_RESTART;
    q.serial = 99;
    says(cvn_x225_why(p.side[0].x, &q), "restart goes back to a point");
    q.resync = CVN_RESYNC_SET;
    q.token_setting = CVN_SIDE_ACCEPTOR_CHOOSES * CVN_TOKEN_DATA;
    pair_do(&p, 0, &q);
    (void)pair_take(&p, 1, CVN_S_RESYNCHRONIZE, CVN_INDICATION);
    q = pair_response(CVN_S_RESYNCHRONIZE);
    q.has_token_setting = true;
    q.token_setting = CVN_SIDE_ACCEPTOR_CHOOSES * CVN_TOKEN_DATA;
    says(cvn_x225_why(p.side[1].x, &q), "given no place");
    q = pair_request(CVN_S_DATA);
    q.data = (struct cvn_octets){NULL, 3};
    says(cvn_x225_why(p.side[0].x, &q), "announced and not given");
    q = pair_response(CVN_S_DATA);
    q.data = (struct cvn_octets){NULL, 3};
    says(cvn_x225_why(p.side[0].x, &q), "announced and not given");
}
END_TEST

START_TEST(resynchronize_alone_has_no_points)
{
    pair_open(&p, CVN_FU_DUPLEX | CVN_FU_RESYNC);
    struct cvn_x225_prim q = pair_request(CVN_S_RESYNCHRONIZE);
    q.resync = CVN_RESYNC_SET;
    q.serial = 4;
    says(cvn_x225_why(p.side[0].x, &q), "none was agreed");
    q.resync = CVN_RESYNC_ABANDON;
    ck_assert_ptr_null(cvn_x225_why(p.side[0].x, &q));
}
END_TEST

START_TEST(an_empty_ssdu_before_a_connection)
{
    struct cvn_x225_prim q = pair_request(CVN_S_DATA);
    says(cvn_x225_why(p.side[0].x, &q), "at least one octet");
}
END_TEST

START_TEST(expedited_data_goes_beside_an_ssdu)
{
    p.expedited = true;
    pair_open(&p, CVN_FU_DUPLEX | CVN_FU_EXPEDITED);
    struct cvn_x225_prim q = pair_request(CVN_S_DATA);
    q.data = pair_octets("x");
    q.end = false;
    pair_do(&p, 0, &q);
    q = pair_request(CVN_S_EXPEDITED_DATA);
    q.data = pair_octets("now");
    ck_assert_ptr_null(cvn_x225_why(p.side[0].x, &q));
}
END_TEST

static void open_numbers(uint32_t first, uint32_t second)
{
    struct cvn_x225_prim q = pair_request(CVN_S_CONNECT);
    struct cvn_x225_prim a = pair_response(CVN_S_CONNECT);
    q.units = a.units = CVN_FU_DUPLEX | CVN_FU_SYMMETRIC_SYNC | CVN_FU_MAJOR_SYNC | CVN_FU_RESYNC;
    q.serial = first;
    q.serial2 = second;
    pair_open_with(&p, &q, &a);
}

static void minor(unsigned side)
{
    pair_do_request(&p, side, CVN_S_SYNC_MINOR);
    (void)pair_take(&p, !side, CVN_S_SYNC_MINOR, CVN_INDICATION);
}

static const char *why_resync(unsigned side, uint8_t type, uint8_t type2)
{
    struct cvn_x225_prim q = pair_request(CVN_S_RESYNCHRONIZE);
    q.resync = type;
    q.resync2 = type2;
    q.serial = q.serial2 = 3;
    return cvn_x225_why(p.side[side].x, &q);
}

START_TEST(numbers_that_are_used_up)
{
    open_numbers(CVN_SERIAL_MAX, 1);
    minor(0);
    says(why(0, CVN_S_SYNC_MINOR), "used up");
    says(why(0, CVN_S_SYNC_MAJOR), "used up"); /* this side's flow */
    ck_assert_ptr_null(why(1, CVN_S_SYNC_MINOR));
    struct cvn_x225_prim q = pair_request(CVN_S_TOKEN_GIVE);
    q.tokens = CVN_TOKEN_MAJOR;
    pair_do(&p, 0, &q);
    (void)pair_take(&p, 1, CVN_S_TOKEN_GIVE, CVN_INDICATION);
    says(why(1, CVN_S_SYNC_MAJOR), "used up"); /* the other's */
    says(why_resync(0, CVN_RESYNC_ABANDON, CVN_RESYNC_NONE), "used up");
    says(why_resync(1, CVN_RESYNC_SET, CVN_RESYNC_ABANDON), "used up");
    ck_assert_ptr_null(why_resync(0, CVN_RESYNC_SET, CVN_RESYNC_SET));
    ck_assert_ptr_null(why_resync(1, CVN_RESYNC_ABANDON, CVN_RESYNC_NONE));
}
END_TEST

START_TEST(a_major_point_that_has_no_number_to_answer_with)
{
    open_numbers(5, CVN_SERIAL_MAX);
    pair_do_request(&p, 0, CVN_S_SYNC_MAJOR);
    (void)pair_take(&p, 1, CVN_S_SYNC_MAJOR, CVN_INDICATION);
    struct cvn_x225_prim a = pair_response(CVN_S_SYNC_MAJOR);
    const char *text = cvn_x225_why(p.side[1].x, &a);
    int rc = pair_ask(&p, 1, &a);
    ck_assert((rc == CVN_OK) == (text == NULL));
}
END_TEST

START_TEST(one_way_leaves_the_rest_alone)
{
    struct cvn_x225_prim q = pair_request(CVN_S_CONNECT);
    struct cvn_x225_prim a = pair_response(CVN_S_CONNECT);
    q.units = a.units = CVN_FU_HALF_DUPLEX | CVN_FU_TYPED_DATA | CVN_FU_ACTIVITY | CVN_FU_RESYNC |
                        CVN_FU_MINOR_SYNC;
    q.simplex = a.simplex = true;
    pair_open_with(&p, &q, &a);
    ck_assert_int_eq(ask(0, CVN_S_CONTROL_GIVE, 0), CVN_EPERM);
    q = pair_request(CVN_S_TYPED_DATA);
    q.data = pair_octets("x");
    pair_do(&p, 1, &q);
    (void)pair_take(&p, 0, CVN_S_TYPED_DATA, CVN_INDICATION);
    start();
    q = pair_request(CVN_S_RESYNCHRONIZE); /* tokens stay where they are */
    q.resync = CVN_RESYNC_ABANDON;
    pair_do(&p, 0, &q);
    (void)pair_take(&p, 1, CVN_S_RESYNCHRONIZE, CVN_INDICATION);
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
    tcase_add_test(t, values_of_s_connect_request);
    tcase_add_test(t, values_of_s_connect_response);
    tcase_add_test(t, who_may_connect);
    tcase_add_test(t, values_of_the_rest);
    tcase_add_test(t, resynchronize_alone_has_no_points);
    tcase_add_test(t, an_empty_ssdu_before_a_connection);
    tcase_add_test(t, expedited_data_goes_beside_an_ssdu);
    tcase_add_test(t, numbers_that_are_used_up);
    tcase_add_test(t, a_major_point_that_has_no_number_to_answer_with);
    tcase_add_test(t, one_way_leaves_the_rest_alone);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed == 0 ? 0 : 1;
}
