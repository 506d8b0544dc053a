/*
 * The state is as large as its longest configuration, and takes memory for what was written to it
 * only. It comes from a program of this server that was executed in this process, and is trusted as
 * far as its version is right.
 */
#include "app/workers/upgrade_state.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define STATE_NAME  "millrace-upgrade"
#define STATE_MAGIC UINT64_C(0x6564617267707531)

static struct upgrade_state *state_map(int fd)
{
    void *at = mmap(NULL, sizeof(struct upgrade_state), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

    if (at == MAP_FAILED)
        return NULL;
    (void)madvise(at, sizeof(struct upgrade_state), MADV_DONTDUMP);
    return at;
}

struct upgrade_state *upgrade_state_new(int *fd)
{
    struct upgrade_state *state = NULL;

    *fd = memfd_create(STATE_NAME, MFD_CLOEXEC);
    if (*fd < 0)
        return NULL;
    if (ftruncate(*fd, (off_t)sizeof(*state)) == 0)
        state = state_map(*fd);
    if (state == NULL) {
        close(*fd);
        *fd = -1;
        return NULL;
    }
    state->magic = STATE_MAGIC;
    state->version = UPGRADE_VERSION;
    state->size = (uint32_t)sizeof(*state);
    state->program_fd = state->pid_fd = state->server_id_fd = state->memory_fd = -1;
    state->wake[0] = state->wake[1] = -1;
    for (int i = 0; i < CONFIG_PROCESSES_MAX; i++)
        state->notify_fd[i] = state->handoff_socket[i][0] = state->handoff_socket[i][1] =
            state->port_socket[i][0] = state->port_socket[i][1] = -1;
    return state;
}

struct err *upgrade_state_open(int fd, struct upgrade_state **out)
{
    uint64_t magic = 0;
    uint32_t number[2] = {0, 0};
    struct stat stat;

    *out = NULL;
    if (fstat(fd, &stat) != 0 || pread(fd, &magic, sizeof(magic), 0) != (ssize_t)sizeof(magic) ||
        pread(fd, number, sizeof(number), sizeof(magic)) != (ssize_t)sizeof(number) ||
        magic != STATE_MAGIC)
        return err_new(ERR_CLOSED, "upgrade: descriptor %d has no state of a server", fd);
    if (number[0] != UPGRADE_VERSION || number[1] != sizeof(**out) ||
        stat.st_size < (off_t)sizeof(**out))
        return err_new(ERR_LIMIT,
                       "upgrade: the running server has version %u (%u bytes) of the state, this "
                       "program has version %d (%zu bytes); restart instead",
                       number[0], number[1], UPGRADE_VERSION, sizeof(**out));
    *out = state_map(fd);
    return *out != NULL ? NULL : err_sys(errno, "upgrade: state");
}

void upgrade_state_free(struct upgrade_state *state)
{
    if (state != NULL)
        (void)munmap(state, sizeof(*state));
}

/* ---- descriptors ---- */

static void inherit(int fd, int is_inherited)
{
    if (fd >= 0)
        (void)fcntl(fd, F_SETFD, is_inherited ? 0 : FD_CLOEXEC);
}

void upgrade_state_inherit(const struct upgrade_state *state, int is_inherited)
{
    inherit(state->program_fd, is_inherited);
    inherit(state->pid_fd, is_inherited);
    inherit(state->server_id_fd, is_inherited);
    inherit(state->memory_fd, is_inherited);
    inherit(state->wake[0], is_inherited);
    inherit(state->wake[1], is_inherited);
    for (int i = 0; i < CONFIG_PROCESSES_MAX; i++) {
        inherit(state->notify_fd[i], is_inherited);
        for (int end = 0; end < 2; end++) {
            inherit(state->handoff_socket[i][end], is_inherited);
            inherit(state->port_socket[i][end], is_inherited);
        }
    }
    for (int i = 0; i < state->port_count; i++)
        for (int j = 0; j < state->port[i].count; j++)
            inherit(state->port[i].fd[j], is_inherited);
}

/* ---- the configuration ---- */

struct err *upgrade_state_put_config(struct upgrade_state *state, const struct config *config)
{
    struct buf text;
    int failed;

    /* Reserved at once: a buffer that grows leaves copies of the secrets in it. */
    buf_init(&text, sizeof(state->source));
    failed = buf_reserve(&text, config_source_length(config_source_of(config))) == NULL ||
             config_source_write(config_source_of(config), &text) != 0;
    if (!failed) {
        memcpy(state->source, buf_data(&text), text.len);
        state->source_len = text.len;
    }
    if (text.data != NULL)
        explicit_bzero(text.data, text.cap);
    buf_fini(&text);
    return failed ? err_new(ERR_LIMIT, "upgrade: the configuration is too long") : NULL;
}

struct err *upgrade_state_config(const struct upgrade_state *state, struct config **out)
{
    struct config_source *source = NULL;
    size_t used;

    if (state->source_len <= sizeof(state->source))
        source = config_source_read(state->source, (size_t)state->source_len, &used);
    return source != NULL ? config_load_source(source, out)
                          : err_new(ERR_CONFIG, "upgrade: no configuration in the state");
}
