/* The machine below a root: its namespaces, and its init. */
#include "node/node.h"

#include "base/file.h"
#include "base/str.h"

#include <errno.h>
#include <linux/magic.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

/* The inode of the machine's first pid namespace (linux/proc_ns.h, PROC_PID_INIT_INO). */
#define INITIAL_PID_NAMESPACE 0xeffffffcU

/* The kernel has this key for its first network namespace alone (net/core/sysctl_net_core.c), and
 * the other for each. Unlike /proc/1/ns/net they can be asked without any capability. */
#define INIT_OF_IMAGE        "/bin/busybox" /* init(8): reboots on SIGTERM */
#define KEY_OF_FIRST_NETWORK "/proc/sys/net/core/netdev_max_backlog"
#define KEY_OF_EVERY_NETWORK "/proc/sys/net/core/somaxconn"

static bool in_first_network(void)
{
    return access(KEY_OF_FIRST_NETWORK, F_OK) == 0;
}

static bool in_another_network(void)
{
    return !in_first_network() && access(KEY_OF_EVERY_NETWORK, F_OK) == 0;
}

static bool in_first_pid_namespace(void)
{
    struct stat pids;
    return stat("/proc/self/ns/pid", &pids) == 0 && pids.st_ino == INITIAL_PID_NAMESPACE;
}

/* Where it cannot be known, neither the machine's keys nor its firewall are taken for ours. */
void node_system(struct system *system, const char *root)
{
    char path[PATH_MAX];
    struct statfs fs;
    bool kernel = file_target(path, sizeof(path), root, "/proc/sys") == 0 &&
                  statfs(path, &fs) == 0 && fs.f_type == PROC_SUPER_MAGIC;
    *system = (struct system){
        .root = root,
        .initial_netns = !kernel || (in_first_network() && in_first_pid_namespace()),
        .manages_firewall = root[0] == '\0' || in_another_network(),
    };
}

struct walk node_walk(const struct node *node, enum phase phase)
{
    return (struct walk){phase, &node->policy, &node->system, &node->evidence};
}

/* Another init takes SIGTERM for something else, or for nothing. */
static bool init_reboots(void)
{
    char program[PATH_MAX];
    ssize_t length = readlink("/proc/1/exe", program, sizeof(program) - 1);
    program[length < 0 ? 0 : length] = '\0';
    return str_equal(program, INIT_OF_IMAGE);
}

int node_reboot(struct node *node, const char *who)
{
    if (node->system.root[0])
        return -ENOTSUP;
    if (!init_reboots())
        return -ENOSYS;
    node_event(node, "reboot", "asked for by %s", who);
    return kill(1, SIGTERM) < 0 ? -errno : 0;
}
