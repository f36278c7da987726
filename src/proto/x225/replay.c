/* SPDX-License-Identifier: MIT */
/*
 * replay - replays the conversations in vectors/: text of what two users ask and see,
 * and of the octets between their machines (vectors/README.md has the form). Each is
 * replayed with its TSDUs fed whole, octet by octet, and in random splits.
 *
 *   replay FOLDER                replays every *.txt there
 *   replay --whole FOLDER        replays them with whole TSDUs only
 *   replay --seeds OUT FOLDER    writes one fuzzer seed for each side of each conversation
 */
#include <dirent.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "convene/x225.h"
#include "proto/x225/seed.h"

#define LINE_OCTETS   4000
#define OCTETS_MAX    200000u
#define ROUNDS_RANDOM 20
#define TEXTS         400
#define HELD          16

enum slicing { WHOLE, OCTETS, RANDOM };

struct octets {
    uint8_t *p;
    size_t n;
};

struct event {
    struct cvn_x225_prim prim;
    struct octets copies[10];
    struct event *next;
};

struct side {
    struct cvn_x225 *x;
    struct cvn_x225_opts opts;
    struct event *first;
    struct octets ssdu;
    struct octets held[HELD]; /* on their way from here: the line ->| */
    unsigned nheld;
    FILE *seed;
};

static struct {
    const char *file;
    unsigned line;
    struct side side[2];
    bool expedited;
    enum slicing slicing;
    uint32_t random;
    cvn_time now;
    const char *seeds;
    unsigned conversations;
    struct octets texts[TEXTS]; /* of this conversation: data is lent */
    unsigned ntexts;
} g;

__attribute__((noreturn, format(printf, 1, 2))) static void fail(const char *form, ...)
{
    va_list ap;
    va_start(ap, form);
    fprintf(stderr, "%s:%u: ", g.file, g.line);
    vfprintf(stderr, form, ap);
    fprintf(stderr, " (slicing %d)\n", (int)g.slicing);
    va_end(ap);
    exit(1);
}

static void *must(void *p)
{
    if (p == NULL)
        abort();
    return p;
}

static void add(struct octets *o, const void *p, size_t n)
{
    o->p = must(realloc(o->p, o->n + n + 1));
    if (n > 0)
        memcpy(o->p + o->n, p, n);
    o->n += n;
}

