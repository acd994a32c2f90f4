//! Enums that the database, JSON and metrics write as words.

/// Names each variant once, with its word. Whoever reads a word that is none of them is told
/// what follows `or`.
macro_rules! text_enum {
    (
        $(#[$attribute:meta])*
        $visibility:vis enum $name:ident or $unknown:literal {
            $($(#[$about:meta])* $variant:ident = $word:literal,)+
        }
    ) => {
        $(#[$attribute])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        $visibility enum $name {
            $($(#[$about])* $variant,)+
        }

        impl $name {
            /// Each once, in the order in which they are declared.
            $visibility const ALL: [Self; [$(Self::$variant),+].len()] = [$(Self::$variant),+];

            $visibility const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)+
                }
            }

            /// # Errors
            /// `text` is none of the words.
            $visibility fn parse(text: &str) -> Result<Self, &'static str> {
                match text {
                    $($word => Ok(Self::$variant),)+
                    _ => Err($unknown),
                }
            }
        }
    };
}

pub(crate) use text_enum;

#[cfg(test)]
mod tests {
    text_enum! {
        enum Light or "a light is red or green" {
            Red = "red",
            /// With a document of its own.
            Green = "green",
        }
    }

    #[test]
    fn each_word_is_read_as_what_wrote_it_and_no_other_is() {
        for light in Light::ALL {
            assert_eq!(Light::parse(light.as_str()), Ok(light));
        }
        assert_eq!(Light::parse("blue"), Err("a light is red or green"));
        assert_eq!(Light::parse("Red"), Err("a light is red or green"));
    }
}
