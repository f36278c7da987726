/* SPDX-License-Identifier: MIT */
/*
 * srv - SRV records out of a DNS answer.
 *
 * Invariants
 *   I1  a name is followed through pointers that lead backwards only, so that it ends.
 */
#include "session/srv.h"

#include <stdbool.h>
#include <string.h>

#include "base/rd.h"

#define FLAG_ANSWER 0x8000u
#define FLAG_CUT    0x0200u
#define RCODE_NAME  3u
#define TYPE_SRV    33u
#define CLASS_IN    1u
#define LABEL_LINK  0xc0u
#define TEXT_MAX    253u /* of a name as text: 255 octets as RFC 1035 3.1 counts */
#define RECORDS_MAX 256u /* looked at */

/* One label behind what is in text. false: too long, or octets that no host name has. */
static bool label(struct cvn_rd *r, unsigned len, char *text, size_t *at)
{
    const uint8_t *p = cvn_rd_bytes(r, len);
    if (p == NULL || *at + len + 1 > TEXT_MAX + (*at == 0 ? 1u : 0))
        return false;
    if (*at > 0)
        text[(*at)++] = '.';
    for (unsigned i = 0; i < len; i++) {
        if (p[i] <= ' ' || p[i] >= 0x7f || p[i] == '.' || p[i] == '/' || p[i] == '%')
            return false;
        text[(*at)++] = (char)p[i];
    }
    return true;
}

/* A name at *r, which is then behind it. text may be NULL: the name is only passed. */
static bool name(struct cvn_rd *r, const uint8_t *all, char *text)
{
    struct cvn_rd at = *r;
    const uint8_t *before = r->at; /* I1 */
    bool linked = false;
    size_t n = 0;
    for (;;) {
        unsigned len = cvn_rd_u8(&at);
        if (at.bad)
            return false;
        if ((len & LABEL_LINK) == LABEL_LINK) {
            size_t to = (len & ~LABEL_LINK) << 8 | cvn_rd_u8(&at);
            if (!linked)
                *r = at;
            linked = true;
            if (at.bad || text == NULL)
                return !at.bad;
            if (all + to >= before)
                return false;
            before = all + to;
            at = cvn_rd_init(before, (size_t)(at.end - before));
            continue;
        }
        if ((len & LABEL_LINK) != 0)
            return false;
        if (len == 0)
            break;
        if (text == NULL)
            cvn_rd_skip(&at, len);
        else if (!label(&at, len, text, &n))
            return false;
    }
    if (text != NULL)
        text[n] = '\0';
    if (!linked)
        *r = at;
    return true;
}

/* Header and questions are passed; *answers. */
static int begin(struct cvn_rd *r, const uint8_t *all, unsigned *answers)
{
    cvn_rd_skip(r, 2);
    unsigned flags = cvn_rd_be16(r);
    unsigned questions = cvn_rd_be16(r);
    *answers = cvn_rd_be16(r);
    cvn_rd_skip(r, 4);
    if (r->bad || (flags & FLAG_ANSWER) == 0 || (flags & FLAG_CUT) != 0 || questions > 1)
        return CVN_EPROTO;
    if ((flags & 15u) == RCODE_NAME)
        return CVN_ENOTFOUND;
    if ((flags & 15u) != 0)
        return CVN_EPROTO;
    if (questions == 1) {
        if (!name(r, all, NULL))
            return CVN_EPROTO;
        cvn_rd_skip(r, 4);
    }
    return r->bad ? CVN_EPROTO : CVN_OK;
}

/* One record. *is: it is an SRV record of the Internet. */
static bool record(struct cvn_rd *r, const uint8_t *all, struct cvn_srv *out, bool *is)
{
    if (!name(r, all, NULL))
        return false;
    unsigned type = cvn_rd_be16(r);
    unsigned class_id = cvn_rd_be16(r);
    cvn_rd_skip(r, 4);
    unsigned len = cvn_rd_be16(r);
    struct cvn_rd data = *r; /* names in it may lead out of it, backwards */
    cvn_rd_skip(r, len);
    *is = type == TYPE_SRV && class_id == CLASS_IN;
    if (r->bad || !*is)
        return !r->bad;
    out->priority = cvn_rd_be16(&data);
    out->weight = cvn_rd_be16(&data);
    out->port = cvn_rd_be16(&data);
    return name(&data, all, out->target) && data.at == r->at;
}

int cvn_srv_parse(const uint8_t *answer, size_t len, struct cvn_srv out[CVN_SRV_MAX], size_t *n)
{
    struct cvn_rd r = cvn_rd_init(answer, len);
    unsigned answers;
    bool root = false;
    *n = 0;
    int rc = begin(&r, answer, &answers);
    if (rc != CVN_OK)
        return rc;
    for (unsigned i = 0; i < answers && i < RECORDS_MAX && *n < CVN_SRV_MAX; i++) {
        struct cvn_srv *s = &out[*n];
        bool is;
        memset(s, 0, sizeof *s);
        if (!record(&r, answer, s, &is))
            return CVN_EPROTO;
        root = root || (is && s->target[0] == '\0');
        if (is && s->target[0] != '\0' && s->port != 0)
            (*n)++;
    }
    if (*n > 0)
        return CVN_OK;
    return root ? CVN_EPERM : CVN_ENOTFOUND;
}

static void swap(struct cvn_srv *a, struct cvn_srv *b)
{
    struct cvn_srv t = *a;
    *a = *b;
    *b = t;
}

/* Ascending priority; of equals those of weight 0 first, as the algorithm wants them. */
static bool comes_before(const struct cvn_srv *a, const struct cvn_srv *b)
{
    if (a->priority != b->priority)
        return a->priority < b->priority;
    return a->weight == 0 && b->weight != 0;
}

/* Of all, which are of one priority, the one whose turn it is goes to the front. */
static void draw(struct cvn_srv *all, size_t n, uint32_t (*random)(void *ctx, uint32_t below),
                 void *ctx)
{
    uint32_t sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += all[i].weight;
    uint32_t at = random(ctx, sum + 1);
    uint32_t running = 0;
    for (size_t i = 0; i < n; i++) {
        running += all[i].weight;
        if (running < at)
            continue;
        for (; i > 0; i--) /* the others keep their order */
            swap(&all[i], &all[i - 1]);
        return;
    }
}

void cvn_srv_order(struct cvn_srv *all, size_t n, uint32_t (*random)(void *ctx, uint32_t below),
                   void *ctx)
{
    for (size_t i = 1; i < n; i++) {
        for (size_t j = i; j > 0 && comes_before(&all[j], &all[j - 1]); j--)
            swap(&all[j], &all[j - 1]);
    }
    for (size_t i = 0; i < n; i++) {
        size_t same = 1;
        while (i + same < n && all[i + same].priority == all[i].priority)
            same++;
        draw(all + i, same, random, ctx);
    }
}
