/* nf_tables expressions, by one table of their attributes. */
#include "netlink/nft_expression.h"

#include "base/str.h"

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <stddef.h>
#include <string.h>

enum field_type {
    FIELD_U8,
    FIELD_U32,
    FIELD_U64,
    FIELD_NAME,
    FIELD_BYTES,
    FIELD_VERDICT,
    FIELD_EACH,
    FIELD_PADDING
};

enum field_flag {
    ALWAYS = 1, /* written even when 0, and missed when the kernel does not send it */
    COUNTED = 2 /* moves by itself: never compared */
};

struct field {
    const char *name;
    uint16_t attribute;
    enum field_type type;
    unsigned flags;
    size_t offset;
    const char *const *words; /* of a number's values, ended by NULL; or NULL */
};

enum { FIELDS_MAX = 9 };

struct form {
    const char *name; /* the kernel's */
    struct field fields[FIELDS_MAX];
};

static const char *const cmp_words[] = {"eq", "neq", "lt", "lte", "gt", "gte", NULL};
static const char *const base_words[] = {"link", "network", "transport", NULL};
static const char *const meta_words[] = {
    [NFT_META_LEN] = "len",         [NFT_META_PROTOCOL] = "protocol",
    [NFT_META_PRIORITY] = "prio",   [NFT_META_MARK] = "mark",
    [NFT_META_IIF] = "iif",         [NFT_META_OIF] = "oif",
    [NFT_META_IIFNAME] = "iifname", [NFT_META_OIFNAME] = "oifname",
    [NFT_META_IFTYPE] = "iiftype",  [NFT_META_OIFTYPE] = "oiftype",
    [NFT_META_SKUID] = "skuid",     [NFT_META_SKGID] = "skgid",
    [NFT_META_NFTRACE] = "nftrace", [NFT_META_RTCLASSID] = "rtclassid",
    [NFT_META_SECMARK] = "secmark", [NFT_META_NFPROTO] = "nfproto",
    [NFT_META_L4PROTO] = "l4proto", NULL};
static const char *const ct_words[] = {"state", "direction", "status", "mark", NULL};

static const char *const dynset_words[] = {"add", "update", "delete", NULL};

#define AT(member) offsetof(struct nft_expression, member)

