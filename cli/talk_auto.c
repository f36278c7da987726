/* SPDX-License-Identifier: MIT */
/*
 * talk_auto - --auto: every indication is answered positively, and data comes back. Slices go back
 * as they come where there is no data token; else whole SSDUs are held until the token is here, which
 * is asked for and given back.
 *
 * Invariants
 *   E1  octets is the sum of the pieces'.
 *   E2  a piece that is not the first of its SSDU goes out only if those before it did.
 */
#include <string.h>

#include "cli/talk.h"
#include "convene/alloc.h"

#define BACKLOG  (1u << 20)  /* octets to be sent, above which nothing more is taken */
#define HELD_MAX (16u << 20) /* octets that wait for the data token */

struct piece {
    struct piece *next;
    struct talk_block *block;
    uint8_t service;
    bool begin;
    bool end;
};

struct talk_echo {
    struct piece *first;
    struct piece *last;
    size_t octets;
    bool asked;    /* for the data token */
    bool begun;    /* of the SSDU in front some has gone */
    bool dropping; /* the SSDU that comes is too long to be held */
    uint8_t begun_service;
};

static void pop(struct talk_echo *q)
{
    struct piece *p = q->first;
    q->first = p->next;
    q->last = q->first == NULL ? NULL : q->last;
    q->octets -= p->block->used;
    cvn_ref_drop(&p->block->ref);
    cvn_free(cvn_alloc_std(), p, sizeof *p);
}

static bool push(struct talk_echo *q, const struct cvn_x225_prim *p)
{
    struct piece *piece = cvn_new(cvn_alloc_std(), sizeof *piece);
    struct talk_block *b = talk_block_new(p->data.n + 1);
    if (piece == NULL || b == NULL) {
        cvn_free(cvn_alloc_std(), piece, sizeof *piece);
        if (b != NULL)
            cvn_ref_drop(&b->ref);
        return false;
    }
    if (p->data.n > 0)
        memcpy(b->octets, p->data.p, p->data.n);
    b->used = p->data.n;
    *piece = (struct piece){
        .block = b, .service = (uint8_t)p->service, .begin = p->begin, .end = p->end};
    if (q->last == NULL)
        q->first = piece;
    else
        q->last->next = piece;
    q->last = piece;
    q->octets += b->used;
    return true;
}

/* What auto says of its own accord is said only where it is allowed. */
static bool ask(struct talk_end *e, struct cvn_x225_prim *p)
{
    return cvn_sc_why(e->sc, p) == NULL && talk_end_request(e, p, NULL) == CVN_OK;
}

static bool give(struct talk_end *e, uint8_t tokens)
{
    struct cvn_x225_prim p;
    struct cvn_x225_vars v = talk_end_vars(e);
    cvn_x225_prim_init(&p, CVN_S_TOKEN_GIVE, CVN_REQUEST);
    p.tokens = tokens & v.tokens_available & v.tokens_owned;
    return p.tokens != 0 && ask(e, &p);
}

/* The data token exists and is with the peer. */
static bool token_away(const struct talk_end *e)
{
    struct cvn_x225_vars v = talk_end_vars(e);
    return (v.tokens_available & ~v.tokens_owned & CVN_TOKEN_DATA) != 0;
}

static bool echo_one(struct talk_end *e)
{
    struct talk_echo *q = e->echo;
    struct piece *first = q->first;
    struct cvn_x225_prim p;
    cvn_x225_prim_init(&p, (enum cvn_x225_service)first->service, CVN_REQUEST);
    p.data = (struct cvn_octets){first->block->octets, first->block->used};
    p.owner = &first->block->ref;
    p.begin = first->begin;
    p.end = first->end;
    bool empty = p.data.n == 0 && !p.end;
    if (!empty && !ask(e, &p))
        return false;
    q->begun = empty ? q->begun : !p.end;
    q->begun_service = first->service;
    pop(q);
    return true;
}

/* As much of what is held goes back as may. */
static void echo(struct talk_end *e)
{
    struct talk_echo *q = e->echo;
    struct cvn_x225_prim p;
    while (q->first != NULL && (q->first->service != CVN_S_DATA || !token_away(e))) {
        if (!echo_one(e))
            return;
    }
    if (q->first == NULL && q->asked && !q->begun && !token_away(e)) {
        q->asked = !give(e, CVN_TOKEN_DATA);
    } else if (q->first != NULL && q->last->end && !q->asked) {
        cvn_x225_prim_init(&p, CVN_S_TOKEN_PLEASE, CVN_REQUEST);
        p.tokens = CVN_TOKEN_DATA;
        q->asked = ask(e, &p);
    }
}

/* The rest of it was destroyed: what has gone of it is ended, what waits is forgotten. */
static void forget(struct talk_end *e)
{
    struct talk_echo *q = e->echo;
    struct cvn_x225_prim p;
    while (q->first != NULL)
        pop(q);
    q->asked = false;
    if (q->begun) {
        cvn_x225_prim_init(&p, (enum cvn_x225_service)q->begun_service, CVN_REQUEST);
        p.begin = false;
        (void)ask(e, &p);
    }
    q->begun = false;
}

