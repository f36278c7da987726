/* SPDX-License-Identifier: MIT */
/*
 * tcp - octet streams over TCP on a libuv loop. A stream reads into its own
 * buffer and gives it to its user, and sends what the user has with one writev
 * at a time; it owns its descriptor.
 */
#ifndef CVN_TRANSPORT_TCP_H
#define CVN_TRANSPORT_TCP_H

#include <stdbool.h>
#include <uv.h>

#include "convene/octets.h"
#include "convene/url.h"

#define CVN_TARGETS_MAX 16u /* transport addresses of one session address */

struct cvn_stream;
struct cvn_listener;
struct cvn_dial;

struct cvn_stream_user {
    /* Octets came. *used < len: the user waits; the rest stays where it is until
     * cvn_stream_resume(). */
    void (*feed)(void *ctx, const uint8_t *in, size_t len, size_t *used);
    /* What is to be sent, and how much of it was. */
    size_t (*out)(void *ctx, struct cvn_iov *iov, size_t n);
    void (*sent)(void *ctx, size_t octets);
    /* The peer's host has taken octets since the last call (SIOCOUTQ). May be NULL. */
    void (*alive)(void *ctx);
    /* Nothing came for a second: what need not be held may be given back. May be NULL. */
    void (*idle)(void *ctx);
    /* The stream is over, once; why is for people. Not called after cvn_stream_close(). */
    void (*down)(void *ctx, const char *why);
    /* What went over the wire; may be NULL. */
    void (*seen)(void *ctx, bool sent, const struct cvn_iov *iov, size_t n, size_t octets);
};

/* Takes fd over. Called by the thread that runs the loop. NULL: no memory (fd is closed). */
struct cvn_stream *cvn_stream_new(uv_loop_t *loop, int fd, const struct cvn_stream_user *user,
                                  void *ctx);
/* There may be octets to send. They go at the end of this turn of the loop. */
void cvn_stream_flush(struct cvn_stream *s);
/* Feeds what was left, at the next turn of the loop, and reads on. */
void cvn_stream_resume(struct cvn_stream *s);
/* Tries once to send what is left, then ends; linger: waits a while for the peer to close
 * first, so that what was sent is not destroyed by a reset. The user is not called again. */
void cvn_stream_close(struct cvn_stream *s, bool linger);
/* "127.0.0.1:10102". Valid until it is asked of another stream of the loop. */
const char *cvn_stream_peer(const struct cvn_stream *s);
/* Both ends' addresses, for captures. */
void cvn_stream_addresses(const struct cvn_stream *s, struct sockaddr_storage *local,
                          struct sockaddr_storage *remote);

/* One place where a peer may be. */
struct cvn_target {
    char host[256];
    char port[6];
    bool srv; /* no port was given: SRV records of the host are looked for first */
};
void cvn_target_of(struct cvn_target *t, const struct cvn_url *u);

/* Tries the addresses of host one after another; every attempt has timeout_ms. done gets a
 * connected descriptor (its to keep) or -1 and why. */
typedef void cvn_dial_done(void *ctx, int fd, const char *why);
/* n targets, at most CVN_TARGETS_MAX, one after another, each with all its addresses. A target with
 * srv, whose host is a name with a dot in it, is first looked for as _iso-tsap._tcp.HOST (secure:
 * _iso-tp0s._tcp.HOST, RFC 2782); what is found is tried in its stead, and if nothing is, the host itself.
 * NULL: no memory, or n is wrong. */
struct cvn_dial *cvn_dial_targets(uv_loop_t *loop, const struct cvn_target *targets, size_t n,
                                  bool secure, int family, unsigned timeout_ms, cvn_dial_done *done,
                                  void *ctx);
/* The same for one host, without SRV. */
struct cvn_dial *cvn_dial_start(uv_loop_t *loop, const char *host, const char *port, int family,
                                unsigned timeout_ms, cvn_dial_done *done, void *ctx);
/* done will not be called. */
void cvn_dial_cancel(struct cvn_dial *d);

/* text gets why it failed, for people. accept gets descriptors to keep. */
int cvn_listen(struct cvn_listener **out, uv_loop_t *loop, const char *host, const char *port,
               int family, void (*accepted)(void *ctx, int fd), void *ctx, char *text, size_t cap);
unsigned cvn_listener_port(const struct cvn_listener *l);
void cvn_listener_close(struct cvn_listener *l);

#endif
