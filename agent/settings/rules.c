/* The rules across settings, as data, and the few relations that they are made of. */
#include "settings/rules.h"

#include "base/str.h"
#include "settings/address.h"
#include "settings/value.h"

#include <string.h>

/* What a rule demands: of its setting's number and those of the others, or of their texts. */
struct relation {
    bool (*holds)(unsigned number, const unsigned other[RULE_OTHERS_MAX]);
    size_t takes;    /* how many others */
    const char *why; /* printed between the setting's value and the others' names */
    bool (*agrees)(const struct settings *settings, enum setting_key key,
                   const enum setting_key other[RULE_OTHERS_MAX]); /* in place of `holds` */
};

static const unsigned reserved_ports[] = {22, 80, 161, 443, 500, 1719, 1720, 1935};

static bool is_free(unsigned number, const unsigned other[RULE_OTHERS_MAX])
{
    (void)other;
    for (size_t i = 0; i < countof(reserved_ports); i++) {
        if (reserved_ports[i] == number)
            return false;
    }
    return true;
}

static bool differs(unsigned number, const unsigned other[RULE_OTHERS_MAX])
{
    return number != other[0];
}

/* 0 is no limit. */
static bool is_within_limit(unsigned number, const unsigned other[RULE_OTHERS_MAX])
{
    return other[0] == 0 || number <= other[0];
}

static bool is_outside(unsigned number, const unsigned other[RULE_OTHERS_MAX])
{
    return number < other[0] || number > other[1];
}

static bool is_above(unsigned number, const unsigned other[RULE_OTHERS_MAX])
{
    return number > other[0];
}

enum { MEDIA_PORTS_LEAST = 100 };

static bool has_media_ports(unsigned number, const unsigned other[RULE_OTHERS_MAX])
{
    return number >= other[0] + (MEDIA_PORTS_LEAST - 1);
}

/* other: the end of this range, then start and end of the other one. */
static bool is_apart(unsigned number, const unsigned other[RULE_OTHERS_MAX])
{
    return other[0] < other[1] || number > other[2];
}

/* --- addresses --- */

/* The next of the node's addresses, with its network. */
static bool next_network(const struct settings *settings, enum setting_key key, size_t *cursor,
                         struct address *address, unsigned *prefix)
{
    char item[SETTING_ITEM_SIZE];
    return settings_item(settings, key, cursor, item) &&
           address_parse_network(item, address, prefix);
}

static bool equal(const struct address *a, const struct address *b)
{
    return address_is_in(a, b, b->bits);
}

/* fe80::/10 (RFC 4291, 2.5.6) is on every link, whatever the node's addresses. */
static bool is_link_local(const struct address *address)
{
    return address->bits == 128 && address->byte[0] == 0xfe && (address->byte[1] & 0xc0) == 0x80;
}

/* Router advertisements give it networks that no setting names. */
static bool learns_networks(const struct settings *settings, const struct address *router)
{
    return router->bits == 128 && settings_bool(settings, NET_IPV6_AUTOCONFIGURATION);
}

static bool is_reachable(const struct settings *settings, enum setting_key key,
                         const enum setting_key other[RULE_OTHERS_MAX])
{
    struct address router, network;
    unsigned prefix;
    if (!address_parse(settings_text(settings, key), &router) || is_link_local(&router) ||
        learns_networks(settings, &router))
        return true;
    for (size_t at = 0; next_network(settings, other[0], &at, &network, &prefix);)
        if (address_is_in(&router, &network, prefix))
            return true;
    return false;
}

static bool is_another(const struct settings *settings, enum setting_key key,
                       const enum setting_key other[RULE_OTHERS_MAX])
{
    struct address router, own;
    unsigned prefix;
    if (!address_parse(settings_text(settings, key), &router))
        return true;
    for (size_t at = 0; next_network(settings, other[0], &at, &own, &prefix);)
        if (equal(&router, &own))
            return false;
    return true;
}

static bool is_host(const struct settings *settings, enum setting_key key,
                    const enum setting_key other[RULE_OTHERS_MAX])
{
    struct address router, network;
    unsigned prefix;
    if (!address_parse(settings_text(settings, key), &router))
        return true;
    for (size_t at = 0; next_network(settings, other[0], &at, &network, &prefix);)
        if (address_is_in(&router, &network, prefix) && !address_is_host(&router, prefix))
            return false;
    return true;
}

/* Items that are the same to the letter are refused as such; here one address has two networks. */
static bool is_once(const struct settings *settings, enum setting_key key,
                    const enum setting_key other[RULE_OTHERS_MAX])
{
    struct address one, another;
    unsigned prefix;
    (void)other;
    for (size_t at = 0; next_network(settings, key, &at, &one, &prefix);)
        for (size_t next = at; next_network(settings, key, &next, &another, &prefix);)
            if (equal(&one, &another))
                return false;
    return true;
}

/* Where the node has no addresses by its settings, others decide over them. */
static bool is_own(const struct settings *settings, enum setting_key key,
                   const enum setting_key other[RULE_OTHERS_MAX])
{
    static const char every[] = "::|0.0.0.0|::1";
    struct address address, own;
    unsigned prefix;
    bool any = false;
    if (value_is_word(every, settings_text(settings, key)) ||
        !address_parse(settings_text(settings, key), &address) ||
        (address.bits == 32 && address.byte[0] == 127))
        return true;
    enum setting_key addresses = other[address.bits == 32 ? 0 : 1];
    for (size_t at = 0; next_network(settings, addresses, &at, &own, &prefix); any = true)
        if (equal(&address, &own))
            return true;
    return !any;
}

