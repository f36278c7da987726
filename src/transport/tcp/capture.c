/* SPDX-License-Identifier: MIT */
/*
 * capture - pcapng (draft-ietf-opsawg-pcapng-02): link type 101, raw IP.
 *
 * A file that is there is added to: a section of its own for each process, so that the same
 * command, run again after a kill, ends with one file of the whole story.
 *
 * Invariants
 *   I1  what stands in the file is whole blocks: all of one call's are given to the kernel
 *       before it returns; what a kill cut off is cut away by the next process that opens it.
 *   I2  a made-up segment holds octets of one TPKT only, so that every one begins a packet.
 */
#include "transport/tcp/capture.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/rd.h"
#include "base/wr.h"
#include "convene/alloc.h"
#include "proto/tpkt/tpkt.h"

#define HEADERS       60u    /* IPv6 40 + TCP 20 */
#define SEGMENT       65495u /* octets of one made-up segment: IPv4's 65535 less 40 */
#define BLOCK_SECTION 0x0a0d0d0au
#define BLOCK_MIN     12u
#define LINK_RAW      101u

struct cvn_capture {
    FILE *file;
    uint32_t snap; /* octets kept of a packet; 0: all */
};

/* Where a direction stands in its TPKTs. */
struct way {
    uint32_t seq;
    uint32_t left; /* of the TPKT at hand */
    uint8_t header[CVN_TPKT_HEADER];
    uint8_t nheader; /* octets of a header seen, when left == 0 */
};

struct cvn_flow {
    struct cvn_capture *capture;
    struct sockaddr_storage end[2]; /* local, remote */
    struct way way[2];
};

static void le32(struct cvn_wr *w, uint32_t v)
{
    for (int i = 0; i < 4; i++)
        cvn_wr_u8(w, (uint8_t)(v >> (8 * i)));
}

static void put(struct cvn_capture *c, const void *p, size_t n)
{
    (void)fwrite(p, 1, n, c->file);
}

/* The next block's type and length; false: there is no whole one. */
static bool next_block(FILE *f, off_t at, off_t size, uint32_t *type, uint32_t *len)
{
    uint8_t head[8];
    if (fseeko(f, at, SEEK_SET) != 0 || fread(head, 1, sizeof head, f) != sizeof head)
        return false;
    struct cvn_rd r = cvn_rd_init(head, sizeof head);
    *type = __builtin_bswap32(cvn_rd_be32(&r));
    *len = __builtin_bswap32(cvn_rd_be32(&r));
    return *len >= BLOCK_MIN && *len % 4 == 0 && *len <= size - at;
}

/* Opens path to add to it: what is there must be pcapng; its end may be torn. */
static FILE *open_end(const char *path, char *text, size_t cap)
{
    struct stat st;
    uint32_t type = 0;
    uint32_t len = 0;
    off_t at = 0;
    FILE *f = fopen(path, "a+e");
    if (f == NULL || fstat(fileno(f), &st) != 0) {
        (void)snprintf(text, cap, "%s", strerror(errno));
        goto fail;
    }
    if (!S_ISREG(st.st_mode) || st.st_size == 0)
        return f;
    while (next_block(f, at, st.st_size, &type, &len) && (at > 0 || type == BLOCK_SECTION))
        at += (off_t)len;
    if (at == 0) {
        (void)snprintf(text, cap, "it is there and is no pcapng file");
        goto fail;
    }
    if (fseeko(f, 0, SEEK_END) != 0 || (at < st.st_size && ftruncate(fileno(f), at) != 0)) {
        (void)snprintf(text, cap, "%s", strerror(errno));
        goto fail;
    }
    return f;

fail:
    if (f != NULL)
        (void)fclose(f);
    return NULL;
}

