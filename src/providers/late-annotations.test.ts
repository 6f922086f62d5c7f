import { describe, expect, test } from 'bun:test';
import { targetOf } from '../../test/support/provider-parts.ts';

/** The annotations of each chunk that has some, as they reach the client. */
function annotated(model: string, events: readonly object[]): unknown[] {
  const target = targetOf(model);
  const decode = target.adapter.createStreamDecoder(target);
  const chunks = events.flatMap((event) => decode(JSON.stringify(event)));
  return chunks.flatMap(({ choices }) => choices.flatMap(({ delta }) => delta?.['annotations'] ?? []));
}

const chunk = (delta: object, more: object = {}, finish: string | null = null, index = 0): object => ({
  ...{ id: 'c', object: 'chat.completion.chunk', created: 1, model: 'm' },
  choices: [{ index, delta, finish_reason: finish }],
  ...more,
});
const at = (url: string, start: number, end: number, title = '') => ({
  type: 'url_citation',
  url_citation: { url, title, start_index: start, end_index: end },
});

describe('annotations of a stream', () => {
  const sources = {
    search_results: [
      { url: 'https://a.example', title: 'A' },
      { url: 'https://b.example', title: 'B' },
    ],
  };

  test('are Perplexity’s sources where the text names them, once and at the end', () => {
    const events = [
      chunk({ role: 'assistant', content: 'So [' }, sources),
      chunk({ content: '2].' }, sources),
      chunk({ content: '' }, sources, 'stop'),
    ];
    const expected = [at('https://a.example', 0, 0, 'A'), at('https://b.example', 3, 6, 'B')];
    expect(annotated('perplexity/sonar', events)).toEqual(expected);
    const whole = { ...sources, choices: [{ index: 0, message: { role: 'assistant', content: 'So [2].' } }] };
    const target = targetOf('perplexity/sonar');
    const said = target.adapter.parseResponse(whole, target).choices[0]?.message['annotations'];
    expect(said as unknown).toEqual(expected);
  });

  test('are gathered where OpenRouter sends them in pieces, for each choice apart', () => {
    const [one, two, three] = [at('u1', 0, 1), at('u2', 1, 2), at('u3', 2, 3)];
    const events = [
      chunk({ content: 'x', annotations: [one] }),
      chunk({ annotations: [three] }, {}, null, 1),
      chunk({ content: 'y', annotations: [two] }),
      chunk({ content: '' }, {}, 'stop'),
      chunk({ content: '' }, {}, 'stop', 1),
    ];
    expect(annotated('openrouter/a/b', events)).toEqual([one, two, three]);
  });

  test('are none where nothing is cited', () => {
    const events = [chunk({ content: 'x' }), chunk({}, {}, 'stop')];
    expect(annotated('openrouter/a/b', events)).toEqual([]);
    expect(annotated('perplexity/sonar', events)).toEqual([]);
  });
});
