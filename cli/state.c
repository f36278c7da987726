/* SPDX-License-Identifier: MIT */
/* state - where the tool keeps what must outlive it. */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cli/cli.h"

static int make_folders(char *path, mode_t last)
{
    for (char *p = path + 1; (p = strchr(p, '/')) != NULL; p++) {
        *p = '\0';
        int rc = mkdir(path, 0700);
        *p = '/';
        if (rc != 0 && errno != EEXIST)
            return -1;
    }
    return mkdir(path, last) != 0 && errno != EEXIST ? -1 : 0;
}

int cli_state_folder(char *path, size_t cap)
{
    const char *xdg = getenv("XDG_STATE_HOME");
    const char *home = getenv("HOME");
    int n = -1;
    if (xdg != NULL && xdg[0] == '/')
        n = snprintf(path, cap, "%s/convene", xdg);
    else if (home != NULL && home[0] == '/')
        n = snprintf(path, cap, "%s/.local/state/convene", home);
    if (n < 0 || (size_t)n >= cap) {
        cli_error("state", "neither XDG_STATE_HOME nor HOME is an absolute path",
                  "set XDG_STATE_HOME to a folder of yours");
        return EXIT_LOCAL_IO;
    }
    if (make_folders(path, 0700) != 0) {
        cli_error(path, strerror(errno),
                  "the state of transfers is kept there; set XDG_STATE_HOME");
        return EXIT_LOCAL_IO;
    }
    return 0;
}
