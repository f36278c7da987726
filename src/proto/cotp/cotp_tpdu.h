/* SPDX-License-Identifier: MIT */
/*
 * cotp_tpdu - the TPDUs of ISO 8073 / X.224 clause 13 as classes 0 and 2 over TPKT
 * have them (RFC 1006, RFC 2126): octets to values and values to octets, one TPDU at
 * a time, nothing remembered. Which TPDU may come when is the machine's affair.
 */
#ifndef CVN_PROTO_COTP_TPDU_H
#define CVN_PROTO_COTP_TPDU_H

#include <stdbool.h>
#include <stdint.h>

#include "base/wr.h"
#include "convene/octets.h"
#include "proto/cotp/cotp.h"
#include "proto/tpkt/tpkt.h"

/* The code octet with its low four bits zero, 13.1. */
enum cvn_tpdu_code {
    CVN_TPDU_ED = 0x10, /* class 0: RFC 1006 6, a DT with another code */
    CVN_TPDU_EA = 0x20, /* class 2 */
    CVN_TPDU_RJ = 0x50, /* neither in class 0 nor in class 2 */
    CVN_TPDU_AK = 0x60, /* in class 2 with explicit flow control, hence never here */
    CVN_TPDU_ER = 0x70,
    CVN_TPDU_DR = 0x80,
    CVN_TPDU_DC = 0xc0, /* class 2 */
    CVN_TPDU_CC = 0xd0,
    CVN_TPDU_CR = 0xe0,
    CVN_TPDU_DT = 0xf0,
};

#define CVN_TPDU_LI_MAX       254u  /* 13.2.1; 255 is reserved */
#define CVN_TPDU_DATA_HEADER  3u    /* class 0: LI, code, number of DT and ED */
#define CVN_TPDU_DATA_HEADER2 5u    /* class 2: LI, code, DST-REF, number */
#define CVN_TPDU_USER_CONNECT 32u   /* user data of CR and CC, 13.3.5 */
#define CVN_TPDU_USER_DR      64u   /* 13.5.5 */
#define CVN_TPDU_REJECTED_MAX 248u  /* octets of the invalid TPDU that an ER can hold */
#define CVN_TPDU_SIZE_MIN     7u    /* C0: 2^7 = 128 octets */
#define CVN_TPDU_SIZE_MAX     13u   /* C0: 2^13 = 8192 octets */
#define CVN_TPDU_UNIT         128u  /* octets in one unit of F0 */
#define CVN_TPDU_UNITS_MAX    511u  /* 65,408 octets; 512 units do not fit a packet */
#define CVN_TPDU_EXPEDITED    0x01u /* bit 1 of C6: transport expedited data */
#define CVN_TPDU_ACKNOWLEDGED 0x20u /* bit 6, RFC 2126 class 2: each ED has its EA */
#define CVN_TPDU_NO_FLOW      0x01u /* bit 1 of class and option: no explicit flow control */
/* What cvn_tpdu_encode() writes at most, the packet header included. */
#define CVN_TPDU_PACKET_MAX (CVN_TPKT_HEADER + 1u + CVN_TPDU_LI_MAX)

/* A CR, CC, DR, DC, ER or EA. Members that its code does not have are zero. */
struct cvn_tpdu {
    enum cvn_tpdu_code code;
    uint16_t dst;     /* DST-REF */
    uint16_t src;     /* SRC-REF; not in ER and EA */
    uint8_t class_id; /* CR: preferred class; CC: the class selected; 0-4 */
    uint8_t option;   /* CR, CC: bits 2 and 1 beside the class */
    bool class_0;     /* CR: class 0 is among the answers that 6.5.4 h, table 3, allows */
    uint8_t reason;   /* DR: reason; ER: reject cause */
    uint8_t number;   /* EA: of the ED that it acknowledges */

    /* CR and CC. */
    uint8_t size;     /* C0: the exponent, 7-13; 0: absent */
    uint16_t units;   /* F0: preferred maximum size in units of 128 octets, 1-511; 0: absent */
    bool has_options; /* C6 is there */
    uint8_t options;  /* C6 */
    struct cvn_octets calling; /* C1; .p == NULL: absent */
    struct cvn_octets called;  /* C2 */

    struct cvn_octets extra; /* DR: E0, additional information; ER: C1, the invalid TPDU */
    struct cvn_octets data;  /* user data; decoded only */
};

/* What is wrong with a TPDU, in the words of section 6.22.3: an ER has cause and
 * the octets up to and including the bad one; a DR has the reason. */
struct cvn_tpdu_fault {
    enum cvn_cotp_cause cause;
    enum cvn_cotp_reason reason;
    uint32_t upto;   /* octets of the TPDU up to and including the bad one */
    const char *why; /* one line for people with the clause, static storage */
};

/* Reads the one TPDU that in is: CR, CC, DR, DC, ER or EA. The slices of *t point into in.
 * CVN_OK; CVN_EPROTO: *f says what is wrong, and t->code, t->src and t->class_id
 * hold whatever could be read, so that the sender can be answered. */
int cvn_tpdu_decode(struct cvn_octets in, struct cvn_tpdu *t,
                    struct cvn_tpdu_fault *f) CVN_MUST_USE;

/* Judges the header of a DT or ED TPDU of n octets in all, n >= header.n; header is
 * its first three octets in class 0, five in class 2. *end: EOT. lenient: low bits that are
 * to be zero (of the code; in class 0 of the number, RFC 2126 6.5) are ignored as
 * RFC 1006 6 says. In class 2 any number is right: there is no explicit flow control
 * (13.7.3). An ED without EOT is taken (deployed peers send it). CVN_OK;
 * CVN_EPROTO: *f. */
int cvn_tpdu_decode_data(struct cvn_octets header, uint32_t n, bool lenient, bool *end,
                         struct cvn_tpdu_fault *f) CVN_MUST_USE;

/* Writes t, one that cvn_tpdu_decode() reads, without user data, in its packet. Its
 * class is 0 or 2, which is without explicit flow control; a CR of class 2 with class_0
 * has class 0 as its alternative. The caller gives room (CVN_TPDU_PACKET_MAX is
 * enough); of ER's extra only the first CVN_TPDU_REJECTED_MAX octets are written. */
void cvn_tpdu_encode(struct cvn_wr *w, const struct cvn_tpdu *t);

/* What the headers of DTs and EDs say. */
struct cvn_tpdu_data {
    enum cvn_tpdu_code code; /* DT or ED */
    uint8_t class_id;        /* 0 or 2 */
    bool end;                /* EOT */
    uint16_t dst;            /* class 2 */
    size_t n;                /* octets of data */
};

/* Writes the headers of packet and TPDU: CVN_TPKT_HEADER and CVN_TPDU_DATA_HEADER
 * or CVN_TPDU_DATA_HEADER2 octets. */
void cvn_tpdu_encode_data(struct cvn_wr *w, const struct cvn_tpdu_data *d);

#endif
