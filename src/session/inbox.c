/* SPDX-License-Identifier: MIT */
/*
 * inbox - what outlives connections at the receiver: the transfers and the
 * sessions it knows, read back from the store after a crash.
 *
 * Keys: 't' id: a transfer; 'p' id part serial: a durable point; 's' id: an open
 * session and its epoch; 'o': a run of receive has had sessions, and the worst of them.
 */
#include <assert.h>
#include <string.h>

#include "base/rd.h"
#include "session/receive_i.h"

#define KEEP_DEFAULT (7u * 24u * 3600u)
#define ENDED_KEEP   3600u /* seconds; no octet stays on its way as long */

/* Waits by itself: nobody else needs the outcome, unless it failed, or it ends a session. */
struct loose_put {
    struct cvn_wait wait;
    struct cvn_inbox *inbox;
    bool of_session; /* that begins or ends, if it is still at this epoch */
    bool ends;
    uint8_t session[CVN_ID];
    uint32_t epoch;
};

static void session_ended(struct cvn_inbox *b, const uint8_t id[CVN_ID], uint32_t epoch);
static void session_begun(struct cvn_inbox *b, const uint8_t id[CVN_ID], uint32_t epoch);

int cvn_inbox_new(struct cvn_inbox **out, const struct cvn_inbox_opts *o)
{
    struct cvn_inbox *b = cvn_new(o->alloc, sizeof *b);
    if (b == NULL)
        return CVN_ENOMEM;
    b->alloc = o->alloc;
    b->o = *o;
    b->o.keep_s = o->keep_s == 0 ? KEEP_DEFAULT : o->keep_s;
    *out = b;
    return CVN_OK;
}

bool cvn_inbox_idle(const struct cvn_inbox *b)
{
    for (const struct transfer *t = b->transfers; t != NULL; t = t->next)
        if (t->op != OP_NONE)
            return false;
    return b->puts == 0;
}

void cvn_inbox_free(struct cvn_inbox *b)
{
    if (b == NULL)
        return;
    assert(cvn_inbox_idle(b));
    while (b->transfers != NULL) {
        struct transfer *t = b->transfers;
        b->transfers = t->next;
        cvn_transfer_free(t);
    }
    while (b->sessions != NULL) {
        struct session *s = b->sessions;
        assert(s->holder == NULL);
        b->sessions = s->next;
        cvn_free(b->alloc, s, sizeof *s);
    }
    cvn_free(b->alloc, b, sizeof *b);
}

void cvn_inbox_news(struct cvn_inbox *b, enum cvn_inbox_news n, const struct cvn_receiver *r,
                    const struct transfer *t, uint64_t offset, const char *text)
{
    b->o.ops->news(b->o.ctx, n, r, t == NULL ? NULL : &t->t, offset, text);
}

void cvn_inbox_failed(struct cvn_inbox *b, const char *why)
{
    if (b->broken)
        return;
    b->broken = true;
    b->o.ops->failed(b->o.ctx, why);
}

static void loose_done(struct cvn_wait *w, int rc)
{
    struct loose_put *p = (struct loose_put *)(void *)w;
    struct cvn_inbox *b = p->inbox;
    struct loose_put was = *p;
    b->puts--;
    cvn_free(b->alloc, p, sizeof *p);
    if (rc != CVN_OK)
        cvn_inbox_failed(b, "the store of the inbox failed");
    else if (was.of_session && was.ends)
        session_ended(b, was.session, was.epoch);
    else if (was.of_session)
        session_begun(b, was.session, was.epoch);
}

static void put_loose(struct cvn_inbox *b, const struct cvn_store_put *puts, size_t n,
                      const struct session *of, bool ends)
{
    struct loose_put *p = cvn_new(b->alloc, sizeof *p);
    if (p == NULL) {
        cvn_inbox_failed(b, "no memory to store a record");
        return;
    }
    p->inbox = b;
    if (of != NULL) {
        p->of_session = true;
        p->ends = ends;
        memcpy(p->session, of->id, CVN_ID);
        p->epoch = of->epoch;
    }
    p->wait.done = loose_done;
    p->wait.pending = true;
    if (b->o.store->ops->put(b->o.store->self, puts, n, &p->wait) != CVN_OK) {
        cvn_free(b->alloc, p, sizeof *p);
        cvn_inbox_failed(b, "no memory to store a record");
        return;
    }
    b->puts++;
}

