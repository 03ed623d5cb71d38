use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use syn::{Error, FnArg, Ident, ItemFn, Result, ReturnType, Signature, Type};

/// The function as it was, and beside it the export that calls it.
pub(crate) fn function(attribute: TokenStream, item: TokenStream) -> Result<TokenStream> {
    if !attribute.is_empty() {
        return refuse(attribute, "`#[function]` takes no arguments");
    }
    let function: ItemFn = syn::parse2(item)
        .map_err(|error| Error::new(error.span(), format!("`#[function]` goes on a function: {error}")))?;
    check(&function.sig)?;
    let export = export(&function.sig.ident, input(&function.sig)?, &output(&function.sig));
    Ok(quote! { #function #export })
}

/// Refuses what cannot be called with one value and answered at once.
fn check(sig: &Signature) -> Result<()> {
    if let Some(token) = sig.asyncness {
        return refuse(token, "a SPEAR function cannot be async: it runs alone in its instance and may simply block");
    }
    if let Some(token) = sig.unsafety {
        return refuse(token, "a SPEAR function cannot be unsafe");
    }
    if let Some(token) = &sig.abi {
        return refuse(token, "a SPEAR function has Rust's own ABI: the attribute adds the export");
    }
    if !sig.generics.params.is_empty() {
        return refuse(&sig.generics, "a SPEAR function cannot be generic: its types must be known to be exported");
    }
    Ok(())
}

/// The type that the function takes, if it takes anything.
fn input(sig: &Signature) -> Result<Option<&Type>> {
    let mut arguments = sig.inputs.iter();
    let input = match arguments.next() {
        None => None,
        Some(FnArg::Typed(argument)) => Some(&*argument.ty),
        Some(FnArg::Receiver(this)) => return refuse(this, "a SPEAR function cannot be a method: it has no `self`"),
    };
    match arguments.next() {
        None => Ok(input),
        Some(second) => {
            refuse(second, "a SPEAR function takes at most one argument: take `Json<T>` for several values")
        }
    }
}

/// The type that the function answers, where it has a name.
fn output(sig: &Signature) -> TokenStream {
    match &sig.output {
        ReturnType::Default => quote!(()),
        ReturnType::Type(_, output) if matches!(**output, Type::ImplTrait(_) | Type::Never(_)) => quote!(_),
        ReturnType::Type(_, output) => output.to_token_stream(),
    }
}

/// Implements the handler with the function. Both types are spelled out, so that one that does not fit is shown where the
/// author wrote it.
///
/// Only a component exports anything: the names would clash where a native test links several functions. The underscores
/// keep clear of the author's own names.
fn export(name: &Ident, input: Option<&Type>, output: &TokenStream) -> TokenStream {
    let run = match input {
        None => quote!(::spear_guest::export::run::<(), #output>(__call, |()| #name())),
        Some(input) => quote!(::spear_guest::export::run::<#input, #output>(__call, #name)),
    };
    quote! {
        const _: () = {
            struct __Function;
            impl ::spear_guest::export::Guest for __Function {
                fn handle(
                    __call: ::spear_guest::export::Call,
                ) -> ::core::result::Result<::spear_guest::export::Reply, ::spear_guest::export::Failure> {
                    #run
                }
            }
            let _ = <__Function as ::spear_guest::export::Guest>::handle;
            #[cfg(target_family = "wasm")]
            ::spear_guest::export::export!(__Function with_types_in ::spear_guest::export);
        };
    }
}

fn refuse<T>(tokens: impl ToTokens, message: &str) -> Result<T> {
    Err(Error::new_spanned(tokens, message))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expanded(attribute: &str, item: &str) -> Result<String> {
        let expansion = function(attribute.parse().unwrap(), item.parse().unwrap())?;
        Ok(expansion.to_string().replace(' ', ""))
    }

    #[test]
    fn the_function_is_left_as_it_is_and_called() {
        let expansion = expanded("", "fn f(Json(a): Json<A>) -> String { a.b }").unwrap();
        assert!(expansion.starts_with("fnf(Json(a):Json<A>)->String{a.b}"), "{expansion}");
        assert!(expansion.contains("run::<Json<A>,String>(__call,f)"), "{expansion}");
    }

    #[test]
    fn a_function_without_input_is_called_without() {
        let expansion = expanded("", "fn f() {}").unwrap();
        assert!(expansion.contains("run::<(),()>(__call,|()|f())"), "{expansion}");
    }

    #[test]
    fn what_cannot_be_exported_is_refused_and_says_why() {
        for (attribute, item, why) in [
            ("x", "fn f() {}", "takes no arguments"),
            ("", "struct S;", "goes on a function"),
            ("", "async fn f() {}", "cannot be async"),
            ("", "unsafe fn f() {}", "cannot be unsafe"),
            ("", "extern \"C\" fn f() {}", "Rust's own ABI"),
            ("", "fn f<T>(t: T) {}", "cannot be generic"),
            ("", "fn f(&self) {}", "cannot be a method"),
            ("", "fn f(a: String, b: String) {}", "at most one argument"),
        ] {
            let refusal = expanded(attribute, item).unwrap_err().to_string();
            assert!(refusal.contains(why), "{item}: {refusal}");
        }
    }
}
