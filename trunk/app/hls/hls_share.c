/*
 * Two tables in shared memory. Each value is a few numbers, so a request holds a lock for
 * microseconds.
 */
#include "app/hls/hls_share.h"

#include "app/config/config.h"
#include "base/shared_map.h"
#include "base/siphash.h"

#include <stdlib.h>
#include <string.h>

struct hls_share {
    struct shared_map *streams, *seats;
};

/* A stream's name is kept as a hash: a session only has to be told from those of other streams. */
struct seat {
    int32_t slot;
    uint8_t is_kicked;
    uint64_t stream;
    usec_t seen;
    uint64_t bytes;
};

struct err *hls_share_new(struct shared_memory *memory, const struct config *config, int workers,
                          void **shared)
{
    struct hls_share *share = calloc(1, sizeof(*share));

    (void)workers;
    if (share == NULL)
        return err_new(ERR_NOMEM, "hls");
    share->streams = shared_map_new(memory, (size_t)config->max_streams, sizeof(struct hls_place));
    share->seats = shared_map_new(memory, (size_t)config->max_connections, sizeof(struct seat));
    if (share->streams == NULL || share->seats == NULL) {
        hls_share_free(share);
        return err_new(ERR_NOMEM, "hls: shared memory");
    }
    *shared = share;
    return NULL;
}

void hls_share_free(void *shared)
{
    struct hls_share *share = shared;

    shared_map_free(share->streams);
    shared_map_free(share->seats);
    free(share);
}

/* The worker of a playlist has died. Players know its numbers, so the next worker continues them,
 * after the one that may have been begun. */
static void orphan(struct hls_place *place)
{
    place->slot = -1;
    place->has_segments = 0;
    if (place->position.number > 0)
        place->position.number++;
}

/* Forgets a stream whose worker has died: 1, or 0: there is none. */
static int forget_orphan(struct shared_map *streams)
{
    struct hls_place *place = NULL;

    while ((place = shared_map_next(streams, place)) != NULL) {
        if (place->slot >= 0)
            continue;
        shared_map_remove(streams, place);
        return 1;
    }
    return 0;
}

void hls_share_reap(void *shared, int slot)
{
    struct hls_share *share = shared;
    struct hls_place *place = NULL;
    struct seat *seat = NULL;

    shared_map_lock(share->streams);
    while ((place = shared_map_next(share->streams, place)) != NULL)
        if (place->slot == slot)
            orphan(place);
    shared_map_unlock(share->streams);
    shared_map_lock(share->seats);
    while ((seat = shared_map_next(share->seats, seat)) != NULL)
        if (seat->slot == slot)
            shared_map_remove(share->seats, seat);
    shared_map_unlock(share->seats);
}

/* ---- streams ---- */

enum hls_entry hls_share_stream_enter(struct hls_share *share, const char *key, int slot,
                                      int takes_over, struct hls_place *before)
{
    enum hls_entry answer = HLS_ENTRY_YOURS;
    struct hls_place *place;

    memset(before, 0, sizeof(*before));
    before->slot = -1;
    shared_map_lock(share->streams);
    place = shared_map_find(share->streams, key);
    if (place != NULL)
        *before = *place;
    else
        place = shared_map_add(share->streams, key);
    if (place == NULL && forget_orphan(share->streams))
        place = shared_map_add(share->streams, key);
    if (place == NULL) {
        answer = HLS_ENTRY_FULL;
    } else if (before->slot >= 0 && before->slot != slot && before->has_segments &&
               !before->is_ended && !takes_over) {
        answer = HLS_ENTRY_OTHER;
    } else {
        if (before->slot != slot)
            place->has_segments = 0;
        place->is_ended = 0;
        place->slot = slot;
    }
    shared_map_unlock(share->streams);
    return answer;
}

void hls_share_stream_put(struct hls_share *share, const char *key, const struct hls_place *place)
{
    struct hls_place *now;

    shared_map_lock(share->streams);
    now = shared_map_find(share->streams, key);
    if (now != NULL && now->slot == place->slot)
        *now = *place;
    shared_map_unlock(share->streams);
}

void hls_share_stream_leave(struct hls_share *share, const char *key, int slot)
{
    struct hls_place *place;

    shared_map_lock(share->streams);
    place = shared_map_find(share->streams, key);
    if (place != NULL && place->slot == slot)
        shared_map_remove(share->streams, place);
    shared_map_unlock(share->streams);
}

int hls_share_stream_find(struct hls_share *share, const char *key, struct hls_place *out)
{
    const struct hls_place *place;

    shared_map_lock(share->streams);
    place = shared_map_find(share->streams, key);
    if (place != NULL && place->slot < 0)
        place = NULL;
    if (place != NULL)
        *out = *place;
    shared_map_unlock(share->streams);
    return place != NULL ? 0 : -1;
}

/* ---- sessions ---- */

/* All processes must agree on it; the id is secret, and so is the key. */
static uint64_t hash_of(const char *id, const char *stream)
{
    struct siphash_key key = {0, 0};

    memcpy(&key, id, sizeof(key) < strlen(id) ? sizeof(key) : strlen(id));
    return siphash(&key, stream, strlen(stream));
}

int hls_share_seat_add(struct hls_share *share, const char *id, int slot, const char *stream,
                       usec_t now)
{
    struct seat *seat = NULL;

    shared_map_lock(share->seats);
    if (shared_map_find(share->seats, id) == NULL)
        seat = shared_map_add(share->seats, id);
    if (seat != NULL)
        *seat = (struct seat){.slot = slot, .stream = hash_of(id, stream), .seen = now};
    shared_map_unlock(share->seats);
    return seat != NULL ? 0 : -1;
}

enum hls_seat hls_share_seat_touch(struct hls_share *share, const char *id, const char *stream,
                                   uint64_t bytes, usec_t now)
{
    enum hls_seat answer = HLS_SEAT_NONE;
    struct seat *seat;

    shared_map_lock(share->seats);
    seat = shared_map_find(share->seats, id);
    if (seat != NULL && seat->stream != hash_of(id, stream))
        answer = HLS_SEAT_OTHER;
    else if (seat != NULL && seat->is_kicked)
        answer = HLS_SEAT_KICKED;
    else if (seat != NULL)
        answer = HLS_SEAT_YOURS;
    if (answer == HLS_SEAT_YOURS) {
        seat->bytes += bytes;
        seat->seen = now;
    }
    shared_map_unlock(share->seats);
    return answer;
}

int hls_share_seat_read(struct hls_share *share, const char *id, usec_t *seen, uint64_t *bytes)
{
    const struct seat *seat;

    shared_map_lock(share->seats);
    seat = shared_map_find(share->seats, id);
    if (seat != NULL) {
        *seen = seat->seen;
        *bytes = seat->bytes;
    }
    shared_map_unlock(share->seats);
    return seat != NULL ? 0 : -1;
}

void hls_share_seat_kick(struct hls_share *share, const char *id)
{
    struct seat *seat;

    shared_map_lock(share->seats);
    seat = shared_map_find(share->seats, id);
    if (seat != NULL)
        seat->is_kicked = 1;
    shared_map_unlock(share->seats);
}

void hls_share_seat_remove(struct hls_share *share, const char *id)
{
    struct seat *seat;

    shared_map_lock(share->seats);
    seat = shared_map_find(share->seats, id);
    if (seat != NULL)
        shared_map_remove(share->seats, seat);
    shared_map_unlock(share->seats);
}
