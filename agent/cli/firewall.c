/* holdfast firewall: the ruleset that the stored policy means, in nft's syntax. */
#include "cli/commands.h"

#include "base/log.h"
#include "cli/look.h"
#include "cli/stored.h"
#include "firewall/compile.h"

#include <errno.h>
#include <string.h>

static int make_ruleset(const struct policy *policy, struct buf *out)
{
    struct firewall_ruleset ruleset;
    int error = firewall_compile(&ruleset, policy);
    if (error == 0)
        firewall_ruleset_print(&ruleset, out);
    firewall_ruleset_free(&ruleset);
    return error;
}

int cli_firewall(const struct invocation *invocation)
{
    struct look look;
    struct buf out = {0};
    int error = 0;
    if (look_open(&look, invocation) < 0)
        return EXIT_COULD_NOT;
    if (look.node.reason.length)
        log_warning("firewall: the strictest ruleset stands: %s", buf_text(&look.node.reason));
    if (!look.by_daemon)
        error = make_ruleset(&look.node.policy, &out);
    else if (look.published.firewall)
        buf_puts(&out, look.published.firewall);
    else
        error = -ENODATA;
    int code = error ? EXIT_COULD_NOT : stored_print(invocation, &out, EXIT_HOLDS);
    if (error)
        log_error("firewall: cannot make the ruleset: %s", strerror(-error));
    buf_free(&out);
    look_close(&look);
    return code;
}
