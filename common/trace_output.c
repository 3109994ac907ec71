/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "common/trace_output.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <poll.h>
#include <unistd.h>

#include "common/alloc.h"
#include "common/crc32c.h"

#define HEADER_EVERY_BYTES (256u << 20)

/* Until a pipe takes something; 0, or -errno if somebody gave up meanwhile. */
static int wait_writable(struct trace_output *output)
{
	struct pollfd poll_fd = { .fd = output->fd, .events = POLLOUT };

	for (;;) {
		int n = poll(&poll_fd, 1, TRACE_WAIT_MS);

		if (n > 0)
			return 0;
		if (output->error)
			return output->error;
		if (!n && !output->threaded && output->gives_up &&
		    output->gives_up(output->gives_up_context, output->written))
			return -ECANCELED;
	}
}

/*
 * Everything or an error; what a signal or a full pipe cut short goes on. A pipe gets no more at a time than it has
 * room for, so that nobody is held in a write that cannot be interrupted.
 */
static int write_all(struct trace_output *output, struct iovec *iov, int count)
{
	while (count) {
		bool piecewise = !output->regular;
		int err = piecewise ? wait_writable(output) : 0;
		ssize_t n;

		if (err)
			return err;
		n = piecewise ? write(output->fd, iov->iov_base,
				      iov->iov_len < PIPE_BUF ? iov->iov_len : PIPE_BUF)
			      : writev(output->fd, iov, count);
		if (n < 0) {
			if (errno == EAGAIN || errno == EINTR)
				continue;
			return -errno;
		}
		while (count && (size_t)n >= iov->iov_len) {
			n -= (ssize_t)iov->iov_len;
			iov++;
			count--;
		}
		if (count) {
			iov->iov_base = (u8 *)iov->iov_base + n;
			iov->iov_len -= (size_t)n;
		}
	}
	return 0;
}

/* Writes the parts as one: after an error a regular file ends where it ended before. */
static int output_write(struct trace_output *output, struct iovec *iov, int count)
{
	size_t total = 0;
	int err;

	if (output->error)
		return output->error;
	for (int i = 0; i < count; i++)
		total += iov[i].iov_len;
	err = write_all(output, iov, count);
	if (err) {
		trace_output_fail(output, err);
		if (output->regular) {
			off_t end = (off_t)(output->base + output->written);

			/* If even this fails, the reader takes the rest for a cut record. */
			if (!ftruncate(output->fd, end))
				lseek(output->fd, end, SEEK_SET);
		}
		return err;
	}
	output->written += total;
	return 0;
}

int trace_output_open(struct trace_output *output, const u8 uuid[16])
{
	u8 label[TRACE_LABEL_SIZE];
	struct iovec iov = { label, sizeof(label) };
	struct stat st;
	off_t at;

	memcpy(&output->trace_id, uuid, 8);
	output->trace_id = be64toh(output->trace_id);
	if (output->keep)
		return 0;
	if (fstat(output->fd, &st))
		return -errno;
	at = lseek(output->fd, 0, fcntl(output->fd, F_GETFL) & O_APPEND ? SEEK_END : SEEK_CUR);
	if (S_ISREG(st.st_mode) && at >= 0) {
		output->regular = true;
		output->base = (u64)at;
	}
	trace_label_encode(label);
	return output_write(output, &iov, 1);
}

static void index_add(struct trace_output *output, const u8 *head)
{
	const size_t size = TRACE_INDEX_ENTRY_SIZE;

	if (output->index_dropped)
		return;
	if (output->index_len + size > TRACE_INDEX_MAX - 64) {
		output->index_dropped = true;
		return;
	}
	ARRAY_RESERVE(output->index, output->index_capacity, output->index_len + size);
	memcpy(output->index + output->index_len, head + TRACE_HEAD_CONSTANT, size);
	output->index_len += size;
}

static int record_write(struct trace_output *output, struct trace_head *head, const u8 *payload)
{
	u8 bytes[TRACE_HEAD_SIZE];
	struct iovec iov[] = { { bytes, sizeof(bytes) }, { (u8 *)payload, head->payload_len } };
	int err;

	head->trace_id = output->trace_id;
	head->version = TRACE_HEAD_VERSION;
	head->seq = output->seq;
	head->payload_crc = head->flags & TRACE_ZSTD ? 0 : crc32c(payload, head->payload_len);
	trace_head_encode(head, bytes);
	err = output_write(output, iov, 2);
	if (err)
		return err;
	output->seq++;
	output->event_count += head->event_count;
	index_add(output, bytes);
	return 0;
}

int trace_output_header(struct trace_output *output)
{
	if (!output->header)
		return 0;
	output->header_at = output->written;
	return record_write(output, &output->header_head, output->header);
}

int trace_output_record(struct trace_output *output, struct trace_head *head, const u8 *payload)
{
	u64 at;
	int err = 0;

	if (output->keep) {
		err = output->keep(output->keep_context, head, payload);
		if (!err)
			output->written += TRACE_HEAD_SIZE + head->payload_len;
		return err;
	}
	if (head->type != TRACE_INDEX && output->written - output->header_at >= HEADER_EVERY_BYTES)
		err = trace_output_header(output);
	if (err)
		return err;
	at = output->written;
	err = record_write(output, head, payload);
	if (err)
		return err;
	if (head->type == TRACE_HEADER && !output->header) {
		output->header_at = at;
		output->header = xmemdup(payload, head->payload_len);
		output->header_head = *head;
		output->header_head.flags |= TRACE_COPY;
	}
	return 0;
}

int trace_output_end(struct trace_output *output, u64 index_at)
{
	struct trace_head head = {
		.type = TRACE_END,
		.stream = TRACE_STREAM_NONE,
		.ts_min = TRACE_TS_NONE,
		.ts_max = TRACE_TS_NONE,
		.raw_len = TRACE_END_SIZE,
		.mid_len = TRACE_END_SIZE,
		.payload_len = TRACE_END_SIZE,
	};
	u64 values[4] = {
		htobe64(index_at),
		htobe64(output->header_at),
		htobe64(output->event_count),
		htobe64(output->written + TRACE_HEAD_SIZE + TRACE_END_SIZE),
	};

	_Static_assert(sizeof(values) == TRACE_END_SIZE, "four numbers");
	return record_write(output, &head, (const u8 *)values);
}

void trace_output_fail(struct trace_output *output, int error)
{
	int none = 0;

	atomic_compare_exchange_strong(&output->error, &none, error);
}

void trace_output_release(struct trace_output *output)
{
	free(output->header);
	free(output->index);
}
