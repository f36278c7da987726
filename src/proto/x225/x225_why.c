/* SPDX-License-Identifier: MIT */
/*
 * x225_why - the reasons of a refusal in words. What is in the way is found by the same checks
 * and the same table as a request's; only the words are made here.
 *
 * Invariants
 *   Y1  nothing here changes the machine.
 *   Y2  NULL exactly when cvn_x225_request() would go on to make the SPDU.
 */
#include <assert.h>

#include "proto/x225/machine.h"
#include "proto/x225/x225_table.h"

#define DK CVN_TOKEN_DATA
#define MI CVN_TOKEN_MINOR
#define MA CVN_TOKEN_MAJOR
#define TR CVN_TOKEN_RELEASE

/* What X.215 asks of the user who requests a service: clause 12 and the tables of tokens. */
static const struct rule {
    uint16_t units;   /* one of these */
    uint8_t own;      /* these tokens, where they are available */
    const char *unit; /* when none of the units was agreed */
} rules[CVN_S_SERVICES] = {
    [CVN_S_DATA] = {0, DK, NULL},
    [CVN_S_EXPEDITED_DATA] = {CVN_FU_EXPEDITED, 0,
                              "the functional unit expedited data was not agreed"},
    [CVN_S_TYPED_DATA] = {CVN_FU_TYPED_DATA, 0, "the functional unit typed data was not agreed"},
    [CVN_S_CAPABILITY_DATA] = {CVN_FU_CAPABILITY, DK | MI | MA,
                               "the functional unit capability data exchange was not agreed"},
    [CVN_S_CONTROL_GIVE] = {CVN_FU_ACTIVITY, DK | MI | MA | TR,
                            "the functional unit activity management was not agreed"},
    [CVN_S_SYNC_MINOR] = {CVN_FU_MINOR_SYNC | CVN_FU_SYMMETRIC_SYNC, DK | MI,
                          "neither minor nor symmetric synchronize was agreed"},
    [CVN_S_SYNC_MAJOR] = {CVN_FU_MAJOR_SYNC, DK | MI | MA,
                          "the functional unit major synchronize was not agreed"},
    [CVN_S_RESYNCHRONIZE] = {CVN_FU_RESYNC, 0, "the functional unit resynchronize was not agreed"},
    [CVN_S_U_EXCEPTION_REPORT] = {CVN_FU_EXCEPTIONS, 0,
                                  "the functional unit exceptions was not agreed"},
    [CVN_S_ACTIVITY_START] = {CVN_FU_ACTIVITY, DK | MI | MA,
                              "the functional unit activity management was not agreed"},
    [CVN_S_ACTIVITY_RESUME] = {CVN_FU_ACTIVITY, DK | MI | MA,
                               "the functional unit activity management was not agreed"},
    [CVN_S_ACTIVITY_INTERRUPT] = {CVN_FU_ACTIVITY, MA,
                                  "the functional unit activity management was not agreed"},
    [CVN_S_ACTIVITY_DISCARD] = {CVN_FU_ACTIVITY, MA,
                                "the functional unit activity management was not agreed"},
    [CVN_S_ACTIVITY_END] = {CVN_FU_ACTIVITY, DK | MI | MA,
                            "the functional unit activity management was not agreed"},
    [CVN_S_RELEASE] = {0, DK | MI | MA | TR, NULL},
};

