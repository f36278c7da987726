/* SPDX-License-Identifier: MIT */
/*
 * watch_tcp - see watch_tcp.h.
 *
 * Invariants
 *   T1  pending segments of a direction stand in the order of their numbers, and begin at or
 *       behind `next` once cvn_watch_tcp_next() has given CVN_NONE.
 *   T2  octets that are there twice are told once: the first copy counts.
 *   T3  a gap is told when the other end has acknowledged what is missing and a few segments
 *       have come since, when too much waits behind it, and at the end.
 */
#include "session/watch_tcp.h"

#include <string.h>

#include "base/rd.h"

#define WAIT_OCTETS   (4u << 20)
#define WAIT_SEGMENTS 512u
#define PATIENCE      8u /* segments after an acknowledgement of what is missing */

#define ETHER_IPV4    0x0800u
#define ETHER_IPV6    0x86ddu
#define ETHER_VLAN    0x8100u
#define ETHER_QINQ    0x88a8u
#define IP_TCP        6u

/* --- packets --- */

bool cvn_watch_link_known(int link)
{
    switch (link) {
    case WATCH_LINK_NULL:
    case WATCH_LINK_ETHERNET:
    case WATCH_LINK_RAW_BSD:
    case WATCH_LINK_RAW_OPENBSD:
    case WATCH_LINK_RAW:
    case WATCH_LINK_LOOP:
    case WATCH_LINK_SLL:
    case WATCH_LINK_IPV4:
    case WATCH_LINK_IPV6:
    case WATCH_LINK_SLL2:
        return true;
    default:
        return false;
    }
}

/* Passes the link layer. False: no IP follows. */
static bool pass_link(int link, struct cvn_rd *rd)
{
    uint16_t type = ETHER_IPV4;
    switch (link) {
    case WATCH_LINK_NULL:
    case WATCH_LINK_LOOP:
        cvn_rd_skip(rd, 4); /* the family differs by system; the version of IP says it too */
        break;
    case WATCH_LINK_ETHERNET:
        cvn_rd_skip(rd, 12);
        type = cvn_rd_be16(rd);
        break;
    case WATCH_LINK_SLL:
        cvn_rd_skip(rd, 14);
        type = cvn_rd_be16(rd);
        break;
    case WATCH_LINK_SLL2:
        type = cvn_rd_be16(rd);
        cvn_rd_skip(rd, 18);
        break;
    default:
        break;
    }
    while (type == ETHER_VLAN || type == ETHER_QINQ) {
        cvn_rd_skip(rd, 2);
        type = cvn_rd_be16(rd);
        if (rd->bad)
            return false;
    }
    return !rd->bad && (type == ETHER_IPV4 || type == ETHER_IPV6);
}

static void address(struct watch_address *a, uint8_t family, struct cvn_rd *rd)
{
    size_t n = family == 4 ? 4 : 16;
    const uint8_t *p = cvn_rd_bytes(rd, n);
    memset(a, 0, sizeof *a);
    a->family = family;
    if (p != NULL)
        memcpy(a->ip, p, n);
}

/* rd stands behind IP; octets: of TCP on the wire. */
static enum watch_packet tcp(struct cvn_rd rd, size_t octets, struct watch_segment *s)
{
    s->from.port = cvn_rd_be16(&rd);
    s->to.port = cvn_rd_be16(&rd);
    s->seq = cvn_rd_be32(&rd);
    s->ack = cvn_rd_be32(&rd);
    size_t header = (size_t)(cvn_rd_u8(&rd) >> 4) * 4;
    s->flags = cvn_rd_u8(&rd);
    cvn_rd_skip(&rd, 6);
    if (rd.bad || header < 20 || header > octets)
        return WATCH_PACKET_BAD;
    size_t left = cvn_rd_left(&rd);
    cvn_rd_skip(&rd, header - 20 < left ? header - 20 : left);
    s->octets = octets - header;
    s->data = rd.at;
    s->captured = cvn_rd_left(&rd) < s->octets ? cvn_rd_left(&rd) : s->octets;
    return WATCH_PACKET_TCP;
}

static enum watch_packet ipv4(struct cvn_rd rd, size_t wire, struct watch_segment *s)
{
    size_t header = (size_t)(cvn_rd_u8(&rd) & 15u) * 4;
    cvn_rd_skip(&rd, 1);
    size_t total = cvn_rd_be16(&rd);
    cvn_rd_skip(&rd, 2);
    uint16_t fragment = cvn_rd_be16(&rd);
    cvn_rd_skip(&rd, 1);
    uint8_t protocol = cvn_rd_u8(&rd);
    cvn_rd_skip(&rd, 2);
    address(&s->from, 4, &rd);
    address(&s->to, 4, &rd);
    if (rd.bad || header < 20)
        return WATCH_PACKET_BAD;
    if (protocol != IP_TCP)
        return WATCH_PACKET_OTHER;
    if ((fragment & 0x3fffu) != 0)
        return WATCH_PACKET_FRAGMENT;
    if (total == 0) /* cut into segments by the network card */
        total = wire;
    cvn_rd_skip(&rd, header - 20);
    if (rd.bad || total < header || total > wire)
        return WATCH_PACKET_BAD;
    if (cvn_rd_left(&rd) > total - header) /* padding of the link layer */
        rd.end = rd.at + (total - header);
    return tcp(rd, total - header, s);
}

