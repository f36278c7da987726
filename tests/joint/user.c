/* SPDX-License-Identifier: MIT */
/* user - see user.h: the ledger. */
#include "user.h"

#include <string.h>

#define NONE CVN_S_SERVICES

bool user_ss(void)
{
    return world_has(CVN_FU_SYMMETRIC_SYNC);
}

static bool is_destructive(unsigned s)
{
    return s == CVN_S_RESYNCHRONIZE || s == CVN_S_ACTIVITY_INTERRUPT || s == CVN_S_ACTIVITY_DISCARD;
}

/* --- what must come --- */

static struct entry entry_of(const struct cvn_x225_prim *p)
{
    struct entry e;
    memset(&e, 0, sizeof e);
    e.service = (uint8_t)p->service;
    e.type = (uint8_t)p->type;
    e.tag = p->data.n > 0 ? p->data.p[0] : 0;
    e.serial = CVN_SERIAL_NONE;
    switch (p->service) {
    case CVN_S_TOKEN_GIVE:
    case CVN_S_TOKEN_PLEASE:
        e.detail = p->tokens;
        break;
    case CVN_S_U_EXCEPTION_REPORT:
    case CVN_S_ACTIVITY_INTERRUPT:
    case CVN_S_ACTIVITY_DISCARD:
        e.detail = p->reason;
        break;
    case CVN_S_CONNECT:
    case CVN_S_RELEASE:
        e.detail = p->type == CVN_RESPONSE || p->type == CVN_CONFIRM ? p->result : 0;
        break;
    case CVN_S_SYNC_MINOR:
        e.detail = (uint8_t)(p->optional | p->separation << 1);
        e.serial = p->serial;
        break;
    case CVN_S_SYNC_MAJOR:
    case CVN_S_ACTIVITY_END:
        if (p->type == CVN_REQUEST || p->type == CVN_INDICATION)
            e.serial = p->serial;
        break;
    case CVN_S_ACTIVITY_RESUME:
        e.serial = p->serial;
        break;
    case CVN_S_RESYNCHRONIZE:
        if (user_ss() || p->type == CVN_RESPONSE || p->type == CVN_CONFIRM)
            break;
        e.detail = p->resync;
        e.serial = p->resync == CVN_RESYNC_ABANDON ? CVN_SERIAL_NONE : p->serial;
        break;
    default:
        break;
    }
    return e;
}

static void all_optional(unsigned side)
{
    struct user *u = &it.peer[side].user;
    for (unsigned i = 0; i < u->normal.n; i++)
        u->normal.at[i].optional = true;
    for (unsigned i = 0; i < u->expedited.n; i++)
        u->expedited.at[i].optional = true;
}

static void log_clear(struct log *l)
{
    memset(l, 0, sizeof *l);
}

static void log_put(unsigned side, const struct cvn_x225_prim *p)
{
    struct user *u = &it.peer[side].user;
    const struct user *other = &it.peer[!side].user;
    struct log *l = p->service == CVN_S_EXPEDITED_DATA ? &u->expedited : &u->normal;
    struct entry e = entry_of(p);
    e.optional = other->purging || other->excepting || other->excepted || other->over ||
                 (p->service == CVN_S_SYNC_MINOR && p->serial == CVN_SERIAL_NONE); /* swallowed */
    if (l->n == LOG_MAX)
        world_blame("a ledger of the exploration is full");
    else
        memcpy(&l->at[l->n++], &e, sizeof e);
}

static bool same(const struct entry *asked, const struct entry *heard)
{
    return asked->service == heard->service && asked->type + 1 == heard->type &&
           asked->tag == heard->tag && asked->detail == heard->detail &&
           asked->serial == heard->serial;
}

