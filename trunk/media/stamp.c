/*
 * The time stamps from which players compute true latency. The body is AMF0 ("Action Message
 * Format, AMF 0", 2007): a name and an object, like any data message, so players that do not know
 * it ignore it.
 *
 * Encoders put their clock into SEI messages (ITU-T H.264, 7.3.2.3 and D.1.6; H.265 has the same
 * syntax). MISB ST 0604 defines the content: an identifier, a status byte, and the number of
 * microseconds since 1970 in groups of two bytes, with 0xff between the groups.
 */
#include "media/stamp.h"

#include "base/bytes.h"
#include "media/amf0.h"

#include <assert.h>
#include <string.h>

static const char STAMP_NAME[] = "onMillraceTime";
static const char SEI_ID[] = "MISPmicrosectime";

#define SEI_ID_SIZE      16
#define SEI_CLOCK_SIZE   (SEI_ID_SIZE + 1 + 11)
#define SEI_UNREGISTERED 5
/* The clock comes early in its NAL unit; a unit is not read further than this. */
#define SEI_READ_MAX 512
#define SEI_H264     6
#define SEI_HEVC     39
/* No clock says more: the year 9999. */
#define STAMP_MS_MAX ((double)253402300800000.0)

/* ---- the script tag ---- */

static void put_text(struct bytes_out *out, const char *text)
{
    bytes_put_u16(out, (uint16_t)strlen(text));
    bytes_put(out, text, strlen(text));
}

static void put_property(struct bytes_out *out, const char *key, int64_t number)
{
    double value = (double)number;
    uint64_t bits;

    memcpy(&bits, &value, sizeof(bits));
    put_text(out, key);
    bytes_put_u8(out, AMF0_NUMBER);
    bytes_put_be(out, bits, sizeof(bits));
}

size_t stamp_write(const struct stamp *stamp, uint8_t out[STAMP_MAX])
{
    static const uint8_t object_end[] = {0, 0, 9};
    struct bytes_out body = bytes_out_of(out, STAMP_MAX);

    assert(stamp != NULL);
    bytes_put_u8(&body, AMF0_STRING);
    put_text(&body, STAMP_NAME);
    bytes_put_u8(&body, AMF0_OBJECT);
    put_property(&body, "time", stamp->time_ms);
    put_property(&body, "pts", stamp->pts_ms);
    if (stamp->encoder_ms != 0)
        put_property(&body, "encoder", stamp->encoder_ms);
    bytes_put(&body, object_end, sizeof(object_end));
    assert(!body.bad);
    return (size_t)(body.p - out);
}

int stamp_is(const uint8_t *data, size_t len)
{
    size_t name = sizeof(STAMP_NAME) - 1;

    return len >= 3 + name && data[0] == AMF0_STRING && data[1] == 0 && data[2] == name &&
           memcmp(data + 3, STAMP_NAME, name) == 0;
}

/* A time in ms; `least` when there is none or it is out of range. */
static int64_t read_ms(const struct amf0 *object, const char *key, int64_t least)
{
    double number = amf0_get_number(object, key, -1);

    return number > (double)least && number < STAMP_MS_MAX ? (int64_t)number : least;
}

int stamp_read(const uint8_t *data, size_t len, struct stamp *out)
{
    struct bytes in;
    struct amf0 *object;

    memset(out, 0, sizeof(*out));
    if (!stamp_is(data, len))
        return -1;
    in = bytes_of(data + 3 + sizeof(STAMP_NAME) - 1, len - 3 - (sizeof(STAMP_NAME) - 1));
    if (amf0_read(&in, &object) != SCAN_DONE)
        return -1;
    out->time_ms = read_ms(object, "time", 0);
    out->pts_ms = read_ms(object, "pts", -1);
    out->encoder_ms = read_ms(object, "encoder", 0);
    amf0_free(object);
    return out->time_ms > 0 && out->pts_ms >= 0 ? 0 : -1;
}

/* ---- the encoder's clock ---- */

/* Copies a NAL unit's payload without its emulation prevention bytes (7.4.1.1). */
static size_t sei_unescape(const uint8_t *p, size_t len, uint8_t out[SEI_READ_MAX])
{
    size_t n = 0;
    int zeros = 0;

    for (size_t i = 0; i < len && n < SEI_READ_MAX; i++) {
        if (zeros >= 2 && p[i] == 3) {
            zeros = 0;
            continue;
        }
        zeros = p[i] == 0 ? zeros + 1 : 0;
        out[n++] = p[i];
    }
    return n;
}

/* A payload type or size: bytes of 255, and a last one (7.3.2.3.1). */
static size_t sei_number(struct bytes *b)
{
    size_t number = 0;
    uint8_t byte;

    do {
        byte = bytes_u8(b);
        number += byte;
    } while (byte == 0xff && !b->bad);
    return number;
}

static int64_t sei_clock(const uint8_t *p)
{
    uint64_t us = 0;

    if (memcmp(p, SEI_ID, SEI_ID_SIZE) != 0)
        return 0;
    p += SEI_ID_SIZE + 1;
    for (int i = 0; i < 11; i++) {
        if (i % 3 != 2)
            us = us << 8 | p[i];
        else if (p[i] != 0xff)
            return 0;
    }
    return us / 1000 < (uint64_t)STAMP_MS_MAX ? (int64_t)(us / 1000) : 0;
}

/* The messages of one SEI NAL unit, without its header. */
static int64_t sei_find(const uint8_t *p, size_t len)
{
    uint8_t plain[SEI_READ_MAX];
    struct bytes b = bytes_of(plain, sei_unescape(p, len, plain));

    while (!b.bad && bytes_left(&b) > 2) {
        size_t type = sei_number(&b);
        size_t size = sei_number(&b);
        const uint8_t *body;

        if (b.bad || size > bytes_left(&b))
            return 0;
        body = bytes_take(&b, size);
        if (type == SEI_UNREGISTERED && size >= SEI_CLOCK_SIZE && sei_clock(body) != 0)
            return sei_clock(body);
    }
    return 0;
}

int64_t stamp_encoder_ms(const struct frame *frame, int nal_length_size)
{
    struct bytes b = bytes_of(frame->payload, frame->payload_len);
    int is_hevc = frame->codec == CODEC_HEVC;

    assert(nal_length_size >= 1 && nal_length_size <= 4);
    if (frame->codec != CODEC_H264 && !is_hevc)
        return 0;
    while (bytes_left(&b) > (size_t)nal_length_size) {
        size_t header = is_hevc ? 2 : 1;
        size_t size = 0;
        const uint8_t *nal;
        int type;
        int64_t ms;

        for (int i = 0; i < nal_length_size; i++)
            size = size << 8 | bytes_u8(&b);
        if (size > bytes_left(&b))
            return 0;
        nal = bytes_take(&b, size);
        if (size <= header)
            continue;
        type = is_hevc ? nal[0] >> 1 & 63 : nal[0] & 31;
        /* SEI messages about a picture come before its slices. */
        if (is_hevc ? type < 32 : type >= 1 && type <= 5)
            return 0;
        if (type != (is_hevc ? SEI_HEVC : SEI_H264))
            continue;
        ms = sei_find(nal + header, size - header);
        if (ms != 0)
            return ms;
    }
    return 0;
}