static int nibble(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* "01 00 61*600" */
static struct octets parse_hex(const char *text)
{
    struct octets o = {must(malloc(1)), 0};
    while (*text != '\0' && *text != '#') {
        if (*text == ' ') {
            text++;
            continue;
        }
        if (nibble(text[0]) < 0 || nibble(text[1]) < 0)
            fail("no octets: %s", text);
        uint8_t octet = (uint8_t)(nibble(text[0]) << 4 | nibble(text[1]));
        unsigned long times = 1;
        text += 2;
        if (*text == '*')
            times = strtoul(text + 1, (char **)(uintptr_t)&text, 10);
        if (o.n + times > OCTETS_MAX)
            fail("too many octets");
        while (times-- > 0)
            add(&o, &octet, 1);
    }
    return o;
}

/* 'text', or octets as 61*600 */
static struct cvn_octets parse_octets(const char *value)
{
    if (g.ntexts == TEXTS)
        fail("too many values");
    struct octets *o = &g.texts[g.ntexts++];
    if (*value == '\'')
        add(o, value + 1, strcspn(value + 1, "'"));
    else
        *o = parse_hex(value);
    return (struct cvn_octets){o->p, o->n};
}

static void texts_free(void)
{
    for (unsigned i = 0; i < g.ntexts; i++)
        free(g.texts[i].p);
    memset(g.texts, 0, sizeof g.texts);
    g.ntexts = 0;
}

/* --- seeds for the fuzzer: seed.h --- */

static void seed_begin(FILE *f, unsigned side)
{
    fputc(X225_SEED_TEXP, f);
    fputc(0, f);
    if (side == 1)
        fputc(X225_SEED_TRANSPORT | X225_SEED_ACCEPT, f);
}

static void seed_tsdu(FILE *f, const uint8_t *p, size_t n, bool expedited)
{
    if (n > 2000) /* larger ones teach a fuzzer nothing more */
        n = 2000;
    fputc(X225_SEED_TSDU | (expedited ? X225_SEED_EXPEDITED : 0), f);
    fputc((int)(n >> 8), f);
    fputc((int)(n & 0xff), f);
    fwrite(p, 1, n, f);
}

static void seed_request(FILE *f, const struct cvn_x225_prim *q)
{
    fputc(X225_SEED_REQUEST | (int)q->service, f);
    fputc((int)q->type, f);
    fputc(q->units >> 8, f);
    fputc(q->units & 0xff, f);
    fputc((int)(q->serial & 0xff), f);
    fputc((int)(q->serial2 & 0xff), f);
    fputc(q->tokens, f);
    fputc(q->token_setting, f);
    fputc(q->resync, f);
    fputc(q->resync2, f);
    fputc(q->result, f);
    fputc(q->reason, f);
    fputc((q->has_token_setting ? 1 : 0) | (q->keep ? 2 : 0) | (q->optional ? 4 : 0) |
              (q->separation ? 8 : 0) | (q->begin ? 16 : 0) | (q->end ? 32 : 0) |
              (q->more ? 128 : 0),
          f);
    fputc(q->data.n > 255 ? 255 : (int)q->data.n, f);
    if (q->service == CVN_S_CONNECT && q->type == CVN_REQUEST)
        fputc(X225_SEED_TRANSPORT | X225_SEED_UP, f);
}

/* --- the machines --- */

static void event_free(struct event *e)
{
    for (size_t i = 0; i < sizeof e->copies / sizeof e->copies[0]; i++)
        free(e->copies[i].p);
    free(e);
}

static void record(struct side *s, const struct cvn_x225_prim *ev)
{
    struct event *e = must(calloc(1, sizeof *e));
    struct event **last = &s->first;
    e->prim = *ev;
    if (ev->service == CVN_S_DATA || ev->service == CVN_S_TYPED_DATA) {
        if (ev->begin)
            s->ssdu.n = 0;
        add(&s->ssdu, ev->data.p, ev->data.n);
        if (!ev->end) {
            event_free(e);
            return;
        }
        e->prim.data = (struct cvn_octets){s->ssdu.p, s->ssdu.n};
    }
    struct cvn_octets *slices[] = {
        &e->prim.id.calling, &e->prim.id.called, &e->prim.id.common, &e->prim.id.additional,
        &e->prim.calling,    &e->prim.called,    &e->prim.activity,  &e->prim.old_activity,
        &e->prim.reflected,  &e->prim.data};
    for (size_t i = 0; i < sizeof slices / sizeof slices[0]; i++) {
        add(&e->copies[i], slices[i]->p, slices[i]->n);
        slices[i]->p = e->copies[i].p;
    }
    while (*last != NULL)
        last = &(*last)->next;
    *last = e;
}

static void take_due(struct side *s)
{
    struct cvn_x225_prim ev;
    while (cvn_x225_next(s->x, &ev, g.now) == CVN_EVENT)
        record(s, &ev);
}

static void feed_slice(struct side *s, const uint8_t *in, size_t n, bool begin, bool end,
                       bool expedited)
{
    uint8_t *own = must(malloc(n + 1)); /* a copy, so that a sanitizer sees its ends */
    struct cvn_x225_prim ev;
    size_t done = 0;
    int rc;
    if (n > 0)
        memcpy(own, in, n);
    do {
        size_t used = 0;
        rc = cvn_x225_feed(s->x, own + done, n - done, begin && done == 0, end, expedited, &used,
                           &ev, g.now);
        done += used;
        if (rc == CVN_EVENT)
            record(s, &ev);
    } while (rc == CVN_EVENT);
    if (rc != CVN_MORE || done != n)
        fail("feed gives %s with %zu of %zu octets", cvn_err_name(rc), done, n);
    free(own);
}

static uint32_t random_below(uint32_t below)
{
    g.random = g.random * 1664525u + 1013904223u;
    return (g.random >> 8) % below;
}

static void feed(struct side *s, struct octets o, bool expedited)
{
    size_t at = 0;
    if (s->seed != NULL)
        seed_tsdu(s->seed, o.p, o.n, expedited);
    do {
        size_t n = o.n - at;
        if (!expedited && g.slicing != WHOLE && n > 1)
            n = g.slicing == OCTETS ? 1 : 1 + random_below((uint32_t)n);
        feed_slice(s, o.p + at, n, at == 0, at + n == o.n, expedited);
        at += n;
    } while (at < o.n);
    take_due(s);
}

static void next_out(struct side *s, enum cvn_x225_out_kind kind, struct octets *whole)
{
    struct cvn_x225_out o;
    do {
        if (cvn_x225_out(s->x, &o) != CVN_EVENT)
            fail("nothing comes out");
        if (o.kind != kind)
            fail("what comes out is of kind %d, not %d", (int)o.kind, (int)kind);
        if (whole != NULL) {
            add(whole, o.header.p, o.header.n);
            add(whole, o.data.p, o.data.n);
        }
        cvn_x225_out_done(s->x);
    } while (kind == CVN_X225_T_DATA && !o.end);
}

static void print_hex(const char *what, struct octets o)
{
    fprintf(stderr, "%s", what);
    for (size_t i = 0; i < o.n && i < 100; i++)
        fprintf(stderr, " %02x", o.p[i]);
    fprintf(stderr, "\n");
}

/* The next TSDU of that side, which must be this; the caller frees it. */
static struct octets expect(unsigned from, bool expedited, const char *text)
{
    struct octets want = parse_hex(text);
    struct octets is = {NULL, 0};
    next_out(&g.side[from], expedited ? CVN_X225_T_EXPEDITED : CVN_X225_T_DATA, &is);
    if (is.n != want.n || memcmp(is.p, want.p, is.n) != 0) {
        print_hex("is  ", is);
        print_hex("want", want);
        fail("the octets differ: %zu, %zu", is.n, want.n);
    }
    free(want.p);
    return is;
}

static void do_octets(unsigned from, bool expedited, const char *text)
{
    struct octets is = expect(from, expedited, text);
    feed(&g.side[!from], is, expedited);
    free(is.p);
}

/* They are on their way, and will arrive later: what is expedited overtakes them. */
static void do_hold(unsigned from, const char *text)
{
    struct side *s = &g.side[from];
    if (s->nheld == HELD)
        fail("too many are held");
    s->held[s->nheld++] = expect(from, false, text);
}

static void arrive(unsigned from)
{
    struct side *s = &g.side[from];
    if (s->nheld == 0)
        fail("nothing is held");
    feed(&g.side[!from], s->held[0], false);
    free(s->held[0].p);
    memmove(&s->held[0], &s->held[1], --s->nheld * sizeof s->held[0]);
}

/* --- primitives in words --- */

static bool value_of(const char *word, const char *key, const char **value)
{
    size_t n = strlen(key);
    if (strncmp(word, key, n) != 0 || word[n] != '=')
        return false;
    *value = word + n + 1;
    return true;
}

static struct cvn_octets *octets_field(struct cvn_x225_prim *q, const char *word,
                                       const char **value)
{
    const struct {
        const char *key;
        struct cvn_octets *at;
    } fields[] = {{"data", &q->data},
                  {"calling", &q->calling},
                  {"called", &q->called},
                  {"calling-ref", &q->id.calling},
                  {"called-ref", &q->id.called},
                  {"common-ref", &q->id.common},
                  {"additional", &q->id.additional},
                  {"activity", &q->activity},
                  {"old", &q->old_activity},
                  {"reflected", &q->reflected}};
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
        if (value_of(word, fields[i].key, value))
            return fields[i].at;
    }
    return NULL;
}

