//! Sign-ups, from the form to the payment or its end.

use shared::Username;
use sqlx::AssertSqlSafe;
use sqlx::any::AnyRow;

use super::usernames;
use crate::base::clock::Moment;
use crate::base::language::Language;
use crate::base::token::TokenHash;
use crate::model::sign_up::{Checkout, SignUp, SignUpId, SignUpRequest, SignUpState};
use crate::model::skills::Skills;
use crate::model::workspace::names;
use crate::store::connection::{Attempt as _, Columns as _, Connection, bigint, millis, valid};
use crate::store::{Store, StoreError, Write};
use vendors::stripe::id::{CheckoutSessionId, SubscriptionId};

/// What every read of a sign-up selects.
const COLUMNS: &str = "id, email, username, skills, language, browser_hash, state, attempts, \
     checkout, checkout_url, checkout_expires_at, subscription, created_at, changed_at";

/// What became of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reserved {
    /// With the number of the checkout session that may be made for it now.
    SignUp(Box<SignUp>),
    /// Somebody else has the name.
    Taken,
    /// It was paid for meanwhile, or another page was made for it.
    Settled,
}

impl Store {
    /// Takes the address out of what was ordered under it and never paid.
    pub async fn forget_unpaid_sign_ups(&self, email: &str, now: Moment) -> Result<(), StoreError> {
        let mut write = self.begin().await?;
        sqlx::query(
            "UPDATE signups SET email = '', changed_at = $2
             WHERE LOWER(email) = LOWER($1) AND subscription IS NULL AND state <> 'unpaid'",
        )
        .bind(email)
        .bind(millis(now))
        .execute(&mut *write)
        .await
        .attempt("forget an address")?;
        write.commit().await
    }

