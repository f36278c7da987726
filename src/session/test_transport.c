/* SPDX-License-Identifier: MIT */
/*
 * What a session connection makes of its transport: class 2, expedited data that
 * overtakes (X.225 5.7, 6.4), extended control (X.225 6.3.5), PREPARE, release, memory that fails.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "convene/connection.h"

#define SECOND   ((cvn_time)1000000000u)
#define SEEN_MAX 40
#define BASE     (CVN_FU_HALF_DUPLEX | CVN_FU_MINOR_SYNC | CVN_FU_RESYNC)

/* ---- memory that counts and fails ---- */

static struct {
    size_t octets;
    long fail_in; /* so many calls from now on; -1: never */
} memory = {0, -1};

static void *memory_resize(void *ctx, void *p, size_t from, size_t to)
{
    (void)ctx;
    if (to > 0 && memory.fail_in >= 0 && memory.fail_in-- == 0)
        return NULL;
    memory.octets = memory.octets + to - from;
    if (to == 0) {
        free(p);
        return NULL;
    }
    return realloc(p, to);
}

static const struct cvn_alloc counted = {.resize = memory_resize, .ctx = NULL};

static void memory_setup(void)
{
    memory.octets = 0;
    memory.fail_in = -1;
}

static void memory_teardown(void)
{
    ck_assert_uint_eq(memory.octets, 0);
}

/* ---- two ends and what they see ---- */

struct seen {
    enum cvn_x225_service service;
    enum cvn_x225_type type;
    size_t before; /* octets of S-DATA that had come */
    uint8_t first; /* octet of user data */
    uint16_t units;
    uint32_t serial;
};

struct end {
    struct cvn_sc *c;
    struct seen seen[SEEN_MAX];
    size_t nseen;
    size_t data; /* octets of S-DATA */
    bool wrong;  /* one was not the next of the pattern */
    bool over;
};

static uint8_t pattern(size_t i)
{
    return (uint8_t)(i * 7 + i / 251);
}

static void see(struct end *e, const struct cvn_x225_prim *p)
{
    if (p->service == CVN_S_DATA) {
        for (size_t i = 0; i < p->data.n; i += 997)
            e->wrong = e->wrong || p->data.p[i] != pattern(e->data + i);
        e->data += p->data.n;
        if (!p->end)
            return;
    }
    ck_assert_uint_lt(e->nseen, SEEN_MAX);
    e->seen[e->nseen++] = (struct seen){
        .service = p->service,
        .type = p->type,
        .before = e->data,
        .first = p->data.n > 0 ? p->data.p[0] : 0,
        .units = p->units,
        .serial = p->serial,
    };
}

/* Primitives that came without octets. */
static void look(struct end *e, cvn_time now)
{
    struct cvn_x225_prim p;
    while (cvn_sc_next(e->c, &p, now) == CVN_EVENT)
        see(e, &p);
}

static void hear(struct end *e, const uint8_t *octets, size_t n, cvn_time now)
{
    struct cvn_x225_prim p;
    int rc = CVN_EVENT;
    for (size_t at = 0; rc == CVN_EVENT;) {
        size_t used = 0;
        rc = cvn_sc_feed(e->c, octets + at, n - at, &used, &p, now);
        at += used;
        if (rc == CVN_EVENT)
            see(e, &p);
    }
    e->over = rc == CVN_ECLOSED;
    ck_assert(rc == CVN_MORE || rc == CVN_ECLOSED);
}

/* Moves at most so many octets as a slow socket takes them. */
static size_t carry(struct end *from, struct end *to, size_t most)
{
    static uint8_t octets[1 << 20];
    size_t n = 0;
    struct cvn_iov iov[8];
    size_t filled;
    most = most < sizeof octets ? most : sizeof octets;
    while (n < most && (filled = cvn_sc_out_iov(from->c, iov, 8)) > 0) {
        size_t taken = 0;
        for (size_t i = 0; i < filled && n + taken < most; i++) {
            size_t k = iov[i].len < most - n - taken ? iov[i].len : most - n - taken;
            memcpy(octets + n + taken, iov[i].base, k);
            taken += k;
        }
        cvn_sc_sent(from->c, taken);
        n += taken;
    }
    hear(to, octets, n, 0);
    return n;
}

