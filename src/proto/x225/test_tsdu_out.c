/* SPDX-License-Identifier: MIT */
/* Sending: concatenation and segments; what is sent is taken in again. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "proto/x225/test_lines.h"
#include "proto/x225/tsdu.h"

/* 1: a GT goes before it, 2: a PT, 0: neither. */
static unsigned table_7(enum cvn_spdu_type type)
{
    static const char *const after_gt[] = {"DT", "MIP", "MAP", "AE", "RS",
                                           "AS", "AR",  "AI",  "AD", "CD"};
    static const char *const after_pt[] = {"MIA", "MAA", "RA", "AIA", "ADA", "CDA", "ED", "ER"};
    const char *name = cvn_spdu_name(type);
    for (size_t i = 0; i < sizeof after_gt / sizeof after_gt[0]; i++)
        if (strcmp(name, after_gt[i]) == 0)
            return 1;
    for (size_t i = 0; i < sizeof after_pt / sizeof after_pt[0]; i++)
        if (strcmp(name, after_pt[i]) == 0)
            return 2;
    return 0;
}

/* s, whose octets alone are alone, in this much room. */
static void expect_concatenated(const struct cvn_spdu *s, struct octets alone, uint8_t tokens,
                                size_t room)
{
    unsigned first = table_7(s->type);
    const uint8_t zero[] = {(uint8_t)first, tokens == 0 ? 0 : 3, 16, 1, tokens};
    size_t before = first == 0 ? 0 : tokens == 0 ? 2 : 5;
    bool allowed = tokens == 0 || (first == 1 && (tokens & ~0x55u) == 0);
    uint8_t *exact = malloc(room + 1);
    struct cvn_wr w = cvn_wr_init(exact, room);
    MUST(exact != NULL);
    int rc = cvn_tsdu_encode(s, tokens, &w);
    if (!allowed || room < before + alone.n) {
        MUST(rc == (allowed ? CVN_ETOOBIG : CVN_EINVAL));
        MUST(w.len == 0);
        MUST(!w.bad);
    } else {
        MUST(rc == CVN_OK);
        MUST(w.len == before + alone.n);
        ck_assert_mem_eq(exact, zero, before);
        ck_assert_mem_eq(exact + before, alone.p, alone.n);
        w.bad = true;
        MUST(cvn_tsdu_encode(s, tokens, &w) == CVN_ETOOBIG);
    }
    free(exact);
}

START_TEST(puts_before_an_spdu_what_table_7_says)
{
    struct units us = mandatory_only((enum cvn_spdu_type)_i);
    struct octets alone;
    struct cvn_spdu s = decoded(&us, &alone);
    for (unsigned tokens = 0; tokens < 256; tokens++)
        for (size_t room = 0; room <= alone.n + 5; room++)
            expect_concatenated(&s, alone, (uint8_t)tokens, room);
    free(alone.p);
}
END_TEST

START_TEST(sends_nothing_of_an_spdu_it_may_not_send)
{
    uint8_t buf[100];
    struct cvn_wr w = cvn_wr_init(buf, sizeof buf);
    struct cvn_spdu s;
    cvn_spdu_init(&s, CVN_SPDU_MIP);
    ck_assert_int_eq(cvn_tsdu_encode(&s, 0, &w), CVN_EINVAL);
    ck_assert_uint_eq(w.len, 0);
}
END_TEST

