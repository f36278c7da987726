/* SPDX-License-Identifier: MIT */
/* window - slices in a ring, found by halving: they stand in the order of their positions. */
#include "session/window.h"

#include <assert.h>
#include <stdbool.h>
#include <string.h>

#define RING_FIRST  8u
#define BLOCK_FIRST 1024u

struct cvn_window_block {
    struct cvn_ref ref; /* first: a reference is the block */
    const struct cvn_alloc *alloc;
    uint32_t used;
    uint32_t cap;
    uint8_t octets[];
};

static void block_drop(struct cvn_ref *ref)
{
    struct cvn_window_block *b = (struct cvn_window_block *)(void *)ref;
    cvn_free(b->alloc, b, sizeof *b + b->cap);
}

static struct cvn_window_block *block_new(const struct cvn_alloc *a, uint32_t cap)
{
    struct cvn_window_block *b = cvn_resize(a, NULL, 0, sizeof *b + cap);
    if (b == NULL)
        return NULL;
    b->cap = cap;
    b->ref = (struct cvn_ref){.refs = 1, .drop = block_drop};
    b->alloc = a;
    b->used = 0;
    return b;
}

void cvn_window_init(struct cvn_window *w, const struct cvn_alloc *alloc, uint64_t at)
{
    *w = (struct cvn_window){.alloc = alloc, .first = at, .next = at};
}

static struct cvn_window_slice *slice(const struct cvn_window *w, uint32_t i)
{
    return &w->ring[(w->head + i) & (w->cap - 1)];
}

static void filling_drop(struct cvn_window *w)
{
    if (w->filling != NULL)
        cvn_ref_drop(&w->filling->ref);
    w->filling = NULL;
}

void cvn_window_fini(struct cvn_window *w)
{
    cvn_window_forget(w, w->next);
    cvn_window_trim(w);
}

/* Room for one slice more. */
static int reserve(struct cvn_window *w)
{
    if (w->count < w->cap)
        return CVN_OK;
    uint32_t cap = w->cap == 0 ? RING_FIRST : w->cap * 2;
    struct cvn_window_slice *ring = cvn_resize(w->alloc, NULL, 0, cap * sizeof *ring);
    if (ring == NULL)
        return CVN_ENOMEM;
    for (uint32_t i = 0; i < w->count; i++)
        ring[i] = *slice(w, i);
    cvn_free(w->alloc, w->ring, w->cap * sizeof *ring);
    w->ring = ring;
    w->cap = cap;
    w->head = 0;
    return CVN_OK;
}

/* Room is there: reserve(). */
static void append(struct cvn_window *w, struct cvn_ref *owner, const uint8_t *p, size_t n)
{
    assert(w->count < w->cap);
    cvn_ref_hold(owner);
    *slice(w, w->count++) = (struct cvn_window_slice){owner, p, n, w->next};
    w->next += n;
}

/* What is copied right behind the last slice lengthens it. */
static bool lengthens(const struct cvn_window *w)
{
    const struct cvn_window_block *b = w->filling;
    if (b == NULL || w->count == 0)
        return false;
    const struct cvn_window_slice *last = slice(w, w->count - 1);
    return last->owner == &b->ref && last->p + last->n == b->octets + b->used;
}

/* Small for who writes little and waits, twice as large behind each that was filled. */
static struct cvn_window_block *next_block(struct cvn_window *w, size_t n)
{
    uint32_t cap = w->last_cap == 0 ? BLOCK_FIRST : w->last_cap * 2;
    while (cap < n && cap < CVN_WINDOW_BLOCK)
        cap *= 2;
    cap = cap > CVN_WINDOW_BLOCK ? CVN_WINDOW_BLOCK : cap;
    struct cvn_window_block *b = block_new(w->alloc, cap);
    if (b != NULL)
        w->last_cap = cap;
    return b;
}

static int copy_some(struct cvn_window *w, const uint8_t *p, size_t n, size_t *taken)
{
    if (w->filling != NULL && w->filling->used == w->filling->cap)
        filling_drop(w);
    bool longer = lengthens(w);
    if (!longer && reserve(w) != CVN_OK)
        return CVN_ENOMEM;
    if (w->filling == NULL && (w->filling = next_block(w, n)) == NULL)
        return CVN_ENOMEM;
    struct cvn_window_block *b = w->filling;
    size_t room = b->cap - b->used;
    size_t some = n < room ? n : room;
    uint8_t *to = b->octets + b->used;
    memcpy(to, p, some);
    b->used += (uint32_t)some;
    if (longer) {
        slice(w, w->count - 1)->n += some;
        w->next += some;
    } else {
        append(w, &b->ref, to, some);
    }
    *taken = some;
    return CVN_OK;
}

/* Takes the octets from position at on back off the end. */
static void cut(struct cvn_window *w, uint64_t at)
{
    filling_drop(w);
    while (w->next > at) {
        struct cvn_window_slice *last = slice(w, w->count - 1);
        if (last->at < at) {
            last->n = (size_t)(at - last->at);
        } else {
            cvn_ref_drop(last->owner);
            w->count--;
        }
        w->next = w->count == 0 ? at : last->at < at ? at : last->at;
    }
}

int cvn_window_copy(struct cvn_window *w, const void *p, size_t n)
{
    const uint8_t *from = p;
    uint64_t before = w->next;
    while (n > 0) {
        size_t taken = 0;
        if (copy_some(w, from, n, &taken) != CVN_OK) {
            cut(w, before);
            return CVN_ENOMEM;
        }
        from += taken;
        n -= taken;
    }
    return CVN_OK;
}

int cvn_window_lend(struct cvn_window *w, struct cvn_ref *owner, const uint8_t *p, size_t n)
{
    assert(owner != NULL);
    if (n == 0)
        return CVN_OK;
    if (reserve(w) != CVN_OK)
        return CVN_ENOMEM;
    append(w, owner, p, n);
    return CVN_OK;
}

struct cvn_octets cvn_window_at(const struct cvn_window *w, uint64_t at, struct cvn_ref **owner)
{
    assert(at >= w->first && at <= w->next);
    *owner = NULL;
    if (at == w->next)
        return (struct cvn_octets){NULL, 0};
    uint32_t low = 0;
    uint32_t high = w->count; /* the slice is in [low, high) */
    while (high - low > 1) {
        uint32_t middle = low + (high - low) / 2;
        if (slice(w, middle)->at <= at)
            low = middle;
        else
            high = middle;
    }
    const struct cvn_window_slice *s = slice(w, low);
    size_t skip = (size_t)(at - s->at);
    *owner = s->owner;
    return (struct cvn_octets){s->p + skip, s->n - skip};
}

void cvn_window_forget(struct cvn_window *w, uint64_t to)
{
    assert(to <= w->next);
    if (to <= w->first)
        return;
    while (w->count > 0) {
        struct cvn_window_slice *s = slice(w, 0);
        if (s->at + s->n > to) {
            size_t gone = s->at < to ? (size_t)(to - s->at) : 0;
            s->p += gone;
            s->n -= gone;
            s->at += gone;
            break;
        }
        cvn_ref_drop(s->owner);
        w->head = (w->head + 1) & (w->cap - 1);
        w->count--;
    }
    w->first = to;
}

void cvn_window_trim(struct cvn_window *w)
{
    if (w->count > 0)
        return;
    filling_drop(w);
    cvn_free(w->alloc, w->ring, w->cap * sizeof *w->ring);
    w->ring = NULL;
    w->cap = 0;
    w->head = 0;
    w->last_cap = 0;
}
