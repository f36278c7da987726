/* SPDX-License-Identifier: MIT */
/*
 * What a peer may do to the octets of every SPDU, through a whole machine that waits for it: each
 * parameter out of order, twice, missing, empty, too short, too long, unknown; every form of length;
 * random changes. judge() says what must come of it, by a reading of clause 8 of its own: the lines of
 * test_lines.c and the sheet of lengths below, not the tables under test.
 *
 * What must come of it: of a sound SPDU the primitive and the state of its scene; of any other AB
 * with its first octets reflected, S-P-ABORT and STA16, or T-DISCONNECT where there is no session
 * connection, or nothing where it is over (A.4.1). Each TSDU is given whole, octet by octet and in
 * random slices, which must come to the same.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/x225/test_scene.h"

#define REFLECT   9  /* octets of a bad SPDU that AB carries: 8.3.9 */
#define RAW       16 /* that the user is shown */
#define MUTATIONS 1000

/* --- the judge --- */

enum verdict { SOUND, FAULTY, PART }; /* PART: a segment that begins an SSDU */

struct judged {
    enum verdict verdict;
    size_t at; /* the SPDU that is wrong */
    size_t n;  /* so much of it is shown */
    const char *why;
};

/* Lengths of values that are taken: the sheet of PI codes; selectors as peers send them. */
static const struct {
    unsigned code;
    int type; /* -1: any */
    size_t min, max;
} lengths[] = {
    {9, -1, 0, 64}, {10, -1, 0, 64}, {11, -1, 0, 64},         {12, -1, 0, 4},
    {15, -1, 1, 1}, {16, -1, 1, 1},  {17, -1, 1, 1},          {19, -1, 1, 1},
    {20, -1, 2, 2}, {21, -1, 4, 4},  {22, -1, 1, 1},          {23, -1, 1, 6},
    {24, -1, 1, 1}, {25, -1, 1, 1},  {26, -1, 1, 1},          {27, -1, 1, 1},
    {41, -1, 1, 6}, {42, -1, 1, 6},  {49, CVN_SPDU_AB, 1, 9}, {50, CVN_SPDU_RF, 1, 65535},
    {50, -1, 1, 1}, {51, -1, 0, 64}, {52, -1, 0, 64},         {53, -1, 1, 1},
    {54, -1, 1, 6}, {55, -1, 1, 6},  {56, -1, 1, 1},          {60, -1, 1, 1},
};

static bool length_right(enum cvn_spdu_type type, unsigned code, size_t n)
{
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++)
        if (lengths[i].code == code && (lengths[i].type < 0 || lengths[i].type == (int)type))
            return n >= lengths[i].min && n <= lengths[i].max;
    return true;
}

static bool value_right(enum cvn_spdu_type type, unsigned code, const uint8_t *p, size_t n)
{
    switch (code) {
    case 23:
    case 42:
    case 54:
    case 55:
    case 57:
    case 58:
        for (size_t i = 0; i < n; i++)
            if (p[i] < '0' || p[i] > '9')
                return false;
        return true;
    case 50: /* user data only behind reason 2 of RF */
        return value_taken(type, code, p[0]) >= 0 && (n == 1 || p[0] == 2);
    case 15:
    case 16:
    case 17:
    case 19:
    case 22:
    case 24:
    case 25:
    case 26:
    case 27:
    case 53:
    case 56:
    case 60:
        return value_taken(type, code, p[0]) >= 0;
    default:
        return true;
    }
}

/* A length at p of n octets: how long it is itself, 0: none. */
static size_t length_at(const uint8_t *p, size_t n, size_t *value)
{
    if (n < 1)
        return 0;
    *value = p[0];
    if (p[0] != 255)
        return 1;
    if (n < 3)
        return 0;
    *value = (size_t)p[1] << 8 | p[2];
    return *value < 255 ? 0 : 3;
}

struct reading {
    enum cvn_spdu_type type;
    struct units known;
    unsigned seen[UNITS_MAX];
    unsigned got[UNITS_MAX];
    unsigned item; /* Enclosure Item, 3 if absent */
    bool major;    /* Sync Type Item */
    bool data;     /* user data */
    const char *why;
};

static bool read_units(struct reading *r, unsigned pgi, const uint8_t *p, size_t n);

