/* SPDX-License-Identifier: MIT */
/*
 * depot - a simulated folder. Each file is there twice: as programs see it, and as it
 * would be found after a power loss. A process's death keeps the first; a power loss
 * makes of both any mixture that a kernel may leave.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim.h"

#define BLOCK 512u

enum job_kind { JOB_SYNC, JOB_FINISH, JOB_PLACE };

struct sim_job {
    struct sim_job *next;
    struct sim_depot *depot;
    enum job_kind kind;
    struct cvn_transfer *t;
    struct sim_file *file;
    uint8_t *trouble;
    struct cvn_wait *wait;
    size_t len; /* of the file when the job began */
    char final[64];
    bool done_already;
    int rc;
};

void sim_digest(const uint8_t *p, size_t n, uint8_t out[SIM_DIGEST])
{
    uint64_t a = 0x9e3779b97f4a7c15u ^ n;
    uint64_t b = 0xbf58476d1ce4e5b9u + n;
    for (size_t i = 0; i < n; i += 8) {
        uint64_t v = 0;
        memcpy(&v, p + i, n - i < 8 ? n - i : 8);
        a = (a ^ v) * 0x100000001b3u;
        a ^= a >> 29;
        b = (b + v) * 0x94d049bb133111ebu;
        b ^= b >> 31;
    }
    memcpy(out, &a, 8);
    memcpy(out + 8, &b, 8);
}

static struct sim_file *file_new(struct sim_depot *d, const uint8_t *id)
{
    struct sim_file *f = calloc(1, sizeof *f);
    if (f == NULL)
        abort();
    f->octets = calloc(2, SIM_SIZE);
    if (f->octets == NULL)
        abort();
    f->kept_octets = f->octets + SIM_SIZE;
    if (id != NULL)
        memcpy(f->id, id, CVN_ID);
    f->next = d->files;
    d->files = f;
    return f;
}

struct sim_file *sim_depot_partial(struct sim_depot *d, const uint8_t id[CVN_ID])
{
    for (struct sim_file *f = d->files; f != NULL; f = f->next)
        if (f->where == SIM_PARTIAL && memcmp(f->id, id, CVN_ID) == 0)
            return f;
    return NULL;
}

struct sim_file *sim_depot_final(struct sim_depot *d, const char *name, bool kept)
{
    for (struct sim_file *f = d->files; f != NULL; f = f->next)
        if ((kept ? f->kept : f->where) == SIM_FINAL && strcmp(f->name, name) == 0)
            return f;
    return NULL;
}

struct sim_file *sim_depot_put(struct sim_depot *d, const char *name, const uint8_t *p, size_t n)
{
    struct sim_file *f = file_new(d, NULL);
    (void)snprintf(f->name, sizeof f->name, "%s", name);
    memcpy(f->octets, p, n);
    memcpy(f->kept_octets, p, n);
    f->len = f->kept_len = f->clean = n;
    f->where = f->kept = SIM_FINAL;
    f->stranger = true;
    return f;
}

static const char *name_of(const struct cvn_transfer *t)
{
    return (const char *)t->name.p;
}

/* -------- at once -------- */

static uint8_t depot_check(void *self, struct cvn_transfer *t)
{
    const struct sim_file *f = sim_depot_final(self, name_of(t), false);
    if (f != NULL && ((struct sim_depot *)self)->conflict == 0 && t->size_known &&
        t->size != f->len)
        return CVN_TROUBLE_EXISTS;
    return CVN_TROUBLE_NONE;
}

static void truncate_to(struct sim_file *f, size_t len)
{
    f->len = len;
    if (f->clean > len)
        f->clean = len;
}

static uint8_t depot_create(void *self, struct cvn_transfer *t)
{
    struct sim_depot *d = self;
    struct sim_file *f = d->files;
    while (f != NULL && (memcmp(f->id, t->id, CVN_ID) != 0 || f->where == SIM_FINAL ||
                         (f->where == SIM_NOWHERE && f->kept != SIM_PARTIAL)))
        f = f->next; /* one name, one file: also if it is gone, but not durably */
    if (f == NULL)
        f = file_new(d, t->id);
    f->where = SIM_PARTIAL;
    truncate_to(f, 0);
    t->file = f;
    return CVN_TROUBLE_NONE;
}

static uint8_t depot_cut(void *self, struct cvn_transfer *t, uint64_t offset)
{
    struct sim_file *f = sim_depot_partial(self, t->id);
    if (f == NULL || f->len < offset)
        return CVN_TROUBLE_UNFIT_RESUME;
    truncate_to(f, (size_t)offset);
    t->file = f;
    return CVN_TROUBLE_NONE;
}

