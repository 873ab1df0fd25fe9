/*
 * The guide domain: each stored setting held against the value that the deployment guide asks for.
 * It only looks: what is stored is the administrator's decision. A value passes where something on
 * the node acts on it (settings.def, stored_on); what is merely stored proves nothing.
 */
#include "domain/domain.h"

#include "base/str.h"
#include "netlink/links.h"

#include <inttypes.h>
#include <linux/netlink.h>
#include <net/if.h>

static const char *secure_text(struct rows *rows, enum setting_key key)
{
    struct buf text = {0};
    setting_secure_text(key, &text);
    return rows_take(rows, &text);
}

static const char *shown_text(struct rows *rows, const struct settings *settings,
                              enum setting_key key)
{
    struct buf text = {0};
    setting_show(settings, key, &text);
    return rows_take(rows, &text);
}

/* The Management Node asks the security wizard's questions for all nodes of the deployment. */
static bool is_asked(const struct setting_info *info, enum role role)
{
    return (info->roles & role) || (role == ROLE_MANAGEMENT && info->question);
}

static void guide_plan(const struct policy *policy, struct rows *rows)
{
    for (enum setting_key key = 0; key < SETTING_COUNT; key++) {
        const struct setting_info *info = &setting_table[key];
        if (!is_asked(info, policy->role) || !info->section)
            continue;
        rows_add(rows, (struct row){.id = rows_text(rows, "guide.%s", info->name),
                                    .title = info->prompt ? info->prompt : info->help,
                                    .section = info->section,
                                    .setting = key,
                                    .desired = secure_text(rows, key)});
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

static int read_sizes(struct packet_sizes *sizes, struct rows *rows, struct row *row)
{
    struct netlink netlink = {0};
    int error = netlink_open(&netlink, NETLINK_ROUTE);
    if (error == 0)
        error = links_read(&netlink, add_link, sizes);
    if (error)
        row_verdict(row, VERDICT_ERROR,
                    rows_text(rows, "cannot read the interfaces: %s", netlink.why));
    netlink_close(&netlink);
    return error;
}

/* What is stored, and what the interfaces have; of a row that differs those alone that differ. */
static void judge_sizes(const struct packet_sizes *sizes, struct rows *rows, struct row *row)
{
    const struct sizes_seen *shown = sizes->wrong.count ? &sizes->wrong : &sizes->right;
    const char *more = "";
    if (shown->count > NAMED_MAX)
        more = rows_text(rows, " and %zu more", shown->count - NAMED_MAX);
    row->actual = rows_text(rows, "%s stored; %s%s", row->actual, buf_text(&shown->text), more);
    if (sizes->wrong.count)
        row_verdict(row, VERDICT_FAIL, "an interface has another MTU than the stored one");
}

static void observe_packet_size(const struct system *system, const struct policy *policy,
                                struct rows *rows, struct row *row)
{
    struct packet_sizes sizes = {.wanted = settings_uint(policy->settings, row->setting)};
    int error = system->manages_firewall ? read_sizes(&sizes, rows, row) : 0;
    if (error == 0 && (sizes.right.count || sizes.wrong.count))
        judge_sizes(&sizes, rows, row);
    else if (row->verdict == VERDICT_PASS)
        row_verdict(row, VERDICT_NOT_CHECKED,
                    system->manages_firewall ? "no interface is up"
                                             : "the system has no network of its own");
    rows->failed |= sizes.right.text.failed || sizes.wrong.text.failed;
    buf_free(&sizes.right.text);
    buf_free(&sizes.wrong.text);
}

/* --- observe --- */

static void evaluate(const struct policy *policy, struct row *row)
{
    const struct setting_info *info = &setting_table[row->setting];
    const char *inactive = setting_inactive(policy->settings, row->setting);
    if (!(info->roles & ~info->stored_on & policy->role))
        row_verdict(row, VERDICT_NOT_CHECKED, "stored; nothing on this node acts on it yet");
    else if (info->rule == SECURE_ANY)
        row_verdict(row, VERDICT_NOT_CHECKED, "to be reviewed by a person");
    else if (setting_is_secure(policy->settings, row->setting))
        row_verdict(row, VERDICT_PASS, inactive);
    else
        row_verdict(row, inactive ? VERDICT_PASS : VERDICT_FAIL, inactive);
}

/* A value that is the guide's own says where it was seen. */
static const char *stored_text(struct rows *rows, const struct policy *policy, const char *value)
{
    if (policy->revision == 0)
        return rows_text(rows, "%s, as nothing else was stored", value);
    return rows_text(rows, "%s, stored in revision %" PRIu64, value, policy->revision);
}

static void guide_observe(const struct system *system, const struct policy *policy,
                          struct rows *rows)
{
    for (size_t i = 0; i < rows->count; i++) {
        struct row *row = &rows->list[i];
        row->actual = shown_text(rows, policy->settings, row->setting);
        evaluate(policy, row);
        if (row->setting == LOCATION_MTU && row->verdict != VERDICT_NOT_CHECKED)
            observe_packet_size(system, policy, rows, row);
        else if (row->verdict == VERDICT_PASS && str_equal(row->actual, row->desired))
            row->actual = stored_text(rows, policy, row->actual);
    }
}

const struct domain domain_guide = {
    .name = "guide",
    .title = "Settings held against the guide",
    .weight = WEIGHT_ADVISED,
    .plan = guide_plan,
    .observe = guide_observe,
};
