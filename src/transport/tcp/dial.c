/* SPDX-License-Identifier: MIT */
/* dial - names looked up, addresses tried one after another, listeners. */
#include <arpa/nameser.h>
#include <errno.h>
#include <netdb.h>
#include <resolv.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "convene/alloc.h"
#include "session/srv.h"
#include "transport/tcp/tcp.h"

#define BACKLOG     128
#define PLACES_MAX  64u /* to be tried for one dial, SRV records included */
#define LOOK_UP_MAX 4096

struct cvn_dial {
    uv_loop_t *loop;
    uv_getaddrinfo_t look;
    uv_work_t work; /* the look-up of SRV records */
    struct addrinfo *all;
    struct addrinfo *next;
    uv_poll_t poll;
    uv_timer_t timer;
    int fd;
    int family;
    unsigned timeout_ms;
    int handles; /* of an attempt, open or closing */
    bool looking;
    bool secure;
    bool over; /* done was called, or will not be */
    cvn_dial_done *done;
    void *ctx;
    size_t nplaces, place; /* places[place] is the next to be looked up */
    struct cvn_target places[PLACES_MAX];
    struct cvn_srv found[CVN_SRV_MAX]; /* the worker's, while it works */
    size_t nfound;
    int found_rc;
    char why[160];
};

static void attempt(struct cvn_dial *d);
static void next_place(struct cvn_dial *d);

static void maybe_free(struct cvn_dial *d)
{
    if (!d->over || d->handles > 0 || d->looking)
        return;
    if (d->all != NULL)
        uv_freeaddrinfo(d->all);
    cvn_free(cvn_alloc_std(), d, sizeof *d);
}

static void on_closed(uv_handle_t *h)
{
    struct cvn_dial *d = h->data;
    if (--d->handles > 0)
        return;
    if (d->fd >= 0) {
        (void)close(d->fd);
        d->fd = -1;
    }
    if (d->over)
        maybe_free(d);
    else
        attempt(d);
}

static void end_attempt(struct cvn_dial *d)
{
    if (uv_is_closing((uv_handle_t *)&d->poll))
        return;
    uv_close((uv_handle_t *)&d->poll, on_closed);
    uv_close((uv_handle_t *)&d->timer, on_closed);
}

static void failed(struct cvn_dial *d, const char *why)
{
    (void)snprintf(d->why, sizeof d->why, "%s", why);
    end_attempt(d);
}

static void on_timeout(uv_timer_t *t)
{
    failed(t->data, "no answer in time");
}

static void on_writable(uv_poll_t *p, int status, int events)
{
    struct cvn_dial *d = p->data;
    int err = 0;
    socklen_t len = sizeof err;
    (void)events;
    if (getsockopt(d->fd, SOL_SOCKET, SO_ERROR, &err, &len) != 0)
        err = errno;
    if (err != 0 || status != 0) { /* libuv says EBADF for any error: the socket knows which */
        failed(d, err != 0 ? strerror(err) : uv_strerror(status));
        return;
    }
    int fd = d->fd;
    d->fd = -1;
    d->over = true;
    (void)uv_poll_stop(&d->poll);
    end_attempt(d);
    /* the descriptor leaves this poll handle now and gets another: they may not share it */
    int own = dup(fd);
    (void)close(fd);
    d->done(d->ctx, own, own < 0 ? strerror(errno) : NULL);
}

