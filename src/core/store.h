/* SPDX-License-Identifier: MIT */
/*
 * store - what a pure layer asks of a store: "keep these, tell me when they are
 * durable". Keys and values are octets; a put of several is all or nothing.
 */
#ifndef CVN_CORE_STORE_H
#define CVN_CORE_STORE_H

#include <stdbool.h>
#include <stddef.h>

#include "convene/err.h"
#include "convene/octets.h"

#define CVN_STORE_KEY_MAX   64u
#define CVN_STORE_VALUE_MAX 65536u

/* Waits for the outcome of one operation outside. The owner keeps it in place
 * while pending; done is called once, later, never from inside the call that
 * began the operation, with CVN_OK or a negative code. */
struct cvn_wait {
    void (*done)(struct cvn_wait *w, int rc);
    bool pending;
    struct cvn_wait *next; /* the operator's, while pending */
};

struct cvn_store_put {
    struct cvn_octets key;
    struct cvn_octets value; /* .p == NULL: the key is deleted */
    bool prefix;             /* deleting: every key that begins with key */
};

struct cvn_store_ops {
    /* Copies and queues; w->done tells when all are durable (CVN_OK) or that none is
     * (CVN_EIO, CVN_ENOMEM). Puts become durable in the order they were made.
     * CVN_OK: w is pending. CVN_ENOMEM: it is not, nothing was queued. */
    int (*put)(void *self, const struct cvn_store_put *puts, size_t n, struct cvn_wait *w);
    /* Calls each for every durable key that begins with prefix, in the order of keys, until
     * it returns non-zero, which is then returned. May block. CVN_OK, CVN_EIO, CVN_ECORRUPT
     * (a record fails its checksum: it is passed over, the others are still given). */
    int (*scan)(void *self, struct cvn_octets prefix,
                int (*each)(void *arg, struct cvn_octets key, struct cvn_octets value), void *arg);
};

struct cvn_store {
    const struct cvn_store_ops *ops;
    void *self;
};

#endif