static uint8_t depot_write(void *self, struct cvn_transfer *t, struct cvn_octets data)
{
    struct sim_depot *d = self;
    struct sim_file *f = t->file;
    if (f == NULL) {
        sim_fail(d->w, "octets are written to a file that is not open");
        return CVN_TROUBLE_IO;
    }
    if (d->w->now < d->no_space_until) {
        sim_counts.faults[SIM_NO_SPACE]++;
        return CVN_TROUBLE_NO_SPACE;
    }
    if (t->written + data.n > SIM_SIZE)
        return CVN_TROUBLE_TOO_BIG;
    if (t->written > f->len) {
        sim_fail(d->w, "a hole: written at %llu, the file has %zu octets",
                 (unsigned long long)t->written, f->len);
        return CVN_TROUBLE_IO;
    }
    memcpy(f->octets + t->written, data.p, data.n);
    if (d->flip_next && data.n > 0) {
        d->flip_next = false;
        sim_counts.faults[SIM_FLIP]++;
        struct sim_version *v = sim_version_of(d->w, t->id);
        if (v != NULL)
            v->flipped = true;
        f->octets[t->written + sim_below(d->w, data.n)] ^= 0x10;
    }
    if (f->clean > t->written)
        f->clean = (size_t)t->written;
    t->written += data.n;
    if (f->len < t->written)
        f->len = (size_t)t->written;
    return CVN_TROUBLE_NONE;
}

static void depot_mark(void *self, struct cvn_transfer *t)
{
    (void)self;
    (void)t;
}

static void depot_close(void *self, struct cvn_transfer *t)
{
    (void)self;
    t->file = NULL;
}

static void depot_remove(void *self, struct cvn_transfer *t)
{
    struct sim_file *f = sim_depot_partial(self, t->id);
    t->file = NULL;
    if (f != NULL)
        f->where = SIM_NOWHERE;
}

static void depot_sweep(void *self, bool (*keep)(void *arg, const uint8_t id[CVN_ID]), void *arg)
{
    struct sim_depot *d = self;
    for (struct sim_file *f = d->files; f != NULL; f = f->next)
        if (f->where == SIM_PARTIAL && !keep(arg, f->id))
            f->where = SIM_NOWHERE;
}

/* -------- jobs -------- */

static void make_durable(struct sim_file *f, size_t len)
{
    if (f->clean < len)
        memcpy(f->kept_octets + f->clean, f->octets + f->clean, len - f->clean);
    f->kept_len = len;
    f->clean = len;
    if (f->kept == SIM_NOWHERE)
        f->kept = SIM_PARTIAL;
}

static uint8_t choose_name(struct sim_job *j)
{
    struct sim_depot *d = j->depot;
    const char *name = name_of(j->t);
    const struct sim_file *there = sim_depot_final(d, name, false);
    (void)snprintf(j->final, sizeof j->final, "%s", name);
    if (there == NULL)
        return CVN_TROUBLE_NONE;
    if (d->conflict == 2) {
        for (unsigned i = 1; sim_depot_final(d, j->final, false) != NULL; i++)
            (void)snprintf(j->final, sizeof j->final, "%s.%u", name, i);
        return CVN_TROUBLE_NONE;
    }
    uint8_t digest[SIM_DIGEST];
    sim_digest(there->octets, there->len, digest);
    j->done_already =
        there->len == j->t->written && memcmp(digest, j->t->digest, sizeof digest) == 0;
    return d->conflict == 0 && !j->done_already ? CVN_TROUBLE_EXISTS : CVN_TROUBLE_NONE;
}

static uint8_t finish(struct sim_job *j)
{
    struct cvn_transfer *t = j->t;
    if (t->size_known && t->written != t->size)
        return CVN_TROUBLE_SIZE;
    if (j->file == NULL || j->file->len != t->written) {
        sim_fail(j->depot->w, "finish: the file has not the octets that were counted");
        return CVN_TROUBLE_IO;
    }
    sim_digest(j->file->octets, j->file->len, t->digest);
    if (t->expected_known && memcmp(t->digest, t->expected, SIM_DIGEST) != 0)
        return CVN_TROUBLE_HASH;
    make_durable(j->file, j->file->len);
    uint8_t trouble = choose_name(j);
    t->done_already = j->done_already;
    struct cvn_octets final = {(const uint8_t *)j->final, strlen(j->final)};
    if (trouble == CVN_TROUBLE_NONE &&
        cvn_transfer_own_final(&j->depot->w->receiving.arena.alloc, t, final) != CVN_OK)
        abort();
    return trouble;
}

