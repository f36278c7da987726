/* SPDX-License-Identifier: MIT */
/* talk_words - short commands as objects, objects as text. */
#include "cli/talk_words.h"

#include <stdlib.h>
#include <string.h>

/* Places: T text to the end of the line (user data), K tokens, R resync type, N serial number, A and O
 * new and old activity, W reason, V result, F flags of a minor point, H hexadecimal, S service, I kind
 * of primitive, X seconds, C a command. */
#define RQ   "request"
#define RS   "response"
#define NONE CVN_S_SERVICES

/* clang-format off */
const struct talk_word talk_words[] = {
    {"connect", RQ, CVN_S_CONNECT, "", "connect [units=LIST] [tokens=data:initiator,...]", "S-CONNECT request"},
    {"accept", RS, CVN_S_CONNECT, "", "accept [units=LIST]", "S-CONNECT response: accepted"},
    {"refuse", RS, CVN_S_CONNECT, "V", "refuse [REASON]", "S-CONNECT response: refused"},
    {"data", RQ, CVN_S_DATA, "T", "data TEXT | hex=.. | length=N", "S-DATA: an SSDU"},
    {"typed", RQ, CVN_S_TYPED_DATA, "T", "typed TEXT", "S-TYPED-DATA, without the data token"},
    {"expedited", RQ, CVN_S_EXPEDITED_DATA, "T", "expedited TEXT", "S-EXPEDITED-DATA, 1 to 14 octets"},
    {"capability", RQ, CVN_S_CAPABILITY_DATA, "T", "capability TEXT", "S-CAPABILITY-DATA, outside activities"},
    {"give", RQ, CVN_S_TOKEN_GIVE, "K", "give TOKEN...", "S-TOKEN-GIVE"},
    {"please", RQ, CVN_S_TOKEN_PLEASE, "K", "please TOKEN...", "S-TOKEN-PLEASE"},
    {"control", RQ, CVN_S_CONTROL_GIVE, "", "control", "S-CONTROL-GIVE: all tokens"},
    {"minor", RQ, CVN_S_SYNC_MINOR, "F", "minor [optional] [separation]", "S-SYNC-MINOR request"},
    {"major", RQ, CVN_S_SYNC_MAJOR, "", "major", "S-SYNC-MAJOR request"},
    {"resync", RQ, CVN_S_RESYNCHRONIZE, "RN", "resync restart N | set N | abandon", "S-RESYNCHRONIZE request"},
    {"exception", RQ, CVN_S_U_EXCEPTION_REPORT, "W", "exception [REASON]", "S-U-EXCEPTION-REPORT"},
    {"activity start", RQ, CVN_S_ACTIVITY_START, "A", "activity start ID", "S-ACTIVITY-START"},
    {"activity resume", RQ, CVN_S_ACTIVITY_RESUME, "AON", "activity resume ID OLD N", "S-ACTIVITY-RESUME at point N"},
    {"activity interrupt", RQ, CVN_S_ACTIVITY_INTERRUPT, "W", "activity interrupt [REASON]", "S-ACTIVITY-INTERRUPT"},
    {"activity discard", RQ, CVN_S_ACTIVITY_DISCARD, "W", "activity discard [REASON]", "S-ACTIVITY-DISCARD"},
    {"activity end", RQ, CVN_S_ACTIVITY_END, "", "activity end", "S-ACTIVITY-END request"},
    {"release", RQ, CVN_S_RELEASE, "", "release [keep=true]", "S-RELEASE request"},
    {"abort", RQ, CVN_S_U_ABORT, "T", "abort [TEXT]", "S-U-ABORT"},
    {"confirm minor", RS, CVN_S_SYNC_MINOR, "N", "confirm minor N", "S-SYNC-MINOR response: all up to N"},
    {"confirm major", RS, CVN_S_SYNC_MAJOR, "", "confirm major", "S-SYNC-MAJOR response"},
    {"confirm resync", RS, CVN_S_RESYNCHRONIZE, "", "confirm resync [tokens=..]", "S-RESYNCHRONIZE response"},
    {"confirm capability", RS, CVN_S_CAPABILITY_DATA, "T", "confirm capability [TEXT]", "S-CAPABILITY-DATA response"},
    {"confirm interrupt", RS, CVN_S_ACTIVITY_INTERRUPT, "", "confirm interrupt", "S-ACTIVITY-INTERRUPT response"},
    {"confirm discard", RS, CVN_S_ACTIVITY_DISCARD, "", "confirm discard", "S-ACTIVITY-DISCARD response"},
    {"confirm end", RS, CVN_S_ACTIVITY_END, "", "confirm end", "S-ACTIVITY-END response"},
    {"confirm release", RS, CVN_S_RELEASE, "V", "confirm release [negative]", "S-RELEASE response"},
    {"yes", NULL, NONE, "", "yes", "the positive response to what waits for one"},
    {"no", NULL, NONE, "", "no", "the negative response: S-CONNECT, S-RELEASE"},
    {"request", RQ, NONE, "S", "request SERVICE NAME=VALUE...", "any request, all parameters by name"},
    {"response", RS, NONE, "S", "response SERVICE NAME=VALUE...", "any response"},
    {"raw", NULL, NONE, "H", "raw OCTETS", "a TSDU as it is, hexadecimal"},
    {"wait", NULL, NONE, "SIX", "wait SERVICE [confirm|indication] [SECONDS]", "until it has come"},
    {"pause", NULL, NONE, "X", "pause SECONDS", ""},
    {"show", NULL, NONE, "", "show", "state, tokens, numbers, what is allowed now"},
    {"help", NULL, NONE, "C", "help [COMMAND]", "this list; * is allowed now"},
    {"quit", NULL, NONE, "", "quit", "ends in order: releases what can be released"},
};
/* clang-format on */
const size_t talk_nwords = sizeof talk_words / sizeof talk_words[0];

