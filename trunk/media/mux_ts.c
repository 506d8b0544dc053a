/*
 * HTTP-TS as a rendition (ISO/IEC 13818-1; H.264 and HEVC in it by 2.14 and 2.17, AAC as ADTS by
 * 13818-7). One frame is one PES packet and is sent at once.
 *
 * The tables are written before every keyframe, and every 100 ms of audio where there is no video;
 * these are the only sync points. When a track appears, ends or changes its codec, the PMT's
 * version is raised and the stream continues. Clock references (PCR) are on the video track if
 * there is one; where frames are rare they get packets of their own, so that they are never more
 * than 100 ms apart.
 */
#include "media/aac.h"
#include "media/annexb.h"
#include "media/mp3.h"
#include "media/mux.h"
#include "media/ts.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* The decoder's buffering time: PTS and DTS are this much later than the clock reference. */
#define TS_DELAY_MS 200
/* Maximum interval of the tables, in ms: without video, and with video (less one frame's duration).
 */
#define TS_TABLES_AUDIO_MS 100
#define TS_TABLES_VIDEO_MS 400
/* Clock references: at most this often on audio; beyond the gap, packets of their own at the step.
 */
#define TS_CLOCK_MS      60
#define TS_CLOCK_GAP_MS  90
#define TS_CLOCK_STEP_MS 80
/* Gaps cost a publisher nothing, but filling them costs packets. So each frame adds a budget that
 * gaps may use: a frame per second, and the longest frame of any audio codec. Unused budget
 * accumulates up to TS_FILL_MAX_MS. Anything beyond is treated as a jump of the clock. */
#define TS_FILL_VIDEO_MS 1000
#define TS_FILL_AUDIO_MS 200
#define TS_FILL_MAX_MS   20000
/* Steps beyond these, forward and back, are jumps of the clock. */
#define TS_JUMP_MS 5000
#define TS_BACK_MS 1000

#define TS_AUDIO_MAX (TS_PES_LEN_MAX - TS_PES_HEAD_MAX - AAC_ADTS_HEADER_SIZE)

enum ts_track { TS_AUDIO, TS_VIDEO, TS_TRACKS };

struct mux_state {
    struct ts_writer writer;
    struct ts_program program; /* as last written */
    int has_program;
    struct {
        enum codec codec;     /* CODEC_NONE: not in the PMT */
        enum codec announced; /* by header() */
        int is_expected;      /* header() announced its codec */
        int is_seen;          /* a frame of it has come */
        int is_mpeg2;         /* MP3 at half rates */
        int has_dts;
        uint64_t dts; /* of its last frame */
    } track[TS_TRACKS];
    int has_clock;
    uint32_t clock;     /* ms of the last clock reference */
    int32_t fill;       /* ms of gaps that may still be filled */
    uint32_t tables_at; /* ms of the last tables */
    uint32_t audio_at;  /* ms of the last audio frame */
    uint32_t audio_ms;  /* ms since the audio frame before it, at most 100 */
    uint32_t
        shift; /* ms by which DTS precede the published times, for negative composition offsets */
    int has_aac;
    struct aac_config aac;
    struct annexb annexb;
    int lacks_header; /* the video's found no memory */
};

static struct mux_state *mux_ts_open(void)
{
    struct mux_state *state = calloc(1, sizeof(*state));

    if (state == NULL)
        return NULL;
    state->fill = TS_FILL_MAX_MS;
    ts_writer_init(&state->writer);
    annexb_init(&state->annexb);
    return state;
}

static void mux_ts_close(struct mux_state *state)
{
    ts_writer_fini(&state->writer);
    annexb_fini(&state->annexb);
    free(state);
}

static int mux_ts_carries(enum codec codec)
{
    return codec == CODEC_H264 || codec == CODEC_HEVC || codec == CODEC_AAC || codec == CODEC_MP3;
}

/* ---- sequence headers ---- */

static void ts_take_header(struct mux_state *state, const struct frame *frame)
{
    if (frame->codec == CODEC_AAC)
        state->has_aac =
            aac_config_parse(&state->aac, frame->payload, frame->payload_len) == SCAN_DONE;
    else if (frame->type == FRAME_VIDEO)
        state->lacks_header = annexb_header(&state->annexb, frame) != 0;
}

/* ---- the program ---- */

