/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Sockets, told when they come, get or change a name, and go; never when they are used.
 *
 * What was seen stands in a map by network namespace and inode; so a socket that was made unseen is told of at the
 * first call that names it, and one that takes the number of an older is another. An entry ends with the close of
 * the last descriptor; the oldest give way when sockets die with their processes, which needs no event: every
 * descriptor of a process ends with it.
 */
#include "bpf/core.bpf.h"
#include "bpf/capture.bpf.h"
#include "bpf/fd.bpf.h"
#include "bpf/object.bpf.h"
#include "bpf/sock_address.bpf.h"

#define EINTR	       4
#define ECONNABORTED   103
#define EALREADY       114
#define EINPROGRESS    115
#define ERESTART_FIRST 512
#define ERESTART_LAST  516

#define STATE_ESTABLISHED 1
#define STATE_SYN_SENT	  2
#define STATE_SYN_RECV	  3
#define STATE_CLOSE	  7

#define SOCK_SEEN_MAX 65536

struct sock_key {
	u64 inode;
	u64 net_ns;
};

/* What a connect has begun. */
enum sock_phase {
	PHASE_SETTLED = 0,
	PHASE_CONNECTING, /* goes on behind the call */
	PHASE_TOLD,	  /* its end was told; the next connect only asks for it */
};

struct sock_seen {
	u64 generation;
	u64 phase; /* enum sock_phase; changed by one compare-and-exchange: only one tells the end */
	u32 tid, tgid;
	s32 fd;
	u32 zero;
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, SOCK_SEEN_MAX);
	__type(key, struct sock_key);
	__type(value, struct sock_seen);
} sock_seen SEC(".maps");

#define ITEM_BYTES (sizeof(struct trc_item) + ADDRESS_BYTES)

struct sock_scratch {
	struct trc_sock event;
	u8 tail[2 * ITEM_BYTES];
	struct sock_address address;
};

/* One for calls, one for what interrupts them. */
enum sock_slot { SLOT_CALL, SLOT_STATE, SLOT_COUNT };

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, SLOT_COUNT);
	__type(key, u32);
	__type(value, struct sock_scratch);
} sock_scratch SEC(".maps");

/* Puts the address, if there is one, behind the first `off` bytes of the tail. */
__noinline int sock_put_address(struct sock_scratch *s, u32 off, u32 field, u32 len, u32 cut)
{
	struct trc_item *item;
	u32 bytes;

	if (!s || !len || len > ADDRESS_BYTES || off > ITEM_BYTES)
		return off;
	barrier_var(off);
	item = (void *)s->tail + off;
	item->field = field;
	item->type = TRC_TYPE_sockaddr;
	item->state = cut ? TRC_ITEM_TRUNCATED : TRC_ITEM_WHOLE;
	item->zero = 0;
	item->len = len;
	item->more = cut;
	bytes = (len + 7) & ~7u;
	barrier_var(bytes);
	if (bytes <= ADDRESS_BYTES)
		bpf_probe_read_kernel(s->tail + off + sizeof(*item), bytes, s->address.bytes);
	return off + sizeof(*item) + bytes;
}

