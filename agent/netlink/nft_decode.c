/* nf_tables objects: from the kernel's attributes into structs, back, compared and printed. */
#include "netlink/nftables.h"

#include "base/str.h"

#include <errno.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <string.h>

/* --- rules --- */

static void unknown_expression(struct nft_rule *rule, const char *why)
{
    struct nft_expression *last = &rule->list[NFT_EXPRESSIONS_MAX - 1];
    *last = (struct nft_expression){.kind = NFT_UNKNOWN};
    (void)str_copy(last->unknown, sizeof(last->unknown), why);
}

static int read_expressions(struct netlink_bytes rest, struct nft_rule *rule)
{
    struct netlink_attribute element;
    int more;
    while ((more = netlink_next_attribute(&rest, &element)) > 0) {
        if (rule->count == NFT_EXPRESSIONS_MAX)
            unknown_expression(rule, "rest of a long rule");
        else
            nft_expression_read(element.value, &rule->list[rule->count++]);
    }
    return more;
}

int nft_rule_read(struct netlink_bytes attributes, char table[NFT_NAME_SIZE], struct nft_rule *rule)
{
    struct netlink_attribute attribute;
    int more;
    table[0] = '\0';
    rule->chain[0] = '\0';
    rule->extra = false;
    rule->handle = 0;
    rule->count = 0;
    while ((more = netlink_next_attribute(&attributes, &attribute)) > 0) {
        if (attribute.type == NFTA_RULE_TABLE)
            netlink_name(attribute.value, table, NFT_NAME_SIZE);
        else if (attribute.type == NFTA_RULE_CHAIN)
            netlink_name(attribute.value, rule->chain, sizeof(rule->chain));
        else if (attribute.type == NFTA_RULE_HANDLE)
            (void)netlink_be64(attribute.value, &rule->handle);
        else if (attribute.type == NFTA_RULE_USERDATA || attribute.type == NFTA_RULE_COMPAT)
            rule->extra = true;
        else if (attribute.type == NFTA_RULE_EXPRESSIONS &&
                 read_expressions(attribute.value, rule) < 0)
            return -EBADMSG;
    }
    return more;
}

void nft_rule_put(struct buf *buf, const char *table, const struct nft_rule *rule)
{
    netlink_put_string(buf, NFTA_RULE_TABLE, table);
    netlink_put_string(buf, NFTA_RULE_CHAIN, rule->chain);
    size_t list = netlink_nest_begin(buf, NFTA_RULE_EXPRESSIONS);
    for (size_t i = 0; i < rule->count; i++)
        nft_expression_put(buf, &rule->list[i]);
    netlink_nest_end(buf, list);
}

bool nft_rule_equal(const struct nft_rule *a, const struct nft_rule *b)
{
    if (a->count != b->count || a->extra != b->extra || !str_equal(a->chain, b->chain))
        return false;
    for (size_t i = 0; i < a->count; i++)
        if (!nft_expression_equal(&a->list[i], &b->list[i]))
            return false;
    return true;
}

void nft_rule_print(const struct nft_rule *rule, struct buf *out)
{
    for (size_t i = 0; i < rule->count; i++) {
        buf_puts(out, i ? " " : "");
        nft_expression_print(&rule->list[i], out);
    }
    if (rule->extra)
        buf_puts(out, " with a comment");
}

/* --- chains --- */

static int read_hook(struct netlink_bytes rest, struct nft_chain *chain)
{
    struct netlink_attribute attribute;
    uint32_t priority = 0;
    int more;
    while ((more = netlink_next_attribute(&rest, &attribute)) > 0) {
        int error = 0;
        if (attribute.type == NFTA_HOOK_HOOKNUM)
            error = netlink_be32(attribute.value, &chain->hook);
        else if (attribute.type == NFTA_HOOK_PRIORITY)
            error = netlink_be32(attribute.value, &priority);
        if (error)
            return error;
    }
    chain->priority = (int32_t)priority;
    chain->base = true;
    return more;
}

