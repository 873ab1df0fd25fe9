/* One function a topic, each of which walks over what was accepted. */
#include "probe/evaluate.h"

#include "base/clock.h"
#include "base/str.h"
#include "probe/ciphers.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

enum { DH_BITS_LEAST = 2048 /* spec/crypto.md; SP 800-52r2, 3.3.1 */ };

struct evaluator {
    const struct probe_result *result;
    const struct crypto *crypto;
    const struct surface_record *record; /* NULL: none */
    enum surface surface;
    bool fips; /* of the node that has the listener */
    int64_t now_s;
    const struct evaluate_listener *listener;
    enum topic topic;
};

const char *topic_name(enum topic topic)
{
    static const char *const names[TOPIC_COUNT] = {
        [TOPIC_VERSIONS] = "versions",
        [TOPIC_SUITES] = "suites",
        [TOPIC_GROUPS] = "groups",
        [TOPIC_SIGNATURES] = "signatures",
        [TOPIC_ORDER] = "order",
        [TOPIC_SESSIONS] = "sessions",
        [TOPIC_CERTIFICATE] = "certificate",
        [TOPIC_HEADERS] = "headers",
    };
    return names[topic];
}

__attribute__((format(printf, 4, 5))) static void tell(const struct evaluator *evaluator,
                                                       bool fault, enum setting_key setting,
                                                       const char *format, ...)
{
    struct finding finding = {.topic = evaluator->topic, .fault = fault, .setting = setting};
    va_list args;
    va_start(args, format);
    (void)vsnprintf(finding.text, sizeof(finding.text), format, args);
    va_end(args);
    evaluator->listener->found(evaluator->listener->context, &finding);
}

/* A note, by which a check of the node's own listener does not pass. */
__attribute__((format(printf, 4, 5))) static void tell_effect(const struct evaluator *evaluator,
                                                              enum finding_effect effect,
                                                              enum setting_key setting,
                                                              const char *format, ...)
{
    struct finding finding = {.topic = evaluator->topic, .effect = effect, .setting = setting};
    va_list args;
    va_start(args, format);
    (void)vsnprintf(finding.text, sizeof(finding.text), format, args);
    va_end(args);
    evaluator->listener->found(evaluator->listener->context, &finding);
}

/* --- versions --- */

static void judge_versions(const struct evaluator *evaluator)
{
    const struct surface_record *record = evaluator->record;
    for (size_t i = 0; record && i < PROBE_VERSIONS; i++) {
        const struct probe_version *found = &evaluator->result->version[i];
        enum tls_version version = found->version;
        bool permitted = version >= record->first && version <= record->last;
        enum setting_key setting = surface_version_setting(evaluator->surface, version);
        if (found->accepted && !permitted)
            tell(evaluator, true, setting, "%s is accepted", tls_version_text(version));
        else if (!found->accepted && permitted)
            tell(evaluator, false, setting, "%s is permitted and not offered",
                 tls_version_text(version));
    }
}

/* --- suites --- */

static bool accepts(const struct probe_version *version, uint16_t suite)
{
    for (size_t i = 0; i < version->suite_count; i++)
        if (version->suites[i].id == suite)
            return true;
    return false;
}

/* Which kinds of key the listener has shown: bits of enum cipher_key. */
static unsigned keys_seen(const struct probe_result *result)
{
    unsigned keys = 1U << CIPHER_KEY_ANY;
    for (size_t v = 0; v < PROBE_VERSIONS; v++)
        for (size_t i = 0; i < result->version[v].suite_count; i++)
            keys |= 1U << cipher_key(result->version[v].suites[i].id);
    return keys;
}

static void judge_accepted(const struct evaluator *evaluator, const struct probe_version *version,
                           const struct probe_suite *suite)
{
    const struct suite *known = suite_find(suite->id);
    const char *name = cipher_name(suite->id);
    const char *with = tls_version_text(version->version);
    if (evaluator->record && !surface_offers(evaluator->record, suite->id, version->version))
        tell(evaluator, true,
             known ? surface_suite_setting(evaluator->surface, known) : SETTING_NONE,
             "%s is accepted with %s", name ? name : "a suite that the probe did not offer", with);
    if (suite->dh_bits && suite->dh_bits < DH_BITS_LEAST)
        tell(evaluator, true, SETTING_NONE, "%s takes Diffie-Hellman parameters of %u bits with %s",
             name ? name : "a suite", (unsigned)suite->dh_bits, with);
    if (suite->proof == PROOF_FAILED)
        tell(evaluator, false, SETTING_NONE,
             "%s is chosen with %s, but no handshake came to its end", name ? name : "a suite",
             with);
}

