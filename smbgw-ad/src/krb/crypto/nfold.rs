//! The n-fold of RFC 3961 section 5.1.

/// Stretches or folds `input` to `length` bytes.
///
/// The input is repeated, each time rotated right by 13 more bits, until the length of all is the
/// least common multiple of both lengths; the pieces of `length` bytes that this consists of are
/// added with end-around carry. `input` must not be empty.
pub(super) fn nfold(input: &[u8], length: usize) -> Vec<u8> {
    let bits = input.len() * 8;
    let total = lcm(input.len(), length);
    let mut sums = vec![0u32; length];
    for position in 0..total {
        let turned = 13 * (position / input.len()) % bits;
        // The byte that stands here after a rotation to the right begins so many bits earlier.
        let start = (position % input.len() * 8 + bits - turned) % bits;
        let (byte, shift) = (start / 8, start % 8);
        let pair = u32::from(input[byte]) << 8 | u32::from(input[(byte + 1) % input.len()]);
        sums[position % length] += pair >> (8 - shift) & 0xff;
    }
    // Every round moves the carries one byte on, the first byte's to the end.
    while sums.iter().any(|sum| *sum > 0xff) {
        let carries: Vec<u32> = sums.iter().map(|sum| sum >> 8).collect();
        for (index, sum) in sums.iter_mut().enumerate() {
            *sum = (*sum & 0xff) + carries[(index + 1) % length];
        }
    }
    sums.into_iter().map(|sum| sum as u8).collect()
}

fn lcm(one: usize, other: usize) -> usize {
    let (mut high, mut low) = (one, other);
    while low > 0 {
        (high, low) = (low, high % low);
    }
    one / high * other
}

#[cfg(test)]
mod tests {
    use super::nfold;

    #[test]
    fn vectors_of_the_rfc_hold() {
        // RFC 3961, appendix A.1.
        let cases: &[(&str, &[u8])] = &[
            ("012345", &[0xbe, 0x07, 0x26, 0x31, 0x27, 0x6b, 0x19, 0x55]),
            ("password", &[0x78, 0xa0, 0x7b, 0x6c, 0xaf, 0x85, 0xfa]),
            (
                "Rough Consensus, and Running Code",
                &[0xbb, 0x6e, 0xd3, 0x08, 0x70, 0xb7, 0xf0, 0xe0],
            ),
            (
                "password",
                &[
                    0x59, 0xe4, 0xa8, 0xca, 0x7c, 0x03, 0x85, 0xc3, 0xc3, 0x7b, 0x3f, 0x6d, 0x20,
                    0x00, 0x24, 0x7c, 0xb6, 0xe6, 0xbd, 0x5b, 0x3e,
                ],
            ),
            (
                "MASSACHVSETTS INSTITVTE OF TECHNOLOGY",
                &[
                    0xdb, 0x3b, 0x0d, 0x8f, 0x0b, 0x06, 0x1e, 0x60, 0x32, 0x82, 0xb3, 0x08, 0xa5,
                    0x08, 0x41, 0x22, 0x9a, 0xd7, 0x98, 0xfa, 0xb9, 0x54, 0x0c, 0x1b,
                ],
            ),
            (
                "Q",
                &[
                    0x51, 0x8a, 0x54, 0xa2, 0x15, 0xa8, 0x45, 0x2a, 0x51, 0x8a, 0x54, 0xa2, 0x15,
                    0xa8, 0x45, 0x2a, 0x51, 0x8a, 0x54, 0xa2, 0x15,
                ],
            ),
            (
                "ba",
                &[
                    0xfb, 0x25, 0xd5, 0x31, 0xae, 0x89, 0x74, 0x49, 0x9f, 0x52, 0xfd, 0x92, 0xea,
                    0x98, 0x57, 0xc4, 0xba, 0x24, 0xcf, 0x29, 0x7e,
                ],
            ),
            ("kerberos", b"kerberos"),
            (
                "kerberos",
                &[
                    0x6b, 0x65, 0x72, 0x62, 0x65, 0x72, 0x6f, 0x73, 0x7b, 0x9b, 0x5b, 0x2b, 0x93,
                    0x13, 0x2b, 0x93,
                ],
            ),
        ];
        for (input, expected) in cases {
            assert_eq!(
                nfold(input.as_bytes(), expected.len()),
                *expected,
                "{input}"
            );
        }
    }
}
