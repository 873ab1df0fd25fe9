/*
 * The platform domain: the hardening that the image brings and no setting chooses. It reads the
 * kernel's arguments, the lockdown mode and the mounts. A mount that lost an option is mounted
 * again with it; an argument takes effect at the next boot alone, and the boot entry is the
 * image's.
 *
 * Its checks concern the whole machine. In any other network namespace they belong to the host.
 */
#include "domain/domain.h"

#include "base/file.h"
#include "base/str.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/statvfs.h>

enum { ARGUMENTS_MAX = 4096, LOCKDOWN_MAX = 64, MOUNTS_MAX = 65536 };

/* linux/statfs.h and linux/mount.h; not in every C library's headers */
enum { SHOWN_NOSYMFOLLOW = 0x2000 };
#ifndef MS_NOSYMFOLLOW
#define MS_NOSYMFOLLOW 256UL
#endif

/* Documentation/admin-guide/kernel-parameters.txt of the kernel. */
static const struct argument {
    const char *name, *value, *title;
} arguments[] = {
    /* clang-format off */
    {"init_on_alloc",         "1",         "Memory is cleared before the kernel hands it out"},
    {"slab_nomerge",          "",          "Kernel objects of different kinds share no memory"},
    {"page_alloc.shuffle",    "1",         "Free pages are handed out in random order"},
    {"randomize_kstack_offset", "on",      "Each system call has another kernel stack offset"},
    {"vsyscall",              "none",      "No page of code at a fixed address"},
    {"debugfs",               "off",       "The kernel's debugging file system"},
    {"lockdown",              "integrity", "Lockdown at the kernel's start"},
    /* clang-format on */
};

/* What mount(8) calls each flag, in the order of the kernel's mountinfo. */
static const struct option {
    const char *name;
    unsigned long flag;
} options[] = {
    {"nosuid", MS_NOSUID},
    {"nodev", MS_NODEV},
    {"noexec", MS_NOEXEC},
};

enum { NOSUID = 1, NODEV = 2, NOEXEC = 4 };

static const struct mount_rule {
    const char *name, *path, *data; /* data: of the file system itself, or NULL */
    unsigned wanted;
    const char *expected;
} mounts[] = {
    /* clang-format off */
    {"proc",  "/proc",             "hidepid=invisible", NOSUID | NODEV | NOEXEC, "nosuid,nodev,noexec,hidepid=invisible"},
    {"home",  "/home",             NULL,                NOSUID | NODEV | NOEXEC, "nosuid,nodev,noexec"},
    {"tmp",   "/tmp",              NULL,                NOSUID | NODEV | NOEXEC, "nosuid,nodev,noexec"},
    {"run",   "/run",              NULL,                NOSUID | NODEV | NOEXEC, "nosuid,nodev,noexec"},
    {"state", "/var/lib/holdfast", NULL,                NOSUID | NODEV | NOEXEC, "nosuid,nodev,noexec"},
    {"dev",   "/dev",              NULL,                NOSUID | NOEXEC,         "nosuid,noexec"},
    /* clang-format on */
};

/* A check's tag: the arguments, then the lockdown mode, then the mounts. */
enum { TAG_LOCKDOWN = countof(arguments), TAG_MOUNTS, TAG_COUNT = TAG_MOUNTS + countof(mounts) };

/* --- plan --- */

static const char *argument_text(const struct argument *argument, struct checks *checks)
{
    return argument->value[0] ? checks_text(checks, "%s=%s", argument->name, argument->value)
                              : argument->name;
}

static void plan_platform(const struct policy *policy, struct checks *checks)
{
    (void)policy;
    for (size_t i = 0; i < countof(arguments); i++)
        checks_add(checks, (struct check){
                               .id = checks_text(checks, "platform.argument.%s", arguments[i].name),
                               .title = arguments[i].title,
                               .setting = SETTING_NONE,
                               .expected = argument_text(&arguments[i], checks),
                               .tag = i,
                           });
    checks_add(checks, (struct check){
                           .id = "platform.lockdown",
                           .title = "Nothing changes the running kernel, root included",
                           .setting = SETTING_NONE,
                           .expected = "integrity",
                           .tag = TAG_LOCKDOWN,
                       });
    for (size_t i = 0; i < countof(mounts); i++)
        checks_add(checks, (struct check){
                               .id = checks_text(checks, "platform.mount.%s", mounts[i].name),
                               .title = checks_text(checks, "Mount options of %s", mounts[i].path),
                               .setting = SETTING_NONE,
                               .expected = mounts[i].expected,
                               .tag = TAG_MOUNTS + i,
                           });
}

