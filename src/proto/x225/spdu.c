/* SPDX-License-Identifier: MIT */
/*
 * spdu - ITU-T X.225 (1995) | ISO/IEC 8327-1 clause 8: structure and encoding of SPDUs.
 *
 * An SPDU is SI, LI and parameters (8.2): PGI units, which hold PI units, and PI
 * units. spdu_params says what each parameter is, spdu_table which of them each
 * SPDU has (8.3.1 to 8.3.36); decoder and encoder are loops over the two.
 *
 * Invariants
 *   I1  the rows of an SPDU stand in the order of sending: ascending code at each
 *       level, a group's members right after the group; no group comes last.
 *   I2  an SPDU has at most SPDU_ROWS rows, so that a set of rows is a word.
 *   I3  a segment that is not the first of its SSDU (Enclosure Item without its
 *       first bit) has its Enclosure Item and user data and nothing else (7.37).
 *   I4  what is written has been measured before; writing cannot fail.
 */
#include "proto/x225/spdu.h"

#include <assert.h>
#include <stddef.h>
#include <string.h>

#define SPDU_ARRAY_LEN(a)   (sizeof(a) / sizeof((a)[0]))

#define SPDU_ROWS           24u
#define SPDU_LI_LONG        255u /* 8.2: from here on the length has three octets */
#define SPDU_PARAMS_MAX     65535u
#define SPDU_DIGITS_MAX     6u
#define SPDU_ABSENT         UINT32_MAX

#define PGI_CONNECTION_ID   1u
#define PGI_CONNECT_ITEM    5u
#define PGI_LINKING         33u
#define PGI_USER_DATA       193u
#define PGI_EXTENDED_DATA   194u

#define RF_REASON_USER_DATA 2u   /* the only reason that user data may follow: 8.3.5 */
#define CN_USER_DATA_MAX    512u /* in PGI 193; beyond in PGI 194: 8.3.1 */
#define CN_EXTENDED_MAX     10240u

/* What the value of a unit is. */
enum spdu_kind {
    SPDU_GROUP,  /* PI units */
    SPDU_OCTETS, /* opaque */
    SPDU_BITS,   /* one octet; bits outside the mask are ignored, and sent as 0 */
    SPDU_CODE,   /* one octet; a value outside the set is reserved */
    SPDU_UNITS,  /* two octets of bits */
    SPDU_SIZES,  /* two sizes of two octets */
    SPDU_DIGITS, /* a number in decimal digits of ASCII, the first the most significant */
    SPDU_DATA,   /* user data */
    SPDU_LARGE,  /* digits, as many as there are, not converted */
    SPDU_REASON, /* RF: a code, then user data */
};

enum spdu_why { SPDU_TWICE, SPDU_LENGTH, SPDU_VALUE, SPDU_MISSING, SPDU_WHYS };

enum spdu_name {
    P_CONNECTION_ID,
    P_CONNECT_ITEM,
    P_LINKING,
    P_CALLED_REF,
    P_CALLING_REF,
    P_COMMON_REF,
    P_ADDITIONAL,
    P_SYNC_MINOR,
    P_SYNC_MAJOR,
    P_TOKEN_ITEM,
    P_DISCONNECT,
    P_DISCONNECT_AB,
    P_OPTIONS,
    P_UNITS,
    P_TSDU_MAX,
    P_VERSION,
    P_VERSION_OA,
    P_INITIAL,
    P_PREPARE,
    P_ENCLOSURE,
    P_TOKEN_SETTING,
    P_RESYNC,
    P_OLD_ACTIVITY,
    P_ACTIVITY,
    P_SERIAL,
    P_MIA_DATA,
    P_REFLECT_AB,
    P_REFLECT,
    P_REASON_RF,
    P_REASON,
    P_CALLING_SSEL,
    P_CALLED_SSEL,
    P_RESYNC2,
    P_SERIAL2,
    P_INITIAL2,
    P_UPPER_LIMIT,
    P_LARGE,
    P_LARGE2,
    P_OVERFLOW,
    P_USER_DATA,
    P_CONNECT_DATA,
    P_EXTENDED_DATA,
};

/* One parameter: sheet of PGI and PI codes, 8.3. */
struct spdu_param {
    const char *why[SPDU_WHYS];
    uint32_t has;
    uint16_t at; /* member of struct cvn_spdu */
    uint16_t min, max;
    uint16_t max_in;  /* taken from a peer */
    uint16_t set;     /* BITS, UNITS: the defined bits; CODE: the values 0 to 15 */
    uint8_t set_high; /* CODE: the values 128 to 135 */
    uint8_t code;
    uint8_t kind;
};

#ifdef CVN_WORDS_BRIEF /* one text for the four: 7 kB less */
#define WRONG(name, clause) name " is wrong (X.225 " clause ")"
#define WHY(name, clause)                                                                          \
    {                                                                                              \
        WRONG(name, clause), WRONG(name, clause), WRONG(name, clause), WRONG(name, clause)         \
    }
#else
#define WHY(name, clause)                                                                          \
    {                                                                                              \
        name " stands twice (X.225 " clause ")", name " has a wrong length (X.225 " clause ")",    \
            name " has a reserved value (X.225 " clause ")", name " is missing (X.225 " clause ")" \
    }
#endif
#define AT(member) offsetof(struct cvn_spdu, member)
#define ANY        SPDU_PARAMS_MAX

