/* SPDX-License-Identifier: MIT */
/* test_scene - see test_scene.h. */
#include "proto/x225/test_scene.h"

#include <check.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PLAIN                                                                                      \
    (CVN_FU_HALF_DUPLEX | CVN_FU_MINOR_SYNC | CVN_FU_MAJOR_SYNC | CVN_FU_RESYNC |                  \
     CVN_FU_EXCEPTIONS | CVN_FU_NEGOTIATED_RELEASE | CVN_FU_TYPED_DATA)
#define ACTS (PLAIN | CVN_FU_ACTIVITY | CVN_FU_CAPABILITY)
#define FAST (PLAIN | CVN_FU_EXPEDITED)
#define NONE CVN_S_SERVICES

/* clang-format off */
const struct scene scenes[CVN_SPDU_TYPES] = {
    /*              units, responder, expedited, activity, asked                  standing   what comes of it */
    [CVN_SPDU_GT] = {PLAIN, true, false, false, NONE,                             CONNECTED, "S-TOKEN-GIVE indication", CVN_STA713}, /* 7.16, 8.3.16 */
    [CVN_SPDU_PT] = {PLAIN, false, false, false, NONE,                            CONNECTED, "S-TOKEN-PLEASE indication", CVN_STA713}, /* 7.17, 8.3.17 */
    [CVN_SPDU_EX] = {FAST, true, true, false, NONE,                               CONNECTED, "S-EXPEDITED-DATA indication", CVN_STA713}, /* 7.12, 8.3.12 */
    [CVN_SPDU_PR] = {FAST, true, true, false, NONE,                               CONNECTED, "", CVN_STA15B}, /* 7.26, 8.3.26 */
    [CVN_SPDU_NF] = {PLAIN, false, false, false, CVN_S_RELEASE,                   CONNECTED, "S-RELEASE confirm", CVN_STA713}, /* 7.8, 8.3.8 */
    [CVN_SPDU_FN] = {PLAIN, true, false, false, NONE,                             CONNECTED, "S-RELEASE indication", CVN_STA09}, /* 7.6, 8.3.6 */
    [CVN_SPDU_DN] = {PLAIN, false, false, false, CVN_S_RELEASE,                   CONNECTED, "S-RELEASE confirm", CVN_STA01}, /* 7.7, 8.3.7 */
    [CVN_SPDU_RF] = {PLAIN, false, false, false, CVN_S_CONNECT,                   CONNECTED, "S-CONNECT confirm", CVN_STA01}, /* 7.5, 8.3.5 */
    [CVN_SPDU_CN] = {PLAIN, true, false, false, CVN_S_CONNECT,                    NOBODY,    "S-CONNECT indication", CVN_STA08}, /* 7.1, 8.3.1 */
    [CVN_SPDU_AC] = {PLAIN, false, false, false, CVN_S_CONNECT,                   CONNECTED, "S-CONNECT confirm", CVN_STA713}, /* 7.4, 8.3.4 */
    [CVN_SPDU_CDO] = {PLAIN, true, false, false, NONE,                            NOBODY,    "S-CONNECT indication", CVN_STA08}, /* 7.3, 8.3.3 */
    [CVN_SPDU_OA] = {PLAIN, false, false, false, CVN_S_CONNECT,                   CONNECTED, "", CVN_STA02A}, /* 7.2, 8.3.2 */
    [CVN_SPDU_GTC] = {ACTS, true, false, false, NONE,                             CONNECTED, "S-CONTROL-GIVE indication", CVN_STA713}, /* 7.18, 8.3.18 */
    [CVN_SPDU_GTA] = {ACTS, false, false, false, CVN_S_CONTROL_GIVE,              CONNECTED, "", CVN_STA713}, /* 7.19, 8.3.19 */
    [CVN_SPDU_AB] = {FAST, true, true, false, NONE,                               CONNECTED, "S-U-ABORT indication", CVN_STA01}, /* 7.9, 8.3.9 */
    [CVN_SPDU_AA] = {PLAIN, false, false, false, CVN_S_U_ABORT,                   OVER,      "", CVN_STA01C}, /* 7.10, 8.3.10 */
    [CVN_SPDU_ER] = {PLAIN, false, false, false, NONE,                            CONNECTED, "S-P-EXCEPTION-REPORT indication", CVN_STA20}, /* 7.27, 8.3.27 */
    [CVN_SPDU_DT] = {PLAIN, true, false, false, NONE,                             CONNECTED, "S-DATA indication", CVN_STA713}, /* 7.11, 8.3.11 */
    [CVN_SPDU_AI] = {ACTS, true, false, true, NONE,                               CONNECTED, "S-ACTIVITY-INTERRUPT indication", CVN_STA11B}, /* 7.31, 8.3.31 */
    [CVN_SPDU_AIA] = {ACTS, false, false, true, CVN_S_ACTIVITY_INTERRUPT,         CONNECTED, "S-ACTIVITY-INTERRUPT confirm", CVN_STA713}, /* 7.32, 8.3.32 */
    [CVN_SPDU_AR] = {ACTS, true, false, false, NONE,                              CONNECTED, "S-ACTIVITY-RESUME indication", CVN_STA713}, /* 7.30, 8.3.30 */
    [CVN_SPDU_TD] = {PLAIN, true, false, false, NONE,                             CONNECTED, "S-TYPED-DATA indication", CVN_STA713}, /* 7.13, 8.3.13 */
    [CVN_SPDU_RA] = {PLAIN, false, false, false, CVN_S_RESYNCHRONIZE,             CONNECTED, "S-RESYNCHRONIZE confirm", CVN_STA713}, /* 7.25, 8.3.25 */
    [CVN_SPDU_MAP] = {PLAIN, true, false, false, NONE,                            CONNECTED, "S-SYNC-MAJOR indication", CVN_STA10A}, /* 7.22, 8.3.22 */
    [CVN_SPDU_AE] = {ACTS, true, false, true, NONE,                               CONNECTED, "S-ACTIVITY-END indication", CVN_STA10B}, /* 7.35, 8.3.35 */
    [CVN_SPDU_MAA] = {PLAIN, false, false, false, CVN_S_SYNC_MAJOR,               CONNECTED, "S-SYNC-MAJOR confirm", CVN_STA713}, /* 7.23, 8.3.23 */
    [CVN_SPDU_AS] = {ACTS, true, false, false, NONE,                              CONNECTED, "S-ACTIVITY-START indication", CVN_STA713}, /* 7.29, 8.3.29 */
    [CVN_SPDU_ED] = {PLAIN, false, false, false, NONE,                            CONNECTED, "S-U-EXCEPTION-REPORT indication", CVN_STA20}, /* 7.28, 8.3.28 */
    [CVN_SPDU_MIP] = {PLAIN, true, false, false, NONE,                            CONNECTED, "S-SYNC-MINOR indication", CVN_STA713}, /* 7.20, 8.3.20 */
    [CVN_SPDU_MIA] = {PLAIN, false, false, false, CVN_S_SYNC_MINOR,               CONNECTED, "S-SYNC-MINOR confirm", CVN_STA713}, /* 7.21, 8.3.21 */
    [CVN_SPDU_RS] = {PLAIN, true, false, false, NONE,                             CONNECTED, "S-RESYNCHRONIZE indication", CVN_STA11A}, /* 7.24, 8.3.24 */
    [CVN_SPDU_AD] = {ACTS, true, false, true, NONE,                               CONNECTED, "S-ACTIVITY-DISCARD indication", CVN_STA11C}, /* 7.33, 8.3.33 */
    [CVN_SPDU_ADA] = {ACTS, false, false, true, CVN_S_ACTIVITY_DISCARD,           CONNECTED, "S-ACTIVITY-DISCARD confirm", CVN_STA713}, /* 7.34, 8.3.34 */
    [CVN_SPDU_CD] = {ACTS, true, false, false, NONE,                              CONNECTED, "S-CAPABILITY-DATA indication", CVN_STA22}, /* 7.14, 8.3.14 */
    [CVN_SPDU_CDA] = {ACTS, false, false, false, CVN_S_CAPABILITY_DATA,           CONNECTED, "S-CAPABILITY-DATA confirm", CVN_STA713}, /* 7.15, 8.3.15 */
};
/* clang-format on */

