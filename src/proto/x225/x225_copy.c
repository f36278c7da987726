/* SPDX-License-Identifier: MIT */
/*
 * x225_copy - see x225_copy.h.
 *
 * Invariants
 *   C1  the copy shares no memory with the original but the allocator and static text.
 */
#include "proto/x225/x225_copy.h"

#include <string.h>

static int copy_block(const struct cvn_alloc *a, void *to, const void *from, size_t n)
{
    void *p = NULL;
    if (from != NULL) {
        p = cvn_new(a, n);
        if (p == NULL)
            return CVN_ENOMEM;
        memcpy(p, from, n);
    }
    memcpy(to, &p, sizeof p);
    return CVN_OK;
}

static void move(struct cvn_octets *o, const uint8_t *from, const uint8_t *to)
{
    if (o->n > 0)
        o->p = to + (o->p - from);
}

static int copy_kept(struct cvn_x225 *to, const struct cvn_x225 *x)
{
    int rc = copy_block(x->alloc, &to->kept, x->kept, x->kept != NULL ? x->kept->size : 0);
    struct cvn_x225_kept *k = to->kept;
    if (rc != CVN_OK || k == NULL)
        return rc;
    struct cvn_octets *slices[] = {&k->id.calling, &k->id.common, &k->id.additional, &k->calling,
                                   &k->called};
    for (size_t i = 0; i < sizeof slices / sizeof slices[0]; i++)
        move(slices[i], x->kept->text, k->text);
    return CVN_OK;
}

static int copy_blocks(struct cvn_x225 *to, const struct cvn_x225 *x)
{
    const struct cvn_alloc *a = x->alloc;
    int rc = copy_kept(to, x);
    if (rc == CVN_OK)
        rc = copy_block(a, &to->saved, x->saved, x->saved_size);
    if (rc == CVN_OK)
        rc = copy_block(a, &to->rest, x->rest, x->rest_size);
    if (rc == CVN_OK)
        rc = copy_block(a, &to->queue, x->queue, x->queue_cap * sizeof *x->queue);
    if (rc == CVN_OK)
        rc = copy_block(a, &to->in.heap, x->in.heap, x->in.heap_size);
    if (rc == CVN_OK)
        rc = copy_block(a, &to->in.join, x->in.join, x->in.join_size);
    return rc;
}

int cvn_x225_copy(struct cvn_x225 **out, const struct cvn_x225 *x)
{
    if (x->ring_count > 0)
        return CVN_ESTATE;
    struct cvn_x225 *to = cvn_new(x->alloc, sizeof *to);
    if (to == NULL)
        return CVN_ENOMEM;
    memcpy(to, x, sizeof *to);
    to->kept = NULL;
    to->saved = NULL;
    to->rest = NULL;
    to->queue = NULL;
    to->ring = to->own_ring;
    to->ring_first = 0;
    to->in.heap = NULL;
    to->in.join = NULL;
    int rc = copy_blocks(to, x);
    if (rc != CVN_OK) {
        cvn_x225_free(to);
        return rc;
    }
    *out = to;
    return CVN_OK;
}

static bool flags_alike(const struct cvn_x225 *a, const struct cvn_x225 *b)
{
    return a->vtca == b->vtca && a->vtrr == b->vtrr && a->vcoll == b->vcoll && a->vdnr == b->vdnr &&
           a->vact == b->vact && a->vnextact == b->vnextact && a->vsc == b->vsc &&
           a->texp == b->texp && a->discard_rcv == b->discard_rcv &&
           a->discard_snd == b->discard_snd;
}

static bool numbers_alike(const struct cvn_x225 *a, const struct cvn_x225 *b)
{
    return a->va == b->va && a->vm == b->vm && a->vr == b->vr && a->var == b->var &&
           a->vmr == b->vmr && a->vrr == b->vrr && a->vado == b->vado && a->vadi == b->vadi &&
           a->vrspnbs == b->vrspnbs && a->vrspnbr == b->vrspnbr;
}

static bool resync_alike(const struct cvn_x225 *a, const struct cvn_x225 *b)
{
    return a->vrsp == b->vrsp && a->vrsps == b->vrsps && a->vrspr == b->vrspr &&
           a->vrsp_local == b->vrsp_local && a->rs_setting == b->rs_setting;
}

/* What is held and due. */
static bool waiting_alike(const struct cvn_x225 *a, const struct cvn_x225 *b)
{
    if (a->queue_len != b->queue_len || a->replay != b->replay || a->please_due != b->please_due ||
        a->release_held != b->release_held || a->p_abort_due != b->p_abort_due)
        return false;
    for (unsigned i = 0; i < a->queue_len; i++) {
        const struct cvn_x225_held *h = &a->queue[i];
        const struct cvn_x225_held *k = &b->queue[i];
        if (h->event != k->event || h->resync != k->resync || h->resync2 != k->resync2)
            return false;
    }
    return (a->kept != NULL) == (b->kept != NULL) && (a->rest != NULL) == (b->rest != NULL);
}

/* SSDUs under way, in and out. */
static bool flow_alike(const struct cvn_x225 *a, const struct cvn_x225 *b)
{
    return a->streaming == b->streaming && a->stream_unsent == b->stream_unsent &&
           a->wire_open == b->wire_open && a->gta_due == b->gta_due && a->send_max == b->send_max &&
           a->concatenate == b->concatenate && a->begin_due == b->begin_due &&
           a->in.phase == b->in.phase && a->in.current == b->in.current &&
           a->in.open == b->in.open && a->in.dropping == b->in.dropping &&
           a->in.kept_tokens == b->in.kept_tokens && a->in.part_len == b->in.part_len &&
           a->in.join_len == b->in.join_len;
}

bool cvn_x225_alike(const struct cvn_x225 *a, const struct cvn_x225 *b)
{
    return a->state == b->state && a->version == b->version && a->units == b->units &&
           a->owned == b->owned && a->simplex == b->simplex && flags_alike(a, b) &&
           numbers_alike(a, b) && resync_alike(a, b) && waiting_alike(a, b) && flow_alike(a, b) &&
           memcmp(&a->offer, &b->offer, sizeof a->offer) == 0;
}
