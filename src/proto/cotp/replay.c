/* SPDX-License-Identifier: MIT */
/*
 * replay - replays the conversations in vectors/: text of what both ends do, say and
 * see (README.md has the form). Each is replayed with its octets fed whole, one by
 * one, in random splits, and with each allocation failing once; memory that is not
 * given back fails it.
 *
 *   replay FOLDER                replays every *.txt there
 *   replay --seeds OUT FOLDER    writes one fuzzer seed for each live end instead
 */
#include <assert.h>
#include <dirent.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/cotp/cotp.h"
#include "proto/cotp/seed.h"

#define LINE_MAX_OCTETS 200000u
#define TOKENS_MAX      100
#define SEEN_MAX        64
#define LENT_MAX        64
#define RANDOM_ROUNDS   40
#define SEED_MAX        2000 /* larger ones teach a fuzzer nothing more */
#define RUN_MIN         8    /* so many equal octets are written as xx*n */

/* ---- octets and text ---- */

struct buf {
    uint8_t *p;
    size_t n;
    size_t cap;
};

static void *must(void *p)
{
    if (p == NULL)
        abort();
    return p;
}

static void buf_add(struct buf *b, const void *p, size_t n)
{
    if (b->n + n + 1 > b->cap) {
        b->cap = 2 * (b->n + n) + 16;
        b->p = must(realloc(b->p, b->cap));
    }
    if (n > 0)
        memcpy(b->p + b->n, p, n);
    b->n += n;
    b->p[b->n] = '\0';
}

static void buf_free(struct buf *b)
{
    free(b->p);
    *b = (struct buf){0};
}

__attribute__((format(printf, 2, 3))) static void buf_printf(struct buf *b, const char *form, ...)
{
    char text[200];
    va_list ap;
    va_start(ap, form);
    int n = vsnprintf(text, sizeof text, form, ap);
    va_end(ap);
    assert(n >= 0 && (size_t)n < sizeof text);
    buf_add(b, text, (size_t)n);
}

/* " 0102 aa*100 03" */
static void buf_hex(struct buf *b, const uint8_t *p, size_t n)
{
    bool spaced = false;
    for (size_t i = 0; i < n;) {
        size_t run = 1;
        while (i + run < n && p[i + run] == p[i])
            run++;
        if (run >= RUN_MIN) {
            buf_printf(b, " %02x*%zu", p[i], run);
            spaced = false;
            i += run;
            continue;
        }
        buf_printf(b, "%s%02x", spaced ? "" : " ", p[i]);
        spaced = true;
        i++;
    }
}

static int digit(char c)
{
    const char *digits = "0123456789abcdef";
    const char *at = c == '\0' ? NULL : strchr(digits, c);
    return at == NULL ? -1 : (int)(at - digits);
}

/* "0102aa", "aa*100", "-" for nothing. */
static bool hex_token(const char *s, struct buf *b)
{
    size_t from = b->n;
    if (strcmp(s, "-") == 0)
        return true;
    while (digit(s[0]) >= 0 && digit(s[1]) >= 0) {
        uint8_t octet = (uint8_t)(digit(s[0]) << 4 | digit(s[1]));
        buf_add(b, &octet, 1);
        s += 2;
    }
    if (*s == '*' && b->n == from + 1) {
        uint8_t octet = b->p[from];
        char *end = NULL;
        unsigned long times = strtoul(s + 1, &end, 10);
        for (unsigned long i = 1; i < times && i < LINE_MAX_OCTETS; i++)
            buf_add(b, &octet, 1);
        s = end;
    }
    return *s == '\0' && b->n > from;
}

/* ---- memory: counted, and failing when told ---- */

struct memory {
    size_t octets; /* not given back */
    long fail_at;  /* this allocation fails; -1: none */
    long count;
    bool failed;
};

static void *memory_resize(void *ctx, void *p, size_t from, size_t to)
{
    struct memory *m = ctx;
    if (to > 0 && m->count++ == m->fail_at) {
        m->failed = true;
        return NULL;
    }
    m->octets += to;
    m->octets -= from;
    if (to == 0) {
        free(p);
        return NULL;
    }
    return must(realloc(p, to));
}

