/* Memory runs out: the n-th allocation fails, n rising until none does. Nothing crashes, leaks, or
 * passes as success when it failed. The linker puts the four functions here in the places of the C
 * library's (--wrap). */
#include "control/verbs.h"
#include "domain/domain.h"
#include "settings/text.h"
#include "snapshot/pages.h"
#include "snapshot/published.h"

#include "base/file.h"
#include "base/str.h"

#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

/* --- the allocations --- */

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *old, size_t size);
char *__real_strdup(const char *text);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *old, size_t size);
char *__wrap_strdup(const char *text);

static unsigned long left; /* 0: none fails; 1: the next one does */
static bool failed;

static bool fails(void)
{
    if (left == 0 || --left > 0)
        return false;
    failed = true;
    return true;
}

void *__wrap_malloc(size_t size)
{
    return fails() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
    return fails() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *old, size_t size)
{
    return fails() ? NULL : __real_realloc(old, size);
}

char *__wrap_strdup(const char *text)
{
    return fails() ? NULL : __real_strdup(text);
}

/* --- the walk over n --- */

/* `attempt` is true when it tells success; then nothing may have failed. */
static void until_none_fails(bool (*attempt)(void))
{
    for (unsigned long n = 1;; n++) {
        failed = false;
        left = n;
        bool well = attempt();
        left = 0;
        if (well && failed)
            fail_msg("the failure of allocation %lu passed as success", n);
        if (!failed) {
            assert_true(well);
            assert_true(n > 1);
            return;
        }
    }
}

static const char changes[] = "node.hostname = other\n"
                              "health.stations = 192.0.2.0/24\n"
                              "health.stations = 2001:db8::/64\n"
                              "sip.tls_port = 5071\n";

static bool import_text(void)
{
    struct settings settings = {0};
    struct buf faults = {0};
    bool well = settings_defaults(&settings) == 0 &&
                settings_import(&settings, "text", changes, strlen(changes), &faults) == 0;
    buf_free(&faults);
    settings_free(&settings);
    return well;
}

static bool import_leaves_all_as_it_was(void)
{
    struct settings settings = {0}, before = {0};
    struct buf faults = {0};
    unsigned long held = left;
    left = 0;
    assert_int_equal(settings_defaults(&settings), 0);
    assert_int_equal(settings_copy(&before, &settings), 0);
    left = held;
    bool well = settings_import(&settings, "text", changes, strlen(changes), &faults) == 0;
    left = 0;
    assert_true(well || settings_equal(&settings, &before));
    buf_free(&faults);
    settings_free(&settings);
    settings_free(&before);
    return well;
}

static bool export_text(void)
{
    struct settings settings = {0};
    struct buf out = {0};
    bool well = settings_defaults(&settings) == 0;
    for (enum setting_key key = 0; well && key < SETTING_COUNT; key++)
        setting_export(&settings, key, false, &out);
    well = well && buf_error(&out) == 0;
    buf_free(&out);
    settings_free(&settings);
    return well;
}

static bool strictest(void)
{
    struct settings settings = {0};
    bool well = settings_strictest(&settings) == 0;
    settings_free(&settings);
    return well;
}

/* --- plans and observations --- */

static struct settings defaults;
static struct policy policy;
static char root[] = "/tmp/holdfast-allocation-XXXXXX";

static bool plan_domain(size_t domain)
{
    struct checks checks = {0};
    domain_table[domain]->plan(&policy, &checks);
    left = 0;
    bool well = !checks.failed;
    assert_true(well || checks_worst(&checks) == VERDICT_ERROR);
    checks_free(&checks);
    return well;
}

/* A check is what it is with all memory there, or an error, or the checks say that some was not. */
static bool observe_domain(size_t domain, const struct checks *wanted)
{
    const struct system system = {.root = root};
    struct checks checks = {0};
    unsigned long held = left;
    left = 0;
    domain_table[domain]->plan(&policy, &checks);
    left = held;
    domain_table[domain]->observe(&system, &(struct evidence){NULL}, &policy, &checks);
    left = 0;
    bool well = checks_worst(&checks) == checks_worst(wanted);
    for (size_t i = 0; i < checks.count && !checks.failed; i++) {
        const struct check *check = &checks.list[i];
        if (check->verdict == VERDICT_ERROR)
            continue;
        assert_int_equal(check->verdict, wanted->list[i].verdict);
        assert_string_equal(check->observed, wanted->list[i].observed);
    }
    checks_free(&checks);
    return well;
}

static void observe_until_none_fails(size_t domain)
{
    const struct system system = {.root = root};
    struct checks wanted = {0};
    domain_table[domain]->plan(&policy, &wanted);
    domain_table[domain]->observe(&system, &(struct evidence){NULL}, &policy, &wanted);
    failed = true;
    for (unsigned long n = 1; failed; n++) {
        failed = false;
        left = n;
        bool well = observe_domain(domain, &wanted);
        if (!failed)
            assert_true(well);
    }
    checks_free(&wanted);
}

static void plan_until_none_fails(size_t domain)
{
    for (unsigned long n = 1;; n++) {
        failed = false;
        left = n;
        bool well = plan_domain(domain);
        if (well && failed)
            fail_msg("%s: the failure of allocation %lu passed as success",
                     domain_table[domain]->name, n);
        if (!failed)
            return;
    }
}

/* --- what others get to read --- */

static struct results results;

