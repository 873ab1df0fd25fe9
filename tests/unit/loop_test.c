/* The event loop: with descriptors that are pipes, a clock that moves only while the loop sleeps,
 * and every turn and every run counted. */
#include "base/loop.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

enum { SOURCES = 4, RUNS_MAX = 64 };

static struct fixture {
    struct loop loop;
    uint64_t now_ms;
    int slept_ms; /* of the last turn */
    size_t count;
    int order[RUNS_MAX]; /* which source ran, one after the other */
    struct node {
        struct loop_source source;
        int number;
        struct loop_wait wait;
        int runs;
        short revents;
        void (*then)(struct node *node);
    } nodes[SOURCES];
    int pipe[2];
} f;

static uint64_t fake_now_ms(void)
{
    return f.now_ms;
}

/* Sleeps by moving the clock. */
static int fake_wait(struct pollfd *fds, nfds_t count, int timeout_ms)
{
    int ready = poll(fds, count, 0);
    f.slept_ms = ready ? 0 : timeout_ms;
    if (ready == 0 && timeout_ms > 0)
        f.now_ms += (unsigned)timeout_ms;
    return ready;
}

static void on_look(const void *context, struct loop_wait *wait)
{
    const struct node *node = context;
    *wait = node->wait;
}

static void on_run(void *context, short revents)
{
    struct node *node = context;
    node->runs++;
    node->revents = revents;
    f.order[f.count++ % RUNS_MAX] = node->number;
    if (node->then)
        node->then(node);
}

static int begin(void **state)
{
    (void)state;
    memset(&f, 0, sizeof(f));
    f.now_ms = 1000;
    loop_init(&f.loop);
    f.loop.now_ms = fake_now_ms;
    f.loop.wait = fake_wait;
    for (int i = 0; i < SOURCES; i++) {
        struct node *node = &f.nodes[i];
        *node = (struct node){.number = i, .wait = {.fd = -1, .events = POLLIN}};
        node->source = (struct loop_source){.look = on_look, .run = on_run, .context = node};
        if (loop_add(&f.loop, &node->source) < 0)
            return -1;
    }
    return pipe(f.pipe);
}

static int end(void **state)
{
    (void)state;
    close(f.pipe[0]);
    return close(f.pipe[1]);
}

static void stop_deadline(struct node *node)
{
    node->wait.due_ms = 0;
}

static void a_source_runs_once_for_each_turn_in_which_its_descriptor_is_ready(void **state)
{
    char byte = 'x';
    (void)state;
    f.nodes[1].wait.fd = f.pipe[0];
    f.nodes[2].wait.due_ms = 1007;
    f.nodes[2].then = stop_deadline;
    assert_int_equal(write(f.pipe[1], &byte, 1), 1);
    assert_int_equal(loop_turn(&f.loop), 0);
    assert_int_equal(loop_turn(&f.loop), 0);
    assert_int_equal(f.nodes[1].runs, 2);
    assert_int_equal(f.nodes[1].revents, POLLIN);
    assert_int_equal(read(f.pipe[0], &byte, 1), 1);
    assert_int_equal(loop_turn(&f.loop), 0);
    assert_int_equal(f.nodes[1].runs, 2);
    assert_int_equal(f.nodes[2].runs, 1);
    assert_int_equal(f.nodes[0].runs + f.nodes[3].runs, 0);
}

static void the_loop_wakes_once_for_each_deadline_and_never_before_it(void **state)
{
    static const uint64_t due_ms[SOURCES] = {1030, 1010, 1020, 61000};
    static const int wanted[SOURCES] = {1, 2, 0, 3};
    static const int sleeps_ms[SOURCES] = {10, 10, 10, 59970};
    (void)state;
    for (int i = 0; i < SOURCES; i++) {
        f.nodes[i].wait.due_ms = due_ms[i];
        f.nodes[i].then = stop_deadline;
    }
    for (size_t turn = 0; turn < SOURCES; turn++) {
        assert_int_equal(loop_turn(&f.loop), 0);
        assert_int_equal(f.slept_ms, sleeps_ms[turn]);
        assert_int_equal(f.count, turn + 1);
        assert_int_equal(f.order[turn], wanted[turn]);
        assert_int_equal(f.nodes[wanted[turn]].revents, 0);
    }
}

static void without_a_deadline_it_sleeps_until_a_descriptor_is_ready(void **state)
{
    (void)state;
    assert_int_equal(loop_turn(&f.loop), 0);
    assert_int_equal(f.slept_ms, -1);
    assert_int_equal(f.count, 0);
}

static void make_the_last_due(struct node *node)
{
    stop_deadline(node);
    f.nodes[SOURCES - 1].wait.due_ms = f.now_ms;
}

static void what_a_source_makes_due_for_a_later_one_runs_in_the_same_turn(void **state)
{
    (void)state;
    f.nodes[0].wait.due_ms = 1010;
    f.nodes[0].then = make_the_last_due;
    f.nodes[SOURCES - 1].then = stop_deadline;
    assert_int_equal(loop_turn(&f.loop), 0);
    assert_int_equal(f.count, 2);
    assert_int_equal(f.order[1], SOURCES - 1);
}

static void remove_itself_and_the_next(struct node *node)
{
    loop_remove(&f.loop, &f.nodes[1].source);
    loop_remove(&f.loop, &node->source);
}

static void remove_the_first(struct node *node)
{
    stop_deadline(node);
    loop_remove(&f.loop, &f.nodes[0].source);
    loop_remove(&f.loop, &f.nodes[0].source);
}

