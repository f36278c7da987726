/* SPDX-License-Identifier: MIT */
/*
 * x225 - the session protocol machine of ITU-T X.225 / ISO 8327-1, Annex A, on the
 * tables that gen.py makes of x225.csv, read as A.4 says. Here: an event takes a row; requests,
 * transport events and time become events; what a row cannot tell (A.4.1, the
 * replay of [6], SSDUs in slices, a release answered early).
 *
 * Invariants
 *   M1 to M4 of machine.h
 *   M5  in STA01 and STA01C the variables of A.5 are those of no session connection.
 *   M6  memory that only one state needs is given back when the next call finds another.
 */
#include <assert.h>
#include <string.h>

#include "proto/x225/machine.h"
#include "proto/x225/x225_table.h"

#define TIM_DEFAULT   30000000000u
#define SSDU_DEFAULT  (1u << 20)
#define NOT_STREAMING 0xffu /* no enum cvn_spdu_type */

static void stop(struct cvn_x225 *x)
{
    cvn_x225_queue_clear(x);
    x->streaming = NOT_STREAMING;
    x->stream_unsent = false;
    x->please_due = 0;
    x->release_held = false;
}

/* M5 */
static void session_end(struct cvn_x225 *x)
{
    stop(x);
    x->tim = CVN_NEVER;
    x->units = 0;
    x->version = 0;
    x->owned = 0;
    x->vcoll = x->vdnr = x->vact = x->vnextact = x->vsc = false;
    x->discard_rcv = x->discard_snd = false;
    x->vrsp = x->vrsps = x->vrspr = X225_RSP_NO;
    x->va = x->vm = x->vr = x->var = x->vmr = x->vrr = 0;
    x->vado = x->vadi = -1;
    x->simplex = false;
    x->send_max = 0;
    x->concatenate = false;
    x->in.version2 = (x->opt_versions & 2u) != 0;
    x->in.segmented = false;
    x->in.extended = x->opt_extended;
}

/* M1 */
void cvn_x225_goto(struct cvn_x225 *x, uint8_t next)
{
    x->loose = x->loose || next != x->state;
    x->state = next;
    switch (next) {
    case CVN_STA01:
        session_end(x);
        x->in_stale = true;
        x->loose = true;
        break;
    case CVN_STA01C:
        session_end(x);
        break;
    case CVN_STA01A:
    case CVN_STA16:
        stop(x);
        break;
    default:
        break;
    }
}

static void saved_free(struct cvn_x225 *x)
{
    cvn_free(x->alloc, x->saved, x->saved_size);
    x->saved = NULL;
}

static void rest_free(struct cvn_x225 *x)
{
    cvn_free(x->alloc, x->rest, x->rest_size);
    x->rest = NULL;
}

/* Every call begins here: what the last indication pointed at may go (M6). */
void cvn_x225_settle(struct cvn_x225 *x, cvn_time now)
{
    x->now = now;
    if (!x->loose)
        return;
    x->loose = false;
    if (x->state != CVN_STA01D)
        cvn_x225_keep_drop(x);
    if (x->state != CVN_STA01B && x->state != CVN_STA09)
        saved_free(x);
    if (x->state != CVN_STA01B && x->state != CVN_STA02B)
        rest_free(x);
    if (x->in_stale) {
        struct cvn_tsdu_in old = x->in;
        cvn_tsdu_in_fini(&old);
        cvn_tsdu_in_init(&x->in, x->alloc, x->ssdu_bytes_max);
        x->in.version2 = old.version2;
        x->in.segmented = old.segmented;
        x->in.extended = old.extended;
        x->in_stale = false;
    }
}

void cvn_x225_ev_init(struct cvn_x225_ev *e, uint8_t id)
{
    memset(e, 0, offsetof(struct cvn_x225_ev, stage));
    e->id = id;
    e->sn = -1;
    e->sn_s = -1;
    e->sn_r = -1;
    e->used = CVN_SERIAL_NONE;
    e->used2 = CVN_SERIAL_NONE;
    e->refusal = CVN_RESULT_ACCEPT;
    e->stage.count = 0;
}