static enum ts_type ts_type_of(enum codec codec, int is_mpeg2)
{
    switch (codec) {
    case CODEC_H264:
        return TS_TYPE_H264;
    case CODEC_HEVC:
        return TS_TYPE_HEVC;
    case CODEC_AAC:
        return TS_TYPE_ADTS;
    case CODEC_MP3:
        return is_mpeg2 ? TS_TYPE_MPEG2_AUDIO : TS_TYPE_MPEG1_AUDIO;
    default:
        return TS_TYPE_NONE;
    }
}

/* Writes nothing: the tables precede the frames. */
static void mux_ts_header(struct mux_state *state, const struct mux_tracks *tracks, mux_emit emit,
                          void *arg)
{
    const enum codec announced[TS_TRACKS] = {tracks->audio.codec, tracks->video.codec};

    (void)emit;
    (void)arg;
    for (int i = 0; i < TS_TRACKS; i++) {
        if (state->track[i].announced == announced[i])
            continue;
        state->track[i].announced = announced[i];
        state->track[i].is_expected = mux_ts_carries(announced[i]);
        if (announced[i] == state->track[i].codec)
            continue;
        state->track[i].codec = CODEC_NONE;
        state->track[i].is_seen = 0;
        if (state->track[i].is_expected)
            state->track[i].codec = announced[i];
        else if (announced[i] == CODEC_OTHER)
            state->track[i].codec = i == TS_VIDEO ? CODEC_H264 : CODEC_AAC;
    }
}

/* Describes the program as it is now. 1 when it differs from the last PMT. */
static int ts_describe(struct mux_state *state)
{
    struct ts_program now = {.version = state->program.version};
    const struct ts_program *was = &state->program;
    int is_same;

    for (int i = TS_TRACKS - 1; i >= 0; i--) { /* video first */
        if (state->track[i].codec == CODEC_NONE)
            continue;
        now.stream[now.count].type = ts_type_of(state->track[i].codec, state->track[i].is_mpeg2);
        now.stream[now.count++].pid = i == TS_VIDEO ? TS_PID_VIDEO : TS_PID_AUDIO;
    }
    now.pcr_pid = state->track[TS_VIDEO].is_seen || state->track[TS_VIDEO].is_expected
                      ? TS_PID_VIDEO
                      : TS_PID_AUDIO;
    is_same = now.count == was->count && now.pcr_pid == was->pcr_pid;
    for (int i = 0; is_same && i < now.count; i++)
        is_same =
            now.stream[i].type == was->stream[i].type && now.stream[i].pid == was->stream[i].pid;
    if (is_same)
        return 0;
    if (state->has_program)
        now.version = (now.version + 1) & 31;
    state->program = now;
    state->has_program = 1;
    return 1;
}

/* ---- time ---- */

static uint64_t ts_ticks(uint32_t ms)
{
    return (uint64_t)ms * TS_TICKS_PER_MS;
}

static int ts_tables_are_due(const struct mux_state *state, uint32_t ms)
{
    int32_t since = (int32_t)(ms - state->tables_at);

    if (!state->has_program || !state->has_clock)
        return 1;
    if (state->track[TS_VIDEO].is_seen)
        return since >= TS_TABLES_VIDEO_MS;
    /* The next audio frame would come too late. */
    return since + (int32_t)state->audio_ms > TS_TABLES_AUDIO_MS;
}

static void ts_put_tables(struct mux_state *state, uint32_t ms)
{
    state->tables_at = ms;
    ts_write_tables(&state->writer, &state->program);
}

static void ts_put_clock(struct mux_state *state, uint32_t ms, int is_jump)
{
    state->clock = ms;
    ts_write_pcr(&state->writer, state->program.pcr_pid, ts_ticks(ms), is_jump);
}

/*
 * Writes tables and clock references up to this frame's time; *pes gets the clock reference that
 * its own PES packet carries.
 */
static void ts_advance(struct mux_state *state, const struct frame *frame, uint32_t ms,
                       struct ts_pes *pes)
{
    int is_changed = ts_describe(state);
    int is_clock = pes->pid == state->program.pcr_pid;
    int32_t since = (int32_t)(ms - state->clock);
    int is_gap = since > TS_CLOCK_GAP_MS;
    int is_far = since > TS_JUMP_MS || (is_gap && since > state->fill);
    int is_jump = state->has_clock && is_clock && (is_far || since < -TS_BACK_MS);

