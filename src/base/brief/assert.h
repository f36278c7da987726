/* SPDX-License-Identifier: MIT */
/*
 * assert - in the place of the C library's in builds with -Dwords=brief: a failed assertion
 * traps. What it would have said is not in the program, which for a device is several kilobytes.
 */
#ifndef CVN_BASE_BRIEF_ASSERT_H
#define CVN_BASE_BRIEF_ASSERT_H

static inline void cvn_assert_failed(void)
{
    __builtin_trap();
}

#define assert(holds) ((holds) ? (void)0 : cvn_assert_failed())
#ifndef __cplusplus
#define static_assert _Static_assert
#endif

#endif