/* What this user hears must be the next that the other has asked for, less what may be lost. */
static void log_take(unsigned side, const struct cvn_x225_prim *p)
{
    struct user *other = &it.peer[!side].user;
    struct log *l = p->service == CVN_S_EXPEDITED_DATA ? &other->expedited : &other->normal;
    struct entry heard = entry_of(p);
    unsigned i = 0;
    if (heard.type == CVN_CONFIRM)
        heard.type = CVN_RESPONSE + 1;
    while (i < l->n && !same(&l->at[i], &heard) && l->at[i].optional)
        i++;
    if (i == l->n || !same(&l->at[i], &heard)) {
        world_blame("side %u hears %s %s (%u), which is not what comes next (%s)", side,
                    cvn_x225_service_name(p->service), cvn_x225_type_name(p->type), heard.tag,
                    i < l->n ? cvn_x225_service_name((enum cvn_x225_service)l->at[i].service)
                             : "nothing");
        return;
    }
    i++;
    memmove(&l->at[0], &l->at[i], (l->n - i) * sizeof l->at[0]);
    memset(&l->at[l->n - i], 0, i * sizeof l->at[0]);
    l->n = (uint8_t)(l->n - i);
    if (other->normal.n + other->expedited.n == 0)
        other->tag = 0;
}

/* --- numbers: table A.4 without symmetric synchronize --- */

static void number_is(unsigned side, uint32_t serial)
{
    const struct user *u = &it.peer[side].user;
    if (!user_ss() && !u->unsure && serial != u->m)
        world_blame("side %u: the point has number %u, the next is %u", side, serial, u->m);
}

static void point_asked(unsigned side, uint32_t serial)
{
    struct user *u = &it.peer[side].user;
    if (serial == CVN_SERIAL_NONE) /* swallowed: a resync or an abort is on its way to it */
        return;
    number_is(side, serial);
    if (!u->mine)
        u->a = u->m;
    u->mine = true;
    u->m++;
}

static void point_heard(unsigned side, uint32_t serial, bool minor)
{
    struct user *u = &it.peer[side].user;
    number_is(side, serial);
    if (u->mine)
        u->a = u->m;
    if (minor)
        u->mine = false;
    u->m++;
}

static void numbers_begin(struct user *u, uint32_t n, uint32_t r)
{
    u->a = n;
    u->m = n;
    u->r = r;
    u->unsure = false;
}

static void major_done(struct user *u, bool end)
{
    u->a = u->m;
    u->r = u->m;
    if (end)
        u->act = false;
}

/* --- tokens --- */

static uint8_t tokens_at(unsigned side, uint8_t setting, uint8_t available)
{
    unsigned t = 0;
    for (unsigned bit = 1; bit < 256; bit <<= 2) {
        if ((available & bit) != 0 && (setting / bit & 3u) == side)
            t |= bit;
    }
    return (uint8_t)t;
}

static void resync_done(unsigned side, const struct cvn_x225_prim *p)
{
    struct user *u = &it.peer[side].user;
    numbers_begin(u, p->serial, u->resync == CVN_RESYNC_RESTART ? u->r : 0);
    uint8_t setting = p->token_setting;
    for (unsigned bit = 1; p->type == CVN_RESPONSE && bit < 256; bit <<= 2) {
        if ((u->setting / bit & 3u) != CVN_SIDE_ACCEPTOR_CHOOSES)
            setting = (uint8_t)((setting & ~(3u * bit)) | (u->setting & 3u * bit));
    }
    u->tokens = tokens_at(side, setting, world_vars(side).tokens_available);
}

static void activity_left(unsigned side, bool requestor)
{
    struct user *u = &it.peer[side].user;
    u->act = false;
    u->tokens = requestor ? world_vars(side).tokens_available : 0;
}

/* --- the session connection --- */

static void session_over(unsigned side, bool over)
{
    struct user *u = &it.peer[side].user;
    u->connected = false;
    u->over = over;
    u->waits = u->answers = NONE;
    u->purging = u->excepting = u->excepted = u->controlling = u->releasing = false;
    u->act = u->unsure = false;
    u->tokens = 0;
    u->a = u->m = u->r = 0;
    u->resync = u->setting = 0;
    all_optional(side);
    all_optional(!side);
}

static void session_begins(unsigned side)
{
    struct user *u = &it.peer[side].user;
    log_clear(&u->normal);
    log_clear(&u->expedited);
    u->connected = true;
    u->over = false;
    u->mine = true;
    u->tokens = tokens_at(side, it.config->setting, world_vars(side).tokens_available);
    numbers_begin(u, 1, 0);
}

void user_lost(unsigned side)
{
    session_over(side, true);
    log_clear(&it.peer[side].user.normal);
    log_clear(&it.peer[side].user.expedited);
}

/* --- asked --- */

