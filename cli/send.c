/* SPDX-License-Identifier: MIT */
/*
 * send - convene send: a list of things, some sessions that take from it, and the
 * store that lets the same command go on where an earlier process was stopped.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cli/list.h"
#include "cli/progress.h"
#include "convene/alloc.h"
#include "crypto/hash.h"
#include "service/outbox/source.h"
#include "store/sqlite/sqlite.h"
#include "transport/tcp/capture.h"
#include "transport/tcp/tcp.h"

#define SESSIONS_MAX 256u
#define ATTEMPT_MS   5000u
#define SECOND       1000000000.0

struct sending;

/* One session: its machine, and the link it has now. */
struct lane {
    struct sending *all;
    unsigned index;
    struct cvn_sender *sender;
    struct cvn_stream *stream;
    struct cvn_dial *dial;
    struct cvn_flow *flow;
    uv_timer_t timer;
    struct entry *entry;
    bool started;
    bool over;
};

struct known_session {
    uint8_t id[CVN_ID];
    uint32_t epoch;
};

struct sending {
    const struct cli_options *o;
    struct cli_target target;
    const char *url_text;
    uv_loop_t loop;
    uv_signal_t signals[3];
    uv_timer_t draw;
    struct cvn_sqlite *db;
    struct cvn_store store;
    struct cvn_capture *capture;
    int lock;
    struct list list;
    size_t next; /* files and links; folders come last */
    size_t next_folder;
    size_t busy; /* entries that lanes have */
    struct known_session known[SESSIONS_MAX];
    unsigned nknown;
    bool any_session;
    uint8_t run[CVN_ID]; /* stands for this command: folder, operands */
    struct lane lanes[SESSIONS_MAX];
    unsigned nlanes;
    unsigned nover;
    struct cvn_wait cleanup;
    struct progress progress;
    int exit_code;
    unsigned signals_seen;
    bool said; /* why it ended */
    uint64_t said_confirmed;
};

static void arm(struct lane *l);
static void start_lane(struct lane *l);

/* -------- the link of a lane -------- */

static void on_feed(void *ctx, const uint8_t *in, size_t len, size_t *used)
{
    struct lane *l = ctx;
    *used = len;
    cvn_sender_feed(l->sender, in, len, uv_hrtime());
    arm(l);
}

static size_t on_out(void *ctx, struct cvn_iov *iov, size_t n)
{
    struct lane *l = ctx;
    return cvn_sender_out_iov(l->sender, iov, n);
}

static void on_sent(void *ctx, size_t octets)
{
    struct lane *l = ctx;
    cvn_sender_sent(l->sender, octets, uv_hrtime());
}

static void on_alive(void *ctx)
{
    struct lane *l = ctx;
    cvn_sender_alive(l->sender, uv_hrtime());
    arm(l);
}

static void on_down(void *ctx, const char *why)
{
    struct lane *l = ctx;
    l->stream = NULL;
    cvn_flow_end(l->flow);
    l->flow = NULL;
    cvn_sender_link_down(l->sender, why, uv_hrtime());
    arm(l);
}

static void on_seen(void *ctx, bool sent, const struct cvn_iov *iov, size_t n, size_t octets)
{
    struct lane *l = ctx;
    cvn_flow_write(l->flow, sent, iov, n, octets);
}

static const struct cvn_stream_user stream_user = {
    .feed = on_feed, .out = on_out, .sent = on_sent, .alive = on_alive, .down = on_down};
static const struct cvn_stream_user captured_user = {.feed = on_feed,
                                                     .out = on_out,
                                                     .sent = on_sent,
                                                     .alive = on_alive,
                                                     .down = on_down,
                                                     .seen = on_seen};

static void on_dialed(void *ctx, int fd, const char *why)
{
    struct lane *l = ctx;
    l->dial = NULL;
    if (fd >= 0)
        cli_qos(l->all->o, &l->all->target, fd);
    if (fd >= 0)
        l->stream = cvn_stream_new(&l->all->loop, fd,
                                   l->all->capture != NULL ? &captured_user : &stream_user, l);
    if (l->stream == NULL) {
        cvn_sender_link_down(l->sender, fd >= 0 ? "no memory for a stream" : why, uv_hrtime());
    } else {
        l->flow = cvn_flow_begin(l->all->capture, l->stream);
        cvn_sender_link_up(l->sender, uv_hrtime());
        if (l->stream != NULL)
            cvn_stream_flush(l->stream);
    }
    arm(l);
}

static void on_timer(uv_timer_t *t)
{
    struct lane *l = t->data;
    cvn_sender_tick(l->sender, uv_hrtime());
    arm(l);
}

