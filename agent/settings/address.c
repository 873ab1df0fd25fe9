/* Parsing of addresses, networks, names of hosts and URLs. */
#include "settings/address.h"

#include "base/str.h"
#include "settings/value.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>

bool address_parse(const char *text, struct address *address)
{
    *address = (struct address){.family = AF_INET, .bits = 32};
    if (inet_pton(AF_INET, text, address->byte) == 1)
        return true;
    *address = (struct address){.family = AF_INET6, .bits = 128};
    return inet_pton(AF_INET6, text, address->byte) == 1;
}

static void address_print(const struct address *address, struct buf *out)
{
    char text[INET6_ADDRSTRLEN];
    if (inet_ntop(address->family, address->byte, text, sizeof(text)))
        buf_puts(out, text);
}

static bool starts_with(const struct address *address, const void *prefix, size_t bits)
{
    const uint8_t *wanted = prefix;
    size_t whole = bits / 8, rest = bits % 8;
    if (memcmp(address->byte, wanted, whole) != 0)
        return false;
    return rest == 0 || (address->byte[whole] ^ wanted[whole]) >> (8 - rest) == 0;
}

/* What an address may be only where the setting says so, and what none may be. */
static const struct special {
    int family;
    uint8_t prefix[16];
    size_t bits;
    unsigned permission; /* of enum address_kind, 0: never */
    const char *what;
} specials[] = {
    {AF_INET, {0, 0, 0, 0}, 32, ADDRESS_UNSPECIFIED, "stands for every address"},
    {AF_INET, {127}, 8, ADDRESS_LOOPBACK, "is a loopback address"},
    {AF_INET, {224}, 4, 0, "is a multicast address"},
    {AF_INET, {255, 255, 255, 255}, 32, 0, "is the broadcast address"},
    {AF_INET6, {0}, 128, ADDRESS_UNSPECIFIED, "stands for every address"},
    {AF_INET6, {[15] = 1}, 128, ADDRESS_LOOPBACK, "is a loopback address"},
    {AF_INET6, {0xff}, 8, 0, "is a multicast address"},
    {AF_INET6, {[10] = 0xff, [11] = 0xff}, 96, 0, "is an IPv4-mapped IPv6 address"},
};

/* NULL, or what speaks against the address. */
static const char *objection(const struct setting_info *info, const struct address *address)
{
    if (address->family == AF_INET && !(info->address & ADDRESS_V4))
        return "is not an IPv6 address";
    if (address->family == AF_INET6 && !(info->address & ADDRESS_V6))
        return "is not an IPv4 address";
    for (size_t i = 0; i < countof(specials); i++) {
        const struct special *special = &specials[i];
        if (special->family == address->family && !(info->address & special->permission) &&
            starts_with(address, special->prefix, special->bits))
            return special->what;
    }
    return NULL;
}

static int refuse(const char *text, const char *reason, struct buf *why)
{
    value_quote(text, why);
    buf_printf(why, " %s", reason);
    return -EINVAL;
}

int value_parse_address(const struct setting_info *info, const char *text, struct buf *out,
                        struct buf *why)
{
    struct address address;
    if (!address_parse(text, &address))
        return refuse(text, "is not an IP address", why);
    const char *reason = objection(info, &address);
    if (reason)
        return refuse(text, reason, why);
    address_print(&address, out);
    return 0;
}

/* The bits behind the prefix, all 0 or all 1, tell a network and its broadcast from a host. */
static bool host_bits_are(const struct address *address, unsigned prefix, bool ones)
{
    for (unsigned bit = prefix; bit < address->bits; bit++) {
        bool one = address->byte[bit / 8] >> (7 - bit % 8) & 1;
        if (one != ones)
            return false;
    }
    return true;
}

static void clear_host_bits(struct address *address, unsigned prefix)
{
    for (unsigned bit = prefix; bit < address->bits; bit++)
        address->byte[bit / 8] &= (uint8_t) ~(1U << (7 - bit % 8));
}

/* An interface's own address: RFC 3021 gives both addresses of a /31 to hosts; IPv6 has no
 * broadcast, and its subnet-router address (RFC 4291, 2.6.1) belongs to routers. */
static const char *interface_objection(const struct address *address, unsigned prefix)
{
    if (prefix == 0)
        return "has no network: the prefix length is 0";
    if (prefix + 1 >= address->bits)
        return NULL;
    if (host_bits_are(address, prefix, false))
        return "is a network's address, not a host's";
    if (address->family == AF_INET && host_bits_are(address, prefix, true))
        return "is a network's broadcast address";
    return NULL;
}

