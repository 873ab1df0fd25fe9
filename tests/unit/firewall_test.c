/* The firewall domain against the kernel, in a network namespace of the test's own. */
#include "domain/domain.h"
#include "firewall/compile.h"
#include "firewall/match.h"
#include "firewall/network.h"

#include "base/str.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/netlink.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static const struct system here = {.root = "", .manages_firewall = true};

struct node {
    struct settings settings;
    struct policy policy;
    struct checks checks;
};

static void node_begin(struct node *node, enum role role, enum setting_key key, const char *value)
{
    memset(node, 0, sizeof(*node));
    assert_int_equal(settings_defaults(&node->settings), 0);
    if (key != SETTING_NONE)
        assert_int_equal(settings_put(&node->settings, key, value, NULL), 0);
    policy_make(&node->policy, &(struct policy_input){.role = role, .settings = &node->settings});
}

static void node_end(struct node *node)
{
    checks_free(&node->checks);
    settings_free(&node->settings);
}

static void observe(struct node *node)
{
    checks_free(&node->checks);
    domain_firewall.plan(&node->policy, &node->checks);
    domain_firewall.observe(&here, NULL, &node->policy, &node->checks);
}

static void converge(struct node *node)
{
    observe(node);
    domain_firewall.converge(&here, &node->policy, &node->checks);
    observe(node);
}

static const struct check *find(const struct node *node, const char *id)
{
    for (size_t i = 0; i < node->checks.count; i++)
        if (str_equal(node->checks.list[i].id, id))
            return &node->checks.list[i];
    fail_msg("no check %s", id);
    return NULL;
}

static size_t failing(const struct node *node)
{
    size_t count = 0;
    for (size_t i = 0; i < node->checks.count; i++)
        count += node->checks.list[i].verdict >= VERDICT_FAIL;
    return count;
}

static void nft(const char *command)
{
    struct buf line = {0};
    buf_printf(&line, "nft '%s'", command);
    assert_int_equal(system(buf_text(&line)), 0);
    buf_free(&line);
}

static void read_command(const char *command, struct buf *out)
{
    char line[256];
    FILE *pipe = popen(command, "r");
    assert_non_null(pipe);
    while (fgets(line, sizeof(line), pipe))
        buf_puts(out, line);
    assert_int_equal(pclose(pipe), 0);
}

static void list_ruleset(struct buf *out)
{
    read_command("nft -a list ruleset", out);
}

static int clean(void **state)
{
    (void)state;
    return system("nft flush ruleset");
}

/* --- guard --- */

static void base_deny_stands_alone_and_drops_all_but_loopback(void **state)
{
    struct node node;
    (void)state;
    assert_int_equal(domain_firewall.base_deny(&here), 0);
    assert_int_equal(system("nft list table inet holdfast | tr -d '\\n\\t' | grep -qx "
                            "'table inet holdfast {chain input {type filter hook input priority "
                            "filter; policy drop;iifname \"lo\" accept}chain forward {type filter "
                            "hook forward priority filter; policy drop;}}'"),
                     0);
    node_begin(&node, ROLE_MANAGEMENT, SETTING_NONE, NULL);
    observe(&node);
    assert_int_equal(find(&node, "firewall.input.loopback")->verdict, VERDICT_PASS);
    assert_string_equal(find(&node, "firewall.input.ssh")->observed, "missing");
    node_end(&node);
}

static void guard_leaves_a_full_table_alone_and_closes_an_open_one(void **state)
{
    struct node node;
    (void)state;
    node_begin(&node, ROLE_MANAGEMENT, SETTING_NONE, NULL);
    converge(&node);
    assert_int_equal(domain_firewall.base_deny(&here), 0);
    observe(&node);
    assert_int_equal(failing(&node), 0);
    nft("chain inet holdfast forward { policy accept; }");
    assert_int_equal(domain_firewall.base_deny(&here), 0);
    observe(&node);
    assert_non_null(strstr(find(&node, "firewall.chain.forward")->observed,
                           "0 rules, policy drop, at hook forward with priority 0, handle "));
    assert_string_equal(find(&node, "firewall.input.ssh")->observed, "missing");
    node_end(&node);
}