static void attempt(struct cvn_dial *d)
{
    while (d->next != NULL) {
        struct addrinfo *a = d->next;
        d->next = a->ai_next;
        d->fd = socket(a->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        if (d->fd < 0 || (connect(d->fd, a->ai_addr, a->ai_addrlen) != 0 && errno != EINPROGRESS) ||
            uv_poll_init(d->loop, &d->poll, d->fd) != 0) {
            (void)snprintf(d->why, sizeof d->why, "%s", strerror(errno));
            if (d->fd >= 0)
                (void)close(d->fd);
            d->fd = -1;
            continue;
        }
        (void)uv_timer_init(d->loop, &d->timer);
        d->poll.data = d->timer.data = d;
        d->handles = 2;
        (void)uv_poll_start(&d->poll, UV_WRITABLE, on_writable);
        (void)uv_timer_start(&d->timer, on_timeout, d->timeout_ms, 0);
        return;
    }
    next_place(d);
}

static void on_looked(uv_getaddrinfo_t *req, int status, struct addrinfo *res)
{
    struct cvn_dial *d = req->data;
    d->looking = false;
    d->all = res;
    d->next = res;
    if (d->over) {
        maybe_free(d);
        return;
    }
    if (status != 0)
        (void)snprintf(d->why, sizeof d->why, "%s", uv_strerror(status));
    attempt(d);
}

/* -------- SRV records -------- */

/* On a worker thread: nothing of the loop's is touched. */
static void look_for_srv(uv_work_t *w)
{
    struct cvn_dial *d = w->data;
    struct __res_state state;
    uint8_t answer[LOOK_UP_MAX];
    char name[300];
    (void)snprintf(name, sizeof name, "%s._tcp.%s.", d->secure ? "_iso-tp0s" : "_iso-tsap",
                   d->places[d->place].host);
    d->nfound = 0;
    d->found_rc = CVN_ENOTFOUND;
    memset(&state, 0, sizeof state);
    if (res_ninit(&state) != 0)
        return;
    state.retrans = 2;
    state.retry = 2;
    int n = res_nquery(&state, name, ns_c_in, ns_t_srv, answer, sizeof answer);
    if (n > 0)
        d->found_rc =
            cvn_srv_parse(answer, n < LOOK_UP_MAX ? (size_t)n : LOOK_UP_MAX, d->found, &d->nfound);
    res_nclose(&state);
}

static uint32_t draw(void *ctx, uint32_t below)
{
    uint32_t v = 0;
    (void)ctx;
    (void)uv_random(NULL, NULL, &v, sizeof v, 0, NULL);
    return v % below;
}

/* places[place] is replaced by what was found. */
static void take_srv(struct cvn_dial *d)
{
    size_t after = d->nplaces - d->place - 1;
    size_t n = d->nfound;
    if (d->nplaces - 1 + n > PLACES_MAX)
        n = PLACES_MAX + 1 - d->nplaces;
    cvn_srv_order(d->found, d->nfound, draw, NULL);
    memmove(&d->places[d->place + n], &d->places[d->place + 1], after * sizeof d->places[0]);
    for (size_t i = 0; i < n; i++) {
        struct cvn_target *t = &d->places[d->place + i];
        (void)snprintf(t->host, sizeof t->host, "%s", d->found[i].target);
        (void)snprintf(t->port, sizeof t->port, "%u", (unsigned)d->found[i].port);
        t->srv = false;
    }
    d->nplaces = d->nplaces - 1 + n;
}

static void on_srv(uv_work_t *w, int status)
{
    struct cvn_dial *d = w->data;
    d->looking = false;
    if (d->over) {
        maybe_free(d);
        return;
    }
    d->places[d->place].srv = false;
    if (status == 0 && d->found_rc == CVN_OK)
        take_srv(d);
    if (status == 0 && d->found_rc == CVN_EPERM) {
        (void)snprintf(d->why, sizeof d->why, "its SRV record says that there is no such service");
        d->place++;
    }
    next_place(d);
}

/* A name of the Domain Name System: no address, with a dot in it, and not this machine. */
static bool has_srv(const struct cvn_target *t)
{
    size_t n = strlen(t->host);
    return t->srv && !cvn_url_is_literal(t->host) && strchr(t->host, '.') != NULL &&
           (n < 10 || strcmp(t->host + n - 10, ".localhost") != 0);
}

static void finish(struct cvn_dial *d, const char *why)
{
    d->over = true;
    d->done(d->ctx, -1, why);
    maybe_free(d);
}

/* The next place: its SRV records, or its addresses. What libuv says. */
static int look_up(struct cvn_dial *d)
{
    struct addrinfo hints = {.ai_family = d->family, .ai_socktype = SOCK_STREAM};
    struct cvn_target *t = &d->places[d->place];
    if (has_srv(t))
        return uv_queue_work(d->loop, &d->work, look_for_srv, on_srv);
    d->place++;
    return uv_getaddrinfo(d->loop, &d->look, on_looked, t->host, t->port, &hints);
}

static void next_place(struct cvn_dial *d)
{
    if (d->all != NULL)
        uv_freeaddrinfo(d->all);
    d->all = NULL;
    if (d->place == d->nplaces) {
        finish(d, d->why);
        return;
    }
    int rc = look_up(d);
    d->looking = rc == 0;
    if (rc != 0)
        finish(d, uv_strerror(rc));
}

void cvn_target_of(struct cvn_target *t, const struct cvn_url *u)
{
    memcpy(t->host, u->host, sizeof t->host);
    memcpy(t->port, u->port, sizeof t->port);
    t->srv = !u->has_port;
}

struct cvn_dial *cvn_dial_targets(uv_loop_t *loop, const struct cvn_target *targets, size_t n,
                                  bool secure, int family, unsigned timeout_ms, cvn_dial_done *done,
                                  void *ctx)
{
    if (n == 0 || n > CVN_TARGETS_MAX)
        return NULL;
    struct cvn_dial *d = cvn_new(cvn_alloc_std(), sizeof *d);
    if (d == NULL)
        return NULL;
    d->loop = loop;
    d->fd = -1;
    d->family = family;
    d->timeout_ms = timeout_ms;
    d->secure = secure;
    d->done = done;
    d->ctx = ctx;
    d->look.data = d;
    d->work.data = d;
    d->nplaces = n;
    memcpy(d->places, targets, n * sizeof *targets);
    d->looking = look_up(d) == 0;
    if (d->looking)
        return d;
    cvn_free(cvn_alloc_std(), d, sizeof *d);
    return NULL;
}

struct cvn_dial *cvn_dial_start(uv_loop_t *loop, const char *host, const char *port, int family,
                                unsigned timeout_ms, cvn_dial_done *done, void *ctx)
{
    struct cvn_target t = {.srv = false};
    if (strlen(host) >= sizeof t.host || strlen(port) >= sizeof t.port)
        return NULL;
    memcpy(t.host, host, strlen(host) + 1);
    memcpy(t.port, port, strlen(port) + 1);
    return cvn_dial_targets(loop, &t, 1, false, family, timeout_ms, done, ctx);
}

void cvn_dial_cancel(struct cvn_dial *d)
{
    if (d->over)
        return;
    d->over = true;
    if (d->handles > 0)
        end_attempt(d);
    else
        maybe_free(d);
}

/* -------- listening -------- */

struct cvn_listener {
    uv_poll_t poll;
    int fd;
    unsigned port;
    void (*accepted)(void *ctx, int fd);
    void *ctx;
};

static void on_connection(uv_poll_t *p, int status, int events)
{
    struct cvn_listener *l = p->data;
    (void)events;
    for (int i = 0; status == 0 && i < 16; i++) {
        int fd = accept4(l->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0)
            return;
        l->accepted(l->ctx, fd);
        if (uv_is_closing((uv_handle_t *)&l->poll))
            return;
    }
}

static int bound(const struct addrinfo *a)
{
    int one = 1;
    int fd = socket(a->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(fd, a->ai_addr, a->ai_addrlen) != 0 || listen(fd, BACKLOG) != 0) {
        int saved = errno;
        (void)close(fd);
        errno = saved;
        return -1;
    }
    return fd;
}

static unsigned port_of(int fd)
{
    struct sockaddr_storage a;
    socklen_t len = sizeof a;
    if (getsockname(fd, (struct sockaddr *)&a, &len) != 0)
        return 0;
    return ntohs(a.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)(void *)&a)->sin6_port
                                         : ((struct sockaddr_in *)(void *)&a)->sin_port);
}

