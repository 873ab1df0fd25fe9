/* Whatever the kernel's reply might be: messages, attributes and nf_tables objects are parsed, and
 * what was understood survives the way to bytes and back. */
#include "netlink/addresses.h"
#include "netlink/conntrack.h"
#include "netlink/links.h"
#include "netlink/message.h"
#include "netlink/nftables.h"

#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool all_known(const struct nft_rule *rule)
{
    for (size_t i = 0; i < rule->count; i++)
        if (rule->list[i].kind == NFT_UNKNOWN)
            return false;
    return true;
}

static void there_and_back(const char *table, const struct nft_rule *rule)
{
    struct buf buf = {0};
    struct nft_rule again;
    char name[NFT_NAME_SIZE];
    nft_rule_put(&buf, table, rule);
    if (buf_error(&buf) || nft_rule_read(netlink_bytes_of(&buf), name, &again) < 0 ||
        !nft_rule_equal(rule, &again) || strcmp(name, table) != 0)
        abort();
    buf_free(&buf);
}

static void read_rule(struct netlink_bytes attributes)
{
    struct nft_rule rule;
    char table[NFT_NAME_SIZE];
    struct buf text = {0};
    if (nft_rule_read(attributes, table, &rule) < 0)
        return;
    nft_rule_print(&rule, &text);
    buf_free(&text);
    if (nft_rule_equal(&rule, &rule) != all_known(&rule))
        abort();
    if (all_known(&rule) && !rule.extra) /* a comment is seen, and never written */
        there_and_back(table, &rule);
}

static void read_chain(struct netlink_bytes attributes)
{
    struct nft_chain chain;
    char table[NFT_NAME_SIZE];
    struct buf text = {0};
    if (nft_chain_read(attributes, table, &chain) < 0)
        return;
    nft_chain_print(&chain, &text);
    buf_free(&text);
    if (!nft_chain_equal(&chain, &chain))
        abort();
}

static void read_set(struct netlink_bytes attributes)
{
    struct nft_set set;
    char table[NFT_NAME_SIZE];
    if (nft_set_read(attributes, table, &set) == 0 && !nft_set_equal(&set, &set))
        abort();
}

/* What names a flow is what the kernel wrote, to the byte and no longer. */
static void read_flow(struct netlink_bytes attributes, uint8_t family)
{
    struct conntrack_flow flow;
    if (conntrack_read(attributes, family, &flow) < 0)
        return;
    if (flow.key_size > sizeof(flow.key) || flow.family != family)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct addresses_one address;
    struct link link;
    struct netlink_bytes rest = {data, size};
    struct netlink_message message;
    struct nfgenmsg header;
    while (netlink_next(&rest, &message) > 0) {
        (void)addresses_read_one(message.body, &address);
        if (links_read_one(message.body, &link) == 0 && !memchr(link.name, '\0', sizeof(link.name)))
            abort();
        if (netlink_take(&message.body, &header, sizeof(header)) < 0)
            continue;
        read_flow(message.body, header.nfgen_family);
        read_set(message.body);
        read_rule(message.body);
        read_chain(message.body);
    }
    return 0;
}
