/* The platform's anchors: the table of places, and the one word or event that stands there. */
#include "node/anchor.h"

#include "base/file.h"
#include "base/str.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

enum { TEXT_MAX = 4096 }; /* COMMAND_LINE_SIZE of the kernel is 2048 on x86, 4096 at most */

/* `parameter`: the word that the value stands behind; NULL: the file is the value. Sources:
 * Documentation/admin-guide/kernel-parameters.rst; docs/specs/fw_cfg.rst of QEMU and
 * Documentation/ABI/testing/sysfs-firmware-qemu_fw_cfg. */
static const struct place {
    const char *source, *path, *parameter;
} places[] = {
    {"the kernel's command line", "/proc/cmdline", "holdfast.deployed="},
    {"the virtual machine's fw_cfg", "/sys/firmware/qemu_fw_cfg/by_name/opt/holdfast/deployed/raw",
     NULL},
};

/* Cuts the parameter's value out of a command line; the last one counts, as in the kernel. NULL
 * when there is none. */
static char *find_parameter(char *line, const char *parameter)
{
    char *rest = NULL, *value = NULL;
    for (char *word = strtok_r(line, " \t\n", &rest); word; word = strtok_r(NULL, " \t\n", &rest))
        if (str_starts(word, parameter))
            value = word + strlen(parameter);
    return value;
}

static bool says_no(const char *value)
{
    static const char *const words[] = {"", "no", "0", "off", "false"};
    for (size_t i = 0; i < countof(words); i++)
        if (str_equal(value, words[i]))
            return true;
    return false;
}

/* "57:HASH": an event of the log, as the endpoint shows it. */
static void read_event(char *value, struct anchor *anchor)
{
    uint64_t sequence = 0;
    char *colon = strchr(value, ':');
    if (!colon)
        return;
    *colon = '\0';
    if (str_to_u64(value, 1, INT64_MAX, &sequence) == 0 &&
        strspn(colon + 1, "0123456789abcdef") == sizeof(anchor->hash) - 1 &&
        str_copy(anchor->hash, sizeof(anchor->hash), colon + 1) == 0)
        anchor->sequence = sequence;
}

static bool read_place(const struct place *place, const char *root, struct anchor *anchor)
{
    char path[PATH_MAX];
    struct buf text = {0};
    int error = file_target(path, sizeof(path), root, place->path);
    if (error == 0)
        error = file_read(path, TEXT_MAX, &text);
    char *value = error ? NULL : text.data;
    if (value)
        value = place->parameter ? find_parameter(value, place->parameter) : str_trim(value);
    bool hidden = error && error != -ENOENT && error != -ENOTDIR && !place->parameter;
    bool says = hidden || (value && !says_no(value));
    if (says)
        anchor->source = place->source;
    if (says && value)
        read_event(value, anchor);
    buf_free(&text);
    return says;
}

void anchor_read(const char *root, struct anchor *anchor)
{
    *anchor = (struct anchor){0};
    for (size_t i = 0; i < countof(places); i++)
        if (read_place(&places[i], root, anchor))
            return;
}