/* Never a timeout of 0: libuv runs a timer that is set again to now within the same turn, so
 * nothing else would run. */
static void arm(struct lane *l)
{
    if (l->over || uv_is_closing((uv_handle_t *)&l->timer))
        return;
    if (l->stream != NULL)
        cvn_stream_flush(l->stream);
    cvn_time t = cvn_sender_deadline(l->sender);
    cvn_time now = uv_hrtime();
    if (t == CVN_NEVER)
        (void)uv_timer_stop(&l->timer);
    else
        (void)uv_timer_start(&l->timer, on_timer, t <= now ? 1 : (t - now) / 1000000 + 1, 0);
}

static void do_dial(void *ctx)
{
    struct lane *l = ctx;
    struct sending *s = l->all;
    l->dial = cvn_dial_targets(&s->loop, s->target.targets, s->target.ntargets, false, s->o->family,
                               ATTEMPT_MS, on_dialed, l);
    if (l->dial == NULL) {
        cli_error("send", "no memory to dial", NULL);
        uv_stop(&s->loop);
        s->exit_code = EXIT_INTERNAL;
    }
    arm(l);
}

static void do_hang_up(void *ctx)
{
    struct lane *l = ctx;
    if (l->dial != NULL)
        cvn_dial_cancel(l->dial);
    l->dial = NULL;
    if (l->stream != NULL)
        cvn_stream_close(l->stream, false);
    l->stream = NULL;
    cvn_flow_end(l->flow);
    l->flow = NULL;
}

/* -------- entries for lanes -------- */

static struct entry *entry_of(struct cvn_item *it)
{
    return (struct entry *)(void *)((uint8_t *)it - offsetof(struct entry, item));
}

static void on_input(void *ctx)
{
    struct lane *l = ctx;
    cvn_sender_wake(l->sender, uv_hrtime());
    arm(l);
}

/* --limit-rate is of all sessions together: those that have something to send share it. */
static void share_rate(struct sending *s)
{
    unsigned n = 0;
    for (unsigned i = 0; i < s->nlanes; i++)
        n += s->lanes[i].entry != NULL && !s->lanes[i].over;
    for (unsigned i = 0; i < s->nlanes && n > 0 && s->target.limit_rate != 0; i++)
        cvn_sender_rate(s->lanes[i].sender, s->target.limit_rate / n + 1);
}

static int give(struct lane *l, struct entry *e, struct cvn_item **it)
{
    struct sending *s = l->all;
    size_t window = (size_t)(s->o->window == 0 ? CVN_WINDOW_DEFAULT : s->o->window);
    int rc;
    if (e->source != NULL)
        rc = CVN_OK;
    else if (e->item.kind != CVN_KIND_FILE)
        rc = cvn_source_nothing(&e->source);
    else if (e->path == NULL)
        rc = cvn_source_pipe(&e->source, &s->loop, STDIN_FILENO, e->item.hash, window, on_input, l);
    else
        rc = cvn_source_file(&e->source, &s->loop, e->path, &e->st, e->item.hash);
    if (rc != CVN_OK) {
        cli_error(e->name, "no memory to read it", "send it again");
        s->exit_code = cli_worse(s->exit_code, EXIT_INTERNAL);
        return CVN_NONE;
    }
    l->entry = e;
    share_rate(l->all);
    e->taken = true;
    s->busy++;
    *it = &e->item;
    return CVN_OK;
}

static struct entry *take(struct sending *s, size_t *at, bool folders)
{
    while (*at < s->list.n) {
        struct entry *e = s->list.entries[(*at)++];
        if (!e->done && !e->taken && (e->item.kind == CVN_KIND_DIRECTORY) == folders)
            return e;
    }
    return NULL;
}

/* The first lane takes folders when all else is done, and ends last. */
static int do_next(void *ctx, struct cvn_item **it)
{
    struct lane *l = ctx;
    struct sending *s = l->all;
    struct entry *e = take(s, &s->next, false);
    if (e == NULL && l->index > 0)
        return CVN_NONE;
    if (e == NULL && (s->busy > 0 || s->nover + 1 < s->nlanes))
        return CVN_MORE;
    if (e == NULL)
        e = take(s, &s->next_folder, true);
    return e == NULL ? CVN_NONE : give(l, e, it);
}

static int do_read(void *ctx, struct cvn_item *it, uint64_t offset, size_t max,
                   struct cvn_ref **owner, struct cvn_octets *block)
{
    struct entry *e = entry_of(it);
    (void)ctx;
    int rc = cvn_source_read(e->source, offset, max, owner, block);
    if (rc == CVN_NONE && it->size == CVN_SIZE_UNKNOWN)
        it->size = offset;
    return rc;
}

