/*
 * The initialization segment of a fragmented MP4: ftyp and moov without samples (ISO/IEC 14496-12,
 * 8.8; ISO/IEC 23000-19, 7.3). Sample entries: AVC and HEVC by ISO/IEC 14496-15, AAC and MP3 by
 * 14496-14 (5.6), AV1 by "AV1 Codec ISO Media File Format Binding" (2.2), Opus by "Encapsulation of
 * Opus in ISO Base Media File Format" (4.3). Durations are 0: the stream has no end yet.
 */
#include "media/mp4_init.h"

#include "media/mp4_box.h"

#include <assert.h>

/* All boxes of two tracks without their configurations take about 1200 bytes. */
#define INIT_BOXES_MAX 2048

#define MOVIE_TIMESCALE 1000
#define FIXED_ONE       0x00010000 /* 16.16 */
#define LANGUAGE_UND    0x55c4     /* "und", 5 bits a letter */
#define DPI_72          0x00480000
/* Default flags of samples (8.8.3.1): audio depends on no other sample. */
#define SAMPLE_IS_INDEPENDENT 0x02000000
#define SAMPLE_IS_DEPENDENT   0x01010000

/* Object types of MPEG-4 (ISO/IEC 14496-1, 7.2.6.6). */
#define OBJECT_AAC 0x40
#define OBJECT_MP3 0x6b
/* Descriptors (7.2.2.1); the sizes are written with 4 bytes. */
#define TAG_ES             3
#define TAG_DECODER_CONFIG 4
#define TAG_DECODER_INFO   5
#define TAG_SYNC_LAYER     6
#define DESCRIPTOR_HEADER  5
#define STREAM_TYPE_AUDIO  0x15

/* Opus' identification header: magic and version precede what dOps has, too. */
#define OPUS_HEAD_SIZE  19
#define OPUS_HEAD_MAGIC 8

size_t mp4_init_size_max(const struct mp4_track *video, const struct mp4_track *audio)
{
    return INIT_BOXES_MAX + video->config_len + audio->config_len;
}

static void put_matrix(struct bytes_out *o)
{
    static const uint32_t matrix[9] = {FIXED_ONE, 0, 0, 0, FIXED_ONE, 0, 0, 0, 0x40000000};

    for (int i = 0; i < 9; i++)
        bytes_put_u32(o, matrix[i]);
}

static void put_ftyp(struct bytes_out *o)
{
    uint8_t *box = mp4_box_begin(o, "ftyp");

    bytes_put(o, "iso6", 4);
    bytes_put_u32(o, 0);
    bytes_put(o, "iso6cmfcmp41", 12);
    mp4_box_end(o, box);
}

static void put_mvhd(struct bytes_out *o)
{
    uint8_t *box = mp4_box_begin_full(o, "mvhd", 0, 0);

    mp4_box_zero(o, 8); /* creation and modification time */
    bytes_put_u32(o, MOVIE_TIMESCALE);
    bytes_put_u32(o, 0); /* duration */
    bytes_put_u32(o, FIXED_ONE);
    bytes_put_u16(o, 0x0100); /* volume */
    mp4_box_zero(o, 10);
    put_matrix(o);
    mp4_box_zero(o, 24);
    bytes_put_u32(o, MP4_INIT_AUDIO + 1); /* next_track_ID */
    mp4_box_end(o, box);
}

static void put_tkhd(struct bytes_out *o, const struct mp4_track *track, uint32_t id)
{
    uint8_t *box = mp4_box_begin_full(o, "tkhd", 0, 3); /* enabled, in the movie */

    mp4_box_zero(o, 8);
    bytes_put_u32(o, id);
    mp4_box_zero(o, 4 + 4 + 8); /* reserved, duration, reserved */
    mp4_box_zero(o, 4);         /* layer, alternate_group */
    bytes_put_u16(o, id == MP4_INIT_AUDIO ? 0x0100 : 0);
    bytes_put_u16(o, 0);
    put_matrix(o);
    bytes_put_u32(o, track->width << 16);
    bytes_put_u32(o, track->height << 16);
    mp4_box_end(o, box);
}

static void put_mdhd(struct bytes_out *o, const struct mp4_track *track)
{
    uint8_t *box = mp4_box_begin_full(o, "mdhd", 0, 0);

    mp4_box_zero(o, 8);
    bytes_put_u32(o, track->timescale);
    bytes_put_u32(o, 0);
    bytes_put_u16(o, LANGUAGE_UND);
    bytes_put_u16(o, 0);
    mp4_box_end(o, box);
}

