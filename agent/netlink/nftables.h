/*
 * nf_tables over netlink: a table with its chains and rules as structs, written to the kernel in
 * one transaction and read back into the same structs. It knows the kernel's objects and no policy.
 *
 * Functions return 0 or a negative errno, with the reason in netlink->why.
 * Source: linux/netfilter/nf_tables.h, and nft(8) for the meaning.
 */
#ifndef HOLDFAST_NETLINK_NFTABLES_H
#define HOLDFAST_NETLINK_NFTABLES_H

#include "netlink/message.h"
#include "netlink/nft_expression.h"
#include "netlink/socket.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { NFT_EXPRESSIONS_MAX = 16, NFT_TYPE_SIZE = 16, NFT_CHAINS_MAX = 16 };

struct nft_rule {
    char chain[NFT_NAME_SIZE];
    uint64_t handle; /* the kernel's number for it, never compared */
    bool extra;      /* more than chain and expressions: a comment, say */
    size_t count;
    struct nft_expression list[NFT_EXPRESSIONS_MAX];
};

/* A base chain hooks into netfilter; any other is only jumped to, and its last four are 0. */
struct nft_chain {
    char name[NFT_NAME_SIZE];
    bool base;
    char type[NFT_TYPE_SIZE]; /* "filter", "nat", "route" */
    uint32_t hook;            /* NF_INET_LOCAL_IN, ... */
    int32_t priority;
    uint32_t policy; /* NF_ACCEPT or NF_DROP */
    uint64_t handle; /* the kernel's number for it, never compared */
    bool extra;      /* more than the above: a comment, flags, counters */
};

/* A set that rules fill. One with NFT_SET_ANONYMOUS belongs to its rule: nft(8)'s meter. */
struct nft_set {
    char name[NFT_NAME_SIZE];
    uint32_t flags;    /* NFT_SET_EVAL, ... */
    uint32_t key_type; /* nft(8)'s number, for its print */
    uint32_t key_size; /* bytes */
    uint32_t size;     /* elements at the most */
    uint64_t timeout_ms;
    bool extra; /* more than the above: a comment, data, expressions of all elements */
};

/* A whole table as it should be: all borrowed. */
struct nft_ruleset {
    uint8_t family; /* NFPROTO_INET, ... */
    const char *table;
    const struct nft_chain *const *chains; /* in the order in which they are made */
    size_t chain_count;
    const struct nft_set *const *sets;
    size_t set_count;
    const struct nft_rule *const *rules; /* each chain's in their order */
    size_t rule_count;
};

enum nft_load {
    NFT_CREATE, /* there must be no table of that name yet: -EEXIST */
    NFT_EXTEND, /* chains and rules are added to the table that stands */
    NFT_REPLACE /* it takes the place of whatever has its name */
};

/* Loads chains, sets and rules in one transaction: at each instant either the old or the new rules
 * are complete. `failed_rule` is the index of the rule that the kernel refused, or rule_count when
 * it was none of them. */
int nft_load(struct netlink *netlink, const struct nft_ruleset *ruleset, enum nft_load how,
             size_t *failed_rule);

/* What else a table may hold. */
struct nft_object {
    const char *kind; /* "object" (counters, quotas, ...) or "flow table" */
    char name[NFT_NAME_SIZE];
};

/* A table as it is. Zeroed: empty. */
struct nft_table {
    bool exists;
    uint32_t flags;           /* NFT_TABLE_F_DORMANT, ... */
    bool extra;               /* it has a comment or an owner */
    uint32_t objects;         /* chains, sets, maps, flow tables and stateful objects in it */
    struct nft_chain *chains; /* in the order in which they were made */
    size_t chain_count, chain_capacity;
    struct nft_set *sets;
    size_t set_count, set_capacity;
    struct nft_object *object;
    size_t object_count, object_capacity;
    struct nft_rule *rules; /* chain by chain, each chain's in their order */
    size_t rule_count, rule_capacity;
};

void nft_table_free(struct nft_table *table);

/* A chain of any table. */
struct nft_hook {
    uint8_t family;
    char table[NFT_NAME_SIZE];
    struct nft_chain chain;
};

/* Called for every chain, and then for every rule, of every other table; a negative return ends
 * the walk. */
struct nft_visitor {
    int (*chain)(void *context, const struct nft_hook *hook);
    int (*rule)(void *context, uint8_t family, const char *table, const struct nft_rule *rule);
    void *context;
};

/* Reads the table `name` whole, and shows `others` (may be NULL) the rest of the system: one dump
 * of chains, one of rules. A table that is not there is no error. */
int nft_read(struct netlink *netlink, uint8_t family, const char *name, struct nft_table *table,
             const struct nft_visitor *others);

/* Reads the table `name` with its chains, without rules and sets. */
int nft_read_chains(struct netlink *netlink, uint8_t family, const char *name,
                    struct nft_table *table);

bool nft_rule_equal(const struct nft_rule *a, const struct nft_rule *b);
bool nft_chain_equal(const struct nft_chain *a, const struct nft_chain *b);
bool nft_set_equal(const struct nft_set *a, const struct nft_set *b);

/* Readable forms: "[ meta key iifname dreg 1 ] [ ... ]", and a chain's line as nft(8) has it:
 * "type filter hook input priority 0; policy drop;" ("regular" for one that hooks nowhere). */
void nft_rule_print(const struct nft_rule *rule, struct buf *out);
void nft_chain_print(const struct nft_chain *chain, struct buf *out);
const char *nft_hook_name(uint8_t family, uint32_t hook);
const char *nft_family_name(uint8_t family);

/* --- the decoder alone, for tests: one message's attributes --- */

int nft_rule_read(struct netlink_bytes attributes, char table[NFT_NAME_SIZE],
                  struct nft_rule *rule);
int nft_chain_read(struct netlink_bytes attributes, char table[NFT_NAME_SIZE],
                   struct nft_chain *chain);
int nft_set_read(struct netlink_bytes attributes, char table[NFT_NAME_SIZE], struct nft_set *set);
void nft_rule_put(struct buf *buf, const char *table, const struct nft_rule *rule);

#endif
