/*
 * The sysctl domain: kernel parameters, one row a key. A key with {if} covers "all", "default" and
 * every interface that there is; those that appear later come under the next walk, which the
 * kernel's announcement starts. Only the running kernel is believed.
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
    AT_LEAST = 1, /* a larger value is as good, and never lowered */
    WHOLE = 2,    /* not per network namespace */
    MAY_LACK = 4, /* -1 says that the interface does without (lo, NOARP) */
    VALUE_SIZE = 32,
    NAMED_MAX = 4, /* interfaces that a row names; the rest are counted */
    KEY_SIZE = 96
};

#define ALWAYS SETTING_NONE

/* Forwarding comes first: turning it off makes the kernel accept redirects again
 * (ip-sysctl.rst, ip_forward: "changing its value resets all configuration parameters"). */
static const struct sysctl_rule {
    const char *key;
    enum setting_key from;
    int no, yes; /* the value where the setting is no, and where it is yes or ALWAYS */
    unsigned flags;
} rules[] = {
    {"net.ipv4.ip_forward",                        ALWAYS,                           0, 0, 0               },
    {"net.ipv6.conf.all.forwarding",               ALWAYS,                           0, 0, 0               },
    {"net.ipv6.conf.{if}.accept_redirects",        NET_ACCEPT_ICMPV6_REDIRECTS,      0, 1, 0               },
    {"net.ipv6.icmp.echo_ignore_multicast",        NET_ACCEPT_ICMPV6_MULTICAST_ECHO, 1, 0, 0               },
    {"net.ipv6.conf.{if}.accept_dad",              NET_IPV6_DAD,                     0, 1, MAY_LACK        },
    {"net.ipv6.conf.{if}.dad_transmits",           NET_IPV6_DAD,                     0, 1, MAY_LACK        },
    {"net.ipv4.conf.{if}.accept_redirects",        ALWAYS,                           0, 0, 0               },
    {"net.ipv4.conf.{if}.secure_redirects",        ALWAYS,                           0, 0, 0               },
    {"net.ipv4.conf.{if}.send_redirects",          ALWAYS,                           0, 0, 0               },
    {"net.ipv4.conf.{if}.accept_source_route",     ALWAYS,                           0, 0, 0               },
    {"net.ipv4.conf.{if}.rp_filter",               ALWAYS,                           1, 1, 0               },
    {"net.ipv4.conf.{if}.log_martians",            ALWAYS,                           1, 1, 0               },
    {"net.ipv6.conf.{if}.accept_source_route",     ALWAYS,                           0, 0, 0               },
    {"net.ipv4.icmp_echo_ignore_broadcasts",       ALWAYS,                           1, 1, 0               },
    {"net.ipv4.icmp_ignore_bogus_error_responses", ALWAYS,                           1, 1, 0               },
    {"net.ipv4.tcp_syncookies",                    ALWAYS,                           1, 1, 0               },
    {"net.ipv4.tcp_rfc1337",                       ALWAYS,                           1, 1, 0               },
    {"kernel.kptr_restrict",                       ALWAYS,                           2, 2, WHOLE           },
    {"kernel.dmesg_restrict",                      ALWAYS,                           1, 1, WHOLE           },
    {"kernel.randomize_va_space",                  ALWAYS,                           2, 2, WHOLE           },
    {"kernel.yama.ptrace_scope",                   ALWAYS,                           2, 2, WHOLE | AT_LEAST},
    {"kernel.unprivileged_bpf_disabled",           ALWAYS,                           1, 1, WHOLE | AT_LEAST},
    {"kernel.kexec_load_disabled",                 ALWAYS,                           1, 1, WHOLE           },
    {"kernel.sysrq",                               ALWAYS,                           0, 0, WHOLE           },
    {"kernel.perf_event_paranoid",                 ALWAYS,                           2, 2, WHOLE | AT_LEAST},
    {"net.core.bpf_jit_harden",                    ALWAYS,                           2, 2, WHOLE           },
    {"fs.protected_hardlinks",                     ALWAYS,                           1, 1, WHOLE           },
    {"fs.protected_symlinks",                      ALWAYS,                           1, 1, WHOLE           },
    {"fs.protected_fifos",                         ALWAYS,                           2, 2, WHOLE           },
    {"fs.protected_regular",                       ALWAYS,                           2, 2, WHOLE           },
    {"fs.suid_dumpable",                           ALWAYS,                           0, 0, WHOLE           },
};

