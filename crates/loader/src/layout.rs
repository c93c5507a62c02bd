//! The layout check, both ways.
//!
//! `abi_stable` alone accepts a newer library in an older host and refuses an older library in a newer host after any
//! appended function: the case that a community of connectors lives on. History is linear, so one side is always a
//! superset of the other: where the forward check fails, the reverse one decides. Whatever is changed in place fails both.

use abi_stable::abi_stability::abi_checking::{
    AbiInstability, AbiInstabilityErrors, ExpectedFound, check_layout_compatibility,
};
use abi_stable::type_layout::{TLFieldOrFunction, TypeLayout};

use crate::error::one_line;

/// Which side knows more functions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Compatibility {
    /// The library knows all that the host does, and perhaps more.
    LibraryIsSameOrNewer,
    /// The library lacks functions that the host knows; they read as absent.
    LibraryIsOlder,
}

/// Compares what the host expects with what the library has. A refusal is the first difference, on one line.
pub(crate) fn compare(host: &'static TypeLayout, library: &'static TypeLayout) -> Result<Compatibility, String> {
    match check_layout_compatibility(host, library) {
        Ok(()) => Ok(Compatibility::LibraryIsSameOrNewer),
        Err(forward) => match check_layout_compatibility(library, host) {
            Ok(()) => Ok(Compatibility::LibraryIsOlder),
            Err(_) => Err(first_difference(&forward)),
        },
    }
}

/// The line of a report of many kilobytes that says what differs, and where.
fn first_difference(report: &AbiInstabilityErrors) -> String {
    // The deepest difference is the cause; those above it follow from it.
    let Some(error) = report
        .errors
        .iter()
        .filter(|error| !error.errs.is_empty())
        .max_by_key(|error| error.stack_trace.len())
    else {
        return "the layouts differ".to_owned();
    };
    let mut place: Vec<&str> = Vec::new();
    for step in &error.stack_trace {
        // References and parameters have names that are no words; a function's field and the function share theirs.
        let name = name(&step.found);
        if name.starts_with(|c: char| c.is_ascii_alphabetic()) && place.last() != Some(&name) {
            place.push(name);
        }
    }
    let kind = match error.stack_trace.last().map(|step| &step.found) {
        Some(TLFieldOrFunction::Field(field)) => format!(" ({})", field.layout().name()),
        _ => String::new(),
    };
    let what: Vec<String> = error.errs.iter().take(2).map(difference).collect();
    format!("{}{kind}: {}", place.join("."), what.join("; "))
}

fn name(step: &TLFieldOrFunction) -> &'static str {
    match step {
        TLFieldOrFunction::Field(field) => field.name(),
        TLFieldOrFunction::Function(function) => function.name.as_str(),
    }
}

fn difference(error: &AbiInstability) -> String {
    fn told<T>(what: &str, found: &ExpectedFound<T>, show: impl Fn(&T) -> String) -> String {
        one_line(&format!(
            "{what}: expected {}, found {}",
            show(&found.expected),
            show(&found.found)
        ))
    }
    match error {
        AbiInstability::Name(v) => told("type", v, ToString::to_string),
        AbiInstability::Package(v) => told("package", v, ToString::to_string),
        AbiInstability::PackageVersion(v) => told("package version", v, ToString::to_string),
        AbiInstability::Size(v) => told("size", v, ToString::to_string),
        AbiInstability::Alignment(v) => told("alignment", v, ToString::to_string),
        AbiInstability::MismatchedPrimitive(v) => told("primitive", v, |p| format!("{p:?}")),
        AbiInstability::FieldCountMismatch(v) => told("number of fields", v, ToString::to_string),
        AbiInstability::UnexpectedField(v) => told("field", v, |field| field.name().to_owned()),
        AbiInstability::FieldLifetimeMismatch(v) => told("lifetimes of field", v, |field| field.name().to_owned()),
        AbiInstability::FnLifetimeMismatch(v) => told("lifetimes of function", v, |f| f.name.as_str().to_owned()),
        AbiInstability::FnQualifierMismatch(v) => told("qualifiers of function", v, |f| f.name.as_str().to_owned()),
        AbiInstability::MismatchedPrefixSize(v) => told("functions of the first version", v, ToString::to_string),
        AbiInstability::ReprAttr(v) => told("representation", v, |r| format!("{r:?}")),
        other => one_line(&format!("{other:?}")),
    }
}

