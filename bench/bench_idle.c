/* SPDX-License-Identifier: MIT */
/*
 * bench_idle - the memory of sessions that are open and quiet, counted by their allocators
 * while two real ends talk over links in memory; that of a TCP stream by malloc's own books,
 * that of its socket by the kernel's. Lines of name, value, unit, and what is to be reached.
 */
#include <arpa/inet.h>
#include <malloc.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "convene/connection.h"
#include "proto/cotp/cotp.h"
#include "session/receive.h"
#include "session/send.h"
#include "transport/tcp/tcp.h"

#define FILE_OCTETS (3u << 20)
#define SOCKETS     400 /* pairs */
#define STREAMS     64

static void need(bool right, const char *what)
{
    if (!right) {
        (void)fprintf(stderr, "bench_idle: %s\n", what);
        exit(70);
    }
}

static void say(const char *what, double octets, double reach)
{
    (void)printf("%s\t%.0f\toctets", what, octets);
    if (reach > 0)
        (void)printf("\t%.0f", reach);
    (void)printf("\n");
}

/* -------- an allocator that counts -------- */

struct counted {
    struct cvn_alloc alloc;
    size_t live;
    size_t blocks;
};

static void *counted_resize(void *ctx, void *p, size_t from, size_t to)
{
    struct counted *c = ctx;
    void *q = realloc(p, to == 0 ? 1 : to);
    need(q != NULL, "memory");
    c->live += to - from;
    c->blocks += (from == 0 ? 1u : 0u);
    c->blocks -= (to == 0 ? 1u : 0u);
    if (to == 0) {
        free(q);
        return NULL;
    }
    return q;
}

static void counted_init(struct counted *c)
{
    *c = (struct counted){.alloc = {.resize = counted_resize, .ctx = c}};
}

/* -------- a plain session connection -------- */

static void carry(struct cvn_sc *from, struct cvn_sc *to, struct cvn_x225_prim *ev)
{
    uint8_t octets[4096];
    struct cvn_iov iov[16];
    size_t n;
    size_t len = 0;
    while ((n = cvn_sc_out_iov(from, iov, 16)) > 0) {
        size_t sum = 0;
        for (size_t i = 0; i < n; i++) {
            need(len + iov[i].len <= sizeof octets, "the link is full");
            memcpy(octets + len, iov[i].base, iov[i].len);
            len += iov[i].len;
            sum += iov[i].len;
        }
        cvn_sc_sent(from, sum);
    }
    int rc = CVN_EVENT;
    for (size_t at = 0; rc == CVN_EVENT;) {
        size_t used = 0;
        rc = cvn_sc_feed(to, octets + at, len - at, &used, ev, 0);
        at += used;
    }
    need(rc == CVN_MORE, "octets were not taken");
}

static double trimmed; /* octets of an idle session connection */

static void plain_session(void)
{
    struct counted count[2];
    struct cvn_sc *c[2];
    struct cvn_x225_prim p;
    struct cvn_x225_prim ev;
    struct counted part;
    struct cvn_cotp *cotp;
    struct cvn_x225 *x;
    counted_init(&part);
    struct cvn_cotp_opts co = {.alloc = &part.alloc, .initiator = true, .reference = 1};
    need(cvn_cotp_new(&cotp, &co) == CVN_OK, "memory");
    say("transport: struct cvn_cotp", (double)part.live, 0);
    cvn_cotp_free(cotp);
    struct cvn_x225_opts xo = {.alloc = &part.alloc};
    need(cvn_x225_new(&x, &xo) == CVN_OK, "memory");
    say("machine: struct cvn_x225", (double)part.live, 0);
    cvn_x225_free(x);
    for (int i = 0; i < 2; i++) {
        counted_init(&count[i]);
        struct cvn_sc_opts o = {.alloc = &count[i].alloc, .initiator = i == 0, .reference = 1};
        need(cvn_sc_new(&c[i], &o) == CVN_OK, "memory");
    }
    say("session connection, new", (double)count[0].live, 0);
    cvn_x225_prim_init(&p, CVN_S_CONNECT, CVN_REQUEST);
    p.units = CVN_FU_DUPLEX;
    need(cvn_sc_request(c[0], &p, 0) == CVN_OK, "S-CONNECT");
    carry(c[0], c[1], &ev);
    carry(c[1], c[0], &ev);
    carry(c[0], c[1], &ev);
    cvn_x225_prim_init(&p, CVN_S_CONNECT, CVN_RESPONSE);
    p.result = CVN_RESULT_ACCEPT;
    p.units = CVN_FU_DUPLEX;
    need(cvn_sc_request(c[1], &p, 0) == CVN_OK, "S-CONNECT response");
    carry(c[1], c[0], &ev);
    struct cvn_x225_vars v;
    cvn_sc_vars(c[0], &v);
    need(v.state == CVN_STA713, "not connected");
    say("session connection, idle, initiator", (double)count[0].live, 1024);
    say("session connection, idle, responder", (double)count[1].live, 1024);
    cvn_sc_trim(c[0]);
    cvn_sc_trim(c[1]);
    say("session connection, idle, initiator, trimmed", (double)count[0].live, 0);
    say("session connection, idle, responder, trimmed", (double)count[1].live, 0);
    trimmed = (double)count[1].live;
    cvn_sc_free(c[0]);
    cvn_sc_free(c[1]);
    need(count[0].live + count[1].live + part.live == 0, "memory is left over");
}