static void settle(struct end e[2])
{
    while (carry(&e[0], &e[1], SIZE_MAX) + carry(&e[1], &e[0], SIZE_MAX) > 0)
        continue;
}

static int ask(struct end *e, enum cvn_x225_service s, enum cvn_x225_type t)
{
    struct cvn_x225_prim p;
    cvn_x225_prim_init(&p, s, t);
    return cvn_sc_request(e->c, &p, 0);
}

static int expedited(struct end *e, const char *text)
{
    struct cvn_x225_prim p;
    cvn_x225_prim_init(&p, CVN_S_EXPEDITED_DATA, CVN_REQUEST);
    p.data = (struct cvn_octets){(const uint8_t *)text, strlen(text)};
    return cvn_sc_request(e->c, &p, 0);
}

struct kind {
    uint8_t classes;
    bool acknowledged;
    bool refused; /* the responder has no expedited data */
    uint32_t tpdu_max;
    unsigned class_id; /* that follows */
};

static const struct kind kinds[] = {
    {.classes = CVN_TRANSPORT_CLASS_0},
    {.classes = CVN_TRANSPORT_CLASS_2, .class_id = 2},
    {.classes = CVN_TRANSPORT_CLASS_0 | CVN_TRANSPORT_CLASS_2, .acknowledged = true, .class_id = 2},
    {.tpdu_max = 2048},
};
#define KINDS ((int)(sizeof kinds / sizeof *kinds))

static void make(struct end e[2], const struct kind *k)
{
    memset(e, 0, 2 * sizeof *e);
    for (int i = 0; i < 2; i++) {
        struct cvn_sc_opts o = {
            .alloc = &counted,
            .initiator = i == 0,
            .reference = (uint16_t)(i + 1),
            .expedited = i == 1 && !k->refused,
            .transport_classes = i == 0 ? k->classes : 0,
            .transport_acknowledged = k->acknowledged,
            .tpdu_max = k->tpdu_max,
        };
        ck_assert_int_eq(cvn_sc_new(&e[i].c, &o), CVN_OK);
    }
}

static void request_connect(struct end *e, uint16_t units)
{
    struct cvn_x225_prim p;
    cvn_x225_prim_init(&p, CVN_S_CONNECT, CVN_REQUEST);
    p.units = units;
    p.serial = 1;
    ck_assert_int_eq(cvn_sc_request(e->c, &p, 0), CVN_OK);
}

static void accept_connect(struct end *e, uint16_t units)
{
    struct cvn_x225_prim p;
    cvn_x225_prim_init(&p, CVN_S_CONNECT, CVN_RESPONSE);
    p.result = CVN_RESULT_ACCEPT;
    p.units = units;
    p.serial = 1;
    ck_assert_int_eq(cvn_sc_request(e->c, &p, 0), CVN_OK);
}

static void connect_pair(struct end e[2], const struct kind *k, uint16_t units)
{
    make(e, k);
    request_connect(&e[0], units);
    settle(e);
    ck_assert_uint_eq(e[1].nseen, 1);
    accept_connect(&e[1], units);
    settle(e);
    ck_assert_uint_eq(e[0].nseen, 1);
    ck_assert_int_eq(e[0].seen[0].type, CVN_CONFIRM);
    e[0].nseen = e[1].nseen = 0;
}

static void finish(struct end e[2])
{
    for (int i = 0; i < 2; i++) {
        ck_assert(!e[i].wrong);
        cvn_sc_free(e[i].c);
    }
}

/* ---- expedited data ---- */

static uint8_t *big;
#define BIG ((size_t)100 << 20)

