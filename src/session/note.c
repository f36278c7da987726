/* SPDX-License-Identifier: MIT */
/* note - convene's fields in SS-user data, both directions in one file. */
#include "session/note.h"

#include <assert.h>
#include <string.h>

#include "base/rd.h"

static const uint8_t magic[4] = {'c', 'v', 'n', 0x1a};

size_t cvn_hash_octets(uint8_t hash)
{
    return hash == CVN_HASH_XXH128 ? 16 : hash == CVN_HASH_SHA256 ? 32 : 0;
}

const char *cvn_trouble_text(uint8_t trouble)
{
    static const char *const text[] = {
        "no trouble",
        "the resume does not fit what the receiver holds",
        "a file of that name exists at the receiver",
        "the receiver computed another hash",
        "no space left at the receiver",
        "not permitted at the receiver",
        "the name cannot stand beneath the receiver's folder",
        "an input or output error at the receiver",
        "larger than the receiver takes",
        "another connection is sending this transfer",
        "not as many octets as were announced",
        "the receiver reports an exception",
    };
    return trouble < sizeof text / sizeof text[0] ? text[trouble] : "a trouble of unknown kind";
}

static void decode_meta(struct cvn_note *n, uint8_t type, struct cvn_rd *v)
{
    size_t left = cvn_rd_left(v);
    switch (type) {
    case CVN_NOTE_F_NAME:
        n->name = (struct cvn_octets){cvn_rd_bytes(v, left), left};
        break;
    case CVN_NOTE_F_SIZE:
        n->size = cvn_rd_be64(v);
        break;
    case CVN_NOTE_F_MODE:
        n->mode = cvn_rd_be16(v);
        break;
    case CVN_NOTE_F_MTIME:
        n->mtime_s = (int64_t)cvn_rd_be64(v);
        n->mtime_ns = cvn_rd_be32(v);
        v->bad = v->bad || n->mtime_ns >= 1000000000u;
        break;
    case CVN_NOTE_F_KIND:
        n->kind = cvn_rd_u8(v);
        v->bad = v->bad || n->kind > CVN_KIND_SYMLINK;
        break;
    case CVN_NOTE_F_TARGET:
        n->target = (struct cvn_octets){cvn_rd_bytes(v, left), left};
        break;
    case CVN_NOTE_F_HASH:
        n->hash = cvn_rd_u8(v);
        left = cvn_rd_left(v);
        n->digest = (struct cvn_octets){cvn_rd_bytes(v, left), left};
        v->bad = v->bad || (left != 0 && left != cvn_hash_octets(n->hash));
        break;
    default:
        break;
    }
}

static void decode_field(struct cvn_note *n, uint8_t type, struct cvn_rd *v)
{
    size_t left = cvn_rd_left(v);
    const uint8_t *p;
    switch (type) {
    case CVN_NOTE_F_VERSION:
        n->version = cvn_rd_u8(v);
        break;
    case CVN_NOTE_F_TRANSFER:
        p = cvn_rd_bytes(v, CVN_ID);
        if (p != NULL)
            memcpy(n->transfer, p, CVN_ID);
        break;
    case CVN_NOTE_F_OFFSET:
        n->offset = cvn_rd_be64(v);
        break;
    case CVN_NOTE_F_POINT:
        n->point_part = cvn_rd_be32(v);
        n->point_serial = cvn_rd_be32(v);
        n->point_offset = cvn_rd_be64(v);
        break;
    case CVN_NOTE_F_WINDOW:
        n->window = cvn_rd_be64(v);
        break;
    case CVN_NOTE_F_TROUBLE:
        n->trouble = cvn_rd_u8(v);
        break;
    case CVN_NOTE_F_TEXT:
        n->text = (struct cvn_octets){cvn_rd_bytes(v, left), left};
        break;
    case CVN_NOTE_F_PART:
        n->part = cvn_rd_be32(v);
        n->part_offset = cvn_rd_be64(v);
        break;
    case CVN_NOTE_F_STATE:
        n->state = cvn_rd_u8(v);
        break;
    default:
        decode_meta(n, type, v);
        break;
    }
}