/* ---- one run of one vector ---- */

enum mode { WHOLE, SINGLE, RANDOM, POOR, MODES };
static const char *const mode_name[] = {"whole", "octet by octet", "random splits", "poor memory"};

struct seen {
    bool data;
    bool begin;
    bool end;
    struct buf octets; /* data */
    struct buf text;   /* all others */
};

struct side {
    const char *name;
    struct cvn_cotp *c;
    struct seen seen[SEEN_MAX];
    size_t nseen;
    struct buf fed; /* all octets that this side was given */
    unsigned seed_bits;
    uint8_t *lent[LENT_MAX]; /* octets of T-DATA requests, kept until the end */
    size_t nlent;
};

struct run {
    const char *file;
    int line;
    enum mode mode;
    unsigned random;
    struct memory memory;
    struct cvn_alloc alloc;
    struct side sides[2]; /* initiator, responder */
    struct cvn_ref owner; /* of what is lent; one reference is ours */
    int conversation;
    bool accepts; /* in this conversation: what the responder answers */
    bool refuses;
    const char *seeds_folder; /* NULL: none are written */
    bool bad;
};

__attribute__((format(printf, 2, 3))) static void complain(struct run *r, const char *form, ...)
{
    if (!r->bad) {
        va_list ap;
        printf("%s:%d (%s): ", r->file, r->line, mode_name[r->mode]);
        va_start(ap, form);
        vprintf(form, ap);
        va_end(ap);
        printf("\n");
    }
    r->bad = true;
}

static unsigned draw(struct run *r, unsigned below)
{
    r->random = r->random * 1103515245u + 12345u;
    return (r->random >> 16) % below;
}

static void owner_drop(struct cvn_ref *ref)
{
    (void)ref; /* counted only: the octets live as long as their side */
}

static void event_text(const struct cvn_cotp_event *e, struct buf *b)
{
    switch (e->kind) {
    case CVN_COTP_EV_CONNECT_IND:
    case CVN_COTP_EV_CONNECT_CONF:
        buf_printf(b, "connect-%s", e->kind == CVN_COTP_EV_CONNECT_IND ? "ind" : "conf");
        if (e->calling.p != NULL) {
            buf_printf(b, " calling");
            buf_hex(b, e->calling.p, e->calling.n);
        }
        if (e->called.p != NULL) {
            buf_printf(b, " called");
            buf_hex(b, e->called.p, e->called.n);
        }
        buf_printf(b, "%s tpdu %u", e->expedited ? " expedited" : "", (unsigned)e->tpdu_max);
        if (e->class_id != 0)
            buf_printf(b, " class %u", e->class_id);
        break;
    case CVN_COTP_EV_DISCONNECT:
        buf_printf(b, "disconnect %s %u",
                   e->local        ? "local"
                   : e->error_tpdu ? "error"
                                   : "peer",
                   e->reason);
        break;
    case CVN_COTP_EV_EXPEDITED:
        buf_printf(b, "expedited");
        break;
    case CVN_COTP_EV_DATA:
        break;
    }
    if (e->data.n > 0 && e->kind != CVN_COTP_EV_EXPEDITED)
        buf_printf(b, " user");
    buf_hex(b, e->data.p, e->data.n);
}

/* Slices of one TSDU become one, until a line of the vector has looked at it. */
static void see(struct run *r, struct side *s, const struct cvn_cotp_event *e)
{
    struct seen *last = s->nseen == 0 ? NULL : &s->seen[s->nseen - 1];
    bool data = e->kind == CVN_COTP_EV_DATA;
    if (e->kind == CVN_COTP_EV_DISCONNECT && (e->why == NULL || e->why[0] == '\0'))
        complain(r, "%s: a disconnect that does not say why", s->name);
    if (data && e->data.n == 0 && !e->end)
        complain(r, "%s: an empty slice that does not end its TSDU", s->name);
    if (data && last != NULL && last->data && !last->end) {
        if (e->begin)
            complain(r, "%s: a TSDU begins inside another", s->name);
        buf_add(&last->octets, e->data.p, e->data.n);
        last->end = e->end;
        return;
    }
    if (s->nseen == SEEN_MAX) {
        complain(r, "%s: too many events", s->name);
        return;
    }
    struct seen *now = &s->seen[s->nseen++];
    *now = (struct seen){.data = data, .begin = e->begin, .end = e->end};
    if (data)
        buf_add(&now->octets, e->data.p, e->data.n);
    else
        event_text(e, &now->text);
}

