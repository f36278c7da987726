/* SPDX-License-Identifier: MIT */
/*
 * sqlite - the embedded store: one table of keys and values in a SQLite database,
 * WAL, synchronous=FULL, with a checksum of our own in each value, since SQLite
 * hands out flipped bits silently. Puts are committed on a worker thread of the
 * loop, as many as have come together in one transaction.
 */
#ifndef CVN_STORE_SQLITE_H
#define CVN_STORE_SQLITE_H

#include <uv.h>

#include "core/store.h"

struct cvn_sqlite;

/* Opens or makes the database at path (mode 0600). text gets why it failed, for people.
 * CVN_OK, CVN_EIO, CVN_ENOMEM. */
int cvn_sqlite_open(struct cvn_sqlite **out, uv_loop_t *loop, const char *path, char *text,
                    size_t cap) CVN_MUST_USE;
struct cvn_store cvn_sqlite_store(struct cvn_sqlite *s);
/* True: nothing is being committed. */
bool cvn_sqlite_idle(const struct cvn_sqlite *s);
/* Only when idle. */
void cvn_sqlite_close(struct cvn_sqlite *s);
/* Why the last commit failed, for people. */
const char *cvn_sqlite_text(const struct cvn_sqlite *s);

#endif
