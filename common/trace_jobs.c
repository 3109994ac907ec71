/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "common/trace_jobs.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <zstd.h>

#include "common/alloc.h"

#define PARTS_BYTES  32768
#define JOBS_WAITING 4 /* beyond one per worker: evens out bursts */

enum job_state {
	JOB_FREE = 0,
	JOB_TAKEN,
	JOB_QUEUED,
	JOB_COMPRESSING,
	JOB_COMPRESSED,
};

struct trace_jobs {
	struct trace_output *output;
	int level;
	ZSTD_CCtx *zstd; /* of the submitting thread, without workers */
	pthread_mutex_t lock;
	pthread_cond_t changed;
	u64 next_order, next_write;
	bool writing, stopping;
	_Atomic u64 lost;
	u32 job_count, worker_count;
	pthread_t *workers;
	struct trace_job *jobs;
};

#define HEADER_LEVEL 9

static ZSTD_CCtx *compressor_new(void)
{
	ZSTD_CCtx *zstd = alloc_check(ZSTD_createCCtx());

	ZSTD_CCtx_setParameter(zstd, ZSTD_c_checksumFlag, 1);
	ZSTD_CCtx_setParameter(zstd, ZSTD_c_contentSizeFlag, 1);
	return zstd;
}

/* Compresses up to `end`; what follows begins a new block of the frame, with statistics of its own. */
static bool compress_until(ZSTD_CCtx *zstd, ZSTD_outBuffer *out, ZSTD_inBuffer *in, size_t end,
			   ZSTD_EndDirective directive)
{
	in->size = end;
	return ZSTD_compressStream2(zstd, out, in, directive) == 0;
}

static int job_compress(const struct trace_jobs *jobs, struct trace_job *job, ZSTD_CCtx *zstd)
{
	/* Once per file, and most of a small one: worth two milliseconds. */
	int level = job->head.type == TRACE_HEADER && jobs->level < HEADER_LEVEL ? HEADER_LEVEL
										 : jobs->level;
	size_t bound = ZSTD_compressBound(job->mid_len) + TRACE_JOB_PARTS * 16;
	ZSTD_outBuffer out = { .size = bound };
	ZSTD_inBuffer in = { .src = job->mid };
	bool ok;

	if (job->payload_capacity < bound) {
		free(job->payload);
		job->payload = xmalloc(bound);
		job->payload_capacity = bound;
	}
	out.dst = job->payload;
	ZSTD_CCtx_reset(zstd, ZSTD_reset_session_only);
	ZSTD_CCtx_setParameter(zstd, ZSTD_c_compressionLevel, level);
	ok = !ZSTD_isError(ZSTD_CCtx_setPledgedSrcSize(zstd, job->mid_len));
	/* A dozen bytes per block: not worth it for little data. */
	for (u32 i = 0; i < TRACE_JOB_PARTS && job->mid_len >= PARTS_BYTES; i++)
		if (job->parts[i])
			ok = ok && compress_until(zstd, &out, &in, job->parts[i], ZSTD_e_flush);
	ok = ok && compress_until(zstd, &out, &in, job->mid_len, ZSTD_e_end);
	if (!ok)
		return -ENOMEM;
	job->head.flags |= TRACE_ZSTD;
	job->head.mid_len = (u32)job->mid_len;
	job->head.payload_len = (u32)out.pos;
	return 0;
}

static void job_write(struct trace_jobs *jobs, struct trace_job *job)
{
	if (trace_output_record(jobs->output, &job->head, job->payload))
		jobs->lost += job->head.event_count;
}

static void job_compress_noted(struct trace_jobs *jobs, struct trace_job *job, ZSTD_CCtx *zstd)
{
	int err = job_compress(jobs, job, zstd);

	if (err)
		trace_output_fail(jobs->output, err);
}

static struct trace_job *job_find(struct trace_jobs *jobs, u64 order, enum job_state state)
{
	for (u32 i = 0; i < jobs->job_count; i++)
		if (jobs->jobs[i].state == state && jobs->jobs[i].order == order)
			return &jobs->jobs[i];
	return NULL;
}

/* The queued job that was submitted first. */
static struct trace_job *job_queued(struct trace_jobs *jobs)
{
	struct trace_job *first = NULL;

	for (u32 i = 0; i < jobs->job_count; i++) {
		struct trace_job *job = &jobs->jobs[i];

		if (job->state == JOB_QUEUED && (!first || job->order < first->order))
			first = job;
	}
	return first;
}

/* Writes what is next in order and compressed; whoever comes first does it for all. */
static void write_ready(struct trace_jobs *jobs)
{
	struct trace_job *job;

	if (jobs->writing)
		return;
	jobs->writing = true;
	while ((job = job_find(jobs, jobs->next_write, JOB_COMPRESSED))) {
		pthread_mutex_unlock(&jobs->lock);
		job_write(jobs, job);
		pthread_mutex_lock(&jobs->lock);
		job->state = JOB_FREE;
		jobs->next_write++;
		pthread_cond_broadcast(&jobs->changed);
	}
	jobs->writing = false;
}

