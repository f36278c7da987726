/* SPDX-License-Identifier: MIT */
/*
 * x225_allowed - what a user may ask for now: the cell of the table is evaluated for each way in
 * which the parameters of a service can matter to it (which token, which type, which number).
 *
 * Invariants
 *   L1  nothing here changes the machine.
 */
#include "proto/x225/machine.h"
#include "proto/x225/x225_table.h"

/* The less it is, the less is in the way. */
static unsigned distance(int rc)
{
    static const int order[] = {CVN_OK, CVN_ESERIAL, CVN_ETOKEN, CVN_EPERM, CVN_ESTATE, CVN_EUNIT};
    unsigned i = 0;
    while (i < sizeof order / sizeof order[0] && order[i] != rc)
        i++;
    return i;
}

static int refusal_of(unsigned rank)
{
    switch (rank) {
    case X225_TRUE:
        return CVN_OK;
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

static bool in_order(const struct cvn_x225 *x, const struct cvn_x225_ev *e)
{
    if (e->id == X225_EV_SDTreq || e->id == X225_EV_STDreq)
        return cvn_x225_slice_fits(x, e);
    if (e->id == X225_EV_SUABreq)
        return true;
    if (cvn_x225_streaming(x) && e->id != X225_EV_SEXreq)
        return false;
    return !x->release_held;
}

/* What cvn_x225_request() would say, if it is not for the provider's numbers or for memory. */
static int judge(const struct cvn_x225 *x, struct cvn_x225_prim *p)
{
    struct cvn_x225_ev e;
    int rc = cvn_x225_request_event(x, p, &e);
    if (rc == CVN_OK)
        rc = cvn_x225_simplex_check(x, &e);
    if (rc != CVN_OK)
        return rc;
    if (!in_order(x, &e) ||
        (e.id == X225_EV_SCONreq && x->state != CVN_STA01 && x->state != CVN_STA01C))
        return CVN_ESTATE;
    rc = refusal_of(cvn_x225_obstacle(x, &e));
    return rc == CVN_ESTATE && cvn_x225_release_early(x, &e) ? CVN_OK : rc;
}

struct asking {
    const struct cvn_x225 *x;
    struct cvn_x225_prim p;
    int best;
};

static void try(struct asking *a)
{
    struct cvn_x225_prim p = a->p;
    int rc = judge(a->x, &p);
    if (distance(rc) < distance(a->best))
        a->best = rc;
}

static void try_tokens(struct asking *a)
{
    for (unsigned t = CVN_TOKEN_DATA; t <= CVN_TOKEN_RELEASE; t <<= 2) {
        a->p.tokens = (uint8_t)t;
        try(a);
    }
}

static void try_serial(struct asking *a, int32_t serial)
{
    a->p.serial = serial < 0 ? CVN_SERIAL_NONE : (uint32_t)serial;
    try(a);
}

static void try_minor(struct asking *a)
{
    const struct cvn_x225 *x = a->x;
    if (a->p.type == CVN_REQUEST) {
        try(a);
        a->p.separation = true;
        try(a);
        return;
    }
    for (int32_t back = 1; back <= 2; back++) { /* the last may be a major point's */
        try_serial(a, x->vm - back);
        try_serial(a, x->vmr - back);
    }
    try_serial(a, x->va);
    try_serial(a, x->var);
    try_serial(a, 0);
}

static void try_resync(struct asking *a)
{
    static const uint8_t types[] = {CVN_RESYNC_RESTART, CVN_RESYNC_ABANDON, CVN_RESYNC_SET,
                                    CVN_RESYNC_NONE};
    if (a->p.type == CVN_RESPONSE) {
        unsigned rest = cvn_x225_setting_now(a->x) & ~(CVN_TOKEN_DATA * 3u);
        try(a);
        a->p.has_token_setting = true; /* the data token where a one-way dialogue has it */
        a->p.token_setting = (uint8_t)(rest | a->x->simplex_side);
        try(a);
        return;
    }
    a->p.serial = a->x->vr < 0 ? 0 : (uint32_t)a->x->vr;
    a->p.serial2 = a->x->vrr < 0 ? 0 : (uint32_t)a->x->vrr;
    for (unsigned i = 0; i < 3; i++) {
        a->p.resync = types[i];
        for (unsigned k = 0; k < 4; k++) {
            a->p.resync2 = types[k];
            try(a);
        }
    }
}

/* Of what was proposed, or what this side has: one mode, one kind of points. */
static uint16_t some_units(unsigned units)
{
    if ((units & CVN_FU_DUPLEX) != 0)
        units &= ~(unsigned)(CVN_FU_HALF_DUPLEX | CVN_FU_EXCEPTIONS);
    if ((units & CVN_FU_MINOR_SYNC) != 0)
        units &= ~(unsigned)CVN_FU_SYMMETRIC_SYNC;
    return (uint16_t)units;
}

static void try_connect(struct asking *a)
{
    a->p.units = some_units(a->p.type == CVN_REQUEST ? a->x->opt_units : a->x->offer.units);
    a->p.serial = 0;
    try(a);
    a->p.result = CVN_RF_USER;
    if (a->p.type == CVN_RESPONSE)
        try(a);
}

static void try_release(struct asking *a)
{
    try(a);
    a->p.keep = true;
    a->p.result = a->p.type == CVN_RESPONSE ? 0 : CVN_RESULT_ACCEPT;
    try(a);
}

/* A new SSDU, or the next slice of the one that is begun. */
static void try_data(struct asking *a)
{
    a->p.begin = !cvn_x225_streaming(a->x);
    try(a);
}

int cvn_x225_allowed(const struct cvn_x225 *x, enum cvn_x225_service s, enum cvn_x225_type t)
{
    static const uint8_t octet[1] = {0};
    struct asking a = {.x = x, .best = CVN_EINVAL};
    if ((unsigned)s >= CVN_S_SERVICES || (t != CVN_REQUEST && t != CVN_RESPONSE))
        return CVN_EINVAL;
    cvn_x225_prim_init(&a.p, s, t);
    if (s == CVN_S_DATA || s == CVN_S_TYPED_DATA || s == CVN_S_EXPEDITED_DATA)
        a.p.data = (struct cvn_octets){octet, 1};
    a.p.activity = a.p.old_activity = (struct cvn_octets){octet, 1};
    switch (s) {
    case CVN_S_CONNECT:
        try_connect(&a);
        break;
    case CVN_S_DATA:
    case CVN_S_TYPED_DATA:
        try_data(&a);
        break;
    case CVN_S_TOKEN_GIVE:
    case CVN_S_TOKEN_PLEASE:
        try_tokens(&a);
        break;
    case CVN_S_SYNC_MINOR:
        try_minor(&a);
        break;
    case CVN_S_RESYNCHRONIZE:
        try_resync(&a);
        break;
    case CVN_S_RELEASE:
        try_release(&a);
        break;
    default:
        a.p.serial = s == CVN_S_ACTIVITY_RESUME ? 0 : CVN_SERIAL_NONE;
        try(&a);
        break;
    }
    return a.best;
}
