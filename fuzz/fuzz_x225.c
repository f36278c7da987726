/* SPDX-License-Identifier: MIT */
/*
 * fuzz_x225 - any TSDUs, requests, transport events and time to one session protocol
 * machine (proto/x225/seed.h says how they stand in the input). What must hold:
 *
 *   F1  feed uses no more than it is given, and all of it when it wants more.
 *   F2  slices of an SSDU are in order: first, middle, last.
 *   F3  what an event points at is readable (ASan judges).
 *   F4  what is sent is SPDUs that the decoder takes, in the places of 6.3.7, and
 *       expedited TSDUs are of 16 octets at most.
 *   F5  no two rows of a cell are true; in STA01 and STA01C there are no units.
 *   F6  every owner of lent octets is let go, all memory is given back.
 *   F7  a request that is refused changes nothing that can be seen.
 */
#include <assert.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "proto/x225/machine.h"
#include "proto/x225/seed.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct memory {
    size_t held;
    unsigned count;
    bool poor;
};

struct run {
    struct memory memory;
    struct cvn_alloc alloc;
    struct cvn_ref owner;
    unsigned let_go;
    struct cvn_x225 *x;
    bool expedited;
    bool ssdu; /* an SSDU is coming in */
    uint8_t tsdu[70000];
    size_t tsdu_len;
    cvn_time now;
};

static struct run r;
static volatile uint8_t sink;

static void *resize(void *ctx, void *p, size_t from, size_t to)
{
    struct memory *m = ctx;
    if (to == 0) {
        m->held -= from;
        free(p);
        return NULL;
    }
    if (m->poor && m->count++ % 3 == 2)
        return NULL;
    void *q = realloc(p, to);
    if (q != NULL)
        m->held += to - from;
    return q;
}

static void let_go(struct cvn_ref *ref)
{
    (void)ref;
    r.let_go++;
}

static void touch(struct cvn_octets o)
{
    for (size_t i = 0; i < o.n; i++)
        sink ^= o.p[i];
}

static void look(const struct cvn_x225_prim *ev)
{
    const struct cvn_octets all[] = {ev->data,       ev->calling,      ev->called,
                                     ev->id.calling, ev->id.called,    ev->id.common,
                                     ev->activity,   ev->old_activity, ev->reflected};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) /* F3 */
        touch(all[i]);
    assert(ev->type == CVN_INDICATION || ev->type == CVN_CONFIRM);
    if (ev->service == CVN_S_DATA || ev->service == CVN_S_TYPED_DATA) { /* F2 */
        assert(ev->begin || r.ssdu);
        r.ssdu = !ev->end;
    }
}

/* F4 */
static void judge_tsdu(const uint8_t *p, size_t n)
{
    struct cvn_spdu s;
    struct cvn_spdu_fault fault;
    bool first = true;
    bool more = true;
    if (n == 0) /* the end of a TSDU that a purge has cut short */
        return;
    while (more) {
        size_t len = cvn_spdu_header_length(p, n);
        assert(len > 0 && len <= n);
        int rc = cvn_spdu_decode(&s, p, len, first, &fault);
        assert(rc == CVN_OK);
        bool information = cvn_spdu_has_information(s.type);
        p += len;
        n -= len;
        assert(n == 0 || information || cvn_spdu_category(s.type) == (first ? 0 : 2));
        assert(first || cvn_spdu_category(s.type) == 2);
        more = n > 0 && !information;
        first = false;
    }
}

static void drain(void)
{
    struct cvn_x225_out o;
    while (cvn_x225_out(r.x, &o) == CVN_EVENT) {
        if (o.kind == CVN_X225_T_DATA) {
            touch(o.data);
            for (int i = 0; i < 2; i++) {
                struct cvn_octets part = i == 0 ? o.header : o.data;
                if (part.n <= sizeof r.tsdu - r.tsdu_len && part.n > 0) {
                    memcpy(r.tsdu + r.tsdu_len, part.p, part.n);
                    r.tsdu_len += part.n;
                }
            }
            if (o.end) {
                judge_tsdu(r.tsdu, r.tsdu_len);
                r.tsdu_len = 0;
            }
        } else if (o.kind == CVN_X225_T_EXPEDITED) {
            assert(o.header.n + o.data.n <= X225_EXPEDITED);
            judge_tsdu(o.header.p, o.header.n);
        } else {
            r.tsdu_len = 0;
        }
        cvn_x225_out_done(r.x);
    }
}

