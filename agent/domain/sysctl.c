/*
 * The sysctl domain: kernel parameters, one check a key (sysctl.def). A key with {if} covers "all",
 * "default" and every interface that there is; those that appear later come under the next walk,
 * which the kernel's announcement starts. Only the running kernel is believed.
 *
 * Sources: guide, questions 3, 5 and 6; Documentation/networking/ip-sysctl.rst;
 * Documentation/admin-guide/sysctl/kernel.rst and fs.rst; RFC 4862, 5.4.
 */
#include "domain/domain.h"

#include "base/file.h"
#include "base/str.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    AT_LEAST = 1,    /* a larger value is as good, and never lowered */
    WHOLE = 2,       /* not per network namespace */
    MAY_LACK = 4,    /* -1 on an interface says that it does without (lo, NOARP) */
    LOCAL_PORTS = 8, /* the policy's range of local ports */
    MODULES = 16,    /* of the domain "modules": what cannot be undone, when all else is in */
    VALUE_SIZE = 64,
    NUMBERS_MAX = 2,
    GROUPS_MAX = 4, /* different values that a check shows */
    NAMED_MAX = 8,  /* interfaces that a check names; the rest are counted */
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

/* What a key holds: a number, or the first and last of a range. */
struct numbers {
    size_t count;
    int number[NUMBERS_MAX];
};

static struct numbers wanted(const struct sysctl_rule *rule, const struct policy *policy)
{
    if (rule->flags & LOCAL_PORTS)
        return (struct numbers){2, {policy->local_ports.first, policy->local_ports.last}};
    bool yes = rule->from == ALWAYS || policy_bool(policy, rule->from);
    return (struct numbers){1, {yes ? rule->yes : rule->no}};
}

static bool numbers_equal(const struct numbers *a, const struct numbers *b)
{
    return a->count == b->count && a->number[0] == b->number[0] && a->number[1] == b->number[1];
}

static void numbers_print(const struct numbers *numbers, struct buf *out)
{
    buf_printf(out, "%d", numbers->number[0]);
    if (numbers->count > 1)
        buf_printf(out, " %d", numbers->number[1]);
}

/* The folders of every interface and of those to come, before the interfaces in reports. */
static int rank(const char *place)
{
    return str_equal(place, "all") ? 0 : str_equal(place, "default") ? 1 : 2;
}

static bool satisfies(const struct sysctl_rule *rule, const struct numbers *value,
                      const struct numbers *observed, const char *place)
{
    return numbers_equal(observed, value) ||
           ((rule->flags & AT_LEAST) && observed->number[0] > value->number[0]) ||
           ((rule->flags & MAY_LACK) && observed->number[0] == -1 && rank(place) == 2);
}

/* --- plan --- */

