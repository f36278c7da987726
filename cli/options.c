/* SPDX-License-Identifier: MIT */
/* options - the command line: one table for parsing and help. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "cli/cli.h"

enum kind { FLAG, TEXT, COUNT, PRIORITY, OCTETS, SECONDS, AGE, FAMILY4, FAMILY6, HELP, VERSION };

struct option {
    const char *name;
    char letter;
    const char *commands; /* the letters of those that take it */
    enum kind kind;
    size_t offset;
    const char *value;
    const char *help;
};

#define AT(member) offsetof(struct cli_options, member)

/* clang-format off */
static const struct option options[] = {
    {"listen",          0,  "rtv", TEXT,    AT(listen),          "URL",     "where to listen: iso://127.0.0.1:10102/inbox"},
    {"into",            0,  "r",  TEXT,    AT(into),            "DIR",     "the folder that files are received into"},
    {"once",            0,  "rt", FLAG,    AT(once),            NULL,      "end when every session since the first has ended"},
    {"on-conflict",     0,  "r",  TEXT,    AT(on_conflict),     "WHAT",    "a file of that name exists: fail (default), replace, rename"},
    {"keep",            0,  "rv",  AGE,     AT(keep_s),          "TIME",    "how long what is unfinished is kept: 90s, 12h, 7d (default 7d)"},
    {"max-octets",      0,  "r",  OCTETS,  AT(max_octets),      "N",       "most octets of all that is unfinished: 500M, 20G"},
    {"config",          0,  "sptc",TEXT,    AT(config),          "FILE",    "sessions.conf (default: docs/ADDRESSES.md)"},
    {"dscp",            0,  "sptc",TEXT,    AT(dscp),            "NAME",    "mark packets: ef, af11 to af43, cs0 to cs7, le, 0 to 63"},
    {"priority",        0,  "sptc",PRIORITY,AT(priority),        "N",       "of the packets on this machine: 0 to 6"},
    {"insecure",        0,  "rtv", FLAG,    AT(insecure),        NULL,      "listen on other addresses than loopback without TLS"},
    {"jobs",            'j',"s",  COUNT,   AT(jobs),            "N",       "sessions at once for many files (default 4)"},
    {"limit-rate",      0,  "s",  OCTETS,  AT(limit_rate),      "RATE",    "octets a second, all sessions together: 500K, 20M"},
    {"hash",            0,  "s",  TEXT,    AT(hash),            "NAME",    "xxh128 (default) or sha256"},
    {"follow",          'L',"s",  FLAG,    AT(follow_links),    NULL,      "send what symbolic links point to"},
    {"name",            0,  "s",  TEXT,    AT(name),            "NAME",    "the name that standard input (-) gets (default: stdin)"},
    {"again",           0,  "s",  FLAG,    AT(again),           NULL,      "send again what a peer that is not convene may have"},
    {"timeout",         0,  "p",  SECONDS, AT(timeout),         "SECONDS", "for each answer of the peer (default 5)"},
    {"data",            0,  "p",  TEXT,    AT(data),            "OCTETS",  "user data of S-CONNECT: text, or 0x and digits"},
    {"connect-timeout", 0,  "sptc", SECONDS, AT(connect_timeout), "SECONDS", "until the peer is first reached (default 10)"},
    {"retry-for",       0,  "sc",  SECONDS, AT(retry_for),       "SECONDS", "of one outage (default: until stopped)"},
    {"dead-after",      0,  "s",  SECONDS, AT(dead_after),      "SECONDS", "silence of a peer that owes an answer (default 10)"},
    {"window",          0,  "scv",  OCTETS,  AT(window),          "N",       "octets sent and not confirmed (default 4M)"},
    {"checkpoint",      0,  "s",  OCTETS,  AT(spacing),         "N",       "octets between synchronization points (default 1M)"},
    {"points",          0,  "s",  COUNT,   AT(points_max),      "N",       "synchronization points of one activity (default 990000)"},
    {"auto",            0,  "t",  FLAG,    AT(automatic),       NULL,      "answer every indication positively, send data back"},
    {"raw",             0,  "t",  FLAG,    AT(raw),             NULL,      "TSDUs alone, without the session protocol"},
    {"expedited",       0,  "t",  FLAG,    AT(expedited),       NULL,      "transport expedited data: ask for it, agree to it"},
    {"reuse",           0,  "t",  FLAG,    AT(reuse),           NULL,      "keep transport connections for further sessions"},
    {"extended",        0,  "t",  FLAG,    AT(extended),        NULL,      "take extended concatenation"},
    {"error-report",    0,  "t",  FLAG,    AT(error_report),    NULL,      "report a peer's error where that is allowed, do not abort"},
    {"units",           0,  "t",  TEXT,    AT(units),           "LIST",    "functional units this side has (default all)"},
    {"versions",        0,  "t",  TEXT,    AT(versions),        "LIST",    "protocol versions it speaks: 1, 2 or 1,2 (default)"},
    {"tpdu-size",       0,  "t",  OCTETS,  AT(tpdu_size),       "N",       "largest TPDU, 128 to 65531 (default)"},
    {"transport-class", 0,  "t",  TEXT,    AT(classes),         "LIST",    "0, 2, or 0,2: proposed (default 0), agreed to (default 0,2)"},
    {"tim",             0,  "t",  SECONDS, AT(tim),             "SECONDS", "timer TIM (default 30)"},
    {"show",            0,  "t",  OCTETS,  AT(show),            "N",       "octets of user data that are shown (default 64K)"},
    {"user-data",       0,  "x",  OCTETS,  AT(user_data),       "N",       "octets of user data that are shown (default none)"},
    {"svg",             0,  "x",  TEXT,    AT(svg),             "FILE",    "draw the ladder diagram"},
    {"port",            0,  "x",  COUNT,   AT(port),            "PORT",    "connections of this port alone, whatever they carry"},
    {"json",            0,  "srptxcv",FLAG,    AT(json),            NULL,      "events, one JSON object a line, on standard output"},
    {"pcap",            0,  "srt", TEXT,    AT(pcap),            "FILE",    "write what went over the wire as pcapng (added to it)"},
    {"snap",            0,  "srt", OCTETS,  AT(snap),            "N",       "octets of each packet that --pcap keeps (default all)"},
    {"verbose",         'v',"srptcv",FLAG,    AT(verbose),         NULL,      "show session primitives on standard error"},
    {"silent",          's',"srv", FLAG,    AT(silent),          NULL,      "no progress bar, no summary"},
    {"ipv4",            '4',"srptcv",FAMILY4, AT(family),          NULL,      "IPv4 only"},
    {"ipv6",            '6',"srptcv",FAMILY6, AT(family),          NULL,      "IPv6 only"},
    {"help",            'h',"srptxcv",HELP,    0,                   NULL,      "this text"},
    {"version",         'V',"srptxcv",VERSION, 0,                   NULL,      "the version"},
};
/* clang-format on */
#define NOPTIONS (sizeof options / sizeof options[0])