/* clang-format off */
static const struct spdu_param spdu_params[] = {
    /*                   name and clause                                         has                     value                  min max  taken  set     high  code  kind */
    [P_CONNECTION_ID] = {WHY("Connection Identifier (PGI 1)", "8.3.1"),          CVN_HAS_CONNECTION_ID,  0,                      0, ANY, ANY,  0,      0,    1,    SPDU_GROUP},
    [P_CONNECT_ITEM]  = {WHY("Connect/Accept Item (PGI 5)", "8.3.1"),            CVN_HAS_CONNECT_ITEM,   0,                      0, ANY, ANY,  0,      0,    5,    SPDU_GROUP},
    [P_LINKING]       = {WHY("Linking Information (PGI 33)", "8.3.30"),          CVN_HAS_LINKING,        0,                      0, ANY, ANY,  0,      0,    33,   SPDU_GROUP},
    [P_CALLED_REF]    = {WHY("Called SS-user Reference (PI 9)", "8.3.4"),        CVN_HAS_CALLED_REF,     AT(id.called),          0, 64,  64,   0,      0,    9,    SPDU_OCTETS},
    [P_CALLING_REF]   = {WHY("Calling SS-user Reference (PI 10)", "8.3.1"),      CVN_HAS_CALLING_REF,    AT(id.calling),         0, 64,  64,   0,      0,    10,   SPDU_OCTETS},
    [P_COMMON_REF]    = {WHY("Common Reference (PI 11)", "8.3.1"),               CVN_HAS_COMMON_REF,     AT(id.common),          0, 64,  64,   0,      0,    11,   SPDU_OCTETS},
    [P_ADDITIONAL]    = {WHY("Additional Reference Information (PI 12)", "8.3.1"), CVN_HAS_ADDITIONAL,   AT(id.additional),      0, 4,   4,    0,      0,    12,   SPDU_OCTETS},
    [P_SYNC_MINOR]    = {WHY("Sync Type Item (PI 15)", "8.3.20"),                CVN_HAS_SYNC_TYPE,      AT(sync_type),          1, 1,   1,    0x03,   0,    15,   SPDU_BITS},
    [P_SYNC_MAJOR]    = {WHY("Sync Type Item (PI 15)", "8.3.22"),                CVN_HAS_SYNC_TYPE,      AT(sync_type),          1, 1,   1,    0x01,   0,    15,   SPDU_BITS},
    [P_TOKEN_ITEM]    = {WHY("Token Item (PI 16)", "8.3.16"),                    CVN_HAS_TOKEN_ITEM,     AT(token_item),         1, 1,   1,    0x55,   0,    16,   SPDU_BITS},
    [P_DISCONNECT]    = {WHY("Transport Disconnect (PI 17)", "8.3.6"),           CVN_HAS_DISCONNECT,     AT(disconnect),         1, 1,   1,    0x01,   0,    17,   SPDU_BITS},
    [P_DISCONNECT_AB] = {WHY("Transport Disconnect (PI 17)", "8.3.9"),           CVN_HAS_DISCONNECT,     AT(disconnect),         1, 1,   1,    0x1f,   0,    17,   SPDU_BITS},
    [P_OPTIONS]       = {WHY("Protocol Options (PI 19)", "8.3.1"),               CVN_HAS_OPTIONS,        AT(options),            1, 1,   1,    0x01,   0,    19,   SPDU_BITS},
    [P_UNITS]         = {WHY("Session User Requirements (PI 20)", "8.3.1.16"),   CVN_HAS_UNITS,          AT(units),              2, 2,   2,    0x1fff, 0,    20,   SPDU_UNITS},
    [P_TSDU_MAX]      = {WHY("TSDU Maximum Size (PI 21)", "8.3.1"),              CVN_HAS_TSDU_MAX,       AT(tsdu_max_initiator), 4, 4,   4,    0,      0,    21,   SPDU_SIZES},
    [P_VERSION]       = {WHY("Version Number (PI 22)", "8.3.1"),                 CVN_HAS_VERSION,        AT(version),            1, 1,   1,    0x03,   0,    22,   SPDU_BITS},
    [P_VERSION_OA]    = {WHY("Version Number (PI 22)", "8.3.2"),                 CVN_HAS_VERSION,        AT(version),            1, 1,   1,    0x0004, 0,    22,   SPDU_CODE},
    [P_INITIAL]       = {WHY("Initial Serial Number (PI 23)", "8.3.1"),       CVN_HAS_INITIAL,        AT(initial),            0, 6,   6,    0,      0,    23,   SPDU_DIGITS},
    [P_PREPARE]       = {WHY("Prepare Type (PI 24)", "8.3.26"),                  CVN_HAS_PREPARE,        AT(prepare),            1, 1,   1,    0x001e, 0,    24,   SPDU_CODE},
    [P_ENCLOSURE]     = {WHY("Enclosure Item (PI 25)", "8.3.11"),                CVN_HAS_ENCLOSURE,      AT(enclosure),          1, 1,   1,    0x03,   0,    25,   SPDU_BITS},
    [P_TOKEN_SETTING] = {WHY("Token Setting Item (PI 26)", "8.3.1.11"),          CVN_HAS_TOKEN_SETTING,  AT(token_setting),      1, 1,   1,    0xff,   0,    26,   SPDU_BITS},
    [P_RESYNC]        = {WHY("Resync Type (PI 27)", "8.3.24"),                   CVN_HAS_RESYNC,         AT(resync),             1, 1,   1,    0x0007, 0,    27,   SPDU_CODE},
    [P_OLD_ACTIVITY]  = {WHY("Old Activity Identifier (PI 41)", "8.3.30"),       CVN_HAS_OLD_ACTIVITY,   AT(old_activity),       1, 6,   6,    0,      0,    41,   SPDU_OCTETS},
    [P_ACTIVITY]      = {WHY("Activity Identifier (PI 41)", "8.3.29"),           CVN_HAS_ACTIVITY,       AT(activity),           1, 6,   6,    0,      0,    41,   SPDU_OCTETS},
    [P_SERIAL]        = {WHY("Serial Number (PI 42)", "8.3.20"),                 CVN_HAS_SERIAL,         AT(serial),             1, 6,   6,    0,      0,    42,   SPDU_DIGITS},
    [P_MIA_DATA]      = {WHY("User Data (PI 46)", "8.3.21"),                     CVN_HAS_USER_DATA,      AT(user_data),          0, ANY, ANY,  0,      0,    46,   SPDU_DATA},
    [P_REFLECT_AB]    = {WHY("Reflect Parameter Values (PI 49)", "8.3.9"),       CVN_HAS_REFLECT,        AT(reflect),            0, 9,   9,    0,      0,    49,   SPDU_OCTETS},
    [P_REFLECT]       = {WHY("Reflect Parameter Values (PI 49)", "8.3.27"),      CVN_HAS_REFLECT,        AT(reflect),            1, ANY, ANY,  0,      0,    49,   SPDU_OCTETS},
    [P_REASON_RF]     = {WHY("Reason Code (PI 50)", "8.3.5"),                    CVN_HAS_REASON,         AT(reason),             1, ANY, ANY,  0x0007, 0x7e, 50,   SPDU_REASON},
    [P_REASON]        = {WHY("Reason Code (PI 50)", "8.3.28"),                   CVN_HAS_REASON,         AT(reason),             1, 1,   1,    0x006b, 0x01, 50,   SPDU_CODE},
    [P_CALLING_SSEL]  = {WHY("Calling Session Selector (PI 51)", "8.3.1"),       CVN_HAS_CALLING_SSEL,   AT(calling_ssel),       0, 16,  64,   0,      0,    51,   SPDU_OCTETS},
    [P_CALLED_SSEL]   = {WHY("Called/Responding Session Selector (PI 52)", "8.3.1"), CVN_HAS_CALLED_SSEL, AT(called_ssel),       0, 16,  64,   0,      0,    52,   SPDU_OCTETS},
    [P_RESYNC2]       = {WHY("Second Resync Type (PI 53)", "8.3.24"),            CVN_HAS_RESYNC2,        AT(resync2),            1, 1,   1,    0x0007, 0,    53,   SPDU_CODE},
    [P_SERIAL2]       = {WHY("Second Serial Number (PI 54)", "8.3.22"),          CVN_HAS_SERIAL2,        AT(serial2),            0, 6,   6,    0,      0,    54,   SPDU_DIGITS},
    [P_INITIAL2]      = {WHY("Second Initial Serial Number (PI 55)", "8.3.1"),   CVN_HAS_SERIAL2,        AT(serial2),            0, 6,   6,    0,      0,    55,   SPDU_DIGITS},
    [P_UPPER_LIMIT]   = {WHY("Upper Limit Serial Number (PI 56)", "8.3.1"),   CVN_HAS_UPPER_LIMIT,    AT(upper_limit),        1, 1,   1,    0x007f, 0,    56,   SPDU_CODE},
    [P_LARGE]         = {WHY("Large Initial Serial Number (PI 57)", "8.3.1"),    0,                      AT(large_initial),      1, ANY, ANY,  0,      0,    57,   SPDU_LARGE},
    [P_LARGE2]        = {WHY("Large Second Initial Serial Number (PI 58)", "8.3.1"), 0,                  AT(large_initial2),     1, ANY, ANY,  0,      0,    58,   SPDU_LARGE},
    [P_OVERFLOW]      = {WHY("Data Overflow (PI 60)", "8.3.1"),                  CVN_HAS_OVERFLOW,       AT(overflow),           1, 1,   1,    0x01,   0,    60,   SPDU_BITS},
    [P_USER_DATA]     = {WHY("User Data (PGI 193)", "8.3"),                      CVN_HAS_USER_DATA,      AT(user_data),          0, ANY, ANY,  0,      0,    193,  SPDU_DATA},
    [P_CONNECT_DATA]  = {WHY("User Data (PGI 193)", "8.3.1"),                    CVN_HAS_USER_DATA,      AT(user_data),          0, CN_USER_DATA_MAX, ANY, 0, 0, 193, SPDU_DATA},
    [P_EXTENDED_DATA] = {WHY("Extended User Data (PGI 194)", "8.3.1"),           CVN_HAS_USER_DATA,      AT(user_data),          0, CN_EXTENDED_MAX, CN_EXTENDED_MAX, 0, 0, 194, SPDU_DATA},
};

