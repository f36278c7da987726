/* SPDX-License-Identifier: MIT */
/*
 * cotp_tpdu - the codec of the TPDUs of classes 0 and 2: ISO 8073 / X.224 clause 13, with
 * what RFC 1006 sections 5 and 6 and RFC 2126 sections 4 and 6 change.
 *
 * Invariants
 *   I1  the header cursor ends where LI says: a parameter cannot reach user data.
 *   I2  fault.upto <= the octets of the TPDU: an ER can always show them.
 *   I3  size and units of a decoded TPDU are 0 or inside their ranges: nobody
 *       shifts or multiplies by what a peer sent unchecked.
 */
#include "proto/cotp/cotp_tpdu.h"

#include <assert.h>

#include "base/rd.h"

/* Parameter codes, 13.3.4, 13.5.4, 13.12.4. */
enum tpdu_parameter {
    PARAM_SIZE = 0xc0,
    PARAM_CALLING = 0xc1, /* in an ER: the invalid TPDU */
    PARAM_CALLED = 0xc2,
    PARAM_PROTECTION = 0xc5,
    PARAM_OPTIONS = 0xc6,
    PARAM_ALTERNATIVES = 0xc7,
    PARAM_ERROR_RATE = 0x86,
    PARAM_PRIORITY = 0x87,
    PARAM_DELAY = 0x88,
    PARAM_THROUGHPUT = 0x89,
    PARAM_ADDITIONAL = 0xe0,
    PARAM_UNITS = 0xf0,
};

#define PARAM_INVALID_TPDU PARAM_CALLING
#define OPTIONS_UNDEFINED  0x80u /* bit 8 of C6 */
#define OPTION_RESERVED    0x0cu /* bits 4 and 3 of class and option */
#define SIZE_OVER_MAX      16u   /* C0 up to here is seen in the field: 64 KiB */

/* One TPDU being read. */
struct reader {
    struct cvn_octets in;
    struct cvn_rd header; /* I1 */
    struct cvn_tpdu *t;
    struct cvn_tpdu_fault *f;
};

static int fault(struct cvn_tpdu_fault *f, enum cvn_cotp_cause cause, size_t upto, const char *why)
{
    *f = (struct cvn_tpdu_fault){
        .cause = cause,
        .reason = CVN_DR_PROTOCOL_ERROR,
        .upto = (uint32_t)upto,
        .why = why,
    };
    return CVN_EPROTO;
}

/* A wrong length has a DR reason of its own, 13.5.3. */
static int fault_length(struct cvn_tpdu_fault *f, enum cvn_cotp_cause cause, size_t upto,
                        const char *why)
{
    (void)fault(f, cause, upto, why);
    f->reason = CVN_DR_LENGTH_INVALID;
    return CVN_EPROTO;
}

/* Octets of the TPDU read so far: what upto is when the last one was bad. */
static size_t so_far(const struct reader *r)
{
    return (size_t)(r->header.at - r->in.p);
}

static struct cvn_octets octets_of(struct cvn_rd rd)
{
    return (struct cvn_octets){.p = rd.at, .n = cvn_rd_left(&rd)};
}

/* One parameter: its code, its value, and the octets of the TPDU up to its code. */
struct parameter {
    uint8_t code;
    struct cvn_rd value;
    size_t at;
};

static size_t upto_code(const struct parameter *p)
{
    return p->at;
}

static size_t upto_length(const struct parameter *p)
{
    return p->at + 1;
}

static size_t upto_value(const struct parameter *p)
{
    return p->at + 2;
}

/* The number that F0 holds, at most CVN_TPDU_UNITS_MAX + 1; 0 if its length is bad. */
static uint16_t units_of(struct cvn_rd value)
{
    size_t n = cvn_rd_left(&value);
    uint32_t units = 0;
    if (n > 4)
        return 0;
    while (n-- > 0)
        units = units << 8 | cvn_rd_u8(&value);
    return units > CVN_TPDU_UNITS_MAX ? CVN_TPDU_UNITS_MAX + 1 : (uint16_t)units;
}

