/*
 * server_id: the name of the server that outlives its process. The file next to the pid file is the
 * one that SRS uses too (objs/srs.pid, objs/srs.id), so a server that replaces SRS keeps its name.
 * What the file contains is not trusted: it is opened without following links, read up to a limit
 * and only accepted if it looks like a name; anything else stays untouched.
 */
#include "app/core/server_id.h"

#include "app/core/process.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/str.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#define ID_PREFIX  "vid-"
#define ID_LETTERS 7
#define ID_NAME    "millrace.id"

static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789";

static void id_generate(char *text)
{
    uint8_t random[ID_LETTERS] = {0};
    size_t at = strlen(ID_PREFIX);

    if (getrandom(random, sizeof(random), GRND_NONBLOCK) != (ssize_t)sizeof(random)) {
        usec_t now = clock_wall();

        memcpy(random, &now, sizeof(random));
    }
    memcpy(text, ID_PREFIX, at);
    for (size_t i = 0; i < ID_LETTERS; i++)
        text[at++] = letters[random[i] % (sizeof(letters) - 1)];
    text[at] = '\0';
}

/* "objs/srs.pid" becomes "objs/srs.id". 0, or -1 if it is too long. */
static int id_path(const char *pid, const char *state, char *path, size_t cap)
{
    size_t len = strlen(pid);

    if (len > 4 && strcmp(pid + len - 4, ".pid") == 0)
        len -= 4;
    if (len > 0)
        return str_format(path, cap, "%.*s.id", (int)len, pid);
    /* systemd separates several folders by colons. */
    len = state != NULL ? strcspn(state, ":") : 0;
    if (len > 0)
        return str_format(path, cap, "%.*s/" ID_NAME, (int)len, state);
    return str_copy(path, cap, "./objs/" ID_NAME);
}

/* Opens and locks the file. ERR_BUSY: another server has it. */
static struct err *id_lock(int *fd, const char *path)
{
    struct stat stat;
    struct err *err = NULL;

    /* O_NONBLOCK: opening a FIFO must not wait. */
    *fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NOFOLLOW | O_NONBLOCK, 0644);
    if (*fd < 0 && errno == ELOOP)
        return err_new(ERR_CONFIG, "symbolic links are not followed");
    if (*fd < 0)
        return err_sys(errno, "cannot open it");
    if (fstat(*fd, &stat) != 0 || !S_ISREG(stat.st_mode))
        err = err_new(ERR_CONFIG, "it is not a regular file");
    else if (flock(*fd, LOCK_EX | LOCK_NB) != 0)
        err = err_new(ERR_BUSY, "another server uses it");
    if (err) {
        close(*fd);
        *fd = -1;
    }
    return err;
}

/* 0 with the name that the file contains, "" for an empty file; -1 if it contains anything else. */
static int id_read(int fd, char *text)
{
    char data[SERVER_ID_SIZE + 2];
    ssize_t got = pread(fd, data, sizeof(data) - 1, 0);
    size_t len;

    if (got < 0)
        return -1;
    len = (size_t)got;
    data[len] = '\0';
    while (len > 0 && (data[len - 1] == '\n' || data[len - 1] == '\r'))
        data[--len] = '\0';
    if (len >= SERVER_ID_SIZE || strlen(data) != len ||
        strspn(data, "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                     "abcdefghijklmnopqrstuvwxyz0123456789-_.") != len)
        return -1;
    memcpy(text, data, len + 1);
    return 0;
}

static struct err *id_write(int fd, const char *text)
{
    size_t len = strlen(text);
    ssize_t done = pwrite(fd, text, len, 0);
    struct err *err;

    if (done == (ssize_t)len && fsync(fd) == 0)
        return NULL;
    err = err_sys(done < 0 || done == (ssize_t)len ? errno : ENOSPC, "cannot write it");
    if (ftruncate(fd, 0) != 0) /* half a name would be read as one */
        err = err_wrap(err, "and it cannot be emptied");
    return err;
}

static struct err *id_keep(struct server_id *id, const char *path)
{
    char kept[SERVER_ID_SIZE];
    struct err *err = id_lock(&id->fd, path);

    if (err)
        return err;
    if (id_read(id->fd, kept) != 0)
        return err_new(ERR_CONFIG, "it does not contain a server_id");
    if (kept[0] == '\0')
        return id_write(id->fd, id->text);
    memcpy(id->text, kept, sizeof(kept));
    return NULL;
}

void server_id_open(struct server_id *id, const char *configured, const char *pid,
                    const char *state, const struct log *log)
{
    char path[PATH_MAX];
    struct err *err;

    assert(id != NULL && configured != NULL && pid != NULL);
    id->fd = -1;
    if (configured[0] != '\0') {
        if (str_copy(id->text, sizeof(id->text), configured) != 0)
            log_warn(log, "server_id %s is longer than %d letters: cut to %s", configured,
                     SERVER_ID_SIZE - 1, id->text);
        return;
    }
    id_generate(id->text);
    if (id_path(pid, state, path, sizeof(path)) != 0)
        return;
    process_make_folder(path);
    err = id_keep(id, path);
    if (err == NULL)
        return;
    /* Several servers may run in one folder without pid files. */
    log_err(log, err_code(err) == ERR_BUSY ? LOG_INFO : LOG_WARN, err,
            "server_id is %s for this run only: %s: %s", id->text, path, err_text(err));
    err_free(err);
    server_id_close(id);
}

void server_id_close(struct server_id *id)
{
    if (id->fd >= 0)
        close(id->fd);
    id->fd = -1;
}
