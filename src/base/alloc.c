/* SPDX-License-Identifier: MIT */
/* alloc - the only place that calls malloc and its kin. */
#include "convene/alloc.h"

#include <stdlib.h>
#include <string.h>

static void *std_resize(void *ctx, void *p, size_t from, size_t to)
{
    (void)ctx;
    (void)from;
    if (to == 0) {
        free(p);
        return NULL;
    }
    return realloc(p, to);
}

const struct cvn_alloc *cvn_alloc_std(void)
{
    static const struct cvn_alloc a = {.resize = std_resize, .ctx = NULL};
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
