/* SPDX-License-Identifier: MIT */
/*
 * beneath - names from a peer, resolved beneath a folder and nowhere else
 * (openat2 with RESOLVE_BENEATH and RESOLVE_NO_SYMLINKS).
 */
#ifndef CVN_OS_BENEATH_H
#define CVN_OS_BENEATH_H

#include <stdbool.h>
#include <stddef.h>

/* Whether a name of n octets may stand beneath a folder: relative, no empty part,
 * no "." or "..", no NUL, no part over 255 octets, and its first part not reserved. */
bool cvn_name_fits(const char *name, size_t n, const char *reserved);

/* Whether a symbolic link at name (beneath the folder) with this target stays beneath it. */
bool cvn_target_fits(const char *name, const char *target);

/* openat2 beneath dir; -1 and errno as openat. */
int cvn_open_beneath(int dir, const char *name, int flags, unsigned mode);

/* Opens the folder that holds name, making what is missing (mode 0777 less umask,
 * each new folder's parent fsync'ed); *last is name's last part. -1 and errno. */
int cvn_parent_beneath(int dir, const char *name, bool make, const char **last);

#endif
