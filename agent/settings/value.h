/*
 * One value: from what a person typed to its canonical text, or the reason why not.
 * Used by settings.c alone; everybody else calls settings_put().
 */
#ifndef HOLDFAST_SETTINGS_VALUE_H
#define HOLDFAST_SETTINGS_VALUE_H

#include "settings/settings.h"

/* Parses one value, or one item of a list, and appends its canonical form to `out`, reserved by
 * the caller for VALUE_ROOM bytes more than `text` has, so that no copy of a secret is left behind.
 * 0, or -EINVAL with the reason appended to `why`, which never quotes a secret. */
enum { VALUE_ROOM = 128 };
int value_parse(const struct setting_info *info, const char *text, struct buf *out,
                struct buf *why);

/* True where `text` is one of `words`, separated by '|'. */
bool value_is_word(const char *words, const char *text);

/* Appends words for people: "off, best_effort or required", the empty one as "". */
void value_list_words(const char *words, struct buf *out);

/* Appends `text` in quotes and cut to a line's length, with '?' for what no terminal should see. */
void value_quote(const char *text, struct buf *out);

/* The parsers of the types that value.c leaves to others; as value_parse(). */
int value_parse_address(const struct setting_info *info, const char *text, struct buf *out,
                        struct buf *why);
int value_parse_cidr(const struct setting_info *info, const char *text, struct buf *out,
                     struct buf *why);
int value_parse_hostname(const struct setting_info *info, const char *text, struct buf *out,
                         struct buf *why);
int value_parse_domain(const struct setting_info *info, const char *text, struct buf *out,
                       struct buf *why);
int value_parse_host(const struct setting_info *info, const char *text, struct buf *out,
                     struct buf *why);
int value_parse_url(const struct setting_info *info, const char *text, struct buf *out,
                    struct buf *why);
int value_parse_ntp(const struct setting_info *info, const char *text, struct buf *out,
                    struct buf *why);
int value_parse_syslog(const struct setting_info *info, const char *text, struct buf *out,
                       struct buf *why);

#endif