/* The kernel numbers a rule once: the same number is the same rule. */
static void the_ruleset_is_added_to_base_deny_which_never_goes(void **state)
{
    struct node node;
    struct buf before = {0}, after = {0};
    (void)state;
    assert_int_equal(domain_firewall.base_deny(&here), 0);
    list_ruleset(&before);
    const char *rule = strstr(buf_text(&before), "iifname");
    assert_non_null(rule);
    node_begin(&node, ROLE_CONFERENCING, LOCATION_DSCP_MEDIA, "51");
    converge(&node);
    assert_int_equal(failing(&node), 0);
    list_ruleset(&after);
    before.data[strcspn(rule, "\n") + (size_t)(rule - before.data)] = '\0';
    assert_non_null(strstr(buf_text(&after), rule));
    buf_free(&before);
    buf_free(&after);
    node_end(&node);
}

/* --- converge and observe --- */

static void converge_makes_every_check_pass_for_both_roles(void **state)
{
    static const enum role roles[] = {ROLE_MANAGEMENT, ROLE_CONFERENCING};
    (void)state;
    for (size_t i = 0; i < countof(roles); i++) {
        struct node node;
        node_begin(&node, roles[i], WEB_MAX_SESSIONS, "7");
        observe(&node);
        assert_true(failing(&node) > 0);
        converge(&node);
        assert_int_equal(failing(&node), 0);
        assert_int_equal(domain_firewall.base_deny(&here), 0);
        node_end(&node);
    }
}

static void one_rule_that_is_gone_fails_alone(void **state)
{
    struct node node;
    (void)state;
    node_begin(&node, ROLE_MANAGEMENT, SETTING_NONE, NULL);
    converge(&node);
    assert_int_equal(system("nft -a list chain inet holdfast input | sed -n "
                            "'s/.*invalid drop # handle //p' | xargs nft delete rule inet holdfast "
                            "input handle"),
                     0);
    observe(&node);
    assert_int_equal(failing(&node), 1);
    assert_string_equal(find(&node, "firewall.input.invalid")->observed, "missing");
    node_end(&node);
}

static void a_changed_rule_shows_what_the_kernel_has(void **state)
{
    struct node node;
    (void)state;
    node_begin(&node, ROLE_MANAGEMENT, SETTING_NONE, NULL);
    converge(&node);
    assert_int_equal(system("nft -a list chain inet holdfast input | sed -n "
                            "'s/.*dport 22 accept # handle //p' | xargs -I{} nft replace rule inet "
                            "holdfast input handle {} tcp dport 23 accept"),
                     0);
    observe(&node);
    assert_int_equal(failing(&node), 1);
    assert_non_null(strstr(find(&node, "firewall.input.ssh")->observed, "value 0x0017"));
    node_end(&node);
}

static void a_rule_too_many_is_named_and_the_others_pass(void **state)
{
    struct node node;
    (void)state;
    node_begin(&node, ROLE_MANAGEMENT, SETTING_NONE, NULL);
    converge(&node);
    nft("insert rule inet holdfast input tcp dport 23 accept");
    nft("add chain inet holdfast theirs");
    observe(&node);
    assert_int_equal(failing(&node), 1);
    const char *surplus = find(&node, "firewall.unexpected")->observed;
    assert_non_null(strstr(surplus, "in chain input: [ meta key l4proto"));
    assert_non_null(strstr(surplus, "chain theirs"));
    node_end(&node);
}

