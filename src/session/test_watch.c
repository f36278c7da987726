/* SPDX-License-Identifier: MIT */
/*
 * What a third party makes of two ends: crossing SPDUs, what each rule broken is called, and memory
 * that runs out at any moment. Random exchanges: tests/e2e/trace.py.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "session/watch.h"
#include "session/watch_tcp.h"

struct memory {
    size_t held;
    unsigned count;
    unsigned fail_at; /* 0: never */
};

static struct memory m;

static void *resize(void *ctx, void *p, size_t from, size_t to)
{
    struct memory *y = ctx;
    if (to == 0) {
        y->held -= from;
        free(p);
        return NULL;
    }
    if (++y->count == y->fail_at)
        return NULL;
    void *q = realloc(p, to);
    ck_assert_ptr_nonnull(q);
    if (to > from)
        memset((uint8_t *)q + from, 0, to - from);
    y->held += to - from;
    return q;
}

struct said {
    unsigned wrong;
    unsigned notes;
    unsigned spdus;
    const char *what;
    const char *clause;
    char detail[96];
    unsigned state[2];
};

static struct said said;

static void hear(struct cvn_watch *w)
{
    struct cvn_watch_event ev;
    while (cvn_watch_next(w, &ev) == CVN_EVENT) {
        said.spdus += ev.kind == CVN_WATCH_SPDU;
        said.state[0] = ev.state[0];
        said.state[1] = ev.state[1];
        if (ev.kind != CVN_WATCH_FINDING || ev.grade == CVN_WATCH_TOLERATED)
            continue;
        said.wrong += ev.grade == CVN_WATCH_WRONG;
        said.notes += ev.grade == CVN_WATCH_NOTE;
        said.what = ev.what;
        said.clause = ev.clause;
        memcpy(said.detail, ev.detail, sizeof said.detail);
    }
}

/* Lines as `convene trace` reads them, without blanks. */
static void play(const char *const *lines)
{
    static const struct cvn_alloc a = {resize, &m};
    struct cvn_watch_opts opts = {.alloc = &a, .tsdus = true, .expedited = false};
    struct cvn_watch *w;
    memset(&said, 0, sizeof said);
    if (cvn_watch_new(&w, &opts) != CVN_OK)
        return;
    for (; *lines != NULL; lines++) {
        const char *hex = *lines + 1;
        bool expedited = *hex == '*';
        uint8_t octets[256];
        size_t n = 0;
        for (hex += expedited ? 1 : 0; *hex != '\0'; hex += 2) {
            char pair[3] = {hex[0], hex[1], '\0'};
            octets[n++] = (uint8_t)strtoul(pair, NULL, 16);
        }
        (void)!cvn_watch_tsdu(w, (*lines)[0] == '<', octets, n, expedited);
        hear(w);
    }
    cvn_watch_free(w);
}

/* Version 2, number 1; half-duplex, minor and major synchronize, resynchronize; all tokens with
 * the initiator. */
#define CN ">0d0f050913010016010217013114020039"
#define AC "<0e0f050913010016010217013114020039"

static const char *const crossing[] = {
    CN,
    AC,
    ">01000100aa",           /* DT */
    ">010031032a0131",       /* MIP 1 */
    ">010035061b01012a0132", /* RS abandon, 2 */
    "<020032032a0131",       /* MIA 1: sent before RS came */
    "<010035061b01002a0131", /* RS restart, 1: crosses, and loses */
    "<020022062a01321a0100", /* RA 2, whatever the order of its parameters */
    ">01000100bb",           /* DT */
    ">0900",                 /* FN */
    "<0a00",                 /* DN */
    NULL,
};

static void one_wrong(const char *what, const char *clause, const char *detail)
{
    ck_assert_uint_eq(said.wrong, 1);
    ck_assert_str_eq(said.what, what);
    ck_assert_str_eq(said.clause == NULL ? "" : said.clause, clause);
    ck_assert_str_eq(said.detail, detail);
}

