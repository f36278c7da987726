/* SPDX-License-Identifier: MIT */
/*
 * Two ends of a stream session in a small world: wires that split, delay and are cut, users
 * that write and read in pieces. Every octet is known by its position.
 *
 *   test_session            a few hundred worlds
 *   CVN_SEED=n              one of them
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "session/session.h"

#define MS    1000000ull
#define WIRES 8

struct end {
    struct cvn_link *link;
    bool gone;    /* the link was told, or told us */
    uint8_t *buf; /* on its way to this end */
    size_t n, cap;
};

struct wire {
    bool used;
    bool cut;
    struct end end[2]; /* 0: the initiator's */
    struct world *w;
};

struct user {
    struct world *w;
    struct cvn_session *s;
    uint8_t salt; /* of what it writes */
    uint64_t written, total;
    uint64_t read;
    bool ended, end_seen, over;
    bool slow;
    size_t appetite;
};

struct world {
    uint32_t seed;
    cvn_time now;
    struct cvn_host *host;
    struct user user[2];
    struct wire wire[WIRES];
    uint32_t dials; /* asked for */
    bool dark;      /* no dial succeeds */
    uint32_t cuts, lost;
};

static uint32_t draw(struct world *w, uint32_t n)
{
    w->seed = w->seed * 1664525u + 1013904223u;
    return (w->seed >> 8) % n;
}

static uint8_t octet(uint8_t salt, uint64_t at)
{
    return (uint8_t)(salt + at * 131 + (at >> 8) * 7 + (at >> 16));
}

/* -------- what a session asks of the world -------- */

static void on_dial(void *ctx, cvn_time patience)
{
    ck_assert_uint_ge(patience, 1000 * MS);
    ((struct user *)ctx)->w->dials++;
}

static size_t on_data(void *ctx, struct cvn_session *s, uint64_t at, struct cvn_octets data)
{
    struct user *u = ctx;
    (void)s;
    ck_assert(!u->end_seen);
    ck_assert_uint_eq(at, u->read);
    size_t n = data.n < u->appetite ? data.n : u->appetite;
    uint8_t salt = u->w->user[u == &u->w->user[0]].salt;
    bool right = true;
    for (size_t i = 0; i < n; i++)
        right = right && data.p[i] == octet(salt, at + i);
    ck_assert(right); /* once: Check writes to a pipe each time */
    u->read += n;
    if (u->slow)
        u->appetite -= n;
    return n;
}

static void on_news(void *ctx, struct cvn_session *s, enum cvn_session_news n, const char *text)
{
    struct user *u = ctx;
    struct user *other = &u->w->user[u == &u->w->user[0]];
    (void)s;
    (void)text;
    switch (n) {
    case CVN_SESSION_NEWS_END: /* never before all that was written */
        ck_assert(!u->end_seen);
        ck_assert(other->ended);
        ck_assert_uint_eq(u->read, other->written);
        u->end_seen = true;
        break;
    case CVN_SESSION_NEWS_OVER:
        ck_assert(!u->over);
        u->over = true;
        break;
    case CVN_SESSION_NEWS_LOST:
        u->w->lost++;
        break;
    default:
        break;
    }
}

static void on_random(void *ctx, uint8_t *p, size_t n)
{
    struct world *w = ((struct user *)ctx)->w;
    for (size_t i = 0; i < n; i++)
        p[i] = (uint8_t)draw(w, 256);
}

/* No cryptography: a hash that depends on every octet will do here. */
static void on_hmac(void *ctx, struct cvn_octets key, const struct cvn_octets *parts, size_t n,
                    uint8_t out[CVN_PROOF])
{
    uint64_t h = 1469598103934665603u;
    (void)ctx;
    for (size_t i = 0; i < key.n; i++)
        h = (h ^ key.p[i]) * 1099511628211u;
    for (size_t k = 0; k < n; k++) {
        for (size_t i = 0; i < parts[k].n; i++)
            h = (h ^ parts[k].p[i]) * 1099511628211u;
    }
    for (size_t i = 0; i < CVN_PROOF; i++) {
        h = (h ^ i) * 1099511628211u;
        out[i] = (uint8_t)(h >> 32);
    }
}

