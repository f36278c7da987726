/* SPDX-License-Identifier: MIT */
/*
 * The SPDUs of clause 8 are written here a second time, as one line of text each,
 * and every case is drawn from these lines: what spdu.c's tables say is not used.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/x225/spdu.h"

/* SI, category, user information, parameters: code and m or o; { } the units of a group. */
struct line {
    const char *name;
    unsigned si;
    unsigned category;
    bool information;
    const char *units;
};

#define PGI5 "5o{19m 21o 22m 23o 26o 55o 56o 57o 58o}"

static const struct line lines[CVN_SPDU_TYPES] = {
    [CVN_SPDU_CN] = {"CN", 13, 1, false, "1o{10o 11o 12o} " PGI5 " 20o 51o 52o 60o 193o 194o"},
    [CVN_SPDU_OA] = {"OA", 16, 1, false, "21o 22m"},
    [CVN_SPDU_CDO] = {"CDO", 15, 1, false, "25m 193o"},
    [CVN_SPDU_AC] = {"AC", 14, 1, false, "1o{9o 11o 12o} " PGI5 " 16o 20o 25o 51o 52o 193o"},
    [CVN_SPDU_RF] = {"RF", 12, 1, false, "1o{9o 11o 12o} 17o 20o 22o 25o 50o"},
    [CVN_SPDU_FN] = {"FN", 9, 1, false, "17o 25o 193o"},
    [CVN_SPDU_DN] = {"DN", 10, 1, false, "25o 193o"},
    [CVN_SPDU_NF] = {"NF", 8, 1, false, "25o 193o"},
    [CVN_SPDU_AB] = {"AB", 25, 1, false, "17m 25o 49o 193o"},
    [CVN_SPDU_AA] = {"AA", 26, 1, false, ""},
    [CVN_SPDU_DT] = {"DT", 1, 2, true, "25o"},
    [CVN_SPDU_EX] = {"EX", 5, 1, true, ""},
    [CVN_SPDU_TD] = {"TD", 33, 1, true, "25o"},
    [CVN_SPDU_CD] = {"CD", 61, 2, false, "25o 193o"},
    [CVN_SPDU_CDA] = {"CDA", 62, 2, false, "25o 193o"},
    [CVN_SPDU_GT] = {"GT", 1, 0, false, "16o 25o 193o"},
    [CVN_SPDU_PT] = {"PT", 2, 0, false, "16o 25o 193o"},
    [CVN_SPDU_GTC] = {"GTC", 21, 1, false, "25o 193o"},
    [CVN_SPDU_GTA] = {"GTA", 22, 1, false, ""},
    [CVN_SPDU_MIP] = {"MIP", 49, 2, false, "15o 25o 42m 193o"},
    [CVN_SPDU_MIA] = {"MIA", 50, 2, false, "25o 42m 46o"},
    [CVN_SPDU_MAP] = {"MAP", 41, 2, false, "15m 25o 42m 54o 193o"},
    [CVN_SPDU_AE] = {"AE", 41, 2, false, "15o 25o 42m 54o 193o"},
    [CVN_SPDU_MAA] = {"MAA", 42, 2, false, "25o 42m 54o 193o"},
    [CVN_SPDU_RS] = {"RS", 53, 2, false, "25o 26o 27m 42m 53o 54o 193o"},
    [CVN_SPDU_RA] = {"RA", 34, 2, false, "25o 26o 42m 54o 193o"},
    [CVN_SPDU_PR] = {"PR", 7, 1, false, "24m 27o 53o"},
    [CVN_SPDU_ER] = {"ER", 0, 2, false, "49m"},
    [CVN_SPDU_ED] = {"ED", 48, 2, false, "25o 50m 193o"},
    [CVN_SPDU_AS] = {"AS", 45, 2, false, "25o 41m 193o"},
    [CVN_SPDU_AR] = {"AR", 29, 2, false, "25o 33m{9o 10o 11o 12o 41m 42m 54o} 41m 193o"},
    [CVN_SPDU_AI] = {"AI", 25, 2, false, "25o 50o 193o"},
    [CVN_SPDU_AIA] = {"AIA", 26, 2, false, "25o 193o"},
    [CVN_SPDU_AD] = {"AD", 57, 2, false, "25o 50o 193o"},
    [CVN_SPDU_ADA] = {"ADA", 58, 2, false, "25o 193o"},
};

