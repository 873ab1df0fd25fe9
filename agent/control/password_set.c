/* Hashes a new password and rewrites one line of shadow(5). */
#include "control/password_set.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/str.h"
#include "control/password.h"
#include "pki/random.h"

#include <crypt.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

enum { FILE_SIZE_MAX = 1048576, SALT_LENGTH = 16, COLONS = 8, DAY_S = 86400 };

#define SHADOW "/etc/shadow"

/* --- the password --- */

const char *password_fault(const char *password, size_t length)
{
    size_t characters = 0;
    for (size_t at = 0; at < length; characters++) {
        size_t size = str_character(password + at);
        if (size == 0 || size > length - at)
            return "holds a character that cannot be typed at every terminal";
        at += size;
    }
    if (length > PASSWORD_MAX)
        return "is too long: 256 bytes are the most";
    return characters < PASSWORD_LEAST ? "is too short: 8 characters are the least" : NULL;
}

/* crypt(5): 6 bits of chance a character. */
static int make_setting(struct buf *setting)
{
    static const char alphabet[] =
        "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    unsigned char chance[SALT_LENGTH];
    if (random_bytes(NULL, chance, sizeof(chance)) < 0)
        return -EIO;
    buf_puts(setting, PASSWORD_SETTING);
    for (size_t i = 0; i < sizeof(chance); i++)
        buf_putc(setting, alphabet[chance[i] % (sizeof(alphabet) - 1)]);
    buf_putc(setting, '$');
    return buf_error(setting);
}

int password_hash(const char *password, struct buf *hash)
{
    struct crypt_data data = {0};
    struct buf setting = {0};
    int error = make_setting(&setting);
    const char *made = error ? NULL : crypt_r(password, buf_text(&setting), &data);
    if (error == 0 && (!made || !str_starts(made, buf_text(&setting))))
        error = -ENOTSUP;
    if (error == 0)
        error = buf_reserve(hash, strlen(made) + 1);
    if (error == 0)
        buf_puts(hash, made);
    explicit_bzero(&data, sizeof(data));
    buf_free(&setting);
    return error;
}

/* --- shadow(5) --- */

/* Where the admin's line begins and how long it is, without its end. -ENOENT. */
static int find_line(const struct buf *text, size_t *start, size_t *length)
{
    static const char name[] = PASSWORD_ADMIN ":";
    for (size_t at = 0; at < text->length; at += *length + 1) {
        const char *end = memchr(text->data + at, '\n', text->length - at);
        *length = end ? (size_t)(end - (text->data + at)) : text->length - at;
        *start = at;
        if (*length >= sizeof(name) - 1 && memcmp(text->data + at, name, sizeof(name) - 1) == 0)
            return 0;
    }
    return -ENOENT;
}

static bool is_whole(const char *line, size_t length)
{
    unsigned colons = 0;
    for (size_t i = 0; i < length; i++) {
        if (line[i] == '\0')
            return false;
        colons += line[i] == ':';
    }
    return colons == COLONS;
}

/* A '*' is what an account has before its first password; '!' locks one for good. */
static int may_set(char field, bool first)
{
    if (field == '!')
        return -EPERM;
    return first && field != '*' && field != ':' ? -EEXIST : 0;
}

/* Name, hash and day of the change are new, the other six fields are not. */
static int make_line(const char *line, size_t length, const char *hash, bool first,
                     struct buf *made)
{
    if (!is_whole(line, length))
        return -EINVAL;
    const char *old = strchr(line, ':') + 1;
    int error = may_set(old[0], first);
    if (error)
        return error;
    const char *kept = strchr(strchr(old, ':') + 1, ':');
    buf_printf(made, PASSWORD_ADMIN ":%s:%lld", hash, (long long)(clock_now_s() / DAY_S));
    buf_append(made, kept, (size_t)(line + length - kept));
    return buf_error(made);
}

static int replace_line(const struct buf *text, const char *hash, const char *keep, bool first,
                        struct buf *out)
{
    struct buf line = {0};
    size_t start = 0, length = 0;
    int error = find_line(text, &start, &length);
    if (error == 0)
        error = make_line(text->data + start, length, hash, first, &line);
    if (error == 0) {
        buf_append(out, text->data, start);
        buf_append(out, line.data, line.length);
        buf_append(out, text->data + start + length, text->length - start - length);
        buf_putc(&line, '\n');
        error = buf_error(out) ? buf_error(out) : buf_error(&line);
    }
    if (error == 0 && keep)
        error = file_replace(keep, line.data, line.length, 0600);
    buf_wipe(&line);
    return error;
}

static int rewrite(const char *root, const char *hash, const char *keep, bool first)
{
    char path[PATH_MAX], target[PATH_MAX];
    struct buf text = {0}, out = {0};
    int error = file_path(path, sizeof(path), root, SHADOW);
    if (error == 0)
        error = file_target(target, sizeof(target), root, SHADOW);
    if (error == 0)
        error = file_read(target, FILE_SIZE_MAX, &text);
    if (error == 0)
        error = replace_line(&text, hash, keep, first, &out);
    if (error == 0)
        error = file_replace_alike(path, target, buf_text(&out), out.length);
    buf_wipe(&text);
    buf_wipe(&out);
    return error;
}

/* Two consoles may ask at a time: the folder is locked from the look to the change. */
static int lock_folder(const char *root)
{
    char path[PATH_MAX];
    int error = file_target(path, sizeof(path), root, "/etc");
    if (error)
        return error;
    int folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder < 0)
        return -errno;
    if (flock(folder, LOCK_EX) == 0)
        return folder;
    error = -errno;
    close(folder);
    return error;
}

int password_store(const char *root, const char *hash, const char *keep, bool first)
{
    int folder = lock_folder(root);
    if (folder < 0)
        return folder;
    int error = rewrite(root, hash, keep, first);
    close(folder);
    return error;
}
