/* The boot record, written by `boot` and read for reports. */
#include "serve/bootrecord.h"

#include "base/file.h"
#include "base/str.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#define FOLDER "/run/holdfast"

enum { RECORD_SIZE_MAX = 64 };

int boot_record_write(const char *root, const struct boot_record *record)
{
    char path[PATH_MAX];
    char line[RECORD_SIZE_MAX];
    int error = file_path(path, sizeof(path), root, FOLDER);
    if (error == 0)
        error = file_make_folders(path, 0755);
    if (error == 0)
        error = file_path(path, sizeof(path), root, FOLDER "/boot");
    if (error)
        return error;
    int length = snprintf(line, sizeof(line), "%llu %llu\n", (unsigned long long)record->started_ms,
                          (unsigned long long)record->finished_ms);
    return file_replace_volatile(path, line, (size_t)length, 0644);
}

int boot_record_read(const char *root, struct boot_record *record)
{
    char path[PATH_MAX];
    struct buf text = {0};
    int error = file_path(path, sizeof(path), root, FOLDER "/boot");
    if (error == 0)
        error = file_read(path, RECORD_SIZE_MAX, &text);
    char *space = error || !text.data ? NULL : strchr(text.data, ' ');
    if (!space)
        error = error ? error : -EBADMSG;
    if (error == 0) {
        *space = '\0';
        error = str_to_u64(text.data, 0, UINT64_MAX, &record->started_ms);
    }
    if (error == 0)
        error = str_to_u64(str_trim(space + 1), 0, UINT64_MAX, &record->finished_ms);
    buf_free(&text);
    return error;
}
