/* SPDX-License-Identifier: MIT */
/*
 * x225_act - the specific actions [n] of X.225 A.5, each as it is defined there, and
 * the queue of events that [10] fills and [6] gives back.
 *
 * Invariants
 *   A1  an action cannot fail: whoever feeds an event that may be queued has made room
 *       for it before (cvn_x225_queue_reserve).
 */
#include <assert.h>
#include <string.h>

#include "proto/x225/machine.h"
#include "proto/x225/x225_table.h"

#define ARGS struct cvn_x225 *x, struct cvn_x225_ev *e
#define UNUSED                                                                                     \
    (void)x;                                                                                       \
    (void)e

static bool ss(const struct cvn_x225 *x)
{
    return cvn_x225_fu(x, CVN_FU_SYMMETRIC_SYNC);
}

static int32_t max(int32_t a, int32_t b)
{
    return a > b ? a : b;
}

/* The discarding of both flows ends, and with it the points of data separation. */
static void discard_end(struct cvn_x225 *x)
{
    x->discard_rcv = false;
    x->discard_snd = false;
    x->vado = -1;
    x->vadi = -1;
}

static void resync_end(struct cvn_x225 *x)
{
    x->vrsp = X225_RSP_NO;
    x->vrsps = X225_RSP_NO;
    x->vrspr = X225_RSP_NO;
    discard_end(x);
}

void cvn_x225_queue_clear(struct cvn_x225 *x)
{
    cvn_free(x->alloc, x->queue, x->queue_cap * sizeof *x->queue);
    x->queue = NULL;
    x->queue_len = 0;
    x->queue_cap = 0;
    x->replay = 0;
}

int cvn_x225_queue_reserve(struct cvn_x225 *x)
{
    if (x->queue_len < x->queue_cap || x->queue_cap >= X225_EVENTS_MAX)
        return CVN_OK;
    uint16_t cap = x->queue_cap == 0 ? 4 : (uint16_t)(x->queue_cap * 2);
    void *p =
        cvn_resize(x->alloc, x->queue, x->queue_cap * sizeof *x->queue, cap * sizeof *x->queue);
    if (p == NULL)
        return CVN_ENOMEM;
    x->queue = p;
    x->queue_cap = cap;
    return CVN_OK;
}

static void act_1(ARGS)
{
    UNUSED;
    x->vtca = true;
}

static void act_2(ARGS)
{
    UNUSED;
    x->vtca = false;
}

static void act_3(ARGS)
{
    UNUSED;
    x->tim = CVN_NEVER;
}

static void act_4(ARGS)
{
    UNUSED;
    cvn_x225_timer_start(x);
}

/* TEXP was set when the transport connection came up: it has expedited data or not. */
static void act_5(ARGS)
{
    const struct cvn_x225_agreed *a = &e->agreed;
    uint16_t send = x->vtca ? a->tsdu_max_responder : a->tsdu_max_initiator;
    uint16_t receive = x->vtca ? a->tsdu_max_initiator : a->tsdu_max_responder;

    x->units = a->units;
    x->version = a->version;
    x->send_max = send;
    x->concatenate = a->extended && send == 0;
    x->in.segmented = receive != 0;
    x->in.version2 = a->version == 2;
    x->va = max(a->initial, 0);
    x->vm = x->va;
    x->vr = 0;
    x->vcoll = false;
    x->vsc = false;
    x->vact = false;
    x->vnextact = false;
    x->vdnr = false;
    resync_end(x);
}

/* [6] is done by cvn_x225_feed() and cvn_x225_next(), one event at a time, before anything else
 * comes in: each may give an indication. */
static void act_6(ARGS)
{
    UNUSED;
    x->replay = x->queue_len;
}

static void act_7(ARGS)
{
    UNUSED;
    x->vtrr = true;
}

static void act_8(ARGS)
{
    UNUSED;
    x->vtrr = false;
}

