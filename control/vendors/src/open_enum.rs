//! Words of a vendor's that may grow by one any day.

/// Makes an enum of known words with `Unknown(String)` for all others, read
/// with serde and printed as the vendor writes it.
macro_rules! open_enum {
    ($(#[$attribute:meta])* $name:ident { $($(#[$about:meta])* $word:ident = $text:literal,)+ }) => {
        $(#[$attribute])*
        #[derive(Debug, Clone, PartialEq, Eq, serde::Deserialize)]
        #[serde(from = "String")]
        pub enum $name {
            $($(#[$about])* $word,)+
            /// A word that was not there when this was written.
            Unknown(String),
        }

        impl $name {
            pub fn as_str(&self) -> &str {
                match self {
                    $(Self::$word => $text,)+
                    Self::Unknown(text) => text,
                }
            }
        }

        impl From<String> for $name {
            fn from(text: String) -> Self {
                match text.as_str() {
                    $($text => Self::$word,)+
                    _ => Self::Unknown(text),
                }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str(self.as_str())
            }
        }
    };
}

pub(super) use open_enum;
