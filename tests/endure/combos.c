/* SPDX-License-Identifier: MIT */
/*
 * Two ends in every combination of functional units, modes, versions, transport expedited data,
 * extended concatenation and TSDU maxima. What is agreed is judged by the rules of X.225 7.1 and
 * 7.4 as they are written here, apart from the machine; then every service that the agreed units
 * give is used by both sides, those of units that were not agreed are refused, and the session
 * connection is released in order.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "endure.h"

#define EVENTS 16u

enum {
    HD = CVN_FU_HALF_DUPLEX,
    FD = CVN_FU_DUPLEX,
    EX = CVN_FU_EXPEDITED,
    SY = CVN_FU_MINOR_SYNC,
    MA = CVN_FU_MAJOR_SYNC,
    RE = CVN_FU_RESYNC,
    AC = CVN_FU_ACTIVITY,
    NR = CVN_FU_NEGOTIATED_RELEASE,
    CD = CVN_FU_CAPABILITY,
    XC = CVN_FU_EXCEPTIONS,
    TD = CVN_FU_TYPED_DATA,
    SS = CVN_FU_SYMMETRIC_SYNC,
    DS = CVN_FU_DATA_SEPARATION,
};

/* Without the mode; exceptions want half-duplex. */
static const uint16_t unit_sets[] = {
    0,                      /* BCS */
    NR | TD | SY | MA | RE, /* BSS */
    TD | CD | SY | XC | AC, /* BAS */
    EX,
    SY,
    MA,
    RE,
    AC,
    NR,
    CD | AC,
    XC,
    TD,
    SS,
    DS | SY | RE,
    DS | SS | RE,
    EX | SY | MA | RE | AC | NR | CD | XC | TD | DS, /* all, with either kind of minor points */
    EX | SS | MA | RE | AC | NR | CD | XC | TD | DS,
};

struct mode {
    uint16_t offered, chosen;
};
static const struct mode modes[] = {{HD, HD}, {FD, FD}, {HD | FD, HD}, {HD | FD, FD}};
static const uint8_t versions[] = {1, 2, 3};
static const struct {
    uint16_t offered, answered;
} maxima[] = {{0, 0}, {64, 0}, {0, 100}, {1024, 64}};

struct combination {
    uint16_t units, answer; /* proposed; what the responder has */
    struct mode mode;
    uint8_t version[2];
    bool expedited[2], extended[2];
    uint16_t max_offered[2], max_answered[2]; /* initiator to responder, and back */
    uint8_t setting;
};

struct event {
    struct cvn_x225_prim prim;
    uint8_t octets[SSDU_MAX];
};

struct heard {
    struct event event[EVENTS];
    unsigned first, n;
};

static struct world {
    const struct combination *c;
    struct end ends[2];
    struct heard heard[2];
    struct link link;
    uint16_t units; /* agreed */
    uint8_t version;
    uint8_t owned[2];
    unsigned number; /* of this conversation */
    char id;         /* of the next activity */
} w;

