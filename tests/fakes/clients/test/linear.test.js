// @linear/sdk against fake-linear.

import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';
import { LinearClient, LinearErrorType } from '@linear/sdk';
import { start } from '../fake.js';

const TEAM = '5b1c7a3e-0000-4000-8000-000000000001';
const DONE = '5b1c7a3e-0001-4000-8000-000000000003';

async function workspace(context) {
  const fake = await start(context, 'fake-linear');
  return { fake, linear: client(fake) };
}

function client(fake, how = { apiKey: 'lin_api_fake' }) {
  return new LinearClient({ ...how, apiUrl: `${fake.url}/graphql` });
}

function ticket(more = {}) {
  return { teamId: TEAM, title: 'Provisioning failed: su_1', description: 'why', ...more };
}

test('a ticket is filed, read back, changed and listed', async (t) => {
  const { fake, linear } = await workspace(t);
  const id = randomUUID();
  const filed = await linear.createIssue(ticket({ id, priority: 2 }));
  assert.equal(filed.success, true);
  const issue = await filed.issue;
  assert.equal(issue.id, id);
  assert.equal(issue.identifier, 'OPS-1');
  assert.equal(issue.priorityLabel, 'High');
  assert.ok(issue.createdAt instanceof Date);
  assert.match(await (await fetch(issue.url)).text(), /Provisioning failed/);

  await linear.updateIssue(id, { stateId: DONE });
  assert.ok((await linear.issue('OPS-1')).completedAt);
  assert.equal((await linear.issues({ first: 5 })).nodes.length, 1);
  assert.equal((await fake.get('/_fake/issues')).issues[0].title, 'Provisioning failed: su_1');
});

test('an id is used once, and then leads to the ticket', async (t) => {
  const { fake, linear } = await workspace(t);
  const id = randomUUID();
  await linear.createIssue(ticket({ id }));
  await assert.rejects(linear.createIssue(ticket({ id })), {
    type: LinearErrorType.InvalidInput,
  });
  assert.equal((await linear.issue(id)).identifier, 'OPS-1');
  assert.equal((await fake.get('/_fake/issues')).issues.length, 1);
});

test('what is missing or malformed is an error within an answer', async (t) => {
  const { linear } = await workspace(t);
  const type = LinearErrorType.InvalidInput;
  await assert.rejects(linear.issue(randomUUID()), { type });
  await assert.rejects(linear.createIssue(ticket({ teamId: randomUUID() })), { type });
  await assert.rejects(linear.createIssue(ticket({ title: '' })), { type });
  await assert.rejects(linear.createIssue(ticket({ id: 'su_1' })), { type });
  await assert.rejects(linear.createIssue(ticket({ nonsense: 1 })), {
    type: LinearErrorType.GraphqlError,
  });
});

test('a personal key goes without Bearer', async (t) => {
  const { fake } = await workspace(t);
  const type = LinearErrorType.AuthenticationError;
  await assert.rejects(client(fake, { accessToken: 'lin_api_fake' }).viewer, { type });
  await assert.rejects(client(fake, { apiKey: 'lin_api_wrong' }).viewer, { type });
});

test('a rate limit comes as a bad request and is understood', async (t) => {
  const { fake, linear } = await workspace(t);
  await fake.post('/_fake/limits', { requests_per_hour: 1 });
  await linear.createIssue(ticket());
  const error = await linear.createIssue(ticket()).catch((error) => error);
  assert.equal(error.type, LinearErrorType.Ratelimited);
  assert.equal(error.status, 400);
  assert.equal(error.requestsLimit, 1);
  assert.equal(error.requestsRemaining, 0);
  assert.ok(error.requestsResetAt > Date.now());
});

test('a ticket is filed although its answer is lost', async (t) => {
  const { fake, linear } = await workspace(t);
  const id = randomUUID();
  await fake.fault('after-commit:500', { body: 'issueCreate' });
  await assert.rejects(linear.createIssue(ticket({ id })));
  assert.equal((await linear.issue(id)).identifier, 'OPS-1');
});
