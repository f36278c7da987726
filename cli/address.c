/* SPDX-License-Identifier: MIT */
/* address - session addresses as the commands take them. */
#include <string.h>

#include "cli/cli.h"
#include "os/linux/sessions.h"

static int check_narrow(const struct cvn_url *u, const char *text, bool narrow)
{
    if (!u->minimal || narrow)
        return 0;
    cli_error(text, "files need references of the connection, which peer=minimal leaves out",
              "leave it out of the address, or of sessions.conf");
    return EXIT_USAGE;
}

int cli_url(const char *text, bool narrow, struct cvn_url *out)
{
    const char *why;
    struct cvn_url u;
    if (cvn_url_parse(&u, text, &why) != CVN_OK) {
        cli_error(text, why, "iso://127.0.0.1:10102/inbox is one");
        return EXIT_USAGE;
    }
    if (u.scheme == CVN_SCHEME_ISOS) {
        cli_error(text, "protection is asked for, and this version has no TLS: nothing was sent",
                  "iso:// goes unprotected; a tunnel can protect it");
        return EXIT_DENIED;
    }
    *out = u;
    return check_narrow(out, text, narrow);
}

static int digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

size_t cli_octets_of(const char *text, uint8_t *out, size_t cap)
{
    size_t n = strlen(text);
    if (n < 3 || text[0] != '0' || (text[1] | 0x20) != 'x') {
        if (n > cap)
            return 0;
        memcpy(out, text, n);
        return n;
    }
    if (n % 2 != 0 || (n - 2) / 2 > cap)
        return 0;
    for (size_t i = 2; i < n; i += 2) {
        int high = digit(text[i]);
        int low = digit(text[i + 1]);
        if (high < 0 || low < 0)
            return 0;
        out[i / 2 - 1] = (uint8_t)(high << 4 | low);
    }
    return n / 2 - 1;
}

static void merge_url(struct cvn_url *own, const struct cvn_url *entry)
{
    if (own->ssel_len == 0) {
        memcpy(own->ssel, entry->ssel, sizeof own->ssel);
        own->ssel_len = entry->ssel_len;
    }
    if (own->tsel_len == 0) {
        memcpy(own->tsel, entry->tsel, sizeof own->tsel);
        own->tsel_len = entry->tsel_len;
    }
    if (own->name_len == 0) {
        memcpy(own->name, entry->name, sizeof own->name);
        own->name_len = entry->name_len;
    }
    own->minimal = own->minimal || entry->minimal;
}

static void merge(const struct cli_options *o, struct cli_target *t,
                  const struct cvn_session_entry *e)
{
    merge_url(&t->url, &e->url);
    memcpy(t->targets, e->targets, sizeof t->targets);
    t->ntargets = e->ntargets;
    if (!o->connect_timeout_said && e->connect_timeout >= 0)
        t->connect_timeout = e->connect_timeout;
    if (o->dscp == NULL)
        t->qos.dscp = e->dscp;
    if (o->priority == 0)
        t->qos.priority = e->priority;
    if (t->limit_rate == 0)
        t->limit_rate = e->limit_rate;
}

/* A name without a port may be one of sessions.conf. */
static int look_in_config(const struct cli_options *o, struct cli_target *t)
{
    struct cvn_session_entry e;
    char why[300];
    if (o->listen != NULL || t->url.has_port || cvn_url_is_literal(t->url.host))
        return 0;
    switch (cvn_sessions_find(o->config, t->url.host, &e, why, sizeof why)) {
    case CVN_OK:
        merge(o, t, &e);
        return 0;
    case CVN_ENOTFOUND:
        return 0;
    default:
        cli_error("sessions.conf", why, "docs/ADDRESSES.md shows what it holds");
        return EXIT_CONFIG;
    }
}

int cli_target(const struct cli_options *o, const char *text, bool narrow, struct cli_target *t)
{
    memset(t, 0, sizeof *t);
    int rc = cli_url(text, true, &t->url);
    if (rc != 0)
        return rc;
    t->connect_timeout = o->connect_timeout;
    t->limit_rate = o->limit_rate;
    t->qos.priority = (int)o->priority - 1;
    t->qos.dscp = o->dscp != NULL ? cvn_dscp_of(o->dscp) : -1;
    if (o->dscp != NULL && t->qos.dscp < 0) {
        cli_error("--dscp", "no such code point",
                  "ef, af11 to af43, cs0 to cs7, be, le, va, or 0 to 63");
        return EXIT_USAGE;
    }
    cvn_target_of(&t->targets[0], &t->url);
    t->ntargets = 1;
    rc = look_in_config(o, t);
    return rc != 0 ? rc : check_narrow(&t->url, text, narrow);
}

void cli_qos(const struct cli_options *o, struct cli_target *t, int fd)
{
    struct cvn_tcp_qos got;
    int failed = cvn_tcp_qos_apply(fd, &t->qos, &got);
    if (t->qos_said) /* every connection is marked, and it is said once */
        return;
    t->qos_said = true;
    if (failed != 0)
        cli_error("quality of service", strerror(failed), "the rest goes on without it");
    bool asked = t->qos.dscp >= 0 || t->qos.priority >= 0;
    if (o->json && asked && o->listen == NULL)
        cli_json(stdout, "quality_of_service", "udscp", (uint64_t)got.dscp, "upriority",
                 (uint64_t)got.priority, "bno_delay", !got.bulk, NULL);
    if (o->verbose)
        (void)fprintf(stderr, "quality of service: dscp %d, priority %d, no delay: %s\n", got.dscp,
                      got.priority, got.bulk ? "no" : "yes");
}
