/* SPDX-License-Identifier: MIT */
/* Primitives as JSON and back, words as JSON, completion. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "cli/talk_prim.h"
#include "cli/talk_words.h"

static const char *const none[] = {NULL};
static uint32_t seed = 1;

static uint32_t rnd(uint32_t below)
{
    seed = seed * 1664525u + 1013904223u;
    return (seed >> 8) % below;
}

static uint8_t pool[1024];

static struct cvn_octets some(size_t least, size_t most)
{
    size_t n = least + rnd((uint32_t)(most - least + 1));
    size_t at = rnd((uint32_t)(sizeof pool - most));
    for (size_t i = 0; i < n; i++)
        pool[at + i] = (uint8_t)(rnd(2) == 0 ? rnd(256) : 'a' + rnd(26));
    return (struct cvn_octets){n == 0 ? NULL : pool + at, n};
}

static bool same(struct cvn_octets a, struct cvn_octets b)
{
    return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

/* Any values; those that a service has not are left out by writing. */
static void fill(struct cvn_x225_prim *p)
{
    static const uint8_t results[] = {0xff, 0, 1, 2, 129, 130, 131, 132, 133, 134, 77};
    static const uint8_t reasons[] = {0, 1, 3, 5, 6, 128, 2};
    p->result = p->service == CVN_S_RELEASE ? (rnd(2) == 0 ? 0 : 0xff) : results[rnd(11)];
    p->versions = (uint8_t)rnd(4);
    p->units = (uint16_t)(rnd(CVN_FU_ALL) + 1);
    p->id.calling = some(0, 64);
    p->id.called = some(0, 64);
    p->id.common = some(0, 64);
    p->id.additional = some(0, 4);
    p->calling = some(0, 16);
    p->called = some(0, 16);
    p->tsdu_max_initiator = (uint16_t)rnd(65536);
    p->tsdu_max_responder = (uint16_t)rnd(65536);
    p->simplex = rnd(2) == 0;
    p->tokens = (uint8_t)(rnd(256) & CVN_TOKEN_ALL);
    p->token_setting = (uint8_t)rnd(256);
    p->has_token_setting = true;
    p->serial = rnd(4) == 0 ? CVN_SERIAL_NONE : rnd(1000000);
    p->serial2 = rnd(4) == 0 ? CVN_SERIAL_NONE : rnd(1000000);
    p->resync = (uint8_t)rnd(3);
    p->resync2 = rnd(2) == 0 ? (uint8_t)CVN_RESYNC_NONE : (uint8_t)rnd(3);
    p->optional = rnd(2) == 0;
    p->separation = rnd(2) == 0;
    p->reason = reasons[rnd(7)];
    p->keep = rnd(2) == 0;
    p->activity = some(1, 6);
    p->old_activity = some(1, 6);
    p->begin = rnd(2) == 0;
    p->end = rnd(2) == 0;
    p->data = some(0, 300);
}

#define SAME(member)        ck_assert_uint_eq(a->member, b->member)
#define SAME_OCTETS(member) ck_assert(same(a->member, b->member))

static void same_connect(const struct cvn_x225_prim *a, const struct cvn_x225_prim *b)
{
    if (a->type == CVN_RESPONSE)
        SAME(result);
    SAME(versions);
    SAME(units);
    SAME_OCTETS(id.calling);
    SAME_OCTETS(id.called);
    SAME_OCTETS(id.common);
    SAME_OCTETS(id.additional);
    SAME_OCTETS(called);
    SAME(tsdu_max_initiator);
    SAME(tsdu_max_responder);
    SAME(serial);
    SAME(serial2);
    SAME(simplex);
}

/* Services that have no response. */
static bool unconfirmed(enum cvn_x225_service s)
{
    return s == CVN_S_TOKEN_GIVE || s == CVN_S_TOKEN_PLEASE || s == CVN_S_ACTIVITY_START ||
           s == CVN_S_ACTIVITY_RESUME;
}

