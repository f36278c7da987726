/* SPDX-License-Identifier: MIT */
/*
 * receiver - the receiving process: what cli/receive.c --once does around struct
 * cvn_inbox and struct cvn_receiver, with the world's store, folder and links.
 */
#include <stdlib.h>

#include "sim.h"

#define END_WITHIN (3 * SIM_S)

static const uint8_t selector[] = "inbox";

static void arm(struct sim_rlink *l);
static void on_timer(struct sim *w, void *arg, uint64_t tag);

/* -------- links -------- */

static void link_over(struct sim_rlink *l)
{
    struct sim_rlink **at = &l->w->receiving.links;
    if (l->over)
        return;
    l->over = true;
    while (*at != l)
        at = &(*at)->next;
    *at = l->next;
    cvn_receiver_free(l->receiver);
    l->receiver = NULL;
}

static void timer_now(struct sim_rlink *l)
{
    l->timer_at = l->w->now;
    sim_at(l->w, 0, on_timer, l, l->timer_tag = ++l->w->order);
}

static bool closed(const struct sim_rlink *l)
{
    return cvn_receiver_closing(l->receiver) && cvn_receiver_out_octets(l->receiver) == 0;
}

static size_t on_out(void *ctx, struct cvn_iov *iov, size_t n)
{
    struct sim_rlink *l = ctx;
    return cvn_receiver_out_iov(l->receiver, iov, n);
}

static void on_sent(void *ctx, size_t octets)
{
    struct sim_rlink *l = ctx;
    cvn_receiver_sent(l->receiver, octets);
    if (closed(l))
        timer_now(l);
}

static void observe(struct sim_rlink *l)
{
    struct cvn_x225_vars v;
    cvn_receiver_vars(l->receiver, &v);
    sim_count_state(SIM_RECEIVER, v.state);
}

static void on_feed(void *ctx, const uint8_t *in, size_t len, size_t *used)
{
    struct sim_rlink *l = ctx;
    cvn_receiver_feed(l->receiver, in, len, used, l->w->now);
    observe(l);
    arm(l);
}

static void on_down(void *ctx, const char *why)
{
    struct sim_rlink *l = ctx;
    cvn_receiver_link_down(l->receiver, why, l->w->now);
    link_over(l);
}

static const struct sim_user link_user = {
    .out = on_out, .sent = on_sent, .feed = on_feed, .down = on_down};

static void on_timer(struct sim *w, void *arg, uint64_t tag)
{
    struct sim_rlink *l = arg;
    if (l->over || tag != l->timer_tag)
        return;
    l->timer_at = CVN_NEVER;
    cvn_receiver_tick(l->receiver, w->now);
    sim_link_write(l->link, SIM_RECEIVER);
    if (!closed(l)) {
        arm(l);
        return;
    }
    cvn_receiver_link_down(l->receiver, "closed", w->now);
    sim_link_close(l->link, SIM_RECEIVER, SIM_FIN);
    link_over(l);
}

static void arm(struct sim_rlink *l)
{
    struct sim *w = l->w;
    if (l->over)
        return;
    cvn_time t = closed(l) ? w->now : cvn_receiver_deadline(l->receiver);
    if (t == l->timer_at)
        return;
    l->timer_at = t;
    l->timer_tag = ++w->order;
    if (t != CVN_NEVER)
        sim_at(w, t <= w->now ? 0 : t - w->now, on_timer, l, l->timer_tag);
}

static void on_hang_up(void *ctx)
{
    struct sim_rlink *l = ctx;
    if (!l->over)
        timer_now(l);
}

static void on_resume(void *ctx)
{
    struct sim_rlink *l = ctx;
    sim_link_resume_later(l->link, SIM_RECEIVER);
}

static void on_flush(void *ctx)
{
    struct sim_rlink *l = ctx;
    sim_link_flush_later(l->link, SIM_RECEIVER);
}

static void on_primitive(void *ctx, const struct cvn_x225_prim *p, bool sent)
{
    struct sim_rlink *l = ctx;
    sim_count_primitive(SIM_RECEIVER, p, sent);
    observe(l);
    if (p->service != CVN_S_DATA)
        sim_say(l->w, "link %u: receiver %s %s %s, serial %u", l->link->number, sent ? "->" : "<-",
                cvn_x225_service_name(p->service), cvn_x225_type_name(p->type), p->serial);
}

