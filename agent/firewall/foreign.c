/* What the chains of other tables do to packets, by their policies and rules. */
#include "firewall/foreign.h"

#include "base/file.h"
#include "base/str.h"

#include <errno.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <stdlib.h>
#include <string.h>

enum { NAMED_BYTES = 2000 }; /* for a report that can still be read */

enum effect {
    EFFECT_POLICY_ACCEPT = 1,
    EFFECT_POLICY_DROP = 2,
    EFFECT_ACCEPTS = 4,
    EFFECT_DROPS = 8,
    EFFECT_REWRITES = 16,
    EFFECT_UNTRACKS = 32,
    EFFECT_DIVERTS = 64,
    EFFECT_UNKNOWN = 128
};

struct firewall_foreign_chain {
    struct nft_hook hook;
    unsigned effects;
    char unknown[NFT_NAME_SIZE]; /* the first expression that we do not know */
};

/* --- chains --- */

/* Where Holdfast's own chains drop what they do not accept. */
static bool is_closed_hook(const struct nft_hook *hook)
{
    return (hook->family == NFPROTO_INET || hook->family == NFPROTO_IPV4 ||
            hook->family == NFPROTO_IPV6) &&
           (hook->chain.hook == NF_INET_LOCAL_IN || hook->chain.hook == NF_INET_FORWARD);
}

static unsigned chain_effects(const struct nft_hook *hook)
{
    if (!hook->chain.base)
        return 0;
    unsigned effects = str_equal(hook->chain.type, "nat") ? EFFECT_REWRITES : 0;
    if (hook->chain.policy == NF_DROP)
        effects |= EFFECT_POLICY_DROP;
    else if (is_closed_hook(hook))
        effects |= EFFECT_POLICY_ACCEPT;
    return effects;
}

static int visit_chain(void *context, const struct nft_hook *hook)
{
    enum { FIRST = 8 };
    struct firewall_foreign *foreign = context;
    if (foreign->count == foreign->capacity) {
        size_t capacity = foreign->capacity ? foreign->capacity * 2 : FIRST;
        struct firewall_foreign_chain *chains =
            realloc(foreign->chains, capacity * sizeof(*chains));
        if (!chains)
            return -ENOMEM;
        foreign->chains = chains;
        foreign->capacity = capacity;
    }
    foreign->chains[foreign->count++] =
        (struct firewall_foreign_chain){.hook = *hook, .effects = chain_effects(hook)};
    return 0;
}

/* --- rules --- */

static unsigned verdict_effect(int32_t code)
{
    switch (code) {
    case NFT_CONTINUE:
    case NFT_BREAK:
    case NFT_RETURN:
    case NFT_JUMP:
    case NFT_GOTO: /* the rules of the chain that it leads to are judged for themselves */
        return 0;
    case NF_ACCEPT:
        return EFFECT_ACCEPTS;
    case NF_DROP:
        return EFFECT_DROPS;
    default:
        return EFFECT_DIVERTS; /* to a queue */
    }
}

/* What we know by name alone; the rest may do anything. */
static unsigned unknown_effect(const char *name)
{
    static const struct {
        const char *name;
        enum effect effect;
    } names[] = {
        {"nat", EFFECT_REWRITES},   {"masq", EFFECT_REWRITES},    {"redir", EFFECT_REWRITES},
        {"tproxy", EFFECT_DIVERTS}, {"fwd", EFFECT_DIVERTS},      {"dup", EFFECT_DIVERTS},
        {"queue", EFFECT_DIVERTS},  {"synproxy", EFFECT_DIVERTS},
    };
    for (size_t i = 0; i < countof(names); i++)
        if (str_equal(names[i].name, name))
            return names[i].effect;
    return EFFECT_UNKNOWN;
}

/* Zero: it compares, loads, counts or limits. */
static unsigned expression_effect(const struct nft_expression *expression)
{
    switch (expression->kind) {
    case NFT_UNKNOWN:
        return unknown_effect(expression->unknown);
    case NFT_META:
        return expression->meta.sreg ? EFFECT_REWRITES : 0;
    case NFT_PAYLOAD:
        return expression->payload.sreg ? EFFECT_REWRITES : 0;
    case NFT_CT:
        return expression->ct.sreg ? EFFECT_REWRITES : 0;
    case NFT_REJECT:
        return EFFECT_DROPS;
    case NFT_NOTRACK:
        return EFFECT_UNTRACKS;
    case NFT_IMMEDIATE:
        return verdict_effect(expression->immediate.verdict.code);
    case NFT_CMP:
    case NFT_BITWISE:
    case NFT_CONNLIMIT:
    case NFT_LIMIT:
    case NFT_COUNTER:
    case NFT_LOAD:
    case NFT_DYNSET:
        return 0;
    case NFT_KINDS:
        break;
    }
    return EFFECT_UNKNOWN;
}

