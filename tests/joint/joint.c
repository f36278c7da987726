/* SPDX-License-Identifier: MIT */
/*
 * joint - explores two session protocol machines that are joined by a transport connection: every
 * order of what two users may ask by X.215 and of what is delivered, breadth first, up to a depth.
 *
 *   joint [--quick] [--witness FILE] [CONFIGURATION]   explores all, or those whose name begins so
 *   joint --behind FILE ROW                            explores behind the ways that FILE has to ROW
 *
 * --witness writes ways to every row that is looked at: configuration and moves. --behind goes these
 * ways again, and from their ends on a few steps in every order: a part of the whole exploration, for
 * a row that was made wrong (hook.h). The exit status is 1 when something that must hold does not.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hook.h"
#include "world.h"

#define WAY_MAX       64u
#define STATES        (1u << 20) /* of one configuration, at most */
#define WITNESSES     10u        /* of a row */
#define NO_CONFIG     0xffu
#define ROAM          50u    /* steps of a way at random */
#define ROAMS         20000u /* such ways in a configuration */
#define BEHIND        3u     /* steps behind a witness */
#define BEHIND_STATES 1500u
#define ROAM_BEHIND   20u
#define ROAMS_BEHIND  60u

struct node {
    uint32_t parent;
    uint8_t move;
    uint8_t depth;
    void *kept; /* a copy of the world, while it waits */
    size_t size;
};

static struct {
    struct node *node;
    unsigned count, limit;
    uint64_t *hash; /* open addressing: digests */
    unsigned slots;
    unsigned long steps;
    bool full;
    unsigned stuck;
} s;

static FILE *witness;
/* Of each row, looked at and taken: how many, two of a configuration. */
static unsigned char *witnesses[2], *seen[2], *last[2];

static void *must(void *p)
{
    if (p == NULL) {
        fprintf(stderr, "joint: no memory\n");
        exit(3);
    }
    return p;
}

static void search_begin(unsigned limit)
{
    memset(&s, 0, sizeof s);
    s.limit = limit;
    s.slots = 1;
    while (s.slots < 2 * limit)
        s.slots *= 2;
    s.node = must(calloc(limit, sizeof *s.node));
    s.hash = must(calloc(s.slots, sizeof *s.hash));
}

static void search_end(void)
{
    for (unsigned i = 0; i < s.count; i++)
        free(s.node[i].kept);
    free(s.node);
    free(s.hash);
}

/* The world as it is now, if it is new. */
static void visit(unsigned parent, unsigned move, unsigned depth)
{
    uint64_t h = world_digest() | 1;
    unsigned at = (unsigned)h & (s.slots - 1);
    for (; s.hash[at] != 0; at = (at + 1) & (s.slots - 1)) {
        if (s.hash[at] == h)
            return;
    }
    if (s.count == s.limit) {
        s.full = true;
        return;
    }
    s.hash[at] = h;
    struct node *n = &s.node[s.count++];
    n->parent = parent;
    n->move = (uint8_t)move;
    n->depth = (uint8_t)depth;
    n->size = world_size();
    n->kept = must(malloc(n->size));
    memcpy(n->kept, &it, n->size);
}

static unsigned way_to(unsigned node, uint8_t *way)
{
    unsigned n = 0;
    uint8_t back[WAY_MAX];
    for (; node != 0 && n < WAY_MAX; node = s.node[node].parent)
        back[n++] = s.node[node].move;
    for (unsigned i = 0; i < n; i++)
        way[i] = back[n - 1 - i];
    return n;
}

/* The way again, with the states behind each step. */
static void say_way(const uint8_t *way, unsigned n)
{
    const struct config *c = it.config;
    char text[80];
    printf("%s: %s\n", c->name, it.why);
    world_begin(c);
    for (unsigned i = 0; i < n; i++) {
        moves_name(way[i], text, sizeof text);
        (void)moves_do(way[i]);
        printf("    %-44s %-7s %s\n", text, cvn_x225_state_name(cvn_x225_state(it.peer[0].x)),
               cvn_x225_state_name(cvn_x225_state(it.peer[1].x)));
    }
}

