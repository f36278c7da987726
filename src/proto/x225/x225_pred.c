/* SPDX-License-Identifier: MIT */
/*
 * x225_pred - the base predicates of X.225 A.5 and the evaluation of the expressions
 * that x225.csv makes of them.
 *
 * A predicate is 0 when true, else the rank of what is in the way. The ranks are
 * ordered so that "and" is the greater and "or" the smaller of two, and the smallest
 * over the rows of a cell names the most precise reason to refuse a request.
 *
 * Invariants
 *   P1  nothing here changes anything.
 */
#include <assert.h>

#include "proto/x225/machine.h"
#include "proto/x225/x225_table.h"

#define DK CVN_TOKEN_DATA
#define MI CVN_TOKEN_MINOR
#define MA CVN_TOKEN_MAJOR
#define TR CVN_TOKEN_RELEASE

typedef unsigned rank;

#define ARGS const struct cvn_x225 *x, const struct cvn_x225_ev *e
#define UNUSED                                                                                     \
    (void)x;                                                                                       \
    (void)e

bool cvn_x225_fu(const struct cvn_x225 *x, uint16_t unit)
{
    return (x->units & unit) != 0;
}

uint8_t cvn_x225_available(const struct cvn_x225 *x)
{
    return cvn_x225_tokens_of(x->units);
}

bool cvn_x225_reusable(const struct cvn_x225 *x)
{
    return x->opt_reuse && !x->texp;
}

static rank greater(rank a, rank b)
{
    return a > b ? a : b;
}

static rank lesser(rank a, rank b)
{
    return a < b ? a : b;
}

static rank when(bool is, rank otherwise)
{
    return is ? X225_TRUE : otherwise;
}

static rank unit(const struct cvn_x225 *x, uint16_t units)
{
    return when(cvn_x225_fu(x, units), X225_UNIT);
}

/* ALL(X, tokens) for X = AV, I, A, II, AA. */
static rank all_av(const struct cvn_x225 *x, uint8_t tokens)
{
    return when((tokens & ~cvn_x225_available(x)) == 0, X225_UNIT);
}

static rank all_i(const struct cvn_x225 *x, uint8_t tokens)
{
    return when((tokens & cvn_x225_available(x) & ~x->owned) == 0, X225_TOKEN);
}

static rank all_a(const struct cvn_x225 *x, uint8_t tokens)
{
    return when((tokens & cvn_x225_available(x) & x->owned) == 0, X225_TOKEN);
}

static rank all_ii(const struct cvn_x225 *x, uint8_t tokens)
{
    return greater(all_av(x, tokens), all_i(x, tokens));
}

static rank all_aa(const struct cvn_x225 *x, uint8_t tokens)
{
    return greater(all_av(x, tokens), all_a(x, tokens));
}

/* ^FU(ACT) or Vact */
static rank inside(const struct cvn_x225 *x)
{
    return when(!cvn_x225_fu(x, CVN_FU_ACTIVITY) || x->vact, X225_STATE);
}

/* FU(ACT) & ^Vact */
static rank outside(const struct cvn_x225 *x)
{
    return greater(unit(x, CVN_FU_ACTIVITY), when(!x->vact, X225_STATE));
}

/* ^FU(ACT) or ^Vact */
static rank not_inside(const struct cvn_x225 *x)
{
    return when(!cvn_x225_fu(x, CVN_FU_ACTIVITY) || !x->vact, X225_STATE);
}

static bool ss(const struct cvn_x225 *x)
{
    return cvn_x225_fu(x, CVN_FU_SYMMETRIC_SYNC);
}

/* Without symmetric synchronize, and the number as required. */
static rank number(const struct cvn_x225 *x, bool right)
{
    return ss(x) ? X225_UNIT : when(right, X225_SERIAL);
}

/* With symmetric synchronize, and the number as required. */
static rank number_ss(const struct cvn_x225 *x, bool right)
{
    return !ss(x) ? X225_UNIT : when(right, X225_SERIAL);
}

