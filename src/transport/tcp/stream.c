/* SPDX-License-Identifier: MIT */
/*
 * stream - one TCP connection: reading, writing, closing.
 *
 * Invariants
 *   I1  in->fed <= in->have; what stands between was read and not taken; nothing is read over it.
 *   I2  after closing is set the user is not called.
 *   I4  a stream is in its hub's list until its handles are closed; with queued set it is in the
 *       list of the hub's turn.
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
#define LINE        64u
#define IOV_MAX_    256
#define LINGER_MS   2000
#define ALIVE_MS    1000

/* What the streams of one loop have together, so that each is small. */
struct hub {
    struct hub *next;
    uv_loop_t *loop;
    uv_check_t turn;    /* the end of this turn of the loop */
    uv_idle_t soon;     /* keeps the loop from sleeping before it */
    uv_timer_t seconds; /* signs of life */
    uv_idle_t last;     /* begun and closed when the hub ends */
    struct cvn_stream *streams;
    struct cvn_stream *queue; /* those that have something to do at the end of this turn */
    int handles;              /* being closed */
    char peer[INET6_ADDRSTRLEN + 10];
};

/* What was read; of it [fed, have) was not taken. */
struct reading {
    uint32_t have;
    uint32_t fed;
    uint8_t *octets; /* in room, on a line of the cache: the kernel copies there faster */
    uint8_t room[READ_BUFFER + LINE];
};

struct cvn_stream {
    uv_poll_t poll;
    struct hub *hub;
    struct cvn_stream *next; /* of the hub's */
    struct cvn_stream **at;  /* what points at this one */
    struct cvn_stream *then; /* in the queue */
    union {
        const struct cvn_stream_user *user;
        uv_timer_t *linger; /* while lingering, which is after the user */
    };
    void *ctx;
    struct reading *in; /* NULL while nothing comes */
    uint32_t total;     /* octets given to the socket, modulo 2^32, */
    uint32_t acked;     /* and those that the peer's host has taken */
    int fd;
    uint8_t watched; /* events */
    uint8_t handles;
    bool used : 1;  /* since the hub's timer ran last */
    bool quiet : 1; /* what an idle stream need not hold was given back */
    bool paused : 1;
    bool queued : 1;
    bool want_resume : 1;
    bool blocked : 1; /* the socket takes no more now */
    bool closing : 1;
    bool lingering : 1;
};

static _Thread_local struct hub *hubs; /* of the loops that this thread runs */

static void on_poll(uv_poll_t *p, int status, int events);

static void watch(struct cvn_stream *s)
{
    int events = (s->paused ? 0 : UV_READABLE) | (s->blocked ? UV_WRITABLE : 0) | UV_DISCONNECT;
    if (events == s->watched)
        return;
    s->watched = (uint8_t)events;
    (void)uv_poll_start(&s->poll, events, on_poll);
}

/* -------- the hub -------- */

static void on_hub_closed(uv_handle_t *h)
{
    struct hub *hub = h->data;
    if (--hub->handles == 0)
        cvn_free(cvn_alloc_std(), hub, sizeof *hub);
}

static void hub_close(struct hub *hub, uv_handle_t *h)
{
    if (uv_is_closing(h))
        return;
    hub->handles++;
    uv_close(h, on_hub_closed);
}

/* A program that winds up may have closed all handles of the loop, these among them; they are
 * closed for good when `last` is. */
static void hub_end(struct hub *hub)
{
    struct hub **at = &hubs;
    while (*at != hub)
        at = &(*at)->next;
    *at = hub->next;
    (void)uv_idle_init(hub->loop, &hub->last);
    hub->last.data = hub;
    hub_close(hub, (uv_handle_t *)&hub->turn);
    hub_close(hub, (uv_handle_t *)&hub->soon);
    hub_close(hub, (uv_handle_t *)&hub->seconds);
    hub_close(hub, (uv_handle_t *)&hub->last);
}

