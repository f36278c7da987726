/* SPDX-License-Identifier: MIT */
/* Class 2 (RFC 2126), and what expedited data promises in both classes. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/cotp/cotp.h"
#include "proto/tpkt/tpkt.h"

/* ---- memory that counts and fails ---- */

static struct {
    size_t octets;
    long fail_in; /* so many calls from now on; -1: never */
} memory;

static void *memory_resize(void *ctx, void *p, size_t from, size_t to)
{
    (void)ctx;
    if (to > 0 && memory.fail_in >= 0 && memory.fail_in-- == 0)
        return NULL;
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
    memory.fail_in = -1;
}

static void memory_teardown(void)
{
    ck_assert_uint_eq(memory.octets, 0);
}

/* ---- helpers ---- */

static struct cvn_octets octets(const void *p, size_t n)
{
    return (struct cvn_octets){.p = p, .n = n};
}

static struct cvn_cotp *make(bool initiator, uint8_t classes, bool expedited, bool acknowledged)
{
    struct cvn_cotp_opts o = {
        .alloc = &counted,
        .initiator = initiator,
        .reference = initiator ? 1 : 2,
        .classes = classes,
        .expedited = expedited,
        .acknowledged = acknowledged,
    };
    struct cvn_cotp *c = NULL;
    ck_assert_int_eq(cvn_cotp_new(&c, &o), CVN_OK);
    return c;
}

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
    return cvn_cotp_feed(c, packet, n, &used, ev);
}

#define BOTH (CVN_COTP_CLASS_0 | CVN_COTP_CLASS_2)

/* ---- the state table ---- */

static const char *const columns[] = {
    "CLOSED, initiator", "WFCC", "WBCL", "WFTRESP", "OPEN, EA", "OPEN, no expedited", "CLOSING",
};
#define COLUMNS (sizeof columns / sizeof *columns)

/* A cell: what is returned or seen, which TPDU goes out, the state then. Our reference
 * is 1 and the peer's 9 where both are there. */
