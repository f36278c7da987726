/* SPDX-License-Identifier: MIT */
/*
 * x225_simplex - one-way dialogue: half-duplex whose data token stays. A rule that a user gives
 * himself; nothing of it is on the wire.
 *
 * Invariants
 *   W1  while x->simplex, no request of this side moves the data token from x->simplex_side.
 */
#include "proto/x225/machine.h"
#include "proto/x225/x225_table.h"

#define DATA_PAIR (CVN_TOKEN_DATA * 3u)

static uint8_t own_side(const struct cvn_x225 *x)
{
    return x->vtca ? CVN_SIDE_RESPONDER : CVN_SIDE_INITIATOR;
}

/* Units of half-duplex alone, and a place for the data token. */
static int connect_check(const struct cvn_x225_prim *p)
{
    unsigned units = p->units == 0 ? CVN_FU_DEFAULT : p->units;
    unsigned side = p->has_token_setting ? p->token_setting & DATA_PAIR : CVN_SIDE_INITIATOR;
    bool fits = (units & CVN_FU_HALF_DUPLEX) != 0 && (units & CVN_FU_DUPLEX) == 0;
    return fits && side <= CVN_SIDE_RESPONDER ? CVN_OK : CVN_EINVAL;
}

static int when(bool allowed)
{
    return allowed ? CVN_OK : CVN_EPERM;
}

/* S-RESYNCHRONIZE request: what it names; what it does not stays as it is. */
static bool resync_stays(const struct cvn_x225 *x, const struct cvn_x225_ev *e)
{
    return !e->prim->has_token_setting || (e->setting & DATA_PAIR) == x->simplex_side;
}

/* S-RESYNCHRONIZE response: where the peer has left it to us. */
static bool answer_stays(const struct cvn_x225 *x, const struct cvn_x225_ev *e)
{
    return (x->rs_setting & DATA_PAIR) != CVN_SIDE_ACCEPTOR_CHOOSES ||
           (e->setting & DATA_PAIR) == x->simplex_side;
}

int cvn_x225_simplex_check(const struct cvn_x225 *x, const struct cvn_x225_ev *e)
{
    const struct cvn_x225_prim *p = e->prim;
    if (e->id == X225_EV_SCONreq)
        return p->simplex ? connect_check(p) : CVN_OK;
    if (e->id == X225_EV_SCONrsp_pos && p->simplex)
        return (e->agreed.units & CVN_FU_HALF_DUPLEX) != 0 ? CVN_OK : CVN_EINVAL;
    if (!x->simplex)
        return CVN_OK;
    switch (e->id) {
    case X225_EV_SGTreq:
    case X225_EV_SPTreq:
        return when((p->tokens & CVN_TOKEN_DATA) == 0);
    case X225_EV_SCGreq:
        return when((x->owned & CVN_TOKEN_DATA) == 0);
    case X225_EV_SDTreq:
        return when(own_side(x) == x->simplex_side);
    case X225_EV_SRSYNreq_a:
    case X225_EV_SRSYNreq_r:
    case X225_EV_SRSYNreq_s:
        return when(resync_stays(x, e));
    case X225_EV_SRSYNrsp:
        return when(answer_stays(x, e));
    default:
        return CVN_OK;
    }
}

void cvn_x225_simplex_begin(struct cvn_x225 *x, const struct cvn_x225_ev *e)
{
    if (!e->prim->simplex)
        return;
    if (e->id == X225_EV_SCONreq) {
        x->simplex = true;
        x->simplex_side = x->offer.token_setting & DATA_PAIR;
    } else if (e->id == X225_EV_SCONrsp_pos) {
        x->simplex = true;
        x->simplex_side = e->agreed.token_setting & DATA_PAIR;
    }
}
