/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Kernel types, kept by hand: this file is the list of kernel fields that trc depends on.
 *
 * Every struct is relocated (CO-RE) to the running kernel's layout, so only the names matter. A name
 * ending in ___x is another version of the same struct; bpf_core_field_exists() picks, never a version
 * number. Over 500 lines because it is that one list.
 */
#pragma once

typedef unsigned char __u8;
typedef unsigned short __u16;
typedef unsigned int __u32;
typedef unsigned long long __u64;
typedef signed char __s8;
typedef short __s16;
typedef int __s32;
typedef long long __s64;
typedef __u16 __be16;
typedef __u32 __be32;
typedef __u32 __wsum;
typedef __u8 u8;
typedef __u16 u16;
typedef __u32 u32;
typedef __u64 u64;
typedef __s32 s32;
typedef __s64 s64;
typedef _Bool bool;
typedef int pid_t;
#define true 1
#define false 0
#define NULL ((void *)0)

enum bpf_map_type {
	BPF_MAP_TYPE_HASH = 1,
	BPF_MAP_TYPE_ARRAY = 2,
	BPF_MAP_TYPE_PERF_EVENT_ARRAY = 4,
	BPF_MAP_TYPE_PERCPU_ARRAY = 6,
	BPF_MAP_TYPE_LRU_HASH = 9,
	BPF_MAP_TYPE_ARRAY_OF_MAPS = 12,
	BPF_MAP_TYPE_SK_STORAGE = 24,
	BPF_MAP_TYPE_RINGBUF = 27,
	BPF_MAP_TYPE_TASK_STORAGE = 29,
};

enum {
	BPF_ANY = 0,
	BPF_F_USER_STACK = 256,
	BPF_F_NO_PREALLOC = 1,
	BPF_F_CLONE = 1 << 9,
	BPF_NOEXIST = 1,
	BPF_LOCAL_STORAGE_GET_F_CREATE = 1,
	BPF_RB_NO_WAKEUP = 1,
	BPF_RB_FORCE_WAKEUP = 2,
	BPF_RB_AVAIL_DATA = 0,
};

enum {
	EBUSY = 16,
	PF_EXITING = 4,
	PF_KTHREAD = 0x200000,
	TASK_STOPPED = 4,
	TASK_TRACED = 8,
	VM_EXEC = 4,
};

struct bpf_perf_event_value {
	u64 counter, enabled, running;
};

enum bpf_func_id {
	BPF_FUNC_find_vma = 180,
};

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

#if defined(__TARGET_ARCH_x86)
struct pt_regs {
	unsigned long bp, bx, r10, r9, r8, ax, cx, dx, si, di, orig_ax, ip;
};
#elif defined(__TARGET_ARCH_arm64)
struct pt_regs {
	u64 regs[31];
	u64 pc;
	u64 orig_x0;
	s32 syscallno;
};
#elif defined(__TARGET_ARCH_riscv)
struct pt_regs {
	unsigned long epc, orig_a0, a0, a1, a2, a3, a4, a5, a7;
};
#else
#error "this architecture's registers are not described yet: see vmlinux.h and arch.bpf.h"
#endif

struct thread_info {
	unsigned long flags;
	u32 status;	   /* x86 */
	u32 cpu;	   /* 5.16 */
	u32 preempt_count; /* riscv: an int; arm64: the lower half of a number of 64 bits */
};

struct pcpu_hot { /* x86, 6.2 to 6.14 */
	int preempt_count;
};

struct qstr {
	union {
		struct {
			u32 hash;
			u32 len;
		};
	};
	const unsigned char *name;
};

struct hlist_bl_node {
	struct hlist_bl_node *next, **pprev;
};

struct inode;

struct dentry {
	struct hlist_bl_node d_hash;
	struct dentry *d_parent;
	struct qstr d_name;
	struct inode *d_inode;
};

struct vfsmount {
	struct dentry *mnt_root;
};

struct mount {
	struct mount *mnt_parent;
	struct dentry *mnt_mountpoint;
	struct vfsmount mnt;
};

typedef u32 dev_t;

struct super_block {
	dev_t s_dev;
	unsigned long s_magic;
};

struct inode {
	u16 i_mode;
	struct super_block *i_sb;
	unsigned long i_ino;
	dev_t i_rdev;
};

struct path {
	struct vfsmount *mnt;
	struct dentry *dentry;
};

typedef struct {
	s64 counter;
} atomic64_t;

typedef struct {
	atomic64_t refcnt; /* one less than the references */
} file_ref_t;

struct file {
	unsigned int f_mode;
	unsigned int f_flags;
	struct inode *f_inode;
	struct path f_path;
	long long f_pos;
	void *private_data;
	file_ref_t f_ref; /* 6.13 */
};

struct backing_file {	       /* 6.5 */
	struct path user_path; /* 6.7; before, f_path was it */
};

