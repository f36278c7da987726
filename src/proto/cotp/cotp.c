/* SPDX-License-Identifier: MIT */
/*
 * cotp - the machine of classes 0 and 2: ISO 8073 / X.224 clauses 6.2 to 6.9, 6.11, 6.22
 * and Annex A (their cells), over TPKT as RFC 1006 and RFC 2126 say. Here: what the
 * user asks for; cotp_in.c: what the peer says.
 *
 * Invariants
 *   I1  state is written in cvn_cotp_goto() alone; nothing leaves CVN_COTP_ENDED.
 *   I2  at most one of these is under way: a packet header (head_have > 0), a header
 *       TPDU or ED in parts (part_have < part_size), a DT (left > 0).
 *   I3  a DT is never kept: its data are slices of what feed() was given.
 *   I4  a request either queues all of its octets and changes the state, or does
 *       neither; what is queued because of the peer's error (DR, ER) is left out when
 *       there is no memory: the stream's close then says it (6.22.3).
 *   I5  tpdu_max, and in OPEN send_max and receive_max, are 128..CVN_TPDU_MAX.
 *   I6  in the queue only DTs are bulk units, and EDs overtake them; it is held while,
 *       and only while, an ED of ours waits for its EA.
 */
#include "proto/cotp/cotp.h"

#include <assert.h>
#include <string.h>

#include "base/wr.h"
#include "proto/cotp/cotp_i.h"

#define COTP_HEADER_MAX 65600u /* header octets in one cvn_cotp_data() */

static_assert(CVN_OUT_INLINE - COTP_HEAD >= 33,
              "a session header of usual length joins its DT header");

void cvn_cotp_release_part(struct cvn_cotp *c)
{
    cvn_free(c->alloc, c->part, c->part_size);
    c->part = NULL;
    c->part_size = 0;
    c->part_have = 0;
}

static void release_tsels(struct cvn_cotp *c)
{
    cvn_free(c->alloc, c->tsels, COTP_TSELS);
    c->tsels = NULL;
}

void cvn_cotp_goto(struct cvn_cotp *c, enum cvn_cotp_state next)
{
    assert(c->state != CVN_COTP_ENDED && c->state != next); /* I1 */
    c->state = (uint8_t)next;
    if (next != CVN_COTP_WFTRESP) /* they stand in CR or CC and nowhere else */
        release_tsels(c);
    if (next != CVN_COTP_ENDED)
        return;
    if (cotp_part_open(c)) /* what was half received */
        cvn_cotp_release_part(c);
    if (c->out.held) /* what waits for an EA that will not come */
        cvn_out_cut(&c->out);
}

uint8_t cvn_cotp_size_of(uint32_t octets)
{
    uint8_t size = CVN_TPDU_SIZE_MIN;
    assert(octets >= 1u << CVN_TPDU_SIZE_MIN);
    while (size < CVN_TPDU_SIZE_MAX && 2u << size <= octets)
        size++;
    return size;
}

uint32_t cvn_cotp_octets_of(uint8_t size, uint16_t units)
{
    if (units != 0)
        return (uint32_t)units * CVN_TPDU_UNIT;
    return size != 0 ? 1u << size : CVN_TPDU_MAX;
}

static bool tpdu_max_valid(uint32_t n)
{
    return n == CVN_TPDU_MAX ||
           (n >= 128 && n <= CVN_TPDU_UNITS_MAX * CVN_TPDU_UNIT && n % CVN_TPDU_UNIT == 0);
}

static bool keepable(struct cvn_octets o)
{
    return o.p != NULL && o.n <= CVN_TSEL_MAX;
}

bool cvn_cotp_reserve_tsels(struct cvn_cotp *c)
{
    if (c->tsels == NULL)
        c->tsels = cvn_new(c->alloc, COTP_TSELS);
    return c->tsels != NULL;
}

