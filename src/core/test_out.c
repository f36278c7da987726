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

int main(void)
{
    Suite *s = suite_create("out");
    TCase *t = tcase_create("out");
    tcase_add_test(t, gives_octets_in_order_and_drops_owners_when_sent);
    tcase_add_test(t, keeps_no_more_than_a_small_ring_when_all_is_sent);
    tcase_add_test(t, keeps_order_while_its_ring_grows_and_turns);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed == 0 ? 0 : 1;
}
