/* SPDX-License-Identifier: MIT */
/*
 * depot - the folder side of an inbox.
 *
 * Invariants
 *   I1  a file has at most one job on a worker thread at a time (the inbox asks for one after
 *       another), and only that job touches digest and descriptor meanwhile; what the loop
 *       writes then goes by pwrite to other octets and leaves the digest behind.
 *   I2  digest covers exactly the first `hashed` octets of the file.
 */
#include "service/inbox/depot.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "convene/alloc.h"
#include "crypto/hash.h"
#include "os/linux/beneath.h"
#include "os/linux/faults.h"

#define PARTIAL    ".convene"
#define MARKS      8u
#define READ_BLOCK (1u << 18)
#define WRITE_IOV  16u /* slices in one write */

struct mark {
    uint64_t offset;
    struct cvn_digest *digest;
};

struct file {
    int fd;
    struct cvn_digest *digest;
    uint64_t hashed;
    struct mark marks[MARKS];
    unsigned next_mark;
};

struct cvn_depot {
    uv_loop_t *loop;
    int dir;
    int partial; /* DIR/.convene; -1 until it is needed */
    enum cvn_conflict conflict;
};

struct job {
    uv_work_t work;
    struct cvn_depot *depot;
    struct cvn_transfer *t;
    struct cvn_wait *wait;
    uint8_t *trouble;
    uint8_t found;
    int rc;
    void (*run)(struct job *j);
};

int cvn_depot_open(struct cvn_depot **out, uv_loop_t *loop, const char *dir,
                   enum cvn_conflict conflict)
{
    struct cvn_depot *d = cvn_new(cvn_alloc_std(), sizeof *d);
    if (d == NULL)
        return CVN_ENOMEM;
    d->loop = loop;
    d->conflict = conflict;
    d->partial = -1;
    d->dir = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (d->dir < 0) {
        cvn_free(cvn_alloc_std(), d, sizeof *d);
        return CVN_EIO;
    }
    d->partial = cvn_open_beneath(d->dir, PARTIAL, O_RDONLY | O_DIRECTORY, 0);
    *out = d;
    return CVN_OK;
}

static void drop_partial_folder(struct cvn_depot *d)
{
    if (unlinkat(d->dir, PARTIAL, AT_REMOVEDIR) != 0)
        return; /* not empty: something is unfinished */
    if (d->partial >= 0)
        (void)close(d->partial);
    d->partial = -1;
}

void cvn_depot_close(struct cvn_depot *d)
{
    if (d == NULL)
        return;
    drop_partial_folder(d);
    if (d->partial >= 0)
        (void)close(d->partial);
    (void)close(d->dir);
    cvn_free(cvn_alloc_std(), d, sizeof *d);
}

static uint8_t trouble_of(int err)
{
    switch (err) {
    case ENOSPC:
    case EDQUOT:
    case EMFILE:
    case ENFILE:
    case ENOMEM:
        return CVN_TROUBLE_NO_SPACE;
    case EACCES:
    case EPERM:
    case EROFS:
        return CVN_TROUBLE_PERMISSION;
    case EEXIST:
    case EISDIR:
        return CVN_TROUBLE_EXISTS;
    case ENOTDIR:
    case ELOOP:
    case EXDEV:
    case ENAMETOOLONG:
    case EINVAL:
        return CVN_TROUBLE_NAME;
    default:
        return CVN_TROUBLE_IO;
    }
}

static void partial_name(const uint8_t id[CVN_ID], char out[2 * CVN_ID + 1])
{
    for (size_t i = 0; i < CVN_ID; i++)
        (void)snprintf(out + 2 * i, 3, "%02x", id[i]);
}

static int partial_folder(struct cvn_depot *d)
{
    if (d->partial >= 0)
        return 0;
    if (mkdirat(d->dir, PARTIAL, 0700) != 0 && errno != EEXIST)
        return -1;
    if (fsync(d->dir) != 0)
        return -1;
    d->partial = cvn_open_beneath(d->dir, PARTIAL, O_RDONLY | O_DIRECTORY, 0);
    return d->partial < 0 ? -1 : 0;
}

/* -------- one partial file -------- */