/* A.5: the resync in progress beats that of the event (the sheet's 4.1). With symmetric
 * synchronize the stronger flow's type decides, whatever the numbers. */
static bool winner(ARGS)
{
    if (x->vrsp != e->rsp)
        return x->vrsp > e->rsp;
    if (x->vrsp == X225_RSP_R && !ss(x) && x->vrspnbs != e->sn)
        return x->vrspnbs < e->sn;
    return x->vrsp_local ? !x->vtca : x->vtca;
}

static rank p01(ARGS)
{
    UNUSED;
    return when(!x->vtca, X225_STATE);
}

static rank p02(ARGS)
{
    UNUSED;
    return when(cvn_x225_reusable(x), X225_STATE);
}

static rank p03(ARGS)
{
    UNUSED;
    return all_i(x, DK);
}

static rank p10(ARGS)
{
    UNUSED;
    return when(!x->vcoll, X225_STATE);
}

static rank p04(ARGS)
{
    return greater(unit(x, CVN_FU_DUPLEX), p10(x, e));
}

static rank p05(ARGS)
{
    UNUSED;
    return all_a(x, DK);
}

static rank p06(ARGS)
{
    UNUSED;
    return unit(x, CVN_FU_TYPED_DATA);
}

static rank p07(ARGS)
{
    return greater(p06(x, e), p10(x, e));
}

static rank p08(ARGS)
{
    UNUSED;
    return unit(x, CVN_FU_EXPEDITED);
}

static rank p09(ARGS)
{
    return greater(p08(x, e), p10(x, e));
}

static rank p11(ARGS)
{
    UNUSED;
    return all_ii(x, MA);
}

static rank p12(ARGS)
{
    UNUSED;
    return greater(greater(unit(x, CVN_FU_MAJOR_SYNC), inside(x)),
                   greater(all_a(x, DK | MI), all_aa(x, MA)));
}

static rank p13(ARGS)
{
    UNUSED;
    return greater(greater(unit(x, CVN_FU_MAJOR_SYNC), inside(x)),
                   greater(all_i(x, DK | MI), all_ii(x, MA)));
}

static rank p14(ARGS)
{
    UNUSED;
    return greater(inside(x), greater(all_a(x, DK), all_aa(x, MI)));
}

static rank p15(ARGS)
{
    UNUSED;
    return greater(inside(x), greater(all_i(x, DK), all_ii(x, MI)));
}

static rank p16(ARGS)
{
    UNUSED;
    return when(!x->texp, X225_STATE);
}

static rank p17(ARGS)
{
    UNUSED;
    return greater(greater(inside(x), unit(x, CVN_FU_SYMMETRIC_SYNC | CVN_FU_MINOR_SYNC)),
                   when(ss(x) || !x->vsc, X225_SERIAL));
}

static rank p18(ARGS)
{
    UNUSED;
    return greater(greater(inside(x), unit(x, CVN_FU_SYMMETRIC_SYNC | CVN_FU_MINOR_SYNC)),
                   when(ss(x) || x->vsc, X225_SERIAL));
}

static rank p19(ARGS)
{
    return number(x, e->sn == x->vm);
}

static rank p20(ARGS)
{
    return number(x, e->sn == x->vm - 1);
}

static rank p21(ARGS)
{
    return number(x, x->vm > e->sn && e->sn >= x->va);
}

static rank p23(ARGS)
{
    UNUSED;
    return greater(unit(x, CVN_FU_ACTIVITY), when(!x->vnextact, X225_STATE));
}

static rank p24(ARGS)
{
    return when(!winner(x, e), X225_STATE);
}

/* p24' of S-RESYNCHRONIZE request in STA11A: here too the resync in progress is the peer's and
 * the event is our user's. */
static rank p24x(ARGS)
{
    return p24(x, e);
}

