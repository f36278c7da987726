/* SPDX-License-Identifier: MIT */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/cotp/cotp.h"
#include "proto/cotp/cotp_tpdu.h"

/* ---- memory that counts and fails ---- */

static struct {
    size_t octets;
    size_t calls;
    long fail_in; /* so many calls from now on; -1: never */
} memory;

static void *memory_resize(void *ctx, void *p, size_t from, size_t to)
{
    (void)ctx;
    if (to > 0) {
        memory.calls++;
        if (memory.fail_in >= 0 && memory.fail_in-- == 0)
            return NULL;
    }
    memory.octets = memory.octets + to - from;
    if (to == 0) {
        free(p);
        return NULL;
    }
    return realloc(p, to);
}

static const struct cvn_alloc counted = {.resize = memory_resize, .ctx = NULL};

static void memory_setup(void)
{
    memory.octets = 0;
    memory.calls = 0;
    memory.fail_in = -1;
}

static void memory_teardown(void)
{
    ck_assert_uint_eq(memory.octets, 0);
}

/* ---- helpers ---- */

struct owner {
    struct cvn_ref ref;
    int dropped;
};

static void owner_drop(struct cvn_ref *ref)
{
    ((struct owner *)(void *)ref)->dropped++;
}

static struct cvn_octets octets(const void *p, size_t n)
{
    return (struct cvn_octets){.p = p, .n = n};
}

static struct cvn_cotp *make(bool initiator, bool expedited, uint32_t tpdu_max)
{
    struct cvn_cotp_opts o = {
        .alloc = &counted,
        .initiator = initiator,
        .reference = initiator ? 1 : 2,
        .expedited = expedited,
        .tpdu_max = tpdu_max,
    };
    struct cvn_cotp *c = NULL;
    ck_assert_int_eq(cvn_cotp_new(&c, &o), CVN_OK);
    return c;
}

/* Takes what c has to send; returns how many octets. */
static size_t take(struct cvn_cotp *c, uint8_t *to, size_t cap)
{
    struct cvn_out *o = cvn_cotp_out(c);
    struct cvn_iov iov[1];
    size_t n = 0;
    while (cvn_out_iov(o, iov, 1) == 1) {
        ck_assert_uint_le(n + iov[0].len, cap);
        memcpy(to + n, iov[0].base, iov[0].len);
        n += iov[0].len;
        cvn_out_sent(o, iov[0].len);
    }
    return n;
}

/* All that from has to send goes to to, which must see exactly one event. */
static void pass(struct cvn_cotp *from, struct cvn_cotp *to, struct cvn_cotp_event *ev)
{
    static uint8_t buf[200000];
    size_t n = take(from, buf, sizeof buf);
    size_t used = 0;
    ck_assert_int_eq(cvn_cotp_feed(to, buf, n, &used, ev), CVN_EVENT);
    ck_assert_uint_eq(used, n);
}

static void open_pair(struct cvn_cotp **i, struct cvn_cotp **r, bool expedited, uint32_t tpdu_max)
{
    struct cvn_cotp_event ev;
    *i = make(true, expedited, tpdu_max);
    *r = make(false, expedited, 0);
    ck_assert_int_eq(cvn_cotp_connect(*i), CVN_OK);
    pass(*i, *r, &ev);
    ck_assert_int_eq(ev.kind, CVN_COTP_EV_CONNECT_IND);
    ck_assert_int_eq(cvn_cotp_accept(*r), CVN_OK);
    pass(*r, *i, &ev);
    ck_assert_int_eq(ev.kind, CVN_COTP_EV_CONNECT_CONF);
    ck_assert_int_eq(cvn_cotp_has_expedited(*i), expedited);
    ck_assert_int_eq(cvn_cotp_has_expedited(*r), expedited);
}

/* ---- the state table ---- */

static const char *const columns[] = {
    "CLOSED, initiator",
    "CLOSED, responder",
    "WFCC",
    "WFTRESP",
    "OPEN",
    "OPEN, no expedited",
    "ENDED",
};
#define COLUMNS (sizeof columns / sizeof *columns)

