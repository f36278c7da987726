/* SPDX-License-Identifier: MIT */
/* host - the responder's sessions by id: who may open, resume, and what the others are told. */
#include <assert.h>
#include <string.h>

#include "session/session_i.h"

#define SECOND       1000000000ull
#define STRANGER_MAX (10 * SECOND) /* to a first S-CONNECT */
#define BUCKETS      64u
#define SESSIONS_MAX 65536u

struct cvn_host {
    const struct cvn_alloc *alloc;
    struct cvn_host_opts o;
    struct cvn_session **buckets;
    uint32_t nbuckets; /* a power of two */
    size_t count;
    struct cvn_link *strangers;
    cvn_time due;
};

int cvn_host_new(struct cvn_host **out, const struct cvn_host_opts *o)
{
    const struct cvn_alloc *a = o->alloc == NULL ? cvn_alloc_std() : o->alloc;
    struct cvn_host *h = cvn_new(a, sizeof *h);
    if (h == NULL)
        return CVN_ENOMEM;
    h->alloc = a;
    h->o = *o;
    h->o.sessions_max = o->sessions_max == 0 ? SESSIONS_MAX : o->sessions_max;
    h->due = CVN_NEVER;
    h->nbuckets = BUCKETS;
    h->buckets = cvn_new(a, BUCKETS * sizeof(struct cvn_session *));
    if (h->buckets == NULL) {
        cvn_free(a, h, sizeof *h);
        return CVN_ENOMEM;
    }
    *out = h;
    return CVN_OK;
}

const struct cvn_alloc *cvn_host_alloc(const struct cvn_host *h)
{
    return h->alloc;
}

/* The id is random. */
static struct cvn_session **bucket(struct cvn_session **buckets, uint32_t n, const uint8_t *id)
{
    uint32_t v = (uint32_t)id[0] | (uint32_t)id[1] << 8 | (uint32_t)id[2] << 16;
    return &buckets[v & (n - 1)];
}

static struct cvn_session *find(const struct cvn_host *h, const uint8_t *id)
{
    struct cvn_session *s = *bucket(h->buckets, h->nbuckets, id);
    while (s != NULL && memcmp(s->id, id, CVN_SESSION_ID) != 0)
        s = s->next;
    return s;
}

/* More buckets if there is memory for them; without, chains grow. */
static void widen(struct cvn_host *h)
{
    uint32_t n = h->nbuckets * 4;
    struct cvn_session **wide = cvn_new(h->alloc, n * sizeof(struct cvn_session *));
    if (wide == NULL)
        return;
    for (uint32_t i = 0; i < h->nbuckets; i++) {
        while (h->buckets[i] != NULL) {
            struct cvn_session *s = h->buckets[i];
            struct cvn_session **to = bucket(wide, n, s->id);
            h->buckets[i] = s->next;
            s->next = *to;
            *to = s;
        }
    }
    cvn_free(h->alloc, h->buckets, h->nbuckets * sizeof(struct cvn_session *));
    h->buckets = wide;
    h->nbuckets = n;
}

static void insert(struct cvn_host *h, struct cvn_session *s)
{
    if (h->count >= 2 * (size_t)h->nbuckets)
        widen(h);
    struct cvn_session **at = bucket(h->buckets, h->nbuckets, s->id);
    s->next = *at;
    *at = s;
    s->host = h;
    h->count++;
}

static void forget(struct cvn_host *h, struct cvn_session *s)
{
    struct cvn_session **at = bucket(h->buckets, h->nbuckets, s->id);
    while (*at != s)
        at = &(*at)->next;
    *at = s->next;
    h->count--;
    if (s->opened)
        h->o.ops->gone(h->o.ctx, s);
    s->host = NULL;
    cvn_session_dispose(s);
}