/* C6, the same in CR and CC: a bad one is an error in both, 13.2.3. */
static int options_parameter(struct reader *r, const struct parameter *p)
{
    struct cvn_rd value = p->value;
    uint8_t options = cvn_rd_u8(&value);
    if (cvn_rd_left(&p->value) != 1)
        return fault_length(r->f, CVN_ER_PARAMETER_VALUE, upto_length(p),
                            "additional options not of one octet (X.224 13.3.4)");
    if ((options & OPTIONS_UNDEFINED) != 0)
        return fault(r->f, CVN_ER_PARAMETER_VALUE, upto_value(p),
                     "an additional option that does not exist (X.224 13.3.4)");
    r->t->has_options = true;
    r->t->options = options;
    return CVN_OK;
}

/* Table 3 of 6.5.4 h: may the preferred class, 1 to 4, name this alternative? */
static bool alternative_valid(uint8_t preferred, uint8_t alternative)
{
    return alternative <= preferred && (preferred != 2 || alternative != 1);
}

/* C7. Class 1 implies that class 0 may be answered, be it preferred or alternative. */
static int alternatives_parameter(struct reader *r, const struct parameter *p)
{
    struct cvn_rd value = p->value;
    size_t upto = upto_length(p);
    if (r->t->class_id == 0)
        return fault(r->f, CVN_ER_PARAMETER_CODE, upto_code(p),
                     "a class 0 CR with alternative classes (X.224 8.2.2)");
    r->t->class_0 = r->t->class_id == 1; /* a duplicate replaces, 13.2.3 */
    while (cvn_rd_left(&value) > 0) {
        uint8_t octet = cvn_rd_u8(&value);
        upto++;
        if ((octet & 0x0f) != 0 || !alternative_valid(r->t->class_id, octet >> 4))
            return fault(r->f, CVN_ER_PARAMETER_VALUE, upto,
                         "an alternative class that cannot be (X.224 6.5.4 h)");
        if (octet >> 4 <= 1)
            r->t->class_0 = true;
    }
    return CVN_OK;
}

/* In a CR what is unknown, is not for class 0, or has a bad value or length is
 * ignored, but for class, C6 and C7 (13.2.3). Sizes over 8192 octets, which C0
 * cannot say, are taken as 8192: deployed peers send them. */
static int cr_parameter(struct reader *r, const struct parameter *p)
{
    struct cvn_tpdu *t = r->t;
    struct cvn_rd value = p->value;
    uint16_t number = 0;
    switch (p->code) {
    case PARAM_SIZE:
        number = cvn_rd_left(&value) == 1 ? cvn_rd_u8(&value) : 0;
        if (number >= CVN_TPDU_SIZE_MIN && number <= SIZE_OVER_MAX)
            t->size = (uint8_t)(number > CVN_TPDU_SIZE_MAX ? CVN_TPDU_SIZE_MAX : number);
        return CVN_OK;
    case PARAM_UNITS:
        number = units_of(value);
        if (number != 0)
            t->units = number > CVN_TPDU_UNITS_MAX ? CVN_TPDU_UNITS_MAX : number;
        return CVN_OK;
    case PARAM_CALLING:
        t->calling = octets_of(value);
        return CVN_OK;
    case PARAM_CALLED:
        t->called = octets_of(value);
        return CVN_OK;
    case PARAM_OPTIONS:
        return options_parameter(r, p);
    case PARAM_ALTERNATIVES:
        return alternatives_parameter(r, p);
    default:
        return CVN_OK;
    }
}

/* What only a CC of class 2 may have: protection and quality of service, which mean
 * nothing over TCP (RFC 2126 3.1). */
static int cc_other_parameter(struct reader *r, const struct parameter *p)
{
    static const struct {
        uint8_t code;
        uint8_t lengths[2]; /* 0: any */
    } others[] = {
        {PARAM_PROTECTION, {0, 0}}, {PARAM_ERROR_RATE, {3, 3}},   {PARAM_PRIORITY, {2, 2}},
        {PARAM_DELAY, {8, 8}},      {PARAM_THROUGHPUT, {12, 24}},
    };
    size_t n = cvn_rd_left(&p->value);
    for (size_t i = 0; r->t->class_id == 2 && i < sizeof others / sizeof *others; i++) {
        if (p->code != others[i].code)
            continue;
        if (others[i].lengths[0] == 0 || n == others[i].lengths[0] || n == others[i].lengths[1])
            return CVN_OK;
        return fault_length(r->f, CVN_ER_PARAMETER_VALUE, upto_length(p),
                            "a parameter of a length that it does not have (X.224 13.3.4)");
    }
    return fault(r->f, CVN_ER_PARAMETER_CODE, upto_code(p),
                 "a parameter that a CC of its class cannot have (X.224 13.4.4)");
}