__attribute__((noreturn)) static void wrong(const char *what, unsigned line)
{
    const struct combination *c = w.c;
    fprintf(
        stderr,
        "combination %u: units %04x of %04x, mode %04x of %04x, versions %u %u, expedited %d %d, "
        "maxima %u %u %u %u, setting %02x\n",
        w.number, c->units, c->answer, c->mode.chosen, c->mode.offered, c->version[0],
        c->version[1], c->expedited[0], c->expedited[1], c->max_offered[0], c->max_offered[1],
        c->max_answered[0], c->max_answered[1], c->setting);
    fail(&w.ends[0], "line %u: %s", line, what);
}
#define need(condition)                                                                            \
    do {                                                                                           \
        if (!(condition))                                                                          \
            wrong(#condition, __LINE__);                                                           \
    } while (0)

/* --- one primitive, and what it makes at the other end --- */

static void hear(struct end *e, const struct cvn_x225_prim *ev)
{
    struct heard *h = e->user;
    need(h->n < EVENTS);
    struct event *to = &h->event[(h->first + h->n++) % EVENTS];
    to->prim = *ev;
    need(ev->data.n <= sizeof to->octets);
    if (ev->data.n > 0)
        memcpy(to->octets, ev->data.p, ev->data.n);
    to->prim.data.p = to->octets;
}

static const struct play play = {.hear = hear};

static const struct cvn_x225_prim *heard(unsigned side, enum cvn_x225_service s,
                                         enum cvn_x225_type t)
{
    struct heard *h = &w.heard[side];
    need(h->n > 0);
    const struct cvn_x225_prim *p = &h->event[h->first].prim;
    need(p->service == s && p->type == t);
    h->first = (h->first + 1) % EVENTS;
    h->n--;
    return p;
}

static void quiet(void)
{
    need(w.heard[0].n == 0 && w.heard[1].n == 0);
}

static int try_it(unsigned side, struct cvn_x225_prim *p)
{
    int rc = try_ask(&w.ends[side], p);
    link_drain(&w.link, w.ends);
    return rc;
}

static void do_it(unsigned side, struct cvn_x225_prim *p)
{
    int rc = try_it(side, p);
    if (rc != CVN_OK)
        wrong(cvn_err_name(rc), __LINE__);
}

static bool has(uint16_t unit)
{
    return (w.units & unit) != 0;
}

static struct cvn_octets text(const char *t)
{
    return (struct cvn_octets){(const uint8_t *)t, strlen(t)};
}

/* A request of this service, and its indication with the same user data. */
static const struct cvn_x225_prim *pass(unsigned side, struct cvn_x225_prim *p)
{
    enum cvn_x225_type t = p->type == CVN_REQUEST ? CVN_INDICATION : CVN_CONFIRM;
    do_it(side, p);
    const struct cvn_x225_prim *got = heard(!side, p->service, t);
    need(got->data.n == p->data.n && memcmp(got->data.p, p->data.p, p->data.n) == 0);
    return got;
}

static const struct cvn_x225_prim *say(unsigned side, enum cvn_x225_service s, enum cvn_x225_type t,
                                       const char *data)
{
    struct cvn_x225_prim p;
    cvn_x225_prim_init(&p, s, t);
    p.data = text(data);
    return pass(side, &p);
}

static void refused(unsigned side, enum cvn_x225_service s, int code)
{
    struct cvn_x225_prim p = request(s);
    p.data = text("x");
    p.activity = text("r");
    p.reason = CVN_REASON_LOCAL_ERROR;
    p.tokens = CVN_TOKEN_DATA;
    p.resync = CVN_RESYNC_ABANDON;
    need(try_it(side, &p) == code);
    quiet();
}

/* --- tokens --- */

static uint8_t exist(void)
{
    return (uint8_t)((has(HD) ? CVN_TOKEN_DATA : 0) | (has(SY) ? CVN_TOKEN_MINOR : 0) |
                     (has(MA | AC) ? CVN_TOKEN_MAJOR : 0) | (has(NR) ? CVN_TOKEN_RELEASE : 0));
}

static void gather(unsigned side, uint8_t which)
{
    struct cvn_x225_prim p = request(CVN_S_TOKEN_GIVE);
    p.tokens = w.owned[!side] & which;
    if (p.tokens == 0)
        return;
    struct cvn_x225_prim q = request(CVN_S_TOKEN_PLEASE);
    q.tokens = p.tokens;
    q.data = text("please");
    need(pass(side, &q)->tokens == q.tokens);
    need(pass(!side, &p)->tokens == p.tokens);
    w.owned[!side] &= (uint8_t)~p.tokens;
    w.owned[side] |= p.tokens;
}

static void owned_check(void)
{
    for (unsigned i = 0; i < 2; i++) {
        struct cvn_x225_vars v;
        cvn_sc_vars(w.ends[i].c, &v);
        need(v.tokens_available == exist() && v.tokens_owned == w.owned[i]);
        need(v.state == CVN_STA713);
    }
}

/* --- services --- */

static void data(unsigned side)
{
    static const size_t lengths[] = {1, 57, 58, 200, 3000};
    static uint8_t octets[3000];
    gather(side, CVN_TOKEN_DATA);
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        struct cvn_x225_prim p = request(CVN_S_DATA);
        for (size_t k = 0; k < lengths[i]; k++)
            octets[k] = (uint8_t)(k * 7 + i);
        p.data = (struct cvn_octets){octets, lengths[i]};
        (void)pass(side, &p);
        p.service = CVN_S_TYPED_DATA;
        if (has(TD))
            (void)pass(side, &p);
    }
    if (has(HD))
        refused(!side, CVN_S_DATA, CVN_ETOKEN);
    else
        (void)say(!side, CVN_S_DATA, CVN_REQUEST, "duplex");
    if (has(EX))
        (void)say(side, CVN_S_EXPEDITED_DATA, CVN_REQUEST, "14 octets here");
}

