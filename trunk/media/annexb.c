/*
 * Converts NAL units from length prefixes (ISO/IEC 14496-15) to start codes (ITU-T H.264 and H.265,
 * annex B and 7.4.1.2: the order of NAL units in an access unit). A frame is walked twice, to
 * measure and to write, so no state is needed however many units it has.
 */
#include "media/annexb.h"

#include "media/avc.h"
#include "media/hevc.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define SETS_MAX      ((size_t)256 * 1024)
#define START_CODE    4
#define DELIMITER_MAX (START_CODE + 3)

#define SET_VPS 0
#define SET_SPS 1
#define SET_PPS 2

/* nal_unit_type, H.264 table 7-1 and H.265 table 7-1. */
#define AVC_SPS       7
#define AVC_PPS       8
#define AVC_DELIMITER 9
#define HEVC_VPS      32
#define HEVC_PPS      34

#define HEVC_DELIMITER 35

static const uint8_t start_code[START_CODE] = {0, 0, 0, 1};

void annexb_init(struct annexb *annexb)
{
    memset(annexb, 0, sizeof(*annexb));
    for (int i = 0; i < ANNEXB_SETS; i++)
        buf_init(&annexb->sets[i], SETS_MAX);
}

void annexb_fini(struct annexb *annexb)
{
    for (int i = 0; i < ANNEXB_SETS; i++)
        buf_fini(&annexb->sets[i]);
}

/* ---- the record ---- */

static int add_set(struct annexb *annexb, int kind, const uint8_t *data, size_t len)
{
    struct buf *buf = &annexb->sets[kind];
    uint8_t *room = buf_reserve(buf, START_CODE + len);

    if (room == NULL)
        return -1;
    memcpy(room, start_code, START_CODE);
    memcpy(room + START_CODE, data, len);
    buf_commit(buf, START_CODE + len);
    return 0;
}

/* 0, or -1 without memory. */
static int take_avc(struct annexb *annexb, const struct frame *frame)
{
    struct avc_config *config = malloc(sizeof(*config));
    int status = config != NULL ? 0 : -1;

    if (config != NULL &&
        avc_config_parse(config, frame->payload, frame->payload_len) == SCAN_DONE) {
        annexb->nal_length_size = config->nal_length_size;
        for (int i = 0; i < config->sps_count; i++)
            status |= add_set(annexb, SET_SPS, config->sps[i].data, config->sps[i].len);
        for (int i = 0; i < config->pps_count; i++)
            status |= add_set(annexb, SET_PPS, config->pps[i].data, config->pps[i].len);
    }
    free(config);
    return status;
}

/* The same for HEVC. */
static int take_hevc(struct annexb *annexb, const struct frame *frame)
{
    struct hevc_config *config = malloc(sizeof(*config));
    int status = config != NULL ? 0 : -1;

    if (config != NULL &&
        hevc_config_parse(config, frame->payload, frame->payload_len) == SCAN_DONE) {
        annexb->nal_length_size = config->nal_length_size;
        for (int i = 0; i < config->nal_count; i++) {
            const struct hevc_nal *nal = &config->nals[i];

            if (nal->type >= HEVC_VPS && nal->type <= HEVC_PPS)
                status |= add_set(annexb, nal->type - HEVC_VPS, nal->data, nal->len);
        }
    }
    free(config);
    return status;
}

static void forget(struct annexb *annexb)
{
    for (int i = 0; i < ANNEXB_SETS; i++)
        buf_reset(&annexb->sets[i]);
    annexb->nal_length_size = 0;
}

int annexb_header(struct annexb *annexb, const struct frame *frame)
{
    int status;

    assert(annexb != NULL && frame != NULL && frame->is_header);
    if (frame->codec != CODEC_H264 && frame->codec != CODEC_HEVC)
        return 0;
    forget(annexb);
    annexb->codec = frame->codec;
    status = frame->codec == CODEC_H264 ? take_avc(annexb, frame) : take_hevc(annexb, frame);
    if (status != 0)
        forget(annexb);
    return status;
}

/* ---- NAL units ---- */

