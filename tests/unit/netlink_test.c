/* Netlink: what is built parses again, and what is no netlink is refused; nf_tables objects make
 * the way to bytes and back, and to the kernel and back in a namespace of the test's own. */
#include "netlink/addresses.h"
#include "netlink/conntrack.h"
#include "netlink/links.h"
#include "netlink/message.h"
#include "netlink/monitor.h"
#include "netlink/nftables.h"

#include "base/str.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

/* --- messages --- */

static void a_built_message_parses_again(void **state)
{
    struct buf buf = {0};
    struct netlink_message message;
    struct netlink_attribute attribute;
    uint32_t family = 7, back = 0, number = 0;
    uint64_t wide = 0;
    char text[8];
    (void)state;
    size_t begin = netlink_begin(&buf, &(struct netlink_head){.type = 33, .sequence = 5}, &family,
                                 sizeof(family));
    netlink_put_be32(&buf, 1, 0x01020304);
    netlink_put_string(&buf, 2, "odd");
    size_t nest = netlink_nest_begin(&buf, 3);
    netlink_put_be64(&buf, 4, 1ULL << 40);
    netlink_nest_end(&buf, nest);
    netlink_end(&buf, begin);

    struct netlink_bytes rest = netlink_bytes_of(&buf);
    assert_int_equal(netlink_next(&rest, &message), 1);
    assert_int_equal(message.type, 33);
    assert_int_equal(message.sequence, 5);
    assert_int_equal(netlink_take(&message.body, &back, sizeof(back)), 0);
    assert_int_equal(back, family);
    assert_int_equal(netlink_next_attribute(&message.body, &attribute), 1);
    assert_int_equal(netlink_be32(attribute.value, &number), 0);
    assert_int_equal(number, 0x01020304);
    assert_int_equal(netlink_next_attribute(&message.body, &attribute), 1);
    assert_int_equal(netlink_string(attribute.value, text, sizeof(text)), 0);
    assert_string_equal(text, "odd");
    assert_int_equal(netlink_next_attribute(&message.body, &attribute), 1);
    assert_int_equal(attribute.type, 3);
    struct netlink_bytes nested = attribute.value;
    assert_int_equal(netlink_next_attribute(&nested, &attribute), 1);
    assert_int_equal(netlink_be64(attribute.value, &wide), 0);
    assert_true(wide == 1ULL << 40);
    assert_int_equal(netlink_next_attribute(&message.body, &attribute), 0);
    assert_int_equal(netlink_next(&rest, &message), 0);
    buf_free(&buf);
}

/* A copy of its exact size, so that a sanitizer sees a read beyond it. */
static void parse_cut(const struct buf *buf, size_t size)
{
    uint8_t *copy = malloc(size ? size : 1);
    struct netlink_bytes rest = {copy, size};
    struct netlink_message message;
    struct netlink_attribute attribute;
    assert_non_null(copy);
    memcpy(copy, buf->data, size);
    assert_int_not_equal(netlink_next(&rest, &message), 1);
    rest = (struct netlink_bytes){copy, size};
    while (netlink_next_attribute(&rest, &attribute) > 0)
        continue;
    free(copy);
}

static void a_cut_message_is_refused(void **state)
{
    struct buf buf = {0};
    (void)state;
    size_t begin = netlink_begin(&buf, &(struct netlink_head){.type = 33}, NULL, 0);
    netlink_put_string(&buf, 2, "some text");
    netlink_end(&buf, begin);
    for (size_t size = 0; size < buf.length; size++)
        parse_cut(&buf, size);
    buf_free(&buf);
}

static void lengths_that_lie_are_refused(void **state)
{
    static const uint8_t lies[][4] = {{0, 0, 1, 0}, {3, 0, 1, 0}, {5, 0, 1, 0}, {0xff, 0xff, 1, 0}};
    struct netlink_attribute attribute;
    (void)state;
    for (size_t i = 0; i < countof(lies); i++) {
        struct netlink_bytes rest = {lies[i], sizeof(lies[i])};
        assert_int_equal(netlink_next_attribute(&rest, &attribute), -EBADMSG);
    }
}

