/*
 * Directives of the server as a whole: RTMP listeners, limits, workers, timeouts, process, log,
 * graceful stop; and those of the rtmps block. config_table_rows.h explains the columns.
 */
#include "app/config/config_table_rows.h"

static const char *const log_tanks[] = {"console", "file", NULL};

#define ROOT(field)  CONFIG_AT_ROOT, offsetof(struct config, field)
#define RTMPS(field) CONFIG_AT_RTMPS, offsetof(struct config, rtmps.field)

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
    {"tcp_congestion", ROOT(tcp_congestion), CONFIG_CONGESTION, "", NO_RANGE, NO_CHOICES,
     "SRS_TCP_CONGESTION", RELOAD,
     "Congestion control of the connections that clients make, such as cubic or bbr, if the kernel has it; "
     "empty: the system's default. See [deployment](deployment.md#congestion-control)."},
    {"tcp_retransmit_max", ROOT(tcp_retransmit_max), CONFIG_MS, "1000", 1000, 120000,
     NO_CHOICES, "SRS_TCP_RETRANSMIT_MAX", RELOAD,
     "Longest pause between two retransmissions to a client that acknowledges nothing, in ms (Linux 6.15 or newer; without "
     "effect before). See [deployment](deployment.md#retransmissions)."},
    {"tcp_pacing", ROOT(tcp_pacing), CONFIG_SIZE, "0", 0, GIB, NO_CHOICES,
     "SRS_TCP_PACING", RELOAD,
     "Highest rate at which the kernel sends to a client, in bytes per second; 0: no limit. See "
     "[deployment](deployment.md#congestion-control)."},
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
    {"user", ROOT(user), CONFIG_USER, "", 0, 2, NO_CHOICES,
     "SRS_USER", RESTART,
     "User, and group, that the processes which serve clients change to after they have opened listeners, "
     "log and certificates; the group of the user when none is given. Needs root. Empty: no change. See "
     "[security](security.md#user)."},
    {"sandbox", ROOT(sandbox), CONFIG_SWITCH, "on", NO_RANGE, NO_CHOICES,
     "SRS_SANDBOX", RESTART,
     "Confine the processes that serve clients to the configured files and to the system calls of a "
     "server, where the kernel can. See [security](security.md#sandbox)."},
    {"asprocess", ROOT(asprocess), CONFIG_SWITCH, "off", NO_RANGE, NO_CHOICES,
     "SRS_ASPROCESS", RESTART,
     "Exit when the parent process exits; cannot be combined with daemon."},
    {"inotify_auto_reload", ROOT(inotify_auto_reload), CONFIG_SWITCH, "off", NO_RANGE, NO_CHOICES,
     "SRS_INOTIFY_AUTO_RELOAD", RELOAD,
     "Reload when a file of the configuration has changed; see [reload](reload.md#without-a-signal)."},
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
    {"srs_log_file", ROOT(log_file), CONFIG_PATH, "./objs/millrace.log", PATH_LOG, NO_CHOICES,
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
    {"upgrade", ROOT(upgrade), CONFIG_SWITCH, "off", NO_RANGE, NO_CHOICES,
     "SRS_UPGRADE", RESTART,
     "Start a master process with workers 1, too, so that SIGUSR2 can upgrade the server. With more "
     "workers there always is one. See [upgrade](upgrade.md)."},
    {"upgrade_timeout", ROOT(upgrade_timeout), CONFIG_MS, "0", 0, 24 * HOUR_MS, NO_CHOICES,
     "SRS_UPGRADE_TIMEOUT", RELOAD,
     "After an upgrade: close the connections that old processes still have after this long; 0: wait "
     "until they have ended."},
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
    {"key", RTMPS(key), CONFIG_PATH, "./conf/server.key", PATH_SECRET, NO_CHOICES,
     "SRS_RTMPS_KEY", RELOAD,
     "Private key (PEM); reloaded when the file changes."},
    {"cert", RTMPS(cert), CONFIG_PATH, "./conf/server.crt", PATH_SECRET, NO_CHOICES,
     "SRS_RTMPS_CERT", RELOAD,
     "Certificate with its chain (PEM); reloaded when the file changes."},
};
/* clang-format on */

const struct config_rows config_table_server = CONFIG_ROWS(rows);
