/* SPDX-License-Identifier: MIT */
/*
 * x225_out - the queue of things the transport has to do: a ring of items, staged
 * while a row is taken and queued when it has succeeded. SSDUs are cut into TSDUs
 * here (X.225 7.37): those of DT, TD and CDO as they are asked for, the others when
 * they are staged, for their octets are copied anyhow.
 *
 * Invariants
 *   O1  what is staged is either queued or dropped; what is queued is dropped or done.
 *   O2  an item's owner is held from staging until then.
 *   M3  as in machine.h.
 */
#include <assert.h>
#include <string.h>

#include "proto/x225/machine.h"

#define LENGTH  4u /* octets before each TSDU in a block */
#define GT_BARE 0x0100u
#define PT_BARE 0x0200u

enum { SI_DT = 1, SI_AR = 29, SI_MAP = 41, SI_MAA = 42, SI_AS = 45, SI_MIP = 49, SI_MIA = 50 };

static unsigned ring_cap(const struct cvn_x225 *x)
{
    return x->ring == x->own_ring ? X225_RING_OWN : X225_RING;
}

static struct cvn_x225_item *ring_at(struct cvn_x225 *x, unsigned i)
{
    i += x->ring_first;
    return &x->ring[i < ring_cap(x) ? i : i - ring_cap(x)];
}

void cvn_x225_ring_init(struct cvn_x225 *x)
{
    if (x->ring != x->own_ring)
        cvn_free(x->alloc, x->ring, X225_RING * sizeof *x->ring);
    x->ring = x->own_ring;
    x->ring_first = 0;
}

static int ring_grow(struct cvn_x225 *x)
{
    struct cvn_x225_item *ring = cvn_new(x->alloc, X225_RING * sizeof *ring);
    if (ring == NULL)
        return CVN_ENOMEM;
    for (unsigned i = 0; i < x->ring_count; i++)
        ring[i] = *ring_at(x, i);
    x->ring = ring;
    x->ring_first = 0;
    return CVN_OK;
}

int cvn_x225_room(struct cvn_x225 *x, unsigned n)
{
    n += x->ring_count;
    if (x->wire_open)
        n += x->gta_due ? 2 : 1;
    if (n <= ring_cap(x))
        return CVN_OK;
    return n > X225_RING ? CVN_FULL : ring_grow(x);
}

struct cvn_x225_item *cvn_x225_stage_item(struct cvn_x225_stage *st, uint8_t kind)
{
    assert(st->count < sizeof st->item / sizeof st->item[0]);
    struct cvn_x225_item *it = &st->item[st->count++];
    memset(it, 0, sizeof *it);
    it->kind = kind;
    it->flags = X225_ITEM_END;
    return it;
}

static uint8_t *block_length(uint8_t *at, uint32_t n)
{
    struct cvn_wr w = cvn_wr_init(at, LENGTH);
    cvn_wr_be32(&w, n);
    return at + LENGTH;
}

/* The TSDU at hand of an item with a block. */
static struct cvn_octets block_tsdu(const struct cvn_x225_item *it)
{
    struct cvn_rd rd =
        cvn_rd_init(it->head.block.p + it->head.block.at, it->head.block.size - it->head.block.at);
    size_t n = cvn_rd_be32(&rd);
    struct cvn_octets tsdu = {cvn_rd_bytes(&rd, n), n};
    assert(!rd.bad);
    return tsdu;
}

void cvn_x225_item_block(struct cvn_x225_item *it, uint8_t *block, uint32_t size)
{
    it->flags |= X225_ITEM_BLOCK;
    it->head.block.p = block;
    it->head.block.size = size;
    it->head.block.at = 0;
}

/* Octets of the TSDU that holds the segment s. */
static size_t tsdu_size(const struct cvn_spdu *s)
{
    size_t n = cvn_spdu_size(s);
    assert(n > 0); /* cvn_tsdu_segment() makes none that is too large */
    return cvn_spdu_category(s->type) == 2 ? n + 2 : n; /* GT or PT before it */
}