static void make_big(void)
{
    big = malloc(BIG);
    if (big == NULL)
        ck_abort();
    for (size_t i = 0; i < BIG; i++)
        big[i] = pattern(i);
}

static void keep(struct cvn_ref *ref)
{
    ref->refs = 1;
}

static struct cvn_ref lent = {.refs = 1, .drop = keep};

static int send_data(struct end *e, size_t n)
{
    struct cvn_x225_prim p;
    cvn_x225_prim_init(&p, CVN_S_DATA, CVN_REQUEST);
    p.data = (struct cvn_octets){big, n};
    p.owner = &lent;
    return cvn_sc_request(e->c, &p, 0);
}

/* One SSDU of 100 MiB goes a mebioctet at a time; what is asked for after ten of them
 * comes when the TPDU that had begun is through, and not after the ninety others. */
START_TEST(expedited_data_comes_before_the_end_of_what_is_being_sent)
{
    struct end e[2];
    make_big();
    connect_pair(e, &kinds[_i], CVN_FU_DUPLEX | CVN_FU_EXPEDITED);
    ck_assert_int_eq(send_data(&e[0], BIG), CVN_OK);
    for (int i = 0; i < 10; i++)
        ck_assert_uint_gt(carry(&e[0], &e[1], (1 << 20) - 7), 0);
    ck_assert_uint_eq(e[1].nseen, 0);
    size_t before = e[1].data;
    ck_assert_uint_gt(before, 9 << 20);
    ck_assert_int_eq(expedited(&e[0], "1st"), CVN_OK);
    ck_assert_int_eq(expedited(&e[0], "2nd"), CVN_OK);
    while (e[1].nseen < 2)
        ck_assert_uint_gt(carry(&e[0], &e[1], 65536) + carry(&e[1], &e[0], 65536), 0);
    ck_assert_int_eq(e[1].seen[0].service, CVN_S_EXPEDITED_DATA);
    ck_assert_int_eq(e[1].seen[1].service, CVN_S_EXPEDITED_DATA);
    ck_assert_int_eq(e[1].seen[0].first, '1');
    ck_assert_int_eq(e[1].seen[1].first, '2');
    ck_assert_uint_le(e[1].seen[1].before - before, 65531); /* the rest of one TPDU */
    settle(e);
    ck_assert_uint_eq(e[1].nseen, 3);
    ck_assert_int_eq(e[1].seen[2].service, CVN_S_DATA);
    ck_assert_uint_eq(e[1].data, BIG);
    finish(e);
    free(big);
}
END_TEST

/* The other way too, while nothing is being sent, and many of them keep their order. */
START_TEST(expedited_data_keeps_its_order)
{
    struct end e[2];
    connect_pair(e, &kinds[_i], CVN_FU_DUPLEX | CVN_FU_EXPEDITED);
    for (int side = 0; side < 2; side++) {
        for (int i = 0; i < 12; i++) {
            const char text[2] = {(char)('a' + i), '\0'};
            ck_assert_int_eq(expedited(&e[side], text), CVN_OK);
        }
    }
    settle(e);
    for (int side = 0; side < 2; side++) {
        ck_assert_uint_eq(e[side].nseen, 12);
        for (int i = 0; i < 12; i++)
            ck_assert_int_eq(e[side].seen[i].first, 'a' + i);
    }
    finish(e);
}
END_TEST

/* An EX may overtake the AC that the responder has still to send: it is held (A.5, [10]). */
START_TEST(expedited_data_that_overtakes_the_ac_comes_after_it)
{
    struct end e[2];
    make(e, &kinds[_i]);
    request_connect(&e[0], CVN_FU_DUPLEX | CVN_FU_EXPEDITED);
    settle(e);
    accept_connect(&e[1], CVN_FU_DUPLEX | CVN_FU_EXPEDITED);
    ck_assert_int_eq(expedited(&e[1], "x"), CVN_OK);
    settle(e);
    ck_assert_uint_eq(e[0].nseen, 2);
    ck_assert_int_eq(e[0].seen[0].service, CVN_S_CONNECT);
    ck_assert_int_eq(e[0].seen[1].service, CVN_S_EXPEDITED_DATA);
    finish(e);
}
END_TEST

