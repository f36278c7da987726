/* SPDX-License-Identifier: MIT */
/* session_keys - who may go on with a session: proofs by HMAC, and the secret that moves on
 * with every session connection. docs/RESTORATION.md, "Proof". */
#include <assert.h>
#include <string.h>

#include "session/session_i.h"

#define LABEL(text) ((struct cvn_octets){(const uint8_t *)(text), sizeof(text) - 1})

static struct cvn_octets of(const uint8_t *p, size_t n)
{
    return (struct cvn_octets){p, n};
}

bool cvn_keys_equal(const uint8_t *a, const uint8_t *b, size_t n)
{
    uint8_t different = 0;
    for (size_t i = 0; i < n; i++)
        different |= a[i] ^ b[i];
    return different == 0;
}

void cvn_keys_random(struct cvn_session *s, uint8_t *p, size_t n)
{
    s->o.ops->random(s->o.ctx, p, n);
}

/* HMAC under key of: label, the length of first (4 octets), first, second, the stream's exporter. */
static void prove(const struct cvn_session *s, const struct cvn_link *l, const uint8_t *key,
                  struct cvn_octets label, struct cvn_octets first, struct cvn_octets second,
                  uint8_t out[CVN_PROOF])
{
    uint8_t length[4];
    struct cvn_wr w = cvn_wr_init(length, sizeof length);
    cvn_wr_be32(&w, (uint32_t)first.n);
    struct cvn_octets parts[5] = {label, of(length, sizeof length), first, second,
                                  of(l->exporter, CVN_SECRET)};
    s->o.ops->hmac(s->o.ctx, of(key, CVN_SECRET), parts, 5, out);
}

/* HKDF (RFC 5869) of the secret, salted with both nonces. */
static void next_secret(const struct cvn_session *s, const uint8_t *secret,
                        const uint8_t initiator[CVN_NONCE], const uint8_t responder[CVN_NONCE],
                        uint8_t out[CVN_SECRET])
{
    uint8_t salt[2 * CVN_NONCE];
    uint8_t prk[CVN_PROOF];
    static const uint8_t one = 1;
    struct cvn_octets ikm = of(secret, CVN_SECRET);
    struct cvn_octets info[2] = {LABEL("convene next secret"), of(&one, 1)};
    memcpy(salt, initiator, CVN_NONCE);
    memcpy(salt + CVN_NONCE, responder, CVN_NONCE);
    s->o.ops->hmac(s->o.ctx, of(salt, sizeof salt), &ikm, 1, prk);
    s->o.ops->hmac(s->o.ctx, of(prk, sizeof prk), info, 2, out);
}

/* What both sides say of themselves. */
static void positions(const struct cvn_session *s, struct cvn_record *r)
{
    uint64_t taken = s->in.first;
    r->version = CVN_RECORD_VERSION;
    memcpy(r->session, s->id, CVN_SESSION_ID);
    r->received = s->received;
    r->durable = taken;
    r->committed = taken;
    r->first = s->out.first;
    r->next = s->out.next;
    r->limit = taken + s->o.window;
    r->end = s->out.next;
    r->level = CVN_LEVEL_RECEIVED;
    r->keep = s->o.keep_s;
    cvn_record_set(r, CVN_RECORD_F_VERSION);
    cvn_record_set(r, CVN_RECORD_F_SESSION);
    cvn_record_set(r, CVN_RECORD_F_EPOCH);
    cvn_record_set(r, CVN_RECORD_F_NONCE);
    cvn_record_set(r, CVN_RECORD_F_INCOMING);
    cvn_record_set(r, CVN_RECORD_F_OUTGOING);
    cvn_record_set(r, CVN_RECORD_F_LIMIT);
    cvn_record_set(r, CVN_RECORD_F_LEVEL);
    cvn_record_set(r, CVN_RECORD_F_KEEP);
    if (s->ended)
        cvn_record_set(r, CVN_RECORD_F_END);
    if (s->end_told)
        cvn_record_set(r, CVN_RECORD_F_END_TAKEN);
}

static const uint8_t *our_secret(const struct cvn_session *s)
{
    return s->use_older ? s->older : s->secret;
}

size_t cvn_keys_offer(struct cvn_session *s, struct cvn_link *l, uint8_t buf[CVN_RECORD_MAX])
{
    struct cvn_wr w = cvn_wr_init(buf, CVN_RECORD_MAX);
    struct cvn_record r = {.epoch = l->epoch};
    uint8_t proof[CVN_PROOF];
    cvn_keys_random(s, l->nonce, CVN_NONCE);
    memcpy(r.nonce, l->nonce, CVN_NONCE);
    positions(s, &r);
    if (s->has_secret)
        cvn_record_set(&r, CVN_RECORD_F_RESUME);
    if (cvn_record_encode(&r, &w) != CVN_OK)
        return 0;
    if (!s->has_secret)
        return w.len;
    prove(s, l, our_secret(s), LABEL("convene CN"), of(buf, w.len), of(NULL, 0), proof);
    return cvn_record_append_proof(&w, proof) == CVN_OK ? w.len : 0;
}

