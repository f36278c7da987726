/* SPDX-License-Identifier: MIT */
/* talk_prim - X.215 primitives as JSON objects and back. */
#include "cli/talk_prim.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "convene/alloc.h"
#include "convene/x215.h"

/* -------- names -------- */

struct name {
    const char *name;
    unsigned value;
};

/* The first name of a value is the one that is written. */
static const struct name units[] = {
    {"half-duplex", CVN_FU_HALF_DUPLEX},
    {"duplex", CVN_FU_DUPLEX},
    {"expedited-data", CVN_FU_EXPEDITED},
    {"minor-synchronize", CVN_FU_MINOR_SYNC},
    {"major-synchronize", CVN_FU_MAJOR_SYNC},
    {"resynchronize", CVN_FU_RESYNC},
    {"activity-management", CVN_FU_ACTIVITY},
    {"negotiated-release", CVN_FU_NEGOTIATED_RELEASE},
    {"capability-data", CVN_FU_CAPABILITY},
    {"exceptions", CVN_FU_EXCEPTIONS},
    {"typed-data", CVN_FU_TYPED_DATA},
    {"symmetric-synchronize", CVN_FU_SYMMETRIC_SYNC},
    {"data-separation", CVN_FU_DATA_SEPARATION},
    {"expedited", CVN_FU_EXPEDITED},
    {"minor", CVN_FU_MINOR_SYNC},
    {"major", CVN_FU_MAJOR_SYNC},
    {"activity", CVN_FU_ACTIVITY},
    {"capability", CVN_FU_CAPABILITY},
    {"symmetric", CVN_FU_SYMMETRIC_SYNC},
    {"BCS", CVN_SUBSET_BCS},
    {"BSS", CVN_SUBSET_BSS},
    {"BAS", CVN_SUBSET_BAS},
    {"all", CVN_FU_ALL},
    {NULL, 0},
};

static const struct name tokens[] = {
    {"data", CVN_TOKEN_DATA},
    {"synchronize-minor", CVN_TOKEN_MINOR},
    {"major-activity", CVN_TOKEN_MAJOR},
    {"release", CVN_TOKEN_RELEASE},
    {"minor", CVN_TOKEN_MINOR},
    {"major", CVN_TOKEN_MAJOR},
    {"activity", CVN_TOKEN_MAJOR},
    {NULL, 0},
};

static const struct name sides[] = {
    {"initiator", CVN_SIDE_INITIATOR},
    {"responder", CVN_SIDE_RESPONDER},
    {"acceptor-chooses", CVN_SIDE_ACCEPTOR_CHOOSES},
    {"reserved", 3},
    {NULL, 0},
};

static const struct name results[] = {
    {"accept", CVN_RESULT_ACCEPT},
    {"user", CVN_RF_USER},
    {"user-congestion", CVN_RF_USER_CONGESTION},
    {"user-data", CVN_RF_USER_DATA},
    {"selector-unknown", CVN_RF_SELECTOR_UNKNOWN},
    {"not-attached", CVN_RF_NOT_ATTACHED},
    {"congestion", CVN_RF_CONGESTION},
    {"version", CVN_RF_VERSION},
    {"provider", CVN_RF_PROVIDER},
    {"restriction", CVN_RF_RESTRICTION},
    {NULL, 0},
};

static const struct name releases[] = {
    {"affirmative", CVN_RESULT_ACCEPT},
    {"negative", 0},
    {NULL, 0},
};

static const struct name reasons[] = {
    {"non-specific", CVN_REASON_NONE},
    {"receiving-ability-jeopardized", CVN_REASON_RECEIVING_JEOPARDIZED},
    {"sequence-error", CVN_REASON_SEQUENCE_ERROR},
    {"local-error", CVN_REASON_LOCAL_ERROR},
    {"unrecoverable-procedural-error", CVN_REASON_UNRECOVERABLE},
    {"demand-data-token", CVN_REASON_DEMAND_DATA_TOKEN},
    {NULL, 0},
};

static const struct name aborts[] = {
    {"transport-disconnect", CVN_ABORT_TRANSPORT},
    {"protocol-error", CVN_ABORT_PROTOCOL},
    {"undefined", CVN_ABORT_UNDEFINED},
    {"implementation-restriction", CVN_ABORT_RESTRICTION},
    {NULL, 0},
};

