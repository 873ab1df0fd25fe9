/* Responses prepared from a snapshot, and the conditions of RFC 9110 that choose among them. */
#include "endpoint/responses.h"

#include "base/str.h"
#include "endpoint/fields.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define OPENMETRICS_TYPE "application/openmetrics-text"
#define NOT_MODIFIED     MHD_HTTP_NOT_MODIFIED

/* The mapping, kept by each response that points into it. */
struct mapping {
    struct snapshot snapshot;
    size_t holders;
};

struct prepared {
    struct snapshot_page page;
    struct MHD_Response *whole, *not_modified;
};

static const struct refusal {
    unsigned status;
    const char *text;
} refusals[] = {
    {MHD_HTTP_BAD_REQUEST, "bad request\n"},
    {MHD_HTTP_NOT_FOUND, "not found\n"},
    {MHD_HTTP_METHOD_NOT_ALLOWED, "method not allowed\n"},
    {MHD_HTTP_URI_TOO_LONG, "target too long\n"},
    {MHD_HTTP_REQUEST_HEADER_FIELDS_TOO_LARGE, "head too large\n"},
    {MHD_HTTP_SERVICE_UNAVAILABLE, "starting\n"},
    {MHD_HTTP_HTTP_VERSION_NOT_SUPPORTED, "HTTP/1.1 only\n"},
};

struct responses {
    struct mapping *mapping; /* NULL: no snapshot yet */
    uint64_t born_ms, stale_ms;
    struct MHD_Response *refused[countof(refusals)];
    size_t count;
    struct prepared list[];
};

/* --- preparing --- */

static void mapping_release(void *context)
{
    struct mapping *mapping = context;
    if (--mapping->holders)
        return;
    snapshot_unmap(&mapping->snapshot);
    free(mapping);
}

static bool add_header(struct MHD_Response *response, const char *name, const char *value)
{
    return MHD_add_response_header(response, name, value) == MHD_YES;
}

/* "Name: value\n" lines, as snapshot_map has checked them. */
static bool add_common(struct MHD_Response *response, const struct mapping *mapping)
{
    char line[sizeof(((struct snapshot_head *)0)->headers)];
    bool good = add_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store") &&
                add_header(response, "X-Content-Type-Options", "nosniff");
    const char *from = mapping ? snapshot_head(&mapping->snapshot)->headers : "";
    for (const char *end = strchr(from, '\n'); good && end; end = strchr(from, '\n')) {
        size_t length = (size_t)(end - from);
        memcpy(line, from, length);
        line[length] = '\0';
        char *colon = strstr(line, ": ");
        *colon = '\0';
        good = add_header(response, line, colon + 2);
        from = end + 1;
    }
    return good;
}

static struct MHD_Response *prepare_text(const struct mapping *mapping, const struct refusal *is)
{
    struct MHD_Response *response =
        MHD_create_response_from_buffer_static(strlen(is->text), is->text);
    bool good = response && add_common(response, mapping) &&
                add_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, "text/plain; charset=utf-8");
    if (good && is->status == MHD_HTTP_METHOD_NOT_ALLOWED)
        good = add_header(response, MHD_HTTP_HEADER_ALLOW, "GET, HEAD");
    if (good && is->status == MHD_HTTP_SERVICE_UNAVAILABLE)
        good = add_header(response, MHD_HTTP_HEADER_RETRY_AFTER, "1");
    if (good || !response)
        return response;
    MHD_destroy_response(response);
    return NULL;
}

/* The headers that a page's 304 repeats (RFC 9110, 15.4.5). */
static bool add_validators(struct MHD_Response *response, const struct mapping *mapping,
                           const struct snapshot_page *page)
{
    struct snapshot_page other;
    bool varies = snapshot_find(&mapping->snapshot, page->path, PAGE_OPENMETRICS, &other) == 0;
    return add_common(response, mapping) &&
           add_header(response, MHD_HTTP_HEADER_ETAG, page->etag) &&
           (!varies || add_header(response, MHD_HTTP_HEADER_VARY, MHD_HTTP_HEADER_ACCEPT));
}

static bool prepare_page(struct prepared *prepared, struct mapping *mapping)
{
    const struct snapshot_page *page = &prepared->page;
    char policy[FIELDS_POLICY_SIZE];
    prepared->whole = MHD_create_response_from_buffer_with_free_callback_cls(
        page->size, page->body, mapping_release, mapping);
    if (!prepared->whole)
        return false;
    mapping->holders++;
    /* Without the length of a body that it does not have (RFC 9110, 8.6). */
    prepared->not_modified = MHD_create_response_empty(MHD_RF_HEAD_ONLY_RESPONSE);
    if (!prepared->not_modified || !add_validators(prepared->not_modified, mapping, page) ||
        !add_validators(prepared->whole, mapping, page) ||
        !add_header(prepared->whole, MHD_HTTP_HEADER_CONTENT_TYPE, page->type))
        return false;
    if (!str_starts(page->type, "text/html"))
        return true;
    return fields_content_policy(page->body, page->size, policy) == 0 &&
           add_header(prepared->whole, "Content-Security-Policy", policy);
}