static bool wrong(struct reading *r, const char *why)
{
    r->why = why;
    return false;
}

static bool read_unit(struct reading *r, size_t k, const uint8_t *p, size_t n)
{
    const struct unit *u = &r->known.at[k];
    if (r->seen[k]++ > 0)
        return wrong(r, "twice");
    if (n == 0)
        return true;
    r->got[k] = 1;
    if (u->group)
        return read_units(r, u->code, p, n);
    if (!length_right(r->type, u->code, n))
        return wrong(r, "length of a value");
    if (!value_right(r->type, u->code, p, n))
        return wrong(r, "value");
    if (u->code == 25)
        r->item = p[0] & 3u;
    if (u->code == 15)
        r->major = (p[0] & 1u) != 0;
    if (u->code == 193 || u->code == 194) {
        if (r->data)
            return wrong(r, "193 and 194");
        r->data = true;
    }
    return true;
}

static bool all_there(struct reading *r, unsigned pgi)
{
    for (size_t k = 0; k < r->known.n; k++)
        if (r->known.at[k].pgi == pgi && r->known.at[k].mandatory && r->got[k] == 0)
            return wrong(r, "missing");
    return true;
}

static bool read_units(struct reading *r, unsigned pgi, const uint8_t *p, size_t n)
{
    while (n > 0) {
        unsigned code = *p++;
        size_t value = 0;
        n--;
        size_t li = length_at(p, n, &value);
        if (li == 0 || value > n - li)
            return wrong(r, "length of a unit");
        p += li;
        n -= li;
        size_t k = 0;
        while (k < r->known.n && (r->known.at[k].pgi != pgi || r->known.at[k].code != code))
            k++;
        if (k < r->known.n ? !read_unit(r, k, p, value) : pgi == 0 && (code == 193 || code == 194))
            return r->why != NULL ? false : wrong(r, "no such user data");
        p += value;
        n -= value;
    }
    return all_there(r, pgi);
}

/* The SPDU that begins with this octet, first in its TSDU or not. */
static bool type_of(unsigned si, bool first, enum cvn_spdu_type *type)
{
    for (unsigned t = 0; t < CVN_SPDU_TYPES; t++) {
        if (t == CVN_SPDU_MAP || lines[t].si != si || (lines[t].category != 2) != first)
            continue;
        *type = (enum cvn_spdu_type)t;
        return true;
    }
    return false;
}

static struct judged faulty(size_t at, size_t n, const char *why)
{
    return (struct judged){FAULTY, at, n > RAW ? RAW : n, why};
}

/* SI and LI: *header octets of SPDU; or what is wrong with it. */
static bool header_right(struct octets o, size_t at, size_t *header, struct judged *j)
{
    size_t n = o.n - at;
    const uint8_t *p = o.p + at;
    size_t value = 0;
    if (n > 0 && p[0] >= 0x80) {
        *j = faulty(at, 1, "a short SPDU");
        return false;
    }
    size_t li = n < 2 ? 0 : length_at(p + 1, n - 1, &value);
    if (li == 0 && n >= 4) {
        *j = faulty(at, 4, "the long form of a short length");
        return false;
    }
    if (li == 0 || 1 + li + value > n) {
        *j = faulty(at, n, "cut short");
        return false;
    }
    *header = 1 + li + value;
    return true;
}

static bool is_fast(enum cvn_spdu_type t)
{
    return t == CVN_SPDU_EX || t == CVN_SPDU_PR || t == CVN_SPDU_AB || t == CVN_SPDU_AA;
}

/* How an SPDU that is right by itself stands in its TSDU, of which rest octets follow it. */
static const char *misplaced(const struct reading *r, size_t rest, bool expedited)
{
    enum cvn_spdu_type t = r->type;
    unsigned item = t == CVN_SPDU_CDO ? 3 : r->item;
    if (expedited && (!is_fast(t) || item != 3 || (t != CVN_SPDU_EX && rest > 0)))
        return "not for the expedited flow";
    if ((item & 1) == 0)
        return "a segment of nothing";
    if (t == CVN_SPDU_EX)
        return rest > 14 ? "EX too long" : NULL;
    if (lines[t].information)
        return item == 3 ? NULL : "a segment of DT or TD";
    if (rest > 0 && (lines[t].category != 0 || item != 3))
        return "octets follow";
    return NULL;
}

