/* SPDX-License-Identifier: MIT */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "convene/url.h"

static const struct {
    const char *text;
    const char *host;
    const char *port;
    const char *ssel;
    size_t ssel_len;
    const char *tsel;
    size_t tsel_len;
} good[] = {
    {"iso://127.0.0.1:10102/inbox", "127.0.0.1", "10102", "inbox", 5, "", 0},
    {"iso://host.example", "host.example", "102", "", 0, "", 0},
    {"iso://host/", "host", "102", "", 0, "", 0},
    {"iso://[::1]:7/x", "::1", "7", "x", 1, "", 0},
    {"iso://[fe80::1%eth0]", "fe80::1%eth0", "102", "", 0, "", 0},
    {"iso://h/0x0001?tsel=0xFFfe", "h", "102", "\0\1", 2, "\xff\xfe", 2},
    {"iso://h/a%2Fb%00?tsel=t%20s", "h", "102", "a/b\0", 4, "t s", 3},
    {"isos://h/x?tsel=a&name=me&peer=minimal", "h", "3782", "x", 1, "a", 1},
    {"iso://h/?peer=minimal", "h", "102", "", 0, "", 0},
    {"iso://h?name=0x00ff", "h", "102", "", 0, "", 0},
    {"iso://h/0x", "h", "102", "0x", 2, "", 0},
    {"iso://h/1234567890123456", "h", "102", "1234567890123456", 16, "", 0},
};

START_TEST(takes_what_is_an_address)
{
    struct cvn_url u;
    const char *why = "";
    if (strchr(good[_i].host, '%') != NULL) { /* scopes are not for addresses that travel */
        ck_assert_int_eq(cvn_url_parse(&u, good[_i].text, &why), CVN_EINVAL);
        return;
    }
    ck_assert_msg(cvn_url_parse(&u, good[_i].text, &why) == CVN_OK, "%s: %s", good[_i].text, why);
    ck_assert_str_eq(u.host, good[_i].host);
    ck_assert_str_eq(u.port, good[_i].port);
    ck_assert_uint_eq(u.ssel_len, good[_i].ssel_len);
    ck_assert_mem_eq(u.ssel, good[_i].ssel, u.ssel_len);
    ck_assert_uint_eq(u.tsel_len, good[_i].tsel_len);
    ck_assert_mem_eq(u.tsel, good[_i].tsel, u.tsel_len);
}
END_TEST

static const char *const bad[] = {
    "",
    "http://h/x",
    "iso:/h/x",
    "iso://",
    "iso:///x",
    "iso://h:",
    "iso://h:65536",
    "iso://h:1a",
    "iso://h:-1",
    "iso://::1",
    "iso://[::1",
    "iso://[::1]x",
    "iso://h/12345678901234567",
    "iso://h/a b",
    "iso://h/a/b",
    "iso://h/%",
    "iso://h/%2",
    "iso://h/%zz",
    "iso://h/0x1",
    "iso://h/0x1g",
    "iso://h/x#y",
    "iso://h/x?tsel=",
    "iso://h/x?psel=1",
    "iso://h/x?tsel",
    "iso://h/x?tsel=a&tsel=b",
    "iso://h/x?name=",
    "iso://h/x?name=12345678901234567",
    "iso://h/x?name=a&name=b",
    "iso://h/x?peer=",
    "iso://h/x?peer=maximal",
    "iso://h/x?peer=minimal&peer=minimal",
    "iso://h/x?peer=minimal#",
    "iso://h/x?tse=a",
    "ISO://h/x",
    "iso://h/x?tsel=0x000000000000000000000000000000000000000000000000000000000000000000",
    "iso://user@h/x",
    "iso://h h/x",
};

START_TEST(says_what_is_wrong_and_changes_nothing)
{
    struct cvn_url u;
    struct cvn_url before;
    const char *why = NULL;
    memset(&u, 0x5a, sizeof u);
    before = u;
    ck_assert_msg(cvn_url_parse(&u, bad[_i], &why) == CVN_EINVAL, "%s", bad[_i]);
    ck_assert_ptr_nonnull(why);
    ck_assert_mem_eq(&u, &before, sizeof u);
}
END_TEST

START_TEST(reads_every_parameter)
{
    struct cvn_url u;
    const char *why = "";
    ck_assert_int_eq(cvn_url_parse(&u, "isos://h:9/x?peer=minimal&name=0x00fF&tsel=%41", &why),
                     CVN_OK);
    ck_assert_int_eq(u.scheme, CVN_SCHEME_ISOS);
    ck_assert(u.has_port && u.minimal);
    ck_assert_uint_eq(u.name_len, 2);
    ck_assert_mem_eq(u.name, "\0\xff", 2);
    ck_assert_mem_eq(u.tsel, "A", 1);
    ck_assert_int_eq(cvn_url_parse(&u, "iso://h/x", &why), CVN_OK);
    ck_assert(!u.has_port && !u.minimal && u.name_len == 0);
}
END_TEST

START_TEST(tells_addresses_from_names)
{
    ck_assert(cvn_url_is_literal("127.0.0.1"));
    ck_assert(cvn_url_is_literal("::1"));
    ck_assert(!cvn_url_is_literal("plant"));
    ck_assert(!cvn_url_is_literal("10.example"));
    ck_assert(!cvn_url_is_literal(""));
}
END_TEST

int main(void)
{
    Suite *s = suite_create("url");
    TCase *t = tcase_create("url");
    tcase_add_loop_test(t, takes_what_is_an_address, 0, (int)(sizeof good / sizeof good[0]));
    tcase_add_loop_test(t, says_what_is_wrong_and_changes_nothing, 0,
                        (int)(sizeof bad / sizeof bad[0]));
    tcase_add_test(t, reads_every_parameter);
    tcase_add_test(t, tells_addresses_from_names);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed == 0 ? 0 : 1;
}
