/* SPDX-License-Identifier: MIT */
/* Two machines back to back: synchronization, tokens, release, the 1995 units. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "proto/x225/test_pair.h"

static struct pair p;
static unsigned errors; /* protocol errors that the test means to cause */

static void setup(void)
{
    errors = 0;
    pair_init(&p, NULL, NULL);
}

static void teardown(void)
{
    ck_assert_msg(p.protocol_errors == errors, "%s", p.why);
    pair_fini(&p);
}

static void send_data(unsigned side, enum cvn_x225_service s, const char *text)
{
    struct cvn_x225_prim r = pair_request(s);
    r.data = pair_octets(text);
    pair_do(&p, side, &r);
}

static void take_text(unsigned side, enum cvn_x225_service s, const char *text)
{
    const struct cvn_x225_prim *i = pair_take(&p, side, s, CVN_INDICATION);
    ck_assert_uint_eq(i->data.n, strlen(text));
    ck_assert_mem_eq(i->data.p, text, i->data.n);
}

static int ask(unsigned side, enum cvn_x225_service s)
{
    struct cvn_x225_prim r = pair_request(s);
    r.data = pair_octets("x");
    r.tokens = CVN_TOKEN_DATA;
    r.activity = pair_octets("a");
    return pair_ask(&p, side, &r);
}

static void give(unsigned side, uint8_t tokens)
{
    struct cvn_x225_prim r = pair_request(CVN_S_TOKEN_GIVE);
    r.tokens = tokens;
    pair_do(&p, side, &r);
    ck_assert_uint_eq(pair_take(&p, !side, CVN_S_TOKEN_GIVE, CVN_INDICATION)->tokens, tokens);
}

static uint32_t minor(unsigned side)
{
    struct cvn_x225_prim r = pair_request(CVN_S_SYNC_MINOR);
    pair_do(&p, side, &r);
    ck_assert_uint_eq(pair_take(&p, !side, CVN_S_SYNC_MINOR, CVN_INDICATION)->serial, r.serial);
    return r.serial;
}

static int confirm_minor(unsigned side, uint32_t serial)
{
    struct cvn_x225_prim r = pair_response(CVN_S_SYNC_MINOR);
    r.serial = serial;
    int rc = pair_ask(&p, side, &r);
    pair_run(&p);
    return rc;
}

static int resync(unsigned side, enum cvn_x225_resync type, uint32_t serial)
{
    struct cvn_x225_prim r = pair_request(CVN_S_RESYNCHRONIZE);
    r.resync = (uint8_t)type;
    r.serial = serial;
    return pair_ask(&p, side, &r);
}

static void start(unsigned side)
{
    struct cvn_x225_prim r = pair_request(CVN_S_ACTIVITY_START);
    r.activity = pair_octets("act");
    pair_do(&p, side, &r);
    (void)pair_take(&p, !side, CVN_S_ACTIVITY_START, CVN_INDICATION);
}

START_TEST(half_duplex_needs_the_data_token)
{
    pair_open(&p, CVN_FU_HALF_DUPLEX);
    ck_assert_int_eq(ask(1, CVN_S_DATA), CVN_ETOKEN);
    ck_assert_int_eq(ask(1, CVN_S_TOKEN_GIVE), CVN_ETOKEN);
    ck_assert_int_eq(ask(1, CVN_S_RELEASE), CVN_ETOKEN);
    struct cvn_x225_prim r = pair_request(CVN_S_TOKEN_PLEASE);
    r.tokens = CVN_TOKEN_DATA;
    r.data = pair_octets("please");
    pair_do(&p, 1, &r);
    take_text(0, CVN_S_TOKEN_PLEASE, "please");
    send_data(0, CVN_S_DATA, "mine");
    take_text(1, CVN_S_DATA, "mine");
    r = pair_request(CVN_S_TOKEN_GIVE);
    r.tokens = CVN_TOKEN_DATA;
    r.data = pair_octets("here");
    pair_do(&p, 0, &r);
    take_text(1, CVN_S_TOKEN_GIVE, "here");
    ck_assert_int_eq(ask(0, CVN_S_DATA), CVN_ETOKEN);
    send_data(1, CVN_S_DATA, "yours");
    take_text(0, CVN_S_DATA, "yours");
}
END_TEST

START_TEST(units_that_were_not_agreed_are_refused)
{
    static const enum cvn_x225_service without[] = {
        CVN_S_EXPEDITED_DATA,  CVN_S_TYPED_DATA,   CVN_S_CAPABILITY_DATA,
        CVN_S_TOKEN_GIVE,      CVN_S_TOKEN_PLEASE, CVN_S_CONTROL_GIVE,
        CVN_S_SYNC_MINOR,      CVN_S_SYNC_MAJOR,   CVN_S_U_EXCEPTION_REPORT,
        CVN_S_ACTIVITY_START,  CVN_S_ACTIVITY_END, CVN_S_ACTIVITY_INTERRUPT,
        CVN_S_ACTIVITY_DISCARD};
    pair_open(&p, CVN_FU_DUPLEX);
    for (size_t i = 0; i < sizeof without / sizeof without[0]; i++)
        ck_assert_msg(ask(0, without[i]) == CVN_EUNIT, "%s", cvn_x225_service_name(without[i]));
    ck_assert_int_eq(resync(0, CVN_RESYNC_SET, 1), CVN_EUNIT);
    pair_run(&p);
    pair_quiet(&p);
}
END_TEST

