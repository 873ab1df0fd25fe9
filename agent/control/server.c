/*
 * The control socket's socket and its clients. Each client is a small state machine: a head is
 * read, checked, then its payload, then it is answered, perhaps after a while. Nothing here waits.
 */
#include "control/server.h"

#include "base/file.h"
#include "base/log.h"
#include "base/str.h"
#include "base/unix_socket.h"
#include "control/password.h"
#include "control/password_helper.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    MESSAGE_MS = 10000, /* from a message's first byte to its last, either way */
    IDLE_MS = 1800000,  /* between messages: the wizard's questions take their time */
    PAUSE_MS = 1000,    /* where a client cannot be taken in, or no password checked */
    MINUTE_MS = 60000,
    TRIES = PASSWORD_TRIES
};

struct client {
    int fd; /* -1: the place is free */
    uid_t uid;
    bool logged_in;
    unsigned failures; /* of this client; the guess below counts all */
    struct control_head head;
    size_t have;   /* bytes of head and payload that have come */
    char *payload; /* of head.size bytes and a NUL, once the head is sound */
    bool whole;    /* the request is here and waits for its due time */
    bool held;     /* it waits until a check of its user's password ends, its own or another */
    struct buf answer;
    size_t sent;
    uint64_t due_ms;      /* not before: the answer, or the check of a password */
    uint64_t deadline_ms; /* then the client is closed */
};

/* Guesses of one user, over all of its connections: one at a time. */
struct guesses {
    unsigned failures;
    uint64_t next_ms;                /* no password is looked at before */
    struct password_helper helper;   /* looks at one now */
    struct client *client;           /* whose it is, NULL: it has left, and the guess counts */
    char who[2 * CONTROL_NAME_MAX];  /* of the guess that is checked, for the log */
    char user[CONTROL_NAME_MAX + 1]; /* "": the admin, who is not named */
};

/* What strangers can cause without waiting must not fill the disk with events. */
struct refusals {
    unsigned told;
    uint64_t since_ms;
};

struct control {
    int listener;
    uint64_t paused_until_ms; /* the listener, 0: it is not */
    char path[PATH_MAX];
    const char *root;
    uid_t admin;
    bool has_admin;
    struct control_actions actions;
    struct guesses guesses[CONTROL_CHECKS_MAX]; /* of root, of admin, of the consoles */
    struct refusals refusals;
    struct client clients[CONTROL_CLIENTS_MAX];
    struct client *polled[CONTROL_FDS_MAX];
};

static uint64_t now_ms(const struct control *control)
{
    return control->actions.now_ms();
}

/* --- clients --- */

static const char *who_is(const struct client *client)
{
    return client->uid == 0 ? "root" : PASSWORD_ADMIN;
}

static struct guesses *guesses_of(struct control *control, const struct client *client)
{
    bool console = client->head.verb == CONTROL_CONSOLE;
    return &control->guesses[console ? CONTROL_CHECKS_MAX - 1 : client->uid != 0];
}

static void forget_request(struct client *client)
{
    if (client->payload)
        explicit_bzero(client->payload, client->head.size);
    free(client->payload);
    client->payload = NULL;
    client->have = 0;
    client->whole = client->held = false;
}

static void client_close(struct control *control, struct client *client)
{
    if (client->fd < 0)
        return;
    struct guesses *guesses = guesses_of(control, client);
    if (guesses->client == client)
        guesses->client = NULL;
    close(client->fd);
    forget_request(client);
    buf_wipe(&client->answer);
    *client = (struct client){.fd = -1};
}

static void refused(struct control *control, const char *who, const char *why)
{
    struct refusals *refusals = &control->refusals;
    if (now_ms(control) - refusals->since_ms >= MINUTE_MS)
        *refusals = (struct refusals){.since_ms = now_ms(control)};
    if (refusals->told++ < CONTROL_REFUSALS_MAX)
        control->actions.refused(control->actions.context, who, why);
}

