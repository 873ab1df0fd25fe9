/* Every command's function, each in the file of its name; main.c lists them with their options. */
#ifndef HOLDFAST_CLI_COMMANDS_H
#define HOLDFAST_CLI_COMMANDS_H

#include "cli/command.h"

int cli_boot(const struct invocation *invocation);
int cli_check(const struct invocation *invocation);
int cli_diff(const struct invocation *invocation);
int cli_events(const struct invocation *invocation);
int cli_export(const struct invocation *invocation);
int cli_firewall(const struct invocation *invocation);
int cli_get(const struct invocation *invocation);
int cli_import(const struct invocation *invocation);
int cli_login(const struct invocation *invocation);
int cli_password(const struct invocation *invocation);
int cli_probe(const struct invocation *invocation);
int cli_reboot(const struct invocation *invocation);
int cli_run(const struct invocation *invocation);
int cli_set(const struct invocation *invocation);
int cli_settings(const struct invocation *invocation);
int cli_tls(const struct invocation *invocation);
int cli_version(const struct invocation *invocation);
int cli_wizard(const struct invocation *invocation);

#endif
