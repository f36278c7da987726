/* SPDX-License-Identifier: MIT */
/*
 * seed - the form of the fuzzer's inputs, shared by those who write and read them:
 * two octets of these bits, the lower first, one octet that chooses the splits, then the
 * peer's octets.
 */
#ifndef CVN_PROTO_COTP_SEED_H
#define CVN_PROTO_COTP_SEED_H

enum cotp_seed_bit {
    COTP_SEED_INITIATOR = 0x01,
    COTP_SEED_EXPEDITED = 0x02,
    COTP_SEED_LENIENT = 0x04,
    COTP_SEED_SMALL = 0x08,    /* tpdu_max 1024: C0 */
    COTP_SEED_UNITS = 0x10,    /* tpdu_max 1408: F0 and C0 */
    COTP_SEED_REFUSE = 0x20,   /* a responder that disconnects instead of accepting */
    COTP_SEED_TALK = 0x40,     /* T-DATA and T-EXPEDITED-DATA requests after each event */
    COTP_SEED_POOR = 0x80,     /* every other allocation fails */
    COTP_SEED_CLASSES = 0x100, /* times the set of enum cvn_cotp_class */
    COTP_SEED_ACKNOWLEDGED = 0x400,
    COTP_SEED_HANG_UP = 0x800, /* T-DISCONNECT request: an initiator's at once, else after data */
    /* Both: a responder that does not answer at all. */
    COTP_SEED_SILENT = COTP_SEED_REFUSE | COTP_SEED_TALK,
};

#define COTP_SEED_WHOLE  0u /* splits: all at once */
#define COTP_SEED_HEADER 3u /* octets before the peer's */

#endif
