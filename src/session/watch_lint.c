/* SPDX-License-Identifier: MIT */
/* watch_lint - see watch_lint.h. Sources: X.225 clause 8, and what deployed peers were seen to do. */
#include "session/watch_lint.h"

#define MODES    (CVN_FU_HALF_DUPLEX | CVN_FU_DUPLEX)
#define SYNCS    (CVN_FU_MINOR_SYNC | CVN_FU_SYMMETRIC_SYNC)
#define NUMBERED (SYNCS | CVN_FU_MAJOR_SYNC | CVN_FU_RESYNC)

struct name {
    uint8_t code;
    const char *name;
};

static const struct name names[] = {
    {1, "Connection Identifier"},
    {5, "Connect/Accept Item"},
    {9, "Called SS-user Reference"},
    {10, "Calling SS-user Reference"},
    {11, "Common Reference"},
    {12, "Additional Reference Information"},
    {15, "Sync Type Item"},
    {16, "Token Item"},
    {17, "Transport Disconnect"},
    {19, "Protocol Options"},
    {20, "Session User Requirements"},
    {21, "TSDU Maximum Size"},
    {22, "Version Number"},
    {23, "Initial Serial Number"},
    {24, "Prepare Type"},
    {25, "Enclosure Item"},
    {26, "Token Setting Item"},
    {27, "Resync Type"},
    {33, "Linking Information"},
    {41, "Activity Identifier"},
    {42, "Serial Number"},
    {46, "User Data"},
    {49, "Reflect Parameter Values"},
    {50, "Reason Code"},
    {51, "Calling Session Selector"},
    {52, "Called Session Selector"},
    {53, "Second Resync Type"},
    {54, "Second Serial Number"},
    {55, "Second Initial Serial Number"},
    {56, "Upper Limit Serial Number"},
    {57, "Large Initial Serial Number"},
    {58, "Large Second Initial Serial Number"},
    {60, "Data Overflow"},
    {193, "User Data"},
    {194, "Extended User Data"},
};

const char *cvn_watch_unit_name(enum cvn_spdu_type type, uint8_t pgi, uint8_t code)
{
    if (code == 52 && type == CVN_SPDU_AC)
        return "Responding Session Selector";
    if (code == 41 && pgi == 33)
        return "Old Activity Identifier";
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (names[i].code == code)
            return names[i].name;
    }
    return NULL;
}

bool cvn_watch_is_group(uint8_t code)
{
    return code == 1 || code == 5 || code == 33;
}

static size_t length(struct cvn_rd *rd)
{
    size_t n = cvn_rd_u8(rd);
    return n == 255 ? cvn_rd_be16(rd) : n;
}

bool cvn_watch_unit_next(struct cvn_rd *rd, struct watch_unit *u)
{
    if (cvn_rd_left(rd) == 0)
        return false;
    u->code = cvn_rd_u8(rd);
    size_t n = length(rd);
    u->cut = rd->bad || n > cvn_rd_left(rd);
    if (u->cut)
        n = cvn_rd_left(rd);
    rd->bad = false;
    u->value.p = cvn_rd_bytes(rd, n);
    u->value.n = n;
    return true;
}

struct cvn_rd cvn_watch_units(struct cvn_octets raw)
{
    struct cvn_rd rd = cvn_rd_init(raw.p, raw.n);
    cvn_rd_skip(&rd, 1);
    (void)length(&rd);
    if (rd.bad)
        return cvn_rd_init(raw.p, 0);
    return rd;
}

struct lint {
    struct watch_said *said;
    size_t n;
};

static void say(struct lint *l, bool is, const char *what, const char *clause)
{
    for (size_t i = 0; is && i < l->n; i++) {
        if (l->said[i].what == what)
            return;
    }
    if (is && l->n < WATCH_LINT_MAX)
        l->said[l->n++] = (struct watch_said){what, clause};
}

/* The defined bits of a parameter of bits; 0: it is none. */
static unsigned defined(enum cvn_spdu_type type, uint8_t code)
{
    switch (code) {
    case 15:
        return type == CVN_SPDU_MIP ? 3u : 1u;
    case 16:
        return CVN_TOKEN_ALL;
    case 17:
        return type == CVN_SPDU_AB ? 0x1fu : 1u;
    case 19:
    case 60:
        return 1u;
    case 22:
    case 25:
        return 3u;
    case 20:
        return CVN_FU_ALL;
    default:
        return 0;
    }
}

