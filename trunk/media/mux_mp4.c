/*
 * Fragmented MP4 as a rendition (ISO/IEC 14496-12, 8.8): one frame is one fragment, moof and mdat,
 * and is sent at once. The preamble is the movie header. It describes the tracks for good, so the
 * frames come as FLV players accept them: changed H.264 parameter sets in-band, and what no header
 * can follow ends the response.
 *
 * Without video a viewer can begin at any frame, but there is one sync point in 100 ms.
 *
 * mux_key_mp4 makes a file of each keyframe, which begins at 0: the newest picture for pages that
 * show many streams.
 */
#include "base/bytes.h"
#include "media/mp3.h"
#include "media/mp4_clock.h"
#include "media/mp4_fragment.h"
#include "media/mp4_init.h"
#include "media/mp4_track.h"
#include "media/mux.h"
#include "media/opus.h"

#include <assert.h>
#include <stdlib.h>

#define MP4_SYNC_AUDIO_MS 100
#define AAC_SAMPLES       1024
/* A temporal delimiter OBU, as it begins a temporal unit: samples have none (AV1-ISOBMFF, 2.4). */
#define AV1_DELIMITER_SIZE 2

struct mux_state {
    struct mp4_track video, audio; /* their config is not kept */
    struct mp4_clock video_clock, audio_clock;
    uint32_t sequence;
    uint32_t mp3_rate; /* of the newest frame; 0: none has come */
    uint8_t mp3_channels;
    int has_sync; /* of audio alone */
    uint32_t sync_ms;
};

static struct mux_state *mux_mp4_open(void)
{
    return calloc(1, sizeof(struct mux_state));
}

static void mux_mp4_close(struct mux_state *state)
{
    free(state);
}

static void mux_mp4_header(struct mux_state *state, const struct mux_tracks *tracks, mux_emit emit,
                           void *arg)
{
    uint32_t scale = state->audio.timescale;
    struct iovec iov;
    size_t cap;

    (void)mp4_track_describe(&state->video, &tracks->video);
    (void)mp4_track_describe(&state->audio, &tracks->audio);
    if (state->audio.codec == CODEC_MP3 && state->mp3_rate > 0) {
        state->audio.sample_rate = state->mp3_rate;
        state->audio.channels = state->mp3_channels;
    }
    if (state->audio.timescale != scale)
        state->audio_clock = (struct mp4_clock){0};
    cap = mp4_init_size_max(&state->video, &state->audio);
    iov.iov_base = malloc(cap);
    iov.iov_len =
        iov.iov_base != NULL ? mp4_init_write(&state->video, &state->audio, iov.iov_base, cap) : 0;
    state->video.config = NULL;
    state->audio.config = NULL;
    if (iov.iov_len > 0)
        emit(arg, &iov, 1);
    free(iov.iov_base);
}

/* Whether it is a frame of a track that the header describes. */
static int mp4_is_wanted(const struct mux_state *state, const struct frame *frame)
{
    if ((frame->type != FRAME_VIDEO && frame->type != FRAME_AUDIO) || frame->is_header ||
        frame->is_meta || frame->payload_len == 0 || frame->payload_len > MP4_FRAGMENT_SAMPLE_MAX)
        return 0;
    return frame->codec != CODEC_NONE &&
           frame->codec == (frame->type == FRAME_VIDEO ? state->video.codec : state->audio.codec);
}

/* The duration of an audio frame in ticks; 0: it is malformed. */
static uint32_t mp4_audio_ticks(struct mux_state *state, const struct frame *frame)
{
    struct mp3_header mp3;

    switch (frame->codec) {
    case CODEC_AAC:
        return AAC_SAMPLES;
    case CODEC_OPUS:
        return opus_packet_samples(frame->payload, frame->payload_len);
    case CODEC_MP3:
        if (mp3_header_parse(&mp3, frame->payload, frame->payload_len) != SCAN_DONE)
            return 0;
        state->mp3_rate = mp3.sample_rate;
        state->mp3_channels = mp3.channels;
        return (uint32_t)((uint64_t)mp3.samples * state->audio.timescale / mp3.sample_rate);
    default:
        return 0;
    }
}

/* Without a temporal delimiter. */
static void mp4_payload(const struct frame *frame, struct iovec *out)
{
    size_t skip = 0;

    if (frame->codec == CODEC_AV1 && frame->payload_len > AV1_DELIMITER_SIZE &&
        frame->payload[0] == 0x12 && frame->payload[1] == 0)
        skip = AV1_DELIMITER_SIZE;
    out->iov_base = (void *)(uintptr_t)(frame->payload + skip);
    out->iov_len = frame->payload_len - skip;
}

