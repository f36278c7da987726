/* SPDX-License-Identifier: MIT */
/*
 * transfer - one transfer at the receiver: its record, its points, and the order
 * in which things become durable. Every step outside is one operation (op); the
 * next begins when it is done.
 *
 * Invariants
 *   I1  a point is told to the holder only after OP_SYNC and OP_NOTE of it.
 *   I2  a commit is told only after OP_FINISH, OP_COMMITTING, OP_PLACE, OP_COMMITTED, in this
 *       order, each done without trouble.
 *   I3  while op != OP_NONE the transfer stays in memory; gone removes it afterwards.
 *   I4  covered <= npoints, and covered is 0 but in OP_SYNC and OP_NOTE: the first `covered`
 *       points stay where they are until the op is done.
 *   I5  octets are cut off only when no durable record speaks of them any more.
 */
#include <assert.h>
#include <string.h>

#include "base/rd.h"
#include "session/receive_i.h"

#define RECORD_VERSION 1u
#define POINT_KEY      (ID_KEY + 8u)
#define PUTS_MAX       32u /* points whose records go into one put */

static void op_done(struct cvn_wait *w, int rc);

int cvn_transfer_own(const struct cvn_alloc *a, struct cvn_octets *to, struct cvn_octets from)
{
    uint8_t *p = cvn_resize(a, NULL, 0, from.n + 1); /* never of size 0 */
    if (p == NULL)
        return CVN_ENOMEM;
    if (from.n > 0)
        memcpy(p, from.p, from.n);
    p[from.n] = 0;
    if (to->p != NULL)
        cvn_free(a, (void *)(uintptr_t)to->p, to->n + 1);
    *to = (struct cvn_octets){p, from.n};
    return CVN_OK;
}

int cvn_transfer_own_final(const struct cvn_alloc *a, struct cvn_transfer *t,
                           struct cvn_octets final)
{
    return cvn_transfer_own(a, &t->final, final);
}

static void disown(const struct cvn_alloc *a, struct cvn_octets *o)
{
    if (o->p != NULL)
        cvn_free(a, (void *)(uintptr_t)o->p, o->n + 1);
    *o = (struct cvn_octets){NULL, 0};
}

void cvn_transfer_free(struct transfer *t)
{
    const struct cvn_alloc *a = t->inbox->alloc;
    assert(t->op == OP_NONE);
    if (t->t.file != NULL)
        t->inbox->o.depot_ops->close(t->inbox->o.depot, &t->t);
    disown(a, &t->t.name);
    disown(a, &t->t.target);
    disown(a, &t->t.final);
    cvn_free(a, t->points, t->points_cap * sizeof *t->points);
    cvn_free(a, t->pairs, t->pairs_cap * sizeof *t->pairs);
    cvn_free(a, t, sizeof *t);
}

/* What the sender said of the item. Strangers say nothing: the caller has set a name. */
int cvn_transfer_describe(struct transfer *t, const struct cvn_note *n)
{
    const struct cvn_alloc *a = t->inbox->alloc;
    if (cvn_transfer_own(a, &t->t.name, n->name) != CVN_OK ||
        cvn_transfer_own(a, &t->t.target, n->target) != CVN_OK)
        return CVN_ENOMEM;
    t->t.kind = n->kind;
    t->t.hash = n->hash;
    t->t.size_known = cvn_note_has(n, CVN_NOTE_F_SIZE);
    t->t.size = n->size;
    t->t.mode = cvn_note_has(n, CVN_NOTE_F_MODE) ? n->mode & 0777u : 0644u;
    t->t.mtime_s = n->mtime_s;
    t->t.mtime_ns = cvn_note_has(n, CVN_NOTE_F_MTIME) ? n->mtime_ns : UINT32_MAX;
    t->stored = false;
    return CVN_OK;
}

int cvn_transfer_add_pair(struct transfer *t, const struct pair *p)
{
    for (uint32_t i = 0; i < t->npairs; i++)
        if (t->pairs[i].len == p->len && memcmp(t->pairs[i].octets, p->octets, p->len) == 0)
            return CVN_OK;
    if (t->npairs == PAIRS_MAX) { /* the original stays, the oldest resume goes */
        memmove(t->pairs + 1, t->pairs + 2, (PAIRS_MAX - 2) * sizeof *t->pairs);
        t->npairs--;
    }
    if (t->npairs == t->pairs_cap) {
        uint32_t cap = t->pairs_cap == 0 ? 2 : t->pairs_cap * 2;
        struct pair *grown = cvn_resize(t->inbox->alloc, t->pairs, t->pairs_cap * sizeof *grown,
                                        cap * sizeof *grown);
        if (grown == NULL)
            return CVN_ENOMEM;
        t->pairs = grown;
        t->pairs_cap = cap;
    }
    t->pairs[t->npairs++] = *p;
    t->stored = false;
    return CVN_OK;
}

