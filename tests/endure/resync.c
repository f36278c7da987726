/* SPDX-License-Identifier: MIT */
/*
 * Two users who set points, give tokens and resynchronize at any time, both at once too, with data
 * under way in both directions. Each end has its own idea of numbers, tokens and of who wins
 * (X.215 7 and the priorities of X.225), and compares what the provider tells it.
 *
 * User data of S-RESYNCHRONIZE says what its sender has got and sent, so that both know where each
 * direction goes on: after restart from the point, after abandon and set behind what was sent.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "endure.h"

#define MARKS 64u
#define TOLD  41u /* octets of struct told */

enum doing { PLAIN, MAJOR_ASKED, MAJOR_TOLD, RESYNC_ASKED, RESYNC_TOLD, RELEASE_ASKED, OVER };

struct told {
    uint64_t got, sent,
        at; /* at: where the point of a restart is in the teller's sending, or NOWHERE */
    uint64_t expedited; /* sent */
    uint32_t epoch;
    bool final;
};
#define NOWHERE UINT64_MAX

/* A point that is known here: its place in the direction of whoever has set it. */
struct mark {
    uint32_t serial;
    bool mine;
    bool confirmed;
    uint64_t at;
};

struct user {
    const struct config *config;
    enum doing doing;
    uint32_t next, low; /* the next number; the lowest for a restart */
    uint8_t tokens, available;
    uint64_t sent, got, confirmed;
    uint64_t expedited_sent, expedited_got;
    uint32_t epoch; /* resynchronizations */
    struct mark marks[MARKS];
    unsigned nmarks;
    bool may_answer;      /* points of the peer are there to be confirmed */
    uint32_t answer_from; /* the lowest of them, and the last */
    uint32_t answer_to;
    uint32_t major; /* the outstanding one */
    /* the resynchronization asked for by us; by the peer */
    uint8_t asked, heard;
    uint32_t asked_serial, heard_serial;
    uint8_t heard_setting;
    struct told told; /* with heard */
    bool final, finishing, swallowed;
    uint32_t asked_records;
    uint32_t completed[3], collisions, lost, points, majors;
};

static struct user *self(struct end *e)
{
    return e->user;
}

static bool has(const struct user *u, uint16_t unit)
{
    return (u->config->units & unit) != 0;
}

static bool owns_or_none(const struct user *u, uint8_t token)
{
    return (u->available & token) == 0 || (u->tokens & token) != 0;
}

/* --- marks --- */

static void mark_add(struct user *u, uint32_t serial, bool mine, uint64_t at)
{
    if (u->nmarks == MARKS) { /* the oldest is forgotten: nobody here will restart from it */
        memmove(&u->marks[0], &u->marks[1], sizeof u->marks - sizeof u->marks[0]);
        u->nmarks--;
    }
    u->marks[u->nmarks++] = (struct mark){.serial = serial, .mine = mine, .at = at};
}

static struct mark *mark_find(struct user *u, uint32_t serial)
{
    for (unsigned i = 0; i < u->nmarks; i++) {
        if (u->marks[i].serial == serial)
            return &u->marks[i];
    }
    return NULL;
}

static void marks_from(struct user *u, uint32_t serial)
{
    while (u->nmarks > 0 && u->marks[u->nmarks - 1].serial >= serial)
        u->nmarks--;
}

/* Our points up to serial are confirmed: what went before them is safe. */
static void confirm_to(struct user *u, uint32_t serial)
{
    for (unsigned i = 0; i < u->nmarks; i++) {
        struct mark *m = &u->marks[i];
        if (!m->mine || m->serial > serial)
            continue;
        m->confirmed = true;
        if (m->at > u->confirmed)
            u->confirmed = m->at;
    }
}

/* --- what is told in user data --- */

