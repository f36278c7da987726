/* SPDX-License-Identifier: MIT */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "base/wr.h"
#include "session/note.h"
#include "session/send.h"

#define OCTETS(text) ((struct cvn_octets){(const uint8_t *)(text), sizeof(text) - 1})

static struct cvn_note full_note(void)
{
    struct cvn_note n = {.version = 1,
                         .name = OCTETS("folder/na\xffme"),
                         .size = 0x0102030405060708,
                         .mode = 0751,
                         .mtime_s = -5,
                         .mtime_ns = 999999999,
                         .kind = CVN_KIND_SYMLINK,
                         .target = OCTETS("../x"),
                         .hash = CVN_HASH_XXH128,
                         .digest = OCTETS("0123456789abcdef"),
                         .offset = UINT64_MAX,
                         .point_part = 3,
                         .point_serial = 990000,
                         .point_offset = 77,
                         .window = 4096,
                         .trouble = CVN_TROUBLE_HASH,
                         .text = OCTETS("why"),
                         .part = 2,
                         .part_offset = 5,
                         .state = CVN_TRANSFER_COMMITTED};
    memcpy(n.transfer, "ABCDEFGHIJKLMNOP", CVN_ID);
    for (int f = CVN_NOTE_F_VERSION; f <= CVN_NOTE_F_STATE; f++)
        cvn_note_set(&n, (enum cvn_note_field)f);
    return n;
}

static void assert_octets(struct cvn_octets a, struct cvn_octets b)
{
    ck_assert_uint_eq(a.n, b.n);
    ck_assert_mem_eq(a.p, b.p, a.n);
}

START_TEST(comes_back_as_it_was)
{
    uint8_t buf[512];
    struct cvn_wr w = cvn_wr_init(buf, sizeof buf);
    struct cvn_note n = full_note();
    struct cvn_note d;
    ck_assert_int_eq(cvn_note_encode(&n, &w), CVN_OK);
    ck_assert_int_eq(cvn_note_decode(&d, (struct cvn_octets){buf, w.len}), CVN_OK);
    ck_assert(d.ours);
    ck_assert_uint_eq(d.has, n.has);
    assert_octets(d.name, n.name);
    assert_octets(d.target, n.target);
    assert_octets(d.digest, n.digest);
    assert_octets(d.text, n.text);
    ck_assert_mem_eq(d.transfer, n.transfer, CVN_ID);
    ck_assert_uint_eq(d.size, n.size);
    ck_assert_uint_eq(d.mode, n.mode);
    ck_assert_int_eq(d.mtime_s, n.mtime_s);
    ck_assert_uint_eq(d.mtime_ns, n.mtime_ns);
    ck_assert_uint_eq(d.kind, n.kind);
    ck_assert_uint_eq(d.hash, n.hash);
    ck_assert_uint_eq(d.offset, n.offset);
    ck_assert_uint_eq(d.point_part, n.point_part);
    ck_assert_uint_eq(d.point_serial, n.point_serial);
    ck_assert_uint_eq(d.point_offset, n.point_offset);
    ck_assert_uint_eq(d.window, n.window);
    ck_assert_uint_eq(d.trouble, n.trouble);
    ck_assert_uint_eq(d.part, n.part);
    ck_assert_uint_eq(d.part_offset, n.part_offset);
    ck_assert_uint_eq(d.state, n.state);
}
END_TEST

/* Every prefix either ends between two fields, or is malformed; none is read beyond. */
START_TEST(is_refused_when_cut_within_a_field)
{
    uint8_t buf[512];
    struct cvn_wr w = cvn_wr_init(buf, sizeof buf);
    struct cvn_note n = full_note();
    unsigned whole = 0;
    ck_assert_int_eq(cvn_note_encode(&n, &w), CVN_OK);
    for (size_t len = 4; len < w.len; len++) {
        struct cvn_note d;
        uint8_t *exact = malloc(len);
        ck_assert_ptr_nonnull(exact);
        memcpy(exact, buf, len);
        int rc = cvn_note_decode(&d, (struct cvn_octets){exact, len});
        whole += rc == CVN_OK;
        ck_assert(rc == CVN_OK || rc == CVN_EPROTO);
        free(exact);
    }
    ck_assert_uint_eq(whole, 17); /* after the magic and after each field but the last */
}
END_TEST

