/* SPDX-License-Identifier: MIT */
/*
 * TPDUs of every type, each thousands of times a little wrong: parameters out of
 * order, doubled, missing, too long, unknown, every form of LI, cut off, prolonged. What the
 * machine does is compared with what a second reading of X.224 clauses 6.9.4, 6.22.3
 * and 13 and RFC 2126 says, below, which shares no code with it: event, reason, each octet
 * of the answer, state.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/cotp/cotp.h"

#define TPDU_MAX 400
#define MUTANTS  3000 /* of each base */

/* ---- the second reading ---- */

/* What follows from a TPDU. */
struct outcome {
    const char *event; /* "none", "local", "peer", "error", "ind", "conf", "data", "ed" */
    int reason;
    enum cvn_cotp_state state;
    uint8_t said[2 * TPDU_MAX];
    size_t nsaid;
};

/* Where the TPDU comes to: a machine whose reference is ours, and the peer's 9. */
struct place {
    const char *name;
    enum cvn_cotp_state state;
    int class_id; /* proposed in WFCC */
    bool ea_due;
};

#define OURS 5
#define PEER 9

/* A header as X.224 13 has it, or what is wrong with it. */
struct header {
    bool ok;
    int cause;
    int reason;
    size_t upto;
    unsigned dst, src, class_id, option;
    unsigned what;  /* reason of a DR, cause of an ER, number of an EA */
    bool zero;      /* CR: class 0 may be answered */
    unsigned sizes; /* CC: 1: C0 is there, 2: F0 is there */
    unsigned c6;
};

static unsigned two(const uint8_t *p)
{
    return p[0] * 256u + p[1];
}

static void wrong(struct header *h, int cause, int reason, size_t upto)
{
    h->ok = false;
    h->cause = cause;
    h->reason = reason;
    h->upto = upto;
}

static void read_c6(struct header *h, const uint8_t *v, unsigned n, size_t i)
{
    if (n != 1)
        wrong(h, 3, 138, i + 2);
    else if (v[0] > 127)
        wrong(h, 3, 133, i + 3);
    else
        h->c6 = v[0];
}

static void read_c7(struct header *h, const uint8_t *v, unsigned n, size_t i)
{
    static const char *const may[] = {"", "01", "02", "0123", "01234"};
    if (h->class_id == 0) {
        wrong(h, 1, 133, i + 1);
        return;
    }
    h->zero = h->class_id == 1;
    for (unsigned k = 0; k < n; k++) {
        if (v[k] % 16 != 0 || v[k] > 0x40 || strchr(may[h->class_id], '0' + v[k] / 16) == NULL) {
            wrong(h, 3, 133, i + 3 + k);
            return;
        }
        h->zero = h->zero || v[k] <= 0x10;
    }
}

/* C0 and F0 of a CC, of a right length. */
static void read_size(struct header *h, unsigned code, const uint8_t *v, unsigned n, size_t i)
{
    unsigned long number = 0;
    for (unsigned k = 0; k < n; k++)
        number = number * 256 + v[k];
    if (code == 0xc0 ? number < 7 || number > 13 : number < 1 || number > 511)
        wrong(h, 3, 133, i + 2 + n);
    h->sizes |= code == 0xc0 ? 1 : 2;
}

static void read_cc(struct header *h, unsigned code, const uint8_t *v, unsigned n, size_t i)
{
    static const struct {
        unsigned code, class_id; /* from class_id on */
        const char *lengths;     /* octets; NULL: any */
    } known[] = {
        {0xc0, 0, "\1"}, {0xf0, 0, "\1\2\3\4"}, {0xc1, 0, NULL},
        {0xc2, 0, NULL}, {0xc5, 2, NULL},       {0x86, 2, "\3"},
        {0x87, 2, "\2"}, {0x88, 2, "\10"},      {0x89, 2, "\14\30"},
    };
    for (size_t k = 0; k < sizeof known / sizeof *known; k++) {
        const char *lengths = known[k].lengths;
        if (code != known[k].code || (known[k].class_id == 2 && h->class_id != 2))
            continue;
        if (lengths != NULL && (n == 0 || strchr(lengths, (int)n) == NULL))
            wrong(h, 3, 138, i + 2);
        else if (code == 0xc0 || code == 0xf0)
            read_size(h, code, v, n, i);
        return;
    }
    wrong(h, 1, 133, i + 1);
}

