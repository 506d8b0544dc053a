#ifndef APP_CONFIG_CONFIG_H
#define APP_CONFIG_CONFIG_H

/*
 * The configuration as the server reads it: plain structs, filled by one table (config_table.h)
 * with one row per directive. A snapshot is immutable; a reload creates a new one. Shared by
 * reference count.
 */
#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "base/opener.h"

#include <stddef.h>

#define CONFIG_LISTEN_MAX  16
#define CONFIG_MOUNT_MAX   8
#define CONFIG_VHOST_MAX   256
#define CONFIG_RULES_MAX   128 /* words of a vhost's allow, or deny, rules */
#define CONFIG_FRAME_MAX   16
#define CONFIG_DOMAIN_MAX  64
#define CONFIG_KEY_MAX     2 /* the new one and the old one */
#define CONFIG_STRING_MAX  512
#define CONFIG_ORIGIN_MAX  16
#define CONFIG_SOURCE_MAX  64 /* words of http_pull's sources: name and address of each */
#define CONFIG_WORKERS_MAX 64
/* Of all generations: an upgrade starts new workers beside the old ones. */
#define CONFIG_PROCESSES_MAX (2 * CONFIG_WORKERS_MAX)
#define CONFIG_PLACE_MAX     4   /* words of advertise */
#define CONFIG_PROXY_MAX     64  /* trusted addresses and networks */
#define CONFIG_HOOK_MAX      8   /* addresses of one callback */
#define CONFIG_LADDER_MAX    128 /* words of a vhost's ladders */
#define CONFIG_DVR_MAX       64  /* streams of dvr_apply */
#define CONFIG_DVR_PATH      "./objs/nginx/html/[app]/[stream].[timestamp].flv" /* of dvr_path */

struct config_strings {
    int count;
    char **item; /* owned by the snapshot */
};

struct config_https {
    int enabled;
    struct config_strings listen; /* "8088" */
    int proxy_protocol;
    int http2;
    const char *key, *cert;
};

/* Streams of other servers at one address: "source NAME URL". */
struct config_http_pull {
    int enabled;
    const char *mount;
    struct config_strings source; /* name, address, name, address, … */
};

struct config_http_server {
    int enabled;
    struct config_strings listen; /* default one entry "8080" */
    int proxy_protocol;
    const char *dir;
    int crossdomain;
    struct config_strings frame_ancestors;
    struct config_https https;
    struct config_http_pull http_pull;
};

/* RTMP over TLS. */
struct config_rtmps {
    int enabled;
    struct config_strings listen; /* "1443" */
    int proxy_protocol;
    const char *key, *cert;
};

/* A user name and a password. */
struct config_api_auth {
    int enabled;
    const char *username;
    struct config_strings password; /* one, or none */
};

/* What may be asked of raw?rpc=. */
struct config_api_raw {
    int enabled;
    int allow_reload, allow_query, allow_update;
};

struct config_http_api {
    int enabled;
    int open;
    struct config_strings listen;
    int proxy_protocol;
    int crossdomain;
    int jsonp;
    int list; /* the public list of streams for the player page */
    struct config_api_auth auth;
    struct config_https https;
    struct config_api_raw raw_api;
    int qoe;
};

/* Metrics for Prometheus. */
struct config_exporter {
    int enabled;
    struct config_strings listen; /* "9972" */
    const char *label, *tag;      /* "": none */
    int64_t streams;
};

struct config_heartbeat {
    int enabled;
    usec_t interval;
    const char *url;
    const char *device_id;
    const char *ip; /* "": of the first network interface */
    int summaries, ports;
};

struct config_http_remux {
    int enabled;
    struct config_strings mount; /* default: one entry "[vhost]/[app]/[stream].flv" */
    int64_t fast_cache_s;
    int64_t rewind_s, rewind_max_bytes;
    int hstrs;
    int has_audio, has_video, guess_has_av, drop_if_not_match;
    usec_t standby_timeout; /* 0: no limit */
    usec_t republish_wait;
};

struct config_play {
    int gop_cache;
    int64_t gop_cache_max_frames;
    int64_t gop_cache_max_bytes;
    usec_t queue_length;
    usec_t mw_latency; /* -1: auto */
    int64_t mw_msgs;
    usec_t send_min_interval;
    int audio_wait, stamp;
    int time_jitter; /* enum time_jitter */
    int atc, atc_auto, mix_correct, reduce_sequence_header;
};

