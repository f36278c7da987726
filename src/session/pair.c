/* SPDX-License-Identifier: MIT */
/* pair - what names an activity: the references of a connection, and an identifier on it. */
#include <assert.h>
#include <string.h>

#include "session/receive_i.h"

static void pair_add(struct pair *p, struct cvn_octets o)
{
    assert((size_t)p->len + 1 + o.n <= PAIR_MAX);
    p->octets[p->len++] = (uint8_t)o.n;
    if (o.n > 0)
        memcpy(p->octets + p->len, o.p, o.n);
    p->len = (uint8_t)(p->len + o.n);
}

struct pair cvn_pair_of(const struct cvn_x225_connection_id *id)
{
    struct pair p = {.len = 0};
    pair_add(&p, id->calling);
    pair_add(&p, id->common);
    pair_add(&p, id->additional);
    return p;
}

struct pair cvn_pair_with(struct pair p, struct cvn_octets activity)
{
    pair_add(&p, activity);
    return p;
}

/* A stranger's activity is called by its references, in hexadecimal. */
size_t cvn_pair_name(uint8_t *out, struct cvn_octets ref, struct cvn_octets id)
{
    static const char hex[] = "0123456789abcdef";
    size_t n = 0;
    for (size_t i = 0; i < ref.n; i++) {
        out[n++] = (uint8_t)hex[ref.p[i] >> 4];
        out[n++] = (uint8_t)hex[ref.p[i] & 15];
    }
    out[n++] = '-';
    for (size_t i = 0; i < id.n; i++) {
        out[n++] = (uint8_t)hex[id.p[i] >> 4];
        out[n++] = (uint8_t)hex[id.p[i] & 15];
    }
    return n;
}
