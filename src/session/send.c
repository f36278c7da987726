/* SPDX-License-Identifier: MIT */
/*
 * send - the sender's links: epochs, dialling and redialling, S-CONNECT with its
 * Connection Identifier, S-RELEASE, what a dead link is, and how a session ends.
 * The activities are in send_item.c.
 *
 * Invariants
 *   I1  state is written in cvn_sender_goto() alone.
 *   I2  no S-CONNECT is requested before its epoch is durable (STORING).
 *   I3  in OVER nothing is asked of the outside but the release of waits.
 */
#include "session/send.h"

#include <assert.h>
#include <string.h>

#include "session/send_i.h"

#define SECOND         1000000000ull
#define REDIAL_QUICK   (200 * SECOND / 1000)
#define QUICK_FOR      (30 * SECOND)
#define REDIAL_SLOW    (5 * SECOND)
#define DEAD_AFTER     (10 * SECOND)
#define DEAD_AFTER_MAX (120 * SECOND)
#define CONNECT_WITHIN (10 * SECOND)
#define RELEASE_WITHIN (10 * SECOND)
#define UNITS          (CVN_FU_HALF_DUPLEX | CVN_FU_MINOR_SYNC | CVN_FU_ACTIVITY | CVN_FU_EXCEPTIONS)

static void put_done(struct cvn_wait *w, int rc);

void cvn_sender_goto(struct cvn_sender *s, enum sender_state next)
{
    assert(s->state != SENDER_OVER); /* I3 */
    s->state = next;
}

void cvn_sender_news(struct cvn_sender *s, enum cvn_sender_news n, uint64_t offset,
                     const char *text)
{
    s->o.ops->news(s->o.ctx, n, s->item, offset, text);
}

static void text_set(char *to, size_t cap, const char *from)
{
    size_t n = from == NULL ? 0 : strlen(from);
    n = n < cap ? n : cap - 1;
    if (n > 0)
        memcpy(to, from, n);
    to[n] = '\0';
}

int cvn_sender_new(struct cvn_sender **out, const struct cvn_sender_opts *o)
{
    struct cvn_sender *s = cvn_new(o->alloc, sizeof *s);
    if (s == NULL)
        return CVN_ENOMEM;
    assert(o->called_ssel.n <= sizeof s->called_ssel && o->called_tsel.n <= sizeof s->called_tsel);
    assert(o->calling_tsel.n <= sizeof s->calling_tsel);
    s->alloc = o->alloc;
    s->o = *o;
    if (o->called_ssel.n > 0)
        memcpy(s->called_ssel, o->called_ssel.p, o->called_ssel.n);
    assert(o->calling_ssel.n <= sizeof s->calling_ssel);
    if (o->calling_ssel.n > 0)
        memcpy(s->calling_ssel, o->calling_ssel.p, o->calling_ssel.n);
    if (o->called_tsel.n > 0)
        memcpy(s->called_tsel, o->called_tsel.p, o->called_tsel.n);
    if (o->calling_tsel.n > 0)
        memcpy(s->calling_tsel, o->calling_tsel.p, o->calling_tsel.n);
    s->o.window = o->window == 0 ? CVN_WINDOW_DEFAULT : o->window;
    s->o.spacing = o->spacing == 0 ? CVN_SPACING_DEFAULT : o->spacing;
    s->o.points_max = o->points_max == 0 ? CVN_POINTS_MAX : o->points_max;
    s->o.dead_after = o->dead_after == 0 ? DEAD_AFTER : o->dead_after;
    s->o.connect_timeout = o->connect_timeout == 0 ? CONNECT_WITHIN : o->connect_timeout;
    s->o.retry_for = o->retry_for == 0 ? CVN_NEVER : o->retry_for;
    s->epoch = o->epoch;
    s->put.done = put_done;
    s->redial = CVN_NEVER;
    s->outage_since = CVN_NEVER;
    s->all_done_since = CVN_NEVER;
    s->point_due = CVN_NEVER;
    s->dead_after = s->o.dead_after;
    memcpy(s->counts.session, o->session, CVN_ID);
    *out = s;
    return CVN_OK;
}

bool cvn_sender_idle(const struct cvn_sender *s)
{
    return !s->put.pending && !s->point_put.pending && !s->digest.pending;
}