/* Short parts, and longer ones in what is mostly user data. */
static size_t chunk(struct run *r, size_t left)
{
    size_t n = left;
    if (r->mode == SINGLE)
        n = 1;
    else if (r->mode != WHOLE)
        n = 1 + draw(r, left > 1000 ? 2000 : draw(r, 3) == 0 ? 200 : 9);
    return n < left ? n : left;
}

/* The octets stand alone in memory, so that a read past them is seen. */
static void feed(struct run *r, struct side *s, const uint8_t *p, size_t n)
{
    buf_add(&s->fed, p, n);
    while (n > 0 && !r->bad) {
        size_t size = chunk(r, n);
        uint8_t *copy = must(malloc(size));
        memcpy(copy, p, size);
        for (size_t at = 0; at < size && !r->bad;) {
            struct cvn_cotp_event e = {0};
            size_t used = 0;
            int rc = cvn_cotp_feed(s->c, copy + at, size - at, &used, &e);
            if (used > size - at)
                complain(r, "%s: %zu octets used of %zu", s->name, used, size - at);
            at += used;
            if (rc == CVN_EVENT)
                see(r, s, &e);
            else if (rc == CVN_ENOMEM ? !r->memory.failed : at < size)
                complain(r, "%s: feed returns %s after %zu octets of %zu", s->name,
                         cvn_err_name(rc), at, size);
        }
        free(copy);
        p += size;
        n -= size;
    }
}

/* What s has to send must begin with these octets; they are taken in two pieces. */
static void expect_out(struct run *r, struct side *s, const struct buf *want)
{
    struct cvn_out *o = cvn_cotp_out(s->c);
    struct buf got = {0};
    if (r->memory.failed && cvn_cotp_closing(s->c) && o->octets == 0)
        return; /* an answer to an error is left out without memory */
    while (got.n < want->n && o->octets > 0) {
        struct cvn_iov iov[1];
        (void)cvn_out_iov(o, iov, 1);
        size_t n = 1 + draw(r, (unsigned)iov[0].len);
        if (n > want->n - got.n)
            n = want->n - got.n;
        buf_add(&got, iov[0].base, n);
        cvn_out_sent(o, n);
    }
    if (got.n != want->n || memcmp(got.p, want->p, want->n) != 0) {
        struct buf a = {0};
        struct buf b = {0};
        buf_hex(&a, got.p, got.n);
        buf_hex(&b, want->p, want->n);
        complain(r, "%s sends\n %s\nand should\n %s", s->name, (char *)a.p, (char *)b.p);
        buf_free(&a);
        buf_free(&b);
    }
    buf_free(&got);
}

/* ---- the lines of a vector ---- */

/* One word of a "live" line. */
static bool option(struct cvn_cotp_opts *o, const char *word, struct buf *calling,
                   struct buf *called)
{
    const char *value = strchr(word, '=');
    size_t n = value == NULL ? strlen(word) : (size_t)(value++ - word);
    if (value == NULL && strcmp(word, "expedited") == 0)
        return o->expedited = true;
    if (value == NULL && strcmp(word, "acknowledged") == 0)
        return o->acknowledged = true;
    if (value == NULL)
        return o->lenient = strcmp(word, "lenient") == 0;
    if (strncmp(word, "calling", n) == 0)
        return hex_token(value, calling);
    if (strncmp(word, "called", n) == 0)
        return hex_token(value, called);
    if (strncmp(word, "classes", n) == 0) {
        o->classes = (uint8_t)((strchr(value, '0') != NULL ? CVN_COTP_CLASS_0 : 0) |
                               (strchr(value, '2') != NULL ? CVN_COTP_CLASS_2 : 0));
        return o->classes != 0;
    }
    unsigned long number = strtoul(value, NULL, 0);
    if (strncmp(word, "reference", n) == 0)
        o->reference = (uint16_t)number;
    else if (strncmp(word, "tpdu", n) == 0)
        o->tpdu_max = (uint32_t)number;
    else
        return false;
    return number != 0;
}

