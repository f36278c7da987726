/* SPDX-License-Identifier: MIT */
/*
 * x225_neg - what CN offers and AC settles: X.225 7.1, 7.4, 8.3.1, 8.3.4.
 *
 * Both sides come to the same by the same rules: the units of both sets, less what
 * has lost its basis; the smaller TSDU maximum that is not 0; the responder's number;
 * the initiator's token positions where he has not left them open.
 *
 * Invariants
 *   N1  an agreement names exactly one of half-duplex and duplex, at most one of minor
 *       and symmetric synchronize, one version, and a definite place for each token.
 */
#include <assert.h>
#include <string.h>

#include "proto/x225/machine.h"

#define BOTH_MODES (CVN_FU_HALF_DUPLEX | CVN_FU_DUPLEX)
#define BOTH_SYNCS (CVN_FU_MINOR_SYNC | CVN_FU_SYMMETRIC_SYNC)
#define NUMBERED   (BOTH_SYNCS | CVN_FU_MAJOR_SYNC | CVN_FU_RESYNC)
#define VERSION_1  1u
#define VERSION_2  2u

static const uint8_t token_list[] = {CVN_TOKEN_DATA, CVN_TOKEN_MINOR, CVN_TOKEN_MAJOR,
                                     CVN_TOKEN_RELEASE};

uint8_t cvn_x225_tokens_of(uint16_t units)
{
    unsigned tokens = 0;
    if ((units & CVN_FU_HALF_DUPLEX) != 0)
        tokens |= CVN_TOKEN_DATA;
    if ((units & CVN_FU_MINOR_SYNC) != 0)
        tokens |= CVN_TOKEN_MINOR;
    if ((units & (CVN_FU_MAJOR_SYNC | CVN_FU_ACTIVITY)) != 0)
        tokens |= CVN_TOKEN_MAJOR;
    if ((units & CVN_FU_NEGOTIATED_RELEASE) != 0)
        tokens |= CVN_TOKEN_RELEASE;
    return (uint8_t)tokens;
}

uint8_t cvn_x225_tokens_at(uint8_t available, uint8_t setting, enum cvn_x225_side side)
{
    unsigned at = 0;
    for (size_t i = 0; i < sizeof token_list; i++) {
        unsigned t = token_list[i];
        if ((available & t) != 0 && (setting & (t * 3u)) == t * (unsigned)side)
            at |= t;
    }
    return (uint8_t)at;
}

bool cvn_x225_setting_definite(uint8_t available, uint8_t setting)
{
    return (cvn_x225_tokens_at(available, setting, CVN_SIDE_INITIATOR) |
            cvn_x225_tokens_at(available, setting, CVN_SIDE_RESPONDER)) == available;
}

/* No pair of an available token is the reserved 11. */
bool cvn_x225_setting_valid(uint8_t available, uint8_t setting)
{
    for (size_t i = 0; i < sizeof token_list; i++) {
        unsigned t = token_list[i];
        if ((available & t) != 0 && (setting & (t * 3u)) == t * 3u)
            return false;
    }
    return true;
}

uint8_t cvn_x225_setting_resolve(uint8_t available, uint8_t asked, uint8_t chosen)
{
    unsigned setting = 0;
    for (size_t i = 0; i < sizeof token_list; i++) {
        unsigned pair = token_list[i] * 3u;
        if ((available & token_list[i]) == 0)
            continue;
        bool open = (asked & pair) == token_list[i] * (unsigned)CVN_SIDE_ACCEPTOR_CHOOSES;
        setting |= (open ? chosen : asked) & pair;
    }
    return (uint8_t)setting;
}

/* Units that have lost what they stand on. */
static uint16_t prune(uint16_t units)
{
    unsigned u = units;
    if ((u & CVN_FU_HALF_DUPLEX) == 0)
        u &= ~(unsigned)CVN_FU_EXCEPTIONS;
    if ((u & CVN_FU_ACTIVITY) == 0)
        u &= ~(unsigned)CVN_FU_CAPABILITY;
    if ((u & BOTH_SYNCS) == 0)
        u &= ~(unsigned)CVN_FU_DATA_SEPARATION;
    return (uint16_t)u;
}

/* What this SPM can do on this transport connection: expedited data needs the transport's. */
static uint16_t able(const struct cvn_x225 *x)
{
    unsigned units = x->opt_units;
    if (!x->texp)
        units &= ~(unsigned)CVN_FU_EXPEDITED;
    return (uint16_t)units;
}

