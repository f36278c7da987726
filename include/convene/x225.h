/* SPDX-License-Identifier: MIT */
/*
 * x225 - the OSI session protocol, ITU-T X.225 / ISO 8327-1, versions 1 and 2:
 * one session protocol machine (SPM) for one transport connection, free of I/O.
 *
 * The user speaks X.215 primitives: requests and responses go in through
 * cvn_x225_request(), indications and confirms come out of cvn_x225_feed() and
 * cvn_x225_next(). Below, the machine speaks the transport service X.214: it is
 * fed TSDUs in slices and gives out TSDUs and requests for the transport through
 * cvn_x225_out(). Time is an argument; there is one timer, TIM.
 *
 * All of the standard's state tables (Annex A) are in x225.csv, from which the
 * machine's tables are generated.
 */
#ifndef CONVENE_X225_H
#define CONVENE_X225_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "convene/alloc.h"
#include "convene/err.h"
#include "convene/octets.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Nanoseconds from any fixed origin that only goes forward. */
typedef uint64_t cvn_time;
#define CVN_NEVER UINT64_MAX

/* Functional units: Session User Requirements, PI 20 (8.3.1.16). */
enum cvn_x225_unit {
    CVN_FU_HALF_DUPLEX = 0x0001,
    CVN_FU_DUPLEX = 0x0002,
    CVN_FU_EXPEDITED = 0x0004,
    CVN_FU_MINOR_SYNC = 0x0008,
    CVN_FU_MAJOR_SYNC = 0x0010,
    CVN_FU_RESYNC = 0x0020,
    CVN_FU_ACTIVITY = 0x0040,
    CVN_FU_NEGOTIATED_RELEASE = 0x0080,
    CVN_FU_CAPABILITY = 0x0100,
    CVN_FU_EXCEPTIONS = 0x0200,
    CVN_FU_TYPED_DATA = 0x0400,
    CVN_FU_SYMMETRIC_SYNC = 0x0800,
    CVN_FU_DATA_SEPARATION = 0x1000,
};
#define CVN_FU_ALL     0x1fffu
#define CVN_FU_DEFAULT 0x0349u /* when the parameter is absent */

/* Tokens: Token Item, PI 16. */
enum cvn_x225_token {
    CVN_TOKEN_DATA = 0x01,
    CVN_TOKEN_MINOR = 0x04,
    CVN_TOKEN_MAJOR = 0x10, /* major/activity */
    CVN_TOKEN_RELEASE = 0x40,
};
#define CVN_TOKEN_ALL 0x55u

/* One pair of bits of a Token Setting Item, PI 26, for each token: the value is
 * shifted to the token's own (low) bit, so SIDE * CVN_TOKEN_x sets token x. */
enum cvn_x225_side {
    CVN_SIDE_INITIATOR = 0,
    CVN_SIDE_RESPONDER = 1,
    CVN_SIDE_ACCEPTOR_CHOOSES = 2,
};

enum cvn_x225_service {
    CVN_S_CONNECT,
    CVN_S_DATA,
    CVN_S_EXPEDITED_DATA,
    CVN_S_TYPED_DATA,
    CVN_S_CAPABILITY_DATA,
    CVN_S_TOKEN_GIVE,
    CVN_S_TOKEN_PLEASE,
    CVN_S_CONTROL_GIVE,
    CVN_S_SYNC_MINOR,
    CVN_S_SYNC_MAJOR,
    CVN_S_RESYNCHRONIZE,
    CVN_S_P_EXCEPTION_REPORT,
    CVN_S_U_EXCEPTION_REPORT,
    CVN_S_ACTIVITY_START,
    CVN_S_ACTIVITY_RESUME,
    CVN_S_ACTIVITY_INTERRUPT,
    CVN_S_ACTIVITY_DISCARD,
    CVN_S_ACTIVITY_END,
    CVN_S_RELEASE,
    CVN_S_U_ABORT,
    CVN_S_P_ABORT,
    CVN_S_SERVICES, /* how many */
};

enum cvn_x225_type { CVN_REQUEST, CVN_INDICATION, CVN_RESPONSE, CVN_CONFIRM };

/* Resync Type, PI 27 (8.3.x). */
enum cvn_x225_resync {
    CVN_RESYNC_RESTART = 0,
    CVN_RESYNC_ABANDON = 1,
    CVN_RESYNC_SET = 2,
    CVN_RESYNC_NONE = 0xff, /* symmetric synchronize: this flow is left alone */
};

