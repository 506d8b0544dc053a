#ifndef APP_CONFIG_LADDER_H
#define APP_CONFIG_LADDER_H

/*
 * Quality ladders: which streams are the same programme at other bit rates. The values of the
 * `ladder` directive are words: the name of a ladder, without a slash, then its rungs as
 * app/stream, the best one first; then the next ladder. A ladder named [stream] is a pattern: [app]
 * and [stream] in its rungs stand for any app and any stream. Pure.
 */
#include "app/config/config.h"

#define LADDER_RUNGS_MAX 8
#define LADDER_TEXT_MAX  2048 /* bytes of the names of one ladder */

/* A ladder with its names filled in. The ladder's own address is app/name. */
struct ladder {
    const char *app;  /* of the first rung */
    const char *name; /* in `text`, as all others */
    int count;
    int at; /* the rung that was looked for; -1: the ladder itself */
    struct {
        const char *app, *name;
        const char *quality; /* how players name it: what the stream's name has more than the
                              * ladder's, "720" of show_720 for show; else the stream's name */
    } rung[LADDER_RUNGS_MAX];
    char text[LADDER_TEXT_MAX];
};

/* Checks the words of one or more ladders. 0, or -1 with the index of the word and the reason. */
int ladder_check(char *const *words, int count, int *at, const char **why);

/*
 * The first ladder that has the stream app/name as a rung, else the first one whose address it is.
 * 0 with *out, which must not be moved, or -1: there is none.
 */
int ladder_find(const struct config_strings *words, const char *app, const char *name,
                struct ladder *out);

/* The first ladder whose own address this is, also if a rung has the same name. 0 or -1. */
int ladder_find_own(const struct config_strings *words, const char *app, const char *name,
                    struct ladder *out);

#endif
