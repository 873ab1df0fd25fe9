/* Rows and the strings that belong to them. */
#include "domain/rows.h"

#include "base/str.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Strings stand one behind the other in a chain of blocks that never move: a row's pointer stays
 * valid while more are added. */
struct rows_text {
    struct rows_text *next;
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

void rows_free(struct rows *rows)
{
    while (rows->texts) {
        struct rows_text *next = rows->texts->next;
        free(rows->texts);
        rows->texts = next;
    }
    free(rows->list);
    if (rows->made)
        rows->free_made(rows->made);
    *rows = (struct rows){0};
}

void rows_keep(struct rows *rows, void *made, void (*free_made)(void *made))
{
    rows->made = made;
    rows->free_made = free_made;
}

static int grow(struct rows *rows)
{
    size_t capacity = rows->capacity ? rows->capacity * 2 : FIRST_ROWS;
    struct row *list = realloc(rows->list, capacity * sizeof(*list));
    if (!list) {
        rows->failed = true;
        return -1;
    }
    rows->list = list;
    rows->capacity = capacity;
    return 0;
}

struct row *rows_add(struct rows *rows, struct row row)
{
    if (rows->count == rows->capacity && grow(rows) < 0)
        return NULL;
    row.verdict = VERDICT_ERROR;
    row.note = "not observed";
    rows->list[rows->count] = row;
    return &rows->list[rows->count++];
}

/* Room for a string of that length in the first block of the chain, or NULL (and `failed` is set).
 */
static char *room_for(struct rows *rows, size_t length)
{
    struct rows_text *block = rows->texts;
    if (!block || block->size - block->used <= length) {
        size_t size = length < BLOCK_SIZE ? BLOCK_SIZE : length + 1;
        block = size > length ? malloc(sizeof(*block) + size) : NULL;
        if (!block) {
            rows->failed = true;
            return NULL;
        }
        *block = (struct rows_text){.next = rows->texts, .size = size};
        rows->texts = block;
    }
    return block->text + block->used;
}

/* Ends a string that was written to room_for's room. */
static const char *keep(struct rows *rows, char *text, size_t length)
{
    text[length] = '\0';
    str_clean(text, "");
    rows->texts->used += length + 1;
    return text;
}

const char *rows_text(struct rows *rows, const char *format, ...)
{
    va_list args, again;
    char *text = room_for(rows, 0);
    if (!text)
        return "";
    va_start(args, format);
    va_copy(again, args);
    size_t room = rows->texts->size - rows->texts->used;
    int length = vsnprintf(text, room, format, args);
    if (length < 0)
        rows->failed = true;
    if (length >= 0 && (size_t)length >= room && (text = room_for(rows, (size_t)length)))
        (void)vsnprintf(text, (size_t)length + 1, format, again);
    va_end(again);
    va_end(args);
    return text && length >= 0 ? keep(rows, text, (size_t)length) : "";
}

const char *rows_take(struct rows *rows, struct buf *text)
{
    rows->failed |= text->failed;
    size_t length = text->length;
    char *taken = room_for(rows, length);
    if (taken && length)
        memcpy(taken, text->data, length);
    buf_free(text);
    return taken ? keep(rows, taken, length) : "";
}

void row_judge(struct row *row, const char *actual, bool satisfies)
{
    row->actual = actual;
    row->note = NULL;
    row->verdict = satisfies ? VERDICT_PASS : VERDICT_FAIL;
}

void row_observed(struct row *row, const char *actual)
{
    row_judge(row, actual, str_equal(row->desired, actual));
}

void row_verdict(struct row *row, enum verdict verdict, const char *note)
{
    if (!row->actual)
        row->actual = "";
    row->verdict = verdict;
    row->note = note;
}

void row_excerpt(const char *text, size_t most, struct buf *out)
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

void row_print(const struct row *row, struct buf *out)
{
    bool observed = row->actual && row->actual[0] != '\0';
    buf_printf(out, "%s is ", row->id);
    row_excerpt(observed ? row->actual : "unknown", PRINTED_VALUE, out);
    buf_puts(out, ", should be ");
    row_excerpt(row->desired, PRINTED_VALUE, out);
    if (row->note) {
        buf_puts(out, " (");
        row_excerpt(row->note, PRINTED_REASON, out);
        buf_putc(out, ')');
    }
}

bool rows_differ(const struct rows *rows)
{
    return rows_worst(rows) >= VERDICT_FAIL;
}

enum verdict rows_worst_of(const struct rows *rows, bool advised)
{
    enum verdict worst = rows->failed && !advised ? VERDICT_ERROR : VERDICT_PASS;
    for (size_t i = 0; i < rows->count; i++)
        if (rows->list[i].advised == advised && rows->list[i].verdict > worst)
            worst = rows->list[i].verdict;
    return worst;
}

enum verdict rows_worst(const struct rows *rows)
{
    enum verdict advised = rows_worst_of(rows, true), others = rows_worst_of(rows, false);
    return advised > others ? advised : others;
}
