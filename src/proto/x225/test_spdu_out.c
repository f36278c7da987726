/* SPDX-License-Identifier: MIT */
/* Sending SPDUs: every case is drawn from test_lines.c. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "proto/x225/test_lines.h"

/* --- of each SPDU: _i is its type --- */

START_TEST(sends_nothing_without_room_for_all)
{
    struct units us = units_of((enum cvn_spdu_type)_i);
    struct octets o;
    struct cvn_spdu s = decoded(&us, &o);
    for (size_t room = 0; room <= o.n; room++) {
        uint8_t *buf = malloc(room + 3);
        ck_assert_ptr_nonnull(buf);
        buf[2] = 0xee;
        struct cvn_wr w = cvn_wr_init(buf, room + 2);
        w.len = 2;
        ck_assert_int_eq(cvn_spdu_encode(&s, &w), room < o.n ? CVN_ETOOBIG : CVN_OK);
        ck_assert_uint_eq(w.len, room < o.n ? 2 : o.n + 2);
        ck_assert(!w.bad);
        if (room < o.n)
            ck_assert_uint_eq(buf[2], 0xee);
        w.bad = true;
        ck_assert_int_eq(cvn_spdu_encode(&s, &w), CVN_ETOOBIG);
        free(buf);
    }
    free(o.p);
}
END_TEST

START_TEST(sends_no_parameter_that_is_not_its_own)
{
    struct units us = units_of((enum cvn_spdu_type)_i);
    struct octets o;
    const struct cvn_spdu s = decoded(&us, &o);
    struct cvn_spdu one = s;
    for (unsigned bit = 0; bit < 32; bit++) {
        uint32_t has = 1u << bit;
        one = s;
        if ((s.has & has) != 0 || (us.type == CVN_SPDU_CN && has == CVN_HAS_EXTENDED))
            continue;
        if (us.type == CVN_SPDU_AE && has == CVN_HAS_SYNC_TYPE)
            continue;
        one.has |= has;
        expect_refused(&one, CVN_EINVAL);
    }
    if (us.type != CVN_SPDU_CN && us.type != CVN_SPDU_AC) {
        one = s;
        one.large_initial = (struct cvn_octets){(const uint8_t *)"1", 1};
        expect_refused(&one, CVN_EINVAL);
        one = s;
        one.large_initial2 = (struct cvn_octets){(const uint8_t *)"1", 1};
        expect_refused(&one, CVN_EINVAL);
    }
    free(o.p);
}
END_TEST

/* The bit of a parameter. */
static uint32_t has_of(const struct unit *u)
{
    static const uint32_t has[64] = {
        [1] = CVN_HAS_CONNECTION_ID, [33] = CVN_HAS_LINKING,     [5] = CVN_HAS_CONNECT_ITEM,
        [9] = CVN_HAS_CALLED_REF,    [10] = CVN_HAS_CALLING_REF, [11] = CVN_HAS_COMMON_REF,
        [12] = CVN_HAS_ADDITIONAL,   [15] = CVN_HAS_SYNC_TYPE,   [16] = CVN_HAS_TOKEN_ITEM,
        [17] = CVN_HAS_DISCONNECT,   [19] = CVN_HAS_OPTIONS,     [20] = CVN_HAS_UNITS,
        [21] = CVN_HAS_TSDU_MAX,     [22] = CVN_HAS_VERSION,     [23] = CVN_HAS_INITIAL,
        [24] = CVN_HAS_PREPARE,      [25] = CVN_HAS_ENCLOSURE,   [26] = CVN_HAS_TOKEN_SETTING,
        [27] = CVN_HAS_RESYNC,       [41] = CVN_HAS_ACTIVITY,    [42] = CVN_HAS_SERIAL,
        [46] = CVN_HAS_USER_DATA,    [49] = CVN_HAS_REFLECT,     [50] = CVN_HAS_REASON,
        [51] = CVN_HAS_CALLING_SSEL, [52] = CVN_HAS_CALLED_SSEL, [53] = CVN_HAS_RESYNC2,
        [54] = CVN_HAS_SERIAL2,      [55] = CVN_HAS_SERIAL2,     [56] = CVN_HAS_UPPER_LIMIT,
        [60] = CVN_HAS_OVERFLOW,
    };
    if (u->code >= 64)
        return CVN_HAS_USER_DATA;
    return u->code == 41 && u->pgi == 33 ? (uint32_t)CVN_HAS_OLD_ACTIVITY : has[u->code];
}

