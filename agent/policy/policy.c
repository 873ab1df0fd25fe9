/* The policy: settings and role, with what masks them, and the listeners that follow. */
#include "policy/policy.h"

#include "policy/listeners.h"

bool policy_bool(const struct policy *policy, enum setting_key key)
{
    return settings_bool(policy->settings, key) && !setting_inactive(policy->settings, key);
}

void policy_make(struct policy *policy, const struct policy_input *input)
{
    *policy = (struct policy){
        .role = input->role,
        .settings = input->settings,
        .revision = input->revision,
        .fail_closed = input->fail_closed,
    };
    policy->admin_disabled = input->admin_latched || policy_bool(policy, SECURITY_DISABLE_ADMIN);
    listeners_make(policy);
    crypto_make(&policy->crypto, input->settings);
}