    /// Begins a sign-up, or, with `known`, changes that one, at whose page nobody can pay
    /// any more; reserves a name for it until `until` and counts an attempt. What was
    /// reserved before is given back.
    ///
    /// Nothing is changed when the name cannot be had.
    pub async fn reserve_sign_up(
        &self,
        known: Option<&SignUp>,
        request: &SignUpRequest,
        browser: &TokenHash,
        until: Moment,
        now: Moment,
    ) -> Result<Reserved, StoreError> {
        const ATTEMPT: &str = "begin a sign-up";
        let mut write = self.begin().await?;
        if let Some(known) = known
            && !lock_open(&mut write, known).await?
        {
            return Ok(Reserved::Settled);
        }
        let id = known.map_or_else(SignUpId::random, |known| known.id.clone());
        let Some(username) = reserve_a_name(&mut write, &id, request, until, now).await? else {
            return Ok(Reserved::Taken);
        };
        usernames::release(&mut write, &id, Some(&username)).await?;
        let row = sqlx::query(AssertSqlSafe(format!(
            "INSERT INTO signups (id, email, username, skills, browser_hash, state, attempts,
                 looked_at, created_at, changed_at, language)
             VALUES ($1, $2, $3, $4, $5, 'open', 1, $6, $6, $6, $7)
             ON CONFLICT (id) DO UPDATE SET email = $2, username = $3, skills = $4, language = $7,
                 state = 'open', attempts = signups.attempts + 1, checkout = NULL,
                 checkout_url = NULL, checkout_expires_at = NULL, changed_at = $6
             RETURNING {COLUMNS}"
        )))
        .bind(id.as_str())
        .bind(request.email.as_str())
        .bind(username.as_str())
        .bind(request.skills.to_string())
        .bind(browser.as_str())
        .bind(millis(now))
        .bind(request.language.tag())
        .fetch_one(&mut *write)
        .await
        .attempt(ATTEMPT)?;
        let signup = parse(&row).attempt(ATTEMPT)?;
        write.commit().await?;
        Ok(Reserved::SignUp(Box::new(signup)))
    }

    /// Keeps the page that `attempt` made; its name stays reserved until `until`.
    ///
    /// `false` when a later attempt has begun, or nothing is to be paid any more.
    pub async fn keep_checkout(
        &self,
        id: &SignUpId,
        attempt: u64,
        checkout: &Checkout,
        until: Moment,
        now: Moment,
    ) -> Result<bool, StoreError> {
        let mut write = self.begin().await?;
        let updated = sqlx::query(
            "UPDATE signups SET checkout = $3, checkout_url = $4, checkout_expires_at = $5,
                 changed_at = $6
             WHERE id = $1 AND attempts = $2 AND state = 'open'",
        )
        .bind(id.as_str())
        .bind(bigint(attempt))
        .bind(checkout.id.as_str())
        .bind(checkout.url.as_str())
        .bind(millis(checkout.expires))
        .bind(millis(now))
        .execute(&mut *write)
        .await
        .attempt("keep a checkout page")?;
        if updated.rows_affected() == 0 {
            return Ok(false);
        }
        usernames::prolong(&mut write, id, until).await?;
        write.commit().await?;
        Ok(true)
    }

    /// Gives back the name of a sign-up for which no page could be made by `attempt`.
    pub async fn give_name_back(&self, id: &SignUpId, attempt: u64) -> Result<(), StoreError> {
        let mut write = self.begin().await?;
        let ours = sqlx::query(
            "UPDATE signups SET attempts = attempts
             WHERE id = $1 AND attempts = $2 AND state = 'open' AND checkout IS NULL",
        )
        .bind(id.as_str())
        .bind(bigint(attempt))
        .execute(&mut *write)
        .await
        .attempt("lock a sign-up")?;
        if ours.rows_affected() > 0 {
            usernames::release(&mut write, id, None).await?;
        }
        write.commit().await
    }

    pub async fn signup(&self, id: &SignUpId) -> Result<Option<SignUp>, StoreError> {
        self.signup_where("id = $1", id.as_str()).await
    }

    /// The latest sign-up that was begun in a browser.
    pub async fn signup_of_browser(
        &self,
        browser: &TokenHash,
    ) -> Result<Option<SignUp>, StoreError> {
        let latest = "browser_hash = $1 ORDER BY created_at DESC, id LIMIT 1";
        self.signup_where(latest, browser.as_str()).await
    }

    /// Up to `limit` unpaid sign-ups with a page that nobody asked Stripe about since `before`.
    pub async fn signups_to_look_at(
        &self,
        before: Moment,
        limit: u32,
    ) -> Result<Vec<SignUp>, StoreError> {
        const ATTEMPT: &str = "list sign-ups to look at";
        let rows = sqlx::query(AssertSqlSafe(format!(
            "SELECT {COLUMNS} FROM signups
             WHERE state IN ('open', 'unpaid') AND checkout IS NOT NULL AND looked_at < $1
             ORDER BY looked_at LIMIT $2"
        )))
        .bind(millis(before))
        .bind(i64::from(limit))
        .fetch_all(&mut self.read().await?)
        .await
        .attempt(ATTEMPT)?;
        Ok(self.readable("signups", "id", &rows, parse))
    }

    /// Notes that Stripe was asked.
    pub async fn looked_at_signup(&self, id: &SignUpId, now: Moment) -> Result<(), StoreError> {
        let mut write = self.begin().await?;
        sqlx::query("UPDATE signups SET looked_at = $2 WHERE id = $1")
            .bind(id.as_str())
            .bind(millis(now))
            .execute(&mut *write)
            .await
            .attempt("note that a sign-up was looked at")?;
        write.commit().await
    }

    async fn signup_where(
        &self,
        condition: &'static str,
        value: &str,
    ) -> Result<Option<SignUp>, StoreError> {
        const ATTEMPT: &str = "read a sign-up";
        let text = format!("SELECT {COLUMNS} FROM signups WHERE {condition}");
        let row = sqlx::query(AssertSqlSafe(text))
            .bind(value)
            .fetch_optional(&mut self.read().await?)
            .await
            .attempt(ATTEMPT)?;
        row.as_ref().map(parse).transpose().attempt(ATTEMPT)
    }
}

/// Notes that a sign-up is not paid yet, or never will be. `false` when it is paid.
pub async fn set_state(
    write: &mut Write,
    id: &SignUpId,
    state: SignUpState,
    now: Moment,
) -> Result<bool, StoreError> {
    let updated = sqlx::query(
        "UPDATE signups SET state = $2, changed_at = $3 WHERE id = $1 AND subscription IS NULL",
    )
    .bind(id.as_str())
    .bind(state.as_str())
    .bind(millis(now))
    .execute(&mut **write)
    .await
    .attempt("note how a sign-up stands")?;
    Ok(updated.rows_affected() > 0)
}

