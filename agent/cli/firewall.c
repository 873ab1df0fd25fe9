/* holdfast firewall: the ruleset that the stored policy means, in nft's syntax. */
#include "cli/commands.h"

#include "base/file.h"
#include "base/log.h"
#include "domain/firewall_rules.h"
#include "serve/node.h"

#include <string.h>
#include <unistd.h>

static int print_ruleset(const struct policy *policy)
{
    struct firewall_ruleset ruleset;
    struct buf out = {0};
    int error = firewall_rules_make(&ruleset, policy);
    if (error == 0)
        firewall_rules_print(&ruleset, &out);
    if (error == 0)
        error = buf_error(&out);
    if (error == 0)
        error = file_write_all(STDOUT_FILENO, out.data, out.length);
    buf_free(&out);
    firewall_rules_free(&ruleset);
    return error;
}

int cli_firewall(const struct invocation *invocation)
{
    struct node node;
    int error = node_load(&node, invocation->root, invocation->state_path, NODE_LOOK);
    if (error) {
        log_error("firewall: cannot load the node: %s", strerror(-error));
        return EXIT_COULD_NOT;
    }
    if (node.reason.length)
        log_warning("firewall: the strictest ruleset stands: %s", buf_text(&node.reason));
    error = print_ruleset(&node.policy);
    node_close(&node);
    if (error) {
        log_error("firewall: cannot write the ruleset: %s", strerror(-error));
        return EXIT_COULD_NOT;
    }
    return EXIT_HOLDS;
}
