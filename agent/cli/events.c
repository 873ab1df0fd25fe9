/* holdfast events: prints the event log, or verifies its chain. Reads the database alone. */
#include "cli/commands.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/json.h"
#include "base/log.h"
#include "base/str.h"
#include "state/state.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
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
    {"json", print_json, true },
};

static const struct format *find_format(const char *name)
{
    for (size_t i = 0; i < countof(formats); i++)
        if (str_equal(formats[i].name, name))
            return &formats[i];
    return NULL;
}

/* Everything is read before a byte is printed: a pager that waits must not hold the journal. */
static int print(struct state *state, const struct format *format, int64_t since_s)
{
    struct printer printer = {0};
    printer.json.out = &printer.out;
    if (format->json) {
        json_object_begin(&printer.json, NULL);
        json_u64(&printer.json, "version", 1);
        json_array_begin(&printer.json, "events");
    }
    int error = state_events(state, since_s, 0, format->each, &printer);
    if (format->json) {
        json_array_end(&printer.json);
        json_object_end(&printer.json);
        buf_putc(&printer.out, '\n');
    }
    if (error == 0)
        error = buf_error(&printer.out);
    if (error == 0)
        error = file_write_all(STDOUT_FILENO, printer.out.data, printer.out.length);
    if (error)
        log_error("events: cannot print: %s", strerror(-error));
    buf_free(&printer.out);
    return error ? EXIT_COULD_NOT : EXIT_HOLDS;
}

static int keep_last(void *context, const struct event *event)
{
    memcpy(context, event->hash, strlen(event->hash) + 1);
    return 0;
}

/* The last hash is printed for those who keep one elsewhere: a chain alone cannot show that its end
 * was cut off. */
static int verify(struct state *state)
{
    char last[65] = "none";
    uint64_t number;
    int error = state_events_verify(state, &number);
    if (error == 0)
        error = state_events(state, INT64_MIN, 1, keep_last, last);
    if (error == -EBADMSG && number > 0)
        printf("events: broken at event %" PRIu64 "\n", number);
    if (error)
        return error == -EBADMSG ? EXIT_FALLS_SHORT : EXIT_COULD_NOT;
    printf("events: %" PRIu64 " verified, last hash %s\n", number, last);
    return EXIT_HOLDS;
}

int cli_events(const struct invocation *invocation)
{
    const char *name = invocation_option(invocation, "format");
    const char *since = invocation_option(invocation, "since");
    const struct format *format = find_format(name ? name : "text");
    int64_t since_s = INT64_MIN;
    struct state *state;
    if (!format) {
        log_error("events: unknown format %s: text or json", name);
        return EXIT_COULD_NOT;
    }
    if (since && parse_age(since, &since_s) < 0 && parse_date(since, &since_s) < 0) {
        log_error("events: no such time: %s (2026-01-02T03:04:05Z, or 2h for two hours ago)",
                  since);
        return EXIT_COULD_NOT;
    }
    if (state_open(&state, invocation->state_path, STATE_READ, NULL) < 0)
        return EXIT_COULD_NOT;
    int code =
        invocation_option(invocation, "verify") ? verify(state) : print(state, format, since_s);
    state_close(state);
    return code;
}
