/* SPDX-License-Identifier: MIT */
/*
 * machine - what the files of the session protocol machine share: its variables
 * (X.225 A.5), one event on its way through the table, and the queue of things the
 * transport has to do.
 *
 * Invariants
 *   M1  state is written in cvn_x225_goto() alone.
 *   M2  a row is taken in this order: predicates, outputs encoded (which may fail and
 *       leaves no trace), actions, outputs queued, indication given, state changed.
 *   M3  while wire_open, the last thing in the ring is a slice of the TSDU that is open,
 *       or nothing; every other T-DATA closes it first.
 *   M4  in STA713 with an empty ring the machine holds no memory but itself; while an SSDU of
 *       the user's is open perhaps a larger ring.
 */
#ifndef CVN_PROTO_X225_MACHINE_H
#define CVN_PROTO_X225_MACHINE_H

#include "convene/x225.h"
#include "proto/x225/tsdu.h"

#define X225_RING         5u     /* things for the transport at once, */
#define X225_RING_OWN     3u     /* and those that need no block */
#define X225_SMALL        24u    /* octets of an SPDU that need no block */
#define X225_EVENTS_MAX   256u   /* events held by action [10]; more: protocol error */
#define X225_CN_DATA_MAX  10240u /* connect user data in CN itself: 7.1 */
#define X225_REFLECT_MAX  9u     /* 8.3.9.x; AB then fits an expedited TSDU */
#define X225_EXPEDITED    16u    /* octets of an expedited TSDU */
#define X225_TSDU_MAX_LOW 64u    /* below this a TSDU maximum makes no sense: taken as none */
#define X225_CDO_HEAD     11u    /* SI and LI 4, Enclosure Item 3, PGI and LI 4 */
#define X225_LI_SHORT     254u   /* of the narrow dialect: parameters of an SPDU */
#define X225_ROOM         3u     /* things for the transport that one received event makes */

/* A resynchronization in progress, in the order of their priority: 4.1 of the sheet, X.215. */
enum cvn_x225_rsp { X225_RSP_NO, X225_RSP_R, X225_RSP_S, X225_RSP_A, X225_RSP_INT, X225_RSP_DSC };

enum cvn_x225_item_flag {
    X225_ITEM_END = 0x01,     /* the last slice of its TSDU */
    X225_ITEM_BEGIN = 0x02,   /* segments: the first segment begins the SSDU */
    X225_ITEM_FINISH = 0x04,  /* segments: the last segment ends the SSDU */
    X225_ITEM_SEGMENT = 0x08, /* data goes out in TSDUs of at most `limit` octets */
    X225_ITEM_BLOCK = 0x10,   /* octets of whole TSDUs in a block: head.block. CDO: data, then
                                 room for one TSDU */
    X225_ITEM_COPY = 0x20,    /* data is lent without an owner */
    X225_ITEM_MORE = 0x40,    /* waits: what comes next may go in the same TSDU */

};

struct cvn_x225_item {
    uint8_t kind; /* enum cvn_x225_out_kind */
    uint8_t flags;
    uint8_t spdu; /* X225_ITEM_SEGMENT: DT, TD or CDO */
    uint8_t small_len;
    uint16_t limit;
    union {
        uint8_t small[X225_SMALL];
        struct {
            uint8_t *p; /* each TSDU: its length in four octets, big endian, then itself */
            uint32_t size;
            uint32_t at;
        } block;
    } head;
    const uint8_t *data; /* what of it has not gone */
    size_t data_len;
    struct cvn_ref *owner;
};

/* What CN offered; kept until AC. */
struct cvn_x225_offer {
    uint16_t units;
    uint16_t tsdu_max_initiator;
    uint16_t tsdu_max_responder;
    uint8_t versions; /* bits */
    uint8_t token_setting;
    bool has_tsdu_max;
    bool has_setting;
    bool extended;   /* CN: its sender takes extended concatenation */
    int32_t initial; /* -1: none */
    int32_t initial2;
};

/* What AC settles. */
struct cvn_x225_agreed {
    uint16_t units;
    uint16_t tsdu_max_initiator;
    uint16_t tsdu_max_responder;
    uint8_t version; /* 1 or 2 */
    bool extended;   /* the peer takes extended concatenation */
    uint8_t token_setting;
    uint8_t token_item;
    int32_t initial;  /* of the flow from AC's sender */
    int32_t initial2; /* of the other */
};

/* A received event of the expedited flow that waits: action [10]. */
struct cvn_x225_held {
    uint8_t event;
    uint8_t len;
    uint8_t data[CVN_XSSDU_MAX];
    uint8_t resync;
    uint8_t resync2;
};

