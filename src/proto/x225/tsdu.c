/* SPDX-License-Identifier: MIT */
/*
 * tsdu - receiving: ITU-T X.225 (1995) 6.3.7 (concatenation), 7.37 (segmentation).
 *
 * A TSDU is an SPDU of category 1, or one of category 0 alone or with SPDUs of
 * category 2 behind it; user information, which DT, EX and TD have, runs to the
 * TSDU's end. Octets are looked at where they are; only what is cut by the end of
 * a slice, what must wait, and what must be joined is copied.
 *
 * Invariants
 *   I1  between TSDUs the buffer is empty, and nothing is allocated unless an SSDU
 *       is open whose user data is being joined.
 *   I2  join holds octets only while its SSDU is open, or (none open) until the call
 *       after the event that gave it out.
 *   I3  kept_tokens waits only for the end of the open SSDU, or of the TSDU in which
 *       that SSDU has ended.
 *   I4  memory is got before the state changes that it is for.
 *   I5  dropping is set only while an SSDU is open or in TSDU_INFO.
 */
#include "proto/x225/tsdu.h"

#include <assert.h>
#include <string.h>

#define TSDU_RAW_MAX 16u
#define TSDU_LI_END  4u /* SI, and LI of three octets */
#define TSDU_NONE    ((uint8_t)CVN_SPDU_TYPES)
#define TSDU_ZERO    2u /* a category 0 SPDU without parameters */
#define TSDU_ABSENT  0x80u
#define GT_BARE      0x0100u
#define PT_BARE      0x0200u
#define DT_BARE      0x0100u

enum tsdu_phase {
    TSDU_IDLE,  /* between TSDUs */
    TSDU_FIRST, /* in the first SPDU's header */
    TSDU_AFTER, /* a category 0 SPDU has been; in the header of the next, if there is one */
    TSDU_NEXT,  /* the same, and an SPDU of category 2 has been (extended concatenation) */
    TSDU_WHOLE, /* the current SPDU is in the buffer; does its TSDU end with it? */
    TSDU_INFO,  /* in the user information of current */
    TSDU_TAIL,  /* all SPDUs have been; what waits for the end of the TSDU is due */
    TSDU_DONE,  /* the last event has been given */
    TSDU_SKIP,  /* after an error */
};

/* One call. */
struct tsdu_step {
    struct cvn_tsdu_in *t;
    struct cvn_rd rd;
    bool end;
    struct cvn_tsdu_event *ev;
    struct cvn_spdu_fault *fault;
    struct cvn_octets header; /* of the SPDU in hand */
};

#define SET(type) (UINT64_C(1) << CVN_SPDU_##type)

static bool tsdu_is_in(uint64_t set, unsigned type)
{
    return (set >> type & 1) != 0;
}

/* 7.37: what ends an open SSDU before its time, and what may come between its segments. */
static const uint64_t tsdu_purging = SET(RS) | SET(AI) | SET(AD) | SET(ED) | SET(ER) | SET(AB);
static const uint64_t tsdu_between = SET(PR) | SET(EX) | SET(AA) | SET(PT);
/* The expedited flow. */
static const uint64_t tsdu_expedited_types = SET(EX) | SET(PR) | SET(AB) | SET(AA);

static int tsdu_fail(struct tsdu_step *x, size_t offset, const char *why)
{
    x->fault->offset = offset;
    x->fault->why = why;
    return CVN_EPROTO;
}

/* --- the buffer: a category 0 SPDU that waits, and the SPDU that is coming --- */

static uint8_t *tsdu_buffer(struct cvn_tsdu_in *t)
{
    return t->heap != NULL ? t->heap : t->small;
}

static size_t tsdu_buffer_size(const struct cvn_tsdu_in *t)
{
    return t->heap != NULL ? t->heap_size : sizeof t->small;
}

static int tsdu_append(struct cvn_tsdu_in *t, const uint8_t *p, size_t n)
{
    size_t filled = (size_t)t->zero_len + t->part_len;
    size_t size = tsdu_buffer_size(t);
    if (filled + n > size) {
        while (size < filled + n)
            size *= 2;
        assert(size <= UINT32_MAX);
        uint8_t *heap = cvn_resize(t->alloc, t->heap, t->heap_size, size);
        if (heap == NULL)
            return CVN_ENOMEM;
        if (t->heap == NULL)
            memcpy(heap, t->small, filled);
        t->heap = heap;
        t->heap_size = (uint32_t)size;
    }
    memcpy(tsdu_buffer(t) + filled, p, n);
    t->part_len += (uint32_t)n;
    return CVN_OK;
}

/* Whether the header in hand is in the buffer, not in the slice. */
static bool tsdu_is_buffered(const struct tsdu_step *x)
{
    return x->t->part_len > 0;
}

