/* SPDX-License-Identifier: MIT */
/* tpkt - RFC 1006 section 6, RFC 2126 4.3: the header of a packet, both directions. */
#include "proto/tpkt/tpkt.h"

#include <assert.h>

#include "base/rd.h"

#define TPKT_VERSION 3u

uint32_t cvn_tpkt_length(const uint8_t header[4])
{
    struct cvn_rd rd = cvn_rd_init(header, CVN_TPKT_HEADER);
    uint8_t version = cvn_rd_u8(&rd);
    cvn_rd_skip(&rd, 1); /* reserved: ignored on receipt, RFC 2126 4.3 */
    uint32_t length = cvn_rd_be16(&rd);
    return version == TPKT_VERSION && length >= CVN_TPKT_LENGTH_MIN ? length : 0;
}

void cvn_tpkt_header(uint8_t header[4], uint32_t length)
{
    assert(length >= CVN_TPKT_LENGTH_MIN && length <= CVN_TPKT_LENGTH_MAX);
    header[0] = TPKT_VERSION;
    header[1] = 0; /* RFC 2126 4.3 */
    header[2] = (uint8_t)(length >> 8);
    header[3] = (uint8_t)length;
}
