/* SPDX-License-Identifier: MIT */
/*
 * talk_end - one transport connection and its session connections: octets to and from the stream,
 * primitives to and from whoever talks, SSDUs of any length in constant memory.
 */
#include <string.h>
#include <unistd.h>

#include "cli/talk.h"
#include "convene/alloc.h"
#include "session/note.h"

#define ATTEMPT_MS 5000u
#define BACKLOG    (1u << 20) /* octets to be sent, above which no more is made */
#define TURN_MAX   (8u << 20) /* octets of pattern in one turn of the loop */
#define FEED_PIECE 16384u
#define SECOND     1000000000.0

static void arm(struct talk_end *e);

struct cvn_x225_vars talk_end_vars(const struct talk_end *e)
{
    struct cvn_x225_vars v;
    cvn_sc_vars(e->sc, &v);
    return v;
}

uint8_t talk_end_setting(const struct talk_end *e)
{
    struct cvn_x225_vars v = talk_end_vars(e);
    unsigned mine = v.tokens_owned;
    unsigned responders = v.initiator ? v.tokens_available & ~mine : mine;
    return (uint8_t)(responders * (unsigned)CVN_SIDE_RESPONDER);
}

void talk_end_flush(struct talk_end *e)
{
    if (e->stream != NULL)
        cvn_stream_flush(e->stream);
    arm(e);
    talk_again(e->t);
}

/* -------- what comes -------- */

static json_t *heading(const struct talk_end *e, const struct cvn_x225_prim *p)
{
    if (e->t->o->raw)
        return json_object();
    return json_pack("{ss}", p->type == CVN_CONFIRM ? "confirm" : "indication",
                     cvn_x225_service_name(p->service));
}

static void in_reset(struct talk_in *in)
{
    cvn_free(cvn_alloc_std(), in->octets, in->cap);
    cvn_digest_free(in->digest);
    *in = (struct talk_in){.open = false};
}

/* An SSDU that has begun and will not end: resynchronization, abort and the like. */
static void in_cut(struct talk_end *e)
{
    if (!e->in.open)
        return;
    talk_say(e->t, e,
             json_pack("{ss,ss,sI}", "event", "cut", "service",
                       cvn_x225_service_name(e->in.service), "length", (json_int_t)e->in.total));
    in_reset(&e->in);
}

/* It is too long to be shown: from now on only its length, its digest and whether it is the pattern
 * are kept. */
static int in_lengthens(struct talk_end *e, const struct cvn_x225_prim *p)
{
    struct talk_in *in = &e->in;
    struct cvn_x225_prim begin = *p;
    if (cvn_digest_new(&in->digest, CVN_HASH_XXH128) != CVN_OK)
        return CVN_ENOMEM;
    cvn_digest_update(in->digest, in->octets, (size_t)in->total);
    in->long_one = true;
    begin.begin = true;
    begin.end = false;
    begin.data.n = 0;
    json_t *o = heading(e, p);
    talk_prim_write(o, &begin, 0, 0);
    if (e->t->o->raw)
        (void)json_object_set_new(o, "tsdu", json_null());
    talk_say(e->t, e, o);
    return CVN_OK;
}

static void in_pattern(struct talk_end *e, struct cvn_octets d)
{
    struct talk_in *in = &e->in;
    uint64_t at = in->total;
    while (in->pattern && d.n > 0) {
        size_t from = (size_t)(at % TALK_PERIOD);
        size_t n = d.n < TALK_PATTERN - from ? d.n : TALK_PATTERN - from;
        in->pattern = memcmp(e->t->pattern + from, d.p, n) == 0;
        at += n;
        d.p += n;
        d.n -= n;
    }
}

static int in_take(struct talk_end *e, const struct cvn_x225_prim *p)
{
    struct talk_in *in = &e->in;
    struct cvn_octets d = p->data;
    if (!in->long_one && in->total + d.n > e->t->o->show && in_lengthens(e, p) != CVN_OK)
        return CVN_ENOMEM;
    in_pattern(e, d);
    if (in->long_one) {
        cvn_digest_update(in->digest, d.p, d.n);
    } else if (d.n > 0) {
        size_t need = (size_t)in->total + d.n;
        if (need > in->cap) {
            uint8_t *more = cvn_resize(cvn_alloc_std(), in->octets, in->cap, 2 * need);
            if (more == NULL)
                return CVN_ENOMEM;
            in->octets = more;
            in->cap = 2 * need;
        }
        memcpy(in->octets + in->total, d.p, d.n);
    }
    in->total += d.n;
    return CVN_OK;
}