static rank p28(ARGS)
{
    UNUSED;
    return unit(x, CVN_FU_RESYNC);
}

static rank p25(ARGS)
{
    return greater(p28(x, e),
                   unit(x, CVN_FU_MINOR_SYNC | CVN_FU_SYMMETRIC_SYNC | CVN_FU_MAJOR_SYNC));
}

static rank p26(ARGS)
{
    UNUSED;
    return inside(x);
}

static rank p27(ARGS)
{
    UNUSED;
    return when(x->vrsp == X225_RSP_NO, X225_STATE);
}

static rank p29(ARGS)
{
    return greater(inside(x), p28(x, e));
}

static rank p30(ARGS)
{
    UNUSED;
    return when(!cvn_x225_fu(x, CVN_FU_ACTIVITY) || x->vnextact, X225_STATE);
}

/* Asked of RS-r alone, whose first flow (mandatory) then restarts: with symmetric synchronize the
 * stronger of the two types is the event's. p33 the same of the request. */
static rank p32(ARGS)
{
    if (!ss(x))
        return when(e->sn >= x->vr, X225_SERIAL);
    return when(e->sn_r >= x->vrr && (e->rsp_s != X225_RSP_R || e->sn_s >= x->vr), X225_SERIAL);
}

static rank p33(ARGS)
{
    if (!ss(x))
        return when(x->vm >= e->sn && e->sn >= x->vr, X225_SERIAL);
    return when(x->vm >= e->sn_s && e->sn_s >= x->vr &&
                    (e->rsp_r != X225_RSP_R || (x->vmr >= e->sn_r && e->sn_r >= x->vrr)),
                X225_SERIAL);
}

static rank p34(ARGS)
{
    UNUSED;
    return unit(x, CVN_FU_ACTIVITY);
}

static rank p35(ARGS)
{
    return greater(p28(x, e), when(!x->texp || cvn_x225_fu(x, CVN_FU_DATA_SEPARATION), X225_STATE));
}

static rank p36(ARGS)
{
    return greater(p28(x, e), when(x->texp, X225_STATE));
}

static rank p37(ARGS)
{
    return greater(p34(x, e), when(x->texp, X225_STATE));
}

static rank p38(ARGS)
{
    return greater(p34(x, e), when(!x->texp, X225_STATE));
}

static rank p39(ARGS)
{
    UNUSED;
    return greater(when(x->vact, X225_STATE), all_ii(x, MA));
}

static rank p40(ARGS)
{
    UNUSED;
    return all_aa(x, MA);
}

static rank p41(ARGS)
{
    UNUSED;
    return when(x->vrsp == X225_RSP_DSC, X225_STATE);
}

static rank p42(ARGS)
{
    UNUSED;
    return when(x->vrsp == X225_RSP_INT, X225_STATE);
}

static rank p43(ARGS)
{
    return number(x, (x->vrsp == X225_RSP_R && e->sn == x->vrspnbs) ||
                         (x->vrsp == X225_RSP_A && e->sn == x->vm) || x->vrsp == X225_RSP_S);
}

static rank p44(ARGS)
{
    UNUSED;
    return greater(outside(x), all_a(x, DK | MI | MA));
}

static rank p45(ARGS)
{
    UNUSED;
    return greater(outside(x), all_i(x, DK | MI | MA));
}

static rank p46(ARGS)
{
    UNUSED;
    return greater(greater(unit(x, CVN_FU_CAPABILITY), outside(x)), all_a(x, DK | MI | MA));
}

static rank p47(ARGS)
{
    UNUSED;
    return greater(greater(unit(x, CVN_FU_CAPABILITY), outside(x)), all_i(x, DK | MI | MA));
}

static rank p48(ARGS)
{
    UNUSED;
    return greater(unit(x, CVN_FU_EXCEPTIONS), unit(x, CVN_FU_HALF_DUPLEX));
}

