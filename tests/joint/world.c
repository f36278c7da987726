/* SPDX-License-Identifier: MIT */
/* world - see world.h. */
#include "world.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/x225/machine.h"

#define HEAD 5u

struct world it;

void world_blame(const char *form, ...)
{
    va_list ap;
    if (it.wrong)
        return;
    it.wrong = true;
    va_start(ap, form);
    vsnprintf(it.why, sizeof it.why, form, ap);
    va_end(ap);
}

/* Blocks of multiples of 16 octets; what is given back is kept in lists by size. Large ones are
 * only of S-CONNECT and are not taken again. */
static void *arena_resize(void *ctx, void *p, size_t from, size_t to)
{
    (void)ctx;
    size_t old = (from + 15) / 16;
    size_t size = (to + 15) / 16;
    uint8_t *q = NULL;
    if (to > 0) {
        if (p != NULL && old == size)
            return p;
        if (size < 64 && it.free[size] != 0) {
            q = &it.arena[it.free[size] - 1];
            memcpy(&it.free[size], q, sizeof it.free[size]);
        } else {
            if (it.brk + size * 16 > ARENA)
                abort();
            q = &it.arena[it.brk];
            it.brk += (uint32_t)size * 16;
        }
        if (p != NULL)
            memcpy(q, p, from < to ? from : to);
    }
    if (p != NULL && old < 64) {
        memcpy(p, &it.free[old], sizeof it.free[old]);
        it.free[old] = (uint32_t)((uint8_t *)p - it.arena) + 1;
    }
    return q;
}

static const struct cvn_alloc arena = {.resize = arena_resize, .ctx = NULL};

size_t world_size(void)
{
    return offsetof(struct world, arena) + it.brk;
}

bool world_has(uint16_t units)
{
    return (it.config->units & units) != 0;
}

struct cvn_x225_vars world_vars(unsigned side)
{
    struct cvn_x225_vars v;
    cvn_x225_vars(it.peer[side].x, &v);
    return v;
}

/* --- the transport connection --- */

static void put(unsigned from, uint8_t kind, const void *octets, size_t n)
{
    struct peer *to = &it.peer[!from];
    struct flow *f = kind == CVN_X225_T_EXPEDITED ? &to->expedited : &to->normal;
    if (f->n + HEAD + n > sizeof f->octets) {
        world_blame("a flow of the exploration is full");
        return;
    }
    uint8_t *at = &f->octets[f->n];
    uint16_t seq = it.seq++;
    at[0] = kind;
    at[1] = (uint8_t)n;
    memcpy(&at[2], &seq, 2);
    at[4] = it.peer[from].generation;
    if (n > 0)
        memcpy(&at[HEAD], octets, n);
    f->n = (uint16_t)(f->n + HEAD + n);
}

static uint16_t first_seq(const struct flow *f)
{
    uint16_t seq;
    memcpy(&seq, &f->octets[2], 2);
    return seq;
}

/* What is on its way to side is lost. */
static void flows_clear(unsigned side)
{
    it.peer[side].normal.n = 0;
    it.peer[side].expedited.n = 0;
}

static void out_one(unsigned side, const struct cvn_x225_out *o, uint8_t *tsdu, size_t *n)
{
    switch (o->kind) {
    case CVN_X225_T_CONNECT:
        it.peer[side].generation = ++it.generation;
        put(side, (uint8_t)o->kind, NULL, 0);
        break;
    case CVN_X225_T_CONNECT_ACCEPT:
        put(side, (uint8_t)o->kind, NULL, 0);
        break;
    case CVN_X225_T_DISCONNECT:
        put(side, (uint8_t)o->kind, NULL, 0);
        it.peer[side].generation = 0;
        break;
    case CVN_X225_T_EXPEDITED:
        put(side, (uint8_t)o->kind, o->header.p, o->header.n);
        break;
    case CVN_X225_T_DATA:
        if (*n + o->header.n + o->data.n > 250) {
            world_blame("a TSDU is too long for the exploration");
            return;
        }
        memcpy(tsdu + *n, o->header.p, o->header.n);
        *n += o->header.n;
        if (o->data.n > 0)
            memcpy(tsdu + *n, o->data.p, o->data.n);
        *n += o->data.n;
        if (o->end) {
            put(side, (uint8_t)o->kind, tsdu, *n);
            *n = 0;
        }
        break;
    }
}