/* S-CONNECT result; in RF the Reason Code, PI 50. 128 and up: by the provider. */
enum cvn_x225_result {
    CVN_RESULT_ACCEPT = 0xff,
    CVN_RF_USER = 0,
    CVN_RF_USER_CONGESTION = 1,
    CVN_RF_USER_DATA = 2,
    CVN_RF_SELECTOR_UNKNOWN = 129,
    CVN_RF_NOT_ATTACHED = 130,
    CVN_RF_CONGESTION = 131,
    CVN_RF_VERSION = 132,
    CVN_RF_PROVIDER = 133,
    CVN_RF_RESTRICTION = 134,
};

/* Reason Code of ED, AI, AD. */
enum cvn_x225_reason {
    CVN_REASON_NONE = 0,
    CVN_REASON_RECEIVING_JEOPARDIZED = 1,
    CVN_REASON_SEQUENCE_ERROR = 3,
    CVN_REASON_LOCAL_ERROR = 5,
    CVN_REASON_UNRECOVERABLE = 6,
    CVN_REASON_DEMAND_DATA_TOKEN = 128,
};

/* Reason of S-P-ABORT. */
enum cvn_x225_abort {
    CVN_ABORT_TRANSPORT, /* the transport connection was lost */
    CVN_ABORT_PROTOCOL,  /* a protocol error, ours or seen by the peer */
    CVN_ABORT_UNDEFINED,
    CVN_ABORT_RESTRICTION, /* implementation restriction stated in the PICS (1995) */
};

#define CVN_SERIAL_MAX     999999u
#define CVN_SERIAL_NONE    UINT32_MAX
#define CVN_SSEL_MAX       16u /* sent; up to 64 are taken from a peer */
#define CVN_REFERENCE_MAX  64u
#define CVN_ADDITIONAL_MAX 4u
#define CVN_ACTIVITY_MAX   6u
#define CVN_XSSDU_MAX      14u
#define CVN_USER_DATA_V1   512u

/* Session connection identifier, PGI 1 and PGI 33. .p == NULL: absent. */
struct cvn_x225_connection_id {
    struct cvn_octets calling;    /* 0-64 octets; CN, AR */
    struct cvn_octets called;     /* 0-64; AC, RF, AR */
    struct cvn_octets common;     /* 0-64 */
    struct cvn_octets additional; /* 0-4 */
};

/* One service primitive, X.215. A service looks only at the members named for
 * it; the others are ignored going in and zero (or *_NONE, or absent) coming out.
 * cvn_x225_prim_init() sets everything absent. */
struct cvn_x225_prim {
    enum cvn_x225_service service;
    enum cvn_x225_type type;

    /* S-CONNECT */
    uint8_t result;                   /* response, confirm: enum cvn_x225_result; S-RELEASE: 0xff
                                     affirmative, 0 negative */
    uint8_t versions;                 /* bit 0: version 1, bit 1: version 2; a response selects one;
                                     0 in a request: both; in a response: the highest offered */
    uint16_t units;                   /* request: proposed; response: the responder's set;
                                     indication: proposed; confirm: the intersection */
    struct cvn_x225_connection_id id; /* also S-ACTIVITY-RESUME (old connection, PGI 33) */
    struct cvn_octets calling;        /* calling session selector, 0-16 octets */
    struct cvn_octets called;         /* called; in response and confirm the responding selector */
    uint16_t tsdu_max_initiator;      /* TSDU Maximum Size initiator to responder; 0: unlimited */
    uint16_t tsdu_max_responder;
    /* S-CONNECT, quality of service as far as the protocol shows it (qos.h). Request: desired;
     * response: this side's wish; indication: what the peer's protocol shows; confirm: agreed */
    bool extended_control;   /* transport expedited data */
    bool optimized_dialogue; /* extended concatenation (Protocol Options): this side takes it; in
                                indication and confirm: the peer does, and in the confirm both */
    uint8_t protection;      /* request: enum cvn_protection, what has to be there; judged by
                                cvn_sc_request(). Else: not used */
    bool simplex;            /* S-CONNECT request, positive response: one-way dialogue, see below */

    uint8_t tokens;         /* TOKEN-GIVE, TOKEN-PLEASE: Token Item bits; S-CONNECT
                                     response, confirm: tokens the responder asks for */
    uint8_t token_setting;  /* S-CONNECT, S-RESYNCHRONIZE: Token Setting Item */
    bool has_token_setting; /* false: the default is meant */