/* -------- records -------- */

static void id_key(uint8_t key[ID_KEY], char kind, const uint8_t id[CVN_ID])
{
    key[0] = (uint8_t)kind;
    memcpy(key + 1, id, CVN_ID);
}

static void wr_sized(struct cvn_wr *w, struct cvn_octets o)
{
    cvn_wr_be16(w, (uint16_t)o.n);
    cvn_wr_bytes(w, o.p, o.n);
}

static size_t encode(const struct transfer *t, uint8_t *out, size_t cap)
{
    struct cvn_wr w = cvn_wr_init(out, cap);
    cvn_wr_u8(&w, RECORD_VERSION);
    cvn_wr_u8(&w, t->t.state);
    cvn_wr_u8(&w, t->t.kind);
    cvn_wr_u8(&w, t->t.hash);
    cvn_wr_u8(&w, (uint8_t)((t->t.size_known ? 1 : 0) | (t->t.done_already ? 2 : 0)));
    cvn_wr_be64(&w, t->t.size);
    cvn_wr_be16(&w, t->t.mode);
    cvn_wr_be64(&w, (uint64_t)t->t.mtime_s);
    cvn_wr_be32(&w, t->t.mtime_ns);
    cvn_wr_bytes(&w, t->session, CVN_ID);
    cvn_wr_be32(&w, t->part);
    cvn_wr_be64(&w, t->part_offset);
    cvn_wr_be64(&w, t->t.written);
    cvn_wr_be64(&w, t->touched);
    wr_sized(&w, t->t.name);
    wr_sized(&w, t->t.target);
    wr_sized(&w, t->t.final);
    cvn_wr_be16(&w, (uint16_t)t->npairs);
    for (uint32_t i = 0; i < t->npairs; i++) {
        cvn_wr_u8(&w, t->pairs[i].len);
        cvn_wr_bytes(&w, t->pairs[i].octets, t->pairs[i].len);
    }
    assert(!w.bad);
    return w.len;
}

static size_t record_max(const struct transfer *t)
{
    return 96 + t->t.name.n + t->t.target.n + t->t.final.n + t->npairs * (PAIR_MAX + 1u);
}

static struct cvn_octets rd_sized(struct cvn_rd *r)
{
    size_t n = cvn_rd_be16(r);
    return (struct cvn_octets){cvn_rd_bytes(r, n), r->bad ? 0 : n};
}

static int decode_pairs(struct transfer *t, struct cvn_rd *r)
{
    uint16_t n = cvn_rd_be16(r);
    for (uint16_t i = 0; i < n && !r->bad; i++) {
        struct pair p = {.len = cvn_rd_u8(r)};
        const uint8_t *octets = p.len > PAIR_MAX ? NULL : cvn_rd_bytes(r, p.len);
        if (octets == NULL)
            return CVN_ECORRUPT;
        memcpy(p.octets, octets, p.len);
        if (cvn_transfer_add_pair(t, &p) != CVN_OK)
            return CVN_ENOMEM;
    }
    return r->bad || cvn_rd_left(r) != 0 ? CVN_ECORRUPT : CVN_OK;
}

