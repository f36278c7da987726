/* SPDX-License-Identifier: MIT */
/* record - fields and words of stream sessions, both directions in one file. */
#include "session/record.h"

#include <assert.h>
#include <string.h>

#include "base/rd.h"

static const uint8_t magic[4] = {'c', 'v', 'n', 0x1a};

#define LAST_FIELD CVN_RECORD_F_PROOF

static void take(struct cvn_rd *v, uint8_t *to, size_t n)
{
    const uint8_t *p = cvn_rd_bytes(v, n);
    if (p != NULL)
        memcpy(to, p, n);
}

static struct cvn_octets rest(struct cvn_rd *v, size_t most)
{
    size_t left = cvn_rd_left(v);
    v->bad = v->bad || left > most;
    return (struct cvn_octets){cvn_rd_bytes(v, left), left};
}

static void decode_identity(struct cvn_record *r, uint8_t type, struct cvn_rd *v)
{
    switch (type) {
    case CVN_RECORD_F_SESSION:
        take(v, r->session, CVN_SESSION_ID);
        break;
    case CVN_RECORD_F_EPOCH:
        r->epoch = cvn_rd_be32(v);
        break;
    case CVN_RECORD_F_NONCE:
        take(v, r->nonce, CVN_NONCE);
        break;
    case CVN_RECORD_F_SECRET:
        take(v, r->secret, CVN_SECRET);
        break;
    case CVN_RECORD_F_CALL_BACK:
        r->call_back = rest(v, CVN_ADDRESS_MAX);
        break;
    case CVN_RECORD_F_MOVED:
        r->moved = rest(v, CVN_ADDRESS_MAX);
        break;
    case CVN_RECORD_F_TEXT:
        r->text = rest(v, CVN_WORD_TEXT_MAX);
        break;
    case CVN_RECORD_F_PROOF:
        take(v, r->proof, CVN_PROOF);
        break;
    default:
        break; /* of a later version, or one without a value */
    }
}

static void decode_field(struct cvn_record *r, uint8_t type, struct cvn_rd *v)
{
    switch (type) {
    case CVN_RECORD_F_VERSION:
        r->version = cvn_rd_u8(v);
        break;
    case CVN_RECORD_F_INCOMING:
        r->received = cvn_rd_be64(v);
        r->durable = cvn_rd_be64(v);
        r->committed = cvn_rd_be64(v);
        break;
    case CVN_RECORD_F_OUTGOING:
        r->first = cvn_rd_be64(v);
        r->next = cvn_rd_be64(v);
        v->bad = v->bad || r->first > r->next;
        break;
    case CVN_RECORD_F_LIMIT:
        r->limit = cvn_rd_be64(v);
        break;
    case CVN_RECORD_F_END:
        r->end = cvn_rd_be64(v);
        break;
    case CVN_RECORD_F_LEVEL:
        r->level = cvn_rd_u8(v);
        v->bad = v->bad || r->level < CVN_LEVEL_RECEIVED || r->level > CVN_LEVEL_COMMITTED;
        break;
    case CVN_RECORD_F_KEEP:
        r->keep = cvn_rd_be32(v);
        break;
    case CVN_RECORD_F_POLL:
        r->poll = cvn_rd_be32(v);
        break;
    case CVN_RECORD_F_ANSWER:
        r->answer = cvn_rd_u8(v);
        v->bad = v->bad || r->answer >= CVN_ANSWERS;
        break;
    default:
        decode_identity(r, type, v);
        break;
    }
}

