/*
 * What FIPS mode asks of this process before it uses a key or speaks TLS: self-tests that passed,
 * and an approved key. What is found out stands in node->fips, for the rows of the fips domain.
 *
 * Outside FIPS mode each of these says yes and does nothing.
 */
#ifndef HOLDFAST_NODE_FIPS_EVIDENCE_H
#define HOLDFAST_NODE_FIPS_EVIDENCE_H

#include "node/node.h"

#include <stdbool.h>

/* Runs every self-test, once a process. False when one failed: it was told, it is an event where
 * the log's own SHA-256 is sound, the state is closed, and the node fails closed. */
bool fips_evidence_prove(struct node *node);

/* Whether this private key, a PEM text, may be used; judged once, told when it is rejected. */
bool fips_evidence_allows_key(struct node *node, const struct buf *key_pem);

#endif