int cvn_transfer_decode(struct transfer *t, struct cvn_octets record)
{
    const struct cvn_alloc *a = t->inbox->alloc;
    struct cvn_rd r = cvn_rd_init(record.p, record.n);
    uint8_t version = cvn_rd_u8(&r);
    t->t.state = cvn_rd_u8(&r);
    t->t.kind = cvn_rd_u8(&r);
    t->t.hash = cvn_rd_u8(&r);
    uint8_t flags = cvn_rd_u8(&r);
    t->t.size_known = (flags & 1) != 0;
    t->t.done_already = (flags & 2) != 0;
    t->t.size = cvn_rd_be64(&r);
    t->t.mode = cvn_rd_be16(&r);
    t->t.mtime_s = (int64_t)cvn_rd_be64(&r);
    t->t.mtime_ns = cvn_rd_be32(&r);
    const uint8_t *session = cvn_rd_bytes(&r, CVN_ID);
    t->part = cvn_rd_be32(&r);
    t->part_offset = cvn_rd_be64(&r);
    t->t.written = cvn_rd_be64(&r);
    t->touched = cvn_rd_be64(&r);
    struct cvn_octets name = rd_sized(&r);
    struct cvn_octets target = rd_sized(&r);
    struct cvn_octets final = rd_sized(&r);
    if (r.bad || version != RECORD_VERSION || t->t.state > CVN_TRANSFER_COMMITTED ||
        t->t.kind > CVN_KIND_SYMLINK)
        return CVN_ECORRUPT;
    memcpy(t->session, session, CVN_ID);
    t->durable = (struct cvn_place){t->part, 0, t->part_offset};
    if (cvn_transfer_own(a, &t->t.name, name) != CVN_OK ||
        cvn_transfer_own(a, &t->t.target, target) != CVN_OK ||
        cvn_transfer_own(a, &t->t.final, final) != CVN_OK)
        return CVN_ENOMEM;
    int rc = decode_pairs(t, &r);
    t->stored = rc == CVN_OK;
    return rc;
}

static void point_key(uint8_t key[POINT_KEY], const struct transfer *t, uint32_t part,
                      uint32_t serial)
{
    struct cvn_wr w = cvn_wr_init(key + ID_KEY, 8);
    id_key(key, 'p', t->t.id);
    cvn_wr_be32(&w, part);
    cvn_wr_be32(&w, serial);
}

/* Puts the transfer's record, with n more puts; the op goes on in op_done(). */
static void put_record(struct transfer *t, enum transfer_op op, struct cvn_store_put *puts,
                       size_t n)
{
    struct cvn_inbox *b = t->inbox;
    uint8_t key[ID_KEY];
    size_t cap = record_max(t);
    uint8_t *value = cvn_resize(b->alloc, NULL, 0, cap);
    int rc = CVN_ENOMEM;
    if (value != NULL) {
        id_key(key, 't', t->t.id);
        t->touched = b->o.ops->utc_seconds(b->o.ctx);
        puts[n] = (struct cvn_store_put){.key = {key, sizeof key},
                                         .value = {value, encode(t, value, cap)}};
        rc = b->o.store->ops->put(b->o.store->self, puts, n + 1, &t->wait);
        cvn_free(b->alloc, value, cap);
    }
    if (rc != CVN_OK) {
        cvn_inbox_failed(b, "no memory to store a record");
        return;
    }
    t->stored = true;
    t->wait.pending = true;
    t->op = op;
}

/* The records of the covered points; the transfer's own too if it changed. */
static void put_points(struct transfer *t)
{
    struct cvn_inbox *b = t->inbox;
    struct cvn_store_put puts[PUTS_MAX + 1];
    uint8_t keys[PUTS_MAX][POINT_KEY];
    uint8_t values[PUTS_MAX][8];
    size_t n = 0;
    for (; n < t->covered; n++) {
        struct cvn_wr w = cvn_wr_init(values[n], 8);
        point_key(keys[n], t, t->points[n].part, t->points[n].serial);
        cvn_wr_be64(&w, t->points[n].offset);
        puts[n] = (struct cvn_store_put){.key = {keys[n], POINT_KEY}, .value = {values[n], 8}};
    }
    if (!t->stored) {
        put_record(t, OP_NOTE, puts, n);
        return;
    }
    if (b->o.store->ops->put(b->o.store->self, puts, n, &t->wait) != CVN_OK) {
        cvn_inbox_failed(b, "no memory to store a point");
        return;
    }
    t->wait.pending = true;
    t->op = OP_NOTE;
}

struct point_query {
    struct cvn_place *out;
    bool found;
};

static int point_found(void *arg, struct cvn_octets key, struct cvn_octets value)
{
    struct point_query *q = arg;
    struct cvn_rd k = cvn_rd_init(key.p, key.n);
    struct cvn_rd v = cvn_rd_init(value.p, value.n);
    cvn_rd_skip(&k, ID_KEY);
    struct cvn_place p = {.part = cvn_rd_be32(&k), .serial = 0, .offset = cvn_rd_be64(&v)};
    p.serial = cvn_rd_be32(&k);
    if (k.bad || v.bad)
        return CVN_OK;
    *q->out = p; /* keys come in order: the last is the highest */
    q->found = true;
    return CVN_OK;
}

