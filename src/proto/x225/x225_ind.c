/* SPDX-License-Identifier: MIT */
/*
 * x225_ind - the outputs of a row that go to the user: indications and confirms,
 * X.215 clauses 12 to 15, with the values of the SPDU received; and the names.
 *
 * Invariants
 *   D1  what an indication points at is valid until the next call on the machine.
 */
#include <assert.h>
#include <string.h>

#include "proto/x225/machine.h"
#include "proto/x225/x225_table.h"

#define ARGS struct cvn_x225 *x, const struct cvn_x225_ev *e, struct cvn_x225_prim *p
#define UNUSED                                                                                     \
    (void)x;                                                                                       \
    (void)e;                                                                                       \
    (void)p

void cvn_x225_prim_init(struct cvn_x225_prim *p, enum cvn_x225_service s, enum cvn_x225_type t)
{
    memset(p, 0, sizeof *p);
    p->service = s;
    p->type = t;
    p->result = CVN_RESULT_ACCEPT;
    p->serial = CVN_SERIAL_NONE;
    p->serial2 = CVN_SERIAL_NONE;
    p->resync = CVN_RESYNC_NONE;
    p->resync2 = CVN_RESYNC_NONE;
    p->begin = true;
    p->end = true;
}

static uint32_t serial_of(int32_t number)
{
    return number < 0 ? CVN_SERIAL_NONE : (uint32_t)number;
}

static void tell_nothing(ARGS)
{
    UNUSED;
}

static void tell_connection(ARGS)
{
    const struct cvn_spdu *s = e->spdu;
    (void)x;
    p->id = s->id;
    p->calling = s->calling_ssel;
    p->called = s->called_ssel;
}

/* 7.1: without the units this SPM or the transport has not. */
static void tell_offer(ARGS)
{
    const struct cvn_x225_offer *o = &x->offer;
    if (x->kept != NULL) { /* the parameters of CN, the user data of CN and all CDO */
        p->id = x->kept->id;
        p->calling = x->kept->calling;
        p->called = x->kept->called;
        p->data = (struct cvn_octets){x->kept->text + x->kept->data_at,
                                      x->kept->text_len - x->kept->data_at};
    } else {
        tell_connection(x, e, p);
    }
    p->versions = o->versions;
    p->extended_control = x->texp;
    p->optimized_dialogue = o->extended;
    p->units = o->units;
    p->tsdu_max_initiator = o->tsdu_max_initiator;
    p->tsdu_max_responder = o->tsdu_max_responder;
    p->token_setting = o->token_setting;
    p->has_token_setting = o->has_setting;
    p->serial = serial_of(o->initial);
    p->serial2 = serial_of(o->initial2);
}

static void tell_accept(ARGS)
{
    const struct cvn_x225_agreed *a = &e->agreed;
    tell_connection(x, e, p);
    p->versions = a->version == 2 ? 2 : 1;
    p->extended_control = x->texp;
    p->optimized_dialogue = x->in.extended && a->extended;
    p->units = a->units;
    p->tsdu_max_initiator = a->tsdu_max_initiator;
    p->tsdu_max_responder = a->tsdu_max_responder;
    p->token_setting = a->token_setting;
    p->has_token_setting = true;
    p->tokens = a->token_item;
    p->serial = serial_of(a->initial);
    p->serial2 = serial_of(a->initial2);
}

static void tell_refuse(ARGS)
{
    const struct cvn_spdu *s = e->spdu;
    tell_connection(x, e, p);
    p->result = (s->has & CVN_HAS_REASON) != 0 ? s->reason : CVN_RF_USER;
    p->units = (s->has & CVN_HAS_UNITS) != 0 ? s->units : 0;
    p->versions = (s->has & CVN_HAS_VERSION) != 0 ? s->version : 0;
    p->keep = x->state == CVN_STA01C;
}

static void tell_data(ARGS)
{
    (void)x;
    if (e->held != NULL) {
        p->data = (struct cvn_octets){x->given.data, x->given.len};
        return;
    }
    p->data = e->tsdu->info;
    p->begin = e->tsdu->begin;
    p->end = e->tsdu->end;
}

static void tell_tokens(ARGS)
{
    (void)x;
    p->tokens = e->tokens;
}

static void tell_serial(ARGS)
{
    const struct cvn_spdu *s = e->spdu;
    (void)x;
    p->serial = s->serial; /* mandatory in all of these */
    if ((s->has & CVN_HAS_SERIAL2) != 0)
        p->serial2 = s->serial2;
}

static void tell_minor(ARGS)
{
    tell_serial(x, e, p);
    if ((e->spdu->has & CVN_HAS_SYNC_TYPE) != 0) {
        p->optional = (e->spdu->sync_type & 1u) != 0;
        p->separation = (e->spdu->sync_type & 2u) != 0;
    }
}

