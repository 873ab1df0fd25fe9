/* The endpoint's pages: path, type and writer in one table. */
#include "snapshot/pages.h"

#include "base/clock.h"
#include "base/str.h"

#include <errno.h>
#include <stdio.h>

#define OPENMETRICS "application/openmetrics-text; version=1.0.0; charset=utf-8"

static void write_live(const struct report *report, unsigned stale_s, struct buf *out)
{
    (void)report;
    (void)stale_s;
    buf_puts(out, "live\n");
}

static void write_checks(const struct report *report, unsigned stale_s, struct buf *out)
{
    (void)stale_s;
    report_json(report, NULL, out);
}

static void write_health(const struct report *report, unsigned stale_s, struct buf *out)
{
    (void)stale_s;
    report_health_json(report, 0, out);
}

static void write_stale_health(const struct report *report, unsigned stale_s, struct buf *out)
{
    report_health_json(report, stale_s, out);
}

static void write_metrics(const struct report *report, unsigned stale_s, struct buf *out)
{
    (void)stale_s;
    report_metrics(report, false, out);
}

static void write_openmetrics(const struct report *report, unsigned stale_s, struct buf *out)
{
    (void)stale_s;
    report_metrics(report, true, out);
}

static void write_status(const struct report *report, unsigned stale_s, struct buf *out)
{
    (void)stale_s;
    report_html(report, out);
}

static const struct page_spec {
    const char *path, *type;
    enum page_kind kind;
    bool is_health; /* answered with 503 where the health is fail */
    void (*write)(const struct report *report, unsigned stale_s, struct buf *out);
} specs[] = {
    {"/", "text/html; charset=utf-8", PAGE_PLAIN, false, write_status},
    {"/health", "application/health+json", PAGE_PLAIN, true, write_health},
    {"/health", "application/health+json", PAGE_STALE, true, write_stale_health},
    {"/live", "text/plain; charset=utf-8", PAGE_PLAIN, false, write_live},
    {"/checks", "application/json", PAGE_PLAIN, false, write_checks},
    {"/metrics", "text/plain; version=0.0.4; charset=utf-8", PAGE_PLAIN, false, write_metrics},
    {"/metrics", OPENMETRICS, PAGE_OPENMETRICS, false, write_openmetrics},
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

int pages_seal(const struct report *report, const struct policy *policy, unsigned stale_s)
{
    struct page pages[countof(specs)] = {0};
    struct snapshot_head head = {
        .generation = report->facts.generation,
        .boot_ms = clock_boot_ms(),
        .stale_ms = (uint64_t)stale_s * 1000,
    };
    int result = pages_headers(policy, &head);
    for (size_t i = 0; i < countof(specs); i++) {
        pages[i] = (struct page){.path = specs[i].path,
                                 .type = specs[i].type,
                                 .status = page_status(&specs[i], report),
                                 .kind = specs[i].kind};
        specs[i].write(report, stale_s, &pages[i].body);
        if (result == 0)
            result = buf_error(&pages[i].body);
    }
    if (result == 0)
        result = snapshot_seal(&head, pages, countof(specs));
    for (size_t i = 0; i < countof(specs); i++)
        buf_free(&pages[i].body);
    return result;
}
