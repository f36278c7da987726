/* SPDX-License-Identifier: MIT */
/*
 * talk - convene talk: the session service by hand or by script. Commands are taken one after
 * another; what is said goes to standard output.
 */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "cli/talk.h"
#include "cli/talk_words.h"
#include "convene/alloc.h"

#define ENDS_MAX      1024u
#define COMMANDS_MAX  64u         /* in one turn of the loop */
#define BACKLOG_MAX   (4u << 20)  /* octets to be sent, above which a command waits */
#define FINISH_NS     10000000000 /* silence after the last command, then an abort */
#define PATTERN_WHOLE (64u << 20) /* user data that is not streamed */
#define SECOND        1000000000.0

static void pattern_drop(struct cvn_ref *ref)
{
    (void)ref;
}

struct cvn_ref talk_pattern_owner = {.refs = 1, .drop = pattern_drop};

void talk_worse(struct talk *t, int code)
{
    t->exit_code = cli_worse(t->exit_code, code);
}

static void on_again(uv_idle_t *i)
{
    (void)uv_idle_stop(i);
}

void talk_again(struct talk *t)
{
    if (!uv_is_closing((uv_handle_t *)&t->again))
        (void)uv_idle_start(&t->again, on_again);
}

/* -------- what is said -------- */

void talk_say(struct talk *t, const struct talk_end *e, json_t *o)
{
    if (e != NULL && t->o->listen != NULL)
        (void)json_object_set_new(o, "session", json_integer((json_int_t)e->number));
    if (t->terminal)
        talk_term_clear(t);
    if (t->words)
        talk_words_write(stdout, o);
    else
        (void)json_dumpf(o, stdout, JSON_COMPACT | JSON_REAL_PRECISION(6));
    (void)fputc('\n', stdout);
    t->dirty = true;
    json_decref(o);
}

void talk_answer(struct talk *t, const struct talk_end *e, const json_t *command, json_t *o)
{
    json_t *id = command == NULL ? NULL : json_object_get(command, "id");
    if (id != NULL)
        (void)json_object_set(o, "id", id);
    talk_say(t, e, o);
}

void talk_refuse(struct talk *t, const struct talk_end *e, const json_t *command, const char *what,
                 const char *kind, const char *why)
{
    json_t *o = json_pack("{ss}", "error", what);
    if (kind != NULL)
        (void)json_object_set_new(o, "kind", json_string(kind));
    (void)json_object_set_new(o, "why", json_string(why));
    talk_answer(t, e, command, o);
    if (!t->terminal)
        talk_worse(t, EXIT_REFUSED_DATA);
}

void talk_note(struct talk *t, const struct talk_end *e, unsigned service, unsigned type,
               uint32_t serial)
{
    if (t->event_count == TALK_EVENTS) {
        t->event_first = (t->event_first + 1) % TALK_EVENTS;
        t->event_count--;
    }
    t->events[(t->event_first + t->event_count++) % TALK_EVENTS] = (struct talk_event){
        .serial = serial, .number = e->number, .service = (uint8_t)service, .type = (uint8_t)type};
    talk_again(t);
}

/* -------- ends -------- */

static struct talk_end *end_numbered(const struct talk *t, json_int_t number)
{
    struct talk_end *e = t->ends;
    while (e != NULL && e->number != number)
        e = e->next;
    return e;
}

/* The one that a command is for: the one it names, else the oldest that is not over. */
static struct talk_end *end_of(const struct talk *t, const json_t *command)
{
    const json_t *session = json_object_get(command, "session");
    if (session != NULL)
        return end_numbered(t, json_integer_value(session));
    for (struct talk_end *e = t->ends; e != NULL; e = e->next) {
        if (!e->over)
            return e;
    }
    return NULL;
}

static unsigned count_ends(const struct talk *t)
{
    unsigned n = 0;
    for (const struct talk_end *e = t->ends; e != NULL; e = e->next)
        n++;
    return n;
}

static void on_accepted(void *ctx, int fd)
{
    struct talk *t = ctx;
    struct talk_end *e = t->stopping || count_ends(t) >= ENDS_MAX ? NULL : talk_end_new(t, false);
    if (e == NULL) {
        (void)close(fd);
        return;
    }
    if (talk_end_accept(e, fd) != CVN_OK)
        e->over = true;
    talk_again(t);
}

/* -------- waiting -------- */

