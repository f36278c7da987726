/* SPDX-License-Identifier: MIT */
/* tpkt - RFC 1006 section 6, RFC 2126 4.3: the header of a packet, both directions. */
#include "proto/tpkt/tpkt.h"

#include <assert.h>

#include "base/rd.h"
#include "base/wr.h"

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
    struct cvn_wr w = cvn_wr_init(header, CVN_TPKT_HEADER);
    assert(length >= CVN_TPKT_LENGTH_MIN && length <= CVN_TPKT_LENGTH_MAX);
    cvn_wr_u8(&w, TPKT_VERSION);
    cvn_wr_u8(&w, 0); /* RFC 2126 4.3 */
    cvn_wr_be16(&w, (uint16_t)length);
    assert(!w.bad);
}
