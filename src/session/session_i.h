/* SPDX-License-Identifier: MIT */
/*
 * session_i - what the files of a stream session share.
 *
 *   session.c       the life of a session: its user, its dials, its endings
 *   session_link.c  one link: the session connection, points, limits, probes
 *   session_keys.c  records with their proofs, secrets
 *   host.c          the responder's sessions, by id
 *
 * Invariants
 *   I1  at most one link is s->link: the proven one of the highest epoch. Others are dials.
 *   I2  octets reach the user in the order of positions, each once: what a link brings below
 *       s->received is passed over.
 *   I3  CVN_SESSION_NEWS_END is said only when s->in is empty and END stood at s->received.
 *   I4  the out window forgets what the peer has confirmed, nothing else.
 */
#ifndef CVN_SESSION_SESSION_I_H
#define CVN_SESSION_SESSION_I_H

#include "session/session.h"
#include "session/window.h"

#define PENDING_KEYS 4u
#define POINTS_MAX   256u /* sent and not confirmed, of one link */
#define DIALS_MAX    3u
#define STREAM_UNITS (CVN_FU_DUPLEX | CVN_FU_SYMMETRIC_SYNC | CVN_FU_TYPED_DATA)

enum link_state {
    LINK_CONNECTING, /* initiator: CN is out. Responder: CN is awaited */
    LINK_ANSWERED,   /* responder: AC is out, the proof is awaited */
    LINK_OPEN,
    LINK_RELEASING, /* S-RELEASE requested */
    LINK_OVER,      /* nothing more comes of it */
};

struct cvn_link {
    const struct cvn_alloc *alloc;
    const struct cvn_link_ops *ops;
    void *ctx;
    struct cvn_session *s; /* NULL: not known yet, or any more */
    struct cvn_host *host; /* responder's */
    struct cvn_link *next; /* of the session's dials, or the host's strangers */
    struct cvn_sc *sc;
    enum link_state state;
    bool hung_up;
    uint32_t epoch;
    uint8_t exporter[CVN_SECRET];
    uint8_t nonce[CVN_NONCE];   /* ours, initiator */
    uint8_t secret[CVN_SECRET]; /* S' */
    uint8_t proof[CVN_PROOF];   /* what S-TYPED-DATA has to prove */
    uint8_t *cn;                /* initiator: our record, until it is answered */
    size_t cn_len;

    uint64_t out_at;     /* the next octet to be sent on this link */
    uint64_t last_point; /* where the last point stands */
    uint64_t peer_limit; /* of the peer's record, heeded once it is proven; as is out_at, and */
    bool end_taken;      /* that it has our END */
    cvn_time point_due;
    bool end_sent;
    uint64_t points[POINTS_MAX]; /* positions, oldest first */
    cvn_time point_at;           /* when the oldest was sent, for round trips; CVN_NEVER: unknown */
    uint32_t points_first;       /* serial number of the oldest */
    uint32_t npoints, points_head;

    uint64_t in_at;      /* the position of the next octet that comes on it */
    uint32_t end_serial; /* the peer's END, not confirmed yet */
    bool end_here;       /* end_serial is set */
    bool inside;         /* an SSDU of ops.data is being given */
    uint64_t limit_told;

    uint8_t typed[CVN_WORD_MAX]; /* S-TYPED-DATA so far */
    uint32_t typed_len;          /* more than fits: it is none of ours */

    cvn_time begun;
    cvn_time heard;
    cvn_time probed; /* CVN_NEVER: no probe is out */
    uint32_t probe;
    bool suspect;
};

struct cvn_session {
    const struct cvn_alloc *alloc;
    struct cvn_session_opts o;
    uint8_t called_ssel[CVN_SSEL_MAX];
    uint8_t called_tsel[32];
    uint8_t id[CVN_SESSION_ID];
    bool initiator;
    bool reached;
    bool opened; /* a first link was proven */
    uint8_t state;
    uint8_t reason;
    char text[CVN_WORD_TEXT_MAX + 1];

    struct cvn_link *link;  /* proven */
    struct cvn_link *dials; /* the others */
    struct cvn_host *host;
    struct cvn_session *next; /* in the host's bucket */

    uint32_t epoch; /* the last used (initiator), the last proven (responder) */
    uint8_t secret[CVN_SECRET];
    bool has_secret;
    uint8_t older[CVN_SECRET]; /* initiator: until the new one has proved something */
    bool has_older, use_older;
    uint8_t pending[PENDING_KEYS][CVN_SECRET]; /* responder */
    uint32_t npending;

    struct cvn_window out;
    uint64_t furthest; /* sent at least once */
    uint64_t peer_limit;
    bool ended;         /* our user has said so: the direction ends at out.next */
    bool end_confirmed; /* the peer has it, and all before */
    bool full;          /* the user was told CVN_FULL */

