/* SPDX-License-Identifier: MIT */
/*
 * receive - one session connection to an inbox: answers S-CONNECT, follows
 * activities, writes data, and confirms what the inbox says is durable.
 *
 * Invariants
 *   I1  while wait != WAIT_NOTHING no octets are taken from the link; the deferred primitive
 *       has its own, for those of the link may be gone before it is its turn.
 *   I2  item->holder == this receiver exactly while its activity is open here.
 *   I3  a confirmation goes out only from cvn_receiver_durable(), cvn_receiver_part_ended() and
 *       cvn_receiver_committed(), or for an item that was committed before (ignore).
 *   I4  once closing is set nothing is taken from the link any more.
 *   I5  S-CONNECT is accepted when the session's beginning is durable, S-RELEASE is answered
 *       when its end is: a receiver that dies knows of each session that its peer has open, and
 *       of no other.
 */
#include "session/receive.h"

#include <assert.h>
#include <string.h>

#include "base/rd.h"
#include "session/receive_i.h"

#define UNITS          (CVN_FU_HALF_DUPLEX | CVN_FU_MINOR_SYNC | CVN_FU_ACTIVITY | CVN_FU_EXCEPTIONS)
#define REPORT_MAX     256u
#define CONNECT_WITHIN 30000000000ull /* of accepting the stream */

int cvn_receiver_new(struct cvn_receiver **out, struct cvn_inbox *b,
                     const struct cvn_receiver_ops *ops, void *ctx, struct cvn_octets ssel,
                     const char *peer, cvn_time now)
{
    struct cvn_sc_opts o = {.alloc = b->alloc, .initiator = false, .reference = 1};
    struct cvn_receiver *r = cvn_new(b->alloc, sizeof *r);
    if (r == NULL)
        return CVN_ENOMEM;
    r->alloc = b->alloc;
    r->inbox = b;
    r->ops = ops;
    r->ctx = ctx;
    r->ssel = ssel;
    r->peer = peer;
    r->now = now;
    r->began = now;
    int rc = cvn_sc_new(&r->sc, &o);
    if (rc != CVN_OK) {
        cvn_free(b->alloc, r, sizeof *r);
        return rc;
    }
    *out = r;
    return CVN_OK;
}

static void detach(struct cvn_receiver *r)
{
    if (r->item != NULL)
        r->item->holder = NULL;
    r->item = NULL;
    if (r->waiting_for != NULL)
        r->waiting_for->waiter = NULL;
    r->waiting_for = NULL;
    r->wait = WAIT_NOTHING;
    cvn_free(r->alloc, r->kept, r->kept_size);
    r->kept = NULL;
    r->kept_size = 0;
}

void cvn_receiver_free(struct cvn_receiver *r)
{
    if (r == NULL)
        return;
    detach(r);
    if (r->session != NULL)
        r->session->holder = NULL;
    cvn_sc_free(r->sc);
    cvn_free(r->alloc, r, sizeof *r);
}

static int say(struct cvn_receiver *r, struct cvn_x225_prim *p)
{
    r->ops->primitive(r->ctx, p, true);
    int rc = cvn_sc_request(r->sc, p, r->now);
    r->ops->flush(r->ctx);
    return rc;
}

/* The link is of no more use; what became of the session is known. */
static void close_link(struct cvn_receiver *r)
{
    r->closing = true;
    r->ops->flush(r->ctx);
}

/* The session goes on without this link, if it can. */
static void lost(struct cvn_receiver *r, const char *why)
{
    struct session *s = r->session;
    detach(r);
    r->session = NULL;
    if (s != NULL) {
        s->holder = NULL;
        if (r->open)
            cvn_inbox_news(r->inbox, CVN_INBOX_SUSPENDED, r, NULL, 0, why);
        if (r->nameless) /* nobody can come back to it */
            cvn_inbox_session_aborted(r->inbox, s);
    }
    r->open = false;
    close_link(r);
}

/* And the link is to be closed whatever is left to send. */
static void lose(struct cvn_receiver *r, const char *why)
{
    lost(r, why);
    r->ops->hang_up(r->ctx);
}

static void no_memory(struct cvn_receiver *r)
{
    lose(r, "no memory");
}

/* -------- S-CONNECT -------- */

static void refuse(struct cvn_receiver *r, uint8_t result, const char *why)
{
    struct cvn_x225_prim p;
    uint8_t data[200];
    struct cvn_wr w = cvn_wr_init(data, sizeof data);
    struct cvn_note n = {.text = {(const uint8_t *)why, strlen(why)}};
    cvn_x225_prim_init(&p, CVN_S_CONNECT, CVN_RESPONSE);
    p.result = result;
    if (result == CVN_RF_USER_DATA) {
        cvn_note_set(&n, CVN_NOTE_F_TEXT);
        if (cvn_note_encode(&n, &w) == CVN_OK)
            p.data = (struct cvn_octets){data, w.len};
    }
    cvn_inbox_news(r->inbox, CVN_INBOX_REFUSED, r, NULL, 0, why);
    (void)!say(r, &p);
    close_link(r);
}