/* FN-r was received: the peer offers to keep the transport connection; ours is the choice. */
static void act_9(ARGS)
{
    UNUSED;
    x->vtrr = cvn_x225_reusable(x);
}

static void act_10(ARGS)
{
    assert(x->queue_len < x->queue_cap);
    struct cvn_x225_held *h = &x->queue[x->queue_len++];
    if (e->held != NULL) { /* replayed, and held again */
        struct cvn_x225_held again = *e->held;
        *h = again;
        return;
    }
    memset(h, 0, sizeof *h);
    h->event = e->id;
    h->resync = CVN_RESYNC_NONE;
    h->resync2 = CVN_RESYNC_NONE;
    if (e->id == X225_EV_EX) {
        assert(e->tsdu != NULL && e->tsdu->info.n <= sizeof h->data);
        h->len = (uint8_t)e->tsdu->info.n;
        memcpy(h->data, e->tsdu->info.p, h->len);
    } else {
        if ((e->spdu->has & CVN_HAS_RESYNC) != 0)
            h->resync = e->spdu->resync;
        if ((e->spdu->has & CVN_HAS_RESYNC2) != 0)
            h->resync2 = e->spdu->resync2;
    }
}

static uint8_t own(const struct cvn_x225 *x, uint8_t setting)
{
    return cvn_x225_tokens_at(cvn_x225_available(x), setting,
                              x->vtca ? CVN_SIDE_RESPONDER : CVN_SIDE_INITIATOR);
}

static void act_11(ARGS)
{
    switch (e->id) {
    case X225_EV_AC:
    case X225_EV_SCONrsp_pos:
        x->owned = own(x, e->agreed.token_setting);
        break;
    case X225_EV_RA:
    case X225_EV_SRSYNrsp:
        x->owned = own(x, e->setting);
        break;
    case X225_EV_SGTreq:
        x->owned &= (uint8_t)~e->tokens;
        break;
    case X225_EV_GT:
        x->owned |= e->tokens;
        break;
    case X225_EV_SCGreq:
        x->owned = 0;
        break;
    default:
        assert(e->id == X225_EV_GTC);
        x->owned = cvn_x225_available(x);
        break;
    }
}

static void act_12(ARGS)
{
    UNUSED;
    x->vact = true;
}

static void act_13(ARGS)
{
    x->vnextact = e->id == X225_EV_MAP || e->id == X225_EV_SSYNMreq;
}

static void act_14(ARGS)
{
    UNUSED;
    x->vact = x->vnextact && cvn_x225_fu(x, CVN_FU_ACTIVITY);
}

static int32_t capped(int32_t number)
{
    return number > (int32_t)CVN_SERIAL_MAX ? (int32_t)CVN_SERIAL_MAX : number;
}

/* One flow of a resync under symmetric synchronize, of which another may be in progress on the
 * same or the other flow. The table lets the stronger of the two RS stand, but the user of the
 * weaker one has purged his flows too: so each flow goes by the stronger type that either names
 * for it, of two restarts the lower number; of equals that which stands (theirs). */
struct flow {
    uint8_t *vrsp;
    int32_t *number;
    int32_t *next; /* V(M) of the flow */
};

static void resync_flow(const struct flow *f, uint8_t kind, int32_t sn, bool theirs)
{
    bool lower = kind == X225_RSP_R && *f->vrsp == X225_RSP_R && sn < *f->number;
    bool equal = kind == *f->vrsp && kind != X225_RSP_R && theirs;
    if (kind > *f->vrsp || lower || equal) {
        *f->vrsp = kind;
        *f->number = sn;
    }
    if (*f->vrsp == X225_RSP_A) /* [19] for a flow that was not abandoned by this RS itself */
        *f->next = capped(max(*f->next, sn));
}

static void resync_flows(struct cvn_x225 *x, const struct cvn_x225_ev *e, bool theirs)
{
    const struct flow sending = {&x->vrsps, &x->vrspnbs, &x->vm};
    const struct flow receiving = {&x->vrspr, &x->vrspnbr, &x->vmr};
    resync_flow(&sending, e->rsp_s, e->sn_s, theirs);
    resync_flow(&receiving, e->rsp_r, e->sn_r, theirs);
}