/* What a state waits for; NULL: data transfer. */
static const char *const waiting[CVN_X225_STATES] = {
    [CVN_STA01] = "there is no session connection",
    [CVN_STA01A] = "S-U-ABORT was requested: the peer has not accepted it yet",
    [CVN_STA01B] = "the transport connection is being opened: only S-U-ABORT now",
    [CVN_STA01C] = "there is no session connection",
    [CVN_STA01D] = "the peer's S-CONNECT is still coming",
    [CVN_STA02A] = "S-CONNECT was requested and is not confirmed yet: only S-U-ABORT now",
    [CVN_STA02B] = "S-CONNECT was requested, the peer has not taken all its user data yet: only "
                   "S-U-ABORT now",
    [CVN_STA03] = "S-RELEASE was requested and is not confirmed yet",
    [CVN_STA04A] = "S-SYNC-MAJOR was requested and is not confirmed yet",
    [CVN_STA04B] = "S-ACTIVITY-END was requested and is not confirmed yet",
    [CVN_STA05A] = "S-RESYNCHRONIZE was requested and is not confirmed yet: only S-U-ABORT now",
    [CVN_STA05B] = "S-ACTIVITY-INTERRUPT was requested and is not confirmed yet: only S-U-ABORT "
                   "now",
    [CVN_STA05C] = "S-ACTIVITY-DISCARD was requested and is not confirmed yet: only S-U-ABORT now",
    [CVN_STA06] = "two resynchronizations have collided: only S-U-ABORT until that is settled",
    [CVN_STA08] = "the S-CONNECT indication waits for its response",
    [CVN_STA09] = "the S-RELEASE indication waits for its response",
    [CVN_STA10A] = "the S-SYNC-MAJOR indication waits for its response",
    [CVN_STA10B] = "the S-ACTIVITY-END indication waits for its response",
    [CVN_STA11A] = "the S-RESYNCHRONIZE indication waits for its response",
    [CVN_STA11B] = "the S-ACTIVITY-INTERRUPT indication waits for its response",
    [CVN_STA11C] = "the S-ACTIVITY-DISCARD indication waits for its response",
    [CVN_STA15A] = "the peer's confirm of the major point or activity end is on its way",
    [CVN_STA15B] = "the peer's resynchronize, interrupt or discard is on its way",
    [CVN_STA15C] = "the peer's answer to resynchronize, interrupt or discard is on its way",
    [CVN_STA15D] = "the peer's abort is on its way",
    [CVN_STA16] = "the session connection is over; the transport connection has still to end",
    [CVN_STA18] = "S-CONTROL-GIVE was requested and the peer has not acknowledged it yet",
    [CVN_STA19] = "S-U-EXCEPTION-REPORT was requested: the peer has to recover first (he gives the "
                  "data token, resynchronizes, interrupts, discards or aborts)",
    [CVN_STA20] = "an exception was reported: recover first (give the data token, resynchronize, "
                  "interrupt, discard or abort)",
    [CVN_STA21] = "S-CAPABILITY-DATA was requested and is not confirmed yet",
    [CVN_STA22] = "the S-CAPABILITY-DATA indication waits for its response",
};

static const struct {
    uint8_t token;
    const char *away;
    const char *missing;
    const char *mine;
} tokens[] = {
    {DK, "the data token is with the peer", "there is no data token: half-duplex was not agreed",
     "the data token is with this side already"},
    {MI, "the synchronize-minor token is with the peer",
     "there is no synchronize-minor token: minor synchronize was not agreed",
     "the synchronize-minor token is with this side already"},
    {MA, "the major/activity token is with the peer",
     "there is no major/activity token: neither major synchronize nor activity management was "
     "agreed",
     "the major/activity token is with this side already"},
    {TR, "the release token is with the peer",
     "there is no release token: negotiated release was not agreed",
     "the release token is with this side already"},
};
#define TOKENS (sizeof tokens / sizeof tokens[0])

static const char *token_away(const struct cvn_x225 *x, unsigned needed)
{
    for (size_t i = 0; i < TOKENS; i++) {
        if ((needed & cvn_x225_available(x) & ~(unsigned)x->owned & tokens[i].token) != 0)
            return tokens[i].away;
    }
    return NULL;
}

static const char *token_missing(const struct cvn_x225 *x, unsigned named)
{
    for (size_t i = 0; i < TOKENS; i++) {
        if ((named & ~(unsigned)cvn_x225_available(x) & tokens[i].token) != 0)
            return tokens[i].missing;
    }
    return NULL;
}

