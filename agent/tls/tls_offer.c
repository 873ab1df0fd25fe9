/* From a surface's record to codes. */
#include "tls/tls_offer.h"

void tls_offer_make(struct tls_offer *offer, const struct crypto *crypto, enum surface surface)
{
    const struct surface_record *record = &crypto->surface[surface];
    *offer = (struct tls_offer){
        .first = (uint16_t)record->first,
        .last = (uint16_t)record->last,
        .suite_count = (uint16_t)record->suite_count,
        .group_count = (uint16_t)record->group_count,
        .signature_count = (uint16_t)record->signature_count,
        .extended_master_secret = crypto->fips,
    };
    for (size_t i = 0; i < record->suite_count; i++)
        offer->suites[i] = record->suites[i]->id;
    for (size_t i = 0; i < record->group_count; i++)
        offer->groups[i] = record->groups[i]->code;
    for (size_t i = 0; i < record->signature_count; i++)
        offer->signatures[i] = record->signatures[i]->code;
}

bool tls_offer_is_valid(const struct tls_offer *offer)
{
    return offer->first <= offer->last && offer->suite_count && offer->suite_count <= SUITE_COUNT &&
           offer->group_count && offer->group_count <= NAMED_GROUP_COUNT &&
           offer->signature_count && offer->signature_count <= SIGNATURE_COUNT;
}

bool tls_offer_suite_fits(uint16_t suite, uint16_t version)
{
    const struct suite *known = suite_find(suite);
    return known && version >= (uint16_t)known->first && version <= (uint16_t)known->last;
}

bool tls_offer_suite_signs(uint16_t suite)
{
    const struct suite *known = suite_find(suite);
    return !known || known->exchange != EXCHANGE_RSA;
}
