/*
 * Init data: what a viewer needs before the first frame. Metadata, the sequence headers in force
 * and the tracks that the FLV header announces; for each rendition, those of the tracks that it
 * gets.
 */
#include "live/renditions.h"
#include "media/flv.h"

#include <string.h>

/* The codec of an announced track, as far as it is known before its first frame. */
static enum codec track_codec(const struct source_track *track, enum frame_type type)
{
    const struct blob *header = track->pending;
    struct frame frame;

    if (!track->is_announced)
        return CODEC_NONE;
    if (track->codec != CODEC_NONE)
        return track->codec != CODEC_OTHER ? track->codec : CODEC_NONE;
    if (header == NULL) /* announced by the configuration alone */
        return CODEC_OTHER;
    flv_frame_parse(&frame, type, 0, header->data, header->len);
    return frame.codec;
}

/* The init data of the main tracks. */
static void init_data_of_main(const struct source *source, struct init_data *init)
{
    memset(init, 0, sizeof(*init));
    init->has_audio = source->track[JITTER_AUDIO].is_announced;
    init->has_video = source->track[JITTER_VIDEO].is_announced;
    init->is_lax = !source->config.guess_has_av && !source->config.drop_if_not_match;
    init->meta = source->meta;
    init->codec[JITTER_AUDIO] = track_codec(&source->track[JITTER_AUDIO], FRAME_AUDIO);
    init->codec[JITTER_VIDEO] = track_codec(&source->track[JITTER_VIDEO], FRAME_VIDEO);
    for (int i = 0; i < JITTER_TRACKS; i++) {
        const struct source_track *track = &source->track[i];

        /* A track's first header is part of it even before the track's first frame. */
        init->header[i] = track->codec == CODEC_NONE ? track->pending : track->header;
    }
}

void source_init_data(const struct source *source, const struct rendition *rendition,
                      struct init_data *init)
{
    init_data_of_main(source, init);
    source_select_init_data(source, rendition, init);
}

struct blob *source_init_data_at_end(const struct source *source, struct rendition *rendition)
{
    struct init_data init;

    source_init_data(source, rendition, &init);
    /* Messages with several tracks are kept as they came, the newest of each track. */
    for (int i = 0; i < JITTER_TRACKS && !source->has_extra_tracks; i++)
        if (source->track[i].pending != NULL)
            init.header[i] = source->track[i].pending;
    return rendition_make_preamble(rendition, &init);
}

void source_init_data_renew(struct source *source)
{
    struct init_data init;

    if (!source->is_decided)
        return;
    init_data_of_main(source, &init);
    rendition_set_init_data(&source->native, &init);
    for (struct rendition *r = source->others; r != NULL; r = r->next) {
        struct init_data own = init;

        source_select_init_data(source, r, &own);
        rendition_set_init_data(r, &own);
    }
}

void source_init_data_renew_fixed(struct source *source, enum frame_type type)
{
    for (struct rendition *r = source->others; r != NULL; r = r->next) {
        const struct blob *former = r->preamble;
        struct init_data init;

        if (!mux_is_fixed(r->mux) || !r->is_fed || !rendition_takes(r, type))
            continue;
        source_init_data(source, r, &init);
        rendition_set_init_data(r, &init);
        if (former == NULL || r->preamble == former)
            continue;
        rendition_drop_start(r);
        ring_drop_sync(&r->ring);
        rendition_cut(r);
    }
}
