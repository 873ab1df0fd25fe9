/* Every check as JSON; agent/report/checks.schema.json says what it means. */
#include "report/report.h"

#include "base/clock.h"
#include "base/json.h"

enum { SCHEMA_VERSION = 2 };

static void write_optional(struct json *json, const char *name, const char *value)
{
    if (value)
        json_string(json, name, value);
    else
        json_null(json, name);
}

static void write_check(struct json *json, const struct domain *domain, const struct check *check)
{
    bool decided = check->setting != SETTING_NONE;
    json_object_begin(json, NULL);
    json_string(json, "id", check->id);
    json_string(json, "domain", domain->name);
    json_string(json, "title", check->title);
    write_optional(json, "section", check->section);
    write_optional(json, "setting", decided ? setting_table[check->setting].name : NULL);
    json_string(json, "expected", check->expected);
    json_string(json, "observed", check->observed ? check->observed : "");
    json_string(json, "verdict", verdict_token(check->verdict));
    write_optional(json, "reason", check->reason);
    json_object_end(json);
}

static void write_checks(struct json *json, const struct report *report, const char *id_glob)
{
    json_array_begin(json, "checks");
    for (size_t d = 0; d < DOMAIN_COUNT; d++) {
        const struct checks *checks = &report->results->domain[d];
        for (size_t i = 0; i < checks->count; i++)
            if (report_wants(&checks->list[i], id_glob))
                write_check(json, domain_table[d], &checks->list[i]);
    }
    json_array_end(json);
}

static void write_counts(struct json *json, const struct report *report)
{
    struct check_counts counts = {.total = 0};
    report_count_all(report, &counts);
    json_object_begin(json, "counts");
    for (enum verdict verdict = 0; verdict < VERDICT_COUNT; verdict++)
        json_u64(json, verdict_token(verdict), counts.of[verdict]);
    json_object_end(json);
}

void report_json(const struct report *report, const char *id_glob, struct buf *out)
{
    const struct facts *facts = &report->facts;
    struct json json = {.out = out};
    char time[CLOCK_TEXT_SIZE];
    clock_text(facts->time_s, time);
    json_object_begin(&json, NULL);
    json_u64(&json, "schema", SCHEMA_VERSION);
    write_optional(&json, "reason", facts->reason);
    write_optional(&json, "unrecorded", facts->unrecorded);
    json_string(&json, "status", health_text(report_health(report)));
    json_string(&json, "version", facts->version);
    json_string(&json, "hostname", facts->hostname);
    json_string(&json, "role", role_token(facts->role));
    json_u64(&json, "revision", facts->revision);
    json_u64(&json, "generation", facts->generation);
    json_u64(&json, "event", facts->event);
    write_optional(&json, "head", facts->head);
    json_string(&json, "time", time);
    json_bool(&json, "admin_disabled", facts->admin_disabled);
    json_bool(&json, "fips", facts->fips);
    json_bool(&json, "reboot_required", facts->reboot_required);
    json_u64(&json, "boot_started_ms", facts->boot_started_ms);
    json_u64(&json, "boot_finished_ms", facts->boot_finished_ms);
    write_counts(&json, report);
    write_checks(&json, report, id_glob);
    json_object_end(&json);
}