void cvn_cotp_keep_tsels(struct cvn_cotp *c, struct cvn_octets calling, struct cvn_octets called)
{
    c->calling_there = keepable(calling);
    c->called_there = keepable(called);
    c->calling_n = c->calling_there ? (uint8_t)calling.n : 0;
    c->called_n = c->called_there ? (uint8_t)called.n : 0;
    if (c->calling_n + c->called_n == 0)
        return;
    struct cvn_wr w = cvn_wr_init(c->tsels, COTP_TSELS);
    cvn_wr_bytes(&w, calling.p, c->calling_n);
    cvn_wr_bytes(&w, called.p, c->called_n);
}

/* One without octets is there all the same: it points anywhere. */
static struct cvn_octets kept_calling(const struct cvn_cotp *c)
{
    const uint8_t *p = c->calling_n == 0 ? c->head : c->tsels;
    return (struct cvn_octets){.p = c->calling_there ? p : NULL, .n = c->calling_n};
}

static struct cvn_octets kept_called(const struct cvn_cotp *c)
{
    const uint8_t *p = c->called_n == 0 ? c->head : c->tsels + c->calling_n;
    return (struct cvn_octets){.p = c->called_there ? p : NULL, .n = c->called_n};
}

static bool opts_valid(const struct cvn_cotp_opts *o)
{
    if (o->reference == 0 || (o->tpdu_max != 0 && !tpdu_max_valid(o->tpdu_max)))
        return false;
    if ((o->classes & ~(CVN_COTP_CLASS_0 | CVN_COTP_CLASS_2)) != 0)
        return false;
    return !o->initiator || (o->calling.n <= CVN_TSEL_MAX && o->called.n <= CVN_TSEL_MAX);
}

int cvn_cotp_new(struct cvn_cotp **out, const struct cvn_cotp_opts *opts)
{
    const struct cvn_alloc *a = opts->alloc == NULL ? cvn_alloc_std() : opts->alloc;
    uint8_t usual = opts->initiator ? CVN_COTP_CLASS_0 : CVN_COTP_CLASS_0 | CVN_COTP_CLASS_2;
    if (!opts_valid(opts))
        return CVN_EINVAL;
    struct cvn_cotp *c = cvn_new(a, sizeof *c);
    if (c == NULL)
        return CVN_ENOMEM;
    c->alloc = a;
    cvn_out_init(&c->out, a);
    c->initiator = opts->initiator;
    c->lenient = opts->lenient;
    c->expedited = opts->expedited;
    c->acknowledged = opts->acknowledged || !opts->initiator;
    c->reference = opts->reference;
    c->tpdu_max = opts->tpdu_max == 0 ? CVN_TPDU_MAX : opts->tpdu_max;
    c->classes = opts->classes == 0 ? usual : opts->classes;
    if (opts->initiator) {
        c->class_id = (c->classes & CVN_COTP_CLASS_2) != 0 ? 2 : 0;
        if (opts->calling.n + opts->called.n > 0 && !cvn_cotp_reserve_tsels(c)) {
            cvn_free(a, c, sizeof *c);
            return CVN_ENOMEM;
        }
        cvn_cotp_keep_tsels(c, opts->calling, opts->called);
        c->calling_there = c->calling_n > 0;
        c->called_there = c->called_n > 0;
    }
    *out = c;
    return CVN_OK;
}

void cvn_cotp_free(struct cvn_cotp *c)
{
    if (c == NULL)
        return;
    cvn_cotp_release_part(c);
    release_tsels(c);
    cvn_out_fini(&c->out);
    cvn_free(c->alloc, c, sizeof *c);
}

void cvn_cotp_trim(struct cvn_cotp *c)
{
    if (!cotp_part_open(c))
        cvn_cotp_release_part(c);
    cvn_out_trim(&c->out);
}

/* ---- requests ---- */

int cvn_cotp_queue(struct cvn_cotp *c, const struct cvn_tpdu *t)
{
    uint8_t octets[CVN_TPDU_PACKET_MAX];
    struct cvn_wr w = cvn_wr_init(octets, sizeof octets);
    cvn_tpdu_encode(&w, t);
    return cvn_out_copy(&c->out, octets, w.len);
}

