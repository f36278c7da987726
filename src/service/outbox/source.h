/* SPDX-License-Identifier: MIT */
/*
 * source - what a sender reads: files, links, folders, standard input. A file is
 * hashed as it is read, what was not read in order is hashed on a worker thread at
 * the end; standard input keeps what the peer has not confirmed.
 */
#ifndef CVN_SERVICE_OUTBOX_SOURCE_H
#define CVN_SERVICE_OUTBOX_SOURCE_H

#include <sys/stat.h>
#include <uv.h>

#include "core/store.h"
#include "session/send.h"

struct cvn_source;

/* A file at path, as st says it was when it was found. CVN_OK, CVN_ENOMEM. */
int cvn_source_file(struct cvn_source **out, uv_loop_t *loop, const char *path,
                    const struct stat *st, uint8_t hash) CVN_MUST_USE;
/* A descriptor that cannot be read twice; keeps up to window + 1 MiB octets. */
int cvn_source_pipe(struct cvn_source **out, uv_loop_t *loop, int fd, uint8_t hash, size_t window,
                    void (*wake)(void *ctx), void *ctx) CVN_MUST_USE;
/* Something without octets: a folder or a link. */
int cvn_source_nothing(struct cvn_source **out) CVN_MUST_USE;
void cvn_source_free(struct cvn_source *s);

/* As cvn_sender_ops.read, forget and digest. */
int cvn_source_read(struct cvn_source *s, uint64_t offset, size_t max, struct cvn_ref **owner,
                    struct cvn_octets *block);
void cvn_source_forget(struct cvn_source *s, uint64_t offset);
int cvn_source_digest(struct cvn_source *s, struct cvn_item *it, struct cvn_wait *w) CVN_MUST_USE;

#endif