static void refuse(struct control *control, struct client *client, const char *why)
{
    refused(control, who_is(client), why);
    client_close(control, client);
}

/* Where a client of this user goes, NULL when there are too many. */
static struct client *free_place(struct control *control, uid_t uid)
{
    struct client *place = NULL;
    size_t others = 0;
    for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++) {
        if (control->clients[i].fd < 0)
            place = &control->clients[i];
        else
            others += control->clients[i].uid != 0;
    }
    return uid != 0 && others >= CONTROL_ADMIN_CLIENTS_MAX ? NULL : place;
}

/* A connection that cannot be taken in, for want of a descriptor say, stays ready: without a pause
 * the loop would spin on it. */
static void accept_client(struct control *control)
{
    uid_t uid = 0;
    int fd = unix_socket_accept(control->listener, &uid);
    if (fd < 0 && fd != -EAGAIN)
        control->paused_until_ms = now_ms(control) + PAUSE_MS;
    if (fd < 0)
        return;
    bool known = uid == 0 || (control->has_admin && uid == control->admin);
    struct client *client = known ? free_place(control, uid) : NULL;
    if (!known)
        refused(control, "another user", "may not use the door");
    if (!client) {
        close(fd); /* without a word */
        return;
    }
    *client = (struct client){.fd = fd, .uid = uid, .deadline_ms = now_ms(control) + IDLE_MS};
}

/* --- answers --- */

static void answer(struct control *control, struct client *client, int status,
                   const struct buf *payload)
{
    struct control_head head = {.magic = CONTROL_MAGIC,
                                .verb = client->head.verb,
                                .status = status,
                                .size = (uint32_t)payload->length};
    if (payload->length > CONTROL_ANSWER_MAX || buf_error(payload)) {
        head.status = -EMSGSIZE;
        head.size = 0;
    }
    forget_request(client);
    (void)buf_reserve(&client->answer, sizeof(head) + head.size);
    buf_append(&client->answer, &head, sizeof(head));
    if (head.size)
        buf_append(&client->answer, payload->data, payload->length);
    client->sent = 0;
    client->deadline_ms = (client->due_ms ? client->due_ms : now_ms(control)) + MESSAGE_MS;
}

/* -EPERM says that another try is of no use. */
static void wrong_password(struct control *control, struct guesses *guesses, int error)
{
    struct client *client = guesses->client;
    struct buf none = {0}, why = {0};
    guesses->failures++;
    guesses->next_ms = now_ms(control) + password_delay_ms(guesses->failures);
    if (guesses->user[0])
        password_refusal(control->root, guesses->user, error, &why);
    else if (error == -EACCES)
        buf_puts(&why, "wrong password");
    else
        buf_printf(&why, "the password cannot be checked: %s", strerror(-error));
    control->actions.refused(control->actions.context, guesses->who, buf_text(&why));
    buf_free(&why);
    if (!client)
        return;
    client->failures++;
    client->due_ms = guesses->next_ms;
    answer(control, client, error == -EACCES && client->failures < TRIES ? -EACCES : -EPERM, &none);
}

static void right_password(struct control *control, struct guesses *guesses)
{
    struct buf none = {0};
    guesses->failures = 0;
    guesses->next_ms = 0;
    if (!guesses->client)
        return;
    guesses->client->logged_in |= guesses->client->head.verb == CONTROL_LOGIN;
    guesses->client->failures = 0;
    answer(control, guesses->client, 0, &none);
}

/* No password would do, so none was wrong: no try is counted, and the reason is no secret. A
 * failure of the system's is logged each time, so that the next try has to wait. */