static void file_free(struct file *f)
{
    if (f == NULL)
        return;
    if (f->fd >= 0)
        (void)close(f->fd);
    cvn_digest_free(f->digest);
    for (size_t i = 0; i < MARKS; i++)
        cvn_digest_free(f->marks[i].digest);
    cvn_free(cvn_alloc_std(), f, sizeof *f);
}

static uint8_t file_open(struct cvn_depot *d, struct cvn_transfer *t, int flags)
{
    char name[2 * CVN_ID + 1];
    if (t->file != NULL)
        return CVN_TROUBLE_NONE;
    struct file *f = cvn_new(cvn_alloc_std(), sizeof *f);
    if (f == NULL)
        return CVN_TROUBLE_NO_SPACE;
    f->fd = -1;
    if (t->hash != CVN_HASH_NONE && cvn_digest_new(&f->digest, t->hash) == CVN_ENOMEM) {
        file_free(f);
        return CVN_TROUBLE_NO_SPACE;
    }
    partial_name(t->id, name);
    if (partial_folder(d) == 0)
        f->fd = cvn_open_beneath(d->partial, name, O_RDWR | flags, 0600);
    if (f->fd < 0) {
        uint8_t trouble = trouble_of(errno);
        file_free(f);
        return trouble;
    }
    t->file = f;
    return CVN_TROUBLE_NONE;
}

static void depot_close_file(void *self, struct cvn_transfer *t)
{
    (void)self;
    file_free(t->file);
    t->file = NULL;
}

static void marks_forget(struct file *f)
{
    for (size_t i = 0; i < MARKS; i++) {
        cvn_digest_free(f->marks[i].digest);
        f->marks[i] = (struct mark){0, NULL};
    }
}

static uint8_t depot_create(void *self, struct cvn_transfer *t)
{
    if (t->kind != CVN_KIND_FILE)
        return CVN_TROUBLE_NONE;
    uint8_t trouble = file_open(self, t, O_CREAT);
    if (trouble != CVN_TROUBLE_NONE)
        return trouble;
    struct file *f = t->file;
    if (ftruncate(f->fd, 0) != 0)
        return trouble_of(errno);
    marks_forget(f);
    f->hashed = 0;
    if (f->digest != NULL)
        cvn_digest_reset(f->digest);
    return CVN_TROUBLE_NONE;
}

/* The digest as it was at offset, if a mark kept it; else from the beginning (finish reads on). */
static void digest_back(struct file *f, uint64_t offset)
{
    if (f->digest == NULL || f->hashed <= offset)
        return;
    for (size_t i = 0; i < MARKS; i++) {
        if (f->marks[i].digest != NULL && f->marks[i].offset == offset &&
            cvn_digest_copy(f->digest, f->marks[i].digest) == CVN_OK) {
            f->hashed = offset;
            return;
        }
    }
    cvn_digest_reset(f->digest);
    f->hashed = 0;
}

static uint8_t depot_cut(void *self, struct cvn_transfer *t, uint64_t offset)
{
    struct stat st;
    if (t->kind != CVN_KIND_FILE)
        return CVN_TROUBLE_NONE;
    uint8_t trouble = file_open(self, t, 0);
    if (trouble != CVN_TROUBLE_NONE)
        return trouble == CVN_TROUBLE_IO ? CVN_TROUBLE_UNFIT_RESUME : trouble;
    struct file *f = t->file;
    if (fstat(f->fd, &st) != 0 || (uint64_t)st.st_size < offset)
        return CVN_TROUBLE_UNFIT_RESUME;
    if (ftruncate(f->fd, (off_t)offset) != 0)
        return trouble_of(errno);
    digest_back(f, offset);
    return CVN_TROUBLE_NONE;
}

/* All of the octets of iov, from offset on. */
static uint8_t write_iov(int fd, struct iovec *iov, size_t n, uint64_t offset)
{
    while (n > 0) {
        ssize_t done = pwritev(fd, iov, (int)n, (off_t)offset);
        if (done < 0 && errno == EINTR)
            continue;
        if (done <= 0)
            return done == 0 ? CVN_TROUBLE_IO : trouble_of(errno);
        offset += (uint64_t)done;
        for (; n > 0 && (size_t)done >= iov->iov_len; n--)
            done -= (ssize_t)iov++->iov_len;
        if (n > 0) {
            iov->iov_base = (uint8_t *)iov->iov_base + done;
            iov->iov_len -= (size_t)done;
        }
    }
    return CVN_TROUBLE_NONE;
}

