/* SPDX-License-Identifier: MIT */
/*
 * test_pair - for tests: two session protocol machines and a transport between them that
 * keeps order on each of its flows. Side 0 is the one that connects.
 */
#ifndef CVN_PROTO_X225_TEST_PAIR_H
#define CVN_PROTO_X225_TEST_PAIR_H

#include "convene/x225.h"

enum pair_slicing { PAIR_WHOLE, PAIR_OCTETS, PAIR_RANDOM };

struct pair_event {
    struct cvn_x225_prim prim; /* its slices point into octets */
    uint8_t *octets;
    struct pair_event *next;
};

struct pair_tsdu {
    struct pair_tsdu *next;
    unsigned seq;        /* of all that was sent */
    unsigned generation; /* of the transport connection */
    uint8_t kind;        /* enum cvn_x225_out_kind */
    size_t n;
    uint8_t octets[];
};

struct pair_flow {
    struct pair_tsdu *first;
    struct pair_tsdu **last;
};

struct pair_side {
    struct cvn_x225 *x;
    struct pair_event *first;
    struct pair_event **last;
    struct pair_flow normal; /* towards this side */
    struct pair_flow expedited;
    struct pair_flow wire; /* with a tap: in the order of the wire, behind it */
    unsigned generation;
    uint8_t *tx; /* the TSDU this side is sending */
    size_t tx_len;
    uint8_t *ssdu; /* the SSDU this side is receiving */
    size_t ssdu_len;
    unsigned tsdus; /* sent */
    size_t tsdu_max;
};

struct pair {
    struct pair_side side[2];
    struct pair_event taken[2]; /* by pair_take() */
    cvn_time now;
    bool expedited; /* the transport has expedited data */
    enum pair_slicing slicing;
    bool retry;    /* CVN_ENOMEM from feed is tried again */
    bool overtake; /* expedited TSDUs may overtake */
    /* Sees what is on the wire, somewhere between the ends: what one sends it may see before what
     * the other has sent long ago, and an end may take long what it has seen. */
    void (*tap)(void *ctx, unsigned from, const struct pair_tsdu *t);
    void *tap_ctx;
    uint32_t random;
    unsigned seq;
    unsigned generation;
    unsigned protocol_errors; /* S-P-ABORT indications that are not for a lost transport */
    const char *why;
};

void pair_init(struct pair *p, const struct cvn_x225_opts *a, const struct cvn_x225_opts *b);
void pair_fini(struct pair *p);
uint32_t pair_random(struct pair *p, uint32_t below);

/* What side wants of the transport is put on its way. */
void pair_drain(struct pair *p, unsigned side);
/* One TSDU, or what the transport has to say, is delivered. false: there is none. */
bool pair_deliver(struct pair *p);
/* Both until nothing is left. */
void pair_run(struct pair *p);
/* The transport is lost. */
void pair_cut(struct pair *p);
/* Octets as they are, to side, as one TSDU of the normal flow. */
void pair_inject(struct pair *p, unsigned side, const void *octets, size_t n);

/* A primitive with everything absent. */
struct cvn_x225_prim pair_prim(enum cvn_x225_service s, enum cvn_x225_type t);
struct cvn_x225_prim pair_request(enum cvn_x225_service s);
struct cvn_x225_prim pair_response(enum cvn_x225_service s);
struct cvn_octets pair_octets(const char *text);

/* Returns what the machine said. */
int pair_ask(struct pair *p, unsigned side, struct cvn_x225_prim *prim);
/* It must be CVN_OK; then pair_run(). */
void pair_do(struct pair *p, unsigned side, struct cvn_x225_prim *prim);
void pair_do_request(struct pair *p, unsigned side, enum cvn_x225_service s);
void pair_do_response(struct pair *p, unsigned side, enum cvn_x225_service s);

/* The next event of side, which must be this; it is freed by the next pair_take() of the side or
 * pair_fini(). */
const struct cvn_x225_prim *pair_take(struct pair *p, unsigned side, enum cvn_x225_service s,
                                      enum cvn_x225_type t);
/* No event is left on either side. */
void pair_quiet(const struct pair *p);
struct cvn_x225_vars pair_vars(const struct pair *p, unsigned side);
void pair_states(const struct pair *p, enum cvn_x225_state a, enum cvn_x225_state b);

/* Connects with these units in version 2 (both offered); tokens all with side 0; number 1. */
void pair_open(struct pair *p, uint16_t units);
void pair_open_with(struct pair *p, struct cvn_x225_prim *request, struct cvn_x225_prim *response);

#endif