static void do_forget(void *ctx, struct cvn_item *it, uint64_t offset)
{
    (void)ctx;
    cvn_source_forget(entry_of(it)->source, offset);
}

static int do_digest(void *ctx, struct cvn_item *it, struct cvn_wait *w)
{
    (void)ctx;
    return cvn_source_digest(entry_of(it)->source, it, w);
}

/* -------- news -------- */

static void do_random(void *ctx, uint8_t *p, size_t n)
{
    (void)ctx;
    if (cvn_random(p, n) != CVN_OK)
        abort();
}

static void finished(struct lane *l, struct entry *e)
{
    struct sending *s = l->all;
    char name[1024];
    const struct cvn_item *it = &e->item;
    const char *what = cli_escape(name, sizeof name, e->name, strlen(e->name));
    int code = 0;
    if (e->discard_first) { /* the old version is gone; now the file as it is */
        e->discard_first = false;
        memcpy(e->item.identity, e->identity, CVN_ID);
        e->taken = false;
        cvn_item_anew(&e->item);
        memcpy(e->item.identity, e->identity, CVN_ID);
        do_random(NULL, e->item.transfer, CVN_ID);
        s->next = 0; /* taken again from the list */
        s->next_folder = 0;
        return;
    }
    e->done = true;
    switch (it->outcome) {
    case CVN_OUTCOME_COMMITTED:
        progress_done(&s->progress, it);
        break;
    case CVN_OUTCOME_REFUSED:
        code = cli_trouble_exit(it->trouble);
        cli_error(what, it->text[0] != '\0' ? it->text : cvn_trouble_text(it->trouble),
                  it->trouble == CVN_TROUBLE_EXISTS ? "the receiver's --on-conflict decides"
                                                    : NULL);
        break;
    case CVN_OUTCOME_CHANGED:
        code = EXIT_REFUSED_DATA;
        cli_error(what,
                  e->path == NULL
                      ? "the receiver lost what it had confirmed, and it cannot be read twice"
                      : "it changed while it was read; discarded at the receiver",
                  "send it again");
        break;
    default:
        code = EXIT_LOCAL_IO;
        cli_error(what, "it could not be read", NULL);
        break;
    }
    s->exit_code = cli_worse(s->exit_code, code);
    if (s->o->json)
        cli_json(stdout, "finished", "nname", e->name, strlen(e->name), "uexit", (uint64_t)code,
                 "uoctets", it->read, "utwice", it->twice, "hdigest", it->digest,
                 it->digest_known ? cvn_hash_octets(it->hash) : (size_t)0, NULL);
}

static void do_news(void *ctx, enum cvn_sender_news n, struct cvn_item *it, uint64_t offset,
                    const char *text)
{
    static const char *const names[] = {"opened", "started", "resumed",   "confirmed", "finished",
                                        "lost",   "waiting", "no-points", "primitive"};
    struct lane *l = ctx;
    struct sending *s = l->all;
    struct entry *e = it == NULL ? NULL : entry_of(it);
    if (s->o->json && n != CVN_NEWS_FINISHED && n != CVN_NEWS_CONFIRMED) {
        struct cvn_sender_counts c;
        cvn_sender_counts(l->sender, &c);
        cli_json(stdout, names[n], "usession", (uint64_t)l->index, "uepoch", (uint64_t)c.epoch,
                 "nname", e == NULL ? "" : e->name, e == NULL ? (size_t)0 : strlen(e->name),
                 "uoffset", offset, "stext", text, NULL);
    }
    progress_news(&s->progress, n, it, offset, text);
    if (n == CVN_NEWS_NO_POINTS && !s->o->silent)
        cli_error("send", "the peer has no minor synchronize functional unit",
                  "nothing is checkpointed: a lost link begins the file anew");
    if (n == CVN_NEWS_OPENED && l->index == 0)
        for (unsigned i = 1; i < s->nlanes; i++)
            start_lane(&s->lanes[i]);
    if (n == CVN_NEWS_FINISHED) {
        finished(l, e);
        l->entry = NULL;
        share_rate(l->all);
        s->busy--;
        if (!e->done || s->busy == 0)
            (void)uv_timer_start(&s->lanes[0].timer, on_timer, 1, 0);
    }
}

static void do_primitive(void *ctx, const struct cvn_x225_prim *p, bool sent)
{
    struct lane *l = ctx;
    if (l->all->o->verbose && p->service != CVN_S_DATA)
        cli_primitive(p, sent, NULL);
}

