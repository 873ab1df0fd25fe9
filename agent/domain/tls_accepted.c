/* What a listener was found to accept, topic by topic. */
#include "domain/tls_accepted.h"

#include "base/str.h"
#include "policy/suites.h"

static void put_name(const char *name, struct buf *out)
{
    buf_printf(out, "%s%s", out->length ? ", " : "", name);
}

static bool had_before(const struct probe_result *result, size_t version, uint16_t id)
{
    for (size_t v = 0; v < version; v++)
        for (size_t i = 0; i < result->version[v].suite_count; i++)
            if (result->version[v].suites[i].id == id)
                return true;
    return false;
}

static void put_suites(const struct probe_result *result, struct buf *out)
{
    for (size_t v = 0; v < PROBE_VERSIONS; v++)
        for (size_t i = 0; i < result->version[v].suite_count; i++) {
            const struct suite *suite = suite_find(result->version[v].suites[i].id);
            if (suite && !had_before(result, v, suite->id))
                put_name(suite->name, out);
        }
}

static void put_groups(const struct probe_result *result, struct buf *out)
{
    for (size_t i = 0; i < result->group_count; i++)
        for (size_t n = 0; n < NAMED_GROUP_COUNT; n++)
            if (named_group_table[n].code == result->groups[i].code)
                put_name(named_group_table[n].name, out);
}

static void put_signatures(const struct probe_result *result, struct buf *out)
{
    for (size_t i = 0; i < result->signature_count; i++)
        for (size_t n = 0; n < SIGNATURE_COUNT; n++)
            if (signature_table[n].code == result->signatures[i])
                put_name(signature_table[n].name, out);
}

static void put_versions(const struct probe_result *result, struct buf *out)
{
    for (size_t v = 0; v < PROBE_VERSIONS; v++)
        if (result->version[v].accepted)
            put_name(tls_version_text((enum tls_version)result->version[v].version), out);
}

static void put_pages(const struct probe_result *result, struct buf *out)
{
    for (size_t i = 0; i < PAGE_COUNT; i++) {
        const struct page_answer *page = &result->page[i];
        if (page->status)
            buf_printf(out, "%sHEAD %s: %u, %s, %s", out->length ? "; " : "", page_path(i),
                       (unsigned)page->status, page->transport_security,
                       page->referrer_policy[0] ? page->referrer_policy : "no Referrer-Policy");
    }
}

/* "TLS 1.2: the server's order, TLS_A first of 8; TLS 1.3: ..." */
static void put_order(const struct probe_version *version, struct buf *out)
{
    const struct suite *first = version->suite_count ? suite_find(version->suites[0].id) : NULL;
    bool several = version->suite_count > 1;
    buf_printf(out, ": %s%s%s of %u", several ? "the server's order, " : "",
               first ? first->name : "a suite", several ? " first" : "",
               (unsigned)version->suite_count);
}

/* "TLS 1.2: secure renegotiation yes, compression no; TLS 1.3": what a version has no word for is
 * left out. */
static void put_session(const struct probe_version *version, struct buf *out)
{
    const struct {
        const char *name;
        uint8_t answer; /* enum probe_answer */
    } asked[] = {
        {"secure renegotiation", version->renegotiation},
        {"compression", version->compression},
        {"extended master secret", version->master_secret},
        {"session tickets", version->ticket},
    };
    const char *separator = ": ";
    for (size_t i = 0; i < countof(asked); i++) {
        if (asked[i].answer == PROBE_UNKNOWN)
            continue;
        buf_printf(out, "%s%s %s", separator, asked[i].name,
                   asked[i].answer == PROBE_YES ? "yes" : "no");
        separator = ", ";
    }
}

static void put_each_version(const struct probe_result *result, struct buf *out,
                             void (*put)(const struct probe_version *version, struct buf *out))
{
    for (size_t v = 0; v < PROBE_VERSIONS; v++) {
        const struct probe_version *version = &result->version[v];
        if (!version->accepted)
            continue;
        buf_printf(out, "%s%s", out->length ? "; " : "",
                   tls_version_text((enum tls_version)version->version));
        put(version, out);
    }
}

static void put_accepted(const struct probe_result *result, enum topic topic, struct buf *out)
{
    switch (topic) {
    case TOPIC_VERSIONS:
        put_versions(result, out);
        break;
    case TOPIC_SUITES:
        put_suites(result, out);
        break;
    case TOPIC_GROUPS:
        put_groups(result, out);
        break;
    case TOPIC_SIGNATURES:
        put_signatures(result, out);
        break;
    case TOPIC_ORDER:
        put_each_version(result, out, put_order);
        break;
    case TOPIC_SESSIONS:
        put_each_version(result, out, put_session);
        break;
    case TOPIC_HEADERS:
        put_pages(result, out);
        break;
    case TOPIC_CERTIFICATE:
        buf_printf(out, "%s, %u in order, SHA-256 %s", result->certificate.key,
                   (unsigned)result->certificate.in_order, result->certificate.fingerprint);
        break;
    case TOPIC_COUNT:
        break;
    }
}

const char *tls_accepted_text(const struct probe_result *result, enum topic topic,
                              struct checks *checks)
{
    struct buf text = {0};
    put_accepted(result, topic, &text);
    if (text.length == 0)
        buf_puts(&text, "none");
    return checks_take_text(checks, &text);
}
