/* SPDX-License-Identifier: MIT */
/*
 * bench_machine - two whole ends back to back in memory: a request of one user to the
 * indication at the other. Lines of name, value, unit, and what is to be reached, with tabs
 * between; medians of five rounds.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "convene/connection.h"

#define ROUNDS 5
#define UNITS  (CVN_FU_HALF_DUPLEX | CVN_FU_MINOR_SYNC | CVN_FU_ACTIVITY)

static uint8_t user_data[65536];
static struct cvn_ref user_owner = {.refs = 1}; /* lent, so that nothing is copied */
static size_t received;

static double now_ns(void)
{
    struct timespec ts;
    (void)clock_gettime(CLOCK_MONOTONIC, &ts);
    return (double)ts.tv_sec * 1e9 + (double)ts.tv_nsec;
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;
    return (x > y) - (x < y);
}

static void need(bool right, const char *what)
{
    if (!right) {
        (void)fprintf(stderr, "bench_machine: %s\n", what);
        exit(70);
    }
}

/* -------- the session protocol machine alone: TSDUs in slices, no transport -------- */

static struct cvn_x225_prim x_last; /* what came last at either end */

static void x_carry(struct cvn_x225 *from, struct cvn_x225 *to)
{
    struct cvn_x225_out o;
    bool begin = true;
    while (cvn_x225_out(from, &o) == CVN_EVENT) {
        struct cvn_octets part[2] = {o.header, o.data};
        for (int i = 0; i < 2 && o.kind == CVN_X225_T_DATA; i++) {
            size_t used = 0;
            bool end = i == 1 && o.end;
            int rc = CVN_EVENT;
            while (rc == CVN_EVENT) {
                size_t n = 0;
                rc = cvn_x225_feed(to, part[i].n == 0 ? NULL : part[i].p + used, part[i].n - used,
                                   begin && used == 0 && i == 0, end, false, &n, &x_last, 0);
                used += n;
                received += rc == CVN_EVENT ? x_last.data.n + 1 : 0;
            }
            need(rc == CVN_MORE, "a TSDU was not taken");
        }
        begin = o.end;
        cvn_x225_out_done(from);
    }
}

static void x_ask(struct cvn_x225 *from, struct cvn_x225 *to, struct cvn_x225_prim *p)
{
    int rc = cvn_x225_request(from, p, 0);
    need(rc == CVN_OK, cvn_x225_service_name(p->service));
    x_carry(from, to);
}

static void activity(struct cvn_x225_prim *p)
{
    static const uint8_t id[] = {1};
    cvn_x225_prim_init(p, CVN_S_ACTIVITY_START, CVN_REQUEST);
    p->activity = (struct cvn_octets){id, sizeof id};
}

static void x_pair(struct cvn_x225 *x[2])
{
    struct cvn_x225_opts o = {.alloc = NULL};
    struct cvn_x225_out out;
    struct cvn_x225_prim p;
    for (int i = 0; i < 2; i++)
        need(cvn_x225_new(&x[i], &o) == CVN_OK, "memory");
    cvn_x225_prim_init(&p, CVN_S_CONNECT, CVN_REQUEST);
    p.units = UNITS;
    need(cvn_x225_request(x[0], &p, 0) == CVN_OK && cvn_x225_out(x[0], &out) == CVN_EVENT, "CN");
    cvn_x225_out_done(x[0]);
    need(cvn_x225_transport_up(x[1], true, false, 0) == CVN_OK, "transport");
    while (cvn_x225_out(x[1], &out) == CVN_EVENT)
        cvn_x225_out_done(x[1]);
    need(cvn_x225_transport_up(x[0], false, false, 0) == CVN_OK, "transport");
    x_carry(x[0], x[1]);
    cvn_x225_prim_init(&p, CVN_S_CONNECT, CVN_RESPONSE);
    p.result = CVN_RESULT_ACCEPT;
    p.units = UNITS;
    x_ask(x[1], x[0], &p);
    activity(&p);
    x_ask(x[0], x[1], &p);
}

static void request(struct cvn_x225_prim *p, enum cvn_x225_service s, size_t octets)
{
    cvn_x225_prim_init(p, s, CVN_REQUEST);
    p->data = (struct cvn_octets){user_data, octets};
    p->owner = octets > 0 ? &user_owner : NULL;
    p->begin = p->end = true;
}

static void x_data(struct cvn_x225 *x[2], size_t octets, unsigned n)
{
    struct cvn_x225_prim p;
    (void)octets;
    for (unsigned i = 0; i < n; i++) {
        request(&p, CVN_S_DATA, octets);
        x_ask(x[0], x[1], &p);
    }
}

