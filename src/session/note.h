/* SPDX-License-Identifier: MIT */
/*
 * note - what convene puts into SS-user data: a magic value, then fields of one
 * octet of type, two of length, and a value; all numbers big endian. A field
 * that is not known is skipped; user data without the magic is a stranger's.
 * docs/FILES.md specifies it.
 */
#ifndef CVN_SESSION_NOTE_H
#define CVN_SESSION_NOTE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/wr.h"
#include "convene/err.h"
#include "convene/octets.h"

#define CVN_NOTE_VERSION      1u
#define CVN_NOTE_MAX          4096u /* octets of a note between convene peers */
#define CVN_NOTE_STRANGER_MAX 512u  /* octets of a note that anyone can take */
#define CVN_ID                16u
#define CVN_HASH_MAX          32u

enum cvn_note_field {
    CVN_NOTE_F_VERSION = 1,    /* u8 */
    CVN_NOTE_F_TRANSFER = 2,   /* 16 octets */
    CVN_NOTE_F_NAME = 3,       /* path, '/' between parts */
    CVN_NOTE_F_SIZE = 4,       /* u64 */
    CVN_NOTE_F_MODE = 5,       /* u16, permission bits */
    CVN_NOTE_F_MTIME = 6,      /* i64 s, u32 ns */
    CVN_NOTE_F_KIND = 7,       /* u8, enum cvn_kind */
    CVN_NOTE_F_TARGET = 8,     /* of a symbolic link */
    CVN_NOTE_F_HASH = 9,       /* u8 algorithm, then the digest or nothing */
    CVN_NOTE_F_OFFSET = 10,    /* u64 */
    CVN_NOTE_F_POINT = 11,     /* u32 part, u32 serial number, u64 offset */
    CVN_NOTE_F_WINDOW = 12,    /* u64 octets */
    CVN_NOTE_F_TROUBLE = 13,   /* u8, enum cvn_trouble */
    CVN_NOTE_F_TEXT = 14,      /* UTF-8, for people */
    CVN_NOTE_F_PART = 15,      /* u32 part, u64 offset at which it begins */
    CVN_NOTE_F_CONTINUES = 16, /* nothing: the activity ends, the transfer goes on */
    CVN_NOTE_F_STATE = 17,     /* u8, enum cvn_transfer_state */
};

enum cvn_kind { CVN_KIND_FILE = 0, CVN_KIND_DIRECTORY = 1, CVN_KIND_SYMLINK = 2 };
enum cvn_hash { CVN_HASH_NONE = 0, CVN_HASH_XXH128 = 1, CVN_HASH_SHA256 = 2 };
/* Octets of a digest: 0, 16, 32. */
size_t cvn_hash_octets(uint8_t hash);

/* What a receiver knows of a transfer. */
enum cvn_transfer_state {
    CVN_TRANSFER_UNKNOWN = 0,
    CVN_TRANSFER_RECEIVING = 1,
    CVN_TRANSFER_COMMITTING = 2,
    CVN_TRANSFER_COMMITTED = 3,
};

/* Why a receiver reports an exception. */
enum cvn_trouble {
    CVN_TROUBLE_NONE = 0,
    CVN_TROUBLE_UNFIT_RESUME = 1, /* the note's point is the last durable one */
    CVN_TROUBLE_EXISTS = 2,
    CVN_TROUBLE_HASH = 3,
    CVN_TROUBLE_NO_SPACE = 4, /* may pass */
    CVN_TROUBLE_PERMISSION = 5,
    CVN_TROUBLE_NAME = 6, /* the name cannot stand beneath the folder */
    CVN_TROUBLE_IO = 7,   /* may pass */
    CVN_TROUBLE_TOO_BIG = 8,
    CVN_TROUBLE_BUSY = 9,     /* another connection has this transfer; may pass */
    CVN_TROUBLE_SIZE = 10,    /* not as many octets as announced */
    CVN_TROUBLE_UNKNOWN = 11, /* a peer that is not convene did not say */
};
const char *cvn_trouble_text(uint8_t trouble);

struct cvn_note {
    bool ours;    /* the magic stood there */
    uint32_t has; /* bit 1 << field */
    uint8_t version;
    uint8_t transfer[CVN_ID];
    struct cvn_octets name;
    uint64_t size;
    uint16_t mode;
    int64_t mtime_s;
    uint32_t mtime_ns;
    uint8_t kind;
    struct cvn_octets target;
    uint8_t hash;
    struct cvn_octets digest;
    uint64_t offset;
    uint32_t point_part;
    uint32_t point_serial;
    uint64_t point_offset;
    uint64_t window;
    uint8_t trouble;
    struct cvn_octets text;
    uint32_t part;
    uint64_t part_offset;
    uint8_t state;
};

static inline bool cvn_note_has(const struct cvn_note *n, enum cvn_note_field f)
{
    return (n->has & 1u << f) != 0;
}
static inline void cvn_note_set(struct cvn_note *n, enum cvn_note_field f)
{
    n->has |= 1u << f;
}

/* The slices of *n point into data. CVN_OK (ours false: a stranger's); CVN_EPROTO:
 * the magic is there and a field is malformed. */
int cvn_note_decode(struct cvn_note *n, struct cvn_octets data) CVN_MUST_USE;
/* Writes magic and the fields in has. CVN_OK, CVN_ETOOBIG (nothing written). */
int cvn_note_encode(const struct cvn_note *n, struct cvn_wr *w) CVN_MUST_USE;

#endif
