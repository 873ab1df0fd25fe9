/* holdfast events: prints the event log, or verifies its chain. */
#include "cli/commands.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "base/str.h"
#include "cli/format.h"
#include "cli/look.h"
#include "cli/stored.h"
#include "control/client.h"
#include "control/event_page.h"
#include "state/state.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

enum { AGE_MAX = 1000000000 };

struct printer {
    struct buf out;
    struct json json;
};

/* --- times --- */

/* "90", "90s", "5m", "2h", "7d", "1w": so many seconds ago. */
static int parse_age(const char *text, int64_t *time_s)
{
    static const char units[] = "smhdw";
    static const int64_t seconds[] = {1, 60, 3600, 86400, 604800};
    char digits[16];
    uint64_t number;
    size_t length = strspn(text, "0123456789");
    const char *unit = text[length] ? strchr(units, text[length]) : units;
    if (length == 0 || length >= sizeof(digits) || !unit || (text[length] && text[length + 1]))
        return -EINVAL;
    memcpy(digits, text, length);
    digits[length] = '\0';
    int error = str_to_u64(digits, 0, AGE_MAX, &number);
    if (error == 0)
        *time_s = clock_now_s() - (int64_t)number * seconds[unit - units];
    return error;
}

/* Digits where `shape` has a 0, else the very character of `shape`. */
static bool has_shape(const char *text, const char *shape)
{
    for (; *shape; shape++, text++)
        if (*shape == '0' ? *text < '0' || *text > '9' : *text != *shape)
            return false;
    return true;
}

static int two(const char *text)
{
    return (text[0] - '0') * 10 + (text[1] - '0');
}

/* "Z", "+02:00" or "-05:30" at the end, in seconds east of UTC. */
static int parse_zone(const char *text, int64_t *east_s)
{
    *east_s = 0;
    if (str_equal(text, "Z") || str_equal(text, "z"))
        return 0;
    if ((text[0] != '+' && text[0] != '-') || !has_shape(text + 1, "00:00") || text[6] ||
        two(text + 1) > 23 || two(text + 4) > 59)
        return -EINVAL;
    int minutes = two(text + 1) * 60 + two(text + 4);
    *east_s = (int64_t)minutes * (text[0] == '-' ? -60 : 60);
    return 0;
}

/* RFC 3339, 5.6; a fraction of a second is passed over. */
static int parse_date(const char *text, int64_t *time_s)
{
    static const char shape[] = "0000-00-00T00:00:00";
    int64_t east_s;
    if (!has_shape(text, shape))
        return -EINVAL;
    const char *zone = text + sizeof(shape) - 1;
    if (*zone == '.' && zone[1] >= '0' && zone[1] <= '9')
        zone += 1 + strspn(zone + 1, "0123456789");
    struct tm parts = {.tm_year = two(text) * 100 + two(text + 2) - 1900,
                       .tm_mon = two(text + 5) - 1,
                       .tm_mday = two(text + 8),
                       .tm_hour = two(text + 11),
                       .tm_min = two(text + 14),
                       .tm_sec = two(text + 17)};
    struct tm given = parts;
    if (parts.tm_sec == 60) /* a leap second counts as the next one */
        given.tm_sec = parts.tm_sec = 59;
    time_t seconds = timegm(&parts);
    if (parse_zone(zone, &east_s) < 0 || parts.tm_mday != given.tm_mday ||
        parts.tm_mon != given.tm_mon || parts.tm_hour != given.tm_hour ||
        parts.tm_min != given.tm_min || parts.tm_sec != given.tm_sec)
        return -EINVAL; /* no such day or hour: timegm() has moved on to another */
    *time_s = (int64_t)seconds - east_s;
    return 0;
}

/* --- printing --- */

static int print_text(void *context, const struct event *event)
{
    struct printer *printer = context;
    char time[CLOCK_TEXT_SIZE];
    clock_text(event->time_s, time);
    buf_printf(&printer->out, "%6" PRIu64 "  %s  %-10s  %s\n", event->sequence, time, event->kind,
               event->text);
    return buf_error(&printer->out);
}

