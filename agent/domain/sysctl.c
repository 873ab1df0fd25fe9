/*
 * The sysctl domain: kernel parameters, one check a key (sysctl.def). A key with {if} covers "all",
 * "default" and every interface that there is; those that appear later come under the next walk,
 * which the kernel's announcement starts. Only the running kernel is believed.
 *
 * Sources: guide, questions 3, 5 and 6; Documentation/networking/ip-sysctl.rst;
 * Documentation/admin-guide/sysctl/kernel.rst and fs.rst; RFC 4862, 5.4.
 */
#include "domain/domain.h"

#include "base/str.h"
#include "domain/sysctl_places.h"
#include "domain/sysctl_value.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

enum {
    AT_LEAST = 1,    /* a larger value is as good, and never lowered */
    WHOLE = 2,       /* not per network namespace */
    MAY_LACK = 4,    /* -1 on an interface says that it does without (lo, NOARP) */
    LOCAL_PORTS = 8, /* the policy's range of local ports */
    MODULES = 16,    /* of the domain "modules": what cannot be undone, when all else is in */
    GROUPS_MAX = 4,  /* different values that a check shows */
    NAMED_MAX = 8,   /* interfaces that a check names; the rest are counted */
    KEY_SIZE = 96
};

#define ALWAYS SETTING_NONE

static const struct sysctl_rule {
    const char *key;
    enum setting_key from;
    int no, yes; /* the value where the setting is no, and where it is yes or ALWAYS */
    unsigned flags;
} rules[] = {
#define SYSCTL(...) {__VA_ARGS__},
#include "domain/sysctl.def"
#undef SYSCTL
};

static struct sysctl_value wanted(const struct sysctl_rule *rule, const struct policy *policy)
{
    if (rule->flags & LOCAL_PORTS)
        return (struct sysctl_value){2, {policy->local_ports.first, policy->local_ports.last}};
    bool yes = rule->from == ALWAYS || policy_bool(policy, rule->from);
    return (struct sysctl_value){1, {yes ? rule->yes : rule->no}};
}

static bool satisfies(const struct sysctl_rule *rule, const struct sysctl_value *value,
                      const struct sysctl_value *observed, const char *place)
{
    return sysctl_value_equal(observed, value) ||
           ((rule->flags & AT_LEAST) && observed->number[0] > value->number[0]) ||
           ((rule->flags & MAY_LACK) && observed->number[0] == -1 && sysctl_place_rank(place) == 2);
}

/* --- plan --- */

static const char *expected(struct checks *checks, const struct sysctl_rule *rule,
                            const struct policy *policy)
{
    struct buf text = {0};
    struct sysctl_value value = wanted(rule, policy);
    sysctl_value_print(&value, &text);
    buf_puts(&text, rule->flags & AT_LEAST ? " or more" : "");
    buf_puts(&text, strstr(rule->key, "{if}") ? " on all, default and every interface" : "");
    return checks_take_text(checks, &text);
}

static void plan_some(const struct policy *policy, struct checks *checks, unsigned of_modules)
{
    for (size_t i = 0; i < countof(rules); i++) {
        const struct sysctl_rule *rule = &rules[i];
        if ((rule->flags & MODULES) != of_modules)
            continue;
        const char *brace = strstr(rule->key, "{if}");
        struct check check = {
            .id = brace ? checks_text(checks, "sysctl.%.*sif%s", (int)(brace - rule->key),
                                      rule->key, brace + strlen("{if}"))
                        : checks_text(checks, "sysctl.%s", rule->key),
            .title = checks_text(checks, "Kernel parameter %s", rule->key),
            .section = rule->from == ALWAYS ? NULL : setting_table[rule->from].section,
            .setting = rule->from,
            .expected = expected(checks, rule, policy),
            .tag = i,
        };
        checks_add(checks, check);
    }
}

/* --- one key of one place --- */

/* The places at which a key has one value; what is right at one may be wrong at another. */
struct group {
    struct sysctl_value value;
    bool wrong;
    struct buf names; /* " on all, eth0": the first few */
    size_t places;    /* that have names */
};

