/* SPDX-License-Identifier: MIT */
/* talk_input - lines from standard input, whatever that is; read only when they are wanted. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/talk.h"
#include "convene/alloc.h"

#define LINE_MAX_ (16u << 20)
#define PIECE     65536u

static bool room(struct talk_input *in)
{
    if (in->at > 0) {
        in->have -= in->at;
        memmove(in->text, in->text + in->at, in->have);
        in->at = 0;
    }
    if (in->cap - in->have >= PIECE)
        return true;
    size_t cap = in->cap * 2 + 2 * PIECE;
    char *text = cvn_resize(cvn_alloc_std(), in->text, in->cap, cap);
    if (text == NULL)
        return false;
    in->text = text;
    in->cap = cap;
    return true;
}

static void read_some(struct talk *t)
{
    struct talk_input *in = &t->input;
    ssize_t n;
    if (!room(in)) {
        cli_error("standard input", "no memory for a line", NULL);
        in->eof = true;
        return;
    }
    do
        n = read(STDIN_FILENO, in->text + in->have, PIECE);
    while (n < 0 && errno == EINTR);
    if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
        return;
    if (n < 0) {
        cli_error("standard input", strerror(errno), NULL);
        talk_worse(t, EXIT_LOCAL_IO);
    }
    if (n > 0)
        in->have += (size_t)n;
    else
        in->eof = true;
}

static void on_poll(uv_poll_t *p, int status, int events)
{
    struct talk *t = p->data;
    (void)events;
    if (status != 0)
        t->input.eof = true;
    else
        read_some(t);
    talk_input_want(t, false);
    talk_again(t);
}

void talk_input_want(struct talk *t, bool want)
{
    struct talk_input *in = &t->input;
    if (t->terminal) {
        talk_term_want(t, want);
        return;
    }
    want = want && !in->eof;
    if (in->is_file) {
        if (want) {
            read_some(t);
            talk_again(t);
        }
        return;
    }
    if (want && !in->polling)
        (void)uv_poll_start(&in->poll, UV_READABLE | UV_DISCONNECT, on_poll);
    else if (!want && in->polling)
        (void)uv_poll_stop(&in->poll);
    in->polling = want;
}

/* The rest of a line that was too long is thrown away; true: its end has come. */
static bool skip(struct talk_input *in, const char *end)
{
    if (end == NULL) {
        in->at = in->have = 0;
        return in->eof;
    }
    in->at = (size_t)(end - in->text) + 1;
    in->skipping = false;
    return true;
}

/* The one that was typed; it is freed when the next is asked for. */
static bool typed_line(struct talk *t, char **line, size_t *n)
{
    struct talk_input *in = &t->input;
    bool fresh = t->typed != NULL && !in->skipping;
    if (!fresh) {
        free(t->typed);
        t->typed = NULL;
        in->skipping = false;
        return false;
    }
    in->skipping = true;
    *line = t->typed;
    *n = strlen(t->typed);
    in->line++;
    return true;
}

bool talk_input_line(struct talk *t, char **line, size_t *n, const char **error)
{
    struct talk_input *in = &t->input;
    *error = NULL;
    if (t->terminal)
        return typed_line(t, line, n);
    for (;;) {
        size_t left = in->have - in->at;
        char *begin = left == 0 ? NULL : in->text + in->at;
        char *end = left == 0 ? NULL : memchr(begin, '\n', left);
        if (in->skipping) {
            if (!skip(in, end))
                return false;
            if (end == NULL)
                in->skipping = false;
            continue;
        }
        if (end == NULL && left > LINE_MAX_) {
            in->skipping = true;
            in->line++;
            *error = "the line is longer than 16 MiB";
            return true;
        }
        if (end == NULL && (!in->eof || left == 0))
            return false;
        *line = begin;
        *n = end == NULL ? left : (size_t)(end - begin);
        in->at += end == NULL ? left : *n + 1;
        in->line++;
        return true;
    }
}

int talk_input_open(struct talk *t)
{
    struct talk_input *in = &t->input;
    in->poll.data = t;
    in->open = true;
    if (t->terminal) {
        if (uv_poll_init(&t->loop, &in->poll, STDIN_FILENO) != 0)
            return EXIT_LOCAL_IO;
        talk_term_open(t);
        return 0;
    }
    in->is_file = uv_poll_init(&t->loop, &in->poll, STDIN_FILENO) != 0 ||
                  uv_poll_start(&in->poll, UV_READABLE, on_poll) != 0;
    in->polling = !in->is_file;
    return 0;
}

void talk_input_close(struct talk *t)
{
    if (t->terminal && t->prompt[0] != '\0')
        talk_term_close(t);
    if (t->input.open && !t->input.is_file)
        (void)uv_poll_stop(&t->input.poll);
    cvn_free(cvn_alloc_std(), t->input.text, t->input.cap);
}