static void cannot_check(struct control *control, struct guesses *guesses, int error)
{
    struct buf why = {0};
    if (error == -ENOTSUP) {
        password_unsupported(control->root, &why);
    } else {
        buf_puts(&why, PASSWORD_NOT_CHECKED);
        guesses->next_ms = now_ms(control) + PAUSE_MS;
    }
    refused(control, guesses->who, buf_text(&why));
    if (guesses->client)
        answer(control, guesses->client, error, &why);
    buf_free(&why);
}

static void password_checked(struct control *control, struct guesses *guesses, int error)
{
    if (error == -ENOTSUP || error == -EIO)
        cannot_check(control, guesses, error);
    else if (error)
        wrong_password(control, guesses, error);
    else
        right_password(control, guesses);
    guesses->client = NULL;
}

/* Until then the client is neither read nor written, and no time limit of its own ends it. */
static void hold(struct control *control, struct client *client)
{
    client->held = true;
    client->deadline_ms = now_ms(control) + IDLE_MS;
}

/* The password in the request, and for the log whose it is. NULL: the request is none. */
static const char *read_login(const struct client *client, struct guesses *guesses)
{
    const char *terminal = client->payload, *end = terminal + client->head.size;
    guesses->user[0] = '\0';
    (void)snprintf(guesses->who, sizeof(guesses->who), "%s", who_is(client));
    if (client->head.verb == CONTROL_LOGIN)
        return client->payload;
    const char *user = terminal + strlen(terminal) + 1;
    if (client->uid != 0 || user > end)
        return NULL;
    const char *password = user + strlen(user) + 1;
    if (password > end || user[0] == '\0' || strlen(terminal) > CONTROL_NAME_MAX ||
        str_copy(guesses->user, sizeof(guesses->user), user) < 0)
        return NULL;
    (void)snprintf(guesses->who, sizeof(guesses->who), "console %s", terminal);
    str_clean(guesses->who, "");
    return password;
}

static void begin_check(struct control *control, struct client *client, struct guesses *guesses)
{
    const char *password = read_login(client, guesses);
    if (!password) {
        refuse(control, client, "sent a malformed message");
        return;
    }
    const char *user = guesses->user[0] ? guesses->user : PASSWORD_ADMIN;
    guesses->client = client;
    int error = password_helper_start(&guesses->helper, control->root, user, password);
    if (error) {
        password_checked(control, guesses, error);
        return;
    }
    explicit_bzero(client->payload, client->head.size);
    hold(control, client);
}

static void log_in(struct control *control, struct client *client)
{
    struct guesses *guesses = guesses_of(control, client);
    if (guesses->helper.pid) {
        hold(control, client);
    } else if (now_ms(control) < guesses->next_ms) { /* looked at again then */
        client->due_ms = guesses->next_ms;
        client->deadline_ms = client->due_ms + MESSAGE_MS;
    } else {
        begin_check(control, client, guesses);
    }
}

/* Those who waited for it are looked at in this turn. */
static void end_check(struct control *control, struct guesses *guesses)
{
    password_checked(control, guesses, password_helper_finish(&guesses->helper));
    for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++) {
        struct client *client = &control->clients[i];
        if (client->fd < 0 || !client->held || guesses_of(control, client) != guesses)
            continue;
        client->held = false;
        client->due_ms = now_ms(control);
    }
}

/* --- requests --- */

static int act(struct control *control, struct client *client, struct buf *payload)
{
    static const char *const how[CONTROL_VERB_END] = {[CONTROL_APPLY_WIZARD] = "wizard",
                                                      [CONTROL_APPLY_SET] = "set",
                                                      [CONTROL_APPLY_IMPORT] = "import"};
    const struct control_actions *actions = &control->actions;
    enum control_verb verb = (enum control_verb)client->head.verb;
    const struct change change = {.who = who_is(client),
                                  .how = how[verb],
                                  .name = how[verb],
                                  .text = client->payload,
                                  .size = client->head.size,
                                  .consent = client->head.consent};
    if (change.how)
        return actions->apply(actions->context, &change, payload);
    if (verb == CONTROL_LOAD)
        return actions->load(actions->context, payload);
    if (verb == CONTROL_EVENTS)
        return actions->events(actions->context, client->payload, client->head.size, payload);
    return actions->reboot(actions->context, who_is(client));
}

