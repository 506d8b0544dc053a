/*
 * The names, types and texts of all metrics. Names of counters end in _total and times are in
 * seconds, as Prometheus recommends; the names that SRS has are exactly SRS's, so that dashboards
 * made for it work. A stream has metrics of its own under other names, since a dashboard that adds
 * up SRS's would count it twice.
 */
#include "app/core/metrics_table.h"

#include <assert.h>

#define MS USEC_PER_MS
#define S  USEC_PER_SEC

static const usec_t wait_bounds[] = {50 * MS,  100 * MS, 200 * MS,  300 * MS, 500 * MS,
                                     750 * MS, S,        3 * S / 2, 2 * S,    3 * S,
                                     5 * S,    10 * S,   30 * S,    0};
static const usec_t lag_bounds[] = {20 * MS, 50 * MS, 100 * MS, 200 * MS, 500 * MS, S, 2 * S,
                                    3 * S,   5 * S,   10 * S,   20 * S,   30 * S,   0};
static const usec_t loop_bounds[] = {MS,       2 * MS,   5 * MS,   10 * MS, 20 * MS, 50 * MS,
                                     100 * MS, 200 * MS, 500 * MS, S,       5 * S,   0};
static const usec_t length_bounds[] = {S,         5 * S,     10 * S,   30 * S,   60 * S,
                                       300 * S,   900 * S,   1800 * S, 3600 * S, 7200 * S,
                                       14400 * S, 43200 * S, 0};
static const usec_t latency_bounds[] = {200 * MS, 500 * MS, 750 * MS, S,     3 * S / 2,
                                        2 * S,    3 * S,    5 * S,    8 * S, 12 * S,
                                        20 * S,   30 * S,   0};

#define SCRAPE(name, type, help)                                        \
    {                                                                   \
        name, type, METRICS_NUMBER, METRICS_AT_SCRAPE, NULL, NULL, help \
    }
#define SERVER(name, type, label, help)                                  \
    {                                                                    \
        name, type, METRICS_NUMBER, METRICS_AT_SERVER, label, NULL, help \
    }
#define TIMES(name, label, bounds, help)                                              \
    {                                                                                 \
        name, METRICS_HISTOGRAM, METRICS_TIME, METRICS_AT_SERVER, label, bounds, help \
    }
#define WORKER(name, type, unit, help)                        \
    {                                                         \
        name, type, unit, METRICS_AT_WORKER, NULL, NULL, help \
    }
#define STREAM(name, type, unit, help)                        \
    {                                                         \
        name, type, unit, METRICS_AT_STREAM, NULL, NULL, help \
    }
#define QOE(name, unit, help)                                         \
    {                                                                 \
        name, METRICS_COUNTER, unit, METRICS_AT_QOE, NULL, NULL, help \
    }
#define QOE_TIMES(name, bounds, help)                                             \
    {                                                                             \
        name, METRICS_HISTOGRAM, METRICS_TIME, METRICS_AT_QOE, NULL, bounds, help \
    }

