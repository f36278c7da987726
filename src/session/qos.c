/* SPDX-License-Identifier: MIT */
/* qos - X.215 clause 10: what is asked for against what there is. */
#include "convene/qos.h"

#include <string.h>

#define MILLION 1000000u

void cvn_qos_init(struct cvn_qos *q)
{
    memset(q, 0, sizeof *q);
    q->priority = -1;
}

/* The more the better. */
static bool rate_valid(const struct cvn_qos_range *r)
{
    return r->desired == 0 || r->limit <= r->desired;
}

/* The less the better. */
static bool cost_valid(const struct cvn_qos_range *r)
{
    return r->desired == 0 || r->limit == 0 || r->desired <= r->limit;
}

static bool valid(const struct cvn_qos *q)
{
    bool ranges = cost_valid(&q->residual_error);
    for (int i = 0; i < 2; i++)
        ranges = ranges && rate_valid(&q->throughput[i]) && cost_valid(&q->transit_ns[i]);
    return ranges && (q->protection & ~3u) == 0 && q->priority >= -1 &&
           q->priority < (int)CVN_QOS_PRIORITIES && q->establishment_failure <= MILLION &&
           q->transfer_failure <= MILLION && q->release_failure <= MILLION &&
           q->resilience <= MILLION;
}

/* false: the limit is not reached. */
static bool settle_rate(struct cvn_qos_range *r, uint64_t there)
{
    if (there == 0)
        return true;
    if (r->limit > there)
        return false;
    if (r->desired > there)
        r->desired = there;
    return true;
}

static bool settle_cost(struct cvn_qos_range *r, uint64_t there)
{
    if (there == 0)
        return true;
    if (r->limit != 0 && there > r->limit)
        return false;
    if (r->desired != 0 && r->desired < there)
        r->desired = there;
    return true;
}

static const char *settle_ranges(struct cvn_qos *q, const struct cvn_qos_provider *can)
{
    for (int i = 0; i < 2; i++) {
        if (!settle_rate(&q->throughput[i], can->throughput[i]))
            return "the throughput is less than the least that was asked for";
        if (!settle_cost(&q->transit_ns[i], can->transit_ns[i]))
            return "the transit delay is more than the most that was allowed";
    }
    if (!settle_cost(&q->residual_error, can->residual_error))
        return "the residual error rate is more than the most that was allowed";
    if (q->establishment_ns != 0 && can->establishment_ns > q->establishment_ns)
        return "the connection took longer to establish than was allowed";
    return NULL;
}

int cvn_qos_settle(const struct cvn_qos *asked, const struct cvn_qos_provider *can,
                   struct cvn_qos *out, const char **why)
{
    struct cvn_qos q = *asked;
    if (!valid(asked)) {
        *why = "a value is outside its range, or its limit beyond what is desired";
        return CVN_EINVAL;
    }
    if ((q.protection & ~(unsigned)can->protection) != 0) {
        *why = "protection is asked for, and the stream below gives none of that kind";
        return CVN_EPERM;
    }
    *why = settle_ranges(&q, can);
    if (*why != NULL)
        return CVN_EPERM;
    q.priority = can->priorities ? q.priority : -1;
    q.extended_control = q.extended_control && can->expedited;
    q.optimized_dialogue = q.optimized_dialogue && can->concatenation;
    *out = q;
    return CVN_OK;
}

/* Three priorities a class, from telephony down to what may be lost. */
int cvn_qos_dscp(const struct cvn_qos *q)
{
    static const uint8_t classes[] = {46, 34, 18, 0, 1}; /* EF, AF41, AF21, default, LE */
    if (q->priority < 0 || q->priority >= (int)CVN_QOS_PRIORITIES)
        return -1;
    return classes[(unsigned)q->priority / 3];
}

/* 7 is for the system. */
int cvn_qos_so_priority(const struct cvn_qos *q)
{
    if (q->priority < 0 || q->priority >= (int)CVN_QOS_PRIORITIES)
        return -1;
    return (int)(6u - (unsigned)q->priority * 6u / (CVN_QOS_PRIORITIES - 1u));
}
