/* SPDX-License-Identifier: MIT */
/*
 * source - what a sender reads.
 *
 * Invariants
 *   I1  digest covers exactly the first `hashed` octets.
 *   I2  a file is judged unchanged by device, inode, size, mtime and ctime when its end is reached
 *       and again after its digest is made.
 *   I3  a pipe's blocks, in order, hold exactly the octets [base, got).
 */
#include "service/outbox/source.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "convene/alloc.h"
#include "crypto/hash.h"

#define BLOCK (256u << 10)
#define ALIGN 4096u
#define SPARE 8

/* A block of octets, lent to the sender and given back to its pool. */
struct block {
    struct cvn_ref ref;
    struct pool *pool;
    struct block *next;
    size_t n;
    uint8_t *octets; /* at the next page of room: the kernel copies whole pages faster */
    uint8_t room[BLOCK + ALIGN];
};

/* Outlives the source while blocks are lent. */
struct pool {
    struct block *spare;
    unsigned nspare;
    unsigned lent;
    bool closed;
};

struct cvn_source {
    struct pool *pool;
    uv_loop_t *loop;
    int fd;
    char *path;
    size_t npath;
    struct stat was;
    struct cvn_digest *digest;
    uint64_t hashed;
    bool is_pipe;
    int flags; /* of the pipe, as they were */
    bool nothing;
    struct block *first; /* pipe: what is not confirmed */
    struct block *last;
    uint64_t base;
    uint64_t got;
    bool ended;
    int error;
    size_t window;
    uv_poll_t *poll;
    bool polled;
    void (*wake)(void *ctx);
    void *ctx;
};

/* -------- blocks -------- */

static void pool_maybe_free(struct pool *p)
{
    if (!p->closed || p->lent > 0)
        return;
    while (p->spare != NULL) {
        struct block *b = p->spare;
        p->spare = b->next;
        cvn_free(cvn_alloc_std(), b, sizeof *b);
    }
    cvn_free(cvn_alloc_std(), p, sizeof *p);
}

static void block_drop(struct cvn_ref *ref)
{
    struct block *b = (struct block *)(void *)ref;
    struct pool *p = b->pool;
    p->lent--;
    if (p->nspare < SPARE && !p->closed) {
        b->next = p->spare;
        p->spare = b;
        p->nspare++;
        return;
    }
    cvn_free(cvn_alloc_std(), b, sizeof *b);
    pool_maybe_free(p);
}

static struct block *block_new(struct pool *p)
{
    struct block *b = p->spare;
    if (b != NULL) {
        p->spare = b->next;
        p->nspare--;
    } else {
        b = cvn_resize(cvn_alloc_std(), NULL, 0, sizeof *b);
        if (b == NULL)
            return NULL;
    }
    b->ref = (struct cvn_ref){.refs = 1, .drop = block_drop};
    b->octets = b->room + (ALIGN - (uintptr_t)b->room % ALIGN) % ALIGN;
    b->pool = p;
    b->next = NULL;
    b->n = 0;
    p->lent++;
    return b;
}

/* -------- making -------- */

static int source_new(struct cvn_source **out, uint8_t hash)
{
    struct cvn_source *s = cvn_new(cvn_alloc_std(), sizeof *s);
    if (s == NULL)
        return CVN_ENOMEM;
    s->fd = -1;
    s->pool = cvn_new(cvn_alloc_std(), sizeof *s->pool);
    if (s->pool == NULL ||
        (hash != CVN_HASH_NONE && cvn_digest_new(&s->digest, hash) == CVN_ENOMEM)) {
        cvn_source_free(s);
        return CVN_ENOMEM;
    }
    *out = s;
    return CVN_OK;
}

int cvn_source_file(struct cvn_source **out, uv_loop_t *loop, const char *path,
                    const struct stat *st, uint8_t hash)
{
    struct cvn_source *s;
    if (source_new(&s, hash) != CVN_OK)
        return CVN_ENOMEM;
    s->loop = loop;
    s->was = *st;
    s->npath = strlen(path) + 1;
    s->path = cvn_resize(cvn_alloc_std(), NULL, 0, s->npath);
    if (s->path == NULL) {
        cvn_source_free(s);
        return CVN_ENOMEM;
    }
    memcpy(s->path, path, s->npath);
    *out = s;
    return CVN_OK;
}

int cvn_source_nothing(struct cvn_source **out)
{
    int rc = source_new(out, CVN_HASH_NONE);
    if (rc == CVN_OK)
        (*out)->nothing = true;
    return rc;
}

static void poll_closed(uv_handle_t *h)
{
    cvn_free(cvn_alloc_std(), h, sizeof(uv_poll_t));
}

static void pipe_readable(uv_poll_t *p, int status, int events)
{
    struct cvn_source *s = p->data;
    (void)status;
    (void)events;
    (void)uv_poll_stop(p);
    s->polled = false;
    s->wake(s->ctx);
}