/* serial 0: the highest of the part. */
int cvn_transfer_point(struct transfer *t, uint32_t serial, struct cvn_place *out)
{
    struct cvn_inbox *b = t->inbox;
    struct point_query q = {.out = out};
    uint8_t key[POINT_KEY];
    point_key(key, t, t->part, serial);
    size_t n = serial == 0 ? POINT_KEY - 4 : POINT_KEY;
    int rc = b->o.store->ops->scan(b->o.store->self, (struct cvn_octets){key, n}, point_found, &q);
    return rc != CVN_OK ? rc : q.found ? CVN_OK : CVN_ENOTFOUND;
}

/* -------- beginning, points, end -------- */

static void forget_points(struct transfer *t, struct cvn_store_put *put, uint8_t key[ID_KEY])
{
    id_key(key, 'p', t->t.id);
    *put = (struct cvn_store_put){.key = {key, ID_KEY}, .prefix = true};
}

static void put_forget(struct transfer *t, const struct cvn_store_put *puts, size_t n)
{
    struct cvn_inbox *b = t->inbox;
    t->wait.done = op_done;
    if (b->o.store->ops->put(b->o.store->self, puts, n, &t->wait) != CVN_OK) {
        cvn_inbox_failed(b, "no memory to forget a point");
        return;
    }
    t->wait.pending = true;
    t->op = OP_FORGET;
}

bool cvn_transfer_forget(struct transfer *t, uint32_t serial)
{
    struct cvn_store_put puts[PUTS_MAX];
    uint8_t keys[PUTS_MAX][POINT_KEY];
    size_t n = 0;
    assert(t->op == OP_NONE);
    if (t->durable.serial <= serial || t->inbox->broken)
        return false;
    if (serial == 0) {
        forget_points(t, &puts[n++], keys[0]);
    } else { /* the highest first, so that what is left is always a beginning */
        for (uint32_t at = t->durable.serial; at > serial && n < PUTS_MAX; at--, n++) {
            point_key(keys[n], t, t->part, at);
            puts[n] = (struct cvn_store_put){.key = {keys[n], POINT_KEY}};
        }
    }
    put_forget(t, puts, n);
    return true;
}

void cvn_transfer_void(struct transfer *t)
{
    struct cvn_store_put put;
    uint8_t key[ID_KEY];
    assert(t->op == OP_NONE);
    t->part = 0;
    t->part_offset = 0;
    t->durable = (struct cvn_place){0, 0, 0};
    t->t.written = 0;
    t->stored = false;
    forget_points(t, &put, key);
    put_forget(t, &put, 1);
}

/* After OP_FORGET: what is left. */
static void points_forgotten(struct transfer *t)
{
    struct cvn_place p;
    t->durable = (struct cvn_place){t->part, 0, t->part_offset};
    if (cvn_transfer_point(t, 0, &p) == CVN_OK)
        t->durable = p;
}

uint8_t cvn_transfer_begin(struct transfer *t, uint32_t part, uint64_t offset)
{
    struct cvn_inbox *b = t->inbox;
    assert(t->op == OP_NONE && t->durable.serial == 0); /* I5 */
    uint8_t trouble = offset == 0 ? b->o.depot_ops->create(b->o.depot, &t->t)
                                  : b->o.depot_ops->cut(b->o.depot, &t->t, offset);
    if (trouble != CVN_TROUBLE_NONE)
        return trouble;
    t->part = part;
    t->part_offset = offset;
    t->durable = (struct cvn_place){part, 0, offset};
    t->npoints = 0;
    t->t.written = offset;
    t->end_wanted = false;
    t->failed = false;
    t->owed = CVN_TROUBLE_NONE;
    t->only_detach = false;
    t->stored = false;
    return CVN_TROUBLE_NONE;
}

uint8_t cvn_transfer_back(struct transfer *t, struct cvn_place to)
{
    struct cvn_inbox *b = t->inbox;
    assert(t->op == OP_NONE && t->durable.serial == to.serial); /* I5 */
    uint8_t trouble = b->o.depot_ops->cut(b->o.depot, &t->t, to.offset);
    if (trouble != CVN_TROUBLE_NONE)
        return trouble;
    t->npoints = 0;
    t->t.written = to.offset;
    t->end_wanted = false;
    t->failed = false;
    t->owed = CVN_TROUBLE_NONE;
    t->only_detach = false;
    return CVN_TROUBLE_NONE;
}