static struct judged judge(struct octets o, bool expedited)
{
    struct judged j = {SOUND, 0, 0, "right"};
    struct judged zero = {SOUND, 0, 0, NULL};
    size_t at = 0;
    do {
        struct reading r = {.item = 3};
        size_t n = 0;
        if (!header_right(o, at, &n, &j))
            return j;
        if (!type_of(o.p[at], at == 0, &r.type))
            return faulty(at, n, "no such SPDU");
        size_t head = n >= 257 && o.p[at + 1] == 255 ? 4 : 2;
        r.known = units_of(r.type);
        if (!read_units(&r, 0, o.p + at + head, n - head))
            return faulty(at, n, r.why);
        const char *why = misplaced(&r, o.n - at - n, expedited);
        if (why != NULL)
            return faulty(at, n, why);
        if (r.item == 1 && r.type != CVN_SPDU_CDO) {
            j.verdict = PART;
            if (zero.why != NULL) /* user data of GT or PT cannot wait for the other segments */
                return zero;
        }
        if (lines[r.type].information)
            return j;
        if (lines[r.type].category == 0 && r.data)
            zero = faulty(at, n, "user data before a segment");
        at += n;
    } while (at < o.n);
    return j;
}

/* --- what the machine must say --- */

static size_t put_hex(char *to, size_t size, const uint8_t *p, size_t n)
{
    size_t len = 0;
    for (size_t i = 0; i < n; i++)
        len += (size_t)snprintf(to + len, size - len, " %02x", p[i]);
    return len;
}

static void expect_abort(const struct scene *s, struct octets o, struct judged j, char *text,
                         size_t size)
{
    char shown[100] = "";
    char reflected[50] = "";
    size_t n = j.n < REFLECT ? j.n : REFLECT;
    if (s->standing != CONNECTED) {
        snprintf(text, size, "%s", s->standing == OVER ? "STA01A\n" : "T-DISCONNECT\nSTA01\n");
        return;
    }
    put_hex(shown, sizeof shown, o.p + j.at, j.n);
    put_hex(reflected, sizeof reflected, o.p + j.at, n);
    snprintf(text, size,
             "S-P-ABORT indication reason 1 reflected%s\n%s octets 19 %02zx 11 01 05 31 %02zx%s\n"
             "STA16\n",
             shown, s->expedited ? "T-EXPEDITED" : "T-DATA", 5 + n, n, reflected);
}

/* What the machine finds wrong with an SPDU that is right by itself. */
static bool is_of_the_table(const char *why)
{
    static const char *const whys[] = {"a serial number out of order",
                                       "the peer has not the token",
                                       "the functional unit was not agreed",
                                       "not to be received in this state",
                                       "EX or PR on the normal flow",
                                       "RS ",
                                       "RA leaves",
                                       "AC ",
                                       "connect user data"};
    for (size_t i = 0; i < sizeof whys / sizeof whys[0]; i++)
        if (strncmp(why, whys[i], strlen(whys[i])) == 0)
            return true;
    return false;
}

static void show(enum cvn_spdu_type type, struct octets o, struct judged j, const char *said,
                 const char *why, const char *wanted)
{
    fprintf(stderr, "%s:", lines[type].name);
    for (size_t i = 0; i < o.n && i < 100; i++)
        fprintf(stderr, " %02x", o.p[i]);
    ck_abort_msg("%s, judged %d: %s\nsaid: %s(%s)\nwanted: %s", lines[type].name, (int)j.verdict,
                 j.why, said, why != NULL ? why : "-", wanted);
}

/* good: what is sound must come to what the scene says. */
static bool as_wanted(const struct machine *m, const char *said, const struct scene *s,
                      struct judged j, bool good)
{
    if (m->why != NULL && !is_of_the_table(m->why) && strstr(m->why, "the peer's") == NULL)
        return false;
    if (!good || j.verdict != SOUND)
        return true;
    return strncmp(said, s->told, strlen(s->told)) == 0 && cvn_x225_state(m->x) == s->state &&
           m->why == NULL;
}