int cvn_source_pipe(struct cvn_source **out, uv_loop_t *loop, int fd, uint8_t hash, size_t window,
                    void (*wake)(void *ctx), void *ctx)
{
    struct cvn_source *s;
    if (source_new(&s, hash) != CVN_OK)
        return CVN_ENOMEM;
    s->loop = loop;
    s->fd = fd;
    s->is_pipe = true;
    s->window = window;
    s->wake = wake;
    s->ctx = ctx;
    s->poll = cvn_new(cvn_alloc_std(), sizeof *s->poll);
    if (s->poll == NULL) {
        cvn_source_free(s);
        return CVN_ENOMEM;
    }
    s->flags = fcntl(fd, F_GETFL);
    (void)fcntl(fd, F_SETFL, s->flags | O_NONBLOCK);
    /* A regular file on standard input cannot be polled, and never makes anyone wait. */
    if (uv_poll_init(loop, s->poll, fd) != 0) {
        cvn_free(cvn_alloc_std(), s->poll, sizeof *s->poll);
        s->poll = NULL;
    } else {
        s->poll->data = s;
    }
    *out = s;
    return CVN_OK;
}

void cvn_source_free(struct cvn_source *s)
{
    if (s == NULL)
        return;
    if (s->poll != NULL)
        uv_close((uv_handle_t *)s->poll, poll_closed);
    if (s->is_pipe) /* whoever shares it does not expect it to be as we need it */
        (void)fcntl(s->fd, F_SETFL, s->flags);
    else if (s->fd >= 0)
        (void)close(s->fd);
    while (s->first != NULL) {
        struct block *b = s->first;
        s->first = b->next;
        cvn_ref_drop(&b->ref);
    }
    cvn_digest_free(s->digest);
    cvn_free(cvn_alloc_std(), s->path, s->npath);
    if (s->pool != NULL) {
        s->pool->closed = true;
        pool_maybe_free(s->pool);
    }
    cvn_free(cvn_alloc_std(), s, sizeof *s);
}

/* -------- files -------- */

static bool unchanged(const struct cvn_source *s)
{
    struct stat now;
    return fstat(s->fd, &now) == 0 && now.st_dev == s->was.st_dev && now.st_ino == s->was.st_ino &&
           now.st_size == s->was.st_size && now.st_mtim.tv_sec == s->was.st_mtim.tv_sec &&
           now.st_mtim.tv_nsec == s->was.st_mtim.tv_nsec;
}

static int file_open(struct cvn_source *s)
{
    if (s->fd >= 0)
        return CVN_OK;
    /* A link is followed with -L, and without it was none: that it is the same file as was found
     * is judged below. O_NONBLOCK: if it has become a pipe, nobody waits for its other end. */
    s->fd = open(s->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (s->fd < 0)
        return errno == ENOENT || errno == ELOOP ? CVN_ECORRUPT : CVN_EIO;
    (void)posix_fadvise(s->fd, 0, 0, POSIX_FADV_SEQUENTIAL);
    return unchanged(s) ? CVN_OK : CVN_ECORRUPT;
}

static void digest_block(struct cvn_source *s, uint64_t offset, const uint8_t *p, size_t n)
{
    if (s->digest == NULL || s->hashed != offset)
        return;
    cvn_digest_update(s->digest, p, n);
    s->hashed += n;
}

static int file_read(struct cvn_source *s, uint64_t offset, size_t max, struct cvn_ref **owner,
                     struct cvn_octets *out)
{
    int rc = file_open(s);
    if (rc != CVN_OK)
        return rc;
    if (offset >= (uint64_t)s->was.st_size)
        return unchanged(s) ? CVN_NONE : CVN_ECORRUPT;
    struct block *b = block_new(s->pool);
    if (b == NULL)
        return CVN_ENOMEM;
    ssize_t n;
    do
        n = pread(s->fd, b->octets, max < BLOCK ? max : BLOCK, (off_t)offset);
    while (n < 0 && errno == EINTR);
    if (n <= 0) {
        cvn_ref_drop(&b->ref);
        return n == 0 ? CVN_ECORRUPT : CVN_EIO; /* shorter than it was */
    }
    b->n = (size_t)n;
    digest_block(s, offset, b->octets, b->n);
    *owner = &b->ref;
    *out = (struct cvn_octets){b->octets, b->n};
    return CVN_OK;
}

/* -------- pipes -------- */

static void pipe_wait(struct cvn_source *s)
{
    if (s->poll == NULL || s->polled)
        return;
    s->polled = true;
    (void)uv_poll_start(s->poll, UV_READABLE | UV_DISCONNECT, pipe_readable);
}

/* Reads on; CVN_OK: there is more than before. */
static int pipe_fill(struct cvn_source *s, size_t max)
{
    if (s->ended)
        return s->error != 0 ? CVN_EIO : CVN_NONE;
    struct block *b = block_new(s->pool);
    if (b == NULL)
        return CVN_ENOMEM;
    ssize_t n;
    do
        n = read(s->fd, b->octets, max < BLOCK ? max : BLOCK);
    while (n < 0 && errno == EINTR);
    if (n <= 0)
        cvn_ref_drop(&b->ref);
    if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
        pipe_wait(s);
        return CVN_MORE;
    }
    if (n <= 0) {
        s->ended = true;
        s->error = n < 0 ? errno : 0;
        return n < 0 ? CVN_EIO : CVN_NONE;
    }
    b->n = (size_t)n;
    digest_block(s, s->got, b->octets, b->n);
    s->got += b->n;
    if (s->first == NULL)
        s->first = b;
    else
        s->last->next = b;
    s->last = b;
    return CVN_OK;
}