static size_t do_utc(void *ctx, uint8_t out[CVN_COMMON_MAX])
{
    char text[6 * 12];
    struct tm tm;
    time_t now = time(NULL);
    (void)ctx;
    if (gmtime_r(&now, &tm) == NULL)
        return 0;
    int n = snprintf(text, sizeof text, "%02d%02d%02d%02d%02d%02dZ", tm.tm_year % 100,
                     tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec);
    if (n <= 0 || n > (int)CVN_COMMON_MAX)
        return 0;
    memcpy(out, text, (size_t)n);
    return (size_t)n;
}

static int verdict_exit(enum cvn_verdict v)
{
    static const int code[] = {
        [CVN_VERDICT_NONE] = EXIT_INTERNAL,       [CVN_VERDICT_RELEASED] = EXIT_RELEASED,
        [CVN_VERDICT_UNREACHED] = EXIT_UNREACHED, [CVN_VERDICT_SUSPENDED] = EXIT_SUSPENDED,
        [CVN_VERDICT_REFUSED] = EXIT_DENIED,      [CVN_VERDICT_ABORTED] = EXIT_ABORTED,
        [CVN_VERDICT_PROTOCOL] = EXIT_PROTOCOL,   [CVN_VERDICT_STORE] = EXIT_LOCAL_IO,
        [CVN_VERDICT_MEMORY] = EXIT_INTERNAL,
    };
    return code[v];
}

static void clean_up(struct sending *s);

/* Lanes that were started and are not over; also says what to suspend. */
static unsigned lanes_open(struct sending *s, bool suspend)
{
    unsigned n = 0;
    for (unsigned i = 0; i < s->nlanes; i++) {
        struct lane *l = &s->lanes[i];
        if (suspend && l->started && !l->over)
            cvn_sender_suspend(l->sender, uv_hrtime());
        n += l->started && !l->over;
    }
    return n;
}

static void do_over(void *ctx)
{
    struct lane *l = ctx;
    struct sending *s = l->all;
    int code = verdict_exit(cvn_sender_verdict(l->sender));
    l->over = true;
    s->nover++;
    if (l->entry != NULL)
        s->busy--;
    s->exit_code = cli_worse(s->exit_code, code);
    if (code != 0 && !s->said) {
        s->said = true;
        progress_end(&s->progress);
        const char *store =
            cvn_sender_verdict(l->sender) == CVN_VERDICT_STORE ? cvn_sqlite_text(s->db) : "";
        cli_error(s->url_text, cvn_sender_text(l->sender),
                  code == EXIT_SUSPENDED ? "suspended: run the same command again to go on"
                  : store[0] != '\0'     ? store
                                         : NULL);
    }
    bool open = lanes_open(s, code != 0 && l->index == 0) > 0; /* the others end with the first */
    if (!open)
        clean_up(s);
    else if (s->nover + 1 == s->nlanes && !s->lanes[0].over)
        (void)uv_timer_start(&s->lanes[0].timer, on_timer, 1, 0);
}

static void on_cleaned(struct cvn_wait *w, int rc)
{
    struct sending *s =
        (struct sending *)(void *)((uint8_t *)w - offsetof(struct sending, cleanup));
    w->pending = false;
    if (rc != CVN_OK) {
        cli_error("the state of transfers", cvn_sqlite_text(s->db), NULL);
        s->exit_code = cli_worse(s->exit_code, EXIT_LOCAL_IO);
    }
    uv_stop(&s->loop);
}

/* When everything was sent and released, the state of it is of no more use. */
static void clean_up(struct sending *s)
{
    size_t n = s->list.n + s->nlanes;
    size_t size = n * sizeof(struct cvn_store_put);
    struct cvn_store_put *puts = NULL;
    uint8_t(*keys)[1 + CVN_ID] = NULL;
    bool all = s->exit_code != EXIT_SUSPENDED && s->exit_code != EXIT_UNREACHED &&
               s->exit_code != EXIT_INTERNAL;
    for (unsigned i = 0; i < s->nlanes; i++)
        all = all && s->lanes[i].over &&
              cvn_sender_verdict(s->lanes[i].sender) == CVN_VERDICT_RELEASED;
    if (all) {
        puts = cvn_new(cvn_alloc_std(), size);
        keys = cvn_new(cvn_alloc_std(), n * sizeof *keys);
    }
    if (puts == NULL || keys == NULL) { /* nothing to do, or the next run finds it all done */
        cvn_free(cvn_alloc_std(), puts, size);
        cvn_free(cvn_alloc_std(), keys, n * sizeof *keys);
        uv_stop(&s->loop);
        return;
    }
    for (size_t i = 0; i < n; i++) {
        bool item = i < s->list.n;
        keys[i][0] = item ? 't' : 'e';
        struct cvn_sender_counts c;
        if (item) {
            memcpy(keys[i] + 1, s->list.entries[i]->item.key, CVN_ID);
        } else {
            cvn_sender_counts(s->lanes[i - s->list.n].sender, &c);
            memcpy(keys[i] + 1, c.session, CVN_ID);
        }
        puts[i] = (struct cvn_store_put){.key = {keys[i], sizeof keys[i]}};
    }
    s->cleanup.done = on_cleaned;
    int rc = s->store.ops->put(s->store.self, puts, n, &s->cleanup);
    cvn_free(cvn_alloc_std(), puts, size);
    cvn_free(cvn_alloc_std(), keys, n * sizeof *keys);
    if (rc != CVN_OK)
        uv_stop(&s->loop);
}