static const struct cvn_session_ops session_ops = {on_dial, on_data, on_news, on_random, on_hmac};

static void on_flush(void *ctx)
{
    (void)ctx; /* the world looks at every wire at every step */
}

static void on_hang_up(void *ctx)
{
    ((struct end *)ctx)->gone = true;
}

static const struct cvn_link_ops link_ops = {on_flush, on_hang_up};

static int on_opening(void *ctx, struct cvn_octets ssel, struct cvn_session_opts *o)
{
    struct world *w = ctx;
    if (ssel.n != 4 || memcmp(ssel.p, "echo", 4) != 0)
        return CVN_ENOTFOUND;
    o->ops = &session_ops;
    o->ctx = &w->user[1];
    o->window = 500 + draw(w, 3) * 30000;
    o->spacing = 1 + draw(w, 20000);
    return CVN_OK;
}

static void on_opened(void *ctx, struct cvn_session *s)
{
    struct world *w = ctx;
    ck_assert_ptr_null(w->user[1].s);
    w->user[1].s = s;
}

static void on_gone(void *ctx, struct cvn_session *s)
{
    struct world *w = ctx;
    ck_assert_ptr_eq(w->user[1].s, s);
    w->user[1].s = NULL;
}

static const struct cvn_host_ops host_ops = {on_opening, on_opened, on_gone};

/* -------- the world -------- */

static void wire_close(struct wire *x)
{
    for (int i = 0; i < 2; i++) {
        free(x->end[i].buf);
        x->end[i].buf = NULL;
    }
    memset(x->end, 0, sizeof x->end);
    x->used = false;
}

/* Octets of one end's link go on their way to the other end. */
static void collect(struct wire *x, int i)
{
    struct end *from = &x->end[i];
    struct end *to = &x->end[!i];
    struct cvn_iov iov[4];
    if (from->link == NULL || to->n > 50000)
        return; /* the network holds so much */
    size_t n = cvn_link_out_iov(from->link, iov, 1 + draw(x->w, 4));
    size_t octets = 0;
    for (size_t k = 0; k < n; k++) {
        size_t len = iov[k].len;
        bool part = draw(x->w, 4) == 0;
        if (part)
            len = 1 + draw(x->w, (uint32_t)len);
        if (to->n + len > to->cap) {
            to->cap = (to->n + len) * 2;
            to->buf = realloc(to->buf, to->cap);
        }
        memcpy(to->buf + to->n, iov[k].base, len);
        to->n += len;
        octets += len;
        if (part)
            break;
    }
    if (octets > 0)
        cvn_link_sent(from->link, octets, x->w->now);
}

static void deliver(struct wire *x, int i)
{
    struct end *e = &x->end[i];
    if (e->link == NULL || e->gone || e->n == 0 || x->cut)
        return;
    size_t most = e->n < 20000 ? e->n : 20000;
    size_t n = draw(x->w, 3) == 0 ? 1 + draw(x->w, (uint32_t)most) : most;
    uint8_t *slice = malloc(n); /* exactly as long, so that a sanitizer sees what reads beyond */
    memcpy(slice, e->buf, n);
    memmove(e->buf, e->buf + n, e->n - n);
    e->n -= n;
    cvn_link_feed(e->link, slice, n, x->w->now);
    free(slice);
}

