/* SPDX-License-Identifier: MIT */
/*
 * receive - convene receive: a listener, an inbox over a folder, and one receiver
 * for each connection.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cli/cli.h"
#include "convene/alloc.h"
#include "crypto/hash.h"
#include "service/inbox/depot.h"
#include "store/sqlite/sqlite.h"
#include "transport/tcp/capture.h"
#include "transport/tcp/tcp.h"

#define LINKS_MAX     4096
#define EXPIRE_MS     (3600u * 1000u)
#define END_WITHIN_NS 3000000000ull

struct link {
    struct link *next;
    struct inbox *in;
    struct cvn_stream *stream;
    struct cvn_receiver *receiver;
    struct cvn_flow *flow;
    uv_timer_t timer;
    char peer[80];
    bool hang_up;
    bool over;
};

struct inbox {
    const struct cli_options *o;
    uv_loop_t loop;
    uv_signal_t signals[3];
    uv_timer_t expire;
    uv_timer_t ending;
    uv_check_t check;
    struct cvn_url url;
    struct cvn_sqlite *db;
    struct cvn_store store;
    struct cvn_depot *depot;
    struct cvn_inbox *box;
    struct cvn_listener *listener;
    struct cvn_capture *capture;
    struct link *links;
    unsigned nlinks;
    struct cvn_wait forget;
    char db_path[PATH_MAX];
    int lock;
    int exit_code;
    bool stopping;
    bool aborting;
    bool ended; /* once, and all sessions have */
    cvn_time ended_at;
};

static void arm(struct link *l);
static void on_timer(uv_timer_t *t);
static void look_for_end(struct inbox *in);

/* -------- links -------- */

static void timer_closed(uv_handle_t *h)
{
    struct link *l = h->data;
    cvn_free(cvn_alloc_std(), l, sizeof *l);
}

/* The stream has ended, or is to end: the receiver goes. */
static void link_over(struct link *l)
{
    struct link **at = &l->in->links;
    if (l->over)
        return;
    l->over = true;
    while (*at != l)
        at = &(*at)->next;
    *at = l->next;
    l->in->nlinks--;
    cvn_receiver_free(l->receiver);
    l->receiver = NULL;
    cvn_flow_end(l->flow);
    l->flow = NULL;
    uv_close((uv_handle_t *)&l->timer, timer_closed);
    look_for_end(l->in);
}

static void close_now(struct link *l)
{
    if (l->over)
        return;
    struct cvn_stream *s = l->stream;
    cvn_receiver_link_down(l->receiver, "closed", uv_hrtime());
    cvn_stream_close(s, true);
    link_over(l);
}

static void on_feed(void *ctx, const uint8_t *in, size_t len, size_t *used)
{
    struct link *l = ctx;
    cvn_receiver_feed(l->receiver, in, len, used, uv_hrtime());
    arm(l);
}

static size_t on_out(void *ctx, struct cvn_iov *iov, size_t n)
{
    struct link *l = ctx;
    return l->receiver == NULL ? 0 : cvn_receiver_out_iov(l->receiver, iov, n);
}

static void on_sent(void *ctx, size_t octets)
{
    struct link *l = ctx;
    if (l->receiver == NULL)
        return;
    cvn_receiver_sent(l->receiver, octets);
    if (cvn_receiver_closing(l->receiver) && cvn_receiver_out_octets(l->receiver) == 0)
        (void)uv_timer_start(&l->timer, on_timer, 1, 0);
}

static void on_down(void *ctx, const char *why)
{
    struct link *l = ctx;
    cvn_receiver_link_down(l->receiver, why, uv_hrtime());
    link_over(l);
}

static void on_seen(void *ctx, bool sent, const struct cvn_iov *iov, size_t n, size_t octets)
{
    struct link *l = ctx;
    cvn_flow_write(l->flow, sent, iov, n, octets);
}

static const struct cvn_stream_user stream_user = {
    .feed = on_feed, .out = on_out, .sent = on_sent, .down = on_down};
static const struct cvn_stream_user captured_user = {
    .feed = on_feed, .out = on_out, .sent = on_sent, .down = on_down, .seen = on_seen};

static void on_timer(uv_timer_t *t)
{
    struct link *l = t->data;
    if (l->over)
        return;
    cvn_receiver_tick(l->receiver, uv_hrtime());
    cvn_stream_flush(l->stream);
    bool sent = cvn_receiver_out_octets(l->receiver) == 0;
    if (l->hang_up || (cvn_receiver_closing(l->receiver) && sent))
        close_now(l);
    else
        arm(l);
}

