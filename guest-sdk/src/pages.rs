//! Listings that the host gives page by page.

use std::iter;

/// The most that the host gives at a time.
pub(crate) const PAGE: u32 = 1_000;

/// The items of all pages that `read` gives, each asked for with the `next` of the one before. Ends with the first error.
pub(crate) fn all<T, E>(
    mut read: impl FnMut(Option<String>) -> Result<(Vec<T>, Option<String>), E>,
) -> impl Iterator<Item = Result<T, E>> {
    let mut after = Some(None);
    let next_page = move || {
        let (items, next) = match read(after.take()?) {
            Ok((items, next)) => (items.into_iter().map(Ok).collect(), next),
            Err(error) => (vec![Err(error)], None),
        };
        after = next.map(Some);
        Some(items)
    };
    iter::from_fn(next_page).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listing_goes_over_all_pages_also_empty_ones() {
        let listing = all(|after| match after.as_deref() {
            None => Ok((vec!["a", "b"], Some("b".to_owned()))),
            Some("b") => Ok((Vec::new(), Some("c".to_owned()))),
            Some(_) => Ok::<_, ()>((vec!["d"], None)),
        });
        assert_eq!(listing.collect::<Result<Vec<_>, _>>().unwrap(), ["a", "b", "d"]);
    }

    #[test]
    fn a_listing_ends_with_the_first_error() {
        let mut listing = all(|after| match after {
            None => Ok((vec!["a"], Some("a".to_owned()))),
            Some(_) => Err("gone"),
        });
        assert_eq!(listing.next(), Some(Ok("a")));
        assert_eq!(listing.next(), Some(Err("gone")));
        assert_eq!(listing.next(), None);
    }
}