/* Splits at the slash; without one, which interfaces need, all bits count. */
static const char *parse_network(const struct setting_info *info, const char *text,
                                 struct address *address, unsigned *prefix)
{
    char host[INET6_ADDRSTRLEN];
    const char *slash = strchr(text, '/');
    size_t length = slash ? (size_t)(slash - text) : strlen(text);
    uint64_t bits;
    if (length >= sizeof(host))
        return "is not ADDRESS/PREFIX";
    memcpy(host, text, length);
    host[length] = '\0';
    if (!address_parse(host, address) || (!slash && (info->address & ADDRESS_INTERFACE)))
        return "is not ADDRESS/PREFIX";
    bits = address->bits;
    if (slash && str_to_u64(slash + 1, 0, address->bits, &bits) < 0)
        return "has no prefix length of its address family";
    *prefix = (unsigned)bits;
    return NULL;
}

bool address_parse_network(const char *text, struct address *address, unsigned *prefix)
{
    static const struct setting_info interface = {.address = ADDRESS_INTERFACE};
    return parse_network(&interface, text, address, prefix) == NULL;
}

bool address_is_in(const struct address *address, const struct address *network, unsigned prefix)
{
    return address->family == network->family && starts_with(address, network->byte, prefix);
}

bool address_is_host(const struct address *address, unsigned prefix)
{
    return address->family == AF_INET6 || !interface_objection(address, prefix);
}

int value_parse_cidr(const struct setting_info *info, const char *text, struct buf *out,
                     struct buf *why)
{
    struct address address;
    unsigned prefix;
    const char *reason = parse_network(info, text, &address, &prefix);
    if (!reason && !(info->address & ADDRESS_INTERFACE))
        clear_host_bits(&address, prefix);
    if (!reason)
        reason = objection(info, &address);
    if (!reason && (info->address & ADDRESS_INTERFACE))
        reason = interface_objection(&address, prefix);
    if (reason)
        return refuse(text, reason, why);
    address_print(&address, out);
    buf_printf(out, "/%u", prefix);
    return 0;
}

static bool is_alnum(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

/* One label: letters, digits and inner hyphens, at most 63 (RFC 1123, 2.1; RFC 1035, 2.3.4). */
static bool is_label(const char *text, size_t length)
{
    if (length == 0 || length > 63 || !is_alnum(text[0]) || !is_alnum(text[length - 1]))
        return false;
    for (size_t i = 0; i < length; i++) {
        if (!is_alnum(text[i]) && text[i] != '-')
            return false;
    }
    return true;
}

/* Labels between dots, at most 253 characters. The last is not all digits, since that would read
 * as an address (RFC 1123, 2.1). */
static bool is_domain(const char *text)
{
    const char *label = text;
    if (strlen(text) > 253)
        return false;
    for (;;) {
        size_t length = strcspn(label, ".");
        if (!is_label(label, length))
            return false;
        if (label[length] == '\0')
            return strspn(label, "0123456789") != length;
        label += length + 1;
    }
}

/* Names compare without case (RFC 4343): the canonical form is in lower case. */
static void put_lower(const char *text, struct buf *out)
{
    for (; *text != '\0'; text++)
        buf_putc(out, *text >= 'A' && *text <= 'Z' ? (char)(*text - 'A' + 'a') : *text);
}

int value_parse_hostname(const struct setting_info *info, const char *text, struct buf *out,
                         struct buf *why)
{
    (void)info;
    if (strchr(text, '.') || !is_domain(text))
        return refuse(text, "is not a host's name: letters, digits and inner hyphens, 63 at most",
                      why);
    put_lower(text, out);
    return 0;
}

int value_parse_domain(const struct setting_info *info, const char *text, struct buf *out,
                       struct buf *why)
{
    (void)info;
    if (!is_domain(text))
        return refuse(text, "is not a domain name", why);
    put_lower(text, out);
    return 0;
}

int value_parse_host(const struct setting_info *info, const char *text, struct buf *out,
                     struct buf *why)
{
    struct address address;
    if (!address_parse(text, &address))
        return is_domain(text) ? value_parse_domain(info, text, out, why)
                               : refuse(text, "is neither a host's name nor an IP address", why);
    return value_parse_address(info, text, out, why);
}