static const struct cvn_receiver_ops receiver_ops = {
    .hang_up = on_hang_up, .resume = on_resume, .flush = on_flush, .primitive = on_primitive};

bool sim_receiver_accept(struct sim *w, struct sim_link *link)
{
    struct sim_receiving *s = &w->receiving;
    if (!s->running || s->ending || w->now < s->refuse_until) {
        sim_counts.faults[SIM_REFUSE] += s->running && w->now < s->refuse_until;
        return false;
    }
    struct sim_rlink *l = calloc(1, sizeof *l);
    if (l == NULL)
        abort();
    l->older = w->rlinks;
    w->rlinks = l;
    l->w = w;
    l->link = link;
    link->rlink = l;
    if (cvn_receiver_new(&l->receiver, s->box, &receiver_ops, l,
                         (struct cvn_octets){selector, sizeof selector - 1}, "the sender",
                         w->now) != CVN_OK)
        abort();
    l->next = s->links;
    s->links = l;
    sim_link_attach(link, SIM_RECEIVER, &link_user, l);
    observe(l);
    timer_now(l);
    return true;
}

/* -------- news -------- */

static void resumed(struct sim *w, const struct cvn_receiver *r, const struct cvn_transfer *t,
                    uint64_t offset)
{
    if (t->state == CVN_TRANSFER_COMMITTED) {
        sim_counts.answers[SIM_COMMITTED_AGAIN]++;
        return;
    }
    for (const struct sim_rlink *l = w->receiving.links; l != NULL; l = l->next)
        if (l->receiver == r && l->link->side[SIM_SENDER].user != NULL)
            sim_ledger_resumed(w, t, offset);
}

static void on_news(void *ctx, enum cvn_inbox_news n, const struct cvn_receiver *r,
                    const struct cvn_transfer *t, uint64_t offset, const char *text)
{
    static const char *const names[] = {"opened",    "refused",   "started",  "resumed",
                                        "confirmed", "committed", "trouble",  "discarded",
                                        "released",  "aborted",   "suspended"};
    struct sim *w = ctx;
    const char *name = t == NULL || t->name.p == NULL ? "-" : (const char *)t->name.p;
    sim_say(w, "inbox: %s %s at %llu %s", names[n], name, (unsigned long long)offset,
            text == NULL ? "" : text);
    if (n == CVN_INBOX_COMMITTED)
        sim_ledger_committed(w, t);
    else if (n == CVN_INBOX_STARTED && offset == 0)
        sim_ledger_anew(w, t);
    else if (n == CVN_INBOX_RESUMED)
        resumed(w, r, t, offset);
    else if (n == CVN_INBOX_ABORTED && !w->aborted)
        sim_fail(w, "a session was aborted and nobody asked for it: %s", text);
}

static void on_random(void *ctx, uint8_t *p, size_t n)
{
    sim_fill(ctx, p, n);
}

static uint64_t on_utc(void *ctx)
{
    const struct sim *w = ctx;
    return w->now / SIM_S;
}

static void on_failed(void *ctx, const char *why)
{
    struct sim *w = ctx;
    sim_say(w, "the inbox failed: %s", why);
    w->receiving.failed = true;
    w->receiving.ending = true;
}

static const struct cvn_inbox_ops inbox_ops = {
    .news = on_news, .random = on_random, .utc_seconds = on_utc, .failed = on_failed};

/* -------- beginning and end -------- */

void sim_receiver_start(struct sim *w)
{
    struct sim_receiving *s = &w->receiving;
    *s = (struct sim_receiving){
        .running = true, .life = s->life + 1, .arena = s->arena, .refuse_until = s->refuse_until};
    sim_arena_init(&s->arena);
    sim_counts.processes++;
    sim_say(w, "the receiver begins");
    struct cvn_inbox_opts o = {
        .alloc = &s->arena.alloc,
        .ops = &inbox_ops,
        .ctx = w,
        .store = &w->receive_store.store,
        .depot_ops = &sim_depot_ops,
        .depot = &w->depot,
        .plant_confirm_early = w->o.plant == SIM_PLANT_CONFIRM_EARLY,
        .plant_resume_late = w->o.plant == SIM_PLANT_RESUME_LATE,
    };
    if (cvn_inbox_new(&s->box, &o) != CVN_OK || cvn_inbox_recover(s->box) != CVN_OK)
        sim_fail(w, "the inbox cannot be recovered");
}

