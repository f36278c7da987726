/* SPDX-License-Identifier: MIT */
/*
 * pair - two processes over loopback, by plain TCP or by session connections: the data and the
 * connections of the speed table.
 *
 *   pair serve KIND SIZE COUNT         prints its port, serves, ends
 *   pair dial KIND SIZE COUNT PORT     prints the seconds it took
 *
 * KIND, of data: COUNT messages of SIZE octets go to the server, which has them all when the time
 * ends
 *   raw      write() of each, recv() into a large buffer
 *   sdata    S-DATA of each, lent; blocking sockets, no loop
 *   stream   S-DATA of each, lent; the library's streams on libuv's loop
 * KIND, of connections: COUNT of them, one after another; SIZE is not looked at
 *   open     TCP connect, close
 *   turns    TCP connect, three times one octet there and back, close
 *   session  TCP connect, S-CONNECT, S-RELEASE, close
 *   kept     S-CONNECT, S-RELEASE with the transport connection kept, COUNT times on one
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "convene/connection.h"
#include "transport/tcp/tcp.h"

#define BUFFER     (512u << 10)
#define QUEUED_MAX (256u << 10) /* octets that wait to be sent */
#define PIECES     1024
#define LARGEST    (1u << 20)

static uint8_t buffer[BUFFER];
static uint8_t message[LARGEST];
static struct cvn_ref lent; /* of message, for ever */
static size_t size;
static size_t count;

static void need(bool right, const char *what)
{
    if (right)
        return;
    (void)fprintf(stderr, "pair: %s: %s\n", what, strerror(errno));
    exit(74);
}

static double seconds(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* -------- sockets -------- */

static int listen_on(void)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof a;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    need(fd >= 0 && bind(fd, (struct sockaddr *)&a, sizeof a) == 0 && listen(fd, 4096) == 0 &&
             getsockname(fd, (struct sockaddr *)&a, &len) == 0,
         "listen");
    (void)printf("port %u\n", (unsigned)ntohs(a.sin_port));
    (void)fflush(stdout);
    return fd;
}

static int quick(int fd)
{
    int one = 1;
    need(fd >= 0 && setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one) == 0, "socket");
    return fd;
}

