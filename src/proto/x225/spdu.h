/* SPDX-License-Identifier: MIT */
/*
 * spdu - the SPDUs of X.225 clause 8 as octets: one SPDU at a time, both ways.
 * Knows every SPDU and parameter of versions 1 and 2; knows no state.
 */
#ifndef CVN_PROTO_X225_SPDU_H
#define CVN_PROTO_X225_SPDU_H

#include <stdbool.h>
#include <stdint.h>

#include "base/rd.h"
#include "base/wr.h"
#include "convene/err.h"
#include "convene/octets.h"
#include "convene/x225.h"

#define CVN_SPDU_MAX 65539u /* SI, three octets of LI, 65,535 of parameters */

enum cvn_spdu_type { /* order: category 0, 1, 2 */
                     CVN_SPDU_GT,
                     CVN_SPDU_PT,
                     CVN_SPDU_EX,
                     CVN_SPDU_PR,
                     CVN_SPDU_NF,
                     CVN_SPDU_FN,
                     CVN_SPDU_DN,
                     CVN_SPDU_RF,
                     CVN_SPDU_CN,
                     CVN_SPDU_AC,
                     CVN_SPDU_CDO,
                     CVN_SPDU_OA,
                     CVN_SPDU_GTC,
                     CVN_SPDU_GTA,
                     CVN_SPDU_AB,
                     CVN_SPDU_AA,
                     CVN_SPDU_ER,
                     CVN_SPDU_DT,
                     CVN_SPDU_AI,
                     CVN_SPDU_AIA,
                     CVN_SPDU_AR,
                     CVN_SPDU_TD,
                     CVN_SPDU_RA,
                     CVN_SPDU_MAP,
                     CVN_SPDU_AE,  /* SI 41 as MAP; Sync Type Item absent or bit 1 = 0 */
                     CVN_SPDU_MAA, /* and AEA: the same SPDU, SI 42 */
                     CVN_SPDU_AS,
                     CVN_SPDU_ED,
                     CVN_SPDU_MIP,
                     CVN_SPDU_MIA,
                     CVN_SPDU_RS,
                     CVN_SPDU_AD,
                     CVN_SPDU_ADA,
                     CVN_SPDU_CD,
                     CVN_SPDU_CDA,
                     CVN_SPDU_TYPES,
};

/* Which parameters an SPDU has, or a decoder saw (bit set in has). */
enum cvn_spdu_has {
    CVN_HAS_CONNECTION_ID = 1u << 0,  /* PGI 1 present, even empty */
    CVN_HAS_LINKING = 1u << 1,        /* PGI 33 */
    CVN_HAS_CONNECT_ITEM = 1u << 2,   /* PGI 5 */
    CVN_HAS_CALLED_REF = 1u << 3,     /* PI 9 */
    CVN_HAS_CALLING_REF = 1u << 4,    /* PI 10 */
    CVN_HAS_COMMON_REF = 1u << 5,     /* PI 11 */
    CVN_HAS_ADDITIONAL = 1u << 6,     /* PI 12 */
    CVN_HAS_SYNC_TYPE = 1u << 7,      /* PI 15 */
    CVN_HAS_TOKEN_ITEM = 1u << 8,     /* PI 16 */
    CVN_HAS_DISCONNECT = 1u << 9,     /* PI 17 */
    CVN_HAS_OPTIONS = 1u << 10,       /* PI 19 */
    CVN_HAS_UNITS = 1u << 11,         /* PI 20 */
    CVN_HAS_TSDU_MAX = 1u << 12,      /* PI 21 */
    CVN_HAS_VERSION = 1u << 13,       /* PI 22 */
    CVN_HAS_INITIAL = 1u << 14,       /* PI 23 */
    CVN_HAS_PREPARE = 1u << 15,       /* PI 24 */
    CVN_HAS_ENCLOSURE = 1u << 16,     /* PI 25 */
    CVN_HAS_TOKEN_SETTING = 1u << 17, /* PI 26 */
    CVN_HAS_RESYNC = 1u << 18,        /* PI 27 */
    CVN_HAS_ACTIVITY = 1u << 19,      /* PI 41 (outside PGI 33) */
    CVN_HAS_OLD_ACTIVITY = 1u << 20,  /* PI 41 inside PGI 33 */
    CVN_HAS_SERIAL = 1u << 21,        /* PI 42 */
    CVN_HAS_REFLECT = 1u << 22,       /* PI 49 */
    CVN_HAS_REASON = 1u << 23,        /* PI 50 */
    CVN_HAS_CALLING_SSEL = 1u << 24,  /* PI 51 */
    CVN_HAS_CALLED_SSEL = 1u << 25,   /* PI 52 */
    CVN_HAS_RESYNC2 = 1u << 26,       /* PI 53 */
    CVN_HAS_SERIAL2 = 1u << 27,       /* PI 54; PI 55 in CN, AC */
    CVN_HAS_UPPER_LIMIT = 1u << 28,   /* PI 56 */
    CVN_HAS_OVERFLOW = 1u << 29,      /* PI 60 */
    CVN_HAS_USER_DATA = 1u << 30,     /* PGI 193 or 194, PI 46 in MIA, after the code in RF */
};
#define CVN_HAS_EXTENDED    (1u << 31) /* the user data is (to be) in PGI 194; no int: no enumerator */

