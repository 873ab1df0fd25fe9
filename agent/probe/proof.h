/*
 * Proof: whole handshakes, up to the server's Finished, for what the scan found accepted. A hello's
 * answer says what a server chooses; only a handshake that both sides finish proves that it can
 * keep to it and holds the certificate's key.
 *
 * Two stacks do them: BearSSL for TLS 1.0 to 1.2, mbedTLS for TLS 1.3 and for what BearSSL lacks
 * (DHE). A suite that neither has stays PROOF_NONE. Certificates are taken as they come: whether
 * they are trusted is not the question here. Source: spec/crypto.md, "The probe".
 */
#ifndef HOLDFAST_PROBE_PROOF_H
#define HOLDFAST_PROBE_PROOF_H

#include "probe/connect.h"
#include "probe/result.h"

/* Fills `proof` of every suite in `result` and `resumption` of every version, and the chain where
 * the scan could not read it (TLS 1.3 sends it encrypted); then the pages, where options name a
 * host. Ends at the deadline, on clock_boot_ms(), with what it has by then.
 *
 * 0, or -ETIME where a missing answer says nothing about the listener: the deadline came before the
 * last suite was tried, or no suite is proved and one was answered late or not at all, as by a
 * listener at its limit. */
int proof_run(const struct target *target, const struct probe_options *options,
              uint64_t deadline_ms, struct probe_result *result);

#endif
