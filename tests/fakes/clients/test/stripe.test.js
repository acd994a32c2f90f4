// stripe-node against fake-stripe.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import Stripe from 'stripe';
import { sink, start, waitUntil } from '../fake.js';

const KEY = 'sk_test_fake';
const PRICE = 'price_workspace_monthly';
const MONTH = 31 * 24 * 60 * 60;

async function account(context, ...options) {
  const fake = await start(context, 'fake-stripe', ...options);
  return { fake, stripe: client(fake) };
}

function client(fake, key = KEY, more = {}) {
  return new Stripe(key, {
    host: '127.0.0.1',
    port: fake.port,
    protocol: 'http',
    telemetry: false,
    maxNetworkRetries: 0,
    ...more,
  });
}

function order(more = {}) {
  return {
    mode: 'subscription',
    line_items: [{ price: PRICE, quantity: 1 }],
    success_url: 'https://example.com/welcome?session_id={CHECKOUT_SESSION_ID}',
    cancel_url: 'https://example.com/cancelled',
    customer_email: 'ada+test@example.com',
    client_reference_id: 'su_01JXYZ',
    metadata: { signup_id: 'su_01JXYZ', skills: 'rust,sql & more' },
    subscription_data: { metadata: { signup_id: 'su_01JXYZ' } },
    ...more,
  };
}

/** Presses a button of the hosted page; returns where the browser is sent. */
async function press(fake, session, action) {
  const answer = await fake.press(session.url, { action });
  return { status: answer.status, location: answer.headers.get('location') };
}

/** A paid session and its subscription. */
async function subscribe({ fake, stripe }) {
  const session = await stripe.checkout.sessions.create(order());
  await press(fake, session, 'pay');
  return stripe.checkout.sessions.retrieve(session.id, { expand: ['subscription', 'customer'] });
}

test('a session is created, paid at its page and retrieved with its subscription', async (t) => {
  const { fake, stripe } = await account(t);
  const session = await stripe.checkout.sessions.create(order());
  assert.equal(session.status, 'open');
  assert.equal(session.payment_status, 'unpaid');
  assert.equal(session.metadata.skills, 'rust,sql & more');
  assert.equal(session.customer_email, 'ada+test@example.com');
  assert.equal(session.expires_at - session.created, 24 * 60 * 60);
  assert.match(await (await fetch(session.url)).text(), /Pay \$7\.00/);

  const sent = await press(fake, session, 'pay');
  assert.equal(sent.status, 303);
  assert.equal(sent.location, `https://example.com/welcome?session_id=${session.id}`);

  const paid = await stripe.checkout.sessions.retrieve(session.id, {
    expand: ['subscription', 'customer'],
  });
  assert.equal(paid.status, 'complete');
  assert.equal(paid.payment_status, 'paid');
  assert.equal(paid.url, null);
  assert.equal(paid.customer.email, 'ada+test@example.com');
  assert.equal(paid.subscription.status, 'active');
  assert.deepEqual(paid.subscription.metadata, { signup_id: 'su_01JXYZ' });
  assert.equal(paid.subscription.items.data[0].price.unit_amount, 700);
  assert.ok(paid.subscription.items.data[0].current_period_end > paid.created);

  const again = await press(fake, session, 'pay');
  assert.equal(again.status, 200, 'a second press shows a page and charges nothing');
  assert.equal((await stripe.subscriptions.list()).data.length, 1);
});

test('a declined card leaves the session open', async (t) => {
  const { fake, stripe } = await account(t);
  const session = await stripe.checkout.sessions.create(order());
  assert.equal((await press(fake, session, 'decline')).status, 200);
  assert.equal((await stripe.checkout.sessions.retrieve(session.id)).status, 'open');
});

test('a session is expired once', async (t) => {
  const { stripe } = await account(t);
  const session = await stripe.checkout.sessions.create(order());
  assert.equal((await stripe.checkout.sessions.expire(session.id)).status, 'expired');
  await assert.rejects(stripe.checkout.sessions.expire(session.id), {
    type: 'StripeInvalidRequestError',
    statusCode: 400,
  });
});

