/* SPDX-License-Identifier: MIT */
/*
 * fuzz_cotp - any octets to a COTP machine of either role (proto/cotp/seed.h says
 * what the first three are). What must hold, whatever comes:
 *
 *   F1  feed uses no more than it is given, and all of it unless there is an event
 *       or no memory.
 *   F2  the slices of a TSDU are in order: begin, then end, and none is empty but at
 *       the end; no TSDU is without octets.
 *   F3  an event's octets are readable (ASan judges) and stay so during requests.
 *   F4  after a DISCONNECT, indicated or requested, nothing comes any more and nothing can
 *       be asked for.
 *   F5  what is sent is whole packets, and nothing is sent but what may be.
 *   F6  the same octets in one part give the same end: all events and all that was
 *       sent are compared between the fuzzer's split and one octet at a time.
 */
#include <assert.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "proto/cotp/cotp.h"
#include "proto/cotp/seed.h"
#include "proto/tpkt/tpkt.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct memory {
    uint32_t drawn;
    bool poor;
};

struct run {
    struct memory memory;
    struct cvn_alloc alloc;
    struct cvn_cotp *c;
    unsigned bits;
    bool in_tsdu;
    size_t tsdu;
    bool over;
    uint64_t events; /* hashes, F6 */
    uint64_t octets; /* sent */
};

static void *memory_resize(void *ctx, void *p, size_t from, size_t to)
{
    struct memory *m = ctx;
    (void)from;
    if (to == 0) {
        free(p);
        return NULL;
    }
    /* Every second one or so: in turn, what takes two at once would never have both. */
    m->drawn = m->drawn * 1103515245u + 12345u;
    if (m->poor && (m->drawn >> 16 & 1u) == 0)
        return NULL;
    return realloc(p, to);
}

static void mix(uint64_t *hash, const void *p, size_t n)
{
    const uint8_t *at = p;
    for (size_t i = 0; i < n; i++)
        *hash = (*hash ^ at[i]) * 1099511628211u;
}

static void hash(struct run *r, const void *p, size_t n)
{
    mix(&r->events, p, n);
}

static void hash_number(struct run *r, uint64_t v)
{
    hash(r, &v, sizeof v);
}

/* F5. One packet at a time is asked for, so what is there is one or a few whole ones. */
static void sent(struct run *r)
{
    struct cvn_out *o = cvn_cotp_out(r->c);
    uint8_t head[CVN_TPKT_HEADER + 3];
    size_t in_packet = 0;
    uint32_t packet = 0;
    struct cvn_iov iov[1];
    while (cvn_out_iov(o, iov, 1) == 1) {
        const uint8_t *p = iov[0].base;
        for (size_t i = 0; i < iov[0].len; i++) {
            if (in_packet < sizeof head)
                head[in_packet] = p[i];
            in_packet++;
            if (in_packet == sizeof head) {
                packet = cvn_tpkt_length(head);
                assert(packet != 0);
                assert(strchr("\xe0\xd0\x80\x70\xf0\x10\xc0\x20", head[5]) != NULL && head[5] != 0);
            }
            if (in_packet == packet)
                in_packet = packet = 0;
        }
        mix(&r->octets, p, iov[0].len);
        cvn_out_sent(o, iov[0].len);
    }
    assert(in_packet == 0);
    cvn_cotp_trim(r->c);
}

static int again(int rc)
{
    return rc == CVN_ENOMEM;
}

static void answer(struct run *r)
{
    int rc = CVN_OK;
    if ((r->bits & COTP_SEED_SILENT) == COTP_SEED_SILENT)
        return;
    do
        rc = (r->bits & COTP_SEED_REFUSE) != 0 ? cvn_cotp_disconnect(r->c, CVN_DR_NORMAL)
                                               : cvn_cotp_accept(r->c);
    while (again(rc));
    assert(rc == CVN_OK);
    if ((r->bits & COTP_SEED_REFUSE) != 0)
        r->over = true;
}

static void hang_up(struct run *r)
{
    int rc = CVN_OK;
    do
        rc = cvn_cotp_disconnect(r->c, CVN_DR_NORMAL);
    while (again(rc));
    assert(rc == CVN_OK);
    r->over = true;
}

static void talk(struct run *r, const struct cvn_cotp_event *e)
{
    struct cvn_octets lent = {.p = (const uint8_t *)"0123456789abcdef", .n = 16};
    struct cvn_octets header = {.p = (const uint8_t *)"hd", .n = 2};
    bool end = e->data.n % 3 != 0 || e->kind != CVN_COTP_EV_DATA;
    int rc = CVN_OK;
    if ((r->bits & COTP_SEED_SILENT) != COTP_SEED_TALK || cvn_cotp_state(r->c) != CVN_COTP_OPEN)
        return;
    do
        rc = cvn_cotp_data(r->c, header, NULL, &lent, 1, end);
    while (again(rc));
    assert(rc == CVN_OK);
    do
        rc = cvn_cotp_expedited(r->c, header);
    while (again(rc));
    assert(rc == (cvn_cotp_has_expedited(r->c) ? CVN_OK : CVN_EUNIT));
    if (e->kind == CVN_COTP_EV_EXPEDITED)
        hash(r, e->data.p, e->data.n); /* F3 */
}

static void on_data(struct run *r, const struct cvn_cotp_event *e)
{
    assert(cvn_cotp_state(r->c) == CVN_COTP_OPEN);
    assert(e->begin == !r->in_tsdu);
    assert(e->data.n > 0 || e->end);
    r->tsdu = (e->begin ? 0 : r->tsdu) + e->data.n;
    r->in_tsdu = !e->end;
    hash(r, e->data.p, e->data.n);
    if (e->end) {
        assert(r->tsdu > 0);
        hash_number(r, r->tsdu);
        if ((r->bits & COTP_SEED_HANG_UP) != 0)
            hang_up(r);
    }
}

