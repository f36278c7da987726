/* SPDX-License-Identifier: MIT */
/* Two machines: negotiation, sizes, slices, reuse, timers, errors. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "proto/x225/test_pair.h"

#define NS 1000000000u

static struct pair p;
static unsigned errors;
static uint8_t *big;

static void begin(const struct cvn_x225_opts *a, const struct cvn_x225_opts *b)
{
    errors = 0;
    pair_init(&p, a, b);
    big = malloc(200000);
    ck_assert_ptr_nonnull(big);
    for (size_t i = 0; i < 200000; i++)
        big[i] = (uint8_t)(i * 31 + i / 251);
}

static void setup(void)
{
    begin(NULL, NULL);
}

static void teardown(void)
{
    ck_assert_msg(p.protocol_errors == errors, "%s", p.why);
    pair_fini(&p);
    free(big);
}

static void again(const struct cvn_x225_opts *a, const struct cvn_x225_opts *b)
{
    teardown();
    begin(a, b);
}

static struct cvn_octets some(size_t n)
{
    return (struct cvn_octets){big, n};
}

static void same(const struct cvn_x225_prim *i, size_t n)
{
    ck_assert_uint_eq(i->data.n, n);
    ck_assert(n == 0 || memcmp(i->data.p, big, n) == 0);
}

static void hex(unsigned side, const char *text)
{
    uint8_t octets[256];
    size_t n = 0;
    for (const char *at = text; *at != '\0'; at += at[2] == ' ' ? 3 : 2)
        octets[n++] = (uint8_t)strtoul((char[]){at[0], at[1], '\0'}, NULL, 16);
    pair_inject(&p, side, octets, n);
}

/* --- negotiation --- */

START_TEST(highest_common_version_is_chosen)
{
    static const struct {
        uint8_t mine, theirs, chosen;
    } rows[] = {{3, 3, 2}, {3, 1, 1}, {1, 3, 1}, {2, 3, 2}, {3, 2, 2}, {1, 1, 1}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct cvn_x225_opts a = {.versions = rows[i].mine};
        struct cvn_x225_opts b = {.versions = rows[i].theirs};
        again(&a, &b);
        pair_open(&p, CVN_FU_DUPLEX);
        ck_assert_uint_eq(pair_vars(&p, 0).version, rows[i].chosen);
        ck_assert_uint_eq(pair_vars(&p, 1).version, rows[i].chosen);
    }
}
END_TEST

START_TEST(no_common_version_is_refused_by_the_provider)
{
    struct cvn_x225_opts a = {.versions = 2};
    struct cvn_x225_opts b = {.versions = 1};
    struct cvn_x225_prim r = pair_request(CVN_S_CONNECT);
    again(&a, &b);
    r.units = CVN_FU_DUPLEX;
    pair_do(&p, 0, &r);
    const struct cvn_x225_prim *c = pair_take(&p, 0, CVN_S_CONNECT, CVN_CONFIRM);
    ck_assert_uint_eq(c->result, CVN_RF_VERSION);
    ck_assert_uint_eq(c->versions, 1);
    pair_states(&p, CVN_STA01, CVN_STA01);
    pair_quiet(&p);
}
END_TEST

START_TEST(user_may_choose_the_version_and_refuse)
{
    struct cvn_x225_prim r = pair_request(CVN_S_CONNECT);
    struct cvn_x225_prim a = pair_response(CVN_S_CONNECT);
    r.units = a.units = CVN_FU_DUPLEX;
    a.versions = 1;
    pair_open_with(&p, &r, &a);
    ck_assert_uint_eq(pair_vars(&p, 0).version, 1);
    again(NULL, NULL);
    r = pair_request(CVN_S_CONNECT);
    r.units = CVN_FU_DUPLEX;
    pair_do(&p, 0, &r);
    (void)pair_take(&p, 1, CVN_S_CONNECT, CVN_INDICATION);
    a.versions = 3;
    ck_assert_int_eq(pair_ask(&p, 1, &a), CVN_EINVAL);
    a = pair_response(CVN_S_CONNECT);
    a.result = CVN_RF_USER;
    a.data = some(10);
    ck_assert_int_eq(pair_ask(&p, 1, &a), CVN_EINVAL);
    a.result = CVN_RF_USER_DATA;
    a.data = some(1000);
    a.id.called = pair_octets("me");
    pair_do(&p, 1, &a);
    const struct cvn_x225_prim *c = pair_take(&p, 0, CVN_S_CONNECT, CVN_CONFIRM);
    ck_assert_uint_eq(c->result, CVN_RF_USER_DATA);
    ck_assert_mem_eq(c->id.called.p, "me", 2);
    same(c, 1000);
    pair_states(&p, CVN_STA01, CVN_STA01);
}
END_TEST

START_TEST(units_are_the_intersection_less_what_hangs_on_it)
{
    struct cvn_x225_prim r = pair_request(CVN_S_CONNECT);
    struct cvn_x225_prim a = pair_response(CVN_S_CONNECT);
    r.units = CVN_FU_DUPLEX | CVN_FU_HALF_DUPLEX | CVN_FU_EXCEPTIONS | CVN_FU_ACTIVITY |
              CVN_FU_CAPABILITY | CVN_FU_TYPED_DATA;
    pair_do(&p, 0, &r);
    (void)pair_take(&p, 1, CVN_S_CONNECT, CVN_INDICATION);
    a.units = CVN_FU_DUPLEX | CVN_FU_HALF_DUPLEX;
    ck_assert_int_eq(pair_ask(&p, 1, &a), CVN_EINVAL);
    a.units = CVN_FU_RESYNC;
    ck_assert_int_eq(pair_ask(&p, 1, &a), CVN_EINVAL);
    a.units = CVN_FU_DUPLEX | CVN_FU_EXCEPTIONS | CVN_FU_CAPABILITY | CVN_FU_TYPED_DATA |
              CVN_FU_NEGOTIATED_RELEASE;
    pair_do(&p, 1, &a);
    ck_assert_uint_eq(pair_take(&p, 0, CVN_S_CONNECT, CVN_CONFIRM)->units,
                      CVN_FU_DUPLEX | CVN_FU_TYPED_DATA);
    ck_assert_uint_eq(pair_vars(&p, 1).units, CVN_FU_DUPLEX | CVN_FU_TYPED_DATA);
}
END_TEST

