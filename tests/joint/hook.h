/* SPDX-License-Identifier: MIT */
/*
 * hook - the session protocol machine with a table that can be made wrong in memory, and that
 * counts the rows it looks at and takes. Linked with a build of the library of its own
 * (CVN_X225_MUTANTS); the product's table is constant.
 *
 *   X225_MUTANT=n  the program runs with mutant n
 *   X225_ROWS=file the counts are kept in that file, shared by all processes that are given it
 */
#ifndef CVN_JOINT_HOOK_H
#define CVN_JOINT_HOOK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum mutation { WRONG_NEXT, NO_ACTION, NO_OUTPUT, WRONG_OUTPUT, NEGATED };

struct mutant {
    unsigned row;
    enum mutation kind;
    unsigned at;    /* which of its actions, outputs, literals */
    unsigned wrong; /* the state or output that it gets */
};

struct row_counts {
    uint32_t looked; /* its predicate was evaluated */
    uint32_t taken;
};

unsigned hook_rows(void);
/* The n-th row that was looked at since hook_forget(), and its counts; HOOK_NO_ROW: no more. */
#define HOOK_NO_ROW 0xffffu
unsigned hook_touched(unsigned n, struct row_counts *c);
void hook_forget(void);
/* The n-th mutant of all; false: there are no more. */
bool hook_mutant(unsigned n, struct mutant *m);
/* "next state STA16 for STA713". */
void hook_describe(const struct mutant *m, char *text, size_t size);
void hook_apply(const struct mutant *m);

#endif