test('an inline price works as well', async (t) => {
  const { stripe } = await account(t);
  const price_data = {
    currency: 'usd',
    unit_amount: 900,
    recurring: { interval: 'month' },
    product_data: { name: 'Workspace' },
  };
  const session = await stripe.checkout.sessions.create(
    order({ line_items: [{ price_data, quantity: 2 }] }),
  );
  assert.equal(session.amount_total, 1800);
});

test('errors come with type, code, parameter and request id', async (t) => {
  const { fake, stripe } = await account(t);
  const sessions = stripe.checkout.sessions;
  await assert.rejects(stripe.subscriptions.retrieve('sub_missing'), {
    type: 'StripeInvalidRequestError',
    code: 'resource_missing',
    param: 'id',
    statusCode: 404,
    message: "No such subscription: 'sub_missing'",
  });
  await assert.rejects(sessions.create(order({ nonsense: 1 })), {
    code: 'parameter_unknown',
    param: 'nonsense',
  });
  await assert.rejects(sessions.create(order({ line_items: undefined })), {
    code: 'parameter_missing',
  });
  await assert.rejects(sessions.create(order({ line_items: [{ price: 'price_x' }] })), {
    code: 'resource_missing',
    statusCode: 400,
  });
  await assert.rejects(client(fake, 'sk_test_wrong').subscriptions.list(), {
    type: 'StripeAuthenticationError',
    statusCode: 401,
  });
  await assert.rejects(client(fake, KEY, { apiVersion: '2020-01-01' }).subscriptions.list(), {
    statusCode: 400,
  });
  const error = await stripe.subscriptions.retrieve('sub_x').catch((error) => error);
  assert.match(error.requestId, /^req_/);
});

test('an idempotency key is replayed, held to its parameters, and held while in flight', async (t) => {
  const { fake, stripe } = await account(t);
  const sessions = stripe.checkout.sessions;
  const key = { idempotencyKey: 'checkout/su_1/1' };
  const first = await sessions.create(order(), key);
  const second = await sessions.create(order(), key);
  assert.equal(first.id, second.id);
  assert.equal(second.lastResponse.headers['idempotent-replayed'], 'true');
  assert.equal(second.lastResponse.requestId, first.lastResponse.requestId);
  await assert.rejects(sessions.create(order({ client_reference_id: 'other' }), key), {
    type: 'StripeIdempotencyError',
    statusCode: 400,
  });

  await fake.fault('inside:slow:1500', { path: '/v1/checkout/sessions' });
  const slow = sessions.create(order(), { idempotencyKey: 'slow' });
  await waitUntil('the slow call is there', async () => {
    const { faults } = await fake.get('/_fake/faults');
    return faults[0].struck === 1;
  });
  await assert.rejects(sessions.create(order(), { idempotencyKey: 'slow' }), { statusCode: 409 });
  assert.equal((await slow).status, 'open');
});

test('an answer lost after the work is found again under the key', async (t) => {
  const { fake } = await account(t);
  const stripe = client(fake, KEY, { maxNetworkRetries: 2 });
  for (const fault of ['after-commit:500', 'after-commit:reset', 'reset', 'garbage:502']) {
    await fake.fault(fault, { method: 'POST', path: '/v1/checkout/sessions' });
    await stripe.checkout.sessions.create(order(), { idempotencyKey: fault });
  }
  assert.equal((await stripe.checkout.sessions.list()).data.length, 4);
});

test('a failure kept under the key is replayed to every retry', async (t) => {
  const { fake } = await account(t);
  const stripe = client(fake, KEY, { maxNetworkRetries: 2 });
  await fake.fault('inside:500', { path: '/v1/checkout/sessions' });
  const create = (idempotencyKey) => stripe.checkout.sessions.create(order(), { idempotencyKey });
  await assert.rejects(create('a'), { type: 'StripeAPIError', statusCode: 500 });
  assert.equal((await create('b')).status, 'open');
});

