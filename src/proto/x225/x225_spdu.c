/* SPDX-License-Identifier: MIT */
/*
 * x225_spdu - the outputs of a row that go to the peer or to the transport: each
 * SPDU of X.225 clause 8 with the values the machine and its user give it, by the
 * variables as they are before the row's actions.
 *
 * Invariants
 *   S1  nothing here changes the machine but the stage of the event, and memory kept for
 *       the output at hand (saved, rest), which then belongs to the item.
 */
#include <assert.h>
#include <string.h>

#include "proto/x225/machine.h"
#include "proto/x225/x225_table.h"

#define ARGS struct cvn_x225 *x, struct cvn_x225_ev *e, struct cvn_spdu *s
#define UNUSED                                                                                     \
    (void)x;                                                                                       \
    (void)e;                                                                                       \
    (void)s

static const struct cvn_octets nothing = {NULL, 0};

static bool ss(const struct cvn_x225 *x)
{
    return cvn_x225_fu(x, CVN_FU_SYMMETRIC_SYNC);
}

static void put_octets(struct cvn_spdu *s, uint32_t has, struct cvn_octets *to,
                       struct cvn_octets from)
{
    if (from.n == 0)
        return;
    s->has |= has;
    *to = from;
}

static void put_serial(struct cvn_spdu *s, int32_t serial)
{
    assert(serial >= 0);
    s->has |= CVN_HAS_SERIAL;
    s->serial = (uint32_t)serial;
}

static void put_serial2(const struct cvn_x225 *x, struct cvn_spdu *s, int32_t serial)
{
    if (!ss(x))
        return;
    assert(serial >= 0);
    s->has |= CVN_HAS_SERIAL2;
    s->serial2 = (uint32_t)serial;
}

static void put_reason(struct cvn_spdu *s, uint8_t reason)
{
    s->has |= CVN_HAS_REASON;
    s->reason = reason;
}

static void put_disconnect(struct cvn_spdu *s, unsigned bits)
{
    s->has |= CVN_HAS_DISCONNECT;
    s->disconnect = (uint8_t)bits;
}

static void put_references(struct cvn_spdu *s, const struct cvn_x225_connection_id *id,
                           uint32_t group)
{
    if (id->calling.p != NULL || id->called.p != NULL || id->common.p != NULL ||
        id->additional.p != NULL)
        s->has |= group;
    put_octets(s, CVN_HAS_CALLING_REF, &s->id.calling, id->calling);
    put_octets(s, CVN_HAS_CALLED_REF, &s->id.called, id->called);
    put_octets(s, CVN_HAS_COMMON_REF, &s->id.common, id->common);
    put_octets(s, CVN_HAS_ADDITIONAL, &s->id.additional, id->additional);
}

static void put_connect_item(const struct cvn_x225 *x, const struct cvn_x225_prim *p,
                             struct cvn_spdu *s, uint8_t versions)
{
    s->has |= CVN_HAS_CONNECT_ITEM | CVN_HAS_OPTIONS | CVN_HAS_VERSION | CVN_HAS_UNITS;
    s->options = !x->opt_minimal && (x->opt_extended || p->optimized_dialogue) ? 1 : 0;
    s->version = versions;
}

static void put_initial(struct cvn_spdu *s, int32_t initial, int32_t initial2)
{
    if (initial >= 0) {
        s->has |= CVN_HAS_INITIAL;
        s->initial = (uint32_t)initial;
    }
    if (initial2 >= 0) {
        s->has |= CVN_HAS_SERIAL2;
        s->serial2 = (uint32_t)initial2;
    }
}

static void put_tsdu_max(struct cvn_spdu *s, uint16_t initiator, uint16_t responder)
{
    if (initiator == 0 && responder == 0)
        return;
    s->has |= CVN_HAS_TSDU_MAX;
    s->tsdu_max_initiator = initiator;
    s->tsdu_max_responder = responder;
}

static void put_setting(const struct cvn_x225 *x, struct cvn_spdu *s, uint8_t setting)
{
    if (cvn_x225_available(x) == 0)
        return;
    s->has |= CVN_HAS_TOKEN_SETTING;
    s->token_setting = setting;
}

/* Fillers of the SPDUs that have parameters. */

