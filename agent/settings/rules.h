/*
 * Rules across settings (the wizard's table and the notes under it): what two good values must not
 * be together. They are a table, so that import, wizard and tests walk the same one; whoever wants
 * them all at once calls settings_check().
 */
#ifndef HOLDFAST_SETTINGS_RULES_H
#define HOLDFAST_SETTINGS_RULES_H

#include "settings/settings.h"

/* Number of rules; each is told by its index. */
size_t rules_count(void);

/* The setting that is at fault where the rule is broken, and those that it is held against;
 * SETTING_NONE behind the last of them. */
enum { RULE_OTHERS_MAX = 3 };
enum setting_key rule_key(size_t rule);
enum setting_key rule_other(size_t rule, size_t index);

/* True where the rule holds; else the reason is appended to `why`. */
bool rule_holds(size_t rule, const struct settings *settings, struct buf *why);

#endif
