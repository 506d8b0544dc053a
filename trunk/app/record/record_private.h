#ifndef APP_RECORD_RECORD_PRIVATE_H
#define APP_RECORD_RECORD_PRIVATE_H

/* One recording. For the record*.c files only. */
#include "app/config/config.h"
#include "app/record/record_disk.h"
#include "base/buf.h"
#include "base/yield.h"
#include "co/co.h"
#include "live/viewer.h"
#include "media/flv_record.h"

struct offload;
struct server;
struct stream;

/* The state in the server. */
struct record {
    struct server *server;
    struct offload *offload;
    struct recorder *first; /* of all streams */
    size_t count;           /* coroutines: those of recordings, and the search */
    unsigned ticks;
};

/* The state in a stream. */
struct record_stream {
    struct recorder *current; /* of the present publication; NULL: none */
};

enum record_publisher { RECORD_ID, RECORD_IP, RECORD_TC_URL, RECORD_PARAM, RECORD_PUBLISHER_FACTS };

struct recorder {
    struct recorder *prev, *next; /* in struct record */
    struct record *record;
    struct stream *stream;
    struct source *source; /* held */
    struct co_cond wake;
    struct viewer *viewer;
    struct buf in;     /* tags from the ring */
    struct buf init;   /* init data, as it was when everything before was taken */
    uint8_t is_ended;  /* no more than what the ring has */
    uint8_t is_manual; /* by the API, whatever the configuration says */
    uint8_t has_failed;

    /* The file, while there is one. */
    struct flv_record *flv;
    struct record_file *file;

    char *publisher[RECORD_PUBLISHER_FACTS]; /* the publisher, as in struct session_info; NULL: not
                                                known yet */
};

/* ---- record_write.c ---- */

/* Takes what the ring has into files. 0, or -1: it has failed, and is over. */
MAY_YIELD int record_write_all(struct recorder *r);
/* Finishes the file, if there is one. */
MAY_YIELD void record_write_end(struct recorder *r);

#endif
