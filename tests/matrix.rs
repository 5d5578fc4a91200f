//! One table of applications and what they can do, met on cards of every dialect, with every fault, and with others at them.

mod applications;
mod bench;
mod cells;
mod faults;
mod firmware;
mod operations;
mod others;
mod profiles;
mod silence;
mod status;
mod surplus;
