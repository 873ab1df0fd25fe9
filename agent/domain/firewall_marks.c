/* What goes out: DSCP marks for the traffic of the listeners. */
#include "domain/firewall_parts.h"

#include "base/str.h"

#include <stdio.h>

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
    words_dscp(firewall_add_rule(ruleset, (struct firewall_head){mark->chain, "v4",
                                                                 "DSCP mark of IPv4", mark->value}),
               false, (uint8_t)value);
    words_dscp(firewall_add_rule(ruleset, (struct firewall_head){mark->chain, "v6",
                                                                 "DSCP mark of IPv6", mark->value}),
               true, (uint8_t)value);
}

static void add_marked(struct firewall_ruleset *ruleset, const struct listener *listener,
                       const struct mark *mark, bool udp, bool source)
{
    char id[FIREWALL_ID_SIZE];
    (void)snprintf(id, sizeof(id), "%s-%s-%s", listener->name, udp ? "udp" : "tcp",
                   source ? "from" : "to");
    struct firewall_words *words = firewall_add_rule(
        ruleset, (struct firewall_head){FIREWALL_OUTPUT, id, listener->title, mark->value});
    words_ports(words, udp, source, listener->first_port, listener->last_port);
    words_goto(words, mark->chain);
}

/* Media first: it is most of what a node sends. */
static const struct mark marks[] = {
    {TRAFFIC_MEDIA,      "mark_media",      LOCATION_DSCP_MEDIA    },
    {TRAFFIC_SIGNALING,  "mark_signaling",  LOCATION_DSCP_SIGNALING},
    {TRAFFIC_MANAGEMENT, "mark_management", GLOBAL_DSCP_MANAGEMENT },
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

/* Both directions of a listener's flow that leave the node: replies from its port, and what goes
 * to that port elsewhere. The ranges of media and signaling overlap the ports that systems give
 * to their own connections, so that a single port says more than a range, and the port that a
 * packet leaves from more than the one it goes to. */
void firewall_add_marks(struct firewall_ruleset *ruleset, const struct policy *policy)
{
    for (size_t i = 0; i < countof(marks); i++)
        if (is_marked(policy, &marks[i]))
            add_mark_chain(ruleset, &marks[i], settings_uint(policy->settings, marks[i].value));
    add_pass(ruleset, policy, true, true);
    add_pass(ruleset, policy, true, false);
    add_pass(ruleset, policy, false, true);
    add_pass(ruleset, policy, false, false);
}
