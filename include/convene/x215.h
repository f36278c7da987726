/* SPDX-License-Identifier: MIT */
/*
 * x215 - the session service of ITU-T X.215 / ISO 8326 on a session connection:
 * one function for each request and response, with the service's own names and
 * parameters. Each fills a struct cvn_x225_prim and hands it to cvn_sc_request();
 * whoever needs a parameter that is not here (another order of slices, a version) does
 * the same. Indications and confirms come as struct cvn_x225_prim out of
 * cvn_sc_feed() and cvn_sc_next(); what each carries is written at its service.
 *
 * All functions return what cvn_sc_request() returns, and nothing has changed unless CVN_OK:
 *   CVN_EINVAL   a parameter is outside its range
 *   CVN_ESTATE   not allowed now: another service is outstanding, or an activity is or is not
 *                in progress
 *   CVN_ETOKEN   a token is not where this service needs it
 *   CVN_EUNIT    the functional unit was not agreed
 *   CVN_ESERIAL  the serial number may not be named now, or the numbers are used up
 *   CVN_ETOOBIG  more SS-user data than the agreed protocol version carries
 *   CVN_EPERM    one-way dialogue was chosen, and this would turn it round
 *   CVN_ENOMEM   no memory
 * cvn_sc_why() says in words why a primitive would be refused.
 *
 * SS-user data. Protocol version 2 carries any length everywhere (S-EXPEDITED-DATA: 1 to 14
 * octets). Version 1: S-DATA and S-TYPED-DATA any length; S-U-ABORT 9 octets; none in
 * S-TOKEN-GIVE, S-CONTROL-GIVE, S-ACTIVITY-INTERRUPT and -DISCARD and their responses; 512 in all
 * others. S-CONNECT request: over 512 octets version 2 alone is offered; over 10,240 the rest
 * follows once the peer asks for it (connect data overflow). .n == 0: none.
 * User data is copied before the call returns, except that of S-DATA and S-TYPED-DATA, which is
 * lent (below). User data of indications is valid until the next call on the connection.
 *
 * Tokens (clause 11). A token exists if its functional unit was agreed: data with half-duplex,
 * synchronize-minor with minor synchronize, major/activity with major synchronize or activity
 * management, release with negotiated release. It is with one user; only he may give it. Below,
 * "data*" means: held by this user if the token exists; "major" without the star: must exist and
 * be held.
 *
 * Activities (clause 12): where activity management was agreed, "inside" means that an activity is
 * in progress, "outside" that none is. Without the unit the words mean nothing.
 *
 *   request                     tokens held                     activity  functional unit
 *   S-DATA                      data*                           -         -
 *   S-EXPEDITED-DATA            -                               -         expedited data
 *   S-TYPED-DATA                -                               -         typed data
 *   S-CAPABILITY-DATA           data* minor* major              outside   capability data
 *   S-TOKEN-GIVE                each that is named              -         that of the token
 *   S-TOKEN-PLEASE              each named has to exist         -         that of the token
 *   S-CONTROL-GIVE              data* minor* major release*     outside   activity management
 *   S-SYNC-MINOR                data* minor                     inside    minor synchronize
 *     (symmetric synchronize)   -                               inside    symmetric synchronize
 *   S-SYNC-MAJOR                data* minor* major              inside    major synchronize
 *   S-RESYNCHRONIZE             -                               inside    resynchronize
 *   S-U-EXCEPTION-REPORT        data exists and is not held     inside    exceptions
 *   S-ACTIVITY-START, -RESUME   data* minor* major              outside   activity management
 *   S-ACTIVITY-INTERRUPT,       major                           inside    activity management
 *     -DISCARD
 *   S-ACTIVITY-END              data* minor* major              inside    activity management
 *   S-RELEASE                   data* minor* major* release*    outside   -
 *   S-U-ABORT                   -                               -         -
 *
 * While a confirmed service is outstanding (between a request and its confirm, or an indication
 * and its response) most requests are refused until it is done; S-U-ABORT never is. What may
 * be asked in the meantime is what the tables of X.225 Annex A say.
 */
#ifndef CONVENE_X215_H
#define CONVENE_X215_H

#include "convene/connection.h"
#include "convene/qos.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The subsets of the 1984 edition, as proposals: of half-duplex and duplex the responder picks
 * one. BCS basic combined, BSS basic synchronized, BAS basic activity subset. */
#define CVN_SUBSET_BCS (CVN_FU_HALF_DUPLEX | CVN_FU_DUPLEX)
#define CVN_SUBSET_BSS                                                                             \
    (CVN_FU_NEGOTIATED_RELEASE | CVN_FU_HALF_DUPLEX | CVN_FU_DUPLEX | CVN_FU_TYPED_DATA |          \
     CVN_FU_MINOR_SYNC | CVN_FU_MAJOR_SYNC | CVN_FU_RESYNC)
