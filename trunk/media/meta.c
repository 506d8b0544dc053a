/*
 * Rewrites a publisher's onMetaData for viewers of a live stream. Encoders write it as for a file:
 * duration 0 makes players show an ended stream, the keyframe index points into a file that does
 * not exist, and browser players trust hasAudio and hasVideo more than the FLV header. Unknown
 * properties stay.
 *
 * The facts are the publisher's claims ("Video File Format Specification v10.1", E.2 and E.5;
 * FourCC numbers: "Enhanced RTMP v2", metadata). The frames decide which tracks exist.
 */
#include "media/meta.h"

#include "media/amf0.h"

#include <assert.h>
#include <string.h>

static const char *const NOT_LIVE[] = {
    "duration",      "filesize",
    "filepositions", "keyframes",
    "hasKeyframes",  "datasize",
    "videosize",     "audiosize",
    "lasttimestamp", "lastkeyframetimestamp",
    "canSeekToEnd",  "lastkeyframelocation",
    "hasCuePoints",  "cuePoints",
    "hasAudio",      "hasVideo",
};

/* A codec by its legacy id or FourCC, as a number or text. */
static const struct {
    enum frame_type type;
    uint32_t id; /* 0: none */
    char fourcc[5];
    enum codec codec;
} CODECS[] = {
    {FRAME_VIDEO, 7, "avc1", CODEC_H264}, {FRAME_VIDEO, 12, "hvc1", CODEC_HEVC},
    {FRAME_VIDEO, 0, "hev1", CODEC_HEVC}, {FRAME_VIDEO, 0, "vvc1", CODEC_VVC},
    {FRAME_VIDEO, 0, "av01", CODEC_AV1},  {FRAME_VIDEO, 0, "vp08", CODEC_VP8},
    {FRAME_VIDEO, 0, "vp09", CODEC_VP9},  {FRAME_AUDIO, 10, "mp4a", CODEC_AAC},
    {FRAME_AUDIO, 2, ".mp3", CODEC_MP3},  {FRAME_AUDIO, 14, "mp3", CODEC_MP3},
    {FRAME_AUDIO, 0, "Opus", CODEC_OPUS}, {FRAME_AUDIO, 0, "ac-3", CODEC_AC3},
    {FRAME_AUDIO, 0, "ec-3", CODEC_EAC3}, {FRAME_AUDIO, 0, "fLaC", CODEC_FLAC},
};

/* A whole number within [0, UINT32_MAX]; 0 for anything else, NaN too. */
static uint32_t to_u32(double number)
{
    return number >= 0 && number <= (double)UINT32_MAX ? (uint32_t)number : 0;
}

static uint32_t fourcc_number(const char *text)
{
    uint32_t v = 0;

    for (size_t i = 0; i < 4; i++)
        v = v << 8 | (uint8_t)text[i];
    return v;
}

static int codec_is(size_t row, const struct amf0 *value)
{
    uint32_t number;

    if (value->type == AMF0_STRING)
        return strcmp(value->string, CODECS[row].fourcc) == 0;
    number = to_u32(value->number);
    if (CODECS[row].id != 0 && number == CODECS[row].id)
        return 1;
    return strlen(CODECS[row].fourcc) == 4 && number == fourcc_number(CODECS[row].fourcc);
}

/* The codec of a videocodecid or audiocodecid. */
static enum codec read_codec(enum frame_type type, const struct amf0 *value)
{
    if (value == NULL || (value->type != AMF0_NUMBER && value->type != AMF0_STRING))
        return CODEC_NONE;
    /* Some encoders write an empty name or 0 for a track they don't send (0 as an audio codec
     * would be PCM of unknown byte order, which is not streamed in practice). */
    if (value->type == AMF0_STRING && value->string_len == 0)
        return CODEC_NONE;
    if (value->type == AMF0_NUMBER && to_u32(value->number) == 0)
        return CODEC_NONE;
    for (size_t i = 0; i < sizeof(CODECS) / sizeof(CODECS[0]); i++) {
        if (CODECS[i].type == type && codec_is(i, value))
            return CODECS[i].codec;
    }
    return CODEC_OTHER;
}

