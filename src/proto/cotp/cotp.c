/* SPDX-License-Identifier: MIT */
/*
 * cotp - the machine of class 0: ISO 8073 / X.224 clauses 6.2 to 6.9, 6.22 and
 * Annex A (class 0 cells), over TPKT as RFC 1006 and RFC 2126 4.1 say.
 *
 * Invariants
 *   I1  state is written in cotp_goto() alone; nothing leaves CVN_COTP_ENDED.
 *   I2  at most one of these is under way: a packet header (head_have > 0), a header
 *       TPDU or ED in parts (part_have < part_size), a DT (left > 0).
 *   I3  a DT is never kept: its data are slices of what feed() was given.
 *   I4  a request either queues all of its octets and changes the state, or does
 *       neither; what is queued because of the peer's error (DR, ER) is left out when
 *       there is no memory: the stream's close then says it (6.22.3).
 *   I5  tpdu_max, and in OPEN send_max and receive_max, are 128..CVN_TPDU_MAX.
 */
#include "proto/cotp/cotp.h"

#include <assert.h>
#include <string.h>

#include "base/rd.h"
#include "base/wr.h"
#include "proto/cotp/cotp_tpdu.h"
#include "proto/tpkt/tpkt.h"

/* What has to be there before anything can be decided: packet header, LI, code, number. */
#define COTP_HEAD (CVN_TPKT_HEADER + CVN_TPDU_DATA_HEADER)
/* The largest TPDU other than DT that is kept. The longest that the rules allow is a DR
 * of 255 octets of header and 64 of user data. */
#define COTP_PART_MAX   512u
#define COTP_HEADER_MAX 65600u /* header octets in one cvn_cotp_data() */
#define COTP_JOINED_MAX (CVN_OUT_INLINE - COTP_HEAD)
#define COTP_IDLE_MAX   256u /* octets of this object */

struct cvn_cotp {
    const struct cvn_alloc *alloc;
    struct cvn_out out;
    uint8_t *part; /* a TPDU that came in parts; complete: kept for its event until next feed */
    uint16_t part_size;
    uint16_t part_have;
    uint32_t left;     /* octets of the current DT still to come */
    uint32_t tpdu_max; /* our own limit */
    uint32_t send_max; /* agreed, in OPEN */
    uint32_t receive_max;
    uint16_t reference; /* ours */
    uint16_t peer;      /* the peer's; 0: not known */
    uint16_t units;     /* F0 and C0 of our CR, or of the CC that we would answer; 0: absent */
    uint8_t size;
    uint8_t state; /* enum cvn_cotp_state */
    bool initiator;
    bool lenient;
    bool expedited;       /* ours to give; from CC on: agreed */
    bool expedited_asked; /* responder: C6 of the CR, bit 1 */
    bool options_seen;    /* responder: the CR had a C6, so the CC has one */
    bool higher_class;    /* responder: the CR preferred another class than 0 */
    bool dt_end;          /* EOT of the current DT */
    bool tsdu_in;         /* a TSDU has begun and not ended, in each direction */
    bool tsdu_out;
    bool calling_there;
    bool called_there;
    uint8_t calling_n;
    uint8_t called_n;
    uint8_t head_have;
    uint8_t head[COTP_HEAD];
    uint8_t calling[CVN_TSEL_MAX];
    uint8_t called[CVN_TSEL_MAX];
};

static_assert(sizeof(struct cvn_cotp) <= COTP_IDLE_MAX, "an idle connection is small");
static_assert(COTP_JOINED_MAX >= 33, "a session header of usual length joins its DT header");

static void release_part(struct cvn_cotp *c)
{
    cvn_free(c->alloc, c->part, c->part_size);
    c->part = NULL;
    c->part_size = 0;
    c->part_have = 0;
}

static bool part_open(const struct cvn_cotp *c)
{
    return c->part_have < c->part_size;
}