/* What one check's walk over its places works with and what it finds. */
struct visit {
    const struct sysctl_rule *rule;
    struct sysctl_value value;
    bool write;
    size_t places, wrong;
    struct group groups[GROUPS_MAX];
    size_t group_count, ungrouped; /* places with a value that has no group any more */
    int error;                     /* the first, and at what */
    bool unopened;                 /* nothing could be looked at */
    const char *failed_to;
    char error_place[NAME_MAX + 1];
};

static void visit_free(struct visit *visit)
{
    for (size_t i = 0; i < visit->group_count; i++)
        buf_free(&visit->groups[i].names);
}

static void remember(struct visit *visit, int error, const char *failed_to, const char *place)
{
    if (visit->error)
        return;
    visit->error = error;
    visit->failed_to = failed_to;
    (void)snprintf(visit->error_place, sizeof(visit->error_place), "%s", place);
}

static struct group *group_of(struct visit *visit, const struct sysctl_value *value, bool wrong)
{
    for (size_t i = 0; i < visit->group_count; i++)
        if (sysctl_value_equal(&visit->groups[i].value, value) && visit->groups[i].wrong == wrong)
            return &visit->groups[i];
    if (visit->group_count == GROUPS_MAX)
        return NULL;
    struct group *group = &visit->groups[visit->group_count++];
    *group = (struct group){.value = *value, .wrong = wrong};
    return group;
}

static void note_value(struct visit *visit, const struct sysctl_value *observed, const char *place)
{
    bool wrong = !satisfies(visit->rule, &visit->value, observed, place);
    struct group *group = group_of(visit, observed, wrong);
    visit->wrong += wrong;
    if (!group) {
        visit->ungrouped++;
        return;
    }
    if (place[0] != '\0' && group->places++ < NAMED_MAX)
        buf_printf(&group->names, "%s%s", group->places > 1 ? ", " : " on ", place);
}

static void visit_place(struct visit *visit, int folder, const char *name, const char *place)
{
    struct sysctl_value observed = {0};
    const char *failed_to = "read";
    int error = sysctl_value_read(folder, name, &observed);
    if (error == 0 && visit->write && !satisfies(visit->rule, &visit->value, &observed, place)) {
        failed_to = "write";
        error = sysctl_value_write(folder, name, &visit->value);
    }
    if (error == -ENOENT || error == -ENODEV)
        return; /* no such key, or the interface went away meanwhile */
    visit->places++;
    if (error)
        remember(visit, error, failed_to, place);
    else
        note_value(visit, &observed, place);
}

/* --- the places of a rule --- */

static void visit_interfaces(struct visit *visit, int conf, const struct buf *names,
                             const char *key)
{
    for (size_t at = 0; at < names->length; at += strlen(names->data + at) + 1) {
        char path[NAME_MAX + KEY_SIZE];
        const char *interface = names->data + at;
        (void)snprintf(path, sizeof(path), "%s/%s", interface, key);
        visit_place(visit, conf, path, interface);
    }
}

static void visit_rule(const struct sysctl_places *places, struct visit *visit)
{
    const char *key = visit->rule->key;
    const char *brace = strstr(key, "{if}.");
    char path[KEY_SIZE];
    if (brace) {
        int family = str_starts(key, "net.ipv6") ? SYSCTL_IPV6 : SYSCTL_IPV4;
        if (places->why[family])
            remember(visit, places->why[family], "open", "its interfaces");
        visit_interfaces(visit, places->conf[family], &places->interfaces[family],
                         brace + strlen("{if}."));
        return;
    }
    if (str_copy(path, sizeof(path), key) < 0)
        return;
    for (char *at = path; (at = strchr(at, '.'));)
        *at = '/';
    visit_place(visit, places->sys, path, "");
}

static void sysctl_plan(const struct policy *policy, struct checks *checks)
{
    plan_some(policy, checks, 0);
}

static void modules_plan(const struct policy *policy, struct checks *checks)
{
    plan_some(policy, checks, MODULES);
}

/* --- observe and converge --- */

static const char *fault_note(struct checks *checks, const struct visit *visit)
{
    if (visit->unopened)
        return checks_text(checks, "cannot open /proc/sys: %s", strerror(-visit->error));
    return checks_text(checks, "cannot %s %s%s%s: %s", visit->failed_to, visit->rule->key,
                       visit->error_place[0] ? " of " : "", visit->error_place,
                       strerror(-visit->error));
}

