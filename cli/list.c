/* SPDX-License-Identifier: MIT */
/* list - operands into entries: folders walked, links judged, the rest skipped and said. */
#include "cli/list.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "convene/alloc.h"
#include "crypto/hash.h"
#include "os/linux/beneath.h"
#include "service/outbox/source.h"

static char *copy(const char *s)
{
    size_t n = strlen(s) + 1;
    char *p = cvn_resize(cvn_alloc_std(), NULL, 0, n);
    if (p != NULL)
        memcpy(p, s, n);
    return p;
}

static void copy_free(char *s)
{
    if (s != NULL)
        cvn_free(cvn_alloc_std(), s, strlen(s) + 1);
}

static void entry_free(struct entry *e)
{
    copy_free(e->path);
    copy_free(e->name);
    copy_free(e->target);
    cvn_source_free(e->source);
    cvn_free(cvn_alloc_std(), e, sizeof *e);
}

void list_free(struct list *l)
{
    for (size_t i = 0; i < l->n; i++)
        entry_free(l->entries[i]);
    cvn_free(cvn_alloc_std(), l->entries, l->cap * sizeof(struct entry *));
    l->entries = NULL;
    l->n = l->cap = 0;
}

static int skip(struct list *l, const char *path, const char *why, const char *fix, int code)
{
    char name[4 * PATH_MAX];
    cli_error(cli_escape(name, sizeof name, path, strlen(path)), why, fix);
    l->exit_code = cli_worse(l->exit_code, code);
    return 0;
}

static int no_memory(void)
{
    cli_error("send", "no memory for the list of files", NULL);
    return EXIT_INTERNAL;
}

static struct entry *add(struct list *l, const char *path, const char *name, uint8_t kind)
{
    if (l->n == l->cap) {
        size_t cap = l->cap == 0 ? 64 : l->cap * 2;
        struct entry **grown =
            cvn_resize(cvn_alloc_std(), l->entries, l->cap * sizeof *grown, cap * sizeof *grown);
        if (grown == NULL)
            return NULL;
        l->entries = grown;
        l->cap = cap;
    }
    struct entry *e = cvn_new(cvn_alloc_std(), sizeof *e);
    if (e == NULL)
        return NULL;
    e->path = path == NULL ? NULL : copy(path);
    e->name = copy(name);
    if (e->name == NULL || (path != NULL && e->path == NULL)) {
        entry_free(e);
        return NULL;
    }
    e->item.name = (struct cvn_octets){(const uint8_t *)e->name, strlen(e->name)};
    e->item.kind = kind;
    l->entries[l->n++] = e;
    return e;
}

static void describe(struct entry *e, const struct stat *st)
{
    uint64_t is[5] = {(uint64_t)st->st_dev, (uint64_t)st->st_ino, (uint64_t)st->st_size,
                      (uint64_t)st->st_mtim.tv_sec, (uint64_t)st->st_mtim.tv_nsec};
    e->st = *st;
    e->item.mode = (uint16_t)(st->st_mode & 0777); /* set-id bits and owner stay here */
    e->item.mtime_s = st->st_mtim.tv_sec;
    e->item.mtime_ns = (uint32_t)st->st_mtim.tv_nsec;
    e->item.size = e->item.kind == CVN_KIND_FILE ? (uint64_t)st->st_size : 0;
    cvn_hash16(is, sizeof is, e->identity);
}

static int add_link(struct list *l, const char *path, const char *name, const struct stat *st)
{
    char target[PATH_MAX];
    const char *inside = strchr(name, '/');
    ssize_t n = readlink(path, target, sizeof target - 1);
    if (n < 0)
        return skip(l, path, strerror(errno), NULL, EXIT_NO_INPUT);
    target[n] = '\0';
    /* within the folder that is sent: judged below its first part */
    if (inside == NULL || !cvn_target_fits(inside + 1, target))
        return skip(l, path, "a symbolic link that points out of what is sent",
                    "-L sends what it points to", EXIT_REFUSED_DATA);
    struct entry *e = add(l, path, name, CVN_KIND_SYMLINK);
    if (e == NULL || (e->target = copy(target)) == NULL)
        return no_memory();
    describe(e, st);
    e->item.target = (struct cvn_octets){(const uint8_t *)e->target, strlen(e->target)};
    return 0;
}

static int walk(struct list *l, const char *path, const char *name, unsigned depth);

static int walk_folder(struct list *l, const char *path, const char *name, const struct stat *st,
                       unsigned depth)
{
    char sub[PATH_MAX];
    char sub_name[PATH_MAX];
    struct dirent **found = NULL;
    int n = scandir(path, &found, NULL, alphasort);
    int rc = 0;
    if (n < 0)
        return skip(l, path, strerror(errno), NULL, EXIT_NO_INPUT);
    for (int i = 0; i < n; i++) {
        const char *d = found[i]->d_name;
        bool self = strcmp(d, ".") == 0 || strcmp(d, "..") == 0;
        int np = snprintf(sub, sizeof sub, "%s/%s", path, d);
        int nn = snprintf(sub_name, sizeof sub_name, "%s/%s", name, d);
        if (!self && rc == 0) {
            if (np < 0 || nn < 0 || (size_t)np >= sizeof sub || (size_t)nn >= sizeof sub_name)
                (void)skip(l, path, "a path beneath it is too long", NULL, EXIT_REFUSED_DATA);
            else
                rc = walk(l, sub, sub_name, depth + 1);
        }
        free(found[i]);
    }
    free(found);
    if (rc != 0)
        return rc;
    struct entry *e = add(l, path, name, CVN_KIND_DIRECTORY); /* after what is in it */
    if (e == NULL)
        return no_memory();
    describe(e, st);
    return 0;
}

