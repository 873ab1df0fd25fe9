/*
 * The tls domain: what the node's own listeners really accept, held against the policy's records.
 * It opens no connection: the prober does (probe/probe_cache.h), and its last results are compared
 * with the current policy. Before the network is up there is no record, and no check applies. The
 * daemon says which process serves the health port (probe/served.h): it is evaluated only where it
 * is the endpoint, with the endpoint's certificate.
 */
#include "domain/domain.h"

#include "base/clock.h"
#include "base/str.h"
#include "domain/tls_accepted.h"
#include "probe/evaluate.h"
#include "probe/probe_cache.h"
#include "probe/served.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- plan: a check a listener and topic; its tag says which --- */

/* clang-format off */
static const struct aspect {
    const char *title, *expected;
    enum setting_key setting;
} aspects[TOPIC_COUNT] = {
    [TOPIC_VERSIONS]    = {"TLS versions accepted", "those of the policy alone", SETTING_NONE},
    [TOPIC_SUITES]      = {"TLS suites accepted", "those of the policy alone", TLS_CBC},
    [TOPIC_GROUPS]      = {"TLS groups accepted", "those of the policy alone", SECURITY_FIPS},
    [TOPIC_SIGNATURES]  = {"TLS signatures made", "those of the policy alone", SETTING_NONE},
    [TOPIC_ORDER]       = {"order of TLS suites", "the server's", SETTING_NONE},
    [TOPIC_SESSIONS]    = {"TLS sessions", "secure renegotiation, no compression, in FIPS mode "
                           "extended master secret", SETTING_NONE},
    [TOPIC_CERTIFICATE] = {"certificate", "valid, its chain in order", SETTING_NONE},
    [TOPIC_HEADERS]     = {"HTTP headers of pages and errors", "Strict-Transport-Security and "
                           "Referrer-Policy of the policy", HTTP_REFERRER_POLICY},
};
/* clang-format on */

static size_t tag_of(size_t listener, enum topic topic)
{
    return listener * TOPIC_COUNT + topic;
}

static void plan_check(const struct policy *policy, size_t index, enum topic topic,
                       struct checks *checks)
{
    const struct listener *listener = &policy->listeners[index];
    const struct aspect *aspect = &aspects[topic];
    enum setting_key setting = aspect->setting;
    if (topic == TOPIC_VERSIONS)
        setting = surface_table[probe_cache_surface(listener)].legacy;
    checks_add(checks,
               (struct check){
                   .id = checks_text(checks, "tls.%s.%s", listener->name, topic_name(topic)),
                   .title = checks_text(checks, "%s: %s", listener->title, aspect->title),
                   .section = setting_table[TLS_CBC].section,
                   .setting = setting,
                   .expected = aspect->expected,
                   .tag = tag_of(index, topic),
               });
}

/* SIP has no headers of HTTP. */
static bool has_topic(const struct listener *listener, enum topic topic)
{
    enum surface surface = probe_cache_surface(listener);
    return topic == TOPIC_HEADERS ? surface == SURFACE_HTTPS_IN : surface != SURFACE_NONE;
}

enum { TAG_SERVED = LISTENERS_MAX * TOPIC_COUNT };

static void tls_plan(const struct policy *policy, struct checks *checks)
{
    checks_add(checks, (struct check){
                           .id = "tls.health.served",
                           .title = "Health endpoint: who answers at its port",
                           .section = setting_table[TLS_CBC].section,
                           .setting = SETTING_NONE,
                           .expected = "the node's own endpoint, with its own certificate and key",
                           .tag = TAG_SERVED,
                       });
    for (size_t i = 0; i < policy->listener_count; i++)
        for (enum topic topic = 0; topic < TOPIC_COUNT; topic++)
            if (has_topic(&policy->listeners[i], topic))
                plan_check(policy, i, topic, checks);
}

/* --- observe --- */

enum { NAMED_MAX = 5 };

/* What the daemon left in /run. */
struct probe_evidence {
    struct probe_cache record;
    struct served_record served;
    int record_error, served_error; /* of reading them: a negative errno */
};