/* -------- a session that sends files: sender, receiver, inbox; all waits end at once -------- */

static struct files {
    struct counted sender_count;
    struct counted inbox_count;
    struct cvn_sender *sender;
    struct cvn_inbox *inbox;
    struct cvn_receiver *receiver;
    struct cvn_item item;
    struct cvn_wait *waits;
    bool dialed;
    bool given;
    bool finished;
    bool committed;
} f;

static uint8_t file_octets[FILE_OCTETS];

static int wait_for(struct cvn_wait *w)
{
    w->next = f.waits;
    w->pending = true;
    f.waits = w;
    return CVN_OK;
}

static void waits_end(void)
{
    while (f.waits != NULL) {
        struct cvn_wait *w = f.waits;
        f.waits = w->next;
        w->done(w, CVN_OK);
    }
}

static int store_put(void *self, const struct cvn_store_put *p, size_t n, struct cvn_wait *w)
{
    (void)self;
    (void)p;
    (void)n;
    return wait_for(w);
}

static int store_scan(void *self, struct cvn_octets prefix,
                      int (*each)(void *, struct cvn_octets, struct cvn_octets), void *arg)
{
    (void)self;
    (void)prefix;
    (void)each;
    (void)arg;
    return CVN_OK;
}

static uint8_t depot_yes(void *self, struct cvn_transfer *t)
{
    (void)self;
    (void)t;
    return CVN_TROUBLE_NONE;
}

static uint8_t depot_cut(void *self, struct cvn_transfer *t, uint64_t offset)
{
    (void)self;
    t->written = offset;
    return CVN_TROUBLE_NONE;
}

static uint8_t depot_write(void *self, struct cvn_transfer *t, struct cvn_octets data)
{
    (void)self;
    t->written += data.n;
    return CVN_TROUBLE_NONE;
}

static void depot_nothing(void *self, struct cvn_transfer *t)
{
    (void)self;
    (void)t;
}

static int depot_sync(void *self, struct cvn_transfer *t, struct cvn_wait *w)
{
    (void)self;
    (void)t;
    return wait_for(w);
}

static int depot_place(void *self, struct cvn_transfer *t, uint8_t *trouble, struct cvn_wait *w)
{
    (void)self;
    (void)t;
    *trouble = CVN_TROUBLE_NONE;
    return wait_for(w);
}

static int depot_finish(void *self, struct cvn_transfer *t, uint8_t *trouble, struct cvn_wait *w)
{
    if (cvn_transfer_own_final(&f.inbox_count.alloc, t, t->name) != CVN_OK)
        return CVN_ENOMEM;
    return depot_place(self, t, trouble, w);
}

static void depot_sweep(void *self, bool (*keep)(void *, const uint8_t id[CVN_ID]), void *arg)
{
    (void)self;
    (void)keep;
    (void)arg;
}

