//! What helps, over made-up surveys.