struct verdicts {
    enum topic topic;
    size_t faults, advices;
    enum setting_key setting;          /* of the first fault */
    struct buf text;                   /* the first few */
    char unchecked[FINDING_TEXT_SIZE]; /* what could not be asked: "" where all was */
};

static void add_text(struct verdicts *verdicts, const char *text)
{
    if (verdicts->faults + verdicts->advices < NAMED_MAX)
        buf_printf(&verdicts->text, "%s%s", verdicts->text.length ? "; " : "", text);
}

static void collect(void *context, const struct finding *finding)
{
    struct verdicts *verdicts = context;
    bool fault = finding->fault || finding->effect == FINDING_FAULT;
    if (finding->topic != verdicts->topic)
        return;
    if (!fault && finding->effect == FINDING_UNCHECKED)
        (void)str_copy(verdicts->unchecked, sizeof(verdicts->unchecked), finding->text);
    if (!fault && finding->effect != FINDING_ADVICE)
        return;
    if (verdicts->faults == 0 && fault)
        verdicts->setting = finding->setting;
    add_text(verdicts, finding->text);
    verdicts->faults += fault;
    verdicts->advices += !fault;
}

/* A certificate that names hosts must name this one by its full name; one for addresses alone, one
 * of the node's (RFC 9525, 3). */
static bool names_the_node(const struct settings *settings, const struct probe_result *result)
{
    const struct certificate_facts *facts = &result->certificate;
    static const enum setting_key addresses[] = {NODE_ADDRESS, NODE_ADDRESS6};
    char name[SETTING_ITEM_SIZE];
    (void)snprintf(name, sizeof(name), "%s.%s", settings_text(settings, NODE_HOSTNAME),
                   settings_text(settings, NODE_DOMAIN));
    bool held = certificate_names_hold(facts, &result->chain, name);
    bool for_hosts = held || certificate_names_a_host(facts, &result->chain);
    for (size_t i = 0; i < countof(addresses) && !for_hosts; i++)
        for (size_t cursor = 0; settings_item(settings, addresses[i], &cursor, name);) {
            name[strcspn(name, "/")] = '\0';
            held |= certificate_names_hold(facts, &result->chain, name);
        }
    return held;
}

static void judge_node_name(const struct settings *settings, const struct probe_result *result,
                            struct verdicts *verdicts)
{
    const struct certificate_facts *facts = &result->certificate;
    char text[FINDING_TEXT_SIZE];
    if (verdicts->topic != TOPIC_CERTIFICATE || !facts->parsed || names_the_node(settings, result))
        return;
    (void)snprintf(text, sizeof(text), "the certificate does not name this node, %s.%s, but %.150s",
                   settings_text(settings, NODE_HOSTNAME), settings_text(settings, NODE_DOMAIN),
                   facts->names[0] ? facts->names : "no host");
    add_text(verdicts, text);
    verdicts->faults++;
}

static bool every_page_answered(const struct probe_result *result)
{
    for (size_t i = 0; i < PAGE_COUNT; i++)
        if (result->page[i].status == 0)
            return false;
    return true;
}

static void judge_check(const struct policy *policy, const struct listener *listener,
                        const struct probe_result *result, struct checks *checks,
                        struct check *check)
{
    struct verdicts verdicts = {.topic = check->tag % TOPIC_COUNT, .setting = SETTING_NONE};
    struct evaluate_listener ear = {collect, &verdicts};
    evaluate(result, &policy->crypto, probe_cache_surface(listener), clock_now_s(), &ear);
    judge_node_name(policy->settings, result, &verdicts);
    size_t count = verdicts.faults + verdicts.advices;
    if (count > NAMED_MAX)
        buf_printf(&verdicts.text, "; and %zu more", count - NAMED_MAX);
    check->observed = count ? checks_take_text(checks, &verdicts.text)
                            : tls_accepted_text(result, verdicts.topic, checks);
    check->advised = verdicts.faults == 0;
    if (verdicts.faults && verdicts.setting != SETTING_NONE) {
        check->setting = verdicts.setting;
        check->section = setting_table[verdicts.setting].section;
    }
    bool unpermitted = verdicts.setting == SETTING_NONE && verdicts.topic <= TOPIC_SIGNATURES;
    if (count == 0 && verdicts.topic == TOPIC_HEADERS && !every_page_answered(result))
        check_verdict(check, VERDICT_NOT_CHECKED, "not every request was answered in time");
    else if (count == 0 && verdicts.unchecked[0])
        check_verdict(check, VERDICT_NOT_CHECKED, checks_text(checks, "%s", verdicts.unchecked));
    else if (count == 0)
        check_verdict(check, VERDICT_PASS, NULL);
    else
        check_verdict(check, VERDICT_FAIL, unpermitted ? "no setting permits it" : NULL);
    buf_free(&verdicts.text);
}