static void arm(struct link *l)
{
    if (l->over || uv_is_closing((uv_handle_t *)&l->timer))
        return;
    cvn_time t = cvn_receiver_deadline(l->receiver);
    cvn_time now = uv_hrtime();
    if (cvn_receiver_closing(l->receiver) && cvn_receiver_out_octets(l->receiver) == 0)
        t = now;
    if (t == CVN_NEVER)
        (void)uv_timer_stop(&l->timer);
    else
        (void)uv_timer_start(&l->timer, on_timer, t <= now ? 1 : (t - now) / 1000000 + 1, 0);
}

static void on_hang_up(void *ctx)
{
    struct link *l = ctx;
    if (l->over)
        return;
    /* never from inside: the receiver that asks may be in the middle of something */
    l->hang_up = true;
    (void)uv_timer_start(&l->timer, on_timer, 1, 0);
}

static void on_resume(void *ctx)
{
    struct link *l = ctx;
    cvn_stream_resume(l->stream);
}

static void on_flush(void *ctx)
{
    struct link *l = ctx;
    cvn_stream_flush(l->stream);
}

static void on_primitive(void *ctx, const struct cvn_x225_prim *p, bool sent)
{
    struct link *l = ctx;
    if (l->in->o->verbose && p->service != CVN_S_DATA)
        cli_primitive(p, sent, l->peer);
}

static const struct cvn_receiver_ops receiver_ops = {
    .hang_up = on_hang_up, .resume = on_resume, .flush = on_flush, .primitive = on_primitive};

static void on_accepted(void *ctx, int fd)
{
    struct inbox *in = ctx;
    struct link *l =
        in->nlinks >= LINKS_MAX || in->stopping ? NULL : cvn_new(cvn_alloc_std(), sizeof *l);
    if (l == NULL) {
        (void)close(fd);
        return;
    }
    l->in = in;
    l->stream =
        cvn_stream_new(&in->loop, fd, in->capture != NULL ? &captured_user : &stream_user, l);
    if (l->stream == NULL) {
        cvn_free(cvn_alloc_std(), l, sizeof *l);
        return;
    }
    (void)snprintf(l->peer, sizeof l->peer, "%s", cvn_stream_peer(l->stream));
    struct cvn_octets ssel = {in->url.ssel, in->url.ssel_len};
    if (cvn_receiver_new(&l->receiver, in->box, &receiver_ops, l, ssel, l->peer, uv_hrtime()) !=
        CVN_OK) {
        cvn_stream_close(l->stream, false);
        cvn_free(cvn_alloc_std(), l, sizeof *l);
        return;
    }
    l->flow = cvn_flow_begin(in->capture, l->stream);
    (void)uv_timer_init(&in->loop, &l->timer);
    l->timer.data = l;
    (void)uv_timer_start(&l->timer, on_timer, 1, 0);
    l->next = in->links;
    in->links = l;
    in->nlinks++;
}

/* -------- news -------- */

static const char *const news_name[] = {"opened",    "refused",   "started",  "resumed",
                                        "confirmed", "committed", "trouble",  "discarded",
                                        "released",  "aborted",   "suspended"};

static void digest_text(const struct cvn_transfer *t, char *out, size_t cap)
{
    size_t n = cvn_hash_octets(t->hash);
    out[0] = '\0';
    for (size_t i = 0; i < n && 2 * i + 3 <= cap; i++)
        (void)snprintf(out + 2 * i, 3, "%02x", t->digest[i]);
}

static void say_json(enum cvn_inbox_news n, const struct cvn_receiver *r,
                     const struct cvn_transfer *t, uint64_t offset, const char *text)
{
    const char *peer = r == NULL ? "" : cvn_receiver_peer(r);
    char digest[2 * CVN_HASH_MAX + 1];
    if (t == NULL) {
        cli_json(stdout, news_name[n], "speer", peer, "stext", text, NULL);
    } else if (n == CVN_INBOX_COMMITTED) {
        digest_text(t, digest, sizeof digest);
        cli_json(stdout, news_name[n], "speer", peer, "nname", (const char *)t->final.p, t->final.n,
                 "uoctets", t->written, "shash", t->hash == CVN_HASH_SHA256 ? "sha256" : "xxh128",
                 "sdigest", digest, "bwas_there", (int)t->done_already, NULL);
    } else {
        cli_json(stdout, news_name[n], "speer", peer, "nname",
                 t->name.p == NULL ? "" : (const char *)t->name.p, t->name.n, "uoffset", offset,
                 "stext", text, NULL);
    }
}

