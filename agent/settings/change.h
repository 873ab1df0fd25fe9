/*
 * A requested change of the stored settings, and the consent that it needs where nothing can undo
 * it: an administrator account that is disabled for good, and a node out of reach. Every change is
 * checked against this before it is stored; a command may ask for the consent beforehand.
 */
#ifndef HOLDFAST_SETTINGS_CHANGE_H
#define HOLDFAST_SETTINGS_CHANGE_H

#include "settings/settings.h"

/* What the person who asks for a change agreed to, one bit each. */
enum {
    CONSENT_YES = 1,   /* --yes: the administrator account may be disabled */
    CONSENT_FORCE = 2, /* --force: even where no station could reach the node then */
    CONSENT_ALL = CONSENT_YES | CONSENT_FORCE
};

struct change {
    const char *who;  /* as the event log names the caller */
    const char *how;  /* "wizard", "set" or "import" */
    const char *name; /* of the text, in faults */
    const char *text; /* "key = value" lines (settings/text.h) */
    size_t size;
    unsigned consent;  /* bits of the above */
    bool is_answers;   /* the text is answers to the wizard's questions and nothing else */
    bool may_not_lock; /* the caller may not disable the administrator account at all */
};

#define CHANGE_LOCKED                                                                              \
    "after the next boot no user can log in to this node, at its console or over SSH, and "        \
    "nothing "                                                                                     \
    "can undo that"

/* Whether a change disables the administrator account. */
bool change_locks(const struct settings *before, const struct settings *after);

/* Whether a node with these settings takes no log-in and shows no station how it fares. */
bool change_is_out_of_reach(const struct settings *settings);

/* Why a change from `before` to `after` is not to be stored with this consent, NULL where it
 * may. */
const char *change_refused(const struct settings *before, const struct settings *after,
                           unsigned consent);

/* The same of a change with its own consent, and what its caller may not do at all. */
const char *change_refused_to(const struct change *change, const struct settings *before,
                              const struct settings *after);

#endif
