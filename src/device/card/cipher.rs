//! The block ciphers of admin keys: what answers a challenge, and what two sides prove to each other that they hold the key.

use aes::{Aes128, Aes192, Aes256};
use cbc::{
    Decryptor, Encryptor,
    cipher::{Array, BlockCipherDecrypt, BlockCipherEncrypt, BlockModeDecrypt, BlockModeEncrypt, InnerIvInit, KeyInit},
};
use des::TdesEde3;

use crate::{
    challenge::Block,
    error::{Error, Result},
    secret::{AdminKey, Pages, on_wiped_stack},
};

/// What an admin key is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Algorithm {
    /// 3DES with three keys (SP 800-67): blocks of 8 bytes, a key of 24. Parity bits and weak keys are not looked at, as cards
    /// do not either: they are delivered with keys such as 24 times 00.
    TripleDes,
    /// AES (FIPS 197): blocks of 16 bytes, a key of 16, 24 or 32.
    Aes,
}

impl Algorithm {
    /// The algorithm that answers a challenge: eight bytes are 3DES, sixteen are AES, as Windows' minidrivers have it.
    pub fn of(challenge: &Block) -> Self {
        if challenge.bytes().len() == 8 { Self::TripleDes } else { Self::Aes }
    }
}

/// A block cipher with its key; wiped when dropped.
pub struct Cipher(Keyed);

enum Keyed {
    TripleDes(Box<TdesEde3>),
    Aes128(Box<Aes128>),
    Aes192(Box<Aes192>),
    Aes256(Box<Aes256>),
}

/// Does the same with whichever cipher it is.
macro_rules! with {
    ($cipher:expr, $name:ident => $work:expr) => {
        match &$cipher.0 {
            Keyed::TripleDes($name) => $work,
            Keyed::Aes128($name) => $work,
            Keyed::Aes192($name) => $work,
            Keyed::Aes256($name) => $work,
        }
    };
}

impl Cipher {
    /// The cipher of a key.
    ///
    /// A key of 16 bytes is not taken for one of 3DES with two keys: it is far more likely one of AES, and a wrong key costs a
    /// try where cards count. Who has two keys gives the first one again behind them, in 48 digits, which is the same.
    ///
    /// # Errors
    /// [`Error::Policy`] where the algorithm has no key of that length.
    pub fn new(algorithm: Algorithm, key: &AdminKey) -> Result<Self> {
        let bytes = key.bytes();
        let keyed = on_wiped_stack(|| match (algorithm, bytes.len()) {
            (Algorithm::TripleDes, _) => TdesEde3::new_from_slice(bytes).map(Box::new).map(Keyed::TripleDes),
            (Algorithm::Aes, 16) => Aes128::new_from_slice(bytes).map(Box::new).map(Keyed::Aes128),
            (Algorithm::Aes, 24) => Aes192::new_from_slice(bytes).map(Box::new).map(Keyed::Aes192),
            (Algorithm::Aes, _) => Aes256::new_from_slice(bytes).map(Box::new).map(Keyed::Aes256),
        });
        let wanted = match algorithm {
            Algorithm::TripleDes => "3DES takes one of 24 (48 hexadecimal digits)",
            Algorithm::Aes => "AES takes one of 16, 24 or 32 (32, 48 or 64 hexadecimal digits)",
        };
        keyed.map(Self).map_err(|_| {
            Error::Policy(format!("the admin key has {} bytes, and {wanted}; nothing was sent", bytes.len()))
        })
    }

    /// Encrypts one block; none where `block` has another length than one of this cipher.
    pub fn encrypt(&self, block: &[u8]) -> Option<Pages> {
        in_place(block, |block| with!(self, cipher => block.try_into().ok().map(|block| cipher.encrypt_block(block))))
    }

    /// Decrypts one block; none where `block` has another length than one of this cipher.
    pub fn decrypt(&self, block: &[u8]) -> Option<Pages> {
        in_place(block, |block| with!(self, cipher => block.try_into().ok().map(|block| cipher.decrypt_block(block))))
    }