static void tell(const struct user *u, uint8_t *at, uint64_t place, bool final)
{
    put64(at, u->got);
    put64(at + 8, u->sent);
    put64(at + 16, place);
    put64(at + 24, u->expedited_sent);
    put64(at + 32, (uint64_t)u->epoch << 8 | final);
    at[40] = u->tokens;
}

static struct told told_read(const struct end *e, struct cvn_octets o)
{
    must(e, o.n == TOLD);
    uint64_t last = get64(o.p + 32);
    return (struct told){.got = get64(o.p),
                         .sent = get64(o.p + 8),
                         .at = get64(o.p + 16),
                         .expedited = get64(o.p + 24),
                         .epoch = (uint32_t)(last >> 8),
                         .final = (last & 1) != 0};
}

/* --- asking --- */

static void send_record(struct end *e)
{
    struct user *u = self(e);
    bool typed =
        has(u, CVN_FU_TYPED_DATA) && (!owns_or_none(u, CVN_TOKEN_DATA) || rnd(&e->random, 5) == 0);
    if (!typed && !owns_or_none(u, CVN_TOKEN_DATA))
        return;
    struct cvn_x225_prim p = request(typed ? CVN_S_TYPED_DATA : CVN_S_DATA);
    uint8_t octets[RECORD_MAX];
    bool wrong = ++u->asked_records == 1000 && e->side == 0;
    enum plant plant = wrong ? u->config->plant : NOTHING;
    uint32_t epoch = plant == STALE ? u->epoch - 1 : u->epoch;
    p.data = (struct cvn_octets){octets, record_make(octets, 'D', epoch, u->sent)};
    if (plant == LOSE)
        u->sent++;
    else if (ask(e, &p) && plant != TWICE)
        u->sent++;
}

static void send_expedited(struct end *e)
{
    struct user *u = self(e);
    struct cvn_x225_prim p = request(CVN_S_EXPEDITED_DATA);
    uint8_t octets[RECORD_MAX];
    p.data = (struct cvn_octets){octets, record_make(octets, 'X', u->epoch, u->expedited_sent)};
    if (ask(e, &p))
        u->expedited_sent++;
}

static void set_point(struct end *e, bool major)
{
    struct user *u = self(e);
    struct cvn_x225_prim p = request(major ? CVN_S_SYNC_MAJOR : CVN_S_SYNC_MINOR);
    uint8_t place[8];
    if (u->next > CVN_SERIAL_MAX) {
        int rc = try_ask(e, &p);
        must(e, rc == CVN_ESERIAL || (rc == CVN_OK && u->config->expedited));
        u->swallowed = u->swallowed || rc == CVN_OK;
        return;
    }
    put64(place, u->sent);
    p.data = (struct cvn_octets){place, sizeof place};
    p.optional = !major && rnd(&e->random, 3) == 0;
    if (!ask(e, &p))
        return;
    if (p.serial == CVN_SERIAL_NONE) { /* the provider knows of a PREPARE that we do not */
        must(e, u->config->expedited);
        u->swallowed = true;
        return;
    }
    must(e, p.serial == u->next);
    /* Setting a point agrees to those of the peer that came before. */
    u->may_answer = false;
    mark_add(u, u->next, true, u->sent);
    u->next++;
    u->points++;
    if (major) {
        u->major = p.serial;
        u->doing = MAJOR_ASKED;
        u->majors++;
    }
}

static void confirm_point(struct end *e)
{
    struct user *u = self(e);
    uint32_t last =
        u->doing == MAJOR_TOLD && u->answer_to == u->major ? u->major - 1 : u->answer_to;
    if (!u->may_answer || last < u->answer_from)
        return;
    struct cvn_x225_prim p = response(CVN_S_SYNC_MINOR);
    p.serial = u->answer_from + rnd(&e->random, last - u->answer_from + 1);
    if (ask(e, &p))
        u->answer_from = p.serial + 1;
}