enum { WORD, HALF, OCTET, FLAG };

/* The number called key in q: how wide it is, and where. */
static bool number_field(struct cvn_x225_prim *q, const char *word, const char **value, void **at,
                         int *width, int *base)
{
    const struct {
        const char *key;
        void *at;
        int width, base;
    } fields[] = {{"units", &q->units, HALF, 16},
                  {"versions", &q->versions, OCTET, 10},
                  {"serial", &q->serial, WORD, 10},
                  {"serial2", &q->serial2, WORD, 10},
                  {"result", &q->result, OCTET, 10},
                  {"reason", &q->reason, OCTET, 10},
                  {"tokens", &q->tokens, OCTET, 16},
                  {"setting", &q->token_setting, OCTET, 16},
                  {"max-initiator", &q->tsdu_max_initiator, HALF, 10},
                  {"max-responder", &q->tsdu_max_responder, HALF, 10},
                  {"optional", &q->optional, FLAG, 10},
                  {"separation", &q->separation, FLAG, 10},
                  {"keep", &q->keep, FLAG, 10},
                  {"simplex", &q->simplex, FLAG, 10},
                  {"begin", &q->begin, FLAG, 10},
                  {"end", &q->end, FLAG, 10},
                  {"more", &q->more, FLAG, 10},
                  {"resync", &q->resync, OCTET, 10},
                  {"resync2", &q->resync2, OCTET, 10}};
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
        if (!value_of(word, fields[i].key, value))
            continue;
        *at = fields[i].at;
        *width = fields[i].width;
        *base = fields[i].base;
        return true;
    }
    return false;
}