static void drain(unsigned side)
{
    uint8_t tsdu[256];
    size_t n = 0;
    struct cvn_x225_out o;
    while (!it.wrong && cvn_x225_out(it.peer[side].x, &o) == CVN_EVENT) {
        out_one(side, &o, tsdu, &n);
        cvn_x225_out_done(it.peer[side].x);
    }
    if (n != 0)
        world_blame("a TSDU has no end");
}

static void take_due(unsigned side)
{
    struct cvn_x225_prim ev;
    drain(side);
    while (!it.wrong && cvn_x225_next(it.peer[side].x, &ev, 1) == CVN_EVENT) {
        user_hears(side, &ev);
        drain(side);
    }
}

static void feed(unsigned side, const uint8_t *in, size_t n, bool expedited)
{
    struct cvn_x225_prim ev;
    size_t done = 0;
    for (bool begin = true; !it.wrong; begin = begin && done == 0) {
        size_t used = 0;
        int rc = cvn_x225_feed(it.peer[side].x, in + done, n - done, begin, true, expedited, &used,
                               &ev, 1);
        done += used;
        if (rc == CVN_EVENT) {
            user_hears(side, &ev);
        } else if (rc == CVN_FULL) {
            drain(side);
        } else {
            if (rc != CVN_MORE)
                world_blame("cvn_x225_feed() says %s", cvn_err_name(rc));
            break;
        }
    }
}

int world_request(unsigned side, struct cvn_x225_prim *p)
{
    int rc = cvn_x225_request(it.peer[side].x, p, 1);
    if (rc != CVN_OK)
        return rc;
    user_asked(side, p);
    take_due(side);
    return CVN_OK;
}

static void lost(unsigned side)
{
    int rc = cvn_x225_transport_down(it.peer[side].x, 1);
    if (rc != CVN_OK && rc != CVN_ESTATE)
        world_blame("cvn_x225_transport_down() says %s", cvn_err_name(rc));
    it.peer[side].generation = 0;
    user_lost(side);
    take_due(side);
}

static void take(struct flow *f, uint8_t *kind, uint8_t *generation, uint8_t *octets, size_t *n)
{
    *kind = f->octets[0];
    *generation = f->octets[4];
    *n = f->octets[1];
    memcpy(octets, &f->octets[HEAD], *n);
    f->n = (uint16_t)(f->n - HEAD - *n);
    memmove(f->octets, &f->octets[HEAD + *n], f->n);
}

/* An expedited TSDU may overtake, but is never behind what was sent after it. */
bool world_deliver(unsigned side, bool expedited)
{
    struct peer *p = &it.peer[side];
    struct flow *f = expedited ? &p->expedited : &p->normal;
    uint8_t octets[256];
    uint8_t kind;
    uint8_t generation;
    size_t n;
    if (f->n == 0)
        return false;
    if (!expedited && p->expedited.n > 0 && first_seq(&p->expedited) < first_seq(f))
        return false;
    take(f, &kind, &generation, octets, &n);
    int rc = CVN_OK;
    if (kind == CVN_X225_T_CONNECT) {
        p->generation = generation;
        rc = cvn_x225_transport_up(p->x, true, it.config->expedited, 1);
    } else if (generation != p->generation) {
        return true; /* of a transport connection that is gone */
    } else if (kind == CVN_X225_T_CONNECT_ACCEPT) {
        rc = cvn_x225_transport_up(p->x, false, it.config->expedited, 1);
    } else if (kind == CVN_X225_T_DISCONNECT) {
        lost(side);
    } else {
        feed(side, octets, n, expedited);
    }
    if (rc != CVN_OK)
        world_blame("cvn_x225_transport_up() says %s", cvn_err_name(rc));
    take_due(side);
    return true;
}

void world_tick(unsigned side)
{
    cvn_x225_tick(it.peer[side].x, cvn_x225_deadline(it.peer[side].x));
    take_due(side);
}