/* A boolean, which encoders write as "true", true or 1. */
static int is_said(const struct amf0 *value)
{
    if (value == NULL)
        return 0;
    if (value->type == AMF0_BOOLEAN)
        return value->boolean;
    if (value->type == AMF0_NUMBER)
        return value->number != 0;
    return value->type == AMF0_STRING && strcmp(value->string, "") != 0 &&
           strcmp(value->string, "0") != 0 && strcmp(value->string, "false") != 0;
}

static void read_facts(const struct amf0 *meta, struct meta_facts *facts)
{
    const struct amf0 *video = amf0_get(meta, "videocodecid");
    const struct amf0 *audio = amf0_get(meta, "audiocodecid");
    double frame_rate = amf0_get_number(meta, "framerate", 0);

    if (!(frame_rate > 0))
        frame_rate = amf0_get_number(meta, "videoframerate", 0);
    facts->is_absolute = is_said(amf0_get(meta, "bravo_atc"));
    facts->frame_rate = frame_rate > 0 && frame_rate <= 1000 ? frame_rate : 0;
    facts->width = to_u32(amf0_get_number(meta, "width", 0));
    facts->height = to_u32(amf0_get_number(meta, "height", 0));
    facts->sample_rate = to_u32(amf0_get_number(meta, "audiosamplerate", 0));
    facts->video = read_codec(FRAME_VIDEO, video);
    facts->audio = read_codec(FRAME_AUDIO, audio);
    if (video != NULL)
        facts->has_video = facts->video != CODEC_NONE;
    else
        facts->has_video = amf0_get_boolean(meta, "hasVideo", facts->width > 0) != 0;
    if (audio != NULL)
        facts->has_audio = facts->audio != CODEC_NONE;
    else
        facts->has_audio = amf0_get_boolean(meta, "hasAudio", facts->sample_rate > 0) != 0;
    facts->has_tracks = facts->has_video || facts->has_audio;
}

/* Messages that are not data of the stream: metadata is handled apart, the others are a server's
 * answers. */
static const char *const NOT_DATA[] = {"onMetaData", "onStatus", "onPlayStatus"};

/* The length of the leading AMF0 string; its text in *text. 0: there is none. */
static size_t read_name(const uint8_t *data, size_t len, const uint8_t **text, size_t *text_len)
{
    if (len < 3 || data[0] != AMF0_STRING)
        return 0;
    *text_len = (size_t)data[1] << 8 | data[2];
    *text = data + 3;
    return *text_len > 0 && *text_len <= len - 3 ? 3 + *text_len : 0;
}

static int name_is(const uint8_t *text, size_t len, const char *name)
{
    return len == strlen(name) && memcmp(text, name, len) == 0;
}

const uint8_t *meta_data_message(const uint8_t *data, size_t len, size_t *out_len)
{
    const uint8_t *name;
    size_t name_len;
    size_t used = read_name(data, len, &name, &name_len);

    if (used > 0 && name_is(name, name_len, "@setDataFrame")) {
        data += used;
        len -= used;
        used = read_name(data, len, &name, &name_len);
    }
    /* "@clearDataFrame", "|RtmpSampleAccess": commands sent as data messages. */
    if (used == 0 || name[0] == '@' || name[0] == '|')
        return NULL;
    for (size_t i = 0; i < sizeof(NOT_DATA) / sizeof(NOT_DATA[0]); i++)
        if (name_is(name, name_len, NOT_DATA[i]))
            return NULL;
    *out_len = len;
    return data;
}

static int is_text(const struct amf0 *value, const char *text)
{
    return value->type == AMF0_STRING && strcmp(value->string, text) == 0;
}