static void in_end(struct talk_end *e, const struct cvn_x225_prim *p)
{
    struct talk_in *in = &e->in;
    json_t *o = heading(e, p);
    if (in->long_one) {
        uint8_t digest[CVN_HASH_MAX];
        char hex[2 * CVN_HASH_MAX + 1] = "";
        if (cvn_digest_final(in->digest, digest) == CVN_OK) {
            for (size_t i = 0; i < cvn_hash_octets(CVN_HASH_XXH128); i++)
                (void)snprintf(hex + 2 * i, 3, "%02x", digest[i]);
        }
        (void)json_object_set_new(o, "begin", json_false());
        (void)json_object_set_new(o, "end", json_true());
        (void)json_object_set_new(o, "length", json_integer((json_int_t)in->total));
        (void)json_object_set_new(o, "pattern", json_boolean(in->pattern));
        (void)json_object_set_new(o, "xxh128", json_string(hex));
    } else if (e->t->o->raw) {
        talk_hex_write(o, "tsdu", (struct cvn_octets){in->octets, (size_t)in->total});
    } else {
        talk_data_write(o, (struct cvn_octets){in->octets, (size_t)in->total});
    }
    if (e->t->o->raw && in->long_one)
        (void)json_object_set_new(o, "tsdu", json_null());
    if (p->service == CVN_S_EXPEDITED_DATA)
        (void)json_object_set_new(o, "expedited", json_true());
    in_reset(in);
    talk_say(e->t, e, o);
    talk_note(e->t, e, e->t->o->raw ? TALK_TSDU : p->service, p->type, CVN_SERIAL_NONE);
}

/* A slice of S-DATA or S-TYPED-DATA. */
static void take_slice(struct talk_end *e, const struct cvn_x225_prim *p)
{
    if (p->begin) {
        in_cut(e);
        e->in = (struct talk_in){.open = true, .service = p->service, .pattern = true};
    }
    if (!e->in.open)
        return;
    if (in_take(e, p) != CVN_OK) {
        cli_error("talk", "no memory for what comes", NULL);
        talk_worse(e->t, EXIT_INTERNAL);
        e->hang_up = true;
        return;
    }
    if (p->end)
        in_end(e, p);
}

/* What the end of a session connection means for the exit status. */
static void judge(struct talk_end *e, const struct cvn_x225_prim *p)
{
    bool confirm = p->type == CVN_CONFIRM;
    switch (p->service) {
    case CVN_S_CONNECT:
        e->session = p->result == CVN_RESULT_ACCEPT;
        if (confirm && p->result != CVN_RESULT_ACCEPT)
            talk_worse(e->t, EXIT_DENIED);
        break;
    case CVN_S_RELEASE:
        if (confirm && p->result == CVN_RESULT_ACCEPT)
            e->session = false;
        break;
    case CVN_S_U_ABORT:
        e->session = false;
        talk_worse(e->t, EXIT_ABORTED);
        break;
    case CVN_S_P_ABORT:
        e->session = false;
        talk_worse(e->t, p->reason == CVN_ABORT_PROTOCOL                   ? EXIT_PROTOCOL
                         : p->reason == CVN_ABORT_TRANSPORT && !e->reached ? EXIT_UNREACHED
                                                                           : EXIT_ABORTED);
        break;
    default:
        break;
    }
    e->t->served = e->t->served || !e->session;
}

static void take(struct talk_end *e, const struct cvn_x225_prim *p)
{
    struct talk *t = e->t;
    e->heard = uv_hrtime();
    if (t->o->verbose && p->service != CVN_S_DATA)
        cli_primitive(p, false, e->peer);
    if (p->service == CVN_S_DATA || p->service == CVN_S_TYPED_DATA || t->o->raw) {
        take_slice(e, p);
    } else {
        if (p->service != CVN_S_EXPEDITED_DATA)
            in_cut(e);
        judge(e, p);
        if (p->service == CVN_S_CONNECT && p->type == CVN_INDICATION)
            e->offered = p->units;
        json_t *o = heading(e, p);
        talk_prim_write(o, p, talk_end_vars(e).tokens_available, (size_t)t->o->show);
        talk_say(t, e, o);
        talk_note(t, e, p->service, p->type, p->serial);
    }
    if (t->o->automatic)
        talk_auto(e, p);
    talk_again(t);
}

static void take_next(struct talk_end *e)
{
    struct cvn_x225_prim p;
    while (cvn_sc_next(e->sc, &p, uv_hrtime()) == CVN_EVENT)
        take(e, &p);
}

