/* holdfast export: the stored settings as import reads them. */
#include "cli/commands.h"
#include "cli/stored.h"
#include "settings/text.h"

int cli_export(const struct invocation *invocation)
{
    struct stored stored;
    struct buf out = {0};
    bool secrets = invocation_option(invocation, "secrets");
    bool defaults = invocation_option(invocation, "defaults");
    if (stored_open(&stored, invocation) < 0)
        return EXIT_COULD_NOT;
    (void)buf_reserve(&out, SETTINGS_TEXT_MAX);
    settings_export(&stored.settings, defaults ? EXPORT_ALL : EXPORT_CHANGED, secrets, &out);
    int code = stored_print(invocation, &out, EXIT_HOLDS);
    buf_wipe(&out);
    stored_close(&stored);
    return code;
}
