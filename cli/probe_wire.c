/* SPDX-License-Identifier: MIT */
/*
 * probe_wire - TPDUs and SPDUs sent as they are, and answers read: the peer is to be seen as it is,
 * so no state machine of ours stands between.
 *
 * Invariants
 *   I1  used <= have; octets in[used, have) were read and belong to packets not taken.
 */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/wr.h"
#include "cli/probe.h"

#define NS 1000000000.0

void probe_link_open(struct probe_link *l, int fd, double timeout_s)
{
    memset(l, 0, offsetof(struct probe_link, in));
    l->fd = fd;
    l->timeout_s = timeout_s;
}

void probe_link_close(struct probe_link *l)
{
    if (l->fd >= 0)
        (void)close(l->fd);
    l->fd = -1;
    l->over = true;
}

/* -------- out -------- */

static void give(struct probe_link *l, const uint8_t *p, size_t n)
{
    struct pollfd w = {.fd = l->fd, .events = POLLOUT};
    l->asked_ns = uv_hrtime();
    while (n > 0 && !l->over) {
        ssize_t sent = send(l->fd, p, n, MSG_NOSIGNAL);
        if (sent > 0) {
            p += sent;
            n -= (size_t)sent;
        } else if (errno == EAGAIN && poll(&w, 1, (int)(l->timeout_s * 1000)) > 0) {
            continue;
        } else if (errno != EINTR) {
            return; /* what the peer has to say about it is read by probe_next() */
        }
    }
}

static void send_cr(struct probe_link *l, const struct probe_cr *cr)
{
    uint8_t out[CVN_TPDU_PACKET_MAX];
    struct cvn_wr w = cvn_wr_init(out, sizeof out);
    uint8_t header[CVN_TPKT_HEADER];
    (void)cvn_wr_room(&w, CVN_TPKT_HEADER + 1);
    cvn_wr_u8(&w, CVN_TPDU_CR);
    cvn_wr_be16(&w, 0);
    cvn_wr_be16(&w, 1);
    cvn_wr_u8(&w, cr->class_id == 2 ? 0x21 : 0);
    if (cr->size != 0) {
        cvn_wr_be16(&w, 0xc001);
        cvn_wr_u8(&w, cr->size);
    }
    if (cr->tsel_len > 0) {
        cvn_wr_u8(&w, 0xc2);
        cvn_wr_u8(&w, (uint8_t)cr->tsel_len);
        cvn_wr_bytes(&w, cr->tsel, cr->tsel_len);
    }
    if (cr->expedited || cr->class_id == 2) {
        cvn_wr_be16(&w, 0xc601);
        cvn_wr_u8(&w, cr->expedited ? CVN_TPDU_EXPEDITED : 0);
    }
    if (cr->class_id == 2) {
        cvn_wr_be16(&w, 0xc701);
        cvn_wr_u8(&w, 0);
    }
    cvn_tpkt_header(header, (uint32_t)w.len);
    memcpy(out, header, sizeof header);
    out[CVN_TPKT_HEADER] = (uint8_t)(w.len - CVN_TPKT_HEADER - 1);
    give(l, out, w.len);
}

static void parameter(struct cvn_wr *w, unsigned code, struct cvn_octets value)
{
    cvn_wr_u8(w, (uint8_t)code);
    if (value.n < 255) {
        cvn_wr_u8(w, (uint8_t)value.n);
    } else {
        cvn_wr_u8(w, 255);
        cvn_wr_be16(w, (uint16_t)value.n);
    }
    cvn_wr_bytes(w, value.p, value.n);
}

static void connect_item(struct cvn_wr *w, const struct probe_cn *c)
{
    uint8_t item[16];
    struct cvn_wr i = cvn_wr_init(item, sizeof item);
    cvn_wr_be16(&i, 0x1301);
    cvn_wr_u8(&i, c->extended ? 1 : 0);
    cvn_wr_be16(&i, 0x1601);
    cvn_wr_u8(&i, c->versions);
    if (c->serial) {
        cvn_wr_be16(&i, 0x1701);
        cvn_wr_u8(&i, '1');
    }
    parameter(w, 5, (struct cvn_octets){item, i.len});
}