static void put_hdlr(struct bytes_out *o, uint32_t id)
{
    uint8_t *box = mp4_box_begin_full(o, "hdlr", 0, 0);

    bytes_put_u32(o, 0);
    bytes_put(o, id == MP4_INIT_VIDEO ? "vide" : "soun", 4);
    mp4_box_zero(o, 12);
    bytes_put_u8(o, 0); /* name */
    mp4_box_end(o, box);
}

static void put_dinf(struct bytes_out *o)
{
    uint8_t *dinf = mp4_box_begin(o, "dinf");
    uint8_t *dref = mp4_box_begin_full(o, "dref", 0, 0);
    uint8_t *url;

    bytes_put_u32(o, 1);
    url = mp4_box_begin_full(o, "url ", 0, 1); /* the data is in this file */
    mp4_box_end(o, url);
    mp4_box_end(o, dref);
    mp4_box_end(o, dinf);
}

static void put_config(struct bytes_out *o, const char *type, const struct mp4_track *track)
{
    uint8_t *box = mp4_box_begin(o, type);

    bytes_put(o, track->config, track->config_len);
    mp4_box_end(o, box);
}

static void put_visual_entry(struct bytes_out *o, const struct mp4_track *track)
{
    int is_avc = track->codec == CODEC_H264;
    int is_hevc = track->codec == CODEC_HEVC;
    uint8_t *box = mp4_box_begin(o, is_avc ? "avc1" : is_hevc ? "hvc1" : "av01");

    mp4_box_zero(o, 6);
    bytes_put_u16(o, 1); /* data_reference_index */
    mp4_box_zero(o, 16);
    bytes_put_u16(o, (uint16_t)track->width);
    bytes_put_u16(o, (uint16_t)track->height);
    bytes_put_u32(o, DPI_72);
    bytes_put_u32(o, DPI_72);
    bytes_put_u32(o, 0);
    bytes_put_u16(o, 1);  /* frame_count */
    mp4_box_zero(o, 32);  /* compressorname */
    bytes_put_u16(o, 24); /* depth */
    bytes_put_u16(o, 0xffff);
    put_config(o, is_avc ? "avcC" : is_hevc ? "hvcC" : "av1C", track);
    mp4_box_end(o, box);
}

static void put_descriptor(struct bytes_out *o, uint8_t tag, size_t len)
{
    bytes_put_u8(o, tag);
    bytes_put_u8(o, (uint8_t)(0x80 | (len >> 21 & 0x7f)));
    bytes_put_u8(o, (uint8_t)(0x80 | (len >> 14 & 0x7f)));
    bytes_put_u8(o, (uint8_t)(0x80 | (len >> 7 & 0x7f)));
    bytes_put_u8(o, (uint8_t)(len & 0x7f));
}

static void put_esds(struct bytes_out *o, const struct mp4_track *track)
{
    int is_aac = track->codec == CODEC_AAC;
    size_t info = is_aac ? DESCRIPTOR_HEADER + track->config_len : 0;
    size_t decoder = 13 + info;
    uint8_t *box = mp4_box_begin_full(o, "esds", 0, 0);

    put_descriptor(o, TAG_ES, 3 + DESCRIPTOR_HEADER + decoder + DESCRIPTOR_HEADER + 1);
    bytes_put_u16(o, 0); /* ES_ID, flags */
    bytes_put_u8(o, 0);
    put_descriptor(o, TAG_DECODER_CONFIG, decoder);
    bytes_put_u8(o, is_aac ? OBJECT_AAC : OBJECT_MP3);
    bytes_put_u8(o, STREAM_TYPE_AUDIO);
    mp4_box_zero(o, 3 + 4 + 4); /* buffer size, maximum and average bit rate: unknown */
    if (is_aac) {
        put_descriptor(o, TAG_DECODER_INFO, track->config_len);
        bytes_put(o, track->config, track->config_len);
    }
    put_descriptor(o, TAG_SYNC_LAYER, 1);
    bytes_put_u8(o, 2); /* as in MP4 files */
    mp4_box_end(o, box);
}

/* The identification header with its numbers in big endian. */
static void put_dops(struct bytes_out *o, const struct mp4_track *track)
{
    uint8_t *box = mp4_box_begin(o, "dOps");
    struct bytes b = bytes_of(track->config, track->config_len);

    (void)bytes_take(&b, OPUS_HEAD_MAGIC + 1);
    bytes_put_u8(o, 0); /* version */
    bytes_put_u8(o, bytes_u8(&b));
    bytes_put_u16(o, __builtin_bswap16(bytes_u16(&b))); /* pre-skip */
    bytes_put_u32(o, bytes_u32le(&b));                  /* input sample rate */
    bytes_put_u16(o, __builtin_bswap16(bytes_u16(&b))); /* gain */
    bytes_put_u8(o, bytes_u8(&b));                      /* mapping family */
    if (track->config_len > OPUS_HEAD_SIZE && track->config[OPUS_HEAD_SIZE - 1] != 0)
        bytes_put(o, b.p, bytes_left(&b));
    mp4_box_end(o, box);
}