static void read_parameter(struct header *h, unsigned type, const uint8_t *p, size_t i)
{
    unsigned code = p[i];
    const uint8_t *v = p + i + 2;
    unsigned n = p[i + 1];
    if ((type == 0xe0 || type == 0xd0) && code == 0xc6)
        read_c6(h, v, n, i);
    else if (type == 0xe0 && code == 0xc7)
        read_c7(h, v, n, i);
    else if (type == 0xd0)
        read_cc(h, code, v, n, i);
    else if (type != 0xe0 && !(type == 0x80 && code == 0xe0) && !(type == 0x70 && code == 0xc1))
        wrong(h, 1, 133, i + 1);
}

/* The fixed part of CR and CC. */
static void read_connect(struct header *h, const uint8_t *p, unsigned type)
{
    bool cr = type == 0xe0;
    h->dst = two(p + 2);
    if (cr && h->dst != 0)
        wrong(h, 3, 133, 4);
    else if (h->src == 0)
        wrong(h, 3, 133, 6);
    else if (p[6] > 0x4f)
        wrong(h, 3, 133, 7);
    else {
        h->class_id = p[6] / 16;
        h->option = p[6] % 16;
        h->zero = h->class_id < 2;
        if (h->class_id == 0 && p[1] != type)
            wrong(h, 3, 133, 2);
        else if (h->option > 3 || (h->class_id == 0 && h->option > 0))
            wrong(h, 3, 133, 7);
    }
}

/* The fixed part of DR, DC, ER, EA. */
static void read_other(struct header *h, const uint8_t *p, unsigned type)
{
    h->dst = two(p + 2);
    if (type == 0x80 || type == 0xc0)
        h->src = two(p + 4);
    h->what = p[type == 0x80 ? 6 : 4];
    if (type == 0x20 && h->what > 127)
        wrong(h, 3, 133, 5);
}

/* The parameters, from octet i to the end of the header. */
static void read_variable(struct header *h, const uint8_t *p, unsigned type, size_t i)
{
    size_t end = 1u + p[0];
    while (h->ok && i < end) {
        if (i + 1 == end)
            wrong(h, 3, 138, i + 1);
        else if (i + 2 + p[i + 1] > end)
            wrong(h, 3, 138, i + 2);
        else
            read_parameter(h, type, p, i);
        i += h->ok ? 2u + p[i + 1] : 0;
    }
}

static bool li_bad(const uint8_t *p, size_t n)
{
    return p[0] == 0 || p[0] == 255 || p[0] >= n;
}

static bool connects(const uint8_t *p)
{
    return (p[1] & 0xf0) == 0xe0 || (p[1] & 0xf0) == 0xd0;
}

static struct header read_header(const uint8_t *p, size_t n)
{
    static const struct {
        unsigned type, least, user;
    } types[] = {{0xe0, 6, 32}, {0xd0, 6, 32}, {0x80, 6, 64},
                 {0xc0, 5, 0},  {0x70, 4, 0},  {0x20, 4, 0}};
    struct header h = {.ok = true};
    size_t k = 0;
    unsigned type = connects(p) ? p[1] & 0xf0u : p[1];
    if (connects(p) && n >= 6 && p[0] >= 5)
        h.src = two(p + 4);
    while (k < 6 && types[k].type != type)
        k++;
    if (li_bad(p, n))
        wrong(&h, 0, 138, 1);
    else if (k == 6)
        wrong(&h, 2, 133, 2);
    else if (p[0] < types[k].least)
        wrong(&h, 0, 138, 1);
    else if (connects(p))
        read_connect(&h, p, type);
    else
        read_other(&h, p, type);
    if (h.ok)
        read_variable(&h, p, type, 1 + types[k].least);
    if (h.ok && n - 1 - p[0] > types[k].user)
        wrong(&h, 0, 138, 1u + p[0]);
    return h;
}

