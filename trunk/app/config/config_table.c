/*
 * The table of all directives (doc/style.md, "Configuration and formats"). To add a directive: a
 * field in app/config/config.h and a row here; then run the two commands that write conf/full.conf
 * and doc/configuration.md, which a test compares with the table. Names, units and most defaults
 * are those of SRS. The `env` column follows a rule (SRS_ and the path in upper case) and is
 * written out so that it can be searched for; a test checks the rule.
 */
#include "app/config/config_table.h"

#include <assert.h>
#include <string.h>

static const char *const log_tanks[] = {"console", "file", NULL};
static const char *const jitters[] = {"full", "zero", "off", NULL};
static const char *const modes[] = {"local", "remote", NULL};
static const char *const protocols[] = {"rtmp", "flv", "flvs", NULL};
static const char *const takeovers[] = {"reject", "replace", "replace_same_token", NULL};

#define ROOT(field)   CONFIG_AT_ROOT, offsetof(struct config, field)
#define RTMPS(field)  CONFIG_AT_RTMPS, offsetof(struct config, rtmps.field)
#define HTTP(field)   CONFIG_AT_HTTP_SERVER, offsetof(struct config, http_server.field)
#define HTTPS(field)  CONFIG_AT_HTTPS, offsetof(struct config, http_server.https.field)
#define API(field)    CONFIG_AT_HTTP_API, offsetof(struct config, http_api.field)
#define VHOST(field)  CONFIG_AT_VHOST, offsetof(struct config_vhost, field)
#define PLAY(field)   CONFIG_AT_PLAY, offsetof(struct config_vhost, play.field)
#define PUB(field)    CONFIG_AT_PUBLISH, offsetof(struct config_vhost, publish.field)
#define REMUX(field)  CONFIG_AT_HTTP_REMUX, offsetof(struct config_vhost, http_remux.field)
#define STATIC(field) CONFIG_AT_HTTP_STATIC, offsetof(struct config_vhost, http_static.field)
#define RULE(field)   CONFIG_AT_SECURITY, offsetof(struct config_vhost, security.field)
#define REFER(field)  CONFIG_AT_REFER, offsetof(struct config_vhost, refer.field)
#define TOKEN(field)  CONFIG_AT_TOKEN, offsetof(struct config_vhost, token.field)

#define PULL(field)    CONFIG_AT_HTTP_PULL, offsetof(struct config, http_server.http_pull.field)
#define CLUSTER(field) CONFIG_AT_CLUSTER, offsetof(struct config_vhost, cluster.field)
#define FORWARD(field) CONFIG_AT_FORWARD, offsetof(struct config_vhost, forward.field)

#define RESTART CONFIG_AT_START
#define RELOAD  CONFIG_AT_RELOAD

/* The values of a row without a range, and of a row without choices. */
#define NO_RANGE   0, 0
#define NO_CHOICES NULL

#define KIB ((int64_t)1024)
#define MIB (1024 * KIB)
#define GIB (1024 * MIB)

#define HOUR_MS (3600 * (int64_t)1000)

