/* Looking at files that others may have put in the place of the rendered ones. */
#include "domain/managed_file.h"

#include "base/file.h"
#include "base/str.h"
#include "domain/checks.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <mbedtls/sha256.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { EXCERPT_BEFORE = 24, EXCERPT_SIZE = 64, STAMP_SIZE = 160, HASH_SIZE = 32 };

static const char *kind_words(mode_t mode)
{
    return S_ISLNK(mode)    ? "a symbolic link"
           : S_ISFIFO(mode) ? "a FIFO"
           : S_ISSOCK(mode) ? "a socket"
           : S_ISDIR(mode)  ? "a folder"
           : S_ISREG(mode)  ? "a file"
                            : "a device";
}

static uid_t owner_of(const struct managed_file *file)
{
    return file->uid == MANAGED_FILE_OWN_USER ? geteuid() : file->uid;
}

static gid_t group_of(const struct managed_file *file)
{
    return file->gid == (gid_t)MANAGED_FILE_OWN_USER ? getegid() : file->gid;
}

/* True where kind, owner and mode are as expected; else writes what differs. */
static bool has_attributes(const struct stat *found, mode_t kind, const struct managed_file *file,
                           struct buf *observed)
{
    if ((found->st_mode & S_IFMT) != kind)
        buf_puts(observed, kind_words(found->st_mode));
    else if (found->st_uid != owner_of(file) || found->st_gid != group_of(file))
        buf_printf(observed, "owned by %lu:%lu", (unsigned long)found->st_uid,
                   (unsigned long)found->st_gid);
    else if ((found->st_mode & 07777) != file->mode)
        buf_printf(observed, "of mode %04o", (unsigned)found->st_mode & 07777U);
    else
        return true;
    return false;
}

static const struct managed_file folder_attributes = {
    .mode = MANAGED_FILE_FOLDER_MODE,
    .uid = MANAGED_FILE_OWN_USER,
    .gid = (gid_t)MANAGED_FILE_OWN_USER,
};

/* A few characters around the first that differs, in its line: one line may be a whole file. Where
 * something is left out stands an ellipsis, and no character is cut. */
static void put_excerpt(struct buf *out, const char *text, size_t size, size_t at)
{
    char excerpt[EXCERPT_SIZE];
    size_t from = at, length = 0;
    while (from > 0 && (at - from < EXCERPT_BEFORE || ((unsigned char)text[from] & 0xc0) == 0x80) &&
           text[from - 1] != '\n')
        from--;
    while (from + length < size && length < sizeof(excerpt) - 1 && text[from + length] != '\n' &&
           text[from + length] != '\0')
        length++;
    memcpy(excerpt, text + from, length);
    excerpt[length] = '\0';
    str_clean(excerpt, "");
    buf_puts(out, from > 0 && text[from - 1] != '\n' ? "\"..." : "\"");
    bool more = from + length < size && text[from + length] != '\n';
    check_excerpt(excerpt, more ? length - 1 : length, out);
    buf_putc(out, '"');
}

/* Which revision of the settings the first line says: 0 is that of a node without answers. False
 * where it says none. */
static bool revision_of(const char *text, size_t size, uint64_t *revision)
{
    static const char *const marks[] = {"for revision ", "\"revision\":"};
    char head[STAMP_SIZE];
    size_t length = size < sizeof(head) - 1 ? size : sizeof(head) - 1;
    memcpy(head, text, length);
    head[length] = '\0';
    for (size_t i = 0; i < countof(marks); i++) {
        char *at = strstr(head, marks[i]);
        if (!at)
            continue;
        at += strlen(marks[i]);
        at[strspn(at, "0123456789")] = '\0';
        return str_to_u64(at, 0, UINT64_MAX, revision) == 0;
    }
    return false;
}

static void put_difference(const struct buf *wanted, const char *text, size_t size,
                           struct managed_file_found *found)
{
    size_t at = 0, line = 1;
    uint64_t revision, present;
    if (revision_of(text, size, &revision) && revision_of(wanted->data, wanted->length, &present) &&
        revision != present) {
        buf_printf(&found->observed, "rendered for revision %" PRIu64, revision);
        return;
    }
    while (at < size && at < wanted->length && text[at] == wanted->data[at])
        line += text[at++] == '\n';
    buf_printf(&found->observed, "line %zu is ", line);
    if (at == size)
        buf_printf(&found->observed, "cut off after %zu bytes", size);
    else
        put_excerpt(&found->observed, text, size, at);
    if (at == wanted->length)
        buf_puts(&found->should, "behind the end");
    else
        put_excerpt(&found->should, wanted->data, wanted->length, at);
}

