/* SPDX-License-Identifier: MIT */
/* world - time, chance and the loop of one seed. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim.h"

/* -------- memory -------- */

struct sim_block {
    struct sim_block *next;
    struct sim_block **at;
    size_t size;
    uint64_t pad;
    uint8_t octets[];
};

static void *arena_resize(void *ctx, void *p, size_t from, size_t to)
{
    struct sim_arena *a = ctx;
    struct sim_block *b = p == NULL ? NULL : (struct sim_block *)p - 1;
    struct sim_block *made = NULL;
    if (to > 0) {
        made = malloc(sizeof *made + to);
        if (made == NULL)
            return NULL;
        made->size = to;
        made->next = a->first;
        made->at = &a->first;
        if (made->next != NULL)
            made->next->at = &made->next;
        a->first = made;
        a->blocks++;
        memset(made->octets, 0, to);
    }
    if (b != NULL) {
        if (b->size != from)
            abort(); /* the object has lost count of its own memory */
        if (made != NULL)
            memcpy(made->octets, b->octets, from < to ? from : to);
        *b->at = b->next;
        if (b->next != NULL)
            b->next->at = b->at;
        a->blocks--;
        free(b);
    }
    return made == NULL ? NULL : made->octets;
}

void sim_arena_init(struct sim_arena *a)
{
    *a = (struct sim_arena){.alloc = {.resize = arena_resize, .ctx = a}};
}

void sim_arena_drop(struct sim_arena *a)
{
    while (a->first != NULL) {
        struct sim_block *b = a->first;
        a->first = b->next;
        free(b);
    }
    a->blocks = 0;
}

/* -------- chance: splitmix64 for the seed, xoshiro256** from then on -------- */

static uint64_t rotate(uint64_t x, unsigned k)
{
    return x << k | x >> (64 - k);
}

static void chance_init(struct sim *w, uint64_t seed)
{
    for (size_t i = 0; i < 4; i++) {
        uint64_t z = seed += 0x9e3779b97f4a7c15u;
        z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
        z = (z ^ z >> 27) * 0x94d049bb133111ebu;
        w->chance[i] = z ^ z >> 31;
    }
}

uint64_t sim_random(struct sim *w)
{
    uint64_t *s = w->chance;
    uint64_t result = rotate(s[1] * 5, 7) * 9;
    uint64_t t = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rotate(s[3], 45);
    return result;
}

uint64_t sim_below(struct sim *w, uint64_t n)
{
    return n == 0 ? 0 : sim_random(w) % n;
}

uint64_t sim_log_below(struct sim *w, uint64_t n)
{
    unsigned bits = 0;
    while (bits < 63 && (uint64_t)1 << bits < n)
        bits++;
    uint64_t top = (uint64_t)1 << sim_below(w, bits + 1u);
    return sim_below(w, top < n ? top : n);
}

bool sim_chance(struct sim *w, unsigned per_mille)
{
    return sim_below(w, 1000) < per_mille;
}

void sim_fill(struct sim *w, uint8_t *p, size_t n)
{
    for (size_t i = 0; i < n; i += 8) {
        uint64_t r = sim_random(w);
        memcpy(p + i, &r, n - i < 8 ? n - i : 8);
    }
}

/* -------- events: a heap by time, then by order -------- */

static bool before(const struct sim_event *a, const struct sim_event *b)
{
    return a->at != b->at ? a->at < b->at : a->order < b->order;
}

void sim_at(struct sim *w, cvn_time delay, sim_run *run, void *arg, uint64_t tag)
{
    if (w->nheap == w->cap) {
        w->cap = w->cap == 0 ? 64 : w->cap * 2;
        w->heap = realloc(w->heap, w->cap * sizeof *w->heap);
        if (w->heap == NULL)
            abort();
    }
    struct sim_event e = {w->now + delay, w->order++, run, arg, tag};
    size_t i = w->nheap++;
    for (; i > 0 && before(&e, &w->heap[(i - 1) / 2]); i = (i - 1) / 2)
        w->heap[i] = w->heap[(i - 1) / 2];
    w->heap[i] = e;
}

static struct sim_event take(struct sim *w)
{
    struct sim_event first = w->heap[0];
    struct sim_event e = w->heap[--w->nheap];
    size_t i = 0;
    for (;;) {
        size_t child = 2 * i + 1;
        if (child >= w->nheap)
            break;
        if (child + 1 < w->nheap && before(&w->heap[child + 1], &w->heap[child]))
            child++;
        if (!before(&w->heap[child], &e))
            break;
        w->heap[i] = w->heap[child];
        i = child;
    }
    w->heap[i] = e;
    return first;
}

/* -------- what is said -------- */

void sim_mix(struct sim *w, uint64_t a, uint64_t b)
{
    w->hash = (rotate(w->hash, 23) ^ a) * 0x9e3779b97f4a7c15u;
    w->hash = (rotate(w->hash, 29) ^ b ^ w->now) * 0xbf58476d1ce4e5b9u;
}

