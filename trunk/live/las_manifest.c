/*
 * The fields are those of the standard's table, all of them, since players differ in what they read
 * (the reference player takes maxBitrate, codec and the switches). `duration` is the GOP length:
 * how long a player may have to wait until it can change the rung. Codecs are named as in RFC 6381.
 */
#include "live/las_manifest.h"

#include "media/frame.h"

#include <assert.h>
#include <inttypes.h>

#define LAS_VERSION "1.0.0"
/* While no GOP is known: a usual length, ms. */
#define GOP_DEFAULT 2000

static int put_string(struct buf *out, const char *text)
{
    int rc = buf_append(out, "\"", 1);

    for (; *text != '\0' && rc == 0; text++) {
        unsigned char c = (unsigned char)*text;

        if (c < ' ' || c == '"' || c == '\\')
            rc = buf_printf(out, "\\u%04x", c);
        else
            rc = buf_append(out, text, 1);
    }
    return rc | buf_append(out, "\"", 1);
}

static int put_video_codec(struct buf *out, const struct source_facts *facts)
{
    switch ((enum codec)facts->codec[1]) {
    case CODEC_NONE:
        return 0;
    case CODEC_H264:
        return buf_printf(out, "avc1.%02x%02x%02x", facts->profile, facts->compat, facts->level);
    case CODEC_HEVC:
        /* The compatibility flags of Main and Main 10, bit-reversed. */
        return buf_printf(out, "hvc1.%d.%d.L%d.B0", facts->profile, facts->profile == 2 ? 4 : 6,
                          facts->level);
    case CODEC_AV1:
        return buf_printf(out, "av01");
    default:
        return buf_printf(out, "unknown");
    }
}

static int put_audio_codec(struct buf *out, const struct source_facts *facts)
{
    const char *comma = facts->codec[1] != CODEC_NONE ? "," : "";

    switch ((enum codec)facts->codec[0]) {
    case CODEC_NONE:
        return 0;
    case CODEC_AAC:
        return buf_printf(out, "%smp4a.40.%d", comma, facts->aac_type != 0 ? facts->aac_type : 2);
    case CODEC_MP3:
        return buf_printf(out, "%smp4a.6b", comma);
    case CODEC_OPUS:
        return buf_printf(out, "%sopus", comma);
    default:
        return buf_printf(out, "%sunknown", comma);
    }
}

/* The standard's names, from the lowest to the highest. */
static const char *quality_type(const struct source_facts *facts)
{
    uint16_t lines = facts->height < facts->width ? facts->height : facts->width;

    if (lines <= 360)
        return "SMOOTH";
    if (lines <= 540)
        return "STANDARD";
    if (lines <= 720)
        return "HIGH";
    return lines <= 1080 ? "SUPER" : "BLUE_RAY";
}

static const char *yes_or_no(int is_yes)
{
    return is_yes ? "true" : "false";
}

static int put_representation(struct buf *out, int id, const struct las_representation *rung)
{
    const struct source_facts *facts = &rung->facts;
    int rc = buf_printf(out, "%s{\"id\":%d,\"codec\":\"", id > 1 ? "," : "", id);

    rc |= put_video_codec(out, facts) | put_audio_codec(out, facts);
    rc |= buf_printf(out, "\",\"url\":") | put_string(out, rung->url);
    rc |= buf_printf(out, ",\"backupUrl\":[],\"host\":") | put_string(out, rung->host);
    rc |= buf_printf(out,
                     ",\"maxBitrate\":%" PRIu32 ",\"width\":%d,\"height\":%d,\"frameRate\":%d,"
                     "\"qualityType\":\"%s\",\"qualityTypeName\":",
                     facts->kbps, facts->width, facts->height, facts->frame_rate,
                     quality_type(facts));
    rc |= put_string(out, rung->quality);
    rc |= buf_printf(out, ",\"hidden\":false,\"disabledFromAdaptive\":%s,\"defaultSelected\":%s}",
                     yes_or_no(rung->is_fixed), yes_or_no(rung->is_default));
    return rc;
}

int las_manifest_write(const struct las_representation *rungs, int count, struct buf *out)
{
    uint32_t gop = 0;
    int rc;

    assert(rungs != NULL && count > 0 && out != NULL);
    for (int i = 0; i < count; i++)
        if (rungs[i].facts.gop_ms > gop)
            gop = rungs[i].facts.gop_ms;
    rc = buf_printf(out,
                    "{\"version\":\"" LAS_VERSION "\",\"adaptationSet\":[{\"id\":1,"
                    "\"duration\":%" PRIu32 ",\"representation\":[",
                    gop != 0 ? gop : GOP_DEFAULT);
    for (int i = 0; i < count; i++)
        rc |= put_representation(out, i + 1, &rungs[i]);
    rc |= buf_printf(out, "]}]}\n");
    return rc == 0 ? 0 : -1;
}
