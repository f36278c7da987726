/* SPDX-License-Identifier: MIT */
/*
 * talk - what the files of convene talk share. A command is one JSON object, whether it came as such
 * or as words; so is everything that is said (docs/TALK.md).
 *
 * Invariants
 *   T1  commands are carried out and ends removed in talk_step() alone, once in a turn of the loop,
 *       never from inside a call of a stream or a machine.
 *   T2  an end in the list has a session connection machine; its stream is NULL before it is dialed
 *       and after it is over.
 */
#ifndef CVN_CLI_TALK_H
#define CVN_CLI_TALK_H

#include <jansson.h>

#include "cli/cli.h"
#include "cli/talk_prim.h"
#include "convene/connection.h"
#include "crypto/hash.h"
#include "transport/tcp/capture.h"
#include "transport/tcp/tcp.h"

#define TALK_PERIOD  251u
#define TALK_PATTERN (TALK_PERIOD * 1024u)

/* An SSDU of S-DATA or S-TYPED-DATA that comes. */
struct talk_in {
    bool open;
    enum cvn_x225_service service;
    uint64_t total;
    uint8_t *octets; /* those that are shown, while they are not too many */
    size_t cap;
    bool long_one; /* it has been said to have begun */
    bool pattern;
    struct cvn_digest *digest;
};

/* One that goes, as pattern. */
struct talk_out {
    bool on;
    enum cvn_x225_service service;
    uint64_t left;
    uint64_t sent;
    bool begin;
    bool end;
};

struct talk_echo; /* talk_auto.c */

/* One transport connection and the session connections on it. */
struct talk_end {
    struct talk_end *next;
    struct talk *t;
    unsigned number;
    bool initiator;
    struct cvn_sc *sc;
    struct cvn_stream *stream;
    struct cvn_dial *dial;
    struct cvn_flow *flow;
    uv_timer_t timer;
    char peer[264];
    bool reached;     /* the transport connection was open */
    bool over;        /* the transport connection is over, and said so */
    bool hang_up;     /* asked to end without more ado */
    bool paused;      /* what comes is not taken for now */
    bool session;     /* a session connection is there or being made */
    uint16_t offered; /* units of the last S-CONNECT indication */
    cvn_time dialed;
    cvn_time heard; /* when the last primitive came */
    size_t pushed;  /* octets of pattern in this turn */
    struct talk_in in;
    struct talk_out out;
    struct talk_echo *echo; /* --auto */
};

/* Something that may be waited for. */
struct talk_event {
    uint32_t serial;
    unsigned number; /* of the end */
    uint8_t service; /* enum cvn_x225_service, or one of those below */
    uint8_t type;
};
enum {
    TALK_CONNECTED = CVN_S_SERVICES, /* T-CONNECT */
    TALK_CLOSED,                     /* T-DISCONNECT */
    TALK_TSDU,                       /* --raw */
    TALK_SENT,
    TALK_PAUSE,
};
#define TALK_EVENTS 4096u /* that nobody has waited for yet; older ones are forgotten */

struct talk_wait {
    bool on;
    uint8_t service;
    int type;     /* -1: any */
    unsigned end; /* 0: any */
    uint32_t serial;
    cvn_time until; /* CVN_NEVER: without limit */
    json_t *command;
};

struct talk_input {
    char *text;
    size_t cap;
    size_t have;
    size_t at; /* of the next line */
    bool eof;
    bool skipping; /* the rest of a line that is too long */
    bool open;
    bool polling;
    bool is_file;
    uint64_t line;
    uv_poll_t poll;
};