#define CVN_SUBSET_BAS                                                                             \
    (CVN_FU_HALF_DUPLEX | CVN_FU_TYPED_DATA | CVN_FU_CAPABILITY | CVN_FU_MINOR_SYNC |              \
     CVN_FU_EXCEPTIONS | CVN_FU_ACTIVITY)

/* Text as octets, without its terminating zero; NULL: none. */
CVN_API struct cvn_octets cvn_octets_of(const char *text);

/* -------- S-CONNECT, 13.1: confirmed -------- */

/* Request and positive response. Octets are copied before the call returns. */
struct cvn_s_connect {
    struct cvn_x225_connection_id id; /* references: calling in a request, called in a response, at
                                         most 64 octets; common 64; additional 4 */
    struct cvn_octets calling;        /* request: calling session selector, at most 16 octets */
    struct cvn_octets called;         /* called; response: the responding selector */
    uint16_t units;              /* request: proposed; response: of those proposed the ones this
                                         user wants, of half-duplex and duplex one, of minor and
                                         symmetric synchronize at most one. 0: CVN_FU_DEFAULT */
    uint8_t versions;            /* bit 0: version 1, bit 1: version 2; 0: both, or the highest */
    uint32_t serial;             /* initial serial number, 0 to 999,999, where a synchronize or
                                         resynchronize unit is proposed without activity management; in
                                         a response CVN_SERIAL_NONE: as proposed */
    uint32_t serial2;            /* symmetric synchronize: that of the peer's flow, else
                                         CVN_SERIAL_NONE: the same */
    uint8_t token_setting;       /* SIDE * TOKEN for each token, or'ed: CVN_SIDE_RESPONDER *
                                         CVN_TOKEN_DATA; 0: all with the initiator; in a response only
                                         what the request left to the acceptor counts */
    uint8_t tokens;              /* response: tokens asked for at once (as S-TOKEN-PLEASE) */
    bool simplex;                /* one-way dialogue: half-duplex whose data token stays where
                                         token_setting puts it; see cvn_x225_why() in x225.h */
    const struct cvn_qos *qos;   /* quality of service; NULL: none is asked for. Of it protection,
                                  extended control and optimized dialogue transfer are used here; the
                                  rest has been settled before: qos.h */
    uint16_t tsdu_max_initiator; /* TSDU maximum sizes, 64 and more; 0: unlimited */
    uint16_t tsdu_max_responder;
    struct cvn_octets data;
};

/* Everything absent: no references or selectors, CVN_FU_DEFAULT, no numbers. */
CVN_API void cvn_s_connect_init(struct cvn_s_connect *c);

/* Only on the connection's initiator, as its first request or once a kept transport connection is
 * free again. The indication carries versions, units, id, calling, called, serial, serial2,
 * token_setting (has_token_setting), TSDU maxima, data. */
CVN_API int cvn_s_connect_request(struct cvn_sc *sc, const struct cvn_s_connect *c,
                                  cvn_time now) CVN_MUST_USE;
/* Result accept. The confirm (result CVN_RESULT_ACCEPT) carries what was agreed: versions (one
 * bit), units (the intersection: look at it, not at the proposal), the definite token_setting,
 * tokens that the responder asks for, serial, serial2, TSDU maxima, id, called, data. */
CVN_API int cvn_s_connect_response(struct cvn_sc *sc, const struct cvn_s_connect *c,
                                   cvn_time now) CVN_MUST_USE;
/* Result reject: 0 no reason, 1 temporary congestion, 2 with user data (only then), 129 to 134 in
 * the provider's name. The confirm carries result, data, and keep: the transport connection may be
 * used for another S-CONNECT. */
CVN_API int cvn_s_connect_refuse(struct cvn_sc *sc, enum cvn_x225_result reason,
                                 struct cvn_octets data, cvn_time now) CVN_MUST_USE;

/* -------- data, 13.2 to 13.5 -------- */

/* S-DATA, unconfirmed: one whole SSDU of at least one octet. data is lent: owner is held until it
 * was sent; without an owner it is copied now. The indications carry the SSDU in slices: data,
 * begin, end. */
CVN_API int cvn_s_data_request(struct cvn_sc *sc, struct cvn_octets data, struct cvn_ref *owner,
                               cvn_time now) CVN_MUST_USE;
/* The same in parts: one call with begin, any number without, the last with end. Until then only
 * S-EXPEDITED-DATA and S-U-ABORT are taken besides. */
CVN_API int cvn_s_data_part_request(struct cvn_sc *sc, struct cvn_octets data,
                                    struct cvn_ref *owner, bool begin, bool end,
                                    cvn_time now) CVN_MUST_USE;
