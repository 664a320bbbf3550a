//! The only place that asks the processor to fetch memory ahead of its use.
#![allow(unsafe_code)]

/// Fetches the cache line at the beginning of `value` while other work goes on. Only a hint: nothing
/// happens on processors that this does not know.
#[inline(always)]
pub(crate) fn prefetch<T>(value: &T) {
    let address = std::ptr::from_ref(value);
    #[cfg(target_arch = "x86_64")]
    // SAFETY: a prefetch reads nothing the program could see and never faults, whatever the address;
    // SSE is part of every x86_64 processor.
    unsafe {
        std::arch::x86_64::_mm_prefetch::<{ std::arch::x86_64::_MM_HINT_T0 }>(address.cast());
    }
    #[cfg(target_arch = "aarch64")]
    // SAFETY: `prfm` reads nothing the program could see and never faults, whatever the address; it
    // changes neither registers, flags nor stack.
    unsafe {
        std::arch::asm!(
            "prfm pldl1keep, [{address}]",
            address = in(reg) address,
            options(nostack, preserves_flags, readonly),
        );
    }
    #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
    let _ = address;
}