static struct cvn_octets tsdu_part(struct cvn_tsdu_in *t)
{
    return (struct cvn_octets){.p = tsdu_buffer(t) + t->zero_len, .n = t->part_len};
}

static void tsdu_free_heap(struct cvn_tsdu_in *t)
{
    cvn_free(t->alloc, t->heap, t->heap_size);
    t->heap = NULL;
    t->heap_size = 0;
}

static void tsdu_free_join(struct cvn_tsdu_in *t)
{
    cvn_free(t->alloc, t->join, t->join_size);
    t->join = NULL;
    t->join_size = 0;
}

/* What the last event pointed at is given back. */
static void tsdu_release(struct cvn_tsdu_in *t)
{
    if (t->part_done) {
        t->part_done = false;
        t->part_len = 0;
    }
    if (t->heap != NULL && t->zero_len + t->part_len == 0)
        tsdu_free_heap(t);
    if (t->join != NULL && t->open == TSDU_NONE) /* I2 */
        tsdu_free_join(t);
}

/* The open SSDU is no more. */
static void tsdu_close(struct cvn_tsdu_in *t)
{
    if (t->open == TSDU_NONE)
        return;
    tsdu_free_join(t);
    t->open = TSDU_NONE;
    t->dropping = false;
    t->kept_tokens = 0;
}

void cvn_tsdu_in_init(struct cvn_tsdu_in *t, const struct cvn_alloc *a, uint32_t ssdu_bytes_max)
{
    *t = (struct cvn_tsdu_in){
        .alloc = a,
        .ssdu_bytes_max = ssdu_bytes_max,
        .phase = TSDU_IDLE,
        .open = TSDU_NONE,
    };
}

void cvn_tsdu_in_fini(struct cvn_tsdu_in *t)
{
    tsdu_free_heap(t);
    tsdu_free_join(t);
    cvn_tsdu_in_init(t, t->alloc, t->ssdu_bytes_max);
}

void cvn_tsdu_in_purge(struct cvn_tsdu_in *t)
{
    if (t->open != TSDU_NONE) {
        tsdu_free_join(t);
        t->kept_tokens = 0;
        t->dropping = true;
    } else if (t->phase == TSDU_INFO) {
        t->dropping = true;
    }
}

/* --- the pieces of a TSDU --- */

/* Amendments 1 and 2 of X.225: the first octet of a short SPDU has its high bit set, which no SI
 * has; what follows is no LI. Their options are not offered (8.3.1, Protocol Options). */
static bool tsdu_is_short(struct cvn_octets spdu)
{
    struct cvn_rd rd = cvn_rd_init(spdu.p, spdu.n);
    return (cvn_rd_u8(&rd) & 0x80) != 0;
}

static bool tsdu_is_headless(struct cvn_octets spdu, size_t header)
{
    return tsdu_is_short(spdu) || header > CVN_SPDU_MAX;
}

/* What stands there has no SI or no length. As much is shown of it, however it was sliced. */
static int tsdu_no_header(struct tsdu_step *x)
{
    bool is_short = tsdu_is_short(x->header);
    x->header.n = is_short ? 1 : TSDU_LI_END;
    if (is_short)
        return tsdu_fail(x, 0, "a short SPDU, which was not offered (X.225 Amd. 1)");
    return tsdu_fail(x, 1, "the length of an SPDU is wrong (X.225 8.2)");
}

/* The header of the SPDU that is coming: x->header when it is whole, in the slice or in
 * the buffer. CVN_OK, CVN_MORE, CVN_EPROTO, CVN_ENOMEM. */
static int tsdu_header(struct tsdu_step *x)
{
    struct cvn_tsdu_in *t = x->t;
    for (;;) {
        size_t left = cvn_rd_left(&x->rd);
        bool buffered = tsdu_is_buffered(x);
        struct cvn_octets have = {.p = x->rd.at, .n = left};
        if (buffered)
            have = tsdu_part(t);
        size_t whole = cvn_spdu_header_length(have.p, have.n);
        x->header = have;
        if (tsdu_is_headless(have, whole))
            return tsdu_no_header(x);
        if (whole != 0 && whole <= have.n) {
            x->header.n = whole;
            if (!buffered)
                cvn_rd_skip(&x->rd, whole);
            return CVN_OK;
        }
        if (left == 0 || !buffered) {
            if (x->end)
                return tsdu_fail(x, have.n, "a TSDU ends within an SPDU (X.225 8.1)");
            if (left == 0)
                return CVN_MORE;
        }
        /* Into the buffer: no more than belongs to this header. */
        size_t n = !buffered ? left : whole == 0 ? 1 : whole - have.n;
        if (n > left)
            n = left;
        if (tsdu_append(t, x->rd.at, n) != CVN_OK)
            return CVN_ENOMEM;
        cvn_rd_skip(&x->rd, n);
    }
}

