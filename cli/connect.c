/* SPDX-License-Identifier: MIT */
/*
 * connect - standard input and output as one stream session.
 *
 * Invariants
 *   I1  nothing is read from standard input that the session has no room for, but one buffer.
 *   I2  standard output is never waited for: what it does not take stays in the session.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/cli.h"
#include "loop/wire.h"

#define INPUT      65536u
#define NS         1000000000ull
#define DIALS_OPEN 4u

struct call {
    struct caller *all;
    struct cvn_dial *dial;
};

struct caller {
    const struct cli_options *o;
    struct cli_target target;
    uv_loop_t loop;
    uv_timer_t timer;
    uv_signal_t signals[3];
    struct cvn_wires wires;
    struct cvn_session *s;
    struct call calls[DIALS_OPEN];

    uv_poll_t in_poll;
    uv_idle_t in_idle; /* a file: always ready */
    bool in_is_file;
    bool in_reading;
    bool in_ended;
    uint8_t in[INPUT];
    size_t in_have, in_fed;

    int out;
    uv_poll_t out_poll;
    bool out_polls; /* out can be waited for */
    bool out_socket;
    bool out_waiting;
    int out_error;
    unsigned dials_failed; /* without memory: told by arm() */
    int exit_code;
    bool over;
    bool winding_up;
};

static void arm(void *ctx);
static void read_more(struct caller *c);
static void on_timer(uv_timer_t *t);

/* -------- standard output -------- */

static void on_out_ready(uv_poll_t *p, int status, int events)
{
    struct caller *c = p->data;
    (void)status;
    (void)events;
    (void)uv_poll_stop(p);
    c->out_waiting = false;
    cvn_session_pull(c->s, uv_hrtime());
    arm(c);
}

static void out_failed(struct caller *c)
{
    char why[CVN_WORD_TEXT_MAX];
    (void)snprintf(why, sizeof why, "standard output: %s", strerror(c->out_error));
    cli_error("standard output", strerror(c->out_error), NULL);
    c->exit_code = EXIT_LOCAL_IO;
    cvn_session_abort(c->s, why, uv_hrtime());
}

static size_t on_data(void *ctx, struct cvn_session *s, uint64_t at, struct cvn_octets data)
{
    struct caller *c = ctx;
    size_t done = 0;
    (void)s;
    (void)at;
    while (done < data.n && !c->out_waiting && c->out_error == 0) {
        ssize_t n = c->out_socket
                        ? send(c->out, data.p + done, data.n - done, MSG_DONTWAIT | MSG_NOSIGNAL)
                        : write(c->out, data.p + done, data.n - done);
        if (n >= 0) {
            done += (size_t)n;
        } else if (errno == EAGAIN && c->out_polls) {
            c->out_waiting = true;
            (void)uv_poll_start(&c->out_poll, UV_WRITABLE, on_out_ready);
        } else if (errno != EINTR) {
            c->out_error =
                errno; /* looked at by arm(): the session is in the middle of something */
        }
    }
    return done;
}