static int fill_CN(ARGS)
{
    const struct cvn_x225_prim *p = e->prim;
    const struct cvn_x225_offer *o = &x->offer;
    put_references(s, &p->id, CVN_HAS_CONNECTION_ID);
    put_connect_item(x, p, s, o->versions);
    put_tsdu_max(s, o->tsdu_max_initiator, o->tsdu_max_responder);
    put_initial(s, o->initial, o->initial2);
    if (o->has_setting) {
        s->has |= CVN_HAS_TOKEN_SETTING;
        s->token_setting = o->token_setting;
    }
    s->units = o->units;
    put_octets(s, CVN_HAS_CALLING_SSEL, &s->calling_ssel, p->calling);
    put_octets(s, CVN_HAS_CALLED_SSEL, &s->called_ssel, p->called);
    if (e->overflow) {
        s->has |= CVN_HAS_OVERFLOW;
        s->overflow = 1;
    }
    return CVN_OK;
}

static int fill_AC(ARGS)
{
    const struct cvn_x225_prim *p = e->prim;
    const struct cvn_x225_agreed *a = &e->agreed;
    uint8_t available = cvn_x225_tokens_of(a->units);
    put_references(s, &p->id, CVN_HAS_CONNECTION_ID);
    put_connect_item(x, p, s, a->version);
    put_tsdu_max(s, a->tsdu_max_initiator, a->tsdu_max_responder);
    put_initial(s, a->initial, a->initial2);
    if (available != 0 && x->offer.has_setting) { /* else all are where the default has them */
        s->has |= CVN_HAS_TOKEN_SETTING;
        s->token_setting = a->token_setting;
    }
    if (a->token_item != 0) {
        s->has |= CVN_HAS_TOKEN_ITEM;
        s->token_item = a->token_item;
    }
    s->units = a->units;
    put_octets(s, CVN_HAS_CALLED_SSEL, &s->called_ssel, p->called);
    e->stage.version2 = a->version == 2;
    return CVN_OK;
}

/* 7.5: by the user, or by this SPM (p76) with the versions it speaks. */
static int fill_RF(const struct cvn_x225 *x, struct cvn_x225_ev *e, struct cvn_spdu *s,
                   unsigned disconnect)
{
    put_disconnect(s, disconnect);
    if (e->prim != NULL) {
        put_references(s, &e->prim->id, CVN_HAS_CONNECTION_ID);
        put_reason(s, e->prim->result);
        if (e->prim->units != 0) {
            s->has |= CVN_HAS_UNITS;
            s->units = e->prim->units;
        }
        e->stage.version2 = (x->offer.versions & x->opt_versions & 2u) != 0;
        return CVN_OK;
    }
    put_reason(s, e->refusal);
    s->has |= CVN_HAS_VERSION;
    s->version = x->opt_versions;
    return CVN_OK;
}

static int fill_RF_nr(ARGS)
{
    return fill_RF(x, e, s, CVN_TD_RELEASED);
}

static int fill_RF_r(ARGS)
{
    return fill_RF(x, e, s, 0);
}

static int fill_OA(ARGS)
{
    (void)e;
    s->has |= CVN_HAS_VERSION;
    s->version = 2;
    put_tsdu_max(s, x->opt_tsdu_max_receive, 0);
    return CVN_OK;
}

/* Transport Disconnect absent means released: 8.3.6. */
static int fill_FN_nr(ARGS)
{
    UNUSED;
    return CVN_OK;
}

static int fill_FN_r(ARGS)
{
    UNUSED;
    put_disconnect(s, 0);
    return CVN_OK;
}

static int fill_AB_nr(ARGS)
{
    UNUSED;
    put_disconnect(s, CVN_TD_RELEASED | CVN_TD_USER);
    return CVN_OK;
}

static int fill_AB_r(ARGS)
{
    UNUSED;
    put_disconnect(s, CVN_TD_USER);
    return CVN_OK;
}

static int fill_none(ARGS)
{
    UNUSED;
    return CVN_OK;
}

static int fill_tokens(ARGS)
{
    (void)x;
    s->has |= CVN_HAS_TOKEN_ITEM;
    s->token_item = e->tokens;
    return CVN_OK;
}