/* A destructive service is asked for: what is outstanding is void. */
static void destroys(unsigned side, const struct cvn_x225_prim *p)
{
    struct user *u = &it.peer[side].user;
    if (it.config->expedited)
        all_optional(side); /* PREPARE overtakes */
    all_optional(!side);
    u->purging = true;
    u->excepting = u->excepted = u->releasing = false;
    u->waits = (uint8_t)p->service;
    u->answers = NONE;
    u->resync = p->resync;
}

static void asked_response(unsigned side, const struct cvn_x225_prim *p)
{
    struct user *u = &it.peer[side].user;
    if (p->service == CVN_S_SYNC_MINOR) {
        u->a = p->serial + 1;
        return;
    }
    u->answers = NONE;
    switch (p->service) {
    case CVN_S_SYNC_MAJOR:
    case CVN_S_ACTIVITY_END:
        major_done(u, p->service == CVN_S_ACTIVITY_END);
        break;
    case CVN_S_RESYNCHRONIZE:
        u->purging = false;
        resync_done(side, p);
        break;
    case CVN_S_ACTIVITY_INTERRUPT:
    case CVN_S_ACTIVITY_DISCARD:
        activity_left(side, false);
        break;
    case CVN_S_CONNECT:
        if (p->result == CVN_RESULT_ACCEPT)
            session_begins(side);
        break;
    case CVN_S_RELEASE:
        if (p->result == CVN_RESULT_ACCEPT && !u->releasing)
            session_over(side, false);
        break;
    default:
        break;
    }
}

static void asked_request(unsigned side, const struct cvn_x225_prim *p)
{
    struct user *u = &it.peer[side].user;
    switch (p->service) {
    case CVN_S_TOKEN_GIVE:
        u->tokens &= (uint8_t)~p->tokens;
        if ((p->tokens & CVN_TOKEN_DATA) != 0)
            u->excepted = false;
        break;
    case CVN_S_CONTROL_GIVE:
        u->tokens = 0;
        u->controlling = true;
        break;
    case CVN_S_SYNC_MINOR:
        point_asked(side, p->serial);
        break;
    case CVN_S_SYNC_MAJOR:
    case CVN_S_ACTIVITY_END:
        point_asked(side, p->serial);
        u->waits = (uint8_t)p->service;
        break;
    case CVN_S_CAPABILITY_DATA:
        u->waits = (uint8_t)p->service;
        break;
    case CVN_S_ACTIVITY_START:
        u->act = true;
        numbers_begin(u, 1, 1);
        break;
    case CVN_S_ACTIVITY_RESUME:
        u->act = true;
        numbers_begin(u, p->serial + 1, 1);
        break;
    case CVN_S_RESYNCHRONIZE:
    case CVN_S_ACTIVITY_INTERRUPT:
    case CVN_S_ACTIVITY_DISCARD:
        destroys(side, p);
        break;
    case CVN_S_U_EXCEPTION_REPORT:
        all_optional(!side);
        u->excepting = true;
        u->unsure = true;
        u->answers = NONE;
        break;
    case CVN_S_RELEASE:
        u->releasing = true;
        break;
    case CVN_S_U_ABORT:
        session_over(side, true);
        break;
    default:
        break;
    }
}

void user_asked(unsigned side, const struct cvn_x225_prim *p)
{
    if (p->type == CVN_RESPONSE)
        asked_response(side, p);
    else
        asked_request(side, p);
    log_put(side, p);
    if (p->service == CVN_S_U_ABORT && p->type == CVN_REQUEST) {
        struct user *u = &it.peer[side].user;
        bool other = it.peer[!side].user.connected;
        u->normal.at[u->normal.n - 1].optional = !other;
    }
}

/* --- heard --- */

static void heard_confirm(unsigned side, const struct cvn_x225_prim *p)
{
    struct user *u = &it.peer[side].user;
    if (p->service == CVN_S_SYNC_MINOR) {
        u->a = p->serial + 1;
        return;
    }
    if (p->service == CVN_S_CONNECT) {
        if (p->result == CVN_RESULT_ACCEPT)
            session_begins(side);
        return;
    }
    if (p->service == CVN_S_RELEASE) {
        if (!u->releasing)
            world_blame("side %u: S-RELEASE is confirmed, which it has not asked for", side);
        u->releasing = false;
        if (p->result == CVN_RESULT_ACCEPT && u->answers != CVN_S_RELEASE)
            session_over(side, false);
        return;
    }
    if (u->waits != p->service)
        world_blame("side %u: %s is confirmed, which it has not asked for", side,
                    cvn_x225_service_name(p->service));
    u->waits = NONE;
    u->purging = false;
    if (p->service == CVN_S_SYNC_MAJOR || p->service == CVN_S_ACTIVITY_END)
        major_done(u, p->service == CVN_S_ACTIVITY_END);
    else if (p->service == CVN_S_RESYNCHRONIZE)
        resync_done(side, p);
    else if (is_destructive(p->service))
        activity_left(side, true);
}

