//! Where nothing is there, or nothing can be asked.

use super::*;