/* A session id is the calling reference if that has its size, else made of it. */
static void session_id(const struct cvn_x225_prim *p, uint8_t id[CVN_ID], uint32_t *epoch)
{
    struct cvn_rd a = cvn_rd_init(p->id.additional.p, p->id.additional.n);
    memset(id, 0, CVN_ID);
    size_t n = p->id.calling.n < CVN_ID ? p->id.calling.n : CVN_ID;
    if (n > 0)
        memcpy(id, p->id.calling.p, n);
    *epoch = cvn_rd_be32(&a);
}

/* A newer connection has taken what this one had. */
static void drop(struct cvn_receiver *old)
{
    detach(old);
    if (old->session != NULL)
        old->session->holder = NULL;
    old->session = NULL;
    old->open = false;
    old->closing = true;
    old->ops->hang_up(old->ctx);
}

/* False: it was refused. */
static bool admit(struct cvn_receiver *r, const struct cvn_x225_prim *p)
{
    uint8_t id[CVN_ID];
    uint32_t epoch;
    if (r->ssel.n > 0 &&
        (p->called.n != r->ssel.n || memcmp(p->called.p, r->ssel.p, r->ssel.n) != 0)) {
        refuse(r, CVN_RF_SELECTOR_UNKNOWN, "no service of that name (selector)");
        return false;
    }
    session_id(p, id, &epoch);
    if (!r->ours)
        epoch = 0; /* a stranger's additional reference need not count anything */
    if (p->id.calling.n == 0) {
        r->inbox->o.ops->random(r->inbox->o.ctx, id, CVN_ID);
        r->nameless = true;
    }
    bool later;
    struct session *s = cvn_inbox_session(r->inbox, id, epoch, &later);
    if (s == NULL) {
        if (later)
            refuse(r, CVN_RF_USER_DATA, "a later connection of this session was here");
        else
            refuse(r, CVN_RF_USER_CONGESTION, "no memory for a session");
        return false;
    }
    if (s->holder != NULL)
        drop(s->holder);
    s->holder = r;
    r->session = s;
    r->admitted = true;
    r->connection = cvn_pair_of(&p->id);
    return true;
}

static void answer_state(struct cvn_note *n, const struct transfer *t)
{
    cvn_note_set(n, CVN_NOTE_F_STATE);
    n->state = t == NULL ? CVN_TRANSFER_UNKNOWN : t->t.state;
    if (t == NULL)
        return;
    struct cvn_place at = t->durable;
    if (t->t.state == CVN_TRANSFER_COMMITTED) {
        at.offset = t->t.written;
        at.serial = at.serial == 0 ? 1 : at.serial;
    }
    memcpy(n->transfer, t->t.id, CVN_ID);
    cvn_note_set(n, CVN_NOTE_F_TRANSFER);
    n->part = t->part;
    n->part_offset = t->part_offset;
    cvn_note_set(n, CVN_NOTE_F_PART);
    if (at.serial > 0) {
        n->point_part = at.part;
        n->point_serial = at.serial;
        n->point_offset = at.offset;
        cvn_note_set(n, CVN_NOTE_F_POINT);
    }
}

static void accept_connect(struct cvn_receiver *r, const struct cvn_x225_prim *ind)
{
    struct cvn_x225_prim p;
    struct cvn_note asked;
    uint8_t data[CVN_NOTE_STRANGER_MAX];
    struct cvn_wr w = cvn_wr_init(data, sizeof data);
    cvn_x225_prim_init(&p, CVN_S_CONNECT, CVN_RESPONSE);
    p.result = CVN_RESULT_ACCEPT;
    p.units = UNITS & ind->units;
    if ((ind->units & CVN_FU_HALF_DUPLEX) == 0 || (ind->units & CVN_FU_ACTIVITY) == 0) {
        refuse(r, CVN_RF_USER_DATA, "files need half-duplex and activity management");
        return;
    }
    if (ind->has_token_setting) {
        p.has_token_setting = true; /* where the choice is ours: with the initiator */
        p.token_setting = ind->token_setting & 0x55u;
    }
    if (cvn_note_decode(&asked, ind->data) == CVN_OK && asked.ours) {
        struct cvn_note n = {.version = CVN_NOTE_VERSION, .window = r->inbox->o.window};
        cvn_note_set(&n, CVN_NOTE_F_VERSION);
        if (n.window != 0)
            cvn_note_set(&n, CVN_NOTE_F_WINDOW);
        if (cvn_note_has(&asked, CVN_NOTE_F_TRANSFER))
            answer_state(&n, cvn_inbox_find(r->inbox, asked.transfer));
        int rc = cvn_note_encode(&n, &w);
        assert(rc == CVN_OK);
        (void)rc;
        p.data = (struct cvn_octets){data, w.len};
    }
    if (say(r, &p) != CVN_OK) {
        close_link(r);
        return;
    }
    r->open = true;
    cvn_inbox_news(r->inbox, CVN_INBOX_OPENED, r, NULL, 0, NULL);
}

