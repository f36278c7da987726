/* SPDX-License-Identifier: MIT */
/*
 * talk_words - short commands for people, as the objects of docs/TALK.md; and what is said, as text.
 */
#ifndef CVN_CLI_TALK_WORDS_H
#define CVN_CLI_TALK_WORDS_H

#include <jansson.h>
#include <stdio.h>

#include "convene/x225.h"

struct talk_word {
    const char *name; /* one word or two */
    const char *verb; /* "request", "response", or NULL: no primitive */
    enum cvn_x225_service service;
    const char *places; /* what follows without a name: a letter each, talk_words.c */
    const char *usage;
    const char *help;
};
extern const struct talk_word talk_words[];
extern const size_t talk_nwords;

/* One line. NULL: *why says what is wrong. "yes" and "no" become {"answer":true}, {"answer":false}. */
json_t *talk_words_read(const char *line, size_t n, char *why, size_t cap);
/* One line for people, without its end. */
void talk_words_write(FILE *to, const json_t *o);
/* Words that may stand at a place: "give", 0 -> "data\0synchronize-minor\0...\0". i counts from 0;
 * NULL: there is no further. before: what stands before it on the line, as far as it is whole words. */
const char *talk_words_next(const char *before, size_t i);

#endif
