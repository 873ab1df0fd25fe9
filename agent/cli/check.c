/* holdfast check: plans and observes, changes nothing, and reports in the given format. */
#include "cli/commands.h"

#include "base/arena.h"
#include "base/log.h"
#include "base/str.h"
#include "cli/format.h"
#include "cli/look.h"
#include "cli/stored.h"
#include "daemon/endpoint.h"
#include "report/report.h"

/* A mistyped id must not look as if all were well. */
static bool any_matches(const struct results *results, const char *id_glob)
{
    for (size_t d = 0; d < DOMAIN_COUNT; d++)
        for (size_t i = 0; i < results->domain[d].count; i++)
            if (report_wants(&results->domain[d].list[i], id_glob))
                return true;
    return false;
}

/* Where the daemon has published nothing for this command, it looks at the system itself. */
static void look_at_system(struct look *look)
{
    endpoint_evaluate(&look->node);
    const struct walk walk = node_walk(&look->node, PHASE_RUN);
    domain_check(&walk, &look->published.results);
    node_facts(&look->node, &look->published.facts);
}

static int print_report(const struct invocation *invocation, const struct published *published,
                        const struct report_format *format, const struct report_request *request)
{
    struct report report = {.facts = published->facts, .results = &published->results};
    struct buf out = {0};
    if (!any_matches(report.results, request->id_glob)) {
        log_error("check: no check has an id like %s", request->id_glob);
        return EXIT_COULD_NOT;
    }
    format->write(&report, request, &out);
    if (out.length && out.data[out.length - 1] != '\n')
        buf_putc(&out, '\n');
    int code = stored_print(invocation, &out,
                            report_health(&report) == HEALTH_PASS ? EXIT_HOLDS : EXIT_FALLS_SHORT);
    buf_free(&out);
    return code;
}

int cli_check(const struct invocation *invocation)
{
    const struct report_format *format = format_find(
        invocation, report_formats, report_formats_offered(), sizeof(report_formats[0]));
    struct report_request request = {.all = invocation_option(invocation, "all") != NULL,
                                     .id_glob = invocation_option(invocation, "id")};
    struct look look;
    arena_begin();
    if (!format || look_open(&look, invocation) < 0)
        return EXIT_COULD_NOT;
    if (!look.by_daemon)
        look_at_system(&look);
    int code = print_report(invocation, &look.published, format, &request);
    look_close(&look);
    return code;
}
