/* The control socket on a real socket, served in the test's own loop: what it takes, refuses and
 * holds back. */
#include "control_fixture.h"

#include "base/file.h"
#include "base/str.h"
#include "control/password.h"
#include "settings/change.h"

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

enum { TURNS_MAX = 1000, STRANGER = 1234, FLOOD = 1000 };

static void admin_reads_the_events_without_the_password(void **state)
{
    (void)state;
    if (!control_fixture_is_root())
        skip();
    int fd = control_fixture_connect_as(FIXTURE_ADMIN);
    control_fixture_request(fd, CONTROL_EVENTS, "from here: 16 b.");
    assert_int_equal(control_fixture_answer(fd), 0);
    assert_int_equal(control_fixture.read, 1);
    control_fixture_request(fd, CONTROL_LOAD, "");
    assert_int_equal(control_fixture_answer(fd), -EACCES);
    close(fd);
}

static void root_loads_and_applies_without_the_password(void **state)
{
    (void)state;
    int fd = control_fixture_connect_client();
    control_fixture_request(fd, CONTROL_LOAD, "");
    assert_int_equal(control_fixture_answer(fd), 0);
    control_fixture_request(fd, CONTROL_APPLY_SET, "a = b\n");
    assert_int_equal(control_fixture_answer(fd), 0);
    assert_string_equal(control_fixture.how, "set");
    assert_string_equal(control_fixture.text, "a = b\n");
    control_fixture_request(fd, CONTROL_REBOOT, "");
    assert_int_equal(control_fixture_answer(fd), -ENOTSUP);
    close(fd);
}

static void another_user_is_closed_without_a_word(void **state)
{
    (void)state;
    if (!control_fixture_is_root())
        return;
    int fd = control_fixture_connect_as(STRANGER);
    assert_true(control_fixture_is_closed(fd));
    assert_int_equal(control_fixture.refused, 1);
    assert_string_equal(control_fixture.who, "another user");
    close(fd);
}

/* How many answers go out to a client that reads none of them. */
static unsigned answers_until_stuck(int fd)
{
    for (unsigned i = 0; i < TURNS_MAX; i++) {
        unsigned before = control_fixture.loaded;
        control_fixture_request(fd, CONTROL_LOAD, "");
        for (int turns = 0; turns < 4; turns++)
            control_fixture_turn();
        if (control_fixture.loaded == before)
            return before - 1;
    }
    fail_msg("%u answers found room", control_fixture.loaded);
    return 0;
}

static void an_answer_that_nobody_reads_costs_no_busy_loop(void **state)
{
    unsigned busy = 0;
    (void)state;
    int first = control_fixture_connect_client();
    unsigned room = answers_until_stuck(first);
    close(first);
    control_fixture_turn();
    int second = control_fixture_connect_client();
    for (unsigned i = 0; i < room; i++) {
        control_fixture_request(second, CONTROL_LOAD, "");
        control_fixture_turn();
        control_fixture_turn();
    }
    control_fixture_request(second, CONTROL_LOGIN, "wrong");
    for (int turns = 0; control_fixture.refused == 0 && turns < TURNS_MAX; turns++)
        control_fixture_turn();
    assert_int_equal(control_fixture.refused, 1);
    control_fixture_pass(1000);
    for (int i = 0; i < 10; i++)
        busy += control_fixture_turn() == 0;
    assert_true(busy <= 1);
    assert_false(control_fixture_is_closed(second));
    close(second);
}

