/* SPDX-License-Identifier: MIT */
/*
 * sessions - sessions.conf: a name stands for several transport addresses, tried in order, with
 * selectors and options (docs/ADDRESSES.md).
 */
#ifndef CVN_OS_SESSIONS_H
#define CVN_OS_SESSIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "convene/url.h"
#include "transport/tcp/tcp.h"

struct cvn_session_entry {
    struct cvn_target targets[CVN_TARGETS_MAX];
    size_t ntargets;
    struct cvn_url url;     /* ssel, tsel, name, minimal; the rest is zero */
    double connect_timeout; /* seconds; < 0: not said */
    int dscp;               /* 0-63; < 0: not said */
    int priority;           /* 0-6; < 0: not said */
    uint64_t limit_rate;    /* octets a second; 0: not said */
};

/* The entry of that name in the file at path; NULL: in $XDG_CONFIG_HOME/convene/sessions.conf
 * (~/.config), then in /etc/convene/sessions.conf, of which either may be missing. why gets what is wrong,
 * with file and line. CVN_OK; CVN_ENOTFOUND: no such entry; CVN_EINVAL: the file is wrong, or
 * path cannot be read. */
int cvn_sessions_find(const char *path, const char *name, struct cvn_session_entry *out, char *why,
                      size_t cap) CVN_MUST_USE;

#endif