void cvn_sender_free(struct cvn_sender *s)
{
    if (s == NULL)
        return;
    assert(cvn_sender_idle(s));
    cvn_sc_free(s->sc);
    cvn_free(s->alloc, s->points, s->points_cap * sizeof *s->points);
    cvn_free(s->alloc, s, sizeof *s);
}

/* hang_up() may still send what is queued, and say so: nothing follows from that any more. */
static void drop_link(struct cvn_sender *s)
{
    s->dropping = true;
    if (s->link || s->state == SENDER_DIALING)
        s->o.ops->hang_up(s->o.ctx);
    s->dropping = false;
    s->link = false;
    s->counts.connected = false;
    cvn_sc_free(s->sc);
    s->sc = NULL;
}

void cvn_sender_over(struct cvn_sender *s, enum cvn_verdict v, const char *text)
{
    if (s->state == SENDER_OVER)
        return;
    drop_link(s);
    s->verdict = v;
    text_set(s->text, sizeof s->text, text);
    cvn_sender_goto(s, SENDER_OVER);
    s->o.ops->over(s->o.ctx);
}

/* Quick at first, then slower, with jitter of a quarter so that many do not come together. */
static cvn_time redial_pause(struct cvn_sender *s)
{
    if (s->tries == 0)
        return 0;
    if (s->now - s->outage_since < QUICK_FOR)
        return REDIAL_QUICK;
    uint8_t r = 0;
    s->o.ops->random(s->o.ctx, &r, 1);
    uint32_t steps = s->tries < 8 ? s->tries : 8;
    cvn_time pause = REDIAL_QUICK << steps;
    pause = pause > REDIAL_SLOW ? REDIAL_SLOW : pause;
    return pause - pause / 4 * r / 255;
}

/* The link is gone, or never came: what was out is not confirmed; dial again or end. */
void cvn_sender_lost(struct cvn_sender *s, const char *why)
{
    bool was = s->counts.connected;
    if (s->state == SENDER_OVER)
        return;
    drop_link(s);
    cvn_item_link_lost(s);
    if (s->outage_since == CVN_NEVER) {
        s->outage_since = s->now;
        s->tries = 0;
    }
    if (was)
        cvn_sender_news(s, CVN_NEWS_LOST, 0, why);
    text_set(s->text, sizeof s->text, why);
    cvn_sender_goto(s, SENDER_DOWN);
    s->redial = s->now + redial_pause(s);
    s->tries++;
}

/* Whether the outage has lasted as long as it may. */
static bool outage_over(struct cvn_sender *s)
{
    if (s->outage_since == CVN_NEVER)
        return false;
    if (s->all_done_since != CVN_NEVER && s->now - s->all_done_since >= RELEASE_WITHIN) {
        cvn_sender_over(s, CVN_VERDICT_RELEASED, "all is committed; the release was not confirmed");
        return true;
    }
    if (s->all_done_since == CVN_NEVER && !s->reached &&
        s->now - s->started >= s->o.connect_timeout) {
        char why[200];
        text_set(why, sizeof why, s->text);
        cvn_sender_over(s, CVN_VERDICT_UNREACHED, why);
        return true;
    }
    if (s->now - s->outage_since >= s->o.retry_for) {
        cvn_sender_over(s, CVN_VERDICT_SUSPENDED, "the link did not come back in time");
        return true;
    }
    return false;
}

/* I2: "e" and the session id keep the epoch, and what the session belongs to. */
static void store_epoch(struct cvn_sender *s)
{
    uint8_t key[1 + CVN_ID];
    uint8_t value[4 + CVN_ID];
    struct cvn_wr w = cvn_wr_init(value, sizeof value);
    struct cvn_store_put put = {.key = {key, sizeof key}, .value = {value, sizeof value}};
    if (s->put.pending)
        return; /* put_done() comes back here by cvn_sender_step() */
    key[0] = 'e';
    memcpy(key + 1, s->o.session, CVN_ID);
    cvn_wr_be32(&w, ++s->epoch);
    cvn_wr_bytes(&w, s->o.run, CVN_ID);
    if (s->o.store->ops->put(s->o.store->self, &put, 1, &s->put) != CVN_OK) {
        cvn_sender_over(s, CVN_VERDICT_MEMORY, "no memory to store the session's epoch");
        return;
    }
    s->put.pending = true;
    cvn_sender_goto(s, SENDER_STORING);
}