#define UNITS_MAX 32

struct unit {
    unsigned pgi; /* 0: top level */
    unsigned code;
    bool mandatory;
    bool group;
    bool present; /* in what is built */
    size_t n;
    uint8_t value[80];
};

struct units {
    enum cvn_spdu_type type;
    size_t n;
    struct unit at[UNITS_MAX];
};

static void set(struct unit *u, const void *value, size_t n)
{
    ck_assert_uint_le(n, sizeof u->value);
    memcpy(u->value, value, n);
    u->n = n;
}

static void set_octet(struct unit *u, unsigned v)
{
    u->value[0] = (uint8_t)v;
    u->n = 1;
}

/* A value that may stand in the unit; all defined bits set where they are bits. */
static void set_sample(enum cvn_spdu_type type, struct unit *u)
{
    static const struct {
        unsigned code;
        const char *value;
    } octets[] = {{9, "called"},     {10, "calling"},      {11, "20260101000000Z"},
                  {12, "1234"},      {20, "\x03\x49"},     {21, "\x04\x01\x08\x02"},
                  {23, "123456"},    {41, "act-1"},        {42, "999999"},
                  {46, "mia data"},  {49, "\x01\x02\x03"}, {51, "calling ssel"},
                  {52, "called"},    {54, "77"},           {55, "88"},
                  {57, "123456789"}, {58, "987654321098"}, {193, "user data"},
                  {194, "extended"}};
    static const struct {
        unsigned code;
        unsigned value;
    } codes[] = {{15, 3}, {16, 0x55}, {17, 1}, {19, 1}, {22, 3}, {24, 2},
                 {25, 3}, {26, 0x26}, {27, 2}, {53, 1}, {56, 6}, {60, 1}};
    for (size_t i = 0; i < sizeof octets / sizeof octets[0]; i++)
        if (octets[i].code == u->code)
            set(u, octets[i].value, strlen(octets[i].value));
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++)
        if (codes[i].code == u->code)
            set_octet(u, codes[i].value);
    if (u->code == 15 && type != CVN_SPDU_MIP)
        set_octet(u, type == CVN_SPDU_MAP ? 1 : 0);
    if (u->code == 17 && type == CVN_SPDU_AB)
        set_octet(u, 0x1f);
    if (u->code == 22 && type == CVN_SPDU_OA)
        set_octet(u, 2);
    if (u->code == 41 && u->pgi == 33)
        set(u, "old", 3);
    if (u->code == 50)
        set_octet(u, 5);
    if (u->code == 50 && type == CVN_SPDU_RF)
        set(u, "\x02refused", 8);
}

/* The units of an SPDU, all present. CN's 194 is left out. */
static struct units units_of(enum cvn_spdu_type type)
{
    struct units us = {.type = type};
    unsigned pgi = 0;
    const char *p = lines[type].units;
    while (*p != '\0') {
        if (*p == ' ' || *p == '}') {
            if (*p == '}')
                pgi = 0;
            p++;
            continue;
        }
        struct unit *u = &us.at[us.n++];
        char *end;
        u->code = (unsigned)strtoul(p, &end, 10);
        u->pgi = pgi;
        u->mandatory = *end == 'm';
        u->present = true;
        p = end + 1;
        if (*p == '{') {
            u->group = true;
            pgi = u->code;
            p++;
        } else {
            set_sample(type, u);
            ck_assert_uint_gt(u->n, 0);
        }
        if (type == CVN_SPDU_CN && u->code == 194)
            u->present = false;
    }
    return us;
}

