/* SPDX-License-Identifier: MIT */
/* Taking SPDUs: every case is drawn from test_lines.c. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "proto/x225/test_lines.h"

/* --- of each SPDU: _i is its type --- */

START_TEST(knows_name_category_and_identifier)
{
    enum cvn_spdu_type type = (enum cvn_spdu_type)_i;
    ck_assert_str_eq(cvn_spdu_name(type), lines[type].name);
    ck_assert_uint_eq(cvn_spdu_category(type), lines[type].category);
    ck_assert_uint_eq(cvn_spdu_si(type), lines[type].si);
    ck_assert_int_eq(cvn_spdu_has_information(type), lines[type].information);
}
END_TEST

START_TEST(takes_and_gives_all_parameters)
{
    struct units us = units_of((enum cvn_spdu_type)_i);
    struct cvn_spdu s;
    expect_round_trip(&us, &s);
}
END_TEST

START_TEST(takes_and_gives_only_what_is_mandatory)
{
    struct units us = mandatory_only((enum cvn_spdu_type)_i);
    struct cvn_spdu s;
    expect_round_trip(&us, &s);
}
END_TEST

START_TEST(takes_and_gives_each_parameter_alone)
{
    enum cvn_spdu_type type = (enum cvn_spdu_type)_i;
    struct units all = units_of(type);
    for (size_t i = 0; i < all.n; i++) {
        struct units us = mandatory_only(type);
        struct cvn_spdu s;
        add_unit(&us, &us.at[i]);
        if (us.at[i].group && us.at[i].code == 1) { /* an empty group */
            expect_round_trip(&us, &s);
            ck_assert((s.has & CVN_HAS_CONNECTION_ID) != 0);
            continue;
        }
        expect_round_trip(&us, &s);
    }
}
END_TEST

START_TEST(takes_any_order)
{
    struct units us = units_of((enum cvn_spdu_type)_i);
    struct twist t = {.reversed = true};
    struct cvn_spdu s;
    struct cvn_spdu r;
    struct cvn_spdu_fault fault;
    struct octets o = build(&us, NULL);
    struct octets reversed = build(&us, &t);
    ck_assert_int_eq(decode(&s, us.type, o, &fault), CVN_OK);
    ck_assert_int_eq(decode(&r, us.type, reversed, &fault), CVN_OK);
    ck_assert(same(&s, &r));
    free(o.p);
    free(reversed.p);
}
END_TEST

START_TEST(refuses_if_a_mandatory_one_is_missing)
{
    struct units all = units_of((enum cvn_spdu_type)_i);
    for (size_t i = 0; i < all.n; i++) {
        struct units us = units_of((enum cvn_spdu_type)_i);
        if (!us.at[i].mandatory || us.type == CVN_SPDU_MAP)
            continue;
        us.at[i].present = false;
        struct twist t = {.mark = us.at[i].pgi == 0 ? NULL : unit(&us, 0, us.at[i].pgi)};
        struct octets o = build(&us, &t);
        free(o.p);
        expect_fault(&us, NULL, t.mark == NULL ? 1 : t.mark_at + 1, "is missing");
        if (us.at[i].group) /* empty is the same */
            continue;
        us.at[i].present = true;
        us.at[i].n = 0;
        expect_fault(&us, NULL, t.mark == NULL ? 1 : t.mark_at + 1, "is missing");
    }
}
END_TEST

START_TEST(refuses_a_parameter_that_stands_twice)
{
    struct units us = units_of((enum cvn_spdu_type)_i);
    for (size_t i = 0; i < us.n; i++) {
        if (!us.at[i].present)
            continue;
        struct twist t = {.twice = &us.at[i]};
        struct octets o = build(&us, &t);
        ck_assert_uint_ne(t.extra_at, SIZE_MAX);
        free(o.p);
        size_t at = t.extra_at;
        expect_fault(&us, &t, at, "stands twice");
        if (us.at[i].group)
            continue;
        struct units absent = us; /* the first one empty is no excuse */
        absent.at[i].n = 0;
        t.twice = &absent.at[i];
        expect_fault(&absent, &t, SIZE_MAX, "stands twice");
    }
}
END_TEST

static bool has_unit(const struct units *us, unsigned pgi, unsigned code)
{
    for (size_t i = 0; i < us->n; i++)
        if (us->at[i].pgi == pgi && us->at[i].code == code)
            return true;
    return false;
}