static uint8_t depot_write_all(void *self, struct cvn_transfer *t, const struct cvn_octets *data,
                               size_t n)
{
    struct iovec iov[WRITE_IOV];
    struct file *f = t->file;
    (void)self;
    if (f == NULL)
        return CVN_TROUBLE_SIZE; /* a folder or link has no octets */
    for (size_t at = 0; at < n;) {
        size_t k = n - at < WRITE_IOV ? n - at : WRITE_IOV;
        for (size_t i = 0; i < k; i++)
            iov[i] = (struct iovec){(void *)(uintptr_t)data[at + i].p, data[at + i].n};
        uint8_t trouble = write_iov(f->fd, iov, k, t->written);
        if (trouble != CVN_TROUBLE_NONE)
            return trouble;
        for (size_t i = at; i < at + k; i++) {
            if (f->digest != NULL && f->hashed == t->written) {
                cvn_digest_update(f->digest, data[i].p, data[i].n);
                f->hashed += data[i].n;
            }
            t->written += data[i].n;
        }
        at += k;
    }
    return CVN_TROUBLE_NONE;
}

static uint8_t depot_write(void *self, struct cvn_transfer *t, struct cvn_octets data)
{
    return depot_write_all(self, t, &data, 1);
}

static void depot_mark(void *self, struct cvn_transfer *t)
{
    (void)self;
    struct file *f = t->file;
    if (f == NULL || f->digest == NULL || f->hashed != t->written)
        return;
    struct mark *m = &f->marks[f->next_mark++ % MARKS];
    if (m->digest == NULL && cvn_digest_new(&m->digest, t->hash) != CVN_OK)
        return; /* a mark only saves reading again */
    m->offset = t->written;
    if (cvn_digest_copy(m->digest, f->digest) != CVN_OK)
        m->offset = UINT64_MAX;
}

static void depot_remove(void *self, struct cvn_transfer *t)
{
    struct cvn_depot *d = self;
    char name[2 * CVN_ID + 1];
    depot_close_file(d, t);
    partial_name(t->id, name);
    if (d->partial >= 0)
        (void)unlinkat(d->partial, name, 0);
    drop_partial_folder(d);
}

static void depot_sweep(void *self, bool (*keep)(void *arg, const uint8_t id[CVN_ID]), void *arg)
{
    struct cvn_depot *d = self;
    int fd = d->partial < 0 ? -1 : cvn_open_beneath(d->partial, ".", O_RDONLY | O_DIRECTORY, 0);
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    const struct dirent *e;
    while (dir != NULL && (e = readdir(dir)) != NULL) {
        uint8_t id[CVN_ID];
        size_t n = 0;
        for (; n < CVN_ID && strlen(e->d_name) == sizeof id * 2; n++) {
            unsigned v;
            if (sscanf(e->d_name + 2 * n, "%2x", &v) != 1)
                break;
            id[n] = (uint8_t)v;
        }
        if (n == CVN_ID && !keep(arg, id))
            (void)unlinkat(d->partial, e->d_name, 0);
    }
    if (dir != NULL)
        (void)closedir(dir);
    drop_partial_folder(d);
}

/* -------- names and conflicts -------- */

static const char *name_of(const struct cvn_transfer *t)
{
    return (const char *)t->name.p; /* owned octets end with a NUL */
}

static int look(struct cvn_depot *d, const char *name, struct stat *st)
{
    const char *last;
    int parent = cvn_parent_beneath(d->dir, name, false, &last);
    if (parent < 0)
        return -1;
    int rc = fstatat(parent, last, st, AT_SYMLINK_NOFOLLOW);
    int saved = errno;
    (void)close(parent);
    errno = saved;
    return rc;
}

