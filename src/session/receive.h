/* SPDX-License-Identifier: MIT */
/*
 * receive - the receiver of files. An inbox holds what is known of transfers and
 * sessions and outlives connections; a receiver is one session connection to
 * it. Pure: the folder, the store, the link and time are outside.
 *
 * The promise: a point is confirmed when its octets and its record are durable;
 * the end of an activity is confirmed when the file stands under its name and
 * the record that says so is durable. docs/FILES.md describes the exchange.
 */
#ifndef CVN_SESSION_RECEIVE_H
#define CVN_SESSION_RECEIVE_H

#include "convene/connection.h"
#include "core/store.h"
#include "session/note.h"

#define CVN_NAME_MAX 3800u /* octets of a path in a note */

struct cvn_inbox;
struct cvn_receiver;
struct cvn_transfer;

/* One point: part, serial number, and the offset it stands for. */
struct cvn_place {
    uint32_t part;
    uint32_t serial;
    uint64_t offset;
};

/* A transfer as the depot sees it. The inbox owns it; the depot may keep its own in file. */
struct cvn_transfer {
    uint8_t id[CVN_ID];
    uint8_t state; /* enum cvn_transfer_state */
    uint8_t kind;
    uint8_t hash;
    bool size_known;
    uint16_t mode;
    uint64_t size;
    int64_t mtime_s;
    uint32_t mtime_ns;
    struct cvn_octets name;   /* as the sender gave it; owned */
    struct cvn_octets target; /* of a symbolic link; owned */
    struct cvn_octets final;  /* the name it gets, relative to the folder; owned; set by finish */
    uint64_t written;         /* octets in the partial file */
    uint8_t expected[CVN_HASH_MAX]; /* the digest that came with S-ACTIVITY-END */
    bool expected_known;
    uint8_t digest[CVN_HASH_MAX]; /* set by finish */
    bool done_already;            /* set by finish: the same file stands there */
    void *file;                   /* the depot's; NULL: not open */
};

/* Where files come to rest. All but the waits answer at once; a return of enum
 * cvn_trouble other than NONE leaves nothing begun. */
struct cvn_depot_ops {
    /* May a transfer of this name, kind and size begin? */
    uint8_t (*check)(void *self, struct cvn_transfer *t);
    /* An empty partial file. */
    uint8_t (*create)(void *self, struct cvn_transfer *t);
    /* The partial file as it stood at offset, which was durable: what is behind it is cut off. */
    uint8_t (*cut)(void *self, struct cvn_transfer *t, uint64_t offset);
    /* Appends; t->written grows. */
    uint8_t (*write)(void *self, struct cvn_transfer *t, struct cvn_octets data);
    /* The same for n slices, one behind the other; a trouble may leave the first of them
     * written. NULL: write() is called for each. */
    uint8_t (*write_all)(void *self, struct cvn_transfer *t, const struct cvn_octets *data,
                         size_t n);
    /* A point stands at t->written: cut() may come back to it. */
    void (*mark)(void *self, struct cvn_transfer *t);
    /* Makes all that is written durable. CVN_OK: w is pending; CVN_ENOMEM. */
    int (*sync)(void *self, struct cvn_transfer *t, struct cvn_wait *w);
    /* Makes it durable, checks size and digest, chooses t->final with own_final(). The trouble
     * is *trouble when w is done with CVN_OK. */
    int (*finish)(void *self, struct cvn_transfer *t, uint8_t *trouble, struct cvn_wait *w);
    /* Moves it to t->final, durably; does nothing if that was done before. */
    int (*place)(void *self, struct cvn_transfer *t, uint8_t *trouble, struct cvn_wait *w);
    /* Gives back t->file; the partial file stays. */
    void (*close)(void *self, struct cvn_transfer *t);
    /* The partial file goes. */
    void (*remove)(void *self, struct cvn_transfer *t);
    /* Everything partial goes that keep() does not want. */
    void (*sweep)(void *self, bool (*keep)(void *arg, const uint8_t id[CVN_ID]), void *arg);
};

enum cvn_inbox_news {
    CVN_INBOX_OPENED, /* a session connection was accepted */
    CVN_INBOX_REFUSED,
    CVN_INBOX_STARTED,   /* t, offset 0 */
    CVN_INBOX_RESUMED,   /* t, offset */
    CVN_INBOX_CONFIRMED, /* t, offset: durable and told */
    CVN_INBOX_COMMITTED, /* t: stands under its final name, and told */
    CVN_INBOX_TROUBLE,   /* t, text */
    CVN_INBOX_DISCARDED, /* t */
    CVN_INBOX_RELEASED,  /* the session ended in order */
    CVN_INBOX_ABORTED,   /* the session was aborted; text */
    CVN_INBOX_SUSPENDED, /* the link was lost; text */
};

