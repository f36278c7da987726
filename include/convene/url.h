/* SPDX-License-Identifier: MIT */
/*
 * url - session addresses: iso://host[:port]/SSEL[?tsel=..&name=..].
 *
 * The host is a name, an IPv4 address, or an IPv6 address in brackets. SSEL and
 * tsel are text or 0x and hexadecimal digits; octets that are not of RFC 3986's
 * unreserved set are percent-encoded.
 */
#ifndef CONVENE_URL_H
#define CONVENE_URL_H

#include <stddef.h>
#include <stdint.h>

#include "convene/err.h"

#ifdef __cplusplus
extern "C" {
#endif

enum cvn_scheme {
    CVN_SCHEME_ISO, /* X.225 over COTP class 0 over TPKT over TCP; port 102 */
};

struct cvn_url {
    enum cvn_scheme scheme;
    char host[256]; /* without brackets */
    char port[6];
    uint8_t ssel[16];
    size_t ssel_len;
    uint8_t tsel[32];
    size_t tsel_len;
};

/* text is not changed. *why gets what is wrong, static storage, when not CVN_OK.
 * CVN_OK; CVN_EINVAL. */
CVN_API int cvn_url_parse(struct cvn_url *out, const char *text, const char **why) CVN_MUST_USE;

#ifdef __cplusplus
}
#endif
#endif
