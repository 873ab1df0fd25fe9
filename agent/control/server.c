/* The control socket's listener, its clients, and the requests that they make. */
#include "control/server.h"

#include "base/file.h"
#include "base/log.h"
#include "base/unix_socket.h"
#include "control/guesses.h"
#include "control/password.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PAUSE_MS = 1000 /* where a connection cannot be accepted */ };

/* Whose passwords are checked beside each other. */
enum { GUESSES_ROOT, GUESSES_ADMIN, GUESSES_CONSOLE };

/* The checks come first, so that who waits for one is answered in the same turn; then the sessions,
 * then the listener. */
enum {
    SOURCES_SESSIONS = CONTROL_CHECKS_MAX,
    SOURCE_LISTENER = SOURCES_SESSIONS + CONTROL_CLIENTS_MAX,
    CONTROL_SOURCES
};

struct control_source {
    struct control *control;
    struct loop_source source;
};

struct control {
    int listener;
    uint64_t paused_until_ms; /* the listener, 0: it is not */
    char path[PATH_MAX];
    struct caller_users users;
    struct control_actions actions;
    struct guesses guesses[CONTROL_CHECKS_MAX];
    struct refusals refusals;
    struct session sessions[CONTROL_CLIENTS_MAX];
    struct loop *loop;
    struct control_source sources[CONTROL_SOURCES];
};

static uint64_t now_ms(const struct control *control)
{
    return control->actions.now_ms();
}

/* --- clients --- */

static struct guesses *guesses_of(struct control *control, const struct session *session)
{
    bool console = session->head.verb == CONTROL_CONSOLE;
    bool root = session->caller.kind == CALLER_ROOT;
    return &control->guesses[console ? GUESSES_CONSOLE : root ? GUESSES_ROOT : GUESSES_ADMIN];
}

static void close_session(struct control *control, struct session *session)
{
    if (session->fd < 0)
        return;
    for (size_t i = 0; i < CONTROL_CHECKS_MAX; i++)
        guesses_forget(&control->guesses[i], session);
    session_close(session);
}

static void refuse(struct control *control, struct session *session, const char *why)
{
    char who[CALLER_TEXT_SIZE];
    caller_text(&session->caller, who);
    refusals_report(&control->refusals, now_ms(control), who, why);
    close_session(control, session);
}

/* A free session for this user, NULL when there are too many. */
static struct session *find_session(struct control *control, uid_t uid)
{
    struct session *found = NULL;
    size_t same = 0;
    for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++) {
        if (control->sessions[i].fd < 0)
            found = &control->sessions[i];
        else
            same += control->sessions[i].caller.uid == uid;
    }
    return uid != 0 && same >= CONTROL_USER_CLIENTS_MAX ? NULL : found;
}

/* A connection that cannot be accepted, for want of a descriptor say, stays ready: without a pause
 * the loop would spin on it. */
static void accept_client(struct control *control)
{
    uid_t uid = 0;
    struct caller caller;
    int fd = unix_socket_accept(control->listener, &uid);
    if (fd < 0 && fd != -EAGAIN)
        control->paused_until_ms = now_ms(control) + PAUSE_MS;
    if (fd < 0)
        return;
    bool known = caller_find(&control->users, uid, &caller) == 0;
    struct session *session = known ? find_session(control, uid) : NULL;
    if (!known)
        refusals_report(&control->refusals, now_ms(control), "another user",
                        "may not use the control socket");
    if (session)
        session_begin(session, fd, &caller, now_ms(control));
    else
        close(fd); /* without an answer */
}

/* --- requests --- */

static int run_verb(struct control *control, struct session *session, const struct verb *verb,
                    struct buf *answer)
{
    const struct request request = {.caller = &session->caller,
                                    .data = session->payload,
                                    .size = session->head.size,
                                    .consent = session->head.consent};
    if (session->head.verb == CONTROL_ACT_FOR)
        return caller_act_for(&session->caller, session->payload, session->head.size);
    return control->actions.run(control->actions.context, verb, &request, answer);
}

static bool checks_password(const struct session *session)
{
    return session->head.verb == CONTROL_LOGIN || session->head.verb == CONTROL_CONSOLE;
}

static void do_request(struct control *control, struct session *session)
{
    const struct verb *verb = verb_row((enum control_verb)session->head.verb);
    struct buf payload = {0};
    session->due_ms = 0;
    int status = verb_permit(verb, &session->caller);
    if (status == 0 && checks_password(session)) {
        if (guesses_log_in(guesses_of(control, session), session, now_ms(control)) < 0)
            refuse(control, session, "sent a malformed message");
        return;
    }
    if (status == 0)
        status = run_verb(control, session, verb, &payload);
    session_answer(session, status, &payload, now_ms(control));
    buf_wipe(&payload);
}

/* Those who waited for it are looked at in this turn. */
static void end_check(struct control *control, struct guesses *guesses)
{
    guesses_finish(guesses, now_ms(control));
    for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++) {
        struct session *session = &control->sessions[i];
        if (session->fd < 0 || !session->is_held || guesses_of(control, session) != guesses)
            continue;
        session->is_held = false;
        session->due_ms = now_ms(control);
    }
}

static void read_session(struct control *control, struct session *session)
{
    switch (session_read(session, now_ms(control))) {
    case SESSION_WAITS:
        break;
    case SESSION_HAS_REQUEST:
        do_request(control, session);
        break;
    case SESSION_GONE:
        close_session(control, session);
        break;
    case SESSION_MALFORMED:
        refuse(control, session, "sent a malformed message");
        break;
    }
}