static int cc_parameter(struct reader *r, const struct parameter *p)
{
    struct cvn_tpdu *t = r->t;
    struct cvn_rd value = p->value;
    size_t n = cvn_rd_left(&value);
    uint16_t number = 0;
    switch (p->code) {
    case PARAM_SIZE:
        number = cvn_rd_u8(&value);
        if (n != 1)
            return fault_length(r->f, CVN_ER_PARAMETER_VALUE, upto_length(p),
                                "TPDU size not of one octet (X.224 13.3.4)");
        if (number < CVN_TPDU_SIZE_MIN || number > CVN_TPDU_SIZE_MAX)
            return fault(r->f, CVN_ER_PARAMETER_VALUE, upto_value(p),
                         "a TPDU size that does not exist (X.224 13.3.4)");
        t->size = (uint8_t)number;
        return CVN_OK;
    case PARAM_UNITS:
        number = units_of(value);
        if (n < 1 || n > 4)
            return fault_length(r->f, CVN_ER_PARAMETER_VALUE, upto_length(p),
                                "preferred maximum TPDU size not of 1-4 octets (X.224 13.3.4)");
        if (number < 1 || number > CVN_TPDU_UNITS_MAX)
            return fault(r->f, CVN_ER_PARAMETER_VALUE, p->at + 1 + n,
                         "a preferred maximum TPDU size that no packet holds (RFC 1006 6)");
        t->units = number;
        return CVN_OK;
    case PARAM_CALLING:
        t->calling = octets_of(value);
        return CVN_OK;
    case PARAM_CALLED:
        t->called = octets_of(value);
        return CVN_OK;
    case PARAM_OPTIONS:
        return options_parameter(r, p);
    default:
        return cc_other_parameter(r, p);
    }
}

static int dr_parameter(struct reader *r, const struct parameter *p)
{
    if (p->code != PARAM_ADDITIONAL)
        return fault(r->f, CVN_ER_PARAMETER_CODE, upto_code(p),
                     "a parameter that a DR cannot have (X.224 13.5.4)");
    r->t->extra = octets_of(p->value);
    return CVN_OK;
}

static int er_parameter(struct reader *r, const struct parameter *p)
{
    if (p->code != PARAM_INVALID_TPDU)
        return fault(r->f, CVN_ER_PARAMETER_CODE, upto_code(p),
                     "a parameter that an ER cannot have (X.224 13.12.4)");
    r->t->extra = octets_of(p->value);
    return CVN_OK;
}

/* DC and EA: 13.6 and 13.10 know the checksum of class 4 alone. */
static int no_parameter(struct reader *r, const struct parameter *p)
{
    return fault(r->f, CVN_ER_PARAMETER_CODE, upto_code(p),
                 "a parameter in a DC or EA (X.224 13.6, 13.10)");
}

/* The kinds of TPDU with a header of their own, 13.3 to 13.6, 13.10 and 13.12. */
static const struct kind {
    enum cvn_tpdu_code code;
    uint8_t li_min;
    uint8_t data_max;
    int (*parameter)(struct reader *r, const struct parameter *p);
} kinds[] = {
    {CVN_TPDU_CR, 6, CVN_TPDU_USER_CONNECT, cr_parameter},
    {CVN_TPDU_CC, 6, CVN_TPDU_USER_CONNECT, cc_parameter},
    {CVN_TPDU_DR, 6, CVN_TPDU_USER_DR, dr_parameter},
    {CVN_TPDU_DC, 5, 0, no_parameter},
    {CVN_TPDU_ER, 4, 0, er_parameter},
    {CVN_TPDU_EA, 4, 0, no_parameter},
};

/* The low four bits are credit in CR and CC, fixed in the others (13.1). */
static const struct kind *kind_of(uint8_t code)
{
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        bool credit = kinds[i].code == CVN_TPDU_CR || kinds[i].code == CVN_TPDU_CC;
        if ((credit ? code & 0xf0 : code) == (int)kinds[i].code)
            return &kinds[i];
    }
    return NULL;
}

