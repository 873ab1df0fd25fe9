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
};

/* What this process found out itself and no file of the system shows; borrowed. */
struct evidence {
    const struct fips_evidence *fips; /* of its own cryptography (domain/fips.h); NULL: nothing */
};

/* When a walk is taken. */
enum phase {
    PHASE_BOOT = 1,    /* before the network: `holdfast boot` */
    PHASE_NETWORK = 2, /* while it comes up */
    PHASE_RUN = 4      /* with the services: `holdfast run`, and `check`, which only looks */
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
    void (*observe)(const struct system *system, const struct evidence *evidence,
                    const struct policy *policy, struct checks *checks);

    /* Changes the system for checks that differ; idempotent. A check that it cannot repair
     * becomes an error check with the reason. NULL where a domain only looks. */
    void (*converge)(const struct system *system, const struct policy *policy,
                     struct checks *checks);
};

enum {
#define DOMAIN(NAME, name, phases) DOMAIN_##NAME,
#include "domain/domains.def"
#undef DOMAIN
    DOMAIN_COUNT
};

#define DOMAIN(NAME, name, phases) extern const struct domain domain_##name;
#include "domain/domains.def"
#undef DOMAIN

extern const struct domain *const domain_table[DOMAIN_COUNT];

struct results {
    struct checks domain[DOMAIN_COUNT];
};

void results_free(struct results *results);

/* Called for each check that failed before its domain converged, with the check as it was observed
 * then, and again (repaired = true) when it passes afterwards. */
struct change_listener {
    void (*changed)(void *context, const struct domain *domain, const struct check *check,
                    bool repaired);
    void *context;
};

/* What a walk is taken over. */
struct walk {
    enum phase phase;
    const struct policy *policy;
    const struct system *system;
    const struct evidence *evidence;
};

/* plan and observe, for each domain of the phase. */
void domain_check(const struct walk *walk, struct results *results);

/* Makes stand what every domain wants before the first change. 0, or the first error: then nothing
 * may be opened or brought up. */
int domain_base_deny(const struct system *system);

/* For each domain of the phase: plan, observe, converge what differs, observe again. */
void domain_enforce(const struct walk *walk, const struct change_listener *listener,
                    struct results *results);

/* The worst verdict among checks of the given weight: their domain's, or advised by themselves. */
enum verdict results_worst(const struct results *results, enum domain_weight weight);

#endif