START_TEST(minor_points_are_confirmed_up_to_a_number)
{
    pair_open(&p, CVN_FU_DUPLEX | CVN_FU_MINOR_SYNC);
    for (uint32_t n = 1; n <= 5; n++)
        ck_assert_uint_eq(minor(0), n);
    ck_assert_int_eq(confirm_minor(1, 6), CVN_ESERIAL);
    ck_assert_int_eq(confirm_minor(0, 2), CVN_ESERIAL);
    ck_assert_int_eq(confirm_minor(1, 3), CVN_OK);
    ck_assert_uint_eq(pair_take(&p, 0, CVN_S_SYNC_MINOR, CVN_CONFIRM)->serial, 3);
    ck_assert_uint_eq(pair_vars(&p, 0).va, 4);
    ck_assert_int_eq(confirm_minor(1, 2), CVN_ESERIAL);
    ck_assert_int_eq(confirm_minor(1, 5), CVN_OK);
    ck_assert_uint_eq(pair_take(&p, 0, CVN_S_SYNC_MINOR, CVN_CONFIRM)->serial, 5);
    struct cvn_x225_prim r = pair_request(CVN_S_SYNC_MINOR);
    r.optional = true;
    pair_do(&p, 0, &r);
    ck_assert(pair_take(&p, 1, CVN_S_SYNC_MINOR, CVN_INDICATION)->optional);
    give(0, CVN_TOKEN_MINOR);
    ck_assert_uint_eq(minor(1), 7);
    ck_assert_int_eq(confirm_minor(0, 7), CVN_OK);
    ck_assert_uint_eq(pair_take(&p, 1, CVN_S_SYNC_MINOR, CVN_CONFIRM)->serial, 7);
}
END_TEST

START_TEST(minor_points_end_at_the_last_number)
{
    struct cvn_x225_prim r = pair_request(CVN_S_CONNECT);
    struct cvn_x225_prim a = pair_response(CVN_S_CONNECT);
    r.units = a.units = CVN_FU_DUPLEX | CVN_FU_MINOR_SYNC | CVN_FU_RESYNC;
    r.serial = CVN_SERIAL_MAX;
    pair_open_with(&p, &r, &a);
    ck_assert_uint_eq(minor(0), CVN_SERIAL_MAX);
    ck_assert_int_eq(ask(0, CVN_S_SYNC_MINOR), CVN_ESERIAL);
    /* The peer's abandon has to carry on; ours has no number to carry. */
    ck_assert_int_eq(resync(0, CVN_RESYNC_ABANDON, CVN_SERIAL_NONE), CVN_ESERIAL);
    ck_assert_int_eq(resync(0, CVN_RESYNC_SET, 5), CVN_OK);
    pair_run(&p);
    (void)pair_take(&p, 1, CVN_S_RESYNCHRONIZE, CVN_INDICATION);
    pair_do_response(&p, 1, CVN_S_RESYNCHRONIZE);
    ck_assert_uint_eq(pair_take(&p, 0, CVN_S_RESYNCHRONIZE, CVN_CONFIRM)->serial, 5);
    ck_assert_uint_eq(minor(0), 5);
}
END_TEST

START_TEST(major_point_confirms_all_before_it)
{
    pair_open(&p, CVN_FU_DUPLEX | CVN_FU_MINOR_SYNC | CVN_FU_MAJOR_SYNC | CVN_FU_TYPED_DATA);
    (void)minor(0);
    (void)minor(0);
    struct cvn_x225_prim r = pair_request(CVN_S_SYNC_MAJOR);
    r.data = pair_octets("all");
    pair_do(&p, 0, &r);
    ck_assert_uint_eq(r.serial, 3);
    ck_assert_uint_eq(pair_take(&p, 1, CVN_S_SYNC_MAJOR, CVN_INDICATION)->serial, 3);
    ck_assert_int_eq(ask(0, CVN_S_DATA), CVN_ESTATE);
    send_data(1, CVN_S_DATA, "still");
    take_text(0, CVN_S_DATA, "still");
    send_data(1, CVN_S_TYPED_DATA, "too");
    take_text(0, CVN_S_TYPED_DATA, "too");
    ck_assert_int_eq(confirm_minor(1, 3), CVN_ESERIAL);
    ck_assert_int_eq(confirm_minor(1, 1), CVN_OK);
    (void)pair_take(&p, 0, CVN_S_SYNC_MINOR, CVN_CONFIRM);
    pair_do_response(&p, 1, CVN_S_SYNC_MAJOR);
    ck_assert_uint_eq(pair_take(&p, 0, CVN_S_SYNC_MAJOR, CVN_CONFIRM)->serial, 3);
    ck_assert_uint_eq(pair_vars(&p, 0).va, 4);
    ck_assert_uint_eq(pair_vars(&p, 0).vr, 4);
    ck_assert_uint_eq(pair_vars(&p, 1).vr, 4);
}
END_TEST

