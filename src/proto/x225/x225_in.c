/* SPDX-License-Identifier: MIT */
/*
 * x225_in - from the transport's slices to events: which event of A.3.2 an SPDU is,
 * with the values that predicates and actions ask for.
 *
 * Invariants
 *   I1  nothing is taken from the transport while there is no room for an answer, and no
 *       event of the expedited flow while there is no room to hold it ([10]).
 */
#include <assert.h>
#include <string.h>

#include "proto/x225/machine.h"
#include "proto/x225/x225_table.h"

#define ARGS struct cvn_x225 *x, struct cvn_x225_ev *e

static bool has(const struct cvn_x225_ev *e, uint32_t parameter)
{
    return (e->spdu->has & parameter) != 0;
}

static bool ss(const struct cvn_x225 *x)
{
    return cvn_x225_fu(x, CVN_FU_SYMMETRIC_SYNC);
}

/* The classifiers return NULL, or what is wrong with the SPDU. */

static const char *take_plain(ARGS)
{
    (void)x;
    (void)e;
    return NULL;
}

/* 8.3.5, 8.3.6: Transport Disconnect absent means released. */
static bool keeps(const struct cvn_x225_ev *e)
{
    return has(e, CVN_HAS_DISCONNECT) && (e->spdu->disconnect & CVN_TD_RELEASED) == 0;
}

static const char *take_RF(ARGS)
{
    (void)x;
    if (keeps(e))
        e->id = X225_EV_RF_r;
    return NULL;
}

static const char *take_FN(ARGS)
{
    (void)x;
    if (keeps(e))
        e->id = X225_EV_FN_r;
    return NULL;
}

static const char *take_AB(ARGS)
{
    (void)x;
    if (keeps(e))
        e->id = X225_EV_AB_r;
    return NULL;
}

/* 7.26 */
static const char *take_PR(ARGS)
{
    static const uint8_t events[] = {0, X225_EV_PR_MAA, X225_EV_PR_RS, X225_EV_PR_RA,
                                     X225_EV_PR_AB};
    (void)x;
    assert(e->spdu->prepare >= 1 && e->spdu->prepare <= 4);
    e->id = events[e->spdu->prepare];
    return NULL;
}

/* Bits of tokens that do not exist are ignored: 8.3.16. */
static const char *take_tokens(ARGS)
{
    e->tokens = has(e, CVN_HAS_TOKEN_ITEM) ? e->spdu->token_item & cvn_x225_available(x) : 0;
    return NULL;
}

/* With symmetric synchronize the first number is of the flow from the SPDU's sender. */
static const char *take_numbers(ARGS)
{
    e->sn = (int32_t)e->spdu->serial;
    assert(has(e, CVN_HAS_SERIAL)); /* mandatory in all of these */
    if (ss(x)) {
        e->sn_r = e->sn;
        e->sn_s = has(e, CVN_HAS_SERIAL2) ? (int32_t)e->spdu->serial2 : -1;
    }
    return NULL;
}

static const char *take_MIP(ARGS)
{
    if (has(e, CVN_HAS_SYNC_TYPE) && (e->spdu->sync_type & 2u) != 0)
        e->id = X225_EV_MIP_d;
    return take_numbers(x, e);
}

/* One SPDU, two names: an activity ends, or not. */
static const char *take_MAA(ARGS)
{
    if (cvn_x225_fu(x, CVN_FU_ACTIVITY) && !x->vnextact)
        e->id = X225_EV_AEA;
    return take_numbers(x, e);
}

static const char *take_AR(ARGS)
{
    (void)take_numbers(x, e);
    if (ss(x) && e->sn_s < 0)
        e->sn_s = e->sn_r;
    return NULL;
}

static uint8_t resync_kind(uint8_t type)
{
    return type == CVN_RESYNC_ABANDON ? X225_RSP_A
           : type == CVN_RESYNC_SET   ? X225_RSP_S
                                      : X225_RSP_R;
}

