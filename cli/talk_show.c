/* SPDX-License-Identifier: MIT */
/* talk_show - where a session connection stands, and what is allowed on it now: from the table. */
#include <string.h>

#include "cli/talk.h"
#include "cli/talk_words.h"

static json_t *allowed(const struct talk_end *e, enum cvn_x225_type type)
{
    json_t *list = json_array();
    for (unsigned s = 0; s < CVN_S_SERVICES; s++) {
        enum cvn_x225_service service = (enum cvn_x225_service)s;
        if (cvn_sc_allowed(e->sc, service, type) == CVN_OK &&
            !(s == CVN_S_CONNECT && type == CVN_REQUEST && !e->initiator))
            (void)json_array_append_new(list, json_string(cvn_x225_service_name(service)));
    }
    return list;
}

static json_t *numbers(const struct cvn_x225_vars *v)
{
    json_t *o = json_pack("{sI,sI,sI}", "VA", (json_int_t)v->va, "VM", (json_int_t)v->vm, "VR",
                          (json_int_t)v->vr);
    if ((v->units & CVN_FU_SYMMETRIC_SYNC) != 0) {
        (void)json_object_set_new(o, "VAr", json_integer(v->var));
        (void)json_object_set_new(o, "VMr", json_integer(v->vmr));
        (void)json_object_set_new(o, "VRr", json_integer(v->vrr));
    }
    return o;
}

static json_t *token_places(const struct cvn_x225_vars *v)
{
    json_t *o = json_object();
    for (unsigned t = CVN_TOKEN_DATA; t <= CVN_TOKEN_RELEASE; t <<= 2) {
        if ((v->tokens_available & t) != 0)
            (void)json_object_set_new(
                o, talk_token_name((uint8_t)t),
                json_string((v->tokens_owned & t) != 0 ? "this-side" : "peer"));
    }
    return o;
}

json_t *talk_state(const struct talk_end *e)
{
    struct cvn_x225_vars v = talk_end_vars(e);
    json_t *o = json_pack("{ss,ss}", "state", cvn_x225_state_name(v.state), "role",
                          e->initiator ? "initiator" : "responder");
    if (v.version != 0) {
        (void)json_object_set_new(o, "version", json_integer(v.version));
        (void)json_object_set_new(o, "functional_units", talk_units_json(v.units));
        (void)json_object_set_new(o, "tokens", token_places(&v));
        (void)json_object_set_new(o, "serials", numbers(&v));
        (void)json_object_set_new(o, "transport_expedited", json_boolean(v.texp));
        if ((v.units & CVN_FU_ACTIVITY) != 0)
            (void)json_object_set_new(o, "activity", json_boolean(v.vact));
    }
    (void)json_object_set_new(o, "requests", allowed(e, CVN_REQUEST));
    (void)json_object_set_new(o, "responses", allowed(e, CVN_RESPONSE));
    return o;
}

void talk_prompt(const struct talk_end *e, char *out, size_t cap)
{
    size_t n = 0;
    if (e == NULL || e->over) {
        (void)snprintf(out, cap, "not connected> ");
        return;
    }
    struct cvn_x225_vars v = talk_end_vars(e);
    if (e->t->o->listen != NULL)
        n += (size_t)snprintf(out + n, cap - n, "[%u] ", e->number);
    n += (size_t)snprintf(out + n, cap - n, "%s", cvn_x225_state_name(v.state));
    for (unsigned t = CVN_TOKEN_DATA; t <= CVN_TOKEN_RELEASE; t <<= 2) {
        if ((v.tokens_available & t) != 0 && n < cap)
            n += (size_t)snprintf(out + n, cap - n, " %s%s", (v.tokens_owned & t) != 0 ? "+" : "-",
                                  talk_token_name((uint8_t)t));
    }
    if (n < cap)
        (void)snprintf(out + n, cap - n, "%s> ", v.vact ? " activity" : "");
}

static bool word_allowed(const struct talk_end *e, const struct talk_word *w)
{
    if (w->verb == NULL || w->service == CVN_S_SERVICES)
        return false;
    enum cvn_x225_type type = strcmp(w->verb, "request") == 0 ? CVN_REQUEST : CVN_RESPONSE;
    bool connect = w->service == CVN_S_CONNECT && type == CVN_REQUEST;
    if (e == NULL || e->over)
        return connect;
    return cvn_sc_allowed(e->sc, w->service, type) == CVN_OK && (!connect || e->initiator);
}

void talk_help(FILE *to, const struct talk_end *e, const char *command)
{
    for (size_t i = 0; i < talk_nwords; i++) {
        const struct talk_word *w = &talk_words[i];
        if (command != NULL && strncmp(w->name, command, strlen(command)) != 0)
            continue;
        (void)fprintf(to, "%c %-42s %s\n", word_allowed(e, w) ? '*' : ' ', w->usage, w->help);
    }
    if (command == NULL)
        (void)fprintf(to, "* is allowed now. Every parameter of docs/TALK.md may follow as "
                          "name=value; a line may be a JSON object.\n");
}

/* What a state waits for. false: nothing. */
static bool waiting(const struct talk_end *e, struct cvn_x225_prim *p)
{
    static const struct {
        uint8_t state;
        uint8_t service;
    } answers[] = {{CVN_STA08, CVN_S_CONNECT},           {CVN_STA09, CVN_S_RELEASE},
                   {CVN_STA10A, CVN_S_SYNC_MAJOR},       {CVN_STA10B, CVN_S_ACTIVITY_END},
                   {CVN_STA11A, CVN_S_RESYNCHRONIZE},    {CVN_STA11B, CVN_S_ACTIVITY_INTERRUPT},
                   {CVN_STA11C, CVN_S_ACTIVITY_DISCARD}, {CVN_STA22, CVN_S_CAPABILITY_DATA}};
    struct cvn_x225_vars v = talk_end_vars(e);
    for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++) {
        if (v.state == (enum cvn_x225_state)answers[i].state) {
            cvn_x225_prim_init(p, (enum cvn_x225_service)answers[i].service, CVN_RESPONSE);
            return true;
        }
    }
    cvn_x225_prim_init(p, CVN_S_SYNC_MINOR, CVN_RESPONSE);
    p->serial = ((v.units & CVN_FU_SYMMETRIC_SYNC) != 0 ? v.vmr : v.vm) - 1;
    return cvn_sc_allowed(e->sc, CVN_S_SYNC_MINOR, CVN_RESPONSE) == CVN_OK;
}

void talk_answer_waiting(struct talk *t, struct talk_end *e, const json_t *c, bool yes)
{
    struct cvn_x225_prim p;
    if (e == NULL || !waiting(e, &p)) {
        talk_refuse(t, e, c, yes ? "yes" : "no", NULL, "nothing waits for a response");
        return;
    }
    if (!yes && p.service != CVN_S_CONNECT && p.service != CVN_S_RELEASE) {
        talk_refuse(t, e, c, "no", NULL,
                    "this service has no negative response: resynchronize, report an exception, or "
                    "abort");
        return;
    }
    if (!yes)
        p.result = CVN_RF_USER;
    talk_end_fill(e, &p);
    (void)talk_end_request(e, &p, c);
}