static void judge_missing(const struct evaluator *evaluator, const struct probe_version *version,
                          unsigned keys)
{
    const struct surface_record *record = evaluator->record;
    for (size_t i = 0; version->accepted && i < record->suite_count; i++) {
        const struct suite *suite = record->suites[i];
        if (surface_offers(record, suite->id, version->version) &&
            keys & 1U << cipher_key(suite->id) && !accepts(version, suite->id))
            tell(evaluator, false, surface_suite_setting(evaluator->surface, suite),
                 "%s is permitted with %s and not offered", suite->name,
                 tls_version_text(version->version));
    }
}

static void judge_suites(const struct evaluator *evaluator)
{
    unsigned keys = keys_seen(evaluator->result);
    for (size_t v = 0; v < PROBE_VERSIONS; v++) {
        const struct probe_version *version = &evaluator->result->version[v];
        for (size_t i = 0; i < version->suite_count; i++)
            judge_accepted(evaluator, version, &version->suites[i]);
        if (evaluator->record)
            judge_missing(evaluator, version, keys);
    }
}

/* --- groups --- */

static bool permits_group(const struct surface_record *record, uint16_t code)
{
    for (size_t i = 0; i < record->group_count; i++)
        if (record->groups[i]->code == code)
            return true;
    return false;
}

static void judge_groups(const struct evaluator *evaluator)
{
    for (size_t i = 0; evaluator->record && i < evaluator->result->group_count; i++) {
        const struct probe_group *group = &evaluator->result->groups[i];
        const char *name = group_name(group->code);
        if (!permits_group(evaluator->record, group->code))
            tell(evaluator, true, SETTING_NONE, "the group %s is accepted",
                 name ? name : "that the probe did not offer");
    }
}

/* --- signatures --- */

static bool permits_signature(const struct surface_record *record, uint16_t code)
{
    for (size_t i = 0; i < record->signature_count; i++)
        if (record->signatures[i]->code == code)
            return true;
    return false;
}

static void judge_signatures(const struct evaluator *evaluator)
{
    for (size_t i = 0; i < evaluator->result->signature_count; i++) {
        uint16_t code = evaluator->result->signatures[i];
        const char *name = signature_name(code);
        if (signature_is_forbidden(code) ||
            (evaluator->record && !permits_signature(evaluator->record, code)))
            tell(evaluator, true, SETTING_NONE, "a key exchange of TLS 1.2 is signed by %s",
                 name ? name : "a scheme that was not offered");
    }
}

/* --- order and sessions --- */

static void judge_order(const struct evaluator *evaluator)
{
    for (size_t v = 0; v < PROBE_VERSIONS; v++)
        if (evaluator->result->version[v].server_order == PROBE_NO)
            tell(evaluator, true, SETTING_NONE, "the client's order of suites decides with %s",
                 tls_version_text(evaluator->result->version[v].version));
}

/* FIPS 140-3 approves the derivation of keys in TLS 1.2 with the extended master secret alone
 * (Implementation Guidance, D.Q). */
static void judge_master_secret(const struct evaluator *evaluator,
                                const struct probe_version *version)
{
    const char *with = tls_version_text(version->version);
    bool none = version->master_secret == PROBE_NO && version->version > SSL_3_0;
    if (evaluator->fips && (none || version->plain_secret == PROBE_YES))
        tell(evaluator, true, SECURITY_FIPS,
             "%s is served without the extended master secret (RFC 7627) in FIPS mode", with);
    else if (evaluator->fips && version->version == TLS_1_2 && version->accepted &&
             version->plain_secret == PROBE_UNKNOWN)
        tell_effect(evaluator, FINDING_UNCHECKED, SECURITY_FIPS,
                    "whether %s is served without the extended master secret (RFC 7627) was not"
                    " answered",
                    with);
    else if (none)
        tell(evaluator, false, SETTING_NONE, "no extended master secret (RFC 7627) with %s", with);
}

