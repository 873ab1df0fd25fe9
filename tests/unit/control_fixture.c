/* A control socket below a root of its own, and clients of several users. */
#include "control_fixture.h"

#include "base/file.h"
#include "process/helper.h"

#include <crypt.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

/* In place of the library's: valgrind shares the process, with descriptors and memory of its own,
 * which no limit of ours may take away. */
int setrlimit(__rlimit_resource_t resource, const struct rlimit *wanted)
{
    bool shared = resource == RLIMIT_NOFILE || resource == RLIMIT_DATA || resource == RLIMIT_AS;
    if (shared && getenv("UNIT_WRAPPER"))
        return 0;
    return (int)syscall(SYS_prlimit64, 0, resource, wanted, NULL);
}

/* A program under valgrind cannot be executed anew: the helper begins in the process that was
 * forked. valgrind and the sanitizers make calls of their own, which the filter would not let pass:
 * tests/tls/filter.t tries that. */
int helper_execute(int binary, const struct helper *row)
{
    char program[] = "test", name[32];
    char *const words[] = {program, name, NULL};
    (void)binary;
    (void)snprintf(name, sizeof(name), "%s", row->name);
    _exit(helper_main(2, words));
}

int sandbox_filter_install(enum filter_process process, bool kill)
{
    (void)process;
    (void)kill;
    return 0;
}

enum { TURN_MS = 2, PATIENCE_MS = 60000, TURNS_MAX = 1000 };

struct control_fixture control_fixture;

/* --- the daemon's side --- */

static void note_change(const char *how, const struct request *request, struct buf *answer)
{
    assert_int_equal(strlen(request->data), request->size);
    caller_text(request->caller, control_fixture.who);
    (void)snprintf(control_fixture.how, sizeof(control_fixture.how), "%s", how);
    (void)snprintf(control_fixture.text, sizeof(control_fixture.text), "%s", request->data);
    control_fixture.consent = request->consent;
    control_fixture.applied++;
    buf_puts(answer, "7");
}

static void note_events(const struct request *request, struct buf *answer)
{
    assert_memory_equal(request->data, "from here: 16 b.", request->size);
    buf_puts(answer, "events");
    control_fixture.read++;
}

static int on_run(void *context, const struct verb *verb, const struct request *request,
                  struct buf *answer)
{
    static const char *const how[CONTROL_VERB_END] = {[CONTROL_APPLY_WIZARD] = "wizard",
                                                      [CONTROL_APPLY_SET] = "set",
                                                      [CONTROL_APPLY_IMPORT] = "import"};
    (void)context;
    for (int i = 1; i < CONTROL_VERB_END; i++)
        if (how[i] && verb == verb_row((enum control_verb)i))
            note_change(how[i], request, answer);
    if (verb == verb_row(CONTROL_EVENTS))
        note_events(request, answer);
    if (verb == verb_row(CONTROL_LOAD)) {
        control_fixture.loaded++;
        buf_puts(answer, "loaded");
    }
    return verb == verb_row(CONTROL_REBOOT) ? -ENOTSUP : 0;
}

static void on_refused(void *context, const char *who, const char *why)
{
    (void)context;
    assert_null(strstr(why, "horse"));
    (void)snprintf(control_fixture.who, sizeof(control_fixture.who), "%s", who);
    (void)snprintf(control_fixture.why, sizeof(control_fixture.why), "%s", why);
    control_fixture.refused++;
}

static uint64_t fake_now_ms(void)
{
    return control_fixture.now_ms;
}

/* --- the loop --- */

static struct loop loop;
static int asked_ms; /* how long the last turn would have slept */
static bool any_is_ready;

/* It alone is waited for at a pipe. */
static bool checks_a_password(const struct pollfd *fds, nfds_t count)
{
    struct stat status;
    bool checks = false;
    for (nfds_t i = 0; i < count; i++)
        checks |= fstat(fds[i].fd, &status) == 0 && S_ISFIFO(status.st_mode);
    return checks;
}

static int wait_shortly(struct pollfd *fds, nfds_t count, int timeout_ms)
{
    int wait_ms = !control_fixture.hurried && checks_a_password(fds, count) ? PATIENCE_MS : TURN_MS;
    int ready = poll(fds, count, timeout_ms == 0 ? 0 : wait_ms);
    assert_true(ready >= 0);
    asked_ms = timeout_ms;
    any_is_ready = ready > 0;
    return ready;
}

void control_fixture_write(const char *name, const char *text)
{
    char path[128];
    (void)snprintf(path, sizeof(path), "%s/etc/%s", control_fixture.root, name);
    assert_int_equal(file_replace(path, text, strlen(text), 0600), 0);
}

