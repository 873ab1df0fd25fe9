/* The fingerprint's file. */
#include "daemon/fingerprint.h"

#include "base/file.h"
#include "base/log.h"
#include "pki/certificate.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

void fingerprint_write(const char *root, const char *fingerprint)
{
    char path[PATH_MAX], line[CERTIFICATE_FINGERPRINT_SIZE + 1];
    int length = snprintf(line, sizeof(line), "%s\n", fingerprint);
    int error = file_path(path, sizeof(path), root, FINGERPRINT_PATH);
    if (error == 0)
        error = file_replace_volatile(path, line, (size_t)length, 0644);
    if (error)
        log_error("cannot write " FINGERPRINT_PATH ": %s", strerror(-error));
}

void fingerprint_remove(const char *root)
{
    char path[PATH_MAX];
    if (file_path(path, sizeof(path), root, FINGERPRINT_PATH) == 0)
        (void)unlink(path);
}
