/* The probe's facts and findings, for people and for programs. */
#include "cli/probe_report.h"

#include "base/clock.h"
#include "base/json.h"
#include "probe/ciphers.h"

static const char *answer_text(uint8_t answer)
{
    return answer == PROBE_YES ? "yes" : answer == PROBE_NO ? "no" : "unknown";
}

static const char *name_or(const char *name, const char *otherwise)
{
    return name ? name : otherwise;
}

static void run_judge(const struct probe_report *report,
                      void (*found)(void *context, const struct finding *finding), void *context)
{
    struct evaluate_listener listener = {found, context};
    evaluate(report->result, report->crypto, report->surface, report->now_s, &listener);
}

/* --- text --- */

static void suite_text(const struct probe_suite *suite, struct buf *out)
{
    buf_printf(out, "    %-46s", name_or(cipher_name(suite->id), "not in the registry"));
    if (suite->group)
        buf_printf(out, " %s", name_or(group_name(suite->group), "an explicit group"));
    if (suite->dh_bits)
        buf_printf(out, " %u bits", (unsigned)suite->dh_bits);
    if (suite->proof == PROOF_DONE)
        buf_puts(out, " proved");
    buf_putc(out, '\n');
}

static void sessions_text(const struct probe_version *version, struct buf *out)
{
    buf_printf(out, "    server's order: %s", answer_text(version->server_order));
    if (version->version < TLS_1_3)
        buf_printf(out,
                   "; secure renegotiation: %s; extended master secret: %s; served without it: %s; "
                   "tickets: %s; session ids: %s; compression: %s",
                   answer_text(version->renegotiation), answer_text(version->master_secret),
                   answer_text(version->plain_secret), answer_text(version->ticket),
                   answer_text(version->session_id), answer_text(version->compression));
    buf_printf(out, "; resumption: %s\n", answer_text(version->resumption));
}

static void version_text(const struct probe_version *version, struct buf *out)
{
    buf_printf(out, "%s: %s\n", tls_version_text(version->version),
               version->accepted ? "accepted" : "refused");
    if (!version->accepted)
        return;
    for (size_t i = 0; i < version->suite_count; i++)
        suite_text(&version->suites[i], out);
    sessions_text(version, out);
}

static void groups_text(const struct probe_result *result, struct buf *out)
{
    buf_puts(out, "groups:");
    for (size_t i = 0; i < result->group_count; i++)
        buf_printf(out, " %s", name_or(group_name(result->groups[i].code), "unknown"));
    buf_puts(out, result->group_count ? "\n" : " none seen\n");
}

static void signatures_text(const struct probe_result *result, struct buf *out)
{
    if (result->signature_count == 0)
        return;
    buf_puts(out, "signatures of TLS 1.2:");
    for (size_t i = 0; i < result->signature_count; i++)
        buf_printf(out, " %s", name_or(signature_name(result->signatures[i]), "unknown"));
    buf_putc(out, '\n');
}

static void certificate_text(const struct certificate_facts *facts, struct buf *out)
{
    char from[CLOCK_TEXT_SIZE], to[CLOCK_TEXT_SIZE];
    if (!facts->parsed)
        return;
    clock_text(facts->not_before_s, from);
    clock_text(facts->not_after_s, to);
    buf_printf(out, "certificate: %s\n    issuer: %s\n    names: %s\n", facts->subject,
               facts->issuer, facts->names[0] ? facts->names : "none");
    buf_printf(out, "    valid: %s to %s\n    key: %s; signature: %s; %u in order, %s\n", from, to,
               facts->key, facts->signature[0] ? facts->signature : "unknown",
               (unsigned)facts->in_order, facts->complete ? "up to a root" : "no root among them");
}

static void finding_text(void *context, const struct finding *finding)
{
    struct buf *out = context;
    buf_printf(out, "%s: %s", finding->fault ? "FAULT" : "note", finding->text);
    if (finding->setting != SETTING_NONE)
        buf_printf(out, " (%s)", setting_table[finding->setting].name);
    buf_putc(out, '\n');
}

void probe_report_text(const struct probe_report *report, struct buf *out)
{
    const struct probe_result *result = report->result;
    buf_printf(out, "%s%s%s\n", report->place, report->surface < SURFACE_COUNT ? ", " : "",
               report->surface < SURFACE_COUNT ? surface_table[report->surface].title : "");
    for (size_t i = PROBE_VERSIONS; i-- > 0;)
        version_text(&result->version[i], out);
    groups_text(result, out);
    signatures_text(result, out);
    certificate_text(&result->certificate, out);
    run_judge(report, finding_text, out);
    if (result->proof_error)
        buf_puts(out, "note: not every handshake was answered in time: what no handshake proved is "
                      "unknown\n");
    size_t faults = probe_report_faults(report);
    if (faults)
        buf_printf(out, "%zu fault%s", faults, faults == 1 ? "" : "s");
    else
        buf_puts(out, report->surface < SURFACE_COUNT ? "agrees with the policy" : "no fault");
    buf_printf(out, "; %u connections in %u ms\n", (unsigned)result->connections,
               (unsigned)result->took_ms);
}

