/* SPDX-License-Identifier: MIT */
/*
 * fuzz_tsdu - any TSDUs to what takes SPDUs out of them. The first octet says what was
 * agreed: bit 1 version 2, bit 2 TSDU maximum, bit 3 extended concatenation, bit 4
 * memory fails every other time. Then TSDUs: an octet (bit 8 on the expedited flow,
 * bit 7 a purge before it, the rest how it is cut), two of length, the TSDU. What must
 * hold:
 *
 *   F1  whole, cut and octet by octet a TSDU gives the same events and faults.
 *   F2  between TSDUs nothing is allocated but the user data of an open SSDU, and
 *       in the end nothing at all.
 *   F3  without memory nothing is taken.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "proto/x225/tsdu.h"

#define SSDU_MAX 4096u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct run {
    struct cvn_alloc alloc;
    struct cvn_tsdu_in t;
    size_t live;
    unsigned calls;
    bool poor;
    uint64_t hash; /* of all events */
};

static void *run_resize(void *ctx, void *p, size_t from, size_t to)
{
    struct run *r = ctx;
    if (to > 0 && r->poor && r->calls++ % 2 == 0)
        return NULL;
    r->live += to;
    r->live -= from;
    if (to == 0) {
        free(p);
        return NULL;
    }
    return realloc(p, to);
}

static void mix(struct run *r, const void *p, size_t n)
{
    const uint8_t *at = p;
    for (size_t i = 0; i < n; i++)
        r->hash = (r->hash ^ at[i]) * UINT64_C(0x100000001b3);
}

static void mix_number(struct run *r, uint64_t v)
{
    mix(r, &v, sizeof v);
}

static void mix_octets(struct run *r, struct cvn_octets o)
{
    mix_number(r, o.n);
    mix(r, o.p, o.n);
}

static void mix_event(struct run *r, const struct cvn_tsdu_event *ev)
{
    const struct cvn_spdu *s = &ev->spdu;
    assert(ev->raw_len <= 16 && (ev->raw_len == 0 || ev->raw[0] == cvn_spdu_si(s->type)));
    if (s->type == CVN_SPDU_DT || s->type == CVN_SPDU_TD) { /* slices are no matter */
        assert(ev->info.n > 0 || ev->end);
        if (ev->begin)
            mix_number(r, s->type);
        mix(r, ev->info.p, ev->info.n);
        if (ev->end)
            mix_number(r, 1000);
        return;
    }
    assert(ev->begin && ev->end && ev->raw_len > 0);
    mix_number(r, s->type);
    mix_number(r, s->has);
    mix_number(r, s->serial);
    mix_number(r, s->token_item);
    mix_number(r, s->reason);
    mix_octets(r, s->user_data);
    mix_octets(r, s->activity);
    mix_octets(r, s->reflect);
    mix_octets(r, s->id.common);
    mix_octets(r, ev->info);
    mix(r, ev->raw, ev->raw_len);
}

static void feed(struct run *r, const uint8_t *in, size_t len, bool begin, bool end, bool expedited)
{
    int rc;
    do {
        struct cvn_tsdu_event ev;
        struct cvn_spdu_fault fault = {SIZE_MAX, NULL};
        size_t used = SIZE_MAX;
        rc = cvn_tsdu_in_feed(&r->t, in, len, begin, end, expedited, &used, &ev, &fault);
        assert(used <= len);
        if (rc == CVN_ENOMEM) {
            assert(r->poor && used == 0);
            continue;
        }
        if (rc == CVN_EVENT)
            mix_event(r, &ev);
        if (rc == CVN_EPROTO) {
            assert(fault.why != NULL && used == len);
            mix_number(r, fault.offset);
            mix(r, fault.why, strlen(fault.why));
        }
        in = used == 0 ? in : in + used;
        len -= used;
        begin = begin && rc == CVN_MORE;
    } while (rc != CVN_MORE);
    assert(len == 0);
}

static void feed_tsdu(struct run *r, const uint8_t *in, size_t len, unsigned control, size_t most)
{
    bool expedited = (control & 0x80) != 0;
    bool begin = true;
    if ((control & 0x40) != 0)
        cvn_tsdu_in_purge(&r->t);
    while (!expedited && most > 0 && len > 0) {
        size_t n = 1 + (control * 7 + len) % most;
        n = n < len ? n : len;
        feed(r, in, n, begin, false, false);
        begin = false;
        in += n;
        len -= n;
    }
    feed(r, in, len, begin, true, expedited);
    assert(r->live == 0 || r->t.join != NULL); /* F2 */
}

/* most: 0 whole, else the longest slice. */
static uint64_t run(const uint8_t *data, size_t size, size_t most)
{
    struct run r = {.poor = (data[0] & 8) != 0, .hash = UINT64_C(0xcbf29ce484222325)};
    r.alloc = (struct cvn_alloc){.resize = run_resize, .ctx = &r};
    cvn_tsdu_in_init(&r.t, &r.alloc, SSDU_MAX);
    r.t.version2 = (data[0] & 1) != 0;
    r.t.segmented = (data[0] & 2) != 0;
    r.t.extended = (data[0] & 4) != 0;
    for (size_t at = 1; size - at >= 3;) {
        unsigned control = data[at];
        size_t len = (size_t)data[at + 1] << 8 | data[at + 2];
        at += 3;
        len = len < size - at ? len : size - at;
        feed_tsdu(&r, data + at, len, control, most);
        at += len;
    }
    cvn_tsdu_in_fini(&r.t);
    assert(r.live == 0);
    return r.hash;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1)
        return 0;
    uint64_t whole = run(data, size, 0);
    assert(whole == run(data, size, 1)); /* F1 */
    assert(whole == run(data, size, 1 + data[0] / 4));
    return 0;
}
