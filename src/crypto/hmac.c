/* SPDX-License-Identifier: MIT */
/* hmac - one EVP_MAC for each call: proofs are few. */
#include "crypto/hmac.h"

#include <openssl/evp.h>
#include <openssl/params.h>
#include <stdbool.h>

int cvn_hmac_sha256(struct cvn_octets key, const struct cvn_octets *parts, size_t n,
                    uint8_t out[32])
{
    char digest[] = "SHA256";
    OSSL_PARAM params[] = {OSSL_PARAM_construct_utf8_string("digest", digest, 0),
                           OSSL_PARAM_construct_end()};
    EVP_MAC *mac = EVP_MAC_fetch(NULL, "HMAC", NULL);
    EVP_MAC_CTX *ctx = mac == NULL ? NULL : EVP_MAC_CTX_new(mac);
    size_t len = 0;
    bool good = ctx != NULL && EVP_MAC_init(ctx, key.p, key.n, params) == 1;
    for (size_t i = 0; good && i < n; i++)
        good = parts[i].n == 0 || EVP_MAC_update(ctx, parts[i].p, parts[i].n) == 1;
    good = good && EVP_MAC_final(ctx, out, &len, 32) == 1 && len == 32;
    EVP_MAC_CTX_free(ctx);
    EVP_MAC_free(mac);
    return good ? CVN_OK : CVN_EIO;
}