test('a rate limit is not retried by the client', async (t) => {
  const { fake } = await account(t);
  const stripe = client(fake, KEY, { maxNetworkRetries: 2 });
  await fake.fault('status:429', {}, { headers: { 'stripe-should-retry': 'false' } });
  await assert.rejects(stripe.subscriptions.list(), {
    type: 'StripeRateLimitError',
    statusCode: 429,
  });
});

test('a subscription is scheduled to end, resumed, and ended', async (t) => {
  const world = await account(t);
  const { stripe } = world;
  const { subscription } = await subscribe(world);
  const scheduled = await stripe.subscriptions.update(subscription.id, {
    cancel_at_period_end: true,
  });
  assert.equal(scheduled.cancel_at_period_end, true);
  assert.equal(scheduled.cancel_at, scheduled.items.data[0].current_period_end);
  const resumed = await stripe.subscriptions.update(subscription.id, {
    cancel_at_period_end: false,
  });
  assert.equal(resumed.cancel_at, null);
  const ended = await stripe.subscriptions.cancel(subscription.id, {
    invoice_now: false,
    prorate: false,
  });
  assert.equal(ended.status, 'canceled');
  assert.equal(ended.cancellation_details.reason, 'cancellation_requested');
  await assert.rejects(stripe.subscriptions.cancel(subscription.id), { code: 'resource_missing' });
});

test('the portal cancels in its own way, and its address is for this customer', async (t) => {
  const world = await account(t);
  const { fake, stripe } = world;
  const { subscription, customer } = await subscribe(world);
  const visit = await stripe.billingPortal.sessions.create({
    customer: customer.id,
    return_url: 'https://example.com/account',
    flow_data: {
      type: 'subscription_cancel',
      subscription_cancel: { subscription: subscription.id },
    },
  });
  assert.equal(visit.flow.type, 'subscription_cancel');
  assert.match(await (await fetch(visit.url)).text(), /Cancel at the end of the period/);
  await fake.press(visit.url, { action: 'cancel_at_period_end', subscription: subscription.id });
  const scheduled = await stripe.subscriptions.retrieve(subscription.id);
  assert.equal(scheduled.cancel_at_period_end, false);
  assert.equal(scheduled.cancel_at, scheduled.items.data[0].current_period_end);

  await assert.rejects(stripe.billingPortal.sessions.create({ customer: 'cus_x' }), {
    code: 'resource_missing',
    param: 'customer',
  });
  await fake.post('/_fake/settings', { portal_configured: false });
  await assert.rejects(stripe.billingPortal.sessions.create({ customer: customer.id }), {
    message: /save your customer portal/,
  });
});

test('webhooks pass the vendor’s own check, with one secret and with two', async (t) => {
  const { received, url } = await sink(t);
  const world = await account(t, '--webhook-url', url, '--webhook-secret', 'whsec_old');
  const { fake, stripe } = world;
  const session = await subscribe(world);
  // The redirect was held until our 2xx: it is there already.
  const event = received
    .map(({ headers, body }) =>
      stripe.webhooks.constructEvent(body, headers['stripe-signature'], 'whsec_old'),
    )
    .find(({ type }) => type === 'checkout.session.completed');
  assert.equal(event.api_version, '2026-10-28.endive');
  assert.equal(event.data.object.id, session.id);
  assert.equal(event.data.object.payment_status, 'paid');
  assert.throws(
    () =>
      stripe.webhooks.constructEvent(
        received[0].body,
        received[0].headers['stripe-signature'],
        'whsec_other',
      ),
    { type: 'StripeSignatureVerificationError' },
  );

  received.length = 0;
  await fake.post('/_fake/webhooks', {
    destinations: [{ url, secrets: ['whsec_old', 'whsec_new'] }],
  });
  await stripe.subscriptions.cancel(session.subscription.id);
  const [{ body, headers }] = await waitUntil('the event is here', () => received[0] && received);
  for (const secret of ['whsec_old', 'whsec_new']) {
    const told = stripe.webhooks.constructEvent(body, headers['stripe-signature'], secret);
    assert.equal(told.type, 'customer.subscription.deleted');
    assert.match(told.request.id, /^req_/);
  }
});

