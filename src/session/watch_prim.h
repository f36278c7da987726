/* SPDX-License-Identifier: MIT */
/* watch_prim - which primitive causes an SPDU: X.225 clause 7. */
#ifndef CVN_SESSION_WATCH_PRIM_H
#define CVN_SESSION_WATCH_PRIM_H

#include "proto/x225/machine.h"

/* The request or response that makes x, which has it still to send, send this SPDU; its slices
 * are those of te, or static. second: the other one of two that give the same SPDU (MAA, AEA).
 * False: no user asks for it (OA, CDO, GTA, AA, ER, PR). */
bool cvn_watch_prim(const struct cvn_x225 *x, const struct cvn_tsdu_event *te, bool second,
                    struct cvn_x225_prim *p);

/* The number by the machine's account, p after its request, is the SPDU's. *due: what it was. */
bool cvn_watch_serial_fits(const struct cvn_x225 *before, const struct cvn_spdu *s,
                           const struct cvn_x225_prim *p, uint32_t *due);

/* The SPDU as octets, less its user data, as one TSDU: what a machine takes of it. CVN_OK,
 * CVN_EINVAL, CVN_ETOOBIG. */
int cvn_watch_essence(const struct cvn_tsdu_event *te, struct cvn_wr *w) CVN_MUST_USE;

#endif
