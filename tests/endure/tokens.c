/* SPDX-License-Identifier: MIT */
/*
 * Two users who hand the four tokens to and fro, with records behind and before each, and judge by
 * their own idea of who has which. In the end the caller asks for all of them and releases; with
 * negotiated release the other may say no first.
 */
#include <stdio.h>
#include <string.h>

#include "endure.h"

struct user {
    const struct config *config;
    uint8_t tokens;
    uint64_t sent, got;
    uint32_t handed; /* the data token, both ways */
    uint32_t points, refusals;
    bool pleased;   /* the peer wants all, to release */
    bool asked_all; /* we do */
    bool releasing, owes_release, over;
};

static struct user *self(struct end *e)
{
    return e->user;
}

static bool enough(const struct user *u)
{
    return u->handed >= u->config->count;
}

static void send_record(struct end *e)
{
    struct user *u = self(e);
    struct cvn_x225_prim p = request(CVN_S_DATA);
    uint8_t octets[RECORD_MAX];
    p.data = (struct cvn_octets){octets, record_make(octets, 'T', 0, u->sent)};
    if ((u->tokens & CVN_TOKEN_DATA) == 0) {
        int rc = try_ask(e, &p); /* nobody sends without it */
        must(e, rc == CVN_ETOKEN);
        return;
    }
    if (ask(e, &p))
        u->sent++;
}

static void give(struct end *e, uint8_t which)
{
    struct user *u = self(e);
    struct cvn_x225_prim p = request(CVN_S_TOKEN_GIVE);
    p.tokens = which;
    if (rnd(&e->random, 20) == 0 && (uint8_t)~u->tokens & CVN_TOKEN_ALL) {
        p.tokens = (uint8_t)~u->tokens & CVN_TOKEN_ALL; /* not ours to give */
        must(e, try_ask(e, &p) == CVN_ETOKEN);
        return;
    }
    if (which == 0 || !ask(e, &p))
        return;
    u->tokens &= (uint8_t)~which;
    u->handed += (which & CVN_TOKEN_DATA) != 0;
}

static void please(struct end *e, uint8_t which, const char *why)
{
    struct cvn_x225_prim p = request(CVN_S_TOKEN_PLEASE);
    p.tokens = which;
    p.data = (struct cvn_octets){(const uint8_t *)why, strlen(why)};
    if (which != 0)
        (void)ask(e, &p);
}

static void set_point(struct end *e)
{
    struct user *u = self(e);
    struct cvn_x225_prim p = request(CVN_S_SYNC_MINOR);
    bool may = (u->tokens & CVN_TOKEN_DATA) != 0 && (u->tokens & CVN_TOKEN_MINOR) != 0;
    p.optional = true;
    if (!may) {
        must(e, try_ask(e, &p) == CVN_ETOKEN);
        return;
    }
    u->points += ask(e, &p);
}

static void finish(struct end *e)
{
    struct user *u = self(e);
    struct cvn_x225_prim p = request(CVN_S_RELEASE);
    if (u->releasing)
        return;
    if (u->tokens != CVN_TOKEN_ALL) {
        must(e, try_ask(e, &p) == CVN_ETOKEN); /* release needs all of them */
        if (!u->asked_all)
            please(e, CVN_TOKEN_ALL, "all");
        u->asked_all = true;
        return;
    }
    if (ask(e, &p))
        u->releasing = true;
}

static void answer(struct end *e)
{
    struct user *u = self(e);
    if (!u->owes_release)
        return;
    struct cvn_x225_prim p = response(CVN_S_RELEASE);
    p.result = u->refusals < 3 ? 0 : CVN_RESULT_ACCEPT;
    if (!ask(e, &p))
        return;
    u->owes_release = false;
    u->refusals++;
    u->over = p.result != 0;
}