static int wanted(const struct sysctl_rule *rule, const struct policy *policy)
{
    return rule->from == ALWAYS || policy_bool(policy, rule->from) ? rule->yes : rule->no;
}

static bool satisfies(const struct sysctl_rule *rule, int value, int actual)
{
    return actual == value || ((rule->flags & AT_LEAST) && actual > value) ||
           ((rule->flags & MAY_LACK) && actual == -1);
}

/* --- plan --- */

static void sysctl_plan(const struct policy *policy, struct rows *rows)
{
    for (size_t i = 0; i < countof(rules); i++) {
        const struct sysctl_rule *rule = &rules[i];
        const char *brace = strstr(rule->key, "{if}");
        int value = wanted(rule, policy);
        const char *where = brace ? " on all, default and every interface" : "";
        const char *more = rule->flags & AT_LEAST ? " or more" : "";
        struct row row = {
            .id = brace ? rows_text(rows, "sysctl.%.*sif%s", (int)(brace - rule->key), rule->key,
                                    brace + strlen("{if}"))
                        : rows_text(rows, "sysctl.%s", rule->key),
            .title = rows_text(rows, "Kernel parameter %s", rule->key),
            .section = rule->from == ALWAYS ? NULL : setting_table[rule->from].section,
            .setting = rule->from,
            .desired = rows_text(rows, "%d%s%s", value, more, where),
            .tag = i,
        };
        rows_add(rows, row);
    }
}

/* --- one key of one place --- */

/* Reads a number from a folder's file. */
static int read_value(int folder, const char *name, int *value)
{
    char text[VALUE_SIZE];
    int fd = openat(folder, name, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0)
        return -errno;
    ssize_t got = read(fd, text, sizeof(text) - 1);
    int error = got < 0 ? -errno : 0;
    close(fd);
    if (error)
        return error;
    text[got] = '\0';
    char *end;
    errno = 0;
    long number = strtol(text, &end, 10);
    if (end == text || errno || number < INT_MIN || number > INT_MAX)
        return -EBADMSG;
    *value = (int)number;
    return 0;
}

static int write_value(int folder, const char *name, int value)
{
    char text[VALUE_SIZE];
    int length = snprintf(text, sizeof(text), "%d\n", value);
    int fd = openat(folder, name, O_WRONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0)
        return -errno;
    int error = file_write_all(fd, text, (size_t)length);
    close(fd);
    return error;
}

/* What one row's walk over its places works with and what it finds. */
struct visit {
    const struct sysctl_rule *rule;
    int value;
    bool write;
    size_t places, wrong;
    struct buf actual; /* "1 on eth0, 1 on eth3" */
    int error;         /* the first, and at what */
    bool unopened;     /* nothing could be looked at */
    const char *failed_to;
    char error_place[NAME_MAX + 1];
};

static void remember(struct visit *visit, int error, const char *failed_to, const char *place)
{
    if (visit->error)
        return;
    visit->error = error;
    visit->failed_to = failed_to;
    (void)snprintf(visit->error_place, sizeof(visit->error_place), "%s", place);
}

static void visit_place(struct visit *visit, int folder, const char *name, const char *place)
{
    int actual = 0;
    const char *failed_to = "read";
    int error = read_value(folder, name, &actual);
    if (error == 0 && visit->write && !satisfies(visit->rule, visit->value, actual)) {
        failed_to = "write";
        error = write_value(folder, name, visit->value);
    }
    if (error == -ENOENT || error == -ENODEV)
        return; /* no such key, or the interface went away meanwhile */
    visit->places++;
    if (error)
        remember(visit, error, failed_to, place);
    if (error || satisfies(visit->rule, visit->value, actual))
        return;
    if (visit->wrong++ < NAMED_MAX)
        buf_printf(&visit->actual, "%s%d%s%s", visit->actual.length ? ", " : "", actual,
                   place[0] ? " on " : "", place);
}

