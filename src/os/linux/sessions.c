/* SPDX-License-Identifier: MIT */
/* sessions - sessions.conf read by libconfuse; what it cannot judge is judged here. */
#include "os/linux/sessions.h"

#include <confuse.h>
#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "transport/tcp/qos.h"

/* libconfuse gives its callbacks nothing of the caller's: what went wrong in the file that is being
 * read. One file is read at a time. */
static char trouble[200];

__attribute__((format(printf, 2, 0))) static void on_error(cfg_t *cfg, const char *format,
                                                           va_list args)
{
    char text[150];
    if (trouble[0] != '\0')
        return; /* the first is the cause */
    (void)vsnprintf(text, sizeof text, format, args);
    (void)snprintf(trouble, sizeof trouble, "line %d: %s", cfg->line, text);
}

static int bad(cfg_t *cfg, const char *what, const char *why)
{
    cfg_error(cfg, "%s: %s", what, why);
    return -1;
}

/* "host", "host:port", "[::1]:port" */
static int parse_address(const char *text, struct cvn_target *t, const char **why)
{
    char url[300];
    struct cvn_url u;
    if (snprintf(url, sizeof url, "iso://%s", text) >= (int)sizeof url ||
        strpbrk(text, "/?#") != NULL) {
        *why = "it is HOST or HOST:PORT";
        return CVN_EINVAL;
    }
    if (cvn_url_parse(&u, url, why) != CVN_OK)
        return CVN_EINVAL;
    cvn_target_of(t, &u);
    return CVN_OK;
}

static int check_address(cfg_t *cfg, cfg_opt_t *opt)
{
    struct cvn_target t;
    const char *why;
    const char *text = cfg_opt_getnstr(opt, cfg_opt_size(opt) - 1);
    if (cfg_opt_size(opt) > CVN_TARGETS_MAX)
        return bad(cfg, "address", "more than 16 addresses");
    return parse_address(text, &t, &why) == CVN_OK ? 0 : bad(cfg, text, why);
}

static int check_selector(cfg_t *cfg, cfg_opt_t *opt)
{
    uint8_t octets[32];
    size_t n;
    const char *why;
    size_t cap = strcmp(cfg_opt_name(opt), "tsel") == 0 ? 32 : 16;
    const char *text = cfg_opt_getnstr(opt, 0);
    return cvn_url_selector(text, octets, cap, &n, &why) == CVN_OK
               ? 0
               : bad(cfg, cfg_opt_name(opt), why);
}

static int check_peer(cfg_t *cfg, cfg_opt_t *opt)
{
    return strcmp(cfg_opt_getnstr(opt, 0), "minimal") == 0
               ? 0
               : bad(cfg, "peer", "it is \"minimal\", or not given");
}

static int check_timeout(cfg_t *cfg, cfg_opt_t *opt)
{
    double v = cfg_opt_getnfloat(opt, 0);
    return v >= 0 && v <= 86400 ? 0 : bad(cfg, "connect-timeout", "it is seconds, 0 to 86400");
}

static int check_dscp(cfg_t *cfg, cfg_opt_t *opt)
{
    return cvn_dscp_of(cfg_opt_getnstr(opt, 0)) >= 0 ? 0 : bad(cfg, "dscp", "no such code point");
}

static int check_priority(cfg_t *cfg, cfg_opt_t *opt)
{
    long v = cfg_opt_getnint(opt, 0);
    return v >= 0 && v <= 6 ? 0 : bad(cfg, "priority", "it is 0 to 6");
}

static int check_rate(cfg_t *cfg, cfg_opt_t *opt)
{
    return cfg_opt_getnint(opt, 0) > 0 ? 0
                                       : bad(cfg, "limit-rate", "it is octets a second, over 0");
}

static void take(cfg_t *s, struct cvn_session_entry *e)
{
    const char *why;
    *e = (struct cvn_session_entry){.connect_timeout = cfg_getfloat(s, "connect-timeout"),
                                    .priority = (int)cfg_getint(s, "priority"),
                                    .limit_rate = (uint64_t)cfg_getint(s, "limit-rate"),
                                    .dscp = -1};
    for (unsigned i = 0; i < cfg_size(s, "address"); i++) {
        if (parse_address(cfg_getnstr(s, "address", i), &e->targets[e->ntargets], &why) == CVN_OK)
            e->ntargets++;
    }
    /* Checked when it was read: what fails here is not given. */
    (void)!cvn_url_selector(cfg_getstr(s, "ssel"), e->url.ssel, 16, &e->url.ssel_len, &why);
    (void)!cvn_url_selector(cfg_getstr(s, "tsel"), e->url.tsel, 32, &e->url.tsel_len, &why);
    (void)!cvn_url_selector(cfg_getstr(s, "name"), e->url.name, 16, &e->url.name_len, &why);
    e->url.minimal = cfg_getstr(s, "peer")[0] != '\0';
    if (cfg_getstr(s, "dscp")[0] != '\0')
        e->dscp = cvn_dscp_of(cfg_getstr(s, "dscp"));
}