START_TEST(connect_requests_that_cannot_be_are_refused)
{
    static const uint16_t wrong[] = {CVN_FU_MINOR_SYNC, CVN_FU_DUPLEX | CVN_FU_EXCEPTIONS,
                                     CVN_FU_DUPLEX | CVN_FU_CAPABILITY,
                                     CVN_FU_DUPLEX | CVN_FU_DATA_SEPARATION, 0x2002};
    struct cvn_x225_prim r = pair_request(CVN_S_CONNECT);
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        r.units = wrong[i];
        ck_assert_int_eq(pair_ask(&p, 0, &r), CVN_EINVAL);
    }
    r.units = CVN_FU_DUPLEX | CVN_FU_MINOR_SYNC;
    ck_assert_int_eq(pair_ask(&p, 0, &r), CVN_EINVAL); /* no initial number */
    r.serial = 1000000;
    ck_assert_int_eq(pair_ask(&p, 0, &r), CVN_EINVAL);
    r.serial = 1;
    r.called = some(17);
    ck_assert_int_eq(pair_ask(&p, 0, &r), CVN_EINVAL);
    r.called = some(16);
    r.id.calling = some(65);
    ck_assert_int_eq(pair_ask(&p, 0, &r), CVN_EINVAL);
    r.id.calling = some(64);
    r.tsdu_max_initiator = 63;
    ck_assert_int_eq(pair_ask(&p, 0, &r), CVN_EINVAL);
    r.tsdu_max_initiator = 0;
    r.has_token_setting = true;
    r.token_setting = 3 * CVN_TOKEN_MINOR;
    ck_assert_int_eq(pair_ask(&p, 0, &r), CVN_EINVAL);
    r.has_token_setting = false;
    ck_assert_int_eq(pair_ask(&p, 0, &r), CVN_OK);
    ck_assert_int_eq(pair_ask(&p, 0, &r), CVN_ESTATE);
}
END_TEST

/* Interoperation notes: CN with LI 0 means version 1, 0349, all tokens with the initiator. */
START_TEST(connect_without_parameters_means_the_defaults)
{
    struct cvn_x225_prim a = pair_response(CVN_S_CONNECT);
    ck_assert_int_eq(cvn_x225_transport_up(p.side[1].x, true, false, 0), CVN_OK);
    hex(1, "0d 00");
    pair_run(&p);
    const struct cvn_x225_prim *i = pair_take(&p, 1, CVN_S_CONNECT, CVN_INDICATION);
    ck_assert_uint_eq(i->units, CVN_FU_DEFAULT);
    ck_assert_uint_eq(i->versions, 1);
    ck_assert_uint_eq(i->serial, CVN_SERIAL_NONE);
    pair_do(&p, 1, &a);
    ck_assert_uint_eq(pair_vars(&p, 1).version, 1);
    ck_assert_uint_eq(pair_vars(&p, 1).units, CVN_FU_DEFAULT);
    ck_assert_uint_eq(pair_vars(&p, 1).tokens_owned, 0);
}
END_TEST

/* 7.4: an AC the initiator cannot live with. */
START_TEST(accept_that_cannot_be_is_a_protocol_error)
{
    static const char *const wrong[] = {
        "0e 0e 05 06 13 01 00 16 01 02 14 02 00 03 10 00",             /* half-duplex and duplex */
        "0e 0c 05 06 13 01 00 16 01 02 14 02 00 04",                   /* neither */
        "0e 0c 05 06 13 01 00 16 01 02 14 02 00 0a",                   /* sync without a number */
        "0e 12 05 0c 13 01 00 16 01 02 17 01 31 1a 01 02 14 02 00 09", /* acceptor chooses */
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct cvn_x225_prim r = pair_request(CVN_S_CONNECT);
        again(NULL, NULL);
        r.units = CVN_FU_DUPLEX | CVN_FU_HALF_DUPLEX | CVN_FU_MINOR_SYNC;
        r.serial = 1;
        pair_do(&p, 0, &r);
        (void)pair_take(&p, 1, CVN_S_CONNECT, CVN_INDICATION);
        hex(0, wrong[i]);
        pair_run(&p);
        errors = 2; /* here, and at the responder */
        ck_assert_uint_eq(pair_take(&p, 0, CVN_S_P_ABORT, CVN_INDICATION)->reason,
                          CVN_ABORT_PROTOCOL);
    }
}
END_TEST

/* --- sizes --- */

static const size_t sizes[] = {0, 1, 512, 513, 10240, 10241, 65000, 65539, 100000};
#define SIZES (sizeof sizes / sizeof sizes[0])