static void reached(struct talk_end *e)
{
    if (e->reached || !cvn_sc_open(e->sc))
        return;
    e->reached = true;
    talk_say(e->t, e, json_pack("{ss,ss}", "event", "connected", "peer", e->peer));
    talk_note(e->t, e, TALK_CONNECTED, CVN_INDICATION, CVN_SERIAL_NONE);
}

/* -------- SSDUs that go as pattern -------- */

static void out_over(struct talk_end *e)
{
    e->out.on = false;
    talk_again(e->t);
}

/* One slice; false: it is over. */
static bool out_slice(struct talk_end *e)
{
    struct talk_out *out = &e->out;
    size_t from = (size_t)(out->sent % TALK_PERIOD);
    size_t n = TALK_PATTERN - from;
    struct cvn_x225_prim p;
    cvn_x225_prim_init(&p, out->service, CVN_REQUEST);
    n = out->left < n ? (size_t)out->left : n;
    p.data = (struct cvn_octets){e->t->pattern + from, n};
    p.owner = &talk_pattern_owner;
    p.begin = out->begin && out->sent == 0;
    p.end = out->end && n == out->left;
    const char *why = cvn_sc_why(e->sc, &p);
    int rc = cvn_sc_request(e->sc, &p, uv_hrtime());
    if (rc != CVN_OK) {
        talk_say(e->t, e,
                 json_pack("{ss,ss,sI}", "error", cvn_x225_service_name(out->service), "why",
                           why == NULL ? cvn_err_text(rc) : why, "length", (json_int_t)out->sent));
        talk_worse(e->t, EXIT_REFUSED_DATA);
        out_over(e);
        return false;
    }
    out->left -= n;
    out->sent += n;
    e->pushed += n;
    if (out->left == 0)
        out_over(e);
    return out->left > 0;
}

static void out_push(struct talk_end *e)
{
    while (e->out.on && e->pushed < TURN_MAX && cvn_sc_out_octets(e->sc) < BACKLOG) {
        if (!out_slice(e))
            break;
    }
}

/* -------- the stream -------- */

static void on_feed(void *ctx, const uint8_t *in, size_t len, size_t *used)
{
    struct talk_end *e = ctx;
    *used = 0;
    while (*used < len) {
        struct cvn_x225_prim p;
        size_t n = len - *used < FEED_PIECE ? len - *used : FEED_PIECE;
        size_t done = 0;
        int rc;
        if (e->over) {
            *used = len;
            break;
        }
        e->paused = talk_auto_full(e);
        if (e->paused)
            break;
        do {
            size_t some = 0;
            rc = cvn_sc_feed(e->sc, in + *used + done, n - done, &some, &p, uv_hrtime());
            done += some;
            reached(e);
            if (rc == CVN_EVENT)
                take(e, &p);
        } while (rc == CVN_EVENT);
        *used += n;
        if (rc == CVN_ENOMEM) {
            cli_error("talk", "no memory to go on", NULL);
            talk_worse(e->t, EXIT_INTERNAL);
            e->hang_up = true;
        }
    }
    take_next(e);
    talk_end_flush(e);
}

static size_t on_out(void *ctx, struct cvn_iov *iov, size_t n)
{
    struct talk_end *e = ctx;
    if (e->out.on)
        out_push(e);
    return cvn_sc_out_iov(e->sc, iov, n);
}

static void on_sent(void *ctx, size_t octets)
{
    struct talk_end *e = ctx;
    cvn_sc_sent(e->sc, octets);
    if (cvn_sc_out_octets(e->sc) < BACKLOG)
        talk_again(e->t);
}

static void closed(struct talk_end *e, const char *why)
{
    struct talk *t = e->t;
    if (e->over)
        return;
    const char *more = cvn_sc_transport_why(e->sc);
    cvn_sc_stream_closed(e->sc, uv_hrtime());
    e->over = true;
    e->out.on = false;
    in_cut(e);
    take_next(e);
    cvn_flow_end(e->flow);
    e->flow = NULL;
    json_t *o = json_pack("{ss}", "event", "closed");
    if (more != NULL || why != NULL)
        (void)json_object_set_new(o, "why", json_string(more != NULL ? more : why));
    talk_say(t, e, o);
    talk_note(t, e, TALK_CLOSED, CVN_INDICATION, CVN_SERIAL_NONE);
    talk_again(t);
}

static void on_down(void *ctx, const char *why)
{
    struct talk_end *e = ctx;
    e->stream = NULL;
    closed(e, why);
}

static void on_seen(void *ctx, bool sent, const struct cvn_iov *iov, size_t n, size_t octets)
{
    struct talk_end *e = ctx;
    cvn_flow_write(e->flow, sent, iov, n, octets);
}

