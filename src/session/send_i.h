/* SPDX-License-Identifier: MIT */
/* send_i - the sender's own: shared by send.c (links) and send_item.c (activities). */
#ifndef CVN_SESSION_SEND_I_H
#define CVN_SESSION_SEND_I_H

#include "session/send.h"

enum sender_state {
    SENDER_DOWN,       /* no link; redial says when to dial */
    SENDER_STORING,    /* the new epoch is becoming durable */
    SENDER_DIALING,    /* the link is being opened */
    SENDER_CONNECTING, /* S-CONNECT requested */
    SENDER_READY,      /* connected, no activity */
    SENDER_BEGINNING,  /* the item's record is becoming durable before S-ACTIVITY-START, -RESUME */
    SENDER_SENDING,    /* in an activity */
    SENDER_DIGESTING,  /* all is sent, the digest is being computed */
    SENDER_ENDING,     /* S-ACTIVITY-END requested */
    SENDER_NOTING,     /* the item's outcome is becoming durable */
    SENDER_GIVING_UP,  /* S-ACTIVITY-DISCARD or -INTERRUPT requested */
    SENDER_RESTING,    /* interrupted, waits to resume */
    SENDER_RELEASING,  /* S-RELEASE requested */
    SENDER_OVER,
};

struct cvn_sender {
    const struct cvn_alloc *alloc;
    struct cvn_sender_opts o;
    uint8_t called_ssel[64];
    uint8_t calling_ssel[16];
    uint8_t called_tsel[64];
    uint8_t calling_tsel[64];
    enum sender_state state;
    enum cvn_verdict verdict;
    char text[200];

    struct cvn_sc *sc;
    bool link;        /* there is a stream */
    bool dropping;    /* it is being given up */
    bool peer_ours;   /* the responder answered as convene */
    bool peer_points; /* minor synchronize was agreed */
    uint64_t peer_window;
    uint32_t epoch;
    struct cvn_activity_name connection; /* this connection's identifier; id unused */
    uint32_t activities;                 /* of this connection */
    uint8_t asked[CVN_ID];               /* the transfer named in S-CONNECT, */
    bool asked_any;
    bool answered; /* and the responder's answer to it, used once */
    struct cvn_note answer;

    struct cvn_item *item;
    bool item_started; /* its activity is open on this connection */
    bool end_unknown;  /* resumed, though its end was asked of a stranger before */
    bool item_noted;   /* its outcome is, or is becoming, durable */
    bool want_discard; /* the state after GIVING_UP: start or resume anew */
    bool want_rest;
    bool continues;           /* this S-ACTIVITY-END is followed by another part */
    struct cvn_point *points; /* sent and not confirmed, oldest first */
    uint32_t npoints;
    uint32_t points_cap;
    uint32_t serial;     /* of the last point sent or resumed at */
    uint64_t last_point; /* its offset */
    cvn_time point_due;  /* when a point is due by time */
    bool at_end;         /* the source said so */
    bool starved;        /* the source said CVN_MORE */

    struct cvn_wait put;       /* the item's or the session's record */
    struct cvn_wait point_put; /* a confirmed point */
    struct cvn_wait digest;
    struct cvn_point point_putting;

    cvn_time now;
    cvn_time redial;
    cvn_time outage_since; /* CVN_NEVER: connected */
    cvn_time started;
    cvn_time last_life;
    cvn_time dead_after;
    cvn_time rest_until;
    cvn_time rest_for;
    cvn_time all_done_since; /* committed, only the release is missing */
    uint32_t tries;
    bool reached;
    bool stopping;

    cvn_time rate_at; /* the bucket was filled then */
    uint64_t rate_left;

    struct cvn_sender_counts counts;
};

/* send.c */
void cvn_sender_goto(struct cvn_sender *s, enum sender_state next);
void cvn_sender_lost(struct cvn_sender *s, const char *why);
void cvn_sender_over(struct cvn_sender *s, enum cvn_verdict v, const char *text);
int cvn_sender_request(struct cvn_sender *s, struct cvn_x225_prim *p);
void cvn_sender_news(struct cvn_sender *s, enum cvn_sender_news n, uint64_t offset,
                     const char *text);
/* What is to be done next in this state; called after every event. */
void cvn_sender_step(struct cvn_sender *s);
/* Whether octets of the item are out that nobody has confirmed. */
bool cvn_sender_outstanding(const struct cvn_sender *s);

/* send_item.c */
void cvn_item_next(struct cvn_sender *s);
void cvn_item_pump(struct cvn_sender *s);
void cvn_item_ended(struct cvn_sender *s);    /* S-ACTIVITY-END confirm */
void cvn_item_given_up(struct cvn_sender *s); /* S-ACTIVITY-DISCARD or -INTERRUPT confirm */
void cvn_item_confirmed(struct cvn_sender *s, uint32_t serial);
void cvn_item_exception(struct cvn_sender *s, const struct cvn_x225_prim *p);
void cvn_item_link_lost(struct cvn_sender *s);
void cvn_item_finish(struct cvn_sender *s, enum cvn_outcome o);
/* When pumping is held by the rate or a point is due by time; CVN_NEVER: not. */
cvn_time cvn_item_deadline(const struct cvn_sender *s);
int cvn_item_put(struct cvn_sender *s, struct cvn_wait *w, const struct cvn_item *as);

#endif
