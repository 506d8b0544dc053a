#ifndef TEST_UNIT_LIVE_KIT_H
#define TEST_UNIT_LIVE_KIT_H

/*
 * What the tests of source and viewer share: a source on a clock of its own, a
 * publisher of small frames, and viewers whose bytes are read back as FLV tags, or
 * kept as they come. The kit owns its viewers: kit_close() ends what is still open.
 */
#include "live/hub.h"
#include "live/source.h"
#include "live/viewer.h"
#include "media/flv.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#define KIT_KEY         "v/a/s"
#define KIT_VIEWERS_MAX 8
#define KIT_BATCH       (128 * 1024)

struct kit {
    struct hub *hub;
    struct source *source;
    struct source_config config;
    usec_t now;
    int published, unpublished, gone;
    struct kit_seen *seen[KIT_VIEWERS_MAX];
    int viewers;
};

struct kit_tag {
    enum frame_type type;
    uint32_t ms;
    size_t len;
    uint8_t body[256]; /* its beginning */
    int is_key, is_header;
};

/* A viewer, and everything that it has got so far. */
struct kit_seen {
    struct viewer *viewer;
    struct flv_in *in;
    struct kit_tag tag[4096];
    int count;
    int flags; /* of the FLV header */
    int is_ended;
    size_t bytes;
    /* Of formats other than FLV: what the last kit_take_bytes() took, with a NUL behind it. */
    size_t len;
    uint8_t data[65536 + 1];
};

static inline void kit_on_publish(struct source *source, void *arg)
{
    (void)source;
    ((struct kit *)arg)->published++;
}

static inline void kit_on_unpublish(struct source *source, void *arg)
{
    (void)source;
    ((struct kit *)arg)->unpublished++;
}

static inline void kit_on_gone(struct source *source, void *arg)
{
    (void)source;
    ((struct kit *)arg)->gone++;
}

static inline void kit_open(struct kit *kit)
{
    struct source_events events = {.on_publish = kit_on_publish,
                                   .on_unpublish = kit_on_unpublish,
                                   .on_gone = kit_on_gone,
                                   .arg = kit};

    memset(kit, 0, sizeof(*kit));
    kit->config = (struct source_config){.gop_cache = 1,
                                         .gop_cache_max_frames = 2500,
                                         .gop_cache_max_bytes = 16 << 20,
                                         .queue_length = 30 * USEC_PER_SEC,
                                         .time_jitter = TIME_JITTER_FULL,
                                         .has_audio = 1,
                                         .has_video = 1,
                                         .guess_has_av = 1,
                                         .drop_if_not_match = 1,
                                         .republish_wait = 15 * USEC_PER_SEC};
    kit->now = USEC_PER_SEC;
    kit->hub = hub_new(8, 8);
    ck_assert_ptr_nonnull(kit->hub);
    kit->source = hub_get(kit->hub, KIT_KEY, &kit->config);
    ck_assert_ptr_nonnull(kit->source);
    source_set_events(kit->source, &events);
}

/* The viewer leaves; what it has received stays until kit_close(). */
static inline void kit_leave(struct kit_seen *seen)
{
    viewer_close(seen->viewer);
    seen->viewer = NULL;
}

static inline void kit_close(struct kit *kit)
{
    struct source *source;

    for (int i = 0; i < kit->viewers; i++) {
        if (kit->seen[i]->viewer != NULL)
            kit_leave(kit->seen[i]);
        flv_in_free(kit->seen[i]->in);
        free(kit->seen[i]);
    }
    source = hub_find(kit->hub, KIT_KEY);
    if (source != NULL && source_state(source) == SOURCE_LIVE)
        source_unpublish(source, kit->now);
    hub_free(kit->hub);
}

static inline void kit_publish(struct kit *kit)
{
    ck_assert_int_eq(source_publish(kit->source, &kit->config, kit->now), 0);
}

static inline void kit_push(struct kit *kit, enum frame_type type, uint32_t ts, const void *body,
                            size_t len)
{
    struct frame frame;

    flv_frame_parse(&frame, type, ts, body, len);
    source_push(kit->source, &frame, kit->now);
}

/* avcC with one SPS and one PPS; `mark` makes configurations differ. */
static inline void kit_avc_header(struct kit *kit, uint32_t ts, uint8_t mark)
{
    uint8_t body[] = {0x17, 0, 0,    0,    0, 1,    0x64, 0, 0x1f, 0xff, 0xe1,
                      0,    4, 0x67, 0x64, 0, mark, 1,    0, 2,    0x68, mark};

    kit_push(kit, FRAME_VIDEO, ts, body, sizeof(body));
}

static inline void kit_video(struct kit *kit, uint32_t ts, int is_key)
{
    uint8_t body[] = {is_key ? 0x17 : 0x27, 1, 0, 0, 0, 0, 0, 0, 2, is_key ? 0x65 : 0x41, 0xaa};

    kit_push(kit, FRAME_VIDEO, ts, body, sizeof(body));
}

static inline void kit_aac_header(struct kit *kit, uint32_t ts, uint8_t mark)
{
    uint8_t body[] = {0xaf, 0, 0x12, mark};

    kit_push(kit, FRAME_AUDIO, ts, body, sizeof(body));
}

static inline void kit_audio(struct kit *kit, uint32_t ts)
{
    uint8_t body[] = {0xaf, 1, 0x21, 0x10, 0x05};

    kit_push(kit, FRAME_AUDIO, ts, body, sizeof(body));
}