static void observe_result(const struct policy *policy, const struct probe_cache_listener *entry,
                           const struct listener *listener, struct checks *checks,
                           struct check *check)
{
    if (entry->result.error && entry->result.error != -ETIME)
        check_verdict(check, VERDICT_ERROR, checks_text(checks, "%s", entry->result.reason));
    else
        judge_check(policy, listener, &entry->result, checks, check);
    /* A busy node is no fault of its listener, and no proof that it has none. */
    if (entry->result.error == -ETIME && check->verdict == VERDICT_PASS)
        check_verdict(check, VERDICT_NOT_CHECKED, checks_text(checks, "%s", entry->result.reason));
}

static void observe_check(const struct policy *policy, const struct probe_evidence *evidence,
                          struct checks *checks, struct check *check)
{
    const struct listener *listener = &policy->listeners[check->tag / TOPIC_COUNT];
    const struct probe_cache_listener *entry = probe_cache_find(&evidence->record, listener);
    if (!entry)
        check_verdict(check, VERDICT_NOT_APPLICABLE, "not probed yet");
    else if (entry->result.error == -ECONNREFUSED)
        check_verdict(check, VERDICT_NOT_APPLICABLE,
                      checks_text(checks, "nothing listens on port %u", (unsigned)entry->port));
    else
        observe_result(policy, entry, listener, checks, check);
}

/* --- who serves the health port --- */

static const struct probe_cache_listener *find_health(const struct policy *policy,
                                                      const struct probe_cache *record)
{
    for (size_t i = 0; i < policy->listener_count; i++)
        if (str_equal(policy->listeners[i].name, "health"))
            return probe_cache_find(record, &policy->listeners[i]);
    return NULL;
}

/* Why what the last probe met at the port is not the endpoint, or NULL. A probe that began before
 * the endpoint got its certificate met the one before. */
static const char *why_a_stranger(const struct policy *policy,
                                  const struct probe_evidence *evidence)
{
    const struct probe_cache_listener *entry =
        evidence->record_error ? NULL : find_health(policy, &evidence->record);
    if (!entry || entry->began_ms < evidence->served.since_ms)
        return NULL;
    const struct probe_result *result = &entry->result;
    if (result->error == -ECONNREFUSED)
        return "the port refuses connections";
    if (result->error && result->error != -ETIME) /* that was answered in part, which counts */
        return NULL;
    if (certificate_chain_is_seen(&result->chain) &&
        !str_equal(result->certificate.fingerprint, evidence->served.fingerprint))
        return "another program answers at the port, with another certificate";
    if (result->error || result->proof_error || result->key_proved)
        return NULL;
    return "what answers at the port did not prove that it has the key";
}

/* Why the endpoint does not serve, or NULL. */
static const char *why_not_served(const struct policy *policy,
                                  const struct probe_evidence *evidence)
{
    const struct served_record *served = &evidence->served;
    if (served_is_stale(served, clock_boot_ms()))
        return "holdfast run has ended or hangs";
    if (served->state == SERVED_DOWN)
        return served->reason;
    return why_a_stranger(policy, evidence);
}