static const struct name exceptions[] = {
    {"non-specific", CVN_ABORT_TRANSPORT}, /* no reason was given */
    {"protocol-error", CVN_ABORT_PROTOCOL},
    {NULL, 0},
};

static const struct name resyncs[] = {
    {"restart", CVN_RESYNC_RESTART},
    {"abandon", CVN_RESYNC_ABANDON},
    {"set", CVN_RESYNC_SET},
    {"none", CVN_RESYNC_NONE},
    {NULL, 0},
};

static const struct name protections[] = {
    {"none", 0},
    {"reading", CVN_PROTECT_READING},
    {"changing", CVN_PROTECT_CHANGING},
    {"both", CVN_PROTECT_READING | CVN_PROTECT_CHANGING},
    {NULL, 0},
};

static const struct name *by_name(const struct name *n, const char *text)
{
    for (; n->name != NULL; n++) {
        if (strcmp(n->name, text) == 0)
            return n;
    }
    return NULL;
}

static const char *by_value(const struct name *n, unsigned value)
{
    for (; n->name != NULL; n++) {
        if (n->value == value)
            return n->name;
    }
    return NULL;
}

/* "accept, user, ..." */
static void list_names(char *out, size_t cap, const struct name *n)
{
    size_t len = 0;
    out[0] = '\0';
    for (; n->name != NULL && len + 32 < cap; n++)
        len += (size_t)snprintf(out + len, cap - len, "%s%s", len == 0 ? "" : ", ", n->name);
}

bool talk_service(const char *name, enum cvn_x225_service *s)
{
    bool prefix = strncasecmp(name, "S-", 2) == 0;
    for (unsigned i = 0; i < CVN_S_SERVICES; i++) {
        const char *full = cvn_x225_service_name((enum cvn_x225_service)i);
        if (strcasecmp(prefix ? full : full + 2, name) == 0) {
            *s = (enum cvn_x225_service)i;
            return true;
        }
    }
    return false;
}

uint8_t talk_token(const char *name)
{
    const struct name *n = by_name(tokens, name);
    return n == NULL ? 0 : (uint8_t)n->value;
}

const char *talk_token_name(uint8_t token)
{
    return by_value(tokens, token);
}

uint8_t talk_tokens_of(uint16_t u)
{
    unsigned t = 0;
    t |= (u & CVN_FU_HALF_DUPLEX) != 0 ? (unsigned)CVN_TOKEN_DATA : 0;
    t |= (u & CVN_FU_MINOR_SYNC) != 0 ? (unsigned)CVN_TOKEN_MINOR : 0;
    t |= (u & (CVN_FU_MAJOR_SYNC | CVN_FU_ACTIVITY)) != 0 ? (unsigned)CVN_TOKEN_MAJOR : 0;
    t |= (u & CVN_FU_NEGOTIATED_RELEASE) != 0 ? (unsigned)CVN_TOKEN_RELEASE : 0;
    return (uint8_t)t;
}

bool talk_units_text(const char *text, uint16_t *out)
{
    unsigned all = 0;
    while (*text != '\0') {
        char one[32];
        size_t n = strcspn(text, ",");
        if (n >= sizeof one)
            return false;
        memcpy(one, text, n);
        one[n] = '\0';
        const struct name *u = by_name(units, one);
        if (u == NULL)
            return false;
        all |= u->value;
        text += n;
        text += *text == ',';
    }
    *out = (uint16_t)all;
    return all != 0;
}

/* -------- members -------- */

enum kind {
    SERIAL,
    OCTETS,
    UNITS,
    VERSIONS,
    TOKENS,
    SETTING,
    IDENTIFIER,
    MAXIMA,
    FLAG,
    PART, /* begin, end: true unless said */
    RESULT,
    RELEASE,
    REASON,
    ABORT,
    EXCEPTION,
    RESYNC,
    PROTECTION,
    TEXT, /* written only */
};

