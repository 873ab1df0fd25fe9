/* The door on a real socket, served in the test's own loop: what it takes, refuses and holds back.
 */
#include "serve/door.h"

#include "base/file.h"
#include "base/str.h"
#include "serve/password.h"

#include <crypt.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#define PASSWORD "correct horse"

enum { TURN_MS = 2, TURNS_MAX = 1000, ADMIN = 1000, STRANGER = 1234, FLOOD = 1000 };

static struct {
    char root[64];
    struct door *door;
    uint64_t now_ms; /* the door's time: nothing here waits for the machine's */
    unsigned loaded, applied, refused, read;
    char who[16], why[64], how[16], text[64];
} test;

/* --- the warden's side --- */

static int on_load(void *context, struct buf *answer)
{
    (void)context;
    test.loaded++;
    buf_puts(answer, "loaded");
    return 0;
}

static int on_apply(void *context, const char *who, const char *how, const char *text, size_t size,
                    struct buf *answer)
{
    (void)context;
    assert_int_equal(strlen(text), size);
    (void)snprintf(test.who, sizeof(test.who), "%s", who);
    (void)snprintf(test.how, sizeof(test.how), "%s", how);
    (void)snprintf(test.text, sizeof(test.text), "%s", text);
    test.applied++;
    buf_puts(answer, "7");
    return 0;
}

static int on_reboot(void *context, const char *who)
{
    (void)context;
    (void)who;
    return -ENOTSUP;
}

static int on_published(void *context, struct buf *answer)
{
    (void)context;
    buf_puts(answer, "published");
    test.read++;
    return 0;
}

static int on_events(void *context, const void *asked, size_t size, struct buf *answer)
{
    assert_memory_equal(asked, "from here: 16 b.", size);
    return on_published(context, answer);
}

static void on_refused(void *context, const char *who, const char *why)
{
    (void)context;
    assert_null(strstr(why, "horse"));
    (void)snprintf(test.who, sizeof(test.who), "%s", who);
    (void)snprintf(test.why, sizeof(test.why), "%s", why);
    test.refused++;
}

static uint64_t fake_now_ms(void)
{
    return test.now_ms;
}

static void write_file(const char *name, const char *text)
{
    char path[128];
    (void)snprintf(path, sizeof(path), "%s/etc/%s", test.root, name);
    assert_int_equal(file_replace(path, text, strlen(text), 0600), 0);
}

static int open_door(void **state)
{
    static const struct door_actions actions = {.load = on_load,
                                                .apply = on_apply,
                                                .reboot = on_reboot,
                                                .published = on_published,
                                                .events = on_events,
                                                .refused = on_refused,
                                                .now_ms = fake_now_ms};
    char line[256], folder[128];
    (void)state;
    memset(&test, 0, sizeof(test));
    test.now_ms = 1000000;
    (void)snprintf(test.root, sizeof(test.root), "/tmp/holdfast-door-XXXXXX");
    if (!mkdtemp(test.root))
        return -1;
    (void)snprintf(folder, sizeof(folder), "%s/etc", test.root);
    (void)mkdir(folder, 0755);
    (void)chmod(test.root, 0755);
    const char *hash = crypt(PASSWORD, "$5$salt$");
    (void)snprintf(line, sizeof(line), "root:!*:0::\nadmin:%s:0::::::\n", hash ? hash : "!");
    write_file("shadow", line);
    write_file("passwd", "admin:x:1000:1000::/:/bin/sh\n");
    return door_open(&test.door, test.root, &actions);
}

static int close_door(void **state)
{
    char command[96];
    (void)state;
    door_close(test.door);
    (void)snprintf(command, sizeof(command), "rm -rf %s", test.root);
    return system(command);
}

/* One turn of the loop; how long it would have slept, -1 for ever. */
static int turn(void)
{
    struct pollfd fds[DOOR_FDS_MAX];
    int timeout_ms = -1;
    size_t count = door_fds(test.door, fds, &timeout_ms);
    int ready = poll(fds, count, timeout_ms == 0 ? 0 : TURN_MS);
    assert_true(ready >= 0);
    door_serve(test.door, fds, count);
    return ready ? 0 : timeout_ms;
}