static void help_of(char which)
{
    for (size_t i = 0; i < NOPTIONS; i++) {
        const struct option *p = &options[i];
        char left[40];
        if (strchr(p->commands, which) == NULL)
            continue;
        (void)snprintf(left, sizeof left, "--%s%s%s", p->name, p->value != NULL ? "=" : "",
                       p->value != NULL ? p->value : "");
        (void)printf("  %c%c %-26s %s\n", p->letter != 0 ? '-' : ' ',
                     p->letter != 0 ? p->letter : ' ', left, p->help);
    }
}

/* The commands: one row each. letter: of the table of options. */
static const struct command {
    const char *name;
    char letter;
    const char *help;
    int (*run)(const struct cli_options *o);
} commands[] = {
    {"send", 's',
     "usage: convene send [OPTION]... FILE... URL\n"
     "Sends files, folders (recursively) or standard input (-) as checkpointed activities.\n",
     cli_send},
    {"receive", 'r',
     "usage: convene receive [OPTION]... --listen URL --into DIR\n"
     "Receives files into a folder until stopped.\n",
     cli_receive},
    {"talk", 't',
     "usage: convene talk [OPTION]... URL | --listen URL\n"
     "The session service by hand or by script, one primitive after another.\n",
     cli_talk},
    {"connect", 'c',
     "usage: convene connect [OPTION]... URL\n"
     "Standard input and output as one session, which outlives its links.\n",
     cli_connect},
    {"serve", 'v',
     "usage: convene serve [OPTION]... --listen URL NAME=SERVICE...\n"
     "Serves sessions: echo (sends back what comes), sink (throws it away).\n",
     cli_serve},
    {"probe", 'p',
     "usage: convene probe [OPTION]... URL\n"
     "Says what a peer is: versions, functional units, sizes, and what it does wrong.\n",
     cli_probe},
    {"trace", 'x',
     "usage: convene trace [OPTION]... FILE | -\n"
     "Decodes captures, follows both ends, and says where one breaks the rules.\n",
     cli_trace},
};
#define NCOMMANDS (sizeof commands / sizeof commands[0])