int cvn_capture_open(struct cvn_capture **out, const char *path, uint32_t snap, char *text,
                     size_t cap)
{
    uint8_t head[48];
    struct cvn_wr w = cvn_wr_init(head, sizeof head);
    struct cvn_capture *c = cvn_new(cvn_alloc_std(), sizeof *c);
    if (c == NULL)
        return CVN_ENOMEM;
    c->snap = snap == 0 || snap >= HEADERS ? snap : HEADERS;
    c->file = open_end(path, text, cap);
    if (c->file == NULL) {
        cvn_free(cvn_alloc_std(), c, sizeof *c);
        return CVN_EIO;
    }
    le32(&w, BLOCK_SECTION);
    le32(&w, 28);
    le32(&w, 0x1a2b3c4d);
    le32(&w, 1); /* version 1.0 */
    le32(&w, UINT32_MAX);
    le32(&w, UINT32_MAX);
    le32(&w, 28);
    le32(&w, 1); /* interface description block */
    le32(&w, 20);
    le32(&w, LINK_RAW);
    le32(&w, c->snap);
    le32(&w, 20);
    put(c, head, w.len);
    (void)fflush(c->file);
    *out = c;
    return CVN_OK;
}

void cvn_capture_close(struct cvn_capture *c)
{
    if (c == NULL)
        return;
    (void)fclose(c->file);
    cvn_free(cvn_alloc_std(), c, sizeof *c);
}

static unsigned port(const struct sockaddr_storage *a)
{
    return ntohs(a->ss_family == AF_INET6
                     ? ((const struct sockaddr_in6 *)(const void *)a)->sin6_port
                     : ((const struct sockaddr_in *)(const void *)a)->sin_port);
}

static const void *address(const struct sockaddr_storage *a)
{
    return a->ss_family == AF_INET6
               ? (const void *)&((const struct sockaddr_in6 *)(const void *)a)->sin6_addr
               : (const void *)&((const struct sockaddr_in *)(const void *)a)->sin_addr;
}

static uint16_t ip_sum(const uint8_t *p, size_t n)
{
    uint32_t sum = 0;
    for (size_t i = 0; i + 1 < n; i += 2)
        sum += (uint32_t)(p[i] << 8 | p[i + 1]);
    while (sum >> 16)
        sum = (sum & 0xffff) + (sum >> 16);
    return (uint16_t)~sum;
}

static size_t headers(struct cvn_flow *f, int from, size_t n, uint8_t flags, uint8_t *out)
{
    struct cvn_wr w = cvn_wr_init(out, HEADERS);
    const struct sockaddr_storage *a = &f->end[from];
    const struct sockaddr_storage *b = &f->end[1 - from];
    if (a->ss_family == AF_INET6) {
        cvn_wr_be32(&w, 0x60000000);
        cvn_wr_be16(&w, (uint16_t)(20 + n));
        cvn_wr_be16(&w, IPPROTO_TCP << 8 | 64);
        cvn_wr_bytes(&w, address(a), 16);
        cvn_wr_bytes(&w, address(b), 16);
    } else {
        cvn_wr_be16(&w, 0x4500);
        cvn_wr_be16(&w, (uint16_t)(40 + n));
        cvn_wr_be32(&w, 0x00004000);
        cvn_wr_be16(&w, 64 << 8 | IPPROTO_TCP);
        cvn_wr_be16(&w, 0);
        cvn_wr_bytes(&w, address(a), 4);
        cvn_wr_bytes(&w, address(b), 4);
        uint16_t sum = ip_sum(out, 20);
        out[10] = (uint8_t)(sum >> 8);
        out[11] = (uint8_t)sum;
    }
    cvn_wr_be16(&w, (uint16_t)port(a));
    cvn_wr_be16(&w, (uint16_t)port(b));
    cvn_wr_be32(&w, f->way[from].seq);
    cvn_wr_be32(&w, f->way[1 - from].seq);
    cvn_wr_be16(&w, (uint16_t)(0x5000 | flags));
    cvn_wr_be16(&w, 65535);
    cvn_wr_be32(&w, 0); /* no checksum: offloaded */
    return w.len;
}

