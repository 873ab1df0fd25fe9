/* holdfast check: plans and observes, changes nothing, and reports in the format asked for. */
#include "cli/commands.h"

#include "base/file.h"
#include "base/log.h"
#include "base/str.h"
#include "report/report.h"
#include "serve/endpoint.h"
#include "serve/node.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct view {
    bool all;
    const char *id_glob; /* NULL: every row */
};

static void write_text(const struct report *report, const struct view *view, struct buf *out)
{
    report_text(report, view->all, view->id_glob, out);
}

static void write_json(const struct report *report, const struct view *view, struct buf *out)
{
    report_json(report, view->id_glob, out);
    buf_putc(out, '\n');
}

static const struct format {
    const char *name;
    void (*write)(const struct report *report, const struct view *view, struct buf *out);
} formats[] = {
    {"text", write_text},
    {"json", write_json},
};

static const struct format *find_format(const char *name)
{
    for (size_t i = 0; i < countof(formats); i++)
        if (str_equal(formats[i].name, name))
            return &formats[i];
    return NULL;
}

/* A mistyped id must not look as if all were well. */
static bool any_matches(const struct results *results, const char *id_glob)
{
    for (size_t d = 0; d < DOMAIN_COUNT; d++)
        for (size_t i = 0; i < results->domain[d].count; i++)
            if (report_wants(&results->domain[d].list[i], id_glob))
                return true;
    return false;
}

static int print_report(const struct node *node, const struct format *format,
                        const struct view *view)
{
    struct results results = {0};
    struct report report = {.results = &results};
    struct buf out = {0};
    domain_check(&node->policy, &node->system, &results);
    if (!any_matches(&results, view->id_glob)) {
        log_error("check: no row has an id like %s", view->id_glob);
        results_free(&results);
        return EXIT_COULD_NOT;
    }
    node_facts(node, &report.facts);
    format->write(&report, view, &out);
    int error = buf_error(&out);
    if (error == 0)
        error = file_write_all(STDOUT_FILENO, out.data, out.length);
    enum health health = report_health(&report);
    results_free(&results);
    buf_free(&out);
    if (error) {
        log_error("check: cannot write the report: %s", strerror(-error));
        return EXIT_COULD_NOT;
    }
    return health == HEALTH_PASS ? EXIT_HOLDS : EXIT_FALLS_SHORT;
}

int cli_check(const struct invocation *invocation)
{
    const char *name = invocation_option(invocation, "format");
    const struct format *format = find_format(name ? name : "text");
    struct view view = {.all = invocation_option(invocation, "all") != NULL,
                        .id_glob = invocation_option(invocation, "id")};
    struct node node;
    if (!format) {
        log_error("check: unknown format %s: text or json", name);
        return EXIT_COULD_NOT;
    }
    int error = node_load(&node, invocation->root, invocation->state_path, NODE_LOOK);
    if (error) {
        log_error("check: cannot load the node: %s", strerror(-error));
        return EXIT_COULD_NOT;
    }
    endpoint_judge(&node);
    int code = print_report(&node, format, &view);
    node_close(&node);
    return code;
}
