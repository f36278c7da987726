/* SPDX-License-Identifier: MIT */
/* options - the command line of convene-chaos. */
#include "options.h"

#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

const char *const how_name[HOWS] = {"reset", "silence", "halfopen", "fin"};
const char *const way_name[WAYS] = {"up", "down", "total"};

static const char usage[] =
    "convene-chaos --listen HOST:PORT --to HOST:PORT [OPTION...]\n"
    "Forwards TCP connections and cuts them where it is told. It counts octets over\n"
    "its whole life, all connections together. Port 0: any; the one chosen is printed.\n"
    "  --cut-at N[,N...]          cut after exactly octet N has been forwarded\n"
    "  --cut-every-random MIN:MAX  gaps between cuts, drawn evenly\n"
    "  --seed S --count K         of what is drawn; at most K cuts\n"
    "  --direction up|down|both|total  what N counts: octets to the target (up, the default), to\n"
    "                             the client, each of them on its own, their sum\n"
    "  --how reset|silence|halfopen|fin\n"
    "                             reset both ends; stop forwarding, both stay open; reset one "
    "end,\n"
    "                             silence to the other; end both in order\n"
    "  --silent client|target     the end that stays open when half-open (client)\n"
    "  --refuse-for MS            after a cut, refuse connections that long\n"
    "  --delay MS                 every octet comes that much later\n"
    "  --rate N                   octets a second, in each direction\n"
    "  --split random|1           write in small pieces\n"
    "  --log FILE|-               one JSON object a line for each connection, cut and end\n"
    "  --control SOCKET           Unix socket taking lines: status, cut [HOW], cut-after N, hold, "
    "go,\n"
    "                             refuse MS, delay MS, rate N; a JSON object answers each\n";

static void fail(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));

static void fail(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    (void)fputs("convene-chaos: ", stderr);
    (void)vfprintf(stderr, format, args);
    (void)fputs(" (--help)\n", stderr);
    va_end(args);
    exit(64);
}

bool number_parse(const char *text, uint64_t *out)
{
    char *end = NULL;
    if (text[0] < '0' || text[0] > '9')
        return false;
    errno = 0;
    unsigned long long n = strtoull(text, &end, 10);
    unsigned shift = *end == 'k' ? 10 : *end == 'M' ? 20 : *end == 'G' ? 30 : 0;
    if (shift > 0)
        end++;
    if (*end != '\0' || errno != 0 || n > UINT64_MAX >> (shift + 1))
        return false;
    *out = (uint64_t)n << shift;
    return true;
}

bool how_parse(const char *text, enum how *how)
{
    for (int i = 0; i < HOWS; i++) {
        if (strcmp(text, how_name[i]) == 0) {
            *how = (enum how)i;
            return true;
        }
    }
    return false;
}

static uint64_t need_number(const char *option, const char *text)
{
    uint64_t n = 0;
    if (!number_parse(text, &n))
        fail("--%s: %s: a number is expected", option, text);
    return n;
}

static uint64_t need_ms(const char *option, const char *text)
{
    uint64_t n = need_number(option, text);
    if (n > 3600u * 1000u)
        fail("--%s: %s: more than an hour", option, text);
    return n * MS;
}

static struct addrinfo *need_address(const char *option, const char *text, int flags)
{
    char host[256];
    const char *colon = strrchr(text, ':');
    size_t n = colon == NULL ? 0 : (size_t)(colon - text);
    if (colon == NULL || n >= sizeof host)
        fail("--%s: %s: HOST:PORT is expected", option, text);
    if (n >= 2 && text[0] == '[' && text[n - 1] == ']') {
        text++;
        n -= 2;
    }
    memcpy(host, text, n);
    host[n] = '\0';
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = flags};
    struct addrinfo *found = NULL;
    int rc = getaddrinfo(n == 0 ? NULL : host, colon + 1, &hints, &found);
    if (rc != 0)
        fail("--%s: %s: %s", option, text, gai_strerror(rc));
    return found;
}

static void need_cuts(struct options *o, char *text)
{
    char *rest = NULL;
    for (char *one = strtok_r(text, ",", &rest); one != NULL; one = strtok_r(NULL, ",", &rest)) {
        uint64_t n = need_number("cut-at", one);
        if (o->cuts == CUTS_MAX)
            fail("--cut-at: more than %u offsets", CUTS_MAX);
        if (o->cuts > 0 && n <= o->cut_at[o->cuts - 1])
            fail("--cut-at: %s: offsets must ascend", one);
        o->cut_at[o->cuts++] = n;
    }
}

static void need_gap(struct options *o, char *text)
{
    char *colon = strchr(text, ':');
    if (colon == NULL)
        fail("--cut-every-random: %s: MIN:MAX is expected", text);
    *colon = '\0';
    o->gap_min = need_number("cut-every-random", text);
    o->gap_max = need_number("cut-every-random", colon + 1);
    if (o->gap_min == 0 || o->gap_max < o->gap_min)
        fail("--cut-every-random: 1 <= MIN <= MAX is expected");
}