static void connect_with(size_t n, uint16_t maximum)
{
    struct cvn_x225_prim r = pair_request(CVN_S_CONNECT);
    struct cvn_x225_prim a = pair_response(CVN_S_CONNECT);
    again(NULL, NULL);
    p.slicing = PAIR_RANDOM;
    r.units = a.units = CVN_FU_DUPLEX | CVN_FU_MINOR_SYNC | CVN_FU_MAJOR_SYNC | CVN_FU_RESYNC |
                        CVN_FU_NEGOTIATED_RELEASE;
    r.serial = 1;
    r.tsdu_max_initiator = maximum;
    r.tsdu_max_responder = maximum;
    r.calling = pair_octets("calling");
    r.id.common = pair_octets("common");
    r.data = some(n);
    a.data = some(n);
    pair_do(&p, 0, &r);
    const struct cvn_x225_prim *i = pair_take(&p, 1, CVN_S_CONNECT, CVN_INDICATION);
    same(i, n);
    ck_assert_mem_eq(i->calling.p, "calling", 7);
    ck_assert_mem_eq(i->id.common.p, "common", 6);
    ck_assert_uint_eq(i->units, r.units);
    pair_do(&p, 1, &a);
    same(pair_take(&p, 0, CVN_S_CONNECT, CVN_CONFIRM), n);
    pair_states(&p, CVN_STA713, CVN_STA713);
}

static void whole_with(unsigned side, struct cvn_x225_prim prim, enum cvn_x225_type come)
{
    pair_do(&p, side, &prim);
    same(pair_take(&p, !side, prim.service, come), prim.data.n);
}

static void carry_with(size_t n)
{
    static const enum cvn_x225_service pairs[] = {CVN_S_SYNC_MINOR, CVN_S_SYNC_MAJOR,
                                                  CVN_S_RESYNCHRONIZE};
    struct cvn_x225_prim q = pair_request(CVN_S_TOKEN_PLEASE);
    q.tokens = CVN_TOKEN_MINOR;
    q.data = some(n);
    whole_with(1, q, CVN_INDICATION);
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        q = pair_request(pairs[i]);
        q.resync = CVN_RESYNC_ABANDON;
        q.data = some(n);
        whole_with(0, q, CVN_INDICATION);
        q = pair_response(pairs[i]);
        q.serial = pairs[i] == CVN_S_SYNC_MINOR ? 1 : CVN_SERIAL_NONE;
        q.data = some(n);
        whole_with(1, q, CVN_CONFIRM);
    }
    if (n > 0) {
        q = pair_request(CVN_S_DATA);
        q.data = some(n);
        whole_with(1, q, CVN_INDICATION);
    }
    q = pair_request(CVN_S_RELEASE);
    q.data = some(n);
    whole_with(0, q, CVN_INDICATION);
    q = pair_response(CVN_S_RELEASE);
    q.data = some(n);
    whole_with(1, q, CVN_CONFIRM);
    pair_states(&p, CVN_STA01, CVN_STA01);
    pair_quiet(&p);
}

START_TEST(user_data_of_any_size_is_carried_in_version_2)
{
    connect_with(sizes[_i], 0);
    carry_with(sizes[_i]);
    ck_assert_uint_le(p.side[0].tsdu_max, 100004);
}
END_TEST

START_TEST(no_tsdu_is_over_the_agreed_maximum)
{
    static const uint16_t maxima[] = {64, 100, 1000, 65535};
    for (size_t i = 0; i < sizeof maxima / sizeof maxima[0]; i++) {
        connect_with(sizes[_i], maxima[i]);
        p.side[0].tsdu_max = 0; /* CN cannot be cut, AC is before the agreement */
        p.side[1].tsdu_max = 0;
        carry_with(sizes[_i]);
        ck_assert_uint_le(p.side[0].tsdu_max, maxima[i]);
        ck_assert_uint_le(p.side[1].tsdu_max, maxima[i]);
    }
}
END_TEST

START_TEST(responder_can_introduce_a_maximum)
{
    struct cvn_x225_opts b = {.tsdu_max_send = 200, .tsdu_max_receive = 100};
    struct cvn_x225_prim d = pair_request(CVN_S_DATA);
    again(NULL, &b);
    pair_open(&p, CVN_FU_DUPLEX);
    p.side[0].tsdu_max = p.side[1].tsdu_max = 0;
    d.data = some(5000);
    whole_with(0, d, CVN_INDICATION);
    whole_with(1, d, CVN_INDICATION);
    ck_assert_uint_eq(p.side[0].tsdu_max, 100);
    ck_assert_uint_eq(p.side[1].tsdu_max, 200);
}
END_TEST

START_TEST(version_1_carries_512_octets)
{
    struct cvn_x225_opts v1 = {.versions = 1};
    struct cvn_x225_prim r = pair_request(CVN_S_CONNECT);
    again(&v1, &v1);
    r.units = CVN_FU_HALF_DUPLEX | CVN_FU_ACTIVITY;
    r.data = some(513);
    ck_assert_int_eq(pair_ask(&p, 0, &r), CVN_ETOOBIG);
    pair_open(&p, CVN_FU_HALF_DUPLEX | CVN_FU_ACTIVITY);
    r = pair_request(CVN_S_ACTIVITY_START);
    r.activity = pair_octets("a");
    r.data = some(513);
    ck_assert_int_eq(pair_ask(&p, 0, &r), CVN_ETOOBIG);
    r.data = some(512);
    whole_with(0, r, CVN_INDICATION);
    r = pair_request(CVN_S_ACTIVITY_INTERRUPT);
    r.data = some(1);
    ck_assert_int_eq(pair_ask(&p, 0, &r), CVN_ETOOBIG);
    r = pair_request(CVN_S_TOKEN_GIVE);
    r.tokens = CVN_TOKEN_DATA;
    r.data = some(1);
    ck_assert_int_eq(pair_ask(&p, 0, &r), CVN_ETOOBIG);
    r = pair_request(CVN_S_DATA);
    r.data = some(100000);
    whole_with(0, r, CVN_INDICATION);
    r = pair_request(CVN_S_U_ABORT);
    r.data = some(10);
    ck_assert_int_eq(pair_ask(&p, 0, &r), CVN_ETOOBIG);
    r.data = some(9);
    whole_with(0, r, CVN_INDICATION);
}
END_TEST

