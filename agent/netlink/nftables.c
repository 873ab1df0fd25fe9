/* nf_tables over netlink: one transaction to write, three requests to read. */
#include "netlink/nftables.h"

#include "base/str.h"

#include <endian.h>
#include <errno.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <stdlib.h>
#include <string.h>

static uint16_t type_of(unsigned message)
{
    return (uint16_t)(NFNL_SUBSYS_NFTABLES << 8 | message);
}

static size_t begin(struct netlink *netlink, struct buf *buf, unsigned message, unsigned flags,
                    uint8_t family)
{
    struct nfgenmsg header = {.nfgen_family = family, .version = NFNETLINK_V0};
    struct netlink_head head = {.type = type_of(message),
                                .flags = (uint16_t)(NLM_F_REQUEST | flags),
                                .sequence = ++netlink->sequence};
    return netlink_begin(buf, &head, &header, sizeof(header));
}

/* --- writing --- */

/* The limits of a batch are messages of nfnetlink itself. */
static void put_batch_limit(struct netlink *netlink, struct buf *buf, uint16_t message)
{
    struct nfgenmsg header = {.nfgen_family = NFPROTO_UNSPEC,
                              .version = NFNETLINK_V0,
                              .res_id = htobe16(NFNL_SUBSYS_NFTABLES)};
    struct netlink_head head = {
        .type = message, .flags = NLM_F_REQUEST, .sequence = ++netlink->sequence};
    netlink_end(buf, netlink_begin(buf, &head, &header, sizeof(header)));
}

static void put_table(struct netlink *netlink, struct buf *buf, const struct nft_ruleset *ruleset,
                      unsigned message, unsigned flags)
{
    size_t at = begin(netlink, buf, message, flags, ruleset->family);
    netlink_put_string(buf, NFTA_TABLE_NAME, ruleset->table);
    if (message == NFT_MSG_NEWTABLE)
        netlink_put_be32(buf, NFTA_TABLE_FLAGS, 0);
    netlink_end(buf, at);
}

static void put_chain(struct netlink *netlink, struct buf *buf, const struct nft_ruleset *ruleset,
                      const struct nft_chain *chain)
{
    size_t at = begin(netlink, buf, NFT_MSG_NEWCHAIN, NLM_F_CREATE, ruleset->family);
    netlink_put_string(buf, NFTA_CHAIN_TABLE, ruleset->table);
    netlink_put_string(buf, NFTA_CHAIN_NAME, chain->name);
    if (chain->base) {
        size_t hook = netlink_nest_begin(buf, NFTA_CHAIN_HOOK);
        netlink_put_be32(buf, NFTA_HOOK_HOOKNUM, chain->hook);
        netlink_put_be32(buf, NFTA_HOOK_PRIORITY, (uint32_t)chain->priority);
        netlink_nest_end(buf, hook);
        netlink_put_be32(buf, NFTA_CHAIN_POLICY, chain->policy);
        netlink_put_string(buf, NFTA_CHAIN_TYPE, chain->type);
    }
    netlink_end(buf, at);
}

/* The last message names the table once more and changes nothing: it asks for the acknowledgement,
 * which only comes when all before it was accepted. */
static uint32_t put_ruleset(struct netlink *netlink, struct buf *buf,
                            const struct nft_ruleset *ruleset, enum nft_load how)
{
    put_batch_limit(netlink, buf, NFNL_MSG_BATCH_BEGIN);
    if (how == NFT_REPLACE) {
        put_table(netlink, buf, ruleset, NFT_MSG_NEWTABLE, NLM_F_CREATE); /* so that it can go */
        put_table(netlink, buf, ruleset, NFT_MSG_DELTABLE, 0);
    }
    if (how != NFT_EXTEND)
        put_table(netlink, buf, ruleset, NFT_MSG_NEWTABLE, NLM_F_CREATE | NLM_F_EXCL);
    for (size_t i = 0; i < ruleset->chain_count; i++)
        put_chain(netlink, buf, ruleset, ruleset->chains[i]);
    uint32_t first_rule = netlink->sequence + 1;
    for (size_t i = 0; i < ruleset->rule_count; i++) {
        size_t at =
            begin(netlink, buf, NFT_MSG_NEWRULE, NLM_F_CREATE | NLM_F_APPEND, ruleset->family);
        nft_rule_put(buf, ruleset->table, ruleset->rules[i]);
        netlink_end(buf, at);
    }
    put_table(netlink, buf, ruleset, NFT_MSG_NEWTABLE, NLM_F_ACK);
    put_batch_limit(netlink, buf, NFNL_MSG_BATCH_END);
    return first_rule;
}