/* clang-format off */
static const struct config_row rows[] = {
    {"listen", ROOT(listen), CONFIG_ENDPOINTS, "1935", 1, CONFIG_LISTEN_MAX, NO_CHOICES,
     "SRS_LISTEN", RELOAD,
     "Addresses that accept RTMP; repeatable. A port alone: IPv4 and IPv6."},
    {"public_rtmp_port", ROOT(public_rtmp_port), CONFIG_INT, "0", 0, 65535, NO_CHOICES,
     "SRS_PUBLIC_RTMP_PORT", RELOAD,
     "RTMP port that the player page shows, when a proxy or a container publishes another one; "
     "0: the port of listen."},
    {"proxy_protocol", ROOT(proxy_protocol), CONFIG_SWITCH, "off", NO_RANGE, NO_CHOICES,
     "SRS_PROXY_PROTOCOL", RELOAD,
     "Expect a PROXY header (version 1 or 2) from trusted_proxies on these addresses."},
    {"trusted_proxies", ROOT(trusted_proxies), CONFIG_NETWORKS, "", 0, CONFIG_PROXY_MAX, NO_CHOICES,
     "SRS_TRUSTED_PROXIES", RELOAD,
     "Proxies in front of this server. The client address in a PROXY header, X-Forwarded-For or "
     "X-Real-IP is accepted from them only. See [behind a proxy](behind-a-proxy.md)."},
    {"max_connections", ROOT(max_connections), CONFIG_INT, "1000", 1, 1000000, NO_CHOICES,
     "SRS_MAX_CONNECTIONS", RELOAD,
     "Limit of connections of all kinds. One more replaces the oldest that neither plays nor publishes, or "
     "the oldest viewer that waits for a stream; otherwise it is refused."},
    {"max_connections_per_ip", ROOT(max_connections_per_ip), CONFIG_INT_AUTO, "auto", 0, 1000000,
     NO_CHOICES, "SRS_MAX_CONNECTIONS_PER_IP", RELOAD,
     "Limit of connections per address (IPv6: per /64). auto: half of max_connections, without limit for "
     "127.0.0.1 and ::1; 0: no limit. See [limits](limits.md)."},
    {"max_viewers", ROOT(max_viewers), CONFIG_INT_AUTO, "auto", 1, 1000000, NO_CHOICES,
     "SRS_MAX_VIEWERS", RELOAD,
     "Limit of viewers, including viewers that wait for a stream; auto: 31/32 of max_connections."},
    {"max_publishers", ROOT(max_publishers), CONFIG_INT_AUTO, "auto", 1, 1000000, NO_CHOICES,
     "SRS_MAX_PUBLISHERS", RELOAD,
     "Limit of publishers; auto: three quarters of max_connections."},
    {"max_waiters", ROOT(max_waiters), CONFIG_INT_AUTO, "auto", 1, 1000000, NO_CHOICES,
     "SRS_MAX_WAITERS", RELOAD,
     "Limit of viewers that wait for a stream that is not published. One more replaces the oldest. "
     "auto: three quarters of max_connections."},
    {"max_api_connections", ROOT(max_api_connections), CONFIG_INT_AUTO, "auto", 1, 1000000, NO_CHOICES,
     "SRS_MAX_API_CONNECTIONS", RELOAD,
     "Limit of connections to an address that serves only http_api. One more replaces the oldest. auto: "
     "an eighth of max_connections, at least 16."},
    {"max_streams", ROOT(max_streams), CONFIG_INT, "10000", 1, 1000000, NO_CHOICES,
     "SRS_MAX_STREAMS", RELOAD,
     "Limit of published streams."},
    {"max_pulls", ROOT(max_pulls), CONFIG_INT, "2000", 1, 1000000, NO_CHOICES,
     "SRS_MAX_PULLS", RELOAD,
     "Limit of streams pulled from other servers. One more replaces the oldest pull that still waits "
     "for its stream."},
    {"max_memory", ROOT(max_memory), CONFIG_SIZE, "0", 0, 1024 * GIB, NO_CHOICES,
     "SRS_MAX_MEMORY", RELOAD,
     "Memory limit for all processes of the server together; 0: 80 % of the machine's or control group's. "
     "See [deployment](deployment.md#memory)."},
    {"workers", ROOT(workers), CONFIG_INT_AUTO, "1", 1, CONFIG_WORKERS_MAX, NO_CHOICES,
     "SRS_WORKERS", RESTART,
     "Worker processes; auto: one per processor. See [workers](workers.md)."},
    {"worker_timeout", ROOT(worker_timeout), CONFIG_MS, "5000", 0, HOUR_MS, NO_CHOICES,
     "SRS_WORKER_TIMEOUT", RELOAD,
     "Replace a worker whose event loop has not run for this long; 0: never."},
    {"chunk_size", ROOT(chunk_size), CONFIG_INT, "60000", 128, 65536, NO_CHOICES,
     "SRS_CHUNK_SIZE", RELOAD,
     "Size of outgoing RTMP chunks."},
    {"max_message", ROOT(max_message), CONFIG_SIZE, "16m", 64 * KIB, 256 * MIB, NO_CHOICES,
     "SRS_MAX_MESSAGE", RELOAD,
     "Maximum size of an incoming RTMP message."},
    {"rtmp_handshake_timeout", ROOT(rtmp_handshake_timeout), CONFIG_MS, "10000", 10, HOUR_MS, NO_CHOICES,
     "SRS_RTMP_HANDSHAKE_TIMEOUT", RELOAD,
     "Timeout of the RTMP handshake."},
    {"http_header_timeout", ROOT(http_header_timeout), CONFIG_MS, "10000", 10, HOUR_MS, NO_CHOICES,
     "SRS_HTTP_HEADER_TIMEOUT", RELOAD,
     "Timeout for the complete header of an HTTP request."},
    {"http_idle_timeout", ROOT(http_idle_timeout), CONFIG_MS, "60000", 10, 24 * HOUR_MS, NO_CHOICES,
     "SRS_HTTP_IDLE_TIMEOUT", RELOAD,
     "Timeout of an idle HTTP keep-alive connection."},
    {"daemon", ROOT(daemon), CONFIG_SWITCH, "off", NO_RANGE, NO_CHOICES,
     "SRS_DAEMON", RESTART,
     "Run in the background."},
    {"in_docker", ROOT(in_docker), CONFIG_SWITCH, "off", NO_RANGE, NO_CHOICES,
     "SRS_IN_DOCKER", RESTART,
     "Declare that the server runs in a container, if it cannot detect this itself."},
    {"disable_daemon_for_docker", ROOT(disable_daemon_for_docker), CONFIG_SWITCH, "on", NO_RANGE,
     NO_CHOICES, "SRS_DISABLE_DAEMON_FOR_DOCKER", RESTART,
     "Stay in the foreground in a container, even when daemon is on."},
    {"pid", ROOT(pid), CONFIG_STRING, "", NO_RANGE, NO_CHOICES,
     "SRS_PID", RESTART,
     "File with the process id; prevents a second instance. Empty: none, but ./objs/millrace.pid when "
     "daemon is on."},
    {"work_dir", ROOT(work_dir), CONFIG_STRING, "./", NO_RANGE, NO_CHOICES,
     "SRS_WORK_DIR", RESTART,
     "Working directory; all other paths are relative to it."},
    {"asprocess", ROOT(asprocess), CONFIG_SWITCH, "off", NO_RANGE, NO_CHOICES,
     "SRS_ASPROCESS", RESTART,
     "Exit when the parent process exits; cannot be combined with daemon."},
    {"utc_time", ROOT(utc_time), CONFIG_SWITCH, "off", NO_RANGE, NO_CHOICES,
     "SRS_UTC_TIME", RELOAD,
     "Log in UTC instead of local time."},
    {"srs_log_tank", ROOT(log_to_file), CONFIG_CHOICE, "console", NO_RANGE, log_tanks,
     "SRS_LOG_TANK", RELOAD,
     "Log destination. Default when daemon is on: file."},
    {"srs_log_level", ROOT(log_level), CONFIG_LOG_LEVEL, "info", NO_RANGE, NO_CHOICES,
     "SRS_LOG_LEVEL", RELOAD,
     "Log level."},
    {"log_peer_lines", ROOT(log_peer_lines), CONFIG_INT, "50", 0, 1000000, NO_CHOICES,
     "SRS_LOG_PEER_LINES", RELOAD,
     "Limit of log lines of one kind per address in 10 seconds (refusals, malformed requests). Further "
     "lines are counted and reported in one line. 0: no limit."},
    {"srs_log_file", ROOT(log_file), CONFIG_STRING, "./objs/millrace.log", NO_RANGE, NO_CHOICES,
     "SRS_LOG_FILE", RELOAD,
     "Log file when srs_log_tank is file; SIGUSR1 reopens it."},
    {"grace_start_wait", ROOT(grace_start_wait), CONFIG_MS, "2300", 0, HOUR_MS, NO_CHOICES,
     "SRS_GRACE_START_WAIT", RELOAD,
     "At SIGQUIT: wait this long before the listeners close."},
    {"grace_final_wait", ROOT(grace_final_wait), CONFIG_MS, "3200", 0, HOUR_MS, NO_CHOICES,
     "SRS_GRACE_FINAL_WAIT", RELOAD,
     "At SIGQUIT: wait this long after the last connection."},
    {"force_grace_quit", ROOT(force_grace_quit), CONFIG_SWITCH, "off", NO_RANGE, NO_CHOICES,
     "SRS_FORCE_GRACE_QUIT", RELOAD,
     "Treat SIGTERM like SIGQUIT (graceful stop)."},
    {"grace_redirect", ROOT(grace_redirect), CONFIG_ORIGINS, "", 0, CONFIG_ORIGIN_MAX, NO_CHOICES,
     "SRS_GRACE_REDIRECT", RELOAD,
     "Servers (host or host:port) to which a draining server redirects viewers with 302, in turn. "
     "Without a port, and over TLS: the port that the viewer used."},
    {"grace_redirect_rtmp", ROOT(grace_redirect_rtmp), CONFIG_ORIGINS, "", 0, CONFIG_ORIGIN_MAX,
     NO_CHOICES, "SRS_GRACE_REDIRECT_RTMP", RELOAD,
     "The same for RTMP clients. Empty: the hosts of grace_redirect, at the port that the client used."},
    {"server_id", ROOT(server_id), CONFIG_STRING, "", NO_RANGE, NO_CHOICES,
     "SRS_SERVER_ID", RESTART,
     "Name of this server in the API and in a cluster; empty: generated once and kept in a file (see "
     "[deployment](deployment.md#server_id))."},

    {"ktls", ROOT(ktls), CONFIG_SWITCH, "off", NO_RANGE, NO_CHOICES,
     "SRS_KTLS", RELOAD,
     "Use kernel TLS for sending where available (module tls)."},

    {"enabled", RTMPS(enabled), CONFIG_SWITCH, "off", NO_RANGE, NO_CHOICES,
     "SRS_RTMPS_ENABLED", RELOAD,
     "Enable RTMPS."},
    {"listen", RTMPS(listen), CONFIG_ENDPOINTS, "1443", 1, CONFIG_LISTEN_MAX, NO_CHOICES,
     "SRS_RTMPS_LISTEN", RELOAD,
     "Addresses that accept RTMPS; repeatable. A port alone: IPv4 and IPv6."},
    {"proxy_protocol", RTMPS(proxy_protocol), CONFIG_SWITCH, "off", NO_RANGE, NO_CHOICES,
     "SRS_RTMPS_PROXY_PROTOCOL", RELOAD,
     "Expect a PROXY header from trusted_proxies on these addresses, before the TLS handshake."},
    {"key", RTMPS(key), CONFIG_STRING, "./conf/server.key", NO_RANGE, NO_CHOICES,
     "SRS_RTMPS_KEY", RELOAD,
     "Private key (PEM); reloaded when the file changes."},
    {"cert", RTMPS(cert), CONFIG_STRING, "./conf/server.crt", NO_RANGE, NO_CHOICES,
     "SRS_RTMPS_CERT", RELOAD,
     "Certificate with its chain (PEM); reloaded when the file changes."},

    {"enabled", HTTP(enabled), CONFIG_SWITCH, "off", NO_RANGE, NO_CHOICES,
     "SRS_HTTP_SERVER_ENABLED", RELOAD,
     "Enable HTTP."},
    {"listen", HTTP(listen), CONFIG_ENDPOINTS, "8080", 1, CONFIG_LISTEN_MAX, NO_CHOICES,
     "SRS_HTTP_SERVER_LISTEN", RELOAD,
     "Addresses that accept HTTP; repeatable. A port alone: IPv4 and IPv6."},
    {"proxy_protocol", HTTP(proxy_protocol), CONFIG_SWITCH, "off", NO_RANGE, NO_CHOICES,
     "SRS_HTTP_SERVER_PROXY_PROTOCOL", RELOAD,
     "Expect a PROXY header from trusted_proxies on these addresses."},
    {"dir", HTTP(dir), CONFIG_STRING, "./objs/nginx/html", NO_RANGE, NO_CHOICES,
     "SRS_HTTP_SERVER_DIR", RELOAD,
     "Directory of static files."},
    {"crossdomain", HTTP(crossdomain), CONFIG_SWITCH, "on", NO_RANGE, NO_CHOICES,
     "SRS_HTTP_SERVER_CROSSDOMAIN", RELOAD,
     "Allow pages of other sites to fetch (CORS) and to open WebSockets. off: WebSockets only from pages of "
     "this host and from clients that are not browsers."},
    {"frame_ancestors", HTTP(frame_ancestors), CONFIG_FRAMES, "self", 1, CONFIG_FRAME_MAX, NO_CHOICES,
     "SRS_HTTP_SERVER_FRAME_ANCESTORS", RELOAD,
     "Sites that may embed pages of this server, such as the player, in a frame: self, none, * or "
     "sites such as https://example.com."},

    {"enabled", HTTPS(enabled), CONFIG_SWITCH, "off", NO_RANGE, NO_CHOICES,
     "SRS_HTTP_SERVER_HTTPS_ENABLED", RELOAD,
     "Enable HTTPS."},
    {"listen", HTTPS(listen), CONFIG_ENDPOINTS, "8088", 1, CONFIG_LISTEN_MAX, NO_CHOICES,
     "SRS_HTTP_SERVER_HTTPS_LISTEN", RELOAD,
     "Addresses that accept HTTPS; repeatable. A port alone: IPv4 and IPv6."},
    {"proxy_protocol", HTTPS(proxy_protocol), CONFIG_SWITCH, "off", NO_RANGE, NO_CHOICES,
     "SRS_HTTP_SERVER_HTTPS_PROXY_PROTOCOL", RELOAD,
     "Expect a PROXY header from trusted_proxies on these addresses, before the TLS handshake."},
    {"key", HTTPS(key), CONFIG_STRING, "./conf/server.key", NO_RANGE, NO_CHOICES,
     "SRS_HTTP_SERVER_HTTPS_KEY", RELOAD,
     "Private key (PEM); reloaded when the file changes."},
    {"cert", HTTPS(cert), CONFIG_STRING, "./conf/server.crt", NO_RANGE, NO_CHOICES,
     "SRS_HTTP_SERVER_HTTPS_CERT", RELOAD,
     "Certificate with its chain (PEM); reloaded when the file changes."},

    {"enabled", PULL(enabled), CONFIG_SWITCH, "off", NO_RANGE, NO_CHOICES,
     "SRS_HTTP_SERVER_HTTP_PULL_ENABLED", RELOAD,
     "Enable this address, which takes app, stream and src from the query."},
    {"mount", PULL(mount), CONFIG_STRING, "/live", NO_RANGE, NO_CHOICES,
     "SRS_HTTP_SERVER_HTTP_PULL_MOUNT", RELOAD,
     "Path, as in /live?src=a&app=myapp&stream=test; without src the stream is local."},
    {"source", PULL(source), CONFIG_SOURCES, "", 0, CONFIG_SOURCE_MAX, NO_CHOICES,
     "SRS_HTTP_SERVER_HTTP_PULL_SOURCE", RELOAD,
     "A value of src and its server: rtmp://host:port, or the http address of nginx-http-flv; repeatable. "
     "Only listed servers are contacted."},

    {"enabled", API(enabled), CONFIG_SWITCH, "off", NO_RANGE, NO_CHOICES,
     "SRS_HTTP_API_ENABLED", RELOAD,
     "Enable the API."},
    {"open", API(open), CONFIG_SWITCH, "off", NO_RANGE, NO_CHOICES,
     "SRS_HTTP_API_OPEN", RELOAD,
     "Answer other machines, too. The API has no password: turn this on only where its port is protected. "
     "off: only public data is available to other machines."},
    {"listen", API(listen), CONFIG_ENDPOINTS, "1985", 1, CONFIG_LISTEN_MAX, NO_CHOICES,
     "SRS_HTTP_API_LISTEN", RELOAD,
     "Addresses of the API; may be an address of http_server. A port alone: IPv4 and IPv6."},
    {"proxy_protocol", API(proxy_protocol), CONFIG_SWITCH, "off", NO_RANGE, NO_CHOICES,
     "SRS_HTTP_API_PROXY_PROTOCOL", RELOAD,
     "Expect a PROXY header from trusted_proxies on these addresses."},
    {"crossdomain", API(crossdomain), CONFIG_SWITCH, "on", NO_RANGE, NO_CHOICES,
     "SRS_HTTP_API_CROSSDOMAIN", RELOAD,
     "Allow pages of other sites to call the API (CORS), without credentials; while open is off, only for "
     "public data."},

    {"enabled", VHOST(enabled), CONFIG_SWITCH, "on", NO_RANGE, NO_CHOICES,
     "SRS_VHOST_ENABLED", RELOAD,
     "Enable this vhost."},
    {"min_latency", VHOST(min_latency), CONFIG_SWITCH, "off", NO_RANGE, NO_CHOICES,
     "SRS_VHOST_MIN_LATENCY", RELOAD,
     "Send every frame immediately, regardless of mw_latency."},
    {"tcp_nodelay", VHOST(tcp_nodelay), CONFIG_SWITCH, "off", NO_RANGE, NO_CHOICES,
     "SRS_VHOST_TCP_NODELAY", RELOAD,
     "Let the kernel send small packets at once (TCP_NODELAY)."},
    {"chunk_size", VHOST(chunk_size), CONFIG_INT, "0", 0, 65536, NO_CHOICES,
     "SRS_VHOST_CHUNK_SIZE", RELOAD,
     "Size of the RTMP chunks that are sent; 0: the server's own chunk_size."},
    {"out_ack_size", VHOST(out_ack_size), CONFIG_SIZE, "2500000", 0, 2 * GIB - 1, NO_CHOICES,
     "SRS_VHOST_OUT_ACK_SIZE", RELOAD,
     "Acknowledgement window requested from RTMP peers, in bytes; 0: none."},
    {"in_ack_size", VHOST(in_ack_size), CONFIG_SIZE, "0", 0, 2 * GIB - 1, NO_CHOICES,
     "SRS_VHOST_IN_ACK_SIZE", RELOAD,
     "Acknowledge incoming data after this many bytes; 0: as the peer requests."},

    {"gop_cache", PLAY(gop_cache), CONFIG_SWITCH, "on", NO_RANGE, NO_CHOICES,
     "SRS_VHOST_PLAY_GOP_CACHE", RELOAD,
     "Start viewers at the last keyframe, so that video appears immediately."},
    {"gop_cache_max_frames", PLAY(gop_cache_max_frames), CONFIG_INT, "2500", 0, 1000000, NO_CHOICES,
     "SRS_VHOST_PLAY_GOP_CACHE_MAX_FRAMES", RELOAD,
     "Maximum number of frames in the GOP cache; 0: limited by gop_cache_max_bytes only."},
    {"gop_cache_max_bytes", PLAY(gop_cache_max_bytes), CONFIG_SIZE, "16m", 64 * KIB, GIB, NO_CHOICES,
     "SRS_VHOST_PLAY_GOP_CACHE_MAX_BYTES", RELOAD,
     "Maximum number of bytes kept of a stream, regardless of its bitrate."},
    {"queue_length", PLAY(queue_length), CONFIG_SECONDS, "30", 1, 3600, NO_CHOICES,
     "SRS_VHOST_PLAY_QUEUE_LENGTH", RELOAD,
     "How far a viewer may fall behind before it jumps to the newest keyframe."},
    {"mw_latency", PLAY(mw_latency), CONFIG_MS_AUTO, "auto", 0, 10000, NO_CHOICES,
     "SRS_VHOST_PLAY_MW_LATENCY", RELOAD,
     "Collect frames for this long into one write; auto: 0 for few viewers, up to 350 as the load grows."},
    {"mw_msgs", PLAY(mw_msgs), CONFIG_INT, "0", 0, 128, NO_CHOICES,
     "SRS_VHOST_PLAY_MW_MSGS", RELOAD,
     "Minimum number of frames per write; 0: mw_latency alone decides."},
    {"send_min_interval", PLAY(send_min_interval), CONFIG_MS, "0", 0, 10000, NO_CHOICES,
     "SRS_VHOST_PLAY_SEND_MIN_INTERVAL", RELOAD,
     "Minimum time between two writes to a viewer; 0: none."},
    {"time_jitter", PLAY(time_jitter), CONFIG_CHOICE, "full", NO_RANGE, jitters,
     "SRS_VHOST_PLAY_TIME_JITTER", RELOAD,
     "full: timestamps start at 0 and never step back; zero: they start at 0; off: as published."},
    {"atc", PLAY(atc), CONFIG_SWITCH, "off", NO_RANGE, NO_CHOICES,
     "SRS_VHOST_PLAY_ATC", RELOAD,
     "Keep the encoder's absolute timestamps."},
    {"atc_auto", PLAY(atc_auto), CONFIG_SWITCH, "off", NO_RANGE, NO_CHOICES,
     "SRS_VHOST_PLAY_ATC_AUTO", RELOAD,
     "Turn atc on when the metadata asks for it (bravo_atc)."},
    {"mix_correct", PLAY(mix_correct), CONFIG_SWITCH, "off", NO_RANGE, NO_CHOICES,
     "SRS_VHOST_PLAY_MIX_CORRECT", RELOAD,
     "Reorder audio and video by timestamp; delays up to ten frames."},
    {"reduce_sequence_header", PLAY(reduce_sequence_header), CONFIG_SWITCH, "off", NO_RANGE, NO_CHOICES,
     "SRS_VHOST_PLAY_REDUCE_SEQUENCE_HEADER", RELOAD,
     "Do not repeat a sequence header that has not changed."},

    {"firstpkt_timeout", PUB(firstpkt_timeout), CONFIG_MS, "20000", 10, HOUR_MS, NO_CHOICES,
     "SRS_VHOST_PUBLISH_FIRSTPKT_TIMEOUT", RELOAD,
     "Timeout for the first packet of a publisher."},
    {"normal_timeout", PUB(normal_timeout), CONFIG_MS, "5000", 10, HOUR_MS, NO_CHOICES,
     "SRS_VHOST_PUBLISH_NORMAL_TIMEOUT", RELOAD,
     "Timeout between later packets of a publisher."},
    {"kickoff_for_idle", PUB(kickoff_for_idle), CONFIG_SECONDS, "0", 0, 24 * 3600, NO_CHOICES,
     "SRS_VHOST_PUBLISH_KICKOFF_FOR_IDLE", RELOAD,
     "Disconnect a publisher after this long without viewers; 0: never."},
    {"mr", PUB(mr), CONFIG_SWITCH, "off", NO_RANGE, NO_CHOICES,
     "SRS_VHOST_PUBLISH_MR", RELOAD,
     "Read from publishers in larger pieces; adds latency."},
    {"mr_latency", PUB(mr_latency), CONFIG_MS, "350", 0, 10000, NO_CHOICES,
     "SRS_VHOST_PUBLISH_MR_LATENCY", RELOAD,
     "Maximum duration of such a piece; it also ends at 32 KB."},
    {"takeover", PUB(takeover), CONFIG_CHOICE, "reject", NO_RANGE, takeovers,
     "SRS_VHOST_PUBLISH_TAKEOVER", RELOAD,
     "A second publisher of a stream is refused, replaces the first, or replaces it only if its URL has the "
     "same parameters."},
    {"repair", PUB(repair), CONFIG_SWITCH, "on", NO_RANGE, NO_CHOICES,
     "SRS_VHOST_PUBLISH_REPAIR", RELOAD,
     "Repair H.264 and HEVC from encoders that send start codes instead of lengths, or empty NAL units."},

    {"enabled", REMUX(enabled), CONFIG_SWITCH, "off", NO_RANGE, NO_CHOICES,
     "SRS_VHOST_HTTP_REMUX_ENABLED", RELOAD,
     "Enable live streams over HTTP."},
    {"mount", REMUX(mount), CONFIG_MOUNTS, "[vhost]/[app]/[stream].flv", 1, CONFIG_MOUNT_MAX, NO_CHOICES,
     "SRS_VHOST_HTTP_REMUX_MOUNT", RELOAD,
     "URL template of a stream; the extension selects the format. Repeatable."},
    {"fast_cache", REMUX(fast_cache_s), CONFIG_INT, "0", 0, 600, NO_CHOICES,
     "SRS_VHOST_HTTP_REMUX_FAST_CACHE", RELOAD,
     "Seconds of audio sent immediately to viewers of audio-only formats; 0: none."},
    {"hstrs", REMUX(hstrs), CONFIG_SWITCH, "on", NO_RANGE, NO_CHOICES,
     "SRS_VHOST_HTTP_REMUX_HSTRS", RELOAD,
     "Let viewers wait for a stream that is not published yet; off: 404 immediately."},
    {"standby_timeout", REMUX(standby_timeout), CONFIG_MS, "30000", 0, 24 * HOUR_MS, NO_CHOICES,
     "SRS_VHOST_HTTP_REMUX_STANDBY_TIMEOUT", RELOAD,
     "How long viewers wait before 404 (RTMP: StreamNotFound); 0: no limit."},
    {"republish_wait", REMUX(republish_wait), CONFIG_MS, "15000", 0, 24 * HOUR_MS, NO_CHOICES,
     "SRS_VHOST_HTTP_REMUX_REPUBLISH_WAIT", RELOAD,
     "How long viewers stay connected after the publisher has left, in case it returns."},
    {"has_audio", REMUX(has_audio), CONFIG_SWITCH, "on", NO_RANGE, NO_CHOICES,
     "SRS_VHOST_HTTP_REMUX_HAS_AUDIO", RELOAD,
     "Whether the FLV header and the TS program announce audio, when guess_has_av is off."},
    {"has_video", REMUX(has_video), CONFIG_SWITCH, "on", NO_RANGE, NO_CHOICES,
     "SRS_VHOST_HTTP_REMUX_HAS_VIDEO", RELOAD,
     "Whether the FLV header and the TS program announce video, when guess_has_av is off."},
    {"guess_has_av", REMUX(guess_has_av), CONFIG_SWITCH, "on", NO_RANGE, NO_CHOICES,
     "SRS_VHOST_HTTP_REMUX_GUESS_HAS_AV", RELOAD,
     "Announce in the FLV header what the stream is seen to have."},
    {"drop_if_not_match", REMUX(drop_if_not_match), CONFIG_SWITCH, "on", NO_RANGE, NO_CHOICES,
     "SRS_VHOST_HTTP_REMUX_DROP_IF_NOT_MATCH", RELOAD,
     "Drop packets of tracks that the FLV header does not announce."},

    {"enabled", STATIC(enabled), CONFIG_SWITCH, "off", NO_RANGE, NO_CHOICES,
     "SRS_VHOST_HTTP_STATIC_ENABLED", RELOAD,
     "Enable a directory for this vhost."},
    {"mount", STATIC(mount), CONFIG_STRING, "[vhost]/", NO_RANGE, NO_CHOICES,
     "SRS_VHOST_HTTP_STATIC_MOUNT", RELOAD,
     "URL path of the directory."},
    {"dir", STATIC(dir), CONFIG_STRING, "./objs/nginx/html", NO_RANGE, NO_CHOICES,
     "SRS_VHOST_HTTP_STATIC_DIR", RELOAD,
     "The directory."},

    {"enabled", RULE(enabled), CONFIG_SWITCH, "off", NO_RANGE, NO_CHOICES,
     "SRS_VHOST_SECURITY_ENABLED", RELOAD,
     "Enable the rules."},
    {"allow", RULE(allow), CONFIG_RULES, "", 0, CONFIG_RULES_MAX, NO_CHOICES,
     "SRS_VHOST_SECURITY_ALLOW", RELOAD,
     "Addresses that may publish or play. All others are refused."},
    {"deny", RULE(deny), CONFIG_RULES, "", 0, CONFIG_RULES_MAX, NO_CHOICES,
     "SRS_VHOST_SECURITY_DENY", RELOAD,
     "Addresses that are refused; takes precedence over allow."},

    {"enabled", REFER(enabled), CONFIG_SWITCH, "off", NO_RANGE, NO_CHOICES,
     "SRS_VHOST_REFER_ENABLED", RELOAD,
     "Enable the lists."},
    {"all", REFER(all), CONFIG_DOMAINS, "", 0, CONFIG_DOMAIN_MAX, NO_CHOICES,
     "SRS_VHOST_REFER_ALL", RELOAD,
     "Domains, including subdomains, whose pages may publish and play; none: clients without a page."},
    {"publish", REFER(publish), CONFIG_DOMAINS, "", 0, CONFIG_DOMAIN_MAX, NO_CHOICES,
     "SRS_VHOST_REFER_PUBLISH", RELOAD,
     "Domains whose pages may publish; when all is set too, a page must be in both lists."},
    {"play", REFER(play), CONFIG_DOMAINS, "", 0, CONFIG_DOMAIN_MAX, NO_CHOICES,
     "SRS_VHOST_REFER_PLAY", RELOAD,
     "Domains whose pages may play; when all is set too, a page must be in both lists."},

    {"enabled", TOKEN(enabled), CONFIG_SWITCH, "off", NO_RANGE, NO_CHOICES,
     "SRS_VHOST_TOKEN_ENABLED", RELOAD,
     "Require signed URLs."},
    {"key", TOKEN(key), CONFIG_SECRETS, "", 0, CONFIG_KEY_MAX, NO_CHOICES,
     "SRS_VHOST_TOKEN_KEY", RELOAD,
     "Secret that signs URLs; an optional second value is the previous secret, which remains valid."},
    {"publish", TOKEN(publish), CONFIG_SWITCH, "on", NO_RANGE, NO_CHOICES,
     "SRS_VHOST_TOKEN_PUBLISH", RELOAD,
     "Require a signature to publish."},
    {"play", TOKEN(play), CONFIG_SWITCH, "on", NO_RANGE, NO_CHOICES,
     "SRS_VHOST_TOKEN_PLAY", RELOAD,
     "Require a signature to play."},

    {"mode", CLUSTER(mode), CONFIG_CHOICE, "local", NO_RANGE, modes,
     "SRS_VHOST_CLUSTER_MODE", RELOAD,
     "remote: an edge, whose streams come from an origin while somebody watches."},
    {"origin", CLUSTER(origin), CONFIG_ORIGINS, "", 0, CONFIG_ORIGIN_MAX, NO_CHOICES,
     "SRS_VHOST_CLUSTER_ORIGIN", RELOAD,
     "Origins (host:port), tried in turn."},
    {"protocol", CLUSTER(protocol), CONFIG_CHOICE, "rtmp", NO_RANGE, protocols,
     "SRS_VHOST_CLUSTER_PROTOCOL", RELOAD,
     "Protocol towards the origins: RTMP, HTTP-FLV or HTTPS-FLV."},
    {"publish_origin", CLUSTER(publish_origin), CONFIG_ORIGINS, "", 0, CONFIG_ORIGIN_MAX, NO_CHOICES,
     "SRS_VHOST_CLUSTER_PUBLISH_ORIGIN", RELOAD,
     "Where a publisher of the edge is relayed to over RTMP; empty: origin, with port 1935 when "
     "protocol is not rtmp."},
    {"token_traverse", CLUSTER(token_traverse), CONFIG_SWITCH, "off", NO_RANGE, NO_CHOICES,
     "SRS_VHOST_CLUSTER_TOKEN_TRAVERSE", RELOAD,
     "Ask the origin for each viewer, with the parameters of its address, before it is served."},
    {"follow_client", CLUSTER(follow_client), CONFIG_SWITCH, "off", NO_RANGE, NO_CHOICES,
     "SRS_VHOST_CLUSTER_FOLLOW_CLIENT", RELOAD,
     "Ask the origin by the viewer's own protocol, RTMP or HTTP-FLV, whatever protocol says."},
    {"vhost", CLUSTER(vhost), CONFIG_STRING, "[vhost]", NO_RANGE, NO_CHOICES,
     "SRS_VHOST_CLUSTER_VHOST", RELOAD,
     "Vhost requested from the origin."},
    {"stall_timeout", CLUSTER(stall_timeout), CONFIG_MS, "1000", 100, HOUR_MS, NO_CHOICES,
     "SRS_VHOST_CLUSTER_STALL_TIMEOUT", RELOAD,
     "Try the next origin after this long without media; five times as long if there is only one."},
    {"ca", CLUSTER(ca), CONFIG_STRING, "", NO_RANGE, NO_CHOICES,
     "SRS_VHOST_CLUSTER_CA", RELOAD,
     "CA bundle (PEM) that verifies flvs and rediss peers; empty: the system's."},
    {"directory", CLUSTER(directory), CONFIG_DIRECTORY, "", NO_RANGE, NO_CHOICES,
     "SRS_VHOST_CLUSTER_DIRECTORY", RELOAD,
     "A Redis in which origins enter what is published at them, and where edges and origins look up "
     "who has a stream; see [directory](directory.md)."},
    {"advertise", CLUSTER(advertise), CONFIG_ADVERTISE, "", 0, CONFIG_PLACE_MAX, NO_CHOICES,
     "SRS_VHOST_CLUSTER_ADVERTISE", RELOAD,
     "Address that an origin publishes in the directory; empty: the local address of its connection to "
     "the directory, with the ports of its first listeners."},
    {"lease", CLUSTER(lease), CONFIG_MS, "6000", 300, 60000, NO_CHOICES,
     "SRS_VHOST_CLUSTER_LEASE", RELOAD,
     "Lifetime of an entry in the directory; the origin renews it three times in this period."},
    {"peers", CLUSTER(peers), CONFIG_NETWORKS, "", 0, CONFIG_PROXY_MAX, NO_CHOICES,
     "SRS_VHOST_CLUSTER_PEERS", RELOAD,
     "Addresses and networks of other edges that are believed when they say how many servers a "
     "request has passed."},
    {"secret", CLUSTER(secret), CONFIG_SECRETS, "", 0, CONFIG_KEY_MAX, NO_CHOICES,
     "SRS_VHOST_CLUSTER_SECRET", RELOAD,
     "Secret shared by all servers of a cluster, which sign such statements with it; a second value, "
     "the previous secret, still counts."},
    {"redirect", CLUSTER(redirect), CONFIG_SWITCH, "off", NO_RANGE, NO_CHOICES,
     "SRS_VHOST_CLUSTER_REDIRECT", RELOAD,
     "Redirect clients (302) to the server that has the stream, instead of pulling it or relaying what they "
     "publish."},

    {"enabled", FORWARD(enabled), CONFIG_SWITCH, "off", NO_RANGE, NO_CHOICES,
     "SRS_VHOST_FORWARD_ENABLED", RELOAD,
     "Enable forwarding."},
    {"destination", FORWARD(destination), CONFIG_DESTINATIONS, "", 0, CONFIG_ORIGIN_MAX, NO_CHOICES,
     "SRS_VHOST_FORWARD_DESTINATION", RELOAD,
     "RTMP destinations: host:port, or rtmp(s)://host:port/[app]/[stream]?vhost=name; repeatable."},
    {"backend", FORWARD(backend), CONFIG_URL, "", NO_RANGE, NO_CHOICES,
     "SRS_VHOST_FORWARD_BACKEND", RELOAD,
     "URL queried for destinations when a stream is published; if it does not answer, destination is used."},
    {"ca", FORWARD(ca), CONFIG_STRING, "", NO_RANGE, NO_CHOICES,
     "SRS_VHOST_FORWARD_CA", RELOAD,
     "CA bundle (PEM) that verifies https and rtmps peers; empty: the system's."},
};
/* clang-format on */

#define ROW_COUNT (sizeof(rows) / sizeof(rows[0]))

size_t config_table_count(void)
{
    return ROW_COUNT;
}

const struct config_row *config_table_row(size_t i)
{
    assert(i < ROW_COUNT);
    return &rows[i];
}

size_t config_table_index(const struct config_row *row)
{
    assert(row >= rows && row < rows + ROW_COUNT);
    return (size_t)(row - rows);
}

const struct config_row *config_table_find(enum config_where where, const char *name)
{
    assert(name != NULL);
    for (size_t i = 0; i < ROW_COUNT; i++)
        if (rows[i].where == where && strcmp(rows[i].name, name) == 0)
            return &rows[i];
    return NULL;
}

int config_table_is_list(const struct config_row *row)
{
    return row->type >= CONFIG_ENDPOINTS && row->type <= CONFIG_SECRETS;
}
