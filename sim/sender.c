/* SPDX-License-Identifier: MIT */
/*
 * sender - the sending process: what cli/send.c does around struct cvn_sender, with
 * the world's store, links and items.
 */
#include <stdio.h>
#include <string.h>

#include "session/send_i.h"
#include "sim.h"

static const uint8_t selector[] = "inbox";
static const uint8_t wrong[] = "nobody";

static void start_lane(struct sim_lane *l);
static void arm(struct sim_lane *l);

/* -------- the link of a lane -------- */

static size_t on_out(void *ctx, struct cvn_iov *iov, size_t n)
{
    struct sim_lane *l = ctx;
    return cvn_sender_out_iov(l->sender, iov, n);
}

static void on_sent(void *ctx, size_t octets)
{
    struct sim_lane *l = ctx;
    cvn_sender_sent(l->sender, octets, l->w->now);
}

static void on_feed(void *ctx, const uint8_t *in, size_t len, size_t *used)
{
    struct sim_lane *l = ctx;
    *used = len;
    cvn_sender_feed(l->sender, in, len, l->w->now);
    sim_lane_after(l);
}

static void on_alive(void *ctx)
{
    struct sim_lane *l = ctx;
    cvn_sender_alive(l->sender, l->w->now);
    arm(l);
}

static void on_down(void *ctx, const char *why)
{
    struct sim_lane *l = ctx;
    l->link = NULL;
    cvn_sender_link_down(l->sender, why, l->w->now);
    sim_lane_after(l);
}

static const struct sim_user link_user = {
    .out = on_out, .sent = on_sent, .feed = on_feed, .alive = on_alive, .down = on_down};

static void on_dialed(struct sim *w, void *arg, uint64_t tag)
{
    struct sim_lane *l = arg;
    if (!l->dialing || tag != l->dial_tag)
        return;
    l->dialing = false;
    struct sim_link *made = sim_link_new(w);
    if (!sim_receiver_accept(w, made)) {
        cvn_sender_link_down(l->sender, "connection refused", w->now);
    } else {
        l->link = made;
        made->lane = l;
        sim_link_attach(made, SIM_SENDER, &link_user, l);
        cvn_sender_link_up(l->sender, w->now);
    }
    sim_lane_after(l);
}

static void do_dial(void *ctx)
{
    struct sim_lane *l = ctx;
    struct sim *w = l->w;
    l->dialing = true;
    sim_at(w, w->latency / 2 + sim_below(w, w->latency), on_dialed, l, l->dial_tag = ++w->order);
}

static void do_hang_up(void *ctx)
{
    struct sim_lane *l = ctx;
    struct sim_link *link = l->link;
    l->dialing = false;
    l->link = NULL;
    if (link == NULL)
        return;
    sim_link_write(link, SIM_SENDER);
    sim_link_close(link, SIM_SENDER, sim_chance(l->w, 800) ? SIM_FIN : SIM_RST);
}

/* -------- the lane's timer -------- */

static void on_timer(struct sim *w, void *arg, uint64_t tag)
{
    struct sim_lane *l = arg;
    if (tag != l->timer_tag || l->over)
        return;
    l->timer_at = CVN_NEVER;
    cvn_sender_tick(l->sender, w->now);
    sim_lane_after(l);
}

static void arm(struct sim_lane *l)
{
    struct sim *w = l->w;
    if (l->over || !l->started)
        return;
    cvn_time t = cvn_sender_deadline(l->sender);
    if (t == l->timer_at)
        return;
    l->timer_at = t;
    l->timer_tag = ++w->order;
    if (t != CVN_NEVER)
        sim_at(w, t <= w->now ? 0 : (t - w->now) / SIM_MS * SIM_MS + SIM_MS, on_timer, l,
               l->timer_tag);
}

static void observe(struct sim_lane *l)
{
    struct cvn_sender_counts c;
    struct cvn_x225_vars v;
    cvn_sender_counts(l->sender, &c);
    if (c.epoch < l->epoch_seen)
        sim_fail(l->w, "session %u: its epoch fell from %u to %u", l->index, l->epoch_seen,
                 c.epoch);
    l->epoch_seen = c.epoch;
    if (cvn_sender_vars(l->sender, &v))
        sim_count_state(SIM_SENDER, v.state);
}