int cvn_record_decode(struct cvn_record *r, struct cvn_octets data)
{
    struct cvn_rd rd = cvn_rd_init(data.p, data.n);
    *r = (struct cvn_record){0};
    if (data.n < sizeof magic || memcmp(data.p, magic, sizeof magic) != 0)
        return CVN_OK;
    r->ours = true;
    cvn_rd_skip(&rd, sizeof magic);
    while (cvn_rd_left(&rd) > 0) {
        size_t before = data.n - cvn_rd_left(&rd);
        uint8_t type = cvn_rd_u8(&rd);
        uint16_t len = cvn_rd_be16(&rd);
        struct cvn_rd value = cvn_rd_sub(&rd, len);
        if (rd.bad || r->proved > 0)
            return CVN_EPROTO;
        decode_field(r, type, &value);
        if (value.bad)
            return CVN_EPROTO;
        if (type <= LAST_FIELD)
            cvn_record_set(r, (enum cvn_record_field)type);
        if (type == CVN_RECORD_F_PROOF)
            r->proved = before;
    }
    return CVN_OK;
}

static void encode_identity(const struct cvn_record *r, uint8_t type, struct cvn_wr *w)
{
    switch (type) {
    case CVN_RECORD_F_SESSION:
        cvn_wr_bytes(w, r->session, CVN_SESSION_ID);
        break;
    case CVN_RECORD_F_EPOCH:
        cvn_wr_be32(w, r->epoch);
        break;
    case CVN_RECORD_F_NONCE:
        cvn_wr_bytes(w, r->nonce, CVN_NONCE);
        break;
    case CVN_RECORD_F_SECRET:
        cvn_wr_bytes(w, r->secret, CVN_SECRET);
        break;
    case CVN_RECORD_F_CALL_BACK:
        cvn_wr_bytes(w, r->call_back.p, r->call_back.n);
        break;
    case CVN_RECORD_F_MOVED:
        cvn_wr_bytes(w, r->moved.p, r->moved.n);
        break;
    case CVN_RECORD_F_TEXT:
        cvn_wr_bytes(w, r->text.p, r->text.n);
        break;
    default:
        break;
    }
}

static void encode_field(const struct cvn_record *r, uint8_t type, struct cvn_wr *w)
{
    switch (type) {
    case CVN_RECORD_F_VERSION:
        cvn_wr_u8(w, r->version);
        break;
    case CVN_RECORD_F_INCOMING:
        cvn_wr_be64(w, r->received);
        cvn_wr_be64(w, r->durable);
        cvn_wr_be64(w, r->committed);
        break;
    case CVN_RECORD_F_OUTGOING:
        cvn_wr_be64(w, r->first);
        cvn_wr_be64(w, r->next);
        break;
    case CVN_RECORD_F_LIMIT:
        cvn_wr_be64(w, r->limit);
        break;
    case CVN_RECORD_F_END:
        cvn_wr_be64(w, r->end);
        break;
    case CVN_RECORD_F_LEVEL:
        cvn_wr_u8(w, r->level);
        break;
    case CVN_RECORD_F_KEEP:
        cvn_wr_be32(w, r->keep);
        break;
    case CVN_RECORD_F_POLL:
        cvn_wr_be32(w, r->poll);
        break;
    case CVN_RECORD_F_ANSWER:
        cvn_wr_u8(w, r->answer);
        break;
    default:
        encode_identity(r, type, w);
        break;
    }
}

static void encode_one(const struct cvn_record *r, uint8_t type, struct cvn_wr *w)
{
    cvn_wr_u8(w, type);
    cvn_wr_be16(w, 0);
    size_t start = w->len;
    encode_field(r, type, w);
    if (w->bad)
        return;
    size_t len = w->len - start;
    assert(len <= UINT16_MAX);
    w->buf[start - 2] = (uint8_t)(len >> 8);
    w->buf[start - 1] = (uint8_t)len;
}

int cvn_record_encode(const struct cvn_record *r, struct cvn_wr *w)
{
    struct cvn_wr before = *w;
    if (r->call_back.n > CVN_ADDRESS_MAX || r->moved.n > CVN_ADDRESS_MAX ||
        r->text.n > CVN_WORD_TEXT_MAX)
        return CVN_ETOOBIG;
    cvn_wr_bytes(w, magic, sizeof magic);
    for (uint8_t type = 1; type < CVN_RECORD_F_PROOF; type++) {
        if ((r->has >> type & 1u) != 0)
            encode_one(r, type, w);
    }
    if (!w->bad)
        return CVN_OK;
    *w = before;
    return CVN_ETOOBIG;
}

