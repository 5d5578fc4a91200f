//! A profile as anybody may write one.
#![no_main]

libfuzzer_sys::fuzz_target!(|text: &str| pukka::device::card::fuzzing::profile(text));
