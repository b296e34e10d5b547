// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/* intent: passes a packet that a permit matches and no forbid does; drops what cannot be classified. */
#include "intent.h"

struct flow {
	struct endpoint to; /* family, destination, protocol, destination port or ICMP type */
	__u8 source[16];
	__u16 source_port;
};

static __always_inline bool is_extension(__u8 protocol, int index)
{
	return (protocol == EXT_HOP_BY_HOP && index == 0) || protocol == EXT_ROUTING || protocol == EXT_FRAGMENT ||
	       protocol == EXT_AUTHENTICATION || protocol == EXT_DESTINATION;
}

/* Walks the extension headers; at the end *l4 is where the transport header begins. */
static __always_inline enum clause ipv6_walk(struct __sk_buff *skb, __u8 *protocol, __u32 *l4)
{
	__u8 ext[4];
	int i;

	for (i = 0; i < MAX_EXTENSIONS; i++) {
		__u32 length;

		if (!is_extension(*protocol, i))
			return CLAUSES;
		if (skb->len < *l4 + EXT_MIN_LEN || bpf_skb_load_bytes(skb, *l4, ext, sizeof(ext)) < 0)
			return TRUNCATED_EXTENSION;
		if (*protocol == EXT_FRAGMENT) {
			if (ext[2] != 0 || (ext[3] & 0xF8) != 0)
				return SUBSEQUENT_FRAGMENT;
			length = EXT_MIN_LEN;
		} else if (*protocol == EXT_AUTHENTICATION) {
			length = (ext[1] + 2) * 4;
		} else {
			/* Segments left: the destination is not the final one. */
			if (*protocol == EXT_ROUTING && ext[3] != 0)
				return SOURCE_ROUTED;
			length = (ext[1] + 1) * 8;
		}
		if (skb->len < *l4 + length)
			return TRUNCATED_EXTENSION;
		*protocol = ext[0];
		*l4 += length;
	}
	return is_extension(*protocol, MAX_EXTENSIONS) ? TOO_MANY_EXTENSIONS : CLAUSES;
}

/* Returns the clause that refuses the packet, or CLAUSES with the flow filled in. */
static __always_inline enum clause classify(struct __sk_buff *skb, struct flow *flow, bool *arp)
{
	__u32 l4, need, end; /* end: where the packet ends by its own length field */
	enum clause refused = CLAUSES;
	struct frame frame;
	__u8 ports[4];

	if (!frame_pull(skb) || !frame_open(skb, &frame))
		return TRUNCATED_ETHERNET;
	*arp = frame.ethertype == ETH_P_ARP;
	if (*arp) {
		if (!frame_has(&frame, ETH_LEN + ARP_LEN))
			return TRUNCATED_ARP;
		if (skb->len < ETH_LEN + ARP_LEN + 2 * (frame.data[ETH_LEN + 4] + frame.data[ETH_LEN + 5]))
			return TRUNCATED_ARP_ADDRESSES;
		return CLAUSES;
	}
	if (frame.ethertype == ETH_P_IPV4) {
		__u32 header_len, total;
		bool fragment;

		if (!frame_has(&frame, ETH_LEN + IPV4_MIN_LEN))
			return TRUNCATED_IPV4;
		if (frame.data[ETH_LEN] >> 4 != 4)
			return BAD_IPV4_VERSION;
		header_len = ipv4_header_len(&frame, ETH_LEN);
		if (header_len < IPV4_MIN_LEN)
			return BAD_IHL;
		total = frame_u16(&frame, ETH_LEN + 2);
		if (is_big_tcp(skb, total, ipv4_protocol(&frame), ETH_LEN))
			total = skb->len - ETH_LEN;
		if (total < header_len)
			return SHORT_TOTAL_LENGTH;
		l4 = ETH_LEN + header_len;
		if (skb->len < l4)
			return TRUNCATED_OPTIONS;
		flow->to.family = 4;
		flow->to.protocol = ipv4_protocol(&frame);
		__builtin_memcpy(flow->to.address, frame.data + ETH_LEN + 16, 4);
		__builtin_memcpy(flow->source, frame.data + ETH_LEN + 12, 4);
		if (flow->to.protocol != IPPROTO_TCP && flow->to.protocol != IPPROTO_UDP && flow->to.protocol != IPPROTO_ICMP)
			return UNSUPPORTED_PROTOCOL;
		if (ipv4_subsequent_fragment(&frame))
			return SUBSEQUENT_FRAGMENT;
		end = ETH_LEN + total;
	} else if (frame.ethertype == ETH_P_IPV6) {
		if (!frame_has(&frame, ETH_LEN + IPV6_LEN))
			return TRUNCATED_IPV6;
		if (frame.data[ETH_LEN] >> 4 != 6)
			return BAD_IPV6_VERSION;
		end = ETH_LEN + IPV6_LEN + frame_u16(&frame, ETH_LEN + 4);
		flow->to.family = 6;
		flow->to.protocol = frame.data[ETH_LEN + 6];
		__builtin_memcpy(flow->to.address, frame.data + ETH_LEN + 24, 16);
		__builtin_memcpy(flow->source, frame.data + ETH_LEN + 8, 16);
		l4 = ETH_LEN + IPV6_LEN;
		refused = ipv6_walk(skb, &flow->to.protocol, &l4);
		if (refused != CLAUSES)
			return refused;
		if (flow->to.protocol != IPPROTO_TCP && flow->to.protocol != IPPROTO_UDP && flow->to.protocol != IPPROTO_ICMPV6)
			return UNSUPPORTED_PROTOCOL;
		if (is_big_tcp(skb, end - ETH_LEN - IPV6_LEN, flow->to.protocol, ETH_LEN + IPV6_LEN))
			end = skb->len;
	} else {
		return UNSUPPORTED_ETHERTYPE;
	}
	need = flow->to.protocol == IPPROTO_TCP ? TCP_LEN : SHORT_L4_LEN;
	if (end < l4 + need)
		return SHORT_L4_LENGTH;
	if (skb->len < l4 + need || bpf_skb_load_bytes(skb, l4, ports, sizeof(ports)) < 0)
		return TRUNCATED_L4;
	if (flow->to.protocol == IPPROTO_TCP || flow->to.protocol == IPPROTO_UDP) {
		flow->source_port = (__u16)ports[0] << 8 | ports[1];
		flow->to.port = (__u16)ports[2] << 8 | ports[3];
	} else {
		flow->to.port = ports[0];
	}
	return CLAUSES;
}