/* CN of a connection with data overflow: its parameters and the user data so far. */
struct cvn_x225_kept {
    struct cvn_x225_connection_id id; /* these point into text */
    struct cvn_octets calling;
    struct cvn_octets called;
    size_t size;    /* of the allocation */
    size_t data_at; /* in text: behind references and selectors */
    size_t text_len;
    size_t fed; /* octets taken since STA01D */
    uint8_t text[];
};

struct cvn_x225 {
    const struct cvn_alloc *alloc;
    cvn_time now;
    cvn_time tim; /* CVN_NEVER: not running */
    uint64_t tim_ns;

    /* opts */
    uint16_t opt_units;
    uint16_t opt_tsdu_max_send;
    uint16_t opt_tsdu_max_receive;
    uint8_t opt_versions;
    bool opt_extended;
    bool opt_reuse;
    bool opt_error_report;
    bool opt_minimal; /* the narrow dialect */

    /* A.5 */
    uint8_t state; /* enum cvn_x225_state */
    uint8_t version;
    bool ambiguous; /* two rows of a cell were true: for tests */
    uint16_t units;
    bool vtca, vtrr, vcoll, vdnr, vact, vnextact, vsc, texp;
    bool discard_rcv, discard_snd;
    uint8_t vrsp, vrsps, vrspr; /* enum cvn_x225_rsp */
    bool vrsp_local;            /* the resync in progress is our user's */
    uint8_t rs_setting;         /* token settings of the RS at hand: pairs of bits */
    uint8_t owned;              /* tokens */
    int32_t va, vm, vr;         /* symmetric synchronize: of the sending flow */
    int32_t var, vmr, vrr;
    int32_t vado, vadi;
    int32_t vrspnbs, vrspnbr; /* numbers of the resync; without symmetric synchronize the first */

    /* one-way dialogue: a local choice, x225_simplex.c */
    bool simplex;
    uint8_t simplex_side; /* enum cvn_x225_side: where the data token stays */

    /* SSDUs of DT and TD that the user gives in slices */
    uint8_t streaming;  /* enum cvn_spdu_type: DT or TD is open for the user; else 0xff */
    bool stream_unsent; /* nothing of it has gone out */
    bool wire_open;     /* a TSDU has begun and not ended */
    bool gta_due;       /* GTA waits for the end of that TSDU */
    uint16_t send_max;  /* TSDU maximum towards the peer; 0: none */
    bool concatenate;   /* extended concatenation may be sent */

    /* what is to be told to the user without octets */
    bool p_abort_due;
    bool release_held; /* S-RELEASE response given early: 6.3 of the sheet */
    bool in_stale;     /* in belongs to a connection that is over */
    bool begin_due;    /* the first slice of a TSDU was refused: it is still the first */
    bool loose;        /* the state has changed: some memory may be given back (M6) */
    uint8_t p_abort_reason;
    uint8_t please_due;         /* tokens of AC, event PT */
    struct cvn_x225_held given; /* the queued event the last indication points at */
    struct cvn_x225_offer offer;
    const char *p_abort_why;

    struct cvn_x225_kept *kept; /* STA01D, and S-CONNECT indication */
    uint8_t *saved;             /* STA01B: CN. STA09: DN. As the block of an item */
    uint8_t *rest;              /* STA02B: user data for CDO */
    uint32_t saved_size;
    uint32_t rest_size; /* of the allocation: rest_len octets, then room for one CDO */
    uint32_t rest_len;
    uint32_t ssdu_bytes_max;

    /* action [10] */
    struct cvn_x225_held *queue;
    uint16_t queue_len, queue_cap;
    uint16_t replay; /* how many of them [6] is to give back */

    uint8_t ring_first, ring_count;
    struct cvn_x225_item *ring; /* own, or a block of X225_RING while that is too small */
    struct cvn_tsdu_in in;
    struct cvn_x225_item own_ring[X225_RING_OWN];
};

/* Outputs that are encoded and not queued yet. */
struct cvn_x225_stage {
    struct cvn_x225_item item[3];
    unsigned count;
    bool version2; /* segments are allowed in every SPDU */
};

/* One event on its way through the table. */
struct cvn_x225_ev {
    uint8_t id;                  /* enum cvn_x225_table_event */
    bool local;                  /* from our user */
    struct cvn_x225_prim *prim;  /* of our user, or NULL */
    const struct cvn_spdu *spdu; /* received, or NULL */
    const struct cvn_tsdu_event *tsdu;
    int32_t sn;         /* the event's number, -1: none. With symmetric synchronize */
    int32_t sn_s, sn_r; /* that of our sending and of our receiving flow */
    uint8_t rsp;        /* enum cvn_x225_rsp of the event: the stronger flow's */
    uint8_t rsp_s, rsp_r;
    uint8_t tokens; /* named by GT, PT, S-TOKEN-* */
    uint8_t setting;
    bool has_setting;
    bool end;             /* CDO: the last */
    bool overflow;        /* CN, S-CONNECT request: over 10,240 octets */
    uint8_t refusal;      /* CN: reason code; CVN_RESULT_ACCEPT: acceptable */
    uint32_t used, used2; /* the numbers the provider has chosen */
    struct cvn_x225_agreed agreed;
    const struct cvn_x225_held *held; /* replayed */
    bool given;                       /* *ind was set */
    struct cvn_x225_prim *ind;
    struct cvn_x225_stage stage; /* last: cvn_x225_ev_init() */
};