/* A parameter of an SPDU: m mandatory, o optional. A group's members are
 * mandatory only if the group is there. */
struct spdu_row {
    uint8_t pgi; /* 0: not in a group */
    uint8_t name;
    char presence;
};

#define REFERENCES(pgi, ref) {pgi, ref, 'o'}, {pgi, P_COMMON_REF, 'o'}, {pgi, P_ADDITIONAL, 'o'}
#define CONNECT_ITEM                                                                     \
    {0, P_CONNECT_ITEM, 'o'}, {PGI_CONNECT_ITEM, P_OPTIONS, 'm'},                        \
    {PGI_CONNECT_ITEM, P_TSDU_MAX, 'o'}, {PGI_CONNECT_ITEM, P_VERSION, 'm'},             \
    {PGI_CONNECT_ITEM, P_INITIAL, 'o'}, {PGI_CONNECT_ITEM, P_TOKEN_SETTING, 'o'},        \
    {PGI_CONNECT_ITEM, P_INITIAL2, 'o'}, {PGI_CONNECT_ITEM, P_UPPER_LIMIT, 'o'},         \
    {PGI_CONNECT_ITEM, P_LARGE, 'o'}, {PGI_CONNECT_ITEM, P_LARGE2, 'o'}

static const struct spdu_row cn_rows[] = {
    {0, P_CONNECTION_ID, 'o'}, REFERENCES(PGI_CONNECTION_ID, P_CALLING_REF),
    CONNECT_ITEM,
    {0, P_UNITS, 'o'}, {0, P_CALLING_SSEL, 'o'}, {0, P_CALLED_SSEL, 'o'}, {0, P_OVERFLOW, 'o'},
    {0, P_CONNECT_DATA, 'o'}, {0, P_EXTENDED_DATA, 'o'},
};
static const struct spdu_row oa_rows[] = {{0, P_TSDU_MAX, 'o'}, {0, P_VERSION_OA, 'm'}};
static const struct spdu_row cdo_rows[] = {{0, P_ENCLOSURE, 'm'}, {0, P_USER_DATA, 'o'}};
static const struct spdu_row ac_rows[] = {
    {0, P_CONNECTION_ID, 'o'}, REFERENCES(PGI_CONNECTION_ID, P_CALLED_REF),
    CONNECT_ITEM,
    {0, P_TOKEN_ITEM, 'o'}, {0, P_UNITS, 'o'}, {0, P_ENCLOSURE, 'o'}, {0, P_CALLING_SSEL, 'o'},
    {0, P_CALLED_SSEL, 'o'}, {0, P_USER_DATA, 'o'},
};
static const struct spdu_row rf_rows[] = {
    {0, P_CONNECTION_ID, 'o'}, REFERENCES(PGI_CONNECTION_ID, P_CALLED_REF),
    {0, P_DISCONNECT, 'o'}, {0, P_UNITS, 'o'}, {0, P_VERSION, 'o'}, {0, P_ENCLOSURE, 'o'},
    {0, P_REASON_RF, 'o'},
};
static const struct spdu_row fn_rows[] = {
    {0, P_DISCONNECT, 'o'}, {0, P_ENCLOSURE, 'o'}, {0, P_USER_DATA, 'o'},
};
/* DN, NF, CD, CDA, GTC, AIA, ADA */
static const struct spdu_row user_data_rows[] = {{0, P_ENCLOSURE, 'o'}, {0, P_USER_DATA, 'o'}};
static const struct spdu_row ab_rows[] = {
    {0, P_DISCONNECT_AB, 'm'}, {0, P_ENCLOSURE, 'o'}, {0, P_REFLECT_AB, 'o'}, {0, P_USER_DATA, 'o'},
};
/* DT, TD */
static const struct spdu_row data_rows[] = {{0, P_ENCLOSURE, 'o'}};
/* GT, PT */
static const struct spdu_row token_rows[] = {
    {0, P_TOKEN_ITEM, 'o'}, {0, P_ENCLOSURE, 'o'}, {0, P_USER_DATA, 'o'},
};
static const struct spdu_row mip_rows[] = {
    {0, P_SYNC_MINOR, 'o'}, {0, P_ENCLOSURE, 'o'}, {0, P_SERIAL, 'm'}, {0, P_USER_DATA, 'o'},
};
static const struct spdu_row mia_rows[] = {
    {0, P_ENCLOSURE, 'o'}, {0, P_SERIAL, 'm'}, {0, P_MIA_DATA, 'o'},
};
static const struct spdu_row map_rows[] = {
    {0, P_SYNC_MAJOR, 'm'}, {0, P_ENCLOSURE, 'o'}, {0, P_SERIAL, 'm'}, {0, P_SERIAL2, 'o'},
    {0, P_USER_DATA, 'o'},
};
static const struct spdu_row ae_rows[] = {
    {0, P_SYNC_MAJOR, 'o'}, {0, P_ENCLOSURE, 'o'}, {0, P_SERIAL, 'm'}, {0, P_SERIAL2, 'o'},
    {0, P_USER_DATA, 'o'},
};
static const struct spdu_row maa_rows[] = {
    {0, P_ENCLOSURE, 'o'}, {0, P_SERIAL, 'm'}, {0, P_SERIAL2, 'o'}, {0, P_USER_DATA, 'o'},
};
static const struct spdu_row rs_rows[] = {
    {0, P_ENCLOSURE, 'o'}, {0, P_TOKEN_SETTING, 'o'}, {0, P_RESYNC, 'm'}, {0, P_SERIAL, 'm'},
    {0, P_RESYNC2, 'o'}, {0, P_SERIAL2, 'o'}, {0, P_USER_DATA, 'o'},
};
static const struct spdu_row ra_rows[] = {
    {0, P_ENCLOSURE, 'o'}, {0, P_TOKEN_SETTING, 'o'}, {0, P_SERIAL, 'm'}, {0, P_SERIAL2, 'o'},
    {0, P_USER_DATA, 'o'},
};
static const struct spdu_row pr_rows[] = {
    {0, P_PREPARE, 'm'}, {0, P_RESYNC, 'o'}, {0, P_RESYNC2, 'o'},
};
static const struct spdu_row er_rows[] = {{0, P_REFLECT, 'm'}};
static const struct spdu_row ed_rows[] = {
    {0, P_ENCLOSURE, 'o'}, {0, P_REASON, 'm'}, {0, P_USER_DATA, 'o'},
};
static const struct spdu_row as_rows[] = {
    {0, P_ENCLOSURE, 'o'}, {0, P_ACTIVITY, 'm'}, {0, P_USER_DATA, 'o'},
};
static const struct spdu_row ar_rows[] = {
    {0, P_ENCLOSURE, 'o'},
    {0, P_LINKING, 'm'}, {PGI_LINKING, P_CALLED_REF, 'o'}, REFERENCES(PGI_LINKING, P_CALLING_REF),
    {PGI_LINKING, P_OLD_ACTIVITY, 'm'}, {PGI_LINKING, P_SERIAL, 'm'}, {PGI_LINKING, P_SERIAL2, 'o'},
    {0, P_ACTIVITY, 'm'}, {0, P_USER_DATA, 'o'},
};
/* AI, AD */
static const struct spdu_row ai_rows[] = {
    {0, P_ENCLOSURE, 'o'}, {0, P_REASON, 'o'}, {0, P_USER_DATA, 'o'},
};

