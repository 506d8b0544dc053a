#ifndef APP_HLS_HLS_WORKER_H
#define APP_HLS_HLS_WORKER_H

/* Playlists and segments for the other workers of this server. */
struct http_handler;

/* A link of the chain of their connections. NULL if out of memory. */
struct http_handler *hls_worker_new(struct http_handler *next);

#endif