static rank p49(ARGS)
{
    return when((x->vrsp == X225_RSP_R && e->sn == x->vrspnbs) ||
                    (x->vrsp == X225_RSP_A && e->sn >= x->vm) || x->vrsp == X225_RSP_S,
                X225_SERIAL);
}

static rank p50(ARGS)
{
    UNUSED;
    return greater(greater(unit(x, CVN_FU_EXCEPTIONS), inside(x)), all_aa(x, DK));
}

static rank p51(ARGS)
{
    UNUSED;
    return greater(greater(unit(x, CVN_FU_EXCEPTIONS), inside(x)), all_ii(x, DK));
}

static rank p52(ARGS)
{
    return greater(p51(x, e), when(!cvn_x225_fu(x, CVN_FU_ACTIVITY), X225_STATE));
}

static rank p53(ARGS)
{
    return all_av(x, e->tokens);
}

static rank p54(ARGS)
{
    return all_ii(x, e->tokens);
}

static rank p55(ARGS)
{
    UNUSED;
    return greater(outside(x), all_i(x, CVN_TOKEN_ALL));
}

static rank p57(ARGS)
{
    return greater(p54(x, e), when((e->tokens & DK) == 0, X225_STATE));
}

static rank p58(ARGS)
{
    return greater(p54(x, e), when((e->tokens & DK) != 0, X225_STATE));
}

static rank p59(ARGS)
{
    return all_aa(x, e->tokens);
}

static rank p60(ARGS)
{
    return greater(p59(x, e), when((e->tokens & DK) == 0, X225_STATE));
}

static rank p61(ARGS)
{
    return greater(p59(x, e), when((e->tokens & DK) != 0, X225_STATE));
}

static rank p62(ARGS)
{
    UNUSED;
    return greater(outside(x), all_a(x, CVN_TOKEN_ALL));
}

static rank p63(ARGS)
{
    UNUSED;
    return greater(all_i(x, CVN_TOKEN_ALL), not_inside(x));
}

static rank p64(ARGS)
{
    bool offered = e->prim->keep; /* the local choice is also the user's */
    return greater(greater(p02(x, e), p01(x, e)), when(offered, X225_STATE));
}

static rank p65(ARGS)
{
    UNUSED;
    return when(cvn_x225_available(x) != 0, X225_UNIT);
}

static rank p66(ARGS)
{
    UNUSED;
    return when(x->vtrr, X225_STATE);
}

static rank p67(ARGS)
{
    UNUSED;
    return unit(x, CVN_FU_NEGOTIATED_RELEASE);
}

static rank p68(ARGS)
{
    UNUSED;
    return greater(all_a(x, CVN_TOKEN_ALL), not_inside(x));
}

static rank p69(ARGS)
{
    UNUSED;
    return when(x->vcoll, X225_STATE);
}

static rank p70(ARGS)
{
    UNUSED;
    return unit(x, CVN_FU_DUPLEX);
}

static rank inside_only(const struct cvn_x225 *x)
{
    return greater(unit(x, CVN_FU_ACTIVITY), when(x->vact, X225_STATE));
}

static rank p71(ARGS)
{
    UNUSED;
    return greater(inside_only(x), greater(all_i(x, DK | MI), all_ii(x, MA)));
}

static rank p72(ARGS)
{
    UNUSED;
    return greater(inside_only(x), greater(all_a(x, DK | MI), all_aa(x, MA)));
}

static rank p75(ARGS)
{
    UNUSED;
    return when(!x->vcoll || x->vdnr, X225_STATE);
}

static rank p76(ARGS)
{
    UNUSED;
    return when(e->refusal != CVN_RESULT_ACCEPT, X225_STATE);
}

static rank p81(ARGS)
{
    UNUSED;
    return when(x->vado >= x->va, X225_STATE);
}

static rank p82(ARGS)
{
    UNUSED;
    return unit(x, CVN_FU_DATA_SEPARATION);
}