/* What stands under the name already, and what may be done about it. */
static uint8_t check_there(const struct cvn_depot *d, const struct cvn_transfer *t,
                           const struct stat *st)
{
    if (t->kind == CVN_KIND_DIRECTORY)
        return S_ISDIR(st->st_mode) ? CVN_TROUBLE_NONE : CVN_TROUBLE_EXISTS;
    if (d->conflict == CVN_CONFLICT_RENAME)
        return CVN_TROUBLE_NONE;
    if (S_ISDIR(st->st_mode))
        return CVN_TROUBLE_EXISTS;
    if (d->conflict == CVN_CONFLICT_REPLACE || t->kind == CVN_KIND_SYMLINK)
        return CVN_TROUBLE_NONE;
    if (!S_ISREG(st->st_mode) || (t->size_known && (uint64_t)st->st_size != t->size))
        return CVN_TROUBLE_EXISTS;
    return CVN_TROUBLE_NONE; /* equal length: the digest decides at the end */
}

static uint8_t depot_check(void *self, struct cvn_transfer *t)
{
    struct cvn_depot *d = self;
    struct stat st;
    const char *target = (const char *)t->target.p;
    if (!cvn_name_fits(name_of(t), t->name.n, PARTIAL))
        return CVN_TROUBLE_NAME;
    if (t->kind == CVN_KIND_SYMLINK &&
        (strlen(target) != t->target.n || !cvn_target_fits(name_of(t), target)))
        return CVN_TROUBLE_NAME;
    if (look(d, name_of(t), &st) != 0)
        return errno == ENOENT ? CVN_TROUBLE_NONE : trouble_of(errno);
    return check_there(d, t, &st);
}

/* -------- jobs on worker threads -------- */

static void job_run(uv_work_t *w)
{
    struct job *j = w->data;
    j->run(j);
}

static void job_done(uv_work_t *w, int status)
{
    struct job *j = w->data;
    struct cvn_wait *wait = j->wait;
    int rc = status != 0 ? CVN_EIO : j->rc;
    if (j->trouble != NULL)
        *j->trouble = j->found;
    cvn_free(cvn_alloc_std(), j, sizeof *j);
    wait->done(wait, rc);
}

static int job_begin(struct cvn_depot *d, struct cvn_transfer *t, uint8_t *trouble,
                     struct cvn_wait *w, void (*run)(struct job *))
{
    struct job *j = cvn_new(cvn_alloc_std(), sizeof *j);
    if (j == NULL)
        return CVN_ENOMEM;
    *j = (struct job){.depot = d, .t = t, .wait = w, .trouble = trouble, .run = run};
    j->work.data = j;
    int rc = uv_queue_work(d->loop, &j->work, job_run, job_done);
    assert(rc == 0);
    (void)rc;
    return CVN_OK;
}

static void run_sync(struct job *j)
{
    const struct file *f = j->t->file;
    cvn_fault_step("before fdatasync");
    j->rc = f == NULL || fdatasync(f->fd) == 0 ? CVN_OK : CVN_EIO;
    cvn_fault_step("after fdatasync");
}

static int depot_sync(void *self, struct cvn_transfer *t, struct cvn_wait *w)
{
    return job_begin(self, t, NULL, w, run_sync);
}

/* Brings a digest from `from` up to n octets of fd. */
static int read_digest(int fd, struct cvn_digest *dg, uint64_t from, uint64_t n)
{
    uint8_t *buf = cvn_resize(cvn_alloc_std(), NULL, 0, READ_BLOCK);
    int rc = buf == NULL ? CVN_ENOMEM : CVN_OK;
    while (rc == CVN_OK && from < n) {
        size_t want = n - from < READ_BLOCK ? (size_t)(n - from) : READ_BLOCK;
        ssize_t got = pread(fd, buf, want, (off_t)from);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0) {
            rc = CVN_EIO;
            break;
        }
        cvn_digest_update(dg, buf, (size_t)got);
        from += (uint64_t)got;
    }
    cvn_free(cvn_alloc_std(), buf, READ_BLOCK);
    return rc;
}

/* Whether the file at name has the same length and digest as the one received. */
static bool same_there(struct job *j, const char *name, uint64_t size)
{
    struct cvn_digest *dg = NULL;
    uint8_t digest[CVN_HASH_MAX];
    const char *last;
    bool same = false;
    if (size != j->t->written || cvn_digest_new(&dg, j->t->hash) != CVN_OK)
        return false;
    int parent = cvn_parent_beneath(j->depot->dir, name, false, &last);
    int fd = parent < 0 ? -1 : cvn_open_beneath(parent, last, O_RDONLY, 0);
    if (fd >= 0 && read_digest(fd, dg, 0, size) == CVN_OK && cvn_digest_final(dg, digest) == CVN_OK)
        same = memcmp(digest, j->t->digest, cvn_hash_octets(j->t->hash)) == 0;
    if (fd >= 0)
        (void)close(fd);
    if (parent >= 0)
        (void)close(parent);
    cvn_digest_free(dg);
    return same;
}

