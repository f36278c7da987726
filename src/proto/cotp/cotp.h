/* SPDX-License-Identifier: MIT */
/*
 * cotp - the connection-oriented transport protocol ISO 8073 / X.224, classes 0 and 2,
 * over TPKT over an octet stream, as RFC 1006 and RFC 2126 say: one transport
 * connection (TC), either role. Octets in, events out, octets out; no I/O.
 *
 * The user asks for X.214 services (T-CONNECT, T-DATA, T-EXPEDITED-DATA,
 * T-DISCONNECT) and pulls events. User data is lent on its way out and a slice
 * of the input on its way in; a TSDU is never assembled here.
 *
 * Loop: feed until used == len; after every call look whether cvn_cotp_out() has
 * octets; when cvn_cotp_closing() says so, send what is left and close the
 * stream. In class 2 a release is answered: between T-DISCONNECT and the peer's DC feed
 * goes on, without events; whoever has a clock bounds that wait (TS2, 6.7.5 note 4) and
 * ends it with cvn_cotp_stream_closed().
 */
#ifndef CVN_PROTO_COTP_H
#define CVN_PROTO_COTP_H

#include <stdbool.h>
#include <stdint.h>

#include "convene/alloc.h"
#include "convene/octets.h"
#include "core/out.h"

#define CVN_TSEL_MAX      32u /* octets; ISO 8073 sets none, profiles do */
#define CVN_EXPEDITED_MAX 16u /* octets of one expedited TSDU */

/* DR reasons, 13.5.3 */
enum cvn_cotp_reason {
    CVN_DR_NOT_SPECIFIED = 0,
    CVN_DR_CONGESTION = 1,
    CVN_DR_NOT_ATTACHED = 2,
    CVN_DR_ADDRESS_UNKNOWN = 3,
    CVN_DR_NORMAL = 128,
    CVN_DR_REMOTE_CONGESTION = 129,
    CVN_DR_NEGOTIATION_FAILED = 130,
    CVN_DR_DUPLICATE_REFERENCE = 131,
    CVN_DR_MISMATCHED_REFERENCES = 132,
    CVN_DR_PROTOCOL_ERROR = 133,
    CVN_DR_REFERENCE_OVERFLOW = 135,
    CVN_DR_REFUSED_ON_CONNECTION = 136,
    CVN_DR_LENGTH_INVALID = 138,
};

/* ER causes, 13.12.3 */
enum cvn_cotp_cause {
    CVN_ER_NOT_SPECIFIED = 0,
    CVN_ER_PARAMETER_CODE = 1,
    CVN_ER_TPDU_TYPE = 2,
    CVN_ER_PARAMETER_VALUE = 3,
};

/* Classes, as a set. */
enum cvn_cotp_class {
    CVN_COTP_CLASS_0 = 1, /* RFC 1006 */
    CVN_COTP_CLASS_2 = 2, /* RFC 2126 4.2: explicit release, expedited data acknowledged */
};

enum cvn_cotp_state {                   /* Table A.6; WBCL and CLOSING exist in class 2 only */
                      CVN_COTP_CLOSED,  /* nothing yet; a responder waits for CR here */
                      CVN_COTP_WFCC,    /* CR sent */
                      CVN_COTP_WBCL,    /* CR sent, and the user wants no more: DR waits for CC */
                      CVN_COTP_WFTRESP, /* CR received, the user has to answer */
                      CVN_COTP_OPEN,
                      CVN_COTP_CLOSING, /* DR sent, DC is to come */
                      CVN_COTP_ENDED,   /* over: send what is left, then close the stream */
};

enum cvn_cotp_event_kind {
    CVN_COTP_EV_CONNECT_IND,  /* T-CONNECT indication: answer with accept or refuse */
    CVN_COTP_EV_CONNECT_CONF, /* T-CONNECT confirm */
    CVN_COTP_EV_DATA,         /* a slice of a TSDU */
    CVN_COTP_EV_EXPEDITED,    /* a whole expedited TSDU, 1-16 octets */
    CVN_COTP_EV_DISCONNECT,   /* T-DISCONNECT indication: the TC is over */
};

