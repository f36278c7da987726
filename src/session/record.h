/* SPDX-License-Identifier: MIT */
/*
 * record - the restoration record of a stream session: what S-CONNECT request and response
 * (and a refusal) say in their user data about positions, limits and identity; and the
 * smaller words said later: behind points, their confirmations, S-TYPED-DATA, S-RELEASE.
 * docs/RESTORATION.md specifies both.
 *
 * A record is the octets 63 76 6E 1A, then fields: type (1 octet), length (2), value; all
 * numbers big endian. A field that is not known is skipped, one that stands twice counts
 * as last said. The proof, if there is one, is the last field: it covers all before it.
 */
#ifndef CVN_SESSION_RECORD_H
#define CVN_SESSION_RECORD_H

#include <stdbool.h>
#include <stdint.h>

#include "base/wr.h"
#include "convene/err.h"
#include "convene/octets.h"

#define CVN_RECORD_VERSION 1u
#define CVN_RECORD_MAX     512u /* octets; SS-user data that every peer takes */
#define CVN_SESSION_ID     16u
#define CVN_NONCE          16u
#define CVN_SECRET         32u
#define CVN_PROOF          32u
#define CVN_ADDRESS_MAX    255u /* octets of a URL in a record */
#define CVN_WORD_TEXT_MAX  128u /* octets of a reason for people */
#define CVN_WORD_MAX       (2u + CVN_WORD_TEXT_MAX)

enum cvn_record_field {
    CVN_RECORD_F_VERSION = 1,    /* u8 */
    CVN_RECORD_F_TEXT = 14,      /* UTF-8, for people */
    CVN_RECORD_F_SESSION = 32,   /* 16 octets */
    CVN_RECORD_F_EPOCH = 33,     /* u32 */
    CVN_RECORD_F_NONCE = 34,     /* 16 octets */
    CVN_RECORD_F_RESUME = 35,    /* nothing: an existing session is meant, not a new one */
    CVN_RECORD_F_INCOMING = 36,  /* u64 received, u64 durable, u64 committed */
    CVN_RECORD_F_OUTGOING = 37,  /* u64 first available, u64 next */
    CVN_RECORD_F_LIMIT = 38,     /* u64: nothing beyond this position is sent to the speaker */
    CVN_RECORD_F_END = 39,       /* u64: the outgoing direction ends there */
    CVN_RECORD_F_END_TAKEN = 40, /* nothing: the END of the incoming direction is confirmed */
    CVN_RECORD_F_LEVEL = 41,     /* u8, enum cvn_level: when the speaker confirms points */
    CVN_RECORD_F_KEEP = 42,      /* u32 s that the speaker keeps a session without a link */
    CVN_RECORD_F_ANSWER = 43,    /* u8, enum cvn_answer */
    CVN_RECORD_F_SECRET = 44,    /* 32 octets, in the answer to an opening */
    CVN_RECORD_F_CALL_BACK = 45, /* URL at which the speaker can be called */
    CVN_RECORD_F_MOVED = 46,     /* URL where the session is now */
    CVN_RECORD_F_POLL = 47,      /* u32 s between polls of a parked session */
    CVN_RECORD_F_PROOF = 48,     /* 32 octets */
};

enum cvn_level { CVN_LEVEL_RECEIVED = 1, CVN_LEVEL_DURABLE = 2, CVN_LEVEL_COMMITTED = 3 };

/* What a responder says to an opening or a resume. All but OK stand in a refusal. */
enum cvn_answer {
    CVN_ANSWER_OK = 0,
    CVN_ANSWER_GONE = 1,   /* the session is not known, or has ended here: text says how */
    CVN_ANSWER_GAP = 2,    /* octets that are needed are no longer there */
    CVN_ANSWER_DENIED = 3, /* no such service, not permitted, or the proof is wrong */
    CVN_ANSWER_MOVED = 4,
    CVN_ANSWER_RETRY = 5, /* a right proof with a low epoch: epoch says the current one */
    CVN_ANSWERS,
};