static void say_text(enum cvn_inbox_news n, const struct cvn_receiver *r,
                     const struct cvn_transfer *t, uint64_t offset, const char *text)
{
    char name[4 * 256];
    char digest[2 * CVN_HASH_MAX + 1];
    const char *peer = r == NULL ? "" : cvn_receiver_peer(r);
    if (n == CVN_INBOX_CONFIRMED || n == CVN_INBOX_STARTED)
        return;
    if (t == NULL) {
        (void)printf("%s %s%s%s\n", news_name[n], peer, text != NULL ? ": " : "",
                     text != NULL ? text : "");
    } else if (n == CVN_INBOX_COMMITTED) {
        digest_text(t, digest, sizeof digest);
        (void)printf("%s  %s  %" PRIu64 "%s\n", digest[0] == '\0' ? "-" : digest,
                     cli_escape(name, sizeof name, (const char *)t->final.p, t->final.n),
                     t->written, t->done_already ? "  (was there)" : "");
    } else {
        (void)printf("%s %s at %" PRIu64 "%s%s\n", news_name[n],
                     cli_escape(name, sizeof name, (const char *)t->name.p, t->name.n), offset,
                     text != NULL ? ": " : "", text != NULL ? text : "");
    }
    (void)fflush(stdout);
}

static void on_news(void *ctx, enum cvn_inbox_news n, const struct cvn_receiver *r,
                    const struct cvn_transfer *t, uint64_t offset, const char *text)
{
    struct inbox *in = ctx;
    if (in->o->json)
        say_json(n, r, t, offset, text);
    else if (!in->o->silent)
        say_text(n, r, t, offset, text);
    if (n == CVN_INBOX_RELEASED || n == CVN_INBOX_ABORTED)
        look_for_end(in);
}

static void on_random(void *ctx, uint8_t *p, size_t n)
{
    (void)ctx;
    if (cvn_random(p, n) != CVN_OK)
        abort(); /* a system without random numbers is no place for names that must be new */
}

static uint64_t on_utc(void *ctx)
{
    (void)ctx;
    return (uint64_t)time(NULL);
}

static void on_failed(void *ctx, const char *why)
{
    struct inbox *in = ctx;
    const char *more = cvn_sqlite_text(in->db);
    cli_error(in->db_path, why, more[0] == '\0' ? NULL : more);
    in->exit_code = EXIT_LOCAL_IO;
    in->stopping = true;
    uv_stop(&in->loop);
}

static const struct cvn_inbox_ops inbox_ops = {
    .news = on_news, .random = on_random, .utc_seconds = on_utc, .failed = on_failed};

/* -------- the end -------- */

static void on_forgotten(struct cvn_wait *w, int rc)
{
    struct inbox *in = (struct inbox *)(void *)((uint8_t *)w - offsetof(struct inbox, forget));
    w->pending = false;
    if (rc != CVN_OK) {
        cli_error(in->db_path, cvn_sqlite_text(in->db), NULL);
        in->exit_code = EXIT_LOCAL_IO;
    }
    uv_stop(&in->loop);
}

/* --once: every session that was opened has ended; what is durable says so. */
static void look_for_end(struct inbox *in)
{
    size_t ever;
    if (!in->o->once || in->ended || in->stopping)
        return;
    if (cvn_inbox_sessions(in->box, &ever) > 0 || ever == 0)
        return;
    in->ended = true;
    in->ended_at = uv_hrtime();
}

static void end_once(struct inbox *in)
{
    bool aborted;
    if (in->nlinks > 0 && uv_hrtime() - in->ended_at < END_WITHIN_NS)
        return; /* the last confirmation is still on its way out */
    if (!cvn_inbox_idle(in->box) || in->forget.pending)
        return;
    in->stopping = true;
    uint8_t worst = cvn_inbox_worst(in->box, &aborted);
    in->exit_code = cli_worse(cli_trouble_exit(worst), aborted ? EXIT_ABORTED : 0);
    in->forget.done = on_forgotten;
    if (cvn_inbox_forget_run(in->box, &in->forget) != CVN_OK) {
        cli_error("receive", "no memory to note that the run is over", NULL);
        in->exit_code = EXIT_INTERNAL;
        uv_stop(&in->loop);
    }
}

