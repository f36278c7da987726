/* SPDX-License-Identifier: MIT */
/*
 * stream - one TCP connection: reading, writing, closing.
 *
 * Invariants
 *   I1  fed <= have; octets buf[fed, have) were read and not taken; nothing is read over them.
 *   I2  after closing is set the user is not called.
 *   I3  watched is what the loop was told to watch: each change of it costs two system calls.
 */
#include <errno.h>
#include <linux/sockios.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/uio.h>
#include <unistd.h>

#include "convene/alloc.h"
#include "transport/tcp/tcp.h"

#define READ_BUFFER (512u << 10)
#define READS_MAX   4
#define IOV_MAX_    256
#define LINGER_MS   2000
#define ALIVE_MS    1000

struct cvn_stream {
    uv_loop_t *loop;
    uv_poll_t poll;
    uv_check_t turn;  /* the end of this turn of the loop */
    uv_idle_t soon;   /* keeps the loop from sleeping before it */
    uv_timer_t timer; /* signs of life; later: lingering */
    int fd;
    const struct cvn_stream_user *user;
    void *ctx;
    uint8_t *buf; /* NULL while nothing comes */
    bool used;    /* since the timer ran last */
    size_t have;
    size_t fed;
    int watched; /* events */
    bool paused;
    bool want_flush;
    bool want_resume;
    bool blocked; /* the socket takes no more now */
    bool closing;
    bool lingering;
    int handles;
    uint64_t total; /* octets given to the socket, */
    uint64_t acked; /* and those that the peer's host has taken */
    char peer[INET6_ADDRSTRLEN + 10];
};

static void on_poll(uv_poll_t *p, int status, int events);

static void watch(struct cvn_stream *s)
{
    int events = (s->paused ? 0 : UV_READABLE) | (s->blocked ? UV_WRITABLE : 0) | UV_DISCONNECT;
    if (events == s->watched)
        return;
    s->watched = events;
    (void)uv_poll_start(&s->poll, events, on_poll);
}

static void on_closed(uv_handle_t *h)
{
    struct cvn_stream *s = h->data;
    if (--s->handles > 0)
        return;
    (void)close(s->fd);
    cvn_free(cvn_alloc_std(), s->buf, READ_BUFFER);
    cvn_free(cvn_alloc_std(), s, sizeof *s);
}

static void end(struct cvn_stream *s)
{
    uv_close((uv_handle_t *)&s->poll, on_closed);
    uv_close((uv_handle_t *)&s->turn, on_closed);
    uv_close((uv_handle_t *)&s->soon, on_closed);
    uv_close((uv_handle_t *)&s->timer, on_closed);
}

static void down(struct cvn_stream *s, const char *why)
{
    if (s->closing)
        return;
    s->closing = true;
    end(s);
    s->user->down(s->ctx, why);
}

/* -------- writing -------- */

static size_t octets_of(const struct cvn_iov *iov, size_t n)
{
    size_t sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += iov[i].len;
    return sum;
}

static void write_some(struct cvn_stream *s)
{
    struct cvn_iov iov[IOV_MAX_];
    size_t n;
    while (!s->blocked && (n = s->user->out(s->ctx, iov, IOV_MAX_)) > 0) {
        struct msghdr m = {.msg_iov = (struct iovec *)(void *)iov, .msg_iovlen = n};
        ssize_t sent = sendmsg(s->fd, &m, MSG_NOSIGNAL);
        s->blocked = sent >= 0 && (size_t)sent < octets_of(iov, n); /* the socket is full */
        if (sent < 0 && errno == EINTR)
            continue;
        if (sent < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
            s->blocked = true;
            break;
        }
        if (sent < 0) {
            down(s, strerror(errno));
            return;
        }
        if (s->user->seen != NULL)
            s->user->seen(s->ctx, true, iov, n, (size_t)sent);
        s->total += (uint64_t)sent;
        s->user->sent(s->ctx, (size_t)sent);
        if (s->closing)
            return;
    }
    watch(s);
}

/* -------- reading -------- */

