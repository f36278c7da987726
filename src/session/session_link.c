/* SPDX-License-Identifier: MIT */
/* session_link - one link of a stream session: the session connection, the octets on it, points
 * and their confirmations, limits, probes. */
#include <assert.h>
#include <string.h>

#include "session/session_i.h"

#define MS          1000000ull
#define SECOND      1000000000ull
#define POINT_AFTER (50 * MS)     /* a point this long after octets that none follows */
#define ANSWER_IN   (10 * SECOND) /* to S-CONNECT, and for its proof */
#define SUSPECT_MIN (250 * MS)
#define QUEUE_MAX   (512u << 10) /* octets given to the stream ahead */
#define SSDU_MAX    CVN_WINDOW_BLOCK

static cvn_time earlier(cvn_time a, cvn_time b)
{
    return a < b ? a : b;
}

/* -------- life -------- */

static int link_new(struct cvn_link **out, const struct cvn_alloc *a, bool initiator,
                    uint16_t reference, const struct cvn_link_ops *ops, void *ctx,
                    const uint8_t *exporter, const struct cvn_octets tsel, cvn_time now)
{
    struct cvn_link *l = cvn_new(a, sizeof *l);
    struct cvn_sc_opts o = {
        .alloc = a, .initiator = initiator, .reference = reference, .called_tsel = tsel};
    if (l == NULL)
        return CVN_ENOMEM;
    l->alloc = a;
    l->ops = ops;
    l->ctx = ctx;
    l->state = LINK_CONNECTING;
    l->begun = l->heard = now;
    l->probed = l->point_due = l->point_at = CVN_NEVER;
    l->points_first = 1;
    if (exporter != NULL)
        memcpy(l->exporter, exporter, CVN_SECRET);
    if (cvn_sc_new(&l->sc, &o) != CVN_OK) {
        cvn_free(a, l, sizeof *l);
        return CVN_ENOMEM;
    }
    *out = l;
    return CVN_OK;
}

void cvn_link_join(struct cvn_link *l, struct cvn_session *s)
{
    cvn_link_leave(l);
    l->s = s;
    l->next = s->dials;
    s->dials = l;
}

void cvn_link_leave(struct cvn_link *l)
{
    if (l->s == NULL && l->host != NULL)
        cvn_host_farewell(l->host, l);
    if (l->s == NULL)
        return;
    if (l->s->link == l)
        l->s->link = NULL;
    for (struct cvn_link **at = &l->s->dials; *at != NULL; at = &(*at)->next) {
        if (*at == l) {
            *at = l->next;
            break;
        }
    }
    l->next = NULL;
    l->s = NULL;
}

void cvn_link_hang_up(struct cvn_link *l)
{
    if (l->hung_up)
        return;
    l->hung_up = true;
    l->state = LINK_OVER;
    l->ops->hang_up(l->ctx);
}

static void dispose(struct cvn_link *l)
{
    cvn_free(l->alloc, l->cn, l->cn_len);
    cvn_sc_free(l->sc);
    memset(l->secret, 0, sizeof l->secret);
    cvn_free(l->alloc, l, sizeof *l);
}

void cvn_link_free(struct cvn_link *l, const char *why, cvn_time now)
{
    struct cvn_session *s = l->s;
    bool carried = s != NULL && s->link == l;
    cvn_link_leave(l);
    dispose(l);
    if (s == NULL)
        return;
    s->now = now;
    if (carried)
        cvn_session_lost(s, why);
    cvn_session_step(s);
}

/* The session goes on without this link. */
static void drop(struct cvn_link *l, const char *why)
{
    struct cvn_session *s = l->s;
    bool carried = s != NULL && s->link == l;
    cvn_link_leave(l);
    cvn_link_hang_up(l);
    if (carried)
        cvn_session_lost(s, why);
}