static void discard_begin(struct cvn_x225 *x)
{
    if (x->vrspr != X225_RSP_NO)
        x->discard_rcv = true;
    if (x->vrsps != X225_RSP_NO)
        x->discard_snd = true;
    if (x->discard_rcv && x->vado < x->va) /* p185 */
        cvn_tsdu_in_purge(&x->in);
}

/* Interrupt and discard concern both flows, whatever units there are. */
static void act_16(ARGS)
{
    if (!ss(x) || e->rsp >= X225_RSP_INT) {
        x->vrsps = e->rsp;
        x->vrspr = e->rsp;
        x->vrspnbs = e->sn;
    } else {
        resync_flows(x, e, true);
    }
    x->vrsp = e->rsp;
    x->vrsp_local = e->local;
    x->rs_setting = e->setting;
    discard_begin(x);
}

static void act_18(ARGS)
{
    UNUSED;
    x->vcoll = true;
}

/* A number beyond the last cannot be named in RA; the last itself is no lower than any used. */
static void act_19(ARGS)
{
    if (!ss(x)) {
        x->vm = capped(max(x->vm, e->sn));
        return;
    }
    if (e->rsp_r == X225_RSP_A)
        x->vmr = capped(max(x->vmr, e->sn_r));
    if (e->rsp_s == X225_RSP_A)
        x->vm = capped(max(x->vm, e->sn_s));
}

static void act_22(ARGS)
{
    UNUSED;
    x->va = x->vm;
    x->vr = x->vm;
}

static void act_23(ARGS)
{
    UNUSED;
    if (!x->vsc)
        x->va = x->vm;
    x->vsc = true;
    x->vm++;
}

static void act_24(ARGS)
{
    UNUSED;
    if (x->vsc)
        x->va = x->vm;
    x->vsc = false;
    x->vm++;
}

static void act_25(ARGS)
{
    x->va = e->sn + 1;
}

static void act_26(ARGS)
{
    UNUSED;
    x->va = 1;
    x->vm = 1;
    x->vr = 1;
}

static void act_27(ARGS)
{
    x->vm = e->sn + 1;
    x->va = x->vm;
    x->vr = 1;
}

static void act_28(ARGS)
{
    x->vm = e->sn;
    x->va = x->vm;
    if (x->vrsp == X225_RSP_A || x->vrsp == X225_RSP_S)
        x->vr = 0;
    resync_end(x);
}

/* The list of actions does not say that an interrupt or discard ends the discarding; nothing
 * else would, and p185 would stay true. */
static void act_29(ARGS)
{
    UNUSED;
    x->owned = cvn_x225_available(x);
    x->vact = false;
    resync_end(x);
}

static void act_30(ARGS)
{
    UNUSED;
    x->owned = 0;
    x->vact = false;
    resync_end(x);
}

static void act_31(ARGS)
{
    UNUSED;
    if (!x->vsc)
        x->va = x->vm;
    x->vm++;
}

static void act_32(ARGS)
{
    UNUSED;
    x->vdnr = true;
}

static void act_41(ARGS)
{
    UNUSED;
    x->vado = x->vm;
}

static void act_42(ARGS)
{
    UNUSED;
    x->vado = x->vm;
}

static void act_43(ARGS)
{
    UNUSED;
    x->vado = -1;
    x->vadi = -1;
}

static void act_44(ARGS)
{
    UNUSED;
    x->vadi = x->vm;
}

static void act_45(ARGS)
{
    UNUSED;
    x->vadi = x->vmr;
}

/* CN is kept where the row is decided (p76), CDO has room made for it. */
static void act_50(ARGS)
{
    if (e->id == X225_EV_CDO)
        cvn_x225_keep_append(x, e->spdu->user_data);
}