START_TEST(resynchronizes_by_restart_set_and_abandon)
{
    const struct cvn_x225_prim *i;
    pair_open(&p, CVN_FU_HALF_DUPLEX | CVN_FU_MINOR_SYNC | CVN_FU_MAJOR_SYNC | CVN_FU_RESYNC);
    for (int n = 0; n < 4; n++)
        (void)minor(0);
    struct cvn_x225_prim r = pair_request(CVN_S_RESYNCHRONIZE);
    r.resync = CVN_RESYNC_RESTART;
    r.serial = 6;
    ck_assert_int_eq(pair_ask(&p, 1, &r), CVN_ESERIAL);
    r.serial = 3;
    r.has_token_setting = true;
    r.token_setting =
        CVN_SIDE_RESPONDER * CVN_TOKEN_DATA + CVN_SIDE_ACCEPTOR_CHOOSES * CVN_TOKEN_MINOR;
    r.data = pair_octets("back");
    pair_do(&p, 1, &r);
    i = pair_take(&p, 0, CVN_S_RESYNCHRONIZE, CVN_INDICATION);
    ck_assert_uint_eq(i->resync, CVN_RESYNC_RESTART);
    ck_assert_uint_eq(i->serial, 3);
    ck_assert_uint_eq(i->token_setting, r.token_setting);
    r = pair_response(CVN_S_RESYNCHRONIZE);
    r.serial = 4;
    ck_assert_int_eq(pair_ask(&p, 0, &r), CVN_ESERIAL);
    r.serial = 3;
    r.has_token_setting = true;
    r.token_setting = CVN_SIDE_RESPONDER * CVN_TOKEN_MINOR;
    pair_do(&p, 0, &r);
    ck_assert_uint_eq(pair_take(&p, 1, CVN_S_RESYNCHRONIZE, CVN_CONFIRM)->serial, 3);
    ck_assert_uint_eq(pair_vars(&p, 0).tokens_owned, CVN_TOKEN_MAJOR);
    ck_assert_uint_eq(pair_vars(&p, 1).tokens_owned, CVN_TOKEN_DATA | CVN_TOKEN_MINOR);
    ck_assert_uint_eq(minor(1), 3);
    /* set: the acceptor's number counts */
    ck_assert_int_eq(resync(0, CVN_RESYNC_SET, 100), CVN_OK);
    pair_run(&p);
    ck_assert_uint_eq(pair_take(&p, 1, CVN_S_RESYNCHRONIZE, CVN_INDICATION)->serial, 100);
    r = pair_response(CVN_S_RESYNCHRONIZE);
    r.serial = 200;
    pair_do(&p, 1, &r);
    ck_assert_uint_eq(pair_take(&p, 0, CVN_S_RESYNCHRONIZE, CVN_CONFIRM)->serial, 200);
    ck_assert_uint_eq(pair_vars(&p, 0).vr, 0);
    /* abandon: the greater of both */
    ck_assert_uint_eq(minor(1), 200);
    ck_assert_int_eq(resync(0, CVN_RESYNC_ABANDON, CVN_SERIAL_NONE), CVN_OK);
    pair_run(&p);
    ck_assert_uint_eq(pair_take(&p, 1, CVN_S_RESYNCHRONIZE, CVN_INDICATION)->serial, 201);
    pair_do_response(&p, 1, CVN_S_RESYNCHRONIZE);
    ck_assert_uint_eq(pair_take(&p, 0, CVN_S_RESYNCHRONIZE, CVN_CONFIRM)->serial, 201);
}
END_TEST

START_TEST(restart_below_the_last_major_point_is_an_error)
{
    static const uint8_t rs[] = {0x01, 0x00, 0x35, 0x06, 0x1b, 0x01, 0x00, 0x2a, 0x01, '0'};
    pair_open(&p, CVN_FU_DUPLEX | CVN_FU_MAJOR_SYNC | CVN_FU_RESYNC);
    pair_do_request(&p, 0, CVN_S_SYNC_MAJOR);
    (void)pair_take(&p, 1, CVN_S_SYNC_MAJOR, CVN_INDICATION);
    pair_do_response(&p, 1, CVN_S_SYNC_MAJOR);
    (void)pair_take(&p, 0, CVN_S_SYNC_MAJOR, CVN_CONFIRM);
    ck_assert_int_eq(resync(0, CVN_RESYNC_RESTART, 1), CVN_ESERIAL);
    pair_inject(&p, 1, rs, sizeof rs);
    p.side[1].normal.first->generation = p.side[1].generation;
    pair_run(&p);
    errors = 2;
    ck_assert_uint_eq(pair_take(&p, 1, CVN_S_P_ABORT, CVN_INDICATION)->reason, CVN_ABORT_PROTOCOL);
    const struct cvn_x225_prim *i = pair_take(&p, 0, CVN_S_P_ABORT, CVN_INDICATION);
    ck_assert_uint_eq(i->reason, CVN_ABORT_PROTOCOL);
    ck_assert_uint_eq(i->reflected.n, sizeof rs - 2);
    ck_assert_mem_eq(i->reflected.p, rs + 2, i->reflected.n);
    pair_states(&p, CVN_STA01, CVN_STA01);
}
END_TEST

