/* Rows and the strings that belong to them. */
#include "domain/rows.h"

#include "base/str.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Strings are kept in a chain of nodes: a row's pointer stays valid while more are added. */
struct rows_text {
    struct rows_text *next;
    char text[];
};

enum { FIRST_ROWS = 32, PRINTED_VALUE = 160, PRINTED_REASON = 240 };

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
    *rows = (struct rows){0};
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

const char *rows_text(struct rows *rows, const char *format, ...)
{
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    int length = vsnprintf(NULL, 0, format, args);
    va_end(args);
    struct rows_text *node = length < 0 ? NULL : malloc(sizeof(*node) + (size_t)length + 1);
    if (!node) {
        rows->failed = true;
        va_end(again);
        return "";
    }
    (void)vsnprintf(node->text, (size_t)length + 1, format, again);
    va_end(again);
    str_clean(node->text, "");
    node->next = rows->texts;
    rows->texts = node;
    return node->text;
}

const char *rows_take(struct rows *rows, struct buf *text)
{
    rows->failed |= text->failed;
    const char *taken = rows_text(rows, "%s", buf_text(text));
    buf_free(text);
    return taken;
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
