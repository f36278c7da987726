/* SPDX-License-Identifier: MIT */
/*
 * sqlite - the embedded store.
 *
 * Invariants
 *   I1  the connection is used by one thread at a time: scan() waits for the batch at work.
 *   I2  a batch is all of the puts that came while the one before was being committed, in order;
 *       it is committed whole or not at all.
 *   I3  after a failed commit every later put fails too: nothing may be confirmed out of order.
 */
#include "store/sqlite/sqlite.h"

#include <assert.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>

#include "convene/alloc.h"
#include "crypto/hash.h"
#include "os/linux/faults.h"

#define SUM 8u

struct change {
    struct change *next;
    size_t size; /* of this allocation */
    size_t nkey;
    size_t nvalue; /* with its checksum; 0: delete */
    bool prefix;
    uint8_t octets[];
};

struct batch {
    struct change *first;
    struct change **last;
    struct cvn_wait *waits;
    struct cvn_wait **last_wait;
};

struct cvn_sqlite {
    uv_loop_t *loop;
    sqlite3 *db;
    sqlite3_stmt *put;
    sqlite3_stmt *del;
    sqlite3_stmt *del_prefix;
    struct batch gathering;
    struct batch working;
    bool busy;
    bool broken;
    int rc;
    uv_work_t work;
    uv_mutex_t lock;
    char text[160];
};

static void batch_init(struct batch *b)
{
    *b = (struct batch){.first = NULL, .waits = NULL};
    b->last = &b->first;
    b->last_wait = &b->waits;
}

static void changes_free(struct change *c)
{
    while (c != NULL) {
        struct change *next = c->next;
        cvn_free(cvn_alloc_std(), c, c->size);
        c = next;
    }
}

static int prepare(struct cvn_sqlite *s)
{
    static const char *const setup[] = {
        "PRAGMA busy_timeout=30000",
        "PRAGMA journal_mode=WAL",
        "PRAGMA synchronous=FULL",
        "CREATE TABLE IF NOT EXISTS kept (k BLOB PRIMARY KEY, v BLOB NOT NULL) WITHOUT ROWID",
    };
    for (size_t i = 0; i < sizeof setup / sizeof setup[0]; i++)
        if (sqlite3_exec(s->db, setup[i], NULL, NULL, NULL) != SQLITE_OK)
            return CVN_EIO;
    const unsigned flags = SQLITE_PREPARE_PERSISTENT;
    if (sqlite3_prepare_v3(s->db, "INSERT OR REPLACE INTO kept VALUES (?1, ?2)", -1, flags, &s->put,
                           NULL) != SQLITE_OK ||
        sqlite3_prepare_v3(s->db, "DELETE FROM kept WHERE k = ?1", -1, flags, &s->del, NULL) !=
            SQLITE_OK ||
        sqlite3_prepare_v3(s->db, "DELETE FROM kept WHERE k >= ?1 AND k < ?2", -1, flags,
                           &s->del_prefix, NULL) != SQLITE_OK)
        return CVN_EIO;
    return CVN_OK;
}

int cvn_sqlite_open(struct cvn_sqlite **out, uv_loop_t *loop, const char *path, char *text,
                    size_t cap)
{
    struct cvn_sqlite *s = cvn_new(cvn_alloc_std(), sizeof *s);
    if (s == NULL)
        return CVN_ENOMEM;
    s->loop = loop;
    batch_init(&s->gathering);
    batch_init(&s->working);
    if (uv_mutex_init(&s->lock) != 0) {
        cvn_free(cvn_alloc_std(), s, sizeof *s);
        return CVN_ENOMEM;
    }
    int rc = sqlite3_open_v2(path, &s->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, NULL);
    if (rc != SQLITE_OK || prepare(s) != CVN_OK) {
        (void)snprintf(text, cap, "%s", s->db == NULL ? "no memory" : sqlite3_errmsg(s->db));
        rc = s->db == NULL || sqlite3_errcode(s->db) == SQLITE_NOMEM ? CVN_ENOMEM : CVN_EIO;
        cvn_sqlite_close(s);
        return rc;
    }
    *out = s;
    return CVN_OK;
}

bool cvn_sqlite_idle(const struct cvn_sqlite *s)
{
    return !s->busy && s->gathering.waits == NULL;
}