static const struct form forms[NFT_KINDS] = {
    [NFT_META] = {"meta",
                  {{"key", NFTA_META_KEY, FIELD_U32, ALWAYS, AT(meta.key), meta_words},
                   {"dreg", NFTA_META_DREG, FIELD_U32, 0, AT(meta.dreg), NULL},
                   {"sreg", NFTA_META_SREG, FIELD_U32, 0, AT(meta.sreg), NULL}}},
    [NFT_CMP] = {"cmp",
                 {{"sreg", NFTA_CMP_SREG, FIELD_U32, ALWAYS, AT(cmp.sreg), NULL},
                  {"op", NFTA_CMP_OP, FIELD_U32, ALWAYS, AT(cmp.op), cmp_words},
                  {"value", NFTA_CMP_DATA, FIELD_BYTES, ALWAYS, AT(cmp.value), NULL}}},
    [NFT_PAYLOAD] = {"payload",
                     {{"dreg", NFTA_PAYLOAD_DREG, FIELD_U32, 0, AT(payload.dreg), NULL},
                      {"sreg", NFTA_PAYLOAD_SREG, FIELD_U32, 0, AT(payload.sreg), NULL},
                      {"base", NFTA_PAYLOAD_BASE, FIELD_U32, ALWAYS, AT(payload.base), base_words},
                      {"offset", NFTA_PAYLOAD_OFFSET, FIELD_U32, ALWAYS, AT(payload.offset), NULL},
                      {"length", NFTA_PAYLOAD_LEN, FIELD_U32, ALWAYS, AT(payload.length), NULL},
                      {"checksum", NFTA_PAYLOAD_CSUM_TYPE, FIELD_U32, 0, AT(payload.checksum_type),
                       NULL},
                      {"checksum-offset", NFTA_PAYLOAD_CSUM_OFFSET, FIELD_U32, 0,
                       AT(payload.checksum_offset), NULL},
                      {"checksum-flags", NFTA_PAYLOAD_CSUM_FLAGS, FIELD_U32, 0,
                       AT(payload.checksum_flags), NULL}}},
    [NFT_BITWISE] = {"bitwise",
                     {{"sreg", NFTA_BITWISE_SREG, FIELD_U32, ALWAYS, AT(bitwise.sreg), NULL},
                      {"dreg", NFTA_BITWISE_DREG, FIELD_U32, ALWAYS, AT(bitwise.dreg), NULL},
                      {"length", NFTA_BITWISE_LEN, FIELD_U32, ALWAYS, AT(bitwise.length), NULL},
                      {"op", NFTA_BITWISE_OP, FIELD_U32, 0, AT(bitwise.op), NULL},
                      {"mask", NFTA_BITWISE_MASK, FIELD_BYTES, ALWAYS, AT(bitwise.mask), NULL},
                      {"xor", NFTA_BITWISE_XOR, FIELD_BYTES, ALWAYS, AT(bitwise.xor), NULL}}},
    [NFT_CT] = {"ct",
                {{"key", NFTA_CT_KEY, FIELD_U32, ALWAYS, AT(ct.key), ct_words},
                 {"dreg", NFTA_CT_DREG, FIELD_U32, 0, AT(ct.dreg), NULL},
                 {"sreg", NFTA_CT_SREG, FIELD_U32, 0, AT(ct.sreg), NULL}}},
    [NFT_CONNLIMIT] = {"connlimit",
                       {{"count", NFTA_CONNLIMIT_COUNT, FIELD_U32, ALWAYS, AT(connlimit.count),
                         NULL},
                        {"flags", NFTA_CONNLIMIT_FLAGS, FIELD_U32, 0, AT(connlimit.flags), NULL}}},
    [NFT_LIMIT] = {"limit",
                   {{"rate", NFTA_LIMIT_RATE, FIELD_U64, ALWAYS, AT(limit.rate), NULL},
                    {"unit", NFTA_LIMIT_UNIT, FIELD_U64, ALWAYS, AT(limit.unit_s), NULL},
                    {"burst", NFTA_LIMIT_BURST, FIELD_U32, ALWAYS, AT(limit.burst), NULL},
                    {"type", NFTA_LIMIT_TYPE, FIELD_U32, ALWAYS, AT(limit.type), NULL},
                    {"flags", NFTA_LIMIT_FLAGS, FIELD_U32, ALWAYS, AT(limit.flags), NULL},
                    {"", NFTA_LIMIT_PAD, FIELD_PADDING, 0, 0, NULL}}},
    [NFT_COUNTER] =
        {"counter",
         {{"bytes", NFTA_COUNTER_BYTES, FIELD_U64, ALWAYS | COUNTED, AT(counter.bytes), NULL},
          {"packets", NFTA_COUNTER_PACKETS, FIELD_U64, ALWAYS | COUNTED, AT(counter.packets), NULL},
          {"", NFTA_COUNTER_PAD, FIELD_PADDING, 0, 0, NULL}}},
    [NFT_REJECT] = {"reject",
                    {{"type", NFTA_REJECT_TYPE, FIELD_U32, ALWAYS, AT(reject.type), NULL},
                     {"code", NFTA_REJECT_ICMP_CODE, FIELD_U8, 0, AT(reject.code), NULL}}},
    [NFT_IMMEDIATE] = {"immediate",
                       {{"dreg", NFTA_IMMEDIATE_DREG, FIELD_U32, ALWAYS, AT(immediate.dreg), NULL},
                        {"", NFTA_IMMEDIATE_DATA, FIELD_VERDICT, ALWAYS, AT(immediate.verdict),
                         NULL}}},
    [NFT_LOAD] = {"immediate",
                  {{"dreg", NFTA_IMMEDIATE_DREG, FIELD_U32, ALWAYS, AT(load.dreg), NULL},
                   {"value", NFTA_IMMEDIATE_DATA, FIELD_BYTES, ALWAYS, AT(load.value), NULL}}},
    [NFT_DYNSET] = {"dynset",
                    {{"set", NFTA_DYNSET_SET_NAME, FIELD_NAME, ALWAYS, AT(dynset.set), NULL},
                     {"op", NFTA_DYNSET_OP, FIELD_U32, ALWAYS, AT(dynset.op), dynset_words},
                     {"key", NFTA_DYNSET_SREG_KEY, FIELD_U32, ALWAYS, AT(dynset.sreg), NULL},
                     {"timeout", NFTA_DYNSET_TIMEOUT, FIELD_U64, 0, AT(dynset.timeout_ms), NULL},
                     {"flags", NFTA_DYNSET_FLAGS, FIELD_U32, 0, AT(dynset.flags), NULL},
                     {"each", NFTA_DYNSET_EXPR, FIELD_EACH, 0, AT(dynset.each), NULL},
                     {"", NFTA_DYNSET_PAD, FIELD_PADDING, 0, 0, NULL}}},
    [NFT_NOTRACK] = {"notrack", {{NULL, 0, FIELD_PADDING, 0, 0, NULL}}},
};