/* A unit with each code that is none of this SPDU's, before unit i or at the end, of
 * n octets. s: what it is without. */
static void expect_skipped(const struct units *us, size_t i, size_t n, const struct cvn_spdu *s)
{
    unsigned pgi = i < us->n ? us->at[i].pgi : 0;
    struct twist t = {.before = i < us->n ? &us->at[i] : NULL, .at_end = i == us->n};
    struct cvn_spdu r;
    struct cvn_spdu_fault fault;
    put_head(&t.extra, 0, n);
    put(&t.extra, "unknown", n);
    struct octets o = build(us, &t);
    for (unsigned code = 0; code < 256; code++) {
        if (has_unit(us, pgi, code))
            continue;
        o.p[t.extra_at] = (uint8_t)code;
        int rc = decode(&r, us->type, o, &fault);
        if (pgi == 0 && (code == 193 || code == 194)) {
            MUST(rc == CVN_EPROTO);
            MUST(fault.offset == t.extra_at);
            MUST(strstr(fault.why, "user data") != NULL);
        } else {
            ck_assert_msg(rc == CVN_OK, "%u in %u: %s", code, pgi, fault.why);
            MUST(same(s, &r));
        }
    }
    free(o.p);
    free(t.extra.p);
}

START_TEST(skips_what_it_does_not_know_but_no_user_data)
{
    struct units us = units_of((enum cvn_spdu_type)_i);
    struct cvn_spdu s;
    struct cvn_spdu_fault fault;
    struct octets o = build(&us, NULL);
    ck_assert_int_eq(decode(&s, us.type, o, &fault), CVN_OK);
    for (size_t i = 0; i <= us.n; i++) {
        if (i < us.n && !us.at[i].present)
            continue;
        expect_skipped(&us, i, 0, &s);
        expect_skipped(&us, i, 7, &s);
    }
    free(o.p);
}
END_TEST

/* What lengths a unit may have on receipt; 0 is always absent. */
static bool length_allowed(enum cvn_spdu_type type, const struct unit *u, size_t n)
{
    switch (u->code) {
    case 9:
    case 10:
    case 11:
    case 51:
    case 52:
        return n <= 64;
    case 12:
        return n <= 4;
    case 20:
        return n == 2;
    case 21:
        return n == 4;
    case 23:
    case 42:
    case 54:
    case 55:
    case 41:
        return n <= 6;
    case 49:
        return type == CVN_SPDU_ER || n <= 9;
    case 50:
        return type == CVN_SPDU_RF || n == 1;
    case 46:
    case 57:
    case 58:
    case 193:
    case 194:
        return true;
    default:
        return n == 1;
    }
}

START_TEST(holds_each_parameter_to_its_length)
{
    enum cvn_spdu_type type = (enum cvn_spdu_type)_i;
    struct units all = units_of(type);
    for (size_t i = 0; i < all.n; i++) {
        for (size_t n = 0; n <= 70; n++) {
            struct units us = mandatory_only(type);
            struct unit *u = &us.at[i];
            struct twist t = {.mark = u};
            if (u->group)
                continue;
            add_unit(&us, u);
            bool digits = u->code == 23 || u->code == 42 || (u->code >= 54 && u->code <= 58);
            uint8_t first = u->value[0];
            memset(u->value, digits ? '1' : 0, sizeof u->value);
            u->value[0] = first;
            u->n = n;
            struct octets o = build(&us, &t);
            struct cvn_spdu s;
            struct cvn_spdu_fault fault;
            int rc = decode(&s, type, o, &fault);
            if (n == 0 && u->mandatory && !(type == CVN_SPDU_MAP && u->code == 15)) {
                MUST(rc == CVN_EPROTO);
                MUST(strstr(fault.why, "is missing") != NULL);
            } else if (n == 0 || length_allowed(type, u, n)) {
                MUST(rc == CVN_OK);
            } else {
                MUST(rc == CVN_EPROTO);
                MUST(fault.offset == t.mark_at + 1);
                MUST(strstr(fault.why, "wrong length") != NULL);
            }
            free(o.p);
        }
    }
}
END_TEST