/* A cell: what is returned or seen, which TPDU goes out, the state then. */
static const struct {
    const char *event;
    const char *tpdu; /* hex after the packet header, or NULL: a request */
    const char *cells[COLUMNS];
} table[] = {
    /* clang-format off */
    {"TCONreq", NULL, {"OK CR WFCC", "ESTATE . CLOSED", "ESTATE . WFCC", "ESTATE . WFTRESP", "ESTATE . OPEN", "ESTATE . OPEN", "ESTATE . ENDED"}},
    {"TCONresp", NULL, {"ESTATE . CLOSED", "ESTATE . CLOSED", "ESTATE . WFCC", "OK CC OPEN", "ESTATE . OPEN", "ESTATE . OPEN", "ESTATE . ENDED"}},
    {"TDTreq", NULL, {"ESTATE . CLOSED", "ESTATE . CLOSED", "ESTATE . WFCC", "ESTATE . WFTRESP", "OK DT OPEN", "OK DT OPEN", "ESTATE . ENDED"}},
    {"TEXreq", NULL, {"ESTATE . CLOSED", "ESTATE . CLOSED", "ESTATE . WFCC", "ESTATE . WFTRESP", "OK ED OPEN", "EUNIT . OPEN", "ESTATE . ENDED"}},
    {"TDISreq", NULL, {"ESTATE . CLOSED", "ESTATE . CLOSED", "OK . ENDED", "OK DR ENDED", "OK . ENDED", "OK . ENDED", "ESTATE . ENDED"}},
    {"NDISind", NULL, {"NONE . ENDED", "NONE . ENDED", "peer . ENDED", "peer . ENDED", "peer . ENDED", "peer . ENDED", "NONE . ENDED"}},
    {"CR", "06e00000000900", {"local . ENDED", "ind . WFTRESP", "local . ENDED", "local . ENDED", "local . ENDED", "local . ENDED", "ECLOSED . ENDED"}},
    {"CC", "06d00001000900", {"local DR ENDED", "local DR ENDED", "conf . OPEN", "local ER ENDED", "local ER ENDED", "local ER ENDED", "ECLOSED . ENDED"}},
    {"DR", "06800001000980", {"local . ENDED", "local DC ENDED", "peer . ENDED", "peer . ENDED", "peer . ENDED", "peer . ENDED", "ECLOSED . ENDED"}},
    {"DC", "05c000010009", {"local . ENDED", "local . ENDED", "local . ENDED", "local ER ENDED", "local ER ENDED", "local ER ENDED", "ECLOSED . ENDED"}},
    {"DT", "02f08061", {"local . ENDED", "local . ENDED", "local . ENDED", "local ER ENDED", "data . OPEN", "data . OPEN", "ECLOSED . ENDED"}},
    {"ED", "02108061", {"local . ENDED", "local . ENDED", "local . ENDED", "local ER ENDED", "ed . OPEN", "local ER ENDED", "ECLOSED . ENDED"}},
    {"EA", "0420000100", {"local . ENDED", "local . ENDED", "local . ENDED", "local ER ENDED", "local ER ENDED", "local ER ENDED", "ECLOSED . ENDED"}},
    {"AK", "0460000100", {"local . ENDED", "local . ENDED", "local . ENDED", "local ER ENDED", "local ER ENDED", "local ER ENDED", "ECLOSED . ENDED"}},
    {"RJ", "0450000100", {"local . ENDED", "local . ENDED", "local . ENDED", "local ER ENDED", "local ER ENDED", "local ER ENDED", "ECLOSED . ENDED"}},
    {"ER", "0870000100c10205f1", {"local . ENDED", "local . ENDED", "error . ENDED", "local . ENDED", "error . ENDED", "error . ENDED", "ECLOSED . ENDED"}},
    {"unknown", "0330000100", {"local . ENDED", "local . ENDED", "local . ENDED", "local ER ENDED", "local ER ENDED", "local ER ENDED", "ECLOSED . ENDED"}},
    {"no packet", "", {"local . ENDED", "local . ENDED", "local . ENDED", "local . ENDED", "local . ENDED", "local . ENDED", "ECLOSED . ENDED"}},
    /* clang-format on */
};
#define ROWS (sizeof table / sizeof *table)

static struct cvn_cotp *in_column(size_t column)
{
    static const uint8_t cr[] = {3, 0, 0, 14, 9, 0xe0, 0, 0, 0, 9, 0, 0xc6, 1, 1};
    static const uint8_t cc[] = {3, 0, 0, 14, 9, 0xd0, 0, 1, 0, 9, 0, 0xc6, 1, 1};
    uint8_t gone[100];
    size_t used = 0;
    struct cvn_cotp_event ev;
    struct cvn_cotp *c = make(column != 1 && column != 3, column != 5, 0);
    if (column == 0 || column == 1)
        return c;
    if (column == 3) {
        ck_assert_int_eq(cvn_cotp_feed(c, cr, sizeof cr, &used, &ev), CVN_EVENT);
        return c;
    }
    ck_assert_int_eq(cvn_cotp_connect(c), CVN_OK);
    (void)take(c, gone, sizeof gone);
    if (column == 2)
        return c;
    if (column == 5) {
        const uint8_t plain[] = {3, 0, 0, 11, 6, 0xd0, 0, 1, 0, 9, 0};
        ck_assert_int_eq(cvn_cotp_feed(c, plain, sizeof plain, &used, &ev), CVN_EVENT);
        return c;
    }
    ck_assert_int_eq(cvn_cotp_feed(c, cc, sizeof cc, &used, &ev), CVN_EVENT);
    if (column == 6)
        ck_assert_int_eq(cvn_cotp_disconnect(c, CVN_DR_NORMAL), CVN_OK);
    return c;
}

static const char *event_name(const struct cvn_cotp_event *ev)
{
    switch (ev->kind) {
    case CVN_COTP_EV_CONNECT_IND:
        return "ind";
    case CVN_COTP_EV_CONNECT_CONF:
        return "conf";
    case CVN_COTP_EV_DATA:
        return "data";
    case CVN_COTP_EV_EXPEDITED:
        return "ed";
    case CVN_COTP_EV_DISCONNECT:
        break;
    }
    return ev->local ? "local" : ev->error_tpdu ? "error" : "peer";
}

static int ask(struct cvn_cotp *c, const char *event, struct cvn_cotp_event *ev)
{
    if (strcmp(event, "TCONreq") == 0)
        return cvn_cotp_connect(c);
    if (strcmp(event, "TCONresp") == 0)
        return cvn_cotp_accept(c);
    if (strcmp(event, "TDTreq") == 0)
        return cvn_cotp_data(c, octets("x", 1), NULL, NULL, 0, true);
    if (strcmp(event, "TEXreq") == 0)
        return cvn_cotp_expedited(c, octets("x", 1));
    if (strcmp(event, "TDISreq") == 0)
        return cvn_cotp_disconnect(c, CVN_DR_ADDRESS_UNKNOWN);
    ck_assert_str_eq(event, "NDISind");
    return cvn_cotp_stream_closed(c, ev);
}

