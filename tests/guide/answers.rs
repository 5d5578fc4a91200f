//! What comes of the answers: of each that is none, and while one is waited for.

use super::*;
