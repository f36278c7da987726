/* SPDX-License-Identifier: MIT */
/* serve - stream sessions for whoever opens them: each service by the session selector that
 * names it. */
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "loop/wire.h"

#define SERVICES_MAX 64u

/* What a service does with what comes. */
enum doing { DO_ECHO, DO_SINK };

struct service {
    uint8_t name[CVN_SSEL_MAX];
    size_t name_len;
    enum doing doing;
};

struct serving {
    const struct cli_options *o;
    struct cvn_url url;
    uv_loop_t loop;
    uv_timer_t timer;
    uv_signal_t signals[3];
    struct cvn_listener *listener;
    struct cvn_wires wires;
    struct cvn_host *host;
    struct service services[SERVICES_MAX];
    size_t nservices;
    bool winding_up;
};

static void arm(void *ctx);

/* -------- the services -------- */

static void log_line(const struct serving *v, const struct cvn_session *s, const char *what,
                     const char *text)
{
    struct cvn_positions p;
    cvn_session_positions(s, &p);
    const uint8_t *id = cvn_session_id(s);
    if (v->o->json)
        cli_json(stdout, what, "hsession", id, (size_t)CVN_SESSION_ID, "udelivered", p.delivered,
                 "uwritten", p.written, "uresumes", (uint64_t)p.resumes, "stext",
                 text == NULL ? "" : text, NULL);
    else if (!v->o->silent)
        (void)printf("%s %02x%02x%02x%02x: %llu octets in, %llu out, %u resumes%s%s\n", what, id[0],
                     id[1], id[2], id[3], (unsigned long long)p.delivered,
                     (unsigned long long)p.written, p.resumes, text == NULL ? "" : ": ",
                     text == NULL ? "" : text);
    (void)fflush(stdout);
}

static void news(struct serving *v, struct cvn_session *s, enum cvn_session_news n,
                 const char *text)
{
    static const char *const names[] = {"opened", "resumed", "suspended"};
    if (n <= CVN_SESSION_NEWS_LOST)
        log_line(v, s, names[n], text);
    else if (n == CVN_SESSION_NEWS_OVER)
        log_line(v, s, cvn_session_state(s) == CVN_SESSION_RELEASED ? "released" : "aborted", text);
}

static size_t echo_data(void *ctx, struct cvn_session *s, uint64_t at, struct cvn_octets data)
{
    size_t taken = 0;
    (void)ctx;
    (void)at;
    int rc = cvn_session_write(s, data.p, data.n, &taken, uv_hrtime());
    return rc == CVN_OK || rc == CVN_FULL ? taken : 0;
}

static void echo_news(void *ctx, struct cvn_session *s, enum cvn_session_news n, const char *text)
{
    news(ctx, s, n, text);
    if (n == CVN_SESSION_NEWS_WRITABLE)
        cvn_session_pull(s, uv_hrtime());
    else if (n == CVN_SESSION_NEWS_END)
        (void)!cvn_session_end(s, uv_hrtime());
}

static size_t sink_data(void *ctx, struct cvn_session *s, uint64_t at, struct cvn_octets data)
{
    (void)ctx;
    (void)s;
    (void)at;
    return data.n;
}

/* Nothing goes back: its own direction ends with the other. */
static void sink_news(void *ctx, struct cvn_session *s, enum cvn_session_news n, const char *text)
{
    news(ctx, s, n, text);
    if (n == CVN_SESSION_NEWS_END)
        (void)!cvn_session_end(s, uv_hrtime());
}

static void no_dial(void *ctx, cvn_time patience)
{
    (void)ctx;
    (void)patience;
}

static const struct cvn_session_ops service_ops[] = {
    [DO_ECHO] = {no_dial, echo_data, echo_news, cvn_wire_random, cvn_wire_hmac},
    [DO_SINK] = {no_dial, sink_data, sink_news, cvn_wire_random, cvn_wire_hmac},
};

/* -------- the host -------- */

static int on_opening(void *ctx, struct cvn_octets ssel, struct cvn_session_opts *so)
{
    struct serving *v = ctx;
    for (size_t i = 0; i < v->nservices; i++) {
        const struct service *e = &v->services[i];
        if (e->name_len != ssel.n || memcmp(e->name, ssel.p, ssel.n) != 0)
            continue;
        so->ops = &service_ops[e->doing];
        so->ctx = v;
        so->window = (uint32_t)v->o->window;
        so->keep_s = (uint32_t)v->o->keep_s;
        return CVN_OK;
    }
    return CVN_ENOTFOUND;
}

static void on_opened(void *ctx, struct cvn_session *s)
{
    (void)ctx;
    (void)s;
}

static const struct cvn_host_ops host_ops = {on_opening, on_opened, on_opened};

static void on_accepted(void *ctx, int fd)
{
    struct serving *v = ctx;
    (void)!cvn_wire_accept(&v->wires, fd, v->host); /* without memory it was closed */
}

/* -------- the loop -------- */

static void on_timer(uv_timer_t *t)
{
    struct serving *v = t->data;
    cvn_host_tick(v->host, uv_hrtime());
    arm(v);
}

