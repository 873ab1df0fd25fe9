/* Finds out who calls, from the node's own files alone. */
#include "control/caller.h"

#include "base/file.h"
#include "base/log.h"
#include "base/str.h"
#include "control/password.h"
#include "process/users.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { USER_NAME_MAX = 32 };

static const char name_letters[] = "abcdefghijklmnopqrstuvwxyz0123456789_-";

/* useradd(8): the names that it makes by default. */
static bool is_user_name(const char *name)
{
    size_t length = strlen(name);
    return length > 0 && length <= USER_NAME_MAX && name[0] != '-' &&
           strspn(name, name_letters) == length;
}

/* A file that another user could write would give that user the node. */
static int check_owner(const char *path)
{
    struct stat status;
    if (lstat(path, &status) < 0)
        return -errno;
    bool ours = status.st_uid == 0 || status.st_uid == geteuid();
    return S_ISREG(status.st_mode) && ours && !(status.st_mode & (S_IWGRP | S_IWOTH)) ? 0 : -EPERM;
}

/* A user who is something else already keeps the rights of that alone. */
static bool is_taken(const struct caller_users *users, uid_t uid)
{
    return uid == USERS_NOBODY || uid == users_endpoint() ||
           (users->has_admin && uid == users->admin);
}

static int find_management(struct caller_users *users, const char *root)
{
    char path[PATH_MAX];
    struct buf text = {0};
    gid_t group;
    int error = file_target(path, sizeof(path), root, CALLER_MANAGEMENT_PATH);
    if (error == 0)
        error = check_owner(path);
    if (error == 0)
        error = file_read_own(path, USER_NAME_MAX + 1, &text);
    const char *name = error || !text.data ? "" : str_trim(text.data);
    if (error == 0 && !is_user_name(name))
        error = -EINVAL;
    if (error == 0) {
        error = password_account(root, name, &users->management, &group);
        error = error == -ENOENT ? -EINVAL : error; /* passwd(5) has no such user */
    }
    if (error == 0 && is_taken(users, users->management))
        error = -EEXIST;
    buf_free(&text);
    return error;
}

void caller_users_read(struct caller_users *users, const char *root)
{
    *users = (struct caller_users){.has_admin = false};
    int error = password_account(root, PASSWORD_ADMIN, &users->admin, &users->admin_group);
    users->has_admin = error == 0;
    if (error && error != -ENOENT)
        log_warning("the control socket is open to root alone: %s in %s/etc/passwd: %s",
                    PASSWORD_ADMIN, root, strerror(-error));
    error = find_management(users, root);
    users->has_management = error == 0;
    if (error && error != -ENOENT)
        log_warning("there is no management application: %s%s: %s", root, CALLER_MANAGEMENT_PATH,
                    strerror(-error));
}

struct caller caller_root(void)
{
    return (struct caller){.uid = 0, .kind = CALLER_ROOT, .login = "root"};
}

int caller_find(const struct caller_users *users, uid_t uid, struct caller *caller)
{
    *caller = caller_root();
    if (uid == 0)
        return 0;
    if (users->has_admin && uid == users->admin)
        *caller = (struct caller){.uid = uid, .kind = CALLER_ADMIN, .login = PASSWORD_ADMIN};
    else if (users->has_management && uid == users->management)
        *caller = (struct caller){.uid = uid, .kind = CALLER_MANAGEMENT, .login = "management"};
    else
        return -EACCES;
    return 0;
}

int caller_act_for(struct caller *caller, const char *name, size_t size)
{
    if (size == 0 || size > CALLER_NAME_MAX || strlen(name) != size)
        return -EBADMSG;
    (void)str_copy(caller->name, sizeof(caller->name), name);
    str_clean(caller->name, "");
    caller->logged_in = true;
    return 0;
}

void caller_text(const struct caller *caller, char text[CALLER_TEXT_SIZE])
{
    (void)snprintf(text, CALLER_TEXT_SIZE, "%s%s%s", caller->login, caller->name[0] ? " for " : "",
                   caller->name);
}
