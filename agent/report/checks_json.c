/* Every check as JSON; agent/report/checks.schema.json says what it means. */
#include "report/report.h"

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

static void write_fact(struct json *json, const struct fact *fact, const struct facts *facts)
{
    char buffer[FACT_SIZE];
    if (fact->kind == FACT_IS_FLAG)
        json_bool(json, fact->json, fact_is_set(fact, facts));
    else if (fact->kind == FACT_IS_NUMBER)
        json_u64(json, fact->json, fact_number(fact, facts));
    else
        write_optional(json, fact->json, fact_value(fact, facts, buffer));
}

static void write_facts(struct json *json, const struct facts *facts)
{
    for (size_t i = 0; i < fact_count; i++)
        if (fact_table[i].json)
            write_fact(json, &fact_table[i], facts);
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

void report_json(const struct report *report, const struct report_request *request, struct buf *out)
{
    struct json json = {.out = out};
    json_object_begin(&json, NULL);
    json_u64(&json, "schema", SCHEMA_VERSION);
    json_string(&json, "status", health_text(report_health(report)));
    write_facts(&json, &report->facts);
    write_counts(&json, report);
    write_checks(&json, report, request->id_glob);
    json_object_end(&json);
}
