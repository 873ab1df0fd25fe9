/* The numbers of a kernel parameter. */
#include "domain/sysctl_value.h"

#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { VALUE_SIZE = 64 };

bool sysctl_value_equal(const struct sysctl_value *a, const struct sysctl_value *b)
{
    return a->count == b->count && a->number[0] == b->number[0] && a->number[1] == b->number[1];
}

void sysctl_value_print(const struct sysctl_value *value, struct buf *out)
{
    buf_printf(out, "%d", value->number[0]);
    if (value->count > 1)
        buf_printf(out, " %d", value->number[1]);
}

/* "1\n", "32768\t60999\n": numbers between blanks and nothing else. */
static int parse_numbers(const char *text, struct sysctl_value *numbers)
{
    static const char blanks[] = " \t\n";
    *numbers = (struct sysctl_value){0};
    for (text += strspn(text, blanks); *text != '\0'; text += strspn(text, blanks)) {
        char *end;
        errno = 0;
        long number = strtol(text, &end, 10);
        if (end == text || errno || number < INT_MIN || number > INT_MAX ||
            numbers->count == SYSCTL_NUMBERS_MAX)
            return -EBADMSG;
        numbers->number[numbers->count++] = (int)number;
        text = end;
    }
    return numbers->count ? 0 : -EBADMSG;
}

int sysctl_value_read(int folder, const char *name, struct sysctl_value *value)
{
    char text[VALUE_SIZE];
    int fd = file_open_below(folder, name, O_RDONLY);
    if (fd < 0)
        return fd;
    ssize_t got = read(fd, text, sizeof(text) - 1);
    int error = got < 0 ? -errno : 0;
    close(fd);
    if (error)
        return error;
    text[got] = '\0';
    return parse_numbers(text, value);
}

int sysctl_value_write(int folder, const char *name, const struct sysctl_value *value)
{
    struct buf text = {0};
    sysctl_value_print(value, &text);
    buf_putc(&text, '\n');
    int error = buf_error(&text);
    int fd = error ? error : file_open_below(folder, name, O_WRONLY);
    if (error == 0 && fd < 0)
        error = fd;
    if (error == 0)
        error = file_write_all(fd, text.data, text.length);
    if (fd >= 0)
        close(fd);
    buf_free(&text);
    return error;
}