static bool units_legal(uint16_t units)
{
    return (units & BOTH_MODES) != 0 && (units & BOTH_MODES) != BOTH_MODES &&
           (units & BOTH_SYNCS) != BOTH_SYNCS;
}

uint16_t cvn_x225_smaller_maximum(uint16_t a, uint16_t b)
{
    if (a < X225_TSDU_MAX_LOW)
        a = 0;
    if (b < X225_TSDU_MAX_LOW)
        b = 0;
    if (a == 0 || b == 0)
        return a == 0 ? b : a;
    return a < b ? a : b;
}

static bool serial_valid(uint32_t serial)
{
    return serial == CVN_SERIAL_NONE || serial <= CVN_SERIAL_MAX;
}

static int32_t serial_of(uint32_t serial)
{
    return serial == CVN_SERIAL_NONE ? -1 : (int32_t)serial;
}

static bool lengths_valid(const struct cvn_x225_prim *p)
{
    return p->id.calling.n <= CVN_REFERENCE_MAX && p->id.called.n <= CVN_REFERENCE_MAX &&
           p->id.common.n <= CVN_REFERENCE_MAX && p->id.additional.n <= CVN_ADDITIONAL_MAX &&
           p->calling.n <= CVN_SSEL_MAX && p->called.n <= CVN_SSEL_MAX;
}

static bool maximum_valid(uint16_t octets)
{
    return octets == 0 || octets >= X225_TSDU_MAX_LOW;
}

static bool numbered(uint16_t units)
{
    return (units & NUMBERED) != 0 && (units & CVN_FU_ACTIVITY) == 0;
}

static int offer_versions(const struct cvn_x225 *x, const struct cvn_x225_prim *p,
                          struct cvn_x225_offer *o)
{
    unsigned asked = p->versions == 0 ? x->opt_versions : p->versions;
    if ((asked & ~(unsigned)(VERSION_1 | VERSION_2)) != 0 || (asked & x->opt_versions) != asked)
        return CVN_EINVAL;
    if (p->data.n > CVN_USER_DATA_V1)
        asked &= VERSION_2; /* 7.1: more than 512 octets cannot be said in version 1 */
    if (asked == 0)
        return CVN_ETOOBIG;
    o->versions = (uint8_t)asked;
    return CVN_OK;
}

static bool units_offerable(const struct cvn_x225 *x, uint16_t units)
{
    return (units & ~(unsigned)x->opt_units) == 0 && (units & BOTH_MODES) != 0 &&
           prune(units) == units;
}

/* The narrow dialect leaves out what is optional: it is refused rather than dropped. */
static bool narrow_valid(const struct cvn_x225 *x, const struct cvn_x225_prim *p)
{
    bool references = p->id.calling.p != NULL || p->id.called.p != NULL || p->id.common.p != NULL ||
                      p->id.additional.p != NULL;
    bool sizes = p->tsdu_max_initiator != 0 || p->tsdu_max_responder != 0;
    return !x->opt_minimal || (!references && !sizes);
}

static bool offer_valid(const struct cvn_x225 *x, const struct cvn_x225_prim *p, uint16_t units)
{
    if (!lengths_valid(p) || !narrow_valid(x, p) || p->id.called.n > 0)
        return false;
    if (!serial_valid(p->serial) || !serial_valid(p->serial2))
        return false;
    if (numbered(units) && p->serial == CVN_SERIAL_NONE)
        return false;
    return maximum_valid(p->tsdu_max_initiator) && maximum_valid(p->tsdu_max_responder);
}

int cvn_x225_offer_check(const struct cvn_x225 *x, const struct cvn_x225_prim *p,
                         struct cvn_x225_offer *o)
{
    unsigned units = p->units == 0 ? CVN_FU_DEFAULT : p->units;

