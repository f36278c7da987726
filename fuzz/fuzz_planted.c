/* SPDX-License-Identifier: MIT */
/*
 * The test of the fuzzing itself: behind three octets that must be guessed one
 * after the other stands a read past the end. A run that does not find it proves
 * nothing about the other targets.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *in, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *in, size_t size)
{
    volatile uint8_t sum = 0;
    uint8_t *copy = malloc(size + 1);
    if (copy == NULL)
        return 0;
    copy = realloc(copy, size == 0 ? 1 : size);
    if (copy == NULL)
        abort();
    memcpy(copy, in, size);
    if (size >= 4 && copy[0] == 0x03 && copy[1] == 0x5a && copy[2] == 0xe0)
        sum = copy[size];
    free(copy);
    return sum & 0;
}
