/* Which base chains of other tables accept, rewrite or forward what comes in. */
#include "domain/firewall_foreign.h"

#include "base/file.h"
#include "base/str.h"

#include <errno.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <string.h>

enum stage { STAGE_NONE, STAGE_INGRESS, STAGE_PREROUTING, STAGE_INPUT };

/* ARP and bridged frames are not what listeners receive. */
static enum stage stage_of(const struct nft_hook *hook)
{
    bool ip = hook->family == NFPROTO_INET || hook->family == NFPROTO_IPV4 ||
              hook->family == NFPROTO_IPV6;
    if (hook->family == NFPROTO_NETDEV && hook->chain.hook == NF_NETDEV_INGRESS)
        return STAGE_INGRESS;
    if (!ip)
        return STAGE_NONE;
    switch (hook->chain.hook) {
    case NF_INET_LOCAL_IN:
        return STAGE_INPUT;
    case NF_INET_PRE_ROUTING:
        return STAGE_PREROUTING;
    case NF_INET_INGRESS:
        return hook->family == NFPROTO_INET ? STAGE_INGRESS : STAGE_NONE;
    default:
        return STAGE_NONE;
    }
}

struct search {
    const char *chain;
    bool accepts;
};

/* What leads on to another chain or is unknown may accept. */
static bool may_accept(const struct nft_expression *expression)
{
    if (expression->kind == NFT_UNKNOWN)
        return true;
    if (expression->kind != NFT_IMMEDIATE)
        return false;
    int32_t code = expression->immediate.verdict.code;
    return code != NF_DROP && code != NFT_CONTINUE && code != NFT_BREAK && code != NFT_RETURN;
}

static int look(void *context, const struct nft_rule *rule)
{
    struct search *search = context;
    if (str_equal(rule->chain, search->chain))
        for (size_t i = 0; i < rule->count; i++)
            search->accepts |= may_accept(&rule->list[i]);
    return 0;
}

/* A chain that cannot be read is taken for one that accepts. */
static bool rules_accept(const struct firewall_foreign *foreign, const struct nft_hook *hook)
{
    struct search search = {.chain = hook->chain.name};
    return nft_each_rule(foreign->netlink, hook->family, hook->table, look, &search) < 0 ||
           search.accepts;
}

/* Why the chain is named, or NULL. */
static const char *fault_of(const struct firewall_foreign *foreign, const struct nft_hook *hook)
{
    enum stage stage = stage_of(hook);
    if (stage == STAGE_PREROUTING)
        return str_equal(hook->chain.type, "nat") ? "rewrites addresses" : NULL;
    if (stage == STAGE_INPUT && hook->chain.policy == NF_ACCEPT)
        return "policy accept";
    if (stage != STAGE_NONE && rules_accept(foreign, hook))
        return "has rules that may accept";
    return NULL;
}

/* Between the names. */
static const char *comma(const struct firewall_foreign *foreign)
{
    return foreign->names.length ? ", " : "";
}

int firewall_foreign_visit(void *context, const struct nft_hook *hook)
{
    struct firewall_foreign *foreign = context;
    const char *fault = fault_of(foreign, hook);
    if (fault)
        buf_printf(&foreign->names, "%s%s %s %s (%s: %s)", comma(foreign),
                   nft_family_name(hook->family), hook->table, hook->chain.name,
                   nft_hook_name(hook->family, hook->chain.hook), fault);
    return buf_error(&foreign->names);
}

/* --- ip_tables --- */

enum { LEGACY_LIST_MAX = 4096 };

/* One file: a name a line. A kernel without ip_tables has none. */
static void name_legacy(struct firewall_foreign *foreign, const char *family, const char *path)
{
    struct buf list = {0};
    int error = file_read(path, LEGACY_LIST_MAX, &list);
    if (error && error != -ENOENT)
        buf_printf(&foreign->names, "%sip_tables (%s: %s)", comma(foreign), path, strerror(-error));
    const char *at = error ? "" : buf_text(&list);
    for (size_t length; (length = strcspn(at, "\n")) > 0; at += length + (at[length] != '\0'))
        buf_printf(&foreign->names, "%s%s %.*s (ip_tables)", comma(foreign), family, (int)length,
                   at);
    buf_free(&list);
}

void firewall_foreign_legacy(struct firewall_foreign *foreign)
{
    name_legacy(foreign, "ip", "/proc/net/ip_tables_names");
    name_legacy(foreign, "ip6", "/proc/net/ip6_tables_names");
}
