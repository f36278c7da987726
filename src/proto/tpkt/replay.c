/* SPDX-License-Identifier: MIT */
/*
 * replay - checks the headers in vectors/, both directions: lines of four octets,
 * "=", and the packet's length or "none".
 *
 *   replay FOLDER                checks every *.txt there
 *   replay --seeds OUT FOLDER    writes each header as a fuzzer seed instead
 */
#include <dirent.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/tpkt/tpkt.h"

/* A length is read from the octets, and written again if the reserved octet is 0. */
static bool check(const uint8_t octets[CVN_TPKT_HEADER], uint32_t want)
{
    uint8_t written[CVN_TPKT_HEADER];
    if (cvn_tpkt_length(octets) != want)
        return false;
    if (want == 0)
        return true;
    cvn_tpkt_header(written, want);
    return written[1] == 0 && memcmp(written + 2, octets + 2, 2) == 0 && written[0] == octets[0];
}

static bool seed(const char *out, const uint8_t octets[CVN_TPKT_HEADER])
{
    char path[1000];
    (void)snprintf(path, sizeof path, "%s/%02x%02x%02x%02x", out, octets[0], octets[1], octets[2],
                   octets[3]);
    FILE *f = fopen(path, "wb");
    bool ok = f != NULL && fwrite(octets, 1, CVN_TPKT_HEADER, f) == CVN_TPKT_HEADER;
    return f != NULL && fclose(f) == 0 && ok;
}

static bool line(const char *text, const char *out)
{
    unsigned v[CVN_TPKT_HEADER];
    char length[16];
    uint8_t octets[CVN_TPKT_HEADER];
    if (sscanf(text, "%2x %2x %2x %2x = %15s", &v[0], &v[1], &v[2], &v[3], length) != 5)
        return false;
    for (size_t i = 0; i < CVN_TPKT_HEADER; i++)
        octets[i] = (uint8_t)v[i];
    if (out != NULL)
        return seed(out, octets);
    return check(octets, strcmp(length, "none") == 0 ? 0 : (uint32_t)strtoul(length, NULL, 10));
}

static void file(const char *path, const char *out, unsigned *passed, unsigned *failed)
{
    char text[200];
    FILE *f = fopen(path, "r");
    if (f == NULL || fgets(text, sizeof text, f) == NULL || text[0] != '#') {
        printf("%s: the first line does not cite a clause\n", path);
        ++*failed;
    }
    while (f != NULL && fgets(text, sizeof text, f) != NULL) {
        if (text[0] == '#')
            continue;
        bool ok = line(text, out);
        if (!ok)
            printf("%s: %s", path, text);
        *passed += ok;
        *failed += !ok;
    }
    if (f != NULL)
        (void)fclose(f);
}

static int is_vector(const struct dirent *d)
{
    size_t n = strlen(d->d_name);
    return n > 4 && strcmp(d->d_name + n - 4, ".txt") == 0;
}

int main(int argc, char **argv)
{
    bool seeding = argc == 4 && strcmp(argv[1], "--seeds") == 0;
    unsigned passed = 0;
    unsigned failed = 0;
    struct dirent **files = NULL;
    if (argc != 2 && !seeding) {
        (void)fprintf(stderr, "use: replay [--seeds OUT] FOLDER\n");
        return 64;
    }
    int n = scandir(argv[argc - 1], &files, is_vector, alphasort);
    for (int i = 0; i < n; i++) {
        char path[1000];
        (void)snprintf(path, sizeof path, "%s/%s", argv[argc - 1], files[i]->d_name);
        file(path, seeding ? argv[2] : NULL, &passed, &failed);
        free(files[i]);
    }
    free(files);
    printf("%u passed, %u failed\n", passed, failed);
    return failed == 0 && passed > 0 ? 0 : 1;
}
