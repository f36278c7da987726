/* SPDX-License-Identifier: MIT */
/*
 * session - a stream session: two directions of octets, each with positions that outlive
 * the session connections (links) that carry them. Pure: streams, time, random octets and
 * cryptography are outside, behind struct cvn_session_ops.
 *
 * One end of a session is a struct cvn_session. The initiator's is made by
 * cvn_session_new(), the responder's by its struct cvn_host when the peer opens it. A link
 * is one octet stream: the initiator asks for one by ops.dial, the responder's host gets
 * those that were accepted. A link belongs to the session whose record it has shown.
 *
 * docs/RESTORATION.md specifies the wire and this machine.
 */
#ifndef CVN_SESSION_SESSION_H
#define CVN_SESSION_SESSION_H

#include "convene/connection.h"
#include "session/record.h"

#define CVN_STREAM_WINDOW  (4u << 20)   /* octets sent and not forgotten; and taken ahead */
#define CVN_STREAM_SPACING (256u << 10) /* octets between points */
#define CVN_STREAM_NUMBERS 990000u      /* serial numbers of one session connection */

struct cvn_session;
struct cvn_link;
struct cvn_host;

enum cvn_session_state {
    CVN_SESSION_OPENING,   /* the peer has not answered yet */
    CVN_SESSION_OPEN,      /* it has a link that is proven */
    CVN_SESSION_SUSPENDED, /* its link was lost; state is kept */
    CVN_SESSION_RELEASED,  /* over: both agreed, all was delivered */
    CVN_SESSION_ABORTED,   /* over: reason says why */
};

enum cvn_session_reason {
    CVN_REASON_OF_NOTHING,
    CVN_REASON_USER,      /* our user aborted */
    CVN_REASON_PEER,      /* the peer's user aborted; text has its words */
    CVN_REASON_UNREACHED, /* the peer was never reached within connect_timeout */
    CVN_REASON_REFUSED,   /* the peer refused the opening */
    CVN_REASON_EXPIRED,   /* no link for retry_for, or for the keep time */
    CVN_REASON_GONE,      /* the peer does not have the session any more */
    CVN_REASON_GAP,       /* the peer lacks octets that are needed, or we do */
    CVN_REASON_DENIED,    /* the peer takes our proof for wrong */
    CVN_REASON_PROTOCOL,  /* the peer broke the protocol */
    CVN_REASON_MEMORY,
};

enum cvn_session_news {
    CVN_SESSION_NEWS_OPENED,    /* for the first time */
    CVN_SESSION_NEWS_RESUMED,   /* on another link */
    CVN_SESSION_NEWS_LOST,      /* the link; text says why */
    CVN_SESSION_NEWS_WRITABLE,  /* there is room in the window again */
    CVN_SESSION_NEWS_CONFIRMED, /* the peer has more; see cvn_session_positions() */
    CVN_SESSION_NEWS_END,       /* the peer's direction ended; all before it was delivered */
    CVN_SESSION_NEWS_OVER,      /* released or aborted */
};

struct cvn_session_ops {
    /* Initiator: opens one more stream, trying for patience; later, never from inside,
     * cvn_link_new() or cvn_session_dial_failed(). */
    void (*dial)(void *ctx, cvn_time patience);
    /* The next octets of the peer, from position at on; returns how many of the n > 0 are
     * taken. What is not taken is kept, and given again by cvn_session_pull(). */
    size_t (*data)(void *ctx, struct cvn_session *s, uint64_t at, struct cvn_octets data);
    void (*news)(void *ctx, struct cvn_session *s, enum cvn_session_news n, const char *text);
    void (*random)(void *ctx, uint8_t *p, size_t n);
    /* HMAC-SHA256 over the parts, one behind the other. */
    void (*hmac)(void *ctx, struct cvn_octets key, const struct cvn_octets *parts, size_t n,
                 uint8_t out[CVN_PROOF]);
};

/* How one link speaks to its stream. */
struct cvn_link_ops {
    void (*flush)(void *ctx);   /* there are octets to send */
    void (*hang_up)(void *ctx); /* send what can go at once, close; cvn_link_free() follows */
};

enum cvn_resume { CVN_RESUME_PREFERRED, CVN_RESUME_REQUIRED };

struct cvn_session_opts {
    const struct cvn_alloc *alloc;
    const struct cvn_session_ops *ops;
    void *ctx;
    struct cvn_octets called_ssel; /* the service; at most 16 octets; copied */
    struct cvn_octets called_tsel; /* at most 32; copied */
    uint32_t window;               /* octets; 0: CVN_STREAM_WINDOW */
    uint32_t spacing;              /* octets; 0: CVN_STREAM_SPACING */
    uint32_t keep_s;               /* a session without a link is kept so long; 0: 7 days */
    cvn_time connect_timeout;      /* until first reached; 0: 10 s */
    cvn_time retry_for;            /* of one outage; 0: keep_s */
    cvn_time dead_after;           /* silence in spite of a probe; 0: 2 s */
    cvn_time idle_probe;           /* a link silent for so long is probed; 0: 15 s */
    enum cvn_resume resume;
};

