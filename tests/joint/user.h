/* SPDX-License-Identifier: MIT */
/*
 * user - what an SS-user knows by X.215: what it may ask for now, what the other user must hear, and
 * in which order; where the tokens are; the serial numbers of table A.4; activities. It knows no
 * state table.
 */
#ifndef CVN_JOINT_USER_H
#define CVN_JOINT_USER_H

#include "world.h"

enum verdict { NO, MAYBE, YES };

/* May this user ask p now? YES must be taken by the machine, NO must be refused. */
enum verdict user_may(unsigned side, const struct cvn_x225_prim *p);
bool user_ss(void);

#endif
