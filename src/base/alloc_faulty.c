/* SPDX-License-Identifier: MIT */
/* alloc_faulty - alloc.c for builds with faults: the n-th allocation fails. */
#include "base/alloc_faulty.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "convene/alloc.h"

static atomic_ulong count;
static atomic_ulong fail_at;

void cvn_alloc_fail_at(unsigned long n)
{
    atomic_store(&fail_at, n);
}

unsigned long cvn_alloc_counted(void)
{
    return atomic_load(&count);
}

bool cvn_alloc_may(void)
{
    return atomic_fetch_add(&count, 1) + 1 != atomic_load(&fail_at);
}

static void *std_resize(void *ctx, void *p, size_t from, size_t to)
{
    (void)ctx;
    (void)from;
    if (to == 0) {
        free(p);
        return NULL;
    }
    return cvn_alloc_may() ? realloc(p, to) : NULL;
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
