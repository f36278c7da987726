/* SPDX-License-Identifier: MIT */
/* test_lines - see test_lines.h. */
#include "proto/x225/test_lines.h"

#include <check.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PGI5 "5o{19m 21o 22m 23o 26o 55o 56o 57o 58o}"

const struct line lines[CVN_SPDU_TYPES] = {
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

void set(struct unit *u, const void *value, size_t n)
{
    MUST(n <= sizeof u->value);
    memcpy(u->value, value, n);
    u->n = n;
}

void set_octet(struct unit *u, unsigned v)
{
    u->value[0] = (uint8_t)v;
    u->n = 1;
}

#define ANY_TYPE (-1)
#define ANY_PGI  0xffffu

/* A value that may stand in the unit; all defined bits set where they are bits. */
static void set_sample(enum cvn_spdu_type type, struct unit *u)
{
    static const struct {
        unsigned code;
        unsigned pgi;
        int type;
        size_t n;
        const char *value;
    } samples[] = {
        /* the first that fits */
        {9, ANY_PGI, ANY_TYPE, 6, "called"},
        {10, ANY_PGI, ANY_TYPE, 7, "calling"},
        {11, ANY_PGI, ANY_TYPE, 15, "20260101000000Z"},
        {12, ANY_PGI, ANY_TYPE, 4, "1234"},
        {15, ANY_PGI, CVN_SPDU_MIP, 1, "\x03"},
        {15, ANY_PGI, CVN_SPDU_MAP, 1, "\x01"},
        {15, ANY_PGI, ANY_TYPE, 1, "\x00"},
        {16, ANY_PGI, ANY_TYPE, 1, "\x55"},
        {17, ANY_PGI, CVN_SPDU_AB, 1, "\x1f"},
        {17, ANY_PGI, ANY_TYPE, 1, "\x01"},
        {19, ANY_PGI, ANY_TYPE, 1, "\x01"},
        {20, ANY_PGI, ANY_TYPE, 2, "\x03\x49"},
        {21, ANY_PGI, ANY_TYPE, 4, "\x04\x01\x08\x02"},
        {22, ANY_PGI, CVN_SPDU_OA, 1, "\x02"},
        {22, ANY_PGI, ANY_TYPE, 1, "\x03"},
        {23, ANY_PGI, ANY_TYPE, 6, "123456"},
        {24, ANY_PGI, ANY_TYPE, 1, "\x02"},
        {25, ANY_PGI, ANY_TYPE, 1, "\x03"},
        {26, ANY_PGI, ANY_TYPE, 1, "\x26"},
        {27, ANY_PGI, ANY_TYPE, 1, "\x02"},
        {41, 33, ANY_TYPE, 3, "old"},
        {41, ANY_PGI, ANY_TYPE, 5, "act-1"},
        {42, ANY_PGI, ANY_TYPE, 6, "999999"},
        {46, ANY_PGI, ANY_TYPE, 8, "mia data"},
        {49, ANY_PGI, ANY_TYPE, 3, "\x01\x02\x03"},
        {50, ANY_PGI, CVN_SPDU_RF, 8, "\x02refused"},
        {50, ANY_PGI, ANY_TYPE, 1, "\x05"},
        {51, ANY_PGI, ANY_TYPE, 12, "calling ssel"},
        {52, ANY_PGI, ANY_TYPE, 6, "called"},
        {53, ANY_PGI, ANY_TYPE, 1, "\x01"},
        {54, ANY_PGI, ANY_TYPE, 2, "77"},
        {55, ANY_PGI, ANY_TYPE, 2, "88"},
        {56, ANY_PGI, ANY_TYPE, 1, "\x06"},
        {57, ANY_PGI, ANY_TYPE, 9, "123456789"},
        {58, ANY_PGI, ANY_TYPE, 12, "987654321098"},
        {60, ANY_PGI, ANY_TYPE, 1, "\x01"},
        {193, ANY_PGI, ANY_TYPE, 9, "user data"},
        {194, ANY_PGI, ANY_TYPE, 8, "extended"},
    };
    size_t i = 0;
    while (samples[i].code != u->code || (samples[i].pgi != ANY_PGI && samples[i].pgi != u->pgi) ||
           (samples[i].type != ANY_TYPE && samples[i].type != (int)type)) {
        i++;
        MUST(i < sizeof samples / sizeof samples[0]);
    }
    set(u, samples[i].value, samples[i].n);
}

struct units units_of(enum cvn_spdu_type type)
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
            MUST(u->n > 0);
        }
        if (type == CVN_SPDU_CN && u->code == 194)
            u->present = false;
    }
    return us;
}

