/*
 * Parameters of players. startPts, audioOnly and onlyAudio are those of LAS (Live Adaptive
 * Streaming 1.0); start is that of servers that keep a time shift, in seconds. Unknown parameters
 * and positive values of start (an offset in a file) change nothing.
 */
#include "app/stream/play_wish.h"

#include "base/str.h"
#include "proto/url.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Times of clients: more than any timeline has. */
#define PLAY_WISH_MS_MAX ((int64_t)1 << 53)

static int is_yes(const char *query, const char *name)
{
    char value[8];

    return url_query_get(query, name, value, sizeof(value)) == 0 &&
           (strcmp(value, "true") == 0 || strcmp(value, "1") == 0);
}

/* So many ms, with a sign, as startPts means it. */
static struct source_start start_of_ms(double ms)
{
    struct source_start start = {SOURCE_START_DEFAULT, 0};

    if (!isfinite(ms))
        return start;
    if (ms > (double)PLAY_WISH_MS_MAX)
        ms = (double)PLAY_WISH_MS_MAX;
    if (ms < -(double)PLAY_WISH_MS_MAX)
        ms = -(double)PLAY_WISH_MS_MAX;
    return source_start_pts((int64_t)ms);
}

const char *play_wish_parse_start(const char *query, struct source_start *start)
{
    char value[32];
    char *end;
    double seconds;
    int64_t pts;

    *start = (struct source_start){SOURCE_START_DEFAULT, 0};
    if (query == NULL)
        return NULL;
    if (url_query_get(query, PLAY_WISH_START_PTS, value, sizeof(value)) == 0) {
        if (str_to_i64(value, -PLAY_WISH_MS_MAX, PLAY_WISH_MS_MAX, &pts) != 0)
            return "startPts is a number of milliseconds";
        *start = source_start_pts(pts);
        return NULL;
    }
    if (url_query_get(query, "start", value, sizeof(value)) != 0 || value[0] != '-')
        return NULL;
    seconds = strtod(value, &end);
    if (*end != '\0' || end == value || !isfinite(seconds))
        return "start is a number of seconds";
    if (seconds < 0)
        *start = start_of_ms(seconds * 1000);
    return NULL;
}

static const char *parse_only(const char *query, enum source_only *only)
{
    char value[16];

    if (is_yes(query, "audioOnly") || is_yes(query, "onlyAudio"))
        *only = SOURCE_AUDIO_ONLY;
    if (url_query_get(query, "only", value, sizeof(value)) != 0)
        return NULL;
    if (strcmp(value, "audio") == 0)
        *only = SOURCE_AUDIO_ONLY;
    else if (strcmp(value, "video") == 0)
        *only = SOURCE_VIDEO_ONLY;
    else
        return "only is audio or video";
    return NULL;
}

const char *play_wish_parse(const char *query, struct viewer_wish *wish)
{
    const char *reason = NULL;
    char value[16];

    memset(wish, 0, sizeof(*wish));
    if (query == NULL)
        return NULL;
    reason = parse_only(query, &wish->only);
    if (reason == NULL && url_query_get(query, "track", value, sizeof(value)) == 0 &&
        source_select_parse(&wish->select, value) != 0)
        reason = "track is all, N or aN,vN";
    if (reason == NULL)
        reason = play_wish_parse_start(query, &wish->start);
    if (reason != NULL)
        memset(wish, 0, sizeof(*wish));
    return reason;
}

void play_wish_rtmp(double play_start, struct source_start *start)
{
    if (!isfinite(play_start) || play_start >= -2 || play_start == -1000 || play_start == -2000)
        return;
    *start = start_of_ms(play_start > -1000 ? play_start * 1000 : play_start);
}

int play_wish_write(const struct source_start *start, char *out, size_t cap)
{
    int64_t pts = start->kind == SOURCE_START_BACK ? -start->ms : start->ms;

    if (start->kind == SOURCE_START_DEFAULT)
        return str_copy(out, cap, "");
    return str_format(out, cap, PLAY_WISH_START_PTS "=%" PRId64, pts);
}
