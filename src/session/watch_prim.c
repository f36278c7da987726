/* SPDX-License-Identifier: MIT */
/* watch_prim - see watch_prim.h. */
#include "session/watch_prim.h"

#include <string.h>

#define REFLECT_MAX 9u

static const uint8_t zeros[X225_CN_DATA_MAX + 1]; /* user data: nobody looks at it */

static bool has(const struct cvn_spdu *s, uint32_t what)
{
    return (s->has & what) != 0;
}

static struct cvn_octets at_most(struct cvn_octets o, size_t n)
{
    if (o.n > n)
        o.n = n;
    return o;
}

static struct cvn_octets dummy(size_t n)
{
    return (struct cvn_octets){zeros, n < sizeof zeros ? n : sizeof zeros};
}

struct cause {
    uint8_t spdu;
    uint8_t service;
    uint8_t type;
};

static const struct cause causes[] = {
    {CVN_SPDU_CN, CVN_S_CONNECT, CVN_REQUEST},
    {CVN_SPDU_AC, CVN_S_CONNECT, CVN_RESPONSE},
    {CVN_SPDU_RF, CVN_S_CONNECT, CVN_RESPONSE},
    {CVN_SPDU_DT, CVN_S_DATA, CVN_REQUEST},
    {CVN_SPDU_EX, CVN_S_EXPEDITED_DATA, CVN_REQUEST},
    {CVN_SPDU_TD, CVN_S_TYPED_DATA, CVN_REQUEST},
    {CVN_SPDU_CD, CVN_S_CAPABILITY_DATA, CVN_REQUEST},
    {CVN_SPDU_CDA, CVN_S_CAPABILITY_DATA, CVN_RESPONSE},
    {CVN_SPDU_GT, CVN_S_TOKEN_GIVE, CVN_REQUEST},
    {CVN_SPDU_PT, CVN_S_TOKEN_PLEASE, CVN_REQUEST},
    {CVN_SPDU_GTC, CVN_S_CONTROL_GIVE, CVN_REQUEST},
    {CVN_SPDU_MIP, CVN_S_SYNC_MINOR, CVN_REQUEST},
    {CVN_SPDU_MIA, CVN_S_SYNC_MINOR, CVN_RESPONSE},
    {CVN_SPDU_MAP, CVN_S_SYNC_MAJOR, CVN_REQUEST},
    {CVN_SPDU_AE, CVN_S_ACTIVITY_END, CVN_REQUEST},
    {CVN_SPDU_MAA, CVN_S_SYNC_MAJOR, CVN_RESPONSE},
    {CVN_SPDU_RS, CVN_S_RESYNCHRONIZE, CVN_REQUEST},
    {CVN_SPDU_RA, CVN_S_RESYNCHRONIZE, CVN_RESPONSE},
    {CVN_SPDU_ED, CVN_S_U_EXCEPTION_REPORT, CVN_REQUEST},
    {CVN_SPDU_AS, CVN_S_ACTIVITY_START, CVN_REQUEST},
    {CVN_SPDU_AR, CVN_S_ACTIVITY_RESUME, CVN_REQUEST},
    {CVN_SPDU_AI, CVN_S_ACTIVITY_INTERRUPT, CVN_REQUEST},
    {CVN_SPDU_AIA, CVN_S_ACTIVITY_INTERRUPT, CVN_RESPONSE},
    {CVN_SPDU_AD, CVN_S_ACTIVITY_DISCARD, CVN_REQUEST},
    {CVN_SPDU_ADA, CVN_S_ACTIVITY_DISCARD, CVN_RESPONSE},
    {CVN_SPDU_FN, CVN_S_RELEASE, CVN_REQUEST},
    {CVN_SPDU_DN, CVN_S_RELEASE, CVN_RESPONSE},
    {CVN_SPDU_NF, CVN_S_RELEASE, CVN_RESPONSE},
    {CVN_SPDU_AB, CVN_S_U_ABORT, CVN_REQUEST},
};

