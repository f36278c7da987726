/* SPDX-License-Identifier: MIT */
/*
 * tsdu - between TSDUs and SPDUs: concatenation (X.225 6.3.7, 7.37 with tables 7
 * and 8) and the segmentation of SSDUs by the Enclosure Item. Slices of a TSDU
 * in, whole SPDUs out; user information of DT and TD is passed on as it comes,
 * the user data of other SPDUs is joined until the SSDU is complete.
 */
#ifndef CVN_PROTO_X225_TSDU_H
#define CVN_PROTO_X225_TSDU_H

#include "convene/alloc.h"
#include "proto/x225/spdu.h"

/* One SPDU event. */
struct cvn_tsdu_event {
    struct cvn_spdu spdu;   /* for a segmented SSDU: the first segment's parameters, with
                               user_data the whole */
    struct cvn_octets info; /* DT, TD, EX: a slice of the user information */
    bool begin;             /* DT, TD: first slice of the SSDU; all others true */
    bool end;               /* DT, TD: last slice of the SSDU; all others true */
    const uint8_t *raw;     /* the SPDU's header octets (SI on), for reflection; up to 16 */
    size_t raw_len;
};

struct cvn_tsdu_in {
    const struct cvn_alloc *alloc;
    uint32_t ssdu_bytes_max;
    bool version2;  /* segments are allowed in every SPDU with user data; set by the owner, until
                       AC or RF has come to whether version 2 was offered */
    bool segmented; /* a TSDU maximum is agreed in this direction: DT, TD must carry the
                       Enclosure Item; set by the owner */
    bool extended;  /* extended concatenation was agreed towards us; set by the owner */

    /* The rest is tsdu.c's. */
    uint8_t phase;     /* where in the TSDU */
    bool again;        /* the last call gave an event: the next is for the same slice */
    uint8_t current;   /* enum cvn_spdu_type: the DT or TD whose user information is coming */
    uint8_t enclosure; /* its Enclosure Item */
    bool fresh;        /* none of its user information has been passed on */
    bool begin_due;    /* its SSDU has begun, and no event has said so */
    uint8_t open;      /* enum cvn_spdu_type: the SSDU whose segments are coming, or none */
    bool dropping;     /* that SSDU was purged: its segments are thrown away as they come */
    uint8_t kept_type; /* GT or PT with a Token Item that waits for the end of that SSDU */
    uint8_t kept_tokens;
    bool expedited_due; /* an event of an expedited TSDU has been given, its last call not */
    bool part_done;     /* what is in the buffers was given out by the last event */
    bool join_done;
    uint32_t zero_len; /* buffer: the category 0 SPDU that waits for the end of its TSDU, */
    uint32_t heap_size;
    uint32_t part_len; /* then the octets of the SPDU that is coming */
    uint8_t *heap;     /* the buffer, NULL: it is small */
    uint8_t small[32];
    uint8_t *join; /* the header of the first segment, then the user data so far */
    size_t join_size;
    uint32_t join_header;
    uint32_t join_len;
};

void cvn_tsdu_in_init(struct cvn_tsdu_in *t, const struct cvn_alloc *a, uint32_t ssdu_bytes_max);
/* Gives all memory back. */
void cvn_tsdu_in_fini(struct cvn_tsdu_in *t);
/* A purge (RS, AI, AD, ED, ER, AB, either way): a partial SSDU is thrown away, and so
 * are its further segments, should the peer have sent them before it knew. What the
 * last event points at stays. */
void cvn_tsdu_in_purge(struct cvn_tsdu_in *t);

/* Slices as cvn_x225_feed() takes them: begin with the first slice of a TSDU, end with
 * the last; any slicing gives the same events, but for the slices of DT and TD. An
 * expedited TSDU comes whole, also between the slices of a normal one. Order of events
 * within a TSDU: category 2 SPDUs in TSDU order, then the category 0 SPDU if it carries
 * a Token Item (or user data); a header-only GT or PT is no event. With segments the
 * Token Item waits until the SSDU is complete. What *ev points at is valid until the
 * next call.
 *   CVN_MORE   all taken
 *   CVN_EVENT  *ev is set; call again (with len 0 and the same end if all is used)
 *   CVN_EPROTO *fault says what; ev->raw is the beginning of the bad SPDU as far as it is
 *              at hand (raw_len may be 0); what is in the slice was taken, the rest of
 *              the TSDU is skipped up to end
 *   CVN_ENOMEM nothing was taken
 * A TSDU that was cut short (its transport was lost) is forgotten at the next begin. */
int cvn_tsdu_in_feed(struct cvn_tsdu_in *t, const uint8_t *in, size_t len, bool begin, bool end,
                     bool expedited, size_t *used, struct cvn_tsdu_event *ev,
                     struct cvn_spdu_fault *fault) CVN_MUST_USE;

/* Writing a TSDU's octets before the user information: for a category 2 SPDU the
 * GT or PT header of Table 7 (with token_item != 0 as a real one, GT only), then
 * the SPDU. CVN_OK, CVN_EINVAL, CVN_ETOOBIG as cvn_spdu_encode. */
int cvn_tsdu_encode(const struct cvn_spdu *s, uint8_t token_item, struct cvn_wr *w) CVN_MUST_USE;

/* Segmentation on the way out (7.37). Plans the next segment of an SSDU: s with the
 * user data (for DT, TD, EX the user information) user, of which done octets have gone.
 * limit is the agreed TSDU maximum (0: none; an empty GT or PT is counted, a token_item
 * takes 3 octets more), version2 as agreed. Sets *seg to the SPDU to encode for this
 * segment (parameters only in the first, Enclosure Item set where needed, user_data the
 * slice; for DT, TD and EX user_data is left empty and the user information is to be
 * appended), *take to the octets of user that it carries, *last.
 * A DT or TD whose SSDU is not all at hand says with its own Enclosure Item which part
 * user is (needs a limit). CDO never begins its SSDU.
 * CVN_OK; CVN_ETOOBIG: this SSDU cannot be carried (version 1 and no room; CN; EX);
 * CVN_EINVAL: a part of an SSDU without a limit, or an empty part that does not end it. */
int cvn_tsdu_segment(const struct cvn_spdu *s, struct cvn_octets user, size_t done, size_t limit,
                     bool version2, struct cvn_spdu *seg, size_t *take, bool *last) CVN_MUST_USE;

#endif
