/* SPDX-License-Identifier: MIT */
/*
 * main - two session connections on a device without an operating system: S-CONNECT, S-DATA,
 * S-SYNC-MINOR, S-RELEASE. Both ends are here, each with its own arena; the link between them
 * is a buffer, which a driver or a TCP/IP stack replaces. Prints the memory that a session takes.
 */
#include <string.h>

#include "arena.h"
#include "board.h"
#include "convene/connection.h"

#define ARENA 4096u
#define LINK  2048u
#define SSDU  1024u
#define SSDUS 10u

enum { CALLING, CALLED };

static struct end {
    uint64_t room[ARENA / sizeof(uint64_t)];
    struct arena arena;
    struct cvn_sc *sc;
    size_t came; /* octets of user data */
    uint32_t confirmed;
} ends[2];

static uint8_t link_octets[LINK];
static uint8_t ssdu[SSDU];

static void number(char *at, size_t n)
{
    do {
        *--at = (char)('0' + n % 10);
        n /= 10;
    } while (n > 0);
}

static void say_number(const char *what, size_t n)
{
    char line[80];
    size_t len = strlen(what);
    memset(line, ' ', sizeof line);
    memcpy(line, what, len);
    line[70] = '\0';
    number(&line[70], n);
    board_say(line);
}

static void need(bool right, const char *what)
{
    if (right)
        return;
    board_say(what);
    board_exit(1);
}

static void request(struct end *e, struct cvn_x225_prim *p)
{
    need(cvn_sc_request(e->sc, p, 0) == CVN_OK, cvn_x225_service_name(p->service));
}

static void respond(struct end *e, enum cvn_x225_service s, const struct cvn_x225_prim *indication)
{
    struct cvn_x225_prim p;
    cvn_x225_prim_init(&p, s, CVN_RESPONSE);
    p.units = indication->units;
    p.serial = indication->serial;
    request(e, &p);
}

/* What the user of an end does when something comes. */
static void on_primitive(struct end *e, const struct cvn_x225_prim *p)
{
    if (p->service == CVN_S_DATA)
        e->came += p->data.n;
    else if (p->type == CVN_INDICATION)
        respond(e, p->service, p);
    else if (p->service == CVN_S_SYNC_MINOR)
        e->confirmed = p->serial;
    else
        need(p->result == CVN_RESULT_ACCEPT, "the peer refuses");
}

/* All that one end has to say goes to the other. */
static bool carry(struct end *from, struct end *to)
{
    struct cvn_iov iov[4];
    size_t n;
    size_t len = 0;
    while ((n = cvn_sc_out_iov(from->sc, iov, 4)) > 0) {
        for (size_t i = 0; i < n; i++) {
            need(iov[i].len <= sizeof link_octets - len, "the link is full");
            memcpy(link_octets + len, iov[i].base, iov[i].len);
            len += iov[i].len;
            cvn_sc_sent(from->sc, iov[i].len);
        }
    }
    struct cvn_x225_prim p;
    int rc = CVN_EVENT;
    for (size_t at = 0; rc == CVN_EVENT;) {
        size_t used = 0;
        rc = cvn_sc_feed(to->sc, link_octets + at, len - at, &used, &p, 0);
        at += used;
        if (rc == CVN_EVENT)
            on_primitive(to, &p);
    }
    need(rc == CVN_MORE || rc == CVN_ECLOSED, "octets were not taken");
    return len > 0;
}

static void talk(void)
{
    bool more = true;
    while (more) {
        bool forth = carry(&ends[CALLING], &ends[CALLED]);
        more = carry(&ends[CALLED], &ends[CALLING]) || forth;
    }
}

static void say_memory(const char *when)
{
    board_say(when);
    say_number("  RAM of the calling session", ends[CALLING].arena.live);
    say_number("  RAM of the called session", ends[CALLED].arena.live);
}

static enum cvn_x225_state state_of(const struct end *e)
{
    struct cvn_x225_vars v;
    cvn_sc_vars(e->sc, &v);
    return v.state;
}

static void connect(void)
{
    struct cvn_x225_prim p;
    for (int i = 0; i < 2; i++) {
        struct end *e = &ends[i];
        arena_init(&e->arena, e->room, sizeof e->room);
        struct cvn_sc_opts o = {
            .alloc = &e->arena.alloc, .initiator = i == CALLING, .reference = 1};
        need(cvn_sc_new(&e->sc, &o) == CVN_OK, "no memory");
    }
    cvn_x225_prim_init(&p, CVN_S_CONNECT, CVN_REQUEST);
    p.units = CVN_FU_DUPLEX | CVN_FU_MINOR_SYNC;
    p.serial = 1;
    p.token_setting = 0; /* both tokens with the calling end */
    p.has_token_setting = true;
    request(&ends[CALLING], &p);
    talk();
    need(state_of(&ends[CALLING]) == CVN_STA713, "not connected");
}

static void send(void)
{
    struct cvn_x225_prim p;
    for (unsigned i = 1; i <= SSDUS; i++) {
        memset(ssdu, (int)i, sizeof ssdu);
        cvn_x225_prim_init(&p, CVN_S_DATA, CVN_REQUEST);
        p.data = (struct cvn_octets){ssdu, sizeof ssdu};
        request(&ends[CALLING], &p);
        talk();
    }
    cvn_x225_prim_init(&p, CVN_S_SYNC_MINOR, CVN_REQUEST);
    request(&ends[CALLING], &p);
    talk();
    need(ends[CALLED].came == SSDU * SSDUS, "data is missing");
    need(ends[CALLING].confirmed == p.serial, "the point is not confirmed");
}

static void release(void)
{
    struct cvn_x225_prim p;
    cvn_x225_prim_init(&p, CVN_S_RELEASE, CVN_REQUEST);
    request(&ends[CALLING], &p);
    talk();
    need(state_of(&ends[CALLING]) == CVN_STA01, "not released");
    for (int i = 0; i < 2; i++) {
        cvn_sc_free(ends[i].sc);
        need(ends[i].arena.live == 0, "memory is left over");
    }
}

int main(void)
{
    connect();
    say_memory("connected, idle:");
    send();
    say_memory("after data and a point, idle:");
    release();
    say_number("RAM of the calling session, at most", ends[CALLING].arena.most);
    say_number("RAM of the called session, at most", ends[CALLED].arena.most);
    say_number("stack, at most", board_stack_used());
    board_say("released");
    return 0;
}
