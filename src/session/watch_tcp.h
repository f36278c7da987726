/* SPDX-License-Identifier: MIT */
/*
 * watch_tcp - from captured packets to the octets of TCP connections: link layer, IPv4 or IPv6, TCP;
 * each direction put in order. Free of I/O.
 */
#ifndef CVN_SESSION_WATCH_TCP_H
#define CVN_SESSION_WATCH_TCP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "convene/alloc.h"

/* Link layers, by their LINKTYPE numbers. */
enum watch_link {
    WATCH_LINK_NULL = 0, /* a family of four octets in either order */
    WATCH_LINK_ETHERNET = 1,
    WATCH_LINK_RAW_BSD = 12,
    WATCH_LINK_RAW_OPENBSD = 14,
    WATCH_LINK_RAW = 101,
    WATCH_LINK_LOOP = 108,
    WATCH_LINK_SLL = 113,
    WATCH_LINK_IPV4 = 228,
    WATCH_LINK_IPV6 = 229,
    WATCH_LINK_SLL2 = 276,
};
bool cvn_watch_link_known(int link);

struct watch_address {
    uint8_t family; /* 4 or 6 */
    uint8_t ip[16];
    uint16_t port;
};

#define WATCH_FIN 0x01u
#define WATCH_SYN 0x02u
#define WATCH_RST 0x04u
#define WATCH_ACK 0x10u

struct watch_segment {
    struct watch_address from;
    struct watch_address to;
    uint32_t seq;
    uint32_t ack;
    uint8_t flags;
    const uint8_t *data; /* of octets, those that were captured */
    size_t captured;
    size_t octets;
};

/* Why a packet gave no segment. */
enum watch_packet {
    WATCH_PACKET_TCP,
    WATCH_PACKET_OTHER,    /* not TCP */
    WATCH_PACKET_FRAGMENT, /* a part of an IP packet: not put together */
    WATCH_PACKET_BAD,      /* cut short, or not what it says */
};
enum watch_packet cvn_watch_segment_of(int link, const uint8_t *p, size_t n, size_t wire,
                                       struct watch_segment *s);

/* One connection, each direction in order. side 0 is the end that opened it, or whose packet was
 * seen first. */
struct watch_tcp;

/* CVN_OK, CVN_ENOMEM. */
int cvn_watch_tcp_new(struct watch_tcp **out, const struct cvn_alloc *a,
                      const struct watch_segment *s) CVN_MUST_USE;
void cvn_watch_tcp_free(struct watch_tcp *t);
/* Whether a segment is of this connection, and from which side: 0, 1; -1: it is not. A SYN that
 * begins another connection between the same ports is not. */
int cvn_watch_tcp_side(const struct watch_tcp *t, const struct watch_segment *s);
const struct watch_address *cvn_watch_tcp_end(const struct watch_tcp *t, unsigned side);
/* It began before the capture did. */
bool cvn_watch_tcp_midway(const struct watch_tcp *t);

enum watch_piece_kind { WATCH_DATA, WATCH_GAP, WATCH_CLOSED, WATCH_RESET };
struct watch_piece {
    enum watch_piece_kind kind;
    const uint8_t *data; /* valid until the next call */
    size_t n;            /* WATCH_GAP: octets that are missing */
};

/* A segment from side; then cvn_watch_tcp_next() until CVN_NONE. CVN_OK, CVN_ENOMEM: it is lost. */
int cvn_watch_tcp_take(struct watch_tcp *t, unsigned side,
                       const struct watch_segment *s) CVN_MUST_USE;
/* What side's direction has now. finish: nothing more will be captured. CVN_EVENT, CVN_NONE. */
int cvn_watch_tcp_next(struct watch_tcp *t, unsigned side, bool finish, struct watch_piece *piece);

#endif