static void text_with_control_characters_is_refused_and_a_name_is_made_readable(void **state)
{
    static const uint8_t bad[] = {'a', 27, 'b', 0}, inner[] = {'a', 0, 'b', 0};
    char text[3];
    (void)state;
    assert_int_equal(netlink_string((struct netlink_bytes){bad, 4}, text, sizeof(text)), -EBADMSG);
    assert_int_equal(netlink_string((struct netlink_bytes){inner, 4}, text, sizeof(text)),
                     -EBADMSG);
    netlink_name((struct netlink_bytes){bad, 4}, text, sizeof(text));
    assert_string_equal(text, "a?");
}

/* --- flows and addresses --- */

static void put_tuple(struct buf *buf, uint16_t type, const uint8_t *from, const uint8_t *to,
                      uint16_t from_port, uint16_t to_port)
{
    size_t tuple = netlink_nest_begin(buf, type);
    size_t nest = netlink_nest_begin(buf, CTA_TUPLE_IP);
    netlink_put(buf, CTA_IP_V4_SRC, from, 4);
    netlink_put(buf, CTA_IP_V4_DST, to, 4);
    netlink_nest_end(buf, nest);
    nest = netlink_nest_begin(buf, CTA_TUPLE_PROTO);
    netlink_put_u8(buf, CTA_PROTO_NUM, IPPROTO_TCP);
    netlink_put_be16(buf, CTA_PROTO_SRC_PORT, from_port);
    netlink_put_be16(buf, CTA_PROTO_DST_PORT, to_port);
    netlink_nest_end(buf, nest);
    netlink_nest_end(buf, tuple);
}

static void put_flow(struct buf *buf)
{
    static const uint8_t peer[] = {192, 0, 2, 2}, node[] = {192, 0, 2, 1};
    put_tuple(buf, CTA_TUPLE_ORIG, peer, node, 4000, 22);
    put_tuple(buf, CTA_TUPLE_REPLY, node, peer, 22, 4000);
    netlink_put_be32(buf, CTA_STATUS, 0xe);
    netlink_put_be32(buf, CTA_ID, 77);
}

static void a_flow_is_read_with_both_its_directions_and_the_key_that_names_it(void **state)
{
    struct buf buf = {0};
    struct conntrack_flow flow;
    (void)state;
    put_flow(&buf);
    assert_int_equal(conntrack_read(netlink_bytes_of(&buf), AF_INET, &flow), 0);
    assert_int_equal(flow.original.protocol, IPPROTO_TCP);
    assert_int_equal(flow.original.source_port, 4000);
    assert_int_equal(flow.reply.source_port, 22);
    assert_int_equal(flow.original.source[3], 2);
    assert_int_equal(flow.reply.source[3], 1);
    assert_int_equal(flow.id, 77);
    assert_int_equal(flow.key_size, 48);
    assert_false(flow.dying);
    buf_free(&buf);
}

/* Copies of their exact size, so that a sanitizer sees a read beyond them. */
static void a_cut_flow_and_one_of_another_family_are_refused(void **state)
{
    struct buf buf = {0};
    struct conntrack_flow flow;
    (void)state;
    put_flow(&buf);
    size_t whole = buf.length - 16; /* status and id may be missing */
    for (size_t size = 0; size < whole; size++) {
        uint8_t *copy = malloc(size ? size : 1);
        assert_non_null(copy);
        memcpy(copy, buf.data, size);
        assert_int_equal(conntrack_read((struct netlink_bytes){copy, size}, AF_INET, &flow),
                         -EBADMSG);
        free(copy);
    }
    assert_int_equal(conntrack_read(netlink_bytes_of(&buf), AF_INET6, &flow), -EBADMSG);
    assert_int_equal(conntrack_read(netlink_bytes_of(&buf), AF_UNSPEC, &flow), -EBADMSG);
    buf_free(&buf);
}

static void a_key_longer_than_there_is_room_for_is_refused(void **state)
{
    static const uint8_t zeros[CONNTRACK_TUPLE_MAX + 1];
    struct buf buf = {0};
    struct conntrack_flow flow;
    (void)state;
    netlink_put(&buf, CTA_TUPLE_ORIG, zeros, sizeof(zeros));
    assert_int_equal(conntrack_read(netlink_bytes_of(&buf), AF_INET, &flow), -EBADMSG);
    buf_free(&buf);
}

