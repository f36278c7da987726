/* SPDX-License-Identifier: MIT */
/*
 * tsdu_out - sending: ITU-T X.225 (1995) 6.3.7 and 7.37 with table 7 (basic
 * concatenation), segmentation. Extended concatenation is never sent.
 */
#include <assert.h>

#include "proto/x225/tsdu.h"

#define TSDU_ZERO       2u /* a category 0 SPDU without parameters */
#define TSDU_TOKEN_ITEM 3u
#define TSDU_ENCLOSURE  3u
#define CN_DATA_MAX     10240u /* the rest goes in CDO: 8.3.1 */
#define GT_BARE         0x0100u
#define PT_BARE         0x0200u
#define PLAIN           0x01000100u /* GT and DT, both without parameters */

#define SET(type)       (UINT64_C(1) << CVN_SPDU_##type)

/* Table 7: these follow a GT, all others of category 2 a PT. */
static const uint64_t tsdu_after_gt = SET(DT) | SET(MIP) | SET(MAP) | SET(AE) | SET(RS) | SET(AS) |
                                      SET(AR) | SET(AI) | SET(AD) | SET(CD);

/* The category 0 SPDU that goes before one of category 2. w has the room. */
static void tsdu_put_zero(struct cvn_wr *w, bool give, uint8_t token_item)
{
    uint16_t zero = give ? GT_BARE : PT_BARE;
    if (token_item == 0) {
        cvn_wr_be16(w, zero);
        return;
    }
    cvn_wr_be16(w, zero | TSDU_TOKEN_ITEM);
    cvn_wr_be16(w, 16 << 8 | 1); /* Token Item, 8.3.16 */
    cvn_wr_u8(w, token_item);
}

int cvn_tsdu_encode(const struct cvn_spdu *s, uint8_t token_item, struct cvn_wr *w)
{
    size_t len = w->len;
    size_t room = w->bad ? 0 : w->cap - len;
    bool after_gt = (tsdu_after_gt >> s->type & 1) != 0;
    if (token_item != 0 && (!after_gt || (token_item & ~CVN_TOKEN_ALL) != 0))
        return CVN_EINVAL;
    if (s->type == CVN_SPDU_DT && (s->has | token_item) == 0 && room >= 2 * TSDU_ZERO) {
        cvn_wr_be32(w, PLAIN);
        return CVN_OK;
    }
    if (cvn_spdu_category(s->type) == 2) {
        if (room < TSDU_ZERO + (token_item == 0 ? 0 : TSDU_TOKEN_ITEM))
            return CVN_ETOOBIG;
        tsdu_put_zero(w, after_gt, token_item);
    }
    int rc = cvn_spdu_encode(s, w);
    if (rc != CVN_OK)
        w->len = len;
    return rc;
}

/* What a part of an SSDU is: its own place in it, and where in the part this is. */
static uint8_t tsdu_item(const struct cvn_spdu *s, bool first, bool last)
{
    unsigned part = (s->has & CVN_HAS_ENCLOSURE) != 0 ? s->enclosure : CVN_ENCLOSURE_WHOLE;
    unsigned item = 0;
    if (first)
        item |= part & CVN_ENCLOSURE_BEGIN;
    if (last)
        item |= part & CVN_ENCLOSURE_END;
    return (uint8_t)item;
}

