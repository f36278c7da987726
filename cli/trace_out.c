/* SPDX-License-Identifier: MIT */
/* trace_out - lines for people, objects for programs: docs/TRACE.md. */
#include <inttypes.h>
#include <string.h>

#include "cli/trace.h"

static void emit(struct trace_out *o, json_t *v)
{
    (void)json_dumpf(v, o->to, JSON_COMPACT | JSON_REAL_PRECISION(16));
    (void)fputc('\n', o->to);
    json_decref(v);
}

static json_t *object(const struct trace_at *at, const char *event)
{
    json_t *v = json_object();
    (void)json_object_set_new(v, "event", json_string(event));
    (void)json_object_set_new(v, "connection", json_integer(at->link));
    if (at->frame != 0)
        (void)json_object_set_new(v, "frame", json_integer((json_int_t)at->frame));
    (void)json_object_set_new(v, "time", json_real((double)at->time_ns / 1e9));
    return v;
}

static void set_side(json_t *v, unsigned side)
{
    (void)json_object_set_new(v, "from", json_string(side == 0 ? "a" : "b"));
}

static void set_states(json_t *v, const struct cvn_watch_event *ev)
{
    json_t *s = json_object();
    for (unsigned i = 0; i < 2; i++) {
        bool known = ev->state[i] != CVN_WATCH_STATE_UNKNOWN;
        (void)json_object_set_new(s, i == 0 ? "a" : "b",
                                  known ? json_string(trace_state(ev->state[i])) : json_null());
    }
    (void)json_object_set_new(v, "states", s);
}

static void set_primitive(json_t *v, const struct cvn_watch_event *ev)
{
    char text[64];
    if (ev->has_prim) {
        (void)snprintf(text, sizeof text, "%s %s", cvn_x225_service_name(ev->service),
                       cvn_x225_type_name(ev->prim_type));
        (void)json_object_set_new(v, "primitive", json_string(text));
    } else if (ev->by_provider) {
        (void)json_object_set_new(v, "by_provider", json_true());
    }
}

static void set_information(json_t *v, const struct cvn_watch_event *ev, size_t show)
{
    static const char digit[] = "0123456789abcdef";
    json_t *u = json_object();
    size_t n = ev->info.n < show ? ev->info.n : show;
    (void)json_object_set_new(u, "length", json_integer((json_int_t)ev->info_octets));
    if (n > 0) {
        char *text = malloc(2 * n + 1);
        for (size_t i = 0; text != NULL && i < n; i++) {
            text[2 * i] = digit[ev->info.p[i] >> 4];
            text[2 * i + 1] = digit[ev->info.p[i] & 15];
        }
        (void)json_object_set_new(u, "hex", text == NULL ? json_null() : json_stringn(text, 2 * n));
        free(text);
    }
    (void)json_object_set_new(v, "user_information", u);
}

static json_t *spdu_object(const struct trace_out *o, const struct trace_at *at,
                           const struct cvn_watch_event *ev)
{
    json_t *v = object(at, "spdu");
    set_side(v, ev->side);
    (void)json_object_set_new(v, "tsdu", json_integer((json_int_t)ev->tsdu));
    (void)json_object_set_new(v, "tsdu_length", json_integer((json_int_t)ev->tsdu_octets));
    (void)json_object_set_new(v, "tpdus", json_integer(ev->tpdus));
    (void)json_object_set_new(v, "flow", json_string(ev->expedited ? "expedited" : "normal"));
    (void)json_object_set_new(v, "spdu", json_string(trace_spdu_name(ev)));
    (void)json_object_set_new(v, "si", json_integer(ev->raw.n > 0 ? ev->raw.p[0] : -1));
    (void)json_object_set_new(v, "length", json_integer((json_int_t)ev->raw.n));
    if (ev->cut)
        (void)json_object_set_new(v, "cut", json_true());
    set_primitive(v, ev);
    (void)json_object_set_new(v, "parameters", trace_parameters(ev, o->show));
    if (ev->known && cvn_spdu_has_information(ev->type))
        set_information(v, ev, o->show);
    set_states(v, ev);
    return v;
}

static const char *grade(const struct cvn_watch_event *ev)
{
    return ev->grade == CVN_WATCH_WRONG       ? "wrong"
           : ev->grade == CVN_WATCH_TOLERATED ? "tolerated"
                                              : "note";
}

