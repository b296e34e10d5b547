// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/* A user's XDP program: drops ICMP over IPv4. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

SEC("xdp")
int xdp_no_ping(struct xdp_md *xdp)
{
	const __u8 *data = (const __u8 *)(long)xdp->data;

	if (data + 34 > (const __u8 *)(long)xdp->data_end)
		return XDP_PASS;
	return data[12] == 0x08 && data[13] == 0x00 && data[23] == 1 ? XDP_DROP : XDP_PASS;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