static void broken(struct cvn_link *l, const char *what)
{
    struct cvn_session *s = l->s;
    if (s == NULL || s->link != l) {
        drop(l, what);
        return;
    }
    cvn_link_abort(l, what);
    cvn_session_over(s, CVN_SESSION_ABORTED, CVN_REASON_PROTOCOL, what, strlen(what));
}

/* A request of ours; what stands against it is lack of memory, or that the link is over. */
static int ask(struct cvn_link *l, struct cvn_x225_prim *p)
{
    int rc = cvn_sc_request(l->sc, p, l->heard);
    if (rc != CVN_OK && l->state != LINK_OVER)
        drop(l, rc == CVN_ENOMEM ? "no memory for an SPDU" : cvn_err_text(rc));
    return rc;
}

/* -------- words -------- */

static struct cvn_octets spell(const struct cvn_word *w, uint8_t buf[CVN_WORD_MAX])
{
    struct cvn_wr out = cvn_wr_init(buf, CVN_WORD_MAX);
    int rc = cvn_word_encode(w, &out);
    assert(rc == CVN_OK);
    (void)rc;
    return (struct cvn_octets){buf, out.len};
}

/* S-TYPED-DATA is copied: buf may go. */
static int say(struct cvn_link *l, const struct cvn_word *w)
{
    uint8_t buf[CVN_WORD_MAX];
    struct cvn_x225_prim p;
    cvn_x225_prim_init(&p, CVN_S_TYPED_DATA, CVN_REQUEST);
    p.data = spell(w, buf);
    return ask(l, &p);
}

static struct cvn_word status(struct cvn_link *l)
{
    const struct cvn_session *s = l->s;
    l->limit_told = s->in.first + s->o.window;
    return (struct cvn_word){.kind = CVN_WORD_STATUS,
                             .position = s->received,
                             .durable = s->in.first,
                             .committed = s->in.first,
                             .limit = l->limit_told};
}

void cvn_link_abort(struct cvn_link *l, const char *text)
{
    uint8_t buf[CVN_WORD_MAX];
    size_t n = strlen(text);
    struct cvn_word w = {
        .kind = CVN_WORD_ABORT,
        .octets = {(const uint8_t *)text, n > CVN_WORD_TEXT_MAX ? CVN_WORD_TEXT_MAX : n}};
    struct cvn_x225_prim p;
    if (l->state == LINK_OVER)
        return;
    cvn_x225_prim_init(&p, CVN_S_U_ABORT, CVN_REQUEST);
    p.data = spell(&w, buf);
    (void)ask(l, &p);
}

/* -------- opening -------- */

void cvn_link_told(struct cvn_link *l, const struct cvn_session *s)
{
    l->in_at = s->received;
    l->limit_told = s->in.first + s->o.window;
}

static int request_connect(struct cvn_link *l, struct cvn_session *s)
{
    uint8_t offer[CVN_RECORD_MAX];
    uint8_t epoch[4];
    struct cvn_wr w = cvn_wr_init(epoch, sizeof epoch);
    struct cvn_x225_prim p;
    l->cn_len = cvn_keys_offer(s, l, offer);
    assert(l->cn_len > 0);
    l->cn = cvn_new(l->alloc, l->cn_len);
    if (l->cn == NULL) {
        l->cn_len = 0;
        return CVN_ENOMEM;
    }
    memcpy(l->cn, offer, l->cn_len);
    cvn_wr_be32(&w, l->epoch);
    cvn_x225_prim_init(&p, CVN_S_CONNECT, CVN_REQUEST);
    p.units = STREAM_UNITS;
    p.versions = 2;
    p.serial = p.serial2 = 1;
    p.called = (struct cvn_octets){s->called_ssel, s->o.called_ssel.n};
    p.id.calling = (struct cvn_octets){s->id, CVN_SESSION_ID};
    p.id.additional = (struct cvn_octets){epoch, sizeof epoch};
    p.data = (struct cvn_octets){l->cn, l->cn_len};
    cvn_link_told(l, s);
    return cvn_sc_request(l->sc, &p, s->now);
}

