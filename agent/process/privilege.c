/* The daemon's capabilities, one row each, with the purpose of each. */
#include "process/privilege.h"

#include "base/log.h"
#include "base/str.h"

#include <errno.h>
#include <linux/capability.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

static const unsigned kept[] = {
    CAP_NET_ADMIN,        /* nf_tables, sysctls below net */
    CAP_SYS_ADMIN,        /* sysctls below kernel and fs */
    CAP_SYS_RESOURCE,     /* user.max_user_namespaces */
    CAP_SYS_PTRACE,       /* kernel.yama.ptrace_scope */
    CAP_CHOWN,            /* the control socket's group; accounts' files keep their owner */
    CAP_KILL,             /* ends the shells of an account that is disabled */
    CAP_NET_BIND_SERVICE, /* an endpoint's port below 1024 */
    CAP_SYS_CHROOT,       /* these four: the endpoint's start, which drops them itself */
    CAP_SETUID,
    CAP_SETGID,
    CAP_SETPCAP,
};

/* The capabilities to keep of those that exist: a container may withhold some, and their checks are
 * then errors. */
static int kept_mask(uint64_t *mask)
{
    struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {0};
    if (syscall(SYS_capget, &head, data) < 0)
        return -errno;
    *mask = 0;
    for (size_t i = 0; i < countof(kept); i++)
        if (data[CAP_TO_INDEX(kept[i])].permitted & CAP_TO_MASK((unsigned)kept[i]))
            *mask |= UINT64_C(1) << kept[i];
    return 0;
}

/* The kernel may know capabilities that these headers do not: all are tried until it says no. */
static int reduce_bounding_set(uint64_t mask)
{
    for (unsigned long capability = 0; capability < 64; capability++) {
        if (mask & (UINT64_C(1) << capability))
            continue;
        if (prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) < 0)
            return errno == EINVAL ? 0 : -errno;
    }
    return 0;
}

static int set_capabilities(uint64_t mask)
{
    struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];
    for (size_t i = 0; i < countof(data); i++) {
        uint32_t half = (uint32_t)(mask >> (32 * i));
        data[i] = (struct __user_cap_data_struct){.effective = half, .permitted = half};
    }
    return syscall(SYS_capset, &head, data) < 0 ? -errno : 0;
}

int privilege_reduce(void)
{
    if (geteuid() != 0)
        return 0;
    uint64_t mask = 0;
    int error = kept_mask(&mask);
    if (error == 0)
        error = reduce_bounding_set(mask);
    if (error == 0)
        error = set_capabilities(mask);
    if (error == 0 && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
        error = -errno;
    if (error)
        log_error("run: cannot give up privileges: %s", strerror(-error));
    return error;
}