static void on_event(struct run *r, const struct cvn_cotp_event *e)
{
    assert(!r->over); /* F4 */
    if (e->kind == CVN_COTP_EV_DATA) {
        on_data(r, e);
        if (e->end)
            talk(r, e);
        return;
    }
    hash_number(r, (uint64_t)e->kind << 32 | e->reason);
    hash_number(r, (uint64_t)e->tpdu_max << 3 | (e->expedited ? 4u : 0u) | (e->local ? 2u : 0u) |
                       (e->error_tpdu ? 1u : 0u));
    hash(r, e->data.p, e->data.n);
    hash(r, e->calling.p, e->calling.n);
    hash(r, e->called.p, e->called.n);
    if (e->kind == CVN_COTP_EV_DISCONNECT) {
        assert(e->why != NULL);
        hash(r, e->why, strlen(e->why));
        r->over = true;
    } else if (e->kind == CVN_COTP_EV_CONNECT_IND) {
        assert((r->bits & COTP_SEED_INITIATOR) == 0);
        answer(r);
    } else {
        assert(e->kind != CVN_COTP_EV_EXPEDITED || (e->data.n >= 1 && e->data.n <= 16));
        talk(r, e);
    }
}

static void feed(struct run *r, const uint8_t *p, size_t n)
{
    uint8_t *in = malloc(n); /* alone, so that ASan sees a read past it */
    assert(in != NULL);
    memcpy(in, p, n);
    for (size_t at = 0; at < n;) {
        struct cvn_cotp_event e;
        size_t used = 0;
        int rc = cvn_cotp_feed(r->c, in + at, n - at, &used, &e);
        assert(used <= n - at); /* F1 */
        at += used;
        if (rc == CVN_EVENT)
            on_event(r, &e);
        else if (rc == CVN_ENOMEM)
            assert(r->memory.poor);
        else
            assert(at == n && rc == (cvn_cotp_closing(r->c) ? CVN_ECLOSED : CVN_MORE));
        assert(r->over || !cvn_cotp_closing(r->c));
        assert(!r->over || cvn_cotp_expedited(r->c, (struct cvn_octets){in, 1}) == CVN_ESTATE);
    }
    sent(r);
    free(in);
}

static struct cvn_cotp *make(struct run *r)
{
    static const uint8_t tsel[] = {0, 1};
    struct cvn_cotp_opts o = {
        .alloc = &r->alloc,
        .initiator = (r->bits & COTP_SEED_INITIATOR) != 0,
        .reference = 1,
        .calling = {.p = tsel, .n = 2},
        .expedited = (r->bits & COTP_SEED_EXPEDITED) != 0,
        .tpdu_max = (r->bits & COTP_SEED_SMALL) != 0   ? 1024
                    : (r->bits & COTP_SEED_UNITS) != 0 ? 1408
                                                       : 0,
        .lenient = (r->bits & COTP_SEED_LENIENT) != 0,
        .acknowledged = (r->bits & COTP_SEED_ACKNOWLEDGED) != 0,
        .classes = (uint8_t)(r->bits / COTP_SEED_CLASSES % 4),
    };
    struct cvn_cotp *c = NULL;
    while (again(cvn_cotp_new(&c, &o)))
        continue;
    assert(c != NULL);
    return c;
}

static void close_stream(struct run *r)
{
    struct cvn_cotp_event e;
    bool begun = cvn_cotp_state(r->c) != CVN_COTP_CLOSED;
    int rc = cvn_cotp_stream_closed(r->c, &e);
    assert(rc == (r->over || !begun ? CVN_NONE : CVN_EVENT));
    if (rc == CVN_EVENT)
        on_event(r, &e);
    assert(cvn_cotp_closing(r->c));
    assert(cvn_cotp_connect(r->c) == CVN_ESTATE && cvn_cotp_accept(r->c) == CVN_ESTATE);
    assert(cvn_cotp_disconnect(r->c, CVN_DR_NORMAL) == CVN_ESTATE);
}

/* split 0: all at once; else parts of 1 to split octets in turn. */
static uint64_t run(const uint8_t *p, size_t n, unsigned bits, size_t split)
{
    struct run r = {.bits = bits, .events = 14695981039346656037u};
    r.memory.poor = (bits & COTP_SEED_POOR) != 0;
    r.alloc = (struct cvn_alloc){.resize = memory_resize, .ctx = &r.memory};
    r.c = make(&r);
    if ((bits & COTP_SEED_INITIATOR) != 0) {
        int rc = CVN_OK;
        do
            rc = cvn_cotp_connect(r.c);
        while (again(rc));
        assert(rc == CVN_OK);
        sent(&r);
        if ((bits & COTP_SEED_HANG_UP) != 0)
            hang_up(&r);
    }
    for (size_t part = 1; n > 0; part = part < split ? part + 1 : 1) {
        size_t take = split == 0 || part > n ? n : part;
        feed(&r, p, take);
        p += take;
        n -= take;
    }
    close_stream(&r);
    sent(&r);
    cvn_cotp_free(r.c);
    return r.events ^ r.octets << 1;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < COTP_SEED_HEADER)
        return 0;
    unsigned bits = data[0] | (unsigned)data[1] << 8;
    uint64_t a = run(data + COTP_SEED_HEADER, size - COTP_SEED_HEADER, bits, data[2]);
    /* With talk or poor memory what is sent depends on the slices. */
    if ((bits & (COTP_SEED_TALK | COTP_SEED_POOR)) == 0) {
        uint64_t b = run(data + COTP_SEED_HEADER, size - COTP_SEED_HEADER, bits, 1);
        assert(a == b); /* F6 */
    }
    return 0;
}