static void on_ending(uv_timer_t *t)
{
    struct inbox *in = t->data;
    if (in->ended && !in->stopping) {
        size_t ever;
        if (cvn_inbox_sessions(in->box, &ever) > 0)
            in->ended = false; /* another came meanwhile */
        else
            end_once(in);
    }
}

static void on_signal(uv_signal_t *s, int number)
{
    struct inbox *in = s->data;
    if (in->stopping && number == SIGINT) {
        in->exit_code = EXIT_ABORTED;
        in->aborting = true;
        for (struct link *l = in->links; l != NULL; l = l->next)
            cvn_receiver_abort(l->receiver, uv_hrtime());
    } else if (!in->stopping) {
        size_t open = cvn_inbox_sessions(in->box, NULL);
        in->exit_code = open > 0 || cvn_inbox_unfinished(in->box) > 0 ? EXIT_SUSPENDED : 0;
    }
    in->stopping = true;
    uv_stop(&in->loop);
}

static void on_expire(uv_timer_t *t)
{
    struct inbox *in = t->data;
    cvn_inbox_expire(in->box);
}

/* -------- beginning -------- */

static bool loopback(const char *host)
{
    return strcmp(host, "localhost") == 0 || strncmp(host, "127.", 4) == 0 ||
           strcmp(host, "::1") == 0;
}

static int check_options(const struct cli_options *o, struct inbox *in, enum cvn_conflict *c)
{
    if (o->listen == NULL || o->into == NULL || o->noperands > 0) {
        cli_error("receive", "--listen URL and --into DIR are needed, and nothing else",
                  "convene receive --listen iso://127.0.0.1:10102/inbox --into DIR");
        return EXIT_USAGE;
    }
    int rc = cli_url(o->listen, false, &in->url);
    if (rc != 0)
        return rc;
    if (!loopback(in->url.host) && !o->insecure) {
        cli_error(o->listen, "anyone on the network could send files here, unprotected",
                  "listen on 127.0.0.1, or say --insecure");
        return EXIT_DENIED;
    }
    static const char *const names[] = {"fail", "replace", "rename"};
    for (size_t i = 0; i < 3; i++) {
        if (strcmp(o->on_conflict, names[i]) == 0) {
            *c = (enum cvn_conflict)i;
            return 0;
        }
    }
    cli_error("--on-conflict", "no such choice", "fail, replace or rename");
    return EXIT_USAGE;
}