static void act(struct end *e)
{
    struct user *u = self(e);
    if (u->over || u->releasing)
        return;
    if (u->owes_release) {
        answer(e);
        return;
    }
    if (u->pleased) {
        give(e, u->tokens);
        return;
    }
    if (e->side == 0 && enough(u)) {
        finish(e);
        return;
    }
    switch (rnd(&e->random, 8)) {
    case 0:
        set_point(e);
        break;
    case 1:
        please(e, (uint8_t)(rnd(&e->random, 256) & CVN_TOKEN_ALL), "please");
        break;
    case 2:
    case 3:
    case 4:
        give(e, (uint8_t)(rnd(&e->random, 256) & u->tokens) |
                    (rnd(&e->random, 2) ? u->tokens & CVN_TOKEN_DATA : 0));
        break;
    default:
        send_record(e);
        break;
    }
}

static void hear(struct end *e, const struct cvn_x225_prim *ev)
{
    struct user *u = self(e);
    switch (ev->service) {
    case CVN_S_DATA:
        must(e, record_is(ev->data, 'T', 0, u->got));
        must(e, (u->tokens & CVN_TOKEN_DATA) == 0);
        u->got++;
        break;
    case CVN_S_TOKEN_GIVE:
        must(e, ev->tokens != 0 && (ev->tokens & u->tokens) == 0);
        u->tokens |= ev->tokens;
        u->handed += (ev->tokens & CVN_TOKEN_DATA) != 0;
        break;
    case CVN_S_TOKEN_PLEASE:
        if (ev->data.n == 3)
            u->pleased = true;
        break;
    case CVN_S_SYNC_MINOR:
        must(e, (u->tokens & CVN_TOKEN_MINOR) == 0);
        u->points++;
        must(e, ev->serial == u->points);
        break;
    case CVN_S_RELEASE:
        if (ev->type == CVN_INDICATION) {
            must(e, u->tokens == 0);
            u->owes_release = true;
        } else if (ev->result == 0) {
            u->releasing = false; /* not yet */
            u->refusals++;
        } else {
            must(e, u->refusals == 3);
            u->over = true;
        }
        break;
    default:
        fail(e, "nobody asked for this");
    }
}

static bool settled(const struct end *e)
{
    const struct user *u = e->user;
    return u->over || (!u->owes_release && !u->releasing);
}

static bool done(const struct end *e)
{
    const struct user *u = e->user;
    return u->over;
}

static void audit(struct end ends[2])
{
    struct user *u[2] = {self(&ends[0]), self(&ends[1])};
    must(&ends[0], u[0]->over || (u[0]->tokens ^ u[1]->tokens) == CVN_TOKEN_ALL);
    must(&ends[0], u[0]->handed == u[1]->handed && u[0]->points == u[1]->points);
    for (unsigned i = 0; i < 2; i++) {
        struct cvn_x225_vars v;
        cvn_sc_vars(ends[i].c, &v);
        must(&ends[i], u[i]->over || v.tokens_owned == u[i]->tokens);
        must(&ends[i], u[i]->sent == u[!i]->got);
    }
}

static const struct play play = {
    .act = act, .hear = hear, .settled = settled, .answer = answer, .done = done};

void play_tokens(const struct config *c)
{
    static struct end ends[2];
    static struct user users[2];
    struct cvn_x225_prim connect = request(CVN_S_CONNECT);
    struct cvn_sc_opts opts[2];
    memset(ends, 0, sizeof ends);
    memset(users, 0, sizeof users);
    connect.units = c->units;
    connect.versions = c->versions;
    connect.serial = 1;
    connect.tsdu_max_initiator = c->tsdu_max;
    for (unsigned i = 0; i < 2; i++) {
        users[i] = (struct user){.config = c, .tokens = i == 0 ? CVN_TOKEN_ALL : 0};
        ends[i] = (struct end){
            .side = i, .random = c->seed * 2 + i + 77, .play = &play, .user = &users[i]};
        opts[i] = (struct cvn_sc_opts){.initiator = i == 0, .reference = 1};
    }
    pair_open(ends, &connect, opts);
    if (c->tcp)
        run_tcp(ends);
    else
        run_memory(ends, audit);
    printf("tokens%s: data token handed over %u times, %lu records there, %lu back, %u points\n",
           c->tcp ? " tcp" : "", users[0].handed, (unsigned long)users[0].sent,
           (unsigned long)users[0].got, users[0].points);
    for (unsigned i = 0; i < 2; i++)
        cvn_sc_free(ends[i].c);
}
