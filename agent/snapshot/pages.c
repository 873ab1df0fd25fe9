/* The pages: path, type, audience and writer in one table. */
#include "snapshot/pages.h"

#include "base/clock.h"
#include "base/str.h"
#include "snapshot/published.h"

#include <errno.h>
#include <stdio.h>

#define OPENMETRICS "application/openmetrics-text; version=1.0.0; charset=utf-8"

/* What a page is written from. */
struct page_input {
    const struct report *report;
    const struct node *node;
    unsigned stale_s;
};

static void write_live(const struct page_input *input, struct buf *out)
{
    (void)input;
    buf_puts(out, "live\n");
}

static void write_checks(const struct page_input *input, struct buf *out)
{
    report_json(input->report, NULL, out);
}

static void write_health(const struct page_input *input, struct buf *out)
{
    report_health_json(input->report, 0, out);
}

static void write_stale_health(const struct page_input *input, struct buf *out)
{
    report_health_json(input->report, input->stale_s, out);
}

static void write_metrics(const struct page_input *input, struct buf *out)
{
    report_metrics(input->report, false, out);
}

static void write_openmetrics(const struct page_input *input, struct buf *out)
{
    report_metrics(input->report, true, out);
}

static void write_status(const struct page_input *input, struct buf *out)
{
    report_html(input->report, out);
}

static void write_published(const struct page_input *input, struct buf *out)
{
    published_write(input->report, input->node, out);
}

static const struct page_spec {
    const char *path, *type;
    enum page_kind kind;
    enum audience audience;
    bool is_health; /* answered with 503 where the health is fail */
    void (*write)(const struct page_input *input, struct buf *out);
} specs[] = {
    {"/", "text/html; charset=utf-8", PAGE_PLAIN, AUDIENCE_STATIONS, false, write_status},
    {"/health", "application/health+json", PAGE_PLAIN, AUDIENCE_STATIONS, true, write_health},
    {"/health", "application/health+json", PAGE_STALE, AUDIENCE_STATIONS, true, write_stale_health},
    {"/live", "text/plain; charset=utf-8", PAGE_PLAIN, AUDIENCE_STATIONS, false, write_live},
    {"/checks", "application/json", PAGE_PLAIN, AUDIENCE_STATIONS, false, write_checks},
    {"/metrics", "text/plain; version=0.0.4; charset=utf-8", PAGE_PLAIN, AUDIENCE_STATIONS, false,
     write_metrics},
    {"/metrics", OPENMETRICS, PAGE_OPENMETRICS, AUDIENCE_STATIONS, false, write_openmetrics},
    {PAGES_PUBLISHED, "application/octet-stream", PAGE_PLAIN, AUDIENCE_ADMIN, false,
     write_published},
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

static int write_page(const struct page_spec *spec, const struct page_input *input,
                      struct page *page)
{
    *page = (struct page){.path = spec->path,
                          .type = spec->type,
                          .status = page_status(spec, input->report),
                          .kind = spec->kind};
    spec->write(input, &page->body);
    return buf_error(&page->body);
}

int pages_seal(const struct report *report, const struct node *node, enum audience audience,
               unsigned stale_s)
{
    struct page pages[countof(specs)] = {0};
    const struct page_input input = {report, node, stale_s};
    struct snapshot_head head = {
        .generation = report->facts.generation,
        .boot_ms = clock_boot_ms(),
        .stale_ms = (uint64_t)stale_s * 1000,
    };
    size_t count = 0;
    int result = pages_headers(&node->policy, &head);
    for (size_t i = 0; i < countof(specs) && result == 0; i++)
        if (specs[i].audience == audience)
            result = write_page(&specs[i], &input, &pages[count++]);
    if (result == 0)
        result = snapshot_seal(&head, pages, count);
    for (size_t i = 0; i < count; i++)
        buf_free(&pages[i].body);
    return result;
}
