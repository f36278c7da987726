/* SPDX-License-Identifier: MIT */
/*
 * alloc_faulty - allocations that are counted, and one of them refused. Builds with
 * -Dfaults=true have alloc_faulty.c in the place of alloc.c.
 */
#ifndef CVN_BASE_ALLOC_FAULTY_H
#define CVN_BASE_ALLOC_FAULTY_H

#include <stdbool.h>

/* The n-th allocation from the process's beginning fails, and no other; 0: none. */
void cvn_alloc_fail_at(unsigned long n);
unsigned long cvn_alloc_counted(void);
/* Counts one; false: this is the one that fails. For allocators of other libraries too. */
bool cvn_alloc_may(void);

#endif