static int fill_minor(struct cvn_x225 *x, struct cvn_x225_ev *e, struct cvn_spdu *s, unsigned type)
{
    if (x->vm > (int32_t)CVN_SERIAL_MAX)
        return CVN_ESERIAL;
    type |= e->prim->optional ? 1u : 0u;
    if (type != 0) {
        s->has |= CVN_HAS_SYNC_TYPE;
        s->sync_type = (uint8_t)type;
    }
    e->used = (uint32_t)x->vm;
    put_serial(s, x->vm);
    return CVN_OK;
}

static int fill_MIP(ARGS)
{
    return fill_minor(x, e, s, 0);
}

static int fill_MIP_d(ARGS)
{
    return fill_minor(x, e, s, 2);
}

static int fill_MIA(ARGS)
{
    (void)x;
    put_serial(s, e->sn);
    return CVN_OK;
}

/* MAP, AE */
static int fill_AE(ARGS)
{
    if (x->vm > (int32_t)CVN_SERIAL_MAX || (ss(x) && x->vmr > (int32_t)CVN_SERIAL_MAX))
        return CVN_ESERIAL;
    e->used = (uint32_t)x->vm;
    put_serial(s, x->vm);
    put_serial2(x, s, x->vmr);
    if (ss(x))
        e->used2 = (uint32_t)x->vmr;
    return CVN_OK;
}

static int fill_MAP(ARGS)
{
    s->has |= CVN_HAS_SYNC_TYPE;
    s->sync_type = 1;
    return fill_AE(x, e, s);
}

/* MAA, AEA: the number of the point that is confirmed. */
static int fill_MAA(ARGS)
{
    if (ss(x) && x->vm > (int32_t)CVN_SERIAL_MAX)
        return CVN_ESERIAL;
    e->used = (uint32_t)(ss(x) ? x->vm : x->vm - 1);
    put_serial(s, (int32_t)e->used);
    put_serial2(x, s, x->vmr - 1);
    if (ss(x))
        e->used2 = s->serial2;
    return CVN_OK;
}

static uint8_t resync_code(uint8_t rsp)
{
    switch (rsp) {
    case X225_RSP_R:
        return CVN_RESYNC_RESTART;
    case X225_RSP_A:
        return CVN_RESYNC_ABANDON;
    default:
        assert(rsp == X225_RSP_S);
        return CVN_RESYNC_SET;
    }
}

/* A flow that is left alone may stand beyond the last number; the peer does not look at it. */
static int32_t last_at_most(int32_t serial)
{
    return serial > (int32_t)CVN_SERIAL_MAX ? (int32_t)CVN_SERIAL_MAX : serial;
}

static int fill_RS(ARGS)
{
    if (e->sn_s > (int32_t)CVN_SERIAL_MAX ||
        (e->rsp_r != X225_RSP_NO && e->sn_r > (int32_t)CVN_SERIAL_MAX))
        return CVN_ESERIAL;
    put_setting(x, s, e->setting);
    s->has |= CVN_HAS_RESYNC;
    s->resync = resync_code(ss(x) ? e->rsp_s : e->rsp);
    put_serial(s, ss(x) ? e->sn_s : e->sn);
    e->used = s->serial;
    if (ss(x) && e->rsp_r != X225_RSP_NO) {
        s->has |= CVN_HAS_RESYNC2;
        s->resync2 = resync_code(e->rsp_r);
    }
    put_serial2(x, s, last_at_most(e->sn_r));
    if (ss(x))
        e->used2 = s->serial2;
    return CVN_OK;
}

static int fill_RA(ARGS)
{
    put_setting(x, s, e->setting);
    put_serial(s, last_at_most(e->sn_s));
    put_serial2(x, s, last_at_most(e->sn_r));
    e->used = s->serial;
    if (ss(x))
        e->used2 = s->serial2;
    return CVN_OK;
}

/* AI, AD, ED. An absent reason is 0, but ED must have one. */
static int fill_AI(ARGS)
{
    (void)x;
    if (e->prim->reason != 0 || s->type == CVN_SPDU_ED)
        put_reason(s, e->prim->reason);
    return CVN_OK;
}

