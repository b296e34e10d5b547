#!/bin/sh
# Compiles the BPF programs.
#   build.sh check    (the Maven build) fills target/objects. With the pinned compiler it rebuilds every object and requires
#                     the committed ones in prebuilt/ to be the same bytes; without it the committed ones are used.
#   build.sh update   rebuilds and replaces the committed objects and their MANIFEST.
#   build.sh compile FOLDER PROGRAM OBJECT    compiles one program from a folder of sources, with the same flags.
# The wrong variants of src/negative are built beside the real programs, into negative/.
set -eu
cd "$(dirname -- "$0")"
export LC_ALL=C

pinned='Debian clang version 14.0.6'
clang=clang-14
strip=llvm-strip-14
sources=src/main/c
say() { printf 'bpf: %s\n' "$*"; }
die() { say "$*" >&2; exit 1; }

compiler() { "$clang" --version 2>/dev/null | head -n 1; }

source_hash() {
  find src -type f | sort | xargs sha256sum | sha256sum | cut -d' ' -f1
}

# compile FOLDER PROGRAM OBJECT: relative names only, so that the folder does not show in the object.
compile() {
  (cd "$1" && "$clang" -target bpf -mcpu=v3 -O2 -g -fdebug-compilation-dir=. -ffile-prefix-map="$PWD"=. -Wall -Wextra -Werror -Wno-unused-parameter -Wno-unused-variable \
    -Wno-unused-function -Wno-unused-but-set-variable -idirafter "/usr/include/$(uname -m)-linux-gnu" \
    -c "$2.bpf.c" -o "$3.tmp") || die "$2: the compiler refused it"
  "$strip" -g "$3.tmp"
  mv "$3.tmp" "$3"
}

build_into() {
  out=$1
  rm -rf "$out"
  mkdir -p "$out/negative"
  out=$(cd "$out" && pwd)
  for c in "$sources"/*.bpf.c; do
    program=$(basename "$c" .bpf.c)
    compile "$sources" "$program" "$out/$program.bpf.o"
  done
  work=$(mktemp -d)
  perl src/negative/apply.pl src/negative/variants.txt "$sources" "$work" || die "variants.txt: see above"
  for folder in "$work"/*; do
    variant=$(basename "$folder")
    compile "$folder" "$(cat "$folder/PROGRAM")" "$out/negative/$variant.bpf.o"
  done
  for folder in "$work"/*; do
    printf '%s\t%s\t%s\n' "$(basename "$folder")" "$(cat "$folder/PROGRAM")" "$(cat "$folder/TITLE")"
  done > "$out/negative/INDEX"
  rm -rf "$work"
  {
    printf 'compiler %s\n' "$(compiler)"
    printf 'sources %s\n' "$(source_hash)"
    (cd "$out" && find . -type f | sort | sed 's,^\./,,' | xargs sha256sum)
  } > "$out.manifest"
  mv "$out.manifest" "$out/MANIFEST"
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
    [ $# -eq 4 ] || die "usage: build.sh compile FOLDER PROGRAM OBJECT"
    compile "$2" "$3" "$4"
    ;;
  *) die "usage: build.sh [check|update|compile FOLDER PROGRAM OBJECT]" ;;
esac
