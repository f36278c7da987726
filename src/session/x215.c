/* SPDX-License-Identifier: MIT */
/* x215 - the primitives of X.215 as functions. */
#include "convene/x215.h"

#include <string.h>

static struct cvn_x225_prim prim(enum cvn_x225_service s, enum cvn_x225_type t,
                                 struct cvn_octets data)
{
    struct cvn_x225_prim p;
    cvn_x225_prim_init(&p, s, t);
    p.data = data;
    return p;
}

/* A primitive that has nothing but user data. */
static int bare(struct cvn_sc *sc, enum cvn_x225_service s, enum cvn_x225_type t,
                struct cvn_octets data, cvn_time now)
{
    struct cvn_x225_prim p = prim(s, t, data);
    return cvn_sc_request(sc, &p, now);
}

static int numbered(struct cvn_sc *sc, struct cvn_x225_prim *p, uint32_t *serial, cvn_time now)
{
    int rc = cvn_sc_request(sc, p, now);
    if (rc == CVN_OK && serial != NULL)
        *serial = p->serial;
    return rc;
}

static int reasoned(struct cvn_sc *sc, enum cvn_x225_service s, enum cvn_x225_reason reason,
                    struct cvn_octets data, cvn_time now)
{
    struct cvn_x225_prim p = prim(s, CVN_REQUEST, data);
    p.reason = (uint8_t)reason;
    return cvn_sc_request(sc, &p, now);
}

struct cvn_octets cvn_octets_of(const char *text)
{
    return (struct cvn_octets){(const uint8_t *)text, text == NULL ? 0 : strlen(text)};
}

/* -------- S-CONNECT -------- */

void cvn_s_connect_init(struct cvn_s_connect *c)
{
    memset(c, 0, sizeof *c);
    c->serial = CVN_SERIAL_NONE;
    c->serial2 = CVN_SERIAL_NONE;
}

static int connect_prim(struct cvn_sc *sc, const struct cvn_s_connect *c, enum cvn_x225_type type,
                        cvn_time now)
{
    struct cvn_x225_prim p = prim(CVN_S_CONNECT, type, c->data);
    p.result = CVN_RESULT_ACCEPT;
    p.id = c->id;
    p.calling = c->calling;
    p.called = c->called;
    p.units = c->units;
    p.versions = c->versions;
    p.serial = c->serial;
    p.serial2 = c->serial2;
    p.has_token_setting = c->token_setting != 0;
    p.token_setting = c->token_setting;
    p.tokens = c->tokens;
    p.simplex = c->simplex;
    if (c->qos != NULL) {
        p.protection = type == CVN_REQUEST ? c->qos->protection : 0;
        p.extended_control = c->qos->extended_control;
        p.optimized_dialogue = c->qos->optimized_dialogue;
    }
    p.tsdu_max_initiator = c->tsdu_max_initiator;
    p.tsdu_max_responder = c->tsdu_max_responder;
    return cvn_sc_request(sc, &p, now);
}

int cvn_s_connect_request(struct cvn_sc *sc, const struct cvn_s_connect *c, cvn_time now)
{
    return connect_prim(sc, c, CVN_REQUEST, now);
}

int cvn_s_connect_response(struct cvn_sc *sc, const struct cvn_s_connect *c, cvn_time now)
{
    return connect_prim(sc, c, CVN_RESPONSE, now);
}

int cvn_s_connect_refuse(struct cvn_sc *sc, enum cvn_x225_result reason, struct cvn_octets data,
                         cvn_time now)
{
    struct cvn_x225_prim p = prim(CVN_S_CONNECT, CVN_RESPONSE, data);
    if (reason == CVN_RESULT_ACCEPT)
        return CVN_EINVAL;
    p.result = (uint8_t)reason;
    return cvn_sc_request(sc, &p, now);
}

/* -------- data -------- */

static int data_part(struct cvn_sc *sc, enum cvn_x225_service s, struct cvn_octets data,
                     struct cvn_ref *owner, bool begin, bool end, cvn_time now)
{
    struct cvn_x225_prim p = prim(s, CVN_REQUEST, data);
    p.owner = owner;
    p.begin = begin;
    p.end = end;
    return cvn_sc_request(sc, &p, now);
}

int cvn_s_data_request(struct cvn_sc *sc, struct cvn_octets data, struct cvn_ref *owner,
                       cvn_time now)
{
    return data_part(sc, CVN_S_DATA, data, owner, true, true, now);
}

