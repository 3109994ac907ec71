/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The rules of descriptors, event by event: what comes late, at the same time, or not at all. */
#include "analyze/model/connects.h"
#include "analyze/model/fds_private.h"
#include "tests/unit/make_world.h"

#include <errno.h>

/* The number is free early in close(): another thread may have it again before the close's record comes. */
static void test_number_taken_in_close(void)
{
	struct thread *a, *b;

	begin();
	file(100, 1, 1, 5, "/old", 11);
	CALL(.ts = 100, .tid = 1, .tgid = 1, .name = "open", .ret = 5);
	task(110, 1, 1, 2, 1);
	b = file(250, 2, 1, 5, "/new", 12);
	CHECK_STR(name_of(b, 5), "/new");
	CHECK_EQ(w.gone_count, 1);
	CHECK_STR(w.gone_name, "/old");
	a = CALL(.ts = 300, .ns = 100, .tid = 1, .tgid = 1, .name = "close", .args = { 5 });
	CHECK_STR(name_of(a, 5), "/old");
	/* Another call that was under way meanwhile, and one that began later. */
	a = CALL(.ts = 310, .ns = 200, .tid = 1, .tgid = 1, .name = "read", .args = { 5 });
	CHECK_STR(name_of(a, 5), "/old");
	a = CALL(.ts = 320, .ns = 10, .tid = 1, .tgid = 1, .name = "read", .args = { 5 });
	CHECK_STR(name_of(a, 5), "/new");
	CHECK_EQ(w.gone_count, 1);
	finish();
	CHECK_EQ(w.gone_count, 2);
}

static void test_close(void)
{
	struct thread *a;

	begin();
	file(100, 1, 1, 5, "/x", 11);
	a = CALL(.ts = 200, .ns = 10, .tid = 1, .tgid = 1, .name = "close", .args = { 5 },
		 .ret = -9);
	CHECK_STR(name_of(a, 5), "/x");
	a = CALL(.ts = 300, .ns = 10, .tid = 1, .tgid = 1, .name = "close", .args = { 5 });
	CHECK_STR(name_of(a, 5), "/x"); /* while it is told */
	CHECK_EQ(w.gone_count, 0);
	a = CALL(.ts = 400, .ns = 10, .tid = 1, .tgid = 1, .name = "read", .args = { 5 });
	CHECK_STR(name_of(a, 5), NULL);
	CHECK_EQ(w.gone_count, 1);
	CHECK_EQ(w.gone_end, FILE_END_close);
	CHECK_EQ(w.gone_ns, 300);
	/* The last thing that happens takes effect, too. */
	file(500, 1, 1, 6, "/y", 12);
	CALL(.ts = 600, .ns = 10, .tid = 1, .tgid = 1, .name = "close", .args = { 6 });
	finish();
	CHECK_EQ(w.gone_count, 2);
	CHECK_EQ(w.gone_end, FILE_END_close);
	CHECK_EQ(w.gone_ns, 600);
}

static void test_dup(void)
{
	struct open_file *first;
	struct thread *a;

	begin();
	file(100, 1, 1, 3, "/x", 11);
	a = file(110, 1, 1, 4, "/y", 12);
	first = thread_fd(a, 3);
	/* The recorder tells of the copy as of a new one, before the call. */
	file(200, 1, 1, 4, "/x", 11);
	CHECK_STR(w.gone_name, "/y");
	a = CALL(.ts = 200, .ns = 10, .tid = 1, .tgid = 1, .name = "dup2", .args = { 3, 4 },
		 .ret = 4);
	CHECK(thread_fd(a, 4) == first);
	CHECK_STR(open_file_name(thread_fd_before(a, 4))->data, "/y");
	CHECK_EQ(w.gone_count, 1);
	CALL(.ts = 300, .ns = 10, .tid = 1, .tgid = 1, .name = "fcntl", .args = { 3, F_DUPFD, 9 },
	     .ret = 9);
	CALL(.ts = 400, .ns = 10, .tid = 1, .tgid = 1, .name = "close_range", .args = { 0, 8 });
	a = CALL(.ts = 500, .ns = 10, .tid = 1, .tgid = 1, .name = "read", .args = { 9 });
	CHECK(thread_fd(a, 9) == first && !thread_fd(a, 3) && !thread_fd(a, 4));
	CHECK_EQ(w.gone_count, 1);
	finish();
	CHECK_EQ(w.gone_id, 1);
	CHECK_EQ(w.gone_end, FILE_END_open);
}