static void give(struct end *e)
{
    struct user *u = self(e);
    struct cvn_x225_prim p = request(CVN_S_TOKEN_GIVE);
    p.tokens = u->tokens & (uint8_t)rnd(&e->random, 256);
    if (p.tokens != 0 && ask(e, &p) && u->config->plant != TOKEN)
        u->tokens &= (uint8_t)~p.tokens;
}

static void please(struct end *e)
{
    struct user *u = self(e);
    struct cvn_x225_prim p = request(CVN_S_TOKEN_PLEASE);
    p.tokens = u->available & (uint8_t)rnd(&e->random, 256);
    if (p.tokens != 0)
        (void)ask(e, &p);
}

/* A number that X.215 allows for a restart, and whose place both can know. */
static bool restart_choose(struct end *e, uint32_t *serial, uint64_t *at)
{
    struct user *u = self(e);
    *at = NOWHERE;
    *serial = u->next;
    if (u->nmarks > 0 && rnd(&e->random, 5) != 0) {
        const struct mark *m = &u->marks[rnd(&e->random, u->nmarks)];
        if (m->serial < u->low)
            return false;
        *serial = m->serial;
        *at = m->mine ? m->at : NOWHERE;
    }
    return *serial <= CVN_SERIAL_MAX;
}

static uint32_t set_choose(struct end *e)
{
    return rnd(&e->random, 8) == 0 ? CVN_SERIAL_MAX - 3 + rnd(&e->random, 4)
                                   : rnd(&e->random, 2000);
}

static void setting_choose(struct end *e, struct cvn_x225_prim *p, unsigned sides)
{
    p->has_token_setting = true;
    for (unsigned bit = 0; bit < 8; bit += 2)
        p->token_setting |= (uint8_t)(rnd(&e->random, sides) << bit);
}

static bool stronger(const struct user *u, unsigned side, uint8_t type, uint32_t serial)
{
    (void)u;
    static const unsigned rank[] = {
        [CVN_RESYNC_RESTART] = 0, [CVN_RESYNC_SET] = 1, [CVN_RESYNC_ABANDON] = 2};
    if (rank[type] != rank[u->heard])
        return rank[type] > rank[u->heard];
    if (type == CVN_RESYNC_RESTART && serial != u->heard_serial)
        return serial < u->heard_serial;
    return side == 0;
}

/* For a restart: what we have got behind the point is forgotten. */
static void forget_behind(struct end *e, uint32_t serial, uint64_t told_at)
{
    struct user *u = self(e);
    const struct mark *m = mark_find(u, serial);
    if (m != NULL && !m->mine) {
        must(e, m->at <= u->got);
        must(e, told_at == NOWHERE || told_at == m->at); /* both mean the same place */
        u->got = m->at;
    } else if (told_at != NOWHERE && told_at < u->got) {
        u->got = told_at;
    }
}

/* Type, number and tokens: false if nothing is to be asked. */
static bool resync_choose(struct end *e, struct cvn_x225_prim *p, uint64_t *at, bool final)
{
    struct user *u = self(e);
    p->resync = final ? CVN_RESYNC_SET : (uint8_t)rnd(&e->random, 3);
    if (p->resync == CVN_RESYNC_RESTART &&
        (u->doing == MAJOR_ASKED || !restart_choose(e, &p->serial, at)))
        return false;
    if (p->resync == CVN_RESYNC_SET)
        p->serial = final ? 77 : set_choose(e);
    if (final)
        p->has_token_setting = true; /* 00: all with side 0 */
    else if (rnd(&e->random, 2) == 0)
        setting_choose(e, p, 3);
    return u->doing != RESYNC_TOLD || stronger(u, e->side, p->resync, p->serial);
}

