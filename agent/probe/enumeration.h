/*
 * Breadth: versions, suites in the server's order, groups, and what the hellos say beside them,
 * without any key. Part of probe_run.
 */
#ifndef HOLDFAST_PROBE_ENUMERATION_H
#define HOLDFAST_PROBE_ENUMERATION_H

#include "probe/connect.h"
#include "probe/result.h"

/* Fills versions, groups, chain (as TLS before 1.3 shows it) and, where nothing could be learnt,
 * error and reason. Ends by `deadline_ms` of clock_boot_ms(). */
void enumeration_run(const struct target *target, const struct probe_options *options,
                     uint64_t deadline_ms, struct probe_result *result);

#endif