/* That the child shares its maker's table is told when both have changed it. */
static void test_clone_files(void)
{
	struct thread *a, *b;

	begin();
	file(100, 1, 1, 3, "/both", 11);
	file(100, 1, 1, 4, "/closed", 12);
	task(200, 1, 1, 7, 7);
	file(300, 7, 7, 5, "/childs", 13);
	CALL(.ts = 310, .ns = 5, .tid = 7, .tgid = 7, .name = "close", .args = { 4 });
	a = CALL(.ts = 400, .ns = 300, .tid = 1, .tgid = 1, .name = "clone",
		 .args = { 0x400 /* CLONE_FILES */ }, .ret = 7);
	CHECK_STR(name_of(a, 3), "/both");
	CHECK_STR(name_of(a, 5), "/childs");
	CHECK(!thread_fd(a, 4));
	CHECK_EQ(w.gone_count, 1);
	file(500, 1, 1, 6, "/later", 14);
	b = CALL(.ts = 510, .ns = 5, .tid = 7, .tgid = 7, .name = "read", .args = { 6 });
	CHECK_STR(name_of(b, 6), "/later");
	CALL(.ts = 520, .ns = 5, .tid = 7, .tgid = 7, .name = "unshare", .args = { 0x400 });
	file(530, 7, 7, 8, "/alone", 15);
	a = CALL(.ts = 540, .ns = 5, .tid = 1, .tgid = 1, .name = "read", .args = { 8 });
	CHECK(!thread_fd(a, 8));
	finish();
}

static void test_fork_and_exec(void)
{
	struct trc_file *event;
	struct thread *child;

	begin();
	file(100, 1, 1, 3, "/kept", 11);
	event = record(TRC_KIND_file, 110, 1, 1, sizeof(*event));
	event->fd = 4;
	event->inode = 12;
	event->mode = S_IFREG;
	event->traits = 1; /* close on exec */
	item(0, TRC_TYPE_str, "/script", 7);
	tell();
	task(200, 1, 1, 7, 7);
	CALL(.ts = 210, .ns = 50, .tid = 1, .tgid = 1, .name = "fork", .ret = 7);
	executed(300, 7);
	child = CALL(.ts = 310, .ns = 60, .tid = 7, .tgid = 7, .name = "execveat", .args = { 4 });
	CHECK_STR(name_of(child, 4), "/script");
	child = CALL(.ts = 320, .ns = 5, .tid = 7, .tgid = 7, .name = "read", .args = { 4 });
	CHECK(!thread_fd(child, 4));
	CHECK_STR(name_of(child, 3), "/kept");
	CHECK_EQ(w.gone_count, 0); /* the parent has it */
	/* Without a record of the call: the next one shows that it is over. */
	CALL(.ts = 400, .ns = 5, .tid = 7, .tgid = 7, .name = "fcntl", .args = { 3, F_SETFD, 1 });
	executed(500, 7);
	child = CALL(.ts = 510, .ns = 5, .tid = 7, .tgid = 7, .name = "read", .args = { 3 });
	CHECK(!thread_fd(child, 3));
	died(600, 1, 1);
	/* What it never returned from comes with the same time. */
	child = CALL(.ts = 600, .ns = 5, .tid = 1, .tgid = 1, .name = "read", .args = { 4 },
		     .state = TRC_SYSCALL_UNFINISHED);
	CHECK_STR(name_of(child, 4), "/script");
	CHECK_EQ(w.gone_count, 0);
	CALL(.ts = 610, .ns = 5, .tid = 7, .tgid = 7, .name = "getpid");
	CHECK_EQ(w.gone_count, 2);
	CHECK_EQ(w.gone_end, FILE_END_exit);
	CHECK_EQ(w.gone_ns, 600);
	finish();
}

