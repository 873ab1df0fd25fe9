/* What goes out: DSCP marks for the traffic of the listeners. */
#include "firewall/parts.h"

#include "base/str.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct mark {
    enum traffic traffic;
    const char *chain;
    enum setting_key value;
};

static bool has_traffic(const struct policy *policy, enum traffic traffic)
{
    for (size_t i = 0; i < policy->listener_count; i++)
        if (policy->listeners[i].traffic == traffic)
            return true;
    return false;
}

static void add_mark_chain(struct firewall_ruleset *ruleset, const struct mark *mark,
                           unsigned value)
{
    struct nft_chain chain = {.base = false};
    (void)str_copy(chain.name, sizeof(chain.name), mark->chain);
    firewall_add_chain(ruleset, chain);
    nft_statement_dscp(
        firewall_add_rule(
            ruleset, (struct firewall_head){mark->chain, "v4", "DSCP mark of IPv4", mark->value}),
        false, (uint8_t)value);
    nft_statement_dscp(
        firewall_add_rule(
            ruleset, (struct firewall_head){mark->chain, "v6", "DSCP mark of IPv6", mark->value}),
        true, (uint8_t)value);
}

static void add_marked(struct firewall_ruleset *ruleset, const struct listener *listener,
                       const struct mark *mark, bool udp, bool source)
{
    char id[FIREWALL_ID_SIZE];
    (void)snprintf(id, sizeof(id), "%s-%s-%s", listener->name, udp ? "udp" : "tcp",
                   source ? "from" : "to");
    struct nft_statement *words = firewall_add_rule(
        ruleset, (struct firewall_head){FIREWALL_OUTPUT, id, listener->title, mark->value});
    nft_statement_ports(words, udp, source, listener->first_port, listener->last_port);
    nft_statement_goto(words, mark->chain);
}

enum { MARK_MANAGEMENT = 2 }; /* its index */

/* Media first: it is most of what a node sends. */
static const struct mark marks[] = {
    {TRAFFIC_MEDIA, "mark_media", LOCATION_DSCP_MEDIA},
    {TRAFFIC_SIGNALING, "mark_signaling", LOCATION_DSCP_SIGNALING},
    {TRAFFIC_MANAGEMENT, "mark_management", GLOBAL_DSCP_MANAGEMENT},
};

static bool is_marked(const struct policy *policy, const struct mark *mark)
{
    return settings_uint(policy->settings, mark->value) && has_traffic(policy, mark->traffic);
}

/* The rules of one pass over all listeners: of single ports or of ranges, from or to them. */
static void add_pass(struct firewall_ruleset *ruleset, const struct policy *policy, bool single,
                     bool source)
{
    for (size_t m = 0; m < countof(marks); m++) {
        for (size_t i = 0; i < policy->listener_count && is_marked(policy, &marks[m]); i++) {
            const struct listener *listener = &policy->listeners[i];
            if (listener->traffic != marks[m].traffic ||
                single != (listener->first_port == listener->last_port))
                continue;
            if (listener->protocols & PROTOCOL_UDP)
                add_marked(ruleset, listener, &marks[m], true, source);
            if (listener->protocols & PROTOCOL_TCP)
                add_marked(ruleset, listener, &marks[m], false, source);
        }
    }
}

/* --- what the node itself sends for its management --- */

enum { OWN_MAX = 64 };

struct own_port {
    const char *name;
    bool udp;
    uint16_t port;
};

struct own_ports {
    struct own_port list[OWN_MAX];
    size_t count;
};

/* The ports that these services have everywhere (IANA's registry). */
static const struct own_port own_checks[] = {
    {"dns", true, 53},     {"dns", false, 53},     {"ntp", true, 123},
    {"syslog", true, 514}, {"syslog", false, 514}, {"syslog", false, 6514}, /* RFC 5425, 4.1 */
    {"ldap", false, 389},  {"ldap", false, 636},   {"ocsp", false, 80},
    {"snmp", true, 162}, /* notifications: RFC 3430, 2; RFC 3417, 3.2 */
};

/* Once each; beyond the room for them none is marked. */
static void own_add(struct own_ports *ports, struct own_port port)
{
    for (size_t i = 0; i < ports->count; i++)
        if (ports->list[i].udp == port.udp && ports->list[i].port == port.port)
            return;
    if (port.port && ports->count < OWN_MAX)
        ports->list[ports->count++] = port;
}

/* The number behind a word, 0 where there is none. */
static uint16_t number_behind(const char *text, const char *word)
{
    const char *at = strstr(text, word);
    return at ? (uint16_t)strtoul(at + strlen(word), NULL, 10) : 0;
}

/* "HOST port=PORT proto=PROTO", as the settings keep it. */
static void own_add_syslog(struct own_ports *ports, const struct policy *policy)
{
    char item[SETTING_ITEM_SIZE];
    size_t cursor = 0;
    while (settings_item(policy->settings, SYSLOG_SERVER, &cursor, item))
        own_add(ports, (struct own_port){"syslog", strstr(item, " proto=udp") != NULL,
                                         number_behind(item, " port=")});
}

/* "http://HOST:PORT/PATH"; an IPv6 address stands in brackets (RFC 3986, 3.2.2). */
static void own_add_ocsp(struct own_ports *ports, const struct policy *policy)
{
    const char *host = strstr(settings_text(policy->settings, GLOBAL_OCSP_RESPONDER_URL), "://");
    if (!host)
        return;
    host += strlen("://");
    host += *host == '[' ? strcspn(host, "]") : 0;
    host += strcspn(host, ":/?#");
    if (*host == ':')
        own_add(ports, (struct own_port){"ocsp", false, number_behind(host, ":")});
}

static void add_own(struct firewall_ruleset *ruleset, const struct policy *policy)
{
    const struct mark *mark = &marks[MARK_MANAGEMENT];
    struct own_ports ports = {.count = 0};
    if (!is_marked(policy, mark))
        return;
    for (size_t i = 0; i < countof(own_checks); i++)
        own_add(&ports, own_checks[i]);
    own_add_syslog(&ports, policy);
    own_add_ocsp(&ports, policy);
    for (size_t i = 0; i < ports.count; i++) {
        const struct own_port *port = &ports.list[i];
        char id[FIREWALL_ID_SIZE];
        (void)snprintf(id, sizeof(id), "own-%s-%s-%u", port->name, port->udp ? "udp" : "tcp",
                       port->port);
        struct nft_statement *words = firewall_add_rule(
            ruleset, (struct firewall_head){FIREWALL_OUTPUT, id,
                                            "Management traffic of the node itself", mark->value});
        nft_statement_ports(words, port->udp, false, port->port, port->port);
        nft_statement_goto(words, mark->chain);
    }
}

/* Both directions of a listener's flow that leave the node: replies from its port, and what goes
 * to that port elsewhere. The ranges of media and signaling overlap the ports that systems give
 * to their own connections, so that a single port, the node's own services' too, says more than a
 * range; of two of a kind the port that a packet leaves from says more than the one it goes to. */
void firewall_add_dscp_marks(struct firewall_ruleset *ruleset, const struct policy *policy)
{
    for (size_t i = 0; i < countof(marks); i++)
        if (is_marked(policy, &marks[i]))
            add_mark_chain(ruleset, &marks[i], settings_uint(policy->settings, marks[i].value));
    add_pass(ruleset, policy, true, true);
    add_pass(ruleset, policy, true, false);
    add_own(ruleset, policy);
    add_pass(ruleset, policy, false, true);
    add_pass(ruleset, policy, false, false);
}
