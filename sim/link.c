/* SPDX-License-Identifier: MIT */
/*
 * link - a simulated stream: octets in both directions, each delayed, split and put
 * together at random, and what can become of it.
 *
 * Invariants
 *   L1  a side's user is called until it closed or was told down, and never afterwards.
 *   L2  octets arrive in order, once, or never.
 */
#include <stdlib.h>
#include <string.h>

#include "sim.h"

static void deliver(struct sim *w, void *arg, uint64_t side);

static const char *const side_name[] = {"sender", "receiver"};

struct sim_link *sim_link_new(struct sim *w)
{
    struct sim_link *l = calloc(1, sizeof *l);
    if (l == NULL)
        abort();
    l->w = w;
    l->number = ++w->nlinks;
    l->latency = 10000 + sim_below(w, w->latency);
    l->fate = SIM_FAULTS;
    if (w->faults_left > 0 && sim_chance(w, 600)) {
        l->fate = (enum sim_fault)sim_below(w, SIM_STALL + 1);
        l->cut_side = (unsigned)sim_below(w, 3) == 0 ? SIM_RECEIVER : SIM_SENDER;
        l->cut_at = sim_log_below(w, l->cut_side == SIM_SENDER ? 2 * SIM_SIZE : 2000);
        if (l->fate == SIM_STALL && sim_chance(w, 300)) { /* S-CONNECT comes when it is stale */
            l->cut_side = SIM_SENDER;
            l->cut_at = 20 + sim_below(w, 100);
        }
    }
    l->next = w->links;
    w->links = l;
    sim_counts.links++;
    return l;
}

void sim_link_attach(struct sim_link *l, unsigned side, const struct sim_user *u, void *ctx)
{
    l->side[side].user = u;
    l->side[side].ctx = ctx;
}

void sim_links_free(struct sim *w)
{
    while (w->links != NULL) {
        struct sim_link *l = w->links;
        w->links = l->next;
        for (unsigned i = 0; i < 2; i++) {
            free(l->side[i].pipe.octets);
            free(l->side[i].chunk);
        }
        free(l);
    }
}

/* -------- the end -------- */

static void side_gone(struct sim_link *l, unsigned side)
{
    struct sim_side *s = &l->side[side];
    s->user = NULL;
    free(s->chunk);
    s->chunk = NULL;
    s->chunk_len = s->chunk_used = 0;
}

static void tell(struct sim *w, void *arg, uint64_t side)
{
    struct sim_link *l = arg;
    struct sim_side *s = &l->side[side];
    const struct sim_user *u = s->user;
    if (u == NULL)
        return;
    sim_say(w, "link %u: the %s is told that it is down", l->number, side_name[side]);
    side_gone(l, (unsigned)side);
    u->down(s->ctx, "the connection failed");
}

static void tell_later(struct sim_link *l, unsigned side, cvn_time delay)
{
    if (l->side[side].user != NULL)
        sim_at(l->w, delay, tell, l, side);
}

static void pipe_lose(struct sim_link *l, unsigned from, bool all)
{
    struct sim_pipe *p = &l->side[from].pipe;
    p->lost = true;
    p->len = all ? 0 : (size_t)sim_below(l->w, p->len + 1);
}

void sim_link_close(struct sim_link *l, unsigned side, enum sim_end how)
{
    struct sim *w = l->w;
    unsigned other = 1 - side;
    if (l->side[side].user == NULL)
        return;
    bool cut = l->side[side].pipe.lost; /* then nothing of this reaches the other */
    side_gone(l, side);
    pipe_lose(l, other, true);
    if (cut)
        return;
    switch (how) {
    case SIM_FIN:
        l->side[side].pipe.fin = true;
        if (!l->side[side].pipe.scheduled) {
            l->side[side].pipe.scheduled = true;
            sim_at(w, l->latency, deliver, l, side);
        }
        break;
    case SIM_RST:
        pipe_lose(l, side, false);
        tell_later(l, other, l->latency + sim_below(w, 5 * SIM_MS));
        break;
    case SIM_VANISH:
        pipe_lose(l, side, false);
        tell_later(l, other, SIM_S + sim_below(w, 30 * SIM_S));
        break;
    }
}