/* S-TYPED-DATA, unconfirmed: as S-DATA, whoever has the data token. */
CVN_API int cvn_s_typed_data_request(struct cvn_sc *sc, struct cvn_octets data,
                                     struct cvn_ref *owner, cvn_time now) CVN_MUST_USE;
CVN_API int cvn_s_typed_data_part_request(struct cvn_sc *sc, struct cvn_octets data,
                                          struct cvn_ref *owner, bool begin, bool end,
                                          cvn_time now) CVN_MUST_USE;
/* S-EXPEDITED-DATA, unconfirmed: 1 to 14 octets. Over TCP it overtakes only what this side has not
 * given to the socket yet. Needs opts.expedited on both sides. */
CVN_API int cvn_s_expedited_data_request(struct cvn_sc *sc, struct cvn_octets data,
                                         cvn_time now) CVN_MUST_USE;
/* S-CAPABILITY-DATA, confirmed. Indication and confirm carry data. */
CVN_API int cvn_s_capability_data_request(struct cvn_sc *sc, struct cvn_octets data,
                                          cvn_time now) CVN_MUST_USE;
CVN_API int cvn_s_capability_data_response(struct cvn_sc *sc, struct cvn_octets data,
                                           cvn_time now) CVN_MUST_USE;

/* -------- tokens, 13.6 to 13.8: unconfirmed -------- */

/* tokens: CVN_TOKEN_*, or'ed, at least one. The indication carries tokens and data. */
CVN_API int cvn_s_token_give_request(struct cvn_sc *sc, uint8_t tokens, struct cvn_octets data,
                                     cvn_time now) CVN_MUST_USE;
/* A wish: the peer need not follow it. A token that this side has may be asked for too, in vain. */
CVN_API int cvn_s_token_please_request(struct cvn_sc *sc, uint8_t tokens, struct cvn_octets data,
                                       cvn_time now) CVN_MUST_USE;
/* All tokens that exist, at once. Until the peer's machine has acknowledged it (the user is not
 * told) only data may be sent, and that only as far as no token is needed. */
CVN_API int cvn_s_control_give_request(struct cvn_sc *sc, struct cvn_octets data,
                                       cvn_time now) CVN_MUST_USE;

/* -------- synchronization, 13.9 to 13.11 -------- */

enum cvn_s_minor {
    CVN_S_MINOR_EXPLICIT = 0,   /* the peer is asked to confirm */
    CVN_S_MINOR_OPTIONAL = 1,   /* he may: "not required" is not "must not" */
    CVN_S_MINOR_SEPARATION = 2, /* data separation, with its functional unit; or'ed */
};
/* S-SYNC-MINOR, optionally confirmed. The provider chooses the number; *serial gets it (NULL is
 * fine). The indication carries serial, optional, separation, data. */
CVN_API int cvn_s_sync_minor_request(struct cvn_sc *sc, unsigned flags, struct cvn_octets data,
                                     uint32_t *serial, cvn_time now) CVN_MUST_USE;
/* Confirms the point serial and all before it. Confirm: serial, data. */
CVN_API int cvn_s_sync_minor_response(struct cvn_sc *sc, uint32_t serial, struct cvn_octets data,
                                      cvn_time now) CVN_MUST_USE;
/* S-SYNC-MAJOR, confirmed; what came before it is done with once it is confirmed. */
CVN_API int cvn_s_sync_major_request(struct cvn_sc *sc, struct cvn_octets data, uint32_t *serial,
                                     cvn_time now) CVN_MUST_USE;
CVN_API int cvn_s_sync_major_response(struct cvn_sc *sc, struct cvn_octets data,
                                      cvn_time now) CVN_MUST_USE;

/* S-RESYNCHRONIZE, confirmed and destructive: what is under way is thrown away. */
struct cvn_s_resync {
    enum cvn_x225_resync type;  /* request: abandon, restart, set */
    uint32_t serial;            /* restart: a point after the last confirmed major one; set: any up
                                   to 999,999; abandon: ignored, the provider gives it. Response:
                                   CVN_SERIAL_NONE: what the peer asks for */
    enum cvn_x225_resync type2; /* symmetric synchronize: for the peer's flow; CVN_RESYNC_NONE: that
                                   flow is left alone */
    uint32_t serial2;
    bool has_token_setting; /* false: tokens stay, and what is left to this side too */
    uint8_t token_setting;  /* request: any place, CVN_SIDE_ACCEPTOR_CHOOSES too; response: of those
                               left to the acceptor */
    struct cvn_octets data;
};
CVN_API void cvn_s_resync_init(struct cvn_s_resync *r);
/* *serial gets the number that goes to the peer (NULL is fine). Where both users resynchronize at
 * once the stronger request wins (discard, interrupt, abandon, set, restart; then the lower number;
 * then the initiator): the loser gets the winner's indication and no confirm of his own. The
 * indication carries resync, serial, resync2, serial2, token_setting, data. */