enum tsdu_place { PLACE_NEW, PLACE_SEGMENT, PLACE_WRONG };

/* Where an SPDU stands among the segments of the open SSDU: 7.37. */
static enum tsdu_place tsdu_place(const struct cvn_tsdu_in *t, unsigned type, unsigned enclosure)
{
    if ((enclosure & CVN_ENCLOSURE_BEGIN) == 0) {
        /* A later segment of a MAP has no Sync Type Item to tell it from an AE. */
        bool same = type == t->open || (type == CVN_SPDU_AE && t->open == CVN_SPDU_MAP);
        return same ? PLACE_SEGMENT : PLACE_WRONG;
    }
    if (t->open == TSDU_NONE || t->dropping || tsdu_is_in(tsdu_purging, type))
        return PLACE_NEW;
    if (tsdu_is_in(tsdu_between, type) && enclosure == CVN_ENCLOSURE_WHOLE && type != t->open)
        return PLACE_NEW;
    return PLACE_WRONG;
}

static int tsdu_misplaced(struct tsdu_step *x, unsigned enclosure)
{
    return tsdu_fail(x, 0,
                     (enclosure & CVN_ENCLOSURE_BEGIN) == 0
                         ? "a segment whose SSDU has not begun (X.225 7.37)"
                         : "an SPDU between the segments of another SSDU (X.225 7.37)");
}

/* A new SSDU begins: the open one ends, unless this one may stand between its segments. */
static void tsdu_make_way(struct cvn_tsdu_in *t, unsigned type)
{
    if (!tsdu_is_in(tsdu_between, type))
        tsdu_close(t);
}

static unsigned tsdu_enclosure(const struct cvn_spdu *s)
{
    if (s->type == CVN_SPDU_CDO) /* its SSDU began with CN: 8.3.3; the owner joins it */
        return CVN_ENCLOSURE_WHOLE;
    return (s->has & CVN_HAS_ENCLOSURE) != 0 ? s->enclosure : CVN_ENCLOSURE_WHOLE;
}

/* --- user data in segments --- */

static const char tsdu_too_big[] = "an SSDU in segments is larger than its maximum";

static int tsdu_join_begin(struct tsdu_step *x)
{
    struct cvn_tsdu_in *t = x->t;
    const struct cvn_spdu *s = &x->ev->spdu;
    if (!t->version2)
        return tsdu_fail(x, 0, "only version 2 has segments of this SPDU (X.225 7.37)");
    if (s->user_data.n > t->ssdu_bytes_max)
        return tsdu_fail(x, 0, tsdu_too_big);
    size_t size = x->header.n + s->user_data.n;
    uint8_t *join = cvn_resize(t->alloc, NULL, 0, size);
    if (join == NULL)
        return CVN_ENOMEM;
    memcpy(join, x->header.p, x->header.n);
    if (s->user_data.n > 0)
        memcpy(join + x->header.n, s->user_data.p, s->user_data.n);
    tsdu_close(t);
    t->open = (uint8_t)s->type;
    t->join = join;
    t->join_size = size;
    t->join_header = (uint32_t)x->header.n;
    t->join_len = (uint32_t)s->user_data.n;
    return CVN_OK;
}

static int tsdu_join_append(struct tsdu_step *x, struct cvn_octets data)
{
    struct cvn_tsdu_in *t = x->t;
    if (data.n == 0)
        return CVN_OK;
    if (data.n > t->ssdu_bytes_max - t->join_len)
        return tsdu_fail(x, 0, tsdu_too_big);
    size_t filled = (size_t)t->join_header + t->join_len;
    if (filled + data.n > t->join_size) {
        size_t most = (size_t)t->join_header + t->ssdu_bytes_max;
        size_t size = 2 * t->join_size + data.n;
        size = size > most ? most : size;
        uint8_t *join = cvn_resize(t->alloc, t->join, t->join_size, size);
        if (join == NULL)
            return CVN_ENOMEM;
        t->join = join;
        t->join_size = size;
    }
    memcpy(t->join + filled, data.p, data.n);
    t->join_len += (uint32_t)data.n;
    return CVN_OK;
}

/* --- events --- */

static int tsdu_event(struct tsdu_step *x, struct cvn_octets info)
{
    x->ev->info = info;
    x->ev->begin = true;
    x->ev->end = true;
    x->ev->raw = x->header.p;
    x->ev->raw_len = x->header.n > TSDU_RAW_MAX ? TSDU_RAW_MAX : x->header.n;
    return CVN_EVENT;
}