static unsigned seed_bits(const struct cvn_cotp_opts *o)
{
    unsigned size = o->tpdu_max % 1024u == 0 ? COTP_SEED_SMALL : COTP_SEED_UNITS;
    return (o->initiator ? COTP_SEED_INITIATOR : 0u) | (o->expedited ? COTP_SEED_EXPEDITED : 0u) |
           (o->lenient ? COTP_SEED_LENIENT : 0u) | (o->tpdu_max == 0 ? 0u : size) |
           (o->acknowledged ? COTP_SEED_ACKNOWLEDGED : 0u) | o->classes * COTP_SEED_CLASSES;
}

static void make(struct run *r, struct side *s, char **t, int n)
{
    struct cvn_cotp_opts o = {.alloc = &r->alloc, .initiator = s == &r->sides[0]};
    struct buf calling = {0};
    struct buf called = {0};
    o.reference = o.initiator ? 1 : 2;
    for (int i = 0; i < n; i++)
        if (!option(&o, t[i], &calling, &called))
            complain(r, "unknown option %s", t[i]);
    o.calling = (struct cvn_octets){.p = calling.p, .n = calling.n};
    o.called = (struct cvn_octets){.p = called.p, .n = called.n};
    s->seed_bits = seed_bits(&o);
    int rc = cvn_cotp_new(&s->c, &o);
    if (rc == CVN_ENOMEM)
        rc = cvn_cotp_new(&s->c, &o);
    if (rc != CVN_OK)
        complain(r, "%s cannot be made: %s", s->name, cvn_err_name(rc));
    buf_free(&calling);
    buf_free(&called);
}

/* data HEADER [SLICE...] [end]; each slice stands alone in memory. */
static int request_data(struct run *r, struct side *s, char **t, int n)
{
    struct cvn_octets slices[TOKENS_MAX];
    size_t nslices = 0;
    struct buf header = {0};
    bool end = n > 1 && strcmp(t[n - 1], "end") == 0;
    for (int i = 1; i < n - (end ? 1 : 0); i++) {
        struct buf b = {0};
        if (!hex_token(t[i], i == 1 ? &header : &b))
            complain(r, "not octets: %s", t[i]);
        if (i == 1)
            continue;
        uint8_t *alone = b.n == 0 ? NULL : must(malloc(b.n));
        if (b.n > 0)
            memcpy(alone, b.p, b.n);
        assert(s->nlent < LENT_MAX);
        s->lent[s->nlent++] = alone;
        slices[nslices++] = (struct cvn_octets){.p = alone, .n = b.n};
        buf_free(&b);
    }
    struct cvn_octets h = {.p = header.p, .n = header.n};
    int rc = cvn_cotp_data(s->c, h, &r->owner, slices, nslices, end);
    buf_free(&header);
    return rc;
}

static int request_expedited(struct run *r, struct side *s, char **t, int n)
{
    struct buf b = {0};
    for (int i = 1; i < n; i++)
        if (!hex_token(t[i], &b))
            complain(r, "not octets: %s", t[i]);
    int rc = cvn_cotp_expedited(s->c, (struct cvn_octets){.p = b.p, .n = b.n});
    buf_free(&b);
    return rc;
}

static int stream_closed(struct run *r, struct side *s)
{
    struct cvn_cotp_event e = {0};
    int rc = cvn_cotp_stream_closed(s->c, &e);
    if (rc == CVN_EVENT)
        see(r, s, &e);
    return rc == CVN_EVENT || rc == CVN_NONE ? CVN_OK : rc;
}

