/*
 * The directives of HLS (hls), with the names, the units and the defaults of SRS; hls_part and
 * hls_max_bytes are our own, since segments are kept in memory.
 */
#include "app/config/config_table_rows.h"

#define HLS(field) CONFIG_AT_HLS, offsetof(struct config_vhost, hls.field)

/* clang-format off */
static const struct config_row rows[] = {
    {"enabled", HLS(enabled), CONFIG_SWITCH, "off", NO_RANGE, NO_CHOICES,
     "SRS_VHOST_HLS_ENABLED", RELOAD,
     "Serve each stream as [app]/[stream].m3u8. A mount of http_remux that ends in .m3u8 does so at its own "
     "address."},
    {"hls_fragment", HLS(fragment), CONFIG_SECONDS, "10", 1, 60, NO_CHOICES,
     "SRS_VHOST_HLS_HLS_FRAGMENT", RELOAD,
     "Minimum duration of a segment, which ends at the next keyframe."},
    {"hls_window", HLS(window), CONFIG_SECONDS, "60", 1, 3600, NO_CHOICES,
     "SRS_VHOST_HLS_HLS_WINDOW", RELOAD,
     "Duration of the playlist; three target durations at least."},
    {"hls_part", HLS(part), CONFIG_SECONDS, "0", 0, 5, NO_CHOICES,
     "SRS_VHOST_HLS_HLS_PART", RELOAD,
     "Low-latency HLS: maximum duration of a part, at least 0.1. 0: no parts."},
    {"hls_max_bytes", HLS(max_bytes), CONFIG_SIZE, "64m", 256 * KIB, 4 * GIB, NO_CHOICES,
     "SRS_VHOST_HLS_HLS_MAX_BYTES", RELOAD,
     "Limit of the segments of one stream in memory; beyond it the playlist is shorter than hls_window."},
};
/* clang-format on */

const struct config_rows config_table_hls = CONFIG_ROWS(rows);