static const char *why_token(const struct cvn_x225 *x, const struct cvn_x225_prim *p)
{
    unsigned needed = rules[p->service].own;
    if (p->service == CVN_S_TOKEN_GIVE)
        needed = p->tokens;
    const char *text = token_away(x, needed);
    if (text != NULL)
        return text;
    assert(p->service == CVN_S_U_EXCEPTION_REPORT); /* the one that a token forbids to its owner */
    return "this side has the data token: an exception is reported by the other user";
}

/* Resynchronize itself was agreed. */
static const char *why_resync_unit(const struct cvn_x225 *x, const struct cvn_x225_prim *p)
{
    if (p->resync2 != CVN_RESYNC_NONE && !cvn_x225_fu(x, CVN_FU_SYMMETRIC_SYNC))
        return "a type for the second flow needs symmetric synchronize, which was not agreed";
    if (p->type == CVN_REQUEST && p->resync != CVN_RESYNC_ABANDON &&
        !cvn_x225_fu(x, CVN_FU_MINOR_SYNC | CVN_FU_SYMMETRIC_SYNC | CVN_FU_MAJOR_SYNC))
        return "restart and set need minor, symmetric or major synchronize, and none was agreed";
    return NULL;
}

static const char *why_unit(const struct cvn_x225 *x, const struct cvn_x225_prim *p)
{
    const struct rule *r = &rules[p->service];
    if (p->service == CVN_S_TOKEN_GIVE || p->service == CVN_S_TOKEN_PLEASE)
        return token_missing(x, p->tokens);
    if (r->units != 0 && !cvn_x225_fu(x, r->units))
        return r->unit;
    if (p->service == CVN_S_SYNC_MINOR && p->separation && !cvn_x225_fu(x, CVN_FU_DATA_SEPARATION))
        return "the functional unit data separation was not agreed";
    if (p->service == CVN_S_RELEASE && p->type == CVN_RESPONSE && p->result == 0 &&
        !cvn_x225_fu(x, CVN_FU_NEGOTIATED_RELEASE))
        return "a release is refused only where negotiated release was agreed";
    return p->service == CVN_S_RESYNCHRONIZE ? why_resync_unit(x, p) : NULL;
}

/* What data transfer itself has in the way: an activity is not where the service needs it. */
static const char *why_activity(const struct cvn_x225 *x)
{
    return x->vact ? "an activity is in progress" : "no activity is in progress";
}

static const char *why_response(const struct cvn_x225_prim *p)
{
    static const char *const none[CVN_S_SERVICES] = {
        [CVN_S_CONNECT] = "no S-CONNECT indication waits for a response",
        [CVN_S_CAPABILITY_DATA] = "no S-CAPABILITY-DATA indication waits for a response",
        [CVN_S_SYNC_MINOR] = "no S-SYNC-MINOR indication waits for a response",
        [CVN_S_SYNC_MAJOR] = "no S-SYNC-MAJOR indication waits for a response",
        [CVN_S_RESYNCHRONIZE] = "no S-RESYNCHRONIZE indication waits for a response",
        [CVN_S_ACTIVITY_INTERRUPT] = "no S-ACTIVITY-INTERRUPT indication waits for a response",
        [CVN_S_ACTIVITY_DISCARD] = "no S-ACTIVITY-DISCARD indication waits for a response",
        [CVN_S_ACTIVITY_END] = "no S-ACTIVITY-END indication waits for a response",
        [CVN_S_RELEASE] = "no S-RELEASE indication waits for a response",
    };
    return none[p->service];
}

static const char *why_connect(const struct cvn_x225 *x)
{
    if (x->state == CVN_STA01C && x->vtca)
        return "the side that opened the transport connection sends S-CONNECT on it";
    return waiting[x->state] != NULL ? waiting[x->state] : "there is a session connection already";
}