/* Gives what is there to the user; false: the stream is over or paused. */
static bool feed(struct cvn_stream *s)
{
    while (s->fed < s->have) {
        size_t used = 0;
        size_t len = s->have - s->fed;
        s->user->feed(s->ctx, s->buf + s->fed, len, &used);
        if (s->closing)
            return false;
        s->fed += used;
        if (used < len) {
            s->paused = true;
            return false;
        }
    }
    s->fed = s->have = 0;
    return true;
}

static bool have_buffer(struct cvn_stream *s)
{
    s->used = true;
    if (s->buf == NULL)
        s->buf = cvn_resize(cvn_alloc_std(), NULL, 0, READ_BUFFER);
    return s->buf != NULL;
}

static void read_some(struct cvn_stream *s)
{
    if (!have_buffer(s)) {
        down(s, "no memory to read into");
        return;
    }
    for (int i = 0; i < READS_MAX && !s->paused; i++) {
        ssize_t n = recv(s->fd, s->buf, READ_BUFFER, 0);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
            break;
        if (n <= 0) {
            down(s, n == 0 ? "the peer closed the connection" : strerror(errno));
            return;
        }
        s->have = (size_t)n;
        s->fed = 0;
        if (s->user->seen != NULL) {
            struct cvn_iov iov = {s->buf, (size_t)n};
            s->user->seen(s->ctx, false, &iov, 1, (size_t)n);
        }
        if (!feed(s))
            break;
        if ((size_t)n < READ_BUFFER)
            break;
    }
    if (!s->closing)
        write_some(s);
}

static void on_linger(struct cvn_stream *s, int status, int events)
{
    uint8_t rest[4096];
    ssize_t n = 1;
    while (status == 0 && (events & (UV_READABLE | UV_DISCONNECT)) != 0 && n > 0)
        n = recv(s->fd, rest, sizeof rest, 0);
    if (status != 0 || n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR)) {
        s->lingering = false;
        end(s);
    }
}

static void on_poll(uv_poll_t *p, int status, int events)
{
    struct cvn_stream *s = p->data;
    if (s->lingering) {
        on_linger(s, status, events);
        return;
    }
    if (s->closing)
        return;
    if (status != 0) {
        /* an error stands on the socket: what came before it is read first, then recv says which */
        if (!s->paused)
            read_some(s);
        if (!s->closing)
            down(s, "the connection failed");
        return;
    }
    if ((events & UV_WRITABLE) != 0)
        s->blocked = false;
    if ((events & UV_READABLE) != 0 && !s->paused)
        read_some(s);
    else if ((events & UV_DISCONNECT) != 0 && s->paused)
        watch(s); /* what was read before the end is fed first */
    else
        write_some(s);
}

static void on_turn(uv_check_t *c)
{
    struct cvn_stream *s = c->data;
    (void)uv_check_stop(&s->turn);
    (void)uv_idle_stop(&s->soon);
    if (s->closing)
        return;
    if (s->want_resume) {
        s->want_resume = false;
        s->paused = false;
        if (!feed(s) && s->closing)
            return;
    }
    s->want_flush = false;
    write_some(s);
}

static void on_idle(uv_idle_t *i)
{
    (void)i;
}

static void schedule(struct cvn_stream *s)
{
    (void)uv_check_start(&s->turn, on_turn);
    (void)uv_idle_start(&s->soon, on_idle);
}

void cvn_stream_flush(struct cvn_stream *s)
{
    if (s->closing || s->want_flush)
        return;
    s->want_flush = true;
    schedule(s);
}

void cvn_stream_resume(struct cvn_stream *s)
{
    if (s->closing)
        return;
    s->want_resume = true;
    schedule(s);
}

/* -------- signs of life -------- */

static void on_alive(uv_timer_t *t)
{
    struct cvn_stream *s = t->data;
    int queued = 0;
    if (!s->used && s->have == 0) { /* an idle stream holds no memory beyond its socket's */
        cvn_free(cvn_alloc_std(), s->buf, READ_BUFFER);
        s->buf = NULL;
    }
    s->used = false;
    if (ioctl(s->fd, SIOCOUTQ, &queued) != 0)
        return;
    uint64_t acked = s->total - (uint64_t)queued;
    bool more = acked != s->acked;
    s->acked = acked;
    if (more && s->user->alive != NULL && !s->closing)
        s->user->alive(s->ctx);
}

static void on_lingered(uv_timer_t *t)
{
    struct cvn_stream *s = t->data;
    if (s->lingering) {
        s->lingering = false;
        end(s);
    }
}

