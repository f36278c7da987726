/* SPDX-License-Identifier: MIT */
/*
 * ledger - what must be true, whatever happened. Each rule has a number, which
 * docs/SIMULATOR.md explains.
 */
#include <string.h>

#include "base/rd.h"
#include "sim.h"

static bool same(const struct sim_file *f, const struct sim_version *v, bool kept)
{
    return (kept ? f->kept_len : f->len) == v->size &&
           memcmp(kept ? f->kept_octets : f->octets, v->octets, v->size) == 0;
}

/* A file that would be there after a power loss, under the item's name or one made of it. */
static bool stands(const struct sim *w, const struct sim_version *v)
{
    size_t n = strlen(w->items[v->item].name);
    for (const struct sim_file *f = w->depot.files; f != NULL; f = f->next)
        if (f->kept == SIM_FINAL && f->where == SIM_FINAL &&
            strncmp(f->name, w->items[v->item].name, n) == 0 && same(f, v, true))
            return true;
    return false;
}

/* -------- the receiver's durable records -------- */

#define STATE_AT       1u
#define PART_OFFSET_AT 47u

struct kept {
    const struct sim_version *v;
    uint64_t offset; /* up to which records speak for it */
    bool committing;
};

static int look_transfer(void *arg, struct cvn_octets key, struct cvn_octets value)
{
    struct kept *k = arg;
    struct cvn_rd r = cvn_rd_init(value.p, value.n);
    (void)key;
    cvn_rd_skip(&r, STATE_AT);
    k->committing = cvn_rd_u8(&r) >= CVN_TRANSFER_COMMITTING;
    cvn_rd_skip(&r, PART_OFFSET_AT - STATE_AT - 1);
    uint64_t offset = cvn_rd_be64(&r);
    if (!r.bad && offset > k->offset)
        k->offset = offset;
    return CVN_OK;
}

static int look_point(void *arg, struct cvn_octets key, struct cvn_octets value)
{
    struct kept *k = arg;
    struct cvn_rd r = cvn_rd_init(value.p, value.n);
    (void)key;
    uint64_t offset = cvn_rd_be64(&r);
    if (!r.bad && offset > k->offset)
        k->offset = offset;
    return CVN_OK;
}

static bool recorded(struct sim *w, const struct sim_version *v, uint64_t offset)
{
    struct kept k = {.v = v};
    uint8_t key[1 + CVN_ID];
    const struct cvn_store *s = &w->receive_store.store;
    memcpy(key + 1, v->transfer, CVN_ID);
    key[0] = 't';
    (void)s->ops->scan(s->self, (struct cvn_octets){key, sizeof key}, look_transfer, &k);
    key[0] = 'p';
    (void)s->ops->scan(s->self, (struct cvn_octets){key, sizeof key}, look_point, &k);
    return k.committing || k.offset >= offset;
}

/* Rule 3. */
static void check_durable(struct sim *w, const struct sim_version *v, uint64_t offset)
{
    const struct sim_file *f = w->depot.files;
    const char *name = w->items[v->item].name;
    sim_counts.durable_checks++;
    if (offset == 0 || v->voided || v->stripped || stands(w, v))
        return;
    while (f != NULL && (f->kept == SIM_NOWHERE || memcmp(f->id, v->transfer, CVN_ID) != 0))
        f = f->next;
    if (f == NULL)
        sim_fail(w, "%s: %llu octets were confirmed, a power loss now would leave no file", name,
                 (unsigned long long)offset);
    else if (f->kept_len < offset)
        sim_fail(w, "%s: %llu octets were confirmed, a power loss now would leave %zu", name,
                 (unsigned long long)offset, f->kept_len);
    else if (!v->flipped && memcmp(f->kept_octets, v->octets, (size_t)offset) != 0)
        sim_fail(w, "%s: of %llu confirmed octets some are not durable as they were sent", name,
                 (unsigned long long)offset);
    else if (f->kept == SIM_PARTIAL && !recorded(w, v, offset))
        sim_fail(w, "%s: %llu octets were confirmed, and no durable record says so", name,
                 (unsigned long long)offset);
}

