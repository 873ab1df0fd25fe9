/*
 * Facts: what stands at the head of every report. Each is a row of report/facts.def, from which
 * every writer takes its name, label and metric.
 */
#ifndef HOLDFAST_REPORT_FACTS_H
#define HOLDFAST_REPORT_FACTS_H

#include "domain/domain.h"

#include <stddef.h>
#include <stdint.h>

enum health { HEALTH_PASS, HEALTH_WARN, HEALTH_FAIL };

/* The values. Strings are borrowed. */
#define FACT_TEXT   const char *
#define FACT_ROLE   enum role
#define FACT_NUMBER uint64_t
#define FACT_TIME   int64_t
#define FACT_FLAG   bool
struct facts {
#define FACT(kind, name, ...) FACT_##kind name;
#include "report/facts.def"
#undef FACT
};

enum fact_kind { FACT_IS_TEXT, FACT_IS_ROLE, FACT_IS_NUMBER, FACT_IS_TIME, FACT_IS_FLAG };

/* How the formats show a fact. A part of a line or a note that begins with a comma continues the
 * part before it, and is left out with that. */
struct fact {
    enum fact_kind kind;
    size_t offset;        /* in struct facts */
    enum health health;   /* of the node while the fact is set */
    const char *none;     /* on the status page where it is unset; a NUMBER with it is unset at 0 */
    const char *words[2]; /* FLAG: its value in words, false and true */
    const char *json;     /* name in the JSON report */
    const char *text[2];  /* text report: before and after the value; of a FLAG, where it is true */
    const char *note;     /* health document: before the value in a note */
    const char *label;    /* on the status page */
    const char *node_label; /* label of the metric holdfast_node */
    const char *metric, *help;
    const char *metric_label; /* the metric is always 1 and the value stands in this label */
    bool counter;             /* the metric is a counter, else a gauge */
    unsigned divisor;         /* of the metric's value; 0: none */
};

enum { FACT_SIZE = 32 }; /* room for the text of a number or a time */

extern const struct fact fact_table[];
extern const size_t fact_count;

const char *role_token(enum role role); /* "management" */

/* False for an empty text, a false flag, 0, and time 0. A role is always set. */
bool fact_is_set(const struct fact *fact, const struct facts *facts);

/* As a number: of a TEXT and a FLAG, 1 where it is set. */
uint64_t fact_number(const struct fact *fact, const struct facts *facts);

/* As text, in `buffer` or borrowed from `facts`. NULL where the fact is unset. */
const char *fact_value(const struct fact *fact, const struct facts *facts, char buffer[FACT_SIZE]);

/* The worst health of the facts that are set; `worst` (may be NULL) receives the first fact of
 * it. */
enum health facts_health(const struct facts *facts, const struct fact **worst);

#endif
