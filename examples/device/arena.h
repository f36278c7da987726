/* SPDX-License-Identifier: MIT */
/*
 * arena - an allocator over octets that its owner has set aside. Since the library tells the old
 * size of what it gives back, a block needs no header: a size is rounded up to ARENA_GRAIN, and
 * that is all that is spent on it.
 */
#ifndef ARENA_H
#define ARENA_H

#include <stddef.h>
#include <stdint.h>

#include "convene/alloc.h"

#define ARENA_GRAIN 8u

struct arena_hole {
    struct arena_hole *next; /* by address */
    size_t size;
};

struct arena {
    struct cvn_alloc alloc; /* for the library */
    struct arena_hole *holes;
    size_t live; /* octets given out now, rounded up; */
    size_t most; /* at most */
};

/* octets are aligned for any object, size is a multiple of ARENA_GRAIN; both stay the arena's. */
void arena_init(struct arena *a, void *octets, size_t size);

#endif