int cvn_link_new(struct cvn_link **out, struct cvn_session *s, const struct cvn_link_ops *ops,
                 void *ctx, const uint8_t *exporter, cvn_time now)
{
    struct cvn_link *l = NULL;
    struct cvn_octets tsel = {s->called_tsel, s->o.called_tsel.n};
    s->now = now;
    assert(s->initiator && s->dialing > 0);
    s->dialing--;
    if (s->state == CVN_SESSION_RELEASED || s->state == CVN_SESSION_ABORTED ||
        (s->link != NULL && !s->link->suspect))
        return CVN_ESTATE;
    int rc = link_new(&l, s->alloc, true, (uint16_t)(1 + s->epoch % 65535), ops, ctx, exporter,
                      tsel, now);
    if (rc != CVN_OK)
        return rc;
    l->epoch = ++s->epoch;
    rc = request_connect(l, s);
    if (rc != CVN_OK) {
        dispose(l);
        return CVN_ENOMEM;
    }
    cvn_link_join(l, s);
    *out = l;
    return CVN_OK;
}

int cvn_link_accept(struct cvn_link **out, struct cvn_host *h, const struct cvn_link_ops *ops,
                    void *ctx, const uint8_t *exporter, cvn_time now)
{
    int rc = link_new(out, cvn_host_alloc(h), false, 1, ops, ctx, exporter,
                      (struct cvn_octets){NULL, 0}, now);
    if (rc == CVN_OK)
        cvn_host_welcome(h, *out);
    return rc;
}

bool cvn_link_begin(struct cvn_link *l, const struct cvn_record *r)
{
    struct cvn_session *s = l->s;
    if (r->received < s->out.first || r->received > s->out.next || r->first > l->in_at)
        return false;
    l->out_at = l->last_point = r->received;
    l->peer_limit = r->limit;
    l->end_taken =
        cvn_record_has(r, CVN_RECORD_F_END_TAKEN) && s->ended && r->received == s->out.next;
    return true;
}

void cvn_link_answer(struct cvn_link *l, uint8_t result, struct cvn_octets data)
{
    struct cvn_x225_prim p;
    cvn_x225_prim_init(&p, CVN_S_CONNECT, CVN_RESPONSE);
    p.result = result;
    p.units = STREAM_UNITS;
    p.versions = 2;
    p.serial = p.serial2 = 1;
    p.data = data;
    (void)ask(l, &p);
}

static void accepted(struct cvn_link *l, const struct cvn_x225_prim *p)
{
    struct cvn_session *s = l->s;
    struct cvn_record r;
    struct cvn_word proof = {.kind = CVN_WORD_PROOF, .octets = {l->proof, CVN_PROOF}};
    if ((p->units & STREAM_UNITS) != STREAM_UNITS || cvn_record_decode(&r, p->data) != CVN_OK ||
        !r.ours) {
        static const char why[] = "the peer has no restoration record";
        cvn_link_abort(l, why);
        if (!s->opened)
            cvn_session_over(s, CVN_SESSION_ABORTED, CVN_REASON_REFUSED, why, sizeof why - 1);
        else
            drop(l, why);
        return;
    }
    if (!cvn_keys_answered(s, l, &r, p->data)) {
        drop(l, "the peer's answer is not proven");
        return;
    }
    if (!cvn_link_begin(l, &r)) {
        static const char why[] = "octets that are needed are no longer there";
        cvn_link_abort(l, why);
        cvn_session_over(s, CVN_SESSION_ABORTED, CVN_REASON_GAP, why, sizeof why - 1);
        return;
    }
    l->state = LINK_OPEN;
    if (say(l, &proof) != CVN_OK)
        return;
    cvn_session_carry(s, l);
}

static void text_of(const struct cvn_record *r, const char *instead, struct cvn_octets *text)
{
    *text = r->text;
    if (r->text.n == 0)
        *text = (struct cvn_octets){(const uint8_t *)instead, strlen(instead)};
}