/* The next field of a form, from `index` on; NULL behind the last. */
static const struct field *field_at(const struct form *form, size_t index)
{
    return index < FIELDS_MAX && form->fields[index].name ? &form->fields[index] : NULL;
}

static const void *member(const struct nft_expression *expression, const struct field *field)
{
    return (const char *)expression + field->offset;
}

/* --- writing --- */

static void put_bytes(struct buf *buf, uint16_t attribute, const struct nft_bytes *bytes)
{
    size_t nest = netlink_nest_begin(buf, attribute);
    netlink_put(buf, NFTA_DATA_VALUE, bytes->byte, bytes->length);
    netlink_nest_end(buf, nest);
}

static void put_verdict(struct buf *buf, uint16_t attribute, const struct nft_verdict *verdict)
{
    size_t data = netlink_nest_begin(buf, attribute);
    size_t nest = netlink_nest_begin(buf, NFTA_DATA_VERDICT);
    netlink_put_be32(buf, NFTA_VERDICT_CODE, (uint32_t)verdict->code);
    if (verdict->chain[0])
        netlink_put_string(buf, NFTA_VERDICT_CHAIN, verdict->chain);
    netlink_nest_end(buf, nest);
    netlink_nest_end(buf, data);
}

static uint64_t number(const struct nft_expression *expression, const struct field *field)
{
    const void *place = member(expression, field);
    uint64_t wide;
    uint32_t word;
    switch (field->type) {
    case FIELD_U8:
        return *(const uint8_t *)place;
    case FIELD_U32:
        memcpy(&word, place, sizeof(word));
        return word;
    case FIELD_U64:
        memcpy(&wide, place, sizeof(wide));
        return wide;
    case FIELD_NAME:
    case FIELD_BYTES:
    case FIELD_VERDICT:
    case FIELD_EACH:
    case FIELD_PADDING:
        break;
    }
    return 0;
}

/* What an element has for itself, as the expression that it is elsewhere. */
static struct nft_expression each_expression(const struct nft_each *each)
{
    struct nft_expression expression = {.kind = each->kind};
    if (each->kind == NFT_LIMIT)
        expression.limit = each->limit;
    else if (each->kind == NFT_CONNLIMIT)
        expression.connlimit = each->connlimit;
    return expression;
}

static void put_expression(struct buf *buf, uint16_t attribute,
                           const struct nft_expression *expression);

static void put_each(struct buf *buf, uint16_t attribute, const struct nft_each *each)
{
    struct nft_expression expression = each_expression(each);
    if (each->kind != NFT_UNKNOWN)
        put_expression(buf, attribute, &expression);
}

static void put_field(struct buf *buf, const struct nft_expression *expression,
                      const struct field *field)
{
    uint64_t value = number(expression, field);
    if (value == 0 && !(field->flags & ALWAYS) && field->type != FIELD_EACH)
        return;
    switch (field->type) {
    case FIELD_U8:
        netlink_put_u8(buf, field->attribute, (uint8_t)value);
        break;
    case FIELD_U32:
        netlink_put_be32(buf, field->attribute, (uint32_t)value);
        break;
    case FIELD_U64:
        netlink_put_be64(buf, field->attribute, value);
        break;
    case FIELD_NAME:
        netlink_put_string(buf, field->attribute, member(expression, field));
        break;
    case FIELD_BYTES:
        put_bytes(buf, field->attribute, member(expression, field));
        break;
    case FIELD_VERDICT:
        put_verdict(buf, field->attribute, member(expression, field));
        break;
    case FIELD_EACH:
        put_each(buf, field->attribute, member(expression, field));
        break;
    case FIELD_PADDING:
        break;
    }
}

static void put_expression(struct buf *buf, uint16_t attribute,
                           const struct nft_expression *expression)
{
    const struct form *form = &forms[expression->kind];
    size_t element = netlink_nest_begin(buf, attribute);
    netlink_put_string(buf, NFTA_EXPR_NAME, form->name);
    if (form->fields[0].name) {
        size_t data = netlink_nest_begin(buf, NFTA_EXPR_DATA);
        for (size_t i = 0; field_at(form, i); i++)
            put_field(buf, expression, field_at(form, i));
        netlink_nest_end(buf, data);
    }
    netlink_nest_end(buf, element);
}

void nft_expression_put(struct buf *buf, const struct nft_expression *expression)
{
    if (expression->kind == NFT_UNKNOWN)
        buf->failed = true; /* nothing of ours is unknown: a table must not go out without it */
    else
        put_expression(buf, NFTA_LIST_ELEM, expression);
}

/* --- reading --- */