static int hear(struct cvn_cotp *c, const char *hex, struct cvn_cotp_event *ev)
{
    uint8_t packet[100] = {3, 0, 0, 0};
    size_t used = 0;
    size_t n = 4;
    for (; hex[0] != '\0'; hex += 2) {
        const char two[3] = {hex[0], hex[1], '\0'};
        packet[n++] = (uint8_t)strtoul(two, NULL, 16);
    }
    packet[3] = (uint8_t)n;
    int rc = cvn_cotp_feed(c, packet, n, &used, ev);
    ck_assert_uint_le(used, n);
    if (used < n) /* what stands behind an error is dropped */
        ck_assert(cvn_cotp_closing(c));
    return rc;
}

static const char *sent_name(struct cvn_cotp *c)
{
    static const struct {
        uint8_t code;
        const char *name;
    } names[] = {
        {0xe0, "CR"}, {0xd0, "CC"}, {0x80, "DR"}, {0x70, "ER"},
        {0xf0, "DT"}, {0x10, "ED"}, {0xc0, "DC"}, {0x20, "EA"},
    };
    uint8_t buf[300];
    size_t n = take(c, buf, sizeof buf);
    if (n == 0)
        return ".";
    ck_assert_uint_eq(cvn_tpkt_length(buf), n); /* one packet, no more */
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (buf[5] == names[i].code)
            return names[i].name;
    return "?";
}

START_TEST(every_cell_of_the_state_table_is_obeyed)
{
    static const char *const states[] = {"CLOSED", "WFCC",    "WBCL", "WFTRESP",
                                         "OPEN",   "CLOSING", "ENDED"};
    size_t row = (size_t)_i / COLUMNS;
    size_t column = (size_t)_i % COLUMNS;
    struct cvn_cotp *c = in_column(column);
    struct cvn_cotp_event ev = {0};
    char got[100];
    int rc =
        table[row].tpdu == NULL ? ask(c, table[row].event, &ev) : hear(c, table[row].tpdu, &ev);
    const char *result = rc == CVN_EVENT ? event_name(&ev) : cvn_err_name(rc) + 4;
    const char *sent = sent_name(c);
    (void)snprintf(got, sizeof got, "%s %s %s", result, sent, states[cvn_cotp_state(c)]);
    ck_assert_msg(strcmp(got, table[row].cells[column]) == 0, "%s in %s: %s, not %s",
                  table[row].event, columns[column], got, table[row].cells[column]);
    ck_assert_int_eq(cvn_cotp_closing(c), cvn_cotp_state(c) == CVN_COTP_ENDED);
    cvn_cotp_free(c);
}
END_TEST

/* ---- options ---- */

START_TEST(only_options_that_can_be_said_on_the_wire_are_taken)
{
    static const uint32_t good[] = {0, 128, 256, 384, 8192, 8320, 16384, 65408, 65531};
    static const uint32_t bad[] = {1, 64, 127, 129, 8191, 65500, 65530, 65532, 65536, UINT32_MAX};
    static const uint8_t tsel[33];
    struct cvn_cotp *c = NULL;
    struct cvn_cotp_opts o = {.alloc = &counted, .initiator = true, .reference = 1};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        o.tpdu_max = good[i];
        ck_assert_int_eq(cvn_cotp_new(&c, &o), CVN_OK);
        cvn_cotp_free(c);
    }
    c = NULL;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        o.tpdu_max = bad[i];
        ck_assert_int_eq(cvn_cotp_new(&c, &o), CVN_EINVAL);
    }
    o = (struct cvn_cotp_opts){.alloc = &counted, .initiator = true};
    ck_assert_int_eq(cvn_cotp_new(&c, &o), CVN_EINVAL);
    o.reference = 1;
    o.calling = octets(tsel, 33);
    ck_assert_int_eq(cvn_cotp_new(&c, &o), CVN_EINVAL);
    o.calling = octets(tsel, 32);
    o.called = octets(tsel, 33);
    ck_assert_int_eq(cvn_cotp_new(&c, &o), CVN_EINVAL);
    ck_assert_ptr_null(c);
    o.called = octets(tsel, 32);
    ck_assert_int_eq(cvn_cotp_new(&c, &o), CVN_OK);
    cvn_cotp_free(c);
    c = NULL;
    o.called = octets(tsel, 33);
    o.initiator = false; /* a responder has none to send */
    ck_assert_int_eq(cvn_cotp_new(&c, &o), CVN_OK);
    cvn_cotp_free(c);
    o.alloc = NULL; /* the standard one */
    ck_assert_int_eq(cvn_cotp_new(&c, &o), CVN_OK);
    cvn_cotp_free(c);
    cvn_cotp_free(NULL);
}
END_TEST

/* ---- user data is not touched ---- */

START_TEST(a_tsel_without_octets_is_left_out)
{
    uint8_t cr[20];
    struct cvn_cotp *c = NULL;
    struct cvn_cotp_opts o = {
        .alloc = &counted,
        .initiator = true,
        .reference = 1,
        .calling = octets("", 0),
        .called = octets("", 0),
    };
    ck_assert_int_eq(cvn_cotp_new(&c, &o), CVN_OK);
    ck_assert_int_eq(cvn_cotp_connect(c), CVN_OK);
    ck_assert_uint_eq(take(c, cr, sizeof cr), 11);
    cvn_cotp_free(c);
}
END_TEST