static void *worker(void *context)
{
	struct trace_jobs *jobs = context;
	ZSTD_CCtx *zstd = compressor_new();

	pthread_mutex_lock(&jobs->lock);
	for (;;) {
		struct trace_job *job = job_queued(jobs);

		if (!job) {
			if (jobs->stopping)
				break;
			pthread_cond_wait(&jobs->changed, &jobs->lock);
			continue;
		}
		job->state = JOB_COMPRESSING;
		pthread_mutex_unlock(&jobs->lock);
		job_compress_noted(jobs, job, zstd);
		pthread_mutex_lock(&jobs->lock);
		job->state = JOB_COMPRESSED;
		write_ready(jobs);
	}
	pthread_mutex_unlock(&jobs->lock);
	ZSTD_freeCCtx(zstd);
	return NULL;
}

/* Signals are the business of the thread that made us. */
static void start_workers(struct trace_jobs *jobs, u32 count)
{
	sigset_t all, before;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	jobs->workers = xcalloc(count, sizeof(*jobs->workers));
	for (; jobs->worker_count < count; jobs->worker_count++)
		if (pthread_create(&jobs->workers[jobs->worker_count], NULL, worker, jobs))
			break; /* with none at all the submitting thread does the work */
	pthread_sigmask(SIG_SETMASK, &before, NULL);
}

/* For the submitting thread: waits for a change; asks now and then whether to go on waiting. */
static void wait_change(struct trace_jobs *jobs)
{
	struct trace_output *output = jobs->output;
	struct timespec until;

	if (!output->gives_up) {
		pthread_cond_wait(&jobs->changed, &jobs->lock);
		return;
	}
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_nsec += TRACE_WAIT_MS * 1000000l;
	until.tv_sec += until.tv_nsec / 1000000000;
	until.tv_nsec %= 1000000000;
	if (pthread_cond_timedwait(&jobs->changed, &jobs->lock, &until) != ETIMEDOUT)
		return;
	pthread_mutex_unlock(&jobs->lock);
	if (output->gives_up(output->gives_up_context, output->written))
		trace_output_fail(output, -ECANCELED);
	pthread_mutex_lock(&jobs->lock);
}

struct trace_jobs *trace_jobs_new(struct trace_output *output, int level, u32 worker_count)
{
	struct trace_jobs *jobs = xcalloc(1, sizeof(*jobs));

	jobs->output = output;
	jobs->level = level;
	pthread_mutex_init(&jobs->lock, NULL);
	pthread_cond_init(&jobs->changed, NULL);
	jobs->job_count = worker_count ? worker_count + JOBS_WAITING : 1;
	jobs->jobs = xcalloc(jobs->job_count, sizeof(*jobs->jobs));
	if (worker_count)
		start_workers(jobs, worker_count);
	output->threaded = jobs->worker_count > 0;
	if (!output->threaded)
		jobs->zstd = compressor_new();
	return jobs;
}

struct trace_job *trace_jobs_take(struct trace_jobs *jobs)
{
	struct trace_job *job;

	pthread_mutex_lock(&jobs->lock);
	for (u32 i = 0;; i++) {
		if (i == jobs->job_count) {
			wait_change(jobs);
			i = 0;
		}
		job = &jobs->jobs[i];
		if (job->state == JOB_FREE)
			break;
	}
	job->state = JOB_TAKEN;
	pthread_mutex_unlock(&jobs->lock);
	memset(&job->head, 0, sizeof(job->head));
	memset(job->parts, 0, sizeof(job->parts));
	job->mid_len = 0;
	return job;
}

void trace_jobs_submit(struct trace_jobs *jobs, struct trace_job *job)
{
	if (!jobs->worker_count) {
		job_compress_noted(jobs, job, jobs->zstd);
		job_write(jobs, job);
		job->state = JOB_FREE;
		return;
	}
	pthread_mutex_lock(&jobs->lock);
	job->order = jobs->next_order++;
	job->state = JOB_QUEUED;
	pthread_cond_broadcast(&jobs->changed);
	pthread_mutex_unlock(&jobs->lock);
}

u64 trace_jobs_lost(struct trace_jobs *jobs)
{
	return jobs->lost;
}

void trace_jobs_drain(struct trace_jobs *jobs)
{
	if (!jobs->worker_count)
		return;
	pthread_mutex_lock(&jobs->lock);
	while (jobs->next_write != jobs->next_order)
		wait_change(jobs);
	pthread_mutex_unlock(&jobs->lock);
}

void trace_jobs_free(struct trace_jobs *jobs)
{
	trace_jobs_drain(jobs);
	pthread_mutex_lock(&jobs->lock);
	jobs->stopping = true;
	pthread_cond_broadcast(&jobs->changed);
	pthread_mutex_unlock(&jobs->lock);
	for (u32 i = 0; i < jobs->worker_count; i++)
		pthread_join(jobs->workers[i], NULL);
	for (u32 i = 0; i < jobs->job_count; i++) {
		free(jobs->jobs[i].mid);
		free(jobs->jobs[i].payload);
	}
	free(jobs->jobs);
	free(jobs->workers);
	ZSTD_freeCCtx(jobs->zstd);
	pthread_cond_destroy(&jobs->changed);
	pthread_mutex_destroy(&jobs->lock);
	free(jobs);
}
