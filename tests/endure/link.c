/* SPDX-License-Identifier: MIT */
/* The links: octets between two ends in random pieces and with random delays, or over TCP. */
#include "endure.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define STEPS_MAX   2000000000u
#define AUDIT_EVERY 4000u

void fail(const struct end *e, const char *form, ...)
{
    va_list ap;
    for (unsigned i = e->traced > 64 ? e->traced - 64 : 0; i < e->traced; i++)
        fprintf(stderr, "  %s\n", e->trace[i % 64]);
    fprintf(stderr, "side %u: ", e->side);
    va_start(ap, form);
    vfprintf(stderr, form, ap);
    va_end(ap);
    fprintf(stderr, "\n");
    exit(1);
}

uint32_t rnd(uint64_t *state, uint32_t below)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return (uint32_t)((*state >> 16) % below);
}

void note(struct end *e, const char *what, const struct cvn_x225_prim *p)
{
    struct cvn_x225_vars v;
    cvn_sc_vars(e->c, &v);
    snprintf(e->trace[e->traced++ % 64], sizeof e->trace[0], "%u %s %s %s %s serial %d type %u",
             e->side, what, cvn_x225_service_name(p->service), cvn_x225_type_name(p->type),
             cvn_x225_state_name(v.state), (int)p->serial, p->resync);
}

int try_ask(struct end *e, struct cvn_x225_prim *p)
{
    int rc = cvn_sc_request(e->c, p, 1);
    note(e, cvn_err_name(rc), p);
    return rc;
}

bool ask(struct end *e, struct cvn_x225_prim *p)
{
    int rc = try_ask(e, p);
    if (rc != CVN_OK && rc != CVN_FULL)
        fail(e, "%s %s was refused: %s", cvn_x225_service_name(p->service),
             cvn_x225_type_name(p->type), cvn_err_name(rc));
    return rc == CVN_OK;
}

struct cvn_x225_prim request(enum cvn_x225_service s)
{
    struct cvn_x225_prim p;
    cvn_x225_prim_init(&p, s, CVN_REQUEST);
    return p;
}

struct cvn_x225_prim response(enum cvn_x225_service s)
{
    struct cvn_x225_prim p;
    cvn_x225_prim_init(&p, s, CVN_RESPONSE);
    return p;
}

/* --- records --- */

void put64(uint8_t *at, uint64_t n)
{
    for (unsigned i = 0; i < 8; i++)
        at[i] = (uint8_t)(n >> (56 - 8 * i));
}

uint64_t get64(const uint8_t *at)
{
    uint64_t n = 0;
    for (unsigned i = 0; i < 8; i++)
        n = n << 8 | at[i];
    return n;
}

static uint64_t hash(const uint8_t *p, size_t n)
{
    uint64_t h = 0xcbf29ce484222325u;
    for (size_t i = 0; i < n; i++)
        h = (h ^ p[i]) * 0x100000001b3u;
    return h;
}

/* kind, epoch, number, filling, hash; an expedited one has 14 octets: kind, epoch, number, hash. */
size_t record_make(uint8_t *at, char kind, uint32_t epoch, uint64_t number)
{
    bool small = kind == 'X';
    uint64_t mix = number * 0x9e3779b97f4a7c15u + epoch;
    size_t fill = small ? 0 : rnd(&mix, 20) == 0 ? RECORD_MAX - 25 : rnd(&mix, 60);
    at[0] = (uint8_t)kind;
    for (unsigned i = 0; i < 4; i++)
        at[1 + i] = (uint8_t)(epoch >> (24 - 8 * i));
    if (small) {
        for (unsigned i = 0; i < 4; i++)
            at[5 + i] = (uint8_t)(number >> (24 - 8 * i));
        at[9] = (uint8_t)hash(at, 9);
        return 10;
    }
    put64(at + 5, number);
    for (size_t i = 0; i < fill; i++)
        at[13 + i] = (uint8_t)(mix >> (i % 8 * 8));
    put64(at + 13 + fill, hash(at, 13 + fill));
    return 21 + fill;
}

bool record_is(struct cvn_octets o, char kind, uint32_t epoch, uint64_t number)
{
    uint8_t want[RECORD_MAX];
    size_t n = record_make(want, kind, epoch, number);
    return o.n == n && memcmp(o.p, want, n) == 0;
}

void record_read(struct cvn_octets o, uint32_t *epoch, uint64_t *number)
{
    *epoch = o.n < 10
                 ? 0
                 : (uint32_t)o.p[1] << 24 | (uint32_t)o.p[2] << 16 | (uint32_t)o.p[3] << 8 | o.p[4];
    *number = o.n < 21 ? 0 : get64(o.p + 5);
}

/* --- what comes --- */

