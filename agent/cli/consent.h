/*
 * What cannot be undone wants a word more than the change itself: the administrator account that is
 * disabled for good wants --yes, or a yes at a terminal, and a node out of all reach after
 * it wants --force.
 */
#ifndef HOLDFAST_CLI_CONSENT_H
#define HOLDFAST_CLI_CONSENT_H

#include "cli/command.h"
#include "settings/change.h"

/* Whether a change from `before` to `after` may be stored, as far as the person who asks for it is
 * concerned; `asked`: the person is asked in any case before it is stored. 0, with what was agreed
 * to in `given` (bits of settings/change.h), or -EPERM with the message logged: nothing is to be
 * stored. */
int consent_check(const struct invocation *invocation, const struct settings *before,
                  const struct settings *after, bool asked, unsigned *given);

#endif
