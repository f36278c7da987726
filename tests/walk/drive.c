/* SPDX-License-Identifier: MIT */
/*
 * x225-drive - one session protocol machine (X.225) behind a pipe: commands in, one a line, and
 * out what the machine does, by its public header alone. It knows nothing of the state tables.
 *
 *   new [units=HEX] [versions=N] [extended=1] [reuse=1] [error_report=1] [send=N] [receive=N]
 *   up initiator|acceptor [expedited]      T-CONNECT confirm or indication
 *   down                                   T-DISCONNECT indication
 *   request SERVICE TYPE [name=value]...   S-SYNC-MINOR response serial=3
 *   tsdu OCTETS [expedited]                from the peer
 *   tick                                   time passes, beyond the deadline if there is one
 *
 * OCTETS are pieces joined by `+`, each hexadecimal, or hexadecimal `*` how often: 0d03+41*3. An
 * answer has a line for each primitive, for each action on the transport, `rc NAME` with the
 * numbers the machine chose, and at the end `vars`.
 *
 * Invariants
 *   D1  what the machine wants done is taken from it before the next command.
 *   D2  a command that is not understood ends the program with status 64.
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "convene/err.h"
#include "convene/x225.h"

#define TICK      100000000000u /* longer than TIM */
#define WORDS_MAX 40

struct drive {
    struct cvn_x225 *x;
    cvn_time now;
    uint8_t *tsdu; /* T-DATA so far */
    size_t tsdu_len;
    char *rest;                /* of the line: its words */
    uint8_t *given[WORDS_MAX]; /* octets of this command */
    unsigned givens;
};

static _Noreturn void refuse(const char *what, const char *word)
{
    fprintf(stderr, "x225-drive: %s: %s\n", what, word);
    exit(64);
}

static void *need(void *p)
{
    if (p == NULL)
        refuse("no memory", "");
    return p;
}

/* The next word of the line, NULL behind the last. */
static char *word(struct drive *d)
{
    while (isspace((unsigned char)*d->rest))
        d->rest++;
    if (*d->rest == '\0')
        return NULL;
    char *w = d->rest;
    while (*d->rest != '\0' && !isspace((unsigned char)*d->rest))
        d->rest++;
    if (*d->rest != '\0')
        *d->rest++ = '\0';
    return w;
}

static unsigned long number(const char *text, int base, unsigned long most)
{
    char *end;
    unsigned long n = strtoul(text, &end, base);
    if (*text == '\0' || *end != '\0' || n > most)
        refuse("no such number", text);
    return n;
}

static unsigned digit(const char *c)
{
    const char *digits = "0123456789abcdef";
    const char *at = *c == '\0' ? NULL : strchr(digits, *c);
    if (at == NULL)
        refuse("not hexadecimal", c);
    return (unsigned)(at - digits);
}

/* One piece, HEX or HEX*N, behind what is there. */
static size_t piece(uint8_t **to, size_t have, char *text)
{
    char *times = strchr(text, '*');
    size_t n = 1;
    if (times != NULL) {
        *times = '\0';
        n = number(times + 1, 10, 1u << 20);
    }
    size_t len = strlen(text) / 2;
    uint8_t *p = need(realloc(*to, have + len * n + 1));
    for (size_t i = 0; i < len * n; i++) {
        const char *c = text + i % len * 2;
        p[have + i] = (uint8_t)(digit(c) << 4 | digit(c + 1));
    }
    *to = p;
    return have + len * n;
}

static struct cvn_octets octets(struct drive *d, char *text)
{
    uint8_t *p = need(malloc(1));
    size_t n = 0;
    while (text != NULL) {
        char *more = strchr(text, '+');
        if (more != NULL)
            *more++ = '\0';
        n = piece(&p, n, text);
        text = more;
    }
    if (d->givens == WORDS_MAX)
        refuse("too many words", "");
    d->given[d->givens++] = p;
    return (struct cvn_octets){p, n};
}

static void print_hex(struct cvn_octets o)
{
    for (size_t i = 0; i < o.n; i++)
        printf("%02x", o.p[i]);
}