START_TEST(sends_nothing_if_a_mandatory_one_is_missing)
{
    struct units us = units_of((enum cvn_spdu_type)_i);
    struct octets o;
    const struct cvn_spdu s = decoded(&us, &o);
    for (size_t i = 0; i < us.n; i++) {
        struct cvn_spdu one = s;
        if (!us.at[i].mandatory || us.at[i].group)
            continue;
        ck_assert((s.has & has_of(&us.at[i])) != 0);
        one.has &= ~has_of(&us.at[i]);
        expect_refused(&one, CVN_EINVAL);
    }
    free(o.p);
}
END_TEST

/* s with the parameter of this code, one octet, set to v. */
static void expect_octet(const struct cvn_spdu *s, unsigned code, unsigned v)
{
    struct cvn_spdu one = *s;
    struct cvn_spdu back;
    struct cvn_spdu_fault fault;
    bool allowed = value_taken(s->type, code, v) == (int)v;
    *octet_of(&one, code) = (uint8_t)v;
    if (code == 15 && s->type == CVN_SPDU_MAP)
        allowed = v == 1;
    if (code == 15 && s->type == CVN_SPDU_AE)
        allowed = v == 0;
    if (!allowed) {
        expect_refused(&one, CVN_EINVAL);
        return;
    }
    struct octets sent = encode(&one);
    MUST(decode(&back, s->type, sent, &fault) == CVN_OK);
    MUST(same(&one, &back));
    free(sent.p);
}

START_TEST(sends_no_reserved_value)
{
    struct units us = units_of((enum cvn_spdu_type)_i);
    struct octets o;
    const struct cvn_spdu s = decoded(&us, &o);
    for (size_t i = 0; i < us.n; i++) {
        bool octet = !us.at[i].group && us.at[i].n == 1;
        if (octet && us.at[i].code != 25) /* segments have tests of their own */
            for (unsigned v = 0; v < 256; v++)
                expect_octet(&s, us.at[i].code, v);
    }
    free(o.p);
}
END_TEST

START_TEST(sends_no_parameter_longer_than_the_standard_says)
{
    struct units us = units_of((enum cvn_spdu_type)_i);
    struct octets o;
    const struct cvn_spdu s = decoded(&us, &o);
    static const uint8_t long_one[65];
    for (size_t i = 0; i < us.n; i++) {
        struct cvn_spdu one = s;
        size_t most = 0;
        struct cvn_octets *member = NULL;
        switch (us.at[i].code) {
        case 9:
            member = &one.id.called;
            most = 64;
            break;
        case 10:
            member = &one.id.calling;
            most = 64;
            break;
        case 11:
            member = &one.id.common;
            most = 64;
            break;
        case 12:
            member = &one.id.additional;
            most = 4;
            break;
        case 41:
            member = us.at[i].pgi == 33 ? &one.old_activity : &one.activity;
            most = 6;
            break;
        case 49:
            member = us.type == CVN_SPDU_AB ? &one.reflect : NULL;
            most = 9;
            break;
        case 51:
            member = &one.calling_ssel;
            most = 16;
            break;
        case 52:
            member = &one.called_ssel;
            most = 16;
            break;
        default:
            break;
        }
        if (member == NULL)
            continue;
        for (size_t n = 0; n <= most + 1; n++) {
            *member = (struct cvn_octets){long_one, n};
            if (n > most || (n == 0 && us.at[i].mandatory)) {
                expect_refused(&one, CVN_EINVAL);
                continue;
            }
            struct octets sent = encode(&one);
            struct cvn_spdu back;
            struct cvn_spdu_fault fault;
            ck_assert_int_eq(decode(&back, us.type, sent, &fault), CVN_OK);
            if (n == 0) /* an empty parameter is no parameter */
                ck_assert_uint_eq(back.has, s.has & ~has_of(&us.at[i]));
            else
                ck_assert(same(&one, &back));
            free(sent.p);
        }
    }
    free(o.p);
}
END_TEST

