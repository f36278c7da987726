/* SPDX-License-Identifier: MIT */
/*
 * probe - what a peer is: some short connections, one after another, each with one question.
 *
 * Invariants
 *   P1  each question has a connection of its own, which is ended in order and closed before the
 *       next; so what one answer does to the peer does not colour another.
 */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "cli/probe.h"

#define AFTER_S      0.3 /* how long a peer is watched after DN and AB */
#define OTHERS_MAX   16  /* SPDUs of another kind before the answer */
#define UNKNOWN_VERS 0x04u
#define SYNCS        (CVN_FU_MINOR_SYNC | CVN_FU_SYMMETRIC_SYNC)

enum { DX = CVN_FU_DUPLEX, HD = CVN_FU_HALF_DUPLEX };

struct result {
    const char *name;
    char answer[64];
    double ms;
    bool asked;
    bool accepted;
    bool broke; /* neither AC nor RF */
    unsigned reason;
};

enum which {
    ALL_UNITS,
    VERSION_2,
    VERSION_1,
    NARROW,
    VERSION_UNKNOWN,
    DEFAULTS,
    EMPTY_ID,
    UNKNOWN_PARAMETER,
    LONG_LENGTHS,
    USER_DATA_600,
    LONG_SELECTOR,
    WRONG_SELECTOR,
    ABORT,
    CLASS_2,
    QUESTIONS,
};

static const char *const names[QUESTIONS] = {
    [ALL_UNITS] = "all-units",
    [VERSION_2] = "version-2",
    [VERSION_1] = "version-1",
    [NARROW] = "narrow",
    [VERSION_UNKNOWN] = "version-unknown",
    [DEFAULTS] = "defaults",
    [EMPTY_ID] = "empty-identifier",
    [UNKNOWN_PARAMETER] = "unknown-parameter",
    [LONG_LENGTHS] = "user-data-300",
    [USER_DATA_600] = "user-data-600",
    [LONG_SELECTOR] = "selector-17",
    [WRONG_SELECTOR] = "selector-wrong",
    [ABORT] = "abort",
    [CLASS_2] = "class-2",
};

struct probe {
    const struct cli_options *o;
    const char *url_text;
    struct cli_target target;
    struct cvn_octets data; /* of CN, as --data says */
    uint8_t data_octets[512];
    uint16_t units; /* what the peer has taken first: the variants propose that */
    uv_loop_t loop;
    int fd;
    bool dialled;
    char why[128];
    const char *faults[PROBE_FAULTS];
    size_t nfaults;
    struct result results[QUESTIONS];
    /* what came of it */
    bool reached;
    bool has_accept;
    struct cvn_spdu accept; /* of ALL_UNITS, or the first; no slices */
    uint8_t responding[64];
    size_t nresponding;
    uint32_t tpdu; /* octets; 0: not said */
    bool expedited;
    double transport_ms, session_ms, release_ms;
    const char *released; /* what it did after DN, */
    const char *aborted;  /* and after AB */
    const char *keeps;
    const char *class_2;
    struct probe_link link;
};

static void fault(struct probe *p, const char *what)
{
    for (size_t i = 0; i < p->nfaults; i++) {
        if (strcmp(p->faults[i], what) == 0)
            return;
    }
    if (p->nfaults < PROBE_FAULTS)
        p->faults[p->nfaults++] = what;
}

/* -------- a connection -------- */

static void on_dialled(void *ctx, int fd, const char *why)
{
    struct probe *p = ctx;
    p->fd = fd;
    p->dialled = true;
    if (fd < 0)
        (void)snprintf(p->why, sizeof p->why, "%s", why);
}

static bool dial(struct probe *p)
{
    p->dialled = false;
    p->fd = -1;
    if (cvn_dial_targets(&p->loop, p->target.targets, p->target.ntargets, false, p->o->family,
                         (unsigned)(p->target.connect_timeout * 1000), on_dialled, p) == NULL)
        return false;
    while (!p->dialled)
        (void)uv_run(&p->loop, UV_RUN_ONCE);
    (void)uv_run(&p->loop, UV_RUN_DEFAULT);
    if (p->fd >= 0)
        cli_qos(p->o, &p->target, p->fd);
    if (p->fd >= 0)
        probe_link_open(&p->link, p->fd, p->o->timeout);
    return p->fd >= 0;
}

