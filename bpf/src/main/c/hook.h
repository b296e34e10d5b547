/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * The hook that a program is compiled for: tc, or XDP with -DHOOK_XDP. No other file names the type, the section, the
 * verdict codes, the packet helpers or the metadata of one hook.
 *
 *   ACCEPT, DROP   what a filter returns
 *   NEXT           what the gate returns so that the next filter on the hook is asked; XDP has only one
 */
#ifndef PLUMBLINE_HOOK_H
#define PLUMBLINE_HOOK_H

#include <stdbool.h>
#include <linux/bpf.h>
#include <linux/pkt_cls.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

/* The bytes that can be read directly: from data up to, not including, data_end. */
#define hook_data(packet) ((const __u8 *)(long)(packet)->data)
#define hook_data_end(packet) ((const __u8 *)(long)(packet)->data_end)

#ifdef HOOK_XDP

#define HOOK_SECTION SEC("xdp")
#define hook_context xdp_md

#define ACCEPT XDP_PASS
#define DROP XDP_DROP
#define NEXT XDP_PASS

/* No TCP segments joined to packets of more than 64 KiB (is_big_tcp). */
#define HOOK_BIG_TCP false

/* The furthest offset that hook_load reads from. */
#define HOOK_LOAD_MAX 0x7FFF

static __always_inline bool hook_accepts(int verdict)
{
	return verdict == XDP_PASS;
}

/* The packet is linear: a program that does not declare XDP fragments is never given any. */
static __always_inline __u32 hook_length(struct hook_context *packet)
{
	return packet->data_end - packet->data;
}

static __always_inline bool hook_pull(struct hook_context *packet, __u32 length)
{
	return true;
}

/*
 * Copies `size` bytes at `offset`. bpf_xdp_load_bytes would need Linux 5.18. All are copied at once (volatile): while the
 * pointer is live, the verifier takes states with different offsets for different.
 */
static __always_inline bool hook_load(struct hook_context *packet, __u32 offset, void *to, __u32 size)
{
	const __u8 *from;
	__u32 i;

	/* Hidden from clang, which would drop the bound: the verifier needs it. */
	asm volatile("" : "+r"(offset));
	if (offset > HOOK_LOAD_MAX)
		return false;
	from = hook_data(packet) + offset;
	if (from + size > hook_data_end(packet))
		return false;
	for (i = 0; i < size; i++)
		((volatile __u8 *)to)[i] = from[i];
	return true;
}

/* Copies the first `size` bytes. */
static __always_inline bool hook_copy(struct hook_context *packet, __u8 *to, __u32 size)
{
	const __u8 *data = hook_data(packet), *end = hook_data_end(packet);
	__u32 i;

	for (i = 0; i < size; i++) {
		if (data + i + 1 > end)
			return false;
		to[i] = data[i];
	}
	return true;
}

/* No metadata: a VLAN tag that the device has taken out of the packet is not visible. */
static __always_inline bool hook_tagged(struct hook_context *packet)
{
	return false;
}

static __always_inline __u16 hook_vlan_proto(struct hook_context *packet)
{
	return 0;
}

static __always_inline __u16 hook_vlan_tci(struct hook_context *packet)
{
	return 0;
}

/* Not asked: a packet begins with its Ethernet header. */
static __always_inline __u16 hook_protocol(struct hook_context *packet)
{
	return 0;
}

static __always_inline __u32 hook_ifindex(struct hook_context *packet)
{
	return packet->ingress_ifindex;
}

static __always_inline __u32 hook_mark(struct hook_context *packet)
{
	return 0;
}

#else

#define HOOK_SECTION SEC("tc")
#define hook_context __sk_buff

#define ACCEPT TC_ACT_OK
#define DROP TC_ACT_SHOT
#define NEXT TC_ACT_UNSPEC

#define HOOK_BIG_TCP true

/* A packet may begin at layer 3. */
#define HOOK_LAYER_3

static __always_inline bool hook_accepts(int verdict)
{
	return verdict == TC_ACT_OK || verdict == TC_ACT_UNSPEC;
}

/* With the non-linear part. */
static __always_inline __u32 hook_length(struct hook_context *packet)
{
	return packet->len;
}

/* Makes the first `length` bytes readable, also where they lie in the non-linear part; false if there is no memory. */
static __always_inline bool hook_pull(struct hook_context *packet, __u32 length)
{
	__u32 linear = packet->data_end - packet->data;
	__u32 wanted = packet->len;

	if (wanted > length)
		wanted = length;
	if (linear >= wanted)
		return true;
	return bpf_skb_pull_data(packet, wanted) == 0;
}

/* Copies `size` bytes at `offset`, wherever they lie. */
static __always_inline bool hook_load(struct hook_context *packet, __u32 offset, void *to, __u32 size)
{
	return bpf_skb_load_bytes(packet, offset, to, size) == 0;
}

/* Copies the first `size` bytes. */
static __always_inline bool hook_copy(struct hook_context *packet, __u8 *to, __u32 size)
{
	return bpf_skb_load_bytes(packet, 0, to, size) == 0;
}

/* Whether a VLAN tag stands in metadata instead of the packet, as offload leaves it. */
static __always_inline bool hook_tagged(struct hook_context *packet)
{
	return packet->vlan_present;
}

/* The offloaded tag, in network order. */
static __always_inline __u16 hook_vlan_proto(struct hook_context *packet)
{
	return packet->vlan_proto;
}

static __always_inline __u16 hook_vlan_tci(struct hook_context *packet)
{
	return packet->vlan_tci;
}

static __always_inline __u32 hook_ifindex(struct hook_context *packet)
{
	return packet->ifindex;
}

static __always_inline __u32 hook_mark(struct hook_context *packet)
{
	return packet->mark;
}

/* The EtherType of a packet that begins at layer 3. */
static __always_inline __u16 hook_protocol(struct hook_context *packet)
{
	return bpf_ntohs((__u16)packet->protocol);
}

#endif

#endif
