/*
 * What a TLS listener was found to accept, in words: the evidence of a tls check that passes. Taken
 * from the probe's result alone, never from the policy.
 */
#ifndef HOLDFAST_DOMAIN_TLS_ACCEPTED_H
#define HOLDFAST_DOMAIN_TLS_ACCEPTED_H

#include "domain/checks.h"
#include "probe/evaluate.h"

/* "TLS 1.2, TLS 1.3"; suites, groups and signatures by name; each version with the order of its
 * suites or the answers about its sessions; pages with their headers; the certificate's digest. */
const char *tls_accepted_text(const struct probe_result *result, enum topic topic,
                              struct checks *checks);

#endif