/* DT and TD: 7.37; EX is never segmented. */
static int tsdu_segment_info(const struct cvn_spdu *s, size_t left, bool first, size_t limit,
                             struct cvn_spdu *seg, size_t *take, bool *last)
{
    size_t overhead = TSDU_ZERO + TSDU_ENCLOSURE + (s->type == CVN_SPDU_DT ? TSDU_ZERO : 0);
    bool items = limit != 0 && s->type != CVN_SPDU_EX;
    if (s->type == CVN_SPDU_EX && left > CVN_XSSDU_MAX)
        return CVN_ETOOBIG;
    if (items && limit <= overhead)
        return CVN_ETOOBIG;
    size_t n = items && left > limit - overhead ? limit - overhead : left;
    uint8_t item = tsdu_item(s, first, n == left);
    if (!items && tsdu_item(s, true, true) != CVN_ENCLOSURE_WHOLE)
        return CVN_EINVAL;
    if (n == 0 && (item & CVN_ENCLOSURE_END) == 0)
        return CVN_EINVAL;
    cvn_spdu_init(seg, s->type);
    if (items) {
        seg->has = CVN_HAS_ENCLOSURE;
        seg->enclosure = item;
    }
    *take = n;
    *last = n == left;
    return CVN_OK;
}

static void tsdu_set_data(struct cvn_spdu *seg, const uint8_t *p, size_t n)
{
    seg->user_data = (struct cvn_octets){.p = p, .n = n};
    seg->has &= ~(uint32_t)CVN_HAS_USER_DATA;
    if (n > 0 || p == cvn_spdu_present)
        seg->has |= CVN_HAS_USER_DATA;
}

static bool tsdu_fits(const struct cvn_spdu *seg, size_t room)
{
    size_t size = cvn_spdu_size(seg);
    return size != 0 && size <= room;
}

/* As much user data as fits in room. 0: nothing does. */
static size_t tsdu_fill(struct cvn_spdu *seg, const uint8_t *from, size_t left, size_t room)
{
    tsdu_set_data(seg, NULL, 0);
    size_t base = cvn_spdu_size(seg);
    size_t n = base == 0 || base > room ? 0 : room - base;
    n = n < left ? n : left;
    tsdu_set_data(seg, from, n);
    while (n > 0 && !tsdu_fits(seg, room)) /* a few times: what the lengths take */
        tsdu_set_data(seg, from, --n);
    return n;
}

/* What an SPDU without information may take of a TSDU of at most limit octets. */
static size_t tsdu_room(enum cvn_spdu_type type, size_t limit)
{
    size_t zero = cvn_spdu_category(type) == 2 ? TSDU_ZERO : 0;
    if (limit == 0 || limit > CVN_SPDU_MAX + zero || type == CVN_SPDU_CN) /* CN: none is agreed */
        return CVN_SPDU_MAX;
    return limit < zero ? 0 : limit - zero;
}

int cvn_tsdu_segment(const struct cvn_spdu *s, struct cvn_octets user, size_t done, size_t limit,
                     bool version2, struct cvn_spdu *seg, size_t *take, bool *last)
{
    assert(done < user.n || done == 0);
    const uint8_t *from = user.n == 0 ? s->user_data.p : user.p + done;
    size_t left = user.n - done;
    if (cvn_spdu_has_information(s->type))
        return tsdu_segment_info(s, left, done == 0, limit, seg, take, last);
    if (s->type == CVN_SPDU_CN && left > CN_DATA_MAX)
        return CVN_ETOOBIG;
    size_t room = tsdu_room(s->type, limit);
    bool begins = done == 0 && s->type != CVN_SPDU_CDO; /* CDO: its SSDU began with CN, 8.3.3 */
    struct cvn_spdu g = *s;
    size_t n = left;
    if (done > 0)
        g = (struct cvn_spdu){.type = s->type};
    if (!begins) {
        g.has |= CVN_HAS_ENCLOSURE;
        g.enclosure = CVN_ENCLOSURE_END;
    }
    tsdu_set_data(&g, from, left);
    if (!tsdu_fits(&g, room)) {
        g.has |= CVN_HAS_ENCLOSURE;
        g.enclosure = begins ? CVN_ENCLOSURE_BEGIN : 0;
        if (version2 && s->type != CVN_SPDU_CN)
            n = tsdu_fill(&g, from, left, room);
        else
            n = 0;
        if (n == 0)
            return CVN_ETOOBIG;
    }
    *seg = g;
    *take = n;
    *last = n == left;
    return CVN_OK;
}