void cvn_inbox_put(struct cvn_inbox *b, const struct cvn_store_put *puts, size_t n)
{
    put_loose(b, puts, n, NULL, false);
}

/* -------- transfers -------- */

struct transfer *cvn_inbox_find(struct cvn_inbox *b, const uint8_t id[CVN_ID])
{
    for (struct transfer *t = b->transfers; t != NULL; t = t->next)
        if (!t->gone && memcmp(t->t.id, id, CVN_ID) == 0)
            return t;
    return NULL;
}

struct transfer *cvn_inbox_find_going(struct cvn_inbox *b, const uint8_t id[CVN_ID])
{
    for (struct transfer *t = b->transfers; t != NULL; t = t->next)
        if (t->gone && memcmp(t->t.id, id, CVN_ID) == 0)
            return t;
    return NULL;
}

struct transfer *cvn_inbox_find_pair(struct cvn_inbox *b, const struct pair *p)
{
    for (struct transfer *t = b->transfers; t != NULL; t = t->next)
        for (uint32_t i = 0; !t->gone && i < t->npairs; i++)
            if (t->pairs[i].len == p->len && memcmp(t->pairs[i].octets, p->octets, p->len) == 0)
                return t;
    return NULL;
}

struct transfer *cvn_inbox_add(struct cvn_inbox *b, const uint8_t id[CVN_ID])
{
    struct transfer *t = cvn_new(b->alloc, sizeof *t);
    if (t == NULL)
        return NULL;
    memcpy(t->t.id, id, CVN_ID);
    t->t.state = CVN_TRANSFER_RECEIVING;
    t->inbox = b;
    t->touched = b->o.ops->utc_seconds(b->o.ctx);
    t->next = b->transfers;
    b->transfers = t;
    return t;
}

void cvn_inbox_forget_committed(struct cvn_inbox *b, const uint8_t session[CVN_ID],
                                const struct transfer *except)
{
    struct transfer *next;
    for (struct transfer *t = b->transfers; t != NULL; t = next) {
        next = t->next;
        if (t != except && t->t.state == CVN_TRANSFER_COMMITTED && t->op == OP_NONE &&
            t->holder == NULL && memcmp(t->session, session, CVN_ID) == 0)
            cvn_transfer_discard(t);
    }
}

void cvn_inbox_discard_unfinished(struct cvn_inbox *b, const uint8_t session[CVN_ID])
{
    struct transfer *next;
    for (struct transfer *t = b->transfers; t != NULL; t = next) {
        next = t->next;
        if (!t->gone && t->t.state == CVN_TRANSFER_RECEIVING && t->holder == NULL &&
            memcmp(t->session, session, CVN_ID) == 0)
            cvn_transfer_discard(t);
    }
}

uint64_t cvn_inbox_octets(const struct cvn_inbox *b)
{
    uint64_t sum = 0;
    for (const struct transfer *t = b->transfers; t != NULL; t = t->next)
        if (t->t.state == CVN_TRANSFER_RECEIVING)
            sum += t->t.size_known && t->t.size > t->t.written ? t->t.size : t->t.written;
    return sum;
}

size_t cvn_inbox_unfinished(const struct cvn_inbox *b)
{
    size_t n = 0;
    for (const struct transfer *t = b->transfers; t != NULL; t = t->next)
        n += t->t.state != CVN_TRANSFER_COMMITTED;
    return n;
}

static bool too_old(const struct cvn_inbox *b, uint64_t touched)
{
    uint64_t now = b->o.ops->utc_seconds(b->o.ctx);
    return now > touched && now - touched > b->o.keep_s;
}

void cvn_inbox_expire(struct cvn_inbox *b)
{
    struct transfer *next;
    for (struct session *s = b->sessions; s != NULL; s = s->next)
        if (!s->over && s->holder == NULL && too_old(b, s->touched))
            cvn_inbox_session_aborted(b, s);
    for (struct transfer *t = b->transfers; t != NULL; t = next) {
        next = t->next;
        if (t->holder == NULL && t->op == OP_NONE && too_old(b, t->touched) &&
            t->t.state != CVN_TRANSFER_COMMITTING)
            cvn_transfer_discard(t);
    }
    uint64_t now = b->o.ops->utc_seconds(b->o.ctx);
    for (struct session **at = &b->sessions; *at != NULL;) {
        struct session *s = *at;
        if (s->over && now > s->ended && now - s->ended > ENDED_KEEP) {
            *at = s->next;
            cvn_free(b->alloc, s, sizeof *s);
        } else {
            at = &s->next;
        }
    }
}

