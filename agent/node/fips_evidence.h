/*
 * What FIPS mode demands of this process before it uses a key or speaks TLS: passed self-tests and
 * an approved key. The results stand in node->fips, for the checks of the fips domain.
 *
 * Outside FIPS mode the tests do nothing, and the questions are answered by yes.
 */
#ifndef HOLDFAST_NODE_FIPS_EVIDENCE_H
#define HOLDFAST_NODE_FIPS_EVIDENCE_H

#include "node/node.h"

#include <stdbool.h>

/* Where FIPS mode is on, runs every self-test, once a process: for whoever uses keys or TLS, once
 * the node is loaded and after each change of its settings. Where one fails the node fails closed,
 * with the reason logged and an event if the log's own SHA-256 passed. */
void fips_evidence_test(struct node *node);

/* Whether this process may use its libraries: not before fips_evidence_test where FIPS mode is on.
 */
bool fips_evidence_passed(const struct node *node);

/* Where FIPS mode is on, looks at the endpoint's private key, a PEM text, once; a rejected one is
 * logged and an event. */
void fips_evidence_test_key(struct node *node, const struct buf *key_pem);

/* Whether that key may be used: not before fips_evidence_test_key where FIPS mode is on. */
bool fips_evidence_allows_key(const struct node *node);

#endif
