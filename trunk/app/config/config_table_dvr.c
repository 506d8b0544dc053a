/*
 * The directives of recording (dvr), with the names, the units and the defaults of SRS.
 */
#include "app/config/config_table_rows.h"

static const char *const plans[] = {"session", "segment", NULL};
static const char *const jitters[] = {"full", "zero", "off", NULL};

#define DVR(field) CONFIG_AT_DVR, offsetof(struct config_vhost, dvr.field)

/* clang-format off */
static const struct config_row rows[] = {
    {"enabled", DVR(enabled), CONFIG_SWITCH, "off", NO_RANGE, NO_CHOICES,
     "SRS_VHOST_DVR_ENABLED", RELOAD,
     "Record published streams; off: only those that the API asks for."},
    {"dvr_apply", DVR(apply), CONFIG_STREAMS, "all", 1, CONFIG_DVR_MAX, NO_CHOICES,
     "SRS_VHOST_DVR_DVR_APPLY", RELOAD,
     "Streams that are recorded: all, or app/stream, several of them separated by spaces."},
    {"dvr_path", DVR(path), CONFIG_PATH, CONFIG_DVR_PATH, PATH_STORE, NO_CHOICES,
     "SRS_VHOST_DVR_DVR_PATH", RELOAD,
     "Path of the files, with [vhost] [app] [stream] [2006] [01] [02] [15] [04] [05] [999] [timestamp]; a "
     "folder stands for folder/[stream].[timestamp].flv."},
    {"dvr_plan", DVR(plan), CONFIG_CHOICE, "session", NO_RANGE, plans,
     "SRS_VHOST_DVR_DVR_PLAN", RELOAD,
     "session: one file for each publication; segment: a new file every dvr_duration."},
    {"dvr_duration", DVR(duration), CONFIG_SECONDS, "30", 1, 24 * 3600, NO_CHOICES,
     "SRS_VHOST_DVR_DVR_DURATION", RELOAD,
     "Minimum duration of a segment."},
    {"dvr_wait_keyframe", DVR(wait_keyframe), CONFIG_SWITCH, "on", NO_RANGE, NO_CHOICES,
     "SRS_VHOST_DVR_DVR_WAIT_KEYFRAME", RELOAD,
     "Let each segment begin with a keyframe, so that it can be played alone."},
    {"time_jitter", DVR(time_jitter), CONFIG_CHOICE, "full", NO_RANGE, jitters,
     "SRS_VHOST_DVR_TIME_JITTER", RELOAD,
     "full and zero: timestamps of each file start at 0; off: they are those of the stream."},
};
/* clang-format on */

const struct config_rows config_table_dvr = CONFIG_ROWS(rows);
