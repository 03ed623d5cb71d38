//! The attribute that turns a Rust function into a SPEAR function. Authors use it as `spear_guest::function`.

mod expand;

use proc_macro::TokenStream;

/// Makes this function the one that the component exports.
///
/// The function takes nothing or one thing that is made from the call (`spear_guest::FromCall`), answers something that
/// becomes a reply (`spear_guest::IntoReply`), and is otherwise left as it is. A component has exactly one.
///
/// # Errors
///
/// Does not compile where the function is a method, async, generic or takes more than one argument.
#[proc_macro_attribute]
pub fn function(attribute: TokenStream, item: TokenStream) -> TokenStream {
    expand::function(attribute.into(), item.into()).unwrap_or_else(|error| error.into_compile_error()).into()
}
