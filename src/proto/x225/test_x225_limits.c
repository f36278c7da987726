/* SPDX-License-Identifier: MIT */
/*
 * Two machines at their limits: extended concatenation sent, an SSDU that is not finished, user
 * data of version 1 and of connect data overflow, SSDUs of more than 4 GiB, and the timer TIM.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "proto/x225/test_pair.h"

#define NS    1000000000u
#define MIB   (1u << 20)
#define POINT CVN_FU_MINOR_SYNC
#define HUGE  (((size_t)4 << 30) + 123456789)

/* As ck_assert, but costs nothing while it holds: Check notes every call in a file. */
#define MUST(x)                                                                                    \
    do {                                                                                           \
        if (!(x))                                                                                  \
            ck_abort_msg("%s", #x);                                                                \
    } while (0)

static struct pair p;
static uint8_t *big;

static void begin(const struct cvn_x225_opts *a, const struct cvn_x225_opts *b)
{
    pair_init(&p, a, b);
    big = malloc(2 * MIB);
    ck_assert_ptr_nonnull(big);
    for (size_t i = 0; i < 2 * MIB; i++)
        big[i] = (uint8_t)(i * 31 + i / 251);
}

static void setup(void)
{
    begin(NULL, NULL);
}

static void teardown(void)
{
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

static size_t octets_of(const char *text, uint8_t *octets, size_t max)
{
    size_t n = 0;
    for (const char *at = text; *at != '\0'; at += at[2] == ' ' ? 3 : 2) {
        ck_assert_uint_lt(n, max);
        octets[n++] = (uint8_t)strtoul((char[]){at[0], at[1], '\0'}, NULL, 16);
    }
    return n;
}

static void inject(unsigned side, const char *text)
{
    uint8_t octets[64];
    pair_inject(&p, side, octets, octets_of(text, octets, sizeof octets));
    pair_run(&p);
}

/* What the side wants of the transport now is kept for the peer; the next of it is this. */
static void goes_out(unsigned side, enum cvn_x225_out_kind kind, const char *text, bool end)
{
    struct cvn_x225_out o;
    uint8_t want[64];
    uint8_t got[64];
    size_t n = octets_of(text, want, sizeof want);
    ck_assert_int_eq(cvn_x225_out(p.side[side].x, &o), CVN_EVENT);
    ck_assert_int_eq(o.kind, kind);
    ck_assert_uint_le(o.header.n + o.data.n, sizeof got);
    if (o.header.n > 0)
        memcpy(got, o.header.p, o.header.n);
    if (o.data.n > 0)
        memcpy(got + o.header.n, o.data.p, o.data.n);
    ck_assert_uint_eq(o.header.n + o.data.n, n);
    ck_assert_mem_eq(got, want, n);
    ck_assert(o.end == end);
    cvn_x225_out_done(p.side[side].x);
    if (kind == CVN_X225_T_DATA && end)
        pair_inject(&p, !side, want, n);
}

static void nothing_goes_out(unsigned side)
{
    struct cvn_x225_out o;
    ck_assert_int_eq(cvn_x225_out(p.side[side].x, &o), CVN_NONE);
}

/* --- extended concatenation --- */

static void ask(unsigned side, struct cvn_x225_prim *q, bool more)
{
    q->more = more;
    ck_assert_int_eq(pair_ask(&p, side, q), CVN_OK);
}

static void start(unsigned side, const char *id, bool more)
{
    struct cvn_x225_prim q = pair_request(CVN_S_ACTIVITY_START);
    q.activity = pair_octets(id);
    ask(side, &q, more);
}

static void minor(unsigned side, bool more)
{
    struct cvn_x225_prim q = pair_request(CVN_S_SYNC_MINOR);
    ask(side, &q, more);
}

static void confirm(unsigned side, uint32_t serial, bool more)
{
    struct cvn_x225_prim q = pair_response(CVN_S_SYNC_MINOR);
    q.serial = serial;
    ask(side, &q, more);
}

static void data(unsigned side, const char *text, bool first, bool last, bool more)
{
    struct cvn_x225_prim q = pair_request(CVN_S_DATA);
    q.data = pair_octets(text);
    q.begin = first;
    q.end = last;
    ask(side, &q, more);
}

static void open_extended(uint16_t units, bool a, bool b)
{
    struct cvn_x225_opts oa = {.extended = a};
    struct cvn_x225_opts ob = {.extended = b};
    again(&oa, &ob);
    pair_open(&p, units);
}

#define ACTIVITIES (CVN_FU_HALF_DUPLEX | POINT | CVN_FU_ACTIVITY | CVN_FU_MAJOR_SYNC)

START_TEST(start_point_and_data_go_in_one_tsdu)
{
    open_extended(ACTIVITIES, false, true);
    start(0, "a", true);
    nothing_goes_out(0);
    minor(0, true);
    nothing_goes_out(0);
    data(0, "hi", true, true, true); /* DT ends its TSDU, whatever is to follow */
    goes_out(0, CVN_X225_T_DATA, "01 00 2d 03 29 01 61 31 03 2a 01 31 01 00 68 69", true);
    nothing_goes_out(0);
    pair_run(&p);
    ck_assert_mem_eq(pair_take(&p, 1, CVN_S_ACTIVITY_START, CVN_INDICATION)->activity.p, "a", 1);
    ck_assert_uint_eq(pair_take(&p, 1, CVN_S_SYNC_MINOR, CVN_INDICATION)->serial, 1);
    ck_assert_mem_eq(pair_take(&p, 1, CVN_S_DATA, CVN_INDICATION)->data.p, "hi", 2);
    pair_quiet(&p);
}
END_TEST

START_TEST(data_behind_a_point_may_come_in_slices)
{
    open_extended(CVN_FU_HALF_DUPLEX | POINT, false, true);
    minor(0, true);
    data(0, "", true, false, true); /* nothing of it yet */
    nothing_goes_out(0);
    data(0, "ab", false, false, false);
    goes_out(0, CVN_X225_T_DATA, "01 00 31 03 2a 01 31 01 00 61 62", false);
    data(0, "cd", false, true, false);
    goes_out(0, CVN_X225_T_DATA, "63 64", true);
    nothing_goes_out(0);
}
END_TEST

START_TEST(confirms_go_in_one_tsdu_as_far_as_there_is_room)
{
    struct cvn_x225_prim r = pair_request(CVN_S_CONNECT);
    struct cvn_x225_prim a = pair_response(CVN_S_CONNECT);
    struct cvn_x225_opts oa = {.extended = true};
    again(&oa, NULL);
    r.units = a.units = CVN_FU_HALF_DUPLEX | POINT;
    r.serial = a.serial = 123456;
    pair_open_with(&p, &r, &a);
    for (int i = 0; i < 3; i++) {
        minor(0, false);
        pair_run(&p);
        (void)pair_take(&p, 1, CVN_S_SYNC_MINOR, CVN_INDICATION);
    }
    confirm(1, 123456, true);
    confirm(1, 123457, true);
    confirm(1, 123458, true);
    goes_out(1, CVN_X225_T_DATA,
             "02 00 32 08 2a 06 31 32 33 34 35 36 32 08 2a 06 31 32 33 34 35 37", true);
    nothing_goes_out(1); /* the third waits for a next one */
    struct cvn_x225_prim please = pair_request(CVN_S_TOKEN_PLEASE);
    please.tokens = CVN_TOKEN_DATA;
    ask(1, &please, false);
    goes_out(1, CVN_X225_T_DATA, "02 00 32 08 2a 06 31 32 33 34 35 38", true);
    goes_out(1, CVN_X225_T_DATA, "02 03 10 01 01", true);
    pair_run(&p);
    for (uint32_t i = 0; i < 3; i++)
        ck_assert_uint_eq(pair_take(&p, 0, CVN_S_SYNC_MINOR, CVN_CONFIRM)->serial, 123456 + i);
    (void)pair_take(&p, 0, CVN_S_TOKEN_PLEASE, CVN_INDICATION);
    pair_quiet(&p);
}
END_TEST

/* A GT is before requests, a PT before answers: they are not mixed. */
START_TEST(requests_and_answers_are_not_concatenated)
{
    open_extended(CVN_FU_DUPLEX | CVN_FU_SYMMETRIC_SYNC, true, true);
    minor(0, false);
    pair_run(&p);
    (void)pair_take(&p, 1, CVN_S_SYNC_MINOR, CVN_INDICATION);
    minor(1, true);
    confirm(1, 1, true);
    goes_out(1, CVN_X225_T_DATA, "01 00 31 03 2a 01 31", true);
    minor(1, false);
    goes_out(1, CVN_X225_T_DATA, "02 00 32 03 2a 01 31", true);
    goes_out(1, CVN_X225_T_DATA, "01 00 31 03 2a 01 32", true);
    nothing_goes_out(1);
}
END_TEST

START_TEST(what_waits_goes_before_anything_that_follows)
{
    struct cvn_x225_prim q = pair_request(_i == 0 ? CVN_S_U_ABORT : CVN_S_TYPED_DATA);
    open_extended(CVN_FU_HALF_DUPLEX | POINT | CVN_FU_TYPED_DATA, false, true);
    minor(0, true);
    q.data = some(1);
    ask(0, &q, false);
    goes_out(0, CVN_X225_T_DATA, "01 00 31 03 2a 01 31", true);
    goes_out(0, CVN_X225_T_DATA, _i == 0 ? "19 06 11 01 03 c1 01 00" : "21 00 00", true);
    nothing_goes_out(0);
}
END_TEST

START_TEST(expedited_data_does_not_join)
{
    struct cvn_x225_prim q = pair_request(CVN_S_EXPEDITED_DATA);
    struct cvn_x225_opts b = {.extended = true};
    again(NULL, &b);
    p.expedited = true;
    pair_open(&p, CVN_FU_HALF_DUPLEX | POINT | CVN_FU_EXPEDITED);
    minor(0, true);
    q.data = some(1);
    ask(0, &q, false);
    goes_out(0, CVN_X225_T_DATA, "01 00 31 03 2a 01 31", true);
    goes_out(0, CVN_X225_T_EXPEDITED, "05 00 00", true);
}
END_TEST

/* The peer has not said that it takes it; it has, but not this end; a TSDU maximum is agreed. */
START_TEST(nothing_waits_where_it_may_not)
{
    struct cvn_x225_opts a = {.extended = true};
    struct cvn_x225_opts b = {.extended = _i == 1, .tsdu_max_receive = _i == 1 ? 100 : 0};
    again(&a, &b);
    pair_open(&p, CVN_FU_HALF_DUPLEX | POINT);
    minor(0, true);
    goes_out(0, CVN_X225_T_DATA, "01 00 31 03 2a 01 31", true);
    data(0, "x", true, true, true);
    goes_out(0, CVN_X225_T_DATA, _i == 1 ? "01 00 01 03 19 01 03 78" : "01 00 01 00 78", true);
}
END_TEST

START_TEST(only_points_and_starts_wait)
{
    struct cvn_x225_prim major = pair_request(CVN_S_SYNC_MAJOR);
    struct cvn_x225_prim point = pair_request(CVN_S_SYNC_MINOR);
    struct cvn_x225_prim please = pair_request(CVN_S_TOKEN_PLEASE);
    open_extended(ACTIVITIES, false, true);
    please.tokens = CVN_TOKEN_DATA;
    ask(0, &please, true); /* an SPDU of category 0 */
    goes_out(0, CVN_X225_T_DATA, "02 03 10 01 01", true);
    start(0, "abcdef", false);
    goes_out(0, CVN_X225_T_DATA, "01 00 2d 08 29 06 61 62 63 64 65 66", true);
    point.data = some(3);
    ask(0, &point, true); /* user data: it goes at once */
    goes_out(0, CVN_X225_T_DATA, "01 00 31 08 2a 01 31 c1 03 00 1f 3e", true);
    minor(0, true);
    ask(0, &major, true); /* it wants an answer: nothing can follow */
    goes_out(0, CVN_X225_T_DATA, "01 00 31 03 2a 01 32 29 06 0f 01 01 2a 01 33", true);
    nothing_goes_out(0);
    pair_run(&p);
    (void)pair_take(&p, 1, CVN_S_TOKEN_PLEASE, CVN_INDICATION);
    (void)pair_take(&p, 1, CVN_S_ACTIVITY_START, CVN_INDICATION);
    same(pair_take(&p, 1, CVN_S_SYNC_MINOR, CVN_INDICATION), 3);
    (void)pair_take(&p, 1, CVN_S_SYNC_MINOR, CVN_INDICATION);
    (void)pair_take(&p, 1, CVN_S_SYNC_MAJOR, CVN_INDICATION);
    pair_quiet(&p);
}
END_TEST

START_TEST(a_resumption_waits_and_a_major_confirm_follows)
{
    struct cvn_x225_prim q = pair_request(CVN_S_ACTIVITY_RESUME);
    open_extended(ACTIVITIES, true, true);
    q.activity = q.old_activity = pair_octets("r");
    q.serial = 1;
    ask(0, &q, true);
    minor(0, false);
    goes_out(0, CVN_X225_T_DATA, "01 00 1d 0b 21 06 29 01 72 2a 01 31 29 01 72 31 03 2a 01 32",
             true);
    q = pair_request(CVN_S_SYNC_MAJOR);
    pair_do(&p, 0, &q);
    for (int i = 0; i < 3; i++)
        (void)pair_take(&p, 1,
                        i == 0   ? CVN_S_ACTIVITY_RESUME
                        : i == 1 ? CVN_S_SYNC_MINOR
                                 : CVN_S_SYNC_MAJOR,
                        CVN_INDICATION);
    confirm(1, 2, true);
    q = pair_response(CVN_S_SYNC_MAJOR);
    ask(1, &q, true);
    goes_out(1, CVN_X225_T_DATA, "02 00 32 03 2a 01 32 2a 03 2a 01 33", true);
}
END_TEST

/* What waits is lost with its transport connection, and the next one knows nothing of it. */
START_TEST(what_waits_is_lost_with_the_transport)
{
    open_extended(CVN_FU_HALF_DUPLEX | POINT, false, true);
    minor(0, true);
    pair_cut(&p);
    (void)pair_take(&p, 0, CVN_S_P_ABORT, CVN_INDICATION);
    (void)pair_take(&p, 1, CVN_S_P_ABORT, CVN_INDICATION);
    nothing_goes_out(0);
    pair_open(&p, CVN_FU_DUPLEX);
    nothing_goes_out(0);
}
END_TEST

/* --- an SSDU that is not finished --- */

static void half(unsigned side, enum cvn_x225_service s)
{
    struct cvn_x225_prim q = pair_request(s);
    q.data = some(1000);
    q.end = false;
    pair_do(&p, side, &q);
}

/* Nobody is told that the half is a whole. */
START_TEST(an_abort_does_not_make_a_half_ssdu_whole)
{
    struct cvn_x225_prim q = pair_request(CVN_S_U_ABORT);
    struct cvn_x225_opts b = {.tsdu_max_receive = _i == 1 ? 100 : 0};
    again(NULL, &b);
    p.expedited = _i >= 2;
    pair_open(&p, CVN_FU_DUPLEX);
    half(0, CVN_S_DATA);
    q.data = some(_i == 3 ? 100 : 5);
    pair_do(&p, 0, &q);
    if (_i == 0) { /* one TSDU, on which nothing can follow */
        ck_assert_uint_eq(pair_take(&p, 1, CVN_S_P_ABORT, CVN_INDICATION)->reason,
                          CVN_ABORT_TRANSPORT);
    } else { /* in segments; on the expedited flow; PREPARE there, and AB behind */
        same(pair_take(&p, 1, CVN_S_U_ABORT, CVN_INDICATION), q.data.n);
    }
    pair_quiet(&p);
    pair_states(&p, CVN_STA01, CVN_STA01);
}
END_TEST

START_TEST(an_error_does_not_make_a_half_ssdu_whole)
{
    struct cvn_x225_opts a = {.error_report = _i == 1};
    struct cvn_x225_opts b = {.tsdu_max_receive = _i == 2 ? 100 : 0};
    again(&a, &b);
    pair_open(&p, CVN_FU_HALF_DUPLEX | CVN_FU_EXCEPTIONS | CVN_FU_TYPED_DATA);
    if (_i == 1) { /* the data token is with the peer: ER were allowed */
        struct cvn_x225_prim give = pair_request(CVN_S_TOKEN_GIVE);
        give.tokens = CVN_TOKEN_DATA;
        pair_do(&p, 0, &give);
        (void)pair_take(&p, 1, CVN_S_TOKEN_GIVE, CVN_INDICATION);
    }
    half(0, CVN_S_TYPED_DATA);
    inject(0, "3f 00");
    ck_assert_uint_eq(pair_take(&p, 0, CVN_S_P_ABORT, CVN_INDICATION)->reason, CVN_ABORT_PROTOCOL);
    ck_assert_uint_eq(pair_take(&p, 1, CVN_S_P_ABORT, CVN_INDICATION)->reason,
                      _i == 2 ? CVN_ABORT_PROTOCOL : CVN_ABORT_TRANSPORT);
    pair_quiet(&p);
    pair_states(&p, CVN_STA01, CVN_STA01);
}
END_TEST

START_TEST(an_abort_waits_for_room)
{
    struct cvn_x225_prim q = pair_request(CVN_S_DATA);
    struct cvn_x225_prim abort = pair_request(CVN_S_U_ABORT);
    int rc;
    pair_open(&p, CVN_FU_DUPLEX);
    q.data = some(10);
    q.end = false;
    do { /* the ring fills */
        rc = pair_ask(&p, 0, &q);
        q.begin = false;
    } while (rc == CVN_OK);
    ck_assert_int_eq(rc, CVN_FULL);
    ck_assert_int_eq(pair_ask(&p, 0, &abort), CVN_FULL);
    pair_states(&p, CVN_STA713, CVN_STA713);
    pair_run(&p);
    pair_do(&p, 0, &abort);
    (void)pair_take(&p, 1, CVN_S_P_ABORT, CVN_INDICATION);
}
END_TEST

/* --- version 1 --- */

static void open_version_1(uint16_t units)
{
    struct cvn_x225_opts b = {.versions = 1};
    again(NULL, &b);
    pair_open(&p, units);
    ck_assert_uint_eq(pair_vars(&p, 0).version, 1);
}

START_TEST(version_1_sends_512_octets_and_9_of_an_abort)
{
    struct cvn_x225_prim q = pair_request(CVN_S_SYNC_MINOR);
    open_version_1(CVN_FU_HALF_DUPLEX | POINT);
    q.data = some(513);
    ck_assert_int_eq(pair_ask(&p, 0, &q), CVN_ETOOBIG);
    q.data = some(512);
    pair_do(&p, 0, &q);
    same(pair_take(&p, 1, CVN_S_SYNC_MINOR, CVN_INDICATION), 512);
    q = pair_request(CVN_S_TOKEN_GIVE);
    q.tokens = CVN_TOKEN_DATA;
    q.data = some(1);
    ck_assert_int_eq(pair_ask(&p, 0, &q), CVN_ETOOBIG);
    q = pair_request(CVN_S_U_ABORT);
    q.data = some(10);
    ck_assert_int_eq(pair_ask(&p, 0, &q), CVN_ETOOBIG);
    q.data = some(9);
    pair_do(&p, 0, &q);
    same(pair_take(&p, 1, CVN_S_U_ABORT, CVN_INDICATION), 9);
    pair_quiet(&p);
}
END_TEST

/* Beyond what version 1 may send: the SPDU is sound, and its length bounds what it costs. */
START_TEST(version_1_takes_more_than_it_may_be_sent)
{
    uint8_t octets[700] = {0x01, 0x00, 0x31, 0xff, 0x02, 0x5f, 0x2a,
                           0x01, 0x31, 0xc1, 0xff, 0x02, 0x58};
    open_version_1(CVN_FU_HALF_DUPLEX | POINT);
    memcpy(octets + 13, big, 600);
    pair_inject(&p, 1, octets, 613);
    pair_run(&p);
    same(pair_take(&p, 1, CVN_S_SYNC_MINOR, CVN_INDICATION), 600);
    inject(1, "01 06 10 01 01 c1 01 00"); /* GT has none in version 1 */
    same(pair_take(&p, 1, CVN_S_TOKEN_GIVE, CVN_INDICATION), 1);
    inject(1, "19 0f 11 01 03 c1 0a 00 1f 3e 5d 7c 9b ba d9 f8 17");
    same(pair_take(&p, 1, CVN_S_U_ABORT, CVN_INDICATION), 10);
}
END_TEST

START_TEST(version_1_takes_no_segments_of_other_spdus)
{
    open_version_1(CVN_FU_HALF_DUPLEX | POINT);
    inject(1, "01 00 31 09 19 01 01 2a 01 31 c1 01 00");
    ck_assert_uint_eq(pair_take(&p, 1, CVN_S_P_ABORT, CVN_INDICATION)->reason, CVN_ABORT_PROTOCOL);
}
END_TEST

/* --- connect user data --- */

/* _i: octets of S-CONNECT beside 1 MiB, the largest that is taken; the response carries as many. */
START_TEST(connect_user_data_has_one_limit_in_both_directions)
{
    static const size_t sizes[] = {512, 513, 10240, 10241, 65536, MIB - 1, MIB, MIB + 1};
    struct cvn_x225_prim r = pair_request(CVN_S_CONNECT);
    struct cvn_x225_prim a = pair_response(CVN_S_CONNECT);
    size_t n = sizes[_i];
    p.slicing = PAIR_RANDOM;
    r.units = a.units = CVN_FU_DUPLEX;
    r.data = some(n);
    pair_do(&p, 0, &r);
    if (n <= MIB) {
        same(pair_take(&p, 1, CVN_S_CONNECT, CVN_INDICATION), n);
        a.data = some(n);
        pair_do(&p, 1, &a);
        same(pair_take(&p, 0, CVN_S_CONNECT, CVN_CONFIRM), n);
        pair_states(&p, CVN_STA713, CVN_STA713);
    } else { /* A.4.1 in STA01D: T-DISCONNECT */
        ck_assert_uint_eq(pair_take(&p, 0, CVN_S_P_ABORT, CVN_INDICATION)->reason,
                          CVN_ABORT_TRANSPORT);
        pair_states(&p, CVN_STA01, CVN_STA01);
        r.data = some(10);
        pair_do(&p, 0, &r);
        same(pair_take(&p, 1, CVN_S_CONNECT, CVN_INDICATION), 10);
        a.data = some(n);
        pair_do(&p, 1, &a);
        ck_assert_uint_eq(pair_take(&p, 0, CVN_S_P_ABORT, CVN_INDICATION)->reason,
                          CVN_ABORT_PROTOCOL);
        (void)pair_take(&p, 1, CVN_S_P_ABORT, CVN_INDICATION);
    }
    pair_quiet(&p);
}
END_TEST

/* An answer that is not acceptance, too: RF in segments. */
START_TEST(a_refusal_carries_as_much)
{
    struct cvn_x225_prim r = pair_request(CVN_S_CONNECT);
    struct cvn_x225_prim a = pair_response(CVN_S_CONNECT);
    r.units = CVN_FU_DUPLEX;
    pair_do(&p, 0, &r);
    (void)pair_take(&p, 1, CVN_S_CONNECT, CVN_INDICATION);
    a.result = CVN_RF_USER_DATA;
    a.data = some(200000);
    pair_do(&p, 1, &a);
    same(pair_take(&p, 0, CVN_S_CONNECT, CVN_CONFIRM), 200000);
    pair_quiet(&p);
}
END_TEST

/* --- SSDUs of more than 4 GiB --- */

static struct {
    size_t live;
    size_t most;
} memory;

static void *counted(void *ctx, void *q, size_t from, size_t to)
{
    (void)ctx;
    memory.live = memory.live - from + to;
    memory.most = memory.live > memory.most ? memory.live : memory.most;
    if (to == 0) {
        free(q);
        return NULL;
    }
    void *moved = realloc(q, to);
    ck_assert_ptr_nonnull(moved);
    return moved;
}

static const struct cvn_alloc counter = {.resize = counted};

enum { IN_WHOLE, IN_SLICES, IN_RANDOM, IN_OCTETS, SLICINGS };

struct huge {
    uint64_t fed;  /* octets of user information that one end has been given, */
    uint64_t told; /* that its user has been told of, */
    unsigned begins;
    unsigned ends;
    int slicing;
    unsigned service;
};

static void told(struct huge *h, const struct cvn_x225_prim *ev)
{
    MUST(ev->service == h->service);
    h->begins += ev->begin;
    h->ends += ev->end;
    MUST(ev->begin == (h->told == 0));
    h->told += ev->data.n;
}

static void feed_one(struct huge *h, const uint8_t *in, size_t n, bool first, bool last)
{
    struct cvn_x225_prim ev;
    size_t done = 0;
    int rc = CVN_EVENT;
    while (rc == CVN_EVENT) {
        size_t used = 0;
        rc = cvn_x225_feed(p.side[1].x, in + done, n - done, first && done == 0, last, false, &used,
                           &ev, 0);
        done += used;
        if (rc == CVN_EVENT)
            told(h, &ev);
    }
    MUST(rc == CVN_MORE);
    MUST(done == n);
}

/* Octet by octet where 32 bits end, and at both ends; large slices between. */
static size_t next_slice(const struct huge *h, size_t left)
{
    const uint64_t edge = (uint64_t)4 << 30;
    size_t n = left;
    if (h->slicing == IN_SLICES)
        n = 65521;
    else if (h->slicing == IN_RANDOM)
        n = 1 + (size_t)pair_random(&p, 1 << 22);
    else if (h->slicing == IN_OCTETS && h->fed >= 5000 && h->fed < edge - 5000)
        n = (size_t)(edge - 5000 - h->fed);
    else if (h->slicing == IN_OCTETS && h->fed > edge + 5000 && h->fed < HUGE - 5000)
        n = (size_t)(HUGE - 5000 - h->fed);
    else if (h->slicing == IN_OCTETS)
        n = 1;
    return n < left ? n : left;
}

static void pass_on(struct huge *h)
{
    struct cvn_x225_out o;
    bool first = true;
    while (cvn_x225_out(p.side[0].x, &o) == CVN_EVENT) {
        first = first && o.header.n > 0;
        MUST(o.kind == CVN_X225_T_DATA);
        if (o.header.n > 0)
            feed_one(h, o.header.p, o.header.n, true, false);
        if (o.data.n == 0)
            feed_one(h, o.header.p, 0, false, o.end);
        for (size_t at = 0; at < o.data.n;) {
            size_t n = next_slice(h, o.data.n - at);
            feed_one(h, o.data.p + at, n, false, o.end && at + n == o.data.n);
            h->fed += n;
            at += n;
        }
        cvn_x225_out_done(p.side[0].x);
    }
}

/* _i: the slicing of what comes; one TSDU or segments; S-DATA or S-TYPED-DATA. */
START_TEST(an_ssdu_of_more_than_4_gib_is_not_assembled)
{
    const size_t size = HUGE;
    const struct cvn_x225_opts o = {.alloc = &counter};
    const struct cvn_x225_opts in_segments = {.alloc = &counter, .tsdu_max_receive = 65535};
    bool segments = _i / SLICINGS % 2 != 0;
    struct huge h = {.slicing = _i % SLICINGS,
                     .service = _i / SLICINGS < 2 ? CVN_S_DATA : CVN_S_TYPED_DATA};
    /* never written, and nobody looks at it: it takes no memory */
    uint8_t *none = mmap(NULL, size, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    ck_assert(none != MAP_FAILED);
    memory.live = memory.most = 0;
    again(&o, segments ? &in_segments : &o);
    pair_open(&p, CVN_FU_DUPLEX | CVN_FU_TYPED_DATA);
    size_t live = memory.most = memory.live;

    size_t given = 0;
    while (given < size) { /* the user's own slices: 1.5 GiB and the rest */
        struct cvn_x225_prim q = pair_request((enum cvn_x225_service)h.service);
        size_t n = size - given < (size_t)3 << 29 ? size - given : (size_t)3 << 29;
        q.data = (struct cvn_octets){none + given, n};
        q.begin = given == 0;
        given += n;
        q.end = given == size;
        ck_assert_int_eq(pair_ask(&p, 0, &q), CVN_OK);
        pass_on(&h);
    }
    ck_assert_uint_eq(h.fed, size);
    ck_assert_uint_eq(h.told, size);
    ck_assert_uint_eq(h.begins, 1);
    ck_assert_uint_eq(h.ends, 1);
    ck_assert_uint_eq(memory.most, live); /* not one octet for it */
    pair_states(&p, CVN_STA713, CVN_STA713);
    munmap(none, size);
}
END_TEST

/* --- TIM --- */

static void at(unsigned side, cvn_time now)
{
    p.now = now;
    cvn_x225_tick(p.side[side].x, now);
}

/* The timer of side runs for the rest of its 30 s and then ends the transport connection. */
static void runs_out(unsigned side, enum cvn_x225_state state)
{
    struct cvn_x225 *x = p.side[side].x;
    struct cvn_x225_out o;
    cvn_time begun = p.now;
    ck_assert_int_eq(cvn_x225_state(x), state);
    ck_assert_uint_eq(cvn_x225_deadline(x), begun + 30ull * NS);
    at(side, begun + 30ull * NS - 1);
    ck_assert_int_eq(cvn_x225_state(x), state);
    ck_assert_int_eq(cvn_x225_out(x, &o), CVN_NONE);
    at(side, begun + 30ull * NS);
    ck_assert_int_eq(cvn_x225_state(x), CVN_STA01);
    ck_assert_int_eq(cvn_x225_out(x, &o), CVN_EVENT);
    ck_assert_int_eq(o.kind, CVN_X225_T_DISCONNECT);
    cvn_x225_out_done(x);
    ck_assert_uint_eq(cvn_x225_deadline(x), CVN_NEVER);
    at(side, begun + 90ull * NS); /* once */
    ck_assert_int_eq(cvn_x225_out(x, &o), CVN_NONE);
}

/* Side asks; what goes out never arrives. */
static void ask_into_nothing(unsigned side, struct cvn_x225_prim *q)
{
    struct cvn_x225_out o;
    ck_assert_int_eq(pair_ask(&p, side, q), CVN_OK);
    while (cvn_x225_out(p.side[side].x, &o) == CVN_EVENT)
        cvn_x225_out_done(p.side[side].x);
}

static void inject_quietly(unsigned side, const char *text, bool expedited)
{
    struct cvn_x225_prim ev;
    struct cvn_x225_out o;
    uint8_t octets[64];
    size_t used;
    size_t n = octets_of(text, octets, sizeof octets);
    int rc = cvn_x225_feed(p.side[side].x, octets, n, true, true, expedited, &used, &ev, p.now);
    ck_assert(rc == CVN_MORE || rc == CVN_EVENT);
    while (cvn_x225_out(p.side[side].x, &o) == CVN_EVENT)
        cvn_x225_out_done(p.side[side].x);
}

START_TEST(tim_runs_after_an_abort)
{
    struct cvn_x225_opts o = {.reuse = _i == 1};
    struct cvn_x225_prim q = pair_request(CVN_S_U_ABORT);
    again(&o, &o);
    p.now = 7;
    pair_open(&p, CVN_FU_DUPLEX);
    ck_assert_uint_eq(cvn_x225_deadline(p.side[0].x), CVN_NEVER);
    ask_into_nothing(0, &q);
    runs_out(0, _i == 1 ? CVN_STA01A : CVN_STA16);
    pair_quiet(&p);
}
END_TEST

START_TEST(tim_runs_after_an_error)
{
    pair_open(&p, CVN_FU_DUPLEX);
    p.now = 11;
    inject_quietly(0, "3f 00", false);
    runs_out(0, CVN_STA16);
}
END_TEST

/* p02: AA is sent, and this side waits for the peer to disconnect. */
START_TEST(tim_runs_after_an_abort_that_was_confirmed)
{
    struct cvn_x225_opts o = {.reuse = true};
    again(&o, &o);
    pair_open(&p, CVN_FU_DUPLEX);
    inject_quietly(0, "19 03 11 01 03", false);
    runs_out(0, CVN_STA16);
}
END_TEST

/* PR-AB came, and no AB: the user is told. */
START_TEST(tim_runs_after_prepare_of_an_abort)
{
    struct cvn_x225_prim ev;
    p.expedited = true;
    pair_open(&p, CVN_FU_DUPLEX);
    inject_quietly(0, "07 03 18 01 04", true);
    runs_out(0, CVN_STA15D);
    ck_assert_int_eq(cvn_x225_next(p.side[0].x, &ev, p.now), CVN_EVENT);
    ck_assert_uint_eq(ev.service, CVN_S_P_ABORT);
    ck_assert_uint_eq(ev.reason, CVN_ABORT_PROTOCOL);
    ck_assert_int_eq(cvn_x225_next(p.side[0].x, &ev, p.now), CVN_NONE);
}
END_TEST

/* In STA15D the user may answer or abort: TIM begins anew. */
START_TEST(tim_begins_anew_with_the_users_abort_in_15d)
{
    struct cvn_x225_prim q = pair_request(CVN_S_U_ABORT);
    p.expedited = true;
    pair_open(&p, CVN_FU_DUPLEX);
    inject_quietly(0, "07 03 18 01 04", true);
    p.now = 5ull * NS;
    ask_into_nothing(0, &q);
    runs_out(0, CVN_STA16);
}
END_TEST

/* _i: the user refuses; the provider does; with S-RELEASE response. */
START_TEST(tim_runs_while_the_peer_is_to_disconnect)
{
    struct cvn_x225_prim q = pair_response(_i == 2 ? CVN_S_RELEASE : CVN_S_CONNECT);
    if (_i == 2) {
        pair_open(&p, CVN_FU_DUPLEX);
        inject_quietly(1, "09 00", false);
    } else {
        ck_assert_int_eq(cvn_x225_transport_up(p.side[1].x, true, false, 0), CVN_OK);
        struct cvn_x225_out o;
        ck_assert_int_eq(cvn_x225_out(p.side[1].x, &o), CVN_EVENT);
        cvn_x225_out_done(p.side[1].x);
        inject_quietly(1, _i == 1 ? "0d 04 14 02 04 00" : "0d 00", false);
    }
    q.result = _i == 2 ? CVN_RESULT_ACCEPT : CVN_RF_USER;
    if (_i != 1)
        ask_into_nothing(1, &q);
    runs_out(1, CVN_STA16);
}
END_TEST

/* What TIM waits for has come: it stops. */
START_TEST(tim_stops_with_the_answer)
{
    struct cvn_x225_opts o = {.reuse = _i == 1, .tim_ns = 5};
    struct cvn_x225_prim q = pair_request(CVN_S_U_ABORT);
    again(&o, &o);
    pair_open(&p, CVN_FU_DUPLEX);
    pair_do(&p, 0, &q);
    (void)pair_take(&p, 1, CVN_S_U_ABORT, CVN_INDICATION);
    pair_states(&p, _i == 1 ? CVN_STA01C : CVN_STA01, _i == 1 ? CVN_STA01C : CVN_STA01);
    ck_assert_uint_eq(cvn_x225_deadline(p.side[0].x), CVN_NEVER);
    ck_assert_uint_eq(cvn_x225_deadline(p.side[1].x), CVN_NEVER);
    at(0, 1000);
    pair_states(&p, _i == 1 ? CVN_STA01C : CVN_STA01, _i == 1 ? CVN_STA01C : CVN_STA01);
}
END_TEST

START_TEST(tim_ends_with_the_end_of_time)
{
    struct cvn_x225_opts o = {.tim_ns = 100};
    struct cvn_x225_prim q = pair_request(CVN_S_U_ABORT);
    again(&o, &o);
    pair_open(&p, CVN_FU_DUPLEX);
    p.now = CVN_NEVER - 50;
    ask_into_nothing(0, &q);
    ck_assert_uint_eq(cvn_x225_deadline(p.side[0].x), CVN_NEVER - 1);
    at(0, CVN_NEVER - 1);
    ck_assert_int_eq(cvn_x225_state(p.side[0].x), CVN_STA01);
}
END_TEST

/* It runs out while what is to be sent has not been taken: that goes with its connection. */
START_TEST(tim_runs_out_though_nothing_is_taken)
{
    struct cvn_x225_prim d = pair_request(CVN_S_DATA);
    struct cvn_x225_prim q = pair_request(CVN_S_U_ABORT);
    struct cvn_x225_out o;
    unsigned before = 0;
    pair_open(&p, CVN_FU_DUPLEX);
    d.data = some(3);
    for (int i = 0; i < 4; i++)
        ck_assert_int_eq(pair_ask(&p, 0, &d), CVN_OK);
    ck_assert_int_eq(pair_ask(&p, 0, &q), CVN_OK);
    at(0, 31ull * NS);
    while (cvn_x225_out(p.side[0].x, &o) == CVN_EVENT && o.kind != CVN_X225_T_DISCONNECT) {
        before++;
        cvn_x225_out_done(p.side[0].x);
    }
    ck_assert_uint_eq(before, 0); /* there was no room for it */
    ck_assert_int_eq(o.kind, CVN_X225_T_DISCONNECT);
    ck_assert_int_eq(cvn_x225_state(p.side[0].x), CVN_STA01);
}
END_TEST

static void add_flow_tests(TCase *t)
{
    tcase_add_test(t, start_point_and_data_go_in_one_tsdu);
    tcase_add_test(t, data_behind_a_point_may_come_in_slices);
    tcase_add_test(t, confirms_go_in_one_tsdu_as_far_as_there_is_room);
    tcase_add_test(t, requests_and_answers_are_not_concatenated);
    tcase_add_loop_test(t, what_waits_goes_before_anything_that_follows, 0, 2);
    tcase_add_test(t, expedited_data_does_not_join);
    tcase_add_loop_test(t, nothing_waits_where_it_may_not, 0, 2);
    tcase_add_test(t, only_points_and_starts_wait);
    tcase_add_test(t, a_resumption_waits_and_a_major_confirm_follows);
    tcase_add_test(t, what_waits_is_lost_with_the_transport);
    tcase_add_loop_test(t, an_abort_does_not_make_a_half_ssdu_whole, 0, 4);
    tcase_add_loop_test(t, an_error_does_not_make_a_half_ssdu_whole, 0, 3);
    tcase_add_test(t, an_abort_waits_for_room);
}

static void add_size_tests(TCase *t)
{
    tcase_add_test(t, version_1_sends_512_octets_and_9_of_an_abort);
    tcase_add_test(t, version_1_takes_more_than_it_may_be_sent);
    tcase_add_test(t, version_1_takes_no_segments_of_other_spdus);
    tcase_add_loop_test(t, connect_user_data_has_one_limit_in_both_directions, 0, 8);
    tcase_add_test(t, a_refusal_carries_as_much);
    tcase_add_loop_test(t, an_ssdu_of_more_than_4_gib_is_not_assembled, 0, 4 * SLICINGS);
}

static void add_timer_tests(TCase *t)
{
    tcase_add_loop_test(t, tim_runs_after_an_abort, 0, 2);
    tcase_add_test(t, tim_runs_after_an_error);
    tcase_add_test(t, tim_runs_after_an_abort_that_was_confirmed);
    tcase_add_test(t, tim_runs_after_prepare_of_an_abort);
    tcase_add_test(t, tim_begins_anew_with_the_users_abort_in_15d);
    tcase_add_loop_test(t, tim_runs_while_the_peer_is_to_disconnect, 0, 3);
    tcase_add_loop_test(t, tim_stops_with_the_answer, 0, 2);
    tcase_add_test(t, tim_ends_with_the_end_of_time);
    tcase_add_test(t, tim_runs_out_though_nothing_is_taken);
}

int main(void)
{
    Suite *s = suite_create("x225 limits");
    TCase *t = tcase_create("all");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_set_timeout(t, 100);
    add_flow_tests(t);
    add_size_tests(t);
    add_timer_tests(t);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_ENV);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed == 0 ? 0 : 1;
}
