#ifndef TEST_UNIT_FORMATS_H
#define TEST_UNIT_FORMATS_H

/* The rows of media/mux.c that only tests name. */
#include "media/mux.h"

extern const struct mux mux_mp3;
extern const struct mux mux_aac;
extern const struct mux mux_mp4;
extern const struct mux mux_key_mp4;

#endif