/* Fills in what the socket tells and sends. `wanted` is the caller's sockaddr, for what the kernel does not keep. */
__noinline int sock_send(struct sock_scratch *s, u64 socket, u64 wanted, u32 wanted_len)
{
	struct sock *sk = (void *)socket;
	struct trc_sock *event;
	u32 off = 0, len, cut = 0;

	if (!s)
		return 0;
	event = &s->event;
	event->family = BPF_CORE_READ(sk, __sk_common.skc_family);
	event->type = BPF_CORE_READ(sk, sk_type);
	event->protocol = BPF_CORE_READ(sk, sk_protocol);
	if (!event->state)
		event->state = BPF_CORE_READ(sk, __sk_common.skc_state);
	event->peer_inode = 0;
	if (event->family == AF_UNIX)
		event->peer_inode = sock_inode((u64)BPF_CORE_READ((struct unix_sock *)sk, peer));
	len = sock_address_read(&s->address, socket, SIDE_LOCAL);
	if (!len && wanted && event->reason == SOCK_BIND) {
		len = wanted_len > ADDRESS_BYTES ? ADDRESS_BYTES : wanted_len;
		barrier_var(len);
		if (len <= ADDRESS_BYTES &&
		    bpf_probe_read_user(s->address.bytes, len, (void *)wanted))
			len = 0;
	}
	off = sock_put_address(s, off, 0, len, 0);
	len = 0;
	if (event->reason != SOCK_CONNECT_FAILED || !wanted)
		len = sock_address_read(&s->address, socket, SIDE_PEER);
	if (!len && wanted && event->reason != SOCK_BIND) {
		for (u32 i = 0; i < ADDRESS_BYTES / 8; i++)
			s->address.words[i] = 0;
		len = wanted_len;
		if (len > ADDRESS_BYTES) {
			cut = len - ADDRESS_BYTES < 65535 ? len - ADDRESS_BYTES : 65535;
			len = ADDRESS_BYTES;
		}
		barrier_var(len);
		if (len <= ADDRESS_BYTES &&
		    bpf_probe_read_user(s->address.bytes, len, (void *)wanted))
			len = 0;
	}
	off = sock_put_address(s, off, 1, len, cut);
	off += sizeof(*event);
	event->head.len = off;
	barrier_var(off);
	if (off <= sizeof(*event) + sizeof(s->tail))
		record_send(s, off, TRC_KIND_sock, event->head.ts);
	return 0;
}

/* The socket behind a file: its struct sock, and what identifies it. 0: it is no socket. */
static __always_inline u64 sock_of_file(struct file *file, struct sock_key *key)
{
	struct inode *inode = BPF_CORE_READ(file, f_inode);
	struct socket *socket;
	struct sock *sk;

	if ((BPF_CORE_READ(inode, i_mode) & S_IFMT) != S_IFSOCK)
		return 0;
	socket = BPF_CORE_READ(file, private_data);
	sk = BPF_CORE_READ(socket, sk);
	if (!sk)
		return 0;
	key->inode = BPF_CORE_READ(inode, i_ino);
	key->net_ns = BPF_CORE_READ(sk, __sk_common.skc_net.net, ns.inum);
	return (u64)sk;
}

static __always_inline struct sock_scratch *sock_begin(enum sock_slot slot,
						       const struct sock_key *key, u64 generation,
						       u32 reason, s32 fd, u64 now)
{
	struct sock_scratch *s;
	u32 index = slot;

	s = bpf_map_lookup_elem(&sock_scratch, &index);
	if (!s)
		return NULL;
	head_fill(&s->event.head, bpf_get_current_task_btf(), TRC_KIND_sock, sizeof(s->event) / 8,
		  now);
	s->event.inode = key->inode;
	s->event.net_ns = key->net_ns;
	s->event.generation = generation;
	s->event.reason = reason;
	s->event.fd = fd;
	s->event.error = 0;
	s->event.state = 0; /* sock_send asks */
	s->event.listener_inode = 0;
	return s;
}

static __always_inline u64 sock_see(const struct sock_key *key, u64 now)
{
	struct sock_seen seen = { .generation = now };

	bpf_map_update_elem(&sock_seen, key, &seen, BPF_ANY);
	return now;
}

/* The listener of an accept: found, if nobody has seen it. Returns its inode. */
static __always_inline u64 sock_listener(s32 fd, u64 now)
{
	struct file *file = (void *)fd_file(fd);
	struct sock_key key = {};
	struct sock_scratch *s;
	u64 sk;

	if (!file)
		return 0;
	sk = sock_of_file(file, &key);
	if (!sk)
		return 0;
	if (!bpf_map_lookup_elem(&sock_seen, &key)) {
		s = sock_begin(SLOT_CALL, &key, sock_see(&key, now), SOCK_FOUND, fd, now);
		if (s)
			sock_send(s, sk, 0, 0);
	}
	return key.inode;
}