/* -------- waiting -------- */

/* I1. False: no memory, and the link is given up. */
static bool keep(struct cvn_receiver *r, enum receiver_wait w, const struct cvn_x225_prim *p)
{
    struct cvn_x225_prim d = *p;
    struct cvn_octets *const slices[] = {
        &d.id.calling, &d.id.called, &d.id.common,    &d.id.additional, &d.calling,
        &d.called,     &d.activity,  &d.old_activity, &d.reflected,     &d.data};
    size_t size = 1;
    for (size_t i = 0; i < sizeof slices / sizeof slices[0]; i++)
        size += slices[i]->n;
    uint8_t *to = cvn_resize(r->alloc, NULL, 0, size);
    if (to == NULL) {
        no_memory(r);
        return false;
    }
    assert(r->kept == NULL);
    r->kept = to;
    r->kept_size = size;
    for (size_t i = 0; i < sizeof slices / sizeof slices[0]; i++) {
        if (slices[i]->n > 0) {
            memcpy(to, slices[i]->p, slices[i]->n);
            slices[i]->p = to;
            to += slices[i]->n;
        }
    }
    r->wait = w;
    r->deferred = d;
    return true;
}

static void defer(struct cvn_receiver *r, enum receiver_wait w, const struct cvn_x225_prim *p,
                  struct transfer *t)
{
    if (!keep(r, w, p))
        return;
    r->waiting_for = t;
    if (t->waiter != NULL && t->waiter != r) /* an older connection's wait is void */
        lose(t->waiter, "another connection took its transfer over");
    t->waiter = r;
}

static void connect_indication(struct cvn_receiver *r, const struct cvn_x225_prim *p)
{
    struct cvn_note n;
    if (cvn_note_decode(&n, p->data) != CVN_OK) {
        refuse(r, CVN_RF_USER_DATA, "the user data of S-CONNECT is malformed");
        return;
    }
    r->ours = n.ours;
    if (!admit(r, p))
        return;
    (void)keep(r, WAIT_SESSION, p); /* I5; cvn_receiver_opened() goes on */
}

/* The session is known durably: what is the state of the transfer that was asked for? */
static void connect_known(struct cvn_receiver *r, const struct cvn_x225_prim *p)
{
    struct cvn_note n;
    struct transfer *t = NULL;
    if (cvn_note_decode(&n, p->data) == CVN_OK && cvn_note_has(&n, CVN_NOTE_F_TRANSFER))
        t = cvn_inbox_find(r->inbox, n.transfer);
    if (t != NULL && t->holder != NULL) /* the same transfer on an older connection */
        lose(t->holder, "another connection took its transfer over");
    if (t != NULL && t->op != OP_NONE)
        defer(r, WAIT_CONNECT, p, t);
    else
        accept_connect(r, p);
}

void cvn_receiver_opened(struct cvn_receiver *r)
{
    if (r->wait == WAIT_SESSION)
        cvn_receiver_go_on(r);
}

/* -------- activities -------- */

/* What may be otherwise in a while. */
static bool passes(uint8_t trouble)
{
    return trouble == CVN_TROUBLE_NO_SPACE || trouble == CVN_TROUBLE_BUSY ||
           trouble == CVN_TROUBLE_IO;
}

