/* The table of facts, and a fact's value in the forms that writers need. */
#include "report/facts.h"

#include "base/clock.h"
#include "base/str.h"

#include <stdio.h>

_Static_assert((int)FACT_SIZE >= (int)CLOCK_TEXT_SIZE, "a time fits");

const struct fact fact_table[] = {
#define FACT(kind_of, name, ...)                                                                   \
    {.kind = FACT_IS_##kind_of, .offset = offsetof(struct facts, name), __VA_ARGS__},
#include "report/facts.def"
#undef FACT
};
const size_t fact_count = countof(fact_table);

const char *role_token(enum role role)
{
    return role == ROLE_CONFERENCING ? "conferencing" : "management";
}

static const void *value_at(const struct fact *fact, const struct facts *facts)
{
    return (const char *)facts + fact->offset;
}

static const char *text_of(const struct fact *fact, const struct facts *facts)
{
    const char *text = *(const char *const *)value_at(fact, facts);
    return text && text[0] ? text : NULL;
}

uint64_t fact_number(const struct fact *fact, const struct facts *facts)
{
    const void *at = value_at(fact, facts);
    switch (fact->kind) {
    case FACT_IS_TEXT:
        return text_of(fact, facts) != NULL;
    case FACT_IS_ROLE:
        return (uint64_t) * (const enum role *)at;
    case FACT_IS_FLAG:
        return *(const bool *)at;
    case FACT_IS_TIME:
        return (uint64_t) * (const int64_t *)at;
    case FACT_IS_NUMBER:
        break;
    }
    return *(const uint64_t *)at;
}

bool fact_is_set(const struct fact *fact, const struct facts *facts)
{
    return fact->kind == FACT_IS_ROLE || fact_number(fact, facts) != 0;
}

const char *fact_value(const struct fact *fact, const struct facts *facts, char buffer[FACT_SIZE])
{
    uint64_t number = fact_number(fact, facts);
    switch (fact->kind) {
    case FACT_IS_TEXT:
        return text_of(fact, facts);
    case FACT_IS_ROLE:
        return role_token((enum role)number);
    case FACT_IS_FLAG:
        return fact->words[number];
    case FACT_IS_TIME:
        clock_text((int64_t)number, buffer);
        return number ? buffer : NULL;
    case FACT_IS_NUMBER:
        break;
    }
    (void)snprintf(buffer, FACT_SIZE, "%llu", (unsigned long long)number);
    return number || !fact->none ? buffer : NULL;
}

enum health facts_health(const struct facts *facts, const struct fact **worst)
{
    enum health health = HEALTH_PASS;
    if (worst)
        *worst = NULL;
    for (size_t i = 0; i < fact_count; i++) {
        if (fact_table[i].health <= health || !fact_is_set(&fact_table[i], facts))
            continue;
        health = fact_table[i].health;
        if (worst)
            *worst = &fact_table[i];
    }
    return health;
}