static const struct metrics_row rows[METRICS_IDS] = {
    [METRICS_UNAME] = SCRAPE("srs_node_uname_info", METRICS_GAUGE,
                             "Labeled system information as provided by the uname system call."),
    [METRICS_BUILD] = SCRAPE("srs_build_info", METRICS_GAUGE,
                             "Constant 1, labeled by the server's ids, version and build date."),
    [METRICS_CPU_PERCENT] =
        SCRAPE("srs_cpu_percent", METRICS_GAUGE,
               "CPU use of all processes since the last scrape, in percent of one processor."),
    [METRICS_MEMORY] =
        SCRAPE("srs_memory", METRICS_GAUGE, "Resident memory of all processes in KiB."),
    [METRICS_SEND_BYTES] =
        SCRAPE("srs_send_bytes_total", METRICS_COUNTER, "Bytes of streams sent to clients."),
    [METRICS_RECEIVE_BYTES] = SCRAPE("srs_receive_bytes_total", METRICS_COUNTER,
                                     "Bytes of streams received from publishers."),
    [METRICS_STREAMS] = SCRAPE("srs_streams", METRICS_GAUGE, "Streams at present."),
    [METRICS_CLIENTS] =
        SERVER("srs_clients", METRICS_GAUGE, NULL, "Publishers and players at present."),
    [METRICS_CLIENTS_TOTAL] =
        SERVER("srs_clients_total", METRICS_COUNTER, NULL, "Publishers and players so far."),
    [METRICS_CLIENTS_ERRORS] =
        SERVER("srs_clients_errs_total", METRICS_COUNTER, NULL,
               "Publishers and players that ended with an error, other than disconnecting."),

    [METRICS_START_TIME] = SCRAPE("millrace_start_time_seconds", METRICS_GAUGE,
                                  "When the server started, in seconds since 1970."),
    [METRICS_CONNECTIONS] =
        SERVER("millrace_connections", METRICS_GAUGE, NULL, "Connections of all kinds at present."),
    [METRICS_CONNECTIONS_TOTAL] = SERVER("millrace_connections_total", METRICS_COUNTER, NULL,
                                         "Accepted connections of all kinds so far."),
    [METRICS_CONNECTIONS_MAX] =
        SCRAPE("millrace_connections_limit", METRICS_GAUGE, "The directive max_connections."),
    [METRICS_MEMORY_MAX] = SCRAPE("millrace_memory_limit_bytes", METRICS_GAUGE,
                                  "Memory that all processes may use together."),
    [METRICS_PUBLISHERS] =
        SERVER("millrace_publishers", METRICS_GAUGE, NULL, "Publishers at present."),
    [METRICS_VIEWERS] = SERVER("millrace_viewers", METRICS_GAUGE, "format",
                               "Players at present, by the format that they get."),
    [METRICS_REFUSALS] =
        SERVER("millrace_refusals_total", METRICS_COUNTER, "reason",
               "Refused connections, publishers and players, by the limit or the access rule."),
    [METRICS_SESSION_TIME] = TIMES("millrace_session_seconds", "type", length_bounds,
                                   "How long sessions that have ended lasted."),
    [METRICS_STARTUP_TIME] =
        TIMES("millrace_startup_seconds", NULL, wait_bounds,
              "Time from a player's request for a published stream to its first media bytes."),
    [METRICS_QUALITY_SWITCHES] =
        SERVER("millrace_quality_switches_total", METRICS_COUNTER, "direction",
               "How often players of ?quality=auto were moved to a better or worse rung."),
    [METRICS_VIEWER_LAG] =
        TIMES("millrace_viewer_lag_seconds", NULL, lag_bounds,
              "Samples of how much of its stream a player has not received yet."),
    [METRICS_LOOP_LAG] = TIMES("millrace_loop_lag_seconds", NULL, loop_bounds,
                               "Samples of how late the event loop runs a timer."),
    [METRICS_SCRAPES] = SERVER("millrace_scrapes_total", METRICS_COUNTER, NULL,
                               "Answers with metrics so far, not counting this one."),
    [METRICS_SCRAPE_TIME] = {"millrace_scrape_loop_seconds_total", METRICS_COUNTER, METRICS_TIME,
                             METRICS_AT_SERVER, NULL, NULL,
                             "Time of the event loop that these answers took."},
    [METRICS_QOE_REFUSALS] = SERVER("millrace_qoe_refusals_total", METRICS_COUNTER, "reason",
                                    "Refused reports of player pages."),

    [METRICS_HOOK_CALLS] = SERVER("millrace_hook_calls_total", METRICS_COUNTER, "event",
                                  "Calls of callback servers; each try counts."),
    [METRICS_HOOK_FAILURES] =
        SERVER("millrace_hook_failures_total", METRICS_COUNTER, "event",
               "Calls without a usable answer: unreachable, timeout, too long, status 5xx."),
    [METRICS_HOOK_REFUSALS] = SERVER("millrace_hook_refusals_total", METRICS_COUNTER, "event",
                                     "Answers of callback servers that refuse a client."),
    [METRICS_HOOK_DROPS] =
        SERVER("millrace_hook_drops_total", METRICS_COUNTER, "event",
               "Clients refused because of max_calls, and events that were not delivered."),
    [METRICS_HOOK_TIME] = TIMES("millrace_hook_seconds", "event", wait_bounds,
                                "Time of a call of a callback server until its answer."),

    [METRICS_RECORDINGS] =
        SERVER("millrace_recordings", METRICS_GAUGE, NULL, "Recordings under way."),
    [METRICS_RECORD_FILES] =
        SERVER("millrace_recorded_files_total", METRICS_COUNTER, NULL, "Finished recordings."),
    [METRICS_RECORD_BYTES] = SERVER("millrace_recorded_bytes_total", METRICS_COUNTER, NULL,
                                    "Bytes written into recordings."),
    [METRICS_RECORD_FAILURES] =
        SERVER("millrace_recording_failures_total", METRICS_COUNTER, "reason",
               "Recordings that a disk has ended: it was full, too slow, or reported an error."),

    [METRICS_WORKER_STARTS] = WORKER("millrace_worker_starts_total", METRICS_COUNTER,
                                     METRICS_NUMBER, "How often the worker was started."),
    [METRICS_WORKER_CPU] = WORKER("millrace_worker_cpu_seconds_total", METRICS_COUNTER,
                                  METRICS_TIME, "Processor time of the worker."),
    [METRICS_WORKER_MEMORY] = WORKER("millrace_worker_memory_bytes", METRICS_GAUGE, METRICS_NUMBER,
                                     "Resident memory of the worker."),
    [METRICS_WORKER_CONNECTIONS] = WORKER("millrace_worker_connections", METRICS_GAUGE,
                                          METRICS_NUMBER, "Connections of the worker."),
    [METRICS_WORKER_CLIENTS] = WORKER("millrace_worker_clients", METRICS_GAUGE, METRICS_NUMBER,
                                      "Publishers and players of the worker."),

    [METRICS_STREAM_PUBLISHED] = STREAM("millrace_stream_published", METRICS_GAUGE, METRICS_NUMBER,
                                        "1 while the stream has a publisher; other: how many."),
    [METRICS_STREAM_VIEWERS] = STREAM("millrace_stream_viewers", METRICS_GAUGE, METRICS_NUMBER,
                                      "Players of the stream by format."),
    [METRICS_STREAM_PUBLISHES] = STREAM("millrace_stream_publishes_total", METRICS_COUNTER,
                                        METRICS_NUMBER, "How often the stream was published."),
    [METRICS_STREAM_RECEIVE_BYTES] = STREAM("millrace_stream_receive_bytes_total", METRICS_COUNTER,
                                            METRICS_NUMBER, "Bytes received from its publishers."),
    [METRICS_STREAM_SEND_BYTES] = STREAM("millrace_stream_send_bytes_total", METRICS_COUNTER,
                                         METRICS_NUMBER, "Bytes sent to its players."),
    [METRICS_STREAM_FRAMES] = STREAM("millrace_stream_frames_total", METRICS_COUNTER,
                                     METRICS_NUMBER, "Messages received from its publishers."),
    [METRICS_STREAM_DROPPED] = STREAM("millrace_stream_dropped_frames_total", METRICS_COUNTER,
                                      METRICS_NUMBER, "Received messages that were dropped."),
    [METRICS_STREAM_GAPS] =
        STREAM("millrace_stream_gaps_total", METRICS_COUNTER, METRICS_NUMBER,
               "How often a publisher left and another one continued for the same players."),
    [METRICS_STREAM_GAP_TIME] = STREAM("millrace_stream_gap_seconds_total", METRICS_COUNTER,
                                       METRICS_TIME, "Time in these gaps."),
    [METRICS_STREAM_JUMPS] =
        STREAM("millrace_stream_keyframe_jumps_total", METRICS_COUNTER, METRICS_NUMBER,
               "How often a player that was too slow continued at the newest keyframe."),
    [METRICS_STREAM_REPAIRS] =
        STREAM("millrace_stream_timestamp_repairs_total", METRICS_COUNTER, METRICS_NUMBER,
               "Received timestamps that did not fit the timeline and were changed."),

    [METRICS_QOE_REPORTS] = QOE("millrace_qoe_reports_total", METRICS_NUMBER,
                                "Reports of player pages about the stream."),
    [METRICS_QOE_WATCHED] = QOE("millrace_qoe_watched_seconds_total", METRICS_TIME,
                                "Time that player pages played the stream."),
    [METRICS_QOE_STALLS] =
        QOE("millrace_qoe_stalls_total", METRICS_NUMBER, "How often playback stalled."),
    [METRICS_QOE_STALLED] = QOE("millrace_qoe_stalled_seconds_total", METRICS_TIME,
                                "Time during which playback was stalled."),
    [METRICS_QOE_FRAMES] =
        QOE("millrace_qoe_frames_total", METRICS_NUMBER, "Video frames that player pages decoded."),
    [METRICS_QOE_DROPPED] = QOE("millrace_qoe_dropped_frames_total", METRICS_NUMBER,
                                "Video frames that browsers did not show in time."),
    [METRICS_QOE_ERRORS] =
        QOE("millrace_qoe_errors_total", METRICS_NUMBER, "Playback errors and lost connections."),
    [METRICS_QOE_STARTUP] = QOE_TIMES("millrace_qoe_startup_seconds", wait_bounds,
                                      "Time from opening a stream to its first video or audio."),
    [METRICS_QOE_LATENCY] = QOE_TIMES("millrace_qoe_latency_seconds", latency_bounds,
                                      "Distance of what is shown from the live edge."),
    [METRICS_QOE_TRUE_LATENCY] =
        QOE_TIMES("millrace_qoe_true_latency_seconds", latency_bounds,
                  "Age of what is shown, from the time stamps of play { stamp on; }."),
};

const struct metrics_row *metrics_table_row(enum metrics_id id)
{
    assert(id < METRICS_IDS);
    return &rows[id];
}

uint64_t metrics_table_kind(size_t block_size)
{
    uint64_t kind = shared_memory_kind(METRICS_IDS, block_size);

    for (int i = 0; i < METRICS_IDS; i++) {
        kind = shared_memory_kind(kind, (uint64_t)rows[i].type);
        for (const char *at = rows[i].name; *at != '\0'; at++)
            kind = shared_memory_kind(kind, (uint8_t)*at);
        for (int j = 0; rows[i].bounds != NULL && rows[i].bounds[j] != 0; j++)
            kind = shared_memory_kind(kind, (uint64_t)rows[i].bounds[j]);
    }
    return kind;
}