static int put_digest(const struct buf *text, struct buf *out)
{
    unsigned char hash[HASH_SIZE];
    if (mbedtls_sha256((const unsigned char *)text->data, text->length, hash, 0) != 0)
        return -EIO;
    buf_puts(out, "SHA-256 ");
    for (size_t i = 0; i < sizeof(hash); i++)
        buf_printf(out, "%02x", hash[i]);
    return 0;
}

/* Says what was read, as far as it may be said. */
static int put_finding(const struct managed_file *file, const struct buf *wanted,
                       const struct buf *text, struct managed_file_found *found)
{
    if (file->secret)
        buf_puts(&found->observed, found->equal ? "as it should be" : "different");
    else if (found->equal)
        return put_digest(text, &found->observed);
    else
        put_difference(wanted, text->data, text->length, found);
    return 0;
}

static int read_and_compare(int fd, size_t size, const struct managed_file *file,
                            const struct buf *wanted, struct managed_file_found *found)
{
    struct buf text = {0};
    int error = buf_reserve(&text, size + 1);
    if (error == 0)
        error = file_read_exactly(fd, text.data, size);
    if (error == 0)
        text.length = size;
    found->equal =
        error == 0 && size == wanted->length && memcmp(text.data, wanted->data, size) == 0;
    if (error == 0)
        error = put_finding(file, wanted, &text, found);
    buf_wipe(&text);
    return error;
}

/* Between lstat(2) and open(2) only this process's user can change what lies there; if it does, the
 * open neither follows nor waits. */
static int compare(const char *path, const struct managed_file *file, const struct buf *wanted,
                   struct managed_file_found *found)
{
    struct stat status;
    int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    int error = fstat(fd, &status) < 0 ? -errno : 0;
    if (error == 0 && !S_ISREG(status.st_mode))
        error = -EINVAL;
    if (error == 0 && status.st_size > RENDERED_SIZE_MAX)
        buf_printf(&found->observed, "%lld bytes long", (long long)status.st_size);
    else if (error == 0)
        error = read_and_compare(fd, (size_t)status.st_size, file, wanted, found);
    close(fd);
    return error;
}

int managed_file_look(const char *path, const struct managed_file *file, const struct buf *wanted,
                      struct managed_file_found *found)
{
    struct stat status;
    if (lstat(path, &status) < 0) {
        if (errno != ENOENT)
            return -errno;
        buf_puts(&found->observed, "absent");
        return 0;
    }
    return has_attributes(&status, S_IFREG, file, &found->observed)
               ? compare(path, file, wanted, found)
               : 0;
}

int managed_file_write(const char *path, const struct managed_file *file, const struct buf *text,
                       bool durable)
{
    return file_replace_with(
        path, text->data, text->length,
        &(struct file_attributes){
            .mode = file->mode, .uid = owner_of(file), .gid = group_of(file), .durable = durable});
}

static int folder_of(const char *path, char folder[PATH_MAX])
{
    int error = str_copy(folder, PATH_MAX, path);
    char *slash = error ? NULL : strrchr(folder, '/');
    if (slash)
        *slash = '\0';
    return error;
}

int managed_file_look_folder(const char *path, struct buf *observed)
{
    char folder[PATH_MAX];
    struct stat found;
    int error = folder_of(path, folder);
    if (error)
        return error;
    if (lstat(folder, &found) == 0)
        (void)has_attributes(&found, S_IFDIR, &folder_attributes, observed);
    else if (errno == ENOENT)
        buf_puts(observed, "absent");
    else
        return -errno;
    return 0;
}

static int own(const char *folder)
{
    struct stat found;
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    int error = fstat(fd, &found) < 0 ? -errno : 0;
    bool ours = error == 0 && found.st_uid == geteuid() && found.st_gid == getegid();
    if (error == 0 && !ours && fchown(fd, geteuid(), getegid()) < 0)
        error = -errno;
    if (error == 0 && fchmod(fd, MANAGED_FILE_FOLDER_MODE) < 0)
        error = -errno;
    close(fd);
    return error;
}

int managed_file_repair_folder(const char *path)
{
    char folder[PATH_MAX];
    struct stat found;
    int error = folder_of(path, folder);
    if (error == 0 && lstat(folder, &found) == 0 && !S_ISDIR(found.st_mode) && unlink(folder) < 0)
        error = -errno;
    if (error == 0)
        error = file_make_folders(folder, MANAGED_FILE_FOLDER_MODE);
    return error ? error : own(folder);
}
