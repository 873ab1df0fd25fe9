/* Loading base-deny. */
#include "firewall/base_deny.h"

#include "base/log.h"
#include "firewall/compile.h"
#include "firewall/load.h"
#include "firewall/match.h"

#include <linux/netfilter.h>
#include <linux/netlink.h>
#include <string.h>

#define TABLE_TEXT "table inet " FIREWALL_TABLE

/* Whatever its rules: a table whose input and forward chains drop what they do not accept. */
static bool stands(const struct firewall_ruleset *base, const struct nft_table *table)
{
    if (!table->exists || table->flags)
        return false;
    for (size_t i = 0; i < base->chain_count; i++) {
        const struct nft_chain *chain = firewall_find_chain(table, base->chains[i].name);
        if (!chain || !nft_chain_equal(chain, &base->chains[i]))
            return false;
    }
    return true;
}

static int load_over(struct netlink *netlink, const struct firewall_ruleset *base)
{
    struct nft_table table = {0};
    const char *refused = NULL;
    int error = nft_read(netlink, NFPROTO_INET, FIREWALL_TABLE, &table, NULL);
    if (error == 0)
        error = firewall_load(netlink, base, &table, &refused);
    nft_table_free(&table);
    return error;
}

/* The chains alone are asked for first: most often they stand. */
static int load_where_missing(const struct firewall_ruleset *base)
{
    struct netlink netlink = {0};
    struct nft_table table = {0};
    int error = netlink_open(&netlink, NETLINK_NETFILTER);
    if (error == 0)
        error = nft_read_chains(&netlink, NFPROTO_INET, FIREWALL_TABLE, &table);
    if (error == 0 && !stands(base, &table))
        error = load_over(&netlink, base);
    if (error)
        log_error("cannot load the base-deny " TABLE_TEXT ": %s", netlink.why);
    nft_table_free(&table);
    netlink_close(&netlink);
    return error;
}

int firewall_load_base_deny(void)
{
    struct firewall_ruleset base;
    int error = firewall_compile_base_deny(&base);
    if (error)
        log_error("cannot make the base-deny " TABLE_TEXT ": %s", strerror(-error));
    else
        error = load_where_missing(&base);
    firewall_ruleset_free(&base);
    return error;
}
