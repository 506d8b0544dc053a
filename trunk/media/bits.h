#ifndef MEDIA_BITS_H
#define MEDIA_BITS_H

/*
 * Reading bits from codec headers, most significant first. Like base/bytes.h, a reader that runs
 * over its end sets `bad` and returns zeros from then on. Pure.
 */
#include <stddef.h>
#include <stdint.h>

struct bits {
    const uint8_t *p;
    const uint8_t *end;
    unsigned left;  /* bits not read yet of the byte before p */
    uint8_t byte;   /* that byte */
    uint8_t is_nal; /* emulation prevention bytes (00 00 03) are dropped */
    uint8_t zeros;  /* zero bytes just read, to detect them */
    int bad;
};

/* Reads len bytes at p, which are borrowed. */
void bits_init(struct bits *b, const uint8_t *p, size_t len);
/* For what is inside a NAL unit (ITU-T H.264 and H.265, 7.3.1.1: rbsp). */
void bits_init_nal(struct bits *b, const uint8_t *p, size_t len);

/* n bits, at most 32. */
uint32_t bits_u(struct bits *b, unsigned n);
void bits_skip(struct bits *b, unsigned n);
/* Exp-Golomb codes (H.264, 9.1); one of more than 32 bits is bad. */
uint32_t bits_ue(struct bits *b);
int32_t bits_se(struct bits *b);
/* Bits left, including emulation prevention bytes. */
size_t bits_left(const struct bits *b);

#endif