static bool pages(void)
{
    char kind[] = "boot", words[] = "passed";
    const struct report_event event = {.kind = kind, .text = words};
    const struct report report = {
        .facts = {.version = "1", .hostname = "node", .role = ROLE_CONFERENCING},
        .results = &results,
        .events = &event,
        .event_count = 1,
    };
    struct node node = {.policy = policy};
    int fd = pages_seal(&report, &node, AUDIENCE_STATIONS, 90);
    if (fd >= 0)
        close(fd);
    return fd >= 0;
}

static bool text_report(void)
{
    const struct report report = {
        .facts = {.version = "1", .hostname = "node", .role = ROLE_CONFERENCING},
        .results = &results,
    };
    struct buf out = {0};
    report_text(&report, &(struct report_request){.all = true}, &out);
    bool well = buf_error(&out) == 0;
    buf_free(&out);
    return well;
}

static bool local_readers(void)
{
    const struct report report = {
        .facts = {.version = "1", .hostname = "node", .role = ROLE_CONFERENCING},
        .results = &results,
    };
    struct node node = {.role = ROLE_CONFERENCING, .settings = defaults, .policy = policy};
    struct node read = {.purpose = NODE_LOOK};
    struct published published = {.firewall = NULL};
    published_write(&report, &node, &published.bytes);
    bool well = buf_error(&published.bytes) == 0 && published_read(&published, &read, "/root") == 0;
    if (well)
        assert_true(settings_equal(&read.settings, &defaults) && published.firewall);
    node_close(&read);
    published_free(&published);
    return well;
}

static bool control_answer(void)
{
    struct settings settings = {0};
    struct buf out = {0};
    enum role role;
    uint64_t revision;
    bool well = verb_write_load(ROLE_CONFERENCING, 7, &defaults, &out) == 0 &&
                buf_error(&out) == 0 && verb_read_load(&out, &role, &settings, &revision) == 0;
    if (well)
        assert_true(settings_equal(&settings, &defaults));
    settings_free(&settings);
    buf_wipe(&out);
    return well;
}

/* --- the tests --- */

static void an_import_fails_whole(void **state)
{
    until_none_fails(import_text);
    until_none_fails(import_leaves_all_as_it_was);
    (void)state;
}

static void an_export_tells_that_it_is_not_whole(void **state)
{
    until_none_fails(export_text);
    (void)state;
}

static void the_strictest_settings_are_whole_or_none(void **state)
{
    until_none_fails(strictest);
    (void)state;
}

static void a_plan_that_is_not_whole_is_an_error(void **state)
{
    for (size_t d = 0; d < DOMAIN_COUNT; d++)
        plan_until_none_fails(d);
    (void)state;
}

static void an_observation_that_is_not_whole_passes_for_nothing(void **state)
{
    for (size_t d = 0; d < DOMAIN_COUNT; d++)
        observe_until_none_fails(d);
    (void)state;
}

static void pages_are_published_whole_or_not_at_all(void **state)
{
    until_none_fails(pages);
    until_none_fails(text_report);
    until_none_fails(local_readers);
    (void)state;
}

static void an_answer_of_the_control_socket_is_whole_or_refused(void **state)
{
    until_none_fails(control_answer);
    (void)state;
}

/* --- the ground: a folder with what the domains look at --- */

static void put(const char *name, const char *text)
{
    char path[128];
    (void)snprintf(path, sizeof(path), "%s/etc/%s", root, name);
    assert_int_equal(file_replace(path, text, strlen(text), 0600), 0);
}

static int set_up(void **state)
{
    char path[128];
    (void)state;
    assert_non_null(mkdtemp(root));
    (void)snprintf(path, sizeof(path), "%s/etc", root);
    assert_int_equal(mkdir(path, 0755), 0);
    (void)snprintf(path, sizeof(path), "%s/proc", root);
    assert_int_equal(symlink("/proc", path), 0);
    put("shadow", "root:*:1:0:99999:7:::\nadmin:$6$a$b:1:0:99999:7:::\n");
    put("passwd", "root:x:0:0:root:/root:/bin/sh\nadmin:x:1000:1000::/home/admin:/bin/sh\n");
    put("inittab", "::sysinit:/etc/init.d/rcS\ntty1::respawn:/sbin/getty 38400 tty1\n");
    assert_int_equal(settings_defaults(&defaults), 0);
    policy_make(&policy, &(struct policy_input){.role = ROLE_CONFERENCING,
                                                .settings = &defaults,
                                                .admin_latched = true});
    domain_check(&(struct walk){PHASE_RUN, &policy, &(struct system){.root = root},
                                &(struct evidence){NULL}},
                 &results);
    return 0;
}

static int remove_one(const char *path, const struct stat *found, int kind, struct FTW *where)
{
    (void)found;
    (void)kind;
    (void)where;
    return remove(path);
}

static int tear_down(void **state)
{
    (void)state;
    assert_int_equal(nftw(root, remove_one, 8, FTW_DEPTH | FTW_PHYS), 0);
    results_free(&results);
    settings_free(&defaults);
    return 0;
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_import_fails_whole),
        cmocka_unit_test(an_export_tells_that_it_is_not_whole),
        cmocka_unit_test(the_strictest_settings_are_whole_or_none),
        cmocka_unit_test(a_plan_that_is_not_whole_is_an_error),
        cmocka_unit_test(an_observation_that_is_not_whole_passes_for_nothing),
        cmocka_unit_test(pages_are_published_whole_or_not_at_all),
        cmocka_unit_test(an_answer_of_the_control_socket_is_whole_or_refused),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