/* The initiator's end; it dials at once. CVN_OK, CVN_EINVAL, CVN_ENOMEM. */
int cvn_session_new(struct cvn_session **out, const struct cvn_session_opts *o,
                    cvn_time now) CVN_MUST_USE;
/* Its links are hung up; the peer keeps its end unless the session is over. */
void cvn_session_free(struct cvn_session *s);
void cvn_session_dial_failed(struct cvn_session *s, const char *why, cvn_time now);

/* The user's: n octets are copied, or as many as the window has room for: *taken of them.
 * CVN_OK (all), CVN_FULL (fewer; CVN_SESSION_NEWS_WRITABLE follows), CVN_ESTATE (after the end),
 * CVN_ECLOSED, CVN_ENOMEM (*taken is 0). */
int cvn_session_write(struct cvn_session *s, const void *p, size_t n, size_t *taken,
                      cvn_time now) CVN_MUST_USE;
/* As above, all or nothing, without a copy: owner keeps them until the peer has them. */
int cvn_session_write_lent(struct cvn_session *s, struct cvn_ref *owner, struct cvn_octets data,
                           cvn_time now) CVN_MUST_USE;
/* No more will be written: END behind all that was. CVN_OK, CVN_ESTATE, CVN_ECLOSED. */
int cvn_session_end(struct cvn_session *s, cvn_time now) CVN_MUST_USE;
/* Gives what ops.data did not take. */
void cvn_session_pull(struct cvn_session *s, cvn_time now);
/* The session is over at once; the peer is told, now or at its next dial. */
void cvn_session_abort(struct cvn_session *s, const char *text, cvn_time now);

struct cvn_positions {
    uint64_t written;   /* by our user */
    uint64_t confirmed; /* of those the peer has so many */
    uint64_t delivered; /* of the peer's, taken by our user */
    uint64_t received;  /* of the peer's, here */
    uint32_t resumes;
    uint32_t epoch;
    uint64_t replayed; /* octets sent again */
};
void cvn_session_positions(const struct cvn_session *s, struct cvn_positions *p);
enum cvn_session_state cvn_session_state(const struct cvn_session *s);
enum cvn_session_reason cvn_session_reason(const struct cvn_session *s);
const char *cvn_session_text(const struct cvn_session *s); /* why, for people */
const uint8_t *cvn_session_id(const struct cvn_session *s);

cvn_time cvn_session_deadline(const struct cvn_session *s);
void cvn_session_tick(struct cvn_session *s, cvn_time now);

/* -------- links -------- */

/* The initiator's, when a stream it asked for is open. exporter: 32 octets that bind the proof
 * to the stream (TLS), or NULL. CVN_OK, CVN_ENOMEM, CVN_ESTATE: it is not needed any more. */
int cvn_link_new(struct cvn_link **out, struct cvn_session *s, const struct cvn_link_ops *ops,
                 void *ctx, const uint8_t *exporter, cvn_time now) CVN_MUST_USE;
/* The responder's, for each stream that was accepted. */
int cvn_link_accept(struct cvn_link **out, struct cvn_host *h, const struct cvn_link_ops *ops,
                    void *ctx, const uint8_t *exporter, cvn_time now) CVN_MUST_USE;
/* The stream is gone. After ops.hang_up, or when the stream has ended; why may be NULL. */
void cvn_link_free(struct cvn_link *l, const char *why, cvn_time now);
/* Octets of the stream: all are taken. */
void cvn_link_feed(struct cvn_link *l, const uint8_t *in, size_t len, cvn_time now);
size_t cvn_link_out_iov(struct cvn_link *l, struct cvn_iov *iov, size_t n);
size_t cvn_link_out_octets(const struct cvn_link *l);
void cvn_link_sent(struct cvn_link *l, size_t octets, cvn_time now);
/* The peer's host has taken octets: a sign of life. */
void cvn_link_alive(struct cvn_link *l, cvn_time now);
/* Send what is left, then close the stream. */
bool cvn_link_closing(const struct cvn_link *l);

/* -------- the responder's host -------- */

struct cvn_host_ops {
    /* A session is being opened for a service. CVN_OK: *o has been filled (alloc, ops, ctx and
     * what else is wanted); CVN_EPERM, CVN_ENOTFOUND: refused. */
    int (*opening)(void *ctx, struct cvn_octets ssel, struct cvn_session_opts *o);
    /* It is open: the first link is proven. cvn_session_own() may say another ctx for it. */
    void (*opened)(void *ctx, struct cvn_session *s);
    /* It is about to be freed, being over for its keep time. */
    void (*gone)(void *ctx, struct cvn_session *s);
};
struct cvn_host_opts {
    const struct cvn_alloc *alloc;
    const struct cvn_host_ops *ops;
    void *ctx;
    uint32_t sessions_max; /* 0: 65,536 */
};
int cvn_host_new(struct cvn_host **out, const struct cvn_host_opts *o) CVN_MUST_USE;
void cvn_host_free(struct cvn_host *h);
cvn_time cvn_host_deadline(const struct cvn_host *h);
void cvn_host_tick(struct cvn_host *h, cvn_time now);
size_t cvn_host_sessions(const struct cvn_host *h);
void cvn_session_own(struct cvn_session *s, void *ctx);

#endif