static void same_values(const struct cvn_x225_prim *a, const struct cvn_x225_prim *b)
{
    bool request = a->type == CVN_REQUEST;
    if (!request && unconfirmed(a->service))
        return;
    switch (a->service) {
    case CVN_S_CONNECT:
        same_connect(a, b);
        break;
    case CVN_S_TOKEN_GIVE:
    case CVN_S_TOKEN_PLEASE:
        SAME(tokens);
        break;
    case CVN_S_SYNC_MINOR:
        if (request) {
            SAME(optional);
            SAME(separation);
        } else {
            SAME(serial);
        }
        break;
    case CVN_S_RESYNCHRONIZE:
        SAME(serial);
        SAME(serial2);
        if (request) {
            SAME(resync);
            SAME(resync2);
        }
        break;
    case CVN_S_ACTIVITY_RESUME:
        SAME(serial);
        SAME_OCTETS(old_activity);
        SAME_OCTETS(id.called);
        SAME_OCTETS(activity);
        break;
    case CVN_S_ACTIVITY_START:
        SAME_OCTETS(activity);
        break;
    case CVN_S_RELEASE:
        if (request)
            SAME(keep);
        else
            SAME(result);
        break;
    case CVN_S_U_EXCEPTION_REPORT:
    case CVN_S_ACTIVITY_INTERRUPT:
    case CVN_S_ACTIVITY_DISCARD:
        if (request)
            SAME(reason);
        break;
    case CVN_S_DATA:
    case CVN_S_TYPED_DATA:
        if (request) {
            SAME(begin);
            SAME(end);
        }
        break;
    default:
        break;
    }
    SAME_OCTETS(data);
}

static unsigned tokens_of(const struct cvn_x225_prim *p)
{
    return p->service == CVN_S_CONNECT ? talk_tokens_of(p->units) : CVN_TOKEN_ALL;
}

static void there_and_back(enum cvn_x225_service s, enum cvn_x225_type type)
{
    struct cvn_x225_prim p;
    struct talk_prim back;
    char why[TALK_WHY] = "";
    json_t *o = json_object();
    cvn_x225_prim_init(&p, s, type);
    fill(&p);
    talk_prim_write(o, &p, CVN_TOKEN_ALL, 1000);
    char *text = json_dumps(o, 0);
    json_t *again = json_loads(text, JSON_ALLOW_NUL, NULL);
    ck_assert_ptr_nonnull(again);
    int rc = talk_prim_read(&back, again, s, type, 0, none, why);
    ck_assert_msg(rc == CVN_OK, "%s %s: %s", cvn_x225_service_name(s), text, why);
    same_values(&p, &back.p);
    if (s == CVN_S_CONNECT || s == CVN_S_RESYNCHRONIZE) {
        unsigned pairs = tokens_of(&p) * 3u;
        ck_assert_uint_eq(p.token_setting & pairs, back.p.token_setting & pairs);
    }
    talk_prim_fini(&back);
    json_decref(o);
    json_decref(again);
    free(text);
}

START_TEST(every_primitive_comes_back_as_it_was)
{
    for (unsigned s = 0; s < CVN_S_SERVICES; s++) {
        for (unsigned i = 0; i < 300; i++) {
            there_and_back((enum cvn_x225_service)s, CVN_REQUEST);
            there_and_back((enum cvn_x225_service)s, CVN_RESPONSE);
        }
    }
}
END_TEST

static void words(const char *line, const char *want)
{
    char why[200] = "";
    json_t *o = talk_words_read(line, strlen(line), why, sizeof why);
    json_t *w = json_loads(want, 0, NULL);
    ck_assert_ptr_nonnull(w);
    ck_assert_msg(o != NULL, "%s: %s", line, why);
    char *said = json_dumps(o, 0);
    ck_assert_msg(json_equal(o, w), "%s: %s", line, said);
    free(said);
    json_decref(o);
    json_decref(w);
}

static void no_words(const char *line, const char *want)
{
    char why[200] = "";
    ck_assert_ptr_null(talk_words_read(line, strlen(line), why, sizeof why));
    ck_assert_msg(strstr(why, want) != NULL, "%s: %s", line, why);
}

