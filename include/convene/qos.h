/* SPDX-License-Identifier: MIT */
/*
 * qos - quality of service of a session connection: the parameters of X.215 clause 10, and what becomes of
 * them.
 *
 * X.225 has no parameter for any of them, so nothing here travels as such. What the users agree
 * upon through S-CONNECT is what the transport below can do for the one who asks, and three
 * things that show themselves in the protocol:
 *   protection            what the stream gives (TLS, when there is one); else S-CONNECT is refused
 *                         before anything is sent
 *   extended control      transport expedited data, asked for in CR (C6) and agreed in CC
 *   optimized dialogue    extended concatenation: Protocol Options of CN and AC
 * The others are settled on each side for itself by cvn_qos_settle(), and given to the transport by
 * whoever owns it: a priority as DSCP and SO_PRIORITY, a throughput as a limit of the rate.
 */
#ifndef CONVENE_QOS_H
#define CONVENE_QOS_H

#include <stdbool.h>
#include <stdint.h>

#include "convene/err.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Session connection protection; a set. */
enum cvn_protection {
    CVN_PROTECT_READING = 1,  /* against passive monitoring */
    CVN_PROTECT_CHANGING = 2, /* against modification, replay, addition and deletion */
};

#define CVN_QOS_PRIORITIES 15u /* 0 the highest, 14 the lowest, as X.214 has them */

/* What is desired, and what is just acceptable; 0: not said. */
struct cvn_qos_range {
    uint64_t desired;
    uint64_t limit; /* of a throughput the least, of all else the most */
};

struct cvn_qos {
    /* negotiated */
    uint8_t protection;                  /* enum cvn_protection */
    int8_t priority;                     /* 0 to 14; -1: not said */
    bool extended_control;               /* desired; settled: there */
    bool optimized_dialogue;             /* desired; settled: there */
    struct cvn_qos_range throughput[2];  /* octets a second: from this side, to this side */
    struct cvn_qos_range transit_ns[2];  /* nanoseconds: from this side, to this side */
    struct cvn_qos_range residual_error; /* errors in 10^12 octets */
    /* of the provider's performance: agreed upon outside of the connection, judged, not negotiated */
    uint64_t establishment_ns; /* the most; 0: not said */
    uint64_t release_ns;
    uint32_t establishment_failure; /* in a million; 0: not said */
    uint32_t transfer_failure;
    uint32_t release_failure;
    uint32_t resilience; /* in a million, of release and resynchronization by the
                                               provider; 0: not said */
};

/* What a provider can do, as its owner knows it. */
struct cvn_qos_provider {
    uint8_t protection;        /* enum cvn_protection */
    bool expedited;            /* transport expedited data */
    bool concatenation;        /* extended concatenation */
    bool priorities;           /* packets can be told apart */
    uint64_t throughput[2];    /* octets a second; 0: not known, and taken to be enough */
    uint64_t transit_ns[2];    /* 0: not known */
    uint64_t residual_error;   /* errors in 10^12 octets; 0: not known */
    uint64_t establishment_ns; /* as it was seen; 0: not known */
};

/* Nothing is asked for. */
CVN_API void cvn_qos_init(struct cvn_qos *q);

/* What of asked this provider gives, in *out: a range's desired is then what is selected (the
 * desired value, or what there is if that is less), its limit as asked. *why gets what stands in the
 * way, static storage. Nothing is kept; *out is untouched unless CVN_OK.
 *   CVN_OK
 *   CVN_EINVAL a value outside its range, or a limit beyond what is desired
 *   CVN_EPERM  something that has to be there is not: protection, or a limit is not reached */
CVN_API int cvn_qos_settle(const struct cvn_qos *asked, const struct cvn_qos_provider *can,
                           struct cvn_qos *out, const char **why) CVN_MUST_USE;

/* A priority as a differentiated services code point (RFC 4594) and as SO_PRIORITY of Linux.
 * -1: none was said. */
CVN_API int cvn_qos_dscp(const struct cvn_qos *q);
CVN_API int cvn_qos_so_priority(const struct cvn_qos *q);

#ifdef __cplusplus
}
#endif
#endif
