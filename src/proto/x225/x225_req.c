/* SPDX-License-Identifier: MIT */
/*
 * x225_req - a request or response of the user as an event: X.215 tables of
 * parameters, X.225 A.3.1. What is wrong with it by itself is found here; whether it is
 * allowed now is the table's affair.
 *
 * Invariants
 *   R1  nothing here changes the machine.
 */
#include <assert.h>
#include <string.h>

#include "proto/x225/machine.h"
#include "proto/x225/x225_table.h"

#define ARGS const struct cvn_x225 *x, struct cvn_x225_prim *p, struct cvn_x225_ev *e
#define UNUSED                                                                                     \
    (void)x;                                                                                       \
    (void)p;                                                                                       \
    (void)e

static bool ss(const struct cvn_x225 *x)
{
    return cvn_x225_fu(x, CVN_FU_SYMMETRIC_SYNC);
}

uint8_t cvn_x225_setting_now(const struct cvn_x225 *x)
{
    uint8_t available = cvn_x225_available(x);
    unsigned responders = x->vtca ? x->owned : available & ~x->owned & 0xffu;
    return (uint8_t)(responders * (unsigned)CVN_SIDE_RESPONDER);
}

static int check_none(ARGS)
{
    UNUSED;
    return CVN_OK;
}

static int check_connect_request(ARGS)
{
    (void)x;
    e->overflow = p->data.n > X225_CN_DATA_MAX;
    return CVN_OK; /* the offer is checked when the state allows one: cvn_x225_request() */
}

static bool result_valid(uint8_t result)
{
    return result <= CVN_RF_USER_DATA ||
           (result >= CVN_RF_SELECTOR_UNKNOWN && result <= CVN_RF_RESTRICTION);
}

static int check_connect_response(ARGS)
{
    if (p->result == CVN_RESULT_ACCEPT)
        return x->state == CVN_STA08 ? cvn_x225_agree(x, p, &e->agreed) : CVN_OK;
    e->id = X225_EV_SCONrsp_neg;
    if (!result_valid(p->result) || (p->data.n > 0 && p->result != CVN_RF_USER_DATA))
        return CVN_EINVAL;
    if (p->id.called.n > CVN_REFERENCE_MAX || p->id.common.n > CVN_REFERENCE_MAX ||
        p->id.additional.n > CVN_ADDITIONAL_MAX || p->id.calling.n > 0)
        return CVN_EINVAL;
    return CVN_OK;
}

static int check_data(ARGS)
{
    UNUSED;
    return CVN_OK; /* slices: cvn_x225_request() */
}

static int check_expedited(ARGS)
{
    UNUSED;
    if (p->data.n == 0)
        return CVN_EINVAL;
    return p->data.n > CVN_XSSDU_MAX ? CVN_ETOOBIG : CVN_OK;
}

static int check_tokens(ARGS)
{
    (void)x;
    e->tokens = p->tokens;
    return p->tokens == 0 || (p->tokens & ~CVN_TOKEN_ALL) != 0 ? CVN_EINVAL : CVN_OK;
}

static int check_minor(ARGS)
{
    (void)x;
    if (p->separation)
        e->id = X225_EV_SSYNmdreq;
    return CVN_OK;
}

static int check_minor_response(ARGS)
{
    (void)x;
    if (p->serial > CVN_SERIAL_MAX)
        return CVN_EINVAL;
    e->sn = (int32_t)p->serial;
    return CVN_OK;
}

static uint8_t resync_kind(uint8_t type)
{
    switch (type) {
    case CVN_RESYNC_RESTART:
        return X225_RSP_R;
    case CVN_RESYNC_ABANDON:
        return X225_RSP_A;
    case CVN_RESYNC_SET:
        return X225_RSP_S;
    default:
        return X225_RSP_NO;
    }
}

/* The number of one flow in S-RESYNCHRONIZE request: abandon, and a flow that is left alone,
 * carry the next to be used. -1: none is given and one is needed. */
