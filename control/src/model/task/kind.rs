//! What kinds of task there are. What is true of each stands in [`super::kinds`].

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    Provision,
    Recycle,
    Prepare,
    Stripe,
    Mail,
    Ticket,
    Trial,
    Update,
}

impl Kind {
    pub const ALL: [Self; 8] = [
        Self::Provision,
        Self::Recycle,
        Self::Prepare,
        Self::Stripe,
        Self::Mail,
        Self::Ticket,
        Self::Trial,
        Self::Update,
    ];

    /// The beginning of a task's id.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Provision => "PROV",
            Self::Recycle => "RECYCLE",
            Self::Prepare => "PREPARE",
            Self::Stripe => "STRIPE",
            Self::Mail => "MAIL",
            Self::Ticket => "TICKET",
            Self::Trial => "TRIAL",
            Self::Update => "UPDATE",
        }
    }

    /// # Errors
    /// Names the kinds there are.
    pub fn parse(text: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|kind| kind.as_str() == text);
        found.ok_or_else(|| {
            let names: Vec<_> = Self::ALL.into_iter().map(Self::as_str).collect();
            let (last, others) = names.split_last().expect("there are kinds");
            format!("a kind is {} or {last}", others.join(", "))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_is_read_back() {
        for kind in Kind::ALL {
            assert_eq!(Kind::parse(kind.as_str()), Ok(kind));
        }
        let error = Kind::parse("prov").unwrap_err();
        assert_eq!(
            error,
            "a kind is PROV, RECYCLE, PREPARE, STRIPE, MAIL, TICKET, TRIAL or UPDATE"
        );
    }
}