/* Octets that are no SPDU arrive, where the machine may answer by EXCEPTION REPORT (A.4.1). */
void world_noise(unsigned side)
{
    static const uint8_t octets[] = {200, 0};
    it.noise = true;
    feed(side, octets, sizeof octets, false);
    take_due(side);
}

void world_cut(void)
{
    flows_clear(0);
    flows_clear(1);
    it.cut = true;
    lost(0);
    lost(1);
    it.cut = false;
}

bool world_quiet(void)
{
    return it.peer[0].normal.n + it.peer[0].expedited.n + it.peer[1].normal.n +
               it.peer[1].expedited.n ==
           0;
}

/* --- the digest --- */

static uint64_t mix(uint64_t h, const void *octets, size_t n)
{
    const uint8_t *p = octets;
    for (; n >= 8; n -= 8, p += 8) {
        uint64_t v;
        memcpy(&v, p, 8);
        h = (h ^ v) * 0x9e3779b97f4a7c15u;
        h ^= h >> 29;
    }
    while (n-- > 0) {
        h = (h ^ *p++) * 0x9e3779b97f4a7c15u;
        h ^= h >> 29;
    }
    return h;
}

/* What is in the machine, less the addresses, what is stale, and the clock. */
static uint64_t machine_digest(uint64_t h, const struct cvn_x225 *x)
{
    struct cvn_x225 c;
    memcpy(&c, x, sizeof c);
    c.alloc = NULL;
    c.now = 0;
    c.tim = x->tim != CVN_NEVER;
    c.p_abort_why = NULL;
    c.kept = NULL;
    c.saved = NULL;
    c.rest = NULL;
    c.queue = NULL;
    c.queue_cap = 0;
    c.ring_first = 0;
    c.ring = NULL;
    memset(c.own_ring, 0, sizeof c.own_ring);
    memset(&c.given, 0, sizeof c.given);
    c.in.alloc = NULL;
    c.in.heap = NULL;
    c.in.join = NULL;
    if (x->in.part_len == 0 && x->in.zero_len == 0)
        memset(c.in.small, 0, sizeof c.in.small);
    if (x->vrsp == X225_RSP_NO) {
        c.rs_setting = 0;
        c.vrspnbs = c.vrspnbr = 0;
        c.vrsp_local = false;
    }
    if (x->state == CVN_STA713)
        memset(&c.offer, 0, sizeof c.offer);
    h = mix(h, &c, sizeof c);
    h = mix(h, &(const bool[]){x->kept != NULL, x->saved != NULL, x->rest != NULL}, 3);
    for (unsigned i = 0; i < x->queue_len; i++)
        h = mix(h, &x->queue[i], sizeof x->queue[i]);
    return h;
}

/* Of a TSDU everything but its sequence number: of that, what it is in relation to those of the
 * other flow. */
static uint64_t flow_digest(uint64_t h, const struct flow *f, const struct flow *other,
                            uint8_t generation)
{
    for (unsigned at = 0; at < f->n; at += HEAD + f->octets[at + 1]) {
        uint16_t seq;
        uint16_t its;
        unsigned before = 0;
        memcpy(&seq, &f->octets[at + 2], 2);
        for (unsigned o = 0; o < other->n; o += HEAD + other->octets[o + 1]) {
            memcpy(&its, &other->octets[o + 2], 2);
            before += its < seq;
        }
        bool gone = f->octets[at + 4] != generation;
        h = mix(h, &(const uint8_t[]){f->octets[at], f->octets[at + 1], (uint8_t)before, gone}, 4);
        h = mix(h, &f->octets[at + HEAD], f->octets[at + 1]);
    }
    return mix(h, "|", 1);
}

uint64_t world_digest(void)
{
    uint64_t h = 225;
    for (unsigned i = 0; i < 2; i++) {
        const struct peer *p = &it.peer[i];
        h = machine_digest(h, p->x);
        h = flow_digest(h, &p->normal, &p->expedited, p->generation);
        h = flow_digest(h, &p->expedited, &p->normal, p->generation);
        h = mix(h, &(const bool){p->generation != 0}, 1);
        h = mix(h, &p->user, sizeof p->user);
    }
    return h;
}