void cvn_sqlite_close(struct cvn_sqlite *s)
{
    if (s == NULL)
        return;
    assert(cvn_sqlite_idle(s));
    (void)sqlite3_finalize(s->put);
    (void)sqlite3_finalize(s->del);
    (void)sqlite3_finalize(s->del_prefix);
    (void)sqlite3_close(s->db);
    uv_mutex_destroy(&s->lock);
    cvn_free(cvn_alloc_std(), s, sizeof *s);
}

const char *cvn_sqlite_text(const struct cvn_sqlite *s)
{
    return s->text;
}

/* -------- the worker -------- */

/* The first key after all that begin with this one; false: there is none. */
static bool after_prefix(uint8_t *key, size_t *n)
{
    while (*n > 0 && key[*n - 1] == 0xff)
        (*n)--;
    if (*n == 0)
        return false;
    key[*n - 1]++;
    return true;
}

static int apply(struct cvn_sqlite *s, const struct change *c)
{
    uint8_t end[CVN_STORE_KEY_MAX];
    size_t nend = c->nkey;
    sqlite3_stmt *st = c->nvalue > 0 ? s->put : c->prefix ? s->del_prefix : s->del;
    int rc = sqlite3_bind_blob(st, 1, c->octets, (int)c->nkey, SQLITE_STATIC);
    if (rc == SQLITE_OK && st == s->put)
        rc = sqlite3_bind_blob(st, 2, c->octets + c->nkey, (int)c->nvalue, SQLITE_STATIC);
    if (rc == SQLITE_OK && st == s->del_prefix) {
        memcpy(end, c->octets, c->nkey);
        bool some = after_prefix(end, &nend);
        assert(some);
        rc = some ? sqlite3_bind_blob(st, 2, end, (int)nend, SQLITE_STATIC) : SQLITE_MISUSE;
    }
    if (rc == SQLITE_OK) {
        rc = sqlite3_step(st);
        rc = rc == SQLITE_DONE ? SQLITE_OK : rc;
    }
    (void)sqlite3_reset(st);
    (void)sqlite3_clear_bindings(st);
    return rc;
}

static int rc_of(int rc)
{
    switch (rc & 0xff) {
    case SQLITE_OK:
        return CVN_OK;
    case SQLITE_NOMEM:
        return CVN_ENOMEM;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return CVN_ECORRUPT;
    default:
        return CVN_EIO;
    }
}

static int commit(struct cvn_sqlite *s)
{
    int rc = sqlite3_exec(s->db, "BEGIN IMMEDIATE", NULL, NULL, NULL);
    for (struct change *c = s->working.first; rc == SQLITE_OK && c != NULL; c = c->next)
        rc = apply(s, c);
    if (rc == SQLITE_OK) {
        cvn_fault_step("before commit");
        rc = sqlite3_exec(s->db, "COMMIT", NULL, NULL, NULL);
        cvn_fault_step("after commit");
    }
    if (rc == SQLITE_OK)
        return CVN_OK;
    (void)snprintf(s->text, sizeof s->text, "%s", sqlite3_errmsg(s->db));
    (void)sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
    return rc_of(rc);
}

static void work(uv_work_t *w)
{
    struct cvn_sqlite *s = w->data;
    uv_mutex_lock(&s->lock);
    s->rc = commit(s);
    uv_mutex_unlock(&s->lock);
}

static void begin(struct cvn_sqlite *s);

static void worked(uv_work_t *w, int status)
{
    struct cvn_sqlite *s = w->data;
    int rc = status != 0 ? CVN_EIO : s->rc;
    struct cvn_wait *wait = s->working.waits;
    changes_free(s->working.first);
    batch_init(&s->working);
    s->busy = false;
    s->broken = s->broken || rc != CVN_OK; /* I3 */
    if (s->gathering.waits != NULL)
        begin(s);
    while (wait != NULL) {
        struct cvn_wait *next = wait->next;
        wait->next = NULL;
        wait->done(wait, rc);
        wait = next;
    }
}

static void begin(struct cvn_sqlite *s)
{
    s->working = s->gathering;
    if (s->working.first == NULL)
        s->working.last = &s->working.first;
    batch_init(&s->gathering);
    s->busy = true;
    s->work.data = s;
    if (s->broken) {
        s->rc = CVN_EIO;
        changes_free(s->working.first);
        s->working.first = NULL;
    }
    int rc = uv_queue_work(s->loop, &s->work, work, worked);
    assert(rc == 0); /* fails only without a work callback */
    (void)rc;
}

/* -------- the face -------- */