static struct cvn_sender *of_put(struct cvn_wait *w)
{
    return (struct cvn_sender *)(void *)((uint8_t *)w - offsetof(struct cvn_sender, put));
}

static void put_done(struct cvn_wait *w, int rc)
{
    struct cvn_sender *s = of_put(w);
    w->pending = false;
    if (s->state == SENDER_OVER)
        return;
    if (rc != CVN_OK) {
        cvn_sender_over(s, CVN_VERDICT_STORE, "the state of the transfer could not be stored");
        return;
    }
    if (s->state == SENDER_STORING) {
        cvn_sender_goto(s, SENDER_DIALING);
        s->o.ops->dial(s->o.ctx);
        return;
    }
    cvn_sender_step(s);
    s->o.ops->moved(s->o.ctx);
}

/* -------- the connection -------- */

int cvn_sender_request(struct cvn_sender *s, struct cvn_x225_prim *p)
{
    s->o.ops->primitive(s->o.ctx, p, true);
    int rc = cvn_sc_request(s->sc, p, s->now);
    s->last_life = s->now;
    if (rc == CVN_ENOMEM)
        cvn_sender_over(s, CVN_VERDICT_MEMORY, "no memory for an SPDU");
    else if (rc != CVN_OK)
        cvn_sender_over(s, CVN_VERDICT_PROTOCOL, cvn_err_text(rc));
    return rc;
}

static void name_connection(struct cvn_sender *s)
{
    struct cvn_wr w = cvn_wr_init(s->connection.epoch, sizeof s->connection.epoch);
    memcpy(s->connection.session, s->o.session, CVN_ID);
    s->connection.common_len = (uint8_t)s->o.ops->utc(s->o.ctx, s->connection.common);
    cvn_wr_be32(&w, s->epoch);
    s->activities = 0;
}

static struct cvn_x225_connection_id id_of(const struct cvn_activity_name *n)
{
    return (struct cvn_x225_connection_id){
        .calling = {n->session, CVN_ID},
        .common = {n->common, n->common_len},
        .additional = {n->epoch, sizeof n->epoch},
    };
}

static void request_connect(struct cvn_sender *s)
{
    struct cvn_x225_prim p;
    uint8_t data[CVN_NOTE_STRANGER_MAX];
    struct cvn_wr w = cvn_wr_init(data, sizeof data);
    struct cvn_note n = {.version = CVN_NOTE_VERSION, .window = s->o.window};
    cvn_note_set(&n, CVN_NOTE_F_VERSION);
    cvn_note_set(&n, CVN_NOTE_F_WINDOW);
    s->asked_any = s->item != NULL && s->item->name_of.id_len > 0;
    if (s->asked_any) {
        memcpy(n.transfer, s->item->transfer, CVN_ID);
        memcpy(s->asked, s->item->transfer, CVN_ID);
        cvn_note_set(&n, CVN_NOTE_F_TRANSFER);
    }
    int rc = cvn_note_encode(&n, &w);
    assert(rc == CVN_OK);
    (void)rc;
    name_connection(s);
    cvn_x225_prim_init(&p, CVN_S_CONNECT, CVN_REQUEST);
    p.id = id_of(&s->connection);
    p.called = (struct cvn_octets){s->called_ssel, s->o.called_ssel.n};
    p.calling = (struct cvn_octets){s->calling_ssel, s->o.calling_ssel.n};
    p.units = UNITS;
    p.data = (struct cvn_octets){data, w.len};
    (void)cvn_sender_request(s, &p);
}

void cvn_sender_link_up(struct cvn_sender *s, cvn_time now)
{
    struct cvn_sc_opts o = {
        .alloc = s->alloc,
        .initiator = true,
        .reference = (uint16_t)(1 + s->epoch % 65535),
        .called_tsel = {s->called_tsel, s->o.called_tsel.n},
        .calling_tsel = {s->calling_tsel, s->o.calling_tsel.n},
    };
    assert(s->state == SENDER_DIALING);
    s->now = now;
    s->link = true;
    s->last_life = now;
    if (cvn_sc_new(&s->sc, &o) != CVN_OK) {
        cvn_sender_over(s, CVN_VERDICT_MEMORY, "no memory for a session connection");
        return;
    }
    cvn_sender_goto(s, SENDER_CONNECTING);
    request_connect(s);
}