static void fill_connect(const struct cvn_spdu *s, struct cvn_x225_prim *p)
{
    p->versions = has(s, CVN_HAS_VERSION) ? s->version : 1;
    p->units = has(s, CVN_HAS_UNITS) ? s->units : CVN_FU_DEFAULT;
    p->called = at_most(s->called_ssel, CVN_SSEL_MAX);
    p->tsdu_max_initiator = cvn_x225_smaller_maximum(s->tsdu_max_initiator, 0);
    p->tsdu_max_responder = cvn_x225_smaller_maximum(s->tsdu_max_responder, 0);
    p->has_token_setting = has(s, CVN_HAS_TOKEN_SETTING);
    p->token_setting = s->token_setting;
    if (has(s, CVN_HAS_INITIAL))
        p->serial = s->initial;
    if (has(s, CVN_HAS_SERIAL2))
        p->serial2 = s->serial2;
}

/* What is wrong with an offer alone is said elsewhere (watch_lint.h); it is followed all the same. */
static void mend_offer(struct cvn_x225_prim *p)
{
    unsigned u = p->units;
    unsigned syncs = CVN_FU_MINOR_SYNC | CVN_FU_SYMMETRIC_SYNC;
    if ((u & CVN_FU_HALF_DUPLEX) == 0)
        u &= ~(unsigned)CVN_FU_EXCEPTIONS;
    if ((u & CVN_FU_ACTIVITY) == 0)
        u &= ~(unsigned)CVN_FU_CAPABILITY;
    if ((u & syncs) == 0)
        u &= ~(unsigned)CVN_FU_DATA_SEPARATION;
    p->units = (uint16_t)u;
    if (p->serial == CVN_SERIAL_NONE)
        p->serial = 0;
}

static void fill_request(const struct cvn_tsdu_event *te, struct cvn_x225_prim *p)
{
    const struct cvn_spdu *s = &te->spdu;
    fill_connect(s, p);
    mend_offer(p);
    p->calling = at_most(s->calling_ssel, CVN_SSEL_MAX);
    if (has(s, CVN_HAS_OVERFLOW) && (s->overflow & 1u) != 0)
        p->data = dummy(sizeof zeros); /* more than CN holds: how much is not known yet */
}

static void fill_accept(const struct cvn_x225 *x, const struct cvn_spdu *s, struct cvn_x225_prim *p)
{
    fill_connect(s, p);
    if (p->versions == 3)
        p->versions = 2;
    p->units &= x->offer.units; /* others drop out */
    if (p->units == 0)
        p->units = CVN_FU_HALF_DUPLEX | CVN_FU_DUPLEX; /* what no machine takes */
    if (has(s, CVN_HAS_TOKEN_ITEM))
        p->tokens = s->token_item & cvn_x225_tokens_of(p->units);
}

static void fill_refuse(const struct cvn_spdu *s, struct cvn_x225_prim *p)
{
    p->result = has(s, CVN_HAS_REASON) ? s->reason : CVN_RF_USER;
    if (p->result != CVN_RF_USER_DATA)
        p->data.n = 0;
}

static void fill_tokens(const struct cvn_x225 *x, const struct cvn_spdu *s, struct cvn_x225_prim *p)
{
    p->tokens = has(s, CVN_HAS_TOKEN_ITEM) ? s->token_item & cvn_x225_available(x) : 0;
}

static void fill_numbers(const struct cvn_spdu *s, struct cvn_x225_prim *p)
{
    if (has(s, CVN_HAS_SERIAL))
        p->serial = s->serial;
    if (has(s, CVN_HAS_SERIAL2))
        p->serial2 = s->serial2;
    if (has(s, CVN_HAS_RESYNC))
        p->resync = s->resync;
    if (has(s, CVN_HAS_RESYNC2))
        p->resync2 = s->resync2;
    p->has_token_setting = has(s, CVN_HAS_TOKEN_SETTING);
    p->token_setting = s->token_setting;
    p->optional = has(s, CVN_HAS_SYNC_TYPE) && (s->sync_type & 1u) != 0;
    p->separation = has(s, CVN_HAS_SYNC_TYPE) && (s->sync_type & 2u) != 0;
    p->reason = has(s, CVN_HAS_REASON) ? s->reason : 0;
    p->activity = s->activity;
    p->old_activity = s->old_activity;
}