/* Ways to the rows that the last move has looked at or taken, as long as there are few. */
static void witness_rows(const uint8_t *way, unsigned n, unsigned config)
{
    struct row_counts c;
    unsigned row;
    for (unsigned i = 0; (row = hook_touched(i, &c)) != HOOK_NO_ROW; i++) {
        unsigned kind = c.taken > 0;
        if (witnesses[kind][row] >= WITNESSES || config == last[kind][row])
            continue;
        witnesses[kind][row]++;
        last[kind][row] = (uint8_t)(++seen[kind][row] % 2 == 0 ? config : NO_CONFIG);
        fprintf(witness, "%u %u %u", row, kind, config);
        for (unsigned k = 0; k < n; k++)
            fprintf(witness, " %u", way[k]);
        fprintf(witness, "\n");
    }
}

/* All moves from one world. false: something that must hold does not. */
static bool expand(unsigned node, unsigned moves, unsigned config)
{
    uint8_t way[WAY_MAX + 1];
    unsigned n = way_to(node, way);
    void *kept = s.node[node].kept;
    size_t size = s.node[node].size;
    unsigned possible = 0;
    bool good = true;
    for (unsigned m = 0; good && m < moves; m++) {
        memcpy(&it, kept, size);
        hook_forget();
        if (!moves_do(m))
            continue;
        s.steps++;
        possible++;
        way[n] = (uint8_t)m;
        world_judge();
        if (it.wrong) {
            say_way(way, n + 1);
            good = false;
        } else {
            if (witness != NULL)
                witness_rows(way, n + 1, config);
            visit(node, m, s.node[node].depth + 1u);
        }
    }
    if (good && possible == 0) {
        memcpy(&it, kept, size);
        s.stuck++;
        if (it.peer[0].user.connected || it.peer[1].user.connected || !world_quiet()) {
            world_blame("nothing is possible any more");
            say_way(way, n);
            good = false;
        }
    }
    s.node[node].kept = NULL;
    free(kept);
    return good;
}

/* From the world as it is. */
static bool search(unsigned depth, unsigned limit, unsigned config)
{
    unsigned moves = moves_list(it.config);
    bool good = true;
    search_begin(limit);
    visit(0, 0, 0);
    for (unsigned i = 0; good && i < s.count && s.node[i].depth < depth; i++)
        good = expand(i, moves, config);
    return good;
}

static uint32_t rnd(uint32_t *r, uint32_t below)
{
    *r ^= *r << 13;
    *r ^= *r >> 17;
    *r ^= *r << 5;
    return *r % below;
}

/* One way at random from the world as it is, of at most WAY_MAX steps with those behind it. Users
 * who ask much and users who wait take turns. */
static bool roam(uint32_t seed, uint8_t *way, unsigned n, unsigned steps, unsigned config)
{
    unsigned moves = moves_list(it.config);
    uint32_t r = seed * 2654435761u + 1;
    for (unsigned k = 0; k < 4; k++)
        (void)rnd(&r, 2);
    unsigned eager = 1 + rnd(&r, 9);
    for (unsigned tries = 0; steps > 0 && n < WAY_MAX && tries < 400; tries++) {
        unsigned m = rnd(&r, moves);
        if (moves_is_request(m) && rnd(&r, 10) >= eager)
            continue;
        if (moves_is_abort(m) && rnd(&r, 12) != 0)
            continue;
        hook_forget();
        if (!moves_do(m))
            continue;
        way[n++] = (uint8_t)m;
        steps--;
        tries = 0;
        s.steps++;
        world_judge();
        if (it.wrong) {
            say_way(way, n);
            return false;
        }
        if (witness != NULL)
            witness_rows(way, n, config);
    }
    return true;
}

static bool roam_all(unsigned config, unsigned ways)
{
    uint8_t way[WAY_MAX];
    s.steps = 0;
    for (unsigned i = 0; i < ways; i++) {
        world_begin(&configs[config]);
        if (it.wrong || !roam(i + 1, way, 0, ROAM, config))
            return false;
    }
    printf("%-34s %8u ways at random %5lu transitions, depth %u\n", configs[config].name, ways,
           s.steps, ROAM);
    return true;
}