static int read_chain_attribute(const struct netlink_attribute *attribute,
                                char table[NFT_NAME_SIZE], struct nft_chain *chain)
{
    uint32_t flags = 0;
    switch (attribute->type) {
    case NFTA_CHAIN_TABLE:
        netlink_name(attribute->value, table, NFT_NAME_SIZE);
        return 0;
    case NFTA_CHAIN_NAME:
        netlink_name(attribute->value, chain->name, sizeof(chain->name));
        return 0;
    case NFTA_CHAIN_HANDLE:
        return netlink_be64(attribute->value, &chain->handle);
    case NFTA_CHAIN_TYPE:
        netlink_name(attribute->value, chain->type, sizeof(chain->type));
        return 0;
    case NFTA_CHAIN_POLICY:
        return netlink_be32(attribute->value, &chain->policy);
    case NFTA_CHAIN_HOOK:
        return read_hook(attribute->value, chain);
    case NFTA_CHAIN_FLAGS:
        if (netlink_be32(attribute->value, &flags) < 0)
            return -EBADMSG;
        chain->extra |= (flags & ~(uint32_t)NFT_CHAIN_BASE) != 0;
        return 0;
    case NFTA_CHAIN_COUNTERS:
    case NFTA_CHAIN_USERDATA:
        chain->extra = true;
        return 0;
    default:
        return 0; /* number of users */
    }
}

int nft_chain_read(struct netlink_bytes attributes, char table[NFT_NAME_SIZE],
                   struct nft_chain *chain)
{
    struct netlink_attribute attribute;
    int more, error = 0;
    table[0] = '\0';
    *chain = (struct nft_chain){.base = false};
    while (error == 0 && (more = netlink_next_attribute(&attributes, &attribute)) != 0)
        error = more < 0 ? more : read_chain_attribute(&attribute, table, chain);
    return error;
}

bool nft_chain_equal(const struct nft_chain *a, const struct nft_chain *b)
{
    return str_equal(a->name, b->name) && a->base == b->base && str_equal(a->type, b->type) &&
           a->hook == b->hook && a->priority == b->priority && a->policy == b->policy &&
           a->extra == b->extra;
}

/* nft 1.0.6 names the priorities of its standard chains (nft(8), "Standard priority names"). */
static const char *priority_name(int32_t priority)
{
    static const struct {
        int32_t priority;
        const char *name;
    } names[] = {{-300, "raw"}, {-150, "mangle"}, {0, "filter"}, {50, "security"}};
    for (size_t i = 0; i < countof(names); i++)
        if (names[i].priority == priority)
            return names[i].name;
    return NULL;
}

void nft_chain_print(const struct nft_chain *chain, struct buf *out)
{
    if (!chain->base) {
        buf_puts(out, "regular");
        return;
    }
    buf_printf(out, "type %s hook %s priority ", chain->type,
               nft_hook_name(NFPROTO_INET, chain->hook));
    if (priority_name(chain->priority))
        buf_puts(out, priority_name(chain->priority));
    else
        buf_printf(out, "%d", chain->priority);
    buf_printf(out, "; policy %s;%s", chain->policy == NF_DROP ? "drop" : "accept",
               chain->extra ? " with a comment, flags or counters" : "");
}

/* --- sets --- */

static int read_set_description(struct netlink_bytes rest, struct nft_set *set)
{
    struct netlink_attribute attribute;
    int more;
    while ((more = netlink_next_attribute(&rest, &attribute)) > 0) {
        if (attribute.type != NFTA_SET_DESC_SIZE)
            set->extra = true;
        else if (netlink_be32(attribute.value, &set->size) < 0)
            return -EBADMSG;
    }
    return more;
}

/* libnftnl's notes for nft(8), by its own numbers: a byte of type, one of length, the value. Those
 * about byte order and types change nothing; a comment is nft's last and highest number. */