static void say(struct outcome *o, const uint8_t *p, size_t n)
{
    const uint8_t packet[4] = {3, 0, (uint8_t)((n + 4) / 256), (uint8_t)(n + 4)};
    memcpy(o->said + o->nsaid, packet, 4);
    memcpy(o->said + o->nsaid + 4, p, n);
    o->nsaid += n + 4;
}

#define HIGH(x) (uint8_t)((x) / 256u)
#define LOW(x)  (uint8_t)((x) % 256u)

static void say_dr(struct outcome *o, unsigned dst, unsigned src, int reason)
{
    const uint8_t dr[] = {6, 0x80, HIGH(dst), LOW(dst), HIGH(src), LOW(src), (uint8_t)reason};
    say(o, dr, sizeof dr);
}

static void say_dc(struct outcome *o, unsigned dst, unsigned src)
{
    const uint8_t dc[] = {5, 0xc0, HIGH(dst), LOW(dst), HIGH(src), LOW(src)};
    say(o, dc, sizeof dc);
}

static void say_er(struct outcome *o, unsigned dst, int cause, const uint8_t *p, size_t upto)
{
    size_t n = upto > 248 ? 248 : upto;
    uint8_t er[300] = {(uint8_t)(6 + n), 0x70, HIGH(dst), LOW(dst),
                       (uint8_t)cause,   0xc1, (uint8_t)n};
    memcpy(er + 7, p, n);
    say(o, er, 7 + n);
}

static void ends(struct outcome *o, const char *event, int reason, enum cvn_cotp_state state)
{
    if (o->event[0] == 'n') { /* the user is told once */
        o->event = event;
        o->reason = reason;
    }
    o->state = state;
}

/* CLOSED, a responder that speaks both classes. */
static void in_closed(struct outcome *o, const uint8_t *p, size_t n)
{
    unsigned type = p[1] & 0xf0;
    struct header h = read_header(p, n);
    if (type == 0xd0 && h.ok)
        say_dr(o, h.src, h.dst, 0);
    if (p[1] == 0x80 && h.ok && h.src != 0)
        say_dc(o, h.src, h.dst);
    if (type != 0xe0) {
        ends(o, "local", 133, CVN_COTP_ENDED);
        return;
    }
    if (h.ok && (h.class_id == 2 || h.zero)) {
        ends(o, "ind", h.class_id == 2 ? 2 : 0, CVN_COTP_WFTRESP);
        return;
    }
    if (h.ok)
        h.reason = 130;
    ends(o, "local", h.reason, CVN_COTP_ENDED);
    if (h.src == 0)
        return;
    if (h.class_id != 0)
        say_dr(o, h.src, 0, h.reason);
    else
        say_er(o, h.src, h.cause, p, h.upto);
}

/* 0: acceptable. Expedited data has been asked for, in class 2 with EA, and no size. */
static int refused(const struct header *h, const struct place *at)
{
    bool class_ok = h->class_id == 0 || (at->class_id == 2 && h->class_id == 2 && h->option == 1);
    if (h->dst != OURS)
        return 132;
    if (!class_ok || (h->c6 & (at->class_id == 2 ? ~0x21u : ~1u)) != 0 || h->sizes > 1)
        return 130;
    return 0;
}

/* A header in WFCC that is invalid. */
static void bad_in_wfcc(struct outcome *o, const struct header *h, const uint8_t *p, bool dr)
{
    if (dr)
        say_dr(o, h->src, OURS, h->reason);
    else if (p[1] != 0x70 && h->src != 0)
        say_er(o, h->src, h->cause, p, h->upto);
    ends(o, "local", h->reason, dr ? CVN_COTP_CLOSING : CVN_COTP_ENDED);
}

/* A CC for us, or of class 0. */
static void cc_in_wfcc(struct outcome *o, const struct place *at, const struct header *h)
{
    int why = refused(h, at);
    bool two_wanted = at->class_id == 2 && h->class_id != 0;
    if (why == 0) {
        ends(o, "conf", (int)h->class_id, CVN_COTP_OPEN);
        return;
    }
    if (two_wanted)
        say_dr(o, h->src, OURS, why);
    ends(o, "local", why, two_wanted ? CVN_COTP_CLOSING : CVN_COTP_ENDED);
}