static enum watch_packet ipv6(struct cvn_rd rd, size_t wire, struct watch_segment *s)
{
    cvn_rd_skip(&rd, 4);
    size_t payload = cvn_rd_be16(&rd);
    uint8_t next = cvn_rd_u8(&rd);
    cvn_rd_skip(&rd, 1);
    address(&s->from, 6, &rd);
    address(&s->to, 6, &rd);
    if (rd.bad || wire < 40)
        return WATCH_PACKET_BAD;
    if (payload == 0)
        payload = wire - 40;
    if (payload > wire - 40)
        return WATCH_PACKET_BAD;
    while (next == 0 || next == 43 || next == 60) { /* hop-by-hop, routing, destination */
        next = cvn_rd_u8(&rd);
        size_t n = (size_t)cvn_rd_u8(&rd) * 8 + 8;
        cvn_rd_skip(&rd, n - 2);
        if (rd.bad || n > payload)
            return WATCH_PACKET_BAD;
        payload -= n;
    }
    if (next == 44)
        return WATCH_PACKET_FRAGMENT;
    if (next != IP_TCP)
        return WATCH_PACKET_OTHER;
    if (cvn_rd_left(&rd) > payload)
        rd.end = rd.at + payload;
    return tcp(rd, payload, s);
}

enum watch_packet cvn_watch_segment_of(int link, const uint8_t *p, size_t n, size_t wire,
                                       struct watch_segment *s)
{
    struct cvn_rd rd = cvn_rd_init(p, n);
    memset(s, 0, sizeof *s);
    if (wire < n)
        wire = n;
    if (!pass_link(link, &rd))
        return rd.bad ? WATCH_PACKET_BAD : WATCH_PACKET_OTHER;
    wire -= n - cvn_rd_left(&rd);
    struct cvn_rd look = rd;
    switch (cvn_rd_u8(&look) >> 4) {
    case 4:
        return ipv4(rd, wire, s);
    case 6:
        return ipv6(rd, wire, s);
    default:
        return look.bad ? WATCH_PACKET_BAD : WATCH_PACKET_OTHER;
    }
}

/* --- connections --- */

struct pending {
    struct pending *later;
    uint32_t seq;
    size_t octets;   /* on the wire */
    size_t captured; /* at data */
    uint8_t data[];
};

struct direction {
    struct watch_address end; /* its sender */
    struct pending *first;
    struct pending *given; /* what the last piece pointed at */
    size_t waiting;        /* octets */
    unsigned segments;     /* pending */
    unsigned since;        /* segments since what is missing was acknowledged */
    uint32_t next;
    uint32_t acked; /* by the other end */
    uint32_t isn;
    uint32_t fin_at;
    size_t cut; /* octets of the last piece that were not captured: a gap is due */
    bool synced;
    bool syn;
    bool has_ack;
    bool fin;
    bool reset;
    bool over; /* WATCH_CLOSED or WATCH_RESET was told */
};

struct watch_tcp {
    const struct cvn_alloc *alloc;
    struct direction way[2];
};

static bool same_address(const struct watch_address *a, const struct watch_address *b)
{
    return a->family == b->family && a->port == b->port && memcmp(a->ip, b->ip, 16) == 0;
}

static int32_t distance(uint32_t from, uint32_t to)
{
    return (int32_t)(to - from);
}

int cvn_watch_tcp_new(struct watch_tcp **out, const struct cvn_alloc *a,
                      const struct watch_segment *s)
{
    struct watch_tcp *t = cvn_new(a, sizeof *t);
    if (t == NULL)
        return CVN_ENOMEM;
    bool answer = (s->flags & WATCH_SYN) != 0 && (s->flags & WATCH_ACK) != 0;
    t->alloc = a;
    t->way[0].end = answer ? s->to : s->from;
    t->way[1].end = answer ? s->from : s->to;
    *out = t;
    return CVN_OK;
}

static void drop(struct watch_tcp *t, struct pending *p)
{
    cvn_free(t->alloc, p, p == NULL ? 0 : sizeof *p + p->captured);
}

void cvn_watch_tcp_free(struct watch_tcp *t)
{
    if (t == NULL)
        return;
    for (unsigned i = 0; i < 2; i++) {
        struct direction *d = &t->way[i];
        drop(t, d->given);
        while (d->first != NULL) {
            struct pending *p = d->first;
            d->first = p->later;
            drop(t, p);
        }
    }
    cvn_free(t->alloc, t, sizeof *t);
}

const struct watch_address *cvn_watch_tcp_end(const struct watch_tcp *t, unsigned side)
{
    return &t->way[side].end;
}

bool cvn_watch_tcp_midway(const struct watch_tcp *t)
{
    return !t->way[0].syn;
}