static void watch(cfg_t *cfg)
{
    static const struct {
        const char *option;
        cfg_validate_callback_t check;
    } checks[] = {
        {"session|address", check_address}, {"session|ssel", check_selector},
        {"session|tsel", check_selector},   {"session|name", check_selector},
        {"session|peer", check_peer},       {"session|connect-timeout", check_timeout},
        {"session|dscp", check_dscp},       {"session|priority", check_priority},
        {"session|limit-rate", check_rate},
    };
    for (size_t i = 0; i < sizeof checks / sizeof checks[0]; i++)
        (void)cfg_set_validate_func(cfg, checks[i].option, checks[i].check);
}

static int look(cfg_t *cfg, const char *name, struct cvn_session_entry *out)
{
    cfg_t *s = cfg_gettsec(cfg, "session", name);
    if (s == NULL)
        return CVN_ENOTFOUND;
    if (cfg_size(s, "address") == 0) {
        (void)snprintf(trouble, sizeof trouble, "session %s has no address", name);
        return CVN_EINVAL;
    }
    take(s, out);
    return CVN_OK;
}

static int find_in(const char *path, const char *name, struct cvn_session_entry *out, char *why,
                   size_t cap)
{
    cfg_opt_t session[] = {CFG_STR_LIST("address", NULL, CFGF_NODEFAULT),
                           CFG_STR("ssel", "", CFGF_NONE),
                           CFG_STR("tsel", "", CFGF_NONE),
                           CFG_STR("name", "", CFGF_NONE),
                           CFG_STR("peer", "", CFGF_NONE),
                           CFG_FLOAT("connect-timeout", -1, CFGF_NONE),
                           CFG_STR("dscp", "", CFGF_NONE),
                           CFG_INT("priority", -1, CFGF_NONE),
                           CFG_INT("limit-rate", 0, CFGF_NONE),
                           CFG_END()};
    cfg_opt_t options[] = {
        CFG_SEC("session", session, CFGF_MULTI | CFGF_TITLE | CFGF_NO_TITLE_DUPES), CFG_END()};
    cfg_t *cfg = cfg_init(options, CFGF_NONE);
    if (cfg == NULL) {
        (void)snprintf(why, cap, "no memory");
        return CVN_EINVAL;
    }
    trouble[0] = '\0';
    (void)cfg_set_error_function(cfg, on_error);
    watch(cfg);
    int rc = CVN_EINVAL;
    switch (cfg_parse(cfg, path)) {
    case CFG_SUCCESS:
        rc = look(cfg, name, out);
        break;
    case CFG_FILE_ERROR:
        (void)snprintf(trouble, sizeof trouble, "%s", strerror(errno));
        break;
    default:
        break;
    }
    if (rc == CVN_EINVAL)
        (void)snprintf(why, cap, "%s: %s", path, trouble[0] != '\0' ? trouble : "not understood");
    (void)cfg_free(cfg);
    return rc;
}

static bool own_file(char *path, size_t cap)
{
    const char *config = getenv("XDG_CONFIG_HOME");
    const char *home = getenv("HOME");
    int n = -1;
    if (config != NULL && config[0] == '/')
        n = snprintf(path, cap, "%s/convene/sessions.conf", config);
    else if (home != NULL && home[0] == '/')
        n = snprintf(path, cap, "%s/.config/convene/sessions.conf", home);
    return n > 0 && (size_t)n < cap && access(path, F_OK) == 0;
}

int cvn_sessions_find(const char *path, const char *name, struct cvn_session_entry *out, char *why,
                      size_t cap)
{
    static const char system_file[] = "/etc/convene/sessions.conf";
    char own[PATH_MAX];
    int rc = CVN_ENOTFOUND;
    if (path != NULL)
        return find_in(path, name, out, why, cap);
    if (own_file(own, sizeof own))
        rc = find_in(own, name, out, why, cap);
    if (rc == CVN_ENOTFOUND && access(system_file, F_OK) == 0)
        rc = find_in(system_file, name, out, why, cap);
    return rc;
}
