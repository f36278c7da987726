/* SPDX-License-Identifier: MIT */
/* Lines of convene talk: words as objects, any object as a primitive, completion, and both as text. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/talk_prim.h"
#include "cli/talk_words.h"

int LLVMFuzzerTestOneInput(const uint8_t *in, size_t n);

static FILE *nowhere;

static void primitive(const json_t *o)
{
    static const char *const also[] = {"request", "response", "session", "id", NULL};
    static const enum cvn_x225_type types[] = {CVN_REQUEST, CVN_RESPONSE};
    const char *name = json_string_value(json_object_get(o, "request"));
    enum cvn_x225_service s = CVN_S_CONNECT;
    char why[TALK_WHY];
    if (name != NULL)
        (void)talk_service(name, &s);
    for (size_t i = 0; i < 2; i++) {
        struct talk_prim p;
        if (talk_prim_read(&p, o, s, types[i], 0, also, why) != CVN_OK)
            continue;
        json_t *back = json_object();
        talk_prim_write(back, &p.p, CVN_TOKEN_ALL, 4096);
        talk_words_write(nowhere, back);
        json_decref(back);
        talk_prim_fini(&p);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *in, size_t n)
{
    char why[200];
    char before[256];
    nowhere = nowhere == NULL ? fopen("/dev/null", "w") : nowhere;
    json_t *o = n > 0 && in[0] == '{' ? json_loadb((const char *)in, n, JSON_ALLOW_NUL, NULL)
                                      : talk_words_read((const char *)in, n, why, sizeof why);
    if (o != NULL) {
        talk_words_write(nowhere, o);
        primitive(o);
        json_decref(o);
    }
    size_t k = n < sizeof before - 1 ? n : sizeof before - 1;
    if (k > 0)
        memcpy(before, in, k);
    before[k] = '\0';
    for (size_t i = 0; talk_words_next(before, i) != NULL; i++) {
        if (i > 1000)
            abort(); /* it has an end */
    }
    return 0;
}