/* -------- lines -------- */

struct parse {
    char *at; /* what is left of the line */
    const struct talk_word *w;
    json_t *o;
    char *why;
    size_t cap;
};

static bool wrong(struct parse *p, const char *what, const char *why)
{
    (void)snprintf(p->why, p->cap, "%.60s: %s", what, why);
    return false;
}

static char *next_word(struct parse *p)
{
    p->at += strspn(p->at, " \t");
    if (*p->at == '\0')
        return NULL;
    char *word = p->at;
    p->at += strcspn(p->at, " \t");
    if (*p->at != '\0')
        *p->at++ = '\0';
    return word;
}

/* "a,b" as a list, "a:b,c:d" as an object. */
static json_t *listed(const char *text)
{
    json_t *o = strchr(text, ':') != NULL ? json_object() : json_array();
    while (*text != '\0') {
        size_t n = strcspn(text, ",");
        const char *colon = memchr(text, ':', n);
        if (json_is_array(o)) {
            (void)json_array_append_new(o, json_stringn(text, n));
        } else {
            char key[40];
            size_t k = colon == NULL ? n : (size_t)(colon - text);
            (void)snprintf(key, sizeof key, "%.*s", (int)k, text);
            (void)json_object_set_new(
                o, key, colon == NULL ? json_null() : json_stringn(colon + 1, n - k - 1));
        }
        text += n;
        text += *text == ',';
    }
    return o;
}

