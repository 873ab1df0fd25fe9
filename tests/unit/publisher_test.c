/* One generation for all readers: what each user is handed over the local socket, and that the
 * reader refuses an invalid answer. */
#include "snapshot/publisher.h"

#include "base/file.h"
#include "base/unix_socket.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum { ADMIN = 4711, STRANGER = 4712, STALE_S = 90 };

static struct {
    char root[64];
    struct publisher publisher;
    struct node node;
    struct results results;
    struct report report;
} test;

static int remove_entry(const char *path, const struct stat *stat, int type, struct FTW *ftw)
{
    (void)stat;
    (void)type;
    (void)ftw;
    return remove(path);
}

static int open_publisher(void **state)
{
    (void)state;
    memset(&test, 0, sizeof(test));
    (void)snprintf(test.root, sizeof(test.root), "/tmp/publisher.XXXXXX");
    assert_non_null(mkdtemp(test.root));
    assert_int_equal(chmod(test.root, 0755), 0);
    test.node.role = ROLE_MANAGEMENT;
    assert_int_equal(settings_defaults(&test.node.settings), 0);
    const struct policy_input input = {.role = ROLE_MANAGEMENT, .settings = &test.node.settings};
    policy_make(&test.node.policy, &input);
    test.report.results = &test.results;
    test.report.facts = (struct facts){
        .version = "1", .hostname = "mgmt1", .role = ROLE_MANAGEMENT, .generation = 7};
    publisher_init(&test.publisher);
    return publisher_open(&test.publisher, test.root, ADMIN, ADMIN);
}

static int close_publisher(void **state)
{
    (void)state;
    publisher_close(&test.publisher);
    node_close(&test.node);
    return nftw(test.root, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
}

static void publish(uint64_t generation)
{
    test.report.facts.generation = generation;
    assert_int_equal(publisher_publish(&test.publisher, &test.report, &test.node, STALE_S), 0);
}

/* The generation that a user is handed, or a negative errno, as the end of a process of that user:
 * its errors have to fit eight bits. */
static int fetched_as(uid_t uid)
{
    int end = 0;
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        struct snapshot snapshot;
        if (uid && (setresgid(uid == ADMIN ? ADMIN : STRANGER, ADMIN, ADMIN) < 0 ||
                    setresuid(uid, uid, uid) < 0))
            _exit(255);
        int fd = publisher_fetch(test.root);
        int error = fd < 0 ? fd : snapshot_map(&snapshot, fd);
        _exit(error ? 128 - error : (int)snapshot_head(&snapshot)->generation);
    }
    while (waitpid(child, &end, WNOHANG) == 0)
        publisher_serve(&test.publisher);
    assert_true(WIFEXITED(end));
    return WEXITSTATUS(end) < 128 ? WEXITSTATUS(end) : 128 - WEXITSTATUS(end);
}

static int fetched_here(struct snapshot *snapshot)
{
    int sockets[2];
    char greeting[7];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, sockets), 0);
    assert_int_equal(
        unix_socket_send_fd(sockets[0], "HFSNAP", 7, test.publisher.fds[AUDIENCE_ADMIN]), 0);
    int fd = unix_socket_receive_fd(sockets[1], greeting, sizeof(greeting));
    assert_true(fd >= 0);
    int error = snapshot_map(snapshot, fd);
    close(fd);
    close(sockets[0]);
    close(sockets[1]);
    return error;
}

static void root_and_admin_are_handed_the_last_generation(void **state)
{
    (void)state;
    if (geteuid() != 0)
        skip();
    publish(7);
    assert_int_equal(fetched_as(0), 7);
    publish(8);
    assert_int_equal(fetched_as(ADMIN), 8);
}

static void another_member_of_the_group_is_handed_nothing(void **state)
{
    (void)state;
    if (geteuid() != 0)
        skip();
    publish(7);
    assert_int_equal(fetched_as(STRANGER), -EPIPE);
}

static void before_the_first_generation_nothing_is_handed_out(void **state)
{
    (void)state;
    assert_int_equal(fetched_as(0), -EPIPE);
}