/* PREPARE goes ahead of the 20 MiB, which are then purged; the RS comes behind them. */
START_TEST(a_prepared_resynchronization_ends_what_is_being_sent)
{
    struct end e[2];
    struct cvn_x225_prim p;
    make_big();
    connect_pair(e, &kinds[_i / 2], BASE | CVN_FU_EXPEDITED);
    struct end *a = &e[_i % 2];
    struct end *b = &e[!(_i % 2)];
    if (_i % 2 == 1) {
        cvn_x225_prim_init(&p, CVN_S_TOKEN_GIVE, CVN_REQUEST);
        p.tokens = CVN_TOKEN_DATA | CVN_TOKEN_MINOR;
        ck_assert_int_eq(cvn_sc_request(b->c, &p, 0), CVN_OK);
        settle(e);
        a->nseen = 0;
    }
    ck_assert_int_eq(send_data(a, (size_t)20 << 20), CVN_OK);
    ck_assert_uint_gt(carry(a, b, 1 << 20), 0);
    size_t before = b->data;
    cvn_x225_prim_init(&p, CVN_S_RESYNCHRONIZE, CVN_REQUEST);
    p.resync = CVN_RESYNC_ABANDON;
    p.serial = 5;
    ck_assert_int_eq(cvn_sc_request(a->c, &p, 0), CVN_OK);
    settle(e);
    ck_assert_uint_eq(b->nseen, 1);
    ck_assert_int_eq(b->seen[0].service, CVN_S_RESYNCHRONIZE);
    ck_assert_int_eq(b->seen[0].type, CVN_INDICATION);
    ck_assert_uint_le(b->seen[0].before - before, 65531);
    cvn_x225_prim_init(&p, CVN_S_RESYNCHRONIZE, CVN_RESPONSE);
    p.serial = b->seen[0].serial;
    ck_assert_int_eq(cvn_sc_request(b->c, &p, 0), CVN_OK);
    settle(e);
    ck_assert_uint_eq(a->nseen, 1);
    ck_assert_int_eq(a->seen[0].service, CVN_S_RESYNCHRONIZE);
    ck_assert_int_eq(a->seen[0].type, CVN_CONFIRM);
    ck_assert_uint_eq(a->seen[0].serial, b->seen[0].serial);
    finish(e);
    free(big);
}
END_TEST

/* Without transport expedited data there is no EX and no PREPARE; all data come first. */
START_TEST(a_peer_without_expedited_data_gets_none)
{
    struct kind k = kinds[_i];
    struct end e[2];
    struct cvn_sc_transport t;
    struct cvn_x225_prim p;
    k.refused = true;
    make_big();
    make(e, &k);
    request_connect(&e[0], BASE | CVN_FU_EXPEDITED);
    settle(e);
    ck_assert_uint_eq(e[1].nseen, 1);
    ck_assert_uint_eq(e[1].seen[0].units & CVN_FU_EXPEDITED, 0);
    accept_connect(&e[1], BASE);
    settle(e);
    ck_assert_uint_eq(e[0].seen[0].units, BASE);
    for (int i = 0; i < 2; i++) {
        e[i].nseen = 0;
        cvn_sc_transport(e[i].c, &t);
        ck_assert(t.up && !t.expedited && t.class_id == k.class_id);
        ck_assert_int_eq(expedited(&e[i], "x"), CVN_EUNIT);
    }
    ck_assert_int_eq(send_data(&e[0], (size_t)1 << 20), CVN_OK);
    cvn_x225_prim_init(&p, CVN_S_RESYNCHRONIZE, CVN_REQUEST);
    p.resync = CVN_RESYNC_ABANDON;
    ck_assert_int_eq(cvn_sc_request(e[0].c, &p, 0), CVN_OK);
    settle(e);
    ck_assert_uint_eq(e[1].nseen, 2);
    ck_assert_int_eq(e[1].seen[0].service, CVN_S_DATA);
    ck_assert_int_eq(e[1].seen[1].service, CVN_S_RESYNCHRONIZE);
    ck_assert_uint_eq(e[1].seen[1].before, (size_t)1 << 20);
    finish(e);
    free(big);
}
END_TEST

