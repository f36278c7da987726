/* SPDX-License-Identifier: MIT */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "convene/connection.h"

static uint8_t link_octets[1 << 20];

static void carry(struct cvn_sc *from, struct cvn_sc *to, struct cvn_x225_prim *ev, uint8_t *data,
                  size_t *n_data)
{
    struct cvn_iov iov[8];
    size_t n;
    size_t len = 0;
    while ((n = cvn_sc_out_iov(from, iov, 8)) > 0) {
        size_t sum = 0;
        for (size_t i = 0; i < n; i++) {
            ck_assert_uint_le(len + iov[i].len, sizeof link_octets);
            memcpy(link_octets + len, iov[i].base, iov[i].len);
            len += iov[i].len;
            sum += iov[i].len;
        }
        cvn_sc_sent(from, sum);
    }
    for (size_t at = 0;;) {
        size_t used = 0;
        int rc = cvn_sc_feed(to, link_octets + at, len - at, &used, ev, 0);
        at += used;
        if (rc != CVN_EVENT) {
            ck_assert_int_eq(rc, CVN_MORE);
            return;
        }
        if (data != NULL && ev->data.n > 0) {
            memcpy(data + *n_data, ev->data.p, ev->data.n);
            *n_data += ev->data.n;
        }
    }
}

static void connect_pair(struct cvn_sc *c[2])
{
    struct cvn_x225_prim p;
    struct cvn_x225_prim ev;
    for (int i = 0; i < 2; i++) {
        struct cvn_sc_opts o = {.initiator = i == 0, .reference = 1};
        ck_assert_int_eq(cvn_sc_new(&c[i], &o), CVN_OK);
    }
    cvn_x225_prim_init(&p, CVN_S_CONNECT, CVN_REQUEST);
    p.units = CVN_FU_DUPLEX;
    ck_assert_int_eq(cvn_sc_request(c[0], &p, 0), CVN_OK);
    carry(c[0], c[1], &ev, NULL, NULL);
    carry(c[1], c[0], &ev, NULL, NULL);
    carry(c[0], c[1], &ev, NULL, NULL);
    ck_assert_int_eq(ev.service, CVN_S_CONNECT);
    cvn_x225_prim_init(&p, CVN_S_CONNECT, CVN_RESPONSE);
    p.result = CVN_RESULT_ACCEPT;
    p.units = CVN_FU_DUPLEX;
    ck_assert_int_eq(cvn_sc_request(c[1], &p, 0), CVN_OK);
    carry(c[1], c[0], &ev, NULL, NULL);
    ck_assert_int_eq(ev.type, CVN_CONFIRM);
}

static void keep(struct cvn_ref *ref)
{
    ref->refs = 1;
}

START_TEST(data_arrives_whole_whatever_its_length_and_whoever_owns_it)
{
    static const size_t lengths[] = {1, 1000, 65520, 65536, 65600, 65601, 131072, 300000};
    static struct cvn_ref ref = {.refs = 1, .drop = keep};
    static uint8_t sent[300000];
    static uint8_t got[300000];
    struct cvn_sc *c[2];
    struct cvn_x225_prim p;
    struct cvn_x225_prim ev;
    connect_pair(c);
    for (size_t i = 0; i < sizeof sent; i++)
        sent[i] = (uint8_t)(i * 7 + i / 251);
    for (size_t i = 0; i < 2 * sizeof lengths / sizeof lengths[0]; i++) {
        size_t n = lengths[i / 2];
        size_t n_got = 0;
        cvn_x225_prim_init(&p, CVN_S_DATA, CVN_REQUEST);
        p.data = (struct cvn_octets){sent, n};
        p.owner = i % 2 == 0 ? NULL : &ref;
        p.begin = p.end = true;
        ck_assert_int_eq(cvn_sc_request(c[0], &p, 0), CVN_OK);
        carry(c[0], c[1], &ev, got, &n_got);
        ck_assert_int_eq(ev.service, CVN_S_DATA);
        ck_assert(ev.end);
        ck_assert_uint_eq(n_got, n);
        ck_assert_mem_eq(got, sent, n);
    }
    cvn_sc_free(c[0]);
    cvn_sc_free(c[1]);
}
END_TEST

