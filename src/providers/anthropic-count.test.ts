import { expect, test } from 'bun:test';
import { targetOf } from '../../test/support/provider-parts.ts';
import { anthropicCount } from './anthropic-count.ts';

const target = targetOf('anthropic/claude-sonnet-4-5');
const request = (url: string, body: object) => ({ url, headers: { a: 'b' }, body: JSON.stringify(body) });
const urlFor = (url: string): string | undefined => anthropicCount(request(url, {}), target)?.url;

test('the count stands beside the messages, with what is asked of the address', () => {
  expect(urlFor('https://host/v1/messages')).toBe('https://host/v1/messages/count_tokens');
  expect(urlFor('https://host/v1/messages?beta=true')).toBe('https://host/v1/messages/count_tokens?beta=true');
});

test('nobody is asked where there are no messages', () => {
  for (const url of ['https://host/model/claude/invoke', 'https://host/v1/messages/', 'https://host']) {
    expect(urlFor(url)).toBeUndefined();
  }
});

test('another place names the model as it is called there', () => {
  const place = { url: 'https://host/count', model: 'claude@1' };
  const asked = anthropicCount(request('https://host/model', { model: 'other', messages: [] }), target, place);
  expect(asked).toEqual({ url: place.url, headers: { a: 'b' }, body: '{"model":"claude@1","messages":[]}' });
});
