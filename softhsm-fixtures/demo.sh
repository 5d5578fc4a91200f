#!/bin/sh
# Walks a throw-away SoftHSM2 token through the life of its PIN with the `pukka` on PATH, as `make demo` does.
#
# Each command is printed before it runs, and its exit code where that is not 0. The demo fails where one is not as expected.
set -eu

for module in /usr/lib/softhsm/libsofthsm2.so /usr/lib/*/softhsm/libsofthsm2.so; do
  [ ! -e "$module" ] || break
done
[ -e "$module" ] || { echo 'demo: libsofthsm2.so is not installed (Debian: libsofthsm2)' >&2; exit 1; }

# The token, and what pukka itself keeps, live in a folder that goes when the demo ends.
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
trap 'exit 130' INT TERM HUP
mkdir "$dir/tokens"
sed "s|DIR|$dir|" "$(dirname "$0")/softhsm2.conf" >"$dir/softhsm2.conf"
export SOFTHSM2_CONF="$dir/softhsm2.conf" XDG_CONFIG_HOME="$dir/config" XDG_STATE_HOME="$dir/state"

title() { printf '\n# %s\n' "$*"; }
variable() { printf '$ export %s\n' "$1"; export "${1?}"; }

# Runs one command as a person would type it: EXPECTED-CODE COMMAND...
run() {
  expected=$1 code=0
  shift
  printf '$ %s\n' "$*"
  "$@" </dev/null 2>&1 || code=$?
  [ "$code" -eq 0 ] || printf '(exit code %s)\n' "$code"
  [ "$code" -eq "$expected" ] || { printf '\ndemo FAILED: exit code %s where %s was expected\n' "$code" "$expected"; exit 1; }
}

title 'A module, and secrets in environment variables: a PIN in the arguments could be read by every process'
variable "PUKKA_MODULE=$module"
variable SO_PIN=87654321
variable PIN=271828
variable NEW=314159
variable WRONG=111111

title 'A blank slot becomes a token'
run 0 pukka list
run 0 pukka token init --label demo --new-so-pin env:SO_PIN
run 0 pukka status demo

title 'The first PIN'
run 0 pukka pin set --token demo --so-pin env:SO_PIN --new-pin env:PIN
run 0 pukka pin verify --token demo --pin env:PIN

title 'The holder changes it'
run 0 pukka pin change --token demo --pin env:PIN --new-pin env:NEW
run 4 pukka pin verify --token demo --pin env:PIN

title 'The PIN is forgotten: three wrong ones'
run 4 pukka pin verify --token demo --pin env:WRONG
run 4 pukka pin verify --token demo --pin env:WRONG
run 4 pukka pin verify --token demo --pin env:WRONG

title 'The SO PIN resets it, and the forgotten one is dead'
variable RESET=161803
run 0 pukka pin reset --token demo --so-pin env:SO_PIN --new-pin env:RESET
run 4 pukka pin verify --token demo --pin env:NEW
run 0 pukka pin verify --token demo --pin env:RESET
run 0 pukka status demo

title 'Done: every command did what it should. The token is gone again'
