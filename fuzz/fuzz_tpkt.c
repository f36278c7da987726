/* SPDX-License-Identifier: MIT */
/*
 * fuzz_tpkt - any octets as a stream of packets: a header is refused, or it has a
 * length inside the range, which written again gives the same octets.
 */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "proto/tpkt/tpkt.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    while (size >= CVN_TPKT_HEADER) {
        uint8_t again[CVN_TPKT_HEADER];
        uint8_t *alone = malloc(CVN_TPKT_HEADER); /* ASan sees a read past it */
        if (alone == NULL)
            abort();
        memcpy(alone, data, CVN_TPKT_HEADER);
        uint32_t n = cvn_tpkt_length(alone);
        free(alone);
        if (n == 0)
            return 0;
        assert(n >= CVN_TPKT_LENGTH_MIN && n <= CVN_TPKT_LENGTH_MAX);
        cvn_tpkt_header(again, n);
        again[1] = data[1]; /* reserved */
        assert(memcmp(again, data, CVN_TPKT_HEADER) == 0);
        if (n > size)
            return 0;
        data += n;
        size -= n;
    }
    return 0;
}
