/* SPDX-License-Identifier: MIT */
/* address - session addresses as the commands take them. */
#include <string.h>

#include "cli/cli.h"

int cli_url(const char *text, bool narrow, struct cvn_url *out)
{
    const char *why;
    struct cvn_url u;
    if (cvn_url_parse(&u, text, &why) != CVN_OK) {
        cli_error(text, why, "iso://127.0.0.1:10102/inbox is one");
        return EXIT_USAGE;
    }
    if (u.scheme == CVN_SCHEME_ISOS) {
        cli_error(text, "protection is asked for, and this version has no TLS: nothing was sent",
                  "iso:// goes unprotected; a tunnel can protect it");
        return EXIT_DENIED;
    }
    if (u.minimal && !narrow) {
        cli_error(text, "files need references of the connection, which peer=minimal leaves out",
                  "leave it out of the address");
        return EXIT_USAGE;
    }
    *out = u;
    return 0;
}

static int digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

size_t cli_octets_of(const char *text, uint8_t *out, size_t cap)
{
    size_t n = strlen(text);
    if (n < 3 || text[0] != '0' || (text[1] | 0x20) != 'x') {
        if (n > cap)
            return 0;
        memcpy(out, text, n);
        return n;
    }
    if (n % 2 != 0 || (n - 2) / 2 > cap)
        return 0;
    for (size_t i = 2; i < n; i += 2) {
        int high = digit(text[i]);
        int low = digit(text[i + 1]);
        if (high < 0 || low < 0)
            return 0;
        out[i / 2 - 1] = (uint8_t)(high << 4 | low);
    }
    return n / 2 - 1;
}
