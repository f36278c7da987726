/* SPDX-License-Identifier: MIT */
/*
 * faults - places where a build with -Dfaults=true can be made to die or to fail.
 * In other builds the calls are empty.
 *
 * CONVENE_CRASH_AT=n: the process kills itself (SIGKILL) at the n-th durable step,
 * counted over the process: before and after each fdatasync, fsync, rename and commit.
 * CONVENE_COUNT_STEPS=FILE: the count is written there at exit.
 * CONVENE_FAIL_ALLOC=n: the n-th allocation of the process fails, ours or one of libuv,
 * SQLite, libcrypto or jansson; the C library's own are not seen.
 * CONVENE_COUNT_ALLOCS=FILE: their count is written there at exit.
 */
#ifndef CVN_OS_FAULTS_H
#define CVN_OS_FAULTS_H

#ifdef CVN_FAULTS
void cvn_fault_step(const char *what);
void cvn_fault_install(void);
#else
static inline void cvn_fault_step(const char *what)
{
    (void)what;
}
static inline void cvn_fault_install(void)
{
}
#endif

#endif