    /* Clock references for the gap follow; but a sync point must begin with the tables. */
    if (is_changed || is_jump || ts_tables_are_due(state, ms) ||
        (frame->type == FRAME_VIDEO && frame->is_key))
        ts_put_tables(state, state->has_clock && !is_jump && is_gap && !is_far ? state->clock : ms);
    state->fill += frame->type == FRAME_VIDEO ? TS_FILL_VIDEO_MS : TS_FILL_AUDIO_MS;
    if (state->fill > TS_FILL_MAX_MS)
        state->fill = TS_FILL_MAX_MS;
    if (!state->has_clock || is_jump) {
        state->has_clock = 1;
        state->clock = ms;
        pes->has_pcr = (uint8_t)is_clock;
        pes->is_discontinuity = (uint8_t)is_jump;
        if (!is_clock)
            ts_put_clock(state, ms, 0);
        pes->pcr = ts_ticks(ms);
        return;
    }
    if (is_far)
        return; /* the other track's clock has jumped: this track's time is of no use */
    state->fill -= is_gap ? since : 0;
    for (; since > TS_CLOCK_GAP_MS; since -= TS_CLOCK_STEP_MS) {
        ts_put_clock(state, state->clock + TS_CLOCK_STEP_MS, 0);
        if (ts_tables_are_due(state, state->clock))
            ts_put_tables(state, state->clock);
    }
    if (!is_clock && since >= TS_CLOCK_MS)
        ts_put_clock(state, ms, 0);
    if (!is_clock || since <= 0 || (frame->type == FRAME_AUDIO && since < TS_CLOCK_MS))
        return;
    state->clock = ms;
    pes->has_pcr = 1;
    pes->pcr = ts_ticks(ms);
}

/* Sets the frame's DTS and PTS. DTS never stand still, and never step back except for a jump. */
static void ts_set_times(struct mux_state *state, enum ts_track which, const struct frame *frame,
                         uint32_t ms, struct ts_pes *pes)
{
    uint64_t base = ts_ticks(ms) + (uint64_t)TS_DELAY_MS * TS_TICKS_PER_MS;
    uint64_t back;

    if (frame->cts < 0 && state->shift < (uint32_t)-frame->cts)
        state->shift = frame->cts < -TS_DELAY_MS ? TS_DELAY_MS : (uint32_t)-frame->cts;
    pes->dts = base - (which == TS_VIDEO ? ts_ticks(state->shift) : 0);
    pes->pts = base + (uint64_t)((int64_t)frame->cts * TS_TICKS_PER_MS);
    back = (state->track[which].dts - pes->dts) & TS_CLOCK_MASK;
    if (state->track[which].has_dts && back < ts_ticks(TS_BACK_MS))
        pes->dts = state->track[which].dts + 1;
    if (((pes->pts - pes->dts) & TS_CLOCK_MASK) > TS_CLOCK_MASK / 2)
        pes->pts = pes->dts;
    state->track[which].dts = pes->dts;
    state->track[which].has_dts = 1;
}

/* ---- frames ---- */

/* The size of the audio as written, with its ADTS header in adts; 0: no header is known. */
static size_t ts_measure_audio(struct mux_state *state, const struct frame *frame,
                               uint8_t adts[AAC_ADTS_HEADER_SIZE])
{
    struct mp3_header mp3;

    if (frame->payload_len == 0 || frame->payload_len > TS_AUDIO_MAX)
        return 0;
    if (frame->codec == CODEC_AAC)
        return state->has_aac && aac_adts_write(&state->aac, frame->payload_len, adts) == 0
                   ? AAC_ADTS_HEADER_SIZE + frame->payload_len
                   : 0;
    if (mp3_header_parse(&mp3, frame->payload, frame->payload_len) != SCAN_DONE)
        return 0;
    state->track[TS_AUDIO].is_mpeg2 = mp3.version != 1;
    return frame->payload_len;
}

static int ts_is_wanted(const struct frame *frame)
{
    return (frame->type == FRAME_AUDIO || frame->type == FRAME_VIDEO) && !frame->is_meta &&
           mux_ts_carries(frame->codec);
}

static void ts_put(void *arg, const void *data, size_t len)
{
    ts_pes_put(arg, data, len);
}

/* Measures the time between audio frames, by which ts_tables_are_due() knows when tables would be
 * late. */
static void ts_pace(struct mux_state *state, uint32_t ms)
{
    int32_t step = (int32_t)(ms - state->audio_at);

    state->audio_ms = step < 0 || step > TS_TABLES_AUDIO_MS ? TS_TABLES_AUDIO_MS : (uint32_t)step;
    state->audio_at = ms;
}

