/* SPDX-License-Identifier: MIT */
/*
 * items - what the command names: files, some of which change, and pipes, whose
 * writer begins anew with every process that reads them.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim.h"

struct block {
    struct cvn_ref ref;
    const struct cvn_alloc *alloc;
    size_t n;
    uint8_t octets[];
};

struct sim_item *sim_item_of(struct cvn_item *it)
{
    return (struct sim_item *)(void *)((uint8_t *)it - offsetof(struct sim_item, item));
}

static void make_octets(struct sim_item *it)
{
    uint64_t x = it->w->seed * 0x9e3779b97f4a7c15u + it->index * 0x10001u + it->generation;
    for (size_t i = 0; i < it->size; i += 8) {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        memcpy(it->octets + i, &x, it->size - i < 8 ? it->size - i : 8);
    }
}

static void draw_size(struct sim_item *it)
{
    it->size = (size_t)(sim_chance(it->w, 400) ? sim_below(it->w, SIM_SIZE)
                                               : sim_log_below(it->w, SIM_SIZE));
    if (sim_chance(it->w, 50))
        it->size = 0;
    else if (sim_chance(it->w, 50))
        it->size = it->w->spacing * (size_t)(1 + sim_below(it->w, 10));
    it->size = it->size < SIM_SIZE ? it->size : SIM_SIZE;
}

void sim_items_init(struct sim *w)
{
    uint8_t other[64];
    for (unsigned i = 0; i < w->nitems; i++) {
        struct sim_item *it = &w->items[i];
        it->w = w;
        it->index = i;
        it->octets = malloc(SIM_SIZE);
        if (it->octets == NULL)
            abort();
        (void)snprintf(it->name, sizeof it->name, "item-%u", i);
        it->pipe = sim_chance(w, 150);
        draw_size(it);
        make_octets(it);
        it->exists = sim_chance(w, 60);
        if (it->exists) {
            bool same = sim_chance(w, 300);
            sim_fill(w, other, sizeof other);
            (void)sim_depot_put(&w->depot, it->name, same ? it->octets : other,
                                same ? it->size : (size_t)sim_below(w, sizeof other));
        }
    }
}

void sim_items_fini(struct sim *w)
{
    for (unsigned i = 0; i < w->nitems; i++)
        free(w->items[i].octets);
    while (w->versions != NULL) {
        struct sim_version *v = w->versions;
        w->versions = v->next;
        free(v->octets);
        free(v);
    }
    while (w->digesting != NULL) {
        struct sim_digesting *d = w->digesting;
        w->digesting = d->next;
        free(d);
    }
}

/* -------- versions -------- */

struct sim_version *sim_version_of(struct sim *w, const uint8_t transfer[CVN_ID])
{
    for (struct sim_version *v = w->versions; v != NULL; v = v->next)
        if (memcmp(v->transfer, transfer, CVN_ID) == 0)
            return v;
    return NULL;
}

struct sim_version *sim_version_new(struct sim *w, struct sim_item *it)
{
    struct sim_version *v = calloc(1, sizeof *v);
    if (v == NULL)
        abort();
    sim_fill(w, it->item.transfer, CVN_ID);
    memcpy(v->transfer, it->item.transfer, CVN_ID);
    v->octets = malloc(it->size + 1);
    if (v->octets == NULL)
        abort();
    memcpy(v->octets, it->octets, it->size);
    v->size = it->size;
    v->item = it->index;
    v->next = w->versions;
    w->versions = v;
    return v;
}

void sim_item_change(struct sim_item *it)
{
    it->generation++;
    draw_size(it);
    make_octets(it);
    it->changed = true;
}

/* -------- reading -------- */

static void on_pipe(struct sim *w, void *arg, uint64_t life)
{
    struct sim_item *it = arg;
    if (life != w->sending.life || it->closed)
        return;
    size_t n = 1 + (size_t)sim_below(w, 16 * 1024);
    it->arrived = n < it->size - it->arrived ? it->arrived + n : it->size;
    if (it->arrived == it->size)
        it->closed = true;
    else
        sim_at(w, sim_log_below(w, 300 * SIM_MS), on_pipe, it, life);
    if (it->lane != NULL && !it->lane->over) {
        cvn_sender_wake(it->lane->sender, w->now);
        sim_lane_after(it->lane);
    }
}

/* The process opens it. */
void sim_item_open(struct sim_item *it)
{
    it->arrived = it->pipe ? 0 : it->size;
    it->closed = !it->pipe;
    it->forgotten = 0;
    it->changed = false;
    if (it->pipe)
        sim_at(it->w, sim_log_below(it->w, 300 * SIM_MS), on_pipe, it, it->w->sending.life);
}

static void block_drop(struct cvn_ref *ref)
{
    struct block *b = (struct block *)(void *)ref;
    cvn_free(b->alloc, b, sizeof *b + b->n);
}

int sim_item_read(struct sim_lane *l, struct sim_item *it, uint64_t offset, size_t max,
                  struct cvn_ref **owner, struct cvn_octets *block)
{
    struct sim *w = l->w;
    const struct cvn_alloc *a = &w->sending.arena.alloc;
    if (it->changed)
        return CVN_ECORRUPT;
    if (it->pipe && offset < it->forgotten && w->aborted)
        return CVN_ECORRUPT; /* the receiver's user gave it up, and the sender did not hear of it */
    if (it->pipe && offset < it->forgotten)
        sim_fail(w, "%s: octets are asked for again that were forgotten", it->name);
    if (offset >= it->arrived) {
        if (!it->closed)
            return CVN_MORE;
        it->item.size = it->item.size == CVN_SIZE_UNKNOWN ? offset : it->item.size;
        return CVN_NONE;
    }
    size_t n = it->arrived - (size_t)offset;
    n = n < max ? n : max;
    if (n > 1 && sim_chance(w, 300))
        n = 1 + (size_t)sim_below(w, n);
    struct block *b = cvn_new(a, sizeof *b + n);
    if (b == NULL)
        abort();
    *b = (struct block){.ref = {.refs = 1, .drop = block_drop}, .alloc = a, .n = n};
    memcpy(b->octets, it->octets + offset, n);
    *owner = &b->ref;
    *block = (struct cvn_octets){b->octets, n};
    sim_ledger_read(w, it, offset, n);
    return CVN_OK;
}

static void on_digest(struct sim *w, void *arg, uint64_t life)
{
    struct sim_digesting *d = arg;
    if (life != w->sending.life)
        return;
    struct cvn_item *it = &d->it->item;
    sim_digest(d->it->octets, (size_t)it->size, it->digest);
    d->wait->done(d->wait, d->it->changed ? CVN_ECORRUPT : CVN_OK);
}

int sim_item_digest(struct sim_lane *l, struct sim_item *it, struct cvn_wait *wait)
{
    struct sim *w = l->w;
    struct sim_digesting *d = calloc(1, sizeof *d);
    if (d == NULL)
        abort();
    d->it = it;
    d->wait = wait;
    d->next = w->digesting;
    w->digesting = d;
    sim_at(w, 10000 + sim_below(w, w->job_delay), on_digest, d, w->sending.life);
    return CVN_OK;
}