static bool wait_fits(const struct talk_wait *w, const struct talk_event *v)
{
    return v->service == w->service && (w->type < 0 || w->type == v->type) &&
           (w->end == 0 || w->end == v->number) &&
           (w->serial == CVN_SERIAL_NONE || w->serial == v->serial);
}

/* What came before that which is waited for is passed over. */
static bool wait_came(struct talk *t)
{
    while (t->event_count > 0) {
        const struct talk_event *v = &t->events[t->event_first];
        t->event_first = (t->event_first + 1) % TALK_EVENTS;
        t->event_count--;
        if (wait_fits(&t->wait, v))
            return true;
    }
    return false;
}

static bool all_sent(const struct talk *t)
{
    for (const struct talk_end *e = t->ends; e != NULL; e = e->next) {
        if (!e->over && (e->out.on || cvn_sc_out_octets(e->sc) > 0))
            return false;
    }
    return true;
}

static void wait_over(struct talk *t, const char *why)
{
    struct talk_wait *w = &t->wait;
    const char *what = json_string_value(json_object_get(w->command, "wait"));
    const char *kind = json_string_value(json_object_get(w->command, "kind"));
    if (why != NULL) {
        talk_refuse(t, NULL, w->command, what == NULL ? "wait" : what, kind, why);
    } else if (w->service != TALK_PAUSE) {
        json_t *o = json_pack("{ss}", "waited", what);
        if (kind != NULL)
            (void)json_object_set_new(o, "kind", json_string(kind));
        talk_answer(t, NULL, w->command, o);
    }
    json_decref(w->command);
    *w = (struct talk_wait){.on = false};
}

/* It cannot come any more: nobody is there and nobody can come. */
static bool wait_in_vain(const struct talk *t)
{
    return t->wait.service < TALK_SENT && t->listener == NULL && t->ends == NULL;
}

static void wait_look(struct talk *t)
{
    struct talk_wait *w = &t->wait;
    cvn_time now = uv_hrtime();
    char why[TALK_WHY];
    if (w->service == TALK_PAUSE  ? now >= w->until
        : w->service == TALK_SENT ? all_sent(t)
                                  : wait_came(t)) {
        wait_over(t, NULL);
    } else if (now >= w->until) {
        (void)snprintf(why, sizeof why, "it did not come within %g s",
                       json_number_value(json_object_get(w->command, "seconds")));
        wait_over(t, why);
    } else if (wait_in_vain(t)) {
        wait_over(t, "it cannot come any more: no transport connection is left");
    }
}

static int kind_named(const char *name)
{
    for (int i = CVN_REQUEST; i <= CVN_CONFIRM; i++) {
        if (strcmp(name, cvn_x225_type_name((enum cvn_x225_type)i)) == 0)
            return i;
    }
    return -1;
}

static bool wait_service(const char *name, uint8_t *service)
{
    static const struct {
        const char *name;
        uint8_t service;
    } others[] = {{"connected", TALK_CONNECTED},
                  {"closed", TALK_CLOSED},
                  {"tsdu", TALK_TSDU},
                  {"sent", TALK_SENT}};
    enum cvn_x225_service s;
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        if (strcmp(name, others[i].name) == 0) {
            *service = others[i].service;
            return true;
        }
    }
    bool found = talk_service(name, &s);
    *service = found ? (uint8_t)s : 0;
    return found;
}

/* NULL, or what is wrong with it. */
static const char *wait_read(const json_t *c, struct talk_wait *w)
{
    const json_t *what = json_object_get(c, "wait");
    const json_t *kind = json_object_get(c, "kind");
    const json_t *seconds = json_object_get(c, "seconds");
    const json_t *serial = json_object_get(c, "serial");
    *w = (struct talk_wait){.on = true, .type = -1, .serial = CVN_SERIAL_NONE, .until = CVN_NEVER};
    if (!json_is_string(what) || !wait_service(json_string_value(what), &w->service))
        return "not a service of X.215, connected, closed or sent";
    if (kind != NULL) {
        w->type = json_is_string(kind) ? kind_named(json_string_value(kind)) : -1;
        if (w->type != CVN_INDICATION && w->type != CVN_CONFIRM)
            return "kind: not indication or confirm";
    }
    if (serial != NULL) {
        if (!json_is_integer(serial) || json_integer_value(serial) < 0 ||
            json_integer_value(serial) > CVN_SERIAL_MAX)
            return "serial: not a number from 0 to 999999";
        w->serial = (uint32_t)json_integer_value(serial);
    }
    if (seconds != NULL) {
        double s = json_number_value(seconds);
        if (!json_is_number(seconds) || !(s >= 0) || s > 1e9)
            return "seconds: not a number from 0 to 1e9";
        w->until = uv_hrtime() + (cvn_time)(s * SECOND);
    }
    return NULL;
}