static struct unit *unit(struct units *us, unsigned pgi, unsigned code)
{
    for (size_t i = 0; i < us->n; i++)
        if (us->at[i].pgi == pgi && us->at[i].code == code)
            return &us->at[i];
    ck_abort_msg("no unit %u in %u of %s", code, pgi, lines[us->type].name);
}

static struct units mandatory_only(enum cvn_spdu_type type)
{
    struct units us = units_of(type);
    for (size_t i = 0; i < us.n; i++) {
        us.at[i].present = us.at[i].mandatory;
        if (us.at[i].pgi != 0 && !unit(&us, 0, us.at[i].pgi)->present)
            us.at[i].present = false;
    }
    return us;
}

/* u is made present, with its group and what the group must have. */
static void add_unit(struct units *us, struct unit *u)
{
    u->present = true;
    unsigned pgi = u->group ? u->code : u->pgi;
    for (size_t i = 0; pgi != 0 && i < us->n; i++)
        if ((us->at[i].pgi == pgi && us->at[i].mandatory) ||
            (us->at[i].pgi == 0 && us->at[i].code == pgi))
            us->at[i].present = true;
}

struct octets {
    uint8_t *p;
    size_t n;
};

static void put(struct octets *o, const void *p, size_t n)
{
    o->p = realloc(o->p, o->n + n + 1);
    ck_assert_ptr_nonnull(o->p);
    if (n > 0)
        memcpy(o->p + o->n, p, n);
    o->n += n;
}

static void put_head(struct octets *o, unsigned code, size_t n)
{
    uint8_t head[4] = {(uint8_t)code, (uint8_t)n};
    size_t len = 2;
    if (n >= 255) {
        head[1] = 255;
        head[2] = (uint8_t)(n >> 8);
        head[3] = (uint8_t)n;
        len = 4;
    }
    put(o, head, len);
}

/* What to do to the octets. Offsets are from the SPDU's SI. */
struct twist {
    bool reversed;
    const struct unit *twice;
    const struct unit *before; /* extra goes before this unit */
    bool at_end;               /* or at the end */
    struct octets extra;
    size_t extra_at; /* set: where extra, or the second of twice, stands */
    const struct unit *mark;
    size_t mark_at; /* set: where mark stands */
};

static void put_level(struct octets *o, const struct units *us, unsigned pgi, struct twist *t)
{
    for (size_t k = 0; k < us->n; k++) {
        const struct unit *u = &us->at[t->reversed ? us->n - 1 - k : k];
        if (u->pgi != pgi || !u->present)
            continue;
        if (t->before == u) {
            t->extra_at = o->n;
            put(o, t->extra.p, t->extra.n);
        }
        if (t->mark == u)
            t->mark_at = o->n;
        for (int times = t->twice == u ? 2 : 1; times > 0; times--) {
            if (t->twice == u && times == 1)
                t->extra_at = o->n;
            if (!u->group) {
                put_head(o, u->code, u->n);
                put(o, u->value, u->n);
                continue;
            }
            struct twist inner = *t;
            struct octets group = {NULL, 0};
            put_level(&group, us, u->code, &inner);
            put_head(o, u->code, group.n);
            size_t base = o->n;
            put(o, group.p, group.n);
            free(group.p);
            if (inner.extra_at != t->extra_at)
                t->extra_at = base + inner.extra_at;
            if (inner.mark_at != t->mark_at)
                t->mark_at = base + inner.mark_at;
        }
    }
    if (pgi == 0 && t->at_end) {
        t->extra_at = o->n;
        put(o, t->extra.p, t->extra.n);
    }
}