static void do_moved(void *ctx)
{
    arm(ctx);
}

static const struct cvn_sender_ops sender_ops = {
    .moved = do_moved,
    .dial = do_dial,
    .hang_up = do_hang_up,
    .read = do_read,
    .forget = do_forget,
    .digest = do_digest,
    .next = do_next,
    .news = do_news,
    .primitive = do_primitive,
    .random = do_random,
    .utc = do_utc,
    .over = do_over,
};

/* -------- what an earlier run left -------- */

static int found_record(void *arg, struct cvn_octets key, struct cvn_octets value)
{
    struct entry *e = arg;
    (void)key;
    if (cvn_item_decode(&e->item, value) != CVN_OK)
        return CVN_OK;
    e->discard_first =
        e->path != NULL && memcmp(e->item.identity, e->identity, CVN_ID) != 0 && !e->item.committed;
    e->user = e; /* a record was there */
    return CVN_OK;
}

static struct known_session *session_of(struct sending *s, const uint8_t id[CVN_ID])
{
    for (unsigned i = 0; i < s->nknown; i++)
        if (memcmp(s->known[i].id, id, CVN_ID) == 0)
            return &s->known[i];
    return NULL;
}

/* One session that was opened and not released: ours if the same command opened it (any), or
 * if one of our items was last sent over it. */
static int found_session(void *arg, struct cvn_octets key, struct cvn_octets value)
{
    struct sending *s = arg;
    bool ours = value.n == 4 + CVN_ID && memcmp(value.p + 4, s->run, CVN_ID) == 0;
    if (key.n != 1 + CVN_ID || value.n < 4 || (s->any_session && !ours) ||
        session_of(s, key.p + 1) != NULL || s->nknown == SESSIONS_MAX)
        return CVN_OK;
    struct known_session *k = &s->known[s->nknown++];
    memcpy(k->id, key.p + 1, CVN_ID);
    k->epoch = (uint32_t)value.p[0] << 24 | (uint32_t)value.p[1] << 16 | (uint32_t)value.p[2] << 8 |
               value.p[3];
    return CVN_OK;
}

/* id == NULL: all of this command. */
static void know_sessions(struct sending *s, const uint8_t *id)
{
    uint8_t key[1 + CVN_ID] = {'e'};
    if (id != NULL)
        memcpy(key + 1, id, CVN_ID);
    s->any_session = id == NULL;
    struct cvn_octets prefix = {key, id == NULL ? 1 : sizeof key};
    (void)!s->store.ops->scan(s->store.self, prefix, found_session, s);
}

/* Another process that sends the same: its number, or 0; -1: the lock cannot be had. */
static pid_t lock_entry(struct sending *s, const struct entry *e)
{
    uint64_t at = 0;
    for (size_t i = 0; i < 8; i++)
        at = at << 8 | e->item.key[i];
    struct flock lock = {
        .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = (off_t)(at >> 2), .l_len = 1};
    if (fcntl(s->lock, F_SETLK, &lock) == 0)
        return 0;
    if (errno != EAGAIN && errno != EACCES)
        return -1;
    if (fcntl(s->lock, F_GETLK, &lock) != 0 || lock.l_type == F_UNLCK)
        return -1;
    return lock.l_pid;
}

static int key_of(struct sending *s, struct entry *e)
{
    char text[3 * PATH_MAX];
    int n = snprintf(text, sizeof text, "%s\n%s\n%s", s->url_text, e->path == NULL ? "-" : e->path,
                     e->name);
    if (n < 0 || (size_t)n >= sizeof text)
        return EXIT_USAGE;
    cvn_hash16(text, (size_t)n, e->item.key);
    return 0;
}