START_TEST(a_stream_that_ends_inside_a_tsdu_says_so)
{
    static const uint8_t in[] = {3, 0, 0, 9, 2, 0xf0, 0,    1, 2, 3, 0, 0, 8, 2, 0xf0, 0x80,
                                 3, 3, 0, 0, 9, 2,    0x10, 0, 1, 2, 3, 0, 0, 8, 2,    0xf0};
    for (size_t n = 0; n <= sizeof in; n++) {
        struct cvn_cotp *i = NULL;
        struct cvn_cotp *r = NULL;
        struct cvn_cotp_event ev;
        bool between = n == 0 || n == 17 || n == 26;
        open_pair(&i, &r, true, 0);
        cvn_cotp_trim(r);
        size_t before = memory.octets;
        for (size_t at = 0, used = 0; at < n; at += used)
            ck_assert_int_ge(cvn_cotp_feed(r, in + at, n - at, &used, &ev), CVN_OK);
        ck_assert_int_eq(cvn_cotp_stream_closed(r, &ev), CVN_EVENT);
        ck_assert_str_eq(ev.why,
                         between ? "the stream has ended" : "the stream has ended inside a TSDU");
        ck_assert(!ev.local && !ev.error_tpdu && ev.reason == CVN_DR_NOT_SPECIFIED);
        ck_assert_uint_eq(memory.octets, before); /* half an ED is given back */
        cvn_cotp_free(i);
        cvn_cotp_free(r);
    }
}
END_TEST

START_TEST(a_data_event_is_a_slice_of_the_input)
{
    struct cvn_cotp *i = NULL;
    struct cvn_cotp *r = NULL;
    uint8_t in[100] = {3, 0, 0, 100, 2, 0xf0, 0x80};
    size_t used = 0;
    struct cvn_cotp_event ev;
    open_pair(&i, &r, false, 0);
    ck_assert_int_eq(cvn_cotp_feed(r, in, 50, &used, &ev), CVN_EVENT);
    ck_assert_ptr_eq(ev.data.p, in + 7);
    ck_assert_uint_eq(ev.data.n, 43);
    ck_assert(ev.begin && !ev.end);
    ck_assert_int_eq(cvn_cotp_feed(r, in + 50, 50, &used, &ev), CVN_EVENT);
    ck_assert_ptr_eq(ev.data.p, in + 50);
    ck_assert_uint_eq(ev.data.n, 50);
    ck_assert(!ev.begin && ev.end);
    cvn_cotp_free(i);
    cvn_cotp_free(r);
}
END_TEST

START_TEST(a_dt_goes_out_as_one_short_piece_and_what_was_lent)
{
    static const uint8_t data[65536];
    static const uint8_t header[40] = {1, 2, 3};
    struct cvn_cotp *i = NULL;
    struct cvn_cotp *r = NULL;
    struct owner w = {.ref = {.refs = 1, .drop = owner_drop}};
    struct cvn_iov iov[8];
    open_pair(&i, &r, false, 0);
    struct cvn_octets slice = octets(data, sizeof data);
    struct cvn_octets slices[3] = {{.p = NULL}, slice, {.p = NULL}};
    struct cvn_out *o = cvn_cotp_out(i);
    ck_assert_int_eq(cvn_cotp_data(i, octets(header, 33), &w.ref, slices, 3, true), CVN_OK);
    ck_assert_uint_eq(cvn_out_iov(o, iov, 8), 4);
    ck_assert_uint_eq(o->cap, 4); /* no more room was asked for than it takes */
    ck_assert_uint_eq(iov[0].len, 40);
    ck_assert_mem_eq((const uint8_t *)iov[0].base + 7, header, 33);
    ck_assert_ptr_eq(iov[1].base, data);
    ck_assert_uint_eq(iov[1].len, 65528 - 33);
    ck_assert_uint_eq(iov[2].len, 7);
    ck_assert_ptr_eq(iov[3].base, data + 65528 - 33);
    ck_assert_uint_eq(iov[3].len, 65536 - (65528 - 33));
    ck_assert_uint_eq(w.ref.refs, 3);
    cvn_out_sent(o, 40 + 65528 - 33);
    ck_assert_uint_eq(w.ref.refs, 2);
    cvn_ref_drop(&w.ref);
    ck_assert_int_eq(w.dropped, 0);
    cvn_out_sent(o, o->octets);
    ck_assert_int_eq(w.dropped, 1);
    /* One octet more and the header has a piece of its own. */
    ck_assert_int_eq(cvn_cotp_data(i, octets(header, 34), NULL, &slice, 1, true), CVN_OK);
    ck_assert_uint_eq(cvn_out_iov(o, iov, 8), 5);
    ck_assert_uint_eq(iov[0].len, 7);
    ck_assert_uint_eq(iov[1].len, 34);
    ck_assert_ptr_ne(iov[1].base, header);
    cvn_cotp_free(i);
    cvn_cotp_free(r);
}
END_TEST

START_TEST(large_data_costs_no_allocation_either_way)
{
    static const uint8_t data[65500];
    static uint8_t in[65535] = {3, 0, 0xff, 0xff, 2, 0xf0, 0x80};
    struct cvn_cotp *i = NULL;
    struct cvn_cotp *r = NULL;
    struct cvn_octets slice = octets(data, sizeof data);
    struct cvn_cotp_event ev;
    open_pair(&i, &r, false, 0);
    size_t before = memory.calls;
    for (int k = 0; k < 100; k++) {
        size_t used = 0;
        ck_assert_int_eq(cvn_cotp_data(i, octets("\1\0\1\0", 4), NULL, &slice, 1, true), CVN_OK);
        cvn_out_sent(cvn_cotp_out(i), cvn_cotp_out(i)->octets);
        for (size_t at = 0; at < sizeof in; at += used) {
            size_t n = sizeof in - at < 9000 ? sizeof in - at : 9000;
            ck_assert_int_eq(cvn_cotp_feed(r, in + at, n, &used, &ev), CVN_EVENT);
        }
    }
    ck_assert_uint_eq(memory.calls, before);
    cvn_cotp_free(i);
    cvn_cotp_free(r);
}
END_TEST