/* The door's time goes on while nothing else happens. */
static void pass(uint64_t ms)
{
    test.now_ms += ms;
    turn();
}

/* --- a client's side --- */

static int connect_client(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    (void)snprintf(address.sun_path, sizeof(address.sun_path), "%s%s", test.root, DOOR_PATH);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    turn();
    return fd;
}

static void send_head(int fd, struct door_head head)
{
    assert_int_equal(file_write_all(fd, &head, sizeof(head)), 0);
}

static void request(int fd, enum door_verb verb, const char *text)
{
    send_head(fd, (struct door_head){
                      .magic = DOOR_MAGIC, .verb = (uint16_t)verb, .size = (uint32_t)strlen(text)});
    assert_int_equal(file_write_all(fd, text, strlen(text)), 0);
}

/* The status of the next answer, its payload dropped; -EPIPE when the door closed instead, -EAGAIN
 * when it holds the answer back. Its time stands still. */
static int answer(int fd)
{
    struct door_head head = {0};
    char payload[256];
    size_t have = 0;
    for (int turns = 0; have < sizeof(head) && turns < TURNS_MAX; turns++) {
        int sleep_ms = turn();
        ssize_t got = recv(fd, (char *)&head + have, sizeof(head) - have, MSG_DONTWAIT);
        if (got == 0 || (got < 0 && errno == ECONNRESET))
            return -EPIPE;
        if (got < 0 && sleep_ms != 0)
            return -EAGAIN;
        have += got > 0 ? (size_t)got : 0;
    }
    assert_int_equal(have, sizeof(head));
    assert_int_equal(head.magic, DOOR_MAGIC);
    assert_true(head.size < sizeof(payload));
    while (head.size && recv(fd, payload, head.size, MSG_DONTWAIT) < 0)
        turn();
    return head.status;
}

/* Held back until `ms` have passed, and not a millisecond longer. */
static int answer_after(int fd, uint64_t ms)
{
    assert_int_equal(answer(fd), -EAGAIN);
    pass(ms - 1);
    assert_int_equal(answer(fd), -EAGAIN);
    pass(1);
    return answer(fd);
}

static bool is_closed(int fd)
{
    char byte;
    turn();
    ssize_t got = recv(fd, &byte, 1, MSG_DONTWAIT | MSG_PEEK);
    return got == 0 || (got < 0 && errno == ECONNRESET);
}

/* The kernel notes the user at connect(2). */
static int connect_as(uid_t uid)
{
    assert_int_equal(setegid(ADMIN), 0);
    assert_int_equal(seteuid(uid), 0);
    int fd = connect_client();
    assert_int_equal(seteuid(0), 0);
    assert_int_equal(setegid(0), 0);
    return fd;
}

static bool is_root(void)
{
    if (geteuid() != 0)
        print_message("needs root to be other users\n");
    return geteuid() == 0;
}

static void admin_reads_what_is_published_without_the_password(void **state)
{
    (void)state;
    if (!is_root())
        skip();
    int fd = connect_as(ADMIN);
    request(fd, DOOR_PUBLISHED, "");
    assert_int_equal(answer(fd), 0);
    request(fd, DOOR_EVENTS, "from here: 16 b.");
    assert_int_equal(answer(fd), 0);
    assert_int_equal(test.read, 2);
    request(fd, DOOR_LOAD, "");
    assert_int_equal(answer(fd), -EACCES);
    close(fd);
}

static void root_loads_and_applies_without_the_password(void **state)
{
    (void)state;
    int fd = connect_client();
    request(fd, DOOR_LOAD, "");
    assert_int_equal(answer(fd), 0);
    request(fd, DOOR_APPLY_SET, "a = b\n");
    assert_int_equal(answer(fd), 0);
    assert_string_equal(test.how, "set");
    assert_string_equal(test.text, "a = b\n");
    request(fd, DOOR_REBOOT, "");
    assert_int_equal(answer(fd), -ENOTSUP);
    close(fd);
}

