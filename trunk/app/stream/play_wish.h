#ifndef APP_STREAM_PLAY_WISH_H
#define APP_STREAM_PLAY_WISH_H

/*
 * What a client asks for when it plays, by the parameters of its address and by RTMP's play
 * command: which tracks, and where to begin. The same for all protocols. Pure.
 */
#include "live/viewer.h"

#define PLAY_WISH_START_PTS "startPts"

/*
 * Reads the query ("a=b&c=d", or NULL) into *wish: only=, audioOnly=, onlyAudio=, track=,
 * startPts=, start=. NULL, or, for a value that means nothing, the reason as text; *wish is then
 * default.
 */
const char *play_wish_parse(const char *query, struct viewer_wish *wish);

/* The same for another server, which gets all tracks: only its start. */
const char *play_wish_parse_start(const char *query, struct source_start *start);

/*
 * The start argument of RTMP's play command. Players send -1 and -2 ("live"), also times 1000, and
 * 0 or more for recordings: the live end. Below that it is so long ago: seconds down to -999,
 * milliseconds beyond, because players multiply by 1000.
 */
void play_wish_rtmp(double play_start, struct source_start *start);

/* Writes the start as a parameter, "startPts=5"; "" for the default. 0, or -1 if it does not fit.
 */
int play_wish_write(const struct source_start *start, char *out, size_t cap);

#endif