static void json_event(struct trace_out *o, const struct trace_at *at,
                       const struct cvn_watch_event *ev)
{
    json_t *v;
    if (ev->kind == CVN_WATCH_SPDU) {
        v = spdu_object(o, at, ev);
    } else if (ev->kind == CVN_WATCH_TPDU) {
        v = object(at, "tpdu");
        set_side(v, ev->side);
        (void)json_object_set_new(v, "tpdu", json_string(trace_tpdu_name(ev->code)));
        (void)json_object_set_new(v, "length", json_integer((json_int_t)ev->raw.n));
        json_t *more = trace_tpdu(ev);
        (void)json_object_update(v, more);
        json_decref(more);
    } else {
        v = object(at, "finding");
        set_side(v, ev->side);
        (void)json_object_set_new(v, "grade", json_string(grade(ev)));
        (void)json_object_set_new(v, "what", json_string(ev->what));
        if (ev->clause != NULL)
            (void)json_object_set_new(v, "clause", json_string(ev->clause));
        if (ev->detail[0] != '\0')
            (void)json_object_set_new(v, "detail", json_string(ev->detail));
    }
    emit(o, v);
}

/* --- lines --- */

static void print_value(FILE *to, json_t *v)
{
    const char *key;
    json_t *more;
    size_t i;
    if (json_is_string(v))
        (void)fputs(json_string_value(v), to);
    else if (json_is_integer(v))
        (void)fprintf(to, "%" JSON_INTEGER_FORMAT, json_integer_value(v));
    else if (json_is_array(v) && json_array_size(v) == 0)
        (void)fputs("none", to);
    json_array_foreach(v, i, more)
    {
        (void)fputs(i == 0 ? "" : ",", to);
        print_value(to, more);
    }
    i = 0;
    json_object_foreach(v, key, more)
    {
        (void)fprintf(to, "%s%s=", i++ == 0 ? "" : ",", key);
        print_value(to, more);
    }
}

static void print_parameters(FILE *to, json_t *list);

static void print_parameter(FILE *to, json_t *p)
{
    json_t *group = json_object_get(p, "parameters");
    json_t *value = json_object_get(p, "value");
    json_t *text = json_object_get(p, "text");
    json_t *hex = json_object_get(p, "hex");
    json_t *code = json_object_get(p, "pi");
    json_int_t n = json_integer_value(json_object_get(p, "length"));
    (void)fputs(json_string_value(json_object_get(p, "name")), to);
    if (strcmp(json_string_value(json_object_get(p, "name")), "unknown") == 0)
        (void)fprintf(to, " (%" JSON_INTEGER_FORMAT ")",
                      json_integer_value(code != NULL ? code : json_object_get(p, "pgi")));
    if (group != NULL) {
        (void)fputs(" {", to);
        print_parameters(to, group);
        (void)fputs("}", to);
    } else if (n == 0) {
        (void)fputs(" empty", to);
    } else if (value != NULL) {
        (void)fputc(' ', to);
        print_value(to, value);
    } else if (text != NULL) {
        (void)fprintf(to, " \"%s\"", json_string_value(text));
    } else if (hex != NULL && json_string_length(hex) > 0) {
        (void)fprintf(to, " %s", json_string_value(hex));
    }
    if (json_object_get(p, "more") != NULL)
        (void)fprintf(to, " (%" JSON_INTEGER_FORMAT " octets)", n);
    if (json_object_get(p, "cut") != NULL)
        (void)fputs(" cut", to);
}

static void print_parameters(FILE *to, json_t *list)
{
    json_t *p;
    size_t i;
    json_array_foreach(list, i, p)
    {
        (void)fputs(i == 0 ? "" : "; ", to);
        print_parameter(to, p);
    }
}

static void head(const struct trace_out *o, const struct trace_at *at, unsigned side)
{
    (void)fprintf(o->to, "%u %12.6f %c ", at->link, (double)(at->time_ns - o->start_ns) / 1e9,
                  side == 0 ? '>' : '<');
}