/* The last segment has come: the first one's parameters, the user data of all. */
static int tsdu_join_end(struct tsdu_step *x)
{
    struct cvn_tsdu_in *t = x->t;
    struct cvn_spdu *s = &x->ev->spdu;
    bool first = cvn_spdu_category((enum cvn_spdu_type)t->open) != 2;
    x->header = (struct cvn_octets){.p = t->join, .n = t->join_header};
    int rc = cvn_spdu_decode(s, t->join, t->join_header, first, x->fault);
    assert(rc == CVN_OK); /* it was decoded when it came */
    (void)rc;
    s->has &= ~(uint32_t)CVN_HAS_ENCLOSURE;
    s->enclosure = 0;
    if (t->join_len > 0) {
        s->has |= CVN_HAS_USER_DATA;
        s->user_data = (struct cvn_octets){.p = t->join + t->join_header, .n = t->join_len};
    }
    t->open = TSDU_NONE;
    return tsdu_event(x, (struct cvn_octets){.p = NULL, .n = 0});
}

/* What follows this SPDU, which has been dealt with. */
static void tsdu_go_on(struct tsdu_step *x, unsigned type, int rc, bool segment)
{
    struct cvn_tsdu_in *t = x->t;
    bool more = t->extended && cvn_spdu_category((enum cvn_spdu_type)type) == 2 && !segment;
    assert(more || x->end || rc == CVN_OK);
    if (more)
        t->phase = TSDU_NEXT;
    else if (rc == CVN_EVENT && t->zero_len == 0 && t->kept_tokens == 0)
        t->phase = TSDU_DONE; /* nothing waits for the end of the TSDU */
    else
        t->phase = TSDU_TAIL;
}

/* The SPDU in ev->spdu, not DT or TD, has come whole and is in its right place in the
 * TSDU. CVN_OK: no event. */
static int tsdu_deliver(struct tsdu_step *x, struct cvn_octets info)
{
    struct cvn_tsdu_in *t = x->t;
    struct cvn_spdu *s = &x->ev->spdu;
    unsigned type = s->type;
    unsigned enclosure = tsdu_enclosure(s);
    enum tsdu_place place = tsdu_place(t, type, enclosure);
    int rc = CVN_OK;
    if (place == PLACE_WRONG)
        return tsdu_misplaced(x, enclosure);
    bool end = (enclosure & CVN_ENCLOSURE_END) != 0;
    if (place == PLACE_NEW && end) {
        tsdu_make_way(t, type);
        rc = tsdu_event(x, info);
    } else if (place == PLACE_NEW) {
        rc = tsdu_join_begin(x);
    } else if (t->dropping) {
        if (end)
            tsdu_close(t);
    } else {
        rc = tsdu_join_append(x, s->user_data);
        if (rc == CVN_OK && end)
            rc = tsdu_join_end(x);
    }
    if (rc == CVN_EPROTO || rc == CVN_ENOMEM)
        return rc;
    tsdu_go_on(x, type, rc, !end);
    if (rc == CVN_EVENT)
        t->part_done = true;
    else
        t->part_len = 0;
    return rc;
}

/* --- user information --- */

/* Keeps the header for raw, should there be room without memory being got for it. */
static void tsdu_keep_header(struct tsdu_step *x)
{
    struct cvn_tsdu_in *t = x->t;
    size_t n = x->header.n > TSDU_RAW_MAX ? TSDU_RAW_MAX : x->header.n;
    if (tsdu_is_buffered(x)) {
        t->part_len = (uint32_t)n;
    } else if (t->zero_len + n <= tsdu_buffer_size(t)) {
        int rc = tsdu_append(t, x->header.p, n);
        assert(rc == CVN_OK);
        (void)rc;
    }
}

/* The header of a DT or TD has come. */
static int tsdu_info_begin(struct tsdu_step *x)
{
    struct cvn_tsdu_in *t = x->t;
    const struct cvn_spdu *s = &x->ev->spdu;
    unsigned type = s->type;
    bool item = (s->has & CVN_HAS_ENCLOSURE) != 0;
    unsigned enclosure = tsdu_enclosure(s);
    if (t->segmented && !item)
        return tsdu_fail(x, 0, "the Enclosure Item (PI 25) is missing (X.225 7.37)");
    if (!t->segmented && enclosure != CVN_ENCLOSURE_WHOLE)
        return tsdu_fail(x, 0, "a segment, and no TSDU maximum was agreed (X.225 7.37)");
    enum tsdu_place place = tsdu_place(t, type, enclosure);
    if (place == PLACE_WRONG)
        return tsdu_misplaced(x, enclosure);
    if (place == PLACE_NEW) {
        tsdu_close(t);
        if (enclosure != CVN_ENCLOSURE_WHOLE)
            t->open = (uint8_t)type;
    }
    t->begin_due = place == PLACE_NEW;
    t->fresh = true;
    t->current = (uint8_t)type;
    t->enclosure = (uint8_t)(enclosure | (item ? 0 : TSDU_ABSENT));
    t->phase = TSDU_INFO;
    if (!x->end)
        tsdu_keep_header(x);
    return CVN_OK;
}