static const struct {
    const char *event;
    const char *tpdu; /* hex after the packet header, or NULL: a request */
    const char *cells[COLUMNS];
} table[] = {
    /* clang-format off */
    {"TCONreq", NULL, {"OK CR WFCC", "ESTATE . WFCC", "ESTATE . WBCL", "ESTATE . WFTRESP", "ESTATE . OPEN", "ESTATE . OPEN", "ESTATE . CLOSING"}},
    {"TCONresp", NULL, {"ESTATE . CLOSED", "ESTATE . WFCC", "ESTATE . WBCL", "OK CC OPEN", "ESTATE . OPEN", "ESTATE . OPEN", "ESTATE . CLOSING"}},
    {"TDTreq", NULL, {"ESTATE . CLOSED", "ESTATE . WFCC", "ESTATE . WBCL", "ESTATE . WFTRESP", "OK DT OPEN", "OK DT OPEN", "ESTATE . CLOSING"}},
    {"TEXreq", NULL, {"ESTATE . CLOSED", "ESTATE . WFCC", "ESTATE . WBCL", "ESTATE . WFTRESP", "OK ED OPEN", "EUNIT . OPEN", "ESTATE . CLOSING"}},
    {"TDISreq", NULL, {"ESTATE . CLOSED", "OK . WBCL", "ESTATE . WBCL", "OK DR ENDED", "OK DR CLOSING", "OK DR CLOSING", "ESTATE . CLOSING"}},
    {"NDISind", NULL, {"NONE . ENDED", "peer . ENDED", "NONE . ENDED", "peer . ENDED", "peer . ENDED", "peer . ENDED", "NONE . ENDED"}},
    {"CR", "06e00000000721", {"local . ENDED", "local . ENDED", "ECLOSED . ENDED", "MORE DR WFTRESP", "MORE DR OPEN", "MORE DR OPEN", "MORE . CLOSING"}},
    {"CR again", "06e00000000921", {"local . ENDED", "local . ENDED", "ECLOSED . ENDED", "local DR ENDED", "local DR CLOSING", "local DR CLOSING", "MORE . CLOSING"}},
    {"CC", "06d00001000921", {"local DR ENDED", "conf . OPEN", "MORE DR CLOSING", "local DR ENDED", "local DR CLOSING", "local DR CLOSING", "MORE . CLOSING"}},
    {"CC, flow control", "06d00001000920", {"local DR ENDED", "local DR CLOSING", "MORE DR CLOSING", "local DR ENDED", "local DR CLOSING", "local DR CLOSING", "MORE . CLOSING"}},
    {"CC, class 0", "06d00001000900", {"local DR ENDED", "conf . OPEN", "ECLOSED . ENDED", "local DR ENDED", "local DR CLOSING", "local DR CLOSING", "MORE . CLOSING"}},
    {"CC to another", "06d00007000921", {"local DR ENDED", "MORE DR WFCC", "MORE DR WBCL", "MORE DR WFTRESP", "MORE DR OPEN", "MORE DR OPEN", "MORE . CLOSING"}},
    {"DR", "06800001000980", {"local DC ENDED", "peer . ENDED", "ECLOSED . ENDED", "peer DC ENDED", "peer DC ENDED", "peer DC ENDED", "ECLOSED . ENDED"}},
    {"DR to another", "06800007000980", {"local DC ENDED", "MORE DC WFCC", "MORE DC WBCL", "peer DC ENDED", "MORE DC OPEN", "MORE DC OPEN", "MORE DC CLOSING"}},
    {"DC", "05c000010009", {"local . ENDED", "local . ENDED", "ECLOSED . ENDED", "local DR ENDED", "local DR CLOSING", "local DR CLOSING", "ECLOSED . ENDED"}},
    {"DC to another", "05c000070009", {"local . ENDED", "local . ENDED", "ECLOSED . ENDED", "MORE . WFTRESP", "MORE . OPEN", "MORE . OPEN", "MORE . CLOSING"}},
    {"DT", "04f000018061", {"local . ENDED", "local . ENDED", "ECLOSED . ENDED", "local DR ENDED", "data . OPEN", "data . OPEN", "MORE . CLOSING"}},
    {"DT to another", "04f000078061", {"local . ENDED", "local . ENDED", "ECLOSED . ENDED", "MORE . WFTRESP", "MORE . OPEN", "MORE . OPEN", "MORE . CLOSING"}},
    {"DT of class 0", "02f08061", {"local . ENDED", "local . ENDED", "ECLOSED . ENDED", "local DR ENDED", "local DR CLOSING", "local DR CLOSING", "MORE . CLOSING"}},
    {"ED", "0410000180aa", {"local . ENDED", "local . ENDED", "ECLOSED . ENDED", "local DR ENDED", "ed EA OPEN", "local DR CLOSING", "MORE . CLOSING"}},
    {"EA", "0420000100", {"local . ENDED", "local . ENDED", "ECLOSED . ENDED", "local DR ENDED", "local DR CLOSING", "local DR CLOSING", "MORE . CLOSING"}},
    {"AK", "0460000100", {"local . ENDED", "local . ENDED", "ECLOSED . ENDED", "local DR ENDED", "local DR CLOSING", "local DR CLOSING", "MORE . CLOSING"}},
    {"RJ", "0450000100", {"local . ENDED", "local . ENDED", "ECLOSED . ENDED", "local DR ENDED", "local DR CLOSING", "local DR CLOSING", "MORE . CLOSING"}},
    {"ER", "0870000100c10205f1", {"local . ENDED", "error . ENDED", "ECLOSED . ENDED", "local DR ENDED", "error . ENDED", "error . ENDED", "MORE . CLOSING"}},
    {"unknown", "0430000100", {"local . ENDED", "local . ENDED", "ECLOSED . ENDED", "local DR ENDED", "local DR CLOSING", "local DR CLOSING", "MORE . CLOSING"}},
    {"no packet", "", {"local . ENDED", "local . ENDED", "ECLOSED . ENDED", "local . ENDED", "local . ENDED", "local . ENDED", "ECLOSED . ENDED"}},
    /* clang-format on */
};
#define ROWS (sizeof table / sizeof *table)

static struct cvn_cotp *in_column(size_t column)
{
    uint8_t gone[100];
    struct cvn_cotp_event ev;
    bool initiator = column != 3;
    struct cvn_cotp *c = make(initiator, BOTH, column != 5, true);
    if (column == 0)
        return c;
    if (column == 3) { /* its reference is 2, so that of the table's TPDUs is made so */
        struct cvn_cotp_opts o = {.alloc = &counted, .reference = 1, .expedited = true};
        cvn_cotp_free(c);
        ck_assert_int_eq(cvn_cotp_new(&c, &o), CVN_OK);
        ck_assert_int_eq(hear(c, "09e00000000921c60121", &ev), CVN_EVENT);
        return c;
    }
    ck_assert_int_eq(cvn_cotp_connect(c), CVN_OK);
    (void)take(c, gone, sizeof gone);
    if (column == 2)
        ck_assert_int_eq(cvn_cotp_disconnect(c, CVN_DR_NORMAL), CVN_OK);
    if (column == 1 || column == 2)
        return c;
    ck_assert_int_eq(hear(c, column == 5 ? "06d00001000921" : "09d00001000921c60121", &ev),
                     CVN_EVENT);
    if (column == 6)
        ck_assert_int_eq(cvn_cotp_disconnect(c, CVN_DR_NORMAL), CVN_OK);
    (void)take(c, gone, sizeof gone);
    return c;
}