    if (!units_offerable(x, (uint16_t)units))
        return CVN_EINVAL;
    if (x->state == CVN_STA01C && !x->texp) /* this transport connection is known */
        units &= ~(unsigned)CVN_FU_EXPEDITED;
    if (!offer_valid(x, p, (uint16_t)units))
        return CVN_EINVAL;
    if (p->has_token_setting &&
        !cvn_x225_setting_valid(cvn_x225_tokens_of((uint16_t)units), p->token_setting))
        return CVN_EINVAL;
    bool ss = (units & CVN_FU_SYMMETRIC_SYNC) != 0;
    *o = (struct cvn_x225_offer){
        .units = (uint16_t)units,
        .tsdu_max_initiator = p->tsdu_max_initiator,
        .tsdu_max_responder = p->tsdu_max_responder,
        .token_setting = p->has_token_setting ? p->token_setting : 0,
        .has_tsdu_max = p->tsdu_max_initiator != 0 || p->tsdu_max_responder != 0,
        .has_setting = p->has_token_setting,
        .initial = (units & NUMBERED) != 0 ? serial_of(p->serial) : -1,
        .initial2 = ss ? serial_of(p->serial2) : -1,
    };
    if (ss && o->initial2 < 0)
        o->initial2 = o->initial;
    return offer_versions(x, p, o);
}

void cvn_x225_offer_read(const struct cvn_x225 *x, const struct cvn_spdu *cn,
                         struct cvn_x225_offer *o)
{
    uint16_t units = (cn->has & CVN_HAS_UNITS) != 0 ? cn->units : CVN_FU_DEFAULT;
    bool has_max = (cn->has & CVN_HAS_TSDU_MAX) != 0;
    bool has_setting = (cn->has & CVN_HAS_TOKEN_SETTING) != 0;

    *o = (struct cvn_x225_offer){
        .units = prune(units & able(x)),
        .tsdu_max_initiator = has_max ? cn->tsdu_max_initiator : 0,
        .tsdu_max_responder = has_max ? cn->tsdu_max_responder : 0,
        .versions = (cn->has & CVN_HAS_VERSION) != 0 ? cn->version : VERSION_1,
        .token_setting = has_setting ? cn->token_setting : 0,
        .has_tsdu_max = has_max,
        .has_setting = has_setting,
        .extended = (cn->options & 1u) != 0,
        .initial = (cn->has & CVN_HAS_INITIAL) != 0 ? (int32_t)cn->initial : -1,
        .initial2 = (cn->has & CVN_HAS_SERIAL2) != 0 ? (int32_t)cn->serial2 : -1,
    };
}

/* p76. Selectors are the user's affair: he refuses with 129 or 130. */
uint8_t cvn_x225_offer_judge(const struct cvn_x225 *x, const struct cvn_x225_offer *o)
{
    if ((o->versions & x->opt_versions) == 0)
        return CVN_RF_VERSION;
    if ((o->units & BOTH_MODES) == 0)
        return CVN_RF_PROVIDER;
    if (!cvn_x225_setting_valid(cvn_x225_tokens_of(o->units), o->token_setting))
        return CVN_RF_PROVIDER;
    return CVN_RESULT_ACCEPT;
}

static uint8_t highest(unsigned versions)
{
    if ((versions & VERSION_2) != 0)
        return 2;
    return (versions & VERSION_1) != 0 ? 1 : 0;
}

static int agree_numbers(const struct cvn_x225 *x, const struct cvn_x225_prim *p,
                         struct cvn_x225_agreed *a)
{
    bool ss = (a->units & CVN_FU_SYMMETRIC_SYNC) != 0;

    a->initial = -1;
    a->initial2 = -1;
    if ((a->units & NUMBERED) == 0)
        return CVN_OK;
    if (!serial_valid(p->serial) || !serial_valid(p->serial2))
        return CVN_EINVAL;
    a->initial = serial_of(p->serial);
    a->initial2 = ss ? serial_of(p->serial2) : -1;
    if (a->initial < 0 && numbered(a->units)) /* as offered; CN's first is the other flow */
        a->initial = ss && x->offer.initial2 >= 0 ? x->offer.initial2 : x->offer.initial;
    if (a->initial < 0)
        return numbered(a->units) ? CVN_EINVAL : CVN_OK;
    if (ss && a->initial2 < 0)
        a->initial2 = x->offer.initial >= 0 ? x->offer.initial : a->initial;
    return CVN_OK;
}

static bool version_selectable(const struct cvn_x225_prim *p, unsigned versions)
{
    return p->versions == 0 ||
           ((p->versions & (p->versions - 1u)) == 0 && (p->versions & versions) != 0);
}

