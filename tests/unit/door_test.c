/* The door on a real socket, served in the test's own loop: what it takes, refuses and holds back.
 */
#include "serve/door.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/str.h"

#include <crypt.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#define PASSWORD "correct horse"

enum { TURN_MS = 20, PATIENCE_MS = 20000 };

static struct {
    char root[64];
    struct door *door;
    unsigned applied, refused;
    char how[16], text[64];
} test;

/* --- the warden's side --- */

static int on_load(void *context, struct buf *answer)
{
    (void)context;
    buf_puts(answer, "loaded");
    return 0;
}

static int on_apply(void *context, const char *who, const char *how, const char *text, size_t size,
                    struct buf *answer)
{
    (void)context;
    assert_string_equal(who, "root");
    assert_int_equal(strlen(text), size);
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

static void on_refused(void *context, const char *who, const char *why)
{
    (void)context;
    (void)who;
    assert_null(strstr(why, "horse"));
    test.refused++;
}

static void write_file(const char *name, const char *text)
{
    char path[128];
    (void)snprintf(path, sizeof(path), "%s/etc/%s", test.root, name);
    assert_int_equal(file_replace(path, text, strlen(text), 0600), 0);
}

static int open_door(void **state)
{
    static const struct door_actions actions = {
        .load = on_load, .apply = on_apply, .reboot = on_reboot, .refused = on_refused};
    char line[256], folder[128];
    (void)state;
    memset(&test, 0, sizeof(test));
    (void)snprintf(test.root, sizeof(test.root), "/tmp/holdfast-door-XXXXXX");
    if (!mkdtemp(test.root))
        return -1;
    (void)snprintf(folder, sizeof(folder), "%s/etc", test.root);
    (void)mkdir(folder, 0755);
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

/* One turn of the loop; how long it would have slept without a limit of ours. */
static int turn(void)
{
    struct pollfd fds[DOOR_FDS_MAX];
    int timeout_ms = -1;
    size_t count = door_fds(test.door, fds, &timeout_ms);
    int wait_ms = timeout_ms < 0 || timeout_ms > TURN_MS ? TURN_MS : timeout_ms;
    assert_true(poll(fds, count, wait_ms) >= 0);
    door_serve(test.door, fds, count);
    return timeout_ms;
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

/* The status of the next answer, its payload dropped; -EPIPE when the door closed instead. */
static int answer(int fd)
{
    struct door_head head = {0};
    char payload[256];
    size_t have = 0;
    uint64_t until_ms = clock_boot_ms() + PATIENCE_MS;
    while (have < sizeof(head) && clock_boot_ms() < until_ms) {
        turn();
        ssize_t got = recv(fd, (char *)&head + have, sizeof(head) - have, MSG_DONTWAIT);
        if (got == 0)
            return -EPIPE;
        have += got > 0 ? (size_t)got : 0;
    }
    assert_int_equal(have, sizeof(head));
    assert_int_equal(head.magic, DOOR_MAGIC);
    assert_true(head.size < sizeof(payload));
    while (head.size && recv(fd, payload, head.size, MSG_DONTWAIT) < 0)
        turn();
    return head.status;
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

static void wrong_passwords_are_answered_later_each_time_and_then_no_more(void **state)
{
    static const int wanted[] = {-EACCES, -EACCES, -EPERM};
    static const uint64_t least_ms[] = {1000, 2000, 4000};
    (void)state;
    int fd = connect_client();
    for (size_t i = 0; i < countof(wanted); i++) {
        uint64_t began_ms = clock_boot_ms();
        request(fd, DOOR_LOGIN, "wrong");
        assert_int_equal(answer(fd), wanted[i]);
        assert_true(clock_boot_ms() - began_ms >= least_ms[i]);
    }
    assert_int_equal(test.refused, 3);
    turn();
    char byte;
    assert_int_equal(recv(fd, &byte, 1, 0), 0);
    close(fd);
}

static void a_new_connection_does_not_shorten_the_delay(void **state)
{
    (void)state;
    int first = connect_client();
    uint64_t began_ms = clock_boot_ms();
    request(first, DOOR_LOGIN, "wrong");
    turn();
    close(first);
    int second = connect_client();
    request(second, DOOR_LOGIN, PASSWORD);
    assert_int_equal(answer(second), 0);
    assert_true(clock_boot_ms() - began_ms >= 1000);
    close(second);
}

static void a_client_that_leaves_while_its_answer_is_held_back_costs_no_busy_loop(void **state)
{
    unsigned busy = 0;
    (void)state;
    int fd = connect_client();
    request(fd, DOOR_LOGIN, "wrong");
    turn();
    close(fd);
    for (int i = 0; i < 10; i++)
        busy += turn() == 0;
    assert_true(busy <= 1);
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
        DOOR_TEST(root_loads_and_applies_without_the_password),
        DOOR_TEST(the_wizard_needs_the_password_of_everybody),
        DOOR_TEST(wrong_passwords_are_answered_later_each_time_and_then_no_more),
        DOOR_TEST(a_new_connection_does_not_shorten_the_delay),
        DOOR_TEST(a_client_that_leaves_while_its_answer_is_held_back_costs_no_busy_loop),
        DOOR_TEST(what_is_no_message_closes_the_connection),
        DOOR_TEST(half_a_message_waits_and_the_other_half_completes_it),
        DOOR_TEST(one_client_too_many_is_closed_without_a_word),
        DOOR_TEST(the_socket_is_open_to_root_and_the_admin_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