/* --- the places of a rule --- */

enum { IPV4, IPV6, FAMILIES };

/* The folders of /proc/sys that hold the keys, and the interfaces in them: opened and listed once
 * for all rows. */
struct places {
    int sys;            /* /proc/sys */
    int conf[FAMILIES]; /* net/ipv4/conf, net/ipv6/conf; -1 where the kernel has none */
    struct buf interfaces[FAMILIES]; /* names, each with its NUL; all and default among them */
    int error;
};

static int list_interfaces(int conf, struct buf *names)
{
    int copy = fcntl(conf, F_DUPFD_CLOEXEC, 0);
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

static void places_open(struct places *places, const struct system *system)
{
    static const char *const folders[FAMILIES] = {"net/ipv4/conf", "net/ipv6/conf"};
    char path[PATH_MAX];
    *places = (struct places){
        .sys = -1, .conf = {-1, -1}
    };
    places->error = file_path(path, sizeof(path), system->root, "/proc/sys");
    if (places->error)
        return;
    places->sys = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (places->sys < 0) {
        places->error = -errno;
        return;
    }
    for (size_t i = 0; i < FAMILIES; i++) {
        places->conf[i] = openat(places->sys, folders[i], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (places->conf[i] >= 0 && places->error == 0)
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

/* --- observe and converge --- */

static const char *fault_note(struct rows *rows, const struct visit *visit)
{
    if (visit->unopened)
        return rows_text(rows, "cannot open /proc/sys: %s", strerror(-visit->error));
    return rows_text(rows, "cannot %s %s%s%s: %s", visit->failed_to, visit->rule->key,
                     visit->error_place[0] ? " of " : "", visit->error_place,
                     strerror(-visit->error));
}

static void judge(const struct system *system, struct rows *rows, struct row *row,
                  struct visit *visit)
{
    bool elsewhere = (visit->rule->flags & WHOLE) && !system->whole;
    if (visit->wrong > NAMED_MAX)
        buf_printf(&visit->actual, " and %zu more", visit->wrong - NAMED_MAX);
    if (visit->wrong)
        row_observed(row, rows_take(rows, &visit->actual));
    else if (visit->places)
        row_observed(row, row->desired);
    if (visit->error)
        row_verdict(row, VERDICT_ERROR, fault_note(rows, visit));
    else if (visit->places == 0)
        row_verdict(row, VERDICT_NOT_APPLICABLE, "the running kernel has no such key");
    else if (elsewhere && row->verdict == VERDICT_FAIL)
        row_verdict(row, VERDICT_NOT_APPLICABLE,
                    "not of this network namespace: it belongs to the host");
}

static void sysctl_observe(const struct system *system, const struct policy *policy,
                           struct rows *rows)
{
    struct places places;
    places_open(&places, system);
    for (size_t i = 0; i < rows->count; i++) {
        struct row *row = &rows->list[i];
        const struct sysctl_rule *rule = &rules[row->tag];
        struct visit visit = {.rule = rule, .value = wanted(rule, policy)};
        visit.unopened = places.error != 0;
        visit.error = places.error;
        if (!visit.unopened)
            visit_rule(&places, &visit);
        judge(system, rows, row, &visit);
        buf_free(&visit.actual);
    }
    places_close(&places);
}

static void sysctl_converge(const struct system *system, const struct policy *policy,
                            struct rows *rows)
{
    struct places places;
    places_open(&places, system);
    for (size_t i = 0; places.error == 0 && i < rows->count; i++) {
        struct row *row = &rows->list[i];
        const struct sysctl_rule *rule = &rules[row->tag];
        if (row->verdict < VERDICT_FAIL || ((rule->flags & WHOLE) && !system->whole))
            continue;
        struct visit visit = {.rule = rule, .value = wanted(rule, policy), .write = true};
        visit_rule(&places, &visit);
        if (visit.error)
            row_verdict(row, VERDICT_ERROR, fault_note(rows, &visit));
        buf_free(&visit.actual);
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