void cvn_host_free(struct cvn_host *h)
{
    if (h == NULL)
        return;
    for (uint32_t i = 0; i < h->nbuckets; i++) {
        while (h->buckets[i] != NULL)
            forget(h, h->buckets[i]);
    }
    for (struct cvn_link *l = h->strangers; l != NULL; l = l->next) {
        cvn_link_hang_up(l);
        l->host = NULL;
    }
    cvn_free(h->alloc, h->buckets, h->nbuckets * sizeof(struct cvn_session *));
    cvn_free(h->alloc, h, sizeof *h);
}

size_t cvn_host_sessions(const struct cvn_host *h)
{
    return h->count;
}

void cvn_host_due(struct cvn_host *h, cvn_time t)
{
    h->due = t < h->due ? t : h->due;
}

cvn_time cvn_host_deadline(const struct cvn_host *h)
{
    return h->due;
}

void cvn_host_welcome(struct cvn_host *h, struct cvn_link *l)
{
    l->host = h;
    l->next = h->strangers;
    h->strangers = l;
    cvn_host_due(h, l->begun + STRANGER_MAX);
}

void cvn_host_farewell(struct cvn_host *h, struct cvn_link *l)
{
    struct cvn_link **at = &h->strangers;
    while (*at != NULL && *at != l)
        at = &(*at)->next;
    if (*at == l)
        *at = l->next;
    l->next = NULL;
}

void cvn_host_opened(struct cvn_session *s)
{
    s->host->o.ops->opened(s->host->o.ctx, s);
}

/* -------- time -------- */

static bool is_over(const struct cvn_session *s)
{
    return s->state == CVN_SESSION_RELEASED || s->state == CVN_SESSION_ABORTED;
}

/* An end is kept as long as the state would have been; an opening that nobody proved is not. */
static cvn_time forget_at(const struct cvn_session *s)
{
    if (s->link != NULL || s->dials != NULL)
        return CVN_NEVER;
    if (!s->opened)
        return s->now;
    cvn_time since = s->outage_since == CVN_NEVER ? s->now : s->outage_since;
    return is_over(s) ? since + s->o.keep_s * SECOND : CVN_NEVER;
}

static cvn_time look_after(struct cvn_host *h, struct cvn_session *s, cvn_time now)
{
    if (cvn_session_deadline(s) <= now)
        cvn_session_tick(s, now);
    cvn_time t = forget_at(s);
    if (t <= now) {
        forget(h, s);
        return CVN_NEVER;
    }
    cvn_time d = cvn_session_deadline(s);
    return d < t ? d : t;
}

void cvn_host_tick(struct cvn_host *h, cvn_time now)
{
    cvn_time due = CVN_NEVER;
    h->due = CVN_NEVER;
    for (uint32_t i = 0; i < h->nbuckets; i++) {
        struct cvn_session *next;
        for (struct cvn_session *s = h->buckets[i]; s != NULL; s = next) {
            next = s->next;
            cvn_time t = look_after(h, s, now);
            due = t < due ? t : due;
        }
    }
    for (struct cvn_link *l = h->strangers; l != NULL; l = l->next) {
        if (l->hung_up)
            continue;
        if (l->begun + STRANGER_MAX <= now)
            cvn_link_hang_up(l);
        else
            due = l->begun + STRANGER_MAX < due ? l->begun + STRANGER_MAX : due;
    }
    cvn_host_due(h, due);
}

/* -------- openings and resumes -------- */

static void refuse(struct cvn_link *l, struct cvn_session *s, uint8_t answer, const char *text,
                   const struct cvn_x225_prim *p, const uint8_t *base)
{
    uint8_t buf[CVN_RECORD_MAX];
    size_t n = cvn_keys_refusal(s, l, answer, text, p->data, base, buf);
    cvn_link_answer(l, n == 0 ? CVN_RF_USER : CVN_RF_USER_DATA, (struct cvn_octets){buf, n});
}

