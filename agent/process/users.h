/*
 * The users that helper processes run as: one place for the processes that change their user and
 * for the firewall that judges by it.
 */
#ifndef HOLDFAST_PROCESS_USERS_H
#define HOLDFAST_PROCESS_USERS_H

#include <stdint.h>

#define USERS_ENDPOINT "holdfast" /* in /etc/passwd; USERS_NOBODY where there is none */

enum { USERS_NOBODY = 65534 };

/* A helper's numbers from /etc/passwd; USERS_NOBODY where `name` is NULL or not there. */
void users_find(const char *name, unsigned *uid, unsigned *gid);

/* The endpoint's uid, from /etc/passwd; 0 where it has no user of its own: then it shares the
 * prober's, which connects. */
uint32_t users_endpoint(void);

#endif
