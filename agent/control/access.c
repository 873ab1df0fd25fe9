/* One call, two ways: over the control socket, or with the node loaded in this process. */
#include "control/access.h"

#include "base/log.h"
#include "base/str.h"
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
    int control;          /* -1: directly on the database */
    struct caller caller; /* without a daemon: root */
    struct node node;
    bool loaded;
    unsigned failures;
    access_wait *wait; /* NULL: poll(2) */
    void *wait_context;
};

static int wait_for(const struct access *access, int fd, int timeout_ms)
{
    if (access->wait)
        return access->wait(access->wait_context, fd, timeout_ms);
    if (fd < 0)
        (void)poll(NULL, 0, timeout_ms);
    return 0; /* a read waits by itself */
}

/* --- by the daemon --- */

/* The daemon holds back its answer to a wrong password: the wait may be interrupted. */
static int call_daemon(const struct access *access, enum control_verb verb,
                       const struct request *request, struct buf *answer)
{
    bool answered = false;
    int error = control_client_send(access->control, verb, request);
    if (error == 0)
        error = wait_for(access, access->control, -1);
    if (error == 0)
        error = control_client_receive(access->control, verb, answer, &answered);
    if (error && error != -EINTR && !answered)
        control_client_log_silence(error);
    return error;
}

/* --- directly --- */

/* Loads the node: to look, or as the database's one writer. */
static int load_node(struct access *access, enum node_purpose purpose)
{
    if (access->loaded && (access->node.purpose == purpose || purpose == NODE_LOOK))
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

static void record_refusal(struct access *access, const char *who, const struct buf *why)
{
    if (load_node(access, NODE_RUN) == 0)
        node_event(&access->node, "refused", "%s: %s", who, buf_text(why));
}

/* No password would do: an event, but no failed try. */
static int answer_unchecked(struct access *access, const char *who, int error, struct buf *answer)
{
    if (error == -ENOTSUP)
        password_unsupported(access->root, answer);
    else
        buf_puts(answer, PASSWORD_NOT_CHECKED);
    record_refusal(access, who, answer);
    return error;
}

/* `why` has the event's text. */
static int refuse_password(struct access *access, const char *who, int error, const struct buf *why)
{
    access->failures++;
    record_refusal(access, who, why);
    int waited = wait_for(access, -1, (int)password_delay_ms(access->failures));
    if (waited)
        return waited;
    return error == -EACCES && access->failures < PASSWORD_TRIES ? -EACCES : -EPERM;
}

static int log_in_directly(struct access *access, const struct request *request, struct buf *answer)
{
    struct buf why = {0};
    int error = password_check(access->root, request->data);
    access->caller.logged_in |= error == 0;
    if (error == 0)
        return 0;
    if (error == -ENOTSUP || error == -EIO)
        return answer_unchecked(access, "root", error, answer);
    if (error == -EACCES)
        buf_puts(&why, "wrong password");
    else
        buf_printf(&why, "the password cannot be checked: %s", strerror(-error));
    error = refuse_password(access, "root", error, &why);
    buf_free(&why);
    return error;
}

static int console_directly(struct access *access, const struct request *request,
                            struct buf *answer)
{
    const char *terminal = request->data, *user = terminal + strlen(terminal) + 1;
    const char *password = user + strlen(user) + 1;
    char who[2 * CONTROL_USER_MAX];
    struct buf why = {0};
    int error = password_check(access->root, password);
    if (error == 0 && !str_equal(user, PASSWORD_ADMIN))
        error = -EACCES;
    if (error == 0)
        return 0;
    (void)snprintf(who, sizeof(who), "console %s", terminal);
    if (error == -ENOTSUP || error == -EIO)
        return answer_unchecked(access, who, error, answer);
    password_refusal(access->root, user, error, &why);
    error = refuse_password(access, who, error, &why);
    buf_free(&why);
    return error;
}

static int call_directly(struct access *access, enum control_verb verb,
                         const struct request *request, struct buf *answer)
{
    const struct verb *row = verb_row(verb);
    struct request mine = *request;
    int error = verb_permit(row, &access->caller);
    if (error || verb == CONTROL_LOGIN)
        return error ? error : log_in_directly(access, request, answer);
    if (verb == CONTROL_CONSOLE)
        return console_directly(access, request, answer);
    error = load_node(access, row->writes ? NODE_RUN : NODE_LOOK);
    mine.caller = &access->caller;
    return error ? error : row->run(&access->node, &mine, answer);
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
    access->caller = caller_root();
    access->control = control_client_connect(root);
    int error = access->control < 0 ? access->control : 0;
    bool no_daemon = control_client_no_daemon(error);
    if (no_daemon && (geteuid() == 0 || root[0]))
        error = 0;
    if (error) {
        log_error("cannot reach the daemon at %s%s: %s", root, CONTROL_PATH,
                  no_daemon ? "no daemon runs, and only root may go without it" : strerror(-error));
        access_close(access);
        return no_daemon ? -EACCES : error;
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

void access_set_wait(struct access *access, access_wait *wait, void *context)
{
    access->wait = wait;
    access->wait_context = context;
}

int access_call(struct access *access, enum control_verb verb, const struct request *request,
                struct buf *answer)
{
    return access->control < 0 ? call_directly(access, verb, request, answer)
                               : call_daemon(access, verb, request, answer);
}
