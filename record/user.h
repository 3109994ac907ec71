/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Who the command runs as: under sudo the one who called it, with --user whoever is named. */
#pragma once

#include <sys/types.h>

#include "common/types.h"

struct user {
	bool given; /* false: the command runs as record does */
	uid_t uid;
	gid_t gid;
	char *name; /* NULL: the user database does not know the number */
	char *home, *shell;
};

/* `name` is --user's, or NULL. 0; -EINVAL or -EPERM with *ret_error (free it), one line. */
int user_resolve(const char *name, struct user *ret_user, char **ret_error);
void user_release(struct user *user);

/* Who called sudo to run us as root, by number; false: nobody has. */
bool user_of_sudo(uid_t *ret_uid, gid_t *ret_gid);

/* That there is no such user, and who may have been meant; malloc'ed. */
char *user_unknown(const char *name);

/* In the child: ids, supplementary groups and environment. 0 or -errno. */
int user_become(const struct user *user);