static void note(struct result *r, const struct probe_answer *a)
{
    r->asked = true;
    (void)probe_say(r->answer, sizeof r->answer, a);
    r->ms = a->ms;
    r->accepted = a->kind == PROBE_SPDU && a->spdu.type == CVN_SPDU_AC;
    r->broke = !r->accepted && !(a->kind == PROBE_SPDU && a->spdu.type == CVN_SPDU_RF);
    r->reason = a->kind == PROBE_SPDU && !r->broke && !r->accepted ? a->spdu.reason : 0;
}

/* The transport connection; false: r says what came instead. */
static bool transport(struct probe *p, struct probe_cr cr, struct result *r)
{
    struct probe_answer a;
    r->asked = true;
    r->broke = true;
    if (!dial(p)) {
        (void)snprintf(r->answer, sizeof r->answer, "not reached: %.40s", p->why);
        return false;
    }
    p->reached = true;
    cr.tsel = p->target.url.tsel;
    cr.tsel_len = p->target.url.tsel_len;
    probe_transport(&p->link, &cr, &a);
    note(r, &a);
    if (a.kind == PROBE_GARBAGE)
        fault(p, a.why);
    if (a.kind == PROBE_CC && p->transport_ms == 0) {
        p->transport_ms = a.ms;
        p->tpdu = a.tpdu.size != 0 ? 1u << a.tpdu.size : 0;
        p->expedited =
            cr.expedited && a.tpdu.has_options && (a.tpdu.options & CVN_TPDU_EXPEDITED) != 0;
    }
    if (a.kind == PROBE_CC && cr.size != 0 && a.tpdu.size > cr.size)
        fault(p, "CC names a larger TPDU size than was asked for (X.224 6.5.4)");
    return a.kind == PROBE_CC;
}

/* The answer to an SPDU, past data and tokens that may come before it. */
static void answer(struct probe *p, const uint8_t *spdu, size_t n, enum cvn_spdu_type type,
                   struct probe_answer *a)
{
    probe_ask(&p->link, spdu, n, a);
    for (int i = 0; i < OTHERS_MAX && a->kind == PROBE_SPDU; i++) {
        bool other = a->spdu.type == CVN_SPDU_DT || a->spdu.type == CVN_SPDU_TD ||
                     a->spdu.type == CVN_SPDU_PT || a->spdu.type == CVN_SPDU_GT;
        if (a->spdu.type == type || !other)
            break;
        probe_next(&p->link, p->link.timeout_s, a);
    }
}

static void remember(struct probe *p, const struct cvn_spdu *ac)
{
    if (p->has_accept)
        return;
    p->has_accept = true;
    p->accept = *ac;
    p->nresponding =
        ac->called_ssel.n < sizeof p->responding ? ac->called_ssel.n : sizeof p->responding;
    if (p->nresponding > 0)
        memcpy(p->responding, ac->called_ssel.p, p->nresponding);
}

/* CN and its answer. */
static bool offer(struct probe *p, const struct probe_cn *cn, struct result *r)
{
    uint8_t octets[PROBE_CN_MAX];
    struct probe_answer a;
    size_t n = probe_cn(octets, cn);
    answer(p, octets, n, CVN_SPDU_AC, &a);
    note(r, &a);
    if (a.kind == PROBE_GARBAGE)
        fault(p, a.why);
    if (!r->accepted)
        return false;
    probe_judge_accept(&a.spdu, cn, p->faults, &p->nfaults, PROBE_FAULTS);
    if (p->session_ms == 0)
        p->session_ms = a.ms;
    remember(p, &a.spdu);
    return true;
}