static int print_json(void *context, const struct event *event)
{
    struct printer *printer = context;
    char time[CLOCK_TEXT_SIZE];
    clock_text(event->time_s, time);
    json_object_begin(&printer->json, NULL);
    json_u64(&printer->json, "sequence", event->sequence);
    json_string(&printer->json, "time", time);
    json_string(&printer->json, "kind", event->kind);
    json_string(&printer->json, "text", event->text);
    json_string(&printer->json, "hash", event->hash);
    json_object_end(&printer->json);
    return buf_error(&printer->out);
}

static const struct format {
    const char *name;
    int (*each)(void *context, const struct event *event);
    bool json;
} formats[] = {
    {"text", print_text, false},
    {"json", print_json, true},
};

/* --- where the log is read --- */

/* The database, or, for the admin user, who may not read it, the daemon. */
struct source {
    struct state *state; /* NULL: by the daemon */
    int control;
    struct event_bounds bounds; /* as the daemon's last page had them */
};

static int source_open(struct source *source, const struct invocation *invocation)
{
    *source = (struct source){.control = look_connect(invocation)};
    if (source->control != -ENODEV)
        return source->control < 0 ? source->control : 0;
    return state_open(&source->state, invocation->state_path, STATE_READ, NULL);
}

static void source_close(struct source *source)
{
    if (source->state)
        state_close(source->state);
    else if (source->control >= 0)
        close(source->control);
}

static int read_page(struct source *source, struct event_request *request,
                     int (*each)(void *context, const struct event *event), void *context)
{
    struct buf page = {0};
    int error = control_client_ask(
        source->control, CONTROL_EVENTS,
        &(struct request){.data = (const char *)request, .size = sizeof(*request)}, &page);
    if (error == -ENODATA)
        log_error("events: the log cannot be read, the node fails closed: %s", buf_text(&page));
    if (error == 0)
        error = event_page_read(&page, &source->bounds, &request->after, each, context);
    buf_free(&page);
    return error;
}

static int walk(struct source *source, int64_t since_s,
                int (*each)(void *context, const struct event *event), void *context)
{
    struct event_request request = {.since_s = since_s};
    uint64_t before;
    int error;
    if (source->state)
        return state_events(source->state, since_s, 0, each, context);
    do {
        before = request.after;
        error = read_page(source, &request, each, context);
    } while (error == 0 && request.after != before);
    return error;
}

/* --- the two uses --- */

/* Everything is read before a byte is printed: a pager that waits must not hold the journal. */
static int print(const struct invocation *invocation, struct source *source,
                 const struct format *format, int64_t since_s)
{
    struct printer printer = {0};
    printer.json.out = &printer.out;
    if (format->json) {
        json_object_begin(&printer.json, NULL);
        json_u64(&printer.json, "version", 1);
        json_array_begin(&printer.json, "events");
    }
    int error = walk(source, since_s, format->each, &printer);
    if (format->json) {
        json_array_end(&printer.json);
        json_object_end(&printer.json);
        buf_putc(&printer.out, '\n');
    }
    int code = error ? EXIT_COULD_NOT : stored_print(invocation, &printer.out, EXIT_HOLDS);
    if (error)
        log_error("events: cannot read the log: %s", strerror(-error));
    buf_free(&printer.out);
    return code;
}

/* A chain as it is followed, from where the log begins. */
struct chain {
    const struct event_bounds *bounds; /* known once the first event is shown */
    uint64_t count, last;
    char hash[STATE_HASH_TEXT_SIZE];
};

static void begin_chain(struct chain *chain)
{
    if (chain->count)
        return;
    chain->last = chain->bounds->removed;
    (void)str_copy(chain->hash, sizeof(chain->hash), chain->bounds->removed_hash);
}

static int follow(void *context, const struct event *event)
{
    struct chain *chain = context;
    begin_chain(chain);
    if (!state_event_is_whole(event) || event->sequence != chain->last + 1 ||
        !str_equal(event->previous, chain->hash))
        return -EBADMSG;
    chain->count++;
    chain->last = event->sequence;
    return str_copy(chain->hash, sizeof(chain->hash), event->hash);
}

/* What the daemon sends is recomputed here; its last page says where the log ends. */
static int verify_sent(struct source *source, struct chain *chain)
{
    int error = walk(source, INT64_MIN, follow, chain);
    begin_chain(chain);
    bool ends =
        chain->last == source->bounds.newest && str_equal(chain->hash, source->bounds.newest_hash);
    return error == 0 && !ends ? -EBADMSG : error;
}

