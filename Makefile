# Each target first installs what it needs on a Debian machine; setup.sh says what, before it does.

# The demo, the tests and the bench look for programs where cargo puts them by itself.
unexport CARGO_TARGET_DIR CARGO_BUILD_TARGET_DIR CARGO_BUILD_TARGET

cards := softhsm-fixtures/virtual-cards/Cargo.toml
fault := softhsm-fixtures/fault-module/Cargo.toml
kryoptic := softhsm-fixtures/kryoptic/Cargo.toml

.PHONY: help build demo test test-modules fixtures pictures bench fmt lint check
.NOTPARALLEL:

help:
	@echo 'make demo    builds pukka and walks a throw-away token through the life of its PIN'
	@echo 'make test    builds the virtual cards and modules and runs every test, but those of'
	@echo 'make test-modules    on openCryptoki and other modules that need daemons of their own'
	@echo 'make build   builds target/release/pukka'
	@echo 'make bench   what pukka costs, beside other tools'
	@echo 'make pictures   draws the pictures of the manual anew, from real runs'
	@echo 'make fmt     formats the sources;  make lint   runs clippy;  make check   all that a change must pass'

build:
	./setup.sh build cargo build --release --locked

demo:
	./setup.sh demo cargo build --release --locked
	@PATH="$(CURDIR)/target/release:$$PATH" softhsm-fixtures/demo.sh

# Doc tests come first: the last word is that of the tests that run whole commands. Signals have their default effect there, also
# where this runs in the background of a shell that has them ignored: the tests send some.
test: fixtures
	./setup.sh test env --default-signal cargo test --locked --doc
	./setup.sh test cargo test --release --locked --package stand-in-cards --manifest-path $(cards)
	./setup.sh test env --default-signal cargo test --locked --lib --bins --tests

# Apart from the others, since daemons with fixed paths run for them: as root, in namespaces of their own.
test-modules:
	./setup.sh modules cargo build --locked --manifest-path $(fault)
	./setup.sh modules env --default-signal cargo test --locked --test modules

fixtures:
	./setup.sh test cargo build --release --locked --workspace --manifest-path $(cards)
	./setup.sh test cargo build --locked --manifest-path $(fault)
	./setup.sh test cargo build --locked --manifest-path $(kryoptic)

# Those of the manual, from real runs; `make test` says when one shows something else than a run.
pictures: fixtures
	SNAPSHOTS=overwrite ./setup.sh test env --default-signal cargo test --locked --test pukka manual::pictures

bench:
	./setup.sh bench $(MAKE) fixtures
	./setup.sh bench cargo build --release --locked --bin floor --manifest-path $(fault)
	./setup.sh bench cargo bench --locked --bench cost

fmt:
	./setup.sh check cargo fmt
	./setup.sh check cargo fmt --all --manifest-path $(cards)
	./setup.sh check cargo fmt --manifest-path $(fault)
	./setup.sh check cargo fmt --manifest-path $(kryoptic)

lint:
	./setup.sh test cargo clippy --locked --all-targets -- -D warnings
	RUSTFLAGS='--cfg fuzzing' ./setup.sh test cargo check --locked --lib --target-dir target/fuzzing
	./setup.sh test cargo clippy --locked --workspace --all-targets --manifest-path $(cards) -- -D warnings
	./setup.sh test cargo clippy --locked --all-targets --manifest-path $(fault) -- -D warnings
	./setup.sh test cargo clippy --locked --all-targets --manifest-path $(kryoptic) -- -D warnings

check:
	.ci/run