/* The value of name=value: what JSON has (numbers, true, objects, quoted text), lists, else text. */
static json_t *value_of(const char *name, const char *text)
{
    static const char *const lists[] = {"functional_units", "tokens",       "please",
                                        "identifier",       "tsdu_maximum", "old_connection"};
    static const char *const texts[] = {"data", "hex", "activity", "old_activity"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        if (strcmp(name, texts[i]) == 0 && text[0] != '"')
            return json_string(text);
    }
    json_t *v = json_loads(text, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
    for (size_t i = 0; i < sizeof lists / sizeof lists[0] && v == NULL; i++) {
        if (strcmp(name, lists[i]) == 0)
            v = listed(text);
    }
    return v == NULL ? json_string(text) : v;
}

static bool set(struct parse *p, const char *name, json_t *v)
{
    if (v == NULL)
        return wrong(p, name, "not text in UTF-8");
    (void)json_object_set_new(p->o, name, v);
    return true;
}

static bool named(struct parse *p, char *word)
{
    char *equals = strchr(word, '=');
    *equals = '\0';
    const char *name = strcmp(word, "units") == 0     ? "functional_units"
                       : strcmp(word, "serial2") == 0 ? "second_serial"
                                                      : word;
    return set(p, name, value_of(name, equals + 1));
}

/* A word with a name before "=". */
static bool is_named(const char *word)
{
    size_t n = strspn(word, "abcdefghijklmnopqrstuvwxyz_2");
    return n > 0 && word[n] == '=';
}

static bool number(struct parse *p, const char *name, const char *word)
{
    char *end;
    double v = strtod(word, &end);
    if (end == word || *end != '\0' || !(v >= -1e15 && v <= 1e15))
        return wrong(p, word, "not a number");
    return set(p, name, v == (double)(json_int_t)v ? json_integer((json_int_t)v) : json_real(v));
}

static bool flag(struct parse *p, const char *word)
{
    if (strcmp(word, "optional") == 0)
        return set(p, "optional", json_true());
    if (strcmp(word, "separation") == 0)
        return set(p, "data_separation", json_true());
    return wrong(p, word, "not optional or separation");
}

static bool token(struct parse *p, const char *word)
{
    json_t *list = json_object_get(p->o, "tokens");
    if (list == NULL) {
        list = json_array();
        (void)json_object_set_new(p->o, "tokens", list);
    }
    json_t *v = json_string(word);
    return v != NULL ? json_array_append_new(list, v) == 0 : wrong(p, "tokens", "not UTF-8");
}

/* A service by its own name or by that of a command: "minor", "end". */
static const char *service(const char *word)
{
    for (size_t i = 0; i < talk_nwords; i++) {
        const char *name = talk_words[i].name;
        const char *last = strchr(name, ' ');
        if (talk_words[i].service != NONE &&
            (strcmp(name, word) == 0 || (last != NULL && strcmp(last + 1, word) == 0)))
            return cvn_x225_service_name(talk_words[i].service);
    }
    return word;
}

/* A word at a place. */
static bool placed(struct parse *p, char place, const char *word)
{
    static const struct {
        char place;
        const char *name;
    } texts[] = {{'R', "type"},   {'A', "activity"}, {'O', "old_activity"}, {'W', "reason"},
                 {'V', "result"}, {'H', "raw"},      {'I', "kind"},         {'C', "help"}};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        if (texts[i].place == place)
            return set(p, texts[i].name, json_string(word));
    }
    switch (place) {
    case 'K':
        return token(p, word);
    case 'F':
        return flag(p, word);
    case 'N':
        return number(p, "serial", word);
    case 'X':
        return number(p, strcmp(p->w->name, "pause") == 0 ? "pause" : "seconds", word);
    default:
        return set(p, p->w->verb != NULL ? p->w->verb : p->w->name, json_string(service(word)));
    }
}

static bool again(char place)
{
    return place == 'K' || place == 'F';
}

/* What follows the command's name. */
static bool parameters(struct parse *p)
{
    const char *place = p->w->places;
    for (;;) {
        p->at += strspn(p->at, " \t");
        if (*p->at == '\0')
            return true;
        if (*place == 'T' && !is_named(p->at))
            return set(p, "data", json_string(p->at));
        char *word = next_word(p);
        if (is_named(word)) {
            if (!named(p, word))
                return false;
            continue;
        }
        if (*place == 'I' && word[strspn(word, "0123456789.")] == '\0')
            place++; /* wait SERVICE SECONDS */
        if (*place == '\0')
            return wrong(p, word, p->w->usage);
        if (!placed(p, *place, word))
            return false;
        place += !again(*place);
    }
}

static const struct talk_word *find(char *line, size_t *used)
{
    const struct talk_word *best = NULL;
    for (size_t i = 0; i < talk_nwords; i++) {
        size_t n = strlen(talk_words[i].name);
        bool whole = strncmp(line, talk_words[i].name, n) == 0 &&
                     (line[n] == '\0' || line[n] == ' ' || line[n] == '\t');
        if (whole && (best == NULL || n > *used)) {
            best = &talk_words[i];
            *used = n;
        }
    }
    return best;
}

