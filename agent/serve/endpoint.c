/* The endpoint's certificate and its front process. */
#include "serve/endpoint.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/str.h"
#include "pki/selfsigned.h"
#include "serve/fips.h"

#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define OBJECT_CERTIFICATE "endpoint.certificate"
#define FRONT_USER         "holdfast"

enum {
    CERTIFICATE_DAYS = 825, /* what browsers' vendors still take from a private authority */
    TICKET_KEY_S = 3600,
    NAMES_MAX = 18,
    NAME_SIZE = SETTING_ITEM_SIZE,
    NOBODY = 65534
};

/* spec/interfaces.md, The endpoint */
static const struct front_limits limits = {
    .connections = 100,
    .connections_per_address = 10,
    .handshake_ms = 10000,
    .head_ms = 10000,
    .idle_ms = 60000,
    .life_ms = 600000,
    .handshakes_per_address_s = 20,
    .head_bytes = 8192,
};

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

static int load_pair(struct endpoint *endpoint, struct node *node)
{
    if (!node->state)
        return -ENOENT;
    int error = state_object_get(node->state, OBJECT_CERTIFICATE, &endpoint->certificate_pem);
    return error ? error : state_object_get(node->state, ENDPOINT_KEY_OBJECT, &endpoint->key_pem);
}

static int make_pair(struct endpoint *endpoint, struct node *node)
{
    struct names names = {.count = 0};
    buf_clear(&endpoint->certificate_pem);
    node_names(&node->settings, &names);
    int error = selfsigned_make(names.list, names.count, clock_now_s(), CERTIFICATE_DAYS,
                                &endpoint->certificate_pem, &endpoint->key_pem);
    if (error || !node->writable)
        return error;
    error = state_object_put(node->state, ENDPOINT_KEY_OBJECT, endpoint->key_pem.data,
                             endpoint->key_pem.length);
    if (error == 0)
        error = state_object_put(node->state, OBJECT_CERTIFICATE, endpoint->certificate_pem.data,
                                 endpoint->certificate_pem.length);
    if (error == 0)
        node_event(node, "certificate", "made a self-signed certificate for %s", names.list[0]);
    return error;
}

int endpoint_open(struct endpoint *endpoint, struct node *node)
{
    if (!fips_prove(node))
        return 0;
    int error = load_pair(endpoint, node);
    if (error == -ENOENT)
        error = make_pair(endpoint, node);
    return error ? error : certificate_expiry(&endpoint->certificate_pem, &endpoint->expires_s);
}

void endpoint_judge(struct node *node)
{
    struct buf key_pem = {0};
    if (fips_prove(node) && node->state &&
        state_object_get(node->state, ENDPOINT_KEY_OBJECT, &key_pem) == 0)
        (void)fips_allows_key(node, &key_pem);
    buf_wipe(&key_pem);
}

static void choose_user(struct front_setup *setup)
{
    if (geteuid() != 0)
        return;
    const struct passwd *user = getpwnam(FRONT_USER);
    setup->uid = user ? user->pw_uid : NOBODY;
    setup->gid = user ? user->pw_gid : NOBODY;
}

static int find_place(struct endpoint_place *place, const struct node *node)
{
    *place = (struct endpoint_place){.port = (uint16_t)settings_uint(&node->settings, HEALTH_PORT)};
    return str_copy(place->address, sizeof(place->address),
                    settings_text(&node->settings, HEALTH_ADDRESS));
}

static void find_offer(struct tls_offer *offer, const struct node *node)
{
    tls_offer_make(offer, &node->policy.crypto.surface[SURFACE_HTTPS_IN]);
}

int endpoint_start(struct endpoint *endpoint, struct node *node)
{
    if (!fips_prove(node) || !fips_allows_key(node, &endpoint->key_pem))
        return 0;
    int error = find_place(&endpoint->place, node);
    if (error)
        return error;
    find_offer(&endpoint->offer, node);
    error = stations_read(&endpoint->stations, &node->settings);
    if (error)
        return error;
    struct front_setup setup = {
        .address = endpoint->place.address,
        .port = endpoint->place.port,
        .offer = endpoint->offer,
        .certificate_pem = endpoint->certificate_pem,
        .key_pem = endpoint->key_pem,
        .ticket_key_s = TICKET_KEY_S,
        .limits = limits,
        .stations = &endpoint->stations,
        .seccomp_kill = true,
        .fips = settings_bool(&node->settings, SECURITY_FIPS),
    };
    choose_user(&setup);
    error = front_spawn(&endpoint->front, &setup);
    endpoint->running = error == 0;
    return error;
}

bool endpoint_is_as_set(const struct endpoint *endpoint, const struct node *node)
{
    struct endpoint_place place;
    struct tls_offer offer;
    find_offer(&offer, node);
    return find_place(&place, node) == 0 && place.port == endpoint->place.port &&
           str_equal(place.address, endpoint->place.address) &&
           memcmp(&offer, &endpoint->offer, sizeof(offer)) == 0;
}

int endpoint_admit(struct endpoint *endpoint, const struct node *node)
{
    struct stations stations;
    int error = stations_read(&stations, &node->settings);
    if (error || memcmp(&stations, &endpoint->stations, sizeof(stations)) == 0)
        return error;
    endpoint->stations = stations;
    return front_admit(&endpoint->front, &stations);
}

void endpoint_stop(struct endpoint *endpoint)
{
    if (endpoint->running)
        front_stop(&endpoint->front);
    endpoint->running = false;
}

void endpoint_close(struct endpoint *endpoint)
{
    endpoint_stop(endpoint);
    buf_free(&endpoint->certificate_pem);
    buf_wipe(&endpoint->key_pem);
}
