/* holdfast import: a file of "key = value" lines, stored in one transaction. */
#include "cli/commands.h"
#include "cli/input.h"
#include "cli/stored.h"

int cli_import(const struct invocation *invocation)
{
    const char *path = invocation->operands[0];
    bool from_stdin = input_is_stdin(path);
    struct stored stored;
    struct buf text = {0};
    int code = EXIT_COULD_NOT;
    int error = from_stdin ? 0 : input_read("import", path, &text);
    if (error == 0 && stored_open(&stored, invocation) == 0) {
        error = from_stdin ? input_read("import", path, &text) : 0;
        if (error == 0)
            code = stored_apply(&stored, invocation, CONTROL_APPLY_IMPORT, input_name(path), &text);
        stored_close(&stored);
    }
    buf_wipe(&text);
    return code;
}
