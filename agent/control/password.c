/* Reads passwd(5) and shadow(5) defensively, and compares by crypt(3). */
#include "control/password.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/str.h"

#include <crypt.h>
#include <errno.h>
#include <limits.h>
#include <string.h>

enum { FILE_SIZE_MAX = 1048576, FIRST_DELAY_MS = 1000, LAST_DELAY_MS = 32000, DAY_S = 86400 };

/* shadow(5) and passwd(5): the fields of a line, from 0. */
enum {
    SHADOW_HASH = 1,
    SHADOW_EXPIRES = 7, /* days since 1970 */
    SHADOW_FIELDS = 9,
    PASSWD_UID = 2,
    PASSWD_GID = 3,
    FIELDS_MAX = SHADOW_FIELDS
};

/* Cuts the account's line out of a file's text; NULL when there is none. */
static char *find_line(char *text, const char *name)
{
    char *rest = NULL;
    size_t length = strlen(name);
    for (char *line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest))
        if (strncmp(line, name, length) == 0 && line[length] == ':')
            return line;
    return NULL;
}

/* Cuts a line at its colons; how many fields there are. What is behind the last one of `field` is
 * left out. */
static size_t cut_fields(char *line, char *field[FIELDS_MAX])
{
    size_t count = 0;
    while (line && count < FIELDS_MAX) {
        field[count++] = line;
        line = strchr(line, ':');
        if (line)
            *line++ = '\0';
    }
    return count;
}

static int read_account(const char *root, const char *file, const char *name, struct buf *text,
                        char **line)
{
    char path[PATH_MAX];
    int error = file_target(path, sizeof(path), root, file);
    if (error == 0)
        error = buf_reserve(text, FILE_SIZE_MAX); /* so that no copy stays behind unwiped */
    if (error == 0)
        error = file_read(path, FILE_SIZE_MAX, text);
    if (error)
        return error;
    *line = text->data ? find_line(text->data, name) : NULL;
    return *line ? 0 : -ENOENT;
}

/* What keeps a password from being checked is never given as a verdict on it: an errno such as
 * -EACCES has two meanings then. */
static int cannot_read(const char *root, int error)
{
    log_error("cannot read the administrator's password from %s/etc/shadow: %s", root,
              strerror(-error));
    return -EIO;
}

/* Takes as long whether the first or the last byte differs. */
static bool equal_in_constant_time(const char *a, const char *b)
{
    size_t length = strlen(a);
    unsigned char difference = strlen(b) != length;
    for (size_t i = 0; i < length; i++)
        difference |= (unsigned char)(a[i] ^ b[difference ? 0 : i]);
    return difference == 0;
}

/* musl's crypt(3) takes a kind that it does not know for a salt of DES, and makes a hash all the
 * same. */
static bool is_computed(const char *stored)
{
    static const char *const prefixes[] = {"$1$", "$2", "$5$", "$6$"};
    for (size_t i = 0; i < countof(prefixes); i++)
        if (str_starts(stored, prefixes[i]))
            return true;
    return stored[0] != '$';
}

static bool is_locked(const char *stored)
{
    return stored[0] == '\0' || stored[0] == '!' || stored[0] == '*';
}

int password_compare(const char *password, const char *hash)
{
    struct crypt_data data = {0}; /* on the stack: a process with next to no memory calls this */
    if (is_locked(hash))
        return -EPERM;
    if (!is_computed(hash))
        return -ENOTSUP;
    if (password[0] == '\0' || strlen(password) > PASSWORD_MAX)
        return -EACCES;
    const char *made = crypt_r(password, hash, &data);
    /* crypt(3) reports a kind of hash that it does not know by a string that begins with '*' */
    int error = !made || made[0] == '*'              ? -ENOTSUP
                : equal_in_constant_time(made, hash) ? 0
                                                     : -EACCES;
    explicit_bzero(&data, sizeof(data));
    return error;
}

/* Kinds that crypt(3) of other systems makes (crypt(5) of libxcrypt) and musl's does not
 * compute. */
static const char *kind_of(const char *hash)
{
    static const struct {
        const char *prefix, *name;
    } kinds[] = {
        {"$y$", "yescrypt"},        {"$gy$", "gost-yescrypt"},
        {"$7$", "scrypt"},          {"$sm3$", "sm3crypt"},
        {"$sm3y$", "sm3-yescrypt"}, {"$sha1$", "sha1crypt"},
        {"$md5", "SunMD5"},         {"$3$", "NT"},
        {"$2", "bcrypt"},           {"$6$", "sha512crypt"},
        {"$5$", "sha256crypt"},     {"$1$", "md5crypt"},
        {"_", "bsdicrypt"},
    };
    for (size_t i = 0; i < countof(kinds); i++)
        if (str_starts(hash, kinds[i].prefix))
            return kinds[i].name;
    return NULL;
}

