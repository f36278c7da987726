/* SPDX-License-Identifier: MIT */
/* session - the life of a stream session: its user, its dials, its endings. */
#include "session/session.h"

#include <assert.h>
#include <string.h>

#include "session/session_i.h"

#define MS           1000000ull
#define SECOND       1000000000ull
#define REDIAL_QUICK (200 * MS) /* in the first 30 s of an outage */
#define QUICK_FOR    (30 * SECOND)
#define REDIAL_SLOW  (5 * SECOND)
#define KEEP_DEFAULT 604800u

static cvn_time earlier(cvn_time a, cvn_time b)
{
    return a < b ? a : b;
}

static bool over(const struct cvn_session *s)
{
    return s->state == CVN_SESSION_RELEASED || s->state == CVN_SESSION_ABORTED;
}

static void news(struct cvn_session *s, enum cvn_session_news n, const char *text)
{
    s->o.ops->news(s->o.ctx, s, n, text);
}

/* -------- making and freeing -------- */

static int defaults(struct cvn_session *s, const struct cvn_session_opts *o)
{
    s->o = *o;
    if (o->called_ssel.n > sizeof s->called_ssel || o->called_tsel.n > sizeof s->called_tsel)
        return CVN_EINVAL;
    if (o->called_ssel.n > 0)
        memcpy(s->called_ssel, o->called_ssel.p, o->called_ssel.n);
    if (o->called_tsel.n > 0)
        memcpy(s->called_tsel, o->called_tsel.p, o->called_tsel.n);
    s->o.window = o->window == 0 ? CVN_STREAM_WINDOW : o->window;
    s->o.spacing = o->spacing == 0 ? CVN_STREAM_SPACING : o->spacing;
    s->o.keep_s = o->keep_s == 0 ? KEEP_DEFAULT : o->keep_s;
    s->o.connect_timeout = o->connect_timeout == 0 ? 10 * SECOND : o->connect_timeout;
    s->o.retry_for = o->retry_for == 0 ? s->o.keep_s * SECOND : o->retry_for;
    s->o.dead_after = o->dead_after == 0 ? 2 * SECOND : o->dead_after;
    s->o.idle_probe = o->idle_probe == 0 ? 15 * SECOND : o->idle_probe;
    return CVN_OK;
}

int cvn_session_init(struct cvn_session **out, const struct cvn_session_opts *o, bool initiator,
                     cvn_time now)
{
    const struct cvn_alloc *a = o->alloc == NULL ? cvn_alloc_std() : o->alloc;
    struct cvn_session *s = cvn_new(a, sizeof *s);
    if (s == NULL)
        return CVN_ENOMEM;
    s->alloc = a;
    s->initiator = initiator;
    s->now = s->started = s->outage_since = now;
    s->redial = CVN_NEVER;
    cvn_window_init(&s->out, a, 0);
    cvn_window_init(&s->in, a, 0);
    int rc = defaults(s, o);
    if (rc != CVN_OK) {
        cvn_free(a, s, sizeof *s);
        return rc;
    }
    *out = s;
    return CVN_OK;
}

int cvn_session_new(struct cvn_session **out, const struct cvn_session_opts *o, cvn_time now)
{
    struct cvn_session *s = NULL;
    int rc = cvn_session_init(&s, o, true, now);
    if (rc != CVN_OK)
        return rc;
    cvn_keys_random(s, s->id, CVN_SESSION_ID);
    s->redial = now;
    *out = s;
    return CVN_OK;
}

void cvn_session_dispose(struct cvn_session *s)
{
    if (s->link != NULL) {
        cvn_link_hang_up(s->link);
        s->link->s = NULL;
    }
    while (s->dials != NULL) {
        struct cvn_link *l = s->dials;
        s->dials = l->next;
        l->s = NULL;
        cvn_link_hang_up(l);
    }
    cvn_window_fini(&s->out);
    cvn_window_fini(&s->in);
    memset(s->secret, 0, sizeof s->secret);
    cvn_free(s->alloc, s, sizeof *s);
}

void cvn_session_free(struct cvn_session *s)
{
    if (s == NULL)
        return;
    assert(s->host == NULL); /* the host's are freed by the host */
    cvn_session_dispose(s);
}

