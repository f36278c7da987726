/* SPDX-License-Identifier: MIT */
/*
 * server - listens on a free port of 127.0.0.1, which it prints, serves one transport connection and
 * ends: confirms each synchronization point, and once it has the data token says how much came in all.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "examples/blocking.h"

struct count {
    size_t octets;
    unsigned ssdus, points;
};

static int accept_one(void)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof a;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof a) != 0 || listen(fd, 1) != 0 ||
        getsockname(fd, (struct sockaddr *)&a, &len) != 0)
        return -1;
    (void)printf("%u\n", (unsigned)ntohs(a.sin_port));
    (void)fflush(stdout);
    int one = accept(fd, NULL, NULL);
    (void)close(fd);
    return one;
}

static void connected(struct blocking *b)
{
    struct cvn_s_connect c;
    if (b->event.called.n != 4) { /* the selector "echo" is all there is here */
        blocking_must("S-CONNECT", cvn_s_connect_refuse(b->sc, CVN_RF_SELECTOR_UNKNOWN,
                                                        cvn_octets_of(NULL), blocking_now()));
        return;
    }
    cvn_s_connect_init(&c);
    c.units = CVN_FU_HALF_DUPLEX | CVN_FU_MINOR_SYNC;
    blocking_must("S-CONNECT", cvn_s_connect_response(b->sc, &c, blocking_now()));
}

/* The peer listens now: say what came, and hand the token back. */
static void answer(struct blocking *b, const struct count *n)
{
    char text[80];
    (void)snprintf(text, sizeof text, "%u SSDUs, %zu octets, %u points", n->ssdus, n->octets,
                   n->points);
    blocking_must("S-DATA", cvn_s_data_request(b->sc, cvn_octets_of(text), NULL, blocking_now()));
    blocking_must("S-TOKEN-GIVE", cvn_s_token_give_request(b->sc, CVN_TOKEN_DATA,
                                                           cvn_octets_of(NULL), blocking_now()));
}

/* false: the session connection is over. */
static bool react(struct blocking *b, struct count *n)
{
    switch (b->event.service) {
    case CVN_S_CONNECT:
        connected(b);
        return true;
    case CVN_S_DATA:
        n->octets += b->event.data.n;
        n->ssdus += b->event.end;
        return true;
    case CVN_S_SYNC_MINOR:
        n->points++;
        blocking_must(
            "S-SYNC-MINOR",
            cvn_s_sync_minor_response(b->sc, b->event.serial, cvn_octets_of(NULL), blocking_now()));
        return true;
    case CVN_S_TOKEN_GIVE:
        answer(b, n);
        return true;
    case CVN_S_RELEASE:
        blocking_must("S-RELEASE",
                      cvn_s_release_response(b->sc, true, cvn_octets_of(NULL), blocking_now()));
        return true;
    default:
        return false;
    }
}

int main(void)
{
    struct blocking b;
    struct count n = {0, 0, 0};
    int fd = accept_one();
    if (fd < 0 || blocking_open(&b, fd, false) != 0)
        return 1;
    bool released = false;
    while (blocking_wait(&b) == 0 && react(&b, &n))
        released = b.event.service == CVN_S_RELEASE;
    blocking_close(&b);
    return released ? 0 : 1;
}