static void in_wfcc(struct outcome *o, const struct place *at, const uint8_t *p, size_t n)
{
    struct header h = read_header(p, n);
    bool cc = (p[1] & 0xf0) == 0xd0;
    bool class_2 = at->class_id == 2;
    if (!cc && p[1] != 0x80 && p[1] != 0x70) {
        ends(o, "local", 133, CVN_COTP_ENDED);
    } else if (!h.ok) {
        bad_in_wfcc(o, &h, p, cc && class_2 && h.class_id == 2);
    } else if (class_2 && h.dst != OURS && !(cc && h.class_id == 0)) {
        if (cc)
            say_dr(o, h.src, h.dst, 132);
        else if (h.src != 0) /* an ER has none */
            say_dc(o, h.src, h.dst);
    } else if (cc) {
        cc_in_wfcc(o, at, &h);
    } else {
        ends(o, p[1] == 0x80 ? "peer" : "error", (int)h.what, CVN_COTP_ENDED);
    }
}

/* DT and ED in class 0, strict. */
static void data_0(struct outcome *o, struct header *h, const uint8_t *p, size_t n)
{
    bool ed = (p[1] & 0xf0) == 0x10;
    if (p[0] != 2)
        wrong(h, 0, 138, 1);
    else if (p[1] % 16 != 0)
        wrong(h, 3, 133, 2);
    else if (p[2] % 128 != 0)
        wrong(h, 3, 133, 3);
    else if (n == 3 || (ed && n > 19))
        wrong(h, 0, 138, 3);
    else
        ends(o, ed ? "ed" : "data", 0, CVN_COTP_OPEN);
}

static void in_open_0(struct outcome *o, const uint8_t *p, size_t n)
{
    unsigned type = p[1] & 0xf0;
    struct header h = {.ok = true};
    if (type == 0xf0 || type == 0x10) {
        data_0(o, &h, p, n);
    } else if (p[1] == 0x80 || p[1] == 0x70) {
        h = read_header(p, n);
        if (h.ok)
            ends(o, type == 0x80 ? "peer" : "error", (int)h.what, CVN_COTP_ENDED);
    } else if (type == 0xe0) {
        ends(o, "local", 133, CVN_COTP_ENDED);
    } else if (li_bad(p, n)) {
        wrong(&h, 0, 138, 1);
    } else {
        wrong(&h, 2, 133, 2);
    }
    if (h.ok)
        return;
    ends(o, "local", h.reason, CVN_COTP_ENDED);
    if (p[1] != 0x70)
        say_er(o, PEER, h.cause, p, h.upto);
}

static void fails_2(struct outcome *o, int reason)
{
    say_dr(o, PEER, OURS, reason);
    ends(o, "local", reason, CVN_COTP_CLOSING);
}

/* DR in OPEN and CLOSING. */
static void dr_2(struct outcome *o, const struct header *h)
{
    bool ours = h->dst == OURS && (h->src == PEER || h->src == 0);
    if (h->src != 0 && (!ours || o->state == CVN_COTP_OPEN))
        say_dc(o, h->src, h->dst);
    if (ours)
        ends(o, "peer", (int)h->what, CVN_COTP_ENDED);
}

/* DT and ED for us. */
static void data_2(struct outcome *o, const uint8_t *p, size_t n)
{
    bool ed = (p[1] & 0xf0) == 0x10;
    if (p[0] != 4)
        fails_2(o, 138);
    else if (p[1] % 16 != 0)
        fails_2(o, 133);
    else if (n == 5 || (ed && n > 21))
        fails_2(o, 138);
    else
        ends(o, ed ? "ed" : "data", 0, CVN_COTP_OPEN);
    if (ed && o->event[0] == 'e') {
        const uint8_t ea[] = {4, 0x20, 0, PEER, p[4] % 128};
        say(o, ea, sizeof ea);
    }
}

