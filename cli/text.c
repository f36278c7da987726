/* SPDX-License-Identifier: MIT */
/* text - what the tool says: errors, names, sizes, JSON lines, primitives. */
#include <inttypes.h>
#include <jansson.h>
#include <stdarg.h>
#include <string.h>

#include "cli/cli.h"

void cli_error(const char *what, const char *why, const char *fix)
{
    if (fix == NULL)
        (void)fprintf(stderr, "convene: %s: %s\n", what, why);
    else
        (void)fprintf(stderr, "convene: %s: %s (%s)\n", what, why, fix);
}

int cli_worse(int a, int b)
{
    static const int order[] = {EXIT_INTERNAL,  EXIT_PROTOCOL,    EXIT_ABORTED, EXIT_UNREACHED,
                                EXIT_SUSPENDED, EXIT_LOCAL_IO,    EXIT_DENIED,  EXIT_EXISTS,
                                EXIT_NO_INPUT,  EXIT_REFUSED_DATA};
    for (size_t i = 0; i < sizeof order / sizeof order[0]; i++)
        if (a == order[i] || b == order[i])
            return order[i];
    return a != 0 ? a : b;
}

int cli_trouble_exit(uint8_t trouble)
{
    switch (trouble) {
    case CVN_TROUBLE_NONE:
        return EXIT_RELEASED;
    case CVN_TROUBLE_EXISTS:
        return EXIT_EXISTS;
    case CVN_TROUBLE_PERMISSION:
    case CVN_TROUBLE_TOO_BIG:
        return EXIT_DENIED;
    case CVN_TROUBLE_IO:
        return EXIT_LOCAL_IO;
    default:
        return EXIT_REFUSED_DATA;
    }
}

/* Characters that would hide, reorder or break a line. */
static bool unprintable(uint32_t c)
{
    static const uint32_t ranges[][2] = {
        {0, 0x1f},        {'\\', '\\'},     {0x7f, 0x9f},
        {0x200b, 0x200f}, {0x2028, 0x202e}, {0x2066, 0x2069},
        {0xd800, 0xdfff}, {0xfeff, 0xfeff}, {0x110000, UINT32_MAX}};
    for (size_t i = 0; i < sizeof ranges / sizeof ranges[0]; i++)
        if (c >= ranges[i][0] && c <= ranges[i][1])
            return true;
    return false;
}

/* How many octets the UTF-8 character at p has; 0: it is none, or not for printing. */
static size_t character(const unsigned char *p, size_t n)
{
    static const struct {
        unsigned char mask;
        unsigned char lead;
        uint32_t least;
    } form[] = {{0x80, 0x00, 0}, {0xe0, 0xc0, 0x80}, {0xf0, 0xe0, 0x800}, {0xf8, 0xf0, 0x10000}};
    size_t len = 0;
    while (len < 4 && (p[0] & form[len].mask) != form[len].lead)
        len++;
    if (len == 4 || len >= n)
        return 0;
    uint32_t c = p[0] & (unsigned char)~form[len].mask;
    for (size_t i = 1; i <= len; i++) {
        if ((p[i] & 0xc0) != 0x80)
            return 0;
        c = c << 6 | (p[i] & 0x3f);
    }
    return c < form[len].least || unprintable(c) ? 0 : len + 1;
}

const char *cli_escape(char *out, size_t cap, const char *name, size_t n)
{
    size_t len = 0;
    for (size_t i = 0; i < n;) {
        size_t c = character((const unsigned char *)name + i, n - i);
        if (len + 5 > cap)
            break;
        if (c > 0) {
            memcpy(out + len, name + i, c);
            len += c;
            i += c;
        } else {
            len += (size_t)snprintf(out + len, cap - len, "\\x%02x", (unsigned char)name[i]);
            i++;
        }
    }
    out[len] = '\0';
    return out;
}

const char *cli_octets(char *out, size_t cap, uint64_t n)
{
    static const char *const unit[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB"};
    double v = (double)n;
    size_t u = 0;
    while (v >= 1024 && u < 5) {
        v /= 1024;
        u++;
    }
    (void)snprintf(out, cap, u == 0 ? "%.0f %s" : "%.1f %s", v, unit[u]);
    return out;
}

static json_t *hexadecimal(const uint8_t *p, size_t n)
{
    char text[130];
    size_t at = 0;
    for (size_t i = 0; i < n && at + 3 < sizeof text; i++)
        at += (size_t)snprintf(text + at, sizeof text - at, "%02x", p[i]);
    text[at] = '\0';
    return json_string(text);
}

static json_t *escaped(const char *p, size_t n)
{
    char text[4 * CVN_NAME_MAX + 8];
    return json_string(cli_escape(text, sizeof text, p, n));
}

void cli_json(FILE *to, const char *event, ...)
{
    va_list ap;
    const char *key;
    json_t *o = json_object();
    (void)json_object_set_new(o, "event", json_string(event));
    va_start(ap, event);
    while ((key = va_arg(ap, const char *)) != NULL) {
        json_t *v = NULL;
        const char *text;
        const uint8_t *octets;
        switch (key[0]) {
        case 's':
            text = va_arg(ap, const char *);
            v = text == NULL ? json_null() : escaped(text, strlen(text));
            break;
        case 'n':
            text = va_arg(ap, const char *);
            v = escaped(text, va_arg(ap, size_t));
            break;
        case 'u':
            v = json_integer((json_int_t)va_arg(ap, uint64_t));
            break;
        case 'd':
            v = json_real(va_arg(ap, double));
            break;
        case 'b':
            v = json_boolean(va_arg(ap, int));
            break;
        default:
            octets = va_arg(ap, const uint8_t *);
            v = hexadecimal(octets, va_arg(ap, size_t));
            break;
        }
        (void)json_object_set_new(o, key + 1, v);
    }
    va_end(ap);
    (void)json_dumpf(o, to, JSON_COMPACT | JSON_REAL_PRECISION(6));
    (void)fputc('\n', to);
    (void)fflush(to);
    json_decref(o);
}

void cli_primitive(const struct cvn_x225_prim *p, bool sent, const char *peer)
{
    (void)fprintf(stderr, "%s %s %s", sent ? ">" : "<", cvn_x225_service_name(p->service),
                  cvn_x225_type_name(p->type));
    if (p->serial != CVN_SERIAL_NONE)
        (void)fprintf(stderr, " serial %" PRIu32, p->serial);
    if (p->activity.n > 0) {
        (void)fprintf(stderr, " activity ");
        for (size_t i = 0; i < p->activity.n; i++)
            (void)fprintf(stderr, "%02x", p->activity.p[i]);
    }
    if (p->service == CVN_S_CONNECT && p->type != CVN_REQUEST && p->type != CVN_INDICATION)
        (void)fprintf(stderr, " result %u", p->result);
    if (p->data.n > 0)
        (void)fprintf(stderr, " (%zu octets)", p->data.n);
    if (p->why != NULL)
        (void)fprintf(stderr, ": %s", p->why);
    if (peer != NULL)
        (void)fprintf(stderr, " [%s]", peer);
    (void)fputc('\n', stderr);
}