/* A definite answer, which is proven. */
static void ended_by_answer(struct cvn_session *s, const struct cvn_record *r)
{
    struct cvn_octets text;
    if (r->answer == CVN_ANSWER_GONE && s->end_confirmed && s->end_told) {
        cvn_session_over(s, CVN_SESSION_RELEASED, CVN_REASON_OF_NOTHING, "", 0);
        return;
    }
    text_of(r,
            r->answer == CVN_ANSWER_GAP ? "the peer lacks octets that are needed"
                                        : "the peer does not have the session any more",
            &text);
    cvn_session_over(s, CVN_SESSION_ABORTED,
                     r->answer == CVN_ANSWER_GAP ? CVN_REASON_GAP : CVN_REASON_GONE,
                     (const char *)text.p, text.n);
}

/* The answer does not end the session: what is to be done before the next dial. */
static void heed_refusal(struct cvn_link *l, const struct cvn_record *r, bool proven,
                         struct cvn_octets text)
{
    struct cvn_session *s = l->s;
    if (proven && r->answer == CVN_ANSWER_RETRY) {
        s->epoch = r->epoch > s->epoch ? r->epoch : s->epoch;
        s->redial = s->now;
    } else if (r->ours && r->answer == CVN_ANSWER_DENIED && s->has_older) {
        s->use_older = !s->use_older;
    }
    memcpy(s->text, text.p, text.n);
    s->text[text.n] = '\0';
    drop(l, s->text);
}

static bool may_pass(const struct cvn_x225_prim *p, const struct cvn_record *r)
{
    return p->result == CVN_RF_CONGESTION || p->result == CVN_RF_USER_CONGESTION ||
           (r->ours && r->answer == CVN_ANSWER_RETRY);
}

static void refused(struct cvn_link *l, const struct cvn_x225_prim *p)
{
    struct cvn_session *s = l->s;
    struct cvn_record r;
    struct cvn_octets text;
    if (cvn_record_decode(&r, p->data) != CVN_OK)
        r = (struct cvn_record){0};
    bool proven = r.ours && cvn_keys_refused(s, l, &r, p->data);
    text_of(&r,
            p->result == CVN_RF_SELECTOR_UNKNOWN
                ? "the peer knows no service of that name (selector)"
                : "the peer refuses the session",
            &text);
    if (!s->has_secret && !may_pass(p, &r))
        cvn_session_over(s, CVN_SESSION_ABORTED, CVN_REASON_REFUSED, (const char *)text.p, text.n);
    else if (proven && (r.answer == CVN_ANSWER_GONE || r.answer == CVN_ANSWER_GAP))
        ended_by_answer(s, &r);
    else
        heed_refusal(l, &r, proven, text);
}

/* -------- the octets that go -------- */

static void remember_point(struct cvn_link *l, uint64_t at)
{
    assert(l->npoints < POINTS_MAX);
    if (l->npoints == 0)
        l->point_at = l->s->now;
    l->points[(l->points_head + l->npoints++) % POINTS_MAX] = at;
    l->last_point = at;
    l->point_due = CVN_NEVER;
}

static bool set_point(struct cvn_link *l, uint8_t kind)
{
    uint8_t buf[CVN_WORD_MAX];
    struct cvn_word w = {.kind = kind, .position = l->out_at};
    struct cvn_x225_prim p;
    cvn_x225_prim_init(&p, CVN_S_SYNC_MINOR, CVN_REQUEST);
    p.data = spell(&w, buf);
    if (ask(l, &p) != CVN_OK)
        return false;
    if (l->npoints == 0)
        l->points_first = p.serial;
    remember_point(l, l->out_at);
    return true;
}

