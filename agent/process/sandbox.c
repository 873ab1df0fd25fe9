/* Giving up privilege, step by step. Each step is a row of one table, so that the order can be
 * read and a failure names its step. */
#include "process/sandbox.h"

#include "base/log.h"
#include "base/str.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/landlock.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

enum {
    CAPABILITIES_END = 64,
    MAPPINGS_MAX = 64 << 20 /* the program, its stack, and snapshots beside RLIMIT_DATA */
};

/* --- descriptors and signals --- */

static int close_between(unsigned first, unsigned last)
{
    if (first > last)
        return 0;
    return syscall(SYS_close_range, first, last, 0) < 0 ? -errno : 0;
}

/* The least descriptor to keep that is `from` or above; ~0U when there is none. */
static unsigned next_kept(const int *keep, size_t count, unsigned from)
{
    unsigned next = ~0U;
    for (size_t i = 0; i < count; i++)
        if ((unsigned)keep[i] >= from && (unsigned)keep[i] < next)
            next = (unsigned)keep[i];
    return next;
}

static int reset_signals(void)
{
    static const int ignored[] = {SIGPIPE, SIGINT, SIGHUP, SIGXFSZ};
    sigset_t none;
    sigemptyset(&none);
    for (int number = 1; number < NSIG; number++)
        (void)signal(number, SIG_DFL); /* fails for those that cannot be caught at all */
    for (size_t i = 0; i < countof(ignored); i++)
        if (signal(ignored[i], SIG_IGN) == SIG_ERR)
            return -errno;
    return sigprocmask(SIG_SETMASK, &none, NULL) < 0 ? -errno : 0;
}

int sandbox_close(const int *keep, size_t count)
{
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (null >= 0 && (dup2(null, STDIN_FILENO) < 0 || dup2(null, STDOUT_FILENO) < 0))
        return -errno;
    unsigned from = STDERR_FILENO + 1;
    int error = 0;
    for (unsigned kept = next_kept(keep, count, from); kept != ~0U && error == 0;
         kept = next_kept(keep, count, from)) {
        error = close_between(from, kept - 1);
        from = kept + 1;
    }
    if (error == 0)
        error = close_between(from, ~0U);
    return error ? error : reset_signals();
}

/* --- the steps --- */

static int no_new_privileges(const struct sandbox *sandbox)
{
    (void)sandbox;
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ? -errno : 0;
}

static int set_limits(const struct sandbox *sandbox)
{
    const struct {
        int resource;
        rlim_t value;
    } limits[] = {
        {RLIMIT_CORE, 0},
        {RLIMIT_MEMLOCK, 0},
        {RLIMIT_NPROC, 0},
        {RLIMIT_MSGQUEUE, 0},
        {RLIMIT_NOFILE, sandbox->descriptors},
        {RLIMIT_FSIZE, sandbox->file_size},
        {RLIMIT_DATA, sandbox->memory},
        {RLIMIT_AS, sandbox->memory + MAPPINGS_MAX},
    };
    for (size_t i = 0; i < countof(limits); i++) {
        const struct rlimit both = {limits[i].value, limits[i].value};
        if (setrlimit(limits[i].resource, &both) < 0)
            return -errno;
    }
    return 0;
}

/* The new root is a folder that has been removed already: nothing is in it, and nothing can ever be
 * made in it. */
static int change_root(const struct sandbox *sandbox)
{
    char folder[] = "/run/holdfast-helper-XXXXXX";
    if (sandbox->uid == 0)
        return 0;
    if (!mkdtemp(folder))
        return -errno;
    int error = chdir(folder) < 0 ? -errno : 0;
    if (rmdir(folder) < 0 && error == 0)
        error = -errno;
    if (error)
        return error;
    return chroot(".") < 0 || chdir("/") < 0 ? -errno : 0;
}

static int drop_bounding_set(const struct sandbox *sandbox)
{
    if (sandbox->uid == 0)
        return 0;
    for (unsigned long i = 0; i < CAPABILITIES_END; i++)
        if (prctl(PR_CAPBSET_READ, i, 0, 0, 0) == 1 && prctl(PR_CAPBSET_DROP, i, 0, 0, 0) < 0)
            return -errno;
    return 0;
}

static int change_user(const struct sandbox *sandbox)
{
    if (sandbox->uid == 0)
        return 0;
    if (setgroups(0, NULL) < 0 || setresgid(sandbox->gid, sandbox->gid, sandbox->gid) < 0 ||
        setresuid(sandbox->uid, sandbox->uid, sandbox->uid) < 0)
        return -errno;
    return 0;
}