static void report(struct cvn_receiver *r, uint8_t trouble, const struct transfer *t)
{
    struct cvn_x225_prim p;
    uint8_t data[REPORT_MAX];
    struct cvn_wr w = cvn_wr_init(data, sizeof data);
    const char *text = cvn_trouble_text(trouble);
    struct cvn_note n = {.trouble = trouble, .text = {(const uint8_t *)text, strlen(text)}};
    if (t != NULL)
        answer_state(&n, t);
    cvn_note_set(&n, CVN_NOTE_F_TROUBLE);
    cvn_note_set(&n, CVN_NOTE_F_TEXT);
    int rc = cvn_note_encode(&n, &w);
    assert(rc == CVN_OK);
    (void)rc;
    cvn_x225_prim_init(&p, CVN_S_U_EXCEPTION_REPORT, CVN_REQUEST);
    p.reason = passes(trouble) ? CVN_REASON_RECEIVING_JEOPARDIZED : CVN_REASON_LOCAL_ERROR;
    if (trouble == CVN_TROUBLE_UNFIT_RESUME)
        p.reason = CVN_REASON_SEQUENCE_ERROR;
    p.data = (struct cvn_octets){data, w.len};
    cvn_inbox_note_worst(r->inbox, trouble);
    cvn_inbox_news(r->inbox, CVN_INBOX_TROUBLE, r, t, 0, text);
    if (say(r, &p) != CVN_OK) { /* the exceptions unit is missing: nothing else is left */
        cvn_x225_prim_init(&p, CVN_S_U_ABORT, CVN_REQUEST);
        (void)!say(r, &p);
        close_link(r);
    }
}

void cvn_receiver_trouble(struct cvn_receiver *r, uint8_t trouble)
{
    report(r, trouble, r->item);
}

static void hold(struct cvn_receiver *r, struct transfer *t)
{
    if (t->holder != NULL && t->holder != r)
        lose(t->holder, "another connection took its transfer over");
    t->holder = r;
    r->item = t;
    r->ignore = t->t.state == CVN_TRANSFER_COMMITTED;
    memcpy(t->session, r->session->id, CVN_ID);
}

static int describe(struct cvn_receiver *r, struct transfer *t, struct cvn_note *n,
                    const struct cvn_x225_prim *p)
{
    uint8_t name[2 * CVN_REFERENCE_MAX + 2 * CVN_ACTIVITY_MAX + 1];
    if (!cvn_note_has(n, CVN_NOTE_F_NAME)) {
        if (t->t.name.p != NULL)
            return CVN_OK;
        struct cvn_octets ref = {r->connection.octets + 1, r->connection.octets[0]};
        n->name = (struct cvn_octets){name, cvn_pair_name(name, ref, p->activity)};
    }
    return cvn_transfer_describe(t, n);
}

static uint8_t may_begin(struct cvn_receiver *r, struct transfer *t, uint64_t had)
{
    struct cvn_inbox *b = r->inbox;
    uint64_t all = cvn_inbox_octets(b);
    if (t->t.name.n == 0 || t->t.name.n > CVN_NAME_MAX)
        return CVN_TROUBLE_NAME;
    if (b->o.max_octets != 0 && all > had && all > b->o.max_octets)
        return CVN_TROUBLE_TOO_BIG;
    return b->o.depot_ops->check(b->o.depot, &t->t);
}

static uint32_t part_of(const struct cvn_note *n)
{
    return cvn_note_has(n, CVN_NOTE_F_PART) ? n->part : 0;
}

static bool part_fits(const struct transfer *t, const struct cvn_note *n)
{
    uint32_t part = part_of(n);
    return part == 0 || (part == t->part && n->part_offset == t->part_offset);
}

/* The sender is told the last durable point, and goes on there or begins anew. */
static void unfit(struct cvn_receiver *r, struct transfer *t)
{
    t->only_detach = true;
    t->failed = true;
    report(r, CVN_TROUBLE_UNFIT_RESUME, t);
}

static void begin_activity(struct cvn_receiver *r, struct transfer *t, struct cvn_note *n,
                           const struct cvn_x225_prim *p)
{
    struct pair named = cvn_pair_with(r->connection, p->activity);
    hold(r, t);
    cvn_inbox_forget_committed(r->inbox, r->session->id, t);
    if (r->ignore) {
        cvn_inbox_news(r->inbox, CVN_INBOX_RESUMED, r, t, t->t.written, NULL);
        return;
    }
    if (describe(r, t, n, p) != CVN_OK || cvn_transfer_add_pair(t, &named) != CVN_OK) {
        no_memory(r);
        return;
    }
    uint32_t part = part_of(n);
    if (!part_fits(t, n)) {
        unfit(r, t);
        return;
    }
    uint64_t offset = part == 0 ? 0 : n->part_offset;
    uint8_t trouble = may_begin(r, t, 0);
    if (trouble == CVN_TROUBLE_NONE)
        trouble = cvn_transfer_begin(t, part, offset);
    if (trouble == CVN_TROUBLE_UNFIT_RESUME) {
        cvn_transfer_void(t);
        unfit(r, t);
    } else if (trouble != CVN_TROUBLE_NONE) {
        t->failed = true;
        report(r, trouble, t);
    } else {
        cvn_inbox_news(r->inbox, CVN_INBOX_STARTED, r, t, offset, NULL);
    }
}