/* What the peer does when it is only watched. */
static const char *watch(struct probe *p)
{
    struct probe_answer a;
    probe_next(&p->link, AFTER_S, &a);
    if (a.kind == PROBE_SPDU)
        return a.spdu.type == CVN_SPDU_AA ? "AA" : "an SPDU";
    return a.kind == PROBE_DR       ? "DR"
           : a.kind == PROBE_SILENT ? "waits"
           : a.kind == PROBE_RESET  ? "resets"
                                    : "closes";
}

/* FN and DN. bits: Transport Disconnect; user: user data is there, and empty. */
static bool release(struct probe *p, bool keep, bool user)
{
    static const uint8_t plain[] = {9, 3, 17, 1, CVN_TD_RELEASED};
    static const uint8_t kept[] = {9, 3, 17, 1, 0};
    static const uint8_t narrow[] = {9, 2, 193, 0};
    const uint8_t *fn = keep ? kept : user ? narrow : plain;
    struct probe_answer a;
    answer(p, fn, user && !keep ? sizeof narrow : sizeof plain, CVN_SPDU_DN, &a);
    if (a.kind == PROBE_SPDU && a.spdu.type == CVN_SPDU_DN) {
        if (p->release_ms == 0)
            p->release_ms = a.ms;
        return true;
    }
    if (a.kind == PROBE_GARBAGE)
        fault(p, a.why);
    fault(p, "FN is not answered by DN (X.225 7.7)");
    return false;
}

static void end(struct probe *p)
{
    probe_link_close(&p->link);
}

/* Released, watched, closed. */
static void finish(struct probe *p, bool user)
{
    if (release(p, false, user) && p->released == NULL)
        p->released = watch(p);
    end(p);
}

/* -------- the questions -------- */

/* A legal proposal out of what AC has selected, which need not be one. */
static uint16_t legal(unsigned units)
{
    units &= CVN_FU_ALL & ~(unsigned)CVN_FU_EXPEDITED;
    if ((units & DX) != 0)
        units &= ~(unsigned)(HD | CVN_FU_EXCEPTIONS);
    if ((units & CVN_FU_ACTIVITY) == 0)
        units &= ~(unsigned)CVN_FU_CAPABILITY;
    if ((units & SYNCS) == SYNCS)
        units &= ~(unsigned)CVN_FU_SYMMETRIC_SYNC;
    if ((units & SYNCS) == 0)
        units &= ~(unsigned)CVN_FU_DATA_SEPARATION;
    return (uint16_t)((units & (DX | HD)) == 0 ? units | DX : units);
}

static struct probe_cn plain_cn(const struct probe *p)
{
    bool numbered = (p->units & (SYNCS | CVN_FU_MAJOR_SYNC | CVN_FU_RESYNC)) != 0;
    return (struct probe_cn){.versions = 2,
                             .units = p->units,
                             .serial = numbered && (p->units & CVN_FU_ACTIVITY) == 0,
                             .data = p->data,
                             .calling = {p->target.url.name, p->target.url.name_len},
                             .called = {p->target.url.ssel, p->target.url.ssel_len}};
}

/* What fails in general says nothing about a variant of it: where only the narrow dialect is taken,
 * the variants are of that. */
static struct probe_cn base_cn(const struct probe *p)
{
    struct probe_cn cn = plain_cn(p);
    cn.user = !p->results[VERSION_2].accepted && p->results[NARROW].accepted;
    return cn;
}

/* One connection with one CN, released if it is accepted. */
static void ask(struct probe *p, enum which q, struct probe_cr cr, const struct probe_cn *cn)
{
    struct result *r = &p->results[q];
    if (!transport(p, cr, r))
        end(p);
    else if (offer(p, cn, r))
        finish(p, cn->user);
    else
        end(p);
}