static int32_t resync_number(uint8_t kind, uint32_t given, int32_t next)
{
    if (kind == X225_RSP_A || kind == X225_RSP_NO)
        return next;
    return given > CVN_SERIAL_MAX ? -1 : (int32_t)given;
}

/* With symmetric synchronize the stronger type finds the row. A major point concerns both flows,
 * so a resync that makes it void must too, or the numbers of the two sides would part; and its
 * requestor may not restart (no row in STA04A, STA15A) either flow. */
static bool resync_allowed(const struct cvn_x225 *x, uint8_t kind, uint8_t kind2)
{
    bool requestor = x->state == CVN_STA04A || x->state == CVN_STA15A;
    if (!ss(x) || (!requestor && x->state != CVN_STA10A))
        return true;
    if (kind2 == X225_RSP_NO)
        return false;
    return !requestor || (kind != X225_RSP_R && kind2 != X225_RSP_R);
}

static int check_resync(ARGS)
{
    uint8_t kind = resync_kind(p->resync);
    uint8_t kind2 = ss(x) ? resync_kind(p->resync2) : X225_RSP_NO;

    if (kind == X225_RSP_NO) /* Resync Type is mandatory: 8.3.24 */
        return CVN_EINVAL;
    if (p->resync2 != CVN_RESYNC_NONE && kind2 == X225_RSP_NO)
        return ss(x) ? CVN_EINVAL : CVN_EUNIT;
    if (!resync_allowed(x, kind, kind2))
        return CVN_ESTATE;
    e->rsp = kind > kind2 ? kind : kind2;
    e->rsp_s = kind;
    e->rsp_r = kind2;
    e->id = e->rsp == X225_RSP_A   ? X225_EV_SRSYNreq_a
            : e->rsp == X225_RSP_S ? X225_EV_SRSYNreq_s
                                   : X225_EV_SRSYNreq_r;
    e->sn_s = resync_number(kind, p->serial, x->vm);
    e->sn_r = resync_number(kind2, p->serial2, x->vmr);
    e->sn = e->sn_s;
    if (e->sn_s < 0 || (ss(x) && e->sn_r < 0))
        return CVN_EINVAL;
    e->setting = p->has_token_setting ? p->token_setting : cvn_x225_setting_now(x);
    if (!cvn_x225_setting_valid(cvn_x225_available(x), e->setting))
        return CVN_EINVAL;
    return CVN_OK;
}

/* The number of one flow in S-RESYNCHRONIZE response; as CVN_SERIAL_NONE: what was asked for. */
static int32_t answer_number(uint8_t kind, uint32_t given, int32_t asked, int32_t next)
{
    if (kind == X225_RSP_NO)
        return next;
    if (given != CVN_SERIAL_NONE)
        return given > CVN_SERIAL_MAX ? -1 : (int32_t)given;
    return kind == X225_RSP_A ? next : asked;
}

static int check_resync_response(ARGS)
{
    uint8_t available = cvn_x225_available(x);

    e->sn_s = answer_number(x->vrsps, p->serial, x->vrspnbs, x->vm);
    e->sn_r = answer_number(x->vrspr, p->serial2, x->vrspnbr, x->vmr);
    e->sn = e->sn_s;
    if (e->sn_s < 0 || (ss(x) && e->sn_r < 0))
        return CVN_EINVAL;
    uint8_t chosen = p->has_token_setting ? p->token_setting : cvn_x225_setting_now(x);
    e->setting = cvn_x225_setting_resolve(available, x->rs_setting, chosen);
    return cvn_x225_setting_definite(available, e->setting) ? CVN_OK : CVN_EINVAL;
}

/* 8.3.28: 2, 4 and the rest are reserved. */
static bool reason_valid(uint8_t reason)
{
    switch (reason) {
    case CVN_REASON_NONE:
    case CVN_REASON_RECEIVING_JEOPARDIZED:
    case CVN_REASON_SEQUENCE_ERROR:
    case CVN_REASON_LOCAL_ERROR:
    case CVN_REASON_UNRECOVERABLE:
    case CVN_REASON_DEMAND_DATA_TOKEN:
        return true;
    default:
        return false;
    }
}