/* Numbers of inodes are used again. */
static void test_instances(void)
{
	struct thread *a;
	u64 id, other;

	begin();
	a = file(100, 1, 1, 3, "/tmp/a", 11);
	id = object_of_fd(a, 3)->id;
	CALL(.ts = 110, .ns = 5, .tid = 1, .tgid = 1, .name = "close", .args = { 3 });
	a = file(120, 1, 1, 3, "/tmp/a", 11);
	CHECK_EQ(object_of_fd(a, 3)->id, id);
	a = file(130, 1, 1, 4, "/tmp/link", 11); /* open: another name of the same file */
	CHECK_EQ(object_of_fd(a, 4)->id, id);
	CHECK_STR(name_of(a, 4), "/tmp/link");
	CALL(.ts = 140, .ns = 5, .tid = 1, .tgid = 1, .name = "close", .args = { 3 });
	CALL(.ts = 150, .ns = 5, .tid = 1, .tgid = 1, .name = "close", .args = { 4 });
	a = file(160, 1, 1, 3, "/tmp/b", 11);
	CHECK(object_of_fd(a, 3)->id != id);

	file_how(200, 1, 1, 5, 77, 1);
	a = file_how(200, 1, 1, 6, 77, 1);
	other = object_of_fd(a, 5)->id;
	CHECK_EQ(object_of_fd(a, 6)->id, other);
	CHECK_STR(name_of(a, 5), "pipe:[77]");
	/* That both were closed is missing. */
	file_how(300, 2, 2, 5, 77, 1);
	a = file_how(300, 2, 2, 6, 77, 1);
	CHECK(object_of_fd(a, 5)->id != other);
	CHECK_EQ(object_of_fd(a, 6)->id, object_of_fd(a, 5)->id);
	w.object_count = 0;
	CALL(.ts = 310, .ns = 5, .tid = 2, .tgid = 2, .name = "close", .args = { 5 });
	CALL(.ts = 320, .ns = 5, .tid = 2, .tgid = 2, .name = "close", .args = { 6 });
	CALL(.ts = 330, .ns = 5, .tid = 2, .tgid = 2, .name = "getpid");
	CHECK_EQ(w.object_count, 1);
	finish();
}

static void sent(u64 ts, u64 ns, u32 tid, s32 fd)
{
	struct {
		u64 len;
		s32 level, type, fd, zero;
	} message = { 20, 1, 1, fd, 0 };

	call_with((struct call){ .ts = ts,
				 .ns = ns,
				 .tid = tid,
				 .tgid = tid,
				 .name = "sendmsg",
				 .args = { 9 },
				 .ret = 1 },
		  1, TRC_TYPE_cmsgs, &message, sizeof(message));
}

static void test_messages(void)
{
	struct open_file *first;
	struct thread *a;

	begin();
	a = file_how(100, 1, 1, 3, 77, 0);
	first = thread_fd(a, 3);
	sent(200, 5, 1, 3);
	CALL(.ts = 210, .ns = 5, .tid = 1, .tgid = 1, .name = "close", .args = { 3 });
	a = file_how(300, 2, 2, 8, 77, 2);
	CHECK(thread_fd(a, 8) == first);
	CHECK_EQ(w.gone_count, 0);
	CALL(.ts = 310, .ns = 5, .tid = 2, .tgid = 2, .name = "close", .args = { 8 });
	CALL(.ts = 320, .ns = 5, .tid = 2, .tgid = 2, .name = "getpid");
	CHECK_EQ(w.gone_count, 1);
	CHECK_EQ(w.gone_ns, 310);
	/* Received before the sender's call has returned: it is not under way any more. */
	file_how(400, 1, 1, 3, 78, 0);
	file_how(450, 2, 2, 8, 78, 2);
	sent(460, 30, 1, 3);
	CALL(.ts = 470, .ns = 5, .tid = 1, .tgid = 1, .name = "close", .args = { 3 });
	CALL(.ts = 480, .ns = 5, .tid = 2, .tgid = 2, .name = "close", .args = { 8 });
	CALL(.ts = 490, .ns = 5, .tid = 2, .tgid = 2, .name = "getpid");
	CHECK_EQ(w.gone_count, 3);
	/* From outside the trace. */
	a = file_how(500, 2, 2, 8, 79, 2);
	CHECK_EQ(thread_fd(a, 8)->origin, FILE_ORIGIN_received);
	finish();
	CHECK_EQ(w.gone_count, 4);
}