static struct octets build(const struct units *us, struct twist *t)
{
    struct twist none = {0};
    struct octets params = {NULL, 0};
    struct octets o = {NULL, 0};
    t = t == NULL ? &none : t;
    t->extra_at = SIZE_MAX;
    t->mark_at = SIZE_MAX;
    put_level(&params, us, 0, t);
    put_head(&o, lines[us->type].si, params.n);
    size_t head = o.n;
    put(&o, params.p, params.n);
    free(params.p);
    if (t->extra_at != SIZE_MAX)
        t->extra_at += head;
    if (t->mark_at != SIZE_MAX)
        t->mark_at += head;
    return o;
}

/* Decodes a copy of its exact size, so that a read outside is caught; the slices point
 * into o all the same. */
static int decode(struct cvn_spdu *s, enum cvn_spdu_type type, struct octets o,
                  struct cvn_spdu_fault *fault)
{
    bool first = lines[type].category != 2;
    uint8_t *copy = malloc(o.n + (o.n == 0));
    struct cvn_spdu again;
    struct cvn_spdu_fault other = {0, NULL};
    ck_assert_ptr_nonnull(copy);
    memcpy(copy, o.p, o.n);
    fault->why = NULL;
    int rc = cvn_spdu_decode(&again, copy, o.n, first, &other);
    free(copy);
    ck_assert_int_eq(cvn_spdu_decode(s, o.p, o.n, first, fault), rc);
    ck_assert(rc == CVN_OK || rc == CVN_EPROTO);
    if (rc == CVN_EPROTO) {
        ck_assert_ptr_nonnull(fault->why);
        ck_assert_ptr_nonnull(strstr(fault->why, "(X.225 "));
        ck_assert_uint_le(fault->offset, o.n);
        ck_assert_uint_eq(fault->offset, other.offset);
    }
    return rc;
}