void sim_lane_after(struct sim_lane *l)
{
    if (!l->over && l->link != NULL)
        sim_link_write(l->link, SIM_SENDER);
    observe(l);
    arm(l);
}

static void wake(struct sim *w, void *arg, uint64_t life)
{
    struct sim_lane *l = arg;
    if (life != w->sending.life || l->over || !l->started)
        return;
    cvn_sender_tick(l->sender, w->now);
    sim_lane_after(l);
}

static void wake_first(struct sim *w)
{
    sim_at(w, 0, wake, &w->sending.lanes[0], w->sending.life);
}

/* -------- items for lanes -------- */

/* What was begun in a session goes on there: another session's next activity would tell the
 * receiver nothing of it, but this one's would tell it to forget it. */
static struct sim_item *take(struct sim_lane *l)
{
    struct sim *w = l->w;
    const struct sim_sending *s = &w->sending;
    struct sim_item *fresh = NULL;
    for (unsigned i = 0; i < w->nitems; i++) {
        struct sim_item *it = &w->items[i];
        bool bound = false;
        if (it->done || it->lane != NULL)
            continue;
        for (unsigned k = 0; it->known && k < s->nlanes; k++)
            if (memcmp(it->item.name_of.session, s->lanes[k].session, CVN_ID) == 0) {
                bound = true;
                if (k == l->index)
                    return it;
            }
        if (!bound && fresh == NULL)
            fresh = it;
    }
    return fresh;
}

static int do_next(void *ctx, struct cvn_item **out)
{
    struct sim_lane *l = ctx;
    struct sim *w = l->w;
    struct sim_sending *s = &w->sending;
    struct sim_item *it = take(l);
    if (it == NULL) {
        bool others = s->todo && (s->busy > 0 || s->nover + 1 < s->nlanes);
        return l->index == 0 && others ? CVN_MORE : CVN_NONE;
    }
    it->lane = l;
    l->at = it;
    s->busy++;
    *out = &it->item;
    return CVN_OK;
}

static int do_read(void *ctx, struct cvn_item *it, uint64_t offset, size_t max,
                   struct cvn_ref **owner, struct cvn_octets *block)
{
    return sim_item_read(ctx, sim_item_of(it), offset, max, owner, block);
}

static void do_forget(void *ctx, struct cvn_item *it, uint64_t offset)
{
    struct sim_item *i = sim_item_of(it);
    (void)ctx;
    if (offset > i->forgotten)
        i->forgotten = offset;
}

static int do_digest(void *ctx, struct cvn_item *it, struct cvn_wait *wait)
{
    return sim_item_digest(ctx, sim_item_of(it), wait);
}

/* -------- news -------- */

static void finished(struct sim_lane *l, struct sim_item *it)
{
    struct sim *w = l->w;
    struct sim_version *v = sim_version_of(w, it->item.transfer);
    it->last = it->item.outcome;
    v->finished = true;
    it->lane = NULL;
    l->at = NULL;
    w->sending.busy--;
    sim_counts.twice += v->twice;
    if (it->item.outcome == CVN_OUTCOME_COMMITTED)
        sim_ledger_confirmed(w, it, v->size);
    if (!it->discard_first) {
        it->done = true;
    } else {
        it->discard_first = false;
        memcpy(it->item.identity, &it->generation, sizeof it->generation);
        cvn_item_anew(&it->item);
        memcpy(it->item.identity, &it->generation, sizeof it->generation);
        (void)sim_version_new(w, it);
    }
    wake_first(w);
}

static void do_news(void *ctx, enum cvn_sender_news n, struct cvn_item *it, uint64_t offset,
                    const char *text)
{
    static const char *const names[] = {"opened", "started", "resumed",   "confirmed", "finished",
                                        "lost",   "waiting", "no points", "primitive"};
    struct sim_lane *l = ctx;
    struct sim *w = l->w;
    struct sim_item *i = it == NULL ? NULL : sim_item_of(it);
    struct sim_version *v = i == NULL ? NULL : sim_version_of(w, it->transfer);
    sim_say(w, "session %u: %s %s at %llu %s", l->index, names[n], i == NULL ? "-" : i->name,
            (unsigned long long)offset, text == NULL ? "" : text);
    switch (n) {
    case CVN_NEWS_OPENED:
        for (unsigned k = 1; l->index == 0 && k < w->sending.nlanes; k++)
            start_lane(&w->sending.lanes[k]);
        break;
    case CVN_NEWS_STARTED:
        v->confirmed = offset;
        if (v->voided && offset == 0)
            v->furthest = 0;
        v->voided = false;
        v->resumed = UINT64_MAX;
        break;
    case CVN_NEWS_RESUMED:
        v->confirmed = offset;
        v->voided = false;
        v->resumed = offset;
        sim_counts.resumes++;
        break;
    case CVN_NEWS_CONFIRMED:
        sim_ledger_confirmed(w, i, offset);
        break;
    case CVN_NEWS_FINISHED:
        finished(l, i);
        break;
    case CVN_NEWS_LOST:
        sim_ledger_loss(w, l);
        break;
    default:
        break;
    }
}