START_TEST(sends_no_number_above_999999)
{
    struct units us = units_of((enum cvn_spdu_type)_i);
    struct octets o;
    const struct cvn_spdu s = decoded(&us, &o);
    static const uint32_t numbers[] = {0,      9,      10,      99,      100,
                                       999,    1000,   9999,    10000,   99999,
                                       100000, 999999, 1000000, 9999999, UINT32_MAX};
    for (size_t i = 0; i < us.n; i++) {
        for (size_t k = 0; k < sizeof numbers / sizeof numbers[0]; k++) {
            struct cvn_spdu one = s;
            struct cvn_spdu back;
            struct cvn_spdu_fault fault;
            uint32_t *number = number_of(&one, us.at[i].code);
            if (number == NULL)
                break;
            *number = numbers[k];
            if (numbers[k] > CVN_SERIAL_MAX) {
                expect_refused(&one, CVN_EINVAL);
                continue;
            }
            struct octets sent = encode(&one);
            ck_assert_int_eq(decode(&back, us.type, sent, &fault), CVN_OK);
            ck_assert(same(&one, &back));
            free(sent.p);
        }
    }
    free(o.p);
}
END_TEST

/* --- segments --- */

static bool has_segments(enum cvn_spdu_type type)
{
    return strstr(lines[type].units, "25") != NULL && type != CVN_SPDU_CDO;
}

START_TEST(takes_and_gives_later_segments_with_user_data_alone)
{
    enum cvn_spdu_type type = (enum cvn_spdu_type)_i;
    static const uint8_t data[300] = "data of a segment";
    if (!has_segments(type))
        return;
    for (unsigned item = 0; item <= 3; item++) {
        struct cvn_spdu s;
        struct cvn_spdu back;
        struct cvn_spdu_fault fault;
        cvn_spdu_init(&s, type);
        s.has = CVN_HAS_ENCLOSURE;
        s.enclosure = (uint8_t)item;
        if (!lines[type].information) {
            s.has |= CVN_HAS_USER_DATA;
            s.user_data = (struct cvn_octets){data, item % 2 == 0 ? sizeof data : 20};
        }
        struct units must = mandatory_only(type);
        bool complete = false;
        for (size_t i = 0; i < must.n; i++)
            complete = complete || (must.at[i].present && (item & CVN_ENCLOSURE_BEGIN) != 0);
        if (complete || (type == CVN_SPDU_RF && (item & CVN_ENCLOSURE_BEGIN) != 0)) {
            expect_refused(&s, CVN_EINVAL); /* the first one has its parameters */
            continue;
        }
        struct octets o = encode(&s);
        ck_assert_int_eq(decode(&back, type, o, &fault), CVN_OK);
        if (type == CVN_SPDU_MAP && back.type == CVN_SPDU_AE)
            back.type = CVN_SPDU_MAP; /* as spdu.h says */
        s.sync_type = 0;
        ck_assert(same(&s, &back));
        free(o.p);
    }
}
END_TEST

START_TEST(ignores_other_parameters_in_later_segments_and_does_not_send_them)
{
    enum cvn_spdu_type type = (enum cvn_spdu_type)_i;
    struct units us = units_of(type);
    struct cvn_spdu s;
    struct cvn_spdu_fault fault;
    if (!has_segments(type))
        return;
    unit(&us, 0, 25)->value[0] = 2;
    struct twist reversed = {.reversed = true};
    for (int k = 0; k < 2; k++) {
        struct octets o = build(&us, k == 0 ? NULL : &reversed);
        ck_assert_int_eq(decode(&s, type, o, &fault), CVN_OK);
        ck_assert_uint_eq(s.has & ~(uint32_t)CVN_HAS_USER_DATA, CVN_HAS_ENCLOSURE);
        ck_assert_uint_eq(s.enclosure, 2);
        ck_assert_uint_eq(s.serial + s.reason + s.sync_type + s.disconnect + s.resync, 0);
        if (type == CVN_SPDU_RF)
            ck_assert_uint_eq(s.user_data.n, 8); /* no code before it */
        struct cvn_spdu more = s;
        more.has |= CVN_HAS_SERIAL;
        expect_refused(&more, CVN_EINVAL);
        free(o.p);
    }
}
END_TEST

/* --- single cases --- */

