/* holdfast import: a file of "key = value" lines, stored in one transaction. */
#include "base/log.h"
#include "base/str.h"
#include "cli/commands.h"
#include "cli/stored.h"
#include "settings/text.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

/* Appends what `fd` has, a byte more than the limit at the most, so that whoever checks the size
 * sees that it is too long. The buffer is reserved at once: the text may hold secrets. */
static int read_all(int fd, struct buf *text)
{
    if (buf_reserve(text, SETTINGS_TEXT_MAX + 1) < 0)
        return -ENOMEM;
    while (text->length <= SETTINGS_TEXT_MAX) {
        char part[4096];
        size_t room = SETTINGS_TEXT_MAX + 1 - text->length;
        ssize_t got = read(fd, part, room < sizeof(part) ? room : sizeof(part));
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return -errno;
        if (got == 0)
            break;
        buf_append(text, part, (size_t)got);
        explicit_bzero(part, (size_t)got);
    }
    return buf_error(text);
}

static int read_file(const char *path, struct buf *text)
{
    if (str_equal(path, "-"))
        return read_all(STDIN_FILENO, text);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    int error = read_all(fd, text);
    (void)close(fd);
    return error;
}

/* Standard input is read after the password, whose line may come before the text. */
int cli_import(const struct invocation *invocation)
{
    const char *path = invocation->operands[0];
    bool from_stdin = str_equal(path, "-");
    struct stored stored;
    struct buf text = {0};
    int code = EXIT_COULD_NOT;
    int error = from_stdin ? 0 : read_file(path, &text);
    if (error == 0 && stored_open(&stored, invocation) == 0) {
        error = from_stdin ? read_file(path, &text) : 0;
        if (error == 0)
            code = stored_apply(&stored, "import", from_stdin ? "standard input" : path, &text);
        stored_close(&stored);
    }
    if (error)
        log_error("import: cannot read %s: %s", from_stdin ? "standard input" : path,
                  strerror(-error));
    buf_wipe(&text);
    return code;
}
