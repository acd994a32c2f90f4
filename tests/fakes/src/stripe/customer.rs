//! Who pays.

use serde_json::{Value, json};

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Customer {
    pub id: String,
    pub email: Option<String>,
    pub name: Option<String>,
    /// Unix seconds.
    pub created: u64,
    /// Whether the card (or bank) pays when it is charged.
    pub pays: bool,
}

impl Customer {
    pub fn body(&self) -> Value {
        json!({
            "id": self.id,
            "object": "customer",
            "address": null,
            "balance": 0,
            "created": self.created,
            "currency": "usd",
            "customer_account": null,
            "default_source": null,
            "delinquent": !self.pays,
            "description": null,
            "discount": null,
            "email": self.email,
            "invoice_prefix": self.invoice_prefix(),
            "invoice_settings": {
                "custom_fields": null,
                "default_payment_method": null,
                "footer": null,
                "rendering_options": null,
            },
            "livemode": false,
            "metadata": {},
            "name": self.name,
            "phone": null,
            "preferred_locales": [],
            "shipping": null,
            "tax_exempt": "none",
            "test_clock": null,
        })
    }

    /// Begins the number of each of this customer's invoices.
    pub fn invoice_prefix(&self) -> String {
        let letters = self.id.chars().rev().filter(char::is_ascii_alphanumeric).take(8);
        letters.collect::<String>().to_uppercase()
    }
}
