/* SPDX-License-Identifier: MIT */
/*
 * x225_kept - CN of a connection whose user data is more than CN holds: its parameters
 * and the user data of the CDO that follow are kept until the last has come, X.225 7.2,
 * 7.3 and action [50].
 *
 * Invariants
 *   K1  the slices of the parameters point into text, one behind the other.
 */
#include <assert.h>
#include <string.h>

#include "proto/x225/machine.h"

static void point(struct cvn_x225_kept *k)
{
    struct cvn_octets *slices[] = {&k->id.calling, &k->id.common, &k->id.additional, &k->calling,
                                   &k->called};
    size_t at = 0;
    for (size_t i = 0; i < sizeof slices / sizeof slices[0]; i++) {
        if (slices[i]->n > 0)
            slices[i]->p = k->text + at;
        at += slices[i]->n;
    }
    assert(at == k->data_at);
}

static void append(struct cvn_x225_kept *k, struct cvn_octets from)
{
    assert(from.n <= k->size - sizeof *k - k->text_len);
    if (from.n > 0)
        memcpy(k->text + k->text_len, from.p, from.n);
    k->text_len += from.n;
}

int cvn_x225_keep(struct cvn_x225 *x, const struct cvn_spdu *cn)
{
    size_t text = cn->id.calling.n + cn->id.common.n + cn->id.additional.n + cn->calling_ssel.n +
                  cn->called_ssel.n;
    size_t size = sizeof(struct cvn_x225_kept) + text + cn->user_data.n;
    if (cn->user_data.n > x->ssdu_bytes_max)
        return CVN_ETOOBIG;
    struct cvn_x225_kept *k = cvn_new(x->alloc, size);
    if (k == NULL)
        return CVN_ENOMEM;
    k->size = size;
    k->data_at = text;
    k->id.calling = cn->id.calling;
    k->id.common = cn->id.common;
    k->id.additional = cn->id.additional;
    k->calling = cn->calling_ssel;
    k->called = cn->called_ssel;
    append(k, k->id.calling);
    append(k, k->id.common);
    append(k, k->id.additional);
    append(k, k->calling);
    append(k, k->called);
    append(k, cn->user_data);
    point(k);
    cvn_x225_keep_drop(x);
    x->kept = k;
    return CVN_OK;
}

/* All user data of CDO stands in the octets fed since STA01D: so much room is enough. */
int cvn_x225_keep_reserve(struct cvn_x225 *x, size_t len)
{
    struct cvn_x225_kept *k = x->kept;
    assert(k != NULL);
    size_t need = k->text_len + k->fed + len;
    size_t room = k->size - sizeof *k;
    if (need <= room)
        return CVN_OK;
    size_t size = sizeof *k + need + need / 2;
    k = cvn_resize(x->alloc, k, k->size, size);
    if (k == NULL)
        return CVN_ENOMEM;
    k->size = size;
    point(k);
    x->kept = k;
    return CVN_OK;
}

void cvn_x225_keep_taken(struct cvn_x225 *x, size_t len)
{
    x->kept->fed += len;
}

void cvn_x225_keep_append(struct cvn_x225 *x, struct cvn_octets more)
{
    assert(x->kept != NULL);
    append(x->kept, more);
    x->kept->fed -= more.n < x->kept->fed ? more.n : x->kept->fed;
}

size_t cvn_x225_kept_octets(const struct cvn_x225 *x)
{
    return x->kept->text_len - x->kept->data_at;
}

void cvn_x225_keep_drop(struct cvn_x225 *x)
{
    if (x->kept != NULL)
        cvn_free(x->alloc, x->kept, x->kept->size);
    x->kept = NULL;
}
