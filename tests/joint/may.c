/* SPDX-License-Identifier: MIT */
/* may - what X.215 lets a user ask for: its clause on tokens (who must own which), on activities, and
 * what is still allowed while something is outstanding. */
#include "user.h"

#define DK CVN_TOKEN_DATA
#define MI CVN_TOKEN_MINOR
#define MA CVN_TOKEN_MAJOR

static const struct user *u;

/* A resync concerns one flow where there are two: the other goes on. */
static bool goes_on(const struct cvn_x225_prim *p)
{
    switch (p->service) {
    case CVN_S_DATA:
    case CVN_S_EXPEDITED_DATA:
    case CVN_S_TYPED_DATA:
    case CVN_S_SYNC_MINOR:
        return user_ss();
    default:
        return false;
    }
}

static uint8_t available(void)
{
    unsigned t = 0;
    t |= world_has(CVN_FU_HALF_DUPLEX) ? CVN_TOKEN_DATA : 0u;
    t |= world_has(CVN_FU_MINOR_SYNC) ? CVN_TOKEN_MINOR : 0u;
    t |= world_has(CVN_FU_MAJOR_SYNC | CVN_FU_ACTIVITY) ? CVN_TOKEN_MAJOR : 0u;
    t |= world_has(CVN_FU_NEGOTIATED_RELEASE) ? CVN_TOKEN_RELEASE : 0u;
    return (uint8_t)t;
}

/* Owned if they exist. */
static bool own(unsigned tokens)
{
    return (tokens & available() & ~(unsigned)u->tokens) == 0;
}

/* They exist and are owned. */
static bool have(unsigned tokens)
{
    return (tokens & ~(unsigned)u->tokens) == 0;
}

static bool inside(void)
{
    return !world_has(CVN_FU_ACTIVITY) || u->act;
}

static bool outside(void)
{
    return world_has(CVN_FU_ACTIVITY) && !u->act;
}

static bool may_resync(const struct cvn_x225_prim *p)
{
    bool numbered = world_has(CVN_FU_MINOR_SYNC | CVN_FU_SYMMETRIC_SYNC | CVN_FU_MAJOR_SYNC);
    bool only_abandon = p->resync == CVN_RESYNC_ABANDON &&
                        (p->resync2 == CVN_RESYNC_ABANDON || p->resync2 == CVN_RESYNC_NONE);
    return world_has(CVN_FU_RESYNC) && inside() && (numbered || only_abandon);
}

static bool may_minor(const struct cvn_x225_prim *p)
{
    if (p->separation && !world_has(CVN_FU_DATA_SEPARATION))
        return false;
    if (user_ss()) /* no token */
        return inside();
    return inside() && own(DK) && world_has(CVN_FU_MINOR_SYNC) && have(MI);
}

static enum verdict may_confirm_minor(const struct cvn_x225_prim *p)
{
    if (user_ss() || world_has(CVN_FU_EXCEPTIONS))
        return MAYBE;
    return world_has(CVN_FU_MINOR_SYNC) && inside() && !u->mine && p->serial >= u->a &&
                   p->serial < u->m
               ? YES
               : NO;
}

static enum verdict when(bool is)
{
    return is ? YES : NO;
}

static enum verdict calm_activity(const struct cvn_x225_prim *p)
{
    switch (p->service) {
    case CVN_S_CONTROL_GIVE:
        return when(outside() && own(CVN_TOKEN_ALL));
    case CVN_S_ACTIVITY_START:
    case CVN_S_ACTIVITY_RESUME:
        return when(outside() && own(DK | MI | MA));
    case CVN_S_ACTIVITY_INTERRUPT:
    case CVN_S_ACTIVITY_DISCARD:
        return when(u->act && have(MA));
    case CVN_S_ACTIVITY_END:
        return when(u->act && own(DK | MI) && have(MA));
    case CVN_S_CAPABILITY_DATA:
        return when(world_has(CVN_FU_CAPABILITY) && outside() && own(DK | MI) && have(MA));
    default:
        return NO;
    }
}

/* Nothing is outstanding. */
static enum verdict calm(const struct cvn_x225_prim *p)
{
    if (p->type == CVN_RESPONSE)
        return p->service == CVN_S_SYNC_MINOR ? may_confirm_minor(p) : NO;
    switch (p->service) {
    case CVN_S_DATA:
        return when(own(DK));
    case CVN_S_EXPEDITED_DATA:
        return when(world_has(CVN_FU_EXPEDITED));
    case CVN_S_TYPED_DATA:
        return when(world_has(CVN_FU_TYPED_DATA));
    case CVN_S_TOKEN_GIVE:
        return when(have(p->tokens));
    case CVN_S_TOKEN_PLEASE:
        return when((p->tokens & ~available()) == 0);
    case CVN_S_SYNC_MINOR:
        return when(may_minor(p));
    case CVN_S_SYNC_MAJOR:
        return when(world_has(CVN_FU_MAJOR_SYNC) && inside() && own(DK | MI) && have(MA));
    case CVN_S_RESYNCHRONIZE:
        return when(may_resync(p));
    case CVN_S_U_EXCEPTION_REPORT:
        return when(world_has(CVN_FU_EXCEPTIONS) && inside() && !own(DK));
    case CVN_S_RELEASE:
        return when(own(CVN_TOKEN_ALL) && !u->act);
    default:
        return calm_activity(p);
    }
}

static bool restarts(const struct cvn_x225_prim *p)
{
    return p->resync == CVN_RESYNC_RESTART || p->resync2 == CVN_RESYNC_RESTART;
}