static void expect(enum cvn_spdu_type type, struct octets o, bool good)
{
    const struct scene *s = &scenes[type];
    struct judged j = judge(o, s->expedited);
    char wanted[400] = "";
    struct octets first = {NULL, 0};
    if (j.verdict == FAULTY)
        expect_abort(s, o, j, wanted, sizeof wanted);
    for (int slicing = WHOLE; slicing < SLICINGS; slicing++) {
        struct machine m;
        machine_begin(&m, type);
        machine_feed(&m, o, s->expedited, (enum slicing)slicing);
        const char *said = machine_said(&m);
        if (first.n == 0)
            put(&first, said, strlen(said) + 1);
        if (strcmp((const char *)first.p, said) != 0)
            show(type, o, j, said, m.why, (const char *)first.p);
        if (j.verdict == FAULTY && strcmp(said, wanted) != 0)
            show(type, o, j, said, m.why, wanted);
        if (j.verdict != FAULTY && !as_wanted(&m, said, s, j, good))
            show(type, o, j, said, m.why, s->told);
        machine_end(&m);
    }
    free(first.p);
}

/* us with t done to it, in its scene; what the judge must find: `verdict`. */
static void expect_units(const struct units *us, struct twist *t, struct octets info,
                         enum verdict verdict)
{
    struct octets spdu = build(us, t);
    size_t at;
    struct octets o = tsdu_of(us->type, spdu, info, &at);
    struct judged j = judge(o, scenes[us->type].expedited);
    if (j.verdict != verdict) /* the rule of the test and the judge must agree */
        show(us->type, o, j, "", NULL, verdict == SOUND ? "sound" : "faulty");
    expect(us->type, o, true);
    free(spdu.p);
    free(o.p);
}

/* --- each parameter --- */

/* MAP is MAP by its Sync Type Item: without it, it is an AE, which needs an activity. */
static bool makes_map(const struct units *us, const struct unit *u)
{
    return us->type == CVN_SPDU_MAP && u->code == 15;
}

START_TEST(sound_ones_are_taken)
{
    struct octets info;
    struct units us = values_of((enum cvn_spdu_type)_i, &info);
    struct twist reversed = {.reversed = true};
    expect_units(&us, NULL, info, SOUND);
    expect_units(&us, &reversed, info, SOUND);
    free(info.p);
}
END_TEST

START_TEST(twice_is_refused_and_unknown_is_skipped)
{
    static const uint8_t unknown[][8] = {{2, 1, 0}, {65, 2, 1, 2}, {199, 3, 9, 1, 'x'}, {255, 0}};
    static const size_t sizes[] = {3, 4, 5, 2};
    struct octets info;
    struct units us = values_of((enum cvn_spdu_type)_i, &info);
    for (size_t i = 0; i < us.n; i++) {
        struct twist twice = {.twice = &us.at[i]};
        if (us.at[i].present)
            expect_units(&us, &twice, info, FAULTY);
        for (size_t k = 0; k < 4 && us.at[i].present; k++) {
            struct twist extra = {.before = &us.at[i],
                                  .extra = {(uint8_t *)(uintptr_t)unknown[k], sizes[k]}};
            expect_units(&us, &extra, info, SOUND);
        }
    }
    for (size_t k = 0; k < 4; k++) {
        struct twist extra = {.at_end = true,
                              .extra = {(uint8_t *)(uintptr_t)unknown[k], sizes[k]}};
        expect_units(&us, &extra, info, SOUND);
    }
    free(info.p);
}
END_TEST

/* A parameter of some other SPDU is skipped, user data where there is none is refused. */
START_TEST(those_of_other_spdus_are_skipped)
{
    struct octets info;
    struct units us = values_of((enum cvn_spdu_type)_i, &info);
    for (unsigned code = 0; code < 256; code++) {
        uint8_t octets[3] = {(uint8_t)code, 1, 0x31};
        struct twist extra = {.at_end = true, .extra = {octets, 3}};
        bool has = false;
        for (size_t i = 0; i < us.n; i++)
            has = has || (us.at[i].pgi == 0 && us.at[i].code == code);
        if (!has)
            expect_units(&us, &extra, info, code == 193 || code == 194 ? FAULTY : SOUND);
    }
    free(info.p);
}
END_TEST

