/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Requests to block devices, sent as they complete.
 *
 * Whose a request is: of the thread that submitted its first bio. The request itself is often issued by another, so bios
 * of targets are remembered when they are queued. What the kernel writes back later, it submits itself: there the page
 * tells the file, and the file the target that was the last to make a page of it dirty. One flush of a disk's cache is
 * made for all who want one: it is the last target's who did.
 *
 * Devices that take bios without requests (zram, device mapper) are not seen, what they send to others is.
 */
#include "bpf/core.bpf.h"
#include "bpf/space.bpf.h"

#define OP_BITS	 8
#define OP_WRITE 1
#define OP_FLUSH 2
#define BIOS_MAX 256 /* of a request, that are looked at */

struct block_submitter {
	u64 ns;
	u32 tid, tgid;
};

/* By bio: those of targets that no request was issued for yet. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 8192);
	__type(key, u64);
	__type(value, struct block_submitter);
} block_bios SEC(".maps");

/* By disk: who was the last to want its cache flushed. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 256);
	__type(key, u64);
	__type(value, struct block_submitter);
} block_flushers SEC(".maps");

struct block_file {
	u64 inode;
	u64 device;
};

struct block_dirtier {
	u32 tid, tgid;
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 8192);
	__type(key, struct block_file);
	__type(value, struct block_dirtier);
} block_dirtiers SEC(".maps");

struct block_request {
	u64 issued_ns;
	struct trc_block_io event;
};

/* By request: those that a target is involved in. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 8192);
	__type(key, u64);
	__type(value, struct block_request);
} block_requests SEC(".maps");

/*
 * What the block layer calls its errors (BLK_STS_*): as errnos, as far as they have one of their own. Not static: bpftool
 * would lose its place.
 */
const volatile u8 block_errno[16] = { 0,  95, 110, 28, 67, 121, 52,  61,
				      84, 12, 5,   78, 11, 16,	109, 75 };

SEC("tp_btf/block_bio_queue")
int BPF_PROG(block_queued, struct bio *bio)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct block_submitter submitter;
	u64 key = (u64)bio, disk;

	if (!task_watched(task)) {
		/* A target may have had its place. */
		bpf_map_delete_elem(&block_bios, &key);
		return 0;
	}
	submitter.ns = bpf_ktime_get_ns();
	submitter.tid = task->pid;
	submitter.tgid = task->tgid;
	bpf_map_update_elem(&block_bios, &key, &submitter, BPF_ANY);
	if (BPF_CORE_READ(bio, bi_opf) &
	    (1u << bpf_core_enum_value(enum req_flag_bits, __REQ_PREFLUSH))) {
		disk = (u64)BPF_CORE_READ(bio, bi_bdev, bd_disk);
		bpf_map_update_elem(&block_flushers, &disk, &submitter, BPF_ANY);
	}
	return 0;
}

static __always_inline int dirtied(struct address_space *mapping)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct block_dirtier dirtier;
	struct block_file file;
	struct inode *inode;

	if (!mapping || !task_watched(task))
		return 0;
	inode = BPF_CORE_READ(mapping, host);
	file.inode = BPF_CORE_READ(inode, i_ino);
	file.device = inode_device(inode);
	dirtier.tid = task->pid;
	dirtier.tgid = task->tgid;
	bpf_map_update_elem(&block_dirtiers, &file, &dirtier, BPF_ANY);
	return 0;
}

SEC("tp_btf/writeback_dirty_page")
int block_dirtied___old(u64 *ctx)
{
	return dirtied((void *)ctx[1]);
}

SEC("tp_btf/writeback_dirty_folio")
int block_dirtied(u64 *ctx)
{
	return dirtied((void *)ctx[1]);
}

/* The inode that the first page of a bio belongs to; NULL if it is no page of a file. */
static __always_inline struct inode *inode_of(struct bio *bio)
{
	struct bio_vec *vector = BPF_CORE_READ(bio, bi_io_vec);
	u64 page, head, mapping;

	vector += BPF_CORE_READ(bio, bi_iter.bi_idx);
	page = (u64)BPF_CORE_READ(vector, bv_page);
	if (!page)
		return NULL;
	head = BPF_CORE_READ((struct page *)page, compound_head);
	if (head & 1)
		page = head - 1;
	if (bpf_core_type_exists(struct folio))
		mapping = (u64)BPF_CORE_READ((struct folio *)page, mapping);
	else
		mapping = (u64)BPF_CORE_READ((struct page___old *)page, mapping);
	/* The lowest bits say that it is something else: anonymous, movable. */
	if (!mapping || (mapping & 3))
		return NULL;
	return BPF_CORE_READ((struct address_space *)mapping, host);
}

static __always_inline struct gendisk *disk_of(struct request *request)
{
	if (bpf_core_field_exists(request->q->disk))
		return BPF_CORE_READ(request, q, disk);
	return BPF_CORE_READ((struct request___old *)request, rq_disk);
}

/*
 * Looks at one bio of a request: whose is it, and for which file? True if a target is involved, *submitter is then filled
 * if one submitted it. Global: the verifier looks at it once, not at every turn; kernel addresses travel as numbers.
 */
