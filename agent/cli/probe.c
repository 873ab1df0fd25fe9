/* holdfast probe: what a TLS listener really accepts, and whether that agrees with the policy. */
#include "cli/commands.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/str.h"
#include "cli/format.h"
#include "cli/look.h"
#include "cli/probe_report.h"
#include "node/fips_evidence.h"
#include "probe/probe.h"
#include "probe/target.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct format {
    const char *name;
    void (*write)(const struct probe_report *report, struct buf *out);
} formats[] = {
    {"text", probe_report_text},
    {"json", probe_report_json},
};

enum { TIMEOUT_MOST_S = 600 };

struct request {
    const struct format *format;
    struct probe_options options;
    enum surface surface;
    struct targets targets;
};

static int read_timeout(const struct invocation *invocation, struct request *request)
{
    const char *text = invocation_option(invocation, "timeout");
    uint64_t seconds;
    request->options = probe_defaults;
    if (!text)
        return 0;
    if (str_to_u64(text, 1, TIMEOUT_MOST_S, &seconds) < 0) {
        log_error("probe: the timeout %s is not a number of seconds from 1 to %d", text,
                  TIMEOUT_MOST_S);
        return -EINVAL;
    }
    request->options.total_ms = (uint32_t)seconds * 1000;
    return 0;
}

static int read_surface(const struct invocation *invocation, struct request *request)
{
    const char *name = invocation_option(invocation, "surface");
    request->surface = name ? surface_find(name) : SURFACE_NONE;
    if (!name || request->surface < SURFACE_COUNT)
        return 0;
    log_error("probe: unknown surface %s: https-in, https-out, sip-in or sip-out", name);
    return -EINVAL;
}

static int read_target(const struct invocation *invocation, struct request *request)
{
    const char *place = invocation->operands[0];
    int error = targets_parse(&request->targets, place);
    if (error == -EINVAL)
        log_error("probe: %s is not HOST:PORT; an IPv6 address stands in brackets", place);
    else if (error)
        log_error("probe: %s: no such host", place);
    return error;
}

static int print_report(const struct request *request, const struct probe_report *report)
{
    struct buf out = {0};
    request->format->write(report, &out);
    int error = buf_error(&out);
    if (error == 0)
        error = file_write_all(STDOUT_FILENO, out.data, out.length);
    buf_free(&out);
    if (error) {
        log_error("probe: cannot write the report: %s", strerror(-error));
        return EXIT_COULD_NOT;
    }
    return probe_report_faults(report) ? EXIT_FALLS_SHORT : EXIT_HOLDS;
}

static int probe(const char *place, const struct request *request, const struct crypto *crypto)
{
    struct probe_result *result = malloc(sizeof(*result));
    if (!result) {
        log_error("probe: %s", strerror(ENOMEM));
        return EXIT_COULD_NOT;
    }
    struct buf why = {0};
    uint64_t deadline_ms = clock_boot_ms() + request->options.total_ms;
    const struct target *target = targets_choose(&request->targets, deadline_ms, &why);
    struct probe_report report = {
        .place = place, .result = result, .crypto = crypto, .surface = request->surface};
    struct probe_options options = request->options;
    uint64_t now_ms = clock_boot_ms();
    options.total_ms = now_ms < deadline_ms ? (uint32_t)(deadline_ms - now_ms) : 1;
    if (target && request->surface == SURFACE_HTTPS_IN)
        options.host = target->name;
    if (target)
        probe_run(target, &options, result);
    report.now_s = clock_now_s();
    int code = EXIT_COULD_NOT;
    if (!target)
        log_error("probe: %s: %s", place, buf_text(&why));
    else if (result->error)
        log_error("probe: %s: %s", place, result->reason);
    else
        code = print_report(request, &report);
    buf_free(&why);
    free(result);
    return code;
}

/* The record of a surface is this node's own; without one no settings are needed. */
static int probe_surface(const struct invocation *invocation, const struct request *request)
{
    struct look look;
    if (look_open(&look, invocation) < 0)
        return EXIT_COULD_NOT;
    if (look.node.reason.length)
        log_warning("probe: the strictest policy stands: %s", buf_text(&look.node.reason));
    int code = EXIT_COULD_NOT;
    fips_evidence_test(&look.node);
    if (fips_evidence_passed(&look.node))
        code = probe(invocation->operands[0], request, &look.node.policy.crypto);
    look_close(&look);
    return code;
}

int cli_probe(const struct invocation *invocation)
{
    struct request request = {.format = FORMAT_FIND(invocation, formats), .surface = SURFACE_NONE};
    if (!request.format || read_timeout(invocation, &request) < 0 ||
        read_surface(invocation, &request) < 0 || read_target(invocation, &request) < 0)
        return EXIT_COULD_NOT;
    if (request.surface == SURFACE_NONE)
        return probe(invocation->operands[0], &request, NULL);
    return probe_surface(invocation, &request);
}
