/*
 * Small string helpers that C lacks: strict numbers, bounded copies, array length.
 * Nothing here allocates.
 */
#ifndef HOLDFAST_BASE_STR_H
#define HOLDFAST_BASE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define countof(array) (sizeof(array) / sizeof((array)[0]))

/* True when both strings are equal byte by byte. */
bool str_equal(const char *a, const char *b);

bool str_starts(const char *text, const char *prefix);

/* Decimal digits alone: no sign, no space, no leading zero but "0" itself.
 * 0, -EINVAL when the text is no such number, -ERANGE outside [min, max]. */
int str_to_u64(const char *text, uint64_t min, uint64_t max, uint64_t *value);

/* Copies with a terminating NUL; -ENAMETOOLONG, and an empty string, when it does not fit. */
int str_copy(char *to, size_t size, const char *from);

/* Cuts white space at both ends in place and returns the first character that is left. */
char *str_trim(char *text);

/* True when the bytes are well-formed UTF-8 (RFC 3629, section 4) without control characters
 * (C0, DEL, C1) other than tab and newline. */
bool str_is_text(const char *data, size_t size);

/* The length in bytes of the character that `text` begins with; 0 for a control character, for a
 * byte that is no UTF-8, and at the end. */
size_t str_character(const char *text);

/* Puts '?' in place of each such byte, in place, except the control characters in `kept`: an
 * untrusted name then neither forges a line nor controls a terminal. */
void str_clean(char *text, const char *kept);

#endif
