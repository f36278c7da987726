/* SPDX-License-Identifier: MIT */
/*
 * send_item - the sender's activities: S-ACTIVITY-START or -RESUME, data and
 * points within the window, S-ACTIVITY-END with the digest, and what follows an
 * exception report.
 *
 * Invariants
 *   I1  an item's record is durable before S-ACTIVITY-START, and its outcome is
 *       durable before the next activity or S-RELEASE is requested: from that the
 *       receiver takes that we know.
 *   I2  points holds what was sent and is not confirmed, oldest first.
 *   I3  read - the last confirmed offset <= the window, towards convene peers.
 */
#include <assert.h>
#include <string.h>

#include "base/rd.h"
#include "session/send_i.h"

#define BLOCK_MAX  (256u << 10)
#define OUT_ENOUGH (1u << 20) /* octets queued for the link, above which no more is read */
#define REST_FIRST 1000000000ull
#define REST_MAX   5000000000ull

/* -------- the stored record -------- */

enum { RECORD_COMMITTED = 1, RECORD_ENDING = 2 };

size_t cvn_item_encode(const struct cvn_item *it, uint8_t out[CVN_ITEM_RECORD_MAX])
{
    struct cvn_wr w = cvn_wr_init(out, CVN_ITEM_RECORD_MAX);
    cvn_wr_u8(&w, 1); /* the version of this layout */
    cvn_wr_u8(&w,
              (uint8_t)((it->committed ? RECORD_COMMITTED : 0) | (it->ending ? RECORD_ENDING : 0)));
    cvn_wr_bytes(&w, it->identity, CVN_ID);
    cvn_wr_bytes(&w, it->transfer, CVN_ID);
    cvn_wr_bytes(&w, it->name_of.session, CVN_ID);
    cvn_wr_u8(&w, it->name_of.common_len);
    cvn_wr_bytes(&w, it->name_of.common, it->name_of.common_len);
    cvn_wr_bytes(&w, it->name_of.epoch, sizeof it->name_of.epoch);
    cvn_wr_u8(&w, it->name_of.id_len);
    cvn_wr_bytes(&w, it->name_of.id, it->name_of.id_len);
    cvn_wr_be32(&w, it->part);
    cvn_wr_be64(&w, it->part_offset);
    cvn_wr_be32(&w, it->stored.serial);
    cvn_wr_be64(&w, it->stored.offset);
    cvn_wr_be64(&w, it->furthest);
    assert(!w.bad);
    return w.len;
}

static void read_into(struct cvn_rd *r, uint8_t *to, size_t n)
{
    const uint8_t *p = cvn_rd_bytes(r, n);
    if (p != NULL && n > 0)
        memcpy(to, p, n);
}

int cvn_item_decode(struct cvn_item *it, struct cvn_octets record)
{
    struct cvn_rd r = cvn_rd_init(record.p, record.n);
    struct cvn_activity_name n = {0};
    uint8_t version = cvn_rd_u8(&r);
    uint8_t flags = cvn_rd_u8(&r);
    uint8_t identity[CVN_ID] = {0};
    uint8_t transfer[CVN_ID] = {0};
    read_into(&r, identity, CVN_ID);
    read_into(&r, transfer, CVN_ID);
    read_into(&r, n.session, CVN_ID);
    n.common_len = cvn_rd_u8(&r);
    if (r.bad || version != 1 || n.common_len > CVN_COMMON_MAX)
        return CVN_ECORRUPT;
    read_into(&r, n.common, n.common_len);
    read_into(&r, n.epoch, sizeof n.epoch);
    n.id_len = cvn_rd_u8(&r);
    if (r.bad || n.id_len > CVN_ACTIVITY_MAX)
        return CVN_ECORRUPT;
    read_into(&r, n.id, n.id_len);
    uint32_t part = cvn_rd_be32(&r);
    uint64_t part_offset = cvn_rd_be64(&r);
    struct cvn_point stored = {.serial = cvn_rd_be32(&r), .offset = 0};
    stored.offset = cvn_rd_be64(&r);
    uint64_t furthest = cvn_rd_be64(&r);
    if (r.bad || cvn_rd_left(&r) != 0)
        return CVN_ECORRUPT;
    memcpy(it->identity, identity, CVN_ID);
    memcpy(it->transfer, transfer, CVN_ID);
    it->name_of = n;
    it->part = part;
    it->part_offset = part_offset;
    it->stored = stored;
    it->furthest = furthest;
    it->committed = (flags & RECORD_COMMITTED) != 0;
    it->ending = (flags & RECORD_ENDING) != 0;
    return CVN_OK;
}

