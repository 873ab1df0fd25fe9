/*
 * The privileged verbs: what a caller may ask of the node, as a closed table (control/verbs.def).
 * A new verb is a row there and a handler in verbs.c.
 */
#ifndef HOLDFAST_CONTROL_VERBS_H
#define HOLDFAST_CONTROL_VERBS_H

#include "base/buf.h"
#include "control/caller.h"
#include "settings/settings.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct node;

enum {
    CONTROL_USER_MAX = 32,       /* bytes of a terminal's or user's name in CONTROL_CONSOLE */
    CONTROL_ANSWER_MAX = 1 << 20 /* bytes of an answer's payload */
};

/* Payloads that are no settings: of CONTROL_LOGIN the password; of CONTROL_CONSOLE terminal, user
 * name and password, each ended by a NUL but the last; of CONTROL_ACT_FOR the administrator's name;
 * of CONTROL_EVENTS struct event_request (control/event_page.h). */
enum control_verb {
    CONTROL_VERB_NONE,
#define VERB(name, ...) CONTROL_##name,
#include "control/verbs.def"
#undef VERB
    CONTROL_VERB_END
};

struct request {
    const struct caller *caller;
    const char *data; /* `size` bytes and a NUL */
    size_t size;
    unsigned consent; /* bits of settings/change.h */
};

struct verb {
    /* 0 or a negative errno; `answer` gets the payload, or the reason where it fails. */
    int (*run)(struct node *node, const struct request *request, struct buf *answer);
    uint32_t size_max;
    uint16_t consent;
    bool writes;
    unsigned callers, login; /* bits of enum caller_kind */
};

/* The row of a verb between CONTROL_VERB_NONE and CONTROL_VERB_END. */
const struct verb *verb_row(enum control_verb verb);

/* Whether the caller may ask for it now: 0, or -EACCES where it may not, or not before it has
 * logged in. */
int verb_permit(const struct verb *verb, const struct caller *caller);

/* Reads the payload of an answer to CONTROL_LOAD: role, revision, every setting, secrets among
 * them. -EBADMSG when it is malformed. */
int verb_read_load(const struct buf *answer, enum role *role, struct settings *settings,
                   uint64_t *revision);

/* Writes it. 0 or the buffer's error. */
int verb_write_load(enum role role, uint64_t revision, const struct settings *settings,
                    struct buf *out);

#endif
