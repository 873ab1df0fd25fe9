/* The facts of a report about a node. */
#include "node/load.h"

#include "base/clock.h"
#include "base/str.h"
#include "node/boot_record.h"
#include "report/report.h"

/* Whether the network was brought up with other values; not known where no boot was recorded. */
static bool network_waits(const struct node *node, const struct boot_record *record)
{
    char now[BOOT_RECORD_DIGEST_SIZE];
    boot_record_digest(&node->settings, now);
    return record->network[0] && now[0] && !str_equal(record->network, now);
}

static bool reboot_required(const struct node *node, const struct boot_record *record)
{
    int mode = fips_kernel_mode(node->system.root);
    return (settings_bool(&node->settings, SECURITY_DISABLE_ADMIN) &&
            !node->policy.admin_disabled) ||
           (mode >= 0 && mode != settings_bool(&node->settings, SECURITY_FIPS)) ||
           network_waits(node, record);
}

void node_facts(const struct node *node, struct facts *facts)
{
    struct boot_record record = {0};
    if (boot_record_read(node->system.root, &record) < 0)
        record = (struct boot_record){0};
    *facts = (struct facts){
        .version = HOLDFAST_VERSION,
        .hostname = settings_text(&node->settings, NODE_HOSTNAME),
        .role = node->role,
        .revision = node->revision,
        .time_s = clock_now_s(),
        .reason = node->reason.length ? buf_text(&node->reason) : NULL,
        .unrecorded = node_is_frozen(node) ? NODE_FROZEN : NULL,
        .admin_disabled = node->policy.admin_disabled,
        .fips = settings_bool(&node->settings, SECURITY_FIPS),
        .reboot_required = reboot_required(node, &record),
        .boot_started_ms = record.started_ms,
        .boot_finished_ms = record.finished_ms,
    };
    if (node->state)
        facts->head = state_head(node->state, &facts->event);
}
