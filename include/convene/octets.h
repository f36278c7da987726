/* SPDX-License-Identifier: MIT */
/*
 * Octets that belong to somebody else, and the counted owner of octets that are
 * lent to the library until they have been sent.
 */
#ifndef CONVENE_OCTETS_H
#define CONVENE_OCTETS_H

#include <stddef.h>
#include <stdint.h>

#include "convene/err.h"

#ifdef __cplusplus
extern "C" {
#endif

struct cvn_octets {
    const uint8_t *p; /* may be NULL if n == 0 */
    size_t n;
};

/* Laid out as POSIX's struct iovec, without its header. */
struct cvn_iov {
    const void *base;
    size_t len;
};

/* First member of whatever owns lent octets. The library holds it while it
 * needs them; the holder of the last reference calls drop. Not thread-safe. */
struct cvn_ref {
    uint32_t refs;
    void (*drop)(struct cvn_ref *ref);
};

/* NULL is fine in both. */
CVN_API void cvn_ref_hold(struct cvn_ref *ref);
CVN_API void cvn_ref_drop(struct cvn_ref *ref);

#ifdef __cplusplus
}
#endif
#endif
