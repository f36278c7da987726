/* SPDX-License-Identifier: MIT */
/*
 * seed - the form of the inputs of fuzz_x225, shared by those who write and read them:
 * two octets of options, then steps. A step is one octet of these kinds; the rest of
 * the octet and what follows it:
 *
 *   TSDU       flags in the low bits; two octets of length, the octets
 *   REQUEST    service; then type, and 12 octets of values (x225_seed_values)
 *   TRANSPORT  up as acceptor, up, down, tick
 */
#ifndef CVN_PROTO_X225_SEED_H
#define CVN_PROTO_X225_SEED_H

#include <stdio.h>

#include "convene/x225.h"

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

#define X225_SEED_VALUES 12u

static inline void x225_seed_begin(FILE *f, unsigned side)
{
    fputc(X225_SEED_TEXP, f);
    fputc(0, f);
    if (side == 1)
        fputc(X225_SEED_TRANSPORT | X225_SEED_ACCEPT, f);
}

static inline void x225_seed_tsdu(FILE *f, const uint8_t *p, size_t n, bool expedited)
{
    if (n > 2000) /* larger ones teach a fuzzer nothing more */
        n = 2000;
    fputc(X225_SEED_TSDU | (expedited ? X225_SEED_EXPEDITED : 0), f);
    fputc((int)(n >> 8), f);
    fputc((int)(n & 0xff), f);
    fwrite(p, 1, n, f);
}

/* units 2, serial 1, serial2 1, tokens, setting, resync, resync2, result, reason, flags, data */
static inline void x225_seed_request(FILE *f, const struct cvn_x225_prim *q)
{
    fputc(X225_SEED_REQUEST | (int)q->service, f);
    fputc((int)q->type, f);
    fputc(q->units >> 8, f);
    fputc(q->units & 0xff, f);
    fputc((int)(q->serial & 0xff), f);
    fputc((int)(q->serial2 & 0xff), f);
    fputc(q->tokens, f);
    fputc(q->token_setting, f);
    fputc(q->resync, f);
    fputc(q->resync2, f);
    fputc(q->result, f);
    fputc(q->reason, f);
    fputc((q->has_token_setting ? 1 : 0) | (q->keep ? 2 : 0) | (q->optional ? 4 : 0) |
              (q->separation ? 8 : 0) | (q->begin ? 16 : 0) | (q->end ? 32 : 0),
          f);
    fputc(q->data.n > 255 ? 255 : (int)q->data.n, f);
    if (q->service == CVN_S_CONNECT && q->type == CVN_REQUEST)
        fputc(X225_SEED_TRANSPORT | X225_SEED_UP, f);
}

#endif
