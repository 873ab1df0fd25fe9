/* holdfast version. */
#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "cli/commands.h"
#include "cli/sbom.h"

#include <string.h>
#include <unistd.h>

static int print_version(const struct buf *text)
{
    int error = buf_error(text);
    if (error == 0)
        error = file_write_all(STDOUT_FILENO, text->data, text->length);
    if (error)
        log_error("cannot write to standard output: %s", strerror(-error));
    return error ? EXIT_COULD_NOT : EXIT_HOLDS;
}

int cli_version(const struct invocation *invocation)
{
    struct buf text = {0};
    if (invocation_option(invocation, "sbom"))
        sbom_write(&text, clock_now_s());
    else
        buf_puts(&text, "holdfast " HOLDFAST_VERSION "\n");
    int code = print_version(&text);
    buf_free(&text);
    return code;
}