static void do_nothing(void *ctx)
{
    (void)ctx;
}

static void do_dial(void *ctx)
{
    (void)ctx;
    f.dialed = true;
}

static int do_read(void *ctx, struct cvn_item *it, uint64_t offset, size_t max,
                   struct cvn_ref **owner, struct cvn_octets *block)
{
    (void)ctx;
    (void)it;
    *owner = NULL;
    if (offset >= FILE_OCTETS)
        return CVN_NONE;
    *block = (struct cvn_octets){file_octets + offset,
                                 max < FILE_OCTETS - offset ? max : FILE_OCTETS - offset};
    return CVN_OK;
}

static void do_forget(void *ctx, struct cvn_item *it, uint64_t offset)
{
    (void)ctx;
    (void)it;
    (void)offset;
}

static int do_digest(void *ctx, struct cvn_item *it, struct cvn_wait *w)
{
    (void)ctx;
    (void)it;
    return wait_for(w);
}

static int do_next(void *ctx, struct cvn_item **it)
{
    (void)ctx;
    if (f.given)
        return CVN_MORE; /* the session stays open, and idle */
    f.given = true;
    *it = &f.item;
    return CVN_OK;
}

static void do_news(void *ctx, enum cvn_sender_news n, struct cvn_item *it, uint64_t offset,
                    const char *text)
{
    (void)ctx;
    (void)it;
    (void)offset;
    (void)text;
    f.finished = f.finished || n == CVN_NEWS_FINISHED;
}

static void inbox_news(void *ctx, enum cvn_inbox_news n, const struct cvn_receiver *r,
                       const struct cvn_transfer *t, uint64_t offset, const char *text)
{
    (void)ctx;
    (void)r;
    (void)t;
    (void)offset;
    (void)text;
    f.committed = f.committed || n == CVN_INBOX_COMMITTED;
}

static void do_primitive(void *ctx, const struct cvn_x225_prim *p, bool sent)
{
    (void)ctx;
    (void)p;
    (void)sent;
}

static void do_random(void *ctx, uint8_t *p, size_t n)
{
    (void)ctx;
    memset(p, 7, n);
}

static size_t do_utc(void *ctx, uint8_t out[CVN_COMMON_MAX])
{
    (void)ctx;
    memcpy(out, "260101000000Z", 13);
    return 13;
}

static uint64_t utc_seconds(void *ctx)
{
    (void)ctx;
    return 1;
}

static void failed(void *ctx, const char *why)
{
    (void)ctx;
    need(false, why);
}

static uint8_t
    link_octets[2 * FILE_OCTETS]; /* all that ever went to the receiver: fed octets stay */
static size_t sent_all;
static size_t taken;

/* What there is goes once each way; false: nothing went. */
static bool turn(void)
{
    struct cvn_iov iov[16];
    size_t n;
    size_t sent = 0;
    size_t used = 0;
    while ((n = cvn_sender_out_iov(f.sender, iov, 16)) > 0) {
        size_t sum = 0;
        for (size_t i = 0; i < n; i++) {
            need(sent_all + iov[i].len <= sizeof link_octets, "the link is full");
            memcpy(link_octets + sent_all, iov[i].base, iov[i].len);
            sent_all += iov[i].len;
            sum += iov[i].len;
        }
        cvn_sender_sent(f.sender, sum, 0);
        sent += sum;
    }
    cvn_receiver_feed(f.receiver, link_octets + taken, sent_all - taken, &used, 0);
    taken += used;
    while ((n = cvn_receiver_out_iov(f.receiver, iov, 16)) > 0) {
        for (size_t i = 0; i < n; i++) {
            sent += iov[i].len;
            cvn_sender_feed(f.sender, iov[i].base, iov[i].len, 0);
        }
        size_t sum = 0;
        for (size_t i = 0; i < n; i++)
            sum += iov[i].len;
        cvn_receiver_sent(f.receiver, sum);
    }
    bool waited = f.waits != NULL;
    waits_end();
    return sent > 0 || used > 0 || waited;
}

