// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/*
 * intent_rows: the strict language as a table of at most 64 rows, walked one after the other. It shows that the rows of
 * a strict policy decide as the policy does, and what walking a table costs compared with an index.
 */
#include "classify.h"

#define MAX_ROWS 64
#define ROW_ARP 1

struct intent_row {
	__u8 kind;
	__u8 allow;
	__u8 proto_count;
	__u8 protos[2];
	__u8 any_port;
	__u16 port;
	__u32 destination;
};

const volatile __u32 intent_rule_count = 0;
const volatile struct intent_row intent_rules[MAX_ROWS] = {};

static __always_inline bool matches(const volatile struct intent_row *row, __u32 destination, __u8 protocol, __u16 port)
{
	bool proto = row->protos[0] == protocol || (row->proto_count == 2 && row->protos[1] == protocol);

	return row->kind != ROW_ARP && proto && row->destination == destination && (row->any_port || row->port == port);
}

HOOK_SECTION
int intent_rows(struct hook_context *packet)
{
	struct flow flow = {};
	bool arp = false;
	__u32 destination, i;

	if (intent_rule_count > MAX_ROWS || classify(packet, false, &flow, &arp) != CLAUSES)
		return DROP;
	if (arp) {
		for (i = 0; i < MAX_ROWS && i < intent_rule_count; i++) {
			if (intent_rules[i].kind == ROW_ARP)
				return intent_rules[i].allow ? ACCEPT : DROP;
		}
		return DROP;
	}
	if (flow.to.protocol == IPPROTO_ICMP)
		return DROP;
	__builtin_memcpy(&destination, flow.to.address, sizeof(destination));
	destination = bpf_ntohl(destination);
	for (i = 0; i < MAX_ROWS && i < intent_rule_count; i++) {
		/* Drops precede allows, so the first row that matches decides. */
		if (matches(&intent_rules[i], destination, flow.to.protocol, flow.to.port))
			return intent_rules[i].allow ? ACCEPT : DROP;
	}
	return DROP;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