static void the_order_of_rules_matters(void **state)
{
    struct node node;
    (void)state;
    node_begin(&node, ROLE_MANAGEMENT, SETTING_NONE, NULL);
    converge(&node);
    assert_int_equal(system("nft -a list chain inet holdfast input | sed -n "
                            "'s/.*invalid drop # handle //p' | xargs nft delete rule inet holdfast "
                            "input handle && nft insert rule inet holdfast input ct state invalid "
                            "drop"),
                     0);
    observe(&node);
    assert_int_equal(find(&node, "firewall.input.loopback")->verdict, VERDICT_PASS);
    assert_int_equal(find(&node, "firewall.input.invalid")->verdict, VERDICT_FAIL);
    assert_int_equal(find(&node, "firewall.unexpected")->verdict, VERDICT_FAIL);
    node_end(&node);
}

static void counted_packets_are_no_difference(void **state)
{
    struct node node;
    (void)state;
    node_begin(&node, ROLE_MANAGEMENT, SETTING_NONE, NULL);
    converge(&node);
    assert_int_equal(
        system("table=$(nft list table inet holdfast) && nft delete table inet "
               "holdfast && echo \"$table\" | sed 's/packets 0 bytes 0/packets 5 bytes "
               "500/' | nft -f -"),
        0);
    observe(&node);
    assert_int_equal(failing(&node), 0);
    node_end(&node);
}

static void thousands_of_rules_too_many_are_read_and_removed(void **state)
{
    struct node node;
    (void)state;
    node_begin(&node, ROLE_MANAGEMENT, SETTING_NONE, NULL);
    converge(&node);
    assert_int_equal(system("for i in $(seq 3000); do echo add rule inet holdfast input tcp dport "
                            "$i accept; done | nft -f -"),
                     0);
    observe(&node);
    assert_int_equal(failing(&node), 1);
    assert_true(strlen(find(&node, "firewall.unexpected")->observed) < 2000);
    converge(&node);
    assert_int_equal(failing(&node), 0);
    node_end(&node);
}

static void a_table_of_others_is_no_reason_to_load_ours_again(void **state)
{
    struct node node;
    (void)state;
    node_begin(&node, ROLE_MANAGEMENT, SETTING_NONE, NULL);
    converge(&node);
    nft("add table inet theirs");
    nft("add chain inet theirs door { type filter hook input priority 7; policy accept; }");
    struct buf before = {0}, after = {0};
    list_ruleset(&before);
    converge(&node);
    assert_int_equal(failing(&node), 1);
    assert_string_equal(find(&node, "firewall.other_tables")->observed,
                        "inet theirs door (input: policy accept)");
    list_ruleset(&after);
    assert_string_equal(buf_text(&before), buf_text(&after)); /* handles and all */
    buf_free(&before);
    buf_free(&after);
    node_end(&node);
}

/* --- the users of processes --- */

enum { ENDPOINT_UID = 990, OTHER_UID = 991 };

static void users_begin(struct node *node)
{
    node_begin(node, ROLE_MANAGEMENT, SETTING_NONE, NULL);
    policy_make(&node->policy, &(struct policy_input){.role = ROLE_MANAGEMENT,
                                                      .settings = &node->settings,
                                                      .endpoint_uid = ENDPOINT_UID});
    converge(node);
    assert_int_equal(failing(node), 0);
    assert_int_equal(system("ip link set lo up"), 0);
}

/* Sends one datagram to itself over loopback, as that user. */
static int send_as(uid_t uid)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(address);
    if (setuid(uid) < 0)
        return -errno;
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, size) < 0 ||
        getsockname(fd, (struct sockaddr *)&address, &size) < 0)
        return -errno;
    return sendto(fd, "x", 1, 0, (struct sockaddr *)&address, size) < 0 ? -errno : 0;
}

static bool may_send(uid_t uid)
{
    int status;
    pid_t child = fork();
    if (child == 0)
        _exit(-send_as(uid));
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_true(WEXITSTATUS(status) == 0 || WEXITSTATUS(status) == EPERM);
    return WEXITSTATUS(status) == 0;
}

