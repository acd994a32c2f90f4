//! Parameters in Stripe's notation: `line_items[0][price]=…`.

use url::form_urlencoded::Serializer;

#[derive(Debug, Clone, Default)]
pub(super) struct Form(Vec<(String, String)>);

impl Form {
    pub(super) fn with(mut self, key: &str, value: impl Into<String>) -> Self {
        self.0.push((key.to_owned(), value.into()));
        self
    }

    pub(super) fn with_optional(self, key: &str, value: Option<impl Into<String>>) -> Self {
        match value {
            Some(value) => self.with(key, value),
            None => self,
        }
    }

    pub(super) fn with_map<'a>(
        self,
        key: &str,
        map: impl IntoIterator<Item = (&'a String, &'a String)>,
    ) -> Self {
        map.into_iter()
            .fold(self, |form, (name, value)| form.with(&format!("{key}[{name}]"), value))
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// For a body and for a query alike.
    pub(super) fn encode(&self) -> String {
        Serializer::new(String::new()).extend_pairs(&self.0).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_escaped_and_absent_ones_left_out() {
        let form = Form::default()
            .with("customer_email", "ada+test@example.com")
            .with_optional("cancel_url", None::<String>)
            .with_map("metadata", [(&"a b".to_owned(), &"x&y=z".to_owned())]);
        assert_eq!(
            form.encode(),
            "customer_email=ada%2Btest%40example.com&metadata%5Ba+b%5D=x%26y%3Dz"
        );
        assert!(Form::default().is_empty());
    }
}
