/* nf_tables over netlink: one transaction to write, six requests to read. */
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

static void put_set(struct netlink *netlink, struct buf *buf, const struct nft_ruleset *ruleset,
                    size_t index)
{
    const struct nft_set *set = ruleset->sets[index];
    size_t at = begin(netlink, buf, NFT_MSG_NEWSET, NLM_F_CREATE, ruleset->family);
    netlink_put_string(buf, NFTA_SET_TABLE, ruleset->table);
    netlink_put_string(buf, NFTA_SET_NAME, set->name);
    netlink_put_be32(buf, NFTA_SET_FLAGS, set->flags);
    netlink_put_be32(buf, NFTA_SET_KEY_TYPE, set->key_type);
    netlink_put_be32(buf, NFTA_SET_KEY_LEN, set->key_size);
    netlink_put_be32(buf, NFTA_SET_ID, (uint32_t)index + 1);
    size_t description = netlink_nest_begin(buf, NFTA_SET_DESC);
    netlink_put_be32(buf, NFTA_SET_DESC_SIZE, set->size);
    netlink_nest_end(buf, description);
    if (set->timeout_ms)
        netlink_put_be64(buf, NFTA_SET_TIMEOUT, set->timeout_ms);
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
    for (size_t i = 0; i < ruleset->set_count; i++)
        put_set(netlink, buf, ruleset, i);
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
    free(table->sets);
    free(table->object);
    free(table->rules);
    *table = (struct nft_table){0};
}

/* One more element of a growing array; NULL when out of memory. */
static void *grow(void **list, size_t *count, size_t *capacity, size_t size)
{
    enum { FIRST = 64 };
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
struct wanted {
    unsigned message;
    int (*each)(void *context, uint8_t family, struct netlink_bytes attributes);
    void *context;
};

static int read_messages(const struct buf *reply, const struct wanted *wanted)
{
    struct netlink_bytes rest = netlink_bytes_of(reply);
    struct netlink_message message;
    struct nfgenmsg header;
    int more, error = 0;
    while (error == 0 && (more = netlink_next(&rest, &message)) != 0) {
        if (more < 0 || (message.type == type_of(wanted->message) &&
                         netlink_take(&message.body, &header, sizeof(header)) < 0))
            error = -EBADMSG;
        else if (message.type == type_of(wanted->message))
            error = wanted->each(wanted->context, header.nfgen_family, message.body);
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
        netlink_put_string(&request, NFTA_TABLE_NAME, table); /* of rules, sets ... as well */
    netlink_end(&request, at);
    int error = netlink_request(netlink, &request, reply);
    buf_free(&request);
    return error;
}

_Static_assert(NFTA_TABLE_NAME == 1 && NFTA_RULE_TABLE == 1 && NFTA_SET_TABLE == 1 &&
                   NFTA_OBJ_TABLE == 1 && NFTA_FLOWTABLE_TABLE == 1,
               "ask() names the table for all");

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
        else if (attribute.type == NFTA_TABLE_USERDATA || attribute.type == NFTA_TABLE_OWNER)
            table->extra = true;
    }
    return error;
}

/* What one walk over the system's objects keeps and shows. */
struct reader {
    uint8_t family;
    const char *name;
    struct nft_table *table;
    const struct nft_visitor *others; /* NULL: the table alone */
    struct nft_rule rule;             /* too large for the stack of every call */
};

static bool is_own(const struct reader *reader, uint8_t family, const char *table)
{
    return family == reader->family && str_equal(table, reader->name);
}

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
    struct reader *reader = context;
    struct nft_hook hook = {.family = family};
    int error = nft_chain_read(attributes, hook.table, &hook.chain);
    if (error)
        return error;
    if (is_own(reader, family, hook.table))
        return keep_chain(reader->table, &hook.chain);
    return reader->others ? reader->others->chain(reader->others->context, &hook) : 0;
}

static int keep_set(struct nft_table *table, const struct nft_set *set)
{
    void *list = table->sets;
    struct nft_set *place = grow(&list, &table->set_count, &table->set_capacity, sizeof(*set));
    table->sets = list;
    if (!place)
        return -ENOMEM;
    *place = *set;
    return 0;
}

/* A kernel that knows no filter for dumps sends every table's. */
static int each_set(void *context, uint8_t family, struct netlink_bytes attributes)
{
    struct reader *reader = context;
    struct nft_set set;
    char table[NFT_NAME_SIZE];
    int error = nft_set_read(attributes, table, &set);
    if (error || !is_own(reader, family, table))
        return error;
    return keep_set(reader->table, &set);
}

/* Objects and flow tables have table and name by the same numbers. */
_Static_assert((int)NFTA_OBJ_TABLE == (int)NFTA_FLOWTABLE_TABLE &&
                   (int)NFTA_OBJ_NAME == (int)NFTA_FLOWTABLE_NAME,
               "each_other() reads both");