static void resynchronize(struct end *e, bool final)
{
    struct user *u = self(e);
    struct cvn_x225_prim p = request(CVN_S_RESYNCHRONIZE);
    uint8_t text[TOLD];
    uint64_t at = NOWHERE;
    uint64_t got = u->got;
    if (!resync_choose(e, &p, &at, final))
        return;
    if (p.resync == CVN_RESYNC_RESTART)
        forget_behind(e, p.serial, NOWHERE);
    tell(u, text, at, final);
    u->got = got; /* until it is confirmed it may be void */
    p.data = (struct cvn_octets){text, sizeof text};
    /* An abandon that was indicated has brought V(M) back to what can be said. */
    bool said = u->doing == RESYNC_TOLD && u->heard == CVN_RESYNC_ABANDON;
    if (p.resync == CVN_RESYNC_ABANDON && u->next > CVN_SERIAL_MAX && !said) {
        must(e, try_ask(e, &p) == CVN_ESERIAL); /* V(M) cannot be said */
        return;
    }
    if (!ask(e, &p))
        return;
    u->doing = RESYNC_ASKED;
    u->asked = p.resync;
    u->asked_serial = p.serial;
    u->final = final;
}

/* --- a resynchronization is over --- */

/* What the peer has told about what it got and sent, compared with what we know. */
static void go_on(struct end *e, uint8_t type, uint32_t serial, const struct told *t)
{
    struct user *u = self(e);
    must(e, t->epoch == u->epoch);
    must(e, t->got <= u->sent);
    if (type == CVN_RESYNC_RESTART) {
        const struct mark *m = mark_find(u, serial);
        if (m != NULL && m->mine &&
            m->confirmed) /* it repeats from n, and nothing before is lost */
            must(e, t->got == m->at);
        else if (m == NULL || !m->mine)
            must(e, t->got >= u->confirmed || serial <= CVN_SERIAL_MAX);
        u->sent = t->got;
        if (u->confirmed > u->sent)
            u->confirmed = u->sent;
        marks_from(u, serial);
        for (unsigned i = 0; i < u->nmarks;
             i++) { /* points that were purged before they were seen */
            if (u->marks[i].mine && u->marks[i].at > u->sent)
                u->marks[i].at = u->sent;
        }
    } else {
        must(e, t->got >= u->confirmed); /* nothing before a confirmed point is lost */
        u->got = t->sent;                /* one suffix may be missing */
        u->confirmed = u->sent;
        u->nmarks = 0;
        u->low = 0;
    }
    u->expedited_got = t->expedited;
    u->next = serial;
    u->may_answer = false;
    u->swallowed = false;
    u->epoch++;
    u->completed[type]++;
    u->doing = PLAIN;
}

static uint8_t tokens_of(const struct end *e, uint8_t setting)
{
    const struct user *u = e->user;
    uint8_t mine = 0;
    for (unsigned bit = 0; bit < 8; bit += 2) {
        if ((u->available & 1u << bit) != 0 && (setting >> bit & 3u) == e->side)
            mine |= (uint8_t)(1u << bit);
    }
    return mine;
}

static void resync_answer(struct end *e)
{
    struct user *u = self(e);
    struct cvn_x225_prim p = response(CVN_S_RESYNCHRONIZE);
    uint8_t text[TOLD];
    uint64_t got = u->got;
    p.serial = u->heard == CVN_RESYNC_SET && !u->told.final && rnd(&e->random, 2) == 0
                   ? set_choose(e)
                   : u->heard_serial;
    if (u->heard == CVN_RESYNC_ABANDON)
        p.serial = u->heard_serial > u->next ? u->heard_serial : u->next;
    if (p.serial > CVN_SERIAL_MAX) /* numbers are used up here: the last one must do */
        p.serial = CVN_SERIAL_MAX;
    setting_choose(e, &p, 2);
    if (u->heard == CVN_RESYNC_RESTART)
        forget_behind(e, u->heard_serial, u->told.at);
    tell(u, text, NOWHERE, u->told.final);
    p.data = (struct cvn_octets){text, sizeof text};
    if (!ask(e, &p)) {
        u->got = got;
        return;
    }
    uint8_t setting = 0;
    for (unsigned bit = 0; bit < 8; bit += 2) {
        uint8_t asked = u->heard_setting >> bit & 3u;
        setting |= (uint8_t)((asked == 2 ? p.token_setting >> bit & 3u : asked) << bit);
    }
    u->tokens = tokens_of(e, setting);
    go_on(e, u->heard, p.serial, &u->told);
    u->finishing = u->told.final;
}