static void the_endpoint_sends_nothing_of_its_own(void **state)
{
    struct node node;
    (void)state;
    users_begin(&node);
    assert_false(may_send(ENDPOINT_UID));
    assert_true(may_send(OTHER_UID));
    node_end(&node);
}

static void rules_of_users_are_printed_as_nft_lists_them(void **state)
{
    struct node node;
    struct firewall_ruleset ruleset;
    struct buf printed = {0}, listed = {0};
    (void)state;
    users_begin(&node);
    assert_int_equal(firewall_compile(&ruleset, &node.policy), 0);
    firewall_ruleset_print(&ruleset, &printed);
    read_command("nft list ruleset", &listed);
    assert_non_null(strstr(buf_text(&printed), "meta skuid 990 ct state"));
    assert_string_equal(buf_text(&printed), buf_text(&listed));
    buf_free(&printed);
    buf_free(&listed);
    firewall_ruleset_free(&ruleset);
    node_end(&node);
}

static void an_unknown_rule_of_others_may_do_anything(void **state)
{
    struct node node;
    (void)state;
    node_begin(&node, ROLE_MANAGEMENT, SETTING_NONE, NULL);
    converge(&node);
    nft("add table inet theirs");
    nft("add chain inet theirs door { type filter hook output priority 7; }");
    nft("add rule inet theirs door quota over 5 mbytes");
    observe(&node);
    assert_int_equal(failing(&node), 1);
    assert_string_equal(find(&node, "firewall.other_tables")->observed,
                        "inet theirs door (output: unknown quota)");
    node_end(&node);
}

/* --- without what it needs --- */

/* socket(2) refuses NETLINK_NETFILTER, as a kernel without netfilter does. */
static int forbid_netfilter(void)
{
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_socket, 0, 3),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[2])),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, NETLINK_NETFILTER, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPROTONOSUPPORT),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {.len = countof(code), .filter = code};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
        return -errno;
    return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0) < 0 ? -errno : 0;
}

static int without_netfilter(void)
{
    struct node node;
    if (forbid_netfilter() < 0 || domain_firewall.base_deny(&here) != -EPROTONOSUPPORT)
        return 1;
    node_begin(&node, ROLE_MANAGEMENT, SETTING_NONE, NULL);
    converge(&node);
    for (size_t i = 0; i < node.checks.count; i++)
        if (node.checks.list[i].verdict != VERDICT_ERROR ||
            !strstr(node.checks.list[i].reason, "Protocol not supported"))
            return 2;
    node_end(&node);
    return 0;
}

