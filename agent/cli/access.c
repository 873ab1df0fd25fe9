/* Access to the settings through the control socket or on the database: one small table of calls
 * each. */
#include "cli/access.h"

#include "base/file.h"
#include "base/log.h"
#include "base/str.h"
#include "cli/terminal.h"
#include "control/client.h"
#include "control/password.h"
#include "node/node.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct access {
    const char *root, *state_path;
    int control; /* -1: directly on the database */
    struct node node;
    bool loaded;
    unsigned failures;
    struct terminal *terminal; /* where the password is typed, NULL: it comes from a file */
};

/* --- through the control socket --- */

static int control_verb_of(const char *how)
{
    static const struct {
        const char *how;
        enum control_verb verb;
    } verbs[] = {{"wizard", CONTROL_APPLY_WIZARD},
                 {"set", CONTROL_APPLY_SET},
                 {"import", CONTROL_APPLY_IMPORT}};
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

/* No password would do: an event, but no failed try. */
static int direct_cannot_check(struct access *access, int error)
{
    struct buf why = {0};
    if (error == -ENOTSUP)
        password_unsupported(access->root, &why);
    else
        buf_puts(&why, PASSWORD_NOT_CHECKED);
    log_error("%s", buf_text(&why));
    if (load_node(access, NODE_RUN) == 0)
        node_event(&access->node, "refused", "root: %s", buf_text(&why));
    buf_free(&why);
    return error;
}

static int direct_login(struct access *access, const char *password)
{
    int error = password_check(access->root, password);
    if (error == 0)
        return 0;
    if (error == -ENOTSUP || error == -EIO)
        return direct_cannot_check(access, error);
    access->failures++;
    if (error != -EACCES)
        log_error("cannot check the password in %s/etc/shadow: %s", access->root, strerror(-error));
    if (load_node(access, NODE_RUN) == 0)
        node_event(&access->node, "refused", "root: %s",
                   error == -EACCES ? "wrong password" : "the password cannot be checked");
    int delay_ms = (int)password_delay_ms(access->failures);
    if (access->terminal && terminal_wait(access->terminal, -1, delay_ms) == -EINTR)
        return -EINTR;
    if (!access->terminal)
        (void)poll(NULL, 0, delay_ms);
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
    access->control = control_client_connect(root);
    int error = access->control < 0 ? access->control : 0;
    bool nobody_there = control_client_nobody(error);
    if (nobody_there && (geteuid() == 0 || root[0]))
        error = 0;
    if (error) {
        log_error("cannot reach the daemon at %s%s: %s", root, CONTROL_PATH,
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
    if (access->control >= 0)
        close(access->control);
    if (access->loaded)
        node_close(&access->node);
    free(access);
}

bool access_needs_login(const struct access *access)
{
    return access->control >= 0 && geteuid() != 0;
}

/* The daemon holds back its answer to a wrong one: an interrupt is heard meanwhile. */
static int ask_daemon(const struct access *access, enum control_verb verb, const void *data,
                      size_t size)
{
    struct buf answer = {0};
    bool answered = false;
    int error = control_client_send(access->control, verb, data, size);
    if (error == 0 && access->terminal)
        error = terminal_wait(access->terminal, access->control, -1);
    if (error == 0)
        error = control_client_receive(access->control, verb, &answer, &answered);
    if (error && error != -EINTR && !answered)
        log_error("the daemon does not answer: %s", strerror(-error));
    else if (error == -ENOTSUP || error == -EIO)
        log_error("%s", buf_text(&answer));
    buf_free(&answer);
    return error;
}

static int login_by_daemon(const struct access *access, const char *password)
{
    return ask_daemon(access, CONTROL_LOGIN, password, strnlen(password, PASSWORD_MAX + 1));
}

static int log_in(struct access *access, const char *password)
{
    return access->control < 0 ? direct_login(access, password) : login_by_daemon(access, password);
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

/* -ECANCELED where there is none. */
static int get_password(const char *file, struct terminal *terminal, struct buf *password)
{
    if (file)
        return password_from_file(file, password);
    int error = terminal_read(terminal, "Password for admin: ", password);
    if (error == -EFBIG || error == -EILSEQ)
        return 0; /* whoever checks it decides, and keeps the event */
    return error ? -ECANCELED : 0;
}

static void log_login(int error)
{
    static const struct {
        int error;
        const char *text;
    } texts[] = {
        {-EPERM, "access refused: no more tries, or the account cannot log in"},
        {-EACCES, "wrong password"},
        {-EINTR, "interrupted"},
        {-ECANCELED, "no password was given"},
    };
    for (size_t i = 0; i < countof(texts); i++)
        if (texts[i].error == error)
            log_error("%s", texts[i].text);
}

/* The last failure is the caller's to tell, when the terminal echoes again. */
static int try_all(struct access *access, const char *file, struct terminal *terminal)
{
    struct buf password = {0};
    int error = buf_reserve(&password, TERMINAL_LINE_MAX + 1); /* no copy left behind by growing */
    unsigned tries = !file && isatty(STDIN_FILENO) ? PASSWORD_TRIES : 1;
    for (bool again = error == 0; again; again = error == -EACCES && --tries > 0) {
        if (error)
            log_login(error);
        error = get_password(file, terminal, &password);
        if (error == 0)
            error = log_in(access, buf_text(&password));
    }
    buf_wipe(&password);
    return error;
}

/* One terminal for all tries: its echo stays off from the first prompt on, also while the answer to
 * a wrong password is held back. */
static int try_at_terminal(struct access *access)
{
    struct terminal terminal;
    int error = terminal_open(&terminal, true);
    if (error)
        log_error("cannot turn the terminal's echo off: %s", strerror(-error));
    access->terminal = &terminal;
    if (error == 0)
        error = try_all(access, NULL, &terminal);
    access->terminal = NULL;
    terminal_close(&terminal);
    return error;
}

int access_login_interactive(struct access *access, const char *file)
{
    int error = file ? try_all(access, file, NULL) : try_at_terminal(access);
    log_login(error);
    return error;
}

/* --- at a console --- */

static void console_name(char name[CONTROL_NAME_MAX + 1])
{
    static const char folder[] = "/dev/";
    const char *path = ttyname(STDIN_FILENO);
    bool is_device = path && str_starts(path, folder);
    (void)snprintf(name, CONTROL_NAME_MAX + 1, "%s", is_device ? path + sizeof(folder) - 1 : "?");
}

static int console_by_daemon(struct access *access, const char *console, const char *user,
                             const char *password)
{
    struct buf text = {0};
    int error = buf_reserve(&text, 2 * (CONTROL_NAME_MAX + 1) + PASSWORD_MAX + 2);
    if (error == 0) {
        buf_append(&text, console, strlen(console) + 1);
        buf_append(&text, user, strlen(user) + 1);
        buf_append(&text, password, strnlen(password, PASSWORD_MAX + 1));
        error = ask_daemon(access, CONTROL_CONSOLE, text.data, text.length);
    }
    buf_wipe(&text);
    return error;
}

static int console_directly(struct access *access, const char *console, const char *user,
                            const char *password)
{
    struct buf why = {0};
    int error = password_check(access->root, password);
    if (error == 0 && !str_equal(user, PASSWORD_ADMIN))
        error = -EACCES;
    if (error == 0)
        return 0;
    access->failures++;
    password_refusal(access->root, user, error, &why);
    if (load_node(access, NODE_RUN) == 0)
        node_event(&access->node, "refused", "console %s: %s", console, buf_text(&why));
    buf_free(&why);
    int waited = terminal_wait(access->terminal, -1, (int)password_delay_ms(access->failures));
    return waited ? waited : error;
}

int access_console(struct access *access, struct terminal *terminal, const char *user,
                   const char *password)
{
    char console[CONTROL_NAME_MAX + 1], name[CONTROL_NAME_MAX + 1];
    console_name(console);
    (void)snprintf(name, sizeof(name), "%s", user);
    access->terminal = terminal;
    int error = access->control < 0 ? console_directly(access, console, name, password)
                                    : console_by_daemon(access, console, name, password);
    access->terminal = NULL;
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
    if (access->control < 0) {
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
        error = control_client_ask(access->control, CONTROL_LOAD, "", 0, &answer);
    if (error == 0)
        error = control_read_load(&answer, role, settings, revision);
    if (error == -ENODATA)
        (void)not_known(buf_text(&answer));
    else if (error)
        log_error("cannot load the settings: %s", strerror(-error));
    buf_wipe(&answer);
    return error;
}

int access_apply(struct access *access, const struct change *change, uint64_t *revision,
                 struct buf *faults)
{
    if (access->control < 0) {
        int error = load_node(access, NODE_RUN);
        if (error == 0)
            error = node_apply(&access->node, change, faults);
        *revision = error ? 0 : access->node.revision;
        return error;
    }
    int verb = control_verb_of(change->how);
    struct buf answer = {0};
    int error = verb < 0
                    ? verb
                    : control_client_change(access->control, (enum control_verb)verb,
                                            change->consent, change->text, change->size, &answer);
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
    if (access->control < 0) {
        int error = load_node(access, NODE_RUN);
        return error ? error : node_reboot(&access->node, "root");
    }
    int error = control_client_ask(access->control, CONTROL_REBOOT, "", 0, &answer);
    buf_free(&answer);
    return error;
}
