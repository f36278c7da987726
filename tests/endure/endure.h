/* SPDX-License-Identifier: MIT */
/*
 * endure - two users of X.215 who go on for a long time, each with a ledger of numbered and
 * hashed records. What a user does and how it judges looks at its own end alone, so that the same
 * users run over a link in memory and over TCP between two processes.
 */
#ifndef CVN_TESTS_ENDURE_H
#define CVN_TESTS_ENDURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "convene/connection.h"

#define RECORD_MAX 600u
#define SSDU_MAX   4096u

struct end;

/* What a user is: a play and its state. */
struct play {
    void (*act)(struct end *e);                                  /* may ask for something */
    void (*hear)(struct end *e, const struct cvn_x225_prim *ev); /* SSDUs come whole */
    bool (*settled)(const struct end *e);                        /* owes no answer */
    void (*answer)(struct end *e);                               /* what it owes, and no more */
    bool (*done)(const struct end *e);
};

struct end {
    struct cvn_sc *c;
    unsigned side; /* 0: the one that connects */
    uint64_t random;
    const struct play *play;
    void *user;
    uint8_t ssdu[SSDU_MAX]; /* so far */
    size_t ssdu_n;
    bool connects; /* it wants to hear of S-CONNECT too */
    char trace[64][80];
    unsigned traced;
};

__attribute__((noreturn, format(printf, 2, 3))) void fail(const struct end *e, const char *form,
                                                          ...);
#define must(e, condition)                                                                         \
    do {                                                                                           \
        if (!(condition))                                                                          \
            fail(e, "%s:%d: %s", __FILE__, __LINE__, #condition);                                  \
    } while (0)

uint32_t rnd(uint64_t *state, uint32_t below);

/* true: taken. false: CVN_FULL, ask again later. Anything else fails, but for may (a code). */
bool ask(struct end *e, struct cvn_x225_prim *p);
int try_ask(struct end *e, struct cvn_x225_prim *p);
struct cvn_x225_prim request(enum cvn_x225_service s);
struct cvn_x225_prim response(enum cvn_x225_service s);
void note(struct end *e, const char *what, const struct cvn_x225_prim *p);

/* Records: number, epoch and a hash of all; made of those, so that a receiver can judge. */
size_t record_make(uint8_t *at, char kind, uint32_t epoch, uint64_t number);
bool record_is(struct cvn_octets o, char kind, uint32_t epoch, uint64_t number);
void record_read(struct cvn_octets o, uint32_t *epoch, uint64_t *number);

void put64(uint8_t *at, uint64_t n);
uint64_t get64(const uint8_t *at);

/* --- links --- */

struct link {
    uint8_t *way[2]; /* octets on their way towards an end */
    size_t n[2], room[2];
    uint64_t random;
};
void link_free(struct link *l);
/* A connected pair of ends; users and plays are set by the caller. */
void pair_open(struct end ends[2], const struct cvn_x225_prim *connect,
               const struct cvn_sc_opts opts[2]);
/* One random step of the link: true if anything moved. */
bool link_step(struct link *l, struct end ends[2]);
/* Until nothing moves any more. */
void link_drain(struct link *l, struct end ends[2]);
/* Until both are done; every so often all is drained and audit is called. */
void run_memory(struct end ends[2], void (*audit)(struct end ends[2]));
/* The same in two processes, over TCP. */
void run_tcp(struct end ends[2]);
/* Octets that came for e. */
void take(struct end *e, const uint8_t *in, size_t n);

/* --- plays: each prints what it has done, or fails --- */

struct config {
    uint16_t units;
    uint8_t versions;
    bool expedited;
    uint16_t tsdu_max;
    bool tcp;
    uint64_t seed;
    uint32_t count;
    enum plant { NOTHING, LOSE, TWICE, STALE, TOKEN } plant; /* a user who does wrong on purpose */
};
void play_tokens(const struct config *c);
void play_resync(const struct config *c);
void play_activities(const struct config *c);
unsigned play_combinations(uint64_t seed, unsigned every); /* how many */
#endif