/* Of the database the whole is looked through. */
static int verify_chain(struct source *source, struct chain *chain, uint64_t *bad)
{
    if (source->state) {
        int error = state_events_verify(source->state, &chain->count, chain->hash);
        *bad = error ? chain->count : 0;
        return error;
    }
    int error = verify_sent(source, chain);
    *bad = error ? chain->last + 1 : 0;
    if (chain->count == 0)
        (void)str_copy(chain->hash, sizeof(chain->hash), "none");
    return error;
}

/* The last hash is printed for those who keep one elsewhere: a chain alone cannot show that its end
 * was cut off. */
static int verify(const struct invocation *invocation, struct source *source)
{
    struct chain chain = {.bounds = &source->bounds};
    struct buf out = {0};
    uint64_t bad = 0;
    int error = verify_chain(source, &chain, &bad);
    int code = error == 0 ? EXIT_HOLDS : error == -EBADMSG ? EXIT_FALLS_SHORT : EXIT_COULD_NOT;
    if (error == -EBADMSG && bad > 0)
        buf_printf(&out, "events: broken at event %" PRIu64 "\n", bad);
    else if (error == 0)
        buf_printf(&out, "events: %" PRIu64 " verified, last hash %s\n", chain.count, chain.hash);
    code = stored_print(invocation, &out, code);
    buf_free(&out);
    return code;
}

/* A hash that is looked for, in either case. */
struct search {
    const char *hash;
    uint64_t sequence; /* 0: not found */
};

/* The event before the oldest one that the log still has counts as well: it is chained to. */
static int compare_hash(void *context, const struct event *event)
{
    struct search *search = context;
    if (strcasecmp(event->hash, search->hash) == 0)
        search->sequence = event->sequence;
    else if (event->sequence > 1 && strcasecmp(event->previous, search->hash) == 0)
        search->sequence = event->sequence - 1;
    return 0;
}

/* Whether the log still is the one of which this head was seen once. */
static int find_head(const struct invocation *invocation, struct source *source, const char *hash)
{
    struct search search = {.hash = hash};
    struct buf out = {0};
    if (walk(source, INT64_MIN, compare_hash, &search) < 0)
        return EXIT_COULD_NOT;
    if (search.sequence)
        buf_printf(&out, "events: the hash is that of event %" PRIu64 "\n", search.sequence);
    else
        buf_printf(&out,
                   "events: no event has the hash %s: the log is older, is of another node, or"
                   " has removed it\n",
                   hash);
    int code = stored_print(invocation, &out, search.sequence ? EXIT_HOLDS : EXIT_FALLS_SHORT);
    buf_free(&out);
    return code;
}

static bool is_hash(const char *text)
{
    enum { LENGTH = STATE_HASH_TEXT_SIZE - 1 };
    return strlen(text) == LENGTH && strspn(text, "0123456789abcdefABCDEF") == LENGTH;
}

int cli_events(const struct invocation *invocation)
{
    const char *since = invocation_option(invocation, "since");
    const char *head = invocation_option(invocation, "head");
    bool verifies = invocation_option(invocation, "verify") != NULL;
    const struct format *format = FORMAT_FIND(invocation, formats);
    int64_t since_s = INT64_MIN;
    struct source source;
    if (!format)
        return EXIT_COULD_NOT;
    if (since && parse_age(since, &since_s) < 0 && parse_date(since, &since_s) < 0) {
        log_error("events: no such time: %s (2026-01-02T03:04:05Z, or 2h for two hours ago)",
                  since);
        return EXIT_COULD_NOT;
    }
    if (head && (!verifies || !is_hash(head))) {
        log_error(verifies ? "events: --head wants 64 hexadecimal digits"
                           : "events: --head goes with --verify");
        return EXIT_COULD_NOT;
    }
    int error = source_open(&source, invocation);
    if (error)
        return error == -EBADMSG && verifies ? EXIT_FALLS_SHORT : EXIT_COULD_NOT;
    int code = verifies ? verify(invocation, &source) : print(invocation, &source, format, since_s);
    if (head && code == EXIT_HOLDS)
        code = find_head(invocation, &source, head);
    source_close(&source);
    return code;
}
