# The JIT took an address that was loaded with its sign for the address. The kernel refuses such a load.
r2 = *(s32 *)(r1 + 76)
r3 = *(u32 *)(r1 + 80)
r4 = r2
r4 += 78
if r4 > r3 goto +1
r2 = *(u16 *)(r2 + 58)
r0 = r2
exit
