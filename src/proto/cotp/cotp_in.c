/* SPDX-License-Identifier: MIT */
/*
 * cotp_in - what the peer says, TPDU by TPDU out of the stream, and what follows (table
 * A.6, 6.9.4 and 6.22; the invariants stand in cotp.c).
 *
 * A TPDU is read in class 0's way until class 2 is selected: from WFTRESP on at the
 * responder, from OPEN on at the initiator. Class 2 has references, which say whether a TPDU
 * is ours (6.9.4.2), and may have several TPDUs in a packet (RFC 2126 4.3): what
 * stands behind the first is read as if a packet of its own.
 */
#include <string.h>

#include "base/rd.h"
#include "proto/cotp/cotp_i.h"

/* The largest TPDU other than DT that is kept. The longest that the rules allow is a DR
 * of 255 octets of header and 64 of user data. */
#define COTP_PART_MAX 512u

static const char not_a_packet[] = "not a packet of RFC 1006";

/* One part of what feed() was given, and the TPDU whose first octets have been read. */
struct step {
    struct cvn_cotp *c;
    const uint8_t *in;
    size_t len;
    size_t used;
    struct cvn_cotp_event *ev;
    struct cvn_octets tpdu; /* its first octets: three, in class 2 five if the packet has them */
    uint32_t n;             /* octets of the packet from the TPDU's first on */
    uint8_t li;
    uint8_t code;
};

static struct cvn_octets octets(const uint8_t *p, size_t n)
{
    return (struct cvn_octets){.p = p, .n = n};
}

/* Whether the class is selected, and 2. */
static bool in_class_2(const struct cvn_cotp *c)
{
    return c->class_id == 2 && c->state >= CVN_COTP_WFTRESP;
}

/* ---- endings that were not asked for ---- */

/* Over, and next is ENDED or CLOSING. A user who has asked for the end is not told. */
static int over(struct step *s, enum cvn_cotp_state next, bool local, uint8_t reason,
                const char *why)
{
    bool asked = s->c->state == CVN_COTP_WBCL || s->c->state == CVN_COTP_CLOSING;
    cvn_cotp_goto(s->c, next);
    if (asked)
        return CVN_MORE;
    *s->ev = (struct cvn_cotp_event){
        .kind = CVN_COTP_EV_DISCONNECT,
        .local = local,
        .reason = reason,
        .why = why,
    };
    return CVN_EVENT;
}

static int ended(struct step *s, uint8_t reason, const char *why)
{
    return over(s, CVN_COTP_ENDED, true, reason, why);
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
        .extra = octets(tpdu.p, f->upto),
    };
    (void)!cvn_cotp_queue(c, &er); /* I4 */
}

/* A TPDU of our TC that breaks the rules. Class 0: ER, if the peer's reference is known,
 * and over. Class 2: its release procedure, without an ER (RFC 1007 4.5.1); in WFTRESP
 * that is the refusal of the CR. */
static int invalid(struct step *s, struct cvn_octets tpdu, const struct cvn_tpdu_fault *f)
{
    struct cvn_cotp *c = s->c;
    enum cvn_cotp_state next = CVN_COTP_ENDED;
    if (c->class_id == 0) {
        if (c->peer != 0)
            queue_er(c, c->peer, tpdu, f);
    } else {
        bool open = c->state == CVN_COTP_OPEN;
        struct cvn_tpdu dr = cvn_cotp_dr(c, c->peer, open ? c->reference : 0, f->reason);
        if (cvn_cotp_queue_last(c, &dr) == CVN_OK && open) /* I4 */
            next = CVN_COTP_CLOSING;
    }
    return over(s, next, true, (uint8_t)f->reason, f->why);
}

/* The same for what cvn_tpdu_decode() has not seen. */
static int violation(struct step *s, enum cvn_cotp_cause cause, enum cvn_cotp_reason reason,
                     uint32_t upto, const char *why)
{
    struct cvn_tpdu_fault f = {.cause = cause, .reason = reason, .upto = upto, .why = why};
    return invalid(s, s->tpdu, &f);
}

/* An invalid CR: ER if it asks for class 0, else DR (6.6.3); nothing if it does not say
 * whom to answer. */
static int invalid_cr(struct step *s, struct cvn_octets in, const struct cvn_tpdu *t,
                      const struct cvn_tpdu_fault *f)
{
    struct cvn_cotp *c = s->c;
    c->higher_class = t->class_id != 0;
    struct cvn_tpdu dr = cvn_cotp_dr(c, t->src, 0, f->reason);
    if (t->src != 0 && c->higher_class)
        (void)!cvn_cotp_queue(c, &dr); /* I4 */
    else if (t->src != 0)
        queue_er(c, t->src, in, f);
    return ended(s, (uint8_t)f->reason, f->why);
}

