/* A change of the settings, from its text to the policy that follows. */
#include "node/load.h"

#include "base/log.h"
#include "settings/text.h"

#include <errno.h>
#include <string.h>

static const char *why_refused(const struct node *node, const struct change *change)
{
    if (!node->state && node->reason.length)
        return buf_text(&node->reason);
    if (node->frozen)
        return NODE_FROZEN;
    if (!node->state || !node->writable)
        return "the database cannot be written";
    if (node->reason.length)
        return "the node fails closed, its stored settings are not known";
    if (change->is_answers && node->role == ROLE_CONFERENCING)
        return "a Conferencing Node takes its settings from its Management Node";
    return NULL;
}

/* At once, since a reboot may be what comes next; the next walk tries again where it fails. */
static void prepare_boot(const struct node *node)
{
    int error =
        fips_boot_entry_write(node->system.root, settings_bool(&node->settings, SECURITY_FIPS));
    if (error)
        log_error("cannot write " FIPS_BOOT_ENTRY ": %s", strerror(-error));
}

/* The settings as the change would leave them. */
static int read_change(const struct node *node, const struct change *change,
                       struct settings *wanted, struct buf *faults)
{
    int error = settings_copy(wanted, &node->settings);
    if (error)
        return error;
    error = change->is_answers
                ? settings_import_answers(wanted, change->name, change->text, change->size, faults)
                : settings_import(wanted, change->name, change->text, change->size, faults);
    const char *refused = error ? NULL : change_refused_to(change, &node->settings, wanted);
    if (!refused)
        return error;
    buf_printf(faults, "%s: %s\n", change->name, refused);
    return -EPERM;
}

static int store_change(struct node *node, const struct change *change,
                        const struct settings *wanted, struct buf *faults)
{
    int error =
        state_settings_store(node->state, wanted, change->who, change->how, &node->revision);
    if (error == -EPERM)
        buf_printf(faults, "%s: the system administrator account was disabled for good\n",
                   change->name);
    return error;
}

int node_apply(struct node *node, const struct change *change, struct buf *faults)
{
    struct settings wanted = {0};
    const char *refused = why_refused(node, change);
    if (refused) {
        buf_printf(faults, "%s: %s\n", change->name, refused);
        return -EPERM;
    }
    int error = read_change(node, change, &wanted, faults);
    if (error == 0)
        error = store_change(node, change, &wanted, faults);
    if (error == -EBADMSG) /* what is stored was damaged meanwhile: it is no policy any more */
        (void)node_reload(node);
    if (error == 0)
        error = node_adopt(node, &wanted);
    settings_free(&wanted);
    if (error == 0)
        prepare_boot(node);
    return error;
}