/* -------- commands -------- */

/* Every member of c is one of these. NULL, or the one that is not. */
static const char *stranger(const json_t *c, const char *const *known)
{
    const char *key;
    json_t *v;
    json_object_foreach((json_t *)(uintptr_t)c, key, v)
    {
        const char *const *k = known;
        while (*k != NULL && strcmp(*k, key) != 0)
            k++;
        if (*k == NULL)
            return key;
    }
    return NULL;
}

static bool only(struct talk *t, const json_t *c, const char *what, const char *const *known)
{
    char why[TALK_WHY];
    const char *key = stranger(c, known);
    if (key == NULL)
        return true;
    (void)snprintf(why, sizeof why, "%.60s: there is no such member here", key);
    talk_refuse(t, NULL, c, what, NULL, why);
    return false;
}

static void do_wait(struct talk *t, const json_t *c)
{
    static const char *const known[] = {"wait", "kind", "seconds", "serial", "session", "id", NULL};
    struct talk_wait w;
    if (!only(t, c, "wait", known))
        return;
    const char *why = wait_read(c, &w);
    if (why != NULL) {
        talk_refuse(t, NULL, c, "wait", NULL, why);
        return;
    }
    w.end = (unsigned)json_integer_value(json_object_get(c, "session"));
    w.command = json_incref((json_t *)(uintptr_t)c);
    t->wait = w;
    wait_look(t);
}

static void do_pause(struct talk *t, const json_t *c)
{
    static const char *const known[] = {"pause", "id", NULL};
    const json_t *seconds = json_object_get(c, "pause");
    double s = json_number_value(seconds);
    if (!only(t, c, "pause", known))
        return;
    if (!json_is_number(seconds) || !(s >= 0) || s > 1e9) {
        talk_refuse(t, NULL, c, "pause", NULL, "not a number of seconds from 0 to 1e9");
        return;
    }
    t->wait = (struct talk_wait){.on = true,
                                 .service = TALK_PAUSE,
                                 .until = uv_hrtime() + (cvn_time)(s * SECOND),
                                 .command = json_incref((json_t *)(uintptr_t)c)};
}

/* The user data is so many octets of the pattern: lent, or streamed by the end. */
static bool put_pattern(struct talk *t, struct talk_prim *r, const json_t *c)
{
    struct cvn_x225_prim *p = &r->p;
    bool streamed = p->service == CVN_S_DATA || p->service == CVN_S_TYPED_DATA;
    if (!streamed && r->length > PATTERN_WHOLE) {
        talk_refuse(t, NULL, c, cvn_x225_service_name(p->service), cvn_x225_type_name(p->type),
                    "length: only S-DATA and S-TYPED-DATA carry more than 64 MiB");
        return false;
    }
    if (!streamed || r->length <= TALK_PATTERN) {
        struct talk_block *b = talk_block_new((size_t)r->length + 1);
        if (b == NULL) {
            talk_refuse(t, NULL, c, cvn_x225_service_name(p->service), NULL, "no memory");
            return false;
        }
        for (size_t i = 0; i < r->length; i++)
            b->octets[i] = (uint8_t)(i % TALK_PERIOD);
        p->data = (struct cvn_octets){b->octets, (size_t)r->length};
        if (streamed) {
            talk_prim_fini(r);
            r->block = b;
            p->owner = &b->ref;
        } else {
            r->pattern = b;
        }
        return true;
    }
    return true;
}

/* A long S-DATA: the first slice judges whether it is allowed, the end gives the others. */
static void stream(struct talk_end *e, struct talk_prim *r, const json_t *c)
{
    struct cvn_x225_prim *p = &r->p;
    bool end = p->end;
    p->data = (struct cvn_octets){e->t->pattern, TALK_PATTERN};
    p->owner = &talk_pattern_owner;
    p->end = false;
    if (talk_end_request(e, p, c) != CVN_OK)
        return;
    e->out = (struct talk_out){.on = true,
                               .service = p->service,
                               .sent = TALK_PATTERN,
                               .left = r->length - TALK_PATTERN,
                               .begin = true,
                               .end = end};
    talk_end_flush(e);
}