static int request_once(struct run *r, struct side *s, char **t, int n)
{
    r->accepts = r->accepts || strcmp(t[0], "accept") == 0;
    r->refuses = r->refuses || (s == &r->sides[1] && strcmp(t[0], "disconnect") == 0);
    if (strcmp(t[0], "disconnect") == 0 && s->fed.n > 0 && (r->accepts || s == &r->sides[0]))
        s->seed_bits |= COTP_SEED_HANG_UP;
    if (strcmp(t[0], "connect") == 0)
        return cvn_cotp_connect(s->c);
    if (strcmp(t[0], "accept") == 0)
        return cvn_cotp_accept(s->c);
    if (strcmp(t[0], "disconnect") == 0)
        return cvn_cotp_disconnect(s->c,
                                   (enum cvn_cotp_reason)strtoul(n > 1 ? t[1] : "128", NULL, 10));
    if (strcmp(t[0], "data") == 0)
        return request_data(r, s, t, n);
    if (strcmp(t[0], "expedited") == 0)
        return request_expedited(r, s, t, n);
    if (strcmp(t[0], "closed") == 0)
        return stream_closed(r, s);
    complain(r, "unknown request %s", t[0]);
    return CVN_OK;
}

/* A request; "= CVN_..." at its end is what it must return. */
static void request(struct run *r, struct side *s, char **t, int n)
{
    const char *want = "CVN_OK";
    if (n > 2 && strcmp(t[n - 2], "=") == 0) {
        want = t[n - 1];
        n -= 2;
    }
    size_t before = cvn_cotp_out(s->c)->octets;
    int rc = request_once(r, s, t, n);
    if (rc == CVN_ENOMEM && r->memory.failed) {
        if (cvn_cotp_out(s->c)->octets != before)
            complain(r, "%s: a failed request left octets", s->name);
        rc = request_once(r, s, t, n);
    }
    if (strcmp(cvn_err_name(rc), want) != 0)
        complain(r, "%s: %s returns %s, not %s", s->name, t[0], cvn_err_name(rc), want);
}

static void sees(struct run *r, struct side *s, char **t, int n)
{
    struct buf want = {0};
    struct buf got = {0};
    for (int i = 0; i < n; i++)
        buf_printf(&want, "%s%.150s", i == 0 ? "" : " ", t[i]);
    if (s->nseen == 0) {
        complain(r, "%s should see %s, and sees nothing", s->name, (char *)want.p);
        buf_free(&want);
        return;
    }
    struct seen first = s->seen[0];
    memmove(&s->seen[0], &s->seen[1], --s->nseen * sizeof first);
    if (first.data) {
        buf_printf(&got, "data%s%s", first.begin ? " begin" : "", first.end ? " end" : "");
        buf_hex(&got, first.octets.p, first.octets.n);
    } else {
        buf_add(&got, first.text.p, first.text.n);
    }
    if (strcmp((char *)got.p, (char *)want.p) != 0)
        complain(r, "%s should see\n  %s\nand sees\n  %s", s->name, (char *)want.p, (char *)got.p);
    buf_free(&first.octets);
    buf_free(&first.text);
    buf_free(&want);
    buf_free(&got);
}

static void state(struct run *r, struct side *s, const char *want)
{
    static const char *const names[] = {"CLOSED", "WFCC",    "WBCL", "WFTRESP",
                                        "OPEN",   "CLOSING", "ENDED"};
    const char *got = names[cvn_cotp_state(s->c)];
    bool untold = r->memory.failed && strcmp(want, "CLOSING") == 0; /* a DR was left out */
    if (strcmp(got, want) != 0 && !(untold && strcmp(got, "ENDED") == 0))
        complain(r, "%s is in %s, not %s", s->name, got, want);
    if (cvn_cotp_closing(s->c) != (strcmp(got, "ENDED") == 0))
        complain(r, "%s: closing() does not fit the state", s->name);
}