__noinline int sock_made(u32 fd, u32 reason, s32 listener, u64 now)
{
	u64 sk, listener_inode = 0;
	struct sock_key key = {};
	struct sock_scratch *s;
	struct file *file;

	if (!group_on(GROUP_sock))
		return 0;
	file = (void *)fd_file(fd);
	if (!file)
		return 0;
	sk = sock_of_file(file, &key);
	if (!sk)
		return 0;
	if ((reason == SOCK_RECEIVED || reason == SOCK_FOUND) &&
	    bpf_map_lookup_elem(&sock_seen, &key))
		return 0;
	if (reason == SOCK_ACCEPT && listener >= 0)
		listener_inode = sock_listener(listener, now);
	s = sock_begin(SLOT_CALL, &key, sock_see(&key, now), reason, fd, now);
	if (!s)
		return 0;
	s->event.listener_inode = listener_inode;
	sock_send(s, sk, 0, 0);
	return 0;
}

__noinline int sock_bind(struct task_state *state, const struct call_object *object, u64 now)
{
	struct sock_key key = {};
	struct sock_scratch *s;
	struct sock_seen *seen;
	struct file *file;
	u64 sk;
	u32 fd;

	if (!group_on(GROUP_sock) || !state || !object)
		return 0;
	fd = call_arg(&state->call, object->arg);
	file = (void *)fd_file(fd);
	sk = file ? sock_of_file(file, &key) : 0;
	if (!sk)
		return 0;
	seen = bpf_map_lookup_elem(&sock_seen, &key);
	s = sock_begin(SLOT_CALL, &key, seen ? seen->generation : sock_see(&key, now), SOCK_BIND,
		       fd, now);
	if (s)
		sock_send(s, sk, call_arg(&state->call, object->aux),
			  call_arg(&state->call, object->len));
	return 0;
}

/*
 * The reason of the event that a connect makes, 0 for none. A connect that does not wait, or that a signal ends, goes on
 * behind the call; its end is told by sock_state_changed, or here if it has come already.
 */
static __always_inline u32 sock_connect_reason(struct sock_seen *seen, struct sock *sk, u32 family,
					       s64 ret, u32 *error)
{
	u32 state;

	*error = 0;
	if (!ret) {
		bool told = seen->phase == PHASE_TOLD;

		seen->phase = PHASE_SETTLED;
		if (!family)
			return SOCK_DISCONNECT;
		return told ? 0 : SOCK_CONNECT;
	}
	*error = -ret;
	if (ret == -EALREADY)
		return 0;
	if (ret != -EINPROGRESS && ret != -EINTR &&
	    !(ret <= -ERESTART_FIRST && ret >= -ERESTART_LAST)) {
		/* The answer to a connect before this one. */
		bool told = seen->phase == PHASE_TOLD;

		seen->phase = PHASE_SETTLED;
		return told ? 0 : SOCK_CONNECT_FAILED;
	}
	if (ret != -EINPROGRESS)
		*error = EINTR;
	if (seen->phase == PHASE_CONNECTING)
		return 0;
	seen->phase = PHASE_CONNECTING;
	state = BPF_CORE_READ(sk, __sk_common.skc_state);
	if (state == STATE_SYN_SENT || state == STATE_SYN_RECV)
		return SOCK_CONNECTING;
	/* Over before anybody could look: between here and sock_state_changed, one tells. */
	if (__sync_val_compare_and_swap(&seen->phase, PHASE_CONNECTING, PHASE_TOLD) !=
	    PHASE_CONNECTING)
		return 0;
	if (state == STATE_CLOSE) {
		*error = BPF_CORE_READ(sk, sk_err);
		if (!*error)
			*error = ECONNABORTED;
		return SOCK_CONNECT_FAILED;
	}
	*error = 0;
	return SOCK_CONNECT;
}