static void each_audience_has_its_pages_and_no_others(void **state)
{
    (void)state;
    struct snapshot stations, admin;
    struct snapshot_page page;
    publish(7);
    assert_int_equal(snapshot_map(&stations, test.publisher.fds[AUDIENCE_STATIONS]), 0);
    assert_int_equal(fetched_here(&admin), 0);
    assert_int_equal(snapshot_head(&stations)->generation, snapshot_head(&admin)->generation);
    assert_int_equal(snapshot_find(&stations, "/checks", PAGE_PLAIN, &page), 0);
    assert_int_equal(snapshot_find(&stations, PAGES_PUBLISHED, PAGE_PLAIN, &page), -ENOENT);
    assert_int_equal(snapshot_find(&admin, PAGES_PUBLISHED, PAGE_PLAIN, &page), 0);
    assert_int_equal(snapshot_count(&admin), 1);
    snapshot_unmap(&stations);
    snapshot_unmap(&admin);
}

static void a_reader_can_change_nothing(void **state)
{
    (void)state;
    publish(7);
    int fd = test.publisher.fds[AUDIENCE_ADMIN];
    assert_int_equal(pwrite(fd, "x", 1, 0), -1);
    assert_int_equal(ftruncate(fd, 0), -1);
}

static void a_crowd_of_readers_that_say_nothing_is_served_and_closed(void **state)
{
    (void)state;
    enum { CROWD = 12 };
    char path[128], greeting[7];
    int readers[CROWD];
    publish(7);
    (void)snprintf(path, sizeof(path), "%s" PUBLISHER_PATH, test.root);
    for (size_t i = 0; i < CROWD; i++) {
        readers[i] = unix_socket_connect(path);
        assert_true(readers[i] >= 0);
    }
    publisher_serve(&test.publisher);
    for (size_t i = 0; i < CROWD; i++) {
        int fd = unix_socket_receive_fd(readers[i], greeting, sizeof(greeting));
        assert_true(geteuid() != 0 || fd >= 0);
        if (fd >= 0)
            close(fd);
        close(readers[i]);
    }
}

static void without_a_daemon_there_is_nobody_to_ask(void **state)
{
    (void)state;
    publisher_close(&test.publisher);
    publisher_init(&test.publisher);
    assert_int_equal(publisher_fetch(test.root), -ECONNREFUSED);
    assert_int_equal(publisher_fetch("/nonexistent"), -ENOENT);
}

/* What the other end sends: bytes without a descriptor, too few bytes, two descriptors. */
static void only_one_whole_message_with_one_descriptor_is_taken(void **state)
{
    (void)state;
    int sockets[2];
    char greeting[7];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, sockets), 0);
    assert_int_equal(send(sockets[0], "HFSNAP", 7, 0), 7);
    assert_int_equal(unix_socket_receive_fd(sockets[1], greeting, sizeof(greeting)), -EBADMSG);
    assert_int_equal(unix_socket_send_fd(sockets[0], "HF", 3, 0), 0);
    assert_int_equal(shutdown(sockets[0], SHUT_WR), 0);
    assert_int_equal(unix_socket_receive_fd(sockets[1], greeting, sizeof(greeting)), -EBADMSG);
    assert_int_equal(unix_socket_receive_fd(sockets[1], greeting, sizeof(greeting)), -EPIPE);
    close(sockets[0]);
    close(sockets[1]);
}

#define PUBLISHER_TEST(name) cmocka_unit_test_setup_teardown(name, open_publisher, close_publisher)

int main(void)
{
    const struct CMUnitTest tests[] = {
        PUBLISHER_TEST(root_and_admin_are_handed_the_last_generation),
        PUBLISHER_TEST(another_member_of_the_group_is_handed_nothing),
        PUBLISHER_TEST(before_the_first_generation_nothing_is_handed_out),
        PUBLISHER_TEST(each_audience_has_its_pages_and_no_others),
        PUBLISHER_TEST(a_reader_can_change_nothing),
        PUBLISHER_TEST(a_crowd_of_readers_that_say_nothing_is_served_and_closed),
        PUBLISHER_TEST(without_a_daemon_there_is_nobody_to_ask),
        cmocka_unit_test(only_one_whole_message_with_one_descriptor_is_taken),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
