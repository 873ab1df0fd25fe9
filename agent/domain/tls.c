/*
 * The tls domain: what the node's own listeners really accept, held against the policy's records.
 * It connects to nobody: the daemon probes them (probe/record.h), and what it found last is judged
 * here by the policy of the moment. Before the network is up there is no record, and no row
 * applies.
 */
#include "domain/domain.h"

#include "base/clock.h"
#include "base/str.h"
#include "probe/judge.h"
#include "probe/record.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* --- plan: a row a listener and topic; its tag says which --- */

static const struct aspect {
    const char *title, *desired;
    enum setting_key setting;
} aspects[TOPIC_COUNT] = {
    [TOPIC_VERSIONS] = {"TLS versions accepted",             "those of the policy alone",            SETTING_NONE },
    [TOPIC_SUITES] = {"TLS suites accepted",               "those of the policy alone",            TLS_CBC      },
    [TOPIC_GROUPS] = {"TLS groups accepted",               "those of the policy alone",            SECURITY_FIPS},
    [TOPIC_ORDER] = {"whose order of TLS suites decides", "the server's",                         SETTING_NONE },
    [TOPIC_SESSIONS] = {"TLS sessions",                      "secure renegotiation, no compression", SETTING_NONE },
    [TOPIC_CERTIFICATE] = {"certificate",                       "valid, its chain in order",            SETTING_NONE },
};

static size_t tag_of(size_t listener, enum topic topic)
{
    return listener * TOPIC_COUNT + topic;
}

static void plan_row(const struct policy *policy, size_t index, enum topic topic, struct rows *rows)
{
    const struct listener *listener = &policy->listeners[index];
    const struct aspect *aspect = &aspects[topic];
    enum setting_key setting = aspect->setting;
    if (topic == TOPIC_VERSIONS)
        setting = surface_table[record_surface(listener)].legacy;
    rows_add(rows, (struct row){
                       .id = rows_text(rows, "tls.%s.%s", listener->name, topic_name(topic)),
                       .title = rows_text(rows, "%s: %s", listener->title, aspect->title),
                       .section = setting_table[TLS_CBC].section,
                       .setting = setting,
                       .desired = aspect->desired,
                       .tag = tag_of(index, topic),
                   });
}

static void tls_plan(const struct policy *policy, struct rows *rows)
{
    for (size_t i = 0; i < policy->listener_count; i++)
        for (enum topic topic = 0; topic < TOPIC_COUNT; topic++)
            if (record_surface(&policy->listeners[i]) != SURFACE_NONE)
                plan_row(policy, i, topic, rows);
}

/* --- observe --- */

enum { NAMED_MAX = 5 };

struct verdicts {
    enum topic topic;
    size_t faults;
    enum setting_key setting; /* of the first fault */
    struct buf text;          /* the first few */
};

static void collect(void *context, const struct finding *finding)
{
    struct verdicts *verdicts = context;
    if (!finding->fault || finding->topic != verdicts->topic)
        return;
    if (verdicts->faults == 0)
        verdicts->setting = finding->setting;
    if (verdicts->faults++ < NAMED_MAX)
        buf_printf(&verdicts->text, "%s%s", verdicts->faults > 1 ? "; " : "", finding->text);
}

static void judge_row(const struct policy *policy, const struct listener *listener,
                      const struct probe_result *result, struct rows *rows, struct row *row)
{
    struct verdicts verdicts = {.topic = row->tag % TOPIC_COUNT};
    struct judge_listener ear = {collect, &verdicts};
    judge(result, &policy->crypto, record_surface(listener), clock_now_s(), &ear);
    if (verdicts.faults > NAMED_MAX)
        buf_printf(&verdicts.text, "; and %zu more", verdicts.faults - NAMED_MAX);
    row->actual = verdicts.faults ? rows_take(rows, &verdicts.text) : row->desired;
    if (verdicts.faults && verdicts.setting != SETTING_NONE) {
        row->setting = verdicts.setting;
        row->section = setting_table[verdicts.setting].section;
    }
    bool unpermitted = verdicts.setting == SETTING_NONE && verdicts.topic <= TOPIC_GROUPS;
    if (verdicts.faults == 0)
        row_verdict(row, VERDICT_PASS, NULL);
    else
        row_verdict(row, VERDICT_FAIL, unpermitted ? "no setting permits it" : NULL);
    buf_free(&verdicts.text);
}

static void observe_row(const struct policy *policy, const struct probe_record *record,
                        struct rows *rows, struct row *row)
{
    const struct listener *listener = &policy->listeners[row->tag / TOPIC_COUNT];
    const struct record_listener *entry = record_find(record, listener);
    if (!entry)
        row_verdict(row, VERDICT_NOT_APPLICABLE, "not probed yet");
    else if (entry->result.error == -ECONNREFUSED)
        row_verdict(row, VERDICT_NOT_APPLICABLE,
                    rows_text(rows, "nothing listens on port %u", (unsigned)entry->port));
    else if (entry->result.error && entry->result.error != -ETIME)
        row_verdict(row, VERDICT_ERROR, rows_text(rows, "%s", entry->result.reason));
    else
        judge_row(policy, listener, &entry->result, rows, row);
    /* A busy node is no fault of its listener, and no proof that it has none. */
    if (entry && entry->result.error == -ETIME && row->verdict == VERDICT_PASS)
        row_verdict(row, VERDICT_NOT_CHECKED, rows_text(rows, "%s", entry->result.reason));
}

static void all_rows(struct rows *rows, enum verdict verdict, const char *note)
{
    for (size_t i = 0; i < rows->count; i++)
        row_verdict(&rows->list[i], verdict, note);
}

static void tls_observe(const struct system *system, const struct policy *policy, struct rows *rows)
{
    struct probe_record *record = malloc(sizeof(*record));
    int error = record ? record_read(system->root, record) : -ENOMEM;
    if (error == -ENOENT)
        all_rows(rows, VERDICT_NOT_APPLICABLE, "not probed yet: holdfast run does");
    else if (error)
        all_rows(rows, VERDICT_ERROR,
                 rows_text(rows, "cannot read " PROBE_RECORD_PATH ": %s", strerror(-error)));
    else if (record_is_stale(record, clock_boot_ms()))
        all_rows(rows, VERDICT_NOT_CHECKED, "nothing was probed lately: holdfast run does");
    for (size_t i = 0; error == 0 && i < rows->count; i++)
        if (rows->list[i].verdict != VERDICT_NOT_CHECKED)
            observe_row(policy, record, rows, &rows->list[i]);
    free(record);
}

const struct domain domain_tls = {
    .name = "tls",
    .title = "What the node's own TLS listeners accept",
    .weight = WEIGHT_ENFORCED,
    .plan = tls_plan,
    .observe = tls_observe,
};