/* Without video: whether it is time for a sync point. */
static int mp4_sync_is_due(const struct mux_state *state, uint32_t ms)
{
    return state->video.codec == CODEC_NONE &&
           (!state->has_sync || ms - state->sync_ms >= MP4_SYNC_AUDIO_MS);
}

static void mp4_note_sync(struct mux_state *state, uint32_t ms)
{
    if (!mp4_sync_is_due(state, ms))
        return;
    state->has_sync = 1;
    state->sync_ms = ms;
}

static void mux_mp4_frame(struct mux_state *state, const struct frame *frame, uint32_t timestamp,
                          mux_emit emit, void *arg)
{
    struct mp4_fragment fragment = {.is_video = frame->type == FRAME_VIDEO,
                                    .is_key = frame->is_key};
    uint8_t head[MP4_FRAGMENT_HEAD_MAX];
    struct mp4_times times;
    struct iovec iov[2];
    uint32_t ticks;

    assert(state != NULL && emit != NULL);
    if (!mp4_is_wanted(state, frame))
        return;
    if (fragment.is_video) {
        mp4_clock_video(&state->video_clock, timestamp, frame->cts, &times);
    } else {
        ticks = mp4_audio_ticks(state, frame);
        if (ticks == 0)
            return;
        mp4_clock_audio(&state->audio_clock, timestamp, state->audio.timescale, ticks, &times);
        mp4_note_sync(state, timestamp);
    }
    mp4_payload(frame, &iov[1]);
    fragment.sequence = ++state->sequence;
    fragment.track = fragment.is_video ? MP4_INIT_VIDEO : MP4_INIT_AUDIO;
    fragment.dts = times.dts;
    fragment.offset = times.offset;
    fragment.duration = times.duration;
    fragment.size = (uint32_t)iov[1].iov_len;
    iov[0].iov_base = head;
    iov[0].iov_len = mp4_fragment_write(&fragment, head);
    emit(arg, iov, 2);
}

/* A keyframe, or, without video, an audio frame in so many. */
static int mux_mp4_is_sync(const struct mux_state *state, const struct frame *frame,
                           uint32_t timestamp)
{
    if (!mp4_is_wanted(state, frame))
        return 0;
    return frame->type == FRAME_VIDEO ? frame->is_key : mp4_sync_is_due(state, timestamp);
}

static size_t mux_mp4_piece(const struct mux_state *state, const uint8_t *p, size_t len,
                            enum mux_piece *kind)
{
    uint32_t track = 0;
    size_t piece = mp4_fragment_read(p, len, &track);

    (void)state;
    *kind = track == MP4_INIT_VIDEO ? MUX_PIECE_VIDEO : MUX_PIECE_OTHER;
    return piece;
}

const struct mux mux_mp4 = {
    .name = "mp4",
    .extension = ".mp4",
    .content_type = "video/mp4",
    .unit = 1,
    .kind = MUX_FIXED,
    .open = mux_mp4_open,
    .close = mux_mp4_close,
    .header = mux_mp4_header,
    .frame = mux_mp4_frame,
    .carries = mp4_track_carries,
    .is_sync = mux_mp4_is_sync,
    .piece = mux_mp4_piece,
};

/* ---- the newest keyframe ---- */

static int mux_keyframe_carries(enum codec codec)
{
    return codec == CODEC_H264 || codec == CODEC_HEVC || codec == CODEC_AV1;
}

static void mux_keyframe_header(struct mux_state *state, const struct mux_tracks *tracks,
                                mux_emit emit, void *arg)
{
    const struct mux_tracks alone = {.video = tracks->video};

    mux_mp4_header(state, &alone, emit, arg);
}

static int mux_keyframe_is_sync(const struct mux_state *state, const struct frame *frame,
                                uint32_t timestamp)
{
    (void)timestamp;
    return frame->type == FRAME_VIDEO && frame->is_key && mp4_is_wanted(state, frame);
}

static void mux_keyframe_frame(struct mux_state *state, const struct frame *frame,
                               uint32_t timestamp, mux_emit emit, void *arg)
{
    struct frame key = *frame;

    if (!mux_keyframe_is_sync(state, frame, timestamp))
        return;
    key.cts = 0;
    state->video_clock = (struct mp4_clock){0};
    mux_mp4_frame(state, &key, 0, emit, arg);
}

const struct mux mux_key_mp4 = {
    .name = "key.mp4",
    .extension = ".key.mp4",
    .content_type = "video/mp4",
    .unfit = "this stream has no video in a codec of this format",
    .unit = 1,
    .kind = MUX_FIXED,
    .is_one_frame = 1,
    .open = mux_mp4_open,
    .close = mux_mp4_close,
    .header = mux_keyframe_header,
    .frame = mux_keyframe_frame,
    .carries = mux_keyframe_carries,
    .is_sync = mux_keyframe_is_sync,
};
