/*
 * The text form of settings, for import, export, bundles and answers:
 * "key = value", one a line, '#' starts a comment, UTF-8, at most 64 KiB.
 */
#ifndef HOLDFAST_SETTINGS_TEXT_H
#define HOLDFAST_SETTINGS_TEXT_H

#include "settings/settings.h"

enum { SETTINGS_TEXT_MAX = 65536 };

/* Changes `settings` as the text says, or not at all: an unknown key, a bad value, a duplicate of
 * a key that is no list or a broken rule across settings refuses the whole text, and every fault
 * is appended to `faults` as "NAME:LINE: KEY: why\n". A list key's first line replaces the list.
 * 0, -EINVAL (faults tell), -EFBIG or -ENOMEM. */
int settings_import(struct settings *settings, const char *name, const char *data, size_t size,
                    struct buf *faults);

enum export_what { EXPORT_CHANGED, EXPORT_ALL };

/* Writes what import reads; importing it changes nothing. A secret is written only where
 * `with_secrets` says so, else it stands as a comment. */
void settings_export(const struct settings *settings, enum export_what what, bool with_secrets,
                     struct buf *out);

/* One setting as its "key = value" lines. */
void setting_export(const struct settings *settings, enum setting_key key, bool with_secrets,
                    struct buf *out);

#endif