/* -------- endings -------- */

void cvn_session_over(struct cvn_session *s, enum cvn_session_state st,
                      enum cvn_session_reason reason, const char *text, size_t n)
{
    if (over(s))
        return;
    s->state = (uint8_t)st;
    s->reason = (uint8_t)reason;
    n = n > CVN_WORD_TEXT_MAX ? CVN_WORD_TEXT_MAX : n;
    if (n > 0)
        memcpy(s->text, text, n);
    s->text[n] = '\0';
    s->redial = CVN_NEVER;
    if (s->link != NULL && !cvn_link_closing(s->link))
        cvn_link_hang_up(s->link);
    for (struct cvn_link *l = s->dials; l != NULL; l = l->next)
        cvn_link_hang_up(l);
    cvn_window_forget(&s->out, s->out.next);
    cvn_window_trim(&s->out);
    if (st == CVN_SESSION_ABORTED) {
        cvn_window_forget(&s->in, s->in.next);
        cvn_window_trim(&s->in);
    }
    news(s, CVN_SESSION_NEWS_OVER, s->text);
}

static void aborted(struct cvn_session *s, enum cvn_session_reason reason, const char *text)
{
    cvn_session_over(s, CVN_SESSION_ABORTED, reason, text, strlen(text));
}

void cvn_session_abort(struct cvn_session *s, const char *text, cvn_time now)
{
    s->now = now;
    if (over(s))
        return;
    if (s->link != NULL)
        cvn_link_abort(s->link, text);
    aborted(s, CVN_REASON_USER, text);
}

/* -------- dials -------- */

static uint32_t dials(const struct cvn_session *s)
{
    uint32_t n = s->dialing;
    for (const struct cvn_link *l = s->dials; l != NULL; l = l->next)
        n += !l->hung_up;
    return n;
}

static cvn_time pause_before_dial(struct cvn_session *s)
{
    uint8_t r = 0;
    if (s->outage_since == CVN_NEVER || s->now - s->outage_since < QUICK_FOR)
        return REDIAL_QUICK;
    cvn_keys_random(s, &r, 1);
    uint32_t steps = s->tries < 5 ? s->tries : 5;
    cvn_time pause = earlier(REDIAL_QUICK << steps, REDIAL_SLOW);
    return pause - pause / 4 * r / 255;
}

static bool wants_link(const struct cvn_session *s)
{
    return s->initiator && !over(s) && (s->link == NULL || s->link->suspect);
}

/* The oldest dial gives way to a fresh one: its SYN may wait for a long time. */
static bool make_way(struct cvn_session *s)
{
    struct cvn_link *oldest = NULL;
    for (struct cvn_link *l = s->dials; l != NULL; l = l->next)
        oldest = l->hung_up ? oldest : l;
    if (oldest == NULL)
        return false;
    cvn_link_hang_up(oldest);
    return true;
}

static void dial(struct cvn_session *s)
{
    s->redial = s->now + pause_before_dial(s);
    if (dials(s) >= DIALS_MAX && !make_way(s))
        return;
    s->tries++;
    s->dialing++;
    cvn_time patience = s->reached ? 4 * s->rtt : s->o.connect_timeout;
    s->o.ops->dial(s->o.ctx, patience < SECOND ? SECOND : patience);
}

void cvn_session_dial_failed(struct cvn_session *s, const char *why, cvn_time now)
{
    s->now = now;
    assert(s->dialing > 0);
    s->dialing--;
    if (over(s))
        return;
    if (why != NULL && s->link == NULL) {
        size_t n = strlen(why);
        n = n > CVN_WORD_TEXT_MAX ? CVN_WORD_TEXT_MAX : n;
        memcpy(s->text, why, n);
        s->text[n] = '\0';
    }
    cvn_session_step(s);
}

void cvn_session_lost(struct cvn_session *s, const char *why)
{
    if (s->outage_since == CVN_NEVER)
        s->outage_since = s->now;
    if (over(s))
        return;
    if (s->opened)
        s->state = CVN_SESSION_SUSPENDED;
    s->tries = 0;
    if (s->initiator)
        s->redial = s->now;
    news(s, CVN_SESSION_NEWS_LOST, why == NULL ? "the link was lost" : why);
}