#define S(name)    (1u << CVN_S_##name)
#define RQ         (1u << CVN_REQUEST)
#define IN         (1u << CVN_INDICATION)
#define RS         (1u << CVN_RESPONSE)
#define CF         (1u << CVN_CONFIRM)
#define ALL        (RQ | IN | RS | CF)
#define AT(member) offsetof(struct cvn_x225_prim, member)
#define STREAMED   (S(DATA) | S(TYPED_DATA))

/* clang-format off */
static const struct member {
    const char *name;
    uint32_t services;
    uint8_t types;
    uint8_t kind; /* enum kind */
    size_t at;
} members[] = {
    {"result", S(CONNECT), RS | CF, RESULT, AT(result)},
    {"result", S(RELEASE), RS | CF, RELEASE, AT(result)},
    {"versions", S(CONNECT), ALL, VERSIONS, AT(versions)},
    {"functional_units", S(CONNECT), ALL, UNITS, AT(units)},
    {"identifier", S(CONNECT), ALL, IDENTIFIER, AT(id)},
    {"calling_selector", S(CONNECT), RQ | IN, OCTETS, AT(calling)},
    {"called_selector", S(CONNECT), RQ | IN, OCTETS, AT(called)},
    {"responding_selector", S(CONNECT), RS | CF, OCTETS, AT(called)},
    {"tokens", S(CONNECT) | S(RESYNCHRONIZE), ALL, SETTING, AT(token_setting)},
    {"tokens", S(TOKEN_GIVE) | S(TOKEN_PLEASE), RQ | IN, TOKENS, AT(tokens)},
    {"please", S(CONNECT), RS | CF, TOKENS, AT(tokens)},
    {"simplex", S(CONNECT), RQ | RS, FLAG, AT(simplex)},
    {"extended_control", S(CONNECT), ALL, FLAG, AT(extended_control)},
    {"optimized_dialogue", S(CONNECT), ALL, FLAG, AT(optimized_dialogue)},
    {"protection", S(CONNECT), RQ, PROTECTION, AT(protection)},
    {"initial_serial", S(CONNECT), ALL, SERIAL, AT(serial)},
    {"second_initial_serial", S(CONNECT), ALL, SERIAL, AT(serial2)},
    {"tsdu_maximum", S(CONNECT), ALL, MAXIMA, AT(tsdu_max_initiator)},
    {"type", S(RESYNCHRONIZE), RQ | IN, RESYNC, AT(resync)},
    {"second_type", S(RESYNCHRONIZE), RQ | IN, RESYNC, AT(resync2)},
    {"serial", S(SYNC_MINOR), IN | RS | CF, SERIAL, AT(serial)},
    {"serial", S(SYNC_MAJOR) | S(ACTIVITY_END), IN | CF, SERIAL, AT(serial)},
    {"serial", S(RESYNCHRONIZE) | S(ACTIVITY_RESUME), ALL, SERIAL, AT(serial)},
    {"second_serial", S(SYNC_MINOR) | S(SYNC_MAJOR) | S(ACTIVITY_END), IN | CF, SERIAL, AT(serial2)},
    {"second_serial", S(RESYNCHRONIZE) | S(ACTIVITY_RESUME), ALL, SERIAL, AT(serial2)},
    {"optional", S(SYNC_MINOR), RQ | IN, FLAG, AT(optional)},
    {"data_separation", S(SYNC_MINOR), RQ | IN, FLAG, AT(separation)},
    {"reason", S(U_EXCEPTION_REPORT) | S(ACTIVITY_INTERRUPT) | S(ACTIVITY_DISCARD), RQ | IN, REASON,
     AT(reason)},
    {"reason", S(P_ABORT), IN, ABORT, AT(reason)},
    {"reason", S(P_EXCEPTION_REPORT), IN, EXCEPTION, AT(reason)},
    {"activity", S(ACTIVITY_START) | S(ACTIVITY_RESUME), RQ | IN, OCTETS, AT(activity)},
    {"old_activity", S(ACTIVITY_RESUME), RQ | IN, OCTETS, AT(old_activity)},
    {"old_connection", S(ACTIVITY_RESUME), RQ | IN, IDENTIFIER, AT(id)},
    {"keep", S(RELEASE), RQ | IN | CF, FLAG, AT(keep)},
    {"keep", S(CONNECT), CF, FLAG, AT(keep)},
    {"keep", S(U_ABORT) | S(P_ABORT), IN, FLAG, AT(keep)},
    {"reflected", S(P_ABORT) | S(P_EXCEPTION_REPORT), IN, OCTETS, AT(reflected)},
    {"why", S(P_ABORT) | S(P_EXCEPTION_REPORT), IN, TEXT, AT(why)},
    {"begin", STREAMED, RQ | IN, PART, AT(begin)},
    {"end", STREAMED, RQ | IN, PART, AT(end)},
};
/* clang-format on */
#define MEMBERS (sizeof members / sizeof members[0])

