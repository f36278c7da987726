/* SPDX-License-Identifier: MIT */
/*
 * out - what an engine has still to send: a queue of pieces, each either a few
 * octets of its own or a reference into octets that somebody lent. User data is
 * never copied here; the caller takes an iovec for one writev and says how much
 * of it went.
 *
 * Pieces make units. A bulk unit is overtaken by an urgent one as long as none of
 * its octets has been sent; a queue that is held gives out neither (expedited data of
 * transport protocols, with or without acknowledgement).
 *
 * Invariants
 *   I1  no piece is empty.
 *   I2  a piece with an owner holds one reference on it until it has been sent.
 *   I3  octets == the sum of the pieces' lengths less what has gone of the first.
 *   I4  of what has not begun to go, urgent units stand before bulk ones.
 */
#ifndef CVN_CORE_OUT_H
#define CVN_CORE_OUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "convene/alloc.h"
#include "convene/octets.h"

#define CVN_OUT_INLINE 40u

/* What a piece begins. */
enum cvn_out_mark {
    CVN_OUT_FIRM, /* it goes on with the unit before it, or begins one that nothing may overtake */
    CVN_OUT_URGENT, /* a unit that has overtaken, and waits while the queue is held */
    CVN_OUT_BULK,   /* a unit that may be overtaken, and waits while the queue is held */
};

struct cvn_out_piece {
    const uint8_t *p; /* NULL: the octets are in own */
    uint32_t len;
    uint8_t mark; /* enum cvn_out_mark */
    struct cvn_ref *owner;
    uint8_t own[CVN_OUT_INLINE];
};

struct cvn_out {
    const struct cvn_alloc *alloc;
    struct cvn_out_piece *ring; /* NULL while nothing was ever queued, or after trim */
    uint32_t cap;               /* pieces, a power of two */
    uint32_t head;
    uint32_t count;
    uint32_t gone; /* octets already sent of the first piece */
    bool held;
    size_t octets; /* those that are held too */
};

void cvn_out_init(struct cvn_out *o, const struct cvn_alloc *a);
void cvn_out_fini(struct cvn_out *o); /* drops what was not sent */

/* Makes room for n more pieces, so that the next n calls cannot fail.
 * CVN_OK, CVN_ENOMEM. */
int cvn_out_reserve(struct cvn_out *o, size_t n) CVN_MUST_USE;

/* Appends a copy of n octets. Up to CVN_OUT_INLINE they cost no allocation
 * beyond the ring. CVN_OK, CVN_ENOMEM (nothing changed). */
int cvn_out_copy(struct cvn_out *o, const void *p, size_t n) CVN_MUST_USE;

/* The same for 1..CVN_OUT_INLINE octets that begin a bulk unit; what is lent or copied
 * next belongs to it. CVN_OK, CVN_ENOMEM (nothing changed). */
int cvn_out_bulk(struct cvn_out *o, const void *p, size_t n) CVN_MUST_USE;

/* Inserts a unit of 1..CVN_OUT_INLINE octets, copied, before all bulk units that have not
 * begun to go, and behind all that was inserted so before. wait: it is held if the
 * queue is; else it goes before those that are. CVN_OK, CVN_ENOMEM (nothing changed). */
int cvn_out_urgent(struct cvn_out *o, const void *p, size_t n, bool wait) CVN_MUST_USE;

/* From now on the units that have not begun to go, bulk ones and urgent ones that
 * wait, are not given out; cvn_out_release() lets the first urgent one go, or, if
 * none waits, ends this. */
void cvn_out_hold(struct cvn_out *o);
void cvn_out_release(struct cvn_out *o);

/* Drops the units that have not begun to go, bulk ones and urgent ones that wait,
 * and ends holding. */
void cvn_out_cut(struct cvn_out *o);

/* A counted copy of n > 0 octets from the queue's allocator, for those that have to
 * be lent in several pieces: the reference is the caller's to drop, *octets says
 * where they are. NULL: no memory. */
struct cvn_ref *cvn_out_dup(const struct cvn_out *o, const void *p, size_t n,
                            const uint8_t **octets) CVN_MUST_USE;

/* Appends a reference to n octets at p, holding owner (NULL: they outlive the
 * queue). n <= UINT32_MAX. CVN_OK, CVN_ENOMEM (nothing changed). */
int cvn_out_lend(struct cvn_out *o, struct cvn_ref *owner, const void *p, size_t n) CVN_MUST_USE;

/* Fills at most n entries, returns how many: none is also what a held queue gives. They are valid until the next call
 * on o. */
size_t cvn_out_iov(const struct cvn_out *o, struct cvn_iov *iov, size_t n);

/* octets of what cvn_out_iov gave have been sent; owners are dropped. */
void cvn_out_sent(struct cvn_out *o, size_t octets);

/* Gives the ring back if nothing is queued. */
void cvn_out_trim(struct cvn_out *o);

#endif
