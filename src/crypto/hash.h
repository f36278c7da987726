/* SPDX-License-Identifier: MIT */
/* hash - digests of files, octet by octet: XXH3 128 (xxHash) and SHA-256 (OpenSSL). */
#ifndef CVN_CRYPTO_HASH_H
#define CVN_CRYPTO_HASH_H

#include <stddef.h>
#include <stdint.h>

#include "convene/err.h"

struct cvn_digest;

/* hash: enum cvn_hash but NONE. CVN_OK, CVN_EINVAL, CVN_ENOMEM. */
int cvn_digest_new(struct cvn_digest **out, uint8_t hash) CVN_MUST_USE;
void cvn_digest_free(struct cvn_digest *d);
/* to becomes as from; both of one kind. CVN_OK, CVN_ENOMEM. */
int cvn_digest_copy(struct cvn_digest *to, const struct cvn_digest *from) CVN_MUST_USE;
void cvn_digest_reset(struct cvn_digest *d);
void cvn_digest_update(struct cvn_digest *d, const void *p, size_t n);
/* Writes cvn_hash_octets() octets, XXH128 in its canonical (big endian) form. d goes on as it was. */
int cvn_digest_final(const struct cvn_digest *d, uint8_t *out) CVN_MUST_USE;

/* A checksum for records: the low 64 bits of XXH3 over both. */
uint64_t cvn_checksum(const void *a, size_t na, const void *b, size_t nb);
/* 16 octets that stand for n octets: XXH128, canonical. */
void cvn_hash16(const void *p, size_t n, uint8_t out[16]);
/* CVN_OK, CVN_EIO: the system has none. */
int cvn_random(uint8_t *p, size_t n) CVN_MUST_USE;

#endif
