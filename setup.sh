#!/bin/sh
# Sets a Debian machine up: installs what is missing, says so beforehand, then runs COMMAND with a Rust that fits.
#
# It looks for the things themselves rather than for packages, so that a machine set up in another way is left alone:
# where all is there, nothing is said, installed or asked.
# shellcheck disable=SC2015,SC2086 # "has A && has B || lack C" is meant so; $packages and $apt are words
set -eu

usage='usage: ./setup.sh build|demo|test|modules|deb|packages|check|bench [COMMAND [ARGUMENT...]]'
kind=${1:-}
case $kind in
  build | demo | deb | packages) floor=1085 ;;  # Rust 1.85, the rust-version of Cargo.toml
  test | modules | check | bench) floor=1087 ;; # Rust 1.87, which the card firmware of the test bench needs
  *) echo "$usage" >&2; exit 2 ;;
esac
shift
target=$kind
case $kind in
  modules) target=test-modules ;;
  packages) target=test-deb ;;
esac

say() { printf '%s\n' "$*" >&2; }
die() { say "setup: $*"; exit 1; }
has() { command -v "$1" >/dev/null || [ -x "/usr/sbin/$1" ]; } # /usr/sbin is not on the PATH of a Debian user
exists() { for path; do [ ! -e "$path" ] || return 0; done; return 1; }
lack() { packages="$packages $1"; reasons="$reasons
  $1: $2"; }

# Is this cargo or rustc at least $floor?
fits() {
  version=$("$1" --version 2>/dev/null | sed -n 's/^[a-z]* \([0-9]\{1,\}\)\.\([0-9]\{1,\}\).*/\1 \2/p')
  [ -n "$version" ] && [ $((${version% *} * 1000 + ${version#* })) -ge $floor ]
}

# The folder of the first cargo and rustc that fit: those on PATH, then rustup's own place.
find_rust() {
  IFS=:
  for rust in $PATH ${CARGO_HOME:-${HOME:-/root}/.cargo}/bin; do
    if [ -x "$rust/cargo" ] && fits "$rust/cargo" && fits "$rust/rustc"; then unset IFS; return 0; fi
  done
  unset IFS
  return 1
}

# Collects in $packages and $reasons what this machine lacks.
look() {
  packages='' reasons=''
  has cc && cc -E -include stdio.h -x c /dev/null >/dev/null 2>&1 || lack 'gcc libc6-dev' 'the linker and C library that Rust builds with'
  has pkg-config && pkg-config --exists libpcsclite || lack 'pkg-config libpcsclite-dev' 'PC/SC, by which pukka reaches card readers'
  find_rust || lack cargo-web "Rust 1.${floor#10} or newer; takes the place of Debian's cargo and rustc"
  [ "$kind" != build ] || return 0

  case $kind in
    deb | packages) has dpkg-shlibdeps || lack dpkg-dev 'finds the libraries that the package depends on' ;;
  esac
  [ "$kind" != deb ] || return 0

  exists /usr/lib/softhsm/libsofthsm2.so /usr/lib/*/softhsm/libsofthsm2.so || lack libsofthsm2 'SoftHSM2, a PKCS#11 token in software'
  [ "$kind" != demo ] || return 0

  has softhsm2-util || lack softhsm2 'makes SoftHSM2 tokens for the tests'
  has pkcs11-tool && has gids-tool || lack opensc 'the tools by which the tests check what pukka did, and the cards that it meets'
  has p11-kit && exists /usr/lib/*/p11-kit-proxy.so || lack p11-kit 'p11-kit and its proxy module'

  if [ "$kind" = packages ]; then
    has man && has groff || lack 'man-db groff-base' 'show the man pages'
    has fish && has zsh || lack 'fish zsh' 'shells beside bash that get completions'
    return 0
  fi

  if [ "$kind" = modules ]; then
    has pkcsslotd && exists /usr/lib/*/pkcs11/libopencryptoki.so || lack opencryptoki 'openCryptoki, its daemon and its token in software'
    has swtpm || lack swtpm 'a TPM in software'
    exists /usr/lib/*/pkcs11/libtpm2_pkcs11.so || lack libtpm2-pkcs11-1 'tpm2-pkcs11, tokens that a TPM keeps'
    exists /usr/lib/*/libtss2-tcti-swtpm.so.0 || lack libtss2-tcti-swtpm0 'the way from tpm2-pkcs11 to the TPM in software'
    has tpm2_dictionarylockout || lack tpm2-tools 'lets a TPM go on after wrong PINs'
    exists /usr/lib/*/libsoftokn3.so /usr/lib/*/nss/libsoftokn3.so || lack libnss3 "NSS's token in software"
    has certutil || lack libnss3-tools 'makes databases of NSS and checks their passwords'
    exists /usr/lib/*/pkcs11/p11-kit-client.so || lack p11-kit-modules "p11-kit's client of tokens that another process serves"
    has unshare && has nsenter || lack util-linux 'mount namespaces, in which the daemon finds its fixed paths empty'
    return 0
  fi
  has man && has groff || lack 'man-db groff-base' 'show the man pages, which must render without a warning'
  exists /usr/lib/*/pkcs11/p11-kit-trust.so || lack p11-kit-modules "p11-kit's trust module, a token without a PIN"
  has yubico-piv-tool || lack yubico-piv-tool 'drives the stand-in PIV card; a peer to compare with'
  has ykman || lack yubikey-manager 'drives the stand-in cards; a peer to compare with'
  exists /usr/lib/gnupg/scdaemon || lack scdaemon "GnuPG's reader of cards, which drives the stand-in OpenPGP card"
  has pcscd || lack pcscd 'the PC/SC daemon, of which each test starts its own'
  exists /usr/lib/pcsc/drivers/serial/libifdvpcd.so || lack vsmartcard-vpcd 'the reader of virtual cards'
  exists /usr/lib/*/libykcs11.so.2 || lack ykcs11 "Yubico's module, which shows a card that PC/SC shows too"
  exists /usr/lib/*/opensc-pkcs11.so || lack opensc-pkcs11 "OpenSC's module, for the same"
  [ -n "${LIBCLANG_PATH:-}" ] || exists /usr/lib/llvm-*/lib/libclang.so || lack libclang-dev 'bindgen, which the card firmware and kryoptic are built with'
  has pinentry-tty || lack pinentry-tty "a pinentry, which asks on the tests' own terminals"
  has pkg-config && pkg-config --exists 'openssl >= 3.0.7' || lack libssl-dev 'kryoptic, a PKCS#11 token in software that the tests build'
  has pkg-config && pkg-config --exists sqlite3 || lack libsqlite3-dev 'where kryoptic keeps its tokens'

  case $kind in
    check) # rustup's Rust brings its own rustfmt
      find_rust && [ ! -x "$rust/cargo-fmt" ] && dpkg-query -S "$rust/cargo" 2>/dev/null | grep -q '^cargo-web:' &&
        lack rustfmt-web 'the formatter' ;;
  esac
  return 0
}

install() {
  say "make $target needs what this machine lacks (each Debian package, and what for):$reasons"
  grep -qsE '^ID(_LIKE)?=.*debian' /etc/os-release && has apt-get ||
    die 'this system is not Debian nor made from it: please install the above in its own way, then run the same command again'
  root=''
  if [ "$(id -u)" -ne 0 ]; then
    byhand="as root, run apt-get install --no-install-recommends$packages"
    has sudo || die "you are not root, and there is no sudo: $byhand"
    root=sudo
    say 'You are not root: sudo is used for apt-get, and may ask for your password.'
    sudo apt-get --version >/dev/null || die "sudo refused: $byhand"
  fi
  say "apt-get now installs, without recommended packages:$packages"
  log=$(mktemp)
  trap 'rm -f "$log"' EXIT
  apt='env DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=300 -o Dpkg::Use-Pty=0'
  $root $apt update >"$log" 2>&1 </dev/null || { cat "$log" >&2; say 'setup: apt-get update failed; going on with the package lists at hand'; }
  removed=$(apt-get install -s --no-install-recommends $packages 2>/dev/null | sed -n 's/^Remv \([^ ]*\).*/\1/p' | tr '\n' ' ')
  [ -z "$removed" ] || say "These give way to them and will be removed: $removed"
  $root $apt install -y --no-install-recommends $packages >"$log" 2>&1 </dev/null || { cat "$log" >&2; die "apt-get could not install$packages"; }
  rm -f "$log"
}

look
if [ -n "$packages" ]; then
  install
  look
  [ -z "$packages" ] || die "installed, and still not enough (are Debian's security updates among the package sources here?):$reasons"
  say 'Installed.'
fi
[ $# -gt 0 ] || exit 0
PATH=$rust:$PATH:/usr/sbin
export PATH

# The tests type at prompts on pseudo terminals, which a bare chroot or container may lack: then the command gets some in a mount
# namespace of its own, which goes away with it.
if { [ "$kind" = test ] || [ "$kind" = modules ]; } && ! (exec 3<>/dev/ptmx) 2>/dev/null; then
  [ "$(id -u)" -eq 0 ] || die 'this machine has no pseudo terminals: as root, run mount -t devpts -o ptmxmode=0666 devpts /dev/pts'
  # What is mounted there must not reach other namespaces; inside a chroot / is no mount of its own, but /dev is one.
  exec unshare --mount --propagation unchanged sh -c '
    { mount --make-rprivate / || mount --make-rprivate /dev; } 2>/dev/null && mkdir -p /dev/pts &&
    mount -t devpts -o newinstance,ptmxmode=0666 devpts /dev/pts && exec "$@"
    echo "setup: no pseudo terminals, and none can be made here" >&2; exit 1' sh "$@"
fi
exec "$@"
