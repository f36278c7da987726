/* SPDX-License-Identifier: MIT */
/* trace_fields - the parameters of SPDUs and TPDUs with names and values: docs/TRACE.md. */
#include <string.h>

#include "cli/trace.h"
#include "session/watch_lint.h"

static json_t *hexadecimal(const uint8_t *p, size_t n)
{
    static const char digit[] = "0123456789abcdef";
    char *text = malloc(2 * n + 1);
    if (text == NULL)
        return json_null();
    for (size_t i = 0; i < n; i++) {
        text[2 * i] = digit[p[i] >> 4];
        text[2 * i + 1] = digit[p[i] & 15];
    }
    json_t *v = json_stringn(text, 2 * n);
    free(text);
    return v;
}

static uint64_t number(struct cvn_octets o)
{
    uint64_t v = 0;
    for (size_t i = 0; i < o.n && i < 8; i++)
        v = v << 8 | o.p[i];
    return v;
}

static json_t *bits(uint64_t value, const char *const names[], size_t n)
{
    json_t *list = json_array();
    for (size_t i = 0; i < n; i++) {
        if ((value >> i & 1) != 0 && names[i] != NULL)
            (void)json_array_append_new(list, json_string(names[i]));
    }
    return list;
}
#define BITS(value, names) bits(value, names, sizeof(names) / sizeof((names)[0]))

static json_t *digits(struct cvn_octets o)
{
    json_int_t v = 0;
    if (o.n == 0 || o.n > 18)
        return json_null();
    for (size_t i = 0; i < o.n; i++) {
        if (o.p[i] < '0' || o.p[i] > '9')
            return json_null();
        v = v * 10 + (o.p[i] - '0');
    }
    return json_integer(v);
}

static json_t *places(uint64_t v)
{
    static const char *const token[] = {"data", "synchronize-minor", "major-activity", "release"};
    static const char *const side[] = {"initiator", "responder", "acceptor-chooses", "reserved"};
    json_t *o = json_object();
    for (size_t i = 0; i < 4; i++)
        (void)json_object_set_new(o, token[i], json_string(side[v >> (2 * i) & 3]));
    return o;
}

static json_t *sizes(struct cvn_octets v)
{
    json_t *o = json_object();
    if (v.n != 4)
        return o;
    (void)json_object_set_new(o, "initiator", json_integer(v.p[0] << 8 | v.p[1]));
    (void)json_object_set_new(o, "responder", json_integer(v.p[2] << 8 | v.p[3]));
    return o;
}

static json_t *named(uint64_t v, const char *name)
{
    return name != NULL ? json_string(name) : json_integer((json_int_t)v);
}

static const char *prepare_name(uint64_t v)
{
    static const char *const names[] = {NULL, "MAA", "RS", "RA", "AB"};
    return v < sizeof names / sizeof names[0] ? names[v] : NULL;
}

static const char *resync_name(uint64_t v)
{
    static const char *const names[] = {"restart", "abandon", "set"};
    return v < sizeof names / sizeof names[0] ? names[v] : NULL;
}

static const char *refuse_name(uint64_t v)
{
    switch (v) {
    case CVN_RF_USER:
        return "user";
    case CVN_RF_USER_CONGESTION:
        return "user-congestion";
    case CVN_RF_USER_DATA:
        return "user-data";
    case CVN_RF_SELECTOR_UNKNOWN:
        return "selector-unknown";
    case CVN_RF_NOT_ATTACHED:
        return "not-attached";
    case CVN_RF_CONGESTION:
        return "congestion";
    case CVN_RF_VERSION:
        return "version";
    case CVN_RF_PROVIDER:
        return "provider";
    case CVN_RF_RESTRICTION:
        return "restriction";
    default:
        return NULL;
    }
}

static const char *reason_name(uint64_t v)
{
    switch (v) {
    case CVN_REASON_NONE:
        return "non-specific";
    case CVN_REASON_RECEIVING_JEOPARDIZED:
        return "receiving-ability-jeopardized";
    case CVN_REASON_SEQUENCE_ERROR:
        return "sequence-error";
    case CVN_REASON_LOCAL_ERROR:
        return "local-error";
    case CVN_REASON_UNRECOVERABLE:
        return "unrecoverable-procedural-error";
    case CVN_REASON_DEMAND_DATA_TOKEN:
        return "demand-data-token";
    default:
        return NULL;
    }
}