/* ---- CLOSED: CR, and what comes instead ---- */

/* What the CC would answer, 6.5.4 j, k; RFC 2126 6.4: with a size wherever one was proposed. */
static void choose_size(struct cvn_cotp *c, const struct cvn_tpdu *cr)
{
    uint8_t ours = cvn_cotp_size_of(c->tpdu_max);
    assert(c->size == 0 && c->units == 0);
    if (cr->units != 0)
        c->units = (uint16_t)cotp_min(cr->units, c->tpdu_max / CVN_TPDU_UNIT);
    else if (cr->size != 0)
        c->size = cr->size < ours ? cr->size : ours;
    else if (c->tpdu_max <= 1u << CVN_TPDU_SIZE_MAX)
        c->size = ours;
}

/* 6.5.4 h, RFC 2126 7: class 2 for those who prefer it, without explicit flow control,
 * which a CR that proposes it allows (table 4); else class 0 for those who allow it. */
static bool choose_class(struct cvn_cotp *c, const struct cvn_tpdu *cr)
{
    bool two = cr->class_id == 2 && (c->classes & CVN_COTP_CLASS_2) != 0;
    c->class_id = two ? 2 : 0;
    return two || (cr->class_0 && (c->classes & CVN_COTP_CLASS_0) != 0);
}

static int on_cr(struct step *s, struct cvn_octets in)
{
    struct cvn_cotp *c = s->c;
    struct cvn_tpdu t;
    struct cvn_tpdu_fault f;
    if (cvn_tpdu_decode(in, &t, &f) != CVN_OK)
        return invalid_cr(s, in, &t, &f);
    c->higher_class = t.class_id != 0;
    if (!choose_class(c, &t)) {
        struct cvn_tpdu dr = cvn_cotp_dr(c, t.src, 0, CVN_DR_NEGOTIATION_FAILED);
        (void)!cvn_cotp_queue(c, &dr); /* I4 */
        return ended(s, CVN_DR_NEGOTIATION_FAILED,
                     "the CR allows no class that is spoken here (X.224 6.5.4 h)");
    }
    c->peer = t.src;
    c->options_seen = t.has_options;
    c->expedited_asked = (t.options & CVN_TPDU_EXPEDITED) != 0;
    c->acknowledged = c->class_id == 2 && (t.options & CVN_TPDU_ACKNOWLEDGED) != 0;
    choose_size(c, &t);
    cvn_cotp_keep_tsels(c, t.calling, t.called);
    cvn_cotp_goto(c, CVN_COTP_WFTRESP);
    *s->ev = (struct cvn_cotp_event){
        .kind = CVN_COTP_EV_CONNECT_IND,
        .data = t.data,
        .expedited = c->expedited_asked,
        .calling = t.calling,
        .called = t.called,
        .tpdu_max = cotp_min(cvn_cotp_octets_of(c->size, c->units), c->tpdu_max),
        .class_id = c->class_id,
    };
    return CVN_EVENT;
}

/* Where there is no TC, a CC is answered by DR, and a DR by DC if class 2 is spoken and
 * the DR says to whom (table A.6; 6.9.4.2 a). */
static int on_stray(struct step *s, struct cvn_octets in)
{
    struct cvn_cotp *c = s->c;
    struct cvn_tpdu t;
    struct cvn_tpdu_fault f;
    bool valid = cvn_tpdu_decode(in, &t, &f) == CVN_OK;
    struct cvn_tpdu dr = cvn_cotp_dr(c, t.src, t.dst, CVN_DR_NOT_SPECIFIED);
    struct cvn_tpdu dc = {.code = CVN_TPDU_DC, .dst = t.src, .src = t.dst};
    if (valid && t.code == CVN_TPDU_CC)
        (void)!cvn_cotp_queue(c, &dr); /* I4 */
    else if (valid && t.src != 0 && (c->classes & CVN_COTP_CLASS_2) != 0)
        (void)!cvn_cotp_queue(c, &dc); /* I4 */
    return ended(s, CVN_DR_PROTOCOL_ERROR, "CC or DR without a CR (X.224 6.9.4.2)");
}

/* ---- WFCC and WBCL ---- */

