/* SPDX-License-Identifier: MIT */
/* err - the names and texts of the return codes, and counted owners. */
#include "convene/err.h"

#include <assert.h>

#include "convene/octets.h"

const char *cvn_err_name(int code)
{
    switch (code) {
#define CVN_ERR_CASE(name, value, text)                                                            \
    case value:                                                                                    \
        return #name;
        CVN_ERR_MAP(CVN_ERR_CASE)
#undef CVN_ERR_CASE
    default:
        return "?";
    }
}

const char *cvn_err_text(int code)
{
    switch (code) {
#define CVN_ERR_CASE(name, value, text)                                                            \
    case value:                                                                                    \
        return text;
        CVN_ERR_MAP(CVN_ERR_CASE)
#undef CVN_ERR_CASE
    default:
        return "?";
    }
}

void cvn_ref_hold(struct cvn_ref *ref)
{
    if (ref != NULL)
        ref->refs++;
}

void cvn_ref_drop(struct cvn_ref *ref)
{
    if (ref == NULL)
        return;
    assert(ref->refs > 0);
    if (--ref->refs == 0)
        ref->drop(ref);
}