START_TEST(the_cr_asks_for_expedited_data_only_if_the_s_connect_does)
{
    static const uint8_t plain[] = {3, 0, 0, 11, 6, 0xe0, 0, 0, 0, 1, 0};
    static const uint8_t asks[] = {3, 0, 0, 14, 9, 0xe0, 0, 0, 0, 1, 0, 0xc6, 1, 1};
    for (int i = 0; i < 4; i++) {
        struct cvn_sc_opts o = {
            .alloc = &counted, .initiator = true, .reference = 1, .expedited = i % 2 == 1};
        struct end e = {0};
        struct cvn_iov iov[2];
        ck_assert_int_eq(cvn_sc_new(&e.c, &o), CVN_OK);
        request_connect(&e, i < 2 ? CVN_FU_DUPLEX : CVN_FU_DUPLEX | CVN_FU_EXPEDITED);
        ck_assert_uint_eq(cvn_sc_out_iov(e.c, iov, 2), 1);
        ck_assert_uint_eq(iov[0].len, i < 2 ? sizeof plain : sizeof asks);
        ck_assert_mem_eq(iov[0].base, i < 2 ? plain : asks, iov[0].len);
        cvn_sc_free(e.c);
    }
}
END_TEST

/* ---- classes, and the end ---- */

START_TEST(what_was_agreed_can_be_asked_for)
{
    struct end e[2];
    struct cvn_sc_transport t;
    make(e, &kinds[_i]);
    cvn_sc_transport(e[0].c, &t);
    ck_assert(!t.up && t.tpdu_max == 0 && !t.expedited && t.class_id == kinds[_i].class_id);
    request_connect(&e[0], CVN_FU_DUPLEX | CVN_FU_EXPEDITED);
    settle(e);
    for (int i = 0; i < 2; i++) {
        cvn_sc_transport(e[i].c, &t);
        ck_assert(t.up && t.expedited && t.class_id == kinds[_i].class_id);
        ck_assert_uint_eq(t.tpdu_max, kinds[_i].tpdu_max == 0 ? 65531 : kinds[_i].tpdu_max);
    }
    cvn_sc_stream_closed(e[0].c, 0);
    cvn_sc_transport(e[0].c, &t);
    ck_assert(!t.up && !t.expedited);
    finish(e);
}
END_TEST

static void release(struct end e[2])
{
    ck_assert_int_eq(ask(&e[0], CVN_S_RELEASE, CVN_REQUEST), CVN_OK);
    settle(e);
    ck_assert_uint_eq(e[1].nseen, 1);
    e[1].nseen = 0;
    struct cvn_x225_prim p;
    cvn_x225_prim_init(&p, CVN_S_RELEASE, CVN_RESPONSE);
    p.result = 0xff;
    ck_assert_int_eq(cvn_sc_request(e[1].c, &p, 0), CVN_OK);
    ck_assert_uint_gt(carry(&e[1], &e[0], SIZE_MAX), 0);
    ck_assert_uint_eq(e[0].nseen, 1);
    e[0].nseen = 0;
}