/* Without the group `file` the calls are all there is. */
static void test_inferred(void)
{
	struct trc_file_dir *event;
	struct thread *a;

	begin();
	event = record(TRC_KIND_file_dir, 100, 1, 1, sizeof(*event));
	item(0, TRC_TYPE_str, "/usr/./lib", 10);
	tell();
	a = call_with((struct call){ .ts = 200,
				     .ns = 5,
				     .tid = 1,
				     .tgid = 1,
				     .name = "openat",
				     .args = { (u64)-100 },
				     .ret = 3 },
		      1, TRC_TYPE_str, "../share//x", 11);
	CHECK_STR(name_of(a, 3), "/usr/share/x");
	CHECK_EQ(thread_fd(a, 3)->origin, FILE_ORIGIN_inferred);
	a = call_with((struct call){ .ts = 300,
				     .ns = 5,
				     .tid = 1,
				     .tgid = 1,
				     .name = "openat",
				     .args = { 3 },
				     .ret = 4 },
		      1, TRC_TYPE_str, "y", 1);
	CHECK_STR(name_of(a, 4), "/usr/share/x/y");
	a = CALL(.ts = 400, .ns = 5, .tid = 1, .tgid = 1, .name = "epoll_create1", .ret = 5);
	CHECK(thread_fd(a, 5) && !name_of(a, 5));
	finish();
}

/* Nothing in a file is to be believed. */
static void test_hostile(void)
{
	static const s32 fds[] = { -1, INT32_MIN, INT32_MAX, 1 << 20, (1 << 20) - 1 };
	struct thread *a;

	begin();
	for (size_t i = 0; i < ARRAY_SIZE(fds); i++)
		a = file(100 + i, 1, 1, fds[i], "/x", 11);
	CHECK(!thread_fd(a, -1) && !thread_fd(a, INT32_MAX) && thread_fd(a, (1 << 20) - 1));
	/* Each has a table with one of a million, and what is open alone takes room. */
	for (u32 i = 2; i < 200; i++) {
		a = file(200 + i, i, i, (1 << 20) - 1, "/x", 11);
		task(1000 + i, 1, 1, i + 1000, i + 1000);
	}
	CHECK(thread_fd(a, (1 << 20) - 1) && !thread_fd(a, (1 << 20) - 2));
	CHECK(a->fds->fds->table_bytes < 4 << 20);
	CALL(.ts = 3000, .tid = 1, .tgid = 1, .name = "close_range", .args = { 0, UINT32_MAX, 4 });
	CALL(.ts = 3010, .tid = 1, .tgid = 1, .name = "close_range", .args = { 5, 2 });
	CALL(.ts = 3020, .tid = 1, .tgid = 1, .name = "close_range", .args = { 0, UINT32_MAX });
	CALL(.ts = 3030, .tid = 1, .tgid = 1, .name = "dup2", .args = { UINT64_MAX, 3 }, .ret = 3);
	CALL(.ts = 3040, .tid = 1, .tgid = 1, .name = "clone", .args = { 0x600 }, .ret = 1);
	task(3050, 1, 1, 1, 1);
	died(3060, 1, 1);
	died(3060, 1, 1);
	finish();
}

static void named_socket(u64 ts, u32 pid, s32 fd, u64 inode, u8 reason, u16 local, u16 remote)
{
	struct trc_sock *event = record(TRC_KIND_sock, ts, pid, pid, sizeof(*event));
	u8 address[16] = { 0, 0, 0, 0, 127, 0, 0, 1 };
	const u16 family = 2; /* in the byte order of this machine, the rest in the network's */

	memcpy(address, &family, sizeof(family));
	event->inode = inode;
	event->net_ns = 4;
	event->family = 2;
	event->type = 1;
	event->protocol = 6;
	event->generation = inode;
	event->reason = reason;
	event->fd = fd;
	address[2] = (u8)(local >> 8);
	address[3] = (u8)local;
	item(0, TRC_TYPE_sockaddr, address, sizeof(address));
	address[2] = (u8)(remote >> 8);
	address[3] = (u8)remote;
	if (remote)
		item(1, TRC_TYPE_sockaddr, address, sizeof(address));
	tell();
}

static struct object *socket_at(u32 pid, s32 fd)
{
	struct thread *thread =
		CALL(.ts = w.model ? 9000 : 0, .tid = pid, .tgid = pid, .name = "getpid");

	return object_of_fd(thread, fd);
}

static struct trc_syscall connect_call(u64 ts, s64 ret)
{
	return (struct trc_syscall){ .head = { .ts = ts }, .abi = SYSCALL_ABI_X86_64, .ret = ret };
}

static struct trc_sock told(u64 ts, u8 reason, u16 error)
{
	return (struct trc_sock){ .head = { .ts = ts }, .reason = reason, .error = error };
}

