/** Every route, called by every role, aimed at things of its own, of its team, of its organization and of another tenant. */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { ROUTES } from '../../src/auth/routes.ts';
import { AIMS, sendingOf } from './aims.ts';
import {
  type Expected,
  expectedOf,
  KINDS,
  ORACLE,
  type Outcome,
  type Relation,
  ROLE_NAMES,
  type RoleName,
} from './oracle.ts';
import { targetOf, thing } from './targets.ts';
import { type Answer, createWorld, marksOf, type World } from './world.ts';

let world: World;
beforeAll(async () => {
  world = await createWorld();
}, 60_000);
afterAll(() => world?.stop());

const nameOf = ({ method, path }: { readonly method: string; readonly path: string }): string => `${method} ${path}`;
const served = ROUTES.map(nameOf);

test('the oracle has an entry for every route that is served, and for no other', () => {
  expect(Object.keys(ORACLE).toSorted()).toEqual(served.toSorted());
  expect(Object.keys(AIMS).toSorted()).toEqual(served.toSorted());
});

interface Case {
  readonly route: string;
  readonly expected: Expected;
  readonly role: RoleName;
  readonly relation: Relation;
}

const isRead = (route: string): boolean => route.startsWith('GET ');

/** @returns what is wrong, if anything */
async function faultOf({ route, expected, role, relation }: Case): Promise<string | undefined> {
  const outcome = expectedOf(expected, role, relation);
  const actor = world.actor(role);
  const isFresh = outcome === 'allowed' && !isRead(route);
  const target = await targetOf(world, { kind: expected.on, relation, actor, isFresh });
  const { tenant } = target;
  const sending = await sendingOf(route, {
    target,
    world,
    name: (what) => world.name(tenant, what),
    thing: (what) => thing(world, what, tenant, isFresh),
  });
  const answer = await world.send(sending, actor.key);
  const fault = outcomeFault(outcome, answer, expected, sending.shows) ?? leakIn(answer, role, sending);
  return fault && `${role} on ${relation}: ${fault}`;
}

function outcomeFault(outcome: Outcome, answer: Answer, expected: Expected, shows?: string): string | undefined {
  const { status, text } = answer;
  const isRight =
    typeof outcome === 'number'
      ? status === outcome
      : status === 404
        ? outcome === 'nothing'
        : isSo(outcome, answer, expected, shows);
  return isRight ? undefined : `${outcome} expected, not ${status} ${text.slice(0, 300)}`;
}

function isSo(outcome: 'allowed' | 'nothing', answer: Answer, { answers }: Expected, shows?: string): boolean {
  if (answer.status < 200 || answer.status > 299) return false;
  if (answers === 'each') return didSomething(answer) === (outcome === 'allowed');
  // Of a sum only the tests of lists can say whose it is.
  return shows === undefined || answer.text.includes(shows) === (outcome === 'allowed');
}

function didSomething({ body }: Answer): boolean {
  const { successful_updates: done } = body;
  return Array.isArray(done) ? done.length > 0 : done > 0;
}

const ON_PLATFORM: ReadonlySet<RoleName> = new Set(['platform_viewer', 'platform_admin', 'root']);

/** Nothing of the other tenant stands in an answer, but what the request itself has said. */
function leakIn(
  { text }: Answer,
  role: RoleName,
  { path, body }: { path: string; body?: unknown },
): string | undefined {
  if (ON_PLATFORM.has(role)) return undefined;
  const said = `${decodeURIComponent(path)} ${JSON.stringify(body ?? '')}`;
  const marks = marksOf(world.tenants.globex, 'globex').filter((mark) => !said.includes(mark));
  const found = marks.find((mark) => text.includes(mark));
  return found && `the answer holds ${found}: ${text.slice(0, 500)}`;
}

describe('every role on every route does what the matrix says', () => {
  test.each(Object.entries(ORACLE))('%s', async (route, expected) => {
    const faults: string[] = [];
    for (const role of ROLE_NAMES) {
      for (const relation of KINDS[expected.on]) {
        const fault = await faultOf({ route, expected, role, relation });
        if (fault !== undefined) faults.push(fault);
      }
    }
    expect(faults).toEqual([]);
  });
});

test('and nobody of one tenant has changed anything of the other', async () => {
  const marks = marksOf(world.tenants.globex, 'globex');
  let changes = 0;
  for (let page = 1, pages = 1; page <= pages; page++) {
    const { body } = await world.made('GET', `/audit?page_size=100&page=${page}`);
    pages = body.total_pages;
    for (const row of body.audit_logs) {
      if (ON_PLATFORM.has(row.actor_role)) continue;
      changes++;
      const text = JSON.stringify(row);
      expect(marks.filter((mark) => text.includes(mark))).toEqual([]);
    }
  }
  expect(changes).toBeGreaterThan(50);
});

test('that is more than three thousand cases', () => {
  const cases = Object.values(ORACLE).map(({ on }) => KINDS[on].length * ROLE_NAMES.length);
  expect(cases.reduce((sum, count) => sum + count, 0)).toBeGreaterThan(3_000);
});