static void ask_all_units(struct probe *p)
{
    struct result *r = &p->results[ALL_UNITS];
    struct probe_cn cn = plain_cn(p);
    if (!transport(p, (struct probe_cr){.expedited = true}, r)) {
        end(p);
        return;
    }
    cn.versions = 3;
    cn.units = (uint16_t)(CVN_FU_ALL & ~(p->expedited ? 0u : CVN_FU_EXPEDITED));
    cn.serial = true;
    cn.extended = true;
    if (offer(p, &cn, r)) {
        unsigned units = (p->accept.has & CVN_HAS_UNITS) != 0 ? p->accept.units : CVN_FU_DEFAULT;
        p->units = legal(units & cn.units);
        finish(p, false);
    }
    end(p);
}

/* An abort, and what the peer then does. */
static void ask_abort(struct probe *p)
{
    static const uint8_t ab[] = {25, 3, 17, 1, CVN_TD_RELEASED | CVN_TD_USER};
    struct result *r = &p->results[ABORT];
    struct probe_cn cn = base_cn(p);
    if (transport(p, (struct probe_cr){0}, r) && offer(p, &cn, r)) {
        probe_send(&p->link, ab, sizeof ab);
        p->aborted = watch(p);
        (void)snprintf(r->answer, sizeof r->answer, "%s", p->aborted);
    }
    end(p);
}

/* Version 2 alone; the transport connection is offered for another session connection. */
static void ask_version_2(struct probe *p)
{
    struct result *r = &p->results[VERSION_2];
    struct result again = {.name = NULL};
    struct probe_cn cn = plain_cn(p);
    if (transport(p, (struct probe_cr){.size = 11}, r) && offer(p, &cn, r) &&
        release(p, true, false)) {
        bool kept = offer(p, &cn, &again);
        p->keeps = kept ? "yes" : "no";
        if (kept)
            (void)release(p, false, false);
    }
    end(p);
}

static void ask_narrow(struct probe *p)
{
    struct probe_cn cn = plain_cn(p);
    cn.units = (p->units & HD) != 0 ? p->units : DX;
    cn.serial = cn.units != DX && cn.serial;
    cn.user = true;
    ask(p, NARROW, (struct probe_cr){0}, &cn);
}

static void ask_class_2(struct probe *p)
{
    struct result *r = &p->results[CLASS_2];
    struct probe_answer a;
    r->asked = true;
    if (!dial(p))
        return;
    struct probe_cr cr = {
        .class_id = 2, .tsel = p->target.url.tsel, .tsel_len = p->target.url.tsel_len};
    probe_transport(&p->link, &cr, &a);
    note(r, &a);
    if (a.kind == PROBE_CC) {
        p->class_2 = a.tpdu.class_id == 2 ? "yes" : "no, takes class 0 instead";
        (void)snprintf(r->answer, sizeof r->answer, "CC class %u", a.tpdu.class_id);
    } else {
        p->class_2 = "no, and refuses class 0 as the alternative";
    }
    end(p);
}

static void ask_variants(struct probe *p)
{
    static const uint8_t zeros[600];
    static const uint8_t long_name[] = "seventeen octets.";
    struct probe_cr cr = {.expedited = false};
    struct probe_cn cn = base_cn(p);
    cn.versions = 1;
    ask(p, VERSION_1, cr, &cn);
    cn.versions = UNKNOWN_VERS;
    ask(p, VERSION_UNKNOWN, cr, &cn);
    cn = (struct probe_cn){.bare = true};
    ask(p, DEFAULTS, cr, &cn);
    cn = base_cn(p);
    cn.empty_id = true;
    ask(p, EMPTY_ID, cr, &cn);
    cn = base_cn(p);
    cn.unknown = true;
    ask(p, UNKNOWN_PARAMETER, cr, &cn);
    cn = base_cn(p);
    cn.data = (struct cvn_octets){zeros, 300};
    ask(p, LONG_LENGTHS, cr, &cn);
    cn.data.n = 600;
    ask(p, USER_DATA_600, cr, &cn);
    cn = base_cn(p);
    cn.calling = (struct cvn_octets){long_name, 17};
    ask(p, LONG_SELECTOR, cr, &cn);
    cn = base_cn(p);
    cn.called = (struct cvn_octets){(const uint8_t *)"no such selector", 16};
    ask(p, WRONG_SELECTOR, cr, &cn);
}