static int walk(struct list *l, const char *path, const char *name, unsigned depth)
{
    struct stat st;
    int rc = l->o->follow_links ? stat(path, &st) : lstat(path, &st);
    if (rc != 0)
        return skip(l, path, strerror(errno), NULL, EXIT_NO_INPUT);
    if (depth > 200)
        return skip(l, path, "folders are nested too deeply", "does a link with -L point upwards?",
                    EXIT_REFUSED_DATA);
    if (S_ISDIR(st.st_mode))
        return walk_folder(l, path, name, &st, depth);
    if (S_ISLNK(st.st_mode))
        return add_link(l, path, name, &st);
    if (!S_ISREG(st.st_mode))
        return skip(l, path, "neither a file nor a folder nor a link: skipped", NULL,
                    EXIT_REFUSED_DATA);
    if (access(path, R_OK) != 0)
        return skip(l, path, strerror(errno), NULL, EXIT_NO_INPUT);
    struct entry *e = add(l, path, name, CVN_KIND_FILE);
    if (e == NULL)
        return no_memory();
    describe(e, &st);
    return 0;
}

static int add_stdin(struct list *l)
{
    if (!cvn_name_fits(l->o->name, strlen(l->o->name), "")) {
        cli_error("--name", "not a name that can stand in a folder", NULL);
        return EXIT_USAGE;
    }
    struct entry *e = add(l, NULL, l->o->name, CVN_KIND_FILE);
    if (e == NULL)
        return no_memory();
    e->item.size = CVN_SIZE_UNKNOWN;
    e->item.mode = 0644;
    struct timespec now;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    e->item.mtime_s = now.tv_sec;
    e->item.mtime_ns = (uint32_t)now.tv_nsec;
    return 0;
}

/* "." and "/" and ".." have no name of their own: their real path gives one. */
static int add_nameless(struct list *l, const char *operand)
{
    char real[PATH_MAX];
    if (realpath(operand, real) == NULL)
        return skip(l, operand, strerror(errno), NULL, EXIT_NO_INPUT);
    const char *last = strrchr(real, '/');
    return walk(l, real, last == NULL || last[1] == '\0' ? "root" : last + 1, 0);
}

/* The name is the operand's last part, which stays as it is (it may be a link); the folder
 * before it is made absolute. */
static int add_operand(struct list *l, const char *operand)
{
    char real[PATH_MAX];
    char folder[PATH_MAX];
    char path[2 * PATH_MAX];
    size_t n = strlen(operand);
    while (n > 1 && operand[n - 1] == '/')
        n--;
    if (n == 0 || n >= sizeof folder)
        return skip(l, operand, "not a path", NULL, EXIT_NO_INPUT);
    memcpy(folder, operand, n);
    folder[n] = '\0';
    char *slash = strrchr(folder, '/');
    const char *base = operand + (slash == NULL ? 0 : slash - folder + 1);
    size_t nbase = n - (size_t)(base - operand);
    if (nbase == 0 || strncmp(base, ".", nbase) == 0 || strncmp(base, "..", nbase) == 0)
        return add_nameless(l, operand);
    if (slash == folder)
        slash[1] = '\0';
    else if (slash != NULL)
        *slash = '\0';
    if (realpath(slash == NULL ? "." : folder, real) == NULL)
        return skip(l, operand, strerror(errno), NULL, EXIT_NO_INPUT);
    (void)snprintf(path, sizeof path, "%s/%.*s", strcmp(real, "/") == 0 ? "" : real, (int)nbase,
                   base);
    if (strlen(path) >= PATH_MAX)
        return skip(l, operand, "the path is too long", NULL, EXIT_NO_INPUT);
    return walk(l, path, strrchr(path, '/') + 1, 0);
}

static int by_name(const void *a, const void *b)
{
    const struct entry *const *x = a;
    const struct entry *const *y = b;
    return strcmp((*x)->name, (*y)->name);
}

static int no_doubles(const struct list *l)
{
    size_t size = l->n * sizeof(struct entry *);
    struct entry **sorted = cvn_resize(cvn_alloc_std(), NULL, 0, size == 0 ? 1 : size);
    int rc = 0;
    if (sorted == NULL)
        return no_memory();
    if (size > 0)
        memcpy(sorted, l->entries, size);
    qsort(sorted, l->n, sizeof *sorted, by_name);
    for (size_t i = 1; i < l->n && rc == 0; i++) {
        if (strcmp(sorted[i]->name, sorted[i - 1]->name) == 0) {
            char name[4 * PATH_MAX];
            cli_error(cli_escape(name, sizeof name, sorted[i]->name, strlen(sorted[i]->name)),
                      "two of the files would have this name at the receiver",
                      "send them one after another, or from folders");
            rc = EXIT_USAGE;
        }
    }
    cvn_free(cvn_alloc_std(), sorted, size == 0 ? 1 : size);
    return rc;
}

int list_make(struct list *l, const struct cli_options *o)
{
    int rc = 0;
    *l = (struct list){.o = o};
    for (int i = 0; i + 1 < o->noperands && rc == 0; i++)
        rc = strcmp(o->operands[i], "-") == 0 ? add_stdin(l) : add_operand(l, o->operands[i]);
    return rc != 0 ? rc : no_doubles(l);
}