static unsigned long number_get(const void *at, int width)
{
    switch (width) {
    case WORD:
        return *(const uint32_t *)at;
    case HALF:
        return *(const uint16_t *)at;
    case OCTET:
        return *(const uint8_t *)at;
    default:
        return *(const bool *)at;
    }
}

static void number_set(void *at, int width, unsigned long n)
{
    if (width == WORD)
        *(uint32_t *)at = (uint32_t)n;
    else if (width == HALF)
        *(uint16_t *)at = (uint16_t)n;
    else if (width == OCTET)
        *(uint8_t *)at = (uint8_t)n;
    else
        *(bool *)at = n != 0;
}

/* The next of the words that blanks part, or NULL. */
static char *next_word(char **words)
{
    char *word = *words + strspn(*words, " ");
    size_t n = strcspn(word, " ");
    if (n == 0)
        return NULL;
    *words = word + n + (word[n] != '\0');
    word[n] = '\0';
    return word;
}

static void fill(struct cvn_x225_prim *q, char *words)
{
    for (char *word = next_word(&words); word != NULL; word = next_word(&words)) {
        const char *value;
        void *at;
        int width;
        int base;
        struct cvn_octets *o = octets_field(q, word, &value);
        if (o != NULL)
            *o = parse_octets(value);
        else if (number_field(q, word, &value, &at, &width, &base))
            number_set(at, width, strtoul(value, NULL, base));
        else
            fail("unknown: %s", word);
        if (strncmp(word, "setting=", 8) == 0)
            q->has_token_setting = true;
    }
}

static void compare(struct cvn_x225_prim *q, char *words)
{
    for (char *word = next_word(&words); word != NULL; word = next_word(&words)) {
        const char *value;
        void *at;
        int width;
        int base;
        struct cvn_octets *o = octets_field(q, word, &value);
        if (o != NULL) {
            struct cvn_octets want = parse_octets(value);
            if (o->n != want.n || (want.n > 0 && memcmp(o->p, want.p, want.n) != 0))
                fail("%s: it is %zu octets: %.*s", word, o->n, (int)o->n, (const char *)o->p);
        } else if (number_field(q, word, &value, &at, &width, &base)) {
            if (number_get(at, width) != strtoul(value, NULL, base))
                fail("%s: it is %lu (0x%lx)", word, number_get(at, width), number_get(at, width));
        } else {
            fail("unknown: %s", word);
        }
    }
}

/* "S-DATA request " into s and t; what follows. */
static char *primitive(char *text, enum cvn_x225_service *s, enum cvn_x225_type *t)
{
    char service[32];
    char type[16];
    int n = 0;
    if (sscanf(text, "%31s %15s %n", service, type, &n) < 2)
        fail("no primitive: %s", text);
    for (*s = (enum cvn_x225_service)0; strcmp(cvn_x225_service_name(*s), service) != 0;
         *s = (enum cvn_x225_service)(*s + 1)) {
        if (*s == CVN_S_SERVICES)
            fail("no service: %s", service);
    }
    for (*t = CVN_REQUEST; strcmp(cvn_x225_type_name(*t), type) != 0;
         *t = (enum cvn_x225_type)(*t + 1)) {
        if (*t > CVN_CONFIRM)
            fail("no type: %s", type);
    }
    return text + n;
}