static int fill_AS(ARGS)
{
    (void)x;
    put_octets(s, CVN_HAS_ACTIVITY, &s->activity, e->prim->activity);
    return CVN_OK;
}

static int fill_AR(ARGS)
{
    put_octets(s, CVN_HAS_ACTIVITY, &s->activity, e->prim->activity);
    put_octets(s, CVN_HAS_OLD_ACTIVITY, &s->old_activity, e->prim->old_activity);
    put_references(s, &e->prim->id, CVN_HAS_LINKING);
    s->has |= CVN_HAS_LINKING;
    put_serial(s, ss(x) ? e->sn_s : e->sn);
    put_serial2(x, s, e->sn_r);
    return CVN_OK;
}

typedef int filler(ARGS);

struct output {
    uint8_t type; /* enum cvn_spdu_type */
    filler *fill;
};

/* clang-format off */
static const struct output outputs[] = { /* the clause of its procedure */
    [X225_OUT_AA] = {CVN_SPDU_AA, fill_none},      /* 7.10 */
    [X225_OUT_AB_nr] = {CVN_SPDU_AB, fill_AB_nr},  /* 7.9 */
    [X225_OUT_AB_r] = {CVN_SPDU_AB, fill_AB_r},    /* 7.9 */
    [X225_OUT_AC] = {CVN_SPDU_AC, fill_AC},        /* 7.4 */
    [X225_OUT_AD] = {CVN_SPDU_AD, fill_AI},        /* 7.33 */
    [X225_OUT_ADA] = {CVN_SPDU_ADA, fill_none},    /* 7.34 */
    [X225_OUT_AE] = {CVN_SPDU_AE, fill_AE},        /* 7.35 */
    [X225_OUT_AEA] = {CVN_SPDU_MAA, fill_MAA},     /* 7.36 */
    [X225_OUT_AI] = {CVN_SPDU_AI, fill_AI},        /* 7.31 */
    [X225_OUT_AIA] = {CVN_SPDU_AIA, fill_none},    /* 7.32 */
    [X225_OUT_AR] = {CVN_SPDU_AR, fill_AR},        /* 7.30 */
    [X225_OUT_AS] = {CVN_SPDU_AS, fill_AS},        /* 7.29 */
    [X225_OUT_CD] = {CVN_SPDU_CD, fill_none},      /* 7.14 */
    [X225_OUT_CDA] = {CVN_SPDU_CDA, fill_none},    /* 7.15 */
    [X225_OUT_CN] = {CVN_SPDU_CN, fill_CN},        /* 7.1 */
    [X225_OUT_DN] = {CVN_SPDU_DN, fill_none},      /* 7.7 */
    [X225_OUT_ED] = {CVN_SPDU_ED, fill_AI},        /* 7.28 */
    [X225_OUT_FN_nr] = {CVN_SPDU_FN, fill_FN_nr},  /* 7.6 */
    [X225_OUT_FN_r] = {CVN_SPDU_FN, fill_FN_r},    /* 7.6 */
    [X225_OUT_GT] = {CVN_SPDU_GT, fill_tokens},    /* 7.16 */
    [X225_OUT_GTA] = {CVN_SPDU_GTA, fill_none},    /* 7.19 */
    [X225_OUT_GTC] = {CVN_SPDU_GTC, fill_none},    /* 7.18 */
    [X225_OUT_MAA] = {CVN_SPDU_MAA, fill_MAA},     /* 7.23 */
    [X225_OUT_MAP] = {CVN_SPDU_MAP, fill_MAP},     /* 7.22 */
    [X225_OUT_MIA] = {CVN_SPDU_MIA, fill_MIA},     /* 7.21 */
    [X225_OUT_MIP] = {CVN_SPDU_MIP, fill_MIP},     /* 7.20 */
    [X225_OUT_MIP_d] = {CVN_SPDU_MIP, fill_MIP_d}, /* 7.20 */
    [X225_OUT_NF] = {CVN_SPDU_NF, fill_none},      /* 7.8 */
    [X225_OUT_OA] = {CVN_SPDU_OA, fill_OA},        /* 7.2 */
    [X225_OUT_PT] = {CVN_SPDU_PT, fill_tokens},    /* 7.17 */
    [X225_OUT_RA] = {CVN_SPDU_RA, fill_RA},        /* 7.25 */
    [X225_OUT_RF_nr] = {CVN_SPDU_RF, fill_RF_nr},  /* 7.5 */
    [X225_OUT_RF_r] = {CVN_SPDU_RF, fill_RF_r},    /* 7.5 */
    [X225_OUT_RS_a] = {CVN_SPDU_RS, fill_RS},      /* 7.24 */
    [X225_OUT_RS_r] = {CVN_SPDU_RS, fill_RS},      /* 7.24 */
    [X225_OUT_RS_s] = {CVN_SPDU_RS, fill_RS},      /* 7.24 */
};
/* clang-format on */