static int read_bytes(struct netlink_bytes rest, struct nft_bytes *bytes)
{
    struct netlink_attribute attribute;
    if (netlink_next_attribute(&rest, &attribute) != 1 || attribute.type != NFTA_DATA_VALUE ||
        rest.size || attribute.value.size > NFT_BYTES_MAX)
        return -1;
    bytes->length = (uint8_t)attribute.value.size;
    memcpy(bytes->byte, attribute.value.data, attribute.value.size);
    return 0;
}

static int read_verdict(struct netlink_bytes rest, struct nft_verdict *verdict)
{
    struct netlink_attribute attribute;
    uint32_t code = 0;
    int more;
    if (netlink_next_attribute(&rest, &attribute) != 1 || attribute.type != NFTA_DATA_VERDICT ||
        rest.size)
        return -1;
    rest = attribute.value;
    while ((more = netlink_next_attribute(&rest, &attribute)) > 0) {
        if (attribute.type == NFTA_VERDICT_CHAIN)
            netlink_name(attribute.value, verdict->chain, sizeof(verdict->chain));
        else if (attribute.type != NFTA_VERDICT_CODE || netlink_be32(attribute.value, &code) < 0)
            return -1;
    }
    verdict->code = (int32_t)code;
    return more;
}

static void read_expression(struct netlink_bytes element, struct nft_expression *expression,
                            bool within);

/* Of one level: an element's own expression has none within. */
static int read_each(struct netlink_bytes element, struct nft_each *each)
{
    struct nft_expression expression;
    read_expression(element, &expression, true);
    each->kind = expression.kind;
    if (expression.kind == NFT_LIMIT)
        each->limit = expression.limit;
    else if (expression.kind == NFT_CONNLIMIT)
        each->connlimit = expression.connlimit;
    else
        return -1;
    return 0;
}

static int read_field(struct nft_expression *expression, const struct field *field,
                      struct netlink_bytes value)
{
    void *place = (char *)expression + field->offset;
    uint32_t word;
    uint64_t wide;
    int error = 0;
    switch (field->type) {
    case FIELD_U8:
        return netlink_u8(value, place);
    case FIELD_U32:
        error = netlink_be32(value, &word);
        memcpy(place, &word, sizeof(word));
        return error;
    case FIELD_U64:
        error = netlink_be64(value, &wide);
        memcpy(place, &wide, sizeof(wide));
        return error;
    case FIELD_NAME:
        return netlink_string(value, place, NFT_NAME_SIZE);
    case FIELD_BYTES:
        return read_bytes(value, place);
    case FIELD_VERDICT:
        return read_verdict(value, place);
    case FIELD_EACH:
        return read_each(value, place);
    case FIELD_PADDING:
        break;
    }
    return 0;
}

/* Reads one attribute into its field and marks it as seen. */
static int read_attribute(const struct form *form, const struct netlink_attribute *attribute,
                          struct nft_expression *expression, unsigned *seen)
{
    for (size_t i = 0; field_at(form, i); i++) {
        if (field_at(form, i)->attribute == attribute->type) {
            *seen |= 1U << i;
            return read_field(expression, field_at(form, i), attribute->value);
        }
    }
    return -1;
}

static int read_fields(const struct form *form, struct netlink_bytes rest,
                       struct nft_expression *expression)
{
    struct netlink_attribute attribute;
    unsigned seen = 0;
    int more;
    while ((more = netlink_next_attribute(&rest, &attribute)) > 0)
        if (read_attribute(form, &attribute, expression, &seen) < 0)
            return -1;
    for (size_t i = 0; field_at(form, i); i++)
        if ((field_at(form, i)->flags & ALWAYS) && !(seen & 1U << i))
            return -1;
    return more;
}

/* Two kinds may have one name: that which all attributes fit is meant. */
static void read_as(const char *name, struct netlink_bytes data, struct nft_expression *expression,
                    bool within)
{
    for (size_t i = NFT_UNKNOWN + 1; i < NFT_KINDS; i++) {
        *expression = (struct nft_expression){.kind = (enum nft_kind)i};
        if (str_equal(forms[i].name, name) && !(within && i == NFT_DYNSET) &&
            read_fields(&forms[i], data, expression) == 0)
            return;
    }
    *expression = (struct nft_expression){.kind = NFT_UNKNOWN};
}