/* What a command has besides its words. */
static void complete(struct parse *p)
{
    const struct talk_word *w = p->w;
    json_t *o = p->o;
    if (w->service != NONE)
        (void)json_object_set_new(o, w->verb, json_string(cvn_x225_service_name(w->service)));
    if (strcmp(w->name, "refuse") == 0 && json_object_get(o, "result") == NULL)
        (void)json_object_set_new(
            o, "result", json_string(json_object_get(o, "data") != NULL ? "user-data" : "user"));
    if (strcmp(w->name, "connect") == 0 && json_object_get(o, "initial_serial") == NULL)
        (void)json_object_set_new(o, "initial_serial", json_integer(1));
    if (strcmp(w->name, "show") == 0 || strcmp(w->name, "quit") == 0)
        (void)json_object_set_new(o, w->name, json_true());
    if (strcmp(w->name, "help") == 0 && json_object_get(o, "help") == NULL)
        (void)json_object_set_new(o, "help", json_true());
    if (strcmp(w->name, "yes") == 0 || strcmp(w->name, "no") == 0)
        (void)json_object_set_new(o, "answer", json_boolean(w->name[0] == 'y'));
}

static bool needed(struct parse *p)
{
    static const char *const must[][2] = {{"raw", "raw"},
                                          {"wait", "wait"},
                                          {"pause", "pause"},
                                          {"request", "request"},
                                          {"response", "response"}};
    for (size_t i = 0; i < sizeof must / sizeof must[0]; i++) {
        if (strcmp(p->w->name, must[i][0]) == 0 && json_object_get(p->o, must[i][1]) == NULL)
            return wrong(p, p->w->name, p->w->usage);
    }
    return true;
}

json_t *talk_words_read(const char *line, size_t n, char *why, size_t cap)
{
    size_t used = 0;
    char *copy = strndup(line, n);
    if (copy == NULL) {
        (void)snprintf(why, cap, "no memory");
        return NULL;
    }
    copy[strcspn(copy, "\r")] = '\0';
    struct parse p = {.at = copy + strspn(copy, " \t"), .why = why, .cap = cap};
    p.w = find(p.at, &used);
    if (p.w == NULL) {
        p.at[strcspn(p.at, " \t")] = '\0';
        (void)wrong(&p, p.at, "there is no such command: help lists them");
    } else {
        p.at += used;
        p.o = json_object();
        if (parameters(&p) && needed(&p)) {
            complete(&p);
        } else {
            json_decref(p.o);
            p.o = NULL;
        }
    }
    free(copy);
    return p.o;
}

/* -------- text -------- */

static void write_value(FILE *to, const char *key, const json_t *v);

static void write_list(FILE *to, const json_t *v)
{
    const char *between = "";
    size_t i;
    json_t *one;
    const char *key;
    if (json_is_array(v)) {
        json_array_foreach(v, i, one)
        {
            (void)fputs(between, to);
            write_value(to, NULL, one);
            between = ",";
        }
        return;
    }
    json_object_foreach((json_t *)(uintptr_t)v, key, one)
    {
        (void)fprintf(to, "%s%s:", between, key);
        write_value(to, NULL, one);
        between = ",";
    }
}

/* Text from the peer is quoted and escaped: it must not write on the terminal what it likes. */
static void write_value(FILE *to, const char *key, const json_t *v)
{
    bool quoted = key != NULL && strcmp(key, "data") == 0;
    if (json_is_string(v) && !quoted) {
        char *text = json_dumps(v, JSON_ENCODE_ANY | JSON_ENSURE_ASCII);
        size_t n = text == NULL ? 0 : strlen(text);
        if (n >= 2)
            (void)fprintf(to, "%.*s", (int)n - 2, text + 1);
        free(text);
    } else if (json_is_array(v) || json_is_object(v)) {
        write_list(to, v);
    } else {
        (void)json_dumpf(v, to, JSON_ENCODE_ANY | JSON_ENSURE_ASCII | JSON_REAL_PRECISION(6));
    }
}

static void write_members(FILE *to, const json_t *o, const char *const *but)
{
    const char *key;
    json_t *v;
    json_object_foreach((json_t *)(uintptr_t)o, key, v)
    {
        const char *const *b = but;
        while (*b != NULL && strcmp(*b, key) != 0)
            b++;
        if (*b != NULL)
            continue;
        (void)fprintf(to, "  %s ", key);
        write_value(to, key, v);
    }
}