int cvn_s_data_part_request(struct cvn_sc *sc, struct cvn_octets data, struct cvn_ref *owner,
                            bool begin, bool end, cvn_time now)
{
    return data_part(sc, CVN_S_DATA, data, owner, begin, end, now);
}

int cvn_s_typed_data_request(struct cvn_sc *sc, struct cvn_octets data, struct cvn_ref *owner,
                             cvn_time now)
{
    return data_part(sc, CVN_S_TYPED_DATA, data, owner, true, true, now);
}

int cvn_s_typed_data_part_request(struct cvn_sc *sc, struct cvn_octets data, struct cvn_ref *owner,
                                  bool begin, bool end, cvn_time now)
{
    return data_part(sc, CVN_S_TYPED_DATA, data, owner, begin, end, now);
}

int cvn_s_expedited_data_request(struct cvn_sc *sc, struct cvn_octets data, cvn_time now)
{
    return bare(sc, CVN_S_EXPEDITED_DATA, CVN_REQUEST, data, now);
}

int cvn_s_capability_data_request(struct cvn_sc *sc, struct cvn_octets data, cvn_time now)
{
    return bare(sc, CVN_S_CAPABILITY_DATA, CVN_REQUEST, data, now);
}

int cvn_s_capability_data_response(struct cvn_sc *sc, struct cvn_octets data, cvn_time now)
{
    return bare(sc, CVN_S_CAPABILITY_DATA, CVN_RESPONSE, data, now);
}

/* -------- tokens -------- */

static int tokens(struct cvn_sc *sc, enum cvn_x225_service s, uint8_t which, struct cvn_octets data,
                  cvn_time now)
{
    struct cvn_x225_prim p = prim(s, CVN_REQUEST, data);
    p.tokens = which;
    return cvn_sc_request(sc, &p, now);
}

int cvn_s_token_give_request(struct cvn_sc *sc, uint8_t which, struct cvn_octets data, cvn_time now)
{
    return tokens(sc, CVN_S_TOKEN_GIVE, which, data, now);
}

int cvn_s_token_please_request(struct cvn_sc *sc, uint8_t which, struct cvn_octets data,
                               cvn_time now)
{
    return tokens(sc, CVN_S_TOKEN_PLEASE, which, data, now);
}

int cvn_s_control_give_request(struct cvn_sc *sc, struct cvn_octets data, cvn_time now)
{
    return bare(sc, CVN_S_CONTROL_GIVE, CVN_REQUEST, data, now);
}

/* -------- synchronization -------- */

int cvn_s_sync_minor_request(struct cvn_sc *sc, unsigned flags, struct cvn_octets data,
                             uint32_t *serial, cvn_time now)
{
    struct cvn_x225_prim p = prim(CVN_S_SYNC_MINOR, CVN_REQUEST, data);
    if ((flags & ~(unsigned)(CVN_S_MINOR_OPTIONAL | CVN_S_MINOR_SEPARATION)) != 0)
        return CVN_EINVAL;
    p.optional = (flags & CVN_S_MINOR_OPTIONAL) != 0;
    p.separation = (flags & CVN_S_MINOR_SEPARATION) != 0;
    return numbered(sc, &p, serial, now);
}

int cvn_s_sync_minor_response(struct cvn_sc *sc, uint32_t serial, struct cvn_octets data,
                              cvn_time now)
{
    struct cvn_x225_prim p = prim(CVN_S_SYNC_MINOR, CVN_RESPONSE, data);
    p.serial = serial;
    return cvn_sc_request(sc, &p, now);
}

int cvn_s_sync_major_request(struct cvn_sc *sc, struct cvn_octets data, uint32_t *serial,
                             cvn_time now)
{
    struct cvn_x225_prim p = prim(CVN_S_SYNC_MAJOR, CVN_REQUEST, data);
    return numbered(sc, &p, serial, now);
}

int cvn_s_sync_major_response(struct cvn_sc *sc, struct cvn_octets data, cvn_time now)
{
    return bare(sc, CVN_S_SYNC_MAJOR, CVN_RESPONSE, data, now);
}

void cvn_s_resync_init(struct cvn_s_resync *r)
{
    memset(r, 0, sizeof *r);
    r->type = CVN_RESYNC_ABANDON;
    r->type2 = CVN_RESYNC_NONE;
    r->serial = CVN_SERIAL_NONE;
    r->serial2 = CVN_SERIAL_NONE;
}