START_TEST(crossing_spdus_are_explained)
{
    m = (struct memory){0};
    play(crossing);
    ck_assert_msg(said.wrong == 0, "%s", said.what);
    ck_assert_uint_eq(said.notes, 0);
    ck_assert_uint_eq(said.state[0], CVN_STA01);
    ck_assert_uint_eq(said.state[1], CVN_STA16);
    ck_assert_uint_eq(m.held, 0);
}
END_TEST

START_TEST(a_missing_token_is_named)
{
    static const char *const lines[] = {CN, AC, "<01000100aa", "<01000100aa", NULL};
    play(lines);
    one_wrong("it needs a token that this side has not", "X.225 7.11", "DT in STA713");
}
END_TEST

START_TEST(a_wrong_number_is_named_with_the_right_one)
{
    static const char *const lines[] = {CN, AC, ">010031032a0135", ">01000100aa", NULL};
    play(lines);
    one_wrong("the serial number is not one that may be named now", "X.225 7.20",
              "MIP in STA713, number 5, not 1");
}
END_TEST

START_TEST(a_unit_not_agreed_is_named)
{
    static const char *const lines[] = {CN, AC, ">2100aa", "<0a00", NULL};
    play(lines);
    one_wrong("its functional unit was not agreed", "X.225 7.13", "TD in STA713");
}
END_TEST

START_TEST(an_answer_that_nobody_asked_for_is_named)
{
    static const char *const lines[] = {CN, AC, "<0a00", NULL};
    play(lines);
    one_wrong("not to be sent in this state", "X.225 7.7", "DN in STA713");
}
END_TEST

START_TEST(octets_that_are_no_spdu_are_named_once)
{
    static const char *const lines[] = {CN, AC, ">010031052a0131", NULL};
    play(lines);
    ck_assert_uint_eq(said.wrong, 1);
    ck_assert_msg(strstr(said.what, "X.225 ") != NULL, "%s", said.what);
}
END_TEST

START_TEST(the_next_connection_is_judged_again)
{
    static const char *const lines[] = {CN, AC, "<0a00",       "<01000100aa",
                                        CN, AC, "<01000100aa", NULL};
    play(lines);
    ck_assert_uint_eq(said.wrong, 2);
}
END_TEST

START_TEST(memory_may_run_out_at_any_moment)
{
    unsigned n = 1;
    do {
        m = (struct memory){.fail_at = n++};
        play(crossing);
        ck_assert_uint_eq(m.held, 0);
        ck_assert_msg(said.wrong == 0, "allocation %u: %s", n - 1, said.what);
    } while (m.count >= m.fail_at);
    ck_assert_uint_gt(n, 50);
}
END_TEST

START_TEST(a_stream_looks_like_tpkts_or_not)
{
    static const uint8_t cr[] = {3, 0, 0, 11, 6, 0xe0, 0, 0, 0, 1, 0};
    static const uint8_t http[] = "GET / HTTP/1.0";
    ck_assert_int_eq(cvn_watch_looks(cr, sizeof cr), 1);
    ck_assert_int_eq(cvn_watch_looks(cr, 5), -1);
    ck_assert_int_eq(cvn_watch_looks(http, sizeof http), 0);
    ck_assert_int_eq(cvn_watch_looks(http, 1), 0);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("watch");
    TCase *t = tcase_create("watch");
    tcase_set_timeout(t, 60);
    tcase_add_test(t, crossing_spdus_are_explained);
    tcase_add_test(t, a_missing_token_is_named);
    tcase_add_test(t, a_wrong_number_is_named_with_the_right_one);
    tcase_add_test(t, a_unit_not_agreed_is_named);
    tcase_add_test(t, an_answer_that_nobody_asked_for_is_named);
    tcase_add_test(t, octets_that_are_no_spdu_are_named_once);
    tcase_add_test(t, the_next_connection_is_judged_again);
    tcase_add_test(t, memory_may_run_out_at_any_moment);
    tcase_add_test(t, a_stream_looks_like_tpkts_or_not);
    suite_add_tcase(s, t);
    SRunner *runner = srunner_create(s);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