/* Root may do without the password, but not in the wizard (guide, bootstrap, step 7). */
static bool may(const struct client *client)
{
    return client->logged_in || control_is_reading((enum control_verb)client->head.verb) ||
           (client->uid == 0 && client->head.verb != CONTROL_APPLY_WIZARD);
}

static void do_request(struct control *control, struct client *client)
{
    struct buf payload = {0};
    client->due_ms = 0;
    if (client->head.verb == CONTROL_LOGIN || client->head.verb == CONTROL_CONSOLE) {
        log_in(control, client);
        return;
    }
    int status = may(client) ? act(control, client, &payload) : -EACCES;
    answer(control, client, status, &payload);
    buf_wipe(&payload);
}

/* Where the next bytes go, and how many are wanted. */
static size_t wanted(struct client *client, char **to)
{
    size_t head_size = sizeof(client->head);
    if (client->have < head_size) {
        *to = (char *)&client->head + client->have;
        return head_size - client->have;
    }
    *to = client->payload + (client->have - head_size);
    return head_size + client->head.size - client->have;
}

static int begin_payload(struct client *client)
{
    int error = control_check_request(&client->head);
    if (error)
        return error;
    client->payload = calloc(1, (size_t)client->head.size + 1);
    return client->payload ? 0 : -ENOMEM;
}

static void read_client(struct control *control, struct client *client)
{
    char *to;
    size_t size = wanted(client, &to);
    ssize_t got = size ? read(client->fd, to, size) : 0;
    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (size && got <= 0) {
        client_close(control, client);
        return;
    }
    if (client->have == 0)
        client->deadline_ms = now_ms(control) + MESSAGE_MS;
    client->have += (size_t)got;
    if (client->have == sizeof(client->head) && begin_payload(client) < 0) {
        refuse(control, client, "sent a malformed message");
        return;
    }
    client->whole = client->have == sizeof(client->head) + client->head.size;
    if (client->whole)
        do_request(control, client);
}

static void write_client(struct control *control, struct client *client)
{
    size_t left = client->answer.length - client->sent;
    ssize_t put = send(client->fd, client->answer.data + client->sent, left, MSG_NOSIGNAL);
    if (put < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (put < 0) {
        client_close(control, client);
        return;
    }
    client->sent += (size_t)put;
    if (client->sent < client->answer.length)
        return;
    buf_wipe(&client->answer);
    client->due_ms = 0;
    client->deadline_ms = now_ms(control) + IDLE_MS;
    if (client->failures >= TRIES)
        client_close(control, client);
}

/* --- the daemon's loop --- */

static void lower(const struct control *control, int *timeout_ms, uint64_t due_ms)
{
    uint64_t now = now_ms(control);
    int left = due_ms > now ? (int)(due_ms - now) : 0;
    if (*timeout_ms < 0 || left < *timeout_ms)
        *timeout_ms = left;
}

/* What fell due is no reason to wake up any more: the client is written to when it can be. */
static void clear_due(struct control *control, struct client *client)
{
    if (client->due_ms && !client->whole && now_ms(control) >= client->due_ms)
        client->due_ms = 0;
}

static short events_of(const struct client *client)
{
    if (client->due_ms || client->held)
        return 0; /* the answer is held back; a hang-up is told all the same */
    return client->answer.length ? POLLOUT : POLLIN;
}

size_t control_fds(struct control *control, struct pollfd fds[CONTROL_FDS_MAX], int *timeout_ms)
{
    size_t count = 0;
    if (now_ms(control) >= control->paused_until_ms)
        control->paused_until_ms = 0;
    else
        lower(control, timeout_ms, control->paused_until_ms);
    control->polled[count] = NULL;
    fds[count++] =
        (struct pollfd){.fd = control->paused_until_ms ? -1 : control->listener, .events = POLLIN};
    for (size_t i = 0; i < CONTROL_CHECKS_MAX; i++) {
        control->polled[count] = NULL;
        fds[count++] = (struct pollfd){.fd = control->guesses[i].helper.fd, .events = POLLIN};
    }
    for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++) {
        struct client *client = &control->clients[i];
        if (client->fd < 0)
            continue;
        clear_due(control, client);
        control->polled[count] = client;
        fds[count++] = (struct pollfd){.fd = client->fd, .events = events_of(client)};
        lower(control, timeout_ms, client->deadline_ms);
        if (client->due_ms)
            lower(control, timeout_ms, client->due_ms);
    }
    return count;
}

