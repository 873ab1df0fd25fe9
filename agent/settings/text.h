/*
 * The text form of settings, for import, export, bundles and answers:
 * "key = value", one a line, '#' starts a comment, UTF-8, at most 64 KiB.
 *
 * Lines end in LF or CR LF; a byte order mark before the first is passed over. A '#' starts a
 * comment at the beginning of a line or value, and behind white space. A value may stand in double
 * quotes, in which \" and \\ mean a quote and a backslash and '#' means itself; one that begins or
 * ends with white space, begins with a quote or holds " #" stands so in an export.
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

/* As settings_import(), but only the wizard's 25 questions may stand in the text. */
int settings_import_answers(struct settings *settings, const char *name, const char *data,
                            size_t size, struct buf *faults);

enum export_what { EXPORT_CHANGED, EXPORT_ALL };

/* Writes what import reads; importing it changes nothing. A secret is written only where
 * `with_secrets` says so, else it stands as a comment. */
void settings_export(const struct settings *settings, enum export_what what, bool with_secrets,
                     struct buf *out);

/* One setting as its "key = value" lines. */
void setting_export(const struct settings *settings, enum setting_key key, bool with_secrets,
                    struct buf *out);

/* Appends "name = value\n" so that import reads that very value. */
void settings_line(const char *name, const char *value, struct buf *out);

#endif