void password_unsupported(const char *root, struct buf *why)
{
    struct buf text = {0};
    char *line = NULL, *field[FIELDS_MAX];
    const char *kind = NULL;
    if (read_account(root, "/etc/shadow", PASSWORD_ADMIN, &text, &line) == 0 &&
        cut_fields(line, field) > SHADOW_HASH)
        kind = kind_of(field[SHADOW_HASH]);
    if (kind)
        buf_printf(why, "the password's hash is of the kind %s, which this program cannot compute",
                   kind);
    else
        buf_puts(why, "the password's hash is of a kind that this program does not know");
    buf_wipe(&text);
}

/* What login(1) refuses is refused here: a malformed line, and an account past its day. 0, or
 * the verdict; `stored` points into the line. */
static int check_line(char *line, const char **stored)
{
    char *field[FIELDS_MAX];
    uint64_t expires = UINT64_MAX;
    if (cut_fields(line, field) < SHADOW_FIELDS)
        return -EPERM;
    const char *day = field[SHADOW_EXPIRES];
    *stored = field[SHADOW_HASH];
    if (day[0] != '\0' && str_to_u64(day, 0, UINT64_MAX, &expires) < 0)
        return -EPERM;
    if ((uint64_t)(clock_now_s() / DAY_S) >= expires || is_locked(*stored))
        return -EPERM;
    return is_computed(*stored) ? 0 : -ENOTSUP;
}

int password_stored(const char *root, struct buf *hash)
{
    struct buf text = {0};
    char *line = NULL;
    const char *stored = NULL;
    int failure = read_account(root, "/etc/shadow", PASSWORD_ADMIN, &text, &line), verdict = 0;
    if (failure == 0)
        verdict = check_line(line, &stored);
    if (failure == 0 && verdict == 0)
        failure = buf_reserve(hash, strlen(stored) + 1);
    if (failure == 0 && verdict == 0)
        buf_puts(hash, stored);
    buf_wipe(&text);
    if (failure == -ENOENT)
        return -EPERM;
    return failure ? cannot_read(root, failure) : verdict;
}

int password_check(const char *root, const char *password)
{
    struct buf hash = {0};
    int error = password_stored(root, &hash);
    if (error == 0)
        error = password_compare(password, buf_text(&hash));
    buf_wipe(&hash);
    return error;
}

int password_account(const char *root, const char *name, uid_t *uid, gid_t *gid)
{
    struct buf text = {0};
    char *line = NULL, *field[FIELDS_MAX];
    uint64_t user = 0, group = 0;
    int error = read_account(root, "/etc/passwd", name, &text, &line);
    if (error == 0 && cut_fields(line, field) <= PASSWD_GID)
        error = -EINVAL;
    if (error == 0)
        error = str_to_u64(field[PASSWD_UID], 1, INT32_MAX, &user);
    if (error == 0)
        error = str_to_u64(field[PASSWD_GID], 1, INT32_MAX, &group);
    *uid = (uid_t)user;
    *gid = (gid_t)group;
    buf_free(&text);
    return error;
}

/* Only what can be a name is looked for, so that a part of a line is none. */
static bool is_known(const char *root, const char *name)
{
    struct buf text = {0};
    char *line = NULL;
    bool known = name[0] != '\0' && strpbrk(name, ":\n\r \t") == NULL &&
                 read_account(root, "/etc/passwd", name, &text, &line) == 0;
    buf_free(&text);
    return known;
}

void password_refusal(const char *root, const char *name, int error, struct buf *why)
{
    if (!is_known(root, name))
        buf_puts(why, "unknown user");
    else if (error == -EACCES)
        buf_printf(why, "wrong password for %s", name);
    else
        buf_printf(why, "the password of %s cannot be checked: %s", name, strerror(-error));
}

unsigned password_delay_ms(unsigned failures)
{
    unsigned delay_ms = FIRST_DELAY_MS;
    while (failures-- > 1 && delay_ms < LAST_DELAY_MS)
        delay_ms *= 2;
    return delay_ms;
}
