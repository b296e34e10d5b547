// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/* allow_proto: passes IPv4 packets, under at most two VLAN tags, whose protocol is in a set of up to eight. */
#include "stage.h"

#define MAX_ALLOWED 8

const volatile __u8 allowed[MAX_ALLOWED] = {};
const volatile __u8 num_allowed = 0;

static __always_inline bool is_tag(__u16 ethertype)
{
	return ethertype == ETH_P_VLAN || ethertype == ETH_P_QINQ;
}

SEC("tc")
int allow_proto(struct __sk_buff *skb)
{
	struct frame frame;
	__u32 l3 = ETH_LEN;
	__u32 header_len;
	__u16 ethertype;
	__u8 protocol;
	int tags;

	if (!frame_pull(skb))
		return TC_ACT_SHOT;
	if (!frame_open(skb, &frame))
		return TC_ACT_SHOT;

	/* A tag outside the bytes is the first one; the bytes go on with the EtherType behind it. */
	tags = frame.tagged ? 1 : 0;
	ethertype = frame_u16(&frame, 12);
#pragma unroll
	for (int i = 0; i < 2; i++) {
		if (tags < 2 && is_tag(ethertype)) {
			if (!frame_has(&frame, l3 + VLAN_LEN))
				return TC_ACT_SHOT;
			ethertype = frame_u16(&frame, l3 + 2);
			l3 += VLAN_LEN;
			tags++;
		}
	}
	if (is_tag(ethertype))
		return TC_ACT_SHOT;
	if (ethertype != ETH_P_IPV4)
		return stage_not_mine(skb);
	if (!frame_has(&frame, l3 + IPV4_MIN_LEN))
		return TC_ACT_SHOT;
	header_len = ipv4_header_len(&frame, l3);
	if (header_len < IPV4_MIN_LEN)
		return TC_ACT_SHOT;
	protocol = frame.data[l3 + 9];
	if (!frame_has(&frame, l3 + header_len))
		return TC_ACT_SHOT;
#pragma unroll
	for (int i = 0; i < MAX_ALLOWED; i++) {
		if (i < num_allowed && protocol == allowed[i])
			return stage_pass(skb);
	}
	return TC_ACT_SHOT;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
