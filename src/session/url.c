/* SPDX-License-Identifier: MIT */
/* url - session addresses as text: RFC 3986 syntax, our schemes. */
#include "convene/url.h"

#include <stdbool.h>
#include <string.h>

#define EXPECT(condition, text)                                                                    \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            *why = (text);                                                                         \
            return CVN_EINVAL;                                                                     \
        }                                                                                          \
    } while (0)

static int hex(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

static bool plain(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c != '\0' && strchr("-._~!$'()*+,;:@", c) != NULL);
}

/* One octet of a selector at p: as a pair of digits (of 0x.., or behind %), or as it is.
 * How many characters it took; 0: malformed. */
static size_t selector_octet(const char *p, size_t n, bool digits, uint8_t *out)
{
    size_t step = digits ? 2 : p[0] == '%' ? 3 : 1;
    if (step == 1) {
        *out = (uint8_t)p[0];
        return plain(p[0]) ? 1 : 0;
    }
    if (step > n)
        return 0;
    int high = hex(p[step - 2]);
    int low = hex(p[step - 1]);
    if (high < 0 || low < 0)
        return 0;
    *out = (uint8_t)(high << 4 | low);
    return step;
}

/* Text with percent-encoding, or 0x and digits. -1: malformed; -2: too long. */
static int selector(const char *p, size_t n, uint8_t *out, size_t cap)
{
    size_t len = 0;
    bool digits = n > 2 && p[0] == '0' && (p[1] == 'x' || p[1] == 'X');
    for (size_t i = digits ? 2 : 0; i < n;) {
        uint8_t octet;
        size_t step = selector_octet(p + i, n - i, digits, &octet);
        if (step == 0)
            return -1;
        if (len == cap)
            return -2;
        out[len++] = octet;
        i += step;
    }
    return (int)len;
}

int cvn_url_selector(const char *text, uint8_t *out, size_t cap, size_t *n, const char **why)
{
    int len = selector(text, strlen(text), out, cap);
    EXPECT(len != -1, "a selector is text, or 0x and pairs of hexadecimal digits");
    EXPECT(len != -2, "the selector is too long");
    *n = (size_t)len;
    return CVN_OK;
}

static int parse_port(const char *p, size_t n, char out[6], const char **why)
{
    unsigned value = 0;
    EXPECT(n > 0 && n <= 5, "the port is not a number from 0 to 65535");
    for (size_t i = 0; i < n; i++) {
        EXPECT(p[i] >= '0' && p[i] <= '9', "the port is not a number from 0 to 65535");
        value = value * 10 + (unsigned)(p[i] - '0');
    }
    EXPECT(value <= 65535, "the port is not a number from 0 to 65535");
    memset(out, 0, 6);
    memcpy(out, p, n);
    return CVN_OK;
}

static int parse_authority(struct cvn_url *u, const char *p, size_t n, const char **why)
{
    const char *host = p;
    size_t len = n;
    const char *rest = p + n;
    if (n > 0 && p[0] == '[') {
        const char *close = memchr(p, ']', n);
        EXPECT(close != NULL, "the bracket of an IPv6 address is not closed");
        host = p + 1;
        len = (size_t)(close - host);
        rest = close + 1;
        EXPECT(rest == p + n || *rest == ':', "something stands between ] and the port");
    } else {
        const char *colon = memchr(p, ':', n);
        if (colon != NULL) {
            len = (size_t)(colon - p);
            rest = colon;
        }
        EXPECT(memchr(rest, ':', (size_t)(p + n - rest)) == NULL ||
                   memchr(rest + 1, ':', (size_t)(p + n - rest - 1)) == NULL,
               "an IPv6 address stands in brackets: [::1]");
    }
    EXPECT(len > 0 && len < sizeof u->host, "the host is missing or too long");
    for (size_t i = 0; i < len; i++)
        EXPECT((unsigned char)host[i] > ' ' && strchr("@/?#%\\", host[i]) == NULL,
               "the host has a character that no host has");
    memcpy(u->host, host, len);
    u->host[len] = '\0';
    u->has_port = rest < p + n;
    if (u->has_port)
        return parse_port(rest + 1, (size_t)(p + n - rest - 1), u->port, why);
    return CVN_OK;
}

