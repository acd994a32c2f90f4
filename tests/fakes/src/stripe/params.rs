//! Stripe's parameters: a form whose keys are paths, `a[b][0]=c`.

use std::collections::BTreeMap;

use url::form_urlencoded;

use super::error::ApiError;

/// Parameters of one call. Stripe's limits are not published; its largest
/// documented lists have some hundred items.
const PARAMS_MAX: usize = 1_000;

/// Values by their key in canonical form: `expand[0]`, also for `expand[]`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Params(BTreeMap<String, String>);

impl Params {
    /// Reads a form or a query: brackets literal or `%5B`, `+` or `%20`.
    ///
    /// # Errors
    /// A key is malformed or given twice.
    pub fn parse(form: &str) -> Result<Self, ApiError> {
        let mut params = BTreeMap::new();
        for (key, value) in form_urlencoded::parse(form.as_bytes()) {
            let key = canonical(&key, &params)
                .ok_or_else(|| ApiError::invalid(format!("Invalid parameter name: {key}")))?;
            if params.insert(key.clone(), value.into_owned()).is_some() {
                let message = format!("Parameter {key} is given more than once");
                return Err(ApiError::invalid(message).param(key));
            }
            if params.len() > PARAMS_MAX {
                return Err(ApiError::invalid("Too many parameters"));
            }
        }
        Ok(Self(params))
    }

    pub fn value(&self, key: &str) -> Option<&str> {
        self.0.get(key).map(String::as_str)
    }

    /// Whole numbers were checked by the schema already.
    pub fn number(&self, key: &str) -> Option<u64> {
        self.value(key)?.parse().ok()
    }

    pub fn flag(&self, key: &str) -> Option<bool> {
        self.value(key)?.parse().ok()
    }

    /// The members of `key[…]`, one level deep.
    pub fn map(&self, key: &str) -> BTreeMap<String, String> {
        let inside = |name: &str| {
            let name = name.strip_prefix(key)?.strip_prefix('[')?.strip_suffix(']')?;
            (!name.contains(['[', ']'])).then(|| name.to_owned())
        };
        self.0.iter().filter_map(|(name, value)| Some((inside(name)?, value.clone()))).collect()
    }

    /// The values of `key[0]`, `key[1]`, … in their order.
    pub fn list(&self, key: &str) -> Vec<&str> {
        (0..).map_while(|index| self.value(&format!("{key}[{index}]"))).collect()
    }

    /// Whether `key` or anything inside it is given.
    pub fn has(&self, key: &str) -> bool {
        self.0.keys().any(|name| {
            name.strip_prefix(key).is_some_and(|rest| rest.is_empty() || rest.starts_with('['))
        })
    }

    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(key, value)| (key.as_str(), value.as_str()))
    }

    /// One text for equal parameters, in whatever order and encoding they came.
    pub fn fingerprint(&self) -> Vec<u8> {
        let mut form = form_urlencoded::Serializer::new(String::new());
        form.extend_pairs(self.iter());
        form.finish().into_bytes()
    }
}

/// `None` for keys like `a[`, `[a]` or `a]b`.
fn canonical(key: &str, earlier: &BTreeMap<String, String>) -> Option<String> {
    let (root, mut rest) = match key.find('[') {
        Some(start) => key.split_at(start),
        None => (key, ""),
    };
    if root.is_empty() || root.contains(']') {
        return None;
    }
    let mut name = root.to_owned();
    while !rest.is_empty() {
        let (segment, after) = rest.strip_prefix('[')?.split_once(']')?;
        if segment.is_empty() {
            let next = (0..).find(|index| !earlier.contains_key(&format!("{name}[{index}]")))?;
            name.push_str(&format!("[{next}]"));
        } else {
            name.push_str(&format!("[{segment}]"));
        }
        rest = after;
    }
    Some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(form: &str, expected: &[(&str, &str)]) {
        let params = Params::parse(form).unwrap();
        assert_eq!(params.iter().collect::<Vec<_>>(), expected, "{form}");
    }

    #[test]
    fn one_meaning_has_many_encodings() {
        let expected = [("metadata[skills]", "rust,sql & more"), ("mode", "subscription")];
        check("mode=subscription&metadata[skills]=rust%2Csql%20%26%20more", &expected);
        check("metadata%5Bskills%5D=rust%2Csql+%26+more&mode=subscription", &expected);
    }

    #[test]
    fn a_list_may_leave_out_its_indexes() {
        let expected = [("expand[0]", "customer"), ("expand[1]", "subscription")];
        check("expand[]=customer&expand[]=subscription", &expected);
        check("expand[0]=customer&expand[1]=subscription", &expected);
    }

    #[test]
    fn a_malformed_or_doubled_key_is_refused() {
        for form in ["a[=1", "[a]=1", "a]b=1", "a=1&a=2"] {
            assert!(Params::parse(form).is_err(), "{form}");
        }
    }

    #[test]
    fn a_map_is_read_one_level_deep() {
        let params = Params::parse("metadata[a]=1&metadata[b]=2&other[a]=3").unwrap();
        assert_eq!(params.map("metadata").len(), 2);
        assert!(params.has("other") && !params.has("othe"));
    }
}
