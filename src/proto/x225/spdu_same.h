/* SPDX-License-Identifier: MIT */
/* spdu_same - whether two SPDUs are alike in all that one can carry; for tests. */
#ifndef CVN_PROTO_X225_SPDU_SAME_H
#define CVN_PROTO_X225_SPDU_SAME_H

#include <string.h>

#include "proto/x225/spdu.h"

static inline bool same_octets(struct cvn_octets a, struct cvn_octets b)
{
    return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

static inline bool same_bits(const struct cvn_spdu *a, const struct cvn_spdu *b)
{
    return a->sync_type == b->sync_type && a->token_item == b->token_item &&
           a->disconnect == b->disconnect && a->options == b->options && a->units == b->units &&
           a->version == b->version && a->enclosure == b->enclosure &&
           a->token_setting == b->token_setting && a->overflow == b->overflow;
}

static inline bool same_numbers(const struct cvn_spdu *a, const struct cvn_spdu *b)
{
    return a->tsdu_max_initiator == b->tsdu_max_initiator &&
           a->tsdu_max_responder == b->tsdu_max_responder && a->initial == b->initial &&
           a->prepare == b->prepare && a->resync == b->resync && a->resync2 == b->resync2 &&
           a->serial == b->serial && a->serial2 == b->serial2 && a->upper_limit == b->upper_limit &&
           a->reason == b->reason;
}

static inline bool same_slices(const struct cvn_spdu *a, const struct cvn_spdu *b)
{
    return same_octets(a->id.calling, b->id.calling) && same_octets(a->id.called, b->id.called) &&
           same_octets(a->id.common, b->id.common) &&
           same_octets(a->id.additional, b->id.additional) &&
           same_octets(a->activity, b->activity) && same_octets(a->old_activity, b->old_activity) &&
           same_octets(a->large_initial, b->large_initial) &&
           same_octets(a->large_initial2, b->large_initial2) &&
           same_octets(a->reflect, b->reflect) && same_octets(a->calling_ssel, b->calling_ssel) &&
           same_octets(a->called_ssel, b->called_ssel) && same_octets(a->user_data, b->user_data);
}

static inline bool same(const struct cvn_spdu *a, const struct cvn_spdu *b)
{
    return a->type == b->type && a->has == b->has && same_bits(a, b) && same_numbers(a, b) &&
           same_slices(a, b);
}

#endif