/* _i: with the expedited flow, a short AB goes there alone, a long one after PREPARE. */
START_TEST(abort_carries_any_size_in_version_2)
{
    struct cvn_x225_prim r = pair_request(CVN_S_U_ABORT);
    for (size_t i = 0; i < SIZES; i++) {
        again(NULL, NULL);
        p.expedited = _i != 0;
        pair_open(&p, CVN_FU_DUPLEX);
        r.data = some(sizes[i]);
        whole_with(1, r, CVN_INDICATION);
        pair_states(&p, CVN_STA01, CVN_STA01);
        pair_quiet(&p);
    }
}
END_TEST

/* --- slices --- */

static int slice(size_t at, size_t n, bool first, bool last)
{
    struct cvn_x225_prim d = pair_request(CVN_S_DATA);
    d.data = (struct cvn_octets){big + at, n};
    d.begin = first;
    d.end = last;
    int rc = pair_ask(&p, 0, &d);
    pair_drain(&p, 0);
    return rc;
}

START_TEST(an_ssdu_in_slices_is_one_tsdu)
{
    pair_open(&p, CVN_FU_DUPLEX);
    p.side[0].tsdus = 0;
    ck_assert_int_eq(slice(0, 5, false, false), CVN_ESTATE);
    ck_assert_int_eq(slice(0, 0, true, true), CVN_EINVAL);
    ck_assert_int_eq(slice(0, 0, true, false), CVN_OK);
    ck_assert_int_eq(slice(0, 1000, false, false), CVN_OK);
    ck_assert_int_eq(slice(1000, 1000, true, false), CVN_ESTATE);
    ck_assert_int_eq(slice(1000, 1000, false, false), CVN_OK);
    ck_assert_int_eq(slice(2000, 0, false, true), CVN_OK);
    ck_assert_uint_eq(p.side[0].tsdus, 1);
    pair_run(&p);
    same(pair_take(&p, 1, CVN_S_DATA, CVN_INDICATION), 2000);
}
END_TEST

START_TEST(slices_are_segments_where_a_maximum_is_agreed)
{
    struct cvn_x225_opts b = {.tsdu_max_receive = 100};
    again(NULL, &b);
    pair_open(&p, CVN_FU_DUPLEX);
    p.side[0].tsdu_max = 0;
    ck_assert_int_eq(slice(0, 1000, true, false), CVN_OK);
    ck_assert_int_eq(slice(1000, 10, false, false), CVN_OK);
    ck_assert_int_eq(slice(1010, 0, false, false), CVN_OK);
    ck_assert_int_eq(slice(1010, 0, false, true), CVN_OK);
    pair_run(&p);
    same(pair_take(&p, 1, CVN_S_DATA, CVN_INDICATION), 1010);
    ck_assert_uint_le(p.side[0].tsdu_max, 100);
}
END_TEST

START_TEST(nothing_comes_between_the_slices_of_an_ssdu)
{
    struct cvn_x225_prim q = pair_request(CVN_S_SYNC_MINOR);
    pair_open(&p, CVN_FU_DUPLEX | CVN_FU_MINOR_SYNC | CVN_FU_ACTIVITY);
    ck_assert_int_eq(slice(0, 10, true, false), CVN_OK);
    ck_assert_int_eq(pair_ask(&p, 0, &q), CVN_ESTATE);
    q = pair_request(CVN_S_CONTROL_GIVE);
    ck_assert_int_eq(pair_ask(&p, 0, &q), CVN_ESTATE);
    ck_assert_int_eq(slice(10, 10, false, true), CVN_OK);
    pair_do(&p, 0, &q);
    same(pair_take(&p, 1, CVN_S_DATA, CVN_INDICATION), 20);
    (void)pair_take(&p, 1, CVN_S_CONTROL_GIVE, CVN_INDICATION);
}
END_TEST

/* The machine's own GTA waits for the end of the user's TSDU. */
START_TEST(answers_of_the_machine_wait_for_the_end_of_the_tsdu)
{
    struct cvn_x225_prim q = pair_request(CVN_S_CONTROL_GIVE);
    struct cvn_x225_prim d = pair_request(CVN_S_DATA);
    pair_open(&p, CVN_FU_DUPLEX | CVN_FU_ACTIVITY);
    d.end = false;
    d.data = some(10);
    ck_assert_int_eq(pair_ask(&p, 1, &d), CVN_OK);
    pair_do(&p, 0, &q);
    (void)pair_take(&p, 1, CVN_S_CONTROL_GIVE, CVN_INDICATION);
    pair_states(&p, CVN_STA18, CVN_STA713);
    d.begin = false;
    d.end = true;
    d.data = (struct cvn_octets){big + 10, 10};
    pair_do(&p, 1, &d);
    same(pair_take(&p, 0, CVN_S_DATA, CVN_INDICATION), 20);
    pair_states(&p, CVN_STA713, CVN_STA713);
}
END_TEST

