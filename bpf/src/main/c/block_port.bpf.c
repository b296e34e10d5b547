// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/* block_port: drops TCP and UDP to one destination port; whatever it cannot read passes. */
#include "frame.h"

const volatile __u16 input = 0;

SEC("tc")
int block_port(struct __sk_buff *skb)
{
	struct frame frame;
	__u16 source, dest;
	__u32 header_len;

	if (!frame_pull(skb))
		return TC_ACT_SHOT;
	if (!frame_open(skb, &frame))
		return TC_ACT_OK;
	if (frame.ethertype != ETH_P_IPV4)
		return TC_ACT_OK;
	if (!frame_has(&frame, ETH_LEN + IPV4_MIN_LEN))
		return TC_ACT_OK;
	header_len = ipv4_header_len(&frame, ETH_LEN);
	if (header_len < IPV4_MIN_LEN)
		return TC_ACT_OK;
	if (ipv4_subsequent_fragment(&frame))
		return TC_ACT_OK;
	if (ipv4_protocol(&frame) != IPPROTO_TCP && ipv4_protocol(&frame) != IPPROTO_UDP)
		return TC_ACT_OK;
	if (!l4_ports(&frame, ETH_LEN + header_len, &source, &dest))
		return TC_ACT_OK;
	if (dest == input)
		return TC_ACT_SHOT;
	return TC_ACT_OK;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