void cvn_sender_link_down(struct cvn_sender *s, const char *why, cvn_time now)
{
    s->now = now;
    if (s->state == SENDER_OVER || (!s->link && s->state != SENDER_DIALING))
        return;
    if (s->state == SENDER_DIALING)
        s->state = SENDER_DOWN; /* there is nothing to hang up */
    s->link = false;
    cvn_sender_lost(s, why == NULL ? "the link was lost" : why);
    cvn_sender_step(s);
}

static void missing_unit(struct cvn_sender *s, uint16_t units)
{
    const char *which = (units & CVN_FU_ACTIVITY) == 0
                            ? "the peer has no activity management functional unit"
                            : "the peer has no half-duplex functional unit";
    struct cvn_x225_prim p;
    cvn_x225_prim_init(&p, CVN_S_U_ABORT, CVN_REQUEST);
    (void)!cvn_sc_request(s->sc, &p, s->now);
    cvn_sender_over(s, CVN_VERDICT_PROTOCOL, which);
}

static void refused(struct cvn_sender *s, const struct cvn_x225_prim *p)
{
    switch (p->result) {
    case CVN_RF_SELECTOR_UNKNOWN:
        cvn_sender_over(s, CVN_VERDICT_REFUSED,
                        "the peer knows no service of that name (selector)");
        return;
    case CVN_RF_CONGESTION:
    case CVN_RF_USER_CONGESTION:
        cvn_sender_lost(s, "the peer is congested");
        return;
    case CVN_RF_VERSION:
        cvn_sender_over(s, CVN_VERDICT_PROTOCOL, "the peer refuses the protocol versions offered");
        return;
    default: {
        struct cvn_note n;
        char why[150];
        if (cvn_note_decode(&n, p->data) == CVN_OK && cvn_note_has(&n, CVN_NOTE_F_TEXT) &&
            n.text.n < sizeof why) {
            memcpy(why, n.text.p, n.text.n);
            why[n.text.n] = '\0';
            cvn_sender_over(s, CVN_VERDICT_REFUSED, why);
            return;
        }
        cvn_sender_over(s, CVN_VERDICT_REFUSED, "the peer refuses the session");
    }
    }
}

static void connected(struct cvn_sender *s, const struct cvn_x225_prim *p)
{
    s->reached = true;
    if (p->result != CVN_RESULT_ACCEPT) {
        refused(s, p);
        return;
    }
    if ((p->units & CVN_FU_ACTIVITY) == 0 || (p->units & CVN_FU_HALF_DUPLEX) == 0) {
        missing_unit(s, p->units);
        return;
    }
    s->peer_points = (p->units & CVN_FU_MINOR_SYNC) != 0;
    s->peer_ours = cvn_note_decode(&s->answer, p->data) == CVN_OK && s->answer.ours;
    s->answered = s->peer_ours && s->asked_any && cvn_note_has(&s->answer, CVN_NOTE_F_STATE);
    s->peer_window = s->peer_ours ? s->o.window : UINT64_MAX;
    if (s->peer_ours && cvn_note_has(&s->answer, CVN_NOTE_F_WINDOW) &&
        s->answer.window < s->peer_window)
        s->peer_window = s->answer.window;
    s->outage_since = CVN_NEVER;
    s->counts.connections++;
    s->counts.connected = true;
    cvn_sender_goto(s, SENDER_READY);
    cvn_sender_news(s, CVN_NEWS_OPENED, 0, NULL);
    if (!s->peer_points)
        cvn_sender_news(s, CVN_NEWS_NO_POINTS, 0, NULL);
}

static void request_release(struct cvn_sender *s)
{
    struct cvn_x225_prim p;
    cvn_x225_prim_init(&p, CVN_S_RELEASE, CVN_REQUEST);
    cvn_sender_goto(s, SENDER_RELEASING);
    (void)cvn_sender_request(s, &p);
}

static void provider_abort(struct cvn_sender *s, const struct cvn_x225_prim *p)
{
    const char *why = p->why;
    if (p->reason == CVN_ABORT_TRANSPORT || p->reason == CVN_ABORT_UNDEFINED) {
        const char *below = cvn_sc_transport_why(s->sc);
        cvn_sender_lost(s, below != NULL ? below : why != NULL ? why : "the link was lost");
        return;
    }
    cvn_sender_over(s, CVN_VERDICT_PROTOCOL,
                    why != NULL ? why : "the peer reports a protocol error");
}