static void start_indication(struct cvn_receiver *r, const struct cvn_x225_prim *p)
{
    struct cvn_note n;
    uint8_t id[CVN_ID];
    struct transfer *t = NULL;
    if (cvn_note_decode(&n, p->data) != CVN_OK)
        n = (struct cvn_note){.ours = false};
    if (n.ours && cvn_note_has(&n, CVN_NOTE_F_TRANSFER)) {
        memcpy(id, n.transfer, CVN_ID);
        t = cvn_inbox_find_going(r->inbox, id);
        if (t != NULL) { /* its removal must not meet the new one */
            defer(r, WAIT_START, p, t);
            return;
        }
        t = cvn_inbox_find(r->inbox, id);
    } else {
        r->inbox->o.ops->random(r->inbox->o.ctx, id, CVN_ID);
    }
    if (t != NULL && (t->op != OP_NONE || (t->t.state == CVN_TRANSFER_RECEIVING &&
                                           part_fits(t, &n) && cvn_transfer_forget(t, 0)))) {
        defer(r, WAIT_START, p, t);
        return;
    }
    if (t == NULL)
        t = cvn_inbox_add(r->inbox, id);
    if (t == NULL) {
        no_memory(r);
        return;
    }
    begin_activity(r, t, &n, p);
}

/* Nothing is known of what is to be resumed: an activity of its own that only takes the refusal. */
static void resume_unknown(struct cvn_receiver *r)
{
    r->item = NULL;
    r->ignore = true;
    report(r, CVN_TROUBLE_UNFIT_RESUME, NULL);
}

static bool fits(struct transfer *t, uint32_t serial, struct cvn_place *at)
{
    if (t->inbox->o.plant_resume_late && serial > 1)
        serial--;
    if (serial == t->durable.serial && serial != 0) {
        *at = t->durable;
        return true;
    }
    return serial != 0 && serial < t->durable.serial && cvn_transfer_point(t, serial, at) == CVN_OK;
}

static bool resume_fits(struct transfer *t, const struct cvn_note *n, uint32_t serial,
                        struct cvn_place *at)
{
    return (!n->ours || part_of(n) == t->part) && fits(t, serial, at);
}

static void resume_activity(struct cvn_receiver *r, struct transfer *t, struct cvn_note *n,
                            const struct cvn_x225_prim *p)
{
    struct cvn_place at;
    struct pair named = cvn_pair_with(r->connection, p->activity);
    hold(r, t);
    cvn_inbox_forget_committed(r->inbox, r->session->id, t);
    if (r->ignore) {
        cvn_inbox_news(r->inbox, CVN_INBOX_RESUMED, r, t, t->t.written, NULL);
        return;
    }
    if (cvn_transfer_add_pair(t, &named) != CVN_OK) {
        no_memory(r);
        return;
    }
    if (!resume_fits(t, n, p->serial, &at)) {
        unfit(r, t);
        return;
    }
    uint8_t trouble = cvn_transfer_back(t, at);
    if (trouble == CVN_TROUBLE_UNFIT_RESUME) {
        cvn_transfer_void(t);
        unfit(r, t);
    } else if (trouble != CVN_TROUBLE_NONE) {
        t->failed = true;
        t->only_detach = false;
        report(r, trouble, t);
    } else {
        cvn_inbox_news(r->inbox, CVN_INBOX_RESUMED, r, t, at.offset, NULL);
    }
}

static void resume_indication(struct cvn_receiver *r, const struct cvn_x225_prim *p)
{
    struct cvn_note n;
    struct transfer *t = NULL;
    if (cvn_note_decode(&n, p->data) != CVN_OK)
        n = (struct cvn_note){.ours = false};
    if (n.ours && cvn_note_has(&n, CVN_NOTE_F_TRANSFER)) {
        t = cvn_inbox_find(r->inbox, n.transfer);
    } else {
        bool same = p->id.calling.p == NULL && p->id.common.p == NULL;
        struct pair named =
            cvn_pair_with(same ? r->connection : cvn_pair_of(&p->id), p->old_activity);
        t = cvn_inbox_find_pair(r->inbox, &named);
    }
    struct cvn_place at;
    if (t == NULL)
        resume_unknown(r);
    else if (t->op != OP_NONE ||
             (t->t.state == CVN_TRANSFER_RECEIVING && resume_fits(t, &n, p->serial, &at) &&
              cvn_transfer_forget(t, at.serial)))
        defer(r, WAIT_RESUME, p, t);
    else
        resume_activity(r, t, &n, p);
}