static void send_tsdu(struct cvn_sc *c, const char *text, int want)
{
    struct cvn_octets o = {(const uint8_t *)text, strlen(text)};
    ck_assert_int_eq(cvn_sc_tsdu(c, o, false, 0), want);
}

START_TEST(tsdus_go_as_they_are_on_a_bare_connection)
{
    struct cvn_sc *c[2];
    struct cvn_x225_prim ev;
    uint8_t got[64];
    size_t n = 0;
    for (int i = 0; i < 2; i++) {
        struct cvn_sc_opts o = {
            .initiator = i == 0, .reference = 1, .expedited = true, .bare = true};
        ck_assert_int_eq(cvn_sc_new(&c[i], &o), CVN_OK);
        ck_assert(!cvn_sc_open(c[i]));
        send_tsdu(c[i], "early", CVN_ESTATE);
    }
    carry(c[0], c[1], &ev, NULL, NULL);
    carry(c[1], c[0], &ev, NULL, NULL);
    ck_assert(cvn_sc_open(c[0]) && cvn_sc_open(c[1]));
    send_tsdu(c[0], "any octets", CVN_OK);
    carry(c[0], c[1], &ev, got, &n);
    ck_assert_int_eq(ev.service, CVN_S_DATA);
    ck_assert(ev.begin && ev.end);
    ck_assert_mem_eq(got, "any octets", n);
    ck_assert_uint_eq(n, 10);
    ck_assert_int_eq(cvn_sc_tsdu(c[1], (struct cvn_octets){(const uint8_t *)"ex", 2}, true, 0),
                     CVN_OK);
    carry(c[1], c[0], &ev, NULL, NULL);
    ck_assert_int_eq(ev.service, CVN_S_EXPEDITED_DATA);
    send_tsdu(c[0], "", CVN_EINVAL);
    cvn_x225_prim_init(&ev, CVN_S_CONNECT, CVN_REQUEST);
    ck_assert_int_eq(cvn_sc_request(c[0], &ev, 0), CVN_ESTATE);
    cvn_sc_free(c[0]);
    cvn_sc_free(c[1]);
}
END_TEST

START_TEST(a_tsdu_goes_past_the_session_machine)
{
    struct cvn_sc *c[2];
    struct cvn_x225_prim p;
    struct cvn_x225_prim ev;
    static uint8_t part[1] = {'x'};
    connect_pair(c);
    send_tsdu(c[0], "\x01\x02", CVN_OK);
    carry(c[0], c[1], &ev, NULL, NULL);
    ck_assert_int_eq(ev.service, CVN_S_P_ABORT);
    ck_assert_int_eq(cvn_sc_tsdu(c[0], (struct cvn_octets){part, 1}, true, 0), CVN_EUNIT);
    cvn_x225_prim_init(&p, CVN_S_DATA, CVN_REQUEST);
    p.data = (struct cvn_octets){part, 1};
    p.end = false;
    ck_assert_int_eq(cvn_sc_request(c[0], &p, 0), CVN_OK);
    send_tsdu(c[0], "in the middle of a TSDU", CVN_ESTATE);
    cvn_sc_free(c[0]);
    cvn_sc_free(c[1]);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("connection");
    TCase *t = tcase_create("connection");
    tcase_add_test(t, data_arrives_whole_whatever_its_length_and_whoever_owns_it);
    tcase_add_test(t, tsdus_go_as_they_are_on_a_bare_connection);
    tcase_add_test(t, a_tsdu_goes_past_the_session_machine);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed == 0 ? 0 : 1;
}