static int own_final(struct job *j, const char *name)
{
    return cvn_transfer_own_final(cvn_alloc_std(), j->t,
                                  (struct cvn_octets){(const uint8_t *)name, strlen(name)});
}

/* name.1, name.2, ...: the first that is free. */
static int free_name(struct job *j)
{
    char name[PATH_MAX];
    struct stat st;
    for (unsigned i = 1; i < 1000000; i++) {
        int n = snprintf(name, sizeof name, "%s.%u", name_of(j->t), i);
        if (n < 0 || (size_t)n >= sizeof name)
            break;
        if (look(j->depot, name, &st) != 0 && errno == ENOENT)
            return own_final(j, name);
    }
    j->found = CVN_TROUBLE_EXISTS;
    return CVN_OK;
}

static void choose_name(struct job *j)
{
    struct stat st;
    const struct cvn_transfer *t = j->t;
    bool there = look(j->depot, name_of(t), &st) == 0;
    j->t->done_already = false;
    if (there && t->kind == CVN_KIND_FILE && S_ISREG(st.st_mode) && t->hash != CVN_HASH_NONE &&
        j->depot->conflict != CVN_CONFLICT_RENAME &&
        same_there(j, name_of(t), (uint64_t)st.st_size))
        j->t->done_already = true;
    if (there && j->depot->conflict == CVN_CONFLICT_RENAME && t->kind != CVN_KIND_DIRECTORY)
        j->rc = free_name(j);
    else if (there && j->depot->conflict == CVN_CONFLICT_FAIL && !t->done_already &&
             t->kind == CVN_KIND_FILE)
        j->found = CVN_TROUBLE_EXISTS;
    else
        j->rc = own_final(j, name_of(t));
}

static void set_times(int fd, const struct cvn_transfer *t)
{
    struct timespec ts[2] = {{.tv_sec = 0, .tv_nsec = UTIME_OMIT},
                             {.tv_sec = t->mtime_s, .tv_nsec = (long)t->mtime_ns}};
    if (t->mtime_ns != UINT32_MAX)
        (void)futimens(fd, ts); /* a time that the file system cannot hold is not worth the file */
}

static void run_finish(struct job *j)
{
    struct cvn_transfer *t = j->t;
    struct file *f = t->file;
    if (f != NULL) {
        if (t->size_known && t->written != t->size) {
            j->found = CVN_TROUBLE_SIZE;
            return;
        }
        if (f->digest != NULL) {
            j->rc = read_digest(f->fd, f->digest, f->hashed, t->written);
            f->hashed = t->written;
            if (j->rc == CVN_OK)
                j->rc = cvn_digest_final(f->digest, t->digest);
            if (j->rc != CVN_OK)
                return;
        }
        if (t->expected_known && memcmp(t->digest, t->expected, cvn_hash_octets(t->hash)) != 0) {
            j->found = CVN_TROUBLE_HASH;
            return;
        }
        if (fchmod(f->fd, t->mode & 0777u) != 0) {
            j->found = trouble_of(errno);
            return;
        }
        set_times(f->fd, t);
        cvn_fault_step("before fsync");
        if (fsync(f->fd) != 0) {
            j->rc = CVN_EIO;
            return;
        }
        cvn_fault_step("after fsync");
    }
    choose_name(j);
}

static int depot_finish(void *self, struct cvn_transfer *t, uint8_t *trouble, struct cvn_wait *w)
{
    return job_begin(self, t, trouble, w, run_finish);
}

/* -------- placing -------- */

static void place_folder(struct job *j, int parent, const char *last)
{
    if (mkdirat(parent, last, 0700) != 0 && errno != EEXIST) {
        j->found = trouble_of(errno);
        return;
    }
    int fd = cvn_open_beneath(parent, last, O_RDONLY | O_DIRECTORY, 0);
    if (fd < 0) {
        j->found = trouble_of(errno);
        return;
    }
    if (fchmod(fd, j->t->mode & 0777u) != 0)
        j->found = trouble_of(errno);
    set_times(fd, j->t);
    (void)close(fd);
}

