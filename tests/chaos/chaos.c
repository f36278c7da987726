/* SPDX-License-Identifier: MIT */
/*
 * convene-chaos - a TCP proxy that forwards octets and cuts connections after
 * exactly the octet it was told, in one of the ways links die. It knows nothing
 * of any protocol. One thread, one epoll, edge-triggered.
 *
 * Invariants
 *   I1  an octet is counted when it has been written to the other end's socket;
 *       a meter never passes its next cut.
 *   I2  from the octet of the cut on, nothing more is forwarded on that connection.
 *   I3  a connection is reset only when both ends' kernels have acknowledged all
 *       that was counted, so that the reset destroys none of it; an end that
 *       takes nothing for DRAIN_NS is reset all the same, and the log says what was lost.
 *   I4  after a silence or half-open cut the silent sockets stay open, unread,
 *       until their peers are gone.
 */
#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <linux/sockios.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "options.h"

#define RING_PLAIN (256u * 1024u)
#define RING_DELAY (4096u * 1024u)
#define MARKS      1024u
#define TURNS      64          /* blocks forwarded before the others get their turn */
#define DRAIN_NS   (5000 * MS) /* I3 */

struct conn;

/* What epoll knows of a descriptor: first member of what it belongs to. */
struct source {
    void (*event)(struct source *s, uint32_t events);
};

struct side {
    struct source source;
    struct conn *conn;
    int fd; /* -1: closed */
    bool readable;
    bool writable;
    bool eof;   /* we have read its end */
    bool ended; /* it has sent its end, read or not */
    bool gone;  /* it has been reset, or has ended both ways */
};

/* Octets on their way from side[way] to the other one. */
struct flow {
    uint8_t *ring;
    size_t size;
    size_t head;
    size_t len;
    uint64_t in; /* octets read in all */
    uint64_t out;
    uint64_t released; /* how far the delay lets us write */
    struct mark {
        uint64_t end; /* octets up to here ... */
        uint64_t due; /* ... may go from then on */
    } * marks;
    size_t mark_head;
    size_t mark_len;
    bool shut; /* the end has been passed on */
};

enum conn_state { CONNECTING, OPEN, DRAINING, SILENT, ENDING, CLOSED };

struct conn {
    struct conn *next;  /* all connections */
    struct conn *again; /* those to be looked at in this turn */
    bool queued;
    unsigned number;
    enum conn_state state;
    enum how how; /* DRAINING: what follows */
    struct side side[2];
    struct flow flow[2];
    uint64_t wake;      /* NEVER: no timer */
    uint64_t drain_end; /* DRAINING: when patience ends, and ... */
    int drain_left;     /* ... how much was unacknowledged at last */
};

struct meter {
    uint64_t count;
    uint64_t planned; /* the next cut of the plan; NEVER: none */
    uint64_t asked;   /* a cut asked for over the control socket */
    size_t i;
    uint64_t random;
};

static struct {
    struct options o;
    int epoll;
    int listener;
    int control;
    int signals;
    uint64_t refuse_end; /* NEVER: listening */
    struct conn *conns;
    struct conn *queue;
    struct meter meter[WAYS];
    uint64_t drawn; /* cuts drawn so far */
    uint64_t cuts;
    uint64_t rate_free[2]; /* when the link of a direction is free again */
    uint64_t random;       /* of --split */
    unsigned numbers;
    bool held;
    bool stop;
    uint64_t begin;
} g;