/* The store of DIR, and the lock that makes it ours. */
static int open_store(struct inbox *in)
{
    char folder[PATH_MAX - 64];
    char real[PATH_MAX];
    uint8_t key[CVN_ID];
    char hex[2 * CVN_ID + 1];
    char why[160];
    int rc = cli_state_folder(folder, sizeof folder);
    if (rc != 0)
        return rc;
    if (realpath(in->o->into, real) == NULL) {
        cli_error(in->o->into, strerror(errno), "the folder must be there");
        return EXIT_NO_INPUT;
    }
    cvn_hash16(real, strlen(real), key);
    for (size_t i = 0; i < CVN_ID; i++)
        (void)snprintf(hex + 2 * i, 3, "%02x", key[i]);
    (void)snprintf(in->db_path, sizeof in->db_path, "%s/receive-%s.lock", folder, hex);
    in->lock = open(in->db_path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    if (in->lock < 0 || fcntl(in->lock, F_SETLK, &lock) != 0) {
        bool held = in->lock >= 0 && (errno == EAGAIN || errno == EACCES);
        cli_error(in->o->into, held ? "another convene receives into it" : strerror(errno), NULL);
        return held ? EXIT_SUSPENDED : EXIT_LOCAL_IO;
    }
    (void)snprintf(in->db_path, sizeof in->db_path, "%s/receive-%s.db", folder, hex);
    if (cvn_sqlite_open(&in->db, &in->loop, in->db_path, why, sizeof why) != CVN_OK) {
        cli_error(in->db_path, why, "the state of unfinished transfers is there");
        return EXIT_LOCAL_IO;
    }
    in->store = cvn_sqlite_store(in->db);
    return 0;
}

static int open_inbox(struct inbox *in, enum cvn_conflict conflict)
{
    struct cvn_inbox_opts o = {.alloc = cvn_alloc_std(),
                               .ops = &inbox_ops,
                               .ctx = in,
                               .store = &in->store,
                               .depot_ops = &cvn_depot_ops,
                               .max_octets = in->o->max_octets,
                               .keep_s = in->o->keep_s};
    int rc = cvn_depot_open(&in->depot, &in->loop, in->o->into, conflict);
    if (rc != CVN_OK && rc != CVN_ENOMEM) {
        cli_error(in->o->into, strerror(errno), NULL);
        return EXIT_NO_INPUT;
    }
    o.depot = in->depot;
    if (rc != CVN_OK || cvn_inbox_new(&in->box, &o) != CVN_OK) {
        cli_error("receive", "no memory for an inbox", NULL);
        return EXIT_INTERNAL;
    }
    rc = cvn_inbox_recover(in->box);
    if (rc == CVN_ECORRUPT) {
        cli_error(in->db_path, "some records do not match their checksums and were passed over",
                  "their transfers begin anew");
    } else if (rc != CVN_OK) {
        cli_error(in->db_path, cvn_err_text(rc), NULL);
        return EXIT_LOCAL_IO;
    }
    return 0;
}

static void start_handles(struct inbox *in)
{
    static const int numbers[] = {SIGINT, SIGTERM, SIGHUP};
    for (size_t i = 0; i < 3; i++) {
        (void)uv_signal_init(&in->loop, &in->signals[i]);
        in->signals[i].data = in;
        (void)uv_signal_start(&in->signals[i], on_signal, numbers[i]);
    }
    (void)uv_timer_init(&in->loop, &in->expire);
    in->expire.data = in;
    (void)uv_timer_start(&in->expire, on_expire, EXPIRE_MS, EXPIRE_MS);
    (void)uv_timer_init(&in->loop, &in->ending);
    in->ending.data = in;
    if (in->o->once)
        (void)uv_timer_start(&in->ending, on_ending, 10, 20);
}

static int run(struct inbox *in)
{
    char why[160];
    if (in->o->pcap != NULL && cvn_capture_open(&in->capture, in->o->pcap, (uint32_t)in->o->snap,
                                                why, sizeof why) != CVN_OK) {
        cli_error(in->o->pcap, why, NULL);
        return EXIT_LOCAL_IO;
    }
    if (cvn_listen(&in->listener, &in->loop, in->url.host, in->url.port, in->o->family, on_accepted,
                   in, why, sizeof why) != CVN_OK) {
        cli_error(in->o->listen, why, NULL);
        return EXIT_UNREACHED;
    }
    start_handles(in);
    look_for_end(in); /* a run that was killed after its last session ended */
    if (in->o->json)
        cli_json(stdout, "listening", "shost", in->url.host, "uport",
                 (uint64_t)cvn_listener_port(in->listener), NULL);
    else if (!in->o->silent)
        (void)printf("listening on %s port %u\n", in->url.host, cvn_listener_port(in->listener));
    (void)fflush(stdout);
    (void)uv_run(&in->loop, UV_RUN_DEFAULT);
    return in->exit_code;
}

static void close_any(uv_handle_t *h, void *arg)
{
    (void)arg;
    if (!uv_is_closing(h))
        uv_close(h, NULL);
}

/* What is on its way is waited for; then everything goes. */
static void wind_up(struct inbox *in)
{
    cvn_listener_close(in->listener);
    for (struct link *l; (l = in->links) != NULL;) {
        struct cvn_stream *s = l->stream;
        cvn_stream_close(s, false);
        link_over(l);
    }
    if (in->box != NULL) {
        while (!cvn_inbox_idle(in->box) || !cvn_sqlite_idle(in->db))
            (void)uv_run(&in->loop, UV_RUN_ONCE);
        cvn_inbox_free(in->box);
    }
    cvn_depot_close(in->depot);
    cvn_capture_close(in->capture);
    cvn_sqlite_close(in->db);
    uv_walk(&in->loop, close_any, NULL);
    (void)uv_run(&in->loop, UV_RUN_DEFAULT);
    (void)uv_loop_close(&in->loop);
    if (in->lock >= 0)
        (void)close(in->lock);
}

int cli_receive(const struct cli_options *o)
{
    struct inbox in = {.o = o, .lock = -1};
    enum cvn_conflict conflict = CVN_CONFLICT_FAIL;
    int rc = check_options(o, &in, &conflict);
    if (rc != 0)
        return rc;
    if (uv_loop_init(&in.loop) != 0) {
        cli_error("receive", "no memory for an event loop", NULL);
        return EXIT_INTERNAL;
    }
    rc = open_store(&in);
    if (rc == 0)
        rc = open_inbox(&in, conflict);
    if (rc == 0)
        rc = run(&in);
    in.exit_code = rc;
    wind_up(&in);
    return rc;
}
