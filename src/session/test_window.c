/* SPDX-License-Identifier: MIT */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "session/window.h"

/* The octet that belongs to a position. */
static uint8_t octet(uint64_t at)
{
    return (uint8_t)(at * 31 + (at >> 8) * 7 + (at >> 16));
}

static void octets(uint8_t *p, uint64_t at, size_t n)
{
    for (size_t i = 0; i < n; i++)
        p[i] = octet(at + i);
}

struct lent {
    struct cvn_ref ref;
    int *alive;
    uint8_t p[3000];
};

static void lent_drop(struct cvn_ref *ref)
{
    struct lent *l = (struct lent *)(void *)ref;
    --*l->alive;
    free(l);
}

static struct lent *lent_new(uint64_t at, int *alive)
{
    struct lent *l = malloc(sizeof *l);
    l->ref = (struct cvn_ref){1, lent_drop};
    l->alive = alive;
    ++*alive;
    octets(l->p, at, sizeof l->p);
    return l;
}

/* Counts what is out, and refuses when fails reaches 0. */
struct meter {
    size_t out;
    long fails;
};

static void *meter_resize(void *ctx, void *p, size_t from, size_t to)
{
    struct meter *m = ctx;
    if (to == 0) {
        m->out -= from;
        free(p);
        return NULL;
    }
    if (m->fails == 0)
        return NULL;
    m->fails--;
    void *q = realloc(p, to);
    m->out += to - from;
    return q;
}

static void look(const struct cvn_window *w)
{
    for (uint64_t at = w->first; at < w->next;) {
        struct cvn_ref *owner;
        struct cvn_octets o = cvn_window_at(w, at, &owner);
        ck_assert_uint_gt(o.n, 0);
        ck_assert_ptr_nonnull(owner);
        ck_assert_uint_eq(o.p[0], octet(at));
        ck_assert_uint_eq(o.p[o.n - 1], octet(at + o.n - 1));
        at += o.n;
        ck_assert_uint_le(at, w->next);
    }
}

START_TEST(keeps_every_octet_at_its_position)
{
    struct meter m = {0, -1};
    struct cvn_alloc a = {meter_resize, &m};
    struct cvn_window w;
    int alive = 0;
    static uint8_t buf[200000];
    srand(11);
    cvn_window_init(&w, &a, UINT64_C(0xfffffff0));
    uint64_t first = w.first;
    uint64_t next = w.next;
    for (int round = 0; round < 4000; round++) {
        size_t n = (size_t)rand() % (rand() % 20 == 0 ? sizeof buf : 900u);
        if (rand() % 3 == 0) {
            struct lent *l = lent_new(next, &alive);
            n = n > sizeof l->p ? sizeof l->p : n;
            ck_assert_int_eq(cvn_window_lend(&w, &l->ref, l->p, n), CVN_OK);
            cvn_ref_drop(&l->ref);
        } else {
            octets(buf, next, n);
            ck_assert_int_eq(cvn_window_copy(&w, buf, n), CVN_OK);
        }
        next += n;
        if (rand() % 4 == 0 && next > first)
            first += (uint64_t)rand() % (next - first + 1);
        cvn_window_forget(&w, first);
        ck_assert_uint_eq(w.first, first);
        ck_assert_uint_eq(w.next, next);
        if (round % 16 == 0)
            look(&w);
        if (rand() % 50 == 0)
            cvn_window_trim(&w);
    }
    cvn_window_fini(&w);
    ck_assert_int_eq(alive, 0);
    ck_assert_uint_eq(m.out, 0);
}
END_TEST

START_TEST(copies_all_or_nothing)
{
    static uint8_t buf[300000];
    for (long fails = 0; fails < 9; fails++) {
        struct meter m = {0, -1};
        struct cvn_alloc a = {meter_resize, &m};
        struct cvn_window w;
        cvn_window_init(&w, &a, 5);
        octets(buf, 5, 100);
        ck_assert_int_eq(cvn_window_copy(&w, buf, 100), CVN_OK);
        octets(buf, 105, sizeof buf);
        m.fails = fails;
        int rc = cvn_window_copy(&w, buf, sizeof buf);
        ck_assert_int_eq(rc, fails < 5 ? CVN_ENOMEM : CVN_OK); /* five blocks more */
        ck_assert_uint_eq(w.next, rc == CVN_OK ? 105 + sizeof buf : 105);
        m.fails = -1;
        octets(buf, w.next, 10);
        ck_assert_int_eq(cvn_window_copy(&w, buf, 10), CVN_OK);
        look(&w);
        cvn_window_fini(&w);
        ck_assert_uint_eq(m.out, 0);
    }
}
END_TEST

START_TEST(small_writes_share_a_slice)
{
    struct cvn_window w;
    struct cvn_ref *owner;
    cvn_window_init(&w, cvn_alloc_std(), 0);
    for (int i = 0; i < 1000; i++)
        ck_assert_int_eq(cvn_window_copy(&w, "x", 1), CVN_OK);
    ck_assert_uint_eq(cvn_window_at(&w, 0, &owner).n, 1000);
    ck_assert_uint_eq(cvn_window_at(&w, 999, &owner).n, 1);
    ck_assert_uint_eq(cvn_window_at(&w, 1000, &owner).n, 0);
    ck_assert_ptr_null(owner);
    cvn_window_fini(&w);
}
END_TEST

/* What is under way may outlive its being forgotten. */
START_TEST(a_holder_keeps_a_block)
{
    struct meter m = {0, -1};
    struct cvn_alloc a = {meter_resize, &m};
    struct cvn_window w;
    struct cvn_ref *owner;
    cvn_window_init(&w, &a, 0);
    ck_assert_int_eq(cvn_window_copy(&w, "under way", 9), CVN_OK);
    struct cvn_octets o = cvn_window_at(&w, 6, &owner);
    cvn_ref_hold(owner);
    cvn_window_fini(&w);
    ck_assert_uint_gt(m.out, 0);
    ck_assert_mem_eq(o.p, "way", 3);
    cvn_ref_drop(owner);
    ck_assert_uint_eq(m.out, 0);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("window");
    TCase *tc = tcase_create("window");
    tcase_add_test(tc, keeps_every_octet_at_its_position);
    tcase_add_test(tc, copies_all_or_nothing);
    tcase_add_test(tc, small_writes_share_a_slice);
    tcase_add_test(tc, a_holder_keeps_a_block);
    suite_add_tcase(s, tc);
    SRunner *sr = srunner_create(s);
    srunner_run_all(sr, CK_NORMAL);
    int failed = srunner_ntests_failed(sr);
    srunner_free(sr);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
