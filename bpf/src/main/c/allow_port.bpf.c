// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/* allow_port: passes TCP and UDP only to one destination port; leaves other protocols alone. */
#include "stage.h"

const volatile __u16 input = 0;

SEC("tc")
int allow_port(struct __sk_buff *skb)
{
	struct frame frame;
	__u16 source, dest;
	__u32 header_len;

	if (!frame_pull(skb))
		return TC_ACT_SHOT;
	if (!frame_open(skb, &frame))
		return TC_ACT_SHOT;
	if (frame.ethertype != ETH_P_IPV4)
		return stage_not_mine(skb);
	if (!frame_has(&frame, ETH_LEN + IPV4_MIN_LEN))
		return TC_ACT_SHOT;
	header_len = ipv4_header_len(&frame, ETH_LEN);
	if (header_len < IPV4_MIN_LEN)
		return TC_ACT_SHOT;
	if (!frame_has(&frame, ETH_LEN + header_len))
		return TC_ACT_SHOT;
	if (ipv4_protocol(&frame) != IPPROTO_TCP && ipv4_protocol(&frame) != IPPROTO_UDP)
		return stage_pass(skb);
	if (ipv4_subsequent_fragment(&frame))
		return TC_ACT_SHOT;
	if (!l4_ports(&frame, ETH_LEN + header_len, &source, &dest))
		return TC_ACT_SHOT;
	if (dest == input)
		return stage_pass(skb);
	return TC_ACT_SHOT;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
