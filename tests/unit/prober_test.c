/* The prober's end, as the daemon brings it about: a process that stays too long, and when the next
 * one starts. */
#include "daemon/prober.h"

#include "base/clock.h"

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static int begin(void **state)
{
    *state = calloc(1, sizeof(struct node));
    return *state ? 0 : -1;
}

static int end(void **state)
{
    free(*state);
    return 0;
}

/* A prober that never ends and takes no signal that it can refuse. */
static int begin_stubborn(struct prober *prober)
{
    int pid = fork();
    if (pid == 0) {
        (void)signal(SIGALRM, SIG_IGN);
        (void)signal(SIGTERM, SIG_IGN);
        for (;;)
            (void)pause();
    }
    prober_init(prober);
    prober->pid = pid;
    return pid;
}

static void one_that_stays_too_long_is_ended_and_tried_again_soon(void **state)
{
    struct prober prober;
    int pid = begin_stubborn(&prober);
    assert_true(pid > 0);
    prober.end_ms = clock_boot_ms() + 3600000;
    assert_false(prober_do_due(&prober, *state));
    assert_int_equal(prober_due_ms(&prober), prober.end_ms);
    prober.end_ms = 1;
    assert_true(prober_do_due(&prober, *state));
    assert_int_equal(prober.pid, 0);
    assert_int_equal(kill(pid, 0), -1);
    assert_int_equal(errno, ESRCH);
    assert_int_equal(prober.failures, 1);
    assert_non_null(strstr(prober.reason, "in time"));
    assert_in_range(prober_due_ms(&prober), 1, clock_boot_ms() + BACKOFF_FIRST_MS);
}

static void one_that_leaves_nothing_is_a_failure_that_is_tried_again_ever_later(void **state)
{
    struct prober prober;
    uint64_t delay_ms = 0;
    prober_init(&prober);
    for (unsigned i = 1; i <= 5; i++) {
        uint64_t now_ms = clock_boot_ms();
        assert_true(prober_finish(&prober, *state));
        assert_int_equal(prober.failures, i);
        assert_true(prober_due_ms(&prober) - now_ms > delay_ms);
        delay_ms = BACKOFF_FIRST_MS << (i - 1);
        assert_true(prober_due_ms(&prober) >= now_ms + delay_ms);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(one_that_stays_too_long_is_ended_and_tried_again_soon,
                                        begin, end),
        cmocka_unit_test_setup_teardown(
            one_that_leaves_nothing_is_a_failure_that_is_tried_again_ever_later, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
