/* The fixed-size structure as it stands: a file of /run lives no longer than the kernel. */
#include "probe/probe_cache.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/str.h"
#include "probe/probe.h"
#include "probe/target.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

enum { RECORD_MAGIC = 0x48665072 };

/* --- which --- */

static const struct {
    const char *listener;
    enum surface surface;
} surfaces[] = {
    {"health", SURFACE_HTTPS_IN},
    {"https", SURFACE_HTTPS_IN},
    {"sip-tls", SURFACE_SIP_IN},
};

_Static_assert(countof(surfaces) <= PROBE_CACHE_LISTENERS_MAX,
               "more listeners than there is room for");

enum surface probe_cache_surface(const struct listener *listener)
{
    for (size_t i = 0; i < countof(surfaces); i++)
        if (str_equal(surfaces[i].listener, listener->name))
            return surfaces[i].surface;
    return SURFACE_NONE;
}

static void add_address(struct probe_cache_listener *entry, const char *text)
{
    for (size_t i = 0; i < PROBE_CACHE_ADDRESSES_MAX && text[0]; i++) {
        if (entry->address[i][0])
            continue;
        if (str_copy(entry->address[i], sizeof(entry->address[i]), text) == 0)
            entry->address[i][strcspn(entry->address[i], "/")] = '\0';
        return;
    }
}

static void add_first_of(struct probe_cache_listener *entry, const struct settings *settings,
                         enum setting_key key)
{
    char item[SETTING_ITEM_SIZE];
    size_t cursor = 0;
    if (settings_item(settings, key, &cursor, item))
        add_address(entry, item);
}

/* The node's full name, as stations call it. */
static void name_host(struct probe_cache_listener *entry, const struct settings *settings)
{
    (void)snprintf(entry->host, sizeof(entry->host), "%s.%s",
                   settings_text(settings, NODE_HOSTNAME), settings_text(settings, NODE_DOMAIN));
}

static void add_listener(struct probe_cache *record, const struct policy *policy,
                         const struct listener *listener)
{
    struct probe_cache_listener *entry = &record->listener[record->count];
    const char *health = settings_text(policy->settings, HEALTH_ADDRESS);
    if (record->count == PROBE_CACHE_LISTENERS_MAX ||
        str_copy(entry->name, sizeof(entry->name), listener->name) < 0)
        return;
    record->count++;
    entry->port = listener->first_port;
    entry->result.error = -EAGAIN; /* until it was probed */
    if (probe_cache_surface(listener) == SURFACE_HTTPS_IN)
        name_host(entry, policy->settings);
    if (str_equal(listener->name, "health") && !str_equal(health, "::") &&
        !str_equal(health, "0.0.0.0")) {
        add_address(entry, health);
        return;
    }
    add_address(entry, "127.0.0.1");
    add_address(entry, "::1");
    add_first_of(entry, policy->settings, NODE_ADDRESS);
    add_first_of(entry, policy->settings, NODE_ADDRESS6);
}

void probe_cache_prepare(struct probe_cache *record, const struct policy *policy)
{
    memset(record, 0, sizeof(*record));
    record->magic = RECORD_MAGIC;
    record->size = sizeof(*record);
    for (size_t i = 0; i < policy->listener_count; i++)
        if (probe_cache_surface(&policy->listeners[i]) != SURFACE_NONE)
            add_listener(record, policy, &policy->listeners[i]);
}

const struct probe_cache_listener *probe_cache_find(const struct probe_cache *record,
                                                    const struct listener *listener)
{
    for (size_t i = 0; i < record->count; i++)
        if (str_equal(record->listener[i].name, listener->name) &&
            record->listener[i].port == listener->first_port)
            return &record->listener[i];
    return NULL;
}

/* --- probing --- */

/* No process waits for it, and the endpoint's budget of handshakes makes it slower. */
static const struct probe_options patient = {
    .answer_ms = 2000,
    .total_ms = 20000,
    .parallel = 6,
    .proof = true,
};

static void probe_listener(struct probe_cache_listener *entry, struct connect_sources *sources)
{
    struct probe_options options = patient;
    struct target target;
    options.host = entry->host[0] ? entry->host : NULL;
    entry->began_ms = clock_boot_ms();
    for (size_t i = 0; i < PROBE_CACHE_ADDRESSES_MAX && entry->address[i][0]; i++) {
        if (target_address(&target, entry->address[i], entry->port) < 0)
            continue;
        target.sources = sources;
        probe_run(&target, &options, &entry->result);
        if (entry->result.error != -ECONNREFUSED)
            return;
    }
}

void probe_cache_probe(struct probe_cache *record, struct connect_sources *sources)
{
    for (size_t i = 0; i < record->count; i++)
        probe_listener(&record->listener[i], sources);
    record->boot_ms = clock_boot_ms();
}