struct spdu_entry {
    const struct spdu_row *rows;
    uint8_t nrows;
    uint8_t si;
    uint8_t category; /* 6.3.7 */
    bool information; /* user information field */
    char name[4];
};

#define ROWS(rows) rows, SPDU_ARRAY_LEN(rows)

static const struct spdu_entry spdu_table[] = {
    /*                parameters            SI  cat. inf.   name           clause */
    [CVN_SPDU_GT]  = {ROWS(token_rows),      1, 0, false, "GT"},        /* 8.3.16 */
    [CVN_SPDU_PT]  = {ROWS(token_rows),      2, 0, false, "PT"},        /* 8.3.17 */
    [CVN_SPDU_EX]  = {NULL, 0,               5, 1, true,  "EX"},        /* 8.3.12 */
    [CVN_SPDU_PR]  = {ROWS(pr_rows),         7, 1, false, "PR"},        /* 8.3.26 */
    [CVN_SPDU_NF]  = {ROWS(user_data_rows),  8, 1, false, "NF"},        /* 8.3.8 */
    [CVN_SPDU_FN]  = {ROWS(fn_rows),         9, 1, false, "FN"},        /* 8.3.6 */
    [CVN_SPDU_DN]  = {ROWS(user_data_rows), 10, 1, false, "DN"},        /* 8.3.7 */
    [CVN_SPDU_RF]  = {ROWS(rf_rows),        12, 1, false, "RF"},        /* 8.3.5 */
    [CVN_SPDU_CN]  = {ROWS(cn_rows),        13, 1, false, "CN"},        /* 8.3.1 */
    [CVN_SPDU_AC]  = {ROWS(ac_rows),        14, 1, false, "AC"},        /* 8.3.4 */
    [CVN_SPDU_CDO] = {ROWS(cdo_rows),       15, 1, false, "CDO"},       /* 8.3.3 */
    [CVN_SPDU_OA]  = {ROWS(oa_rows),        16, 1, false, "OA"},        /* 8.3.2 */
    [CVN_SPDU_GTC] = {ROWS(user_data_rows), 21, 1, false, "GTC"},       /* 8.3.18 */
    [CVN_SPDU_GTA] = {NULL, 0,              22, 1, false, "GTA"},       /* 8.3.19 */
    [CVN_SPDU_AB]  = {ROWS(ab_rows),        25, 1, false, "AB"},        /* 8.3.9 */
    [CVN_SPDU_AA]  = {NULL, 0,              26, 1, false, "AA"},        /* 8.3.10 */
    [CVN_SPDU_ER]  = {ROWS(er_rows),         0, 2, false, "ER"},        /* 8.3.27 */
    [CVN_SPDU_DT]  = {ROWS(data_rows),       1, 2, true,  "DT"},        /* 8.3.11 */
    [CVN_SPDU_AI]  = {ROWS(ai_rows),        25, 2, false, "AI"},        /* 8.3.31 */
    [CVN_SPDU_AIA] = {ROWS(user_data_rows), 26, 2, false, "AIA"},       /* 8.3.32 */
    [CVN_SPDU_AR]  = {ROWS(ar_rows),        29, 2, false, "AR"},        /* 8.3.30 */
    [CVN_SPDU_TD]  = {ROWS(data_rows),      33, 1, true,  "TD"},        /* 8.3.13 */
    [CVN_SPDU_RA]  = {ROWS(ra_rows),        34, 2, false, "RA"},        /* 8.3.25 */
    [CVN_SPDU_MAP] = {ROWS(map_rows),       41, 2, false, "MAP"},       /* 8.3.22 */
    [CVN_SPDU_AE]  = {ROWS(ae_rows),        41, 2, false, "AE"},        /* 8.3.35 */
    [CVN_SPDU_MAA] = {ROWS(maa_rows),       42, 2, false, "MAA"},       /* 8.3.23, 8.3.36 */
    [CVN_SPDU_AS]  = {ROWS(as_rows),        45, 2, false, "AS"},        /* 8.3.29 */
    [CVN_SPDU_ED]  = {ROWS(ed_rows),        48, 2, false, "ED"},        /* 8.3.28 */
    [CVN_SPDU_MIP] = {ROWS(mip_rows),       49, 2, false, "MIP"},       /* 8.3.20 */
    [CVN_SPDU_MIA] = {ROWS(mia_rows),       50, 2, false, "MIA"},       /* 8.3.21 */
    [CVN_SPDU_RS]  = {ROWS(rs_rows),        53, 2, false, "RS"},        /* 8.3.24 */
    [CVN_SPDU_AD]  = {ROWS(ai_rows),        57, 2, false, "AD"},        /* 8.3.33 */
    [CVN_SPDU_ADA] = {ROWS(user_data_rows), 58, 2, false, "ADA"},       /* 8.3.34 */
    [CVN_SPDU_CD]  = {ROWS(user_data_rows), 61, 2, false, "CD"},        /* 8.3.14 */
    [CVN_SPDU_CDA] = {ROWS(user_data_rows), 62, 2, false, "CDA"},       /* 8.3.15 */
};