/* Which parameter set a NAL unit is, or -1. */
static int set_kind(enum codec codec, uint8_t first)
{
    int type = codec == CODEC_H264 ? first & 0x1f : (first >> 1 & 0x3f);

    if (codec == CODEC_HEVC)
        return type >= HEVC_VPS && type <= HEVC_PPS ? type - HEVC_VPS : -1;
    if (type == AVC_SPS)
        return SET_SPS;
    return type == AVC_PPS ? SET_PPS : -1;
}

static int is_delimiter(enum codec codec, uint8_t first)
{
    return codec == CODEC_H264 ? (first & 0x1f) == AVC_DELIMITER
                               : (first >> 1 & 0x3f) == HEVC_DELIMITER;
}

struct walk {
    const uint8_t *p;
    size_t left;
    size_t length_size;
    enum codec codec;
};

static struct walk walk_of(const struct annexb *annexb, const struct frame *frame)
{
    struct walk walk = {frame->payload, frame->payload_len, annexb->nal_length_size, frame->codec};

    return walk;
}

/* The next unit that is neither empty nor a delimiter; 0 at the end, or at a length beyond the
 * frame. */
static int walk_next(struct walk *walk, const uint8_t **nal, size_t *len)
{
    do {
        size_t n = 0;

        if (walk->left < walk->length_size)
            return 0;
        for (size_t i = 0; i < walk->length_size; i++)
            n = n << 8 | walk->p[i];
        walk->p += walk->length_size;
        walk->left -= walk->length_size;
        if (n > walk->left)
            return 0;
        *nal = walk->p;
        *len = n;
        walk->p += n;
        walk->left -= n;
    } while (*len == 0 || is_delimiter(walk->codec, **nal));
    return 1;
}

/* Writes the delimiter that begins every picture and allows any kind of slice. Returns its length.
 */
static size_t delimiter(enum codec codec, uint8_t out[DELIMITER_MAX])
{
    memcpy(out, start_code, START_CODE);
    if (codec == CODEC_H264) {
        out[4] = AVC_DELIMITER;
        out[5] = 0xf0; /* primary_pic_type 7 and the stop bit */
        return START_CODE + 2;
    }
    out[4] = HEVC_DELIMITER << 1;
    out[5] = 1;
    out[6] = 0x50; /* pic_type 2 and the stop bit */
    return START_CODE + 3;
}

void annexb_measure(const struct annexb *annexb, const struct frame *frame,
                    struct annexb_picture *picture)
{
    struct walk walk = walk_of(annexb, frame);
    uint8_t head[DELIMITER_MAX];
    const uint8_t *nal;
    size_t len;

    picture->len = 0;
    for (int i = 0; i < ANNEXB_SETS; i++)
        picture->wants[i] = frame->is_key;
    if (annexb->nal_length_size == 0 || annexb->codec != frame->codec)
        return;
    while (walk_next(&walk, &nal, &len)) {
        int kind = set_kind(frame->codec, nal[0]);

        if (kind >= 0)
            picture->wants[kind] = 0; /* it has its own */
        picture->len += START_CODE + len;
    }
    if (picture->len == 0)
        return;
    for (int i = 0; i < ANNEXB_SETS; i++)
        picture->len += picture->wants[i] ? annexb->sets[i].len : 0;
    picture->len += delimiter(frame->codec, head);
}

void annexb_write(const struct annexb *annexb, const struct frame *frame,
                  const struct annexb_picture *picture,
                  void (*put)(void *arg, const void *data, size_t len), void *arg)
{
    struct walk walk = walk_of(annexb, frame);
    uint8_t head[DELIMITER_MAX];
    const uint8_t *nal;
    size_t len;

    assert(picture->len > 0);
    put(arg, head, delimiter(frame->codec, head));
    for (int i = 0; i < ANNEXB_SETS; i++)
        if (picture->wants[i] && annexb->sets[i].len > 0)
            put(arg, buf_data(&annexb->sets[i]), annexb->sets[i].len);
    while (walk_next(&walk, &nal, &len)) {
        put(arg, start_code, START_CODE);
        put(arg, nal, len);
    }
}