/* -------- what it means -------- */

static bool broke(const struct probe *p, enum which q)
{
    return p->results[q].asked && p->results[q].broke;
}

static bool plain_works(const struct probe *p)
{
    return p->results[VERSION_2].accepted || p->results[ALL_UNITS].accepted;
}

static void judge(struct probe *p)
{
    static const struct {
        enum which which;
        const char *what;
    } texts[] = {
        {ALL_UNITS, "does not take CN with both versions and all functional units: it is to drop "
                    "what it has not (X.225 7.4)"},
        {VERSION_2, "does not take CN without user data (X.225 8.3.1: it is optional)"},
        {VERSION_1, "answers version 1 neither by AC nor by RF 132 (X.225 7.5)"},
        {DEFAULTS, "does not take CN without parameters (X.225 8.3.1: all have defaults)"},
        {EMPTY_ID, "does not take a parameter of length 0 (X.225 8.2: as if absent)"},
        {UNKNOWN_PARAMETER, "does not skip a parameter that it does not know (X.225 8.2)"},
        {LONG_LENGTHS, "does not read lengths of more than one octet (X.225 8.2)"},
    };
    bool any = plain_works(p) || p->results[NARROW].accepted;
    for (size_t i = 0; any && i < sizeof texts / sizeof texts[0]; i++) {
        if (broke(p, texts[i].which))
            fault(p, texts[i].what);
    }
    if (p->results[VERSION_UNKNOWN].accepted)
        fault(p, "accepts a version that does not exist (X.225 7.5: RF 132)");
    if (p->aborted != NULL && strcmp(p->aborted, "waits") == 0)
        fault(p, "does not disconnect after AB (X.225 7.9)");
}

/* The narrow dialect works, and what is said without it does not. */
static bool needs_narrow(const struct probe *p)
{
    return p->results[NARROW].accepted &&
           (broke(p, ALL_UNITS) || broke(p, VERSION_2) || broke(p, LONG_LENGTHS));
}

static bool accepted_any(const struct probe *p)
{
    for (size_t i = 0; i < QUESTIONS; i++) {
        if (p->results[i].accepted)
            return true;
    }
    return false;
}

static int exit_of(const struct probe *p)
{
    if (!p->reached)
        return EXIT_UNREACHED;
    if (!accepted_any(p))
        return EXIT_DENIED;
    return p->nfaults > 0 ? EXIT_PROTOCOL : EXIT_RELEASED;
}

static void versions_text(const struct probe *p, char *text, size_t cap)
{
    bool two = p->results[VERSION_2].accepted || p->results[NARROW].accepted ||
               (p->has_accept && (p->accept.has & CVN_HAS_VERSION) != 0 && p->accept.version == 2);
    (void)snprintf(text, cap, "%s%s%s", p->results[VERSION_1].accepted ? "1" : "",
                   p->results[VERSION_1].accepted && two ? ", " : "", two ? "2" : "");
}

static unsigned units_of(const struct probe *p)
{
    if (!p->has_accept)
        return 0;
    return (p->accept.has & CVN_HAS_UNITS) != 0 ? p->accept.units : CVN_FU_DEFAULT;
}

/* -------- said -------- */

static void say(const char *what, const char *text)
{
    (void)printf("  %-14s %s\n", what, text);
}

static void say_units(const struct probe *p)
{
    char text[400] = "";
    size_t n = 0;
    for (unsigned bit = 1; bit <= CVN_FU_DATA_SEPARATION; bit <<= 1) {
        if ((units_of(p) & bit) != 0)
            n += (size_t)snprintf(text + n, sizeof text - n, "%s%s", n > 0 ? ", " : "",
                                  probe_unit(bit));
    }
    say("units", n > 0 ? text : "none were selected");
}