    uint32_t serial;  /* CONNECT: initial number; SYNC-*, RESYNCHRONIZE, ACTIVITY-END,
                                     ACTIVITY-RESUME; requests of SYNC-*, ACTIVITY-END: ignored,
                                     the provider chooses and cvn_x225_request() stores it here */
    uint32_t serial2; /* symmetric synchronize: the other flow's number. The first is that of the
                                     flow from the sender of the SPDU: in requests and responses
                                     ours, in indications and confirms the peer's; also resync */
    uint8_t resync;   /* RESYNCHRONIZE: enum cvn_x225_resync */
    uint8_t resync2;  /* symmetric synchronize: type for the other flow */
    bool optional;    /* SYNC-MINOR: explicit confirmation not required */
    bool separation;  /* SYNC-MINOR: with data separation */

    uint8_t reason;                 /* EXCEPTION-REPORTs, INTERRUPT, DISCARD: cvn_x225_reason;
                                     P-ABORT: cvn_x225_abort */
    bool keep;                      /* RELEASE request: offer to keep the transport connection;
                                     RELEASE indication: both would; RELEASE confirm, CONNECT
                                     confirm that refuses, ABORT indication: it is kept */
    struct cvn_octets activity;     /* START, RESUME: identifier, 1-6 octets */
    struct cvn_octets old_activity; /* RESUME */
    struct cvn_octets reflected;    /* P-ABORT, P-EXCEPTION-REPORT: Reflect Parameter Values */

    /* SS-user data. Requests: DATA and TYPED-DATA lend the octets: owner is held until they have
     * been sent; with owner NULL they must stay until cvn_x225_out() has given them out and
     * cvn_x225_out_done() was called. All others are copied before the call returns.
     * Indications and confirms: valid until the next call on the machine. */
    struct cvn_octets data;
    struct cvn_ref *owner;
    bool begin; /* DATA, TYPED-DATA: first slice of the SSDU; all others: whole, both true */
    bool end;   /* DATA, TYPED-DATA: last slice of the SSDU */
    bool
        more; /* requests: another follows at once, and may go out in the same TSDU (6.3.7, extended
                 * concatenation). SYNC-MINOR request and response, ACTIVITY-START and -RESUME without
                 * user data then wait for what is sent next, whatever it is; if the peer has not said
                 * that it takes this (Protocol Options), or a TSDU maximum is agreed, nothing waits */

    const char *why; /* P-ABORT: one line for people with the clause, static storage, or NULL */
};

/* Everything absent; a result is that of acceptance, an SSDU is whole. */
CVN_API void cvn_x225_prim_init(struct cvn_x225_prim *p, enum cvn_x225_service s,
                                enum cvn_x225_type t);
/* "S-SYNC-MINOR", "indication". Static storage. */
CVN_API const char *cvn_x225_service_name(enum cvn_x225_service s);
CVN_API const char *cvn_x225_type_name(enum cvn_x225_type t);

enum cvn_x225_state { /* Annex A */
                      CVN_STA01,
                      CVN_STA01A,
                      CVN_STA01B,
                      CVN_STA01C,
                      CVN_STA01D,
                      CVN_STA02A,
                      CVN_STA02B,
                      CVN_STA03,
                      CVN_STA04A,
                      CVN_STA04B,
                      CVN_STA05A,
                      CVN_STA05B,
                      CVN_STA05C,
                      CVN_STA06,
                      CVN_STA08,
                      CVN_STA09,
                      CVN_STA10A,
                      CVN_STA10B,
                      CVN_STA11A,
                      CVN_STA11B,
                      CVN_STA11C,
                      CVN_STA15A,
                      CVN_STA15B,
                      CVN_STA15C,
                      CVN_STA15D,
                      CVN_STA16,
                      CVN_STA18,
                      CVN_STA19,
                      CVN_STA20,
                      CVN_STA21,
                      CVN_STA22,
                      CVN_STA713,
                      CVN_X225_STATES,
};
/* "STA713". Static storage. */
CVN_API const char *cvn_x225_state_name(enum cvn_x225_state s);

struct cvn_x225_opts {
    const struct cvn_alloc *alloc; /* NULL: cvn_alloc_std() */
    uint16_t units;                /* functional units this SPM has at all; 0: CVN_FU_ALL */
    uint8_t versions;              /* versions this SPM speaks; 0: both */
    bool extended;                 /* able to receive extended concatenation (Protocol Options);
                                      sending it: `more` of a request */
    bool reuse;                    /* local choice of p02, p64, [9]: keep transport connections */
    bool minimal;                  /* the narrow dialect, for peers that take no more: below */
    bool error_report;      /* answer a peer's error by ER where A.4.1 allows it, not by AB */
    uint16_t tsdu_max_send; /* responder: answer this TSDU Maximum Size; 0: none */
    uint16_t tsdu_max_receive;
    uint32_t ssdu_bytes_max; /* largest SSDU assembled from segments (not DATA, TYPED-DATA, which
                                 are streamed); larger: protocol error; 0: 1 MiB */
    uint64_t tim_ns;         /* timer TIM; 0: 30 s */
};