static unsigned bits_of(uint32_t v)
{
    v -= v >> 1 & 0x55555555u;
    v = (v & 0x33333333u) + (v >> 2 & 0x33333333u);
    return ((v + (v >> 4)) & 0x0f0f0f0fu) * 0x01010101u >> 24;
}

/* The rows of a cell; NULL: it has none. The last of them says so. */
static const struct cvn_x225_row *cell(unsigned state, unsigned event)
{
    const struct cvn_x225_cells *c = &cvn_x225_cells[state][event / 32];
    uint32_t bit = (uint32_t)1 << event % 32;
    if ((c->there & bit) == 0)
        return NULL;
    return &cvn_x225_rows[cvn_x225_first[c->before + bits_of(c->there & (bit - 1))]];
}

/* The row of the cell that is true; else *rank says what is in the way. */
static const struct cvn_x225_row *find(struct cvn_x225 *x, const struct cvn_x225_ev *e,
                                       unsigned *rank)
{
    const struct cvn_x225_row *found = NULL;
    const struct cvn_x225_row *row = cell(x->state, e->id);

    *rank = X225_NO_ROW;
    for (bool more = row != NULL; more; row++) {
        unsigned r = cvn_x225_predicate(x, e, row->program);
        cvn_x225_looked_at(row);
        more = !row->last;
        if (r != X225_TRUE) {
            *rank = r < *rank ? r : *rank;
        } else {
            x->ambiguous |= found != NULL;
            found = row;
        }
    }
    return found;
}

unsigned cvn_x225_obstacle(const struct cvn_x225 *x, const struct cvn_x225_ev *e)
{
    const struct cvn_x225_row *row = cell(x->state, e->id);
    unsigned rank = X225_NO_ROW;
    for (bool more = row != NULL; more; row++) {
        unsigned r = cvn_x225_predicate(x, e, row->program);
        cvn_x225_looked_at(row);
        more = !row->last;
        rank = r < rank ? r : rank;
    }
    return rank;
}

static int refusal(unsigned rank)
{
    switch (rank) {
    case X225_SERIAL:
        return CVN_ESERIAL;
    case X225_TOKEN:
        return CVN_ETOKEN;
    case X225_UNIT:
        return CVN_EUNIT;
    default:
        return CVN_ESTATE;
    }
}

static bool is_indication(uint8_t output)
{
    return output >= X225_INDICATION_FIRST && output < X225_TRANSPORT_FIRST;
}

/* Things for the transport that a row makes at most. */
static unsigned items_of(const struct cvn_x225 *x, const struct cvn_x225_row *row)
{
    unsigned n = 0;
    for (unsigned i = 0; i < sizeof row->output; i++) {
        uint8_t o = row->output[i];
        bool prepare = o == X225_OUT_PR_AB || o == X225_OUT_PR_MAA || o == X225_OUT_PR_RA ||
                       o == X225_OUT_PR_RS;
        if (o != X225_OUT_none && !is_indication(o) && (!prepare || x->texp))
            n++;
    }
    return n;
}

static int stage_outputs(struct cvn_x225 *x, struct cvn_x225_ev *e, const struct cvn_x225_row *row)
{
    unsigned n = items_of(x, row);
    int room = n > 0 ? cvn_x225_room(x, n) : CVN_OK;
    if (room != CVN_OK)
        return room;
    e->stage.version2 = x->version == 2;
    for (unsigned i = 0; i < sizeof row->output; i++) {
        uint8_t o = row->output[i];
        if (o == X225_OUT_none || is_indication(o))
            continue;
        int rc = cvn_x225_output(x, e, o);
        if (rc != CVN_OK) {
            cvn_x225_stage_drop(x, &e->stage);
            return rc;
        }
    }
    return CVN_OK;
}

/* The user is told at once, or by cvn_x225_next() where no primitive can be given: then it can
 * only be S-P-ABORT. */
