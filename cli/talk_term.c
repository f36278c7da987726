/* SPDX-License-Identifier: MIT */
/*
 * talk_term - commands typed on a terminal: libedit keeps the line, its history and its completion; what
 * is said in the meantime is put above it.
 */
#include <editline/readline.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/talk.h"
#include "cli/talk_words.h"

#define HISTORY_MAX 1000

static struct talk *the; /* libedit's call-backs have no argument */
static char history_path[PATH_MAX];

static void on_line(char *line)
{
    if (line == NULL) {
        the->input.eof = true;
        rl_callback_handler_remove();
        return;
    }
    if (line[strspn(line, " \t")] != '\0')
        (void)add_history(line);
    free(the->typed);
    the->typed = line;
    the->line_done = true;
    talk_input_want(the, false);
}

static char *nothing(const char *text, int state)
{
    (void)text;
    (void)state;
    return NULL;
}

static char before[256];

/* The words that may stand here and begin so. */
static char *candidate(const char *text, int state)
{
    static size_t i;
    const char *word;
    size_t n = strlen(text);
    if (state == 0)
        i = 0;
    while ((word = talk_words_next(before, i)) != NULL) {
        i++;
        size_t len = strcspn(word, " ");
        if (len >= n && strncmp(word, text, n) == 0)
            return strndup(word, len);
    }
    return NULL;
}

static char **on_complete(const char *text, int start, int end)
{
    (void)end;
    rl_attempted_completion_over = 1;
    size_t n = start < 0 ? 0 : (size_t)start;
    n = n < sizeof before - 1 ? n : sizeof before - 1;
    memcpy(before, rl_line_buffer, n);
    before[n] = '\0';
    return rl_completion_matches(text, candidate);
}

static void on_poll(uv_poll_t *p, int status, int events)
{
    (void)p;
    (void)events;
    if (status != 0)
        the->input.eof = true;
    else
        rl_callback_read_char();
    talk_again(the);
}

void talk_term_want(struct talk *t, bool want)
{
    struct talk_input *in = &t->input;
    want = want && !in->eof;
    if (want == in->polling)
        return;
    if (want)
        (void)uv_poll_start(&in->poll, UV_READABLE, on_poll);
    else
        (void)uv_poll_stop(&in->poll);
    in->polling = want;
}

static void prompt_now(char *out, size_t cap)
{
    struct talk_end *e = the->ends;
    while (e != NULL && e->over)
        e = e->next;
    talk_prompt(e, out, cap);
}

void talk_term_open(struct talk *t)
{
    char folder[PATH_MAX - 32];
    char prompt[128];
    the = t;
    rl_readline_name = "convene";
    rl_catch_signals = 0;
    (void)rl_initialize();
    rl_attempted_completion_function = on_complete;
    rl_completion_entry_function = nothing;
    stifle_history(HISTORY_MAX);
    if (cli_state_folder(folder, sizeof folder) == 0) {
        (void)snprintf(history_path, sizeof history_path, "%s/talk.history", folder);
        (void)read_history(history_path);
    }
    prompt_now(prompt, sizeof prompt);
    (void)snprintf(t->prompt, sizeof t->prompt, "%s", prompt);
    rl_callback_handler_install(t->prompt, on_line);
    talk_term_want(t, true);
}

void talk_term_close(struct talk *t)
{
    if (!t->input.eof)
        rl_callback_handler_remove();
    (void)fputc('\n', stdout);
    if (history_path[0] != '\0')
        (void)write_history(history_path);
    free(t->typed);
    t->typed = NULL;
}

/* The line being typed makes way for what is said. */
void talk_term_clear(struct talk *t)
{
    if (!t->cleared && !t->line_done)
        (void)fputs("\r\033[K", stdout);
    t->cleared = true;
}

void talk_term_redraw(struct talk *t)
{
    char prompt[sizeof t->prompt];
    prompt_now(prompt, sizeof prompt);
    bool other = strcmp(prompt, t->prompt) != 0;
    if ((!t->cleared && !other && !t->line_done) || t->input.eof)
        return;
    if (!t->line_done)
        talk_term_clear(t);
    (void)fflush(stdout);
    (void)snprintf(t->prompt, sizeof t->prompt, "%s", prompt);
    if (t->line_done) { /* libedit has left its mode: it takes it up again, and draws */
        rl_callback_handler_install(t->prompt, on_line);
    } else {
        (void)rl_set_prompt(t->prompt);
        rl_forced_update_display();
    }
    t->line_done = false;
    t->cleared = false;
}