int cvn_record_append_proof(struct cvn_wr *w, const uint8_t proof[CVN_PROOF])
{
    struct cvn_wr before = *w;
    cvn_wr_u8(w, CVN_RECORD_F_PROOF);
    cvn_wr_be16(w, CVN_PROOF);
    cvn_wr_bytes(w, proof, CVN_PROOF);
    if (!w->bad)
        return CVN_OK;
    *w = before;
    return CVN_ETOOBIG;
}

/* -------- words -------- */

int cvn_word_decode(struct cvn_word *w, struct cvn_octets data)
{
    struct cvn_rd r = cvn_rd_init(data.p, data.n);
    *w = (struct cvn_word){.kind = cvn_rd_u8(&r)};
    switch (w->kind) {
    case CVN_WORD_POINT:
    case CVN_WORD_END:
        w->position = cvn_rd_be64(&r);
        break;
    case CVN_WORD_STATUS:
        w->position = cvn_rd_be64(&r);
        w->durable = cvn_rd_be64(&r);
        w->committed = cvn_rd_be64(&r);
        w->limit = cvn_rd_be64(&r);
        break;
    case CVN_WORD_PROBE:
    case CVN_WORD_ANSWER:
        w->number = cvn_rd_be32(&r);
        break;
    case CVN_WORD_PROOF:
        w->octets = (struct cvn_octets){cvn_rd_bytes(&r, CVN_PROOF), CVN_PROOF};
        break;
    case CVN_WORD_RELEASE:
        w->reason = cvn_rd_u8(&r);
        break;
    case CVN_WORD_ABORT:
        w->reason = cvn_rd_u8(&r);
        w->octets = rest(&r, CVN_WORD_TEXT_MAX);
        break;
    case CVN_WORD_RENEW:
        break;
    default:
        w->kind = 0;
        break;
    }
    return r.bad ? CVN_EPROTO : CVN_OK;
}

static void encode_word(const struct cvn_word *w, struct cvn_wr *out)
{
    cvn_wr_u8(out, w->kind);
    switch (w->kind) {
    case CVN_WORD_POINT:
    case CVN_WORD_END:
        cvn_wr_be64(out, w->position);
        break;
    case CVN_WORD_STATUS:
        cvn_wr_be64(out, w->position);
        cvn_wr_be64(out, w->durable);
        cvn_wr_be64(out, w->committed);
        cvn_wr_be64(out, w->limit);
        break;
    case CVN_WORD_PROBE:
    case CVN_WORD_ANSWER:
        cvn_wr_be32(out, w->number);
        break;
    case CVN_WORD_RELEASE:
        cvn_wr_u8(out, w->reason);
        break;
    case CVN_WORD_ABORT:
        cvn_wr_u8(out, w->reason);
        cvn_wr_bytes(out, w->octets.p, w->octets.n);
        break;
    case CVN_WORD_PROOF:
        cvn_wr_bytes(out, w->octets.p, w->octets.n);
        break;
    default:
        break;
    }
}

int cvn_word_encode(const struct cvn_word *w, struct cvn_wr *out)
{
    struct cvn_wr before = *out;
    if (w->kind == 0 || w->kind >= CVN_WORD_KINDS ||
        (w->kind == CVN_WORD_PROOF && w->octets.n != CVN_PROOF))
        return CVN_EINVAL;
    if (w->kind == CVN_WORD_ABORT && w->octets.n > CVN_WORD_TEXT_MAX)
        return CVN_ETOOBIG;
    encode_word(w, out);
    if (!out->bad)
        return CVN_OK;
    *out = before;
    return CVN_ETOOBIG;
}
