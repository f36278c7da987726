/* SPDX-License-Identifier: MIT */
/*
 * store - a simulated store: puts become durable one after another, each some time
 * after it was made; scans see what is durable. After an error it takes nothing more
 * until the next process opens it.
 */
#include <stdlib.h>
#include <string.h>

#include "sim.h"

struct sim_entry {
    uint8_t key[CVN_STORE_KEY_MAX];
    size_t nkey;
    uint8_t *value;
    size_t nvalue;
};

struct change {
    uint8_t key[CVN_STORE_KEY_MAX];
    size_t nkey;
    uint8_t *value; /* NULL: delete */
    size_t nvalue;
    bool prefix;
};

struct sim_put {
    struct sim_put *next;
    struct cvn_wait *wait;
    bool fails;
    size_t n;
    struct change changes[];
};

static int order(const uint8_t *a, size_t na, const uint8_t *b, size_t nb)
{
    int c = memcmp(a, b, na < nb ? na : nb);
    return c != 0 ? c : na < nb ? -1 : na > nb;
}

/* The first entry that is not before the key. */
static size_t find(const struct sim_store *s, const uint8_t *key, size_t nkey)
{
    size_t low = 0;
    size_t high = s->n;
    while (low < high) {
        size_t mid = (low + high) / 2;
        if (order(s->entries[mid].key, s->entries[mid].nkey, key, nkey) < 0)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

static bool begins(const struct sim_entry *e, const uint8_t *key, size_t nkey)
{
    return e->nkey >= nkey && memcmp(e->key, key, nkey) == 0;
}

static void delete (struct sim_store *s, const struct change *c)
{
    size_t at = find(s, c->key, c->nkey);
    size_t end = at;
    while (end < s->n &&
           (c->prefix ? begins(&s->entries[end], c->key, c->nkey)
                      : order(s->entries[end].key, s->entries[end].nkey, c->key, c->nkey) == 0))
        free(s->entries[end++].value);
    if (end == at)
        return;
    memmove(s->entries + at, s->entries + end, (s->n - end) * sizeof *s->entries);
    s->n -= end - at;
}

static void insert(struct sim_store *s, struct change *c)
{
    size_t at = find(s, c->key, c->nkey);
    if (at < s->n && order(s->entries[at].key, s->entries[at].nkey, c->key, c->nkey) == 0) {
        free(s->entries[at].value);
    } else {
        if (s->n == s->cap) {
            s->cap = s->cap == 0 ? 32 : s->cap * 2;
            s->entries = realloc(s->entries, s->cap * sizeof *s->entries);
            if (s->entries == NULL)
                abort();
        }
        memmove(s->entries + at + 1, s->entries + at, (s->n - at) * sizeof *s->entries);
        s->n++;
    }
    struct sim_entry *e = &s->entries[at];
    memcpy(e->key, c->key, c->nkey);
    e->nkey = c->nkey;
    e->value = c->value;
    e->nvalue = c->nvalue;
    c->value = NULL;
}

static void put_free(struct sim_put *p)
{
    for (size_t i = 0; i < p->n; i++)
        free(p->changes[i].value);
    free(p);
}

static void apply(struct sim_store *s, struct sim_put *p)
{
    for (size_t i = 0; i < p->n; i++) {
        if (p->changes[i].value == NULL)
            delete (s, &p->changes[i]);
        else
            insert(s, &p->changes[i]);
    }
}

static struct sim_put *first_off(struct sim_store *s)
{
    struct sim_put *p = s->first;
    s->first = p->next;
    if (s->first == NULL)
        s->last = &s->first;
    return p;
}

static void on_durable(struct sim *w, void *arg, uint64_t tag)
{
    struct sim_store *s = arg;
    if (tag != s->life || s->first == NULL)
        return;
    struct sim_put *p = first_off(s);
    struct cvn_wait *wait = p->wait;
    bool fails = p->fails || s->broken;
    if (fails)
        s->broken = true;
    else
        apply(s, p);
    sim_say(w, "%s: put %s", s->name, fails ? "fails" : "durable");
    put_free(p);
    wait->done(wait, fails ? CVN_EIO : CVN_OK);
}

static cvn_time delay_of(struct sim_store *s)
{
    struct sim *w = s->w;
    cvn_time d = 20000 + sim_below(w, w->store_delay);
    if (sim_fault_take(w, 5, SIM_STORE_DELAY))
        d += 100 * SIM_MS + sim_below(w, 5 * SIM_S);
    return d;
}

static int store_put(void *self, const struct cvn_store_put *puts, size_t n, struct cvn_wait *wait)
{
    struct sim_store *s = self;
    struct sim_put *p = calloc(1, sizeof *p + n * sizeof p->changes[0]);
    if (p == NULL)
        abort();
    p->wait = wait;
    p->n = n;
    p->fails = s->fail_next;
    if (s->fail_next)
        sim_counts.faults[s->fail_count]++;
    s->fail_next = false;
    for (size_t i = 0; i < n; i++) {
        struct change *c = &p->changes[i];
        if (puts[i].key.n > sizeof c->key || puts[i].value.n > CVN_STORE_VALUE_MAX)
            sim_fail(s->w, "%s: a key or value is too long", s->name);
        memcpy(c->key, puts[i].key.p, puts[i].key.n);
        c->nkey = puts[i].key.n;
        c->prefix = puts[i].prefix;
        if (puts[i].value.p == NULL)
            continue;
        c->value = malloc(puts[i].value.n + 1);
        if (c->value == NULL)
            abort();
        memcpy(c->value, puts[i].value.p, puts[i].value.n);
        c->nvalue = puts[i].value.n;
    }
    *s->last = p;
    s->last = &p->next;
    cvn_time at = s->w->now + delay_of(s);
    s->free_at = at > s->free_at ? at : s->free_at;
    sim_at(s->w, s->free_at - s->w->now, on_durable, s, s->life);
    return CVN_OK;
}

static int store_scan(void *self, struct cvn_octets prefix,
                      int (*each)(void *arg, struct cvn_octets key, struct cvn_octets value),
                      void *arg)
{
    struct sim_store *s = self;
    for (size_t i = find(s, prefix.p, prefix.n); i < s->n; i++) {
        struct sim_entry *e = &s->entries[i];
        if (!begins(e, prefix.p, prefix.n))
            break;
        int rc = each(arg, (struct cvn_octets){e->key, e->nkey},
                      (struct cvn_octets){e->value, e->nvalue});
        if (rc != 0)
            return rc;
    }
    return CVN_OK;
}

static const struct cvn_store_ops store_ops = {.put = store_put, .scan = store_scan};

void sim_store_init(struct sim_store *s, struct sim *w, const char *name, enum sim_fault fail)
{
    *s = (struct sim_store){.w = w, .name = name, .fail_count = fail};
    s->store = (struct cvn_store){.ops = &store_ops, .self = s};
    s->last = &s->first;
}

void sim_store_fini(struct sim_store *s)
{
    while (s->first != NULL)
        put_free(first_off(s));
    for (size_t i = 0; i < s->n; i++)
        free(s->entries[i].value);
    free(s->entries);
}

void sim_store_kill(struct sim_store *s)
{
    size_t pending = 0;
    for (const struct sim_put *p = s->first; p != NULL; p = p->next)
        pending++;
    size_t through = s->broken ? 0 : (size_t)sim_below(s->w, pending + 1);
    for (size_t i = 0; s->first != NULL; i++) {
        struct sim_put *p = first_off(s);
        if (p->fails)
            through = i;
        if (i < through)
            apply(s, p);
        put_free(p);
    }
    s->life++;
    s->free_at = s->w->now;
    s->broken = false;
    s->fail_next = false;
}

bool sim_store_idle(const struct sim_store *s)
{
    return s->first == NULL;
}
