/**
 * Where an answer has its facts from: search results and quotations → OpenAI's annotations. Source: Google's "Gemini API"
 * reference, `GroundingMetadata` and `CitationMetadata`; OpenAI API reference, `url_citation`.
 */
import { isObject, type JsonObject, numberOf, textOf } from '../lib/json.ts';

export interface Grounding {
  /** The model searched. */
  readonly isGrounded: boolean;
  /** Searches that are billed. */
  readonly searches: number;
  /** Looks at a map that are billed: one for each answer that used it. */
  readonly mapSearches: number;
}

/** @param billsQueries Gemini 3 and later bill each query; earlier ones each grounded answer */
export function groundingOf(candidates: readonly JsonObject[], billsQueries: boolean): Grounding {
  const metadata = candidates.map(({ groundingMetadata }) => groundingMetadata).filter(isObject);
  const queries = metadata.flatMap(({ webSearchQueries }) =>
    Array.isArray(webSearchQueries) ? webSearchQueries.filter((query) => textOf(query) !== undefined) : [],
  );
  const isGrounded = queries.length > 0;
  const usedMap = metadata.some(({ groundingChunks }) => listOf(groundingChunks).some(({ maps }) => isObject(maps)));
  return { isGrounded, searches: billsQueries ? queries.length : isGrounded ? 1 : 0, mapSearches: usedMap ? 1 : 0 };
}

const MAX_ANNOTATIONS = 1_000;

/** @param texts the answer's text parts, in the order that makes up the content */
export function annotationsOf(candidate: JsonObject, texts: readonly string[]): JsonObject[] {
  const { groundingMetadata: grounding, citationMetadata: citation } = candidate;
  return [
    ...(isObject(grounding) ? groundingAnnotations(grounding, new ByteOffsets(texts)) : []),
    ...(isObject(citation) ? citationAnnotations(citation, new ByteOffsets(texts)) : []),
  ].slice(0, MAX_ANNOTATIONS);
}

interface Source {
  readonly url: string;
  readonly title: string;
}

function groundingAnnotations({ groundingChunks, groundingSupports }: JsonObject, offsets: ByteOffsets): JsonObject[] {
  const sources = listOf(groundingChunks).map(sourceOf);
  return listOf(groundingSupports).flatMap((support) => {
    const segment = isObject(support['segment']) ? support['segment'] : {};
    const part = numberOf(segment['partIndex']) ?? 0;
    const start = offsets.characterAt(numberOf(segment['startIndex']) ?? 0, part);
    const end = offsets.characterAt(numberOf(segment['endIndex']) ?? 0, part);
    const indices = Array.isArray(support['groundingChunkIndices']) ? support['groundingChunkIndices'] : [];
    return indices.flatMap((index: unknown) => {
      const source = typeof index === 'number' ? sources[index] : undefined;
      return source === undefined ? [] : [annotation(source, start, end)];
    });
  });
}

/** Pages, maps and retrieved documents. */
function sourceOf(chunk: JsonObject): Source | undefined {
  const place = [chunk['web'], chunk['maps'], chunk['retrievedContext']].find(isObject);
  const url = place && textOf(place['uri']);
  return url === undefined ? undefined : { url, title: textOf(place?.['title']) ?? '' };
}

function citationAnnotations(metadata: JsonObject, offsets: ByteOffsets): JsonObject[] {
  // Vertex AI calls them `citations`.
  return listOf(metadata['citationSources'] ?? metadata['citations']).flatMap((source) => {
    const url = textOf(source['uri']);
    if (url === undefined) return [];
    const start = offsets.characterAt(numberOf(source['startIndex']) ?? 0, 0);
    const end = offsets.characterAt(numberOf(source['endIndex']) ?? 0, 0);
    return [annotation({ url, title: textOf(source['title']) ?? '' }, start, end)];
  });
}

const annotation = ({ url, title }: Source, start: number, end: number): JsonObject => ({
  type: 'url_citation',
  url_citation: { start_index: start, end_index: end, url, title },
});

const listOf = (value: unknown): readonly JsonObject[] =>
  Array.isArray(value) ? value.map((item) => (isObject(item) ? item : {})) : [];

/** Google counts bytes of UTF-8 within a part; OpenAI counts characters of the whole text. */
class ByteOffsets {
  readonly #texts: readonly string[];
  readonly #bytes = new Map<number, Buffer>();

  constructor(texts: readonly string[]) {
    this.#texts = texts;
  }

  characterAt(byte: number, given: number): number {
    // Where a part is not named, the text is meant, not the thoughts or the code before it.
    const part = this.#texts[given]
      ? given
      : Math.max(
          0,
          this.#texts.findIndex((text) => text !== ''),
        );
    const bytes = this.#bytes.get(part) ?? Buffer.from(this.#texts[part] ?? '');
    this.#bytes.set(part, bytes);
    const before = charactersIn(this.#texts.slice(0, part).join(''));
    return before + charactersIn(bytes.subarray(0, Math.max(0, byte)).toString('utf8'));
  }
}

const charactersIn = (text: string): number => {
  let count = 0;
  for (const _ of text) count += 1;
  return count;
};