static const struct {
    const char *name;
    size_t at;
} identifiers[] = {
    {"calling", offsetof(struct cvn_x225_connection_id, calling)},
    {"called", offsetof(struct cvn_x225_connection_id, called)},
    {"common", offsetof(struct cvn_x225_connection_id, common)},
    {"additional", offsetof(struct cvn_x225_connection_id, additional)},
};

/* -------- reading -------- */

static void block_drop(struct cvn_ref *ref)
{
    struct talk_block *b = (struct talk_block *)(void *)ref;
    cvn_free(cvn_alloc_std(), b, sizeof *b + b->cap);
}

struct talk_block *talk_block_new(size_t cap)
{
    struct talk_block *b = cvn_resize(cvn_alloc_std(), NULL, 0, sizeof *b + cap);
    if (b != NULL)
        *b = (struct talk_block){.ref = {.refs = 1, .drop = block_drop}, .cap = cap};
    return b;
}

struct reading {
    struct talk_prim *t;
    const char *member;
    char *why;
};

static int bad(struct reading *r, const char *text)
{
    (void)snprintf(r->why, TALK_WHY, "%s: %s", r->member, text);
    return CVN_EINVAL;
}

static int bad_name(struct reading *r, const struct name *n)
{
    char list[TALK_WHY - 40];
    list_names(list, sizeof list, n);
    (void)snprintf(r->why, TALK_WHY, "%s: not one of %s", r->member, list);
    return CVN_EINVAL;
}

static int digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* -1: text is not hexadecimal digits, -2: an odd number of them. */
static int hex_append(struct talk_block *b, const char *text, size_t n)
{
    uint8_t *to = b->octets + b->used;
    if (n % 2 != 0)
        return -2;
    for (size_t i = 0; i < n; i += 2) {
        int high = digit(text[i]);
        int low = digit(text[i + 1]);
        if (high < 0 || low < 0)
            return -1;
        to[i / 2] = (uint8_t)(high << 4 | low);
    }
    b->used += n / 2;
    return 0;
}

struct talk_block *talk_hex_read(const char *text, size_t n)
{
    struct talk_block *b = talk_block_new(n / 2 + 1);
    if (b != NULL && hex_append(b, text, n) != 0) {
        cvn_ref_drop(&b->ref);
        b = NULL;
    }
    return b;
}

static int read_hex(struct reading *r, const char *text, size_t n, struct cvn_octets *out)
{
    struct talk_block *b = r->t->block;
    *out = (struct cvn_octets){b->octets + b->used, n / 2};
    switch (hex_append(b, text, n)) {
    case 0:
        return CVN_OK;
    case -1:
        return bad(r, "not hexadecimal");
    default:
        return bad(r, "an odd number of hexadecimal digits");
    }
}

static int read_text(struct reading *r, const json_t *v, struct cvn_octets *out)
{
    struct talk_block *b = r->t->block;
    size_t n = json_string_length(v);
    uint8_t *to = b->octets + b->used;
    if (n > 0)
        memcpy(to, json_string_value(v), n);
    b->used += n;
    *out = (struct cvn_octets){to, n};
    return CVN_OK;
}

static int read_octets(struct reading *r, const json_t *v, struct cvn_octets *out)
{
    const char *text = json_string_value(v);
    if (text == NULL)
        return bad(r, "not a string: text, or 0x and hexadecimal digits");
    if (strncmp(text, "0x", 2) == 0)
        return read_hex(r, text + 2, json_string_length(v) - 2, out);
    return read_text(r, v, out);
}