void cvn_item_anew(struct cvn_item *it)
{
    it->name_of.id_len = 0;
    it->part = 0;
    it->part_offset = 0;
    it->stored = (struct cvn_point){0, 0};
    it->confirmed = (struct cvn_point){0, 0};
    it->committed = false;
    it->ending = false;
    it->outcome = CVN_OUTCOME_OPEN;
    it->trouble = CVN_TROUBLE_NONE;
    it->text[0] = '\0';
    it->read = 0;
    it->furthest = 0;
    it->digest_known = false;
}

/* as == NULL: the record is deleted. */
int cvn_item_put(struct cvn_sender *s, struct cvn_wait *w, const struct cvn_item *as)
{
    uint8_t key[1 + CVN_ID];
    uint8_t value[CVN_ITEM_RECORD_MAX];
    struct cvn_store_put put = {.key = {key, sizeof key}};
    key[0] = 't';
    memcpy(key + 1, s->item->key, CVN_ID);
    if (as != NULL)
        put.value = (struct cvn_octets){value, cvn_item_encode(as, value)};
    if (s->o.store->ops->put(s->o.store->self, &put, 1, w) != CVN_OK) {
        cvn_sender_over(s, CVN_VERDICT_MEMORY, "no memory to store the state of the transfer");
        return CVN_ENOMEM;
    }
    w->pending = true;
    return CVN_OK;
}

/* -------- beginning -------- */

static int describe(struct cvn_sender *s, struct cvn_wr *w)
{
    const struct cvn_item *it = s->item;
    struct cvn_note n = {
        .name = it->name,
        .mode = it->mode,
        .mtime_s = it->mtime_s,
        .mtime_ns = it->mtime_ns,
        .kind = it->kind,
        .target = it->target,
        .size = it->size,
        .hash = it->hash,
        .part = it->part,
        .part_offset = it->part_offset,
    };
    memcpy(n.transfer, it->transfer, CVN_ID);
    cvn_note_set(&n, CVN_NOTE_F_TRANSFER);
    cvn_note_set(&n, CVN_NOTE_F_NAME);
    cvn_note_set(&n, CVN_NOTE_F_MODE);
    cvn_note_set(&n, CVN_NOTE_F_MTIME);
    cvn_note_set(&n, CVN_NOTE_F_KIND);
    cvn_note_set(&n, CVN_NOTE_F_HASH);
    if (it->size != CVN_SIZE_UNKNOWN)
        cvn_note_set(&n, CVN_NOTE_F_SIZE);
    if (it->kind == CVN_KIND_SYMLINK)
        cvn_note_set(&n, CVN_NOTE_F_TARGET);
    if (it->part > 0)
        cvn_note_set(&n, CVN_NOTE_F_PART);
    return cvn_note_encode(&n, w);
}

static void new_activity_id(struct cvn_sender *s, uint8_t id[CVN_ACTIVITY_MAX], uint8_t *len)
{
    struct cvn_wr w = cvn_wr_init(id, CVN_ACTIVITY_MAX);
    cvn_wr_be32(&w, ++s->activities);
    *len = 4;
}

/* I1: the pair that names the activity is stored first. */
static void begin_start(struct cvn_sender *s)
{
    struct cvn_item *it = s->item;
    it->name_of = s->connection;
    new_activity_id(s, it->name_of.id, &it->name_of.id_len);
    it->stored = (struct cvn_point){0, it->part_offset};
    it->ending = false;
    s->end_unknown = false;
    if (cvn_item_put(s, &s->put, it) == CVN_OK)
        cvn_sender_goto(s, SENDER_BEGINNING);
}

