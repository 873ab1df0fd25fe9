/*
 * The accounts domain: once the system administrator account is disabled, no user logs in:
 * passwords are locked, the admin's shell refuses, no console offers a login, and no sshd runs. It
 * only ever closes; nothing here opens an account again.
 *
 * Source: guide, question 2 (it applies to SSH and console access and cannot be taken back).
 */
#include "domain/domain.h"

#include "base/file.h"
#include "base/str.h"
#include "domain/processes.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#define ADMIN   "admin"
#define NOLOGIN "/sbin/nologin"

enum { FILE_SIZE_MAX = 1048576, FIELDS_MAX = 9 };

/* --- lines of fields --- */

struct line {
    char *field[FIELDS_MAX];
    size_t count;
};

/* Cuts a line at its colons, in place. */
static void line_split(struct line *line, char *text)
{
    line->count = 0;
    while (text && line->count < FIELDS_MAX) {
        line->field[line->count++] = text;
        text = line->count < FIELDS_MAX ? strchr(text, ':') : NULL;
        if (text)
            *text++ = '\0';
    }
}

/* The length of the line at `at`; its newline becomes a NUL. */
static size_t line_end(struct buf *text, size_t at)
{
    char *start = text->data + at;
    char *newline = memchr(start, '\n', text->length - at);
    if (newline)
        *newline = '\0';
    return newline ? (size_t)(newline - start) : text->length - at;
}

static void line_write(const struct line *line, struct buf *out)
{
    for (size_t i = 0; i < line->count; i++)
        buf_printf(out, "%s%s", i ? ":" : "", line->field[i]);
}

/* Checks one line: a name that differs is added to `found`, and the line is repaired where `out` is
 * given. A malformed line stays as it is. */
typedef void repair_line(struct line *line, struct buf *found);

static void name_found(struct buf *found, const char *name)
{
    buf_printf(found, "%s%s", found->length ? ", " : "", name);
}

/* A field that crypt(3) can never produce: '!' and '*' lock, anything else may permit a log-in. */
static bool is_locked(const char *password)
{
    return password[0] == '!' || password[0] == '*';
}

static void lock(struct line *line, struct buf *found)
{
    static char locked[] = "!";
    name_found(found, line->field[0]);
    line->field[1] = locked;
}

static void repair_admin_password(struct line *line, struct buf *found)
{
    if (line->count > 1 && str_equal(line->field[0], ADMIN) && !is_locked(line->field[1]))
        lock(line, found);
}

static void repair_other_password(struct line *line, struct buf *found)
{
    if (line->count > 1 && !str_equal(line->field[0], ADMIN) && !is_locked(line->field[1]))
        lock(line, found);
}

/* In passwd(5) "x" sends the reader to shadow(5); an empty field lets everybody in. */
static void repair_open_passwd(struct line *line, struct buf *found)
{
    if (line->count > 1 && !str_equal(line->field[1], "x") && !is_locked(line->field[1]))
        lock(line, found);
}

static void repair_admin_shell(struct line *line, struct buf *found)
{
    static char nologin[] = NOLOGIN;
    if (line->count != 7 || !str_equal(line->field[0], ADMIN) || str_equal(line->field[6], NOLOGIN))
        return;
    name_found(found, line->field[6]);
    line->field[6] = nologin;
}

static const struct console_program {
    const char *name;
    bool alone; /* with an operand it runs a script and asks for no log-in */
} console_programs[] = {
    {"getty", false}, {"agetty", false}, {"login", false}, {"sulogin", false},
    {"sh", true},     {"ash", true},     {"bash", true},
};

/* A program as inittab has it: "-" before it for a login shell, operands behind it. */
static bool asks_at_terminal(const char *program)
{
    const char *from = program[0] == '-' ? program + 1 : program;
    size_t length = strcspn(from, " \t\r");
    bool alone = from[length + strspn(from + length, " \t\r")] == '\0';
    for (const char *slash; (slash = memchr(from, '/', length));) {
        length -= (size_t)(slash + 1 - from);
        from = slash + 1;
    }
    for (size_t i = 0; i < countof(console_programs); i++)
        if (strlen(console_programs[i].name) == length &&
            strncmp(from, console_programs[i].name, length) == 0)
            return alone || !console_programs[i].alone;
    return false;
}

/* inittab of busybox init: "tty::action:program". A login is what asks first, what names a terminal
 * and is started again and again, and what asks at whatever terminal it gets. */