/* A description of its own, so that it can be non-blocking without the others that share it. */
static void out_open(struct caller *c)
{
    struct stat st;
    c->out = STDOUT_FILENO;
    if (fstat(STDOUT_FILENO, &st) != 0)
        return;
    c->out_socket = S_ISSOCK(st.st_mode);
    if (S_ISFIFO(st.st_mode) || S_ISCHR(st.st_mode)) {
        int fd = open("/proc/self/fd/1", O_WRONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
        c->out = fd >= 0 ? fd : c->out;
    }
    c->out_polls = uv_poll_init(&c->loop, &c->out_poll, c->out) == 0;
    c->out_poll.data = c;
}

static void out_end(struct caller *c)
{
    if (c->out_socket)
        (void)shutdown(c->out, SHUT_WR);
    else if (c->out != STDOUT_FILENO || !c->out_polls)
        (void)close(STDOUT_FILENO);
    if (c->out != STDOUT_FILENO && c->out_polls) {
        uv_close((uv_handle_t *)&c->out_poll, NULL);
        c->out_polls = false;
        (void)close(c->out);
    }
}

/* -------- standard input -------- */

static void input_ended(struct caller *c)
{
    c->in_ended = true;
    int rc = cvn_session_end(c->s, uv_hrtime());
    if (rc != CVN_OK && rc != CVN_ECLOSED)
        cli_error("standard input", cvn_err_text(rc), NULL);
}

/* What was read goes into the session as far as there is room. */
static bool feed(struct caller *c)
{
    while (c->in_fed < c->in_have) {
        size_t taken = 0;
        int rc =
            cvn_session_write(c->s, c->in + c->in_fed, c->in_have - c->in_fed, &taken, uv_hrtime());
        c->in_fed += taken;
        if (rc == CVN_FULL)
            return false; /* CVN_SESSION_NEWS_WRITABLE follows */
        if (rc != CVN_OK)
            return false;
    }
    return true;
}

static void read_once(struct caller *c)
{
    ssize_t n = read(STDIN_FILENO, c->in, sizeof c->in);
    if (n < 0 && (errno == EINTR || errno == EAGAIN))
        return;
    if (n <= 0) {
        if (n < 0)
            cli_error("standard input", strerror(errno), NULL);
        input_ended(c);
        return;
    }
    c->in_have = (size_t)n;
    c->in_fed = 0;
    (void)feed(c);
}

static void on_in_ready(uv_poll_t *p, int status, int events)
{
    struct caller *c = p->data;
    (void)status;
    (void)events;
    read_once(c);
    read_more(c);
    arm(c);
}

static void on_in_idle(uv_idle_t *i)
{
    struct caller *c = i->data;
    read_once(c);
    read_more(c);
    arm(c);
}

/* Reads on, or not, as there is room. */
static void read_more(struct caller *c)
{
    bool want = !c->in_ended && !c->over && feed(c);
    if (want == c->in_reading)
        return;
    c->in_reading = want;
    if (c->in_is_file)
        (void)(want ? uv_idle_start(&c->in_idle, on_in_idle) : uv_idle_stop(&c->in_idle));
    else
        (void)(want ? uv_poll_start(&c->in_poll, UV_READABLE | UV_DISCONNECT, on_in_ready)
                    : uv_poll_stop(&c->in_poll));
}

static void in_open(struct caller *c)
{
    c->in_is_file = uv_poll_init(&c->loop, &c->in_poll, STDIN_FILENO) != 0;
    c->in_poll.data = c;
    (void)uv_idle_init(&c->loop, &c->in_idle);
    c->in_idle.data = c;
}

/* -------- the session -------- */

static int exit_of(const struct cvn_session *s)
{
    switch (cvn_session_reason(s)) {
    case CVN_REASON_OF_NOTHING:
        return EXIT_RELEASED;
    case CVN_REASON_UNREACHED:
        return EXIT_UNREACHED;
    case CVN_REASON_REFUSED:
    case CVN_REASON_DENIED:
        return EXIT_DENIED;
    case CVN_REASON_PROTOCOL:
        return EXIT_PROTOCOL;
    case CVN_REASON_MEMORY:
        return EXIT_INTERNAL;
    default:
        return EXIT_ABORTED;
    }
}

static void over(struct caller *c, const char *text)
{
    int code = exit_of(c->s);
    if (code != 0 && cvn_session_reason(c->s) != CVN_REASON_USER)
        cli_error(c->o->operands[0], text[0] == '\0' ? "aborted" : text, NULL);
    c->exit_code = c->exit_code != 0 ? c->exit_code : code;
    c->over = true;
}

static void on_news(void *ctx, struct cvn_session *s, enum cvn_session_news n, const char *text)
{
    static const char *const names[] = {"opened", "resumed", "lost"};
    struct caller *c = ctx;
    (void)s;
    if (n <= CVN_SESSION_NEWS_LOST && c->o->json)
        cli_json(stderr, names[n], "stext", text == NULL ? "" : text, NULL);
    else if (n <= CVN_SESSION_NEWS_LOST && c->o->verbose)
        (void)fprintf(stderr, "%s%s%s\n", names[n], text == NULL ? "" : ": ",
                      text == NULL ? "" : text);
    if (n == CVN_SESSION_NEWS_END)
        out_end(c);
    else if (n == CVN_SESSION_NEWS_OVER)
        over(c, text);
}

static void on_dialed(void *ctx, int fd, const char *why)
{
    struct call *a = ctx;
    struct caller *c = a->all;
    a->dial = NULL;
    if (fd >= 0)
        cli_qos(c->o, &c->target, fd);
    if (fd >= 0)
        (void)!cvn_wire_call(&c->wires, fd, c->s);
    else
        cvn_session_dial_failed(c->s, why, uv_hrtime());
    arm(c);
}

static void on_dial(void *ctx, cvn_time patience)
{
    struct caller *c = ctx;
    struct call *a = c->calls;
    while (a < c->calls + DIALS_OPEN && a->dial != NULL)
        a++;
    if (a < c->calls + DIALS_OPEN)
        a->dial = cvn_dial_targets(&c->loop, c->target.targets, c->target.ntargets,
                                   c->target.url.scheme == CVN_SCHEME_ISOS, c->o->family,
                                   (unsigned)(patience / 1000000u), on_dialed, a);
    c->dials_failed += a == c->calls + DIALS_OPEN || a->dial == NULL;
}

static const struct cvn_session_ops ops = {on_dial, on_data, on_news, cvn_wire_random,
                                           cvn_wire_hmac};

/* After whatever has happened. */
static void arm(void *ctx)
{
    struct caller *c = ctx;
    if (c->winding_up)
        return;
    if (c->out_error != 0 && !c->over)
        out_failed(c);
    for (; c->dials_failed > 0; c->dials_failed--)
        cvn_session_dial_failed(c->s, "no memory to dial", uv_hrtime());
    if (!c->over)
        read_more(c);
    cvn_time due = cvn_session_deadline(c->s);
    cvn_time now = uv_hrtime();
    if (c->over)
        (void)uv_timer_start(&c->timer, on_timer, 1, 0);
    else if (due == CVN_NEVER)
        (void)uv_timer_stop(&c->timer);
    else
        (void)uv_timer_start(&c->timer, on_timer, due <= now ? 1 : (due - now) / 1000000u + 1, 0);
}

static void on_timer(uv_timer_t *t)
{
    struct caller *c = t->data;
    if (c->over && c->wires.all == NULL) {
        uv_stop(&c->loop);
        return;
    }
    cvn_session_tick(c->s, uv_hrtime());
    arm(c);
}

static void on_signal(uv_signal_t *h, int number)
{
    struct caller *c = h->data;
    (void)number;
    if (c->over)
        uv_stop(&c->loop);
    else
        cvn_session_abort(c->s, "stopped by a signal", uv_hrtime());
    c->exit_code = EXIT_ABORTED;
    arm(c);
}

static void close_any(uv_handle_t *h, void *arg)
{
    (void)arg;
    if (!uv_is_closing(h))
        uv_close(h, NULL);
}

static void wind_up(struct caller *c)
{
    c->winding_up = true;
    for (struct call *a = c->calls; a < c->calls + DIALS_OPEN; a++) {
        if (a->dial != NULL)
            cvn_dial_cancel(a->dial);
    }
    cvn_wires_close(&c->wires);
    cvn_session_free(c->s);
    (void)uv_run(&c->loop, UV_RUN_NOWAIT);
    uv_walk(&c->loop, close_any, NULL);
    (void)uv_run(&c->loop, UV_RUN_DEFAULT);
    (void)uv_loop_close(&c->loop);
}

static void start(struct caller *c)
{
    static const int numbers[3] = {SIGINT, SIGTERM, SIGHUP};
    (void)uv_timer_init(&c->loop, &c->timer);
    c->timer.data = c;
    for (int i = 0; i < 3; i++) {
        (void)uv_signal_init(&c->loop, &c->signals[i]);
        c->signals[i].data = c;
        (void)uv_signal_start(&c->signals[i], on_signal, numbers[i]);
    }
    for (int i = 0; i < (int)DIALS_OPEN; i++)
        c->calls[i].all = c;
    cvn_wires_init(&c->wires, &c->loop, arm, c);
    in_open(c);
    out_open(c);
}

static int run(struct caller *c)
{
    struct cvn_session_opts so = {
        .ops = &ops,
        .ctx = c,
        .called_ssel = {c->target.url.ssel, c->target.url.ssel_len},
        .called_tsel = {c->target.url.tsel, c->target.url.tsel_len},
        .window = (uint32_t)c->o->window,
        .connect_timeout = (cvn_time)(c->target.connect_timeout * (double)NS),
        .retry_for = c->o->retry_for < 0 ? 0 : (cvn_time)(c->o->retry_for * (double)NS),
    };
    start(c);
    int rc = cvn_session_new(&c->s, &so, uv_hrtime());
    if (rc != CVN_OK) {
        cli_error(c->o->operands[0], cvn_err_text(rc), NULL);
        return EXIT_INTERNAL;
    }
    cvn_session_tick(c->s, uv_hrtime());
    arm(c);
    (void)uv_run(&c->loop, UV_RUN_DEFAULT);
    return c->exit_code;
}

int cli_connect(const struct cli_options *o)
{
    static struct caller c; /* large, and the one of this process */
    c.o = o;
    if (o->noperands != 1) {
        cli_error("connect", "one address is needed", "convene connect iso://127.0.0.1:10102/echo");
        return EXIT_USAGE;
    }
    if (o->window > UINT32_MAX) {
        cli_error("--window", "at most 4G", NULL);
        return EXIT_USAGE;
    }
    int rc = cli_target(o, o->operands[0], false, &c.target);
    if (rc != 0)
        return rc;
    if (uv_loop_init(&c.loop) != 0) {
        cli_error("connect", "no event loop", NULL);
        return EXIT_INTERNAL;
    }
    rc = run(&c);
    wind_up(&c);
    return rc;
}
