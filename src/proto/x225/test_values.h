/* SPDX-License-Identifier: MIT */
/* test_values - for tests: two machines, and octets fed to one of them by hand. */
#ifndef CVN_PROTO_X225_TEST_VALUES_H
#define CVN_PROTO_X225_TEST_VALUES_H

#include "proto/x225/test_pair.h"

#define HD    CVN_FU_HALF_DUPLEX
#define FD    CVN_FU_DUPLEX
#define SY    CVN_FU_MINOR_SYNC
#define MA    CVN_FU_MAJOR_SYNC
#define SS    CVN_FU_SYMMETRIC_SYNC
#define RESYN CVN_FU_RESYNC
#define ACT   CVN_FU_ACTIVITY
#define MANY  200000u

extern struct pair p;
extern uint8_t big[MANY];

void begin(const struct cvn_x225_opts *a, const struct cvn_x225_opts *b);
void setup(void);
void teardown(void);
void again(const struct cvn_x225_opts *a, const struct cvn_x225_opts *b);
struct cvn_octets some(size_t n);
/* Side is fed this TSDU; the primitive that comes of it, if one does. */
int given(unsigned side, const char *text, bool expedited, struct cvn_x225_prim *ev);
void gives(unsigned side, const char *text, bool expedited, enum cvn_x225_service s);
void gives_nothing(unsigned side, const char *text, bool expedited);
/* It is a protocol error, and this is what is wrong. */
void is_wrong(unsigned side, const char *text, const char *why);
void drop_output(unsigned side);
/* Both machines anew, agreed on units. */
void open_units(uint16_t units);
/* Asked of side 0, the answer is this code. */
void is_refused(struct cvn_x225_prim q, int code);
/* S-RESYNCHRONIZE request with both numbers 1. */
struct cvn_x225_prim resync(uint8_t type, uint8_t type2);

#endif
