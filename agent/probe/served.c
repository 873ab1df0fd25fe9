/* The fixed-size structure as it stands: a file of /run lives no longer than the kernel. */
#include "probe/served.h"

#include "base/clock.h"
#include "base/file.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

enum { SERVED_MAGIC = 0x48665376 };

int served_write(const char *root, struct served_record *record)
{
    char path[PATH_MAX];
    record->magic = SERVED_MAGIC;
    record->size = sizeof(*record);
    record->boot_ms = clock_boot_ms();
    int error = file_path(path, sizeof(path), root, SERVED_RECORD_PATH);
    if (error == 0)
        error = file_replace_volatile(path, record, sizeof(*record), 0644);
    return error;
}

static bool ends_within(const char *text, size_t size)
{
    return memchr(text, '\0', size) != NULL;
}

static bool is_whole(const struct served_record *record)
{
    return record->magic == SERVED_MAGIC && record->size == sizeof(*record) &&
           record->state < SERVED_STATES && ends_within(record->place, sizeof(record->place)) &&
           ends_within(record->reason, sizeof(record->reason)) &&
           ends_within(record->fingerprint, sizeof(record->fingerprint)) &&
           ends_within(record->probe_reason, sizeof(record->probe_reason));
}

int served_read(const char *root, struct served_record *record)
{
    int error = file_read_record(root, SERVED_RECORD_PATH, record, sizeof(*record));
    return error == 0 && !is_whole(record) ? -EBADMSG : error;
}

void served_remove(const char *root)
{
    char path[PATH_MAX];
    if (file_path(path, sizeof(path), root, SERVED_RECORD_PATH) == 0)
        (void)unlink(path);
}

bool served_is_stale(const struct served_record *record, uint64_t now_ms)
{
    bool ended = record->daemon_pid > 0 && kill(record->daemon_pid, 0) < 0 && errno == ESRCH;
    return ended || record->boot_ms > now_ms || now_ms - record->boot_ms > SERVED_STALE_MS;
}