/* Two requests cross; the winner is confirmed, the loser sees an indication. */
static void cross(unsigned winner, struct cvn_x225_prim *a, struct cvn_x225_prim *b)
{
    ck_assert_int_eq(pair_ask(&p, 0, a), CVN_OK);
    ck_assert_int_eq(pair_ask(&p, 1, b), CVN_OK);
    enum cvn_x225_service s = (winner == 0 ? a : b)->service;
    pair_run(&p);
    (void)pair_take(&p, !winner, s, CVN_INDICATION);
    pair_quiet(&p);
    pair_do_response(&p, !winner, s);
    (void)pair_take(&p, winner, s, CVN_CONFIRM);
    pair_states(&p, CVN_STA713, CVN_STA713);
    pair_quiet(&p);
}

static struct cvn_x225_prim resync_prim(enum cvn_x225_resync type, uint32_t serial)
{
    struct cvn_x225_prim r = pair_request(CVN_S_RESYNCHRONIZE);
    r.resync = (uint8_t)type;
    r.serial = serial;
    return r;
}

static void collide(unsigned winner, struct cvn_x225_prim a, struct cvn_x225_prim b, bool expedited)
{
    p.expedited = expedited;
    pair_open(&p, CVN_FU_DUPLEX | CVN_FU_MINOR_SYNC | CVN_FU_RESYNC | CVN_FU_ACTIVITY);
    start(0);
    for (int n = 0; n < 5; n++)
        (void)minor(0);
    cross(winner, &a, &b);
    pair_cut(&p);
    (void)pair_take(&p, 0, CVN_S_P_ABORT, CVN_INDICATION);
    (void)pair_take(&p, 1, CVN_S_P_ABORT, CVN_INDICATION);
}

START_TEST(crossing_resynchronizations_have_one_winner)
{
    bool expedited = _i != 0;
    struct cvn_x225_prim r2 = resync_prim(CVN_RESYNC_RESTART, 2);
    struct cvn_x225_prim r3 = resync_prim(CVN_RESYNC_RESTART, 3);
    struct cvn_x225_prim s = resync_prim(CVN_RESYNC_SET, 50);
    struct cvn_x225_prim a = resync_prim(CVN_RESYNC_ABANDON, CVN_SERIAL_NONE);
    struct cvn_x225_prim interrupt = pair_request(CVN_S_ACTIVITY_INTERRUPT);
    struct cvn_x225_prim discard = pair_request(CVN_S_ACTIVITY_DISCARD);
    collide(0, s, r2, expedited);
    collide(1, r2, s, expedited);
    collide(0, a, s, expedited);
    collide(1, s, a, expedited);
    collide(0, r2, r3, expedited);
    collide(1, r3, r2, expedited);
    collide(0, r2, r2, expedited); /* equal: the initiator */
    collide(0, s, s, expedited);
    collide(0, a, a, expedited);
    collide(0, interrupt, a, expedited);
    collide(0, discard, a, expedited);
    collide(0, discard, r2, expedited);
}
END_TEST

START_TEST(stronger_resynchronization_answers_a_weaker_one)
{
    pair_open(&p, CVN_FU_DUPLEX | CVN_FU_MINOR_SYNC | CVN_FU_RESYNC);
    (void)minor(0);
    ck_assert_int_eq(resync(0, CVN_RESYNC_RESTART, 1), CVN_OK);
    pair_run(&p);
    (void)pair_take(&p, 1, CVN_S_RESYNCHRONIZE, CVN_INDICATION);
    ck_assert_int_eq(resync(1, CVN_RESYNC_RESTART, 1), CVN_ESTATE);
    ck_assert_int_eq(resync(1, CVN_RESYNC_ABANDON, 0), CVN_OK);
    pair_run(&p);
    ck_assert_uint_eq(pair_take(&p, 0, CVN_S_RESYNCHRONIZE, CVN_INDICATION)->resync,
                      CVN_RESYNC_ABANDON);
    pair_do_response(&p, 0, CVN_S_RESYNCHRONIZE);
    (void)pair_take(&p, 1, CVN_S_RESYNCHRONIZE, CVN_CONFIRM);
    pair_quiet(&p);
}
END_TEST

START_TEST(resynchronization_purges_what_is_under_way)
{
    struct cvn_x225_prim d = pair_request(CVN_S_DATA);
    d.data = pair_octets("lost");
    p.expedited = _i != 0;
    pair_open(&p, CVN_FU_DUPLEX | CVN_FU_MINOR_SYNC | CVN_FU_RESYNC);
    ck_assert_int_eq(pair_ask(&p, 1, &d), CVN_OK);
    ck_assert_int_eq(resync(0, CVN_RESYNC_ABANDON, 0), CVN_OK);
    pair_run(&p);
    (void)pair_take(&p, 1, CVN_S_RESYNCHRONIZE, CVN_INDICATION);
    pair_do_response(&p, 1, CVN_S_RESYNCHRONIZE);
    (void)pair_take(&p, 0, CVN_S_RESYNCHRONIZE, CVN_CONFIRM);
    pair_quiet(&p);
}
END_TEST

