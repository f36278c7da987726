/* SPDX-License-Identifier: MIT */
/*
 * watch_lint - what is unusual about one SPDU taken by itself, and about an AC beside its CN; and
 * the walk through parameters, whatever their values.
 */
#ifndef CVN_SESSION_WATCH_LINT_H
#define CVN_SESSION_WATCH_LINT_H

#include "base/rd.h"
#include "proto/x225/spdu.h"

/* The next PGI or PI unit of a parameter field. */
struct watch_unit {
    uint8_t code;
    struct cvn_octets value;
    bool cut; /* its length goes beyond what encloses it: value is what is there */
};

/* False: nothing is left. */
bool cvn_watch_unit_next(struct cvn_rd *rd, struct watch_unit *u);
/* The parameter field of an SPDU whose SI stands at raw.p. */
struct cvn_rd cvn_watch_units(struct cvn_octets raw);
/* PGI 1, 5, 33: its value is PI units. */
bool cvn_watch_is_group(uint8_t code);
/* The standard's name of a parameter; pgi 0: not in a group. NULL: no SPDU has it. */
const char *cvn_watch_unit_name(enum cvn_spdu_type type, uint8_t pgi, uint8_t code);

struct watch_said {
    const char *what; /* static, without the clause */
    const char *clause;
};
#define WATCH_LINT_MAX 16u

struct watch_offer { /* of CN */
    bool known;
    uint16_t units;
    uint8_t versions;
};

/* Fills said, gives how many. segmented: a TSDU maximum is agreed towards the receiver. */
size_t cvn_watch_lint(struct cvn_octets raw, const struct cvn_spdu *s, bool segmented,
                      const struct watch_offer *offer, struct watch_said said[WATCH_LINT_MAX]);

#endif