/* SI to type + 1, for what stands first in a TSDU and for what follows a category 0 SPDU;
 * 41 is MAP as well: spdu_finish. */
#define SI(n, type) [n] = CVN_SPDU_##type + 1
static const uint8_t spdu_by_si[2][64] = {
    {SI(1, GT), SI(2, PT), SI(5, EX), SI(7, PR), SI(8, NF), SI(9, FN), SI(10, DN), SI(12, RF),
     SI(13, CN), SI(14, AC), SI(15, CDO), SI(16, OA), SI(21, GTC), SI(22, GTA), SI(25, AB),
     SI(26, AA), SI(33, TD)},
    {SI(0, ER), SI(1, DT), SI(25, AI), SI(26, AIA), SI(29, AR), SI(34, RA), SI(41, AE),
     SI(42, MAA), SI(45, AS), SI(48, ED), SI(49, MIP), SI(50, MIA), SI(53, RS), SI(57, AD),
     SI(58, ADA), SI(61, CD), SI(62, CDA)},
};
/* clang-format on */

static_assert(SPDU_ARRAY_LEN(spdu_table) == CVN_SPDU_TYPES, "one entry per SPDU");
static_assert(SPDU_ARRAY_LEN(ac_rows) <= SPDU_ROWS && SPDU_ARRAY_LEN(cn_rows) <= SPDU_ROWS, "I2");

#define SPDU_PIECE 64u

/* In pieces: what compilers put in the place of a memset of this size (rep stos) costs as
 * much as the rest of decoding. */
static void spdu_clear(struct cvn_spdu *s, enum cvn_spdu_type type)
{
    uint8_t *p = (uint8_t *)s;
    for (size_t n = sizeof *s / SPDU_PIECE; n > 0; n--, p += SPDU_PIECE)
        memset(p, 0, SPDU_PIECE);
    memset(p, 0, sizeof *s % SPDU_PIECE);
    s->type = type;
}

void cvn_spdu_init(struct cvn_spdu *s, enum cvn_spdu_type type)
{
    assert(type < CVN_SPDU_TYPES);
    spdu_clear(s, type);
    if (type == CVN_SPDU_MAP) { /* what makes SI 41 a MAP */
        s->has = CVN_HAS_SYNC_TYPE;
        s->sync_type = 1;
    }
}

const char *cvn_spdu_name(enum cvn_spdu_type type)
{
    assert(type < CVN_SPDU_TYPES);
    return spdu_table[type].name;
}

unsigned cvn_spdu_category(enum cvn_spdu_type type)
{
    assert(type < CVN_SPDU_TYPES);
    return spdu_table[type].category;
}

uint8_t cvn_spdu_si(enum cvn_spdu_type type)
{
    assert(type < CVN_SPDU_TYPES);
    return spdu_table[type].si;
}

bool cvn_spdu_has_information(enum cvn_spdu_type type)
{
    assert(type < CVN_SPDU_TYPES);
    return spdu_table[type].information;
}

/* A length indicator, 8.2. Bad: cut short, or the long form of a length that has a
 * short one. */
static inline size_t spdu_li(struct cvn_rd *rd)
{
    size_t li = cvn_rd_u8(rd);
    if (li < SPDU_LI_LONG)
        return li;
    li = cvn_rd_be16(rd);
    if (li < SPDU_LI_LONG)
        rd->bad = true;
    return li;
}

size_t cvn_spdu_header_length(const uint8_t *in, size_t len)
{
    struct cvn_rd rd = cvn_rd_init(in, len);
    cvn_rd_skip(&rd, 1);
    uint8_t li = cvn_rd_u8(&rd);
    if (rd.bad)
        return 0;
    if (li < SPDU_LI_LONG)
        return 2 + (size_t)li;
    size_t li_long = cvn_rd_be16(&rd);
    if (rd.bad)
        return 0;
    return li_long < SPDU_LI_LONG ? CVN_SPDU_MAX + 1 : 4 + li_long;
}

/* I3 */
static bool spdu_continues(const struct cvn_spdu *s)
{
    return (s->has & CVN_HAS_ENCLOSURE) != 0 && (s->enclosure & CVN_ENCLOSURE_BEGIN) == 0 &&
           s->type != CVN_SPDU_CDO;
}

static bool spdu_code_defined(const struct spdu_param *p, uint8_t v)
{
    if (v >= 128)
        return v < 136 && (p->set_high >> (v - 128) & 1) != 0;
    return v < 16 && (p->set >> v & 1) != 0;
}

/* --- decoding --- */

struct spdu_in {
    struct cvn_spdu *s;
    const struct spdu_entry *entry;
    const uint8_t *si;
    uint32_t seen; /* rows that have stood there */
    uint32_t got;  /* rows that had a value */
    struct cvn_octets reason;
    struct cvn_spdu_fault *fault;
};

static int spdu_fail(const struct spdu_in *d, const uint8_t *at, const char *why)
{
    d->fault->offset = (size_t)(at - d->si);
    d->fault->why = why;
    return CVN_EPROTO;
}

static int spdu_units(struct spdu_in *d, struct cvn_rd rd, uint8_t pgi, const uint8_t *li_at);

/* Where the first octet is that is no digit; NULL: all are. */
static const uint8_t *spdu_not_digit(const uint8_t *p, size_t n)
{
    struct cvn_rd rd = cvn_rd_init(p, n);
    while (cvn_rd_left(&rd) > 0) {
        const uint8_t *at = rd.at;
        uint8_t digit = cvn_rd_u8(&rd);
        if (digit < '0' || digit > '9')
            return at;
    }
    return NULL;
}

static int spdu_take_digits(struct spdu_in *d, const struct spdu_param *p, struct cvn_rd rd)
{
    uint32_t *number = (uint32_t *)(void *)((uint8_t *)d->s + p->at);
    uint32_t v = 0;
    while (cvn_rd_left(&rd) > 0) {
        const uint8_t *at = rd.at;
        uint8_t digit = cvn_rd_u8(&rd);
        if (digit < '0' || digit > '9')
            return spdu_fail(d, at, p->why[SPDU_VALUE]);
        v = v * 10 + (uint32_t)(digit - '0');
    }
    *number = v;
    return CVN_OK;
}