static void serve_client(struct control *control, struct client *client, short revents)
{
    uint64_t now = now_ms(control);
    if (client->fd >= 0 && (revents & POLLIN) && !client->whole)
        read_client(control, client);
    if (client->fd >= 0 && client->whole && client->due_ms && now >= client->due_ms)
        do_request(control, client);
    if (client->fd >= 0 && client->answer.length && now >= client->due_ms)
        write_client(control, client);
    bool gone = (revents & (POLLERR | POLLNVAL | POLLHUP)) && !(revents & POLLIN);
    if (client->fd >= 0 && (gone || now >= client->deadline_ms))
        client_close(control, client);
}

void control_serve(struct control *control, const struct pollfd *fds, size_t count)
{
    for (size_t i = 0; count && i < CONTROL_CHECKS_MAX; i++)
        if (fds[1 + i].revents)
            end_check(control, &control->guesses[i]);
    for (size_t i = 1 + CONTROL_CHECKS_MAX; i < count; i++)
        serve_client(control, control->polled[i], fds[i].revents);
    if (count && fds[0].revents)
        accept_client(control);
}

/* --- open and close --- */

static int make_socket(struct control *control)
{
    char folder[PATH_MAX];
    gid_t group = 0;
    int error = password_admin(control->root, &control->admin, &group);
    control->has_admin = error == 0;
    if (error && error != -ENOENT)
        log_warning("the door is open to root alone: %s in %s/etc/passwd: %s", PASSWORD_ADMIN,
                    control->root, strerror(-error));
    error = file_target(folder, sizeof(folder), control->root, "/run/holdfast");
    if (error == 0)
        error = file_make_folders(folder, 0755);
    if (error == 0)
        error = file_path(control->path, sizeof(control->path), control->root, CONTROL_PATH);
    if (error)
        return error;
    control->listener =
        unix_socket_listen(control->path, control->has_admin ? group : 0, CONTROL_CLIENTS_MAX);
    return control->listener < 0 ? control->listener : 0;
}

int control_open(struct control **opened, const char *root, const struct control_actions *actions)
{
    struct control *control = calloc(1, sizeof(*control));
    *opened = NULL;
    if (!control)
        return -ENOMEM;
    control->listener = -1;
    control->root = root;
    control->actions = *actions;
    for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++)
        control->clients[i].fd = -1;
    for (size_t i = 0; i < CONTROL_CHECKS_MAX; i++)
        password_helper_init(&control->guesses[i].helper);
    int error = make_socket(control);
    if (error) {
        log_error("cannot open the door %s%s: %s", root, CONTROL_PATH, strerror(-error));
        control_close(control);
        return error;
    }
    *opened = control;
    return 0;
}

void control_close(struct control *control)
{
    if (!control)
        return;
    for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++)
        client_close(control, &control->clients[i]);
    for (size_t i = 0; i < CONTROL_CHECKS_MAX; i++)
        password_helper_close(&control->guesses[i].helper);
    if (control->listener >= 0) {
        close(control->listener);
        (void)unlink(control->path);
    }
    free(control);
}
