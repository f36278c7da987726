/* SPDX-License-Identifier: MIT */
/* arena - first fit in a list of holes, which are joined again when they touch. */
#include "arena.h"

#include <string.h>

static size_t rounded(size_t n)
{
    return (n + ARENA_GRAIN - 1) / ARENA_GRAIN * ARENA_GRAIN;
}

static void *take(struct arena *a, size_t n)
{
    struct arena_hole **at = &a->holes;
    while (*at != NULL && (*at)->size < n)
        at = &(*at)->next;
    struct arena_hole *hole = *at;
    if (hole == NULL)
        return NULL;
    if (hole->size - n < sizeof *hole) { /* no hole of its own: holes are that large at least */
        if (hole->size != n)
            return NULL;
        *at = hole->next;
        return hole;
    }
    hole->size -= n; /* from its end, so that the list stays as it is */
    return (uint8_t *)hole + hole->size;
}

static void give(struct arena *a, void *p, size_t n)
{
    struct arena_hole **at = &a->holes;
    struct arena_hole *before = NULL;
    while (*at != NULL && (void *)*at < p) {
        before = *at;
        at = &(*at)->next;
    }
    struct arena_hole *hole = p;
    *hole = (struct arena_hole){.next = *at, .size = n};
    *at = hole;
    if (hole->next != NULL && (uint8_t *)hole + hole->size == (uint8_t *)hole->next) {
        hole->size += hole->next->size;
        hole->next = hole->next->next;
    }
    if (before != NULL && (uint8_t *)before + before->size == (uint8_t *)hole) {
        before->size += hole->size;
        before->next = hole->next;
    }
}

static void *arena_resize(void *ctx, void *p, size_t from, size_t to)
{
    struct arena *a = ctx;
    size_t old = rounded(from);
    size_t new = rounded(to);
    void *q = NULL;
    if (p != NULL && old == new)
        return p;
    if (new > 0) {
        q = take(a, new);
        if (q == NULL)
            return NULL;
        a->live += new;
        a->most = a->live > a->most ? a->live : a->most;
    }
    if (p != NULL) {
        if (q != NULL)
            memcpy(q, p, from < to ? from : to);
        give(a, p, old);
        a->live -= old;
    }
    return q;
}

void arena_init(struct arena *a, void *octets, size_t size)
{
    struct arena_hole *hole = octets;
    *hole = (struct arena_hole){.size = size};
    *a = (struct arena){.alloc = {.resize = arena_resize, .ctx = a}, .holes = hole};
}
