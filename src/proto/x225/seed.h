/* SPDX-License-Identifier: MIT */
/*
 * seed - the form of the inputs of fuzz_x225, shared by those who write and read them:
 * two octets of options, then steps. A step is one octet of these kinds; the rest of
 * the octet and what follows it:
 *
 *   TSDU       flags in the low bits; two octets of length, the octets
 *   REQUEST    service; then octets: type, units 2, serial, serial2, tokens, setting, resync,
 *              resync2, result, reason, flags (has setting 1, keep 2, optional 4, separation 8,
 *              begin 16, end 32, lent with an owner 64, more 128), octets of data (255: 20,000)
 *   TRANSPORT  up as acceptor, up, down, tick
 */
#ifndef CVN_PROTO_X225_SEED_H
#define CVN_PROTO_X225_SEED_H

enum x225_seed_kind {
    X225_SEED_TSDU = 0x00,
    X225_SEED_REQUEST = 0x40,
    X225_SEED_TRANSPORT = 0x80,
    X225_SEED_KIND = 0xc0,
};

enum x225_seed_flag {
    X225_SEED_EXPEDITED = 0x01, /* TSDU: on the expedited flow */
    X225_SEED_OCTETS = 0x02,    /* TSDU: fed octet by octet */
    X225_SEED_HOLD = 0x04,      /* TSDU: what the machine wants to send is not taken after it */
};

enum x225_seed_transport { X225_SEED_ACCEPT, X225_SEED_UP, X225_SEED_DOWN, X225_SEED_TICK };

enum x225_seed_option {
    X225_SEED_REUSE = 0x01,
    X225_SEED_REPORT = 0x02,
    X225_SEED_EXTENDED = 0x04,
    X225_SEED_TEXP = 0x08,  /* the transport has expedited data */
    X225_SEED_SMALL = 0x10, /* TSDU maxima of 100 */
    X225_SEED_POOR = 0x20,  /* every third allocation fails */
};

#endif