static void tell(struct cvn_x225 *x, struct cvn_x225_ev *e, uint8_t output)
{
    struct cvn_x225_prim later;
    if (e->ind != NULL) {
        cvn_x225_indicate(x, e, output);
        return;
    }
    assert(output == X225_OUT_SPABind);
    e->ind = &later;
    cvn_x225_indicate(x, e, output);
    e->ind = NULL;
    x->p_abort_due = true;
    x->p_abort_reason = later.reason;
    x->p_abort_why = later.why;
}

/* An SSDU that the user has begun is void where its next slice would be refused. */
static void stream_check(struct cvn_x225 *x)
{
    struct cvn_x225_ev e;
    unsigned rank;
    if (x->streaming == NOT_STREAMING)
        return;
    cvn_x225_ev_init(&e, x->streaming == CVN_SPDU_DT ? X225_EV_SDTreq : X225_EV_STDreq);
    if (find(x, &e, &rank) == NULL)
        x->streaming = NOT_STREAMING;
}

/* M2. CVN_OK; a refusal; CVN_FULL and what an output may return. */
static int fire(struct cvn_x225 *x, struct cvn_x225_ev *e)
{
    unsigned rank;
    const struct cvn_x225_row *row = find(x, e, &rank);
    if (row == NULL)
        return refusal(rank);
    int rc = stage_outputs(x, e, row);
    if (rc != CVN_OK)
        return rc;
    cvn_x225_taken(row);
    if (e->prim != NULL && e->prim->more)
        cvn_x225_stage_more(x, &e->stage);
    for (unsigned i = 0; i < sizeof row->action && row->action[i] != X225_ACT_none; i++)
        cvn_x225_action(x, e, row->action[i]);
    cvn_x225_stage_queue(x, &e->stage);
    cvn_x225_goto(x, row->next);
    for (unsigned i = 0; i < sizeof row->output; i++) {
        if (is_indication(row->output[i]))
            tell(x, e, row->output[i]);
    }
    stream_check(x);
    return CVN_OK;
}

/* A.4.1, transport: the connection is of no use any more. */
static void disconnect(struct cvn_x225 *x)
{
    struct cvn_x225_stage st = {.count = 0};
    (void)cvn_x225_stage_item(&st, CVN_X225_T_DISCONNECT);
    cvn_x225_stage_queue(x, &st);
    cvn_x225_goto(x, CVN_STA01);
}

/* Part of an SSDU has gone out in a TSDU of its own. To end that TSDU, so that another may follow,
 * would have the peer's user take for whole what is not: the transport connection ends instead, and
 * that user gets S-P-ABORT. On the expedited flow, and with segmentation, no such TSDU stands in the
 * way of an ABORT. */
static bool in_the_way(const struct cvn_x225 *x)
{
    return x->wire_open && !x->texp;
}

/* A.4.1 rule 2: ER if it is allowed and wanted, else AB and S-P-ABORT. */
static int answer_error(struct cvn_x225 *x, struct cvn_octets reflect, const char *why,
                        struct cvn_x225_prim *ev)
{
    struct cvn_x225_stage st = {.count = 0};
    if (cvn_x225_error_report(x) && reflect.n > 0 && !x->wire_open) {
        cvn_x225_stage_report(x, &st, reflect);
        cvn_x225_stage_queue(x, &st);
        cvn_tsdu_in_purge(&x->in);
        cvn_x225_goto(x, CVN_STA20);
        stream_check(x);
        cvn_x225_prim_init(ev, CVN_S_P_EXCEPTION_REPORT, CVN_INDICATION);
        ev->reason = CVN_ABORT_PROTOCOL;
    } else if (in_the_way(x)) {
        disconnect(x);
        cvn_x225_prim_init(ev, CVN_S_P_ABORT, CVN_INDICATION);
        ev->reason = CVN_ABORT_PROTOCOL;
    } else {
        bool keep = cvn_x225_reusable(x);
        cvn_x225_stage_abort(x, &st, keep, CVN_TD_PROTOCOL, reflect);
        cvn_x225_stage_queue(x, &st);
        cvn_x225_timer_start(x);
        cvn_tsdu_in_purge(&x->in);
        cvn_x225_goto(x, keep ? CVN_STA01A : CVN_STA16);
        cvn_x225_prim_init(ev, CVN_S_P_ABORT, CVN_INDICATION);
        ev->reason = CVN_ABORT_PROTOCOL;
    }
    ev->why = why;
    ev->reflected = reflect;
    return CVN_EVENT;
}