/* The stronger of the two flows' types names the event; then the table does not look at the
 * number of the other, so that is done here (p32). */
static bool restarts_too_low(const struct cvn_x225 *x, const struct cvn_x225_ev *e)
{
    if (!ss(x) || e->rsp == X225_RSP_R || x->state == CVN_STA05B || x->state == CVN_STA05C)
        return false;
    return (e->rsp_r == X225_RSP_R && e->sn_r < x->vrr) ||
           (e->rsp_s == X225_RSP_R && e->sn_s < x->vr);
}

static uint8_t resync_event(uint8_t rsp)
{
    return rsp == X225_RSP_A ? X225_EV_RS_a : rsp == X225_RSP_S ? X225_EV_RS_s : X225_EV_RS_r;
}

static const char *take_RS(ARGS)
{
    bool second = ss(x) && has(e, CVN_HAS_RESYNC2);
    (void)take_numbers(x, e);
    e->rsp_r = resync_kind(e->spdu->resync);
    e->rsp_s = second ? resync_kind(e->spdu->resync2) : X225_RSP_NO;
    e->rsp = e->rsp_r > e->rsp_s ? e->rsp_r : e->rsp_s;
    e->id = resync_event(e->rsp);
    if (second && e->sn_s < 0)
        return "RS without the number of the second flow (X.225 8.3.24)";
    if (restarts_too_low(x, e))
        return "RS restarts below V(R) (X.225 A.5, p32)";
    e->setting = has(e, CVN_HAS_TOKEN_SETTING) ? e->spdu->token_setting : cvn_x225_setting_now(x);
    if (!cvn_x225_setting_valid(cvn_x225_available(x), e->setting))
        return "RS has a reserved token setting (X.225 8.3.1.11)";
    return NULL;
}

static const char *take_RA(ARGS)
{
    uint8_t available = cvn_x225_available(x);
    (void)take_numbers(x, e);
    if (ss(x) && e->sn_s < 0) /* that of our sending flow, which our RS has named */
        return "RA without the number of the second flow (X.225 8.3.25)";
    e->setting = has(e, CVN_HAS_TOKEN_SETTING)
                     ? e->spdu->token_setting
                     : cvn_x225_setting_resolve(available, x->rs_setting, cvn_x225_setting_now(x));
    if (!cvn_x225_setting_definite(available, e->setting))
        return "RA leaves the place of a token open (X.225 8.3.25)";
    return NULL;
}

static const char *take_AI(ARGS)
{
    (void)x;
    e->rsp = e->id == X225_EV_AI ? X225_RSP_INT : X225_RSP_DSC;
    e->setting = cvn_x225_setting_now(x);
    return NULL;
}

/* ED, ER: what the peer's user has in parts is void. */
static const char *take_exception(ARGS)
{
    (void)e;
    cvn_tsdu_in_purge(&x->in);
    return NULL;
}

static const char *take_CN(ARGS)
{
    if (x->state != CVN_STA01C || !x->vtca)
        return NULL;
    cvn_x225_offer_read(x, e->spdu, &x->offer);
    e->refusal = cvn_x225_offer_judge(x, &x->offer);
    e->overflow = has(e, CVN_HAS_OVERFLOW) && (e->spdu->overflow & 1u) != 0;
    if (!e->overflow || e->refusal != CVN_RESULT_ACCEPT)
        return NULL;
    if ((x->offer.versions & x->opt_versions & 2u) == 0)
        e->refusal = CVN_RF_VERSION;
    else if (cvn_x225_keep(x, e->spdu) != CVN_OK)
        e->refusal = CVN_RF_CONGESTION; /* 8.3.5: the SPM is congested at connect time */
    return NULL;
}

static const char *take_CDO(ARGS)
{
    e->end = (e->spdu->enclosure & CVN_ENCLOSURE_END) != 0;
    assert(has(e, CVN_HAS_ENCLOSURE)); /* mandatory: 8.3.3 */
    if (x->state == CVN_STA01D &&
        e->spdu->user_data.n + cvn_x225_kept_octets(x) > x->ssdu_bytes_max)
        return "connect user data over what is taken (X.225 7.3)";
    return NULL;
}

