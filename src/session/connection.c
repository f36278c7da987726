/* SPDX-License-Identifier: MIT */
/*
 * connection - one session connection over one octet stream: COTP (RFC 1006, RFC 2126)
 * below, X.225 above, and the octets between them moved without a copy.
 *
 * Invariants
 *   I1  after every public call nothing stands in the session machine's queue:
 *       it has all been given to COTP (pump()).
 *   I2  slice is what COTP delivered and the machine has not taken yet; it points
 *       into the octets of the last feed.
 *   I3  down: the session machine has no transport connection any more. COTP may still
 *       have one to release (class 2), until the peer's DC or until release_by.
 */
#include "convene/connection.h"

#include <assert.h>
#include <string.h>

#include "base/wr.h"
#include "proto/cotp/cotp.h"

/* TS2, X.224 6.7.5 note 4: how long the peer's DC is awaited. */
#define RELEASE_WITHIN ((cvn_time)5 * 1000000000u)
#define COPIED_MAX     65536u /* octets in one cvn_cotp_data() that are to be copied */

struct cvn_sc {
    const struct cvn_alloc *alloc;
    struct cvn_cotp *cotp;
    struct cvn_x225 *x225;
    struct cvn_octets slice;
    uint8_t protection; /* enum cvn_protection: what the stream gives */
    bool has_slice;
    bool slice_begin;
    bool slice_end;
    bool slice_expedited;
    bool bare;
    bool open;           /* a TSDU of the session machine's has begun and not ended */
    bool up;             /* the transport connection is open */
    bool down;           /* it is over */
    cvn_time release_by; /* while COTP is being released */
    const char *transport_why;
};

int cvn_sc_new(struct cvn_sc **out, const struct cvn_sc_opts *opts)
{
    const struct cvn_alloc *a = opts->alloc == NULL ? cvn_alloc_std() : opts->alloc;
    struct cvn_cotp_opts copts = {
        .alloc = a,
        .initiator = opts->initiator,
        .reference = opts->reference,
        .calling = opts->calling_tsel,
        .called = opts->called_tsel,
        .expedited = opts->expedited,
        .acknowledged = opts->transport_acknowledged,
        .classes = opts->transport_classes,
        .tpdu_max = opts->tpdu_max,
        .lenient = true,
    };
    static_assert((int)CVN_TRANSPORT_CLASS_0 == (int)CVN_COTP_CLASS_0 &&
                      (int)CVN_TRANSPORT_CLASS_2 == (int)CVN_COTP_CLASS_2,
                  "the same set");
    struct cvn_x225_opts xopts = opts->x225;
    xopts.alloc = a;
    struct cvn_sc *c = cvn_new(a, sizeof *c);
    if (c == NULL)
        return CVN_ENOMEM;
    c->alloc = a;
    c->release_by = CVN_NEVER;
    int rc = cvn_cotp_new(&c->cotp, &copts);
    if (rc == CVN_OK)
        rc = cvn_x225_new(&c->x225, &xopts);
    c->bare = opts->bare;
    c->protection = opts->protection;
    if (rc == CVN_OK && opts->bare && opts->initiator)
        rc = cvn_cotp_connect(c->cotp);
    if (rc != CVN_OK) {
        cvn_sc_free(c);
        return rc;
    }
    *out = c;
    return CVN_OK;
}

void cvn_sc_free(struct cvn_sc *c)
{
    if (c == NULL)
        return;
    cvn_x225_free(c->x225);
    cvn_cotp_free(c->cotp);
    cvn_free(c->alloc, c, sizeof *c);
}

static int hand_down_expedited(struct cvn_sc *c, const struct cvn_x225_out *o)
{
    uint8_t whole[CVN_EXPEDITED_MAX];
    struct cvn_wr w = cvn_wr_init(whole, sizeof whole);
    cvn_wr_bytes(&w, o->header.p, o->header.n);
    cvn_wr_bytes(&w, o->data.p, o->data.n);
    assert(!w.bad);
    return cvn_cotp_expedited(c->cotp, (struct cvn_octets){whole, w.len});
}