/* A.4.1: something the peer sent has no entry, or is no SPDU. */
int cvn_x225_invalid(struct cvn_x225 *x, struct cvn_octets reflect, const char *why,
                     struct cvn_x225_prim *ev)
{
    switch (x->state) {
    case CVN_STA01:
    case CVN_STA01B:
    case CVN_STA01A:
    case CVN_STA15D:
    case CVN_STA16:
        return CVN_MORE;
    case CVN_STA01C:
    case CVN_STA01D:
        disconnect(x);
        return CVN_MORE;
    default:
        return answer_error(x, reflect, why, ev);
    }
}

/* 6.3 of the sheet: the DN given early goes out once the peer's has come. */
static void release_now(struct cvn_x225 *x)
{
    struct cvn_x225_ev e;
    cvn_x225_ev_init(&e, X225_EV_SRELrsp_pos);
    e.local = true;
    int rc = fire(x, &e);
    assert(rc == CVN_OK);
    (void)rc;
    x->release_held = false;
}

/* One received event through the table; CVN_EVENT or CVN_MORE. */
int cvn_x225_receive(struct cvn_x225 *x, struct cvn_x225_ev *e, struct cvn_octets reflect,
                     struct cvn_x225_prim *ev)
{
    e->ind = ev;
    int rc = fire(x, e);
    assert(rc != CVN_FULL && rc != CVN_ENOMEM); /* room was made; what is sent is small */
    if (rc != CVN_OK)
        return cvn_x225_invalid(
            x, reflect,
            rc == CVN_ESERIAL  ? "a serial number out of order (X.225 A.5)"
            : rc == CVN_ETOKEN ? "the peer has not the token that this needs (X.225 A.5)"
            : rc == CVN_EUNIT  ? "the functional unit was not agreed (X.225 A.5)"
                               : "not to be received in this state (X.225 A.4.1)",
            ev);
    if (e->id == X225_EV_AC)
        x->please_due = e->agreed.token_item;
    if (e->id == X225_EV_DN && x->release_held)
        release_now(x);
    return e->given ? CVN_EVENT : CVN_MORE;
}

static int replay_one(struct cvn_x225 *x, struct cvn_x225_prim *ev)
{
    struct cvn_x225_ev e;
    x->given = x->queue[0];
    x->queue_len--;
    x->replay--;
    memmove(&x->queue[0], &x->queue[1], x->queue_len * sizeof *x->queue);
    cvn_x225_ev_init(&e, x->given.event);
    e.held = &x->given;
    int rc = cvn_x225_receive(x, &e, (struct cvn_octets){NULL, 0}, ev);
    if (x->queue_len == 0)
        cvn_x225_queue_clear(x);
    return rc;
}

int cvn_x225_pump(struct cvn_x225 *x, struct cvn_x225_prim *ev)
{
    if (x->p_abort_due) {
        cvn_x225_prim_init(ev, CVN_S_P_ABORT, CVN_INDICATION);
        ev->reason = x->p_abort_reason;
        ev->why = x->p_abort_why;
        x->p_abort_due = false;
        return CVN_EVENT;
    }
    while (x->please_due != 0 || x->replay > 0) {
        int rc = cvn_x225_room(x, X225_ROOM);
        if (rc != CVN_OK)
            return rc;
        if (x->please_due != 0) {
            struct cvn_x225_ev e;
            cvn_x225_ev_init(&e, X225_EV_PT);
            e.tokens = x->please_due;
            x->please_due = 0;
            rc = cvn_x225_receive(x, &e, (struct cvn_octets){NULL, 0}, ev);
        } else {
            rc = replay_one(x, ev);
        }
        if (rc == CVN_EVENT)
            return rc;
    }
    return CVN_NONE;
}