START_TEST(a_request_for_data_that_cannot_be_is_refused)
{
    static const uint8_t header[65601];
    struct cvn_cotp *i = NULL;
    struct cvn_cotp *r = NULL;
    open_pair(&i, &r, false, 128);
    ck_assert_int_eq(cvn_cotp_data(i, octets(header, 65601), NULL, NULL, 0, true), CVN_EINVAL);
    ck_assert_int_eq(cvn_cotp_data(i, octets(NULL, 0), NULL, NULL, 0, true), CVN_EINVAL);
    ck_assert_int_eq(cvn_cotp_data(i, octets(NULL, 0), NULL, NULL, 0, false), CVN_OK);
    ck_assert_uint_eq(cvn_cotp_out(i)->octets, 0);
    ck_assert_int_eq(cvn_cotp_data(i, octets(header, 65600), NULL, NULL, 0, true), CVN_OK);
    ck_assert_uint_eq(cvn_cotp_out(i)->octets, 65600 + 7 * 525);
    cvn_cotp_free(i);
    cvn_cotp_free(r);
}
END_TEST

/* ---- memory ---- */

START_TEST(an_idle_connection_is_small)
{
    struct cvn_cotp *i = NULL;
    struct cvn_cotp *r = NULL;
    open_pair(&i, &r, true, 0);
    cvn_cotp_trim(i);
    cvn_cotp_trim(r);
    ck_assert_uint_le(memory.octets, 2 * 256);
    cvn_cotp_free(i);
    cvn_cotp_free(r);
}
END_TEST

START_TEST(octets_of_an_event_stay_until_the_next_feed_or_trim)
{
    struct cvn_cotp *i = NULL;
    struct cvn_cotp *r = NULL;
    static const uint8_t ed[] = {3, 0, 0, 9, 2, 0x10, 0x80, 0x61, 0x62};
    size_t used = 0;
    struct cvn_cotp_event ev;
    open_pair(&i, &r, true, 0);
    size_t before = memory.octets;
    ck_assert_int_eq(cvn_cotp_feed(r, ed, 8, &used, &ev), CVN_MORE);
    cvn_cotp_trim(r); /* a TPDU in parts is not given back */
    ck_assert_int_eq(cvn_cotp_feed(r, ed + 8, 1, &used, &ev), CVN_EVENT);
    ck_assert_int_eq(cvn_cotp_data(r, octets("x", 1), NULL, NULL, 0, true), CVN_OK);
    ck_assert_int_eq(cvn_cotp_expedited(r, octets("x", 1)), CVN_OK);
    ck_assert_uint_eq(ev.data.n, 2);
    ck_assert_mem_eq(ev.data.p, "ab", 2);
    ck_assert_uint_gt(memory.octets, before);
    ck_assert_int_eq(cvn_cotp_feed(r, ed, 0, &used, &ev), CVN_MORE);
    ck_assert_uint_eq(memory.octets, before);
    cvn_cotp_free(i);
    cvn_cotp_free(r);
}
END_TEST

START_TEST(without_memory_a_request_leaves_no_trace)
{
    static const uint8_t data[1000];
    static const uint8_t header[400];
    struct cvn_octets slice = octets(data, sizeof data);
    struct owner w = {.ref = {.refs = 1, .drop = owner_drop}};
    struct cvn_cotp *i = NULL;
    struct cvn_cotp *r = NULL;
    struct cvn_out *o = NULL;
    int failures = 0;
    open_pair(&i, &r, true, 128);
    o = cvn_cotp_out(i);
    for (long n = 0;; n++) {
        cvn_cotp_trim(i);
        memory.fail_in = n;
        int rc = cvn_cotp_data(i, octets(header, sizeof header), &w.ref, &slice, 1, true);
        memory.fail_in = -1;
        if (rc == CVN_OK)
            break;
        failures++;
        ck_assert_int_eq(rc, CVN_ENOMEM);
        ck_assert_uint_eq(o->octets, 0);
        ck_assert_uint_eq(o->count, 0);
        ck_assert_uint_eq(w.ref.refs, 1);
    }
    ck_assert_int_eq(failures, 2); /* the ring, the header */
    ck_assert_uint_eq(o->octets, 1400 + 7 * 12);
    cvn_out_sent(o, o->octets);
    cvn_cotp_trim(i);
    memory.fail_in = 0;
    ck_assert_int_eq(cvn_cotp_expedited(i, octets("x", 1)), CVN_ENOMEM);
    /* The TSDU has not begun, or an end without octets would be taken. */
    memory.fail_in = 0;
    ck_assert_int_eq(cvn_cotp_data(i, octets("x", 1), NULL, NULL, 0, false), CVN_ENOMEM);
    ck_assert_int_eq(cvn_cotp_data(i, octets(NULL, 0), NULL, NULL, 0, true), CVN_EINVAL);
    cvn_cotp_free(i);
    cvn_cotp_free(r);
}
END_TEST

START_TEST(room_for_all_dts_is_made_before_the_first)
{
    static const uint8_t data[2000];
    struct cvn_cotp *i = NULL;
    struct cvn_cotp *r = NULL;
    open_pair(&i, &r, false, 128);
    for (size_t total = 1; total < sizeof data; total++) {
        struct cvn_octets slices[2] = {octets(data, total / 2), octets(data, total - total / 2)};
        cvn_cotp_trim(i);
        size_t before = memory.calls;
        if (cvn_cotp_data(i, octets(NULL, 0), NULL, slices, 2, true) != CVN_OK)
            ck_abort();
        if (memory.calls != before + 1)
            ck_abort_msg("%zu octets: %zu allocations", total, memory.calls - before);
        cvn_out_sent(cvn_cotp_out(i), cvn_cotp_out(i)->octets);
    }
    cvn_cotp_free(i);
    cvn_cotp_free(r);
}
END_TEST