/* --- JSON --- */

static void answer_json(struct json *json, const char *name, uint8_t answer)
{
    if (answer == PROBE_UNKNOWN)
        json_null(json, name);
    else
        json_bool(json, name, answer == PROBE_YES);
}

static void name_json(struct json *json, const char *member, const char *name)
{
    if (name)
        json_string(json, member, name);
    else
        json_null(json, member);
}

static void suite_json(struct json *json, const struct probe_suite *suite)
{
    json_object_begin(json, NULL);
    name_json(json, "name", cipher_name(suite->id));
    json_u64(json, "id", suite->id);
    name_json(json, "group", suite->group ? group_name(suite->group) : NULL);
    json_u64(json, "dh_bits", suite->dh_bits);
    answer_json(json, "proved", suite->proof);
    json_object_end(json);
}

static void version_json(struct json *json, const struct probe_version *version)
{
    json_object_begin(json, NULL);
    json_string(json, "version", tls_version_text(version->version));
    json_bool(json, "accepted", version->accepted);
    json_array_begin(json, "suites");
    for (size_t i = 0; i < version->suite_count; i++)
        suite_json(json, &version->suites[i]);
    json_array_end(json);
    answer_json(json, "server_order", version->server_order);
    answer_json(json, "secure_renegotiation", version->renegotiation);
    answer_json(json, "extended_master_secret", version->master_secret);
    answer_json(json, "plain_master_secret", version->plain_secret);
    answer_json(json, "tickets", version->ticket);
    answer_json(json, "session_ids", version->session_id);
    answer_json(json, "compression", version->compression);
    answer_json(json, "resumption", version->resumption);
    json_object_end(json);
}

static void groups_json(struct json *json, const struct probe_result *result)
{
    json_array_begin(json, "groups");
    for (size_t i = 0; i < result->group_count; i++)
        name_json(json, NULL, group_name(result->groups[i].code));
    json_array_end(json);
}

static void signatures_json(struct json *json, const struct probe_result *result)
{
    json_array_begin(json, "signatures");
    for (size_t i = 0; i < result->signature_count; i++)
        name_json(json, NULL, signature_name(result->signatures[i]));
    json_array_end(json);
}

static void certificate_json(struct json *json, const struct probe_result *result)
{
    const struct certificate_facts *facts = &result->certificate;
    char from[CLOCK_TEXT_SIZE], to[CLOCK_TEXT_SIZE];
    if (!facts->parsed) {
        json_null(json, "certificate");
        return;
    }
    clock_text(facts->not_before_s, from);
    clock_text(facts->not_after_s, to);
    json_object_begin(json, "certificate");
    json_string(json, "subject", facts->subject);
    json_string(json, "issuer", facts->issuer);
    json_string(json, "names", facts->names);
    json_string(json, "not_before", from);
    json_string(json, "not_after", to);
    json_string(json, "key", facts->key);
    json_string(json, "signature", facts->signature);
    json_u64(json, "sent", result->chain.count);
    json_u64(json, "in_order", facts->in_order);
    json_bool(json, "complete", facts->complete);
    json_bool(json, "named", facts->named);
    json_bool(json, "key_proved", result->key_proved);
    json_object_end(json);
}

static void finding_json(void *context, const struct finding *finding)
{
    struct json *json = context;
    json_object_begin(json, NULL);
    json_string(json, "topic", topic_name(finding->topic));
    json_bool(json, "fault", finding->fault);
    json_string(json, "text", finding->text);
    name_json(json, "setting",
              finding->setting == SETTING_NONE ? NULL : setting_table[finding->setting].name);
    json_object_end(json);
}

void probe_report_json(const struct probe_report *report, struct buf *out)
{
    const struct probe_result *result = report->result;
    struct json json = {.out = out};
    json_object_begin(&json, NULL);
    json_string(&json, "place", report->place);
    name_json(&json, "surface",
              report->surface < SURFACE_COUNT ? surface_table[report->surface].name : NULL);
    json_array_begin(&json, "versions");
    for (size_t i = PROBE_VERSIONS; i-- > 0;)
        version_json(&json, &result->version[i]);
    json_array_end(&json);
    groups_json(&json, result);
    signatures_json(&json, result);
    certificate_json(&json, result);
    json_array_begin(&json, "findings");
    run_judge(report, finding_json, &json);
    json_array_end(&json);
    json_u64(&json, "faults", probe_report_faults(report));
    json_bool(&json, "proof_complete", result->proof_error == 0);
    json_u64(&json, "connections", result->connections);
    json_u64(&json, "took_ms", result->took_ms);
    json_object_end(&json);
    buf_putc(out, '\n');
}

/* --- the verdict --- */

static void count_fault(void *context, const struct finding *finding)
{
    size_t *faults = context;
    *faults += finding->fault;
}

size_t probe_report_faults(const struct probe_report *report)
{
    size_t faults = 0;
    run_judge(report, count_fault, &faults);
    return faults;
}