/* An SPDU that no row of the table above describes, in a small item; cannot fail. */
static void stage_small(struct cvn_x225 *x, struct cvn_x225_stage *st, const struct cvn_spdu *s,
                        bool expedited)
{
    int rc = cvn_x225_stage_spdu(x, st, s, nothing, expedited);
    assert(rc == CVN_OK && (st->item[st->count - 1].flags & X225_ITEM_BLOCK) == 0);
    (void)rc;
}

/* 6.4 of the sheet: a short AB needs no PREPARE, it goes on the expedited flow itself. */
static bool abort_is_short(const struct cvn_x225_ev *e)
{
    return e->prim->data.n <= X225_REFLECT_MAX;
}

/* With data separation the peer would refuse PREPARE before RS while a point of ours with data
 * separation is not confirmed (p80), and takes RS without it (p35). */
static bool prepare_left_out(const struct cvn_x225 *x, const struct cvn_x225_ev *e)
{
    bool rs =
        e->id == X225_EV_SRSYNreq_a || e->id == X225_EV_SRSYNreq_r || e->id == X225_EV_SRSYNreq_s;
    return rs && cvn_x225_fu(x, CVN_FU_DATA_SEPARATION) && x->vado >= x->va;
}

static int prepare(struct cvn_x225 *x, struct cvn_x225_ev *e, uint8_t type)
{
    struct cvn_spdu s;
    if (!x->texp)
        return CVN_OK;
    if (type == 2 && prepare_left_out(x, e))
        return CVN_OK;
    if (type == 4 && abort_is_short(e))
        return CVN_OK;
    cvn_spdu_init(&s, CVN_SPDU_PR);
    s.has |= CVN_HAS_PREPARE;
    s.prepare = type;
    if (type == 2 && ss(x) && e->rsp < X225_RSP_INT) {
        s.has |= CVN_HAS_RESYNC;
        s.resync = resync_code(e->rsp_s);
        if (e->rsp_r != X225_RSP_NO) {
            s.has |= CVN_HAS_RESYNC2;
            s.resync2 = resync_code(e->rsp_r);
        }
    }
    stage_small(x, &e->stage, &s, true);
    return CVN_OK;
}

static void lend(struct cvn_x225_item *it, const struct cvn_x225_prim *p)
{
    it->data = p->data.p;
    it->data_len = p->data.n;
    it->owner = p->owner;
    if (p->owner == NULL && p->data.n > 0)
        it->flags |= X225_ITEM_COPY;
    cvn_ref_hold(p->owner);
}

/* S-DATA and S-TYPED-DATA: a slice of the SSDU. Without segmentation the SSDU is one TSDU, whose
 * first slice has the header; with it each slice is cut into TSDUs of its own. */
static int stream(struct cvn_x225 *x, struct cvn_x225_ev *e, uint8_t type)
{
    const struct cvn_x225_prim *p = e->prim;
    bool first = p->begin || x->stream_unsent || (x->send_max == 0 && !x->wire_open);

    if (p->data.n == 0 && !p->end)
        return CVN_OK;
    assert(p->data.n > 0 || !first); /* cvn_x225_slice_empty() */
    struct cvn_x225_item *it = cvn_x225_stage_item(&e->stage, CVN_X225_T_DATA);
    if (x->send_max != 0) {
        it->flags = X225_ITEM_SEGMENT | X225_ITEM_END;
        it->flags |= first ? X225_ITEM_BEGIN : 0;
        it->flags |= p->end ? X225_ITEM_FINISH : 0;
        it->spdu = type;
        it->limit = x->send_max;
        lend(it, p);
        return CVN_OK;
    }
    if (first) {
        struct cvn_spdu s;
        cvn_spdu_init(&s, (enum cvn_spdu_type)type);
        struct cvn_wr w = cvn_wr_init(it->head.small, X225_SMALL);
        int rc = cvn_tsdu_encode(&s, 0, &w);
        assert(rc == CVN_OK);
        (void)rc;
        it->small_len = (uint8_t)w.len;
    }
    it->flags = p->end ? X225_ITEM_END : 0;
    lend(it, p);
    return CVN_OK;
}

