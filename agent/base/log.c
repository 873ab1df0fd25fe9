/* The logger: each message is one write(2), so that lines of two processes never mix. */
#include "base/log.h"

#include "base/str.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { LINE_SIZE = 1024 };

static struct {
    const char *program;
    enum log_level last;
} logger = {"holdfast", LOG_LEVEL_NOTICE};

void log_setup(const char *program, enum log_level last)
{
    logger.program = program;
    logger.last = last;
}

__attribute__((format(printf, 2, 0))) static void write_line(enum log_level level,
                                                             const char *format, va_list args)
{
    char line[LINE_SIZE];
    if (level > logger.last)
        return;
    int used = snprintf(line, sizeof(line), "%s%s", logger.program, logger.program[0] ? ": " : "");
    if (used < 0 || (size_t)used >= sizeof(line) - 2)
        return;
    (void)vsnprintf(line + used, sizeof(line) - (size_t)used - 1, format, args);
    str_clean(line, "\t\n");
    size_t length = strlen(line);
    line[length] = '\n';
    /* There is no place to report that standard error itself fails. */
    ssize_t ignored = write(STDERR_FILENO, line, length + 1);
    (void)ignored;
}

#define DEFINE_LOG(name, level)                                                                    \
    void name(const char *format, ...)                                                             \
    {                                                                                              \
        va_list args;                                                                              \
        va_start(args, format);                                                                    \
        write_line(level, format, args);                                                           \
        va_end(args);                                                                              \
    }

DEFINE_LOG(log_error, LOG_LEVEL_ERROR)
DEFINE_LOG(log_warning, LOG_LEVEL_WARNING)
DEFINE_LOG(log_notice, LOG_LEVEL_NOTICE)
