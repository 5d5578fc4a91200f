//! The life of a PIN on SoftHSM2.