static bool out_of_time(struct cvn_session *s)
{
    if (s->initiator && !s->reached) {
        if (s->now - s->started < s->o.connect_timeout)
            return false;
        aborted(s, CVN_REASON_UNREACHED, s->text[0] == '\0' ? "no answer" : s->text);
        return true;
    }
    if (s->outage_since == CVN_NEVER || s->now - s->outage_since < s->o.retry_for)
        return false;
    aborted(s, CVN_REASON_EXPIRED, "the link did not come back in time");
    return true;
}

void cvn_session_carry(struct cvn_session *s, struct cvn_link *l)
{
    struct cvn_link *old = s->link;
    for (struct cvn_link **at = &s->dials; *at != NULL; at = &(*at)->next) {
        if (*at == l) {
            *at = l->next;
            break;
        }
    }
    l->next = NULL;
    s->link = l;
    if (old != NULL) {
        old->s = NULL;
        cvn_link_hang_up(old);
    }
    for (struct cvn_link *d = s->dials; d != NULL; d = d->next)
        cvn_link_hang_up(d);
    s->outage_since = CVN_NEVER;
    s->redial = CVN_NEVER;
    s->tries = 0;
    s->reached = true;
    s->state = CVN_SESSION_OPEN;
    s->counts.resumes += s->opened;
    bool first = !s->opened;
    s->opened = true;
    if (first && s->host != NULL)
        cvn_host_opened(s);
    s->peer_limit = l->peer_limit > s->peer_limit ? l->peer_limit : s->peer_limit;
    s->end_confirmed = s->end_confirmed || l->end_taken;
    news(s, first ? CVN_SESSION_NEWS_OPENED : CVN_SESSION_NEWS_RESUMED, NULL);
    cvn_session_confirmed(s, l->out_at);
}

/* What is due now. */
void cvn_session_step(struct cvn_session *s)
{
    if (over(s) || out_of_time(s))
        return;
    if (wants_link(s)) {
        if (s->redial == CVN_NEVER)
            s->redial = s->now;
        if (s->now >= s->redial)
            dial(s);
    }
    if (s->link != NULL)
        cvn_link_pump(s->link);
    if (s->host != NULL)
        cvn_host_due(s->host, cvn_session_deadline(s));
}

cvn_time cvn_session_deadline(const struct cvn_session *s)
{
    cvn_time t = CVN_NEVER;
    if (over(s))
        return CVN_NEVER;
    if (s->link != NULL)
        t = cvn_link_deadline(s->link);
    for (const struct cvn_link *l = s->dials; l != NULL; l = l->next)
        t = earlier(t, cvn_link_deadline(l));
    if (wants_link(s))
        t = earlier(t, s->redial == CVN_NEVER ? s->now : s->redial);
    if (s->initiator && !s->reached)
        t = earlier(t, s->started + s->o.connect_timeout);
    else if (s->outage_since != CVN_NEVER)
        t = earlier(t, s->outage_since + s->o.retry_for);
    return t;
}

void cvn_session_tick(struct cvn_session *s, cvn_time now)
{
    s->now = now;
    if (s->link != NULL)
        cvn_link_tick(s->link);
    for (struct cvn_link *l = s->dials; l != NULL; l = l->next)
        cvn_link_tick(l);
    cvn_session_step(s);
}

/* -------- the user writes -------- */

static size_t room(const struct cvn_session *s)
{
    uint64_t used = cvn_window_octets(&s->out);
    return used >= s->o.window ? 0 : (size_t)(s->o.window - used);
}

static int writable(const struct cvn_session *s)
{
    return over(s) ? CVN_ECLOSED : s->ended ? CVN_ESTATE : CVN_OK;
}

int cvn_session_write(struct cvn_session *s, const void *p, size_t n, size_t *taken, cvn_time now)
{
    *taken = 0;
    int rc = writable(s);
    if (rc != CVN_OK)
        return rc;
    s->now = now;
    size_t some = n < room(s) ? n : room(s);
    if (cvn_window_copy(&s->out, p, some) != CVN_OK)
        return CVN_ENOMEM;
    *taken = some;
    s->full = some < n;
    cvn_session_step(s);
    return some < n ? CVN_FULL : CVN_OK;
}