static void judge_sessions(const struct evaluator *evaluator)
{
    for (size_t v = 0; v < PROBE_VERSIONS; v++) {
        const struct probe_version *version = &evaluator->result->version[v];
        const char *with = tls_version_text(version->version);
        if (version->renegotiation == PROBE_NO && version->version > SSL_3_0)
            tell(evaluator, true, SETTING_NONE, "no secure renegotiation (RFC 5746) with %s", with);
        if (version->compression == PROBE_YES)
            tell(evaluator, true, SETTING_NONE, "compression is taken with %s", with);
        judge_master_secret(evaluator, version);
    }
}

/* --- the certificate --- */

/* How long before its expiry a certificate is reported; the first match counts. */
static const struct expiry_term {
    int64_t left_days;
    enum finding_effect effect;
} expiry_terms[] = {
    {7, FINDING_FAULT},
    {30, FINDING_ADVICE},
};

static void judge_end(const struct evaluator *evaluator, const char *end, int64_t left_s)
{
    enum { DAY_S = 86400 };
    for (size_t i = 0; i < countof(expiry_terms); i++) {
        const struct expiry_term *term = &expiry_terms[i];
        if (left_s > term->left_days * DAY_S)
            continue;
        tell_effect(evaluator, term->effect, SETTING_NONE,
                    "the certificate expires on %s, within %d days", end, (int)term->left_days);
        return;
    }
}

static void judge_dates(const struct evaluator *evaluator, const struct certificate_facts *facts)
{
    char text[CLOCK_TEXT_SIZE];
    clock_text(facts->not_before_s, text);
    if (evaluator->now_s < facts->not_before_s)
        tell(evaluator, true, SETTING_NONE, "the certificate is not valid before %s", text);
    clock_text(facts->not_after_s, text);
    if (evaluator->now_s > facts->not_after_s)
        tell(evaluator, true, SETTING_NONE, "the certificate expired on %s", text);
    else
        judge_end(evaluator, text, facts->not_after_s - evaluator->now_s);
}

/* An address seldom stands in a certificate, and who asks by one knows whom. */
static void judge_name(const struct evaluator *evaluator, const struct certificate_facts *facts)
{
    if (!facts->named)
        tell(evaluator, facts->by_name, SETTING_NONE, "the certificate does not name %s but %.200s",
             facts->wanted, facts->names[0] ? facts->names : "no host");
}

static void judge_strength(const struct evaluator *evaluator, const struct certificate_facts *facts)
{
    if (facts->weak_key)
        tell(evaluator, true, SETTING_NONE, "the certificate's key is too weak: %s", facts->key);
    if (facts->weak_signature && !facts->self_issued)
        tell(evaluator, true, SETTING_NONE, "the certificate's signature is too weak: %s",
             facts->signature);
}

/* A root is seldom sent, but one certificate alone lacks what leads to it. */
static void judge_chain(const struct evaluator *evaluator, const struct certificate_facts *facts)
{
    uint32_t count = evaluator->result->chain.count;
    if (facts->in_order < count)
        tell(evaluator, true, SETTING_NONE,
             "the chain is out of order: certificate %u of %u was not issued by the next",
             (unsigned)facts->in_order, (unsigned)count);
    else if (!facts->complete && count == 1)
        tell(evaluator, true, SETTING_NONE,
             "the chain is incomplete: its issuer's certificate is not sent (%s)", facts->issuer);
    else if (!facts->complete)
        tell(evaluator, false, SETTING_NONE, "the chain ends below an authority that is not sent");
}

/* No trust anchor can be stored yet: no chain reaches one. */
static void judge_trust(const struct evaluator *evaluator, const struct certificate_facts *facts)
{
    if (!evaluator->record)
        return; /* a listener of another host */
    if (facts->self_issued)
        tell_effect(evaluator, FINDING_ADVICE, SETTING_NONE,
                    "the certificate is self-signed: until one of an authority is imported, let the"
                    " stations compare its SHA-256 fingerprint %s",
                    facts->fingerprint);
    else
        tell_effect(evaluator, FINDING_ADVICE, SETTING_NONE,
                    "no trust anchor is stored that the certificate's issuer could reach: %s",
                    facts->issuer);
}

