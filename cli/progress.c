/* SPDX-License-Identifier: MIT */
/* progress - the bar on a terminal, and the summary at the end. */
#include "cli/progress.h"

#include <inttypes.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define BAR_WIDTH 12

void progress_init(struct progress *p, const struct cli_options *o, size_t items, uint64_t total,
                   size_t done, uint64_t confirmed, cvn_time now)
{
    *p = (struct progress){.o = o, .items = items, .total = total, .began = now, .last = now};
    p->done = done;
    p->last_confirmed = confirmed;
    p->bar = !o->silent && !o->verbose && isatty(STDERR_FILENO);
}

void progress_news(struct progress *p, enum cvn_sender_news n, const struct cvn_item *it,
                   uint64_t offset, const char *text)
{
    (void)it;
    (void)offset;
    switch (n) {
    case CVN_NEWS_LOST:
        (void)snprintf(p->state, sizeof p->state, "link lost: %s", text == NULL ? "" : text);
        break;
    case CVN_NEWS_WAITING:
        (void)snprintf(p->state, sizeof p->state, "waiting: %s", text == NULL ? "" : text);
        break;
    case CVN_NEWS_RESUMED:
        p->resumes++;
        p->state[0] = '\0';
        break;
    case CVN_NEWS_OPENED:
    case CVN_NEWS_STARTED:
        p->state[0] = '\0';
        break;
    default:
        break;
    }
}

void progress_done(struct progress *p, const struct cvn_item *it)
{
    (void)it;
    p->done++;
}

static void time_left(const struct progress *p, uint64_t confirmed, char *out, size_t cap)
{
    out[0] = '\0';
    if (p->rate < 1 || p->total <= confirmed)
        return;
    uint64_t s = (uint64_t)((double)(p->total - confirmed) / p->rate);
    if (s < 360000)
        (void)snprintf(out, cap, "%" PRIu64 ":%02" PRIu64 ":%02" PRIu64, s / 3600, s / 60 % 60,
                       s % 60);
}

void progress_draw(struct progress *p, uint64_t confirmed, cvn_time now)
{
    char got[32];
    char all[32];
    char rate[32];
    char left[32];
    char bar[BAR_WIDTH + 1];
    char line[400];
    struct winsize ws = {.ws_col = 80};
    if (!p->bar || now <= p->last)
        return;
    double seconds = (double)(now - p->last) / 1e9;
    double r =
        confirmed > p->last_confirmed ? (double)(confirmed - p->last_confirmed) / seconds : 0;
    p->rate = p->rate < 1 ? r : p->rate * 0.8 + r * 0.2;
    p->last = now;
    p->last_confirmed = confirmed;
    double share = p->total == 0 ? 0 : (double)confirmed / (double)p->total;
    share = share > 1 ? 1 : share;
    for (int i = 0; i < BAR_WIDTH; i++)
        bar[i] = i < (int)(share * BAR_WIDTH) ? '#' : '-';
    bar[BAR_WIDTH] = '\0';
    time_left(p, confirmed, left, sizeof left);
    int n = snprintf(line, sizeof line, "[%s] %3.0f%% %s of %s ", bar, share * 100,
                     cli_octets(got, sizeof got, confirmed), cli_octets(all, sizeof all, p->total));
    if (p->state[0] != '\0')
        n += snprintf(line + n, sizeof line - (size_t)n, "%s", p->state);
    else
        n += snprintf(line + n, sizeof line - (size_t)n, "%s/s %zu/%zu %" PRIu64 " resumes %s",
                      cli_octets(rate, sizeof rate, (uint64_t)p->rate), p->done, p->items,
                      p->resumes, left);
    (void)ioctl(STDERR_FILENO, TIOCGWINSZ, &ws);
    if (ws.ws_col > 0 && n >= ws.ws_col)
        line[ws.ws_col - 1] = '\0';
    (void)fprintf(stderr, "\r%s\033[K", line);
    p->drawn = true;
}

void progress_end(struct progress *p)
{
    if (p->drawn)
        (void)fprintf(stderr, "\n");
    p->drawn = false;
    p->bar = false;
}

void progress_summary(const struct progress *p, uint64_t sent, uint64_t twice, uint64_t resumes,
                      uint64_t connections)
{
    char a[32];
    char b[32];
    (void)printf("%zu of %zu confirmed, %s sent, %s of them twice, %" PRIu64 " resumes, %" PRIu64
                 " connections\n",
                 p->done, p->items, cli_octets(a, sizeof a, sent), cli_octets(b, sizeof b, twice),
                 resumes, connections);
}