/* The narrow dialect (opts.minimal; ?peer=minimal in addresses). All of it is X.225; some deployed
 * peers read nothing else. Version 2 is offered, and selected, as exactly 2; protocol options are 0;
 * CN, AC, FN and DN always carry user data, be it empty; every length takes one octet: an SPDU whose
 * parameters need more than 254 octets is CVN_ETOOBIG (S-DATA and S-TYPED-DATA stay unlimited);
 * nothing is segmented; references of the connection and TSDU maximum sizes are CVN_EINVAL. Sent by
 * itself: the Connect/Accept Item, Session User Requirements, selectors if given, user data; and what
 * units other than duplex need (token setting, initial serial number). Received is what else is
 * received. */

/* The variables of A.5, for tests, tools and diagnostics. */
struct cvn_x225_vars {
    enum cvn_x225_state state;
    bool initiator; /* session connection initiator (calling) */
    bool vtca, vtrr, vcoll, vdnr, vact, vnextact, vsc, texp;
    uint16_t units;
    uint8_t version; /* 1 or 2 once agreed, else 0 */
    uint8_t tokens_available, tokens_owned;
    uint32_t va, vm, vr;    /* V(A) V(M) V(R); with symmetric synchronize V(As) V(Ms) V(Rs) */
    uint32_t var, vmr, vrr; /* symmetric synchronize: V(Ar) V(Mr) V(Rr) */
    uint32_t queued;        /* events held by action [10] */
};

struct cvn_x225;

/* *out is the caller's to free; untouched on error. A machine begins in STA01
 * with no transport. CVN_OK, CVN_EINVAL, CVN_ENOMEM. */
CVN_API int cvn_x225_new(struct cvn_x225 **out, const struct cvn_x225_opts *opts) CVN_MUST_USE;
CVN_API void cvn_x225_free(struct cvn_x225 *x); /* NULL is fine */

/* A request or response of the user. For S-SYNC-*, S-ACTIVITY-END the number
 * that was used is stored in p->serial (and serial2). Nothing changes unless CVN_OK.
 *   CVN_EINVAL   a parameter is outside its range (too long, a reserved value)
 *   CVN_ESTATE   the state table has no entry: not allowed now
 *   CVN_ETOKEN   refused because of the position of a token
 *   CVN_EUNIT    refused because a functional unit was not agreed
 *   CVN_ESERIAL  refused because of the serial number, or numbers are used up
 *   CVN_ETOOBIG  more user data than the agreed version carries
 *   CVN_EPERM    one-way dialogue was chosen, and this would turn it round
 *   CVN_FULL     take what cvn_x225_out() has first
 *   CVN_ENOMEM */
CVN_API int cvn_x225_request(struct cvn_x225 *x, struct cvn_x225_prim *p,
                             cvn_time now) CVN_MUST_USE;

/* Why cvn_x225_request() would refuse p now, in words for people ("the synchronize-minor token is
 * with the peer"); NULL: it would take it. Static storage. Nothing changes: it may be asked at any
 * time, also to list what is allowed now. Not foreseen: CVN_FULL, CVN_ENOMEM, and CVN_ETOOBIG of the
 * narrow dialect. */
CVN_API const char *cvn_x225_why(const struct cvn_x225 *x, const struct cvn_x225_prim *p);

/* Whether a service may be asked for (CVN_REQUEST) or answered (CVN_RESPONSE) now: the table's cell,
 * for whatever parameters fit. Nothing changes. CVN_OK: there are parameters with which
 * cvn_x225_request() would take it, but for what it says of sizes, numbers that are used up, and
 * memory; else the least of what is in the way: CVN_ESERIAL, CVN_ETOKEN, CVN_EPERM, CVN_ESTATE,
 * CVN_EUNIT. CVN_EINVAL: there is no such primitive for a user. */
CVN_API int cvn_x225_allowed(const struct cvn_x225 *x, enum cvn_x225_service s,
                             enum cvn_x225_type t);

