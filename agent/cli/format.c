/* Finds a format by its name. */
#include "cli/format.h"

#include "base/buf.h"
#include "base/log.h"
#include "base/str.h"

#include <string.h>

static const char *name_of(const void *table, size_t row, size_t size)
{
    const char *name;
    memcpy(&name, (const char *)table + row * size, sizeof(name));
    return name;
}

static void log_unknown(const struct invocation *invocation, const char *wanted, const void *table,
                        size_t count, size_t size)
{
    struct buf names = {0};
    for (size_t i = 0; i < count; i++)
        buf_printf(&names, "%s%s",
                   i == 0           ? ""
                   : i + 1 == count ? " or "
                                    : ", ",
                   name_of(table, i, size));
    log_error("%s: unknown format %s: %s", invocation->command->name, wanted, buf_text(&names));
    buf_free(&names);
}

const void *format_find(const struct invocation *invocation, const void *table, size_t count,
                        size_t size)
{
    const char *wanted = invocation_option(invocation, "format");
    for (size_t i = 0; i < count; i++)
        if (!wanted || str_equal(name_of(table, i, size), wanted))
            return (const char *)table + i * size;
    log_unknown(invocation, wanted, table, count, size);
    return NULL;
}