static const struct cvn_stream_user stream_user = {
    .feed = on_feed, .out = on_out, .sent = on_sent, .down = on_down};
static const struct cvn_stream_user captured_user = {
    .feed = on_feed, .out = on_out, .sent = on_sent, .down = on_down, .seen = on_seen};

static int attach(struct talk_end *e, int fd)
{
    struct talk *t = e->t;
    cli_qos(t->o, &t->target, fd);
    e->stream = cvn_stream_new(&t->loop, fd, t->capture != NULL ? &captured_user : &stream_user, e);
    if (e->stream == NULL)
        return CVN_ENOMEM;
    (void)snprintf(e->peer, sizeof e->peer, "%s", cvn_stream_peer(e->stream));
    e->flow = cvn_flow_begin(t->capture, e->stream);
    talk_end_flush(e);
    return CVN_OK;
}

int talk_end_accept(struct talk_end *e, int fd)
{
    return attach(e, fd);
}

static void on_dialed(void *ctx, int fd, const char *why)
{
    struct talk_end *e = ctx;
    e->dial = NULL;
    if (fd < 0)
        closed(e, why);
    else if (attach(e, fd) != CVN_OK)
        closed(e, "no memory for a stream");
}

int talk_end_dial(struct talk_end *e)
{
    struct talk *t = e->t;
    (void)snprintf(e->peer, sizeof e->peer, "%s:%s", t->url.host, t->url.port);
    e->dialed = uv_hrtime();
    e->dial = cvn_dial_targets(&t->loop, t->target.targets, t->target.ntargets, false, t->o->family,
                               ATTEMPT_MS, on_dialed, e);
    arm(e);
    return e->dial == NULL ? CVN_ENOMEM : CVN_OK;
}

void talk_end_hang_up(struct talk_end *e)
{
    if (e->dial != NULL)
        cvn_dial_cancel(e->dial);
    e->dial = NULL;
    if (e->stream != NULL)
        cvn_stream_close(e->stream, true);
    e->stream = NULL;
    closed(e, NULL);
}

/* -------- time -------- */

static cvn_time connect_by(const struct talk_end *e)
{
    double s = e->t->target.connect_timeout;
    return e->dialed == 0 || e->reached ? CVN_NEVER : e->dialed + (cvn_time)(s * SECOND);
}

static void on_timer(uv_timer_t *timer)
{
    struct talk_end *e = timer->data;
    cvn_time now = uv_hrtime();
    if (e->over)
        return;
    if (now >= connect_by(e)) {
        if (e->dial != NULL)
            cvn_dial_cancel(e->dial);
        e->dial = NULL;
        if (e->stream != NULL)
            cvn_stream_close(e->stream, false);
        e->stream = NULL;
        closed(e, "no answer in time (--connect-timeout)");
        return;
    }
    cvn_sc_tick(e->sc, now);
    take_next(e);
    talk_end_flush(e);
}

static void arm(struct talk_end *e)
{
    cvn_time at = cvn_sc_deadline(e->sc);
    cvn_time by = connect_by(e);
    cvn_time now = uv_hrtime();
    at = by < at ? by : at;
    if (uv_is_closing((uv_handle_t *)&e->timer))
        return;
    if (e->over || at == CVN_NEVER)
        (void)uv_timer_stop(&e->timer);
    else
        (void)uv_timer_start(&e->timer, on_timer, at <= now ? 1 : (at - now) / 1000000 + 1, 0);
}

/* -------- requests -------- */

static void requested(struct talk_end *e, const struct cvn_x225_prim *p, const json_t *command)
{
    struct cvn_x225_prim told;
    json_t *o = json_pack("{ss,ss}", "done", cvn_x225_service_name(p->service), "kind",
                          cvn_x225_type_name(p->type));
    cvn_x225_prim_init(&told, p->service, CVN_INDICATION);
    if (p->service != CVN_S_CONNECT && p->service != CVN_S_ACTIVITY_RESUME) {
        told.serial = p->serial;
        told.serial2 = p->serial2;
    }
    talk_prim_write(o, &told, 0, 0);
    for (const char *const *also = (const char *const[]){"reason", "begin", "end", NULL};
         *also != NULL; also++)
        (void)json_object_del(o, *also);
    talk_answer(e->t, e, command, o);
}

void talk_end_fill(struct talk_end *e, struct cvn_x225_prim *p)
{
    unsigned units = e->offered;
    if (p->service != CVN_S_CONNECT || p->type != CVN_RESPONSE || p->result != CVN_RESULT_ACCEPT ||
        p->units != 0)
        return;
    if ((units & CVN_FU_DUPLEX) != 0)
        units &= ~(unsigned)CVN_FU_HALF_DUPLEX;
    if ((units & CVN_FU_MINOR_SYNC) != 0)
        units &= ~(unsigned)CVN_FU_SYMMETRIC_SYNC;
    p->units = (uint16_t)units;
}