START_TEST(capability_data_is_answered_outside_activities)
{
    pair_open(&p, CVN_FU_HALF_DUPLEX | CVN_FU_ACTIVITY | CVN_FU_CAPABILITY);
    send_data(0, CVN_S_CAPABILITY_DATA, "can you?");
    take_text(1, CVN_S_CAPABILITY_DATA, "can you?");
    ck_assert_int_eq(ask(0, CVN_S_CAPABILITY_DATA), CVN_ESTATE);
    struct cvn_x225_prim r = pair_response(CVN_S_CAPABILITY_DATA);
    r.data = pair_octets("yes");
    pair_do(&p, 1, &r);
    ck_assert_mem_eq(pair_take(&p, 0, CVN_S_CAPABILITY_DATA, CVN_CONFIRM)->data.p, "yes", 3);
    start(0);
    ck_assert_int_eq(ask(0, CVN_S_CAPABILITY_DATA), CVN_ESTATE);
}
END_TEST

START_TEST(control_gives_all_tokens)
{
    pair_open(&p, CVN_FU_HALF_DUPLEX | CVN_FU_MINOR_SYNC | CVN_FU_ACTIVITY | CVN_FU_TYPED_DATA);
    send_data(0, CVN_S_CONTROL_GIVE, "take it");
    take_text(1, CVN_S_CONTROL_GIVE, "take it");
    ck_assert_uint_eq(pair_vars(&p, 0).tokens_owned, 0);
    ck_assert_uint_eq(pair_vars(&p, 1).tokens_owned,
                      CVN_TOKEN_DATA | CVN_TOKEN_MINOR | CVN_TOKEN_MAJOR);
    pair_states(&p, CVN_STA713, CVN_STA713);
    ck_assert_int_eq(ask(0, CVN_S_ACTIVITY_START), CVN_ETOKEN);
    start(1);
    ck_assert_int_eq(ask(1, CVN_S_CONTROL_GIVE), CVN_ESTATE);
}
END_TEST

START_TEST(expedited_data_overtakes)
{
    struct cvn_x225_prim d = pair_request(CVN_S_DATA);
    struct cvn_x225_prim x = pair_request(CVN_S_EXPEDITED_DATA);
    p.expedited = true;
    pair_open(&p, CVN_FU_DUPLEX | CVN_FU_EXPEDITED);
    ck_assert(pair_vars(&p, 0).texp);
    x.data = pair_octets("123456789012345");
    ck_assert_int_eq(pair_ask(&p, 0, &x), CVN_ETOOBIG);
    x.data.n = 0;
    ck_assert_int_eq(pair_ask(&p, 0, &x), CVN_EINVAL);
    d.data = pair_octets("slow");
    x.data = pair_octets("12345678901234");
    ck_assert_int_eq(pair_ask(&p, 0, &d), CVN_OK);
    pair_drain(&p, 0);
    ck_assert_int_eq(pair_ask(&p, 0, &x), CVN_OK);
    pair_drain(&p, 0);
    p.side[1].expedited.first->seq = 0;
    pair_run(&p);
    take_text(1, CVN_S_EXPEDITED_DATA, "12345678901234");
    take_text(1, CVN_S_DATA, "slow");
}
END_TEST

/* 7.4: an EX may come before the AC that was sent before it. */
START_TEST(expedited_data_before_accept_waits)
{
    struct cvn_x225_prim r = pair_request(CVN_S_CONNECT);
    struct cvn_x225_prim a = pair_response(CVN_S_CONNECT);
    struct cvn_x225_prim x = pair_request(CVN_S_EXPEDITED_DATA);
    p.expedited = true;
    r.units = a.units = CVN_FU_DUPLEX | CVN_FU_EXPEDITED | CVN_FU_NEGOTIATED_RELEASE;
    a.tokens = CVN_TOKEN_RELEASE;
    pair_do(&p, 0, &r);
    (void)pair_take(&p, 1, CVN_S_CONNECT, CVN_INDICATION);
    ck_assert_int_eq(pair_ask(&p, 1, &a), CVN_OK);
    for (char c = 'a'; c < 'a' + 10; c++) {
        uint8_t octet = (uint8_t)c;
        x.data = (struct cvn_octets){&octet, 1};
        ck_assert_int_eq(pair_ask(&p, 1, &x), CVN_OK);
        pair_drain(&p, 1);
    }
    for (struct pair_tsdu *t = p.side[0].expedited.first; t != NULL; t = t->next)
        t->seq = 0;
    for (int n = 0; n < 10; n++)
        ck_assert(pair_deliver(&p));
    pair_quiet(&p);
    ck_assert_uint_eq(pair_vars(&p, 0).queued, 10);
    pair_run(&p);
    (void)pair_take(&p, 0, CVN_S_CONNECT, CVN_CONFIRM);
    (void)pair_take(&p, 0, CVN_S_TOKEN_PLEASE, CVN_INDICATION);
    for (char c = 'a'; c < 'a' + 10; c++)
        ck_assert_int_eq(pair_take(&p, 0, CVN_S_EXPEDITED_DATA, CVN_INDICATION)->data.p[0], c);
    ck_assert_uint_eq(pair_vars(&p, 0).queued, 0);
}
END_TEST