static void do_primitive(struct side *s, char *text, const char *refused)
{
    enum cvn_x225_service service;
    enum cvn_x225_type type;
    char *words = primitive(text, &service, &type);
    if (type == CVN_REQUEST || type == CVN_RESPONSE) {
        struct cvn_x225_prim q;
        cvn_x225_prim_init(&q, service, type);
        fill(&q, words);
        if (s->seed != NULL)
            seed_request(s->seed, &q);
        int rc = cvn_x225_request(s->x, &q, g.now);
        const char *is = rc == CVN_OK ? "" : cvn_err_name(rc) + 4;
        if (strcmp(is, refused) != 0)
            fail("the machine says %s", cvn_err_name(rc));
        take_due(s);
        return;
    }
    struct event *e = s->first;
    if (e == NULL)
        fail("there is no event");
    s->first = e->next;
    if (e->prim.service != service || e->prim.type != type)
        fail("the event is %s %s (%s)", cvn_x225_service_name(e->prim.service),
             cvn_x225_type_name(e->prim.type), e->prim.why != NULL ? e->prim.why : "");
    compare(&e->prim, words);
    event_free(e);
}

/* "va=1 tokens=05": the variables of A.5. */
static void do_has(struct side *s, char *words)
{
    struct cvn_x225_vars v;
    cvn_x225_vars(s->x, &v);
    const struct {
        const char *key;
        uint32_t is;
        int base;
    } vars[] = {{"va", v.va, 10},
                {"vm", v.vm, 10},
                {"vr", v.vr, 10},
                {"var", v.var, 10},
                {"vmr", v.vmr, 10},
                {"vrr", v.vrr, 10},
                {"tokens", v.tokens_owned, 16},
                {"available", v.tokens_available, 16},
                {"units", v.units, 16},
                {"version", v.version, 10},
                {"vact", v.vact, 10},
                {"vsc", v.vsc, 10},
                {"vcoll", v.vcoll, 10},
                {"vtrr", v.vtrr, 10},
                {"queued", v.queued, 10},
                {"timer", cvn_x225_deadline(s->x) != CVN_NEVER, 10}};
    for (char *word = next_word(&words); word != NULL; word = next_word(&words)) {
        const char *value;
        size_t i = 0;
        while (i < sizeof vars / sizeof vars[0] && !value_of(word, vars[i].key, &value))
            i++;
        if (i == sizeof vars / sizeof vars[0])
            fail("unknown: %s", word);
        if (vars[i].is != strtoul(value, NULL, vars[i].base))
            fail(vars[i].base == 16 ? "%s: it is %x" : "%s: it is %u", word, vars[i].is);
    }
}

/* --- lines --- */

static void live(struct side *s, char *words)
{
    const struct {
        const char *key;
        uint16_t *at;
    } numbers[] = {{"max-send", &s->opts.tsdu_max_send},
                   {"max-receive", &s->opts.tsdu_max_receive}};
    for (char *word = next_word(&words); word != NULL; word = next_word(&words)) {
        const char *value;
        if (strcmp(word, "reuse") == 0)
            s->opts.reuse = true;
        else if (strcmp(word, "extended") == 0)
            s->opts.extended = true;
        else if (strcmp(word, "error-report") == 0)
            s->opts.error_report = true;
        else if (value_of(word, "versions", &value))
            s->opts.versions = (uint8_t)strtoul(value, NULL, 10);
        else if (value_of(word, numbers[0].key, &value))
            *numbers[0].at = (uint16_t)strtoul(value, NULL, 10);
        else if (value_of(word, numbers[1].key, &value))
            *numbers[1].at = (uint16_t)strtoul(value, NULL, 10);
        else
            fail("unknown: %s", word);
    }
    cvn_x225_free(s->x);
    s->x = NULL;
    if (cvn_x225_new(&s->x, &s->opts) != CVN_OK)
        fail("no machine");
}

static void check(int rc)
{
    if (rc != CVN_OK)
        fail("the machine says %s", cvn_err_name(rc));
}

/* What is on its way over a transport connection that ends is lost with it. */
static void drop_held(void)
{
    for (unsigned i = 0; i < 2; i++) {
        while (g.side[i].nheld > 0)
            free(g.side[i].held[--g.side[i].nheld].p);
    }
}