int talk_end_request(struct talk_end *e, struct cvn_x225_prim *p, const json_t *command)
{
    const char *why = cvn_sc_why(e->sc, p);
    int rc = cvn_sc_request(e->sc, p, uv_hrtime());
    if (rc != CVN_OK) {
        talk_refuse(e->t, e, command, cvn_x225_service_name(p->service),
                    cvn_x225_type_name(p->type), why == NULL ? cvn_err_text(rc) : why);
        return rc;
    }
    if (e->t->o->verbose && p->service != CVN_S_DATA)
        cli_primitive(p, true, e->peer);
    if (command != NULL || p->end)
        requested(e, p, command);
    if (p->service == CVN_S_CONNECT)
        e->session = p->result == CVN_RESULT_ACCEPT;
    if (p->service == CVN_S_U_ABORT ||
        (p->service == CVN_S_RELEASE && p->type == CVN_RESPONSE && p->result == CVN_RESULT_ACCEPT))
        e->session = false;
    e->t->served = e->t->served || !e->session;
    if (p->service == CVN_S_U_ABORT) {
        e->out.on = false;
        talk_worse(e->t, EXIT_ABORTED);
    }
    e->heard = uv_hrtime();
    take_next(e);
    talk_end_flush(e);
    return CVN_OK;
}

int talk_end_tsdu(struct talk_end *e, struct cvn_octets tsdu, bool expedited)
{
    int rc = cvn_sc_tsdu(e->sc, tsdu, expedited, uv_hrtime());
    if (rc == CVN_OK)
        talk_end_flush(e);
    return rc;
}

/* The turn before may have stopped pushing pattern, or taking what comes. */
static void go_on(struct talk_end *e)
{
    bool more = e->pushed >= TURN_MAX;
    e->pushed = 0;
    if (e->stream == NULL)
        return;
    if (more)
        cvn_stream_flush(e->stream);
    if (e->paused && !talk_auto_full(e)) {
        e->paused = false;
        cvn_stream_resume(e->stream);
    }
}

void talk_end_step(struct talk_end *e)
{
    if (e->over)
        return;
    bool sent = e->stream == NULL || cvn_sc_out_octets(e->sc) == 0;
    if (e->hang_up || (cvn_sc_closing(e->sc) && sent)) /* before it was dialed, too */
        talk_end_hang_up(e);
    else
        go_on(e);
}

/* -------- beginning and end -------- */

struct talk_end *talk_end_new(struct talk *t, bool initiator)
{
    struct talk_end *e = cvn_new(cvn_alloc_std(), sizeof *e);
    if (e == NULL)
        return NULL;
    struct cvn_sc_opts o = {
        .initiator = initiator,
        .reference = (uint16_t)(t->numbers % UINT16_MAX + 1),
        .called_tsel = {t->url.tsel, initiator ? t->url.tsel_len : 0},
        .expedited = t->o->expedited,
        .transport_classes = t->classes,
        .tpdu_max = (uint32_t)t->o->tpdu_size,
        .bare = t->o->raw,
        .x225 = {.units = t->units,
                 .versions = t->versions,
                 .extended = t->o->extended,
                 .reuse = t->o->reuse,
                 .error_report = t->o->error_report,
                 .minimal = t->url.minimal,
                 .tim_ns = (uint64_t)(t->o->tim * SECOND)},
    };
    if (cvn_sc_new(&e->sc, &o) != CVN_OK) {
        cvn_free(cvn_alloc_std(), e, sizeof *e);
        return NULL;
    }
    e->t = t;
    e->number = ++t->numbers;
    e->initiator = initiator;
    e->heard = uv_hrtime();
    (void)uv_timer_init(&t->loop, &e->timer);
    e->timer.data = e;
    struct talk_end **at = &t->ends;
    while (*at != NULL)
        at = &(*at)->next;
    *at = e;
    return e;
}

static void timer_closed(uv_handle_t *h)
{
    struct talk_end *e = h->data;
    cvn_free(cvn_alloc_std(), e, sizeof *e);
}

void talk_end_remove(struct talk_end *e)
{
    struct talk_end **at = &e->t->ends;
    while (*at != e)
        at = &(*at)->next;
    *at = e->next;
    in_reset(&e->in);
    talk_auto_free(e);
    cvn_sc_free(e->sc);
    e->sc = NULL;
    uv_close((uv_handle_t *)&e->timer, timer_closed);
}
