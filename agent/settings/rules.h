/*
 * Rules across settings (the wizard's table and its notes): values that are valid alone and not
 * together. They are a table, so that import, wizard and tests walk the same one; settings_check()
 * checks them all.
 */
#ifndef HOLDFAST_SETTINGS_RULES_H
#define HOLDFAST_SETTINGS_RULES_H

#include "settings/settings.h"

/* Number of rules; each is identified by its index. */
size_t rules_count(void);

/* The setting that is at fault where the rule is broken, and those that it is held against;
 * SETTING_NONE behind the last of them. */
enum { RULE_OTHERS_MAX = 3 };
enum setting_key rule_key(size_t rule);
enum setting_key rule_other(size_t rule, size_t index);

/* True where the rule holds; else the reason is appended to `why`. */
bool rule_holds(size_t rule, const struct settings *settings, struct buf *why);

#endif
