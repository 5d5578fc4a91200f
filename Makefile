# Each target first installs what it needs on a Debian machine; setup.sh says what, before it does.

# The demo, the tests and the bench look for programs where cargo puts them by itself.
unexport CARGO_TARGET_DIR CARGO_BUILD_TARGET_DIR CARGO_BUILD_TARGET

cards := softhsm-fixtures/virtual-cards/Cargo.toml
fault := softhsm-fixtures/fault-module/Cargo.toml
pad := softhsm-fixtures/pad-reader/Cargo.toml
kryoptic := softhsm-fixtures/kryoptic/Cargo.toml

# Where `make install` puts things; DESTDIR stands before it where they are packed up instead.
PREFIX ?= /usr/local
root = $(DESTDIR)$(PREFIX)
doc = $(root)/share/doc/pukka
completions = bash-completion/completions/pukka zsh/site-functions/_pukka fish/vendor_completions.d/pukka.fish

# Writes the Debian package; built for itself, without a compressor of its own.
cargo_deb := target/tools/bin/cargo-deb
cargo_deb_version := 3.8.0
# The time that its files bear: one commit makes one package.
packed := $${SOURCE_DATE_EPOCH:-$$(git log -1 --format=%ct 2>/dev/null || date +%s)}

.PHONY: help build pages install uninstall deb test-deb demo test test-modules fixtures pictures bench fmt lint check
.NOTPARALLEL:

help:
	@echo 'make demo    builds pukka and walks a throw-away token through the life of its PIN'
	@echo 'make test    builds the virtual cards and modules and runs every test, but those of'
	@echo 'make test-modules    on openCryptoki and other modules that need daemons of their own'
	@echo 'make build   builds target/release/pukka;  make pages   its man pages and completions'
	@echo 'make install PREFIX=/usr/local DESTDIR=    installs them, after make build pages;  make uninstall   takes them away'
	@echo 'make deb     builds a Debian package in target/debian;  make test-deb   installs it in a clean directory, and tries it'
	@echo 'make bench   what pukka costs, beside other tools'
	@echo 'make pictures   draws the pictures of the manual anew, from real runs'
	@echo 'make fmt     formats the sources;  make lint   runs clippy;  make check   all that a change must pass'

build:
	./setup.sh build cargo build --release --locked

pages:
	./setup.sh build cargo run --quiet --release --locked --package pages -- target/pages

# Whoever installs as root builds as himself before: what is there is not built again.
install: target/release/pukka target/pages/man/pukka.1
	install -D -m 755 target/release/pukka '$(root)/bin/pukka'
	install -d '$(root)/share/man/man1' '$(doc)/docs/examples' '$(doc)/docs/pictures'
	install -m 644 target/pages/man/*.1 '$(root)/share/man/man1'
	for file in $(completions); do install -D -m 644 "target/pages/completions/$${file##*/}" "$(root)/share/$$file" || exit 1; done
	install -m 644 README.md CHANGELOG.md LICENSE-MIT LICENSE-APACHE '$(doc)'
	install -m 644 docs/*.md docs/schema.json '$(doc)/docs'
	install -m 644 docs/examples/* '$(doc)/docs/examples'
	install -m 644 docs/pictures/*.svg '$(doc)/docs/pictures'

target/release/pukka:
	$(MAKE) build

target/pages/man/pukka.1:
	$(MAKE) pages

# Configuration and state are left alone.
uninstall:
	rm -f '$(root)/bin/pukka' '$(root)/share/man/man1/pukka.1' '$(root)'/share/man/man1/pukka-*.1
	for file in $(completions); do rm -f "$(root)/share/$$file"; done
	rm -rf '$(doc)'

deb: build pages $(cargo_deb)
	rm -rf target/debian
	./setup.sh deb env SOURCE_DATE_EPOCH="$(packed)" $(cargo_deb) --no-build --compress-system

$(cargo_deb): Makefile
	./setup.sh deb cargo install --quiet --debug --locked --force --no-default-features --root target/tools \
	  --version $(cargo_deb_version) cargo-deb
	touch $@

test-deb: deb
	./setup.sh packages env --default-signal cargo test --locked --test packages

demo:
	./setup.sh demo cargo build --release --locked
	@PATH="$(CURDIR)/target/release:$$PATH" softhsm-fixtures/demo.sh

# Doc tests come first: the last word is that of the tests that run whole commands. Signals have their default effect there, also
# where this runs in the background of a shell that has them ignored: the tests send some.
test: fixtures
	./setup.sh test env --default-signal cargo test --locked --doc
	./setup.sh test cargo test --release --locked --package stand-in-cards --manifest-path $(cards)
	./setup.sh test env --default-signal cargo test --locked --workspace --lib --bins --tests

# Apart from the others, since daemons with fixed paths run for them: as root, in namespaces of their own.
test-modules:
	./setup.sh modules cargo build --locked --manifest-path $(fault)
	./setup.sh modules env --default-signal cargo test --locked --test modules

fixtures:
	./setup.sh test cargo build --release --locked --workspace --manifest-path $(cards)
	./setup.sh test cargo build --locked --manifest-path $(fault)
	./setup.sh test cargo build --locked --manifest-path $(pad)
	./setup.sh test cargo build --locked --manifest-path $(kryoptic)

# Those of the manual, from real runs; `make test` says when one shows something else than a run.
pictures: fixtures
	SNAPSHOTS=overwrite ./setup.sh test env --default-signal cargo test --locked --test pukka manual::pictures

bench:
	./setup.sh bench $(MAKE) fixtures
	./setup.sh bench cargo build --release --locked --bin floor --manifest-path $(fault)
	./setup.sh bench cargo bench --locked --bench cost

fmt:
	./setup.sh check cargo fmt --all
	./setup.sh check cargo fmt --all --manifest-path $(cards)
	./setup.sh check cargo fmt --manifest-path $(fault)
	./setup.sh check cargo fmt --manifest-path $(pad)
	./setup.sh check cargo fmt --manifest-path $(kryoptic)

lint:
	./setup.sh test cargo clippy --locked --workspace --all-targets -- -D warnings
	RUSTFLAGS='--cfg fuzzing' ./setup.sh test cargo check --locked --lib --target-dir target/fuzzing
	./setup.sh test cargo clippy --locked --workspace --all-targets --manifest-path $(cards) -- -D warnings
	./setup.sh test cargo clippy --locked --all-targets --manifest-path $(fault) -- -D warnings
	./setup.sh test cargo clippy --locked --all-targets --manifest-path $(pad) -- -D warnings
	./setup.sh test cargo clippy --locked --all-targets --manifest-path $(kryoptic) -- -D warnings

check:
	.ci/run