/* S-CONNECT where there is no end, or one that is over: it is dialed once the request is taken. */
static void connect_anew(struct talk *t, struct cvn_x225_prim *p, const json_t *c)
{
    struct talk_end *e = talk_end_new(t, true);
    if (e == NULL) {
        talk_refuse(t, NULL, c, "S-CONNECT", "request", "no memory");
        return;
    }
    if (talk_end_request(e, p, c) != CVN_OK)
        e->over = true;
    else if (talk_end_dial(e) != CVN_OK)
        talk_end_hang_up(e);
}

static void request(struct talk *t, struct talk_end *e, struct talk_prim *r, const json_t *c)
{
    struct cvn_x225_prim *p = &r->p;
    if (p->service == CVN_S_CONNECT && p->type == CVN_REQUEST && t->o->listen == NULL) {
        if (p->called.p == NULL)
            p->called = (struct cvn_octets){t->url.ssel, t->url.ssel_len};
        if (p->calling.p == NULL)
            p->calling = (struct cvn_octets){t->url.name, t->url.name_len};
        if (e == NULL) {
            connect_anew(t, p, c);
            return;
        }
    }
    talk_end_fill(e, p);
    if (r->has_length && r->length > TALK_PATTERN && p->owner != NULL)
        stream(e, r, c);
    else
        (void)talk_end_request(e, p, c);
}

/* {"request":...} and {"response":...} */
static void do_primitive(struct talk *t, const json_t *c, enum cvn_x225_type type)
{
    static const char *const also[] = {"request", "response", "session", "id", NULL};
    const json_t *what = json_object_get(c, type == CVN_REQUEST ? "request" : "response");
    const char *kind = cvn_x225_type_name(type);
    struct talk_end *e = end_of(t, c);
    enum cvn_x225_service s;
    struct talk_prim r;
    char why[TALK_WHY];
    if (!json_is_string(what) || !talk_service(json_string_value(what), &s)) {
        talk_refuse(t, NULL, c, kind, NULL, "not a service of X.215");
        return;
    }
    const char *name = cvn_x225_service_name(s);
    bool dials = s == CVN_S_CONNECT && type == CVN_REQUEST && t->o->listen == NULL;
    if (e == NULL && !dials) {
        talk_refuse(t, NULL, c, name, kind,
                    t->o->listen != NULL ? "nobody has connected"
                                         : "there is no session connection: S-CONNECT comes first");
        return;
    }
    if (t->o->raw) {
        talk_refuse(t, e, c, name, kind, "there is no session protocol with --raw");
        return;
    }
    if (talk_prim_read(&r, c, s, type, e == NULL ? 0 : talk_end_setting(e), also, why) != CVN_OK) {
        talk_refuse(t, e, c, name, kind, why);
        return;
    }
    if (!r.has_length || put_pattern(t, &r, c))
        request(t, e, &r, c);
    talk_prim_fini(&r);
}

static const char *why_not_raw(const struct talk_end *e, int rc)
{
    switch (rc) {
    case CVN_ESTATE:
        return e->out.on ? "an SSDU has been begun and not ended"
                         : "the transport connection is not open, or an SSDU has been begun and "
                           "not ended";
    case CVN_EUNIT:
        return "the transport connection has no expedited data (--expedited)";
    case CVN_EINVAL:
        return "a TSDU has at least one octet, an expedited one at most 16";
    default:
        return cvn_err_text(rc);
    }
}

/* {"raw":"0100..."} */
static void do_raw(struct talk *t, const json_t *c)
{
    static const char *const known[] = {"raw", "expedited", "session", "id", NULL};
    const json_t *hex = json_object_get(c, "raw");
    struct talk_end *e = end_of(t, c);
    if (!only(t, c, "raw", known))
        return;
    struct talk_block *b = !json_is_string(hex)
                               ? NULL
                               : talk_hex_read(json_string_value(hex), json_string_length(hex));
    if (b == NULL) {
        talk_refuse(t, NULL, c, "raw", NULL, "not a string of pairs of hexadecimal digits");
        return;
    }
    int rc = CVN_ESTATE;
    if (e != NULL)
        rc = talk_end_tsdu(e, (struct cvn_octets){b->octets, b->used},
                           json_is_true(json_object_get(c, "expedited")));
    if (rc == CVN_OK)
        talk_answer(t, e, c, json_pack("{ss,sI}", "done", "raw", "length", (json_int_t)b->used));
    else
        talk_refuse(t, e, c, "raw", NULL, e == NULL ? "nobody is connected" : why_not_raw(e, rc));
    cvn_ref_drop(&b->ref);
}

