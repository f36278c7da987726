/* SPDX-License-Identifier: MIT */
/*
 * test_scene - for tests: one machine, by its public face, in a state in which it takes an SPDU of
 * a given type; what it then does, as text.
 */
#ifndef CVN_PROTO_X225_TEST_SCENE_H
#define CVN_PROTO_X225_TEST_SCENE_H

#include "convene/x225.h"
#include "proto/x225/test_lines.h"

/* How the machine stands to the SPDU: A.4.1. */
enum standing {
    CONNECTED, /* an error is answered by AB */
    NOBODY,    /* no session connection: T-DISCONNECT */
    OVER,      /* it is ignored */
};

/* The state for an SPDU of a type, and what must come of the SPDU with values_of(). */
struct scene {
    uint16_t units;
    bool responder;
    bool expedited; /* the transport has expedited data, and the SPDU comes on that flow */
    bool activity;  /* one is in progress */
    uint8_t ask; /* enum cvn_x225_service: what the user has requested; CVN_S_SERVICES: nothing */
    enum standing standing;
    const char *told; /* "S-DATA indication"; "": nothing */
    enum cvn_x225_state state;
};

extern const struct scene scenes[CVN_SPDU_TYPES];

enum slicing { WHOLE, OCTETS, RANDOM, SLICINGS };

struct machine {
    struct cvn_x225 *x;
    bool slicing_data;
    uint32_t random;
    char *text; /* what has come out: events, what goes to the transport */
    size_t text_len;
    const char *why; /* of the last S-P-ABORT */
    struct octets tx;
    struct octets ssdu;
    unsigned session; /* enum cvn_spdu_type */
};

/* The parameters of an SPDU that is right in its scene; *info: its user information. */
struct units values_of(enum cvn_spdu_type type, struct octets *info);
/* GT or PT before it if it needs one, the SPDU, its user information. at: where it stands. */
struct octets tsdu_of(enum cvn_spdu_type type, struct octets spdu, struct octets info, size_t *at);

void machine_begin(struct machine *m, enum cvn_spdu_type type);
void machine_end(struct machine *m);
/* From now on nothing is in the text. */
void machine_forget(struct machine *m);
void machine_feed(struct machine *m, struct octets tsdu, bool expedited, enum slicing slicing);
/* The text, with the state as its last line. */
const char *machine_said(struct machine *m);

#endif