/* The value of a unit, whose length is right. */
static int spdu_take(struct spdu_in *d, const struct spdu_param *p, const uint8_t *li_at,
                     struct cvn_rd rd)
{
    uint8_t *member = (uint8_t *)d->s + p->at;
    struct cvn_octets value = {.p = rd.at, .n = cvn_rd_left(&rd)};
    switch ((enum spdu_kind)p->kind) {
    case SPDU_GROUP:
        return spdu_units(d, rd, p->code, li_at);
    case SPDU_BITS:
        *member = cvn_rd_u8(&rd) & (uint8_t)p->set;
        break;
    case SPDU_CODE:
        *member = cvn_rd_u8(&rd);
        if (!spdu_code_defined(p, *member))
            return spdu_fail(d, value.p, p->why[SPDU_VALUE]);
        break;
    case SPDU_UNITS:
        d->s->units = cvn_rd_be16(&rd) & p->set;
        break;
    case SPDU_SIZES:
        d->s->tsdu_max_initiator = cvn_rd_be16(&rd);
        d->s->tsdu_max_responder = cvn_rd_be16(&rd);
        break;
    case SPDU_DIGITS:
        return spdu_take_digits(d, p, rd);
    case SPDU_REASON:
        d->reason = value;
        break;
    case SPDU_LARGE: {
        const uint8_t *bad = spdu_not_digit(value.p, value.n);
        if (bad != NULL)
            return spdu_fail(d, bad, p->why[SPDU_VALUE]);
        *(struct cvn_octets *)(void *)member = value;
        break;
    }
    default: /* SPDU_OCTETS, SPDU_DATA */
        *(struct cvn_octets *)(void *)member = value;
        break;
    }
    return CVN_OK;
}

/* The row of a code; nrows: there is none. from: where to look first, since units mostly
 * come in the order of the rows. */
static unsigned spdu_find(const struct spdu_entry *e, unsigned from, uint8_t pgi, uint8_t code)
{
    for (unsigned i = from; i < e->nrows; i++)
        if (spdu_params[e->rows[i].name].code == code && e->rows[i].pgi == pgi)
            return i;
    for (unsigned i = 0; i < from; i++)
        if (spdu_params[e->rows[i].name].code == code && e->rows[i].pgi == pgi)
            return i;
    return e->nrows;
}

/* The unit at code_at belongs to this SPDU: judges and takes it. */
static int spdu_unit(struct spdu_in *d, unsigned i, const uint8_t *code_at, const uint8_t *li_at,
                     struct cvn_rd value)
{
    const struct spdu_param *p = &spdu_params[d->entry->rows[i].name];
    uint32_t bit = 1u << i;
    size_t n = cvn_rd_left(&value);
    if ((d->seen & bit) != 0)
        return spdu_fail(d, code_at, p->why[SPDU_TWICE]);
    d->seen |= bit;
    if (n == 0) { /* 8.2: absent; but an empty Connection Identifier is seen to be there */
        if (p->code == PGI_CONNECTION_ID)
            d->s->has |= p->has;
        return CVN_OK;
    }
    if (n < p->min || n > p->max_in)
        return spdu_fail(d, li_at, p->why[SPDU_LENGTH]);
    if (p->kind == SPDU_DATA && (d->s->has & CVN_HAS_USER_DATA) != 0)
        return spdu_fail(d, code_at,
                         "User Data and Extended User Data exclude each other"
                         " (X.225 8.3.1)");
    d->got |= bit;
    d->s->has |= p->has;
    if (p->code == PGI_EXTENDED_DATA)
        d->s->has |= CVN_HAS_EXTENDED;
    return spdu_take(d, p, li_at, value);
}

static int spdu_mandatory(const struct spdu_in *d, uint8_t pgi, const uint8_t *li_at)
{
    for (unsigned i = 0; i < d->entry->nrows; i++) {
        const struct spdu_row *row = &d->entry->rows[i];
        if (row->pgi == pgi && row->presence == 'm' && (d->got >> i & 1) == 0)
            return spdu_fail(d, li_at, spdu_params[row->name].why[SPDU_MISSING]);
    }
    return CVN_OK;
}

/* The units of the parameter field (pgi 0) or of a group, whose length is at li_at. */
static int spdu_units(struct spdu_in *d, struct cvn_rd rd, uint8_t pgi, const uint8_t *li_at)
{
    unsigned next = 0;
    while (cvn_rd_left(&rd) > 0) {
        const uint8_t *code_at = rd.at;
        uint8_t code = cvn_rd_u8(&rd);
        const uint8_t *unit_li_at = rd.at;
        size_t li = spdu_li(&rd);
        struct cvn_rd value = cvn_rd_sub(&rd, li);
        if (rd.bad)
            return spdu_fail(d, unit_li_at, "the length of a parameter is wrong (X.225 8.2)");
        unsigned i = spdu_find(d->entry, next, pgi, code);
        if (i < d->entry->nrows) {
            next = i + 1;
            int rc = spdu_unit(d, i, code_at, unit_li_at, value);
            if (rc != CVN_OK)
                return rc;
        } else if (pgi == 0 && (code == PGI_USER_DATA || code == PGI_EXTENDED_DATA)) {
            return spdu_fail(d, code_at, "this SPDU has no such user data (X.225 8.3)");
        } /* any other is skipped: unknown, or not of this SPDU */
    }
    if (pgi == 0 && spdu_continues(d->s))
        return CVN_OK; /* I3 */
    return spdu_mandatory(d, pgi, li_at);
}

/* Reason Code of RF, 8.3.5: in the first segment a code comes before the user data. */
static int spdu_take_reason(struct spdu_in *d)
{
    struct cvn_rd rd = cvn_rd_init(d->reason.p, d->reason.n);
    if (!spdu_continues(d->s)) {
        const struct spdu_param *p = &spdu_params[P_REASON_RF];
        d->s->reason = cvn_rd_u8(&rd);
        if (!spdu_code_defined(p, d->s->reason))
            return spdu_fail(d, d->reason.p, p->why[SPDU_VALUE]);
        if (cvn_rd_left(&rd) > 0 && d->s->reason != RF_REASON_USER_DATA)
            return spdu_fail(d, rd.at, p->why[SPDU_LENGTH]);
    }
    if (cvn_rd_left(&rd) > 0) {
        d->s->has |= CVN_HAS_USER_DATA;
        d->s->user_data = (struct cvn_octets){.p = rd.at, .n = cvn_rd_left(&rd)};
    }
    return CVN_OK;
}

/* What can be said only when all parameters are in. */
static int spdu_finish(struct spdu_in *d)
{
    struct cvn_spdu *s = d->s;
    if (d->reason.p != NULL) {
        int rc = spdu_take_reason(d);
        if (rc != CVN_OK)
            return rc;
    }
    if (spdu_continues(s)) { /* I3: the rest does not belong there, and is ignored */
        struct cvn_spdu segment = {.type = s->type,
                                   .has = s->has & (CVN_HAS_ENCLOSURE | CVN_HAS_USER_DATA),
                                   .enclosure = s->enclosure,
                                   .user_data = s->user_data};
        *s = segment;
    }
    if (s->type == CVN_SPDU_AE && (s->sync_type & 1) != 0)
        s->type = CVN_SPDU_MAP;
    return CVN_OK;
}

static const char *spdu_why_not(uint8_t si, bool first)
{
    if (si < SPDU_ARRAY_LEN(spdu_by_si[0]) && spdu_by_si[first ? 1 : 0][si] != 0)
        return first ? "a category 2 SPDU stands first in its TSDU (X.225 6.3.7)"
                     : "an SPDU that is not of category 2 follows another (X.225 6.3.7)";
    return "no SPDU has this SI (X.225 8.3)";
}

