/* SPDX-License-Identifier: MIT */
/*
 * Two users with two session connections at a time. Each has activities of records; they are
 * interrupted, cut off with the transport or by an abort, and resumed on either connection by
 * S-ACTIVITY-RESUME that names the session connection and the identifier of an earlier run. A
 * session connection that ended is followed by another with references of its own.
 *
 * The receiver's ledger knows an activity by the names of its runs alone, and says where each point
 * was; what comes after RESUME must continue exactly there.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "endure.h"

#define SLOTS  6u
#define MARKS  64u
#define RUNS   400u
#define KEPT   64u
#define POINTS 60u /* in one activity at most */

struct run { /* what names it: the session connection, the identifier */
    uint32_t connection;
    uint32_t id;
};

struct place {
    uint32_t serial;
    uint64_t at;
};

enum life { UNUSED, FRESH, RUNNING, STOPPED };

/* The sender's ledger. */
struct mine {
    enum life life;
    uint32_t uid;
    uint64_t total, sent;
    struct place marks[MARKS];  /* confirmed or not */
    unsigned nmarks, confirmed; /* how many of them */
    struct run run;             /* the last one */
    struct run known;           /* the last one that the peer has confirmed something of */
};

/* The receiver's. */
struct theirs {
    bool used, ended;
    uint32_t uid;
    uint64_t got;
    struct place marks[MARKS];
    unsigned nmarks;
    struct run runs[RUNS];
    unsigned nruns;
};

struct person {
    struct mine mine[SLOTS];
    struct theirs theirs[KEPT];
    uint32_t ids, uids;
    unsigned resumed, resumed_elsewhere, ended, discarded, restarted;
    uint64_t records;
};

enum doing { IDLE, SENDING, ENDING, INTERRUPTING, DISCARDING, LISTENING, GIVING };

struct line {
    struct person *who;
    uint32_t connection; /* counted */
    enum doing doing;
    struct mine *out;
    struct theirs *in;
    bool owns; /* all tokens */
    uint32_t next;
    uint32_t answer_from, answer_to; /* points to be confirmed: from < to */
    bool owes_end, owes_stop;
    enum cvn_x225_service stop;
    bool releasing, owes_release, over;
};

static const struct config *config;

static struct line *self(struct end *e)
{
    return e->user;
}

/* --- names --- */

struct names {
    char calling[12], common[12];
    uint8_t additional[4];
};

static void names_of(struct names *n, uint32_t connection)
{
    snprintf(n->calling, sizeof n->calling, "c%u", connection);
    snprintf(n->common, sizeof n->common, "t%u", connection * 7);
    for (unsigned i = 0; i < 4; i++)
        n->additional[i] = (uint8_t)(connection >> (24 - 8 * i));
}

static struct cvn_x225_connection_id id_of(const struct names *n, bool called)
{
    return (struct cvn_x225_connection_id){
        .calling = {(const uint8_t *)n->calling, strlen(n->calling)},
        .called = {(const uint8_t *)"called", called ? 6 : 0},
        .common = {(const uint8_t *)n->common, strlen(n->common)},
        .additional = {n->additional, 4},
    };
}

