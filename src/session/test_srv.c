/* SPDX-License-Identifier: MIT */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "session/srv.h"

/* Header: one question for _iso-tsap._tcp.x.example, COUNT answers. */
#define HEAD(flags, count)                                                                         \
    "\x12\x34" flags "\0\1\0" count "\0\0\0\0"                                                     \
    "\x09_iso-tsap\4_tcp\1x\7example\0\0\x21\0\1"
/* The records name the question by a pointer; targets end in x.example by another (at 28). */
#define RECORD(length) "\xc0\x0c\0\x21\0\1\0\0\0\x3c\0" length

static struct cvn_srv out[CVN_SRV_MAX];
static size_t n;

static int parse(const char *octets, size_t len)
{
    uint8_t *alone = malloc(len + 1); /* so that a read past the end is seen */
    ck_assert_ptr_nonnull(alone);
    memcpy(alone, octets, len);
    int rc = cvn_srv_parse(alone, len, out, &n);
    free(alone);
    return rc;
}
#define PARSE(text) parse(text, sizeof(text) - 1)

START_TEST(reads_records)
{
    ck_assert_int_eq(
        PARSE(HEAD("\x81\x80", "\2") RECORD("\x0a") "\0\x0a\0\5\0\x66\1a\xc0\x1b" RECORD(
            "\x0f") "\0\x14\0\0\x27\x76\3bee\3org\0"),
        CVN_OK);
    ck_assert_uint_eq(n, 2);
    ck_assert_uint_eq(out[0].priority, 10);
    ck_assert_uint_eq(out[0].weight, 5);
    ck_assert_uint_eq(out[0].port, 102);
    ck_assert_str_eq(out[0].target, "a.x.example");
    ck_assert_str_eq(out[1].target, "bee.org");
    ck_assert_uint_eq(out[1].port, 10102);
}
END_TEST

START_TEST(says_what_there_is_not)
{
    ck_assert_int_eq(PARSE(HEAD("\x81\x83", "\0")), CVN_ENOTFOUND); /* no such name */
    ck_assert_int_eq(PARSE(HEAD("\x81\x80", "\0")), CVN_ENOTFOUND); /* no such record */
    ck_assert_int_eq(PARSE(HEAD("\x81\x80", "\1") RECORD("\7") "\0\0\0\0\0\0\0"), CVN_EPERM);
    ck_assert_int_eq(PARSE(HEAD("\x81\x82", "\0")), CVN_EPROTO); /* the server failed */
    ck_assert_int_eq(PARSE(HEAD("\1\0", "\0")), CVN_EPROTO);     /* a question */
    ck_assert_int_eq(PARSE(HEAD("\x83\x80", "\0")), CVN_EPROTO); /* cut short */
    /* An alias and a record of another type before it are passed over. */
    ck_assert_int_eq(PARSE(HEAD("\x81\x80", "\2") "\xc0\x0c\0\5\0\1\0\0\0\1\0\2\xc0\x0c" RECORD(
                         "\x0a") "\0\1\0\1\0\x66\1a\xc0\x1b"),
                     CVN_OK);
    ck_assert_uint_eq(n, 1);
}
END_TEST

