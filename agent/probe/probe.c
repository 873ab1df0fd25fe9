/* A whole run: breadth, then proof. */
#include "probe/probe.h"

#include "base/clock.h"
#include "probe/enumeration.h"
#include "probe/proof.h"

const struct probe_options probe_defaults = {
    .answer_ms = 1000,
    .total_ms = 2800, /* with its start and end, under 3 s */
    .parallel = 6,
    .proof = true,
};

void probe_run(const struct target *target, const struct probe_options *options,
               struct probe_result *result)
{
    uint64_t started_ms = clock_boot_ms();
    *result = (struct probe_result){.error = 0};
    for (size_t i = 0; i < PROBE_VERSIONS; i++)
        result->version[i].version = (uint16_t)(SSL_3_0 + i);
    enumeration_run(target, options, started_ms + options->total_ms, result);
    if (options->proof && result->error == 0)
        result->proof_error = proof_run(target, options, started_ms + options->total_ms, result);
    certificate_read(&result->certificate, &result->chain, target->name, target->named);
    result->took_ms = (uint32_t)(clock_boot_ms() - started_ms);
}