/* --- keeping --- */

static bool ends_within(const char *text, size_t size)
{
    return memchr(text, '\0', size) != NULL;
}

static bool certificate_is_sound(const struct probe_result *result)
{
    const struct certificate_facts *facts = &result->certificate;
    size_t used = 0;
    bool sound = result->chain.count <= CERTIFICATE_CHAIN_MAX &&
                 ends_within(facts->subject, sizeof(facts->subject)) &&
                 ends_within(facts->issuer, sizeof(facts->issuer)) &&
                 ends_within(facts->names, sizeof(facts->names)) &&
                 ends_within(facts->fingerprint, sizeof(facts->fingerprint)) &&
                 ends_within(facts->key, sizeof(facts->key)) &&
                 ends_within(facts->signature, sizeof(facts->signature)) &&
                 ends_within(facts->wanted, sizeof(facts->wanted));
    for (size_t i = 0; sound && i < result->chain.count; i++) {
        sound = result->chain.size[i] <= CERTIFICATE_CHAIN_SIZE - used;
        used += result->chain.size[i];
    }
    return sound;
}

static bool pages_are_whole(const struct probe_result *result)
{
    for (size_t i = 0; i < PAGE_COUNT; i++) {
        const struct page_answer *page = &result->page[i];
        if (!ends_within(page->transport_security, sizeof(page->transport_security)) ||
            !ends_within(page->referrer_policy, sizeof(page->referrer_policy)))
            return false;
    }
    return true;
}

static bool result_is_sound(const struct probe_result *result)
{
    bool sound = ends_within(result->reason, sizeof(result->reason)) &&
                 result->group_count <= PROBE_GROUPS_MAX &&
                 result->signature_count <= PROBE_SIGNATURES_MAX && certificate_is_sound(result) &&
                 pages_are_whole(result);
    for (size_t i = 0; i < PROBE_VERSIONS; i++)
        sound = sound && result->version[i].suite_count <= PROBE_SUITES_MAX &&
                ((result->error && result->error != -ETIME) ||
                 result->version[i].version == SSL_3_0 + i);
    return sound;
}

bool probe_cache_is_valid(const struct probe_cache *record)
{
    bool sound = record->magic == RECORD_MAGIC && record->size == sizeof(*record) &&
                 record->count <= PROBE_CACHE_LISTENERS_MAX;
    for (size_t i = 0; sound && i < record->count; i++)
        sound = ends_within(record->listener[i].name, sizeof(record->listener[i].name)) &&
                ends_within(record->listener[i].host, sizeof(record->listener[i].host)) &&
                result_is_sound(&record->listener[i].result);
    return sound;
}

/* To the end, its handshakes too. */
static bool is_probed(const struct probe_cache_listener *entry)
{
    return entry->result.error == 0 && entry->result.proof_error == 0;
}

static bool is_answered(const struct probe_cache_listener *entry)
{
    return is_probed(entry) || entry->result.error == -ECONNREFUSED;
}

bool probe_cache_is_complete(const struct probe_cache *record)
{
    for (size_t i = 0; i < record->count; i++)
        if (!is_answered(&record->listener[i]))
            return false;
    return true;
}

void probe_cache_carry(struct probe_cache *record, const struct probe_cache *before)
{
    for (size_t i = 0; i < record->count; i++) {
        struct probe_cache_listener *entry = &record->listener[i];
        for (size_t j = 0; j < before->count; j++) {
            const struct probe_cache_listener *old = &before->listener[j];
            if (!is_answered(entry) && is_probed(old) && old->port == entry->port &&
                str_equal(old->name, entry->name) && old->carried < PROBE_CACHE_CARRIED_MAX) {
                entry->carried = old->carried + 1;
                entry->began_ms = old->began_ms;
                entry->result = old->result;
            }
        }
    }
}

bool probe_cache_is_stale(const struct probe_cache *record, uint64_t now_ms)
{
    return record->boot_ms > now_ms ||
           now_ms - record->boot_ms > PROBE_CACHE_STALE_S * UINT64_C(1000);
}

int probe_cache_read(const char *root, struct probe_cache *record)
{
    int error = file_read_record(root, PROBE_CACHE_PATH, record, sizeof(*record));
    return error == 0 && !probe_cache_is_valid(record) ? -EBADMSG : error;
}

int probe_cache_write(const char *root, const struct probe_cache *record)
{
    char path[PATH_MAX];
    int error = file_path(path, sizeof(path), root, PROBE_CACHE_PATH);
    if (error == 0)
        error = file_replace_volatile(path, record, sizeof(*record), 0644);
    return error;
}
