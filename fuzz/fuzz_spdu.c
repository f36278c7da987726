/* SPDX-License-Identifier: MIT */
/*
 * fuzz_spdu - any octets to the decoder of SPDUs. The first says, in its lowest bit,
 * whether the SPDU stands first in its TSDU. What must hold:
 *
 *   F1  the length of the header is told from its first four octets, and the decoder
 *       takes no other.
 *   F2  a fault has a reason and lies within the octets.
 *   F3  what is taken can be sent, unless it is what only a peer may do: it is then
 *       taken again as the same SPDU.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "proto/x225/spdu.h"
#include "proto/x225/spdu_same.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Selectors and CN's user data are taken longer than they may be sent: spdu.h. */
static bool is_sendable(const struct cvn_spdu *s)
{
    return s->calling_ssel.n <= CVN_SSEL_MAX && s->called_ssel.n <= CVN_SSEL_MAX &&
           (s->type != CVN_SPDU_CN || s->user_data.n <= 10240);
}

static void send_and_take(struct cvn_spdu *s, bool first)
{
    static uint8_t octets[CVN_SPDU_MAX];
    struct cvn_wr w = cvn_wr_init(octets, sizeof octets);
    struct cvn_spdu again;
    struct cvn_spdu_fault fault;
    int rc = cvn_spdu_encode(s, &w);
    if (!is_sendable(s)) {
        assert(rc == CVN_EINVAL && w.len == 0);
        return;
    }
    assert(rc == CVN_OK);
    assert(w.len == cvn_spdu_size(s) && w.len == cvn_spdu_header_length(octets, w.len));
    rc = cvn_spdu_decode(&again, octets, w.len, first, &fault);
    assert(rc == CVN_OK);
    if (s->type == CVN_SPDU_CN && s->user_data.n > CVN_USER_DATA_V1)
        s->has |= CVN_HAS_EXTENDED; /* came in PGI 193, goes in PGI 194 */
    assert(same(s, &again));
    size_t n = w.len;
    w = cvn_wr_init(octets, n - 1);
    assert(cvn_spdu_encode(s, &w) == CVN_ETOOBIG && w.len == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1)
        return 0;
    bool first = (data[0] & 1) != 0;
    const uint8_t *in = data + 1;
    size_t len = size - 1;
    struct cvn_spdu s;
    struct cvn_spdu_fault fault = {SIZE_MAX, NULL};
    size_t header = cvn_spdu_header_length(in, len);
    int rc = cvn_spdu_decode(&s, in, len, first, &fault);
    assert(header == cvn_spdu_header_length(in, len < 4 ? len : 4)); /* F1 */
    if (rc == CVN_OK) {
        assert(header == len);
        send_and_take(&s, first);
    } else {
        assert(rc == CVN_EPROTO && fault.why != NULL && fault.offset <= len); /* F2 */
    }
    /* The same again, as long as the header says: so that more is taken. */
    if (header > 0 && header < len && cvn_spdu_decode(&s, in, header, first, &fault) == CVN_OK)
        send_and_take(&s, first);
    return 0;
}
