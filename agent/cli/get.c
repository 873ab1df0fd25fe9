/* holdfast get: stored settings as "key = value" lines; a secret stands as a comment. */
#include "base/log.h"
#include "cli/commands.h"
#include "cli/stored.h"
#include "settings/text.h"

#include <errno.h>

/* 0, or -ENOENT with every unknown name logged. */
static int check_names(const struct invocation *invocation)
{
    int error = 0;
    for (size_t i = 0; i < invocation->operand_count; i++) {
        struct buf why = {0};
        const char *name = invocation->operands[i];
        if (setting_find(name) < 0) {
            setting_unknown(name, &why);
            log_error("get: %s: %s", name, buf_text(&why));
            error = -ENOENT;
        }
        buf_free(&why);
    }
    return error;
}

int cli_get(const struct invocation *invocation)
{
    struct stored stored;
    struct buf out = {0};
    if (check_names(invocation) < 0 || stored_open(&stored, invocation) < 0)
        return EXIT_COULD_NOT;
    if (invocation->operand_count == 0)
        settings_export(&stored.settings, EXPORT_ALL, false, &out);
    for (size_t i = 0; i < invocation->operand_count; i++)
        setting_export(&stored.settings, (enum setting_key)setting_find(invocation->operands[i]),
                       false, &out);
    int code = stored_print(invocation, &out, EXIT_HOLDS);
    buf_free(&out);
    stored_close(&stored);
    return code;
}
