//! The block ciphers of authentication keys.

use aes::{Aes128, Aes192, Aes256};
use cipher::{BlockDecrypt, BlockEncrypt, KeyInit, generic_array::GenericArray};
use des::TdesEde3;

crate::choice! {
    /// The cipher of a key, which its length alone does not tell.
    pub enum Algorithm { Tdes = "3des", Aes = "aes" }
}

impl Algorithm {
    /// Bytes in one block.
    #[must_use]
    pub fn block(self) -> usize {
        match self {
            Self::Tdes => 8,
            Self::Aes => 16,
        }
    }
}

/// A key, ready to be used.
pub enum Key {
    Tdes(TdesEde3),
    Aes128(Aes128),
    Aes192(Aes192),
    Aes256(Aes256),
}

impl Key {
    /// `None` where the cipher has no keys of that length.
    #[must_use]
    pub fn new(algorithm: Algorithm, key: &[u8]) -> Option<Self> {
        match (algorithm, key.len()) {
            (Algorithm::Tdes, 24) => TdesEde3::new_from_slice(key).ok().map(Self::Tdes),
            (Algorithm::Aes, 16) => Aes128::new_from_slice(key).ok().map(Self::Aes128),
            (Algorithm::Aes, 24) => Aes192::new_from_slice(key).ok().map(Self::Aes192),
            (Algorithm::Aes, 32) => Aes256::new_from_slice(key).ok().map(Self::Aes256),
            _ => None,
        }
    }

    fn block(&self) -> usize {
        if matches!(self, Self::Tdes(_)) { 8 } else { 16 }
    }

    /// Whole blocks, each by itself (ECB).
    #[must_use]
    pub fn encrypt(&self, text: &[u8]) -> Vec<u8> {
        let mut text = text.to_vec();
        for block in text.chunks_exact_mut(self.block()) {
            match self {
                Self::Tdes(key) => key.encrypt_block(GenericArray::from_mut_slice(block)),
                Self::Aes128(key) => key.encrypt_block(GenericArray::from_mut_slice(block)),
                Self::Aes192(key) => key.encrypt_block(GenericArray::from_mut_slice(block)),
                Self::Aes256(key) => key.encrypt_block(GenericArray::from_mut_slice(block)),
            }
        }
        text
    }

    /// The way back.
    #[must_use]
    pub fn decrypt(&self, text: &[u8]) -> Vec<u8> {
        let mut text = text.to_vec();
        for block in text.chunks_exact_mut(self.block()) {
            match self {
                Self::Tdes(key) => key.decrypt_block(GenericArray::from_mut_slice(block)),
                Self::Aes128(key) => key.decrypt_block(GenericArray::from_mut_slice(block)),
                Self::Aes192(key) => key.decrypt_block(GenericArray::from_mut_slice(block)),
                Self::Aes256(key) => key.decrypt_block(GenericArray::from_mut_slice(block)),
            }
        }
        text
    }

    /// Whole blocks, chained from zeros (CBC).
    #[must_use]
    pub fn encrypt_chained(&self, text: &[u8]) -> Vec<u8> {
        let mut last = vec![0; self.block()];
        let mut chained = Vec::with_capacity(text.len());
        for block in text.chunks_exact(self.block()) {
            last = self.encrypt(&xor(block, &last));
            chained.extend(&last);
        }
        chained
    }

    /// The way back.
    #[must_use]
    pub fn decrypt_chained(&self, text: &[u8]) -> Vec<u8> {
        let mut last = vec![0; self.block()];
        let mut plain = Vec::with_capacity(text.len());
        for block in text.chunks_exact(self.block()) {
            plain.extend(xor(&self.decrypt(block), &last));
            last = block.to_vec();
        }
        plain
    }
}

fn xor(one: &[u8], other: &[u8]) -> Vec<u8> {
    one.iter().zip(other).map(|(one, other)| one ^ other).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

    use super::*;
    use crate::hex::decode;

    #[test]
    fn published_vectors_hold() {
        // SP 800-67 by way of the NIST example of TDEA in ECB mode; FIPS 197, C.1.
        let tdes = "0123456789ABCDEF23456789ABCDEF01456789ABCDEF0123";
        let key = Key::new(Algorithm::Tdes, &decode(tdes).unwrap()).unwrap();
        assert_eq!(key.encrypt(&decode("6BC1BEE22E409F96").unwrap()), decode("714772F339841D34").unwrap());
        let key = Key::new(Algorithm::Aes, &decode("000102030405060708090A0B0C0D0E0F").unwrap()).unwrap();
        let text = decode("00112233445566778899AABBCCDDEEFF").unwrap();
        assert_eq!(key.encrypt(&text), decode("69C4E0D86A7B0430D8CDB78070B4C55A").unwrap());
    }

    #[test]
    fn chained_blocks_come_back() {
        let key = Key::new(Algorithm::Tdes, &[7; 24]).unwrap();
        let text: Vec<u8> = (0..40).collect();
        assert_eq!(key.decrypt_chained(&key.encrypt_chained(&text)), text);
        assert_ne!(key.encrypt_chained(&[0; 16])[..8], key.encrypt_chained(&[0; 16])[8..]);
    }
}