static int read_names(struct reading *r, const json_t *v, const struct name *names, unsigned *out)
{
    size_t i;
    json_t *one;
    unsigned all = 0;
    if (json_is_string(v)) {
        const struct name *n = by_name(names, json_string_value(v));
        *out = n == NULL ? 0 : n->value;
        return n == NULL ? bad_name(r, names) : CVN_OK;
    }
    if (!json_is_array(v))
        return bad(r, "not a list of names");
    json_array_foreach(v, i, one)
    {
        const struct name *n = json_is_string(one) ? by_name(names, json_string_value(one)) : NULL;
        if (n == NULL)
            return bad_name(r, names);
        all |= n->value;
    }
    *out = all;
    return CVN_OK;
}

static int read_number(struct reading *r, const json_t *v, json_int_t most, uint64_t *out)
{
    json_int_t n = json_integer_value(v);
    if (!json_is_integer(v) || n < 0 || n > most) {
        char text[64];
        (void)snprintf(text, sizeof text, "not a number from 0 to %" JSON_INTEGER_FORMAT, most);
        return bad(r, text);
    }
    *out = (uint64_t)n;
    return CVN_OK;
}

/* A name, or the number itself: reserved values are for whoever wants to try them. */
static int read_code(struct reading *r, const json_t *v, const struct name *names, uint8_t *out)
{
    uint64_t n = 0;
    unsigned value = 0;
    int rc;
    if (json_is_integer(v)) {
        rc = read_number(r, v, 255, &n);
        value = (unsigned)n;
    } else {
        rc = json_is_string(v) ? read_names(r, v, names, &value) : bad_name(r, names);
    }
    if (rc == CVN_OK)
        *out = (uint8_t)value;
    return rc;
}

static int read_versions(struct reading *r, const json_t *v, uint8_t *out)
{
    size_t n = json_is_array(v) ? json_array_size(v) : 1;
    unsigned all = 0;
    for (size_t i = 0; i < n; i++) {
        uint64_t one = 0;
        if (read_number(r, json_is_array(v) ? json_array_get(v, i) : v, 2, &one) != CVN_OK ||
            one == 0)
            return bad(r, "not a list of 1 and 2");
        all |= 1u << (one - 1);
    }
    *out = (uint8_t)all;
    return CVN_OK;
}

static int read_setting(struct reading *r, const json_t *v)
{
    const char *key;
    json_t *side;
    unsigned setting = r->t->p.token_setting;
    if (!json_is_object(v))
        return bad(r, "not an object of tokens and sides");
    json_object_foreach((json_t *)(uintptr_t)v, key, side)
    {
        unsigned value = 0;
        unsigned t = talk_token(key);
        if (t == 0)
            return bad_name(r, tokens);
        if (!json_is_string(side) || read_names(r, side, sides, &value) != CVN_OK)
            return bad_name(r, sides);
        setting = (setting & ~(t * 3u)) | t * value;
    }
    r->t->p.token_setting = (uint8_t)setting;
    r->t->p.has_token_setting = true;
    return CVN_OK;
}

static int read_identifier(struct reading *r, const json_t *v, void *at)
{
    const char *key;
    json_t *one;
    if (!json_is_object(v))
        return bad(r, "not an object of calling, called, common, additional");
    json_object_foreach((json_t *)(uintptr_t)v, key, one)
    {
        size_t i = 0;
        while (i < 4 && strcmp(key, identifiers[i].name) != 0)
            i++;
        if (i == 4)
            return bad(r, "a member that is not calling, called, common or additional");
        int rc = read_octets(r, one, (struct cvn_octets *)(void *)((char *)at + identifiers[i].at));
        if (rc != CVN_OK)
            return rc;
    }
    return CVN_OK;
}

static int read_maxima(struct reading *r, const json_t *v)
{
    const char *key;
    json_t *one;
    if (!json_is_object(v))
        return bad(r, "not an object of initiator and responder");
    json_object_foreach((json_t *)(uintptr_t)v, key, one)
    {
        uint64_t n = 0;
        bool initiator = strcmp(key, "initiator") == 0;
        if (!initiator && strcmp(key, "responder") != 0)
            return bad(r, "a member that is not initiator or responder");
        int rc = read_number(r, one, UINT16_MAX, &n);
        if (rc != CVN_OK)
            return rc;
        if (initiator)
            r->t->p.tsdu_max_initiator = (uint16_t)n;
        else
            r->t->p.tsdu_max_responder = (uint16_t)n;
    }
    return CVN_OK;
}