/* An end that hung up, or whose other end has gone, and all is delivered. */
static void reap(struct wire *x)
{
    for (int i = 0; i < 2; i++) {
        struct end *e = &x->end[i];
        struct end *o = &x->end[!i];
        if (e->link == NULL)
            continue;
        if (!e->gone && cvn_link_closing(e->link) && cvn_link_out_octets(e->link) == 0)
            e->gone = true;
        if (e->gone || x->cut || (o->link == NULL && e->n == 0)) {
            struct cvn_link *l = e->link;
            e->link = NULL;
            cvn_link_free(l, x->cut ? "cut" : "closed", x->w->now);
        }
    }
    if (x->end[0].link == NULL && x->end[1].link == NULL)
        wire_close(x);
}

static void connect_wire(struct world *w)
{
    struct wire *x = w->wire;
    while (x < w->wire + WIRES && x->used)
        x++;
    w->dials--;
    if (w->dark || x == w->wire + WIRES) {
        cvn_session_dial_failed(w->user[0].s, "nobody there", w->now);
        return;
    }
    *x = (struct wire){.used = true, .w = w};
    int rc = cvn_link_new(&x->end[0].link, w->user[0].s, &link_ops, &x->end[0], NULL, w->now);
    if (rc != CVN_OK) {
        x->used = false;
        return;
    }
    ck_assert_int_eq(cvn_link_accept(&x->end[1].link, w->host, &link_ops, &x->end[1], NULL, w->now),
                     CVN_OK);
}

static void write_some(struct world *w, struct user *u)
{
    uint8_t buf[5000];
    size_t taken;
    size_t n = 1 + draw(w, sizeof buf);
    n = n < u->total - u->written ? n : (size_t)(u->total - u->written);
    for (size_t i = 0; i < n; i++)
        buf[i] = octet(u->salt, u->written + i);
    int rc = cvn_session_write(u->s, buf, n, &taken, w->now);
    ck_assert(rc == CVN_OK || rc == CVN_FULL || rc == CVN_ECLOSED);
    u->written += taken;
}

static void work(struct world *w, struct user *u)
{
    if (u->s == NULL || u->over)
        return;
    if (u->written < u->total && draw(w, 2) == 0) {
        write_some(w, u);
    } else if (u->written == u->total && !u->ended && draw(w, 4) == 0) {
        u->ended = true;
        int rc = cvn_session_end(u->s, w->now);
        ck_assert(rc == CVN_OK || rc == CVN_ECLOSED);
    }
    if (u->slow && !u->over && draw(w, 3) == 0) {
        u->appetite += draw(w, 3000);
        cvn_session_pull(u->s, w->now);
    }
}

static void step_wires(struct world *w, uint32_t cut_one_in)
{
    for (struct wire *x = w->wire; x < w->wire + WIRES; x++) {
        if (!x->used)
            continue;
        collect(x, 0);
        collect(x, 1);
        if (draw(w, 2) == 0)
            deliver(x, (int)draw(w, 2));
        if (cut_one_in > 0 && draw(w, cut_one_in) == 0) {
            x->cut = true;
            w->cuts++;
        }
        reap(x);
    }
}

static void step(struct world *w, uint32_t cut_one_in)
{
    step_wires(w, cut_one_in);
    if (w->dials > 0 && draw(w, 2) == 0)
        connect_wire(w);
    work(w, &w->user[draw(w, 2)]);
    w->now += draw(w, 2) * MS / 4;
    if (cvn_session_deadline(w->user[0].s) <= w->now)
        cvn_session_tick(w->user[0].s, w->now);
    if (cvn_host_deadline(w->host) <= w->now)
        cvn_host_tick(w->host, w->now);
}