static int make_EX(struct cvn_x225 *x, struct cvn_x225_ev *e)
{
    struct cvn_spdu s;
    (void)x;
    cvn_spdu_init(&s, CVN_SPDU_EX);
    struct cvn_x225_item *it = cvn_x225_stage_item(&e->stage, CVN_X225_T_EXPEDITED);
    struct cvn_wr w = cvn_wr_init(it->head.small, X225_SMALL);
    int rc = cvn_tsdu_encode(&s, 0, &w);
    assert(rc == CVN_OK);
    (void)rc;
    cvn_wr_bytes(&w, e->prim->data.p, e->prim->data.n);
    assert(!w.bad && w.len <= X225_EXPEDITED);
    it->small_len = (uint8_t)w.len;
    return CVN_OK;
}

/* 7.3: the octets that CN had no room for. The buffer for one CDO was allocated with CN. */
static int make_CDO(struct cvn_x225 *x, struct cvn_x225_ev *e)
{
    uint16_t theirs = (e->spdu->has & CVN_HAS_TSDU_MAX) != 0 ? e->spdu->tsdu_max_initiator : 0;
    struct cvn_x225_item *it = cvn_x225_stage_item(&e->stage, CVN_X225_T_DATA);
    cvn_x225_item_block(it, x->rest, x->rest_size);
    it->flags |= X225_ITEM_SEGMENT | X225_ITEM_FINISH;
    it->spdu = CVN_SPDU_CDO;
    it->limit = cvn_x225_smaller_maximum(theirs, x->offer.tsdu_max_initiator);
    it->data = x->rest;
    it->data_len = x->rest_len;
    x->rest = NULL;
    return CVN_OK;
}

static void saved_item(struct cvn_x225 *x, struct cvn_x225_ev *e)
{
    struct cvn_x225_item *it = cvn_x225_stage_item(&e->stage, CVN_X225_T_DATA);
    assert(x->saved != NULL);
    cvn_x225_item_block(it, x->saved, x->saved_size);
    x->saved = NULL;
}

/* What the peer or this SPM begins has none; CN has no more than 10,240 octets: 7.1. */
static struct cvn_octets user_data(const struct cvn_x225_ev *e)
{
    struct cvn_octets data = e->prim == NULL ? nothing : e->prim->data;
    if (e->id == X225_EV_SCONreq && e->overflow)
        data.n = X225_CN_DATA_MAX;
    return data;
}

/* The narrow dialect: user data is there even if empty where its peers look for it, and one octet
 * is enough for every length. */
int cvn_x225_narrow(const struct cvn_x225 *x, struct cvn_spdu *s, struct cvn_octets user)
{
    if (!x->opt_minimal)
        return CVN_OK;
    if (s->type == CVN_SPDU_CN || s->type == CVN_SPDU_AC || s->type == CVN_SPDU_FN ||
        s->type == CVN_SPDU_DN) {
        s->has |= CVN_HAS_USER_DATA;
        s->user_data = (struct cvn_octets){cvn_spdu_present, 0};
    }
    struct cvn_spdu whole = *s;
    if (user.n > 0) {
        whole.user_data = user;
        whole.has |= CVN_HAS_USER_DATA;
    }
    size_t size = cvn_spdu_size(&whole);
    return size == 0 || size > X225_LI_SHORT + 2 ? CVN_ETOOBIG : CVN_OK;
}