static void an_address_of_the_wrong_size_is_refused_and_the_local_one_counts(void **state)
{
    static const uint8_t far[] = {10, 0, 0, 2}, own[] = {10, 0, 0, 1};
    struct ifaddrmsg header = {.ifa_family = AF_INET};
    struct addresses_one address;
    struct buf buf = {0};
    (void)state;
    buf_append(&buf, &header, sizeof(header));
    netlink_put(&buf, IFA_LOCAL, own, sizeof(own));
    netlink_put(&buf, IFA_ADDRESS, far, sizeof(far));
    assert_int_equal(addresses_read_one(netlink_bytes_of(&buf), &address), 1);
    assert_memory_equal(address.byte, own, sizeof(own));
    netlink_put(&buf, IFA_LOCAL, own, 3);
    assert_int_equal(addresses_read_one(netlink_bytes_of(&buf), &address), -EBADMSG);
    buf_free(&buf);
}

static void a_link_needs_a_name_and_an_mtu_of_four_bytes(void **state)
{
    static const uint32_t mtu = 1400;
    struct ifinfomsg header = {.ifi_flags = IFF_UP};
    struct link link;
    struct buf buf = {0};
    (void)state;
    buf_append(&buf, &header, sizeof(header));
    netlink_put_string(&buf, IFLA_IFNAME, "eth0");
    assert_int_equal(links_read_one(netlink_bytes_of(&buf), &link), -EBADMSG);
    netlink_put(&buf, IFLA_MTU, &mtu, sizeof(mtu));
    assert_int_equal(links_read_one(netlink_bytes_of(&buf), &link), 0);
    assert_string_equal(link.name, "eth0");
    assert_int_equal(link.mtu, mtu);
    assert_int_equal(link.flags, IFF_UP);
    netlink_put(&buf, IFLA_MTU, &mtu, 2);
    assert_int_equal(links_read_one(netlink_bytes_of(&buf), &link), -EBADMSG);
    buf_free(&buf);
}

static void remember_loopback(void *context, const struct link *link)
{
    bool *found = context;
    *found = *found || (str_equal(link->name, "lo") && (link->flags & IFF_LOOPBACK) && link->mtu);
}

static void the_kernel_shows_its_interfaces(void **state)
{
    struct netlink netlink = {0};
    bool found = false;
    (void)state;
    assert_int_equal(netlink_open(&netlink, NETLINK_ROUTE), 0);
    assert_int_equal(links_read(&netlink, remember_loopback, &found), 0);
    assert_true(found);
    netlink_close(&netlink);
}

/* --- expressions --- */

static const struct nft_expression samples[] = {
    {.kind = NFT_META, .meta = {.key = NFT_META_IIFNAME, .dreg = NFT_REG_1}},
    {.kind = NFT_CMP,
     .cmp = {.sreg = NFT_REG_1, .op = NFT_CMP_NEQ, .value = {.length = 3, .byte = {1, 2, 3}}}},
    {.kind = NFT_PAYLOAD,
     .payload =
         {.dreg = NFT_REG_1, .base = NFT_PAYLOAD_TRANSPORT_HEADER, .offset = 2, .length = 2}},
    {.kind = NFT_PAYLOAD,
     .payload = {.sreg = NFT_REG_1,
                 .base = NFT_PAYLOAD_NETWORK_HEADER,
                 .length = 2,
                 .checksum_type = NFT_PAYLOAD_CSUM_INET,
                 .checksum_offset = 10}},
    {.kind = NFT_BITWISE,
     .bitwise = {.sreg = NFT_REG_1,
                 .dreg = NFT_REG_1,
                 .length = 2,
                 .mask = {.length = 2, .byte = {0xff, 3}},
                 .xor = {.length = 2}}},
    {.kind = NFT_CT, .ct = {.key = NFT_CT_STATE, .dreg = NFT_REG_1}},
    {.kind = NFT_CONNLIMIT, .connlimit = {.count = 100, .flags = NFT_CONNLIMIT_F_INV}},
    {.kind = NFT_LIMIT, .limit = {.rate = 20, .unit_s = 1, .burst = 20, .flags = NFT_LIMIT_F_INV}},
    {.kind = NFT_COUNTER},
    {.kind = NFT_REJECT,
     .reject = {.type = NFT_REJECT_ICMPX_UNREACH, .code = NFT_REJECT_ICMPX_PORT_UNREACH}},
    {.kind = NFT_IMMEDIATE, .immediate = {.verdict = {.code = NF_DROP}}},
    {.kind = NFT_IMMEDIATE, .immediate = {.verdict = {.code = NFT_GOTO, .chain = "other"}}},
    {.kind = NFT_LOAD, .load = {.dreg = NFT_REG_1, .value = {.length = 4, .byte = {1}}}},
    {.kind = NFT_DYNSET,
     .dynset = {.set = "echo",
                .op = NFT_DYNSET_OP_UPDATE,
                .sreg = NFT_REG_1,
                .timeout_ms = 10000,
                .each = {.kind = NFT_LIMIT, .limit = {.rate = 20, .unit_s = 1, .burst = 20}}}},
    {.kind = NFT_NOTRACK},
};