static uint8_t place(struct sim_depot *d, const uint8_t id[CVN_ID], const char *final, size_t len,
                     bool done_already)
{
    struct sim_file *f = sim_depot_partial(d, id);
    struct sim_file *there = sim_depot_final(d, final, false);
    if (f == NULL) /* it was moved before, or somebody has removed it */
        return there != NULL && there->len == len ? CVN_TROUBLE_NONE : CVN_TROUBLE_IO;
    if (done_already) {
        f->where = SIM_NOWHERE;
        return CVN_TROUBLE_NONE;
    }
    if (there != NULL && d->conflict != 1)
        return CVN_TROUBLE_EXISTS;
    if (there != NULL)
        there->where = SIM_NOWHERE;
    f->where = SIM_FINAL;
    (void)snprintf(f->name, sizeof f->name, "%s", final);
    return CVN_TROUBLE_NONE;
}

/* The folder is synced: all names are as programs see them. */
static void names_durable(struct sim_depot *d)
{
    for (struct sim_file *f = d->files; f != NULL; f = f->next)
        if (f->where != SIM_PARTIAL || f->kept != SIM_NOWHERE)
            f->kept = f->where;
}

static void on_job(struct sim *w, void *arg, uint64_t tag)
{
    struct sim_job *j = arg;
    struct sim_depot *d = j->depot;
    struct sim_job **at = &d->jobs;
    if (tag != d->life)
        return; /* its process is gone, and what became of it is decided */
    uint8_t trouble = CVN_TROUBLE_NONE;
    int rc = j->rc;
    while (*at != j)
        at = &(*at)->next;
    *at = j->next;
    if (rc == CVN_OK) {
        if (j->kind == JOB_SYNC && j->file != NULL)
            make_durable(j->file, j->len);
        else if (j->kind == JOB_FINISH)
            trouble = finish(j);
        else if (j->kind == JOB_PLACE) {
            trouble = place(d, j->t->id, j->final, j->len, j->done_already);
            names_durable(d);
            j->t->file = NULL;
        }
    }
    static const char *const names[] = {"sync", "finish", "place"};
    sim_say(w, "depot: %s done, rc %d, trouble %u, at %llu", names[j->kind], rc, trouble,
            (unsigned long long)j->t->written);
    if (j->trouble != NULL)
        *j->trouble = trouble;
    struct cvn_wait *wait = j->wait;
    free(j);
    wait->done(wait, rc);
}

static int begin(struct sim_depot *d, enum job_kind kind, struct cvn_transfer *t, uint8_t *trouble,
                 struct cvn_wait *wait)
{
    struct sim *w = d->w;
    struct sim_job *j = calloc(1, sizeof *j);
    if (j == NULL)
        abort();
    *j = (struct sim_job){.depot = d, .kind = kind, .t = t, .trouble = trouble, .wait = wait};
    j->file = t->file;
    j->len = (size_t)t->written;
    if (kind == JOB_PLACE) {
        (void)snprintf(j->final, sizeof j->final, "%s", (const char *)t->final.p);
        j->done_already = t->done_already;
    }
    if (kind == JOB_SYNC && d->sync_error_next) {
        d->sync_error_next = false;
        sim_counts.faults[SIM_SYNC_ERROR]++;
        j->rc = CVN_EIO;
    }
    j->next = d->jobs;
    d->jobs = j;
    sim_at(w, 10000 + sim_below(w, w->job_delay), on_job, j, d->life);
    return CVN_OK;
}

static int depot_sync(void *self, struct cvn_transfer *t, struct cvn_wait *w)
{
    return begin(self, JOB_SYNC, t, NULL, w);
}

static int depot_finish(void *self, struct cvn_transfer *t, uint8_t *trouble, struct cvn_wait *w)
{
    return begin(self, JOB_FINISH, t, trouble, w);
}

static int depot_place(void *self, struct cvn_transfer *t, uint8_t *trouble, struct cvn_wait *w)
{
    return begin(self, JOB_PLACE, t, trouble, w);
}

const struct cvn_depot_ops sim_depot_ops = {
    .check = depot_check,
    .create = depot_create,
    .cut = depot_cut,
    .write = depot_write,
    .mark = depot_mark,
    .sync = depot_sync,
    .finish = depot_finish,
    .place = depot_place,
    .close = depot_close,
    .remove = depot_remove,
    .sweep = depot_sweep,
};

