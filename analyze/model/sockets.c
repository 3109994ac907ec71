/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "analyze/model/sockets.h"

#include "analyze/model/fds_private.h"

#include <stdlib.h>

struct socket {
	u64 generation;
};

void socket_event(struct fds *fds, struct thread *thread, const struct trc_sock *record)
{
	(void)fds;
	(void)thread;
	(void)record;
}

void socket_free(struct socket *socket)
{
	free(socket);
}
