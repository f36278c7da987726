/* SPDX-License-Identifier: MIT */
/* moves - the steps of an exploration: what a user may ask or answer, and the transport deliver. */
#include <stdio.h>
#include <string.h>

#include "user.h"

#define MOVES_MAX 200u

enum step { ASK, DELIVER, DELIVER_EXPEDITED, TICK, CUT, NOISE };

struct move {
    uint8_t step, side;
    uint8_t service, type;
    uint8_t variant; /* which parameters: fill() */
};

static struct move moves[MOVES_MAX];
static unsigned count;

static void add(uint8_t step, uint8_t side, unsigned service, unsigned type, unsigned variant)
{
    if (count < MOVES_MAX)
        moves[count++] =
            (struct move){step, side, (uint8_t)service, (uint8_t)type, (uint8_t)variant};
}

/* The letters of a configuration: a service and variants of its parameters. */
static const struct letter {
    char letter;
    uint8_t service;
    uint8_t variants;
    uint8_t first;
} letters[] = {
    {'d', CVN_S_DATA, 1, 0},
    {'x', CVN_S_EXPEDITED_DATA, 1, 0},
    {'t', CVN_S_TYPED_DATA, 1, 0},
    {'c', CVN_S_CAPABILITY_DATA, 1, 0},
    {'g', CVN_S_TOKEN_GIVE, 5, 0}, /* each, and all that are owned */
    {'p', CVN_S_TOKEN_PLEASE, 1, 0},
    {'C', CVN_S_CONTROL_GIVE, 1, 0},
    {'m', CVN_S_SYNC_MINOR, 1, 0},
    {'s', CVN_S_SYNC_MINOR, 1, 1}, /* with data separation */
    {'M', CVN_S_SYNC_MAJOR, 1, 0},
    {'a', CVN_S_RESYNCHRONIZE, 1, 0}, /* abandon; see resync() */
    {'r', CVN_S_RESYNCHRONIZE, 2, 1}, /* restart at the lowest and at the next number */
    {'e', CVN_S_RESYNCHRONIZE, 1, 3}, /* set, tokens to the acceptor */
    {'y', CVN_S_RESYNCHRONIZE, 3, 4}, /* symmetric synchronize: both flows */
    {'E', CVN_S_U_EXCEPTION_REPORT, 1, 0},
    {'A', CVN_S_ACTIVITY_START, 1, 0},
    {'U', CVN_S_ACTIVITY_RESUME, 1, 0},
    {'i', CVN_S_ACTIVITY_INTERRUPT, 1, 0},
    {'D', CVN_S_ACTIVITY_DISCARD, 1, 0},
    {'n', CVN_S_ACTIVITY_END, 1, 0},
    {'l', CVN_S_RELEASE, 1, 0},
    {'k', CVN_S_RELEASE, 1, 1}, /* the transport connection may be kept */
    {'b', CVN_S_U_ABORT, 1, 0},
    {'B', CVN_S_U_ABORT, 1, 1}, /* more user data than goes on the expedited flow */
};

static const struct answer {
    char letters[8]; /* that may bring it about */
    uint8_t service;
    uint8_t variants;
} answers[] = {
    {"K", CVN_S_CONNECT, 2},          {"c", CVN_S_CAPABILITY_DATA, 1},
    {"ms", CVN_S_SYNC_MINOR, 2},      {"M", CVN_S_SYNC_MAJOR, 1},
    {"arey", CVN_S_RESYNCHRONIZE, 1}, {"i", CVN_S_ACTIVITY_INTERRUPT, 1},
    {"D", CVN_S_ACTIVITY_DISCARD, 1}, {"n", CVN_S_ACTIVITY_END, 1},
    {"lk", CVN_S_RELEASE, 2},
};

static void list_side(const struct config *c, uint8_t side)
{
    add(DELIVER, side, 0, 0, 0);
    if (c->expedited)
        add(DELIVER_EXPEDITED, side, 0, 0, 0);
    for (size_t i = 0; i < sizeof letters / sizeof letters[0]; i++) {
        for (unsigned k = 0; strchr(c->moves, letters[i].letter) != NULL && k < letters[i].variants;
             k++)
            add(ASK, side, letters[i].service, CVN_REQUEST, letters[i].first + k);
    }
    for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++) {
        for (unsigned k = 0;
             strpbrk(c->moves, answers[i].letters) != NULL && k < answers[i].variants; k++)
            add(ASK, side, answers[i].service, CVN_RESPONSE, k);
    }
    if (side == 0 && strchr(c->moves, 'K') != NULL)
        add(ASK, side, CVN_S_CONNECT, CVN_REQUEST, 0);
    if (strpbrk(c->moves, "bBlkKT") != NULL)
        add(TICK, side, 0, 0, 0);
    if (strchr(c->moves, 'N') != NULL)
        add(NOISE, side, 0, 0, 0);
    if (side == 0 && strchr(c->moves, 'X') != NULL)
        add(CUT, side, 0, 0, 0);
}

unsigned moves_list(const struct config *c)
{
    count = 0;
    list_side(c, 0);
    list_side(c, 1);
    return count;
}