static void print_octets(const char *name, struct cvn_octets o)
{
    if (o.n == 0)
        return;
    printf(" %s=", name);
    print_hex(o);
}

static void print_number(const char *name, uint32_t n, uint32_t absent)
{
    if (n != absent)
        printf(" %s=%lu", name, (unsigned long)n);
}

/* Members that are absent are left out. */
static void print_prim(const struct cvn_x225_prim *p)
{
    printf("prim %s %s", cvn_x225_service_name(p->service), cvn_x225_type_name(p->type));
    print_number("result", p->result, CVN_RESULT_ACCEPT);
    print_number("versions", p->versions, 0);
    print_number("units", p->units, 0);
    print_octets("id.calling", p->id.calling);
    print_octets("id.called", p->id.called);
    print_octets("id.common", p->id.common);
    print_octets("id.additional", p->id.additional);
    print_octets("calling", p->calling);
    print_octets("called", p->called);
    print_number("tsdu_max_initiator", p->tsdu_max_initiator, 0);
    print_number("tsdu_max_responder", p->tsdu_max_responder, 0);
    print_number("tokens", p->tokens, 0);
    if (p->has_token_setting)
        printf(" setting=%u", p->token_setting);
    print_number("serial", p->serial, CVN_SERIAL_NONE);
    print_number("serial2", p->serial2, CVN_SERIAL_NONE);
    print_number("resync", p->resync, CVN_RESYNC_NONE);
    print_number("resync2", p->resync2, CVN_RESYNC_NONE);
    print_number("optional", p->optional, 0);
    print_number("separation", p->separation, 0);
    print_number("reason", p->reason, 0);
    print_number("keep", p->keep, 0);
    print_octets("activity", p->activity);
    print_octets("old_activity", p->old_activity);
    print_octets("reflected", p->reflected);
    print_octets("data", p->data);
    if (!p->begin || !p->end)
        printf(" part=%u%u", p->begin, p->end);
    printf("\n");
}

static void print_vars(const struct drive *d)
{
    struct cvn_x225_vars v;
    cvn_x225_vars(d->x, &v);
    printf("vars %s initiator=%u vtca=%u vtrr=%u vcoll=%u vdnr=%u vact=%u vnextact=%u vsc=%u "
           "texp=%u units=%u version=%u available=%u owned=%u va=%lu vm=%lu vr=%lu var=%lu "
           "vmr=%lu vrr=%lu queued=%lu tim=%u\n",
           cvn_x225_state_name(v.state), v.initiator, v.vtca, v.vtrr, v.vcoll, v.vdnr, v.vact,
           v.vnextact, v.vsc, v.texp, v.units, v.version, v.tokens_available, v.tokens_owned,
           (unsigned long)v.va, (unsigned long)v.vm, (unsigned long)v.vr, (unsigned long)v.var,
           (unsigned long)v.vmr, (unsigned long)v.vrr, (unsigned long)v.queued,
           cvn_x225_deadline(d->x) != CVN_NEVER);
}

static void tsdu_append(struct drive *d, struct cvn_octets o)
{
    d->tsdu = need(realloc(d->tsdu, d->tsdu_len + o.n + 1));
    if (o.n > 0)
        memcpy(d->tsdu + d->tsdu_len, o.p, o.n);
    d->tsdu_len += o.n;
}

static void print_out(struct drive *d, const struct cvn_x225_out *o)
{
    static const char *const names[] = {"T-CONNECT", "T-CONNECT-ACCEPT", "T-DATA", "T-EXPEDITED",
                                        "T-DISCONNECT"};
    bool data = o->kind == CVN_X225_T_DATA || o->kind == CVN_X225_T_EXPEDITED;
    if (data) {
        tsdu_append(d, o->header);
        tsdu_append(d, o->data);
        if (!o->end)
            return;
    }
    printf("%s", names[o->kind]);
    if (data) {
        printf(" ");
        print_hex((struct cvn_octets){d->tsdu, d->tsdu_len});
        d->tsdu_len = 0;
    }
    printf("\n");
}

