/* SPDX-License-Identifier: MIT */
/*
 * client HOST PORT WORD... - sends each word with a synchronization point behind it, hands the
 * server the data token, prints what he says, and releases.
 */
#include <netdb.h>
#include <stdio.h>
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

int main(int argc, char **argv)
{
    struct blocking b;
    int fd = argc > 3 ? dial(argv[1], argv[2]) : -1;
    if (fd < 0 || blocking_open(&b, fd, true) != 0) {
        (void)fprintf(stderr, "usage: client HOST PORT WORD... (and nobody listens there)\n");
        return 1;
    }
    connect_session(&b);
    int rc = blocking_wait(&b);
    if (rc != 0 || b.event.service != CVN_S_CONNECT || b.event.result != CVN_RESULT_ACCEPT) {
        (void)fprintf(stderr, "refused: %s\n",
                      rc == 0 ? cvn_x225_service_name(b.event.service) : "-");
        return 1;
    }
    for (int i = 3; i < argc && rc == 0; i++)
        rc = say(&b, argv[i]);
    if (rc == 0) {
        blocking_must(
            "S-TOKEN-GIVE",
            cvn_s_token_give_request(b.sc, CVN_TOKEN_DATA, cvn_octets_of(NULL), blocking_now()));
        struct cvn_x225_prim again;
        cvn_x225_prim_init(&again, CVN_S_DATA, CVN_REQUEST);
        again.data = cvn_octets_of("more");
        (void)printf("no data now: %s\n", cvn_sc_why(b.sc, &again));
        rc = listen_until_token(&b);
    }
    if (rc == 0) {
        blocking_must("S-RELEASE",
                      cvn_s_release_request(b.sc, false, cvn_octets_of(NULL), blocking_now()));
        rc = blocking_wait(&b);
    }
    if (rc == 0 && b.event.service == CVN_S_RELEASE)
        (void)puts("released");
    else
        rc = -1;
    blocking_close(&b);
    return rc == 0 ? 0 : 1;
}
