/*
 * What the tests of the tls domain share: a node of the defaults with a probe's record, which a
 * test changes, writes below a root of its own, and has judged.
 */
#ifndef HOLDFAST_TESTS_TLS_FIXTURE_H
#define HOLDFAST_TESTS_TLS_FIXTURE_H

#include "domain/checks.h"
#include "probe/probe_cache.h"

struct tls_node {
    char root[64];
    struct settings settings;
    struct policy policy;
    struct probe_cache *record;
    struct checks checks;
};

/* An answer with the headers of the policy. */
extern const struct page_answer tls_good_page;

/* Set-up and tear-down of a test. */
int tls_begin(void **state);
int tls_end(void **state);

/* Every listener as one that does what the policy says. */
void tls_all_is_well(struct probe_cache *record);

/* Plans and observes the checks, with the record that was written last or with that of `node`. */
void tls_look(struct tls_node *node);
void tls_keep_and_look(struct tls_node *node);

/* Holds each check that a probe's record decides to a verdict. */
void tls_assert_all(const struct tls_node *node, enum verdict verdict);

/* A check of the last look; a listener and its result in the record. The test fails without one. */
const struct check *tls_find_check(const struct tls_node *node, const char *id);
struct probe_cache_listener *tls_find_listener(struct tls_node *node, const char *name);
struct probe_result *tls_find_result(struct tls_node *node, const char *name);

#endif