static void hear(struct end *e, const struct cvn_x225_prim *ev)
{
    note(e, "hears", ev);
    if (ev->service == CVN_S_P_ABORT)
        fail(e, "provider abort: %s", ev->why != NULL ? ev->why : "by the peer");
    if (ev->service == CVN_S_CONNECT && !e->connects) /* pair_open() */
        return;
    if (ev->service != CVN_S_DATA && ev->service != CVN_S_TYPED_DATA) {
        e->play->hear(e, ev);
        return;
    }
    if (ev->begin)
        e->ssdu_n = 0;
    must(e, e->ssdu_n + ev->data.n <= sizeof e->ssdu);
    if (ev->data.n > 0)
        memcpy(e->ssdu + e->ssdu_n, ev->data.p, ev->data.n);
    e->ssdu_n += ev->data.n;
    if (!ev->end)
        return;
    struct cvn_x225_prim whole = *ev;
    whole.data = (struct cvn_octets){e->ssdu, e->ssdu_n};
    e->play->hear(e, &whole);
}

void take(struct end *e, const uint8_t *in, size_t n)
{
    struct cvn_x225_prim ev;
    uint8_t *own = malloc(n + 1); /* so that a sanitizer sees its ends */
    size_t at = 0;
    must(e, own != NULL);
    memcpy(own, in, n);
    for (;;) {
        size_t used = 0;
        int rc = cvn_sc_feed(e->c, own + at, n - at, &used, &ev, 1);
        at += used;
        if (rc == CVN_EVENT) {
            hear(e, &ev);
            continue;
        }
        must(e, rc == CVN_MORE || rc == CVN_ECLOSED);
        break;
    }
    free(own);
    while (cvn_sc_next(e->c, &ev, 1) == CVN_EVENT)
        hear(e, &ev);
}

/* --- in memory --- */

void link_free(struct link *l)
{
    free(l->way[0]);
    free(l->way[1]);
}

static size_t from_end(struct end *e, uint8_t *at, size_t most)
{
    struct cvn_iov iov[16];
    size_t n = cvn_sc_out_iov(e->c, iov, 16);
    size_t sum = 0;
    for (size_t i = 0; i < n && sum < most; i++) {
        size_t part = iov[i].len < most - sum ? iov[i].len : most - sum;
        memcpy(at + sum, iov[i].base, part);
        sum += part;
    }
    if (sum > 0)
        cvn_sc_sent(e->c, sum);
    return sum;
}

static uint32_t piece(struct link *l)
{
    switch (rnd(&l->random, 4)) {
    case 0:
        return 1 + rnd(&l->random, 12);
    case 1:
        return 1 + rnd(&l->random, 200);
    default:
        return 4096;
    }
}

/* Octets leave the end that faces side. */
static bool depart(struct link *l, struct end ends[2], unsigned to)
{
    size_t most = piece(l);
    if (l->room[to] - l->n[to] < most) {
        l->room[to] = l->n[to] + 65536;
        l->way[to] = realloc(l->way[to], l->room[to]);
        must(&ends[to], l->way[to] != NULL);
    }
    size_t n = from_end(&ends[!to], l->way[to] + l->n[to], most);
    l->n[to] += n;
    return n > 0;
}

static bool come(struct link *l, struct end ends[2], unsigned to)
{
    size_t n = piece(l);
    if (n > l->n[to])
        n = l->n[to];
    if (n == 0)
        return false;
    take(&ends[to], l->way[to], n);
    l->n[to] -= n;
    memmove(l->way[to], l->way[to] + n, l->n[to]);
    return true;
}

bool link_step(struct link *l, struct end ends[2])
{
    unsigned to = rnd(&l->random, 2);
    return rnd(&l->random, 2) == 0 ? depart(l, ends, to) : come(l, ends, to);
}

void link_drain(struct link *l, struct end ends[2])
{
    bool moved = true;
    while (moved) {
        moved = false;
        for (unsigned i = 0; i < 2; i++) {
            moved = depart(l, ends, i) || moved;
            moved = come(l, ends, i) || moved;
        }
    }
}

static void settle(struct link *l, struct end ends[2])
{
    link_drain(l, ends);
    for (unsigned i = 0; i < 1000; i++) {
        if (ends[0].play->settled(&ends[0]) && ends[1].play->settled(&ends[1]))
            return;
        ends[0].play->answer(&ends[0]);
        ends[1].play->answer(&ends[1]);
        link_drain(l, ends);
    }
    fail(&ends[0], "the two do not come to rest");
}

void run_memory(struct end ends[2], void (*audit)(struct end ends[2]))
{
    struct link l = {.random = ends[0].random * 3 + 1};
    uint32_t busy = 4 + rnd(&l.random, 12); /* steps of the link for one of a user, about */
    for (unsigned step = 1; !ends[0].play->done(&ends[0]) || !ends[1].play->done(&ends[1]);
         step++) {
        must(&ends[0], step < STEPS_MAX);
        if (rnd(&l.random, busy) == 0) {
            struct end *e = &ends[rnd(&l.random, 2)];
            e->play->act(e);
        } else {
            (void)link_step(&l, ends);
        }
        if (step % AUDIT_EVERY == 0) {
            settle(&l, ends);
            audit(ends);
            busy = 2 + rnd(&l.random, 14);
        }
    }
    settle(&l, ends);
    link_free(&l);
}

