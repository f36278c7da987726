/* SPDX-License-Identifier: MIT */
/* fuzz_srv - any octets as an answer of DNS: refused, or records whose names are names. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "session/srv.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint32_t zero(void *ctx, uint32_t below)
{
    (void)ctx;
    assert(below > 0);
    return below - 1;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct cvn_srv all[CVN_SRV_MAX];
    size_t n;
    uint8_t *alone = malloc(size + 1); /* ASan sees a read past it */
    if (alone == NULL)
        abort();
    if (size > 0)
        memcpy(alone, data, size);
    int rc = cvn_srv_parse(alone, size, all, &n);
    free(alone);
    assert(rc != CVN_OK || n > 0);
    if (rc != CVN_OK)
        return 0;
    assert(n <= CVN_SRV_MAX);
    for (size_t i = 0; i < n; i++) {
        size_t len = strnlen(all[i].target, CVN_SRV_NAME);
        assert(len > 0 && len < CVN_SRV_NAME && all[i].port != 0);
    }
    cvn_srv_order(all, n, zero, NULL);
    for (size_t i = 1; i < n; i++)
        assert(all[i - 1].priority <= all[i].priority);
    return 0;
}