static void put_audio_entry(struct bytes_out *o, const struct mp4_track *track)
{
    int is_opus = track->codec == CODEC_OPUS;
    uint8_t *box = mp4_box_begin(o, is_opus ? "Opus" : "mp4a");

    mp4_box_zero(o, 6);
    bytes_put_u16(o, 1); /* data_reference_index */
    mp4_box_zero(o, 8);
    bytes_put_u16(o, track->channels);
    bytes_put_u16(o, 16); /* bits per sample */
    bytes_put_u32(o, 0);
    bytes_put_u32(o, track->sample_rate <= UINT16_MAX ? track->sample_rate << 16 : 0);
    if (is_opus)
        put_dops(o, track);
    else
        put_esds(o, track);
    mp4_box_end(o, box);
}

/* A table without entries; `n` bytes of zero are its counts. */
static void put_empty_table(struct bytes_out *o, const char *type, size_t n)
{
    uint8_t *box = mp4_box_begin_full(o, type, 0, 0);

    mp4_box_zero(o, n);
    mp4_box_end(o, box);
}

static void put_stbl(struct bytes_out *o, const struct mp4_track *track, uint32_t id)
{
    uint8_t *stbl = mp4_box_begin(o, "stbl");
    uint8_t *stsd = mp4_box_begin_full(o, "stsd", 0, 0);

    bytes_put_u32(o, 1);
    if (id == MP4_INIT_VIDEO)
        put_visual_entry(o, track);
    else
        put_audio_entry(o, track);
    mp4_box_end(o, stsd);
    put_empty_table(o, "stts", 4);
    put_empty_table(o, "stsc", 4);
    put_empty_table(o, "stsz", 8);
    put_empty_table(o, "stco", 4);
    mp4_box_end(o, stbl);
}

static void put_trak(struct bytes_out *o, const struct mp4_track *track, uint32_t id)
{
    uint8_t *trak = mp4_box_begin(o, "trak");
    uint8_t *mdia, *minf, *header;

    put_tkhd(o, track, id);
    mdia = mp4_box_begin(o, "mdia");
    put_mdhd(o, track);
    put_hdlr(o, id);
    minf = mp4_box_begin(o, "minf");
    if (id == MP4_INIT_VIDEO)
        header = mp4_box_begin_full(o, "vmhd", 0, 1);
    else
        header = mp4_box_begin_full(o, "smhd", 0, 0);
    mp4_box_zero(o, id == MP4_INIT_VIDEO ? 8 : 4);
    mp4_box_end(o, header);
    put_dinf(o);
    put_stbl(o, track, id);
    mp4_box_end(o, minf);
    mp4_box_end(o, mdia);
    mp4_box_end(o, trak);
}

static void put_trex(struct bytes_out *o, uint32_t id)
{
    uint8_t *box = mp4_box_begin_full(o, "trex", 0, 0);

    bytes_put_u32(o, id);
    bytes_put_u32(o, 1); /* sample description */
    mp4_box_zero(o, 8);  /* duration and size are in each fragment */
    bytes_put_u32(o, id == MP4_INIT_VIDEO ? SAMPLE_IS_DEPENDENT : SAMPLE_IS_INDEPENDENT);
    mp4_box_end(o, box);
}

size_t mp4_init_write(const struct mp4_track *video, const struct mp4_track *audio, uint8_t *out,
                      size_t cap)
{
    struct bytes_out o = bytes_out_of(out, cap);
    uint8_t *moov, *mvex;

    assert(video != NULL && audio != NULL && out != NULL);
    if (video->codec == CODEC_NONE && audio->codec == CODEC_NONE)
        return 0;
    put_ftyp(&o);
    moov = mp4_box_begin(&o, "moov");
    put_mvhd(&o);
    if (video->codec != CODEC_NONE)
        put_trak(&o, video, MP4_INIT_VIDEO);
    if (audio->codec != CODEC_NONE)
        put_trak(&o, audio, MP4_INIT_AUDIO);
    mvex = mp4_box_begin(&o, "mvex");
    if (video->codec != CODEC_NONE)
        put_trex(&o, MP4_INIT_VIDEO);
    if (audio->codec != CODEC_NONE)
        put_trex(&o, MP4_INIT_AUDIO);
    mp4_box_end(&o, mvex);
    mp4_box_end(&o, moov);
    return o.bad ? 0 : (size_t)(o.p - out);
}