static void heard_destructive(unsigned side, const struct cvn_x225_prim *p)
{
    struct user *u = &it.peer[side].user;
    all_optional(side);
    u->purging = u->excepting = u->excepted = u->releasing = u->controlling = false;
    u->waits = NONE;
    u->answers = (uint8_t)p->service;
    u->resync = p->resync;
    u->setting = p->token_setting;
}

static void heard_point(unsigned side, const struct cvn_x225_prim *p)
{
    point_heard(side, p->serial, p->service == CVN_S_SYNC_MINOR);
    if (p->service != CVN_S_SYNC_MINOR)
        it.peer[side].user.answers = (uint8_t)p->service;
}

static void heard_indication(unsigned side, const struct cvn_x225_prim *p)
{
    struct user *u = &it.peer[side].user;
    switch (p->service) {
    case CVN_S_TOKEN_GIVE:
        u->tokens |= p->tokens;
        if ((p->tokens & CVN_TOKEN_DATA) != 0)
            u->excepting = false;
        break;
    case CVN_S_CONTROL_GIVE:
        u->tokens = world_vars(side).tokens_available;
        break;
    case CVN_S_SYNC_MINOR:
    case CVN_S_SYNC_MAJOR:
    case CVN_S_ACTIVITY_END:
        heard_point(side, p);
        break;
    case CVN_S_CONNECT:
    case CVN_S_CAPABILITY_DATA:
    case CVN_S_RELEASE:
        u->answers = (uint8_t)p->service;
        break;
    case CVN_S_ACTIVITY_START:
        u->act = true;
        numbers_begin(u, 1, 1);
        break;
    case CVN_S_ACTIVITY_RESUME:
        u->act = true;
        numbers_begin(u, p->serial + 1, 1);
        break;
    case CVN_S_RESYNCHRONIZE:
    case CVN_S_ACTIVITY_INTERRUPT:
    case CVN_S_ACTIVITY_DISCARD:
        heard_destructive(side, p);
        break;
    case CVN_S_U_EXCEPTION_REPORT:
        u->excepted = (u->tokens & CVN_TOKEN_DATA) != 0;
        u->unsure = true;
        u->waits = NONE;
        u->releasing = false;
        break;
    case CVN_S_U_ABORT:
        session_over(side, true);
        break;
    default:
        break;
    }
}

/* Of the two who are told, he who has not the data token waits for recovery. */
static void exception_heard(unsigned side)
{
    struct user *u = &it.peer[side].user;
    u->excepted = (u->tokens & CVN_TOKEN_DATA) != 0;
    u->excepting = !u->excepted && cvn_x225_state(it.peer[side].x) == CVN_STA20;
    u->unsure = true;
    u->waits = u->answers = NONE;
    u->releasing = false;
    if (u->excepting)
        all_optional(!side);
}

void user_hears(unsigned side, const struct cvn_x225_prim *p)
{
    const struct user *other = &it.peer[!side].user;
    if (p->service == CVN_S_P_ABORT && (it.cut || other->over)) {
        session_over(side, true);
        return;
    }
    if (p->service == CVN_S_P_EXCEPTION_REPORT && it.noise) {
        exception_heard(side);
        return;
    }
    if (p->service == CVN_S_P_ABORT || p->service == CVN_S_P_EXCEPTION_REPORT) {
        world_blame("side %u hears %s: %s", side, cvn_x225_service_name(p->service),
                    p->why != NULL ? p->why : "no reason");
        return;
    }
    log_take(side, p);
    if (p->type == CVN_CONFIRM)
        heard_confirm(side, p);
    else
        heard_indication(side, p);
}

/* --- nothing is on its way --- */