static void mux_ts_frame(struct mux_state *state, const struct frame *frame, uint32_t timestamp,
                         mux_emit emit, void *arg)
{
    enum ts_track which = frame->type == FRAME_VIDEO ? TS_VIDEO : TS_AUDIO;
    struct ts_pes pes = {.pid = which == TS_VIDEO ? TS_PID_VIDEO : TS_PID_AUDIO,
                         .stream_id = which == TS_VIDEO ? TS_PES_VIDEO : TS_PES_AUDIO};
    struct iovec iov;
    uint8_t adts[AAC_ADTS_HEADER_SIZE];
    struct annexb_picture picture = {0};

    assert(state != NULL && frame != NULL && emit != NULL);
    if (!ts_is_wanted(frame))
        return;
    if (frame->is_header) {
        ts_take_header(state, frame);
        return;
    }
    if (which == TS_VIDEO)
        annexb_measure(&state->annexb, frame, &picture);
    pes.len = which == TS_VIDEO ? picture.len : ts_measure_audio(state, frame, adts);
    if (pes.len == 0 || ts_writer_begin(&state->writer, pes.len) != 0)
        return;
    state->track[which].codec = frame->codec;
    state->track[which].is_seen = 1;
    pes.is_random_access = which == TS_AUDIO ? !state->track[TS_VIDEO].is_seen : frame->is_key;
    ts_advance(state, frame, timestamp, &pes);
    if (which == TS_AUDIO)
        ts_pace(state, timestamp);
    ts_set_times(state, which, frame, timestamp, &pes);
    ts_pes_begin(&state->writer, &pes);
    if (which == TS_VIDEO)
        annexb_write(&state->annexb, frame, &picture, ts_put, &state->writer);
    else if (frame->codec == CODEC_AAC)
        ts_pes_put(&state->writer, adts, sizeof(adts));
    if (which == TS_AUDIO)
        ts_pes_put(&state->writer, frame->payload, frame->payload_len);
    iov.iov_base = (void *)(uintptr_t)ts_writer_end(&state->writer, &iov.iov_len);
    emit(arg, &iov, 1);
}

/* A keyframe, or, without video, an audio frame preceded by tables. */
static int mux_ts_is_sync(const struct mux_state *state, const struct frame *frame,
                          uint32_t timestamp)
{
    if (!ts_is_wanted(frame) || frame->is_header)
        return 0;
    if (frame->type == FRAME_VIDEO)
        return frame->is_key;
    return !state->track[TS_VIDEO].is_seen && !state->track[TS_VIDEO].is_expected &&
           ts_tables_are_due(state, timestamp);
}

static int mux_ts_lacks_header(const struct mux_state *state)
{
    return state->lacks_header;
}

/* A packet for each PID in use that signals missed packets to a viewer. */
static size_t mux_ts_bridge(const struct mux_state *state, uint8_t *out, size_t cap)
{
    static const uint16_t pids[] = {TS_PID_PAT, TS_PID_PMT, TS_PID_VIDEO, TS_PID_AUDIO};
    size_t len = 0;

    for (size_t i = 0; i < sizeof(pids) / sizeof(pids[0]) && len + TS_PACKET_SIZE <= cap; i++) {
        if ((pids[i] == TS_PID_VIDEO && state->track[TS_VIDEO].codec == CODEC_NONE) ||
            (pids[i] == TS_PID_AUDIO && state->track[TS_AUDIO].codec == CODEC_NONE))
            continue;
        ts_write_gap(&state->writer, pids[i], out + len);
        len += TS_PACKET_SIZE;
    }
    return len;
}

/* One packet. Clock references on the video PID are left out with it: a receiver that counts that
 * PID's packets would find gaps. */
static size_t mux_ts_piece(const struct mux_state *state, const uint8_t *p, size_t len,
                           enum mux_piece *kind)
{
    int pid;

    (void)state;
    if (len < TS_PACKET_SIZE)
        return 0;
    pid = (p[1] & 0x1f) << 8 | p[2];
    *kind = pid == TS_PID_PAT     ? MUX_PIECE_INIT
            : pid == TS_PID_VIDEO ? MUX_PIECE_VIDEO
                                  : MUX_PIECE_OTHER;
    return TS_PACKET_SIZE;
}

const struct mux mux_ts = {
    .name = "ts",
    .extension = ".ts",
    .content_type = "video/mp2t",
    .unit = TS_PACKET_SIZE,
    .kind = MUX_CONTAINER,
    .open = mux_ts_open,
    .close = mux_ts_close,
    .frame = mux_ts_frame,
    .carries = mux_ts_carries,
    .header = mux_ts_header,
    .is_sync = mux_ts_is_sync,
    .lacks_header = mux_ts_lacks_header,
    .bridge = mux_ts_bridge,
    .piece = mux_ts_piece,
};
