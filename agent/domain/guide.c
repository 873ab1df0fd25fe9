/*
 * The guide domain: compares each stored setting with the value that the deployment guide asks for.
 * It changes nothing: the stored value is the administrator's decision. A value passes only where
 * something on the node acts on it (settings.def, stored_on).
 */
#include "domain/domain.h"

#include "base/str.h"
#include "netlink/links.h"

#include <inttypes.h>
#include <linux/netlink.h>
#include <net/if.h>

static const char *secure_text(struct checks *checks, enum setting_key key)
{
    struct buf text = {0};
    setting_secure_text(key, &text);
    return checks_take_text(checks, &text);
}

static const char *shown_text(struct checks *checks, const struct settings *settings,
                              enum setting_key key)
{
    struct buf text = {0};
    setting_show(settings, key, &text);
    return checks_take_text(checks, &text);
}

/* The Management Node asks the security wizard's questions for all nodes of the deployment. */
static bool is_asked(const struct setting_info *info, enum role role)
{
    return (info->roles & role) || (role == ROLE_MANAGEMENT && info->question);
}

static void guide_plan(const struct policy *policy, struct checks *checks)
{
    for (enum setting_key key = 0; key < SETTING_COUNT; key++) {
        const struct setting_info *info = &setting_table[key];
        if (!is_asked(info, policy->role) || !info->section)
            continue;
        checks_add(checks, (struct check){.id = checks_text(checks, "guide.%s", info->name),
                                          .title = info->prompt ? info->prompt : info->help,
                                          .section = info->section,
                                          .setting = key,
                                          .expected = secure_text(checks, key)});
    }
}

/* --- the largest packet: a setting that the interfaces themselves answer --- */

enum { NAMED_MAX = 8 };

struct sizes_seen {
    struct buf text; /* "1400 on eth0, eth1": the first few */
    uint32_t last;   /* the size that its end is about */
    size_t count;
};

struct packet_sizes {
    uint32_t wanted;
    struct sizes_seen right, wrong;
};

/* An interface that is down carries no media; when it comes up the next walk looks at it. */
static void add_link(void *context, const struct link *link)
{
    struct packet_sizes *sizes = context;
    struct sizes_seen *seen = link->mtu == sizes->wanted ? &sizes->right : &sizes->wrong;
    if (!(link->flags & IFF_UP) || (link->flags & IFF_LOOPBACK) || seen->count++ >= NAMED_MAX)
        return;
    if (seen->text.length && seen->last == link->mtu)
        buf_printf(&seen->text, ", %s", link->name);
    else
        buf_printf(&seen->text, "%s%" PRIu32 " on %s", seen->text.length ? "; " : "", link->mtu,
                   link->name);
    seen->last = link->mtu;
}

static int read_sizes(struct packet_sizes *sizes, struct checks *checks, struct check *check)
{
    struct netlink netlink = {0};
    int error = netlink_open(&netlink, NETLINK_ROUTE);
    if (error == 0)
        error = links_read(&netlink, add_link, sizes);
    if (error)
        check_verdict(check, VERDICT_ERROR,
                      checks_text(checks, "cannot read the interfaces: %s", netlink.why));
    netlink_close(&netlink);
    return error;
}

/* The stored value, and the interfaces' values; of a failed check only those that differ. */
static void judge_sizes(const struct packet_sizes *sizes, struct checks *checks,
                        struct check *check)
{
    const struct sizes_seen *shown = sizes->wrong.count ? &sizes->wrong : &sizes->right;
    const char *more = "";
    if (shown->count > NAMED_MAX)
        more = checks_text(checks, " and %zu more", shown->count - NAMED_MAX);
    check->observed =
        checks_text(checks, "%s stored; %s%s", check->observed, buf_text(&shown->text), more);
    if (sizes->wrong.count)
        check_verdict(check, VERDICT_FAIL, "an interface has another MTU than the stored one");
}

static void observe_packet_size(const struct system *system, const struct policy *policy,
                                struct checks *checks, struct check *check)
{
    struct packet_sizes sizes = {.wanted = settings_uint(policy->settings, check->setting)};
    int error = system->manages_firewall ? read_sizes(&sizes, checks, check) : 0;
    if (error == 0 && (sizes.right.count || sizes.wrong.count))
        judge_sizes(&sizes, checks, check);
    else if (check->verdict == VERDICT_PASS)
        check_verdict(check, VERDICT_NOT_CHECKED,
                      system->manages_firewall ? "no interface is up"
                                               : "the system has no own network namespace");
    checks->failed |= sizes.right.text.failed || sizes.wrong.text.failed;
    buf_free(&sizes.right.text);
    buf_free(&sizes.wrong.text);
}

/* --- observe --- */

static void evaluate(const struct policy *policy, struct check *check)
{
    const struct setting_info *info = &setting_table[check->setting];
    const char *inactive = setting_inactive(policy->settings, check->setting);
    if (!(info->roles & ~info->stored_on & policy->role))
        check_verdict(check, VERDICT_NOT_CHECKED, "stored; nothing on this node acts on it yet");
    else if (info->rule == SECURE_ANY)
        check_verdict(check, VERDICT_NOT_CHECKED, "to be reviewed by a person");
    else if (setting_is_secure(policy->settings, check->setting))
        check_verdict(check, VERDICT_PASS, inactive);
    else
        check_verdict(check, inactive ? VERDICT_PASS : VERDICT_FAIL, inactive);
}

/* A value that is the guide's own says where it was seen. */
static const char *stored_text(struct checks *checks, const struct policy *policy,
                               const char *value)
{
    if (policy->revision == 0)
        return checks_text(checks, "%s, as nothing else was stored", value);
    return checks_text(checks, "%s, stored in revision %" PRIu64, value, policy->revision);
}

static void guide_observe(const struct system *system, const struct evidence *evidence,
                          const struct policy *policy, struct checks *checks)
{
    (void)evidence;
    for (size_t i = 0; i < checks->count; i++) {
        struct check *check = &checks->list[i];
        check->observed = shown_text(checks, policy->settings, check->setting);
        evaluate(policy, check);
        if (check->setting == LOCATION_MTU && check->verdict != VERDICT_NOT_CHECKED)
            observe_packet_size(system, policy, checks, check);
        else if (check->verdict == VERDICT_PASS && str_equal(check->observed, check->expected))
            check->observed = stored_text(checks, policy, check->observed);
    }
}

const struct domain domain_guide = {
    .name = "guide",
    .title = "Settings held against the guide",
    .weight = WEIGHT_ADVISED,
    .plan = guide_plan,
    .observe = guide_observe,
};
