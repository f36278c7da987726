/* SPDX-License-Identifier: MIT */
/* capture - pcapng (draft-ietf-opsawg-pcapng): link type 101, raw IP. */
#include "transport/tcp/capture.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/wr.h"
#include "convene/alloc.h"

#define HEADERS 60u    /* IPv6 40 + TCP 20 */
#define SEGMENT 32768u /* octets of one made-up TCP segment */

struct cvn_capture {
    FILE *file;
};

struct cvn_flow {
    struct cvn_capture *capture;
    struct sockaddr_storage end[2]; /* local, remote */
    uint32_t seq[2];
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

int cvn_capture_open(struct cvn_capture **out, const char *path, char *text, size_t cap)
{
    uint8_t head[48];
    struct cvn_wr w = cvn_wr_init(head, sizeof head);
    struct cvn_capture *c = cvn_new(cvn_alloc_std(), sizeof *c);
    if (c == NULL)
        return CVN_ENOMEM;
    c->file = fopen(path, "we");
    if (c->file == NULL) {
        (void)snprintf(text, cap, "%s", strerror(errno));
        cvn_free(cvn_alloc_std(), c, sizeof *c);
        return CVN_EIO;
    }
    le32(&w, 0x0a0d0d0a); /* section header block */
    le32(&w, 28);
    le32(&w, 0x1a2b3c4d);
    le32(&w, 1); /* version 1.0 */
    le32(&w, UINT32_MAX);
    le32(&w, UINT32_MAX);
    le32(&w, 28);
    le32(&w, 1); /* interface description block */
    le32(&w, 20);
    le32(&w, 101);
    le32(&w, 0);
    le32(&w, 20);
    put(c, head, w.len);
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
    cvn_wr_be32(&w, f->seq[from]);
    cvn_wr_be32(&w, f->seq[1 - from]);
    cvn_wr_be16(&w, (uint16_t)(0x5000 | flags));
    cvn_wr_be16(&w, 65535);
    cvn_wr_be32(&w, 0); /* no checksum: offloaded */
    return w.len;
}

/* Up to SEGMENT octets from the vector, from skip on. */
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
    uint32_t block = 32 + (len + 3) / 4 * 4;
    (void)clock_gettime(CLOCK_REALTIME, &ts);
    uint64_t us = (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
    le32(&w, 6); /* enhanced packet block */
    le32(&w, block);
    le32(&w, 0);
    le32(&w, (uint32_t)(us >> 32));
    le32(&w, (uint32_t)us);
    le32(&w, len);
    le32(&w, len);
    put(f->capture, head, w.len);
    put(f->capture, ip, nip);
    f->seq[from] += (uint32_t)take;
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
    put(f->capture, pad, (4 - len % 4) % 4);
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
    f->seq[0] = 1;
    packet(f, 1, 0x12, NULL, 0, 0, 0); /* SYN, ACK */
    f->seq[1] = 1;
    return f;
}

void cvn_flow_write(struct cvn_flow *f, bool sent, const struct cvn_iov *iov, size_t n,
                    size_t octets)
{
    if (f == NULL)
        return;
    for (size_t done = 0; done < octets;) {
        size_t take = octets - done < SEGMENT ? octets - done : SEGMENT;
        packet(f, sent ? 0 : 1, 0x18, iov, n, done, take);
        done += take;
    }
}

void cvn_flow_end(struct cvn_flow *f)
{
    if (f == NULL)
        return;
    packet(f, 0, 0x11, NULL, 0, 0, 0); /* FIN, ACK */
    (void)fflush(f->capture->file);
    cvn_free(cvn_alloc_std(), f, sizeof *f);
}