/* -------- sessions -------- */

/* The session's record (ends: none any more) and the run's. */
static void put_run(struct cvn_inbox *b, const struct session *s, bool ends)
{
    uint8_t key[ID_KEY];
    uint8_t value[12] = {0};
    uint8_t run[3] = {1, b->worst, b->aborted};
    struct cvn_wr w = cvn_wr_init(value, sizeof value);
    struct cvn_store_put puts[2] = {
        {.key = {key, sizeof key}},
        {.key = {(const uint8_t *)"o", 1}, .value = {run, sizeof run}},
    };
    key[0] = 's';
    memcpy(key + 1, s->id, CVN_ID);
    if (!ends) {
        cvn_wr_be32(&w, s->epoch);
        cvn_wr_be64(&w, s->touched);
        puts[0].value = (struct cvn_octets){value, sizeof value};
    }
    put_loose(b, puts, 2, s, ends);
}

static struct session *session_find(struct cvn_inbox *b, const uint8_t id[CVN_ID])
{
    for (struct session *s = b->sessions; s != NULL; s = s->next)
        if (memcmp(s->id, id, CVN_ID) == 0)
            return s;
    return NULL;
}

static struct session *session_add(struct cvn_inbox *b, const uint8_t id[CVN_ID])
{
    struct session *s = cvn_new(b->alloc, sizeof *s);
    if (s == NULL)
        return NULL;
    memcpy(s->id, id, CVN_ID);
    s->next = b->sessions;
    b->sessions = s;
    return s;
}

/* The session with this id under a new connection; epoch 0: the peer counts none, the next
 * is taken. NULL: no memory, or (*later) a later connection was there before. */
struct session *cvn_inbox_session(struct cvn_inbox *b, const uint8_t id[CVN_ID], uint32_t epoch,
                                  bool *later)
{
    struct session *s = session_find(b, id);
    if (epoch == 0)
        epoch = s == NULL ? 1 : s->epoch + 1;
    *later = s != NULL && epoch <= s->epoch;
    if (*later)
        return NULL;
    bool anew = s == NULL || s->over;
    if (s == NULL)
        s = session_add(b, id);
    if (s == NULL)
        return NULL;
    b->ever += anew;
    s->over = false;
    s->epoch = epoch;
    s->touched = b->o.ops->utc_seconds(b->o.ctx);
    put_run(b, s, false);
    return s;
}

/* It is over: its epoch alone is kept, for a connection request that comes late. */
static void session_over(struct cvn_inbox *b, struct session *s)
{
    s->over = true;
    s->holder = NULL;
    s->ended = b->o.ops->utc_seconds(b->o.ctx);
}

/* Its record is gone, durably: so is it, unless a later connection has come meanwhile. */
static void session_ended(struct cvn_inbox *b, const uint8_t id[CVN_ID], uint32_t epoch)
{
    struct session *s = session_find(b, id);
    if (s == NULL || s->over || s->epoch != epoch)
        return;
    struct cvn_receiver *r = s->holder;
    session_over(b, s);
    if (r != NULL)
        cvn_receiver_released(r);
}

static void session_begun(struct cvn_inbox *b, const uint8_t id[CVN_ID], uint32_t epoch)
{
    const struct session *s = session_find(b, id);
    if (s != NULL && !s->over && s->epoch == epoch && s->holder != NULL)
        cvn_receiver_opened(s->holder);
}

void cvn_inbox_session_end(struct cvn_inbox *b, struct session *s)
{
    put_run(b, s, true);
}

void cvn_inbox_session_aborted(struct cvn_inbox *b, struct session *s)
{
    b->aborted = true;
    put_run(b, s, true);
    session_over(b, s);
}

void cvn_inbox_note_worst(struct cvn_inbox *b, uint8_t trouble)
{
    if (trouble != CVN_TROUBLE_UNFIT_RESUME && trouble != CVN_TROUBLE_NO_SPACE &&
        trouble != CVN_TROUBLE_BUSY && trouble != CVN_TROUBLE_IO && b->worst == CVN_TROUBLE_NONE)
        b->worst = trouble;
}

size_t cvn_inbox_sessions(const struct cvn_inbox *b, size_t *ever)
{
    size_t n = 0;
    for (const struct session *s = b->sessions; s != NULL; s = s->next)
        n += !s->over;
    if (ever != NULL)
        *ever = b->ever;
    return n;
}