static void activity_open(struct cvn_sender *s, uint32_t serial, uint64_t offset)
{
    struct cvn_item *it = s->item;
    s->item_started = true;
    s->npoints = 0;
    s->serial = serial;
    s->last_point = offset;
    s->point_due = CVN_NEVER;
    s->at_end = false;
    s->starved = false;
    s->continues = false;
    it->read = offset;
    it->confirmed = (struct cvn_point){serial, offset};
    cvn_sender_goto(s, SENDER_SENDING);
}

/* The description, or the item's end if it does not fit what this peer can take. */
static int describe_or_refuse(struct cvn_sender *s, uint8_t *buf, struct cvn_octets *out)
{
    struct cvn_wr w = cvn_wr_init(buf, s->peer_ours ? CVN_NOTE_MAX : CVN_NOTE_STRANGER_MAX);
    if (describe(s, &w) != CVN_OK) {
        s->item->trouble = CVN_TROUBLE_NAME;
        cvn_item_finish(s, CVN_OUTCOME_REFUSED);
        return CVN_ETOOBIG;
    }
    *out = (struct cvn_octets){buf, w.len};
    return CVN_OK;
}

static void request_start(struct cvn_sender *s)
{
    struct cvn_x225_prim p;
    uint8_t note[CVN_NOTE_MAX];
    struct cvn_item *it = s->item;
    cvn_x225_prim_init(&p, CVN_S_ACTIVITY_START, CVN_REQUEST);
    if (describe_or_refuse(s, note, &p.data) != CVN_OK)
        return;
    p.activity = (struct cvn_octets){it->name_of.id, it->name_of.id_len};
    if (cvn_sender_request(s, &p) != CVN_OK)
        return;
    activity_open(s, 0, it->part_offset);
    cvn_sender_news(s, CVN_NEWS_STARTED, it->part_offset, NULL);
}

static void note_point(struct cvn_sender *s);

static void request_resume(struct cvn_sender *s)
{
    struct cvn_x225_prim p;
    uint8_t note[CVN_NOTE_MAX];
    uint8_t id[CVN_ACTIVITY_MAX];
    uint8_t id_len;
    struct cvn_item *it = s->item;
    cvn_x225_prim_init(&p, CVN_S_ACTIVITY_RESUME, CVN_REQUEST);
    if (describe_or_refuse(s, note, &p.data) != CVN_OK)
        return;
    new_activity_id(s, id, &id_len);
    p.activity = (struct cvn_octets){id, id_len};
    p.old_activity = (struct cvn_octets){it->name_of.id, it->name_of.id_len};
    p.id.calling = (struct cvn_octets){it->name_of.session, CVN_ID};
    p.id.common = (struct cvn_octets){it->name_of.common, it->name_of.common_len};
    p.id.additional = (struct cvn_octets){it->name_of.epoch, sizeof it->name_of.epoch};
    p.serial = it->stored.serial;
    if (cvn_sender_request(s, &p) != CVN_OK)
        return;
    s->counts.resumes++;
    s->end_unknown = it->ending;
    note_point(s); /* it may have been confirmed while the end was asked, when none is noted */
    activity_open(s, it->stored.serial, it->stored.offset);
    cvn_sender_news(s, CVN_NEWS_RESUMED, it->stored.offset, NULL);
}

/* The responder said in S-CONNECT what it holds of this transfer: that decides. */
static void heed_answer(struct cvn_sender *s)
{
    struct cvn_item *it = s->item;
    const struct cvn_note *a = &s->answer;
    s->answered = false;
    if (a->state == CVN_TRANSFER_UNKNOWN) {
        it->part = 0;
        it->part_offset = 0;
        it->stored = (struct cvn_point){0, 0};
        return;
    }
    it->part = a->part;
    it->part_offset = a->part_offset;
    it->stored = (struct cvn_point){0, a->part_offset};
    if (cvn_note_has(a, CVN_NOTE_F_POINT))
        it->stored = (struct cvn_point){a->point_serial, a->point_offset};
}