/* "->": from the initiator to the responder. A live sender must have said them. */
static void octets(struct run *r, char **t, int n)
{
    bool forth = strcmp(t[0], "->") == 0;
    struct side *from = &r->sides[forth ? 0 : 1];
    struct side *to = &r->sides[forth ? 1 : 0];
    struct buf b = {0};
    for (int i = 1; i < n; i++)
        if (!hex_token(t[i], &b))
            complain(r, "not octets: %s", t[i]);
    if (from->c != NULL)
        expect_out(r, from, &b);
    if (to->c != NULL)
        feed(r, to, b.p, b.n);
    if (from->c == NULL && to->c == NULL)
        complain(r, "nobody is live");
    buf_free(&b);
}

static void side_line(struct run *r, struct side *s, char **t, int n)
{
    if (strcmp(t[0], "live") == 0 && s->c == NULL)
        make(r, s, t + 1, n - 1);
    else if (s->c == NULL)
        complain(r, "%s is not live", s->name);
    else if (strcmp(t[0], "sees") == 0)
        sees(r, s, t + 1, n - 1);
    else if (strcmp(t[0], "state") == 0 && n == 2)
        state(r, s, t[1]);
    else
        request(r, s, t, n);
}

static void line(struct run *r, char *text)
{
    char *t[TOKENS_MAX];
    char *save = NULL;
    int n = 0;
    for (char *at = strtok_r(text, " \t\n", &save); at != NULL && n < TOKENS_MAX && *at != '#';
         at = strtok_r(NULL, " \t\n", &save))
        t[n++] = at;
    if (n == 0)
        return;
    if (n == TOKENS_MAX)
        complain(r, "too many words");
    if (strcmp(t[0], "->") == 0 || strcmp(t[0], "<-") == 0)
        octets(r, t, n);
    else if (n > 1 && strcmp(t[0], r->sides[0].name) == 0)
        side_line(r, &r->sides[0], t + 1, n - 1);
    else if (n > 1 && strcmp(t[0], r->sides[1].name) == 0)
        side_line(r, &r->sides[1], t + 1, n - 1);
    else
        complain(r, "not understood: %s", t[0]);
}

static void write_seed(const struct run *r, const struct side *s)
{
    char path[1000];
    const char *base = strrchr(r->file, '/');
    base = base == NULL ? r->file : base + 1;
    (void)snprintf(path, sizeof path, "%s/%.*s-%02d-%s", r->seeds_folder, (int)strcspn(base, "."),
                   base, r->conversation, s->name);
    /* An initiator has nothing to answer: it talks. */
    unsigned bits = s->seed_bits | (s == &r->sides[0] || r->accepts ? COTP_SEED_TALK
                                    : r->refuses                    ? COTP_SEED_REFUSE
                                                                    : COTP_SEED_SILENT);
    const uint8_t head[COTP_SEED_HEADER] = {(uint8_t)bits, (uint8_t)(bits >> 8), COTP_SEED_WHOLE};
    FILE *f = fopen(path, "wb");
    if (f == NULL || fwrite(head, 1, sizeof head, f) != sizeof head ||
        fwrite(s->fed.p, 1, s->fed.n, f) != s->fed.n || fclose(f) != 0) {
        perror(path);
        exit(1);
    }
}

static void begin(struct run *r)
{
    r->conversation++;
    r->accepts = false;
    r->refuses = false;
    r->owner = (struct cvn_ref){.refs = 1, .drop = owner_drop};
    memset(r->sides, 0, sizeof r->sides);
    r->sides[0].name = "initiator";
    r->sides[1].name = "responder";
}

static void finish(struct run *r)
{
    for (int i = 0; i < 2; i++) {
        struct side *s = &r->sides[i];
        if (s->c != NULL && cvn_cotp_out(s->c)->octets > 0)
            complain(r, "%s has octets left to send", s->name);
        if (s->nseen > 0)
            complain(r, "%s has seen more: %s", s->name,
                     s->seen[0].data ? "data" : (char *)s->seen[0].text.p);
        for (size_t k = 0; k < s->nseen; k++) {
            buf_free(&s->seen[k].octets);
            buf_free(&s->seen[k].text);
        }
        cvn_cotp_free(s->c);
        for (size_t k = 0; k < s->nlent; k++)
            free(s->lent[k]);
        if (r->seeds_folder != NULL && s->fed.n > 0 && s->fed.n <= SEED_MAX)
            write_seed(r, s);
        buf_free(&s->fed);
    }
    if (r->memory.octets != 0)
        complain(r, "%zu octets of memory are not given back", r->memory.octets);
    if (r->owner.refs != 1)
        complain(r, "%u references on what was lent are left", (unsigned)r->owner.refs - 1);
}