static bool same_octets(struct cvn_octets a, struct cvn_octets b)
{
    return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

static bool same_numbers(const struct cvn_spdu *a, const struct cvn_spdu *b)
{
    return a->type == b->type && a->has == b->has && a->sync_type == b->sync_type &&
           a->token_item == b->token_item && a->disconnect == b->disconnect &&
           a->options == b->options && a->units == b->units &&
           a->tsdu_max_initiator == b->tsdu_max_initiator &&
           a->tsdu_max_responder == b->tsdu_max_responder && a->version == b->version &&
           a->initial == b->initial && a->prepare == b->prepare && a->enclosure == b->enclosure &&
           a->token_setting == b->token_setting && a->resync == b->resync &&
           a->resync2 == b->resync2 && a->serial == b->serial && a->serial2 == b->serial2 &&
           a->upper_limit == b->upper_limit && a->reason == b->reason && a->overflow == b->overflow;
}

static bool same(const struct cvn_spdu *a, const struct cvn_spdu *b)
{
    return same_numbers(a, b) && same_octets(a->id.calling, b->id.calling) &&
           same_octets(a->id.called, b->id.called) && same_octets(a->id.common, b->id.common) &&
           same_octets(a->id.additional, b->id.additional) &&
           same_octets(a->activity, b->activity) && same_octets(a->old_activity, b->old_activity) &&
           same_octets(a->large_initial, b->large_initial) &&
           same_octets(a->large_initial2, b->large_initial2) &&
           same_octets(a->reflect, b->reflect) && same_octets(a->calling_ssel, b->calling_ssel) &&
           same_octets(a->called_ssel, b->called_ssel) && same_octets(a->user_data, b->user_data);
}

static struct octets encode(const struct cvn_spdu *s)
{
    static uint8_t buf[CVN_SPDU_MAX];
    struct cvn_wr w = cvn_wr_init(buf, sizeof buf);
    struct octets o = {NULL, 0};
    ck_assert_int_eq(cvn_spdu_encode(s, &w), CVN_OK);
    ck_assert_uint_eq(cvn_spdu_size(s), w.len);
    ck_assert_uint_eq(cvn_spdu_header_length(buf, w.len), w.len);
    put(&o, buf, w.len);
    return o;
}

static void expect_same_octets(struct octets a, struct octets b)
{
    ck_assert_uint_eq(a.n, b.n);
    ck_assert_mem_eq(a.p, b.p, a.n);
}

/* The octets decode, and encode to themselves. */
static void expect_round_trip(const struct units *us, struct cvn_spdu *s)
{
    struct cvn_spdu_fault fault;
    struct octets o = build(us, NULL);
    int rc = decode(s, us->type, o, &fault);
    ck_assert_msg(rc == CVN_OK, "%s: %s", lines[us->type].name, fault.why);
    ck_assert_int_eq(s->type, us->type);
    struct octets again = encode(s);
    expect_same_octets(o, again);
    free(o.p);
    free(again.p);
}

static void expect_fault(const struct units *us, struct twist *t, size_t offset, const char *why)
{
    struct cvn_spdu s;
    struct cvn_spdu_fault fault;
    struct octets o = build(us, t);
    ck_assert_int_eq(decode(&s, us->type, o, &fault), CVN_EPROTO);
    ck_assert_msg(strstr(fault.why, why) != NULL, "%s: %s, not %s", lines[us->type].name, fault.why,
                  why);
    if (offset != SIZE_MAX)
        ck_assert_uint_eq(fault.offset, offset);
    free(o.p);
}

/* --- the tests of one SPDU: _i is its type --- */

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

/* Each code that is not of this SPDU, at each place. */
START_TEST(skips_what_it_does_not_know_but_no_user_data)
{
    struct units us = units_of((enum cvn_spdu_type)_i);
    struct cvn_spdu s;
    struct cvn_spdu_fault fault;
    struct octets o = build(&us, NULL);
    ck_assert_int_eq(decode(&s, us.type, o, &fault), CVN_OK);
    for (size_t i = 0; i <= us.n; i++) {
        for (unsigned code = 0; code < 256; code++) {
            unsigned pgi = i < us.n ? us.at[i].pgi : 0;
            bool known = i < us.n && !us.at[i].present;
            for (size_t k = 0; k < us.n; k++)
                known = known || (us.at[k].pgi == pgi && us.at[k].code == code);
            if (known)
                continue;
            struct twist t = {.before = i < us.n ? &us.at[i] : NULL, .at_end = i == us.n};
            put_head(&t.extra, code, code % 3 == 0 ? 0 : 7);
            put(&t.extra, "unknown", code % 3 == 0 ? 0 : 7);
            struct octets with = build(&us, &t);
            struct cvn_spdu r;
            int rc = decode(&r, us.type, with, &fault);
            if (pgi == 0 && (code == 193 || code == 194)) {
                ck_assert_int_eq(rc, CVN_EPROTO);
                ck_assert_uint_eq(fault.offset, t.extra_at);
                ck_assert_ptr_nonnull(strstr(fault.why, "user data"));
            } else {
                ck_assert_msg(rc == CVN_OK, "%u in %u: %s", code, pgi, fault.why);
                ck_assert(same(&s, &r));
            }
            free(with.p);
            free(t.extra.p);
        }
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
                ck_assert_int_eq(rc, CVN_EPROTO);
                ck_assert_ptr_nonnull(strstr(fault.why, "is missing"));
            } else if (n == 0 || length_allowed(type, u, n)) {
                ck_assert_msg(rc == CVN_OK, "%u: %s", u->code, fault.why);
            } else {
                ck_assert_int_eq(rc, CVN_EPROTO);
                ck_assert_uint_eq(fault.offset, t.mark_at + 1);
                ck_assert_ptr_nonnull(strstr(fault.why, "wrong length"));
            }
            free(o.p);
        }
    }
}
END_TEST