static const char *why_state(const struct cvn_x225 *x, const struct cvn_x225_prim *p, unsigned rank)
{
    if (p->service == CVN_S_CONNECT && p->type == CVN_REQUEST)
        return why_connect(x);
    if (rank == X225_NO_ROW && p->type == CVN_RESPONSE)
        return why_response(p);
    if (x->state != CVN_STA713) {
        if (rank != X225_NO_ROW && x->vcoll)
            return "two releases have collided: only the response is to come";
        return waiting[x->state];
    }
    return why_activity(x);
}

static const char used_up[] =
    "the serial numbers are used up (999,999): end the activity or resynchronize (set)";

static const char *why_serial(const struct cvn_x225_prim *p)
{
    if (p->service == CVN_S_SYNC_MINOR)
        return "no point of that number is unconfirmed, or the peer does not wait for it";
    assert(p->service == CVN_S_RESYNCHRONIZE); /* the provider gives all other numbers */
    return p->type == CVN_REQUEST
               ? "restart goes back to a point after the last confirmed major one, and not beyond "
                 "the next"
               : "the serial number is not the one that this resynchronization asks for";
}

static const char *why_cell(const struct cvn_x225 *x, const struct cvn_x225_prim *p, unsigned rank)
{
    const char *text = NULL;
    if (rank == X225_SERIAL)
        return why_serial(p);
    if (rank == X225_TOKEN)
        return why_token(x, p);
    if (rank == X225_UNIT || (rank == X225_NO_ROW && x->version != 0))
        text = why_unit(x, p);
    return text != NULL ? text : why_state(x, p, rank);
}

/* -------- parameters -------- */

static bool references_long(const struct cvn_x225_prim *p)
{
    return p->id.calling.n > CVN_REFERENCE_MAX || p->id.called.n > CVN_REFERENCE_MAX ||
           p->id.common.n > CVN_REFERENCE_MAX || p->id.additional.n > CVN_ADDITIONAL_MAX;
}

static bool maximum_low(uint16_t octets)
{
    return octets != 0 && octets < X225_TSDU_MAX_LOW;
}

static const char *why_units(const struct cvn_x225 *x, unsigned units)
{
    if ((units & ~(unsigned)x->opt_units) != 0)
        return "a functional unit is asked for that this side does not have";
    if ((units & (CVN_FU_HALF_DUPLEX | CVN_FU_DUPLEX)) == 0)
        return "neither half-duplex nor duplex is among the functional units";
    if ((units & CVN_FU_EXCEPTIONS) != 0 && (units & CVN_FU_HALF_DUPLEX) == 0)
        return "exceptions need half-duplex";
    if ((units & CVN_FU_CAPABILITY) != 0 && (units & CVN_FU_ACTIVITY) == 0)
        return "capability data exchange needs activity management";
    if ((units & CVN_FU_DATA_SEPARATION) != 0 &&
        (units & (CVN_FU_MINOR_SYNC | CVN_FU_SYMMETRIC_SYNC)) == 0)
        return "data separation needs minor or symmetric synchronize";
    return NULL;
}

static const char *why_narrow(const struct cvn_x225 *x, const struct cvn_x225_prim *p)
{
    if (!x->opt_minimal)
        return NULL;
    if (p->id.calling.p != NULL || p->id.called.p != NULL || p->id.common.p != NULL ||
        p->id.additional.p != NULL)
        return "the narrow dialect (peer=minimal) has no references of the connection";
    if (p->tsdu_max_initiator != 0 || p->tsdu_max_responder != 0)
        return "the narrow dialect (peer=minimal) has no TSDU maximum sizes";
    return NULL;
}