/* A connect fails once, wherever that is told. */
static void test_connects(void)
{
	struct trc_syscall goes_on = connect_call(100, -EINPROGRESS);
	struct trc_syscall refused = connect_call(100, -ECONNREFUSED);
	struct trc_syscall again = connect_call(300, -ECONNREFUSED);
	struct trc_syscall repeated = connect_call(100, -512);
	struct trc_sock begins = told(100, SOCKET_REASON_connecting, EINPROGRESS);
	struct trc_sock at_once = told(100, SOCKET_REASON_connect_failed, ECONNREFUSED);
	struct trc_sock later = told(200, SOCKET_REASON_connect_failed, ECONNREFUSED);
	struct socket socket = {};

	/* Nobody told of sockets. */
	CHECK_EQ(connect_call_error(NULL, &goes_on), 0);
	CHECK_EQ(connect_call_error(NULL, &repeated), 0);
	CHECK_EQ(connect_call_error(NULL, &refused), ECONNREFUSED);
	/* The call waited. */
	connect_told(&socket, &at_once);
	CHECK_EQ(connect_late_error(&socket, &at_once), 0);
	CHECK_EQ(connect_call_error(&socket, &refused), ECONNREFUSED);
	/* It did not, but the answer was faster. */
	CHECK_EQ(connect_call_error(&socket, &goes_on), ECONNREFUSED);
	CHECK_EQ(connect_call_error(&socket, &again), 0);
	/* The answer came behind it. */
	socket = (struct socket){};
	connect_told(&socket, &begins);
	CHECK_EQ(connect_late_error(&socket, &begins), 0);
	CHECK_EQ(connect_call_error(&socket, &goes_on), 0);
	connect_told(&socket, &later);
	CHECK_EQ(connect_late_error(&socket, &later), ECONNREFUSED);
	CHECK_EQ(connect_call_error(&socket, &again), 0);
	CHECK_EQ(socket.error, ECONNREFUSED);
	/* The next one waits, and fails too. */
	later.head.ts = 300;
	connect_told(&socket, &later);
	CHECK_EQ(connect_late_error(&socket, &later), 0);
	CHECK_EQ(connect_call_error(&socket, &again), ECONNREFUSED);
}

/* Who listens says it in a call only. */
static void test_listen(void)
{
	begin();
	named_socket(100, 1, 3, 50, SOCKET_REASON_bind, 80, 0);
	CALL(.ts = 200, .ns = 1, .tid = 1, .tgid = 1, .name = "listen", .args = { 3 }, .ret = -22);
	CHECK_EQ(socket_at(1, 3)->socket->state, 0);
	CALL(.ts = 9100, .ns = 1, .tid = 1, .tgid = 1, .name = "listen", .args = { 3 });
	CHECK_EQ(socket_at(1, 3)->socket->state, SOCKET_LISTENING);
	finish();
}

/* The client is gone before its connection is accepted. */
static void test_late_accept(void)
{
	struct object *client, *server;
	u64 client_id;

	begin();
	named_socket(100, 1, 3, 50, SOCKET_REASON_connect, 4000, 80);
	client = object_ref(socket_at(1, 3));
	CHECK_FATAL(client);
	CHECK_STR(client->name->data, "tcp 127.0.0.1:4000->127.0.0.1:80");
	client_id = client->id;
	CALL(.ts = 9010, .ns = 1, .tid = 1, .tgid = 1, .name = "close", .args = { 3 });
	named_socket(9100, 2, 8, 51, SOCKET_REASON_accept, 80, 4000);
	server = socket_at(2, 8);
	CHECK_EQ(server->socket->peer_id, client_id);
	CHECK_EQ(client->socket->peer_id, server->id);
	CHECK_EQ(client->socket->closed_ns, 9010);
	/* The number again, by another socket. */
	named_socket(9200, 1, 3, 50, SOCKET_REASON_found, 4001, 80);
	CHECK(socket_at(1, 3)->id != client_id);
	object_unref(client);
	finish();
	CHECK_EQ(w.object_count, 3);
}

int main(void)
{
	test_number_taken_in_close();
	test_close();
	test_dup();
	test_clone_files();
	test_fork_and_exec();
	test_instances();
	test_messages();
	test_inferred();
	test_hostile();
	test_connects();
	test_listen();
	test_late_accept();
	return check_report();
}
