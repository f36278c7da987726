/* SPDX-License-Identifier: MIT */
/* configs - what is explored: functional units, the transport, and which primitives the users ask
 * (moves.c has the letters); the depth in steps, of which a delivery is one. */
#include "world.h"

#define FD    CVN_FU_DUPLEX
#define HD    CVN_FU_HALF_DUPLEX
#define EX    CVN_FU_EXPEDITED
#define SY    CVN_FU_MINOR_SYNC
#define MA    CVN_FU_MAJOR_SYNC
#define RESYN CVN_FU_RESYNC
#define ACT   CVN_FU_ACTIVITY
#define NR    CVN_FU_NEGOTIATED_RELEASE
#define CD    CVN_FU_CAPABILITY
#define EXCEP CVN_FU_EXCEPTIONS
#define TD    CVN_FU_TYPED_DATA
#define SS    CVN_FU_SYMMETRIC_SYNC
#define DS    CVN_FU_DATA_SEPARATION

/* Pairs of bits: data 0-1, minor 2-3, major 4-5, release 6-7. */
#define ALL_INITIATOR 0x00
#define ALL_RESPONDER 0x55
#define SPLIT         0x11 /* data and major with the responder */

#define C(name_, units_, moves_, depth_, ...)                                                      \
    {                                                                                              \
        .name = (name_), .units = (units_), .moves = (moves_), .depth = (depth_), __VA_ARGS__      \
    }