int cvn_listen(struct cvn_listener **out, uv_loop_t *loop, const char *host, const char *port,
               int family, void (*accepted)(void *ctx, int fd), void *ctx, char *text, size_t cap)
{
    struct addrinfo hints = {
        .ai_family = family, .ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE};
    struct addrinfo *all = NULL;
    int fd = -1;
    int rc = getaddrinfo(host, port, &hints, &all);
    if (rc != 0) {
        (void)snprintf(text, cap, "%s", gai_strerror(rc));
        return CVN_EIO;
    }
    for (struct addrinfo *a = all; a != NULL && fd < 0; a = a->ai_next)
        fd = bound(a);
    int err = errno;
    freeaddrinfo(all);
    struct cvn_listener *l = fd < 0 ? NULL : cvn_new(cvn_alloc_std(), sizeof *l);
    if (l == NULL || uv_poll_init(loop, &l->poll, fd) != 0) {
        (void)snprintf(text, cap, "%s%s", fd < 0 ? strerror(err) : "no memory",
                       fd < 0 && err == EACCES ? " (a port under 1024: use another with :PORT, or "
                                                 "give the right CAP_NET_BIND_SERVICE)"
                                               : "");
        if (fd >= 0)
            (void)close(fd);
        cvn_free(cvn_alloc_std(), l, sizeof *l);
        return fd < 0 ? CVN_EIO : CVN_ENOMEM;
    }
    l->fd = fd;
    l->port = port_of(fd);
    l->accepted = accepted;
    l->ctx = ctx;
    l->poll.data = l;
    (void)uv_poll_start(&l->poll, UV_READABLE, on_connection);
    *out = l;
    return CVN_OK;
}

unsigned cvn_listener_port(const struct cvn_listener *l)
{
    return l->port;
}

static void listener_closed(uv_handle_t *h)
{
    struct cvn_listener *l = h->data;
    (void)close(l->fd);
    cvn_free(cvn_alloc_std(), l, sizeof *l);
}

void cvn_listener_close(struct cvn_listener *l)
{
    if (l != NULL && !uv_is_closing((uv_handle_t *)&l->poll))
        uv_close((uv_handle_t *)&l->poll, listener_closed);
}
