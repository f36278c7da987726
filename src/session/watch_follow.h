/* SPDX-License-Identifier: MIT */
/*
 * watch_follow - both session protocol machines of a connection, guessed from what its ends send.
 *
 * For each end the set of hypotheses is kept that explain all it has sent: a machine, and how many
 * of the peer's SPDUs it had taken by then. What an end sends is mapped to the primitive that causes
 * it, or to what its machine had to send by itself. An exchange in which every SPDU has an
 * explanation is never called wrong; a sender without a hypothesis left has broken the rules.
 */
#ifndef CVN_SESSION_WATCH_FOLLOW_H
#define CVN_SESSION_WATCH_FOLLOW_H

#include "convene/alloc.h"
#include "proto/x225/tsdu.h"

struct follow;

enum follow_verdict {
    FOLLOW_LEGAL,
    FOLLOW_WRONG,   /* no explanation; nothing is followed until the next CN */
    FOLLOW_UNKNOWN, /* not followed */
    FOLLOW_LOST,    /* too much to try, or no memory: nothing is followed until the next CN */
};

/* What is said of one SPDU. */
struct follow_said {
    enum follow_verdict verdict;
    bool has_prim;
    enum cvn_x225_service service;
    enum cvn_x225_type type;
    bool by_provider;
    bool activity_end; /* MAA is AEA */
    int rc;            /* WRONG: why the likeliest hypothesis refused: enum cvn_err; CVN_FULL:
                          another SPDU was due, CVN_EPROTO: PREPARE was due */
    unsigned state;    /* WRONG: the state it was in */
    uint32_t due;      /* WRONG, rc CVN_ESERIAL: the number that was due, or CVN_SERIAL_NONE */
    uint8_t due_spdu;  /* rc CVN_FULL: the SPDU that was due */
};

/* CVN_OK, CVN_ENOMEM. */
int cvn_follow_new(struct follow **out, const struct cvn_alloc *a) CVN_MUST_USE;
void cvn_follow_free(struct follow *f); /* NULL is fine */

/* A transport connection is there; initiator: the side that asked for it. */
void cvn_follow_up(struct follow *f, unsigned initiator, bool expedited);
/* The transport connection is over. */
void cvn_follow_down(struct follow *f);
/* Nothing can be said until the next CN. */
void cvn_follow_lose(struct follow *f);
bool cvn_follow_active(const struct follow *f);

/* An SPDU that side has sent, whole (of DT and TD, their beginning). */
void cvn_follow_spdu(struct follow *f, unsigned side, const struct cvn_tsdu_event *te,
                     bool expedited, struct follow_said *said);

/* The state side is in once it has taken all; CVN_X225_STATES: unknown. */
unsigned cvn_follow_state(const struct follow *f, unsigned side);
/* How side's machine sees things; false: unknown. */
bool cvn_follow_vars(const struct follow *f, unsigned side, struct cvn_x225_vars *v);

#endif
