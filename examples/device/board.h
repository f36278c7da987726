/* SPDX-License-Identifier: MIT */
/* board - what the machine does for the program: here QEMU's mps2-an386 (Cortex-M4), whose
 * console and power switch are the semihosting calls of a debugger. */
#ifndef BOARD_H
#define BOARD_H

#include <stddef.h>

/* One line to the console. */
void board_say(const char *line);
/* Ends the machine with an exit status. */
void board_exit(int status) __attribute__((noreturn));
/* Octets of the stack that were ever used. */
size_t board_stack_used(void);

int main(void);

#endif