/* EA, AK, ER, DC, n octets, nothing else. */
static void short_2(struct outcome *o, const struct place *at, const uint8_t *p, size_t n)
{
    bool closing = o->state == CVN_COTP_CLOSING;
    unsigned type = p[1] & 0xf0;
    struct header h = read_header(p, n);
    if (two(p + 2) != OURS || (closing && (p[1] != 0xc0 || !h.ok)))
        return;
    if (closing && h.src == PEER)
        o->state = CVN_COTP_ENDED;
    else if (type == 0x60)
        fails_2(o, 133);
    else if (!h.ok && p[1] == 0x70)
        ends(o, "local", h.reason, CVN_COTP_ENDED);
    else if (!h.ok)
        fails_2(o, h.reason);
    else if (type == 0x70)
        ends(o, "error", (int)h.what, CVN_COTP_ENDED);
    else if (type == 0xc0 ? h.src == PEER : !at->ea_due)
        fails_2(o, 133);
}

/* CR, CC, DR. */
static void connect_2(struct outcome *o, const struct header *h, unsigned type)
{
    if (!h->ok)
        fails_2(o, h->reason);
    else if (type == 0x80)
        dr_2(o, h);
    else if (h->src == PEER && (type == 0xe0 || h->dst == OURS))
        fails_2(o, 133);
    else
        say_dr(o, h->src, type == 0xe0 ? 0 : h->dst, type == 0xe0 ? 136 : 132);
}

static void long_2(struct outcome *o, const uint8_t *p, size_t n)
{
    unsigned type = p[1] & 0xf0;
    struct header h = read_header(p, n);
    if (o->state == CVN_COTP_CLOSING && (type != 0x80 || !h.ok))
        return;
    if (type == 0x80 || type == 0xd0 || type == 0xe0)
        connect_2(o, &h, type);
    else if (type != 0xf0 && type != 0x10)
        fails_2(o, 133);
    else if (two(p + 2) == OURS)
        data_2(o, p, n);
}

/* LI 0, 255, too short for a DST-REF, too long; or what stands behind is no TPDU. */
static bool unreadable(const uint8_t *p, size_t n, size_t size)
{
    return n < 5 || p[0] < 4 || li_bad(p, n) || n - size == 1 || n - size == 2;
}

/* OPEN and CLOSING, class 2: TPDU after TPDU of the packet. */
static void in_class_2(struct outcome *o, const struct place *at, const uint8_t *p, size_t n)
{
    struct place now = *at;
    while (n > 0 && o->state != CVN_COTP_ENDED) {
        unsigned type = p[1] & 0xf0;
        bool goes_on = memchr("\x20\x60\x70\xc0", (int)type, 4) != NULL;
        size_t size = goes_on ? p[0] + 1u : n;
        if (unreadable(p, n, size)) {
            if (o->state == CVN_COTP_OPEN)
                fails_2(o, 138);
            return;
        }
        if (goes_on)
            short_2(o, &now, p, size);
        else
            long_2(o, p, size);
        if (type == 0x20 && two(p + 2) == OURS)
            now.ea_due = false;
        p += size;
        n -= size;
    }
}

static void expect(struct outcome *o, const struct place *at, const uint8_t *p, size_t n)
{
    *o = (struct outcome){.event = "none", .state = at->state};
    if (n < 3)
        ends(o, at->state == CVN_COTP_CLOSING ? "none" : "local", 133, CVN_COTP_ENDED);
    else if (at->state == CVN_COTP_CLOSED)
        in_closed(o, p, n);
    else if (at->state == CVN_COTP_WFCC)
        in_wfcc(o, at, p, n);
    else if (at->class_id == 0)
        in_open_0(o, p, n);
    else
        in_class_2(o, at, p, n);
    if (at->state == CVN_COTP_CLOSING)
        o->event = "none"; /* the user has asked for the end */
    if (o->event[0] == 'n')
        o->reason = 0;
}

/* ---- the machine ---- */

static size_t take(struct cvn_cotp *c, uint8_t *to, size_t cap)
{
    struct cvn_out *o = cvn_cotp_out(c);
    struct cvn_iov iov[1];
    size_t n = 0;
    while (cvn_out_iov(o, iov, 1) == 1) {
        ck_assert_uint_le(n + iov[0].len, cap);
        memcpy(to + n, iov[0].base, iov[0].len);
        n += iov[0].len;
        cvn_out_sent(o, iov[0].len);
    }
    return n;
}