CVN_API int cvn_s_resynchronize_request(struct cvn_sc *sc, const struct cvn_s_resync *r,
                                        uint32_t *serial, cvn_time now) CVN_MUST_USE;
/* The confirm carries serial, serial2, the definite token_setting, data. type is ignored. */
CVN_API int cvn_s_resynchronize_response(struct cvn_sc *sc, const struct cvn_s_resync *r,
                                         cvn_time now) CVN_MUST_USE;

/* -------- exceptions, 13.12, 13.13 -------- */

/* S-U-EXCEPTION-REPORT, unconfirmed. Afterwards this side waits for the peer to recover: give the
 * data token, resynchronize, interrupt, discard or abort. The indication carries reason, data.
 * (S-P-EXCEPTION-REPORT, by the provider, is an indication only: reason, reflected, why.) */
CVN_API int cvn_s_u_exception_report_request(struct cvn_sc *sc, enum cvn_x225_reason reason,
                                             struct cvn_octets data, cvn_time now) CVN_MUST_USE;

/* -------- activities, 13.14 to 13.18 -------- */

/* S-ACTIVITY-START, unconfirmed: identifier of 1 to 6 octets; serial numbers begin at 1. */
CVN_API int cvn_s_activity_start_request(struct cvn_sc *sc, struct cvn_octets activity,
                                         struct cvn_octets data, cvn_time now) CVN_MUST_USE;
/* S-ACTIVITY-RESUME, unconfirmed. The indication carries all of this. */
struct cvn_s_resume {
    struct cvn_octets activity;       /* the new identifier, 1 to 6 octets */
    struct cvn_octets old_activity;   /* as it was called, 1 to 6 octets */
    uint32_t serial;                  /* the point to go on at; the next is one more */
    uint32_t serial2;                 /* symmetric synchronize: the peer's flow; or
                                         CVN_SERIAL_NONE: the same */
    struct cvn_x225_connection_id id; /* of the connection it was on; all absent: this one */
    struct cvn_octets data;
};
CVN_API int cvn_s_activity_resume_request(struct cvn_sc *sc, const struct cvn_s_resume *r,
                                          cvn_time now) CVN_MUST_USE;
/* S-ACTIVITY-INTERRUPT, confirmed: may be resumed. Indication: reason, data. */
CVN_API int cvn_s_activity_interrupt_request(struct cvn_sc *sc, enum cvn_x225_reason reason,
                                             struct cvn_octets data, cvn_time now) CVN_MUST_USE;
CVN_API int cvn_s_activity_interrupt_response(struct cvn_sc *sc, struct cvn_octets data,
                                              cvn_time now) CVN_MUST_USE;
/* S-ACTIVITY-DISCARD, confirmed: void from its beginning. Indication: reason, data. */
CVN_API int cvn_s_activity_discard_request(struct cvn_sc *sc, enum cvn_x225_reason reason,
                                           struct cvn_octets data, cvn_time now) CVN_MUST_USE;
CVN_API int cvn_s_activity_discard_response(struct cvn_sc *sc, struct cvn_octets data,
                                            cvn_time now) CVN_MUST_USE;
/* S-ACTIVITY-END, confirmed: a major point. *serial gets its number (NULL is fine). */
CVN_API int cvn_s_activity_end_request(struct cvn_sc *sc, struct cvn_octets data, uint32_t *serial,
                                       cvn_time now) CVN_MUST_USE;
CVN_API int cvn_s_activity_end_response(struct cvn_sc *sc, struct cvn_octets data,
                                        cvn_time now) CVN_MUST_USE;

/* -------- the end, 14, 15 -------- */

/* S-RELEASE, confirmed. keep: the transport connection is offered for another session connection
 * (only its initiator, with opts.x225.reuse, without transport expedited data; else ignored). Indication:
 * keep, data. Without tokens both users may ask at once: then both get an indication, both answer,
 * and both get a confirm. */
CVN_API int cvn_s_release_request(struct cvn_sc *sc, bool keep, struct cvn_octets data,
                                  cvn_time now) CVN_MUST_USE;
/* accept: affirmative; false only with negotiated release: the session connection goes on. The
 * confirm carries result (CVN_RESULT_ACCEPT or 0), keep, data. */
CVN_API int cvn_s_release_response(struct cvn_sc *sc, bool accept, struct cvn_octets data,
                                   cvn_time now) CVN_MUST_USE;
/* S-U-ABORT, unconfirmed, destructive, at any time in a session connection. Indication: data,
 * keep. (S-P-ABORT, by the provider, is an indication only: reason, reflected, why, keep.) */
CVN_API int cvn_s_u_abort_request(struct cvn_sc *sc, struct cvn_octets data,
                                  cvn_time now) CVN_MUST_USE;

#ifdef __cplusplus
}
#endif
#endif