static void do_show(struct talk *t, const json_t *c)
{
    static const char *const known[] = {"show", "session", "id", NULL};
    const struct talk_end *e = end_of(t, c);
    if (!only(t, c, "show", known))
        return;
    if (e == NULL)
        talk_answer(t, NULL, c, json_pack("{ss}", "state", "none"));
    else
        talk_answer(t, e, c, talk_state(e));
}

static void do_help(struct talk *t, const json_t *c)
{
    if (!t->words) {
        talk_refuse(t, NULL, c, "help", NULL, "docs/TALK.md describes the commands");
        return;
    }
    if (t->terminal)
        talk_term_clear(t);
    talk_help(stdout, end_of(t, c), json_string_value(json_object_get(c, "help")));
    t->dirty = true;
}

static void do_answer(struct talk *t, const json_t *c)
{
    static const char *const known[] = {"answer", "session", "id", NULL};
    if (only(t, c, "answer", known))
        talk_answer_waiting(t, end_of(t, c), c, json_is_true(json_object_get(c, "answer")));
}

static void do_quit(struct talk *t, const json_t *c)
{
    static const char *const known[] = {"quit", "id", NULL};
    if (only(t, c, "quit", known))
        t->quit = true;
}

/* --raw dials at once. */
static void dial_bare(struct talk *t)
{
    struct talk_end *e = t->ends;
    if (e != NULL || !t->o->raw || t->o->listen != NULL)
        return;
    e = talk_end_new(t, true);
    if (e == NULL || talk_end_dial(e) != CVN_OK) {
        cli_error("talk", "no memory to dial", NULL);
        talk_worse(t, EXIT_INTERNAL);
    }
}

static bool is_primitive(const json_t *c)
{
    return json_object_get(c, "request") != NULL || json_object_get(c, "response") != NULL;
}

/* An SSDU that is on its way, or too much that is, holds up all but what may overtake it. */
static bool must_hold(const struct talk *t, const json_t *c)
{
    enum cvn_x225_service s = CVN_S_DATA;
    const struct talk_end *e = end_of(t, c);
    if (e == NULL || e->over)
        return false;
    if (json_object_get(c, "raw") != NULL && t->o->raw && !e->reached)
        return true;
    if (!is_primitive(c) && json_object_get(c, "raw") == NULL)
        return false;
    const char *what = json_string_value(json_object_get(c, "request"));
    if (what != NULL && talk_service(what, &s) && (s == CVN_S_U_ABORT || s == CVN_S_EXPEDITED_DATA))
        return false;
    return e->out.on || cvn_sc_out_octets(e->sc) > BACKLOG_MAX;
}

static void carry_out(struct talk *t, const json_t *c)
{
    static const struct {
        const char *name;
        void (*run)(struct talk *t, const json_t *c);
    } verbs[] = {{"wait", do_wait}, {"pause", do_pause},   {"raw", do_raw},  {"show", do_show},
                 {"help", do_help}, {"answer", do_answer}, {"quit", do_quit}};
    if (json_object_get(c, "request") != NULL) {
        do_primitive(t, c, CVN_REQUEST);
        return;
    }
    if (json_object_get(c, "response") != NULL) {
        do_primitive(t, c, CVN_RESPONSE);
        return;
    }
    for (size_t i = 0; i < sizeof verbs / sizeof verbs[0]; i++) {
        if (json_object_get(c, verbs[i].name) != NULL) {
            verbs[i].run(t, c);
            return;
        }
    }
    talk_refuse(t, NULL, c, "line", NULL,
                "not a command: request, response, answer, wait, pause, raw, show or quit");
}

static void bad_line(struct talk *t, const char *why)
{
    json_t *o =
        json_pack("{ss,sI,ss}", "error", "line", "line", (json_int_t)t->input.line, "why", why);
    talk_say(t, NULL, o);
    if (!t->terminal)
        talk_worse(t, EXIT_REFUSED_DATA);
}

