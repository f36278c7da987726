/* SPDX-License-Identifier: MIT */
/* mutant_list - every mutant of the table, one a line: number, row, line of x225.csv, what. */
#include <stdio.h>

#include "hook.h"
#include "proto/x225/x225_table.h"

int main(void)
{
    struct mutant m;
    char text[80];
    for (unsigned n = 0; hook_mutant(n, &m); n++) {
        hook_describe(&m, text, sizeof text);
        printf("%u\t%u\t%u\t%s\n", n, m.row, cvn_x225_lines[m.row], text);
    }
    return 0;
}
