/* SPDX-License-Identifier: MIT */
/* out - the queue of pieces still to send. */
#include "core/out.h"

#include <assert.h>
#include <string.h>

#define OUT_FIRST_CAP 2u

/* What owns octets that were copied because they did not fit a piece. */
struct out_copy {
    struct cvn_ref ref;
    const struct cvn_alloc *alloc;
    size_t size;
    uint8_t octets[];
};

static void out_copy_drop(struct cvn_ref *ref)
{
    struct out_copy *c = (struct out_copy *)(void *)ref;
    cvn_free(c->alloc, c, c->size);
}

static struct cvn_out_piece *out_at(const struct cvn_out *o, uint32_t i)
{
    return &o->ring[(o->head + i) & (o->cap - 1)];
}

void cvn_out_init(struct cvn_out *o, const struct cvn_alloc *a)
{
    *o = (struct cvn_out){.alloc = a};
}

void cvn_out_fini(struct cvn_out *o)
{
    for (uint32_t i = 0; i < o->count; i++)
        cvn_ref_drop(out_at(o, i)->owner);
    cvn_free(o->alloc, o->ring, o->cap * sizeof *o->ring);
    *o = (struct cvn_out){.alloc = o->alloc};
}

int cvn_out_reserve(struct cvn_out *o, size_t n)
{
    size_t cap = o->cap == 0 ? OUT_FIRST_CAP : o->cap;
    while (cap < o->count + n)
        cap *= 2;
    if (cap == o->cap)
        return CVN_OK;
    if (cap > UINT32_MAX / 2)
        return CVN_ENOMEM;
    struct cvn_out_piece *ring = cvn_resize(o->alloc, NULL, 0, cap * sizeof *ring);
    if (ring == NULL)
        return CVN_ENOMEM;
    for (uint32_t i = 0; i < o->count; i++)
        ring[i] = *out_at(o, i);
    cvn_free(o->alloc, o->ring, o->cap * sizeof *o->ring);
    o->ring = ring;
    o->cap = (uint32_t)cap;
    o->head = 0;
    return CVN_OK;
}

static struct cvn_out_piece *out_push(struct cvn_out *o, size_t n)
{
    struct cvn_out_piece *piece = out_at(o, o->count);
    o->count++;
    o->octets += n;
    piece->p = NULL;
    piece->owner = NULL;
    piece->len = (uint32_t)n;
    piece->mark = CVN_OUT_FIRM;
    return piece;
}

/* The first piece that begins a unit of least or more and has not begun to go; count:
 * there is none. By I4 it is never far: behind the rest of one unit and what is urgent. */
static uint32_t out_first(const struct cvn_out *o, enum cvn_out_mark least)
{
    uint32_t i = o->gone > 0 ? 1 : 0;
    while (i < o->count && out_at(o, i)->mark < least)
        i++;
    return i;
}

struct cvn_ref *cvn_out_dup(const struct cvn_out *o, const void *p, size_t n,
                            const uint8_t **octets)
{
    struct out_copy *c = cvn_resize(o->alloc, NULL, 0, sizeof *c + n);
    if (c == NULL)
        return NULL;
    c->ref = (struct cvn_ref){.refs = 1, .drop = out_copy_drop};
    c->alloc = o->alloc;
    c->size = sizeof *c + n;
    memcpy(c->octets, p, n);
    *octets = c->octets;
    return &c->ref;
}

int cvn_out_copy(struct cvn_out *o, const void *p, size_t n)
{
    if (n == 0)
        return CVN_OK;
    if (cvn_out_reserve(o, 1) != CVN_OK)
        return CVN_ENOMEM;
    if (n <= CVN_OUT_INLINE) {
        memcpy(out_push(o, n)->own, p, n);
        return CVN_OK;
    }
    assert(n <= UINT32_MAX);
    const uint8_t *octets = NULL;
    struct cvn_ref *owner = cvn_out_dup(o, p, n, &octets);
    if (owner == NULL)
        return CVN_ENOMEM;
    struct cvn_out_piece *piece = out_push(o, n);
    piece->p = octets;
    piece->owner = owner;
    return CVN_OK;
}

