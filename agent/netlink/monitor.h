/*
 * What the kernel announces: interfaces that come and go, their configuration (NETCONF), and
 * changes of nf_tables by others. For the daemon's loop.
 */
#ifndef HOLDFAST_NETLINK_MONITOR_H
#define HOLDFAST_NETLINK_MONITOR_H

#include <poll.h>

struct monitor;

enum { MONITOR_FDS = 2 };

/* What was seen: bits. */
enum monitor_seen { MONITOR_INTERFACES = 1, MONITOR_FIREWALL = 2 };

/* Opens and subscribes. 0 or a negative errno, with its message told. */
int monitor_open(struct monitor **monitor);
void monitor_close(struct monitor *monitor); /* NULL is fine */

/* Fills the descriptors to poll for reading. */
void monitor_fds(const struct monitor *monitor, struct pollfd fds[MONITOR_FDS]);

/* Reads all that has come on those of `fds` that are ready, without waiting; the bits of what was
 * seen. Announcements that were lost (ENOBUFS) count as seen. Transactions of this process
 * (NFTA_GEN_PROC_PID) are passed over, so that a repair does not call for the next one. */
unsigned monitor_drain(struct monitor *monitor, const struct pollfd fds[MONITOR_FDS]);

#endif