/* _i: the peer resynchronizes, or the user aborts, with an SSDU half given. */
START_TEST(an_unfinished_ssdu_goes_with_a_purge)
{
    struct cvn_x225_prim q = pair_request(CVN_S_RESYNCHRONIZE);
    struct cvn_x225_opts b = {.tsdu_max_receive = _i == 2 ? 100 : 0};
    again(NULL, &b);
    pair_open(&p, CVN_FU_DUPLEX | CVN_FU_MINOR_SYNC | CVN_FU_RESYNC);
    ck_assert_int_eq(slice(0, 1000, true, false), CVN_OK);
    if (_i == 0) {
        q = pair_request(CVN_S_U_ABORT);
        pair_do(&p, 0, &q);
        /* no S-DATA that says it is whole: the transport connection ends within the TSDU */
        ck_assert_uint_eq(pair_take(&p, 1, CVN_S_P_ABORT, CVN_INDICATION)->reason,
                          CVN_ABORT_TRANSPORT);
        pair_states(&p, CVN_STA01, CVN_STA01);
        pair_quiet(&p);
        return;
    }
    q.resync = CVN_RESYNC_ABANDON;
    pair_do(&p, 1, &q);
    (void)pair_take(&p, 0, CVN_S_RESYNCHRONIZE, CVN_INDICATION);
    ck_assert_int_eq(slice(1000, 10, false, true), CVN_ESTATE);
    pair_do_response(&p, 0, CVN_S_RESYNCHRONIZE);
    (void)pair_take(&p, 1, CVN_S_RESYNCHRONIZE, CVN_CONFIRM);
    pair_quiet(&p);
    ck_assert_int_eq(slice(0, 10, true, true), CVN_OK);
    pair_run(&p);
    same(pair_take(&p, 1, CVN_S_DATA, CVN_INDICATION), 10);
}
END_TEST

struct owner {
    struct cvn_ref ref;
    unsigned dropped;
};

static void owner_drop(struct cvn_ref *ref)
{
    ((struct owner *)(void *)ref)->dropped++;
}

START_TEST(lent_octets_are_held_until_they_are_sent)
{
    struct owner o = {.ref = {.refs = 1, .drop = owner_drop}, .dropped = 0};
    struct cvn_x225_prim d = pair_request(CVN_S_DATA);
    struct cvn_x225_out out;
    pair_open(&p, CVN_FU_DUPLEX);
    d.data = some(1000);
    d.owner = &o.ref;
    ck_assert_int_eq(pair_ask(&p, 0, &d), CVN_OK);
    cvn_ref_drop(&o.ref);
    ck_assert_uint_eq(o.dropped, 0);
    ck_assert_int_eq(cvn_x225_out(p.side[0].x, &out), CVN_EVENT);
    ck_assert_ptr_eq(out.data.p, big); /* not a copy */
    ck_assert_ptr_eq(out.owner, &o.ref);
    ck_assert(!out.data_copy && out.end);
    ck_assert_mem_eq(out.header.p, "\1\0\1\0", 4);
    cvn_x225_out_done(p.side[0].x);
    ck_assert_uint_eq(o.dropped, 1);
    o.ref.refs = 1;
    ck_assert_int_eq(pair_ask(&p, 0, &d), CVN_OK);
    cvn_ref_drop(&o.ref);
    ck_assert_int_eq(cvn_x225_transport_down(p.side[0].x, 0), CVN_OK);
    ck_assert_uint_eq(o.dropped, 2);
}
END_TEST

START_TEST(requests_are_refused_while_too_much_waits)
{
    struct cvn_x225_prim d = pair_request(CVN_S_DATA);
    unsigned n = 0;
    pair_open(&p, CVN_FU_DUPLEX);
    d.data = some(10);
    while (pair_ask(&p, 0, &d) == CVN_OK)
        n++;
    ck_assert_int_eq(pair_ask(&p, 0, &d), CVN_FULL);
    ck_assert_uint_ge(n, 2);
    hex(0, "01 00 01 00 61"); /* and nothing is taken, for an answer might be needed */
    size_t used = 7;
    struct cvn_x225_prim ev;
    struct pair_tsdu *t = p.side[0].normal.first;
    ck_assert_int_eq(cvn_x225_feed(p.side[0].x, t->octets, t->n, true, true, false, &used, &ev, 0),
                     CVN_FULL);
    ck_assert_uint_eq(used, 0);
    pair_run(&p);
    same(pair_take(&p, 1, CVN_S_DATA, CVN_INDICATION), 10);
    ck_assert_int_eq(pair_take(&p, 0, CVN_S_DATA, CVN_INDICATION)->data.p[0], 'a');
}
END_TEST

/* --- reuse of the transport connection, timers --- */

START_TEST(transport_is_kept_and_used_again)
{
    struct cvn_x225_opts o = {.reuse = true};
    struct cvn_x225_prim r = pair_request(CVN_S_RELEASE);
    again(&o, &o);
    for (unsigned round = 0; round < 5; round++) {
        pair_open(&p, CVN_FU_DUPLEX);
        ck_assert_uint_eq(p.generation, 1);
        r.keep = true;
        pair_do(&p, 0, &r);
        ck_assert(pair_take(&p, 1, CVN_S_RELEASE, CVN_INDICATION)->keep);
        pair_do_response(&p, 1, CVN_S_RELEASE);
        ck_assert(pair_take(&p, 0, CVN_S_RELEASE, CVN_CONFIRM)->keep);
        pair_states(&p, CVN_STA01C, CVN_STA01C);
        pair_quiet(&p);
    }
    pair_open(&p, CVN_FU_DUPLEX);
    pair_do_request(&p, 1, CVN_S_U_ABORT);
    ck_assert(pair_take(&p, 0, CVN_S_U_ABORT, CVN_INDICATION)->keep);
    pair_states(&p, CVN_STA01C, CVN_STA01C);
    r = pair_request(CVN_S_CONNECT);
    r.units = CVN_FU_DUPLEX;
    ck_assert_int_eq(pair_ask(&p, 1, &r), CVN_ESTATE); /* only the side that called */
    pair_do(&p, 0, &r);
    (void)pair_take(&p, 1, CVN_S_CONNECT, CVN_INDICATION);
    r = pair_response(CVN_S_CONNECT);
    r.result = CVN_RF_USER;
    pair_do(&p, 1, &r);
    ck_assert(pair_take(&p, 0, CVN_S_CONNECT, CVN_CONFIRM)->keep);
    pair_states(&p, CVN_STA01C, CVN_STA01C);
    pair_cut(&p);
    pair_quiet(&p); /* there is no session connection to lose */
    pair_states(&p, CVN_STA01, CVN_STA01);
}
END_TEST