static void observe_served(const struct policy *policy, const struct probe_evidence *evidence,
                           struct checks *checks, struct check *check)
{
    const struct served_record *served = &evidence->served;
    if (evidence->served_error == -ENOENT) {
        check_verdict(check, VERDICT_NOT_APPLICABLE, "holdfast run starts it");
        return;
    }
    if (evidence->served_error) {
        check_verdict(check, VERDICT_ERROR,
                      checks_text(checks, "cannot read " SERVED_RECORD_PATH ": %s",
                                  strerror(-evidence->served_error)));
        return;
    }
    const char *why = why_not_served(policy, evidence);
    if (why) {
        check->observed = checks_text(checks, "not served at %s: %s", served->place, why);
        check_verdict(check, VERDICT_FAIL, NULL);
    } else if (served->state == SERVED_STARTING) {
        check_verdict(check, VERDICT_NOT_CHECKED, "the endpoint is starting");
    } else {
        check->observed = checks_text(checks, "process %d answers at %s, certificate SHA-256 %s",
                                      (int)served->pid, served->place, served->fingerprint);
        check_verdict(check, VERDICT_PASS, NULL);
    }
}

static void all_checks(struct checks *checks, enum verdict verdict, const char *reason)
{
    for (size_t i = 0; i < checks->count; i++)
        check_verdict(&checks->list[i], verdict, reason);
}

/* True where no check can be judged by the record, which every check then says. */
static bool observe_none(const struct probe_evidence *evidence, struct checks *checks)
{
    const struct served_record *served = &evidence->served;
    if (evidence->served_error == 0 && served->probe_failures >= PROBE_CACHE_CARRIED_MAX)
        all_checks(
            checks, VERDICT_ERROR,
            checks_text(checks, "the probe does not come to its end: %s", served->probe_reason));
    else if (evidence->record_error == -ENOENT)
        all_checks(checks, VERDICT_NOT_APPLICABLE, "not probed yet: holdfast run does");
    else if (evidence->record_error)
        all_checks(checks, VERDICT_ERROR,
                   checks_text(checks, "cannot read " PROBE_CACHE_PATH ": %s",
                               strerror(-evidence->record_error)));
    else if (probe_cache_is_stale(&evidence->record, clock_boot_ms()))
        all_checks(checks, VERDICT_NOT_CHECKED, "nothing was probed lately: holdfast run does");
    else
        return false;
    return true;
}

/* What the health port shows counts where it is the endpoint that shows it; true where not. */
static bool observe_not_health(const struct policy *policy, const struct probe_evidence *evidence,
                               struct checks *checks, struct check *check)
{
    if (evidence->served_error ||
        !str_equal(policy->listeners[check->tag / TOPIC_COUNT].name, "health"))
        return false;
    const char *why = why_not_served(policy, evidence);
    const struct probe_cache_listener *entry = find_health(policy, &evidence->record);
    if (why)
        check_verdict(check, VERDICT_ERROR,
                      checks_text(checks, "the endpoint is not served: %s", why));
    else if (entry && entry->result.certificate.parsed &&
             !str_equal(entry->result.certificate.fingerprint, evidence->served.fingerprint))
        check_verdict(check, VERDICT_NOT_CHECKED, "not probed yet with the present certificate");
    else
        return false;
    return true;
}

static void tls_observe(const struct system *system, const struct evidence *known,
                        const struct policy *policy, struct checks *checks)
{
    (void)known;
    struct probe_evidence *evidence = calloc(1, sizeof(*evidence));
    if (!evidence) {
        all_checks(checks, VERDICT_ERROR, strerror(ENOMEM));
        return;
    }
    evidence->record_error = probe_cache_read(system->root, &evidence->record);
    evidence->served_error = served_read(system->root, &evidence->served);
    if (evidence->record_error)
        evidence->record = (struct probe_cache){.count = 0};
    bool settled = observe_none(evidence, checks);
    for (size_t i = 0; i < checks->count; i++) {
        struct check *check = &checks->list[i];
        if (check->tag == TAG_SERVED)
            observe_served(policy, evidence, checks, check);
        else if (!observe_not_health(policy, evidence, checks, check) && !settled)
            observe_check(policy, evidence, checks, check);
    }
    free(evidence);
}

const struct domain domain_tls = {
    .name = "tls",
    .title = "What the node's own TLS listeners accept",
    .weight = WEIGHT_ENFORCED,
    .plan = tls_plan,
    .observe = tls_observe,
};
