/*
 * What cannot be undone wants a word more than the change itself: the administrator account that is
 * disabled for good wants --yes, or a yes at a terminal, and a node out of all reach after
 * it wants --force.
 */
#ifndef HOLDFAST_CLI_CONSENT_H
#define HOLDFAST_CLI_CONSENT_H

#include "cli/command.h"
#include "settings/settings.h"

#include <stdbool.h>

#define CONSENT_LOCKED                                                                             \
    "after the next boot nobody can log in to this node, at its console or over SSH, and nothing " \
    "can undo that"

/* Whether a change disables the administrator account. */
bool consent_locks(const struct settings *before, const struct settings *after);

/* Whether a node with these settings takes no log-in and shows no station how it fares. */
bool consent_is_out_of_reach(const struct settings *settings);

/* Whether a change from `before` to `after` may be stored, as far as the person who asks for it is
 * concerned; `asked`: the person is asked in any case before it is stored. 0, or -EPERM with the
 * message told: nothing is to be stored. */
int consent_check(const struct invocation *invocation, const struct settings *before,
                  const struct settings *after, bool asked);

#endif