#define CVN_ENCLOSURE_BEGIN 1u
#define CVN_ENCLOSURE_END   2u
#define CVN_ENCLOSURE_WHOLE 3u

/* Transport Disconnect, PI 17 */
#define CVN_TD_RELEASED    0x01u
#define CVN_TD_USER        0x02u
#define CVN_TD_PROTOCOL    0x04u
#define CVN_TD_NO_REASON   0x08u
#define CVN_TD_RESTRICTION 0x10u

/* User data of length 0 at this address is sent as a parameter of length 0, and not left out. */
extern const uint8_t cvn_spdu_present[1];

/* One SPDU. Slices point into the decoded octets, or at what is to be encoded. */
struct cvn_spdu {
    enum cvn_spdu_type type;
    uint32_t has;
    struct cvn_x225_connection_id id; /* PGI 1, or the references of PGI 33 */
    uint8_t sync_type; /* MIP: bit 1 confirmation not required, bit 2 data separation */
    uint8_t token_item;
    uint8_t disconnect;
    uint8_t options;
    uint16_t units;
    uint16_t tsdu_max_initiator; /* octets 1-2 of PI 21: initiator to responder */
    uint16_t tsdu_max_responder;
    uint8_t version;
    uint32_t initial;  /* PI 23 */
    uint8_t prepare;   /* 1 MAA 2 RS 3 RA 4 AB */
    uint8_t enclosure; /* meaningful only with CVN_HAS_ENCLOSURE; absent means whole */
    uint8_t token_setting;
    uint8_t resync;
    uint8_t resync2;
    struct cvn_octets activity;
    struct cvn_octets old_activity;
    uint32_t serial;
    uint32_t serial2; /* PI 54; in CN and AC PI 55 */
    uint8_t upper_limit;
    struct cvn_octets large_initial; /* PI 57, 58: digits as they stand; .p NULL: absent */
    struct cvn_octets large_initial2;
    struct cvn_octets reflect;
    uint8_t reason; /* first octet of PI 50 */
    struct cvn_octets calling_ssel;
    struct cvn_octets called_ssel; /* AC: responding */
    uint8_t overflow;
    struct cvn_octets user_data; /* not the user information of DT, EX, TD */
};

/* What was wrong, for ABORT's reflected values, ER, trace. */
struct cvn_spdu_fault {
    size_t offset;   /* of the first wrong octet, from the SPDU's SI */
    const char *why; /* static; names the parameter and the clause */
};

/* Everything absent; a MAP has the Sync Type Item that makes it one. */
void cvn_spdu_init(struct cvn_spdu *s, enum cvn_spdu_type type);
/* "DT". Static storage. */
const char *cvn_spdu_name(enum cvn_spdu_type type);
/* 0, 1 or 2; the octet SI; whether user information follows the parameters. */
unsigned cvn_spdu_category(enum cvn_spdu_type type);
uint8_t cvn_spdu_si(enum cvn_spdu_type type);
bool cvn_spdu_has_information(enum cvn_spdu_type type);

/* Whether the SPDU at in has all of SI, LI and parameters among its len octets:
 * its header length (SI + LI + parameters), 0: more octets are needed to tell,
 * or a length greater than len: that many are needed. CVN_SPDU_MAX + 1: the
 * length indicator is wrong (a long form under 255). */
size_t cvn_spdu_header_length(const uint8_t *in, size_t len);

/* Decodes SI, LI and parameters of the one SPDU at in, of cvn_spdu_header_length
 * octets = len. first: it stands first in its TSDU, else after a category 0 SPDU.
 * Tolerant of: any order, unknown PGI/PI (skipped), undefined bits of bit fields,
 * an empty PGI 1, PGI 5 of length 0, parameters with LI 0, enclosure items where
 * nothing is segmented, selectors up to 64 octets, PGI 193 of any size.
 * A segment that does not begin its SSDU (Enclosure Item) keeps its user data alone,
 * whatever else it has; that of a MAP is seen as an AE, having no Sync Type Item.
 * CVN_OK; CVN_EPROTO with *fault set (unknown SI, wrong length, missing mandatory
 * parameter, duplicate, reserved value, digits, user data where none is defined); then
 * *s is empty, of the right type if the SI was known, else untouched. */
int cvn_spdu_decode(struct cvn_spdu *s, const uint8_t *in, size_t len, bool first,
                    struct cvn_spdu_fault *fault) CVN_MUST_USE;

/* Encodes SI, LI and the parameters that has names and that the SPDU's type may
 * carry, in ascending order of code, in the shortest form of length. User data up
 * to 512 octets in CN goes in PGI 193, more in PGI 194 (8.3.1.x); MIA's in PI 46;
 * RF's after the reason code. CVN_OK; CVN_EINVAL: a parameter is out of range,
 * not allowed in this type, or a mandatory one is missing; CVN_ETOOBIG: over
 * CVN_SPDU_MAX or over w's room. Nothing is written unless CVN_OK. */
int cvn_spdu_encode(const struct cvn_spdu *s, struct cvn_wr *w) CVN_MUST_USE;
/* Octets that cvn_spdu_encode would write; 0: it would refuse for its size. */
size_t cvn_spdu_size(const struct cvn_spdu *s);

#endif
