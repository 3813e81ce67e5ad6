/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "clusterd/io/ipc_access.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <unistd.h>

#include "clusterd/base/scope.h"
#include "clusterd/base/text.h"

/* A user in more groups than this has the rest ignored. */
#define GROUPS_MAX 1024

/* Entries of large groups are long; what does not fit is treated as not there. */
#define DATABASE_BYTES (256 * 1024)

static bool group_id_of(const char *name, gid_t *ret_gid)
{
        SCOPED_FREE char *buffer = malloc(DATABASE_BYTES);
        struct group entry, *found = NULL;
        if (buffer == NULL || getgrnam_r(name, &entry, buffer, DATABASE_BYTES, &found) != 0 || found == NULL)
                return false;
        *ret_gid = entry.gr_gid;
        return true;
}

struct user {
        char name[ACTOR_BYTES];
        int group_count;
        gid_t groups[GROUPS_MAX];
};

/* The groups of its process's main group alone when the user has no entry. */
static void user_read(uid_t uid, gid_t gid, struct user *user)
{
        user->groups[0] = gid;
        user->group_count = 1;
        TEXT_PRINT(user->name, "uid %u", (unsigned int)uid);

        SCOPED_FREE char *buffer = malloc(DATABASE_BYTES);
        struct passwd entry, *found = NULL;
        if (buffer == NULL || getpwuid_r(uid, &entry, buffer, DATABASE_BYTES, &found) != 0 || found == NULL)
                return;
        TEXT_COPY(user->name, entry.pw_name);
        user->group_count = GROUPS_MAX;
        if (getgrouplist(entry.pw_name, gid, user->groups, &user->group_count) < 0)
                user->group_count = GROUPS_MAX;
}

static bool user_is_in(const struct user *user, const char *group_name)
{
        gid_t gid;
        if (!group_id_of(group_name, &gid))
                return false;
        for (int i = 0; i < user->group_count; i++)
                if (user->groups[i] == gid)
                        return true;
        return false;
}

int ipc_access_decide(uid_t uid, gid_t gid, struct ipc_client *ret_client)
{
        struct user user;
        user_read(uid, gid, &user);
        /* Who runs as the daemon's own user could take it over anyway. */
        bool is_root = uid == 0 || uid == geteuid();
        bool may_change = is_root || user_is_in(&user, IPC_GROUP_ADMIN);
        if (!may_change && !user_is_in(&user, IPC_GROUP_VIEW))
                return -EACCES;
        ret_client->may_change = may_change;
        TEXT_COPY(ret_client->actor, user.name);
        return 0;
}