enum config_takeover { TAKEOVER_REJECT, TAKEOVER_REPLACE, TAKEOVER_REPLACE_SAME_TOKEN };

struct config_publish {
    usec_t firstpkt_timeout, normal_timeout, kickoff_for_idle;
    int mr;
    usec_t mr_latency;
    int takeover;
    int repair;
    int http; /* also by POST and PUT */
};

struct config_http_static {
    int enabled;
    const char *mount, *dir;
};

/* Words of rules: "publish" or "play", then its subjects: "all", addresses, networks. */
struct config_security {
    int enabled;
    struct config_strings allow, deny;
};

/* Domains of pages; "none": a client that names no page. */
struct config_refer {
    int enabled;
    struct config_strings all, publish, play;
};

/* Signed addresses (proto/token.h): each of the keys is valid for the enabled actions. */
struct config_token {
    int enabled;
    int publish, play;
    struct config_strings key;
};

enum config_cluster_mode { CLUSTER_LOCAL, CLUSTER_REMOTE };

/* The origins of an edge's streams. */
struct config_cluster {
    int mode;                     /* enum config_cluster_mode */
    int protocol;                 /* enum origin_scheme */
    struct config_strings origin; /* "host:port" */
    struct config_strings publish_origin;
    int token_traverse;
    int follow_client;
    const char *vhost; /* "[vhost]" or a name */
    const char *ca;
    usec_t stall_timeout;
    const char *directory; /* "redis://…", may contain a password; "": none */
    struct config_strings advertise;
    usec_t lease;
    int redirect;
    int origin_cluster;
    struct config_strings coworkers; /* "host:port" of their APIs */
    struct config_strings peers;     /* as in trusted_proxies */
    struct config_strings secret;    /* the first one signs, all are accepted */
};

struct config_forward {
    int enabled;
    struct config_strings destination;
    const char *backend; /* "": none */
    const char *ca;
};

/* The events for which an operator's server is called. */
enum config_hook {
    CONFIG_ON_CONNECT,
    CONFIG_ON_CLOSE,
    CONFIG_ON_PUBLISH,
    CONFIG_ON_UNPUBLISH,
    CONFIG_ON_PLAY,
    CONFIG_ON_STOP,
    CONFIG_ON_DVR,
    CONFIG_ON_HLS,
    CONFIG_ON_DEMAND,
    CONFIG_ON_IDLE,
    CONFIG_HOOK_COUNT
};

struct config_http_hooks {
    int enabled;
    struct config_strings on[CONFIG_HOOK_COUNT]; /* http and https addresses */
    usec_t idle_time;                            /* of on_idle */
    usec_t timeout;                              /* of one call */
    int64_t max_calls;                           /* that clients wait for */
    int64_t max_queue;                           /* undelivered events of one address */
    usec_t retry_time;                           /* how long an event is worth another try */
    struct config_strings secret;                /* one, or none */
    const char *ca;
};

enum config_dvr_plan { DVR_SESSION, DVR_SEGMENT };

/* Recording into files. */
struct config_dvr {
    int enabled;
    struct config_strings apply; /* "all", or "app/stream" */
    const char *path;            /* app/record/record_path.h */
    int plan;                    /* enum config_dvr_plan */
    usec_t duration;             /* of a segment */
    int wait_keyframe;
    int time_jitter; /* enum time_jitter */
};

/* Playlists and segments (HLS). */
struct config_hls {
    int enabled;
    usec_t fragment, window;
    usec_t part; /* 0: no parts */
    int64_t max_bytes;
};

struct config_vhost {
    const char *name;
    int enabled;
    int min_latency;
    int tcp_nodelay;
    int64_t chunk_size; /* 0: the global value */
    int64_t out_ack_size, in_ack_size;
    struct config_strings ladder; /* app/config/ladder.h */
    struct config_play play;
    struct config_publish publish;
    struct config_http_remux http_remux;
    struct config_http_static http_static;
    struct config_security security;
    struct config_refer refer;
    struct config_token token;
    struct config_cluster cluster;
    struct config_forward forward;
    struct config_http_hooks http_hooks;
    struct config_dvr dvr;
    struct config_hls hls;
};