START_TEST(release_may_be_refused_where_that_was_agreed)
{
    struct cvn_x225_prim r = pair_response(CVN_S_RELEASE);
    r.result = 0;
    pair_open(&p, CVN_FU_DUPLEX | CVN_FU_NEGOTIATED_RELEASE);
    send_data(0, CVN_S_RELEASE, "bye?");
    take_text(1, CVN_S_RELEASE, "bye?");
    send_data(1, CVN_S_DATA, "not yet");
    take_text(0, CVN_S_DATA, "not yet");
    r.data = pair_octets("no");
    pair_do(&p, 1, &r);
    ck_assert_uint_eq(pair_take(&p, 0, CVN_S_RELEASE, CVN_CONFIRM)->result, 0);
    pair_states(&p, CVN_STA713, CVN_STA713);
    pair_cut(&p);
    (void)pair_take(&p, 0, CVN_S_P_ABORT, CVN_INDICATION);
    (void)pair_take(&p, 1, CVN_S_P_ABORT, CVN_INDICATION);
    pair_open(&p, CVN_FU_DUPLEX);
    pair_do_request(&p, 0, CVN_S_RELEASE);
    (void)pair_take(&p, 1, CVN_S_RELEASE, CVN_INDICATION);
    ck_assert_int_eq(pair_ask(&p, 1, &r), CVN_EUNIT);
}
END_TEST

/* _i: who answers first, and whether the acceptor does so before the initiator's DN. */
START_TEST(crossing_releases_both_end_well)
{
    struct cvn_x225_prim r = pair_request(CVN_S_RELEASE);
    pair_open(&p, CVN_FU_DUPLEX);
    ck_assert_int_eq(pair_ask(&p, 0, &r), CVN_OK);
    ck_assert_int_eq(pair_ask(&p, 1, &r), CVN_OK);
    pair_run(&p);
    (void)pair_take(&p, 0, CVN_S_RELEASE, CVN_INDICATION);
    (void)pair_take(&p, 1, CVN_S_RELEASE, CVN_INDICATION);
    ck_assert(pair_vars(&p, 0).vcoll && pair_vars(&p, 1).vcoll);
    pair_states(&p, CVN_STA09, CVN_STA09);
    ck_assert_int_eq(ask(0, CVN_S_DATA), CVN_ESTATE);
    unsigned first = _i == 0 ? 0 : 1;
    pair_do_response(&p, first, CVN_S_RELEASE);
    if (first == 1) {
        pair_quiet(&p); /* it is held */
        r = pair_response(CVN_S_RELEASE);
        ck_assert_int_eq(pair_ask(&p, 1, &r), CVN_ESTATE);
    } else {
        ck_assert_uint_eq(pair_take(&p, 1, CVN_S_RELEASE, CVN_CONFIRM)->result, 0xff);
    }
    pair_do_response(&p, !first, CVN_S_RELEASE);
    if (first == 1)
        ck_assert_uint_eq(pair_take(&p, 1, CVN_S_RELEASE, CVN_CONFIRM)->result, 0xff);
    ck_assert_uint_eq(pair_take(&p, 0, CVN_S_RELEASE, CVN_CONFIRM)->result, 0xff);
    pair_states(&p, CVN_STA01, CVN_STA01);
    pair_quiet(&p);
}
END_TEST

START_TEST(held_release_response_goes_when_the_connection_is_lost)
{
    struct cvn_x225_prim r = pair_request(CVN_S_RELEASE);
    pair_open(&p, CVN_FU_DUPLEX);
    ck_assert_int_eq(pair_ask(&p, 0, &r), CVN_OK);
    ck_assert_int_eq(pair_ask(&p, 1, &r), CVN_OK);
    pair_run(&p);
    (void)pair_take(&p, 0, CVN_S_RELEASE, CVN_INDICATION);
    (void)pair_take(&p, 1, CVN_S_RELEASE, CVN_INDICATION);
    r = pair_response(CVN_S_RELEASE);
    r.data = pair_octets("user data of a DN that is never sent");
    pair_do(&p, 1, &r);
    pair_cut(&p);
    (void)pair_take(&p, 1, CVN_S_P_ABORT, CVN_INDICATION);
    (void)pair_take(&p, 0, CVN_S_P_ABORT, CVN_INDICATION);
    pair_open(&p, CVN_FU_DUPLEX);
}
END_TEST