/* AC must name the first serial number where points are agreed and no activities: the machine knows. */
static bool depends(const struct units *us, const struct unit *u)
{
    return us->type == CVN_SPDU_AC && (u->code == 5 || u->code == 23);
}

START_TEST(missing_and_empty_ones)
{
    struct octets info;
    struct units all = values_of((enum cvn_spdu_type)_i, &info);
    for (size_t i = 0; i < all.n; i++) {
        struct units us = all;
        struct unit *u = &us.at[i];
        if (!u->present || makes_map(&us, u) || depends(&us, u))
            continue;
        if (u->pgi == 0 || unit(&us, 0, u->pgi)->present) {
            u->present = false;
            expect_units(&us, NULL, info, u->mandatory ? FAULTY : SOUND);
            us = all;
        }
        if (u->group) { /* empty: PGI 1 and 5 may be, PGI 33 has what is mandatory */
            for (size_t k = 0; k < us.n; k++)
                if (us.at[k].pgi == u->code)
                    us.at[k].present = false;
            expect_units(&us, NULL, info, u->mandatory ? FAULTY : SOUND);
            continue;
        }
        us.at[i].n = 0;
        expect_units(&us, NULL, info, u->mandatory ? FAULTY : SOUND);
    }
    free(info.p);
}
END_TEST

START_TEST(too_short_and_too_long_ones)
{
    struct octets info;
    struct units all = values_of((enum cvn_spdu_type)_i, &info);
    for (size_t i = 0; i < all.n; i++) {
        struct unit *u = &all.at[i];
        if (u->group || !u->present)
            continue;
        for (size_t n = 1; n < 70; n++) {
            struct units us = all;
            if (length_right(us.type, u->code, n))
                continue;
            memset(us.at[i].value, '1', n);
            us.at[i].n = n;
            expect_units(&us, NULL, info, FAULTY);
        }
    }
    free(info.p);
}
END_TEST

/* Every value of one octet: those reserved are refused, whatever else the SPDU has. */
START_TEST(reserved_values)
{
    struct octets info;
    struct units all = values_of((enum cvn_spdu_type)_i, &info);
    for (size_t i = 0; i < all.n; i++) {
        struct unit *u = &all.at[i];
        for (unsigned v = 0; v < 256 && u->n == 1 && u->present && !u->group; v++) {
            struct units us = all;
            us.at[i].value[0] = (uint8_t)v;
            struct octets spdu = build(&us, NULL);
            size_t at;
            struct octets o = tsdu_of(us.type, spdu, info, &at);
            expect(us.type, o, false);
            free(spdu.p);
            free(o.p);
        }
    }
    free(info.p);
}
END_TEST

/* --- lengths --- */

/* The SPDU with n octets of user data, or of a parameter nobody knows, so that its LI is li. */
static struct octets of_length(enum cvn_spdu_type type, size_t li, struct octets *info)
{
    struct units us = values_of(type, info);
    struct octets base = build(&us, NULL);
    struct octets o = {NULL, 0};
    size_t n = li - (base.n - 2); /* the unit that fills it, with its head */
    static const uint8_t filling[70000];
    MUST(base.n - 2 < 249 && n >= 4);
    put_head(&o, lines[type].si, li);
    put(&o, base.p + 2, base.n - 2);
    if (n == 257 || n == 258) { /* no unit is so long */
        put_head(&o, 200, 0);
        n -= 2;
    }
    put_head(&o, 200, n < 257 ? n - 2 : n - 4);
    put(&o, filling, n < 257 ? n - 2 : n - 4);
    MUST(o.n == li + (li < 255 ? 2u : 4u));
    free(base.p);
    return o;
}

START_TEST(every_form_of_length)
{
    static const size_t sizes[] = {253, 254, 255, 256, 257, 300, 511, 512, 513, 4000, 65534, 65535};
    enum cvn_spdu_type type = (enum cvn_spdu_type)_i;
    if (scenes[type].expedited) /* it would be no expedited TSDU */
        return;
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        struct octets info;
        size_t at;
        struct octets spdu = of_length(type, sizes[i], &info);
        struct octets o = tsdu_of(type, spdu, info, &at);
        MUST(judge(o, false).verdict == SOUND);
        expect(type, o, true);
        if (sizes[i] >= 255) { /* more, and less, than there is */
            o.p[at + 3]++;
            expect(type, o, true);
            o.p[at + 3]--;
        }
        free(info.p);
        free(spdu.p);
        free(o.p);
    }
}
END_TEST