static int dial(uint16_t port)
{
    struct sockaddr_in a = {
        .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons(port)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    need(fd >= 0 && connect(fd, (struct sockaddr *)&a, sizeof a) == 0, "connect");
    return fd;
}

static int take(int listener)
{
    int fd = accept(listener, NULL, NULL);
    need(fd >= 0, "accept");
    return fd;
}

static void write_all(int fd, const uint8_t *p, size_t n)
{
    while (n > 0) {
        ssize_t done = write(fd, p, n);
        need(done > 0, "write");
        p += done;
        n -= (size_t)done;
    }
}

/* -------- plain TCP -------- */

static void raw_dial(uint16_t port)
{
    int fd = dial(port);
    for (size_t i = 0; i < count; i++)
        write_all(fd, message, size);
    need(read(fd, buffer, 1) == 1, "the server does not have it all");
    (void)close(fd);
}

static void raw_serve(int listener)
{
    int fd = take(listener);
    for (size_t left = size * count; left > 0;) {
        ssize_t n = recv(fd, buffer, sizeof buffer, 0);
        need(n > 0, "recv");
        left -= (size_t)n;
    }
    write_all(fd, message, 1);
    need(read(fd, buffer, 1) == 0, "the other end does not close");
    (void)close(fd);
}

static void turns_dial(uint16_t port, unsigned turns)
{
    for (size_t i = 0; i < count; i++) {
        int fd = turns == 0 ? dial(port) : quick(dial(port));
        for (unsigned t = 0; t < turns; t++) {
            write_all(fd, message, 1);
            need(read(fd, buffer, 1) == 1, "no answer");
        }
        (void)close(fd);
    }
}

static void turns_serve(int listener, unsigned turns)
{
    for (size_t i = 0; i < count; i++) {
        int fd = turns == 0 ? take(listener) : quick(take(listener));
        while (read(fd, buffer, 1) == 1)
            write_all(fd, message, 1);
        (void)close(fd);
    }
}

/* -------- a session connection over a blocking socket -------- */

struct end {
    int fd;
    struct cvn_sc *sc;
    size_t came;     /* octets of user data */
    size_t released; /* session connections that have ended in order */
    bool up;         /* the confirm of S-CONNECT has come */
    bool keep;
};

static void end_open(struct end *e, int fd, bool initiator, bool keep)
{
    struct cvn_sc_opts o = {
        .initiator = initiator, .reference = 1, .x225 = {.reuse = keep, .versions = 2}};
    *e = (struct end){.fd = fd, .keep = keep};
    need(cvn_sc_new(&e->sc, &o) == CVN_OK, "memory");
}

static void end_request(struct end *e, enum cvn_x225_service s, enum cvn_x225_type t)
{
    struct cvn_x225_prim p;
    cvn_x225_prim_init(&p, s, t);
    p.units = CVN_FU_DUPLEX;
    p.keep = e->keep;
    need(cvn_sc_request(e->sc, &p, 0) == CVN_OK, cvn_x225_service_name(s));
}

static void end_data(struct end *e)
{
    struct cvn_x225_prim p;
    cvn_x225_prim_init(&p, CVN_S_DATA, CVN_REQUEST);
    p.data = (struct cvn_octets){message, size};
    p.owner = &lent;
    need(cvn_sc_request(e->sc, &p, 0) == CVN_OK, "S-DATA");
}

static void end_primitive(struct end *e, const struct cvn_x225_prim *p)
{
    if (p->service == CVN_S_DATA)
        e->came += p->data.n;
    else if (p->type == CVN_INDICATION &&
             (p->service == CVN_S_CONNECT || p->service == CVN_S_RELEASE))
        end_request(e, p->service, CVN_RESPONSE);
    else if (p->type == CVN_CONFIRM && p->service == CVN_S_CONNECT)
        e->up = true;
    else
        need(p->type == CVN_CONFIRM && p->service == CVN_S_RELEASE,
             cvn_x225_service_name(p->service));
    e->released += p->service == CVN_S_RELEASE;
}

static void end_feed(struct end *e, const uint8_t *in, size_t len)
{
    struct cvn_x225_prim p;
    int rc = CVN_EVENT;
    while (rc == CVN_EVENT) {
        size_t used = 0;
        rc = cvn_sc_feed(e->sc, in, len, &used, &p, 0);
        in += used;
        len -= used;
        if (rc == CVN_EVENT)
            end_primitive(e, &p);
    }
    need(rc == CVN_MORE || rc == CVN_ECLOSED, "octets were not taken");
}

static void end_flush(struct end *e)
{
    struct cvn_iov iov[PIECES];
    size_t n;
    while ((n = cvn_sc_out_iov(e->sc, iov, PIECES)) > 0) {
        struct msghdr m = {.msg_iov = (struct iovec *)(void *)iov, .msg_iovlen = n};
        ssize_t sent = sendmsg(e->fd, &m, MSG_NOSIGNAL);
        need(sent > 0, "sendmsg");
        cvn_sc_sent(e->sc, (size_t)sent);
    }
}

/* False: the stream has ended. */
static bool end_read(struct end *e)
{
    ssize_t n = recv(e->fd, buffer, sizeof buffer, 0);
    need(n >= 0, "recv");
    if (n == 0)
        return false;
    end_feed(e, buffer, (size_t)n);
    end_flush(e);
    return true;
}

static void end_connect(struct end *e)
{
    e->up = false;
    end_request(e, CVN_S_CONNECT, CVN_REQUEST);
    end_flush(e);
    while (!e->up)
        need(end_read(e), "no S-CONNECT confirm");
}

static void end_release(struct end *e)
{
    size_t before = e->released;
    end_request(e, CVN_S_RELEASE, CVN_REQUEST);
    end_flush(e);
    while (e->released == before)
        need(end_read(e), "no S-RELEASE confirm");
}

static void end_close(struct end *e)
{
    cvn_sc_free(e->sc);
    (void)close(e->fd);
}

static void session_dial(uint16_t port)
{
    struct end e;
    for (size_t i = 0; i < count; i++) {
        end_open(&e, quick(dial(port)), true, false);
        end_connect(&e);
        end_release(&e);
        end_close(&e);
    }
}

static void session_serve(int listener)
{
    struct end e;
    for (size_t i = 0; i < count; i++) {
        end_open(&e, quick(take(listener)), false, false);
        while (end_read(&e))
            ;
        need(e.released == 1, "not released");
        end_close(&e);
    }
}

static void kept_dial(uint16_t port)
{
    struct end e;
    end_open(&e, quick(dial(port)), true, true);
    for (size_t i = 0; i < count; i++) {
        end_connect(&e);
        end_release(&e);
    }
    end_close(&e);
}

static void kept_serve(int listener)
{
    struct end e;
    end_open(&e, quick(take(listener)), false, true);
    while (end_read(&e))
        ;
    need(e.released == count, "not all released");
    end_close(&e);
}

static void sdata_dial(uint16_t port)
{
    struct end e;
    end_open(&e, quick(dial(port)), true, false);
    end_connect(&e);
    for (size_t i = 0; i < count; i++) {
        end_data(&e);
        if (cvn_sc_out_octets(e.sc) >= QUEUED_MAX)
            end_flush(&e);
    }
    end_release(&e);
    end_close(&e);
}

static void sdata_serve(int listener)
{
    struct end e;
    end_open(&e, quick(take(listener)), false, false);
    while (end_read(&e))
        ;
    need(e.came == size * count && e.released == 1, "not all came");
    end_close(&e);
}

/* -------- a session connection over the library's streams -------- */

static struct {
    struct end end;
    struct cvn_stream *stream;
    size_t sent; /* messages */
    bool over;
} line;

static void line_more(void)
{
    while (line.end.up && line.sent < count && cvn_sc_out_octets(line.end.sc) < QUEUED_MAX) {
        end_data(&line.end);
        line.sent++;
        if (line.sent == count)
            end_request(&line.end, CVN_S_RELEASE, CVN_REQUEST);
    }
}

static void line_feed(void *ctx, const uint8_t *in, size_t len, size_t *used)
{
    (void)ctx;
    end_feed(&line.end, in, len);
    *used = len;
    line_more();
    if (line.end.released > 0 && cvn_sc_closing(line.end.sc)) {
        cvn_stream_close(line.stream, false);
        line.over = true;
    }
}

static size_t line_out(void *ctx, struct cvn_iov *iov, size_t n)
{
    (void)ctx;
    return cvn_sc_out_iov(line.end.sc, iov, n);
}

static void line_sent(void *ctx, size_t octets)
{
    (void)ctx;
    cvn_sc_sent(line.end.sc, octets);
    line_more();
}

static void line_idle(void *ctx)
{
    (void)ctx;
    cvn_sc_trim(line.end.sc);
}

static void line_down(void *ctx, const char *why)
{
    (void)ctx;
    need(line.end.released > 0, why);
    line.over = true;
}

static void stream_run(int fd, bool initiator)
{
    static const struct cvn_stream_user user = {.feed = line_feed,
                                                .out = line_out,
                                                .sent = line_sent,
                                                .idle = line_idle,
                                                .down = line_down};
    uv_loop_t loop;
    need(uv_loop_init(&loop) == 0, "loop");
    end_open(&line.end, fd, initiator, false);
    line.stream = cvn_stream_new(&loop, fd, &user, NULL);
    need(line.stream != NULL, "memory");
    if (initiator)
        end_request(&line.end, CVN_S_CONNECT, CVN_REQUEST);
    cvn_stream_flush(line.stream);
    (void)uv_run(&loop, UV_RUN_DEFAULT);
    need(line.over && uv_loop_close(&loop) == 0, "the loop has ended early");
    need(initiator ? line.sent == count : line.end.came == size * count, "not all came");
    cvn_sc_free(line.end.sc);
}

/* -------- the table of kinds -------- */

static void stream_dial(uint16_t port)
{
    stream_run(dial(port), true);
}

static void stream_serve(int listener)
{
    stream_run(take(listener), false);
}

static void open_dial(uint16_t port)
{
    turns_dial(port, 0);
}

static void open_serve(int listener)
{
    turns_serve(listener, 0);
}

static void three_dial(uint16_t port)
{
    turns_dial(port, 3);
}

static void three_serve(int listener)
{
    turns_serve(listener, 3);
}

static const struct kind {
    const char *name;
    void (*serve)(int listener);
    void (*dial)(uint16_t port);
} kinds[] = {
    {"raw", raw_serve, raw_dial},          {"sdata", sdata_serve, sdata_dial},
    {"stream", stream_serve, stream_dial}, {"open", open_serve, open_dial},
    {"turns", three_serve, three_dial},    {"session", session_serve, session_dial},
    {"kept", kept_serve, kept_dial},
};

static void never(struct cvn_ref *ref)
{
    (void)ref;
}

int main(int argc, char **argv)
{
    const struct kind *k = NULL;
    bool serve = argc == 5 && strcmp(argv[1], "serve") == 0;
    lent = (struct cvn_ref){.refs = 1, .drop = never};
    for (size_t i = 0; argc >= 5 && i < sizeof kinds / sizeof kinds[0]; i++)
        k = strcmp(argv[2], kinds[i].name) == 0 ? &kinds[i] : k;
    if (k == NULL || (!serve && (argc != 6 || strcmp(argv[1], "dial") != 0))) {
        (void)fprintf(stderr,
                      "usage: pair serve KIND SIZE COUNT | pair dial KIND SIZE COUNT PORT\n");
        return 64;
    }
    size = strtoul(argv[3], NULL, 10);
    count = strtoul(argv[4], NULL, 10);
    need(size >= 1 && size <= sizeof message && count >= 1, "SIZE or COUNT");
    if (serve) {
        k->serve(listen_on());
        return 0;
    }
    double begin = seconds();
    k->dial((uint16_t)strtoul(argv[5], NULL, 10));
    (void)printf("%.9f\n", seconds() - begin);
    return 0;
}
