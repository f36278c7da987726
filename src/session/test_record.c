/* SPDX-License-Identifier: MIT */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "session/record.h"

#define OCTETS(text) ((struct cvn_octets){(const uint8_t *)(text), sizeof(text) - 1})

static struct cvn_record full(void)
{
    struct cvn_record r = {.version = 1,
                           .epoch = 0x01020304,
                           .received = 5,
                           .durable = 4,
                           .committed = 3,
                           .first = 6,
                           .next = UINT64_MAX,
                           .limit = 1u << 22,
                           .end = 77,
                           .level = CVN_LEVEL_DURABLE,
                           .keep = 604800,
                           .answer = CVN_ANSWER_RETRY,
                           .text = OCTETS("why"),
                           .call_back = OCTETS("iso://127.0.0.1:9/x"),
                           .moved = OCTETS("iso://127.0.0.2:9/x"),
                           .poll = 60};
    memcpy(r.session, "ABCDEFGHIJKLMNOP", CVN_SESSION_ID);
    memcpy(r.nonce, "abcdefghijklmnop", CVN_NONCE);
    memcpy(r.secret, "0123456789abcdef0123456789ABCDEF", CVN_SECRET);
    cvn_record_set(&r, CVN_RECORD_F_VERSION);
    cvn_record_set(&r, CVN_RECORD_F_TEXT);
    for (int f = CVN_RECORD_F_SESSION; f < CVN_RECORD_F_PROOF; f++)
        cvn_record_set(&r, (enum cvn_record_field)f);
    return r;
}

static void same(struct cvn_octets a, struct cvn_octets b)
{
    ck_assert_uint_eq(a.n, b.n);
    ck_assert_mem_eq(a.p, b.p, a.n);
}

START_TEST(comes_back_as_it_was)
{
    uint8_t buf[CVN_RECORD_MAX];
    struct cvn_wr w = cvn_wr_init(buf, sizeof buf);
    struct cvn_record r = full();
    struct cvn_record d;
    ck_assert_int_eq(cvn_record_encode(&r, &w), CVN_OK);
    size_t before = w.len;
    ck_assert_int_eq(cvn_record_append_proof(&w, r.secret), CVN_OK);
    ck_assert_int_eq(cvn_record_decode(&d, (struct cvn_octets){buf, w.len}), CVN_OK);
    ck_assert(d.ours);
    ck_assert(cvn_record_has(&d, CVN_RECORD_F_PROOF));
    ck_assert_uint_eq(d.proved, before);
    ck_assert_mem_eq(d.proof, r.secret, CVN_PROOF);
    ck_assert_uint_eq(d.has & ~(UINT64_C(1) << CVN_RECORD_F_PROOF), r.has);
    same(d.text, r.text);
    same(d.call_back, r.call_back);
    same(d.moved, r.moved);
    ck_assert_mem_eq(d.session, r.session, CVN_SESSION_ID);
    ck_assert_mem_eq(d.nonce, r.nonce, CVN_NONCE);
    ck_assert_mem_eq(d.secret, r.secret, CVN_SECRET);
    ck_assert_uint_eq(d.epoch, r.epoch);
    ck_assert(d.received == 5 && d.durable == 4 && d.committed == 3 && d.first == 6);
    ck_assert(d.next == UINT64_MAX && d.limit == r.limit && d.end == 77 && d.keep == r.keep);
    ck_assert(d.level == r.level && d.answer == r.answer && d.poll == 60 && d.version == 1);
}
END_TEST

/* The octets by hand: a stranger writes them so. */
START_TEST(a_record_octet_by_octet)
{
    static const uint8_t octets[] = {'c', 'v', 'n', 0x1a, 1,  0, 1, 1,    33, 0, 4, 0,  0, 1, 2,
                                     37,  0,   16,  0,    0,  0, 0, 0,    0,  0, 7, 0,  0, 0, 0,
                                     0,   0,   1,   0,    35, 0, 0, 0xc8, 0,  1, 9, 43, 0, 1, 1};
    struct cvn_record d;
    ck_assert_int_eq(cvn_record_decode(&d, (struct cvn_octets){octets, sizeof octets}), CVN_OK);
    ck_assert(d.ours && d.version == 1 && d.epoch == 0x102 && d.first == 7 && d.next == 256);
    ck_assert(cvn_record_has(&d, CVN_RECORD_F_RESUME));
    ck_assert_uint_eq(d.answer, CVN_ANSWER_GONE);
    ck_assert(!cvn_record_has(&d, CVN_RECORD_F_PROOF));
    for (size_t n = 5; n < sizeof octets; n++) { /* cut short: malformed, or fewer fields */
        uint8_t *slice = malloc(n);
        memcpy(slice, octets, n);
        bool whole = n == 8 || n == 15 || n == 34 || n == 37 || n == 41;
        int rc = cvn_record_decode(&d, (struct cvn_octets){slice, n});
        ck_assert_msg(rc == (whole ? CVN_OK : CVN_EPROTO), "%zu octets: %d", n, rc);
        free(slice);
    }
}
END_TEST