int nft_load(struct netlink *netlink, const struct nft_ruleset *ruleset, enum nft_load how,
             size_t *failed_rule)
{
    struct buf batch = {0};
    uint32_t refused;
    uint32_t first_rule = put_ruleset(netlink, &batch, ruleset, how);
    int error = netlink_batch(netlink, &batch, &refused);
    *failed_rule = ruleset->rule_count;
    if (error && refused - first_rule < ruleset->rule_count)
        *failed_rule = refused - first_rule;
    buf_free(&batch);
    return error;
}

/* --- reading --- */

void nft_table_free(struct nft_table *table)
{
    free(table->chains);
    free(table->rules);
    *table = (struct nft_table){0};
}

/* One more element of a growing array; NULL when out of memory. */
static void *grow(void **list, size_t *count, size_t *capacity, size_t size)
{
    enum { FIRST = 8 };
    if (*count == *capacity) {
        size_t wanted = *capacity ? *capacity * 2 : FIRST;
        void *more = wanted > SIZE_MAX / size ? NULL : realloc(*list, wanted * size);
        if (!more)
            return NULL;
        *list = more;
        *capacity = wanted;
    }
    return (char *)*list + (*count)++ * size;
}

/* Calls `each` with the attributes of every message of one type in a reply. */
struct reader {
    unsigned message;
    int (*each)(void *context, uint8_t family, struct netlink_bytes attributes);
    void *context;
};

static int read_messages(const struct buf *reply, const struct reader *reader)
{
    struct netlink_bytes rest = netlink_bytes_of(reply);
    struct netlink_message message;
    struct nfgenmsg header;
    int more, error = 0;
    while (error == 0 && (more = netlink_next(&rest, &message)) != 0) {
        if (more < 0 || (message.type == type_of(reader->message) &&
                         netlink_take(&message.body, &header, sizeof(header)) < 0))
            error = -EBADMSG;
        else if (message.type == type_of(reader->message))
            error = reader->each(reader->context, header.nfgen_family, message.body);
    }
    return error;
}

/* Asks with a table's name (NULL: none) in its attribute, and reads the answer. */
static int ask(struct netlink *netlink, struct buf *reply, uint8_t family, unsigned message,
               unsigned flags, const char *table)
{
    struct buf request = {0};
    size_t at = begin(netlink, &request, message, flags, family);
    if (table)
        netlink_put_string(&request, NFTA_TABLE_NAME, table); /* NFTA_RULE_TABLE is 1 as well */
    netlink_end(&request, at);
    int error = netlink_request(netlink, &request, reply);
    buf_free(&request);
    return error;
}

_Static_assert(NFTA_TABLE_NAME == 1 && NFTA_RULE_TABLE == 1, "ask() names the table for both");

static int each_table(void *context, uint8_t family, struct netlink_bytes rest)
{
    struct nft_table *table = context;
    struct netlink_attribute attribute;
    int more, error = 0;
    (void)family;
    table->exists = true;
    while (error == 0 && (more = netlink_next_attribute(&rest, &attribute)) != 0) {
        if (more < 0)
            error = more;
        else if (attribute.type == NFTA_TABLE_FLAGS)
            error = netlink_be32(attribute.value, &table->flags);
        else if (attribute.type == NFTA_TABLE_USE)
            error = netlink_be32(attribute.value, &table->objects);
    }
    return error;
}

struct chain_reader {
    uint8_t family;
    const char *name;
    struct nft_table *table;
    const struct nft_visitor *others;
};

