/* SPDX-License-Identifier: MIT */
/* main - the tool. */
#include <signal.h>

#include "cli/cli.h"
#include "os/linux/faults.h"

int main(int argc, char **argv)
{
    struct cli_options o;
    int rc = cli_parse(&o, argc, argv);
    if (rc != 0)
        return rc < 0 ? 0 : rc;
    (void)signal(SIGPIPE, SIG_IGN);
    cvn_fault_install();
    return o.run(&o);
}
