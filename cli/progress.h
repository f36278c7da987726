/* SPDX-License-Identifier: MIT */
/* progress - the bar on a terminal, and the summary at the end. */
#ifndef CVN_CLI_PROGRESS_H
#define CVN_CLI_PROGRESS_H

#include "cli/cli.h"
#include "session/send.h"

struct progress {
    const struct cli_options *o;
    bool bar; /* standard error is a terminal */
    bool drawn;
    uint64_t total; /* octets; what a pipe will have is not in it */
    size_t items;
    size_t done;
    uint64_t resumes;
    cvn_time began;
    cvn_time last;
    uint64_t last_confirmed;
    double rate;     /* octets a second, smoothed */
    char state[120]; /* what is wrong now */
};

/* done and confirmed: items and octets that an earlier process has brought over. */
void progress_init(struct progress *p, const struct cli_options *o, size_t items, uint64_t total,
                   size_t done, uint64_t confirmed, cvn_time now);
void progress_news(struct progress *p, enum cvn_sender_news n, const struct cvn_item *it,
                   uint64_t offset, const char *text);
void progress_done(struct progress *p, const struct cvn_item *it);
void progress_draw(struct progress *p, uint64_t confirmed, cvn_time now);
void progress_end(struct progress *p);
void progress_summary(const struct progress *p, uint64_t sent, uint64_t twice, uint64_t resumes,
                      uint64_t connections);

#endif
