/* SPDX-License-Identifier: MIT */
/* fuzz_record - any octets as a restoration record and as a word of a stream session; what is
 * understood is written again, and read again the same. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "session/record.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void record(struct cvn_octets data)
{
    uint8_t again[CVN_RECORD_MAX];
    struct cvn_wr w = cvn_wr_init(again, sizeof again);
    struct cvn_record r;
    struct cvn_record s;
    if (cvn_record_decode(&r, data) != CVN_OK || !r.ours || cvn_record_encode(&r, &w) != CVN_OK)
        return;
    int rc = cvn_record_decode(&s, (struct cvn_octets){again, w.len});
    assert(rc == CVN_OK && s.ours);
    assert(r.received == s.received && r.next == s.next && r.limit == s.limit);
    assert(r.epoch == s.epoch && r.answer == s.answer && r.text.n == s.text.n);
    assert(r.proved < data.n);
    (void)rc;
}

static void word(struct cvn_octets data)
{
    uint8_t again[CVN_WORD_MAX];
    struct cvn_wr w = cvn_wr_init(again, sizeof again);
    struct cvn_word v;
    struct cvn_word u;
    if (cvn_word_decode(&v, data) != CVN_OK || v.kind == 0)
        return;
    int rc = cvn_word_encode(&v, &w);
    assert(rc == CVN_OK);
    rc = cvn_word_decode(&u, (struct cvn_octets){again, w.len});
    assert(rc == CVN_OK && u.kind == v.kind && u.position == v.position && u.limit == v.limit);
    assert(u.octets.n == v.octets.n);
    (void)rc;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t *alone = malloc(size + 1); /* ASan sees a read past it */
    if (alone == NULL)
        abort();
    if (size > 0)
        memcpy(alone, data, size);
    uint8_t *tight = realloc(alone, size > 0 ? size : 1);
    record((struct cvn_octets){tight, size});
    word((struct cvn_octets){tight, size});
    free(tight);
    return 0;
}