int cvn_note_decode(struct cvn_note *n, struct cvn_octets data)
{
    struct cvn_rd rd = cvn_rd_init(data.p, data.n);
    *n = (struct cvn_note){0};
    if (data.n < sizeof magic || memcmp(data.p, magic, sizeof magic) != 0)
        return CVN_OK;
    n->ours = true;
    cvn_rd_skip(&rd, sizeof magic);
    while (cvn_rd_left(&rd) > 0) {
        uint8_t type = cvn_rd_u8(&rd);
        uint16_t len = cvn_rd_be16(&rd);
        struct cvn_rd value = cvn_rd_sub(&rd, len);
        if (rd.bad)
            return CVN_EPROTO;
        decode_field(n, type, &value);
        if (value.bad)
            return CVN_EPROTO;
        if (type <= CVN_NOTE_F_STATE)
            cvn_note_set(n, (enum cvn_note_field)type);
    }
    return CVN_OK;
}

/* Opens a field and returns where its length stands. */
static size_t field_open(struct cvn_wr *w, uint8_t type)
{
    cvn_wr_u8(w, type);
    cvn_wr_be16(w, 0);
    return w->len;
}

static void field_close(struct cvn_wr *w, size_t start)
{
    size_t len = w->len - start;
    if (w->bad || len > UINT16_MAX) {
        w->bad = true;
        return;
    }
    w->buf[start - 2] = (uint8_t)(len >> 8);
    w->buf[start - 1] = (uint8_t)len;
}

static void encode_meta(const struct cvn_note *n, uint8_t type, struct cvn_wr *w)
{
    switch (type) {
    case CVN_NOTE_F_NAME:
        cvn_wr_bytes(w, n->name.p, n->name.n);
        break;
    case CVN_NOTE_F_SIZE:
        cvn_wr_be64(w, n->size);
        break;
    case CVN_NOTE_F_MODE:
        cvn_wr_be16(w, n->mode);
        break;
    case CVN_NOTE_F_MTIME:
        cvn_wr_be64(w, (uint64_t)n->mtime_s);
        cvn_wr_be32(w, n->mtime_ns);
        break;
    case CVN_NOTE_F_KIND:
        cvn_wr_u8(w, n->kind);
        break;
    case CVN_NOTE_F_TARGET:
        cvn_wr_bytes(w, n->target.p, n->target.n);
        break;
    case CVN_NOTE_F_HASH:
        cvn_wr_u8(w, n->hash);
        cvn_wr_bytes(w, n->digest.p, n->digest.n);
        break;
    default:
        break;
    }
}

static void encode_field(const struct cvn_note *n, uint8_t type, struct cvn_wr *w)
{
    switch (type) {
    case CVN_NOTE_F_VERSION:
        cvn_wr_u8(w, n->version);
        break;
    case CVN_NOTE_F_TRANSFER:
        cvn_wr_bytes(w, n->transfer, CVN_ID);
        break;
    case CVN_NOTE_F_OFFSET:
        cvn_wr_be64(w, n->offset);
        break;
    case CVN_NOTE_F_POINT:
        cvn_wr_be32(w, n->point_part);
        cvn_wr_be32(w, n->point_serial);
        cvn_wr_be64(w, n->point_offset);
        break;
    case CVN_NOTE_F_WINDOW:
        cvn_wr_be64(w, n->window);
        break;
    case CVN_NOTE_F_TROUBLE:
        cvn_wr_u8(w, n->trouble);
        break;
    case CVN_NOTE_F_TEXT:
        cvn_wr_bytes(w, n->text.p, n->text.n);
        break;
    case CVN_NOTE_F_PART:
        cvn_wr_be32(w, n->part);
        cvn_wr_be64(w, n->part_offset);
        break;
    case CVN_NOTE_F_STATE:
        cvn_wr_u8(w, n->state);
        break;
    default:
        encode_meta(n, type, w);
        break;
    }
}

int cvn_note_encode(const struct cvn_note *n, struct cvn_wr *w)
{
    struct cvn_wr before = *w;
    cvn_wr_bytes(w, magic, sizeof magic);
    for (uint8_t type = 1; type <= CVN_NOTE_F_STATE; type++) {
        if ((n->has & 1u << type) == 0)
            continue;
        size_t start = field_open(w, type);
        encode_field(n, type, w);
        field_close(w, start);
    }
    if (!w->bad)
        return CVN_OK;
    *w = before;
    return CVN_ETOOBIG;
}
