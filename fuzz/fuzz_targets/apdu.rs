//! A card that answers anything at all, to every application that is looked for.
#![no_main]

libfuzzer_sys::fuzz_target!(|answers: &[u8]| pukka::device::card::fuzzing::answers(answers));
