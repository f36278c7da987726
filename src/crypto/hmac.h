/* SPDX-License-Identifier: MIT */
/* hmac - HMAC-SHA256 (RFC 2104) by OpenSSL. */
#ifndef CVN_CRYPTO_HMAC_H
#define CVN_CRYPTO_HMAC_H

#include "convene/err.h"
#include "convene/octets.h"

/* Over n parts, one behind the other. CVN_OK, CVN_EIO: OpenSSL has none, or no memory. */
int cvn_hmac_sha256(struct cvn_octets key, const struct cvn_octets *parts, size_t n,
                    uint8_t out[32]) CVN_MUST_USE;

#endif
