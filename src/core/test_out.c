/* SPDX-License-Identifier: MIT */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "core/out.h"

struct owner {
    struct cvn_ref ref;
    int dropped;
};

static void owner_drop(struct cvn_ref *ref)
{
    ((struct owner *)(void *)ref)->dropped++;
}

START_TEST(gives_octets_in_order_and_drops_owners_when_sent)
{
    struct cvn_out o;
    struct owner w = {.ref = {.refs = 1, .drop = owner_drop}};
    struct cvn_iov iov[8];
    cvn_out_init(&o, cvn_alloc_std());
    ck_assert_int_eq(cvn_out_copy(&o, "head", 4), CVN_OK);
    ck_assert_int_eq(cvn_out_lend(&o, &w.ref, "data", 4), CVN_OK);
    cvn_ref_drop(&w.ref);
    ck_assert_int_eq(w.dropped, 0);
    ck_assert_uint_eq(cvn_out_iov(&o, iov, 8), 2);
    ck_assert_mem_eq(iov[0].base, "head", 4);
    cvn_out_sent(&o, 6);
    ck_assert_uint_eq(cvn_out_iov(&o, iov, 8), 1);
    ck_assert_uint_eq(iov[0].len, 2);
    ck_assert_mem_eq(iov[0].base, "ta", 2);
    ck_assert_int_eq(w.dropped, 0);
    cvn_out_sent(&o, 2);
    ck_assert_int_eq(w.dropped, 1);
    ck_assert_uint_eq(o.octets, 0);
    cvn_out_fini(&o);
}
END_TEST

START_TEST(keeps_order_while_its_ring_grows_and_turns)
{
    struct cvn_out o;
    struct cvn_iov iov[1];
    uint8_t next_in = 0;
    uint8_t next_out = 0;
    cvn_out_init(&o, cvn_alloc_std());
    srand(7);
    for (int round = 0; round < 2000; round++) {
        if (rand() % 3 != 0) {
            uint8_t piece[100];
            size_t n = 1 + (size_t)rand() % sizeof piece;
            for (size_t i = 0; i < n; i++)
                piece[i] = next_in++;
            ck_assert_int_eq(cvn_out_copy(&o, piece, n), CVN_OK);
        } else if (cvn_out_iov(&o, iov, 1) == 1) {
            size_t n = 1 + (size_t)rand() % iov[0].len;
            for (size_t i = 0; i < n; i++)
                ck_assert_uint_eq(((const uint8_t *)iov[0].base)[i], next_out++);
            cvn_out_sent(&o, n);
        }
    }
    while (cvn_out_iov(&o, iov, 1) == 1) {
        for (size_t i = 0; i < iov[0].len; i++)
            ck_assert_uint_eq(((const uint8_t *)iov[0].base)[i], next_out++);
        cvn_out_sent(&o, iov[0].len);
    }
    ck_assert_uint_eq(next_in, next_out);
    cvn_out_trim(&o);
    ck_assert_ptr_null(o.ring);
    cvn_out_fini(&o);
}
END_TEST

START_TEST(keeps_no_more_than_a_small_ring_when_all_is_sent)
{
    struct cvn_out o;
    cvn_out_init(&o, cvn_alloc_std());
    for (int i = 0; i < 100; i++)
        ck_assert_int_eq(cvn_out_copy(&o, "octet", 5), CVN_OK);
    ck_assert_uint_ge(o.cap, 100);
    cvn_out_sent(&o, 500);
    ck_assert_uint_le(o.cap, 2);
    ck_assert_int_eq(cvn_out_copy(&o, "more", 4), CVN_OK);
    ck_assert_uint_eq(o.octets, 4);
    cvn_out_fini(&o);
}
END_TEST

/* What stands in the queue, as text. */
static const char *said(struct cvn_out *o)
{
    static char text[200];
    struct cvn_iov iov[16];
    size_t n = cvn_out_iov(o, iov, 16);
    size_t len = 0;
    for (size_t i = 0; i < n; i++) {
        memcpy(text + len, iov[i].base, iov[i].len);
        len += iov[i].len;
    }
    text[len] = '\0';
    return text;
}

START_TEST(urgent_units_overtake_bulk_ones_that_have_not_begun)
{
    struct cvn_out o;
    cvn_out_init(&o, cvn_alloc_std());
    ck_assert_int_eq(cvn_out_copy(&o, "firm ", 5), CVN_OK);
    ck_assert_int_eq(cvn_out_bulk(&o, "a", 1), CVN_OK);
    ck_assert_int_eq(cvn_out_lend(&o, NULL, "aa ", 3), CVN_OK);
    ck_assert_int_eq(cvn_out_bulk(&o, "b ", 2), CVN_OK);
    ck_assert_int_eq(cvn_out_urgent(&o, "1 ", 2, false), CVN_OK);
    ck_assert_int_eq(cvn_out_urgent(&o, "2 ", 2, true), CVN_OK);
    ck_assert_str_eq(said(&o), "firm 1 2 aaa b ");
    ck_assert_uint_eq(o.octets, 15);
    cvn_out_sent(&o, 10); /* one octet of aaa */
    ck_assert_int_eq(cvn_out_urgent(&o, "3 ", 2, false), CVN_OK);
    ck_assert_str_eq(said(&o), "aa 3 b ");
    cvn_out_sent(&o, 5);
    ck_assert_int_eq(cvn_out_urgent(&o, "4 ", 2, false), CVN_OK);
    ck_assert_str_eq(said(&o), "4 b ");
    cvn_out_sent(&o, o.octets);
    ck_assert_int_eq(cvn_out_urgent(&o, "5", 1, false), CVN_OK); /* alone */
    ck_assert_str_eq(said(&o), "5");
    cvn_out_fini(&o);
}
END_TEST