    struct cvn_window in; /* received, not taken by the user */
    uint64_t received;    /* == in.next */
    bool peer_ended;      /* END stands at received */
    bool end_told;        /* to our user */

    cvn_time now;
    cvn_time started;
    cvn_time outage_since; /* CVN_NEVER: there is a link */
    cvn_time redial;       /* CVN_NEVER: not */
    uint32_t tries;
    uint32_t dialing; /* ops.dial without an answer */
    cvn_time rtt;     /* smoothed; 0: not known */
    struct cvn_positions counts;
};

/* session.c */
void cvn_session_lost(struct cvn_session *s, const char *why);
void cvn_session_over(struct cvn_session *s, enum cvn_session_state st,
                      enum cvn_session_reason reason, const char *text, size_t n);
/* l is proven: it carries the session from now on. */
void cvn_session_carry(struct cvn_session *s, struct cvn_link *l);
void cvn_session_step(struct cvn_session *s);
void cvn_session_receive(struct cvn_session *s, struct cvn_link *l, struct cvn_octets data);
void cvn_session_confirmed(struct cvn_session *s, uint64_t at);
void cvn_session_peer_end(struct cvn_session *s);
int cvn_session_init(struct cvn_session **out, const struct cvn_session_opts *o, bool initiator,
                     cvn_time now) CVN_MUST_USE;
void cvn_session_dispose(struct cvn_session *s);

/* session_link.c */
void cvn_link_pump(struct cvn_link *l);
void cvn_link_hang_up(struct cvn_link *l);
cvn_time cvn_link_deadline(const struct cvn_link *l);
void cvn_link_tick(struct cvn_link *l);
void cvn_link_abort(struct cvn_link *l, const char *text);
/* Confirms the peer's END, once the user has it. */
void cvn_link_confirm_end(struct cvn_link *l);

/* The session takes the link over, from now on a dial; and out of whatever list it is in. */
void cvn_link_join(struct cvn_link *l, struct cvn_session *s);
void cvn_link_leave(struct cvn_link *l);
/* An answer of the responder: CVN_RESULT_ACCEPT or a refusal. */
void cvn_link_answer(struct cvn_link *l, uint8_t result, struct cvn_octets data);
/* Our record says where we are now. */
void cvn_link_told(struct cvn_link *l, const struct cvn_session *s);
/* Where both directions begin on this link, by the peer's record: false if octets are missing. */
bool cvn_link_begin(struct cvn_link *l, const struct cvn_record *r);

/* host.c */
void cvn_host_connect(struct cvn_link *l, const struct cvn_x225_prim *p);
void cvn_host_opened(struct cvn_session *s);
/* Links that belong to no session yet. */
void cvn_host_welcome(struct cvn_host *h, struct cvn_link *l);
void cvn_host_farewell(struct cvn_host *h, struct cvn_link *l);
/* The host has something to do at t. */
void cvn_host_due(struct cvn_host *h, cvn_time t);
const struct cvn_alloc *cvn_host_alloc(const struct cvn_host *h);

/* session_keys.c */
void cvn_keys_random(struct cvn_session *s, uint8_t *p, size_t n);
/* The offer of S-CONNECT request, with its proof, into buf: octets written, 0 if it does not fit. */
size_t cvn_keys_offer(struct cvn_session *s, struct cvn_link *l, uint8_t buf[CVN_RECORD_MAX]);
/* The initiator: is the answer proven? Then l->secret and l->proof are set. */
bool cvn_keys_answered(struct cvn_session *s, struct cvn_link *l, const struct cvn_record *r,
                       struct cvn_octets ac);
bool cvn_keys_refused(struct cvn_session *s, const struct cvn_link *l, const struct cvn_record *r,
                      struct cvn_octets rf);
/* The responder: is the offer proven, by any secret that counts? base gets it. */
bool cvn_keys_offered(struct cvn_session *s, const struct cvn_link *l, const struct cvn_record *r,
                      struct cvn_octets cn, uint8_t base[CVN_SECRET]);
/* The responder's answer with proof; sets l->secret and l->proof, keeps the new secret pending. */
size_t cvn_keys_answer(struct cvn_session *s, struct cvn_link *l, const struct cvn_record *offer,
                       struct cvn_octets cn, const uint8_t base[CVN_SECRET],
                       uint8_t buf[CVN_RECORD_MAX]);
size_t cvn_keys_refusal(struct cvn_session *s, const struct cvn_link *l, uint8_t answer,
                        const char *text, struct cvn_octets cn, const uint8_t *base,
                        uint8_t buf[CVN_RECORD_MAX]);
bool cvn_keys_equal(const uint8_t *a, const uint8_t *b, size_t n);

#endif