static const char *take_AC(ARGS)
{
    return x->state == CVN_STA02A ? cvn_x225_agree_read(x, e->spdu, &e->agreed) : NULL;
}

typedef const char *taker(ARGS);

struct classifier {
    uint8_t event;
    taker *take;
};

/* clang-format off */
static const struct classifier classifiers[CVN_SPDU_TYPES] = {
    [CVN_SPDU_GT] = {X225_EV_GT, take_tokens},      [CVN_SPDU_PT] = {X225_EV_PT, take_tokens},
    [CVN_SPDU_EX] = {X225_EV_EX, take_plain},       [CVN_SPDU_PR] = {X225_EV_PR_MAA, take_PR},
    [CVN_SPDU_NF] = {X225_EV_NF, take_plain},       [CVN_SPDU_FN] = {X225_EV_FN_nr, take_FN},
    [CVN_SPDU_DN] = {X225_EV_DN, take_plain},       [CVN_SPDU_RF] = {X225_EV_RF_nr, take_RF},
    [CVN_SPDU_CN] = {X225_EV_CN, take_CN},          [CVN_SPDU_AC] = {X225_EV_AC, take_AC},
    [CVN_SPDU_CDO] = {X225_EV_CDO, take_CDO},       [CVN_SPDU_OA] = {X225_EV_OA, take_plain},
    [CVN_SPDU_GTC] = {X225_EV_GTC, take_plain},     [CVN_SPDU_GTA] = {X225_EV_GTA, take_plain},
    [CVN_SPDU_AB] = {X225_EV_AB_nr, take_AB},       [CVN_SPDU_AA] = {X225_EV_AA, take_plain},
    [CVN_SPDU_ER] = {X225_EV_ER, take_exception},   [CVN_SPDU_DT] = {X225_EV_DT, take_plain},
    [CVN_SPDU_AI] = {X225_EV_AI, take_AI},          [CVN_SPDU_AIA] = {X225_EV_AIA, take_plain},
    [CVN_SPDU_AR] = {X225_EV_AR, take_AR},          [CVN_SPDU_TD] = {X225_EV_TD, take_plain},
    [CVN_SPDU_RA] = {X225_EV_RA, take_RA},          [CVN_SPDU_MAP] = {X225_EV_MAP, take_numbers},
    [CVN_SPDU_AE] = {X225_EV_AE, take_numbers},     [CVN_SPDU_MAA] = {X225_EV_MAA, take_MAA},
    [CVN_SPDU_AS] = {X225_EV_AS, take_plain},       [CVN_SPDU_ED] = {X225_EV_ED, take_exception},
    [CVN_SPDU_MIP] = {X225_EV_MIP, take_MIP},       [CVN_SPDU_MIA] = {X225_EV_MIA, take_numbers},
    [CVN_SPDU_RS] = {X225_EV_RS_a, take_RS},        [CVN_SPDU_AD] = {X225_EV_AD, take_AI},
    [CVN_SPDU_ADA] = {X225_EV_ADA, take_plain},     [CVN_SPDU_CD] = {X225_EV_CD, take_plain},
    [CVN_SPDU_CDA] = {X225_EV_CDA, take_plain},
};
/* clang-format on */

/* Section 8 of the procedures' sheet. What may not come on the expedited flow is tsdu.c's affair. */
static const char *flow_fault(enum cvn_spdu_type type, bool expedited)
{
    bool must = type == CVN_SPDU_EX || type == CVN_SPDU_PR;
    return must && !expedited ? "EX or PR on the normal flow (X.225 6.4)" : NULL;
}

static int spdu_event(struct cvn_x225 *x, const struct cvn_tsdu_event *te, bool expedited,
                      struct cvn_x225_prim *ev)
{
    struct cvn_x225_ev e;
    struct cvn_octets raw = {te->raw, te->raw_len};
    const struct classifier *c = &classifiers[te->spdu.type];
    bool tokens = te->spdu.type == CVN_SPDU_GT || te->spdu.type == CVN_SPDU_PT;

