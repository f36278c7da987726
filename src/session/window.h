/* SPDX-License-Identifier: MIT */
/*
 * window - the octets of one direction that may have to be sent again, by position: a
 * queue of slices, each of a counted block that is the window's own (up to 64 KiB, filled
 * by copies) or lent. What is sent refers to the blocks; what was sent once stays until it is
 * forgotten.
 *
 * Invariants
 *   I1  the slices follow each other without a gap from first to next.
 *   I2  no slice is empty; each holds one reference on its owner.
 *   I3  octets of a block that a slice covers are never written again; the block being
 *       filled grows only behind its last slice.
 */
#ifndef CVN_SESSION_WINDOW_H
#define CVN_SESSION_WINDOW_H

#include <stddef.h>
#include <stdint.h>

#include "convene/alloc.h"
#include "convene/octets.h"

#define CVN_WINDOW_BLOCK 65536u

struct cvn_window_slice {
    struct cvn_ref *owner;
    const uint8_t *p;
    size_t n;
    uint64_t at; /* the position of p[0] */
};

struct cvn_window_block;

struct cvn_window {
    const struct cvn_alloc *alloc;
    struct cvn_window_slice *ring; /* NULL while empty for long: cvn_window_trim() */
    uint32_t cap;                  /* slices, a power of two */
    uint32_t head;
    uint32_t count;
    struct cvn_window_block *filling; /* the last copy's block, or NULL */
    uint32_t last_cap;                /* octets of it; 0: the next is small */
    uint64_t first;                   /* the lowest position that is kept */
    uint64_t next;                    /* the position behind the last octet */
};

/* Empty, at position at. alloc must outlive it. */
void cvn_window_init(struct cvn_window *w, const struct cvn_alloc *alloc, uint64_t at);
void cvn_window_fini(struct cvn_window *w);

/* Appends a copy of n octets: all or nothing. CVN_OK, CVN_ENOMEM. */
int cvn_window_copy(struct cvn_window *w, const void *p, size_t n) CVN_MUST_USE;

/* Appends n octets that owner (not NULL) keeps; it is held until they are forgotten and no
 * piece under way refers to them. n == 0 is fine. CVN_OK, CVN_ENOMEM. */
int cvn_window_lend(struct cvn_window *w, struct cvn_ref *owner, const uint8_t *p,
                    size_t n) CVN_MUST_USE;

/* The octets from position at (first <= at <= next) as far as one slice goes, and who keeps
 * them; n == 0 at the end. Valid as long as nothing is forgotten; longer for who holds owner. */
struct cvn_octets cvn_window_at(const struct cvn_window *w, uint64_t at, struct cvn_ref **owner);

/* Positions below to (at most next) are given up. */
void cvn_window_forget(struct cvn_window *w, uint64_t to);

/* Octets kept. */
static inline uint64_t cvn_window_octets(const struct cvn_window *w)
{
    return w->next - w->first;
}

/* Gives back what an empty window keeps for its next octets. */
void cvn_window_trim(struct cvn_window *w);

#endif
