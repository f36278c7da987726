/* SPDX-License-Identifier: MIT */
/* main - the tool. */
#include <signal.h>
#include <string.h>

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
    static const struct {
        const char *name;
        int (*run)(const struct cli_options *o);
    } commands[] = {{"send", cli_send}, {"receive", cli_receive}, {"talk", cli_talk}};
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
        if (strcmp(o.command, commands[i].name) == 0)
            return commands[i].run(&o);
    }
    return EXIT_USAGE;
}
