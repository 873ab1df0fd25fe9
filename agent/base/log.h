/*
 * Messages for people: one line each on standard error, with the program's name before it and,
 * for the daemon, in the kernel's log or syslog where standard error goes.
 * A message names its object and the reason; it never holds a secret.
 * Control characters in it, other than tab and newline, are written as '?'.
 */
#ifndef HOLDFAST_BASE_LOG_H
#define HOLDFAST_BASE_LOG_H

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARNING, LOG_LEVEL_NOTICE, LOG_LEVEL_DEBUG };

/* The name before each message, kept by reference, empty for none; and the last level that is
 * written. */
void log_setup(const char *program, enum log_level last);

__attribute__((format(printf, 1, 2))) void log_error(const char *format, ...);
__attribute__((format(printf, 1, 2))) void log_warning(const char *format, ...);
__attribute__((format(printf, 1, 2))) void log_notice(const char *format, ...);

#endif
