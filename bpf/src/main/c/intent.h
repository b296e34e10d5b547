/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * The tables that a policy is lowered to. User space writes them; numbers are in host order, addresses in network order.
 *
 * A policy is a set of four inner maps, one in each outer map, all at the same slot. `active` is the slot of the active
 * policy: a packet reads it once, so one write to it replaces everything at once.
 *
 * table: rows of four words
 *   row 0          rules, forbids, first rule about ARP, lines
 *   row 1          whether there are endpoints, first rule that `prefixes` leads to, 0, 0
 *   a node         next node, first interval, number of intervals | HAS_SOURCES, first rule here or at later nodes
 *   an interval    lowest key, rule, first source port interval, number of them
 *   a source port  lowest port, rule, 0, 0
 * A key is protocol << 16 | destination port (of ICMP: type). Intervals are sorted, the first begins at 0, and each
 * ends where the next begins. Rules are numbered in the order in which they decide, forbids first: the smallest wins.
 *
 * endpoints: the first rule of one address, protocol and port that does not depend on the source.
 * prefixes:  scope 4 or 6: the node of a destination prefix; SOURCE_SCOPE | node: that of a source prefix within it.
 * counters:  for each CPU one pair of numbers for each line: the clauses, the rules, and "no rule".
 */
#ifndef PLUMBLINE_INTENT_H
#define PLUMBLINE_INTENT_H

#include "classify.h"

#define NO_RULE 0xFFFFFFFF
#define HAS_SOURCES 0x80000000
#define SOURCE_SCOPE 0x80000000
#define SCOPE_BITS 32
#define MAX_INTERVAL_STEPS 22
#define MAX_CHAIN 512

struct row {
	union {
		struct {
			__u32 rules, forbids, first_arp, lines;
		} head; /* row 0 */
		struct {
			__u32 has_endpoints, first_by_prefix;
		} more; /* of row 1 */
		struct {
			__u32 next, first_interval, intervals, first_rule;
		} node;
		struct {
			__u32 lowest, rule, first_source_port, source_ports;
		} interval; /* and a source port, which has only the first two */
	};
};

struct totals {
	__u64 packets, bytes;
};

struct prefix {
	__u32 length; /* SCOPE_BITS and those of the address */
	__u32 scope;
	__u8 address[16];
};

/* Sizes, not types: clang 14 leaves types of inner maps out of the type information. */
struct table {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_INNER_MAP | BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__uint(key_size, sizeof(__u32));
	__uint(value_size, sizeof(struct row));
};

struct endpoint_map {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__uint(key_size, sizeof(struct endpoint));
	__uint(value_size, sizeof(__u32));
};

struct prefix_map {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 1);
	__uint(key_size, sizeof(struct prefix));
	__uint(value_size, sizeof(__u32));
};

struct counter_map {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_INNER_MAP | BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__uint(key_size, sizeof(__u32));
	__uint(value_size, sizeof(struct totals));
};

#define OUTER(inner_type)                               \
	struct {                                        \
		__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS); \
		__uint(max_entries, 2);                 \
		__type(key, __u32);                     \
		__array(values, struct inner_type);     \
	}

OUTER(table) tables SEC(".maps");
OUTER(endpoint_map) endpoints SEC(".maps");
OUTER(prefix_map) prefixes SEC(".maps");
OUTER(counter_map) counters SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} active SEC(".maps");

#endif
