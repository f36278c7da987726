/* SPDX-License-Identifier: MIT */
/*
 * send - the sender of files: one session that gives items, one after another,
 * as activities of plain X.225, checkpointed by minor synchronization points,
 * over as many session connections as it takes. Pure: link, source, store and
 * time are outside, behind struct cvn_sender_ops and the events below.
 *
 * docs/FILES.md describes the exchange.
 */
#ifndef CVN_SESSION_SEND_H
#define CVN_SESSION_SEND_H

#include "convene/connection.h"
#include "core/store.h"
#include "session/note.h"

#define CVN_SIZE_UNKNOWN    UINT64_MAX
#define CVN_POINTS_MAX      990000u      /* serial numbers of one activity */
#define CVN_WINDOW_DEFAULT  (4u << 20)   /* octets sent and not confirmed */
#define CVN_SPACING_DEFAULT (1u << 20)   /* octets between points */
#define CVN_SPACING_NS      500000000ull /* time between points */
#define CVN_COMMON_MAX      16u          /* UTC time, YYMMDDhhmmssZ */

/* What names an activity: the Connection Identifier of the connection on which it
 * was started, and its identifier there. */
struct cvn_activity_name {
    uint8_t session[CVN_ID];
    uint8_t common[CVN_COMMON_MAX];
    uint8_t common_len;
    uint8_t epoch[4];
    uint8_t id[CVN_ACTIVITY_MAX];
    uint8_t id_len; /* 0: never started */
};

struct cvn_point {
    uint32_t serial;
    uint64_t offset;
};

enum cvn_outcome {
    CVN_OUTCOME_OPEN = 0,
    CVN_OUTCOME_COMMITTED,
    CVN_OUTCOME_REFUSED,  /* trouble says why */
    CVN_OUTCOME_CHANGED,  /* it changed while it was read */
    CVN_OUTCOME_LOCAL_IO, /* it could not be read */
};

/* One thing to send. The owner fills the first part, and the second from what was
 * stored by an earlier process; the rest is the sender's. */
struct cvn_item {
    struct cvn_octets name;
    struct cvn_octets target;
    uint8_t kind;
    uint64_t size; /* CVN_SIZE_UNKNOWN: of a pipe */
    uint16_t mode;
    int64_t mtime_s;
    uint32_t mtime_ns;
    uint8_t hash;
    uint8_t key[CVN_ID];      /* under which its state is stored */
    uint8_t identity[CVN_ID]; /* of the file as it was; stored with it */

    uint8_t transfer[CVN_ID];
    struct cvn_activity_name name_of; /* the original pair */
    uint32_t part;
    uint64_t part_offset;
    struct cvn_point stored; /* last confirmed point that is durable here; serial 0: none */
    bool committed;          /* known to be committed at the peer, and stored so */
    bool ending;             /* its end was asked of a peer that is not convene */

    enum cvn_outcome outcome;
    uint8_t trouble;
    char text[200];    /* the peer's words, for people */
    uint64_t read;     /* next octet to be read and sent */
    uint64_t furthest; /* sent at least once */
    uint64_t twice;    /* octets sent again */
    struct cvn_point confirmed;
    uint8_t digest[CVN_HASH_MAX];
    bool digest_known;
};

/* The octets of an item's stored state, both ways; CVN_ECORRUPT: not such a record. */
#define CVN_ITEM_RECORD_MAX 160u
size_t cvn_item_encode(const struct cvn_item *it, uint8_t out[CVN_ITEM_RECORD_MAX]);
int cvn_item_decode(struct cvn_item *it, struct cvn_octets record) CVN_MUST_USE;
/* It becomes another transfer, of which nothing is known yet; the owner gives it a new id. */
void cvn_item_anew(struct cvn_item *it);

enum cvn_sender_news {
    CVN_NEWS_OPENED,    /* a session connection was accepted */
    CVN_NEWS_STARTED,   /* an item began; offset says where */
    CVN_NEWS_RESUMED,   /* an item was resumed; offset says where */
    CVN_NEWS_CONFIRMED, /* the item's confirmed moved */
    CVN_NEWS_FINISHED,  /* the item has its outcome */
    CVN_NEWS_LOST,      /* the link was lost; text says why */
    CVN_NEWS_WAITING,   /* the peer cannot now (no space, busy): trying again */
    CVN_NEWS_NO_POINTS, /* the peer has no minor synchronize: no checkpoints */
    CVN_NEWS_PRIMITIVE, /* for -v: prim, sent or received */
};

struct cvn_sender;

struct cvn_sender_ops {
    /* Opens a stream; later cvn_sender_link_up() or cvn_sender_link_down(). */
    void (*dial)(void *ctx);
    /* Sends what is left if it can be at once, and closes; no answer. */
    void (*hang_up)(void *ctx);
    /* Gives up to max octets of it from offset: *owner holds them (one reference for the
     * caller). CVN_OK with n > 0; CVN_NONE: that is the end (item->size is known now);
     * CVN_MORE: not yet, cvn_sender_wake() will follow; CVN_ECORRUPT: the item changed; CVN_EIO; CVN_ENOMEM:
     * the session ends, to go on where it was. */
    int (*read)(void *ctx, struct cvn_item *it, uint64_t offset, size_t max, struct cvn_ref **owner,
                struct cvn_octets *block);
    /* Octets before offset will not be asked for again. */
    void (*forget)(void *ctx, struct cvn_item *it, uint64_t offset);
    /* Computes it->digest over all its octets, then w->done: CVN_OK, CVN_EIO, CVN_ECORRUPT,
     * CVN_ENOMEM. */
    int (*digest)(void *ctx, struct cvn_item *it, struct cvn_wait *w);
    /* The next item; CVN_OK, CVN_NONE: no more; CVN_MORE: not now, cvn_sender_wake() follows. */
    int (*next)(void *ctx, struct cvn_item **it);
    void (*news)(void *ctx, enum cvn_sender_news n, struct cvn_item *it, uint64_t offset,
                 const char *text);
    void (*primitive)(void *ctx, const struct cvn_x225_prim *p, bool sent);
    void (*random)(void *ctx, uint8_t *p, size_t n);
    /* The common reference: UTC, as YYMMDDhhmmssZ; returns how many octets, <= CVN_COMMON_MAX. */
    size_t (*utc)(void *ctx, uint8_t out[CVN_COMMON_MAX]);
    /* A wait is over and things have moved: send what there is, ask for the deadline again. */
    void (*moved)(void *ctx);
    /* The session is over, see cvn_sender_verdict(). */
    void (*over)(void *ctx);
};

