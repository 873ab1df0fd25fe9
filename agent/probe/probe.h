/*
 * The probe: what a TLS listener really accepts. Breadth first, without any key or library: hellos
 * that offer many suites at once, struck out as the server chooses them, until it refuses. Then
 * proof (probe/proof.h): whole handshakes by two TLS stacks for what they implement.
 *
 * What comes back is hostile input. The whole run is bounded: in time, in connections at once, and
 * in what it keeps. Source: spec/crypto.md, "The probe".
 */
#ifndef HOLDFAST_PROBE_PROBE_H
#define HOLDFAST_PROBE_PROBE_H

#include "probe/connect.h"
#include "probe/result.h"

/* For a person who waits. */
extern const struct probe_options probe_defaults;

/* Probes one listener; fills `result`, whose `error` is -ECONNREFUSED for a closed port, -ETIMEDOUT
 * for a silent one, -EPROTO for one that does not speak TLS, -ETIME where time ran out or an answer
 * came too late, which is no refusal: the result is then incomplete. Where time sufficed for the
 * enumeration and not for the handshakes, only `proof_error` is -ETIME. */
void probe_run(const struct target *target, const struct probe_options *options,
               struct probe_result *result);

#endif
