/* SPDX-License-Identifier: MIT */
/*
 * bench_spdu - what one SPDU costs: encoding it and taking it in again, each as the
 * machine does. Prints the median of five rounds in nanoseconds, a line for each SPDU.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "proto/x225/tsdu.h"

#define LOOPS  10000000u
#define ROUNDS 5
#define DATA   1024u

static double now_ns(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (double)ts.tv_sec * 1e9 + (double)ts.tv_nsec;
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;
    return (x > y) - (x < y);
}

/* One SPDU out and in; the number of octets and of user information that came out. */
static size_t turn(struct cvn_tsdu_in *t, enum cvn_spdu_type type, uint32_t serial, uint8_t *buf)
{
    struct cvn_spdu s;
    struct cvn_tsdu_event ev;
    struct cvn_spdu_fault fault;
    struct cvn_wr w = cvn_wr_init(buf, DATA);
    size_t used = 0;
    size_t got;
    cvn_spdu_init(&s, type);
    if (type == CVN_SPDU_MIP) {
        s.has = CVN_HAS_SYNC_TYPE | CVN_HAS_SERIAL;
        s.sync_type = 1;
        s.serial = serial;
    }
    if (cvn_tsdu_encode(&s, 0, &w) != CVN_OK)
        abort();
    if (type == CVN_SPDU_DT)
        w.len += DATA;
    if (cvn_tsdu_in_feed(t, buf, w.len, true, true, false, &used, &ev, &fault) != CVN_EVENT)
        abort();
    got = w.len + ev.info.n + ev.spdu.serial;
    if (cvn_tsdu_in_feed(t, buf + used, w.len - used, false, true, false, &used, &ev, &fault) !=
        CVN_MORE)
        abort();
    return got;
}

int main(void)
{
    static const struct {
        enum cvn_spdu_type type;
        const char *what;
    } cases[] = {{CVN_SPDU_DT, "DT, 1 KiB"}, {CVN_SPDU_MIP, "MIP"}};
    static uint8_t buf[2 * DATA];
    size_t sum = 0;
    for (size_t c = 0; c < sizeof cases / sizeof cases[0]; c++) {
        double rounds[ROUNDS];
        struct cvn_tsdu_in t;
        cvn_tsdu_in_init(&t, cvn_alloc_std(), 1u << 20);
        for (int r = 0; r < ROUNDS; r++) {
            double from = now_ns();
            for (uint32_t i = 0; i < LOOPS; i++)
                sum += turn(&t, cases[c].type, i % (CVN_SERIAL_MAX + 1), buf);
            rounds[r] = (now_ns() - from) / LOOPS;
        }
        cvn_tsdu_in_fini(&t);
        qsort(rounds, ROUNDS, sizeof rounds[0], compare);
        printf("%s, encode and decode\t%.1f\tns\t50\n", cases[c].what, rounds[ROUNDS / 2]);
    }
    return sum == 0;
}