static void suit(enum cvn_spdu_type type, struct unit *u)
{
    switch (u->code) {
    case 15:
        set_octet(u, type == CVN_SPDU_AE ? 0 : 1);
        break;
    case 16:
        set_octet(u, type == CVN_SPDU_AC ? 0 : 0x55);
        break;
    case 20:
        set(u, "\x06\xb9", 2); /* PLAIN */
        break;
    case 26:
        set_octet(u, type == CVN_SPDU_CN ? u->value[0] : 0);
        break;
    case 42:
        set(u, "1", 1);
        break;
    case 60:
        set_octet(u, 0);
        break;
    case 25:
    case 193:
        u->present = type != CVN_SPDU_AB; /* it would not fit the expedited flow */
        break;
    default:
        break;
    }
}

/* The samples of test_lines.c, less what no scene could take. */
struct units values_of(enum cvn_spdu_type type, struct octets *info)
{
    struct units us = units_of(type);
    info->p = NULL;
    info->n = 0;
    for (size_t i = 0; i < us.n; i++)
        suit(type, &us.at[i]);
    if (lines[type].information)
        put(info, "info", 4);
    return us;
}

struct octets tsdu_of(enum cvn_spdu_type type, struct octets spdu, struct octets info, size_t *at)
{
    struct octets o = {NULL, 0};
    if (lines[type].category == 2)
        put(&o, "\x01\x00", 2);
    *at = o.n;
    put(&o, spdu.p, spdu.n);
    put(&o, info.p, info.n);
    return o;
}

