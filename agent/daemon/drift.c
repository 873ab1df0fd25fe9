/* What one walk found: gathered during the walk, logged at its end. */
#include "daemon/drift.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/str.h"

enum { NAMED_MAX = 5 };

struct found {
    const struct results *before;
    size_t differed, repaired;
    struct buf names; /* of the first few checks, for the event */
};

static bool failed_before(const struct results *before, const struct check *check)
{
    for (size_t d = 0; d < DOMAIN_COUNT; d++)
        for (size_t i = 0; i < before->domain[d].count; i++)
            if (str_equal(before->domain[d].list[i].id, check->id))
                return before->domain[d].list[i].verdict >= VERDICT_FAIL;
    return false;
}

static void changed(void *context, const struct domain *domain, const struct check *check,
                    bool repaired)
{
    struct found *found = context;
    (void)domain;
    if (repaired) {
        found->repaired++;
        return;
    }
    if (failed_before(found->before, check))
        return;
    if (found->differed++ >= NAMED_MAX)
        return;
    buf_puts(&found->names, "; ");
    check_print(check, &found->names);
}

static bool tell(struct node *node, const char *kind, const struct found *found)
{
    return node_event(node, kind, "%zu checks failed, %zu repaired%s%s", found->differed,
                      found->repaired, buf_text(&found->names),
                      found->differed > NAMED_MAX ? "; and more" : "");
}

static void record(struct drift *drift, struct node *node, const struct found *found)
{
    if (!drift->walked || drift->revision != node->revision) {
        (void)tell(node, "enforced", found);
        return;
    }
    drift->repaired += found->repaired;
    drift->last_s = clock_now_s();
    if (tell(node, "drift", found))
        log_warning("drift: %zu checks failed, %zu repaired", found->differed, found->repaired);
}

void drift_walk(struct drift *drift, struct node *node, const struct results *before,
                struct results *now)
{
    struct found found = {.before = before};
    const struct change_listener listener = {changed, &found};
    const struct walk walk = node_walk(node, PHASE_RUN);
    domain_enforce(&walk, &listener, now);
    if (found.differed || found.repaired)
        record(drift, node, &found);
    drift->walked = true;
    drift->revision = node->revision;
    buf_free(&found.names);
}