static bool is_login(const struct line *line)
{
    const char *action = line->field[2];
    return str_equal(action, "askfirst") ||
           (str_equal(action, "respawn") && line->field[0][0] != '\0') ||
           asks_at_terminal(line->field[3]);
}

static void repair_console(struct line *line, struct buf *found)
{
    if (line->count < 4 || line->field[0][0] == '#' || !is_login(line))
        return;
    name_found(found, line->field[0][0] ? line->field[0] : line->field[3]);
    line->count = 0;
}

/* --- the checks --- */

static void reload_init(const struct system *system)
{
    if (system->root[0] == '\0')
        (void)kill(1, SIGHUP); /* busybox init reads inittab again */
}

static const struct account_rule {
    const char *id, *title, *path;
    const char *expected;
    repair_line *repair;
    void (*repaired)(const struct system *system); /* or NULL */
} rules[] = {
    {"accounts.admin.password", "The administrator's password is locked", "/etc/shadow", "locked",
     repair_admin_password, NULL},
    {"accounts.admin.shell", "The administrator has no shell", "/etc/passwd", NOLOGIN,
     repair_admin_shell, NULL},
    {"accounts.others", "No other account has a password", "/etc/shadow", "none",
     repair_other_password, NULL},
    {"accounts.passwd", "No password stands in passwd", "/etc/passwd", "none", repair_open_passwd,
     NULL},
    {"accounts.consoles", "No console offers a login", "/etc/inittab", "none", repair_console,
     reload_init},
};

static const char *const login_programs[] = {"getty", "login", "sshd", "dropbear"};

enum { ROW_PROCESSES = countof(rules) };

static void accounts_plan(const struct policy *policy, struct checks *checks)
{
    const char *section = setting_table[SECURITY_DISABLE_ADMIN].section;
    const char *open = "as the administrator left it";
    for (size_t i = 0; i < countof(rules); i++)
        checks_add(checks,
                   (struct check){.id = rules[i].id,
                                  .title = rules[i].title,
                                  .section = section,
                                  .setting = SECURITY_DISABLE_ADMIN,
                                  .expected = policy->admin_disabled ? rules[i].expected : open});
    checks_add(checks,
               (struct check){.id = "accounts.processes",
                              .title = "No login, sshd or process of the administrator runs",
                              .section = section,
                              .setting = SECURITY_DISABLE_ADMIN,
                              .expected = policy->admin_disabled ? "none" : open});
}

/* A NUL ends what programs read of its line, not of the file; what is behind it stays. */
static void repair_text(const struct account_rule *rule, struct buf *text, struct buf *found,
                        struct buf *out)
{
    for (size_t at = 0; at < text->length;) {
        struct line line;
        char *start = text->data + at;
        size_t length = line_end(text, at), seen = strlen(start);
        bool ended = at + length < text->length;
        line_split(&line, start);
        rule->repair(&line, found);
        line_write(&line, out);
        if (line.count)
            buf_append(out, start + seen, length - seen);
        if (line.count && ended)
            buf_putc(out, '\n');
        at += length + ended;
    }
}

/* Reads the rule's file and repairs a copy: `found` names the differences, `out` is the text. */
static int repair_file(const struct system *system, const struct account_rule *rule,
                       struct buf *found, struct buf *out)
{
    char path[PATH_MAX];
    struct buf text = {0};
    int error = file_target(path, sizeof(path), system->root, rule->path);
    if (error == 0)
        error = file_read(path, FILE_SIZE_MAX, &text);
    if (error == 0)
        repair_text(rule, &text, found, out);
    buf_wipe(&text);
    if (error == 0)
        error = buf_error(found) ? buf_error(found) : buf_error(out);
    return error;
}

static size_t lines_of(struct buf *text)
{
    size_t count = 0;
    for (size_t at = 0; at < text->length; at += line_end(text, at) + 1)
        count++;
    return count;
}

static void observe_file(const struct system *system, const struct account_rule *rule,
                         struct checks *checks, struct check *check)
{
    struct buf found = {0}, out = {0};
    int error = repair_file(system, rule, &found, &out);
    if (error == -ENOENT)
        check_verdict(check, VERDICT_NOT_APPLICABLE,
                      checks_text(checks, "there is no %s", rule->path));
    else if (error)
        check_verdict(check, VERDICT_ERROR,
                      checks_text(checks, "cannot read %s: %s", rule->path, strerror(-error)));
    else
        check_judge(check,
                    found.length ? checks_text(checks, "not locked: %s", buf_text(&found))
                                 : checks_text(checks, "nothing of it in the %zu lines of %s",
                                               lines_of(&out), rule->path),
                    found.length == 0);
    buf_free(&found);
    buf_wipe(&out);
}