static void file_session(void)
{
    static const struct cvn_store_ops store_ops = {.put = store_put, .scan = store_scan};
    static const struct cvn_store store = {.ops = &store_ops};
    static const struct cvn_depot_ops depot = {.check = depot_yes,
                                               .create = depot_yes,
                                               .cut = depot_cut,
                                               .write = depot_write,
                                               .mark = depot_nothing,
                                               .sync = depot_sync,
                                               .finish = depot_finish,
                                               .place = depot_place,
                                               .close = depot_nothing,
                                               .remove = depot_nothing,
                                               .sweep = depot_sweep};
    static const struct cvn_sender_ops sender_ops = {.dial = do_dial,
                                                     .hang_up = do_nothing,
                                                     .read = do_read,
                                                     .forget = do_forget,
                                                     .digest = do_digest,
                                                     .next = do_next,
                                                     .news = do_news,
                                                     .primitive = do_primitive,
                                                     .random = do_random,
                                                     .utc = do_utc,
                                                     .moved = do_nothing,
                                                     .over = do_nothing};
    static const struct cvn_inbox_ops inbox_ops = {
        .news = inbox_news, .random = do_random, .utc_seconds = utc_seconds, .failed = failed};
    static const struct cvn_receiver_ops receiver_ops = {.hang_up = do_nothing,
                                                         .resume = do_nothing,
                                                         .flush = do_nothing,
                                                         .primitive = do_primitive};
    static const struct cvn_octets ssel = {(const uint8_t *)"inbox", 5};
    counted_init(&f.sender_count);
    counted_init(&f.inbox_count);
    f.item = (struct cvn_item){.name = {(const uint8_t *)"report.pdf", 10},
                               .size = FILE_OCTETS,
                               .kind = CVN_KIND_FILE,
                               .hash = CVN_HASH_NONE};
    struct cvn_sender_opts so = {
        .alloc = &f.sender_count.alloc, .ops = &sender_ops, .store = &store, .called_ssel = ssel};
    struct cvn_inbox_opts io = {
        .alloc = &f.inbox_count.alloc, .ops = &inbox_ops, .store = &store, .depot_ops = &depot};
    need(cvn_inbox_new(&f.inbox, &io) == CVN_OK && cvn_inbox_recover(f.inbox) == CVN_OK, "inbox");
    size_t inbox = f.inbox_count.live;
    need(cvn_sender_new(&f.sender, &so) == CVN_OK, "sender");
    say("file session: struct cvn_sender", (double)f.sender_count.live, 0);
    need(cvn_receiver_new(&f.receiver, f.inbox, &receiver_ops, NULL, ssel, "peer", 0) == CVN_OK,
         "receiver");
    say("file session: receiver, with its session connection", (double)(f.inbox_count.live - inbox),
        0);
    cvn_sender_start(f.sender, 0);
    waits_end();
    need(f.dialed, "the sender did not dial");
    cvn_sender_link_up(f.sender, 0);
    size_t most[2] = {0, 0};
    while (turn()) {
        most[0] = f.sender_count.live > most[0] ? f.sender_count.live : most[0];
        most[1] = f.inbox_count.live > most[1] ? f.inbox_count.live : most[1];
    }
    need(f.finished && f.committed, "the file did not arrive");
    say("file session, sender, at most while sending", (double)most[0], 0);
    say("file session, receiver, at most while receiving", (double)(most[1] - inbox), 0);
    say("file session, sender, idle", (double)f.sender_count.live, 0);
    say("file session, receiver, idle, one committed transfer kept",
        (double)(f.inbox_count.live - inbox), 0);
    cvn_sender_suspend(f.sender, 0);
    cvn_sender_free(f.sender);
    cvn_receiver_link_down(f.receiver, "closed", 0);
    cvn_receiver_free(f.receiver);
    waits_end();
    cvn_inbox_free(f.inbox);
    need(f.sender_count.live + f.inbox_count.live == 0, "memory is left over");
}

/* -------- sockets and streams -------- */

static double kernel_octets(void)
{
    char line[128];
    double slab = 0;
    FILE *m = fopen("/proc/meminfo", "r");
    need(m != NULL, "/proc/meminfo");
    while (fgets(line, sizeof line, m) != NULL) {
        double kib;
        if (sscanf(line, "Slab: %lf", &kib) == 1)
            slab = kib * 1024;
    }
    (void)fclose(m);
    return slab;
}