static const struct relation free_port = {is_free, 0, "is the port of another service", NULL};
static const struct relation different = {differs, 1, "is also that of", NULL};
static const struct relation within_limit = {is_within_limit, 1, "exceeds", NULL};
static const struct relation outside = {is_outside, 2, "lies in the range from", NULL};
static const struct relation above = {is_above, 1, "is not above", NULL};
static const struct relation media_ports = {has_media_ports, 1, "leaves fewer than 100 ports from",
                                            NULL};
static const struct relation apart = {is_apart, 3, "begins a range that overlaps another; see",
                                      NULL};
static const struct relation reachable = {NULL, 1, "is a router outside every network of",
                                          is_reachable};
static const struct relation another = {NULL, 1, "is the node itself, not a router; see",
                                        is_another};
static const struct relation host = {NULL, 1, "is not a host's address in a network of", is_host};
static const struct relation once = {NULL, 0, "has an address twice", is_once};
static const struct relation own = {NULL, 2, "is not an address of the node; see", is_own};

#define SIGNALING GLOBAL_SIGNALING_PORT_START, GLOBAL_SIGNALING_PORT_END
#define MEDIA     GLOBAL_MEDIA_PORT_START, GLOBAL_MEDIA_PORT_END

static const struct rule {
    enum setting_key key;
    const struct relation *relation;
    enum setting_key other[RULE_OTHERS_MAX];
} rules[] = {
    {SIP_UDP_PORT, &free_port, {0}},
    {SIP_TCP_PORT, &free_port, {0}},
    {SIP_TLS_PORT, &free_port, {0}},
    {HEALTH_PORT, &free_port, {0}},
    {SIP_TLS_PORT, &different, {SIP_TCP_PORT}},
    {SIP_UDP_PORT, &different, {HEALTH_PORT}},
    {SIP_TCP_PORT, &different, {HEALTH_PORT}},
    {SIP_TLS_PORT, &different, {HEALTH_PORT}},
    {SIP_UDP_PORT, &outside, {SIGNALING}},
    {SIP_TCP_PORT, &outside, {SIGNALING}},
    {SIP_TLS_PORT, &outside, {SIGNALING}},
    {HEALTH_PORT, &outside, {SIGNALING}},
    {SIP_UDP_PORT, &outside, {MEDIA}},
    {SIP_TCP_PORT, &outside, {MEDIA}},
    {SIP_TLS_PORT, &outside, {MEDIA}},
    {HEALTH_PORT, &outside, {MEDIA}},
    {WEB_MAX_SESSIONS_PER_USER, &within_limit, {WEB_MAX_SESSIONS}},
    {GLOBAL_SIGNALING_PORT_END, &above, {GLOBAL_SIGNALING_PORT_START}},
    {GLOBAL_MEDIA_PORT_END, &media_ports, {GLOBAL_MEDIA_PORT_START}},
    {GLOBAL_MEDIA_PORT_START, &apart, {GLOBAL_MEDIA_PORT_END, SIGNALING}},
    {NODE_ADDRESS, &once, {0}},
    {NODE_ADDRESS6, &once, {0}},
    {NODE_GATEWAY, &reachable, {NODE_ADDRESS}},
    {NODE_GATEWAY, &another, {NODE_ADDRESS}},
    {NODE_GATEWAY, &host, {NODE_ADDRESS}},
    {NODE_GATEWAY6, &reachable, {NODE_ADDRESS6}},
    {NODE_GATEWAY6, &another, {NODE_ADDRESS6}},
    {HEALTH_ADDRESS, &own, {NODE_ADDRESS, NODE_ADDRESS6}},
};

size_t rules_count(void)
{
    return countof(rules);
}

enum setting_key rule_key(size_t rule)
{
    return rules[rule].key;
}

enum setting_key rule_other(size_t rule, size_t index)
{
    return index < rules[rule].relation->takes ? rules[rule].other[index] : SETTING_NONE;
}

static void tell(const struct rule *rule, const struct settings *settings, struct buf *why)
{
    setting_show(settings, rule->key, why);
    buf_printf(why, " %s", rule->relation->why);
    for (size_t i = 0; i < rule->relation->takes; i++) {
        struct buf value = {0};
        setting_show(settings, rule->other[i], &value);
        bool bare = buf_text(&value)[0] != '('; /* "(not set)" has its own */
        buf_printf(why, "%s %s %s%s%s", i ? "," : "", setting_table[rule->other[i]].name,
                   bare ? "(" : "", buf_text(&value), bare ? ")" : "");
        buf_free(&value);
    }
}

static bool numbers_hold(const struct rule *rule, const struct settings *settings)
{
    unsigned other[RULE_OTHERS_MAX] = {0};
    for (size_t i = 0; i < rule->relation->takes; i++)
        other[i] = settings_uint(settings, rule->other[i]);
    return rule->relation->holds(settings_uint(settings, rule->key), other);
}

bool rule_holds(size_t index, const struct settings *settings, struct buf *why)
{
    const struct rule *rule = &rules[index];
    bool holds = rule->relation->agrees ? rule->relation->agrees(settings, rule->key, rule->other)
                                        : numbers_hold(rule, settings);
    if (!holds)
        tell(rule, settings, why);
    return holds;
}

size_t settings_check(const struct settings *settings, struct buf *faults)
{
    size_t broken = 0;
    for (size_t rule = 0; rule < countof(rules); rule++) {
        struct buf why = {0};
        if (!rule_holds(rule, settings, &why)) {
            buf_printf(faults, "%s: %s\n", setting_table[rules[rule].key].name, buf_text(&why));
            broken++;
        }
        buf_free(&why);
    }
    return broken;
}