/* The admin's number from passwd(5), 0 when there is no such account; 0, or why it is not known. */
static int admin_uid(const struct system *system, uid_t *uid)
{
    char path[PATH_MAX];
    struct buf text = {0};
    uint64_t number = 0;
    int error = file_target(path, sizeof(path), system->root, "/etc/passwd");
    if (error == 0)
        error = file_read(path, FILE_SIZE_MAX, &text);
    for (size_t at = 0, length; error == 0 && at < text.length; at += length + 1) {
        struct line line;
        length = line_end(&text, at);
        line_split(&line, text.data + at);
        if (line.count > 2 && str_equal(line.field[0], ADMIN))
            (void)str_to_u64(line.field[2], 1, UINT32_MAX - 1, &number);
    }
    buf_free(&text);
    *uid = (uid_t)number;
    return error == -ENOENT ? 0 : error;
}

/* Without passwd(5) the login programs are found all the same, but that is not all there may be. */
static int find_processes(const struct system *system, int signal, struct buf *found, size_t *count)
{
    struct process_wanted wanted = {.names = login_programs, .name_count = countof(login_programs)};
    int unknown = admin_uid(system, &wanted.uid);
    int error = processes_find(&wanted, signal, found, count);
    return error ? error : unknown;
}

static void observe_processes(const struct system *system, struct checks *checks,
                              struct check *check)
{
    struct buf found = {0};
    size_t count = 0;
    int error = find_processes(system, 0, &found, &count);
    if (error)
        check_verdict(
            check, VERDICT_ERROR,
            checks_text(checks, "cannot decide from /etc/passwd and /proc: %s", strerror(-error)));
    else
        check_judge(check,
                    found.length ? checks_text(checks, "%s", buf_text(&found))
                                 : checks_text(checks, "none of %zu processes", count),
                    found.length == 0);
    buf_free(&found);
}

static void accounts_observe(const struct system *system, const struct evidence *evidence,
                             const struct policy *policy, struct checks *checks)
{
    (void)evidence;
    for (size_t i = 0; i < checks->count; i++) {
        struct check *check = &checks->list[i];
        if (!policy->admin_disabled)
            check_verdict(check, VERDICT_NOT_APPLICABLE, "the administrator account is enabled");
        else if (i < countof(rules))
            observe_file(system, &rules[i], checks, check);
        else if (system->root[0])
            check_verdict(check, VERDICT_NOT_APPLICABLE,
                          "processes run on the machine, not below --root");
        else
            observe_processes(system, checks, check);
    }
}

/* --- converge --- */

static int rewrite_file(const struct system *system, const struct account_rule *rule)
{
    char path[PATH_MAX], target[PATH_MAX];
    struct buf found = {0}, out = {0};
    int error = repair_file(system, rule, &found, &out);
    if (error == 0)
        error = file_path(path, sizeof(path), system->root, rule->path);
    if (error == 0)
        error = file_target(target, sizeof(target), system->root, rule->path);
    if (error == 0 && found.length)
        error = file_replace_alike(path, target, buf_text(&out), out.length);
    if (error == 0 && found.length && rule->repaired)
        rule->repaired(system);
    buf_free(&found);
    buf_wipe(&out);
    return error;
}

static void end_processes(const struct system *system, struct checks *checks, struct check *check)
{
    struct buf found = {0};
    size_t count = 0;
    int error = find_processes(system, SIGKILL, &found, &count);
    if (error)
        check_verdict(check, VERDICT_ERROR,
                      checks_text(checks, "cannot end %s: %s", buf_text(&found), strerror(-error)));
    buf_free(&found);
}

static void accounts_converge(const struct system *system, const struct policy *policy,
                              struct checks *checks)
{
    (void)policy;
    for (size_t i = 0; i < checks->count; i++) {
        struct check *check = &checks->list[i];
        if (check->verdict < VERDICT_FAIL)
            continue;
        int error = i < countof(rules) ? rewrite_file(system, &rules[i]) : 0;
        if (error)
            check_verdict(
                check, VERDICT_ERROR,
                checks_text(checks, "cannot write %s: %s", rules[i].path, strerror(-error)));
        if (i == ROW_PROCESSES)
            end_processes(system, checks, check);
    }
}

const struct domain domain_accounts = {
    .name = "accounts",
    .title = "Accounts",
    .weight = WEIGHT_ENFORCED,
    .plan = accounts_plan,
    .observe = accounts_observe,
    .converge = accounts_converge,
};