void cvn_receiver_go_on(struct cvn_receiver *r)
{
    struct cvn_x225_prim p = r->deferred;
    enum receiver_wait w = r->wait;
    uint8_t *kept = r->kept;
    size_t kept_size = r->kept_size;
    r->wait = WAIT_NOTHING;
    r->waiting_for = NULL;
    r->kept = NULL;
    r->kept_size = 0;
    switch (w) {
    case WAIT_SESSION:
        connect_known(r, &p);
        break;
    case WAIT_CONNECT:
        accept_connect(r, &p);
        break;
    case WAIT_START:
        start_indication(r, &p);
        break;
    case WAIT_RESUME:
        resume_indication(r, &p);
        break;
    case WAIT_NOTHING:
        break;
    }
    cvn_free(r->alloc, kept, kept_size);
    if (r->wait == WAIT_NOTHING)
        r->ops->resume(r->ctx);
}

/* -------- data, points, ends -------- */

static void data_trouble(struct cvn_receiver *r, uint8_t trouble)
{
    struct transfer *t = r->item;
    if (trouble == CVN_TROUBLE_NONE)
        return;
    cvn_transfer_fail(t);
    if (t->op != OP_NONE)
        t->owed = trouble; /* told with the point that is becoming durable now */
    else
        report(r, trouble, t);
}

/* Writes what was gathered. */
static void write_gathered(struct cvn_receiver *r)
{
    struct gather *g = r->gather;
    const struct cvn_depot_ops *ops = r->inbox->o.depot_ops;
    void *depot = r->inbox->o.depot;
    uint8_t trouble = CVN_TROUBLE_NONE;
    if (g == NULL || g->n == 0)
        return;
    assert(r->item != NULL && !r->item->failed); /* what ends it comes behind its data */
    if (ops->write_all != NULL)
        trouble = ops->write_all(depot, &r->item->t, g->slice, g->n);
    for (size_t i = 0; ops->write_all == NULL && i < g->n && trouble == CVN_TROUBLE_NONE; i++)
        trouble = ops->write(depot, &r->item->t, g->slice[i]);
    g->n = 0;
    g->octets = 0;
    data_trouble(r, trouble);
}

/* Whether these octets may still come, behind what was gathered. */
static uint8_t may_write(const struct cvn_receiver *r, size_t n)
{
    const struct cvn_inbox *b = r->inbox;
    const struct cvn_transfer *t = &r->item->t;
    uint64_t more = (r->gather == NULL ? 0 : r->gather->octets) + n;
    if (t->size_known)
        return t->written + more > t->size ? CVN_TROUBLE_SIZE : CVN_TROUBLE_NONE;
    return b->o.max_octets != 0 && cvn_inbox_octets(b) + more > b->o.max_octets
               ? CVN_TROUBLE_TOO_BIG
               : CVN_TROUBLE_NONE;
}

static void data(struct cvn_receiver *r, struct cvn_octets d)
{
    struct gather *g = r->gather;
    if (r->item == NULL || r->ignore || r->item->failed || d.n == 0)
        return;
    uint8_t trouble = may_write(r, d.n);
    bool stays = g != NULL && d.p >= g->from && d.p + d.n <= g->to;
    if (trouble != CVN_TROUBLE_NONE || !stays || g->n == GATHER_MAX)
        write_gathered(r);
    if (r->item->failed)
        return;
    if (trouble == CVN_TROUBLE_NONE && stays) {
        g->slice[g->n++] = d;
        g->octets += d.n;
        return;
    }
    if (trouble == CVN_TROUBLE_NONE)
        trouble = r->inbox->o.depot_ops->write(r->inbox->o.depot, &r->item->t, d);
    data_trouble(r, trouble);
}

static void confirm_point(struct cvn_receiver *r, uint32_t serial)
{
    struct cvn_x225_prim p;
    cvn_x225_prim_init(&p, CVN_S_SYNC_MINOR, CVN_RESPONSE);
    p.serial = serial;
    if (say(r, &p) != CVN_OK)
        close_link(r);
}

void cvn_receiver_durable(struct cvn_receiver *r, struct cvn_place p)
{
    cvn_inbox_news(r->inbox, CVN_INBOX_CONFIRMED, r, r->item, p.offset, NULL);
    confirm_point(r, p.serial);
}

static void confirm_end(struct cvn_receiver *r)
{
    struct cvn_x225_prim p;
    cvn_x225_prim_init(&p, CVN_S_ACTIVITY_END, CVN_RESPONSE);
    if (say(r, &p) != CVN_OK)
        close_link(r);
}

void cvn_receiver_part_ended(struct cvn_receiver *r)
{
    struct transfer *t = r->item;
    r->item = NULL;
    t->holder = NULL;
    cvn_inbox_news(r->inbox, CVN_INBOX_CONFIRMED, r, t, t->t.written, NULL);
    confirm_end(r);
}

void cvn_receiver_committed(struct cvn_receiver *r)
{
    struct transfer *t = r->item;
    r->item = NULL;
    t->holder = NULL;
    cvn_inbox_news(r->inbox, CVN_INBOX_COMMITTED, r, t, t->t.written, NULL);
    confirm_end(r);
}

