/* SPDX-License-Identifier: MIT */
/* list - the things that one convene send is to send. */
#ifndef CVN_CLI_LIST_H
#define CVN_CLI_LIST_H

#include <sys/stat.h>

#include "cli/cli.h"
#include "session/send.h"

struct entry {
    struct cvn_item item;
    char *path;   /* absolute; NULL: standard input */
    char *name;   /* what the receiver calls it */
    char *target; /* of a link */
    struct stat st;
    uint8_t identity[CVN_ID]; /* of what the file is now: device, inode, size, mtime */
    bool discard_first;       /* an earlier version of it is unfinished at the receiver */
    bool taken;               /* a session has it */
    bool done;
    struct cvn_source *source;
    void *user;
};

struct list {
    struct entry **entries;
    size_t n;
    size_t cap;
    int exit_code; /* what was skipped */
    const struct cli_options *o;
};

/* Walks the operands but the last. 0, or an exit code with the error said. */
int list_make(struct list *l, const struct cli_options *o);
void list_free(struct list *l);

#endif