/* n octets of user data in an SPDU of this type: what decode and encode say. */
static int data_taken(enum cvn_spdu_type type, const char *params, unsigned code, size_t n,
                      struct cvn_spdu *s)
{
    struct octets data = {NULL, 0};
    struct octets o = {NULL, 0};
    struct octets fixed = hex(params);
    struct cvn_spdu_fault fault;
    static uint8_t zeros[70000];
    put(&data, fixed.p, fixed.n);
    put_head(&data, code, n);
    put(&data, zeros, n);
    put_head(&o, lines[type].si, data.n);
    put(&o, data.p, data.n);
    int rc = decode(s, type, o, &fault);
    if (rc == CVN_OK)
        ck_assert_uint_eq(s->user_data.n, n);
    s->user_data.p = zeros;
    free(data.p);
    free(fixed.p);
    free(o.p);
    return rc;
}

START_TEST(puts_connect_data_where_its_size_says)
{
    struct cvn_spdu s;
    static const uint8_t zeros[20000];
    cvn_spdu_init(&s, CVN_SPDU_CN);
    for (size_t n = 500; n < 525; n++) {
        s.has = CVN_HAS_USER_DATA;
        s.user_data = (struct cvn_octets){zeros, n};
        struct octets o = encode(&s);
        ck_assert_uint_eq(o.p[4], n > 512 ? 194 : 193);
        free(o.p);
        s.has |= CVN_HAS_EXTENDED;
        o = encode(&s);
        ck_assert_uint_eq(o.p[4], 194);
        free(o.p);
    }
    s.has = CVN_HAS_USER_DATA;
    s.user_data.n = 10240;
    struct octets o = encode(&s);
    struct cvn_spdu back;
    struct cvn_spdu_fault fault;
    ck_assert_int_eq(decode(&back, CVN_SPDU_CN, o, &fault), CVN_OK);
    ck_assert_uint_eq(back.has, CVN_HAS_USER_DATA | CVN_HAS_EXTENDED);
    ck_assert_uint_eq(back.user_data.n, 10240);
    free(o.p);
    s.user_data.n = 10241;
    expect_refused(&s, CVN_EINVAL);
    ck_assert_int_eq(data_taken(CVN_SPDU_CN, "", 194, 10240, &s), CVN_OK);
    ck_assert_int_eq(data_taken(CVN_SPDU_CN, "", 194, 10241, &s), CVN_EPROTO);
    ck_assert_int_eq(data_taken(CVN_SPDU_CN, "", 193, 20000, &s), CVN_OK);
    ck_assert_uint_eq(s.has, CVN_HAS_USER_DATA);
}
END_TEST

START_TEST(knows_what_may_follow_a_reason_to_refuse)
{
    struct cvn_spdu s;
    struct cvn_spdu_fault fault;
    static const struct {
        const char *octets;
        size_t offset; /* 0: taken */
    } cases[] = {{"0C 03 32 01 02", 0},       {"0C 04 32 02 02 78", 0},   {"0C 03 32 01 00", 0},
                 {"0C 04 32 02 00 78", 5},    {"0C 04 32 02 85 78", 5},   {"0C 04 32 02 03 78", 4},
                 {"0C 05 32 01 02 C1 00", 5}, {"0C 05 C1 01 78 32 00", 2}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct octets o = hex(cases[i].octets);
        ck_assert_int_eq(decode(&s, CVN_SPDU_RF, o, &fault),
                         cases[i].offset == 0 ? CVN_OK : CVN_EPROTO);
        if (cases[i].offset != 0)
            ck_assert_uint_eq(fault.offset, cases[i].offset);
        free(o.p);
    }
    cvn_spdu_init(&s, CVN_SPDU_RF);
    s.has = CVN_HAS_USER_DATA;
    s.user_data = (struct cvn_octets){(const uint8_t *)"no", 2};
    expect_refused(&s, CVN_EINVAL); /* no reason before it */
    s.has |= CVN_HAS_REASON;
    s.reason = CVN_RF_PROVIDER;
    expect_refused(&s, CVN_EINVAL);
    for (unsigned v = 0; v < 256; v++) {
        struct cvn_spdu bare = {.type = CVN_SPDU_RF, .has = CVN_HAS_REASON};
        bare.reason = (uint8_t)v;
        if (value_taken(CVN_SPDU_RF, 50, v) < 0)
            expect_refused(&bare, CVN_EINVAL);
        else
            free(encode(&bare).p);
    }
    s.reason = CVN_RF_USER_DATA;
    struct octets o = encode(&s);
    ck_assert_mem_eq(o.p, "\x0c\x05\x32\x03\x02no", 7);
    free(o.p);
}
END_TEST