static int each_other(struct reader *reader, uint8_t family, struct netlink_bytes rest,
                      const char *kind)
{
    struct nft_object object = {.kind = kind};
    struct nft_table *table = reader->table;
    struct netlink_attribute attribute;
    char of[NFT_NAME_SIZE] = "";
    int more;
    while ((more = netlink_next_attribute(&rest, &attribute)) > 0) {
        if (attribute.type == NFTA_OBJ_TABLE)
            netlink_name(attribute.value, of, sizeof(of));
        else if (attribute.type == NFTA_OBJ_NAME)
            netlink_name(attribute.value, object.name, sizeof(object.name));
    }
    if (more < 0 || !is_own(reader, family, of))
        return more;
    void *list = table->object;
    struct nft_object *place =
        grow(&list, &table->object_count, &table->object_capacity, sizeof(object));
    table->object = list;
    if (!place)
        return -ENOMEM;
    *place = object;
    return 0;
}

static int each_object(void *context, uint8_t family, struct netlink_bytes attributes)
{
    return each_other(context, family, attributes, "object");
}

static int each_flow_table(void *context, uint8_t family, struct netlink_bytes attributes)
{
    return each_other(context, family, attributes, "flow table");
}

static int keep_rule(struct nft_table *table, const struct nft_rule *rule)
{
    void *list = table->rules;
    struct nft_rule *place = grow(&list, &table->rule_count, &table->rule_capacity, sizeof(*rule));
    table->rules = list;
    if (!place)
        return -ENOMEM;
    *place = *rule;
    return 0;
}

static int each_rule(void *context, uint8_t family, struct netlink_bytes attributes)
{
    struct reader *reader = context;
    char table[NFT_NAME_SIZE];
    int error = nft_rule_read(attributes, table, &reader->rule);
    if (error)
        return error;
    if (is_own(reader, family, table))
        return keep_rule(reader->table, &reader->rule);
    if (!reader->others)
        return 0;
    return reader->others->rule(reader->others->context, family, table, &reader->rule);
}

static int tell(struct netlink *netlink, int error)
{
    if (error == -EBADMSG)
        (void)str_copy(netlink->why, sizeof(netlink->why), "the kernel's reply is malformed");
    else if (error == -ENOMEM)
        (void)str_copy(netlink->why, sizeof(netlink->why), "out of memory");
    return error;
}

static int read_table(struct netlink *netlink, const struct reader *reader, struct buf *reply)
{
    int error = ask(netlink, reply, reader->family, NFT_MSG_GETTABLE, NLM_F_ACK, reader->name);
    if (error == -ENOENT)
        return 0;
    if (error)
        return error;
    return tell(netlink, read_messages(
                             reply, &(struct wanted){NFT_MSG_NEWTABLE, each_table, reader->table}));
}

/* One dump: of every table's objects, or of the reader's table alone. */
struct dump {
    unsigned ask, message;
    int (*each)(void *context, uint8_t family, struct netlink_bytes attributes);
    bool whole;
};

static int read_dump(struct netlink *netlink, struct reader *reader, const struct dump *dump,
                     struct buf *reply)
{
    int error = ask(netlink, reply, dump->whole ? NFPROTO_UNSPEC : reader->family, dump->ask,
                    NLM_F_DUMP, dump->whole ? NULL : reader->name);
    if (error)
        return error;
    return tell(netlink, read_messages(reply, &(struct wanted){dump->message, dump->each, reader}));
}

static int read_all(struct netlink *netlink, struct reader *reader, const struct dump *dumps,
                    size_t count)
{
    struct buf reply = {0};
    *reader->table = (struct nft_table){0};
    int error = read_table(netlink, reader, &reply);
    for (size_t i = 0; error == 0 && i < count; i++)
        if (reader->table->exists || dumps[i].whole)
            error = read_dump(netlink, reader, &dumps[i], &reply);
    buf_free(&reply);
    return error;
}

int nft_read(struct netlink *netlink, uint8_t family, const char *name, struct nft_table *table,
             const struct nft_visitor *others)
{
    struct reader reader = {.family = family, .name = name, .table = table, .others = others};
    const struct dump dumps[] = {
        {NFT_MSG_GETCHAIN, NFT_MSG_NEWCHAIN, each_chain, true},
        {NFT_MSG_GETSET, NFT_MSG_NEWSET, each_set, false},
        {NFT_MSG_GETOBJ, NFT_MSG_NEWOBJ, each_object, false},
        {NFT_MSG_GETFLOWTABLE, NFT_MSG_NEWFLOWTABLE, each_flow_table, false},
        {NFT_MSG_GETRULE, NFT_MSG_NEWRULE, each_rule, others != NULL},
    };
    return read_all(netlink, &reader, dumps, countof(dumps));
}

int nft_read_chains(struct netlink *netlink, uint8_t family, const char *name,
                    struct nft_table *table)
{
    struct reader reader = {.family = family, .name = name, .table = table};
    return read_all(netlink, &reader,
                    &(struct dump){NFT_MSG_GETCHAIN, NFT_MSG_NEWCHAIN, each_chain, .whole = true},
                    1);
}
