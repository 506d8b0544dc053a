#ifndef APP_HLS_HLS_HTTP_H
#define APP_HLS_HLS_HTTP_H

/* Playlists and segments for players. */
struct http_handler;

/* A link of the HTTP chain, in front of the live streams. NULL if out of memory. */
struct http_handler *hls_http_new(struct http_handler *next);

#endif
