/* Reads passwd(5) and shadow(5) defensively, and compares by crypt(3). */
#include "serve/password.h"

#include "base/file.h"
#include "base/str.h"

#include <crypt.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

enum { FILE_SIZE_MAX = 1048576, FIRST_DELAY_MS = 1000, LAST_DELAY_MS = 32000 };

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

/* The n-th field of a line, cut at its end; NULL when the line has fewer. */
static char *cut_field(char *line, unsigned n)
{
    while (n-- && line) {
        line = strchr(line, ':');
        line = line ? line + 1 : NULL;
    }
    if (line)
        line[strcspn(line, ":")] = '\0';
    return line;
}

static int read_account(const char *root, const char *file, struct buf *text, char **line)
{
    char path[PATH_MAX];
    int error = file_path(path, sizeof(path), root, file);
    if (error == 0)
        error = buf_reserve(text, FILE_SIZE_MAX); /* so that no copy stays behind unwiped */
    if (error == 0)
        error = file_read(path, FILE_SIZE_MAX, text);
    if (error)
        return error;
    *line = text->data ? find_line(text->data, PASSWORD_ADMIN) : NULL;
    return *line ? 0 : -ENOENT;
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

static int compare(const char *password, const char *stored)
{
    if (stored[0] == '\0' || stored[0] == '!' || stored[0] == '*')
        return -EPERM;
    if (password[0] == '\0' || strlen(password) > PASSWORD_MAX)
        return -EACCES;
    struct crypt_data *data = calloc(1, sizeof(*data));
    if (!data)
        return -ENOMEM;
    const char *made = crypt_r(password, stored, data);
    /* crypt(3) tells of a failure by a string that begins with '*' */
    bool equal = made && made[0] != '*' && equal_in_constant_time(made, stored);
    explicit_bzero(data, sizeof(*data));
    free(data);
    return equal ? 0 : -EACCES;
}

int password_check(const char *root, const char *password)
{
    struct buf text = {0};
    char *line = NULL;
    int error = read_account(root, "/etc/shadow", &text, &line);
    if (error == 0) {
        const char *stored = cut_field(line, 1);
        error = stored ? compare(password, stored) : -EPERM;
    }
    buf_wipe(&text);
    return error == -ENOENT ? -EPERM : error;
}

static int read_number(const char *line, unsigned field, uint64_t *number)
{
    char copy[64] = "";
    size_t length = strcspn(line, "\n");
    if (length >= sizeof(copy))
        length = sizeof(copy) - 1;
    memcpy(copy, line, length);
    const char *text = cut_field(copy, field);
    return text ? str_to_u64(text, 1, INT32_MAX, number) : -EINVAL;
}

int password_admin(const char *root, uid_t *uid, gid_t *gid)
{
    struct buf text = {0};
    char *line = NULL;
    uint64_t user = 0, group = 0;
    int error = read_account(root, "/etc/passwd", &text, &line);
    if (error == 0)
        error = read_number(line, 2, &user);
    if (error == 0)
        error = read_number(line, 3, &group);
    *uid = (uid_t)user;
    *gid = (gid_t)group;
    buf_free(&text);
    return error;
}

unsigned password_delay_ms(unsigned failures)
{
    unsigned delay_ms = FIRST_DELAY_MS;
    while (failures-- > 1 && delay_ms < LAST_DELAY_MS)
        delay_ms *= 2;
    return delay_ms;
}
