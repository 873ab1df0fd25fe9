/*
 * What the kernel announces: interfaces that come and go, their configuration (NETCONF), and
 * changes of nf_tables by others. For the daemon's loop.
 */
#ifndef HOLDFAST_NETLINK_MONITOR_H
#define HOLDFAST_NETLINK_MONITOR_H

#include "base/loop.h"

struct monitor;

/* What was seen: bits. */
enum monitor_seen { MONITOR_INTERFACES = 1, MONITOR_FIREWALL = 2 };

/* Opens and subscribes, and calls `seen` in the turns of `loop` in which something was announced,
 * with its bits. Announcements that were lost (ENOBUFS) count. Transactions of this process
 * (NFTA_GEN_PROC_PID) are passed over, so that a repair does not call for the next one. 0 or a
 * negative errno, with its message logged. */
int monitor_open(struct monitor **monitor, struct loop *loop,
                 void (*seen)(void *context, unsigned bits), void *context);
void monitor_close(struct monitor *monitor); /* NULL is fine */

#endif
