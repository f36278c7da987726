/* SPDX-License-Identifier: MIT */
/*
 * faults - when what goes wrong. Links carry their fate from birth (link.c); all else
 * strikes after a number of steps, so that every phase of the exchange is struck, fast
 * or slow. Each seed has a number of faults; when they are used up the world is quiet.
 */
#include "sim.h"

static void plan_next(struct sim *w)
{
    w->fault_step = w->steps + 1 + sim_log_below(w, 2500);
}

void sim_faults_plan(struct sim *w)
{
    w->faults_left = sim_chance(w, 80) ? 0 : (unsigned)sim_below(w, 24);
    w->last_fault = w->now;
    plan_next(w);
}

bool sim_fault_take(struct sim *w, unsigned per_mille, enum sim_fault f)
{
    if (w->faults_left == 0 || !sim_chance(w, per_mille))
        return false;
    w->faults_left--;
    w->last_fault = w->now;
    sim_counts.faults[f]++;
    return true;
}

static void strike_any_link(struct sim *w, enum sim_fault f)
{
    unsigned n = 0;
    for (struct sim_link *l = w->links; l != NULL; l = l->next)
        n += l->side[0].user != NULL && l->side[1].user != NULL;
    if (n == 0)
        return;
    n = (unsigned)sim_below(w, n);
    for (struct sim_link *l = w->links; l != NULL; l = l->next)
        if (l->side[0].user != NULL && l->side[1].user != NULL && n-- == 0) {
            sim_link_strike(l, f);
            return;
        }
}

static void change_any_item(struct sim *w)
{
    struct sim_item *it = &w->items[sim_below(w, w->nitems)];
    if (it->pipe || it->done || it->exists || !w->sending.running)
        return;
    sim_say(w, "%s changes", it->name);
    sim_counts.faults[SIM_CHANGE]++;
    sim_item_change(it);
}

static void abort_side(struct sim *w, enum sim_fault f)
{
    bool here = f == SIM_ABORT_SENDER;
    if (here ? !w->sending.running || w->sending.ending || w->sending.cleanup.pending
             : !w->receiving.running || w->receiving.ending || w->receiving.links == NULL)
        return;
    sim_say(w, "the %s aborts", here ? "sender" : "receiver");
    sim_counts.faults[f]++;
    w->aborted = true;
    if (here)
        sim_sender_abort(w);
    else
        sim_receiver_abort(w);
}

static void kill_side(struct sim *w, enum sim_fault f)
{
    bool sender = f == SIM_KILL_SENDER || f == SIM_POWER_SENDER;
    if (sender ? !w->sending.running : !w->receiving.running)
        return;
    sim_counts.faults[f]++;
    if (sender)
        sim_sender_kill(w, f == SIM_POWER_SENDER);
    else
        sim_receiver_kill(w, f == SIM_POWER_RECEIVER);
}

void sim_fault_now(struct sim *w, enum sim_fault f)
{
    switch (f) {
    case SIM_CUT_BOTH:
    case SIM_HALF_OPEN:
    case SIM_SILENCE:
    case SIM_STALL:
        strike_any_link(w, f);
        break;
    case SIM_REFUSE:
        w->receiving.refuse_until = w->now + sim_log_below(w, 5 * SIM_S);
        break;
    case SIM_STORE_ERROR_SENDER:
        w->send_store.fail_next = w->sending.running;
        break;
    case SIM_STORE_ERROR_RECEIVER:
        w->receive_store.fail_next = w->receiving.running;
        break;
    case SIM_NO_SPACE:
        w->depot.no_space_until = w->now + sim_log_below(w, 3 * SIM_S);
        break;
    case SIM_SYNC_ERROR:
        w->depot.sync_error_next = w->receiving.running;
        break;
    case SIM_FLIP:
        w->depot.flip_next = w->receiving.running;
        break;
    case SIM_CHANGE:
        change_any_item(w);
        break;
    case SIM_ABORT_SENDER:
    case SIM_ABORT_RECEIVER:
        abort_side(w, f);
        break;
    default:
        kill_side(w, f);
        break;
    }
}

/* How often each strikes, in parts of their sum. */
static const struct {
    enum sim_fault fault;
    unsigned weight;
} weights[] = {
    {SIM_CUT_BOTH, 10},
    {SIM_HALF_OPEN, 6},
    {SIM_SILENCE, 4},
    {SIM_STALL, 4},
    {SIM_REFUSE, 6},
    {SIM_KILL_SENDER, 20},
    {SIM_KILL_RECEIVER, 20},
    {SIM_POWER_SENDER, 8},
    {SIM_POWER_RECEIVER, 16},
    {SIM_STORE_ERROR_SENDER, 3},
    {SIM_STORE_ERROR_RECEIVER, 3},
    {SIM_NO_SPACE, 10},
    {SIM_SYNC_ERROR, 4},
    {SIM_FLIP, 3},
    {SIM_CHANGE, 6},
    {SIM_ABORT_SENDER, 2},
    {SIM_ABORT_RECEIVER, 2},
};

void sim_faults_step(struct sim *w)
{
    unsigned sum = 0;
    size_t i = 0;
    if (w->faults_left == 0 || w->steps < w->fault_step)
        return;
    w->faults_left--;
    w->last_fault = w->now;
    plan_next(w);
    for (size_t k = 0; k < sizeof weights / sizeof weights[0]; k++)
        sum += weights[k].weight;
    unsigned at = (unsigned)sim_below(w, sum);
    while (at >= weights[i].weight)
        at -= weights[i++].weight;
    sim_fault_now(w, weights[i].fault);
}
