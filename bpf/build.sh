#!/bin/sh
# Compiles the BPF programs.
#   build.sh check    (the Maven build) fills target/objects. With the pinned compiler it rebuilds every object and requires
#                     the committed ones in prebuilt/ to be the same bytes; without it the committed ones are used.
#   build.sh update   rebuilds and replaces the committed objects and their MANIFEST.
#   build.sh compile FOLDER PROGRAM OBJECT [HOOK]    compiles one program from a folder of sources, with the same flags.
#   build.sh load     loads every object into this kernel, as root: for tc and for XDP, and with first_layer = 3 as tc and
#                     as lwt_in. Prints the number of instructions that the verifier followed.
# HOOK is tc (by default) or xdp. PROGRAM.bpf.o is for tc, PROGRAM.xdp.bpf.o for XDP.
# The wrong variants of src/negative are built beside the real programs, into negative/. Its INDEX lists those for tc and
# Ethernet: name, program, title. HOOKS lists the others: name, program, title, hook, first layer.
set -eu
cd "$(dirname -- "$0")"
export LC_ALL=C

pinned='Debian clang version 14.0.6'
clang=clang-14
strip=llvm-strip-14
sources=src/main/c
max_verified=50000
say() { printf 'bpf: %s\n' "$*"; }
die() { say "$*" >&2; exit 1; }

compiler() { "$clang" --version 2>/dev/null | head -n 1; }

source_hash() {
  find src -type f | sort | xargs sha256sum | sha256sum | cut -d' ' -f1
}

# compile FOLDER PROGRAM OBJECT HOOK: relative names only, so that the folder does not show in the object.
compile() {
  case $4 in
    tc) flag=-UHOOK_XDP ;;
    xdp) flag=-DHOOK_XDP ;;
    *) die "hook $4: expected tc or xdp" ;;
  esac
  (cd "$1" && "$clang" -target bpf -mcpu=v3 -O2 -g -fdebug-compilation-dir=. -ffile-prefix-map="$PWD"=. -Wall -Wextra -Werror -Wno-unused-parameter -Wno-unused-variable \
    -Wno-unused-function -Wno-unused-but-set-variable -idirafter "/usr/include/$(uname -m)-linux-gnu" \
    "$flag" -c "$2.bpf.c" -o "$3.tmp") || die "$2: the compiler refused it"
  "$strip" -g "$3.tmp"
  mv "$3.tmp" "$3"
}

# object NAME HOOK: the name of an object's file.
object() {
  case $2 in
    tc) printf '%s.bpf.o' "$1" ;;
    *) printf '%s.%s.bpf.o' "$1" "$2" ;;
  esac
}

build_into() {
  out=$1
  rm -rf "$out"
  mkdir -p "$out/negative"
  out=$(cd "$out" && pwd)
  for c in "$sources"/*.bpf.c; do
    program=$(basename "$c" .bpf.c)
    compile "$sources" "$program" "$out/$program.bpf.o" tc
    compile "$sources" "$program" "$out/$program.xdp.bpf.o" xdp
  done
  work=$(mktemp -d)
  perl src/negative/apply.pl src/negative/variants.txt "$sources" "$work" || die "variants.txt: see above"
  for folder in "$work"/*; do
    variant=$(basename "$folder")
    program=$(cat "$folder/PROGRAM") title=$(cat "$folder/TITLE") hook=$(cat "$folder/HOOK") layer=$(cat "$folder/LAYER")
    compile "$folder" "$program" "$out/negative/$(object "$variant" "$hook")" "$hook"
    if [ "$hook $layer" = 'tc 2' ]; then
      printf '%s\t%s\t%s\n' "$variant" "$program" "$title" >> "$out/negative/INDEX"
    else
      printf '%s\t%s\t%s\t%s\t%s\n' "$variant" "$program" "$title" "$hook" "$layer" >> "$out/negative/HOOKS"
    fi
  done
  rm -rf "$work"
  {
    printf 'compiler %s\n' "$(compiler)"
    printf 'sources %s\n' "$(source_hash)"
    (cd "$out" && find . -type f | sort | sed 's,^\./,,' | xargs sha256sum)
  } > "$out.manifest"
  mv "$out.manifest" "$out/MANIFEST"
}

# load OBJECT HOOK LAYER [TYPE]: loads an object; counts it as failed if the kernel refuses it.
load() {
  loads=$((loads + 1)) file=$1
  if [ "$3" != 2 ]; then
    file=$work/object
    perl set_u32.pl "$1" first_layer "$3" "$file" || die "load: see above"
  fi
  if bpftool $debug prog load "$file" "$work/fs/program" ${4:+type "$4"} > "$work/log" 2>&1; then
    rm "$work/fs/program"
  else
    tail -n 20 "$work/log" >&2
    failed=$((failed + 1))
    say "load: $*: refused" >&2
  fi
}

# verified OBJECT HOOK LAYER [TYPE]: the same, and requires that the verifier follows at most max_verified instructions.
verified() {
  debug=-d
  load "$@"
  debug=
  count=$(sed -n 's/^processed \([0-9]*\) insns .*/\1/p' "$work/log" | tail -n 1)
  printf '%-38s %-6s first layer %s: %6s instructions verified\n' "$1" "${4:-$2}" "$3" "${count:-no}"
  if [ "${count:-0}" -gt $max_verified ]; then
    failed=$((failed + 1))
    say "load: $*: $count instructions: expected at most $max_verified" >&2
  fi
}

