// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/*
 * gate: what the loader attaches. It asks the filter, counts the answer, reports drops to whoever listens, and lets the
 * next filter on the hook have its say about what this one passes.
 *
 * The loader puts the filter's own instructions in the place of filter(), the last function of this program.
 */
#include <stdbool.h>
#include <linux/bpf.h>
#include <linux/pkt_cls.h>
#include <bpf/bpf_helpers.h>

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
	__u64 suppressed; /* since the filter was attached, while someone listened */
};

/* All records have this size, so the distance between two positions in the ring buffer is a number of events. */
struct event {
	__u64 nanos; /* bpf_ktime_get_ns() */
	__u32 length;
	__u32 ifindex;
	__u32 mark;
	__u16 vlan_proto; /* network order; 0 without a tag outside the frame */
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
 * The ring buffer that events go to. The first reader puts it here, as large as it likes; until then it costs nothing.
 * Every reader keeps a position of its own (DropEvents.java).
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

/* What is returned for TC_ACT_OK: TC_ACT_UNSPEC, so that the next filter is asked, or TC_ACT_OK itself. */
const volatile __s32 pass = TC_ACT_UNSPEC;

static __noinline int filter(struct __sk_buff *skb)
{
	int verdict = TC_ACT_SHOT;

	/* Nothing may be concluded here about what stands in this place later. */
	asm volatile("" : "+r"(verdict) : "r"(skb));
	return verdict;
}

static __always_inline void report(struct __sk_buff *skb)
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
	event->length = skb->len;
	event->ifindex = skb->ifindex;
	event->mark = skb->mark;
	event->vlan_proto = skb->vlan_present ? skb->vlan_proto : 0;
	event->vlan_tci = skb->vlan_present ? skb->vlan_tci : 0;
	event->cpu = bpf_get_smp_processor_id();
	captured = skb->len;
	if (captured > CAPTURE_MAX)
		captured = CAPTURE_MAX;
	/*
	 * The verifier requires at least one byte. Clang compiles `captured < 1` of an unsigned number to `== 0`, from
	 * which verifiers up to Linux 6.1 derive no lower bound.
	 */
	asm volatile("" : "+r"(captured));
	if ((__s32)captured < 1 || bpf_skb_load_bytes(skb, 0, event->data, captured) < 0)
		captured = 0;
	event->captured = captured;
	bpf_ringbuf_submit(event, 0);
}

SEC("tc")
int gate(struct __sk_buff *skb)
{
	int verdict = filter(skb);
	struct totals *totals;
	__u32 answer = OTHER;

	if (verdict == TC_ACT_OK || verdict == TC_ACT_UNSPEC)
		answer = PASSED;
	else if (verdict == TC_ACT_SHOT)
		answer = DROPPED;
	totals = bpf_map_lookup_elem(&plumb_answers, &answer);
	if (totals) {
		totals->packets++;
		totals->bytes += skb->len;
	}
	if (answer == DROPPED) {
		report(skb);
		if (observe)
			return pass;
	}
	return verdict == TC_ACT_OK ? pass : verdict;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
