/** The answers written down here, and what requests may say, against the fields of LiteLLM. */
import { describe, expect, test } from 'bun:test';
import { join } from 'node:path';
import { MANAGEMENT_ROUTES } from '../../src/auth/routes.ts';
import { adminPlace } from '../support/admin-place.ts';
import { ANSWERS, type AnswerFields, QUERIES, REQUESTS } from './litellm-fields.ts';
import { NOUNS } from './nouns.ts';
import type { Step } from './step.ts';

const place = adminPlace();
const page = await Bun.file(join(import.meta.dir, '..', '..', 'docs', 'litellm-differences.md')).text();

type Direction = 'request' | 'query' | 'answer';
const DIFFERENCE =
  /^\| (?<thing>[a-z ]+) \| (?<direction>request|query|answer) \| (?<fields>[^|]+) \| (?<reason>[^|]+) \|$/;

/** `answer key model_spend`, for each field of the page's tables. */
const declared = new Set(
  page.split('\n').flatMap((line) => {
    const { thing, direction, fields = '' } = DIFFERENCE.exec(line)?.groups ?? {};
    return [...fields.matchAll(/`([^`]+)`/g)].map(([, field]) => `${direction} ${thing} ${field}`);
  }),
);

const patternOf = (route: string): RegExp =>
  new RegExp(`^${route.replaceAll('.', '\\.').replace(/\{\w+\}/g, '[^/?]+')}(\\?.*)?$`);
const routes = MANAGEMENT_ROUTES.map(({ method, path }) => `${method} ${path}`);
/** The one without parts in braces wins, as in the router. */
const routeOf = ({ send }: Pick<Step, 'send'>): string | undefined =>
  routes.find((route) => send.split('?')[0] === route) ?? routes.find((route) => patternOf(route).test(send));
const steps = NOUNS.flatMap((noun) => noun.steps);
/** They list all settings there are: of these only the fields of each are looked at. */
const LISTS: readonly string[] = ['GET /router/settings', 'GET /router/fields', 'GET /config/list'];

type Answered = Pick<Step, 'send' | 'answer'>;
const written: readonly Answered[] = steps.filter(({ status = 200 }) => status < 300);

async function answers(): Promise<Answered[]> {
  const lists: Answered[] = [];
  for (const send of LISTS) lists.push({ send, answer: (await place.get(send.replace('GET ', ''))).body });
  return [...written, ...lists];
}

function partsOf(answer: unknown, { at = '' }: AnswerFields): unknown[] {
  let parts = [answer];
  for (const name of at.split('.').filter((each) => each !== '')) {
    parts = parts.flatMap((part) => (name === '[]' ? Object.values(Object(part)) : [Object(part)[name]]));
  }
  return parts.filter((part) => typeof part === 'object' && part !== null);
}

interface Missing {
  readonly direction: Direction;
  readonly thing: string;
  readonly field: string;
  readonly where: string;
}

async function missingInAnswers(): Promise<Missing[]> {
  const all = await answers();
  return ANSWERS.flatMap((wanted) =>
    all
      .filter((step) => wanted.routes.includes(routeOf(step) ?? ''))
      .flatMap((step) => partsOf(step.answer, wanted))
      .flatMap((part) => wanted.fields.filter((field) => !Object.hasOwn(Object(part), field)))
      .map((field) => ({
        direction: 'answer' as const,
        thing: wanted.thing,
        field,
        where: `${wanted.routes.join(', ')} ${wanted.at ?? ''}`,
      })),
  );
}

async function missingInRequests(): Promise<Missing[]> {
  const { body } = await place.get('/openapi.json');
  const operation = (route: string) => {
    const [method = '', path = ''] = route.split(' ');
    return body.paths[path][method.toLowerCase()];
  };
  const sent = (route: string): string[] =>
    Object.keys(operation(route).requestBody.content['application/json'].schema.properties);
  const asked = (route: string): string[] =>
    (operation(route).parameters ?? []).map((parameter: { readonly name: string }) => parameter.name);
  const missing = (direction: Direction, wanted: typeof REQUESTS, known: (route: string) => string[]): Missing[] =>
    wanted.flatMap(({ thing, routes: paths, fields }) =>
      paths.flatMap((route) =>
        fields
          .filter((field) => !known(route).includes(field))
          .map((field) => ({ direction, thing, field, where: route })),
      ),
    );
  return [...missing('request', REQUESTS, sent), ...missing('query', QUERIES, asked)];
}

describe('LiteLLM’s fields', () => {
  test('are all here, or the page of differences says why not', async () => {
    const missing = [...(await missingInAnswers()), ...(await missingInRequests())];
    const unexplained = missing.filter(
      ({ direction, thing, field }) => !declared.has(`${direction} ${thing} ${field}`),
    );
    const lines = unexplained.map(({ direction, thing, field, where }) => `${direction} ${thing} ${field}: ${where}`);
    expect([...new Set(lines)].sort()).toEqual([]);
  });

  test('the page explains nothing that is no difference any more', async () => {
    const missing = [...(await missingInAnswers()), ...(await missingInRequests())];
    const real = new Set(missing.map(({ direction, thing, field }) => `${direction} ${thing} ${field}`));
    expect([...declared].filter((line) => !real.has(line))).toEqual([]);
  });

  test('are looked for in at least one answer each', async () => {
    const all = await answers();
    const unseen = ANSWERS.filter(
      (wanted) =>
        !all.some((step) => wanted.routes.includes(routeOf(step) ?? '') && partsOf(step.answer, wanted).length > 0),
    );
    expect(unseen.map(({ routes: names, at }) => `${names.join(', ')} ${at ?? ''}`)).toEqual([]);
  });
});

test('every management route has an answer written down', () => {
  const played = new Set(written.map(routeOf));
  expect(routes.filter((route) => !played.has(route) && !LISTS.includes(route))).toEqual([]);
});

test('every step is a route’s', () => {
  expect(steps.filter((step) => routeOf(step) === undefined).map(({ send }) => send)).toEqual([]);
});