static void resync_told(struct end *e, const struct cvn_x225_prim *ev)
{
    struct user *u = self(e);
    u->heard = ev->resync;
    u->heard_serial = ev->serial;
    u->heard_setting = ev->token_setting;
    must(e, ev->has_token_setting || u->available == 0);
    u->told = told_read(e, ev->data);
    if (u->doing == RESYNC_ASKED) { /* ours is void: theirs must be the stronger */
        must(e, !stronger(u, e->side, u->asked, u->asked_serial));
        u->collisions++;
    }
    must(e, u->doing != RELEASE_ASKED && u->doing != OVER);
    if (ev->resync == CVN_RESYNC_RESTART)
        must(e, ev->serial >= u->low);
    u->doing = RESYNC_TOLD;
}

static void resync_confirmed(struct end *e, const struct cvn_x225_prim *ev)
{
    struct user *u = self(e);
    must(e, u->doing == RESYNC_ASKED);
    struct told t = told_read(e, ev->data);
    if (u->asked == CVN_RESYNC_RESTART) {
        must(e, ev->serial == u->asked_serial);
        forget_behind(e, ev->serial, NOWHERE);
    }
    if (u->asked == CVN_RESYNC_ABANDON)
        must(e, ev->serial >= u->next || ev->serial == CVN_SERIAL_MAX);
    u->tokens = tokens_of(e, ev->token_setting);
    go_on(e, u->asked, ev->serial, &t);
    if (u->final) {
        must(e, u->tokens == u->available);
        u->finishing = true;
    }
}

/* --- the play --- */

static bool enough(const struct user *u)
{
    for (unsigned i = 0; i < 3; i++) {
        if (u->completed[i] < u->config->count)
            return false;
    }
    return true;
}

static void release(struct end *e)
{
    struct user *u = self(e);
    struct cvn_x225_prim p = request(CVN_S_RELEASE);
    uint8_t text[TOLD];
    tell(u, text, u->next, true);
    p.data = (struct cvn_octets){text, sizeof text};
    if (ask(e, &p))
        u->doing = RELEASE_ASKED;
}

static void answer(struct end *e)
{
    struct user *u = self(e);
    if (u->doing == RESYNC_TOLD) {
        resync_answer(e);
    } else if (u->doing == MAJOR_TOLD) {
        struct cvn_x225_prim p = response(CVN_S_SYNC_MAJOR);
        if (!ask(e, &p))
            return;
        u->low = u->next;
        u->nmarks = 0;
        u->may_answer = false;
        u->doing = PLAIN;
    }
}

static void act_plain(struct end *e)
{
    struct user *u = self(e);
    bool may_set = owns_or_none(u, CVN_TOKEN_DATA) && owns_or_none(u, CVN_TOKEN_MINOR);
    switch (rnd(&e->random, 12)) {
    case 0:
        if (u->doing == PLAIN && has(u, CVN_FU_MINOR_SYNC) && may_set)
            set_point(e, false);
        break;
    case 1:
        if (u->doing == PLAIN && has(u, CVN_FU_MAJOR_SYNC) && may_set &&
            (u->tokens & CVN_TOKEN_MAJOR) != 0 && rnd(&e->random, 3) == 0)
            set_point(e, true);
        break;
    case 2:
    case 3:
        confirm_point(e);
        break;
    case 4:
        give(e);
        break;
    case 5:
        please(e);
        break;
    case 6:
        if (has(u, CVN_FU_EXPEDITED))
            send_expedited(e);
        break;
    case 7:
        if (u->doing == MAJOR_TOLD && rnd(&e->random, 2) == 0)
            answer(e);
        else if (rnd(&e->random, 4) == 0)
            resynchronize(e, false);
        break;
    default:
        send_record(e);
        break;
    }
}