static int block_size(const struct cvn_x225 *x, const struct cvn_spdu *s, struct cvn_octets user,
                      bool version2, size_t *size, size_t *tsdus)
{
    size_t done = 0;
    bool last = false;
    *size = 0;
    *tsdus = 0;
    while (!last) {
        struct cvn_spdu seg;
        size_t take;
        int rc = cvn_tsdu_segment(s, user, done, x->send_max, version2, &seg, &take, &last);
        if (rc != CVN_OK)
            return rc;
        *size += LENGTH + tsdu_size(&seg);
        *tsdus += 1;
        done += take;
    }
    return *size > UINT32_MAX ? CVN_ETOOBIG : CVN_OK;
}

static int block_fill(const struct cvn_x225 *x, const struct cvn_spdu *s, struct cvn_octets user,
                      bool version2, uint8_t *block, size_t size)
{
    size_t done = 0;
    bool last = false;
    while (!last) {
        struct cvn_spdu seg;
        size_t take;
        int rc = cvn_tsdu_segment(s, user, done, x->send_max, version2, &seg, &take, &last);
        assert(rc == CVN_OK); /* block_size() has gone the same way */
        size_t n = tsdu_size(&seg);
        assert(size >= LENGTH + n);
        struct cvn_wr w = cvn_wr_init(block_length(block, (uint32_t)n), n);
        rc = cvn_tsdu_encode(&seg, 0, &w);
        if (rc != CVN_OK)
            return rc;
        assert(w.len == n);
        block += LENGTH + n;
        size -= LENGTH + n;
        done += take;
    }
    return CVN_OK;
}

int cvn_x225_block(struct cvn_x225 *x, const struct cvn_spdu *s, struct cvn_octets user,
                   bool version2, uint8_t **block, uint32_t *size)
{
    size_t n;
    size_t tsdus;
    int rc = block_size(x, s, user, version2, &n, &tsdus);
    if (rc != CVN_OK)
        return rc;
    uint8_t *p = cvn_new(x->alloc, n);
    if (p == NULL)
        return CVN_ENOMEM;
    rc = block_fill(x, s, user, version2, p, n);
    if (rc != CVN_OK) {
        cvn_free(x->alloc, p, n);
        return rc;
    }
    *block = p;
    *size = (uint32_t)n;
    return CVN_OK;
}

int cvn_x225_stage_spdu(struct cvn_x225 *x, struct cvn_x225_stage *st, const struct cvn_spdu *s,
                        struct cvn_octets user, bool expedited)
{
    uint8_t kind = expedited ? CVN_X225_T_EXPEDITED : CVN_X225_T_DATA;
    if (user.n == 0) { /* mostly it is small */
        uint8_t small[X225_SMALL];
        struct cvn_wr w = cvn_wr_init(small, sizeof small);
        int rc = cvn_tsdu_encode(s, 0, &w);
        if (rc == CVN_OK) {
            struct cvn_x225_item *it = cvn_x225_stage_item(st, kind);
            memcpy(it->head.small, small, w.len);
            it->small_len = (uint8_t)w.len;
        }
        if (rc != CVN_ETOOBIG)
            return rc;
    }
    uint8_t *block;
    uint32_t size;
    int rc = cvn_x225_block(x, s, user, st->version2, &block, &size);
    if (rc != CVN_OK)
        return rc;
    struct cvn_x225_item *it = cvn_x225_stage_item(st, kind);
    cvn_x225_item_block(it, block, size);
    return CVN_OK;
}

static void item_drop(struct cvn_x225 *x, struct cvn_x225_item *it)
{
    if ((it->flags & X225_ITEM_BLOCK) != 0)
        cvn_free(x->alloc, it->head.block.p, it->head.block.size);
    cvn_ref_drop(it->owner);
    memset(it, 0, sizeof *it);
}

void cvn_x225_stage_drop(struct cvn_x225 *x, struct cvn_x225_stage *st)
{
    for (unsigned i = 0; i < st->count; i++)
        item_drop(x, &st->item[i]);
    st->count = 0;
}

static void push(struct cvn_x225 *x, const struct cvn_x225_item *it)
{
    assert(x->ring_count < ring_cap(x));
    *ring_at(x, x->ring_count) = *it;
    x->ring_count++;
}

static void push_gta(struct cvn_x225 *x)
{
    struct cvn_x225_stage st = {.count = 0};
    struct cvn_spdu s;
    cvn_spdu_init(&s, CVN_SPDU_GTA);
    int rc = cvn_x225_stage_spdu(x, &st, &s, (struct cvn_octets){NULL, 0}, false);
    assert(rc == CVN_OK); /* two octets */
    (void)rc;
    push(x, &st.item[0]);
    x->gta_due = false;
}

