/* Fields of HTTP heads: what a client's mean, and the content security policy of a page. Pure. */
#ifndef HOLDFAST_ENDPOINT_FIELDS_H
#define HOLDFAST_ENDPOINT_FIELDS_H

#include <stdbool.h>
#include <stddef.h>

enum { FIELDS_POLICY_SIZE = 256 };

/* True for "uri-host [ ":" port ]" with a host that is not empty (RFC 3986, 3.2.2 and 3.2.3): no
 * user information, and a port, where one is given, from 1 to 65535. */
bool fields_is_host(const char *text, size_t length);

/* True when a list of tokens (Connection, say) has this one, in capitals or not. */
bool fields_lists_token(const char *list, size_t length, const char *token);

/* True when an Accept field (RFC 9110, 12.5.1) names this type itself, with a weight above 0. */
bool fields_accepts(const char *accept, const char *type);

/* True when an If-None-Match field (RFC 9110, 13.1.2) is "*" or lists this strong entity tag; the
 * comparison is weak, as that section asks. */
bool fields_lists_etag(const char *if_none_match, const char *etag);

/* Content-Security-Policy of an HTML page without scripts: nothing but its own style element,
 * named by its hash (CSP Level 3, 2.3.1). 0 or a negative code. */
int fields_content_policy(const void *html, size_t size, char policy[FIELDS_POLICY_SIZE]);

#endif
