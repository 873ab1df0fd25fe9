/*
 * What get, set, import, export and diff have in common: reaching the stored settings, saying why
 * something was refused, printing. Over control/access.h, so that none of them knows whether a
 * daemon runs.
 */
#ifndef HOLDFAST_CLI_STORED_H
#define HOLDFAST_CLI_STORED_H

#include "cli/command.h"
#include "control/access.h"

struct stored {
    struct access *access;
    enum role role;
    struct settings settings;
    uint64_t revision;
};

/* Opens and loads the stored settings; everybody but root logs in first (cli/authenticate.h). 0 or
 * a negative errno, with the message logged. */
int stored_open(struct stored *stored, const struct invocation *invocation);
void stored_close(struct stored *stored);

/* Stores `text` in one transaction by this verb, where consent.h has no objection; the faults go to
 * standard error. Returns an exit code. */
int stored_apply(struct stored *stored, const struct invocation *invocation, enum control_verb verb,
                 const char *name, const struct buf *text);

/* The role, the stored settings (secrets included, to prefill) and their revision. 0, -ENODATA
 * where the node fails closed, since the enforced settings are not the stored ones then, or another
 * errno; logged. */
int stored_load(struct access *access, enum role *role, struct settings *settings,
                uint64_t *revision);

/* Imports `text` over the stored settings in one transaction. -EINVAL or -EPERM: `faults` has the
 * lines that say why; nothing is stored. */
int stored_change(struct access *access, enum control_verb verb, unsigned consent,
                  const struct buf *text, uint64_t *revision, struct buf *faults);

/* Reboots the node. */
int stored_reboot(struct access *access);

/* Says why nothing is stored, with one line for each fault. */
void stored_refused(const char *how, int error, const struct buf *faults);

/* Writes `out` to standard output. Returns `code`, or EXIT_COULD_NOT with the message logged. */
int stored_print(const struct invocation *invocation, const struct buf *out, int code);

/* The same for the report of a change: where it cannot be written it goes to standard error, and
 * the result is EXIT_FALLS_SHORT, since it could be done. */
int stored_done(const char *how, const struct buf *out, int code);

#endif