int cvn_cotp_queue_urgent(struct cvn_cotp *c, const struct cvn_tpdu *t)
{
    uint8_t octets[CVN_OUT_INLINE];
    struct cvn_wr w = cvn_wr_init(octets, sizeof octets);
    cvn_tpdu_encode(&w, t);
    return cvn_out_urgent(&c->out, octets, w.len, false);
}

int cvn_cotp_queue_last(struct cvn_cotp *c, const struct cvn_tpdu *t)
{
    if (cvn_cotp_queue_urgent(c, t) != CVN_OK)
        return CVN_ENOMEM;
    cvn_out_cut(&c->out);
    return CVN_OK;
}

void cvn_cotp_ask_expedited(struct cvn_cotp *c, bool ask)
{
    if (c->state == CVN_COTP_CLOSED && c->initiator)
        c->expedited = ask;
}

static uint8_t options_of(bool expedited, bool acknowledged)
{
    if (!expedited)
        return 0;
    return acknowledged ? CVN_TPDU_EXPEDITED | CVN_TPDU_ACKNOWLEDGED : CVN_TPDU_EXPEDITED;
}

/* 6.5.4; CR as little as possible: what is left out has its default. But C6 is always
 * there in class 2, where ISO's default and RFC 2126's differ (RFC 2126 6.6). */
int cvn_cotp_connect(struct cvn_cotp *c)
{
    if (c->state != CVN_COTP_CLOSED || !c->initiator)
        return CVN_ESTATE;
    uint8_t size = c->tpdu_max < CVN_TPDU_MAX ? cvn_cotp_size_of(c->tpdu_max) : 0;
    uint16_t units = 0;
    if (size != 0 && c->tpdu_max != 1u << size)
        units = (uint16_t)(c->tpdu_max / CVN_TPDU_UNIT);
    struct cvn_tpdu cr = {
        .code = CVN_TPDU_CR,
        .src = c->reference,
        .class_id = c->class_id,
        .class_0 = (c->classes & CVN_COTP_CLASS_0) != 0,
        .size = size, /* beside F0 for peers without it, 6.5.4 k */
        .units = units,
        .has_options = c->expedited || c->class_id != 0, /* absent: not asked for, RFC 1006 5 */
        .options = options_of(c->expedited, c->acknowledged && c->class_id != 0),
        .calling = kept_calling(c),
        .called = kept_called(c),
    };
    if (cvn_cotp_queue(c, &cr) != CVN_OK)
        return CVN_ENOMEM;
    c->size = size;
    c->units = units;
    cvn_cotp_goto(c, CVN_COTP_WFCC);
    return CVN_OK;
}

int cvn_cotp_accept(struct cvn_cotp *c)
{
    if (c->state != CVN_COTP_WFTRESP)
        return CVN_ESTATE;
    bool expedited = c->expedited && c->expedited_asked;
    struct cvn_tpdu cc = {
        .code = CVN_TPDU_CC,
        .dst = c->peer,
        .src = c->reference,
        .class_id = c->class_id,
        .size = c->size,
        .units = c->units,
        .has_options = c->options_seen || c->class_id != 0,
        .options = options_of(expedited, c->acknowledged),
        .calling = kept_calling(c),
        .called = kept_called(c),
    };
    if (cvn_cotp_queue(c, &cc) != CVN_OK)
        return CVN_ENOMEM;
    c->expedited = expedited;
    c->receive_max = cvn_cotp_octets_of(c->size, c->units);
    c->send_max = cotp_min(c->receive_max, c->tpdu_max);
    cvn_cotp_goto(c, CVN_COTP_OPEN);
    return CVN_OK;
}