static struct cvn_cotp *bring_to(const struct place *at)
{
    static const uint8_t cc_0[] = {3, 0, 0, 14, 9, 0xd0, 0, OURS, 0, PEER, 0, 0xc6, 1, 1};
    static const uint8_t cc_2[] = {3, 0, 0, 14, 9, 0xd0, 0, OURS, 0, PEER, 0x21, 0xc6, 1, 0x21};
    uint8_t gone[100];
    size_t used = 0;
    struct cvn_cotp_event ev;
    struct cvn_cotp_opts o = {
        .initiator = at->state != CVN_COTP_CLOSED,
        .reference = OURS,
        .expedited = true,
        .acknowledged = true,
        .classes = at->class_id == 2 ? CVN_COTP_CLASS_0 | CVN_COTP_CLASS_2 : 0,
    };
    struct cvn_cotp *c = NULL;
    ck_assert_int_eq(cvn_cotp_new(&c, &o), CVN_OK);
    if (at->state == CVN_COTP_CLOSED)
        return c;
    ck_assert_int_eq(cvn_cotp_connect(c), CVN_OK);
    (void)take(c, gone, sizeof gone);
    if (at->state == CVN_COTP_WFCC)
        return c;
    ck_assert_int_eq(cvn_cotp_feed(c, at->class_id == 2 ? cc_2 : cc_0, 14, &used, &ev), CVN_EVENT);
    if (at->ea_due)
        ck_assert_int_eq(cvn_cotp_expedited(c, (struct cvn_octets){gone, 1}), CVN_OK);
    if (at->state == CVN_COTP_CLOSING)
        ck_assert_int_eq(cvn_cotp_disconnect(c, CVN_DR_NORMAL), CVN_OK);
    (void)take(c, gone, sizeof gone);
    return c;
}

static void see(struct outcome *o, const struct cvn_cotp_event *e)
{
    static const char *const names[] = {"ind", "conf", "data", "ed"};
    if (o->event[0] != 'n') {
        if (e->kind != CVN_COTP_EV_DATA || strcmp(o->event, "data") != 0)
            o->event = "twice";
        return;
    }
    bool connect = e->kind == CVN_COTP_EV_CONNECT_IND || e->kind == CVN_COTP_EV_CONNECT_CONF;
    if (e->kind == CVN_COTP_EV_DISCONNECT) {
        o->event = e->local ? "local" : e->error_tpdu ? "error" : "peer";
        o->reason = e->reason;
    } else {
        o->event = names[e->kind];
        o->reason = connect ? e->class_id : 0;
    }
}

static void run(struct outcome *o, const struct place *at, const uint8_t *p, size_t n)
{
    struct cvn_cotp *c = bring_to(at);
    uint8_t packet[4 + TPDU_MAX] = {3, 0, (uint8_t)((n + 4) / 256), (uint8_t)(n + 4)};
    bool whole = rand() % 2 == 0;
    memcpy(packet + 4, p, n);
    *o = (struct outcome){.event = "none"};
    for (size_t from = 0, len; from < n + 4; from += len) {
        len = whole ? n + 4 : 1 + (size_t)rand() % 9;
        len = len < n + 4 - from ? len : n + 4 - from;
        uint8_t *alone = malloc(len); /* so that a read past it is seen */
        if (alone == NULL)
            ck_abort();
        memcpy(alone, packet + from, len);
        for (size_t done = 0; done < len;) {
            size_t used = 0;
            struct cvn_cotp_event ev;
            int rc = cvn_cotp_feed(c, alone + done, len - done, &used, &ev);
            if (rc == CVN_EVENT)
                see(o, &ev);
            else if (used != len - done || (rc != CVN_MORE && rc != CVN_ECLOSED))
                ck_abort_msg("feed returns %d", rc);
            done += used;
        }
        free(alone);
    }
    o->state = cvn_cotp_state(c);
    o->nsaid = take(c, o->said, sizeof o->said);
    cvn_cotp_free(c);
}

/* ---- mutants ---- */

struct tpdu {
    uint8_t p[TPDU_MAX];
    size_t n;
};

static void insert(struct tpdu *t, size_t at, const uint8_t *p, size_t n)
{
    uint8_t copy[64];
    if (t->n + n > TPDU_MAX - 60 || n > sizeof copy)
        return;
    memcpy(copy, p, n); /* it may be of t */
    memmove(t->p + at + n, t->p + at, t->n - at);
    memcpy(t->p + at, copy, n);
    t->n += n;
}