int cvn_watch_tcp_side(const struct watch_tcp *t, const struct watch_segment *s)
{
    for (unsigned i = 0; i < 2; i++) {
        const struct direction *d = &t->way[i];
        if (!same_address(&d->end, &s->from) || !same_address(&t->way[!i].end, &s->to))
            continue;
        bool again = (s->flags & WATCH_SYN) != 0 && (s->flags & WATCH_ACK) == 0 &&
                     ((d->syn && d->isn != s->seq) || (!d->syn && d->synced));
        return again ? -1 : (int)i;
    }
    return -1;
}

static int store(struct watch_tcp *t, struct direction *d, const struct watch_segment *s,
                 uint32_t seq)
{
    struct pending *p = cvn_new(t->alloc, sizeof *p + s->captured);
    if (p == NULL)
        return CVN_ENOMEM;
    p->seq = seq;
    p->octets = s->octets;
    p->captured = s->captured;
    if (s->captured > 0)
        memcpy(p->data, s->data, s->captured);
    struct pending **at = &d->first;
    while (*at != NULL && distance((*at)->seq, seq) >= 0)
        at = &(*at)->later;
    p->later = *at;
    *at = p;
    d->waiting += p->captured;
    d->segments++;
    return CVN_OK;
}

static int take_data(struct watch_tcp *t, struct direction *d, const struct watch_segment *s,
                     uint32_t seq)
{
    int rc = CVN_OK;
    if (!d->synced)
        d->next = seq;
    d->synced = true;
    if (distance(d->next, seq + (uint32_t)s->octets) > 0)
        rc = store(t, d, s, seq);
    if (d->first != NULL && d->first->seq != d->next)
        d->since++;
    return rc;
}

int cvn_watch_tcp_take(struct watch_tcp *t, unsigned side, const struct watch_segment *s)
{
    struct direction *d = &t->way[side];
    struct direction *other = &t->way[!side];
    uint32_t seq = s->seq;
    int rc = CVN_OK;
    if ((s->flags & WATCH_SYN) != 0) {
        if (!d->synced)
            d->next = seq + 1;
        d->synced = true;
        d->syn = true;
        d->isn = seq;
        seq++;
    }
    if ((s->flags & WATCH_ACK) != 0) {
        if (!other->has_ack || distance(other->acked, s->ack) > 0)
            other->acked = s->ack;
        other->has_ack = true;
    }
    if (other->first != NULL)
        other->since++;
    if (s->octets > 0 && !d->over)
        rc = take_data(t, d, s, seq);
    if ((s->flags & WATCH_FIN) != 0) {
        if (!d->synced)
            d->next = seq + (uint32_t)s->octets;
        d->synced = true;
        d->fin = true;
        d->fin_at = seq + (uint32_t)s->octets;
    }
    if ((s->flags & WATCH_RST) != 0)
        d->reset = true;
    return rc;
}

/* T3 */
static bool gap_is_certain(const struct direction *d, bool finish)
{
    bool acked = d->has_ack && distance(d->first->seq, d->acked) >= 0;
    return finish || d->reset || d->waiting > WAIT_OCTETS || d->segments > WAIT_SEGMENTS ||
           (acked && d->since >= PATIENCE);
}

/* The first pending segment, which begins at or before next. False: nothing of it is new. */
static bool give(struct watch_tcp *t, struct direction *d, struct watch_piece *piece)
{
    struct pending *p = d->first;
    size_t old = (size_t)distance(p->seq, d->next);
    d->first = p->later;
    d->waiting -= p->captured;
    d->segments--;
    if (old >= p->octets) {
        drop(t, p); /* T2 */
        return false;
    }
    size_t n = old < p->captured ? p->captured - old : 0;
    d->next = p->seq + (uint32_t)p->octets;
    d->cut = p->octets - old - n;
    d->since = 0;
    d->given = p;
    *piece = (struct watch_piece){WATCH_DATA, p->data + (n > 0 ? old : 0), n};
    return true;
}

int cvn_watch_tcp_next(struct watch_tcp *t, unsigned side, bool finish, struct watch_piece *piece)
{
    struct direction *d = &t->way[side];
    drop(t, d->given);
    d->given = NULL;
    if (d->cut > 0) {
        *piece = (struct watch_piece){WATCH_GAP, NULL, d->cut};
        d->cut = 0;
        return CVN_EVENT;
    }
    while (d->first != NULL) {
        int32_t missing = distance(d->next, d->first->seq);
        if (missing > 0 && !gap_is_certain(d, finish))
            return CVN_NONE;
        if (missing > 0) {
            d->next = d->first->seq;
            *piece = (struct watch_piece){WATCH_GAP, NULL, (size_t)missing};
            return CVN_EVENT;
        }
        if (give(t, d, piece))
            return CVN_EVENT;
    }
    bool fin = d->fin && (distance(d->fin_at, d->next) >= 0 || finish);
    if (d->over || (!d->reset && !fin))
        return CVN_NONE;
    d->over = true;
    *piece = (struct watch_piece){d->reset ? WATCH_RESET : WATCH_CLOSED, NULL, 0};
    return CVN_EVENT;
}
