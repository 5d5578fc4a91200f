//! Whole commands against modules that need more than their library: daemons, fixed paths, other processes.
//!
//! `make test-modules` installs them and runs these tests, one at a time; `make test` runs none of them.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that cannot go on has failed")]

#[path = "../support/mod.rs"]
mod support;

mod caller;
mod nss;
mod opencryptoki;
mod remote;
mod tpm2;