/* --- beginning, and what must hold --- */

static void begin_side(unsigned side, const struct config *c)
{
    struct cvn_x225_opts o = {.alloc = &arena,
                              .units = c->units,
                              .versions = c->version1 ? 1 : 2,
                              .reuse = c->reuse,
                              .error_report = strchr(c->moves, 'N') != NULL};
    if (cvn_x225_new(&it.peer[side].x, &o) != CVN_OK)
        abort();
    it.peer[side].user.waits = CVN_S_SERVICES;
    it.peer[side].user.answers = CVN_S_SERVICES;
}

void world_begin(const struct config *c)
{
    memset(&it, 0, offsetof(struct world, arena));
    it.config = c;
    begin_side(0, c);
    begin_side(1, c);
    (void)moves_list(c);
    if (c->connecting)
        return;
    struct cvn_x225_prim p;
    cvn_x225_prim_init(&p, CVN_S_CONNECT, CVN_REQUEST);
    p.units = c->units;
    p.serial = 1;
    p.serial2 = 2;
    p.has_token_setting = true;
    p.token_setting = c->setting;
    bool good = world_request(0, &p) == CVN_OK && world_deliver(1, false) &&
                world_deliver(0, false) && world_deliver(1, false);
    cvn_x225_prim_init(&p, CVN_S_CONNECT, CVN_RESPONSE);
    p.units = c->units;
    p.serial = 2;
    p.serial2 = 1;
    if ((c->units & CVN_FU_SYMMETRIC_SYNC) == 0) {
        p.serial = 1;
        p.serial2 = CVN_SERIAL_NONE;
    }
    good = good && world_request(1, &p) == CVN_OK && world_deliver(0, false);
    if (!good)
        world_blame("no session connection");
}

/* Which states go together when nothing is on its way; either way round. */
static bool pair_of_states(enum cvn_x225_state a, enum cvn_x225_state b)
{
    if (it.noise && a == CVN_STA20 && b == CVN_STA20)
        return true;
    static const uint8_t pairs[][2] = {
        {CVN_STA01, CVN_STA01},   {CVN_STA01C, CVN_STA01C}, {CVN_STA02A, CVN_STA08},
        {CVN_STA713, CVN_STA713}, {CVN_STA03, CVN_STA09},   {CVN_STA09, CVN_STA09},
        {CVN_STA04A, CVN_STA10A}, {CVN_STA04B, CVN_STA10B}, {CVN_STA05A, CVN_STA11A},
        {CVN_STA05B, CVN_STA11B}, {CVN_STA05C, CVN_STA11C}, {CVN_STA19, CVN_STA20},
        {CVN_STA21, CVN_STA22},   {CVN_STA16, CVN_STA16},
    };
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        if ((pairs[i][0] == a && pairs[i][1] == b) || (pairs[i][0] == b && pairs[i][1] == a))
            return true;
    }
    return false;
}

/* TIM runs while ABORT ACCEPT, the transport's disconnect or an announced ABORT is awaited. */
static void timer_judge(unsigned side)
{
    enum cvn_x225_state s = cvn_x225_state(it.peer[side].x);
    bool waits = s == CVN_STA01A || s == CVN_STA15D || s == CVN_STA16;
    bool runs = cvn_x225_deadline(it.peer[side].x) != CVN_NEVER;
    if (waits != runs && !it.ticked)
        world_blame("side %u: TIM %s in %s", side, runs ? "runs" : "does not run",
                    cvn_x225_state_name(s));
}

void world_judge(void)
{
    for (unsigned i = 0; i < 2; i++) {
        timer_judge(i);
        if (it.peer[i].x->ambiguous)
            world_blame("side %u: two rows of a cell are true", i);
    }
    if (it.wrong || !world_quiet())
        return;
    enum cvn_x225_state a = cvn_x225_state(it.peer[0].x);
    enum cvn_x225_state b = cvn_x225_state(it.peer[1].x);
    if (!pair_of_states(a, b))
        world_blame("nothing is on its way, in %s and %s", cvn_x225_state_name(a),
                    cvn_x225_state_name(b));
    else
        user_judge();
}
