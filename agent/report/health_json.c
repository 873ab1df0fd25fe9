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

/* What a station holds against the certificate that it was shown. */
static void write_certificate(struct json *json, const struct facts *facts)
{
    char until[CLOCK_TEXT_SIZE], reason[OUTPUT_SIZE * 2];
    if (!facts->certificate_fingerprint || facts->certificate_fingerprint[0] == '\0')
        return;
    clock_text(facts->certificate_expires_s, until);
    (void)snprintf(reason, sizeof(reason), "certificate SHA-256 %.*s, until %s", OUTPUT_SIZE,
                   facts->certificate_fingerprint, until);
    json_string(json, NULL, reason);
}

/* What a pass is worth: how many checks nothing was seen of. */
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
    char output[OUTPUT_SIZE];
    if (stale_s) {
        (void)snprintf(output, sizeof(output),
                       "the last look at the node is more than %u seconds old", stale_s);
        json_string(json, "output", output);
    } else if (report->facts.reason) {
        json_string(json, "output", report->facts.reason);
    } else if (report->facts.unrecorded) {
        json_string(json, "output", report->facts.unrecorded);
    } else if (report->facts.reboot_required) {
        json_string(json, "output", "a stored answer waits for the next boot");
    }
}

static void write_head(struct json *json, const struct facts *facts)
{
    char head[OUTPUT_SIZE];
    if (!facts->head)
        return;
    (void)snprintf(head, sizeof(head), "event %llu, head %s", (unsigned long long)facts->event,
                   facts->head);
    json_string(json, NULL, head);
}

void report_health_json(const struct report *report, unsigned stale_s, struct buf *out)
{
    const struct facts *facts = &report->facts;
    struct json json = {.out = out};
    char time[CLOCK_TEXT_SIZE], release[KEY_SIZE];
    clock_text(facts->time_s, time);
    (void)snprintf(release, sizeof(release), "revision %llu, generation %llu",
                   (unsigned long long)facts->revision, (unsigned long long)facts->generation);
    json_object_begin(&json, NULL);
    json_string(&json, "status", health_text(stale_s ? HEALTH_FAIL : report_health(report)));
    write_output(&json, report, stale_s);
    json_string(&json, "version", "1");
    json_string(&json, "releaseId", facts->version);
    json_string(&json, "serviceId", facts->hostname);
    json_string(&json, "description", role_token(facts->role));
    json_array_begin(&json, "notes");
    json_string(&json, NULL, release);
    json_string(&json, NULL, time);
    write_head(&json, facts);
    write_certificate(&json, facts);
    write_counts(&json, report);
    json_array_end(&json);
    json_object_begin(&json, "checks");
    for (size_t d = 0; d < DOMAIN_COUNT; d++)
        write_check(&json, domain_table[d], &report->results->domain[d], time);
    json_object_end(&json);
    json_object_end(&json);
}