START_TEST(words_are_objects)
{
    words("connect", "{\"request\":\"S-CONNECT\",\"initial_serial\":1}");
    words(
        " connect  units=BAS,duplex initial_serial=7 tokens=data:responder,minor:initiator\r",
        "{\"request\":\"S-CONNECT\",\"functional_units\":[\"BAS\",\"duplex\"],\"initial_serial\":7,"
        "\"tokens\":{\"data\":\"responder\",\"minor\":\"initiator\"}}");
    words("data hello  there ", "{\"request\":\"S-DATA\",\"data\":\"hello  there \"}");
    words("data 7", "{\"request\":\"S-DATA\",\"data\":\"7\"}");
    words("data hex=00ff end=false", "{\"request\":\"S-DATA\",\"hex\":\"00ff\",\"end\":false}");
    words("data length=12", "{\"request\":\"S-DATA\",\"length\":12}");
    words("data Name=x", "{\"request\":\"S-DATA\",\"data\":\"Name=x\"}");
    words("give data minor", "{\"request\":\"S-TOKEN-GIVE\",\"tokens\":[\"data\",\"minor\"]}");
    words("minor separation optional",
          "{\"request\":\"S-SYNC-MINOR\",\"data_separation\":true,\"optional\":true}");
    words("resync restart 3",
          "{\"request\":\"S-RESYNCHRONIZE\",\"type\":\"restart\",\"serial\":3}");
    words("resync abandon", "{\"request\":\"S-RESYNCHRONIZE\",\"type\":\"abandon\"}");
    words("activity start 1", "{\"request\":\"S-ACTIVITY-START\",\"activity\":\"1\"}");
    words("activity resume 2 1 9", "{\"request\":\"S-ACTIVITY-RESUME\",\"activity\":\"2\","
                                   "\"old_activity\":\"1\",\"serial\":9}");
    words("confirm minor 4", "{\"response\":\"S-SYNC-MINOR\",\"serial\":4}");
    words("confirm release negative", "{\"response\":\"S-RELEASE\",\"result\":\"negative\"}");
    words("refuse", "{\"response\":\"S-CONNECT\",\"result\":\"user\"}");
    words("refuse data=no",
          "{\"response\":\"S-CONNECT\",\"result\":\"user-data\",\"data\":\"no\"}");
    words("release keep=true", "{\"request\":\"S-RELEASE\",\"keep\":true}");
    words("wait minor confirm 2.5",
          "{\"wait\":\"S-SYNC-MINOR\",\"kind\":\"confirm\",\"seconds\":2.5}");
    words("wait closed 3", "{\"wait\":\"closed\",\"seconds\":3}");
    words("request S-TOKEN-PLEASE tokens=data",
          "{\"request\":\"S-TOKEN-PLEASE\",\"tokens\":[\"data\"]}");
    words("raw 0102", "{\"raw\":\"0102\"}");
    words("yes", "{\"answer\":true}");
    words("help activity", "{\"help\":\"activity\"}");
    words("show", "{\"show\":true}");
}
END_TEST

START_TEST(what_is_no_command_is_said)
{
    no_words("", "no such command");
    no_words("frobnicate", "frobnicate: there is no such command");
    no_words("activity", "no such command");
    no_words("datax", "no such command");
    no_words("minor perhaps", "not optional or separation");
    no_words("resync restart three", "not a number");
    no_words("pause 1e103", "not a number");
    no_words("pause nan", "not a number");
    no_words("resync restart 3 4", "resync restart N");
    no_words("raw", "raw OCTETS");
    no_words("data \xff", "UTF-8");
    no_words("wait", "wait SERVICE");
}
END_TEST

static void next(const char *before, const char *want)
{
    const char *word;
    for (size_t i = 0; (word = talk_words_next(before, i)) != NULL; i++) {
        ck_assert_uint_lt(i, 100);
        if (strncmp(word, want, strlen(want)) == 0)
            return;
    }
    ck_abort_msg("%s is not offered behind \"%s\"", want, before);
}

START_TEST(completion_offers_what_may_stand_there)
{
    next("", "connect");
    next("", "quit");
    next("activity ", "start");
    next("activity ", "resume");
    next("confirm ", "minor");
    next("give ", "synchronize-minor");
    next("give data ", "release");
    next("resync ", "restart");
    next("minor ", "optional");
    next("wait ", "S-CONNECT");
    next("wait S-CONNECT ", "confirm");
    next("activity discard ", "demand-data-token");
    next("help ", "minor");
    ck_assert_ptr_null(talk_words_next("resync restart ", 0));
    ck_assert_ptr_null(talk_words_next("nonsense ", 0));
}
END_TEST

int main(void)
{
    Suite *s = suite_create("talk");
    TCase *t = tcase_create("talk");
    tcase_set_timeout(t, 60);
    tcase_add_test(t, every_primitive_comes_back_as_it_was);
    tcase_add_test(t, words_are_objects);
    tcase_add_test(t, what_is_no_command_is_said);
    tcase_add_test(t, completion_offers_what_may_stand_there);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