bool cvn_keys_answered(struct cvn_session *s, struct cvn_link *l, const struct cvn_record *r,
                       struct cvn_octets ac)
{
    uint8_t proof[CVN_PROOF];
    uint8_t base[CVN_SECRET];
    if (r->proved == 0 || !cvn_record_has(r, CVN_RECORD_F_NONCE))
        return false;
    if (!s->has_secret && !cvn_record_has(r, CVN_RECORD_F_SECRET))
        return false;
    memcpy(base, s->has_secret ? our_secret(s) : r->secret, CVN_SECRET);
    prove(s, l, base, LABEL("convene AC"), of(l->cn, l->cn_len), of(ac.p, r->proved), proof);
    if (!cvn_keys_equal(proof, r->proof, CVN_PROOF))
        return false;
    next_secret(s, base, l->nonce, r->nonce, l->secret);
    prove(s, l, l->secret, LABEL("convene TD"), of(l->cn, l->cn_len), ac, l->proof);
    s->has_older = true; /* until the peer has proved that it knows the new one */
    s->use_older = false;
    memcpy(s->older, base, CVN_SECRET);
    memcpy(s->secret, l->secret, CVN_SECRET);
    s->has_secret = true;
    return true;
}

bool cvn_keys_refused(struct cvn_session *s, const struct cvn_link *l, const struct cvn_record *r,
                      struct cvn_octets rf)
{
    uint8_t proof[CVN_PROOF];
    if (r->proved == 0 || !s->has_secret)
        return false;
    prove(s, l, our_secret(s), LABEL("convene RF"), of(l->cn, l->cn_len), of(rf.p, r->proved),
          proof);
    return cvn_keys_equal(proof, r->proof, CVN_PROOF);
}

bool cvn_keys_offered(struct cvn_session *s, const struct cvn_link *l, const struct cvn_record *r,
                      struct cvn_octets cn, uint8_t base[CVN_SECRET])
{
    uint8_t proof[CVN_PROOF];
    bool found = false;
    if (r->proved == 0)
        return false;
    for (uint32_t i = 0; i <= s->npending; i++) {
        const uint8_t *key = i == s->npending ? s->secret : s->pending[i];
        prove(s, l, key, LABEL("convene CN"), of(cn.p, r->proved), of(NULL, 0), proof);
        if (cvn_keys_equal(proof, r->proof, CVN_PROOF)) {
            memcpy(base, key, CVN_SECRET);
            found = true;
        }
    }
    return found;
}

static void keep_pending(struct cvn_session *s, const uint8_t *key)
{
    if (s->npending == PENDING_KEYS) {
        memmove(s->pending[0], s->pending[1], (PENDING_KEYS - 1) * sizeof s->pending[0]);
        s->npending--;
    }
    memcpy(s->pending[s->npending++], key, CVN_SECRET);
}

size_t cvn_keys_answer(struct cvn_session *s, struct cvn_link *l, const struct cvn_record *offer,
                       struct cvn_octets cn, const uint8_t base[CVN_SECRET],
                       uint8_t buf[CVN_RECORD_MAX])
{
    struct cvn_wr w = cvn_wr_init(buf, CVN_RECORD_MAX);
    struct cvn_record r = {.epoch = l->epoch, .answer = CVN_ANSWER_OK};
    uint8_t proof[CVN_PROOF];
    cvn_keys_random(s, r.nonce, CVN_NONCE);
    positions(s, &r);
    cvn_record_set(&r, CVN_RECORD_F_ANSWER);
    if (!cvn_record_has(offer, CVN_RECORD_F_RESUME)) {
        memcpy(r.secret, base, CVN_SECRET);
        cvn_record_set(&r, CVN_RECORD_F_SECRET);
    }
    if (cvn_record_encode(&r, &w) != CVN_OK)
        return 0;
    prove(s, l, base, LABEL("convene AC"), cn, of(buf, w.len), proof);
    if (cvn_record_append_proof(&w, proof) != CVN_OK)
        return 0;
    next_secret(s, base, offer->nonce, r.nonce, l->secret);
    keep_pending(s, l->secret);
    prove(s, l, l->secret, LABEL("convene TD"), cn, of(buf, w.len), l->proof);
    return w.len;
}

size_t cvn_keys_refusal(struct cvn_session *s, const struct cvn_link *l, uint8_t answer,
                        const char *text, struct cvn_octets cn, const uint8_t *base,
                        uint8_t buf[CVN_RECORD_MAX])
{
    struct cvn_wr w = cvn_wr_init(buf, CVN_RECORD_MAX);
    struct cvn_record r = {.version = CVN_RECORD_VERSION, .answer = answer};
    uint8_t proof[CVN_PROOF];
    cvn_record_set(&r, CVN_RECORD_F_VERSION);
    cvn_record_set(&r, CVN_RECORD_F_ANSWER);
    if (text != NULL) {
        r.text = of((const uint8_t *)text, strlen(text));
        cvn_record_set(&r, CVN_RECORD_F_TEXT);
    }
    if (s != NULL) {
        r.epoch = s->epoch;
        cvn_record_set(&r, CVN_RECORD_F_EPOCH);
    }
    if (cvn_record_encode(&r, &w) != CVN_OK)
        return 0;
    if (s == NULL || base == NULL)
        return w.len;
    prove(s, l, base, LABEL("convene RF"), cn, of(buf, w.len), proof);
    return cvn_record_append_proof(&w, proof) == CVN_OK ? w.len : 0;
}
