/* SPDX-License-Identifier: MIT */
/* hash - digests of files by xxHash and OpenSSL. */
#include "crypto/hash.h"

#include <errno.h>
#include <openssl/evp.h>
#include <stdbool.h>
#include <sys/random.h>
#include <xxhash.h>

#include "convene/alloc.h"
#include "session/note.h"

struct cvn_digest {
    uint8_t hash;
    XXH3_state_t *xxh;
    EVP_MD_CTX *evp;
};

void cvn_digest_free(struct cvn_digest *d)
{
    if (d == NULL)
        return;
    if (d->xxh != NULL)
        (void)XXH3_freeState(d->xxh);
    EVP_MD_CTX_free(d->evp);
    cvn_free(cvn_alloc_std(), d, sizeof *d);
}

int cvn_digest_new(struct cvn_digest **out, uint8_t hash)
{
    if (hash != CVN_HASH_XXH128 && hash != CVN_HASH_SHA256)
        return CVN_EINVAL;
    struct cvn_digest *d = cvn_new(cvn_alloc_std(), sizeof *d);
    if (d == NULL)
        return CVN_ENOMEM;
    d->hash = hash;
    if (hash == CVN_HASH_XXH128)
        d->xxh = XXH3_createState();
    else
        d->evp = EVP_MD_CTX_new();
    bool ok = d->xxh != NULL || (d->evp != NULL && EVP_DigestInit_ex(d->evp, EVP_sha256(), NULL));
    if (!ok) {
        cvn_digest_free(d);
        return CVN_ENOMEM;
    }
    cvn_digest_reset(d);
    *out = d;
    return CVN_OK;
}

void cvn_digest_reset(struct cvn_digest *d)
{
    if (d->xxh != NULL)
        (void)XXH3_128bits_reset(d->xxh);
    else
        (void)EVP_DigestInit_ex(d->evp, NULL, NULL);
}

int cvn_digest_copy(struct cvn_digest *to, const struct cvn_digest *from)
{
    if (from->xxh != NULL) {
        XXH3_copyState(to->xxh, from->xxh);
        return CVN_OK;
    }
    return EVP_MD_CTX_copy_ex(to->evp, from->evp) ? CVN_OK : CVN_ENOMEM;
}

void cvn_digest_update(struct cvn_digest *d, const void *p, size_t n)
{
    if (d->xxh != NULL)
        (void)XXH3_128bits_update(d->xxh, p, n);
    else
        (void)EVP_DigestUpdate(d->evp, p, n);
}

int cvn_digest_final(const struct cvn_digest *d, uint8_t *out)
{
    if (d->xxh != NULL) {
        XXH128_canonical_t c;
        XXH128_canonicalFromHash(&c, XXH3_128bits_digest(d->xxh));
        for (size_t i = 0; i < sizeof c.digest; i++)
            out[i] = c.digest[i];
        return CVN_OK;
    }
    EVP_MD_CTX *copy = EVP_MD_CTX_new();
    int ok =
        copy != NULL && EVP_MD_CTX_copy_ex(copy, d->evp) && EVP_DigestFinal_ex(copy, out, NULL);
    EVP_MD_CTX_free(copy);
    return ok ? CVN_OK : CVN_ENOMEM;
}

uint64_t cvn_checksum(const void *a, size_t na, const void *b, size_t nb)
{
    return XXH3_64bits_withSeed(b, nb, XXH3_64bits(a, na));
}

void cvn_hash16(const void *p, size_t n, uint8_t out[16])
{
    XXH128_canonical_t c;
    XXH128_canonicalFromHash(&c, XXH3_128bits(p, n));
    for (size_t i = 0; i < sizeof c.digest; i++)
        out[i] = c.digest[i];
}

int cvn_random(uint8_t *p, size_t n)
{
    while (n > 0) {
        ssize_t got = getrandom(p, n, 0);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return CVN_EIO;
        p += got;
        n -= (size_t)got;
    }
    return CVN_OK;
}