/* Octets that nobody owns: COTP copies them, as much at once as it takes. */
static int hand_down_copied(struct cvn_sc *c, const struct cvn_x225_out *o)
{
    size_t done = 0;
    int rc = cvn_cotp_data(c->cotp, o->header, NULL, NULL, 0, o->end && o->data.n == 0);
    while (rc == CVN_OK && done < o->data.n) {
        size_t n = o->data.n - done < COPIED_MAX ? o->data.n - done : COPIED_MAX;
        struct cvn_octets part = {o->data.p + done, n};
        done += n;
        rc = cvn_cotp_data(c->cotp, part, NULL, NULL, 0, o->end && done == o->data.n);
    }
    return rc;
}

/* From now on there is no transport connection for the session machine. */
static void down(struct cvn_sc *c, cvn_time now)
{
    c->down = true;
    c->release_by = now + RELEASE_WITHIN;
}

/* Without memory for a DR the stream's close says it. */
static void disconnect(struct cvn_sc *c, cvn_time now)
{
    struct cvn_cotp_event e;
    down(c, now);
    if (cvn_cotp_disconnect(c->cotp, CVN_DR_NORMAL) != CVN_OK)
        (void)!cvn_cotp_stream_closed(c->cotp, &e);
}

/* One thing that the session machine wants of the transport. */
static int hand_down(struct cvn_sc *c, const struct cvn_x225_out *o, cvn_time now)
{
    struct cvn_octets both[2] = {o->data, {NULL, 0}};
    switch (o->kind) {
    case CVN_X225_T_CONNECT:
        return cvn_cotp_connect(c->cotp);
    case CVN_X225_T_DATA:
        c->open = !o->end;
        if (o->data_copy)
            return hand_down_copied(c, o);
        return cvn_cotp_data(c->cotp, o->header, o->owner, both, 1, o->end);
    case CVN_X225_T_EXPEDITED:
        return hand_down_expedited(c, o);
    case CVN_X225_T_DISCONNECT:
        disconnect(c, now);
        return CVN_OK;
    default: /* CVN_X225_T_CONNECT_ACCEPT: said when the T-CONNECT indication came */
        return CVN_OK;
    }
}

/* I1. A transport that is over takes nothing: what the machine still says is dropped. */
static int pump(struct cvn_sc *c, cvn_time now)
{
    struct cvn_x225_out o;
    while (cvn_x225_out(c->x225, &o) == CVN_EVENT) {
        int rc = c->down ? CVN_OK : hand_down(c, &o, now);
        if (rc == CVN_ENOMEM)
            return rc;
        cvn_x225_out_done(c->x225);
    }
    return CVN_OK;
}

/* Out of memory in the middle of an SPDU's way down: there is no going on. */
static void lose(struct cvn_sc *c, cvn_time now)
{
    struct cvn_cotp_event e;
    if (c->down)
        return;
    down(c, now);
    (void)!cvn_cotp_stream_closed(c->cotp, &e);
    c->transport_why = "no memory for what was to be sent";
    (void)!cvn_x225_transport_down(c->x225, now);
}

int cvn_sc_tsdu(struct cvn_sc *c, struct cvn_octets tsdu, bool expedited, cvn_time now)
{
    struct cvn_x225_out o = {.data = tsdu, .data_copy = true, .end = true};
    if (c->down || !c->up || c->open)
        return CVN_ESTATE;
    if (tsdu.n == 0)
        return CVN_EINVAL;
    if (expedited)
        return cvn_cotp_expedited(c->cotp, tsdu);
    int rc = hand_down_copied(c, &o);
    if (rc == CVN_ENOMEM)
        lose(c, now);
    return rc;
}

/* S-CONNECT asks for a protection that the stream below does not give. */
static bool unprotected(const struct cvn_sc *c, const struct cvn_x225_prim *p)
{
    return p->service == CVN_S_CONNECT && p->type == CVN_REQUEST &&
           (p->protection & ~(unsigned)c->protection) != 0;
}

