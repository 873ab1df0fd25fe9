/*
 * Rows: what should be, what is, and the verdict. A domain plans them, observes them, and changes
 * the system for those that differ; reports write them and know no domain.
 */
#ifndef HOLDFAST_DOMAIN_ROWS_H
#define HOLDFAST_DOMAIN_ROWS_H

#include "base/buf.h"
#include "settings/settings.h"

#include <stdbool.h>
#include <stddef.h>

enum verdict {
    VERDICT_PASS,
    VERDICT_NOT_APPLICABLE, /* the kernel or the role has no such thing */
    VERDICT_NOT_CHECKED,    /* a person must attest it */
    VERDICT_FAIL,
    VERDICT_ERROR, /* could not be read or written: `note` has the system's own words */
    VERDICT_COUNT
};

/* "pass", "not applicable", ... and the same as a token: "pass", "notapplicable", ... */
const char *verdict_text(enum verdict verdict);

/* All strings belong to the rows that hold the row, or are constants. */
struct row {
    const char *id;           /* "sysctl.net.ipv4.conf.if.rp_filter": [a-z0-9._-], unique */
    const char *title;        /* one line for people */
    const char *section;      /* the guide's section, or NULL */
    enum setting_key setting; /* whose decision it is, or SETTING_NONE */
    const char *desired;
    const char *actual; /* NULL until observed */
    const char *note;   /* why, in words, or NULL */
    enum verdict verdict;
    bool advised; /* a failing row makes the node's health warn, whatever its domain's weight */
    size_t tag;   /* the domain's own: the index of its rule, say */
};

struct rows {
    struct row *list; /* owned */
    size_t count, capacity;
    struct rows_text *texts; /* owned strings */
    void *made;              /* what the domain made of the policy to plan them: rows_keep */
    void (*free_made)(void *made);
    bool failed; /* out of memory: the report says so and the verdict is error */
};

void rows_free(struct rows *rows);

/* Adds a row (copied; its strings must be constants or come from rows_text). It starts as
 * VERDICT_ERROR with the note "not observed". The new row, or NULL when out of memory. */
struct row *rows_add(struct rows *rows, struct row row);

/* Hands to the rows what the domain made of the policy while it planned them (allocated, or NULL),
 * so that observing and converging need not make it again. rows_free ends it with free_made. */
void rows_keep(struct rows *rows, void *made, void (*free_made)(void *made));

/* Formats a string that lives as long as the rows; "" when out of memory (and `failed` is set).
 * It becomes one line of text (str_clean): tables and interfaces are named by others. */
__attribute__((format(printf, 2, 3))) const char *rows_text(struct rows *rows, const char *format,
                                                            ...);

/* The text of a buffer as such a string; the buffer is freed. One that has failed sets `failed`. */
const char *rows_take(struct rows *rows, struct buf *text);

/* Sets actual, in words of what the system showed, and pass where it satisfies the row, else fail.
 */
void row_judge(struct row *row, const char *actual, bool satisfies);

/* The same where desired is a value: it is satisfied by its like. */
void row_observed(struct row *row, const char *actual);

/* Sets a verdict with its note. `actual` becomes "" when it was NULL. */
void row_verdict(struct row *row, enum verdict verdict, const char *note);

/* Appends what a row shows in one line, for logs and events: "ID is OBSERVED, should be EXPECTED
 * (reason)". Long texts are cut between words, with an ellipsis. */
void row_print(const struct row *row, struct buf *out);

/* Appends a text of at most `most` bytes, cut before a word and between characters, with "..."
 * where something is left out. */
void row_excerpt(const char *text, size_t most, struct buf *out);

/* True when a row is fail or error. */
bool rows_differ(const struct rows *rows);

/* The worst verdict of all rows, and of those alone that are advised or not. Rows that are
 * incomplete for a lack of memory are not advised. */
enum verdict rows_worst(const struct rows *rows);
enum verdict rows_worst_of(const struct rows *rows, bool advised);

#endif