static void do_primitive(void *ctx, const struct cvn_x225_prim *p, bool sent)
{
    struct sim_lane *l = ctx;
    struct cvn_x225_vars v;
    sim_count_primitive(SIM_SENDER, p, sent);
    if (cvn_sender_vars(l->sender, &v))
        sim_count_state(SIM_SENDER, v.state);
    if (p->service == CVN_S_U_EXCEPTION_REPORT)
        sim_ledger_loss(l->w, l);
    if (p->service == CVN_S_ACTIVITY_DISCARD && l->at != NULL)
        sim_ledger_void(l->w, l->at);
    if (p->service != CVN_S_DATA)
        sim_say(l->w, "session %u: %s %s %s, serial %u", l->index, sent ? "->" : "<-",
                cvn_x225_service_name(p->service), cvn_x225_type_name(p->type), p->serial);
}

static void do_random(void *ctx, uint8_t *p, size_t n)
{
    struct sim_lane *l = ctx;
    sim_fill(l->w, p, n);
}

static size_t do_utc(void *ctx, uint8_t out[CVN_COMMON_MAX])
{
    struct sim_lane *l = ctx;
    uint64_t s = l->w->now / SIM_S;
    memcpy(out, "261120000000Z", 13);
    for (size_t i = 11; i > 5; i--, s /= 10)
        out[i] = (uint8_t)('0' + s % 10);
    return 13;
}

static void do_moved(void *ctx)
{
    sim_lane_after(ctx);
}

/* -------- the end -------- */

static void on_cleaned(struct cvn_wait *wait, int rc)
{
    struct sim_sending *s =
        (struct sim_sending *)(void *)((uint8_t *)wait - offsetof(struct sim_sending, cleanup));
    wait->pending = false;
    s->finished = rc == CVN_OK;
    s->ending = true;
}

static void clean_up(struct sim *w)
{
    struct sim_sending *s = &w->sending;
    struct cvn_store_put puts[SIM_ITEMS + SIM_LANES + 1];
    uint8_t keys[SIM_ITEMS + SIM_LANES][1 + CVN_ID];
    size_t n = 0;
    s->released_all = true;
    for (unsigned i = 0; i < w->nitems; i++, n++) {
        keys[n][0] = 't';
        memcpy(keys[n] + 1, w->items[i].item.key, CVN_ID);
    }
    for (unsigned i = 0; i < s->nlanes; i++, n++) {
        keys[n][0] = 'e';
        memcpy(keys[n] + 1, s->lanes[i].session, CVN_ID);
    }
    for (size_t i = 0; i < n; i++)
        puts[i] = (struct cvn_store_put){.key = {keys[i], sizeof keys[i]}};
    puts[n++] = (struct cvn_store_put){.key = {(const uint8_t *)"l", 1}, .prefix = true};
    s->cleanup.done = on_cleaned;
    s->cleanup.pending = true;
    (void)w->send_store.store.ops->put(w->send_store.store.self, puts, n, &s->cleanup);
}

static void all_over(struct sim *w)
{
    struct sim_sending *s = &w->sending;
    bool all = true;
    for (unsigned i = 0; i < s->nlanes; i++)
        all = all && s->lanes[i].over &&
              cvn_sender_verdict(s->lanes[i].sender) == CVN_VERDICT_RELEASED;
    if (all)
        clean_up(w);
    else
        s->ending = true;
}

