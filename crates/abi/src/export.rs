//! The export of a library, as a `macro_rules!` with `$crate` paths: a connector needs no dependency on `abi_stable` and
//! writes no `unsafe`.

/// Exports the one root of a connector library.
///
/// `manifest` is the text of `connector.toml` (an `include_str!` literal or a constant); `factory` is a
/// `fn(&str, &[u8]) -> Result<Created, String>` that makes the named connector from its JSON configuration.
#[macro_export]
macro_rules! export_plugin {
    (manifest = $manifest:expr, factory = $factory:expr $(,)?) => {
        // Names of items are not hygienic: these must not hide the author's own `create`, `manifest` or `TEXT`.
        const _: () = {
            const __COLIBRI_TEXT: &str = $manifest;

            // On other systems than ELF a section's name has at most eight characters, or a segment before it.
            #[used]
            #[cfg_attr(not(target_os = "macos"), unsafe(link_section = ".colibri"))]
            #[cfg_attr(target_os = "macos", unsafe(link_section = "__DATA,__colibri"))]
            static __COLIBRI_SECTION: [u8; __COLIBRI_TEXT.len() + 12] = $crate::embed(__COLIBRI_TEXT);

            extern "C" fn __colibri_manifest() -> $crate::reexport::RStr<'static> {
                // Naming the section here keeps it in the file where the linker drops what nothing refers to.
                let _ = ::core::hint::black_box(&__COLIBRI_SECTION);
                $crate::reexport::RStr::from_str(__COLIBRI_TEXT)
            }

            extern "C" fn __colibri_create(
                name: $crate::reexport::RStr<'_>,
                config: $crate::reexport::RSlice<'_, u8>,
            ) -> $crate::reexport::RResult<$crate::Created, $crate::reexport::RString> {
                $crate::create_guarded(name, config, $factory)
            }

            fn __colibri_root() -> $crate::PluginRootRef {
                use $crate::reexport::PrefixTypeTrait;
                $crate::PluginRoot {
                    manifest: __colibri_manifest,
                    create: __colibri_create,
                }
                .leak_into_prefix()
            }

            extern "C" fn __colibri_erased() -> $crate::reexport::RootModuleResult {
                $crate::reexport::__call_root_module_loader(__colibri_root)
            }

            // The name is fixed by abi_stable: one root a library.
            // SAFETY: the symbol is exported once, by this macro, and `__colibri_erased` returns the root of the type that is named
            // beside it.
            #[unsafe(no_mangle)]
            pub static _1as_0lib_1header_0root_bmodule_bloader: $crate::reexport::LibHeader = unsafe {
                $crate::reexport::LibHeader::from_constructor::<$crate::PluginRootRef>(
                    __colibri_erased,
                    $crate::reexport::CheckTypeLayout::Yes,
                )
            };
        };
    };
}