static void take_due(void)
{
    struct cvn_x225_prim ev;
    while (cvn_x225_next(r.x, &ev, r.now) == CVN_EVENT)
        look(&ev);
}

static void feed_slice(const uint8_t *p, size_t n, bool begin, bool end, bool expedited)
{
    struct cvn_x225_prim ev;
    unsigned tries = 0;
    for (;;) {
        size_t used = SIZE_MAX;
        int rc = cvn_x225_feed(r.x, p, n, begin, end, expedited, &used, &ev, r.now);
        assert(used <= n); /* F1 */
        p += used;
        n -= used;
        begin = begin && used == 0;
        if (rc == CVN_EVENT) {
            look(&ev);
        } else if (rc == CVN_FULL) {
            drain();
        } else if (rc == CVN_ENOMEM) {
            assert(r.memory.poor && tries++ < 100);
        } else {
            assert(rc == CVN_MORE && n == 0);
            return;
        }
    }
}

static void feed(const uint8_t *p, size_t n, unsigned flags)
{
    bool expedited = (flags & X225_SEED_EXPEDITED) != 0;
    size_t step = (flags & X225_SEED_OCTETS) != 0 && !expedited ? 1 : n;
    uint8_t *own = malloc(n + 1);
    size_t at = 0;
    assert(own != NULL);
    if (n > 0)
        memcpy(own, p, n);
    do {
        size_t len = n - at < step ? n - at : step;
        feed_slice(own + at, len, at == 0, at + len == n, expedited);
        at += len;
    } while (at < n);
    free(own);
}

static bool same_numbers(const struct cvn_x225_vars *a, const struct cvn_x225_vars *b)
{
    return a->va == b->va && a->vm == b->vm && a->vr == b->vr && a->var == b->var &&
           a->vmr == b->vmr && a->vrr == b->vrr && a->queued == b->queued;
}

static bool same_flags(const struct cvn_x225_vars *a, const struct cvn_x225_vars *b)
{
    return a->vact == b->vact && a->vnextact == b->vnextact && a->vsc == b->vsc &&
           a->vcoll == b->vcoll && a->vdnr == b->vdnr && a->vtrr == b->vtrr && a->vtca == b->vtca;
}

static bool same(const struct cvn_x225_vars *a, const struct cvn_x225_vars *b)
{
    return a->state == b->state && a->units == b->units && a->version == b->version &&
           a->tokens_owned == b->tokens_owned && same_numbers(a, b) && same_flags(a, b);
}

static void ask(uint8_t service, struct cvn_rd *rd)
{
    static const uint8_t octets[20000] = {'o'};
    struct cvn_x225_prim q;
    struct cvn_x225_vars before;
    struct cvn_x225_vars after;
    cvn_x225_prim_init(&q, (enum cvn_x225_service)service, (enum cvn_x225_type)(cvn_rd_u8(rd) & 3));
    q.units = cvn_rd_be16(rd);
    q.serial = cvn_rd_u8(rd);
    q.serial2 = cvn_rd_u8(rd);
    q.tokens = cvn_rd_u8(rd);
    q.token_setting = cvn_rd_u8(rd);
    q.resync = cvn_rd_u8(rd);
    q.resync2 = cvn_rd_u8(rd);
    q.result = cvn_rd_u8(rd);
    q.reason = cvn_rd_u8(rd);
    unsigned flags = cvn_rd_u8(rd);
    size_t n = cvn_rd_u8(rd);
    q.has_token_setting = (flags & 1) != 0;
    q.keep = (flags & 2) != 0;
    q.optional = (flags & 4) != 0;
    q.separation = (flags & 8) != 0;
    q.begin = (flags & 16) != 0;
    q.end = (flags & 32) != 0;
    q.more = (flags & 128) != 0;
    q.data = (struct cvn_octets){octets, n == 255 ? sizeof octets : n};
    q.activity = (struct cvn_octets){octets, 1};
    q.old_activity = (struct cvn_octets){octets, 6};
    if ((flags & 64) != 0) {
        q.owner = &r.owner;
        q.tsdu_max_initiator = 64;
        q.tsdu_max_responder = 70;
    }
    if (rd->bad)
        return;
    cvn_x225_vars(r.x, &before);
    unsigned refs = r.owner.refs;
    int rc = cvn_x225_request(r.x, &q, r.now);
    cvn_x225_vars(r.x, &after);
    if (rc != CVN_OK) { /* F7 */
        assert(same(&before, &after));
        assert(refs == r.owner.refs);
    }
}