/* The output CDO is one item that gives out all of them. */
static void act_51(ARGS)
{
    UNUSED;
}

static void act_62(ARGS)
{
    UNUSED;
    x->vmr++;
}

static void act_63(ARGS)
{
    UNUSED;
    x->vm++;
}

static void act_64(ARGS)
{
    UNUSED;
    x->va = x->vm;
    x->vr = x->vm;
    x->var = x->vmr;
    x->vrr = x->vmr;
}

static void act_65(ARGS)
{
    x->va = e->sn + 1;
}

static void act_66(ARGS)
{
    x->var = e->sn + 1;
}

static void act_67(ARGS)
{
    uint8_t first = CVN_RESYNC_NONE; /* the flow from PREPARE's sender: we receive it */
    uint8_t second = CVN_RESYNC_NONE;
    if (e->held != NULL) {
        first = e->held->resync;
        second = e->held->resync2;
    } else {
        if ((e->spdu->has & CVN_HAS_RESYNC) != 0)
            first = e->spdu->resync;
        if ((e->spdu->has & CVN_HAS_RESYNC2) != 0)
            second = e->spdu->resync2;
    }
    bool both = first == CVN_RESYNC_NONE && second == CVN_RESYNC_NONE;
    if (both || first != CVN_RESYNC_NONE)
        x->discard_rcv = true;
    if (both || second != CVN_RESYNC_NONE)
        x->discard_snd = true;
}

static void act_68(ARGS)
{
    assert(e->sn_s >= 0 && e->sn_r >= 0);
    if (x->vrsps != X225_RSP_NO) {
        x->vm = e->sn_s;
        x->va = x->vm;
        if (x->vrsps != X225_RSP_R)
            x->vr = 0;
    }
    if (x->vrspr != X225_RSP_NO) {
        x->vmr = e->sn_r;
        x->var = x->vmr;
        if (x->vrspr != X225_RSP_R)
            x->vrr = 0;
    }
    resync_end(x);
}

static void act_69(ARGS)
{
    x->vm = e->sn_s + 1;
    x->va = x->vm;
    x->vr = 1;
    x->vmr = e->sn_r + 1;
    x->var = x->vmr;
    x->vrr = 1;
}

static void act_70(ARGS)
{
    act_26(x, e);
    x->var = 1;
    x->vmr = 1;
    x->vrr = 1;
}

/* AC's first number is of the flow from its sender, the responder. */
static void act_71(ARGS)
{
    const struct cvn_x225_agreed *a = &e->agreed;
    if (!ss(x))
        return;
    x->vm = max(e->local ? a->initial : a->initial2, 0);
    x->va = x->vm;
    x->vr = 0;
    x->vmr = max(e->local ? a->initial2 : a->initial, 0);
    x->var = x->vmr;
    x->vrr = 0;
}

/* Pseudo action of [PR-RS queued]: AI or AD has come, so the PREPARE that announced it is spent. */
static void act_901(ARGS)
{
    (void)e;
    assert(x->queue_len > 0 && x->queue[0].event == X225_EV_PR_RS); /* [PR-RS queued] */
    assert(x->replay == 0); /* nothing comes in before all is replayed */
    x->queue_len--;
    memmove(&x->queue[0], &x->queue[1], x->queue_len * sizeof *x->queue);
}

/* Ours: the peer's RS has lost, but what it names has been purged by the peer's user. */
static void act_902(ARGS)
{
    if (!ss(x))
        return;
    resync_flows(x, e, false);
    discard_begin(x);
}

typedef void action_fn(ARGS);

static action_fn *const actions[] = {
#define X225_ROW(n) [X225_ACT_##n] = act_##n,
    X225_ACTION_MAP(X225_ROW)
#undef X225_ROW
};

void cvn_x225_action(struct cvn_x225 *x, struct cvn_x225_ev *e, uint8_t action)
{
    assert(action != X225_ACT_none && action < X225_ACTIONS);
    actions[action](x, e);
}