static void judge_verdict(struct sim_lane *l, enum cvn_verdict v)
{
    struct sim *w = l->w;
    const char *text = cvn_sender_text(l->sender);
    static const char *const names[] = {"none",    "released", "unreached", "suspended", "refused",
                                        "aborted", "protocol", "store",     "memory"};
    sim_say(w, "session %u: over, %s: %s", l->index, names[v], text);
    if (v == CVN_VERDICT_PROTOCOL || v == CVN_VERDICT_MEMORY || v == CVN_VERDICT_NONE)
        sim_fail(w, "session %u ends with the verdict %s: %s", l->index, names[v], text);
    if (v == CVN_VERDICT_RELEASED && text[0] != '\0')
        w->given_up = true;
    if (v == CVN_VERDICT_REFUSED && !w->wrong_selector)
        sim_fail(w, "session %u was refused: %s", l->index, text);
    if (v == CVN_VERDICT_RELEASED && w->wrong_selector)
        sim_fail(w, "session %u was released by a service that is not there", l->index);
}

static void do_over(void *ctx)
{
    struct sim_lane *l = ctx;
    struct sim *w = l->w;
    struct sim_sending *s = &w->sending;
    enum cvn_verdict v = cvn_sender_verdict(l->sender);
    unsigned waiting = 0;
    l->over = true;
    s->nover++;
    judge_verdict(l, v);
    if (l->at != NULL) {
        sim_ledger_loss(w, l);
        s->busy--;
    }
    for (unsigned i = 1; v != CVN_VERDICT_RELEASED && l->index == 0 && i < s->nlanes; i++)
        if (s->lanes[i].started && !s->lanes[i].over)
            cvn_sender_suspend(s->lanes[i].sender, w->now);
    for (unsigned i = 0; i < s->nlanes; i++)
        waiting += s->lanes[i].started && !s->lanes[i].over;
    if (waiting == 0 && l->w->sending.running && !s->ending && !s->cleanup.pending)
        all_over(w);
    else if (s->nover + 1 == s->nlanes && !s->lanes[0].over)
        wake_first(w);
}

static const struct cvn_sender_ops sender_ops = {
    .dial = do_dial,
    .hang_up = do_hang_up,
    .read = do_read,
    .forget = do_forget,
    .digest = do_digest,
    .next = do_next,
    .news = do_news,
    .primitive = do_primitive,
    .random = do_random,
    .utc = do_utc,
    .moved = do_moved,
    .over = do_over,
};

/* -------- the beginning -------- */

static int found_record(void *arg, struct cvn_octets key, struct cvn_octets value)
{
    struct sim_item *it = arg;
    uint8_t identity[CVN_ID];
    (void)key;
    memcpy(identity, it->item.identity, CVN_ID);
    if (cvn_item_decode(&it->item, value) != CVN_OK) {
        sim_fail(it->w, "%s: its record cannot be read", it->name);
        return CVN_OK;
    }
    it->known = !it->item.committed || memcmp(identity, it->item.identity, CVN_ID) == 0;
    it->discard_first =
        !it->pipe && memcmp(identity, it->item.identity, CVN_ID) != 0 && !it->item.committed;
    if (!it->discard_first) /* else it stays that of the old version, until that is gone */
        memcpy(it->item.identity, identity, CVN_ID);
    return CVN_OK;
}

static int found_epoch(void *arg, struct cvn_octets key, struct cvn_octets value)
{
    struct sim_known *k = arg;
    (void)key;
    k->epoch = (uint32_t)value.p[0] << 24 | (uint32_t)value.p[1] << 16 | (uint32_t)value.p[2] << 8 |
               value.p[3];
    return CVN_OK;
}

static void know_session(struct sim *w, const uint8_t id[CVN_ID])
{
    struct sim_sending *s = &w->sending;
    uint8_t key[1 + CVN_ID];
    for (unsigned i = 0; i < s->nknown; i++)
        if (memcmp(s->known[i].id, id, CVN_ID) == 0)
            return;
    if (s->nknown == SIM_LANES)
        return;
    struct sim_known *k = &s->known[s->nknown];
    *k = (struct sim_known){.epoch = 0};
    key[0] = 'e';
    memcpy(key + 1, id, CVN_ID);
    memcpy(k->id, id, CVN_ID);
    (void)w->send_store.store.ops->scan(w->send_store.store.self,
                                        (struct cvn_octets){key, sizeof key}, found_epoch, k);
    if (k->epoch > 0)
        s->nknown++;
}

