/* Record by record: type, then length, and what the connection's state makes of them. */
#include "tls/tls_records.h"

#include "tls/tls_alert.h"

enum {
    GROWTH_TLS12 = 2048, /* of a record by encryption (RFC 5246, 6.2.3) */
    GROWTH_TLS13 = 256,  /* RFC 8446, 5.2 */
    CHANGE_CIPHER_SPEC_SIZE = 1
};

static unsigned char refuse_type_in_handshake(struct tls_records *records, unsigned type)
{
    if (type < TLS_RECORD_CHANGE_CIPHER_SPEC || type > TLS_RECORD_DATA)
        return TLS_ALERT_UNEXPECTED_MESSAGE;
    if (type == TLS_RECORD_HANDSHAKE || type == TLS_RECORD_DATA)
        return 0;
    return ++records->odd > TLS_RECORDS_ODD_MAX ? TLS_ALERT_UNEXPECTED_MESSAGE : 0;
}

/* Below TLS 1.3 the types are in clear: a handshake message is a client that wants to negotiate
 * once more. In TLS 1.3 there is one type, and also the change of ciphers that middleboxes like to
 * see has its place before the client's Finished alone (RFC 8446, 5). */
static unsigned char refuse_type_when_open(struct tls_records *records, unsigned type)
{
    bool renegotiates = type == TLS_RECORD_HANDSHAKE && !records->tls13;
    records->renegotiates |= renegotiates;
    if (renegotiates)
        return TLS_ALERT_NO_RENEGOTIATION;
    if (type != TLS_RECORD_DATA && (type != TLS_RECORD_ALERT || records->tls13))
        return TLS_ALERT_UNEXPECTED_MESSAGE;
    return ++records->empty > TLS_RECORDS_EMPTY_MAX ? TLS_ALERT_UNEXPECTED_MESSAGE : 0;
}

/* Nothing is sent empty: not in clear (RFC 8446, 5.1), and encryption makes it longer. */
static unsigned char refuse_length(const struct tls_records *records, unsigned type, size_t length)
{
    size_t growth = records->tls13 ? GROWTH_TLS13 : GROWTH_TLS12;
    size_t limit = TLS_RECORD_MAX + (type == TLS_RECORD_DATA || records->open ? growth : 0);
    if (length > limit)
        return TLS_ALERT_RECORD_OVERFLOW;
    if (length == 0)
        return TLS_ALERT_UNEXPECTED_MESSAGE;
    if (type == TLS_RECORD_CHANGE_CIPHER_SPEC && length != CHANGE_CIPHER_SPEC_SIZE)
        return TLS_ALERT_UNEXPECTED_MESSAGE;
    return 0;
}

static unsigned char look_head(struct tls_records *records)
{
    unsigned type = records->head[0];
    if (records->head_length == 1)
        return records->open ? refuse_type_when_open(records, type)
                             : refuse_type_in_handshake(records, type);
    if (records->head_length < TLS_RECORD_HEAD)
        return 0;
    records->head_length = 0;
    records->body_left = (size_t)records->head[3] << 8 | records->head[4];
    return refuse_length(records, type, records->body_left);
}

size_t tls_records_look(struct tls_records *records, const unsigned char *data, size_t size)
{
    size_t passed = 0;
    while (passed < size && !records->alert) {
        if (records->body_left) {
            size_t here = size - passed < records->body_left ? size - passed : records->body_left;
            records->body_left -= here;
            passed += here;
            continue;
        }
        records->head[records->head_length++] = data[passed];
        records->alert = look_head(records);
        if (!records->alert)
            passed++;
    }
    return passed;
}

void tls_records_choose(struct tls_records *records, bool tls13)
{
    records->tls13 = tls13;
}

void tls_records_open(struct tls_records *records)
{
    records->open = true;
}

void tls_records_note_data(struct tls_records *records)
{
    records->empty = 0;
}