static void open_symmetric(uint16_t more)
{
    struct cvn_x225_prim r = pair_request(CVN_S_CONNECT);
    struct cvn_x225_prim a = pair_response(CVN_S_CONNECT);
    r.units = a.units = (uint16_t)(CVN_FU_DUPLEX | CVN_FU_SYMMETRIC_SYNC | more);
    r.serial = 10; /* from the initiator */
    r.serial2 = 20;
    pair_open_with(&p, &r, &a);
    ck_assert_uint_eq(pair_vars(&p, 0).vm, 10);
    ck_assert_uint_eq(pair_vars(&p, 0).vmr, 20);
    ck_assert_uint_eq(pair_vars(&p, 1).vm, 20);
    ck_assert_uint_eq(pair_vars(&p, 1).vmr, 10);
    ck_assert_uint_eq(pair_vars(&p, 0).tokens_available & CVN_TOKEN_MINOR, 0);
}

START_TEST(each_direction_has_its_own_points)
{
    open_symmetric(0);
    ck_assert_uint_eq(minor(0), 10);
    ck_assert_uint_eq(minor(1), 20);
    ck_assert_uint_eq(minor(0), 11);
    ck_assert_uint_eq(minor(1), 21);
    ck_assert_int_eq(confirm_minor(1, 12), CVN_ESERIAL);
    ck_assert_int_eq(confirm_minor(1, 11), CVN_OK);
    ck_assert_int_eq(confirm_minor(0, 20), CVN_OK);
    ck_assert_uint_eq(pair_take(&p, 0, CVN_S_SYNC_MINOR, CVN_CONFIRM)->serial, 11);
    ck_assert_uint_eq(pair_take(&p, 1, CVN_S_SYNC_MINOR, CVN_CONFIRM)->serial, 20);
    ck_assert_uint_eq(pair_vars(&p, 0).va, 12);
    ck_assert_uint_eq(pair_vars(&p, 1).va, 21);
    pair_do_request(&p, 0, CVN_S_RELEASE);
    (void)pair_take(&p, 1, CVN_S_RELEASE, CVN_INDICATION);
    pair_do_response(&p, 1, CVN_S_RELEASE);
    (void)pair_take(&p, 0, CVN_S_RELEASE, CVN_CONFIRM);
}
END_TEST

START_TEST(one_direction_is_resynchronized_and_the_other_runs_on)
{
    struct cvn_x225_prim d = pair_request(CVN_S_DATA);
    open_symmetric(CVN_FU_RESYNC);
    (void)minor(0);
    (void)minor(1);
    d.data = pair_octets("goes on");
    ck_assert_int_eq(resync(0, CVN_RESYNC_RESTART, 10), CVN_OK);
    pair_drain(&p, 0);
    ck_assert_int_eq(pair_ask(&p, 1, &d), CVN_OK);
    pair_run(&p);
    take_text(0, CVN_S_DATA, "goes on");
    const struct cvn_x225_prim *i = pair_take(&p, 1, CVN_S_RESYNCHRONIZE, CVN_INDICATION);
    ck_assert_uint_eq(i->resync, CVN_RESYNC_RESTART);
    ck_assert_uint_eq(i->resync2, CVN_RESYNC_NONE);
    ck_assert_uint_eq(i->serial, 10);
    pair_do(&p, 1, &d); /* still, before the response */
    take_text(0, CVN_S_DATA, "goes on");
    pair_do_response(&p, 1, CVN_S_RESYNCHRONIZE);
    (void)pair_take(&p, 0, CVN_S_RESYNCHRONIZE, CVN_CONFIRM);
    ck_assert_uint_eq(pair_vars(&p, 0).vm, 10);
    ck_assert_uint_eq(pair_vars(&p, 0).vmr, 21);
    ck_assert_uint_eq(pair_vars(&p, 1).vm, 21);
}
END_TEST

START_TEST(major_point_counts_in_both_directions)
{
    open_symmetric(CVN_FU_MAJOR_SYNC);
    (void)minor(0);
    (void)minor(1);
    pair_do_request(&p, 0, CVN_S_SYNC_MAJOR);
    ck_assert_uint_eq(pair_take(&p, 1, CVN_S_SYNC_MAJOR, CVN_INDICATION)->serial, 11);
    pair_do_response(&p, 1, CVN_S_SYNC_MAJOR);
    (void)pair_take(&p, 0, CVN_S_SYNC_MAJOR, CVN_CONFIRM);
    ck_assert_uint_eq(pair_vars(&p, 0).vr, 12);
    ck_assert_uint_eq(pair_vars(&p, 0).vrr, 21);
    ck_assert_uint_eq(pair_vars(&p, 1).va, 21);
    ck_assert_uint_eq(minor(1), 21);
}
END_TEST

