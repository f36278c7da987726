/* SPDX-License-Identifier: MIT */
/* beneath - openat2, and the rules for names that come from a peer. */
#include "os/linux/beneath.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static bool part_fits(const char *part, size_t n)
{
    if (n == 0 || n > NAME_MAX)
        return false;
    if (part[0] == '.' && (n == 1 || (n == 2 && part[1] == '.')))
        return false;
    return memchr(part, '\0', n) == NULL;
}

bool cvn_name_fits(const char *name, size_t n, const char *reserved)
{
    size_t at = 0;
    if (n == 0 || n >= PATH_MAX)
        return false;
    while (at <= n) {
        const char *slash = at < n ? memchr(name + at, '/', n - at) : NULL;
        size_t len = slash == NULL ? n - at : (size_t)(slash - (name + at));
        if (!part_fits(name + at, len))
            return false;
        if (at == 0 && len == strlen(reserved) && memcmp(name, reserved, len) == 0)
            return false;
        at += len + 1;
    }
    return true;
}

bool cvn_target_fits(const char *name, const char *target)
{
    long depth = 0;
    if (target[0] == '/' || target[0] == '\0')
        return false;
    for (const char *p = name; (p = strchr(p, '/')) != NULL; p++)
        depth++;
    while (*target != '\0') {
        size_t len = strcspn(target, "/");
        if (len == 2 && target[0] == '.' && target[1] == '.')
            depth--;
        else if (len > 0 && !(len == 1 && target[0] == '.'))
            depth++;
        if (depth < 0)
            return false;
        target += len;
        target += *target == '/';
    }
    return true;
}

int cvn_open_beneath(int dir, const char *name, int flags, unsigned mode)
{
    struct open_how how = {
        .flags = (unsigned)flags | O_CLOEXEC,
        .mode = (flags & O_CREAT) != 0 ? mode : 0,
        .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS,
    };
    return (int)syscall(SYS_openat2, dir, name, &how, sizeof how);
}

/* One step down; makes the folder if it is missing and may be made. */
static int step_down(int at, const char *part, bool make)
{
    int next = cvn_open_beneath(at, part, O_RDONLY | O_DIRECTORY, 0);
    if (next >= 0 || errno != ENOENT || !make)
        return next;
    if (mkdirat(at, part, 0777) != 0 && errno != EEXIST)
        return -1;
    if (fsync(at) != 0)
        return -1;
    return cvn_open_beneath(at, part, O_RDONLY | O_DIRECTORY, 0);
}

int cvn_parent_beneath(int dir, const char *name, bool make, const char **last)
{
    char part[NAME_MAX + 1];
    int at = cvn_open_beneath(dir, ".", O_RDONLY | O_DIRECTORY, 0);
    const char *slash;
    while (at >= 0 && (slash = strchr(name, '/')) != NULL) {
        size_t n = (size_t)(slash - name);
        if (n > NAME_MAX) {
            (void)close(at);
            errno = ENAMETOOLONG;
            return -1;
        }
        memcpy(part, name, n);
        part[n] = '\0';
        int next = step_down(at, part, make);
        int saved = errno;
        (void)close(at);
        errno = saved;
        at = next;
        name = slash + 1;
    }
    *last = name;
    return at;
}