static void primitive(struct cvn_sender *s, const struct cvn_x225_prim *p)
{
    s->o.ops->primitive(s->o.ctx, p, false);
    switch (p->service) {
    case CVN_S_CONNECT:
        connected(s, p);
        break;
    case CVN_S_SYNC_MINOR:
        cvn_item_confirmed(s, p->serial);
        break;
    case CVN_S_ACTIVITY_END:
        cvn_item_ended(s);
        break;
    case CVN_S_ACTIVITY_DISCARD:
    case CVN_S_ACTIVITY_INTERRUPT:
        cvn_item_given_up(s);
        break;
    case CVN_S_U_EXCEPTION_REPORT:
    case CVN_S_P_EXCEPTION_REPORT:
        cvn_item_exception(s, p);
        break;
    case CVN_S_RELEASE:
        cvn_sender_over(s, CVN_VERDICT_RELEASED, NULL);
        break;
    case CVN_S_U_ABORT:
        cvn_sender_over(s, CVN_VERDICT_ABORTED, "the peer's user aborted the session");
        break;
    case CVN_S_P_ABORT:
        provider_abort(s, p);
        break;
    default: /* S-TOKEN-PLEASE: the tokens stay here; data is not for us */
        break;
    }
}

void cvn_sender_feed(struct cvn_sender *s, const uint8_t *in, size_t len, cvn_time now)
{
    s->now = now;
    s->last_life = now;
    while (s->sc != NULL) {
        struct cvn_x225_prim p;
        size_t used = 0;
        int rc = cvn_sc_feed(s->sc, in, len, &used, &p, now);
        in += used;
        len -= used;
        if (rc == CVN_EVENT) {
            primitive(s, &p);
            continue;
        }
        if (rc == CVN_ENOMEM)
            cvn_sender_over(s, CVN_VERDICT_MEMORY, "no memory for what the peer sent");
        else if (rc == CVN_ECLOSED)
            cvn_sender_lost(s, "the peer closed the transport connection");
        break;
    }
    cvn_sender_step(s);
}

/* -------- what to do next -------- */

bool cvn_sender_outstanding(const struct cvn_sender *s)
{
    switch (s->state) {
    case SENDER_CONNECTING:
    case SENDER_ENDING:
    case SENDER_GIVING_UP:
    case SENDER_RELEASING:
        return true;
    case SENDER_SENDING:
    case SENDER_DIGESTING:
        return s->npoints > 0 || cvn_sc_out_octets(s->sc) > 0;
    default:
        return false;
    }
}

void cvn_sender_step(struct cvn_sender *s)
{
    enum sender_state before;
    do {
        before = s->state;
        switch (s->state) {
        case SENDER_DOWN:
            if (!outage_over(s) && s->now >= s->redial)
                store_epoch(s);
            break;
        case SENDER_READY:
        case SENDER_BEGINNING:
        case SENDER_NOTING:
            if (!s->put.pending)
                cvn_item_next(s);
            break;
        case SENDER_SENDING:
            cvn_item_pump(s);
            break;
        default:
            break;
        }
    } while (s->state != before);
    if (s->state == SENDER_READY && s->item == NULL && s->stopping)
        request_release(s);
}

void cvn_sender_start(struct cvn_sender *s, cvn_time now)
{
    s->now = now;
    s->started = now;
    s->outage_since = now;
    s->redial = now;
    s->tries = 1;
    text_set(s->text, sizeof s->text, "no answer");
    if (s->item == NULL && s->o.ops->next(s->o.ctx, &s->item) == CVN_NONE) {
        s->stopping = true; /* an earlier run was stopped after its last commit */
        s->all_done_since = now;
    }
    cvn_sender_step(s);
}

void cvn_sender_wake(struct cvn_sender *s, cvn_time now)
{
    s->now = now;
    s->starved = false;
    if (s->state != SENDER_OVER)
        cvn_sender_step(s);
}

void cvn_sender_alive(struct cvn_sender *s, cvn_time now)
{
    s->now = now;
    s->last_life = now;
}

size_t cvn_sender_out_iov(struct cvn_sender *s, struct cvn_iov *iov, size_t n)
{
    return s->sc == NULL ? 0 : cvn_sc_out_iov(s->sc, iov, n);
}

size_t cvn_sender_out_octets(const struct cvn_sender *s)
{
    return s->sc == NULL ? 0 : cvn_sc_out_octets(s->sc);
}