/* The value as it is taken, -1: reserved. */
static int value_taken(enum cvn_spdu_type type, unsigned code, unsigned v)
{
    switch (code) {
    case 15:
        return (int)(v & (type == CVN_SPDU_MIP ? 3u : 1u));
    case 16:
        return (int)(v & 0x55u);
    case 17:
        return (int)(v & (type == CVN_SPDU_AB ? 0x1fu : 1u));
    case 19:
    case 60:
        return (int)(v & 1u);
    case 22:
        if (type == CVN_SPDU_OA)
            return v == 2 ? 2 : -1;
        return (int)(v & 3u);
    case 24:
        return v >= 1 && v <= 4 ? (int)v : -1;
    case 25:
        return (int)(v & 3u);
    case 26:
        return (int)v;
    case 27:
    case 53:
        return v <= 2 ? (int)v : -1;
    case 56:
        return v <= 6 ? (int)v : -1;
    default: /* 50 */
        if (type == CVN_SPDU_RF)
            return v <= 2 || (v >= 129 && v <= 134) ? (int)v : -1;
        return v == 0 || v == 1 || v == 3 || v == 5 || v == 6 || v == 128 ? (int)v : -1;
    }
}

static uint8_t value_of(const struct cvn_spdu *s, unsigned code)
{
    switch (code) {
    case 15:
        return s->sync_type;
    case 16:
        return s->token_item;
    case 17:
        return s->disconnect;
    case 19:
        return s->options;
    case 22:
        return s->version;
    case 24:
        return s->prepare;
    case 25:
        return s->enclosure;
    case 26:
        return s->token_setting;
    case 27:
        return s->resync;
    case 50:
        return s->reason;
    case 53:
        return s->resync2;
    case 56:
        return s->upper_limit;
    default:
        return s->overflow;
    }
}

START_TEST(holds_each_octet_to_its_values)
{
    enum cvn_spdu_type type = (enum cvn_spdu_type)_i;
    struct units all = units_of(type);
    for (size_t i = 0; i < all.n; i++) {
        for (unsigned v = 0; v < 256; v++) {
            struct units us = mandatory_only(type);
            struct unit *u = &us.at[i];
            struct twist t = {.mark = u};
            bool one = !u->group && (u->n == 1 || u->code == 50);
            if (!one)
                break;
            add_unit(&us, u);
            set_octet(u, v);
            struct octets o = build(&us, &t);
            struct cvn_spdu s;
            struct cvn_spdu_fault fault;
            int rc = decode(&s, type, o, &fault);
            int taken = value_taken(type, u->code, v);
            if (taken >= 0) {
                ck_assert_msg(rc == CVN_OK, "%u = %u: %s", u->code, v, fault.why);
                ck_assert_int_eq(value_of(&s, u->code), taken);
                if (u->code == 15 && type != CVN_SPDU_MIP)
                    ck_assert_int_eq(s.type, taken == 1 ? CVN_SPDU_MAP : CVN_SPDU_AE);
                else if (u->code == 25 && type == CVN_SPDU_MAP && taken % 2 == 0)
                    ck_assert_int_eq(s.type, CVN_SPDU_AE); /* a later segment: spdu.h */
                else
                    ck_assert_int_eq(s.type, type);
            } else {
                ck_assert_int_eq(rc, CVN_EPROTO);
                ck_assert_uint_eq(fault.offset, t.mark_at + 2);
                ck_assert_ptr_nonnull(strstr(fault.why, "reserved value"));
            }
            free(o.p);
        }
    }
}
END_TEST