static void log_judge(unsigned side)
{
    struct user *u = &it.peer[side].user;
    if (world_vars(side).state == CVN_STA09) /* after a collision the response is held */
        return;
    struct log *logs[] = {&u->normal, &u->expedited};
    for (unsigned k = 0; k < 2; k++) {
        for (unsigned i = 0; i < logs[k]->n; i++) {
            const struct entry *e = &logs[k]->at[i];
            if (!e->optional)
                world_blame("%s %s of side %u has never come",
                            cvn_x225_service_name((enum cvn_x225_service)e->service),
                            cvn_x225_type_name((enum cvn_x225_type)e->type), side);
        }
        log_clear(logs[k]);
    }
    u->tag = 0;
    u->controlling = false;
}

static void numbers_judge(unsigned side, const struct cvn_x225_vars *v)
{
    const struct user *u = &it.peer[side].user;
    if (v->vact != u->act && world_has(CVN_FU_ACTIVITY))
        world_blame("side %u: an activity is %sin progress, Vact is not so", side,
                    u->act ? "" : "not ");
    if (!world_has(CVN_FU_MINOR_SYNC | CVN_FU_MAJOR_SYNC | CVN_FU_RESYNC | CVN_FU_ACTIVITY))
        return;
    if (user_ss() || u->unsure || (world_has(CVN_FU_ACTIVITY) && !u->act))
        return;
    if (v->vm != u->m || v->va != u->a || v->vr != u->r)
        world_blame("side %u: V(A) %u V(M) %u V(R) %u should be %u %u %u", side, v->va, v->vm,
                    v->vr, u->a, u->m, u->r);
}

/* Symmetric synchronize: what one sends the other receives. */
static void flows_judge(const struct cvn_x225_vars *a, const struct cvn_x225_vars *b)
{
    if (world_has(CVN_FU_ACTIVITY) && !a->vact)
        return;
    if (a->vm != b->vmr || a->va != b->var || a->vr != b->vrr)
        world_blame("a flow has V(A) %u V(M) %u V(R) %u at its source, %u %u %u at its end", a->va,
                    a->vm, a->vr, b->var, b->vmr, b->vrr);
}

/* The tokens are where RA will put them. */
static bool is_resync(enum cvn_x225_state s)
{
    switch (s) {
    case CVN_STA05A:
    case CVN_STA05B:
    case CVN_STA05C:
    case CVN_STA11A:
    case CVN_STA11B:
    case CVN_STA11C:
        return true;
    default:
        return false;
    }
}

static void side_judge(unsigned side)
{
    const struct user *u = &it.peer[side].user;
    struct cvn_x225_vars v = world_vars(side);
    if (!u->connected)
        return;
    if (v.tokens_owned != u->tokens && !is_resync(v.state))
        world_blame("side %u: tokens %02x, should be %02x", side, v.tokens_owned, u->tokens);
    if (v.queued != 0)
        world_blame("side %u: %u events are still held", side, v.queued);
    if (v.state != CVN_STA713)
        return;
    if (u->waits != NONE || u->releasing)
        world_blame("side %u: the confirm of %s has never come", side,
                    u->releasing ? "S-RELEASE"
                                 : cvn_x225_service_name((enum cvn_x225_service)u->waits));
    if (u->answers != NONE)
        world_blame("side %u: %s can not be answered any more", side,
                    cvn_x225_service_name((enum cvn_x225_service)u->answers));
    numbers_judge(side, &v);
}

void user_judge(void)
{
    struct cvn_x225_vars a = world_vars(0);
    struct cvn_x225_vars b = world_vars(1);
    log_judge(0);
    log_judge(1);
    side_judge(0);
    side_judge(1);
    if (!it.peer[0].user.connected || !it.peer[1].user.connected)
        return;
    if (!is_resync(a.state) && (a.tokens_owned ^ b.tokens_owned) != a.tokens_available)
        world_blame("tokens %02x and %02x", a.tokens_owned, b.tokens_owned);
    if (a.units != b.units || a.version != b.version)
        world_blame("units %04x and %04x", a.units, b.units);
    if (a.state == CVN_STA713 && b.state == CVN_STA713 && user_ss() &&
        !world_has(CVN_FU_EXCEPTIONS)) {
        flows_judge(&a, &b);
        flows_judge(&b, &a);
    }
}
