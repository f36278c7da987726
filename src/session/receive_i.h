/* SPDX-License-Identifier: MIT */
/* receive_i - the receiver's own: shared by inbox.c (what outlives links) and receive.c (links). */
#ifndef CVN_SESSION_RECEIVE_I_H
#define CVN_SESSION_RECEIVE_I_H

#include "session/receive.h"

#define PAIR_MAX  (4u + 64u + 64u + 4u + CVN_ACTIVITY_MAX)
#define PAIRS_MAX 256u
#define ID_KEY    (1u + CVN_ID)

/* The original pair of an activity, or of a resume: references and identifier, each
 * with its length before it. */
struct pair {
    uint8_t octets[PAIR_MAX];
    uint8_t len;
};

enum transfer_op {
    OP_NONE,
    OP_SYNC,      /* the octets of the first `covered` points become durable */
    OP_NOTE,      /* and now their records */
    OP_PART_SYNC, /* the end of a part that is followed by another */
    OP_PART_NOTE,
    OP_FINISH,     /* the end: durable, size and digest right? */
    OP_COMMITTING, /* the record that says what is about to be done */
    OP_PLACE,      /* the rename */
    OP_COMMITTED,  /* the record that says it was done */
    OP_FORGET,     /* points that are to be void are deleted, before the octets are */
};

struct transfer {
    struct cvn_transfer t;
    struct cvn_inbox *inbox;
    struct transfer *next;
    struct cvn_receiver *holder; /* the connection on which its activity is open */
    struct cvn_receiver *waiter; /* a connection that waits until op is NONE */
    uint8_t session[CVN_ID];     /* that sent it last */
    uint32_t part;
    uint64_t part_offset;
    struct cvn_place durable; /* the last durable point; serial 0: the part's beginning */
    struct cvn_place *points; /* received and not durable, oldest first */
    uint32_t npoints;
    uint32_t points_cap;
    uint32_t covered;
    struct pair *pairs;
    uint32_t npairs;
    uint32_t pairs_cap;
    uint64_t touched; /* UTC seconds */
    enum transfer_op op;
    struct cvn_wait wait;
    uint8_t op_trouble;
    bool stored; /* its record is in the store as it stands */
    bool end_wanted;
    bool continues;
    uint8_t owed;     /* a trouble that is reported when op is NONE */
    bool failed;      /* a trouble was reported; nothing more is confirmed */
    bool only_detach; /* a discard now ends the activity, not the transfer */
    bool gone;        /* to be removed as soon as op is NONE */
};

struct session {
    uint8_t id[CVN_ID];
    uint32_t epoch;
    uint64_t touched; /* UTC seconds of its last opening */
    bool over;        /* kept for a while, so that what a slow link still holds of it is known */
    uint64_t ended;   /* UTC seconds */
    struct cvn_receiver *holder;
    struct session *next;
};

struct cvn_inbox {
    const struct cvn_alloc *alloc;
    struct cvn_inbox_opts o;
    struct transfer *transfers;
    struct session *sessions;
    size_t ever;
    uint8_t worst;
    bool aborted;
    bool broken;
    size_t puts; /* pending puts that no transfer waits for */
};

enum receiver_wait { WAIT_NOTHING, WAIT_SESSION, WAIT_CONNECT, WAIT_START, WAIT_RESUME };

/* Slices of S-DATA that stand in the octets being fed: they are written together, before any
 * other primitive is looked at and before the feed ends. */
#define GATHER_MAX 16u
struct gather {
    const uint8_t *from; /* the octets being fed */
    const uint8_t *to;
    struct cvn_octets slice[GATHER_MAX];
    size_t n;
    uint64_t octets;
};

struct cvn_receiver {
    const struct cvn_alloc *alloc;
    struct cvn_inbox *inbox;
    const struct cvn_receiver_ops *ops;
    void *ctx;
    struct cvn_octets ssel;
    const char *peer;
    struct cvn_sc *sc;
    cvn_time now;
    cvn_time began;
    bool admitted; /* S-CONNECT came and was not refused */
    struct session *session;
    struct pair connection; /* this connection's references, without an activity */
    bool ours;
    bool nameless; /* S-CONNECT had no calling reference */
    bool open;
    bool closing;
    struct transfer *item; /* its activity is open here */
    bool ignore;           /* the item is committed already: its data is thrown away */
    enum receiver_wait wait;
    struct cvn_x225_prim deferred;
    uint8_t *kept; /* its octets */
    size_t kept_size;
    struct transfer *waiting_for;
    struct gather *gather; /* in cvn_receiver_feed(), else NULL */
};