static void agree_maxima(const struct cvn_x225 *x, const struct cvn_x225_prim *p,
                         struct cvn_x225_agreed *a)
{
    if (x->opt_minimal) /* none is named, and nothing segmented */
        return;
    uint16_t to_us = p->tsdu_max_initiator != 0 ? p->tsdu_max_initiator : x->opt_tsdu_max_receive;
    uint16_t to_peer = p->tsdu_max_responder != 0 ? p->tsdu_max_responder : x->opt_tsdu_max_send;
    a->tsdu_max_initiator = cvn_x225_smaller_maximum(x->offer.tsdu_max_initiator, to_us);
    a->tsdu_max_responder = cvn_x225_smaller_maximum(x->offer.tsdu_max_responder, to_peer);
}

int cvn_x225_agree(const struct cvn_x225 *x, const struct cvn_x225_prim *p,
                   struct cvn_x225_agreed *a)
{
    const struct cvn_x225_offer *o = &x->offer;
    unsigned versions = o->versions & x->opt_versions;
    uint16_t units = p->units == 0 ? CVN_FU_DEFAULT : p->units;

    memset(a, 0, sizeof *a);
    a->units = prune(units & able(x) & o->units);
    if (!units_legal(a->units) || !lengths_valid(p) || !narrow_valid(x, p) || p->id.calling.n > 0)
        return CVN_EINVAL;
    if (!version_selectable(p, versions))
        return CVN_EINVAL;
    a->version = highest(p->versions != 0 ? p->versions : versions);
    assert(a->version != 0); /* p76 */
    a->extended = o->extended;

    uint8_t available = cvn_x225_tokens_of(a->units);
    a->token_setting = cvn_x225_setting_resolve(available, o->token_setting,
                                                p->has_token_setting ? p->token_setting : 0);
    if (!cvn_x225_setting_definite(available, a->token_setting) || (p->tokens & ~available) != 0)
        return CVN_EINVAL;
    a->token_item = p->tokens;

    if (!maximum_valid(p->tsdu_max_initiator) || !maximum_valid(p->tsdu_max_responder))
        return CVN_EINVAL;
    agree_maxima(x, p, a);
    return agree_numbers(x, p, a);
}

static const char *agree_read_numbers(const struct cvn_spdu *ac, struct cvn_x225_agreed *a)
{
    a->initial = -1;
    a->initial2 = -1;
    if ((a->units & NUMBERED) == 0)
        return NULL;
    if ((ac->has & CVN_HAS_INITIAL) != 0)
        a->initial = (int32_t)ac->initial;
    if (a->initial < 0)
        return numbered(a->units) ? "AC without initial serial number (X.225 8.3.4)" : NULL;
    if ((a->units & CVN_FU_SYMMETRIC_SYNC) == 0)
        return NULL;
    if ((ac->has & CVN_HAS_SERIAL2) != 0)
        a->initial2 = (int32_t)ac->serial2;
    else
        a->initial2 = a->initial;
    return NULL;
}

const char *cvn_x225_agree_read(const struct cvn_x225 *x, const struct cvn_spdu *ac,
                                struct cvn_x225_agreed *a)
{
    const struct cvn_x225_offer *o = &x->offer;
    uint16_t units = (ac->has & CVN_HAS_UNITS) != 0 ? ac->units : CVN_FU_DEFAULT;
    uint8_t version = (ac->has & CVN_HAS_VERSION) != 0 ? ac->version : VERSION_1;
    bool has_max = (ac->has & CVN_HAS_TSDU_MAX) != 0;

    memset(a, 0, sizeof *a);
    a->units = prune(units & able(x) & o->units);
    if (!units_legal(a->units))
        return "AC leaves no legal set of functional units (X.225 7.4)";
    a->version = highest(version & o->versions);
    if (a->version == 0)
        return "AC selects a version that was not offered (X.225 8.3.4)";
    a->extended = (ac->options & 1u) != 0;
    uint8_t available = cvn_x225_tokens_of(a->units);
    if ((ac->has & CVN_HAS_TOKEN_SETTING) != 0)
        a->token_setting = ac->token_setting;
    if (!cvn_x225_setting_definite(available, a->token_setting))
        return "AC leaves the place of a token open (X.225 8.3.4)";
    if ((ac->has & CVN_HAS_TOKEN_ITEM) != 0)
        a->token_item = ac->token_item & available;
    a->tsdu_max_initiator =
        cvn_x225_smaller_maximum(o->tsdu_max_initiator, has_max ? ac->tsdu_max_initiator : 0);
    a->tsdu_max_responder =
        cvn_x225_smaller_maximum(o->tsdu_max_responder, has_max ? ac->tsdu_max_responder : 0);
    return agree_read_numbers(ac, a);
}