void sim_link_strike(struct sim_link *l, enum sim_fault how)
{
    struct sim *w = l->w;
    unsigned first = (unsigned)sim_below(w, 2);
    static const char *const names[] = {"cut", "half-open", "silent", "stalled"};
    l->fate = SIM_FAULTS;
    if (l->side[0].user == NULL && l->side[1].user == NULL)
        return;
    sim_counts.faults[how]++;
    w->last_fault = w->now;
    sim_say(w, "link %u: %s", l->number, names[how]);
    if (how == SIM_STALL) {
        unsigned from = sim_chance(w, 700) ? SIM_SENDER : SIM_RECEIVER;
        l->side[from].pipe.stalled = w->now + SIM_S + sim_below(w, 40 * SIM_S);
        return;
    }
    pipe_lose(l, SIM_SENDER, false);
    pipe_lose(l, SIM_RECEIVER, false);
    cvn_time soon = sim_below(w, 20 * SIM_MS);
    switch (how) {
    case SIM_CUT_BOTH:
        tell_later(l, first, soon);
        tell_later(l, 1 - first, soon + sim_below(w, 50 * SIM_MS));
        break;
    case SIM_HALF_OPEN:
        tell_later(l, first, soon);
        tell_later(l, 1 - first, SIM_S + sim_below(w, 40 * SIM_S));
        break;
    default: /* silence: keepalive finds it */
        tell_later(l, first, 30 * SIM_S);
        tell_later(l, 1 - first, 30 * SIM_S + sim_below(w, 5 * SIM_S));
        break;
    }
}

/* -------- octets -------- */

static void schedule(struct sim_link *l, unsigned from, cvn_time delay)
{
    struct sim_pipe *p = &l->side[from].pipe;
    struct sim *w = l->w;
    if (p->scheduled)
        return;
    p->scheduled = true;
    cvn_time at = w->now + delay;
    sim_at(w, (at > p->stalled ? at : p->stalled) - w->now, deliver, l, from);
}

/* n octets were written just now: what is behind the octet that fate has chosen is lost. */
static void fated(struct sim_link *l, unsigned from, size_t n)
{
    struct sim_pipe *p = &l->side[from].pipe;
    enum sim_fault f = l->fate;
    if (f == SIM_FAULTS || from != l->cut_side || p->passed + n < l->cut_at)
        return;
    size_t keep = (size_t)(l->cut_at > p->passed ? l->cut_at - p->passed : 0);
    l->fate = SIM_FAULTS;
    if (l->w->faults_left == 0)
        return;
    l->w->faults_left--;
    if (f != SIM_STALL)
        p->len -= n - (keep < n ? keep : n);
    sim_link_strike(l, f);
}

void sim_link_write(struct sim_link *l, unsigned side)
{
    struct sim_side *s = &l->side[side];
    struct sim_pipe *p = &s->pipe;
    struct sim *w = l->w;
    struct cvn_iov iov[16];
    size_t n;
    while (s->user != NULL && p->len < w->pipe_cap && (n = s->user->out(s->ctx, iov, 16)) > 0) {
        size_t took = 0;
        size_t room = 1 + (size_t)sim_below(w, w->pipe_cap - p->len);
        if (p->cap < p->len + room) {
            p->cap = p->len + room;
            p->octets = realloc(p->octets, p->cap);
            if (p->octets == NULL)
                abort();
        }
        for (size_t i = 0; i < n && took < room; i++) {
            size_t k = iov[i].len < room - took ? iov[i].len : room - took;
            memcpy(p->octets + p->len + took, iov[i].base, k);
            took += k;
        }
        if (!p->lost) {
            p->len += took;
            p->writes++;
            fated(l, side, took);
            p->passed += took;
        }
        if (p->len > 0)
            schedule(l, side, l->latency + sim_below(w, l->latency));
        s->user->sent(s->ctx, took);
    }
    s->blocked = p->len >= w->pipe_cap;
}