uint8_t cvn_inbox_worst(const struct cvn_inbox *b, bool *aborted)
{
    *aborted = b->aborted;
    return b->worst;
}

int cvn_inbox_forget_run(struct cvn_inbox *b, struct cvn_wait *w)
{
    struct cvn_store_put put = {.key = {(const uint8_t *)"o", 1}};
    b->ever = 0;
    b->worst = CVN_TROUBLE_NONE;
    b->aborted = false;
    return b->o.store->ops->put(b->o.store->self, &put, 1, w);
}

/* -------- recovery -------- */

struct recovery {
    struct cvn_inbox *inbox;
    int worst;
};

static int recover_transfer(void *arg, struct cvn_octets key, struct cvn_octets value)
{
    struct recovery *rec = arg;
    struct cvn_rd k = cvn_rd_init(key.p, key.n);
    cvn_rd_skip(&k, 1);
    const uint8_t *id = cvn_rd_bytes(&k, CVN_ID);
    if (id == NULL) {
        rec->worst = CVN_ECORRUPT;
        return CVN_OK;
    }
    struct transfer *t = cvn_inbox_add(rec->inbox, id);
    if (t == NULL)
        return CVN_ENOMEM;
    int rc = cvn_transfer_decode(t, value);
    if (rc == CVN_OK)
        return CVN_OK;
    rec->inbox->transfers = t->next;
    cvn_transfer_free(t);
    if (rc == CVN_ECORRUPT)
        rec->worst = rc;
    return rc == CVN_ENOMEM ? rc : CVN_OK;
}

static int recover_session(void *arg, struct cvn_octets key, struct cvn_octets value)
{
    struct recovery *rec = arg;
    struct cvn_rd k = cvn_rd_init(key.p, key.n);
    struct cvn_rd v = cvn_rd_init(value.p, value.n);
    cvn_rd_skip(&k, 1);
    const uint8_t *id = cvn_rd_bytes(&k, CVN_ID);
    uint32_t epoch = cvn_rd_be32(&v);
    uint64_t touched = cvn_rd_be64(&v);
    if (id == NULL || v.bad) {
        rec->worst = CVN_ECORRUPT;
        return CVN_OK;
    }
    struct session *s = session_add(rec->inbox, id);
    if (s == NULL)
        return CVN_ENOMEM;
    s->epoch = epoch;
    s->touched = touched;
    return CVN_OK;
}

static int recover_run(void *arg, struct cvn_octets key, struct cvn_octets value)
{
    struct recovery *rec = arg;
    struct cvn_rd v = cvn_rd_init(value.p, value.n);
    (void)key;
    rec->inbox->ever = cvn_rd_u8(&v);
    rec->inbox->worst = cvn_rd_u8(&v);
    rec->inbox->aborted = cvn_rd_u8(&v) != 0;
    return CVN_OK;
}

static bool keep_partial(void *arg, const uint8_t id[CVN_ID])
{
    const struct transfer *t = cvn_inbox_find(arg, id);
    return t != NULL && t->t.state != CVN_TRANSFER_COMMITTED;
}

int cvn_inbox_recover(struct cvn_inbox *b)
{
    struct recovery rec = {.inbox = b, .worst = CVN_OK};
    static const struct {
        const char *prefix;
        int (*each)(void *, struct cvn_octets, struct cvn_octets);
    } kinds[] = {{"o", recover_run}, {"s", recover_session}, {"t", recover_transfer}};
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        struct cvn_octets prefix = {(const uint8_t *)kinds[i].prefix, 1};
        int rc = b->o.store->ops->scan(b->o.store->self, prefix, kinds[i].each, &rec);
        if (rc == CVN_ECORRUPT)
            rec.worst = rc;
        else if (rc != CVN_OK)
            return rc;
    }
    b->o.depot_ops->sweep(b->o.depot, keep_partial, b);
    for (struct transfer *t = b->transfers; t != NULL; t = t->next) {
        struct cvn_place p;
        if (t->t.state == CVN_TRANSFER_RECEIVING && cvn_transfer_point(t, 0, &p) == CVN_OK) {
            t->durable = p;
            t->t.written = p.offset;
        }
        cvn_transfer_step(t);
    }
    cvn_inbox_expire(b);
    return rec.worst;
}
