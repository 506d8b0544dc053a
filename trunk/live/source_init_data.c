/*
 * Init data: what a viewer needs before the first frame. Metadata, the sequence headers in force
 * and what the FLV header promises, for each rendition those of the tracks that it gets.
 */
#include "live/renditions.h"
#include "media/flv.h"

#include <string.h>

/* What a promised track is, as far as it is known before its first frame. */
static enum codec track_codec(const struct source_track *track, enum frame_type type)
{
    const struct blob *header = track->pending;
    struct frame frame;

    if (!track->is_announced)
        return CODEC_NONE;
    if (track->codec != CODEC_NONE)
        return track->codec != CODEC_OTHER ? track->codec : CODEC_NONE;
    if (header == NULL) /* promised by the configuration alone */
        return CODEC_OTHER;
    flv_frame_parse(&frame, type, 0, header->data, header->len);
    return frame.codec;
}

/* What it is before a rendition has chosen its tracks. */
static void init_data_of_main(const struct source *source, struct rendition_opening *opening)
{
    memset(opening, 0, sizeof(*opening));
    opening->has_audio = source->track[JITTER_AUDIO].is_announced;
    opening->has_video = source->track[JITTER_VIDEO].is_announced;
    opening->is_lax = !source->config.guess_has_av && !source->config.drop_if_not_match;
    opening->meta = source->meta;
    opening->codec[JITTER_AUDIO] = track_codec(&source->track[JITTER_AUDIO], FRAME_AUDIO);
    opening->codec[JITTER_VIDEO] = track_codec(&source->track[JITTER_VIDEO], FRAME_VIDEO);
    for (int i = 0; i < JITTER_TRACKS; i++) {
        const struct source_track *track = &source->track[i];

        /* A track's first header opens the stream before its first frame has come. */
        opening->header[i] = track->codec == CODEC_NONE ? track->pending : track->header;
    }
}

void source_init_data(const struct source *source, const struct rendition *rendition,
                      struct rendition_opening *opening)
{
    init_data_of_main(source, opening);
    source_select_open(source, rendition, opening);
}

void source_init_data_renew(struct source *source)
{
    struct rendition_opening opening;

    if (!source->is_decided)
        return;
    init_data_of_main(source, &opening);
    rendition_open_with(&source->native, &opening);
    for (struct rendition *r = source->others; r != NULL; r = r->next) {
        struct rendition_opening own = opening;

        source_select_open(source, r, &own);
        rendition_open_with(r, &own);
    }
}
