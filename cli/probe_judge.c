/* SPDX-License-Identifier: MIT */
/* probe_judge - what an answer is called, and what is wrong with an AC. */
#include <string.h>

#include "cli/probe.h"

#define MODES    (CVN_FU_HALF_DUPLEX | CVN_FU_DUPLEX)
#define SYNCS    (CVN_FU_MINOR_SYNC | CVN_FU_SYMMETRIC_SYNC)
#define NUMBERED (SYNCS | CVN_FU_MAJOR_SYNC | CVN_FU_RESYNC)

const char *probe_unit(unsigned bit)
{
    switch (bit) {
    case CVN_FU_HALF_DUPLEX:
        return "half-duplex";
    case CVN_FU_DUPLEX:
        return "duplex";
    case CVN_FU_EXPEDITED:
        return "expedited-data";
    case CVN_FU_MINOR_SYNC:
        return "minor-synchronize";
    case CVN_FU_MAJOR_SYNC:
        return "major-synchronize";
    case CVN_FU_RESYNC:
        return "resynchronize";
    case CVN_FU_ACTIVITY:
        return "activity-management";
    case CVN_FU_NEGOTIATED_RELEASE:
        return "negotiated-release";
    case CVN_FU_CAPABILITY:
        return "capability-data-exchange";
    case CVN_FU_EXCEPTIONS:
        return "exceptions";
    case CVN_FU_TYPED_DATA:
        return "typed-data";
    case CVN_FU_SYMMETRIC_SYNC:
        return "symmetric-synchronize";
    case CVN_FU_DATA_SEPARATION:
        return "data-separation";
    default:
        return NULL;
    }
}

static const char *say_spdu(char *text, size_t cap, const struct cvn_spdu *s)
{
    if (s->type == CVN_SPDU_RF && (s->has & CVN_HAS_REASON) != 0)
        (void)snprintf(text, cap, "RF %u", s->reason);
    else if (s->type == CVN_SPDU_AB && (s->has & CVN_HAS_DISCONNECT) != 0)
        (void)snprintf(text, cap, "AB (%s)",
                       (s->disconnect & CVN_TD_USER) != 0       ? "user"
                       : (s->disconnect & CVN_TD_PROTOCOL) != 0 ? "protocol error"
                                                                : "provider");
    else
        (void)snprintf(text, cap, "%s", cvn_spdu_name(s->type));
    return text;
}

const char *probe_say(char *text, size_t cap, const struct probe_answer *a)
{
    switch (a->kind) {
    case PROBE_SPDU:
        return say_spdu(text, cap, &a->spdu);
    case PROBE_CC:
        (void)snprintf(text, cap, "CC");
        break;
    case PROBE_DR:
        (void)snprintf(text, cap, "DR %u", a->tpdu.reason);
        break;
    case PROBE_ER:
        (void)snprintf(text, cap, "ER %u", a->tpdu.reason);
        break;
    case PROBE_CLOSED:
        (void)snprintf(text, cap, "closed");
        break;
    case PROBE_RESET:
        (void)snprintf(text, cap, "reset");
        break;
    case PROBE_SILENT:
        (void)snprintf(text, cap, "no answer");
        break;
    case PROBE_GARBAGE:
        (void)snprintf(text, cap, "invalid");
        break;
    }
    return text;
}

struct judged {
    const char **faults;
    size_t *n;
    size_t max;
};

static void wrong(struct judged *j, bool is, const char *what)
{
    for (size_t i = 0; is && i < *j->n; i++) {
        if (strcmp(j->faults[i], what) == 0)
            return;
    }
    if (is && *j->n < j->max)
        j->faults[(*j->n)++] = what;
}

static void judge_units(struct judged *j, unsigned units, unsigned offered)
{
    wrong(j, (units & ~offered) != 0,
          "AC selects functional units that were not proposed (X.225 8.3.4)");
    wrong(j, (units & MODES) == MODES, "AC selects both half-duplex and duplex (X.225 7.4)");
    wrong(j, (units & MODES) == 0, "AC selects neither half-duplex nor duplex (X.225 7.4)");
    wrong(j, (units & SYNCS) == SYNCS,
          "AC selects minor and symmetric synchronize together (X.225 7.4)");
    wrong(j, (units & CVN_FU_EXCEPTIONS) != 0 && (units & CVN_FU_HALF_DUPLEX) == 0,
          "AC selects exceptions without half-duplex (X.225 7.4)");
    wrong(j, (units & CVN_FU_CAPABILITY) != 0 && (units & CVN_FU_ACTIVITY) == 0,
          "AC selects capability data without activity management (X.225 7.4)");
    wrong(j, (units & CVN_FU_DATA_SEPARATION) != 0 && (units & SYNCS) == 0,
          "AC selects data separation without minor or symmetric synchronize (X.225 7.4)");
}

void probe_judge_accept(const struct cvn_spdu *ac, const struct probe_cn *offer,
                        const char *faults[], size_t *n, size_t max)
{
    struct judged j = {faults, n, max};
    unsigned versions = offer->bare ? 1 : offer->versions;
    unsigned version = (ac->has & CVN_HAS_VERSION) != 0 ? ac->version : 1;
    unsigned offered = offer->bare ? CVN_FU_DEFAULT : offer->units;
    unsigned units = (ac->has & CVN_HAS_UNITS) != 0 ? ac->units : CVN_FU_DEFAULT;
    wrong(&j, (version & (version - 1)) != 0, "AC selects two versions at once (X.225 8.3.4)");
    wrong(&j, (version & versions) == 0, "AC selects a version that was not offered (X.225 8.3.4)");
    judge_units(&j, units, offered);
    wrong(&j,
          (units & offered & NUMBERED) != 0 && (units & CVN_FU_ACTIVITY) == 0 &&
              (ac->has & CVN_HAS_INITIAL) == 0,
          "AC has no initial serial number, and synchronization without activities needs one "
          "(X.225 8.3.4)");
    wrong(&j, (ac->has & CVN_HAS_TOKEN_SETTING) != 0 && (ac->token_setting & 0xaa) != 0,
          "AC leaves the place of a token open (X.225 8.3.4)");
    wrong(&j, ac->called_ssel.n > CVN_SSEL_MAX,
          "the responding selector is longer than 16 octets (X.225 8.3.4)");
}