static void point_indication(struct cvn_receiver *r, const struct cvn_x225_prim *p)
{
    struct transfer *t = r->item;
    struct cvn_note n;
    if (r->ignore) {
        confirm_point(r, p->serial);
        return;
    }
    if (t == NULL || t->failed)
        return;
    /* What the sender counted and what was written must be the same. */
    if (cvn_note_decode(&n, p->data) == CVN_OK && cvn_note_has(&n, CVN_NOTE_F_OFFSET) &&
        n.offset != t->t.written) {
        cvn_transfer_fail(t);
        t->only_detach = true;
        report(r, CVN_TROUBLE_UNFIT_RESUME, t);
        return;
    }
    if (cvn_transfer_mark(t, p->serial) != CVN_OK)
        no_memory(r);
}

static void end_indication(struct cvn_receiver *r, const struct cvn_x225_prim *p)
{
    struct transfer *t = r->item;
    struct cvn_note n;
    if (r->ignore) {
        struct transfer *known = r->item;
        r->item = NULL;
        r->ignore = false;
        if (known != NULL)
            known->holder = NULL;
        confirm_end(r);
        return;
    }
    if (t == NULL || t->failed)
        return;
    if (cvn_note_decode(&n, p->data) != CVN_OK)
        n = (struct cvn_note){.ours = false};
    t->t.expected_known = n.digest.n > 0 && n.hash == t->t.hash;
    if (t->t.expected_known)
        memcpy(t->t.expected, n.digest.p, n.digest.n);
    if (!cvn_note_has(&n, CVN_NOTE_F_CONTINUES) && cvn_note_has(&n, CVN_NOTE_F_SIZE)) {
        t->t.size_known = true;
        t->t.size = n.size;
    }
    cvn_transfer_end(t, cvn_note_has(&n, CVN_NOTE_F_CONTINUES));
}

/* After a resume that did not fit a convene peer says by the reason whether it will resume again;
 * its discard may have been on its way before our report. A stranger cannot know of that. */
static void gave_up(struct cvn_receiver *r, enum cvn_x225_service s, uint8_t reason)
{
    struct cvn_x225_prim p;
    struct transfer *t = r->item;
    bool stays = t != NULL && t->only_detach && (!r->ours || reason == CVN_REASON_SEQUENCE_ERROR);
    r->item = NULL;
    r->ignore = false;
    if (t != NULL) {
        t->holder = NULL;
        if (s == CVN_S_ACTIVITY_DISCARD && !stays && t->t.state == CVN_TRANSFER_RECEIVING) {
            cvn_inbox_news(r->inbox, CVN_INBOX_DISCARDED, r, t, 0, NULL);
            cvn_transfer_discard(t);
        }
    }
    cvn_x225_prim_init(&p, s, CVN_RESPONSE);
    if (say(r, &p) != CVN_OK)
        close_link(r);
}

/* I5: a receiver that dies after the response must not wait for a session that is over. */
static void release_indication(struct cvn_receiver *r)
{
    cvn_inbox_forget_committed(r->inbox, r->session->id, NULL);
    if (r->ours)
        cvn_inbox_discard_unfinished(r->inbox, r->session->id);
    cvn_inbox_session_end(r->inbox, r->session);
}

void cvn_receiver_released(struct cvn_receiver *r)
{
    struct cvn_x225_prim p;
    r->session = NULL;
    r->open = false;
    cvn_x225_prim_init(&p, CVN_S_RELEASE, CVN_RESPONSE);
    p.result = CVN_RESULT_ACCEPT;
    (void)!say(r, &p);
    cvn_inbox_news(r->inbox, CVN_INBOX_RELEASED, r, NULL, 0, NULL);
}

static void aborted(struct cvn_receiver *r, const char *why)
{
    struct session *s = r->session;
    struct transfer *t = r->item;
    detach(r);
    r->session = NULL;
    r->open = false;
    if (t != NULL && t->t.state == CVN_TRANSFER_RECEIVING)
        cvn_transfer_discard(t);
    if (s != NULL) {
        cvn_inbox_session_aborted(r->inbox, s);
        cvn_inbox_news(r->inbox, CVN_INBOX_ABORTED, r, NULL, 0, why);
    }
    close_link(r);
}

static void provider_abort(struct cvn_receiver *r, const struct cvn_x225_prim *p)
{
    const char *why = p->why != NULL ? p->why : "the link was lost";
    if (p->reason == CVN_ABORT_TRANSPORT || p->reason == CVN_ABORT_UNDEFINED)
        lost(r, why);
    else
        aborted(r, why);
}