/* D1 */
static void drain(struct drive *d)
{
    struct cvn_x225_out o;
    while (cvn_x225_out(d->x, &o) == CVN_EVENT) {
        print_out(d, &o);
        cvn_x225_out_done(d->x);
    }
}

static void after(struct drive *d)
{
    struct cvn_x225_prim ev;
    drain(d);
    while (cvn_x225_next(d->x, &ev, d->now) == CVN_EVENT) {
        print_prim(&ev);
        drain(d);
    }
    drain(d);
    print_vars(d);
}

static void command_new(struct drive *d)
{
    struct cvn_x225_opts o = {.alloc = NULL};
    char *w;
    while ((w = word(d)) != NULL) {
        char *value = strchr(w, '=');
        if (value == NULL)
            refuse("an option has a value", w);
        *value++ = '\0';
        if (strcmp(w, "units") == 0)
            o.units = (uint16_t)number(value, 16, 0xffff);
        else if (strcmp(w, "versions") == 0)
            o.versions = (uint8_t)number(value, 10, 255);
        else if (strcmp(w, "extended") == 0)
            o.extended = number(value, 10, 1) != 0;
        else if (strcmp(w, "reuse") == 0)
            o.reuse = number(value, 10, 1) != 0;
        else if (strcmp(w, "error_report") == 0)
            o.error_report = number(value, 10, 1) != 0;
        else if (strcmp(w, "send") == 0)
            o.tsdu_max_send = (uint16_t)number(value, 10, 0xffff);
        else if (strcmp(w, "receive") == 0)
            o.tsdu_max_receive = (uint16_t)number(value, 10, 0xffff);
        else
            refuse("no such option", w);
    }
    cvn_x225_free(d->x);
    d->x = NULL;
    d->tsdu_len = 0;
    if (cvn_x225_new(&d->x, &o) != CVN_OK)
        refuse("new", "options refused");
}

static int command_up(struct drive *d)
{
    const char *role = word(d);
    const char *expedited = word(d);
    if (role == NULL)
        refuse("up", "initiator or acceptor");
    return cvn_x225_transport_up(d->x, strcmp(role, "acceptor") == 0, expedited != NULL, d->now);
}

/* The members of a primitive that are numbers. true: it was one. */
static bool set_number(struct cvn_x225_prim *p, const char *name, const char *value)
{
    const struct {
        const char *name;
        uint8_t *octet;
        uint16_t *two;
        uint32_t *four;
        bool *flag;
    } members[] = {
        {.name = "result", .octet = &p->result},
        {.name = "versions", .octet = &p->versions},
        {.name = "units", .two = &p->units},
        {.name = "tsdu_max_initiator", .two = &p->tsdu_max_initiator},
        {.name = "tsdu_max_responder", .two = &p->tsdu_max_responder},
        {.name = "tokens", .octet = &p->tokens},
        {.name = "setting", .octet = &p->token_setting, .flag = &p->has_token_setting},
        {.name = "serial", .four = &p->serial},
        {.name = "serial2", .four = &p->serial2},
        {.name = "resync", .octet = &p->resync},
        {.name = "resync2", .octet = &p->resync2},
        {.name = "optional", .flag = &p->optional},
        {.name = "separation", .flag = &p->separation},
        {.name = "reason", .octet = &p->reason},
        {.name = "keep", .flag = &p->keep},
        {.name = "begin", .flag = &p->begin},
        {.name = "end", .flag = &p->end},
    };
    for (size_t i = 0; i < sizeof members / sizeof members[0]; i++) {
        if (strcmp(name, members[i].name) != 0)
            continue;
        unsigned long n = number(value, 10, UINT32_MAX);
        if (members[i].octet != NULL)
            *members[i].octet = (uint8_t)n;
        if (members[i].two != NULL)
            *members[i].two = (uint16_t)n;
        if (members[i].four != NULL)
            *members[i].four = (uint32_t)n;
        if (members[i].flag != NULL)
            *members[i].flag = members[i].octet != NULL || n != 0;
        return true;
    }
    return false;
}

