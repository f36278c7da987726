/* SPDX-License-Identifier: MIT */
#include <check.h>
#include <signal.h>
#include <stdlib.h>

#include "proto/tpkt/tpkt.h"

START_TEST(every_length_comes_back_as_it_was_written)
{
    for (uint32_t n = CVN_TPKT_LENGTH_MIN; n <= CVN_TPKT_LENGTH_MAX; n++) {
        uint8_t h[CVN_TPKT_HEADER] = {0xee, 0xee, 0xee, 0xee};
        cvn_tpkt_header(h, n);
        ck_assert_uint_eq(h[0], 3);
        ck_assert_uint_eq(h[1], 0);
        ck_assert_uint_eq((unsigned)h[2] << 8 | h[3], n);
        ck_assert_uint_eq(cvn_tpkt_length(h), n);
    }
}
END_TEST

START_TEST(no_other_version_is_taken)
{
    for (unsigned v = 0; v < 256; v++) {
        const uint8_t h[CVN_TPKT_HEADER] = {(uint8_t)v, 0, 0, 7};
        ck_assert_uint_eq(cvn_tpkt_length(h), v == 3 ? 7 : 0);
    }
}
END_TEST

START_TEST(the_reserved_octet_does_not_matter_on_receipt)
{
    for (unsigned r = 0; r < 256; r++) {
        const uint8_t h[CVN_TPKT_HEADER] = {3, (uint8_t)r, 0x12, 0x34};
        ck_assert_uint_eq(cvn_tpkt_length(h), 0x1234);
    }
}
END_TEST

START_TEST(a_length_under_an_empty_dt_is_no_packet)
{
    for (uint8_t n = 0; n < CVN_TPKT_LENGTH_MIN; n++) {
        const uint8_t h[CVN_TPKT_HEADER] = {3, 0, 0, n};
        ck_assert_uint_eq(cvn_tpkt_length(h), 0);
    }
}
END_TEST

START_TEST(writing_a_length_outside_the_range_is_the_programmers_error)
{
    static const uint32_t bad[] = {0, CVN_TPKT_LENGTH_MIN - 1, CVN_TPKT_LENGTH_MAX + 1};
    uint8_t h[CVN_TPKT_HEADER];
    cvn_tpkt_header(h, bad[_i]);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("tpkt");
    TCase *t = tcase_create("header");
    tcase_add_test(t, every_length_comes_back_as_it_was_written);
    tcase_add_test(t, no_other_version_is_taken);
    tcase_add_test(t, the_reserved_octet_does_not_matter_on_receipt);
    tcase_add_test(t, a_length_under_an_empty_dt_is_no_packet);
    tcase_add_loop_test_raise_signal(t, writing_a_length_outside_the_range_is_the_programmers_error,
                                     SIGABRT, 0, 3);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