static const char unknown_text[] = "whether the peer has the file is not known: its end was not "
                                   "confirmed (--again sends it again)";

static void begin(struct cvn_sender *s)
{
    struct cvn_item *it = s->item;
    if (s->answered && memcmp(s->asked, it->transfer, CVN_ID) == 0)
        heed_answer(s);
    if (it->name_of.id_len > 0 && it->stored.serial > 0) {
        request_resume(s);
        return;
    }
    if (it->ending && !s->peer_ours && !s->o.again) {
        cvn_sender_over(s, CVN_VERDICT_SUSPENDED, unknown_text);
        return;
    }
    begin_start(s);
}

static void take_next(struct cvn_sender *s)
{
    int rc = s->o.ops->next(s->o.ctx, &s->item);
    if (rc == CVN_OK) {
        s->point_putting = s->item->stored;
        return;
    }
    s->item = NULL;
    if (rc == CVN_NONE) {
        s->stopping = true;
        if (s->all_done_since == CVN_NEVER)
            s->all_done_since = s->now;
    }
}

void cvn_item_next(struct cvn_sender *s)
{
    if (s->digest.pending || s->point_put.pending)
        return; /* they still point at the item, or would overwrite its record */
    if (s->state == SENDER_BEGINNING) {
        request_start(s);
        return;
    }
    if (s->item != NULL && s->item_noted) {
        cvn_sender_news(s, CVN_NEWS_FINISHED, s->item->read, NULL);
        s->item = NULL;
        s->item_noted = false;
        cvn_sender_goto(s, SENDER_READY);
    }
    if (s->item == NULL && !s->stopping)
        take_next(s);
    if (s->item == NULL)
        return;
    if (s->item->outcome == CVN_OUTCOME_REFUSED)
        cvn_item_finish(s, CVN_OUTCOME_REFUSED); /* the link was lost before the peer let it go */
    else
        begin(s);
}

/* -------- data and points -------- */

static bool points_push(struct cvn_sender *s, struct cvn_point p)
{
    if (s->npoints == s->points_cap) {
        uint32_t cap = s->points_cap == 0 ? 8 : s->points_cap * 2;
        struct cvn_point *grown =
            cvn_resize(s->alloc, s->points, s->points_cap * sizeof *grown, cap * sizeof *grown);
        if (grown == NULL)
            return false;
        s->points = grown;
        s->points_cap = cap;
    }
    s->points[s->npoints++] = p;
    return true;
}

static void request_point(struct cvn_sender *s)
{
    struct cvn_x225_prim p;
    uint8_t note[32];
    struct cvn_wr w = cvn_wr_init(note, sizeof note);
    struct cvn_note n = {.offset = s->item->read};
    cvn_note_set(&n, CVN_NOTE_F_OFFSET);
    int rc = cvn_note_encode(&n, &w);
    assert(rc == CVN_OK);
    (void)rc;
    if (!points_push(s, (struct cvn_point){0, s->item->read})) {
        cvn_sender_over(s, CVN_VERDICT_MEMORY, "no memory for a synchronization point");
        return;
    }
    cvn_x225_prim_init(&p, CVN_S_SYNC_MINOR, CVN_REQUEST);
    p.data = (struct cvn_octets){note, w.len};
    if (cvn_sender_request(s, &p) != CVN_OK)
        return;
    s->points[s->npoints - 1].serial = p.serial;
    s->serial = p.serial;
    s->last_point = s->item->read;
    s->point_due = CVN_NEVER;
}