/* CR and CC: DST-REF, SRC-REF, class and option, 13.3.3. */
static int connect_fixed(struct reader *r, uint8_t code)
{
    struct cvn_tpdu *t = r->t;
    t->dst = cvn_rd_be16(&r->header);
    if (t->code == CVN_TPDU_CR && t->dst != 0)
        return fault(r->f, CVN_ER_PARAMETER_VALUE, so_far(r), "CR with a DST-REF (X.224 13.3.3)");
    t->src = cvn_rd_be16(&r->header);
    if (t->src == 0)
        return fault(r->f, CVN_ER_PARAMETER_VALUE, so_far(r), "SRC-REF 0 (X.224 6.5.4 a)");
    uint8_t octet = cvn_rd_u8(&r->header);
    uint8_t option = octet & 0x0f;
    if (octet >> 4 > 4)
        return fault(r->f, CVN_ER_PARAMETER_VALUE, so_far(r),
                     "a class that does not exist (X.224 13.3.3)");
    t->class_id = octet >> 4;
    t->option = option;
    if (t->class_id == 0 && (code & 0x0f) != 0)
        return fault(r->f, CVN_ER_PARAMETER_VALUE, 2, "credit in class 0 (X.224 13.3.3)");
    if ((option & OPTION_RESERVED) != 0 || (t->class_id == 0 && option != 0))
        return fault(r->f, CVN_ER_PARAMETER_VALUE, so_far(r),
                     "an option that the class does not have (X.224 13.3.3)");
    t->class_0 = t->class_id <= 1; /* table 3: class 1 alone allows the answer 0 */
    return CVN_OK;
}

/* EA: DST-REF and a number of seven bits, any one without explicit flow control
 * (10.2.4.3). */
static int ea_fixed(struct reader *r)
{
    r->t->dst = cvn_rd_be16(&r->header);
    r->t->number = cvn_rd_u8(&r->header);
    if ((r->t->number & 0x80) != 0)
        return fault(r->f, CVN_ER_PARAMETER_VALUE, so_far(r),
                     "bit 8 beside the number of an EA (X.224 13.10.3)");
    return CVN_OK;
}

static int fixed_part(struct reader *r, uint8_t code)
{
    struct cvn_tpdu *t = r->t;
    if (t->code == CVN_TPDU_CR || t->code == CVN_TPDU_CC)
        return connect_fixed(r, code);
    if (t->code == CVN_TPDU_EA)
        return ea_fixed(r);
    t->dst = cvn_rd_be16(&r->header);
    if (t->code != CVN_TPDU_ER)
        t->src = cvn_rd_be16(&r->header);
    if (t->code != CVN_TPDU_DC)
        t->reason = cvn_rd_u8(&r->header);
    return CVN_OK;
}

static int variable_part(struct reader *r, const struct kind *kind)
{
    while (cvn_rd_left(&r->header) > 0) {
        struct parameter p = {.code = cvn_rd_u8(&r->header), .at = so_far(r)};
        if (cvn_rd_left(&r->header) == 0)
            return fault_length(r->f, CVN_ER_PARAMETER_VALUE, p.at,
                                "a parameter without length (X.224 13.2.3)");
        uint8_t n = cvn_rd_u8(&r->header);
        p.value = cvn_rd_sub(&r->header, n);
        if (r->header.bad)
            return fault_length(r->f, CVN_ER_PARAMETER_VALUE, upto_length(&p),
                                "a parameter longer than the header (X.224 13.2.3)");
        int rc = kind->parameter(r, &p);
        if (rc != CVN_OK)
            return rc;
    }
    return CVN_OK;
}

/* Who sent a CR or CC whose LI is wrong in another way than not to reach SRC-REF. */
static void sender(struct cvn_octets in, struct cvn_tpdu *t)
{
    struct cvn_rd rd = cvn_rd_init(in.p, in.n);
    uint8_t li = cvn_rd_u8(&rd);
    uint8_t code = cvn_rd_u8(&rd) & 0xf0;
    cvn_rd_skip(&rd, 2);
    uint16_t src = cvn_rd_be16(&rd);
    if (!rd.bad && li >= 5 && (code == CVN_TPDU_CR || code == CVN_TPDU_CC))
        t->src = src;
}

