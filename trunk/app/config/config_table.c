/*
 * The table of all directives (style, "Configuration"). To add one: a field in
 * app/config/config.h and a row here; then run the two commands that write conf/full.conf and
 * doc/configuration.md, which a test compares with the table. Names, units and most defaults are
 * those that users of SRS know. The `env` column follows a rule (SRS_ and the path in upper
 * case) and is spelled out so that it can be searched for; a test holds it to the rule.
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

/* What a row that has no range, and one that has no choices, puts there. */
#define NO_RANGE   0, 0
#define NO_CHOICES NULL

#define KIB ((int64_t)1024)
#define MIB (1024 * KIB)
#define GIB (1024 * MIB)

#define HOUR_MS (3600 * (int64_t)1000)

/* clang-format off */
static const struct config_row rows[] = {
    {"listen", ROOT(listen), CONFIG_ENDPOINTS, "1935", 1, CONFIG_LISTEN_MAX, NO_CHOICES,
     "SRS_LISTEN", RESTART,
     "Where RTMP is served; several may be given. A port alone: IPv4 and IPv6."},
    {"public_rtmp_port", ROOT(public_rtmp_port), CONFIG_INT, "0", 0, 65535, NO_CHOICES,
     "SRS_PUBLIC_RTMP_PORT", RELOAD,
     "The RTMP port in the addresses that the player page shows, where a proxy or a container "
     "publishes another one; 0: that of listen."},
    {"proxy_protocol", ROOT(proxy_protocol), CONFIG_SWITCH, "off", NO_RANGE, NO_CHOICES,
     "SRS_PROXY_PROTOCOL", RESTART,
     "Whether trusted_proxies begin their connections with a PROXY header here, version 1 or 2."},
    {"trusted_proxies", ROOT(trusted_proxies), CONFIG_NETWORKS, "", 0, CONFIG_PROXY_MAX, NO_CHOICES,
     "SRS_TRUSTED_PROXIES", RESTART,
     "The proxies before this server: only they are believed when they name a client's address, by a "
     "PROXY header, X-Forwarded-For or X-Real-IP. See [behind a proxy](behind-a-proxy.md)."},
    {"max_connections", ROOT(max_connections), CONFIG_INT, "1000", 1, 1000000, NO_CHOICES,
     "SRS_MAX_CONNECTIONS", RESTART,
     "Connections of all kinds at once; one more takes the place of the oldest that is neither viewer nor "
     "publisher, else of the oldest that waits for a stream, or is turned away."},
    {"max_connections_per_ip", ROOT(max_connections_per_ip), CONFIG_INT_AUTO, "auto", 0, 1000000,
     NO_CHOICES, "SRS_MAX_CONNECTIONS_PER_IP", RESTART,
     "Connections of one address at once, of an IPv6 /64 together; auto: half of max_connections, and "
     "no limit for 127.0.0.1 and ::1; 0: no limit. See [limits](limits.md)."},
    {"max_viewers", ROOT(max_viewers), CONFIG_INT_AUTO, "auto", 1, 1000000, NO_CHOICES,
     "SRS_MAX_VIEWERS", RESTART,
     "Viewers at once, those who wait for a stream among them; auto: 31 of 32 parts of "
     "max_connections."},
    {"max_publishers", ROOT(max_publishers), CONFIG_INT_AUTO, "auto", 1, 1000000, NO_CHOICES,
     "SRS_MAX_PUBLISHERS", RESTART,
     "Publishers at once; auto: three quarters of max_connections."},
    {"max_waiters", ROOT(max_waiters), CONFIG_INT_AUTO, "auto", 1, 1000000, NO_CHOICES,
     "SRS_MAX_WAITERS", RESTART,
     "Viewers who wait for a stream that nobody publishes; one more takes the place of the oldest. "
     "auto: three quarters of max_connections."},
    {"max_api_connections", ROOT(max_api_connections), CONFIG_INT_AUTO, "auto", 1, 1000000, NO_CHOICES,
     "SRS_MAX_API_CONNECTIONS", RESTART,
     "Connections to an address of http_api alone; one more takes the place of the oldest. auto: an "
     "eighth of max_connections, at least 16."},
    {"max_streams", ROOT(max_streams), CONFIG_INT, "10000", 1, 1000000, NO_CHOICES,
     "SRS_MAX_STREAMS", RESTART,
     "Streams published at once."},
    {"max_pulls", ROOT(max_pulls), CONFIG_INT, "2000", 1, 1000000, NO_CHOICES,
     "SRS_MAX_PULLS", RESTART,
     "Streams fetched from other servers at once; one more takes the place of the oldest that only "
     "waits for its stream."},
    {"max_memory", ROOT(max_memory), CONFIG_SIZE, "0", 0, 1024 * GIB, NO_CHOICES,
     "SRS_MAX_MEMORY", RESTART,
     "Memory of all processes of the server together; 0: 80 % of what the machine, or the control group, has. "
     "See [deployment](deployment.md#memory)."},
    {"workers", ROOT(workers), CONFIG_INT_AUTO, "1", 1, CONFIG_WORKERS_MAX, NO_CHOICES,
     "SRS_WORKERS", RESTART,
     "Processes that share the work; auto: one for each processor. See [workers](workers.md)."},
    {"worker_timeout", ROOT(worker_timeout), CONFIG_MS, "5000", 0, HOUR_MS, NO_CHOICES,
     "SRS_WORKER_TIMEOUT", RESTART,
     "A worker whose event loop has not run for so long is killed and replaced; 0: never."},
    {"chunk_size", ROOT(chunk_size), CONFIG_INT, "60000", 128, 65536, NO_CHOICES,
     "SRS_CHUNK_SIZE", RESTART,
     "Size of the RTMP chunks that are sent."},
    {"max_message", ROOT(max_message), CONFIG_SIZE, "16m", 64 * KIB, 256 * MIB, NO_CHOICES,
     "SRS_MAX_MESSAGE", RESTART,
     "The longest RTMP message that a peer may send."},
    {"rtmp_handshake_timeout", ROOT(rtmp_handshake_timeout), CONFIG_MS, "10000", 10, HOUR_MS, NO_CHOICES,
     "SRS_RTMP_HANDSHAKE_TIMEOUT", RESTART,
     "Time for the whole RTMP handshake."},
    {"http_header_timeout", ROOT(http_header_timeout), CONFIG_MS, "10000", 10, HOUR_MS, NO_CHOICES,
     "SRS_HTTP_HEADER_TIMEOUT", RESTART,
     "Time for the whole header of an HTTP request."},
    {"http_idle_timeout", ROOT(http_idle_timeout), CONFIG_MS, "60000", 10, 24 * HOUR_MS, NO_CHOICES,
     "SRS_HTTP_IDLE_TIMEOUT", RESTART,
     "How long an HTTP connection may wait for its next request."},
    {"daemon", ROOT(daemon), CONFIG_SWITCH, "off", NO_RANGE, NO_CHOICES,
     "SRS_DAEMON", RESTART,
     "Run in the background."},
    {"in_docker", ROOT(in_docker), CONFIG_SWITCH, "off", NO_RANGE, NO_CHOICES,
     "SRS_IN_DOCKER", RESTART,
     "Says that this is a container where that cannot be seen."},
    {"disable_daemon_for_docker", ROOT(disable_daemon_for_docker), CONFIG_SWITCH, "on", NO_RANGE,
     NO_CHOICES, "SRS_DISABLE_DAEMON_FOR_DOCKER", RESTART,
     "Stay in the foreground in a container, whatever daemon says."},
    {"pid", ROOT(pid), CONFIG_STRING, "", NO_RANGE, NO_CHOICES,
     "SRS_PID", RESTART,
     "File that holds the process id and keeps a second instance out; empty: none, but "
     "./objs/millrace.pid when daemon is on."},
    {"work_dir", ROOT(work_dir), CONFIG_STRING, "./", NO_RANGE, NO_CHOICES,
     "SRS_WORK_DIR", RESTART,
     "Folder that all other paths are relative to."},
    {"asprocess", ROOT(asprocess), CONFIG_SWITCH, "off", NO_RANGE, NO_CHOICES,
     "SRS_ASPROCESS", RESTART,
     "End when the parent process ends; not together with daemon."},
    {"utc_time", ROOT(utc_time), CONFIG_SWITCH, "off", NO_RANGE, NO_CHOICES,
     "SRS_UTC_TIME", RESTART,
     "Log in UTC instead of local time."},
    {"srs_log_tank", ROOT(log_to_file), CONFIG_CHOICE, "console", NO_RANGE, log_tanks,
     "SRS_LOG_TANK", RESTART,
     "Where the log goes. When daemon is on and this is not given: file."},
    {"srs_log_level", ROOT(log_level), CONFIG_LOG_LEVEL, "info", NO_RANGE, NO_CHOICES,
     "SRS_LOG_LEVEL", RELOAD,
     "How much is logged."},
    {"log_peer_lines", ROOT(log_peer_lines), CONFIG_INT, "50", 0, 1000000, NO_CHOICES,
     "SRS_LOG_PEER_LINES", RESTART,
     "Log lines of one kind about one address within 10 seconds (refusals, malformed requests); more "
     "are counted, and summed up in one line. 0: no limit."},
    {"srs_log_file", ROOT(log_file), CONFIG_STRING, "./objs/millrace.log", NO_RANGE, NO_CHOICES,
     "SRS_LOG_FILE", RESTART,
     "The log, when srs_log_tank is file; SIGUSR1 opens it anew."},
    {"grace_start_wait", ROOT(grace_start_wait), CONFIG_MS, "2300", 0, HOUR_MS, NO_CHOICES,
     "SRS_GRACE_START_WAIT", RESTART,
     "At SIGQUIT: wait this long before the listeners close."},
    {"grace_final_wait", ROOT(grace_final_wait), CONFIG_MS, "3200", 0, HOUR_MS, NO_CHOICES,
     "SRS_GRACE_FINAL_WAIT", RESTART,
     "At SIGQUIT: wait this long after the last connection."},
    {"force_grace_quit", ROOT(force_grace_quit), CONFIG_SWITCH, "off", NO_RANGE, NO_CHOICES,
     "SRS_FORCE_GRACE_QUIT", RESTART,
     "Let SIGTERM do what SIGQUIT does."},
    {"grace_redirect", ROOT(grace_redirect), CONFIG_ORIGINS, "", 0, CONFIG_ORIGIN_MAX, NO_CHOICES,
     "SRS_GRACE_REDIRECT", RESTART,
     "While a server drains: where viewers are sent with 302, host or host:port, in turn. Without a "
     "port, and over TLS: the one that they have come to."},
    {"grace_redirect_rtmp", ROOT(grace_redirect_rtmp), CONFIG_ORIGINS, "", 0, CONFIG_ORIGIN_MAX,
     NO_CHOICES, "SRS_GRACE_REDIRECT_RTMP", RESTART,
     "The same for RTMP clients; without it they go to the hosts of grace_redirect, at the port that "
     "they have come to."},
    {"server_id", ROOT(server_id), CONFIG_STRING, "", NO_RANGE, NO_CHOICES,
     "SRS_SERVER_ID", RESTART,
     "This server's name to others; empty: one is made at each start."},

    {"ktls", ROOT(ktls), CONFIG_SWITCH, "off", NO_RANGE, NO_CHOICES,
     "SRS_KTLS", RESTART,
     "Let the kernel encrypt what TLS sends, where it can (its module tls)."},

    {"enabled", RTMPS(enabled), CONFIG_SWITCH, "off", NO_RANGE, NO_CHOICES,
     "SRS_RTMPS_ENABLED", RESTART,
     "Whether RTMPS is served."},
    {"listen", RTMPS(listen), CONFIG_ENDPOINTS, "1443", 1, CONFIG_LISTEN_MAX, NO_CHOICES,
     "SRS_RTMPS_LISTEN", RESTART,
     "Where RTMPS is served; several may be given. A port alone: IPv4 and IPv6."},
    {"proxy_protocol", RTMPS(proxy_protocol), CONFIG_SWITCH, "off", NO_RANGE, NO_CHOICES,
     "SRS_RTMPS_PROXY_PROTOCOL", RESTART,
     "Whether trusted_proxies begin their connections with a PROXY header here, before TLS begins."},
    {"key", RTMPS(key), CONFIG_STRING, "./conf/server.key", NO_RANGE, NO_CHOICES,
     "SRS_RTMPS_KEY", RESTART,
     "The private key, as PEM; a changed file is noticed."},
    {"cert", RTMPS(cert), CONFIG_STRING, "./conf/server.crt", NO_RANGE, NO_CHOICES,
     "SRS_RTMPS_CERT", RESTART,
     "The certificate and its chain, as PEM; a changed file is noticed."},

    {"enabled", HTTP(enabled), CONFIG_SWITCH, "off", NO_RANGE, NO_CHOICES,
     "SRS_HTTP_SERVER_ENABLED", RESTART,
     "Whether HTTP is served."},
    {"listen", HTTP(listen), CONFIG_ENDPOINTS, "8080", 1, CONFIG_LISTEN_MAX, NO_CHOICES,
     "SRS_HTTP_SERVER_LISTEN", RESTART,
     "Where HTTP is served; several may be given. A port alone: IPv4 and IPv6."},
    {"proxy_protocol", HTTP(proxy_protocol), CONFIG_SWITCH, "off", NO_RANGE, NO_CHOICES,
     "SRS_HTTP_SERVER_PROXY_PROTOCOL", RESTART,
     "Whether trusted_proxies begin their connections with a PROXY header here."},
    {"dir", HTTP(dir), CONFIG_STRING, "./objs/nginx/html", NO_RANGE, NO_CHOICES,
     "SRS_HTTP_SERVER_DIR", RESTART,
     "Folder of the files that are served."},
    {"crossdomain", HTTP(crossdomain), CONFIG_SWITCH, "on", NO_RANGE, NO_CHOICES,
     "SRS_HTTP_SERVER_CROSSDOMAIN", RESTART,
     "Let pages of other sites fetch from here (CORS) and open WebSockets. off: a WebSocket only by pages "
     "of this server, as its Host says, and by clients that are no browsers."},
    {"frame_ancestors", HTTP(frame_ancestors), CONFIG_FRAMES, "self", 1, CONFIG_FRAME_MAX, NO_CHOICES,
     "SRS_HTTP_SERVER_FRAME_ANCESTORS", RESTART,
     "Whose pages may show the pages of this server, the player among them, in a frame: self, none, * or "
     "sites such as https://example.com."},

    {"enabled", HTTPS(enabled), CONFIG_SWITCH, "off", NO_RANGE, NO_CHOICES,
     "SRS_HTTP_SERVER_HTTPS_ENABLED", RESTART,
     "Whether HTTPS is served."},
    {"listen", HTTPS(listen), CONFIG_ENDPOINTS, "8088", 1, CONFIG_LISTEN_MAX, NO_CHOICES,
     "SRS_HTTP_SERVER_HTTPS_LISTEN", RESTART,
     "Where HTTPS is served; several may be given. A port alone: IPv4 and IPv6."},
    {"proxy_protocol", HTTPS(proxy_protocol), CONFIG_SWITCH, "off", NO_RANGE, NO_CHOICES,
     "SRS_HTTP_SERVER_HTTPS_PROXY_PROTOCOL", RESTART,
     "Whether trusted_proxies begin their connections with a PROXY header here, before TLS begins."},
    {"key", HTTPS(key), CONFIG_STRING, "./conf/server.key", NO_RANGE, NO_CHOICES,
     "SRS_HTTP_SERVER_HTTPS_KEY", RESTART,
     "The private key, as PEM; a changed file is noticed."},
    {"cert", HTTPS(cert), CONFIG_STRING, "./conf/server.crt", NO_RANGE, NO_CHOICES,
     "SRS_HTTP_SERVER_HTTPS_CERT", RESTART,
     "The certificate and its chain, as PEM; a changed file is noticed."},

    {"enabled", PULL(enabled), CONFIG_SWITCH, "off", NO_RANGE, NO_CHOICES,
     "SRS_HTTP_SERVER_HTTP_PULL_ENABLED", RESTART,
     "Whether streams are served by app, stream and src in the query."},
    {"mount", PULL(mount), CONFIG_STRING, "/live", NO_RANGE, NO_CHOICES,
     "SRS_HTTP_SERVER_HTTP_PULL_MOUNT", RESTART,
     "The address: /live?src=a&app=myapp&stream=test; without src the stream is this server's own."},
    {"source", PULL(source), CONFIG_SOURCES, "", 0, CONFIG_SOURCE_MAX, NO_CHOICES,
     "SRS_HTTP_SERVER_HTTP_PULL_SOURCE", RESTART,
     "A name for src and the server behind it: rtmp://host:port, or the http address of "
     "nginx-http-flv; several may be given. No other address is asked for."},

    {"enabled", API(enabled), CONFIG_SWITCH, "off", NO_RANGE, NO_CHOICES,
     "SRS_HTTP_API_ENABLED", RESTART,
     "Whether the API is served."},
    {"open", API(open), CONFIG_SWITCH, "off", NO_RANGE, NO_CHOICES,
     "SRS_HTTP_API_OPEN", RESTART,
     "Answer other machines, too. It asks for no password: switch it on only where nobody else reaches "
     "its port. Off: what is not public is answered to this machine only."},
    {"listen", API(listen), CONFIG_ENDPOINTS, "1985", 1, CONFIG_LISTEN_MAX, NO_CHOICES,
     "SRS_HTTP_API_LISTEN", RESTART,
     "Where it is served; may be an address of http_server. A port alone: IPv4 and IPv6."},
    {"proxy_protocol", API(proxy_protocol), CONFIG_SWITCH, "off", NO_RANGE, NO_CHOICES,
     "SRS_HTTP_API_PROXY_PROTOCOL", RESTART,
     "Whether trusted_proxies begin their connections with a PROXY header here."},
    {"crossdomain", API(crossdomain), CONFIG_SWITCH, "on", NO_RANGE, NO_CHOICES,
     "SRS_HTTP_API_CROSSDOMAIN", RESTART,
     "Let pages of other sites ask it (CORS), without credentials; while open is off, only for what is "
     "public."},

    {"enabled", VHOST(enabled), CONFIG_SWITCH, "on", NO_RANGE, NO_CHOICES,
     "SRS_VHOST_ENABLED", RESTART,
     "Whether the vhost serves anything."},
    {"min_latency", VHOST(min_latency), CONFIG_SWITCH, "off", NO_RANGE, NO_CHOICES,
     "SRS_VHOST_MIN_LATENCY", RESTART,
     "Send every frame at once, whatever mw_latency says."},
    {"tcp_nodelay", VHOST(tcp_nodelay), CONFIG_SWITCH, "off", NO_RANGE, NO_CHOICES,
     "SRS_VHOST_TCP_NODELAY", RESTART,
     "Let the kernel send small packets at once (TCP_NODELAY)."},
    {"chunk_size", VHOST(chunk_size), CONFIG_INT, "0", 0, 65536, NO_CHOICES,
     "SRS_VHOST_CHUNK_SIZE", RESTART,
     "Size of the RTMP chunks that are sent; 0: the server's own chunk_size."},
    {"out_ack_size", VHOST(out_ack_size), CONFIG_SIZE, "2500000", 0, 2 * GIB - 1, NO_CHOICES,
     "SRS_VHOST_OUT_ACK_SIZE", RESTART,
     "After how many bytes RTMP peers are to acknowledge; 0: they are not asked to."},
    {"in_ack_size", VHOST(in_ack_size), CONFIG_SIZE, "0", 0, 2 * GIB - 1, NO_CHOICES,
     "SRS_VHOST_IN_ACK_SIZE", RESTART,
     "After how many bytes we acknowledge; 0: when the peer asks for it."},

    {"gop_cache", PLAY(gop_cache), CONFIG_SWITCH, "on", NO_RANGE, NO_CHOICES,
     "SRS_VHOST_PLAY_GOP_CACHE", RESTART,
     "Start viewers at the last keyframe, so that they see a picture at once."},
    {"gop_cache_max_frames", PLAY(gop_cache_max_frames), CONFIG_INT, "2500", 0, 1000000, NO_CHOICES,
     "SRS_VHOST_PLAY_GOP_CACHE_MAX_FRAMES", RESTART,
     "The most frames that are kept for that; 0: only gop_cache_max_bytes counts."},
    {"gop_cache_max_bytes", PLAY(gop_cache_max_bytes), CONFIG_SIZE, "16m", 64 * KIB, GIB, NO_CHOICES,
     "SRS_VHOST_PLAY_GOP_CACHE_MAX_BYTES", RESTART,
     "The most bytes that are kept of one stream, whatever its publisher sends."},
    {"queue_length", PLAY(queue_length), CONFIG_SECONDS, "30", 1, 3600, NO_CHOICES,
     "SRS_VHOST_PLAY_QUEUE_LENGTH", RESTART,
     "How far a viewer may fall behind before it jumps to the newest keyframe."},
    {"mw_latency", PLAY(mw_latency), CONFIG_MS_AUTO, "auto", 0, 10000, NO_CHOICES,
     "SRS_VHOST_PLAY_MW_LATENCY", RESTART,
     "How long frames are gathered into one write; auto: not at all for few viewers, up to 350 as "
     "the load grows."},
    {"mw_msgs", PLAY(mw_msgs), CONFIG_INT, "0", 0, 128, NO_CHOICES,
     "SRS_VHOST_PLAY_MW_MSGS", RESTART,
     "Write no sooner than this many frames are gathered; 0: only mw_latency counts."},
    {"send_min_interval", PLAY(send_min_interval), CONFIG_MS, "0", 0, 10000, NO_CHOICES,
     "SRS_VHOST_PLAY_SEND_MIN_INTERVAL", RESTART,
     "The least time between two writes to a viewer; 0: none."},
    {"time_jitter", PLAY(time_jitter), CONFIG_CHOICE, "full", NO_RANGE, jitters,
     "SRS_VHOST_PLAY_TIME_JITTER", RESTART,
     "full: timestamps start at 0 and never step back; zero: they start at 0; off: as published."},
    {"atc", PLAY(atc), CONFIG_SWITCH, "off", NO_RANGE, NO_CHOICES,
     "SRS_VHOST_PLAY_ATC", RESTART,
     "Keep the encoder's absolute timestamps."},
    {"atc_auto", PLAY(atc_auto), CONFIG_SWITCH, "off", NO_RANGE, NO_CHOICES,
     "SRS_VHOST_PLAY_ATC_AUTO", RESTART,
     "Turn atc on when the metadata asks for it (bravo_atc)."},
    {"mix_correct", PLAY(mix_correct), CONFIG_SWITCH, "off", NO_RANGE, NO_CHOICES,
     "SRS_VHOST_PLAY_MIX_CORRECT", RESTART,
     "Put audio and video in the order of their timestamps, for which up to ten frames wait."},
    {"reduce_sequence_header", PLAY(reduce_sequence_header), CONFIG_SWITCH, "off", NO_RANGE, NO_CHOICES,
     "SRS_VHOST_PLAY_REDUCE_SEQUENCE_HEADER", RESTART,
     "Do not repeat a sequence header that has not changed."},

    {"firstpkt_timeout", PUB(firstpkt_timeout), CONFIG_MS, "20000", 10, HOUR_MS, NO_CHOICES,
     "SRS_VHOST_PUBLISH_FIRSTPKT_TIMEOUT", RESTART,
     "How long a publisher may take to its first packet."},
    {"normal_timeout", PUB(normal_timeout), CONFIG_MS, "5000", 10, HOUR_MS, NO_CHOICES,
     "SRS_VHOST_PUBLISH_NORMAL_TIMEOUT", RESTART,
     "How long a publisher may be silent afterwards."},
    {"kickoff_for_idle", PUB(kickoff_for_idle), CONFIG_MS, "0", 0, 24 * HOUR_MS, NO_CHOICES,
     "SRS_VHOST_PUBLISH_KICKOFF_FOR_IDLE", RESTART,
     "Send the publisher away when nobody watched for this long; 0: never."},
    {"mr", PUB(mr), CONFIG_SWITCH, "off", NO_RANGE, NO_CHOICES,
     "SRS_VHOST_PUBLISH_MR", RESTART,
     "Read from the publisher in larger pieces, at the price of latency."},
    {"mr_latency", PUB(mr_latency), CONFIG_MS, "350", 0, 10000, NO_CHOICES,
     "SRS_VHOST_PUBLISH_MR_LATENCY", RESTART,
     "How much of the stream such a piece holds at the most; 32 KB are enough at any rate."},
    {"takeover", PUB(takeover), CONFIG_CHOICE, "reject", NO_RANGE, takeovers,
     "SRS_VHOST_PUBLISH_TAKEOVER", RESTART,
     "What happens to a second publisher of a stream: it is refused, or takes the first one's "
     "place, or does so only if its address has the same parameters."},
    {"repair", PUB(repair), CONFIG_SWITCH, "on", NO_RANGE, NO_CHOICES,
     "SRS_VHOST_PUBLISH_REPAIR", RESTART,
     "Repair H.264 and HEVC of encoders that send start codes instead of lengths, or empty NAL units."},

    {"enabled", REMUX(enabled), CONFIG_SWITCH, "off", NO_RANGE, NO_CHOICES,
     "SRS_VHOST_HTTP_REMUX_ENABLED", RESTART,
     "Whether streams are served over HTTP."},
    {"mount", REMUX(mount), CONFIG_MOUNTS, "[vhost]/[app]/[stream].flv", 1, CONFIG_MOUNT_MAX, NO_CHOICES,
     "SRS_VHOST_HTTP_REMUX_MOUNT", RESTART,
     "Address of a stream; the extension chooses the format. Several may be given."},
    {"fast_cache", REMUX(fast_cache_s), CONFIG_INT, "0", 0, 600, NO_CHOICES,
     "SRS_VHOST_HTTP_REMUX_FAST_CACHE", RESTART,
     "Seconds of audio that an .mp3 or .aac viewer gets at once; 0: none."},
    {"hstrs", REMUX(hstrs), CONFIG_SWITCH, "on", NO_RANGE, NO_CHOICES,
     "SRS_VHOST_HTTP_REMUX_HSTRS", RESTART,
     "Let viewers wait for a stream that nobody publishes yet; off: 404 at once."},
    {"standby_timeout", REMUX(standby_timeout), CONFIG_MS, "30000", 0, 24 * HOUR_MS, NO_CHOICES,
     "SRS_VHOST_HTTP_REMUX_STANDBY_TIMEOUT", RESTART,
     "How long they wait until the 404, and RTMP players until StreamNotFound; 0: for ever."},
    {"republish_wait", REMUX(republish_wait), CONFIG_MS, "15000", 0, 24 * HOUR_MS, NO_CHOICES,
     "SRS_VHOST_HTTP_REMUX_REPUBLISH_WAIT", RESTART,
     "How long viewers stay connected after the publisher went, for it to come back."},
    {"has_audio", REMUX(has_audio), CONFIG_SWITCH, "on", NO_RANGE, NO_CHOICES,
     "SRS_VHOST_HTTP_REMUX_HAS_AUDIO", RESTART,
     "Whether the FLV header and the TS program announce audio, when guess_has_av is off."},
    {"has_video", REMUX(has_video), CONFIG_SWITCH, "on", NO_RANGE, NO_CHOICES,
     "SRS_VHOST_HTTP_REMUX_HAS_VIDEO", RESTART,
     "Whether the FLV header and the TS program announce video, when guess_has_av is off."},
    {"guess_has_av", REMUX(guess_has_av), CONFIG_SWITCH, "on", NO_RANGE, NO_CHOICES,
     "SRS_VHOST_HTTP_REMUX_GUESS_HAS_AV", RESTART,
     "Announce in the FLV header what the stream is seen to have."},
    {"drop_if_not_match", REMUX(drop_if_not_match), CONFIG_SWITCH, "on", NO_RANGE, NO_CHOICES,
     "SRS_VHOST_HTTP_REMUX_DROP_IF_NOT_MATCH", RESTART,
     "Drop the packets that the FLV header denies."},

    {"enabled", STATIC(enabled), CONFIG_SWITCH, "off", NO_RANGE, NO_CHOICES,
     "SRS_VHOST_HTTP_STATIC_ENABLED", RESTART,
     "Whether the vhost has a folder of its own."},
    {"mount", STATIC(mount), CONFIG_STRING, "[vhost]/", NO_RANGE, NO_CHOICES,
     "SRS_VHOST_HTTP_STATIC_MOUNT", RESTART,
     "Address that the folder stands at."},
    {"dir", STATIC(dir), CONFIG_STRING, "./objs/nginx/html", NO_RANGE, NO_CHOICES,
     "SRS_VHOST_HTTP_STATIC_DIR", RESTART,
     "The folder."},

    {"enabled", RULE(enabled), CONFIG_SWITCH, "off", NO_RANGE, NO_CHOICES,
     "SRS_VHOST_SECURITY_ENABLED", RESTART,
     "Whether the rules count."},
    {"allow", RULE(allow), CONFIG_RULES, "", 0, CONFIG_RULES_MAX, NO_CHOICES,
     "SRS_VHOST_SECURITY_ALLOW", RESTART,
     "Who may publish, or play. Once there is such a rule for one of the two, nobody else may."},
    {"deny", RULE(deny), CONFIG_RULES, "", 0, CONFIG_RULES_MAX, NO_CHOICES,
     "SRS_VHOST_SECURITY_DENY", RESTART,
     "Who may not, whatever allow says."},

    {"enabled", REFER(enabled), CONFIG_SWITCH, "off", NO_RANGE, NO_CHOICES,
     "SRS_VHOST_REFER_ENABLED", RESTART,
     "Whether the lists count."},
    {"all", REFER(all), CONFIG_DOMAINS, "", 0, CONFIG_DOMAIN_MAX, NO_CHOICES,
     "SRS_VHOST_REFER_ALL", RESTART,
     "Domains, with all below them, whose pages may publish and play; none: a client without a page."},
    {"publish", REFER(publish), CONFIG_DOMAINS, "", 0, CONFIG_DOMAIN_MAX, NO_CHOICES,
     "SRS_VHOST_REFER_PUBLISH", RESTART,
     "The same for publishing only, beside what all says."},
    {"play", REFER(play), CONFIG_DOMAINS, "", 0, CONFIG_DOMAIN_MAX, NO_CHOICES,
     "SRS_VHOST_REFER_PLAY", RESTART,
     "The same for playing only."},

    {"enabled", TOKEN(enabled), CONFIG_SWITCH, "off", NO_RANGE, NO_CHOICES,
     "SRS_VHOST_TOKEN_ENABLED", RESTART,
     "Whether addresses must be signed."},
    {"key", TOKEN(key), CONFIG_SECRETS, "", 0, CONFIG_KEY_MAX, NO_CHOICES,
     "SRS_VHOST_TOKEN_KEY", RESTART,
     "The secret that addresses are signed with, and behind it perhaps the one before, which still "
     "counts."},
    {"publish", TOKEN(publish), CONFIG_SWITCH, "on", NO_RANGE, NO_CHOICES,
     "SRS_VHOST_TOKEN_PUBLISH", RESTART,
     "Whether publishing needs it."},
    {"play", TOKEN(play), CONFIG_SWITCH, "on", NO_RANGE, NO_CHOICES,
     "SRS_VHOST_TOKEN_PLAY", RESTART,
     "Whether playing needs it."},

    {"mode", CLUSTER(mode), CONFIG_CHOICE, "local", NO_RANGE, modes,
     "SRS_VHOST_CLUSTER_MODE", RESTART,
     "remote: an edge, whose streams come from an origin while somebody watches."},
    {"origin", CLUSTER(origin), CONFIG_ORIGINS, "", 0, CONFIG_ORIGIN_MAX, NO_CHOICES,
     "SRS_VHOST_CLUSTER_ORIGIN", RESTART,
     "The origins, host:port, tried in turn."},
    {"protocol", CLUSTER(protocol), CONFIG_CHOICE, "rtmp", NO_RANGE, protocols,
     "SRS_VHOST_CLUSTER_PROTOCOL", RESTART,
     "How they are asked: RTMP, HTTP-FLV or HTTPS-FLV."},
    {"publish_origin", CLUSTER(publish_origin), CONFIG_ORIGINS, "", 0, CONFIG_ORIGIN_MAX, NO_CHOICES,
     "SRS_VHOST_CLUSTER_PUBLISH_ORIGIN", RESTART,
     "Where a publisher of the edge is relayed to over RTMP; empty: origin, with port 1935 when "
     "protocol is not rtmp."},
    {"token_traverse", CLUSTER(token_traverse), CONFIG_SWITCH, "off", NO_RANGE, NO_CHOICES,
     "SRS_VHOST_CLUSTER_TOKEN_TRAVERSE", RESTART,
     "Ask the origin for each viewer, with the parameters of its address, before it is served."},
    {"follow_client", CLUSTER(follow_client), CONFIG_SWITCH, "off", NO_RANGE, NO_CHOICES,
     "SRS_VHOST_CLUSTER_FOLLOW_CLIENT", RESTART,
     "Ask the origin by the viewer's own protocol, RTMP or HTTP-FLV, whatever protocol says."},
    {"vhost", CLUSTER(vhost), CONFIG_STRING, "[vhost]", NO_RANGE, NO_CHOICES,
     "SRS_VHOST_CLUSTER_VHOST", RESTART,
     "The vhost that is asked for there."},
    {"stall_timeout", CLUSTER(stall_timeout), CONFIG_MS, "1000", 100, HOUR_MS, NO_CHOICES,
     "SRS_VHOST_CLUSTER_STALL_TIMEOUT", RESTART,
     "After how long without media the next origin is asked; five times that if there is only one."},
    {"ca", CLUSTER(ca), CONFIG_STRING, "", NO_RANGE, NO_CHOICES,
     "SRS_VHOST_CLUSTER_CA", RESTART,
     "CA bundle (PEM) that verifies flvs and rediss peers; empty: the system's."},
    {"directory", CLUSTER(directory), CONFIG_DIRECTORY, "", NO_RANGE, NO_CHOICES,
     "SRS_VHOST_CLUSTER_DIRECTORY", RESTART,
     "A Redis in which origins enter what is published at them, and where edges and origins look up "
     "who has a stream; see [directory](directory.md)."},
    {"advertise", CLUSTER(advertise), CONFIG_ADVERTISE, "", 0, CONFIG_PLACE_MAX, NO_CHOICES,
     "SRS_VHOST_CLUSTER_ADVERTISE", RESTART,
     "What an origin says of itself there; empty: the address that it reaches the directory from, "
     "with the ports of its first listeners."},
    {"lease", CLUSTER(lease), CONFIG_MS, "6000", 300, 60000, NO_CHOICES,
     "SRS_VHOST_CLUSTER_LEASE", RESTART,
     "How long an entry stands that its origin does not renew, which it does three times as often."},
    {"peers", CLUSTER(peers), CONFIG_NETWORKS, "", 0, CONFIG_PROXY_MAX, NO_CHOICES,
     "SRS_VHOST_CLUSTER_PEERS", RESTART,
     "Addresses and networks of other edges that are believed when they say how many servers a "
     "request has passed."},
    {"secret", CLUSTER(secret), CONFIG_SECRETS, "", 0, CONFIG_KEY_MAX, NO_CHOICES,
     "SRS_VHOST_CLUSTER_SECRET", RESTART,
     "Secret shared by all servers of a cluster, which sign such statements with it; a second value, "
     "the previous secret, still counts."},
    {"redirect", CLUSTER(redirect), CONFIG_SWITCH, "off", NO_RANGE, NO_CHOICES,
     "SRS_VHOST_CLUSTER_REDIRECT", RESTART,
     "Send clients on (302) to the server that has the stream, rather than to fetch it, or to pass "
     "on what they publish."},

    {"enabled", FORWARD(enabled), CONFIG_SWITCH, "off", NO_RANGE, NO_CHOICES,
     "SRS_VHOST_FORWARD_ENABLED", RESTART,
     "Whether streams are forwarded."},
    {"destination", FORWARD(destination), CONFIG_DESTINATIONS, "", 0, CONFIG_ORIGIN_MAX, NO_CHOICES,
     "SRS_VHOST_FORWARD_DESTINATION", RESTART,
     "Where to, by RTMP: host:port, or rtmp(s)://host:port/[app]/[stream]?vhost=name; several may be given."},
    {"backend", FORWARD(backend), CONFIG_URL, "", NO_RANGE, NO_CHOICES,
     "SRS_VHOST_FORWARD_BACKEND", RESTART,
     "URL queried for destinations when a stream is published; if it does not answer, destination is used."},
    {"ca", FORWARD(ca), CONFIG_STRING, "", NO_RANGE, NO_CHOICES,
     "SRS_VHOST_FORWARD_CA", RESTART,
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