/* Every offset where a length stands: the SPDU's, those of its units and groups. */
static size_t lengths_of(const uint8_t *p, size_t n, const struct units *us, size_t base,
                         size_t *where, size_t most)
{
    size_t found = 0;
    for (size_t at = 0; at + 1 < n; at += 2u + p[at + 1]) {
        MUST(found < most && p[at + 1] != 255);
        where[found++] = base + at + 1;
        for (size_t i = 0; i < us->n; i++)
            if (us->at[i].group && us->at[i].code == p[at])
                found += lengths_of(p + at + 2, p[at + 1], us, base + at + 2, where + found,
                                    most - found);
    }
    return found;
}

/* Each of the lengths of an SPDU takes every value: beyond the unit, its group, the SPDU, the TSDU. */
START_TEST(every_length_takes_every_value)
{
    enum cvn_spdu_type type = (enum cvn_spdu_type)_i;
    size_t where[100];
    struct octets info;
    struct units us = values_of(type, &info);
    struct octets spdu = build(&us, NULL);
    MUST(spdu.p[1] != 255);
    where[0] = 1;
    size_t n = 1 + lengths_of(spdu.p + 2, spdu.n - 2, &us, 2, where + 1, 99);
    for (size_t i = 0; i < n; i++) {
        size_t at;
        struct octets o = tsdu_of(type, spdu, info, &at);
        uint8_t before = o.p[at + where[i]];
        for (unsigned v = 0; v < 256; v++) {
            o.p[at + where[i]] = (uint8_t)v;
            expect(type, o, v == before);
        }
        free(o.p);
    }
    free(spdu.p);
    free(info.p);
}
END_TEST

/* The long form of what has a short one, at each length. */
START_TEST(long_form_of_short_lengths)
{
    enum cvn_spdu_type type = (enum cvn_spdu_type)_i;
    size_t where[100];
    struct octets info;
    struct units us = values_of(type, &info);
    struct octets spdu = build(&us, NULL);
    where[0] = 1;
    size_t n = 1 + lengths_of(spdu.p + 2, spdu.n - 2, &us, 2, where + 1, 99);
    for (size_t i = 0; i < n; i++) {
        struct octets longer = {NULL, 0};
        size_t at;
        put(&longer, spdu.p, where[i]);
        put(&longer, "\xff\x00", 2);
        put(&longer, spdu.p + where[i], spdu.n - where[i]);
        if (i > 0)
            longer.p[1] = (uint8_t)(longer.p[1] + 2); /* so that only this one is wrong */
        struct octets o = tsdu_of(type, longer, info, &at);
        MUST(judge(o, scenes[type].expedited).verdict == FAULTY);
        expect(type, o, false);
        free(longer.p);
        free(o.p);
    }
    free(spdu.p);
    free(info.p);
}
END_TEST

/* Each beginning of the TSDU, and octets behind it. */
START_TEST(cut_short_and_with_more_behind)
{
    enum cvn_spdu_type type = (enum cvn_spdu_type)_i;
    struct octets info;
    struct units us = values_of(type, &info);
    struct octets spdu = build(&us, NULL);
    size_t at;
    struct octets o = tsdu_of(type, spdu, info, &at);
    for (size_t n = 1; n < o.n; n++) {
        struct octets beginning = {o.p, n};
        expect(type, beginning, n >= at + spdu.n && lines[type].information);
    }
    for (unsigned v = 0; v < 256; v++) {
        struct octets more = {NULL, 0};
        uint8_t behind[2] = {(uint8_t)v, 0};
        put(&more, o.p, o.n);
        put(&more, behind, v % 2 + 1);
        expect(type, more, lines[type].information);
        free(more.p);
    }
    free(o.p);
    free(spdu.p);
    free(info.p);
}
END_TEST

