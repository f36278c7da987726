/* SPDX-License-Identifier: MIT */
/* alloc_none - alloc.c for devices without a heap (-Dheap=false): every object has to be given
 * an allocator; the standard one has no memory. */
#include <string.h>

#include "convene/alloc.h"

static void *none_resize(void *ctx, void *p, size_t from, size_t to)
{
    (void)ctx;
    (void)p;
    (void)from;
    (void)to;
    return NULL;
}

const struct cvn_alloc *cvn_alloc_std(void)
{
    static const struct cvn_alloc a = {.resize = none_resize, .ctx = NULL};
    return &a;
}

void *cvn_new(const struct cvn_alloc *a, size_t size)
{
    void *p = a->resize(a->ctx, NULL, 0, size);
    if (p != NULL)
        memset(p, 0, size);
    return p;
}

void cvn_free(const struct cvn_alloc *a, void *p, size_t size)
{
    if (p != NULL)
        (void)a->resize(a->ctx, p, size, 0);
}

void *cvn_resize(const struct cvn_alloc *a, void *p, size_t from, size_t to)
{
    return a->resize(a->ctx, p, from, to);
}