/* take octets of the vector, from skip on, at most SEGMENT. */
static void packet(struct cvn_flow *f, int from, uint8_t flags, const struct cvn_iov *iov, size_t n,
                   size_t skip, size_t take)
{
    static const uint8_t pad[4];
    uint8_t head[28];
    uint8_t ip[HEADERS];
    struct cvn_wr w = cvn_wr_init(head, sizeof head);
    struct timespec ts;
    size_t nip = headers(f, from, take, flags, ip);
    uint32_t len = (uint32_t)(nip + take);
    uint32_t snap = f->capture->snap;
    uint32_t kept = snap == 0 || len <= snap ? len : snap;
    uint32_t block = 32 + (kept + 3) / 4 * 4;
    (void)clock_gettime(CLOCK_REALTIME, &ts);
    uint64_t us = (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
    le32(&w, 6); /* enhanced packet block */
    le32(&w, block);
    le32(&w, 0);
    le32(&w, (uint32_t)(us >> 32));
    le32(&w, (uint32_t)us);
    le32(&w, kept);
    le32(&w, len);
    put(f->capture, head, w.len);
    put(f->capture, ip, nip);
    f->way[from].seq += (uint32_t)take;
    take = kept - nip;
    for (size_t i = 0; i < n && take > 0; i++) {
        if (skip >= iov[i].len) {
            skip -= iov[i].len;
            continue;
        }
        size_t here = iov[i].len - skip < take ? iov[i].len - skip : take;
        put(f->capture, (const uint8_t *)iov[i].base + skip, here);
        skip = 0;
        take -= here;
    }
    put(f->capture, pad, (4 - kept % 4) % 4);
    w.len = 0;
    le32(&w, block);
    put(f->capture, head, w.len);
}

struct cvn_flow *cvn_flow_begin(struct cvn_capture *c, const struct cvn_stream *s)
{
    struct cvn_flow *f = c == NULL ? NULL : cvn_new(cvn_alloc_std(), sizeof *f);
    if (f == NULL)
        return NULL;
    f->capture = c;
    cvn_stream_addresses(s, &f->end[0], &f->end[1]);
    packet(f, 0, 0x02, NULL, 0, 0, 0); /* SYN */
    f->way[0].seq = 1;
    packet(f, 1, 0x12, NULL, 0, 0, 0); /* SYN, ACK */
    f->way[1].seq = 1;
    return f;
}

/* Octet `at` of the vector. */
static uint8_t octet(const struct cvn_iov *iov, size_t at)
{
    for (; at >= iov->len; iov++)
        at -= iov->len;
    return ((const uint8_t *)iov->base)[at];
}

/* How many of the octets [at, end) belong into one segment: I2. */
static size_t segment(struct way *y, const struct cvn_iov *iov, size_t at, size_t end)
{
    size_t n = 0;
    if (y->left == 0) {
        for (; y->nheader < CVN_TPKT_HEADER && at + n < end; n++)
            y->header[y->nheader++] = octet(iov, at + n);
        if (y->nheader < CVN_TPKT_HEADER)
            return n;
        uint32_t len = cvn_tpkt_length(y->header);
        y->nheader = 0;
        y->left = len == 0 ? UINT32_MAX : len - CVN_TPKT_HEADER; /* no TPKT: all belongs together */
    }
    size_t more = end - at - n < y->left ? end - at - n : y->left;
    if (n + more > SEGMENT)
        more = SEGMENT - n;
    y->left -= (uint32_t)more;
    return n + more;
}

void cvn_flow_write(struct cvn_flow *f, bool sent, const struct cvn_iov *iov, size_t n,
                    size_t octets)
{
    int from = sent ? 0 : 1;
    if (f == NULL)
        return;
    for (size_t done = 0; done < octets;) {
        size_t take = segment(&f->way[from], iov, done, octets);
        packet(f, from, 0x18, iov, n, done, take);
        done += take;
    }
    (void)fflush(f->capture->file); /* I1 */
}

void cvn_flow_end(struct cvn_flow *f)
{
    if (f == NULL)
        return;
    packet(f, 0, 0x11, NULL, 0, 0, 0); /* FIN, ACK */
    (void)fflush(f->capture->file);
    cvn_free(cvn_alloc_std(), f, sizeof *f);
}
