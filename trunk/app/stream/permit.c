/*
 * The list is emptied before each call, so that a permit that ends what it belongs to cannot be
 * ended twice.
 */
#include "app/stream/permit.h"

#include <stddef.h>

void permit_end_all(struct permit **list, uint64_t bytes_in, uint64_t bytes_out)
{
    while (*list != NULL) {
        struct permit *permit = *list;

        *list = permit->next;
        permit->end(permit, bytes_in, bytes_out);
    }
}
