/* SPDX-License-Identifier: MIT */
/*
 * rd - the checked cursor over octets from outside: the only code that indexes
 * them. A read past the end sets bad, returns zeros, and stays bad; so a decoder
 * reads on and asks once.
 */
#ifndef CVN_BASE_RD_H
#define CVN_BASE_RD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct cvn_rd {
    const uint8_t *at;
    const uint8_t *end;
    bool bad;
};

static inline struct cvn_rd cvn_rd_init(const uint8_t *p, size_t n)
{
    return (struct cvn_rd){.at = p, .end = n == 0 ? p : p + n, .bad = false};
}

static inline size_t cvn_rd_left(const struct cvn_rd *r)
{
    return (size_t)(r->end - r->at);
}

/* NULL, and bad, if fewer than n are left. n == 0 gives the current place. */
static inline const uint8_t *cvn_rd_bytes(struct cvn_rd *r, size_t n)
{
    const uint8_t *p = r->at;
    if (r->bad || cvn_rd_left(r) < n) {
        r->bad = true;
        return NULL;
    }
    if (n > 0)
        r->at += n;
    return p;
}

static inline void cvn_rd_skip(struct cvn_rd *r, size_t n)
{
    (void)cvn_rd_bytes(r, n);
}

static inline uint8_t cvn_rd_u8(struct cvn_rd *r)
{
    const uint8_t *p = cvn_rd_bytes(r, 1);
    return p == NULL ? 0 : p[0];
}

static inline uint16_t cvn_rd_be16(struct cvn_rd *r)
{
    const uint8_t *p = cvn_rd_bytes(r, 2);
    if (p == NULL)
        return 0;
    return (uint16_t)(p[0] << 8 | p[1]);
}

static inline uint32_t cvn_rd_be32(struct cvn_rd *r)
{
    const uint8_t *p = cvn_rd_bytes(r, 4);
    return p == NULL ? 0 : (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static inline uint64_t cvn_rd_be64(struct cvn_rd *r)
{
    uint64_t high = cvn_rd_be32(r);
    return high << 32 | cvn_rd_be32(r);
}

/* A cursor over the next n octets, which the outer one passes. */
static inline struct cvn_rd cvn_rd_sub(struct cvn_rd *r, size_t n)
{
    const uint8_t *p = cvn_rd_bytes(r, n);
    struct cvn_rd sub = cvn_rd_init(p, p == NULL ? 0 : n);
    sub.bad = p == NULL && r->bad;
    return sub;
}

#endif