/* --- observe --- */

/* A word of the kernel's command line, whose last one counts: "name=value" or "name". */
static const char *find_argument(const char *line, const char *name, struct checks *checks)
{
    const char *found = NULL;
    size_t length = strlen(name);
    while (*(line += strspn(line, " \n"))) {
        size_t word = strcspn(line, " \n");
        if (word >= length && strncmp(line, name, length) == 0 &&
            (word == length || line[length] == '='))
            found = checks_text(checks, "%.*s", (int)word, line);
        line += word;
    }
    return found;
}

static void observe_argument(const struct argument *argument, const char *line,
                             struct checks *checks, struct check *check)
{
    const char *found = find_argument(line, argument->name, checks);
    check_observe(check, found ? found : "absent");
    if (check->verdict == VERDICT_PASS)
        check->observed = checks_text(checks, "%s in /proc/cmdline", found);
    else
        check->reason = "the image's boot entry gives the kernel's arguments";
}

/* The mode in force stands in brackets: "none [integrity] confidentiality". */
static void observe_lockdown(const char *text, struct checks *checks, struct check *check)
{
    const char *begin = strchr(text, '[');
    const char *end = begin ? strchr(begin, ']') : NULL;
    const char *mode =
        end ? checks_text(checks, "%.*s", (int)(end - begin - 1), begin + 1) : "unknown";
    bool stricter = str_equal(mode, "confidentiality");
    check_judge(check, mode, stricter || str_equal(mode, check->expected));
    if (check->verdict == VERDICT_PASS) /* the kernel's own line */
        check->observed = checks_text(checks, "%.*s", (int)strcspn(text, "\n"), text);
}

/* Whether `word` is one of the words, separated by commas, that end at `end`. */
static bool has_word(const char *text, const char *end, const char *word)
{
    size_t length = strlen(word);
    for (const char *at = text; at < end;) {
        size_t size = strcspn(at, ", \n");
        if (size == length && strncmp(at, word, length) == 0)
            return true;
        at += size + 1;
    }
    return false;
}

static const char not_a_mount[] = "not a mount of its own";

/* The last mount at `path` hides those before it. Its line, or NULL (proc(5), mountinfo: the mount
 * point is the fifth field, its options the sixth, those of the file system the last). */
static const char *find_mount(const char *text, const char *path)
{
    const char *found = NULL;
    size_t length = strlen(path);
    for (const char *line = text; *line;) {
        const char *field = line;
        for (int i = 0; i < 4 && field; i++)
            field = strchr(field, ' ') ? strchr(field, ' ') + 1 : NULL;
        if (field && strncmp(field, path, length) == 0 && field[length] == ' ')
            found = field + length + 1;
        line += strcspn(line, "\n");
        line += *line == '\n';
    }
    return found;
}

static void add_option(struct buf *text, const char *name)
{
    buf_printf(text, "%s%s", text->length ? "," : "", name);
}

/* Of the options that matter, those that it has. */
static void observe_mount(const struct mount_rule *rule, const char *text, struct checks *checks,
                          struct check *check)
{
    struct buf found = {0};
    const char *line = find_mount(text, rule->path);
    if (!line) {
        check_observe(check, not_a_mount);
        return;
    }
    const char *options_end = line + strcspn(line, " \n");
    const char *line_end = line + strcspn(line, "\n");
    const char *data = line_end;
    while (data > options_end && data[-1] != ' ')
        data--;
    for (size_t i = 0; i < countof(options); i++)
        if ((rule->wanted & 1U << i) && has_word(line, options_end, options[i].name))
            add_option(&found, options[i].name);
    if (rule->data && has_word(data, line_end, rule->data))
        add_option(&found, rule->data);
    const char *observed = checks_take_text(checks, &found);
    check_observe(check, observed[0] ? observed : "none of them");
    if (check->verdict == VERDICT_PASS)
        check->observed =
            checks_text(checks, "mounted with %.*s%s%.*s", (int)(options_end - line), line,
                        rule->data ? ", and " : "", rule->data ? (int)(line_end - data) : 0, data);
}

static void observe_text(const char *text, struct checks *checks, struct check *check)
{
    if (check->tag < TAG_LOCKDOWN)
        observe_argument(&arguments[check->tag], text, checks, check);
    else if (check->tag == TAG_LOCKDOWN)
        observe_lockdown(text, checks, check);
    else
        observe_mount(&mounts[check->tag - TAG_MOUNTS], text, checks, check);
}

/* A file of the kernel's, and the tags of the checks that it tells of: from `first` up to
 * `last`. */
