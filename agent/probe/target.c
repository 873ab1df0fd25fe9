/* Hosts and ports as text, by getaddrinfo(3), and the choice among several addresses. */
#include "probe/target.h"

#include "base/clock.h"
#include "base/str.h"
#include "settings/value.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

enum { STAGGER_MS = 250 };

/* --- text --- */

static bool is_ipv6(const char *host)
{
    struct in6_addr address;
    char bare[INET6_ADDRSTRLEN];
    size_t length = strcspn(host, "%");
    if (length >= sizeof(bare) || (host[length] == '%' && host[length + 1] == '\0'))
        return false;
    memcpy(bare, host, length);
    bare[length] = '\0';
    return inet_pton(AF_INET6, bare, &address) == 1;
}

static bool is_ipv4(const char *host)
{
    struct in_addr address;
    return inet_pton(AF_INET, host, &address) == 1;
}

static bool is_name(const char *host)
{
    struct buf canonical = {0}, why = {0};
    bool fits = value_parse_domain(NULL, host, &canonical, &why) == 0;
    buf_free(&canonical);
    buf_free(&why);
    return fits;
}

/* The host before the last colon, `length` bytes, without brackets and without a dot at its end. */
static int take_host(struct target *target, const char *text, size_t length)
{
    char *host = target->name;
    bool bracketed = length > 2 && text[0] == '[' && text[length - 1] == ']';
    if (bracketed) {
        text++;
        length -= 2;
    }
    if (length == 0 || length >= sizeof(target->name))
        return -EINVAL;
    memcpy(host, text, length);
    if (bracketed)
        return is_ipv6(host) ? 0 : -EINVAL;
    if (is_ipv4(host))
        return 0;
    if (host[length - 1] == '.')
        host[length - 1] = '\0';
    target->named = is_name(host);
    return target->named ? 0 : -EINVAL;
}

/* --- addresses --- */

static void add_address(struct targets *targets, const struct target *as,
                        const struct addrinfo *found)
{
    if (targets->count == TARGETS_MAX || found->ai_addrlen > sizeof(as->address))
        return;
    struct target *target = &targets->list[targets->count++];
    *target = *as;
    memcpy(&target->address, found->ai_addr, found->ai_addrlen);
    target->address_size = found->ai_addrlen;
}

/* `asked` is the name to resolve: a final dot prevents its completion. */
static int look_up(struct targets *targets, const struct target *as, const char *asked,
                   const char *port)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM,
                             .ai_flags = AI_NUMERICSERV | (as->named ? 0 : AI_NUMERICHOST)};
    struct addrinfo *found = NULL;
    targets->count = 0;
    if (getaddrinfo(asked, port, &hints, &found) != 0)
        return -ENOENT;
    for (const struct addrinfo *each = found; each; each = each->ai_next)
        add_address(targets, as, each);
    freeaddrinfo(found);
    return targets->count ? 0 : -ENOENT;
}

int targets_parse(struct targets *targets, const char *text)
{
    struct target as = {.named = false};
    char asked[TARGET_NAME_SIZE + 1];
    const char *colon = strrchr(text, ':');
    uint64_t port;
    if (!colon || str_to_u64(colon + 1, 1, UINT16_MAX, &port) < 0)
        return -EINVAL;
    int error = take_host(&as, text, (size_t)(colon - text));
    if (error)
        return error;
    (void)snprintf(asked, sizeof(asked), "%s.", as.name);
    if (as.named && colon[-1] == '.' && look_up(targets, &as, asked, colon + 1) == 0)
        return 0;
    return look_up(targets, &as, as.name, colon + 1); /* hosts(5) has no dot at the end */
}

int target_address(struct target *target, const char *address, uint16_t port)
{
    struct targets targets;
    struct target as = {.named = false};
    char digits[sizeof("65535")];
    (void)snprintf(digits, sizeof(digits), "%u", (unsigned)port);
    if (str_copy(as.name, sizeof(as.name), address) < 0 ||
        look_up(&targets, &as, address, digits) < 0)
        return -EINVAL;
    *target = targets.list[0];
    return 0;
}

/* --- the choice --- */

struct attempt {
    int fd;    /* -1: not begun, or ended */
    int error; /* 0: neither refused nor made */
};

static void end_attempt(const struct target *target, struct attempt *attempt, int error)
{
    if (attempt->fd >= 0)
        connect_close(target, attempt->fd);
    *attempt = (struct attempt){.fd = -1, .error = error};
}

/* Waits for any of `count` attempts; the one that was made, or `count`. */
static size_t wait_for_any(const struct targets *targets, struct attempt *attempts, size_t count,
                           int timeout_ms)
{
    struct pollfd fds[TARGETS_MAX];
    for (size_t i = 0; i < count; i++)
        fds[i] = (struct pollfd){.fd = attempts[i].fd, .events = POLLOUT};
    if (poll(fds, count, timeout_ms) <= 0)
        return count;
    for (size_t i = 0; i < count; i++) {
        if (attempts[i].fd < 0 || !fds[i].revents)
            continue;
        int error = connect_outcome(attempts[i].fd);
        if (error == 0)
            return i;
        end_attempt(&targets->list[i], &attempts[i], error);
    }
    return count;
}

static bool any_left(const struct attempt *attempts, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (attempts[i].fd >= 0)
            return true;
    return false;
}

static void explain(const struct target *target, int error, struct buf *why)
{
    char text[INET6_ADDRSTRLEN + 32] = "?";
    (void)getnameinfo((const struct sockaddr *)(const void *)&target->address, target->address_size,
                      text, sizeof(text), NULL, 0, NI_NUMERICHOST);
    buf_printf(why, "%s%s: %s", why->length ? "; " : "", text,
               strerror(error ? -error : ETIMEDOUT));
}

/* How long to wait before the next one is begun, or to the end. */
static int patience_ms(uint64_t deadline_ms, bool more)
{
    uint64_t now_ms = clock_boot_ms();
    uint64_t left_ms = deadline_ms > now_ms ? deadline_ms - now_ms : 0;
    return (int)(more && left_ms > STAGGER_MS ? STAGGER_MS : left_ms);
}

static size_t try_all(const struct targets *targets, struct attempt *attempts, uint64_t deadline_ms)
{
    size_t begun = 0;
    for (;;) {
        if (begun < targets->count) {
            int fd = connect_begin(&targets->list[begun]);
            attempts[begun++] = (struct attempt){.fd = fd < 0 ? -1 : fd, .error = fd < 0 ? fd : 0};
        }
        bool more = begun < targets->count;
        if (!any_left(attempts, begun)) {
            if (!more)
                return targets->count;
            continue;
        }
        int timeout_ms = patience_ms(deadline_ms, more);
        size_t made = wait_for_any(targets, attempts, begun, timeout_ms);
        if (made < begun)
            return made;
        if (timeout_ms == 0)
            return targets->count;
    }
}

const struct target *targets_choose(const struct targets *targets, uint64_t deadline_ms,
                                    struct buf *why)
{
    struct attempt attempts[TARGETS_MAX];
    if (targets->count == 1)
        return &targets->list[0];
    for (size_t i = 0; i < TARGETS_MAX; i++)
        attempts[i] = (struct attempt){.fd = -1};
    size_t made = try_all(targets, attempts, deadline_ms);
    for (size_t i = 0; i < targets->count; i++) {
        if (made == targets->count)
            explain(&targets->list[i], attempts[i].error, why);
        end_attempt(&targets->list[i], &attempts[i], 0);
    }
    return made < targets->count ? &targets->list[made] : NULL;
}