static void say_sizes(const struct probe *p)
{
    char text[400];
    const struct cvn_spdu *s = &p->accept;
    if ((s->has & CVN_HAS_TSDU_MAX) != 0)
        (void)snprintf(text, sizeof text, "TSDU %u to it, %u from it", s->tsdu_max_initiator,
                       s->tsdu_max_responder);
    else
        (void)snprintf(text, sizeof text, "TSDU unlimited");
    size_t n = strlen(text);
    (void)snprintf(text + n, sizeof text - n, "; user data of 300 octets: %s, of 600: %s",
                   p->results[LONG_LENGTHS].answer, p->results[USER_DATA_600].answer);
    say("sizes", text);
}

static void say_peer(const struct probe *p)
{
    char text[800];
    char name[300];
    (void)snprintf(text, sizeof text, "TPDU %s%.0u, expedited data %s, class 2: %s",
                   p->tpdu != 0 ? "" : "65531", p->tpdu, p->expedited ? "yes" : "no",
                   p->class_2 != NULL ? p->class_2 : "-");
    say("transport", text);
    versions_text(p, text, sizeof text);
    say("versions", text);
    say_units(p);
    say_sizes(p);
    (void)snprintf(text, sizeof text, "responding \"%s\"; an unknown one: %s; of 17 octets: %s",
                   cli_escape(name, sizeof name, (const char *)p->responding, p->nresponding),
                   p->results[WRONG_SELECTOR].answer, p->results[LONG_SELECTOR].answer);
    say("selectors", text);
    (void)snprintf(text, sizeof text, "transport %.1f ms, session %.1f ms, release %.1f ms",
                   p->transport_ms, p->session_ms, p->release_ms);
    say("round trips", text);
    (void)snprintf(text, sizeof text, "after DN it %s, after AB: %s; keeps the transport: %s",
                   p->released != NULL ? p->released : "-", p->aborted != NULL ? p->aborted : "-",
                   p->keeps != NULL ? p->keeps : "-");
    say("ending", text);
}

static void say_all(const struct probe *p)
{
    (void)printf("%s\n", p->url_text);
    if (accepted_any(p))
        say_peer(p);
    for (size_t i = 0; i < QUESTIONS && (p->o->verbose || !accepted_any(p)); i++) {
        if (p->results[i].asked)
            (void)printf("    %-20s %s\n", names[i], p->results[i].answer);
    }
    for (size_t i = 0; i < p->nfaults; i++)
        say(i == 0 ? "faults" : "", p->faults[i]);
    if (p->nfaults == 0 && accepted_any(p))
        say("faults", "none seen");
    if (needs_narrow(p))
        say("recommended", "?peer=minimal");
}

static json_t *json_units(const struct probe *p)
{
    json_t *list = json_array();
    for (unsigned bit = 1; bit <= CVN_FU_DATA_SEPARATION; bit <<= 1) {
        if ((units_of(p) & bit) != 0)
            (void)json_array_append_new(list, json_string(probe_unit(bit)));
    }
    return list;
}

static json_t *json_checks(const struct probe *p)
{
    json_t *all = json_object();
    for (size_t i = 0; i < QUESTIONS; i++) {
        if (p->results[i].asked)
            (void)json_object_set_new(all, names[i], json_string(p->results[i].answer));
    }
    return all;
}

static json_t *text_or_null(const char *text)
{
    return text == NULL ? json_null() : json_string(text);
}