/* What is wrong with the values of S-CONNECT, of either side. */
static const char *why_connect_values(const struct cvn_x225 *x, const struct cvn_x225_prim *p)
{
    const char *text = why_narrow(x, p);
    if (text != NULL)
        return text;
    if (references_long(p))
        return "a reference is longer than 64 octets, or the additional one than 4";
    if (p->calling.n > CVN_SSEL_MAX || p->called.n > CVN_SSEL_MAX)
        return "a session selector is longer than 16 octets";
    if ((p->serial != CVN_SERIAL_NONE && p->serial > CVN_SERIAL_MAX) ||
        (p->serial2 != CVN_SERIAL_NONE && p->serial2 > CVN_SERIAL_MAX))
        return "an initial serial number is over 999,999";
    if (maximum_low(p->tsdu_max_initiator) || maximum_low(p->tsdu_max_responder))
        return "a TSDU maximum size is 0 (unlimited) or 64 and more";
    return NULL;
}

static const char *why_offer(const struct cvn_x225 *x, const struct cvn_x225_prim *p)
{
    unsigned units = p->units == 0 ? CVN_FU_DEFAULT : p->units;
    const char *text = why_units(x, units);
    if (text == NULL)
        text = why_connect_values(x, p);
    if (text != NULL)
        return text;
    if (p->id.called.n > 0)
        return "the called reference is the responder's to give";
    if ((units & CVN_FU_ACTIVITY) == 0 && p->serial == CVN_SERIAL_NONE &&
        (units & (CVN_FU_MINOR_SYNC | CVN_FU_SYMMETRIC_SYNC | CVN_FU_MAJOR_SYNC | CVN_FU_RESYNC)) !=
            0)
        return "synchronization without activities needs an initial serial number";
    if (p->simplex)
        return "one-way dialogue needs half-duplex without duplex, and the data token at one side";
    if (p->has_token_setting &&
        !cvn_x225_setting_valid(cvn_x225_tokens_of((uint16_t)units), p->token_setting))
        return "a token is set to the reserved value 3";
    return "a version is asked for that this side does not speak";
}

static const char *why_accept(const struct cvn_x225 *x, const struct cvn_x225_prim *p)
{
    unsigned units = (p->units == 0 ? CVN_FU_DEFAULT : p->units) & x->offer.units;
    unsigned mode = units & (CVN_FU_HALF_DUPLEX | CVN_FU_DUPLEX);
    unsigned sync = units & (CVN_FU_MINOR_SYNC | CVN_FU_SYMMETRIC_SYNC);
    if (mode == 0 || mode == (CVN_FU_HALF_DUPLEX | CVN_FU_DUPLEX))
        return "exactly one of half-duplex and duplex has to be left of what was proposed";
    if (sync == (CVN_FU_MINOR_SYNC | CVN_FU_SYMMETRIC_SYNC))
        return "minor and symmetric synchronize exclude each other: select one";
    const char *text = why_connect_values(x, p);
    if (text != NULL)
        return text;
    if (p->id.calling.n > 0)
        return "the calling reference is the initiator's to give";
    if (p->versions != 0 && (p->versions & x->offer.versions & x->opt_versions) != p->versions)
        return "the version selected was not offered";
    if (p->simplex && (units & CVN_FU_HALF_DUPLEX) == 0)
        return "one-way dialogue needs half-duplex";
    if ((p->tokens & ~(unsigned)cvn_x225_tokens_of((uint16_t)units)) != 0)
        return "a token is asked for that these functional units do not have";
    return "a token that was left to this side is given no place, or synchronization has no "
           "initial "
           "serial number";
}

static const char *why_connect_response(const struct cvn_x225 *x, const struct cvn_x225_prim *p)
{
    if (p->result == CVN_RESULT_ACCEPT)
        return why_accept(x, p);
    if (p->data.n > 0 && p->result != CVN_RF_USER_DATA)
        return "user data goes with the result 2 alone (refused by the user, with user data)";
    if (references_long(p) || p->id.calling.n > 0)
        return "a reference is too long, or the calling one is given, which is the initiator's";
    return "the result is 255, 0 to 2, or 129 to 134";
}