static void begin_anew(struct entry *e)
{
    char name[1024];
    e->item.outcome = CVN_OUTCOME_CHANGED;
    cli_error(cli_escape(name, sizeof name, e->name, strlen(e->name)),
              e->path == NULL ? "what an earlier process had read cannot be read again"
                              : "it changed since it was begun",
              "begun anew");
}

/* What follows for an entry from what was known of it. */
static void settle(struct sending *s, struct entry *e, bool known)
{
    if (known)
        know_sessions(s, e->item.name_of.session);
    if (known && e->item.committed) {
        e->done = true;
        e->item.outcome = CVN_OUTCOME_COMMITTED;
        e->item.confirmed.offset = e->item.size;
        e->item.read = e->item.size;
    } else if (!known) {
        cvn_item_anew(&e->item); /* of a pipe that an earlier run committed nothing is left */
        do_random(NULL, e->item.transfer, CVN_ID);
    } else if (e->discard_first) {
        begin_anew(e);
    }
}

/* State of this entry from the store, or a new transfer. */
static int recall(struct sending *s, struct entry *e)
{
    uint8_t key[1 + CVN_ID];
    char why[64];
    if (key_of(s, e) != 0)
        return EXIT_USAGE;
    pid_t other = lock_entry(s, e);
    if (other != 0) {
        (void)snprintf(why, sizeof why, "process %ld is sending it to there", (long)other);
        cli_error(e->name, other < 0 ? strerror(errno) : why, NULL);
        return other < 0 ? EXIT_LOCAL_IO : EXIT_SUSPENDED;
    }
    key[0] = 't';
    memcpy(key + 1, e->item.key, CVN_ID);
    int rc =
        s->store.ops->scan(s->store.self, (struct cvn_octets){key, sizeof key}, found_record, e);
    if (rc != CVN_OK && rc != CVN_ECORRUPT) {
        cli_error("the state of transfers", cvn_err_text(rc), NULL);
        return EXIT_LOCAL_IO;
    }
    bool known = e->user != NULL;
    if (known && e->item.committed && memcmp(e->item.identity, e->identity, CVN_ID) != 0)
        known = e->item.committed = false; /* that was the file as it used to be */
    if (!e->discard_first) /* else it stays that of the old version, until that is gone */
        memcpy(e->item.identity, e->identity, CVN_ID);
    if (known && e->path == NULL) {
        e->discard_first = !e->item.committed; /* what a dead process read cannot be read again */
        known = !e->item.committed;
    }
    settle(s, e, known);
    return 0;
}

static void name_run(struct sending *s)
{
    char text[PATH_MAX];
    uint8_t all[2 * CVN_ID] = {0};
    if (getcwd(text, sizeof text) != NULL)
        cvn_hash16(text, strlen(text), all);
    for (int i = 0; i < s->o->noperands; i++) {
        cvn_hash16(s->o->operands[i], strlen(s->o->operands[i]), all + CVN_ID);
        cvn_hash16(all, sizeof all, all);
    }
    memcpy(s->run, all, CVN_ID);
}

static int open_state(struct sending *s)
{
    char folder[PATH_MAX - 32];
    char path[PATH_MAX];
    char why[160];
    int rc = cli_state_folder(folder, sizeof folder);
    if (rc != 0)
        return rc;
    (void)snprintf(path, sizeof path, "%s/send.lock", folder);
    s->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (s->lock < 0) {
        cli_error(path, strerror(errno), NULL);
        return EXIT_LOCAL_IO;
    }
    (void)snprintf(path, sizeof path, "%s/send.db", folder);
    if (cvn_sqlite_open(&s->db, &s->loop, path, why, sizeof why) != CVN_OK) {
        cli_error(path, why, "the state of transfers is there");
        return EXIT_LOCAL_IO;
    }
    s->store = cvn_sqlite_store(s->db);
    name_run(s);
    uint8_t hash = strcmp(s->o->hash, "sha256") == 0 ? CVN_HASH_SHA256 : CVN_HASH_XXH128;
    for (size_t i = 0; i < s->list.n && rc == 0; i++) {
        s->list.entries[i]->item.hash =
            s->list.entries[i]->item.kind == CVN_KIND_FILE ? hash : CVN_HASH_NONE;
        rc = recall(s, s->list.entries[i]);
    }
    if (rc == 0)
        know_sessions(s, NULL);
    return rc;
}

/* -------- sessions -------- */

static cvn_time ns(double seconds)
{
    return seconds * SECOND > 9e18 ? CVN_NEVER / 2 : (cvn_time)(seconds * SECOND);
}