int cvn_sc_request(struct cvn_sc *c, struct cvn_x225_prim *p, cvn_time now)
{
    if (c->down || c->bare)
        return CVN_ESTATE;
    if (unprotected(c, p))
        return CVN_EPERM;
    /* The transport's expedited data is asked for if the session's is proposed, not else. */
    if (p->service == CVN_S_CONNECT && p->type == CVN_REQUEST)
        cvn_cotp_ask_expedited(c->cotp, (p->units & CVN_FU_EXPEDITED) != 0 || p->extended_control);
    int rc = cvn_x225_request(c->x225, p, now);
    if (rc != CVN_OK)
        return rc;
    rc = pump(c, now);
    if (rc != CVN_OK)
        lose(c, now);
    return rc;
}

const char *cvn_sc_why(const struct cvn_sc *c, const struct cvn_x225_prim *p)
{
    if (c->down)
        return "the transport connection is over";
    if (unprotected(c, p))
        return "protection is asked for, and the stream below gives none of that kind";
    return cvn_x225_why(c->x225, p);
}

int cvn_sc_allowed(const struct cvn_sc *c, enum cvn_x225_service s, enum cvn_x225_type t)
{
    return c->down || c->bare ? CVN_ESTATE : cvn_x225_allowed(c->x225, s, t);
}

static void transport_up(struct cvn_sc *c, bool acceptor, cvn_time now)
{
    c->up = true;
    if (!c->bare)
        (void)!cvn_x225_transport_up(c->x225, acceptor, cvn_cotp_has_expedited(c->cotp), now);
}

bool cvn_sc_idle(const struct cvn_sc *c)
{
    return c->up && !c->down && cvn_x225_state(c->x225) == CVN_STA01C;
}

int cvn_sc_disconnect(struct cvn_sc *c, cvn_time now)
{
    if (!cvn_sc_idle(c))
        return CVN_ESTATE;
    int rc = cvn_cotp_disconnect(c->cotp, CVN_DR_NORMAL);
    if (rc != CVN_OK)
        return rc;
    down(c, now);
    (void)!cvn_x225_transport_down(c->x225, now);
    return CVN_OK;
}

/* A T-service event other than data. */
static int transport_event(struct cvn_sc *c, const struct cvn_cotp_event *e, cvn_time now)
{
    switch (e->kind) {
    case CVN_COTP_EV_CONNECT_IND:
        if (cvn_cotp_accept(c->cotp) != CVN_OK)
            return CVN_ENOMEM;
        transport_up(c, true, now);
        return CVN_OK;
    case CVN_COTP_EV_CONNECT_CONF:
        transport_up(c, false, now);
        return CVN_OK;
    case CVN_COTP_EV_DISCONNECT:
        down(c, now);
        c->transport_why = e->why;
        (void)!cvn_x225_transport_down(c->x225, now);
        return CVN_OK;
    default: /* CVN_COTP_EV_DATA, CVN_COTP_EV_EXPEDITED */
        c->slice = e->data;
        c->has_slice = true;
        c->slice_begin = e->kind == CVN_COTP_EV_EXPEDITED || e->begin;
        c->slice_end = e->kind == CVN_COTP_EV_EXPEDITED || e->end;
        c->slice_expedited = e->kind == CVN_COTP_EV_EXPEDITED;
        return CVN_OK;
    }
}

/* On a bare connection the slice itself is the event. */
static int give_slice(struct cvn_sc *c, struct cvn_x225_prim *ev)
{
    cvn_x225_prim_init(ev, c->slice_expedited ? CVN_S_EXPEDITED_DATA : CVN_S_DATA, CVN_INDICATION);
    ev->data = c->slice;
    ev->begin = c->slice_begin;
    ev->end = c->slice_end;
    c->has_slice = false;
    return CVN_EVENT;
}

/* Gives the slice to the session machine until it has an event or has it all. */
static int feed_slice(struct cvn_sc *c, struct cvn_x225_prim *ev, cvn_time now)
{
    for (;;) {
        size_t used = 0;
        int rc = cvn_x225_feed(c->x225, c->slice.p, c->slice.n, c->slice_begin, c->slice_end,
                               c->slice_expedited, &used, ev, now);
        c->slice.p = used == 0 ? c->slice.p : c->slice.p + used;
        c->slice.n -= used;
        if (used > 0 || rc == CVN_EVENT)
            c->slice_begin = false;
        if (pump(c, now) != CVN_OK)
            return CVN_ENOMEM;
        if (rc == CVN_FULL)
            continue;
        if (rc != CVN_EVENT)
            c->has_slice = false;
        return rc;
    }
}

