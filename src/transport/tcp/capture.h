/* SPDX-License-Identifier: MIT */
/*
 * capture - what went over streams, as a pcapng file: IP and TCP headers are made
 * up around the octets, with the streams' real addresses and ports.
 */
#ifndef CVN_TRANSPORT_CAPTURE_H
#define CVN_TRANSPORT_CAPTURE_H

#include "transport/tcp/tcp.h"

struct cvn_capture;
struct cvn_flow;

/* A pcapng file that is there is added to, any other file refused. snap: the octets kept of each
 * packet, headers included (its original length is kept too); 0: all. text gets why it failed.
 * CVN_OK, CVN_EIO, CVN_ENOMEM. */
int cvn_capture_open(struct cvn_capture **out, const char *path, uint32_t snap, char *text,
                     size_t cap) CVN_MUST_USE;
void cvn_capture_close(struct cvn_capture *c); /* NULL is fine */

/* One stream; NULL if c is NULL, or without memory. All take NULL. */
struct cvn_flow *cvn_flow_begin(struct cvn_capture *c, const struct cvn_stream *s);
void cvn_flow_write(struct cvn_flow *f, bool sent, const struct cvn_iov *iov, size_t n,
                    size_t octets);
void cvn_flow_end(struct cvn_flow *f);

#endif