static int make_lane(struct sending *s, unsigned i, unsigned njobs)
{
    struct lane *l = &s->lanes[i];
    struct cvn_sender_opts o = {
        .alloc = cvn_alloc_std(),
        .ops = &sender_ops,
        .ctx = l,
        .store = &s->store,
        .called_ssel = {s->target.url.ssel, s->target.url.ssel_len},
        .calling_ssel = {s->target.url.name, s->target.url.name_len},
        .called_tsel = {s->target.url.tsel, s->target.url.tsel_len},
        .window = (uint32_t)(s->o->window > UINT32_MAX ? UINT32_MAX : s->o->window),
        .spacing = (uint32_t)(s->o->spacing > UINT32_MAX ? UINT32_MAX : s->o->spacing),
        .points_max = s->o->points_max,
        .rate = s->target.limit_rate == 0 ? 0 : s->target.limit_rate / njobs + 1,
        .dead_after = ns(s->o->dead_after),
        .connect_timeout = s->target.connect_timeout > 0 ? ns(s->target.connect_timeout) : 1,
        .retry_for = s->o->retry_for < 0    ? 0
                     : s->o->retry_for == 0 ? 1
                                            : ns(s->o->retry_for),
        .again = s->o->again,
    };
    if (i < s->nknown) {
        memcpy(o.session, s->known[i].id, CVN_ID);
        o.epoch = s->known[i].epoch;
    } else {
        do_random(NULL, o.session, CVN_ID);
    }
    memcpy(o.run, s->run, CVN_ID);
    l->all = s;
    l->index = i;
    (void)uv_timer_init(&s->loop, &l->timer);
    l->timer.data = l;
    return cvn_sender_new(&l->sender, &o) == CVN_OK ? 0 : EXIT_INTERNAL;
}

static void start_lane(struct lane *l)
{
    if (l->started)
        return;
    l->started = true;
    cvn_sender_start(l->sender, uv_hrtime());
    arm(l);
}

static int make_lanes(struct sending *s)
{
    unsigned todo = 0;
    for (size_t i = 0; i < s->list.n; i++)
        todo += !s->list.entries[i]->done && s->list.entries[i]->item.kind != CVN_KIND_DIRECTORY;
    unsigned n = todo < s->o->jobs ? todo : s->o->jobs;
    n = n == 0 ? 1 : n > SESSIONS_MAX ? SESSIONS_MAX : n;
    unsigned njobs = n;
    n = n < s->nknown ? s->nknown : n; /* what an earlier run opened is released too */
    s->nlanes = n;
    for (unsigned i = 0; i < n; i++)
        if (make_lane(s, i, njobs) != 0) {
            cli_error("send", "no memory for a session", NULL);
            return EXIT_INTERNAL;
        }
    return 0;
}

static void on_signal(uv_signal_t *g, int number)
{
    struct sending *s = g->data;
    s->signals_seen++;
    for (unsigned i = 0; i < s->nlanes; i++) {
        struct lane *l = &s->lanes[i];
        if (!l->started || l->over)
            continue;
        if (number == SIGINT && s->signals_seen > 1)
            cvn_sender_abort(l->sender, uv_hrtime());
        else
            cvn_sender_suspend(l->sender, uv_hrtime());
    }
}

static uint64_t confirmed_octets(const struct sending *s)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < s->list.n; i++) {
        const struct cvn_item *it = &s->list.entries[i]->item;
        sum += it->confirmed.offset > it->stored.offset ? it->confirmed.offset : it->stored.offset;
    }
    return sum;
}

static void on_draw(uv_timer_t *t)
{
    struct sending *s = t->data;
    uint64_t confirmed = confirmed_octets(s);
    progress_draw(&s->progress, confirmed, uv_hrtime());
    if (s->o->json && confirmed != s->said_confirmed) {
        s->said_confirmed = confirmed;
        cli_json(stdout, "progress", "uconfirmed", confirmed, "utotal", s->progress.total, NULL);
    }
}

static void start_handles(struct sending *s)
{
    static const int numbers[] = {SIGINT, SIGTERM, SIGHUP};
    for (size_t i = 0; i < 3; i++) {
        (void)uv_signal_init(&s->loop, &s->signals[i]);
        s->signals[i].data = s;
        (void)uv_signal_start(&s->signals[i], on_signal, numbers[i]);
    }
    (void)uv_timer_init(&s->loop, &s->draw);
    s->draw.data = s;
    (void)uv_timer_start(&s->draw, on_draw, 100, 200);
}

static int check_options(const struct cli_options *o, struct sending *s)
{
    if (o->noperands < 2) {
        cli_error("send", "FILE... and URL are needed",
                  "convene send report.pdf iso://127.0.0.1:10102/inbox");
        return EXIT_USAGE;
    }
    s->url_text = o->operands[o->noperands - 1];
    int rc = cli_target(o, s->url_text, false, &s->target);
    if (rc != 0)
        return rc;
    if (strcmp(o->hash, "xxh128") != 0 && strcmp(o->hash, "sha256") != 0) {
        cli_error("--hash", "no such hash", "xxh128 or sha256");
        return EXIT_USAGE;
    }
    return 0;
}

