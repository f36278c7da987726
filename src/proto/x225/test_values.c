/* SPDX-License-Identifier: MIT */
/* test_values - see test_values.h. */
#include "proto/x225/test_values.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

struct pair p;
uint8_t big[MANY];

void begin(const struct cvn_x225_opts *a, const struct cvn_x225_opts *b)
{
    pair_init(&p, a, b);
}

void setup(void)
{
    begin(NULL, NULL);
}

void teardown(void)
{
    pair_fini(&p);
}

void again(const struct cvn_x225_opts *a, const struct cvn_x225_opts *b)
{
    teardown();
    begin(a, b);
}

struct cvn_octets some(size_t n)
{
    return (struct cvn_octets){big, n};
}

/* Side is fed this TSDU; the primitive that comes of it, if one does. */
int given(unsigned side, const char *text, bool expedited, struct cvn_x225_prim *ev)
{
    static uint8_t octets[64]; /* what *ev points at stays */
    size_t n = 0;
    size_t used;
    for (const char *at = text; *at != '\0'; at += at[2] == ' ' ? 3 : 2) {
        ck_assert_uint_lt(n, sizeof octets);
        octets[n++] = (uint8_t)strtoul((char[]){at[0], at[1], '\0'}, NULL, 16);
    }
    return cvn_x225_feed(p.side[side].x, octets, n, true, true, expedited, &used, ev, p.now);
}

void gives(unsigned side, const char *text, bool expedited, enum cvn_x225_service s)
{
    struct cvn_x225_prim ev;
    ck_assert_int_eq(given(side, text, expedited, &ev), CVN_EVENT);
    ck_assert_msg(ev.service == s, "%s (%s)", cvn_x225_service_name(ev.service),
                  ev.why != NULL ? ev.why : "-");
}

void gives_nothing(unsigned side, const char *text, bool expedited)
{
    struct cvn_x225_prim ev;
    int rc = given(side, text, expedited, &ev);
    ck_assert_msg(rc == CVN_MORE, "%s", rc == CVN_EVENT ? cvn_x225_service_name(ev.service) : "?");
}

/* It is a protocol error, and this is what is wrong. */
void is_wrong(unsigned side, const char *text, const char *why)
{
    struct cvn_x225_prim ev;
    ck_assert_int_eq(given(side, text, false, &ev), CVN_EVENT);
    ck_assert_uint_eq(ev.service, CVN_S_P_ABORT);
    ck_assert_uint_eq(ev.reason, CVN_ABORT_PROTOCOL);
    ck_assert_msg(strstr(ev.why, why) != NULL, "%s", ev.why);
}

void drop_output(unsigned side)
{
    struct cvn_x225_out o;
    while (cvn_x225_out(p.side[side].x, &o) == CVN_EVENT)
        cvn_x225_out_done(p.side[side].x);
}

/* Both machines anew, agreed on units. */
void open_units(uint16_t units)
{
    again(NULL, NULL);
    pair_open(&p, units);
}

struct cvn_x225_prim resync(uint8_t type, uint8_t type2)
{
    struct cvn_x225_prim q = pair_request(CVN_S_RESYNCHRONIZE);
    q.resync = type;
    q.resync2 = type2;
    q.serial = 1;
    q.serial2 = 1;
    return q;
}

void is_refused(struct cvn_x225_prim q, int code)
{
    int rc = pair_ask(&p, 0, &q);
    ck_assert_msg(rc == code, "%s %s: %s, not %s", cvn_x225_service_name(q.service),
                  cvn_x225_type_name(q.type), cvn_err_name(rc), cvn_err_name(code));
}