static void place_link(struct job *j, int parent, const char *last)
{
    char there[PATH_MAX];
    const char *target = (const char *)j->t->target.p;
    if (symlinkat(target, parent, last) == 0)
        return;
    int err = errno;
    ssize_t n = err == EEXIST ? readlinkat(parent, last, there, sizeof there) : -1;
    if (n == (ssize_t)j->t->target.n && memcmp(there, target, (size_t)n) == 0)
        return; /* it is there as it should be */
    if (err == EEXIST && j->depot->conflict == CVN_CONFLICT_REPLACE &&
        unlinkat(parent, last, 0) == 0 && symlinkat(target, parent, last) == 0)
        return;
    j->found = trouble_of(err);
}

/* The move; if the partial file is gone, it was moved before, or somebody has removed it. */
static void place_file(struct job *j, int parent, const char *last)
{
    char partial[2 * CVN_ID + 1];
    struct stat st;
    partial_name(j->t->id, partial);
    if (j->depot->partial < 0 ||
        fstatat(j->depot->partial, partial, &st, AT_SYMLINK_NOFOLLOW) != 0) {
        if (fstatat(parent, last, &st, AT_SYMLINK_NOFOLLOW) != 0 ||
            (uint64_t)st.st_size != j->t->written)
            j->found = CVN_TROUBLE_IO;
        return;
    }
    if (j->t->done_already) {
        (void)unlinkat(j->depot->partial, partial, 0);
        return;
    }
    unsigned flags = j->depot->conflict == CVN_CONFLICT_REPLACE ? 0 : RENAME_NOREPLACE;
    cvn_fault_step("before rename");
    if (renameat2(j->depot->partial, partial, parent, last, flags) != 0)
        j->found = trouble_of(errno);
    cvn_fault_step("after rename");
}

static void run_place(struct job *j)
{
    const char *last;
    int parent = cvn_parent_beneath(j->depot->dir, (const char *)j->t->final.p, true, &last);
    if (parent < 0) {
        j->found = trouble_of(errno);
        return;
    }
    if (j->t->kind == CVN_KIND_DIRECTORY)
        place_folder(j, parent, last);
    else if (j->t->kind == CVN_KIND_SYMLINK)
        place_link(j, parent, last);
    else
        place_file(j, parent, last);
    if (j->found == CVN_TROUBLE_NONE && fsync(parent) != 0)
        j->rc = CVN_EIO;
    cvn_fault_step("after folder fsync");
    (void)close(parent);
}

static void placed(struct cvn_wait *w, int rc);

/* Closes the file when the move is done, before the inbox hears of it. */
struct place_wait {
    struct cvn_wait wait;
    struct cvn_wait *outer;
    struct cvn_depot *depot;
    struct cvn_transfer *t;
};

static void placed(struct cvn_wait *w, int rc)
{
    struct place_wait *p = (struct place_wait *)(void *)w;
    struct cvn_wait *outer = p->outer;
    if (rc == CVN_OK) {
        depot_close_file(p->depot, p->t);
        drop_partial_folder(p->depot);
    }
    cvn_free(cvn_alloc_std(), p, sizeof *p);
    outer->done(outer, rc);
}

static int depot_place(void *self, struct cvn_transfer *t, uint8_t *trouble, struct cvn_wait *w)
{
    struct place_wait *p = cvn_new(cvn_alloc_std(), sizeof *p);
    if (p == NULL)
        return CVN_ENOMEM;
    *p = (struct place_wait){.outer = w, .depot = self, .t = t};
    p->wait.done = placed;
    p->wait.pending = true;
    int rc = job_begin(self, t, trouble, &p->wait, run_place);
    if (rc != CVN_OK)
        cvn_free(cvn_alloc_std(), p, sizeof *p);
    return rc;
}

const struct cvn_depot_ops cvn_depot_ops = {
    .check = depot_check,
    .create = depot_create,
    .cut = depot_cut,
    .write = depot_write,
    .write_all = depot_write_all,
    .mark = depot_mark,
    .sync = depot_sync,
    .finish = depot_finish,
    .place = depot_place,
    .close = depot_close_file,
    .remove = depot_remove,
    .sweep = depot_sweep,
};