struct source {
    const char *name;
    size_t limit, first, last;
};

/* A tree without a kernel has nothing to fail; where a kernel runs, a file that is absent proves
 * nothing: one that is not mounted, say. */
static void observe_absent(const struct source *source, bool kernel, struct checks *checks,
                           struct check *check)
{
    const char *why = checks_text(checks, "there is no %s", source->name);
    if (kernel)
        check_observe(check, "unknown");
    check_verdict(check, kernel ? VERDICT_FAIL : VERDICT_NOT_APPLICABLE, why);
}

/* Whether there is such a file. */
static bool observe_file(const struct system *system, const struct source *source, bool kernel,
                         struct checks *checks)
{
    char path[PATH_MAX];
    struct buf text = {0};
    int error = file_target(path, sizeof(path), system->root, source->name);
    if (error == 0)
        error = file_read(path, source->limit, &text);
    for (size_t i = 0; i < checks->count; i++) {
        struct check *check = &checks->list[i];
        if (check->tag < source->first || check->tag >= source->last)
            continue;
        if (error == -ENOENT)
            observe_absent(source, kernel, checks, check);
        else if (error)
            check_verdict(
                check, VERDICT_ERROR,
                checks_text(checks, "cannot read %s: %s", source->name, strerror(-error)));
        else
            observe_text(buf_text(&text), checks, check);
    }
    buf_free(&text);
    return error != -ENOENT;
}

static void observe_platform(const struct system *system, const struct evidence *evidence,
                             const struct policy *policy, struct checks *checks)
{
    (void)evidence;
    static const struct source sources[] = {
        {"/proc/cmdline", ARGUMENTS_MAX, 0, TAG_LOCKDOWN},
        {"/sys/kernel/security/lockdown", LOCKDOWN_MAX, TAG_LOCKDOWN, TAG_MOUNTS},
        {"/proc/self/mountinfo", MOUNTS_MAX, TAG_MOUNTS, TAG_COUNT},
    };
    (void)policy;
    if (!system->initial_netns) {
        for (size_t i = 0; i < checks->count; i++)
            check_verdict(&checks->list[i], VERDICT_NOT_APPLICABLE,
                          "belongs to the machine that hosts this network namespace");
        return;
    }
    bool kernel = false;
    for (size_t i = 0; i < countof(sources); i++)
        kernel = observe_file(system, &sources[i], kernel, checks) || kernel;
}

/* --- converge --- */

/* What the mount has already stays, but for when files were read, which the kernel keeps by itself
 * (mount(2), MS_REMOUNT). */
static unsigned long mount_flags(const struct mount_rule *rule, unsigned long present)
{
    const unsigned long kept = ST_RDONLY | ST_NOSUID | ST_NODEV | ST_NOEXEC; /* MS_ by value */
    unsigned long flags = MS_REMOUNT | (present & kept);
    if (present & SHOWN_NOSYMFOLLOW)
        flags |= MS_NOSYMFOLLOW;
    for (size_t i = 0; i < countof(options); i++)
        if (rule->wanted & 1U << i)
            flags |= options[i].flag;
    return flags;
}

/* Options of the mount alone leave the file system, which other mounts may share, as it is. */
static int mount_again(const struct mount_rule *rule)
{
    struct statvfs present;
    if (statvfs(rule->path, &present) < 0)
        return -errno;
    unsigned long flags = mount_flags(rule, present.f_flag) | (rule->data ? 0 : MS_BIND);
    return mount(NULL, rule->path, NULL, flags, rule->data) < 0 ? -errno : 0;
}

/* Below --root there is no mount to change: the paths would be the host's. */
static void converge_platform(const struct system *system, const struct policy *policy,
                              struct checks *checks)
{
    (void)policy;
    if (!system->initial_netns || system->root[0])
        return;
    for (size_t i = 0; i < checks->count; i++) {
        struct check *check = &checks->list[i];
        if (check->tag < TAG_MOUNTS || check->verdict != VERDICT_FAIL ||
            check->observed == not_a_mount)
            continue;
        const struct mount_rule *rule = &mounts[check->tag - TAG_MOUNTS];
        int error = mount_again(rule);
        if (error)
            check_verdict(
                check, VERDICT_ERROR,
                checks_text(checks, "cannot mount %s again: %s", rule->path, strerror(-error)));
    }
}

const struct domain domain_platform = {
    .name = "platform",
    .title = "What the image hardens",
    .weight = WEIGHT_ENFORCED,
    .plan = plan_platform,
    .observe = observe_platform,
    .converge = converge_platform,
};