int control_fixture_open(void **state)
{
    static const struct control_actions actions = {
        .run = on_run, .refused = on_refused, .now_ms = fake_now_ms};
    char line[256], folder[128];
    (void)state;
    memset(&control_fixture, 0, sizeof(control_fixture));
    control_fixture.now_ms = 1000000;
    (void)snprintf(control_fixture.root, sizeof(control_fixture.root), "/tmp/holdfast-ctl-XXXXXX");
    if (!mkdtemp(control_fixture.root))
        return -1;
    (void)snprintf(folder, sizeof(folder), "%s/etc", control_fixture.root);
    (void)mkdir(folder, 0755);
    (void)chmod(control_fixture.root, 0755);
    const char *hash = crypt(FIXTURE_PASSWORD, "$5$salt$");
    (void)snprintf(line, sizeof(line), "root:!*:0::\nadmin:%s:0::::::\n", hash ? hash : "!");
    control_fixture_write("shadow", line);
    control_fixture_write("passwd", "admin:x:1000:1000::/:/bin/sh\n");
    loop_init(&loop);
    loop.now_ms = fake_now_ms;
    loop.wait = wait_shortly;
    return control_open(&control_fixture.control, &loop, control_fixture.root, &actions);
}

int control_fixture_close(void **state)
{
    char command[96];
    (void)state;
    control_close(control_fixture.control);
    (void)snprintf(command, sizeof(command), "rm -rf %s", control_fixture.root);
    return system(command);
}

int control_fixture_turn(void)
{
    assert_int_equal(loop_turn(&loop), 0);
    return any_is_ready ? 0 : asked_ms;
}

void control_fixture_pass(uint64_t ms)
{
    control_fixture.now_ms += ms;
    control_fixture_turn();
}

/* --- a client's side --- */

int control_fixture_connect_client(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    (void)snprintf(address.sun_path, sizeof(address.sun_path), "%s%s", control_fixture.root,
                   CONTROL_PATH);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    control_fixture_turn();
    return fd;
}

void control_fixture_send_head(int fd, struct control_head head)
{
    assert_int_equal(file_write_all(fd, &head, sizeof(head)), 0);
}

void control_fixture_request(int fd, enum control_verb verb, const char *text)
{
    control_fixture_send_head(fd, (struct control_head){.magic = CONTROL_MAGIC,
                                                        .verb = (uint16_t)verb,
                                                        .size = (uint32_t)strlen(text)});
    assert_int_equal(file_write_all(fd, text, strlen(text)), 0);
}

int control_fixture_answer(int fd)
{
    struct control_head head = {0};
    size_t have = 0;
    for (int turns = 0; have < sizeof(head) && turns < TURNS_MAX; turns++) {
        int sleep_ms = control_fixture_turn();
        ssize_t got = recv(fd, (char *)&head + have, sizeof(head) - have, MSG_DONTWAIT);
        if (got == 0 || (got < 0 && errno == ECONNRESET))
            return -EPIPE;
        if (got < 0 && sleep_ms != 0)
            return -EAGAIN;
        have += got > 0 ? (size_t)got : 0;
    }
    assert_int_equal(have, sizeof(head));
    assert_int_equal(head.magic, CONTROL_MAGIC);
    assert_true(head.size < sizeof(control_fixture.answer));
    memset(control_fixture.answer, 0, sizeof(control_fixture.answer));
    while (head.size && recv(fd, control_fixture.answer, head.size, MSG_DONTWAIT) < 0)
        control_fixture_turn();
    return head.status;
}

int control_fixture_answer_after(int fd, uint64_t ms)
{
    assert_int_equal(control_fixture_answer(fd), -EAGAIN);
    control_fixture_pass(ms - 1);
    assert_int_equal(control_fixture_answer(fd), -EAGAIN);
    control_fixture_pass(1);
    return control_fixture_answer(fd);
}

bool control_fixture_is_closed(int fd)
{
    char byte;
    control_fixture_turn();
    ssize_t got = recv(fd, &byte, 1, MSG_DONTWAIT | MSG_PEEK);
    return got == 0 || (got < 0 && errno == ECONNRESET);
}

/* The kernel notes the user at connect(2). */
int control_fixture_connect_as(uid_t uid)
{
    assert_int_equal(setegid(FIXTURE_ADMIN), 0);
    assert_int_equal(seteuid(uid), 0);
    int fd = control_fixture_connect_client();
    assert_int_equal(seteuid(0), 0);
    assert_int_equal(setegid(0), 0);
    return fd;
}

bool control_fixture_is_root(void)
{
    if (geteuid() != 0)
        print_message("needs root to be other users\n");
    return geteuid() == 0;
}
