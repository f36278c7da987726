/* SPDX-License-Identifier: MIT */
/* cli - what the commands of the tool share. */
#ifndef CVN_CLI_H
#define CVN_CLI_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "convene/url.h"
#include "convene/x225.h"
#include "session/receive.h"
#include "transport/tcp/qos.h"
#include "transport/tcp/tcp.h"

/* docs/man/convene.1, EXIT STATUS */
enum cli_exit {
    EXIT_RELEASED = 0,
    EXIT_ABORTED = 1,
    EXIT_USAGE = 64,
    EXIT_REFUSED_DATA = 65,
    EXIT_NO_INPUT = 66,
    EXIT_UNREACHED = 69,
    EXIT_INTERNAL = 70,
    EXIT_EXISTS = 73,
    EXIT_LOCAL_IO = 74,
    EXIT_SUSPENDED = 75,
    EXIT_PROTOCOL = 76,
    EXIT_DENIED = 77,
    EXIT_CONFIG = 78,
};

struct cli_options {
    const char *command;
    int (*run)(const struct cli_options *o);
    const char **operands; /* what is not an option */
    int noperands;
    bool json;
    bool verbose;
    bool silent;
    const char *pcap;
    uint64_t snap; /* octets kept of a packet; 0: all */
    int family;
    const char *config; /* sessions.conf; NULL: where it is looked for */
    const char *dscp;
    unsigned priority; /* + 1; 0: not said */
    /* send */
    unsigned jobs;
    uint64_t limit_rate;
    const char *hash;
    bool follow_links;
    bool again;
    double connect_timeout;
    bool connect_timeout_said;
    double retry_for;  /* < 0: until stopped */
    double dead_after; /* 0: the library's */
    uint64_t window;
    uint64_t spacing;
    unsigned points_max;
    const char *name; /* of standard input */
    /* receive */
    const char *listen;
    const char *into;
    bool once;
    const char *on_conflict;
    uint64_t keep_s;
    uint64_t max_octets;
    bool insecure;
    /* talk */
    bool automatic;
    bool raw;       /* TSDUs, no session protocol */
    bool expedited; /* the transport's expedited data */
    bool reuse;     /* transport connections are kept */
    bool extended;  /* extended concatenation is taken */
    bool error_report;
    const char *units; /* that this side has; NULL: all */
    const char *versions;
    uint64_t tpdu_size;  /* 0: the largest */
    const char *classes; /* of the transport; NULL: the usual */
    double tim;          /* 0: the machine's */
    uint64_t show;       /* octets of user data that are shown */
    /* trace */
    const char *svg;
    uint64_t user_data; /* octets that are shown */
    unsigned port;      /* 0: any that carries TPKTs */
    /* probe */
    double timeout;
    const char *data;
};

/* Parses argv; prints what is wrong. 0, or an exit code (help: -1 with all said). */
int cli_parse(struct cli_options *o, int argc, char **argv);

int cli_send(const struct cli_options *o);
int cli_receive(const struct cli_options *o);
int cli_talk(const struct cli_options *o);
int cli_probe(const struct cli_options *o);
int cli_connect(const struct cli_options *o);
int cli_serve(const struct cli_options *o);
int cli_trace(const struct cli_options *o);

/* Where a URL leads: sessions.conf, SRV and options taken into account. */
struct cli_target {
    struct cvn_url url; /* selectors: the URL's own, else those of sessions.conf */
    struct cvn_target targets[CVN_TARGETS_MAX];
    size_t ntargets;
    double connect_timeout; /* seconds */
    struct cvn_tcp_qos qos;
    uint64_t limit_rate; /* octets a second; 0: none */
    bool qos_said;
};
/* As cli_url(), for a peer that is to be dialled. */
int cli_target(const struct cli_options *o, const char *text, bool narrow, struct cli_target *t);
/* Marks a socket as t says; what cannot be set is said, once. */
void cli_qos(const struct cli_options *o, struct cli_target *t, int fd);

/* A session address. narrow: peer=minimal is taken. 0, or an exit code with the error said. */
int cli_url(const char *text, bool narrow, struct cvn_url *out);

/* Text as it is, or 0x and pairs of hexadecimal digits. How many octets; 0: none, malformed, or more
 * than cap. */
size_t cli_octets_of(const char *text, uint8_t *out, size_t cap);

/* "convene: what: why (do)" on standard error; do may be NULL. */
void cli_error(const char *what, const char *why, const char *fix);
/* The worse of two exit codes. */
int cli_worse(int a, int b);
int cli_trouble_exit(uint8_t trouble);

/* $XDG_STATE_HOME/convene, made with mode 0700; fills path. 0, or an exit code with the error said. */
int cli_state_folder(char *path, size_t cap);

/* A name for people: printable UTF-8 as it is, all else as \xNN. */
const char *cli_escape(char *out, size_t cap, const char *name, size_t n);
/* "1.5 MiB", "340 B" */
const char *cli_octets(char *out, size_t cap, uint64_t n);

/* One event as a JSON line: pairs of key and value, type letter before each key: 's' text
 * (escaped as above), 'n' name (const char *, size_t), 'u' uint64_t, 'd' double, 'b' bool,
 * 'h' octets as hexadecimal (const uint8_t *, size_t). Ends with NULL. */
void cli_json(FILE *to, const char *event, ...);
/* -v: one line for a primitive, never its user data. */
void cli_primitive(const struct cvn_x225_prim *p, bool sent, const char *peer);

#endif