static int make_SPDU(struct cvn_x225 *x, struct cvn_x225_ev *e, uint8_t output)
{
    struct cvn_spdu s;
    const struct output *o = &outputs[output];
    cvn_spdu_init(&s, (enum cvn_spdu_type)o->type);
    int rc = o->fill(x, e, &s);
    if (rc == CVN_OK)
        rc = cvn_x225_narrow(x, &s, user_data(e));
    if (rc != CVN_OK)
        return rc;
    bool expedited = x->texp && o->type == CVN_SPDU_AB && abort_is_short(e);
    if (o->type == CVN_SPDU_GTA && x->wire_open) {
        x->gta_due = true;
        return CVN_OK;
    }
    return cvn_x225_stage_spdu(x, &e->stage, &s, user_data(e), expedited);
}

static int make_CN(struct cvn_x225 *x, struct cvn_x225_ev *e)
{
    if (e->id == X225_EV_TCONcnf) {
        saved_item(x, e);
        return CVN_OK;
    }
    return make_SPDU(x, e, X225_OUT_CN);
}

int cvn_x225_connect_block(struct cvn_x225 *x, struct cvn_x225_ev *e, uint8_t **block,
                           uint32_t *size)
{
    struct cvn_spdu s;
    cvn_spdu_init(&s, CVN_SPDU_CN);
    (void)fill_CN(x, e, &s); /* it cannot fail */
    int rc = cvn_x225_narrow(x, &s, user_data(e));
    if (rc != CVN_OK)
        return rc;
    return cvn_x225_block(x, &s, user_data(e), false, block, size);
}

static int make_DN(struct cvn_x225 *x, struct cvn_x225_ev *e)
{
    if (e->prim == NULL) { /* given early: 6.3 of the sheet */
        saved_item(x, e);
        return CVN_OK;
    }
    return make_SPDU(x, e, X225_OUT_DN);
}

int cvn_x225_output(struct cvn_x225 *x, struct cvn_x225_ev *e, uint8_t output)
{
    switch (output) {
    case X225_OUT_PR_AB:
        return prepare(x, e, 4);
    case X225_OUT_PR_MAA:
        return prepare(x, e, 1);
    case X225_OUT_PR_RS:
        return prepare(x, e, 2);
    case X225_OUT_PR_RA:
        return prepare(x, e, 3);
    case X225_OUT_DT: /* 7.11 */
        return stream(x, e, CVN_SPDU_DT);
    case X225_OUT_TD: /* 7.13 */
        return stream(x, e, CVN_SPDU_TD);
    case X225_OUT_EX: /* 7.12 */
        return make_EX(x, e);
    case X225_OUT_CN:
        return make_CN(x, e);
    case X225_OUT_CDO:
        return make_CDO(x, e);
    case X225_OUT_DN: /* 7.7 */
        return make_DN(x, e);
    case X225_OUT_TCONreq:
        (void)cvn_x225_stage_item(&e->stage, CVN_X225_T_CONNECT);
        return CVN_OK;
    case X225_OUT_TCONrsp:
        (void)cvn_x225_stage_item(&e->stage, CVN_X225_T_CONNECT_ACCEPT);
        return CVN_OK;
    case X225_OUT_TDISreq:
        (void)cvn_x225_stage_item(&e->stage, CVN_X225_T_DISCONNECT);
        return CVN_OK;
    default:
        return make_SPDU(x, e, output);
    }
}

void cvn_x225_stage_abort(struct cvn_x225 *x, struct cvn_x225_stage *st, bool keep, uint8_t bits,
                          struct cvn_octets reflect)
{
    struct cvn_spdu s;
    cvn_spdu_init(&s, CVN_SPDU_AB);
    put_disconnect(&s, bits | (keep ? 0u : CVN_TD_RELEASED));
    if (reflect.n > X225_REFLECT_MAX)
        reflect.n = X225_REFLECT_MAX;
    put_octets(&s, CVN_HAS_REFLECT, &s.reflect, reflect);
    stage_small(x, st, &s, x->texp);
}

void cvn_x225_stage_report(struct cvn_x225 *x, struct cvn_x225_stage *st, struct cvn_octets reflect)
{
    struct cvn_spdu s;
    cvn_spdu_init(&s, CVN_SPDU_ER);
    put_octets(&s, CVN_HAS_REFLECT, &s.reflect, reflect);
    stage_small(x, st, &s, false);
}