START_TEST(transport_is_kept_only_if_both_want)
{
    struct cvn_x225_opts o = {.reuse = true};
    struct cvn_x225_prim r = pair_request(CVN_S_RELEASE);
    again(&o, NULL);
    pair_open(&p, CVN_FU_DUPLEX);
    r.keep = true;
    pair_do(&p, 0, &r);
    ck_assert(!pair_take(&p, 1, CVN_S_RELEASE, CVN_INDICATION)->keep);
    pair_do_response(&p, 1, CVN_S_RELEASE);
    pair_run(&p);
    /* The responder has said DN and waits for the disconnection; we would keep. */
    (void)pair_take(&p, 0, CVN_S_RELEASE, CVN_CONFIRM);
    pair_states(&p, CVN_STA01C, CVN_STA16);
    p.now = 31ull * NS;
    cvn_x225_tick(p.side[1].x, p.now);
    pair_run(&p);
    pair_states(&p, CVN_STA01, CVN_STA01);
    pair_quiet(&p);
}
END_TEST

START_TEST(silent_peer_is_disconnected_when_tim_runs_out)
{
    struct cvn_x225_opts o = {.tim_ns = 5ull * NS};
    struct cvn_x225_out out;
    again(&o, &o);
    pair_open(&p, CVN_FU_DUPLEX);
    p.now = 100;
    struct cvn_x225_prim r = pair_request(CVN_S_U_ABORT);
    ck_assert_uint_eq(cvn_x225_deadline(p.side[0].x), CVN_NEVER);
    ck_assert_int_eq(pair_ask(&p, 0, &r), CVN_OK);
    ck_assert_uint_eq(cvn_x225_deadline(p.side[0].x), 100 + 5ull * NS);
    ck_assert_int_eq(cvn_x225_out(p.side[0].x, &out), CVN_EVENT);
    cvn_x225_out_done(p.side[0].x);
    cvn_x225_tick(p.side[0].x, 5ull * NS);
    ck_assert_int_eq(cvn_x225_state(p.side[0].x), CVN_STA16);
    cvn_x225_tick(p.side[0].x, 100 + 5ull * NS);
    ck_assert_int_eq(cvn_x225_state(p.side[0].x), CVN_STA01);
    ck_assert_int_eq(cvn_x225_out(p.side[0].x, &out), CVN_EVENT);
    ck_assert_int_eq(out.kind, CVN_X225_T_DISCONNECT);
    ck_assert_uint_eq(cvn_x225_deadline(p.side[0].x), CVN_NEVER);
}
END_TEST

/* The sheet's pitfall 5: PREPARE (ABORT) and nothing after it. */
START_TEST(prepare_without_abort_does_not_hang)
{
    static const uint8_t pr[] = {0x07, 0x03, 0x18, 0x01, 0x04};
    struct cvn_x225_prim ev;
    size_t used;
    p.expedited = true;
    pair_open(&p, CVN_FU_DUPLEX);
    ck_assert_int_eq(cvn_x225_feed(p.side[0].x, pr, sizeof pr, true, true, true, &used, &ev, p.now),
                     CVN_MORE);
    ck_assert_int_eq(cvn_x225_state(p.side[0].x), CVN_STA15D);
    ck_assert_uint_eq(cvn_x225_deadline(p.side[0].x), 30ull * NS);
    p.now = 30ull * NS;
    cvn_x225_tick(p.side[0].x, p.now);
    pair_run(&p);
    ck_assert_uint_eq(pair_take(&p, 0, CVN_S_P_ABORT, CVN_INDICATION)->reason, CVN_ABORT_PROTOCOL);
    (void)pair_take(&p, 1, CVN_S_P_ABORT, CVN_INDICATION);
    errors = 1;
    pair_states(&p, CVN_STA01, CVN_STA01);
}
END_TEST

START_TEST(abort_before_the_transport_is_up_just_disconnects)
{
    struct cvn_x225_prim r = pair_request(CVN_S_CONNECT);
    struct cvn_x225_out out;
    r.units = CVN_FU_DUPLEX;
    r.data = some(100000);
    ck_assert_int_eq(pair_ask(&p, 0, &r), CVN_OK);
    ck_assert_int_eq(cvn_x225_state(p.side[0].x), CVN_STA01B);
    r = pair_request(CVN_S_U_ABORT);
    ck_assert_int_eq(pair_ask(&p, 0, &r), CVN_OK);
    ck_assert_int_eq(cvn_x225_out(p.side[0].x, &out), CVN_EVENT);
    ck_assert_int_eq(out.kind, CVN_X225_T_CONNECT);
    cvn_x225_out_done(p.side[0].x);
    ck_assert_int_eq(cvn_x225_out(p.side[0].x, &out), CVN_EVENT);
    ck_assert_int_eq(out.kind, CVN_X225_T_DISCONNECT);
    cvn_x225_out_done(p.side[0].x);
    ck_assert_int_eq(cvn_x225_out(p.side[0].x, &out), CVN_NONE);
    pair_open(&p, CVN_FU_DUPLEX);
}
END_TEST

