/* Reads a text of settings from a file or standard input. */
#include "cli/input.h"

#include "base/log.h"
#include "base/str.h"
#include "settings/text.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

bool input_is_stdin(const char *path)
{
    return str_equal(path, "-");
}

const char *input_name(const char *path)
{
    return input_is_stdin(path) ? "standard input" : path;
}

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
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    int error = read_all(fd, text);
    (void)close(fd);
    return error;
}

int input_read(const char *command, const char *path, struct buf *text)
{
    int error = input_is_stdin(path) ? read_all(STDIN_FILENO, text) : read_file(path, text);
    if (error)
        log_error("%s: cannot read %s: %s", command, input_name(path), strerror(-error));
    return error;
}