struct unit *unit(struct units *us, unsigned pgi, unsigned code)
{
    for (size_t i = 0; i < us->n; i++)
        if (us->at[i].pgi == pgi && us->at[i].code == code)
            return &us->at[i];
    ck_abort_msg("no unit %u in %u of %s", code, pgi, lines[us->type].name);
}

struct units mandatory_only(enum cvn_spdu_type type)
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
void add_unit(struct units *us, struct unit *u)
{
    u->present = true;
    unsigned pgi = u->group ? u->code : u->pgi;
    for (size_t i = 0; pgi != 0 && i < us->n; i++)
        if ((us->at[i].pgi == pgi && us->at[i].mandatory) ||
            (us->at[i].pgi == 0 && us->at[i].code == pgi))
            us->at[i].present = true;
}

void put(struct octets *o, const void *p, size_t n)
{
    o->p = realloc(o->p, o->n + n + 1);
    MUST(o->p != NULL);
    if (n > 0)
        memcpy(o->p + o->n, p, n);
    o->n += n;
}

void put_head(struct octets *o, unsigned code, size_t n)
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

static void put_level(struct octets *o, const struct units *us, unsigned pgi, struct twist *t);

static void put_group(struct octets *o, const struct units *us, unsigned pgi, struct twist *t)
{
    struct twist inner = *t;
    struct octets group = {NULL, 0};
    put_level(&group, us, pgi, &inner);
    put_head(o, pgi, group.n);
    size_t base = o->n;
    put(o, group.p, group.n);
    free(group.p);
    if (inner.extra_at != t->extra_at)
        t->extra_at = base + inner.extra_at;
    if (inner.mark_at != t->mark_at)
        t->mark_at = base + inner.mark_at;
}

static void put_unit(struct octets *o, const struct units *us, const struct unit *u,
                     struct twist *t)
{
    if (u->group) {
        put_group(o, us, u->code, t);
        return;
    }
    put_head(o, u->code, u->n);
    put(o, u->value, u->n);
}

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
        put_unit(o, us, u, t);
        if (t->twice == u) {
            t->extra_at = o->n;
            put_unit(o, us, u, t);
        }
    }
    if (pgi == 0 && t->at_end) {
        t->extra_at = o->n;
        put(o, t->extra.p, t->extra.n);
    }
}

struct octets build(const struct units *us, struct twist *t)
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
int decode(struct cvn_spdu *s, enum cvn_spdu_type type, struct octets o,
           struct cvn_spdu_fault *fault)
{
    bool first = lines[type].category != 2;
    uint8_t *copy = malloc(o.n + (o.n == 0));
    struct cvn_spdu again;
    struct cvn_spdu_fault other = {0, NULL};
    MUST(copy != NULL);
    memcpy(copy, o.p, o.n);
    fault->why = NULL;
    int rc = cvn_spdu_decode(&again, copy, o.n, first, &other);
    free(copy);
    MUST(cvn_spdu_decode(s, o.p, o.n, first, fault) == rc);
    MUST(rc == CVN_OK || rc == CVN_EPROTO);
    if (rc == CVN_EPROTO) {
        MUST(fault->why != NULL);
        MUST(strstr(fault->why, "(X.225 ") != NULL);
        MUST(fault->offset <= o.n);
        MUST(fault->offset == other.offset);
    }
    return rc;
}

struct octets encode(const struct cvn_spdu *s)
{
    static uint8_t buf[CVN_SPDU_MAX];
    struct cvn_wr w = cvn_wr_init(buf, sizeof buf);
    struct octets o = {NULL, 0};
    MUST(cvn_spdu_encode(s, &w) == CVN_OK);
    MUST(cvn_spdu_size(s) == w.len);
    MUST(cvn_spdu_header_length(buf, w.len) == w.len);
    put(&o, buf, w.len);
    return o;
}

void expect_same_octets(struct octets a, struct octets b)
{
    ck_assert_uint_eq(a.n, b.n);
    ck_assert_mem_eq(a.p, b.p, a.n);
}