size_t probe_cn(uint8_t out[PROBE_CN_MAX], const struct probe_cn *c)
{
    uint8_t body[PROBE_CN_MAX - 8];
    struct cvn_wr w = cvn_wr_init(body, sizeof body);
    if (!c->bare) {
        uint8_t units[2] = {(uint8_t)(c->units >> 8), (uint8_t)c->units};
        if (c->empty_id)
            parameter(&w, 1, (struct cvn_octets){NULL, 0});
        connect_item(&w, c);
        parameter(&w, 20, (struct cvn_octets){units, 2});
        if (c->calling.n > 0)
            parameter(&w, 51, c->calling);
        if (c->called.n > 0)
            parameter(&w, 52, c->called);
        if (c->unknown)
            parameter(&w, 126, (struct cvn_octets){units, 2});
        if (c->user || c->data.n > 0)
            parameter(&w, c->data.n > CVN_USER_DATA_V1 ? 194 : 193, c->data);
    }
    struct cvn_wr o = cvn_wr_init(out, PROBE_CN_MAX);
    parameter(&o, 13, (struct cvn_octets){body, w.len});
    return w.bad || o.bad ? 0 : o.len;
}

/* -------- in -------- */

/* One read, at most until deadline. false: nothing came, and *a says what. */
static bool read_more(struct probe_link *l, uint64_t deadline, struct probe_answer *a)
{
    struct pollfd r = {.fd = l->fd, .events = POLLIN};
    uint64_t now = uv_hrtime();
    int ms = now >= deadline ? 0 : (int)((deadline - now) / 1000000u) + 1;
    memmove(l->in, l->in + l->used, l->have - l->used);
    l->have -= l->used;
    l->used = 0;
    a->kind = PROBE_SILENT;
    if (l->over || poll(&r, 1, ms) <= 0) {
        a->kind = l->over ? PROBE_CLOSED : PROBE_SILENT;
        return false;
    }
    ssize_t n = recv(l->fd, l->in + l->have, sizeof l->in - l->have, 0);
    if (n > 0) {
        l->have += (size_t)n;
        return true;
    }
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return now < deadline;
    l->over = true;
    a->kind = n == 0 ? PROBE_CLOSED : PROBE_RESET;
    return false;
}

/* The next packet, without its header; false: there is none, and *a says what. */
static bool packet(struct probe_link *l, uint64_t deadline, struct cvn_octets *tpdu,
                   struct probe_answer *a)
{
    for (;;) {
        if (l->have - l->used >= CVN_TPKT_HEADER) {
            const uint8_t *p = l->in + l->used;
            uint32_t n = cvn_tpkt_length(p);
            if (n == 0) {
                a->kind = PROBE_GARBAGE;
                a->why = "octets that are no TPKT (RFC 1006 6)";
                l->over = true;
                return false;
            }
            if (l->have - l->used >= n) {
                *tpdu = (struct cvn_octets){p + CVN_TPKT_HEADER, n - CVN_TPKT_HEADER};
                l->used += n;
                return true;
            }
        }
        if (!read_more(l, deadline, a))
            return false;
    }
}

static bool control(struct cvn_octets tpdu, struct probe_answer *a)
{
    struct cvn_tpdu_fault f;
    if (cvn_tpdu_decode(tpdu, &a->tpdu, &f) != CVN_OK) {
        a->kind = PROBE_GARBAGE;
        a->why = f.why;
        return true;
    }
    switch (a->tpdu.code) {
    case CVN_TPDU_CC:
        a->kind = PROBE_CC;
        return true;
    case CVN_TPDU_DR:
        a->kind = PROBE_DR;
        return true;
    case CVN_TPDU_ER:
        a->kind = PROBE_ER;
        return true;
    default:
        a->kind = PROBE_GARBAGE;
        a->why = "a TPDU that does not belong there (X.224 6)";
        return true;
    }
}