/* The octet at offset at is the value of a parameter: v. */
static void expect_value(enum cvn_spdu_type type, unsigned code, struct octets o, size_t at,
                         unsigned v)
{
    struct cvn_spdu s;
    struct cvn_spdu_fault fault;
    o.p[at] = (uint8_t)v;
    int rc = decode(&s, type, o, &fault);
    int taken = value_taken(type, code, v);
    if (taken < 0) {
        MUST(rc == CVN_EPROTO);
        MUST(fault.offset == at);
        MUST(strstr(fault.why, "reserved value") != NULL);
        return;
    }
    ck_assert_msg(rc == CVN_OK, "%u = %u: %s", code, v, fault.why);
    MUST(*octet_of(&s, code) == taken);
    if (code == 15 && type != CVN_SPDU_MIP)
        MUST(s.type == (taken == 1 ? CVN_SPDU_MAP : CVN_SPDU_AE));
    else if (code == 25 && type == CVN_SPDU_MAP && taken % 2 == 0)
        MUST(s.type == CVN_SPDU_AE); /* a later segment: spdu.h */
    else
        MUST(s.type == type);
}

START_TEST(holds_each_octet_to_its_values)
{
    enum cvn_spdu_type type = (enum cvn_spdu_type)_i;
    struct units all = units_of(type);
    for (size_t i = 0; i < all.n; i++) {
        struct units us = mandatory_only(type);
        struct unit *u = &us.at[i];
        struct twist t = {.mark = u};
        if (u->group || (u->n != 1 && u->code != 50))
            continue;
        add_unit(&us, u);
        set_octet(u, 0);
        struct octets o = build(&us, &t);
        for (unsigned v = 0; v < 256; v++)
            expect_value(type, u->code, o, t.mark_at + 2, v);
        free(o.p);
    }
}
END_TEST

/* The digits 000000 stand at offset at, but for octet k, which is v. */
static void expect_digit(enum cvn_spdu_type type, unsigned code, struct octets o, size_t at,
                         size_t k, unsigned v)
{
    static const uint32_t place[] = {100000, 10000, 1000, 100, 10, 1};
    struct cvn_spdu s;
    struct cvn_spdu_fault fault;
    o.p[at + k] = (uint8_t)v;
    int rc = decode(&s, type, o, &fault);
    const uint32_t *number = number_of(&s, code);
    if (v < '0' || v > '9') {
        MUST(rc == CVN_EPROTO);
        MUST(fault.offset == at + k);
        MUST(strstr(fault.why, "reserved value") != NULL);
    } else if (number != NULL) {
        MUST(rc == CVN_OK);
        MUST(*number == place[k] * (v - '0'));
    } else {
        struct cvn_octets large = code == 57 ? s.large_initial : s.large_initial2;
        MUST(rc == CVN_OK);
        MUST(same_octets(large, (struct cvn_octets){o.p + at, 6}));
    }
    o.p[at + k] = '0';
}

START_TEST(holds_numbers_to_digits)
{
    enum cvn_spdu_type type = (enum cvn_spdu_type)_i;
    struct units all = units_of(type);
    struct cvn_spdu none;
    for (size_t i = 0; i < all.n; i++) {
        unsigned code = all.at[i].code;
        if (number_of(&none, code) == NULL && code != 57 && code != 58)
            continue;
        struct units us = mandatory_only(type);
        struct twist t = {.mark = &us.at[i]};
        add_unit(&us, &us.at[i]);
        set(&us.at[i], "000000", 6);
        struct octets o = build(&us, &t);
        for (unsigned v = 0; v < 256; v++)
            for (size_t k = 0; k < 6; k++)
                expect_digit(type, code, o, t.mark_at + 2, k, v);
        free(o.p);
    }
}
END_TEST

START_TEST(refuses_every_prefix_and_every_surplus)
{
    struct units us = units_of((enum cvn_spdu_type)_i);
    struct octets o = build(&us, NULL);
    for (size_t n = 0; n < o.n; n++) {
        struct cvn_spdu s;
        struct cvn_spdu_fault fault;
        struct octets prefix = {o.p, n};
        ck_assert_int_eq(decode(&s, us.type, prefix, &fault), CVN_EPROTO);
        ck_assert_uint_eq(cvn_spdu_header_length(o.p, n), n < 2 ? 0 : o.n);
    }
    struct cvn_spdu s;
    struct cvn_spdu_fault fault;
    put(&o, "", 1);
    ck_assert_int_eq(decode(&s, us.type, o, &fault), CVN_EPROTO);
    ck_assert_uint_eq(cvn_spdu_header_length(o.p, o.n), o.n - 1);
    free(o.p);
}
END_TEST

