/* SPDX-License-Identifier: MIT */
/* board - the vectors, the start, semihosting. */
#include "board.h"

#include <stdint.h>

#define SYS_WRITE0        0x04u
#define SYS_EXIT_EXTENDED 0x20u
#define STOPPED_EXIT      0x20026u /* ADP_Stopped_ApplicationExit */
#define STACK_PAINT       0x5aa5c33cu

/* board.ld */
extern uint32_t board_bss[];
extern uint32_t board_bss_end[];
extern uint32_t board_stack[];
extern uint32_t board_stack_unused[]; /* board_reset() is at work above it */
extern uint32_t board_stack_top[];

static uint32_t semihosting(uint32_t call, const void *argument)
{
    register uint32_t r0 __asm__("r0") = call;
    register const void *r1 __asm__("r1") = argument;
    __asm__ volatile("bkpt 0xab" : "+r"(r0) : "r"(r1) : "memory");
    return r0;
}

void board_say(const char *line)
{
    (void)semihosting(SYS_WRITE0, line);
    (void)semihosting(SYS_WRITE0, "\n");
}

void board_exit(int status)
{
    const uint32_t why[2] = {STOPPED_EXIT, (uint32_t)status};
    for (;;)
        (void)semihosting(SYS_EXIT_EXTENDED, why);
}

size_t board_stack_used(void)
{
    const uint32_t *at = board_stack;
    while (at < board_stack_top && *at == STACK_PAINT)
        at++;
    return (size_t)(board_stack_top - at) * sizeof *at;
}

/* A trap: a failed assertion, or worse. */
static void board_fault(void)
{
    board_say("fault");
    board_exit(70);
}

/* There is no .data to copy: the library has none, and neither has the program. */
static void board_reset(void)
{
    for (uint32_t *p = board_stack; p < board_stack_unused; p++)
        *p = STACK_PAINT;
    for (uint32_t *p = board_bss; p < board_bss_end; p++)
        *p = 0;
    board_exit(main());
}

typedef void board_vector(void);

extern const struct board_vectors {
    uint32_t *stack;
    board_vector *vector[15];
} board_vectors;

__attribute__((section(".vectors"), used)) const struct board_vectors board_vectors = {
    board_stack_top,
    {board_reset, board_fault, board_fault, board_fault, board_fault, board_fault},
};