    const char *why = flow_fault(te->spdu.type, expedited);
    if (why != NULL)
        return cvn_x225_invalid(x, raw, why, ev);
    cvn_x225_ev_init(&e, c->event);
    e.spdu = &te->spdu;
    e.tsdu = te;
    why = c->take(x, &e);
    if (why != NULL)
        return cvn_x225_invalid(x, raw, why, ev);
    if (tokens && e.tokens == 0 && te->spdu.user_data.n == 0 && x->version != 0)
        return CVN_MORE; /* it names only tokens that do not exist */
    if (expedited && te->spdu.type != CVN_SPDU_AB && x->queue_len >= X225_EVENTS_MAX)
        return cvn_x225_invalid(x, raw, "too many expedited SPDUs to hold (X.225 A.5, [10])", ev);
    int rc = cvn_x225_receive(x, &e, raw, ev);
    bool data = te->spdu.type == CVN_SPDU_DT || te->spdu.type == CVN_SPDU_TD;
    if (data && rc == CVN_MORE) /* discarded: nor is the rest wanted, which may never come */
        cvn_tsdu_in_purge(&x->in);
    return rc;
}

/* I1 */
static int prepare_to_take(struct cvn_x225 *x, size_t len, bool expedited)
{
    int rc = cvn_x225_room(x, X225_ROOM);
    if (rc != CVN_OK)
        return rc;
    if (expedited && cvn_x225_queue_reserve(x) != CVN_OK)
        return CVN_ENOMEM;
    if (x->state == CVN_STA01D)
        return cvn_x225_keep_reserve(x, len);
    return CVN_OK;
}

/* Takes octets until there is a primitive; *used counts them. */
static int take(struct cvn_x225 *x, const uint8_t *in, size_t len, bool begin, bool end,
                bool expedited, size_t *used, struct cvn_x225_prim *ev)
{
    int rc = cvn_x225_pump(x, ev);
    while (rc == CVN_NONE || rc == CVN_MORE) {
        struct cvn_tsdu_event te; /* large, and mostly not looked at: set by the callee */
        struct cvn_spdu_fault fault;
        size_t taken = 0;

        if (x->state == CVN_STA01 || x->state == CVN_STA01B) {
            *used = len; /* of a transport connection that is no longer ours */
            x->begin_due = false;
            return CVN_MORE;
        }
        rc = prepare_to_take(x, len - *used, expedited);
        if (rc != CVN_OK)
            return rc;
        te.raw = NULL;
        te.raw_len = 0;
        rc = cvn_tsdu_in_feed(&x->in, len == *used ? NULL : in + *used, len - *used,
                              begin && *used == 0, end, expedited, &taken, &te, &fault);
        if (rc == CVN_ENOMEM)
            return rc;
        if (!expedited)
            x->begin_due = false;
        *used += taken;
        if (x->state == CVN_STA01D)
            cvn_x225_keep_taken(x, taken);
        if (rc == CVN_MORE)
            return CVN_MORE;
        if (rc == CVN_EVENT)
            rc = spdu_event(x, &te, expedited, ev);
        else
            rc = cvn_x225_invalid(x, (struct cvn_octets){te.raw, te.raw_len}, fault.why, ev);
    }
    return rc;
}

int cvn_x225_feed(struct cvn_x225 *x, const uint8_t *in, size_t len, bool begin, bool end,
                  bool expedited, size_t *used, struct cvn_x225_prim *ev, cvn_time now)
{
    cvn_x225_settle(x, now);
    *used = 0;
    if (!expedited) {
        begin = begin || x->begin_due;
        x->begin_due = begin; /* until it has been taken */
    }
    int rc = take(x, in, len, begin, end, expedited, used, ev);
    if (x->queue_len == 0)
        cvn_x225_queue_clear(x); /* M4 */
    return rc;
}