/* True: passed. */
static bool run_file(struct run *r, const char *text)
{
    char *copy = must(strdup(text));
    char *next = copy;
    r->alloc = (struct cvn_alloc){.resize = memory_resize, .ctx = &r->memory};
    r->line = 1;
    if (text[0] != '#' || strcspn(text, "0123456789") > strcspn(text, "\n"))
        complain(r, "the first line does not cite a clause");
    begin(r);
    while (next != NULL && !r->bad) {
        char *at = next;
        next = strchr(at, '\n');
        if (next != NULL)
            *next++ = '\0';
        if (strcmp(at, "----") == 0) {
            finish(r);
            begin(r);
        } else {
            line(r, at);
        }
        r->line++;
    }
    finish(r);
    free(copy);
    return !r->bad;
}

static bool replay(const char *file, const char *text, enum mode mode, unsigned random,
                   long fail_at, bool *failed)
{
    struct run r = {.file = file, .mode = mode, .random = random, .memory.fail_at = fail_at};
    bool ok = run_file(&r, text);
    *failed = r.memory.failed;
    return ok;
}

static bool replay_mode(const char *file, const char *text, enum mode mode)
{
    bool failed = false;
    bool ok = true;
    if (mode == POOR) {
        failed = true;
        for (long i = 0; ok && failed; i++)
            ok = replay(file, text, mode, (unsigned)i, i, &failed);
        return ok;
    }
    for (unsigned i = 0; ok && i < (mode == RANDOM ? RANDOM_ROUNDS : 1); i++)
        ok = replay(file, text, mode, 77 + i, -1, &failed);
    return ok;
}

/* ---- files ---- */

static bool seeds(const char *folder, const char *file, const char *text)
{
    struct run r = {.file = file, .mode = WHOLE, .memory.fail_at = -1, .seeds_folder = folder};
    return run_file(&r, text);
}

static char *file_text(const char *path)
{
    FILE *f = fopen(path, "r");
    struct buf b = {0};
    char part[4096];
    size_t n = 0;
    if (f == NULL) {
        perror(path);
        exit(1);
    }
    while ((n = fread(part, 1, sizeof part, f)) > 0)
        buf_add(&b, part, n);
    (void)fclose(f);
    buf_add(&b, "", 0);
    return (char *)b.p;
}

static int is_vector(const struct dirent *d)
{
    size_t n = strlen(d->d_name);
    return n > 4 && strcmp(d->d_name + n - 4, ".txt") == 0;
}

int main(int argc, char **argv)
{
    bool seeding = argc == 4 && strcmp(argv[1], "--seeds") == 0;
    unsigned passed = 0;
    unsigned failed = 0;
    struct dirent **files = NULL;
    if (argc != 2 && !seeding) {
        (void)fprintf(stderr, "use: replay [--seeds OUT] FOLDER\n");
        return 64;
    }
    int n = scandir(argv[argc - 1], &files, is_vector, alphasort);
    for (int i = 0; i < n; i++) {
        char path[1000];
        (void)snprintf(path, sizeof path, "%s/%s", argv[argc - 1], files[i]->d_name);
        char *text = file_text(path);
        for (int m = 0; m < (seeding ? 1 : MODES); m++) {
            bool ok = seeding ? seeds(argv[2], path, text) : replay_mode(path, text, (enum mode)m);
            passed += ok;
            failed += !ok;
        }
        free(text);
        free(files[i]);
    }
    free(files);
    printf("%u passed, %u failed\n", passed, failed);
    return failed == 0 && passed > 0 ? 0 : 1;
}