static void transport(unsigned what)
{
    int rc = CVN_OK;
    if (what == X225_SEED_ACCEPT || what == X225_SEED_UP) {
        rc = cvn_x225_transport_up(r.x, what == X225_SEED_ACCEPT, r.expedited, r.now);
    } else if (what == X225_SEED_DOWN) {
        rc = cvn_x225_transport_down(r.x, r.now);
        r.tsdu_len = 0;
    } else {
        cvn_time t = cvn_x225_deadline(r.x);
        r.now = t == CVN_NEVER ? r.now + 1 : t;
        cvn_x225_tick(r.x, r.now);
    }
    assert(rc == CVN_OK || rc == CVN_ESTATE);
}

static void step(struct cvn_rd *rd)
{
    uint8_t kind = cvn_rd_u8(rd);
    if ((kind & X225_SEED_KIND) == X225_SEED_TSDU) {
        size_t n = cvn_rd_be16(rd);
        n = n > cvn_rd_left(rd) ? cvn_rd_left(rd) : n;
        feed(cvn_rd_bytes(rd, n), n, kind);
    } else if ((kind & X225_SEED_KIND) == X225_SEED_REQUEST) {
        ask(kind & 0x3fu, rd);
    } else {
        transport(kind & 3u);
    }
    take_due();
    if ((kind & X225_SEED_HOLD) == 0 || (kind & X225_SEED_KIND) != X225_SEED_TSDU)
        drain();
    assert(!r.x->ambiguous); /* F5 */
    assert(r.x->units == 0 || (r.x->state != CVN_STA01 && r.x->state != CVN_STA01C));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct cvn_rd rd = cvn_rd_init(data, size);
    unsigned options = cvn_rd_u8(&rd);
    (void)cvn_rd_u8(&rd);
    memset(&r, 0, sizeof r);
    r.alloc = (struct cvn_alloc){.resize = resize, .ctx = &r.memory};
    r.owner = (struct cvn_ref){.refs = 1, .drop = let_go};
    r.expedited = (options & X225_SEED_TEXP) != 0;
    struct cvn_x225_opts o = {
        .alloc = &r.alloc,
        .reuse = (options & X225_SEED_REUSE) != 0,
        .error_report = (options & X225_SEED_REPORT) != 0,
        .extended = (options & X225_SEED_EXTENDED) != 0,
        .tsdu_max_send = (options & X225_SEED_SMALL) != 0 ? 100 : 0,
        .tsdu_max_receive = (options & X225_SEED_SMALL) != 0 ? 100 : 0,
        .ssdu_bytes_max = 50000,
    };
    if (cvn_x225_new(&r.x, &o) != CVN_OK)
        return 0;
    r.memory.poor = (options & X225_SEED_POOR) != 0;
    while (!rd.bad && cvn_rd_left(&rd) > 0)
        step(&rd);
    cvn_x225_free(r.x);
    cvn_ref_drop(&r.owner);
    assert(r.let_go == 1 && r.memory.held == 0); /* F6 */
    return 0;
}
