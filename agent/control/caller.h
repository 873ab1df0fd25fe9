/*
 * The callers of the control socket: root, the admin user, and the platform's own management
 * application where the image names a user for it. The kernel says who connects (unix(7),
 * SO_PEERCRED); nothing that a client sends makes it another caller.
 */
#ifndef HOLDFAST_CONTROL_CALLER_H
#define HOLDFAST_CONTROL_CALLER_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* One line with the name of a user in /etc/passwd; written by the image's recipe. The file belongs
 * to root, and root alone may write it. Without it there is no such caller. */
#define CALLER_MANAGEMENT_PATH "/etc/holdfast/management-user"

/* One bit each, for the columns of control/verbs.def. */
enum caller_kind {
    CALLER_ROOT = 1,
    CALLER_ADMIN = 2,
    CALLER_MANAGEMENT = 4,
    CALLER_ALL = CALLER_ROOT | CALLER_ADMIN | CALLER_MANAGEMENT
};

enum {
    CALLER_NAME_MAX = 64,                       /* bytes of an administrator's name */
    CALLER_TEXT_SIZE = CALLER_NAME_MAX + 1 + 32 /* of caller_text() */
};

struct caller {
    uid_t uid;
    enum caller_kind kind;
    const char *login;              /* "root", "admin" or "management" */
    char name[CALLER_NAME_MAX + 1]; /* of the administrator for whom management acts; else empty */
    bool logged_in;                 /* gave the password or, as management, such a name */
};

/* The users that the node's files name. */
struct caller_users {
    bool has_admin, has_management;
    uid_t admin, management;
    gid_t admin_group;
};

/* Reads them below `root`. A file that is missing or not to be trusted leaves its caller out; the
 * reason is logged unless the file is merely missing. */
void caller_users_read(struct caller_users *users, const char *root);

/* Root, as a command is that works on the database directly. */
struct caller caller_root(void);

/* The caller whom a connection's user is. 0, or -EACCES for any other user. */
int caller_find(const struct caller_users *users, uid_t uid, struct caller *caller);

/* Takes the name of the administrator for whom the management application acts: text of 1 to
 * CALLER_NAME_MAX bytes, in which each byte of no printable character becomes '?'. 0 or -EBADMSG.
 */
int caller_act_for(struct caller *caller, const char *name, size_t size);

/* The caller as the event log names it: "root", "admin", or "management for NAME". */
void caller_text(const struct caller *caller, char text[CALLER_TEXT_SIZE]);

#endif