int cvn_transfer_mark(struct transfer *t, uint32_t serial)
{
    if (t->npoints == t->points_cap) {
        uint32_t cap = t->points_cap == 0 ? 4 : t->points_cap * 2;
        struct cvn_place *grown = cvn_resize(t->inbox->alloc, t->points,
                                             t->points_cap * sizeof *grown, cap * sizeof *grown);
        if (grown == NULL)
            return CVN_ENOMEM;
        t->points = grown;
        t->points_cap = cap;
    }
    t->points[t->npoints++] = (struct cvn_place){t->part, serial, t->t.written};
    t->inbox->o.depot_ops->mark(t->inbox->o.depot, &t->t);
    if (t->inbox->o.plant_confirm_early && t->holder != NULL)
        cvn_receiver_durable(t->holder, t->points[t->npoints - 1]);
    cvn_transfer_step(t);
    return CVN_OK;
}

void cvn_transfer_end(struct transfer *t, bool continues)
{
    t->end_wanted = true;
    t->continues = continues;
    cvn_transfer_step(t);
}

/* The transfer is over without a file. */
void cvn_transfer_discard(struct transfer *t)
{
    t->gone = true;
    t->holder = NULL;
    cvn_transfer_step(t);
}

static void remove_all(struct transfer *t)
{
    struct cvn_inbox *b = t->inbox;
    struct cvn_store_put puts[2];
    uint8_t keys[2][ID_KEY];
    struct transfer **at = &b->transfers;
    if (t->t.state == CVN_TRANSFER_RECEIVING)
        b->o.depot_ops->remove(b->o.depot, &t->t);
    forget_points(t, &puts[0], keys[0]);
    id_key(keys[1], 't', t->t.id);
    puts[1] = (struct cvn_store_put){.key = {keys[1], ID_KEY}};
    cvn_inbox_put(b, puts, 2);
    while (*at != t)
        at = &(*at)->next;
    *at = t->next;
    cvn_transfer_free(t);
}

static void begin_sync(struct transfer *t, enum transfer_op op)
{
    struct cvn_inbox *b = t->inbox;
    t->covered = t->npoints < PUTS_MAX ? t->npoints : PUTS_MAX;
    if (b->o.depot_ops->sync(b->o.depot, &t->t, &t->wait) != CVN_OK) {
        cvn_inbox_failed(b, "no memory to make octets durable");
        return;
    }
    t->wait.pending = true;
    t->op = op;
}

static void begin_finish(struct transfer *t)
{
    struct cvn_inbox *b = t->inbox;
    t->op_trouble = CVN_TROUBLE_NONE;
    if (b->o.depot_ops->finish(b->o.depot, &t->t, &t->op_trouble, &t->wait) != CVN_OK) {
        cvn_inbox_failed(b, "no memory to finish a file");
        return;
    }
    t->wait.pending = true;
    t->op = OP_FINISH;
}

static void begin_place(struct transfer *t)
{
    struct cvn_inbox *b = t->inbox;
    t->op_trouble = CVN_TROUBLE_NONE;
    if (b->o.depot_ops->place(b->o.depot, &t->t, &t->op_trouble, &t->wait) != CVN_OK) {
        cvn_inbox_failed(b, "no memory to place a file");
        return;
    }
    t->wait.pending = true;
    t->op = OP_PLACE;
}

void cvn_transfer_step(struct transfer *t)
{
    struct cvn_receiver *waiter = t->waiter;
    t->wait.done = op_done;
    if (t->op != OP_NONE || t->inbox->broken)
        return;
    if (t->gone) {
        t->waiter = NULL;
        remove_all(t);
        if (waiter != NULL)
            cvn_receiver_go_on(waiter);
        return;
    }
    if (!t->failed && t->npoints > 0)
        begin_sync(t, OP_SYNC);
    else if (t->t.state == CVN_TRANSFER_COMMITTING)
        begin_place(t); /* found so by recovery */
    else if (!t->failed && t->end_wanted && t->continues)
        begin_sync(t, OP_PART_SYNC);
    else if (!t->failed && t->end_wanted)
        begin_finish(t);
    else if (waiter != NULL) {
        t->waiter = NULL;
        cvn_receiver_go_on(waiter);
    }
}

/* -------- what became of an op -------- */

/* Nothing more is taken of this activity; an op that is on its way keeps the points it covers (I4). */
void cvn_transfer_fail(struct transfer *t)
{
    t->failed = true;
    t->npoints = t->op == OP_SYNC || t->op == OP_NOTE ? t->covered : 0;
    t->end_wanted = false;
    if (t->t.state == CVN_TRANSFER_COMMITTING) {
        t->t.state = CVN_TRANSFER_RECEIVING;
        t->stored = false;
    }
}