int cvn_tpdu_decode(struct cvn_octets in, struct cvn_tpdu *t, struct cvn_tpdu_fault *f)
{
    struct cvn_rd all = cvn_rd_init(in.p, in.n);
    *t = (struct cvn_tpdu){.code = 0};
    sender(in, t);
    uint8_t li = cvn_rd_u8(&all);
    struct reader r = {.in = in, .header = cvn_rd_sub(&all, li), .t = t, .f = f};
    if (li == 0 || li > CVN_TPDU_LI_MAX || all.bad)
        return fault_length(f, CVN_ER_NOT_SPECIFIED, in.n == 0 ? 0 : 1,
                            "a length indicator that is 0, 255 or too long (X.224 13.2.1)");
    uint8_t code = cvn_rd_u8(&r.header);
    const struct kind *kind = kind_of(code);
    if (kind == NULL)
        return fault(f, CVN_ER_TPDU_TYPE, so_far(&r), "no header TPDU of class 0 (X.224 13.1)");
    t->code = kind->code;
    if (li < kind->li_min)
        return fault_length(f, CVN_ER_NOT_SPECIFIED, 1,
                            "a length indicator without the fixed part (X.224 13.2.2.1)");
    int rc = fixed_part(&r, code);
    if (rc == CVN_OK)
        rc = variable_part(&r, kind);
    if (rc != CVN_OK)
        return rc;
    t->data = octets_of(all);
    if (t->data.n > kind->data_max)
        return fault_length(f, CVN_ER_NOT_SPECIFIED, so_far(&r),
                            "more user data than the TPDU may have (X.224 13.3.5, 13.5.5)");
    return CVN_OK;
}

/* The data of a DT or ED, n octets. */
static int judge_data(bool ed, bool end, uint32_t n, uint32_t header, struct cvn_tpdu_fault *f)
{
    if (ed && (n < 1 || n > CVN_EXPEDITED_MAX))
        return fault_length(f, CVN_ER_NOT_SPECIFIED, header,
                            "ED not of 1-16 octets (X.224 6.11.4)");
    if (!ed && n == 0 && !end)
        return fault_length(f, CVN_ER_NOT_SPECIFIED, header,
                            "an empty DT that does not end its TSDU (X.224 6.3.3)");
    return CVN_OK;
}

int cvn_tpdu_decode_data(struct cvn_octets header, uint32_t n, bool lenient, bool *end,
                         struct cvn_tpdu_fault *f)
{
    struct cvn_rd rd = cvn_rd_init(header.p, header.n);
    bool class_0 = header.n == CVN_TPDU_DATA_HEADER;
    uint8_t li = cvn_rd_u8(&rd);
    uint8_t code = cvn_rd_u8(&rd);
    cvn_rd_skip(&rd, header.n - CVN_TPDU_DATA_HEADER); /* DST-REF */
    uint8_t number = cvn_rd_u8(&rd);
    assert(n >= header.n && (class_0 || header.n == CVN_TPDU_DATA_HEADER2));
    if (li != header.n - 1)
        return fault_length(f, CVN_ER_NOT_SPECIFIED, 1,
                            class_0 ? "a length indicator other than 2 (X.224 13.7)"
                                    : "a length indicator other than 4 (X.224 13.7)");
    if ((code & 0x0f) != 0 && !lenient)
        return fault(f, CVN_ER_PARAMETER_VALUE, 2, "credit bits in DT or ED (RFC 2126 6.5)");
    if (class_0 && (number & 0x7f) != 0 && !lenient)
        return fault(f, CVN_ER_PARAMETER_VALUE, 3, "a number in DT or ED (RFC 2126 6.5)");
    *end = (number & 0x80) != 0;
    return judge_data((code & 0xf0) == CVN_TPDU_ED, *end, n - (uint32_t)header.n,
                      (uint32_t)header.n, f);
}

static void put_parameter(struct cvn_wr *w, enum tpdu_parameter code, struct cvn_octets value)
{
    cvn_wr_u8(w, (uint8_t)code);
    cvn_wr_u8(w, (uint8_t)value.n);
    cvn_wr_bytes(w, value.p, value.n);
}

static void put_octet(struct cvn_wr *w, enum tpdu_parameter code, uint8_t value)
{
    put_parameter(w, code, (struct cvn_octets){.p = &value, .n = 1});
}