void sim_ledger_confirmed(struct sim *w, struct sim_item *it, uint64_t offset)
{
    struct sim_version *v = sim_version_of(w, it->item.transfer);
    if (it->item.outcome == CVN_OUTCOME_COMMITTED && !stands(w, v))
        sim_fail(w, "%s: the sender believes it committed, and it does not stand there", it->name);
    if (offset > v->confirmed)
        v->confirmed = offset;
    check_durable(w, v, offset);
}

void sim_ledger_after_kill(struct sim *w)
{
    for (unsigned i = 0; i < w->nitems; i++) {
        const struct sim_version *v = sim_version_of(w, w->items[i].item.transfer);
        if (v != NULL && !v->finished)
            check_durable(w, v, v->confirmed);
    }
}

void sim_ledger_void(struct sim *w, const struct sim_item *it)
{
    for (struct sim_version *v = w->versions; v != NULL; v = v->next)
        if (it == NULL || memcmp(v->transfer, it->item.transfer, CVN_ID) == 0) {
            v->voided = true;
            v->stripped = v->stripped || it == NULL;
            v->uncounted = v->uncounted || it == NULL;
            v->furthest = 0;
        }
}

/* Rules 1 and 2. */
void sim_ledger_committed(struct sim *w, const struct cvn_transfer *t)
{
    struct sim_version *v = sim_version_of(w, t->id);
    unsigned copies = 0;
    if (v == NULL) {
        sim_fail(w, "a transfer was committed that nobody sends");
        return;
    }
    sim_counts.commits++;
    v->commits++;
    for (const struct sim_file *f = w->depot.files; f != NULL; f = f->next)
        copies += f->where == SIM_FINAL && !f->stranger && memcmp(f->id, t->id, CVN_ID) == 0;
    if (copies > 1)
        sim_fail(w, "%s was delivered %u times", w->items[v->item].name, copies);
    const struct sim_file *f = sim_depot_final(&w->depot, (const char *)t->final.p, true);
    if (f == NULL || f->where != SIM_FINAL)
        sim_fail(w, "%s was committed and does not stand durably", w->items[v->item].name);
    else if (!same(f, v, true))
        sim_fail(w, "%s was committed with other octets than were sent", w->items[v->item].name);
}

/* What somebody had removed is begun anew. */
void sim_ledger_anew(struct sim *w, const struct cvn_transfer *t)
{
    struct sim_version *v = sim_version_of(w, t->id);
    if (v == NULL || !v->stripped)
        return;
    v->stripped = false;
    v->furthest = 0;
}

/* Rule 4. */
void sim_ledger_resumed(struct sim *w, const struct cvn_transfer *t, uint64_t offset)
{
    const struct sim_version *v = sim_version_of(w, t->id);
    if (v != NULL && v->resumed != offset)
        sim_fail(w, "%s: the sender goes on at %llu, the receiver at %llu", w->items[v->item].name,
                 (unsigned long long)v->resumed, (unsigned long long)offset);
}

/* Rule 5. */
void sim_ledger_loss(struct sim *w, const struct sim_lane *l)
{
    struct sim_version *v = l->at == NULL ? NULL : sim_version_of(w, l->at->item.transfer);
    if (v != NULL)
        v->losses++;
}

void sim_ledger_read(struct sim *w, struct sim_item *it, uint64_t offset, size_t n)
{
    struct sim_version *v = sim_version_of(w, it->item.transfer);
    if (offset < v->furthest && !v->uncounted)
        v->twice += v->furthest - offset < n ? v->furthest - offset : n;
    if (offset + n > v->furthest)
        v->furthest = offset + n;
    sim_counts.octets += n;
    if (v->twice > (uint64_t)v->losses * w->window)
        sim_fail(w, "%s: %llu octets went twice after %u losses, a window is %u", it->name,
                 (unsigned long long)v->twice, v->losses, w->window);
}

/* Whether nothing of this link is on its way: then its ends must agree. */
static bool at_rest(const struct sim_rlink *r)
{
    const struct sim_lane *l = r->link->lane;
    return l != NULL && l->link == r->link && sim_link_quiet(r->link) &&
           cvn_sender_out_octets(l->sender) == 0 && cvn_receiver_out_octets(r->receiver) == 0;
}