static bool send_some(struct cvn_link *l, uint64_t up_to)
{
    struct cvn_session *s = l->s;
    struct cvn_x225_prim p;
    cvn_x225_prim_init(&p, CVN_S_DATA, CVN_REQUEST);
    p.data = cvn_window_at(&s->out, l->out_at, &p.owner);
    size_t most = up_to - l->out_at < SSDU_MAX ? (size_t)(up_to - l->out_at) : SSDU_MAX;
    if (p.data.n > most)
        p.data.n = most;
    size_t n = p.data.n;
    if (ask(l, &p) != CVN_OK)
        return false;
    if (l->out_at < s->furthest)
        s->counts.replayed += s->furthest - l->out_at < n ? s->furthest - l->out_at : n;
    l->out_at += n;
    s->furthest = l->out_at > s->furthest ? l->out_at : s->furthest;
    if (l->point_due == CVN_NEVER)
        l->point_due = s->now + POINT_AFTER;
    return true;
}

static bool pump_data(struct cvn_link *l)
{
    struct cvn_session *s = l->s;
    uint64_t up_to = s->out.next < s->peer_limit ? s->out.next : s->peer_limit;
    while (l->out_at < up_to && cvn_sc_out_octets(l->sc) < QUEUE_MAX) {
        uint64_t to_point = l->last_point + s->o.spacing;
        if (l->out_at >= to_point) {
            if (l->npoints == POINTS_MAX)
                return true; /* confirmations go on with it */
            if (!set_point(l, CVN_WORD_POINT))
                return false;
            continue;
        }
        if (!send_some(l, up_to < to_point ? up_to : to_point))
            return false;
    }
    return true;
}

static bool pump_points(struct cvn_link *l)
{
    struct cvn_session *s = l->s;
    if (l->npoints == POINTS_MAX)
        return true;
    if (s->ended && l->out_at == s->out.next && !l->end_sent && !s->end_confirmed) {
        l->end_sent = true;
        return set_point(l, CVN_WORD_END);
    }
    if (l->out_at > l->last_point && s->now >= l->point_due)
        return set_point(l, CVN_WORD_POINT);
    return true;
}

static bool pump_status(struct cvn_link *l)
{
    struct cvn_session *s = l->s;
    uint64_t limit = s->in.first + s->o.window;
    if (limit == l->limit_told || limit - l->limit_told < s->o.window / 4)
        return true;
    struct cvn_word w = status(l);
    return say(l, &w) == CVN_OK;
}

static void pump_release(struct cvn_link *l)
{
    struct cvn_session *s = l->s;
    uint8_t buf[CVN_WORD_MAX];
    struct cvn_word w = {.kind = CVN_WORD_RELEASE, .reason = CVN_RELEASE_END};
    struct cvn_x225_prim p;
    if (!s->initiator || !s->end_confirmed || !s->end_told || l->end_here)
        return;
    cvn_x225_prim_init(&p, CVN_S_RELEASE, CVN_REQUEST);
    p.data = spell(&w, buf);
    l->state = LINK_RELEASING;
    (void)ask(l, &p);
}

void cvn_link_pump(struct cvn_link *l)
{
    if (l->state != LINK_OPEN)
        return;
    if (pump_data(l) && pump_points(l) && pump_status(l) && l->state == LINK_OPEN)
        pump_release(l);
    if (l->state != LINK_OVER)
        l->ops->flush(l->ctx);
}

/* -------- what comes -------- */

static void confirm(struct cvn_link *l, uint32_t serial)
{
    uint8_t buf[CVN_WORD_MAX];
    struct cvn_word w = status(l);
    struct cvn_x225_prim p;
    cvn_x225_prim_init(&p, CVN_S_SYNC_MINOR, CVN_RESPONSE);
    p.serial = serial;
    p.data = spell(&w, buf);
    (void)ask(l, &p);
}

void cvn_link_confirm_end(struct cvn_link *l)
{
    if (!l->end_here || l->state != LINK_OPEN)
        return;
    l->end_here = false;
    confirm(l, l->end_serial);
}