/* x225_pred.c: 0 if the program is true, else the rank of what is in the way. */
enum cvn_x225_rank { X225_TRUE, X225_SERIAL, X225_TOKEN, X225_STATE, X225_UNIT, X225_NO_ROW };
unsigned cvn_x225_predicate(const struct cvn_x225 *x, const struct cvn_x225_ev *e,
                            uint16_t program);
bool cvn_x225_fu(const struct cvn_x225 *x, uint16_t unit);
/* Tokens that exist; of those, the ones this side owns. */
uint8_t cvn_x225_available(const struct cvn_x225 *x);
bool cvn_x225_reusable(const struct cvn_x225 *x);     /* p02 */
bool cvn_x225_error_report(const struct cvn_x225 *x); /* A.4.1, ER */

/* x225_act.c */
void cvn_x225_action(struct cvn_x225 *x, struct cvn_x225_ev *e, uint8_t action);
void cvn_x225_queue_clear(struct cvn_x225 *x);
int cvn_x225_queue_reserve(struct cvn_x225 *x) CVN_MUST_USE;

/* x225_spdu.c: the outputs of a row. */
int cvn_x225_output(struct cvn_x225 *x, struct cvn_x225_ev *e, uint8_t output) CVN_MUST_USE;
/* The narrow dialect's rules for an SPDU that is to be sent. CVN_OK, CVN_ETOOBIG. */
int cvn_x225_narrow(const struct cvn_x225 *x, struct cvn_spdu *s,
                    struct cvn_octets user) CVN_MUST_USE;
/* AB after an error, or ER; never fails. */
void cvn_x225_stage_abort(struct cvn_x225 *x, struct cvn_x225_stage *st, bool keep, uint8_t bits,
                          struct cvn_octets reflect);
void cvn_x225_stage_report(struct cvn_x225 *x, struct cvn_x225_stage *st,
                           struct cvn_octets reflect);

/* CN of a request, as the block of an item. */
int cvn_x225_connect_block(struct cvn_x225 *x, struct cvn_x225_ev *e, uint8_t **block,
                           uint32_t *size) CVN_MUST_USE;

/* x225_ind.c */
void cvn_x225_indicate(struct cvn_x225 *x, struct cvn_x225_ev *e, uint8_t output);

/* x225_out.c: the ring. */
void cvn_x225_ring_init(struct cvn_x225 *x);
/* Room for n more things. CVN_OK; CVN_FULL: take what cvn_x225_out() has first; CVN_ENOMEM. */
int cvn_x225_room(struct cvn_x225 *x, unsigned n) CVN_MUST_USE;
struct cvn_x225_item *cvn_x225_stage_item(struct cvn_x225_stage *st, uint8_t kind);
/* The SPDU s with its user data as TSDUs into one item. CVN_OK, CVN_ENOMEM, CVN_EINVAL,
 * CVN_ETOOBIG. */
int cvn_x225_stage_spdu(struct cvn_x225 *x, struct cvn_x225_stage *st, const struct cvn_spdu *s,
                        struct cvn_octets user, bool expedited) CVN_MUST_USE;
/* The same as octets in a block, in the form of an item's. */
int cvn_x225_block(struct cvn_x225 *x, const struct cvn_spdu *s, struct cvn_octets user,
                   bool version2, uint8_t **block, uint32_t *size) CVN_MUST_USE;
void cvn_x225_item_block(struct cvn_x225_item *it, uint8_t *block, uint32_t size);
void cvn_x225_stage_drop(struct cvn_x225 *x, struct cvn_x225_stage *st);
void cvn_x225_stage_queue(struct cvn_x225 *x, struct cvn_x225_stage *st);
/* The user has said that more follows: what is staged last waits for it, if it may. */
void cvn_x225_stage_more(const struct cvn_x225 *x, struct cvn_x225_stage *st);
void cvn_x225_ring_clear(struct cvn_x225 *x);

/* x225_neg.c */
int cvn_x225_offer_check(const struct cvn_x225 *x, const struct cvn_x225_prim *p,
                         struct cvn_x225_offer *o) CVN_MUST_USE;
void cvn_x225_offer_read(const struct cvn_x225 *x, const struct cvn_spdu *cn,
                         struct cvn_x225_offer *o);