int cvn_out_bulk(struct cvn_out *o, const void *p, size_t n)
{
    assert(n >= 1 && n <= CVN_OUT_INLINE);
    if (cvn_out_reserve(o, 1) != CVN_OK)
        return CVN_ENOMEM;
    struct cvn_out_piece *piece = out_push(o, n);
    piece->mark = CVN_OUT_BULK;
    memcpy(piece->own, p, n);
    return CVN_OK;
}

int cvn_out_urgent(struct cvn_out *o, const void *p, size_t n, bool wait)
{
    assert(n >= 1 && n <= CVN_OUT_INLINE);
    if (cvn_out_reserve(o, 1) != CVN_OK)
        return CVN_ENOMEM;
    uint32_t place = out_first(o, wait ? CVN_OUT_BULK : CVN_OUT_URGENT);
    (void)out_push(o, n); /* for the account; what stands before the place moves up by one */
    o->head = (o->head - 1) & (o->cap - 1);
    for (uint32_t i = 0; i < place; i++)
        *out_at(o, i) = *out_at(o, i + 1);
    struct cvn_out_piece *piece = out_at(o, place);
    *piece = (struct cvn_out_piece){
        .len = (uint32_t)n,
        .mark = wait && o->held ? CVN_OUT_URGENT : CVN_OUT_FIRM,
    };
    memcpy(piece->own, p, n);
    return CVN_OK;
}

void cvn_out_hold(struct cvn_out *o)
{
    o->held = true;
}

void cvn_out_release(struct cvn_out *o)
{
    uint32_t first = out_first(o, CVN_OUT_URGENT);
    o->held = o->held && first < o->count && out_at(o, first)->mark == CVN_OUT_URGENT;
    if (o->held)
        out_at(o, first)->mark = CVN_OUT_FIRM;
}

void cvn_out_cut(struct cvn_out *o)
{
    uint32_t first = out_first(o, CVN_OUT_URGENT);
    while (o->count > first) {
        struct cvn_out_piece *piece = out_at(o, --o->count);
        o->octets -= piece->len;
        cvn_ref_drop(piece->owner);
    }
    o->held = false;
}

int cvn_out_lend(struct cvn_out *o, struct cvn_ref *owner, const void *p, size_t n)
{
    assert(n <= UINT32_MAX);
    if (n == 0)
        return CVN_OK;
    if (cvn_out_reserve(o, 1) != CVN_OK)
        return CVN_ENOMEM;
    struct cvn_out_piece *piece = out_push(o, n);
    piece->p = p;
    piece->owner = owner;
    cvn_ref_hold(owner);
    return CVN_OK;
}

size_t cvn_out_iov(const struct cvn_out *o, struct cvn_iov *iov, size_t n)
{
    size_t filled = 0;
    size_t count = o->held ? out_first(o, CVN_OUT_URGENT) : o->count;
    for (; filled < n && filled < count; filled++) {
        const struct cvn_out_piece *piece = out_at(o, (uint32_t)filled);
        uint32_t gone = filled == 0 ? o->gone : 0;
        iov[filled].base = (piece->p == NULL ? piece->own : piece->p) + gone;
        iov[filled].len = piece->len - gone;
    }
    return filled;
}

void cvn_out_sent(struct cvn_out *o, size_t octets)
{
    assert(octets <= o->octets);
    o->octets -= octets;
    while (octets > 0) {
        struct cvn_out_piece *piece = out_at(o, 0);
        size_t left = piece->len - o->gone;
        if (octets < left) {
            o->gone += (uint32_t)octets;
            return;
        }
        octets -= left;
        o->gone = 0;
        cvn_ref_drop(piece->owner);
        o->head = (o->head + 1) & (o->cap - 1);
        o->count--;
    }
    if (o->count == 0 && o->cap > OUT_FIRST_CAP) /* what was sent in bulk leaves nothing behind */
        cvn_out_trim(o);
}

void cvn_out_trim(struct cvn_out *o)
{
    if (o->count > 0)
        return;
    cvn_free(o->alloc, o->ring, o->cap * sizeof *o->ring);
    o->ring = NULL;
    o->cap = 0;
    o->head = 0;
}