bool cvn_watch_prim(const struct cvn_x225 *x, const struct cvn_tsdu_event *te, bool second,
                    struct cvn_x225_prim *p)
{
    const struct cvn_spdu *s = &te->spdu;
    const struct cause *c = NULL;
    for (size_t i = 0; c == NULL && i < sizeof causes / sizeof causes[0]; i++)
        c = causes[i].spdu == s->type ? &causes[i] : NULL;
    if (c == NULL)
        return false;
    cvn_x225_prim_init(p, (enum cvn_x225_service)c->service, (enum cvn_x225_type)c->type);
    p->data = dummy(s->user_data.n);
    switch (s->type) {
    case CVN_SPDU_CN:
        fill_request(te, p);
        break;
    case CVN_SPDU_AC:
        fill_accept(x, s, p);
        break;
    case CVN_SPDU_RF:
        fill_refuse(s, p);
        break;
    case CVN_SPDU_DT:
    case CVN_SPDU_TD:
        p->data = dummy(1);
        break;
    case CVN_SPDU_EX:
        p->data = dummy(te->info.n == 0 ? 1 : te->info.n);
        break;
    case CVN_SPDU_GT:
    case CVN_SPDU_PT:
        fill_tokens(x, s, p);
        break;
    case CVN_SPDU_MAA:
        if (second)
            p->service = CVN_S_ACTIVITY_END;
        break;
    case CVN_SPDU_NF:
        p->result = 0;
        break;
    case CVN_SPDU_FN:
        p->keep = has(s, CVN_HAS_DISCONNECT) && (s->disconnect & CVN_TD_RELEASED) == 0;
        break;
    default:
        fill_numbers(s, p);
        break;
    }
    return true;
}

/* Which of an SPDU's two numbers the machine has a say in. */
static void numbers_of(const struct cvn_x225 *x, const struct cvn_spdu *s, bool *first,
                       bool *second)
{
    bool ss = cvn_x225_fu(x, CVN_FU_SYMMETRIC_SYNC);
    *first = false;
    *second = false;
    switch (s->type) {
    case CVN_SPDU_MIP:
        *first = true;
        break;
    case CVN_SPDU_MAP:
    case CVN_SPDU_AE:
    case CVN_SPDU_MAA:
        *first = true;
        *second = ss && has(s, CVN_HAS_SERIAL2);
        break;
    case CVN_SPDU_RS:
        *first = true;
        *second = ss && has(s, CVN_HAS_RESYNC2) && has(s, CVN_HAS_SERIAL2);
        break;
    case CVN_SPDU_RA:
        *first = !ss || x->vrsps != X225_RSP_NO;
        *second = ss && x->vrspr != X225_RSP_NO && has(s, CVN_HAS_SERIAL2);
        break;
    default:
        break;
    }
}

bool cvn_watch_serial_fits(const struct cvn_x225 *before, const struct cvn_spdu *s,
                           const struct cvn_x225_prim *p, uint32_t *due)
{
    bool first;
    bool second;
    numbers_of(before, s, &first, &second);
    *due = p->serial;
    if (first && p->serial != s->serial)
        return false;
    if (second && p->serial2 != s->serial2) {
        *due = p->serial2;
        return false;
    }
    return true;
}

int cvn_watch_essence(const struct cvn_tsdu_event *te, struct cvn_wr *w)
{
    struct cvn_spdu s = te->spdu;
    bool info = cvn_spdu_has_information(s.type);
    s.has &= ~((uint32_t)CVN_HAS_USER_DATA | CVN_HAS_EXTENDED);
    s.user_data = (struct cvn_octets){NULL, 0};
    if (s.type != CVN_SPDU_CDO)
        s.has &= ~(uint32_t)CVN_HAS_ENCLOSURE;
    if (s.type == CVN_SPDU_DT || s.type == CVN_SPDU_TD) {
        s.has = CVN_HAS_ENCLOSURE;
        s.enclosure = CVN_ENCLOSURE_WHOLE;
    }
    s.calling_ssel = at_most(s.calling_ssel, CVN_SSEL_MAX);
    s.called_ssel = at_most(s.called_ssel, CVN_SSEL_MAX);
    s.reflect = at_most(s.reflect, REFLECT_MAX);
    int rc = cvn_tsdu_encode(&s, 0, w);
    if (rc == CVN_OK && info)
        cvn_wr_u8(w, 0);
    if (rc == CVN_OK && w->bad)
        return CVN_ETOOBIG;
    return rc;
}
