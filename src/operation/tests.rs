//! Plans over made-up surveys, by the dozen.

use super::*;