static void resync(struct cvn_x225_prim *p, const struct cvn_x225_vars *v, unsigned variant)
{
    static const uint8_t types[][2] = {
        {CVN_RESYNC_ABANDON, CVN_RESYNC_NONE},    {CVN_RESYNC_RESTART, CVN_RESYNC_NONE},
        {CVN_RESYNC_RESTART, CVN_RESYNC_NONE},    {CVN_RESYNC_SET, CVN_RESYNC_NONE},
        {CVN_RESYNC_ABANDON, CVN_RESYNC_ABANDON}, {CVN_RESYNC_RESTART, CVN_RESYNC_RESTART},
        {CVN_RESYNC_SET, CVN_RESYNC_RESTART},
    };
    p->resync = types[variant][0];
    p->resync2 = types[variant][1];
    p->serial = p->resync == CVN_RESYNC_SET ? 3 : variant == 2 ? v->vm : v->vr;
    p->serial2 = p->resync2 == CVN_RESYNC_RESTART ? v->vrr : CVN_SERIAL_NONE;
    if (variant == 3) {
        unsigned side = v->initiator ? CVN_SIDE_RESPONDER : CVN_SIDE_INITIATOR;
        p->has_token_setting = true;
        p->token_setting = (uint8_t)(CVN_TOKEN_ALL * side);
    }
    if (variant == 1) {
        p->has_token_setting = true;
        p->token_setting = (uint8_t)(CVN_TOKEN_ALL * (unsigned)CVN_SIDE_ACCEPTOR_CHOOSES);
    }
}

static void connect(struct cvn_x225_prim *p)
{
    p->units = it.config->units;
    p->serial = 1;
    if (user_ss() && p->type == CVN_RESPONSE)
        p->serial = 2;
    p->serial2 = user_ss() ? 3 - p->serial : CVN_SERIAL_NONE;
    if (p->type == CVN_REQUEST) {
        p->has_token_setting = true;
        p->token_setting = it.config->setting;
    }
}

static uint8_t tokens(const struct cvn_x225_vars *v, unsigned variant)
{
    return variant == 4 ? v->tokens_owned : (uint8_t)(1u << 2 * variant);
}

static void answer(struct cvn_x225_prim *p, const struct move *m, const struct cvn_x225_vars *v)
{
    bool ss = user_ss();
    uint32_t low = ss ? v->var : v->va;
    uint32_t high = ss ? v->vmr : v->vm;
    if (p->service == CVN_S_SYNC_MINOR)
        p->serial = m->variant == 0 ? low : high - 1;
    if (p->service == CVN_S_RELEASE && m->variant == 1)
        p->result = 0;
    if (p->service == CVN_S_RESYNCHRONIZE) { /* of what is left to us: all to us */
        p->has_token_setting = true;
        p->token_setting = (uint8_t)(CVN_TOKEN_ALL * (unsigned)(v->initiator ? CVN_SIDE_INITIATOR
                                                                             : CVN_SIDE_RESPONDER));
    }
    if (p->service == CVN_S_CONNECT) {
        connect(p);
        if (m->variant == 1)
            p->result = CVN_RF_USER;
    }
}

static const uint8_t activity[] = {'a', 'c'};

static void ask(struct cvn_x225_prim *p, const struct move *m, const struct cvn_x225_vars *v)
{
    switch (p->service) {
    case CVN_S_CONNECT:
        connect(p);
        break;
    case CVN_S_TOKEN_GIVE:
        p->tokens = tokens(v, m->variant);
        break;
    case CVN_S_TOKEN_PLEASE:
        p->tokens = v->tokens_available & (uint8_t)~v->tokens_owned;
        break;
    case CVN_S_RESYNCHRONIZE:
        resync(p, v, m->variant);
        break;
    case CVN_S_SYNC_MINOR:
        p->separation = m->variant == 1;
        break;
    case CVN_S_ACTIVITY_RESUME:
        p->serial = 4;
        p->old_activity = (struct cvn_octets){activity, 1};
        p->activity = (struct cvn_octets){activity, 2};
        break;
    case CVN_S_ACTIVITY_START:
        p->activity = (struct cvn_octets){activity, 2};
        break;
    case CVN_S_RELEASE:
        p->keep = m->variant == 1;
        break;
    default:
        break;
    }
}

/* Version 1 has no user data in these. */
static bool is_bare(const struct cvn_x225_prim *p)
{
    return p->service == CVN_S_TOKEN_GIVE || p->service == CVN_S_CONTROL_GIVE ||
           p->service == CVN_S_ACTIVITY_INTERRUPT || p->service == CVN_S_ACTIVITY_DISCARD;
}

static bool is_new_point(const struct cvn_x225_prim *p)
{
    return p->type == CVN_REQUEST &&
           (p->service == CVN_S_SYNC_MINOR || p->service == CVN_S_SYNC_MAJOR ||
            p->service == CVN_S_ACTIVITY_END);
}