#[cfg(test)]
#[allow(non_local_definitions, dead_code)]
mod tests {
    use super::*;
    use abi_stable::StableAbi;

    /// The same vtable at three points of a linear history, and two that broke it.
    mod base {
        use super::StableAbi;
        #[repr(C)]
        #[derive(StableAbi)]
        pub struct Value {
            pub price: i64,
        }
        #[repr(C)]
        #[derive(StableAbi)]
        #[sabi(kind(Prefix(prefix_ref = TableRef, prefix_fields = TablePrefix)))]
        #[sabi(missing_field(option))]
        pub struct Table {
            #[sabi(last_prefix_field)]
            pub first: extern "C" fn(&Value) -> u32,
        }
    }
    mod appended {
        use super::StableAbi;
        #[repr(C)]
        #[derive(StableAbi)]
        pub struct Value {
            pub price: i64,
        }
        #[repr(C)]
        #[derive(StableAbi)]
        #[sabi(kind(Prefix(prefix_ref = TableRef, prefix_fields = TablePrefix)))]
        #[sabi(missing_field(option))]
        pub struct Table {
            #[sabi(last_prefix_field)]
            pub first: extern "C" fn(&Value) -> u32,
            pub second: extern "C" fn(u64) -> u32,
        }
    }
    mod changed_value {
        use super::StableAbi;
        #[repr(C)]
        #[derive(StableAbi)]
        pub struct Value {
            pub price: i64,
            pub quantity: i64,
        }
        #[repr(C)]
        #[derive(StableAbi)]
        #[sabi(kind(Prefix(prefix_ref = TableRef, prefix_fields = TablePrefix)))]
        #[sabi(missing_field(option))]
        pub struct Table {
            #[sabi(last_prefix_field)]
            pub first: extern "C" fn(&Value) -> u32,
        }
    }
    mod changed_function {
        use super::StableAbi;
        #[repr(C)]
        #[derive(StableAbi)]
        pub struct Value {
            pub price: i64,
        }
        #[repr(C)]
        #[derive(StableAbi)]
        #[sabi(kind(Prefix(prefix_ref = TableRef, prefix_fields = TablePrefix)))]
        #[sabi(missing_field(option))]
        pub struct Table {
            #[sabi(last_prefix_field)]
            pub first: extern "C" fn(&Value) -> u64,
        }
    }

    #[test]
    fn an_appended_function_is_accepted_from_either_side() {
        let base = <base::TableRef as StableAbi>::LAYOUT;
        let appended = <appended::TableRef as StableAbi>::LAYOUT;
        assert_eq!(compare(base, base), Ok(Compatibility::LibraryIsSameOrNewer));
        assert_eq!(compare(base, appended), Ok(Compatibility::LibraryIsSameOrNewer));
        assert_eq!(compare(appended, base), Ok(Compatibility::LibraryIsOlder));
    }

    #[test]
    fn a_change_in_place_is_refused_with_the_line_that_differs() {
        let base = <base::TableRef as StableAbi>::LAYOUT;
        let refused = compare(base, <changed_value::TableRef as StableAbi>::LAYOUT).err();
        assert_eq!(
            refused.as_deref(),
            Some("first (Value): size: expected 8, found 16; number of fields: expected 1, found 2")
        );
        let refused = compare(base, <changed_function::TableRef as StableAbi>::LAYOUT).err();
        assert_eq!(refused.as_deref(), Some("first (u64): type: expected u32, found u64"));
    }
}