/* Encodes one expression and decodes it. */
static void there_and_back(const struct nft_expression *expression, struct nft_expression *back)
{
    struct buf buf = {0};
    struct netlink_attribute element;
    nft_expression_put(&buf, expression);
    assert_int_equal(buf_error(&buf), 0);
    struct netlink_bytes rest = netlink_bytes_of(&buf);
    assert_int_equal(netlink_next_attribute(&rest, &element), 1);
    nft_expression_read(element.value, back);
    buf_free(&buf);
}

static void every_expression_comes_back_equal_and_differs_from_every_other(void **state)
{
    struct nft_expression back;
    (void)state;
    for (size_t i = 0; i < countof(samples); i++) {
        there_and_back(&samples[i], &back);
        for (size_t j = 0; j < countof(samples); j++)
            assert_int_equal(nft_expression_equal(&back, &samples[j]), i == j);
    }
}

static void a_changed_member_makes_an_expression_differ(void **state)
{
    struct nft_expression changed[] = {samples[1], samples[4], samples[6], samples[7], samples[11]};
    static const size_t of[] = {1, 4, 6, 7, 11};
    (void)state;
    changed[0].cmp.value.byte[2] = 4;
    changed[1].bitwise.xor.byte[1] = 1;
    changed[2].connlimit.count = 101;
    changed[3].limit.flags = 0;
    changed[4].immediate.verdict.chain[0] = 'O';
    for (size_t i = 0; i < countof(changed); i++)
        assert_false(nft_expression_equal(&changed[i], &samples[of[i]]));
}

static void a_counter_equals_itself_whatever_it_counted(void **state)
{
    struct nft_expression counted = {.kind = NFT_COUNTER, .counter = {.packets = 9}};
    struct nft_expression back;
    (void)state;
    there_and_back(&counted, &back);
    assert_int_equal(back.counter.packets, 9);
    assert_true(nft_expression_equal(&back, &(struct nft_expression){.kind = NFT_COUNTER}));
}

static void read_foreign(const char *name, uint16_t attribute, struct nft_expression *expression)
{
    struct buf buf = {0};
    netlink_put_string(&buf, NFTA_EXPR_NAME, name);
    size_t data = netlink_nest_begin(&buf, NFTA_EXPR_DATA);
    netlink_put_be32(&buf, NFTA_META_KEY, NFT_META_MARK);
    netlink_put_be32(&buf, attribute, 1);
    netlink_nest_end(&buf, data);
    nft_expression_read(netlink_bytes_of(&buf), expression);
    buf_free(&buf);
}

static void what_is_not_known_is_unknown_and_equals_nothing(void **state)
{
    struct nft_expression expression;
    struct buf text = {0};
    (void)state;
    read_foreign("quota", NFTA_META_DREG, &expression); /* a name without meaning to us */
    assert_int_equal(expression.kind, NFT_UNKNOWN);
    assert_false(nft_expression_equal(&expression, &expression));
    nft_expression_print(&expression, &text);
    assert_string_equal(buf_text(&text), "[ unknown quota ]");
    buf_free(&text);
    read_foreign("meta", 77, &expression); /* an attribute without meaning to us */
    assert_int_equal(expression.kind, NFT_UNKNOWN);
    read_foreign("cmp", NFTA_CMP_OP, &expression); /* one that is missed */
    assert_int_equal(expression.kind, NFT_UNKNOWN);
}

/* --- rules --- */