static void request_end(struct cvn_sender *s)
{
    struct cvn_x225_prim p;
    uint8_t note[128];
    struct cvn_wr w = cvn_wr_init(note, sizeof note);
    struct cvn_item *it = s->item;
    struct cvn_note n = {.offset = it->read, .size = it->read, .hash = it->hash};
    memcpy(n.transfer, it->transfer, CVN_ID);
    cvn_note_set(&n, CVN_NOTE_F_TRANSFER);
    if (s->continues) {
        cvn_note_set(&n, CVN_NOTE_F_CONTINUES);
        cvn_note_set(&n, CVN_NOTE_F_OFFSET);
    } else {
        cvn_note_set(&n, CVN_NOTE_F_SIZE);
        cvn_note_set(&n, CVN_NOTE_F_HASH);
        n.digest = (struct cvn_octets){it->digest, cvn_hash_octets(it->hash)};
    }
    int rc = cvn_note_encode(&n, &w);
    assert(rc == CVN_OK);
    (void)rc;
    cvn_x225_prim_init(&p, CVN_S_ACTIVITY_END, CVN_REQUEST);
    p.data = (struct cvn_octets){note, w.len};
    if (cvn_sender_request(s, &p) == CVN_OK)
        cvn_sender_goto(s, SENDER_ENDING);
}

/* Gives the activity up at the peer: for ever (discard), or for a while (interrupt). A discard
 * with the reason "sequence error" ends the activity only, and keeps what the peer has of it. */
static void give_up(struct cvn_sender *s, bool discard)
{
    struct cvn_x225_prim p;
    cvn_x225_prim_init(&p, discard ? CVN_S_ACTIVITY_DISCARD : CVN_S_ACTIVITY_INTERRUPT,
                       CVN_REQUEST);
    p.reason = discard && !s->want_discard ? CVN_REASON_SEQUENCE_ERROR : CVN_REASON_NONE;
    cvn_sender_goto(s, SENDER_GIVING_UP);
    (void)cvn_sender_request(s, &p);
}

static void fail_item(struct cvn_sender *s, int rc)
{
    if (rc == CVN_ENOMEM) { /* no fault of the item: it goes on when it is sent again */
        cvn_sender_over(s, CVN_VERDICT_MEMORY, "no memory to read a file");
        return;
    }
    s->item->outcome = rc == CVN_ECORRUPT ? CVN_OUTCOME_CHANGED : CVN_OUTCOME_LOCAL_IO;
    s->want_discard = true;
    s->want_rest = false;
    give_up(s, true);
}

static struct cvn_sender *of_digest(struct cvn_wait *w)
{
    return (struct cvn_sender *)(void *)((uint8_t *)w - offsetof(struct cvn_sender, digest));
}

static void digest_done(struct cvn_wait *w, int rc)
{
    struct cvn_sender *s = of_digest(w);
    w->pending = false;
    if (s->state == SENDER_OVER)
        return;
    s->item->digest_known = rc == CVN_OK;
    if (s->state == SENDER_DIGESTING) {
        if (rc != CVN_OK)
            fail_item(s, rc);
        else
            request_end(s);
    }
    cvn_sender_step(s);
    s->o.ops->moved(s->o.ctx);
}

static struct cvn_sender *of_point_put(struct cvn_wait *w)
{
    return (struct cvn_sender *)(void *)((uint8_t *)w - offsetof(struct cvn_sender, point_put));
}

static void ending_noted(struct cvn_wait *w, int rc)
{
    struct cvn_sender *s = of_point_put(w);
    w->pending = false;
    if (s->state == SENDER_OVER)
        return;
    if (rc != CVN_OK) {
        cvn_sender_over(s, CVN_VERDICT_STORE, "the state of the transfer could not be stored");
        return;
    }
    cvn_sender_step(s);
    s->o.ops->moved(s->o.ctx);
}

static void all_sent(struct cvn_sender *s)
{
    struct cvn_item *it = s->item;
    if (s->continues) {
        request_end(s);
        return;
    }
    if (!s->peer_ours && !it->ending) {
        if (s->point_put.pending)
            return; /* point_noted() steps again */
        it->ending = true;
        s->point_put.done = ending_noted;
        (void)cvn_item_put(s, &s->point_put, it);
        return;
    }
    if (!s->peer_ours && s->point_put.pending)
        return;
    if (it->digest_known || it->hash == CVN_HASH_NONE || it->kind != CVN_KIND_FILE) {
        request_end(s);
        return;
    }
    cvn_sender_goto(s, SENDER_DIGESTING);
    if (s->digest.pending)
        return;
    s->digest.done = digest_done;
    int rc = s->o.ops->digest(s->o.ctx, it, &s->digest);
    if (rc == CVN_OK)
        s->digest.pending = true;
    else
        fail_item(s, rc);
}