static void world_begin(struct world *w, uint32_t seed)
{
    struct cvn_host_opts ho = {.ops = &host_ops, .ctx = w};
    struct cvn_session_opts so = {
        .ops = &session_ops, .ctx = &w->user[0], .called_ssel = {(const uint8_t *)"echo", 4}};
    memset(w, 0, sizeof *w);
    w->seed = seed * 2654435761u + 1;
    w->now = 1000 * MS;
    for (int i = 0; i < 2; i++) {
        struct user *u = &w->user[i];
        *u = (struct user){.w = w, .salt = (uint8_t)(17 + 100 * i), .slow = draw(w, 2) == 0};
        u->total = draw(w, 5) == 0 ? 0 : draw(w, 300000);
        u->appetite = u->slow ? 0 : SIZE_MAX;
    }
    so.window = 500 + draw(w, 3) * 30000;
    so.spacing = 1 + draw(w, 20000);
    ck_assert_int_eq(cvn_host_new(&w->host, &ho), CVN_OK);
    ck_assert_int_eq(cvn_session_new(&w->user[0].s, &so, w->now), CVN_OK);
    cvn_session_tick(w->user[0].s, w->now);
}

static void world_end(struct world *w)
{
    for (struct wire *x = w->wire; x < w->wire + WIRES; x++) {
        x->cut = x->used;
        if (x->used)
            reap(x);
    }
    cvn_session_free(w->user[0].s);
    cvn_host_free(w->host);
}

static uint32_t run(uint32_t seed, uint32_t cut_one_in, struct cvn_positions *p)
{
    struct world w;
    world_begin(&w, seed);
    uint32_t steps = 0;
    uint32_t quiet_after = 6000;
    while (!(w.user[0].over && w.user[1].over)) {
        steps++;
        if (steps >= 600000)
            ck_abort_msg("seed %u: not over: %lu of %lu, %lu of %lu", seed,
                         (unsigned long)w.user[1].read, (unsigned long)w.user[0].total,
                         (unsigned long)w.user[0].read, (unsigned long)w.user[1].total);
        w.dark = cut_one_in > 0 && steps < quiet_after && steps / 500 % 7 == 3;
        step(&w, steps < quiet_after ? cut_one_in : 0);
    }
    for (int i = 0; i < 2; i++) {
        struct user *u = &w.user[i];
        ck_assert_msg(cvn_session_state(u->s) == CVN_SESSION_RELEASED, "seed %u: user %d: %s", seed,
                      i, cvn_session_text(u->s));
        ck_assert(u->end_seen);
        ck_assert_uint_eq(u->written, u->total);
        ck_assert_uint_eq(w.user[!i].read, u->total);
    }
    cvn_session_positions(w.user[0].s, p);
    uint32_t cuts = w.cuts;
    world_end(&w);
    return cuts;
}

START_TEST(carries_both_directions_to_their_ends)
{
    struct cvn_positions p;
    for (uint32_t seed = 1; seed <= 40; seed++) {
        ck_assert_uint_eq(run(seed, 0, &p), 0);
        ck_assert_uint_eq(p.resumes, 0);
        ck_assert_uint_eq(p.replayed, 0);
    }
}
END_TEST

START_TEST(outlives_its_links)
{
    struct cvn_positions p;
    const char *one = getenv("CVN_SEED");
    uint64_t cuts = 0;
    uint64_t resumes = 0;
    uint64_t replayed = 0;
    for (uint32_t seed = 1; seed <= 150; seed++) {
        if (one != NULL)
            seed = (uint32_t)strtoul(one, NULL, 10);
        cuts += run(seed, 200 + seed % 900, &p);
        resumes += p.resumes;
        replayed += p.replayed;
        if (one != NULL)
            break;
    }
    printf("%lu cuts, %lu resumes, %lu octets again\n", (unsigned long)cuts, (unsigned long)resumes,
           (unsigned long)replayed);
    ck_assert_uint_gt(resumes, 0);
    ck_assert_uint_gt(replayed, 0);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("session");
    TCase *tc = tcase_create("session");
    tcase_set_timeout(tc, 120);
    tcase_add_test(tc, carries_both_directions_to_their_ends);
    tcase_add_test(tc, outlives_its_links);
    suite_add_tcase(s, tc);
    SRunner *sr = srunner_create(s);
    srunner_run_all(sr, CK_NORMAL);
    int failed = srunner_ntests_failed(sr);
    srunner_free(sr);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