static int read_serial(struct reading *r, const json_t *v, uint32_t *out)
{
    uint64_t n = 0;
    int rc = read_number(r, v, CVN_SERIAL_MAX, &n);
    if (rc == CVN_OK)
        *out = (uint32_t)n;
    return rc;
}

static int read_bits(struct reading *r, const json_t *v, enum kind kind, void *at)
{
    unsigned all = 0;
    int rc = read_names(r, v, kind == UNITS ? units : tokens, &all);
    if (rc == CVN_OK && kind == UNITS)
        *(uint16_t *)at = (uint16_t)all;
    else if (rc == CVN_OK)
        *(uint8_t *)at = (uint8_t)all;
    return rc;
}

static int read_flag(struct reading *r, const json_t *v, bool *out)
{
    if (!json_is_boolean(v))
        return bad(r, "not true or false");
    *out = json_is_true(v);
    return CVN_OK;
}

static int read_member(struct reading *r, const struct member *m, const json_t *v)
{
    static const struct name *const codes[] = {[RESULT] = results,
                                               [RELEASE] = releases,
                                               [REASON] = reasons,
                                               [RESYNC] = resyncs,
                                               [PROTECTION] = protections};
    void *at = (char *)&r->t->p + m->at;
    switch (m->kind) {
    case SERIAL:
        return read_serial(r, v, at);
    case OCTETS:
        return read_octets(r, v, at);
    case UNITS:
    case TOKENS:
        return read_bits(r, v, m->kind, at);
    case VERSIONS:
        return read_versions(r, v, at);
    case SETTING:
        return read_setting(r, v);
    case IDENTIFIER:
        return read_identifier(r, v, at);
    case MAXIMA:
        return read_maxima(r, v);
    case FLAG:
    case PART:
        return read_flag(r, v, at);
    default:
        return read_code(r, v, codes[m->kind], at);
    }
}

/* "data", "hex", "length": at most one of them. CVN_NONE: key is none of them. */
static int read_user_data(struct reading *r, const char *key, const json_t *v)
{
    struct talk_prim *t = r->t;
    bool text = strcmp(key, "data") == 0;
    bool length = strcmp(key, "length") == 0;
    if (!text && !length && strcmp(key, "hex") != 0)
        return CVN_NONE;
    if (t->p.data.p != NULL || t->has_length)
        return bad(r, "user data is given twice: data, hex or length");
    if (length) {
        t->has_length = true;
        return read_number(r, v, INT64_MAX, &t->length);
    }
    if (!json_is_string(v))
        return bad(r, "not a string");
    if (text)
        return read_text(r, v, &t->p.data);
    return read_hex(r, json_string_value(v), json_string_length(v), &t->p.data);
}

static const struct member *find_member(enum cvn_x225_service s, enum cvn_x225_type type,
                                        const char *name)
{
    for (size_t i = 0; i < MEMBERS; i++) {
        const struct member *m = &members[i];
        if ((m->services & 1u << s) != 0 && (m->types & 1u << type) != 0 &&
            strcmp(m->name, name) == 0)
            return m;
    }
    return NULL;
}

static int read_one(struct reading *r, const json_t *v)
{
    const struct cvn_x225_prim *p = &r->t->p;
    int rc = read_user_data(r, r->member, v);
    if (rc != CVN_NONE)
        return rc;
    const struct member *m = find_member(p->service, p->type, r->member);
    if (m != NULL)
        return read_member(r, m, v);
    if (strcmp(r->member, "serial") == 0 && p->type == CVN_REQUEST)
        return bad(r, "the provider chooses the number");
    (void)snprintf(r->why, TALK_WHY, "%.40s: %s %s has no such parameter", r->member,
                   cvn_x225_service_name(p->service), cvn_x225_type_name(p->type));
    return CVN_EINVAL;
}