load_all() {
  command -v bpftool >/dev/null || die "load: bpftool: not found"
  work=$(mktemp -d) debug= failed=0 loads=0
  mkdir "$work/fs"
  mount -t bpf bpf "$work/fs" || die "load: cannot mount a BPF file system: needs root"
  trap 'umount "$work/fs"; rm -rf "$work"' EXIT
  for c in "$sources"/*.bpf.c; do
    program=$(basename "$c" .bpf.c)
    verified "prebuilt/$program.bpf.o" tc 2
    verified "prebuilt/$program.xdp.bpf.o" xdp 2
    # Programs that read no headers have no first_layer.
    if grep -q first_layer "prebuilt/$program.bpf.o"; then
      verified "prebuilt/$program.bpf.o" tc 3
      verified "prebuilt/$program.bpf.o" tc 3 lwt_in
    fi
  done
  while IFS='	' read -r variant program title hook layer; do
    load "prebuilt/negative/$(object "$variant" "$hook")" "$hook" "$layer"
  done < prebuilt/negative/HOOKS
  [ $failed = 0 ] || die "load: $failed of $loads loads failed"
  say "load: $loads loads: verified"
}

case "${1:-check}" in
  update)
    [ "$(compiler)" = "$pinned" ] || die "compiler: $(compiler): expected $pinned"
    build_into prebuilt
    say "prebuilt/: $(grep -c '\.bpf\.o$' prebuilt/MANIFEST) objects written"
    ;;
  check)
    if [ "$(compiler)" = "$pinned" ] && [ -e /usr/include/bpf/bpf_helpers.h ]; then
      # Nothing to do when neither the sources nor the committed objects changed since the last check.
      stamp=target/checked
      now="$(source_hash) $(find prebuilt -type f | sort | xargs sha256sum | sha256sum | cut -d' ' -f1)"
      [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$now" ] && [ -d target/objects ] && exit 0
      mkdir -p target
      build_into target/objects
      diff -r prebuilt target/objects >/dev/null ||
        die "prebuilt/: $(diff -rq prebuilt target/objects | wc -l) files differ from what $pinned makes of src/: run bpf/build.sh update and commit the result"
      printf '%s' "$now" > "$stamp"
      say "objects rebuilt with $pinned: the same bytes as the committed ones"
    else
      have=$(compiler)
      grep -qx "sources $(source_hash)" prebuilt/MANIFEST ||
        die "src/: changed since prebuilt/ was made, and the pinned compiler ($pinned) is not here (found: ${have:-no $clang})"
      (cd prebuilt && grep -v -E '^(compiler|sources) ' MANIFEST | sha256sum --quiet -c -) ||
        die "prebuilt/: an object differs from its MANIFEST line"
      rm -rf target/objects
      mkdir -p target
      cp -r prebuilt target/objects
      say "notice: using the committed objects; the pinned compiler ($pinned) is not here (found: ${have:-no $clang})"
    fi
    ;;
  compile)
    [ $# -eq 4 ] || [ $# -eq 5 ] || die "usage: build.sh compile FOLDER PROGRAM OBJECT [HOOK]"
    compile "$2" "$3" "$4" "${5:-tc}"
    ;;
  load) load_all ;;
  *) die "usage: build.sh [check|update|load|compile FOLDER PROGRAM OBJECT [HOOK]]" ;;
esac