static int pipe_read(struct cvn_source *s, uint64_t offset, size_t max, struct cvn_ref **owner,
                     struct cvn_octets *out)
{
    uint64_t at = s->base;
    if (offset < s->base)
        return CVN_ECORRUPT; /* it was confirmed, and let go */
    if (offset == s->got) {
        int rc = pipe_fill(s, max);
        if (rc != CVN_OK)
            return rc;
    }
    for (struct block *b = s->first; b != NULL; b = b->next) {
        if (offset < at + b->n) {
            size_t skip = (size_t)(offset - at);
            cvn_ref_hold(&b->ref);
            *owner = &b->ref;
            *out = (struct cvn_octets){b->octets + skip, b->n - skip < max ? b->n - skip : max};
            return CVN_OK;
        }
        at += b->n;
    }
    return CVN_ECORRUPT;
}

void cvn_source_forget(struct cvn_source *s, uint64_t offset)
{
    if (!s->is_pipe)
        return;
    while (s->first != NULL && s->base + s->first->n <= offset) {
        struct block *b = s->first;
        s->first = b->next;
        s->base += b->n;
        cvn_ref_drop(&b->ref);
    }
}

int cvn_source_read(struct cvn_source *s, uint64_t offset, size_t max, struct cvn_ref **owner,
                    struct cvn_octets *block)
{
    if (s->nothing)
        return CVN_NONE;
    return s->is_pipe ? pipe_read(s, offset, max, owner, block)
                      : file_read(s, offset, max, owner, block);
}

/* -------- the digest -------- */

struct digest_job {
    uv_work_t work;
    struct cvn_source *source;
    struct cvn_item *item;
    struct cvn_wait *wait;
    int rc;
};

static void digest_run(uv_work_t *w)
{
    struct digest_job *j = w->data;
    struct cvn_source *s = j->source;
    uint8_t *buf = cvn_resize(cvn_alloc_std(), NULL, 0, BLOCK);
    uint64_t size = s->is_pipe ? s->got : (uint64_t)s->was.st_size;
    j->rc = buf == NULL ? CVN_ENOMEM : CVN_OK;
    while (j->rc == CVN_OK && s->hashed < size) {
        ssize_t n = pread(s->fd, buf, BLOCK, (off_t)s->hashed);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0) {
            j->rc = n == 0 ? CVN_ECORRUPT : CVN_EIO;
            break;
        }
        digest_block(s, s->hashed, buf, (size_t)n);
    }
    cvn_free(cvn_alloc_std(), buf, BLOCK);
    if (j->rc == CVN_OK && !s->is_pipe && !unchanged(s))
        j->rc = CVN_ECORRUPT; /* I2 */
    if (j->rc == CVN_OK)
        j->rc = cvn_digest_final(s->digest, j->item->digest) == CVN_OK ? CVN_OK : CVN_EIO;
}

static void digest_done(uv_work_t *w, int status)
{
    struct digest_job *j = w->data;
    struct cvn_wait *wait = j->wait;
    int rc = status != 0 ? CVN_EIO : j->rc;
    cvn_free(cvn_alloc_std(), j, sizeof *j);
    wait->done(wait, rc);
}

int cvn_source_digest(struct cvn_source *s, struct cvn_item *it, struct cvn_wait *w)
{
    if (s->digest == NULL || (!s->is_pipe && file_open(s) != CVN_OK))
        return CVN_EIO;
    struct digest_job *j = cvn_new(cvn_alloc_std(), sizeof *j);
    if (j == NULL)
        return CVN_ENOMEM;
    *j = (struct digest_job){.source = s, .item = it, .wait = w};
    j->work.data = j;
    int rc = uv_queue_work(s->loop, &j->work, digest_run, digest_done);
    assert(rc == 0);
    (void)rc;
    return CVN_OK;
}