static void tsdu_info_end(struct cvn_tsdu_in *t)
{
    if ((t->enclosure & CVN_ENCLOSURE_END) != 0) {
        t->open = TSDU_NONE;
        t->dropping = false;
    }
    t->phase = TSDU_TAIL;
}

/* A slice of user information. */
static int tsdu_info(struct tsdu_step *x)
{
    struct cvn_tsdu_in *t = x->t;
    struct cvn_octets info = {.p = x->rd.at, .n = cvn_rd_left(&x->rd)};
    bool last = x->end && (t->enclosure & CVN_ENCLOSURE_END) != 0;
    bool dropping = t->dropping;
    if (x->header.p == NULL)
        x->header = tsdu_part(t);
    if (dropping)
        cvn_rd_skip(&x->rd, info.n);
    if (dropping || (info.n == 0 && !last)) {
        if (!x->end)
            return CVN_MORE;
        if (t->fresh && !dropping)
            return tsdu_fail(x, 0, "a segment without user information (X.225 8.3.11)");
        tsdu_info_end(t);
        return CVN_OK;
    }
    cvn_rd_skip(&x->rd, info.n);
    cvn_spdu_init(&x->ev->spdu, (enum cvn_spdu_type)t->current);
    if ((t->enclosure & TSDU_ABSENT) == 0) {
        x->ev->spdu.has = CVN_HAS_ENCLOSURE;
        x->ev->spdu.enclosure = t->enclosure;
    }
    (void)tsdu_event(x, info);
    x->ev->begin = t->begin_due;
    x->ev->end = last;
    t->begin_due = false;
    t->fresh = false;
    if (x->end)
        tsdu_info_end(t);
    return CVN_EVENT;
}

/* --- SPDUs in their TSDU --- */

/* The SPDU in hand, not DT or TD, is whole, but its TSDU has not ended: it waits in the
 * buffer, since it is wrong if the TSDU goes on. */
static int tsdu_wait(struct tsdu_step *x)
{
    struct cvn_tsdu_in *t = x->t;
    if (!tsdu_is_buffered(x) && tsdu_append(t, x->header.p, x->header.n) != CVN_OK)
        return CVN_ENOMEM;
    t->current = (uint8_t)x->ev->spdu.type;
    t->phase = TSDU_WHOLE;
    return CVN_OK;
}

static const char tsdu_followed[] = "octets follow an SPDU that is the last of its TSDU"
                                    " (X.225 6.3.7)";

/* EX: user information, and it comes whole. */
static int tsdu_expedited_data(struct tsdu_step *x)
{
    struct cvn_octets info = {.p = x->rd.at, .n = cvn_rd_left(&x->rd)};
    if (!x->end)
        return tsdu_wait(x);
    if (info.n > CVN_XSSDU_MAX)
        return tsdu_fail(x, x->header.n + CVN_XSSDU_MAX,
                         "EX with more than 14 octets (X.225 8.3.12)");
    cvn_rd_skip(&x->rd, info.n);
    return tsdu_deliver(x, info);
}

static int tsdu_whole(struct tsdu_step *x)
{
    struct cvn_tsdu_in *t = x->t;
    struct cvn_tsdu_event *ev = x->ev;
    if (t->current == CVN_SPDU_EX) {
        size_t header = cvn_spdu_header_length(tsdu_part(t).p, t->part_len);
        size_t n = cvn_rd_left(&x->rd);
        x->header = (struct cvn_octets){.p = tsdu_part(t).p, .n = header};
        if (t->part_len - header + n > CVN_XSSDU_MAX)
            return tsdu_fail(x, header + CVN_XSSDU_MAX,
                             "EX with more than 14 octets (X.225 8.3.12)");
        if (n > 0 && tsdu_append(t, x->rd.at, n) != CVN_OK)
            return CVN_ENOMEM;
        cvn_rd_skip(&x->rd, n);
        x->header = (struct cvn_octets){.p = tsdu_part(t).p, .n = header};
    } else {
        x->header = tsdu_part(t);
    }
    if (cvn_rd_left(&x->rd) > 0)
        return tsdu_fail(x, x->header.n, tsdu_followed);
    if (!x->end)
        return CVN_MORE;
    bool first = cvn_spdu_category((enum cvn_spdu_type)t->current) != 2;
    int rc = cvn_spdu_decode(&ev->spdu, x->header.p, x->header.n, first, x->fault);
    assert(rc == CVN_OK); /* it was decoded when it came */
    (void)rc;
    return tsdu_deliver(
        x, (struct cvn_octets){.p = x->header.p + x->header.n,
                               .n = t->part_len > x->header.n ? t->part_len - x->header.n : 0});
}