int cvn_x225_next(struct cvn_x225 *x, struct cvn_x225_prim *ev, cvn_time now)
{
    cvn_x225_settle(x, now);
    return cvn_x225_pump(x, ev) == CVN_EVENT ? CVN_EVENT : CVN_NONE;
}

/* S-CONNECT request: the offer, CN as octets while there is no transport connection, and what
 * is over 10,240 octets of user data, followed by room for one CDO of them. */
static int rest_keep(struct cvn_x225 *x, const struct cvn_x225_prim *p)
{
    size_t n = p->data.n - X225_CN_DATA_MAX;
    size_t cdo = n + X225_CDO_HEAD < CVN_SPDU_MAX ? n + X225_CDO_HEAD : CVN_SPDU_MAX;
    if (n > UINT32_MAX - CVN_SPDU_MAX)
        return CVN_ETOOBIG;
    uint8_t *rest = cvn_new(x->alloc, n + cdo);
    if (rest == NULL)
        return CVN_ENOMEM;
    memcpy(rest, p->data.p + X225_CN_DATA_MAX, n);
    x->rest = rest;
    x->rest_len = (uint32_t)n;
    x->rest_size = (uint32_t)(n + cdo);
    return CVN_OK;
}

static int connect_prepared(struct cvn_x225 *x, struct cvn_x225_ev *e)
{
    int rc = e->overflow ? rest_keep(x, e->prim) : CVN_OK;
    if (rc == CVN_OK && x->state == CVN_STA01)
        rc = cvn_x225_connect_block(x, e, &x->saved, &x->saved_size);
    if (rc == CVN_OK)
        rc = fire(x, e);
    if (rc != CVN_OK) {
        rest_free(x);
        saved_free(x);
    }
    return rc;
}

static int connect_request(struct cvn_x225 *x, struct cvn_x225_ev *e)
{
    struct cvn_x225_offer before = x->offer;
    if (x->state != CVN_STA01 && x->state != CVN_STA01C)
        return CVN_ESTATE;
    int rc = cvn_x225_offer_check(x, e->prim, &x->offer);
    if (rc == CVN_OK)
        rc = connect_prepared(x, e);
    if (rc != CVN_OK) {
        x->offer = before;
        return rc;
    }
    x->in.version2 = (x->offer.versions & 2u) != 0;
    return CVN_OK;
}

bool cvn_x225_streaming(const struct cvn_x225 *x)
{
    return x->streaming != NOT_STREAMING;
}

static uint8_t stream_type(const struct cvn_x225_ev *e)
{
    return e->id == X225_EV_SDTreq ? CVN_SPDU_DT : CVN_SPDU_TD;
}

bool cvn_x225_slice_fits(const struct cvn_x225 *x, const struct cvn_x225_ev *e)
{
    return e->prim->begin ? x->streaming == NOT_STREAMING : x->streaming == stream_type(e);
}

/* The SSDU would end without an octet. */
bool cvn_x225_slice_empty(const struct cvn_x225 *x, const struct cvn_x225_ev *e)
{
    return e->prim->end && e->prim->data.n == 0 && (e->prim->begin || x->stream_unsent);
}

/* S-DATA, S-TYPED-DATA: slices of one SSDU follow each other. */
static int stream_request(struct cvn_x225 *x, struct cvn_x225_ev *e)
{
    const struct cvn_x225_prim *p = e->prim;
    if (!cvn_x225_slice_fits(x, e))
        return CVN_ESTATE;
    if (cvn_x225_slice_empty(x, e))
        return CVN_EINVAL;
    int rc = fire(x, e);
    if (rc != CVN_OK)
        return rc;
    x->stream_unsent = (p->begin || x->stream_unsent) && p->data.n == 0;
    x->streaming = p->end ? NOT_STREAMING : stream_type(e);
    return CVN_OK;
}

bool cvn_x225_release_early(const struct cvn_x225 *x, const struct cvn_x225_ev *e)
{
    return e->id == X225_EV_SRELrsp_pos && x->state == CVN_STA09 && x->vcoll && x->vtca;
}

