//! Whole commands against real modules and virtual cards; one file a subject.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that cannot go on has failed")]

mod support;

mod challenge;
mod child;
mod doctor;
mod faults;
mod generate;
mod gids;
mod guide;
mod help;
mod house;
mod iso7816;
mod leaks;
mod locking;
mod manual;
mod matrix;
mod memory;
mod modules;
mod openpgp;
mod pads;
mod pcsc;
mod pinentry;
mod piv;
mod policy;
mod profile;
mod prompts;
mod rescue;
mod respond;
mod sc_hsm;
mod schema;
mod seen_twice;
mod selection;
mod signals;
mod softhsm;
mod sources;
mod stand_in;
mod usage;
mod worker;