/* Rule 6. */
void sim_ledger_idle(struct sim *w)
{
    for (const struct sim_rlink *r = w->receiving.links; r != NULL; r = r->next) {
        struct cvn_x225_vars a;
        struct cvn_x225_vars b;
        if (!at_rest(r) || !cvn_sender_vars(r->link->lane->sender, &a))
            continue;
        cvn_receiver_vars(r->receiver, &b);
        if (a.state != CVN_STA713 || b.state != CVN_STA713)
            continue;
        sim_counts.idle_checks++;
        if (a.vact != b.vact || a.units != b.units || (a.vact && (a.va != b.va || a.vm != b.vm)))
            sim_fail(w, "link %u is idle, V(A) is %u and %u, V(M) %u and %u, Vact %d and %d",
                     r->link->number, a.va, b.va, a.vm, b.vm, a.vact, b.vact);
        if ((a.tokens_owned ^ b.tokens_owned) != a.tokens_available)
            sim_fail(w, "link %u is idle, and a token is in no hand or in two", r->link->number);
    }
}

/* -------- rule 7: the end -------- */

/* A receiver whose sender gave up asking for the release still waits for it, in vain, and keeps
 * what the release would have ended. */
static int look_left(void *arg, struct cvn_octets key, struct cvn_octets value)
{
    struct sim *w = arg;
    (void)value;
    if (!w->given_up)
        sim_fail(w, "at the end the receiver still has a record of kind '%c'", key.p[0]);
    return CVN_OK;
}

static int look_left_here(void *arg, struct cvn_octets key, struct cvn_octets value)
{
    struct sim *w = arg;
    (void)value;
    sim_fail(w, "at the end the sender still has a record of kind '%c'", key.p[0]);
    return CVN_OK;
}

static void check_files(struct sim *w)
{
    for (const struct sim_file *f = w->depot.files; f != NULL; f = f->next) {
        const struct sim_version *v = sim_version_of(w, f->id);
        if (f->where == SIM_PARTIAL && !w->given_up)
            sim_fail(w, "at the end a partial file of %s is left, of %zu octets",
                     v == NULL ? "nobody" : w->items[v->item].name, f->len);
        if (f->where != SIM_FINAL || f->stranger)
            continue;
        if (v == NULL || !same(f, v, false))
            sim_fail(w, "at the end %s has other octets than were sent", f->name);
        for (const struct sim_file *g = f->next; g != NULL; g = g->next)
            if (g->where == SIM_FINAL && memcmp(f->id, g->id, CVN_ID) == 0)
                sim_fail(w, "at the end there are two copies: %s and %s", f->name, g->name);
    }
}

static void check_item(struct sim *w, const struct sim_item *it)
{
    const struct sim_version *v = sim_version_of(w, it->item.transfer);
    static const char *const names[] = {"open", "committed", "refused", "changed", "unreadable"};
    switch (it->item.outcome) {
    case CVN_OUTCOME_COMMITTED:
        if (v == NULL || !stands(w, v))
            sim_fail(w, "%s: committed, and at the end it does not stand there", it->name);
        break;
    case CVN_OUTCOME_REFUSED:
        if (it->item.trouble != CVN_TROUBLE_EXISTS && it->item.trouble != CVN_TROUBLE_IO &&
            it->item.trouble != CVN_TROUBLE_HASH)
            sim_fail(w, "%s was refused: %s", it->name, cvn_trouble_text(it->item.trouble));
        break;
    case CVN_OUTCOME_CHANGED:
        break;
    default:
        sim_fail(w, "%s: at the end it is %s", it->name, names[it->item.outcome]);
        break;
    }
}

void sim_ledger_end(struct sim *w)
{
    const struct cvn_store *r = &w->receive_store.store;
    const struct cvn_store *s = &w->send_store.store;
    struct cvn_octets all = {(const uint8_t *)"", 0};
    (void)r->ops->scan(r->self, all, look_left, w);
    if (!w->wrong_selector)
        (void)s->ops->scan(s->self, all, look_left_here, w);
    check_files(w);
    for (unsigned i = 0; i < w->nitems && !w->wrong_selector; i++)
        check_item(w, &w->items[i]);
}