/* One selector of the query into out. */
static int query_selector(const char *p, size_t n, uint8_t *out, size_t cap, size_t *len,
                          const char **why)
{
    EXPECT(*len == 0, "a parameter stands twice behind the ?");
    EXPECT(n > 0, "a selector behind the ? is empty");
    int got = selector(p, n, out, cap);
    EXPECT(got != -1, "a selector behind the ? is neither text nor 0x and pairs of hexadecimal "
                      "digits");
    EXPECT(got != -2,
           cap == 32 ? "tsel is longer than 32 octets" : "name is longer than 16 octets");
    *len = (size_t)got;
    return CVN_OK;
}

static bool is_named(const char *p, size_t n, const char *name)
{
    return n == strlen(name) && memcmp(p, name, n) == 0;
}

static int parse_parameter(struct cvn_url *u, const char *p, size_t n, const char **why)
{
    const char *equals = memchr(p, '=', n);
    size_t name = equals == NULL ? n : (size_t)(equals - p);
    const char *value = equals == NULL ? p + n : equals + 1;
    size_t len = (size_t)(p + n - value);
    if (is_named(p, name, "tsel"))
        return query_selector(value, len, u->tsel, sizeof u->tsel, &u->tsel_len, why);
    if (is_named(p, name, "name"))
        return query_selector(value, len, u->name, sizeof u->name, &u->name_len, why);
    EXPECT(is_named(p, name, "peer"), "behind the ? stand tsel=SELECTOR, name=SELECTOR and "
                                      "peer=minimal, joined by &");
    EXPECT(is_named(value, len, "minimal"), "peer is minimal, or not given");
    EXPECT(!u->minimal, "a parameter stands twice behind the ?");
    u->minimal = true;
    return CVN_OK;
}

static int parse_query(struct cvn_url *u, const char *p, const char **why)
{
    EXPECT(strchr(p, '#') == NULL, "a session address has no fragment (#)");
    while (*p != '\0') {
        size_t n = strcspn(p, "&");
        int rc = parse_parameter(u, p, n, why);
        if (rc != CVN_OK)
            return rc;
        p += n;
        p += *p == '&';
    }
    return CVN_OK;
}

static int parse_scheme(struct cvn_url *u, const char **text, const char **why)
{
    static const struct {
        const char *prefix;
        const char *port;
    } schemes[] = {[CVN_SCHEME_ISO] = {"iso://", "102"}, [CVN_SCHEME_ISOS] = {"isos://", "3782"}};
    for (size_t i = 0; i < sizeof schemes / sizeof schemes[0]; i++) {
        size_t n = strlen(schemes[i].prefix);
        if (strncmp(*text, schemes[i].prefix, n) != 0)
            continue;
        u->scheme = (enum cvn_scheme)i;
        memcpy(u->port, schemes[i].port, strlen(schemes[i].port) + 1);
        *text += n;
        return CVN_OK;
    }
    *why = "it does not begin with iso:// or isos://";
    return CVN_EINVAL;
}

/* Digits and points alone, or a colon: no name that a resolver knows has either. */
bool cvn_url_is_literal(const char *host)
{
    if (strchr(host, ':') != NULL)
        return true;
    return host[0] != '\0' && strspn(host, "0123456789.") == strlen(host);
}

int cvn_url_parse(struct cvn_url *out, const char *text, const char **why)
{
    struct cvn_url u;
    memset(&u, 0, sizeof u);
    int rc = parse_scheme(&u, &text, why);
    if (rc != CVN_OK)
        return rc;
    const char *p = text;
    size_t n = strcspn(p, "/?#");
    rc = parse_authority(&u, p, n, why);
    if (rc != CVN_OK)
        return rc;
    p += n;
    if (*p == '/') {
        n = strcspn(++p, "?#");
        int len = selector(p, n, u.ssel, sizeof u.ssel);
        EXPECT(len != -1, "the selector behind the host is neither text nor 0x and pairs of "
                          "hexadecimal digits");
        EXPECT(len != -2, "the selector behind the host is longer than 16 octets");
        u.ssel_len = (size_t)len;
        p += n;
    }
    EXPECT(*p != '#', "a session address has no fragment (#)");
    if (*p == '?') {
        rc = parse_query(&u, p + 1, why);
        if (rc != CVN_OK)
            return rc;
    }
    *out = u;
    return CVN_OK;
}