static void need_direction(struct options *o, const char *text)
{
    bool both = strcmp(text, "both") == 0;
    bool any = false;
    for (int i = 0; i < WAYS; i++) {
        o->counted[i] = strcmp(text, way_name[i]) == 0 || (both && i != TOTAL);
        any = any || o->counted[i];
    }
    if (!any)
        fail("--direction: %s: up, down, both or total is expected", text);
}

static FILE *need_log(const char *path)
{
    FILE *f = strcmp(path, "-") == 0 ? stdout : fopen(path, "we");
    if (f == NULL)
        fail("--log: %s: %s", path, strerror(errno));
    return f;
}

enum { /* options without a letter */
       O_LISTEN = 256,
       O_TO,
       O_CUT_AT,
       O_CUT_EVERY,
       O_SEED,
       O_COUNT,
       O_DIRECTION,
       O_HOW,
       O_SILENT,
       O_REFUSE,
       O_DELAY,
       O_RATE,
       O_SPLIT,
       O_LOG,
       O_CONTROL,
};

static const struct option known[] = {
    {"listen", required_argument, NULL, O_LISTEN},
    {"to", required_argument, NULL, O_TO},
    {"cut-at", required_argument, NULL, O_CUT_AT},
    {"cut-every-random", required_argument, NULL, O_CUT_EVERY},
    {"seed", required_argument, NULL, O_SEED},
    {"count", required_argument, NULL, O_COUNT},
    {"direction", required_argument, NULL, O_DIRECTION},
    {"how", required_argument, NULL, O_HOW},
    {"silent", required_argument, NULL, O_SILENT},
    {"refuse-for", required_argument, NULL, O_REFUSE},
    {"delay", required_argument, NULL, O_DELAY},
    {"rate", required_argument, NULL, O_RATE},
    {"split", required_argument, NULL, O_SPLIT},
    {"log", required_argument, NULL, O_LOG},
    {"control", required_argument, NULL, O_CONTROL},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

/* What is done to the traffic. False: not one of these. */
static bool take_traffic(struct options *o, int c, const char *name, const char *value)
{
    switch (c) {
    case O_DELAY:
        o->delay_ns = need_ms(name, value);
        return true;
    case O_REFUSE:
        o->refuse_ns = need_ms(name, value);
        return true;
    case O_RATE:
        o->rate = need_number(name, value);
        return true;
    case O_SPLIT:
        o->piece_max = strcmp(value, "1") == 0 ? 1 : strcmp(value, "random") == 0 ? 1460 : 0;
        if (o->piece_max == 0)
            fail("--split: %s: random or 1 is expected", value);
        return true;
    case O_HOW:
        if (!how_parse(value, &o->how))
            fail("--how: %s: reset, silence, halfopen or fin is expected", value);
        return true;
    case O_SILENT:
        o->target_silent = strcmp(value, "target") == 0;
        if (!o->target_silent && strcmp(value, "client") != 0)
            fail("--silent: %s: client or target is expected", value);
        return true;
    default:
        return false;
    }
}

/* Where the cuts are. False: not one of these. */
static bool take_cuts(struct options *o, int c, const char *name, char *value)
{
    switch (c) {
    case O_CUT_AT:
        need_cuts(o, value);
        return true;
    case O_CUT_EVERY:
        need_gap(o, value);
        return true;
    case O_SEED:
        o->seed = need_number(name, value);
        return true;
    case O_COUNT:
        o->count = need_number(name, value);
        return true;
    case O_DIRECTION:
        need_direction(o, value);
        return true;
    default:
        return false;
    }
}

static void take(struct options *o, int c, const char *name, char *value)
{
    switch (c) {
    case O_LISTEN:
        o->listen = need_address(name, value, AI_PASSIVE);
        return;
    case O_TO:
        o->to = need_address(name, value, 0);
        return;
    case O_LOG:
        o->log = need_log(value);
        return;
    case O_CONTROL:
        o->control = value;
        return;
    case 'h':
        (void)fputs(usage, stdout);
        exit(0);
    default:
        if (!take_traffic(o, c, name, value) && !take_cuts(o, c, name, value))
            fail("the command line is not understood");
    }
}

void options_parse(struct options *o, int argc, char **argv)
{
    int at = 0;
    int c;
    *o = (struct options){.count = NEVER, .counted = {[UP] = true}};
    while ((c = getopt_long(argc, argv, "h", known, &at)) != -1)
        take(o, c, known[at].name, optarg);
    if (optind != argc)
        fail("%s: not understood", argv[optind]);
    if (o->listen == NULL || o->to == NULL)
        fail("--listen and --to are needed");
    if (o->cuts > 0 && o->gap_max > 0)
        fail("--cut-at and --cut-every-random exclude each other");
}