/* Both headers, then `frames` video frames of 40 ms from ts on with audio between; a keyframe
 * each 25.
 */
static inline void kit_run(struct kit *kit, uint32_t ts, int frames)
{
    for (int i = 0; i < frames; i++) {
        kit_video(kit, ts + (uint32_t)i * 40, i % 25 == 0);
        kit_audio(kit, ts + (uint32_t)i * 40 + 10);
        kit->now += 40 * USEC_PER_MS;
    }
}

static inline void kit_start(struct kit *kit, uint32_t ts, int frames)
{
    kit_avc_header(kit, ts, 0x1f);
    kit_aac_header(kit, ts, 0x10);
    kit_run(kit, ts, frames);
}

/* Takes a viewer in; with NULL a memory alone, for bytes from elsewhere. */
static inline struct kit_seen *kit_adopt(struct kit *kit, struct viewer *viewer)
{
    struct kit_seen *seen = calloc(1, sizeof(*seen));

    ck_assert_ptr_nonnull(seen);
    ck_assert_int_lt(kit->viewers, KIT_VIEWERS_MAX);
    seen->viewer = viewer;
    seen->in = flv_in_new(1 << 20);
    ck_assert_ptr_nonnull(seen->in);
    kit->seen[kit->viewers++] = seen;
    return seen;
}

/* Another viewer, which has taken nothing yet. */
static inline struct kit_seen *kit_watch(struct kit *kit, const struct mux *mux)
{
    struct viewer *viewer = viewer_open(kit->source, mux, kit->now);

    ck_assert_ptr_nonnull(viewer);
    return kit_adopt(kit, viewer);
}

static inline void kit_parse(struct kit_seen *seen, const uint8_t *p, size_t len)
{
    while (len > 0) {
        struct flv_tag tag;
        struct frame frame;
        struct kit_tag *out = &seen->tag[seen->count];
        size_t used;
        enum scan scan = flv_in_feed(seen->in, p, len, &used, &tag);

        ck_assert_int_ne(scan, SCAN_BAD);
        p += used;
        len -= used;
        if (scan != SCAN_DONE)
            continue;
        ck_assert_int_lt(seen->count, 4096);
        flv_frame_parse(&frame, tag.type, tag.timestamp, tag.data, tag.len);
        out->type = tag.type;
        out->ms = tag.timestamp;
        out->len = tag.len;
        memcpy(out->body, tag.data, tag.len < sizeof(out->body) ? tag.len : sizeof(out->body));
        out->is_key = frame.is_key && !frame.is_header;
        out->is_header = frame.is_header;
        seen->count++;
    }
    seen->flags = flv_in_flags(seen->in);
}

static inline void kit_keep(struct kit_seen *seen, const uint8_t *p, size_t len)
{
    ck_assert_uint_lt(seen->len + len, sizeof(seen->data));
    memcpy(seen->data + seen->len, p, len);
    seen->len += len;
}

static inline void kit_take_with(struct kit_seen *seen,
                                 void (*take)(struct kit_seen *, const uint8_t *, size_t))
{
    struct viewer_batch batch;

    for (;;) {
        enum viewer_status status = viewer_next(seen->viewer, KIT_BATCH, &batch);

        if (status == VIEWER_END)
            seen->is_ended = 1;
        if (status != VIEWER_BYTES)
            return;
        for (int i = 0; i < batch.count; i++)
            take(seen, batch.span[i].iov_base, batch.span[i].iov_len);
        seen->bytes += batch.len;
        viewer_sent(seen->viewer);
    }
}

/* Takes everything that is available, as FLV; every batch must consist of whole tags. */
static inline void kit_take(struct kit_seen *seen)
{
    kit_take_with(seen, kit_parse);
}

/* Takes all there is in place of what was taken before. */
static inline void kit_take_bytes(struct kit_seen *seen)
{
    seen->len = 0;
    kit_take_with(seen, kit_keep);
    seen->data[seen->len] = '\0';
}

/* The same of a format that is text. */
static inline const char *kit_take_text(struct kit_seen *seen)
{
    kit_take_bytes(seen);
    return (const char *)seen->data;
}

/* Opens the kit: a live stream of so many video frames, and a viewer that has taken all it gets. */
static inline struct kit_seen *kit_begin(struct kit *kit, int frames)
{
    struct kit_seen *seen;

    kit_open(kit);
    kit_publish(kit);
    kit_start(kit, 0, frames);
    seen = kit_watch(kit, &mux_flv);
    kit_take(seen);
    return seen;
}

/* As a player reloads: the viewer leaves, another one joins and takes what is available. */
static inline struct kit_seen *kit_reload(struct kit *kit, struct kit_seen *seen)
{
    kit_leave(seen);
    seen = kit_watch(kit, &mux_flv);
    kit_take(seen);
    return seen;
}

/* No track steps back. */
static inline void kit_check_times(const struct kit_seen *seen)
{
    uint32_t last[32] = {0};

    for (int i = 0; i < seen->count; i++) {
        if (seen->tag[i].is_header || seen->tag[i].type == FRAME_SCRIPT)
            continue;
        ck_assert_uint_ge(seen->tag[i].ms, last[seen->tag[i].type]);
        last[seen->tag[i].type] = seen->tag[i].ms;
    }
}

#endif