static json_t *parse(struct talk *t, const char *line, size_t n)
{
    json_error_t error;
    char why[sizeof error.text + 40];
    if (t->words && line[strspn(line, " \t")] != '{') {
        json_t *words = talk_words_read(line, n, why, sizeof why);
        if (words == NULL)
            bad_line(t, why);
        return words;
    }
    json_t *c = json_loadb(line, n, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &error);
    if (c == NULL) {
        (void)snprintf(why, sizeof why, "not JSON: %s (column %d)", error.text, error.column);
        bad_line(t, why);
    } else if (!json_is_object(c)) {
        bad_line(t, "not a JSON object");
        json_decref(c);
        c = NULL;
    }
    return c;
}

static bool blank(const char *line, size_t n)
{
    while (n > 0 && memchr(" \t\r", *line, 3) != NULL) {
        line++;
        n--;
    }
    return n == 0;
}

/* The next command, NULL: none is there. */
static json_t *next_command(struct talk *t)
{
    char *line = NULL;
    size_t n = 0;
    const char *error = NULL;
    json_t *c = t->held;
    t->held = NULL;
    while (c == NULL && talk_input_line(t, &line, &n, &error)) {
        if (error != NULL)
            bad_line(t, error);
        else if (!blank(line, n))
            c = parse(t, line, n);
    }
    return c;
}

/* true: all that was there has been carried out. */
static bool commands(struct talk *t)
{
    for (unsigned i = 0; i < COMMANDS_MAX && !t->quit; i++) {
        if (t->wait.on)
            wait_look(t);
        if (t->wait.on)
            return false;
        json_t *c = next_command(t);
        if (c == NULL)
            return true;
        if (must_hold(t, c)) {
            t->held = c;
            return false;
        }
        carry_out(t, c);
        json_decref(c);
    }
    talk_again(t);
    return false;
}

/* -------- the end -------- */

static void try(struct talk_end *e, enum cvn_x225_service s, enum cvn_x225_type type,
                uint8_t result)
{
    struct cvn_x225_prim p;
    cvn_x225_prim_init(&p, s, type);
    p.result = result;
    (void)talk_end_request(e, &p, NULL);
}

static bool silent_too_long(const struct talk_end *e)
{
    return uv_hrtime() - e->heard > (cvn_time)FINISH_NS;
}

/* A session connection that is open: its initiator releases it when he may; the responder waits for
 * that. */
static void finish_session(struct talk_end *e, enum cvn_x225_state state, bool now)
{
    struct cvn_x225_prim release;
    cvn_x225_prim_init(&release, CVN_S_RELEASE, CVN_REQUEST);
    if (e->initiator && cvn_sc_why(e->sc, &release) == NULL)
        try(e, CVN_S_RELEASE, CVN_REQUEST, CVN_RESULT_ACCEPT);
    else if (silent_too_long(e) || (now && state != CVN_STA03))
        try(e, CVN_S_U_ABORT, CVN_REQUEST, CVN_RESULT_ACCEPT);
}

/* No command will come: what is open ends as well as it can. */
static void finish_end(struct talk_end *e, bool now)
{
    struct cvn_x225_vars v = talk_end_vars(e);
    if (e->over || (e->out.on && !now))
        return;
    if (v.state == CVN_STA01 || v.state == CVN_STA01C)
        e->hang_up = e->hang_up || cvn_sc_out_octets(e->sc) == 0 || now;
    else if (v.state == CVN_STA08)
        try(e, CVN_S_CONNECT, CVN_RESPONSE, CVN_RF_USER);
    else if (v.state == CVN_STA09)
        try(e, CVN_S_RELEASE, CVN_RESPONSE, CVN_RESULT_ACCEPT);
    else if (e->session)
        finish_session(e, v.state, now);
    else
        e->hang_up = e->hang_up || silent_too_long(e);
}

static void finish(struct talk *t)
{
    if (t->listener != NULL)
        cvn_listener_close(t->listener);
    t->listener = NULL;
    for (struct talk_end *e = t->ends; e != NULL; e = e->next)
        finish_end(e, t->stopping);
    if (t->ends == NULL)
        uv_stop(&t->loop);
}

/* Serving goes on although no command will come. */
static bool serves(const struct talk *t)
{
    if (t->quit || t->stopping)
        return false;
    if (t->o->once && t->served && t->ends == NULL)
        return false;
    return t->o->automatic && t->o->listen != NULL;
}

static void ends_step(struct talk *t)
{
    struct talk_end *next;
    for (struct talk_end *e = t->ends; e != NULL; e = next) {
        next = e->next;
        talk_end_step(e);
        if (e->over && e->stream == NULL && e->dial == NULL)
            talk_end_remove(e);
    }
}

static void on_timer(uv_timer_t *timer)
{
    (void)timer; /* the turn that follows does what is due */
}