static bool explore(unsigned config, unsigned depth)
{
    const struct config *c = &configs[config];
    world_begin(c);
    if (it.wrong) {
        printf("%s: %s\n", c->name, it.why);
        return false;
    }
    bool good = search(depth, STATES, config);
    printf("%-34s %8u states %9lu transitions, depth %u%s\n", c->name, s.count, s.steps,
           s.node[s.count - 1].depth, s.full ? ", cut short" : "");
    fflush(stdout);
    search_end();
    return good;
}

/* One line of a witness file whose row is this. */
static bool behind_one(char *line)
{
    uint8_t way[WAY_MAX];
    unsigned n = 0;
    char *at = line;
    unsigned long config = strtoul(at, &at, 10);
    if (config >= config_count)
        return false;
    world_begin(&configs[config]);
    while (!it.wrong && *at == ' ' && n < WAY_MAX - ROAM_BEHIND) {
        unsigned long move = strtoul(at, &at, 10);
        way[n++] = (uint8_t)move;
        if (!moves_do((unsigned)move))
            return true; /* this way is closed: another will tell */
        world_judge();
    }
    if (it.wrong) {
        printf("%s: %s\n", configs[config].name, it.why);
        return false;
    }
    size_t size = world_size();
    void *here = must(malloc(size));
    memcpy(here, &it, size);
    bool good = search(BEHIND, BEHIND_STATES, 0);
    search_end();
    for (unsigned i = 0; good && i < ROAMS_BEHIND; i++) {
        memcpy(&it, here, size);
        good = roam(i + 1, way, n, ROAM_BEHIND, 0);
    }
    free(here);
    return good;
}

static int behind(const char *path, unsigned row)
{
    char line[400];
    FILE *f = fopen(path, "r");
    if (f == NULL) {
        fprintf(stderr, "joint: %s cannot be read\n", path);
        return 3;
    }
    bool good = true;
    while (good && fgets(line, sizeof line, f) != NULL) {
        char *at = line;
        if (strtoul(at, &at, 10) != row)
            continue;
        (void)strtoul(at, &at, 10);
        good = behind_one(at);
    }
    fclose(f);
    return good ? 0 : 1;
}

static struct {
    bool quick;
    const char *only;
} options = {.only = ""};

static bool witness_begin(const char *path)
{
    witness = fopen(path, "w");
    for (unsigned kind = 0; kind < 2; kind++) {
        witnesses[kind] = must(calloc(hook_rows(), 1));
        seen[kind] = must(calloc(hook_rows(), 1));
        last[kind] = must(malloc(hook_rows()));
        memset(last[kind], NO_CONFIG, hook_rows());
    }
    return witness != NULL;
}

static bool read_options(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--quick") == 0)
            options.quick = true;
        else if (strcmp(argv[i], "--witness") != 0)
            options.only = argv[i];
        else if (i + 1 == argc || !witness_begin(argv[++i]))
            return false;
    }
    return true;
}

static bool explore_one(unsigned config)
{
    unsigned less = options.quick ? 2 : 0;
    return (configs[config].depth == 0 || explore(config, configs[config].depth - less)) &&
           roam_all(config, options.quick ? ROAMS / 8 : ROAMS);
}

int main(int argc, char **argv)
{
    unsigned passed = 0;
    unsigned failed = 0;
    if (argc == 4 && strcmp(argv[1], "--behind") == 0)
        return behind(argv[2], (unsigned)strtoul(argv[3], NULL, 10));
    if (!read_options(argc, argv)) {
        fprintf(stderr, "joint: the witness file cannot be written\n");
        return 3;
    }
    for (unsigned c = 0; c < config_count; c++) {
        if (strncmp(configs[c].name, options.only, strlen(options.only)) == 0)
            *(explore_one(c) ? &passed : &failed) += 1;
    }
    if (witness != NULL && fclose(witness) != 0)
        failed++;
    printf("%u passed, %u failed\n", passed, failed);
    return failed == 0 && passed > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
