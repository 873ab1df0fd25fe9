/* The boot record, written by `boot` and read for reports. */
#include "node/boot_record.h"

#include "base/file.h"
#include "base/str.h"
#include "state/digest.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#define FOLDER  "/run/holdfast"
#define TIMES   FOLDER "/boot"
#define NETWORK FOLDER "/boot.network"

enum { RECORD_SIZE_MAX = 80 };

/* Settings of at_boot with their own check are left out: the check says that they wait. */
static const enum setting_key network_keys[] = {NODE_HOSTNAME, NODE_ADDRESS, NODE_ADDRESS6,
                                                NODE_GATEWAY, NODE_GATEWAY6};

void boot_record_digest(const struct settings *settings, char text[BOOT_RECORD_DIGEST_SIZE])
{
    struct digest digest;
    unsigned char hash[DIGEST_SIZE];
    digest_begin(&digest);
    for (size_t i = 0; i < countof(network_keys); i++)
        digest_text(&digest, settings_text(settings, network_keys[i]));
    text[0] = '\0';
    if (digest_end(&digest, hash) == 0)
        digest_hex(hash, text);
}

static int write_line(const char *root, const char *name, const char *line)
{
    char path[PATH_MAX];
    int error = file_path(path, sizeof(path), root, name);
    return error ? error : file_replace_volatile(path, line, strlen(line), 0644);
}

int boot_record_write(const char *root, const struct boot_record *record)
{
    char path[PATH_MAX];
    char line[RECORD_SIZE_MAX];
    int error = file_target(path, sizeof(path), root, FOLDER);
    if (error == 0)
        error = file_make_folders(path, 0755);
    if (error)
        return error;
    (void)snprintf(line, sizeof(line), "%llu %llu\n", (unsigned long long)record->started_ms,
                   (unsigned long long)record->finished_ms);
    error = write_line(root, TIMES, line);
    (void)snprintf(line, sizeof(line), "%s\n", record->network);
    return error ? error : write_line(root, NETWORK, line);
}

static int read_line(const char *root, const char *name, struct buf *line)
{
    char path[PATH_MAX];
    int error = file_target(path, sizeof(path), root, name);
    if (error == 0)
        error = file_read(path, RECORD_SIZE_MAX, line);
    return error || line->data ? error : -EBADMSG;
}

static int parse_times(char *line, struct boot_record *record)
{
    char *rest = line;
    const char *started = strsep(&rest, " ");
    if (!rest)
        return -EBADMSG;
    int error = str_to_u64(started, 0, UINT64_MAX, &record->started_ms);
    return error ? error : str_to_u64(str_trim(rest), 0, UINT64_MAX, &record->finished_ms);
}

int boot_record_read(const char *root, struct boot_record *record)
{
    struct buf times = {0}, network = {0};
    int error = read_line(root, TIMES, &times);
    if (error == 0)
        error = parse_times(times.data, record);
    record->network[0] = '\0'; /* not known, as after a boot of an earlier version */
    if (error == 0 && read_line(root, NETWORK, &network) == 0)
        error = str_copy(record->network, sizeof(record->network), str_trim(network.data));
    buf_free(&times);
    buf_free(&network);
    return error;
}