    /// Encrypts whole blocks, each chained to the one before (CBC, SP 800-38A, 6.2), the first to zeros; none where `text` is
    /// not whole blocks.
    pub fn encrypt_chained(&self, text: &[u8]) -> Option<Pages> {
        in_place(text, |text| {
            with!(self, cipher => {
                let (blocks, rest) = Array::slice_as_chunks_mut(text);
                rest.is_empty().then(|| Encryptor::inner_iv_init(&**cipher, &Array::default()).encrypt_blocks(blocks))
            })
        })
    }

    /// Decrypts what [`Cipher::encrypt_chained`] gives; none where `text` is not whole blocks.
    pub fn decrypt_chained(&self, text: &[u8]) -> Option<Pages> {
        in_place(text, |text| {
            with!(self, cipher => {
                let (blocks, rest) = Array::slice_as_chunks_mut(text);
                rest.is_empty().then(|| Decryptor::inner_iv_init(&**cipher, &Array::default()).decrypt_blocks(blocks))
            })
        })
    }
}

/// What `work` makes of a copy of `text`, of which nothing else is left behind.
fn in_place(text: &[u8], work: impl FnOnce(&mut [u8]) -> Option<()>) -> Option<Pages> {
    let mut text = Pages::from(text);
    on_wiped_stack(|| work(&mut text))?;
    Some(text)
}

/// The response to a challenge: its encryption with the admin key, in one block.
///
/// # Errors
/// [`Error::Policy`] where the key is not one of the algorithm that the challenge's length stands for.
pub fn respond(key: &AdminKey, challenge: &Block) -> Result<Block> {
    let cipher = Cipher::new(Algorithm::of(challenge), key)?;
    let response = cipher.encrypt(challenge.bytes()).and_then(|response| Block::new(&response));
    response.ok_or_else(|| Error::Internal("a challenge is no block of its own cipher".into()))
}

#[cfg(test)]
mod tests {
    use zeroize::Zeroizing;

    use super::*;
    use crate::{
        secret::Pin,
        token::{Need, Role},
    };

    fn bytes(digits: &str) -> Vec<u8> {
        let mut bytes = vec![0; digits.len() / 2];
        base16ct::mixed::decode(digits, &mut bytes).unwrap();
        bytes
    }

    fn key(digits: &str) -> AdminKey {
        let digits = Pin::take(Zeroizing::new(digits.as_bytes().to_vec()));
        AdminKey::parse(Need::Current(Role::AdminKey), &digits).unwrap()
    }

    fn cipher(algorithm: Algorithm, digits: &str) -> Cipher {
        Cipher::new(algorithm, &key(digits)).unwrap()
    }

    /// SP 800-67, appendix B.1 (whose "The qufck" is no slip of ours).
    const SP_800_67: &str = "0123456789ABCDEF23456789ABCDEF01456789ABCDEF0123";
    /// FIPS 81: the key of DES three times, which makes 3DES the same.
    const FIPS_81: &str = "0123456789ABCDEF0123456789ABCDEF0123456789ABCDEF";
    /// FIPS 197, appendix C: key, and what it makes of 00112233445566778899AABBCCDDEEFF.
    const FIPS_197: [(&str, &str); 3] = [
        ("000102030405060708090A0B0C0D0E0F", "69C4E0D86A7B0430D8CDB78070B4C55A"),
        ("000102030405060708090A0B0C0D0E0F1011121314151617", "DDA97CA4864CDFE06EAF70A0EC0D7191"),
        ("000102030405060708090A0B0C0D0E0F101112131415161718191A1B1C1D1E1F", "8EA2B7CA516745BFEAFC49904B496089"),
    ];

    #[test]
    fn triple_des_is_that_of_sp_800_67() {
        let cipher = cipher(Algorithm::TripleDes, SP_800_67);
        for (plain, encrypted) in
            [("The qufc", "A826FD8CE53B855F"), ("k brown ", "CCE21C8112256FE6"), ("fox jump", "68D5C05DD9B6B900")]
        {
            assert_eq!(cipher.encrypt(plain.as_bytes()), Some(bytes(encrypted).into()));
            assert_eq!(cipher.decrypt(&bytes(encrypted)), Some(plain.as_bytes().into()));
        }
    }

