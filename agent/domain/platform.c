/*
 * The platform domain: the hardening that the image brings and no setting chooses. It reads the
 * kernel's arguments, the lockdown mode and the mounts. A mount that lost an option is mounted
 * again with it; an argument takes effect at the next boot alone, and the boot entry is the
 * image's.
 *
 * Its rows concern the whole machine. In any other network namespace they belong to the host.
 */
#include "domain/domain.h"

#include "base/file.h"
#include "base/str.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/mount.h>

#define ARGUMENTS_PATH "/proc/cmdline"
#define LOCKDOWN_PATH  "/sys/kernel/security/lockdown"
#define MOUNTS_PATH    "/proc/self/mountinfo"

enum { ARGUMENTS_MAX = 4096, LOCKDOWN_MAX = 64, MOUNTS_MAX = 65536 };

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
    {"nodev",  MS_NODEV },
    {"noexec", MS_NOEXEC},
};

enum { NOSUID = 1, NODEV = 2, NOEXEC = 4 };

static const struct mount_rule {
    const char *name, *path, *data; /* data: of the file system itself, or NULL */
    unsigned wanted;
    const char *desired;
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

/* A row's tag: the arguments, then the lockdown mode, then the mounts. */
enum { TAG_LOCKDOWN = countof(arguments), TAG_MOUNTS, TAG_COUNT = TAG_MOUNTS + countof(mounts) };

/* --- plan --- */

static const char *argument_text(const struct argument *argument, struct rows *rows)
{
    return argument->value[0] ? rows_text(rows, "%s=%s", argument->name, argument->value)
                              : argument->name;
}

static void plan_platform(const struct policy *policy, struct rows *rows)
{
    (void)policy;
    for (size_t i = 0; i < countof(arguments); i++)
        rows_add(rows, (struct row){
                           .id = rows_text(rows, "platform.argument.%s", arguments[i].name),
                           .title = arguments[i].title,
                           .setting = SETTING_NONE,
                           .desired = argument_text(&arguments[i], rows),
                           .tag = i,
                       });
    rows_add(rows, (struct row){
                       .id = "platform.lockdown",
                       .title = "Nothing changes the running kernel, root included",
                       .setting = SETTING_NONE,
                       .desired = "integrity",
                       .tag = TAG_LOCKDOWN,
                   });
    for (size_t i = 0; i < countof(mounts); i++)
        rows_add(rows, (struct row){
                           .id = rows_text(rows, "platform.mount.%s", mounts[i].name),
                           .title = rows_text(rows, "Mount options of %s", mounts[i].path),
                           .setting = SETTING_NONE,
                           .desired = mounts[i].desired,
                           .tag = TAG_MOUNTS + i,
                       });
}

/* --- observe --- */

/* A word of the kernel's command line, whose last one counts: "name=value" or "name". */
static const char *find_argument(const char *line, const char *name, struct rows *rows)
{
    const char *found = NULL;
    size_t length = strlen(name);
    while (*(line += strspn(line, " \n"))) {
        size_t word = strcspn(line, " \n");
        if (word >= length && strncmp(line, name, length) == 0 &&
            (word == length || line[length] == '='))
            found = rows_text(rows, "%.*s", (int)word, line);
        line += word;
    }
    return found;
}

static void observe_argument(const struct argument *argument, const char *line, struct rows *rows,
                             struct row *row)
{
    const char *found = find_argument(line, argument->name, rows);
    row_observed(row, found ? found : "absent");
    if (row->verdict == VERDICT_PASS)
        row->actual = rows_text(rows, "%s in " ARGUMENTS_PATH, found);
    else
        row->note = "the image's boot entry gives the kernel's arguments";
}

/* The mode in force stands in brackets: "none [integrity] confidentiality". */
static void observe_lockdown(const char *text, struct rows *rows, struct row *row)
{
    const char *begin = strchr(text, '[');
    const char *end = begin ? strchr(begin, ']') : NULL;
    const char *mode = end ? rows_text(rows, "%.*s", (int)(end - begin - 1), begin + 1) : "unknown";
    bool stricter = str_equal(mode, "confidentiality");
    row_judge(row, mode, stricter || str_equal(mode, row->desired));
    if (row->verdict == VERDICT_PASS) /* the kernel's own line */
        row->actual = rows_text(rows, "%.*s", (int)strcspn(text, "\n"), text);
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
static void observe_mount(const struct mount_rule *rule, const char *text, struct rows *rows,
                          struct row *row)
{
    struct buf found = {0};
    const char *line = find_mount(text, rule->path);
    if (!line) {
        row_observed(row, "not a mount of its own");
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
    const char *actual = rows_take(rows, &found);
    row_observed(row, actual[0] ? actual : "none of them");
    if (row->verdict == VERDICT_PASS)
        row->actual =
            rows_text(rows, "mounted with %.*s%s%.*s", (int)(options_end - line), line,
                      rule->data ? ", and " : "", rule->data ? (int)(line_end - data) : 0, data);
}

static void observe_text(const char *text, struct rows *rows, struct row *row)
{
    if (row->tag < TAG_LOCKDOWN)
        observe_argument(&arguments[row->tag], text, rows, row);
    else if (row->tag == TAG_LOCKDOWN)
        observe_lockdown(text, rows, row);
    else
        observe_mount(&mounts[row->tag - TAG_MOUNTS], text, rows, row);
}

/* The rows that one file tells of: those with tags from `first` up to `last`. */
static void observe_file(const struct system *system, const char *name, size_t limit, size_t first,
                         size_t last, struct rows *rows)
{
    char path[PATH_MAX];
    struct buf text = {0};
    int error = file_target(path, sizeof(path), system->root, name);
    if (error == 0)
        error = file_read(path, limit, &text);
    for (size_t i = 0; i < rows->count; i++) {
        struct row *row = &rows->list[i];
        if (row->tag < first || row->tag >= last)
            continue;
        if (error == -ENOENT)
            row_verdict(row, VERDICT_NOT_APPLICABLE, rows_text(rows, "there is no %s", name));
        else if (error)
            row_verdict(row, VERDICT_ERROR,
                        rows_text(rows, "cannot read %s: %s", name, strerror(-error)));
        else
            observe_text(buf_text(&text), rows, row);
    }
    buf_free(&text);
}

static void observe_platform(const struct system *system, const struct policy *policy,
                             struct rows *rows)
{
    (void)policy;
    if (!system->whole) {
        for (size_t i = 0; i < rows->count; i++)
            row_verdict(&rows->list[i], VERDICT_NOT_APPLICABLE,
                        "belongs to the machine that hosts this network namespace");
        return;
    }
    observe_file(system, ARGUMENTS_PATH, ARGUMENTS_MAX, 0, TAG_LOCKDOWN, rows);
    observe_file(system, LOCKDOWN_PATH, LOCKDOWN_MAX, TAG_LOCKDOWN, TAG_MOUNTS, rows);
    observe_file(system, MOUNTS_PATH, MOUNTS_MAX, TAG_MOUNTS, TAG_COUNT, rows);
}

/* --- converge --- */

static unsigned long mount_flags(const struct mount_rule *rule)
{
    unsigned long flags = MS_REMOUNT;
    for (size_t i = 0; i < countof(options); i++)
        if (rule->wanted & 1U << i)
            flags |= options[i].flag;
    return flags;
}

/* Below --root there is no mount to change: the paths would be the host's. */
static void converge_platform(const struct system *system, const struct policy *policy,
                              struct rows *rows)
{
    (void)policy;
    if (!system->whole || system->root[0])
        return;
    for (size_t i = 0; i < rows->count; i++) {
        struct row *row = &rows->list[i];
        if (row->tag < TAG_MOUNTS || row->verdict != VERDICT_FAIL)
            continue;
        const struct mount_rule *rule = &mounts[row->tag - TAG_MOUNTS];
        if (mount(NULL, rule->path, NULL, mount_flags(rule), rule->data) < 0)
            row_verdict(row, VERDICT_ERROR,
                        rows_text(rows, "cannot mount %s again: %s", rule->path, strerror(errno)));
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