struct cvn_cotp_event {
    enum cvn_cotp_event_kind kind;
    struct cvn_octets data;    /* DATA, EXPEDITED; user data of CR, CC, DR; of an ER the octets
                                  of ours that it refuses: valid until next feed */
    bool begin;                /* DATA: first slice of its TSDU (may be empty only with end) */
    bool end;                  /* DATA: last slice of its TSDU; a slice may be empty only here */
    bool expedited;            /* CONNECT_*: agreed (IND: asked for) */
    struct cvn_octets calling; /* CONNECT_*: TSELs of any length; .p == NULL: absent */
    struct cvn_octets called;
    uint32_t tpdu_max; /* CONNECT_*: octets of a TPDU this side may send (IND: if accepted) */
    uint8_t class_id;  /* CONNECT_*: 0 or 2, the class selected (IND: if accepted) */
    bool local;        /* DISCONNECT: we found the error; why says what, reason too */
    bool error_tpdu;   /* DISCONNECT: the peer sent ER; reason is its cause */
    uint8_t reason;    /* DISCONNECT: DR reason or ER cause */
    const char *why;   /* DISCONNECT: one line for people, static storage */
};

struct cvn_cotp_opts {
    const struct cvn_alloc *alloc; /* NULL: cvn_alloc_std() */
    bool initiator;
    uint16_t reference;        /* our SRC-REF, not 0 */
    struct cvn_octets calling; /* initiator: TSELs to send; n == 0: left out; copied */
    struct cvn_octets called;
    bool expedited;    /* initiator: ask for it; responder: agree if asked */
    bool acknowledged; /* initiator, class 2: ask for an EA to each ED too (C6 bit 6); a responder
                          agrees always */
    uint8_t classes;   /* enum cvn_cotp_class. Initiator: both: class 2 is proposed with class 0
                          as its alternative; 0: class 0. Responder: which it agrees to, class 2
                          if the CR prefers it; 0: both */
    uint32_t tpdu_max; /* largest TPDU to send and to propose: 128..65531, 0: 65531.
                                      65531 is proposed by leaving the parameter out; a power of
                                      two by C0; other multiples of 128 by F0 and C0 together */
    bool lenient;      /* ignore low bits of DT (RFC 1006) instead of RFC 2126 6.5 */
};

struct cvn_cotp;

/* *out is the caller's to free; untouched on error. CVN_OK, CVN_EINVAL, CVN_ENOMEM. */
int cvn_cotp_new(struct cvn_cotp **out, const struct cvn_cotp_opts *opts) CVN_MUST_USE;
void cvn_cotp_free(struct cvn_cotp *c); /* NULL is fine */

/* Whether the CR is to ask for expedited data, whatever opts said. Initiator in CLOSED;
 * elsewhere it is too late and nothing is changed. */
void cvn_cotp_ask_expedited(struct cvn_cotp *c, bool ask);
/* T-CONNECT request: queues CR. Initiator in CLOSED. CVN_OK, CVN_ESTATE, CVN_ENOMEM. */
int cvn_cotp_connect(struct cvn_cotp *c) CVN_MUST_USE;
/* T-CONNECT response: queues CC, with the TSELs of the CR (those over CVN_TSEL_MAX
 * left out). WFTRESP. CVN_OK, CVN_ESTATE, CVN_ENOMEM. */
int cvn_cotp_accept(struct cvn_cotp *c) CVN_MUST_USE;
/* T-DISCONNECT request. In WFTRESP: queues DR with reason (one of 128 and over is sent
 * as 0 to a CR for class 0, which does not have them, 13.5.3). In WFCC and OPEN, class 0:
 * only ends (the stream's close says it, 6.7.4), reason ignored. In OPEN, class 2: queues DR
 * behind what was asked for before, if no EA is due, else instead of what has not begun to
 * go; then CLOSING. In WFCC after a CR for class 2: WBCL, where DR waits for CC (6.7.5 b).
 * CVN_OK, CVN_ESTATE, CVN_ENOMEM. */