static void arm(struct talk *t, bool finishing)
{
    cvn_time now = uv_hrtime();
    cvn_time at = t->wait.on ? t->wait.until : CVN_NEVER;
    for (const struct talk_end *e = t->ends; e != NULL && finishing; e = e->next) {
        cvn_time by = e->heard + (cvn_time)FINISH_NS;
        at = by < at ? by : at;
    }
    if (at == CVN_NEVER)
        (void)uv_timer_stop(&t->timer);
    else
        (void)uv_timer_start(&t->timer, on_timer, at <= now ? 1 : (at - now) / 1000000 + 1, 0);
}

static void show(struct talk *t)
{
    if (t->terminal)
        talk_term_redraw(t);
    else if (t->dirty)
        (void)fflush(stdout);
    t->dirty = false;
}

/* T1 */
static void talk_step(uv_prepare_t *turn)
{
    struct talk *t = turn->data;
    bool done = !t->stopping && commands(t);
    bool once = t->o->once && t->served && t->ends == NULL && !t->wait.on;
    bool finishing = t->quit || t->stopping || once || (done && t->input.eof && !serves(t));
    talk_input_want(t, done && !finishing);
    if (finishing)
        finish(t);
    ends_step(t);
    if (finishing && t->ends == NULL)
        uv_stop(&t->loop);
    arm(t, finishing);
    show(t);
}

static void on_signal(uv_signal_t *s, int number)
{
    struct talk *t = s->data;
    (void)number;
    if (t->stopping) {
        for (struct talk_end *e = t->ends; e != NULL; e = e->next)
            e->hang_up = true;
        talk_worse(t, EXIT_ABORTED);
    }
    t->stopping = true;
    talk_again(t);
}

/* -------- beginning -------- */

static bool loopback(const char *host)
{
    return strcmp(host, "localhost") == 0 || strncmp(host, "127.", 4) == 0 ||
           strcmp(host, "::1") == 0;
}

/* 0: none. */
static uint8_t classes_of(const char *list)
{
    static const struct {
        const char *list;
        uint8_t classes;
    } lists[] = {
        {"0", CVN_TRANSPORT_CLASS_0},
        {"2", CVN_TRANSPORT_CLASS_2},
        {"0,2", CVN_TRANSPORT_CLASS_0 | CVN_TRANSPORT_CLASS_2},
        {"2,0", CVN_TRANSPORT_CLASS_0 | CVN_TRANSPORT_CLASS_2},
    };
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++)
        if (strcmp(list, lists[i].list) == 0)
            return lists[i].classes;
    return 0;
}

static int check_choices(struct talk *t)
{
    const struct cli_options *o = t->o;
    if (o->units != NULL && !talk_units_text(o->units, &t->units)) {
        cli_error("--units", "not functional units, separated by commas",
                  "half-duplex,minor-synchronize, or BCS, BSS, BAS");
        return EXIT_USAGE;
    }
    if (o->versions != NULL) {
        const char *v = o->versions;
        t->versions = strcmp(v, "1") == 0                              ? 1
                      : strcmp(v, "2") == 0                            ? 2
                      : strcmp(v, "1,2") == 0 || strcmp(v, "2,1") == 0 ? 3
                                                                       : 0;
        if (t->versions == 0) {
            cli_error("--versions", "not 1, 2 or 1,2", NULL);
            return EXIT_USAGE;
        }
    }
    if (o->classes != NULL) {
        t->classes = classes_of(o->classes);
        if (t->classes == 0) {
            cli_error("--transport-class", "not 0, 2 or 0,2", NULL);
            return EXIT_USAGE;
        }
    }
    if (o->tpdu_size != 0 && (o->tpdu_size < 128 || o->tpdu_size > 65531)) {
        cli_error("--tpdu-size", "not from 128 to 65531", NULL);
        return EXIT_USAGE;
    }
    return 0;
}

static int check_options(struct talk *t)
{
    const struct cli_options *o = t->o;
    const char *url = o->listen != NULL ? o->listen : o->noperands > 0 ? o->operands[0] : NULL;
    if (url == NULL || o->noperands > (o->listen == NULL ? 1 : 0)) {
        cli_error("talk", "one URL is needed, or --listen URL",
                  "convene talk iso://127.0.0.1:10102/test");
        return EXIT_USAGE;
    }
    int rc = cli_target(o, url, true, &t->target);
    t->url = t->target.url;
    if (rc != 0)
        return rc;
    if (o->listen != NULL && !loopback(t->url.host) && !o->insecure) {
        cli_error(url, "anyone on the network could connect, unprotected",
                  "listen on 127.0.0.1, or say --insecure");
        return EXIT_DENIED;
    }
    return check_choices(t);
}

