/*
 * The results of the last probe of the node's own listeners: what the prober found, kept in /run
 * for the tls domain, which compares it with the current policy. To read the verdict needs no
 * connection.
 *
 * It is written and read by one binary; the reader checks it all the same.
 */
#ifndef HOLDFAST_PROBE_PROBE_CACHE_H
#define HOLDFAST_PROBE_PROBE_CACHE_H

#include "policy/policy.h"
#include "probe/connect.h"
#include "probe/result.h"

#define PROBE_CACHE_PATH "/run/holdfast/probe"

enum {
    PROBE_CACHE_LISTENERS_MAX = 4,
    PROBE_CACHE_ADDRESSES_MAX = 4,
    PROBE_CACHE_INTERVAL_S = 900, /* between two probes of the daemon */
    PROBE_CACHE_STALE_S = 3 * PROBE_CACHE_INTERVAL_S,
    PROBE_CACHE_CARRIED_MAX = 3 /* probes in a row without an answer, then the listener fails */
};

struct probe_cache_listener {
    char name[16]; /* of struct listener */
    uint16_t port;
    char host[TARGET_NAME_SIZE];                 /* the host to request pages by; "": no HTTP */
    char address[PROBE_CACHE_ADDRESSES_MAX][64]; /* where to try, in this order; "" ends */
    uint32_t carried;  /* how many probes since `result` were not answered to their end */
    uint64_t began_ms; /* clock_boot_ms() when the probe that found `result` began */
    struct probe_result result;
};

struct probe_cache {
    uint32_t magic, size; /* of this structure: another version's is no record */
    uint64_t boot_ms;     /* clock_boot_ms() when the probe was complete */
    uint32_t count;
    struct probe_cache_listener listener[PROBE_CACHE_LISTENERS_MAX];
};

/* The surface that a listener is, SURFACE_NONE for one that speaks no TLS. */
enum surface probe_cache_surface(const struct listener *listener);

/* The listeners of a policy that speak TLS, and where to try each: on loopback, and on the node's
 * own addresses. */
void probe_cache_prepare(struct probe_cache *record, const struct policy *policy);

/* Probes each listener at the first of its addresses that is not refused, from these sockets where
 * there are any (connect.h). Takes seconds. */
void probe_cache_probe(struct probe_cache *record, struct connect_sources *sources);

/* Whether counts and strings lie within their bounds. */
bool probe_cache_is_valid(const struct probe_cache *record);

/* Below `root`. 0 or a negative errno; -ENOENT where nothing was probed yet, -EBADMSG where it is
 * no record. */
int probe_cache_read(const char *root, struct probe_cache *record);
int probe_cache_write(const char *root, const struct probe_cache *record);

/* Whether every listener was probed to the end, or refused as one that does not run. */
bool probe_cache_is_complete(const struct probe_cache *record);

/* Where a listener was not probed to the end now and was before, what was found then stands, for
 * PROBE_CACHE_CARRIED_MAX probes: a busy listener is no failing one. */
void probe_cache_carry(struct probe_cache *record, const struct probe_cache *before);

/* Whether it is outdated: too old, or of another boot. */
bool probe_cache_is_stale(const struct probe_cache *record, uint64_t now_ms);

/* The entry of a listener, NULL where it was not probed. */
const struct probe_cache_listener *probe_cache_find(const struct probe_cache *record,
                                                    const struct listener *listener);

#endif