/* Octets that the strings beneath v can come to. */
static size_t octets_in(const json_t *v)
{
    size_t n = 0;
    if (json_is_string(v))
        return json_string_length(v);
    if (json_is_object(v)) {
        const char *key;
        json_t *one;
        json_object_foreach((json_t *)(uintptr_t)v, key, one) n +=
            json_is_object(one) ? octets_in(one) : json_string_length(one);
    }
    return n;
}

static bool listed(const char *const *list, const char *key)
{
    while (*list != NULL && strcmp(*list, key) != 0)
        list++;
    return *list != NULL;
}

int talk_prim_read(struct talk_prim *t, const json_t *o, enum cvn_x225_service s,
                   enum cvn_x225_type type, uint8_t setting_now, const char *const *also,
                   char why[TALK_WHY])
{
    const char *key;
    json_t *v;
    *t = (struct talk_prim){.block = talk_block_new(octets_in(o) + 1)};
    if (t->block == NULL) {
        (void)snprintf(why, TALK_WHY, "no memory");
        return CVN_ENOMEM;
    }
    cvn_x225_prim_init(&t->p, s, type);
    if (s == CVN_S_RESYNCHRONIZE)
        t->p.token_setting = setting_now;
    json_object_foreach((json_t *)(uintptr_t)o, key, v)
    {
        struct reading r = {.t = t, .member = key, .why = why};
        if (listed(also, key))
            continue;
        int rc = read_one(&r, v);
        if (rc != CVN_OK) {
            talk_prim_fini(t);
            return rc;
        }
    }
    if (s == CVN_S_DATA || s == CVN_S_TYPED_DATA)
        t->p.owner = &t->block->ref;
    return CVN_OK;
}

void talk_prim_fini(struct talk_prim *t)
{
    if (t->block != NULL)
        cvn_ref_drop(&t->block->ref);
    if (t->pattern != NULL)
        cvn_ref_drop(&t->pattern->ref);
    t->block = t->pattern = NULL;
}

/* -------- writing -------- */

static json_t *hexadecimal(const char *prefix, struct cvn_octets o)
{
    static const char digits[] = "0123456789abcdef";
    size_t head = strlen(prefix);
    size_t size = head + 2 * o.n + 1;
    char *text = cvn_resize(cvn_alloc_std(), NULL, 0, size);
    if (text == NULL)
        return NULL;
    memcpy(text, prefix, head);
    for (size_t i = 0; i < o.n; i++) {
        text[head + 2 * i] = digits[o.p[i] >> 4];
        text[head + 2 * i + 1] = digits[o.p[i] & 15];
    }
    json_t *v = json_stringn(text, head + 2 * o.n);
    cvn_free(cvn_alloc_std(), text, size);
    return v;
}

json_t *talk_octets_json(struct cvn_octets o)
{
    bool plain = o.n < 2 || memcmp(o.p, "0x", 2) != 0;
    for (size_t i = 0; i < o.n && plain; i++)
        plain = o.p[i] > ' ' && o.p[i] < 0x7f;
    return plain ? json_stringn((const char *)o.p, o.n) : hexadecimal("0x", o);
}

void talk_hex_write(json_t *o, const char *name, struct cvn_octets data)
{
    (void)json_object_set_new(o, name, hexadecimal("", data));
}

void talk_data_write(json_t *o, struct cvn_octets data)
{
    json_t *text = data.n == 0 ? NULL : json_stringn((const char *)data.p, data.n);
    if (text != NULL)
        (void)json_object_set_new(o, "data", text);
    else if (data.n > 0)
        (void)json_object_set_new(o, "hex", hexadecimal("", data));
}

static json_t *names_json(const struct name *n, unsigned value)
{
    json_t *list = json_array();
    for (; n->name != NULL && value != 0; n++) {
        if ((value & n->value) == n->value) {
            (void)json_array_append_new(list, json_string(n->name));
            value &= ~n->value;
        }
    }
    return list;
}

json_t *talk_tokens_json(uint8_t t)
{
    return names_json(tokens, t);
}

json_t *talk_units_json(uint16_t u)
{
    return names_json(units, u);
}

static json_t *code_json(const struct name *names, unsigned value)
{
    const char *name = by_value(names, value);
    return name != NULL ? json_string(name) : json_integer((json_int_t)value);
}