/* Another SI: of another category, of none, of Amendments 1 and 2. */
START_TEST(every_identifier_and_every_header)
{
    enum cvn_spdu_type type = (enum cvn_spdu_type)_i;
    struct octets info;
    struct units us = values_of(type, &info);
    struct octets spdu = build(&us, NULL);
    size_t at;
    struct octets o = tsdu_of(type, spdu, info, &at);
    for (unsigned v = 0; v < 256; v++) {
        o.p[at] = (uint8_t)v;
        expect(type, o, v == lines[type].si);
        o.p[at] = (uint8_t)lines[type].si;
        o.p[0] = (uint8_t)v;
        expect(type, o, at > 0 && (v == 1 || v == 2));
        o.p[0] = at > 0 ? 1 : (uint8_t)lines[type].si;
    }
    free(o.p);
    free(spdu.p);
    free(info.p);
}
END_TEST

/* --- at random --- */

static uint32_t random_state;

static unsigned below(unsigned n)
{
    random_state = random_state * 1664525u + 1013904223u;
    return (random_state >> 8) % n;
}

static void mutate(struct octets *o)
{
    static const uint8_t likely[] = {0, 1, 2, 3, 5, 25, 33, 42, 127, 128, 193, 194, 254, 255};
    size_t at = below((unsigned)o->n);
    uint8_t octet = below(2) == 0 ? likely[below(sizeof likely)] : (uint8_t)below(256);
    switch (below(5)) {
    case 0:
        o->p[at] ^= (uint8_t)(1u << below(8));
        break;
    case 1:
        o->p[at] = octet;
        break;
    case 2: /* an octet more */
        put(o, &octet, 1);
        memmove(o->p + at + 1, o->p + at, o->n - at - 1);
        o->p[at] = octet;
        break;
    case 3: /* one less */
        memmove(o->p + at, o->p + at + 1, o->n - at - 1);
        o->n = o->n > 1 ? o->n - 1 : 1;
        break;
    default: /* a length that is off by one */
        o->p[at] = (uint8_t)(o->p[at] + (below(2) == 0 ? 1 : 255));
        break;
    }
}

START_TEST(thousand_mutations)
{
    enum cvn_spdu_type type = (enum cvn_spdu_type)_i;
    const char *runs = getenv("X225_MUTATIONS");
    unsigned long n = runs != NULL ? strtoul(runs, NULL, 10) : MUTATIONS;
    struct octets info;
    struct units all = values_of(type, &info);
    random_state = (uint32_t)_i + 1;
    for (unsigned long i = 0; i < n; i++) {
        struct units us = all;
        size_t at;
        for (size_t k = 0; k < us.n; k++) /* not always all of them */
            us.at[k].present = us.at[k].present && (us.at[k].mandatory || below(3) != 0);
        struct octets spdu = build(&us, NULL);
        struct octets o = tsdu_of(type, spdu, info, &at);
        for (unsigned k = 1 + below(3); k > 0; k--)
            mutate(&o);
        expect(type, o, false);
        free(spdu.p);
        free(o.p);
    }
    free(info.p);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("x225 hostile");
    TCase *t = tcase_create("each SPDU");
    tcase_set_timeout(t, 300);
    tcase_add_loop_test(t, sound_ones_are_taken, 0, CVN_SPDU_TYPES);
    tcase_add_loop_test(t, twice_is_refused_and_unknown_is_skipped, 0, CVN_SPDU_TYPES);
    tcase_add_loop_test(t, those_of_other_spdus_are_skipped, 0, CVN_SPDU_TYPES);
    tcase_add_loop_test(t, missing_and_empty_ones, 0, CVN_SPDU_TYPES);
    tcase_add_loop_test(t, too_short_and_too_long_ones, 0, CVN_SPDU_TYPES);
    tcase_add_loop_test(t, reserved_values, 0, CVN_SPDU_TYPES);
    tcase_add_loop_test(t, every_form_of_length, 0, CVN_SPDU_TYPES);
    tcase_add_loop_test(t, every_length_takes_every_value, 0, CVN_SPDU_TYPES);
    tcase_add_loop_test(t, long_form_of_short_lengths, 0, CVN_SPDU_TYPES);
    tcase_add_loop_test(t, cut_short_and_with_more_behind, 0, CVN_SPDU_TYPES);
    tcase_add_loop_test(t, every_identifier_and_every_header, 0, CVN_SPDU_TYPES);
    tcase_add_loop_test(t, thousand_mutations, 0, CVN_SPDU_TYPES);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_ENV);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed == 0 ? 0 : 1;
}