static const struct command *command_of(const char *name)
{
    for (size_t i = 0; name != NULL && i < NCOMMANDS; i++) {
        if (strcmp(commands[i].name, name) == 0)
            return &commands[i];
    }
    return NULL;
}

static void help(const char *command)
{
    const struct command *only = command_of(command);
    (void)printf("convene: sessions that outlive their connections\n\n");
    for (size_t i = 0; i < NCOMMANDS; i++) {
        if (only != NULL && only != &commands[i])
            continue;
        (void)printf("%s", commands[i].help);
        help_of(commands[i].letter);
        (void)printf("\n");
    }
    (void)printf(
        "URL: iso://host[:port]/SELECTOR[?tsel=SELECTOR&name=SELECTOR&peer=minimal], port 102 by "
        "default.\n");
    if (only == NULL || only->letter == 's')
        (void)printf(
            "Interrupted (exit 75)? Run the same command again: it goes on where it was.\n");
}

static bool number(const char *text, double *out, const char **rest)
{
    char *end;
    errno = 0;
    double v = strtod(text, &end);
    if (end == text || errno != 0 || !(v >= 0) || v > 9e18)
        return false;
    *out = v;
    *rest = end;
    return true;
}

static bool octets(const char *text, uint64_t *out)
{
    double v;
    const char *rest;
    if (!number(text, &v, &rest))
        return false;
    static const char units[] = "KMGT";
    const char *u = *rest == '\0' ? NULL : strchr(units, *rest >= 'a' ? *rest - 32 : *rest);
    if (*rest != '\0' && (u == NULL || rest[1] != '\0'))
        return false;
    for (const char *p = units; u != NULL && p <= u; p++)
        v *= 1024;
    *out = (uint64_t)v;
    return v >= 1 && v < 9e18;
}

static bool age(const char *text, uint64_t *out)
{
    double v;
    const char *rest;
    if (!number(text, &v, &rest) || (*rest != '\0' && rest[1] != '\0'))
        return false;
    double unit = *rest == 'd' ? 86400 : *rest == 'h' ? 3600 : *rest == 'm' ? 60 : 1;
    *out = (uint64_t)(v * unit);
    return *rest == '\0' || strchr("dhms", *rest) != NULL;
}

