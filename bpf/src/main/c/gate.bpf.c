// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/*
 * gate: what the loader attaches. It asks the filter, counts the answer, reports drops while a reader listens, and hands
 * what the filter passes to the next filter on the hook.
 *
 * The loader replaces filter(), the last function of this program, by the filter's own instructions.
 */
#include "hook.h"

#define CAPTURE_MAX 128
#define INNER_EVENTS_BYTES (64 * 1024)
#define NANOS_PER_SECOND 1000000000ULL

enum answer {
	PASSED,
	DROPPED,
	OTHER,
	ANSWERS
};

/* User space writes it while the program runs. */
struct control {
	__u64 listen_until;      /* bpf_ktime_get_ns(): the last reader of drop events has ended by then */
	__u64 events_per_second; /* on each CPU: the highest rate that a reader asks for */
	__u64 confirmed;         /* for `plumb confirm`; not read here */
	__u64 rate_until;        /* when the reader with the highest rate has ended; not read here */
};

struct totals {
	__u64 packets;
	__u64 bytes;
};

struct limiter {
	__u64 second;
	__u64 events;
	__u64 suppressed; /* since the filter was attached, while a reader listened */
};

/* All records have this size, so the distance between two positions in the ring buffer is a number of events. */
struct event {
	__u64 nanos; /* bpf_ktime_get_ns() */
	__u32 length;
	__u32 ifindex;
	__u32 mark;
	__u16 vlan_proto; /* network order; 0 without an offloaded tag */
	__u16 vlan_tci;
	__u32 captured;
	__u32 cpu;
	__u8 data[CAPTURE_MAX];
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct control);
} plumb_control SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, ANSWERS);
	__type(key, __u32);
	__type(value, struct totals);
} plumb_answers SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct limiter);
} plumb_limiter SEC(".maps");

/*
 * The ring buffer that events go to. The first reader puts it here, of the size it chooses; until then it costs nothing.
 * Every reader keeps its own position (DropEvents.java).
 */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, 1);
	__type(key, __u32);
	__array(values, struct {
		__uint(type, BPF_MAP_TYPE_RINGBUF);
		__uint(max_entries, INNER_EVENTS_BYTES);
	});
} plumb_events SEC(".maps");

/* Drop nothing, only count what would have been dropped. */
const volatile __u32 observe = 0;

/* What is returned for ACCEPT: NEXT, so that the next filter is asked, or ACCEPT itself. */
const volatile __s32 pass = NEXT;

static __noinline int filter(struct hook_context *packet)
{
	int verdict = DROP;

	/* Clang must assume nothing about the filter that replaces this. */
	asm volatile("" : "+r"(verdict) : "r"(packet));
	return verdict;
}

static __always_inline void report(struct hook_context *packet)
{
	struct control *control;
	struct limiter *limiter;
	struct event *event = NULL;
	__u32 zero = 0, captured;
	void *events;
	__u64 now;

	control = bpf_map_lookup_elem(&plumb_control, &zero);
	limiter = bpf_map_lookup_elem(&plumb_limiter, &zero);
	if (!control || !limiter)
		return;
	now = bpf_ktime_get_ns();
	if (now >= *(volatile __u64 *)&control->listen_until)
		return;
	if (limiter->second != now / NANOS_PER_SECOND) {
		limiter->second = now / NANOS_PER_SECOND;
		limiter->events = 0;
	}
	if (limiter->events >= *(volatile __u64 *)&control->events_per_second) {
		limiter->suppressed++;
		return;
	}
	events = bpf_map_lookup_elem(&plumb_events, &zero);
	if (events)
		event = bpf_ringbuf_reserve(events, sizeof(*event), 0);
	if (!event) {
		limiter->suppressed++;
		return;
	}
	limiter->events++;
	event->nanos = now;
	event->length = hook_length(packet);
	event->ifindex = hook_ifindex(packet);
	event->mark = hook_mark(packet);
	event->vlan_proto = hook_tagged(packet) ? hook_vlan_proto(packet) : 0;
	event->vlan_tci = hook_tagged(packet) ? hook_vlan_tci(packet) : 0;
	event->cpu = bpf_get_smp_processor_id();
	captured = hook_length(packet);
	if (captured > CAPTURE_MAX)
		captured = CAPTURE_MAX;
	/*
	 * The verifier requires at least one byte. Clang compiles `captured < 1` of an unsigned number to `== 0`, from
	 * which verifiers up to Linux 6.1 derive no lower bound.
	 */
	asm volatile("" : "+r"(captured));
	if ((__s32)captured < 1 || !hook_copy(packet, event->data, captured))
		captured = 0;
	event->captured = captured;
	bpf_ringbuf_submit(event, 0);
}

HOOK_SECTION
int gate(struct hook_context *packet)
{
	int verdict = filter(packet);
	struct totals *totals;
	__u32 answer = OTHER;

	if (hook_accepts(verdict))
		answer = PASSED;
	else if (verdict == DROP)
		answer = DROPPED;
	totals = bpf_map_lookup_elem(&plumb_answers, &answer);
	if (totals) {
		totals->packets++;
		totals->bytes += hook_length(packet);
	}
	if (answer == DROPPED) {
		report(packet);
		if (observe)
			return pass;
	}
	return verdict == ACCEPT ? pass : verdict;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