static void hub_leave(struct cvn_stream *s)
{
    struct hub *hub = s->hub;
    for (struct cvn_stream **q = &hub->queue; s->queued && *q != NULL;) {
        if (*q == s)
            *q = s->then;
        else
            q = &(*q)->then;
    }
    *s->at = s->next;
    if (s->next != NULL)
        s->next->at = s->at;
    if (hub->streams == NULL)
        hub_end(hub);
}

static void on_turn(uv_check_t *c);
static void on_second(uv_timer_t *t);

static struct hub *hub_of(uv_loop_t *loop)
{
    for (struct hub *h = hubs; h != NULL; h = h->next) {
        if (h->loop == loop)
            return h;
    }
    struct hub *h = cvn_new(cvn_alloc_std(), sizeof *h);
    if (h == NULL)
        return NULL;
    h->loop = loop;
    h->turn.data = h->soon.data = h->seconds.data = h;
    (void)uv_check_init(loop, &h->turn);
    (void)uv_idle_init(loop, &h->soon);
    (void)uv_timer_init(loop, &h->seconds);
    (void)uv_timer_start(&h->seconds, on_second, ALIVE_MS, ALIVE_MS);
    uv_unref((uv_handle_t *)&h->seconds);
    h->next = hubs;
    hubs = h;
    return h;
}

static void hub_join(struct hub *hub, struct cvn_stream *s)
{
    s->hub = hub;
    s->at = &hub->streams;
    s->next = hub->streams;
    if (s->next != NULL)
        s->next->at = &s->next;
    hub->streams = s;
}

/* -------- ending -------- */

static void on_closed(uv_handle_t *h)
{
    struct cvn_stream *s = h->data;
    if (--s->handles > 0)
        return;
    hub_leave(s);
    (void)close(s->fd);
    if (s->lingering)
        cvn_free(cvn_alloc_std(), s->linger, sizeof *s->linger);
    cvn_free(cvn_alloc_std(), s->in, sizeof *s->in);
    cvn_free(cvn_alloc_std(), s, sizeof *s);
}

static void end(struct cvn_stream *s)
{
    uv_close((uv_handle_t *)&s->poll, on_closed);
    if (s->lingering)
        uv_close((uv_handle_t *)s->linger, on_closed);
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
        s->total += (uint32_t)sent;
        s->used = true;
        s->quiet = false;
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
    struct reading *in = s->in;
    while (in != NULL && in->fed < in->have) {
        size_t used = 0;
        size_t len = in->have - in->fed;
        s->user->feed(s->ctx, in->octets + in->fed, len, &used);
        if (s->closing)
            return false;
        in->fed += (uint32_t)used;
        if (used < len) {
            s->paused = true;
            return false;
        }
    }
    if (in != NULL)
        in->fed = in->have = 0;
    return true;
}

static bool have_buffer(struct cvn_stream *s)
{
    s->used = true;
    s->quiet = false;
    if (s->in == NULL) {
        s->in = cvn_resize(cvn_alloc_std(), NULL, 0, sizeof *s->in);
        if (s->in != NULL) {
            s->in->fed = s->in->have = 0;
            s->in->octets = s->in->room + (LINE - (uintptr_t)s->in->room % LINE) % LINE;
        }
    }
    return s->in != NULL;
}