/* What the rate lets go at once: less is saved up, or every turn would send what a few
 * microseconds earn, in an SPDU of its own. */
static uint64_t rate_least(const struct cvn_sender *s)
{
    return s->o.rate / 100 + 1; /* 10 ms */
}

/* Octets that the rate lets go now. */
static uint64_t rate_room(struct cvn_sender *s)
{
    if (s->o.rate == 0)
        return UINT64_MAX;
    uint64_t burst = s->o.rate / 20 + 1; /* 50 ms */
    uint64_t ns = s->now - s->rate_at;
    uint64_t earned = ns > 1000000000ull ? burst : s->o.rate * (ns / 1000) / 1000000;
    if (earned > 0) {
        s->rate_left = s->rate_left + earned > burst ? burst : s->rate_left + earned;
        s->rate_at = s->now;
    }
    return s->rate_left < rate_least(s) ? 0 : s->rate_left;
}

static uint64_t least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* Octets between points: two to a window at least, or the link rests while one is confirmed. */
static uint64_t spacing(const struct cvn_sender *s)
{
    return least(s->o.spacing, s->peer_window < 2 ? 1 : s->peer_window / 2);
}

/* How much may be read and sent now. */
static uint64_t room(struct cvn_sender *s)
{
    const struct cvn_item *it = s->item;
    uint64_t n = BLOCK_MAX;
    if (s->peer_points) {
        n = least(n, spacing(s) - (it->read - s->last_point));
        uint64_t flying = it->read - it->confirmed.offset;
        n = s->peer_window == UINT64_MAX ? n
            : flying >= s->peer_window   ? 0
                                         : least(n, s->peer_window - flying);
    }
    return least(n, rate_room(s));
}

static void count_sent(struct cvn_sender *s, uint64_t n)
{
    struct cvn_item *it = s->item;
    if (it->read < it->furthest)
        it->twice += least(it->furthest - it->read, n);
    it->read += n;
    if (it->read > it->furthest)
        it->furthest = it->read;
    s->counts.sent += n;
    if (s->o.rate != 0)
        s->rate_left -= least(s->rate_left, n);
    if (s->point_due == CVN_NEVER)
        s->point_due = s->now + CVN_SPACING_NS;
}

/* One block from the source onto the link. False: nothing more can be done now. */
static bool send_block(struct cvn_sender *s, uint64_t max)
{
    struct cvn_x225_prim p;
    struct cvn_ref *owner = NULL;
    struct cvn_octets block = {NULL, 0};
    int rc = s->o.ops->read(s->o.ctx, s->item, s->item->read, (size_t)max, &owner, &block);
    if (rc == CVN_MORE) {
        s->starved = true;
        return false;
    }
    if (rc == CVN_NONE) {
        s->at_end = true;
        return true;
    }
    if (rc != CVN_OK) {
        fail_item(s, rc);
        return false;
    }
    cvn_x225_prim_init(&p, CVN_S_DATA, CVN_REQUEST);
    p.data = block;
    p.owner = owner;
    p.begin = true;
    p.end = true;
    rc = cvn_sender_request(s, &p);
    cvn_ref_drop(owner);
    if (rc != CVN_OK)
        return false;
    count_sent(s, block.n);
    return true;
}

static bool point_is_due(const struct cvn_sender *s)
{
    const struct cvn_item *it = s->item;
    return s->peer_points && it->read > s->last_point &&
           (it->read - s->last_point >= spacing(s) || s->now >= s->point_due);
}