static void the_wizard_needs_the_password_of_everybody(void **state)
{
    (void)state;
    int fd = connect_client();
    request(fd, DOOR_APPLY_WIZARD, "a = b\n");
    assert_int_equal(answer(fd), -EACCES);
    assert_int_equal(test.applied, 0);
    request(fd, DOOR_LOGIN, PASSWORD);
    assert_int_equal(answer(fd), 0);
    request(fd, DOOR_APPLY_WIZARD, "a = b\n");
    assert_int_equal(answer(fd), 0);
    assert_string_equal(test.how, "wizard");
    close(fd);
}

static void the_admin_logs_in_before_anything_else(void **state)
{
    static const enum door_verb verbs[] = {DOOR_LOAD, DOOR_APPLY_WIZARD, DOOR_APPLY_SET,
                                           DOOR_APPLY_IMPORT, DOOR_REBOOT};
    (void)state;
    if (!is_root())
        return;
    int fd = connect_as(ADMIN);
    for (size_t i = 0; i < countof(verbs); i++) {
        request(fd, verbs[i], "");
        assert_int_equal(answer(fd), -EACCES);
    }
    assert_int_equal(test.loaded + test.applied, 0);
    request(fd, DOOR_LOGIN, PASSWORD);
    assert_int_equal(answer(fd), 0);
    request(fd, DOOR_APPLY_IMPORT, "a = b\n");
    assert_int_equal(answer(fd), 0);
    assert_string_equal(test.who, "admin");
    assert_string_equal(test.how, "import");
    int other = connect_as(ADMIN);
    request(other, DOOR_LOAD, "");
    assert_int_equal(answer(other), -EACCES);
    close(other);
    close(fd);
}

static void another_user_is_closed_without_a_word(void **state)
{
    (void)state;
    if (!is_root())
        return;
    int fd = connect_as(STRANGER);
    assert_true(is_closed(fd));
    assert_int_equal(test.refused, 1);
    assert_string_equal(test.who, "another user");
    close(fd);
}

static void a_disabled_account_logs_in_with_no_password(void **state)
{
    (void)state;
    int fd = connect_client();
    write_file("shadow", "admin:!$5$salt$x:0::::::\n");
    request(fd, DOOR_LOGIN, PASSWORD);
    assert_int_equal(answer_after(fd, 1000), -EPERM);
    assert_string_equal(test.why, "the password cannot be checked: Operation not permitted");
    close(fd);
}

static void a_password_that_is_too_long_is_wrong(void **state)
{
    char password[PASSWORD_MAX + 3];
    (void)state;
    memset(password, 'x', sizeof(password));
    password[PASSWORD_MAX + 1] = '\0';
    int fd = connect_client();
    request(fd, DOOR_LOGIN, password);
    assert_int_equal(answer_after(fd, 1000), -EACCES);
    password[PASSWORD_MAX + 1] = 'x';
    password[PASSWORD_MAX + 2] = '\0';
    request(fd, DOOR_LOGIN, password);
    assert_int_equal(answer(fd), -EPIPE);
    close(fd);
}

static void wrong_passwords_are_answered_later_each_time_and_then_no_more(void **state)
{
    static const int wanted[] = {-EACCES, -EACCES, -EPERM};
    static const uint64_t after_ms[] = {1000, 2000, 4000};
    (void)state;
    int fd = connect_client();
    for (size_t i = 0; i < countof(wanted); i++) {
        request(fd, DOOR_LOGIN, "wrong");
        assert_int_equal(answer_after(fd, after_ms[i]), wanted[i]);
    }
    assert_int_equal(test.refused, 3);
    assert_string_equal(test.why, "wrong password");
    assert_true(is_closed(fd));
    close(fd);
}