/* A category 0 SPDU: alone, or before others. */
static int tsdu_zero(struct tsdu_step *x)
{
    struct cvn_tsdu_in *t = x->t;
    const struct cvn_spdu *s = &x->ev->spdu;
    bool alone = cvn_rd_left(&x->rd) == 0 && x->end;
    bool empty = (s->has & (CVN_HAS_TOKEN_ITEM | CVN_HAS_USER_DATA)) == 0;
    if (tsdu_enclosure(s) != CVN_ENCLOSURE_WHOLE) { /* a segment of its own user data */
        if (alone)
            return tsdu_deliver(x, (struct cvn_octets){.p = NULL, .n = 0});
        if (cvn_rd_left(&x->rd) > 0)
            return tsdu_fail(x, x->header.n, tsdu_followed);
        return tsdu_wait(x);
    }
    if (alone && !empty)
        return tsdu_deliver(x, (struct cvn_octets){.p = NULL, .n = 0});
    if (!empty) {
        if (!tsdu_is_buffered(x) && tsdu_append(t, x->header.p, x->header.n) != CVN_OK)
            return CVN_ENOMEM;
        t->zero_len = t->part_len;
    }
    t->part_len = 0;
    t->phase = TSDU_AFTER;
    return CVN_OK;
}

/* A TSDU ends where an SPDU could begin. */
static int tsdu_no_more(struct tsdu_step *x)
{
    struct cvn_tsdu_in *t = x->t;
    if (t->phase == TSDU_NEXT || t->zero_len == 0) {
        t->phase = TSDU_TAIL;
        return CVN_OK;
    }
    t->part_len = t->zero_len; /* a category 0 SPDU alone, and that was not known before */
    t->zero_len = 0;
    t->current = CVN_SPDU_GT; /* or PT */
    t->phase = TSDU_WHOLE;
    return CVN_OK;
}

/* A GT or PT without parameters, as before nearly every SPDU of category 2: it has been. */
static bool tsdu_is_bare(struct tsdu_step *x)
{
    struct cvn_rd rd = cvn_rd_init(x->header.p, x->header.n);
    uint16_t head = cvn_rd_be16(&rd);
    if (head != GT_BARE && head != PT_BARE)
        return false;
    x->t->part_len = 0;
    x->t->phase = TSDU_AFTER;
    return true;
}

/* Category 1, or category 2 but not DT: the last of its TSDU, unless extended concatenation
 * was agreed. */
static int tsdu_other(struct tsdu_step *x, unsigned category)
{
    if (category == 1 || !x->t->extended) {
        if (cvn_rd_left(&x->rd) > 0)
            return tsdu_fail(x, x->header.n, tsdu_followed);
        if (!x->end)
            return tsdu_wait(x);
    }
    return tsdu_deliver(x, (struct cvn_octets){.p = NULL, .n = 0});
}

static int tsdu_spdu(struct tsdu_step *x)
{
    struct cvn_tsdu_in *t = x->t;
    struct cvn_spdu *s = &x->ev->spdu;
    if (t->phase != TSDU_FIRST && t->part_len == 0 && cvn_rd_left(&x->rd) == 0)
        return x->end ? tsdu_no_more(x) : CVN_MORE;
    int rc = tsdu_header(x);
    if (rc != CVN_OK)
        return rc;
    if (t->phase == TSDU_FIRST && tsdu_is_bare(x))
        return CVN_OK;
    rc = cvn_spdu_decode(s, x->header.p, x->header.n, t->phase == TSDU_FIRST, x->fault);
    if (rc != CVN_OK)
        return rc;
    if (s->type == CVN_SPDU_DT || s->type == CVN_SPDU_TD)
        return tsdu_info_begin(x);
    if (s->type == CVN_SPDU_EX)
        return tsdu_expedited_data(x);
    unsigned category = cvn_spdu_category(s->type);
    return category == 0 ? tsdu_zero(x) : tsdu_other(x, category);
}

/* The tokens of the category 0 SPDUs before the segments of one SSDU: 7.37. */
static int tsdu_keep_tokens(struct tsdu_step *x, const struct cvn_spdu *zero)
{
    struct cvn_tsdu_in *t = x->t;
    if ((zero->has & CVN_HAS_USER_DATA) != 0 ||
        (t->kept_tokens != 0 && t->kept_type != (uint8_t)zero->type))
        return tsdu_fail(x, 0, "the GT or PT before a segment cannot wait (X.225 7.37)");
    t->kept_type = (uint8_t)zero->type;
    t->kept_tokens |= zero->token_item;
    t->zero_len = 0;
    return CVN_OK;
}

/* The end of the TSDU: the category 0 SPDU comes last, and not before its SSDU is
 * complete. */
