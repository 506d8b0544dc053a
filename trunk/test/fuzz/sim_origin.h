#ifndef TEST_FUZZ_SIM_ORIGIN_H
#define TEST_FUZZ_SIM_ORIGIN_H

/*
 * Hostile servers that the server under test connects to. The input is what they say: each
 * connection that the server opens gets the next part of it, the parts are separated by
 * SIM_ORIGIN_CUT, and a part's first byte chooses how that server behaves: as sim_peer_run(), but
 * 0x10 refuses the connection and 0x40 lets it hang; with 0x80 a piece ends at a zero, which is not
 * sent, and is said only when the server under test has sent something since: an answer for each
 * question; at the port of RTMP it sends the server's handshake first instead. Beyond the last part
 * every connection is refused.
 */
#include "sim_kernel.h"

#define SIM_ORIGIN_CUT "\xff\xfe"
/* Connections in one input. */
#define SIM_ORIGINS_MAX 16

/* Begins an input; data is borrowed until the next sim_origin_begin() or sim_origin_end(). */
void sim_origin_begin(const uint8_t *data, size_t size);
/* Lets all connected servers say their next piece, and the server under test run; 0 when nothing is
 * left to say. */
int sim_origin_step(void);
/* Every connected server closes, and further connections are refused. */
void sim_origin_end(void);
/* The number of connections that are open. */
int sim_origin_open(void);

#endif
