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
    rule->count = 0;
    while ((more = netlink_next_attribute(&attributes, &attribute)) > 0) {
        if (attribute.type == NFTA_RULE_TABLE)
            netlink_name(attribute.value, table, NFT_NAME_SIZE);
        else if (attribute.type == NFTA_RULE_CHAIN)
            netlink_name(attribute.value, rule->chain, sizeof(rule->chain));
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
    if (a->count != b->count || !str_equal(a->chain, b->chain))
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
    switch (attribute->type) {
    case NFTA_CHAIN_TABLE:
        netlink_name(attribute->value, table, NFT_NAME_SIZE);
        return 0;
    case NFTA_CHAIN_NAME:
        netlink_name(attribute->value, chain->name, sizeof(chain->name));
        return 0;
    case NFTA_CHAIN_TYPE:
        netlink_name(attribute->value, chain->type, sizeof(chain->type));
        return 0;
    case NFTA_CHAIN_POLICY:
        return netlink_be32(attribute->value, &chain->policy);
    case NFTA_CHAIN_HOOK:
        return read_hook(attribute->value, chain);
    default:
        return 0; /* handle, counters, number of users */
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
           a->hook == b->hook && a->priority == b->priority && a->policy == b->policy;
}

/* nft 1.0.6 names the priorities of its standard chains (nft(8), "Standard priority names"). */
static const char *priority_name(int32_t priority)
{
    static const struct {
        int32_t priority;
        const char *name;
    } names[] = {
        {-300, "raw"     },
        {-150, "mangle"  },
        {0,    "filter"  },
        {50,   "security"}
    };
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
    buf_printf(out, "; policy %s;", chain->policy == NF_DROP ? "drop" : "accept");
}

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
    } names[] = {
        {NFPROTO_INET,   "inet"  },
        {NFPROTO_IPV4,   "ip"    },
        {NFPROTO_IPV6,   "ip6"   },
        {NFPROTO_ARP,    "arp"   },
        {NFPROTO_BRIDGE, "bridge"},
        {NFPROTO_NETDEV, "netdev"}
    };
    for (size_t i = 0; i < countof(names); i++)
        if (names[i].family == family)
            return names[i].name;
    return "unknown";
}