int cvn_session_write_lent(struct cvn_session *s, struct cvn_ref *owner, struct cvn_octets data,
                           cvn_time now)
{
    int rc = writable(s);
    if (rc != CVN_OK)
        return rc;
    s->now = now;
    if (data.n > room(s)) {
        s->full = true;
        return CVN_FULL;
    }
    if (cvn_window_lend(&s->out, owner, data.p, data.n) != CVN_OK)
        return CVN_ENOMEM;
    cvn_session_step(s);
    return CVN_OK;
}

int cvn_session_end(struct cvn_session *s, cvn_time now)
{
    int rc = writable(s);
    if (rc != CVN_OK)
        return rc;
    s->now = now;
    s->ended = true;
    cvn_session_step(s);
    return CVN_OK;
}

void cvn_session_confirmed(struct cvn_session *s, uint64_t at)
{
    if (at <= s->out.first)
        return;
    cvn_window_forget(&s->out, at);
    if (cvn_window_octets(&s->out) == 0)
        cvn_window_trim(&s->out);
    news(s, CVN_SESSION_NEWS_CONFIRMED, NULL);
    if (s->full && room(s) >= s->o.window / 4) {
        s->full = false;
        news(s, CVN_SESSION_NEWS_WRITABLE, NULL);
    }
}

/* -------- the user reads -------- */

static void tell_end(struct cvn_session *s)
{
    if (!s->peer_ended || s->end_told || cvn_window_octets(&s->in) > 0)
        return;
    s->end_told = true; /* before the user is told: it may ask for our positions */
    news(s, CVN_SESSION_NEWS_END, NULL);
    if (s->link != NULL)
        cvn_link_confirm_end(s->link);
}

void cvn_session_receive(struct cvn_session *s, struct cvn_link *l, struct cvn_octets data)
{
    uint64_t at = l->in_at;
    l->in_at += data.n;
    if (l->in_at <= s->received)
        return; /* it was here already: I2 */
    if (at < s->received) {
        size_t known = (size_t)(s->received - at);
        data = (struct cvn_octets){data.p + known, data.n - known};
    }
    size_t taken = 0;
    if (cvn_window_octets(&s->in) == 0) {
        taken = s->o.ops->data(s->o.ctx, s, s->received, data);
        assert(taken <= data.n);
        s->in.first = s->in.next = s->received + taken;
    }
    if (cvn_window_copy(&s->in, data.p + taken, data.n - taken) != CVN_OK) {
        s->received = s->in.next;
        aborted(s, CVN_REASON_MEMORY, "no memory for what the peer sent");
        return;
    }
    s->received = s->in.next;
}

void cvn_session_peer_end(struct cvn_session *s)
{
    s->peer_ended = true;
    tell_end(s);
}

void cvn_session_pull(struct cvn_session *s, cvn_time now)
{
    s->now = now;
    while (s->state != CVN_SESSION_ABORTED && cvn_window_octets(&s->in) > 0) {
        struct cvn_ref *owner;
        struct cvn_octets some = cvn_window_at(&s->in, s->in.first, &owner);
        size_t taken = s->o.ops->data(s->o.ctx, s, s->in.first, some);
        assert(taken <= some.n);
        cvn_window_forget(&s->in, s->in.first + taken);
        if (taken < some.n)
            break;
    }
    cvn_window_trim(&s->in);
    tell_end(s);
    cvn_session_step(s);
}

/* -------- asked -------- */

void cvn_session_positions(const struct cvn_session *s, struct cvn_positions *p)
{
    *p = s->counts;
    p->written = s->out.next;
    p->confirmed = s->out.first;
    p->delivered = s->in.first;
    p->received = s->received;
    p->epoch = s->epoch;
}

enum cvn_session_state cvn_session_state(const struct cvn_session *s)
{
    return (enum cvn_session_state)s->state;
}

enum cvn_session_reason cvn_session_reason(const struct cvn_session *s)
{
    return (enum cvn_session_reason)s->reason;
}

const char *cvn_session_text(const struct cvn_session *s)
{
    return s->text;
}

const uint8_t *cvn_session_id(const struct cvn_session *s)
{
    return s->id;
}

void cvn_session_own(struct cvn_session *s, void *ctx)
{
    s->o.ctx = ctx;
}