/* -------- beginning and end -------- */

static void name_peer(struct cvn_stream *s)
{
    struct sockaddr_storage a;
    socklen_t len = sizeof a;
    char host[INET6_ADDRSTRLEN];
    char port[8];
    if (getpeername(s->fd, (struct sockaddr *)&a, &len) == 0 &&
        getnameinfo((struct sockaddr *)&a, len, host, sizeof host, port, sizeof port,
                    NI_NUMERICHOST | NI_NUMERICSERV) == 0)
        (void)snprintf(s->peer, sizeof s->peer, a.ss_family == AF_INET6 ? "[%s]:%s" : "%s:%s", host,
                       port);
    else
        (void)snprintf(s->peer, sizeof s->peer, "?");
}

static void set_options(int fd)
{
    static const struct {
        int level;
        int name;
        int value;
    } options[] = {
        {IPPROTO_TCP, TCP_NODELAY, 1},   {SOL_SOCKET, SO_KEEPALIVE, 1},
        {IPPROTO_TCP, TCP_KEEPIDLE, 10}, {IPPROTO_TCP, TCP_KEEPINTVL, 5},
        {IPPROTO_TCP, TCP_KEEPCNT, 4},   {IPPROTO_TCP, TCP_USER_TIMEOUT, 30000},
    };
    for (size_t i = 0; i < sizeof options / sizeof options[0]; i++)
        (void)setsockopt(fd, options[i].level, options[i].name, &options[i].value, sizeof(int));
}

struct cvn_stream *cvn_stream_new(uv_loop_t *loop, int fd, const struct cvn_stream_user *user,
                                  void *ctx)
{
    struct cvn_stream *s = cvn_new(cvn_alloc_std(), sizeof *s);
    if (s == NULL || uv_poll_init(loop, &s->poll, fd) != 0) {
        (void)close(fd);
        cvn_free(cvn_alloc_std(), s, sizeof *s);
        return NULL;
    }
    s->loop = loop;
    s->fd = fd;
    s->user = user;
    s->ctx = ctx;
    s->handles = 4;
    s->poll.data = s->turn.data = s->soon.data = s->timer.data = s;
    (void)uv_check_init(loop, &s->turn);
    (void)uv_idle_init(loop, &s->soon);
    (void)uv_timer_init(loop, &s->timer);
    (void)uv_timer_start(&s->timer, on_alive, ALIVE_MS, ALIVE_MS);
    uv_unref((uv_handle_t *)&s->timer);
    set_options(fd);
    name_peer(s);
    watch(s);
    return s;
}

void cvn_stream_close(struct cvn_stream *s, bool linger)
{
    if (s->closing)
        return;
    s->blocked = false;
    struct cvn_iov iov[IOV_MAX_];
    size_t n;
    while ((n = s->user->out(s->ctx, iov, IOV_MAX_)) > 0) {
        struct msghdr m = {.msg_iov = (struct iovec *)(void *)iov, .msg_iovlen = n};
        ssize_t sent = sendmsg(s->fd, &m, MSG_NOSIGNAL);
        if (sent <= 0)
            break;
        if (s->user->seen != NULL)
            s->user->seen(s->ctx, true, iov, n, (size_t)sent);
        s->user->sent(s->ctx, (size_t)sent);
    }
    s->closing = true;
    if (!linger || shutdown(s->fd, SHUT_WR) != 0) {
        end(s);
        return;
    }
    s->lingering = true;
    (void)uv_timer_start(&s->timer, on_lingered, LINGER_MS, 0);
    (void)uv_poll_start(&s->poll, UV_READABLE | UV_DISCONNECT, on_poll);
}

const char *cvn_stream_peer(const struct cvn_stream *s)
{
    return s->peer;
}

void cvn_stream_addresses(const struct cvn_stream *s, struct sockaddr_storage *local,
                          struct sockaddr_storage *remote)
{
    socklen_t len = sizeof *local;
    memset(local, 0, sizeof *local);
    memset(remote, 0, sizeof *remote);
    (void)getsockname(s->fd, (struct sockaddr *)local, &len);
    len = sizeof *remote;
    (void)getpeername(s->fd, (struct sockaddr *)remote, &len);
}