/* A request with its parameters, of every SPDU that has user data or information. */
static bool sample(struct cvn_spdu *s, enum cvn_spdu_type type)
{
    static const struct {
        enum cvn_spdu_type type;
        uint32_t has;
    } must[] = {
        {CVN_SPDU_AC, 0},
        {CVN_SPDU_RF, CVN_HAS_REASON},
        {CVN_SPDU_FN, CVN_HAS_DISCONNECT},
        {CVN_SPDU_DN, 0},
        {CVN_SPDU_NF, 0},
        {CVN_SPDU_AB, CVN_HAS_DISCONNECT},
        {CVN_SPDU_DT, 0},
        {CVN_SPDU_TD, 0},
        {CVN_SPDU_CD, 0},
        {CVN_SPDU_CDA, 0},
        {CVN_SPDU_GT, CVN_HAS_TOKEN_ITEM},
        {CVN_SPDU_PT, CVN_HAS_TOKEN_ITEM},
        {CVN_SPDU_GTC, 0},
        {CVN_SPDU_MIP, CVN_HAS_SERIAL},
        {CVN_SPDU_MIA, CVN_HAS_SERIAL},
        {CVN_SPDU_MAP, CVN_HAS_SERIAL | CVN_HAS_SYNC_TYPE},
        {CVN_SPDU_AE, CVN_HAS_SERIAL | CVN_HAS_SERIAL2},
        {CVN_SPDU_MAA, CVN_HAS_SERIAL},
        {CVN_SPDU_RS, CVN_HAS_SERIAL | CVN_HAS_RESYNC},
        {CVN_SPDU_RA, CVN_HAS_SERIAL | CVN_HAS_TOKEN_SETTING},
        {CVN_SPDU_ED, CVN_HAS_REASON},
        {CVN_SPDU_AS, CVN_HAS_ACTIVITY},
        {CVN_SPDU_AR, CVN_HAS_ACTIVITY | CVN_HAS_OLD_ACTIVITY | CVN_HAS_SERIAL | CVN_HAS_LINKING},
        {CVN_SPDU_AI, CVN_HAS_REASON},
        {CVN_SPDU_AIA, 0},
        {CVN_SPDU_AD, CVN_HAS_REASON},
        {CVN_SPDU_ADA, 0},
    };
    for (size_t i = 0; i < sizeof must / sizeof must[0]; i++) {
        if (must[i].type != type)
            continue;
        cvn_spdu_init(s, type);
        s->has = must[i].has;
        s->serial = 123456;
        s->serial2 = 7;
        s->token_item = 0x11;
        s->reason = type == CVN_SPDU_RF ? 2 : 1;
        s->disconnect = 1;
        s->activity = (struct cvn_octets){(const uint8_t *)"act", 3};
        s->old_activity = (struct cvn_octets){(const uint8_t *)"oldact", 6};
        return true;
    }
    return false;
}

struct taker {
    struct cvn_tsdu_in t;
    const uint8_t *sent; /* all of the SSDU */
    size_t n;
    size_t got;
    unsigned events;
};

/* A slice of DT or TD, or the whole SSDU. */
static void take_event(struct taker *k, const struct cvn_spdu *s, const struct cvn_tsdu_event *ev,
                       bool last)
{
    bool information = cvn_spdu_has_information(s->type);
    struct cvn_octets o = information ? ev->info : ev->spdu.user_data;
    uint32_t has = s->has | (k->n > 0 ? (uint32_t)CVN_HAS_USER_DATA : 0);
    k->events++;
    MUST(ev->spdu.type == s->type);
    MUST(k->got + o.n <= k->n);
    if (o.n > 0)
        ck_assert_mem_eq(k->sent + k->got, o.p, o.n);
    k->got += o.n;
    if (information) {
        MUST(ev->begin == (k->events == 1));
        MUST(ev->end == last);
        return;
    }
    MUST(last);
    MUST(ev->spdu.has == has);
    MUST(ev->spdu.serial == ((has & CVN_HAS_SERIAL) != 0 ? s->serial : 0));
}

static void take_tsdu(struct taker *k, const struct cvn_spdu *s, const uint8_t *tsdu, size_t n,
                      bool last)
{
    struct cvn_tsdu_event ev;
    struct cvn_spdu_fault fault;
    size_t from = 0;
    for (;;) {
        size_t used;
        int rc = cvn_tsdu_in_feed(&k->t, tsdu + from, n - from, from == 0, true, false, &used, &ev,
                                  &fault);
        from += used;
        if (rc == CVN_MORE)
            break;
        MUST(rc == CVN_EVENT);
        take_event(k, s, &ev, last);
    }
}

/* Sends an SSDU in segments of TSDUs of at most limit octets, takes it in again. */
static void send_and_take(const struct cvn_spdu *s, size_t n, size_t limit)
{
    static uint8_t data[70000];
    static uint8_t tsdu[71000];
    struct taker k = {.sent = data, .n = n};
    bool information = cvn_spdu_has_information(s->type);
    size_t most = information || limit < CVN_SPDU_MAX ? limit : CVN_SPDU_MAX;
    size_t done = 0;
    bool last = false;
    for (size_t i = 0; i < n; i++)
        data[i] = (uint8_t)(i * 7 + i / 256);
    cvn_tsdu_in_init(&k.t, cvn_alloc_std(), sizeof data);
    k.t.version2 = true;
    k.t.segmented = limit != 0;
    while (!last) {
        struct cvn_spdu seg;
        size_t take;
        struct cvn_wr w = cvn_wr_init(tsdu, sizeof tsdu);
        MUST(cvn_tsdu_segment(s, (struct cvn_octets){data, n}, done, limit, true, &seg, &take,
                              &last) == CVN_OK);
        MUST(take > 0 || (last && n == 0));
        MUST(cvn_tsdu_encode(&seg, 0, &w) == CVN_OK);
        if (information)
            cvn_wr_bytes(&w, data + done, take);
        MUST(!w.bad && (!information || seg.user_data.n == 0));
        MUST(limit == 0 || w.len <= limit);
        MUST(last || w.len + 4 >= most); /* full, but for what a length takes */
        take_tsdu(&k, s, tsdu, w.len, last);
        done += take;
    }
    MUST(done == n);
    MUST(k.got == n);
    ck_assert_uint_ge(k.events, 1);
    cvn_tsdu_in_fini(&k.t);
}

