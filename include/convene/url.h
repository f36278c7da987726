/* SPDX-License-Identifier: MIT */
/*
 * url - session addresses: iso://host[:port]/SSEL[?tsel=..&name=..&peer=minimal].
 *
 * The host is a name, an IPv4 address, or an IPv6 address in brackets. SSEL, tsel
 * and name are text, or 0x and pairs of hexadecimal digits; octets that are not of RFC 3986's
 * unreserved set are percent-encoded. Each parameter stands once at most:
 *   tsel  called transport selector, 1 to 32 octets
 *   name  calling session selector: who calls, 1 to 16 octets
 *   peer  minimal: the narrow dialect (opts.minimal in x225.h)
 */
#ifndef CONVENE_URL_H
#define CONVENE_URL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "convene/err.h"

#ifdef __cplusplus
extern "C" {
#endif

enum cvn_scheme {
    CVN_SCHEME_ISO,  /* X.225 over COTP over TPKT over TCP; port 102 */
    CVN_SCHEME_ISOS, /* the same over TLS; port 3782 */
};

struct cvn_url {
    enum cvn_scheme scheme;
    char host[256]; /* without brackets */
    char port[6];   /* digits; the scheme's if none is given */
    bool
        has_port; /* one is given: then no SRV record and no entry of sessions.conf is looked for */
    uint8_t ssel[16];
    size_t ssel_len;
    uint8_t tsel[32];
    size_t tsel_len;
    uint8_t name[16];
    size_t name_len;
    bool minimal; /* peer=minimal */
};

/* A selector as it stands in an address: text with percent-encoding, or 0x and pairs of hexadecimal
 * digits, of at most cap octets; empty text is none. *n octets in out.
 * CVN_OK; CVN_EINVAL: *why says what is wrong, static storage. */
CVN_API int cvn_url_selector(const char *text, uint8_t *out, size_t cap, size_t *n,
                             const char **why) CVN_MUST_USE;

/* Whether host is an IPv4 or IPv6 address, not a name that is to be looked up. */
CVN_API bool cvn_url_is_literal(const char *host);

/* text is not changed. *why gets what is wrong, static storage, when not CVN_OK.
 * CVN_OK; CVN_EINVAL. */
CVN_API int cvn_url_parse(struct cvn_url *out, const char *text, const char **why) CVN_MUST_USE;

#ifdef __cplusplus
}
#endif
#endif