static const char *why_resync_values(const struct cvn_x225 *x, const struct cvn_x225_prim *p)
{
    if (p->type == CVN_RESPONSE)
        return "a token that was left to this side is given no place, or a serial number is over "
               "999,999";
    if (p->resync > CVN_RESYNC_SET)
        return "the type is restart, abandon or set";
    if (p->has_token_setting && !cvn_x225_setting_valid(cvn_x225_available(x), p->token_setting))
        return "a token is set to the reserved value 3";
    return "restart and set need a serial number up to 999,999";
}

static const char *why_values(const struct cvn_x225 *x, const struct cvn_x225_prim *p)
{
    static const char *const texts[CVN_S_SERVICES] = {
        [CVN_S_DATA] = "an SSDU has at least one octet",
        [CVN_S_TYPED_DATA] = "an SSDU has at least one octet",
        [CVN_S_EXPEDITED_DATA] = "an expedited SSDU has 1 to 14 octets",
        [CVN_S_TOKEN_GIVE] = "at least one token has to be named, and nothing else",
        [CVN_S_TOKEN_PLEASE] = "at least one token has to be named, and nothing else",
        [CVN_S_SYNC_MINOR] = "the serial number is over 999,999 or missing",
        [CVN_S_U_EXCEPTION_REPORT] = "the reason is one of 0, 1, 3, 5, 6, 128",
        [CVN_S_ACTIVITY_INTERRUPT] = "the reason is one of 0, 1, 3, 5, 6, 128",
        [CVN_S_ACTIVITY_DISCARD] = "the reason is one of 0, 1, 3, 5, 6, 128",
        [CVN_S_ACTIVITY_START] = "an activity identifier has 1 to 6 octets",
        [CVN_S_ACTIVITY_RESUME] =
            "two activity identifiers of 1 to 6 octets and a serial number up "
            "to 999,999 are needed, references have at most 64 octets",
        [CVN_S_RELEASE] = "the result is 255 (affirmative) or 0 (negative)",
    };
    if (p->data.n > 0 && p->data.p == NULL)
        return "user data is announced and not given";
    if (p->service == CVN_S_CONNECT)
        return p->type == CVN_REQUEST ? why_offer(x, p) : why_connect_response(x, p);
    if (p->service == CVN_S_RESYNCHRONIZE)
        return why_resync_values(x, p);
    assert(texts[p->service] != NULL); /* no other has a value that can be wrong */
    return texts[p->service];
}

static const char *why_size(const struct cvn_x225_prim *p)
{
    switch (p->service) {
    case CVN_S_EXPEDITED_DATA:
        return "an expedited SSDU has 1 to 14 octets";
    case CVN_S_U_ABORT:
        return "protocol version 1 carries at most 9 octets of user data in S-U-ABORT";
    case CVN_S_TOKEN_GIVE:
    case CVN_S_CONTROL_GIVE:
    case CVN_S_ACTIVITY_INTERRUPT:
    case CVN_S_ACTIVITY_DISCARD:
        return "protocol version 1 carries no user data in this service";
    default:
        return "protocol version 1 carries at most 512 octets of user data";
    }
}

static const char *why_one_way(const struct cvn_x225_ev *e)
{
    return e->id == X225_EV_SDTreq
               ? "one-way dialogue: this side listens"
               : "one-way dialogue: the data token stays where S-CONNECT has put it";
}

static const char *why_refused(const struct cvn_x225 *x, const struct cvn_x225_ev *e,
                               const struct cvn_x225_prim *p, int rc)
{
    const char *unit = x->version != 0 && rc != CVN_EPERM ? why_unit(x, p) : NULL;
    if (unit != NULL)
        return unit;
    switch (rc) {
    case CVN_ETOOBIG:
        return why_size(p);
    case CVN_EPERM:
        return why_one_way(e);
    case CVN_ESTATE:
        return "with a major point or activity end at hand both flows have to be resynchronized, "
               "by "
               "its requestor not by restart";
    default:
        return why_values(x, p);
    }
}