static void point(struct cvn_link *l, const struct cvn_x225_prim *p)
{
    struct cvn_session *s = l->s;
    struct cvn_word w;
    if (cvn_word_decode(&w, p->data) != CVN_OK || w.position != l->in_at ||
        (w.kind != CVN_WORD_POINT && w.kind != CVN_WORD_END)) {
        broken(l, "a point that does not stand where the octets end");
        return;
    }
    if (w.kind == CVN_WORD_POINT) {
        if (s->peer_ended && w.position > s->received)
            broken(l, "octets after the end");
        else
            confirm(l, p->serial);
        return;
    }
    if (w.position != s->received) {
        broken(l, "an end before octets that have come");
        return;
    }
    l->end_here = true;
    l->end_serial = p->serial;
    if (s->end_told)
        cvn_link_confirm_end(l);
    else
        cvn_session_peer_end(s);
}

static void heed_status(struct cvn_link *l, const struct cvn_word *w)
{
    struct cvn_session *s = l->s;
    if (w->position > l->out_at) {
        broken(l, "octets are confirmed that were never sent");
        return;
    }
    s->peer_limit = w->limit > s->peer_limit ? w->limit : s->peer_limit;
    cvn_session_confirmed(s, w->position);
}

static void smooth_rtt(struct cvn_session *s, cvn_time sample)
{
    s->rtt = s->rtt == 0 ? sample : s->rtt - s->rtt / 8 + sample / 8;
}

static void point_confirmed(struct cvn_link *l, const struct cvn_x225_prim *p)
{
    struct cvn_session *s = l->s;
    struct cvn_word w;
    uint64_t at = 0;
    if (l->npoints > 0 && l->point_at != CVN_NEVER)
        smooth_rtt(s, s->now - l->point_at);
    while (l->npoints > 0 && l->points_first <= p->serial) {
        at = l->points[l->points_head];
        l->points_head = (l->points_head + 1) % POINTS_MAX;
        l->npoints--;
        l->points_first++;
    }
    l->point_at = CVN_NEVER; /* the next was sent with octets before it */
    if (s->ended && l->end_sent && l->npoints == 0 && at == s->out.next)
        s->end_confirmed = true;
    cvn_session_confirmed(s, at);
    if (cvn_word_decode(&w, p->data) == CVN_OK && w.kind == CVN_WORD_STATUS)
        heed_status(l, &w);
}

static void typed(struct cvn_link *l, const struct cvn_word *w)
{
    struct cvn_session *s = l->s;
    switch (w->kind) {
    case CVN_WORD_STATUS:
        heed_status(l, w);
        break;
    case CVN_WORD_PROBE: {
        struct cvn_word answer = {.kind = CVN_WORD_ANSWER, .number = w->number};
        (void)say(l, &answer);
        break;
    }
    case CVN_WORD_ANSWER:
        if (w->number == l->probe && l->probed != CVN_NEVER) {
            smooth_rtt(s, s->now - l->probed);
            l->probed = CVN_NEVER;
        }
        break;
    default: /* of a later version */
        break;
    }
}

static void proof_came(struct cvn_link *l, const struct cvn_word *w)
{
    struct cvn_session *s = l->s;
    if (w->kind != CVN_WORD_PROOF || !cvn_keys_equal(w->octets.p, l->proof, CVN_PROOF)) {
        drop(l, "the proof is wrong");
        return;
    }
    if (s->opened && l->epoch <= s->epoch) {
        drop(l, "a later link was proven first");
        return;
    }
    s->epoch = l->epoch;
    memcpy(s->secret, l->secret, CVN_SECRET);
    s->has_secret = true;
    s->npending = 0;
    l->state = LINK_OPEN;
    cvn_session_carry(s, l);
}

static void typed_data(struct cvn_link *l, const struct cvn_x225_prim *p)
{
    struct cvn_word w;
    if (p->begin)
        l->typed_len = 0;
    if (p->data.n <= CVN_WORD_MAX - (l->typed_len < CVN_WORD_MAX ? l->typed_len : CVN_WORD_MAX)) {
        if (p->data.n > 0)
            memcpy(l->typed + l->typed_len, p->data.p, p->data.n);
        l->typed_len += (uint32_t)p->data.n;
    } else {
        l->typed_len = CVN_WORD_MAX + 1;
    }
    if (!p->end)
        return;
    if (l->typed_len > CVN_WORD_MAX ||
        cvn_word_decode(&w, (struct cvn_octets){l->typed, l->typed_len}) != CVN_OK) {
        broken(l, "typed data that is no word of a stream session");
        return;
    }
    if (l->state == LINK_ANSWERED)
        proof_came(l, &w);
    else
        typed(l, &w);
}

