//! The work that instruction counts are compared with: so many instructions that a compiler's or a processor's change moves
//! both sides of the ratio.

use std::hint::black_box;

/// Sums the bytes of a frame, each weighed by what came before it: a few instructions a byte, and nothing that a compiler
/// can do several at a time.
#[must_use]
#[inline(never)]
pub fn sum(bytes: &[u8]) -> u64 {
    let mut sum = 0xcbf2_9ce4_8422_2325u64;
    for &byte in bytes {
        sum = black_box((sum ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3));
    }
    sum
}