/* Class 0 closes the stream; class 2 says DR, and is over with DC. */
START_TEST(a_released_session_releases_its_transport)
{
    struct end e[2];
    bool two = kinds[_i].class_id == 2;
    connect_pair(e, &kinds[_i], CVN_FU_DUPLEX);
    release(e);
    ck_assert_int_eq(cvn_sc_closing(e[0].c), !two);
    ck_assert_int_eq(cvn_sc_closing(e[1].c), false);
    if (two) {
        ck_assert(cvn_sc_deadline(e[0].c) == 5 * SECOND);
        ck_assert_uint_eq(carry(&e[0], &e[1], SIZE_MAX), 11); /* DR */
        ck_assert(cvn_sc_closing(e[1].c));
        ck_assert_uint_eq(carry(&e[1], &e[0], SIZE_MAX), 10); /* DC */
        ck_assert(cvn_sc_closing(e[0].c));
    } else {
        cvn_sc_stream_closed(e[1].c, 0);
    }
    ck_assert(cvn_sc_deadline(e[0].c) == CVN_NEVER);
    for (int i = 0; i < 2; i++) {
        look(&e[i], 0);
        ck_assert_uint_eq(e[i].nseen, 0);
        ck_assert(cvn_sc_closing(e[i].c));
        ck_assert_int_eq(ask(&e[i], CVN_S_U_ABORT, CVN_REQUEST), CVN_ESTATE);
        hear(&e[i], (const uint8_t *)"\3\0\0\7\2\360\200", 7, 0);
        ck_assert(e[i].over);
    }
    finish(e);
}
END_TEST

START_TEST(a_peer_that_does_not_say_dc_is_not_waited_for)
{
    struct end e[2];
    connect_pair(e, &kinds[1], CVN_FU_DUPLEX);
    release(e);
    cvn_sc_tick(e[0].c, 5 * SECOND - 1);
    ck_assert(!cvn_sc_closing(e[0].c));
    cvn_sc_tick(e[0].c, 5 * SECOND);
    ck_assert(cvn_sc_closing(e[0].c));
    ck_assert(cvn_sc_deadline(e[0].c) == CVN_NEVER);
    look(&e[0], 5 * SECOND);
    ck_assert_uint_eq(e[0].nseen, 0);
    finish(e);
}
END_TEST

/* AB on the expedited flow goes ahead of the data, too. */
START_TEST(an_abort_does_not_wait_for_data)
{
    struct end e[2];
    make_big();
    connect_pair(e, &kinds[_i], CVN_FU_DUPLEX | CVN_FU_EXPEDITED);
    ck_assert_int_eq(send_data(&e[0], (size_t)20 << 20), CVN_OK);
    ck_assert_uint_gt(carry(&e[0], &e[1], 1 << 20), 0);
    size_t before = e[1].data;
    ck_assert_int_eq(ask(&e[0], CVN_S_U_ABORT, CVN_REQUEST), CVN_OK);
    settle(e);
    ck_assert_uint_eq(e[1].nseen, 1);
    ck_assert_int_eq(e[1].seen[0].service, CVN_S_U_ABORT);
    ck_assert_uint_le(e[1].data - before, 65531);
    finish(e);
    free(big);
}
END_TEST

/* ---- memory ---- */

/* A whole short life with each allocation failing once: both ends get over it, be it by an
 * abort, and everything is given back (judged by the fixture). */