static rank p173(ARGS)
{
    return number_ss(x, e->sn_s == x->vm - 1 && e->sn_r == x->vmr);
}

static rank p174(ARGS)
{
    (void)e; /* the provider gives the numbers: they are right */
    return number_ss(x, true);
}

static rank p175(ARGS)
{
    return number_ss(x, e->sn == x->vmr - 1);
}

static rank p176(ARGS)
{
    return number_ss(x, x->vm > e->sn && e->sn >= x->va);
}

static rank p177(ARGS)
{
    return number_ss(x, e->sn == x->vmr);
}

static rank p178(ARGS)
{
    UNUSED;
    return unit(x, CVN_FU_SYMMETRIC_SYNC);
}

static rank p179(ARGS)
{
    return number_ss(x, x->vmr > e->sn && e->sn >= x->var);
}

static rank p185(ARGS)
{
    return greater(when(x->discard_rcv, X225_STATE), when(p81(x, e) != X225_TRUE, X225_STATE));
}

static rank p186(ARGS)
{
    UNUSED;
    return when(x->discard_snd, X225_STATE);
}

static rank p187(ARGS)
{
    return number_ss(x, (x->vrspr != X225_RSP_R || e->sn_r == x->vrspnbr) &&
                            (x->vrsps != X225_RSP_R || e->sn_s == x->vrspnbs));
}

static rank p202(ARGS)
{
    UNUSED;
    return when(e->end, X225_STATE);
}

static rank p204(ARGS)
{
    UNUSED;
    return when(e->overflow, X225_STATE);
}

/* [sn != V(Ms)-1]: the number is not that of the major point or activity end at hand. */
static rank q_not_outstanding_major(ARGS)
{
    return when(e->sn != x->vm - 1, X225_SERIAL);
}

/* [PR-RS queued] */
static rank q_prepare_queued(ARGS)
{
    UNUSED; /* in STA713 nothing else is held: the replay gives the rest to the user */
    return when(x->queue_len > 0, X225_STATE);
}

typedef rank predicate(ARGS);

static predicate *const predicates[] = {
#define X225_ROW(name) [X225_##name] = name,
    X225_PREDICATE_MAP(X225_ROW)
#undef X225_ROW
};

/* What is in the way when a predicate is true that must not be. */
static rank negated(unsigned p)
{
    switch (p) {
    case X225_p178:
        return X225_UNIT;
    case X225_p20:
    case X225_p175:
        return X225_SERIAL;
    default:
        return X225_STATE;
    }
}

unsigned cvn_x225_predicate(const struct cvn_x225 *x, const struct cvn_x225_ev *e, uint16_t program)
{
    rank stack[X225_STACK];
    unsigned depth = 0;
    const uint8_t *at = &cvn_x225_programs[program];

    if (*at == X225_OP_END)
        return X225_TRUE;
    for (; *at != X225_OP_END; at++) {
        if (*at == X225_OP_OR) {
            assert(depth >= 2);
            rank b = stack[--depth];
            rank a = stack[depth - 1];
            stack[depth - 1] = lesser(a, b);
            continue;
        }
        unsigned p = *at & ~X225_OP_NOT & 0xffu;
        assert(p < X225_PREDICATES && depth < X225_STACK);
        rank r = predicates[p](x, e);
        if ((*at & X225_OP_NOT) != 0)
            r = r == X225_TRUE ? negated(p) : X225_TRUE;
        stack[depth++] = r;
    }
    rank all = stack[0];
    while (--depth > 0)
        all = greater(all, stack[depth]);
    return all;
}

/* A.4.1: ER may answer an error of the peer when this side has no data token and no other error
 * is being handled; here only in data transfer. */
bool cvn_x225_error_report(const struct cvn_x225 *x)
{
    return x->opt_error_report && x->state == CVN_STA713 && p50(x, NULL) == X225_TRUE;
}