static int tsdu_tail(struct tsdu_step *x)
{
    struct cvn_tsdu_in *t = x->t;
    struct cvn_spdu *s = &x->ev->spdu;
    if (cvn_rd_left(&x->rd) > 0)
        return tsdu_fail(x, 0, tsdu_followed);
    if (!x->end)
        return CVN_MORE;
    bool waits = t->open != TSDU_NONE && !t->dropping;
    t->part_len = 0;
    if (!waits && t->zero_len == 0 && t->kept_tokens != 0) {
        const uint8_t zero[] = {cvn_spdu_si((enum cvn_spdu_type)t->kept_type), 3, 16, 1,
                                t->kept_tokens};
        int rc = tsdu_append(t, zero, sizeof zero); /* small is large enough */
        assert(rc == CVN_OK);
        (void)rc;
        t->zero_len = t->part_len;
        t->part_len = 0;
    }
    t->phase = TSDU_DONE;
    if (t->zero_len == 0)
        return CVN_MORE;
    x->header = (struct cvn_octets){.p = tsdu_buffer(t), .n = t->zero_len};
    int rc = cvn_spdu_decode(s, x->header.p, x->header.n, true, x->fault);
    assert(rc == CVN_OK); /* it was decoded when it came */
    if (waits || t->kept_tokens != 0)
        rc = tsdu_keep_tokens(x, s);
    if (rc != CVN_OK || waits)
        return rc == CVN_OK ? CVN_MORE : rc;
    if (t->kept_tokens != 0) {
        s->has |= CVN_HAS_TOKEN_ITEM;
        s->token_item = t->kept_tokens;
        t->kept_tokens = 0;
    }
    t->zero_len = 0; /* the octets stay until the next call */
    return tsdu_event(x, (struct cvn_octets){.p = NULL, .n = 0});
}

static int tsdu_steps(struct tsdu_step *x)
{
    struct cvn_tsdu_in *t = x->t;
    int rc = CVN_OK;
    while (rc == CVN_OK) {
        switch (t->phase) {
        case TSDU_WHOLE:
            rc = tsdu_whole(x);
            break;
        case TSDU_INFO:
            rc = tsdu_info(x);
            break;
        case TSDU_TAIL:
            rc = tsdu_tail(x);
            break;
        case TSDU_SKIP:
            cvn_rd_skip(&x->rd, cvn_rd_left(&x->rd));
            if (x->end)
                t->phase = TSDU_DONE;
            rc = CVN_MORE;
            break;
        default:
            assert(t->phase == TSDU_FIRST || t->phase == TSDU_AFTER || t->phase == TSDU_NEXT);
            rc = tsdu_spdu(x);
            break;
        }
    }
    return rc;
}

/* After an error nothing of the TSDU is left, and no SSDU is open but to be dropped. */
static void tsdu_give_up(struct tsdu_step *x)
{
    struct cvn_tsdu_in *t = x->t;
    (void)tsdu_event(x, (struct cvn_octets){.p = NULL, .n = 0}); /* for raw */
    cvn_rd_skip(&x->rd, cvn_rd_left(&x->rd));
    t->phase = x->end ? TSDU_DONE : TSDU_SKIP;
    t->zero_len = 0;
    t->part_done = true;
    t->kept_tokens = 0;
    cvn_tsdu_in_purge(t);
}

/* An expedited TSDU, whole. */
static int tsdu_expedited(struct tsdu_step *x)
{
    struct cvn_spdu *s = &x->ev->spdu;
    struct cvn_octets all = {.p = x->rd.at, .n = cvn_rd_left(&x->rd)};
    size_t header = cvn_spdu_header_length(all.p, all.n);
    x->header = all;
    if (tsdu_is_headless(all, header))
        return tsdu_no_header(x);
    if (header == 0 || header > all.n)
        return tsdu_fail(x, all.n, "a TSDU ends within an SPDU (X.225 8.1)");
    x->header.n = header;
    cvn_rd_skip(&x->rd, all.n);
    int rc = cvn_spdu_decode(s, all.p, header, true, x->fault);
    if (rc != CVN_OK)
        return rc;
    struct cvn_octets info = {.p = all.p + header, .n = all.n - header};
    if (!tsdu_is_in(tsdu_expedited_types, s->type))
        return tsdu_fail(x, 0, "this SPDU is not for the expedited flow (X.225 6.3.5)");
    if (info.n > (s->type == CVN_SPDU_EX ? CVN_XSSDU_MAX : 0))
        return tsdu_fail(x, header, "an expedited TSDU is longer than its SPDU (X.225 8.3.12)");
    if (tsdu_enclosure(s) != CVN_ENCLOSURE_WHOLE)
        return tsdu_fail(x, 0, "a segment on the expedited flow (X.225 7.37)");
    return tsdu_event(x, info);
}