static const char *const unit_names[] = {
    "half-duplex",       "duplex",        "expedited-data",      "minor-synchronize",
    "major-synchronize", "resynchronize", "activity-management", "negotiated-release",
    "capability-data",   "exceptions",    "typed-data",          "symmetric-synchronize",
    "data-separation"};

static json_t *flags(enum cvn_spdu_type type, uint8_t code, uint64_t v)
{
    static const char *const minor[] = {"optional", "data-separation"};
    static const char *const major[] = {"major"};
    static const char *const tokens[] = {
        "data", NULL, "synchronize-minor", NULL, "major-activity", NULL, "release"};
    static const char *const ends[] = {"released", "user", "protocol-error", "no-reason",
                                       "implementation-restriction"};
    static const char *const options[] = {"extended-concatenation"};
    static const char *const enclosure[] = {"begin", "end"};
    static const char *const more[] = {"more"};
    switch (code) {
    case 15:
        return type == CVN_SPDU_MIP ? BITS(v, minor) : BITS(v, major);
    case 16:
        return BITS(v, tokens);
    case 17:
        return BITS(v, ends);
    case 19:
        return BITS(v, options);
    case 20:
        return BITS(v, unit_names);
    case 25:
        return BITS(v, enclosure);
    case 60:
        return BITS(v, more);
    default:
        return NULL;
    }
}

static json_t *versions(uint64_t v)
{
    json_t *list = json_array();
    for (int i = 0; i < 8; i++) {
        if ((v >> i & 1) != 0)
            (void)json_array_append_new(list, json_integer(i + 1));
    }
    return list;
}

/* What a parameter means; NULL: nothing but its octets. */
static json_t *meaning(enum cvn_spdu_type type, uint8_t code, struct cvn_octets o)
{
    uint64_t v = number(o);
    json_t *list = flags(type, code, v);
    if (list != NULL)
        return list;
    switch (code) {
    case 21:
        return sizes(o);
    case 22:
        return versions(v);
    case 23:
    case 42:
    case 54:
    case 55:
    case 57:
    case 58:
        return digits(o);
    case 24:
        return named(v, prepare_name(v));
    case 26:
        return places(v);
    case 27:
    case 53:
        return named(v, resync_name(v));
    case 50:
        v = o.n > 0 ? o.p[0] : 0;
        return named(v, type == CVN_SPDU_RF ? refuse_name(v) : reason_name(v));
    case 56:
        return json_integer((json_int_t)v);
    default:
        return NULL;
    }
}

static bool printable(struct cvn_octets o)
{
    for (size_t i = 0; i < o.n; i++) {
        if (o.p[i] < 0x20 || o.p[i] > 0x7e)
            return false;
    }
    return o.n > 0;
}

static bool is_user_data(uint8_t code)
{
    return code == 46 || code == 193 || code == 194;
}

/* Parameters that people often write as text. */
static const uint8_t readable[] = {9, 10, 11, 12, 41, 51, 52, 57, 58};

/* Reflected octets are user data as little as references are. */
static void add_octets(json_t *to, enum cvn_spdu_type type, uint8_t code, struct cvn_octets o,
                       size_t show)
{
    bool user = is_user_data(code);
    bool text = memchr(readable, code, sizeof readable) != NULL;
    size_t n = o.n;
    if (type == CVN_SPDU_RF && code == 50 && n > 0) /* the code, then user data */
        n = 1 + (n - 1 < show ? n - 1 : show);
    if (user)
        n = n < show ? n : show;
    if (!user || n > 0)
        (void)json_object_set_new(to, "hex", hexadecimal(o.p, n));
    if (n < o.n)
        (void)json_object_set_new(to, "more", json_integer((json_int_t)(o.n - n)));
    if (text && printable(o))
        (void)json_object_set_new(to, "text", json_stringn((const char *)o.p, o.n));
}

static json_t *parameter(enum cvn_spdu_type type, uint8_t pgi, const struct watch_unit *u,
                         size_t show);

static json_t *parameters(enum cvn_spdu_type type, struct cvn_rd rd, uint8_t pgi, size_t show)
{
    json_t *list = json_array();
    struct watch_unit u;
    while (cvn_watch_unit_next(&rd, &u))
        (void)json_array_append_new(list, parameter(type, pgi, &u, show));
    return list;
}

