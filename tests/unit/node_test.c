/* The node where its database cannot be written: what is decided for good is written beside it. */
#include "node/node.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#define LATCH_FILE ".latch-admin-disabled"

static void the_latch_of_the_account_needs_no_database(void **state)
{
    char folder[] = "/tmp/holdfast-node-XXXXXX", path[PATH_MAX + sizeof(LATCH_FILE)];
    struct node node = {.writable = false};
    (void)state;
    assert_non_null(mkdtemp(folder));
    (void)snprintf(node.state_path, sizeof(node.state_path), "%s/state.db", folder);
    (void)snprintf(path, sizeof(path), "%s" LATCH_FILE, node.state_path);
    assert_int_equal(node_latch_admin(&node), 0);
    assert_true(node.admin_latched);
    assert_int_equal(access(path, F_OK), 0);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(node_latch_admin(&node), 0); /* it stands already: nothing is written again */
    assert_int_equal(access(path, F_OK), -1);
    assert_int_equal(rmdir(folder), 0);
}

static void a_latch_that_cannot_be_written_is_no_latch(void **state)
{
    struct node node = {.writable = false, .state_path = "/nonexistent/state.db"};
    (void)state;
    assert_true(node_latch_admin(&node) < 0);
    assert_false(node.admin_latched);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_latch_of_the_account_needs_no_database),
        cmocka_unit_test(a_latch_that_cannot_be_written_is_no_latch),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