void cvn_item_pump(struct cvn_sender *s)
{
    if (s->state == SENDER_SENDING && s->item->outcome != CVN_OUTCOME_OPEN) {
        s->want_discard = true; /* it was to be discarded when the link was lost */
        s->want_rest = false;
        give_up(s, true);
    }
    while (s->state == SENDER_SENDING && cvn_sc_out_octets(s->sc) < OUT_ENOUGH) {
        if (s->at_end) {
            all_sent(s);
            return;
        }
        if (point_is_due(s)) {
            request_point(s);
            continue;
        }
        if (s->peer_points && s->serial >= s->o.points_max && s->item->read == s->last_point) {
            s->continues = true;
            s->at_end = true;
            continue;
        }
        uint64_t max = room(s);
        if (max == 0 || s->starved || !send_block(s, max))
            return;
    }
}

cvn_time cvn_item_deadline(const struct cvn_sender *s)
{
    cvn_time t = CVN_NEVER;
    if (s->item != NULL && s->peer_points && !s->at_end && s->item->read > s->last_point)
        t = s->point_due;
    if (s->o.rate != 0 && !s->at_end && s->rate_left < rate_least(s)) {
        cvn_time more = s->rate_at + 10000000; /* 10 ms */
        t = more < t ? more : t;
    }
    return t;
}

/* -------- confirmations and exceptions -------- */

static void point_noted(struct cvn_wait *w, int rc)
{
    struct cvn_sender *s = of_point_put(w);
    w->pending = false;
    if (s->state == SENDER_OVER)
        return;
    if (rc != CVN_OK) {
        cvn_sender_over(s, CVN_VERDICT_STORE, "the state of the transfer could not be stored");
        return;
    }
    if (s->item != NULL && (s->state == SENDER_SENDING || s->state == SENDER_DIGESTING))
        note_point(s);
    cvn_sender_step(s);
    s->o.ops->moved(s->o.ctx);
}

/* The item's record, if it says less than is confirmed. */
static void note_point(struct cvn_sender *s)
{
    const struct cvn_point *at = &s->item->stored;
    if (s->point_put.pending ||
        (at->serial == s->point_putting.serial && at->offset == s->point_putting.offset))
        return;
    s->point_putting = *at;
    s->point_put.done = point_noted;
    (void)cvn_item_put(s, &s->point_put, s->item);
}

void cvn_item_confirmed(struct cvn_sender *s, uint32_t serial)
{
    struct cvn_item *it = s->item;
    uint32_t n = 0;
    if (it == NULL || !s->item_started)
        return;
    while (n < s->npoints && s->points[n].serial <= serial)
        it->confirmed = s->points[n++];
    if (n == 0)
        return;
    s->npoints -= n;
    memmove(s->points, s->points + n, s->npoints * sizeof *s->points);
    it->stored = it->confirmed;
    s->dead_after = s->o.dead_after;
    s->rest_for = 0;
    s->o.ops->forget(s->o.ctx, it, it->confirmed.offset);
    cvn_sender_news(s, CVN_NEWS_CONFIRMED, it->confirmed.offset, NULL);
    if (s->state != SENDER_ENDING)
        note_point(s);
}

void cvn_item_finish(struct cvn_sender *s, enum cvn_outcome o)
{
    struct cvn_item *it = s->item;
    it->outcome = o;
    it->committed = o == CVN_OUTCOME_COMMITTED;
    s->item_noted = true;
    s->item_started = false;
    s->npoints = 0;
    if (cvn_item_put(s, &s->put, it->committed ? it : NULL) == CVN_OK)
        cvn_sender_goto(s, SENDER_NOTING);
}

void cvn_item_ended(struct cvn_sender *s)
{
    struct cvn_item *it = s->item;
    if (s->state != SENDER_ENDING)
        return;
    s->npoints = 0;
    s->item_started = false;
    it->confirmed.offset = it->read;
    s->o.ops->forget(s->o.ctx, it, it->read);
    cvn_sender_news(s, CVN_NEWS_CONFIRMED, it->read, NULL);
    if (!s->continues) {
        cvn_item_finish(s, CVN_OUTCOME_COMMITTED);
        return;
    }
    it->part++;
    it->part_offset = it->read;
    it->stored = (struct cvn_point){0, it->read};
    it->name_of.id_len = 0;
    s->continues = false;
    cvn_sender_goto(s, SENDER_READY);
}