/* clang-format off */
const struct config configs[] = {
    C("connect", FD, "Kdlb", 12, .connecting = true),
    C("connect, transport lost", FD, "KdlbX", 10, .connecting = true),
    C("connect, reuse", FD, "Kdklb", 14, .connecting = true, .reuse = true),
    C("connect, reuse, version 1", HD, "Kdkb", 12, .connecting = true, .reuse = true, .version1 = true),
    C("duplex", FD | TD, "dtlb", 12),
    C("duplex, version 1", FD | TD, "dtl", 12, .version1 = true),
    C("expedited", FD | EX | TD, "dxtlbB", 9, .expedited = true),
    C("half-duplex", HD | TD, "dtgplb", 11),
    C("negotiated release", FD | NR, "dgplkb", 11, .reuse = true),
    C("negotiated release, half-duplex", HD | NR, "dgpl", 11, .setting = SPLIT),
    C("minor", HD | SY, "dmgl", 11),
    C("minor, duplex", FD | SY, "dmgpl", 10, .setting = ALL_RESPONDER),
    C("major", HD | SY | MA, "dmMgb", 10),
    C("major, duplex", FD | MA | TD, "dtMgl", 11),
    C("major, expedited", FD | MA | EX, "dxMglB", 10, .expedited = true),
    C("resynchronize", FD | SY | RESYN, "dmarel", 9),
    C("resynchronize, major", FD | MA | RESYN, "dMaregl", 9),
    C("resynchronize, tokens", HD | SY | MA | RESYN, "mMregp", 8, .setting = SPLIT),
    C("resynchronize, prepare", FD | SY | RESYN | EX, "dxmareb", 8, .expedited = true),
    C("resynchronize, prepare, major", FD | MA | RESYN | TD, "tMargB", 8, .expedited = true),
    C("activity", HD | SY | ACT, "dmAUnlg", 10),
    C("activity, interrupted", FD | SY | ACT | MA, "mMAUiDng", 9),
    C("activity, resynchronize", FD | SY | ACT | RESYN | MA, "mMAareiD", 8),
    C("activity, prepare", FD | SY | ACT | EX, "dxmAiDng", 8, .expedited = true),
    C("activity, prepare, resynchronize", FD | SY | ACT | RESYN | MA, "mMAareiDnB", 7, .expedited = true),
    C("control", HD | SY | ACT | NR | TD, "dtACglp", 9),
    C("control, expedited", FD | ACT | EX, "dxACbB", 10, .expedited = true),
    C("capability", HD | ACT | CD | EXCEP | TD, "dtcAgpEb", 9),
    C("capability, interrupts", FD | ACT | CD | EX, "dxcAgiDB", 9, .expedited = true),
    C("exceptions", HD | EXCEP | SY | MA, "dmMgEb", 9),
    C("exceptions, resynchronize", HD | EXCEP | SY | RESYN, "dmgEarel", 8),
    C("exceptions, activity", HD | EXCEP | ACT | SY, "dmAgEiDn", 8),
    C("exceptions, prepare", HD | EXCEP | ACT | SY | RESYN | EX, "xmAgEarDB", 7, .expedited = true),
    C("symmetric", FD | SS, "dml", 10),
    C("symmetric, major", FD | SS | MA, "dmMgl", 9),
    C("symmetric, resynchronize", FD | SS | RESYN, "dmarey", 7),
    C("symmetric, resynchronize, major", FD | SS | RESYN | MA, "mMaryg", 7),
    C("symmetric, prepare", FD | SS | RESYN | EX, "dxmarey", 7, .expedited = true),
    C("symmetric, activity", FD | SS | ACT | MA, "mMAUiDng", 8),
    C("symmetric, activity, prepare", FD | SS | ACT | RESYN, "mAaryiDn", 7, .expedited = true),
    C("symmetric, exceptions", HD | SS | EXCEP | RESYN, "dmgEary", 8),
    C("separation", FD | SY | DS | RESYN, "dmsarel", 8),
    C("separation, prepare", FD | SY | DS | RESYN | MA, "dmsMare", 7, .expedited = true),
    C("separation, activity", FD | SY | DS | RESYN | ACT, "dmsAareiD", 7),
    C("separation, activity, prepare", FD | SY | DS | RESYN | ACT, "dsAariDn", 7, .expedited = true),
    C("separation, symmetric", FD | SS | DS | RESYN | MA, "dmsMary", 7),
    C("separation, symmetric, prepare", FD | SS | DS | RESYN, "dmsary", 7, .expedited = true),
    C("separation, symmetric, activity", FD | SS | DS | RESYN | ACT, "msAaryiD", 7),
    C("release, collisions", FD | SY | RESYN | TD, "dtmarl", 8),
    C("release, exceptions", HD | EXCEP | RESYN | NR | MA, "dgEaMl", 8),
    C("release, prepare", FD | RESYN | EX | TD, "dxtalB", 9, .expedited = true),
    C("exceptions of the provider", HD | EXCEP | SY | MA, "dmMgNl", 9),
    C("exceptions of the provider, activity", HD | EXCEP | ACT | SY | CD, "mcAgNiDn", 8),
    C("exceptions of the provider, resync", HD | EXCEP | SY | RESYN | TD, "tmgNarel", 8),
    /* Too large for every order: only ways at random. */
    C("all, half-duplex", HD | SY | MA | RESYN | ACT | NR | CD | EXCEP | TD, "dtcgpCmMareEAUiDnlkb", 0, .reuse = true),
    C("all, duplex", FD | SY | MA | RESYN | ACT | CD | TD, "dtcgpCmMareAUiDnlb", 0),
    C("all, prepare", HD | EX | SY | MA | RESYN | ACT | NR | CD | EXCEP | TD, "dxtcgpCmMareEAUiDnlB", 0, .expedited = true),
    C("all, duplex, prepare", FD | EX | SY | MA | RESYN | ACT | CD | TD, "dxtcgpCmMareAUiDnlB", 0, .expedited = true),
    C("no activities, prepare", HD | EX | SY | MA | RESYN | NR | EXCEP | TD, "dxtgpmMareElbB", 0, .expedited = true),
    C("no activities, half-duplex", HD | SY | MA | RESYN | NR | EXCEP | TD, "dtgpmMareElb", 0, .version1 = true),
    C("no tokens, prepare", FD | EX | SY | RESYN | TD, "dxtmarelB", 0, .expedited = true, .setting = ALL_RESPONDER),
    C("separation, all", HD | SY | DS | MA | RESYN | ACT | EXCEP | TD, "dtgpmsMareEAUiDnl", 0),
    C("separation, all, prepare", HD | SY | DS | MA | RESYN | ACT | EXCEP | TD, "dtgpmsMareEAUiDnlB", 0, .expedited = true),
    C("separation, duplex, prepare", FD | SY | DS | MA | RESYN | ACT | TD, "dtgpmsMareAUiDnlB", 0, .expedited = true),
    C("symmetric, all", HD | SS | MA | RESYN | ACT | NR | CD | EXCEP | TD, "dtcgpCmMareyEAUiDnlb", 0),
    C("symmetric, all, prepare", HD | EX | SS | MA | RESYN | ACT | CD | EXCEP | TD, "dxtcgpCmMareyEAUiDnlB", 0, .expedited = true),
    C("symmetric, duplex, prepare", FD | EX | SS | MA | RESYN | ACT | TD, "dxtgpmMareyAUiDnlB", 0, .expedited = true),
    C("symmetric, no activities, prepare", FD | EX | SS | MA | RESYN | TD, "dxtgpmMareylB", 0, .expedited = true),
    C("symmetric, separation, all", HD | SS | DS | MA | RESYN | ACT | EXCEP | TD, "dtgpmsMareyEAUiDnl", 0),
    C("symmetric, separation, prepare", HD | EX | SS | DS | MA | RESYN | ACT | EXCEP | TD, "dxtgpmsMareyEAUiDnlB", 0, .expedited = true),
    C("all, provider", HD | SY | MA | RESYN | ACT | NR | CD | EXCEP | TD, "dtcgpCmMareNAUiDnl", 0),
    C("all, provider, prepare", HD | EX | SY | MA | RESYN | ACT | NR | CD | EXCEP | TD, "dxtcgpCmMareNAUiDnlB", 0, .expedited = true),
    C("no activities, provider, prepare", HD | EX | SY | MA | RESYN | NR | EXCEP | TD, "dxtgpmMareNlB", 0, .expedited = true),
    C("symmetric, provider", HD | EX | SS | MA | RESYN | ACT | CD | EXCEP | TD, "dxtcgpCmMareyNAUiDnlB", 0, .expedited = true),
    C("symmetric, provider, no activities", HD | SS | MA | RESYN | NR | EXCEP | TD, "dtgpmMareyNl", 0),
    C("symmetric, separation, no activities", FD | EX | SS | DS | MA | RESYN | TD, "dxtgpmsMareylB", 0, .expedited = true),
};
/* clang-format on */

const unsigned config_count = sizeof configs / sizeof configs[0];