/* 6.3 of the sheet: after a collision the acceptor's DN waits for the initiator's. */
static int release_early(struct cvn_x225 *x, struct cvn_x225_ev *e)
{
    if (!cvn_x225_release_early(x, e))
        return CVN_ESTATE;
    struct cvn_spdu s;
    cvn_spdu_init(&s, CVN_SPDU_DN);
    int rc = cvn_x225_narrow(x, &s, e->prim->data);
    if (rc == CVN_OK)
        rc = cvn_x225_block(x, &s, e->prim->data, x->version == 2, &x->saved, &x->saved_size);
    if (rc != CVN_OK)
        return rc;
    x->release_held = true;
    return CVN_OK;
}

static int abort_request(struct cvn_x225 *x, struct cvn_x225_ev *e)
{
    if (!in_the_way(x))
        return fire(x, e);
    int rc = cvn_x225_room(x, 1);
    if (rc != CVN_OK)
        return rc;
    disconnect(x);
    return CVN_OK;
}

static int request(struct cvn_x225 *x, struct cvn_x225_ev *e)
{
    if (e->id == X225_EV_SCONreq)
        return connect_request(x, e);
    if (e->id == X225_EV_SUABreq)
        return abort_request(x, e);
    if (e->id == X225_EV_SDTreq || e->id == X225_EV_STDreq)
        return stream_request(x, e);
    /* An SSDU is finished before anything else goes out on the normal flow. */
    if (x->streaming != NOT_STREAMING && e->id != X225_EV_SEXreq)
        return CVN_ESTATE;
    if (x->release_held)
        return CVN_ESTATE;
    int rc = fire(x, e);
    if (rc == CVN_ESTATE)
        rc = release_early(x, e);
    return rc;
}

int cvn_x225_request(struct cvn_x225 *x, struct cvn_x225_prim *p, cvn_time now)
{
    struct cvn_x225_ev e;
    cvn_x225_settle(x, now);
    int rc = cvn_x225_request_event(x, p, &e);
    if (rc == CVN_OK)
        rc = cvn_x225_simplex_check(x, &e);
    if (rc == CVN_OK)
        rc = request(x, &e);
    if (rc != CVN_OK)
        return rc;
    cvn_x225_simplex_begin(x, &e);
    if (p->optimized_dialogue && (e.id == X225_EV_SCONreq || e.id == X225_EV_SCONrsp_pos))
        x->in.extended = !x->opt_minimal;
    if (e.used != CVN_SERIAL_NONE)
        p->serial = e.used;
    if (e.used2 != CVN_SERIAL_NONE)
        p->serial2 = e.used2;
    return CVN_OK;
}

/* What is still queued belongs to a transport connection that is gone. */
static void room_for_transport(struct cvn_x225 *x)
{
    if (cvn_x225_room(x, X225_ROOM) == CVN_ENOMEM || cvn_x225_room(x, 1) != CVN_OK)
        cvn_x225_ring_clear(x);
}

int cvn_x225_transport_up(struct cvn_x225 *x, bool acceptor, bool expedited, cvn_time now)
{
    struct cvn_x225_ev e;
    cvn_x225_settle(x, now);
    if (x->state != (acceptor ? CVN_STA01 : CVN_STA01B))
        return CVN_ESTATE;
    room_for_transport(x);
    x->texp = expedited;
    cvn_x225_ev_init(&e, acceptor ? X225_EV_TCONind : X225_EV_TCONcnf);
    e.overflow = x->rest != NULL;
    int rc = fire(x, &e);
    assert(rc == CVN_OK);
    return rc;
}

int cvn_x225_transport_down(struct cvn_x225 *x, cvn_time now)
{
    struct cvn_x225_ev e;
    cvn_x225_settle(x, now);
    if (x->state == CVN_STA01)
        return CVN_ESTATE;
    cvn_x225_ring_clear(x);
    cvn_x225_ev_init(&e, X225_EV_TDISind);
    int rc = fire(x, &e);
    assert(rc == CVN_OK); /* every state but STA01 has a row */
    return rc;
}

cvn_time cvn_x225_deadline(const struct cvn_x225 *x)
{
    return x->tim;
}