static int keep_chain(struct nft_table *table, const struct nft_chain *chain)
{
    void *list = table->chains;
    struct nft_chain *place =
        grow(&list, &table->chain_count, &table->chain_capacity, sizeof(*chain));
    table->chains = list;
    if (!place)
        return -ENOMEM;
    *place = *chain;
    return 0;
}

static int each_chain(void *context, uint8_t family, struct netlink_bytes attributes)
{
    struct chain_reader *reader = context;
    struct nft_hook hook = {.family = family};
    int error = nft_chain_read(attributes, hook.table, &hook.chain);
    if (error)
        return error;
    if (family == reader->family && str_equal(hook.table, reader->name))
        return keep_chain(reader->table, &hook.chain);
    if (hook.chain.base && reader->others)
        return reader->others->hook(reader->others->context, &hook);
    return 0;
}

struct rule_reader {
    uint8_t family;
    const char *table;
    int (*each)(void *context, const struct nft_rule *rule);
    void *context;
    struct nft_rule rule;
};

static int each_rule(void *context, uint8_t family, struct netlink_bytes attributes)
{
    struct rule_reader *reader = context;
    char table[NFT_NAME_SIZE];
    int error = nft_rule_read(attributes, table, &reader->rule);
    /* A kernel that knows no filter for dumps sends every table's. */
    if (error || family != reader->family || !str_equal(table, reader->table))
        return error;
    return reader->each(reader->context, &reader->rule);
}

static int tell(struct netlink *netlink, int error)
{
    if (error == -EBADMSG)
        (void)str_copy(netlink->why, sizeof(netlink->why), "the kernel's reply makes no sense");
    else if (error == -ENOMEM)
        (void)str_copy(netlink->why, sizeof(netlink->why), "out of memory");
    return error;
}

int nft_each_rule(struct netlink *netlink, uint8_t family, const char *table,
                  int (*each)(void *context, const struct nft_rule *rule), void *context)
{
    struct rule_reader rules = {.family = family, .table = table, .each = each, .context = context};
    struct buf reply = {0};
    int error = ask(netlink, &reply, family, NFT_MSG_GETRULE, NLM_F_DUMP, table);
    if (error == 0)
        error = tell(netlink,
                     read_messages(&reply, &(struct reader){NFT_MSG_NEWRULE, each_rule, &rules}));
    buf_free(&reply);
    return error;
}

static int keep_rule(void *context, const struct nft_rule *rule)
{
    struct nft_table *table = context;
    void *list = table->rules;
    struct nft_rule *place = grow(&list, &table->rule_count, &table->rule_capacity, sizeof(*rule));
    table->rules = list;
    if (!place)
        return -ENOMEM;
    *place = *rule;
    return 0;
}

static int read_table(struct netlink *netlink, uint8_t family, const char *name,
                      struct nft_table *table, struct buf *reply)
{
    int error = ask(netlink, reply, family, NFT_MSG_GETTABLE, NLM_F_ACK, name);
    if (error == -ENOENT)
        return 0;
    if (error)
        return error;
    return tell(netlink,
                read_messages(reply, &(struct reader){NFT_MSG_NEWTABLE, each_table, table}));
}

int nft_read(struct netlink *netlink, uint8_t family, const char *name, struct nft_table *table,
             const struct nft_visitor *others)
{
    struct chain_reader chains = {family, name, table, others};
    struct buf reply = {0};
    *table = (struct nft_table){0};
    int error = read_table(netlink, family, name, table, &reply);
    if (error == 0)
        error = ask(netlink, &reply, NFPROTO_UNSPEC, NFT_MSG_GETCHAIN, NLM_F_DUMP, NULL);
    if (error == 0)
        error =
            tell(netlink,
                 read_messages(&reply, &(struct reader){NFT_MSG_NEWCHAIN, each_chain, &chains}));
    buf_free(&reply);
    if (error == 0 && table->exists)
        error = nft_each_rule(netlink, family, name, keep_rule, table);
    return error;
}