static bool set_octets(struct drive *d, struct cvn_x225_prim *p, const char *name, char *value)
{
    const struct {
        const char *name;
        struct cvn_octets *to;
    } members[] = {
        {"id.calling", &p->id.calling},
        {"id.called", &p->id.called},
        {"id.common", &p->id.common},
        {"id.additional", &p->id.additional},
        {"calling", &p->calling},
        {"called", &p->called},
        {"activity", &p->activity},
        {"old_activity", &p->old_activity},
        {"data", &p->data},
    };
    for (size_t i = 0; i < sizeof members / sizeof members[0]; i++) {
        if (strcmp(name, members[i].name) != 0)
            continue;
        *members[i].to = octets(d, value);
        return true;
    }
    return false;
}

static void find_primitive(struct cvn_x225_prim *p, const char *service, const char *type)
{
    int s = 0;
    int t = CVN_REQUEST;
    if (service == NULL || type == NULL)
        refuse("request", "a service and a type");
    while (s < CVN_S_SERVICES &&
           strcmp(cvn_x225_service_name((enum cvn_x225_service)s), service) != 0)
        s++;
    while (t <= CVN_CONFIRM && strcmp(cvn_x225_type_name((enum cvn_x225_type)t), type) != 0)
        t++;
    if (s == CVN_S_SERVICES || t > CVN_CONFIRM)
        refuse("no such primitive", service);
    cvn_x225_prim_init(p, (enum cvn_x225_service)s, (enum cvn_x225_type)t);
}

static int command_request(struct drive *d)
{
    struct cvn_x225_prim p;
    const char *service = word(d);
    const char *type = word(d);
    char *w;
    find_primitive(&p, service, type);
    while ((w = word(d)) != NULL) {
        char *value = strchr(w, '=');
        if (value == NULL)
            refuse("a parameter has a value", w);
        *value++ = '\0';
        if (!set_number(&p, w, value) && !set_octets(d, &p, w, value))
            refuse("no such parameter", w);
    }
    int rc = cvn_x225_request(d->x, &p, d->now);
    if (rc == CVN_OK) {
        printf("chosen");
        print_number("serial", p.serial, CVN_SERIAL_NONE);
        print_number("serial2", p.serial2, CVN_SERIAL_NONE);
        printf("\n");
    }
    return rc;
}

static int command_tsdu(struct drive *d)
{
    char *w = word(d);
    bool expedited = word(d) != NULL;
    if (w == NULL)
        refuse("tsdu", "octets");
    struct cvn_octets o = octets(d, w);
    size_t done = 0;
    for (;;) {
        struct cvn_x225_prim ev;
        size_t used = 0;
        int rc = cvn_x225_feed(d->x, o.p + done, o.n - done, done == 0, true, expedited, &used, &ev,
                               d->now);
        done += used;
        if (rc == CVN_EVENT)
            print_prim(&ev);
        drain(d);
        if (rc != CVN_EVENT && rc != CVN_FULL)
            return rc;
    }
}

static int command(struct drive *d, const char *name)
{
    if (strcmp(name, "new") == 0) {
        command_new(d);
        return CVN_OK;
    }
    if (d->x == NULL)
        refuse("`new` comes first", name);
    if (strcmp(name, "up") == 0)
        return command_up(d);
    if (strcmp(name, "down") == 0)
        return cvn_x225_transport_down(d->x, d->now);
    if (strcmp(name, "request") == 0)
        return command_request(d);
    if (strcmp(name, "tsdu") == 0)
        return command_tsdu(d);
    if (strcmp(name, "tick") != 0)
        refuse("no such command", name);
    d->now += TICK;
    cvn_x225_tick(d->x, d->now);
    return CVN_OK;
}

int main(void)
{
    struct drive d = {.x = NULL};
    char *line = NULL;
    size_t size = 0;
    while (getline(&line, &size, stdin) > 0) {
        d.rest = line;
        const char *name = word(&d);
        if (name == NULL || name[0] == '#')
            continue;
        printf("rc %s\n", cvn_err_name(command(&d, name)));
        after(&d);
        while (d.givens > 0)
            free(d.given[--d.givens]);
    }
    free(line);
    free(d.tsdu);
    cvn_x225_free(d.x);
    return ferror(stdin) || fflush(stdout) != 0 ? 74 : 0;
}