/* The octets decode, and encode to themselves. */
void expect_round_trip(const struct units *us, struct cvn_spdu *s)
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

void expect_fault(const struct units *us, struct twist *t, size_t offset, const char *why)
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

int value_taken(enum cvn_spdu_type type, unsigned code, unsigned v)
{
    static const struct {
        unsigned code;
        int type;
        unsigned n; /* of values; 0: bits */
        unsigned bits;
        const char *values;
    } all[] = {
        /* the first that fits */
        {15, CVN_SPDU_MIP, 0, 0x03, NULL},
        {15, ANY_TYPE, 0, 0x01, NULL},
        {16, ANY_TYPE, 0, 0x55, NULL},
        {17, CVN_SPDU_AB, 0, 0x1f, NULL},
        {17, ANY_TYPE, 0, 0x01, NULL},
        {19, ANY_TYPE, 0, 0x01, NULL},
        {22, CVN_SPDU_OA, 1, 0, "\x02"},
        {22, ANY_TYPE, 0, 0x03, NULL},
        {24, ANY_TYPE, 4, 0, "\x01\x02\x03\x04"},
        {25, ANY_TYPE, 0, 0x03, NULL},
        {26, ANY_TYPE, 0, 0xff, NULL},
        {27, ANY_TYPE, 3, 0, "\x00\x01\x02"},
        {50, CVN_SPDU_RF, 9, 0, "\x00\x01\x02\x81\x82\x83\x84\x85\x86"},
        {50, ANY_TYPE, 6, 0, "\x00\x01\x03\x05\x06\x80"},
        {53, ANY_TYPE, 3, 0, "\x00\x01\x02"},
        {56, ANY_TYPE, 7, 0, "\x00\x01\x02\x03\x04\x05\x06"},
        {60, ANY_TYPE, 0, 0x01, NULL},
    };
    size_t i = 0;
    while (all[i].code != code || (all[i].type != ANY_TYPE && all[i].type != (int)type)) {
        i++;
        MUST(i < sizeof all / sizeof all[0]);
    }
    if (all[i].n == 0)
        return (int)(v & all[i].bits);
    return memchr(all[i].values, (int)v, all[i].n) != NULL ? (int)v : -1;
}

uint8_t *octet_of(struct cvn_spdu *s, unsigned code)
{
    static const size_t at[] = {
        [15] = offsetof(struct cvn_spdu, sync_type),
        [16] = offsetof(struct cvn_spdu, token_item),
        [17] = offsetof(struct cvn_spdu, disconnect),
        [19] = offsetof(struct cvn_spdu, options),
        [22] = offsetof(struct cvn_spdu, version),
        [24] = offsetof(struct cvn_spdu, prepare),
        [25] = offsetof(struct cvn_spdu, enclosure),
        [26] = offsetof(struct cvn_spdu, token_setting),
        [27] = offsetof(struct cvn_spdu, resync),
        [50] = offsetof(struct cvn_spdu, reason),
        [53] = offsetof(struct cvn_spdu, resync2),
        [56] = offsetof(struct cvn_spdu, upper_limit),
        [60] = offsetof(struct cvn_spdu, overflow),
    };
    return (uint8_t *)s + at[code];
}

uint32_t *number_of(struct cvn_spdu *s, unsigned code)
{
    if (code == 23)
        return &s->initial;
    if (code == 42)
        return &s->serial;
    return code == 54 || code == 55 ? &s->serial2 : NULL;
}

void expect_refused(const struct cvn_spdu *s, int code)
{
    static uint8_t buf[CVN_SPDU_MAX + 1];
    struct cvn_wr w = cvn_wr_init(buf, sizeof buf);
    buf[0] = 0xee;
    MUST(cvn_spdu_encode(s, &w) == code);
    MUST(w.len == 0);
    MUST(!w.bad);
    MUST(buf[0] == 0xee);
}

struct cvn_spdu decoded(const struct units *us, struct octets *o)
{
    struct cvn_spdu s;
    struct cvn_spdu_fault fault;
    *o = build(us, NULL);
    ck_assert_int_eq(decode(&s, us->type, *o, &fault), CVN_OK);
    return s;
}

struct octets hex(const char *text)
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