/// Notes what was paid for; `None` when that was noted before. Whoever has the same
/// payment to note waits here.
pub async fn take_payment(
    write: &mut Write,
    id: &SignUpId,
    checkout: &CheckoutSessionId,
    subscription: &SubscriptionId,
    now: Moment,
) -> Result<Option<SignUp>, StoreError> {
    const ATTEMPT: &str = "note a payment";
    // The page may be an earlier one, paid while a later one was being made.
    let row = sqlx::query(AssertSqlSafe(format!(
        "UPDATE signups SET state = 'paid', checkout = $4, subscription = $2, changed_at = $3
         WHERE id = $1 AND subscription IS NULL RETURNING {COLUMNS}"
    )))
    .bind(id.as_str())
    .bind(subscription.as_str())
    .bind(millis(now))
    .bind(checkout.as_str())
    .fetch_optional(&mut **write)
    .await
    .attempt(ATTEMPT)?;
    row.as_ref().map(parse).transpose().attempt(ATTEMPT)
}

pub async fn rename(
    write: &mut Write,
    id: &SignUpId,
    username: &Username,
) -> Result<(), StoreError> {
    sqlx::query("UPDATE signups SET username = $2 WHERE id = $1")
        .bind(id.as_str())
        .bind(username.as_str())
        .execute(&mut **write)
        .await
        .attempt("rename a sign-up")?;
    Ok(())
}

/// What was paid stays on the books, for a while that begins now.
pub async fn forget_email(write: &mut Write, id: &SignUpId, now: Moment) -> Result<(), StoreError> {
    sqlx::query("UPDATE signups SET email = '', changed_at = $2 WHERE id = $1")
        .bind(id.as_str())
        .bind(millis(now))
        .execute(&mut **write)
        .await
        .attempt("forget a customer's address")?;
    Ok(())
}

/// Whoever changes the same sign-up waits here. `false` when it is settled, or has
/// another page by now than `known` has.
async fn lock_open(connection: &mut Connection, known: &SignUp) -> Result<bool, StoreError> {
    let held = sqlx::query(
        "UPDATE signups SET changed_at = changed_at
         WHERE id = $1 AND subscription IS NULL AND state <> 'unpaid'
             AND (checkout IS NULL OR checkout = $2)",
    )
    .bind(known.id.as_str())
    .bind(known.checkout.as_ref().map_or("", |checkout| checkout.id.as_str()))
    .execute(connection)
    .await
    .attempt("lock a sign-up")?;
    Ok(held.rows_affected() == 1)
}

async fn reserve_a_name(
    connection: &mut Connection,
    id: &SignUpId,
    request: &SignUpRequest,
    until: Moment,
    now: Moment,
) -> Result<Option<Username>, StoreError> {
    if let Some(chosen) = request.username {
        let got = usernames::reserve(connection, &chosen, id, until, now).await?;
        return Ok(got.then_some(chosen));
    }
    for candidate in names::candidates(&request.email) {
        if usernames::reserve(connection, &candidate, id, until, now).await? {
            return Ok(Some(candidate));
        }
    }
    Ok(None)
}

fn parse(row: &AnyRow) -> Result<SignUp, sqlx::Error> {
    let checkout = match row.optional("checkout", |text| CheckoutSessionId::parse(text))? {
        None => None,
        Some(id) => Some(Checkout {
            id,
            url: row.optional_text("checkout_url")?.unwrap_or_default(),
            expires: row.moment("checkout_expires_at")?,
        }),
    };
    Ok(SignUp {
        id: valid(row, "id", SignUpId::parse)?,
        email: row.text("email")?,
        username: valid(row, "username", Username::parse)?,
        skills: Skills::from_stored(&row.text("skills")?),
        language: Language::from_stored(&row.text("language")?),
        browser: valid(row, "browser_hash", TokenHash::parse)?,
        state: valid(row, "state", SignUpState::parse)?,
        attempts: row.number("attempts")?,
        checkout,
        subscription: row.optional("subscription", |text| SubscriptionId::parse(text))?,
        created: row.moment("created_at")?,
        changed: row.moment("changed_at")?,
    })
}