static int found_lane(void *arg, struct cvn_octets key, struct cvn_octets value)
{
    (void)value;
    know_session(arg, key.p + 1);
    return CVN_OK;
}

static void recall(struct sim *w, struct sim_item *it)
{
    uint8_t key[1 + CVN_ID];
    it->item = (struct cvn_item){
        .name = {(const uint8_t *)it->name, strlen(it->name)},
        .kind = CVN_KIND_FILE,
        .size = it->pipe ? CVN_SIZE_UNKNOWN : it->size,
        .mode = 0644,
        .hash = CVN_HASH_XXH128,
    };
    memcpy(it->item.key, it->name, strlen(it->name));
    memcpy(it->item.identity, &it->generation, sizeof it->generation);
    it->known = it->discard_first = it->done = false;
    it->lane = NULL;
    key[0] = 't';
    memcpy(key + 1, it->item.key, CVN_ID);
    (void)w->send_store.store.ops->scan(w->send_store.store.self,
                                        (struct cvn_octets){key, sizeof key}, found_record, it);
    if (it->known && it->pipe) {
        it->discard_first = !it->item.committed;
        it->known = !it->item.committed;
    }
    if (it->known && it->item.committed) {
        it->done = true;
        it->item.outcome = CVN_OUTCOME_COMMITTED;
    } else if (!it->known) {
        cvn_item_anew(&it->item);
        (void)sim_version_new(w, it);
    } else if (it->discard_first) {
        it->item.outcome = CVN_OUTCOME_CHANGED;
    }
    if (it->known)
        sim_say(w, "%s: known, part %u, point %u at %llu%s%s", it->name, it->item.part,
                it->item.stored.serial, (unsigned long long)it->item.stored.offset,
                it->done ? ", done" : "", it->discard_first ? ", to be discarded" : "");
    if (!it->done)
        sim_item_open(it);
}

static void make_lane(struct sim *w, unsigned i)
{
    struct sim_sending *s = &w->sending;
    struct sim_lane *l = &s->lanes[i];
    *l = (struct sim_lane){.w = w, .index = i, .timer_at = CVN_NEVER};
    struct cvn_sender_opts o = {
        .alloc = &s->arena.alloc,
        .ops = &sender_ops,
        .ctx = l,
        .store = &w->send_store.store,
        .called_ssel = {w->wrong_selector ? wrong : selector,
                        w->wrong_selector ? sizeof wrong - 1 : sizeof selector - 1},
        .window = w->window,
        .spacing = w->spacing,
        .points_max = w->points_max,
        .rate = w->rate,
        .connect_timeout = 60 * SIM_S,
    };
    if (i < s->nknown) {
        memcpy(o.session, s->known[i].id, CVN_ID);
        o.epoch = s->known[i].epoch;
    } else {
        sim_fill(w, o.session, CVN_ID);
    }
    memcpy(l->session, o.session, CVN_ID);
    l->epoch_seen = o.epoch;
    if (cvn_sender_new(&l->sender, &o) != CVN_OK)
        sim_fail(w, "no sender");
}

static void on_remembered(struct cvn_wait *wait, int rc)
{
    wait->pending = false;
    (void)rc; /* after a failure the epoch's put, which comes later, fails too */
}

/* That this command has had this session: durable before the first dial, since puts become
 * durable in order. */
static void remember(struct sim_lane *l)
{
    uint8_t key[1 + CVN_ID];
    const struct cvn_store *s = &l->w->send_store.store;
    struct cvn_store_put put = {.key = {key, sizeof key}, .value = {key, 1}};
    key[0] = 'l';
    memcpy(key + 1, l->session, CVN_ID);
    l->remembered.done = on_remembered;
    l->remembered.pending = true;
    (void)s->ops->put(s->self, &put, 1, &l->remembered);
}

static void start_lane(struct sim_lane *l)
{
    if (l->started)
        return;
    l->started = true;
    if (l->epoch_seen == 0)
        remember(l);
    cvn_sender_start(l->sender, l->w->now);
    sim_lane_after(l);
}