START_TEST(refuses_what_is_malformed)
{
    const struct cvn_octets bad[] = {
        OCTETS("cvn\x1a\x21\0\x03"
               "abc"),                   /* an epoch of three octets */
        OCTETS("cvn\x1a\x29\0\x01\0"),   /* a level that is none */
        OCTETS("cvn\x1a\x29\0\x01\x04"), /* another */
        OCTETS("cvn\x1a\x2b\0\x01\x06"), /* an answer that is none */
        OCTETS("cvn\x1a\x25\0\x10\0\0\0\0\0\0\0\x02\0\0\0\0\0\0\0\x01"), /* first behind next */
        OCTETS("cvn\x1a\x30\0\x20"
               "01234567890123456789012345678901"
               "\x01\0\x01\x01"), /* something behind the proof */
    };
    struct cvn_record d;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        ck_assert_int_eq(cvn_record_decode(&d, bad[i]), CVN_EPROTO);
    ck_assert_int_eq(cvn_record_decode(&d, OCTETS("hello")), CVN_OK);
    ck_assert(!d.ours);
    ck_assert_int_eq(cvn_record_decode(&d, OCTETS("")), CVN_OK);
    ck_assert(!d.ours);
}
END_TEST

START_TEST(writes_nothing_that_does_not_fit)
{
    uint8_t buf[CVN_RECORD_MAX];
    struct cvn_record r = full();
    for (size_t cap = 0; cap < CVN_RECORD_MAX; cap++) {
        struct cvn_wr w = cvn_wr_init(buf, cap);
        int rc = cvn_record_encode(&r, &w);
        ck_assert(rc == CVN_OK || (rc == CVN_ETOOBIG && w.len == 0 && !w.bad));
        size_t len = w.len;
        rc = cvn_record_append_proof(&w, r.secret);
        ck_assert(rc == CVN_OK || (rc == CVN_ETOOBIG && w.len == len && !w.bad));
    }
}
END_TEST

START_TEST(words_come_back)
{
    static const uint8_t proof[CVN_PROOF] = {9, 8, 7};
    const struct cvn_word all[] = {
        {.kind = CVN_WORD_POINT, .position = 1u << 20},
        {.kind = CVN_WORD_END, .position = UINT64_MAX},
        {.kind = CVN_WORD_STATUS, .position = 4, .durable = 3, .committed = 2, .limit = 9},
        {.kind = CVN_WORD_PROBE, .number = 1},
        {.kind = CVN_WORD_ANSWER, .number = UINT32_MAX},
        {.kind = CVN_WORD_PROOF, .octets = {proof, sizeof proof}},
        {.kind = CVN_WORD_RELEASE, .reason = CVN_RELEASE_PARK},
        {.kind = CVN_WORD_ABORT, .reason = 3, .octets = OCTETS("no more")},
        {.kind = CVN_WORD_RENEW},
    };
    ck_assert_uint_eq(sizeof all / sizeof all[0], CVN_WORD_KINDS - 1);
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        uint8_t buf[CVN_WORD_MAX];
        struct cvn_wr w = cvn_wr_init(buf, sizeof buf);
        struct cvn_word d;
        ck_assert_int_eq(cvn_word_encode(&all[i], &w), CVN_OK);
        ck_assert_int_eq(cvn_word_decode(&d, (struct cvn_octets){buf, w.len}), CVN_OK);
        ck_assert(d.kind == all[i].kind && d.position == all[i].position &&
                  d.durable == all[i].durable && d.committed == all[i].committed &&
                  d.limit == all[i].limit && d.number == all[i].number &&
                  d.reason == all[i].reason);
        same(d.octets, all[i].octets);
        for (size_t n = 0; n < w.len; n++) {
            struct cvn_wr small = cvn_wr_init(buf, n);
            ck_assert_int_eq(cvn_word_encode(&all[i], &small), CVN_ETOOBIG);
            if (n > 0 && all[i].kind != CVN_WORD_ABORT)
                ck_assert_int_eq(cvn_word_decode(&d, (struct cvn_octets){buf, n}), CVN_EPROTO);
        }
    }
    struct cvn_word d;
    ck_assert_int_eq(cvn_word_decode(&d, OCTETS("\x63later")), CVN_OK);
    ck_assert_uint_eq(d.kind, 0);
    ck_assert_int_eq(cvn_word_decode(&d, OCTETS("")), CVN_EPROTO);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("record");
    TCase *tc = tcase_create("record");
    tcase_add_test(tc, comes_back_as_it_was);
    tcase_add_test(tc, a_record_octet_by_octet);
    tcase_add_test(tc, refuses_what_is_malformed);
    tcase_add_test(tc, writes_nothing_that_does_not_fit);
    tcase_add_test(tc, words_come_back);
    suite_add_tcase(s, tc);
    SRunner *sr = srunner_create(s);
    srunner_run_all(sr, CK_NORMAL);
    int failed = srunner_ntests_failed(sr);
    srunner_free(sr);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