static void line_spdu(const struct trace_out *o, const struct trace_at *at,
                      const struct cvn_watch_event *ev)
{
    char prim[64] = "";
    char states[32];
    if (ev->has_prim)
        (void)snprintf(prim, sizeof prim, "%s %s", cvn_x225_service_name(ev->service),
                       cvn_x225_type_name(ev->prim_type));
    (void)snprintf(states, sizeof states, "%s %s", trace_state(ev->state[0]),
                   trace_state(ev->state[1]));
    head(o, at, ev->side);
    (void)fprintf(o->to, "%-3s%c %-35s %-14s ", trace_spdu_name(ev), ev->expedited ? '*' : ' ',
                  prim, states);
    json_t *list = trace_parameters(ev, o->show);
    print_parameters(o->to, list);
    if (ev->known && cvn_spdu_has_information(ev->type))
        (void)fprintf(o->to, "%s%" PRIu64 " octets", json_array_size(list) > 0 ? "; " : "",
                      ev->info_octets);
    json_decref(list);
    for (size_t i = 0; i < ev->info.n && i < o->show; i++)
        (void)fprintf(o->to, "%s%02x", i == 0 ? " " : "", ev->info.p[i]);
    if (ev->tpdus > 1)
        (void)fprintf(o->to, " [%u DT]", ev->tpdus);
    if (ev->cut)
        (void)fputs(" [cut]", o->to);
    (void)fputc('\n', o->to);
}

static void line_event(const struct trace_out *o, const struct trace_at *at,
                       const struct cvn_watch_event *ev)
{
    if (ev->kind == CVN_WATCH_SPDU) {
        if (!ev->header_only)
            line_spdu(o, at, ev);
    } else if (ev->kind == CVN_WATCH_TPDU) {
        json_t *v = trace_tpdu(ev);
        head(o, at, ev->side);
        (void)fprintf(o->to, "%-3s  ", trace_tpdu_name(ev->code));
        print_value(o->to, v);
        (void)fputc('\n', o->to);
        json_decref(v);
    } else {
        const char *mark = ev->grade == CVN_WATCH_WRONG       ? "WRONG"
                           : ev->grade == CVN_WATCH_TOLERATED ? "tolerated"
                                                              : "note";
        head(o, at, ev->side);
        (void)fprintf(o->to, "  ! %s: %s", mark, ev->what);
        if (ev->detail[0] != '\0')
            (void)fprintf(o->to, " (%s)", ev->detail);
        if (ev->clause != NULL)
            (void)fprintf(o->to, " [%s]", ev->clause);
        (void)fputc('\n', o->to);
    }
}

void trace_event(struct trace_out *o, const struct trace_at *at, const struct cvn_watch_event *ev)
{
    o->spdus += ev->kind == CVN_WATCH_SPDU;
    if (ev->kind == CVN_WATCH_FINDING) {
        o->wrong += ev->grade == CVN_WATCH_WRONG;
        o->tolerated += ev->grade == CVN_WATCH_TOLERATED;
    }
    if (o->svg != NULL)
        trace_svg_event(o->svg, at, ev);
    if (o->json)
        json_event(o, at, ev);
    else
        line_event(o, at, ev);
}

static void begin(struct trace_out *o, const struct trace_at *at)
{
    if (!o->began)
        o->start_ns = at->time_ns;
    o->began = true;
}

void trace_opened(struct trace_out *o, const struct trace_at *at, const char *a, const char *b,
                  bool midway)
{
    begin(o, at);
    if (o->svg != NULL)
        trace_svg_link(o->svg, at->link, a, b);
    if (o->json) {
        json_t *v = object(at, "opened");
        (void)json_object_set_new(v, "a", json_string(a));
        (void)json_object_set_new(v, "b", json_string(b));
        (void)json_object_set_new(v, "midway", json_boolean(midway));
        emit(o, v);
        return;
    }
    (void)fprintf(o->to, "%u %12.6f   %s > %s%s\n", at->link,
                  (double)(at->time_ns - o->start_ns) / 1e9, a, b,
                  midway ? " (its beginning is not in the capture)" : "");
}

void trace_ended(struct trace_out *o, const struct trace_at *at, unsigned side, bool reset)
{
    if (o->svg != NULL)
        trace_svg_end(o->svg, at, side, reset);
    if (o->json) {
        json_t *v = object(at, reset ? "reset" : "closed");
        set_side(v, side);
        emit(o, v);
        return;
    }
    head(o, at, side);
    (void)fprintf(o->to, "%s\n", reset ? "reset" : "closed");
}

void trace_note(struct trace_out *o, const struct trace_at *at, const char *what)
{
    if (o->json) {
        json_t *v = object(at, "note");
        (void)json_object_set_new(v, "what", json_string(what));
        emit(o, v);
        return;
    }
    (void)fprintf(o->to, "%u                ! note: %s\n", at->link, what);
}
