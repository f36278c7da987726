/* SPDX-License-Identifier: MIT */
/* blocking - a session connection on a blocking socket. */
#include "examples/blocking.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

cvn_time blocking_now(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (cvn_time)t.tv_sec * 1000000000u + (cvn_time)t.tv_nsec;
}

int blocking_open(struct blocking *b, int fd, bool initiator)
{
    struct cvn_sc_opts opts = {.initiator = initiator, .reference = 1, .x225.reuse = true};
    b->fd = fd;
    b->have = b->used = 0;
    if (cvn_sc_new(&b->sc, &opts) == CVN_OK)
        return 0;
    errno = ENOMEM;
    return -1;
}

void blocking_close(struct blocking *b)
{
    (void)blocking_flush(b);
    (void)close(b->fd);
    cvn_sc_free(b->sc);
}

int blocking_flush(struct blocking *b)
{
    struct cvn_iov iov[16];
    size_t n;
    while ((n = cvn_sc_out_iov(b->sc, iov, 16)) > 0) {
        struct iovec out[16];
        for (size_t i = 0; i < n; i++)
            out[i] = (struct iovec){(void *)(uintptr_t)iov[i].base, iov[i].len};
        struct msghdr m = {.msg_iov = out, .msg_iovlen = n};
        ssize_t sent = sendmsg(b->fd, &m, MSG_NOSIGNAL);
        if (sent < 0)
            return -1;
        cvn_sc_sent(b->sc, (size_t)sent);
    }
    return 0;
}

/* Waits until there is something to read or the connection's timer is due. */
static void wait_for_octets(struct blocking *b)
{
    cvn_time due = cvn_sc_deadline(b->sc);
    struct pollfd p = {.fd = b->fd, .events = POLLIN};
    cvn_time now = blocking_now();
    int ms = due == CVN_NEVER ? -1 : due <= now ? 0 : (int)((due - now) / 1000000u) + 1;
    if (poll(&p, 1, ms) == 0)
        cvn_sc_tick(b->sc, blocking_now());
    if ((p.revents & (POLLIN | POLLHUP | POLLERR)) == 0)
        return;
    ssize_t n = recv(b->fd, b->in, sizeof b->in, 0);
    b->used = 0;
    b->have = n > 0 ? (size_t)n : 0;
    if (n <= 0)
        cvn_sc_stream_closed(b->sc, blocking_now());
}

int blocking_wait(struct blocking *b)
{
    for (;;) {
        size_t used = 0;
        int rc = cvn_sc_feed(b->sc, b->in + b->used, b->have - b->used, &used, &b->event,
                             blocking_now());
        b->used += used;
        if (rc == CVN_ECLOSED || rc == CVN_MORE)
            rc = cvn_sc_next(b->sc, &b->event, blocking_now()) == CVN_EVENT ? CVN_EVENT : rc;
        if (blocking_flush(b) != 0)
            cvn_sc_stream_closed(b->sc, blocking_now());
        if (rc == CVN_EVENT)
            return 0;
        if (rc != CVN_MORE || cvn_sc_closing(b->sc))
            return -1;
        wait_for_octets(b);
    }
}

void blocking_must(const char *what, int rc)
{
    if (rc == CVN_OK)
        return;
    (void)fprintf(stderr, "%s: %s\n", what, cvn_err_text(rc));
    exit(1);
}
