/*
 * Domains: the table of what Holdfast enforces, and the one walk over it.
 *
 * A verb returns nothing: a failure is an `error` check with the system's own words, and never
 * stops the other checks.
 */
#ifndef HOLDFAST_DOMAIN_DOMAIN_H
#define HOLDFAST_DOMAIN_DOMAIN_H

#include "domain/checks.h"
#include "policy/policy.h"

#include <stdbool.h>
#include <stddef.h>

/* The system that is enforced. */
struct system {
    const char *root;      /* "" or --root: before every path, /proc/sys included */
    bool initial_netns;    /* the machine's initial network namespace: keys that are not per network
                      namespace are written only there, else only observed */
    bool manages_firewall; /* false where --root is given in the machine's own network namespace (an
                         image being built, a test): its firewall is then no part of the system,
                         neither observed nor changed */
    const struct fips_evidence *fips; /* what this process found out about its own cryptography
                                         (domain/fips.h), borrowed; NULL: nothing */
};

enum domain_weight {
    WEIGHT_ENFORCED, /* a check that differs makes the node's health fail */
    WEIGHT_ADVISED   /* ... makes it warn: an administrator's decision, not drift */
};

struct domain {
    const char *name;
    const char *title; /* the heading in reports */
    enum domain_weight weight;

    /* What must stand before the first change of any domain, e.g. the base-deny firewall. Does
     * nothing where it or something better stands already. May be NULL. 0 or a negative errno. */
    int (*base_deny)(const struct system *system);

    /* policy -> checks with `expected`; pure. */
    void (*plan)(const struct policy *policy, struct checks *checks);

    /* checks -> checks with `observed` and verdict; reads the system, changes nothing. */
    void (*observe)(const struct system *system, const struct policy *policy,
                    struct checks *checks);

    /* Changes the system for checks that differ; idempotent. A check that it cannot repaired
     * becomes an error check with the reason. NULL where a domain only looks. */
    void (*converge)(const struct system *system, const struct policy *policy,
                     struct checks *checks);
};

/* In the order of the walk: ports open last, when all else holds. */
enum {
    DOMAIN_PLATFORM,
    DOMAIN_SYSCTL,
    DOMAIN_ACCOUNTS,
    DOMAIN_FIPS,
    DOMAIN_FILES,
    DOMAIN_FIREWALL,
    DOMAIN_MODULES,
    DOMAIN_TLS,
    DOMAIN_GUIDE,
    DOMAIN_COUNT
};

extern const struct domain *const domain_table[DOMAIN_COUNT];

/* Each is defined in the file of its name. */
extern const struct domain domain_platform, domain_sysctl, domain_accounts, domain_fips,
    domain_files, domain_firewall, domain_modules, domain_tls, domain_guide;

struct results {
    struct checks domain[DOMAIN_COUNT];
};

void results_free(struct results *results);

/* Told of each check that differed before its domain converged, with the check as it was observed
 * then, and again (repaired = true) when it passes afterwards. */
struct change_listener {
    void (*changed)(void *context, const struct domain *domain, const struct check *check,
                    bool repaired);
    void *context;
};

/* plan and observe. */
void domain_check(const struct policy *policy, const struct system *system,
                  struct results *results);

/* Stands every domain's guard. 0, or the first error: then nothing may be opened or brought up. */
int domain_base_deny(const struct system *system);

/* For each domain: plan, observe, converge what differs, observe again. */
void domain_enforce(const struct policy *policy, const struct system *system,
                    const struct change_listener *listener, struct results *results);

/* The worst verdict among checks of the given weight: their domain's, or advised by themselves. */
enum verdict results_worst(const struct results *results, enum domain_weight weight);

#endif