START_TEST(data_before_a_separating_point_survives_a_resynchronization)
{
    struct cvn_x225_prim m = pair_request(CVN_S_SYNC_MINOR);
    struct cvn_x225_prim d = pair_request(CVN_S_DATA);
    struct cvn_x225_prim i;
    p.expedited = _i != 0;
    pair_open(&p, CVN_FU_DUPLEX | CVN_FU_MINOR_SYNC | CVN_FU_RESYNC | CVN_FU_DATA_SEPARATION);
    m.separation = true;
    pair_do(&p, 0, &m);
    i = *pair_take(&p, 1, CVN_S_SYNC_MINOR, CVN_INDICATION);
    ck_assert(i.separation);
    d.data = pair_octets("kept");
    ck_assert_int_eq(pair_ask(&p, 1, &d), CVN_OK);
    pair_drain(&p, 1);
    ck_assert_int_eq(resync(0, CVN_RESYNC_ABANDON, 0), CVN_OK);
    pair_run(&p);
    take_text(0, CVN_S_DATA, "kept");
    (void)pair_take(&p, 1, CVN_S_RESYNCHRONIZE, CVN_INDICATION);
    pair_do_response(&p, 1, CVN_S_RESYNCHRONIZE);
    (void)pair_take(&p, 0, CVN_S_RESYNCHRONIZE, CVN_CONFIRM);
}
END_TEST

/* STA06, AE: p72 & p177 & ^p185. PREPARE of an interrupt overtakes the activity end sent before it,
 * towards a side that resynchronizes and has a separating point of its own open. */
START_TEST(activity_end_is_counted_when_a_prepare_overtakes_it)
{
    struct cvn_x225_prim r = pair_request(CVN_S_CONNECT);
    struct cvn_x225_prim a = pair_response(CVN_S_CONNECT);
    p.expedited = true;
    r.units = a.units = CVN_FU_DUPLEX | CVN_FU_SYMMETRIC_SYNC | CVN_FU_DATA_SEPARATION |
                        CVN_FU_ACTIVITY | CVN_FU_RESYNC;
    pair_open_with(&p, &r, &a);
    start(0);
    r = pair_request(CVN_S_SYNC_MINOR);
    r.separation = true;
    pair_do(&p, 1, &r);
    (void)pair_take(&p, 0, CVN_S_SYNC_MINOR, CVN_INDICATION);
    ck_assert_int_eq(ask(0, CVN_S_ACTIVITY_END), CVN_OK);
    ck_assert_int_eq(ask(0, CVN_S_ACTIVITY_INTERRUPT), CVN_OK);
    ck_assert_int_eq(resync(1, CVN_RESYNC_RESTART, 1), CVN_OK);
    pair_drain(&p, 0);
    pair_drain(&p, 1);
    p.side[1].expedited.first->seq = 0;
    struct pair_tsdu *held = p.side[0].normal.first; /* the RS is still on its way */
    p.side[0].normal.first = NULL;
    ck_assert(pair_deliver(&p));
    ck_assert_int_eq(cvn_x225_state(p.side[1].x), CVN_STA06);
    uint32_t before = pair_vars(&p, 1).vmr;
    ck_assert(pair_deliver(&p));
    ck_assert_int_eq(cvn_x225_state(p.side[1].x), CVN_STA06);
    ck_assert_uint_eq(pair_vars(&p, 1).vmr, before + 1);
    p.side[0].normal.first = held;
    pair_run(&p);
    (void)pair_take(&p, 1, CVN_S_ACTIVITY_INTERRUPT, CVN_INDICATION);
    pair_do_response(&p, 1, CVN_S_ACTIVITY_INTERRUPT);
    (void)pair_take(&p, 0, CVN_S_ACTIVITY_INTERRUPT, CVN_CONFIRM);
    pair_states(&p, CVN_STA713, CVN_STA713);
    pair_quiet(&p);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("x225 units");
    TCase *t = tcase_create("units");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, half_duplex_needs_the_data_token);
    tcase_add_test(t, units_that_were_not_agreed_are_refused);
    tcase_add_test(t, minor_points_are_confirmed_up_to_a_number);
    tcase_add_test(t, minor_points_end_at_the_last_number);
    tcase_add_test(t, major_point_confirms_all_before_it);
    tcase_add_test(t, resynchronizes_by_restart_set_and_abandon);
    tcase_add_test(t, restart_below_the_last_major_point_is_an_error);
    tcase_add_loop_test(t, crossing_resynchronizations_have_one_winner, 0, 2);
    tcase_add_test(t, stronger_resynchronization_answers_a_weaker_one);
    tcase_add_loop_test(t, resynchronization_purges_what_is_under_way, 0, 2);
    tcase_add_test(t, capability_data_is_answered_outside_activities);
    tcase_add_test(t, control_gives_all_tokens);
    tcase_add_test(t, expedited_data_overtakes);
    tcase_add_test(t, expedited_data_before_accept_waits);
    tcase_add_test(t, release_may_be_refused_where_that_was_agreed);
    tcase_add_loop_test(t, crossing_releases_both_end_well, 0, 2);
    tcase_add_test(t, held_release_response_goes_when_the_connection_is_lost);
    tcase_add_test(t, each_direction_has_its_own_points);
    tcase_add_test(t, one_direction_is_resynchronized_and_the_other_runs_on);
    tcase_add_test(t, major_point_counts_in_both_directions);
    tcase_add_loop_test(t, data_before_a_separating_point_survives_a_resynchronization, 0, 2);
    tcase_add_test(t, activity_end_is_counted_when_a_prepare_overtakes_it);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
