/* SPDX-License-Identifier: MIT */
/* counts - what happened over all seeds, and what must not be missing. */
#include <inttypes.h>
#include <stdio.h>

#include "sim.h"

struct sim_counts sim_counts;

static const char *const fault_names[SIM_FAULTS] = {
    "cut both",
    "half-open",
    "silence",
    "stall",
    "refuse",
    "kill sender",
    "kill receiver",
    "power loss at sender",
    "power loss at receiver",
    "store delay",
    "store error at sender",
    "store error at receiver",
    "no space",
    "sync error",
    "flipped bit",
    "file changed",
    "partial files removed",
    "abort by sender",
    "abort by receiver",
    "split",
    "coalesce",
};

static const char *const spdu_names[SIM_SPDUS] = {
    "CN",  "AC",  "RF", "FN", "DN", "AS",  "AR", "AE",  "AEA",
    "MIP", "MIA", "DT", "ED", "AI", "AIA", "AD", "ADA", "AB",
};

static const char *const answer_names[SIM_ANSWERS] = {
    "accept",
    "refuse: selector",
    "refuse: epoch",
    "exception: unfit resume",
    "exception: exists",
    "exception: hash",
    "exception: no space",
    "exception: input/output",
    "resume of a committed one",
    "part ended",
};

const char *sim_fault_name(enum sim_fault f)
{
    return fault_names[f];
}

/* -------- primitives as SPDUs and answers -------- */

static const struct {
    enum cvn_x225_service service;
    enum cvn_x225_type type;
    enum sim_spdu spdu;
} spdus[] = {
    {CVN_S_CONNECT, CVN_REQUEST, SIM_CN},
    {CVN_S_RELEASE, CVN_REQUEST, SIM_FN},
    {CVN_S_RELEASE, CVN_RESPONSE, SIM_DN},
    {CVN_S_ACTIVITY_START, CVN_REQUEST, SIM_AS},
    {CVN_S_ACTIVITY_RESUME, CVN_REQUEST, SIM_AR},
    {CVN_S_ACTIVITY_END, CVN_REQUEST, SIM_AE},
    {CVN_S_ACTIVITY_END, CVN_RESPONSE, SIM_AEA},
    {CVN_S_SYNC_MINOR, CVN_REQUEST, SIM_MIP},
    {CVN_S_SYNC_MINOR, CVN_RESPONSE, SIM_MIA},
    {CVN_S_DATA, CVN_REQUEST, SIM_DT},
    {CVN_S_U_EXCEPTION_REPORT, CVN_REQUEST, SIM_ED},
    {CVN_S_ACTIVITY_INTERRUPT, CVN_REQUEST, SIM_AI},
    {CVN_S_ACTIVITY_INTERRUPT, CVN_RESPONSE, SIM_AIA},
    {CVN_S_ACTIVITY_DISCARD, CVN_REQUEST, SIM_AD},
    {CVN_S_ACTIVITY_DISCARD, CVN_RESPONSE, SIM_ADA},
    {CVN_S_U_ABORT, CVN_REQUEST, SIM_AB},
};

static void count_answer(const struct cvn_x225_prim *p)
{
    struct cvn_note n;
    if (p->service == CVN_S_CONNECT) {
        bool accept = p->result == CVN_RESULT_ACCEPT;
        sim_counts.spdus[accept ? SIM_AC : SIM_RF]++;
        sim_counts.answers[accept                                 ? SIM_ACCEPT
                           : p->result == CVN_RF_SELECTOR_UNKNOWN ? SIM_REFUSE_SELECTOR
                                                                  : SIM_REFUSE_EPOCH]++;
        return;
    }
    if (p->service != CVN_S_U_EXCEPTION_REPORT || cvn_note_decode(&n, p->data) != CVN_OK)
        return;
    switch (n.trouble) {
    case CVN_TROUBLE_UNFIT_RESUME:
        sim_counts.answers[SIM_UNFIT_RESUME]++;
        break;
    case CVN_TROUBLE_EXISTS:
        sim_counts.answers[SIM_EXISTS]++;
        break;
    case CVN_TROUBLE_HASH:
        sim_counts.answers[SIM_HASH]++;
        break;
    case CVN_TROUBLE_NO_SPACE:
        sim_counts.answers[SIM_SPACE]++;
        break;
    case CVN_TROUBLE_IO:
        sim_counts.answers[SIM_IO]++;
        break;
    default:
        break;
    }
}

