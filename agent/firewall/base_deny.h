/*
 * Base-deny in the kernel: what stands before the first sysctl is written.
 */
#ifndef HOLDFAST_FIREWALL_BASE_DENY_H
#define HOLDFAST_FIREWALL_BASE_DENY_H

/* Loads it, unless a table of Holdfast that denies as much stands already. 0 or a negative errno,
 * which is logged with its reason. */
int firewall_load_base_deny(void);

#endif