static const char *event_name(const struct cvn_cotp_event *ev)
{
    static const char *const names[] = {"ind", "conf", "data", "ed"};
    if (ev->kind != CVN_COTP_EV_DISCONNECT)
        return names[ev->kind];
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
        return cvn_cotp_disconnect(c, CVN_DR_NORMAL);
    ck_assert_str_eq(event, "NDISind");
    return cvn_cotp_stream_closed(c, ev);
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

START_TEST(only_classes_that_are_spoken_can_be_asked_for)
{
    struct cvn_cotp_opts o = {.alloc = &counted, .initiator = true, .reference = 1};
    struct cvn_cotp *c = NULL;
    for (unsigned classes = 0; classes < 256; classes++) {
        o.classes = (uint8_t)classes;
        ck_assert_int_eq(cvn_cotp_new(&c, &o), classes < 4 ? CVN_OK : CVN_EINVAL);
        if (classes >= 4)
            continue;
        ck_assert_uint_eq(cvn_cotp_class_id(c), classes < 2 ? 0 : 2);
        ck_assert_uint_eq(cvn_cotp_tpdu_max(c), 0);
        cvn_cotp_free(c);
    }
}
END_TEST

START_TEST(expedited_data_can_be_asked_for_late_but_not_too_late)
{
    struct cvn_cotp_event ev;
    struct cvn_cotp *i = make(true, CVN_COTP_CLASS_0, false, true);
    struct cvn_cotp *r = make(false, 0, false, false);
    uint8_t cr[20];
    cvn_cotp_ask_expedited(i, true);
    ck_assert(!cvn_cotp_has_expedited(i)); /* asked for, not agreed */
    ck_assert_int_eq(cvn_cotp_connect(i), CVN_OK);
    cvn_cotp_ask_expedited(i, false);
    ck_assert_uint_eq(take(i, cr, sizeof cr), 14);
    ck_assert_uint_eq(cr[13], 1);    /* no EA in class 0 */
    cvn_cotp_ask_expedited(r, true); /* a responder does not ask */
    ck_assert_int_eq(hear(r, "09e00000000100c60101", &ev), CVN_EVENT);
    ck_assert_int_eq(cvn_cotp_accept(r), CVN_OK);
    ck_assert(!cvn_cotp_has_expedited(r));
    ck_assert_int_eq(hear(i, "09d00001000200c60101", &ev), CVN_EVENT);
    ck_assert(cvn_cotp_has_expedited(i));
    ck_assert_uint_eq(cvn_cotp_tpdu_max(i), 65531);
    cvn_cotp_free(i);
    cvn_cotp_free(r);
}
END_TEST

/* ---- memory ---- */

static struct cvn_cotp *open_2(void)
{
    uint8_t gone[100];
    struct cvn_cotp_event ev;
    struct cvn_cotp *c = make(true, CVN_COTP_CLASS_2, true, true);
    ck_assert_int_eq(cvn_cotp_connect(c), CVN_OK);
    (void)take(c, gone, sizeof gone);
    ck_assert_int_eq(hear(c, "09d00001000921c60121", &ev), CVN_EVENT);
    cvn_cotp_trim(c);
    return c;
}

START_TEST(an_idle_connection_is_small)
{
    struct cvn_cotp *c = open_2();
    ck_assert_uint_le(memory.octets, 256);
    cvn_cotp_free(c);
}
END_TEST

/* What is answered is not lost: the TPDU is not taken before there is room. */
START_TEST(a_tpdu_waits_for_the_memory_of_its_answer)
{
    static const uint8_t ed[] = {3, 0, 0, 10, 4, 0x10, 0, 1, 0x80, 'x'};
    for (size_t cut = 0; cut <= sizeof ed; cut++) {
        struct cvn_cotp *c = open_2();
        struct cvn_cotp_event ev;
        uint8_t ea[20];
        size_t at = 0;
        size_t used = 0;
        if (cut > 0 && cut < sizeof ed) {
            ck_assert_int_eq(cvn_cotp_feed(c, ed, cut, &used, &ev), CVN_MORE);
            at = used;
        }
        cvn_cotp_trim(c);
        memory.fail_in = 0;
        ck_assert_int_eq(cvn_cotp_feed(c, ed + at, sizeof ed - at, &used, &ev), CVN_ENOMEM);
        ck_assert_uint_eq(used, 0);
        memory.fail_in = -1;
        ck_assert_int_eq(cvn_cotp_feed(c, ed + at, sizeof ed - at, &used, &ev), CVN_EVENT);
        ck_assert_uint_eq(used, sizeof ed - at);
        ck_assert_int_eq(ev.kind, CVN_COTP_EV_EXPEDITED);
        ck_assert_uint_eq(take(c, ea, sizeof ea), 9);
        cvn_cotp_free(c);
    }
}
END_TEST

/* DR to an invalid DT or CC is left out without memory, and DC is not waited for. */
START_TEST(without_memory_for_a_dr_the_stream_just_ends)
{
    struct cvn_cotp_event ev;
    struct cvn_cotp *c = open_2();
    memory.fail_in = 0;
    ck_assert_int_eq(hear(c, "04f1000180aa", &ev), CVN_EVENT);
    ck_assert_int_eq(ev.kind, CVN_COTP_EV_DISCONNECT);
    ck_assert_uint_eq(cvn_cotp_out(c)->octets, 0);
    ck_assert(cvn_cotp_closing(c));
    memory.fail_in = -1;
    cvn_cotp_free(c);
    uint8_t gone[100];
    c = make(true, CVN_COTP_CLASS_2, false, false);
    ck_assert_int_eq(cvn_cotp_connect(c), CVN_OK);
    (void)take(c, gone, sizeof gone);
    cvn_cotp_trim(c);
    memory.fail_in = 0;
    ck_assert_int_eq(hear(c, "06d00001000920", &ev), CVN_EVENT);
    ck_assert(cvn_cotp_closing(c));
    memory.fail_in = -1;
    cvn_cotp_free(c);
}
END_TEST

START_TEST(a_release_without_memory_changes_nothing)
{
    uint8_t gone[100];
    struct cvn_cotp *c = open_2();
    for (int held = 0; held < 2; held++) {
        if (held == 1) {
            ck_assert_int_eq(cvn_cotp_expedited(c, octets("x", 1)), CVN_OK);
            ck_assert_uint_eq(take(c, gone, sizeof gone), 10);
        }
        cvn_cotp_trim(c);
        memory.fail_in = 0;
        ck_assert_int_eq(cvn_cotp_disconnect(c, CVN_DR_NORMAL), CVN_ENOMEM);
        memory.fail_in = 0;
        ck_assert_int_eq(cvn_cotp_expedited(c, octets("x", 1)), CVN_ENOMEM);
        memory.fail_in = -1;
        ck_assert_int_eq(cvn_cotp_state(c), CVN_COTP_OPEN);
        ck_assert_uint_eq(cvn_cotp_out(c)->octets, 0);
    }
    ck_assert_int_eq(cvn_cotp_disconnect(c, CVN_DR_NORMAL), CVN_OK);
    ck_assert_uint_eq(take(c, gone, sizeof gone), 11);
    cvn_cotp_free(c);
}
END_TEST

/* ---- two machines that talk, in both classes, with expedited data ---- */

#define EDS_MAX 20000

/* One direction. An octet's value follows from its number; an ED has its number, and
 * must not come behind an octet that was asked for after it. */
struct flow {
    struct cvn_cotp *from;
    struct cvn_cotp *to;
    size_t asked;
    size_t come;
    size_t eds_asked;
    size_t eds_come;
    size_t overtaken; /* octets */
    size_t before[EDS_MAX];
};

static uint8_t pattern[70000]; /* every octet its place, modulo 256 */

static void ask_some(struct flow *f)
{
    if (rand() % 3 == 0) {
        uint8_t ed[16] = {(uint8_t)(f->eds_asked >> 8), (uint8_t)f->eds_asked};
        ck_assert_uint_lt(f->eds_asked, EDS_MAX);
        f->before[f->eds_asked++] = f->asked;
        ck_assert_int_eq(cvn_cotp_expedited(f->from, octets(ed, 2 + (size_t)rand() % 15)), CVN_OK);
        return;
    }
    size_t n = 1 + (size_t)rand() % (rand() % 8 == 0 ? 60000 : 400);
    struct cvn_octets slice = octets(pattern + f->asked % 256, n);
    if (rand() % 2 == 0)
        ck_assert_int_eq(cvn_cotp_data(f->from, slice, NULL, NULL, 0, rand() % 3 == 0), CVN_OK);
    else
        ck_assert_int_eq(cvn_cotp_data(f->from, octets(NULL, 0), NULL, &slice, 1, true), CVN_OK);
    f->asked += n;
}

static void come(struct flow *f, const struct cvn_cotp_event *ev)
{
    bool ok = true;
    if (ev->kind == CVN_COTP_EV_EXPEDITED) {
        size_t number = (size_t)ev->data.p[0] << 8 | ev->data.p[1];
        ok = number == f->eds_come && f->come <= f->before[number];
        f->overtaken += f->before[number] - f->come;
        f->eds_come++;
    } else {
        ok = ev->kind == CVN_COTP_EV_DATA;
        for (size_t i = 0; ok && i < ev->data.n; i++)
            ok = ev->data.p[i] == (uint8_t)(f->come + i);
        f->come += ev->data.n;
    }
    if (!ok)
        ck_abort_msg("wrong at octet %zu, ED %zu", f->come, f->eds_come);
}

static bool carry(struct flow *f)
{
    struct cvn_out *o = cvn_cotp_out(f->from);
    struct cvn_iov iov[1];
    if (cvn_out_iov(o, iov, 1) == 0)
        return false;
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
    return true;
}

START_TEST(expedited_data_overtakes_and_nothing_else_does)
{
    static const struct {
        uint8_t classes;
        bool acknowledged;
    } kinds[] = {{CVN_COTP_CLASS_0, false}, {CVN_COTP_CLASS_2, false}, {CVN_COTP_CLASS_2, true}};
    static struct flow flows[2];
    struct cvn_cotp_event ev;
    uint8_t packet[100];
    size_t used = 0;
    memset(flows, 0, sizeof flows);
    srand((unsigned)_i);
    for (size_t i = 0; i < sizeof pattern; i++)
        pattern[i] = (uint8_t)i;
    struct cvn_cotp *i = make(true, kinds[_i % 3].classes, true, kinds[_i % 3].acknowledged);
    struct cvn_cotp *r = make(false, 0, true, false);
    ck_assert_int_eq(cvn_cotp_connect(i), CVN_OK);
    size_t n = take(i, packet, sizeof packet);
    ck_assert_int_eq(cvn_cotp_feed(r, packet, n, &used, &ev), CVN_EVENT);
    ck_assert_int_eq(cvn_cotp_accept(r), CVN_OK);
    n = take(r, packet, sizeof packet);
    ck_assert_int_eq(cvn_cotp_feed(i, packet, n, &used, &ev), CVN_EVENT);
    flows[0].from = flows[1].to = i;
    flows[1].from = flows[0].to = r;
    for (int round = 0; round < 20000; round++) {
        struct flow *f = &flows[rand() % 2];
        if (rand() % 3 == 0 && cvn_cotp_out(f->from)->octets < 200000)
            ask_some(f);
        else
            (void)carry(f);
    }
    while (carry(&flows[0]) || carry(&flows[1]))
        continue;
    for (int k = 0; k < 2; k++) {
        ck_assert_uint_eq(flows[k].come, flows[k].asked);
        ck_assert_uint_eq(flows[k].eds_come, flows[k].eds_asked);
        ck_assert_uint_gt(flows[k].eds_come, 200);
        ck_assert_uint_gt(flows[k].overtaken, 10000);
        ck_assert_uint_eq(cvn_cotp_out(flows[k].from)->octets, 0);
    }
    cvn_cotp_free(i);
    cvn_cotp_free(r);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("cotp class 2");
    TCase *t = tcase_create("machine");
    tcase_add_checked_fixture(t, memory_setup, memory_teardown);
    tcase_add_loop_test(t, every_cell_of_the_state_table_is_obeyed, 0, (int)(ROWS * COLUMNS));
    tcase_add_test(t, only_classes_that_are_spoken_can_be_asked_for);
    tcase_add_test(t, expedited_data_can_be_asked_for_late_but_not_too_late);
    tcase_add_test(t, an_idle_connection_is_small);
    tcase_add_test(t, a_tpdu_waits_for_the_memory_of_its_answer);
    tcase_add_test(t, without_memory_for_a_dr_the_stream_just_ends);
    tcase_add_test(t, a_release_without_memory_changes_nothing);
    tcase_add_loop_test(t, expedited_data_overtakes_and_nothing_else_does, 0, 12);
    tcase_set_timeout(t, 60);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
