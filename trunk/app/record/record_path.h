#ifndef APP_RECORD_RECORD_PATH_H
#define APP_RECORD_RECORD_PATH_H

/*
 * The paths of recordings: dvr_path with the names of a stream and the time filled in. Names come
 * from clients: none leads out of the folder that the directive names. Pure.
 */
#include "base/clock.h"

#include <stddef.h>

#define RECORD_PATH_MAX 1024
/* Room for ".part" and a number in each component of a path. */
#define RECORD_NAME_MAX 240

#define RECORD_PART ".part"

struct record_names {
    const char *vhost, *app, *stream;
};

/*
 * Fills in [vhost] [app] [stream], and of the time (us since 1970) [2006] [01] [02] [15] [04] [05]
 * [999] and [timestamp] (ms). A template that is a folder gets /[stream].[timestamp].flv. 0, or -1:
 * too long, or not a path beneath the folder.
 */
int record_path_make(const char *template, const struct record_names *names, usec_t wall,
                     int is_utc, char out[RECORD_PATH_MAX]);

/* The same path with a number, "show.2.flv", when there is such a file already. 0 or -1. */
int record_path_number(const char *path, int number, char out[RECORD_PATH_MAX]);

/* The folder that all paths of the template are in, "." at the least; and how many folders lie
 * between it and a file at most. 0, or -1: too long. */
int record_path_root(const char *template, char out[RECORD_PATH_MAX], int *depth);

#endif