static void primitive(struct cvn_receiver *r, const struct cvn_x225_prim *p)
{
    r->ops->primitive(r->ctx, p, false);
    if (p->service != CVN_S_DATA)
        write_gathered(r);
    switch (p->service) {
    case CVN_S_CONNECT:
        connect_indication(r, p);
        break;
    case CVN_S_ACTIVITY_START:
        start_indication(r, p);
        break;
    case CVN_S_ACTIVITY_RESUME:
        resume_indication(r, p);
        break;
    case CVN_S_DATA:
        data(r, p->data);
        break;
    case CVN_S_SYNC_MINOR:
        point_indication(r, p);
        break;
    case CVN_S_ACTIVITY_END:
        end_indication(r, p);
        break;
    case CVN_S_ACTIVITY_INTERRUPT:
    case CVN_S_ACTIVITY_DISCARD:
        gave_up(r, p->service, p->reason);
        break;
    case CVN_S_RELEASE:
        release_indication(r);
        break;
    case CVN_S_U_ABORT:
        aborted(r, "the sender aborted");
        break;
    case CVN_S_P_ABORT:
        provider_abort(r, p);
        break;
    default: /* tokens, typed data: nothing to a receiver of files */
        break;
    }
}

void cvn_receiver_feed(struct cvn_receiver *r, const uint8_t *in, size_t len, size_t *used,
                       cvn_time now)
{
    struct gather g = {.from = in, .to = in + len};
    int rc = CVN_EVENT;
    r->now = now;
    *used = r->closing ? len : 0;
    r->gather = &g;
    while (r->wait == WAIT_NOTHING && rc == CVN_EVENT && !r->closing) { /* I1, I4 */
        struct cvn_x225_prim p;
        size_t n = 0;
        rc = cvn_sc_feed(r->sc, in + *used, len - *used, &n, &p, now);
        *used += n;
        if (rc == CVN_EVENT)
            primitive(r, &p);
        if (r->closing)
            *used = len;
    }
    write_gathered(r);
    r->gather = NULL;
    if (rc == CVN_ENOMEM)
        no_memory(r);
    else if (rc == CVN_ECLOSED)
        close_link(r);
}

void cvn_receiver_link_down(struct cvn_receiver *r, const char *why, cvn_time now)
{
    struct cvn_x225_prim p;
    r->now = now;
    cvn_sc_stream_closed(r->sc, now);
    while (cvn_sc_next(r->sc, &p, now) == CVN_EVENT)
        r->ops->primitive(r->ctx, &p, false);
    lost(r, why);
}

size_t cvn_receiver_out_iov(struct cvn_receiver *r, struct cvn_iov *iov, size_t n)
{
    return cvn_sc_out_iov(r->sc, iov, n);
}

size_t cvn_receiver_out_octets(const struct cvn_receiver *r)
{
    return cvn_sc_out_octets(r->sc);
}

void cvn_receiver_sent(struct cvn_receiver *r, size_t octets)
{
    cvn_sc_sent(r->sc, octets);
}

bool cvn_receiver_closing(const struct cvn_receiver *r)
{
    return r->closing || cvn_sc_closing(r->sc);
}

/* Who has not said S-CONNECT in time holds a place for nothing. */
static bool unnamed(const struct cvn_receiver *r)
{
    return !r->admitted && !r->closing;
}

cvn_time cvn_receiver_deadline(const struct cvn_receiver *r)
{
    cvn_time t = cvn_sc_deadline(r->sc);
    return unnamed(r) && r->began + CONNECT_WITHIN < t ? r->began + CONNECT_WITHIN : t;
}

void cvn_receiver_tick(struct cvn_receiver *r, cvn_time now)
{
    r->now = now;
    cvn_sc_tick(r->sc, now);
    if (unnamed(r) && now >= r->began + CONNECT_WITHIN)
        lose(r, "no S-CONNECT in time");
}

void cvn_receiver_abort(struct cvn_receiver *r, cvn_time now)
{
    struct cvn_x225_prim p;
    r->now = now;
    cvn_x225_prim_init(&p, CVN_S_U_ABORT, CVN_REQUEST);
    (void)!say(r, &p);
    aborted(r, "aborted here");
}

const char *cvn_receiver_peer(const struct cvn_receiver *r)
{
    return r->peer;
}

const uint8_t *cvn_receiver_session(const struct cvn_receiver *r)
{
    static const uint8_t none[CVN_ID];
    return r->session == NULL ? none : r->session->id;
}

bool cvn_receiver_ours(const struct cvn_receiver *r)
{
    return r->ours;
}

void cvn_receiver_vars(const struct cvn_receiver *r, struct cvn_x225_vars *v)
{
    cvn_sc_vars(r->sc, v);
}