/* The first SPDU of a TSDU, or the one behind a GT or PT without tokens. */
static void session(struct probe_link *l, struct probe_answer *a)
{
    struct cvn_spdu_fault f;
    const uint8_t *p = l->tsdu;
    size_t len = l->tsdu_len;
    bool first = true;
    a->kind = PROBE_GARBAGE;
    a->tsdu = len;
    a->why = "a TSDU that holds no whole SPDU (X.225 8)";
    for (;;) {
        size_t n = cvn_spdu_header_length(p, len);
        if (n == 0 || n > len)
            return;
        if (cvn_spdu_decode(&a->spdu, p, n, first, &f) != CVN_OK) {
            a->why = f.why;
            return;
        }
        a->kind = PROBE_SPDU;
        bool before = a->spdu.type == CVN_SPDU_GT || a->spdu.type == CVN_SPDU_PT;
        if (!before || n == len || !first)
            return;
        p += n;
        len -= n;
        first = false;
    }
}

/* A data TPDU: true once its TSDU is whole. */
static bool data(struct probe_link *l, struct cvn_octets tpdu, struct probe_answer *a)
{
    struct cvn_tpdu_fault f;
    bool end;
    bool expedited = (tpdu.p[1] & 0xf0) == CVN_TPDU_ED;
    a->kind = PROBE_GARBAGE;
    struct cvn_octets header = {tpdu.p, CVN_TPDU_DATA_HEADER};
    if (cvn_tpdu_decode_data(header, (uint32_t)tpdu.n, true, &end, &f) != CVN_OK) {
        a->why = f.why;
        return true;
    }
    size_t n = tpdu.n - CVN_TPDU_DATA_HEADER;
    if (l->tsdu_len + n > sizeof l->tsdu) {
        a->why = "an answer of more than 128 KiB";
        return true;
    }
    memcpy(l->tsdu + l->tsdu_len, tpdu.p + CVN_TPDU_DATA_HEADER, n);
    l->tsdu_len += n;
    if (!end && !expedited)
        return false;
    session(l, a);
    return true;
}

void probe_next(struct probe_link *l, double seconds, struct probe_answer *a)
{
    uint64_t deadline = uv_hrtime() + (uint64_t)(seconds * NS);
    struct cvn_octets tpdu;
    memset(a, 0, sizeof *a);
    l->tsdu_len = 0;
    while (packet(l, deadline, &tpdu, a)) {
        unsigned code = tpdu.n >= CVN_TPDU_DATA_HEADER ? tpdu.p[1] & 0xf0u : 0;
        bool is_data = code == CVN_TPDU_DT || code == CVN_TPDU_ED;
        if (is_data ? data(l, tpdu, a) : control(tpdu, a))
            break;
    }
    a->ms = (double)(uv_hrtime() - l->asked_ns) / 1e6;
}

void probe_transport(struct probe_link *l, const struct probe_cr *cr, struct probe_answer *a)
{
    send_cr(l, cr);
    probe_next(l, l->timeout_s, a);
    if (a->kind == PROBE_CC && a->tpdu.size != 0)
        l->dt_max = (1u << a->tpdu.size) - CVN_TPDU_DATA_HEADER;
    else if (cr->size != 0) /* an answer without a size: no more than was asked for */
        l->dt_max = (1u << cr->size) - CVN_TPDU_DATA_HEADER;
}

/* One TSDU, in data TPDUs of the size agreed. */
void probe_send(struct probe_link *l, const uint8_t *spdu, size_t n)
{
    do {
        uint8_t out[CVN_TPKT_HEADER + CVN_TPDU_DATA_HEADER + PROBE_CN_MAX];
        struct cvn_wr w = cvn_wr_init(out, sizeof out);
        size_t part = l->dt_max != 0 && n > l->dt_max ? l->dt_max : n;
        struct cvn_tpdu_data dt = {.code = CVN_TPDU_DT, .end = part == n, .n = part};
        cvn_tpdu_encode_data(&w, &dt);
        cvn_wr_bytes(&w, spdu, part);
        give(l, out, w.len);
        spdu += part;
        n -= part;
    } while (n > 0);
}

void probe_ask(struct probe_link *l, const uint8_t *spdu, size_t n, struct probe_answer *a)
{
    probe_send(l, spdu, n);
    probe_next(l, l->timeout_s, a);
}