static uint64_t now_ns(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void die(const char *what)
{
    (void)fprintf(stderr, "convene-chaos: %s: %s\n", what, strerror(errno));
    exit(74);
}

/* splitmix64 */
static uint64_t draw(uint64_t *state)
{
    uint64_t z = (*state += 0x9e3779b97f4a7c15u);
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

/* One line: what all lines have, then more, which begins with a comma or is empty. */
static void say(FILE *f, const char *event, const struct conn *c, const char *more)
{
    uint64_t now = now_ns();
    if (f == NULL)
        return;
    (void)fprintf(f, "{\"event\":\"%s\",\"t\":%.6f,\"ns\":%" PRIu64, event,
                  (double)(now - g.begin) / 1e9, now);
    if (c != NULL)
        (void)fprintf(f, ",\"conn\":%u,\"conn_up\":%" PRIu64 ",\"conn_down\":%" PRIu64, c->number,
                      c->flow[UP].out, c->flow[DOWN].out);
    (void)fprintf(f, ",\"up\":%" PRIu64 ",\"down\":%" PRIu64 "%s}\n", g.meter[UP].count,
                  g.meter[DOWN].count, more);
    (void)fflush(f);
}

/* The plan of cuts ------------------------------------------------------------ */

static void meter_plan(struct meter *m)
{
    if (g.o.gap_max > 0 && g.drawn < g.o.count) {
        g.drawn++;
        m->planned = m->count + g.o.gap_min + draw(&m->random) % (g.o.gap_max - g.o.gap_min + 1);
    } else if (m->i < g.o.cuts) {
        m->planned = g.o.cut_at[m->i++];
    } else {
        m->planned = NEVER;
    }
}

static uint64_t meter_room(const struct meter *m)
{
    uint64_t next = m->planned < m->asked ? m->planned : m->asked;
    assert(next >= m->count); /* I1 */
    return next == NEVER ? NEVER : next - m->count;
}

static uint64_t way_room(int way)
{
    uint64_t mine = meter_room(&g.meter[way]);
    uint64_t total = meter_room(&g.meter[TOTAL]);
    return mine < total ? mine : total;
}

/* The meter that stands at a cut, or -1; it goes on to its next one. */
static int meter_hit(void)
{
    for (int way = 0; way < WAYS; way++) {
        struct meter *m = &g.meter[way];
        if (meter_room(m) > 0)
            continue;
        if (m->asked == m->count)
            m->asked = NEVER;
        if (m->planned == m->count)
            meter_plan(m);
        return way;
    }
    return -1;
}

/* Connections ------------------------------------------------------------------ */

static void conn_queue(struct conn *c)
{
    if (!c->queued) {
        c->queued = true;
        c->again = g.queue;
        g.queue = c;
    }
}

static void side_close(struct side *s, bool reset)
{
    struct linger hard = {.l_onoff = 1, .l_linger = 0};
    if (s->fd < 0)
        return;
    if (reset)
        (void)setsockopt(s->fd, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
    (void)close(s->fd);
    s->fd = -1;
    s->gone = true;
}

static void conn_close(struct conn *c, bool reset, const char *why)
{
    char more[64];
    if (c->state == CLOSED)
        return;
    side_close(&c->side[0], reset);
    side_close(&c->side[1], reset);
    c->state = CLOSED; /* freed at the end of the turn */
    (void)snprintf(more, sizeof more, ",\"why\":\"%s\"", why);
    say(g.o.log, "close", c, more);
    conn_queue(c);
}

/* A listening socket that is shut down for reading refuses, and keeps its port. */
static void refuse(uint64_t for_ns)
{
    if (g.refuse_end == NEVER) {
        (void)epoll_ctl(g.epoll, EPOLL_CTL_DEL, g.listener, NULL);
        (void)shutdown(g.listener, SHUT_RD);
        say(g.o.log, "refuse", NULL, "");
    }
    g.refuse_end = now_ns() + for_ns;
}

/* What the kernels have not acknowledged yet, both directions. */
static int conn_unacknowledged(const struct conn *c)
{
    int sum = 0;
    for (int i = 0; i < 2; i++) {
        int n = 0;
        if (c->side[i].fd >= 0 && ioctl(c->side[i].fd, SIOCOUTQ, &n) == 0)
            sum += n;
    }
    return sum;
}

static void cut_now(struct conn *c)
{
    char more[64];
    int lost = c->how == HOW_RESET || c->how == HOW_HALFOPEN ? conn_unacknowledged(c) : 0;
    (void)snprintf(more, sizeof more, ",\"how\":\"%s\",\"undelivered\":%d", how_name[c->how], lost);
    say(g.o.log, "cut", c, more);
    c->wake = NEVER;
    if (g.o.refuse_ns > 0)
        refuse(g.o.refuse_ns); /* first: a peer that is quick to return must not slip in */
    switch (c->how) {
    case HOW_RESET:
        conn_close(c, true, "cut");
        break;
    case HOW_HALFOPEN:
        side_close(&c->side[g.o.target_silent ? 0 : 1], true);
        c->state = SILENT;
        break;
    case HOW_SILENCE:
        c->state = SILENT;
        break;
    default:
        for (int i = 0; i < 2; i++)
            (void)shutdown(c->side[i].fd, SHUT_WR);
        c->state = ENDING;
        break;
    }
    conn_queue(c);
}

/* I3: waits for the acknowledgements, by the clock, since no event tells them. */
static void conn_drain(struct conn *c)
{
    uint64_t now = now_ns();
    int left = conn_unacknowledged(c);
    if (left < c->drain_left) {
        c->drain_left = left;
        c->drain_end = now + DRAIN_NS;
    }
    if (left == 0 || now >= c->drain_end)
        cut_now(c);
    else
        c->wake = now + MS / 2;
}

/* I2 */
static void cut(struct conn *c, enum how how)
{
    g.cuts++;
    c->how = how;
    c->drain_left = INT_MAX;
    c->state = DRAINING;
    conn_drain(c);
}

/* True if c was cut. */
static bool cut_if_due(struct conn *c)
{
    if (meter_hit() < 0)
        return false;
    cut(c, g.o.how);
    return true;
}

static void side_event(struct source *source, uint32_t events)
{
    struct side *s = (struct side *)(void *)source;
    bool over = (events & (EPOLLERR | EPOLLHUP)) != 0;
    s->readable = s->readable || over || (events & (EPOLLIN | EPOLLRDHUP)) != 0;
    s->writable = s->writable || over || (events & EPOLLOUT) != 0;
    s->ended = s->ended || over || (events & EPOLLRDHUP) != 0;
    s->gone = s->gone || over;
    conn_queue(s->conn);
}

static int side_watch(struct side *s, struct conn *c)
{
    struct epoll_event e = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, .data.ptr = s};
    int one = 1;
    s->source.event = side_event;
    s->conn = c;
    (void)setsockopt(s->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    return epoll_ctl(g.epoll, EPOLL_CTL_ADD, s->fd, &e);
}

static bool flow_init(struct flow *f)
{
    f->size = g.o.delay_ns > 0 || g.o.control != NULL ? RING_DELAY : RING_PLAIN;
    f->ring = malloc(f->size);
    f->marks = malloc(MARKS * sizeof *f->marks);
    return f->ring != NULL && f->marks != NULL;
}

static void conn_free(struct conn *c)
{
    for (int i = 0; i < 2; i++) {
        side_close(&c->side[i], true);
        free(c->flow[i].ring);
        free(c->flow[i].marks);
    }
    free(c);
}

static int target_connect(void)
{
    const struct addrinfo *a = g.o.to;
    int fd = socket(a->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    if (connect(fd, a->ai_addr, a->ai_addrlen) == 0 || errno == EINPROGRESS)
        return fd;
    (void)close(fd);
    return -1;
}

static void conn_open(int client)
{
    struct conn *c = calloc(1, sizeof *c);
    if (c == NULL) {
        (void)close(client);
        return;
    }
    c->number = ++g.numbers;
    c->wake = NEVER;
    c->state = CONNECTING;
    c->side[0].fd = client;
    c->side[1].fd = target_connect();
    bool ready = c->side[1].fd >= 0 && flow_init(&c->flow[UP]) && flow_init(&c->flow[DOWN]) &&
                 side_watch(&c->side[0], c) == 0 && side_watch(&c->side[1], c) == 0;
    if (!ready) {
        say(g.o.log, "unreachable", c, "");
        conn_free(c);
        return;
    }
    c->next = g.conns;
    g.conns = c;
    say(g.o.log, "open", c, "");
}

/* Forwarding -------------------------------------------------------------------- */

enum { STUCK, MOVED, OVER };

static void flow_mark(struct flow *f)
{
    if (g.o.delay_ns == 0 && f->mark_len == 0) {
        f->released = f->in;
        return;
    }
    struct mark *m = &f->marks[(f->mark_head + f->mark_len++) % MARKS];
    *m = (struct mark){.end = f->in, .due = now_ns() + g.o.delay_ns};
}

static int flow_read(struct conn *c, int way)
{
    struct flow *f = &c->flow[way];
    struct side *s = &c->side[way];
    if (!s->readable || s->eof || f->len == f->size || f->mark_len == MARKS)
        return STUCK;
    if (f->len == 0)
        f->head = 0;
    size_t at = (f->head + f->len) % f->size;
    size_t room = at < f->head ? f->head - at : f->size - at;
    ssize_t n = read(s->fd, f->ring + at, room);
    if (n > 0) {
        f->len += (size_t)n;
        f->in += (size_t)n;
        flow_mark(f);
        return MOVED;
    }
    if (n < 0 && errno == EAGAIN) {
        s->readable = false;
        return STUCK;
    }
    if (n == 0) {
        s->eof = true;
        return MOVED;
    }
    conn_close(c, true, way == UP ? "reset by the client" : "reset by the target");
    return OVER;
}

/* How many octets may be written now; sets the timer if time alone holds them. */
static size_t flow_may(struct conn *c, int way)
{
    struct flow *f = &c->flow[way];
    uint64_t now = f->mark_len > 0 || g.o.rate > 0 ? now_ns() : 0;
    while (f->mark_len > 0 && f->marks[f->mark_head].due <= now) {
        f->released = f->marks[f->mark_head].end;
        f->mark_head = (f->mark_head + 1) % MARKS;
        f->mark_len--;
    }
    uint64_t wait = NEVER;
    uint64_t may = f->released - f->out;
    if (may == 0 && f->mark_len > 0)
        wait = f->marks[f->mark_head].due;
    if (may > 0 && g.o.rate > 0 && g.rate_free[way] > now) {
        wait = g.rate_free[way];
        may = 0;
    }
    if (wait < c->wake)
        c->wake = wait;
    return (size_t)may;
}

static size_t least(size_t a, uint64_t b)
{
    return b < a ? (size_t)b : a;
}

/* The next piece: within the cut, the rate, the ring's end, and what --split says. */
static size_t flow_piece(struct conn *c, int way)
{
    struct flow *f = &c->flow[way];
    size_t n = least(f->size - f->head, flow_may(c, way));
    n = least(n, way_room(way));
    if (n > 0 && g.o.rate > 0)
        n = least(n, g.o.rate < 100 ? 1 : g.o.rate / 100);
    if (n > 1 && g.o.piece_max > 0) {
        uint64_t r = draw(&g.random);
        n = least(n, 1 + (r >> 8) % ((r & 1) != 0 && g.o.piece_max > 16 ? 16 : g.o.piece_max));
    }
    return n;
}

static int flow_write(struct conn *c, int way)
{
    struct flow *f = &c->flow[way];
    struct side *to = &c->side[1 - way];
    size_t n = f->len == 0 || !to->writable ? 0 : flow_piece(c, way);
    if (n == 0)
        return STUCK;
    ssize_t done = send(to->fd, f->ring + f->head, n, MSG_NOSIGNAL);
    if (done < 0 && errno == EAGAIN) {
        to->writable = false;
        return STUCK;
    }
    if (done < 0) {
        conn_close(c, true, way == UP ? "reset by the target" : "reset by the client");
        return OVER;
    }
    f->head = (f->head + (size_t)done) % f->size;
    f->len -= (size_t)done;
    f->out += (size_t)done;
    g.meter[way].count += (size_t)done;
    g.meter[TOTAL].count += (size_t)done;
    if (g.o.rate > 0) {
        uint64_t now = now_ns();
        uint64_t from = g.rate_free[way] > now ? g.rate_free[way] : now;
        g.rate_free[way] = from + (uint64_t)done * 1000000000u / g.o.rate;
    }
    return cut_if_due(c) ? OVER : MOVED;
}

/* The end of one direction is passed on after all that came before it. */
static void flow_end(struct conn *c, int way)
{
    struct flow *f = &c->flow[way];
    if (c->side[way].eof && f->len == 0 && !f->shut) {
        f->shut = true;
        (void)shutdown(c->side[1 - way].fd, SHUT_WR);
    }
}

static void conn_forward(struct conn *c)
{
    bool moved = true;
    c->wake = NEVER;
    for (int turn = 0; moved && turn < TURNS; turn++) {
        moved = false;
        for (int way = UP; way <= DOWN; way++) {
            int in = flow_read(c, way);
            if (in == OVER)
                return;
            int out = flow_write(c, way);
            if (out == OVER)
                return;
            flow_end(c, way);
            moved = moved || in == MOVED || out == MOVED;
        }
    }
    if (c->flow[UP].shut && c->flow[DOWN].shut)
        conn_close(c, false, "both ended");
    else if (moved)
        conn_queue(c);
}

/* After a FIN cut: what still comes is thrown away until both ends have ended. */
static void conn_discard(struct conn *c)
{
    uint8_t waste[65536];
    for (int i = 0; i < 2; i++) {
        struct side *s = &c->side[i];
        if (s->eof || !s->readable)
            continue;
        ssize_t n = read(s->fd, waste, sizeof waste);
        if (n < 0 && errno == EAGAIN)
            s->readable = false;
        else if (n <= 0)
            s->eof = true;
        conn_queue(c);
    }
    if (c->side[0].eof && c->side[1].eof)
        conn_close(c, false, "cut");
}

/* I4. A peer that has ended may still listen; two that have ended do not miss us. */
static void conn_silent(struct conn *c)
{
    for (int i = 0; i < 2; i++) {
        if (c->side[i].gone)
            side_close(&c->side[i], true);
    }
    if (c->side[0].ended && c->side[1].ended)
        conn_close(c, true, "cut, both peers gone");
}

/* A refused connection to the target is a refusal of the client's. */
static void conn_connected(struct conn *c)
{
    int error = 0;
    socklen_t n = sizeof error;
    if (!c->side[1].writable)
        return;
    (void)getsockopt(c->side[1].fd, SOL_SOCKET, SO_ERROR, &error, &n);
    if (error != 0) {
        conn_close(c, true, "target refused");
        return;
    }
    c->state = OPEN;
    if (!cut_if_due(c))
        conn_forward(c);
}

static void conn_look(struct conn *c)
{
    switch (c->state) {
    case CONNECTING:
        conn_connected(c);
        break;
    case OPEN:
        if (!g.held)
            conn_forward(c);
        break;
    case DRAINING:
        conn_drain(c);
        break;
    case SILENT:
        conn_silent(c);
        break;
    case ENDING:
        conn_discard(c);
        break;
    default:
        break;
    }
}

/* The control socket ------------------------------------------------------------ */

struct control {
    struct source source;
    int fd;
    FILE *answer;
    size_t n;
    char line[200];
};

static void conns_cut(enum how how)
{
    for (struct conn *c = g.conns; c != NULL; c = c->next) {
        if (c->state == CONNECTING || c->state == OPEN)
            cut(c, how);
    }
}

static void control_status(FILE *f, const char *event)
{
    char more[96];
    unsigned open = 0;
    for (const struct conn *c = g.conns; c != NULL; c = c->next)
        open += c->state == OPEN;
    (void)snprintf(more, sizeof more, ",\"open\":%u,\"conns\":%u,\"cuts\":%" PRIu64, open,
                   g.numbers, g.cuts);
    say(f, event, NULL, more);
}

static void cut_after(uint64_t octets)
{
    for (int way = 0; way < WAYS; way++) {
        if (g.o.counted[way])
            g.meter[way].asked = g.meter[way].count + octets;
    }
}

/* Words with a number behind them. */
static bool control_number(const char *word, uint64_t n)
{
    if (strcmp(word, "cut-after") == 0 && n > 0)
        cut_after(n);
    else if (strcmp(word, "refuse") == 0)
        refuse(n * MS);
    else if (strcmp(word, "delay") == 0)
        g.o.delay_ns = n * MS;
    else if (strcmp(word, "rate") == 0)
        g.o.rate = n;
    else
        return false;
    return true;
}

static bool control_obey(char *line)
{
    char *rest = NULL;
    const char *word = strtok_r(line, " ", &rest);
    const char *value = strtok_r(NULL, " ", &rest);
    enum how how = g.o.how;
    uint64_t n = 0;
    if (word == NULL)
        return false;
    if (strcmp(word, "cut") == 0 && (value == NULL || how_parse(value, &how)))
        conns_cut(how);
    else if (strcmp(word, "hold") == 0)
        g.held = true;
    else if (strcmp(word, "go") == 0)
        g.held = false;
    else if (strcmp(word, "status") != 0)
        return value != NULL && number_parse(value, &n) && control_number(word, n);
    for (struct conn *c = g.conns; c != NULL; c = c->next)
        conn_queue(c);
    return true;
}

static void control_close(struct control *k)
{
    (void)fclose(k->answer); /* closes fd */
    free(k);
}

static void control_event(struct source *source, uint32_t events)
{
    struct control *k = (struct control *)(void *)source;
    (void)events;
    ssize_t n = read(k->fd, k->line + k->n, sizeof k->line - 1 - k->n);
    if (n <= 0) {
        if (n == 0 || errno != EAGAIN)
            control_close(k);
        return;
    }
    k->n += (size_t)n;
    for (char *end; (end = memchr(k->line, '\n', k->n)) != NULL;) {
        size_t used = (size_t)(end - k->line) + 1;
        *end = '\0';
        control_status(k->answer, control_obey(k->line) ? "ok" : "error");
        k->n -= used;
        memmove(k->line, k->line + used, k->n);
    }
    if (k->n == sizeof k->line - 1)
        control_close(k);
}

static void watch(int fd, void *source)
{
    struct epoll_event e = {.events = EPOLLIN, .data.ptr = source};
    if (epoll_ctl(g.epoll, EPOLL_CTL_ADD, fd, &e) != 0)
        die("epoll_ctl");
}

static void control_accept(struct source *source, uint32_t events)
{
    (void)source;
    (void)events;
    int fd = accept4(g.control, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    struct control *k = fd < 0 ? NULL : calloc(1, sizeof *k);
    if (k == NULL || (k->answer = fdopen(fd, "w")) == NULL) {
        free(k);
        if (fd >= 0)
            (void)close(fd);
        return;
    }
    k->source.event = control_event;
    k->fd = fd;
    watch(fd, k);
}

static void control_listen(const char *path)
{
    static struct source source = {.event = control_accept};
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof a.sun_path) {
        errno = ENAMETOOLONG;
        die(path);
    }
    memcpy(a.sun_path, path, strlen(path));
    (void)unlink(path);
    g.control = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (g.control < 0 || bind(g.control, (struct sockaddr *)&a, sizeof a) != 0 ||
        listen(g.control, 8) != 0)
        die(path);
    watch(g.control, &source);
}

/* Listening ----------------------------------------------------------------------- */

static void listener_event(struct source *source, uint32_t events)
{
    (void)source;
    (void)events;
    int fd = accept4(g.listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0)
        conn_open(fd);
}

static void listener_start(void)
{
    static struct source source = {.event = listener_event};
    if (listen(g.listener, 1024) != 0)
        die("listen");
    g.refuse_end = NEVER;
    watch(g.listener, &source);
}

static bool listener_bind(const struct sockaddr *a, socklen_t n)
{
    int one = 1;
    g.listener = socket(a->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (g.listener < 0)
        die("socket");
    (void)setsockopt(g.listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    return bind(g.listener, a, n) == 0;
}

/* A port that the kernel chose is bound once more by its number: only then does the
 * socket keep it while it refuses. */
static void listener_open(void)
{
    struct sockaddr_storage a = {0};
    socklen_t n = sizeof a;
    char host[64];
    char port[8];
    if (!listener_bind(g.o.listen->ai_addr, g.o.listen->ai_addrlen) ||
        getsockname(g.listener, (struct sockaddr *)&a, &n) != 0)
        die("bind");
    (void)close(g.listener);
    if (!listener_bind((const struct sockaddr *)&a, n))
        die("bind");
    listener_start();
    (void)getnameinfo((const struct sockaddr *)&a, n, host, sizeof host, port, sizeof port,
                      NI_NUMERICHOST | NI_NUMERICSERV);
    (void)printf(a.ss_family == AF_INET6 ? "listening [%s]:%s\n" : "listening %s:%s\n", host, port);
    (void)fflush(stdout);
}

/* The loop ------------------------------------------------------------------------- */

static void signal_event(struct source *source, uint32_t events)
{
    (void)source;
    (void)events;
    g.stop = true;
}

static void signals_open(void)
{
    static struct source source = {.event = signal_event};
    sigset_t set;
    (void)sigemptyset(&set);
    (void)sigaddset(&set, SIGTERM);
    (void)sigaddset(&set, SIGINT);
    (void)sigprocmask(SIG_BLOCK, &set, NULL);
    (void)signal(SIGPIPE, SIG_IGN);
    g.signals = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    watch(g.signals, &source);
}

/* Frees what is closed, queues what is due, returns when the next one is. */
static uint64_t sweep(uint64_t now)
{
    uint64_t next = g.refuse_end;
    for (struct conn **at = &g.conns; *at != NULL;) {
        struct conn *c = *at;
        if (c->state == CLOSED && !c->queued) {
            *at = c->next;
            conn_free(c);
            continue;
        }
        if (c->wake <= now) {
            c->wake = NEVER;
            conn_queue(c);
        }
        if (c->queued)
            next = now;
        else if (c->wake < next)
            next = c->wake;
        at = &c->next;
    }
    return next;
}

static void turn(void)
{
    struct epoll_event events[64];
    uint64_t now = now_ns();
    if (g.refuse_end <= now)
        listener_start();
    uint64_t next = sweep(now);
    uint64_t wait = next <= now ? 0 : next - now;
    struct timespec t = {.tv_sec = (time_t)(wait / 1000000000u),
                         .tv_nsec = (long)(wait % 1000000000u)};
    int n = epoll_pwait2(g.epoll, events, 64, next == NEVER ? NULL : &t, NULL);
    for (int i = 0; i < n; i++) {
        struct source *s = events[i].data.ptr;
        s->event(s, events[i].events);
    }
    struct conn *c = g.queue;
    g.queue = NULL;
    while (c != NULL) {
        struct conn *again = c->again;
        c->queued = false;
        conn_look(c);
        c = again;
    }
}

int main(int argc, char **argv)
{
    options_parse(&g.o, argc, argv);
    struct rlimit files = {0};
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &files);
    }
    g.begin = now_ns();
    g.random = g.o.seed;
    g.epoll = epoll_create1(EPOLL_CLOEXEC);
    for (int way = 0; way < WAYS; way++) {
        g.meter[way] =
            (struct meter){.planned = NEVER, .asked = NEVER, .random = g.o.seed + (unsigned)way};
        if (g.o.counted[way])
            meter_plan(&g.meter[way]);
    }
    signals_open();
    if (g.o.control != NULL)
        control_listen(g.o.control);
    listener_open();
    while (!g.stop)
        turn();
    control_status(g.o.log, "end");
    if (g.o.control != NULL)
        (void)unlink(g.o.control);
    return 0;
}
