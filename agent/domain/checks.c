/* Checks and the strings that belong to them. */
#include "domain/checks.h"

#include "base/str.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Strings stand one behind the other in a chain of blocks that never move: a check's pointer stays
 * valid while more are added. */
struct checks_text {
    struct checks_text *next;
    size_t size, used;
    char text[];
};

enum { FIRST_ROWS = 64, BLOCK_SIZE = 32000, PRINTED_VALUE = 160, PRINTED_REASON = 240 };

const char *verdict_text(enum verdict verdict)
{
    static const char *const texts[VERDICT_COUNT] = {
        [VERDICT_PASS] = "pass",
        [VERDICT_NOT_APPLICABLE] = "not applicable",
        [VERDICT_NOT_CHECKED] = "not checked",
        [VERDICT_FAIL] = "fail",
        [VERDICT_ERROR] = "error",
    };
    return texts[verdict];
}

void checks_free(struct checks *checks)
{
    while (checks->texts) {
        struct checks_text *next = checks->texts->next;
        free(checks->texts);
        checks->texts = next;
    }
    free(checks->list);
    if (checks->made)
        checks->free_made(checks->made);
    *checks = (struct checks){0};
}

void checks_keep(struct checks *checks, void *made, void (*free_made)(void *made))
{
    checks->made = made;
    checks->free_made = free_made;
}

static int grow(struct checks *checks)
{
    size_t capacity = checks->capacity ? checks->capacity * 2 : FIRST_ROWS;
    struct check *list = realloc(checks->list, capacity * sizeof(*list));
    if (!list) {
        checks->failed = true;
        return -1;
    }
    checks->list = list;
    checks->capacity = capacity;
    return 0;
}

struct check *checks_add(struct checks *checks, struct check check)
{
    if (checks->count == checks->capacity && grow(checks) < 0)
        return NULL;
    check.verdict = VERDICT_ERROR;
    check.reason = "not observed";
    checks->list[checks->count] = check;
    return &checks->list[checks->count++];
}

/* Room for a string of that length in the first block of the chain, or NULL (and `failed` is
 * set). */
static char *room_for(struct checks *checks, size_t length)
{
    struct checks_text *block = checks->texts;
    if (!block || block->size - block->used <= length) {
        size_t size = length < BLOCK_SIZE ? BLOCK_SIZE : length + 1;
        block = size > length ? malloc(sizeof(*block) + size) : NULL;
        if (!block) {
            checks->failed = true;
            return NULL;
        }
        *block = (struct checks_text){.next = checks->texts, .size = size};
        checks->texts = block;
    }
    return block->text + block->used;
}

/* Ends a string that was written to room_for's room. */
static const char *keep(struct checks *checks, char *text, size_t length)
{
    text[length] = '\0';
    str_clean(text, "");
    checks->texts->used += length + 1;
    return text;
}

const char *checks_text(struct checks *checks, const char *format, ...)
{
    va_list args, again;
    char *text = room_for(checks, 0);
    if (!text)
        return "";
    va_start(args, format);
    va_copy(again, args);
    size_t room = checks->texts->size - checks->texts->used;
    int length = vsnprintf(text, room, format, args);
    if (length < 0)
        checks->failed = true;
    if (length >= 0 && (size_t)length >= room && (text = room_for(checks, (size_t)length)))
        (void)vsnprintf(text, (size_t)length + 1, format, again);
    va_end(again);
    va_end(args);
    return text && length >= 0 ? keep(checks, text, (size_t)length) : "";
}

const char *checks_take_text(struct checks *checks, struct buf *text)
{
    checks->failed |= text->failed;
    size_t length = text->length;
    char *taken = room_for(checks, length);
    if (taken && length)
        memcpy(taken, text->data, length);
    buf_free(text);
    return taken ? keep(checks, taken, length) : "";
}

void check_judge(struct check *check, const char *observed, bool satisfies)
{
    check->observed = observed;
    check->reason = NULL;
    check->verdict = satisfies ? VERDICT_PASS : VERDICT_FAIL;
}

void check_observe(struct check *check, const char *observed)
{
    check_judge(check, observed, str_equal(check->expected, observed));
}

void check_verdict(struct check *check, enum verdict verdict, const char *reason)
{
    if (!check->observed)
        check->observed = "";
    check->verdict = verdict;
    check->reason = reason;
}

void check_excerpt(const char *text, size_t most, struct buf *out)
{
    size_t length = 0, words = 0, whole = strlen(text);
    for (size_t next; length < whole; length += next) {
        next = str_character(text + length);
        next = next ? next : 1;
        if (length + next > most)
            break;
        if (text[length] == ' ')
            words = length;
    }
    bool cut = length < whole;
    buf_append(out, text, cut && words ? words : length);
    buf_puts(out, cut ? "..." : "");
}

void check_print(const struct check *check, struct buf *out)
{
    bool observed = check->observed && check->observed[0] != '\0';
    buf_printf(out, "%s is ", check->id);
    check_excerpt(observed ? check->observed : "unknown", PRINTED_VALUE, out);
    buf_puts(out, ", should be ");
    check_excerpt(check->expected, PRINTED_VALUE, out);
    if (check->reason) {
        buf_puts(out, " (");
        check_excerpt(check->reason, PRINTED_REASON, out);
        buf_putc(out, ')');
    }
}

bool checks_differ(const struct checks *checks)
{
    return checks_worst(checks) >= VERDICT_FAIL;
}

enum verdict checks_worst_of(const struct checks *checks, bool advised)
{
    enum verdict worst = checks->failed && !advised ? VERDICT_ERROR : VERDICT_PASS;
    for (size_t i = 0; i < checks->count; i++)
        if (checks->list[i].advised == advised && checks->list[i].verdict > worst)
            worst = checks->list[i].verdict;
    return worst;
}

enum verdict checks_worst(const struct checks *checks)
{
    enum verdict advised = checks_worst_of(checks, true), others = checks_worst_of(checks, false);
    return advised > others ? advised : others;
}