static void minor(unsigned side)
{
    struct cvn_x225_prim p = request(CVN_S_SYNC_MINOR);
    gather(side, CVN_TOKEN_MINOR | CVN_TOKEN_DATA);
    p.data = text("point");
    for (unsigned i = 0; i < 2; i++) {
        p.optional = i == 1;
        p.separation = i == 1 && has(DS);
        const struct cvn_x225_prim *got = pass(side, &p);
        need(got->serial == p.serial && got->optional == p.optional &&
             got->separation == p.separation);
    }
    struct cvn_x225_prim a = response(CVN_S_SYNC_MINOR);
    a.serial = p.serial;
    a.data = text("seen");
    need(pass(!side, &a)->serial == p.serial);
    if (has(SY))
        refused(!side, CVN_S_SYNC_MINOR, CVN_ETOKEN);
}

static void major(unsigned side)
{
    struct cvn_x225_prim p = request(CVN_S_SYNC_MAJOR);
    gather(side, CVN_TOKEN_ALL);
    p.data = text("dialogue unit");
    need(pass(side, &p)->serial == p.serial);
    if (has(TD))
        (void)say(!side, CVN_S_TYPED_DATA, CVN_REQUEST, "still");
    need(say(!side, CVN_S_SYNC_MAJOR, CVN_RESPONSE, "done")->serial != CVN_SERIAL_NONE);
    refused(!side, CVN_S_SYNC_MAJOR, CVN_ETOKEN);
}

static void resynchronize(unsigned side, enum cvn_x225_resync type)
{
    struct cvn_x225_prim p = request(CVN_S_RESYNCHRONIZE);
    struct cvn_x225_vars v;
    cvn_sc_vars(w.ends[side].c, &v);
    p.resync = (uint8_t)type;
    p.serial = type == CVN_RESYNC_SET ? 500 : v.vr;
    p.data = text("again");
    p.has_token_setting = true;
    p.token_setting = (uint8_t)(side == 0 ? 0 : CVN_TOKEN_ALL * CVN_SIDE_RESPONDER);
    const struct cvn_x225_prim *got = pass(side, &p);
    need(got->resync == type && (type == CVN_RESYNC_ABANDON || got->serial == p.serial));
    refused(side, CVN_S_RESYNCHRONIZE, CVN_ESTATE);
    struct cvn_x225_prim a = response(CVN_S_RESYNCHRONIZE);
    a.data = text("from there");
    got = pass(!side, &a);
    /* With symmetric synchronize only the flow from who asked; RA names it second. */
    uint32_t number = has(SS) ? got->serial2 : got->serial;
    need(type == CVN_RESYNC_ABANDON ? number >= v.vm : number == p.serial);
    w.owned[side] = exist();
    w.owned[!side] = 0;
    owned_check();
}

static void exception(unsigned side)
{
    struct cvn_x225_prim p = request(CVN_S_U_EXCEPTION_REPORT);
    gather(!side, CVN_TOKEN_DATA);
    p.reason = CVN_REASON_DEMAND_DATA_TOKEN;
    p.data = text("stop");
    need(pass(side, &p)->reason == p.reason);
    refused(!side, CVN_S_DATA, CVN_ESTATE);
    struct cvn_x225_prim g = request(CVN_S_TOKEN_GIVE);
    g.tokens = CVN_TOKEN_DATA;
    (void)pass(!side, &g);
    w.owned[side] |= CVN_TOKEN_DATA;
    w.owned[!side] &= (uint8_t)~CVN_TOKEN_DATA;
    refused(side, CVN_S_U_EXCEPTION_REPORT, CVN_ETOKEN);
    owned_check();
}

/* What is allowed inside an activity only, where there are activities. */
static void inside(unsigned side)
{
    data(side);
    if (has(SY | SS))
        minor(side);
    if (has(MA))
        major(side);
    if (has(RE)) {
        if (has(SY | SS | MA)) {
            resynchronize(!side, CVN_RESYNC_SET);
            if (has(SY | SS))
                minor(side);
            resynchronize(side, CVN_RESYNC_RESTART);
        }
        resynchronize(side, CVN_RESYNC_ABANDON);
        resynchronize(!side, CVN_RESYNC_ABANDON);
    }
    if (has(XC))
        exception(side);
}

