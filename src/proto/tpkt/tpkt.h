/* SPDX-License-Identifier: MIT */
/*
 * tpkt - RFC 1006 section 6 (and RFC 2126 4.3): packets on an octet stream.
 * Version 3, a reserved octet, a length of two octets that counts these four.
 */
#ifndef CVN_PROTO_TPKT_H
#define CVN_PROTO_TPKT_H

#include <stdint.h>

#define CVN_TPKT_HEADER     4u
#define CVN_TPKT_LENGTH_MIN 7u /* an empty DT TPDU */
#define CVN_TPKT_LENGTH_MAX 65535u
#define CVN_TPDU_MAX        65531u /* CVN_TPKT_LENGTH_MAX - CVN_TPKT_HEADER */

/* The length of the whole packet whose first four octets stand at header, or 0
 * if the version is not 3 or the length is under CVN_TPKT_LENGTH_MIN. The
 * reserved octet is ignored (RFC 2126 4.3). */
uint32_t cvn_tpkt_length(const uint8_t header[4]);

/* Writes the header of a packet of length octets in all; 7 <= length <= 65535. */
void cvn_tpkt_header(uint8_t header[4], uint32_t length);

#endif
