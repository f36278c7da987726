/* SPDX-License-Identifier: MIT */
/* hook - see hook.h. */
#include "hook.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "proto/x225/machine.h"
#include "proto/x225/x225_table.h"

#define ROWS_MAX 2048u

static struct row_counts own[ROWS_MAX];
static struct row_counts *counts = own;

static uint16_t touched[ROWS_MAX];
static unsigned ntouched;

void cvn_x225_looked_at(const struct cvn_x225_row *row)
{
    unsigned n = (unsigned)(row - cvn_x225_rows);
    if (counts[n].looked++ == 0 && ntouched < ROWS_MAX)
        touched[ntouched++] = (uint16_t)n;
}

unsigned hook_touched(unsigned n, struct row_counts *c)
{
    if (n >= ntouched)
        return HOOK_NO_ROW;
    *c = counts[touched[n]];
    return touched[n];
}

void hook_forget(void)
{
    while (ntouched > 0)
        memset(&counts[touched[--ntouched]], 0, sizeof *counts);
}

void cvn_x225_taken(const struct cvn_x225_row *row)
{
    counts[row - cvn_x225_rows].taken++;
}

unsigned hook_rows(void)
{
    unsigned n = 0;
    while (cvn_x225_lines[n] != 0)
        n++;
    return n;
}

/* Fixed, but spread over what there is. */
static unsigned draw(unsigned row, unsigned salt, unsigned below)
{
    uint32_t h = row * 2654435761u ^ salt * 40503u;
    h ^= h >> 15;
    h *= 2246822519u;
    h ^= h >> 13;
    return h % below;
}

static unsigned wrong_state(unsigned row)
{
    unsigned s = draw(row, 1, CVN_X225_STATES - 1);
    return s >= cvn_x225_rows[row].next ? s + 1 : s;
}

/* Another SPDU for an SPDU, another primitive for a primitive. */
static unsigned wrong_output(unsigned row, unsigned at)
{
    static const unsigned ends[] = {X225_SPDU_FIRST, X225_INDICATION_FIRST, X225_TRANSPORT_FIRST,
                                    X225_OUT_COUNT};
    unsigned right = cvn_x225_rows[row].output[at];
    unsigned k = right < ends[1] ? 0 : right < ends[2] ? 1 : 2;
    unsigned o = ends[k] + draw(row, 2 + at, ends[k + 1] - ends[k] - 1);
    return o >= right ? o + 1 : o;
}

static bool is_literal(uint8_t code)
{
    return code != X225_OP_OR;
}

static unsigned literals(const uint8_t *program)
{
    unsigned n = 0;
    for (; *program != X225_OP_END; program++)
        n += is_literal(*program);
    return n;
}

static unsigned filled(const uint8_t *list, unsigned n)
{
    unsigned k = 0;
    while (k < n && list[k] != 0)
        k++;
    return k;
}

bool hook_mutant(unsigned n, struct mutant *m)
{
    for (unsigned row = 0; cvn_x225_lines[row] != 0; row++) {
        const struct cvn_x225_row *r = &cvn_x225_rows[row];
        const unsigned many[] = {
            [WRONG_NEXT] = 1,
            [NO_ACTION] = filled(r->action, sizeof r->action),
            [NO_OUTPUT] = filled(r->output, sizeof r->output),
            [WRONG_OUTPUT] = filled(r->output, sizeof r->output),
            [NEGATED] = literals(&cvn_x225_programs[r->program]),
        };
        for (unsigned kind = 0; kind <= NEGATED; kind++) {
            if (n >= many[kind]) {
                n -= many[kind];
                continue;
            }
            *m = (struct mutant){.row = row, .kind = (enum mutation)kind, .at = n};
            if (kind == WRONG_NEXT)
                m->wrong = wrong_state(row);
            if (kind == WRONG_OUTPUT)
                m->wrong = wrong_output(row, n);
            return true;
        }
    }
    return false;
}

/* Where the literal number at stands in a program. */
static unsigned literal_at(const uint8_t *program, unsigned at)
{
    unsigned i = 0;
    for (;; i++) {
        if (is_literal(program[i]) && at-- == 0)
            return i;
    }
}

void hook_describe(const struct mutant *m, char *text, size_t size)
{
    const struct cvn_x225_row *r = &cvn_x225_rows[m->row];
    const uint8_t *program = &cvn_x225_programs[r->program];
    switch (m->kind) {
    case WRONG_NEXT:
        snprintf(text, size, "next state %s for %s",
                 cvn_x225_state_name((enum cvn_x225_state)m->wrong),
                 cvn_x225_state_name((enum cvn_x225_state)r->next));
        break;
    case NO_ACTION:
        snprintf(text, size, "without [%u]", cvn_x225_action_numbers[r->action[m->at]]);
        break;
    case NO_OUTPUT:
        snprintf(text, size, "without %s", cvn_x225_output_names[r->output[m->at]]);
        break;
    case WRONG_OUTPUT:
        snprintf(text, size, "%s for %s", cvn_x225_output_names[m->wrong],
                 cvn_x225_output_names[r->output[m->at]]);
        break;
    case NEGATED: {
        uint8_t code = program[literal_at(program, m->at)];
        snprintf(text, size, "%s%s negated", (code & X225_OP_NOT) != 0 ? "^" : "",
                 cvn_x225_predicate_names[code & ~X225_OP_NOT & 0xffu]);
        break;
    }
    }
}

static void without(uint8_t *list, unsigned n, unsigned at)
{
    for (; at + 1 < n; at++)
        list[at] = list[at + 1];
    list[n - 1] = 0;
}

void hook_apply(const struct mutant *m)
{
    struct cvn_x225_row *r = &cvn_x225_rows[m->row];
    switch (m->kind) {
    case WRONG_NEXT:
        r->next = (uint16_t)(m->wrong & 31u);
        break;
    case NO_ACTION:
        without(r->action, sizeof r->action, m->at);
        break;
    case NO_OUTPUT:
        without(r->output, sizeof r->output, m->at);
        break;
    case WRONG_OUTPUT:
        r->output[m->at] = (uint8_t)m->wrong;
        break;
    case NEGATED: {
        uint8_t *copy = &cvn_x225_programs[cvn_x225_programs_end];
        const uint8_t *program = &cvn_x225_programs[r->program];
        unsigned n = 0;
        do {
            if (n == X225_PROGRAM_ROOM)
                abort();
            copy[n] = program[n];
        } while (program[n++] != X225_OP_END);
        copy[literal_at(copy, m->at)] ^= X225_OP_NOT;
        r->program = (uint16_t)(cvn_x225_programs_end & 1023u);
        break;
    }
    }
}

static void fail(const char *what, const char *of)
{
    fprintf(stderr, "hook: %s: %s\n", of, what);
    _exit(3);
}

static void share_counts(const char *path)
{
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (fd < 0 || ftruncate(fd, sizeof own) != 0)
        fail("cannot be written", path);
    void *p = mmap(NULL, sizeof own, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (p == MAP_FAILED)
        fail("cannot be mapped", path);
    counts = p;
    close(fd);
}

__attribute__((constructor)) static void begin(void)
{
    const char *mutant = getenv("X225_MUTANT");
    const char *rows = getenv("X225_ROWS");
    struct mutant m;
    if (rows != NULL)
        share_counts(rows);
    if (mutant == NULL)
        return;
    if (!hook_mutant((unsigned)strtoul(mutant, NULL, 10), &m))
        fail("no such mutant", mutant);
    hook_apply(&m);
}