START_TEST(sends_and_takes_an_ssdu_in_segments_of_any_size)
{
    struct cvn_spdu s;
    static const size_t limits[] = {0,   64,   65,    100,   255,   256,   257,   258, 259,
                                    260, 261,  262,   263,   264,   265,   266,   270, 280,
                                    512, 1024, 65535, 65539, 65541, 65545, 100000};
    static const size_t sizes[] = {0,   1,    20,    60,    200,   240,   245,  246, 247,
                                   248, 249,  250,   251,   252,   253,   254,  255, 256,
                                   257, 1000, 65500, 65534, 65535, 65536, 70000};
    if (!sample(&s, (enum cvn_spdu_type)_i))
        return;
    for (size_t l = 0; l < sizeof limits / sizeof limits[0]; l++)
        for (size_t k = 0; k < sizeof sizes / sizeof sizes[0]; k++)
            if (limits[l] == 0 || limits[l] > 1000 || sizes[k] <= 1000)
                send_and_take(&s, sizes[k],
                              limits[l] > 65000 && cvn_spdu_has_information(s.type) ? 65535
                                                                                    : limits[l]);
}
END_TEST

START_TEST(refuses_what_no_segments_can_carry)
{
    static const uint8_t data[70000];
    struct cvn_octets user = {data, 300};
    struct cvn_spdu s;
    struct cvn_spdu seg = {.type = CVN_SPDU_AA};
    size_t take = 12345;
    bool last = true;
#define SEGMENT(len, done, limit, version2)                                                        \
    (user.n = (len), cvn_tsdu_segment(&s, user, done, limit, version2, &seg, &take, &last))
    cvn_spdu_init(&s, CVN_SPDU_MIP);
    s.has = CVN_HAS_SERIAL;
    s.serial = 123456;
    ck_assert_int_eq(SEGMENT(300, 0, 100, false), CVN_ETOOBIG); /* version 1 */
    ck_assert_int_eq(SEGMENT(70000, 0, 0, false), CVN_ETOOBIG);
    for (size_t limit = 1; limit < 18; limit++) /* GT, MIP, item, number, one octet */
        ck_assert_int_eq(SEGMENT(300, 0, limit, true), CVN_ETOOBIG);
    ck_assert_int_eq(SEGMENT(300, 290, 5, true), CVN_ETOOBIG);
    ck_assert_int_eq(SEGMENT(0, 0, 5, true), CVN_ETOOBIG);
    cvn_spdu_init(&s, CVN_SPDU_ER);
    s.has = CVN_HAS_REFLECT;
    s.reflect = (struct cvn_octets){data, sizeof data};
    ck_assert_int_eq(SEGMENT(0, 0, 0, true), CVN_ETOOBIG);
    cvn_spdu_init(&s, CVN_SPDU_CN);
    ck_assert_int_eq(SEGMENT(10241, 0, 0, true), CVN_ETOOBIG);
    cvn_spdu_init(&s, CVN_SPDU_EX);
    ck_assert_int_eq(SEGMENT(15, 0, 0, true), CVN_ETOOBIG);
    cvn_spdu_init(&s, CVN_SPDU_DT);
    for (size_t limit = 1; limit <= 7; limit++)
        ck_assert_int_eq(SEGMENT(300, 0, limit, true), CVN_ETOOBIG);
    cvn_spdu_init(&s, CVN_SPDU_TD);
    for (size_t limit = 1; limit <= 5; limit++)
        ck_assert_int_eq(SEGMENT(300, 0, limit, true), CVN_ETOOBIG);
    s.has = CVN_HAS_ENCLOSURE;
    s.enclosure = CVN_ENCLOSURE_BEGIN;
    ck_assert_int_eq(SEGMENT(300, 0, 0, true), CVN_EINVAL); /* a part, and no limit */
    ck_assert_int_eq(SEGMENT(0, 0, 100, true), CVN_EINVAL); /* an empty part that is not the last */
    ck_assert_uint_eq(take, 12345);
    ck_assert(last);
    ck_assert_int_eq(seg.type, CVN_SPDU_AA);

    cvn_spdu_init(&s, CVN_SPDU_MIP);
    s.has = CVN_HAS_SERIAL;
    s.serial = 123456;
    ck_assert_int_eq(SEGMENT(300, 0, 18, true), CVN_OK);
    ck_assert_uint_eq(take, 1);
    ck_assert(!last);
    cvn_spdu_init(&s, CVN_SPDU_CN); /* nothing is agreed yet */
    ck_assert_int_eq(SEGMENT(10240, 0, 100, false), CVN_OK);
    ck_assert(last);
    cvn_spdu_init(&s, CVN_SPDU_CN);
    s.has = CVN_HAS_CONNECT_ITEM | CVN_HAS_OPTIONS | CVN_HAS_VERSION;
    s.large_initial = (struct cvn_octets){data, 60000};
    ck_assert_int_eq(SEGMENT(10240, 0, 0, true), CVN_ETOOBIG);
    cvn_spdu_init(&s, CVN_SPDU_EX);
    ck_assert_int_eq(SEGMENT(14, 0, 5, true), CVN_OK);
    ck_assert_uint_eq(take, 14);
    ck_assert(last);
    ck_assert_uint_eq(seg.has, 0);
}
END_TEST