START_TEST(sends_a_group_for_its_members)
{
    struct cvn_spdu s;
    cvn_spdu_init(&s, CVN_SPDU_CN);
    s.has = CVN_HAS_CALLING_REF; /* the group is not named, but needed */
    s.id.calling = (struct cvn_octets){(const uint8_t *)"me", 2};
    struct octets o = encode(&s);
    ck_assert_mem_eq(o.p, "\x0d\x06\x01\x04\x0a\x02me", 8);
    free(o.p);
    s.has = CVN_HAS_CONNECT_ITEM; /* named, and its mandatory members missing */
    expect_refused(&s, CVN_EINVAL);
    s.has = CVN_HAS_CALLING_REF;
    s.id.calling = (struct cvn_octets){NULL, 0};
    o = encode(&s);
    ck_assert_mem_eq(o.p, "\x0d\x00", 2);
    free(o.p);
    s.has = CVN_HAS_UNITS;
    s.units = 0x2000;
    expect_refused(&s, CVN_EINVAL);
    s.has = CVN_HAS_CONNECT_ITEM | CVN_HAS_OPTIONS | CVN_HAS_VERSION;
    s.large_initial = (struct cvn_octets){(const uint8_t *)"12a", 3};
    expect_refused(&s, CVN_EINVAL);
}
END_TEST

START_TEST(begins_with_what_makes_a_map)
{
    struct cvn_spdu s;
    cvn_spdu_init(&s, CVN_SPDU_MAP);
    s.has |= CVN_HAS_SERIAL;
    s.serial = 12;
    struct octets o = encode(&s);
    ck_assert_mem_eq(o.p, "\x29\x07\x0f\x01\x01\x2a\x02\x31\x32", o.n);
    free(o.p);
    s.has = CVN_HAS_SERIAL;
    expect_refused(&s, CVN_EINVAL);
}
END_TEST

/* An empty value is absent; where a peer wants the unit for its own sake, it is asked for by name. */
START_TEST(leaves_empty_user_data_out_unless_it_is_to_be_seen)
{
    struct cvn_spdu s;
    cvn_spdu_init(&s, CVN_SPDU_FN);
    s.has = CVN_HAS_USER_DATA;
    s.user_data = (struct cvn_octets){(const uint8_t *)"x", 0};
    struct octets without = encode(&s);
    struct octets want = hex("09 00");
    expect_same_octets(without, want);
    s.user_data.p = cvn_spdu_present;
    struct octets with = encode(&s);
    struct octets seen = hex("09 02 c1 00");
    expect_same_octets(with, seen);
    free(without.p);
    free(want.p);
    free(with.p);
    free(seen.p);
}
END_TEST

START_TEST(knows_both_forms_of_length)
{
    static const size_t sizes[] = {1, 253, 254, 255, 256, 65000, 65528, 65529, 65530, 65531};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        struct cvn_spdu s;
        size_t n = sizes[i];
        size_t most = 65535 - 4; /* PGI, LI of three octets */
        ck_assert_int_eq(data_taken(CVN_SPDU_DN, "", 193, n, &s), CVN_OK);
        size_t unit_size = (n < 255 ? 2 : 4) + n;
        ck_assert_uint_eq(cvn_spdu_size(&s), n > most ? 0 : (unit_size < 255 ? 2 : 4) + unit_size);
        struct octets o = encode(&s);
        ck_assert_uint_eq(o.p[1], unit_size < 255 ? unit_size : 255);
        free(o.p);
    }
    struct cvn_spdu s;
    static const uint8_t zeros[70000];
    cvn_spdu_init(&s, CVN_SPDU_DN);
    s.has = CVN_HAS_USER_DATA;
    for (size_t n = 65532; n < 70000; n += 500) {
        s.user_data = (struct cvn_octets){zeros, n};
        ck_assert_uint_eq(cvn_spdu_size(&s), 0);
        expect_refused(&s, CVN_ETOOBIG);
    }
    s.user_data.n = SIZE_MAX;
    ck_assert_uint_eq(cvn_spdu_size(&s), 0);
    expect_refused(&s, CVN_ETOOBIG);
}
END_TEST

