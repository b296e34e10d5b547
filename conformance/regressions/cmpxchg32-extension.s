# A kernel may leave the high half of r0 as it was after the 32-bit cmpxchg: see known-divergences.tsv.
r2 = *(u32 *)(r1 + 76)
r3 = *(u32 *)(r1 + 80)
r4 = r2
r4 += 78
if r4 <= r3 goto +2
r0 = 0
exit
r5 = *(u64 *)(r2 + 14)
*(u64 *)(r10 - 8) = r5
r5 = *(u64 *)(r2 + 22)
*(u64 *)(r10 - 16) = r5
r5 = *(u64 *)(r2 + 30)
*(u64 *)(r10 - 24) = r5
r5 = *(u64 *)(r2 + 38)
*(u64 *)(r10 - 32) = r5
r0 = *(u32 *)(r2 + 69)
r1 = *(u64 *)(r2 + 59)
r3 = *(u32 *)(r2 + 63)
r4 = *(u8 *)(r2 + 61)
r5 = *(u64 *)(r2 + 48)
r6 = *(u8 *)(r2 + 63)
r7 = *(u64 *)(r2 + 70)
r8 = *(u64 *)(r2 + 66)
r9 = *(u16 *)(r2 + 66)
r2 = *(u16 *)(r2 + 56)
goto +0
goto +0
goto +0
goto +0
r2 = 8047314791619186217 ll
goto +0
goto +0
w4 = atomic_fetch_add((u32 *)(r10 - 4), w4)
goto +0
goto +0
goto +0
goto +0
goto +0
goto +0
goto +0
goto +0
goto +0
goto +0
r0 s>>= r8
goto +0
goto +0
goto +0
goto +0
goto +0
goto +0
goto +0
goto +0
goto +0
goto +0
r0 = atomic_fetch_xor((u64 *)(r10 - 16), r0)
w0 = cmpxchg32_32(r10 - 16, w0, w1)
if r4 != 636307764 goto +1
w0 %= w3
goto +0
goto +0
goto +0
goto +0
goto +0
r9 = 5
goto +0
r9 -= 1
goto +0
goto +0
goto +0
goto +0
goto +0
goto +0
goto +0
goto +0
goto +0
goto +0
goto +0
goto +0
goto +0
goto +0
goto +0
goto +0
goto +0
goto +0
goto +0
goto +0
goto +0
goto +0
goto +0
goto +0
goto +0
goto +0
goto +0
goto +0
goto +0
goto +0
goto +0
r1 = r0
r1 >>= 32
r0 ^= r1
exit
