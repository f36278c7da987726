/* SPDX-License-Identifier: MIT */
/* convene-sim - runs seeds; docs/SIMULATOR.md. */
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sim.h"

static uint64_t running;

/* An assertion or a wild pointer: the seed is what is needed. */
static void on_crash(int number)
{
    char line[80];
    int n = snprintf(line, sizeof line, "seed %" PRIu64 " failed: signal %d\n", running, number);
    if (n > 0 && write(STDOUT_FILENO, line, (size_t)n) < 0)
        _exit(2);
    (void)signal(number, SIG_DFL);
    (void)raise(number);
}

static void run(uint64_t seed, const struct sim_opts *o, struct sim_result *r)
{
    running = seed;
    sim_seed(seed, o, r);
}

struct args {
    uint64_t first, seeds;
    bool one;
    struct sim_opts o;
};

static int usage(void)
{
    fprintf(stderr, "usage: convene-sim [--seeds N] [--first S] [--seed S] [--verbose]\n"
                    "                   [--plant resume-late|confirm-early]\n");
    return 64;
}

static bool number(const char *text, uint64_t *n)
{
    char *end;
    if (text == NULL || *text < '0' || *text > '9')
        return false;
    *n = strtoull(text, &end, 0);
    return *end == '\0';
}

static bool plant(const char *text, enum sim_plant *p)
{
    if (text != NULL && strcmp(text, "resume-late") == 0)
        *p = SIM_PLANT_RESUME_LATE;
    else if (text != NULL && strcmp(text, "confirm-early") == 0)
        *p = SIM_PLANT_CONFIRM_EARLY;
    else
        return false;
    return true;
}

static bool parse(struct args *a, int argc, char **argv)
{
    *a = (struct args){.first = 1, .seeds = 200};
    for (int i = 1; i < argc; i++) {
        const char *value = i + 1 < argc ? argv[i + 1] : NULL;
        if (strcmp(argv[i], "--verbose") == 0) {
            a->o.verbose = true;
            continue;
        }
        if (strcmp(argv[i], "--seed") == 0) {
            a->one = true;
            a->seeds = 1;
            if (!number(value, &a->first))
                return false;
        } else if (strcmp(argv[i], "--seeds") == 0) {
            if (!number(value, &a->seeds))
                return false;
        } else if (strcmp(argv[i], "--first") == 0) {
            if (!number(value, &a->first))
                return false;
        } else if (strcmp(argv[i], "--plant") != 0 || !plant(value, &a->o.plant)) {
            return false;
        }
        i++;
    }
    return a->seeds > 0;
}

static void say_failure(uint64_t seed, const struct sim_result *r)
{
    printf("seed %" PRIu64 " failed at step %" PRIu64 ", %.6f s: %s\n", seed, r->steps,
           (double)r->at / 1e9, r->why);
}

/* The first seed once more: it must be the same in all its steps. */
static bool same_again(const struct args *a, uint64_t hash)
{
    struct sim_result r;
    struct sim_counts kept = sim_counts;
    run(a->first, &a->o, &r);
    sim_counts = kept;
    printf("seed %" PRIu64 ": event hash %016" PRIx64 ", run again %016" PRIx64 "\n", a->first,
           hash, r.hash);
    return r.hash == hash;
}

/* A planted bug: the seeds must find it. */
static int hunt(const struct args *a)
{
    for (uint64_t i = 0; i < a->seeds; i++) {
        struct sim_result r;
        run(a->first + i, &a->o, &r);
        if (!r.failed)
            continue;
        printf("the planted bug was found: ");
        say_failure(a->first + i, &r);
        printf("1 passed, 0 failed\n");
        return 0;
    }
    printf("the planted bug was not found in %" PRIu64 " seeds\n0 passed, 1 failed\n", a->seeds);
    return 1;
}

int main(int argc, char **argv)
{
    struct args a;
    uint64_t failed = 0;
    uint64_t first_hash = 0;
    if (!parse(&a, argc, argv))
        return usage();
    (void)signal(SIGABRT, on_crash);
    (void)signal(SIGSEGV, on_crash);
    if (a.o.verbose)
        (void)setvbuf(stdout, NULL, _IOLBF, 0);
    if (a.o.plant != SIM_PLANT_NONE && !a.one)
        return hunt(&a);
    for (uint64_t i = 0; i < a.seeds; i++) {
        struct sim_result r;
        run(a.first + i, &a.o, &r);
        if (i == 0)
            first_hash = r.hash;
        if (r.failed) {
            failed++;
            say_failure(a.first + i, &r);
        }
    }
    bool again = a.o.verbose || same_again(&a, first_hash);
    if (!again)
        printf("seed %" PRIu64 " was not the same when it was run again\n", a.first);
    unsigned missing = sim_counts_print();
    bool enough = a.seeds < 200 || missing == 0;
    if (!enough)
        printf("%u of these must not be zero\n", missing);
    printf("%" PRIu64 " passed, %" PRIu64 " failed\n", a.seeds - failed, failed);
    return failed == 0 && again && enough ? 0 : 1;
}
