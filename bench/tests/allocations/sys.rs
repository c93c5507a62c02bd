//! The allocator's functions of libc, counted. Defined in the program, they take the place of libc's in every library that
//! it loads too: a connector has its own copy of Rust's standard library and the host's allocator does not see what it
//! allocates, but both end here.

use std::ffi::c_void;
use std::hint::black_box;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

static COUNT: AtomicU64 = AtomicU64::new(0);
static WATCHED: AtomicBool = AtomicBool::new(false);

unsafe extern "C" {
    // SAFETY: glibc exports these under their own names for programs that replace the public ones ("Replacing malloc").
    fn __libc_malloc(size: usize) -> *mut c_void;
    fn __libc_calloc(count: usize, size: usize) -> *mut c_void;
    fn __libc_realloc(old: *mut c_void, size: usize) -> *mut c_void;
    fn __libc_memalign(alignment: usize, size: usize) -> *mut c_void;
    fn __libc_free(old: *mut c_void);
}

fn counted() {
    COUNT.fetch_add(1, Ordering::Relaxed);
    if WATCHED.load(Ordering::Relaxed) {
        watched_allocation();
    }
}

/// Where a debugger stops to see who allocates: `gdb -ex 'break watched_allocation' -ex run -ex backtrace`.
#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn watched_allocation() {
    black_box(());
}

/// How often memory was asked for or given back while `body` ran.
pub fn watched(body: impl FnOnce()) -> u64 {
    let before = allocations();
    WATCHED.store(true, Ordering::Relaxed);
    body();
    WATCHED.store(false, Ordering::Relaxed);
    allocations() - before
}

/// How often memory was asked for or given back, in this program and in every library that it has loaded.
#[must_use]
pub fn allocations() -> u64 {
    COUNT.load(Ordering::Relaxed)
}

// SAFETY: the signature is libc's, and so is what is called.
#[unsafe(no_mangle)]
extern "C" fn malloc(size: usize) -> *mut c_void {
    counted();
    // SAFETY: any size may be asked for.
    unsafe { __libc_malloc(size) }
}

// SAFETY: as `malloc`.
#[unsafe(no_mangle)]
extern "C" fn calloc(count: usize, size: usize) -> *mut c_void {
    counted();
    // SAFETY: any size may be asked for.
    unsafe { __libc_calloc(count, size) }
}

// SAFETY: as `malloc`; the caller gives back what it had from here, or nothing.
#[unsafe(no_mangle)]
unsafe extern "C" fn realloc(old: *mut c_void, size: usize) -> *mut c_void {
    counted();
    // SAFETY: the caller's promise is libc's.
    unsafe { __libc_realloc(old, size) }
}

// SAFETY: as `malloc`; its answer is a status, and the memory goes to where the caller says.
#[unsafe(no_mangle)]
unsafe extern "C" fn posix_memalign(to: *mut *mut c_void, alignment: usize, size: usize) -> i32 {
    counted();
    // SAFETY: the caller's promise: `to` is a place for a pointer, the alignment a power of two of pointers.
    let memory = unsafe { __libc_memalign(alignment, size) };
    if memory.is_null() {
        return 12;
    }
    // SAFETY: as above.
    unsafe { to.write(memory) };
    0
}

// SAFETY: as `realloc`.
#[unsafe(no_mangle)]
unsafe extern "C" fn free(old: *mut c_void) {
    counted();
    // SAFETY: the caller's promise is libc's.
    unsafe { __libc_free(old) }
}