START_TEST(a_held_queue_gives_out_what_has_begun_and_then_one_urgent_unit_at_a_time)
{
    struct cvn_out o;
    cvn_out_init(&o, cvn_alloc_std());
    cvn_out_release(&o); /* nothing is held */
    ck_assert_int_eq(cvn_out_bulk(&o, "aa ", 3), CVN_OK);
    ck_assert_int_eq(cvn_out_bulk(&o, "bb ", 3), CVN_OK);
    cvn_out_sent(&o, 1);
    cvn_out_hold(&o);
    ck_assert_int_eq(cvn_out_urgent(&o, "1 ", 2, true), CVN_OK);
    ck_assert_int_eq(cvn_out_urgent(&o, "2 ", 2, true), CVN_OK);
    ck_assert_int_eq(cvn_out_urgent(&o, "now ", 4, false), CVN_OK);
    ck_assert_str_eq(said(&o), "a now ");
    cvn_out_release(&o);
    ck_assert_str_eq(said(&o), "a now 1 ");
    cvn_out_sent(&o, 8);
    ck_assert_str_eq(said(&o), "");
    ck_assert_uint_eq(o.octets, 5);
    cvn_out_trim(&o); /* there is something: nothing happens */
    cvn_out_release(&o);
    ck_assert_str_eq(said(&o), "2 ");
    cvn_out_release(&o);
    ck_assert_str_eq(said(&o), "2 bb ");
    cvn_out_sent(&o, 5);
    cvn_out_hold(&o);
    cvn_out_release(&o); /* with an empty queue */
    ck_assert(!o.held);
    cvn_out_fini(&o);
}
END_TEST

START_TEST(what_is_cut_is_given_back_and_what_has_begun_stays)
{
    struct cvn_out o;
    struct owner w = {.ref = {.refs = 1, .drop = owner_drop}};
    cvn_out_init(&o, cvn_alloc_std());
    for (int begun = 0; begun < 2; begun++) {
        ck_assert_int_eq(cvn_out_bulk(&o, "a", 1), CVN_OK);
        ck_assert_int_eq(cvn_out_lend(&o, &w.ref, "aa ", 3), CVN_OK);
        ck_assert_int_eq(cvn_out_bulk(&o, "b", 1), CVN_OK);
        ck_assert_int_eq(cvn_out_lend(&o, &w.ref, "bb ", 3), CVN_OK);
        cvn_out_sent(&o, begun == 1 ? 2 : 0);
        cvn_out_hold(&o);
        ck_assert_int_eq(cvn_out_urgent(&o, "1 ", 2, true), CVN_OK);
        cvn_out_cut(&o);
        ck_assert_str_eq(said(&o), begun == 1 ? "a " : "");
        ck_assert_uint_eq(o.octets, begun == 1 ? 2 : 0);
        ck_assert_uint_eq(w.ref.refs, begun == 1 ? 2 : 1);
        ck_assert_int_eq(cvn_out_bulk(&o, "c", 1), CVN_OK);
        ck_assert_str_eq(said(&o), begun == 1 ? "a c" : "c");
        cvn_out_sent(&o, o.octets);
    }
    cvn_ref_drop(&w.ref);
    ck_assert_int_eq(w.dropped, 1);
    cvn_out_fini(&o);
}
END_TEST

static void *no_memory(void *ctx, void *p, size_t from, size_t to)
{
    (void)ctx;
    (void)p;
    (void)from;
    (void)to;
    return NULL;
}

START_TEST(without_memory_nothing_changes)
{
    static const struct cvn_alloc none = {.resize = no_memory, .ctx = NULL};
    struct cvn_out o;
    cvn_out_init(&o, &none);
    ck_assert_int_eq(cvn_out_copy(&o, "x", 1), CVN_ENOMEM);
    ck_assert_int_eq(cvn_out_bulk(&o, "x", 1), CVN_ENOMEM);
    ck_assert_int_eq(cvn_out_urgent(&o, "x", 1, false), CVN_ENOMEM);
    ck_assert_int_eq(cvn_out_lend(&o, NULL, "x", 1), CVN_ENOMEM);
    ck_assert_int_eq(cvn_out_copy(&o, "", 0), CVN_OK);
    ck_assert_int_eq(cvn_out_lend(&o, NULL, "", 0), CVN_OK);
    ck_assert_uint_eq(o.count, 0);
    cvn_out_fini(&o);
    cvn_out_init(&o, cvn_alloc_std());
    ck_assert_int_eq(cvn_out_reserve(&o, (size_t)1 << 32), CVN_ENOMEM);
    cvn_out_fini(&o);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("out");
    TCase *t = tcase_create("out");
    tcase_add_test(t, gives_octets_in_order_and_drops_owners_when_sent);
    tcase_add_test(t, keeps_no_more_than_a_small_ring_when_all_is_sent);
    tcase_add_test(t, keeps_order_while_its_ring_grows_and_turns);
    tcase_add_test(t, urgent_units_overtake_bulk_ones_that_have_not_begun);
    tcase_add_test(t, a_held_queue_gives_out_what_has_begun_and_then_one_urgent_unit_at_a_time);
    tcase_add_test(t, what_is_cut_is_given_back_and_what_has_begun_stays);
    tcase_add_test(t, without_memory_nothing_changes);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed == 0 ? 0 : 1;
}