struct cvn_sender_opts {
    const struct cvn_alloc *alloc;
    const struct cvn_sender_ops *ops;
    void *ctx;
    const struct cvn_store *store;
    struct cvn_octets called_ssel;  /* the service; copied */
    struct cvn_octets calling_ssel; /* who calls; at most 16 octets; copied */
    struct cvn_octets called_tsel;
    struct cvn_octets calling_tsel;
    uint8_t session[CVN_ID];  /* its id */
    uint32_t epoch;           /* of the last session connection; 0: none yet */
    uint8_t run[CVN_ID];      /* what the session belongs to; stored behind its epoch, so that the
                            same command finds it again */
    uint32_t window;          /* 0: CVN_WINDOW_DEFAULT */
    uint32_t spacing;         /* 0: CVN_SPACING_DEFAULT */
    uint32_t points_max;      /* 0: CVN_POINTS_MAX */
    uint64_t rate;            /* octets a second; 0: no limit */
    cvn_time dead_after;      /* silence of the peer with something outstanding; 0: 10 s */
    cvn_time connect_timeout; /* until first reached; 0: 10 s */
    cvn_time retry_for;       /* of one outage; 0: for ever */
    bool again;               /* send again what a stranger may have already */
};

enum cvn_verdict {
    CVN_VERDICT_NONE = 0,  /* not over */
    CVN_VERDICT_RELEASED,  /* look at the items' outcomes */
    CVN_VERDICT_UNREACHED, /* the peer was never reached */
    CVN_VERDICT_SUSPENDED, /* retry_for is over, or the user wants to stop: state kept */
    CVN_VERDICT_REFUSED,   /* S-CONNECT refused */
    CVN_VERDICT_ABORTED,   /* the peer's user aborted */
    CVN_VERDICT_PROTOCOL,  /* a protocol error, or a unit is missing */
    CVN_VERDICT_STORE,     /* our own store failed */
    CVN_VERDICT_MEMORY,
};

/* CVN_OK, CVN_ENOMEM. */
int cvn_sender_new(struct cvn_sender **out, const struct cvn_sender_opts *o) CVN_MUST_USE;
/* Only when no wait is pending (cvn_sender_idle()). */
void cvn_sender_free(struct cvn_sender *s);
bool cvn_sender_idle(const struct cvn_sender *s);

void cvn_sender_start(struct cvn_sender *s, cvn_time now);
/* Something that was CVN_MORE may be there now. */
void cvn_sender_wake(struct cvn_sender *s, cvn_time now);
void cvn_sender_link_up(struct cvn_sender *s, cvn_time now);
/* why: for people; may be NULL. */
void cvn_sender_link_down(struct cvn_sender *s, const char *why, cvn_time now);
/* Octets from the link. */
void cvn_sender_feed(struct cvn_sender *s, const uint8_t *in, size_t len, cvn_time now);
/* The peer's host has taken octets: a sign of life. */
void cvn_sender_alive(struct cvn_sender *s, cvn_time now);
/* Octets to send; after some were sent, more may come. */
size_t cvn_sender_out_iov(struct cvn_sender *s, struct cvn_iov *iov, size_t n);
void cvn_sender_sent(struct cvn_sender *s, size_t octets, cvn_time now);
size_t cvn_sender_out_octets(const struct cvn_sender *s);

cvn_time cvn_sender_deadline(const struct cvn_sender *s);
void cvn_sender_tick(struct cvn_sender *s, cvn_time now);

/* Another limit from now on, octets a second; 0: none. */
void cvn_sender_rate(struct cvn_sender *s, uint64_t rate);

/* Stop as suspended: the link is given up, state is kept. */
void cvn_sender_suspend(struct cvn_sender *s, cvn_time now);
/* S-U-ABORT: the activity is given up at the peer. */
void cvn_sender_abort(struct cvn_sender *s, cvn_time now);

enum cvn_verdict cvn_sender_verdict(const struct cvn_sender *s);
const char *cvn_sender_text(const struct cvn_sender *s); /* why, for people */

struct cvn_sender_counts {
    uint32_t connections; /* accepted session connections */
    uint32_t resumes;     /* S-ACTIVITY-RESUME requests */
    uint64_t sent;        /* octets of user data, all times */
    bool connected;
    uint32_t epoch;
    uint8_t session[CVN_ID];
};
void cvn_sender_counts(const struct cvn_sender *s, struct cvn_sender_counts *c);
/* The session machine's variables; false: there is no link. */
bool cvn_sender_vars(const struct cvn_sender *s, struct cvn_x225_vars *v);

#endif
