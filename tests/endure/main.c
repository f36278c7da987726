/* SPDX-License-Identifier: MIT */
/*
 * endure [--times N] [--seed S] [NAME...] - tokens handed over, resynchronizations in flight, and
 * activities that go from one session connection to another, many times, judged by ledgers.
 *
 * NAME: tokens, resync, activities, combinations, tcp, planted; none: all of them. --times multiplies the counts.
 * planted: users who lose, repeat or delay one record, or keep a token, must be found out.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "endure.h"

enum {
    HD = CVN_FU_HALF_DUPLEX,
    FD = CVN_FU_DUPLEX,
    EX = CVN_FU_EXPEDITED,
    SY = CVN_FU_MINOR_SYNC,
    MA = CVN_FU_MAJOR_SYNC,
    RE = CVN_FU_RESYNC,
    TD = CVN_FU_TYPED_DATA,
    AC = CVN_FU_ACTIVITY,
    NR = CVN_FU_NEGOTIATED_RELEASE,
};

static unsigned passed;

static void tokens_all(uint32_t times, uint64_t seed)
{
    for (unsigned i = 0; i < 2; i++) {
        const struct config c = {.units = HD | SY | MA | NR,
                                 .versions = (uint8_t)(1 + i),
                                 .tsdu_max = i == 0 ? 0 : 200,
                                 .count = 50000 * times,
                                 .seed = seed * 100 + i};
        play_tokens(&c);
        passed++;
    }
}

static void resync_all(uint32_t times, uint64_t seed)
{
    static const struct config cases[] = {
        {.units = FD | SY | RE, .versions = 2},
        {.units = FD | SY | MA | RE, .versions = 1},
        {.units = HD | SY | MA | RE | TD, .versions = 3},
        {.units = FD | MA | RE | TD, .versions = 3, .tsdu_max = 100},
        {.units = FD | SY | RE | EX, .versions = 2, .expedited = true},
        {.units = FD | SY | MA | RE | EX | TD | NR, .versions = 3, .expedited = true},
        {.units = HD | SY | MA | RE | EX | TD, .versions = 1, .expedited = true},
        {.units = FD | SY | MA | RE | EX, .versions = 2, .expedited = true, .tsdu_max = 80},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct config c = cases[i];
        c.count = 1250 * times;
        c.seed = seed * 100 + i;
        play_resync(&c);
        passed++;
    }
}

static void activities_all(uint32_t times, uint64_t seed)
{
    static const struct config cases[] = {
        {.units = HD | SY | AC, .versions = 2},
        {.units = HD | SY | MA | AC | TD, .versions = 1},
        {.units = FD | SY | AC | EX, .versions = 3, .expedited = true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct config c = cases[i];
        c.count = 1000 * times;
        c.seed = seed * 100 + 70 + i;
        play_activities(&c);
        passed++;
    }
}

static void tcp_all(uint32_t times, uint64_t seed)
{
    static const struct config cases[] = {
        {.units = FD | SY | MA | RE | TD, .versions = 2, .tcp = true},
        {.units = FD | SY | MA | RE | EX, .versions = 2, .expedited = true, .tcp = true},
    };
    const struct config tokens = {.units = HD | SY | MA | NR,
                                  .versions = 2,
                                  .tcp = true,
                                  .count = 2000 * times,
                                  .seed = seed};
    play_tokens(&tokens);
    passed++;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct config c = cases[i];
        c.count = 200 * times;
        c.seed = seed * 100 + 50 + i;
        play_resync(&c);
        passed++;
    }
}

static void combinations_all(uint32_t times, uint64_t seed)
{
    const unsigned every = 61; /* a prime, so that every pair of choices comes */
    passed += play_combinations(seed, times >= every ? 1 : every / times) > 0;
}

/* In a process of its own, which must fail. */
static void planted_all(uint32_t times, uint64_t seed)
{
    static const enum plant plants[] = {LOSE, TWICE, STALE, TOKEN};
    (void)times;
    for (size_t i = 0; i < sizeof plants / sizeof plants[0]; i++) {
        int status = 0;
        fflush(stdout);
        pid_t child = fork();
        if (child == 0) {
            const struct config c = {.units = FD | SY | MA | RE,
                                     .versions = 2,
                                     .count = 300,
                                     .seed = seed,
                                     .plant = plants[i]};
            if (freopen("/dev/null", "w", stderr) != NULL &&
                freopen("/dev/null", "w", stdout) != NULL)
                play_resync(&c);
            _exit(0);
        }
        if (child < 0 || waitpid(child, &status, 0) != child || !WIFEXITED(status) ||
            WEXITSTATUS(status) != 1) {
            printf("plant %zu was not found\n", i);
            exit(1);
        }
        passed++;
    }
    printf("planted: all %zu found\n", sizeof plants / sizeof plants[0]);
}

static bool wanted(int argc, char **argv, int from, const char *name)
{
    for (int i = from; i < argc; i++) {
        if (strcmp(argv[i], name) == 0)
            return true;
    }
    return from == argc;
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*play)(uint32_t times, uint64_t seed);
    } plays[] = {{"tokens", tokens_all},
                 {"resync", resync_all},
                 {"activities", activities_all},
                 {"tcp", tcp_all},
                 {"combinations", combinations_all},
                 {"planted", planted_all}};
    uint32_t times = 1;
    uint64_t seed = 1;
    int i = 1;
    for (; i + 1 < argc && strncmp(argv[i], "--", 2) == 0; i += 2) {
        if (strcmp(argv[i], "--times") == 0)
            times = (uint32_t)strtoul(argv[i + 1], NULL, 10);
        else if (strcmp(argv[i], "--seed") == 0)
            seed = strtoull(argv[i + 1], NULL, 10);
        else
            break;
    }
    setvbuf(stdout, NULL, _IOLBF, 0);
    for (size_t k = 0; k < sizeof plays / sizeof plays[0]; k++) {
        if (wanted(argc, argv, i, plays[k].name))
            plays[k].play(times, seed);
    }
    printf("%u passed, 0 failed\n", passed);
    return passed > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