struct cvn_tpdu cvn_cotp_dr(const struct cvn_cotp *c, uint16_t dst, uint16_t src,
                            enum cvn_cotp_reason reason)
{
    bool told = (unsigned)reason < CVN_DR_NORMAL || c->higher_class || c->class_id != 0;
    return (struct cvn_tpdu){
        .code = CVN_TPDU_DR,
        .dst = dst,
        .src = src,
        .reason = (uint8_t)(told ? reason : CVN_DR_NOT_SPECIFIED),
    };
}

/* OPEN, class 2. What waits for an EA does not go any more: the DR cannot wait. */
static int release(struct cvn_cotp *c, enum cvn_cotp_reason reason)
{
    struct cvn_tpdu dr = cvn_cotp_dr(c, c->peer, c->reference, reason);
    int rc = c->out.held ? cvn_cotp_queue_last(c, &dr) : cvn_cotp_queue(c, &dr);
    if (rc == CVN_OK)
        cvn_cotp_goto(c, CVN_COTP_CLOSING);
    return rc;
}

int cvn_cotp_disconnect(struct cvn_cotp *c, enum cvn_cotp_reason reason)
{
    struct cvn_tpdu dr = cvn_cotp_dr(c, c->peer, 0, reason);
    switch (c->state) {
    case CVN_COTP_WFCC:
        cvn_cotp_goto(c, c->class_id == 0 ? CVN_COTP_ENDED : CVN_COTP_WBCL);
        return CVN_OK;
    case CVN_COTP_WFTRESP:
        if (cvn_cotp_queue(c, &dr) != CVN_OK)
            return CVN_ENOMEM;
        cvn_cotp_goto(c, CVN_COTP_ENDED);
        return CVN_OK;
    case CVN_COTP_OPEN:
        if (c->class_id != 0)
            return release(c, reason);
        cvn_cotp_goto(c, CVN_COTP_ENDED);
        return CVN_OK;
    default:
        return CVN_ESTATE;
    }
}

/* What one T-DATA request still has to give out, in order. */
struct source {
    struct cvn_ref *header_owner;
    struct cvn_octets header;
    struct cvn_ref *owner;
    const struct cvn_octets *data; /* the slice that is next; its first gone octets are out */
    size_t gone;
};

/* Lends the next n octets of s. There is room (cvn_cotp_data). */
static void lend(struct cvn_out *o, struct source *s, size_t n)
{
    while (n > 0) {
        bool header = s->header.n > 0;
        struct cvn_octets from = header ? s->header : *s->data;
        size_t gone = header ? 0 : s->gone;
        size_t take = from.n - gone < n ? from.n - gone : n;
        if (take > 0) {
            int rc = cvn_out_lend(o, header ? s->header_owner : s->owner, from.p + gone, take);
            assert(rc == CVN_OK);
        }
        n -= take;
        if (header) {
            s->header.p += take;
            s->header.n -= take;
        } else if (gone + take == from.n) {
            s->data++;
            s->gone = 0;
        } else {
            s->gone += take;
        }
    }
}

/* Octets of a DT's header and of its packet's. */
static size_t head_of(const struct cvn_cotp *c)
{
    return c->class_id == 0 ? COTP_HEAD : COTP_HEAD2;
}

/* The most octets that a header may have to join that of a DT. */
static size_t joined_max(const struct cvn_cotp *c)
{
    return CVN_OUT_INLINE - head_of(c);
}

static size_t payload_max(const struct cvn_cotp *c)
{
    return CVN_TPKT_HEADER + c->send_max - head_of(c);
}