static void a_new_connection_does_not_shorten_the_delay(void **state)
{
    (void)state;
    int first = connect_client();
    request(first, DOOR_LOGIN, "wrong");
    assert_int_equal(answer(first), -EAGAIN);
    close(first);
    turn();
    int second = connect_client();
    request(second, DOOR_LOGIN, "wrong");
    assert_int_equal(answer_after(second, 1000), -EAGAIN);
    assert_int_equal(answer_after(second, 2000), -EACCES);
    request(second, DOOR_LOGIN, PASSWORD);
    assert_int_equal(answer(second), 0);
    request(second, DOOR_LOGIN, "wrong");
    assert_int_equal(answer_after(second, 1000), -EACCES);
    close(second);
}

static void many_connections_guess_no_faster_than_one(void **state)
{
    int fds[DOOR_CLIENTS_MAX];
    (void)state;
    for (size_t i = 0; i < countof(fds); i++) {
        fds[i] = connect_client();
        request(fds[i], DOOR_LOGIN, "wrong");
    }
    for (int i = 0; i < 10; i++)
        turn();
    assert_int_equal(test.refused, 1);
    pass(1000);
    turn();
    assert_int_equal(test.refused, 2);
    pass(1999);
    assert_int_equal(test.refused, 2);
    pass(1);
    assert_int_equal(test.refused, 3);
    for (size_t i = 0; i < countof(fds); i++)
        close(fds[i]);
}

static void a_client_that_leaves_while_its_answer_is_held_back_costs_no_busy_loop(void **state)
{
    unsigned busy = 0;
    (void)state;
    int fd = connect_client();
    request(fd, DOOR_LOGIN, "wrong");
    assert_int_equal(answer(fd), -EAGAIN);
    close(fd);
    for (int i = 0; i < 10; i++)
        busy += turn() == 0;
    assert_true(busy <= 1);
}

/* How many answers go out to a client that reads none of them. */
static unsigned answers_until_stuck(int fd)
{
    for (unsigned i = 0; i < TURNS_MAX; i++) {
        unsigned before = test.loaded;
        request(fd, DOOR_LOAD, "");
        for (int turns = 0; turns < 4; turns++)
            turn();
        if (test.loaded == before)
            return before - 1;
    }
    fail_msg("%u answers found room", test.loaded);
    return 0;
}

static void an_answer_that_nobody_reads_costs_no_busy_loop(void **state)
{
    unsigned busy = 0;
    (void)state;
    int first = connect_client();
    unsigned room = answers_until_stuck(first);
    close(first);
    turn();
    int second = connect_client();
    for (unsigned i = 0; i < room; i++) {
        request(second, DOOR_LOAD, "");
        turn();
        turn();
    }
    request(second, DOOR_LOGIN, "wrong");
    turn();
    turn();
    assert_int_equal(test.refused, 1);
    pass(1000);
    for (int i = 0; i < 10; i++)
        busy += turn() == 0;
    assert_true(busy <= 1);
    assert_false(is_closed(second));
    close(second);
}