static bool feed(struct sim_link *l, unsigned to)
{
    struct sim_side *s = &l->side[to];
    while (s->user != NULL && s->chunk_used < s->chunk_len) {
        size_t used = 0;
        size_t len = s->chunk_len - s->chunk_used;
        uint8_t *chunk = s->chunk;
        s->chunk = NULL; /* stays whole if the link is closed inside */
        s->user->feed(s->ctx, chunk + s->chunk_used, len, &used);
        if (s->user == NULL) {
            free(chunk);
            return false;
        }
        s->chunk = chunk;
        s->chunk_used += used;
        if (used < len) {
            s->paused = true;
            return false;
        }
    }
    free(s->chunk);
    s->chunk = NULL;
    s->chunk_len = s->chunk_used = 0;
    return s->user != NULL;
}

static void take_chunk(struct sim_link *l, unsigned from)
{
    struct sim *w = l->w;
    struct sim_pipe *p = &l->side[from].pipe;
    struct sim_side *s = &l->side[1 - from];
    size_t n = sim_chance(w, 400) ? p->len : 1 + (size_t)sim_log_below(w, p->len);
    n = n > p->len ? p->len : n;
    s->chunk = malloc(n);
    if (s->chunk == NULL)
        abort();
    memcpy(s->chunk, p->octets, n);
    s->chunk_len = n;
    s->chunk_used = 0;
    p->len -= n;
    memmove(p->octets, p->octets + n, p->len);
    sim_counts.faults[SIM_SPLIT] += p->len > 0;
    sim_counts.faults[SIM_COALESCE] += p->writes > 1;
    if (p->len == 0)
        p->writes = 0;
    sim_mix(w, l->number * 2 + from, n);
}

static void deliver(struct sim *w, void *arg, uint64_t from)
{
    struct sim_link *l = arg;
    unsigned to = 1 - (unsigned)from;
    struct sim_pipe *p = &l->side[from].pipe;
    struct sim_side *s = &l->side[to];
    p->scheduled = false;
    if (s->user == NULL || s->paused)
        return; /* resuming delivers again */
    if (w->now < p->stalled) {
        schedule(l, (unsigned)from, 0);
        return;
    }
    if (p->len == 0) {
        if (p->fin)
            tell(w, l, to);
        return;
    }
    take_chunk(l, (unsigned)from);
    bool all = feed(l, to);
    sim_link_write(l, to);
    if (!all)
        return;
    struct sim_side *writer = &l->side[from];
    if (writer->user != NULL && writer->user->alive != NULL && w->now >= writer->alive_at) {
        writer->alive_at = w->now + SIM_S;
        writer->user->alive(writer->ctx);
    }
    if (writer->user != NULL && writer->blocked)
        sim_link_write(l, (unsigned)from);
    if (p->len > 0 || p->fin)
        schedule(l, (unsigned)from, sim_below(w, l->latency));
}

static void on_flush(struct sim *w, void *arg, uint64_t side)
{
    (void)w;
    sim_link_write(arg, (unsigned)side);
}

void sim_link_flush_later(struct sim_link *l, unsigned side)
{
    if (l->side[side].user != NULL)
        sim_at(l->w, 0, on_flush, l, side);
}

static void on_resume(struct sim *w, void *arg, uint64_t side)
{
    struct sim_link *l = arg;
    unsigned from = 1 - (unsigned)side;
    (void)w;
    if (l->side[side].user == NULL || !l->side[side].paused)
        return;
    l->side[side].paused = false;
    bool all = feed(l, (unsigned)side);
    sim_link_write(l, (unsigned)side);
    if (all && (l->side[from].pipe.len > 0 || l->side[from].pipe.fin))
        schedule(l, from, 0);
}

void sim_link_resume_later(struct sim_link *l, unsigned side)
{
    if (l->side[side].user != NULL)
        sim_at(l->w, 0, on_resume, l, side);
}

bool sim_link_quiet(const struct sim_link *l)
{
    const struct sim_side *a = &l->side[0];
    const struct sim_side *b = &l->side[1];
    return a->user != NULL && b->user != NULL && !a->pipe.lost && !b->pipe.lost &&
           a->pipe.len == 0 && b->pipe.len == 0 && !a->paused && !b->paused && a->chunk == NULL &&
           b->chunk == NULL;
}