static void cut(struct tpdu *t, size_t at, size_t n)
{
    n = n < t->n - at ? n : t->n - at;
    memmove(t->p + at, t->p + at + n, t->n - at - n);
    t->n -= n;
}

/* One parameter, known or not, with the length that it has or another. */
static void add_parameter(struct tpdu *t, size_t at)
{
    static const uint8_t codes[] = {0xc0, 0xc1, 0xc2, 0xc3, 0xc4, 0xc5, 0xc6, 0xc7, 0x85, 0x86,
                                    0x87, 0x88, 0x89, 0x8b, 0xf0, 0xf2, 0xe0, 0xff, 0x00, 0x42};
    static const uint8_t usual[] = {1, 2, 2, 2, 1, 3, 1, 1, 2, 3, 2, 8, 12, 2, 2, 4, 1, 1, 1, 1};
    uint8_t parameter[40] = {0};
    size_t k = (size_t)rand() % sizeof codes;
    size_t n = rand() % 4 == 0 ? (size_t)rand() % 30 : usual[k];
    parameter[0] = codes[k];
    parameter[1] = (uint8_t)n;
    for (size_t i = 0; i < n; i++)
        parameter[2 + i] = (uint8_t)(rand() % (rand() % 3 == 0 ? 256 : 16));
    insert(t, at, parameter, 2 + n);
}

/* Where the header ends, as long as LI says something sensible. */
static size_t header_end(const struct tpdu *t)
{
    return t->p[0] < t->n ? t->p[0] + 1u : t->n;
}

/* Changes something; true if LI is to be set right after that. */
static bool change(struct tpdu *t, size_t fixed)
{
    size_t end = header_end(t);
    size_t at = (size_t)rand() % t->n;
    size_t behind = fixed < end ? fixed + (size_t)rand() % (end - fixed + 1) : end;
    uint8_t octet = (uint8_t)rand();
    switch (rand() % 12) {
    case 0:
        t->p[at] = octet;
        return false;
    case 1:
        t->p[at] = (uint8_t)(t->p[at] + (rand() % 2 == 0 ? 1 : 255));
        return false;
    case 2:
        t->p[at] ^= (uint8_t)(1u << rand() % 8);
        return false;
    case 3:
        insert(t, at, &octet, 1);
        return rand() % 2 == 0;
    case 4:
        cut(t, at, 1 + (size_t)rand() % 4);
        return rand() % 2 == 0;
    case 5: /* every form of LI */
        t->p[0] = (uint8_t)(rand() % 3 == 0 ? rand() : (int)t->n - 3 + rand() % 5);
        return false;
    case 6:
        t->p[0] = rand() % 2 == 0 ? 0 : 255;
        return false;
    case 7: /* doubled: from anywhere to the end of the header */
        insert(t, end, t->p + behind, end - behind < 60 ? end - behind : 60);
        return true;
    case 8: /* missing, or out of order with what is added */
        cut(t, behind, end - behind);
        return true;
    case 9:
        add_parameter(t, behind);
        return true;
    case 10:
        add_parameter(t, end);
        return true;
    default: /* user data */
        insert(t, t->n, t->p, t->n < 40 ? t->n : 40);
        return false;
    }
}

static void mutate(struct tpdu *t, size_t fixed)
{
    for (int times = 1 + rand() % 3; times > 0 && t->n > 1; times--) {
        size_t user = t->n - header_end(t);
        if (change(t, fixed) && t->n > user && t->n - user <= 255)
            t->p[0] = (uint8_t)(t->n - user - 1);
    }
}

static const struct place places[] = {
    {"CLOSED", CVN_COTP_CLOSED, 0, false},      {"WFCC, class 0", CVN_COTP_WFCC, 0, false},
    {"WFCC, class 2", CVN_COTP_WFCC, 2, false}, {"OPEN, class 0", CVN_COTP_OPEN, 0, false},
    {"OPEN, class 2", CVN_COTP_OPEN, 2, false}, {"OPEN, class 2, EA due", CVN_COTP_OPEN, 2, true},
    {"CLOSING", CVN_COTP_CLOSING, 2, false},
};