/* --- what the machine says --- */

__attribute__((format(printf, 2, 3))) static void say(struct machine *m, const char *form, ...)
{
    char line[512];
    va_list ap;
    va_start(ap, form);
    int n = vsnprintf(line, sizeof line, form, ap);
    va_end(ap);
    MUST(n >= 0 && (size_t)n < sizeof line);
    m->text = realloc(m->text, m->text_len + (size_t)n + 1);
    MUST(m->text != NULL);
    memcpy(m->text + m->text_len, line, (size_t)n + 1);
    m->text_len += (size_t)n;
}

static void say_octets(struct machine *m, const char *name, const uint8_t *p, size_t n)
{
    say(m, " %s", name);
    for (size_t i = 0; i < n && i < 40; i++)
        say(m, " %02x", p[i]);
    if (n > 40)
        say(m, " and %zu", n - 40);
}

static void event(struct machine *m, const struct cvn_x225_prim *ev)
{
    struct octets data = {NULL, 0};
    if (ev->begin)
        m->ssdu.n = 0;
    put(&m->ssdu, ev->data.p, ev->data.n);
    data = m->ssdu;
    if (!ev->end)
        return;
    say(m, "%s %s", cvn_x225_service_name(ev->service), cvn_x225_type_name(ev->type));
    if (ev->service == CVN_S_P_ABORT) {
        say(m, " reason %u", ev->reason);
        m->why = ev->why;
    }
    if (ev->reflected.n > 0)
        say_octets(m, "reflected", ev->reflected.p, ev->reflected.n);
    if (data.n > 0)
        say_octets(m, "data", data.p, data.n);
    if (ev->serial != CVN_SERIAL_NONE)
        say(m, " serial %u", (unsigned)ev->serial);
    if (ev->tokens != 0)
        say(m, " tokens %02x", ev->tokens);
    say(m, "\n");
}

static void out(struct machine *m)
{
    static const char *const kinds[] = {"T-CONNECT", "T-CONNECT accept", "T-DATA", "T-EXPEDITED",
                                        "T-DISCONNECT"};
    struct cvn_x225_out o;
    while (cvn_x225_out(m->x, &o) == CVN_EVENT) {
        put(&m->tx, o.header.p, o.header.n);
        put(&m->tx, o.data.p, o.data.n);
        if (o.kind != CVN_X225_T_DATA || o.end) {
            say(m, "%s", kinds[o.kind]);
            if (m->tx.n > 0)
                say_octets(m, "octets", m->tx.p, m->tx.n);
            say(m, "\n");
            m->tx.n = 0;
        }
        cvn_x225_out_done(m->x);
    }
}

static void feed_slice(struct machine *m, const uint8_t *in, size_t n, bool first, bool last,
                       bool expedited)
{
    /* A copy of its own, so that a sanitizer sees what is read beyond it or too late. */
    uint8_t *own = malloc(n + (n == 0));
    struct cvn_x225_prim ev;
    size_t done = 0;
    MUST(own != NULL);
    memcpy(own, in, n);
    int rc = CVN_EVENT;
    while (rc != CVN_MORE) {
        size_t used = 0;
        rc = cvn_x225_feed(m->x, own + done, n - done, first && done == 0, last, expedited, &used,
                           &ev, 0);
        MUST(used <= n - done);
        done += used;
        if (rc == CVN_EVENT)
            event(m, &ev);
        out(m);
        MUST(rc == CVN_EVENT || rc == CVN_MORE || rc == CVN_FULL);
    }
    MUST(done == n);
    free(own);
}