/* Queues the DTs for total octets; the header joins the first one's if it is short. */
static void queue_dts(struct cvn_cotp *c, struct source *s, size_t total, bool end)
{
    size_t most = payload_max(c);
    do {
        uint8_t octets[CVN_OUT_INLINE];
        struct cvn_wr w = cvn_wr_init(octets, sizeof octets);
        size_t payload = total < most ? total : most;
        total -= payload;
        struct cvn_tpdu_data dt = {
            .code = CVN_TPDU_DT,
            .class_id = c->class_id,
            .end = end && total == 0,
            .dst = c->peer,
            .n = payload,
        };
        cvn_tpdu_encode_data(&w, &dt);
        if (s->header.n > 0 && s->header_owner == NULL) {
            cvn_wr_bytes(&w, s->header.p, s->header.n);
            payload -= s->header.n; /* joined_max() is less than any payload_max() */
            s->header.n = 0;
        }
        int rc = cvn_out_bulk(&c->out, octets, w.len);
        assert(rc == CVN_OK && !w.bad);
        lend(&c->out, s, payload);
    } while (total > 0);
}

int cvn_cotp_data(struct cvn_cotp *c, struct cvn_octets header, struct cvn_ref *owner,
                  const struct cvn_octets *data, size_t n, bool end)
{
    size_t total = header.n;
    size_t lent = header.n > joined_max(c);
    if (c->state != CVN_COTP_OPEN)
        return CVN_ESTATE;
    if (header.n > COTP_HEADER_MAX)
        return CVN_EINVAL;
    for (size_t i = 0; i < n; i++) {
        total += data[i].n;
        lent += data[i].n > 0;
    }
    if (total == 0 && !end)
        return CVN_OK;
    if (total == 0 && !c->tsdu_out)
        return CVN_EINVAL; /* 6.3.3: no TSDU without octets */
    /* Every DT has a piece for its header, and may cut what is lent in two. */
    size_t cuts = total == 0 ? 0 : (total - 1) / payload_max(c);
    if (cvn_out_reserve(&c->out, 1 + cuts + lent + cuts) != CVN_OK)
        return CVN_ENOMEM;
    struct source s = {.header = header, .owner = owner, .data = data};
    if (header.n > joined_max(c)) {
        s.header_owner = cvn_out_dup(&c->out, header.p, header.n, &s.header.p);
        if (s.header_owner == NULL)
            return CVN_ENOMEM;
    }
    queue_dts(c, &s, total, end);
    cvn_ref_drop(s.header_owner);
    c->tsdu_out = !end;
    return CVN_OK;
}

int cvn_cotp_expedited(struct cvn_cotp *c, struct cvn_octets data)
{
    uint8_t octets[COTP_HEAD2 + CVN_EXPEDITED_MAX];
    struct cvn_wr w = cvn_wr_init(octets, sizeof octets);
    if (c->state != CVN_COTP_OPEN)
        return CVN_ESTATE;
    if (!c->expedited)
        return CVN_EUNIT;
    if (data.n < 1 || data.n > CVN_EXPEDITED_MAX)
        return CVN_EINVAL;
    struct cvn_tpdu_data ed = {
        .code = CVN_TPDU_ED,
        .class_id = c->class_id,
        .end = true,
        .dst = c->peer,
        .n = data.n,
    };
    cvn_tpdu_encode_data(&w, &ed);
    cvn_wr_bytes(&w, data.p, data.n);
    assert(!w.bad);
    if (cvn_out_urgent(&c->out, octets, w.len, c->acknowledged) != CVN_OK)
        return CVN_ENOMEM;
    if (c->acknowledged)
        cvn_out_hold(&c->out); /* RFC 2126 4.2.2: neither DT nor ED before its EA */
    return CVN_OK;
}

struct cvn_out *cvn_cotp_out(struct cvn_cotp *c)
{
    return &c->out;
}

enum cvn_cotp_state cvn_cotp_state(const struct cvn_cotp *c)
{
    return c->state;
}

bool cvn_cotp_closing(const struct cvn_cotp *c)
{
    return c->state == CVN_COTP_ENDED;
}

bool cvn_cotp_has_expedited(const struct cvn_cotp *c)
{
    return c->state == CVN_COTP_OPEN && c->expedited;
}

unsigned cvn_cotp_class_id(const struct cvn_cotp *c)
{
    return c->class_id;
}

uint32_t cvn_cotp_tpdu_max(const struct cvn_cotp *c)
{
    return c->send_max;
}