static uint8_t resync_code(uint8_t rsp)
{
    switch (rsp) {
    case X225_RSP_R:
        return CVN_RESYNC_RESTART;
    case X225_RSP_A:
        return CVN_RESYNC_ABANDON;
    case X225_RSP_S:
        return CVN_RESYNC_SET;
    default:
        return CVN_RESYNC_NONE;
    }
}

/* Abandon: the number the provider gives is the greater of both sides' ([19]). With symmetric
 * synchronize what a collision has added is told too ([16], [902]). */
static void tell_resync(ARGS)
{
    const struct cvn_spdu *s = e->spdu;
    bool ss = cvn_x225_fu(x, CVN_FU_SYMMETRIC_SYNC);
    tell_serial(x, e, p);
    p->resync = resync_code(ss ? x->vrspr : x->vrsp);
    if (p->resync == CVN_RESYNC_ABANDON)
        p->serial = (uint32_t)(ss ? x->vmr : x->vm);
    if (ss) {
        p->resync2 = resync_code(x->vrsps);
        p->serial2 = (uint32_t)(x->vrsps == X225_RSP_A ? x->vm : x->vrspnbs);
        if (p->resync2 == CVN_RESYNC_NONE)
            p->serial2 = CVN_SERIAL_NONE;
    }
    p->has_token_setting = (s->has & CVN_HAS_TOKEN_SETTING) != 0;
    p->token_setting = p->has_token_setting ? s->token_setting : 0;
}

static void tell_resync_done(ARGS)
{
    tell_serial(x, e, p);
    p->has_token_setting = true;
    p->token_setting = e->setting;
}

static void tell_reason(ARGS)
{
    (void)x;
    p->reason = (e->spdu->has & CVN_HAS_REASON) != 0 ? e->spdu->reason : CVN_REASON_NONE;
}

static void tell_report(ARGS)
{
    (void)x;
    p->reflected = e->spdu->reflect;
}

static void tell_activity(ARGS)
{
    (void)x;
    p->activity = e->spdu->activity;
}

static void tell_resume(ARGS)
{
    tell_serial(x, e, p);
    tell_activity(x, e, p);
    p->old_activity = e->spdu->old_activity;
    p->id = e->spdu->id;
}

static void tell_released(ARGS)
{
    (void)e;
    p->keep = x->state == CVN_STA01C;
}

static void tell_release(ARGS)
{
    (void)e;
    p->keep = x->vtrr;
}

static void tell_not_released(ARGS)
{
    UNUSED;
    p->result = 0;
}

/* S-U-ABORT if the user bit is set, else S-P-ABORT: the sheet's section 1. */
static void tell_abort(ARGS)
{
    const struct cvn_spdu *s = e->spdu;
    unsigned bits = s->disconnect;
    p->keep = x->state == CVN_STA01C;
    if ((bits & CVN_TD_USER) != 0)
        return;
    p->service = CVN_S_P_ABORT;
    p->reflected = s->reflect;
    if ((bits & CVN_TD_RESTRICTION) != 0)
        p->reason = CVN_ABORT_RESTRICTION;
    else
        p->reason = (bits & CVN_TD_PROTOCOL) != 0 ? CVN_ABORT_PROTOCOL : CVN_ABORT_UNDEFINED;
    p->why = "the peer's session protocol machine aborted (X.225 7.9)";
}

static void tell_lost(ARGS)
{
    (void)x;
    p->reason = e->id == X225_EV_TIM ? CVN_ABORT_PROTOCOL : CVN_ABORT_TRANSPORT;
    p->why = e->id == X225_EV_TIM ? "no ABORT after PREPARE in time (X.225 7.26)"
                                  : "the transport connection was lost (X.225 5.7)";
}

typedef void teller(ARGS);

struct indication {
    uint8_t service;
    uint8_t type;
    teller *tell;
};