static json_t *parameter(enum cvn_spdu_type type, uint8_t pgi, const struct watch_unit *u,
                         size_t show)
{
    json_t *o = json_object();
    bool group = pgi == 0 && cvn_watch_is_group(u->code);
    bool as_group = group || u->code == 193 || u->code == 194;
    const char *name = cvn_watch_unit_name(type, pgi, u->code);
    (void)json_object_set_new(o, as_group ? "pgi" : "pi", json_integer(u->code));
    (void)json_object_set_new(o, "name", json_string(name != NULL ? name : "unknown"));
    (void)json_object_set_new(o, "length", json_integer((json_int_t)u->value.n));
    if (u->cut)
        (void)json_object_set_new(o, "cut", json_true());
    if (group) {
        struct cvn_rd rd = cvn_rd_init(u->value.p, u->value.n);
        (void)json_object_set_new(o, "parameters", parameters(type, rd, u->code, show));
        return o;
    }
    json_t *value = u->value.n > 0 ? meaning(type, u->code, u->value) : NULL;
    if (value != NULL)
        (void)json_object_set_new(o, "value", value);
    add_octets(o, type, u->code, u->value, show);
    return o;
}

json_t *trace_parameters(const struct cvn_watch_event *ev, size_t show)
{
    enum cvn_spdu_type type = ev->known ? ev->type : CVN_SPDU_TYPES;
    return parameters(type, cvn_watch_units(ev->raw), 0, show);
}

const char *trace_spdu_name(const struct cvn_watch_event *ev)
{
    if (!ev->known)
        return "?";
    return ev->activity_end ? "AEA" : cvn_spdu_name(ev->type);
}

const char *trace_state(unsigned state)
{
    return state == CVN_WATCH_STATE_UNKNOWN ? "?" : cvn_x225_state_name((enum cvn_x225_state)state);
}

const char *trace_tpdu_name(uint8_t code)
{
    switch (code) {
    case CVN_TPDU_CR:
        return "CR";
    case CVN_TPDU_CC:
        return "CC";
    case CVN_TPDU_DR:
        return "DR";
    case CVN_TPDU_DC:
        return "DC";
    case CVN_TPDU_ER:
        return "ER";
    case CVN_TPDU_AK:
        return "AK";
    case CVN_TPDU_EA:
        return "EA";
    case CVN_TPDU_RJ:
        return "RJ";
    default:
        return "?";
    }
}

static void selector(json_t *o, const char *key, struct cvn_octets v)
{
    if (v.p == NULL)
        return;
    json_t *s = json_object();
    (void)json_object_set_new(s, "hex", hexadecimal(v.p, v.n));
    if (printable(v))
        (void)json_object_set_new(s, "text", json_stringn((const char *)v.p, v.n));
    (void)json_object_set_new(o, key, s);
}

json_t *trace_tpdu(const struct cvn_watch_event *ev)
{
    const struct cvn_tpdu *t = &ev->tpdu;
    json_t *o = json_object();
    if (!ev->decoded) {
        (void)json_object_set_new(o, "hex", hexadecimal(ev->raw.p, ev->raw.n));
        return o;
    }
    (void)json_object_set_new(o, "destination_reference", json_integer(t->dst));
    if (ev->code != CVN_TPDU_ER)
        (void)json_object_set_new(o, "source_reference", json_integer(t->src));
    if (ev->code == CVN_TPDU_DR || ev->code == CVN_TPDU_ER) {
        (void)json_object_set_new(o, "reason", json_integer(t->reason));
        selector(o, ev->code == CVN_TPDU_DR ? "additional" : "invalid_tpdu", t->extra);
        return o;
    }
    (void)json_object_set_new(o, "class", json_integer(t->class_id));
    selector(o, "calling_selector", t->calling);
    selector(o, "called_selector", t->called);
    if (t->size != 0)
        (void)json_object_set_new(o, "tpdu_size", json_integer(1 << t->size));
    if (t->units != 0)
        (void)json_object_set_new(o, "preferred_tpdu_size", json_integer(t->units * 128));
    if (t->has_options)
        (void)json_object_set_new(o, "expedited",
                                  json_boolean((t->options & CVN_TPDU_EXPEDITED) != 0));
    return o;
}
