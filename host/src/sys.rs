//! What is asked of the system and no library of ours wraps. Nothing else lives here; `unsafe` stands here alone in the host.

/// Blocks of 128 KiB and more come from the system, zeroed by it and without memory behind them until they are touched, and go
/// back to it when they are freed. The C library does so at first, and raises the size with every large block that is freed:
/// what is meant to be touched in few places, as a side of an order book is, then comes from the heap and is cleared as a whole.
///
/// To be called before the first thread is started. Does nothing where the C library is not glibc, which alone does that.
pub fn large_blocks_come_untouched() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    {
        const FROM: libc::c_int = 128 * 1024;
        // SAFETY: `mallopt` may be called at any time and takes no pointer; it changes where later blocks come from, and
        // whether it does is no question of soundness, so that its answer is left.
        let _ = unsafe { libc::mallopt(libc::M_MMAP_THRESHOLD, FROM) };
    }
}