static void release_asked(struct cvn_link *l)
{
    struct cvn_session *s = l->s;
    struct cvn_x225_prim p;
    if (s->initiator || !s->ended || !s->end_told) {
        broken(l, "a release before both directions have ended");
        return;
    }
    cvn_x225_prim_init(&p, CVN_S_RELEASE, CVN_RESPONSE);
    if (ask(l, &p) != CVN_OK)
        return;
    l->state = LINK_RELEASING;
    s->end_confirmed = true;
    cvn_session_over(s, CVN_SESSION_RELEASED, CVN_REASON_OF_NOTHING, "", 0);
}

static void peer_aborted(struct cvn_link *l, const struct cvn_x225_prim *p)
{
    struct cvn_session *s = l->s;
    struct cvn_word w;
    bool proven = s->link == l;
    if (cvn_word_decode(&w, p->data) != CVN_OK || w.kind != CVN_WORD_ABORT)
        w.octets = (struct cvn_octets){(const uint8_t *)"aborted by the peer", 19};
    l->state = LINK_OVER;
    if (!proven) {
        drop(l, "the peer aborted");
        return;
    }
    cvn_session_over(s, CVN_SESSION_ABORTED, CVN_REASON_PEER, (const char *)w.octets.p, w.octets.n);
}

static void provider_aborted(struct cvn_link *l, const struct cvn_x225_prim *p)
{
    struct cvn_session *s = l->s;
    const char *why = p->why != NULL ? p->why : "the peer reports a protocol error";
    if (p->reason == CVN_ABORT_TRANSPORT || p->reason == CVN_ABORT_UNDEFINED || s->link != l) {
        drop(l, p->why != NULL ? p->why : "the link was lost");
        return;
    }
    l->state = LINK_OVER;
    cvn_session_over(s, CVN_SESSION_ABORTED, CVN_REASON_PROTOCOL, why, strlen(why));
}

static void carried(struct cvn_link *l, const struct cvn_x225_prim *p)
{
    struct cvn_session *s = l->s;
    switch (p->service) {
    case CVN_S_DATA:
        if (s->peer_ended && l->in_at + p->data.n > s->received)
            broken(l, "octets after the end");
        else
            cvn_session_receive(s, l, p->data);
        break;
    case CVN_S_SYNC_MINOR:
        if (p->type == CVN_INDICATION)
            point(l, p);
        else
            point_confirmed(l, p);
        break;
    case CVN_S_RELEASE:
        if (p->type == CVN_INDICATION)
            release_asked(l);
        else
            cvn_session_over(s, CVN_SESSION_RELEASED, CVN_REASON_OF_NOTHING, "", 0);
        break;
    default:
        break;
    }
}

static void primitive(struct cvn_link *l, const struct cvn_x225_prim *p)
{
    if (p->service == CVN_S_CONNECT && p->type == CVN_INDICATION) {
        cvn_host_connect(l, p);
        return;
    }
    if (l->s == NULL)
        return;
    switch (p->service) {
    case CVN_S_CONNECT:
        if (p->result == CVN_RESULT_ACCEPT)
            accepted(l, p);
        else
            refused(l, p);
        break;
    case CVN_S_TYPED_DATA:
        typed_data(l, p);
        break;
    case CVN_S_U_ABORT:
        peer_aborted(l, p);
        break;
    case CVN_S_P_ABORT:
        provider_aborted(l, p);
        break;
    default:
        if (l->s->link == l)
            carried(l, p);
        else
            drop(l, "it speaks before it is proven");
        break;
    }
}