static void without_netfilter_guard_fails_and_every_check_has_the_kernels_words(void **state)
{
    int status;
    (void)state;
    pid_t child = fork();
    if (child == 0)
        _exit(without_netfilter());
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

static void a_system_without_a_network_of_its_own_is_neither_read_nor_changed(void **state)
{
    static const struct system image = {.root = "/nowhere", .manages_firewall = false};
    struct node node;
    (void)state;
    node_begin(&node, ROLE_MANAGEMENT, SETTING_NONE, NULL);
    domain_firewall.plan(&node.policy, &node.checks);
    assert_int_equal(domain_firewall.base_deny(&image), 0);
    domain_firewall.observe(&image, NULL, &node.policy, &node.checks);
    domain_firewall.converge(&image, &node.policy, &node.checks);
    for (size_t i = 0; i < node.checks.count; i++)
        assert_int_equal(node.checks.list[i].verdict, VERDICT_NOT_APPLICABLE);
    assert_int_not_equal(system("nft list table inet holdfast 2>/dev/null"), 0);
    node_end(&node);
}

/* --- networks and stations --- */

static void networks_are_parsed_cleared_of_hosts_and_written_back(void **state)
{
    static const char *const good[][2] = {
        {"192.0.2.77/24", "192.0.2.0/24"},   {"192.0.2.77", "192.0.2.77"},
        {"192.0.2.77/32", "192.0.2.77"},     {"10.255.0.1/9", "10.128.0.0/9"},
        {"0.0.0.0/0", "0.0.0.0/0"},          {"2001:DB8::1/32", "2001:db8::/32"},
        {"2001:db8::1/128", "2001:db8::1"},  {"::1", "::1"},
        {"fe80::ffff/127", "fe80::fffe/127"}};
    static const char *const bad[] = {"",         "/24",         "192.0.2.1/33", "192.0.2.1/-1",
                                      "192.0.2",  "2001:db8::g", "::1/129",      "192.0.2.1/",
                                      "1.2.3.4 ", "::1/64/64"};
    struct firewall_network network;
    char text[FIREWALL_NETWORK_SIZE];
    (void)state;
    for (size_t i = 0; i < countof(good); i++) {
        assert_int_equal(firewall_network_parse(good[i][0], &network), 0);
        firewall_network_text(&network, text);
        assert_string_equal(text, good[i][1]);
    }
    for (size_t i = 0; i < countof(bad); i++)
        assert_int_equal(firewall_network_parse(bad[i], &network), -EINVAL);
}

static void every_check_has_an_id_of_its_own(void **state)
{
    struct node node;
    (void)state;
    node_begin(&node, ROLE_CONFERENCING, HEALTH_STATIONS, "192.0.2.0/24\n192.0.2.0/25\n::1");
    domain_firewall.plan(&node.policy, &node.checks);
    for (size_t i = 0; i < node.checks.count; i++) {
        assert_int_equal(strspn(node.checks.list[i].id, "abcdefghijklmnopqrstuvwxyz0123456789._-"),
                         strlen(node.checks.list[i].id));
        for (size_t j = 0; j < i; j++)
            assert_string_not_equal(node.checks.list[i].id, node.checks.list[j].id);
    }
    node_end(&node);
}

static int own_namespace(void **state)
{
    (void)state;
    return unshare(CLONE_NEWNET);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(base_deny_stands_alone_and_drops_all_but_loopback, clean),
        cmocka_unit_test_setup(guard_leaves_a_full_table_alone_and_closes_an_open_one, clean),
        cmocka_unit_test_setup(the_ruleset_is_added_to_base_deny_which_never_goes, clean),
        cmocka_unit_test_setup(converge_makes_every_check_pass_for_both_roles, clean),
        cmocka_unit_test_setup(one_rule_that_is_gone_fails_alone, clean),
        cmocka_unit_test_setup(a_changed_rule_shows_what_the_kernel_has, clean),
        cmocka_unit_test_setup(a_rule_too_many_is_named_and_the_others_pass, clean),
        cmocka_unit_test_setup(the_order_of_rules_matters, clean),
        cmocka_unit_test_setup(counted_packets_are_no_difference, clean),
        cmocka_unit_test_setup(thousands_of_rules_too_many_are_read_and_removed, clean),
        cmocka_unit_test_setup(a_table_of_others_is_no_reason_to_load_ours_again, clean),
        cmocka_unit_test_setup(the_endpoint_sends_nothing_of_its_own, clean),
        cmocka_unit_test_setup(rules_of_users_are_printed_as_nft_lists_them, clean),
        cmocka_unit_test_setup(an_unknown_rule_of_others_may_do_anything, clean),
        cmocka_unit_test_setup(without_netfilter_guard_fails_and_every_check_has_the_kernels_words,
                               clean),
        cmocka_unit_test_setup(a_system_without_a_network_of_its_own_is_neither_read_nor_changed,
                               clean),
        cmocka_unit_test(networks_are_parsed_cleared_of_hosts_and_written_back),
        cmocka_unit_test(every_check_has_an_id_of_its_own),
    };
    return cmocka_run_group_tests(tests, own_namespace, NULL);
}