static bool over(int32_t serial)
{
    return serial > (int32_t)CVN_SERIAL_MAX;
}

/* The table allows it, and the provider has no number left to give. */
static const char *why_no_number(const struct cvn_x225 *x, const struct cvn_x225_ev *e)
{
    bool ss = cvn_x225_fu(x, CVN_FU_SYMMETRIC_SYNC);
    bool none = false;
    switch (e->id) {
    case X225_EV_SSYNmreq:
    case X225_EV_SSYNmdreq:
        none = over(x->vm);
        break;
    case X225_EV_SSYNMreq:
    case X225_EV_SACTEreq:
        none = over(x->vm) || (ss && over(x->vmr));
        break;
    case X225_EV_SSYNMrsp:
    case X225_EV_SACTErsp:
        none = ss && over(x->vm);
        break;
    case X225_EV_SRSYNreq_a:
    case X225_EV_SRSYNreq_r:
    case X225_EV_SRSYNreq_s:
        none = over(e->sn_s) || (e->rsp_r != X225_RSP_NO && over(e->sn_r));
        break;
    default:
        break;
    }
    return none ? used_up : NULL;
}

static const char *why_connect_request(const struct cvn_x225 *x, const struct cvn_x225_prim *p)
{
    struct cvn_x225_offer o;
    if (x->state != CVN_STA01 && x->state != CVN_STA01C)
        return why_connect(x);
    switch (cvn_x225_offer_check(x, p, &o)) {
    case CVN_OK:
        return NULL;
    case CVN_ETOOBIG:
        return why_size(p);
    default:
        return why_offer(x, p);
    }
}

static const char *why_slice(const struct cvn_x225 *x, const struct cvn_x225_ev *e)
{
    if (!cvn_x225_slice_fits(x, e))
        return e->prim->begin ? "an SSDU has been begun and not ended"
                              : "no such SSDU has been begun";
    if (!cvn_x225_slice_empty(x, e))
        return NULL;
    const char *unit = x->version != 0 ? why_unit(x, e->prim) : NULL;
    return unit != NULL ? unit : "an SSDU has at least one octet";
}

/* An SSDU that is being given in slices, and a response given early, stand before all else. */
static const char *why_begun(const struct cvn_x225 *x, const struct cvn_x225_ev *e)
{
    if (e->id == X225_EV_SDTreq || e->id == X225_EV_STDreq)
        return why_slice(x, e);
    if (e->id == X225_EV_SUABreq)
        return NULL;
    if (cvn_x225_streaming(x) && e->id != X225_EV_SEXreq)
        return "an SSDU has been begun and not ended";
    return x->release_held ? "the response to S-RELEASE has been given" : NULL;
}

const char *cvn_x225_why(const struct cvn_x225 *x, const struct cvn_x225_prim *p)
{
    struct cvn_x225_prim copy = *p;
    struct cvn_x225_ev e;
    if ((unsigned)p->service >= CVN_S_SERVICES)
        return "there is no such service";
    cvn_x225_ev_init(&e, 0);
    int rc = cvn_x225_request_event(x, &copy, &e);
    if (rc == CVN_EINVAL && e.prim == NULL && (p->data.n == 0 || p->data.p != NULL))
        return "the service has no such primitive for a user";
    if (rc == CVN_OK)
        rc = cvn_x225_simplex_check(x, &e);
    if (rc != CVN_OK)
        return why_refused(x, &e, p, rc);
    const char *text = why_begun(x, &e);
    if (text != NULL)
        return text;
    if (e.id == X225_EV_SCONreq) {
        text = why_connect_request(x, p);
        if (text != NULL)
            return text;
    }
    unsigned rank = cvn_x225_obstacle(x, &e);
    if (cvn_x225_release_early(x, &e))
        return NULL;
    if (rank == X225_TRUE)
        return why_no_number(x, &e);
    return why_cell(x, p, rank);
}