/* M3: the open TSDU ends where it is. Its SSDU is void, or the session connection ends. */
static void wire_close(struct cvn_x225 *x)
{
    struct cvn_x225_item it = {.kind = CVN_X225_T_DATA, .flags = X225_ITEM_END};
    push(x, &it);
    x->wire_open = false;
    if (x->gta_due)
        push_gta(x);
}

/* T-DATA: a further slice of the TSDU that is open. */
static bool continues(const struct cvn_x225_item *it)
{
    return it->small_len == 0 && (it->flags & (X225_ITEM_BLOCK | X225_ITEM_SEGMENT)) == 0;
}

/* The SI of an item's last SPDU of category 2, behind a GT or PT without parameters; -1: the item
 * is nothing like that. */
static int last_si(const struct cvn_x225_item *it)
{
    unsigned odd = it->flags & ~(unsigned)(X225_ITEM_END | X225_ITEM_MORE | X225_ITEM_COPY);
    if (it->kind != CVN_X225_T_DATA || odd != 0 || it->small_len <= 2)
        return -1;
    struct cvn_rd rd = cvn_rd_init(it->head.small, it->small_len);
    uint16_t zero = cvn_rd_be16(&rd);
    if (zero != GT_BARE && zero != PT_BARE)
        return -1;
    int si = -1;
    while (cvn_rd_left(&rd) > 0) {
        si = cvn_rd_u8(&rd);
        cvn_rd_skip(&rd, cvn_rd_u8(&rd));
    }
    return si;
}

/* After these another may stand in the same TSDU; the latter, which end it or need an answer,
 * only as its last. Our choice of table 8: points and the starts of activities, then data. */
static bool may_begin(int si)
{
    return si == SI_MIP || si == SI_MIA || si == SI_AS || si == SI_AR;
}

static bool may_follow(int si)
{
    return si == SI_MIP || si == SI_MIA || si == SI_DT || si == SI_MAP || si == SI_MAA;
}

void cvn_x225_stage_more(const struct cvn_x225 *x, struct cvn_x225_stage *st)
{
    if (!x->concatenate || st->count == 0)
        return;
    struct cvn_x225_item *it = &st->item[st->count - 1];
    if (may_begin(last_si(it)))
        it->flags |= X225_ITEM_MORE;
}

/* 6.3.7: the item goes in the TSDU of the one before it, which waits for it. */
static bool join(struct cvn_x225 *x, const struct cvn_x225_item *it)
{
    if (x->ring_count == 0)
        return false;
    struct cvn_x225_item *to = ring_at(x, x->ring_count - 1u);
    if ((to->flags & X225_ITEM_MORE) == 0)
        return false;
    to->flags &= (uint8_t)~X225_ITEM_MORE;
    bool same = it->head.small[0] == to->head.small[0];
    size_t n = it->small_len - 2u;
    if (!may_follow(last_si(it)) || !same || n > X225_SMALL - to->small_len)
        return false;
    uint8_t small[X225_SMALL];
    uint8_t small_len = (uint8_t)(to->small_len + n);
    memcpy(small, to->head.small, to->small_len);
    memcpy(small + to->small_len, it->head.small + 2, n);
    *to = *it;
    memcpy(to->head.small, small, small_len);
    to->small_len = small_len;
    return true;
}

void cvn_x225_stage_queue(struct cvn_x225 *x, struct cvn_x225_stage *st)
{
    for (unsigned i = 0; i < st->count; i++) {
        const struct cvn_x225_item *it = &st->item[i];
        if (it->kind == CVN_X225_T_DATA && x->wire_open && !continues(it))
            wire_close(x);
        if (!join(x, it))
            push(x, it);
        if (it->kind == CVN_X225_T_DATA) {
            x->wire_open = (it->flags & X225_ITEM_END) == 0;
            if (!x->wire_open && x->gta_due)
                push_gta(x);
        }
        if (it->kind == CVN_X225_T_DISCONNECT) {
            x->wire_open = false;
            x->gta_due = false;
        }
    }
    st->count = 0;
}