static void write_session(struct control *control, struct session *session)
{
    bool is_gone = session_write(session, now_ms(control)) == SESSION_GONE;
    if (is_gone || (session->answer.length == 0 && session->failures >= PASSWORD_TRIES))
        close_session(control, session);
}

/* --- the loop's sources --- */

/* Which source of its kind it is. */
static size_t index_of(const struct control_source *source, size_t first)
{
    return (size_t)(source - source->control->sources) - first;
}

static void look_at_check(const void *context, struct loop_wait *wait)
{
    const struct control_source *source = context;
    wait->fd = source->control->guesses[index_of(source, 0)].helper.fd;
}

static void run_check(void *context, short revents)
{
    const struct control_source *source = context;
    (void)revents;
    end_check(source->control, &source->control->guesses[index_of(source, 0)]);
}

static void look_at_session(const void *context, struct loop_wait *wait)
{
    const struct control_source *source = context;
    const struct session *session = &source->control->sessions[index_of(source, SOURCES_SESSIONS)];
    if (session->fd < 0)
        return;
    wait->fd = session->fd;
    wait->events = session_events(session);
    wait->due_ms = session->due_ms && session->due_ms < session->deadline_ms ? session->due_ms
                                                                             : session->deadline_ms;
}

static void serve_session(struct control *control, struct session *session, short revents)
{
    uint64_t now = now_ms(control);
    if (session->fd >= 0 && (revents & POLLIN) && !session->is_complete)
        read_session(control, session);
    if (session->fd >= 0 && session->is_complete && session->due_ms && now >= session->due_ms)
        do_request(control, session);
    if (session->fd >= 0 && session->answer.length && now >= session->due_ms)
        write_session(control, session);
    bool gone = (revents & (POLLERR | POLLNVAL | POLLHUP)) && !(revents & POLLIN);
    if (session->fd >= 0 && (gone || now >= session->deadline_ms))
        close_session(control, session);
}

/* What fell due is no reason to wake up any more: the client is written to when it can be. */
static void run_session(void *context, short revents)
{
    const struct control_source *source = context;
    struct control *control = source->control;
    struct session *session = &control->sessions[index_of(source, SOURCES_SESSIONS)];
    serve_session(control, session, revents);
    if (session->due_ms && !session->is_complete && now_ms(control) >= session->due_ms)
        session->due_ms = 0;
}

static void look_at_listener(const void *context, struct loop_wait *wait)
{
    const struct control *control = ((const struct control_source *)context)->control;
    wait->fd = control->paused_until_ms ? -1 : control->listener;
    wait->due_ms = control->paused_until_ms;
}

static void run_listener(void *context, short revents)
{
    struct control *control = ((const struct control_source *)context)->control;
    control->paused_until_ms = 0;
    if (revents)
        accept_client(control);
}

static int add_source(struct control *control, size_t index,
                      void (*look)(const void *context, struct loop_wait *wait),
                      void (*run)(void *context, short revents))
{
    struct control_source *source = &control->sources[index];
    *source = (struct control_source){.control = control,
                                      .source = {.look = look, .run = run, .context = source}};
    return loop_add(control->loop, &source->source);
}

static int add_sources(struct control *control)
{
    int error = 0;
    for (size_t i = 0; error == 0 && i < SOURCES_SESSIONS; i++)
        error = add_source(control, i, look_at_check, run_check);
    for (size_t i = SOURCES_SESSIONS; error == 0 && i < SOURCE_LISTENER; i++)
        error = add_source(control, i, look_at_session, run_session);
    return error ? error : add_source(control, SOURCE_LISTENER, look_at_listener, run_listener);
}

/* --- open and close --- */

/* The management application's user owns the socket: so it may connect, and the mode
 * admits no other user. */
static int give_to_management(const struct control *control)
{
    if (!control->users.has_management || geteuid() != 0)
        return 0;
    return lchown(control->path, control->users.management, (gid_t)-1) < 0 ? -errno : 0;
}

static int make_socket(struct control *control, const char *root)
{
    char folder[PATH_MAX];
    caller_users_read(&control->users, root);
    int error = file_target(folder, sizeof(folder), root, "/run/holdfast");
    if (error == 0)
        error = file_make_folders(folder, 0755);
    if (error == 0)
        error = file_path(control->path, sizeof(control->path), root, CONTROL_PATH);
    if (error)
        return error;
    gid_t group = control->users.has_admin ? control->users.admin_group : 0;
    control->listener = unix_socket_listen(control->path, group, CONTROL_CLIENTS_MAX);
    return control->listener < 0 ? control->listener : give_to_management(control);
}

int control_open(struct control **opened, struct loop *loop, const char *root,
                 const struct control_actions *actions)
{
    struct control *control = calloc(1, sizeof(*control));
    *opened = NULL;
    if (!control)
        return -ENOMEM;
    control->listener = -1;
    control->loop = loop;
    control->actions = *actions;
    control->refusals = (struct refusals){.report = actions->refused, .context = actions->context};
    for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++)
        session_init(&control->sessions[i]);
    for (size_t i = 0; i < CONTROL_CHECKS_MAX; i++)
        guesses_init(&control->guesses[i], root, &control->refusals);
    int error = make_socket(control, root);
    if (error == 0)
        error = add_sources(control);
    if (error) {
        log_error("cannot open the control socket %s%s: %s", root, CONTROL_PATH, strerror(-error));
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
    for (size_t i = 0; i < CONTROL_SOURCES; i++)
        loop_remove(control->loop, &control->sources[i].source);
    for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++)
        close_session(control, &control->sessions[i]);
    for (size_t i = 0; i < CONTROL_CHECKS_MAX; i++)
        guesses_close(&control->guesses[i]);
    if (control->listener >= 0) {
        close(control->listener);
        (void)unlink(control->path);
    }
    free(control);
}
