/* SPDX-License-Identifier: MIT */
/*
 * blocking - for the examples: a session connection on a blocking socket. The library does no I/O;
 * this is all it takes to drive it.
 */
#ifndef EXAMPLES_BLOCKING_H
#define EXAMPLES_BLOCKING_H

#include <convene/x215.h>

struct blocking {
    int fd;
    struct cvn_sc *sc;
    struct cvn_x225_prim event; /* the last indication or confirm */
    unsigned char in[4096];
    size_t have, used;
};

/* fd is connected. 0, or -1 with errno set. */
int blocking_open(struct blocking *b, int fd, bool initiator);
void blocking_close(struct blocking *b);
/* Nanoseconds that only go forward. */
cvn_time blocking_now(void);
/* Sends what is due and waits for the next indication or confirm, which is then in b->event; its
 * octets are valid until the next call on the connection. 0; -1: the connection is over. */
int blocking_wait(struct blocking *b);
/* Sends what is due. 0, or -1. */
int blocking_flush(struct blocking *b);
/* Ends the program if a request was refused. */
void blocking_must(const char *what, int rc);

#endif