static void start(unsigned side, char *id)
{
    struct cvn_x225_prim p = request(CVN_S_ACTIVITY_START);
    gather(side, CVN_TOKEN_ALL);
    id[0] = w.id++;
    p.activity = (struct cvn_octets){(const uint8_t *)id, 1};
    p.data = text("begin");
    need(pass(side, &p)->activity.n == 1);
    refused(side, CVN_S_ACTIVITY_START, CVN_ESTATE);
    refused(side, CVN_S_RELEASE, CVN_ESTATE);
}

static void activities(unsigned side)
{
    static const enum cvn_x225_service stops[] = {CVN_S_ACTIVITY_INTERRUPT, CVN_S_ACTIVITY_DISCARD};
    const char *more = w.version == 2 ? "why" : ""; /* version 1 has no user data there */
    char id[2] = {0};
    char old[2] = {0};
    for (unsigned i = 0; i < 2; i++) {
        start(side, id);
        if (i == 0)
            inside(side);
        gather(side, CVN_TOKEN_MAJOR);
        (void)say(side, stops[i], CVN_REQUEST, more);
        (void)say(!side, stops[i], CVN_RESPONSE, more);
        w.owned[side] = exist(); /* all come to who asked */
        w.owned[!side] = 0;
        owned_check();
        if (i > 0)
            continue;
        struct cvn_x225_prim p = request(CVN_S_ACTIVITY_RESUME);
        old[0] = id[0];
        id[0] = w.id++;
        p.activity = text(id);
        p.old_activity = text(old);
        p.serial = 41;
        p.serial2 = has(SS) ? 17 : CVN_SERIAL_NONE;
        p.data = text("go on");
        need(pass(side, &p)->serial == 41);
        struct cvn_x225_prim end = request(CVN_S_ACTIVITY_END);
        end.data = text("end");
        need(pass(side, &end)->serial == 42 && end.serial == 42);
        (void)say(!side, CVN_S_ACTIVITY_END, CVN_RESPONSE, "ended");
    }
    if (has(CD)) {
        (void)say(side, CVN_S_CAPABILITY_DATA, CVN_REQUEST, "can you");
        (void)say(!side, CVN_S_CAPABILITY_DATA, CVN_RESPONSE, "yes");
    }
    (void)say(side, CVN_S_CONTROL_GIVE, CVN_REQUEST, more);
    w.owned[!side] = exist();
    w.owned[side] = 0;
    owned_check();
}

static void absent(void)
{
    static const struct {
        uint16_t units;
        enum cvn_x225_service s;
    } services[] = {
        {EX, CVN_S_EXPEDITED_DATA},     {TD, CVN_S_TYPED_DATA},     {CD, CVN_S_CAPABILITY_DATA},
        {SY | SS, CVN_S_SYNC_MINOR},    {MA, CVN_S_SYNC_MAJOR},     {RE, CVN_S_RESYNCHRONIZE},
        {XC, CVN_S_U_EXCEPTION_REPORT}, {AC, CVN_S_ACTIVITY_START}, {HD, CVN_S_TOKEN_PLEASE}};
    for (size_t i = 0; i < sizeof services / sizeof services[0]; i++) {
        if (!has(services[i].units)) {
            refused(0, services[i].s, CVN_EUNIT);
            refused(1, services[i].s, CVN_EUNIT);
        }
    }
}

static void release(void)
{
    gather(0, CVN_TOKEN_ALL);
    if (exist() != 0)
        refused(1, CVN_S_RELEASE, CVN_ETOKEN);
    if (has(NR)) {
        struct cvn_x225_prim no = response(CVN_S_RELEASE);
        (void)say(0, CVN_S_RELEASE, CVN_REQUEST, "may I");
        no.result = 0;
        no.data = text("not yet");
        need(pass(1, &no)->result == 0);
    }
    if (exist() == 0 && w.number % 2 == 0) { /* both at once */
        struct cvn_x225_prim p[2] = {request(CVN_S_RELEASE), request(CVN_S_RELEASE)};
        for (unsigned i = 0; i < 2; i++)
            need(try_ask(&w.ends[i], &p[i]) == CVN_OK);
        link_drain(&w.link, w.ends);
        for (unsigned i = 0; i < 2; i++)
            (void)heard(i, CVN_S_RELEASE, CVN_INDICATION);
        (void)say(0, CVN_S_RELEASE, CVN_RESPONSE, "bye");
        (void)say(1, CVN_S_RELEASE, CVN_RESPONSE, "bye");
    } else {
        (void)say(0, CVN_S_RELEASE, CVN_REQUEST, "bye");
        need(say(1, CVN_S_RELEASE, CVN_RESPONSE, "bye")->result == CVN_RESULT_ACCEPT);
    }
    quiet();
    need(cvn_sc_closing(w.ends[0].c));
    cvn_sc_stream_closed(w.ends[1].c, 1);
    struct cvn_x225_prim ev;
    need(cvn_sc_next(w.ends[1].c, &ev, 1) == CVN_NONE); /* nobody calls that an abort */
}