static void act(struct end *e)
{
    struct user *u = self(e);
    if (u->finishing) {
        if (e->side == 0 && u->doing == PLAIN)
            release(e);
        return;
    }
    switch (u->doing) {
    case PLAIN:
        if (e->side == 0 && enough(u))
            resynchronize(e, true);
        else
            act_plain(e);
        break;
    case MAJOR_TOLD:
        act_plain(e);
        break;
    case MAJOR_ASKED:
        if (rnd(&e->random, 4) == 0)
            give(e);
        else if (rnd(&e->random, 20) == 0)
            resynchronize(e, false);
        break;
    case RESYNC_TOLD:
        if (rnd(&e->random, 6) == 0)
            resynchronize(e, false);
        else
            answer(e);
        break;
    default:
        break;
    }
}

static void hear_point(struct end *e, const struct cvn_x225_prim *ev)
{
    struct user *u = self(e);
    bool major = ev->service == CVN_S_SYNC_MAJOR;
    if (ev->type == CVN_INDICATION) {
        must(e, ev->serial == u->next && ev->data.n == 8);
        must(e, get64(ev->data.p) == u->got); /* all before the point is here */
        confirm_to(u, u->next);               /* the peer has agreed to ours by setting its own */
        if (!u->may_answer)
            u->answer_from = ev->serial;
        u->answer_to = ev->serial;
        u->may_answer = u->may_answer || !major;
        mark_add(u, ev->serial, false, u->got);
        u->next++;
        if (major) {
            u->major = ev->serial;
            u->doing = MAJOR_TOLD;
        }
        return;
    }
    if (!major) {
        must(e, ev->serial < u->next);
        confirm_to(u, ev->serial);
        return;
    }
    must(e, u->doing == MAJOR_ASKED && ev->serial == u->major);
    confirm_to(u, ev->serial);
    must(e, u->confirmed == u->sent);
    u->low = u->next;
    u->nmarks = 0;
    u->may_answer = false;
    u->doing = PLAIN;
}

static void hear_data(struct end *e, const struct cvn_x225_prim *ev)
{
    struct user *u = self(e);
    if (ev->service == CVN_S_EXPEDITED_DATA) {
        must(e, record_is(ev->data, 'X', u->epoch, u->expedited_got));
        u->expedited_got++;
        return;
    }
    if (!record_is(ev->data, 'D', u->epoch, u->got)) {
        uint32_t epoch;
        uint64_t number;
        record_read(ev->data, &epoch, &number);
        fail(e, "record %lu of epoch %u, not %lu of %u", (unsigned long)number, epoch,
             (unsigned long)u->got, u->epoch);
    }
    u->got++;
}

static void hear_release(struct end *e, const struct cvn_x225_prim *ev)
{
    struct user *u = self(e);
    struct told t = told_read(e, ev->data);
    must(e, u->finishing && t.sent == u->got && t.got == u->sent && t.at == u->next);
    if (ev->type == CVN_INDICATION) {
        struct cvn_x225_prim p = response(CVN_S_RELEASE);
        uint8_t text[TOLD];
        tell(u, text, u->next, true);
        p.data = (struct cvn_octets){text, sizeof text};
        must(e, u->tokens == 0 && ask(e, &p));
    }
    u->doing = OVER;
}