static bool set_value(struct cli_options *o, const struct option *p, const char *value)
{
    void *at = (char *)o + p->offset;
    double v = 0;
    const char *rest = "";
    bool ok = true;
    switch (p->kind) {
    case TEXT:
        *(const char **)at = value;
        break;
    case COUNT:
        ok = number(value, &v, &rest) && *rest == '\0' && v >= 1 && v <= 990000;
        *(unsigned *)at = (unsigned)v;
        break;
    case PRIORITY: /* 0 is none said */
        ok = number(value, &v, &rest) && *rest == '\0' && v <= 6 && v == (double)(unsigned)v;
        *(unsigned *)at = (unsigned)v + 1;
        break;
    case OCTETS:
        ok = octets(value, at);
        break;
    case SECONDS:
        ok = number(value, &v, &rest) && *rest == '\0';
        *(double *)at = v;
        o->connect_timeout_said = o->connect_timeout_said || at == (void *)&o->connect_timeout;
        break;
    case AGE:
        ok = age(value, at);
        break;
    case FAMILY4:
        *(int *)at = AF_INET;
        break;
    case FAMILY6:
        *(int *)at = AF_INET6;
        break;
    default:
        *(bool *)at = true;
        break;
    }
    return ok;
}

static const struct option *find(const char *arg, char which, const char **value, bool *joined)
{
    bool is_long = arg[1] == '-';
    const char *name = arg + (is_long ? 2 : 1);
    const char *equals = is_long ? strchr(name, '=') : NULL;
    size_t n = equals != NULL ? (size_t)(equals - name) : strlen(name);
    *joined = equals != NULL;
    *value = equals != NULL ? equals + 1 : NULL;
    for (size_t i = 0; i < NOPTIONS; i++) {
        const struct option *p = &options[i];
        if (which != 0 && strchr(p->commands, which) == NULL)
            continue;
        if (is_long && strlen(p->name) == n && memcmp(p->name, name, n) == 0)
            return p;
        if (!is_long && p->letter != 0 && p->letter == name[0]) {
            *joined = name[1] != '\0';
            *value = *joined ? name + 1 : NULL;
            return p;
        }
    }
    return NULL;
}

static int usage(const char *what, const char *why)
{
    cli_error(what, why, "convene --help lists what there is");
    return EXIT_USAGE;
}

/* One option; *i moves past its value. */
static int one_option(struct cli_options *o, char which, int argc, char **argv, int *i)
{
    const char *value;
    bool joined;
    const struct option *p = find(argv[*i], which, &value, &joined);
    if (p == NULL)
        return usage(argv[*i], "no such option here");
    if (p->kind == HELP) {
        help(o->command);
        return -1;
    }
    if (p->kind == VERSION) {
        (void)printf("convene %s\n", CVN_VERSION);
        return -1;
    }
    if (p->value == NULL && joined)
        return usage(argv[*i], "this option takes no value");
    if (p->value != NULL && !joined) {
        if (*i + 1 >= argc)
            return usage(argv[*i], "this option needs a value");
        value = argv[++*i];
    }
    if (!set_value(o, p, value)) {
        char what[64];
        (void)snprintf(what, sizeof what, "--%s", p->name);
        return usage(what, "the value is not one it takes");
    }
    return 0;
}

int cli_parse(struct cli_options *o, int argc, char **argv)
{
    bool only_operands = false;
    char which = 0;
    *o = (struct cli_options){.jobs = 4,
                              .hash = "xxh128",
                              .on_conflict = "fail",
                              .name = "stdin",
                              .connect_timeout = 10,
                              .timeout = 5,
                              .retry_for = -1,
                              .show = 65536,
                              .family = AF_UNSPEC};
    o->operands = (const char **)(uintptr_t)argv; /* compacted in place */
    for (int i = 1; i < argc; i++) {
        const char *arg = argv[i];
        if (!only_operands && strcmp(arg, "--") == 0) {
            only_operands = true;
        } else if (!only_operands && arg[0] == '-' && arg[1] != '\0') {
            int rc = one_option(o, which, argc, argv, &i);
            if (rc != 0)
                return rc;
        } else if (o->command == NULL) {
            o->command = arg;
            const struct command *c = command_of(arg);
            which = c != NULL ? c->letter : 0;
            o->run = c != NULL ? c->run : NULL;
            if (strcmp(arg, "help") == 0) {
                help(NULL);
                return -1;
            }
            if (which == 0)
                return usage(arg, "no such command");
        } else {
            o->operands[o->noperands++] = arg;
        }
    }
    return o->command == NULL ? usage("convene", "a command is missing") : 0;
}