struct cvn_record {
    bool ours;    /* the magic stood there */
    uint64_t has; /* bit 1 << field */
    uint8_t version;
    uint8_t session[CVN_SESSION_ID];
    uint32_t epoch;
    uint8_t nonce[CVN_NONCE];
    uint64_t received, durable, committed;
    uint64_t first, next;
    uint64_t limit;
    uint64_t end;
    uint8_t level;
    uint32_t keep;
    uint8_t answer;
    uint8_t secret[CVN_SECRET];
    struct cvn_octets text;
    struct cvn_octets call_back;
    struct cvn_octets moved;
    uint32_t poll;
    uint8_t proof[CVN_PROOF];
    size_t proved; /* decode: octets before the proof's field; 0: there is none */
};

static inline bool cvn_record_has(const struct cvn_record *r, enum cvn_record_field f)
{
    return (r->has >> f & 1u) != 0;
}
static inline void cvn_record_set(struct cvn_record *r, enum cvn_record_field f)
{
    r->has |= UINT64_C(1) << f;
}

/* The slices of *r point into data. CVN_OK (ours false: a stranger's user data); CVN_EPROTO:
 * the magic is there, and a field is malformed or something stands behind the proof. */
int cvn_record_decode(struct cvn_record *r, struct cvn_octets data) CVN_MUST_USE;
/* Writes the magic and the fields in has but the proof. CVN_OK, CVN_ETOOBIG (nothing written). */
int cvn_record_encode(const struct cvn_record *r, struct cvn_wr *w) CVN_MUST_USE;
/* Appends the proof. CVN_OK, CVN_ETOOBIG. */
int cvn_record_append_proof(struct cvn_wr *w, const uint8_t proof[CVN_PROOF]) CVN_MUST_USE;

/* -------- words -------- */

/* The first octet of what a stream session says later: in the user data of S-SYNC-MINOR request
 * (POINT, END), of its response (STATUS or nothing), of S-TYPED-DATA (STATUS, PROBE, ANSWER,
 * PROOF), of S-RELEASE request (RELEASE) and of S-U-ABORT (ABORT). */
enum cvn_word_kind {
    CVN_WORD_POINT = 1,   /* u64 position */
    CVN_WORD_END = 2,     /* u64 total: nothing follows in this direction */
    CVN_WORD_STATUS = 3,  /* u64 received, u64 durable, u64 committed, u64 limit */
    CVN_WORD_PROBE = 4,   /* u32 number */
    CVN_WORD_ANSWER = 5,  /* u32 the probe's number */
    CVN_WORD_PROOF = 6,   /* 32 octets */
    CVN_WORD_RELEASE = 7, /* u8, enum cvn_release */
    CVN_WORD_ABORT = 8,   /* u8 reason, UTF-8 text */
    CVN_WORD_RENEW = 9,   /* nothing: the responder asks the initiator to renew */
    CVN_WORD_KINDS,
};
enum cvn_release { CVN_RELEASE_END = 1, CVN_RELEASE_PARK = 2, CVN_RELEASE_RENEW = 3 };

struct cvn_word {
    uint8_t kind;   /* 0: none of ours */
    uint8_t reason; /* RELEASE, ABORT */
    uint32_t number;
    uint64_t position; /* POINT, END; STATUS: received */
    uint64_t durable, committed, limit;
    struct cvn_octets octets; /* PROOF; ABORT: text */
};

/* Octets behind the word's own are skipped. CVN_OK (kind 0: not known), CVN_EPROTO: too short. */
int cvn_word_decode(struct cvn_word *w, struct cvn_octets data) CVN_MUST_USE;
/* CVN_OK, CVN_ETOOBIG (nothing written), CVN_EINVAL: no such kind. */
int cvn_word_encode(const struct cvn_word *w, struct cvn_wr *out) CVN_MUST_USE;

#endif