static void x_points(struct cvn_x225 *x[2], size_t octets, unsigned n)
{
    struct cvn_x225_prim p;
    for (unsigned i = 0; i < n; i++) {
        request(&p, CVN_S_SYNC_MINOR, octets);
        x_ask(x[0], x[1], &p);
        uint32_t serial = x_last.serial;
        cvn_x225_prim_init(&p, CVN_S_SYNC_MINOR, CVN_RESPONSE);
        p.serial = serial;
        x_ask(x[1], x[0], &p);
    }
}

/* -------- with TPKT and COTP, over one buffer that stands for the link -------- */

static uint8_t link_octets[1 << 20];

static void sc_carry(struct cvn_sc *from, struct cvn_sc *to, struct cvn_x225_prim *last)
{
    struct cvn_iov iov[16];
    size_t n;
    size_t len = 0;
    while ((n = cvn_sc_out_iov(from, iov, 16)) > 0) {
        size_t sum = 0;
        for (size_t i = 0; i < n; i++) {
            need(len + iov[i].len <= sizeof link_octets, "the link is full");
            memcpy(link_octets + len, iov[i].base, iov[i].len);
            len += iov[i].len;
            sum += iov[i].len;
        }
        cvn_sc_sent(from, sum);
    }
    for (size_t at = 0;;) {
        size_t used = 0;
        int rc = cvn_sc_feed(to, link_octets + at, len - at, &used, last, 0);
        at += used;
        if (rc != CVN_EVENT) {
            need(rc == CVN_MORE, "octets were not taken");
            return;
        }
        received += last->data.n + 1;
    }
}

static void sc_ask(struct cvn_sc *from, struct cvn_sc *to, struct cvn_x225_prim *p)
{
    int rc = cvn_sc_request(from, p, 0);
    need(rc == CVN_OK, cvn_x225_service_name(p->service));
    sc_carry(from, to, &x_last);
}

static void sc_pair(struct cvn_sc *c[2])
{
    struct cvn_x225_prim p;
    for (int i = 0; i < 2; i++) {
        struct cvn_sc_opts o = {.initiator = i == 0, .reference = 1};
        need(cvn_sc_new(&c[i], &o) == CVN_OK, "memory");
    }
    request(&p, CVN_S_CONNECT, 0);
    p.units = UNITS;
    sc_ask(c[0], c[1], &p);
    sc_carry(c[1], c[0], &x_last);
    sc_carry(c[0], c[1], &x_last);
    cvn_x225_prim_init(&p, CVN_S_CONNECT, CVN_RESPONSE);
    p.result = CVN_RESULT_ACCEPT;
    p.units = UNITS;
    sc_ask(c[1], c[0], &p);
    activity(&p);
    sc_ask(c[0], c[1], &p);
}

static void sc_data(struct cvn_sc *c[2], size_t octets, unsigned n)
{
    struct cvn_x225_prim p;
    for (unsigned i = 0; i < n; i++) {
        request(&p, CVN_S_DATA, octets);
        sc_ask(c[0], c[1], &p);
    }
}

/* -------- */

/* Nanoseconds of one turn, the median. */
static double x_median(void (*run)(struct cvn_x225 *x[2], size_t octets, unsigned n), size_t octets,
                       unsigned n)
{
    double rounds[ROUNDS];
    for (int r = 0; r < ROUNDS; r++) {
        struct cvn_x225 *x[2];
        x_pair(x);
        double from = now_ns();
        run(x, octets, n);
        rounds[r] = (now_ns() - from) / n;
        cvn_x225_free(x[0]);
        cvn_x225_free(x[1]);
    }
    qsort(rounds, ROUNDS, sizeof rounds[0], compare);
    return rounds[ROUNDS / 2];
}

static double sc_median(size_t octets, unsigned n)
{
    double rounds[ROUNDS];
    for (int r = 0; r < ROUNDS; r++) {
        struct cvn_sc *c[2];
        sc_pair(c);
        double from = now_ns();
        sc_data(c, octets, n);
        rounds[r] = (now_ns() - from) / n;
        cvn_sc_free(c[0]);
        cvn_sc_free(c[1]);
    }
    qsort(rounds, ROUNDS, sizeof rounds[0], compare);
    return rounds[ROUNDS / 2];
}

int main(void)
{
    double ns;
    (void)printf("DT 1 KiB, machine to machine\t%.1f\tns\n", x_median(x_data, 1024, 500000));
    (void)printf("MIP and its MIA, machine to machine\t%.1f\tns\n", x_median(x_points, 0, 300000));
    ns = sc_median(1024, 500000);
    (void)printf("DT 1 KiB, with COTP, TPKT and one copy\t%.1f\tns\n", ns);
    (void)printf("  as throughput\t%.0f\tMB/s\t1000\n", 1024 / ns * 1000);
    ns = sc_median(65536, 20000);
    (void)printf("DT 64 KiB, with COTP, TPKT and one copy\t%.0f\tMB/s\t1000\n", 65536 / ns * 1000);
    need(received > (size_t)ROUNDS * 20000 * 65536, "octets are missing");
    return 0;
}