START_TEST(without_memory_a_connection_waits_in_its_state)
{
    uint8_t cr[100];
    size_t used = 77;
    struct cvn_cotp_event ev;
    struct cvn_cotp_opts opts = {.alloc = &counted, .reference = 1};
    struct cvn_cotp *i = make(true, false, 0);
    struct cvn_cotp *r = NULL;
    memory.fail_in = 0;
    ck_assert_int_eq(cvn_cotp_new(&r, &opts), CVN_ENOMEM);
    ck_assert_ptr_null(r);
    r = make(false, false, 0);
    memory.fail_in = 0;
    ck_assert_int_eq(cvn_cotp_connect(i), CVN_ENOMEM);
    ck_assert_int_eq(cvn_cotp_state(i), CVN_COTP_CLOSED);
    ck_assert_int_eq(cvn_cotp_connect(i), CVN_OK);
    size_t n = take(i, cr, sizeof cr);
    for (size_t at = 1; at < n - 1; at++) { /* in two parts */
        memory.fail_in = 0;
        int rc = cvn_cotp_feed(r, cr, at, &used, &ev);
        if (at < 7) {
            ck_assert_int_eq(rc, CVN_MORE);
            rc = cvn_cotp_feed(r, cr + at, n - at, &used, &ev);
        }
        ck_assert_int_eq(rc, CVN_ENOMEM);
        ck_assert_uint_eq(used, 0);
        ck_assert_int_eq(cvn_cotp_state(r), CVN_COTP_CLOSED);
        cvn_cotp_free(r);
        r = make(false, false, 0);
    }
    ck_assert_int_eq(cvn_cotp_feed(r, cr, n, &used, &ev), CVN_EVENT);
    memory.fail_in = 0;
    ck_assert_int_eq(cvn_cotp_disconnect(r, CVN_DR_NORMAL), CVN_ENOMEM);
    memory.fail_in = 0;
    ck_assert_int_eq(cvn_cotp_accept(r), CVN_ENOMEM);
    ck_assert_int_eq(cvn_cotp_state(r), CVN_COTP_WFTRESP);
    ck_assert_int_eq(cvn_cotp_accept(r), CVN_OK);
    cvn_cotp_free(i);
    cvn_cotp_free(r);
}
END_TEST

START_TEST(without_memory_for_er_or_dr_the_stream_just_ends)
{
    static const char *const bad[] = {"06e00000000150", "06e00000000131"}; /* ER; DR */
    struct cvn_cotp_event ev;
    struct cvn_cotp *r = make(false, false, 0);
    memory.fail_in = 1; /* after that for the selectors */
    ck_assert_int_eq(hear(r, bad[_i], &ev), CVN_EVENT);
    ck_assert_int_eq(ev.kind, CVN_COTP_EV_DISCONNECT);
    ck_assert_uint_eq(cvn_cotp_out(r)->octets, 0);
    ck_assert(cvn_cotp_closing(r));
    memory.fail_in = -1;
    cvn_cotp_free(r);
}
END_TEST

/* ---- two machines that talk ---- */

/* One direction: what was asked for and what has come, octet by octet and end by end.
 * An octet's value follows from its number, an end is remembered by its place. */
struct flow {
    struct cvn_cotp *from;
    struct cvn_cotp *to;
    size_t asked;
    size_t come;
    size_t ends[4000];
    size_t nends;
    size_t seen_ends;
    bool open; /* at the receiver: inside a TSDU */
};

static uint8_t pattern[400000]; /* every octet its place, modulo 256 */

static void ask_some(struct flow *f, struct cvn_ref *owner)
{
    size_t header = (size_t)rand() % (rand() % 20 == 0 ? 1000 : 50);
    struct cvn_octets slices[3];
    size_t n = (size_t)rand() % 4;
    size_t total = header;
    const uint8_t *at = pattern + f->asked % 256;
    for (size_t i = 0; i < n; i++) {
        size_t len = rand() % 4 == 0 ? 0 : (size_t)rand() % (rand() % 10 == 0 ? 100000 : 300);
        slices[i] = octets(at + total, len);
        total += len;
    }
    bool end = rand() % 3 == 0;
    bool begun = f->nends == 0 ? f->asked > 0 : f->asked > f->ends[f->nends - 1];
    int rc = cvn_cotp_data(f->from, octets(at, header), owner, slices, n, end);
    if (total == 0 && end && !begun) {
        ck_assert_int_eq(rc, CVN_EINVAL);
        return;
    }
    ck_assert_int_eq(rc, CVN_OK);
    f->asked += total;
    if (end)
        f->ends[f->nends++] = f->asked;
}

/* Check's own asserts cost a system call each: one for all octets. */
static void come(struct flow *f, const struct cvn_cotp_event *ev)
{
    bool ok = ev->kind == CVN_COTP_EV_DATA && ev->begin == !f->open;
    ok = ok && (ev->data.n > 0 || ev->end);
    for (size_t i = 0; ok && i < ev->data.n; i++)
        ok = ev->data.p[i] == (uint8_t)(f->come + i);
    f->come += ev->data.n;
    f->open = !ev->end;
    if (ok && ev->end) {
        ok = f->seen_ends < f->nends && f->ends[f->seen_ends] == f->come;
        f->seen_ends++;
    }
    if (!ok)
        ck_abort_msg("wrong at octet %zu, end %zu", f->come, f->seen_ends);
}