struct cvn_inbox_ops {
    void (*news)(void *ctx, enum cvn_inbox_news n, const struct cvn_receiver *r,
                 const struct cvn_transfer *t, uint64_t offset, const char *text);
    void (*random)(void *ctx, uint8_t *p, size_t n);
    uint64_t (*utc_seconds)(void *ctx);
    /* Our own store or memory failed: nothing can be confirmed any more. */
    void (*failed)(void *ctx, const char *why);
};

struct cvn_inbox_opts {
    const struct cvn_alloc *alloc;
    const struct cvn_inbox_ops *ops;
    void *ctx;
    const struct cvn_store *store;
    const struct cvn_depot_ops *depot_ops;
    void *depot;
    uint64_t max_octets; /* of all that is unfinished; 0: no limit */
    uint64_t keep_s;     /* how long unfinished and unforgotten things stay; 0: 7 days */
    uint64_t window;     /* told to senders; 0: what they offer */
    /* Faults planted on purpose, to see that the tests find them; builds with faults only. */
    bool plant_confirm_early;
    bool plant_resume_late;
};

/* CVN_OK, CVN_ENOMEM. */
int cvn_inbox_new(struct cvn_inbox **out, const struct cvn_inbox_opts *o) CVN_MUST_USE;
/* No receiver may be left, and cvn_inbox_idle(). */
void cvn_inbox_free(struct cvn_inbox *b);
bool cvn_inbox_idle(const struct cvn_inbox *b);
/* Reads the store, redoes what was being committed, sweeps what nobody will resume.
 * CVN_OK, CVN_EIO, CVN_ECORRUPT (some records were lost; the rest is in use), CVN_ENOMEM. */
int cvn_inbox_recover(struct cvn_inbox *b) CVN_MUST_USE;
/* Removes what is older than keep_s. */
void cvn_inbox_expire(struct cvn_inbox *b);

/* Sessions that were opened and neither released nor aborted; ever: opened at all. */
size_t cvn_inbox_sessions(const struct cvn_inbox *b, size_t *ever);
/* The worst that befell the sessions since the first: a trouble reported, an abort. Kept
 * in the store, so that a process that takes over knows; cvn_inbox_forget_run() ends it. */
uint8_t cvn_inbox_worst(const struct cvn_inbox *b, bool *aborted);
/* w as in cvn_store_ops.put. */
int cvn_inbox_forget_run(struct cvn_inbox *b, struct cvn_wait *w) CVN_MUST_USE;
size_t cvn_inbox_unfinished(const struct cvn_inbox *b);

struct cvn_receiver_ops {
    void (*hang_up)(void *ctx); /* close the link now, after what is left if it can go at once */
    void (*resume)(void *ctx);  /* feed again: cvn_receiver_feed() had stopped early */
    void (*flush)(void *ctx);   /* there are octets to send */
    void (*primitive)(void *ctx, const struct cvn_x225_prim *p, bool sent);
};

/* One accepted stream. ssel: the session selector that is served (n == 0: any);
 * peer: how the other side is called in what people read; must outlive it.
 * CVN_OK, CVN_ENOMEM. */
int cvn_receiver_new(struct cvn_receiver **out, struct cvn_inbox *b,
                     const struct cvn_receiver_ops *ops, void *ctx, struct cvn_octets ssel,
                     const char *peer, cvn_time now) CVN_MUST_USE;
void cvn_receiver_free(struct cvn_receiver *r);

/* *used < len: it waits for the store or the disk; keep the octets where they are and feed the
 * rest after ops->resume. */
void cvn_receiver_feed(struct cvn_receiver *r, const uint8_t *in, size_t len, size_t *used,
                       cvn_time now);
void cvn_receiver_link_down(struct cvn_receiver *r, const char *why, cvn_time now);
size_t cvn_receiver_out_iov(struct cvn_receiver *r, struct cvn_iov *iov, size_t n);
size_t cvn_receiver_out_octets(const struct cvn_receiver *r);
void cvn_receiver_sent(struct cvn_receiver *r, size_t octets);
/* Send what is left, then close the link and say link_down. */
bool cvn_receiver_closing(const struct cvn_receiver *r);
cvn_time cvn_receiver_deadline(const struct cvn_receiver *r);
void cvn_receiver_tick(struct cvn_receiver *r, cvn_time now);
/* S-U-ABORT. */
void cvn_receiver_abort(struct cvn_receiver *r, cvn_time now);

const char *cvn_receiver_peer(const struct cvn_receiver *r);
const uint8_t *cvn_receiver_session(const struct cvn_receiver *r); /* its id */
bool cvn_receiver_ours(const struct cvn_receiver *r);
void cvn_receiver_vars(const struct cvn_receiver *r, struct cvn_x225_vars *v);

/* For the depot: t->final becomes a copy of these octets. CVN_OK, CVN_ENOMEM. */
int cvn_transfer_own_final(const struct cvn_alloc *a, struct cvn_transfer *t,
                           struct cvn_octets final) CVN_MUST_USE;

#endif
