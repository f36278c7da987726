/* SPDX-License-Identifier: MIT */
/*
 * watch - one connection as a third party sees it: the octets of both directions in the order
 * of capture go in, what they say comes out: TPDUs, SPDUs with the primitive that caused each,
 * the states of both ends, and where an end breaks the rules. Free of I/O.
 *
 * The capture does not tell when an end took what the other had sent. Two machines are followed,
 * one for each end; what may still be under way to an end is delivered to its machine as late as
 * possible, and as early as what the end sends next makes necessary (watch_follow.h).
 */
#ifndef CVN_SESSION_WATCH_H
#define CVN_SESSION_WATCH_H

#include "convene/alloc.h"
#include "convene/x225.h"
#include "proto/cotp/cotp_tpdu.h"
#include "proto/x225/spdu.h"

enum cvn_watch_kind {
    CVN_WATCH_TPDU,    /* a TPDU other than DT and ED */
    CVN_WATCH_SPDU,    /* an SPDU, at the end of its TSDU */
    CVN_WATCH_FINDING, /* something wrong, or tolerated; of the last TPDU or SPDU of its side */
};

enum cvn_watch_grade {
    CVN_WATCH_TOLERATED, /* a deviation that a convene end takes */
    CVN_WATCH_WRONG,     /* a deviation that it answers by an abort, or that breaks the rules */
    CVN_WATCH_NOTE,      /* about the watching itself */
};

#define CVN_WATCH_STATE_UNKNOWN CVN_X225_STATES

struct cvn_watch_event {
    enum cvn_watch_kind kind;
    unsigned side; /* that sent it */

    /* TPDU */
    uint8_t code;         /* enum cvn_tpdu_code */
    bool decoded;         /* tpdu is set: CR, CC, DR, ER */
    struct cvn_tpdu tpdu; /* its slices, as all others here: valid until the next call */

    /* SPDU */
    bool known;              /* type is set: the SI is that of an SPDU in this place */
    enum cvn_spdu_type type; /* MAA of the end of an activity is MAA too: see activity_end */
    bool activity_end;       /* MAA: the AEA SPDU */
    bool header_only;        /* GT, PT without a parameter: only there for concatenation */
    bool expedited;          /* on the transport's expedited flow */
    struct cvn_octets raw;   /* SI, LI and parameters, as far as they are there */
    struct cvn_octets info;  /* user information of DT, EX, TD: what is kept of it */
    uint64_t info_octets;    /* and all of it */
    uint64_t tsdu;           /* number of the TSDU in its direction, from 1 */
    uint64_t tsdu_octets;    /* its length */
    unsigned tpdus;          /* DT TPDUs it came in */
    bool cut;                /* the end of the TSDU is not there */
    bool has_prim;           /* the primitive that caused it is known: */
    enum cvn_x225_service service;
    enum cvn_x225_type prim_type;
    bool by_provider; /* no user asked for it */

    /* FINDING */
    enum cvn_watch_grade grade;
    const char *what;   /* one line, static */
    const char *clause; /* "X.225 7.20", static; NULL: none */
    char detail[96];    /* more, or "" */

    /* all: the ends' states after it, the receiver's when it has come. CVN_WATCH_STATE_UNKNOWN */
    unsigned state[2];
};

struct cvn_watch;

struct cvn_watch_opts {
    const struct cvn_alloc *alloc; /* NULL: cvn_alloc_std() */
    bool tsdus;     /* what is fed is TSDUs, each by one call; no TPKT, no COTP; a transport
                       connection is there, side 0 its initiator */
    bool expedited; /* tsdus: the transport connection has expedited data */
};

/* *out is the caller's to free. CVN_OK, CVN_ENOMEM. */
int cvn_watch_new(struct cvn_watch **out, const struct cvn_watch_opts *opts) CVN_MUST_USE;
void cvn_watch_free(struct cvn_watch *w); /* NULL is fine */

/* Octets of the stream from side (0: opened the connection, 1). *used <= len were taken.
 *   CVN_MORE   all taken
 *   CVN_EVENT  *ev is set; call again with the rest, even if that is nothing
 *   CVN_ENOMEM nothing more is followed; what comes is still decoded as far as possible */
int cvn_watch_feed(struct cvn_watch *w, unsigned side, const uint8_t *in, size_t len, size_t *used,
                   struct cvn_watch_event *ev) CVN_MUST_USE;
/* One whole TSDU, with opts.tsdus. Then cvn_watch_next() until CVN_NONE. CVN_OK, CVN_ENOMEM. */
int cvn_watch_tsdu(struct cvn_watch *w, unsigned side, const uint8_t *in, size_t len,
                   bool expedited) CVN_MUST_USE;
/* n octets from side are missing in the capture (0: how many is unknown). CVN_OK. */
void cvn_watch_gap(struct cvn_watch *w, unsigned side, uint64_t n);
/* The side closed its direction, or the connection was reset. */
void cvn_watch_closed(struct cvn_watch *w, unsigned side, bool reset);
/* Events that came without octets. CVN_EVENT, CVN_NONE. */
int cvn_watch_next(struct cvn_watch *w, struct cvn_watch_event *ev) CVN_MUST_USE;

/* Whether the first octets of a stream look like a TPKT with a TPDU that opens a connection, or
 * carries data: -1: not enough of them, 0: no, 1: yes. */
int cvn_watch_looks(const uint8_t *in, size_t len);

#endif