static void cotp_goto(struct cvn_cotp *c, enum cvn_cotp_state next)
{
    assert(c->state != CVN_COTP_ENDED && c->state != next); /* I1 */
    c->state = (uint8_t)next;
    if (next == CVN_COTP_ENDED && part_open(c)) /* what was half received */
        release_part(c);
}

static uint32_t min32(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

/* The largest exponent of C0 that does not pass octets (I5). */
static uint8_t size_of(uint32_t octets)
{
    uint8_t size = CVN_TPDU_SIZE_MIN;
    assert(octets >= 1u << CVN_TPDU_SIZE_MIN);
    while (size < CVN_TPDU_SIZE_MAX && 2u << size <= octets)
        size++;
    return size;
}

/* What C0 and F0 mean together, 6.5.4 j and RFC 1006 5; F0 wins where both stand. */
static uint32_t octets_of_size(uint8_t size, uint16_t units)
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

/* Keeps a TSEL if it fits, as it is there, if only with no octets. */
static void keep_tsel(struct cvn_octets o, uint8_t *to, uint8_t *n, bool *there)
{
    *there = o.p != NULL && o.n <= CVN_TSEL_MAX;
    *n = *there ? (uint8_t)o.n : 0;
    if (*n > 0)
        memcpy(to, o.p, o.n);
}

static struct cvn_octets kept_tsel(const uint8_t *p, uint8_t n, bool there)
{
    return (struct cvn_octets){.p = there ? p : NULL, .n = n};
}

int cvn_cotp_new(struct cvn_cotp **out, const struct cvn_cotp_opts *opts)
{
    const struct cvn_alloc *a = opts->alloc == NULL ? cvn_alloc_std() : opts->alloc;
    uint32_t tpdu_max = opts->tpdu_max == 0 ? CVN_TPDU_MAX : opts->tpdu_max;
    if (opts->reference == 0 || !tpdu_max_valid(tpdu_max))
        return CVN_EINVAL;
    if (opts->initiator && (opts->calling.n > CVN_TSEL_MAX || opts->called.n > CVN_TSEL_MAX))
        return CVN_EINVAL;
    struct cvn_cotp *c = cvn_new(a, sizeof *c);
    if (c == NULL)
        return CVN_ENOMEM;
    c->alloc = a;
    cvn_out_init(&c->out, a);
    c->initiator = opts->initiator;
    c->lenient = opts->lenient;
    c->expedited = opts->expedited;
    c->reference = opts->reference;
    c->tpdu_max = tpdu_max;
    if (opts->initiator) {
        keep_tsel(opts->calling, c->calling, &c->calling_n, &c->calling_there);
        keep_tsel(opts->called, c->called, &c->called_n, &c->called_there);
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
    release_part(c);
    cvn_out_fini(&c->out);
    cvn_free(c->alloc, c, sizeof *c);
}

void cvn_cotp_trim(struct cvn_cotp *c)
{
    if (!part_open(c))
        release_part(c);
    cvn_out_trim(&c->out);
}

/* ---- requests ---- */

static int queue(struct cvn_cotp *c, const struct cvn_tpdu *t)
{
    uint8_t octets[CVN_TPDU_PACKET_MAX];
    struct cvn_wr w = cvn_wr_init(octets, sizeof octets);
    cvn_tpdu_encode(&w, t);
    return cvn_out_copy(&c->out, octets, w.len);
}

/* 6.5.4; CR as little as possible: what is left out has its default. */
int cvn_cotp_connect(struct cvn_cotp *c)
{
    if (c->state != CVN_COTP_CLOSED || !c->initiator)
        return CVN_ESTATE;
    uint8_t size = c->tpdu_max < CVN_TPDU_MAX ? size_of(c->tpdu_max) : 0;
    uint16_t units = 0;
    if (size != 0 && c->tpdu_max != 1u << size)
        units = (uint16_t)(c->tpdu_max / CVN_TPDU_UNIT);
    struct cvn_tpdu cr = {
        .code = CVN_TPDU_CR,
        .src = c->reference,
        .size = size, /* beside F0 for peers without it, 6.5.4 k */
        .units = units,
        .has_options = c->expedited, /* absent: not asked for, RFC 1006 5 */
        .options = CVN_TPDU_EXPEDITED,
        .calling = kept_tsel(c->calling, c->calling_n, c->calling_there),
        .called = kept_tsel(c->called, c->called_n, c->called_there),
    };
    if (queue(c, &cr) != CVN_OK)
        return CVN_ENOMEM;
    c->size = size;
    c->units = units;
    cotp_goto(c, CVN_COTP_WFCC);
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
        .size = c->size,
        .units = c->units,
        .has_options = c->options_seen,
        .options = expedited ? CVN_TPDU_EXPEDITED : 0,
        .calling = kept_tsel(c->calling, c->calling_n, c->calling_there),
        .called = kept_tsel(c->called, c->called_n, c->called_there),
    };
    if (queue(c, &cc) != CVN_OK)
        return CVN_ENOMEM;
    c->expedited = expedited;
    c->receive_max = octets_of_size(c->size, c->units);
    c->send_max = min32(c->receive_max, c->tpdu_max);
    cotp_goto(c, CVN_COTP_OPEN);
    return CVN_OK;
}

/* SRC-REF 0: the TC was never there (6.6.3). Reasons of 128 and over exist in classes 1
 * to 4 only (13.5.3): they cannot answer a CR for class 0. */
static int queue_dr(struct cvn_cotp *c, uint16_t dst, uint16_t src, enum cvn_cotp_reason reason)
{
    bool told = (unsigned)reason < CVN_DR_NORMAL || c->higher_class;
    struct cvn_tpdu dr = {
        .code = CVN_TPDU_DR,
        .dst = dst,
        .src = src,
        .reason = (uint8_t)(told ? reason : CVN_DR_NOT_SPECIFIED),
    };
    return queue(c, &dr);
}

int cvn_cotp_disconnect(struct cvn_cotp *c, enum cvn_cotp_reason reason)
{
    if (c->state == CVN_COTP_CLOSED || c->state == CVN_COTP_ENDED)
        return CVN_ESTATE;
    if (c->state == CVN_COTP_WFTRESP && queue_dr(c, c->peer, 0, reason) != CVN_OK)
        return CVN_ENOMEM;
    cotp_goto(c, CVN_COTP_ENDED);
    return CVN_OK;
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

/* Queues the DTs for total octets; the header joins the first one's if it is short. */
static void queue_dts(struct cvn_cotp *c, struct source *s, size_t total, bool end)
{
    size_t payload_max = c->send_max - CVN_TPDU_DATA_HEADER;
    do {
        uint8_t octets[CVN_OUT_INLINE];
        struct cvn_wr w = cvn_wr_init(octets, sizeof octets);
        size_t payload = total < payload_max ? total : payload_max;
        total -= payload;
        cvn_tpdu_encode_data(&w, CVN_TPDU_DT, payload, end && total == 0);
        if (s->header.n > 0 && s->header_owner == NULL) {
            cvn_wr_bytes(&w, s->header.p, s->header.n);
            payload -= s->header.n; /* COTP_JOINED_MAX is less than any payload_max */
            s->header.n = 0;
        }
        int rc = cvn_out_copy(&c->out, octets, w.len);
        assert(rc == CVN_OK && !w.bad);
        lend(&c->out, s, payload);
    } while (total > 0);
}

int cvn_cotp_data(struct cvn_cotp *c, struct cvn_octets header, struct cvn_ref *owner,
                  const struct cvn_octets *data, size_t n, bool end)
{
    size_t total = header.n;
    size_t lent = header.n > COTP_JOINED_MAX;
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
    size_t cuts = total == 0 ? 0 : (total - 1) / (c->send_max - CVN_TPDU_DATA_HEADER);
    if (cvn_out_reserve(&c->out, 1 + cuts + lent + cuts) != CVN_OK)
        return CVN_ENOMEM;
    struct source s = {.header = header, .owner = owner, .data = data};
    if (header.n > COTP_JOINED_MAX) {
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
    uint8_t octets[COTP_HEAD + CVN_EXPEDITED_MAX];
    struct cvn_wr w = cvn_wr_init(octets, sizeof octets);
    if (c->state != CVN_COTP_OPEN)
        return CVN_ESTATE;
    if (!c->expedited)
        return CVN_EUNIT;
    if (data.n < 1 || data.n > CVN_EXPEDITED_MAX)
        return CVN_EINVAL;
    cvn_tpdu_encode_data(&w, CVN_TPDU_ED, data.n, true);
    cvn_wr_bytes(&w, data.p, data.n);
    assert(!w.bad);
    return cvn_out_copy(&c->out, octets, w.len);
}

/* ---- endings that were not asked for ---- */

static int ended(struct cvn_cotp *c, struct cvn_cotp_event *ev, bool local, uint8_t reason,
                 const char *why)
{
    cotp_goto(c, CVN_COTP_ENDED);
    *ev = (struct cvn_cotp_event){
        .kind = CVN_COTP_EV_DISCONNECT,
        .local = local,
        .reason = reason,
        .why = why,
    };
    return CVN_EVENT;
}

/* ER with the octets of tpdu up to the bad one, 6.22.3 note 5. */
static void queue_er(struct cvn_cotp *c, uint16_t dst, struct cvn_octets tpdu,
                     const struct cvn_tpdu_fault *f)
{
    assert(f->upto <= tpdu.n);
    struct cvn_tpdu er = {
        .code = CVN_TPDU_ER,
        .dst = dst,
        .reason = (uint8_t)f->cause,
        .extra = {.p = tpdu.p, .n = f->upto},
    };
    (void)!queue(c, &er); /* I4 */
}

/* An invalid TPDU of a TC that is there: ER, if the peer's reference is known, and over. */
static int invalid(struct cvn_cotp *c, struct cvn_octets tpdu, const struct cvn_tpdu_fault *f,
                   struct cvn_cotp_event *ev)
{
    if (c->peer != 0)
        queue_er(c, c->peer, tpdu, f);
    return ended(c, ev, true, (uint8_t)f->reason, f->why);
}

/* An invalid CR: ER if it asks for class 0, else DR (6.6.3); nothing if it does not say
 * whom to answer. */
static int invalid_cr(struct cvn_cotp *c, struct cvn_octets in, const struct cvn_tpdu *t,
                      const struct cvn_tpdu_fault *f, struct cvn_cotp_event *ev)
{
    c->higher_class = t->class_id != 0;
    if (t->src != 0 && c->higher_class)
        (void)!queue_dr(c, t->src, 0, f->reason); /* I4 */
    else if (t->src != 0)
        queue_er(c, t->src, in, f);
    return ended(c, ev, true, (uint8_t)f->reason, f->why);
}

/* ---- what the peer says ---- */

/* What the CC would answer, 6.5.4 j, k; RFC 2126 6.4: with a size wherever one was proposed. */
static void choose_size(struct cvn_cotp *c, const struct cvn_tpdu *cr)
{
    uint8_t ours = size_of(c->tpdu_max);
    assert(c->size == 0 && c->units == 0);
    if (cr->units != 0)
        c->units = (uint16_t)min32(cr->units, c->tpdu_max / CVN_TPDU_UNIT);
    else if (cr->size != 0)
        c->size = cr->size < ours ? cr->size : ours;
    else if (c->tpdu_max <= 1u << CVN_TPDU_SIZE_MAX)
        c->size = ours;
}

static int on_cr(struct cvn_cotp *c, struct cvn_octets in, struct cvn_cotp_event *ev)
{
    struct cvn_tpdu t;
    struct cvn_tpdu_fault f;
    if (cvn_tpdu_decode(in, &t, &f) != CVN_OK)
        return invalid_cr(c, in, &t, &f, ev);
    c->higher_class = t.class_id != 0;
    if (!t.class_0) {
        (void)!queue_dr(c, t.src, 0, CVN_DR_NEGOTIATION_FAILED); /* I4 */
        return ended(c, ev, true, CVN_DR_NEGOTIATION_FAILED,
                     "the CR does not allow class 0 (X.224 6.5.4 h)");
    }
    c->peer = t.src;
    c->options_seen = t.has_options;
    c->expedited_asked = (t.options & CVN_TPDU_EXPEDITED) != 0;
    choose_size(c, &t);
    keep_tsel(t.calling, c->calling, &c->calling_n, &c->calling_there);
    keep_tsel(t.called, c->called, &c->called_n, &c->called_there);
    cotp_goto(c, CVN_COTP_WFTRESP);
    *ev = (struct cvn_cotp_event){
        .kind = CVN_COTP_EV_CONNECT_IND,
        .data = t.data,
        .expedited = c->expedited_asked,
        .calling = t.calling,
        .called = t.called,
        .tpdu_max = min32(octets_of_size(c->size, c->units), c->tpdu_max),
    };
    return CVN_EVENT;
}

/* P6: what makes a well-formed CC unacceptable, or NULL. */
static const char *cc_refused(const struct cvn_cotp *c, const struct cvn_tpdu *t, uint8_t *reason)
{
    uint8_t asked = c->expedited ? CVN_TPDU_EXPEDITED : 0;
    *reason = CVN_DR_MISMATCHED_REFERENCES;
    if (t->dst != c->reference)
        return "CC for another reference (X.224 6.9.4)";
    *reason = CVN_DR_NEGOTIATION_FAILED;
    if (t->class_id != 0)
        return "CC selects a class that was not offered (X.224 6.5.4 h)";
    if ((t->options & ~asked) != 0)
        return "CC selects an option that was not offered (X.224 6.5.4, table 4)";
    if (t->units != 0 && t->size != 0)
        return "CC has both kinds of TPDU size (X.224 6.5.4 k)";
    if (t->units > c->units)
        return "CC has a preferred TPDU size that was not proposed, or larger (X.224 6.5.4 k)";
    if (t->size != 0 && c->size != 0 && t->size > c->size)
        return "CC has a TPDU size over the proposal (X.224 6.5.4 j)";
    return NULL;
}

/* No size where one was proposed: 65,531 by RFC 1006, the proposal for those who
 * read ISO's rules: send no more than proposed, take all. */
static int on_cc(struct cvn_cotp *c, const struct cvn_tpdu *t, struct cvn_cotp_event *ev)
{
    uint8_t reason = 0;
    const char *refused = cc_refused(c, t, &reason);
    if (refused != NULL)
        return ended(c, ev, true, reason, refused); /* P6: close, without DR */
    bool sized = t->size != 0 || t->units != 0;
    uint32_t agreed = octets_of_size(t->size, t->units);
    c->peer = t->src;
    c->receive_max = agreed;
    c->send_max = min32(c->tpdu_max, sized ? agreed : octets_of_size(c->size, 0));
    c->expedited = (t->options & CVN_TPDU_EXPEDITED) != 0;
    cotp_goto(c, CVN_COTP_OPEN);
    *ev = (struct cvn_cotp_event){
        .kind = CVN_COTP_EV_CONNECT_CONF,
        .data = t->data,
        .expedited = c->expedited,
        .calling = t->calling,
        .called = t->called,
        .tpdu_max = c->send_max,
    };
    return CVN_EVENT;
}

/* A CC where there is no TC is answered by DR (table A.6; 6.9.4.2 a). */
static int on_stray_cc(struct cvn_cotp *c, struct cvn_octets in, struct cvn_cotp_event *ev)
{
    struct cvn_tpdu t;
    struct cvn_tpdu_fault f;
    if (cvn_tpdu_decode(in, &t, &f) == CVN_OK)
        (void)!queue_dr(c, t.src, t.dst, CVN_DR_NOT_SPECIFIED); /* I4 */
    return ended(c, ev, true, CVN_DR_PROTOCOL_ERROR, "CC without a CR (X.224 6.9.4.2)");
}

static int on_dr(struct cvn_cotp *c, const struct cvn_tpdu *t, struct cvn_cotp_event *ev)
{
    (void)ended(c, ev, false, t->reason, "the peer has sent DR (X.224 6.7)");
    ev->data = t->data;
    return CVN_EVENT;
}

static int on_er(struct cvn_cotp *c, const struct cvn_tpdu *t, struct cvn_cotp_event *ev)
{
    (void)ended(c, ev, false, t->reason, "the peer has sent ER (X.224 6.22)");
    ev->error_tpdu = true;
    ev->data = t->extra;
    return CVN_EVENT;
}

/* A whole TPDU other than DT, one that the state takes. */
static int on_tpdu(struct cvn_cotp *c, struct cvn_octets in, struct cvn_cotp_event *ev)
{
    struct cvn_rd rd = cvn_rd_init(in.p, in.n);
    cvn_rd_skip(&rd, 1);
    uint8_t code = cvn_rd_u8(&rd) & 0xf0;
    if (code == CVN_TPDU_ED) {
        cvn_rd_skip(&rd, 1);
        *ev = (struct cvn_cotp_event){
            .kind = CVN_COTP_EV_EXPEDITED,
            .data = {.p = rd.at, .n = cvn_rd_left(&rd)},
        };
        return CVN_EVENT;
    }
    if (c->state == CVN_COTP_CLOSED)
        return code == CVN_TPDU_CR ? on_cr(c, in, ev) : on_stray_cc(c, in, ev);
    struct cvn_tpdu t;
    struct cvn_tpdu_fault f;
    int rc = cvn_tpdu_decode(in, &t, &f);
    if (t.code == CVN_TPDU_ER && rc != CVN_OK)
        return ended(c, ev, true, (uint8_t)f.reason, f.why); /* never ER for ER, 6.22.3 note 2 */
    if (rc != CVN_OK) {
        c->peer = c->peer == 0 ? t.src : c->peer;
        return invalid(c, in, &f, ev);
    }
    if (t.code == CVN_TPDU_CC)
        return on_cc(c, &t, ev);
    return t.code == CVN_TPDU_DR ? on_dr(c, &t, ev) : on_er(c, &t, ev);
}

/* ---- the stream ---- */

/* Table A.6: which TPDUs other than DT and ED the state takes; ED in OPEN if agreed. */
static bool takes(const struct cvn_cotp *c, uint8_t code)
{
    switch (c->state) {
    case CVN_COTP_CLOSED:
        return (code & 0xf0) == CVN_TPDU_CC || (!c->initiator && (code & 0xf0) == CVN_TPDU_CR);
    case CVN_COTP_WFCC:
        return (code & 0xf0) == CVN_TPDU_CC || code == CVN_TPDU_DR || code == CVN_TPDU_ER;
    case CVN_COTP_WFTRESP:
        return code == CVN_TPDU_DR;
    default:
        return code == CVN_TPDU_DR || code == CVN_TPDU_ER;
    }
}

/* A TPDU that the state does not take. Without a TC: close, as for a second CR
 * (6.9.1.4.2 of 1995) and for ER (6.22.3 note 2); else it is a protocol error. */
static int unexpected(struct cvn_cotp *c, struct cvn_octets head, uint32_t n, uint8_t li,
                      uint8_t code, struct cvn_cotp_event *ev)
{
    struct cvn_tpdu_fault f = {
        .cause = CVN_ER_TPDU_TYPE,
        .reason = CVN_DR_PROTOCOL_ERROR,
        .upto = 2,
        .why = "a TPDU that is not valid in class 0 or not now (X.224 13.1, A.6)",
    };
    if (c->state == CVN_COTP_CLOSED)
        return ended(c, ev, true, CVN_DR_PROTOCOL_ERROR, "the first TPDU is not a CR (X.224 A.6)");
    if ((code & 0xf0) == CVN_TPDU_CR || code == CVN_TPDU_ER)
        return ended(c, ev, true, CVN_DR_PROTOCOL_ERROR, f.why);
    if (li == 0 || li > CVN_TPDU_LI_MAX || li >= n) {
        f.cause = CVN_ER_NOT_SPECIFIED;
        f.reason = CVN_DR_LENGTH_INVALID;
        f.upto = 1;
        f.why = "a length indicator that is 0, 255 or too long (X.224 13.2.1)";
    }
    return invalid(c, head, &f, ev);
}

/* The next octets of the current DT: a slice of in (I3). */
static int on_payload(struct cvn_cotp *c, const uint8_t *in, size_t len, size_t *used,
                      struct cvn_cotp_event *ev)
{
    size_t n = c->left < len ? c->left : len;
    c->left -= (uint32_t)n;
    *used += n;
    *ev = (struct cvn_cotp_event){
        .kind = CVN_COTP_EV_DATA,
        .data = {.p = in, .n = n},
        .begin = !c->tsdu_in,
        .end = c->left == 0 && c->dt_end,
    };
    c->tsdu_in = !ev->end;
    return CVN_EVENT;
}

/* A DT of n octets in OPEN; *used octets of in were its header. */
static int on_dt(struct cvn_cotp *c, const uint8_t *header, uint32_t n, const uint8_t *in,
                 size_t len, size_t *used, struct cvn_cotp_event *ev)
{
    struct cvn_octets tpdu = {.p = header, .n = CVN_TPDU_DATA_HEADER};
    struct cvn_tpdu_fault f;
    c->head_have = 0;
    if (cvn_tpdu_decode_data(header, n, c->lenient, &c->dt_end, &f) != CVN_OK)
        return invalid(c, tpdu, &f, ev);
    f = (struct cvn_tpdu_fault){
        .cause = CVN_ER_NOT_SPECIFIED,
        .reason = CVN_DR_LENGTH_INVALID,
        .upto = CVN_TPDU_DATA_HEADER,
        .why = "a DT over the agreed TPDU size (X.224 6.5.4 j)",
    };
    if (n > c->receive_max)
        return invalid(c, tpdu, &f, ev);
    f.why = "a TSDU without octets (X.224 6.3.3)";
    if (n == CVN_TPDU_DATA_HEADER && !c->tsdu_in)
        return invalid(c, tpdu, &f, ev);
    c->left = n - CVN_TPDU_DATA_HEADER;
    if (c->left > 0 && *used == len)
        return CVN_MORE;
    return on_payload(c, in + *used, len - *used, used, ev);
}

/* More of the TPDU in parts. */
static int on_part(struct cvn_cotp *c, const uint8_t *in, size_t len, size_t *used,
                   struct cvn_cotp_event *ev)
{
    size_t n = c->part_size - c->part_have;
    if (n > len - *used)
        n = len - *used;
    if (n > 0)
        memcpy(c->part + c->part_have, in + *used, n);
    c->part_have = (uint16_t)(c->part_have + n);
    *used += n;
    if (part_open(c))
        return CVN_MORE;
    return on_tpdu(c, (struct cvn_octets){.p = c->part, .n = c->part_size}, ev);
}

/* A header TPDU or ED of n octets that the state takes: from in if it is there as
 * a whole, else by way of part. */
static int on_whole(struct cvn_cotp *c, const uint8_t *header, uint32_t n, const uint8_t *in,
                    size_t len, size_t *used, struct cvn_cotp_event *ev)
{
    if (n > COTP_PART_MAX)
        return ended(c, ev, true, CVN_DR_LENGTH_INVALID,
                     "a TPDU longer than its user data may be (X.224 13.3.5, 13.5.5)");
    size_t rest = n - CVN_TPDU_DATA_HEADER;
    if (c->head_have == 0 && len - *used >= rest) {
        *used += rest;
        return on_tpdu(c, (struct cvn_octets){.p = header, .n = n}, ev);
    }
    uint8_t *part = cvn_resize(c->alloc, NULL, 0, n);
    if (part == NULL) {
        *used = 0;
        return CVN_ENOMEM;
    }
    memcpy(part, header, CVN_TPDU_DATA_HEADER);
    c->head_have = 0;
    c->part = part;
    c->part_size = (uint16_t)n;
    c->part_have = CVN_TPDU_DATA_HEADER;
    return on_part(c, in, len, used, ev);
}

/* The seven octets at head are a packet header and the first three of its TPDU. */
static int on_head(struct cvn_cotp *c, const uint8_t *head, const uint8_t *in, size_t len,
                   size_t *used, struct cvn_cotp_event *ev)
{
    uint32_t n = cvn_tpkt_length(head);
    if (n == 0)
        return ended(c, ev, true, CVN_DR_PROTOCOL_ERROR, "not a packet of RFC 1006");
    n -= CVN_TPKT_HEADER;
    struct cvn_octets tpdu = {.p = head + CVN_TPKT_HEADER, .n = CVN_TPDU_DATA_HEADER};
    struct cvn_rd rd = cvn_rd_init(tpdu.p, tpdu.n);
    uint8_t li = cvn_rd_u8(&rd);
    uint8_t code = cvn_rd_u8(&rd);
    bool open = c->state == CVN_COTP_OPEN;
    if (open && (code & 0xf0) == CVN_TPDU_DT)
        return on_dt(c, tpdu.p, n, in, len, used, ev);
    if (open && c->expedited && (code & 0xf0) == CVN_TPDU_ED) {
        bool eot = false;
        struct cvn_tpdu_fault f;
        if (cvn_tpdu_decode_data(tpdu.p, n, c->lenient, &eot, &f) != CVN_OK)
            return invalid(c, tpdu, &f, ev);
        return on_whole(c, tpdu.p, n, in, len, used, ev);
    }
    if (!takes(c, code))
        return unexpected(c, tpdu, n, li, code, ev);
    return on_whole(c, tpdu.p, n, in, len, used, ev);
}

/* Octets where a packet begins. */
static int on_packet(struct cvn_cotp *c, const uint8_t *in, size_t len, size_t *used,
                     struct cvn_cotp_event *ev)
{
    if (c->head_have == 0 && len >= COTP_HEAD) {
        *used = COTP_HEAD;
        return on_head(c, in, in, len, used, ev);
    }
    size_t n = COTP_HEAD - c->head_have;
    if (n > len)
        n = len;
    memcpy(c->head + c->head_have, in, n);
    *used = n;
    if (c->head_have + n == COTP_HEAD) /* head_have stays: without memory nothing was taken */
        return on_head(c, c->head, in, len, used, ev);
    c->head_have = (uint8_t)(c->head_have + n);
    if (c->head_have >= CVN_TPKT_HEADER && cvn_tpkt_length(c->head) == 0)
        return ended(c, ev, true, CVN_DR_PROTOCOL_ERROR, "not a packet of RFC 1006");
    return CVN_MORE;
}

int cvn_cotp_feed(struct cvn_cotp *c, const uint8_t *in, size_t len, size_t *used,
                  struct cvn_cotp_event *ev)
{
    *used = 0;
    if (!part_open(c))
        release_part(c);
    if (c->state == CVN_COTP_ENDED) {
        *used = len;
        return CVN_ECLOSED;
    }
    if (len == 0)
        return CVN_MORE;
    if (c->left > 0)
        return on_payload(c, in, len, used, ev);
    if (c->part_size > 0)
        return on_part(c, in, len, used, ev);
    return on_packet(c, in, len, used, ev);
}

int cvn_cotp_stream_closed(struct cvn_cotp *c, struct cvn_cotp_event *ev)
{
    bool begun = c->state != CVN_COTP_CLOSED;
    bool inside = c->tsdu_in || c->left > 0 || c->head_have > 0 || part_open(c);
    if (c->state == CVN_COTP_ENDED)
        return CVN_NONE;
    struct cvn_cotp_event e;
    (void)ended(c, &e, false, CVN_DR_NOT_SPECIFIED,
                inside ? "the stream has ended inside a TSDU" : "the stream has ended");
    if (!begun)
        return CVN_NONE;
    *ev = e;
    return CVN_EVENT;
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