/* The object after the name; NULL when it is not onMetaData. The caller frees it. */
static struct amf0 *read_meta(const uint8_t *data, size_t len)
{
    struct bytes in = bytes_of(data, len);
    struct amf0 *value;
    int is_meta = 0;

    if (amf0_read(&in, &value) != SCAN_DONE)
        return NULL;
    if (is_text(value, "@setDataFrame")) {
        amf0_free(value);
        if (amf0_read(&in, &value) != SCAN_DONE)
            return NULL;
    }
    is_meta = is_text(value, "onMetaData");
    amf0_free(value);
    if (!is_meta || amf0_read(&in, &value) != SCAN_DONE)
        return NULL;
    if (value->type == AMF0_OBJECT || value->type == AMF0_ECMA_ARRAY)
        return value;
    amf0_free(value);
    return NULL;
}

enum scan meta_rewrite(const uint8_t *data, size_t len, const char *server, struct buf *out,
                       struct meta_facts *facts)
{
    size_t before = out->len;
    struct amf0 *meta;
    enum scan scan = SCAN_BAD;

    assert((data != NULL || len == 0) && server != NULL);
    if (facts != NULL)
        memset(facts, 0, sizeof(*facts));
    meta = read_meta(data, len);
    if (meta == NULL)
        return SCAN_BAD;
    meta->type = AMF0_ECMA_ARRAY; /* players expect an ECMA array, whatever the publisher sent */
    if (facts != NULL)
        read_facts(meta, facts);
    for (size_t i = 0; i < sizeof(NOT_LIVE) / sizeof(NOT_LIVE[0]); i++)
        amf0_remove(meta, NOT_LIVE[i]);
    if (amf0_set(meta, "server", amf0_string(server)) == 0 &&
        amf0_write_string(out, "onMetaData") == 0 && amf0_write(out, meta) == 0)
        scan = SCAN_DONE;
    if (scan != SCAN_DONE) {
        out->len = before;
        if (facts != NULL)
            memset(facts, 0, sizeof(*facts));
    }
    amf0_free(meta);
    return scan;
}

/* As encoders write it: the legacy id, or the FourCC as a number. */
static double codec_number(enum frame_type type, enum codec codec)
{
    for (size_t i = 0; i < sizeof(CODECS) / sizeof(CODECS[0]); i++)
        if (CODECS[i].type == type && CODECS[i].codec == codec)
            return CODECS[i].id != 0 && codec != CODEC_HEVC ? CODECS[i].id
                                                            : fourcc_number(CODECS[i].fourcc);
    return 0;
}

static int set_known(struct amf0 *meta, const char *key, double number)
{
    return number > 0 ? amf0_set(meta, key, amf0_number(number)) : 0;
}

int meta_make(const struct meta_made *made, const char *server, struct buf *out)
{
    struct amf0 *meta = amf0_ecma_array();
    size_t before = out->len;
    int rc = 0;

    if (meta == NULL)
        return -1;
    if (made->video != CODEC_NONE) {
        rc |= set_known(meta, "width", made->width);
        rc |= set_known(meta, "height", made->height);
        rc |= set_known(meta, "framerate", made->frame_rate <= 1000 ? made->frame_rate : 0);
        rc |= set_known(meta, "videocodecid", codec_number(FRAME_VIDEO, made->video));
    }
    if (made->audio != CODEC_NONE) {
        rc |= set_known(meta, "audiosamplerate", made->sample_rate);
        rc |= set_known(meta, "audiochannels", made->channels);
        if (made->channels > 0)
            rc |= amf0_set(meta, "stereo", amf0_boolean(made->channels > 1));
        rc |= set_known(meta, "audiocodecid", codec_number(FRAME_AUDIO, made->audio));
    }
    rc |= amf0_set(meta, "server", amf0_string(server));
    if (rc == 0)
        rc = amf0_write_string(out, "onMetaData") | amf0_write(out, meta);
    if (rc != 0)
        out->len = before;
    amf0_free(meta);
    return rc != 0 ? -1 : 0;
}
