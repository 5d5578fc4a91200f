//! An object of a card, well formed or not.
#![no_main]

libfuzzer_sys::fuzz_target!(|object: &[u8]| pukka::device::card::fuzzing::object(object));