static bool same(struct cvn_octets a, struct cvn_octets b)
{
    return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

static uint32_t id_read(struct end *e, struct cvn_octets o)
{
    must(e, o.n == 4);
    return (uint32_t)o.p[0] << 24 | (uint32_t)o.p[1] << 16 | (uint32_t)o.p[2] << 8 | o.p[3];
}

static struct cvn_octets id_write(uint8_t at[4], uint32_t id)
{
    for (unsigned i = 0; i < 4; i++)
        at[i] = (uint8_t)(id >> (24 - 8 * i));
    return (struct cvn_octets){at, 4};
}

/* --- the sender --- */

static void begin(struct end *e, struct mine *m)
{
    struct line *l = self(e);
    struct cvn_x225_prim p = request(CVN_S_ACTIVITY_START);
    uint8_t id[4];
    uint8_t uid[8];
    p.activity = id_write(id, l->who->ids);
    put64(uid, m->uid);
    p.data = (struct cvn_octets){uid, 8};
    if (!ask(e, &p))
        return;
    m->run = (struct run){l->connection, l->who->ids++};
    m->sent = 0;
    m->nmarks = m->confirmed = 0;
    m->life = RUNNING;
    l->out = m;
    l->next = 1;
    l->doing = SENDING;
}

/* From the last confirmed point, or one before. */
static void resume(struct end *e, struct mine *m)
{
    struct line *l = self(e);
    struct cvn_x225_prim p = request(CVN_S_ACTIVITY_RESUME);
    uint8_t id[4];
    uint8_t old[4];
    struct names n;
    unsigned back = rnd(&e->random, 4) == 0 ? rnd(&e->random, m->confirmed) : 0;
    const struct place from = m->marks[m->confirmed - 1 - back];
    names_of(&n, m->known.connection);
    p.activity = id_write(id, l->who->ids);
    p.old_activity = id_write(old, m->known.id);
    p.serial = from.serial;
    if (m->known.connection != l->connection || rnd(&e->random, 2) == 0)
        p.id = id_of(&n, true); /* of this same session connection they may be left out */
    if (!ask(e, &p))
        return;
    l->who->resumed++;
    l->who->resumed_elsewhere += m->known.connection != l->connection;
    m->run = (struct run){l->connection, l->who->ids++};
    m->sent = from.at;
    m->nmarks = m->confirmed = m->confirmed - back;
    m->life = RUNNING;
    l->out = m;
    l->next = from.serial + 1;
    l->doing = SENDING;
}

static void begin_any(struct end *e)
{
    struct line *l = self(e);
    struct mine *m = &l->who->mine[rnd(&e->random, SLOTS)];
    if (m->life == RUNNING)
        return;
    if (m->life == UNUSED) {
        *m =
            (struct mine){.life = FRESH, .uid = l->who->uids++, .total = 20 + rnd(&e->random, 150)};
    }
    if (m->life == STOPPED && m->confirmed > 0) {
        resume(e, m);
        return;
    }
    l->who->restarted += m->life == STOPPED;
    begin(e, m);
}

static void send_record(struct end *e)
{
    struct line *l = self(e);
    struct cvn_x225_prim p = request(CVN_S_DATA);
    uint8_t octets[RECORD_MAX];
    p.data = (struct cvn_octets){octets, record_make(octets, 'A', l->out->uid, l->out->sent)};
    if (ask(e, &p))
        l->out->sent++;
}

static void set_point(struct end *e)
{
    struct line *l = self(e);
    struct cvn_x225_prim p = request(CVN_S_SYNC_MINOR);
    uint8_t at[8];
    if (l->out->nmarks == POINTS)
        return;
    put64(at, l->out->sent);
    p.data = (struct cvn_octets){at, 8};
    if (!ask(e, &p))
        return;
    must(e, p.serial == l->next);
    l->out->marks[l->out->nmarks++] = (struct place){l->next++, l->out->sent};
}

static void end_activity(struct end *e)
{
    struct line *l = self(e);
    struct cvn_x225_prim p = request(CVN_S_ACTIVITY_END);
    uint8_t at[8];
    put64(at, l->out->total);
    p.data = (struct cvn_octets){at, 8};
    if (!ask(e, &p))
        return;
    must(e, p.serial == l->next);
    l->doing = ENDING;
}

static void stop(struct end *e)
{
    struct line *l = self(e);
    bool discard = rnd(&e->random, 15) == 0;
    struct cvn_x225_prim p = request(discard ? CVN_S_ACTIVITY_DISCARD : CVN_S_ACTIVITY_INTERRUPT);
    if (ask(e, &p))
        l->doing = discard ? DISCARDING : INTERRUPTING;
}

static void act_idle(struct end *e)
{
    struct line *l = self(e);
    if (!l->owns)
        return;
    switch (rnd(&e->random, 12)) {
    case 0: {
        struct cvn_x225_prim p = request(CVN_S_CONTROL_GIVE);
        if (ask(e, &p))
            l->owns = false;
        break;
    }
    case 1:
        if (rnd(&e->random, 12) == 0) {
            struct cvn_x225_prim p = request(CVN_S_RELEASE);
            l->releasing = ask(e, &p);
        }
        break;
    default:
        begin_any(e);
        break;
    }
}

static void act_sending(struct end *e)
{
    struct line *l = self(e);
    if (rnd(&e->random, 60) == 0)
        stop(e);
    else if (l->out->sent == l->out->total)
        end_activity(e);
    else if (rnd(&e->random, 8) == 0)
        set_point(e);
    else
        send_record(e);
}

static void owed(struct end *e)
{
    struct line *l = self(e);
    if (l->owes_release) {
        struct cvn_x225_prim p = response(CVN_S_RELEASE);
        if (ask(e, &p)) {
            l->owes_release = false;
            l->over = true;
        }
    } else if (l->owes_stop) {
        struct cvn_x225_prim p = response(l->stop);
        if (ask(e, &p)) {
            l->owes_stop = false;
            l->doing = IDLE;
        }
    } else if (l->owes_end) {
        struct cvn_x225_prim p = response(CVN_S_ACTIVITY_END);
        if (ask(e, &p)) {
            l->owes_end = false;
            l->doing = IDLE;
        }
    }
}

static void confirm_point(struct end *e)
{
    struct line *l = self(e);
    struct cvn_x225_prim p = response(CVN_S_SYNC_MINOR);
    if (l->answer_from >= l->answer_to || l->owes_stop || l->owes_release || l->doing != LISTENING)
        return;
    p.serial = l->answer_from + rnd(&e->random, l->answer_to - l->answer_from);
    if (ask(e, &p))
        l->answer_from = p.serial + 1;
}

static void act(struct end *e)
{
    struct line *l = self(e);
    if (l->over || l->releasing)
        return;
    if ((l->owes_end || l->owes_stop || l->owes_release) && rnd(&e->random, 2) == 0)
        owed(e);
    else if (l->answer_from < l->answer_to)
        confirm_point(e);
    else if (l->doing == IDLE && !l->owes_release)
        act_idle(e);
    else if (l->doing == SENDING)
        act_sending(e);
}

/* --- what is heard --- */

static struct theirs *find(struct end *e, struct run r)
{
    struct line *l = self(e);
    for (unsigned i = 0; i < KEPT; i++) {
        struct theirs *t = &l->who->theirs[i];
        for (unsigned k = 0; t->used && k < t->nruns; k++) {
            if (t->runs[k].connection == r.connection && t->runs[k].id == r.id)
                return t;
        }
    }
    fail(e, "activity %u of connection %u is not known", r.id, r.connection);
}

static void name_run(struct end *e, struct theirs *t, uint32_t id)
{
    must(e, t->nruns < RUNS);
    t->runs[t->nruns++] = (struct run){self(e)->connection, id};
}

/* Where the ledger has uid (nothing of it was confirmed: from the beginning); or a free place; or
 * that of the oldest that has ended, whose sender has heard so long ago. */
static struct theirs *slot(struct end *e, uint32_t uid)
{
    struct theirs *all = self(e)->who->theirs;
    struct theirs *t = NULL;
    for (unsigned i = 0; i < KEPT; i++) {
        struct theirs *k = &all[i];
        if (k->used && k->uid == uid)
            return k;
        bool better = t == NULL || (t->used && (!k->used || k->uid < t->uid));
        if ((!k->used || k->ended) && better)
            t = k;
    }
    must(e, t != NULL);
    return t;
}

static void hear_begin(struct end *e, const struct cvn_x225_prim *ev)
{
    struct line *l = self(e);
    must(e, l->doing == IDLE && !l->owns && ev->data.n == 8);
    uint32_t uid = (uint32_t)get64(ev->data.p);
    struct theirs *t = slot(e, uid);
    *t = (struct theirs){.used = true, .uid = uid};
    name_run(e, t, id_read(e, ev->activity));
    l->in = t;
    l->next = 1;
    l->doing = LISTENING;
}

static void hear_resume(struct end *e, const struct cvn_x225_prim *ev)
{
    struct line *l = self(e);
    struct run old = {l->connection, id_read(e, ev->old_activity)};
    struct names n;
    must(e, l->doing == IDLE && !l->owns);
    if (ev->id.additional.n > 0) {
        old.connection = id_read(e, ev->id.additional);
        names_of(&n, old.connection);
        struct cvn_x225_connection_id want = id_of(&n, true);
        must(e, same(ev->id.calling, want.calling) && same(ev->id.called, want.called) &&
                    same(ev->id.common, want.common));
    }
    struct theirs *t = find(e, old);
    unsigned i = 0;
    while (i < t->nmarks && t->marks[i].serial != ev->serial)
        i++;
    must(e, i < t->nmarks); /* nothing before a confirmed point is lost */
    t->ended = false;       /* its sender was cut off before it heard so */
    t->nmarks = i + 1;
    t->got = t->marks[i].at;
    name_run(e, t, id_read(e, ev->activity));
    l->in = t;
    l->next = ev->serial + 1;
    l->doing = LISTENING;
}

static void hear_point(struct end *e, const struct cvn_x225_prim *ev)
{
    struct line *l = self(e);
    if (ev->type == CVN_INDICATION) {
        must(e, l->doing == LISTENING && ev->serial == l->next && get64(ev->data.p) == l->in->got);
        l->in->marks[l->in->nmarks++] = (struct place){ev->serial, l->in->got};
        if (l->answer_from >= l->answer_to)
            l->answer_from = ev->serial;
        l->answer_to = ++l->next;
        return;
    }
    must(e, l->out != NULL);
    while (l->out->confirmed < l->out->nmarks &&
           l->out->marks[l->out->confirmed].serial <= ev->serial)
        l->out->confirmed++;
    l->out->known = l->out->run;
}

static void hear_end(struct end *e, const struct cvn_x225_prim *ev)
{
    struct line *l = self(e);
    if (ev->type == CVN_INDICATION) {
        must(e, ev->serial == l->next && get64(ev->data.p) == l->in->got);
        l->owes_end = true;
        l->in->ended = true;
        l->answer_from = l->answer_to; /* it confirms all of them */
        return;
    }
    must(e, l->doing == ENDING && ev->serial == l->next);
    l->who->ended++;
    l->who->records += l->out->total;
    l->out->life = UNUSED;
    l->out = NULL;
    l->doing = IDLE;
}

static void hear_stop(struct end *e, const struct cvn_x225_prim *ev)
{
    struct line *l = self(e);
    if (ev->type == CVN_INDICATION) {
        l->owes_stop = true;
        l->owes_end = false; /* void */
        l->stop = ev->service;
        l->answer_from = l->answer_to;
        if (ev->service == CVN_S_ACTIVITY_DISCARD)
            l->in->used = false;
        return;
    }
    must(e, l->doing == INTERRUPTING || l->doing == DISCARDING);
    l->who->discarded += l->doing == DISCARDING;
    l->out->life = l->doing == DISCARDING ? UNUSED : STOPPED;
    if (l->doing == INTERRUPTING && l->out->confirmed > 0)
        l->out->known = l->out->run;
    l->out = NULL;
    l->doing = IDLE;
}

static void hear(struct end *e, const struct cvn_x225_prim *ev)
{
    struct line *l = self(e);
    switch (ev->service) {
    case CVN_S_DATA:
        must(e, l->doing == LISTENING && record_is(ev->data, 'A', l->in->uid, l->in->got));
        l->in->got++;
        break;
    case CVN_S_SYNC_MINOR:
        hear_point(e, ev);
        break;
    case CVN_S_ACTIVITY_START:
        hear_begin(e, ev);
        break;
    case CVN_S_ACTIVITY_RESUME:
        hear_resume(e, ev);
        break;
    case CVN_S_ACTIVITY_END:
        hear_end(e, ev);
        break;
    case CVN_S_ACTIVITY_INTERRUPT:
    case CVN_S_ACTIVITY_DISCARD:
        hear_stop(e, ev);
        break;
    case CVN_S_CONTROL_GIVE:
        must(e, !l->owns);
        l->owns = true;
        break;
    case CVN_S_RELEASE:
        l->owes_release = ev->type == CVN_INDICATION;
        l->over = ev->type == CVN_CONFIRM;
        break;
    case CVN_S_U_ABORT:
        l->over = true;
        break;
    default:
        fail(e, "nobody asked for this");
    }
}

static bool done(const struct end *e)
{
    const struct line *l = e->user;
    return l->over;
}

static const struct play play = {.act = act, .hear = hear, .done = done};

/* --- two session connections between two people --- */

struct pair {
    struct end ends[2];
    struct line lines[2];
    struct link link;
};

static void dial(struct pair *p, struct person people[2], uint32_t connection, uint64_t seed)
{
    struct cvn_x225_prim connect = request(CVN_S_CONNECT);
    struct cvn_sc_opts opts[2];
    struct names n;
    names_of(&n, connection);
    connect.id = id_of(&n, false);
    connect.units = config->units;
    connect.versions = config->versions;
    memset(p, 0, sizeof *p);
    for (unsigned i = 0; i < 2; i++) {
        p->lines[i] =
            (struct line){.who = &people[i], .connection = connection, .owns = i == 0, .next = 1};
        p->ends[i] = (struct end){.side = i,
                                  .random = seed + connection * 17 + i * 5 + 1,
                                  .play = &play,
                                  .user = &p->lines[i]};
        opts[i] = (struct cvn_sc_opts){
            .initiator = i == 0, .reference = 1, .expedited = config->expedited};
    }
    p->link.random = seed * 31 + connection + 7;
    pair_open(p->ends, &connect, opts);
}

/* What was running is resumed elsewhere; what was on its way is lost. */
static void hang_up(struct pair *p)
{
    for (unsigned i = 0; i < 2; i++) {
        struct mine *m = p->lines[i].out;
        if (m != NULL) /* the peer may have forgotten what was to be discarded */
            m->life = p->lines[i].doing == DISCARDING ? UNUSED : STOPPED;
        cvn_sc_free(p->ends[i].c);
    }
    link_free(&p->link);
}

static void step(struct pair *p, uint64_t *random)
{
    if (rnd(random, 6) == 0) {
        struct end *e = &p->ends[rnd(random, 2)];
        if (!p->lines[e->side].over)
            e->play->act(e);
    } else {
        (void)link_step(&p->link, p->ends);
    }
}

void play_activities(const struct config *c)
{
    static struct person people[2];
    static struct pair pairs[2];
    uint64_t random = c->seed + 99;
    uint32_t connections = 0;
    unsigned cuts = 0;
    config = c;
    memset(people, 0, sizeof people);
    for (unsigned i = 0; i < 2; i++) {
        people[i].uids = i * 1000000u;
        people[i].ids = 1;
        dial(&pairs[i], people, connections++, c->seed);
    }
    while (people[0].resumed + people[1].resumed < c->count) {
        unsigned k = rnd(&random, 2);
        struct pair *p = &pairs[k];
        bool cut = rnd(&random, 4000) == 0;
        if (rnd(&random, 6000) == 0 && !p->lines[0].over && !p->lines[1].over) {
            struct cvn_x225_prim abort = request(CVN_S_U_ABORT);
            unsigned side = rnd(&random, 2);
            if (ask(&p->ends[side], &abort))
                p->lines[side].over = true;
        }
        step(p, &random);
        if (cut || (p->lines[0].over && p->lines[1].over)) {
            cuts += cut;
            hang_up(p);
            dial(p, people, connections++, c->seed);
        }
    }
    hang_up(&pairs[0]);
    hang_up(&pairs[1]);
    must(&pairs[0].ends[0], people[0].resumed_elsewhere + people[1].resumed_elsewhere > 0);
    printf("activities units %04x v%u%s: %u resumed, %u of them on another session connection, %u "
           "ended, %u discarded, %u begun anew, %u session connections, %u cut, %lu records\n",
           c->units, c->versions, c->expedited ? " expedited" : "",
           people[0].resumed + people[1].resumed,
           people[0].resumed_elsewhere + people[1].resumed_elsewhere,
           people[0].ended + people[1].ended, people[0].discarded + people[1].discarded,
           people[0].restarted + people[1].restarted, connections, cuts,
           (unsigned long)(people[0].records + people[1].records));
}