test('thin events are parsed and lead to their object', async (t) => {
  const { received, url } = await sink(t);
  const thin = ['--webhook-url', url, '--webhook-secret', 'whsec_thin', '--webhook-payload', 'thin'];
  const world = await account(t, ...thin);
  const { stripe } = world;
  const session = await subscribe(world);
  const event = received
    .map(({ headers, body }) =>
      stripe.parseEventNotification(body, headers['stripe-signature'], 'whsec_thin'),
    )
    .find(({ type }) => type === 'v1.checkout.session.completed');
  assert.equal(event.related_object.id, session.id);
  assert.equal((await event.fetchRelatedObject()).payment_status, 'paid');
  assert.throws(() =>
    stripe.webhooks.constructEvent(
      received[0].body,
      received[0].headers['stripe-signature'],
      'whsec_thin',
    ),
  );
});

test('deliveries are doubled, turned round, held back and tried again', async (t) => {
  const { received, url } = await sink(t, [500, 301]);
  const world = await account(t, '--webhook-url', url, '--webhook-secret', 'whsec_1');
  const { fake, stripe } = world;
  const types = () => received.map(({ body }) => JSON.parse(body).type);
  const ids = () => received.map(({ body }) => JSON.parse(body).id);

  await fake.post('/_fake/webhooks', { hold: true, retries_ms: [20, 20, 20] });
  await subscribe(world);
  assert.equal(received.length, 0, 'held');
  await fake.post('/_fake/webhooks', { hold: false, copies: 2, order: 'reversed' });
  await fake.post('/_fake/webhooks/release');
  await waitUntil('all is delivered', async () => {
    const { deliveries } = await fake.get('/_fake/deliveries');
    return deliveries.length === 10 && deliveries.every(({ done }) => done);
  });
  assert.equal(received.length, 12, 'two were refused and came again');
  assert.equal(new Set(ids()).size, 5);
  assert.equal(types()[0], 'checkout.session.completed');
  const signatures = received.map(({ headers }) => headers['stripe-signature']);
  for (const [index, { body }] of received.entries()) {
    stripe.webhooks.constructEvent(body, signatures[index], 'whsec_1');
  }
});

test('a bank debit is paid days after the checkout', async (t) => {
  const { fake, stripe } = await account(t);
  const session = await stripe.checkout.sessions.create(order());
  await press(fake, session, 'bank');
  const pending = await stripe.checkout.sessions.retrieve(session.id);
  assert.equal(pending.status, 'complete');
  assert.equal(pending.payment_status, 'unpaid');
  await fake.post('/_fake/clock', { advance_seconds: 5 * 24 * 60 * 60 });
  assert.equal((await stripe.checkout.sessions.retrieve(session.id)).payment_status, 'paid');
  const events = await stripe.events.list({ type: 'checkout.session.async_payment_succeeded' });
  assert.equal(events.data[0].data.object.id, session.id);
});

test('the clock brings renewals, refused charges and the end', async (t) => {
  const world = await account(t);
  const { fake, stripe } = world;
  const { subscription, customer } = await subscribe(world);
  const status = async () => (await stripe.subscriptions.retrieve(subscription.id)).status;
  await fake.post('/_fake/clock', { advance_seconds: MONTH });
  assert.equal(await status(), 'active');
  await fake.post(`/_fake/customers/${customer.id}`, { pays: false });
  await fake.post('/_fake/clock', { advance_seconds: MONTH });
  assert.equal(await status(), 'past_due');
  const failed = await stripe.events.list({ type: 'invoice.payment_failed' });
  const invoice = failed.data[0].data.object;
  assert.equal(invoice.parent.subscription_details.subscription, subscription.id);
  assert.equal((await stripe.invoices.retrieve(invoice.id)).status, 'open');

  await fake.press(invoice.hosted_invoice_url, {});
  assert.equal(await status(), 'active');
  assert.equal((await stripe.invoices.retrieve(invoice.id)).status, 'paid');

  await fake.post(`/_fake/customers/${customer.id}`, { pays: false });
  await fake.post('/_fake/clock', { advance_seconds: MONTH + 25 * 24 * 60 * 60 });
  assert.equal(await status(), 'canceled');
});
