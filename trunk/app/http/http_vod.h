#ifndef APP_HTTP_HTTP_VOD_H
#define APP_HTTP_HTTP_VOD_H

/*
 * FLV on demand: `file.flv?start=BYTES` and `file.flv?starttime=SECONDS` return an FLV stream that
 * starts within the file.
 */
#include "app/http/http_exchange.h"
#include "co/file.h"

/* 1 if the request is for a part of an FLV file; position 0 means the file itself. */
int http_vod_wants(const struct http_exchange *x);

/* Answers it. The caller owns file. */
struct err *http_vod_serve(struct http_exchange *x, struct file *file, usec_t timeout);

#endif