START_TEST(memory_that_fails_at_any_place_is_given_back)
{
    bool done = false;
    for (long n = 0; !done; n++) {
        struct end e[2];
        struct cvn_x225_prim p;
        static const uint8_t some[40000];
        ck_assert_int_lt(n, 1000);
        make(e, &kinds[_i]);
        memory.fail_in = n;
        cvn_x225_prim_init(&p, CVN_S_CONNECT, CVN_REQUEST);
        p.units = CVN_FU_DUPLEX | CVN_FU_EXPEDITED;
        (void)!cvn_sc_request(e[0].c, &p, 0);
        for (int round = 0; round < 12; round++) {
            struct end *from = &e[round % 2];
            struct end *to = &e[!(round % 2)];
            static uint8_t octets[1 << 17];
            struct cvn_iov iov[1];
            size_t len = 0;
            while (cvn_sc_out_iov(from->c, iov, 1) == 1) {
                memcpy(octets + len, iov[0].base, iov[0].len);
                len += iov[0].len;
                cvn_sc_sent(from->c, iov[0].len);
            }
            int rc = CVN_EVENT;
            for (size_t at = 0; rc == CVN_EVENT;) {
                size_t used = 0;
                rc = cvn_sc_feed(to->c, octets + at, len - at, &used, &p, 0);
                at += used;
                if (rc == CVN_EVENT && p.service == CVN_S_CONNECT && p.type == CVN_INDICATION) {
                    cvn_x225_prim_init(&p, CVN_S_CONNECT, CVN_RESPONSE);
                    p.units = CVN_FU_DUPLEX | CVN_FU_EXPEDITED;
                    (void)!cvn_sc_request(to->c, &p, 0);
                }
            }
            if (rc == CVN_ENOMEM)
                cvn_sc_stream_closed(to->c, 0);
            look(to, 0);
            to->nseen = 0;
            if (round < 4)
                continue;
            (void)!expedited(to, "x");
            cvn_x225_prim_init(&p, CVN_S_DATA, CVN_REQUEST);
            p.data = (struct cvn_octets){some, sizeof some};
            (void)!cvn_sc_request(to->c, &p, 0);
            if (round == 8)
                (void)!ask(to, CVN_S_U_ABORT, CVN_REQUEST);
            look(to, 0);
            to->nseen = 0;
        }
        done = memory.fail_in >= 0;
        memory.fail_in = -1;
        cvn_sc_tick(e[0].c, 100 * SECOND);
        cvn_sc_tick(e[1].c, 100 * SECOND);
        cvn_sc_free(e[0].c);
        cvn_sc_free(e[1].c);
        ck_assert_uint_eq(memory.octets, 0);
    }
}
END_TEST

/* T-DISCONNECT without memory for its DR: the stream's close says it. */
START_TEST(a_release_without_memory_just_closes)
{
    struct end e[2];
    struct cvn_x225_prim p;
    connect_pair(e, &kinds[1], CVN_FU_DUPLEX);
    ck_assert_int_eq(ask(&e[0], CVN_S_RELEASE, CVN_REQUEST), CVN_OK);
    settle(e);
    cvn_x225_prim_init(&p, CVN_S_RELEASE, CVN_RESPONSE);
    p.result = 0xff;
    ck_assert_int_eq(cvn_sc_request(e[1].c, &p, 0), CVN_OK);
    cvn_sc_trim(e[0].c);
    memory.fail_in = 0;
    bool closes = false;
    for (long n = 0; !closes && n < 10; n++) { /* until it is the DR's that fails */
        struct cvn_iov iov[4];
        size_t k = cvn_sc_out_iov(e[1].c, iov, 4);
        uint8_t octets[200];
        size_t len = 0;
        size_t used = 0;
        for (size_t i = 0; i < k; i++) {
            memcpy(octets + len, iov[i].base, iov[i].len);
            len += iov[i].len;
        }
        memory.fail_in = n;
        (void)!cvn_sc_feed(e[0].c, octets, len, &used, &p, 0);
        memory.fail_in = -1;
        closes = cvn_sc_closing(e[0].c);
        if (used == len)
            break;
    }
    ck_assert(closes);
    ck_assert_uint_eq(cvn_sc_out_octets(e[0].c), 0);
    finish(e);
}
END_TEST

