/* SPDX-License-Identifier: MIT */
/* probe - what the files of `convene probe` share: a link that is no state machine, and answers. */
#ifndef CVN_CLI_PROBE_H
#define CVN_CLI_PROBE_H

#include <uv.h>

#include "cli/cli.h"
#include "proto/cotp/cotp_tpdu.h"
#include "proto/x225/spdu.h"
#include "transport/tcp/tcp.h"

#define PROBE_CN_MAX   2048u /* octets of a CN that is sent */
#define PROBE_IN_MAX   (CVN_TPKT_LENGTH_MAX + 1u)
#define PROBE_TSDU_MAX (128u << 10)
#define PROBE_FAULTS   32u

/* How a peer answers. */
enum probe_kind {
    PROBE_SPDU,    /* an SPDU, decoded */
    PROBE_CC,      /* the transport connection */
    PROBE_DR,      /* T-DISCONNECT with a reason */
    PROBE_ER,      /* "invalid TPDU" */
    PROBE_CLOSED,  /* the TCP connection was closed, */
    PROBE_RESET,   /* or reset */
    PROBE_SILENT,  /* nothing in time */
    PROBE_GARBAGE, /* octets that are no packet, TPDU or SPDU: why */
};

struct probe_answer {
    enum probe_kind kind;
    struct cvn_tpdu tpdu; /* CC, DR, ER */
    struct cvn_spdu spdu;
    size_t tsdu;     /* octets of the TSDU */
    const char *why; /* GARBAGE */
    double ms;       /* since what it answers */
};

/* One TCP connection. */
struct probe_link {
    int fd;
    double timeout_s;
    bool over; /* nothing more will come */
    uint64_t asked_ns;
    size_t dt_max; /* octets in one data TPDU; 0: any */
    size_t have;
    size_t used; /* of in: packets taken */
    size_t tsdu_len;
    uint8_t in[PROBE_IN_MAX];
    uint8_t tsdu[PROBE_TSDU_MAX];
};

/* What CR asks for. */
struct probe_cr {
    bool expedited;
    uint8_t class_id; /* 2: with class 0 as alternative */
    uint8_t size;     /* C0; 0: left out */
    const uint8_t *tsel;
    size_t tsel_len;
};

/* The octets of a CN, right or wrong. */
struct probe_cn {
    bool bare; /* LI 0 */
    uint8_t versions;
    uint16_t units;
    bool serial;   /* an initial number */
    bool extended; /* Protocol Options: extended concatenation */
    bool empty_id; /* a Connection Identifier of no octets */
    bool unknown;  /* a parameter that nobody knows */
    bool user;     /* user data, be it empty */
    struct cvn_octets data;
    struct cvn_octets calling;
    struct cvn_octets called;
};

void probe_link_open(struct probe_link *l, int fd, double timeout_s);
void probe_link_close(struct probe_link *l);
/* Sends CR and waits for what answers it. */
void probe_transport(struct probe_link *l, const struct probe_cr *cr, struct probe_answer *a);
/* Sends one SPDU as a TSDU; _ask waits for an answer. */
void probe_send(struct probe_link *l, const uint8_t *spdu, size_t n);
void probe_ask(struct probe_link *l, const uint8_t *spdu, size_t n, struct probe_answer *a);
/* Waits for the next thing, at most seconds. */
void probe_next(struct probe_link *l, double seconds, struct probe_answer *a);
/* How many octets it has. */
size_t probe_cn(uint8_t out[PROBE_CN_MAX], const struct probe_cn *c);

/* "AC", "RF 129", "DR 3", "closed"...: text is at least 64 octets. */
const char *probe_say(char *text, size_t cap, const struct probe_answer *a);

/* What is wrong with an AC, one text after another (static), for an offer. *n grows up to max. */
void probe_judge_accept(const struct cvn_spdu *ac, const struct probe_cn *offer,
                        const char *faults[], size_t *n, size_t max);
/* "half-duplex": of one bit. NULL: no unit. */
const char *probe_unit(unsigned bit);

#endif
