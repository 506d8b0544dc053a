#ifndef BENCH_STAMP_H
#define BENCH_STAMP_H

/*
 * A time stamp inside an H.264 frame: an SEI NAL unit with one user_data_unregistered message
 * (ITU-T H.264 D.1.7), which every decoder ignores. It carries the time at which the frame was sent
 * and its number.
 */
#include <stddef.h>
#include <stdint.h>

struct stamp {
    int64_t sent_ns; /* CLOCK_MONOTONIC of the sender, on this machine */
    uint32_t number; /* counts the stream's frames */
};

/* NAL header, payload type and size, 16 bytes of UUID, 24 bytes of digits, the stop bit. */
#define STAMP_NAL_SIZE 44

/* Writes the NAL unit (without its length) of STAMP_NAL_SIZE bytes. */
void stamp_write(uint8_t *nal, const struct stamp *stamp);

/* 1 if this NAL unit is a stamp of ours; then *stamp is set. */
int stamp_read(const uint8_t *nal, size_t len, struct stamp *stamp);

#endif
