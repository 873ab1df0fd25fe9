/*
 * The daemon: the daemon's privileged half. It holds the policy against every change that the
 * kernel announces and on a timer, owns the database, and publishes what it saw to the endpoint.
 * It keeps only the capabilities that its domains and the endpoint's start use.
 */
#ifndef HOLDFAST_DAEMON_DAEMON_H
#define HOLDFAST_DAEMON_DAEMON_H

struct daemon_setup {
    const char *root;
    const char *state_path;
    unsigned interval_s; /* between two walks that nothing announced */
};

enum { DAEMON_INTERVAL_S = 30 };

/* Runs until SIGTERM or SIGINT: 0; or a negative errno for what kept it from starting, told. */
int daemon_run(const struct daemon_setup *setup);

#endif
