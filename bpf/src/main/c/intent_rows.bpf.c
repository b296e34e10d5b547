// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/*
 * intent_rows: the strict language as a table of at most 64 rows, walked one after the other. It shows that the rows of
 * a strict policy decide as the policy does, and what a table that is walked costs beside one that is indexed.
 */
#include "frame.h"

#define MAX_ROWS 64
#define ROW_ARP 1
#define ETH_P_ARP 0x0806
#define ARP_LEN 8

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

SEC("tc")
int intent_rows(struct __sk_buff *skb)
{
	__u32 header_len, total, need, l4, i;
	struct frame frame;
	bool allow = false;
	__u8 protocol, ports[4];

	if (intent_rule_count > MAX_ROWS || !frame_pull(skb) || !frame_open(skb, &frame))
		return TC_ACT_SHOT;
	if (frame.ethertype == ETH_P_ARP) {
		if (!frame_has(&frame, ETH_LEN + ARP_LEN))
			return TC_ACT_SHOT;
		if (skb->len < ETH_LEN + ARP_LEN + 2 * (frame.data[ETH_LEN + 4] + frame.data[ETH_LEN + 5]))
			return TC_ACT_SHOT;
		for (i = 0; i < MAX_ROWS && i < intent_rule_count; i++) {
			if (intent_rules[i].kind == ROW_ARP)
				return intent_rules[i].allow ? TC_ACT_OK : TC_ACT_SHOT;
		}
		return TC_ACT_SHOT;
	}
	if (frame.ethertype != ETH_P_IPV4 || !frame_has(&frame, ETH_LEN + IPV4_MIN_LEN) || frame.data[ETH_LEN] >> 4 != 4)
		return TC_ACT_SHOT;
	header_len = ipv4_header_len(&frame, ETH_LEN);
	total = frame_u16(&frame, ETH_LEN + 2);
	if (is_big_tcp(skb, total, ipv4_protocol(&frame), ETH_LEN))
		total = skb->len - ETH_LEN;
	l4 = ETH_LEN + header_len;
	if (header_len < IPV4_MIN_LEN || total < header_len || skb->len < l4)
		return TC_ACT_SHOT;
	protocol = ipv4_protocol(&frame);
	if ((protocol != IPPROTO_TCP && protocol != IPPROTO_UDP) || ipv4_subsequent_fragment(&frame))
		return TC_ACT_SHOT;
	need = protocol == IPPROTO_TCP ? 20 : 8;
	if (total < header_len + need || skb->len < l4 + need || bpf_skb_load_bytes(skb, l4, ports, sizeof(ports)) < 0)
		return TC_ACT_SHOT;
	for (i = 0; i < MAX_ROWS && i < intent_rule_count; i++) {
		/* Drops stand before allows, so the first row that matches decides. */
		if (matches(&intent_rules[i], ipv4_daddr(&frame), protocol, (__u16)ports[2] << 8 | ports[3]))
			return intent_rules[i].allow ? TC_ACT_OK : TC_ACT_SHOT;
	}
	return TC_ACT_SHOT;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