__noinline int block_look_at(u64 bio, struct trc_block_io *event, struct block_submitter *submitter)
{
	struct block_submitter *known;
	struct block_dirtier *dirtier = NULL;
	struct block_file file = {};
	struct inode *inode;
	u64 key = bio;

	if (!event || !submitter)
		return false;
	inode = inode_of((struct bio *)bio);
	if (inode) {
		file.inode = BPF_CORE_READ(inode, i_ino);
		file.device = inode_device(inode);
		if (event->op == OP_WRITE)
			dirtier = bpf_map_lookup_elem(&block_dirtiers, &file);
	}
	event->inode = file.inode;
	event->inode_device = file.device;
	if (dirtier) {
		event->dirtied_tid = dirtier->tid;
		event->dirtied_tgid = dirtier->tgid;
	}
	known = bpf_map_lookup_elem(&block_bios, &key);
	if (known) {
		*submitter = *known;
		bpf_map_delete_elem(&block_bios, &key);
	}
	return known || dirtier;
}

/* Of a request without data: a flush, which is nobody's, or a command of the thread that issues it. */
static __always_inline bool look_without_bio(struct gendisk *disk, struct trc_block_io *event,
					     struct block_submitter *submitter)
{
	struct block_submitter *known;
	u64 key = (u64)disk;

	if (event->op != OP_FLUSH)
		return task_watched(bpf_get_current_task_btf());
	known = bpf_map_lookup_elem(&block_flushers, &key);
	if (!known)
		return false;
	*submitter = *known;
	bpf_map_delete_elem(&block_flushers, &key);
	return true;
}

SEC("tp_btf/block_rq_issue")
int BPF_PROG(block_issued, struct request *request)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct bio *first = BPF_CORE_READ(request, bio), *bio = first;
	struct gendisk *disk = disk_of(request);
	struct block_request start = {};
	struct trc_block_io *event = &start.event;
	struct block_submitter submitter = {};
	u64 key = (u64)request;
	u32 flags = BPF_CORE_READ(request, cmd_flags), tgid;
	bool involved = false;

	start.issued_ns = bpf_ktime_get_ns();
	event->op = flags & ((1 << OP_BITS) - 1);
	if (!first)
		involved = look_without_bio(disk, event, &submitter);
	/* What is contiguous is merged, whoever it is from. */
	for (int i = 0; i < BIOS_MAX && bio && !involved; i++) {
		involved = block_look_at((u64)bio, event, &submitter);
		bio = BPF_CORE_READ(bio, bi_next);
	}
	if (!involved) {
		/* The request that was here before may have ended unseen: another path took its bios. */
		bpf_map_delete_elem(&block_requests, &key);
		return 0;
	}
	/* One load from either of two sorts of pointers, as the compiler may make of it, is refused. */
	tgid = task->tgid;
	barrier_var(tgid);
	event->head.tid = submitter.tid ?: task->pid;
	event->head.tgid = submitter.tid ? submitter.tgid : tgid;
	event->queue_ns = submitter.tid ? start.issued_ns - submitter.ns : 0;
	event->device = BPF_CORE_READ(disk, major) << 20 | BPF_CORE_READ(disk, first_minor);
	event->sector = BPF_CORE_READ(request, __sector);
	event->remaining_bytes = BPF_CORE_READ(request, __data_len);
	event->flags = flags >> OP_BITS << OP_BITS;
	if (first)
		event->cgroup_id = BPF_CORE_READ(first, bi_blkg, blkcg, css.cgroup, kn, id);
	if (bpf_map_update_elem(&block_requests, &key, &start, BPF_ANY)) {
		struct cpu_counters *c = cpu_counters();

		if (c)
			c->lost[TRC_KIND_block_io]++;
	}
	return 0;
}

SEC("tp_btf/block_rq_complete")
int BPF_PROG(block_completed, struct request *request, int status, unsigned int bytes)
{
	u64 key = (u64)request, now;
	struct block_request *start = bpf_map_lookup_elem(&block_requests, &key);
	struct trc_block_io event;

	if (!start)
		return 0;
	now = bpf_ktime_get_ns();
	event = start->event;
	head_fill_ids(&event.head, event.head.tid, event.head.tgid, TRC_KIND_block_io,
		      sizeof(event) / 8, now);
	/* An errno before 5.16. */
	if (status < 0)
		event.error = status;
	else if ((u32)status < sizeof(block_errno))
		event.error = -(s32)block_errno[status & 15];
	else
		event.error = -5; /* EIO */
	event.bytes = bytes;
	event.remaining_bytes = event.remaining_bytes > bytes ? event.remaining_bytes - bytes : 0;
	event.latency_ns = now - start->issued_ns;
	if (event.remaining_bytes) {
		/* The rest is another record. */
		start->event.sector += bytes / 512;
		start->event.remaining_bytes = event.remaining_bytes;
	} else {
		bpf_map_delete_elem(&block_requests, &key);
	}
	record_send(&event, sizeof(event), TRC_KIND_block_io, now);
	return 0;
}