int cvn_cotp_disconnect(struct cvn_cotp *c, enum cvn_cotp_reason reason) CVN_MUST_USE;

/* T-DATA request, streamed: the octets of header (copied; at most 65,600) and
 * then of the n slices at data (lent, owner is held until they have been sent)
 * are the next part of the current TSDU; end closes it. Segmented into DT TPDUs
 * of at most the agreed size, each DT given out as soon as it is full or at end;
 * a part that does not fill a DT and is not the end goes out as a DT of its own
 * (6.3.3 note 2). No octets and no end: nothing is done. A TSDU of no octets at all
 * is CVN_EINVAL.
 * CVN_OK, CVN_EINVAL, CVN_ESTATE, CVN_ENOMEM (nothing was queued). */
int cvn_cotp_data(struct cvn_cotp *c, struct cvn_octets header, struct cvn_ref *owner,
                  const struct cvn_octets *data, size_t n, bool end) CVN_MUST_USE;

/* T-EXPEDITED-DATA request, 1..16 octets, copied. It overtakes the DTs that have not
 * begun to go, hence goes between two DTs of a TSDU too, and no other ED. What the
 * stream has taken nothing overtakes (RFC 1006 5). With acknowledgement (class 2) the
 * DTs and EDs behind it are held until its EA. CVN_EUNIT: not negotiated. CVN_OK, CVN_EINVAL, CVN_ESTATE, CVN_ENOMEM. */
int cvn_cotp_expedited(struct cvn_cotp *c, struct cvn_octets data) CVN_MUST_USE;

/* Takes octets from the stream. *used <= len says how many were consumed; an
 * event's octets are a slice of in (or of c for a TPDU that came in parts) and
 * valid until the next feed, trim or free. Any split of the input gives the same
 * TSDUs. A peer's error gives DISCONNECT in every state, also before a TC was there,
 * and what answers it (DR, ER) is queued, or left out when there is no memory.
 *   CVN_MORE   all consumed, no event
 *   CVN_EVENT  *ev is set; feed the rest again
 *   CVN_ECLOSED the TC is over; the octets are dropped, *used == len
 *   CVN_ENOMEM the *used octets were consumed, in class 0 none: feed the rest again */
int cvn_cotp_feed(struct cvn_cotp *c, const uint8_t *in, size_t len, size_t *used,
                  struct cvn_cotp_event *ev) CVN_MUST_USE;

/* The stream ended or failed. CVN_EVENT: T-DISCONNECT indication in *ev;
 * CVN_NONE: the TC was over, being released, or had not begun. */
int cvn_cotp_stream_closed(struct cvn_cotp *c, struct cvn_cotp_event *ev) CVN_MUST_USE;

/* What is to be sent. */
struct cvn_out *cvn_cotp_out(struct cvn_cotp *c);
enum cvn_cotp_state cvn_cotp_state(const struct cvn_cotp *c);
/* ENDED. True: send what is left, shut down writing, then close; after a refusal or an
 * ER leave the closing to the peer for a while (6.1.3 note 3). */
bool cvn_cotp_closing(const struct cvn_cotp *c);
/* Whether expedited data was agreed; false unless OPEN. */
bool cvn_cotp_has_expedited(const struct cvn_cotp *c);
/* 0 or 2: the class proposed by an initiator, from CONNECT_* on the one selected. */
unsigned cvn_cotp_class_id(const struct cvn_cotp *c);
/* Octets of the largest TPDU that may be sent, as agreed; 0: not agreed yet. */
uint32_t cvn_cotp_tpdu_max(const struct cvn_cotp *c);
/* Gives back what an idle connection does not need: the empty queue's ring, the
 * octets of the last event. */
void cvn_cotp_trim(struct cvn_cotp *c);

#endif
