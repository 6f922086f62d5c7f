import { expect, test } from 'bun:test';
import { answerBody, expectedText, MODEL, requestBody, streamEvents, textOf } from './traffic.ts';

test('requests, answers and events have the sizes that the scenarios promise', () => {
  expect(requestBody({ bytes: 1024, chunks: 0 })).toHaveLength(1024);
  expect(requestBody({ bytes: 102_400, chunks: 0 })).toHaveLength(102_400);
  expect(answerBody()).toHaveLength(1024);
  expect(streamEvents(false).content).toHaveLength(200);
});

test('a streaming request asks for as many events as it wants', () => {
  expect(JSON.parse(requestBody({ bytes: 1024, chunks: 300 }))).toMatchObject({
    model: MODEL,
    stream: true,
    max_tokens: 300,
  });
});

test('the usage chunk comes before [DONE] and only when it was asked for', () => {
  expect(streamEvents(false).ending).toHaveLength(2);
  const [, usage, done] = streamEvents(true).ending;
  expect(usage).toContain('"choices":[],"usage":{"prompt_tokens":230');
  expect(done).toBe('data: [DONE]\n\n');
});

test('asking for usage changes nothing in the text', () => {
  expect(textOf(streamEvents(true).content)).toBe(textOf(streamEvents(false).content));
});

test('the text of a whole stream can be compared with what the mock sent', () => {
  const events = streamEvents(false);
  expect(textOf(events.content.repeat(3) + events.ending.join(''))).toBe(expectedText(3));
  expect(textOf(answerBody())).toBe(expectedText(0));
});
