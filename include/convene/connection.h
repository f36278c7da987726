/* SPDX-License-Identifier: MIT */
/*
 * connection - one session connection over one octet stream: TPKT, COTP classes 0 (RFC 1006)
 * and 2 (RFC 2126) and X.225 put together, free of I/O. Octets in, X.215 primitives
 * out, primitives in, octets out; the time is an argument.
 *
 * Loop: cvn_sc_feed() until CVN_MORE; after every call send what cvn_sc_out_iov() gives and
 * say so with cvn_sc_sent(); call cvn_sc_tick() at cvn_sc_deadline(); when cvn_sc_closing()
 * is true and nothing is left to send, shut the stream down.
 */
#ifndef CONVENE_CONNECTION_H
#define CONVENE_CONNECTION_H

#include <stdbool.h>

#include "convene/x225.h"

#ifdef __cplusplus
extern "C" {
#endif

struct cvn_sc;

/* Expedited data (S-EXPEDITED-DATA, and PREPARE before resynchronization, major points and
 * aborts) goes ahead of all normal data of this side of which no octet has been handed out
 * by cvn_sc_out_iov() and reported by cvn_sc_sent(): between two TPDUs, also in the middle
 * of an SSDU, and in the order of its requests. That is all that is promised. What the
 * operating system or the network holds already nothing overtakes, as both flows share one
 * stream (RFC 1006 5); whoever wants it to be quick hands little to the socket at a time. */

enum cvn_transport_class {
    CVN_TRANSPORT_CLASS_0 = 1, /* RFC 1006 */
    CVN_TRANSPORT_CLASS_2 = 2, /* RFC 2126: with explicit release */
};

struct cvn_sc_opts {
    const struct cvn_alloc *alloc;  /* NULL: cvn_alloc_std(); must outlive the connection */
    bool initiator;                 /* of the stream, hence of transport and session connection */
    uint16_t reference;             /* COTP source reference; not 0 */
    struct cvn_octets calling_tsel; /* initiator; .n == 0: left out; at most 32 octets; copied */
    struct cvn_octets called_tsel;
    bool expedited;              /* responder: agree to transport expedited data. An initiator asks
                                  for it if the S-CONNECT request has CVN_FU_EXPEDITED; a bare one
                                  if this says so */
    uint8_t transport_classes;   /* enum cvn_transport_class, a set. Initiator: both: class 2
                                  proposed, class 0 as its alternative; 0: class 0. Responder:
                                  those it agrees to, class 2 if the CR prefers it; 0: both */
    bool transport_acknowledged; /* initiator, class 2: each expedited TPDU is to be acknowledged
                                    (EA); until it is nothing else is sent */
    uint8_t protection; /* enum cvn_protection (qos.h): what the stream below gives; 0: none */
    uint32_t tpdu_max;  /* octets; 0: 65,531 */
    bool bare;          /* no session protocol: for tools that speak in TSDUs, see
                                   cvn_sc_tsdu(). The initiator opens the transport connection at once */
    struct cvn_x225_opts x225; /* its alloc is replaced by the one above */
};

/* A connection over a stream that is open. *out is the caller's to free with
 * cvn_sc_free(); untouched on error. CVN_OK, CVN_EINVAL, CVN_ENOMEM. */
CVN_API int cvn_sc_new(struct cvn_sc **out, const struct cvn_sc_opts *opts) CVN_MUST_USE;
CVN_API void cvn_sc_free(struct cvn_sc *c); /* NULL is fine */

/* As cvn_x225_request(). The initiator begins with S-CONNECT request; one that asks for a protection
 * that the stream does not give is CVN_EPERM, and nothing is sent. After CVN_ENOMEM the
 * connection may be lost: then a provider abort follows. */
CVN_API int cvn_sc_request(struct cvn_sc *c, struct cvn_x225_prim *p, cvn_time now) CVN_MUST_USE;

/* Why cvn_sc_request() would refuse p now, in words; NULL: it would take it. As cvn_x225_why(). */
CVN_API const char *cvn_sc_why(const struct cvn_sc *c, const struct cvn_x225_prim *p);
/* As cvn_x225_allowed(); CVN_ESTATE once the transport connection is over. */
CVN_API int cvn_sc_allowed(const struct cvn_sc *c, enum cvn_x225_service s, enum cvn_x225_type t);

/* One session connection after another on the same stream, where opts.x225.reuse is set and there is
 * no transport expedited data (X.225 6.3, 7.7):
 *   the stream's initiator offers it: S-RELEASE request with keep; a responder with reuse goes along,
 *   S-RELEASE confirm then has keep. S-U-ABORT keeps it too, where both sides would, and so does a
 *   refused S-CONNECT (keep in the confirm). Then cvn_sc_idle() is true on both sides, and the
 *   initiator, he alone, may request S-CONNECT again. To whom: the stream is to the same peer, so
 *   only what has the same right to it may use it.
 *   DN cannot say no: a peer that does not keep it closes the stream after DN, or when the next
 *   S-CONNECT comes, which then ends in S-P-ABORT (CVN_ABORT_TRANSPORT). Open a new stream then.
 * Nothing ends an idle stream but its owner: cvn_sc_disconnect() after a time of his choice. */
CVN_API bool cvn_sc_idle(const struct cvn_sc *c);
/* T-DISCONNECT request: an idle transport connection is given up. Send what is left, then close.
 * CVN_OK; CVN_ESTATE: there is a session connection; CVN_ENOMEM. */
CVN_API int cvn_sc_disconnect(struct cvn_sc *c, cvn_time now) CVN_MUST_USE;

/* For tests and tools: a TSDU as it is, past the session machine, which knows nothing of it. Copied.
 * Expedited ones have at most 16 octets. On a bare connection what comes is given as if it were S-DATA
 * (S-EXPEDITED-DATA): each indication a slice of a TSDU, with begin and end.
 *   CVN_ESTATE  no transport connection is open, or an SSDU stands in the middle of a TSDU
 *   CVN_EUNIT   the transport has no expedited data
 *   CVN_EINVAL  no octets, or too many; CVN_ENOMEM: the connection may be lost */
CVN_API int cvn_sc_tsdu(struct cvn_sc *c, struct cvn_octets tsdu, bool expedited,
                        cvn_time now) CVN_MUST_USE;

/* Takes octets from the stream. While CVN_EVENT is returned, *ev is set and the
 * octets fed must stay where they are: call again with the rest (in + *used,
 * even if none is left) until CVN_MORE.
 *   CVN_MORE    all taken
 *   CVN_EVENT   *ev is an indication or confirm
 *   CVN_ECLOSED the connection is over; the octets were dropped
 *   CVN_ENOMEM  the connection cannot go on: close the stream, say cvn_sc_stream_closed() */
CVN_API int cvn_sc_feed(struct cvn_sc *c, const uint8_t *in, size_t len, size_t *used,
                        struct cvn_x225_prim *ev, cvn_time now) CVN_MUST_USE;

/* The stream ended or failed; take what follows from cvn_sc_next(). */
CVN_API void cvn_sc_stream_closed(struct cvn_sc *c, cvn_time now);
/* Primitives that came without octets. CVN_EVENT, CVN_NONE. */
CVN_API int cvn_sc_next(struct cvn_sc *c, struct cvn_x225_prim *ev, cvn_time now) CVN_MUST_USE;

/* Octets to send: how many, the first n of the vector, and how much of it went. */
CVN_API size_t cvn_sc_out_octets(const struct cvn_sc *c);
CVN_API size_t cvn_sc_out_iov(struct cvn_sc *c, struct cvn_iov *iov, size_t n);
CVN_API void cvn_sc_sent(struct cvn_sc *c, size_t octets);

/* Whether the transport connection has ever been open. */
CVN_API bool cvn_sc_open(const struct cvn_sc *c);
/* Gives back what a connection that is idle need not hold, and would take again by itself: about
 * 130 octets. For programs with many of them. */
CVN_API void cvn_sc_trim(struct cvn_sc *c);

/* True once nothing more will be said: send what is left, then close. After the end of a
 * transport connection of class 2 it becomes true with the peer's DC, for which
 * cvn_sc_deadline() sets five seconds: feed on. */
CVN_API bool cvn_sc_closing(const struct cvn_sc *c);

CVN_API cvn_time cvn_sc_deadline(const struct cvn_sc *c);
CVN_API void cvn_sc_tick(struct cvn_sc *c, cvn_time now);

/* The state machine inside, for diagnostics. */
CVN_API void cvn_sc_vars(const struct cvn_sc *c, struct cvn_x225_vars *v);
/* What was agreed with the peer's transport entity. */
struct cvn_sc_transport {
    bool up;           /* the transport connection is there; else the rest is what was asked for */
    unsigned class_id; /* 0 or 2 */
    bool expedited;    /* transport expedited data can be sent */
    uint32_t tpdu_max; /* octets of the largest TPDU that may be sent; 0: not agreed yet */
};
CVN_API void cvn_sc_transport(const struct cvn_sc *c, struct cvn_sc_transport *t);
/* Why the transport refused or ended it, for people; NULL: it did not. Static storage. */
CVN_API const char *cvn_sc_transport_why(const struct cvn_sc *c);

#ifdef __cplusplus
}
#endif
#endif
