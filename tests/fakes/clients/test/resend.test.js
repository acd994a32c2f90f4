// resend-node against fake-resend.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Resend } from 'resend';
import { start } from '../fake.js';

const MAIL = {
  from: 'Acme <hi@acme.test>',
  to: ['ada@example.com'],
  subject: 'Welcome',
  html: '<p>hi</p>',
  text: 'hi',
  replyTo: 'support@acme.test',
  headers: { 'X-Entity-Ref-ID': 'su_1' },
  tags: [{ name: 'category', value: 'welcome' }],
};

async function team(context, ...options) {
  const fake = await start(context, 'fake-resend', ...options);
  return { fake, resend: client(fake) };
}

function client(fake, key = 're_fake') {
  return new Resend(key, { baseUrl: fake.url });
}

async function refused(sending, statusCode, name) {
  const { data, error } = await sending;
  assert.equal(data, null);
  assert.equal(error.statusCode, statusCode);
  assert.equal(error.name, name);
}

test('a mail is sent and lies in the inbox', async (t) => {
  const { fake, resend } = await team(t);
  const { data, error, headers } = await resend.emails.send(MAIL);
  assert.equal(error, null);
  assert.match(data.id, /^[0-9a-f-]{36}$/);
  assert.equal(headers['ratelimit-limit'], '10');
  const { emails } = await fake.get('/_fake/emails?to=ada@example.com');
  assert.equal(emails.length, 1);
  assert.deepEqual(emails[0].reply_to, ['support@acme.test']);
  assert.deepEqual(emails[0].tags, MAIL.tags);
  assert.match(await (await fetch(fake.url)).text(), /Welcome/);
  assert.match(await (await fetch(`${fake.url}/inbox/${data.id}`)).text(), /<iframe[^>]*sandbox/);
  assert.equal((await resend.emails.get(data.id)).data.subject, 'Welcome');
});

test('a key is replayed for the same mail and refused for another', async (t) => {
  const { fake, resend } = await team(t);
  const key = { idempotencyKey: 'welcome-user/su_1' };
  const first = await resend.emails.send(MAIL, key);
  const second = await resend.emails.send(MAIL, key);
  assert.equal(first.data.id, second.data.id);
  assert.equal((await fake.get('/_fake/emails')).emails.length, 1);
  await refused(
    resend.emails.send({ ...MAIL, subject: 'Other' }, key),
    409,
    'invalid_idempotent_request',
  );
  await refused(
    resend.emails.send(MAIL, { idempotencyKey: 'x'.repeat(257) }),
    400,
    'invalid_idempotency_key',
  );
});

test('a second call with a key in flight is refused', async (t) => {
  const { fake, resend } = await team(t);
  await fake.fault('inside:slow:1500', { path: '/emails' });
  const key = { idempotencyKey: 'slow' };
  const both = await Promise.all([resend.emails.send(MAIL, key), resend.emails.send(MAIL, key)]);
  const names = both.map(({ error }) => error?.name ?? 'sent').sort();
  assert.deepEqual(names, ['concurrent_idempotent_requests', 'sent']);
});

test('an answer lost after the mail went out is found again under the key', async (t) => {
  const { fake, resend } = await team(t);
  const key = { idempotencyKey: 'k' };
  await fake.fault('after-commit:500', { path: '/emails' });
  await refused(resend.emails.send(MAIL, key), 500, 'application_error');
  assert.equal((await resend.emails.send(MAIL, key)).error, null);
  assert.equal((await fake.get('/_fake/emails')).emails.length, 1);
});

test('what cannot be sent is refused with its name', async (t) => {
  const { fake, resend } = await team(t, '--domain', 'acme.test');
  await refused(resend.emails.send({ ...MAIL, to: [] }), 422, 'missing_required_field');
  await refused(resend.emails.send({ ...MAIL, to: 'ada' }), 422, 'validation_error');
  await refused(resend.emails.send({ ...MAIL, from: 'a@other.test' }), 403, 'validation_error');
  await refused(client(fake, 're_wrong').emails.send(MAIL), 403, 'invalid_api_key');
  await refused(resend.get('/nothing'), 404, 'not_found');
  await fake.fault('garbage:500');
  await refused(resend.emails.send(MAIL), 500, 'application_error');
});

test('a key that may only send cannot read', async (t) => {
  const { resend } = await team(t, '--restricted');
  const { data } = await resend.emails.send(MAIL);
  await refused(resend.emails.get(data.id), 401, 'restricted_api_key');
});

test('too many calls in a second are refused, and told when to come back', async (t) => {
  const { resend } = await team(t, '--requests-per-second', '1');
  const answers = await Promise.all([1, 2, 3, 4].map(() => resend.emails.send(MAIL)));
  const late = answers.filter(({ error }) => error?.name === 'rate_limit_exceeded');
  assert.ok(late.length > 0);
  assert.equal(late[0].error.statusCode, 429);
  assert.equal(late[0].headers['retry-after'], '1');
});

test('a daily quota ends with the day', async (t) => {
  const { fake, resend } = await team(t);
  await fake.post('/_fake/limits', { mails_per_day: 1 });
  assert.equal((await resend.emails.send(MAIL)).error, null);
  await refused(resend.emails.send(MAIL), 429, 'daily_quota_exceeded');
  await fake.post('/_fake/clock', { advance_seconds: 24 * 60 * 60 });
  assert.equal((await resend.emails.send(MAIL)).error, null);
});

test('who does not say what they are is turned away at the door', async (t) => {
  const { fake } = await team(t);
  const answer = await fetch(`${fake.url}/emails`, {
    method: 'POST',
    headers: { 'user-agent': '', authorization: 'Bearer re_fake' },
    body: '{}',
  });
  assert.equal(answer.status, 403);
  assert.match(await answer.text(), /1010/);
});