struct file___old {
	atomic64_t f_count;
};

struct vm_area_struct {
	unsigned long vm_start, vm_end;
	unsigned long vm_flags;
	unsigned long vm_pgoff;
	struct file *vm_file;
};

struct fdtable {
	unsigned int max_fds;
	struct file **fd;
	unsigned long *close_on_exec;
};

struct files_struct {
	struct fdtable *fdt;
};

struct fs_struct {
	struct path root;
	struct path pwd;
};

typedef struct {
	u64 ctx_id; /* x86 */
} mm_context_t;

struct percpu_counter {
	s64 count;
};

struct mm_struct {
	unsigned long start_code, end_code;
	unsigned long start_brk, brk, start_stack;
	unsigned long arg_start, arg_end, env_start, env_end;
	unsigned long total_vm, data_vm, exec_vm, stack_vm; /* pages */
	mm_context_t context;
	struct file *exe_file;
	struct task_struct *owner;
	struct percpu_counter rss_stat[4]; /* 6.2 */
};

struct mm_rss_stat {
	atomic64_t count[4];
};

struct mm_struct___old {
	struct mm_rss_stat rss_stat;
};

struct kernfs_node {
	struct kernfs_node *__parent; /* 6.15 */
	const char *name;
	u64 id;
};

struct kernfs_node___old {
	struct kernfs_node___old *parent;
};

struct cgroup_root {
	int hierarchy_id;
};

struct cgroup {
	struct kernfs_node *kn;
	struct cgroup_root *root;
};

struct css_set {
	struct cgroup *dfl_cgrp;
};

struct ns_common {
	unsigned int inum;
};

struct pid_namespace {
	struct ns_common ns;
};

struct upid {
	int nr;
	struct pid_namespace *ns;
};

struct pid {
	unsigned int level;
	struct upid numbers[1];
};

struct mnt_namespace {
	struct ns_common ns;
};

struct uts_namespace {
	struct ns_common ns;
};

struct ipc_namespace {
	struct ns_common ns;
};

struct net {
	struct ns_common ns;
};

struct cgroup_namespace {
	struct ns_common ns;
};

struct user_namespace {
	struct ns_common ns;
};

struct nsproxy {
	struct uts_namespace *uts_ns;
	struct ipc_namespace *ipc_ns;
	struct mnt_namespace *mnt_ns;
	struct net *net_ns;
	struct cgroup_namespace *cgroup_ns;
};

typedef struct {
	u32 val;
} kuid_t;

typedef struct {
	u32 val;
} kgid_t;

struct cred {
	kuid_t uid;
	kgid_t gid;
	kuid_t euid;
	kgid_t egid;
	struct user_namespace *user_ns;
};

typedef struct {
	int counter;
} atomic_t;

struct signal_struct {
	atomic_t live;
	unsigned int flags;
	unsigned long maxrss; /* pages */
};

struct rq;

struct cfs_rq {
	struct rq *rq;
};

struct sched_entity {
	u64 sum_exec_runtime;
	u64 nr_migrations;
	struct cfs_rq *cfs_rq;
};

struct sched_info {
	unsigned long long run_delay;
};

struct task_io_accounting {
	u64 rchar, wchar;
	u64 read_bytes, write_bytes;
};

struct task_delay_info {
	u64 blkio_delay;
};

typedef struct {
	unsigned long sig[1];
} sigset_t;

struct sigpending {
	sigset_t signal;
};

struct bpf_local_storage;
struct list_head {
	struct list_head *next, *prev;
};

struct task_struct {
	struct thread_info thread_info;
	unsigned int __state;
	int prio;
	unsigned int in_iowait : 1;
	unsigned int flags;
	unsigned int personality;
	int exit_code;
	pid_t pid;
	pid_t tgid;
	struct task_struct *real_parent;
	struct list_head children;
	struct list_head sibling;
	struct task_struct *group_leader;
	struct pid *thread_pid;
	u64 utime;
	u64 stime;
	unsigned long nvcsw;
	unsigned long nivcsw;
	u64 start_boottime;
	unsigned long min_flt;
	unsigned long maj_flt;
	const struct cred *cred;
	char comm[16];
	struct fs_struct *fs;
	struct files_struct *files;
	struct nsproxy *nsproxy;
	struct signal_struct *signal;
	struct sigpending pending;
	struct mm_struct *mm;
	struct mm_struct *active_mm;
	struct bpf_local_storage *bpf_storage;
	struct sched_entity se;
	struct sched_info sched_info;
	struct task_io_accounting ioac;
	struct task_delay_info *delays;
	int pagefault_disabled;
	struct css_set *cgroups;
};

/* 6.16: before, the hook has no second argument. */
struct trace_event_raw_sched_process_exit {
	bool group_dead;
};

struct task_struct___old {
	unsigned int cpu; /* before 5.16 */
};

/* --- sockets */

