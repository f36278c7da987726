/* SPDX-License-Identifier: MIT */
/* trace - what the files of `convene trace` share. */
#ifndef CVN_CLI_TRACE_H
#define CVN_CLI_TRACE_H

#include <jansson.h>

#include "cli/cli.h"
#include "session/watch.h"
#include "session/watch_tcp.h"

struct trace_svg;

/* When and where something was seen. */
struct trace_at {
    uint64_t time_ns; /* since 1970 */
    uint64_t frame;   /* number of the packet in the file, from 1 */
    unsigned link;    /* number of the connection, from 1 */
};

struct trace_out {
    FILE *to;
    bool json;
    bool began;
    size_t show; /* octets of user data */
    uint64_t start_ns;
    struct trace_svg *svg;
    uint64_t spdus;
    unsigned wrong;
    unsigned tolerated;
};

/* trace_fields.c: parameters as an array of objects, docs/TRACE.md. */
json_t *trace_parameters(const struct cvn_watch_event *ev, size_t show);
json_t *trace_tpdu(const struct cvn_watch_event *ev);
const char *trace_spdu_name(const struct cvn_watch_event *ev);
const char *trace_tpdu_name(uint8_t code);
/* "STA713", "?" */
const char *trace_state(unsigned state);

/* trace_out.c: lines, or objects. */
void trace_opened(struct trace_out *o, const struct trace_at *at, const char *a, const char *b,
                  bool midway);
void trace_event(struct trace_out *o, const struct trace_at *at, const struct cvn_watch_event *ev);
void trace_ended(struct trace_out *o, const struct trace_at *at, unsigned side, bool reset);
void trace_note(struct trace_out *o, const struct trace_at *at, const char *what);

/* trace_svg.c: the ladder diagram of all connections. NULL: no memory. */
struct trace_svg *trace_svg_new(void);
void trace_svg_link(struct trace_svg *g, unsigned link, const char *a, const char *b);
void trace_svg_event(struct trace_svg *g, const struct trace_at *at,
                     const struct cvn_watch_event *ev);
void trace_svg_end(struct trace_svg *g, const struct trace_at *at, unsigned side, bool reset);
/* 0, or errno. */
int trace_svg_write(struct trace_svg *g, const char *path);
void trace_svg_free(struct trace_svg *g);

#endif