/* CR and CC after their references; 13.2.3 leaves the order free. */
static void put_connect(struct cvn_wr *w, const struct cvn_tpdu *t)
{
    assert(t->size == 0 || (t->size >= CVN_TPDU_SIZE_MIN && t->size <= CVN_TPDU_SIZE_MAX));
    assert(t->units <= CVN_TPDU_UNITS_MAX && (t->class_id == 0 || t->class_id == 2));
    cvn_wr_u8(w, t->class_id == 0 ? 0 : 2 << 4 | CVN_TPDU_NO_FLOW);
    if (t->size != 0)
        put_octet(w, PARAM_SIZE, t->size);
    if (t->units != 0) {
        const uint8_t units[2] = {(uint8_t)(t->units >> 8), (uint8_t)t->units};
        size_t n = t->units > 0xff ? 2 : 1;
        put_parameter(w, PARAM_UNITS, (struct cvn_octets){.p = units + 2 - n, .n = n});
    }
    if (t->calling.p != NULL)
        put_parameter(w, PARAM_CALLING, t->calling);
    if (t->called.p != NULL)
        put_parameter(w, PARAM_CALLED, t->called);
    if (t->has_options)
        put_octet(w, PARAM_OPTIONS, t->options);
    if (t->class_id != 0 && t->class_0)
        put_octet(w, PARAM_ALTERNATIVES, 0);
}

static void put_er(struct cvn_wr *w, const struct cvn_tpdu *t)
{
    struct cvn_octets rejected = t->extra;
    if (rejected.n > CVN_TPDU_REJECTED_MAX)
        rejected.n = CVN_TPDU_REJECTED_MAX;
    cvn_wr_u8(w, t->reason);
    put_parameter(w, PARAM_INVALID_TPDU, rejected);
}

/* What stands behind DST-REF. */
static void put_rest(struct cvn_wr *w, const struct cvn_tpdu *t)
{
    switch (t->code) {
    case CVN_TPDU_ER:
        put_er(w, t);
        return;
    case CVN_TPDU_EA:
        cvn_wr_u8(w, t->number);
        return;
    case CVN_TPDU_DC:
        cvn_wr_be16(w, t->src);
        return;
    case CVN_TPDU_DR:
        cvn_wr_be16(w, t->src);
        cvn_wr_u8(w, t->reason);
        if (t->extra.p != NULL)
            put_parameter(w, PARAM_ADDITIONAL, t->extra);
        return;
    default:
        cvn_wr_be16(w, t->src);
        put_connect(w, t);
    }
}

void cvn_tpdu_encode(struct cvn_wr *w, const struct cvn_tpdu *t)
{
    uint8_t *packet = cvn_wr_room(w, CVN_TPKT_HEADER);
    uint8_t *li = cvn_wr_room(w, 1);
    size_t before = w->len;
    assert(t->data.n == 0 && kind_of((uint8_t)t->code) != NULL);
    cvn_wr_u8(w, (uint8_t)t->code);
    cvn_wr_be16(w, t->dst);
    put_rest(w, t);
    size_t n = w->len - before;
    assert(!w->bad && n <= CVN_TPDU_LI_MAX);
    *li = (uint8_t)n;
    cvn_tpkt_header(packet, (uint32_t)(CVN_TPKT_HEADER + 1 + n));
}

void cvn_tpdu_encode_data(struct cvn_wr *w, const struct cvn_tpdu_data *d)
{
    uint8_t *packet = cvn_wr_room(w, CVN_TPKT_HEADER);
    uint32_t header = d->class_id == 0 ? CVN_TPDU_DATA_HEADER : CVN_TPDU_DATA_HEADER2;
    assert((d->code == CVN_TPDU_DT || d->code == CVN_TPDU_ED) && d->n <= CVN_TPDU_MAX - header);
    cvn_wr_u8(w, (uint8_t)(header - 1));
    cvn_wr_u8(w, (uint8_t)d->code);
    if (d->class_id != 0)
        cvn_wr_be16(w, d->dst);
    cvn_wr_u8(w, d->end ? 0x80 : 0);
    assert(!w->bad);
    cvn_tpkt_header(packet, (uint32_t)(CVN_TPKT_HEADER + header + d->n));
}