START_TEST(holds_numbers_to_digits)
{
    enum cvn_spdu_type type = (enum cvn_spdu_type)_i;
    struct units all = units_of(type);
    for (size_t i = 0; i < all.n; i++) {
        unsigned code = all.at[i].code;
        if (code != 23 && code != 42 && (code < 54 || code > 58 || code == 56))
            continue;
        for (unsigned v = 0; v < 256; v++) {
            for (size_t k = 0; k < 6; k++) {
                struct units us = mandatory_only(type);
                struct unit *u = &us.at[i];
                struct twist t = {.mark = u};
                add_unit(&us, u);
                set(u, "000000", 6);
                u->value[k] = (uint8_t)v;
                struct octets o = build(&us, &t);
                struct cvn_spdu s;
                struct cvn_spdu_fault fault;
                int rc = decode(&s, type, o, &fault);
                if (v < '0' || v > '9') {
                    ck_assert_int_eq(rc, CVN_EPROTO);
                    ck_assert_uint_eq(fault.offset, t.mark_at + 2 + k);
                    ck_assert_ptr_nonnull(strstr(fault.why, "reserved value"));
                } else {
                    static const uint32_t place[] = {100000, 10000, 1000, 100, 10, 1};
                    uint32_t number = place[k] * (v - '0');
                    ck_assert_int_eq(rc, CVN_OK);
                    if (code == 23)
                        ck_assert_uint_eq(s.initial, number);
                    if (code == 42)
                        ck_assert_uint_eq(s.serial, number);
                    if (code == 54 || code == 55)
                        ck_assert_uint_eq(s.serial2, number);
                    if (code == 57)
                        ck_assert_mem_eq(s.large_initial.p, u->value, 6);
                    if (code == 58)
                        ck_assert_mem_eq(s.large_initial2.p, u->value, 6);
                }
                free(o.p);
            }
        }
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

/* --- sending --- */

static void expect_refused(const struct cvn_spdu *s, int code)
{
    static uint8_t buf[CVN_SPDU_MAX + 1];
    struct cvn_wr w = cvn_wr_init(buf, sizeof buf);
    buf[0] = 0xee;
    ck_assert_int_eq(cvn_spdu_encode(s, &w), code);
    ck_assert_uint_eq(w.len, 0);
    ck_assert(!w.bad);
    ck_assert_uint_eq(buf[0], 0xee);
}

static struct cvn_spdu decoded(const struct units *us, struct octets *o)
{
    struct cvn_spdu s;
    struct cvn_spdu_fault fault;
    *o = build(us, NULL);
    ck_assert_int_eq(decode(&s, us->type, *o, &fault), CVN_OK);
    return s;
}

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

/* Each octet of each parameter that is one, all values. */
START_TEST(sends_no_reserved_value)
{
    struct units us = units_of((enum cvn_spdu_type)_i);
    struct octets o;
    const struct cvn_spdu s = decoded(&us, &o);
    for (unsigned v = 0; v < 256; v++) {
        uint8_t octet = (uint8_t)v;
        for (size_t i = 0; i < us.n; i++) {
            struct cvn_spdu one = s;
            unsigned code = us.at[i].code;
            if (us.at[i].group || us.at[i].n != 1)
                continue;
            one.sync_type = code == 15 ? octet : one.sync_type;
            one.token_item = code == 16 ? octet : one.token_item;
            one.disconnect = code == 17 ? octet : one.disconnect;
            one.options = code == 19 ? octet : one.options;
            one.version = code == 22 ? octet : one.version;
            one.prepare = code == 24 ? octet : one.prepare;
            one.token_setting = code == 26 ? octet : one.token_setting;
            one.resync = code == 27 ? octet : one.resync;
            one.reason = code == 50 ? octet : one.reason;
            one.resync2 = code == 53 ? octet : one.resync2;
            one.upper_limit = code == 56 ? octet : one.upper_limit;
            one.overflow = code == 60 ? octet : one.overflow;
            bool allowed = value_taken(us.type, code, v) == (int)v;
            if (code == 15 && us.type == CVN_SPDU_MAP)
                allowed = v == 1;
            if (code == 15 && us.type == CVN_SPDU_AE)
                allowed = v == 0;
            if (code == 25) /* segments have a test of their own */
                continue;
            if (!allowed) {
                expect_refused(&one, CVN_EINVAL);
                continue;
            }
            struct octets sent = encode(&one);
            struct cvn_spdu back;
            struct cvn_spdu_fault fault;
            ck_assert_int_eq(decode(&back, us.type, sent, &fault), CVN_OK);
            ck_assert(same(&one, &back));
            free(sent.p);
        }
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
        unsigned code = us.at[i].code;
        if (code != 23 && code != 42 && code != 54 && code != 55)
            continue;
        for (size_t k = 0; k < sizeof numbers / sizeof numbers[0]; k++) {
            struct cvn_spdu one = s;
            uint32_t v = numbers[k];
            one.initial = code == 23 ? v : one.initial;
            one.serial = code == 42 ? v : one.serial;
            one.serial2 = code == 54 || code == 55 ? v : one.serial2;
            if (v > CVN_SERIAL_MAX) {
                expect_refused(&one, CVN_EINVAL);
                continue;
            }
            struct octets sent = encode(&one);
            struct cvn_spdu back;
            struct cvn_spdu_fault fault;
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
        ck_assert_ptr_nonnull(exact);
        memcpy(exact, m.p, m.n);
        int rc = cvn_spdu_decode(&s, exact, m.n, first, &fault);
        if (rc == CVN_OK) {
            static uint8_t buf[4096];
            struct cvn_wr w = cvn_wr_init(buf, sizeof buf);
            bool longer = s.calling_ssel.n > CVN_SSEL_MAX || s.called_ssel.n > CVN_SSEL_MAX;
            accepted++;
            rc = cvn_spdu_encode(&s, &w);
            ck_assert_int_eq(rc, longer ? CVN_EINVAL : CVN_OK);
            struct cvn_spdu back;
            if (rc == CVN_OK) {
                ck_assert_int_eq(cvn_spdu_decode(&back, buf, w.len, first, &fault), CVN_OK);
                ck_assert(same(&s, &back));
            }
        } else {
            ck_assert_int_eq(rc, CVN_EPROTO);
            ck_assert_uint_le(fault.offset, m.n);
        }
        free(exact);
        free(m.p);
    }
    ck_assert_uint_gt(accepted, 0);
    free(o.p);
}
END_TEST

/* --- single cases --- */

static struct octets hex(const char *text)
{
    struct octets o = {NULL, 0};
    unsigned v;
    int used;
    put(&o, "", 0);
    while (sscanf(text, "%2x%n", &v, &used) == 1) {
        uint8_t octet = (uint8_t)v;
        put(&o, &octet, 1);
        text += used;
    }
    return o;
}

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
    EACH(sends_nothing_without_room_for_all);
    EACH(sends_no_parameter_that_is_not_its_own);
    EACH(sends_nothing_if_a_mandatory_one_is_missing);
    EACH(sends_no_reserved_value);
    EACH(sends_no_parameter_longer_than_the_standard_says);
    EACH(sends_no_number_above_999999);
    EACH(takes_and_gives_later_segments_with_user_data_alone);
    EACH(ignores_other_parameters_in_later_segments_and_does_not_send_them);
    EACH(survives_ten_thousand_mutations);
    tcase_add_test(one, agrees_with_worked_octets);
    tcase_add_test(one, reads_every_value_to_its_member);
    tcase_add_test(one, takes_what_deployed_peers_send);
    tcase_add_test(one, knows_both_forms_of_length);
    tcase_add_test(one, tells_the_length_of_a_header);
    tcase_add_test(one, refuses_the_long_form_of_a_short_length);
    tcase_add_test(one, puts_connect_data_where_its_size_says);
    tcase_add_test(one, refuses_connect_data_in_both_forms);
    tcase_add_test(one, knows_what_may_follow_a_reason_to_refuse);
    tcase_add_test(one, sends_a_group_for_its_members);
    tcase_add_test(one, begins_with_what_makes_a_map);
    suite_add_tcase(s, each);
    suite_add_tcase(s, one);
    SRunner *r = srunner_create(s);
    srunner_set_fork_status(r, CK_NOFORK); /* a process for each of 800 takes minutes with ASan */
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed == 0 ? 0 : 1;
}