void pair_open(struct end ends[2], const struct cvn_x225_prim *connect,
               const struct cvn_sc_opts opts[2])
{
    struct cvn_x225_prim p = *connect;
    struct link l = {.random = 12345};
    for (unsigned i = 0; i < 2; i++)
        must(&ends[i], cvn_sc_new(&ends[i].c, &opts[i]) == CVN_OK);
    must(&ends[0], ask(&ends[0], &p));
    link_drain(&l, ends);
    p.type = CVN_RESPONSE;
    p.versions = 0;
    p.id.called = (struct cvn_octets){(const uint8_t *)"called", 6};
    p.id.calling.n = 0;
    if (p.serial2 != CVN_SERIAL_NONE) {
        p.serial2 = connect->serial;
        p.serial = connect->serial2;
    }
    must(&ends[1], ask(&ends[1], &p));
    link_drain(&l, ends);
    for (unsigned i = 0; i < 2; i++) {
        struct cvn_x225_vars v;
        cvn_sc_vars(ends[i].c, &v);
        must(&ends[i], v.state == CVN_STA713);
    }
    link_free(&l);
}

/* --- TCP --- */

/* What there is to send, until the socket takes no more. */
static void flush(struct end *e, int fd)
{
    uint8_t octets[4096];
    for (;;) {
        struct cvn_iov iov[16];
        size_t n = cvn_sc_out_iov(e->c, iov, 16);
        size_t sum = 0;
        for (size_t i = 0; i < n && sum + iov[i].len <= sizeof octets; i++) {
            memcpy(octets + sum, iov[i].base, iov[i].len);
            sum += iov[i].len;
        }
        if (sum == 0)
            return;
        size_t most = 1 + rnd(&e->random, (uint32_t)sum);
        ssize_t sent = send(fd, octets, most, MSG_NOSIGNAL);
        if (sent < 0 && (errno == EPIPE || errno == ECONNRESET) && e->play->done(e))
            return;
        if (sent < 0) {
            must(e, errno == EAGAIN);
            return;
        }
        cvn_sc_sent(e->c, (size_t)sent);
    }
}

/* Until this end is done and has sent all, and the other has closed. */
static void run_end(struct end *e, int fd)
{
    uint8_t in[3000];
    bool shut = false;
    must(e, fcntl(fd, F_SETFL, O_NONBLOCK) == 0);
    for (;;) {
        for (uint32_t acts = rnd(&e->random, 6); acts > 0 && !e->play->done(e); acts--)
            e->play->act(e);
        bool done = e->play->done(e);
        flush(e, fd);
        bool wants = cvn_sc_out_octets(e->c) > 0;
        if (done && !wants && !shut) {
            shutdown(fd, SHUT_WR);
            shut = true;
        }
        struct pollfd p = {.fd = fd, .events = (short)(POLLIN | (wants ? POLLOUT : 0))};
        must(e,
             poll(&p, 1, done ? 10000 : (int)rnd(&e->random, 2)) >= 0 && (p.revents != 0 || !shut));
        ssize_t n = recv(fd, in, 1 + rnd(&e->random, sizeof in - 1), 0);
        if (n < 0 && errno == EAGAIN)
            continue;
        if (n <= 0) {
            must(e, done);
            return;
        }
        take(e, in, (size_t)n);
    }
}

static void tcp_pair(int fd[2])
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t n = sizeof a;
    int one = 1;
    int l = socket(AF_INET, SOCK_STREAM, 0);
    fd[0] = socket(AF_INET, SOCK_STREAM, 0);
    if (bind(l, (struct sockaddr *)&a, sizeof a) != 0 || listen(l, 1) != 0 ||
        getsockname(l, (struct sockaddr *)&a, &n) != 0 ||
        connect(fd[0], (struct sockaddr *)&a, n) != 0 || (fd[1] = accept(l, NULL, NULL)) < 0) {
        perror("a pair of TCP sockets");
        exit(1);
    }
    setsockopt(fd[0], IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    setsockopt(fd[1], IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    close(l);
}

void run_tcp(struct end ends[2])
{
    int fd[2];
    int status = 1;
    fflush(stdout);
    tcp_pair(fd);
    pid_t child = fork();
    must(&ends[0], child >= 0);
    close(fd[child != 0]);
    if (child == 0) {
        run_end(&ends[1], fd[1]);
        _exit(0);
    }
    run_end(&ends[0], fd[0]);
    close(fd[0]);
    must(&ends[0], waitpid(child, &status, 0) == child && status == 0);
}
