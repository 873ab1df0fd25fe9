/* Writes the SPDX document from the rows that agent/deps/components.sh makes of deps.lock. */
#include "cli/sbom.h"

#include "base/clock.h"
#include "base/json.h"
#include "base/str.h"

#include <stdio.h>
#include <string.h>

#define COMPONENT(name, version, upstream, file, sha256, cpe, licence, patches)
#include <components.def>
#undef COMPONENT

enum { TEXT_SIZE = 512 };

static const struct component {
    const char *name, *version, *upstream, *file, *sha256, *cpe, *licence, *patches;
} components[] = {
#define COMPONENT(...) {__VA_ARGS__},
#include <components.def>
#undef COMPONENT
};

/* What the compiler adds: parts of libgcc, without a pin of their own. */
static const struct component compiler = {
    .name = "libgcc",
    .version = __VERSION__,
    .upstream = __VERSION__,
    .cpe = "gnu:gcc",
    .licence = "GPL-3.0-or-later WITH GCC-exception-3.1",
};

static void write_checksum(struct json *json, const char *sha256)
{
    json_array_begin(json, "checksums");
    json_object_begin(json, NULL);
    json_string(json, "algorithm", "SHA256");
    json_string(json, "checksumValue", sha256);
    json_object_end(json);
    json_array_end(json);
}

static void write_reference(struct json *json, const char *category, const char *type,
                            const char *locator)
{
    json_object_begin(json, NULL);
    json_string(json, "referenceCategory", category);
    json_string(json, "referenceType", type);
    json_string(json, "referenceLocator", locator);
    json_object_end(json);
}

/* A "+" of a version is %2B in a package URL (purl-spec, Character encoding). */
static void put_version(struct buf *text, const char *version)
{
    for (; *version; version++) {
        if (*version == '+')
            buf_puts(text, "%2B");
        else
            buf_append(text, version, 1);
    }
}

/* By these two a scanner finds the published vulnerabilities. */
static void write_references(struct json *json, const struct component *component)
{
    struct buf purl = {0};
    char cpe[TEXT_SIZE];
    (void)snprintf(cpe, sizeof(cpe), "cpe:2.3:a:%s:%s:*:*:*:*:*:*:*", component->cpe,
                   component->upstream);
    buf_printf(&purl, "pkg:deb/debian/%s@", component->name);
    put_version(&purl, component->version);
    buf_puts(&purl, "?arch=source");
    json_array_begin(json, "externalRefs");
    write_reference(json, "SECURITY", "cpe23Type", cpe);
    if (component->file)
        write_reference(json, "PACKAGE-MANAGER", "purl", buf_text(&purl));
    json_array_end(json);
    buf_free(&purl);
}

/* What packages of both kinds have. A library's files are compiled, not copied: none is listed. */
static void begin_package(struct json *json, const char *name, const char *version,
                          const char *licence)
{
    char id[TEXT_SIZE];
    (void)snprintf(id, sizeof(id), "SPDXRef-Package-%s", name);
    json_object_begin(json, NULL);
    json_string(json, "SPDXID", id);
    json_string(json, "name", name);
    json_string(json, "versionInfo", version);
    json_string(json, "downloadLocation", "NOASSERTION");
    json_bool(json, "filesAnalyzed", false);
    json_string(json, "licenseConcluded", "NOASSERTION");
    json_string(json, "licenseDeclared", licence);
    json_string(json, "copyrightText", "NOASSERTION");
}

static void write_component(struct json *json, const struct component *component)
{
    begin_package(json, component->name, component->version, component->licence);
    if (component->file)
        json_string(json, "packageFileName", component->file);
    if (component->patches && component->patches[0] != '\0')
        json_string(json, "sourceInfo", component->patches);
    if (component->sha256)
        write_checksum(json, component->sha256);
    write_references(json, component);
    json_object_end(json);
}

static void write_relationship(struct json *json, const char *from, const char *kind,
                               const char *to)
{
    char id[TEXT_SIZE];
    (void)snprintf(id, sizeof(id), "SPDXRef-Package-%s", to);
    json_object_begin(json, NULL);
    json_string(json, "spdxElementId", from);
    json_string(json, "relationshipType", kind);
    json_string(json, "relatedSpdxElement", id);
    json_object_end(json);
}

static void write_creation(struct json *json, int64_t now_s)
{
    char when[CLOCK_TEXT_SIZE];
    clock_text(now_s, when);
    json_object_begin(json, "creationInfo");
    json_string(json, "created", when);
    json_array_begin(json, "creators");
    json_string(json, NULL, "Tool: holdfast-" HOLDFAST_VERSION);
    json_array_end(json);
    json_object_end(json);
}

static void write_packages(struct json *json)
{
    json_array_begin(json, "packages");
    begin_package(json, "holdfast", HOLDFAST_VERSION, "NOASSERTION");
    json_object_end(json);
    for (size_t i = 0; i < countof(components); i++)
        write_component(json, &components[i]);
    write_component(json, &compiler);
    json_array_end(json);
}

static void write_relationships(struct json *json)
{
    json_array_begin(json, "relationships");
    write_relationship(json, "SPDXRef-DOCUMENT", "DESCRIBES", "holdfast");
    for (size_t i = 0; i < countof(components); i++)
        write_relationship(json, "SPDXRef-Package-holdfast", "STATIC_LINK", components[i].name);
    write_relationship(json, "SPDXRef-Package-holdfast", "STATIC_LINK", compiler.name);
    json_array_end(json);
}

void sbom_write(struct buf *out, int64_t now_s)
{
    struct json json = {.out = out};
    json_object_begin(&json, NULL);
    json_string(&json, "spdxVersion", "SPDX-2.3");
    json_string(&json, "dataLicense", "CC0-1.0");
    json_string(&json, "SPDXID", "SPDXRef-DOCUMENT");
    json_string(&json, "name", "holdfast-" HOLDFAST_VERSION);
    json_string(&json, "documentNamespace",
                "https://spdx.org/spdxdocs/holdfast-" HOLDFAST_VERSION "-" COMPONENTS_DIGEST);
    write_creation(&json, now_s);
    write_packages(&json);
    write_relationships(&json);
    json_object_end(&json);
    buf_puts(out, "\n");
}
