/* SPDX-License-Identifier: MIT */
/*
 * A case is TSDUs in hexadecimal and the events they give, in one line. Each is fed
 * whole, octet by octet, cut in two everywhere and in random slices, and with each
 * allocation failing once; the line must always be the same.
 *
 *   /      the TSDU ends        x  before a TSDU: on the expedited flow
 *   *      a purge between TSDUs
 *
 *   NAME #serial tTOKENS "user data", DT[..] from begin to end, ~ goes on after
 *   something else, !offset reason
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/x225/tsdu.h"

/* As ck_assert, but costs nothing while it holds: Check notes every call in a file. */
#define MUST(x)                                                                                    \
    do {                                                                                           \
        if (!(x))                                                                                  \
            ck_abort_msg("%s", #x);                                                                \
    } while (0)

/* --- memory that is counted and can fail --- */

struct memory {
    size_t live;
    unsigned calls;
    unsigned fail_at; /* 0: never */
};

static void *memory_resize(void *ctx, void *p, size_t from, size_t to)
{
    struct memory *m = ctx;
    if (to > 0 && ++m->calls == m->fail_at)
        return NULL;
    m->live += to;
    m->live -= from;
    if (to == 0) {
        free(p);
        return NULL;
    }
    uint8_t *q = malloc(to); /* always moves, so that what pointed there is wrong */
    MUST(q != NULL);
    if (from > 0)
        memcpy(q, p, from < to ? from : to);
    free(p);
    return q;
}

/* --- what came out --- */

struct log {
    char text[4096];
    size_t n;
    bool open; /* the last thing was a slice that is not the last of its SSDU */
};

static void log_octets(struct log *l, const void *p, size_t n)
{
    MUST(l->n + n + 1 < sizeof l->text);
    if (n > 0)
        memcpy(l->text + l->n, p, n);
    l->n += n;
    l->text[l->n] = '\0';
}

static void log_text(struct log *l, const char *text)
{
    log_octets(l, text, strlen(text));
}

static void log_data(struct log *l, struct cvn_octets o)
{
    char text[40];
    log_octets(l, o.p, o.n < 60 ? o.n : 60);
    if (o.n > 60) {
        (void)snprintf(text, sizeof text, "...%zu", o.n);
        log_text(l, text);
    }
}

static void log_slice(struct log *l, const struct cvn_tsdu_event *ev)
{
    const struct cvn_spdu *s = &ev->spdu;
    bool segment = (s->has & CVN_HAS_ENCLOSURE) != 0;
    MUST(ev->info.n > 0 || ev->end);
    MUST((s->has & ~(uint32_t)CVN_HAS_ENCLOSURE) == 0);
    MUST(!segment || !ev->begin || (s->enclosure & CVN_ENCLOSURE_BEGIN) != 0);
    MUST(!segment || !ev->end || (s->enclosure & CVN_ENCLOSURE_END) != 0);
    MUST(segment || s->enclosure == 0);
    if (ev->begin) {
        log_text(l, " ");
        log_text(l, cvn_spdu_name(s->type));
        log_text(l, "[");
    } else if (!l->open) {
        log_text(l, " ~");
    }
    log_octets(l, ev->info.p, ev->info.n);
    if (ev->end)
        log_text(l, "]");
    l->open = !ev->end;
}

static void log_event(struct log *l, const struct cvn_tsdu_event *ev)
{
    const struct cvn_spdu *s = &ev->spdu;
    char text[40];
    MUST(ev->raw_len <= 16);
    if (ev->raw_len > 0)
        MUST(ev->raw[0] == cvn_spdu_si(s->type));
    if (s->type == CVN_SPDU_DT || s->type == CVN_SPDU_TD) {
        log_slice(l, ev);
        return;
    }
    MUST(ev->begin && ev->end && ev->raw_len > 0);
    l->open = false;
    log_text(l, " ");
    log_text(l, cvn_spdu_name(s->type));
    if ((s->has & CVN_HAS_SERIAL) != 0) {
        (void)snprintf(text, sizeof text, " #%u", (unsigned)s->serial);
        log_text(l, text);
    }
    if ((s->has & CVN_HAS_TOKEN_ITEM) != 0) {
        (void)snprintf(text, sizeof text, " t%02x", s->token_item);
        log_text(l, text);
    }
    if ((s->has & CVN_HAS_USER_DATA) != 0) {
        log_text(l, " \"");
        log_data(l, s->user_data);
        log_text(l, "\"");
    }
    if (s->type == CVN_SPDU_EX) {
        log_text(l, "[");
        log_octets(l, ev->info.p, ev->info.n);
        log_text(l, "]");
    }
}

static void log_fault(struct log *l, const struct cvn_spdu_fault *f)
{
    char text[200];
    const char *clause = strstr(f->why, " (X.225");
    size_t n = clause == NULL ? strlen(f->why) : (size_t)(clause - f->why);
    (void)snprintf(text, sizeof text, " !%zu ", f->offset);
    log_text(l, text);
    log_octets(l, f->why, n);
    l->open = false;
}

/* --- feeding --- */

struct feeder {
    struct memory memory;
    struct cvn_alloc alloc;
    struct cvn_tsdu_in t;
    struct log log;
    struct cvn_tsdu_event ev; /* logged at the next call: until then it must be good */
    struct cvn_spdu_fault fault;
    int pending; /* CVN_EVENT, CVN_EPROTO or 0 */
};

#define V2  1u
#define SEG 2u
#define EXT 4u

static void feeder_init(struct feeder *f, unsigned flags, uint32_t ssdu_bytes_max)
{
    memset(f, 0, sizeof *f);
    f->alloc = (struct cvn_alloc){.resize = memory_resize, .ctx = &f->memory};
    cvn_tsdu_in_init(&f->t, &f->alloc, ssdu_bytes_max);
    f->t.version2 = (flags & V2) != 0;
    f->t.segmented = (flags & SEG) != 0;
    f->t.extended = (flags & EXT) != 0;
}

static void feeder_flush(struct feeder *f)
{
    if (f->pending == CVN_EVENT)
        log_event(&f->log, &f->ev);
    if (f->pending == CVN_EPROTO)
        log_fault(&f->log, &f->fault);
    f->pending = 0;
}

/* A slice, from a copy of its exact size. */
static void feed(struct feeder *f, const uint8_t *p, size_t n, bool begin, bool end, bool expedited)
{
    uint8_t *copy = malloc(n + (n == 0));
    uint8_t *at = copy;
    int rc;
    MUST(copy != NULL);
    if (n > 0)
        memcpy(copy, p, n);
    do {
        size_t used = SIZE_MAX;
        feeder_flush(f);
        rc = cvn_tsdu_in_feed(&f->t, at, n, begin, end, expedited, &used, &f->ev, &f->fault);
        MUST(used <= n);
        if (rc == CVN_ENOMEM) {
            MUST(used == 0);
            continue; /* it can be asked again */
        }
        MUST(rc == CVN_MORE || rc == CVN_EVENT || rc == CVN_EPROTO);
        if (rc == CVN_MORE)
            MUST(used == n);
        else
            f->pending = rc;
        at += used;
        n -= used;
        begin = begin && rc == CVN_MORE;
    } while (rc != CVN_MORE);
    free(copy);
}

enum cut { WHOLE, OCTETS, TWO, RANDOM };

static unsigned long long state;

static unsigned chance(unsigned n)
{
    state = state * 6364136223846793005ull + 1442695040888963407ull;
    return (unsigned)(state >> 33) % n;
}

static void feed_tsdu(struct feeder *f, const uint8_t *p, size_t n, bool expedited, enum cut cut,
                      size_t where)
{
    if (expedited || cut == WHOLE) {
        feed(f, p, n, true, true, expedited);
    } else if (cut == TWO) {
        size_t first = where < n ? where : n;
        feed(f, p, first, true, false, false);
        feed(f, p + first, n - first, false, true, false);
    } else {
        bool begin = true;
        while (n > 0 && chance(8) != 0) {
            size_t k = cut == OCTETS ? 1 : 1 + chance(n > 20 ? 20 : (unsigned)n);
            feed(f, p, k, begin, false, false);
            p += k;
            n -= k;
            begin = false;
        }
        feed(f, p, n, begin, true, false);
    }
    if (f->t.open == CVN_SPDU_TYPES || f->t.join == NULL)
        MUST(f->memory.live == 0); /* idle */
}

static unsigned hex_digit(char c)
{
    return c <= '9' ? (unsigned)(c - '0') : (unsigned)((c | 0x20) - 'a' + 10);
}

/* Feeds all TSDUs of a case. */
static void feed_case(struct feeder *f, const char *text, enum cut cut, size_t where)
{
    uint8_t tsdu[1200];
    size_t n = 0;
    bool expedited = false;
    bool ended = true;
    for (;; text++) {
        if (*text == '*') {
            cvn_tsdu_in_purge(&f->t);
        } else if (*text == 'x') {
            expedited = true;
        } else if (*text == '/' || *text == '\0') {
            if (!ended || *text == '/')
                feed_tsdu(f, tsdu, n, expedited, cut, where);
            n = 0;
            expedited = false;
            ended = true;
        } else if (*text != ' ') {
            MUST(n < sizeof tsdu);
            tsdu[n++] = (uint8_t)(hex_digit(text[0]) << 4 | hex_digit(text[1]));
            text++;
            ended = false;
        }
        if (*text == '\0')
            break;
    }
    feeder_flush(f);
}

struct example {
    unsigned flags;
    const char *in;
    const char *out;
};

#define D1      "01 00 01 03 19 01 01 61 / "
#define D0      "01 00 01 03 19 01 00 62 / "
#define D2      "01 00 01 03 19 01 02 63 / "
#define M1      "01 00 31 09 19 01 01 2A 01 37 C1 01 61 / "
#define M0      "01 00 31 06 19 01 00 C1 01 62 / "
#define M2      "01 00 31 06 19 01 02 C1 01 63 / "
#define RS      "02 00 35 06 1B 01 00 2A 01 35 / "
#define LAST    "octets follow an SPDU that is the last of its TSDU"
#define BETWEEN "an SPDU between the segments of another SSDU"
#define ORPHAN  "a segment whose SSDU has not begun"

static const struct example examples[] = {
    /* basic concatenation */
    {0, "01 00 01 00 61 62 63", " DT[abc]"},
    {0, "01 00 01 00 61 / 01 00 01 00 62", " DT[a] DT[b]"},
    {0, "01 00 01 00", " DT[]"},
    {0, "02 00 01 00 61", " DT[a]"},
    {0, "01 03 10 01 01 01 00 61", " DT[a] GT t01"},
    {0, "02 03 10 01 55 01 00", " DT[] PT t55"},
    {0, "01 00 31 06 0F 01 01 2A 01 37", " MIP #7"},
    {0, "02 00 32 03 2A 01 37", " MIA #7"},
    {0, "01 00 32 03 2A 01 37", " MIA #7"},
    {0, "01 00 29 07 0F 01 01 2A 02 31 32", " MAP #12"},
    {0, "01 00 29 04 2A 02 31 32", " AE #12"},
    {0, "02 00 2A 04 2A 02 31 32", " MAA #12"},
    {0, "01 00 19 00", " AI"},
    {0, "02 00 1A 00", " AIA"},
    {0, "02 00 00 03 31 01 78", " ER"},
    {0, "02 06 10 01 01 C1 01 78 32 03 2A 01 37", " MIA #7 PT t01 \"x\""},
    {0, "02 03 C1 01 78 32 03 2A 01 37", " MIA #7 PT \"x\""},
    {0, "01 03 10 01 01 31 03 2A 01 37", " MIP #7 GT t01"},
    /* category 0 alone */
    {0, "01 00", ""},
    {0, "02 00 / 01 00", ""},
    {0, "02 03 10 01 55", " PT t55"},
    {0, "02 03 10 01 55 / 01 03 10 01 41", " PT t55 GT t41"},
    {0, "02 06 10 01 01 C1 01 78", " PT t01 \"x\""},
    {0,
     "02 27 10 01 01 C1 22 61 61 61 61 61 61 61 61 61 61 61 61 61 61 61 61 61 61 61 61 61 61"
     " 61 61 61 61 61 61 61 61 61 61 61 61",
     " PT t01 \"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\""},
    {0,
     "02 27 10 01 01 C1 22 61 61 61 61 61 61 61 61 61 61 61 61 61 61 61 61 61 61 61 61 61 61"
     " 61 61 61 61 61 61 61 61 61 61 61 61 01 06 C8 01 00 19 01 03 78",
     " DT[x] PT t01 \"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\""},
    {0, "01 02 10 00", ""},
    {0, "01 03 19 01 03", ""},
    {0,
     "02 1F 10 01 01 C1 1A 61 61 61 61 61 61 61 61 61 61 61 61 61 61 61 61 61 61 61 61 61 61 61"
     " 61 61 61 01 00 62",
     " DT[b] PT t01 \"aaaaaaaaaaaaaaaaaaaaaaaaaa\""},
    {0,
     "02 1D 10 01 01 C1 18 61 61 61 61 61 61 61 61 61 61 61 61 61 61 61 61 61 61 61 61 61 61 61"
     " 61 01 00 62",
     " DT[b] PT t01 \"aaaaaaaaaaaaaaaaaaaaaaaa\""},
    /* category 1 */
    {0,
     "09 22 C1 20 61 61 61 61 61 61 61 61 61 61 61 61 61 61 61 61 61 61 61 61 61 61 61 61 61 61"
     " 61 61 61 61 61 61",
     " FN \"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\""},
    {0,
     "05 1D C8 1B 61 61 61 61 61 61 61 61 61 61 61 61 61 61 61 61 61 61 61 61 61 61 61 61 61 61"
     " 61 62 63 64",
     " EX[bcd]"},
    {0, "09 00", " FN"},
    {0, "09 03 C1 01 78", " FN \"x\""},
    {0, "21 00 61 62", " TD[ab]"},
    {0, "21 00", " TD[]"},
    {0, "21 03 19 01 03 61 62", " TD[ab]"},
    {0, "05 00 61", " EX[a]"},
    {0, "05 00", " EX[]"},
    {0, "05 00 61 62 63 64 65 66 67 68 69 6A 6B 6C 6D 6E", " EX[abcdefghijklmn]"},
    {0, "05 03 C8 01 00 61", " EX[a]"},
    {0, "0D 00", " CN"},
    {0, "19 03 11 01 03", " AB"},
    {0, "1A 00", " AA"},
    {0, "07 03 18 01 02", " PR"},
    {0, "0F 06 19 01 00 C1 01 61 / 0F 06 19 01 02 C1 01 62", " CDO \"a\" CDO \"b\""},
    /* the expedited flow */
    {0, "x 05 00 61", " EX[a]"},
    {0, "x 05 00 61 / x 07 03 18 01 02 / x 19 03 11 01 03 / x 1A 00", " EX[a] PR AB AA"},
    {0, "x 09 00", " !0 this SPDU is not for the expedited flow"},
    {0, "x 21 00 61", " !0 this SPDU is not for the expedited flow"},
    {0, "x 01 03 10 01 01", " !0 this SPDU is not for the expedited flow"},
    {0, "x 07 03 18 01 02 00", " !5 an expedited TSDU is longer than its SPDU"},
    {0, "x 05 00 61 62 63 64 65 66 67 68 69 6A 6B 6C 6D 6E 6F",
     " !2 an expedited TSDU is longer than its SPDU"},
    {0, "x 07 03 18", " !3 a TSDU ends within an SPDU"},
    {0, "x 07", " !1 a TSDU ends within an SPDU"},
    {0, "x / x 05 00 61", " !0 a TSDU ends within an SPDU EX[a]"},
    {0, "E8", " !0 a short SPDU, which was not offered"},
    {0, "x 98 00", " !0 a short SPDU, which was not offered"},
    {0, "01 00 F0 61 62 / 09 00", " !0 a short SPDU, which was not offered FN"},
    {0, "x 07 FF 00 03 18 01 02", " !1 the length of an SPDU is wrong"},
    {0, "x 31 03 2A 01 37", " !0 a category 2 SPDU stands first in its TSDU"},
    {V2, "x 19 06 11 01 03 19 01 01", " !0 a segment on the expedited flow"},
    /* wrong */
    {0, "/ 09 00", " !0 a TSDU ends within an SPDU FN"},
    {0, "09 / 09 00", " !1 a TSDU ends within an SPDU FN"},
    {0, "09 03 C1 / 09 00", " !3 a TSDU ends within an SPDU FN"},
    {0, "01 00 31 06 0F", " !3 a TSDU ends within an SPDU"},
    {0, "01 00 31", " !1 a TSDU ends within an SPDU"},
    {0, "09 FF 00 03 C1 01 78 / 09 00", " !1 the length of an SPDU is wrong FN"},
    {0, "01 00 31 FF 00 03 2A 01 37", " !1 the length of an SPDU is wrong"},
    {0, "09 00 09 00 / 09 00", " !2 " LAST " FN"},
    {0, "1A 00 00", " !2 " LAST},
    {0, "01 00 31 03 2A 01 37 31 03 2A 01 38", " !5 " LAST},
    {0, "01 03 10 01 01 31 03 2A 01 37 01 00 61", " !5 " LAST},
    {0, "31 03 2A 01 37", " !0 a category 2 SPDU stands first in its TSDU"},
    {0, "01 00 09 00", " !0 an SPDU that is not of category 2 follows another"},
    {0, "01 03 10 01 01 02 00", " !0 an SPDU that is not of category 2 follows another"},
    {0, "63 00 / 09 00", " !0 no SPDU has this SI FN"},
    {0, "01 00 31 00 / 01 00 01 00 61", " !1 Serial Number (PI 42) is missing DT[a]"},
    {0, "01 00 32 03 2A 01 3A", " !4 Serial Number (PI 42) has a reserved value"},
    {0, "01 02 10 02", " !3 the length of a parameter is wrong"},
    {0, "05 00 61 62 63 64 65 66 67 68 69 6A 6B 6C 6D 6E 6F", " !16 EX with more than 14 octets"},
    /* segments of data */
    {SEG, "01 00 01 03 19 01 03 61", " DT[a]"},
    {SEG, "01 00 01 03 19 01 03", " DT[]"},
    {SEG, D1 D0 D2, " DT[abc]"},
    {SEG, D1 D2 D1 D2, " DT[ac] DT[ac]"},
    {SEG, D1 "01 00 01 03 19 01 02", " DT[a]"},
    {SEG, "21 03 19 01 01 61 62 / 21 03 19 01 00 63 64 / 21 03 19 01 02 65", " TD[abcde]"},
    {SEG, "01 00 01 00 61", " !0 the Enclosure Item (PI 25) is missing"},
    {SEG, "21 00 61", " !0 the Enclosure Item (PI 25) is missing"},
    {0, D1, " !0 a segment, and no TSDU maximum was agreed"},
    {V2, "21 03 19 01 02 61", " !0 a segment, and no TSDU maximum was agreed"},
    {0, "01 00 01 03 19 01 03 61", " DT[a]"},
    {SEG, D0, " !0 " ORPHAN},
    {SEG, D2 D1 D2, " !0 " ORPHAN " DT[ac]"},
    {SEG, D1 D1 D2 "01 00 01 03 19 01 03 61", " DT[a !0 " BETWEEN " DT[a]"},
    {SEG, D1 "21 03 19 01 03 61 /" D0 D2 "09 00", " DT[a !0 " BETWEEN " FN"},
    {SEG, D1 "21 03 19 01 02 61", " DT[a !0 " ORPHAN},
    {SEG, D1 "09 00", " DT[a !0 " BETWEEN},
    {SEG, D1 "01 00 31 03 2A 01 37", " DT[a !0 " BETWEEN},
    {SEG, "01 00 01 03 19 01 01 / 09 00", " !0 a segment without user information FN"},
    {SEG, D1 "01 00 01 03 19 01 00", " DT[a !0 a segment without user information"},
    {SEG, D1 "02 00 /" D2, " DT[ac]"},
    {SEG, D1 "02 03 10 01 01 /" D2, " DT[a PT t01 ~c]"},
    {SEG, D1 "01 03 10 01 01 /" D2, " DT[a !0 " BETWEEN},
    {SEG, D1 "x 05 00 78 /" D2, " DT[a EX[x] ~c]"},
    {SEG, D1 "05 00 78 /" D2, " DT[a EX[x] ~c]"},
    {SEG, D1 "07 03 18 01 02 /" D2, " DT[a PR ~c]"},
    {SEG, D1 "1A 00 /" D2, " DT[a AA ~c]"},
    {SEG, D1 RS D2, " DT[a RS #5 !0 " ORPHAN},
    {SEG, D1 "02 03 10 01 01 30 03 32 01 00 /" D1 D2, " DT[a ED PT t01 DT[ac]"},
    {SEG, D1 "02 00 00 03 31 01 78 /" D1 D2, " DT[a ER DT[ac]"},
    {SEG, D1 "01 00 19 00 /" D1 D2, " DT[a AI DT[ac]"},
    {SEG, D1 "01 00 39 00 /" D1 D2, " DT[a AD DT[ac]"},
    {SEG, D1 "19 03 11 01 03 /" D1 D2, " DT[a AB DT[ac]"},
    /* tokens and segments */
    {SEG, "01 03 10 01 01 01 03 19 01 01 61 / " D2 D1 D2, " DT[ac] GT t01 DT[ac]"},
    {SEG, D1 "01 03 10 01 01 01 03 19 01 02 63", " DT[ac] GT t01"},
    {SEG, "01 03 10 01 01 01 03 19 01 01 61 / 01 03 10 01 14 01 03 19 01 02 63", " DT[ac] GT t15"},
    {SEG, "01 03 10 01 01 01 03 19 01 01 61 / 01 03 10 01 14 01 03 19 01 00 62 /" D2,
     " DT[abc] GT t15"},
    {SEG, "01 03 10 01 01 01 03 19 01 01 61 / 02 03 10 01 14 01 03 19 01 02 63",
     " DT[ac] !0 the GT or PT before a segment cannot wait"},
    {SEG, "01 03 10 01 01 01 03 19 01 01 61 / 02 03 10 01 14 01 03 19 01 00 63",
     " DT[ac !0 the GT or PT before a segment cannot wait"},
    {SEG, "02 06 10 01 01 C1 01 78 01 03 19 01 01 61",
     " DT[a !0 the GT or PT before a segment cannot wait"},
    {SEG, D1 "02 06 10 01 01 C1 01 78 01 03 19 01 02 63", " DT[ac] PT t01 \"x\""},
    {SEG, "01 03 10 01 01 01 03 19 01 01 61 / 02 03 10 01 04 / " D2, " DT[a PT t04 ~c] GT t01"},
    {SEG, "01 03 10 01 01 01 03 19 01 01 61 / " RS "09 00", " DT[a RS #5 FN"},
    {SEG, "01 03 10 01 01 01 03 19 01 01 61 / 02 03 10 01 04 35 06 1B 01 00 2A 01 35",
     " DT[a RS #5 PT t04"},
    /* segments of user data */
    {V2, M1 M0 M2, " MIP #7 \"abc\""},
    {V2, M1 M2 M1 M2, " MIP #7 \"ac\" MIP #7 \"ac\""},
    {V2, "01 00 31 06 19 01 01 2A 01 37 /" M2, " MIP #7 \"c\""},
    {V2, M1 "01 00 31 03 19 01 02", " MIP #7 \"a\""},
    {V2, "01 00 31 06 19 01 01 2A 01 37 / 01 00 31 03 19 01 02", " MIP #7"},
    {V2, "01 00 31 06 19 01 03 2A 01 37", " MIP #7"},
    {0, M1 "09 00", " !0 only version 2 has segments of this SPDU FN"},
    {V2, M2, " !0 " ORPHAN},
    {V2, M1 M1 M2, " !0 " BETWEEN},
    {V2,
     "01 00 29 0C 0F 01 01 19 01 01 2A 01 37 C1 01 61 / 01 00 29 06 19 01 00 C1 01 62 /"
     " 01 00 29 06 19 01 02 C1 01 63",
     " MAP #7 \"abc\""},
    {V2, "01 00 29 09 19 01 01 2A 01 37 C1 01 61 / 01 00 29 06 19 01 02 C1 01 63", " AE #7 \"ac\""},
    {V2, "0C 08 19 01 01 32 03 02 61 62 / 0C 07 19 01 02 32 02 63 64", " RF \"abcd\""},
    {V2, "02 00 32 09 19 01 01 2A 01 37 2E 01 61 / 02 00 32 06 19 01 02 2E 01 62",
     " MIA #7 \"ab\""},
    {V2, "09 06 19 01 01 C1 01 61 / 09 06 19 01 02 C1 01 62", " FN \"ab\""},
    {V2, "02 09 10 01 04 19 01 01 C1 01 61 / 02 06 19 01 02 C1 01 62", " PT t04 \"ab\""},
    {V2, "01 09 10 01 04 19 01 01 C1 01 61 / 01 06 19 01 02 C1 01 62", " GT t04 \"ab\""},
    {V2, "02 09 10 01 04 19 01 01 C1 01 61 / 02 03 10 01 01", " !0 " BETWEEN},
    {V2, "02 06 19 01 01 C1 01 61 01 00 61", " !8 " LAST},
    {V2, M1 "02 03 10 01 01 /" M2, " PT t01 MIP #7 \"ac\""},
    {V2, M1 "02 09 10 01 04 19 01 01 C1 01 61", " !0 " BETWEEN},
    {V2, M1 "x 07 03 18 01 01 /" M2, " PR MIP #7 \"ac\""},
    {V2, M1 RS "01 00 31 03 2A 01 38", " RS #5 MIP #8"},
    {V2, M1 "02 00 35 09 19 01 01 1B 01 00 2A 01 35 / 02 00 35 06 19 01 02 C1 01 72",
     " RS #5 \"r\""},
    {V2, M1 "19 09 19 01 01 11 01 03 C1 01 61 / 19 06 19 01 02 C1 01 62", " AB \"ab\""},
    {V2, "01 03 10 01 01 31 09 19 01 01 2A 01 37 C1 01 61 /" M2, " MIP #7 \"ac\" GT t01"},
    {V2 | SEG, M1 D1, " !0 " BETWEEN},
    {V2 | SEG, D1 M1, " DT[a !0 " BETWEEN},
    {V2, M1 "01 00 31 06 19 01 02 C1 01 63 00 / 09 00", " !8 " LAST " FN"},
    /* purged by our side: what the peer had already sent is dropped */
    {SEG, D1 "*" D0 D2 D1 D2, " DT[a DT[ac]"},
    {SEG, D1 "*" D0 D2 D0, " DT[a !0 " ORPHAN},
    {SEG, D1 "*" D0 D1 D2, " DT[a DT[ac]"},
    {SEG, D1 "*" D0 "02 00 22 03 2A 01 35 /" D2, " DT[a RA #5 !0 " ORPHAN},
    {SEG,
     D1 "*"
        "02 03 10 01 01 /" D0 "x 07 03 18 01 03 / 05 00 61 /" D2 "09 00",
     " DT[a PT t01 PR EX[a] FN"},
    {SEG,
     D1 "*"
        "21 03 19 01 02 61",
     " DT[a !0 " ORPHAN},
    {SEG,
     D1 "*"
        "01 03 10 01 01 01 03 19 01 00 61 /" D2,
     " DT[a GT t01"},
    {SEG, "01 03 10 01 01 01 03 19 01 01 61 / *" D2, " DT[a"},
    {SEG,
     D1 "*"
        "01 00 01 03 19 01 00 /" D2 "09 00",
     " DT[a FN"},
    {V2, M1 "*" M0 M2 M1 M2, " MIP #7 \"ac\""},
    {V2,
     M1 "*"
        "02 00 22 03 2A 01 35",
     " RA #5"},
    {V2, M1 "*" RS, " RS #5"},
    {V2 | SEG, "* *" D1 "* *" D2 "*" M1 M2, " DT[a MIP #7 \"ac\""},
    /* extended concatenation */
    {EXT, "01 00 31 03 2A 01 31 31 03 2A 01 32 01 00 61 62", " MIP #1 MIP #2 DT[ab]"},
    {EXT, "01 03 10 01 01 31 03 2A 01 31 31 03 2A 01 32", " MIP #1 MIP #2 GT t01"},
    {EXT, "01 00 01 00 61", " DT[a]"},
    {EXT, "01 03 10 01 01", " GT t01"},
    {EXT, "01 00 31 03 2A 01 31", " MIP #1"},
    {EXT, "01 00 31 03 2A 01 31 09 00 / 09 00",
     " MIP #1 !0 an SPDU that is not of category 2 follows another FN"},
    {EXT, "01 00 31 03 2A 01 31 31 03", " MIP #1 !2 a TSDU ends within an SPDU"},
    {EXT, "09 00 09 00", " !2 " LAST},
    {EXT | V2, "01 00 31 09 19 01 01 2A 01 37 C1 01 61 31 03 2A 01 37", " !0 " LAST},
    {EXT | V2, M1 M2, " MIP #7 \"ac\""},
};

#define EXAMPLES ((int)(sizeof examples / sizeof examples[0]))

static void run(const struct example *e, enum cut cut, size_t where, unsigned fail_at,
                unsigned *calls)
{
    struct feeder f;
    feeder_init(&f, e->flags, 1000);
    f.memory.fail_at = fail_at;
    feed_case(&f, e->in, cut, where);
    ck_assert_str_eq(f.log.text, e->out);
    cvn_tsdu_in_fini(&f.t);
    ck_assert_uint_eq(f.memory.live, 0);
    if (calls != NULL)
        *calls = f.memory.calls;
}

START_TEST(gives_the_same_events_however_it_is_cut)
{
    const struct example *e = &examples[_i];
    state = (unsigned)_i;
    run(e, WHOLE, 0, 0, NULL);
    run(e, OCTETS, 0, 0, NULL);
    for (size_t where = 0; where < 50; where++)
        run(e, TWO, where, 0, NULL);
    for (int round = 0; round < 50; round++)
        run(e, RANDOM, 0, 0, NULL);
}
END_TEST

START_TEST(takes_nothing_when_there_is_no_memory)
{
    const struct example *e = &examples[_i];
    unsigned calls;
    for (size_t where = 0; where < 50; where++) {
        enum cut cut = where == 0 ? WHOLE : TWO;
        run(e, cut, where, 0, &calls);
        for (unsigned k = 1; k <= calls; k++)
            run(e, cut, where, k, NULL);
    }
    run(e, OCTETS, 0, 0, &calls);
    for (unsigned k = 1; k <= calls; k++)
        run(e, OCTETS, 0, k, NULL);
}
END_TEST

/* Octets of any kind: whole and in slices they give the same events and faults. */
START_TEST(survives_mutations_and_is_the_same_in_any_slices)
{
    state = 77 + (unsigned)_i;
    for (int round = 0; round < 100; round++) {
        char text[1000];
        size_t n = 0;
        struct feeder whole;
        struct feeder cut;
        for (unsigned k = 1 + chance(3); k > 0; k--) {
            const char *in =
                examples[chance(3) == 0 ? chance((unsigned)EXAMPLES) : (unsigned)_i].in;
            n += (size_t)snprintf(text + n, sizeof text - n, "%s / ", in);
            ck_assert_uint_lt(n, sizeof text);
        }
        for (unsigned k = chance(4); k > 0; k--) {
            size_t at = chance((unsigned)n);
            static const char digits[] = "0123456789ABCDEF";
            if (strchr(digits, text[at]) != NULL)
                text[at] = digits[chance(16)];
        }
        unsigned flags = chance(2) == 0 ? examples[_i].flags : chance(8);
        feeder_init(&whole, flags, 8);
        feeder_init(&cut, flags, 8);
        feed_case(&whole, text, WHOLE, 0);
        feed_case(&cut, text, RANDOM, 0);
        ck_assert_msg(strcmp(whole.log.text, cut.log.text) == 0, "%s:\n%s\n%s", text,
                      whole.log.text, cut.log.text);
        cvn_tsdu_in_fini(&whole.t);
        cvn_tsdu_in_fini(&cut.t);
        ck_assert_uint_eq(whole.memory.live + cut.memory.live, 0);
    }
}
END_TEST

/* --- single cases of receiving --- */

static const uint8_t dt_first[] = {1, 0, 1, 3, 25, 1, 1, 'a', 'b'};

START_TEST(passes_user_information_on_where_it_lies)
{
    struct feeder f;
    uint8_t tsdu[40] = {1, 0, 1, 0};
    size_t used;
    feeder_init(&f, 0, 0);
    for (size_t n = 5; n <= sizeof tsdu; n++) {
        ck_assert_int_eq(
            cvn_tsdu_in_feed(&f.t, tsdu, n, true, false, false, &used, &f.ev, &f.fault), CVN_EVENT);
        ck_assert_uint_eq(used, n);
        ck_assert_ptr_eq(f.ev.info.p, tsdu + 4);
        ck_assert_uint_eq(f.ev.info.n, n - 4);
        ck_assert(f.ev.begin && !f.ev.end);
        ck_assert_int_eq(
            cvn_tsdu_in_feed(&f.t, NULL, 0, false, false, false, &used, &f.ev, &f.fault), CVN_MORE);
        ck_assert_int_eq(
            cvn_tsdu_in_feed(&f.t, tsdu, 3, false, true, false, &used, &f.ev, &f.fault), CVN_EVENT);
        ck_assert_ptr_eq(f.ev.info.p, tsdu);
        ck_assert_uint_eq(f.ev.info.n, 3);
        ck_assert(!f.ev.begin && f.ev.end);
        ck_assert_uint_eq(f.ev.raw_len, 2);
        ck_assert_uint_eq(f.ev.raw[0], 1);
        ck_assert_int_eq(
            cvn_tsdu_in_feed(&f.t, NULL, 0, false, true, false, &used, &f.ev, &f.fault), CVN_MORE);
    }
    ck_assert_uint_eq(f.memory.calls, 0);
    cvn_tsdu_in_fini(&f.t);
}
END_TEST

START_TEST(says_the_enclosure_item_with_every_slice)
{
    struct feeder f;
    size_t used;
    feeder_init(&f, SEG, 0);
    for (size_t n = 8; n <= sizeof dt_first; n++) {
        bool begin = n == 8;
        size_t at = begin ? 0 : n - 1;
        ck_assert_int_eq(cvn_tsdu_in_feed(&f.t, dt_first + at, n - at, begin, !begin, false, &used,
                                          &f.ev, &f.fault),
                         CVN_EVENT);
        ck_assert_uint_eq(f.ev.spdu.has, CVN_HAS_ENCLOSURE);
        ck_assert_uint_eq(f.ev.spdu.enclosure, CVN_ENCLOSURE_BEGIN);
    }
    cvn_tsdu_in_fini(&f.t);
}
END_TEST

START_TEST(takes_a_new_tsdu_though_the_last_call_was_left_out)
{
    static const uint8_t fn[] = {9, 0};
    static const uint8_t plain[] = {1, 0, 1, 0, 'x'};
    struct feeder f;
    size_t used;
    feeder_init(&f, 0, 0);
    for (int k = 0; k < 3; k++) {
        ck_assert_int_eq(
            cvn_tsdu_in_feed(&f.t, fn, sizeof fn, true, true, false, &used, &f.ev, &f.fault),
            CVN_EVENT);
        ck_assert_int_eq(f.ev.spdu.type, CVN_SPDU_FN);
        ck_assert_int_eq(
            cvn_tsdu_in_feed(&f.t, plain, sizeof plain, true, true, false, &used, &f.ev, &f.fault),
            CVN_EVENT);
        ck_assert_int_eq(f.ev.spdu.type, CVN_SPDU_DT);
        static const uint8_t ex[] = {5, 0, 'x'};
        for (int n = 0; n < 2; n++) {
            ck_assert_int_eq(
                cvn_tsdu_in_feed(&f.t, ex, sizeof ex, true, true, true, &used, &f.ev, &f.fault),
                CVN_EVENT);
            ck_assert_int_eq(f.ev.spdu.type, CVN_SPDU_EX);
        }
    }
    cvn_tsdu_in_fini(&f.t);
}
END_TEST

START_TEST(does_not_mind_if_begin_is_said_again_of_what_is_left)
{
    static const uint8_t tsdu[] = {1, 3, 16, 1, 1, 49, 3, 42, 1, '7', 1, 0, 'x'};
    static const enum cvn_spdu_type types[] = {CVN_SPDU_MIP, CVN_SPDU_DT, CVN_SPDU_GT};
    struct feeder f;
    size_t at = 0;
    size_t used;
    feeder_init(&f, EXT, 0);
    for (int k = 0; k < 3; k++) {
        ck_assert_int_eq(cvn_tsdu_in_feed(&f.t, tsdu + at, sizeof tsdu - at, true, true, false,
                                          &used, &f.ev, &f.fault),
                         CVN_EVENT);
        ck_assert_int_eq(f.ev.spdu.type, types[k]);
        at += used;
    }
    ck_assert_uint_eq(at, sizeof tsdu);
    ck_assert_int_eq(cvn_tsdu_in_feed(&f.t, NULL, 0, true, true, false, &used, &f.ev, &f.fault),
                     CVN_MORE);
    cvn_tsdu_in_fini(&f.t);
}
END_TEST

START_TEST(forgets_a_tsdu_that_was_cut_short)
{
    static const char *const begun[] = {
        "01",
        "01 00",
        "01 03 10 01 01",
        "01 03 10 01 01 31",
        "01 00 31 03",
        "01 00 01 00",
        "01 00 01 00 61",
        "01 03 10 01 01 01 00 61",
        "09 00",
        "09 03 C1",
        "05 00 61",
        "09 00 09",
        "01 00 01 03 19 01 01 61",
        "01 00 31 03 2A 01 37",
        "02 06 10 01 01 C1 01 78",
    };
    for (unsigned flags = 0; flags < 8; flags++) {
        for (size_t i = 0; i < sizeof begun / sizeof begun[0]; i++) {
            struct feeder f;
            uint8_t tsdu[40];
            size_t n = 0;
            for (const char *p = begun[i]; *p != '\0'; p += p[2] == '\0' ? 2 : 3)
                tsdu[n++] = (uint8_t)(hex_digit(p[0]) << 4 | hex_digit(p[1]));
            feeder_init(&f, flags, 100);
            feed_case(&f, "01 00 31 09 19 01 01 2A 01 37 C1 01 61", WHOLE, 0);
            feed(&f, tsdu, n, true, false, false);
            feeder_flush(&f);
            f.log.n = 0;
            f.log.open = false;
            feed_case(&f, "01 03 10 01 01 01 03 19 01 03 78", i % 2 == 0 ? TWO : WHOLE, 6);
            ck_assert_str_eq(f.log.text, " DT[x] GT t01");
            cvn_tsdu_in_fini(&f.t);
            ck_assert_uint_eq(f.memory.live, 0);
        }
    }
}
END_TEST

START_TEST(drops_the_rest_of_what_is_purged_within_its_tsdu)
{
    struct feeder f;
    feeder_init(&f, SEG, 0);
    feed(&f, dt_first, 8, true, false, false); /* a segment: the rest of the SSDU goes */
    feeder_flush(&f);
    cvn_tsdu_in_purge(&f.t);
    feed(&f, dt_first + 8, 1, false, false, false);
    feed(&f, dt_first + 8, 1, false, true, false);
    feed_case(&f, D0 D2 D1 D2, WHOLE, 0);
    ck_assert_str_eq(f.log.text, " DT[a DT[ac]");
    cvn_tsdu_in_fini(&f.t);

    static const uint8_t whole[] = {1, 3, 16, 1, 1, 1, 0, 'a', 'b'};
    feeder_init(&f, 0, 0); /* no segment: the rest of the TSDU, but for the token */
    feed(&f, whole, 8, true, false, false);
    feeder_flush(&f);
    cvn_tsdu_in_purge(&f.t);
    feed(&f, whole + 8, 1, false, true, false);
    feed_case(&f, "01 00 01 00 63", WHOLE, 0);
    ck_assert_str_eq(f.log.text, " DT[a GT t01 DT[c]");
    cvn_tsdu_in_fini(&f.t);
}
END_TEST

START_TEST(keeps_what_the_last_event_points_at_over_a_purge)
{
    static const uint8_t first[] = {2, 0, 53, 12, 25, 1, 1, 27, 1, 0, 42, 1, '5', 193, 1, 'r'};
    static const uint8_t last[] = {1, 3, 16, 1, 1, 53, 6, 25, 1, 2, 193, 1, 's'};
    struct feeder f;
    size_t used;
    feeder_init(&f, V2, 100);
    feed(&f, first, sizeof first, true, true, false);
    ck_assert_int_eq(
        cvn_tsdu_in_feed(&f.t, last, sizeof last, true, true, false, &used, &f.ev, &f.fault),
        CVN_EVENT);
    cvn_tsdu_in_purge(&f.t);
    ck_assert_int_eq(f.ev.spdu.type, CVN_SPDU_RS);
    ck_assert_uint_eq(f.ev.spdu.has & CVN_HAS_ENCLOSURE, 0);
    ck_assert_uint_eq(f.ev.spdu.user_data.n, 2);
    ck_assert_mem_eq(f.ev.spdu.user_data.p, "rs", 2);
    ck_assert_uint_eq(f.ev.raw[0], 53);
    ck_assert_uint_gt(f.memory.live, 0);
    ck_assert_int_eq(cvn_tsdu_in_feed(&f.t, NULL, 0, false, true, false, &used, &f.ev, &f.fault),
                     CVN_EVENT); /* the token is no part of what was purged */
    ck_assert_int_eq(f.ev.spdu.type, CVN_SPDU_GT);
    ck_assert_uint_eq(f.memory.live, 0);
    cvn_tsdu_in_fini(&f.t);
}
END_TEST

START_TEST(bounds_an_ssdu_in_segments)
{
    for (uint32_t most = 0; most <= 12; most++) {
        struct feeder f;
        static const char in[] = "01 00 31 0C 19 01 01 2A 01 37 C1 04 61 61 61 61 / "
                                 "01 00 31 07 19 01 00 C1 02 61 61 / "
                                 "01 00 31 07 19 01 00 C1 02 61 61 / "
                                 "01 00 31 09 19 01 02 C1 04 61 61 61 61 / ";
        feeder_init(&f, V2, most);
        feed_case(&f, in, WHOLE, 0);
        if (most < 12)
            ck_assert_ptr_eq(strstr(f.log.text, " !0 an SSDU in segments is larger than its"
                                                " maximum"),
                             f.log.text);
        else
            ck_assert_str_eq(f.log.text, " MIP #7 \"aaaaaaaaaaaa\"");
        cvn_tsdu_in_fini(&f.t);
        ck_assert_uint_eq(f.memory.live, 0);
    }
    struct feeder f;
    feeder_init(&f, V2, 4);
    feed_case(&f, "01 00 31 0C 19 01 01 2A 01 37 C1 04 61 61 61 61 / 01 00 31 03 19 01 02", WHOLE,
              0);
    ck_assert_str_eq(f.log.text, " MIP #7 \"aaaa\"");
    cvn_tsdu_in_fini(&f.t);
}
END_TEST

START_TEST(shows_the_octets_of_a_bad_spdu)
{
    static const struct {
        const char *in;
        const char *raw;
        size_t n;
    } cases[] = {
        {"01 00 31 00", "\x31\x00", 2},
        {"09 00 09 00", "\x09\x00", 2},
        {"63 00", "\x63\x00", 2},
        {"01 00 31 03 2A", "\x31\x03\x2a", 3},
        {"x 09 00", "\x09\x00", 2},
        {"x 05", "\x05", 1},
        {"09 20 C1 1E 61 61 61 61 61 61 61 61 61 61 61 61 61 61 61 61 61 61 61 61 61 61 61 61 61 "
         "61 61"
         " 61 61 61 00",
         "\x09\x20\xc1\x1e"
         "aaaaaaaaaaaa",
         16},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        for (int cut = WHOLE; cut <= OCTETS; cut++) {
            struct feeder f;
            uint8_t tsdu[60];
            size_t n = 0;
            bool expedited = cases[i].in[0] == 'x';
            for (const char *p = cases[i].in + (expedited ? 2 : 0); *p != '\0';
                 p += p[2] == '\0' ? 2 : 3)
                tsdu[n++] = (uint8_t)(hex_digit(p[0]) << 4 | hex_digit(p[1]));
            feeder_init(&f, 0, 0);
            int rc = CVN_MORE;
            size_t used;
            if (cut == WHOLE || expedited)
                rc = cvn_tsdu_in_feed(&f.t, tsdu, n, true, true, expedited, &used, &f.ev, &f.fault);
            for (size_t k = 0; k <= n && rc == CVN_MORE; k++)
                rc = cvn_tsdu_in_feed(&f.t, tsdu + k, k < n, k == 0, k == n, false, &used, &f.ev,
                                      &f.fault);
            ck_assert_int_eq(rc, CVN_EPROTO);
            ck_assert_uint_eq(f.ev.raw_len, cases[i].n);
            ck_assert_mem_eq(f.ev.raw, cases[i].raw, cases[i].n);
            cvn_tsdu_in_fini(&f.t);
        }
    }
}
END_TEST

/* A header as long as there is, octet by octet, with a long GT before it. */
START_TEST(collects_the_longest_header)
{
    static uint8_t tsdu[2 * CVN_SPDU_MAX + 10];
    size_t n = 0;
    static const uint8_t gt[] = {1, 255, 255, 255, 16, 1, 1, 200, 255, 255, 248};
    static const uint8_t fn[] = {0, 255, 255, 255, 49, 255, 255, 251};
    memcpy(tsdu, gt, sizeof gt);
    n = CVN_SPDU_MAX;
    memcpy(tsdu + n, fn, sizeof fn);
    n += CVN_SPDU_MAX;
    struct feeder f;
    feeder_init(&f, 0, 0);
    feed_tsdu(&f, tsdu, n, false, OCTETS, 0);
    feed_tsdu(&f, tsdu, n, false, RANDOM, 0);
    for (size_t k = 0; k < n; k++) {
        feed(&f, tsdu + k, 1, k == 0, false, false);
        ck_assert_uint_lt(f.memory.live, 4 * CVN_SPDU_MAX);
    }
    feed(&f, NULL, 0, false, true, false);
    feeder_flush(&f);
    ck_assert_ptr_nonnull(strstr(f.log.text, " ER GT t01"));
    ck_assert_uint_eq(f.memory.live, 0);
    cvn_tsdu_in_fini(&f.t);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("tsdu");
    TCase *each = tcase_create("each");
    TCase *one = tcase_create("one");
    tcase_set_timeout(each, 60);
    tcase_set_timeout(one, 60);
    tcase_add_loop_test(each, gives_the_same_events_however_it_is_cut, 0, EXAMPLES);
    tcase_add_loop_test(each, takes_nothing_when_there_is_no_memory, 0, EXAMPLES);
    tcase_add_loop_test(each, survives_mutations_and_is_the_same_in_any_slices, 0, EXAMPLES);
    tcase_add_test(one, passes_user_information_on_where_it_lies);
    tcase_add_test(one, says_the_enclosure_item_with_every_slice);
    tcase_add_test(one, takes_a_new_tsdu_though_the_last_call_was_left_out);
    tcase_add_test(one, does_not_mind_if_begin_is_said_again_of_what_is_left);
    tcase_add_test(one, forgets_a_tsdu_that_was_cut_short);
    tcase_add_test(one, drops_the_rest_of_what_is_purged_within_its_tsdu);
    tcase_add_test(one, keeps_what_the_last_event_points_at_over_a_purge);
    tcase_add_test(one, bounds_an_ssdu_in_segments);
    tcase_add_test(one, shows_the_octets_of_a_bad_spdu);
    tcase_add_test(one, collects_the_longest_header);
    suite_add_tcase(s, each);
    suite_add_tcase(s, one);
    SRunner *r = srunner_create(s);
    srunner_set_fork_status(r, CK_NOFORK); /* as in test_spdu.c */
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed == 0 ? 0 : 1;
}