/* --- agreeing --- */

static uint16_t smaller(uint16_t a, uint16_t b)
{
    if (a == 0 || b == 0)
        return a == 0 ? b : a;
    return a < b ? a : b;
}

/* The transport's expedited data is asked for with the unit, and the responder's to give. */
static bool texp(const struct combination *c)
{
    return (c->units & EX) != 0 && c->expedited[1];
}

/* X.225 7.1, 7.4: what both name; what cannot be without another drops out with it. */
static uint16_t agreed_units(const struct combination *c)
{
    unsigned u = (c->units & c->answer) | c->mode.chosen;
    if (!texp(c))
        u &= ~(unsigned)EX;
    if ((u & HD) == 0)
        u &= ~(unsigned)XC;
    if ((u & AC) == 0)
        u &= ~(unsigned)CD;
    if ((u & (SY | SS)) == 0 || (u & RE) == 0)
        u &= ~(unsigned)DS;
    return (uint16_t)u;
}

static bool number_wanted(uint16_t units)
{
    return (units & (SY | SS | MA | RE)) != 0;
}

static void open_ends(void)
{
    const struct combination *c = w.c;
    for (unsigned i = 0; i < 2; i++) {
        struct cvn_sc_opts o = {.initiator = i == 0, .reference = 1, .expedited = c->expedited[i]};
        o.x225.versions = c->version[i];
        o.x225.extended = c->extended[i];
        /* Those of the responder: towards it is the way from the initiator. */
        o.x225.tsdu_max_receive = i == 1 ? c->max_answered[0] : 0;
        o.x225.tsdu_max_send = i == 1 ? c->max_answered[1] : 0;
        w.ends[i] = (struct end){
            .side = i, .random = 5, .play = &play, .user = &w.heard[i], .connects = true};
        need(cvn_sc_new(&w.ends[i].c, &o) == CVN_OK);
    }
}

static uint8_t side_setting(uint8_t asked, unsigned bit)
{
    unsigned pair = asked >> bit & 3u;
    return pair == CVN_SIDE_ACCEPTOR_CHOOSES ? CVN_SIDE_RESPONDER : (uint8_t)pair;
}

static void ask_connect(void)
{
    const struct combination *c = w.c;
    struct cvn_x225_prim p = request(CVN_S_CONNECT);
    p.units = c->units | c->mode.offered;
    p.serial = number_wanted(p.units) ? 7 : CVN_SERIAL_NONE;
    p.serial2 = (p.units & SS) != 0 ? 30 : CVN_SERIAL_NONE;
    p.tsdu_max_initiator = c->max_offered[0];
    p.tsdu_max_responder = c->max_offered[1];
    p.has_token_setting = true;
    p.token_setting = c->setting;
    p.data = text("hello");
    do_it(0, &p);
}

/* Outside activities only: with them the numbers begin anew. */
static bool numbered(void)
{
    return number_wanted(w.units) && !has(AC);
}

static void answer_connect(void)
{
    const struct combination *c = w.c;
    const struct cvn_x225_prim *asked = heard(1, CVN_S_CONNECT, CVN_INDICATION);
    unsigned offered = c->units | c->mode.offered;
    need(asked->versions == c->version[0] && asked->data.n == 5);
    need(asked->units == (offered & ~(unsigned)(texp(c) ? 0 : EX)));
    struct cvn_x225_prim a = response(CVN_S_CONNECT);
    a.units = w.units;
    a.serial = numbered() ? 9 : CVN_SERIAL_NONE;
    a.serial2 = numbered() && has(SS) ? 31 : CVN_SERIAL_NONE;
    a.has_token_setting = true;
    for (unsigned bit = 0; bit < 8; bit += 2)
        a.token_setting |= (uint8_t)(side_setting(c->setting, bit) << bit);
    a.data = text("hello to you");
    do_it(1, &a);
}

