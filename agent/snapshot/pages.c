/* The pages: path, format and audience in one table. */
#include "snapshot/pages.h"

#include "base/clock.h"
#include "base/str.h"
#include "snapshot/published.h"

#include <errno.h>
#include <stdio.h>

static const struct page_spec {
    const char *path;
    enum report_format_id format; /* FORMAT_COUNT: the published report (snapshot/published.h) */
    enum page_kind kind;
    enum audience audience;
    bool is_health; /* answered with 503 where the health is fail */
} specs[] = {
    /* clang-format off */
    {"/",             FORMAT_HTML,        PAGE_PLAIN,       AUDIENCE_STATIONS, false},
    {"/health",       FORMAT_HEALTH,      PAGE_PLAIN,       AUDIENCE_STATIONS, true},
    {"/health",       FORMAT_HEALTH,      PAGE_STALE,       AUDIENCE_STATIONS, true},
    {"/live",         FORMAT_LIVE,        PAGE_PLAIN,       AUDIENCE_STATIONS, false},
    {"/checks",       FORMAT_JSON,        PAGE_PLAIN,       AUDIENCE_STATIONS, false},
    {"/metrics",      FORMAT_METRICS,     PAGE_PLAIN,       AUDIENCE_STATIONS, false},
    {"/metrics",      FORMAT_OPENMETRICS, PAGE_OPENMETRICS, AUDIENCE_STATIONS, false},
    {PAGES_PUBLISHED, FORMAT_COUNT,       PAGE_PLAIN,       AUDIENCE_ADMIN,    false},
    /* clang-format on */
};

static unsigned page_status(const struct page_spec *spec, const struct report *report)
{
    bool failing = spec->kind == PAGE_STALE || report_health(report) == HEALTH_FAIL;
    return spec->is_health && failing ? 503 : 200;
}

int pages_headers(const struct policy *policy, struct snapshot_head *head)
{
    int length = snprintf(head->headers, sizeof(head->headers), "Strict-Transport-Security: %s\n%s",
                          crypto_hsts(&policy->crypto),
                          policy->crypto.referrer_policy ? "Referrer-Policy: same-origin\n" : "");
    return length < 0 || (size_t)length >= sizeof(head->headers) ? -EMSGSIZE : 0;
}

static int write_page(const struct page_spec *spec, const struct report *report,
                      const struct node *node, unsigned stale_s, struct page *page)
{
    const struct report_request request = {.stale_s = spec->kind == PAGE_STALE ? stale_s : 0};
    bool published = spec->format == FORMAT_COUNT;
    *page = (struct page){.path = spec->path,
                          .type = published ? "application/octet-stream"
                                            : report_formats[spec->format].type,
                          .status = page_status(spec, report),
                          .kind = spec->kind};
    if (published)
        published_write(report, node, &page->body);
    else
        report_formats[spec->format].write(report, &request, &page->body);
    return buf_error(&page->body);
}

int pages_seal(const struct report *report, const struct node *node, enum audience audience,
               unsigned stale_s)
{
    struct page pages[countof(specs)] = {0};
    struct snapshot_head head = {
        .generation = report->facts.generation,
        .boot_ms = clock_boot_ms(),
        .stale_ms = (uint64_t)stale_s * 1000,
    };
    size_t count = 0;
    int result = pages_headers(&node->policy, &head);
    for (size_t i = 0; i < countof(specs) && result == 0; i++)
        if (specs[i].audience == audience)
            result = write_page(&specs[i], report, node, stale_s, &pages[count++]);
    if (result == 0)
        result = snapshot_seal(&head, pages, count);
    for (size_t i = 0; i < count; i++)
        buf_free(&pages[i].body);
    return result;
}
