/* SPDX-License-Identifier: MIT */
/*
 * x225_copy - a second machine in the state of a first, and whether two would go on alike:
 * for whoever has to try what a machine would do.
 */
#ifndef CVN_PROTO_X225_COPY_H
#define CVN_PROTO_X225_COPY_H

#include "proto/x225/machine.h"

/* *out is the caller's to free with cvn_x225_free(). What the transport still had to do (the
 * queue of cvn_x225_out()) must have been taken. CVN_OK, CVN_ESTATE (it was not), CVN_ENOMEM. */
int cvn_x225_copy(struct cvn_x225 **out, const struct cvn_x225 *x) CVN_MUST_USE;

/* Whether the two answer everything that can come in the same way. May say no of two that do. */
bool cvn_x225_alike(const struct cvn_x225 *a, const struct cvn_x225 *b);

#endif
