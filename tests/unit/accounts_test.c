/* Who still runs once the administrator account is disabled: found by name and by user, and ended,
 * among the processes of a PID namespace of the test's own, with an /etc of its own. */
#include "domain/domain.h"

#include "base/file.h"
#include "base/str.h"

#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum { ADMIN_UID = 1000, OTHER_UID = 1001 };

static const struct actor {
    const char *name;
    uid_t uid;
    bool unwanted;
} actors[] = {
    {"sshd", 0, true},           {"dropbear", 0, true},         {"getty", 0, true},
    {"login", 0, true},          {"anything", ADMIN_UID, true}, {"other", 0, false},
    {"sshd2", OTHER_UID, false},
};

static unsigned faults;

static void expect(bool holds, const char *what, const char *detail)
{
    if (!holds)
        print_error("%s: %s\n", what, detail);
    faults += !holds;
}

/* --- a system of the test's own --- */

static bool put(const char *path, const char *text)
{
    return file_replace(path, text, strlen(text), 0600) == 0;
}

static bool settle(void)
{
    return mount("none", "/", "none", MS_REC | MS_PRIVATE, NULL) == 0 &&
           mount("none", "/etc", "tmpfs", 0, NULL) == 0 &&
           mount("none", "/proc", "proc", 0, NULL) == 0 &&
           put("/etc/passwd", "root:x:0:0::/:/bin/sh\nadmin:x:1000:1000::/:/sbin/nologin\n") &&
           put("/etc/shadow", "root:!:1::::::\nadmin:!:1::::::\n") &&
           put("/etc/inittab", "::sysinit:/etc/init.d/rcS\n");
}

/* Says on the pipe that it is who it is to be, and waits for its end. */
static void act(const struct actor *actor, int ready)
{
    if (prctl(PR_SET_NAME, actor->name) < 0 || setresuid(actor->uid, actor->uid, actor->uid) < 0 ||
        write(ready, "", 1) != 1)
        _exit(1);
    for (;;)
        pause();
}

static bool start(pid_t pids[countof(actors)])
{
    int ready[2];
    char byte;
    if (pipe(ready) < 0)
        return false;
    for (size_t i = 0; i < countof(actors); i++) {
        pids[i] = fork();
        if (pids[i] == 0)
            act(&actors[i], ready[1]);
        if (pids[i] < 0 || read(ready[0], &byte, 1) != 1)
            return false;
    }
    return true;
}

/* --- what is asked of it --- */

static const struct check *processes_check(const struct checks *checks)
{
    for (size_t i = 0; i < checks->count; i++)
        if (str_equal(checks->list[i].id, "accounts.processes"))
            return &checks->list[i];
    return NULL;
}

static void expect_named(const struct check *check, const pid_t pids[countof(actors)])
{
    expect(check->verdict == VERDICT_FAIL, "the check fails", check->observed);
    for (size_t i = 0; i < countof(actors); i++) {
        char text[64];
        (void)snprintf(text, sizeof(text), "%s (%d)", actors[i].name, (int)pids[i]);
        expect((strstr(check->observed, text) != NULL) == actors[i].unwanted, text,
               check->observed);
    }
}

static void expect_ended(const pid_t pids[countof(actors)])
{
    for (size_t i = 0; i < countof(actors); i++) {
        int status = 0;
        if (actors[i].unwanted && kill(pids[i], SIGTERM) == 0) /* too late, or it was missed */
            expect(waitpid(pids[i], &status, 0) == pids[i] && WIFSIGNALED(status) &&
                       WTERMSIG(status) == SIGKILL,
                   "it is ended", actors[i].name);
        else
            expect(waitpid(pids[i], &status, WNOHANG) == 0, "it goes on", actors[i].name);
    }
}

static void observe(const struct policy *policy, const struct system *system, struct checks *checks)
{
    checks_free(checks);
    domain_accounts.plan(policy, checks);
    domain_accounts.observe(system, NULL, policy, checks);
}

static void find_and_end(const pid_t pids[countof(actors)])
{
    const struct system system = {.root = "", .initial_netns = true};
    struct settings settings = {0};
    struct policy policy;
    struct checks checks = {0};
    expect(settings_defaults(&settings) == 0, "settings", "defaults");
    policy_make(&policy, &(struct policy_input){.role = ROLE_MANAGEMENT,
                                                .settings = &settings,
                                                .admin_latched = true});
    observe(&policy, &system, &checks);
    expect_named(processes_check(&checks), pids);
    domain_accounts.converge(&system, &policy, &checks);
    expect_ended(pids);
    observe(&policy, &system, &checks);
    expect(processes_check(&checks)->verdict == VERDICT_PASS &&
               str_equal(processes_check(&checks)->observed, "none of 2 processes"),
           "then the check passes", processes_check(&checks)->observed);
    checks_free(&checks);
    settings_free(&settings);
}

/* The namespace's first process: with it all others end. */
static int first_process(void)
{
    pid_t pids[countof(actors)];
    if (!settle() || !start(pids)) {
        perror("a PID namespace");
        return 1;
    }
    find_and_end(pids);
    return faults != 0;
}

/* --- the test --- */

static int exit_code(pid_t pid)
{
    int status = 0;
    return waitpid(pid, &status, 0) == pid && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* In a process of its own, since unshare(2) is for good. */
static int run_apart(void)
{
    if (unshare(CLONE_NEWPID | CLONE_NEWNS) < 0)
        return 1;
    pid_t pid = fork();
    if (pid == 0)
        _exit(first_process());
    return exit_code(pid);
}

static void who_still_runs_is_found_by_name_and_user_and_ended(void **state)
{
    pid_t pid = fork();
    if (pid == 0)
        _exit(run_apart());
    assert_int_equal(exit_code(pid), 0);
    (void)state;
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_still_runs_is_found_by_name_and_user_and_ended),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
