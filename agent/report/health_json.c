/*
 * The health document: one check a domain. Source: draft-inadarei-api-health-check-06, sections 3
 * and 4.
 */
#include "report/report.h"

#include "base/clock.h"
#include "base/json.h"
#include "base/str.h"

#include <stdio.h>

enum { KEY_SIZE = 64, OUTPUT_SIZE = 128 };

static enum health domain_health(const struct domain *domain, const struct checks *checks)
{
    if (checks_worst(checks) < VERDICT_FAIL)
        return HEALTH_PASS;
    return domain->weight == WEIGHT_ENFORCED && checks_worst_of(checks, false) >= VERDICT_FAIL
               ? HEALTH_FAIL
               : HEALTH_WARN;
}

static void write_check(struct json *json, const struct domain *domain, const struct checks *checks,
                        const char *time)
{
    char key[KEY_SIZE];
    struct check_counts counts = {.total = 0};
    report_count(checks, &counts);
    (void)snprintf(key, sizeof(key), "%s:failing", domain->name);
    json_array_begin(json, key);
    json_object_begin(json, NULL);
    json_string(json, "componentType", "system");
    json_string(json, "status", health_text(domain_health(domain, checks)));
    json_u64(json, "observedValue", counts.of[VERDICT_FAIL] + counts.of[VERDICT_ERROR]);
    json_string(json, "observedUnit", "checks");
    json_string(json, "time", time);
    json_object_end(json);
    json_array_end(json);
}

static void write_note(struct json *json, struct buf *note)
{
    if (note->length)
        json_string(json, NULL, buf_text(note));
    json->out->failed |= note->failed;
    buf_clear(note);
}

static void write_notes(struct json *json, const struct facts *facts)
{
    struct buf note = {0};
    bool written = false;
    for (size_t i = 0; i < fact_count; i++) {
        const struct fact *fact = &fact_table[i];
        char buffer[FACT_SIZE];
        const char *value = fact_value(fact, facts, buffer);
        if (!fact->note || (fact->note[0] == ',' && !written))
            continue;
        if (fact->note[0] != ',')
            write_note(json, &note);
        written = value != NULL;
        if (written)
            buf_printf(&note, "%s%s", fact->note, value);
    }
    write_note(json, &note);
    buf_free(&note);
}

/* How many checks have each verdict: a pass does not hide those that were not checked. */
static void write_counts(struct json *json, const struct report *report)
{
    struct check_counts counts = {.total = 0};
    struct buf text = {0};
    report_count_all(report, &counts);
    report_put_counts(&counts, &text);
    json_string(json, NULL, buf_text(&text));
    json->out->failed |= text.failed;
    buf_free(&text);
}

static void write_output(struct json *json, const struct report *report, unsigned stale_s)
{
    char output[OUTPUT_SIZE], buffer[FACT_SIZE];
    const struct fact *worst;
    if (stale_s) {
        (void)snprintf(output, sizeof(output),
                       "the node was last observed more than %u seconds ago", stale_s);
        json_string(json, "output", output);
    } else if (facts_health(&report->facts, &worst) != HEALTH_PASS) {
        json_string(json, "output",
                    worst->kind == FACT_IS_FLAG ? worst->text[0]
                                                : fact_value(worst, &report->facts, buffer));
    }
}

void report_health_json(const struct report *report, const struct report_request *request,
                        struct buf *out)
{
    unsigned stale_s = request->stale_s;
    const struct facts *facts = &report->facts;
    struct json json = {.out = out};
    char time[CLOCK_TEXT_SIZE];
    clock_text(facts->time_s, time);
    json_object_begin(&json, NULL);
    json_string(&json, "status", health_text(stale_s ? HEALTH_FAIL : report_health(report)));
    write_output(&json, report, stale_s);
    json_string(&json, "version", "1");
    json_string(&json, "releaseId", facts->version);
    json_string(&json, "serviceId", facts->hostname);
    json_string(&json, "description", role_token(facts->role));
    json_array_begin(&json, "notes");
    write_notes(&json, facts);
    write_counts(&json, report);
    json_array_end(&json);
    json_object_begin(&json, "checks");
    for (size_t d = 0; d < DOMAIN_COUNT; d++)
        write_check(&json, domain_table[d], &report->results->domain[d], time);
    json_object_end(&json);
    json_object_end(&json);
}