struct talk {
    const struct cli_options *o;
    struct cvn_url url;
    struct cli_target target; /* who dials: where */
    uv_loop_t loop;
    uv_signal_t signals[3];
    uv_prepare_t turn;
    uv_idle_t again; /* there is more to do in the next turn */
    uv_timer_t timer;
    struct cvn_listener *listener;
    struct cvn_capture *capture;
    uint16_t units;        /* that this side has */
    uint8_t versions;      /* that it speaks */
    uint8_t classes;       /* enum cvn_transport_class; 0: the usual */
    struct talk_end *ends; /* oldest first */
    unsigned numbers;
    struct talk_input input;
    json_t *held; /* the command that waits for room */
    struct talk_wait wait;
    struct talk_event events[TALK_EVENTS];
    size_t event_first;
    size_t event_count;
    uint8_t *pattern;
    bool words;     /* commands are words, and so is what is said; else JSON */
    bool terminal;  /* commands are typed */
    bool cleared;   /* the line being typed is not to be seen now */
    char *typed;    /* a whole line */
    bool line_done; /* one has been typed: the next begins */
    char prompt[160];
    bool quit;     /* by command */
    bool stopping; /* told to by a signal */
    bool dirty;    /* standard output has something */
    bool served;   /* --once: a session has been */
    int exit_code;
};

/* Owns t->pattern, which outlives what is lent of it. */
extern struct cvn_ref talk_pattern_owner;

/* -------- talk.c -------- */
/* Says o, which it takes over: as JSON, or for people. e: NULL, or the end it is of. */
void talk_say(struct talk *t, const struct talk_end *e, json_t *o);
/* The same of a command: "id" is given back. */
void talk_answer(struct talk *t, const struct talk_end *e, const json_t *command, json_t *o);
void talk_refuse(struct talk *t, const struct talk_end *e, const json_t *command, const char *what,
                 const char *kind, const char *why);
void talk_note(struct talk *t, const struct talk_end *e, unsigned service, unsigned type,
               uint32_t serial);
void talk_worse(struct talk *t, int code);
/* Something has changed: there is another turn. */
void talk_again(struct talk *t);

/* -------- talk_input.c -------- */
int talk_input_open(struct talk *t);
void talk_input_close(struct talk *t);
/* The next line, without its end; false: there is none now. *error: it is too long. */
bool talk_input_line(struct talk *t, char **line, size_t *n, const char **error);
/* More is to be read if nothing is at hand. */
void talk_input_want(struct talk *t, bool want);

/* -------- talk_end.c -------- */
struct talk_end *talk_end_new(struct talk *t, bool initiator);
int talk_end_accept(struct talk_end *e, int fd);
int talk_end_dial(struct talk_end *e);
/* As cvn_sc_request(); says done or why not. */
int talk_end_request(struct talk_end *e, struct cvn_x225_prim *p, const json_t *command);
/* A TSDU as it is. CVN_OK, or what cvn_sc_tsdu() says. */
int talk_end_tsdu(struct talk_end *e, struct cvn_octets tsdu, bool expedited);
void talk_end_flush(struct talk_end *e);
/* One turn. */
void talk_end_step(struct talk_end *e);
/* Ends the transport connection now. */
void talk_end_hang_up(struct talk_end *e);
/* It is over: out of the list, its memory goes. */
void talk_end_remove(struct talk_end *e);
uint8_t talk_end_setting(const struct talk_end *e);
struct cvn_x225_vars talk_end_vars(const struct talk_end *e);

/* Of the parameters of a response what was left out and is not the machine's to choose. */
void talk_end_fill(struct talk_end *e, struct cvn_x225_prim *p);

/* -------- talk_show.c -------- */
/* State, tokens, numbers, what is allowed now. */
json_t *talk_state(const struct talk_end *e);
void talk_prompt(const struct talk_end *e, char *out, size_t cap);
/* command: NULL, or what its name begins with. e: NULL, or the end it would be for. */
void talk_help(FILE *to, const struct talk_end *e, const char *command);
/* "yes" and "no". */
void talk_answer_waiting(struct talk *t, struct talk_end *e, const json_t *c, bool yes);

/* -------- talk_term.c -------- */
void talk_term_open(struct talk *t);
void talk_term_close(struct talk *t);
void talk_term_want(struct talk *t, bool want);
void talk_term_clear(struct talk *t);
/* The line being typed comes back, with a prompt that is true. */
void talk_term_redraw(struct talk *t);

/* -------- talk_auto.c -------- */
/* What --auto says to an indication; slices of SSDUs as they come. */
void talk_auto(struct talk_end *e, const struct cvn_x225_prim *p);
/* It reads no further for now: too much waits to be sent. */
bool talk_auto_full(const struct talk_end *e);
void talk_auto_free(struct talk_end *e);

#endif
