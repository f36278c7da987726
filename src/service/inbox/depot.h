/* SPDX-License-Identifier: MIT */
/*
 * depot - the folder into which an inbox receives: partial files in DIR/.convene
 * while they are unfinished, then moved to their names. Slow steps run on the
 * loop's worker threads.
 */
#ifndef CVN_SERVICE_INBOX_DEPOT_H
#define CVN_SERVICE_INBOX_DEPOT_H

#include <uv.h>

#include "session/receive.h"

enum cvn_conflict { CVN_CONFLICT_FAIL, CVN_CONFLICT_REPLACE, CVN_CONFLICT_RENAME };

struct cvn_depot;

/* dir must be there. CVN_OK; CVN_EIO with errno; CVN_ENOMEM. */
int cvn_depot_open(struct cvn_depot **out, uv_loop_t *loop, const char *dir,
                   enum cvn_conflict conflict) CVN_MUST_USE;
void cvn_depot_close(struct cvn_depot *d);
extern const struct cvn_depot_ops cvn_depot_ops;

#endif