struct config {
    struct config_strings listen; /* RTMP; default "1935" */
    int proxy_protocol;           /* RTMP */
    struct config_strings trusted_proxies;
    const char *tcp_congestion; /* "": the system's */
    usec_t tcp_retransmit_max;  /* the longest pause between two retransmissions */
    int64_t tcp_pacing;         /* bytes per second; 0: no limit */
    int64_t public_rtmp_port;   /* 0: the port of listen */
    int64_t max_connections;
    int64_t max_connections_per_ip; /* 0: no separate limit; -1: auto */
    int64_t max_viewers, max_publishers, max_waiters, max_api_connections; /* 0: auto */
    int64_t max_streams;
    int64_t max_pulls;
    int64_t max_memory;    /* 0: four fifths of the available memory */
    int64_t workers;       /* 0: auto */
    usec_t worker_timeout; /* 0: no timeout */
    int64_t chunk_size;
    int64_t max_message;
    usec_t rtmp_handshake_timeout; /* default 10 s */
    usec_t http_header_timeout;    /* default 10 s */
    usec_t http_idle_timeout;      /* default 60 s */
    int daemon;
    const char *pid;
    const char *work_dir;
    struct config_strings user; /* name and group; empty: no change */
    int sandbox;
    int asprocess;
    int utc_time;
    int inotify_auto_reload;
    int log_to_file; /* srs_log_tank file */
    int log_level;   /* enum log_level */
    int64_t log_peer_lines;
    const char *log_file;
    usec_t grace_start_wait, grace_final_wait;
    usec_t upgrade_timeout; /* 0: none */
    int upgrade;
    int force_grace_quit;
    struct config_strings grace_redirect, grace_redirect_rtmp;
    const char *server_id;
    int in_docker;
    int disable_daemon_for_docker;
    struct config_rtmps rtmps;
    int ktls;
    struct config_http_server http_server;
    struct config_http_api http_api;
    struct config_exporter exporter;
    struct config_heartbeat heartbeat;
    int vhost_count;
    struct config_vhost **vhost; /* the first is __defaultVhost__, created if absent */
};

struct config_options {
    const char *file;                    /* -c; NULL with -e */
    int test_only;                       /* -t */
    int env_only;                        /* -e */
    const char *diff;                    /* --diff: "", a process id, or a file; NULL: not given */
    int show_version;                    /* -v */
    int show_help;                       /* -h */
    int show_table_conf, show_table_doc; /* --full-conf, --doc */
    struct opener opener;                /* for files that this process may not open */
};

/* Fills options from the command line (argv is borrowed). ERR_CONFIG with the reason. */
struct err *config_options_parse(struct config_options *options, int argc, char **argv);
/* SRS's variables for the same, which win: SRS_ENV_ONLY is -e, SRS_CONFIG_FILE is -c (the text is
 * borrowed). */
#define CONFIG_ENV_ONLY "SRS_ENV_ONLY"
#define CONFIG_ENV_FILE "SRS_CONFIG_FILE"
void config_options_environment(struct config_options *options, char **environment);
/* The text of -h. */
const char *config_usage(void);

/*
 * Reads file and environment (environ-style array). Collects warnings (directives of SRS that this
 * server does not support), which config_warnings_log() logs by file and line.
 */
struct err *config_load(const struct config_options *options, char **environment,
                        struct config **out);
void config_warnings_log(const struct config *config, const struct log *log);

/* The same from a source (app/config/config_source.h), which is taken over. */
struct config_source;
struct err *config_load_source(struct config_source *source, struct config **out);
/* What it was loaded from; lives as long as the snapshot. */
const struct config_source *config_source_of(const struct config *config);

/* Adds a reference to the snapshot, which config_unref() drops; the last one frees it. NULL may be
 * unref'd. */
struct config *config_ref(struct config *config);
void config_unref(struct config *config);

/* The vhost with this name, else __defaultVhost__; NULL if the found vhost is disabled. */
const struct config_vhost *config_vhost_find(const struct config *config, const char *name);

/* The maximum size of each text below. */
#define CONFIG_TEXT_MAX (4 * 1024 * 1024)

/* Appends the effective configuration: every directive, in a form that can be loaded. 0 or -1. */
struct buf;
int config_dump(const struct config *config, struct buf *out) ERR_MUST_CHECK;
/* Appends conf/full.conf or doc/configuration.md, generated from the table. */
int config_table_conf(struct buf *out) ERR_MUST_CHECK;
int config_table_doc(struct buf *out) ERR_MUST_CHECK;

#endif