/* Each unit's LI one more or one less than there is, and in the wrong form. */
START_TEST(refuses_a_length_beyond_what_encloses_it)
{
    struct units us = units_of((enum cvn_spdu_type)_i);
    struct units last = us;
    for (size_t i = 0; i < us.n; i++) {
        if (!us.at[i].present || us.at[i].group)
            continue;
        for (size_t k = 0; k < us.n; k++) /* the last of its level */
            last.at[k].present = us.at[k].present && (k <= i || us.at[k].pgi != us.at[i].pgi);
        struct twist t = {.mark = &last.at[i]};
        struct octets o = build(&last, &t);
        struct cvn_spdu s;
        struct cvn_spdu_fault fault;
        o.p[t.mark_at + 1]++;
        ck_assert_int_eq(decode(&s, us.type, o, &fault), CVN_EPROTO);
        if (us.at[i].pgi != 0 || t.mark_at + 2 + us.at[i].n == o.n)
            ck_assert_uint_eq(fault.offset, t.mark_at + 1);
        o.p[t.mark_at + 1] = 255;
        ck_assert_int_eq(decode(&s, us.type, o, &fault), CVN_EPROTO);
        ck_assert_uint_eq(fault.offset, t.mark_at + 1);
        free(o.p);

        struct twist l = {.before = &us.at[i]}; /* a unit in the long form of a short length */
        put(&l.extra, "\xc8\xff\x00\x01x", 5);
        size_t at;
        o = build(&us, &l);
        at = l.extra_at + 1;
        free(o.p);
        expect_fault(&us, &l, at, "the length of a parameter");
        free(l.extra.p);
    }
}
END_TEST

START_TEST(refuses_a_wrong_identifier)
{
    enum cvn_spdu_type type = (enum cvn_spdu_type)_i;
    struct cvn_spdu s;
    struct cvn_spdu_fault fault;
    struct units us = mandatory_only(type);
    struct octets o = build(&us, NULL);
    bool first = lines[type].category != 2;
    for (unsigned si = 0; si < 256; si++) {
        int as_first = 0;
        int as_second = 0;
        for (int k = 0; k < CVN_SPDU_TYPES; k++) {
            as_first = as_first || (lines[k].si == si && lines[k].category != 2);
            as_second = as_second || (lines[k].si == si && lines[k].category == 2);
        }
        o.p[0] = (uint8_t)si;
        int rc = cvn_spdu_decode(&s, o.p, o.n, first, &fault);
        if (first ? as_first : as_second)
            continue;
        ck_assert_int_eq(rc, CVN_EPROTO);
        ck_assert_uint_eq(fault.offset, 0);
        ck_assert_ptr_nonnull(strstr(fault.why, as_second  ? "stands first"
                                                : as_first ? "follows another"
                                                           : "no SPDU has this SI"));
    }
    free(o.p);
}
END_TEST

/* --- chance --- */

static unsigned long long state;

static unsigned chance(unsigned n)
{
    state = state * 6364136223846793005ull + 1442695040888963407ull;
    return (unsigned)(state >> 33) % n;
}

START_TEST(survives_ten_thousand_mutations)
{
    enum cvn_spdu_type type = (enum cvn_spdu_type)_i;
    struct units us = units_of(type);
    struct octets o = build(&us, NULL);
    unsigned accepted = 0;
    state = 1000 + (unsigned)_i;
    for (int round = 0; round < 10000; round++) {
        struct octets m = {NULL, 0};
        put(&m, o.p, o.n);
        for (unsigned k = 1 + chance(3); k > 0; k--) {
            size_t at = chance((unsigned)m.n);
            switch (chance(4)) {
            case 0:
                m.p[at] = (uint8_t)chance(256);
                break;
            case 1:
                m.p[at] ^= (uint8_t)(1u << chance(8));
                break;
            case 2: /* an octet less, and the length says so */
                if (m.n > 3 && at >= 2) {
                    memmove(m.p + at, m.p + at + 1, m.n - at - 1);
                    m.n--;
                    m.p[1]--;
                }
                break;
            default: /* LIs of all sizes */
                m.p[at] = chance(2) == 0 ? 255 : (uint8_t)chance(12);
                break;
            }
        }
        struct cvn_spdu s;
        struct cvn_spdu_fault fault;
        bool first = lines[type].category != 2;
        uint8_t *exact = malloc(m.n);
        MUST(exact != NULL);
        memcpy(exact, m.p, m.n);
        int rc = cvn_spdu_decode(&s, exact, m.n, first, &fault);
        if (rc == CVN_OK) {
            static uint8_t buf[4096];
            struct cvn_wr w = cvn_wr_init(buf, sizeof buf);
            bool longer = s.calling_ssel.n > CVN_SSEL_MAX || s.called_ssel.n > CVN_SSEL_MAX;
            accepted++;
            rc = cvn_spdu_encode(&s, &w);
            MUST(rc == (longer ? CVN_EINVAL : CVN_OK));
            struct cvn_spdu back;
            if (rc == CVN_OK) {
                MUST(cvn_spdu_decode(&back, buf, w.len, first, &fault) == CVN_OK);
                MUST(same(&s, &back));
            }
        } else {
            MUST(rc == CVN_EPROTO);
            MUST(fault.offset <= m.n);
        }
        free(exact);
        free(m.p);
    }
    ck_assert_uint_gt(accepted, 0);
    free(o.p);
}
END_TEST

