/** What an image counts for as input. Source: OpenAI's guide "Images and vision", "Calculating costs". */
import { plainName } from './encodings.ts';
import { type ImageSize, imageSize } from './image-size.ts';

/** By tiles of 512 pixels, after fitting it into 2048 and its short side to 768. */
interface Tiles {
  readonly base: number;
  readonly tile: number;
}

const TILES: readonly (readonly [RegExp, Tiles])[] = [
  [/^gpt-4o-mini/, { base: 2833, tile: 5667 }],
  [/^gpt-5(?!-(mini|nano)|\.[2-9])/, { base: 70, tile: 140 }],
  [/^o[13]/, { base: 75, tile: 150 }],
];
const USUAL: Tiles = { base: 85, tile: 170 };

/** By patches of 32 pixels, at most 1536, times a factor of the model. */
const PATCH_FACTORS: readonly (readonly [RegExp, number])[] = [
  [/^gpt-4\.1-mini|^gpt-5-mini/, 1.62],
  [/^gpt-4\.1-nano|^gpt-5-nano/, 2.46],
  [/^o4-mini/, 1.72],
];
const MOST_PATCHES = 1536;
const PATCH = 32;

/** An image that is only named is not looked at: one of the commonest size is assumed. */
const ASSUMED: ImageSize = { width: 1024, height: 1024 };

/** @param detail `low`, `high` or `auto`, which is taken for `high` */
export function imageTokens(model: string, url: string, detail: unknown): number {
  const name = plainName(model);
  const factor = PATCH_FACTORS.find(([pattern]) => pattern.test(name))?.[1];
  const { base, tile } = TILES.find(([pattern]) => pattern.test(name))?.[1] ?? USUAL;
  if (factor === undefined && detail === 'low') return base;
  const size = imageSize(url) ?? ASSUMED;
  return factor === undefined ? base + tile * tilesOf(size) : Math.ceil(patchesOf(size) * factor);
}

function tilesOf({ width, height }: ImageSize): number {
  const fit = Math.min(1, 2048 / Math.max(width, height));
  const scale = fit * Math.min(1, 768 / (Math.min(width, height) * fit));
  return tilesAlong(width * scale) * tilesAlong(height * scale);
}

const tilesAlong = (pixels: number): number => Math.max(1, Math.ceil(Math.floor(pixels) / 512));

function patchesOf({ width, height }: ImageSize): number {
  const whole = Math.ceil(width / PATCH) * Math.ceil(height / PATCH);
  if (whole <= MOST_PATCHES) return whole;
  const shrink = Math.sqrt((PATCH * PATCH * MOST_PATCHES) / (width * height));
  const [across, down] = [(width * shrink) / PATCH, (height * shrink) / PATCH];
  const aligned = Math.min(Math.floor(across) / across, Math.floor(down) / down);
  return Math.min(MOST_PATCHES, Math.ceil(across * aligned) * Math.ceil(down * aligned));
}