void sim_sender_start(struct sim *w)
{
    struct sim_sending *s = &w->sending;
    uint64_t life = s->life + 1;
    *s = (struct sim_sending){.running = true, .life = life, .arena = s->arena};
    sim_arena_init(&s->arena);
    sim_counts.processes++;
    sim_say(w, "the sender begins");
    unsigned todo = 0;
    (void)w->send_store.store.ops->scan(
        w->send_store.store.self, (struct cvn_octets){(const uint8_t *)"l", 1}, found_lane, w);
    for (unsigned i = 0; i < w->nitems; i++) {
        recall(w, &w->items[i]);
        todo += !w->items[i].done;
    }
    unsigned n = todo < w->jobs ? todo : w->jobs;
    n = n == 0 ? 1 : n;
    s->nlanes = n < s->nknown ? s->nknown : n;
    for (unsigned i = 0; i < s->nlanes; i++)
        make_lane(w, i);
    if (todo > 0 && w->receiving.finished)
        sim_receiver_start(w);
    s->todo = todo > 0;
    start_lane(&s->lanes[0]);
    for (unsigned i = 1; i < s->nlanes && todo == 0; i++)
        start_lane(&s->lanes[i]); /* nothing to send: only to be released, all at once */
}

/* -------- the death -------- */

static void on_again(struct sim *w, void *arg, uint64_t life)
{
    (void)arg;
    if (life == w->sending.life && !w->sending.running)
        sim_sender_start(w);
}

/* The process is gone, the state is not: the user runs the same command again. */
static void run_again(struct sim *w)
{
    w->sending.running = false;
    w->sending.ending = false;
    w->sending.cleanup.pending = false;
    w->sending.life++;
    sim_arena_drop(&w->sending.arena);
    if (!w->sending.finished)
        sim_at(w, 10 * SIM_MS + sim_log_below(w, 20 * SIM_S), on_again, NULL, w->sending.life);
}

static int any_record(void *arg, struct cvn_octets key, struct cvn_octets value)
{
    bool *any = arg;
    (void)key;
    (void)value;
    *any = true;
    return CVN_OK;
}

void sim_sender_kill(struct sim *w, bool power)
{
    struct sim_sending *s = &w->sending;
    bool any = false;
    if (!s->running)
        return;
    sim_say(w, "the sender is killed%s", power ? ": power" : "");
    for (unsigned i = 0; i < s->nlanes; i++) {
        struct sim_lane *l = &s->lanes[i];
        if (l->started && !l->over)
            sim_ledger_loss(w, l);
        l->over = true;
        l->dialing = false;
        if (l->link != NULL)
            sim_link_close(l->link, SIM_SENDER,
                           power                ? SIM_VANISH
                           : sim_chance(w, 500) ? SIM_RST
                                                : SIM_FIN);
        l->link = NULL;
        l->timer_tag = 0;
    }
    sim_store_kill(&w->send_store);
    if (s->cleanup.pending) { /* all was over but for the record of it */
        (void)w->send_store.store.ops->scan(w->send_store.store.self,
                                            (struct cvn_octets){(const uint8_t *)"", 0}, any_record,
                                            &any);
        s->finished = !any;
    }
    run_again(w);
}

void sim_sender_abort(struct sim *w)
{
    struct sim_sending *s = &w->sending;
    for (unsigned i = 0; i < s->nlanes; i++) {
        struct sim_lane *l = &s->lanes[i];
        if (l->started && !l->over) {
            sim_ledger_loss(w, l);
            sim_ledger_void(w, NULL);
            cvn_sender_abort(l->sender, w->now);
        }
    }
}

/* After each step: an orderly end, once nothing is under way. */
void sim_sender_settle(struct sim *w)
{
    struct sim_sending *s = &w->sending;
    if (!s->running || !s->ending || !sim_store_idle(&w->send_store))
        return;
    for (unsigned i = 0; i < s->nlanes; i++)
        if (!cvn_sender_idle(s->lanes[i].sender))
            return;
    for (unsigned i = 0; i < s->nlanes; i++) {
        struct sim_lane *l = &s->lanes[i];
        if (!l->over)
            do_hang_up(l);
        l->over = true;
        cvn_sender_free(l->sender);
        l->sender = NULL;
    }
    if (s->arena.blocks != 0)
        sim_fail(w, "the sender leaves %llu blocks of memory", (unsigned long long)s->arena.blocks);
    if (w->wrong_selector)
        s->finished = w->receiving.finished = true; /* it has had no session */
    w->send_store.broken = false;
    sim_say(w, "the sender ends%s", s->finished ? "" : ", to be run again");
    run_again(w);
}