/* -------- the end of a process -------- */

/* What a kernel may leave of octets that nobody made durable. */
static void lose(struct sim *w, struct sim_file *f)
{
    if (f->clean == f->len && f->clean == f->kept_len)
        return;
    size_t low = f->len < f->kept_len ? f->len : f->kept_len;
    size_t high = f->len < f->kept_len ? f->kept_len : f->len;
    size_t len = low + (size_t)sim_below(w, high - low + 1);
    unsigned bias = (unsigned)sim_below(w, 1001);
    for (size_t i = f->clean; i < len;) {
        size_t end = i - i % BLOCK + BLOCK < len ? i - i % BLOCK + BLOCK : len;
        size_t have = f->kept_len > end ? end : f->kept_len > i ? f->kept_len : i;
        if (i >= f->len || sim_chance(w, bias)) { /* not written: what was there, or a hole */
            memcpy(f->octets + i, f->kept_octets + i, have - i);
            memset(f->octets + have, 0, end - have);
        }
        i = end;
    }
    f->len = len;
    memcpy(f->kept_octets, f->octets, len);
    f->kept_len = f->clean = len;
}

/* A rename is done whole or not at all: what it replaced is gone, or both are as before. */
static void lose_rename(struct sim *w, struct sim_depot *d, struct sim_file *f)
{
    bool back = sim_chance(w, 500);
    for (struct sim_file *g = d->files; g != NULL; g = g->next)
        if (g->where == SIM_NOWHERE && g->kept == SIM_FINAL && strcmp(f->name, g->name) == 0)
            g->where = g->kept = back ? SIM_FINAL : SIM_NOWHERE;
    f->where = f->kept = back ? SIM_PARTIAL : SIM_FINAL;
}

static void lose_names(struct sim *w, struct sim_depot *d)
{
    for (struct sim_file *f = d->files; f != NULL; f = f->next)
        if (f->where == SIM_FINAL && f->kept == SIM_PARTIAL)
            lose_rename(w, d, f);
    for (struct sim_file *f = d->files; f != NULL; f = f->next) {
        if (f->where != f->kept && sim_chance(w, 500))
            f->where = f->kept;
        f->kept = f->where;
        if (f->where == SIM_NOWHERE)
            f->len = f->kept_len = f->clean = 0;
        lose(w, f);
    }
}

void sim_depot_strip(struct sim_depot *d)
{
    for (struct sim_file *f = d->files; f != NULL; f = f->next) {
        struct sim_version *v = sim_version_of(d->w, f->id);
        if (f->where != SIM_PARTIAL || v == NULL || d->w->items[v->item].pipe)
            continue; /* what came out of a pipe cannot be sent again */
        f->where = f->kept = SIM_NOWHERE;
        v->stripped = v->uncounted = true;
        v->furthest = 0;
        sim_counts.faults[SIM_LOST_PARTIAL]++;
    }
}

void sim_depot_kill(struct sim_depot *d, bool power)
{
    struct sim *w = d->w;
    for (struct sim_job *j = d->jobs; j != NULL; j = j->next) {
        if (j->rc != CVN_OK || !sim_chance(w, 500))
            continue;
        if (j->kind == JOB_SYNC && j->file != NULL)
            make_durable(j->file, j->len);
        else if (j->kind == JOB_PLACE)
            (void)place(d, j->file == NULL ? j->t->id : j->file->id, j->final, j->len,
                        j->done_already);
    }
    while (d->jobs != NULL) { /* their events are still to come */
        struct sim_job *j = d->jobs;
        d->jobs = j->next;
        j->next = d->gone;
        d->gone = j;
    }
    d->life++;
    d->sync_error_next = false;
    d->flip_next = false;
    if (power)
        lose_names(w, d);
}

void sim_depot_init(struct sim_depot *d, struct sim *w)
{
    *d = (struct sim_depot){.w = w, .conflict = (unsigned)sim_below(w, 3)};
}

static void jobs_free(struct sim_job *j)
{
    while (j != NULL) {
        struct sim_job *next = j->next;
        free(j);
        j = next;
    }
}

void sim_depot_fini(struct sim_depot *d)
{
    jobs_free(d->jobs);
    jobs_free(d->gone);
    while (d->files != NULL) {
        struct sim_file *f = d->files;
        d->files = f->next;
        free(f->octets);
        free(f);
    }
}