START_TEST(malformed_answers_are_refused)
{
    static const char good[] = HEAD("\x81\x80", "\1") RECORD("\x0a") "\0\1\0\1\0\x66\1a\xc0\x1b";
    for (size_t len = 0; len < sizeof good - 1; len++)
        ck_assert_int_eq(parse(good, len), CVN_EPROTO);
    /* A pointer at itself, and one forward. */
    ck_assert_int_eq(PARSE(HEAD("\x81\x80", "\1") RECORD("\x08") "\0\1\0\1\0\x66\xc0\x3c"),
                     CVN_EPROTO);
    ck_assert_int_eq(PARSE(HEAD("\x81\x80", "\1") RECORD("\x08") "\0\1\0\1\0\x66\xc0\xff"),
                     CVN_EPROTO);
    /* A length that is not the record's; a label of an unknown kind; octets that no host has. */
    ck_assert_int_eq(PARSE(HEAD("\x81\x80", "\1") RECORD("\x09") "\0\1\0\1\0\x66\1a\xc0\x1b"),
                     CVN_EPROTO);
    ck_assert_int_eq(PARSE(HEAD("\x81\x80", "\1") RECORD("\x0a") "\0\1\0\1\0\x66\x41\x61\xc0\x1b"),
                     CVN_EPROTO);
    ck_assert_int_eq(PARSE(HEAD("\x81\x80", "\1") RECORD("\x0a") "\0\1\0\1\0\x66\1/\xc0\x1b"),
                     CVN_EPROTO);
    /* A name of 253 characters, and of 254. */
    static const char record[] = HEAD("\x81\x80", "\1") "\xc0\x0c\0\x21\0\1\0\0\0\x3c";
    for (unsigned last = 61; last <= 62; last++) {
        char all[400];
        size_t len = sizeof record - 1;
        unsigned name = 3 * 64 + 1 + last + 1;
        memcpy(all, record, len);
        all[len++] = (char)((6 + name) >> 8);
        all[len++] = (char)(6 + name);
        memcpy(all + len, "\0\1\0\1\0\x66", 6);
        len += 6;
        for (unsigned i = 0; i < 4; i++) {
            unsigned n_label = i < 3 ? 63 : last;
            all[len++] = (char)n_label;
            memset(all + len, 'a', n_label);
            len += n_label;
        }
        all[len++] = 0;
        ck_assert_int_eq(parse(all, len), last == 61 ? CVN_OK : CVN_EPROTO);
        ck_assert(last != 61 || strlen(out[0].target) == 253);
    }
    /* Port 0 is no port. */
    ck_assert_int_eq(PARSE(HEAD("\x81\x80", "\1") RECORD("\x0a") "\0\1\0\1\0\0\1a\xc0\x1b"),
                     CVN_ENOTFOUND);
}
END_TEST

static uint32_t largest(void *ctx, uint32_t below)
{
    (void)ctx;
    return below - 1;
}

static uint32_t none(void *ctx, uint32_t below)
{
    (void)ctx;
    (void)below;
    return 0;
}

static uint32_t drawn(void *ctx, uint32_t below)
{
    uint32_t *seed = ctx;
    *seed = *seed * 1664525u + 1013904223u;
    return (*seed >> 8) % below;
}

static void four(void)
{
    static const struct {
        uint16_t priority, weight;
        const char *target;
    } rows[] = {{20, 0, "late"}, {10, 60, "heavy"}, {10, 0, "zero"}, {10, 20, "light"}};
    memset(out, 0, sizeof out);
    for (size_t i = 0; i < 4; i++) {
        out[i].priority = rows[i].priority;
        out[i].weight = rows[i].weight;
        strncpy(out[i].target, rows[i].target, sizeof out[i].target - 1);
    }
}

START_TEST(priority_then_weight)
{
    unsigned first[3] = {0};
    uint32_t seed = 1;
    four();
    cvn_srv_order(out, 4, none, NULL);
    ck_assert_str_eq(out[0].target, "zero"); /* RFC 2782: those of weight 0 have a small chance */
    ck_assert_str_eq(out[3].target, "late");
    four();
    cvn_srv_order(out, 4, largest, NULL);
    ck_assert_str_eq(out[0].target, "light"); /* the last of the running sums */
    ck_assert_str_eq(out[3].target, "late");
    for (int i = 0; i < 8100; i++) {
        four();
        cvn_srv_order(out, 4, drawn, &seed);
        ck_assert_str_eq(out[3].target, "late");
        first[out[0].target[0] == 'h' ? 0 : out[0].target[0] == 'l' ? 1 : 2]++;
    }
    ck_assert_uint_ge(first[0], 5700); /* 60 of 81 */
    ck_assert_uint_le(first[0], 6300);
    ck_assert_uint_ge(first[1], 1750); /* 20 of 81 */
    ck_assert_uint_le(first[1], 2250);
    ck_assert_uint_ge(first[2], 40); /* 1 of 81 */
}
END_TEST

int main(void)
{
    Suite *s = suite_create("srv");
    TCase *t = tcase_create("srv");
    tcase_add_test(t, reads_records);
    tcase_add_test(t, says_what_there_is_not);
    tcase_add_test(t, malformed_answers_are_refused);
    tcase_add_test(t, priority_then_weight);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed == 0 ? 0 : 1;
}