/*
 * Returns the last of `count` rows from `first` on whose a is at most `key`; null without rows. The first row's a is 0.
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
		if (row->a <= key)
			first = middle;
		count -= count / 2;
	}
	return bpf_map_lookup_elem(table, &first);
}

/* A walk along the nodes whose prefixes hold the packet's addresses. */
struct walk {
	void *table;
	void *prefixes;
	const struct flow *flow;
	__u32 node;
	__u32 best;
};

static long walk_step(__u32 index, struct walk *walk)
{
	const struct row *node, *found;
	struct prefix source;
	__u32 at = walk->node, next, count, key, *inner;

	node = bpf_map_lookup_elem(walk->table, &at);
	/* Everything further on is decided by a later rule than the one found. */
	if (!node || node->d >= walk->best)
		return 1;
	next = node->a;
	count = node->c;
	key = (__u32)walk->flow->to.protocol << 16 | walk->flow->to.port;
	found = interval(walk->table, node->b, count & ~HAS_SOURCES, key);
	if (found) {
		if (found->b < walk->best)
			walk->best = found->b;
		found = interval(walk->table, found->c, found->d, walk->flow->source_port);
		if (found && found->b < walk->best)
			walk->best = found->b;
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

SEC("tc")
int intent(struct __sk_buff *skb)
{
	struct flow flow = {};
	__u32 zero = 0, one = 1, slot, line, rules, forbids, lines, *found;
	void *table, *endpoint_map, *prefix_map, *counter_map;
	const struct row *head, *second;
	struct totals *totals;
	struct prefix key;
	struct walk walk;
	bool arp = false;
	__u64 *current;

	current = bpf_map_lookup_elem(&active, &zero);
	if (!current)
		return TC_ACT_SHOT;
	slot = *(volatile __u64 *)current;
	table = bpf_map_lookup_elem(&tables, &slot);
	endpoint_map = bpf_map_lookup_elem(&endpoints, &slot);
	prefix_map = bpf_map_lookup_elem(&prefixes, &slot);
	counter_map = bpf_map_lookup_elem(&counters, &slot);
	if (!table || !endpoint_map || !prefix_map || !counter_map)
		return TC_ACT_SHOT;
	head = bpf_map_lookup_elem(table, &zero);
	second = bpf_map_lookup_elem(table, &one);
	if (!head || !second)
		return TC_ACT_SHOT;
	rules = head->a;
	forbids = head->b;
	lines = head->d;

	line = classify(skb, &flow, &arp);
	if (line == CLAUSES) {
		walk.best = NO_RULE;
		if (arp) {
			walk.best = head->c;
		} else {
			if (second->a) {
				found = bpf_map_lookup_elem(endpoint_map, &flow.to);
				if (found)
					walk.best = *found;
			}
			if (second->b < walk.best) {
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
		totals->bytes += skb->len;
	}
	return line >= CLAUSES + forbids && line < CLAUSES + rules ? TC_ACT_OK : TC_ACT_SHOT;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