    #[test]
    fn aes_is_that_of_fips_197() {
        let plain = bytes("00112233445566778899AABBCCDDEEFF");
        for (key, encrypted) in FIPS_197 {
            let cipher = cipher(Algorithm::Aes, key);
            assert_eq!(cipher.encrypt(&plain), Some(bytes(encrypted).into()));
            assert_eq!(cipher.decrypt(&bytes(encrypted)), Some(plain.clone().into()));
        }
    }

    #[test]
    fn chaining_is_that_of_fips_81() {
        let cipher = cipher(Algorithm::TripleDes, FIPS_81);
        // Table C1 begins with 1234567890ABCDEF in place of zeros, which its first block here takes in beforehand.
        let mut plain = b"Now is the time for all ".to_vec();
        plain.iter_mut().zip(bytes("1234567890ABCDEF")).for_each(|(byte, first)| *byte ^= first);
        let encrypted = bytes("E5C7CDDE872BF27C43E934008C389C0F683788499A7C05F6");
        assert_eq!(cipher.encrypt_chained(&plain), Some(encrypted.clone().into()));
        assert_eq!(cipher.decrypt_chained(&encrypted), Some(plain.into()));
    }

    #[test]
    fn chaining_of_aes_is_that_of_sp_800_38a() {
        // F.2.1, whose first block takes in 000102…0F likewise.
        let cipher = cipher(Algorithm::Aes, "2B7E151628AED2A6ABF7158809CF4F3C");
        let mut plain = bytes("6BC1BEE22E409F96E93D7E117393172AAE2D8A571E03AC9C9EB76FAC45AF8E51");
        plain.iter_mut().zip(0..16).for_each(|(byte, first)| *byte ^= first);
        let encrypted = bytes("7649ABAC8119B246CEE98E9B12E9197D5086CB9B507219EE95DB113A917678B2");
        assert_eq!(cipher.encrypt_chained(&plain), Some(encrypted.clone().into()));
        assert_eq!(cipher.decrypt_chained(&encrypted), Some(plain.into()));
    }

    #[test]
    fn what_is_no_whole_block_is_refused_and_no_panic() {
        for (cipher, size) in [(cipher(Algorithm::TripleDes, SP_800_67), 8), (cipher(Algorithm::Aes, SP_800_67), 16)] {
            for length in 0..50 {
                let text = vec![0; length];
                assert_eq!(cipher.encrypt(&text).is_some(), length == size, "{length}");
                assert_eq!(cipher.decrypt(&text).is_some(), length == size, "{length}");
                assert_eq!(cipher.encrypt_chained(&text).is_some(), length % size == 0, "{length}");
                assert_eq!(cipher.decrypt_chained(&text).is_some(), length % size == 0, "{length}");
            }
        }
    }

    #[test]
    fn parity_and_weak_keys_are_no_matter() {
        // SP 800-67, 3.2: the last bit of each byte is no part of the key.
        let other = "0022446688AACCEE22446688AACCEE00446688AACCEE0022";
        assert_eq!(
            cipher(Algorithm::TripleDes, other).encrypt(b"The qufc"),
            cipher(Algorithm::TripleDes, SP_800_67).encrypt(b"The qufc")
        );
        // The key check value that is printed with a key of zeros.
        let delivered = cipher(Algorithm::TripleDes, &"0".repeat(48));
        assert_eq!(delivered.encrypt(&[0; 8]), Some(bytes("8CA64DE9C1B123A7").into()));
    }

    #[test]
    fn a_challenge_is_answered_with_the_cipher_of_its_length() {
        let challenge = |digits: &str| Block::parse(digits).unwrap();
        let eight = Block::new(b"The qufc").unwrap();
        assert_eq!(respond(&key(SP_800_67), &eight), Ok(challenge("A826FD8CE53B855F")));
        for (digits, response) in FIPS_197 {
            let sixteen = challenge("00112233445566778899AABBCCDDEEFF");
            assert_eq!(respond(&key(digits), &sixteen), Ok(challenge(response)));
        }
    }

    #[test]
    fn a_key_of_aes_answers_no_challenge_of_eight_bytes() {
        for digits in [FIPS_197[0].0, FIPS_197[2].0] {
            let error = respond(&key(digits), &Block::new(&[0; 8]).unwrap()).unwrap_err();
            assert_eq!(error.exit_code(), 6);
            assert!(error.to_string().contains("3DES takes one of 24"), "{error}");
        }
    }
}
