//! A transcript for each state that a PIN can be in.

use super::*;
