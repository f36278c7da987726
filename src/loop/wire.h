/* SPDX-License-Identifier: MIT */
/*
 * wire - links of stream sessions on a libuv loop: each a TCP stream with the link it
 * carries, and what sessions need of the system.
 */
#ifndef CVN_LOOP_WIRE_H
#define CVN_LOOP_WIRE_H

#include <uv.h>

#include "session/session.h"
#include "transport/tcp/tcp.h"

struct cvn_wire;

/* The wires of a loop. */
struct cvn_wires {
    uv_loop_t *loop;
    uv_idle_t later;
    struct cvn_wire *all;
    void (*moved)(void *ctx); /* something has happened: look at the deadlines again */
    void *ctx;
};

void cvn_wires_init(struct cvn_wires *w, uv_loop_t *loop, void (*moved)(void *ctx), void *ctx);
/* All are closed; sessions are told. The loop has to run once more. */
void cvn_wires_close(struct cvn_wires *w);

/* The stream fd, which is taken over, as a link of s (which has asked for it by ops.dial) or
 * of the host. CVN_OK, CVN_ESTATE (not needed any more), CVN_ENOMEM; fd is closed then. */
int cvn_wire_call(struct cvn_wires *w, int fd, struct cvn_session *s) CVN_MUST_USE;
int cvn_wire_accept(struct cvn_wires *w, int fd, struct cvn_host *h) CVN_MUST_USE;

/* For struct cvn_session_ops. Without random octets the process ends: no secret may be guessed. */
void cvn_wire_random(void *ctx, uint8_t *p, size_t n);
void cvn_wire_hmac(void *ctx, struct cvn_octets key, const struct cvn_octets *parts, size_t n,
                   uint8_t out[CVN_PROOF]);

#endif