static void read_some(struct cvn_stream *s)
{
    if (!have_buffer(s)) {
        down(s, "no memory to read into");
        return;
    }
    for (int i = 0; i < READS_MAX && !s->paused; i++) {
        ssize_t n = recv(s->fd, s->in->octets, READ_BUFFER, 0);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
            break;
        if (n <= 0) {
            down(s, n == 0 ? "the peer closed the connection" : strerror(errno));
            return;
        }
        s->in->have = (uint32_t)n;
        s->in->fed = 0;
        if (s->user->seen != NULL) {
            struct cvn_iov iov = {s->in->octets, (size_t)n};
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
    if (status != 0 || n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
        end(s);
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

static void turn(struct cvn_stream *s)
{
    if (s->closing)
        return;
    if (s->want_resume) {
        s->want_resume = false;
        s->paused = false;
        if (!feed(s) && s->closing)
            return;
    }
    write_some(s);
}

/* What is queued while this runs waits for the next turn. */
static void on_turn(uv_check_t *c)
{
    struct hub *hub = c->data;
    struct cvn_stream *s = hub->queue;
    (void)uv_check_stop(&hub->turn);
    (void)uv_idle_stop(&hub->soon);
    hub->queue = NULL;
    while (s != NULL) {
        struct cvn_stream *then = s->then;
        s->queued = false;
        turn(s);
        s = then;
    }
}

static void on_idle(uv_idle_t *i)
{
    (void)i;
}

static void schedule(struct cvn_stream *s)
{
    if (s->queued)
        return;
    s->queued = true;
    s->then = s->hub->queue;
    s->hub->queue = s;
    (void)uv_check_start(&s->hub->turn, on_turn);
    (void)uv_idle_start(&s->hub->soon, on_idle);
}

void cvn_stream_flush(struct cvn_stream *s)
{
    if (!s->closing)
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

static void second(struct cvn_stream *s)
{
    int queued = 0;
    if (!s->used && !s->quiet &&
        (s->in == NULL || s->in->have == 0)) { /* no memory beyond its socket's */
        s->quiet = true;
        cvn_free(cvn_alloc_std(), s->in, sizeof *s->in);
        s->in = NULL;
        if (s->user->idle != NULL)
            s->user->idle(s->ctx);
    }
    if (s->closing)
        return;
    s->used = false;
    if (s->acked == s->total || ioctl(s->fd, SIOCOUTQ, &queued) != 0)
        return;
    uint32_t acked = s->total - (uint32_t)queued;
    bool more = acked != s->acked;
    s->acked = acked;
    if (more && s->user->alive != NULL)
        s->user->alive(s->ctx);
}

/* A stream leaves the list when its handles are closed, which is not now. */
static void on_second(uv_timer_t *t)
{
    const struct hub *hub = t->data;
    for (struct cvn_stream *s = hub->streams; s != NULL; s = s->next) {
        if (!s->closing)
            second(s);
    }
}

static void on_lingered(uv_timer_t *t)
{
    struct cvn_stream *s = t->data;
    if (!uv_is_closing((uv_handle_t *)&s->poll))
        end(s);
}

/* -------- beginning and end -------- */

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
    struct hub *hub = s == NULL ? NULL : hub_of(loop);
    if (hub == NULL || uv_poll_init(loop, &s->poll, fd) != 0) {
        if (hub != NULL && hub->streams == NULL)
            hub_end(hub);
        (void)close(fd);
        cvn_free(cvn_alloc_std(), s, sizeof *s);
        return NULL;
    }
    hub_join(hub, s);
    s->fd = fd;
    s->user = user;
    s->ctx = ctx;
    s->handles = 1;
    s->poll.data = s;
    set_options(fd);
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
    uv_timer_t *timer = linger ? cvn_new(cvn_alloc_std(), sizeof *timer) : NULL;
    if (timer == NULL || shutdown(s->fd, SHUT_WR) != 0) {
        cvn_free(cvn_alloc_std(), timer, sizeof *timer);
        end(s);
        return;
    }
    s->linger = timer;
    s->lingering = true;
    s->handles = 2;
    s->linger->data = s;
    (void)uv_timer_init(s->hub->loop, s->linger);
    (void)uv_timer_start(s->linger, on_lingered, LINGER_MS, 0);
    (void)uv_poll_start(&s->poll, UV_READABLE | UV_DISCONNECT, on_poll);
}

const char *cvn_stream_peer(const struct cvn_stream *s)
{
    struct sockaddr_storage a;
    socklen_t len = sizeof a;
    char host[INET6_ADDRSTRLEN];
    char port[8];
    char *text = s->hub->peer;
    if (getpeername(s->fd, (struct sockaddr *)&a, &len) != 0 ||
        getnameinfo((struct sockaddr *)&a, len, host, sizeof host, port, sizeof port,
                    NI_NUMERICHOST | NI_NUMERICSERV) != 0)
        return "?";
    (void)snprintf(text, sizeof s->hub->peer, a.ss_family == AF_INET6 ? "[%s]:%s" : "%s:%s", host,
                   port);
    return text;
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