static void carry(struct flow *f)
{
    struct cvn_out *o = cvn_cotp_out(f->from);
    struct cvn_iov iov[1];
    if (cvn_out_iov(o, iov, 1) == 0)
        return;
    size_t n = 1 + (size_t)rand() % iov[0].len;
    for (size_t at = 0; at < n;) {
        size_t used = 0;
        struct cvn_cotp_event ev;
        int rc = cvn_cotp_feed(f->to, (const uint8_t *)iov[0].base + at, n - at, &used, &ev);
        if (rc == CVN_EVENT)
            come(f, &ev);
        else if (rc != CVN_MORE)
            ck_abort_msg("feed returns %d", rc);
        at += used;
    }
    cvn_out_sent(o, n);
}

START_TEST(two_machines_give_each_other_every_octet_and_every_end)
{
    static const uint32_t sizes[] = {128, 384, 1024, 8192, 16384, 65408, 0};
    static struct flow flows[2];
    struct owner w = {.ref = {.refs = 1, .drop = owner_drop}};
    memset(flows, 0, sizeof flows);
    srand((unsigned)_i);
    for (size_t i = 0; i < sizeof pattern; i++)
        pattern[i] = (uint8_t)i;
    open_pair(&flows[0].from, &flows[1].from, false, sizes[_i % 7]);
    flows[0].to = flows[1].from;
    flows[1].to = flows[0].from;
    for (int round = 0; round < 4000; round++) {
        struct flow *f = &flows[rand() % 2];
        if (rand() % 4 == 0 && cvn_cotp_out(f->from)->octets < 200000)
            ask_some(f, &w.ref);
        else
            for (int k = 0; k < 30; k++)
                carry(f);
    }
    for (int k = 0; k < 2; k++) {
        while (cvn_cotp_out(flows[k].from)->octets > 0)
            carry(&flows[k]);
        ck_assert_uint_eq(flows[k].come, flows[k].asked);
        ck_assert_uint_eq(flows[k].seen_ends, flows[k].nends);
        ck_assert_uint_gt(flows[k].nends, 20);
    }
    cvn_cotp_free(flows[0].from);
    cvn_cotp_free(flows[1].from);
    ck_assert_uint_eq(w.ref.refs, 1);
}
END_TEST

START_TEST(no_tpdu_is_larger_than_was_agreed_and_full_ones_are_full)
{
    static const uint32_t sizes[] = {128, 256, 384, 512, 1024, 2048, 4096, 8192, 16384, 65408, 0};
    static const uint8_t data[70000];
    static uint8_t sent[80000];
    struct cvn_octets slice = octets(data, sizeof data);
    struct cvn_cotp *i = NULL;
    struct cvn_cotp *r = NULL;
    uint32_t max = sizes[_i] == 0 ? CVN_TPDU_MAX : sizes[_i];
    open_pair(&i, &r, false, sizes[_i]);
    struct cvn_cotp *both[] = {i, r};
    for (int k = 0; k < 2; k++) {
        ck_assert_int_eq(cvn_cotp_data(both[k], octets(NULL, 0), NULL, &slice, 1, true), CVN_OK);
        size_t n = take(both[k], sent, sizeof sent);
        for (size_t at = 0; at < n;) {
            uint32_t packet = cvn_tpkt_length(sent + at);
            bool last = at + packet == n;
            ck_assert_uint_le(packet - CVN_TPKT_HEADER, max);
            ck_assert(last || packet - CVN_TPKT_HEADER == max);
            ck_assert_uint_eq(sent[at + 6], last ? 0x80 : 0);
            at += packet;
        }
    }
    cvn_cotp_free(i);
    cvn_cotp_free(r);
}
END_TEST

/* ---- the codec alone ---- */

static void random_tsel(struct cvn_octets *o, uint8_t *room)
{
    o->n = (size_t)rand() % 33;
    o->p = rand() % 3 == 0 ? NULL : room;
    for (size_t i = 0; i < o->n; i++)
        room[i] = (uint8_t)rand();
    if (o->p == NULL)
        o->n = 0;
}

static void same(struct cvn_octets a, struct cvn_octets b)
{
    ck_assert_int_eq(a.p == NULL, b.p == NULL);
    ck_assert_uint_eq(a.n, b.n);
    if (a.n > 0)
        ck_assert_mem_eq(a.p, b.p, a.n);
}

START_TEST(what_is_encoded_is_decoded)
{
    static const enum cvn_tpdu_code codes[] = {CVN_TPDU_CR, CVN_TPDU_CC, CVN_TPDU_DR, CVN_TPDU_ER};
    srand(11);
    for (int k = 0; k < 4000; k++) {
        uint8_t rooms[3][40];
        uint8_t packet[CVN_TPDU_PACKET_MAX];
        struct cvn_tpdu t = {.code = codes[k % 4]};
        bool connect = t.code == CVN_TPDU_CR || t.code == CVN_TPDU_CC;
        t.dst = t.code == CVN_TPDU_CR ? 0 : (uint16_t)rand();
        t.src = t.code == CVN_TPDU_ER ? 0 : (uint16_t)(1u + (unsigned)rand() % 65535u);
        if (connect) {
            t.class_0 = true;
            t.size = (uint8_t)(rand() % 2 == 0 ? 0 : 7 + rand() % 7);
            t.units = (uint16_t)(rand() % 2 == 0 ? 0 : 1 + rand() % 511);
            t.has_options = rand() % 2 == 0;
            t.options = t.has_options ? (uint8_t)((unsigned)rand() % 128u) : 0;
            random_tsel(&t.calling, rooms[0]);
            random_tsel(&t.called, rooms[1]);
        } else {
            t.reason = (uint8_t)rand();
            random_tsel(&t.extra, rooms[2]);
            if (t.code == CVN_TPDU_ER) /* its C1 is always there */
                t.extra.p = rooms[2];
        }
        struct cvn_wr w = cvn_wr_init(packet, sizeof packet);
        cvn_tpdu_encode(&w, &t);
        ck_assert_uint_eq(cvn_tpkt_length(packet), w.len);
        struct cvn_tpdu u;
        struct cvn_tpdu_fault f;
        ck_assert_int_eq(cvn_tpdu_decode(octets(packet + 4, w.len - 4), &u, &f), CVN_OK);
        ck_assert_int_eq(u.code, t.code);
        ck_assert_uint_eq(u.dst, t.dst);
        ck_assert_uint_eq(u.src, t.src);
        ck_assert_uint_eq(u.reason, t.reason);
        ck_assert_uint_eq(u.size, t.size);
        ck_assert_uint_eq(u.units, t.units);
        ck_assert_int_eq(u.has_options, t.has_options);
        ck_assert_uint_eq(u.options, t.options);
        ck_assert_int_eq(u.class_0, t.class_0);
        same(u.calling, t.calling);
        same(u.called, t.called);
        same(u.extra, t.extra);
        ck_assert_uint_eq(u.data.n, 0);
    }
}
END_TEST

