/*
 * Checks: what is expected, what was observed, and the verdict. A domain plans them, observes them,
 * and changes the system where they fail; reports write them and know no domain.
 */
#ifndef HOLDFAST_DOMAIN_CHECKS_H
#define HOLDFAST_DOMAIN_CHECKS_H

#include "base/buf.h"
#include "settings/settings.h"

#include <stdbool.h>
#include <stddef.h>

enum verdict {
    VERDICT_PASS,
    VERDICT_NOT_APPLICABLE, /* the kernel or the role has no such thing */
    VERDICT_NOT_CHECKED,    /* a person must attest it */
    VERDICT_FAIL,
    VERDICT_ERROR, /* could not be read or written: `reason` has the system's own words */
    VERDICT_COUNT
};

/* "pass", "not applicable", ... and the same as a token: "pass", "notapplicable", ... */
const char *verdict_text(enum verdict verdict);

/* All strings belong to the checks that hold the check, or are constants. */
struct check {
    const char *id;           /* "sysctl.net.ipv4.conf.if.rp_filter": [a-z0-9._-], unique */
    const char *title;        /* one line for people */
    const char *section;      /* the guide's section, or NULL */
    enum setting_key setting; /* the controlling setting, or SETTING_NONE */
    const char *expected;
    const char *observed; /* NULL until observed */
    const char *reason;   /* why, in words, or NULL */
    enum verdict verdict;
    bool advised; /* a failing check makes the node's health warn, whatever its domain's weight */
    size_t tag;   /* the domain's own: the index of its rule, say */
};

struct checks {
    struct check *list; /* owned */
    size_t count, capacity;
    struct checks_text *texts; /* owned strings */
    void *made;                /* what the domain made of the policy to plan them: checks_keep */
    void (*free_made)(void *made);
    bool failed; /* out of memory: the report says so and the verdict is error */
};

void checks_free(struct checks *checks);

/* Adds a check (copied; its strings must be constants or come from checks_text). It starts as
 * VERDICT_ERROR with the reason "not observed". The new check, or NULL when out of memory. */
struct check *checks_add(struct checks *checks, struct check check);

/* Hands to the checks what the domain made of the policy while it planned them (allocated, or
 * NULL), so that observing and converging need not make it again. checks_free ends it with
 * free_made. */
void checks_keep(struct checks *checks, void *made, void (*free_made)(void *made));

/* Formats a string that lives as long as the checks; "" when out of memory (and `failed` is set).
 * It becomes one line of text (str_clean): tables and interfaces are named by others. */
__attribute__((format(printf, 2, 3))) const char *checks_text(struct checks *checks,
                                                              const char *format, ...);

/* The text of a buffer as such a string; the buffer is freed. One that has failed sets `failed`. */
const char *checks_take_text(struct checks *checks, struct buf *text);

/* Sets observed, in words of what the system showed, and pass where it satisfies the check, else
 * fail. */
void check_judge(struct check *check, const char *observed, bool satisfies);

/* The same where expected is a value: it is satisfied by its like. */
void check_observe(struct check *check, const char *observed);

/* Sets a verdict with its reason. `observed` becomes "" when it was NULL. */
void check_verdict(struct check *check, enum verdict verdict, const char *reason);

/* Appends what a check shows in one line, for logs and events: "ID is OBSERVED, should be
 * EXPECTED (reason)". Long texts are cut between words, with an ellipsis. */
void check_print(const struct check *check, struct buf *out);

/* Appends a text of at most `most` bytes, cut before a word and between characters, with "..."
 * where something is left out. */
void check_excerpt(const char *text, size_t most, struct buf *out);

/* True when a check is fail or error. */
bool checks_differ(const struct checks *checks);

/* The worst verdict of all checks, and of those alone that are advised or not. Checks that are
 * incomplete for a lack of memory are not advised. */
enum verdict checks_worst(const struct checks *checks);
enum verdict checks_worst_of(const struct checks *checks, bool advised);

#endif