static const char *expected(struct checks *checks, const struct sysctl_rule *rule,
                            const struct policy *policy)
{
    struct buf text = {0};
    struct numbers value = wanted(rule, policy);
    numbers_print(&value, &text);
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

/* "1\n", "32768\t60999\n": numbers between blanks and nothing else. */
static int parse_numbers(const char *text, struct numbers *numbers)
{
    static const char blanks[] = " \t\n";
    *numbers = (struct numbers){0};
    for (text += strspn(text, blanks); *text != '\0'; text += strspn(text, blanks)) {
        char *end;
        errno = 0;
        long number = strtol(text, &end, 10);
        if (end == text || errno || number < INT_MIN || number > INT_MAX ||
            numbers->count == NUMBERS_MAX)
            return -EBADMSG;
        numbers->number[numbers->count++] = (int)number;
        text = end;
    }
    return numbers->count ? 0 : -EBADMSG;
}

/* Reads the numbers of a folder's file. */
static int read_value(int folder, const char *name, struct numbers *value)
{
    char text[VALUE_SIZE];
    int fd = file_open_below(folder, name, O_RDONLY);
    if (fd < 0)
        return fd;
    ssize_t got = read(fd, text, sizeof(text) - 1);
    int error = got < 0 ? -errno : 0;
    close(fd);
    if (error)
        return error;
    text[got] = '\0';
    return parse_numbers(text, value);
}

static int write_value(int folder, const char *name, const struct numbers *value)
{
    struct buf text = {0};
    numbers_print(value, &text);
    buf_putc(&text, '\n');
    int error = buf_error(&text);
    int fd = error ? error : file_open_below(folder, name, O_WRONLY);
    if (error == 0 && fd < 0)
        error = fd;
    if (error == 0)
        error = file_write_all(fd, text.data, text.length);
    if (fd >= 0)
        close(fd);
    buf_free(&text);
    return error;
}

/* The places at which a key has one value; what is right at one may be wrong at another. */
struct group {
    struct numbers value;
    bool wrong;
    struct buf names; /* " on all, eth0": the first few */
    size_t places;    /* that have names */
};

/* What one check's walk over its places works with and what it finds. */
struct visit {
    const struct sysctl_rule *rule;
    struct numbers value;
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

static struct group *group_of(struct visit *visit, const struct numbers *value, bool wrong)
{
    for (size_t i = 0; i < visit->group_count; i++)
        if (numbers_equal(&visit->groups[i].value, value) && visit->groups[i].wrong == wrong)
            return &visit->groups[i];
    if (visit->group_count == GROUPS_MAX)
        return NULL;
    struct group *group = &visit->groups[visit->group_count++];
    *group = (struct group){.value = *value, .wrong = wrong};
    return group;
}

static void note_value(struct visit *visit, const struct numbers *observed, const char *place)
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
    struct numbers observed = {0};
    const char *failed_to = "read";
    int error = read_value(folder, name, &observed);
    if (error == 0 && visit->write && !satisfies(visit->rule, &visit->value, &observed, place)) {
        failed_to = "write";
        error = write_value(folder, name, &visit->value);
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

enum { IPV4, IPV6, FAMILIES };

/* The folders of /proc/sys that hold the keys, and the interfaces in them: opened and listed once
 * for all checks. */
struct places {
    int sys;            /* /proc/sys */
    int conf[FAMILIES]; /* net/ipv4/conf, net/ipv6/conf; -1 where the kernel has none, or */
    int why[FAMILIES];  /* why it could not be opened, else 0 */
    struct buf interfaces[FAMILIES]; /* names, each with its NUL; all and default among them */
    int error;
};

static int compare_names(const void *a, const void *b)
{
    const char *left = *(const char *const *)a, *right = *(const char *const *)b;
    int order = rank(left) - rank(right);
    return order ? order : strcmp(left, right);
}

/* Names, each with its NUL, in the order of reports: all, default, and the interfaces by name. */
static int sort_names(const struct buf *names, struct buf *sorted)
{
    size_t count = 0;
    const char **list = calloc(names->length + 1, sizeof(*list));
    if (!list)
        return -ENOMEM;
    for (size_t at = 0; at < names->length; at += strlen(names->data + at) + 1)
        list[count++] = names->data + at;
    qsort(list, count, sizeof(*list), compare_names);
    for (size_t i = 0; i < count; i++)
        buf_append(sorted, list[i], strlen(list[i]) + 1);
    free(list);
    return buf_error(sorted);
}

static int read_folder(int descriptor, struct buf *names)
{
    int copy = fcntl(descriptor, F_DUPFD_CLOEXEC, 0);
    DIR *folder = copy < 0 ? NULL : fdopendir(copy);
    if (!folder) {
        int error = -errno;
        if (copy >= 0)
            close(copy);
        return error;
    }
    for (const struct dirent *entry; (entry = readdir(folder));)
        if (!str_equal(entry->d_name, ".") && !str_equal(entry->d_name, ".."))
            buf_append(names, entry->d_name, strlen(entry->d_name) + 1);
    closedir(folder);
    return buf_error(names);
}

static int list_interfaces(int conf, struct buf *sorted)
{
    struct buf names = {0};
    int error = read_folder(conf, &names);
    if (error == 0)
        error = sort_names(&names, sorted);
    buf_free(&names);
    return error;
}

static void places_open(struct places *places, const struct system *system)
{
    static const char *const folders[FAMILIES] = {"net/ipv4/conf", "net/ipv6/conf"};
    char path[PATH_MAX];
    *places = (struct places){.sys = -1, .conf = {-1, -1}};
    places->error = file_target(path, sizeof(path), system->root, "/proc/sys");
    if (places->error)
        return;
    places->sys = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (places->sys < 0) {
        places->error = -errno;
        return;
    }
    for (size_t i = 0; i < FAMILIES; i++) {
        places->conf[i] = file_open_below(places->sys, folders[i], O_RDONLY | O_DIRECTORY);
        if (places->conf[i] < 0 && places->conf[i] != -ENOENT)
            places->why[i] = places->conf[i];
        else if (places->conf[i] >= 0 && places->error == 0)
            places->error = list_interfaces(places->conf[i], &places->interfaces[i]);
    }
}

static void places_close(struct places *places)
{
    const int fds[] = {places->sys, places->conf[IPV4], places->conf[IPV6]};
    for (size_t i = 0; i < countof(fds); i++)
        if (fds[i] >= 0)
            close(fds[i]);
    for (size_t i = 0; i < FAMILIES; i++)
        buf_free(&places->interfaces[i]);
}

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

static void visit_rule(const struct places *places, struct visit *visit)
{
    const char *key = visit->rule->key;
    const char *brace = strstr(key, "{if}.");
    char path[KEY_SIZE];
    if (brace) {
        int family = str_starts(key, "net.ipv6") ? IPV6 : IPV4;
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
        numbers_print(&group->value, &text);
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
    struct places places;
    places_open(&places, system);
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
    places_close(&places);
}

static void sysctl_converge(const struct system *system, const struct policy *policy,
                            struct checks *checks)
{
    struct places places;
    places_open(&places, system);
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
    places_close(&places);
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
