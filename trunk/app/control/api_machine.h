#ifndef APP_CONTROL_API_MACHINE_H
#define APP_CONTROL_API_MACHINE_H

/*
 * The machine as JSON: memory, network, sockets, load. Never yields.
 */
#include <jansson.h>
#include <stdint.h>

struct api_state;

/* KiB of this line of /proc/meminfo ("MemTotal:"); 0: unknown. */
uint64_t api_machine_memory(const char *name);
/* The "data" of meminfos. NULL if out of memory. */
json_t *api_machine_meminfos(void);
/* The "system" of summaries, without the fields about the server. NULL if out of memory. state
 * NULL: no percentages. */
json_t *api_machine_json(const struct api_state *state);

#endif
