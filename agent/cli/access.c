/* Access to the settings through the door or on the database: one small table of calls each. */
#include "cli/access.h"

#include "base/file.h"
#include "base/log.h"
#include "base/str.h"
#include "cli/terminal.h"
#include "serve/door_client.h"
#include "serve/node.h"
#include "serve/password.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct access {
    const char *root, *state_path;
    int door; /* -1: directly on the database */
    struct node node;
    bool loaded;
    unsigned failures;
};

/* --- through the control socket --- */

static int door_verb_of(const char *how)
{
    static const struct {
        const char *how;
        enum door_verb verb;
    } verbs[] = {
        {"wizard", DOOR_APPLY_WIZARD},
        {"set",    DOOR_APPLY_SET   },
        {"import", DOOR_APPLY_IMPORT}
    };
    for (size_t i = 0; i < countof(verbs); i++)
        if (str_equal(verbs[i].how, how))
            return (int)verbs[i].verb;
    return -EINVAL;
}

/* --- directly --- */

/* Loads the node: to look, or as the database's one writer. */
static int load_node(struct access *access, enum node_purpose purpose)
{
    if (access->loaded && access->node.purpose == purpose)
        return 0;
    if (access->loaded)
        node_close(&access->node);
    access->loaded = false;
    int error = node_load(&access->node, access->root, access->state_path, purpose);
    access->loaded = error == 0;
    if (error) {
        log_error("cannot load the node from %s: %s", access->state_path, strerror(-error));
        node_close(&access->node);
    }
    return error;
}

static int direct_login(struct access *access, const char *password)
{
    int error = password_check(access->root, password);
    if (error == 0)
        return 0;
    access->failures++;
    if (error != -EACCES)
        log_error("cannot check the password in %s/etc/shadow: %s", access->root, strerror(-error));
    if (load_node(access, NODE_RUN) == 0)
        node_event(&access->node, "refused", "root: %s",
                   error == -EACCES ? "wrong password" : "the password cannot be checked");
    (void)poll(NULL, 0, (int)password_delay_ms(access->failures));
    return error == -EACCES && access->failures < PASSWORD_TRIES ? -EACCES : -EPERM;
}

/* --- both --- */

int access_open(struct access **opened, const char *root, const char *state_path)
{
    struct access *access = calloc(1, sizeof(*access));
    *opened = NULL;
    if (!access)
        return -ENOMEM;
    access->root = root;
    access->state_path = state_path;
    access->door = door_client_connect(root);
    int error = access->door < 0 ? access->door : 0;
    bool nobody_there = door_client_nobody(error);
    if (nobody_there && (geteuid() == 0 || root[0]))
        error = 0;
    if (error) {
        log_error("cannot reach the daemon at %s%s: %s", root, DOOR_PATH,
                  nobody_there ? "none runs, and only root may go without" : strerror(-error));
        access_close(access);
        return nobody_there ? -EACCES : error;
    }
    *opened = access;
    return 0;
}

void access_close(struct access *access)
{
    if (!access)
        return;
    if (access->door >= 0)
        close(access->door);
    if (access->loaded)
        node_close(&access->node);
    free(access);
}

bool access_needs_login(const struct access *access)
{
    return access->door >= 0 && geteuid() != 0;
}

int access_login(struct access *access, const char *password)
{
    struct buf answer = {0};
    if (access->door < 0)
        return direct_login(access, password);
    int error = door_client_ask(access->door, DOOR_LOGIN, password,
                                strnlen(password, PASSWORD_MAX + 1), &answer);
    buf_free(&answer);
    return error;
}

static int password_from_file(const char *file, struct buf *password)
{
    int error = file_read(file, PASSWORD_MAX + 1, password);
    if (error)
        log_error("cannot read the password from %s: %s", file, strerror(-error));
    else if (password->data)
        password->data[strcspn(password->data, "\r\n")] = '\0';
    return error;
}

static int get_password(const char *file, struct buf *password)
{
    if (file)
        return password_from_file(file, password);
    int error = terminal_ask("Password for admin: ", true, password);
    if (error == -EFBIG || error == -EILSEQ)
        return 0; /* whoever checks it decides, and keeps the event */
    if (error)
        log_error("no password was given");
    return error;
}

static int one_try(struct access *access, const char *file, struct buf *password)
{
    int error = get_password(file, password);
    if (error)
        return error;
    error = access_login(access, buf_text(password));
    if (error == -EPERM)
        log_error("access refused: no more tries, or the account cannot log in");
    else if (error == -EACCES)
        log_error("wrong password");
    return error;
}

int access_login_interactive(struct access *access, const char *file)
{
    struct buf password = {0};
    int error = buf_reserve(&password, TERMINAL_LINE_MAX + 1); /* no copy left behind by growing */
    bool again = !file && isatty(STDIN_FILENO);
    if (error == 0)
        error = one_try(access, file, &password);
    for (unsigned tries = 1; again && error == -EACCES && tries < PASSWORD_TRIES; tries++)
        error = one_try(access, file, &password);
    buf_wipe(&password);
    return error;
}

static int not_known(const char *reason)
{
    log_error("the stored settings are not known, the node fails closed: %s", reason);
    return -ENODATA;
}

int access_load(struct access *access, enum role *role, struct settings *settings,
                uint64_t *revision)
{
    if (access->door < 0) {
        int error = access->loaded ? 0 : load_node(access, NODE_LOOK);
        if (error)
            return error;
        if (access->node.reason.length)
            return not_known(buf_text(&access->node.reason));
        *role = access->node.role;
        *revision = access->node.revision;
        return settings_copy(settings, &access->node.settings);
    }
    struct buf answer = {0};
    int error = settings_defaults(settings);
    if (error == 0)
        error = door_client_ask(access->door, DOOR_LOAD, "", 0, &answer);
    if (error == 0)
        error = door_read_load(&answer, role, settings, revision);
    if (error == -ENODATA)
        (void)not_known(buf_text(&answer));
    else if (error)
        log_error("cannot load the settings: %s", strerror(-error));
    buf_wipe(&answer);
    return error;
}

int access_apply(struct access *access, const char *how, const char *name, const char *text,
                 size_t size, uint64_t *revision, struct buf *faults)
{
    if (access->door < 0) {
        int error = load_node(access, NODE_RUN);
        if (error == 0)
            error = node_apply(&access->node, "root", how, name, text, size, faults);
        *revision = error ? 0 : access->node.revision;
        return error;
    }
    int verb = door_verb_of(how);
    struct buf answer = {0};
    int error =
        verb < 0 ? verb : door_client_ask(access->door, (enum door_verb)verb, text, size, &answer);
    if (error == 0)
        error = str_to_u64(buf_text(&answer), 0, UINT64_MAX, revision);
    else
        buf_append(faults, buf_text(&answer), answer.length);
    buf_free(&answer);
    return error;
}

int access_reboot(struct access *access)
{
    struct buf answer = {0};
    int error = -ENOTSUP;
    if (access->door >= 0)
        error = door_client_ask(access->door, DOOR_REBOOT, "", 0, &answer);
    else if (access->root[0] == '\0')
        error = kill(1, SIGTERM) < 0 ? -errno : 0; /* init(8) of the image: reboot */
    buf_free(&answer);
    return error;
}