static int tsdu_expedited_feed(struct tsdu_step *x)
{
    struct cvn_tsdu_in *t = x->t;
    bool due = t->expedited_due;
    assert(x->end);
    t->expedited_due = false;
    if (due && cvn_rd_left(&x->rd) == 0)
        return CVN_MORE;
    int rc = tsdu_expedited(x);
    t->expedited_due = true;
    if (rc == CVN_EPROTO) {
        (void)tsdu_event(x, (struct cvn_octets){.p = NULL, .n = 0}); /* for raw */
        cvn_rd_skip(&x->rd, cvn_rd_left(&x->rd));
    }
    return rc;
}

/* Goes on where the last call stopped. */
static int tsdu_normal_feed(struct tsdu_step *x, bool begin)
{
    struct cvn_tsdu_in *t = x->t;
    if (t->phase == TSDU_DONE) {
        t->phase = TSDU_IDLE;
    } else if (begin && !t->again && t->phase != TSDU_IDLE) { /* cut short */
        tsdu_close(t);
        t->dropping = false;
        t->zero_len = 0;
        t->part_len = 0;
        t->phase = TSDU_IDLE;
    }
    uint8_t phase = t->phase;
    uint32_t zero_len = t->zero_len;
    uint32_t part_len = t->part_len;
    if (phase == TSDU_IDLE) {
        assert(begin);
        t->phase = TSDU_FIRST;
    }
    int rc = tsdu_steps(x);
    if (rc == CVN_ENOMEM) {
        t->phase = phase;
        t->zero_len = zero_len;
        t->part_len = part_len;
        return rc;
    }
    if (rc == CVN_EPROTO)
        tsdu_give_up(x);
    t->again = rc != CVN_MORE;
    if (rc == CVN_MORE && t->phase == TSDU_DONE) {
        t->phase = TSDU_IDLE;
        tsdu_release(t); /* I1 */
    }
    return rc;
}

/* The short way for the most frequent TSDUs, whole in one slice, while no SSDU is open: GT or
 * PT without parameters, and behind it a DT without any either, or another SPDU to the end.
 * What is not so, or not right, goes the long way. */
static bool tsdu_short(struct cvn_tsdu_in *t, struct cvn_rd rd, struct cvn_tsdu_event *ev)
{
    struct cvn_spdu_fault fault;
    uint16_t zero = cvn_rd_be16(&rd);
    struct cvn_rd at = rd;
    size_t n = cvn_rd_left(&rd);
    if ((t->phase != TSDU_IDLE && t->phase != TSDU_DONE) || t->open != TSDU_NONE)
        return false;
    if (zero != GT_BARE && zero != PT_BARE)
        return false;
    if (cvn_rd_be16(&rd) == DT_BARE && !t->segmented) {
        cvn_spdu_init(&ev->spdu, CVN_SPDU_DT);
        n = 2;
    } else if (cvn_spdu_decode(&ev->spdu, at.at, n, false, &fault) != CVN_OK ||
               ev->spdu.type == CVN_SPDU_DT || (ev->spdu.has & CVN_HAS_ENCLOSURE) != 0) {
        return false;
    }
    ev->raw = at.at;
    ev->raw_len = n > TSDU_RAW_MAX ? TSDU_RAW_MAX : n;
    cvn_rd_skip(&at, n);
    ev->info = (struct cvn_octets){.p = at.at, .n = cvn_rd_left(&at)};
    ev->begin = true;
    ev->end = true;
    t->phase = TSDU_DONE;
    return true;
}

/* The call after the last event of a TSDU. */
static bool tsdu_is_last_call(const struct cvn_tsdu_in *t, size_t len, bool end)
{
    return end && len == 0 && t->phase == TSDU_DONE;
}

int cvn_tsdu_in_feed(struct cvn_tsdu_in *t, const uint8_t *in, size_t len, bool begin, bool end,
                     bool expedited, size_t *used, struct cvn_tsdu_event *ev,
                     struct cvn_spdu_fault *fault)
{
    assert(t->alloc != NULL && (len == 0 || in != NULL));
    tsdu_release(t);
    if (!expedited && tsdu_is_last_call(t, len, end)) {
        t->phase = TSDU_IDLE;
        *used = 0;
        return CVN_MORE;
    }
    if (begin && end && !expedited && tsdu_short(t, cvn_rd_init(in, len), ev)) {
        *used = len;
        return CVN_EVENT;
    }
    struct tsdu_step x = {.t = t, .rd = cvn_rd_init(in, len), .end = end, .ev = ev, .fault = fault};
    int rc = expedited ? tsdu_expedited_feed(&x) : tsdu_normal_feed(&x, begin);
    *used = rc == CVN_ENOMEM ? 0 : len - cvn_rd_left(&x.rd);
    return rc;
}