static void a_connection_that_cannot_be_taken_in_costs_no_busy_loop(void **state)
{
    struct rlimit before, none;
    unsigned busy = 0;
    (void)state;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    (void)snprintf(address.sun_path, sizeof(address.sun_path), "%s%s", test.root, DOOR_PATH);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    int spare = dup(fd); /* the lowest number that is free */
    close(spare);
    none = (struct rlimit){.rlim_cur = (rlim_t)spare, .rlim_max = before.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    for (int i = 0; i < 10; i++)
        busy += turn() == 0;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    assert_true(busy <= 1);
    close(fd);
    pass(1000);
    fd = connect_client();
    request(fd, DOOR_LOAD, "");
    assert_int_equal(answer(fd), 0);
    close(fd);
}

static void a_slow_client_is_closed(void **state)
{
    struct door_head head = {.magic = DOOR_MAGIC, .verb = DOOR_APPLY_SET, .size = 4};
    (void)state;
    int slow_head = connect_client(), slow_payload = connect_client(), idle = connect_client();
    for (size_t i = 0; i < 9; i++) {
        assert_int_equal(file_write_all(slow_head, (char *)&head + i, 1), 0);
        turn();
        pass(1000);
    }
    send_head(slow_payload, head);
    turn();
    pass(999);
    assert_false(is_closed(slow_head));
    pass(1);
    assert_true(is_closed(slow_head));
    pass(8999);
    assert_false(is_closed(slow_payload));
    pass(1);
    assert_true(is_closed(slow_payload));
    pass(1800000);
    assert_true(is_closed(idle));
    assert_int_equal(test.applied, 0);
    close(slow_head);
    close(slow_payload);
    close(idle);
}

static struct door_head head_of(uint32_t magic, uint16_t verb, uint32_t size)
{
    return (struct door_head){.magic = magic, .verb = verb, .size = size};
}

static void what_is_no_message_closes_the_connection(void **state)
{
    const struct door_head heads[] = {
        head_of(1, DOOR_LOAD, 0),
        head_of(DOOR_MAGIC, 0, 0),
        head_of(DOOR_MAGIC, DOOR_VERB_END, 0),
        head_of(DOOR_MAGIC, DOOR_LOAD, 1),
        head_of(DOOR_MAGIC, DOOR_LOGIN, 100000),
        head_of(DOOR_MAGIC, DOOR_APPLY_SET, UINT32_MAX),
    };
    (void)state;
    for (size_t i = 0; i < countof(heads); i++) {
        int fd = connect_client();
        send_head(fd, heads[i]);
        assert_int_equal(answer(fd), -EPIPE);
        assert_int_equal(test.refused, i + 1);
        close(fd);
    }
}

static void a_head_that_is_not_zero_where_it_has_to_be_is_none(void **state)
{
    struct door_head reserved = head_of(DOOR_MAGIC, DOOR_LOAD, 0), status = reserved;
    (void)state;
    reserved.reserved = 1;
    status.status = -1;
    assert_int_equal(door_check_request(&reserved), -EBADMSG);
    assert_int_equal(door_check_request(&status), -EBADMSG);
    assert_int_equal(door_check_answer(&status, DOOR_LOAD), 0);
    status.status = 1;
    assert_int_equal(door_check_answer(&status, DOOR_LOAD), -EBADMSG);
    assert_int_equal(door_check_answer(&status, DOOR_LOGIN), -EBADMSG);
}

static void garbage_fills_no_event_log(void **state)
{
    (void)state;
    for (int i = 0; i < FLOOD; i++) {
        int fd = connect_client();
        send_head(fd, head_of(1, 1, 1));
        assert_true(is_closed(fd));
        close(fd);
    }
    assert_int_equal(test.refused, DOOR_REFUSALS_MAX);
    pass(60000);
    int fd = connect_client();
    send_head(fd, head_of(1, 1, 1));
    assert_true(is_closed(fd));
    assert_int_equal(test.refused, DOOR_REFUSALS_MAX + 1);
    close(fd);
}

static void half_a_message_waits_and_the_other_half_completes_it(void **state)
{
    struct door_head head = {.magic = DOOR_MAGIC, .verb = DOOR_APPLY_SET, .size = 4};
    (void)state;
    int fd = connect_client();
    for (size_t i = 0; i < sizeof(head); i++) {
        assert_int_equal(file_write_all(fd, (char *)&head + i, 1), 0);
        turn();
    }
    assert_int_equal(file_write_all(fd, "a=", 2), 0);
    turn();
    assert_int_equal(test.applied, 0);
    assert_int_equal(file_write_all(fd, "b\n", 2), 0);
    assert_int_equal(answer(fd), 0);
    assert_string_equal(test.text, "a=b\n");
    close(fd);
}

static void one_client_too_many_is_closed_without_a_word(void **state)
{
    int fds[DOOR_CLIENTS_MAX];
    char byte;
    (void)state;
    for (size_t i = 0; i < countof(fds); i++)
        fds[i] = connect_client();
    int extra = connect_client();
    assert_int_equal(recv(extra, &byte, 1, 0), 0);
    request(fds[0], DOOR_LOAD, "");
    assert_int_equal(answer(fds[0]), 0);
    close(extra);
    for (size_t i = 0; i < countof(fds); i++)
        close(fds[i]);
}

static void the_admin_cannot_shut_out_root(void **state)
{
    int fds[DOOR_CLIENTS_MAX];
    (void)state;
    if (!is_root())
        return;
    for (size_t i = 0; i < countof(fds); i++) {
        fds[i] = connect_as(ADMIN);
        assert_int_equal(is_closed(fds[i]), i >= DOOR_ADMIN_CLIENTS_MAX);
    }
    int root = connect_client();
    request(root, DOOR_LOAD, "");
    assert_int_equal(answer(root), 0);
    close(root);
    for (size_t i = 0; i < countof(fds); i++)
        close(fds[i]);
}

static void the_answer_to_load_reads_back_and_damage_is_found(void **state)
{
    static const char *const damaged[] = {"",
                                          "\n",
                                          "1",
                                          "1 1",
                                          "3 1\n",
                                          "1 x\n",
                                          "1  1\n",
                                          "x 1\n",
                                          "1 1\nnosuch = 1\n",
                                          "1 18446744073709551616\n"};
    struct settings out = {0}, in = {0};
    struct buf text = {0};
    enum role role;
    uint64_t revision;
    (void)state;
    assert_int_equal(settings_defaults(&out), 0);
    assert_int_equal(settings_defaults(&in), 0);
    assert_int_equal(door_write_load(ROLE_CONFERENCING, UINT64_MAX, &out, &text), 0);
    assert_int_equal(door_read_load(&text, &role, &in, &revision), 0);
    assert_int_equal(role, ROLE_CONFERENCING);
    assert_true(revision == UINT64_MAX);
    for (size_t i = 0; i < countof(damaged); i++) {
        buf_clear(&text);
        buf_puts(&text, damaged[i]);
        assert_int_equal(door_read_load(&text, &role, &in, &revision), -EBADMSG);
    }
    buf_free(&text);
    settings_free(&out);
    settings_free(&in);
}

static void the_socket_is_open_to_root_and_the_admin_alone(void **state)
{
    struct stat status;
    char path[128];
    (void)state;
    (void)snprintf(path, sizeof(path), "%s%s", test.root, DOOR_PATH);
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0660);
    if (geteuid() == 0)
        assert_int_equal(status.st_gid, 1000);
}

