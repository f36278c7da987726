/* SPDX-License-Identifier: MIT */
/* cotp_i - what the machine's two files share: cotp.c (requests), cotp_in.c (the peer). */
#ifndef CVN_PROTO_COTP_I_H
#define CVN_PROTO_COTP_I_H

#include <assert.h>

#include "proto/cotp/cotp.h"
#include "proto/cotp/cotp_tpdu.h"
#include "proto/tpkt/tpkt.h"

/* What has to be there before anything can be decided: packet header, LI, code and the
 * octet that is DT's number in class 0; in class 2 up to the number of a DT. */
#define COTP_HEAD     (CVN_TPKT_HEADER + CVN_TPDU_DATA_HEADER)
#define COTP_HEAD2    (CVN_TPKT_HEADER + CVN_TPDU_DATA_HEADER2)
#define COTP_TSELS    (2 * CVN_TSEL_MAX)
#define COTP_IDLE_MAX 256u /* octets of this object */

struct cvn_cotp {
    const struct cvn_alloc *alloc;
    struct cvn_out out;
    uint8_t *part;  /* a TPDU that came in parts; complete: kept for its event until next feed */
    uint8_t *tsels; /* calling, called: until they were sent. NULL: no octets */
    uint16_t part_size;
    uint16_t part_have;
    uint16_t behind;   /* octets of the packet behind the TPDU at part, class 2 */
    uint16_t units;    /* F0 and C0 of our CR, or of the CC that we would answer; 0: absent */
    uint32_t left;     /* octets of the current DT, or of what is skipped, still to come */
    uint32_t tpdu_max; /* our own limit */
    uint32_t send_max; /* agreed, in OPEN */
    uint32_t receive_max;
    uint16_t reference; /* ours */
    uint16_t peer;      /* the peer's; 0: not known */
    uint8_t size;
    uint8_t state;   /* enum cvn_cotp_state */
    uint8_t classes; /* enum cvn_cotp_class */
    uint8_t class_id;
    bool initiator;
    bool lenient;
    bool expedited;       /* ours to give; from CC on: agreed */
    bool acknowledged;    /* the same for EA */
    bool expedited_asked; /* responder: C6 of the CR, bit 1 */
    bool options_seen;    /* responder: the CR had a C6, so the CC has one */
    bool higher_class;    /* responder: the CR preferred another class than 0 */
    bool dt_end;          /* EOT of the current DT */
    bool skip;            /* what is left is of no TC of ours */
    bool tsdu_in;         /* a TSDU has begun and not ended, in each direction */
    bool tsdu_out;
    bool calling_there;
    bool called_there;
    uint8_t calling_n;
    uint8_t called_n;
    uint8_t head_have;
    uint8_t head[COTP_HEAD2];
};

static_assert(sizeof(struct cvn_cotp) <= COTP_IDLE_MAX, "an idle connection is small");

static inline uint32_t cotp_min(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

/* I1. */
void cvn_cotp_goto(struct cvn_cotp *c, enum cvn_cotp_state next);
/* Gives back the TPDU that came in parts. */
void cvn_cotp_release_part(struct cvn_cotp *c);
/* The largest exponent of C0 that does not pass octets, at least 128. */
uint8_t cvn_cotp_size_of(uint32_t octets);
/* What C0 and F0 mean together, 6.5.4 j and RFC 1006 5; F0 wins where both stand. */
uint32_t cvn_cotp_octets_of(uint8_t size, uint16_t units);
/* Room for them; false: no memory. */
bool cvn_cotp_reserve_tsels(struct cvn_cotp *c);
/* Keeps those that fit, as they are there, if only with no octets. There is room. */
void cvn_cotp_keep_tsels(struct cvn_cotp *c, struct cvn_octets calling, struct cvn_octets called);
/* Each CVN_OK or CVN_ENOMEM: at the end of the queue; before the DTs that have not begun
 * to go; instead of them. The last two have room for up to CVN_OUT_INLINE octets. */
int cvn_cotp_queue(struct cvn_cotp *c, const struct cvn_tpdu *t) CVN_MUST_USE;
int cvn_cotp_queue_urgent(struct cvn_cotp *c, const struct cvn_tpdu *t) CVN_MUST_USE;
int cvn_cotp_queue_last(struct cvn_cotp *c, const struct cvn_tpdu *t) CVN_MUST_USE;
/* SRC-REF 0: the TC was never there (6.6.3). Reasons of 128 and over exist in classes 1
 * to 4 only (13.5.3): they cannot answer a CR for class 0. */
struct cvn_tpdu cvn_cotp_dr(const struct cvn_cotp *c, uint16_t dst, uint16_t src,
                            enum cvn_cotp_reason reason);

static inline bool cotp_part_open(const struct cvn_cotp *c)
{
    return c->part_have < c->part_size;
}

#endif