static void arm(void *ctx)
{
    struct serving *v = ctx;
    if (v->winding_up)
        return;
    cvn_time due = cvn_host_deadline(v->host);
    cvn_time now = uv_hrtime();
    if (due == CVN_NEVER)
        (void)uv_timer_stop(&v->timer);
    else
        (void)uv_timer_start(&v->timer, on_timer, due <= now ? 1 : (due - now) / 1000000u + 1, 0);
}

static void on_signal(uv_signal_t *h, int number)
{
    struct serving *v = h->data;
    (void)number;
    uv_stop(&v->loop);
}

static void close_any(uv_handle_t *h, void *arg)
{
    (void)arg;
    if (!uv_is_closing(h))
        uv_close(h, NULL);
}

static void wind_up(struct serving *v)
{
    v->winding_up = true;
    cvn_listener_close(v->listener);
    cvn_wires_close(&v->wires);
    cvn_host_free(v->host);
    (void)uv_run(&v->loop, UV_RUN_NOWAIT);
    uv_walk(&v->loop, close_any, NULL);
    (void)uv_run(&v->loop, UV_RUN_DEFAULT);
    (void)uv_loop_close(&v->loop);
}

/* NAME=SERVICE */
static int read_service(struct serving *v, const char *text)
{
    const char *equals = strchr(text, '=');
    struct service *e = &v->services[v->nservices];
    if (equals == NULL || equals == text || (size_t)(equals - text) > sizeof e->name) {
        cli_error(text, "not NAME=SERVICE with a name of 1 to 16 octets", "echo=echo is one");
        return EXIT_USAGE;
    }
    if (strcmp(equals + 1, "echo") != 0 && strcmp(equals + 1, "sink") != 0) {
        cli_error(text, "no such service", "echo and sink are known");
        return EXIT_USAGE;
    }
    if (v->nservices == SERVICES_MAX) {
        cli_error(text, "too many services", "at most 64");
        return EXIT_USAGE;
    }
    e->name_len = (size_t)(equals - text);
    memcpy(e->name, text, e->name_len);
    e->doing = equals[1] == 'e' ? DO_ECHO : DO_SINK;
    v->nservices++;
    return 0;
}

static bool loopback(const char *host)
{
    return strcmp(host, "localhost") == 0 || strncmp(host, "127.", 4) == 0 ||
           strcmp(host, "::1") == 0;
}

static int check(struct serving *v)
{
    const struct cli_options *o = v->o;
    if (o->listen == NULL || o->noperands == 0) {
        cli_error("serve", "--listen URL and NAME=SERVICE are needed",
                  "convene serve --listen iso://127.0.0.1:10102/ echo=echo");
        return EXIT_USAGE;
    }
    for (int i = 0; i < o->noperands; i++) {
        int rc = read_service(v, o->operands[i]);
        if (rc != 0)
            return rc;
    }
    int rc = cli_url(o->listen, false, &v->url);
    if (rc == 0 && !loopback(v->url.host) && !o->insecure) {
        cli_error(o->listen, "anyone on the network could use these services, unprotected",
                  "listen on 127.0.0.1, or say --insecure");
        return EXIT_DENIED;
    }
    return rc;
}

static int run(struct serving *v)
{
    static const int numbers[3] = {SIGINT, SIGTERM, SIGHUP};
    struct cvn_host_opts ho = {.ops = &host_ops, .ctx = v};
    char why[200];
    if (cvn_host_new(&v->host, &ho) != CVN_OK)
        return EXIT_INTERNAL;
    if (cvn_listen(&v->listener, &v->loop, v->url.host, v->url.port, v->o->family, on_accepted, v,
                   why, sizeof why) != CVN_OK) {
        cli_error(v->o->listen, why, NULL);
        return EXIT_UNREACHED;
    }
    for (int i = 0; i < 3; i++) {
        (void)uv_signal_init(&v->loop, &v->signals[i]);
        v->signals[i].data = v;
        (void)uv_signal_start(&v->signals[i], on_signal, numbers[i]);
    }
    if (v->o->json)
        cli_json(stdout, "listening", "shost", v->url.host, "uport",
                 (uint64_t)cvn_listener_port(v->listener), NULL);
    else if (!v->o->silent)
        (void)printf("listening on %s port %u\n", v->url.host, cvn_listener_port(v->listener));
    (void)fflush(stdout);
    (void)uv_run(&v->loop, UV_RUN_DEFAULT);
    return 0;
}

int cli_serve(const struct cli_options *o)
{
    static struct serving v;
    v.o = o;
    int rc = check(&v);
    if (rc != 0)
        return rc;
    if (uv_loop_init(&v.loop) != 0) {
        cli_error("serve", "no event loop", NULL);
        return EXIT_INTERNAL;
    }
    (void)uv_timer_init(&v.loop, &v.timer);
    v.timer.data = &v;
    cvn_wires_init(&v.wires, &v.loop, arm, &v);
    rc = run(&v);
    wind_up(&v);
    return rc;
}