static size_t slice(struct machine *m, size_t left, enum slicing slicing)
{
    m->random = m->random * 1664525u + 1013904223u;
    if (slicing == RANDOM)
        return 1 + (m->random >> 8) % left;
    return slicing == OCTETS ? 1 : left;
}

void machine_feed(struct machine *m, struct octets tsdu, bool expedited, enum slicing slicing)
{
    struct cvn_x225_prim ev;
    size_t at = 0;
    do {
        size_t n = expedited ? tsdu.n : slice(m, tsdu.n - at, slicing);
        feed_slice(m, tsdu.p + at, n, at == 0, at + n == tsdu.n, expedited);
        at += n;
    } while (at < tsdu.n);
    while (cvn_x225_next(m->x, &ev, 0) == CVN_EVENT)
        event(m, &ev);
    out(m);
}

const char *machine_said(struct machine *m)
{
    say(m, "%s\n", cvn_x225_state_name(cvn_x225_state(m->x)));
    return m->text;
}

/* --- how it comes to its state --- */

static void feed_text(struct machine *m, const char *text)
{
    struct octets o = hex(text);
    machine_feed(m, o, false, WHOLE);
    free(o.p);
}

static void ask(struct machine *m, uint8_t service, uint16_t units, size_t data)
{
    static const uint8_t octets[10241];
    struct cvn_x225_prim q;
    cvn_x225_prim_init(&q, (enum cvn_x225_service)service, CVN_REQUEST);
    q.units = units;
    q.serial = 1;
    q.resync = CVN_RESYNC_ABANDON;
    q.activity = (struct cvn_octets){octets, 1};
    q.data = (struct cvn_octets){octets, data};
    int rc = cvn_x225_request(m->x, &q, 0);
    ck_assert_msg(rc == CVN_OK, "%s: %s", cvn_x225_service_name(q.service), cvn_err_name(rc));
    out(m);
}

/* S-CONNECT so far as the scene wants it; all tokens are the initiator's. */
static void connect(struct machine *m, enum cvn_spdu_type type, const struct scene *s)
{
    char text[100];
    bool early = s->ask == CVN_S_CONNECT;
    snprintf(text, sizeof text, "%s 05 09 13 01 00 16 01 0%d 17 01 31 14 02 %02x %02x%s",
             s->responder ? (type == CVN_SPDU_CDO ? "0d 12" : "0d 0f") : "0e 0f",
             s->responder ? 3 : 2, s->units >> 8, s->units & 0xff,
             type == CVN_SPDU_CDO ? " 3c 01 01" : "");
    if (s->responder) {
        struct cvn_x225_prim a;
        MUST(cvn_x225_transport_up(m->x, true, s->expedited, 0) == CVN_OK);
        out(m);
        if (early)
            return;
        feed_text(m, text);
        cvn_x225_prim_init(&a, CVN_S_CONNECT, CVN_RESPONSE);
        a.units = s->units;
        MUST(type == CVN_SPDU_CDO || cvn_x225_request(m->x, &a, 0) == CVN_OK);
        out(m);
        return;
    }
    ask(m, CVN_S_CONNECT, s->units, type == CVN_SPDU_OA ? 10241 : 0);
    MUST(cvn_x225_transport_up(m->x, false, s->expedited, 0) == CVN_OK);
    out(m);
    if (!early)
        feed_text(m, text);
}

void machine_begin(struct machine *m, enum cvn_spdu_type type)
{
    const struct scene *s = &scenes[type];
    struct cvn_x225_opts o = {.reuse = type == CVN_SPDU_AA};
    memset(m, 0, sizeof *m);
    m->random = 1;
    MUST(cvn_x225_new(&m->x, &o) == CVN_OK);
    connect(m, type, s);
    if (s->activity && s->responder)
        feed_text(m, "01 00 2d 03 29 01 61");
    else if (s->activity)
        ask(m, CVN_S_ACTIVITY_START, 0, 0);
    if (s->ask != NONE && s->ask != CVN_S_CONNECT)
        ask(m, s->ask, 0, 0);
    machine_forget(m);
}

void machine_forget(struct machine *m)
{
    m->text_len = 0;
    m->why = NULL;
    say(m, "%s", "");
}

void machine_end(struct machine *m)
{
    cvn_x225_free(m->x);
    free(m->text);
    free(m->tx.p);
    free(m->ssdu.p);
}