static bool prepare(struct responses *responses)
{
    for (size_t i = 0; i < countof(refusals); i++) {
        responses->refused[i] = prepare_text(responses->mapping, &refusals[i]);
        if (!responses->refused[i])
            return false;
    }
    for (size_t i = 0; i < responses->count; i++) {
        snapshot_page(&responses->mapping->snapshot, i, &responses->list[i].page);
        if (!prepare_page(&responses->list[i], responses->mapping))
            return false;
    }
    return true;
}

static struct mapping *mapping_make(struct snapshot *snapshot)
{
    struct mapping *mapping = malloc(sizeof(*mapping));
    if (!mapping) {
        snapshot_unmap(snapshot);
        return NULL;
    }
    *mapping = (struct mapping){.snapshot = *snapshot, .holders = 1};
    return mapping;
}

int responses_open(struct responses **responses, struct snapshot *snapshot)
{
    size_t count = snapshot ? snapshot_count(snapshot) : 0;
    struct mapping *mapping = snapshot ? mapping_make(snapshot) : NULL;
    if (snapshot && !mapping)
        return -ENOMEM;
    *responses = calloc(1, sizeof(**responses) + count * sizeof((*responses)->list[0]));
    if (!*responses) {
        if (mapping)
            mapping_release(mapping);
        return -ENOMEM;
    }
    (*responses)->mapping = mapping;
    (*responses)->count = count;
    if (mapping) {
        (*responses)->born_ms = snapshot_head(&mapping->snapshot)->boot_ms;
        (*responses)->stale_ms = snapshot_head(&mapping->snapshot)->stale_ms;
    }
    if (prepare(*responses))
        return 0;
    responses_close(*responses);
    *responses = NULL;
    return -ENOMEM;
}

static void drop(struct MHD_Response *response)
{
    if (response)
        MHD_destroy_response(response);
}

void responses_close(struct responses *responses)
{
    if (!responses)
        return;
    for (size_t i = 0; i < countof(refusals); i++)
        drop(responses->refused[i]);
    for (size_t i = 0; i < responses->count; i++) {
        drop(responses->list[i].whole);
        drop(responses->list[i].not_modified);
    }
    if (responses->mapping)
        mapping_release(responses->mapping);
    free(responses);
}

/* --- answering --- */

static const struct prepared *find(const struct responses *responses, const char *path,
                                   enum page_kind kind)
{
    for (size_t i = 0; i < responses->count; i++)
        if (responses->list[i].page.kind == kind && str_equal(responses->list[i].page.path, path))
            return &responses->list[i];
    return NULL;
}

static bool is_stale(const struct responses *responses, uint64_t now_ms)
{
    return responses->stale_ms && now_ms > responses->born_ms &&
           now_ms - responses->born_ms > responses->stale_ms;
}

static const struct prepared *choose(const struct responses *responses,
                                     const struct responses_query *request)
{
    const struct prepared *chosen = NULL;
    if (is_stale(responses, request->now_ms))
        chosen = find(responses, request->path, PAGE_STALE);
    if (!chosen && fields_accepts(request->accept, OPENMETRICS_TYPE))
        chosen = find(responses, request->path, PAGE_OPENMETRICS);
    return chosen ? chosen : find(responses, request->path, PAGE_PLAIN);
}

struct answer responses_find(struct responses *responses, const struct responses_query *request)
{
    unsigned status = responses->mapping ? MHD_HTTP_NOT_FOUND : MHD_HTTP_SERVICE_UNAVAILABLE;
    const struct prepared *chosen = choose(responses, request);
    if (!chosen)
        return (struct answer){status, responses_refusal(responses, status)};
    if (chosen->page.status == MHD_HTTP_OK &&
        fields_lists_etag(request->if_none_match, chosen->page.etag))
        return (struct answer){NOT_MODIFIED, chosen->not_modified};
    return (struct answer){chosen->page.status, chosen->whole};
}

struct MHD_Response *responses_refusal(struct responses *responses, unsigned status)
{
    for (size_t i = 0; i < countof(refusals); i++)
        if (refusals[i].status == status)
            return responses->refused[i];
    return responses->refused[0];
}