/* The first item is done with. M4 */
static void shift(struct cvn_x225 *x)
{
    item_drop(x, ring_at(x, 0));
    x->ring_first = (uint8_t)(x->ring_first + 1u < ring_cap(x) ? x->ring_first + 1u : 0);
    if (--x->ring_count == 0)
        cvn_x225_ring_init(x);
}

void cvn_x225_ring_clear(struct cvn_x225 *x)
{
    while (x->ring_count > 0)
        shift(x);
    cvn_x225_ring_init(x); /* it may have grown for nothing */
    x->wire_open = false;
    x->gta_due = false;
}

/* The segment at hand (7.37). */
static void segment_plan(const struct cvn_x225_item *it, struct cvn_spdu *seg, size_t *take)
{
    struct cvn_spdu s;
    bool last;
    cvn_spdu_init(&s, (enum cvn_spdu_type)it->spdu);
    if (it->spdu != CVN_SPDU_CDO) {
        s.has = CVN_HAS_ENCLOSURE;
        s.enclosure = (it->flags & X225_ITEM_BEGIN) != 0 ? CVN_ENCLOSURE_BEGIN : 0;
        s.enclosure |= (it->flags & X225_ITEM_FINISH) != 0 ? CVN_ENCLOSURE_END : 0;
    }
    int rc = cvn_tsdu_segment(&s, (struct cvn_octets){it->data, it->data_len}, 0, it->limit, true,
                              seg, take, &last);
    assert(rc == CVN_OK); /* a limit is 0 or at least X225_TSDU_MAX_LOW */
    (void)rc;
}

static void segment_out(struct cvn_x225_item *it, struct cvn_x225_out *o)
{
    bool cdo = it->spdu == CVN_SPDU_CDO;
    struct cvn_spdu seg;
    size_t take;
    segment_plan(it, &seg, &take);
    size_t at =
        cdo ? (size_t)(it->data + it->data_len - it->head.block.p) : 0; /* behind all data */
    uint8_t *to = cdo ? it->head.block.p + at : it->head.small;
    struct cvn_wr w = cvn_wr_init(to, cdo ? it->head.block.size - at : X225_SMALL);
    int rc = cvn_tsdu_encode(&seg, 0, &w);
    assert(rc == CVN_OK);
    (void)rc;
    o->header = (struct cvn_octets){to, w.len};
    if (!cdo)
        o->data = (struct cvn_octets){it->data, take};
    o->end = true;
}

int cvn_x225_out(struct cvn_x225 *x, struct cvn_x225_out *o)
{
    if (x->ring_count == 0)
        return CVN_NONE;
    struct cvn_x225_item *it = ring_at(x, 0);
    if (x->ring_count == 1 && (it->flags & X225_ITEM_MORE) != 0)
        return CVN_NONE;
    memset(o, 0, sizeof *o);
    o->kind = (enum cvn_x225_out_kind)it->kind;
    o->owner = it->owner;
    o->data_copy = (it->flags & X225_ITEM_COPY) != 0;
    if ((it->flags & X225_ITEM_SEGMENT) != 0) {
        segment_out(it, o);
    } else if ((it->flags & X225_ITEM_BLOCK) != 0) {
        o->header = block_tsdu(it);
        o->end = true;
    } else {
        o->header = (struct cvn_octets){it->head.small, it->small_len};
        o->data = (struct cvn_octets){it->data, it->data_len};
        o->end = (it->flags & X225_ITEM_END) != 0;
    }
    return CVN_EVENT;
}

/* More of the item is to come. */
static bool item_advance(struct cvn_x225_item *it)
{
    if ((it->flags & X225_ITEM_SEGMENT) != 0) {
        struct cvn_spdu seg;
        size_t take;
        segment_plan(it, &seg, &take);
        it->data += take;
        it->data_len -= take;
        it->flags &= (uint8_t)~X225_ITEM_BEGIN;
        return it->data_len > 0;
    }
    if ((it->flags & X225_ITEM_BLOCK) != 0) {
        it->head.block.at += (uint32_t)(LENGTH + block_tsdu(it).n);
        return it->head.block.at < it->head.block.size;
    }
    return false;
}

void cvn_x225_out_done(struct cvn_x225 *x)
{
    assert(x->ring_count > 0);
    if (!item_advance(ring_at(x, 0)))
        shift(x);
}