/* Without explicit flow control, or class 0 where it was offered. */
static bool cc_class_offered(const struct cvn_cotp *c, const struct cvn_tpdu *t)
{
    if (t->class_id == 2)
        return c->class_id == 2 && t->option == CVN_TPDU_NO_FLOW;
    return t->class_id == 0 && (c->classes & CVN_COTP_CLASS_0) != 0;
}

/* P6: what makes a well-formed CC unacceptable, or NULL. */
static const char *cc_refused(const struct cvn_cotp *c, const struct cvn_tpdu *t, uint8_t *reason)
{
    uint8_t asked = c->expedited ? CVN_TPDU_EXPEDITED : 0;
    if (c->expedited && c->acknowledged && c->class_id == 2)
        asked |= CVN_TPDU_ACKNOWLEDGED;
    *reason = CVN_DR_MISMATCHED_REFERENCES;
    if (t->dst != c->reference)
        return "CC for another reference (X.224 6.9.4)";
    *reason = CVN_DR_NEGOTIATION_FAILED;
    if (!cc_class_offered(c, t))
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

/* The peer holds a TC of class 2 that we do not want: DR, and DC is awaited. A CC
 * without memory for the DR ends like one of class 0. */
static int refuse_cc(struct step *s, uint16_t peer, enum cvn_cotp_reason reason, const char *why)
{
    struct cvn_cotp *c = s->c;
    struct cvn_tpdu dr = cvn_cotp_dr(c, peer, c->reference, reason);
    bool told = cvn_cotp_queue(c, &dr) == CVN_OK; /* I4 */
    c->peer = peer;
    return over(s, told ? CVN_COTP_CLOSING : CVN_COTP_ENDED, true, (uint8_t)reason, why);
}

/* No size where one was proposed: 65,531 by RFC 1006, the proposal for those who
 * read ISO's rules: send no more than proposed, take all. */
static int confirmed(struct step *s, const struct cvn_tpdu *t)
{
    struct cvn_cotp *c = s->c;
    bool sized = t->size != 0 || t->units != 0;
    uint32_t agreed = cvn_cotp_octets_of(t->size, t->units);
    c->peer = t->src;
    c->class_id = t->class_id;
    c->receive_max = agreed;
    c->send_max = cotp_min(c->tpdu_max, sized ? agreed : cvn_cotp_octets_of(c->size, 0));
    c->expedited = (t->options & CVN_TPDU_EXPEDITED) != 0;
    c->acknowledged = t->class_id == 2 && (t->options & CVN_TPDU_ACKNOWLEDGED) != 0;
    cvn_cotp_goto(c, CVN_COTP_OPEN);
    *s->ev = (struct cvn_cotp_event){
        .kind = CVN_COTP_EV_CONNECT_CONF,
        .data = t->data,
        .expedited = c->expedited,
        .calling = t->calling,
        .called = t->called,
        .tpdu_max = c->send_max,
        .class_id = c->class_id,
    };
    return CVN_EVENT;
}

/* Class 0 closes, without DR; class 2 says DR, also for what the user has given up
 * meanwhile, and to a CC for a TC that is not ours (6.9.4.2 a), which changes nothing. */
static int on_cc(struct step *s, const struct cvn_tpdu *t)
{
    struct cvn_cotp *c = s->c;
    bool two = c->class_id == 2 && t->class_id != 0;
    uint8_t reason = 0;
    const char *refused = cc_refused(c, t, &reason);
    if (two && t->dst != c->reference) {
        struct cvn_tpdu dr = cvn_cotp_dr(c, t->src, t->dst, CVN_DR_MISMATCHED_REFERENCES);
        (void)!cvn_cotp_queue(c, &dr); /* I4 */
        return CVN_MORE;
    }
    if (refused == NULL && c->state == CVN_COTP_WFCC)
        return confirmed(s, t);
    if (two)
        return refuse_cc(s, t->src, refused == NULL ? CVN_DR_NORMAL : (enum cvn_cotp_reason)reason,
                         refused);
    return ended(s, reason, refused);
}

static int on_dr(struct step *s, const struct cvn_tpdu *t)
{
    int rc = over(s, CVN_COTP_ENDED, false, t->reason, "the peer has sent DR (X.224 6.7)");
    if (rc == CVN_EVENT)
        s->ev->data = t->data;
    return rc;
}

static int on_er(struct step *s, const struct cvn_tpdu *t)
{
    int rc = over(s, CVN_COTP_ENDED, false, t->reason, "the peer has sent ER (X.224 6.22)");
    if (rc == CVN_EVENT) {
        s->ev->error_tpdu = true;
        s->ev->data = t->extra;
    }
    return rc;
}

/* While a CR for class 2 is out, DR and ER for another reference are not ours: the DR is
 * answered by DC, if it says to whom (6.9.4.2 a). */
static bool foreign_answer(struct step *s, const struct cvn_tpdu *t)
{
    struct cvn_tpdu dc = {.code = CVN_TPDU_DC, .dst = t->src, .src = t->dst};
    if (s->c->class_id != 2 || t->code == CVN_TPDU_CC || t->dst == s->c->reference)
        return false;
    if (t->code == CVN_TPDU_DR && t->src != 0)
        (void)!cvn_cotp_queue(s->c, &dc); /* I4 */
    return true;
}

/* ---- class 0, and class 2 until it is selected ---- */

/* A whole TPDU other than DT, one that the state takes. */
static int on_tpdu(struct step *s, struct cvn_octets in)
{
    struct cvn_cotp *c = s->c;
    uint8_t code = s->code & 0xf0;
    struct cvn_tpdu t;
    struct cvn_tpdu_fault f;
    if (code == CVN_TPDU_ED) {
        *s->ev = (struct cvn_cotp_event){
            .kind = CVN_COTP_EV_EXPEDITED,
            .data = octets(in.p + CVN_TPDU_DATA_HEADER, in.n - CVN_TPDU_DATA_HEADER),
        };
        return CVN_EVENT;
    }
    if (c->state == CVN_COTP_CLOSED)
        return code == CVN_TPDU_CR ? on_cr(s, in) : on_stray(s, in);
    int rc = cvn_tpdu_decode(in, &t, &f);
    if (rc != CVN_OK && code == CVN_TPDU_ER)
        return ended(s, (uint8_t)f.reason, f.why); /* never ER for ER, 6.22.3 note 2 */
    if (rc != CVN_OK && t.class_id == 2 && c->class_id == 2)
        return refuse_cc(s, t.src, f.reason, f.why);
    if (rc != CVN_OK) {
        c->class_id = 0; /* whoever answers so is told in class 0's way */
        c->peer = c->peer == 0 ? t.src : c->peer;
        return invalid(s, in, &f);
    }
    if (foreign_answer(s, &t))
        return CVN_MORE;
    if (t.code == CVN_TPDU_CC)
        return on_cc(s, &t);
    return t.code == CVN_TPDU_DR ? on_dr(s, &t) : on_er(s, &t);
}

/* Table A.6: which TPDUs other than DT and ED the state takes; ED in OPEN if agreed. */
static bool takes(const struct cvn_cotp *c, uint8_t code)
{
    uint8_t kind = code & 0xf0;
    switch (c->state) {
    case CVN_COTP_CLOSED:
        return kind == CVN_TPDU_CC || code == CVN_TPDU_DR || (!c->initiator && kind == CVN_TPDU_CR);
    case CVN_COTP_WFCC:
    case CVN_COTP_WBCL:
        return kind == CVN_TPDU_CC || code == CVN_TPDU_DR || code == CVN_TPDU_ER;
    case CVN_COTP_WFTRESP:
        return code == CVN_TPDU_DR;
    default:
        return code == CVN_TPDU_DR || code == CVN_TPDU_ER;
    }
}

static bool li_wrong(const struct step *s)
{
    return s->li == 0 || s->li > CVN_TPDU_LI_MAX || s->li >= s->n;
}

static int bad_li(struct step *s)
{
    return violation(s, CVN_ER_NOT_SPECIFIED, CVN_DR_LENGTH_INVALID, 1,
                     "a length indicator that is 0, 255 or too long (X.224 13.2.1)");
}

static int bad_type(struct step *s)
{
    return violation(s, CVN_ER_TPDU_TYPE, CVN_DR_PROTOCOL_ERROR, 2,
                     "a TPDU that is not valid in the class or not now (X.224 13.1, A.6)");
}

/* A TPDU that the state does not take. Without a TC: close, as for a second CR
 * (6.9.1.4.2 of 1995) and for ER (6.22.3 note 2); else it is a protocol error. */
static int unexpected(struct step *s)
{
    if (s->c->state == CVN_COTP_CLOSED)
        return ended(s, CVN_DR_PROTOCOL_ERROR, "the first TPDU is not a CR (X.224 A.6)");
    if (s->c->peer == 0 || (s->code & 0xf0) == CVN_TPDU_CR || s->code == CVN_TPDU_ER)
        return ended(s, CVN_DR_PROTOCOL_ERROR,
                     "a TPDU that is not valid in class 0 or not now (X.224 13.1, A.6)");
    return li_wrong(s) ? bad_li(s) : bad_type(s);
}

/* ---- class 2 ---- */

/* A TPDU that has no user data; another may stand behind it (6.4.2). */
static bool concatenates(uint8_t code)
{
    uint8_t kind = code & 0xf0;
    return kind == CVN_TPDU_EA || kind == CVN_TPDU_AK || kind == CVN_TPDU_ER || kind == CVN_TPDU_DC;
}

/* What answers a whole TPDU of class 2: on_whole() and on_part() have made room for it. */
static void answer(struct cvn_cotp *c, const struct cvn_tpdu *t)
{
    int rc = cvn_cotp_queue_urgent(c, t);
    assert(rc == CVN_OK);
}

/* A CC for a TC that is not ours, or for ours from another: DR, no more. */
static int on_late_cc(struct step *s, const struct cvn_tpdu *t)
{
    struct cvn_cotp *c = s->c;
    struct cvn_tpdu dr = cvn_cotp_dr(c, t->src, t->dst, CVN_DR_MISMATCHED_REFERENCES);
    if (t->dst == c->reference && t->src == c->peer)
        return bad_type(s);
    answer(c, &dr);
    return CVN_MORE;
}

/* No multiplexing over TCP (RFC 2126 4.2.1). */
static int on_second_cr(struct step *s, const struct cvn_tpdu *t)
{
    struct cvn_tpdu dr = cvn_cotp_dr(s->c, t->src, 0, CVN_DR_REFUSED_ON_CONNECTION);
    if (t->src == s->c->peer)
        return bad_type(s);
    answer(s->c, &dr);
    return CVN_MORE;
}

/* DR in WFTRESP (action [6]), OPEN and CLOSING. SRC-REF 0 says that there is no TC at the
 * peer, and asks for no DC; nor does a DR that met ours. One of another TC is answered
 * and forgotten. */
static int on_dr2(struct step *s, const struct cvn_tpdu *t)
{
    struct cvn_cotp *c = s->c;
    bool unanswered = c->state == CVN_COTP_WFTRESP;
    bool ours = unanswered || (t->dst == c->reference && (t->src == c->peer || t->src == 0));
    struct cvn_tpdu dc = {.code = CVN_TPDU_DC, .dst = t->src, .src = unanswered ? 0 : t->dst};
    if (t->src != 0 && (!ours || c->state != CVN_COTP_CLOSING))
        answer(c, &dc);
    if (!ours)
        return CVN_MORE;
    cvn_out_cut(&c->out);
    return on_dr(s, t);
}

static int on_dc(struct step *s, const struct cvn_tpdu *t)
{
    if (t->src != s->c->peer)
        return CVN_MORE;
    if (s->c->state != CVN_COTP_CLOSING)
        return bad_type(s);
    return over(s, CVN_COTP_ENDED, false, CVN_DR_NORMAL, NULL);
}

/* 6.11, RFC 2126 4.2.2. */
static int on_ea(struct step *s)
{
    if (!s->c->out.held)
        return bad_type(s);
    cvn_out_release(&s->c->out);
    return CVN_MORE;
}

/* Its header has been judged. */
static int on_ed2(struct step *s, struct cvn_octets in)
{
    struct cvn_cotp *c = s->c;
    struct cvn_rd rd = cvn_rd_init(in.p, in.n);
    cvn_rd_skip(&rd, CVN_TPDU_DATA_HEADER2 - 1);
    struct cvn_tpdu ea = {.code = CVN_TPDU_EA, .dst = c->peer, .number = cvn_rd_u8(&rd) & 0x7f};
    if (c->acknowledged)
        answer(c, &ea);
    *s->ev = (struct cvn_cotp_event){
        .kind = CVN_COTP_EV_EXPEDITED,
        .data = octets(rd.at, cvn_rd_left(&rd)),
    };
    return CVN_EVENT;
}

/* CR, CC, DR, DC, ER, EA: whole, of our TC if it has a DST-REF (CC and DR aside). */
static int on_header2(struct step *s, struct cvn_octets in)
{
    struct cvn_tpdu t;
    struct cvn_tpdu_fault f;
    if (cvn_tpdu_decode(in, &t, &f) != CVN_OK) {
        if (s->c->state == CVN_COTP_CLOSING)
            return CVN_MORE; /* 6.7.5 a: nothing but DR and DC counts */
        return s->code == CVN_TPDU_ER ? ended(s, (uint8_t)f.reason, f.why) : invalid(s, in, &f);
    }
    switch (t.code) {
    case CVN_TPDU_CR:
        return on_second_cr(s, &t);
    case CVN_TPDU_CC:
        return on_late_cc(s, &t);
    case CVN_TPDU_DR:
        return on_dr2(s, &t);
    case CVN_TPDU_DC:
        return on_dc(s, &t);
    case CVN_TPDU_EA:
        return on_ea(s);
    default:
        return on_er(s, &t);
    }
}

/* DST-REF, of a TPDU that has one: the fifth octet of the TPDU is there. */
static bool to_us(const struct step *s)
{
    struct cvn_rd rd = cvn_rd_init(s->tpdu.p, s->tpdu.n);
    cvn_rd_skip(&rd, 2);
    return cvn_rd_be16(&rd) == s->c->reference;
}

/* A whole TPDU other than DT. Association first, 6.9.4.2 a: what is for another TC is
 * ignored, whatever else is wrong with it. */
static int on_tpdu2(struct step *s, struct cvn_octets in)
{
    uint8_t kind = s->code & 0xf0;
    if (concatenates(s->code) && !to_us(s))
        return CVN_MORE;
    if (kind == CVN_TPDU_ED)
        return on_ed2(s, in);
    if (s->c->state == CVN_COTP_CLOSING && kind != CVN_TPDU_DR && kind != CVN_TPDU_DC)
        return CVN_MORE;
    if (kind == CVN_TPDU_AK || (s->c->state == CVN_COTP_WFTRESP && concatenates(s->code)))
        return bad_type(s);
    return on_header2(s, in);
}

/* ---- the stream ---- */

/* The next octets of the current DT: a slice of in (I3). */
static int on_payload(struct step *s)
{
    struct cvn_cotp *c = s->c;
    size_t n = c->left < s->len - s->used ? c->left : s->len - s->used;
    const uint8_t *p = s->in + s->used;
    c->left -= (uint32_t)n;
    s->used += n;
    if (c->skip)
        return CVN_MORE;
    *s->ev = (struct cvn_cotp_event){
        .kind = CVN_COTP_EV_DATA,
        .data = octets(p, n),
        .begin = !c->tsdu_in,
        .end = c->left == 0 && c->dt_end,
    };
    c->tsdu_in = !s->ev->end;
    return CVN_EVENT;
}

/* The rest of the packet is not wanted; rc is what its header gave. */
static int skip(struct step *s, int rc)
{
    s->c->head_have = 0;
    s->c->left = s->n - (uint32_t)s->tpdu.n;
    s->c->skip = true;
    return rc;
}

/* A DT in OPEN. */
static int on_dt(struct step *s)
{
    struct cvn_cotp *c = s->c;
    struct cvn_tpdu_fault f;
    uint32_t header = (uint32_t)s->tpdu.n;
    if (cvn_tpdu_decode_data(s->tpdu, s->n, c->lenient, &c->dt_end, &f) != CVN_OK)
        return skip(s, invalid(s, s->tpdu, &f));
    if (s->n > c->receive_max)
        return skip(s, violation(s, CVN_ER_NOT_SPECIFIED, CVN_DR_LENGTH_INVALID, header,
                                 "a DT over the agreed TPDU size (X.224 6.5.4 j)"));
    if (s->n == header && !c->tsdu_in)
        return skip(s, violation(s, CVN_ER_NOT_SPECIFIED, CVN_DR_LENGTH_INVALID, header,
                                 "a TSDU without octets (X.224 6.3.3)"));
    c->head_have = 0;
    c->left = s->n - header;
    c->skip = false;
    if (c->left > 0 && s->used == s->len)
        return CVN_MORE;
    return on_payload(s);
}

/* A whole TPDU. What stands behind it in its packet is read as a packet, if the TC goes
 * on: its header is made up. */
static int finish(struct step *s, struct cvn_octets in)
{
    struct cvn_cotp *c = s->c;
    struct cvn_rd rd = cvn_rd_init(in.p, in.n);
    s->tpdu = in;
    s->n = (uint32_t)in.n;
    s->li = cvn_rd_u8(&rd);
    s->code = cvn_rd_u8(&rd);
    int rc = in_class_2(c) ? on_tpdu2(s, in) : on_tpdu(s, in);
    if (c->behind > 0) {
        cvn_tpkt_header(c->head, CVN_TPKT_HEADER + c->behind);
        c->head_have = CVN_TPKT_HEADER;
        c->behind = 0;
    }
    return rc;
}

static int no_memory(struct step *s)
{
    s->used = 0;
    return CVN_ENOMEM;
}

/* In class 2 every TPDU but DT may have an answer that must not be lost; a CR's selectors are
 * kept for the CC. */
static bool room_to_answer(struct cvn_cotp *c)
{
    if (c->state == CVN_COTP_CLOSED && !c->initiator && !cvn_cotp_reserve_tsels(c))
        return false;
    return !in_class_2(c) || cvn_out_reserve(&c->out, 1) == CVN_OK;
}

/* More of the TPDU in parts. */
static int on_part(struct step *s)
{
    struct cvn_cotp *c = s->c;
    size_t n = c->part_size - c->part_have;
    if (!room_to_answer(c))
        return no_memory(s);
    if (n > s->len - s->used)
        n = s->len - s->used;
    if (n > 0)
        memcpy(c->part + c->part_have, s->in + s->used, n);
    c->part_have = (uint16_t)(c->part_have + n);
    s->used += n;
    return cotp_part_open(c) ? CVN_MORE : finish(s, octets(c->part, c->part_size));
}

/* A header TPDU or ED of n octets that the state takes: from in if it is there as
 * a whole, else by way of part. */
static int on_whole(struct step *s, uint32_t n)
{
    static const char too_long[] = "a TPDU longer than its user data may be (X.224 13.3.5, 13.5.5)";
    struct cvn_cotp *c = s->c;
    size_t rest = n - s->tpdu.n;
    bool kept = s->tpdu.p == c->head + CVN_TPKT_HEADER;
    if (n > COTP_PART_MAX && !in_class_2(c))
        return ended(s, CVN_DR_LENGTH_INVALID, too_long);
    if (n > COTP_PART_MAX)
        return skip(s, violation(s, CVN_ER_NOT_SPECIFIED, CVN_DR_LENGTH_INVALID, 1, too_long));
    if (!room_to_answer(c))
        return no_memory(s);
    if (!kept && s->len - s->used >= rest) {
        c->behind = (uint16_t)(s->n - n);
        s->used += rest;
        return finish(s, octets(s->tpdu.p, n));
    }
    uint8_t *part = cvn_resize(c->alloc, NULL, 0, n);
    if (part == NULL)
        return no_memory(s);
    memcpy(part, s->tpdu.p, s->tpdu.n);
    c->head_have = 0;
    c->behind = (uint16_t)(s->n - n);
    c->part = part;
    c->part_size = (uint16_t)n;
    c->part_have = (uint16_t)s->tpdu.n;
    return on_part(s);
}

/* The header of an ED, agreed, in OPEN. */
static int on_ed(struct step *s)
{
    bool eot = false;
    struct cvn_tpdu_fault f;
    if (cvn_tpdu_decode_data(s->tpdu, s->n, s->c->lenient, &eot, &f) != CVN_OK)
        return skip(s, invalid(s, s->tpdu, &f));
    return on_whole(s, s->n);
}

/* The header of a TPDU without user data: it ends where LI says. What stands behind it
 * has LI and code at least, and is three octets or more. */
static int on_concatenated(struct step *s)
{
    uint32_t n = s->li + 1u;
    if (s->n - n == 1 || s->n - n == 2)
        return s->c->state == CVN_COTP_CLOSING ? skip(s, CVN_MORE) : skip(s, bad_li(s));
    return on_whole(s, n);
}

/* The header of a DT or ED. */
static int on_data2(struct step *s)
{
    bool open = s->c->state == CVN_COTP_OPEN;
    if (!to_us(s))
        return skip(s, CVN_MORE);
    if (open && (s->code & 0xf0) == CVN_TPDU_DT)
        return on_dt(s);
    return open && s->c->expedited ? on_ed(s) : skip(s, bad_type(s));
}

/* The header of a TPDU in class 2. */
static int on_head2(struct step *s)
{
    uint8_t kind = s->code & 0xf0;
    bool closing = s->c->state == CVN_COTP_CLOSING;
    bool counts = kind == CVN_TPDU_DR || concatenates(s->code);
    bool wrong = li_wrong(s) || s->li < CVN_TPDU_DATA_HEADER2 - 1;
    if (closing && (wrong || !counts)) /* 6.7.5 a */
        return skip(s, CVN_MORE);
    if (wrong)
        return skip(s, bad_li(s));
    if (concatenates(s->code))
        return on_concatenated(s);
    switch (kind) {
    case CVN_TPDU_DT:
    case CVN_TPDU_ED:
        return on_data2(s);
    case CVN_TPDU_CR:
    case CVN_TPDU_CC:
    case CVN_TPDU_DR:
        return on_whole(s, s->n);
    default:
        return skip(s, bad_type(s));
    }
}

/* The octets at head are a packet header and the first of its TPDU. */
static int on_head(struct step *s, const uint8_t *head)
{
    struct cvn_cotp *c = s->c;
    bool two = in_class_2(c);
    bool open = c->state == CVN_COTP_OPEN;
    s->n = cvn_tpkt_length(head);
    if (s->n == 0)
        return ended(s, CVN_DR_PROTOCOL_ERROR, not_a_packet);
    s->n -= CVN_TPKT_HEADER;
    s->tpdu =
        octets(head + CVN_TPKT_HEADER,
               two && s->n >= CVN_TPDU_DATA_HEADER2 ? CVN_TPDU_DATA_HEADER2 : CVN_TPDU_DATA_HEADER);
    struct cvn_rd rd = cvn_rd_init(s->tpdu.p, s->tpdu.n);
    s->li = cvn_rd_u8(&rd);
    s->code = cvn_rd_u8(&rd);
    if (two)
        return on_head2(s);
    if (open && (s->code & 0xf0) == CVN_TPDU_DT)
        return on_dt(s);
    if (open && c->expedited && (s->code & 0xf0) == CVN_TPDU_ED)
        return on_ed(s);
    return takes(c, s->code) ? on_whole(s, s->n) : unexpected(s);
}

/* How many octets the head has, of which the first COTP_HEAD stand there. */
static size_t head_size(const struct cvn_cotp *c, const uint8_t *head)
{
    return in_class_2(c) && cvn_tpkt_length(head) >= COTP_HEAD2 ? COTP_HEAD2 : COTP_HEAD;
}

/* Octets where a packet begins. */
static int on_packet(struct step *s)
{
    struct cvn_cotp *c = s->c;
    size_t have = c->head_have;
    size_t size = have < COTP_HEAD ? COTP_HEAD : head_size(c, c->head);
    if (have == 0 && s->len >= COTP_HEAD) {
        size = head_size(c, s->in);
        if (s->len >= size) {
            s->used = size;
            return on_head(s, s->in);
        }
    }
    while (have < size && s->used < s->len) {
        size_t n = size - have < s->len - s->used ? size - have : s->len - s->used;
        memcpy(c->head + have, s->in + s->used, n);
        have += n;
        s->used += n;
        if (have >= COTP_HEAD)
            size = head_size(c, c->head);
    }
    if (have == size) /* head_have stays: without memory nothing was taken */
        return on_head(s, c->head);
    c->head_have = (uint8_t)have;
    if (have >= CVN_TPKT_HEADER && cvn_tpkt_length(c->head) == 0)
        return ended(s, CVN_DR_PROTOCOL_ERROR, not_a_packet);
    return CVN_MORE;
}

int cvn_cotp_feed(struct cvn_cotp *c, const uint8_t *in, size_t len, size_t *used,
                  struct cvn_cotp_event *ev)
{
    int rc = CVN_MORE;
    *used = 0;
    while (rc == CVN_MORE) {
        const uint8_t *at = *used == 0 ? in : in + *used; /* in may be NULL */
        struct step s = {.c = c, .in = at, .len = len - *used, .ev = ev};
        if (c->part != NULL && !cotp_part_open(c))
            cvn_cotp_release_part(c);
        if (c->state == CVN_COTP_ENDED) {
            *used = len;
            return CVN_ECLOSED;
        }
        if (s.len == 0)
            return CVN_MORE;
        if (c->left > 0)
            rc = on_payload(&s);
        else if (c->part_size > 0)
            rc = on_part(&s);
        else
            rc = on_packet(&s);
        *used += s.used;
    }
    return rc;
}

int cvn_cotp_stream_closed(struct cvn_cotp *c, struct cvn_cotp_event *ev)
{
    struct cvn_cotp_event e;
    struct step s = {.c = c, .ev = &e};
    bool begun = c->state != CVN_COTP_CLOSED;
    bool inside = c->tsdu_in || c->left > 0 || c->head_have > 0 || cotp_part_open(c);
    if (c->state == CVN_COTP_ENDED)
        return CVN_NONE;
    int rc = over(&s, CVN_COTP_ENDED, false, CVN_DR_NOT_SPECIFIED,
                  inside ? "the stream has ended inside a TSDU" : "the stream has ended");
    if (!begun || rc != CVN_EVENT)
        return CVN_NONE;
    *ev = e;
    return CVN_EVENT;
}