static int open_all(struct talk *t)
{
    char why[160];
    const struct cli_options *o = t->o;
    if (o->pcap != NULL &&
        cvn_capture_open(&t->capture, o->pcap, (uint32_t)o->snap, why, sizeof why) != CVN_OK) {
        cli_error(o->pcap, why, NULL);
        return EXIT_LOCAL_IO;
    }
    if (o->listen == NULL)
        return 0;
    if (cvn_listen(&t->listener, &t->loop, t->url.host, t->url.port, o->family, on_accepted, t, why,
                   sizeof why) != CVN_OK) {
        cli_error(o->listen, why, NULL);
        return EXIT_UNREACHED;
    }
    talk_say(t, NULL,
             json_pack("{ss,ss,si}", "event", "listening", "host", t->url.host, "port",
                       (int)cvn_listener_port(t->listener)));
    return 0;
}

static void start_handles(struct talk *t)
{
    static const int numbers[] = {SIGINT, SIGTERM, SIGHUP};
    for (size_t i = 0; i < 3; i++) {
        (void)uv_signal_init(&t->loop, &t->signals[i]);
        t->signals[i].data = t;
        (void)uv_signal_start(&t->signals[i], on_signal, numbers[i]);
    }
    (void)uv_prepare_init(&t->loop, &t->turn);
    t->turn.data = t;
    (void)uv_prepare_start(&t->turn, talk_step);
    (void)uv_idle_init(&t->loop, &t->again);
    (void)uv_timer_init(&t->loop, &t->timer);
    t->timer.data = t;
}

static void close_any(uv_handle_t *h, void *arg)
{
    (void)arg;
    if (!uv_is_closing(h))
        uv_close(h, NULL);
}

static void wind_up(struct talk *t)
{
    while (t->ends != NULL)
        talk_end_remove(t->ends);
    cvn_listener_close(t->listener);
    (void)uv_prepare_stop(&t->turn);
    if (t->held != NULL)
        json_decref(t->held);
    if (t->wait.on)
        json_decref(t->wait.command);
    talk_input_close(t);
    uv_walk(&t->loop, close_any, NULL);
    (void)uv_run(&t->loop, UV_RUN_DEFAULT);
    cvn_capture_close(t->capture);
    (void)uv_loop_close(&t->loop);
    cvn_free(cvn_alloc_std(), t->pattern, TALK_PATTERN);
}

static int run(struct talk *t)
{
    start_handles(t);
    int rc = open_all(t);
    if (rc == 0)
        rc = talk_input_open(t);
    if (rc == 0) {
        dial_bare(t);
        (void)uv_run(&t->loop, UV_RUN_DEFAULT);
        rc = t->exit_code;
    }
    if (fflush(stdout) != 0 && rc == 0) {
        cli_error("standard output", strerror(errno), NULL);
        rc = EXIT_LOCAL_IO;
    }
    wind_up(t);
    return rc;
}

int cli_talk(const struct cli_options *o)
{
    struct talk *t = cvn_new(cvn_alloc_std(), sizeof *t);
    uint8_t *pattern = cvn_resize(cvn_alloc_std(), NULL, 0, TALK_PATTERN);
    int rc = t == NULL || pattern == NULL ? EXIT_INTERNAL : 0;
    for (size_t i = 0; rc == 0 && i < TALK_PATTERN; i++)
        pattern[i] = (uint8_t)(i % TALK_PERIOD);
    if (rc == 0) {
        t->o = o;
        t->pattern = pattern;
        t->words = !o->json;
        t->terminal = !o->json && isatty(STDIN_FILENO) == 1 && isatty(STDOUT_FILENO) == 1;
        rc = check_options(t);
    }
    if (rc == EXIT_INTERNAL || (rc == 0 && uv_loop_init(&t->loop) != 0)) {
        cli_error("talk", "no memory", NULL);
        rc = EXIT_INTERNAL;
    }
    if (rc == 0)
        rc = run(t);
    else
        cvn_free(cvn_alloc_std(), pattern, TALK_PATTERN);
    cvn_free(cvn_alloc_std(), t, sizeof *t);
    return rc;
}
