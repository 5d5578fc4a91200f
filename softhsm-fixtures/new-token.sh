#!/bin/sh
# Makes a SoftHSM2 token in a store of its own, to try pukka on by hand: new-token.sh DIR LABEL [SO-PIN PIN]
#
# The store is made where DIR has none yet. The PINs are those of a throw-away token, so they may stand in the arguments.
set -eu
[ $# -eq 2 ] || [ $# -eq 4 ] || { echo 'usage: new-token.sh DIR LABEL [SO-PIN PIN]' >&2; exit 2; }
fixtures=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$1/tokens"
dir=$(cd "$1" && pwd)
[ -e "$dir/softhsm2.conf" ] || sed "s|DIR|$dir|; s|^#.*||; /^\$/d" "$fixtures/softhsm2.conf" >"$dir/softhsm2.conf"
export SOFTHSM2_CONF="$dir/softhsm2.conf"
softhsm2-util --init-token --free --label "$2" --so-pin "${3:-12345678}" --pin "${4:-123456}"
printf 'export SOFTHSM2_CONF=%s\n' "$SOFTHSM2_CONF"