/* pair.c */
struct pair cvn_pair_of(const struct cvn_x225_connection_id *id);
struct pair cvn_pair_with(struct pair p, struct cvn_octets activity);
/* The name that a stranger's activity gets: its references in hexadecimal. out has room for two
 * digits for each octet and one more. Returns the length. */
size_t cvn_pair_name(uint8_t *out, struct cvn_octets ref, struct cvn_octets id);

/* inbox.c */
struct transfer *cvn_inbox_find(struct cvn_inbox *b, const uint8_t id[CVN_ID]);
/* One that is discarded and waits for its op to be removed; NULL. */
struct transfer *cvn_inbox_find_going(struct cvn_inbox *b, const uint8_t id[CVN_ID]);
struct transfer *cvn_inbox_find_pair(struct cvn_inbox *b, const struct pair *p);
struct transfer *cvn_inbox_add(struct cvn_inbox *b, const uint8_t id[CVN_ID]);
void cvn_inbox_news(struct cvn_inbox *b, enum cvn_inbox_news n, const struct cvn_receiver *r,
                    const struct transfer *t, uint64_t offset, const char *text);
void cvn_inbox_failed(struct cvn_inbox *b, const char *why);
/* A put that nobody waits for. */
void cvn_inbox_put(struct cvn_inbox *b, const struct cvn_store_put *puts, size_t n);
struct session *cvn_inbox_session(struct cvn_inbox *b, const uint8_t id[CVN_ID], uint32_t epoch,
                                  bool *later);
/* Its end becomes durable; cvn_receiver_released() tells the holder it has then. */
void cvn_inbox_session_end(struct cvn_inbox *b, struct session *s);
/* It is over at once. */
void cvn_inbox_session_aborted(struct cvn_inbox *b, struct session *s);
void cvn_inbox_note_worst(struct cvn_inbox *b, uint8_t trouble);
/* What this session has had confirmed, it knows now. */
void cvn_inbox_forget_committed(struct cvn_inbox *b, const uint8_t session[CVN_ID],
                                const struct transfer *except);
/* A convene peer releases when it has finished or given up all that it had: what is left of it was
 * given up, and we did not hear or did not keep it. */
void cvn_inbox_discard_unfinished(struct cvn_inbox *b, const uint8_t session[CVN_ID]);
uint64_t cvn_inbox_octets(const struct cvn_inbox *b);

/* transfer.c */
int cvn_transfer_describe(struct transfer *t, const struct cvn_note *n);
int cvn_transfer_add_pair(struct transfer *t, const struct pair *p);
int cvn_transfer_own(const struct cvn_alloc *a, struct cvn_octets *to, struct cvn_octets from);
int cvn_transfer_decode(struct transfer *t, struct cvn_octets record);
/* Deletes the records of points above serial; true: op says so, ask again when it is done. */
bool cvn_transfer_forget(struct transfer *t, uint32_t serial);
/* The depot has lost what the records speak of: all is as if nothing had come. */
void cvn_transfer_void(struct transfer *t);
/* Begins anew at offset of part, when no point is left. Trouble or NONE. */
uint8_t cvn_transfer_begin(struct transfer *t, uint32_t part, uint64_t offset);
/* Back to the last durable point. */
uint8_t cvn_transfer_back(struct transfer *t, struct cvn_place to);
/* Looks a point up in the store. */
int cvn_transfer_point(struct transfer *t, uint32_t serial, struct cvn_place *out);
/* A point was received: it is told to the holder when it is durable. */
int cvn_transfer_mark(struct transfer *t, uint32_t serial);
void cvn_transfer_end(struct transfer *t, bool continues);
/* A trouble is about to be reported. */
void cvn_transfer_fail(struct transfer *t);
void cvn_transfer_discard(struct transfer *t);
/* Goes on with what is to be done when op is NONE. */
void cvn_transfer_step(struct transfer *t);
void cvn_transfer_free(struct transfer *t);

/* receive.c: what became of what the holder asked for */
void cvn_receiver_durable(struct cvn_receiver *r, struct cvn_place p);
void cvn_receiver_part_ended(struct cvn_receiver *r);
void cvn_receiver_committed(struct cvn_receiver *r);
void cvn_receiver_trouble(struct cvn_receiver *r, uint8_t trouble);
void cvn_receiver_go_on(struct cvn_receiver *r);
/* The session's beginning is durable: the holder may accept. */
void cvn_receiver_opened(struct cvn_receiver *r);
/* The session's end is durable, and the session gone. */
void cvn_receiver_released(struct cvn_receiver *r);

#endif