typedef struct {
	struct net *net;
} possible_net_t;

struct in6_addr {
	u8 bytes[16];
};

struct sock_common {
	__be32 skc_daddr;
	__be32 skc_rcv_saddr;
	__be16 skc_dport;
	u16 skc_num;
	unsigned short skc_family;
	volatile unsigned char skc_state;
	int skc_bound_dev_if;
	possible_net_t skc_net;
	struct in6_addr skc_v6_daddr;
	struct in6_addr skc_v6_rcv_saddr;
};

struct socket;

struct sock {
	struct sock_common __sk_common;
	int sk_err;
	struct socket *sk_socket;
	u16 sk_type;
	u16 sk_protocol;
};

struct socket {
	short type;
	struct sock *sk;
};

struct socket_alloc {
	struct socket socket;
	struct inode vfs_inode;
};

struct inet_sock {
	__be32 inet_saddr;
	__be16 inet_sport;
};

struct sockaddr_un {
	u16 sun_family;
};

struct unix_address {
	int len;
	struct sockaddr_un name[1];
};

struct unix_sock {
	struct unix_address *addr;
	struct sock *peer;
};

struct netlink_sock {
	u32 portid;
	u32 dst_portid;
	u32 dst_group;
	unsigned long *groups;
};

struct packet_sock {
	int ifindex;
	__be16 num;
};

struct sockaddr_vm {
	u16 svm_family;
};

struct vsock_sock {
	struct sockaddr_vm local_addr;
	struct sockaddr_vm remote_addr;
};

struct linux_binprm {
	int argc, envc;
	const char *filename, *interp, *fdpath;
};

struct seq_file;

/* --- signals */

union __sifields {
	struct {
		u32 _pid;
		u32 _uid;
	} _kill;
	struct {
		u32 _pid;
		u32 _uid;
		int _status;
	} _sigchld;
	struct {
		void *_addr;
	} _sigfault;
};

struct kernel_siginfo {
	int si_code;
	union __sifields _sifields;
};

struct sigaction {
	void (*sa_handler)(int);
	unsigned long sa_flags;
};

struct k_sigaction {
	struct sigaction sa;
};

/* --- the page cache */

struct address_space {
	struct inode *host;
};

enum pageflags {
	PG_head = 6,
};

struct page {
	struct address_space *mapping;
	unsigned long compound_head;
};

struct page___old { /* before there were folios: 5.16 */
	struct address_space *mapping;
	unsigned long index;
	unsigned int compound_nr; /* of the second page of several */
};

struct folio {
	struct address_space *mapping;
	unsigned long index;
	unsigned int _nr_pages; /* of those of several pages; 6.15 */
};

struct folio___nr { /* 6.6 */
	unsigned int _folio_nr_pages;
};

struct folio___order { /* 5.18 */
	unsigned char _folio_order;
};

/* --- block devices */

struct gendisk {
	int major, first_minor;
};

struct request_queue {
	struct gendisk *disk; /* 5.17 */
};

struct bvec_iter {
	unsigned int bi_idx;
};

struct bio_vec {
	struct page *bv_page;
};

struct cgroup_subsys_state {
	struct cgroup *cgroup;
};

struct blkcg {
	struct cgroup_subsys_state css;
};

struct blkcg_gq {
	struct blkcg *blkcg;
};

struct block_device {
	struct gendisk *bd_disk;
};

enum req_flag_bits {
	__REQ_PREFLUSH = 18,
};

struct bio {
	struct bio *bi_next;
	struct block_device *bi_bdev;
	u32 bi_opf;
	struct bvec_iter bi_iter;
	struct bio_vec *bi_io_vec;
	struct blkcg_gq *bi_blkg;
};

struct request {
	struct request_queue *q;
	u32 cmd_flags;
	unsigned int __data_len;
	u64 __sector;
	struct bio *bio;
};

struct request___old {
	struct gendisk *rq_disk;
};

/* --- io_uring */

struct io_cqe { /* 5.19 */
	u64 user_data;
	int fd;
};

struct io_kiocb {
	u8 opcode;
	u64 flags; /* u32 before 6.9 */
	struct io_cqe cqe;
	struct io_ring_ctx *ctx;
};

struct io_kiocb___old {
	u64 user_data;
};

struct io_uring_cqe {
	u64 user_data;
	s32 res;
	u32 flags;
};

/* --- sockets */

struct tcp_skb_cb {
	u32 seq, end_seq;
};

struct sk_buff {
	char cb[48];
};

struct bpf_iter_meta {
	struct seq_file *seq;
	u64 session_id;
};

struct bpf_iter__task {
	struct bpf_iter_meta *meta;
	struct task_struct *task;
};

struct bpf_iter__task_file {
	struct bpf_iter_meta *meta;
	struct task_struct *task;
	u32 fd;
	struct file *file;
};

#pragma clang attribute pop