static void judge_certificate(const struct evaluator *evaluator)
{
    const struct certificate_facts *facts = &evaluator->result->certificate;
    if (!facts->parsed) {
        if (certificate_chain_is_seen(&evaluator->result->chain))
            tell(evaluator, true, SETTING_NONE, "the certificate cannot be read");
        else
            tell_effect(evaluator, FINDING_UNCHECKED, SETTING_NONE,
                        "the certificate cannot be seen");
        return;
    }
    judge_dates(evaluator, facts);
    judge_name(evaluator, facts);
    judge_strength(evaluator, facts);
    judge_chain(evaluator, facts);
    judge_trust(evaluator, facts);
}

/* --- the headers of HTTP --- */

static const char *or_none(const char *value)
{
    return value[0] ? value : "none";
}

/* The headers are the application's as much as the listener's: the node's own check fails by
 * them. */
static void judge_page(const struct evaluator *evaluator, const char *path,
                       const struct page_answer *page)
{
    const char *wanted = crypto_hsts(evaluator->crypto);
    bool keeps = page_keeps_transport(page->transport_security, wanted);
    if (!keeps)
        tell_effect(evaluator, FINDING_FAULT,
                    page_is_preloaded(page->transport_security) == evaluator->crypto->hsts_preload
                        ? SETTING_NONE
                        : HTTP_HSTS_PRELOAD,
                    "HEAD %s: %u with Strict-Transport-Security: %.100s; expected %s", path,
                    (unsigned)page->status, or_none(page->transport_security), wanted);
    if (evaluator->crypto->referrer_policy && !page_keeps_referrer(page->referrer_policy))
        tell_effect(evaluator, FINDING_FAULT, HTTP_REFERRER_POLICY,
                    "HEAD %s: %u with Referrer-Policy: %.100s; expected same-origin", path,
                    (unsigned)page->status, or_none(page->referrer_policy));
}

static void judge_headers(const struct evaluator *evaluator)
{
    for (size_t i = 0; evaluator->record && i < PAGE_COUNT; i++) {
        const struct page_answer *page = &evaluator->result->page[i];
        const char *path = page_path(i);
        if (page->status)
            judge_page(evaluator, path, page);
        else if (page->error == -EBADMSG)
            tell_effect(evaluator, FINDING_FAULT, SETTING_NONE, "HEAD %s: no valid HTTP response",
                        path);
        else if (page->error == -EPROTO || page->error == -EPROTONOSUPPORT)
            tell_effect(evaluator, FINDING_FAULT, SETTING_NONE,
                        "HEAD %s: no TLS connection for the request", path);
        else if (page->error)
            tell(evaluator, false, SETTING_NONE, "HEAD %s: no answer in time", path);
    }
}

/* --- all of it --- */

void evaluate(const struct probe_result *result, const struct crypto *crypto, enum surface surface,
              int64_t now_s, const struct evaluate_listener *listener)
{
    static void (*const judges[TOPIC_COUNT])(const struct evaluator *evaluator) = {
        [TOPIC_VERSIONS] = judge_versions,
        [TOPIC_SUITES] = judge_suites,
        [TOPIC_GROUPS] = judge_groups,
        [TOPIC_SIGNATURES] = judge_signatures,
        [TOPIC_ORDER] = judge_order,
        [TOPIC_SESSIONS] = judge_sessions,
        [TOPIC_CERTIFICATE] = judge_certificate,
        [TOPIC_HEADERS] = judge_headers,
    };
    struct evaluator evaluator = {
        .result = result, .surface = surface, .now_s = now_s, .listener = listener};
    if (surface < SURFACE_COUNT) {
        evaluator.crypto = crypto;
        evaluator.record = &crypto->surface[surface];
    }
    evaluator.fips = evaluator.record && crypto->fips;
    for (evaluator.topic = 0; evaluator.topic < TOPIC_COUNT; evaluator.topic++)
        judges[evaluator.topic](&evaluator);
}
