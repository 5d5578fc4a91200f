//! An object of a card, or a list of a reader, well formed or not.
#![no_main]

libfuzzer_sys::fuzz_target!(|object: &[u8]| {
    pukka::device::card::fuzzing::object(object);
    pukka::device::card::fuzzing::reader(object);
});