static void close_any(uv_handle_t *h, void *arg)
{
    (void)arg;
    if (!uv_is_closing(h))
        uv_close(h, NULL);
}

static bool lanes_idle(const struct sending *s)
{
    for (unsigned i = 0; i < s->nlanes; i++)
        if (s->lanes[i].sender != NULL && !cvn_sender_idle(s->lanes[i].sender))
            return false;
    return true;
}

static void wind_up(struct sending *s)
{
    for (unsigned i = 0; i < s->nlanes; i++) {
        struct lane *l = &s->lanes[i];
        if (l->sender != NULL && !l->over && l->started) {
            l->over = true;
            do_hang_up(l);
        }
    }
    while (!lanes_idle(s) || (s->db != NULL && !cvn_sqlite_idle(s->db)))
        (void)uv_run(&s->loop, UV_RUN_ONCE);
    for (unsigned i = 0; i < s->nlanes; i++)
        cvn_sender_free(s->lanes[i].sender);
    list_free(&s->list);
    cvn_capture_close(s->capture);
    cvn_sqlite_close(s->db);
    uv_walk(&s->loop, close_any, NULL);
    (void)uv_run(&s->loop, UV_RUN_DEFAULT);
    (void)uv_loop_close(&s->loop);
    if (s->lock >= 0)
        (void)close(s->lock);
}

static void summary(struct sending *s)
{
    uint64_t sent = 0;
    uint64_t twice = 0;
    uint64_t resumes = 0;
    uint64_t connections = 0;
    for (unsigned i = 0; i < s->nlanes; i++) {
        struct cvn_sender_counts c;
        cvn_sender_counts(s->lanes[i].sender, &c);
        sent += c.sent;
        resumes += c.resumes;
        connections += c.connections;
    }
    for (size_t i = 0; i < s->list.n; i++)
        twice += s->list.entries[i]->item.twice;
    progress_end(&s->progress);
    if (s->o->json)
        cli_json(stdout, "summary", "usent", sent, "utwice", twice, "uresumes", resumes,
                 "uconnections", connections, "uexit", (uint64_t)s->exit_code, NULL);
    else if (!s->o->silent)
        progress_summary(&s->progress, sent, twice, resumes, connections);
}

static int run(struct sending *s)
{
    char why[160];
    uint64_t total = 0;
    int rc = open_state(s);
    if (rc == 0)
        rc = make_lanes(s);
    if (rc == 0 && s->o->pcap != NULL &&
        cvn_capture_open(&s->capture, s->o->pcap, (uint32_t)s->o->snap, why, sizeof why) !=
            CVN_OK) {
        cli_error(s->o->pcap, why, NULL);
        rc = EXIT_LOCAL_IO;
    }
    if (rc != 0)
        return rc;
    size_t done = 0;
    for (size_t i = 0; i < s->list.n; i++) {
        done += s->list.entries[i]->done;
        if (s->list.entries[i]->item.size != CVN_SIZE_UNKNOWN)
            total += s->list.entries[i]->item.size;
    }
    progress_init(&s->progress, s->o, s->list.n, total, done, confirmed_octets(s), uv_hrtime());
    start_handles(s);
    s->exit_code = s->list.exit_code;
    if (s->list.n > 0) {
        start_lane(&s->lanes[0]);
        (void)uv_run(&s->loop, UV_RUN_DEFAULT);
    }
    summary(s);
    return s->exit_code;
}

int cli_send(const struct cli_options *o)
{
    struct sending *s = cvn_new(cvn_alloc_std(), sizeof *s);
    int rc = s == NULL ? EXIT_INTERNAL : 0;
    if (rc != 0) {
        cli_error("send", "no memory", NULL);
        return rc;
    }
    s->o = o;
    s->lock = -1;
    rc = check_options(o, s);
    if (rc == 0)
        rc = list_make(&s->list, o);
    if (rc == 0 && uv_loop_init(&s->loop) != 0) {
        cli_error("send", "no memory for an event loop", NULL);
        rc = EXIT_INTERNAL;
    }
    if (rc != 0) {
        list_free(&s->list);
        cvn_free(cvn_alloc_std(), s, sizeof *s);
        return rc;
    }
    rc = run(s);
    wind_up(s);
    cvn_free(cvn_alloc_std(), s, sizeof *s);
    return rc;
}