START_TEST(sends_a_bare_minor_point_as_any_other)
{
    static const struct {
        uint32_t serial;
        const char *octets;
    } cases[] = {{0, "31 03 2A 01 30"},
                 {7, "31 03 2A 01 37"},
                 {42, "31 04 2A 02 34 32"},
                 {999999, "31 08 2A 06 39 39 39 39 39 39"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        for (int sync = -1; sync < 256; sync++) {
            struct cvn_spdu s;
            struct octets o = hex(cases[i].octets);
            cvn_spdu_init(&s, CVN_SPDU_MIP);
            s.has = CVN_HAS_SERIAL | (sync >= 0 ? (uint32_t)CVN_HAS_SYNC_TYPE : 0);
            s.serial = cases[i].serial;
            s.sync_type = (uint8_t)(sync < 0 ? 200 : sync); /* what is not named is no matter */
            if (sync >= 4) {
                expect_refused(&s, CVN_EINVAL);
            } else if (sync < 0) {
                struct octets sent = encode(&s);
                expect_same_octets(sent, o);
                free(sent.p);
            } else {
                const uint8_t item[] = {49, (uint8_t)(o.n + 1), 15, 1, (uint8_t)sync};
                struct octets sent = encode(&s);
                ck_assert_mem_eq(sent.p, item, sizeof item);
                ck_assert_uint_eq(sent.n, o.n + 3);
                ck_assert_mem_eq(sent.p + 5, o.p + 2, o.n - 2);
                free(sent.p);
            }
            free(o.p);
        }
    }
    struct cvn_spdu s = {.type = CVN_SPDU_MIP, .has = CVN_HAS_SERIAL, .serial = 1000000};
    expect_refused(&s, CVN_EINVAL);
    s.serial = 7;
    s.large_initial = (struct cvn_octets){(const uint8_t *)"1", 1};
    expect_refused(&s, CVN_EINVAL);
    s.large_initial.n = 0;
    for (size_t room = 0; room < 5; room++) {
        uint8_t buf[5] = {0xee};
        struct cvn_wr w = cvn_wr_init(buf, room);
        ck_assert_int_eq(cvn_spdu_encode(&s, &w), CVN_ETOOBIG);
        ck_assert(w.len == 0 && !w.bad && buf[0] == 0xee);
        w = cvn_wr_init(buf, sizeof buf);
        w.bad = true;
        ck_assert_int_eq(cvn_spdu_encode(&s, &w), CVN_ETOOBIG);
    }
}
END_TEST

int main(void)
{
    Suite *s = suite_create("spdu_out");
    TCase *each = tcase_create("each");
    TCase *one = tcase_create("one");
    tcase_set_timeout(each, 60);
#define EACH(name) tcase_add_loop_test(each, name, 0, CVN_SPDU_TYPES)
    EACH(sends_nothing_without_room_for_all);
    EACH(sends_no_parameter_that_is_not_its_own);
    EACH(sends_nothing_if_a_mandatory_one_is_missing);
    EACH(sends_no_reserved_value);
    EACH(sends_no_parameter_longer_than_the_standard_says);
    EACH(sends_no_number_above_999999);
    EACH(takes_and_gives_later_segments_with_user_data_alone);
    EACH(ignores_other_parameters_in_later_segments_and_does_not_send_them);
    tcase_add_test(one, knows_both_forms_of_length);
    tcase_add_test(one, puts_connect_data_where_its_size_says);
    tcase_add_test(one, knows_what_may_follow_a_reason_to_refuse);
    tcase_add_test(one, sends_a_group_for_its_members);
    tcase_add_test(one, begins_with_what_makes_a_map);
    tcase_add_test(one, leaves_empty_user_data_out_unless_it_is_to_be_seen);
    tcase_add_test(one, sends_a_bare_minor_point_as_any_other);
    suite_add_tcase(s, each);
    suite_add_tcase(s, one);
    SRunner *r = srunner_create(s);
    srunner_set_fork_status(r, CK_NOFORK); /* a process for each of 800 takes minutes with ASan */
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed == 0 ? 0 : 1;
}
