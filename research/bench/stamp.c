/*
 * The stamp in a frame. Numbers are written as hexadecimal digits, one per
 * byte, with 0x40 added: no byte is below 4, so that no sequence 00 00 0x can
 * arise and no emulation prevention is needed (ITU-T H.264 7.4.1.1). That keeps
 * the size fixed, and a sender can write the time over a placeholder.
 */
#include "stamp.h"

#include <string.h>

#define SEI_NAL_TYPE          6
#define SEI_USER_UNREGISTERED 5
#define PAYLOAD_SIZE          40
#define TIME_DIGITS           16
#define NUMBER_DIGITS         8

static const uint8_t stamp_uuid[16] = "millrace-stamp-1";

static void digits_write(uint8_t *p, uint64_t value, int count)
{
    for (int i = count - 1; i >= 0; i--) {
        p[i] = (uint8_t)(0x40 | (value & 15));
        value >>= 4;
    }
}

static uint64_t digits_read(const uint8_t *p, int count)
{
    uint64_t value = 0;

    for (int i = 0; i < count; i++)
        value = value << 4 | (p[i] & 15);
    return value;
}

void stamp_write(uint8_t *nal, const struct stamp *stamp)
{
    nal[0] = SEI_NAL_TYPE;
    nal[1] = SEI_USER_UNREGISTERED;
    nal[2] = PAYLOAD_SIZE;
    memcpy(nal + 3, stamp_uuid, sizeof(stamp_uuid));
    digits_write(nal + 19, (uint64_t)stamp->sent_ns, TIME_DIGITS);
    digits_write(nal + 19 + TIME_DIGITS, stamp->number, NUMBER_DIGITS);
    nal[STAMP_NAL_SIZE - 1] = 0x80;
}

int stamp_read(const uint8_t *nal, size_t len, struct stamp *stamp)
{
    if (len != STAMP_NAL_SIZE || (nal[0] & 31) != SEI_NAL_TYPE || nal[1] != SEI_USER_UNREGISTERED ||
        nal[2] != PAYLOAD_SIZE || memcmp(nal + 3, stamp_uuid, sizeof(stamp_uuid)) != 0)
        return 0;
    stamp->sent_ns = (int64_t)digits_read(nal + 19, TIME_DIGITS);
    stamp->number = (uint32_t)digits_read(nal + 19 + TIME_DIGITS, NUMBER_DIGITS);
    return 1;
}
