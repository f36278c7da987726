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

static int parse_port(const char *p, size_t n, char out[6], const char **why)
{
    unsigned value = 0;
    EXPECT(n > 0 && n <= 5, "the port is not a number from 0 to 65535");
    for (size_t i = 0; i < n; i++) {
        EXPECT(p[i] >= '0' && p[i] <= '9', "the port is not a number from 0 to 65535");
        value = value * 10 + (unsigned)(p[i] - '0');
    }
    EXPECT(value <= 65535, "the port is not a number from 0 to 65535");
    memcpy(out, p, n);
    out[n] = '\0';
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
    if (rest < p + n)
        return parse_port(rest + 1, (size_t)(p + n - rest - 1), u->port, why);
    return CVN_OK;
}

static int parse_query(struct cvn_url *u, const char *p, const char **why)
{
    while (*p != '\0') {
        size_t n = strcspn(p, "&");
        EXPECT(n > 5 && memcmp(p, "tsel=", 5) == 0,
               "the query has something that is not tsel=SELECTOR");
        int len = selector(p + 5, n - 5, u->tsel, sizeof u->tsel);
        EXPECT(len != -1, "tsel is neither text nor 0x and pairs of hexadecimal digits");
        EXPECT(len != -2, "tsel is longer than 32 octets");
        u->tsel_len = (size_t)len;
        p += n;
        p += *p == '&';
    }
    return CVN_OK;
}

int cvn_url_parse(struct cvn_url *out, const char *text, const char **why)
{
    struct cvn_url u = {.scheme = CVN_SCHEME_ISO, .port = "102"};
    EXPECT(strncmp(text, "iso://", 6) == 0, "it does not begin with iso://");
    const char *p = text + 6;
    size_t n = strcspn(p, "/?#");
    int rc = parse_authority(&u, p, n, why);
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
