# The kernel refuses the address of a function in a program without type information: see known-divergences.tsv.
r1 = 3
r2 = func(pc+6) ll
r3 = 0
r4 = 0
call 181
r0 = 7
exit
r0 = 0
exit