static void lint_unit(struct lint *l, enum cvn_spdu_type type, const struct watch_unit *u,
                      uint8_t pgi)
{
    unsigned bits = defined(type, u->code);
    unsigned value = 0;
    struct cvn_rd rd = cvn_rd_init(u->value.p, u->value.n);
    while (cvn_rd_left(&rd) > 0 && u->value.n <= 2)
        value = value << 8 | cvn_rd_u8(&rd);
    say(l, cvn_watch_unit_name(type, pgi, u->code) == NULL, "a parameter that no SPDU has",
        "X.225 8.3");
    say(l, bits != 0 && u->value.n <= 2 && (value & ~bits) != 0, "bits that are not defined",
        "X.225 8.2");
    say(l, u->code == 1 && u->value.n == 0, "an empty Connection Identifier", "X.225 8.3.1");
    say(l, u->code == 5 && u->value.n == 0, "an empty Connect/Accept Item", "X.225 8.3.1");
    say(l, (u->code == 51 || u->code == 52) && u->value.n > CVN_SSEL_MAX,
        "a session selector of more than 16 octets", "X.225 8.3.1");
    say(l, type == CVN_SPDU_CN && u->code == 193 && u->value.n > CVN_USER_DATA_V1,
        "over 512 octets in User Data, which Extended User Data is for", "X.225 8.3.1");
}

static void lint_units(struct lint *l, enum cvn_spdu_type type, struct cvn_rd rd, uint8_t pgi)
{
    struct watch_unit u;
    unsigned before = 0;
    while (cvn_watch_unit_next(&rd, &u)) {
        say(l, u.code < before, "parameters that are not in ascending order", "X.225 8.2");
        before = u.code;
        lint_unit(l, type, &u, pgi);
        if (pgi == 0 && cvn_watch_is_group(u.code))
            lint_units(l, type, cvn_rd_init(u.value.p, u.value.n), u.code);
    }
}

static void lint_units_agree(struct lint *l, unsigned units, const char *clause)
{
    say(l, (units & CVN_FU_EXCEPTIONS) != 0 && (units & CVN_FU_HALF_DUPLEX) == 0,
        "exceptions without half-duplex", clause);
    say(l, (units & CVN_FU_CAPABILITY) != 0 && (units & CVN_FU_ACTIVITY) == 0,
        "capability data without activity management", clause);
    say(l, (units & CVN_FU_DATA_SEPARATION) != 0 && (units & SYNCS) == 0,
        "data separation without minor or symmetric synchronize", clause);
}

static bool numbers_needed(unsigned units)
{
    return (units & NUMBERED) != 0 && (units & CVN_FU_ACTIVITY) == 0;
}

static void lint_CN(struct lint *l, const struct cvn_spdu *s)
{
    unsigned units = (s->has & CVN_HAS_UNITS) != 0 ? s->units : CVN_FU_DEFAULT;
    lint_units_agree(l, units, "X.225 7.1");
    say(l, (units & MODES) == 0, "neither half-duplex nor duplex proposed", "X.225 7.1");
    say(l, numbers_needed(units) && (s->has & CVN_HAS_INITIAL) == 0,
        "no Initial Serial Number, and synchronization without activities needs one",
        "X.225 8.3.1");
}

static void lint_AC(struct lint *l, const struct cvn_spdu *s, const struct watch_offer *offer)
{
    unsigned units = (s->has & CVN_HAS_UNITS) != 0 ? s->units : CVN_FU_DEFAULT;
    unsigned version = (s->has & CVN_HAS_VERSION) != 0 ? s->version : 1;
    say(l, (version & (version - 1)) != 0, "two versions selected at once", "X.225 8.3.4");
    say(l, offer->known && (units & ~(unsigned)offer->units) != 0,
        "functional units selected that were not proposed", "X.225 8.3.4");
    say(l, (units & MODES) == MODES, "both half-duplex and duplex selected", "X.225 7.4");
    lint_units_agree(l, offer->known ? units & offer->units : units, "X.225 7.4");
}

size_t cvn_watch_lint(struct cvn_octets raw, const struct cvn_spdu *s, bool segmented,
                      const struct watch_offer *offer, struct watch_said said[WATCH_LINT_MAX])
{
    struct lint l = {.said = said};
    bool user = s->type == CVN_SPDU_AB && (s->disconnect & CVN_TD_USER) != 0;
    lint_units(&l, s->type, cvn_watch_units(raw), 0);
    say(&l,
        !segmented && s->type != CVN_SPDU_CDO && (s->has & CVN_HAS_ENCLOSURE) != 0 &&
            s->enclosure == CVN_ENCLOSURE_WHOLE,
        "an Enclosure Item where nothing is segmented", "X.225 7.37");
    say(&l, user && (s->disconnect & (CVN_TD_PROTOCOL | CVN_TD_NO_REASON | CVN_TD_RESTRICTION)),
        "a user abort that names a provider's reason too", "X.225 8.3.9");
    if (s->type == CVN_SPDU_CN)
        lint_CN(&l, s);
    if (s->type == CVN_SPDU_AC)
        lint_AC(&l, s, offer);
    return l.n;
}