static int check_reason(ARGS)
{
    (void)x;
    if (e->id == X225_EV_SACTIreq)
        e->rsp = X225_RSP_INT;
    if (e->id == X225_EV_SACTDreq)
        e->rsp = X225_RSP_DSC;
    return reason_valid(p->reason) ? CVN_OK : CVN_EINVAL;
}

static bool activity_valid(struct cvn_octets id)
{
    return id.n >= 1 && id.n <= CVN_ACTIVITY_MAX;
}

static int check_start(ARGS)
{
    (void)x;
    (void)e;
    return activity_valid(p->activity) ? CVN_OK : CVN_EINVAL;
}

static int check_resume(ARGS)
{
    if (!activity_valid(p->activity) || !activity_valid(p->old_activity))
        return CVN_EINVAL;
    if (p->id.calling.n > CVN_REFERENCE_MAX || p->id.called.n > CVN_REFERENCE_MAX ||
        p->id.common.n > CVN_REFERENCE_MAX || p->id.additional.n > CVN_ADDITIONAL_MAX)
        return CVN_EINVAL;
    if (p->serial > CVN_SERIAL_MAX ||
        (ss(x) && p->serial2 != CVN_SERIAL_NONE && p->serial2 > CVN_SERIAL_MAX))
        return CVN_EINVAL;
    e->sn = (int32_t)p->serial;
    e->sn_s = e->sn;
    e->sn_r = ss(x) && p->serial2 != CVN_SERIAL_NONE ? (int32_t)p->serial2 : e->sn;
    return CVN_OK;
}

static int check_release_response(ARGS)
{
    (void)x;
    if (p->result != CVN_RESULT_ACCEPT)
        e->id = X225_EV_SRELrsp_neg;
    return p->result == CVN_RESULT_ACCEPT || p->result == 0 ? CVN_OK : CVN_EINVAL;
}

typedef int check_fn(ARGS);

enum data_rule {
    WHOLE,    /* version 1: 512 octets */
    ONLY_V2,  /* version 1: none */
    AS_ABORT, /* version 1: 9 octets */
    ANY,      /* its own rules */
};

