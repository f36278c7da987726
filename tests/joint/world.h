/* SPDX-License-Identifier: MIT */
/*
 * world - two session protocol machines, the transport connection between them, and what their
 * users know, in one piece of memory that can be copied and put back: for the exploration.
 *
 * The machines are driven by their public interface. Only the digest of a world, by which the
 * exploration knows that it has been somewhere before, looks inside them.
 */
#ifndef CVN_JOINT_WORLD_H
#define CVN_JOINT_WORLD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "convene/x225.h"

#define FLOW_OCTETS 720u
#define ARENA       24576u
#define LOG_MAX     14u

/* TSDUs in their order: kind, length, sequence number (2), generation, octets. */
struct flow {
    uint16_t n;
    uint8_t octets[FLOW_OCTETS];
};

/* What a user has asked for and the other user must hear of. */
struct entry {
    uint8_t service, type;
    uint8_t tag;    /* first octet of the user data */
    uint8_t detail; /* tokens, reason, resync type, result */
    uint32_t serial;
    bool optional; /* a destructive service may have taken it away */
};

struct log {
    uint8_t n;
    struct entry at[LOG_MAX];
};

/* What a user knows by X.215 from its primitives alone. */
struct user {
    struct log normal, expedited; /* asked for by this user, not yet heard by the other */
    uint8_t tag;
    uint8_t tokens;   /* owned */
    bool connected;   /* S-CONNECT has succeeded, and no S-RELEASE or abort since */
    bool over;        /* aborted: what it still hears of the other does not count */
    bool purging;     /* has asked for a destructive service: nothing need come before its end */
    bool excepting;   /* has reported an exception: nothing need come before recovery */
    bool excepted;    /* has been told of an exception */
    bool controlling; /* S-CONTROL-GIVE requested; the machine may still wait for GTA */
    bool act;         /* inside an activity */
    bool releasing;   /* S-RELEASE requested */
    uint8_t waits;    /* service whose confirm is awaited, CVN_S_SERVICES: none */
    uint8_t answers;  /* service whose response is due */
    bool unsure;      /* of the numbers: points may have been counted that were not told */
    uint8_t resync;   /* type of the resync that was asked for or is to be answered */
    uint8_t setting;  /* tokens that it asks for, as a Token Setting Item */
    bool mine;        /* the last unconfirmed points are this user's: the other may confirm */
    uint32_t a, m, r; /* serial numbers, without symmetric synchronize */
};

struct peer {
    struct cvn_x225 *x;
    struct flow normal, expedited; /* towards this side */
    uint8_t generation;            /* of the transport connection; 0: none */
    struct user user;
};

struct config {
    const char *name;
    uint16_t units;
    const char *moves; /* moves.c */
    uint8_t depth;     /* of the whole exploration */
    bool expedited;    /* the transport has expedited data */
    bool reuse;
    bool connecting; /* begins without a session connection */
    bool version1;
    uint8_t setting; /* token setting of S-CONNECT */
};

struct world {
    const struct config *config;
    struct peer peer[2];
    uint16_t seq;
    uint8_t generation;
    bool cut;    /* the transport connection was lost */
    bool ticked; /* TIM has run out: in STA16 it is not started again */
    bool noise;  /* something that is no SPDU has come */
    bool wrong;
    char why[160];
    uint32_t brk; /* of the arena, in use */
    uint32_t free[64];
    uint8_t arena[ARENA];
};

extern struct world it;

/* The session connection is there, unless the configuration begins without. */
void world_begin(const struct config *c);
void world_blame(const char *form, ...) __attribute__((format(printf, 1, 2)));
/* What has to be kept of it: a prefix. */
size_t world_size(void);
uint64_t world_digest(void);
bool world_quiet(void); /* nothing is on its way */
int world_request(unsigned side, struct cvn_x225_prim *p);
bool world_deliver(unsigned side, bool expedited);
void world_tick(unsigned side);
void world_cut(void);
void world_noise(unsigned side);
/* Looks at everything that must hold now. */
void world_judge(void);
struct cvn_x225_vars world_vars(unsigned side);
bool world_has(uint16_t units);

/* user.c: the two users hear and ask. */
void user_asked(unsigned side, const struct cvn_x225_prim *p);
void user_hears(unsigned side, const struct cvn_x225_prim *p);
void user_lost(unsigned side); /* of the transport connection */
void user_judge(void);         /* nothing is on its way */

/* moves.c: what the users and the transport of a configuration may do. */
unsigned moves_list(const struct config *c);
/* Move n of the list; false: not possible now. */
bool moves_do(unsigned n);
bool moves_is_request(unsigned n); /* and not an abort */
bool moves_is_abort(unsigned n);
void moves_name(unsigned n, char *text, size_t size);

extern const struct config configs[];
extern const unsigned config_count;

#endif
