/*
 * What the rendered files have in common: who wrote them, and a record's lists in OpenSSL's words,
 * which nginx and Kamailio take too.
 */
#ifndef HOLDFAST_RENDER_OPENSSL_NAMES_H
#define HOLDFAST_RENDER_OPENSSL_NAMES_H

#include "base/buf.h"
#include "base/json.h"
#include "policy/policy.h"

/* The first line of a file whose comments begin with '#'. */
void openssl_names_stamp(const struct policy *policy, struct buf *out);

/* The first members of an open JSON object: written_by, schema, revision, role. */
void openssl_names_stamp_json(const struct policy *policy, struct json *json);

/* A member with a setting's text, null where it is empty. */
void openssl_names_text_json(const struct policy *policy, const char *name, enum setting_key key,
                             struct json *json);

/* "TLSv1.2". */
const char *openssl_names_version(enum tls_version version);

/* The suites below TLS 1.3, with the security level that they need at the end; those of TLS 1.3,
 * which OpenSSL keeps apart; groups; signatures. Each between colons. */
void openssl_names_ciphers(const struct surface_record *record, struct buf *out);

/* The same suites as openssl_names_ciphers(), in fewer bytes: ECDHE with either certificate as one
 * word (openssl-ciphers(1), CIPHER STRINGS). For who reads no long words: OPENSSL_NAMES_CIPHERS_MAX
 * bytes. */
enum { OPENSSL_NAMES_CIPHERS_MAX = 511 };
void openssl_names_ciphers_short(const struct surface_record *record, struct buf *out);

void openssl_names_suites_of_1_3(const struct surface_record *record, struct buf *out);
void openssl_names_groups(const struct surface_record *record, struct buf *out);
void openssl_names_signatures(const struct surface_record *record, struct buf *out);

#endif