/* The reason code of RF, or CVN_RESULT_ACCEPT. */
uint8_t cvn_x225_offer_judge(const struct cvn_x225 *x, const struct cvn_x225_offer *o);
/* The responder's answer: CVN_OK, CVN_EINVAL. */
int cvn_x225_agree(const struct cvn_x225 *x, const struct cvn_x225_prim *p,
                   struct cvn_x225_agreed *a) CVN_MUST_USE;
/* AC as the initiator sees it: NULL, or what is wrong with it. */
const char *cvn_x225_agree_read(const struct cvn_x225 *x, const struct cvn_spdu *ac,
                                struct cvn_x225_agreed *a);
/* The smaller of two TSDU maxima that is not 0. */
uint16_t cvn_x225_smaller_maximum(uint16_t a, uint16_t b);
/* Tokens that exist with these units; those of them that a Token Setting Item gives a side. */
uint8_t cvn_x225_tokens_of(uint16_t units);
uint8_t cvn_x225_tokens_at(uint8_t available, uint8_t setting, enum cvn_x225_side side);
/* Every available token has a place. */
bool cvn_x225_setting_definite(uint8_t available, uint8_t setting);
/* asked, with what it leaves to the acceptor taken from chosen; other pairs 0. */
uint8_t cvn_x225_setting_resolve(uint8_t available, uint8_t asked, uint8_t chosen);
/* No pair of an available token is the reserved 11. */
bool cvn_x225_setting_valid(uint8_t available, uint8_t setting);

/* x225_req.c: a request or response as an event; its parameters checked. */
int cvn_x225_request_event(const struct cvn_x225 *x, struct cvn_x225_prim *p,
                           struct cvn_x225_ev *e) CVN_MUST_USE;

/* x225_simplex.c: one-way dialogue. CVN_OK; CVN_EINVAL, CVN_EPERM: not with it. */
int cvn_x225_simplex_check(const struct cvn_x225 *x, const struct cvn_x225_ev *e) CVN_MUST_USE;
/* An S-CONNECT request or positive response was taken. */
void cvn_x225_simplex_begin(struct cvn_x225 *x, const struct cvn_x225_ev *e);

/* Where the available tokens are now, as a Token Setting Item. */
uint8_t cvn_x225_setting_now(const struct cvn_x225 *x);

/* x225_kept.c: CN of a connection with data overflow. */
int cvn_x225_keep(struct cvn_x225 *x, const struct cvn_spdu *cn) CVN_MUST_USE;
/* Room for the user data of whatever stands in the next len octets, which are then taken. */
int cvn_x225_keep_reserve(struct cvn_x225 *x, size_t len) CVN_MUST_USE;
void cvn_x225_keep_taken(struct cvn_x225 *x, size_t len);
void cvn_x225_keep_append(struct cvn_x225 *x, struct cvn_octets more);
size_t cvn_x225_kept_octets(const struct cvn_x225 *x);
void cvn_x225_keep_drop(struct cvn_x225 *x);

/* x225.c */
/* What is in the way of an event, as of the least hindered row of its cell; X225_NO_ROW: the cell
 * is empty. */
unsigned cvn_x225_obstacle(const struct cvn_x225 *x, const struct cvn_x225_ev *e);
/* Whether an SSDU that the user has begun stands in the way of this request, or keeps to the order
 * of its slices. */
bool cvn_x225_streaming(const struct cvn_x225 *x);
bool cvn_x225_slice_fits(const struct cvn_x225 *x, const struct cvn_x225_ev *e);
bool cvn_x225_slice_empty(const struct cvn_x225 *x, const struct cvn_x225_ev *e);
bool cvn_x225_release_early(const struct cvn_x225 *x, const struct cvn_x225_ev *e);
void cvn_x225_ev_init(struct cvn_x225_ev *e, uint8_t id);
void cvn_x225_goto(struct cvn_x225 *x, uint8_t next);
void cvn_x225_settle(struct cvn_x225 *x, cvn_time now);
void cvn_x225_timer_start(struct cvn_x225 *x);
/* What is due without octets. CVN_EVENT; CVN_NONE; as cvn_x225_room(). */
int cvn_x225_pump(struct cvn_x225 *x, struct cvn_x225_prim *ev) CVN_MUST_USE;
/* A received event through the table; what has no entry there. CVN_EVENT or CVN_MORE. */
int cvn_x225_receive(struct cvn_x225 *x, struct cvn_x225_ev *e, struct cvn_octets reflect,
                     struct cvn_x225_prim *ev) CVN_MUST_USE;
int cvn_x225_invalid(struct cvn_x225 *x, struct cvn_octets reflect, const char *why,
                     struct cvn_x225_prim *ev) CVN_MUST_USE;

#endif