/* A TPDU of n octets that is nearly right. */
static void nearly(uint8_t *p, size_t n)
{
    static const uint8_t first[] = {0xe0, 0xd0, 0x80, 0x70, 0x30};
    static const uint8_t param[] = {0xc0, 0xc1, 0xc2, 0xc6, 0xc7, 0xe0, 0xf0, 0x11};
    const uint8_t fixed[] = {(uint8_t)(n - 1), first[rand() % 5], 0, 0, 0, 1, 0};
    size_t at = sizeof fixed;
    memcpy(p, fixed, at);
    while (at < n) {
        size_t len = (size_t)rand() % 3;
        if (len + 2 > n - at)
            len = n - at > 2 ? n - at - 2 : 0;
        p[at++] = param[rand() % 8];
        if (at < n)
            p[at++] = (uint8_t)len;
        while (len-- > 0 && at < n)
            p[at++] = (uint8_t)(rand() % 16);
    }
    while (rand() % 2 == 0)
        p[(size_t)rand() % n] = (uint8_t)rand();
}

START_TEST(any_octets_are_decoded_or_blamed_inside_their_bounds)
{
    int good = 0;
    int bad = 0;
    srand(5);
    for (int k = 0; k < 100000; k++) {
        size_t n = 7 + (size_t)rand() % 40;
        uint8_t *p = malloc(n); /* alone, so that a read past it is seen */
        if (p == NULL)
            ck_abort();
        nearly(p, n);
        size_t cut = rand() % 4 == 0 ? 1 + (size_t)rand() % n : n;
        struct cvn_tpdu t;
        struct cvn_tpdu_fault f = {0};
        /* The end counts, not the beginning: what is cut off stands before. */
        memmove(p + n - cut, p, cut);
        if (cvn_tpdu_decode(octets(p + n - cut, cut), &t, &f) == CVN_OK) {
            good++;
            if ((t.size != 0 && (t.size < 7 || t.size > 13)) || t.units > 511)
                ck_abort_msg("size %u, units %u", t.size, t.units);
        } else {
            bad++;
            if (f.upto < 1 || f.upto > cut || f.why == NULL)
                ck_abort_msg("upto %u of %zu", (unsigned)f.upto, cut);
        }
        free(p);
    }
    ck_assert_int_gt(good, 1000);
    ck_assert_int_gt(bad, 10000);
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("cotp");
    TCase *t = tcase_create("machine");
    tcase_add_checked_fixture(t, memory_setup, memory_teardown);
    tcase_add_loop_test(t, every_cell_of_the_state_table_is_obeyed, 0, (int)(ROWS * COLUMNS));
    tcase_add_test(t, only_options_that_can_be_said_on_the_wire_are_taken);
    tcase_add_test(t, a_tsel_without_octets_is_left_out);
    tcase_add_test(t, a_stream_that_ends_inside_a_tsdu_says_so);
    tcase_add_test(t, a_data_event_is_a_slice_of_the_input);
    tcase_add_test(t, a_dt_goes_out_as_one_short_piece_and_what_was_lent);
    tcase_add_test(t, large_data_costs_no_allocation_either_way);
    tcase_add_test(t, a_request_for_data_that_cannot_be_is_refused);
    tcase_add_test(t, an_idle_connection_is_small);
    tcase_add_test(t, octets_of_an_event_stay_until_the_next_feed_or_trim);
    tcase_add_test(t, without_memory_a_request_leaves_no_trace);
    tcase_add_test(t, room_for_all_dts_is_made_before_the_first);
    tcase_add_test(t, without_memory_a_connection_waits_in_its_state);
    tcase_add_loop_test(t, without_memory_for_er_or_dr_the_stream_just_ends, 0, 2);
    tcase_add_loop_test(t, two_machines_give_each_other_every_octet_and_every_end, 0, 14);
    tcase_add_loop_test(t, no_tpdu_is_larger_than_was_agreed_and_full_ones_are_full, 0, 11);
    tcase_set_timeout(t, 60);
    suite_add_tcase(s, t);
    t = tcase_create("codec");
    tcase_add_test(t, what_is_encoded_is_decoded);
    tcase_add_test(t, any_octets_are_decoded_or_blamed_inside_their_bounds);
    tcase_set_timeout(t, 60);
    suite_add_tcase(s, t);
    return s;
}

int main(void)
{
    SRunner *r = srunner_create(suite());
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