static void do_transport(unsigned i, const char *what)
{
    struct side *s = &g.side[i];
    struct side *peer = &g.side[!i];
    if (strcmp(what, "connect") == 0) {
        next_out(s, CVN_X225_T_CONNECT, NULL);
        check(cvn_x225_transport_up(peer->x, true, g.expedited, g.now));
        next_out(peer, CVN_X225_T_CONNECT_ACCEPT, NULL);
        check(cvn_x225_transport_up(s->x, false, g.expedited, g.now));
    } else if (strcmp(what, "dial") == 0) {
        next_out(s, CVN_X225_T_CONNECT, NULL);
    } else if (strcmp(what, "connected") == 0) { /* by somebody who is not played here */
        check(cvn_x225_transport_up(s->x, true, g.expedited, g.now));
        next_out(s, CVN_X225_T_CONNECT_ACCEPT, NULL);
    } else if (strcmp(what, "disconnect") == 0) {
        next_out(s, CVN_X225_T_DISCONNECT, NULL);
        drop_held();
        if (cvn_x225_state(peer->x) != CVN_STA01)
            check(cvn_x225_transport_down(peer->x, g.now));
    } else if (strcmp(what, "lost") == 0) {
        drop_held();
        check(cvn_x225_transport_down(s->x, g.now));
    } else if (strcmp(what, "tick") == 0) {
        cvn_time t = cvn_x225_deadline(s->x);
        if (t == CVN_NEVER)
            fail("no timer runs");
        g.now = t;
        cvn_x225_tick(s->x, t);
    } else {
        fail("unknown: %s", what);
    }
    take_due(s);
    take_due(peer);
}

/* The number with which points begin, where there are any outside activities. */
static uint32_t first_number(uint16_t units)
{
    const uint16_t points =
        CVN_FU_MINOR_SYNC | CVN_FU_MAJOR_SYNC | CVN_FU_RESYNC | CVN_FU_SYMMETRIC_SYNC;
    return (units & points) != 0 && (units & CVN_FU_ACTIVITY) == 0 ? 1 : CVN_SERIAL_NONE;
}

static void pass(unsigned from)
{
    struct octets o = {NULL, 0};
    next_out(&g.side[from], CVN_X225_T_DATA, &o);
    feed(&g.side[!from], o, false);
    free(o.p);
}

static void drop_event(struct side *s)
{
    struct event *e = s->first;
    if (e == NULL || e->prim.service != CVN_S_CONNECT)
        fail("not connected");
    s->first = e->next;
    event_free(e);
}

/* a connects to b, which agrees; what goes over the wire for that is shown by 01-connect. */
static void do_open(char *words)
{
    struct cvn_x225_prim q;
    cvn_x225_prim_init(&q, CVN_S_CONNECT, CVN_REQUEST);
    fill(&q, words);
    if (q.serial == CVN_SERIAL_NONE)
        q.serial = first_number(q.units);
    if (q.serial2 == CVN_SERIAL_NONE && (q.units & CVN_FU_SYMMETRIC_SYNC) != 0)
        q.serial2 = q.serial;
    bool kept = cvn_x225_state(g.side[0].x) == CVN_STA01C;
    check(cvn_x225_request(g.side[0].x, &q, g.now));
    if (!kept)
        do_transport(0, "connect");
    pass(0);
    drop_event(&g.side[1]);
    uint32_t first = q.serial;
    q.type = CVN_RESPONSE;
    q.versions = 0;
    q.data.n = 0;
    if (q.serial2 != CVN_SERIAL_NONE) {
        q.serial = q.serial2;
        q.serial2 = first;
    }
    check(cvn_x225_request(g.side[1].x, &q, g.now));
    pass(1);
    drop_event(&g.side[0]);
    for (unsigned i = 0; i < 2; i++) {
        if (cvn_x225_state(g.side[i].x) != CVN_STA713)
            fail("not open");
    }
}

static void do_side(unsigned i, char *text)
{
    struct side *s = &g.side[i];
    char refused[16];
    int n = 0;
    if (strncmp(text, "live", 4) == 0) {
        live(s, text + 4);
    } else if (strncmp(text, "S-", 2) == 0) {
        do_primitive(s, text, "");
    } else if (sscanf(text, "refused %15s %n", refused, &n) == 1) {
        do_primitive(s, text + n, refused);
    } else if (strncmp(text, "state ", 6) == 0) {
        const char *is = cvn_x225_state_name(cvn_x225_state(s->x));
        if (strcmp(is, text + 6) != 0)
            fail("the state is %s", is);
    } else if (strncmp(text, "gets ", 5) == 0 || strncmp(text, "gets= ", 6) == 0) {
        struct octets o = parse_hex(text + 6 - (text[4] == ' '));
        feed(s, o, text[4] == '=');
        free(o.p);
    } else if (strncmp(text, "has ", 4) == 0) {
        do_has(s, text + 4);
    } else if (strcmp(text, "arrives") == 0) {
        arrive(!i);
    } else {
        do_transport(i, text);
    }
}