int cvn_sc_feed(struct cvn_sc *c, const uint8_t *in, size_t len, size_t *used,
                struct cvn_x225_prim *ev, cvn_time now)
{
    *used = 0;
    for (;;) {
        if (c->has_slice) {
            int rc = c->bare ? give_slice(c, ev) : feed_slice(c, ev, now);
            if (rc != CVN_MORE)
                return rc;
        }
        int rc = cvn_x225_next(c->x225, ev, now);
        if (pump(c, now) != CVN_OK)
            return CVN_ENOMEM;
        if (rc == CVN_EVENT)
            return rc;
        struct cvn_cotp_event e;
        size_t n = 0;
        rc = cvn_cotp_feed(c->cotp, *used == 0 ? in : in + *used, len - *used, &n, &e);
        *used += n;
        if (rc != CVN_EVENT)
            return rc;
        if (transport_event(c, &e, now) != CVN_OK || pump(c, now) != CVN_OK)
            return CVN_ENOMEM;
    }
}

void cvn_sc_stream_closed(struct cvn_sc *c, cvn_time now)
{
    struct cvn_cotp_event e;
    c->has_slice = false;
    (void)!cvn_cotp_stream_closed(c->cotp, &e);
    if (c->down)
        return;
    down(c, now);
    (void)!cvn_x225_transport_down(c->x225, now);
}

int cvn_sc_next(struct cvn_sc *c, struct cvn_x225_prim *ev, cvn_time now)
{
    int rc = cvn_x225_next(c->x225, ev, now);
    if (pump(c, now) != CVN_OK)
        lose(c, now);
    return rc;
}

size_t cvn_sc_out_octets(const struct cvn_sc *c)
{
    return cvn_cotp_out(c->cotp)->octets;
}

size_t cvn_sc_out_iov(struct cvn_sc *c, struct cvn_iov *iov, size_t n)
{
    return cvn_out_iov(cvn_cotp_out(c->cotp), iov, n);
}

void cvn_sc_sent(struct cvn_sc *c, size_t octets)
{
    struct cvn_out *o = cvn_cotp_out(c->cotp);
    cvn_out_sent(o, octets);
}

bool cvn_sc_open(const struct cvn_sc *c)
{
    return c->up;
}

void cvn_sc_trim(struct cvn_sc *c)
{
    if (!c->has_slice)
        cvn_cotp_trim(c->cotp);
}

bool cvn_sc_closing(const struct cvn_sc *c)
{
    return cvn_cotp_closing(c->cotp);
}

cvn_time cvn_sc_deadline(const struct cvn_sc *c)
{
    cvn_time t = cvn_x225_deadline(c->x225);
    bool releasing = c->down && !cvn_cotp_closing(c->cotp);
    return releasing && c->release_by < t ? c->release_by : t;
}

void cvn_sc_tick(struct cvn_sc *c, cvn_time now)
{
    struct cvn_cotp_event e;
    if (c->down && now >= c->release_by)
        (void)!cvn_cotp_stream_closed(c->cotp, &e); /* the peer has not said DC */
    cvn_x225_tick(c->x225, now);
    if (pump(c, now) != CVN_OK)
        lose(c, now);
}

void cvn_sc_vars(const struct cvn_sc *c, struct cvn_x225_vars *v)
{
    cvn_x225_vars(c->x225, v);
}

const char *cvn_sc_transport_why(const struct cvn_sc *c)
{
    return c->transport_why;
}

void cvn_sc_transport(const struct cvn_sc *c, struct cvn_sc_transport *t)
{
    *t = (struct cvn_sc_transport){
        .up = c->up && !c->down,
        .class_id = cvn_cotp_class_id(c->cotp),
        .expedited = cvn_cotp_has_expedited(c->cotp),
        .tpdu_max = cvn_cotp_tpdu_max(c->cotp),
    };
}
