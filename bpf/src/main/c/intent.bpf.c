// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/* intent: passes a packet that a permit matches and no forbid does; drops what cannot be classified. */
#include "intent.h"

/*
 * Returns the last of `count` rows from `first` on whose lowest key is at most `key`; null without rows. That of the
 * first row is 0.
 * The loop changes only unknown numbers. With a pointer to the row found so far, Linux 6.19 compares no two states of
 * the loop as equal and gives up after a million instructions.
 */
static __always_inline const struct row *interval(void *table, __u32 first, __u32 count, __u32 key)
{
	const struct row *row;
	__u32 middle;
	int i;

	if (count == 0)
		return NULL;
	for (i = 0; i < MAX_INTERVAL_STEPS && count > 1; i++) {
		middle = first + count / 2;
		row = bpf_map_lookup_elem(table, &middle);
		if (!row)
			return NULL;
		if (row->interval.lowest <= key)
			first = middle;
		count -= count / 2;
	}
	return bpf_map_lookup_elem(table, &first);
}

/* A walk along the nodes whose prefixes contain the packet's addresses. */
struct walk {
	void *table;
	void *prefixes;
	const struct flow *flow;
	__u32 node;
	__u32 best;
};

static long walk_step(__u32 index, struct walk *walk)
{
	const struct row *row, *found;
	struct prefix source;
	__u32 at = walk->node, next, count, key, *inner;

	row = bpf_map_lookup_elem(walk->table, &at);
	/* All later nodes lead to later rules than the one found. */
	if (!row || row->node.first_rule >= walk->best)
		return 1;
	next = row->node.next;
	count = row->node.intervals;
	key = (__u32)walk->flow->to.protocol << 16 | walk->flow->to.port;
	found = interval(walk->table, row->node.first_interval, count & ~HAS_SOURCES, key);
	if (found) {
		if (found->interval.rule < walk->best)
			walk->best = found->interval.rule;
		found = interval(walk->table, found->interval.first_source_port, found->interval.source_ports,
				 walk->flow->source_port);
		if (found && found->interval.rule < walk->best)
			walk->best = found->interval.rule;
	}
	if (count & HAS_SOURCES) {
		source.length = SCOPE_BITS + 128;
		source.scope = SOURCE_SCOPE | at;
		__builtin_memcpy(source.address, walk->flow->source, sizeof(source.address));
		inner = bpf_map_lookup_elem(walk->prefixes, &source);
		if (inner)
			next = *inner;
	}
	walk->node = next;
	return next == 0;
}

HOOK_SECTION
int intent(struct hook_context *packet)
{
	struct flow flow = {};
	__u32 zero = 0, one = 1, slot, line, rules, forbids, lines, *found;
	void *table, *endpoint_map, *prefix_map, *counter_map;
	const struct row *first, *second;
	struct totals *totals;
	struct prefix key;
	struct walk walk;
	bool arp = false;
	__u64 *current;

	current = bpf_map_lookup_elem(&active, &zero);
	if (!current)
		return DROP;
	slot = *(volatile __u64 *)current;
	table = bpf_map_lookup_elem(&tables, &slot);
	endpoint_map = bpf_map_lookup_elem(&endpoints, &slot);
	prefix_map = bpf_map_lookup_elem(&prefixes, &slot);
	counter_map = bpf_map_lookup_elem(&counters, &slot);
	if (!table || !endpoint_map || !prefix_map || !counter_map)
		return DROP;
	first = bpf_map_lookup_elem(table, &zero);
	second = bpf_map_lookup_elem(table, &one);
	if (!first || !second)
		return DROP;
	rules = first->head.rules;
	forbids = first->head.forbids;
	lines = first->head.lines;

	line = classify(packet, true, &flow, &arp);
	if (line == CLAUSES) {
		walk.best = NO_RULE;
		if (arp) {
			walk.best = first->head.first_arp;
		} else {
			if (second->more.has_endpoints) {
				found = bpf_map_lookup_elem(endpoint_map, &flow.to);
				if (found)
					walk.best = *found;
			}
			if (second->more.first_by_prefix < walk.best) {
				key.length = SCOPE_BITS + 128;
				key.scope = flow.to.family;
				__builtin_memcpy(key.address, flow.to.address, sizeof(key.address));
				found = bpf_map_lookup_elem(prefix_map, &key);
				if (found) {
					walk.table = table;
					walk.prefixes = prefix_map;
					walk.flow = &flow;
					walk.node = *found;
					bpf_loop(MAX_CHAIN, walk_step, &walk, 0);
				}
			}
		}
		line += walk.best < rules ? walk.best : rules;
	}
	slot = bpf_get_smp_processor_id() * lines + line;
	totals = bpf_map_lookup_elem(counter_map, &slot);
	if (totals) {
		totals->packets++;
		totals->bytes += hook_length(packet);
	}
	return line >= CLAUSES + forbids && line < CLAUSES + rules ? ACCEPT : DROP;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