static void note_text(struct cvn_item *it, const struct cvn_note *n)
{
    size_t len = n->text.n < sizeof it->text - 1 ? n->text.n : sizeof it->text - 1;
    if (len > 0)
        memcpy(it->text, n->text.p, len);
    it->text[len] = '\0';
}

/* From which point the item may go on, as the receiver told. */
static void heed_point(struct cvn_item *it, const struct cvn_note *n)
{
    it->part = n->part;
    it->part_offset = n->part_offset;
    it->stored = (struct cvn_point){0, n->part_offset};
    if (cvn_note_has(n, CVN_NOTE_F_POINT))
        it->stored = (struct cvn_point){n->point_serial, n->point_offset};
}

/* A stranger refuses to resume what it may have: its end was asked, and the answer lost. */
static void end_unknown(struct cvn_sender *s)
{
    struct cvn_item *it = s->item;
    if (!s->o.again) {
        cvn_sender_over(s, CVN_VERDICT_SUSPENDED, unknown_text);
        return;
    }
    it->stored = (struct cvn_point){0, 0};
    it->part = 0;
    it->part_offset = 0;
    it->ending = false;
    s->want_rest = false;
    s->want_discard = false;
    give_up(s, true); /* and then started anew */
}

/* What the report says, or what its reason code means when a stranger sent it. */
static struct cvn_note read_report(const struct cvn_x225_prim *p)
{
    struct cvn_note n;
    if (cvn_note_decode(&n, p->data) == CVN_OK && n.ours)
        return n;
    bool may_pass =
        p->reason == CVN_REASON_RECEIVING_JEOPARDIZED || p->reason == CVN_REASON_LOCAL_ERROR;
    return (struct cvn_note){.trouble = may_pass ? CVN_TROUBLE_BUSY : CVN_TROUBLE_UNKNOWN};
}

static bool may_pass(uint8_t trouble)
{
    return trouble == CVN_TROUBLE_NO_SPACE || trouble == CVN_TROUBLE_BUSY ||
           trouble == CVN_TROUBLE_IO;
}

void cvn_item_exception(struct cvn_sender *s, const struct cvn_x225_prim *p)
{
    struct cvn_item *it = s->item;
    if (it == NULL || !s->item_started || s->state == SENDER_GIVING_UP)
        return;
    struct cvn_note n = read_report(p);
    if (s->end_unknown && !n.ours && !may_pass(n.trouble)) {
        end_unknown(s);
        return;
    }
    it->trouble = n.trouble;
    note_text(it, &n);
    s->want_rest = may_pass(n.trouble);
    s->want_discard = n.trouble != CVN_TROUBLE_UNFIT_RESUME && !s->want_rest;
    bool further = cvn_note_has(&n, CVN_NOTE_F_POINT) && n.point_part == it->part &&
                   n.point_serial > it->stored.serial;
    if (n.trouble == CVN_TROUBLE_UNFIT_RESUME || (s->want_rest && further))
        heed_point(it, &n);
    if (s->want_discard)
        it->outcome = CVN_OUTCOME_REFUSED;
    give_up(s, !s->want_rest);
}

void cvn_item_given_up(struct cvn_sender *s)
{
    if (s->state != SENDER_GIVING_UP)
        return;
    s->item_started = false;
    s->npoints = 0;
    if (s->want_discard) {
        cvn_item_finish(s, s->item->outcome);
        return;
    }
    if (!s->want_rest) {
        cvn_sender_goto(s, SENDER_READY);
        return;
    }
    s->rest_for = s->rest_for == 0 ? REST_FIRST : s->rest_for * 2;
    s->rest_for = s->rest_for > REST_MAX ? REST_MAX : s->rest_for;
    s->rest_until = s->now + s->rest_for;
    cvn_sender_goto(s, SENDER_RESTING);
    cvn_sender_news(s, CVN_NEWS_WAITING, 0, s->item->text);
}

void cvn_item_link_lost(struct cvn_sender *s)
{
    s->item_started = false;
    s->npoints = 0;
    s->continues = false;
    s->answered = false;
}