static void begin(void)
{
    g.conversations++;
    g.expedited = false;
    g.now = 1;
    for (unsigned i = 0; i < 2; i++) {
        memset(&g.side[i], 0, sizeof g.side[i]);
        live(&g.side[i], (char[]){""});
        if (g.seeds != NULL) {
            const char *name = strrchr(g.file, '/') + 1;
            char path[400];
            snprintf(path, sizeof path, "%s/%.*s-%u-%c", g.seeds, (int)strcspn(name, "."), name,
                     g.conversations, i == 0 ? 'a' : 'b');
            g.side[i].seed = must(fopen(path, "wb"));
            seed_begin(g.side[i].seed, i);
        }
    }
}

static void end(void)
{
    struct cvn_x225_out o;
    for (unsigned i = 0; i < 2; i++) {
        struct side *s = &g.side[i];
        if (s->first != NULL)
            fail("side %c still has %s %s", i == 0 ? 'a' : 'b',
                 cvn_x225_service_name(s->first->prim.service),
                 cvn_x225_type_name(s->first->prim.type));
        if (cvn_x225_out(s->x, &o) == CVN_EVENT)
            fail("side %c still wants to send", i == 0 ? 'a' : 'b');
        if (s->nheld != 0)
            fail("what side %c sent is still held", i == 0 ? 'a' : 'b');
        cvn_x225_free(s->x);
        free(s->ssdu.p);
        if (s->seed != NULL)
            fclose(s->seed);
    }
    texts_free();
}

static void do_line(char *line)
{
    line[strcspn(line, "\n")] = '\0';
    if (line[0] == '\0' || line[0] == '#')
        return;
    if (strcmp(line, "----") == 0) {
        end();
        begin();
    } else if (strcmp(line, "expedited") == 0) {
        g.expedited = true;
    } else if (strncmp(line, "open ", 5) == 0) {
        do_open(line + 5);
    } else if (strncmp(line, "->| ", 4) == 0 || strncmp(line, "|<- ", 4) == 0) {
        do_hold(line[0] == '|', line + 4);
    } else if (strncmp(line, "-> ", 3) == 0 || strncmp(line, "=> ", 3) == 0) {
        do_octets(0, line[0] == '=', line + 3);
    } else if (strncmp(line, "<- ", 3) == 0 || strncmp(line, "<= ", 3) == 0) {
        do_octets(1, line[1] == '=', line + 3);
    } else if ((line[0] == 'a' || line[0] == 'b') && line[1] == ' ') {
        do_side(line[0] == 'b', line + 2);
    } else {
        fail("unknown: %s", line);
    }
}

static void replay(const char *file, enum slicing slicing, uint32_t seed)
{
    char line[LINE_OCTETS];
    FILE *f = fopen(file, "r");
    g.file = file;
    g.line = 0;
    g.slicing = slicing;
    g.random = seed;
    g.conversations = 0;
    if (f == NULL)
        fail("cannot be opened");
    begin();
    while (fgets(line, sizeof line, f) != NULL) {
        g.line++;
        do_line(line);
    }
    end();
    fclose(f);
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

int main(int argc, char **argv)
{
    struct dirent **list;
    unsigned files = 0;
    if (argc == 4 && strcmp(argv[1], "--seeds") == 0)
        g.seeds = argv[2];
    bool whole = argc == 3 && strcmp(argv[1], "--whole") == 0;
    const char *folder = argc >= 2 ? argv[argc - 1] : ".";
    int n = scandir(folder, &list, NULL, by_name);
    for (int i = 0; i < n; i++) {
        char path[400];
        const char *dot = strrchr(list[i]->d_name, '.');
        if (dot != NULL && strcmp(dot, ".txt") == 0) {
            snprintf(path, sizeof path, "%s/%s", folder, list[i]->d_name);
            replay(path, WHOLE, 1);
            files++;
            for (uint32_t r = 0; g.seeds == NULL && !whole && r <= ROUNDS_RANDOM; r++)
                replay(path, r == 0 ? OCTETS : RANDOM, r);
        }
        free(list[i]);
    }
    free(n < 0 ? NULL : list);
    printf("%u files\n", files);
    return files > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