static void a_source_may_remove_itself_and_the_next_while_it_runs(void **state)
{
    (void)state;
    for (int i = 0; i < SOURCES; i++) {
        f.nodes[i].wait.due_ms = 1010;
        f.nodes[i].then = stop_deadline;
    }
    f.nodes[0].then = remove_itself_and_the_next;
    assert_int_equal(loop_turn(&f.loop), 0);
    assert_int_equal(f.count, 3);
    assert_int_equal(f.nodes[1].runs, 0);
    assert_int_equal(f.order[1], 2);
    assert_int_equal(f.order[2], 3);
    assert_int_equal(f.loop.count, 2);
}

static void a_source_may_remove_one_that_ran_before_it(void **state)
{
    (void)state;
    f.nodes[0].wait.due_ms = f.nodes[2].wait.due_ms = 1010;
    f.nodes[0].then = stop_deadline;
    f.nodes[2].then = remove_the_first;
    assert_int_equal(loop_turn(&f.loop), 0);
    assert_int_equal(f.count, 2);
    assert_int_equal(f.loop.count, SOURCES - 1);
}

static struct node added;

static void add_another(struct node *node)
{
    stop_deadline(node);
    added = (struct node){.number = 9, .wait = {.fd = f.pipe[0], .events = POLLIN}};
    added.source = (struct loop_source){.look = on_look, .run = on_run, .context = &added};
    assert_int_equal(loop_add(&f.loop, &added.source), 0);
}

static void one_that_is_added_while_another_runs_waits_for_the_kernels_word(void **state)
{
    (void)state;
    f.nodes[SOURCES - 1].wait.due_ms = 1010;
    f.nodes[SOURCES - 1].then = add_another;
    assert_int_equal(write(f.pipe[1], "x", 1), 1);
    assert_int_equal(loop_turn(&f.loop), 0);
    assert_int_equal(added.runs, 0);
    assert_int_equal(loop_turn(&f.loop), 0);
    assert_int_equal(added.runs, 1);
}

static void take_the_others_descriptor(struct node *node)
{
    stop_deadline(node);
    f.nodes[1].wait.fd = f.pipe[1];
}

static void a_descriptor_that_took_anothers_place_does_not_count_as_ready(void **state)
{
    (void)state;
    f.nodes[0].wait.due_ms = 1000;
    f.nodes[0].then = take_the_others_descriptor;
    f.nodes[1].wait.fd = f.pipe[0];
    assert_int_equal(write(f.pipe[1], "x", 1), 1);
    assert_int_equal(loop_turn(&f.loop), 0);
    assert_int_equal(f.nodes[1].runs, 0);
}

static void there_is_no_place_for_more_sources_than_the_limit(void **state)
{
    static struct node others[LOOP_SOURCES_MAX];
    (void)state;
    for (size_t i = SOURCES; i < LOOP_SOURCES_MAX; i++) {
        others[i] = (struct node){.wait = {.fd = -1}};
        others[i].source =
            (struct loop_source){.look = on_look, .run = on_run, .context = &others[i]};
        assert_int_equal(loop_add(&f.loop, &others[i].source), 0);
    }
    assert_int_equal(loop_add(&f.loop, &others[0].source), -ENOSPC);
    loop_remove(&f.loop, &f.nodes[0].source);
    assert_int_equal(loop_add(&f.loop, &f.nodes[0].source), 0);
    f.nodes[0].wait.due_ms = 1001;
    f.nodes[0].then = stop_deadline;
    assert_int_equal(loop_turn(&f.loop), 0);
    assert_int_equal(f.nodes[0].runs, 1);
}

static void stop(struct node *node)
{
    if (node->runs == 3)
        loop_stop(&f.loop);
    node->wait.due_ms += 5;
}

static void it_runs_until_it_is_stopped(void **state)
{
    (void)state;
    f.nodes[0].wait.due_ms = 1005;
    f.nodes[0].then = stop;
    assert_int_equal(loop_run(&f.loop), 0);
    assert_int_equal(f.nodes[0].runs, 3);
    assert_int_equal(f.now_ms, 1015);
}

static int interrupted_wait(struct pollfd *fds, nfds_t count, int timeout_ms)
{
    (void)fds;
    (void)count;
    (void)timeout_ms;
    return -1;
}

static void a_signal_is_no_error_and_runs_nothing(void **state)
{
    (void)state;
    f.loop.wait = interrupted_wait;
    f.nodes[0].wait.due_ms = 1;
    errno = EINTR;
    assert_int_equal(loop_turn(&f.loop), 0);
    assert_int_equal(f.count, 0);
    errno = ENOMEM;
    assert_int_equal(loop_run(&f.loop), -ENOMEM);
}

int main(void)
{
#define WITH_LOOP(test) cmocka_unit_test_setup_teardown(test, begin, end)
    static const struct CMUnitTest tests[] = {
        WITH_LOOP(a_source_runs_once_for_each_turn_in_which_its_descriptor_is_ready),
        WITH_LOOP(the_loop_wakes_once_for_each_deadline_and_never_before_it),
        WITH_LOOP(without_a_deadline_it_sleeps_until_a_descriptor_is_ready),
        WITH_LOOP(what_a_source_makes_due_for_a_later_one_runs_in_the_same_turn),
        WITH_LOOP(a_source_may_remove_itself_and_the_next_while_it_runs),
        WITH_LOOP(a_source_may_remove_one_that_ran_before_it),
        WITH_LOOP(one_that_is_added_while_another_runs_waits_for_the_kernels_word),
        WITH_LOOP(a_descriptor_that_took_anothers_place_does_not_count_as_ready),
        WITH_LOOP(there_is_no_place_for_more_sources_than_the_limit),
        WITH_LOOP(it_runs_until_it_is_stopped),
        WITH_LOOP(a_signal_is_no_error_and_runs_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
