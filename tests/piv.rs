//! PIV cards: real firmware behind a real pcscd.