static void answer(struct cvn_link *l, struct cvn_session *s, const struct cvn_record *r,
                   const struct cvn_x225_prim *p, const uint8_t base[CVN_SECRET])
{
    uint8_t buf[CVN_RECORD_MAX];
    l->epoch = r->epoch;
    cvn_link_told(l, s);
    cvn_link_join(l, s);
    if (!cvn_link_begin(l, r)) {
        refuse(l, s, CVN_ANSWER_GAP, "octets that are needed are no longer there", p, base);
        cvn_link_leave(l);
        return;
    }
    size_t n = cvn_keys_answer(s, l, r, p->data, base, buf);
    assert(n > 0);
    l->state = LINK_ANSWERED;
    cvn_link_answer(l, CVN_RESULT_ACCEPT, (struct cvn_octets){buf, n});
}

static void resume(struct cvn_link *l, const struct cvn_record *r, const struct cvn_x225_prim *p,
                   struct cvn_session *s)
{
    uint8_t base[CVN_SECRET];
    if (s == NULL) {
        refuse(l, NULL, CVN_ANSWER_GONE, "no such session", p, NULL);
        return;
    }
    s->now = l->heard;
    if (!cvn_keys_offered(s, l, r, p->data, base))
        refuse(l, NULL, CVN_ANSWER_DENIED, "the proof is wrong", p, NULL);
    else if (is_over(s))
        refuse(l, s, CVN_ANSWER_GONE, s->state == CVN_SESSION_RELEASED ? "released" : s->text, p,
               base);
    else if (r->epoch <= s->epoch)
        refuse(l, s, CVN_ANSWER_RETRY, "a later epoch was used", p, base);
    else
        answer(l, s, r, p, base);
    memset(base, 0, sizeof base);
}

static void open_session(struct cvn_host *h, struct cvn_link *l, const struct cvn_record *r,
                         const struct cvn_x225_prim *p)
{
    struct cvn_session_opts o = {0};
    struct cvn_session *s = NULL;
    int rc = h->o.ops->opening(h->o.ctx, p->called, &o);
    if (rc == CVN_ENOTFOUND) {
        cvn_link_answer(l, CVN_RF_SELECTOR_UNKNOWN, (struct cvn_octets){NULL, 0});
        return;
    }
    if (rc != CVN_OK) {
        refuse(l, NULL, CVN_ANSWER_DENIED, "not permitted", p, NULL);
        return;
    }
    o.alloc = h->alloc;
    if (h->count >= h->o.sessions_max || cvn_session_init(&s, &o, false, l->heard) != CVN_OK) {
        cvn_link_answer(l, CVN_RF_USER_CONGESTION, (struct cvn_octets){NULL, 0});
        return;
    }
    memcpy(s->id, r->session, CVN_SESSION_ID);
    cvn_keys_random(s, s->secret, CVN_SECRET);
    s->has_secret = true;
    insert(h, s);
    answer(l, s, r, p, s->secret);
}

void cvn_host_connect(struct cvn_link *l, const struct cvn_x225_prim *p)
{
    struct cvn_host *h = l->host;
    struct cvn_record r;
    if (h == NULL || l->s != NULL)
        return;
    if (cvn_record_decode(&r, p->data) != CVN_OK || !r.ours ||
        !cvn_record_has(&r, CVN_RECORD_F_SESSION) || !cvn_record_has(&r, CVN_RECORD_F_NONCE) ||
        (p->units & STREAM_UNITS) != STREAM_UNITS) {
        refuse(l, NULL, CVN_ANSWER_DENIED, "a stream session needs a restoration record", p, NULL);
        return;
    }
    struct cvn_session *s = find(h, r.session);
    if (cvn_record_has(&r, CVN_RECORD_F_RESUME)) {
        resume(l, &r, p, s);
        return;
    }
    if (s != NULL && s->opened) {
        refuse(l, NULL, CVN_ANSWER_DENIED, "a session of that name is open", p, NULL);
        return;
    }
    if (s != NULL)
        forget(h, s); /* its initiator never got the answer: nothing was said on it */
    open_session(h, l, &r, p);
}