static struct change *change_of(const struct cvn_store_put *p)
{
    size_t nvalue = p->value.p == NULL ? 0 : p->value.n + SUM;
    size_t size = sizeof(struct change) + p->key.n + nvalue;
    struct change *c = cvn_new(cvn_alloc_std(), size);
    if (c == NULL)
        return NULL;
    c->size = size;
    c->nkey = p->key.n;
    c->nvalue = nvalue;
    c->prefix = p->prefix;
    memcpy(c->octets, p->key.p, p->key.n);
    if (nvalue > 0) {
        uint64_t sum = cvn_checksum(p->key.p, p->key.n, p->value.p, p->value.n);
        memcpy(c->octets + c->nkey, &sum, SUM);
        memcpy(c->octets + c->nkey + SUM, p->value.p, p->value.n);
    }
    return c;
}

static int put(void *self, const struct cvn_store_put *puts, size_t n, struct cvn_wait *w)
{
    struct cvn_sqlite *s = self;
    struct change *first = NULL;
    struct change **last = &first;
    for (size_t i = 0; i < n; i++) {
        assert(puts[i].key.n <= CVN_STORE_KEY_MAX && puts[i].value.n <= CVN_STORE_VALUE_MAX);
        *last = change_of(&puts[i]);
        if (*last == NULL) {
            changes_free(first);
            return CVN_ENOMEM;
        }
        last = &(*last)->next;
    }
    if (first != NULL) {
        *s->gathering.last = first;
        s->gathering.last = last;
    }
    w->next = NULL;
    w->pending = true;
    *s->gathering.last_wait = w;
    s->gathering.last_wait = &w->next;
    if (!s->busy)
        begin(s);
    return CVN_OK;
}

static int one_row(sqlite3_stmt *st, int (*each)(void *, struct cvn_octets, struct cvn_octets),
                   void *arg, bool *corrupt)
{
    struct cvn_octets key = {sqlite3_column_blob(st, 0), (size_t)sqlite3_column_bytes(st, 0)};
    struct cvn_octets v = {sqlite3_column_blob(st, 1), (size_t)sqlite3_column_bytes(st, 1)};
    uint64_t sum;
    if ((key.p == NULL || v.p == NULL) && sqlite3_errcode(sqlite3_db_handle(st)) == SQLITE_NOMEM)
        return CVN_ENOMEM; /* not a record that is damaged */
    if (v.n < SUM) {
        *corrupt = true;
        return CVN_OK;
    }
    memcpy(&sum, v.p, SUM);
    if (sum != cvn_checksum(key.p, key.n, v.p + SUM, v.n - SUM)) {
        *corrupt = true;
        return CVN_OK;
    }
    return each(arg, key, (struct cvn_octets){v.p + SUM, v.n - SUM});
}

static int scan(void *self, struct cvn_octets prefix,
                int (*each)(void *arg, struct cvn_octets key, struct cvn_octets value), void *arg)
{
    struct cvn_sqlite *s = self;
    sqlite3_stmt *st = NULL;
    uint8_t end[CVN_STORE_KEY_MAX];
    size_t nend = prefix.n;
    bool corrupt = false;
    int result = CVN_OK;
    assert(prefix.n > 0 && prefix.n <= sizeof end);
    memcpy(end, prefix.p, prefix.n);
    if (!after_prefix(end, &nend))
        return CVN_EINVAL;
    uv_mutex_lock(&s->lock); /* I1 */
    int rc = sqlite3_prepare_v2(s->db, "SELECT k, v FROM kept WHERE k >= ?1 AND k < ?2 ORDER BY k",
                                -1, &st, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_bind_blob(st, 1, prefix.p, (int)prefix.n, SQLITE_STATIC);
    if (rc == SQLITE_OK)
        rc = sqlite3_bind_blob(st, 2, end, (int)nend, SQLITE_STATIC);
    while (rc == SQLITE_OK && result == CVN_OK) {
        int step = sqlite3_step(st);
        if (step == SQLITE_DONE)
            break;
        if (step != SQLITE_ROW)
            rc = step;
        else
            result = one_row(st, each, arg, &corrupt);
    }
    (void)sqlite3_finalize(st);
    uv_mutex_unlock(&s->lock);
    if (rc != SQLITE_OK)
        return rc_of(rc);
    return result != CVN_OK ? result : corrupt ? CVN_ECORRUPT : CVN_OK;
}

struct cvn_store cvn_sqlite_store(struct cvn_sqlite *s)
{
    static const struct cvn_store_ops ops = {.put = put, .scan = scan};
    return (struct cvn_store){.ops = &ops, .self = s};
}