void sim_say(struct sim *w, const char *format, ...)
{
    va_list args;
    char line[300];
    va_start(args, format);
    int n = vsnprintf(line, sizeof line, format, args);
    va_end(args);
    for (int i = 0; i < n && i < (int)sizeof line - 1; i++)
        w->hash = (w->hash ^ (uint8_t)line[i]) * 0x100000001b3u;
    sim_mix(w, (uint64_t)n, w->steps);
    if (w->o.verbose)
        printf("%6" PRIu64 " %11.6f  %s\n", w->steps, (double)w->now / 1e9, line);
}

void sim_fail(struct sim *w, const char *format, ...)
{
    va_list args;
    if (w->failed)
        return;
    w->failed = true;
    va_start(args, format);
    (void)vsnprintf(w->why, sizeof w->why, format, args);
    va_end(args);
    if (w->o.verbose)
        printf("%6" PRIu64 " %11.6f  WRONG: %s\n", w->steps, (double)w->now / 1e9, w->why);
}

/* -------- one seed -------- */

static void draw_world(struct sim *w)
{
    w->jobs = 1 + (unsigned)sim_below(w, SIM_LANES);
    w->nitems = 1 + (unsigned)sim_below(w, SIM_ITEMS);
    w->spacing = 1024u + (uint32_t)sim_below(w, 7 * 1024 + 1);
    w->window = w->spacing + (uint32_t)sim_log_below(w, 128 * 1024);
    w->points_max = 2 + (uint32_t)sim_below(w, 30);
    w->rate = sim_chance(w, 100) ? 20000 + sim_below(w, 400000) : 0;
    w->latency = 20000 + sim_log_below(w, 40 * SIM_MS);
    w->store_delay = 50000 + sim_log_below(w, 20 * SIM_MS);
    w->job_delay = 50000 + sim_log_below(w, 20 * SIM_MS);
    w->pipe_cap = 2048 + (size_t)sim_below(w, 128 * 1024);
    w->wrong_selector = sim_chance(w, 15);
}

static void world_init(struct sim *w, uint64_t seed, const struct sim_opts *o)
{
    *w = (struct sim){.o = *o, .seed = seed, .hash = 0xcbf29ce484222325u};
    chance_init(w, seed);
    w->now = SIM_S;
    draw_world(w);
    sim_store_init(&w->send_store, w, "sender's store", SIM_STORE_ERROR_SENDER);
    sim_store_init(&w->receive_store, w, "receiver's store", SIM_STORE_ERROR_RECEIVER);
    sim_depot_init(&w->depot, w);
    sim_items_init(w);
    sim_faults_plan(w);
    sim_say(w,
            "seed %" PRIu64
            ": %u sessions, %u items, window %u, spacing %u, points %u, rate %" PRIu64
            ", conflict %u, faults %u",
            seed, w->jobs, w->nitems, w->window, w->spacing, w->points_max, w->rate,
            w->depot.conflict, w->faults_left);
}

static void world_fini(struct sim *w)
{
    sim_links_free(w);
    sim_arena_drop(&w->sending.arena);
    sim_arena_drop(&w->receiving.arena);
    sim_store_fini(&w->send_store);
    sim_store_fini(&w->receive_store);
    sim_depot_fini(&w->depot);
    sim_items_fini(w);
    while (w->rlinks != NULL) {
        struct sim_rlink *l = w->rlinks;
        w->rlinks = l->older;
        free(l);
    }
    free(w->heap);
}

static bool world_over(const struct sim *w)
{
    return w->sending.finished && w->receiving.finished;
}

/* The sender has given up asking for its release, after all was committed, or a user aborted and
 * began anew: the receiver cannot know, and its user stops it. */
static bool waits_in_vain(const struct sim *w)
{
    return w->sending.finished && (w->given_up || w->aborted);
}

void sim_seed(uint64_t seed, const struct sim_opts *o, struct sim_result *r)
{
    static struct sim world;
    struct sim *w = &world;
    world_init(w, seed, o);
    sim_receiver_start(w);
    sim_sender_start(w);
    while (!w->failed && !world_over(w)) {
        if (w->nheap == 0) {
            if (!waits_in_vain(w))
                sim_fail(w, "nothing is under way and it is not over");
            break;
        }
        struct sim_event e = take(w);
        w->now = e.at;
        w->steps++;
        sim_mix(w, e.tag, e.order);
        e.run(w, e.arg, e.tag);
        sim_sender_settle(w);
        sim_receiver_settle(w);
        sim_ledger_idle(w);
        if (!w->failed)
            sim_faults_step(w);
        if (w->now > w->last_fault + SIM_BOUND)
            sim_fail(w, "not over %u s after the last fault", (unsigned)(SIM_BOUND / SIM_S));
    }
    if (!w->failed)
        sim_ledger_end(w);
    sim_counts.steps += w->steps;
    *r = (struct sim_result){.failed = w->failed, .hash = w->hash, .steps = w->steps, .at = w->now};
    memcpy(r->why, w->why, sizeof r->why);
    world_fini(w);
}