static void a_rule_longer_than_there_is_room_for_equals_nothing(void **state)
{
    struct buf buf = {0};
    struct nft_rule rule;
    char table[NFT_NAME_SIZE];
    (void)state;
    size_t list = netlink_nest_begin(&buf, NFTA_RULE_EXPRESSIONS);
    for (size_t i = 0; i <= NFT_EXPRESSIONS_MAX; i++)
        nft_expression_put(&buf, &samples[0]);
    netlink_nest_end(&buf, list);
    assert_int_equal(nft_rule_read(netlink_bytes_of(&buf), table, &rule), 0);
    assert_int_equal(rule.count, NFT_EXPRESSIONS_MAX);
    assert_false(nft_rule_equal(&rule, &rule));
    buf_free(&buf);
}

static void an_unknown_expression_never_goes_out(void **state)
{
    struct buf buf = {0};
    (void)state;
    nft_expression_put(&buf, &(struct nft_expression){.kind = NFT_UNKNOWN});
    assert_true(buf_error(&buf) < 0);
    buf_free(&buf);
}

/* --- the kernel --- */

static const struct nft_chain chain_in = {.name = "in",
                                          .base = true,
                                          .type = "filter",
                                          .hook = NF_INET_LOCAL_IN,
                                          .priority = -5,
                                          .policy = NF_DROP};

static int replace(struct netlink *netlink, const struct nft_rule *const *rules, size_t count,
                   size_t *failed)
{
    const struct nft_chain *const chains[] = {&chain_in};
    struct nft_ruleset ruleset = {.family = NFPROTO_INET,
                                  .table = "test",
                                  .chains = chains,
                                  .chain_count = 1,
                                  .rules = rules,
                                  .rule_count = count};
    return nft_load(netlink, &ruleset, NFT_REPLACE, failed);
}

static void the_kernel_gives_back_the_rules_that_it_was_given(void **state)
{
    struct nft_rule rule = {.chain = "in", .count = 3};
    const struct nft_rule *const rules[] = {&rule, &rule};
    struct netlink netlink;
    struct nft_table table;
    size_t failed;
    (void)state;
    memcpy(rule.list, (struct nft_expression[]){samples[0], samples[8], samples[10]},
           3 * sizeof(rule.list[0]));
    assert_int_equal(netlink_open(&netlink, NETLINK_NETFILTER), 0);
    assert_int_equal(nft_read(&netlink, NFPROTO_INET, "test", &table, NULL), 0);
    assert_false(table.exists);
    for (int i = 0; i < 2; i++) { /* the second takes the first one's place */
        assert_int_equal(replace(&netlink, rules, 2, &failed), 0);
        assert_int_equal(nft_read(&netlink, NFPROTO_INET, "test", &table, NULL), 0);
        assert_true(table.exists);
        assert_int_equal(table.set_count + table.object_count, 0);
        assert_int_equal(table.chain_count, 1);
        assert_true(nft_chain_equal(&table.chains[0], &chain_in));
        assert_int_equal(table.rule_count, 2);
        assert_true(nft_rule_equal(&table.rules[0], &rule));
        nft_table_free(&table);
    }
    netlink_close(&netlink);
}

static void a_refused_rule_is_named_and_the_table_stays_as_it_was(void **state)
{
    struct nft_rule good = {.chain = "in", .count = 1}, bad = {.chain = "in", .count = 1};
    const struct nft_rule *const rules[] = {&good, &bad, &good};
    struct netlink netlink;
    struct nft_table table;
    size_t failed;
    (void)state;
    good.list[0] = samples[10];
    bad.list[0] = samples[11]; /* there is no chain "other" to go to */
    assert_int_equal(netlink_open(&netlink, NETLINK_NETFILTER), 0);
    assert_int_equal(replace(&netlink, rules, 1, &failed), 0);
    assert_int_equal(replace(&netlink, rules, 3, &failed), -ENOENT);
    assert_int_equal(failed, 1);
    assert_true(netlink.why[0] != '\0');
    assert_int_equal(nft_read(&netlink, NFPROTO_INET, "test", &table, NULL), 0);
    assert_int_equal(table.rule_count, 1);
    nft_table_free(&table);
    netlink_close(&netlink);
}

/* --- the monitor --- */