#define ROW(name, service, type, tell)                                                             \
    [X225_OUT_##name - X225_INDICATION_FIRST] = {CVN_S_##service, CVN_##type, tell}

/* clang-format off */
static const struct indication indications[] = {
    ROW(SCONind, CONNECT, INDICATION, tell_offer),
    ROW(SCONcnf_pos, CONNECT, CONFIRM, tell_accept),
    ROW(SCONcnf_neg, CONNECT, CONFIRM, tell_refuse),
    ROW(SDTind, DATA, INDICATION, tell_data),
    ROW(SEXind, EXPEDITED_DATA, INDICATION, tell_data),
    ROW(STDind, TYPED_DATA, INDICATION, tell_data),
    ROW(SCDind, CAPABILITY_DATA, INDICATION, tell_nothing),
    ROW(SCDcnf, CAPABILITY_DATA, CONFIRM, tell_nothing),
    ROW(SGTind, TOKEN_GIVE, INDICATION, tell_tokens),
    ROW(SPTind, TOKEN_PLEASE, INDICATION, tell_tokens),
    ROW(SCGind, CONTROL_GIVE, INDICATION, tell_nothing),
    ROW(SSYNmind, SYNC_MINOR, INDICATION, tell_minor),
    ROW(SSYNmdind, SYNC_MINOR, INDICATION, tell_minor),
    ROW(SSYNmcnf, SYNC_MINOR, CONFIRM, tell_serial),
    ROW(SSYNMind, SYNC_MAJOR, INDICATION, tell_serial),
    ROW(SSYNMcnf, SYNC_MAJOR, CONFIRM, tell_serial),
    ROW(SRSYNind, RESYNCHRONIZE, INDICATION, tell_resync),
    ROW(SRSYNcnf, RESYNCHRONIZE, CONFIRM, tell_resync_done),
    ROW(SUERind, U_EXCEPTION_REPORT, INDICATION, tell_reason),
    ROW(SPERind, P_EXCEPTION_REPORT, INDICATION, tell_report),
    ROW(SACTSind, ACTIVITY_START, INDICATION, tell_activity),
    ROW(SACTRind, ACTIVITY_RESUME, INDICATION, tell_resume),
    ROW(SACTIind, ACTIVITY_INTERRUPT, INDICATION, tell_reason),
    ROW(SACTIcnf, ACTIVITY_INTERRUPT, CONFIRM, tell_nothing),
    ROW(SACTDind, ACTIVITY_DISCARD, INDICATION, tell_reason),
    ROW(SACTDcnf, ACTIVITY_DISCARD, CONFIRM, tell_nothing),
    ROW(SACTEind, ACTIVITY_END, INDICATION, tell_serial),
    ROW(SACTEcnf, ACTIVITY_END, CONFIRM, tell_serial),
    ROW(SRELind, RELEASE, INDICATION, tell_release),
    ROW(SRELcnf_pos, RELEASE, CONFIRM, tell_released),
    ROW(SRELcnf_neg, RELEASE, CONFIRM, tell_not_released),
    ROW(SxABind, U_ABORT, INDICATION, tell_abort),
    ROW(SPABind, P_ABORT, INDICATION, tell_lost),
};
/* clang-format on */
#define X225_ROW(name) +1
_Static_assert(sizeof indications / sizeof indications[0] == 0 X225_INDICATION_MAP(X225_ROW),
               "one row for each indication of the table");
#undef X225_ROW

void cvn_x225_indicate(struct cvn_x225 *x, struct cvn_x225_ev *e, uint8_t output)
{
    const struct indication *i = &indications[output - X225_INDICATION_FIRST];
    assert(e->ind != NULL && i->tell != NULL);
    cvn_x225_prim_init(e->ind, (enum cvn_x225_service)i->service, (enum cvn_x225_type)i->type);
    if (e->spdu != NULL)
        e->ind->data = e->spdu->user_data;
    i->tell(x, e, e->ind);
    e->given = true;
}

const char *cvn_x225_service_name(enum cvn_x225_service s)
{
    static const char names[][24] = {
        "S-CONNECT",
        "S-DATA",
        "S-EXPEDITED-DATA",
        "S-TYPED-DATA",
        "S-CAPABILITY-DATA",
        "S-TOKEN-GIVE",
        "S-TOKEN-PLEASE",
        "S-CONTROL-GIVE",
        "S-SYNC-MINOR",
        "S-SYNC-MAJOR",
        "S-RESYNCHRONIZE",
        "S-P-EXCEPTION-REPORT",
        "S-U-EXCEPTION-REPORT",
        "S-ACTIVITY-START",
        "S-ACTIVITY-RESUME",
        "S-ACTIVITY-INTERRUPT",
        "S-ACTIVITY-DISCARD",
        "S-ACTIVITY-END",
        "S-RELEASE",
        "S-U-ABORT",
        "S-P-ABORT",
    };
    _Static_assert(sizeof names / sizeof names[0] == CVN_S_SERVICES, "one name per service");
    return (unsigned)s < CVN_S_SERVICES ? names[s] : "?";
}

const char *cvn_x225_type_name(enum cvn_x225_type t)
{
    static const char names[][12] = {"request", "indication", "response", "confirm"};
    return (unsigned)t < sizeof names / sizeof names[0] ? names[t] : "?";
}

const char *cvn_x225_state_name(enum cvn_x225_state s)
{
    static const char names[][8] = {
        "STA01",  "STA01A", "STA01B", "STA01C", "STA01D", "STA02A", "STA02B", "STA03",
        "STA04A", "STA04B", "STA05A", "STA05B", "STA05C", "STA06",  "STA08",  "STA09",
        "STA10A", "STA10B", "STA11A", "STA11B", "STA11C", "STA15A", "STA15B", "STA15C",
        "STA15D", "STA16",  "STA18",  "STA19",  "STA20",  "STA21",  "STA22",  "STA713",
    };
    _Static_assert(sizeof names / sizeof names[0] == CVN_X225_STATES, "one name per state");
    return (unsigned)s < CVN_X225_STATES ? names[s] : "?";
}