void cvn_link_feed(struct cvn_link *l, const uint8_t *in, size_t len, cvn_time now)
{
    if (l->s != NULL)
        l->s->now = now;
    cvn_link_alive(l, now);
    while (l->state != LINK_OVER) {
        struct cvn_x225_prim p;
        size_t used = 0;
        int rc = cvn_sc_feed(l->sc, in, len, &used, &p, now);
        in += used;
        len -= used;
        if (rc == CVN_EVENT) {
            primitive(l, &p);
            continue;
        }
        if (rc != CVN_MORE)
            drop(l, rc == CVN_ENOMEM ? "no memory for what the peer sent"
                                     : "the peer closed the transport connection");
        break;
    }
    if (l->s != NULL)
        cvn_session_step(l->s);
    if (!l->hung_up)
        l->ops->flush(l->ctx);
}

/* -------- the stream -------- */

size_t cvn_link_out_iov(struct cvn_link *l, struct cvn_iov *iov, size_t n)
{
    return cvn_sc_out_iov(l->sc, iov, n);
}

size_t cvn_link_out_octets(const struct cvn_link *l)
{
    return cvn_sc_out_octets(l->sc);
}

void cvn_link_sent(struct cvn_link *l, size_t octets, cvn_time now)
{
    cvn_sc_sent(l->sc, octets);
    if (l->s == NULL)
        return;
    l->s->now = now;
    if (!l->hung_up)
        cvn_session_step(l->s);
}

bool cvn_link_closing(const struct cvn_link *l)
{
    return l->state == LINK_OVER || cvn_sc_closing(l->sc);
}

/* -------- signs of life -------- */

void cvn_link_alive(struct cvn_link *l, cvn_time now)
{
    l->heard = now;
    l->suspect = false;
}

static bool outstanding(const struct cvn_link *l)
{
    return l->npoints > 0 || l->probed != CVN_NEVER || cvn_sc_out_octets(l->sc) > 0 ||
           l->state == LINK_RELEASING;
}

static cvn_time suspect_after(const struct cvn_session *s)
{
    cvn_time t = 4 * s->rtt;
    return t < SUSPECT_MIN ? SUSPECT_MIN : t > s->o.dead_after ? s->o.dead_after : t;
}

cvn_time cvn_link_deadline(const struct cvn_link *l)
{
    if (l->state == LINK_OVER || l->s == NULL)
        return l->s == NULL && !l->hung_up ? l->begun + ANSWER_IN : CVN_NEVER;
    cvn_time t = cvn_sc_deadline(l->sc);
    if (l->state != LINK_OPEN && l->state != LINK_RELEASING)
        return earlier(t, l->begun + ANSWER_IN);
    if (outstanding(l)) {
        t = earlier(t, l->heard + l->s->o.dead_after);
        if (!l->suspect)
            t = earlier(t, l->heard + suspect_after(l->s));
    } else {
        t = earlier(t, l->heard + l->s->o.idle_probe);
    }
    return l->out_at > l->last_point ? earlier(t, l->point_due) : t;
}

void cvn_link_tick(struct cvn_link *l)
{
    struct cvn_session *s = l->s;
    if (l->state == LINK_OVER)
        return;
    cvn_sc_tick(l->sc, s->now);
    if (l->state != LINK_OPEN && l->state != LINK_RELEASING) {
        if (s->now >= l->begun + ANSWER_IN)
            cvn_link_hang_up(l);
        return;
    }
    if (!outstanding(l)) {
        if (s->now < l->heard + s->o.idle_probe)
            return;
        struct cvn_word w = {.kind = CVN_WORD_PROBE, .number = ++l->probe};
        l->probed = s->now;
        l->heard = s->now; /* its answer is awaited from now on */
        (void)say(l, &w);
    } else if (s->now >= l->heard + s->o.dead_after) {
        drop(l, "the peer was silent");
    } else if (s->now >= l->heard + suspect_after(s)) {
        l->suspect = true;
    }
}