static void read_expression(struct netlink_bytes element, struct nft_expression *expression,
                            bool within)
{
    char name[NFT_NAME_SIZE] = "";
    struct netlink_bytes data = {0};
    struct netlink_attribute attribute;
    int more;
    while ((more = netlink_next_attribute(&element, &attribute)) > 0) {
        if (attribute.type == NFTA_EXPR_NAME)
            netlink_name(attribute.value, name, sizeof(name));
        else if (attribute.type == NFTA_EXPR_DATA)
            data = attribute.value;
    }
    if (more < 0)
        *expression = (struct nft_expression){.kind = NFT_UNKNOWN};
    else
        read_as(name, data, expression, within);
    if (expression->kind == NFT_UNKNOWN)
        (void)str_copy(expression->unknown, sizeof(expression->unknown), name[0] ? name : "?");
}

void nft_expression_read(struct netlink_bytes element, struct nft_expression *expression)
{
    read_expression(element, expression, false);
}

/* --- comparing --- */

static bool field_equal(const struct nft_expression *a, const struct nft_expression *b,
                        const struct field *field)
{
    if (field->type == FIELD_BYTES) {
        const struct nft_bytes *x = member(a, field), *y = member(b, field);
        return x->length == y->length && memcmp(x->byte, y->byte, x->length) == 0;
    }
    if (field->type == FIELD_VERDICT) {
        const struct nft_verdict *x = member(a, field), *y = member(b, field);
        return x->code == y->code && str_equal(x->chain, y->chain);
    }
    if (field->type == FIELD_NAME)
        return str_equal(member(a, field), member(b, field));
    if (field->type == FIELD_EACH) {
        struct nft_expression x = each_expression(member(a, field));
        struct nft_expression y = each_expression(member(b, field));
        return x.kind == y.kind && (x.kind == NFT_UNKNOWN || nft_expression_equal(&x, &y));
    }
    return (field->flags & COUNTED) || number(a, field) == number(b, field);
}

bool nft_expression_equal(const struct nft_expression *a, const struct nft_expression *b)
{
    const struct form *form = &forms[a->kind];
    if (a->kind != b->kind || a->kind == NFT_UNKNOWN)
        return false;
    for (size_t i = 0; field_at(form, i); i++)
        if (!field_equal(a, b, field_at(form, i)))
            return false;
    return true;
}

/* --- printing --- */

static void print_number(uint64_t value, const struct field *field, struct buf *out)
{
    const char *const *words = field->words;
    for (uint64_t i = 0; words && words[i]; i++) {
        if (i == value) {
            buf_printf(out, " %s %s", field->name, words[i]);
            return;
        }
    }
    buf_printf(out, " %s %llu", field->name, (unsigned long long)value);
}

static void print_verdict(const struct nft_verdict *verdict, struct buf *out)
{
    static const struct {
        int32_t code;
        const char *word;
    } words[] = {
        {NF_ACCEPT, "accept"}, {NF_DROP, "drop"},      {NFT_CONTINUE, "continue"},
        {NFT_BREAK, "break"},  {NFT_RETURN, "return"}, {NFT_JUMP, "jump"},
        {NFT_GOTO, "goto"},    {NF_QUEUE, "queue"},
    };
    const char *word = NULL;
    for (size_t i = 0; i < countof(words); i++)
        if (words[i].code == verdict->code)
            word = words[i].word;
    if (word)
        buf_printf(out, " %s", word);
    else
        buf_printf(out, " verdict %d", verdict->code);
    if (verdict->chain[0])
        buf_printf(out, " %s", verdict->chain);
}

static void print_field(const struct nft_expression *expression, const struct field *field,
                        struct buf *out)
{
    if (field->type == FIELD_VERDICT) {
        print_verdict(member(expression, field), out);
    } else if (field->type == FIELD_NAME) {
        buf_printf(out, " %s %s", field->name, (const char *)member(expression, field));
    } else if (field->type == FIELD_EACH) {
        struct nft_expression each = each_expression(member(expression, field));
        buf_putc(out, ' ');
        nft_expression_print(&each, out);
    } else if (field->type == FIELD_BYTES) {
        const struct nft_bytes *bytes = member(expression, field);
        buf_printf(out, " %s 0x", field->name);
        for (size_t i = 0; i < bytes->length; i++)
            buf_printf(out, "%02x", bytes->byte[i]);
    } else if ((number(expression, field) || (field->flags & ALWAYS)) &&
               !(field->flags & COUNTED)) {
        print_number(number(expression, field), field, out);
    }
}

void nft_expression_print(const struct nft_expression *expression, struct buf *out)
{
    const struct form *form = &forms[expression->kind];
    if (expression->kind == NFT_UNKNOWN) {
        buf_printf(out, "[ unknown %s ]", expression->unknown);
        return;
    }
    buf_printf(out, "[ %s", form->name);
    for (size_t i = 0; field_at(form, i); i++)
        print_field(expression, field_at(form, i), out);
    buf_puts(out, " ]");
}