static void hear(struct end *e, const struct cvn_x225_prim *ev)
{
    struct user *u = self(e);
    switch (ev->service) {
    case CVN_S_DATA:
    case CVN_S_TYPED_DATA:
    case CVN_S_EXPEDITED_DATA:
        hear_data(e, ev);
        break;
    case CVN_S_SYNC_MINOR:
    case CVN_S_SYNC_MAJOR:
        hear_point(e, ev);
        break;
    case CVN_S_RESYNCHRONIZE:
        if (ev->type == CVN_INDICATION)
            resync_told(e, ev);
        else
            resync_confirmed(e, ev);
        break;
    case CVN_S_TOKEN_GIVE:
        must(e, (ev->tokens & u->tokens) == 0);
        u->tokens |= ev->tokens;
        break;
    case CVN_S_TOKEN_PLEASE:
        must(e, (ev->tokens & ~u->available) == 0);
        break;
    case CVN_S_RELEASE:
        hear_release(e, ev);
        break;
    default:
        fail(e, "nobody asked for this");
    }
}

static bool settled(const struct end *e)
{
    const struct user *u = e->user;
    return u->doing == PLAIN || u->doing == OVER;
}

static bool done(const struct end *e)
{
    const struct user *u = e->user;
    return u->doing == OVER;
}

/* Nothing is under way: both users and both machines have one picture. */
static void audit(struct end ends[2])
{
    struct user *u[2] = {self(&ends[0]), self(&ends[1])};
    if (u[0]->doing != PLAIN || u[1]->doing != PLAIN)
        return;
    must(&ends[0], u[0]->next == u[1]->next && u[0]->low == u[1]->low);
    must(&ends[0], (u[0]->tokens ^ u[1]->tokens) == u[0]->available);
    must(&ends[0], u[0]->epoch == u[1]->epoch && !u[0]->swallowed && !u[1]->swallowed);
    for (unsigned i = 0; i < 2; i++) {
        struct cvn_x225_vars v;
        cvn_sc_vars(ends[i].c, &v);
        must(&ends[i], v.state == CVN_STA713 && v.queued == 0);
        must(&ends[i], u[i]->sent == u[!i]->got);
        must(&ends[i], u[i]->expedited_sent == u[!i]->expedited_got);
        must(&ends[i], v.vm == u[i]->next && v.vr == u[i]->low && v.tokens_owned == u[i]->tokens);
    }
}

static const struct play resync_play = {
    .act = act, .hear = hear, .settled = settled, .answer = answer, .done = done};

void play_resync(const struct config *c)
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
    connect.tsdu_max_initiator = connect.tsdu_max_responder = c->tsdu_max;
    for (unsigned i = 0; i < 2; i++) {
        users[i] = (struct user){.config = c, .next = 1};
        ends[i] = (struct end){.side = i,
                               .random = c->seed * 2 + i + 0x9e3779b97f4a7c15u,
                               .play = &resync_play,
                               .user = &users[i]};
        opts[i] =
            (struct cvn_sc_opts){.initiator = i == 0, .reference = 1, .expedited = c->expedited};
    }
    pair_open(ends, &connect, opts);
    for (unsigned i = 0; i < 2; i++) {
        struct cvn_x225_vars v;
        cvn_sc_vars(ends[i].c, &v);
        users[i].available = v.tokens_available;
        users[i].tokens = i == 0 ? v.tokens_available : 0;
    }
    if (c->tcp)
        run_tcp(ends);
    else
        run_memory(ends, audit);
    must(&ends[0], enough(&users[0]));
    printf("resync units %04x v%u%s%s%s: %u restart, %u abandon, %u set; %u collisions lost by the "
           "caller, %u points, %u major, %lu records there, %lu back\n",
           c->units, c->versions, c->expedited ? " expedited" : "", c->tsdu_max ? " segments" : "",
           c->tcp ? " tcp" : "", users[0].completed[0], users[0].completed[1],
           users[0].completed[2], users[0].collisions, users[0].points, users[0].majors,
           (unsigned long)users[0].sent, (unsigned long)users[0].got);
    for (unsigned i = 0; i < 2; i++)
        cvn_sc_free(ends[i].c);
}