static void a_connection_that_cannot_be_taken_in_costs_no_busy_loop(void **state)
{
    struct rlimit before, none;
    unsigned busy = 0;
    (void)state;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    (void)snprintf(address.sun_path, sizeof(address.sun_path), "%s%s", control_fixture.root,
                   CONTROL_PATH);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    int spare = dup(fd); /* the lowest number that is free */
    close(spare);
    none = (struct rlimit){.rlim_cur = (rlim_t)spare, .rlim_max = before.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    for (int i = 0; i < 10; i++)
        busy += control_fixture_turn() == 0;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    assert_true(busy <= 1);
    close(fd);
    control_fixture_pass(1000);
    fd = control_fixture_connect_client();
    control_fixture_request(fd, CONTROL_LOAD, "");
    assert_int_equal(control_fixture_answer(fd), 0);
    close(fd);
}

static void a_slow_client_is_closed(void **state)
{
    struct control_head head = {.magic = CONTROL_MAGIC, .verb = CONTROL_APPLY_SET, .size = 4};
    (void)state;
    int slow_head = control_fixture_connect_client(),
        slow_payload = control_fixture_connect_client(), idle = control_fixture_connect_client();
    for (size_t i = 0; i < 9; i++) {
        assert_int_equal(file_write_all(slow_head, (char *)&head + i, 1), 0);
        control_fixture_turn();
        control_fixture_pass(1000);
    }
    control_fixture_send_head(slow_payload, head);
    control_fixture_turn();
    control_fixture_pass(999);
    assert_false(control_fixture_is_closed(slow_head));
    control_fixture_pass(1);
    assert_true(control_fixture_is_closed(slow_head));
    control_fixture_pass(8999);
    assert_false(control_fixture_is_closed(slow_payload));
    control_fixture_pass(1);
    assert_true(control_fixture_is_closed(slow_payload));
    control_fixture_pass(1800000);
    assert_true(control_fixture_is_closed(idle));
    assert_int_equal(control_fixture.applied, 0);
    close(slow_head);
    close(slow_payload);
    close(idle);
}

static struct control_head head_of(uint32_t magic, uint16_t verb, uint32_t size)
{
    return (struct control_head){.magic = magic, .verb = verb, .size = size};
}

static void what_is_no_message_closes_the_connection(void **state)
{
    const struct control_head heads[] = {
        head_of(1, CONTROL_LOAD, 0),
        head_of(CONTROL_MAGIC, 0, 0),
        head_of(CONTROL_MAGIC, CONTROL_VERB_END, 0),
        head_of(CONTROL_MAGIC, CONTROL_LOAD, 1),
        head_of(CONTROL_MAGIC, CONTROL_LOGIN, 100000),
        head_of(CONTROL_MAGIC, CONTROL_APPLY_SET, UINT32_MAX),
    };
    (void)state;
    for (size_t i = 0; i < countof(heads); i++) {
        int fd = control_fixture_connect_client();
        control_fixture_send_head(fd, heads[i]);
        assert_int_equal(control_fixture_answer(fd), -EPIPE);
        assert_int_equal(control_fixture.refused, i + 1);
        close(fd);
    }
}

static void a_head_that_is_not_zero_where_it_has_to_be_is_none(void **state)
{
    struct control_head status = head_of(CONTROL_MAGIC, CONTROL_LOAD, 0);
    (void)state;
    status.status = -1;
    assert_int_equal(control_check_request(&status), -EBADMSG);
    assert_int_equal(control_check_answer(&status, CONTROL_LOAD), 0);
    status.status = 1;
    assert_int_equal(control_check_answer(&status, CONTROL_LOAD), -EBADMSG);
    assert_int_equal(control_check_answer(&status, CONTROL_LOGIN), -EBADMSG);
}

static void only_a_change_of_settings_holds_a_consent(void **state)
{
    (void)state;
    for (uint16_t verb = 1; verb < CONTROL_VERB_END; verb++) {
        bool changes = verb == CONTROL_APPLY_WIZARD || verb == CONTROL_APPLY_SET ||
                       verb == CONTROL_APPLY_IMPORT;
        for (unsigned consent = 1; consent <= UINT16_MAX; consent <<= 1) {
            struct control_head head = head_of(CONTROL_MAGIC, verb, 0);
            head.consent = (uint16_t)consent;
            bool valid = changes && consent <= CONSENT_ALL;
            assert_int_equal(control_check_request(&head), valid ? 0 : -EBADMSG);
            assert_int_equal(control_check_answer(&head, (enum control_verb)verb), -EBADMSG);
        }
    }
    int fd = control_fixture_connect_client();
    struct control_head head = head_of(CONTROL_MAGIC, CONTROL_APPLY_SET, 0);
    head.consent = CONSENT_FORCE;
    control_fixture_send_head(fd, head);
    assert_int_equal(control_fixture_answer(fd), 0);
    assert_int_equal(control_fixture.consent, CONSENT_FORCE);
    close(fd);
}

static void an_answer_longer_than_the_most_is_none(void **state)
{
    struct control_head head = head_of(CONTROL_MAGIC, CONTROL_LOAD, CONTROL_ANSWER_MAX);
    (void)state;
    assert_int_equal(control_check_answer(&head, CONTROL_LOAD), 0);
    head.size++;
    assert_int_equal(control_check_answer(&head, CONTROL_LOAD), -EBADMSG);
    head.size = UINT32_MAX;
    assert_int_equal(control_check_answer(&head, CONTROL_LOAD), -EBADMSG);
}

static void garbage_fills_no_event_log(void **state)
{
    (void)state;
    for (int i = 0; i < FLOOD; i++) {
        int fd = control_fixture_connect_client();
        control_fixture_send_head(fd, head_of(1, 1, 1));
        assert_true(control_fixture_is_closed(fd));
        close(fd);
    }
    assert_int_equal(control_fixture.refused, CONTROL_REFUSALS_MAX);
    control_fixture_pass(60000);
    int fd = control_fixture_connect_client();
    control_fixture_send_head(fd, head_of(1, 1, 1));
    assert_true(control_fixture_is_closed(fd));
    assert_int_equal(control_fixture.refused, CONTROL_REFUSALS_MAX + 1);
    close(fd);
}

static void half_a_message_waits_and_the_other_half_completes_it(void **state)
{
    struct control_head head = {.magic = CONTROL_MAGIC, .verb = CONTROL_APPLY_SET, .size = 4};
    (void)state;
    int fd = control_fixture_connect_client();
    for (size_t i = 0; i < sizeof(head); i++) {
        assert_int_equal(file_write_all(fd, (char *)&head + i, 1), 0);
        control_fixture_turn();
    }
    assert_int_equal(file_write_all(fd, "a=", 2), 0);
    control_fixture_turn();
    assert_int_equal(control_fixture.applied, 0);
    assert_int_equal(file_write_all(fd, "b\n", 2), 0);
    assert_int_equal(control_fixture_answer(fd), 0);
    assert_string_equal(control_fixture.text, "a=b\n");
    close(fd);
}

static void one_client_too_many_is_closed_without_a_word(void **state)
{
    int fds[CONTROL_CLIENTS_MAX];
    char byte;
    (void)state;
    for (size_t i = 0; i < countof(fds); i++)
        fds[i] = control_fixture_connect_client();
    int extra = control_fixture_connect_client();
    assert_int_equal(recv(extra, &byte, 1, 0), 0);
    control_fixture_request(fds[0], CONTROL_LOAD, "");
    assert_int_equal(control_fixture_answer(fds[0]), 0);
    close(extra);
    for (size_t i = 0; i < countof(fds); i++)
        close(fds[i]);
}

static void the_admin_cannot_shut_out_root(void **state)
{
    int fds[CONTROL_CLIENTS_MAX];
    (void)state;
    if (!control_fixture_is_root())
        return;
    for (size_t i = 0; i < countof(fds); i++) {
        fds[i] = control_fixture_connect_as(FIXTURE_ADMIN);
        assert_int_equal(control_fixture_is_closed(fds[i]), i >= CONTROL_USER_CLIENTS_MAX);
    }
    int root = control_fixture_connect_client();
    control_fixture_request(root, CONTROL_LOAD, "");
    assert_int_equal(control_fixture_answer(root), 0);
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
    assert_int_equal(verb_write_load(ROLE_CONFERENCING, UINT64_MAX, &out, &text), 0);
    assert_int_equal(verb_read_load(&text, &role, &in, &revision), 0);
    assert_int_equal(role, ROLE_CONFERENCING);
    assert_true(revision == UINT64_MAX);
    for (size_t i = 0; i < countof(damaged); i++) {
        buf_clear(&text);
        buf_puts(&text, damaged[i]);
        assert_int_equal(verb_read_load(&text, &role, &in, &revision), -EBADMSG);
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
    (void)snprintf(path, sizeof(path), "%s%s", control_fixture.root, CONTROL_PATH);
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0660);
    if (geteuid() == 0)
        assert_int_equal(status.st_gid, 1000);
}

int main(void)
{
#define CONTROL_TEST(name)                                                                         \
    cmocka_unit_test_setup_teardown(name, control_fixture_open, control_fixture_close)
    const struct CMUnitTest tests[] = {
        CONTROL_TEST(admin_reads_the_events_without_the_password),
        CONTROL_TEST(root_loads_and_applies_without_the_password),
        CONTROL_TEST(another_user_is_closed_without_a_word),
        CONTROL_TEST(an_answer_that_nobody_reads_costs_no_busy_loop),
        CONTROL_TEST(a_connection_that_cannot_be_taken_in_costs_no_busy_loop),
        CONTROL_TEST(a_slow_client_is_closed),
        CONTROL_TEST(what_is_no_message_closes_the_connection),
        CONTROL_TEST(a_head_that_is_not_zero_where_it_has_to_be_is_none),
        CONTROL_TEST(only_a_change_of_settings_holds_a_consent),
        CONTROL_TEST(an_answer_longer_than_the_most_is_none),
        CONTROL_TEST(garbage_fills_no_event_log),
        CONTROL_TEST(half_a_message_waits_and_the_other_half_completes_it),
        CONTROL_TEST(one_client_too_many_is_closed_without_a_word),
        CONTROL_TEST(the_admin_cannot_shut_out_root),
        CONTROL_TEST(the_answer_to_load_reads_back_and_damage_is_found),
        CONTROL_TEST(the_socket_is_open_to_root_and_the_admin_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