static void trouble(struct transfer *t, uint8_t which)
{
    bool told = t->failed; /* one exception for an activity: the next would find STA19 */
    cvn_transfer_fail(t);
    /* after a failed fdatasync nothing is known of what was written: the file is opened anew, and
     * cut back to the last durable point */
    if (which == CVN_TROUBLE_IO && t->t.file != NULL)
        t->inbox->o.depot_ops->close(t->inbox->o.depot, &t->t);
    if (t->holder != NULL && !told)
        cvn_receiver_trouble(t->holder, which);
}

static void points_durable(struct transfer *t)
{
    struct cvn_place last = t->points[t->covered - 1];
    t->npoints -= t->covered;
    memmove(t->points, t->points + t->covered, t->npoints * sizeof *t->points);
    t->covered = 0;
    t->durable = last;
    /* After an exception was reported no confirmation may follow it. */
    if (t->holder != NULL && !t->failed && !t->inbox->o.plant_confirm_early)
        cvn_receiver_durable(t->holder, last);
}

static void part_sync_done(struct transfer *t)
{
    struct cvn_store_put puts[2];
    uint8_t key[ID_KEY];
    t->part++;
    t->part_offset = t->t.written;
    t->durable = (struct cvn_place){t->part, 0, t->part_offset};
    forget_points(t, &puts[0], key);
    put_record(t, OP_PART_NOTE, puts, 1);
}

static void finish_done(struct transfer *t)
{
    struct cvn_store_put puts[2];
    uint8_t key[ID_KEY];
    if (t->op_trouble != CVN_TROUBLE_NONE) {
        trouble(t, t->op_trouble);
        return;
    }
    t->end_wanted = false;
    t->t.state = CVN_TRANSFER_COMMITTING;
    forget_points(t, &puts[0], key);
    put_record(t, OP_COMMITTING, puts, t->durable.serial > 0 ? 1 : 0);
}

static void place_done(struct transfer *t)
{
    struct cvn_store_put puts[1];
    if (t->op_trouble != CVN_TROUBLE_NONE) {
        trouble(t, t->op_trouble);
        return;
    }
    t->t.state = CVN_TRANSFER_COMMITTED;
    put_record(t, OP_COMMITTED, puts, 0);
}

static void op_ok(struct transfer *t, enum transfer_op op)
{
    switch (op) {
    case OP_SYNC:
        if (!t->gone)
            put_points(t);
        break;
    case OP_NOTE:
        points_durable(t);
        break;
    case OP_PART_SYNC:
        part_sync_done(t);
        break;
    case OP_PART_NOTE:
        t->end_wanted = false;
        if (t->holder != NULL)
            cvn_receiver_part_ended(t->holder);
        break;
    case OP_FINISH:
        finish_done(t);
        break;
    case OP_COMMITTING:
        break; /* cvn_transfer_step() places it */
    case OP_PLACE:
        place_done(t);
        break;
    case OP_COMMITTED:
        if (t->holder != NULL)
            cvn_receiver_committed(t->holder);
        break;
    case OP_FORGET:
        points_forgotten(t);
        break;
    case OP_NONE:
        break;
    }
}

static void op_done(struct cvn_wait *w, int rc)
{
    struct transfer *t =
        (struct transfer *)(void *)((uint8_t *)w - offsetof(struct transfer, wait));
    enum transfer_op op = t->op;
    w->pending = false;
    t->op = OP_NONE;
    if (t->inbox->broken)
        return;
    bool of_store = op == OP_NOTE || op == OP_PART_NOTE || op == OP_COMMITTING ||
                    op == OP_COMMITTED || op == OP_FORGET;
    if (rc != CVN_OK && of_store) {
        cvn_inbox_failed(t->inbox, "the store of the inbox failed");
        return;
    }
    if (rc != CVN_OK)
        trouble(t, CVN_TROUBLE_IO);
    else
        op_ok(t, op);
    if (t->op != OP_NONE)
        return;
    uint8_t owed = t->owed;
    t->owed = CVN_TROUBLE_NONE;
    if (owed != CVN_TROUBLE_NONE && t->holder != NULL)
        cvn_receiver_trouble(t->holder, owed);
    cvn_transfer_step(t);
}
