/* SPDX-License-Identifier: MIT */
/*
 * talk_prim - X.215 primitives as JSON objects and back: docs/TALK.md. One table of members serves
 * both ways; a member that a primitive has not is refused by name.
 */
#ifndef CVN_CLI_TALK_PRIM_H
#define CVN_CLI_TALK_PRIM_H

#include <jansson.h>

#include "convene/x225.h"

#define TALK_WHY 200u /* octets of a text that says what is wrong */

/* The octets that a primitive points at: counted, so that they can be lent. */
struct talk_block {
    struct cvn_ref ref;
    size_t cap;
    size_t used;
    uint8_t octets[];
};
/* NULL: no memory. The reference is the caller's. */
struct talk_block *talk_block_new(size_t cap);

struct talk_prim {
    struct cvn_x225_prim p; /* owner: block, in S-DATA and S-TYPED-DATA */
    struct talk_block *block;
    bool has_length; /* the user data is this many octets of the pattern */
    uint64_t length;
    struct talk_block *pattern; /* those octets, where they are not lent */
};

/* o: an object with the primitive's parameters; members named in `also` (ended by NULL) are passed
 * over. setting_now: a Token Setting Item, for the tokens that S-RESYNCHRONIZE does not name.
 * CVN_OK: the caller ends it with talk_prim_fini(). CVN_EINVAL: why says what; CVN_ENOMEM. */
int talk_prim_read(struct talk_prim *t, const json_t *o, enum cvn_x225_service s,
                   enum cvn_x225_type type, uint8_t setting_now, const char *const *also,
                   char why[TALK_WHY]) CVN_MUST_USE;
void talk_prim_fini(struct talk_prim *t);

/* Adds the parameters of an indication or confirm to o, user data of more than `show` octets as its
 * length alone. available: the tokens that exist. */
void talk_prim_write(json_t *o, const struct cvn_x225_prim *p, uint8_t available, size_t show);
/* Adds user data: "data" if it is UTF-8, else "hex". */
void talk_data_write(json_t *o, struct cvn_octets data);
void talk_hex_write(json_t *o, const char *name, struct cvn_octets data);
/* The octets of hexadecimal digits; NULL: text is not that, or no memory. */
struct talk_block *talk_hex_read(const char *text, size_t n);
/* Text, or 0x and hexadecimal digits. */
json_t *talk_octets_json(struct cvn_octets o);

/* "S-DATA", "s-data", "DATA" or "data"; false: no such service. */
bool talk_service(const char *name, enum cvn_x225_service *s);
/* Names of the tokens of these bits, as a list; of the functional units. */
json_t *talk_tokens_json(uint8_t tokens);
json_t *talk_units_json(uint16_t units);
/* One name, of a list separated by commas too, or a subset (BCS, BSS, BAS). false: text is none. */
bool talk_units_text(const char *text, uint16_t *units);
/* The bit of a token; 0: no such token. */
uint8_t talk_token(const char *name);
const char *talk_token_name(uint8_t token);
/* The tokens that exist with these units. */
uint8_t talk_tokens_of(uint16_t units);

#endif