/* clang-format off */
static const struct request {
    uint8_t service, type;
    uint8_t event;
    uint8_t data;
    check_fn *check;
} requests[] = {
    {CVN_S_CONNECT, CVN_REQUEST, X225_EV_SCONreq, ANY, check_connect_request},
    {CVN_S_CONNECT, CVN_RESPONSE, X225_EV_SCONrsp_pos, ANY, check_connect_response},
    {CVN_S_DATA, CVN_REQUEST, X225_EV_SDTreq, ANY, check_data},
    {CVN_S_EXPEDITED_DATA, CVN_REQUEST, X225_EV_SEXreq, ANY, check_expedited},
    {CVN_S_TYPED_DATA, CVN_REQUEST, X225_EV_STDreq, ANY, check_data},
    {CVN_S_CAPABILITY_DATA, CVN_REQUEST, X225_EV_SCDreq, WHOLE, check_none},
    {CVN_S_CAPABILITY_DATA, CVN_RESPONSE, X225_EV_SCDrsp, WHOLE, check_none},
    {CVN_S_TOKEN_GIVE, CVN_REQUEST, X225_EV_SGTreq, ONLY_V2, check_tokens},
    {CVN_S_TOKEN_PLEASE, CVN_REQUEST, X225_EV_SPTreq, WHOLE, check_tokens},
    {CVN_S_CONTROL_GIVE, CVN_REQUEST, X225_EV_SCGreq, ONLY_V2, check_none},
    {CVN_S_SYNC_MINOR, CVN_REQUEST, X225_EV_SSYNmreq, WHOLE, check_minor},
    {CVN_S_SYNC_MINOR, CVN_RESPONSE, X225_EV_SSYNmrsp, WHOLE, check_minor_response},
    {CVN_S_SYNC_MAJOR, CVN_REQUEST, X225_EV_SSYNMreq, WHOLE, check_none},
    {CVN_S_SYNC_MAJOR, CVN_RESPONSE, X225_EV_SSYNMrsp, WHOLE, check_none},
    {CVN_S_RESYNCHRONIZE, CVN_REQUEST, X225_EV_SRSYNreq_a, WHOLE, check_resync},
    {CVN_S_RESYNCHRONIZE, CVN_RESPONSE, X225_EV_SRSYNrsp, WHOLE, check_resync_response},
    {CVN_S_U_EXCEPTION_REPORT, CVN_REQUEST, X225_EV_SUERreq, WHOLE, check_reason},
    {CVN_S_ACTIVITY_START, CVN_REQUEST, X225_EV_SACTSreq, WHOLE, check_start},
    {CVN_S_ACTIVITY_RESUME, CVN_REQUEST, X225_EV_SACTRreq, WHOLE, check_resume},
    {CVN_S_ACTIVITY_INTERRUPT, CVN_REQUEST, X225_EV_SACTIreq, ONLY_V2, check_reason},
    {CVN_S_ACTIVITY_INTERRUPT, CVN_RESPONSE, X225_EV_SACTIrsp, ONLY_V2, check_none},
    {CVN_S_ACTIVITY_DISCARD, CVN_REQUEST, X225_EV_SACTDreq, ONLY_V2, check_reason},
    {CVN_S_ACTIVITY_DISCARD, CVN_RESPONSE, X225_EV_SACTDrsp, ONLY_V2, check_none},
    {CVN_S_ACTIVITY_END, CVN_REQUEST, X225_EV_SACTEreq, WHOLE, check_none},
    {CVN_S_ACTIVITY_END, CVN_RESPONSE, X225_EV_SACTErsp, WHOLE, check_none},
    {CVN_S_RELEASE, CVN_REQUEST, X225_EV_SRELreq, WHOLE, check_none},
    {CVN_S_RELEASE, CVN_RESPONSE, X225_EV_SRELrsp_pos, WHOLE, check_release_response},
    {CVN_S_U_ABORT, CVN_REQUEST, X225_EV_SUABreq, AS_ABORT, check_none},
};
/* clang-format on */

/* 8.3, user data of version 1. Before AC the version is not agreed: what CN offers counts. */
static bool version_1(const struct cvn_x225 *x, const struct cvn_x225_ev *e)
{
    if (e->id == X225_EV_SCONrsp_pos)
        return e->agreed.version == 1;
    if (e->id == X225_EV_SCONrsp_neg)
        return (x->offer.versions & x->opt_versions & 2u) == 0;
    if (x->version == 0)
        return x->offer.versions != 2;
    return x->version == 1;
}

static int check_size(const struct cvn_x225 *x, const struct cvn_x225_ev *e, uint8_t rule, size_t n)
{
    static const size_t most[] = {[WHOLE] = CVN_USER_DATA_V1, [ONLY_V2] = 0, [AS_ABORT] = 9};
    bool connect = e->id == X225_EV_SCONrsp_pos || e->id == X225_EV_SCONrsp_neg;
    if (connect)
        rule = WHOLE;
    if (rule == ANY || !version_1(x, e))
        return CVN_OK;
    return n > most[rule] ? CVN_ETOOBIG : CVN_OK;
}

int cvn_x225_request_event(const struct cvn_x225 *x, struct cvn_x225_prim *p, struct cvn_x225_ev *e)
{
    if (p->data.n > 0 && p->data.p == NULL)
        return CVN_EINVAL;
    for (size_t i = 0; i < sizeof requests / sizeof requests[0]; i++) {
        const struct request *r = &requests[i];
        if (r->service != p->service || r->type != p->type)
            continue;
        cvn_x225_ev_init(e, r->event);
        e->local = true;
        e->prim = p;
        int rc = r->check(x, p, e);
        if (rc != CVN_OK)
            return rc;
        return check_size(x, e, r->data, p->data.n);
    }
    return CVN_EINVAL;
}