static json_t *setting_json(const struct cvn_x225_prim *p, uint8_t available)
{
    unsigned exist = p->service == CVN_S_CONNECT ? talk_tokens_of(p->units) : available;
    if (!p->has_token_setting || exist == 0)
        return NULL;
    json_t *o = json_object();
    for (size_t i = 0; i < 4; i++) {
        unsigned t = tokens[i].value;
        if ((exist & t) != 0)
            (void)json_object_set_new(o, tokens[i].name,
                                      code_json(sides, p->token_setting / t & 3u));
    }
    return o;
}

static json_t *identifier_json(const void *at)
{
    json_t *o = NULL;
    for (size_t i = 0; i < 4; i++) {
        const struct cvn_octets *one =
            (const struct cvn_octets *)(const void *)((const char *)at + identifiers[i].at);
        if (one->p == NULL)
            continue;
        o = o == NULL ? json_object() : o;
        (void)json_object_set_new(o, identifiers[i].name, talk_octets_json(*one));
    }
    return o;
}

static json_t *versions_json(unsigned versions)
{
    if (versions == 0)
        return NULL;
    json_t *list = json_array();
    for (unsigned v = 1; v <= 2; v++) {
        if ((versions & v) != 0)
            (void)json_array_append_new(list, json_integer((json_int_t)v));
    }
    return list;
}

static json_t *maxima_json(const struct cvn_x225_prim *p)
{
    if (p->tsdu_max_initiator == 0 && p->tsdu_max_responder == 0)
        return NULL;
    return json_pack("{si,si}", "initiator", (int)p->tsdu_max_initiator, "responder",
                     (int)p->tsdu_max_responder);
}

static json_t *bits_json(const struct member *m, const void *at)
{
    unsigned bits = m->kind == UNITS ? *(const uint16_t *)at : *(const uint8_t *)at;
    return bits == 0 ? NULL : names_json(m->kind == UNITS ? units : tokens, bits);
}

static json_t *small_json(const struct member *m, const void *at)
{
    static const struct name *const codes[] = {
        [RESULT] = results,       [RELEASE] = releases, [REASON] = reasons,        [ABORT] = aborts,
        [EXCEPTION] = exceptions, [RESYNC] = resyncs,   [PROTECTION] = protections};
    uint32_t serial;
    switch (m->kind) {
    case SERIAL:
        serial = *(const uint32_t *)at;
        return serial == CVN_SERIAL_NONE ? NULL : json_integer((json_int_t)serial);
    case FLAG:
        return *(const bool *)at ? json_true() : NULL;
    case RESYNC:
        if (*(const uint8_t *)at == CVN_RESYNC_NONE)
            return NULL;
        break;
    default:
        break;
    }
    return code_json(codes[m->kind], *(const uint8_t *)at);
}

static json_t *member_json(const struct member *m, const struct cvn_x225_prim *p, uint8_t available)
{
    const void *at = (const char *)p + m->at;
    const struct cvn_octets *octets = at;
    switch (m->kind) {
    case OCTETS:
        return octets->p == NULL ? NULL : talk_octets_json(*octets);
    case UNITS:
    case TOKENS:
        return bits_json(m, at);
    case VERSIONS:
        return versions_json(p->versions);
    case SETTING:
        return setting_json(p, available);
    case IDENTIFIER:
        return identifier_json(at);
    case MAXIMA:
        return maxima_json(p);
    case PART:
        return p->begin && p->end ? NULL : json_boolean(*(const bool *)at);
    case TEXT:
        return p->why == NULL ? NULL : json_string(p->why);
    default:
        return small_json(m, at);
    }
}

void talk_prim_write(json_t *o, const struct cvn_x225_prim *p, uint8_t available, size_t show)
{
    for (size_t i = 0; i < MEMBERS; i++) {
        const struct member *m = &members[i];
        if ((m->services & 1u << p->service) == 0 || (m->types & 1u << p->type) == 0)
            continue;
        json_t *v = member_json(m, p, available);
        if (v != NULL)
            (void)json_object_set_new(o, m->name, v);
    }
    if (p->data.n > show)
        (void)json_object_set_new(o, "length", json_integer((json_int_t)p->data.n));
    else
        talk_data_write(o, p->data);
}
