/* SPDX-License-Identifier: MIT */
/*
 * wire - a link and its stream.
 *
 * Invariants
 *   I1  a link is freed from the loop alone, never while it calls: hang_up() only notes it.
 *   I2  stream is NULL once it is down; then the wire is about to go.
 */
#include "loop/wire.h"

#include <stdlib.h>
#include <unistd.h>

#include "crypto/hash.h"
#include "crypto/hmac.h"

struct cvn_wire {
    struct cvn_wires *all;
    struct cvn_wire *next;
    struct cvn_stream *stream;
    struct cvn_link *link;
    bool dying;
};

void cvn_wire_random(void *ctx, uint8_t *p, size_t n)
{
    (void)ctx;
    if (cvn_random(p, n) != CVN_OK)
        abort();
}

void cvn_wire_hmac(void *ctx, struct cvn_octets key, const struct cvn_octets *parts, size_t n,
                   uint8_t out[CVN_PROOF])
{
    (void)ctx;
    if (cvn_hmac_sha256(key, parts, n, out) != CVN_OK)
        abort();
}

static void wire_go(struct cvn_wire *w, const char *why)
{
    struct cvn_wires *all = w->all;
    struct cvn_wire **at = &all->all;
    while (*at != w)
        at = &(*at)->next;
    *at = w->next;
    if (w->stream != NULL)
        cvn_stream_close(w->stream, true);
    if (w->link != NULL)
        cvn_link_free(w->link, why, uv_hrtime());
    cvn_free(cvn_alloc_std(), w, sizeof *w);
}

static void on_later(uv_idle_t *i)
{
    struct cvn_wires *all = i->data;
    (void)uv_idle_stop(i);
    for (struct cvn_wire *w = all->all; w != NULL;) {
        struct cvn_wire *next = w->next;
        if (w->dying || (cvn_link_closing(w->link) && cvn_link_out_octets(w->link) == 0))
            wire_go(w, NULL);
        w = next;
    }
    all->moved(all->ctx);
}

static void settle(struct cvn_wire *w)
{
    if (cvn_link_closing(w->link) && cvn_link_out_octets(w->link) == 0)
        (void)uv_idle_start(&w->all->later, on_later);
    w->all->moved(w->all->ctx);
}

/* -------- the stream's -------- */

static void on_feed(void *ctx, const uint8_t *in, size_t len, size_t *used)
{
    struct cvn_wire *w = ctx;
    *used = len;
    cvn_link_feed(w->link, in, len, uv_hrtime());
    settle(w);
}

static size_t on_out(void *ctx, struct cvn_iov *iov, size_t n)
{
    return cvn_link_out_iov(((struct cvn_wire *)ctx)->link, iov, n);
}

static void on_sent(void *ctx, size_t octets)
{
    struct cvn_wire *w = ctx;
    cvn_link_sent(w->link, octets, uv_hrtime());
    settle(w);
}

static void on_alive(void *ctx)
{
    struct cvn_wire *w = ctx;
    cvn_link_alive(w->link, uv_hrtime());
    w->all->moved(w->all->ctx);
}

static void on_down(void *ctx, const char *why)
{
    struct cvn_wire *w = ctx;
    struct cvn_wires *all = w->all;
    w->stream = NULL;
    wire_go(w, why);
    all->moved(all->ctx);
}

static const struct cvn_stream_user stream_user = {
    .feed = on_feed, .out = on_out, .sent = on_sent, .alive = on_alive, .down = on_down};

/* -------- the link's -------- */

static void on_flush(void *ctx)
{
    struct cvn_wire *w = ctx;
    if (w->stream != NULL)
        cvn_stream_flush(w->stream);
}

static void on_hang_up(void *ctx)
{
    struct cvn_wire *w = ctx;
    w->dying = true;
    (void)uv_idle_start(&w->all->later, on_later);
}

static const struct cvn_link_ops link_ops = {on_flush, on_hang_up};

/* -------- beginning and end -------- */

void cvn_wires_init(struct cvn_wires *w, uv_loop_t *loop, void (*moved)(void *ctx), void *ctx)
{
    *w = (struct cvn_wires){.loop = loop, .moved = moved, .ctx = ctx};
    (void)uv_idle_init(loop, &w->later);
    w->later.data = w;
}

void cvn_wires_close(struct cvn_wires *w)
{
    while (w->all != NULL)
        wire_go(w->all, "the program ends");
    uv_close((uv_handle_t *)&w->later, NULL);
}

static struct cvn_wire *wire_new(struct cvn_wires *all, int fd)
{
    struct cvn_wire *w = cvn_new(cvn_alloc_std(), sizeof *w);
    if (w == NULL) {
        (void)close(fd);
        return NULL;
    }
    w->all = all;
    w->stream = cvn_stream_new(all->loop, fd, &stream_user, w);
    if (w->stream == NULL) {
        cvn_free(cvn_alloc_std(), w, sizeof *w);
        return NULL;
    }
    return w;
}

static int wire_begun(struct cvn_wire *w, int rc)
{
    if (rc != CVN_OK) {
        cvn_stream_close(w->stream, false);
        cvn_free(cvn_alloc_std(), w, sizeof *w);
        return rc;
    }
    w->next = w->all->all;
    w->all->all = w;
    cvn_stream_flush(w->stream);
    w->all->moved(w->all->ctx);
    return CVN_OK;
}

int cvn_wire_call(struct cvn_wires *all, int fd, struct cvn_session *s)
{
    struct cvn_wire *w = wire_new(all, fd);
    if (w == NULL) {
        cvn_session_dial_failed(s, "no memory for a stream", uv_hrtime());
        return CVN_ENOMEM;
    }
    return wire_begun(w, cvn_link_new(&w->link, s, &link_ops, w, NULL, uv_hrtime()));
}

int cvn_wire_accept(struct cvn_wires *all, int fd, struct cvn_host *h)
{
    struct cvn_wire *w = wire_new(all, fd);
    if (w == NULL)
        return CVN_ENOMEM;
    return wire_begun(w, cvn_link_accept(&w->link, h, &link_ops, w, NULL, uv_hrtime()));
}