/* The one place of a key that no interface has: "2 in /proc/sys/kernel/kptr_restrict". */
static void put_place(const char *key, struct buf *text)
{
    if (strstr(key, "{if}"))
        return;
    buf_puts(text, " in /proc/sys/");
    for (; *key != '\0'; key++)
        buf_putc(text, *key == '.' ? '/' : *key);
}

/* "0 on all, default, eth0, lo"; of a check that differs what differs alone. */
static const char *found_text(struct checks *checks, const struct visit *visit)
{
    struct buf text = {0};
    for (size_t i = 0; i < visit->group_count; i++) {
        const struct group *group = &visit->groups[i];
        if (visit->wrong && !group->wrong)
            continue;
        buf_puts(&text, text.length ? "; " : "");
        sysctl_value_print(&group->value, &text);
        buf_puts(&text, buf_text(&group->names));
        put_place(visit->rule->key, &text);
        if (group->places > NAMED_MAX)
            buf_printf(&text, " and %zu more", group->places - NAMED_MAX);
        checks->failed |= group->names.failed;
    }
    if (visit->ungrouped)
        buf_printf(&text, "; another on %zu more", visit->ungrouped);
    return checks_take_text(checks, &text);
}

static void evaluate(const struct system *system, struct checks *checks, struct check *check,
                     const struct visit *visit)
{
    bool elsewhere = (visit->rule->flags & WHOLE) && !system->initial_netns;
    if (visit->group_count)
        check_judge(check, found_text(checks, visit), visit->wrong == 0);
    if (visit->error)
        check_verdict(check, VERDICT_ERROR, fault_note(checks, visit));
    else if (visit->places == 0)
        check_verdict(check, VERDICT_NOT_APPLICABLE, "the running kernel has no such key");
    else if (elsewhere && check->verdict == VERDICT_FAIL)
        check_verdict(check, VERDICT_NOT_APPLICABLE,
                      "not of this network namespace: it belongs to the host");
}

static void sysctl_observe(const struct system *system, const struct evidence *evidence,
                           const struct policy *policy, struct checks *checks)
{
    (void)evidence;
    struct sysctl_places places;
    sysctl_places_open(&places, system);
    for (size_t i = 0; i < checks->count; i++) {
        struct check *check = &checks->list[i];
        const struct sysctl_rule *rule = &rules[check->tag];
        struct visit visit = {.rule = rule, .value = wanted(rule, policy)};
        visit.unopened = places.error != 0;
        visit.error = places.error;
        if (!visit.unopened)
            visit_rule(&places, &visit);
        evaluate(system, checks, check, &visit);
        visit_free(&visit);
    }
    sysctl_places_close(&places);
}

static void sysctl_converge(const struct system *system, const struct policy *policy,
                            struct checks *checks)
{
    struct sysctl_places places;
    sysctl_places_open(&places, system);
    for (size_t i = 0; places.error == 0 && i < checks->count; i++) {
        struct check *check = &checks->list[i];
        const struct sysctl_rule *rule = &rules[check->tag];
        if (check->verdict < VERDICT_FAIL || ((rule->flags & WHOLE) && !system->initial_netns))
            continue;
        struct visit visit = {.rule = rule, .value = wanted(rule, policy), .write = true};
        visit_rule(&places, &visit);
        if (visit.error)
            check_verdict(check, VERDICT_ERROR, fault_note(checks, &visit));
        visit_free(&visit);
    }
    sysctl_places_close(&places);
}

const struct domain domain_sysctl = {
    .name = "sysctl",
    .title = "Kernel parameters",
    .weight = WEIGHT_ENFORCED,
    .plan = sysctl_plan,
    .observe = sysctl_observe,
    .converge = sysctl_converge,
};

/* Walked behind the firewall: a kernel that loads modules when they are asked for must have been
 * asked for nf_tables' before it takes no more. */
const struct domain domain_modules = {
    .name = "modules",
    .title = "Kernel modules",
    .weight = WEIGHT_ENFORCED,
    .plan = modules_plan,
    .observe = sysctl_observe,
    .converge = sysctl_converge,
};