static bool has_comment(struct netlink_bytes notes)
{
    enum { SET_COMMENT = 7, NOTE_HEAD = 2 };
    while (notes.size >= NOTE_HEAD) {
        size_t size = NOTE_HEAD + (size_t)notes.data[1];
        if (notes.data[0] >= SET_COMMENT || size > notes.size)
            return true;
        notes.data += size;
        notes.size -= size;
    }
    return notes.size > 0;
}

static int read_set_attribute(const struct netlink_attribute *attribute, char table[NFT_NAME_SIZE],
                              struct nft_set *set)
{
    switch (attribute->type) {
    case NFTA_SET_TABLE:
        netlink_name(attribute->value, table, NFT_NAME_SIZE);
        return 0;
    case NFTA_SET_NAME:
        netlink_name(attribute->value, set->name, sizeof(set->name));
        return 0;
    case NFTA_SET_FLAGS:
        return netlink_be32(attribute->value, &set->flags);
    case NFTA_SET_KEY_TYPE:
        return netlink_be32(attribute->value, &set->key_type);
    case NFTA_SET_KEY_LEN:
        return netlink_be32(attribute->value, &set->key_size);
    case NFTA_SET_DESC:
        return read_set_description(attribute->value, set);
    case NFTA_SET_TIMEOUT:
        return netlink_be64(attribute->value, &set->timeout_ms);
    case NFTA_SET_USERDATA:
        set->extra |= has_comment(attribute->value);
        return 0;
    case NFTA_SET_DATA_TYPE:
    case NFTA_SET_DATA_LEN:
    case NFTA_SET_OBJ_TYPE:
    case NFTA_SET_GC_INTERVAL:
    case NFTA_SET_EXPR:
    case NFTA_SET_EXPRESSIONS:
        set->extra = true;
        return 0;
    default:
        return 0; /* handle, policy, number of elements */
    }
}

int nft_set_read(struct netlink_bytes attributes, char table[NFT_NAME_SIZE], struct nft_set *set)
{
    struct netlink_attribute attribute;
    int more, error = 0;
    table[0] = '\0';
    *set = (struct nft_set){.flags = 0};
    while (error == 0 && (more = netlink_next_attribute(&attributes, &attribute)) != 0)
        error = more < 0 ? more : read_set_attribute(&attribute, table, set);
    return error;
}

bool nft_set_equal(const struct nft_set *a, const struct nft_set *b)
{
    return str_equal(a->name, b->name) && a->flags == b->flags && a->key_type == b->key_type &&
           a->key_size == b->key_size && a->size == b->size && a->timeout_ms == b->timeout_ms &&
           a->extra == b->extra;
}

/* --- names --- */

const char *nft_hook_name(uint8_t family, uint32_t hook)
{
    static const char *const inet[] = {
        [NF_INET_PRE_ROUTING] = "prerouting",   [NF_INET_LOCAL_IN] = "input",
        [NF_INET_FORWARD] = "forward",          [NF_INET_LOCAL_OUT] = "output",
        [NF_INET_POST_ROUTING] = "postrouting", [NF_INET_INGRESS] = "ingress"};
    static const char *const netdev[] = {"ingress", "egress"};
    static const char *const arp[] = {"input", "output", "forward"};
    const char *const *names = inet;
    size_t count = countof(inet);
    if (family == NFPROTO_NETDEV) {
        names = netdev;
        count = countof(netdev);
    } else if (family == NFPROTO_ARP) {
        names = arp;
        count = countof(arp);
    }
    return hook < count ? names[hook] : "unknown";
}

const char *nft_family_name(uint8_t family)
{
    static const struct {
        uint8_t family;
        const char *name;
    } names[] = {{NFPROTO_INET, "inet"}, {NFPROTO_IPV4, "ip"},       {NFPROTO_IPV6, "ip6"},
                 {NFPROTO_ARP, "arp"},   {NFPROTO_BRIDGE, "bridge"}, {NFPROTO_NETDEV, "netdev"}};
    for (size_t i = 0; i < countof(names); i++)
        if (names[i].family == family)
            return names[i].name;
    return "unknown";
}
