/*
 * The order matters: groups can only be changed while the user is still root (setgroups(2),
 * setresuid(2)). That the change cannot be undone is tried, not believed.
 */
#include "app/core/privileges.h"

#include <assert.h>
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

struct err *privileges_find(struct privileges *privileges, const struct config *config,
                            const struct log *log)
{
    const struct config_strings *names = &config->user;
    const struct passwd *user;
    const struct group *group;

    memset(privileges, 0, sizeof(*privileges));
    if (names->count == 0)
        return NULL;
    user = getpwnam(names->item[0]);
    if (user == NULL)
        return err_new(ERR_CONFIG, "user %s: no such user", names->item[0]);
    privileges->name = names->item[0];
    privileges->uid = user->pw_uid;
    privileges->gid = user->pw_gid;
    if (names->count > 1) {
        group = getgrnam(names->item[1]);
        if (group == NULL)
            return err_new(ERR_CONFIG, "user %s %s: no such group", names->item[0], names->item[1]);
        privileges->gid = group->gr_gid;
    }
    if (geteuid() == privileges->uid && geteuid() != 0)
        return NULL;
    if (geteuid() != 0)
        log_warn(log, "user %s ignored: the server was not started as root", privileges->name);
    else
        privileges->is_set = privileges->uid != 0;
    return NULL;
}

void privileges_give(const struct privileges *privileges, const char *path)
{
    if (privileges->is_set && lchown(path, privileges->uid, privileges->gid) != 0)
        return;
}

void privileges_give_fd(const struct privileges *privileges, int fd)
{
    struct stat st;

    if (privileges->is_set && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) &&
        fchown(fd, privileges->uid, privileges->gid) != 0)
        return;
}

struct err *privileges_drop(const struct privileges *privileges)
{
    uid_t uid = privileges->uid;
    gid_t gid = privileges->gid;
    pid_t parent = getppid();
    int follows = 0;

    if (!privileges->is_set)
        return NULL;
    assert(uid != 0);
    if (prctl(PR_GET_PDEATHSIG, &follows) != 0)
        follows = 0;
    if (setgroups(0, NULL) != 0 || setresgid(gid, gid, gid) != 0 || setresuid(uid, uid, uid) != 0)
        return err_sys(errno, "user %s", privileges->name);
    if (setresuid((uid_t)-1, 0, (uid_t)-1) == 0)
        return err_new(ERR_DENIED, "user %s: root can be regained", privileges->name);
    if (follows != 0 && prctl(PR_SET_PDEATHSIG, follows) != 0)
        return err_sys(errno, "user %s: prctl", privileges->name);
    if (follows != 0 && getppid() != parent)
        return err_new(ERR_CLOSED, "parent process has exited");
    return NULL;
}
