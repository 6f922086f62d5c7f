import { expect, test } from 'bun:test';
import { pathPattern } from './path-pattern.ts';

test('a name in braces stands for one part of the path', () => {
  const pattern = pathPattern('/team/{team_id}/member/{user_id}');
  expect(pattern.test('/team/a.b/member/u%2F1')).toBe(true);
  for (const path of ['/team//member/u', '/team/a/b/member/u', '/team/a/member/u/more', '/x/team/a/member/u']) {
    expect(pattern.test(path)).toBe(false);
  }
});

test('what is special in a pattern is plain text in a path', () => {
  expect(pathPattern('/v1.0/{id}').test('/v1x0/a')).toBe(false);
  expect(pathPattern('/a+(b)').test('/a+(b)')).toBe(true);
});