/* A confirm of a point is awaited. */
static enum verdict waiting_point(const struct cvn_x225_prim *p)
{
    switch (p->service) {
    case CVN_S_SYNC_MINOR:
        return p->type == CVN_RESPONSE ? MAYBE : NO;
    case CVN_S_ACTIVITY_INTERRUPT:
    case CVN_S_ACTIVITY_DISCARD:
    case CVN_S_TOKEN_GIVE:
        return p->type == CVN_REQUEST ? calm(p) : NO;
    case CVN_S_RESYNCHRONIZE:
        if (p->type == CVN_RESPONSE || u->waits == CVN_S_ACTIVITY_END || restarts(p))
            return NO;
        return user_ss() ? MAYBE : calm(p);
    default:
        return NO;
    }
}

/* A confirm is awaited. */
static enum verdict waiting(const struct cvn_x225_prim *p)
{
    bool ends = p->type == CVN_REQUEST &&
                (p->service == CVN_S_ACTIVITY_INTERRUPT || p->service == CVN_S_ACTIVITY_DISCARD);
    switch (u->waits) {
    case CVN_S_SYNC_MAJOR:
    case CVN_S_ACTIVITY_END:
        return waiting_point(p);
    case CVN_S_RESYNCHRONIZE:
        return goes_on(p) ? MAYBE : NO;
    case CVN_S_CAPABILITY_DATA:
        return ends ? MAYBE : NO;
    default:
        return NO;
    }
}

/* The response to a major point or an activity end is due. */
static enum verdict answering_point(const struct cvn_x225_prim *p)
{
    if (p->type == CVN_RESPONSE)
        return p->service == CVN_S_SYNC_MINOR ? MAYBE : NO;
    switch (p->service) {
    case CVN_S_DATA:
    case CVN_S_EXPEDITED_DATA:
    case CVN_S_TYPED_DATA:
    case CVN_S_TOKEN_GIVE:
    case CVN_S_TOKEN_PLEASE:
    case CVN_S_U_EXCEPTION_REPORT:
        return calm(p);
    case CVN_S_RESYNCHRONIZE:
        if (u->answers == CVN_S_ACTIVITY_END)
            return NO;
        return user_ss() ? MAYBE : calm(p);
    default:
        return NO;
    }
}

static enum verdict answering_release(const struct cvn_x225_prim *p)
{
    if (p->type == CVN_RESPONSE)
        return p->service == CVN_S_SYNC_MINOR ? MAYBE : NO;
    if (p->service == CVN_S_RELEASE && available() != 0)
        return NO; /* a collision is for those without tokens */
    return MAYBE;
}

static enum verdict answering_resync(const struct cvn_x225_prim *p)
{
    if (goes_on(p))
        return MAYBE;
    return p->type == CVN_REQUEST &&
                   (p->service == CVN_S_RESYNCHRONIZE || p->service == CVN_S_ACTIVITY_INTERRUPT ||
                    p->service == CVN_S_ACTIVITY_DISCARD)
               ? MAYBE
               : NO;
}

/* A response is due. */
static enum verdict answering(const struct cvn_x225_prim *p)
{
    if (p->type == CVN_RESPONSE && p->service == u->answers)
        return when(p->service != CVN_S_RELEASE || p->result != 0 ||
                    world_has(CVN_FU_NEGOTIATED_RELEASE));
    switch (u->answers) {
    case CVN_S_SYNC_MAJOR:
    case CVN_S_ACTIVITY_END:
        return answering_point(p);
    case CVN_S_CAPABILITY_DATA:
        return p->service == CVN_S_TOKEN_PLEASE ? calm(p) : NO;
    case CVN_S_RELEASE:
        return answering_release(p);
    case CVN_S_RESYNCHRONIZE:
        return answering_resync(p);
    default:
        return NO;
    }
}

/* An exception was reported to this user. */
static enum verdict excepted(const struct cvn_x225_prim *p)
{
    if (p->type == CVN_RESPONSE)
        return NO;
    switch (p->service) {
    case CVN_S_TOKEN_GIVE:
        return (p->tokens & DK) != 0 ? calm(p) : MAYBE;
    case CVN_S_RESYNCHRONIZE:
    case CVN_S_ACTIVITY_INTERRUPT:
    case CVN_S_ACTIVITY_DISCARD:
        return calm(p);
    default:
        return NO;
    }
}

/* An exception is being handled. */
static enum verdict handling(const struct cvn_x225_prim *p)
{
    if (it.noise) /* by the provider: either may begin recovery */
        return p->type == CVN_RESPONSE ? NO : MAYBE;
    if (u->excepted)
        return excepted(p);
    return p->service == CVN_S_TOKEN_PLEASE ? MAYBE : NO;
}

static enum verdict outstanding(const struct cvn_x225_prim *p)
{
    if (u->waits != CVN_S_SERVICES)
        return waiting(p);
    if (u->answers != CVN_S_SERVICES)
        return answering(p);
    if (u->controlling)
        return calm(p) == NO ? NO : MAYBE;
    return calm(p);
}

enum verdict user_may(unsigned side, const struct cvn_x225_prim *p)
{
    u = &it.peer[side].user;
    if (!u->connected || p->service == CVN_S_CONNECT)
        return MAYBE;
    if (p->service == CVN_S_U_ABORT)
        return YES;
    if (u->releasing)
        return u->answers == CVN_S_RELEASE || p->service == CVN_S_TOKEN_PLEASE ? MAYBE : NO;
    if (u->excepting || u->excepted)
        return handling(p);
    return outstanding(p);
}