START_TEST(marks_parts_of_data_that_comes_in_parts)
{
    static const uint8_t data[100];
    static const struct {
        unsigned part;
        size_t n;
        unsigned items[4]; /* of TSDUs of at most 40 octets of data; 9: no more */
    } cases[] = {{1, 30, {1, 9}},        {1, 40, {1, 9}},        {1, 41, {1, 0, 9}},
                 {0, 100, {0, 0, 0, 9}}, {2, 100, {0, 0, 2, 9}}, {2, 0, {2, 9}},
                 {3, 100, {1, 0, 2, 9}}, {3, 40, {3, 9}}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct cvn_spdu s;
        struct cvn_spdu seg;
        struct cvn_octets user = {data, cases[i].n};
        size_t done = 0;
        size_t take;
        bool last = false;
        cvn_spdu_init(&s, CVN_SPDU_DT);
        s.has = CVN_HAS_ENCLOSURE;
        s.enclosure = (uint8_t)cases[i].part;
        for (size_t k = 0; !last; k++) {
            ck_assert_int_eq(cvn_tsdu_segment(&s, user, done, 47, false, &seg, &take, &last),
                             CVN_OK);
            ck_assert_uint_eq(seg.has, CVN_HAS_ENCLOSURE);
            ck_assert_uint_eq(seg.enclosure, cases[i].items[k]);
            ck_assert_uint_eq(last, cases[i].items[k + 1] == 9);
            done += take;
        }
        ck_assert_uint_eq(done, cases[i].n);
    }
}
END_TEST

START_TEST(sends_overflow_as_an_ssdu_that_has_begun)
{
    static const uint8_t data[200];
    struct cvn_octets user = {data, sizeof data};
    struct cvn_spdu s;
    struct cvn_spdu seg;
    size_t take;
    bool last;
    cvn_spdu_init(&s, CVN_SPDU_CDO);
    ck_assert_int_eq(cvn_tsdu_segment(&s, user, 0, 107, true, &seg, &take, &last), CVN_OK);
    ck_assert_uint_eq(seg.enclosure, 0);
    ck_assert_uint_eq(take, 100);
    ck_assert_uint_eq(cvn_spdu_size(&seg), 107);
    ck_assert(!last);
    ck_assert_int_eq(cvn_tsdu_segment(&s, user, 100, 107, true, &seg, &take, &last), CVN_OK);
    ck_assert_uint_eq(seg.enclosure, CVN_ENCLOSURE_END);
    ck_assert_uint_eq(take, 100);
    ck_assert(last);
    ck_assert_int_eq(cvn_tsdu_segment(&s, user, 0, 0, true, &seg, &take, &last), CVN_OK);
    ck_assert_uint_eq(seg.enclosure, CVN_ENCLOSURE_END);
    ck_assert(last);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("tsdu_out");
    TCase *t = tcase_create("tsdu_out");
    tcase_set_timeout(t, 60);
    tcase_add_loop_test(t, puts_before_an_spdu_what_table_7_says, 0, CVN_SPDU_TYPES);
    tcase_add_test(t, sends_nothing_of_an_spdu_it_may_not_send);
    tcase_add_loop_test(t, sends_and_takes_an_ssdu_in_segments_of_any_size, 0, CVN_SPDU_TYPES);
    tcase_add_test(t, refuses_what_no_segments_can_carry);
    tcase_add_test(t, marks_parts_of_data_that_comes_in_parts);
    tcase_add_test(t, sends_overflow_as_an_ssdu_that_has_begun);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_set_fork_status(r, CK_NOFORK); /* as in test_spdu.c */
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed == 0 ? 0 : 1;
}
