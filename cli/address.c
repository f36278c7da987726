/* SPDX-License-Identifier: MIT */
/* address - session addresses as the commands take them. */
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