START_TEST(is_a_strangers_without_the_magic)
{
    struct cvn_note d;
    ck_assert_int_eq(cvn_note_decode(&d, OCTETS("hello, world")), CVN_OK);
    ck_assert(!d.ours);
    ck_assert_int_eq(cvn_note_decode(&d, (struct cvn_octets){NULL, 0}), CVN_OK);
    ck_assert(!d.ours);
}
END_TEST

static const struct {
    const char *what;
    uint8_t field[8];
    size_t n;
} bad[] = {
    {"a kind that is none", {7, 0, 1, 3}, 4},
    {"a time with too many nanoseconds", {6, 0, 12}, 3},
    {"an id that is short", {2, 0, 2, 1, 1}, 5},
    {"a digest of another size", {9, 0, 3, 1, 0, 0}, 6},
    {"a length beyond the end", {3, 0, 9, 'x'}, 4},
};

START_TEST(is_refused_with_a_bad_field)
{
    uint8_t buf[64] = {'c', 'v', 'n', 0x1a};
    struct cvn_note d;
    size_t n = 4 + bad[_i].n;
    memcpy(buf + 4, bad[_i].field, bad[_i].n);
    if (bad[_i].field[0] == 6) {
        memset(buf + n, 0xff, 12);
        n += 12;
    }
    ck_assert_msg(cvn_note_decode(&d, (struct cvn_octets){buf, n}) == CVN_EPROTO, "%s",
                  bad[_i].what);
}
END_TEST

START_TEST(passes_over_fields_it_does_not_know)
{
    static const uint8_t octets[] = {'c', 'v', 'n', 0x1a, 200, 0, 2, 9, 9, 1, 0, 1, 7};
    struct cvn_note d;
    ck_assert_int_eq(cvn_note_decode(&d, (struct cvn_octets){octets, sizeof octets}), CVN_OK);
    ck_assert(d.ours);
    ck_assert_uint_eq(d.version, 7);
}
END_TEST

START_TEST(leaves_nothing_written_when_there_is_no_room)
{
    uint8_t buf[512];
    struct cvn_note n = full_note();
    for (size_t cap = 0; cap < 150; cap++) {
        struct cvn_wr w = cvn_wr_init(buf, cap);
        ck_assert_int_eq(cvn_note_encode(&n, &w), CVN_ETOOBIG);
        ck_assert_uint_eq(w.len, 0);
    }
}
END_TEST

START_TEST(an_items_record_comes_back_as_it_was)
{
    struct cvn_item it = {.part = 7,
                          .part_offset = 99,
                          .stored = {12, 3456},
                          .furthest = 4000,
                          .committed = true,
                          .name_of = {.common_len = 13, .id_len = 4}};
    struct cvn_item d = {0};
    uint8_t record[CVN_ITEM_RECORD_MAX];
    memcpy(it.transfer, "ABCDEFGHIJKLMNOP", CVN_ID);
    memcpy(it.identity, "abcdefghijklmnop", CVN_ID);
    memcpy(it.name_of.session, "qrstuvwxyzabcdef", CVN_ID);
    memcpy(it.name_of.common, "261120120000Z", 13);
    memcpy(it.name_of.epoch, "\0\0\0\2", 4);
    memcpy(it.name_of.id, "\0\0\0\1", 4);
    size_t n = cvn_item_encode(&it, record);
    ck_assert_int_eq(cvn_item_decode(&d, (struct cvn_octets){record, n}), CVN_OK);
    ck_assert_mem_eq(&d, &it, sizeof d);
    for (size_t len = 0; len < n; len++) {
        struct cvn_item before = d;
        ck_assert_int_eq(cvn_item_decode(&d, (struct cvn_octets){record, len}), CVN_ECORRUPT);
        ck_assert_mem_eq(&d, &before, sizeof d);
    }
}
END_TEST

int main(void)
{
    Suite *s = suite_create("note");
    TCase *t = tcase_create("note");
    tcase_add_test(t, comes_back_as_it_was);
    tcase_add_test(t, is_refused_when_cut_within_a_field);
    tcase_add_test(t, is_a_strangers_without_the_magic);
    tcase_add_loop_test(t, is_refused_with_a_bad_field, 0, (int)(sizeof bad / sizeof bad[0]));
    tcase_add_test(t, passes_over_fields_it_does_not_know);
    tcase_add_test(t, leaves_nothing_written_when_there_is_no_room);
    tcase_add_test(t, an_items_record_comes_back_as_it_was);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed == 0 ? 0 : 1;
}