/* --- errors --- */

#define FILES (CVN_FU_HALF_DUPLEX | CVN_FU_MINOR_SYNC | CVN_FU_ACTIVITY | CVN_FU_EXCEPTIONS)

START_TEST(what_the_peer_may_not_send_ends_the_session)
{
    static const char *const wrong[] = {
        "01 00 01 00 61",       /* DT without the data token */
        "01 00 31 03 2a 01 31", /* MIP without an activity */
        "02 00 32 03 2a 01 31", /* MIA of no point */
        "0a 00",                /* DN */
        "0d 00",                /* CN */
        "ee 00",                /* no SPDU */
        "01 00 31 00",          /* MIP without its number */
        "31 03 2a 01 31",       /* MIP alone */
        "01 00 31 03 2a 01 3a", /* no digit */
        "05 00 61",             /* EX on the normal flow */
        "07 03 18 01 02",       /* PR on the normal flow */
        "15 00",                /* GTC without the tokens */
        "09 00",                /* FN without the tokens */
        "01 03 10 01 01",       /* GT of what it has not */
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        again(NULL, NULL);
        pair_open(&p, FILES);
        hex(0, wrong[i]);
        pair_run(&p);
        errors = 2;
        const struct cvn_x225_prim *e = pair_take(&p, 0, CVN_S_P_ABORT, CVN_INDICATION);
        ck_assert_uint_eq(e->reason, CVN_ABORT_PROTOCOL);
        ck_assert_ptr_nonnull(e->why);
        size_t n = e->reflected.n;
        e = pair_take(&p, 1, CVN_S_P_ABORT, CVN_INDICATION);
        ck_assert_uint_eq(e->reason, CVN_ABORT_PROTOCOL);
        ck_assert_uint_eq(e->reflected.n, n < 9 ? n : 9);
        pair_states(&p, CVN_STA01, CVN_STA01);
        pair_quiet(&p);
    }
}
END_TEST

START_TEST(errors_keep_the_transport_where_it_may_be_used_again)
{
    struct cvn_x225_opts o = {.reuse = true};
    again(&o, &o);
    pair_open(&p, FILES);
    hex(0, "01 00 01 00 61");
    pair_run(&p);
    errors = 2;
    (void)pair_take(&p, 0, CVN_S_P_ABORT, CVN_INDICATION);
    ck_assert(pair_take(&p, 1, CVN_S_P_ABORT, CVN_INDICATION)->keep);
    pair_states(&p, CVN_STA01C, CVN_STA01C);
    pair_open(&p, FILES);
}
END_TEST

START_TEST(errors_can_be_reported_instead)
{
    struct cvn_x225_opts o = {.error_report = true};
    again(&o, &o);
    pair_open(&p, FILES);
    struct cvn_x225_prim r = pair_request(CVN_S_ACTIVITY_START);
    r.activity = pair_octets("a");
    pair_do(&p, 0, &r);
    (void)pair_take(&p, 1, CVN_S_ACTIVITY_START, CVN_INDICATION);
    hex(1, "01 00 31 03 2a 01 37"); /* MIP 7, and 1 is due */
    pair_run(&p);
    (void)pair_take(&p, 1, CVN_S_P_EXCEPTION_REPORT, CVN_INDICATION);
    const struct cvn_x225_prim *i = pair_take(&p, 0, CVN_S_P_EXCEPTION_REPORT, CVN_INDICATION);
    ck_assert_uint_eq(i->reflected.n, 5);
    ck_assert_mem_eq(i->reflected.p, "\x31\x03\x2a\x01\x37", 5);
    pair_states(&p, CVN_STA20, CVN_STA20);
    pair_do_request(&p, 0, CVN_S_ACTIVITY_DISCARD);
    (void)pair_take(&p, 1, CVN_S_ACTIVITY_DISCARD, CVN_INDICATION);
    pair_do_response(&p, 1, CVN_S_ACTIVITY_DISCARD);
    (void)pair_take(&p, 0, CVN_S_ACTIVITY_DISCARD, CVN_CONFIRM);
    pair_states(&p, CVN_STA713, CVN_STA713);
    hex(0, "01 00 01 00 61"); /* side 0 has the data token: it must abort */
    pair_run(&p);
    errors = 2;
    (void)pair_take(&p, 0, CVN_S_P_ABORT, CVN_INDICATION);
    (void)pair_take(&p, 1, CVN_S_P_ABORT, CVN_INDICATION);
}
END_TEST

START_TEST(strangers_before_a_connection_are_disconnected)
{
    static const char *const wrong[] = {"01 00 01 00 61", "0e 00", "ee 00", "0d 01", "1a 00"};
    struct cvn_x225_out out;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        again(NULL, NULL);
        ck_assert_int_eq(cvn_x225_transport_up(p.side[1].x, true, false, 0), CVN_OK);
        ck_assert_int_eq(cvn_x225_out(p.side[1].x, &out), CVN_EVENT);
        cvn_x225_out_done(p.side[1].x);
        hex(1, wrong[i]);
        struct pair_tsdu *t = p.side[1].normal.first;
        size_t used;
        struct cvn_x225_prim ev;
        ck_assert_int_eq(
            cvn_x225_feed(p.side[1].x, t->octets, t->n, true, true, false, &used, &ev, 0),
            CVN_MORE);
        ck_assert_uint_eq(used, t->n);
        ck_assert_int_eq(cvn_x225_out(p.side[1].x, &out), CVN_EVENT);
        ck_assert_int_eq(out.kind, CVN_X225_T_DISCONNECT);
        ck_assert_int_eq(cvn_x225_state(p.side[1].x), CVN_STA01);
    }
}
END_TEST