static struct cvn_x225_prim resync(const struct cvn_s_resync *r, enum cvn_x225_type type)
{
    struct cvn_x225_prim p = prim(CVN_S_RESYNCHRONIZE, type, r->data);
    p.resync = (uint8_t)r->type;
    p.resync2 = (uint8_t)r->type2;
    p.serial = r->serial;
    p.serial2 = r->serial2;
    p.has_token_setting = r->has_token_setting;
    p.token_setting = r->token_setting;
    return p;
}

int cvn_s_resynchronize_request(struct cvn_sc *sc, const struct cvn_s_resync *r, uint32_t *serial,
                                cvn_time now)
{
    struct cvn_x225_prim p = resync(r, CVN_REQUEST);
    return numbered(sc, &p, serial, now);
}

int cvn_s_resynchronize_response(struct cvn_sc *sc, const struct cvn_s_resync *r, cvn_time now)
{
    struct cvn_x225_prim p = resync(r, CVN_RESPONSE);
    return cvn_sc_request(sc, &p, now);
}

/* -------- exceptions, activities -------- */

int cvn_s_u_exception_report_request(struct cvn_sc *sc, enum cvn_x225_reason reason,
                                     struct cvn_octets data, cvn_time now)
{
    return reasoned(sc, CVN_S_U_EXCEPTION_REPORT, reason, data, now);
}

int cvn_s_activity_start_request(struct cvn_sc *sc, struct cvn_octets activity,
                                 struct cvn_octets data, cvn_time now)
{
    struct cvn_x225_prim p = prim(CVN_S_ACTIVITY_START, CVN_REQUEST, data);
    p.activity = activity;
    return cvn_sc_request(sc, &p, now);
}

int cvn_s_activity_resume_request(struct cvn_sc *sc, const struct cvn_s_resume *r, cvn_time now)
{
    struct cvn_x225_prim p = prim(CVN_S_ACTIVITY_RESUME, CVN_REQUEST, r->data);
    p.activity = r->activity;
    p.old_activity = r->old_activity;
    p.serial = r->serial;
    p.serial2 = r->serial2;
    p.id = r->id;
    return cvn_sc_request(sc, &p, now);
}

int cvn_s_activity_interrupt_request(struct cvn_sc *sc, enum cvn_x225_reason reason,
                                     struct cvn_octets data, cvn_time now)
{
    return reasoned(sc, CVN_S_ACTIVITY_INTERRUPT, reason, data, now);
}

int cvn_s_activity_interrupt_response(struct cvn_sc *sc, struct cvn_octets data, cvn_time now)
{
    return bare(sc, CVN_S_ACTIVITY_INTERRUPT, CVN_RESPONSE, data, now);
}

int cvn_s_activity_discard_request(struct cvn_sc *sc, enum cvn_x225_reason reason,
                                   struct cvn_octets data, cvn_time now)
{
    return reasoned(sc, CVN_S_ACTIVITY_DISCARD, reason, data, now);
}

int cvn_s_activity_discard_response(struct cvn_sc *sc, struct cvn_octets data, cvn_time now)
{
    return bare(sc, CVN_S_ACTIVITY_DISCARD, CVN_RESPONSE, data, now);
}

int cvn_s_activity_end_request(struct cvn_sc *sc, struct cvn_octets data, uint32_t *serial,
                               cvn_time now)
{
    struct cvn_x225_prim p = prim(CVN_S_ACTIVITY_END, CVN_REQUEST, data);
    return numbered(sc, &p, serial, now);
}

int cvn_s_activity_end_response(struct cvn_sc *sc, struct cvn_octets data, cvn_time now)
{
    return bare(sc, CVN_S_ACTIVITY_END, CVN_RESPONSE, data, now);
}

/* -------- the end -------- */

int cvn_s_release_request(struct cvn_sc *sc, bool keep, struct cvn_octets data, cvn_time now)
{
    struct cvn_x225_prim p = prim(CVN_S_RELEASE, CVN_REQUEST, data);
    p.keep = keep;
    return cvn_sc_request(sc, &p, now);
}

int cvn_s_release_response(struct cvn_sc *sc, bool accept, struct cvn_octets data, cvn_time now)
{
    struct cvn_x225_prim p = prim(CVN_S_RELEASE, CVN_RESPONSE, data);
    p.result = accept ? CVN_RESULT_ACCEPT : 0;
    return cvn_sc_request(sc, &p, now);
}

int cvn_s_u_abort_request(struct cvn_sc *sc, struct cvn_octets data, cvn_time now)
{
    return bare(sc, CVN_S_U_ABORT, CVN_REQUEST, data, now);
}