struct watch {
    struct loop loop;
    struct monitor *monitor;
    int patience_ms; /* of one turn */
    unsigned bits;
};

static struct watch watch;

static int wait_a_while(struct pollfd *fds, nfds_t count, int timeout_ms)
{
    assert_int_equal(timeout_ms, -1);
    return poll(fds, count, watch.patience_ms);
}

static void on_seen(void *context, unsigned bits)
{
    ((struct watch *)context)->bits |= bits;
}

static void begin_watch(void)
{
    loop_init(&watch.loop);
    watch.loop.wait = wait_a_while;
    assert_int_equal(monitor_open(&watch.monitor, &watch.loop, on_seen, &watch), 0);
}

static void end_watch(void)
{
    monitor_close(watch.monitor);
    assert_int_equal(watch.loop.count, 0);
}

static unsigned seen_within(int patience_ms)
{
    watch.patience_ms = patience_ms;
    watch.bits = 0;
    assert_int_equal(loop_turn(&watch.loop), 0);
    return watch.bits;
}

static int change_table(void)
{
    struct nft_rule rule = {.chain = "in", .count = 1};
    const struct nft_rule *const rules[] = {&rule};
    struct netlink netlink;
    size_t failed;
    rule.list[0] = samples[10];
    int error = netlink_open(&netlink, NETLINK_NETFILTER);
    if (error == 0)
        error = replace(&netlink, rules, 1, &failed);
    netlink_close(&netlink);
    return error;
}

static void the_monitor_tells_changes_of_others_from_its_own(void **state)
{
    int status;
    (void)state;
    begin_watch();
    assert_int_equal(change_table(), 0);
    assert_int_equal(seen_within(0), 0);
    pid_t child = fork();
    if (child == 0)
        _exit(change_table() == 0 ? 0 : 1);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_int_equal(seen_within(1000), MONITOR_FIREWALL);
    assert_int_equal(seen_within(0), 0);
    end_watch();
}

static void the_monitor_tells_of_interfaces_and_their_configuration(void **state)
{
    (void)state;
    begin_watch();
    assert_int_equal(system("ip link set lo up"), 0);
    assert_int_equal(seen_within(1000), MONITOR_INTERFACES);
    int fd = open("/proc/sys/net/ipv4/conf/lo/forwarding", O_WRONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, "1", 1), 1);
    close(fd);
    assert_int_equal(seen_within(1000), MONITOR_INTERFACES);
    end_watch();
}

static int own_namespace(void **state)
{
    (void)state;
    return unshare(CLONE_NEWNET);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_built_message_parses_again),
        cmocka_unit_test(a_cut_message_is_refused),
        cmocka_unit_test(lengths_that_lie_are_refused),
        cmocka_unit_test(text_with_control_characters_is_refused_and_a_name_is_made_readable),
        cmocka_unit_test(a_flow_is_read_with_both_its_directions_and_the_key_that_names_it),
        cmocka_unit_test(a_cut_flow_and_one_of_another_family_are_refused),
        cmocka_unit_test(a_key_longer_than_there_is_room_for_is_refused),
        cmocka_unit_test(an_address_of_the_wrong_size_is_refused_and_the_local_one_counts),
        cmocka_unit_test(a_link_needs_a_name_and_an_mtu_of_four_bytes),
        cmocka_unit_test(the_kernel_shows_its_interfaces),
        cmocka_unit_test(every_expression_comes_back_equal_and_differs_from_every_other),
        cmocka_unit_test(a_changed_member_makes_an_expression_differ),
        cmocka_unit_test(a_counter_equals_itself_whatever_it_counted),
        cmocka_unit_test(what_is_not_known_is_unknown_and_equals_nothing),
        cmocka_unit_test(a_rule_longer_than_there_is_room_for_equals_nothing),
        cmocka_unit_test(an_unknown_expression_never_goes_out),
        cmocka_unit_test(the_kernel_gives_back_the_rules_that_it_was_given),
        cmocka_unit_test(a_refused_rule_is_named_and_the_table_stays_as_it_was),
        cmocka_unit_test(the_monitor_tells_changes_of_others_from_its_own),
        cmocka_unit_test(the_monitor_tells_of_interfaces_and_their_configuration),
    };
    return cmocka_run_group_tests(tests, own_namespace, NULL);
}