static void on_again(struct sim *w, void *arg, uint64_t life)
{
    (void)arg;
    if (life == w->receiving.life && !w->receiving.running)
        sim_receiver_start(w);
}

static void gone(struct sim *w)
{
    struct sim_receiving *s = &w->receiving;
    s->running = false;
    s->ending = false;
    s->life++;
    s->box = NULL;
    sim_arena_drop(&s->arena);
    if (w->aborted && !w->sending.finished)
        s->finished = false; /* who aborts is asked for it again */
    if (!s->finished)
        sim_at(w, 10 * SIM_MS + sim_log_below(w, 20 * SIM_S), on_again, NULL, s->life);
}

static int any_record(void *arg, struct cvn_octets key, struct cvn_octets value)
{
    bool *any = arg;
    (void)key;
    (void)value;
    *any = true;
    return CVN_OK;
}

void sim_receiver_kill(struct sim *w, bool power)
{
    struct sim_receiving *s = &w->receiving;
    if (!s->running)
        return;
    sim_say(w, "the receiver is killed%s", power ? ": power" : "");
    for (struct sim_rlink *l = s->links; l != NULL; l = l->next) {
        l->over = true;
        sim_link_close(l->link, SIM_RECEIVER,
                       power                ? SIM_VANISH
                       : sim_chance(w, 500) ? SIM_RST
                                            : SIM_FIN);
    }
    s->links = NULL;
    sim_store_kill(&w->receive_store);
    if (s->forget.pending) { /* all was over but for the record of it */
        bool any = false;
        (void)w->receive_store.store.ops->scan(w->receive_store.store.self,
                                               (struct cvn_octets){(const uint8_t *)"o", 1},
                                               any_record, &any);
        s->finished = !any;
    }
    sim_depot_kill(&w->depot, power);
    if (sim_chance(w, 80))
        sim_depot_strip(&w->depot);
    gone(w);
    sim_ledger_after_kill(w);
}

void sim_receiver_abort(struct sim *w)
{
    struct sim_receiving *s = &w->receiving;
    if (!s->running || s->ending)
        return;
    sim_ledger_void(w, NULL);
    for (struct sim_rlink *l = s->links; l != NULL; l = l->next)
        cvn_receiver_abort(l->receiver, w->now);
}

static void on_forgotten(struct cvn_wait *wait, int rc)
{
    struct sim_receiving *s =
        (struct sim_receiving *)(void *)((uint8_t *)wait - offsetof(struct sim_receiving, forget));
    wait->pending = false;
    s->finished = rc == CVN_OK;
    s->ending = true;
}

static void on_look(struct sim *w, void *arg, uint64_t tag)
{
    (void)w;
    (void)arg;
    (void)tag; /* the step itself looks */
}

/* --once: all sessions that were opened have ended. */
static void look_for_end(struct sim *w)
{
    struct sim_receiving *s = &w->receiving;
    size_t ever;
    size_t open = cvn_inbox_sessions(s->box, &ever);
    if (open > 0 || ever == 0) {
        s->ended = false;
        return;
    }
    if (!s->ended) {
        s->ended = true;
        s->ended_at = w->now;
        sim_at(w, END_WITHIN, on_look, NULL, 0);
    }
    if (s->links != NULL && w->now - s->ended_at < END_WITHIN)
        return;
    if (!cvn_inbox_idle(s->box) || s->forget.pending)
        return;
    s->forget.done = on_forgotten;
    if (cvn_inbox_forget_run(s->box, &s->forget) != CVN_OK)
        abort();
    s->forget.pending = true;
}

void sim_receiver_settle(struct sim *w)
{
    struct sim_receiving *s = &w->receiving;
    if (!s->running)
        return;
    if (!s->ending && !s->forget.pending)
        look_for_end(w);
    if (!s->ending)
        return;
    while (s->links != NULL) {
        sim_link_write(s->links->link, SIM_RECEIVER);
        sim_link_close(s->links->link, SIM_RECEIVER, SIM_FIN);
        link_over(s->links);
    }
    if (!cvn_inbox_idle(s->box) || !sim_store_idle(&w->receive_store))
        return;
    cvn_inbox_free(s->box);
    s->box = NULL;
    if (s->arena.blocks != 0)
        sim_fail(w, "the receiver leaves %llu blocks of memory",
                 (unsigned long long)s->arena.blocks);
    w->receive_store.broken = false;
    sim_say(w, "the receiver ends%s", s->finished ? "" : ", to be run again");
    gone(w);
}