/* What cannot be asked for, and why. */
START_TEST(a_transport_that_is_over_takes_nothing)
{
    struct end e[2];
    struct cvn_x225_prim p;
    connect_pair(e, &kinds[_i], CVN_FU_DUPLEX);
    cvn_x225_prim_init(&p, CVN_S_DATA, CVN_REQUEST);
    p.data = (struct cvn_octets){(const uint8_t *)"x", 1};
    ck_assert_ptr_null(cvn_sc_why(e[0].c, &p));
    ck_assert_int_eq(cvn_sc_allowed(e[0].c, CVN_S_DATA, CVN_REQUEST), CVN_OK);
    ck_assert_int_eq(cvn_sc_disconnect(e[0].c, 0), CVN_ESTATE);
    ck_assert_int_eq(cvn_sc_request(e[0].c, &p, 0), CVN_OK);
    ck_assert_uint_gt(cvn_sc_out_octets(e[0].c), 0);
    for (int twice = 0; twice < 2; twice++)
        cvn_sc_stream_closed(e[0].c, 0);
    ck_assert_str_eq(cvn_sc_why(e[0].c, &p), "the transport connection is over");
    ck_assert_int_eq(cvn_sc_allowed(e[0].c, CVN_S_DATA, CVN_REQUEST), CVN_ESTATE);
    ck_assert_int_eq(cvn_sc_request(e[0].c, &p, 0), CVN_ESTATE);
    ck_assert_int_eq(cvn_sc_disconnect(e[0].c, 0), CVN_ESTATE);
    look(&e[0], 0);
    ck_assert_uint_eq(e[0].nseen, 1);
    ck_assert_int_eq(e[0].seen[0].service, CVN_S_P_ABORT);
    finish(e);
}
END_TEST

START_TEST(memory_for_a_connection_may_not_be_there)
{
    struct cvn_sc_opts o = {.alloc = &counted, .initiator = true, .reference = 1};
    struct cvn_sc *c = NULL;
    int failures = 0;
    for (long n = 0;; n++) {
        memory.fail_in = n;
        int rc = cvn_sc_new(&c, &o);
        memory.fail_in = -1;
        if (rc == CVN_OK)
            break;
        failures++;
        ck_assert_int_eq(rc, CVN_ENOMEM);
        ck_assert_ptr_null(c);
        ck_assert_uint_eq(memory.octets, 0);
    }
    ck_assert_int_ge(failures, 3);
    cvn_sc_free(c);
    cvn_sc_free(NULL);
    o.transport_classes = 4;
    ck_assert_int_eq(cvn_sc_new(&c, &o), CVN_EINVAL);
    o.transport_classes = 0;
    o.alloc = NULL;
    ck_assert_int_eq(cvn_sc_new(&c, &o), CVN_OK);
    ck_assert_ptr_null(cvn_sc_transport_why(c));
    cvn_sc_free(c);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("transport");
    TCase *t = tcase_create("expedited");
    tcase_add_checked_fixture(t, memory_setup, memory_teardown);
    tcase_add_loop_test(t, expedited_data_comes_before_the_end_of_what_is_being_sent, 0, KINDS);
    tcase_add_loop_test(t, expedited_data_keeps_its_order, 0, KINDS);
    tcase_add_loop_test(t, expedited_data_that_overtakes_the_ac_comes_after_it, 0, KINDS);
    tcase_add_loop_test(t, a_prepared_resynchronization_ends_what_is_being_sent, 0, 2 * KINDS);
    tcase_add_loop_test(t, a_peer_without_expedited_data_gets_none, 0, KINDS);
    tcase_add_test(t, the_cr_asks_for_expedited_data_only_if_the_s_connect_does);
    tcase_add_loop_test(t, an_abort_does_not_wait_for_data, 0, KINDS);
    tcase_set_timeout(t, 60);
    suite_add_tcase(s, t);
    t = tcase_create("the end");
    tcase_add_checked_fixture(t, memory_setup, memory_teardown);
    tcase_add_loop_test(t, what_was_agreed_can_be_asked_for, 0, KINDS);
    tcase_add_loop_test(t, a_released_session_releases_its_transport, 0, KINDS);
    tcase_add_test(t, a_peer_that_does_not_say_dc_is_not_waited_for);
    tcase_add_loop_test(t, memory_that_fails_at_any_place_is_given_back, 0, KINDS);
    tcase_add_test(t, a_release_without_memory_just_closes);
    tcase_add_loop_test(t, a_transport_that_is_over_takes_nothing, 0, KINDS);
    tcase_add_test(t, memory_for_a_connection_may_not_be_there);
    tcase_set_timeout(t, 60);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
