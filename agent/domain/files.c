/*
 * The files domain: the configuration that the services of the node read, rendered from the policy
 * (render/files.def), a check a file. A file is written when its content, mode or owner differs,
 * and then replaced as a whole; what somebody else put in its place is reported, never followed.
 *
 * Source: spec/crypto.md, "What is rendered".
 */
#include "domain/files.h"

#include "base/file.h"
#include "base/str.h"
#include "domain/managed_file.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

/* Of a path, the folder is looked at as well as the file: neither may be a link. */
enum { OWN = 2 };

static bool is_wanted(const struct rendered_file *file, const struct policy *policy)
{
    return !file->in_fips_mode_alone || policy->crypto.fips;
}

static const char *expected(const struct rendered_file *file, const struct policy *policy,
                            struct checks *checks)
{
    if (file->in_fips_mode_alone)
        return is_wanted(file, policy) ? "present" : "absent";
    return checks_text(checks, "as of revision %llu", (unsigned long long)policy->revision);
}

static void files_plan(const struct policy *policy, struct checks *checks)
{
    for (size_t i = 0; i < RENDERED_COUNT; i++) {
        enum setting_key key = rendered_files[i].settings[0];
        const char *section = setting_table[key != SETTING_NONE ? key : SECURITY_FIPS].section;
        if (key != SETTING_NONE && !(setting_table[key].roles & policy->role))
            key = SETTING_NONE;
        checks_add(checks, (struct check){.id = rendered_files[i].id,
                                          .title = rendered_files[i].title,
                                          .section = section,
                                          .setting = key,
                                          .expected = expected(&rendered_files[i], policy, checks),
                                          .tag = i});
    }
}

/* --- observe --- */

/* "/run/holdfast/crypto/nginx.conf, from https.legacy_inbound, tls.cbc" */
static const char *origin(const struct rendered_file *file, struct checks *checks)
{
    struct buf text = {0};
    buf_puts(&text, file->file.path);
    for (const enum setting_key *key = file->settings; *key != SETTING_NONE; key++)
        buf_printf(&text, "%s%s", key == file->settings ? ", from " : ", ",
                   setting_table[*key].name);
    return checks_take_text(checks, &text);
}

static int look_at_path(const char *path, const struct rendered_file *file,
                        const struct buf *wanted, struct managed_file_found *found)
{
    int error = managed_file_look_folder(path, &found->observed);
    if (error == 0 && found->observed.length && !str_equal(buf_text(&found->observed), "absent"))
        buf_puts(&found->should, "a folder of its own around it");
    else if (error == 0 && !found->observed.length)
        error = managed_file_look(path, &file->file, wanted, found);
    if (error == 0)
        error = buf_error(&found->observed);
    return error ? error : buf_error(&found->should);
}

static int look(const struct system *system, const struct policy *policy,
                const struct rendered_file *file, struct managed_file_found *found)
{
    char path[PATH_MAX];
    struct buf wanted = {0};
    int error = rendered_make(file, policy, &wanted);
    if (error == 0)
        error = file_path_keeping(path, sizeof(path), system->root, file->file.path, OWN);
    if (error == 0)
        error = look_at_path(path, file, &wanted, found);
    rendered_end(file, &wanted);
    return error;
}

/* A file that is there where none should be differs, whatever it holds. */
static bool is_right(const struct rendered_file *file, const struct policy *policy,
                     const struct managed_file_found *found)
{
    return is_wanted(file, policy) ? found->equal : str_equal(buf_text(&found->observed), "absent");
}

static const char *reason(const struct rendered_file *file, const struct check *check,
                          const struct managed_file_found *found, struct checks *checks)
{
    if (check->verdict == VERDICT_PASS)
        return origin(file, checks);
    return found->should.length
               ? checks_text(checks, "%s: expected %s", file->file.path, buf_text(&found->should))
               : file->file.path;
}

void files_observe_one(const struct rendered_file *file, const struct system *system,
                       const struct policy *policy, struct checks *checks, struct check *check)
{
    struct managed_file_found found = {.equal = false};
    int error = look(system, policy, file, &found);
    if (error) {
        check_verdict(check, VERDICT_ERROR,
                      checks_text(checks, "cannot read %s: %s", file->file.path, strerror(-error)));
    } else {
        check_judge(check, checks_text(checks, "%s", buf_text(&found.observed)),
                    is_right(file, policy, &found));
        if (check->verdict == VERDICT_PASS && !is_wanted(file, policy))
            check->observed = checks_text(checks, "absent: no %s", file->file.path);
        check->reason = reason(file, check, &found, checks);
    }
    buf_free(&found.observed);
    buf_free(&found.should);
}

static void files_observe(const struct system *system, const struct evidence *evidence,
                          const struct policy *policy, struct checks *checks)
{
    (void)evidence;
    for (size_t i = 0; i < checks->count; i++)
        files_observe_one(&rendered_files[checks->list[i].tag], system, policy, checks,
                          &checks->list[i]);
}

/* --- converge --- */

static int write_file(const char *path, const struct policy *policy,
                      const struct rendered_file *file)
{
    struct buf text = {0};
    int error = rendered_make(file, policy, &text);
    if (error == 0)
        error = managed_file_write(path, &file->file, &text, file->durable);
    rendered_end(file, &text);
    return error;
}

static int remove_file(const char *path)
{
    if (unlink(path) < 0 && errno != ENOENT)
        return -errno;
    return file_sync_folder_of(path);
}

static int repair(const struct system *system, const struct policy *policy,
                  const struct rendered_file *file)
{
    char path[PATH_MAX];
    int error = file_path_keeping(path, sizeof(path), system->root, file->file.path, OWN);
    if (error == 0)
        error = managed_file_repair_folder(path);
    if (error)
        return error;
    return is_wanted(file, policy) ? write_file(path, policy, file) : remove_file(path);
}

void files_converge_one(const struct rendered_file *file, const struct system *system,
                        const struct policy *policy, struct checks *checks, struct check *check)
{
    int error = repair(system, policy, file);
    if (error)
        check_verdict(
            check, VERDICT_ERROR,
            checks_text(checks, "cannot write %s: %s", file->file.path, strerror(-error)));
}

static void files_converge(const struct system *system, const struct policy *policy,
                           struct checks *checks)
{
    for (size_t i = 0; i < checks->count; i++)
        if (checks->list[i].verdict >= VERDICT_FAIL)
            files_converge_one(&rendered_files[checks->list[i].tag], system, policy, checks,
                               &checks->list[i]);
}

const struct domain domain_files = {
    .name = "files",
    .title = "Files of the services",
    .weight = WEIGHT_ENFORCED,
    .plan = files_plan,
    .observe = files_observe,
    .converge = files_converge,
};
