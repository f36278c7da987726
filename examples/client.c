/* SPDX-License-Identifier: MIT */
/*
 * client [-2] HOST PORT WORD... - sends each word with a synchronization point behind it, hands the
 * server the data token, prints what he says, and releases. -2: all that in two session
 * connections, one after the other on one transport connection.
 */
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "examples/blocking.h"

static int dial(const char *host, const char *port)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    struct addrinfo *all;
    int fd = -1;
    if (getaddrinfo(host, port, &hints, &all) != 0)
        return -1;
    for (struct addrinfo *a = all; a != NULL && fd < 0; a = a->ai_next) {
        fd = socket(a->ai_family, a->ai_socktype, a->ai_protocol);
        if (fd >= 0 && connect(fd, a->ai_addr, a->ai_addrlen) != 0) {
            (void)close(fd);
            fd = -1;
        }
    }
    freeaddrinfo(all);
    return fd;
}

static void connect_session(struct blocking *b)
{
    struct cvn_s_connect c;
    cvn_s_connect_init(&c);
    c.units = CVN_FU_HALF_DUPLEX | CVN_FU_MINOR_SYNC;
    c.called = cvn_octets_of("echo");
    c.serial = 1;
    blocking_must("S-CONNECT", cvn_s_connect_request(b->sc, &c, blocking_now()));
}

/* One word, one point; waits for the point's confirm. */
static int say(struct blocking *b, const char *word)
{
    uint32_t serial;
    blocking_must("S-DATA", cvn_s_data_request(b->sc, cvn_octets_of(word), NULL, blocking_now()));
    blocking_must("S-SYNC-MINOR",
                  cvn_s_sync_minor_request(b->sc, CVN_S_MINOR_EXPLICIT, cvn_octets_of(NULL),
                                           &serial, blocking_now()));
    if (blocking_wait(b) != 0 || b->event.service != CVN_S_SYNC_MINOR || b->event.serial != serial)
        return -1;
    (void)printf("confirmed %u: %s\n", (unsigned)serial, word);
    return 0;
}

/* The server speaks until he gives the token back. */
static int listen_until_token(struct blocking *b)
{
    while (blocking_wait(b) == 0) {
        if (b->event.service == CVN_S_TOKEN_GIVE)
            return 0;
        if (b->event.service != CVN_S_DATA)
            return -1;
        (void)printf("%.*s%s", (int)b->event.data.n, (const char *)b->event.data.p,
                     b->event.end ? "\n" : "");
    }
    return -1;
}

/* One session connection: its words, then the server's. 0, or -1. */
static int session(struct blocking *b, char **words, bool keep)
{
    connect_session(b);
    if (blocking_wait(b) != 0 || b->event.service != CVN_S_CONNECT ||
        b->event.result != CVN_RESULT_ACCEPT)
        return -1;
    for (; *words != NULL; words++) {
        if (say(b, *words) != 0)
            return -1;
    }
    blocking_must("S-TOKEN-GIVE", cvn_s_token_give_request(b->sc, CVN_TOKEN_DATA,
                                                           cvn_octets_of(NULL), blocking_now()));
    struct cvn_x225_prim more;
    cvn_x225_prim_init(&more, CVN_S_DATA, CVN_REQUEST);
    more.data = cvn_octets_of("more");
    (void)printf("no data now: %s\n", cvn_sc_why(b->sc, &more));
    if (listen_until_token(b) != 0)
        return -1;
    blocking_must("S-RELEASE",
                  cvn_s_release_request(b->sc, keep, cvn_octets_of(NULL), blocking_now()));
    return blocking_wait(b) == 0 && b->event.service == CVN_S_RELEASE ? 0 : -1;
}

int main(int argc, char **argv)
{
    struct blocking b;
    bool twice = argc > 1 && strcmp(argv[1], "-2") == 0;
    char **args = argv + (twice ? 2 : 1);
    int fd = argc > (twice ? 4 : 3) ? dial(args[0], args[1]) : -1;
    if (fd < 0 || blocking_open(&b, fd, true) != 0) {
        (void)fprintf(stderr, "usage: client [-2] HOST PORT WORD... (and nobody listens there)\n");
        return 1;
    }
    int rc = session(&b, args + 2, twice);
    if (rc == 0 && twice) {
        (void)printf("released; the transport connection is %s\n",
                     cvn_sc_idle(b.sc) ? "kept" : "gone");
        rc = cvn_sc_idle(b.sc) ? session(&b, args + 2, false) : -1;
    }
    (void)puts(rc == 0 ? "released" : "not released");
    blocking_close(&b);
    return rc == 0 ? 0 : 1;
}