int cvn_spdu_decode(struct cvn_spdu *s, const uint8_t *in, size_t len, bool first,
                    struct cvn_spdu_fault *fault)
{
    struct cvn_rd rd = cvn_rd_init(in, len);
    struct spdu_in d = {.s = s, .si = in, .fault = fault};
    uint8_t si = cvn_rd_u8(&rd);
    uint8_t found = si < SPDU_ARRAY_LEN(spdu_by_si[0]) ? spdu_by_si[first ? 0 : 1][si] : 0;
    if (rd.bad || found == 0)
        return spdu_fail(&d, in, spdu_why_not(si, first));
    enum cvn_spdu_type type = (enum cvn_spdu_type)(found - 1);
    spdu_clear(s, type);
    d.entry = &spdu_table[type];
    const uint8_t *li_at = rd.at;
    size_t li = spdu_li(&rd);
    int rc;
    if (rd.bad || li != cvn_rd_left(&rd))
        rc = spdu_fail(&d, li_at, "the length of an SPDU is wrong (X.225 8.2)");
    else
        rc = spdu_units(&d, rd, 0, li_at);
    if (rc == CVN_OK)
        rc = spdu_finish(&d);
    if (rc != CVN_OK)
        spdu_clear(s, type);
    return rc;
}

/* --- encoding --- */

/* What encoding finds out before it writes. */
struct spdu_plan {
    size_t params;           /* the length of the parameter field */
    uint32_t own;            /* what this SPDU may have */
    bool allowed;            /* it may be sent */
    uint32_t len[SPDU_ROWS]; /* of each row's value, or SPDU_ABSENT */
};

/* A unit, or an SPDU: code, length, value. */
static size_t spdu_unit_size(size_t n)
{
    return 1 + (n < SPDU_LI_LONG ? 1u : 3u) + n;
}

static uint32_t spdu_octets_length(struct cvn_octets o)
{
    if (o.n == 0)
        return SPDU_ABSENT; /* 8.2: a length of 0 says the same as no unit */
    return o.n > CVN_SPDU_MAX ? CVN_SPDU_MAX : (uint32_t)o.n;
}

/* How many digits; 7: too large. */
static uint32_t spdu_digits(uint32_t v)
{
    return 1u + (v >= 10) + (v >= 100) + (v >= 1000) + (v >= 10000) + (v >= 100000) +
           (v > CVN_SERIAL_MAX);
}

/* PGI 193 or 194: 8.3.1. */
static bool spdu_is_extended(const struct cvn_spdu *s)
{
    return (s->has & CVN_HAS_EXTENDED) != 0 || s->user_data.n > CN_USER_DATA_MAX;
}

const uint8_t cvn_spdu_present[1] = {0};

static uint32_t spdu_data_length(const struct cvn_spdu *s, enum spdu_name name)
{
    if ((s->has & CVN_HAS_USER_DATA) == 0)
        return SPDU_ABSENT;
    if (s->type == CVN_SPDU_CN && spdu_is_extended(s) != (name == P_EXTENDED_DATA))
        return SPDU_ABSENT;
    if (s->user_data.n == 0 && s->user_data.p == cvn_spdu_present)
        return 0;
    return spdu_octets_length(s->user_data);
}

static uint32_t spdu_reason_length(const struct cvn_spdu *s)
{
    uint32_t n = spdu_data_length(s, P_REASON_RF);
    if ((s->has & CVN_HAS_REASON) == 0)
        return n;
    return n == SPDU_ABSENT ? 1 : n + 1;
}

static bool spdu_reason_allowed(const struct cvn_spdu *s, const struct spdu_param *p, uint32_t n)
{
    if (spdu_continues(s))
        return true;
    return (s->has & CVN_HAS_REASON) != 0 && spdu_code_defined(p, s->reason) &&
           (n == 1 || s->reason == RF_REASON_USER_DATA);
}

/* How long the value is; *allowed: it may be sent. */
static uint32_t spdu_measure(const struct cvn_spdu *s, enum spdu_name name, bool *allowed)
{
    const struct spdu_param *p = &spdu_params[name];
    const uint8_t *member = (const uint8_t *)s + p->at;
    const struct cvn_octets *octets = (const struct cvn_octets *)(const void *)member;
    uint32_t n = p->max;
    switch ((enum spdu_kind)p->kind) {
    case SPDU_GROUP:
    case SPDU_SIZES:
        *allowed = true;
        return n;
    case SPDU_BITS:
        *allowed = (*member & ~(unsigned)p->set) == 0;
        return n;
    case SPDU_CODE:
        *allowed = spdu_code_defined(p, *member);
        return n;
    case SPDU_UNITS:
        *allowed = (s->units & ~(unsigned)p->set) == 0;
        return n;
    case SPDU_DIGITS:
        n = spdu_digits(*(const uint32_t *)(const void *)member);
        break;
    case SPDU_REASON:
        n = spdu_reason_length(s);
        *allowed = spdu_reason_allowed(s, p, n);
        return n;
    case SPDU_LARGE:
        n = spdu_octets_length(*octets);
        *allowed = n == SPDU_ABSENT || spdu_not_digit(octets->p, octets->n) == NULL;
        return n;
    case SPDU_OCTETS:
        n = spdu_octets_length(*octets);
        break;
    default: /* SPDU_DATA */
        n = spdu_data_length(s, name);
        break;
    }
    *allowed = n <= p->max || p->max == ANY;
    return n;
}

/* Nothing is named that this SPDU does not carry. */
static bool spdu_has_allowed(const struct cvn_spdu *s, uint32_t own)
{
    if (s->type == CVN_SPDU_CN)
        own |= CVN_HAS_EXTENDED;
    if (s->type == CVN_SPDU_RF)
        own |= CVN_HAS_USER_DATA;
    if (spdu_continues(s))
        own &= (uint32_t)CVN_HAS_ENCLOSURE | CVN_HAS_USER_DATA; /* I3 */
    if ((s->large_initial.n | s->large_initial2.n) != 0 && s->type != CVN_SPDU_CN &&
        s->type != CVN_SPDU_AC)
        return false;
    return (s->has & ~own) == 0;
}

/* The Sync Type Item tells MAP from AE: 8.3.22, 8.3.35. */
static bool spdu_sync_allowed(const struct cvn_spdu *s)
{
    bool major = (s->has & CVN_HAS_SYNC_TYPE) != 0 && (s->sync_type & 1) != 0;
    if (s->type == CVN_SPDU_MAP)
        return major || spdu_continues(s);
    return s->type != CVN_SPDU_AE || !major;
}

/* The length of a row's value, which is no group. */
static inline uint32_t spdu_row_length(const struct cvn_spdu *s, const struct spdu_row *row,
                                       bool *allowed)
{
    const struct spdu_param *p = &spdu_params[row->name];
    bool value_allowed = true;
    if ((s->has & p->has) == 0 && p->kind < SPDU_LARGE)
        return SPDU_ABSENT;
    uint32_t n = spdu_measure(s, (enum spdu_name)row->name, &value_allowed);
    *allowed = *allowed && (value_allowed || n == SPDU_ABSENT);
    return n;
}