int main(void)
{
#define DOOR_TEST(name) cmocka_unit_test_setup_teardown(name, open_door, close_door)
    const struct CMUnitTest tests[] = {
        DOOR_TEST(admin_reads_what_is_published_without_the_password),
        DOOR_TEST(root_loads_and_applies_without_the_password),
        DOOR_TEST(the_wizard_needs_the_password_of_everybody),
        DOOR_TEST(the_admin_logs_in_before_anything_else),
        DOOR_TEST(another_user_is_closed_without_a_word),
        DOOR_TEST(a_disabled_account_logs_in_with_no_password),
        DOOR_TEST(a_password_that_is_too_long_is_wrong),
        DOOR_TEST(wrong_passwords_are_answered_later_each_time_and_then_no_more),
        DOOR_TEST(a_new_connection_does_not_shorten_the_delay),
        DOOR_TEST(many_connections_guess_no_faster_than_one),
        DOOR_TEST(a_client_that_leaves_while_its_answer_is_held_back_costs_no_busy_loop),
        DOOR_TEST(an_answer_that_nobody_reads_costs_no_busy_loop),
        DOOR_TEST(a_connection_that_cannot_be_taken_in_costs_no_busy_loop),
        DOOR_TEST(a_slow_client_is_closed),
        DOOR_TEST(what_is_no_message_closes_the_connection),
        DOOR_TEST(a_head_that_is_not_zero_where_it_has_to_be_is_none),
        DOOR_TEST(garbage_fills_no_event_log),
        DOOR_TEST(half_a_message_waits_and_the_other_half_completes_it),
        DOOR_TEST(one_client_too_many_is_closed_without_a_word),
        DOOR_TEST(the_admin_cannot_shut_out_root),
        DOOR_TEST(the_answer_to_load_reads_back_and_damage_is_found),
        DOOR_TEST(the_socket_is_open_to_root_and_the_admin_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
