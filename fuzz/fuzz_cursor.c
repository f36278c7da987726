/* SPDX-License-Identifier: MIT */
/*
 * The read cursor against the plainest model of itself: an index that is asked
 * before each read. The first half of the input says what is read, the second is it.
 */
#include <assert.h>
#include <stdint.h>

#include "base/rd.h"

int LLVMFuzzerTestOneInput(const uint8_t *in, size_t size);

static uint64_t model_read(const uint8_t *p, size_t len, size_t *at, size_t n, bool *bad)
{
    uint64_t v = 0;
    if (*bad || len - *at < n) {
        *bad = true;
        return 0;
    }
    for (size_t i = 0; i < n; i++)
        v = v << 8 | p[(*at)++];
    return v;
}

static uint64_t cursor_read(struct cvn_rd *r, size_t n)
{
    switch (n) {
    case 1:
        return cvn_rd_u8(r);
    case 2:
        return cvn_rd_be16(r);
    case 4:
        return cvn_rd_be32(r);
    default:
        return cvn_rd_be64(r);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *in, size_t size)
{
    size_t steps = size / 2;
    const uint8_t *p = in + steps;
    size_t len = size - steps;
    struct cvn_rd r = cvn_rd_init(p, len);
    size_t at = 0;
    bool bad = false;
    for (size_t i = 0; i < steps; i++) {
        size_t n = (size_t)1 << (in[i] & 3);
        if ((in[i] & 4) != 0) {
            struct cvn_rd sub = cvn_rd_sub(&r, n);
            bool was = bad;
            (void)model_read(p, len, &at, n, &bad);
            assert(sub.bad == bad && cvn_rd_left(&sub) == (bad ? 0 : n));
            assert(was || bad || sub.at == p + at - n);
        } else if (n < 8 || cvn_rd_left(&r) >= 8) { /* be64 is two reads, and may take the first */
            uint64_t v = model_read(p, len, &at, n, &bad);
            assert(cursor_read(&r, n) == v);
        }
        assert(r.bad == bad && cvn_rd_left(&r) == len - at);
    }
    return 0;
}
