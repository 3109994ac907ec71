/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "analyze/model/connects.h"

#include "analyze/decode/decode.h"

#include <errno.h>

void connect_told(struct socket *socket, const struct trc_sock *record)
{
	bool went_on = socket->connecting;

	switch (record->reason) {
	case SOCKET_REASON_connecting:
		socket->connecting = true;
		return;
	case SOCKET_REASON_connect_failed:
		socket->error = record->error;
		socket->failed_ns = record->head.ts;
		socket->failed_late = went_on;
		break;
	case SOCKET_REASON_connect:
	case SOCKET_REASON_connected:
		socket->error = 0;
		break;
	case SOCKET_REASON_disconnect:
		break;
	default:
		return;
	}
	socket->connecting = false;
}

u32 connect_call_error(const struct socket *socket, const struct trc_syscall *record)
{
	u32 error = decoder_errno(record);
	bool failed = socket && socket->error;

	if (!error)
		return 0;
	/* What a call tells itself comes with an event of its time. */
	if (error != EINPROGRESS && error != EINTR && !errno_restarts(error))
		return failed && socket->error == error && socket->failed_ns != record->head.ts
			       ? 0
			       : error;
	/* It goes on, or it was over before the call was. */
	if (failed && socket->failed_ns == record->head.ts)
		return socket->error;
	return error == EINTR ? error : 0;
}

u32 connect_late_error(const struct socket *socket, const struct trc_sock *record)
{
	return record->reason == SOCKET_REASON_connect_failed && socket->failed_late ? record->error
										     : 0;
}
