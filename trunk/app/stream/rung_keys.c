/*
 * Players change the rung at a keyframe that both rungs have. A rung whose GOPs are a multiple of
 * the other's is aligned: each of its keyframes will do.
 */
#include "app/stream/rung_keys.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

void rung_keys_note(struct rung_keys *keys, int64_t key)
{
    assert(keys != NULL);
    if (key < 0 || (keys->count > 0 && keys->at[keys->count - 1] == key))
        return;
    if (keys->count > 0 && key < keys->at[keys->count - 1])
        keys->count = 0;
    if (keys->count == RUNG_KEYS_MAX)
        memmove(keys->at, keys->at + 1, --keys->count * sizeof(keys->at[0]));
    keys->at[keys->count++] = key;
}

static int has_key(const struct rung_keys *keys, int64_t key)
{
    for (int i = 0; i < keys->count; i++)
        if (llabs(keys->at[i] - key) <= RUNG_KEYS_SAME_MS)
            return 1;
    return 0;
}

enum rung_match rung_keys_compare(const struct rung_keys *own, const struct rung_keys *other)
{
    int same = 0, apart = 0;

    for (int i = 0; i < own->count && other->count > 0; i++) {
        if (own->at[i] < other->at[0] - RUNG_KEYS_SAME_MS ||
            own->at[i] > other->at[other->count - 1] + RUNG_KEYS_SAME_MS)
            continue;
        if (has_key(other, own->at[i]))
            same++;
        else
            apart++;
    }
    if (same + apart < RUNG_KEYS_MIN)
        return RUNG_UNKNOWN;
    return apart == 0 ? RUNG_ALIGNED : same > 0 ? RUNG_PARTLY : RUNG_APART;
}

const char *rung_keys_match_name(enum rung_match match)
{
    switch (match) {
    case RUNG_ALIGNED:
        return "aligned";
    case RUNG_PARTLY:
        return "partly";
    case RUNG_APART:
        return "apart";
    case RUNG_UNKNOWN:
        break;
    }
    return "unknown";
}
