/* SPDX-License-Identifier: MIT */
/*
 * fuzz_watch - what a capture may hold. The first octet says what follows: 0 TSDUs, 1 pieces of two
 * streams, else packets of that link layer. Then records: an octet (1: the side; 2: expedited; 4: a gap;
 * 8: closed, 16: reset), a length of two octets, octets. What must hold:
 *
 *   F1  feed uses no more than it is given, and all of it when it wants more.
 *   F2  what an event points at is readable (ASan judges); sides, types and states are in range.
 *   F3  TCP gives each octet once: no more than the records held.
 *   F4  all memory is given back, also when some of it is refused (every third, with octet 1 of 128
 *       and over).
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/rd.h"
#include "session/watch.h"
#include "session/watch_tcp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct memory {
    size_t held;
    unsigned count;
    bool poor;
};

static volatile uint8_t sink;

static void *resize(void *ctx, void *p, size_t from, size_t to)
{
    struct memory *m = ctx;
    if (to == 0) {
        m->held -= from;
        free(p);
        return NULL;
    }
    if (m->poor && m->count++ % 97 == 96)
        return NULL;
    void *q = realloc(p, to);
    if (q == NULL)
        return NULL;
    if (to > from)
        memset((uint8_t *)q + from, 0, to - from);
    m->held += to - from;
    return q;
}

static void touch(struct cvn_octets o)
{
    for (size_t i = 0; i < o.n; i++)
        sink ^= o.p[i];
}

static void look(const struct cvn_watch_event *ev)
{
    assert(ev->side < 2 && ev->type <= CVN_SPDU_TYPES);
    assert(ev->state[0] <= CVN_WATCH_STATE_UNKNOWN && ev->state[1] <= CVN_WATCH_STATE_UNKNOWN);
    assert(!ev->known || ev->type < CVN_SPDU_TYPES);
    assert(!ev->has_prim || ev->service < CVN_S_SERVICES);
    assert(ev->kind != CVN_WATCH_FINDING || (ev->what != NULL && strlen(ev->detail) < 96));
    touch(ev->raw);
    touch(ev->info);
    touch(ev->tpdu.calling);
    touch(ev->tpdu.called);
    touch(ev->tpdu.extra);
}

static void drain(struct cvn_watch *w)
{
    struct cvn_watch_event ev;
    while (cvn_watch_next(w, &ev) == CVN_EVENT)
        look(&ev);
}

static void feed(struct cvn_watch *w, unsigned side, const uint8_t *p, size_t n)
{
    struct cvn_watch_event ev;
    size_t done = 0;
    for (;;) {
        size_t used = 0;
        int rc = cvn_watch_feed(w, side, p + done, n - done, &used, &ev);
        assert(used <= n - done);
        done += used;
        if (rc != CVN_EVENT) {
            assert(rc == CVN_ENOMEM || done == n);
            return;
        }
        look(&ev);
    }
}

/* A copy of its own, so that a sanitizer sees what is read beyond it. */
static uint8_t *own(const uint8_t *p, size_t n)
{
    uint8_t *q = malloc(n + 1);
    assert(q != NULL);
    if (n > 0)
        memcpy(q, p, n);
    return q;
}

struct packets {
    struct watch_tcp *tcp;
    size_t in;
    size_t out;
};

static void packet(struct packets *k, struct cvn_watch *w, const struct cvn_alloc *a, int link,
                   const uint8_t *p, size_t n, bool finish)
{
    struct watch_segment s;
    struct watch_piece piece;
    if (cvn_watch_segment_of(link, p, n, n, &s) == WATCH_PACKET_TCP) {
        assert(s.captured <= n && s.captured <= s.octets);
        touch((struct cvn_octets){s.data, s.captured});
        if (k->tcp == NULL && cvn_watch_tcp_new(&k->tcp, a, &s) != CVN_OK)
            return;
        int side = cvn_watch_tcp_side(k->tcp, &s);
        k->in += s.captured;
        if (side >= 0)
            (void)!cvn_watch_tcp_take(k->tcp, (unsigned)side, &s);
    }
    for (unsigned side = 0; k->tcp != NULL && side < 2; side++) {
        while (cvn_watch_tcp_next(k->tcp, side, finish, &piece) == CVN_EVENT) {
            if (piece.kind == WATCH_GAP)
                cvn_watch_gap(w, side, piece.n);
            else if (piece.kind == WATCH_DATA)
                feed(w, side, piece.data, piece.n);
            else
                cvn_watch_closed(w, side, piece.kind == WATCH_RESET);
            k->out += piece.kind == WATCH_DATA ? piece.n : 0;
            drain(w);
        }
    }
    assert(k->out <= k->in); /* F3 */
}

static void record(struct cvn_watch *w, uint8_t mode, uint8_t how, const uint8_t *p, size_t n)
{
    unsigned side = how & 1u;
    if ((how & 4u) != 0)
        cvn_watch_gap(w, side, n);
    else if ((how & 24u) != 0)
        cvn_watch_closed(w, side, (how & 16u) != 0);
    else if (mode == 1)
        feed(w, side, p, n);
    else
        (void)!cvn_watch_tsdu(w, side, p, n, (how & 2u) != 0);
    drain(w);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const int links[] = {0, 1, 101, 108, 113, 276};
    struct cvn_rd rd = cvn_rd_init(data, size);
    uint8_t first = cvn_rd_u8(&rd);
    uint8_t mode = first & 127u;
    struct memory m = {.poor = first >= 128};
    struct cvn_alloc a = {resize, &m};
    struct cvn_watch_opts opts = {.alloc = &a, .tsdus = mode == 0, .expedited = true};
    struct packets k = {.tcp = NULL};
    struct cvn_watch *w;
    if (size == 0 || cvn_watch_new(&w, &opts) != CVN_OK)
        return 0;
    while (cvn_rd_left(&rd) > 3) {
        uint8_t how = cvn_rd_u8(&rd);
        size_t n = cvn_rd_be16(&rd);
        n = n < cvn_rd_left(&rd) ? n : cvn_rd_left(&rd);
        uint8_t *p = own(cvn_rd_bytes(&rd, n), n);
        if (mode < 2)
            record(w, mode, how, p, n);
        else
            packet(&k, w, &a, links[mode % 6], p, n, cvn_rd_left(&rd) <= 3);
        free(p);
    }
    cvn_watch_tcp_free(k.tcp);
    cvn_watch_free(w);
    assert(m.held == 0); /* F4 */
    return 0;
}
