/* SPDX-License-Identifier: MIT */
/*
 * Memory as an argument. Every object of the library takes its memory from the
 * allocator it was created with, which must outlive it.
 */
#ifndef CONVENE_ALLOC_H
#define CONVENE_ALLOC_H

#include <stddef.h>

#include "convene/err.h"

#ifdef __cplusplus
extern "C" {
#endif

struct cvn_alloc {
    /* As realloc, with the old size told: p == NULL (from == 0) allocates,
     * to == 0 frees and returns NULL. NULL otherwise means no memory, and p is
     * untouched. Freeing never fails. */
    void *(*resize)(void *ctx, void *p, size_t from, size_t to);
    void *ctx;
};

/* malloc, realloc, free. Never NULL. */
CVN_API const struct cvn_alloc *cvn_alloc_std(void);

/* size octets, all zero; NULL: no memory. */
CVN_API void *cvn_new(const struct cvn_alloc *a, size_t size);
/* p of size octets is given back; NULL is fine. */
CVN_API void cvn_free(const struct cvn_alloc *a, void *p, size_t size);
/* As the allocator's resize. */
CVN_API void *cvn_resize(const struct cvn_alloc *a, void *p, size_t from, size_t to);

#ifdef __cplusplus
}
#endif
#endif