#define SIXTEEN "000102030405060708090a0b0c0d0e0f"

/* Right ones, to begin with; fixed: octets of LI and the fixed part. */
static const struct {
    const char *name;
    const char *hex;
    size_t fixed;
} bases[] = {
    {"CR 0", "14e00000000900c0010ac1020001c2020002c60101", 7},
    {"CR 2", "17e00000000921c0010ac1020001c2020002c60121c70100", 7},
    {"CR 4", "0ee00000000940f00140c702002003", 7},
    {"CC 0", "14d00005000900c0010ac1020001c2020002c60101", 7},
    {"CC 2", "18d00005000921c0010ac1020001c50107870200 01c60121", 7},
    {"CC F0", "0ad00005000921f0020101", 7},
    {"DR", "0980000500 0980e0018062796565", 7},
    {"CC 2, extended formats", "06d00005000923", 7},
    {"DR with all user data", "06800005000980" SIXTEEN SIXTEEN SIXTEEN SIXTEEN, 7},
    {"CC with all user data", "06d00005000921" SIXTEEN SIXTEEN, 7},
    {"DC", "05c000050009", 6},
    {"ER", "087000050 2c10204f0", 5},
    {"EA", "0420000500", 5},
    {"AK", "0460000500", 5},
    {"DT 0", "02f0806162", 3},
    {"DT 2", "04f00005806162", 5},
    {"ED 0", "0210806162", 3},
    {"ED 2", "0410000585616263", 5},
    {"EA and DT", "042000050004f00005806162", 5},
    {"ER for another, and DC", "04700007 0205c000050009", 5},
};
#define PLACES ((int)(sizeof places / sizeof *places))
#define BASES  ((int)(sizeof bases / sizeof *bases))

static struct tpdu base(size_t k)
{
    struct tpdu t = {.n = 0};
    char two_digits[3] = "";
    for (const char *at = bases[k].hex; *at != '\0'; at++) {
        if (*at == ' ')
            continue;
        two_digits[two_digits[0] == '\0' ? 0 : 1] = *at;
        if (two_digits[1] == '\0')
            continue;
        t.p[t.n++] = (uint8_t)strtoul(two_digits, NULL, 16);
        memset(two_digits, 0, sizeof two_digits);
    }
    return t;
}

static void print(const char *who, const struct outcome *o)
{
    printf("%s: %s %d, state %d, says", who, o->event, o->reason, (int)o->state);
    for (size_t i = 0; i < o->nsaid; i++)
        printf(" %02x", o->said[i]);
    printf("\n");
}

static bool same(const struct outcome *a, const struct outcome *b)
{
    return strcmp(a->event, b->event) == 0 && a->reason == b->reason && a->state == b->state &&
           a->nsaid == b->nsaid && memcmp(a->said, b->said, a->nsaid) == 0;
}

START_TEST(a_mutant_is_answered_as_the_standard_says)
{
    const struct place *at = &places[_i % PLACES];
    size_t k = (size_t)(_i / PLACES);
    size_t answered = 0;
    srand((unsigned)_i);
    for (int i = 0; i < MUTANTS; i++) {
        struct tpdu t = base(k);
        struct outcome want;
        struct outcome got;
        if (i > 0)
            mutate(&t, bases[k].fixed);
        expect(&want, at, t.p, t.n);
        run(&got, at, t.p, t.n);
        answered += want.nsaid > 0 || want.event[0] != 'n';
        if (same(&want, &got))
            continue;
        for (size_t o = 0; o < t.n; o++)
            printf("%02x ", t.p[o]);
        printf("\n");
        print("should", &want);
        print("does  ", &got);
        ck_abort_msg("mutant %d of %s in %s", i, bases[k].name, at->name);
    }
    if (at->state != CVN_COTP_CLOSING) /* where most is ignored */
        ck_assert_uint_gt(answered, MUTANTS / 20);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("cotp mutants");
    TCase *t = tcase_create("mutants");
    tcase_add_loop_test(t, a_mutant_is_answered_as_the_standard_says, 0, PLACES * BASES);
    tcase_set_timeout(t, 60);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