/* --- single cases --- */

START_TEST(agrees_with_worked_octets)
{
    static const struct {
        const char *octets;
        enum cvn_spdu_type type;
        uint32_t has;
    } cases[] = {
        {"01 00", CVN_SPDU_DT, 0},
        {"01 03 19 01 01", CVN_SPDU_DT, CVN_HAS_ENCLOSURE},
        {"01 03 19 01 00", CVN_SPDU_DT, CVN_HAS_ENCLOSURE},
        {"01 03 19 01 02", CVN_SPDU_DT, CVN_HAS_ENCLOSURE},
        {"21 00", CVN_SPDU_TD, 0},
        {"05 00", CVN_SPDU_EX, 0},
        {"0D 18 05 06 13 01 00 16 01 02 14 02 00 02 33 02 00 01 34 02 00 01 C1 02 68 69",
         CVN_SPDU_CN,
         CVN_HAS_CONNECT_ITEM | CVN_HAS_OPTIONS | CVN_HAS_VERSION | CVN_HAS_UNITS |
             CVN_HAS_CALLING_SSEL | CVN_HAS_CALLED_SSEL | CVN_HAS_USER_DATA},
        {"0E 14 05 06 13 01 00 16 01 02 14 02 00 02 34 02 00 01 C1 02 68 69", CVN_SPDU_AC,
         CVN_HAS_CONNECT_ITEM | CVN_HAS_OPTIONS | CVN_HAS_VERSION | CVN_HAS_UNITS |
             CVN_HAS_CALLED_SSEL | CVN_HAS_USER_DATA},
        {"09 03 C1 01 78", CVN_SPDU_FN, CVN_HAS_USER_DATA},
        {"0A 03 C1 01 78", CVN_SPDU_DN, CVN_HAS_USER_DATA},
        {"19 06 11 01 03 C1 01 78", CVN_SPDU_AB, CVN_HAS_DISCONNECT | CVN_HAS_USER_DATA},
        {"1A 00", CVN_SPDU_AA, 0},
        {"0C 06 11 01 01 32 01 81", CVN_SPDU_RF, CVN_HAS_DISCONNECT | CVN_HAS_REASON},
        {"31 06 0F 01 01 2A 01 37", CVN_SPDU_MIP, CVN_HAS_SYNC_TYPE | CVN_HAS_SERIAL},
        {"32 03 2A 01 37", CVN_SPDU_MIA, CVN_HAS_SERIAL},
        {"29 07 0F 01 01 2A 02 31 32", CVN_SPDU_MAP, CVN_HAS_SYNC_TYPE | CVN_HAS_SERIAL},
        {"29 04 2A 02 31 32", CVN_SPDU_AE, CVN_HAS_SERIAL},
        {"2A 04 2A 02 31 32", CVN_SPDU_MAA, CVN_HAS_SERIAL},
        {"35 09 1A 01 00 1B 01 00 2A 01 35", CVN_SPDU_RS,
         CVN_HAS_TOKEN_SETTING | CVN_HAS_RESYNC | CVN_HAS_SERIAL},
        {"07 03 18 01 02", CVN_SPDU_PR, CVN_HAS_PREPARE},
        {"01 03 10 01 01", CVN_SPDU_GT, CVN_HAS_TOKEN_ITEM},
        {"02 03 10 01 55", CVN_SPDU_PT, CVN_HAS_TOKEN_ITEM},
        {"15 00", CVN_SPDU_GTC, 0},
        {"16 00", CVN_SPDU_GTA, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct octets o = hex(cases[i].octets);
        struct cvn_spdu s;
        struct cvn_spdu_fault fault;
        ck_assert_int_eq(decode(&s, cases[i].type, o, &fault), CVN_OK);
        ck_assert_int_eq(s.type, cases[i].type);
        ck_assert_uint_eq(s.has, cases[i].has);
        struct octets back = encode(&s);
        expect_same_octets(o, back);
        free(back.p);
        free(o.p);
    }
}
END_TEST

START_TEST(reads_every_value_to_its_member)
{
    struct octets o = hex("0D 5E 01 0E 0A 03 61 62 63 0B 02 64 65 0C 03 01 02 03"
                          " 05 2A 13 01 01 15 04 12 34 56 78 16 01 03 17 03 30 34 32 1A 01 2A"
                          " 37 02 30 37 38 01 05 39 07 31 32 33 34 35 36 37 3A 08 31 31 31 31 31 31"
                          " 31 31 14 02 0B 49 33 03 63 61 6C 34 04 63 61 6C 6C 3C 01 01"
                          " C1 07 64 61 74 61 64 61 74");
    struct cvn_spdu s;
    struct cvn_spdu_fault fault;
    o.p[1] = (uint8_t)(o.n - 2);
    o.p[19] = 46; /* the group's own length */
    int rc = decode(&s, CVN_SPDU_CN, o, &fault);
    ck_assert_msg(rc == CVN_OK, "%s at %zu", fault.why, fault.offset);
    ck_assert(same_octets(s.id.calling, (struct cvn_octets){(const uint8_t *)"abc", 3}));
    ck_assert(same_octets(s.id.common, (struct cvn_octets){(const uint8_t *)"de", 2}));
    ck_assert(same_octets(s.id.additional, (struct cvn_octets){(const uint8_t *)"\1\2\3", 3}));
    ck_assert_ptr_null(s.id.called.p);
    ck_assert_uint_eq(s.options, 1);
    ck_assert_uint_eq(s.tsdu_max_initiator, 0x1234);
    ck_assert_uint_eq(s.tsdu_max_responder, 0x5678);
    ck_assert_uint_eq(s.version, 3);
    ck_assert_uint_eq(s.initial, 42);
    ck_assert_uint_eq(s.token_setting, 0x2a);
    ck_assert_uint_eq(s.serial2, 7);
    ck_assert_uint_eq(s.upper_limit, 5);
    ck_assert(same_octets(s.large_initial, (struct cvn_octets){(const uint8_t *)"1234567", 7}));
    ck_assert(same_octets(s.large_initial2, (struct cvn_octets){(const uint8_t *)"11111111", 8}));
    ck_assert_uint_eq(s.units, 0x0b49);
    ck_assert(same_octets(s.calling_ssel, (struct cvn_octets){(const uint8_t *)"cal", 3}));
    ck_assert(same_octets(s.called_ssel, (struct cvn_octets){(const uint8_t *)"call", 4}));
    ck_assert_uint_eq(s.overflow, 1);
    ck_assert(same_octets(s.user_data, (struct cvn_octets){(const uint8_t *)"datadat", 7}));
    free(o.p);
}
END_TEST

START_TEST(takes_what_deployed_peers_send)
{
    static const struct {
        enum cvn_spdu_type type;
        const char *octets;
        uint32_t has;
    } cases[] = {
        {CVN_SPDU_CN, "0D 00", 0},
        {CVN_SPDU_CN, "0D 02 01 00", CVN_HAS_CONNECTION_ID},
        {CVN_SPDU_AC, "0E 02 01 00", CVN_HAS_CONNECTION_ID},
        {CVN_SPDU_CN, "0D 02 05 00", 0},
        {CVN_SPDU_AC, "0E 05 05 00 19 01 03", CVN_HAS_ENCLOSURE},
        {CVN_SPDU_DN, "0A 03 19 01 03", CVN_HAS_ENCLOSURE},
        {CVN_SPDU_MIP, "31 08 2A 01 37 19 01 03 C1 00", CVN_HAS_SERIAL | CVN_HAS_ENCLOSURE},
        {CVN_SPDU_FN, "09 02 C1 00", 0},
        {CVN_SPDU_AB, "19 03 11 01 0B", CVN_HAS_DISCONNECT},
        {CVN_SPDU_AE, "29 06 2A 01 31 0F 01 02", CVN_HAS_SERIAL | CVN_HAS_SYNC_TYPE},
        {CVN_SPDU_RF, "0C 00", 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct octets o = hex(cases[i].octets);
        struct cvn_spdu s;
        struct cvn_spdu_fault fault;
        int rc = decode(&s, cases[i].type, o, &fault);
        ck_assert_msg(rc == CVN_OK, "%s: %s", cases[i].octets, fault.why);
        ck_assert_int_eq(s.type, cases[i].type);
        ck_assert_uint_eq(s.has, cases[i].has);
        free(o.p);
    }
}
END_TEST

START_TEST(tells_the_length_of_a_header)
{
    static const struct {
        const char *octets;
        size_t length;
    } cases[] = {{"", 0},
                 {"01", 0},
                 {"01 00", 2},
                 {"01 FE", 256},
                 {"01 FF", 0},
                 {"01 FF 01", 0},
                 {"01 FF 00 FF", 259},
                 {"01 FF FF FF", CVN_SPDU_MAX},
                 {"01 FF 00 FE", CVN_SPDU_MAX + 1},
                 {"01 FF 00 00", CVN_SPDU_MAX + 1}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct octets o = hex(cases[i].octets);
        ck_assert_uint_eq(cvn_spdu_header_length(o.p, o.n), cases[i].length);
        free(o.p);
    }
}
END_TEST

START_TEST(refuses_the_long_form_of_a_short_length)
{
    struct octets o = hex("0A FF 00 03 C1 01 78");
    struct cvn_spdu s;
    struct cvn_spdu_fault fault;
    ck_assert_int_eq(decode(&s, CVN_SPDU_DN, o, &fault), CVN_EPROTO);
    ck_assert_uint_eq(fault.offset, 1);
    ck_assert_ptr_nonnull(strstr(fault.why, "the length of an SPDU"));
    ck_assert_int_eq(s.type, CVN_SPDU_DN); /* known all the same */
    ck_assert_uint_eq(s.has, 0);
    free(o.p);
}
END_TEST

START_TEST(refuses_connect_data_in_both_forms)
{
    struct units us = units_of(CVN_SPDU_CN);
    struct twist t = {.mark = unit(&us, 0, 194)};
    unit(&us, 0, 194)->present = true;
    struct octets o = build(&us, &t);
    free(o.p);
    size_t at = t.mark_at;
    expect_fault(&us, &t, at, "exclude each other");
}
END_TEST

int main(void)
{
    Suite *s = suite_create("spdu");
    TCase *each = tcase_create("each");
    TCase *one = tcase_create("one");
    tcase_set_timeout(each, 60);
#define EACH(name) tcase_add_loop_test(each, name, 0, CVN_SPDU_TYPES)
    EACH(knows_name_category_and_identifier);
    EACH(takes_and_gives_all_parameters);
    EACH(takes_and_gives_only_what_is_mandatory);
    EACH(takes_and_gives_each_parameter_alone);
    EACH(takes_any_order);
    EACH(refuses_if_a_mandatory_one_is_missing);
    EACH(refuses_a_parameter_that_stands_twice);
    EACH(skips_what_it_does_not_know_but_no_user_data);
    EACH(holds_each_parameter_to_its_length);
    EACH(holds_each_octet_to_its_values);
    EACH(holds_numbers_to_digits);
    EACH(refuses_every_prefix_and_every_surplus);
    EACH(refuses_a_length_beyond_what_encloses_it);
    EACH(refuses_a_wrong_identifier);
    EACH(survives_ten_thousand_mutations);
    tcase_add_test(one, agrees_with_worked_octets);
    tcase_add_test(one, reads_every_value_to_its_member);
    tcase_add_test(one, takes_what_deployed_peers_send);
    tcase_add_test(one, tells_the_length_of_a_header);
    tcase_add_test(one, refuses_the_long_form_of_a_short_length);
    tcase_add_test(one, refuses_connect_data_in_both_forms);
    suite_add_tcase(s, each);
    suite_add_tcase(s, one);
    SRunner *r = srunner_create(s);
    srunner_set_fork_status(r, CK_NOFORK); /* a process for each of 800 takes minutes with ASan */
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed == 0 ? 0 : 1;
}