void cvn_x225_timer_start(struct cvn_x225 *x)
{
    x->tim = x->now >= CVN_NEVER - 1 - x->tim_ns ? CVN_NEVER - 1 : x->now + x->tim_ns;
}

void cvn_x225_tick(struct cvn_x225 *x, cvn_time now)
{
    struct cvn_x225_ev e;
    cvn_x225_settle(x, now);
    if (x->tim == CVN_NEVER || now < x->tim)
        return;
    x->tim = CVN_NEVER;
    room_for_transport(x);
    cvn_x225_ev_init(&e, X225_EV_TIM);
    int rc = fire(x, &e);
    assert(rc == CVN_OK);
    (void)rc;
}

enum cvn_x225_state cvn_x225_state(const struct cvn_x225 *x)
{
    return (enum cvn_x225_state)x->state;
}

void cvn_x225_vars(const struct cvn_x225 *x, struct cvn_x225_vars *v)
{
    *v = (struct cvn_x225_vars){
        .state = (enum cvn_x225_state)x->state,
        .initiator = !x->vtca,
        .vtca = x->vtca,
        .vtrr = x->vtrr,
        .vcoll = x->vcoll,
        .vdnr = x->vdnr,
        .vact = x->vact,
        .vnextact = x->vnextact,
        .vsc = x->vsc,
        .texp = x->texp,
        .units = x->units,
        .version = x->version,
        .tokens_available = cvn_x225_available(x),
        .tokens_owned = x->owned,
        .va = (uint32_t)x->va,
        .vm = (uint32_t)x->vm,
        .vr = (uint32_t)x->vr,
        .var = (uint32_t)x->var,
        .vmr = (uint32_t)x->vmr,
        .vrr = (uint32_t)x->vrr,
        .queued = x->queue_len,
    };
}

static bool opts_valid(const struct cvn_x225_opts *o)
{
    return (!o->minimal || o->versions != 1) && (o->units & ~CVN_FU_ALL) == 0 &&
           (o->versions & ~3u) == 0 &&
           (o->tsdu_max_send == 0 || o->tsdu_max_send >= X225_TSDU_MAX_LOW) &&
           (o->tsdu_max_receive == 0 || o->tsdu_max_receive >= X225_TSDU_MAX_LOW);
}

int cvn_x225_new(struct cvn_x225 **out, const struct cvn_x225_opts *opts)
{
    if (opts == NULL || !opts_valid(opts))
        return CVN_EINVAL;
    const struct cvn_alloc *alloc = opts->alloc != NULL ? opts->alloc : cvn_alloc_std();
    struct cvn_x225 *x = cvn_new(alloc, sizeof *x);
    if (x == NULL)
        return CVN_ENOMEM;
    x->alloc = alloc;
    x->tim_ns = opts->tim_ns != 0 ? opts->tim_ns : TIM_DEFAULT;
    x->opt_units = opts->units != 0 ? opts->units : CVN_FU_ALL;
    x->opt_versions = opts->versions != 0 ? opts->versions : 3;
    x->opt_versions &= opts->minimal ? 2u : 3u;
    x->opt_minimal = opts->minimal;
    x->opt_extended = opts->extended && !opts->minimal;
    x->opt_reuse = opts->reuse;
    x->opt_error_report = opts->error_report;
    x->opt_tsdu_max_send = opts->tsdu_max_send;
    x->opt_tsdu_max_receive = opts->tsdu_max_receive;
    x->ssdu_bytes_max = opts->ssdu_bytes_max != 0 ? opts->ssdu_bytes_max : SSDU_DEFAULT;
    cvn_x225_ring_init(x);
    cvn_tsdu_in_init(&x->in, alloc, x->ssdu_bytes_max);
    session_end(x);
    *out = x;
    return CVN_OK;
}

void cvn_x225_free(struct cvn_x225 *x)
{
    if (x == NULL)
        return;
    cvn_x225_ring_clear(x);
    cvn_x225_queue_clear(x);
    cvn_x225_keep_drop(x);
    saved_free(x);
    rest_free(x);
    cvn_tsdu_in_fini(&x->in);
    cvn_free(x->alloc, x, sizeof *x);
}
