/* SPDX-License-Identifier: MIT */
/* wr - the checked cursor that writes: past the end it sets bad and writes nothing more. */
#ifndef CVN_BASE_WR_H
#define CVN_BASE_WR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct cvn_wr {
    uint8_t *buf;
    size_t cap;
    size_t len;
    bool bad;
};

static inline struct cvn_wr cvn_wr_init(uint8_t *buf, size_t cap)
{
    return (struct cvn_wr){.buf = buf, .cap = cap, .len = 0, .bad = false};
}

/* Room for n octets, or NULL and bad. */
static inline uint8_t *cvn_wr_room(struct cvn_wr *w, size_t n)
{
    if (w->bad || w->cap - w->len < n) {
        w->bad = true;
        return NULL;
    }
    uint8_t *p = w->buf + w->len;
    w->len += n;
    return p;
}

static inline void cvn_wr_bytes(struct cvn_wr *w, const void *p, size_t n)
{
    uint8_t *to = cvn_wr_room(w, n);
    if (to != NULL && n > 0)
        memcpy(to, p, n);
}

static inline void cvn_wr_u8(struct cvn_wr *w, uint8_t v)
{
    uint8_t *to = cvn_wr_room(w, 1);
    if (to != NULL)
        to[0] = v;
}

static inline void cvn_wr_be16(struct cvn_wr *w, uint16_t v)
{
    uint8_t *to = cvn_wr_room(w, 2);
    if (to != NULL) {
        to[0] = (uint8_t)(v >> 8);
        to[1] = (uint8_t)v;
    }
}

static inline void cvn_wr_be32(struct cvn_wr *w, uint32_t v)
{
    cvn_wr_be16(w, (uint16_t)(v >> 16));
    cvn_wr_be16(w, (uint16_t)v);
}

static inline void cvn_wr_be64(struct cvn_wr *w, uint64_t v)
{
    cvn_wr_be32(w, (uint32_t)(v >> 32));
    cvn_wr_be32(w, (uint32_t)v);
}

#endif