/* The members of a group are the rows after it; it is there if it is named or one of them
 * is. Returns the row behind them. */
static unsigned spdu_plan_group(const struct cvn_spdu *s, const struct spdu_entry *e,
                                unsigned group, struct spdu_plan *plan)
{
    const struct spdu_param *p = &spdu_params[e->rows[group].name];
    bool present = (s->has & p->has) != 0;
    bool complete = true;
    size_t len = 0;
    unsigned i = group + 1;
    plan->own |= p->has;
    for (; e->rows[i].pgi == p->code; i++) {
        assert(i + 1 < e->nrows); /* I1 */
        uint32_t n = spdu_row_length(s, &e->rows[i], &plan->allowed);
        plan->len[i] = n;
        plan->own |= spdu_params[e->rows[i].name].has;
        if (n != SPDU_ABSENT) {
            present = true;
            len += spdu_unit_size(n);
        } else if (e->rows[i].presence == 'm') {
            complete = false;
        }
    }
    plan->len[group] = present ? (uint32_t)len : SPDU_ABSENT;
    if (present && !complete)
        plan->allowed = false;
    return i;
}

/* Measures all. What may not be sent is measured, too. */
static void spdu_plan(const struct cvn_spdu *s, struct spdu_plan *plan)
{
    const struct spdu_entry *e = &spdu_table[s->type];
    uint32_t own = 0;
    size_t params = 0;
    bool allowed = true;
    bool complete = true;
    plan->own = 0;
    plan->allowed = true;
    for (unsigned i = 0, next; i < e->nrows; i = next) {
        const struct spdu_row *row = &e->rows[i];
        const struct spdu_param *p = &spdu_params[row->name];
        next = i + 1;
        if (p->kind == SPDU_GROUP)
            next = spdu_plan_group(s, e, i, plan);
        else
            plan->len[i] = spdu_row_length(s, row, &allowed);
        own |= p->has;
        if (plan->len[i] != SPDU_ABSENT)
            params += spdu_unit_size(plan->len[i]);
        else if (row->presence == 'm')
            complete = false;
    }
    if (!complete && !spdu_continues(s)) /* I3 */
        allowed = false;
    plan->params = params;
    plan->own |= own;
    plan->allowed =
        plan->allowed && allowed && spdu_has_allowed(s, plan->own) && spdu_sync_allowed(s);
}

static inline void spdu_put_head(struct cvn_wr *w, unsigned code, size_t n)
{
    if (n < SPDU_LI_LONG) {
        cvn_wr_be16(w, (uint16_t)(code << 8 | n));
    } else {
        cvn_wr_be16(w, (uint16_t)(code << 8 | SPDU_LI_LONG));
        cvn_wr_be16(w, (uint16_t)n);
    }
}

static inline void spdu_put_digits(struct cvn_wr *w, uint32_t v, size_t n)
{
    uint8_t *to = cvn_wr_room(w, n);
    assert(to != NULL);
    for (; n > 0; v /= 10)
        to[--n] = (uint8_t)('0' + v % 10);
}

static inline void spdu_put_value(const struct cvn_spdu *s, const struct spdu_param *p, size_t n,
                                  struct cvn_wr *w)
{
    const uint8_t *member = (const uint8_t *)s + p->at;
    switch ((enum spdu_kind)p->kind) {
    case SPDU_GROUP:
        break; /* its members are the next rows: I1 */
    case SPDU_BITS:
    case SPDU_CODE:
        cvn_wr_u8(w, *member);
        break;
    case SPDU_UNITS:
        cvn_wr_be16(w, s->units);
        break;
    case SPDU_SIZES:
        cvn_wr_be16(w, s->tsdu_max_initiator);
        cvn_wr_be16(w, s->tsdu_max_responder);
        break;
    case SPDU_DIGITS:
        spdu_put_digits(w, *(const uint32_t *)(const void *)member, n);
        break;
    case SPDU_REASON:
        if ((s->has & CVN_HAS_REASON) != 0)
            cvn_wr_u8(w, s->reason);
        if ((s->has & CVN_HAS_USER_DATA) != 0)
            cvn_wr_bytes(w, s->user_data.p, s->user_data.n);
        break;
    default: { /* SPDU_OCTETS, SPDU_LARGE, SPDU_DATA */
        const struct cvn_octets *o = (const struct cvn_octets *)(const void *)member;
        cvn_wr_bytes(w, o->p, o->n);
        break;
    }
    }
}

/* The short way for a MIP with its number and no more than its type: the most frequent SPDU
 * after DT. What is not so, or may not be sent, goes the long way. */
static bool spdu_encode_point(const struct cvn_spdu *s, struct cvn_wr *w)
{
    size_t n = spdu_digits(s->serial);
    size_t params = (s->has == CVN_HAS_SERIAL ? 0u : 3u) + 2 + n;
    struct cvn_wr to = *w;
    if ((s->has | CVN_HAS_SYNC_TYPE) != (CVN_HAS_SYNC_TYPE | CVN_HAS_SERIAL) ||
        s->serial > CVN_SERIAL_MAX || s->sync_type > 3 ||
        (s->large_initial.n | s->large_initial2.n) != 0)
        return false;
    if (to.bad || to.cap - to.len < 2 + params)
        return false;
    spdu_put_head(&to, 49, params);
    if (s->has != CVN_HAS_SERIAL) {
        spdu_put_head(&to, 15, 1);
        cvn_wr_u8(&to, s->sync_type);
    }
    spdu_put_head(&to, 42, n);
    spdu_put_digits(&to, s->serial, n);
    w->len = to.len;
    return true;
}

int cvn_spdu_encode(const struct cvn_spdu *s, struct cvn_wr *w)
{
    assert(s->type < CVN_SPDU_TYPES);
    if (s->type == CVN_SPDU_MIP && spdu_encode_point(s, w))
        return CVN_OK;
    const struct spdu_entry *e = &spdu_table[s->type];
    struct cvn_wr to = *w; /* a copy that the octets written cannot alias */
    struct spdu_plan plan;
    spdu_plan(s, &plan);
    if (!plan.allowed)
        return CVN_EINVAL;
    if (plan.params > SPDU_PARAMS_MAX || to.bad || spdu_unit_size(plan.params) > to.cap - to.len)
        return CVN_ETOOBIG;
    spdu_put_head(&to, e->si, plan.params);
    for (unsigned i = 0; i < e->nrows; i++) {
        const struct spdu_param *p = &spdu_params[e->rows[i].name];
        if (plan.len[i] == SPDU_ABSENT)
            continue;
        spdu_put_head(&to, p->code, plan.len[i]);
        spdu_put_value(s, p, plan.len[i], &to);
    }
    assert(!to.bad); /* I4 */
    w->len = to.len;
    return CVN_OK;
}

size_t cvn_spdu_size(const struct cvn_spdu *s)
{
    struct spdu_plan plan;
    assert(s->type < CVN_SPDU_TYPES);
    spdu_plan(s, &plan);
    return plan.params > SPDU_PARAMS_MAX ? 0 : spdu_unit_size(plan.params);
}
