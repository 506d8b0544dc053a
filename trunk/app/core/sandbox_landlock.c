/*
 * Landlock by its system calls (landlock(7)): the C library has no functions for them. The kernel's
 * header may be older than the kernel, so the rights of later versions stand here by their numbers.
 * A right that this version does not know is left out; everything it does know is denied except
 * below the allowed paths.
 *
 * What Landlock does not cover: stat(2) and connecting to UNIX sockets by their path. The files'
 * own permissions do: directive user.
 */
#include "app/core/sandbox_private.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Numbers of the interface that Debian 12's header does not have. */
#define FS_REFER        (1ULL << 13) /* version 2 */
#define FS_TRUNCATE     (1ULL << 14) /* version 3 */
#define FS_IOCTL_DEV    (1ULL << 15) /* version 5 */
#define NET_BIND_TCP    (1ULL << 0)  /* version 4 */
#define SCOPE_ABSTRACT  (1ULL << 0)  /* version 6 */
#define FS_ALL_OF_FIRST ((1ULL << 13) - 1)

#define RIGHTS_READ  (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)
#define RIGHTS_WRITE (LANDLOCK_ACCESS_FS_WRITE_FILE | FS_TRUNCATE)
#define RIGHTS_CREATE                                                                             \
    (LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_REMOVE_FILE | \
     LANDLOCK_ACCESS_FS_REMOVE_DIR | FS_REFER)
#define RIGHTS_SOCKETS (LANDLOCK_ACCESS_FS_MAKE_SOCK | LANDLOCK_ACCESS_FS_REMOVE_FILE)
/* The rights that a rule for something else than a folder may have. */
#define RIGHTS_FILE \
    (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE | FS_TRUNCATE | FS_IOCTL_DEV)

/* struct landlock_ruleset_attr of version 6. */
struct ruleset {
    uint64_t files;
    uint64_t network;
    uint64_t scopes;
};

/* How much of it a version knows. */
static size_t ruleset_size(int version)
{
    return version < 4   ? sizeof(uint64_t)
           : version < 6 ? 2 * sizeof(uint64_t)
                         : sizeof(struct ruleset);
}

static uint64_t rights_known(int version)
{
    uint64_t known = FS_ALL_OF_FIRST;

    known |= version >= 2 ? FS_REFER : 0;
    known |= version >= 3 ? FS_TRUNCATE : 0;
    known |= version >= 5 ? FS_IOCTL_DEV : 0;
    return known;
}

int sandbox_landlock_version(void)
{
    long version = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);

    return version > 0 ? (int)version : 0;
}

static uint64_t rights_of(const struct sandbox_path *path, int is_folder)
{
    uint64_t rights = 0;

    rights |= path->rights & SANDBOX_READ ? RIGHTS_READ : 0;
    rights |= path->rights & SANDBOX_WRITE ? RIGHTS_WRITE : 0;
    rights |= path->rights & SANDBOX_CREATE ? RIGHTS_CREATE : 0;
    rights |= path->rights & SANDBOX_SOCKETS ? RIGHTS_SOCKETS : 0;
    rights |= path->rights & SANDBOX_REMOVE ? LANDLOCK_ACCESS_FS_REMOVE_DIR : 0;
    return is_folder ? rights : rights & RIGHTS_FILE;
}

static struct err *rule_add(int ruleset, const struct sandbox_path *path, uint64_t known)
{
    struct landlock_path_beneath_attr rule = {.parent_fd = open(path->text, O_PATH | O_CLOEXEC)};
    struct err *err = NULL;
    struct stat st;

    /* Gone since it was found: out of reach then. */
    if (rule.parent_fd < 0 && (errno == ENOENT || errno == ENOTDIR || errno == EACCES))
        return NULL;
    if (rule.parent_fd < 0)
        return err_sys(errno, "Landlock: %s", path->text);
    if (fstat(rule.parent_fd, &st) == 0)
        rule.allowed_access = rights_of(path, S_ISDIR(st.st_mode)) & known;
    else
        err = err_sys(errno, "Landlock: %s", path->text);
    if (err == NULL && rule.allowed_access != 0 &&
        syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) != 0)
        err = err_sys(errno, "Landlock: %s", path->text);
    close(rule.parent_fd);
    return err;
}

struct err *sandbox_landlock_enter(const struct sandbox *sandbox)
{
    uint64_t known = rights_known(sandbox->landlock);
    struct ruleset all = {.files = known,
                          .network = sandbox->may_bind ? 0 : NET_BIND_TCP,
                          .scopes = sandbox->may_bind ? 0 : SCOPE_ABSTRACT};
    struct err *err = NULL;
    int ruleset =
        (int)syscall(SYS_landlock_create_ruleset, &all, ruleset_size(sandbox->landlock), 0);

    if (ruleset < 0)
        return err_sys(errno, "Landlock");
    for (int i = 0; i < sandbox->count && err == NULL; i++)
        err = rule_add(ruleset, &sandbox->path[i], known);
    if (err == NULL && syscall(SYS_landlock_restrict_self, ruleset, 0) != 0)
        err = err_sys(errno, "Landlock");
    close(ruleset);
    return err;
}
