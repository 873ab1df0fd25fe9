/* Beside the pair the state holds its origin: what a self-made certificate was made from, and its
 * fingerprint; or the word of an import. */
#include "daemon/own_certificate.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/str.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define OBJECT_CERTIFICATE "endpoint.certificate"
#define OBJECT_ORIGIN      "endpoint.origin"
#define ORIGIN_IMPORTED    "imported\n"

enum {
    NAMES_MAX = 20,
    NAME_SIZE = SETTING_ITEM_SIZE,
    GROUP_SECP384R1 = 0x0018,      /* IANA, TLS Supported Groups */
    CLOCK_PLAUSIBLE_S = 1735689600 /* 2025-01-01: this program is younger */
};

/* --- what it is made from --- */

struct names {
    char text[NAMES_MAX][NAME_SIZE];
    const char *list[NAMES_MAX];
    size_t count;
};

static void add_name(struct names *names, const char *name)
{
    if (names->count == NAMES_MAX || name[0] == '\0')
        return;
    char *text = names->text[names->count];
    if (str_copy(text, NAME_SIZE, name) < 0)
        return;
    text[strcspn(text, "/")] = '\0'; /* an address is stored with its prefix length */
    for (size_t i = 0; i < names->count; i++)
        if (str_equal(names->list[i], text))
            return;
    names->list[names->count++] = text;
}

static void add_items(struct names *names, const struct settings *settings, enum setting_key key)
{
    char item[SETTING_ITEM_SIZE];
    for (size_t cursor = 0; settings_item(settings, key, &cursor, item);)
        add_name(names, item);
}

static void node_names(const struct settings *settings, struct names *names)
{
    char full[NAME_SIZE];
    const char *host = settings_text(settings, NODE_HOSTNAME);
    int length = snprintf(full, sizeof(full), "%s.%s", host, settings_text(settings, NODE_DOMAIN));
    if (length > 0 && (size_t)length < sizeof(full))
        add_name(names, full);
    add_name(names, host);
    add_items(names, settings, NODE_ADDRESS);
    add_items(names, settings, NODE_ADDRESS6);
}

static void names_text(const struct names *names, struct buf *text)
{
    for (size_t i = 0; i < names->count; i++)
        buf_printf(text, "%s%s", i ? " " : "", names->list[i]);
}

/* Clients of SUITE B with P-384 alone take no other key; everybody else takes P-384 too. */
static enum selfsigned_curve curve_of(const struct node *node)
{
    const struct surface_record *record = &node->policy.crypto.surface[SURFACE_HTTPS_IN];
    return record->group_count && record->groups[0]->code == GROUP_SECP384R1 ? SELFSIGNED_P384
                                                                             : SELFSIGNED_P256;
}

/* A key that was made outside FIPS mode is not used inside, nor the reverse (FIPS 140-3
 * implementation guidance, 2.4.A). */
static void key_rules_text(const struct node *node, struct buf *text)
{
    buf_printf(text, "%s%s", curve_of(node) == SELFSIGNED_P384 ? "P-384" : "P-256",
               settings_bool(&node->settings, SECURITY_FIPS) ? " FIPS" : "");
}

/* --- reading it --- */

/* The origin of the stored pair. A damaged origin may have been that of an import, and so may a
 * pair without an origin that cannot be read. */
static void read_owner(struct own_certificate *own, struct state *state, struct buf *origin)
{
    int error = state_object_get(state, OBJECT_ORIGIN, origin);
    own->is_import = error == 0 && str_equal(buf_text(origin), ORIGIN_IMPORTED);
    own->is_volatile = error && error != -ENOENT;
}

/* "KEY RULES\nNAMES\nFINGERPRINT\n". A self-signed certificate that has none, or that of another,
 * is one of ours from who knows what: it is made anew. */
static void read_origin(struct own_certificate *own, struct buf *origin)
{
    own->self_made = own->life.self_issued && !own->is_import;
    char *names = origin->data ? strchr(origin->data, '\n') : NULL;
    char *print = names ? strchr(names + 1, '\n') : NULL;
    char *end = print ? strchr(print + 1, '\n') : NULL;
    if (!end)
        return;
    *names++ = *print++ = *end = '\0';
    if (!str_equal(print, own->fingerprint))
        return;
    buf_puts(&own->key_rules, origin->data);
    buf_puts(&own->names, names);
}

/* Life and fingerprint of the certificate in memory. */
static int look_at(struct own_certificate *own)
{
    struct buf der = {0};
    int error = certificate_life(&own->certificate_pem, &own->life);
    if (error == 0)
        error = certificate_der(&own->certificate_pem, &der);
    if (error == 0)
        error =
            certificate_fingerprint((const unsigned char *)der.data, der.length, own->fingerprint);
    buf_free(&der);
    return error;
}

static int load_pair(struct own_certificate *own, struct state *state)
{
    int error = state_object_get(state, OBJECT_CERTIFICATE, &own->certificate_pem);
    if (error == 0)
        error = state_object_get(state, OWN_CERTIFICATE_KEY, &own->key_pem);
    return error ? error : look_at(own);
}

static int load(struct own_certificate *own, const struct node *node)
{
    struct buf origin = {0};
    if (!node->state)
        return -ENOENT;
    read_owner(own, node->state, &origin);
    int error = load_pair(own, node->state);
    if (error == 0)
        read_origin(own, &origin);
    else if (origin.length == 0)
        own->is_volatile |= error != -ENOENT || own->certificate_pem.length;
    buf_free(&origin);
    return error;
}