/* One-way dialogue (simplex). X.225 has no functional unit of that name: on the wire it is
 * half-duplex whose data token stays where S-CONNECT puts it. So it is a choice of each user for
 * himself: prim.simplex in S-CONNECT request (units: half-duplex without duplex; the data token
 * with either side, not "acceptor chooses") or in the positive response. Until the session
 * connection ends this machine then refuses with CVN_EPERM
 *   S-TOKEN-GIVE and S-TOKEN-PLEASE that name the data token; S-CONTROL-GIVE where this side has it;
 *   S-RESYNCHRONIZE request that would put it elsewhere, and the response where the choice is ours;
 *   S-DATA of the side that is to listen, even if the peer has given it the token.
 * What a peer that knows nothing of it can still do: ask for the token (S-TOKEN-PLEASE indication,
 * to be ignored), give it away, or move it by S-RESYNCHRONIZE; the dialogue then stands still until
 * he moves it back. S-U-EXCEPTION-REPORT still goes against the stream; it is cleared by
 * S-RESYNCHRONIZE, S-ACTIVITY-INTERRUPT, S-ACTIVITY-DISCARD or S-U-ABORT, not by giving the token. */

/* Transport events (X.214). transport_up: after T-CONNECT; acceptor: we got the
 * T-CONNECT indication; expedited: the TC has expedited data. transport_down:
 * T-DISCONNECT indication; events may follow from cvn_x225_next().
 * CVN_OK, CVN_ESTATE. */
CVN_API int cvn_x225_transport_up(struct cvn_x225 *x, bool acceptor, bool expedited,
                                  cvn_time now) CVN_MUST_USE;
CVN_API int cvn_x225_transport_down(struct cvn_x225 *x, cvn_time now) CVN_MUST_USE;

/* Takes a slice of a TSDU from the transport: begin and end mark its first and
 * last slice (a whole TSDU has both; an expedited TSDU is always whole). Any
 * slicing gives the same primitives, except that the octets of S-DATA and
 * S-TYPED-DATA come in the slices they arrive in. *used <= len says how much was taken. A first
 * slice of which nothing was taken is still the first, whatever begin says when it comes again.
 *   CVN_MORE   all taken, no primitive
 *   CVN_EVENT  *ev is an indication or confirm; call again with what is left, even if that
 *              is nothing (len 0 with the same end), until CVN_MORE
 *   CVN_FULL   take what cvn_x225_out() has first; nothing more was taken
 *   CVN_ENOMEM nothing more was taken */
CVN_API int cvn_x225_feed(struct cvn_x225 *x, const uint8_t *in, size_t len, bool begin, bool end,
                          bool expedited, size_t *used, struct cvn_x225_prim *ev,
                          cvn_time now) CVN_MUST_USE;
/* Primitives that came without octets: after transport_down, tick, request, feed. Some wait for
 * room: ask again when cvn_x225_out() has been emptied.
 * CVN_EVENT, CVN_NONE. */
CVN_API int cvn_x225_next(struct cvn_x225 *x, struct cvn_x225_prim *ev, cvn_time now) CVN_MUST_USE;

/* What the machine wants of the transport. */
enum cvn_x225_out_kind {
    CVN_X225_T_CONNECT,        /* open a transport connection (TCONreq) */
    CVN_X225_T_CONNECT_ACCEPT, /* TCONrsp */
    CVN_X225_T_DATA,           /* a slice of a TSDU: header, then data */
    CVN_X225_T_EXPEDITED,      /* a whole expedited TSDU: header, then data */
    CVN_X225_T_DISCONNECT,     /* TDISreq: send what is queued, then close */
};
struct cvn_x225_out {
    enum cvn_x225_out_kind kind;
    struct cvn_octets header; /* session header octets, the machine's, valid until out_done */
    struct cvn_octets data;   /* user data as lent; may be empty */
    struct cvn_ref *owner;    /* of data; NULL: data_copy */
    bool data_copy;           /* data must be copied before out_done */
    bool end;                 /* T_DATA: last slice of the TSDU */
};
/* The first thing to be done; it stays first until out_done. CVN_EVENT, CVN_NONE. */
CVN_API int cvn_x225_out(struct cvn_x225 *x, struct cvn_x225_out *o) CVN_MUST_USE;
CVN_API void cvn_x225_out_done(struct cvn_x225 *x);

/* When to call cvn_x225_tick() at the latest; CVN_NEVER without a running timer. */
CVN_API cvn_time cvn_x225_deadline(const struct cvn_x225 *x);
CVN_API void cvn_x225_tick(struct cvn_x225 *x, cvn_time now);

CVN_API enum cvn_x225_state cvn_x225_state(const struct cvn_x225 *x);
CVN_API void cvn_x225_vars(const struct cvn_x225 *x, struct cvn_x225_vars *v);

#ifdef __cplusplus
}
#endif
#endif