static struct cvn_x225_prim imagine(const struct move *m, const struct cvn_x225_vars *v,
                                    const uint8_t *data, size_t n)
{
    struct cvn_x225_prim p;
    cvn_x225_prim_init(&p, (enum cvn_x225_service)m->service, (enum cvn_x225_type)m->type);
    if (m->type == CVN_RESPONSE)
        answer(&p, m, v);
    else
        ask(&p, m, v);
    bool refuses = p.service == CVN_S_CONNECT && p.type == CVN_RESPONSE &&
                   p.result != CVN_RESULT_ACCEPT; /* no data with this reason code */
    if (!refuses && (!it.config->version1 || !is_bare(&p)))
        p.data = (struct cvn_octets){data, 1};
    if (p.service == CVN_S_U_ABORT && m->variant == 1)
        p.data.n = n;
    return p;
}

/* Outside our bounds, or what no user can mean. */
static bool is_pointless(const struct cvn_x225_prim *p, const struct cvn_x225_vars *v,
                         const struct user *u)
{
    bool token = p->service == CVN_S_TOKEN_GIVE || p->service == CVN_S_TOKEN_PLEASE;
    return (is_new_point(p) && v->vm > 6) || u->normal.n + u->expedited.n >= LOG_MAX / 2 ||
           (token && p->tokens == 0);
}

/* X.215 forbids it, and the machine may take it: nothing comes of what is asked while PREPARE has
 * announced an end that the user does not know of; and a second S-RELEASE is not counted. */
static bool is_forbidden_quietly(const struct cvn_x225_prim *p, const struct cvn_x225_vars *v,
                                 const struct user *u)
{
    return v->state == CVN_STA15B || v->state == CVN_STA15C || v->state == CVN_STA15D ||
           (p->type == CVN_REQUEST && p->service == CVN_S_RELEASE && u->connected);
}

static bool do_ask(const struct move *m)
{
    struct cvn_x225_vars v = world_vars(m->side);
    struct user *u = &it.peer[m->side].user;
    uint8_t data[24] = {(uint8_t)(u->tag + 1)};
    struct cvn_x225_prim p = imagine(m, &v, data, sizeof data);
    if (is_pointless(&p, &v, u))
        return false;
    enum verdict may = user_may(m->side, &p);
    if (may == NO && is_forbidden_quietly(&p, &v, u))
        return false;
    int rc = world_request(m->side, &p);
    if (rc == CVN_OK && may == NO)
        world_blame("side %u: %s %s is taken, which X.215 forbids now", m->side,
                    cvn_x225_service_name(p.service), cvn_x225_type_name(p.type));
    if (rc == CVN_ETOKEN && v.state == CVN_STA15B)
        may = MAYBE; /* tokens that were given since PREPARE have not moved */
    if (rc != CVN_OK && may == YES)
        world_blame("side %u: %s %s is refused (%s), which X.215 allows now", m->side,
                    cvn_x225_service_name(p.service), cvn_x225_type_name(p.type), cvn_err_name(rc));
    if (rc == CVN_OK)
        u->tag = (uint8_t)(u->tag + 1) % 16;
    return rc == CVN_OK || it.wrong;
}

/* Where ER is the answer: this user could report an exception too. */
static bool do_noise(unsigned side)
{
    struct cvn_x225_prim p;
    cvn_x225_prim_init(&p, CVN_S_U_EXCEPTION_REPORT, CVN_REQUEST);
    if (it.noise || world_vars(side).state != CVN_STA713 || user_may(side, &p) != YES)
        return false;
    world_noise(side);
    return true;
}

bool moves_do(unsigned n)
{
    const struct move *m = &moves[n];
    switch (m->step) {
    case ASK:
        return do_ask(m);
    case DELIVER:
    case DELIVER_EXPEDITED:
        return world_deliver(m->side, m->step == DELIVER_EXPEDITED);
    case TICK:
        if (cvn_x225_deadline(it.peer[m->side].x) == CVN_NEVER)
            return false;
        world_tick(m->side);
        return true;
    case NOISE:
        return do_noise(m->side);
    default:
        if (it.peer[0].generation == 0 && it.peer[1].generation == 0)
            return false;
        world_cut();
        return true;
    }
}

bool moves_is_request(unsigned n)
{
    return moves[n].step == ASK && moves[n].service != CVN_S_U_ABORT;
}

bool moves_is_abort(unsigned n)
{
    return moves[n].step == CUT || moves[n].step == NOISE ||
           (moves[n].step == ASK && moves[n].service == CVN_S_U_ABORT);
}

void moves_name(unsigned n, char *text, size_t size)
{
    static const char *const steps[] = {"",
                                        "normal data arrives at",
                                        "expedited data arrives at",
                                        "TIM runs out at",
                                        "the transport is lost",
                                        "no SPDU arrives at"};
    const struct move *m = &moves[n];
    if (m->step == ASK)
        snprintf(text, size, "%u: %s %s (%u)", m->side,
                 cvn_x225_service_name((enum cvn_x225_service)m->service),
                 cvn_x225_type_name((enum cvn_x225_type)m->type), m->variant);
    else
        snprintf(text, size, "%s %u", steps[m->step], m->side);
}
