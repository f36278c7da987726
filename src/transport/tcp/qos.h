/* SPDX-License-Identifier: MIT */
/* qos - what TCP can do for the quality of a session connection: marking of its packets, their
 * priority on this machine, no waiting for more octets. */
#ifndef CVN_TRANSPORT_QOS_H
#define CVN_TRANSPORT_QOS_H

#include <stdbool.h>

struct cvn_tcp_qos {
    int dscp;     /* 0-63, IPv4 and IPv6; < 0: as it is */
    int priority; /* SO_PRIORITY, 0-6; < 0: as it is */
    bool bulk;    /* Nagle's algorithm stays on: fewer packets, more delay */
};

/* "ef", "af21", "cs3", "be", "le", "va", or a number 0-63. -1: no such code point. */
int cvn_dscp_of(const char *text);

/* Sets what is asked for and reads back what the kernel has (got; dscp and priority < 0: not known).
 * 0, or the errno of what could not be set; the rest is set all the same. */
int cvn_tcp_qos_apply(int fd, const struct cvn_tcp_qos *want, struct cvn_tcp_qos *got);

#endif
