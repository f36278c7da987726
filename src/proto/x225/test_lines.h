/* SPDX-License-Identifier: MIT */
/*
 * test_lines - the SPDUs of X.225 clause 8, one line of text each, and octets built
 * from them: what the tests of spdu.c judge it by. Its tables are not used here.
 */
#ifndef CVN_PROTO_X225_TEST_LINES_H
#define CVN_PROTO_X225_TEST_LINES_H

#include "proto/x225/spdu.h"
#include "proto/x225/spdu_same.h"

/* As ck_assert, but costs nothing while it holds: Check notes every call in a file. */
#define MUST(x)                                                                                    \
    do {                                                                                           \
        if (!(x))                                                                                  \
            ck_abort_msg("%s", #x);                                                                \
    } while (0)

/* SI, category, user information, parameters: code and m or o; { } the units of a group. */
struct line {
    const char *name;
    unsigned si;
    unsigned category;
    bool information;
    const char *units;
};

extern const struct line lines[CVN_SPDU_TYPES];

#define UNITS_MAX 32

struct unit {
    unsigned pgi; /* 0: top level */
    unsigned code;
    bool mandatory;
    bool group;
    bool present; /* in what is built */
    size_t n;
    uint8_t value[80];
};

struct units {
    enum cvn_spdu_type type;
    size_t n;
    struct unit at[UNITS_MAX];
};

struct octets {
    uint8_t *p;
    size_t n;
};

/* What to do to the octets. Offsets are from the SPDU's SI. */
struct twist {
    bool reversed;
    const struct unit *twice;
    const struct unit *before; /* extra goes before this unit */
    bool at_end;               /* or at the end */
    struct octets extra;
    size_t extra_at; /* set: where extra, or the second of twice, stands */
    const struct unit *mark;
    size_t mark_at; /* set: where mark stands */
};

/* The units of an SPDU, all present; of CN's two forms of user data only 193. */
struct units units_of(enum cvn_spdu_type type);
/* The unit of this code. */
struct unit *unit(struct units *us, unsigned pgi, unsigned code);
/* Only what must be there is present. */
struct units mandatory_only(enum cvn_spdu_type type);
/* u is made present, with its group and what the group must have. */
void add_unit(struct units *us, struct unit *u);
void set(struct unit *u, const void *value, size_t n);
void set_octet(struct unit *u, unsigned v);
/* Appends. */
void put(struct octets *o, const void *p, size_t n);
void put_head(struct octets *o, unsigned code, size_t n);
/* The octets of the SPDU; t may be NULL. */
struct octets build(const struct units *us, struct twist *t);
/* Decodes o, and a copy of its exact size, so that a read outside is caught. */
int decode(struct cvn_spdu *s, enum cvn_spdu_type type, struct octets o,
           struct cvn_spdu_fault *fault);
/* Encodes, which must do; the octets are the caller's. */
struct octets encode(const struct cvn_spdu *s);
void expect_same_octets(struct octets a, struct octets b);
/* The octets decode, and encode to themselves. */
void expect_round_trip(const struct units *us, struct cvn_spdu *s);
/* Refused, at offset (SIZE_MAX: anywhere) and for this reason. */
void expect_fault(const struct units *us, struct twist *t, size_t offset, const char *why);
/* An octet as it is taken in the parameter of this code, -1: reserved. */
int value_taken(enum cvn_spdu_type type, unsigned code, unsigned v);
/* The member that the parameter of this code, one octet, is kept in. */
uint8_t *octet_of(struct cvn_spdu *s, unsigned code);
/* The same of a number; NULL: the code is of none. */
uint32_t *number_of(struct cvn_spdu *s, unsigned code);
/* Encoding says code and writes nothing. */
void expect_refused(const struct cvn_spdu *s, int code);
/* What us decode to; *o is the caller's. */
struct cvn_spdu decoded(const struct units *us, struct octets *o);
/* The octets of a text. */
struct octets hex(const char *text);

#endif
