/* SPDX-License-Identifier: MIT */
/*
 * srv - where a session service is, as DNS says: SRV records (RFC 2782) out of an answer (RFC 1035),
 * and the order in which they are to be tried. No look-up is made here.
 */
#ifndef CVN_SESSION_SRV_H
#define CVN_SESSION_SRV_H

#include <stddef.h>
#include <stdint.h>

#include "convene/err.h"

#define CVN_SRV_MAX  16u  /* records used of an answer */
#define CVN_SRV_NAME 256u /* a name as text with its zero */

struct cvn_srv {
    uint16_t priority;
    uint16_t weight;
    uint16_t port;
    char target[CVN_SRV_NAME]; /* without the dot at its end */
};

/* The SRV records of an answer, at most CVN_SRV_MAX, as they stand. Any octets may be given.
 *   CVN_OK        *n of them, at least one
 *   CVN_ENOTFOUND there is no such record, or no such name
 *   CVN_EPERM     the record says that there is no such service there (its target is the root)
 *   CVN_EPROTO    it is no answer, is cut short, or refuses */
int cvn_srv_parse(const uint8_t *answer, size_t len, struct cvn_srv out[CVN_SRV_MAX],
                  size_t *n) CVN_MUST_USE;

/* Into the order of RFC 2782: by priority, and among equals at random by weight. random gives a number
 * from 0 to below - 1. */
void cvn_srv_order(struct cvn_srv *all, size_t n, uint32_t (*random)(void *ctx, uint32_t below),
                   void *ctx);

#endif