/* --- abort in every state that can be had --- */

static void to_files(void)
{
    struct cvn_x225_prim r = pair_request(CVN_S_ACTIVITY_START);
    r.activity = pair_octets("a");
    pair_open(&p, FILES | CVN_FU_MAJOR_SYNC | CVN_FU_RESYNC | CVN_FU_CAPABILITY);
    pair_do(&p, 0, &r);
    (void)pair_take(&p, 1, CVN_S_ACTIVITY_START, CVN_INDICATION);
}

static void to_asked(enum cvn_x225_service s)
{
    struct cvn_x225_prim r = pair_request(s);
    r.resync = CVN_RESYNC_ABANDON;
    if (s == CVN_S_CONNECT)
        r.units = CVN_FU_DUPLEX;
    else if (s == CVN_S_RELEASE || s == CVN_S_CAPABILITY_DATA)
        pair_open(&p, FILES | CVN_FU_CAPABILITY);
    else
        to_files();
    pair_do(&p, s == CVN_S_U_EXCEPTION_REPORT ? 1 : 0, &r);
    (void)pair_take(&p, s == CVN_S_U_EXCEPTION_REPORT ? 0 : 1, s, CVN_INDICATION);
}

START_TEST(abort_ends_every_state)
{
    static const enum cvn_x225_service asked[] = {CVN_S_CONNECT,
                                                  CVN_S_RELEASE,
                                                  CVN_S_CAPABILITY_DATA,
                                                  CVN_S_SYNC_MAJOR,
                                                  CVN_S_RESYNCHRONIZE,
                                                  CVN_S_U_EXCEPTION_REPORT,
                                                  CVN_S_ACTIVITY_INTERRUPT,
                                                  CVN_S_ACTIVITY_DISCARD,
                                                  CVN_S_ACTIVITY_END};
    struct cvn_x225_opts o = {.reuse = (_i & 1) != 0};
    unsigned side = (_i & 2) != 0;
    for (size_t i = 0; i < sizeof asked / sizeof asked[0]; i++) {
        again(&o, &o);
        p.expedited = (_i & 4) != 0;
        to_asked(asked[i]);
        pair_do_request(&p, side, CVN_S_U_ABORT);
        (void)pair_take(&p, !side, CVN_S_U_ABORT, CVN_INDICATION);
        enum cvn_x225_state s = o.reuse && !p.expedited ? CVN_STA01C : CVN_STA01;
        pair_states(&p, s, s);
        pair_quiet(&p);
        again(&o, &o);
        p.expedited = (_i & 4) != 0;
        to_asked(asked[i]);
        struct cvn_x225_prim r = pair_request(CVN_S_U_ABORT);
        ck_assert_int_eq(pair_ask(&p, 0, &r), CVN_OK); /* both at once */
        ck_assert_int_eq(pair_ask(&p, 1, &r), CVN_OK);
        pair_run(&p);
        pair_quiet(&p);
        pair_states(&p, s, s);
    }
}
END_TEST

static void add(TCase *t)
{
    tcase_add_test(t, highest_common_version_is_chosen);
    tcase_add_test(t, no_common_version_is_refused_by_the_provider);
    tcase_add_test(t, user_may_choose_the_version_and_refuse);
    tcase_add_test(t, units_are_the_intersection_less_what_hangs_on_it);
    tcase_add_test(t, connect_requests_that_cannot_be_are_refused);
    tcase_add_test(t, connect_without_parameters_means_the_defaults);
    tcase_add_test(t, accept_that_cannot_be_is_a_protocol_error);
    tcase_add_loop_test(t, user_data_of_any_size_is_carried_in_version_2, 0, SIZES);
    tcase_add_loop_test(t, no_tsdu_is_over_the_agreed_maximum, 0, SIZES);
    tcase_add_test(t, responder_can_introduce_a_maximum);
    tcase_add_test(t, version_1_carries_512_octets);
    tcase_add_loop_test(t, abort_carries_any_size_in_version_2, 0, 2);
    tcase_add_test(t, an_ssdu_in_slices_is_one_tsdu);
    tcase_add_test(t, slices_are_segments_where_a_maximum_is_agreed);
    tcase_add_test(t, nothing_comes_between_the_slices_of_an_ssdu);
    tcase_add_test(t, answers_of_the_machine_wait_for_the_end_of_the_tsdu);
    tcase_add_loop_test(t, an_unfinished_ssdu_goes_with_a_purge, 0, 3);
    tcase_add_test(t, lent_octets_are_held_until_they_are_sent);
    tcase_add_test(t, requests_are_refused_while_too_much_waits);
    tcase_add_test(t, transport_is_kept_and_used_again);
    tcase_add_test(t, transport_is_kept_only_if_both_want);
    tcase_add_test(t, silent_peer_is_disconnected_when_tim_runs_out);
    tcase_add_test(t, prepare_without_abort_does_not_hang);
    tcase_add_test(t, abort_before_the_transport_is_up_just_disconnects);
    tcase_add_test(t, what_the_peer_may_not_send_ends_the_session);
    tcase_add_test(t, errors_keep_the_transport_where_it_may_be_used_again);
    tcase_add_test(t, errors_can_be_reported_instead);
    tcase_add_test(t, strangers_before_a_connection_are_disconnected);
    tcase_add_loop_test(t, abort_ends_every_state, 0, 8);
}

int main(void)
{
    Suite *s = suite_create("x225 edges");
    TCase *t = tcase_create("edges");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_set_timeout(t, 60);
    add(t);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