/* One connected pair over loopback. */
static void tcp_pair(int listener, const struct sockaddr_in *a, int fd[2])
{
    fd[0] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    need(fd[0] >= 0 && connect(fd[0], (const struct sockaddr *)(const void *)a, sizeof *a) == 0,
         "connect");
    fd[1] = accept(listener, NULL, NULL);
    need(fd[1] >= 0, "accept");
}

static void fed(void *ctx, const uint8_t *in, size_t len, size_t *used)
{
    (void)ctx;
    (void)in;
    *used = len;
}

static size_t no_out(void *ctx, struct cvn_iov *iov, size_t n)
{
    (void)ctx;
    (void)iov;
    (void)n;
    return 0;
}

static void gone(void *ctx, const char *why)
{
    (void)ctx;
    need(false, why);
}

static double malloc_octets(void)
{
    struct mallinfo2 m = mallinfo2();
    return (double)m.uordblks + (double)m.hblkhd;
}

static void pass(uv_timer_t *t)
{
    uv_stop(t->loop);
}

static void run_for(uv_loop_t *loop, uint64_t ms)
{
    uv_timer_t timer;
    (void)uv_timer_init(loop, &timer);
    (void)uv_timer_start(&timer, pass, ms, 0);
    (void)uv_run(loop, UV_RUN_DEFAULT);
    uv_close((uv_handle_t *)&timer, NULL);
    (void)uv_run(loop, UV_RUN_NOWAIT);
}

static void streams(int listener, const struct sockaddr_in *a)
{
    static const struct cvn_stream_user user = {
        .feed = fed, .out = no_out, .sent = NULL, .down = gone};
    static struct cvn_stream *all[STREAMS];
    static int peer[STREAMS];
    uv_loop_t loop;
    double one = 0;
    char octets[10000] = {0};
    need(uv_loop_init(&loop) == 0, "loop");
    for (int i = 0; i < STREAMS + 1; i++) {
        static double before;
        int fd[2];
        if (i == 1)
            before = malloc_octets(); /* the first one grows the loop */
        tcp_pair(listener, a, fd);
        struct cvn_stream *s = cvn_stream_new(&loop, fd[0], &user, NULL);
        need(s != NULL, "stream");
        all[i % STREAMS] = s;
        peer[i % STREAMS] = fd[1];
        if (i == STREAMS)
            one = (malloc_octets() - before) / STREAMS;
    }
    say("TCP stream, new", one, 0);
    double before = malloc_octets();
    for (int i = 0; i < STREAMS; i++)
        need(write(peer[i], octets, sizeof octets) == (ssize_t)sizeof octets, "write");
    run_for(&loop, 100);
    say("TCP stream, after octets came, more", (malloc_octets() - before) / STREAMS, 0);
    run_for(&loop, 2500);
    double more = (malloc_octets() - before) / STREAMS;
    say("TCP stream, quiet again, more", more, 0);
    say("session over a TCP stream, idle, beyond the socket", trimmed + one + more, 1024);
    for (int i = 0; i < STREAMS; i++)
        cvn_stream_close(all[i], false);
}

static void sockets(void)
{
    static int fd[SOCKETS][2];
    struct rlimit files = {0};
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof a;
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    need(listener >= 0 && bind(listener, (struct sockaddr *)&a, sizeof a) == 0 &&
             listen(listener, 16) == 0 && getsockname(listener, (struct sockaddr *)&a, &len) == 0,
         "listen");
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &files);
    }
    double before = kernel_octets();
    for (int i = 0; i < SOCKETS; i++)
        tcp_pair(listener, &a, fd[i]);
    say("kernel, of one connected TCP socket", (kernel_octets() - before) / (2 * SOCKETS), 0);
    for (int i = 0; i < SOCKETS; i++) {
        (void)close(fd[i][0]);
        (void)close(fd[i][1]);
    }
    streams(listener, &a);
}

int main(void)
{
    plain_session();
    file_session();
    sockets();
    return 0;
}
