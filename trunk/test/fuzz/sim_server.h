#ifndef TEST_FUZZ_SIM_SERVER_H
#define TEST_FUZZ_SIM_SERVER_H

/*
 * The whole server of this tree on the kernel of sim_kernel.h, without listeners: a target opens
 * connections as if they were accepted. It is started once for each process; between two inputs it
 * becomes idle again, and sim_server_rest() fails if anything is left.
 */
#include "sim_kernel.h"

#include "app/core/listener.h"
#include "app/core/server.h"

struct publication;
struct worker_share;

/* Starts the server with this configuration. */
struct server *sim_server_start(const char *text);
/* The same as the first of two workers; *share is theirs. The target plays the other one. */
struct server *sim_server_start_worker(const char *text, struct worker_share **share);

/* A connection as a listener of this type accepts it. */
struct sim_socket *sim_server_accept(struct server *server, const struct listener_type *type,
                                     const char *ip);

/*
 * Reloads with this configuration if the input wants it: it ends with "\xfdR", before what
 * sim_memory_arm() reads. sim_reload_arm() returns the size of the input without that; the next
 * sim_server_rest() reloads with the first configuration again.
 */
size_t sim_reload_arm(const uint8_t *data, size_t size);
void sim_reload(struct server *server, const char *text);

/* Waits until the server has neither connections nor streams, with a limit of simulated time; then
 * memory must not have grown over many inputs. */
void sim_server_rest(struct server *server);

/* An encoder of this process that publishes vhost __defaultVhost__. */
struct sim_publisher {
    struct source *source;
    struct publication *publication;
    uint32_t ms;
    int is_evicted;
};
/* 0, or -1: the stream is taken. */
int sim_publish(struct server *server, const char *app, const char *stream,
                struct sim_publisher *out);
/* Sequence headers, then a keyframe and further frames of H.264 and AAC. */
void sim_publish_headers(struct sim_publisher *publisher);
void sim_publish_frames(struct sim_publisher *publisher, int count);
void sim_unpublish(struct sim_publisher *publisher);

/* An RTMP client at the socket publishes live/s: the handshake, connect, createStream and publish
 * at once, then a sequence header and a frame. */
void sim_encoder(struct sim_socket *socket);

/*
 * Plays a peer: sends the bytes in pieces, the first byte chooses their size; the server runs after
 * each. `during` (or NULL) is called now and then. Then the peer closes, is silent for a minute, or
 * resets the connection, as the first byte says. Releases the socket.
 */
void sim_peer_run(struct sim_socket *socket, const uint8_t *data, size_t size,
                  void (*during)(void *arg), void *arg);

#endif