static void judge_confirm(void)
{
    const struct combination *c = w.c;
    const struct cvn_x225_prim *got = heard(0, CVN_S_CONNECT, CVN_CONFIRM);
    w.version = (c->version[0] & c->version[1] & 2) != 0 ? 2 : 1;
    need(got->result == CVN_RESULT_ACCEPT && got->units == w.units && got->data.n == 12);
    need(got->versions == w.version);
    need(got->tsdu_max_initiator == smaller(c->max_offered[0], c->max_answered[0]));
    need(got->tsdu_max_responder == smaller(c->max_offered[1], c->max_answered[1]));
    need(!numbered() || got->serial == 9);
    for (unsigned bit = 0; bit < 8; bit += 2) {
        if ((exist() >> bit & 1) != 0)
            w.owned[side_setting(c->setting, bit)] |= (uint8_t)(1u << bit);
    }
}

/* false: the versions do not meet, and the answer was as it must be. */
static bool connect_ends(void)
{
    const struct combination *c = w.c;
    ask_connect();
    if ((c->version[0] & c->version[1]) == 0) {
        const struct cvn_x225_prim *no = heard(0, CVN_S_CONNECT, CVN_CONFIRM);
        need(no->result == CVN_RF_VERSION && no->versions == c->version[1]);
        quiet();
        return false;
    }
    answer_connect();
    judge_confirm();
    return true;
}

static void converse(void)
{
    struct cvn_x225_vars v;
    cvn_sc_vars(w.ends[1].c, &v);
    need(v.units == w.units && v.version == w.version);
    need(v.texp == texp(w.c));
    owned_check();
    absent();
    if (has(AC)) {
        activities(0);
        activities(1);
    } else {
        inside(0);
        inside(1);
    }
    release();
}

static void one(const struct combination *c)
{
    w.c = c;
    w.units = agreed_units(c);
    w.version = 0;
    w.id = 'a';
    w.owned[0] = w.owned[1] = 0;
    w.heard[0].n = w.heard[1].n = 0;
    w.link = (struct link){.random = w.number * 2654435761u + 1};
    open_ends();
    if (connect_ends())
        converse();
    cvn_sc_free(w.ends[0].c);
    cvn_sc_free(w.ends[1].c);
    link_free(&w.link);
}

static unsigned next_digit(uint32_t *number, size_t base)
{
    unsigned digit = (unsigned)(*number % base);
    *number /= (uint32_t)base;
    return digit;
}

#define COUNT(a) (sizeof(a) / sizeof(a)[0])

/* The combination of that number; false: there are no more. */
static bool combination(uint32_t number, struct combination *c)
{
    static const uint8_t settings[] = {0x00, 0x55, 0xaa, 0x92};
    unsigned maximum;
    memset(c, 0, sizeof *c);
    c->units = unit_sets[next_digit(&number, COUNT(unit_sets))];
    c->mode = modes[next_digit(&number, COUNT(modes))];
    c->version[0] = versions[next_digit(&number, COUNT(versions))];
    c->version[1] = versions[next_digit(&number, COUNT(versions))];
    c->expedited[0] = next_digit(&number, 2) != 0;
    c->expedited[1] = next_digit(&number, 2) != 0;
    c->extended[0] = next_digit(&number, 2) != 0;
    c->extended[1] = next_digit(&number, 2) != 0;
    for (unsigned i = 0; i < 2; i++) {
        maximum = next_digit(&number, COUNT(maxima));
        c->max_offered[i] = maxima[maximum].offered;
        c->max_answered[i] = maxima[maximum].answered;
    }
    c->setting = settings[next_digit(&number, COUNT(settings))];
    /* The responder has all; or what the initiator wants but for one unit in turn. */
    unsigned less = next_digit(&number, 3);
    unsigned answer = less == 1 ? c->units : c->units & (c->units - 1u);
    c->answer = (uint16_t)(less == 0 ? CVN_FU_ALL : answer);
    return number == 0;
}

/* Exceptions want half-duplex in the proposal: the machine must refuse it, once for all. */
static bool possible(const struct combination *c)
{
    return (c->units & XC) == 0 || (c->mode.offered & HD) != 0;
}

unsigned play_combinations(uint64_t seed, unsigned every)
{
    struct combination c;
    unsigned done = 0;
    for (uint32_t number = (uint32_t)(seed % every); combination(number, &c); number += every) {
        if (!possible(&c))
            continue;
        w.number = number;
        one(&c);
        done++;
    }
    printf("combinations: %u conversations, every service of the units agreed in each\n", done);
    return done;
}
