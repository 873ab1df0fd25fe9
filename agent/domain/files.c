/*
 * The files domain: the configuration that the services of the node read, rendered from the policy
 * (render/render.h), a check a file. A file is written when its content, mode or owner differs, and
 * then replaced as a whole; what somebody else put in its place is told, never followed.
 *
 * Source: spec/crypto.md, "What is rendered".
 */
#include "domain/domain.h"

#include "base/file.h"
#include "base/str.h"
#include "domain/managed_file.h"
#include "render/render.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

/* The platform's programs look whether the file is there; "1" as in /proc/sys/crypto. */
static void render_fips(const struct policy *policy, struct buf *out)
{
    (void)policy;
    buf_puts(out, "1\n");
}

/* Of a path, the folder is looked at as well as the file: neither may be a link. */
enum { OWN = 2 };

/* The formatter takes an initializer in a macro for a block. */
/* clang-format off */
#define FROM(...) (const enum setting_key[]){__VA_ARGS__, SETTING_NONE}
/* clang-format on */

static const struct file_rule {
    const char *id, *title, *path;
    void (*render)(const struct policy *policy, struct buf *out);
    const enum setting_key *settings; /* ends with SETTING_NONE */
    bool in_fips_mode_alone;
    bool durable; /* no reboot forgets it */
} rules[] = {
#define RENDERED(i, t, p, r, ...) {.id = i, .title = t, .path = p, .render = r, __VA_ARGS__},
#include "domain/files.def"
#undef RENDERED
};

static bool is_wanted(const struct file_rule *rule, const struct policy *policy)
{
    return !rule->in_fips_mode_alone || policy->crypto.fips;
}

static const char *expected(const struct file_rule *rule, const struct policy *policy,
                            struct checks *checks)
{
    if (rule->in_fips_mode_alone)
        return is_wanted(rule, policy) ? "present" : "absent";
    return checks_text(checks, "as of revision %llu", (unsigned long long)policy->revision);
}

static void files_plan(const struct policy *policy, struct checks *checks)
{
    for (size_t i = 0; i < countof(rules); i++) {
        enum setting_key key = rules[i].settings[0];
        const char *section = setting_table[key != SETTING_NONE ? key : SECURITY_FIPS].section;
        if (key != SETTING_NONE && !(setting_table[key].roles & policy->role))
            key = SETTING_NONE;
        checks_add(checks, (struct check){.id = rules[i].id,
                                          .title = rules[i].title,
                                          .section = section,
                                          .setting = key,
                                          .expected = expected(&rules[i], policy, checks),
                                          .tag = i});
    }
}

/* --- observe --- */

/* "/run/holdfast/crypto/nginx.conf, from https.legacy_inbound, tls.cbc" */
static const char *origin(const struct file_rule *rule, struct checks *checks)
{
    struct buf text = {0};
    buf_puts(&text, rule->path);
    for (const enum setting_key *key = rule->settings; *key != SETTING_NONE; key++)
        buf_printf(&text, "%s%s", key == rule->settings ? ", from " : ", ",
                   setting_table[*key].name);
    return checks_take_text(checks, &text);
}

static int look(const struct system *system, const struct policy *policy,
                const struct file_rule *rule, struct managed_file *found)
{
    char path[PATH_MAX];
    struct buf wanted = {0};
    rule->render(policy, &wanted);
    int error = buf_error(&wanted);
    if (error == 0)
        error = file_path_keeping(path, sizeof(path), system->root, rule->path, OWN);
    if (error == 0)
        error = managed_file_look_folder(path, &found->observed);
    if (error == 0 && found->observed.length && !str_equal(buf_text(&found->observed), "absent"))
        buf_puts(&found->should, "a folder of its own around it");
    else if (error == 0 && !found->observed.length)
        error = managed_file_look(path, &wanted, found);
    buf_free(&wanted);
    if (error == 0)
        error =
            buf_error(&found->observed) ? buf_error(&found->observed) : buf_error(&found->should);
    return error;
}

/* A file that is there where none should be differs, whatever it holds. */
static bool is_right(const struct file_rule *rule, const struct policy *policy,
                     const struct managed_file *found)
{
    return is_wanted(rule, policy) ? found->equal : str_equal(buf_text(&found->observed), "absent");
}

static void observe_file(const struct system *system, const struct policy *policy,
                         const struct file_rule *rule, struct checks *checks, struct check *check)
{
    struct managed_file found = {.equal = false};
    int error = look(system, policy, rule, &found);
    if (error) {
        check_verdict(check, VERDICT_ERROR,
                      checks_text(checks, "cannot read %s: %s", rule->path, strerror(-error)));
    } else {
        check_judge(check, checks_text(checks, "%s", buf_text(&found.observed)),
                    is_right(rule, policy, &found));
        if (check->verdict == VERDICT_PASS && !is_wanted(rule, policy))
            check->observed = checks_text(checks, "absent: no %s", rule->path);
        if (check->verdict == VERDICT_PASS)
            check->reason = origin(rule, checks);
        else
            check->reason = found.should.length ? checks_text(checks, "%s: should be %s",
                                                              rule->path, buf_text(&found.should))
                                                : rule->path;
    }
    buf_free(&found.observed);
    buf_free(&found.should);
}

static void files_observe(const struct system *system, const struct policy *policy,
                          struct checks *checks)
{
    for (size_t i = 0; i < checks->count; i++)
        observe_file(system, policy, &rules[checks->list[i].tag], checks, &checks->list[i]);
}

/* --- converge --- */

static int write_file(const char *path, const struct policy *policy, const struct file_rule *rule)
{
    struct buf text = {0};
    rule->render(policy, &text);
    int error = buf_error(&text);
    if (error == 0)
        error = rule->durable
                    ? file_replace(path, text.data, text.length, MANAGED_FILE_MODE)
                    : file_replace_volatile(path, text.data, text.length, MANAGED_FILE_MODE);
    buf_free(&text);
    return error;
}

static int remove_file(const char *path)
{
    if (unlink(path) < 0 && errno != ENOENT)
        return -errno;
    return file_sync_folder_of(path);
}

static int set_right(const struct system *system, const struct policy *policy,
                     const struct file_rule *rule)
{
    char path[PATH_MAX];
    int error = file_path_keeping(path, sizeof(path), system->root, rule->path, OWN);
    if (error == 0)
        error = managed_file_repair_folder(path);
    if (error)
        return error;
    return is_wanted(rule, policy) ? write_file(path, policy, rule) : remove_file(path);
}

static void files_converge(const struct system *system, const struct policy *policy,
                           struct checks *checks)
{
    for (size_t i = 0; i < checks->count; i++) {
        struct check *check = &checks->list[i];
        const struct file_rule *rule = &rules[check->tag];
        int error = check->verdict < VERDICT_FAIL ? 0 : set_right(system, policy, rule);
        if (error)
            check_verdict(check, VERDICT_ERROR,
                          checks_text(checks, "cannot write %s: %s", rule->path, strerror(-error)));
    }
}

const struct domain domain_files = {
    .name = "files",
    .title = "Files of the services",
    .weight = WEIGHT_ENFORCED,
    .plan = files_plan,
    .observe = files_observe,
    .converge = files_converge,
};