void sim_count_primitive(unsigned side, const struct cvn_x225_prim *p, bool sent)
{
    struct cvn_note n;
    if (!sent)
        return;
    for (size_t i = 0; i < sizeof spdus / sizeof spdus[0]; i++)
        if (spdus[i].service == p->service && spdus[i].type == p->type)
            sim_counts.spdus[spdus[i].spdu]++;
    if (side == SIM_RECEIVER)
        count_answer(p);
    else if (p->service == CVN_S_ACTIVITY_END && cvn_note_decode(&n, p->data) == CVN_OK &&
             cvn_note_has(&n, CVN_NOTE_F_CONTINUES))
        sim_counts.answers[SIM_PART_ENDED]++;
}

void sim_count_state(unsigned side, enum cvn_x225_state s)
{
    sim_counts.states[side][s]++;
}

/* -------- printing -------- */

/* The states of Annex A that each side of this exchange is in: it has no other functional
 * units than half-duplex, minor synchronize, activity management and exceptions, all tokens stay
 * with the initiator, the transport is not reused, and there is no data overflow. */
static bool reachable(unsigned side, enum cvn_x225_state s)
{
    static const enum cvn_x225_state both[2][10] = {
        {CVN_STA01, CVN_STA01B, CVN_STA02A, CVN_STA03, CVN_STA04B, CVN_STA05B, CVN_STA05C,
         CVN_STA20, CVN_STA713, CVN_STA713},
        {CVN_STA01, CVN_STA01C, CVN_STA08, CVN_STA09, CVN_STA10B, CVN_STA11B, CVN_STA11C, CVN_STA16,
         CVN_STA19, CVN_STA713},
    };
    for (size_t i = 0; i < 10; i++)
        if (both[side][i] == s)
            return true;
    return false;
}

static unsigned print(const char *what, const char *const *names, const uint64_t *counts, size_t n)
{
    unsigned missing = 0;
    printf("%s:", what);
    for (size_t i = 0; i < n; i++) {
        printf("%s %s %" PRIu64, i == 0 ? "" : ",", names[i], counts[i]);
        missing += counts[i] == 0;
    }
    printf("\n");
    return missing;
}

static unsigned print_states(unsigned side)
{
    unsigned missing = 0;
    printf("states of the %s:", side == SIM_SENDER ? "initiator" : "responder");
    for (unsigned s = 0; s < CVN_X225_STATES; s++) {
        uint64_t n = sim_counts.states[side][s];
        if (n == 0 && !reachable(side, s))
            continue;
        printf(" %s %" PRIu64, cvn_x225_state_name(s), n);
        missing += n == 0;
    }
    printf("\n  not reached by this exchange:");
    for (unsigned s = 0; s < CVN_X225_STATES; s++)
        if (sim_counts.states[side][s] == 0 && !reachable(side, s))
            printf(" %s", cvn_x225_state_name(s));
    printf("\n");
    return missing;
}

unsigned sim_counts_print(void)
{
    const struct sim_counts *c = &sim_counts;
    unsigned missing = print("faults", fault_names, c->faults, SIM_FAULTS);
    missing += print("SPDUs", spdu_names, c->spdus, SIM_SPDUS);
    missing += print("answers", answer_names, c->answers, SIM_ANSWERS);
    missing += print_states(SIM_SENDER);
    missing += print_states(SIM_RECEIVER);
    printf("%" PRIu64 " steps, %" PRIu64 " processes, %" PRIu64 " links, %" PRIu64
           " resumes, %" PRIu64 " commits, %" PRIu64 " octets, %" PRIu64 " twice, %" PRIu64
           " checks of durability, %" PRIu64 " of idle links\n",
           c->steps, c->processes, c->links, c->resumes, c->commits, c->octets, c->twice,
           c->durable_checks, c->idle_checks);
    return missing;
}