/* An SSDU that is too long to wait for the token is not sent back. */
static void drop_last(struct talk_end *e)
{
    struct talk_echo *q = e->echo;
    struct talk_echo kept = {
        .asked = q->asked, .begun = q->begun, .begun_service = q->begun_service};
    struct piece *p;
    size_t dropped = 0;
    for (p = q->first; p != NULL; p = p->next)
        dropped = p->begin ? 1 : dropped + 1;
    size_t n = 0;
    for (p = q->first; p != NULL; p = p->next)
        n++;
    struct piece **at = &q->first;
    for (size_t keep = n - dropped; keep > 0; keep--) {
        kept.last = *at;
        kept.octets += (*at)->block->used;
        at = &(*at)->next;
    }
    struct talk_echo rest = {.first = *at, .octets = q->octets};
    *at = NULL;
    while (rest.first != NULL)
        pop(&rest);
    kept.first = q->first;
    *q = kept;
    q->dropping = true;
    talk_say(e->t, e,
             json_pack("{ss,ss}", "event", "not-echoed", "why",
                       "it is longer than 16 MiB, and the data token is with the peer"));
}

static void take_data(struct talk_end *e, const struct cvn_x225_prim *p)
{
    struct talk_echo *q = e->echo;
    if (p->begin)
        q->dropping = false;
    if (q->dropping)
        return;
    if (!push(q, p)) {
        cli_error("talk", "no memory for what is to go back", NULL);
        talk_worse(e->t, EXIT_INTERNAL);
        e->hang_up = true;
        return;
    }
    echo(e);
    if (q->octets > HELD_MAX && token_away(e))
        drop_last(e);
}

/* Whole at once, copied: what p points at goes with the next call. */
static void say_back(struct talk_end *e, const struct cvn_x225_prim *p, enum cvn_x225_type type)
{
    struct cvn_x225_prim r;
    struct talk_block *b = talk_block_new(p->data.n + 1);
    if (b == NULL)
        return;
    if (p->data.n > 0)
        memcpy(b->octets, p->data.p, p->data.n);
    cvn_x225_prim_init(&r, p->service, type);
    r.data = (struct cvn_octets){b->octets, p->data.n};
    (void)ask(e, &r);
    cvn_ref_drop(&b->ref);
}

static void accept_connection(struct talk_end *e)
{
    struct cvn_x225_prim r;
    cvn_x225_prim_init(&r, CVN_S_CONNECT, CVN_RESPONSE);
    talk_end_fill(e, &r);
    (void)talk_end_request(e, &r, NULL);
}

static void respond(struct talk_end *e, const struct cvn_x225_prim *p)
{
    struct cvn_x225_prim r;
    cvn_x225_prim_init(&r, p->service, CVN_RESPONSE);
    if (p->service == CVN_S_SYNC_MINOR)
        r.serial = p->serial;
    (void)ask(e, &r);
}

static void destroyed(struct talk_end *e, const struct cvn_x225_prim *p)
{
    if (p->service == CVN_S_U_EXCEPTION_REPORT || p->service == CVN_S_P_EXCEPTION_REPORT)
        (void)give(e, CVN_TOKEN_DATA);
    else if (p->service != CVN_S_U_ABORT && p->service != CVN_S_P_ABORT)
        respond(e, p);
    forget(e);
}

static void answer(struct talk_end *e, const struct cvn_x225_prim *p)
{
    switch (p->service) {
    case CVN_S_CONNECT:
        forget(e);
        accept_connection(e);
        break;
    case CVN_S_DATA:
    case CVN_S_TYPED_DATA:
        take_data(e, p);
        break;
    case CVN_S_EXPEDITED_DATA:
        say_back(e, p, CVN_REQUEST);
        break;
    case CVN_S_CAPABILITY_DATA:
        say_back(e, p, CVN_RESPONSE);
        break;
    case CVN_S_TOKEN_GIVE:
    case CVN_S_CONTROL_GIVE:
        echo(e);
        break;
    case CVN_S_TOKEN_PLEASE:
        (void)give(e, p->tokens);
        break;
    case CVN_S_SYNC_MINOR:
    case CVN_S_SYNC_MAJOR:
    case CVN_S_ACTIVITY_END:
    case CVN_S_RELEASE:
        respond(e, p);
        break;
    case CVN_S_RESYNCHRONIZE:
    case CVN_S_ACTIVITY_INTERRUPT:
    case CVN_S_ACTIVITY_DISCARD:
    case CVN_S_U_EXCEPTION_REPORT:
    case CVN_S_P_EXCEPTION_REPORT:
    case CVN_S_U_ABORT:
    case CVN_S_P_ABORT:
        destroyed(e, p);
        break;
    default:
        break;
    }
}

void talk_auto(struct talk_end *e, const struct cvn_x225_prim *p)
{
    struct cvn_x225_prim copy = *p;
    if (e->echo == NULL)
        e->echo = cvn_new(cvn_alloc_std(), sizeof *e->echo);
    if (e->echo == NULL) {
        e->hang_up = true;
        return;
    }
    if (copy.type == CVN_INDICATION)
        answer(e, &copy);
    else
        echo(e); /* a confirm may have freed the way */
}

bool talk_auto_full(const struct talk_end *e)
{
    return e->echo != NULL && cvn_sc_out_octets(e->sc) > BACKLOG;
}

void talk_auto_free(struct talk_end *e)
{
    if (e->echo == NULL)
        return;
    while (e->echo->first != NULL)
        pop(e->echo);
    cvn_free(cvn_alloc_std(), e->echo, sizeof *e->echo);
    e->echo = NULL;
}
