// What is different between two states of a list of messages. Pure.

/**
 * `{start, end, was, now, gone}`: `after` differs from `before` between the places `start` and `end`, where `now` stands
 * instead of `was`; `gone` are those of `was` whose ids are nowhere any more. What is the same object is the same.
 */
export function changeOf(before, after) {
  const most = Math.min(before.length, after.length);
  let start = 0;
  while (start < most && before[start] === after[start]) start += 1;
  let same = 0;
  while (same < most - start && before[before.length - 1 - same] === after[after.length - 1 - same]) same += 1;
  const end = after.length - same;
  const [was, now] = [before.slice(start, before.length - same), after.slice(start, end)];
  const present = new Set(now.map(({ id }) => id));
  return { start, end, was, now, gone: was.filter(({ id }) => !present.has(id)) };
}
