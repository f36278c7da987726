/* SPDX-License-Identifier: MIT */
/* options - what the command line of convene-chaos asks for. */
#ifndef CHAOS_OPTIONS_H
#define CHAOS_OPTIONS_H

#include <netdb.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define NEVER    UINT64_MAX
#define MS       UINT64_C(1000000) /* ns */
#define CUTS_MAX 4096u

/* The directions of octets, and the meter that counts both. */
enum way { UP, DOWN, TOTAL, WAYS };

enum how { HOW_RESET, HOW_SILENCE, HOW_HALFOPEN, HOW_FIN, HOWS };
extern const char *const how_name[HOWS];
extern const char *const way_name[WAYS];

struct options {
    struct addrinfo *listen;
    struct addrinfo *to;
    uint64_t cut_at[CUTS_MAX]; /* ascending, no two equal */
    size_t cuts;
    uint64_t gap_min; /* gaps between cuts are drawn from here ... */
    uint64_t gap_max; /* ... to here; 0: they are not drawn */
    uint64_t seed;
    uint64_t count;     /* cuts to draw; NEVER: no end */
    bool counted[WAYS]; /* the meters that the offsets belong to */
    enum how how;
    bool target_silent; /* half-open: the target hears nothing more, the client is reset */
    uint64_t delay_ns;
    uint64_t rate; /* octets a second in each direction; 0: as fast as it goes */
    uint64_t refuse_ns;
    size_t piece_max; /* octets in one write; 0: any */
    FILE *log;        /* NULL: none */
    const char *control;
};

/* Exits with 64 and a line on standard error if it is not understood. */
void options_parse(struct options *o, int argc, char **argv);

/* False if it names none. */
bool how_parse(const char *text, enum how *how);
/* Decimal, with k, M, G for powers of 1024. */
bool number_parse(const char *text, uint64_t *out);

#endif