void cvn_sender_sent(struct cvn_sender *s, size_t octets, cvn_time now)
{
    s->now = now;
    if (s->sc == NULL)
        return;
    cvn_sc_sent(s->sc, octets);
    s->last_life = now;
    if (!s->dropping)
        cvn_sender_step(s);
}

static cvn_time earlier(cvn_time a, cvn_time b)
{
    return a < b ? a : b;
}

cvn_time cvn_sender_deadline(const struct cvn_sender *s)
{
    cvn_time t = CVN_NEVER;
    switch (s->state) {
    case SENDER_OVER:
        return CVN_NEVER;
    case SENDER_DOWN:
        t = s->put.pending ? CVN_NEVER : s->redial; /* a record is awaited before the next dial */
        if (s->all_done_since != CVN_NEVER)
            t = earlier(t, s->all_done_since + RELEASE_WITHIN);
        else if (!s->reached)
            t = earlier(t, s->started + s->o.connect_timeout);
        if (s->o.retry_for != CVN_NEVER)
            t = earlier(t, s->outage_since + s->o.retry_for);
        return t;
    case SENDER_DIALING:
        return s->reached ? s->now + REDIAL_SLOW : s->started + s->o.connect_timeout;
    case SENDER_RESTING:
        t = s->rest_until;
        break;
    case SENDER_SENDING:
        t = cvn_item_deadline(s);
        break;
    case SENDER_CONNECTING:
        t = s->reached ? CVN_NEVER : s->started + s->o.connect_timeout;
        break;
    default:
        break;
    }
    if (cvn_sender_outstanding(s))
        t = earlier(t, s->last_life + s->dead_after);
    if (s->sc != NULL)
        t = earlier(t, cvn_sc_deadline(s->sc));
    return t;
}

static void check_dead(struct cvn_sender *s)
{
    if (!cvn_sender_outstanding(s) || s->now < s->last_life + s->dead_after)
        return;
    /* A peer that is slow for good reasons gets longer the next time. */
    s->dead_after = s->dead_after * 2 > DEAD_AFTER_MAX ? DEAD_AFTER_MAX : s->dead_after * 2;
    cvn_sender_lost(s, "the peer was silent");
}

void cvn_sender_tick(struct cvn_sender *s, cvn_time now)
{
    s->now = now;
    if (s->state == SENDER_OVER)
        return;
    if (s->sc != NULL)
        cvn_sc_tick(s->sc, now);
    check_dead(s);
    if ((s->state == SENDER_DIALING || s->state == SENDER_CONNECTING) && !s->reached &&
        now - s->started >= s->o.connect_timeout)
        cvn_sender_over(s, CVN_VERDICT_UNREACHED, "no answer");
    if (s->state == SENDER_RESTING && now >= s->rest_until)
        cvn_sender_goto(s, SENDER_READY);
    if (s->state != SENDER_OVER)
        cvn_sender_step(s);
}

void cvn_sender_rate(struct cvn_sender *s, uint64_t rate)
{
    s->o.rate = rate;
}

void cvn_sender_suspend(struct cvn_sender *s, cvn_time now)
{
    s->now = now;
    cvn_sender_over(s, CVN_VERDICT_SUSPENDED, "stopped; run the same command again to go on");
}

void cvn_sender_abort(struct cvn_sender *s, cvn_time now)
{
    struct cvn_x225_prim p;
    s->now = now;
    if (s->sc != NULL) {
        cvn_x225_prim_init(&p, CVN_S_U_ABORT, CVN_REQUEST);
        s->o.ops->primitive(s->o.ctx, &p, true);
        (void)!cvn_sc_request(s->sc, &p, now);
    }
    cvn_sender_over(s, CVN_VERDICT_ABORTED, "aborted by the user");
}

enum cvn_verdict cvn_sender_verdict(const struct cvn_sender *s)
{
    return s->verdict;
}

const char *cvn_sender_text(const struct cvn_sender *s)
{
    return s->text;
}

void cvn_sender_counts(const struct cvn_sender *s, struct cvn_sender_counts *c)
{
    *c = s->counts;
    c->epoch = s->epoch;
}

bool cvn_sender_vars(const struct cvn_sender *s, struct cvn_x225_vars *v)
{
    if (s->sc == NULL)
        return false;
    cvn_sc_vars(s->sc, v);
    return true;
}