static bool is_chain_of(const struct firewall_foreign_chain *chain, uint8_t family,
                        const char *table, const char *name)
{
    return chain->hook.family == family && str_equal(chain->hook.chain.name, name) &&
           str_equal(chain->hook.table, table);
}

/* Rules come chain by chain: the last one found is likely to be meant again. */
static struct firewall_foreign_chain *find_chain(struct firewall_foreign *foreign, uint8_t family,
                                                 const char *table, const char *name)
{
    for (size_t i = 0; i < foreign->count; i++) {
        size_t at = (foreign->last + i) % foreign->count;
        if (is_chain_of(&foreign->chains[at], family, table, name)) {
            foreign->last = at;
            return &foreign->chains[at];
        }
    }
    return NULL;
}

static int visit_rule(void *context, uint8_t family, const char *table, const struct nft_rule *rule)
{
    struct firewall_foreign *foreign = context;
    struct firewall_foreign_chain *chain = find_chain(foreign, family, table, rule->chain);
    if (!chain) /* it came between the two dumps: the next walk sees both */
        return 0;
    for (size_t i = 0; i < rule->count; i++) {
        unsigned effect = expression_effect(&rule->list[i]);
        if (effect == EFFECT_UNKNOWN && !(chain->effects & EFFECT_UNKNOWN))
            (void)str_copy(chain->unknown, sizeof(chain->unknown), rule->list[i].unknown);
        chain->effects |= effect;
    }
    return 0;
}

struct nft_visitor firewall_foreign_visitor(struct firewall_foreign *foreign)
{
    return (struct nft_visitor){visit_chain, visit_rule, foreign};
}

/* --- names --- */

/* Between the names. */
static const char *comma(const struct firewall_foreign *foreign)
{
    return foreign->names.length ? ", " : "";
}

static void name_chain(struct firewall_foreign *foreign, const struct firewall_foreign_chain *chain)
{
    static const struct {
        enum effect effect;
        const char *words;
    } effects[] = {
        {EFFECT_POLICY_ACCEPT, "policy accept"},
        {EFFECT_POLICY_DROP, "policy drop"},
        {EFFECT_ACCEPTS, "accepts"},
        {EFFECT_DROPS, "drops"},
        {EFFECT_REWRITES, "rewrites"},
        {EFFECT_UNTRACKS, "untracks"},
        {EFFECT_DIVERTS, "diverts"},
    };
    const struct nft_hook *hook = &chain->hook;
    const char *separator = ": ";
    buf_printf(&foreign->names, "%s%s %s %s (%s", comma(foreign), nft_family_name(hook->family),
               hook->table, hook->chain.name,
               hook->chain.base ? nft_hook_name(hook->family, hook->chain.hook) : "regular");
    for (size_t i = 0; i < countof(effects); i++) {
        if (!(chain->effects & (unsigned)effects[i].effect))
            continue;
        buf_printf(&foreign->names, "%s%s", separator, effects[i].words);
        separator = ", ";
    }
    if (chain->effects & EFFECT_UNKNOWN)
        buf_printf(&foreign->names, "%sunknown %s", separator, chain->unknown);
    buf_putc(&foreign->names, ')');
}

void firewall_foreign_name(struct firewall_foreign *foreign)
{
    size_t unnamed = 0;
    for (size_t i = 0; i < foreign->count; i++) {
        if (!foreign->chains[i].effects)
            continue;
        if (foreign->names.length > NAMED_BYTES)
            unnamed++;
        else
            name_chain(foreign, &foreign->chains[i]);
    }
    if (unnamed)
        buf_printf(&foreign->names, " and %zu chains more", unnamed);
}

void firewall_foreign_free(struct firewall_foreign *foreign)
{
    free(foreign->chains);
    buf_free(&foreign->names);
    *foreign = (struct firewall_foreign){0};
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
    name_legacy(foreign, "arp", "/proc/net/arp_tables_names");
}