void talk_words_write(FILE *to, const json_t *o)
{
    static const struct {
        const char *member;
        const char *sign;
        const char *kind;
    } heads[] = {{"indication", "<", "indication"},
                 {"confirm", "<", "confirm"},
                 {"tsdu", "<", "tsdu"},
                 {"done", ">", NULL},
                 {"error", "!", NULL},
                 {"event", "-", NULL},
                 {"waited", "-", "has come"},
                 {"state", "-", NULL}};
    static const char *const but[] = {"indication", "confirm", "done",    "error", "event",
                                      "waited",     "kind",    "session", "state", NULL};
    json_t *session = json_object_get(o, "session");
    json_t *kind = json_object_get(o, "kind");
    if (session != NULL)
        (void)fprintf(to, "[%" JSON_INTEGER_FORMAT "] ", json_integer_value(session));
    for (size_t i = 0; i < sizeof heads / sizeof heads[0]; i++) {
        const json_t *v = json_object_get(o, heads[i].member);
        if (v == NULL)
            continue;
        (void)fprintf(to, "%s ", heads[i].sign);
        if (strcmp(heads[i].member, "tsdu") != 0)
            write_value(to, NULL, v);
        if (json_is_string(kind))
            (void)fprintf(to, " %s", json_string_value(kind));
        else if (heads[i].kind != NULL && strcmp(heads[i].member, "tsdu") != 0)
            (void)fprintf(to, " %s", heads[i].kind);
        break;
    }
    write_members(to, o, but);
}

/* -------- completion -------- */

static const char *const token_words[] = {"data", "synchronize-minor", "major-activity", "release",
                                          NULL};
static const char *const resync_words[] = {"restart", "set", "abandon", NULL};
static const char *const flag_words[] = {"optional", "separation", NULL};
static const char *const kind_words[] = {"indication", "confirm", NULL};
static const char *const reason_words[] = {"non-specific",
                                           "receiving-ability-jeopardized",
                                           "sequence-error",
                                           "local-error",
                                           "unrecoverable-procedural-error",
                                           "demand-data-token",
                                           NULL};
static const char *const result_words[] = {
    "user",    "user-congestion", "user-data",   "selector-unknown", "not-attached", "congestion",
    "version", "provider",        "restriction", "affirmative",      "negative",     NULL};

static const char *nth(const char *const *list, size_t i)
{
    for (size_t k = 0; list[k] != NULL; k++) {
        if (k == i)
            return list[k];
    }
    return NULL;
}

static const char *at_place(char place, size_t i)
{
    switch (place) {
    case 'K':
        return nth(token_words, i);
    case 'R':
        return nth(resync_words, i);
    case 'F':
        return nth(flag_words, i);
    case 'W':
        return nth(reason_words, i);
    case 'V':
        return nth(result_words, i);
    case 'I':
        return nth(kind_words, i);
    case 'S':
        return i < CVN_S_SERVICES ? cvn_x225_service_name((enum cvn_x225_service)i) : NULL;
    case 'C':
        return i < talk_nwords ? talk_words[i].name : NULL;
    default:
        return NULL;
    }
}

/* Words of `before` behind the first `used` octets, without those that are named. */
static size_t count_places(const char *before, size_t used)
{
    size_t n = 0;
    for (const char *at = before + used; *(at += strspn(at, " \t")) != '\0';
         at += strcspn(at, " \t"))
        n += !is_named(at);
    return n;
}

/* The first word of a command, or its second where that has two. */
static const char *nth_command(const char *before, size_t i)
{
    size_t n = strlen(before);
    for (size_t k = 0; k < talk_nwords; k++) {
        const char *name = talk_words[k].name;
        bool fits = strncmp(name, before, n) == 0 && name[n] != '\0';
        if (!fits ||
            (n == 0 && k > 0 && strcspn(name, " ") == strcspn(talk_words[k - 1].name, " ") &&
             strncmp(name, talk_words[k - 1].name, strcspn(name, " ")) == 0))
            continue;
        if (i-- == 0)
            return name + n;
    }
    return NULL;
}

const char *talk_words_next(const char *before, size_t i)
{
    size_t used = 0;
    char line[256];
    (void)snprintf(line, sizeof line, "%s", before + strspn(before, " \t"));
    const struct talk_word *w = find(line, &used);
    if (w == NULL)
        return nth_command(line, i);
    size_t at = count_places(line, used);
    size_t most = strlen(w->places);
    if (most > 0 && at >= most && again(w->places[most - 1]))
        at = most - 1;
    return at < most ? at_place(w->places[at], i) : NULL;
}
