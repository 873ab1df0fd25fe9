/* The policy: settings and role, with what masks them, and the listeners that follow. */
#include "policy/policy.h"

#include "policy/listeners.h"

bool policy_bool(const struct policy *policy, enum setting_key key)
{
    return settings_bool(policy->settings, key) && !setting_inactive(policy->settings, key);
}

/* Outside 10000 to 49999, where signaling and media are; an odd number apart, as the kernel wants
 * its range (ip-sysctl.rst, ip_local_port_range). */
static const struct port_range local_ports = {50000, 60999};
enum { HIGHEST_PORT = 65535 };

/* The listener with the lowest port that reaches into `range`, or NULL. */
static const struct listener *first_within(const struct policy *policy,
                                           const struct port_range *range)
{
    const struct listener *first = NULL;
    for (size_t i = 0; i < policy->listener_count; i++) {
        const struct listener *listener = &policy->listeners[i];
        if (listener->last_port >= range->first && listener->first_port <= range->last &&
            (!first || listener->first_port < first->first_port))
            first = listener;
    }
    return first;
}

static unsigned ports_of(const struct port_range *range)
{
    return range->last < range->first ? 0 : range->last - range->first + 1U;
}

/* Where a listener lies in the usual range: the largest part without one from its beginning up. */
static struct port_range free_ports(const struct policy *policy)
{
    struct port_range best = {HIGHEST_PORT, 0};
    struct port_range rest = {local_ports.first, HIGHEST_PORT};
    const struct listener *listener = first_within(policy, &local_ports);
    if (!listener)
        return local_ports;
    while ((listener = first_within(policy, &rest))) {
        struct port_range before = {rest.first, (uint16_t)(listener->first_port - 1)};
        if (ports_of(&before) > ports_of(&best))
            best = before;
        if (listener->last_port == HIGHEST_PORT)
            break;
        rest.first = (uint16_t)(listener->last_port + 1);
    }
    if (!listener && ports_of(&rest) > ports_of(&best))
        best = rest;
    best.last = (uint16_t)(best.last - (best.last - best.first + 1) % 2);
    return best;
}

void policy_make(struct policy *policy, const struct policy_input *input)
{
    *policy = (struct policy){
        .role = input->role,
        .settings = input->settings,
        .revision = input->revision,
        .fail_closed = input->fail_closed,
        .endpoint_uid = input->endpoint_uid,
    };
    policy->admin_disabled = input->admin_latched || policy_bool(policy, SECURITY_DISABLE_ADMIN);
    listeners_make(policy);
    policy->local_ports = free_ports(policy);
    crypto_make(&policy->crypto, input->settings);
}