static void json_all(const struct probe *p, int code)
{
    char versions[16];
    char name[300];
    json_t *o = json_object();
    json_t *faults = json_array();
    versions_text(p, versions, sizeof versions);
    for (size_t i = 0; i < p->nfaults; i++)
        (void)json_array_append_new(faults, json_string(p->faults[i]));
    (void)json_object_set_new(o, "event", json_string("probe"));
    (void)json_object_set_new(o, "url", json_string(p->url_text));
    (void)json_object_set_new(o, "accepted", json_boolean(accepted_any(p)));
    (void)json_object_set_new(o, "versions", json_string(versions));
    (void)json_object_set_new(o, "functional_units", json_units(p));
    (void)json_object_set_new(o, "tpdu_size", json_integer(p->tpdu != 0 ? p->tpdu : CVN_TPDU_MAX));
    (void)json_object_set_new(o, "transport_expedited", json_boolean(p->expedited));
    (void)json_object_set_new(o, "class_2", text_or_null(p->class_2));
    (void)json_object_set_new(o, "tsdu_max_to_peer", json_integer(p->accept.tsdu_max_initiator));
    (void)json_object_set_new(o, "tsdu_max_from_peer", json_integer(p->accept.tsdu_max_responder));
    (void)json_object_set_new(o, "extended_concatenation",
                              json_boolean(p->has_accept && (p->accept.options & 1) != 0));
    (void)json_object_set_new(
        o, "responding_selector",
        json_string(cli_escape(name, sizeof name, (const char *)p->responding, p->nresponding)));
    (void)json_object_set_new(o, "transport_ms", json_real(p->transport_ms));
    (void)json_object_set_new(o, "session_ms", json_real(p->session_ms));
    (void)json_object_set_new(o, "release_ms", json_real(p->release_ms));
    (void)json_object_set_new(o, "after_release", text_or_null(p->released));
    (void)json_object_set_new(o, "after_abort", text_or_null(p->aborted));
    (void)json_object_set_new(o, "keeps_transport", text_or_null(p->keeps));
    (void)json_object_set_new(o, "answers", json_checks(p));
    (void)json_object_set_new(o, "faults", faults);
    (void)json_object_set_new(o, "recommended",
                              needs_narrow(p) ? json_string("peer=minimal") : json_null());
    (void)json_object_set_new(o, "exit", json_integer(code));
    (void)json_dumpf(o, stdout, JSON_COMPACT | JSON_REAL_PRECISION(6));
    (void)putchar('\n');
    json_decref(o);
}

/* -------- the verb -------- */

static int check_options(struct probe *p)
{
    const struct cli_options *o = p->o;
    if (o->noperands != 1) {
        cli_error("probe", "one URL is needed, and nothing else",
                  "convene probe iso://127.0.0.1:10102/inbox");
        return EXIT_USAGE;
    }
    p->url_text = o->operands[0];
    if (o->data != NULL) {
        p->data.n = cli_octets_of(o->data, p->data_octets, sizeof p->data_octets);
        p->data.p = p->data_octets;
        if (p->data.n == 0 || p->data.n > 200) {
            cli_error("--data",
                      "it is text, or 0x and pairs of hexadecimal digits, of 1 to 200 octets",
                      NULL);
            return EXIT_USAGE;
        }
    }
    return cli_target(o, p->url_text, true, &p->target);
}

static void question_all(struct probe *p)
{
    ask_all_units(p);
    if (!p->reached)
        return;
    ask_version_2(p);
    ask_narrow(p);
    if (!accepted_any(p))
        return; /* nothing more is to be learnt from a peer that takes nobody */
    ask_variants(p);
    ask_abort(p);
    ask_class_2(p);
}

int cli_probe(const struct cli_options *o)
{
    struct probe *p = cvn_new(cvn_alloc_std(), sizeof *p);
    if (p == NULL || uv_loop_init(&p->loop) != 0) {
        cli_error("probe", "no memory", NULL);
        cvn_free(cvn_alloc_std(), p, sizeof *p);
        return EXIT_INTERNAL;
    }
    p->o = o;
    p->units = DX;
    int rc = check_options(p);
    if (rc == 0) {
        question_all(p);
        judge(p);
        rc = exit_of(p);
        if (rc == EXIT_UNREACHED)
            cli_error(p->url_text, p->why, NULL);
        if (o->json)
            json_all(p, rc);
        else if (rc != EXIT_UNREACHED)
            say_all(p);
    }
    (void)uv_loop_close(&p->loop);
    cvn_free(cvn_alloc_std(), p, sizeof *p);
    return rc;
}