__noinline int sock_connect(struct task_state *state, const struct call_object *object, s64 ret,
			    u64 now)
{
	struct task_struct *task = bpf_get_current_task_btf();
	u32 fd, reason, error = 0;
	struct sock_key key = {};
	struct sock_scratch *s;
	struct sock_seen *seen;
	struct file *file;
	u64 sk, wanted;
	u16 family = 0;

	if (!group_on(GROUP_sock) || !state || !object)
		return 0;
	fd = call_arg(&state->call, object->arg);
	file = (void *)fd_file(fd);
	sk = file ? sock_of_file(file, &key) : 0;
	if (!sk)
		return 0;
	seen = bpf_map_lookup_elem(&sock_seen, &key);
	if (!seen) {
		sock_see(&key, now);
		seen = bpf_map_lookup_elem(&sock_seen, &key);
		if (!seen)
			return 0;
	}
	wanted = call_arg(&state->call, object->aux);
	bpf_probe_read_user(&family, sizeof(family), (void *)wanted);
	seen->tid = task->pid;
	seen->tgid = task->tgid;
	seen->fd = fd;
	reason = sock_connect_reason(seen, (void *)sk, family, ret, &error);
	if (!reason)
		return 0;
	s = sock_begin(SLOT_CALL, &key, seen->generation, reason, fd, now);
	if (!s)
		return 0;
	s->event.error = error;
	sock_send(s, sk, reason == SOCK_DISCONNECT ? 0 : wanted,
		  call_arg(&state->call, object->len));
	return 0;
}

/* --- the end of a connect that goes on behind its call; often in an interrupt of whoever runs */

SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(sock_state_changed, const struct sock *sk, int old_state, int new_state)
{
	struct sock_key key = {};
	struct sock_scratch *s;
	struct sock_seen *seen;
	u64 number, now;

	if ((old_state != STATE_SYN_SENT && old_state != STATE_SYN_RECV) ||
	    (new_state != STATE_ESTABLISHED && new_state != STATE_CLOSE))
		return 0;
	/* The same sock, as a number. */
	number = (u64)BPF_CORE_READ(sk, sk_socket, sk);
	key.inode = sock_inode(number);
	key.net_ns = BPF_CORE_READ(sk, __sk_common.skc_net.net, ns.inum);
	seen = bpf_map_lookup_elem(&sock_seen, &key);
	if (!seen || __sync_val_compare_and_swap(&seen->phase, PHASE_CONNECTING, PHASE_TOLD) !=
			     PHASE_CONNECTING)
		return 0;
	now = bpf_ktime_get_ns();
	s = sock_begin(SLOT_STATE, &key, seen->generation,
		       new_state == STATE_CLOSE ? SOCK_CONNECT_FAILED : SOCK_CONNECTED, seen->fd,
		       now);
	if (!s)
		return 0;
	s->event.state = new_state;
	s->event.head.tid = seen->tid;
	s->event.head.tgid = seen->tgid;
	if (new_state == STATE_CLOSE)
		s->event.error = sk->sk_err;
	sock_send(s, number, 0, 0);
	return 0;
}

/* --- the end */

static __always_inline bool file_is_last_reference(struct file *file)
{
	if (bpf_core_field_exists(file->f_ref))
		return BPF_CORE_READ(file, f_ref.refcnt.counter) == 0;
	return BPF_CORE_READ((struct file___old *)file, f_count.counter) == 1;
}

/*
 * A call that closes a descriptor is entered. Told now: in the call the descriptor becomes free, and what another
 * thread makes of it comes later. Nothing but a descriptor that is not open makes such a call fail to close.
 */
__noinline int sock_call_enter(struct task_state *state)
{
	const struct call_object *object;
	struct sock_key key = {};
	struct syscall_spec *spec;
	struct sock_scratch *s;
	struct sock_seen *seen;
	struct file *file;
	u32 index, fd;
	u64 sk, now;

	if (!group_on(GROUP_sock) || !state)
		return 0;
	index = state->spec_index;
	spec = bpf_map_lookup_elem(&specs, &index);
	if (!spec || !spec->object.closes)
		return 0;
	object = &spec->object;
	fd = call_arg(&state->call, object->closes - 1);
	file = (void *)fd_file(fd);
	sk = file ? sock_of_file(file, &key) : 0;
	if (!sk || !file_is_last_reference(file))
		return 0;
	if (object->keeps) {
		u32 other = call_arg(&state->call, object->keeps - 1);

		if (other == fd || !fd_file(other))
			return 0;
	}
	now = bpf_ktime_get_ns();
	seen = bpf_map_lookup_elem(&sock_seen, &key);
	s = sock_begin(SLOT_CALL, &key, seen ? seen->generation : now, SOCK_CLOSE, fd, now);
	if (s)
		sock_send(s, sk, 0, 0);
	bpf_map_delete_elem(&sock_seen, &key);
	return 0;
}