static int drop_capabilities(const struct sandbox *sandbox)
{
    struct __user_cap_header_struct head = {_LINUX_CAPABILITY_VERSION_3, 0};
    const struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = {{0, 0, 0}, {0, 0, 0}};
    (void)sandbox;
    if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0 ||
        syscall(SYS_capset, &head, none) < 0)
        return -errno;
    return 0;
}

/* No core, no ptrace(2) by the same uid. */
static int hide_memory(const struct sandbox *sandbox)
{
    (void)sandbox;
    return prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0 ? -errno : 0;
}

/* --- Landlock --- */

/* As in newer kernels' headers, of which the first version that knows it stands beside each. */
enum {
    FILES_REFER = 1 << 13,     /* 2 */
    FILES_TRUNCATE = 1 << 14,  /* 3 */
    FILES_IOCTL_DEV = 1 << 15, /* 5 */
    NETWORK_BIND = 1,          /* 4 */
    NETWORK_CONNECT = 2,       /* 4 */
    SCOPE_ABSTRACT_UNIX = 1,   /* 6 */
    SCOPE_SIGNAL = 2           /* 6 */
};

/* struct landlock_ruleset_attr of the newest version used here. */
struct handled {
    uint64_t files, network, scopes;
};

/* struct landlock_net_port_attr and its kind of rule, of version 4. */
enum { RULE_NET_PORT = 2 };

struct port_rule {
    uint64_t allowed, port;
};

/* What a kernel does not know must be 0: it takes a longer structure so (landlock(7)). */
static struct handled handled_since(long abi)
{
    struct handled handled = {.files = LANDLOCK_ACCESS_FS_MAKE_SYM * 2 - 1};
    if (abi >= 2)
        handled.files |= FILES_REFER;
    if (abi >= 3)
        handled.files |= FILES_TRUNCATE;
    if (abi >= 4)
        handled.network = NETWORK_BIND | NETWORK_CONNECT;
    if (abi >= 5)
        handled.files |= FILES_IOCTL_DEV;
    if (abi >= 6)
        handled.scopes = SCOPE_ABSTRACT_UNIX | SCOPE_SIGNAL;
    return handled;
}

static int allow_ports(const struct sandbox *sandbox, int ruleset)
{
    for (size_t i = 0; i < sandbox->port_count; i++) {
        const struct port_rule rule = {NETWORK_CONNECT, sandbox->ports[i]};
        if (syscall(SYS_landlock_add_rule, ruleset, RULE_NET_PORT, &rule, 0) < 0)
            return -errno;
    }
    return 0;
}

/* No file, no TCP port of its own and no new connection, but to the ports of its sandbox; no
 * abstract UNIX socket and no process outside. Each as far as the kernel has it: Linux 5.13 knows
 * files, 6.7 ports, 6.12 the rest. */
static int landlock(const struct sandbox *sandbox)
{
    long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
    if (abi < 1)
        return 0;
    const struct handled handled = handled_since(abi);
    int ruleset = (int)syscall(SYS_landlock_create_ruleset, &handled, sizeof(handled), 0);
    if (ruleset < 0)
        return -errno;
    int error = handled.network ? allow_ports(sandbox, ruleset) : 0;
    if (error == 0 && syscall(SYS_landlock_restrict_self, ruleset, 0) < 0)
        error = -errno;
    close(ruleset);
    return error;
}

/* --- all of them --- */

static int filter_calls(const struct sandbox *sandbox)
{
    if (sandbox->silent && dup2(STDOUT_FILENO, STDERR_FILENO) < 0)
        return -errno;
    return sandbox_filter_install(sandbox->filter, sandbox->seccomp_kill);
}

static const struct step {
    const char *name;
    int (*take)(const struct sandbox *sandbox);
} steps[] = {
    {"no new privileges", no_new_privileges},
    {"limits", set_limits},
    {"empty root", change_root},
    {"bounding set", drop_bounding_set},
    {"user and group", change_user},
    {"capabilities", drop_capabilities},
    {"dumpable", hide_memory},
    {"Landlock", landlock},
};

static int take_step(const struct step *step, const struct sandbox *sandbox)
{
    int error = step->take(sandbox);
    if (error)
        log_error("sandbox: %s: %s", step->name, strerror(-error));
    return error;
}

int sandbox_confine(const struct sandbox *sandbox, int parent_pid)
{
    for (size_t i = 0; i < countof(steps); i++) {
        int error = take_step(&steps[i], sandbox);
        if (error)
            return error;
    }
    /* After the change of user, which clears it; then the parent may be gone already. */
    if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0)
        return -errno;
    return getppid() == parent_pid ? 0 : -ESRCH;
}

int sandbox_enter(const struct sandbox *sandbox, int parent_pid)
{
    static const struct step last = {"system call filter", filter_calls};
    int error = sandbox_confine(sandbox, parent_pid);
    return error ? error : take_step(&last, sandbox);
}