/* --- making it --- */

static int keep(const struct own_certificate *own, const struct node *node)
{
    struct buf origin = {0};
    buf_printf(&origin, "%s\n%s\n%s\n", buf_text(&own->key_rules), buf_text(&own->names),
               own->fingerprint);
    const struct state_object objects[] = {
        {OWN_CERTIFICATE_KEY, own->key_pem.data, own->key_pem.length},
        {OBJECT_CERTIFICATE, own->certificate_pem.data, own->certificate_pem.length},
        {OBJECT_ORIGIN, origin.data, origin.length},
    };
    int error = buf_error(&origin);
    if (error == 0)
        error = state_objects_put(node->state, objects, countof(objects));
    buf_free(&origin);
    return error;
}

/* Where the state cannot keep it, it logs that, and the certificate lasts as long as the
 * process. */
static int make(struct own_certificate *own, struct node *node, const char *why)
{
    struct own_certificate made = {
        .is_loaded = true, .self_made = true, .is_volatile = own->is_volatile};
    struct names names = {.count = 0};
    node_names(&node->settings, &names);
    const struct selfsigned_order order = {
        .names = names.list, .count = names.count, .curve = curve_of(node), .now_s = clock_now_s()};
    int error = selfsigned_make(&order, &made.certificate_pem, &made.key_pem);
    if (error == 0)
        error = look_at(&made);
    names_text(&names, &made.names);
    key_rules_text(node, &made.key_rules);
    if (error) {
        own_certificate_close(&made);
        return error;
    }
    own_certificate_close(own);
    *own = made;
    node->fips.key = FIPS_KEY_UNKNOWN;
    if (node->writable && !own->is_volatile)
        (void)keep(own, node);
    if (node_event(node, "certificate", "made a self-signed certificate for %s (%s), SHA-256 %s",
                   buf_text(&own->names), why, own->fingerprint))
        log_warning("certificate: made a self-signed one for %s (%s), SHA-256 %s",
                    buf_text(&own->names), why, own->fingerprint);
    return 0;
}

/* A clock before the date of this program is wrong: a certificate made by a correct clock is kept
 * until the clock is correct again. */
static const char *why_by_time(const struct certificate_life *life, int64_t now_s)
{
    int64_t length_s = life->until_s - life->from_s;
    if (length_s > SELFSIGNED_LIFE_S)
        return "the former one was valid for more than 398 days";
    if (now_s < CLOCK_PLAUSIBLE_S && life->from_s >= CLOCK_PLAUSIBLE_S)
        return NULL;
    if (now_s < life->from_s)
        return "the clock was ahead when the former one was made";
    if (now_s > life->until_s)
        return "the former one has expired";
    return now_s - life->from_s >= length_s / 3 * 2 ? "two thirds of the former one's life are over"
                                                    : NULL;
}

static const char *why_anew(const struct own_certificate *own, const struct node *node)
{
    struct buf rules = {0}, text = {0};
    struct names names = {.count = 0};
    node_names(&node->settings, &names);
    names_text(&names, &text);
    key_rules_text(node, &rules);
    const char *why = why_by_time(&own->life, clock_now_s());
    if (!why && !str_equal(buf_text(&rules), buf_text(&own->key_rules)))
        why = "the rules for its key have changed";
    if (!why && !str_equal(buf_text(&text), buf_text(&own->names)))
        why = "the node's names or addresses have changed";
    if (buf_error(&rules) || buf_error(&text))
        why = NULL;
    buf_free(&rules);
    buf_free(&text);
    return why;
}

bool own_certificate_renew(struct own_certificate *own, struct node *node)
{
    if (!own->is_loaded)
        return false; /* what is stored is not known */
    const char *why = own->is_import ? NULL : "there was none";
    if (own->certificate_pem.length)
        why = own->self_made ? why_anew(own, node) : NULL;
    return why && make(own, node, why) == 0;
}

/* The text of it stays where it is, and nothing is served in its place. */
static int refuse_import(struct own_certificate *own, int error)
{
    own_certificate_close(own);
    own->is_loaded = own->is_import = true;
    own->fault = error == -ENOENT   ? "the imported certificate or its key is missing"
                 : error == -EINVAL ? "the imported certificate is of a kind that cannot be read"
                                    : "the imported certificate cannot be read";
    return 0;
}

int own_certificate_open(struct own_certificate *own, struct node *node)
{
    int error = load(own, node);
    if (error == -ENOMEM)
        return error;
    own->is_loaded = true;
    if (error == 0 && own->self_made && !certificate_has_key(&own->certificate_pem, &own->key_pem))
        own->self_made = false; /* an imported key: the endpoint reports its fault */
    if (error && own->is_import)
        return refuse_import(own, error);
    if (error)
        return make(own, node,
                    error == -ENOENT ? "there was none" : "the stored one cannot be read");
    (void)own_certificate_renew(own, node);
    return 0;
}

void own_certificate_close(struct own_certificate *own)
{
    buf_free(&own->certificate_pem);
    buf_wipe(&own->key_pem);
    buf_free(&own->key_rules);
    buf_free(&own->names);
    *own = (struct own_certificate){.self_made = false};
}
